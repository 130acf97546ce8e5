//! Depthwise convolution: every output channel reads one input channel, so there is no product of
//! matrices; rows are accumulated instead.

use super::conv::{ConvOperands, ConvShape};
use super::dense::count_of;
use super::window::WindowAxis;

/// Convolves one image whose groups have one input channel each into `out` (`[n_out, outputs…]`).
pub(super) fn depthwise_image(shape: &ConvShape, operands: &ConvOperands, out: &mut [f32]) {
    let in_len = count_of(&shape.in_spatial());
    let out_len = count_of(&shape.out_spatial());
    let multiplier = shape.n_out / shape.group;
    if in_len == 0 || out_len == 0 || multiplier == 0 {
        return;
    }
    let kernels = operands.weight.chunks_exact(count_of(&shape.kernel()));
    let planes = operands
        .image
        .chunks_exact(in_len)
        .flat_map(|plane| std::iter::repeat_n(plane, multiplier));
    let outs = out.chunks_exact_mut(out_len);
    for (channel_idx, ((plane, kernel), out)) in planes.zip(kernels).zip(outs).enumerate() {
        out.fill(operands.bias.and_then(|bias| bias.get(channel_idx)).copied().unwrap_or(0.0));
        accumulate_plane(&shape.axes, plane, kernel, out);
    }
}

/// Adds one channel's convolution to `out`, kernel position by kernel position.
fn accumulate_plane(axes: &[WindowAxis; 3], plane: &[f32], kernel: &[f32], out: &mut [f32]) {
    let [depth, height, width] = axes;
    for (position, &weight) in kernel.iter().enumerate() {
        let kw = position % width.kernel;
        let kh = position / width.kernel % height.kernel;
        let kd = position / (width.kernel * height.kernel);
        let columns = width.outputs_inside(kw);
        if columns.is_empty() {
            continue;
        }
        let first_col = width.input_of(columns.start, kw);
        for od in depth.outputs_inside(kd) {
            for oh in height.outputs_inside(kh) {
                let in_row = depth.input_of(od, kd) * height.input + height.input_of(oh, kh);
                let out_row = (od * height.output + oh) * width.output;
                let input = &plane[in_row * width.input + first_col..(in_row + 1) * width.input];
                let out = &mut out[out_row + columns.start..out_row + columns.end];
                accumulate_row(weight, input, width.stride, out);
            }
        }
    }
}

/// `out[i] += weight · input[i·stride]`.
fn accumulate_row(weight: f32, input: &[f32], stride: usize, out: &mut [f32]) {
    match stride {
        1 => out.iter_mut().zip(input).for_each(|(out, x)| *out += weight * x),
        2 => {
            for (out, pair) in out.iter_mut().zip(input.chunks(2)) {
                *out += weight * pair[0];
            }
        }
        _ => {
            for (out, x) in out.iter_mut().zip(input.iter().step_by(stride)) {
                *out += weight * x;
            }
        }
    }
}
