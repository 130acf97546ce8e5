//! Names for the axes of a layer's weight.

use crate::model::Layer;

/// What an axis of a layer's weight is called.
pub fn axis_name(layer: &Layer, axis: usize) -> &'static str {
    const NUMBERED: [&str; 8] =
        ["axis 0", "axis 1", "axis 2", "axis 3", "axis 4", "axis 5", "axis 6", "axis 7"];
    let names: &[&'static str] = match (layer.op.as_str(), layer.dims.len(), layer.axis) {
        ("Conv", 4, _) => &["output", "input", "kernel y", "kernel x"],
        ("Conv", 3, _) => &["output", "input", "kernel x"],
        ("ConvTranspose", 4, _) => &["input", "output", "kernel y", "kernel x"],
        ("Gemm" | "MatMul", 2, 0) => &["output", "input"],
        ("Gemm" | "MatMul", 2, _) => &["input", "output"],
        ("Gather", 2, 0) => &["entry", "feature"],
        _ => &NUMBERED,
    };
    names.get(axis).copied().unwrap_or("axis")
}
