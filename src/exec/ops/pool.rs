//! Pooling: the largest or the mean element under a window, or of a whole channel.

use super::attribute::{at_most_inputs, switch};
use super::dense::{Element, array_of, count_of, elements, vectorized};
use super::lanes::{LANES, LaneSizes, array_of_lanes, is_lanes, lanes_of, tensor_of_lanes};
use super::reduce::sum_f64;
use super::window::{WindowAttributes, WindowAxis, three_axes};
use crate::exec::operator::{BuildCtx, Inputs, OpError, Operator, OperatorEntry, output_count};
use crate::exec::recycle;
use crate::model::Attributes;
use crate::tensor::Value;

pub static ENTRIES: &[OperatorEntry] = &[
    OperatorEntry { op: "MaxPool", opsets: (7, 23), build: build_max_pool },
    OperatorEntry { op: "AveragePool", opsets: (7, 23), build: build_average_pool },
    OperatorEntry {
        op: "GlobalMaxPool",
        opsets: (7, 23),
        build: |_| Ok(Box::new(GlobalPool::Max)),
    },
    OperatorEntry {
        op: "GlobalAveragePool",
        opsets: (7, 23),
        build: |_| Ok(Box::new(GlobalPool::Mean)),
    },
];

/// The largest element under the window; NaN if one of them is (there ONNX Runtime's result
/// depends on the order).
///
/// - Input `[N, C, spatial…]` with one to three spatial axes, output `[N, C, outputs…]`, and on
///   request the flat index of each largest element (the first of equals).
/// - Padding never wins.
/// - Source: ONNX MaxPool-1, -8, -10, -11, -12, -22.
#[derive(Debug)]
struct MaxPool {
    window: WindowAttributes,
    indices: Indices,
}

/// Whether and how the second output counts elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Indices {
    Unwanted,
    RowMajor,
    ColumnMajor,
}

fn build_max_pool(ctx: &BuildCtx) -> Result<Box<dyn Operator>, OpError> {
    at_most_inputs(ctx, 1)?;
    let indices = match (ctx.n_outputs > 1, switch(ctx, "storage_order", 0)?) {
        (false, _) => Indices::Unwanted,
        (true, false) => Indices::RowMajor,
        (true, true) => Indices::ColumnMajor,
    };
    Ok(Box::new(MaxPool { window: read_window(ctx)?, indices }))
}

fn read_window(ctx: &BuildCtx) -> Result<WindowAttributes, OpError> {
    let window = WindowAttributes::read(ctx)?;
    Attributes::required("kernel_shape", window.kernel.as_ref())?;
    Ok(window)
}

impl Operator for MaxPool {
    fn run(&self, inputs: &mut Inputs) -> Result<Vec<Value>, OpError> {
        let value = inputs.take(0)?;
        let shape = PoolShape::new(&self.window, value.dims())?;
        match &value {
            Value::F32(tensor) if self.indices == Indices::Unwanted && is_lanes(tensor) => {
                let data = lanes_of(tensor).unwrap_or_default();
                let mut out = recycle::take(output_count(&shape.out_dims)?);
                vectorized(|| {
                    pool_lanes(&shape, data, out.as_mut_slice(), f32::SMALLEST, f32::larger);
                });
                Ok(vec![tensor_of_lanes(&shape.out_dims, out)?.into()])
            }
            Value::F32(tensor) => self.pool(&elements(tensor), &shape),
            Value::I64(array) => self.pool(&elements(array), &shape),
            Value::Bool(_) => {
                Err(OpError::Invalid("input 0 is bool, expected f32 or i64".to_owned()))
            }
        }
    }
}

impl MaxPool {
    fn pool<T: Comparable>(&self, data: &[T], shape: &PoolShape) -> Result<Vec<Value>, OpError> {
        let mut out = vec![T::SMALLEST; output_count(&shape.out_dims)?];
        for (plane, out) in shape.planes(data, &mut out) {
            for_each_row(&shape.axes, |row| row.accumulate(plane, out, T::larger));
        }
        let mut outputs = vec![T::wrap(array_of(&shape.out_dims, out)?)];
        if self.indices != Indices::Unwanted {
            let indices = max_indices(shape, data, self.indices)?;
            outputs.push(Value::I64(array_of(&shape.out_dims, indices)?));
        }
        Ok(outputs)
    }
}

/// A type with a larger of two elements.
trait Comparable: Element + PartialOrd {
    /// What every element replaces.
    const SMALLEST: Self;

    /// The larger; NaN if either is.
    fn larger(a: Self, b: Self) -> Self;
}

impl Comparable for f32 {
    const SMALLEST: Self = f32::NEG_INFINITY;

    #[inline(always)]
    fn larger(a: Self, b: Self) -> Self {
        if b > a || b.is_nan() { b } else { a }
    }
}

impl Comparable for i64 {
    const SMALLEST: Self = i64::MIN;

    #[inline(always)]
    fn larger(a: Self, b: Self) -> Self {
        a.max(b)
    }
}

/// The flat index of every window's largest element.
fn max_indices<T: Comparable>(
    shape: &PoolShape,
    data: &[T],
    order: Indices,
) -> Result<Vec<i64>, OpError> {
    let [depth, height, width] = shape.axes;
    let mut found = Vec::with_capacity(output_count(&shape.out_dims)?);
    let in_len = shape.in_len();
    for (plane_idx, plane) in data.chunks_exact(in_len.max(1)).enumerate() {
        let mut best: Vec<Option<usize>> = vec![None; shape.out_len()];
        for_each_row(&shape.axes, |row| {
            for (col, out) in row.columns.clone().enumerate() {
                let at = row.first_input + col * row.stride;
                let slot = &mut best[row.out_start + out];
                if slot.is_none_or(|best| plane[at] > plane[best]) {
                    *slot = Some(at);
                }
            }
        });
        found.extend(best.into_iter().map(|best| {
            let at = best.unwrap_or(0);
            let (w, h, d) = (
                at % width.input,
                at / width.input % height.input,
                at / (width.input * height.input),
            );
            let at = match order {
                Indices::ColumnMajor => d + depth.input * (h + height.input * w),
                _ => at,
            };
            (plane_idx * in_len + at) as i64
        }));
    }
    Ok(found)
}

/// The mean of the elements under the window, summed in `f32`.
///
/// - The divisor counts the elements inside the input, or with `count_include_pad` those inside the
///   padded input.
/// - Source: ONNX AveragePool-7, -10, -11, -19, -22.
#[derive(Debug)]
struct AveragePool {
    window: WindowAttributes,
    counted: Counted,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Counted {
    Input,
    PaddedInput,
}

fn build_average_pool(ctx: &BuildCtx) -> Result<Box<dyn Operator>, OpError> {
    at_most_inputs(ctx, 1)?;
    let counted = match switch(ctx, "count_include_pad", 0)? {
        true => Counted::PaddedInput,
        false => Counted::Input,
    };
    Ok(Box::new(AveragePool { window: read_window(ctx)?, counted }))
}

impl Operator for AveragePool {
    fn run(&self, inputs: &mut Inputs) -> Result<Vec<Value>, OpError> {
        let tensor = inputs.take_f32(0)?;
        let shape = PoolShape::new(&self.window, tensor.shape())?;
        let [depths, heights, widths] = shape.axes.map(|axis| self.counts(&axis));
        if let Some(data) = lanes_of(&tensor) {
            let mut out = recycle::take(output_count(&shape.out_dims)?);
            vectorized(|| pool_lanes(&shape, data, out.as_mut_slice(), 0.0, |sum, x| sum + x));
            let pixel_len = LaneSizes::of(tensor.shape()).pixel_len();
            for (pixel, sums) in out.as_mut_slice().chunks_exact_mut(pixel_len).enumerate() {
                let (row, col) = (pixel / widths.len(), pixel % widths.len());
                let count =
                    depths[row / heights.len()] * heights[row % heights.len()] * widths[col];
                sums.iter_mut().for_each(|sum| *sum /= count as f32);
            }
            return Ok(vec![tensor_of_lanes(&shape.out_dims, out)?.into()]);
        }
        let mut out = vec![0.0f32; output_count(&shape.out_dims)?];
        let data = elements(&tensor);
        for (plane, out) in shape.planes(&data, &mut out) {
            for_each_row(&shape.axes, |row| {
                row.accumulate(plane, out, |sum, x| sum + x);
            });
            for (row_idx, row) in out.chunks_exact_mut(widths.len()).enumerate() {
                let count = depths[row_idx / heights.len()] * heights[row_idx % heights.len()];
                row.iter_mut().zip(&widths).for_each(|(sum, width)| *sum /= (count * width) as f32);
            }
        }
        Ok(vec![array_of(&shape.out_dims, out)?.into()])
    }
}

impl AveragePool {
    /// Elements that count along one axis, for each output.
    fn counts(&self, axis: &WindowAxis) -> Vec<usize> {
        let padded = WindowAxis {
            input: axis.pad_begin + axis.input + axis.pad_end,
            pad_begin: 0,
            pad_end: 0,
            ..*axis
        };
        let counted = match self.counted {
            Counted::Input => axis,
            Counted::PaddedInput => &padded,
        };
        (0..axis.output).map(|output_idx| counted.kernel_inside(output_idx).len()).collect()
    }
}

/// The most elements under one window.
const MAX_WINDOW: usize = 1 << 24;

/// Sizes of a pooling, its axes filled up to three.
struct PoolShape {
    axes: [WindowAxis; 3],
    out_dims: Vec<usize>,
}

impl PoolShape {
    fn new(window: &WindowAttributes, dims: &[usize]) -> Result<Self, OpError> {
        let (channels, spatial) = split_dims(dims)?;
        let kernel = Attributes::required("kernel_shape", window.kernel.as_deref())?;
        let axes = window.over(spatial, kernel)?;
        let n_positions = kernel.iter().try_fold(1usize, |n, &len| n.checked_mul(len));
        if n_positions.is_none_or(|n| n > MAX_WINDOW) {
            return Err(OpError::Unsupported(format!(
                "attribute \"kernel_shape\" {kernel:?} with more than {MAX_WINDOW} elements"
            )));
        }
        let out_dims =
            channels.iter().copied().chain(axes.iter().map(|axis| axis.output)).collect();
        Ok(Self { axes: three_axes(&axes)?, out_dims })
    }

    fn in_len(&self) -> usize {
        count_of(&self.axes.map(|axis| axis.input))
    }

    fn out_len(&self) -> usize {
        count_of(&self.axes.map(|axis| axis.output))
    }

    fn planes<'a, T>(
        &self,
        data: &'a [T],
        out: &'a mut [T],
    ) -> impl Iterator<Item = (&'a [T], &'a mut [T])> {
        data.chunks_exact(self.in_len().max(1)).zip(out.chunks_exact_mut(self.out_len().max(1)))
    }
}

/// Batch and channel, and the spatial axes.
fn split_dims(dims: &[usize]) -> Result<(&[usize], &[usize]), OpError> {
    if dims.len() < 3 {
        return Err(OpError::Invalid(format!(
            "the input has shape {dims:?}, pooling needs a batch, a channel and a spatial axis"
        )));
    }
    Ok(dims.split_at(2))
}

/// One row of outputs and what it reads at one kernel position.
struct Row {
    /// Start of the output row in its plane.
    out_start: usize,
    /// Outputs of the row that read inside the input.
    columns: std::ops::Range<usize>,
    /// Position in the input plane the first of them reads.
    first_input: usize,
    /// Distance between the reads.
    stride: usize,
}

impl Row {
    /// Replaces every output of the row by `combine(output, what it reads)`.
    fn accumulate<T: Copy>(&self, plane: &[T], out: &mut [T], combine: impl Fn(T, T) -> T) {
        let out = &mut out[self.out_start + self.columns.start..self.out_start + self.columns.end];
        let input = &plane[self.first_input..];
        match self.stride {
            1 => out.iter_mut().zip(input).for_each(|(out, &x)| *out = combine(*out, x)),
            2 => {
                let pairs = out.iter_mut().zip(input.chunks(2));
                pairs.for_each(|(out, pair)| *out = combine(*out, pair[0]));
            }
            stride => {
                let reads = input.iter().step_by(stride);
                out.iter_mut().zip(reads).for_each(|(out, &x)| *out = combine(*out, x));
            }
        }
    }
}

/// Visits every kernel position and output row that reads inside the input.
fn for_each_row(axes: &[WindowAxis; 3], mut visit: impl FnMut(&Row)) {
    let [depth, height, width] = axes;
    for kd in 0..depth.kernel {
        for kh in 0..height.kernel {
            for kw in 0..width.kernel {
                let columns = width.outputs_inside(kw);
                if columns.is_empty() {
                    continue;
                }
                let first_col = width.input_of(columns.start, kw);
                for od in depth.outputs_inside(kd) {
                    for oh in height.outputs_inside(kh) {
                        let in_row =
                            depth.input_of(od, kd) * height.input + height.input_of(oh, kh);
                        visit(&Row {
                            out_start: (od * height.output + oh) * width.output,
                            columns: columns.clone(),
                            first_input: in_row * width.input + first_col,
                            stride: width.stride,
                        });
                    }
                }
            }
        }
    }
}

/// Combines what lies under each window, for samples that lie side by side. The order of the
/// elements is that of [`for_each_row`], so that the bits are the same.
#[inline(always)]
fn pool_lanes(
    shape: &PoolShape,
    data: &[f32],
    out: &mut [f32],
    first: f32,
    combine: impl Fn(f32, f32) -> f32,
) {
    let [depth, height, width] = &shape.axes;
    let pixel_len = LANES * shape.out_dims.get(1).copied().unwrap_or(1);
    for (pixel, out) in out.chunks_exact_mut(pixel_len).enumerate() {
        let (row, ow) = (pixel / width.output, pixel % width.output);
        let (od, oh) = (row / height.output, row % height.output);
        out.fill(first);
        for kd in depth.kernel_inside(od) {
            for kh in height.kernel_inside(oh) {
                let in_row = depth.input_of(od, kd) * height.input + height.input_of(oh, kh);
                for kw in width.kernel_inside(ow) {
                    let at = (in_row * width.input + width.input_of(ow, kw)) * pixel_len;
                    let read = &data[at..at + pixel_len];
                    out.iter_mut().zip(read).for_each(|(out, &x)| *out = combine(*out, x));
                }
            }
        }
    }
}

/// The largest or the mean element of every channel; means are summed in `f64`.
///
/// - Input `[N, C, spatial…]`, output `[N, C, 1, …]`. NaN stays NaN; a channel without elements is
///   an error.
/// - Source: ONNX GlobalMaxPool-1, -22; GlobalAveragePool-1, -22.
#[derive(Clone, Copy, Debug)]
enum GlobalPool {
    Max,
    Mean,
}

impl Operator for GlobalPool {
    fn run(&self, inputs: &mut Inputs) -> Result<Vec<Value>, OpError> {
        let tensor = inputs.take_f32(0)?;
        let dims = tensor.shape();
        let (channels, spatial) = split_dims(dims)?;
        let plane_len = count_of(spatial);
        if plane_len == 0 {
            return Err(OpError::Invalid(format!(
                "the input of shape {dims:?} has no elements to pool"
            )));
        }
        let out_dims: Vec<usize> =
            channels.iter().copied().chain(spatial.iter().map(|_| 1)).collect();
        if let Some(data) = lanes_of(&tensor) {
            return Ok(vec![
                array_of_lanes(&out_dims, vectorized(|| self.pool_lanes(data, dims)))?.into(),
            ]);
        }
        let data = elements(&tensor);
        let out = data.chunks_exact(plane_len).map(|plane| match self {
            Self::Max => plane.iter().fold(f32::SMALLEST, |max, &x| f32::larger(max, x)),
            Self::Mean => (sum_f64(plane) / plane_len as f64) as f32,
        });
        Ok(vec![array_of(&out_dims, out.collect())?.into()])
    }
}

impl GlobalPool {
    /// All channels of samples that lie side by side, position by position.
    #[inline(always)]
    fn pool_lanes(self, data: &[f32], dims: &[usize]) -> Vec<f32> {
        let sizes = LaneSizes::of(dims);
        let pixels = data.chunks_exact(sizes.pixel_len());
        match self {
            Self::Max => pixels.fold(vec![f32::SMALLEST; sizes.pixel_len()], |mut max, pixel| {
                max.iter_mut().zip(pixel).for_each(|(max, &x)| *max = f32::larger(*max, x));
                max
            }),
            Self::Mean => {
                let mut sums = vec![0.0f64; sizes.pixel_len()];
                for pixel in pixels {
                    sums.iter_mut().zip(pixel).for_each(|(sum, &x)| *sum += f64::from(x));
                }
                sums.into_iter().map(|sum| (sum / sizes.n_pixels as f64) as f32).collect()
            }
        }
    }
}
