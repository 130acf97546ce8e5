//! Softmax and its logarithm.

use super::dense::{array_of, count_of, into_elements, vectorized};
use super::transcendental::exp;
use crate::exec::operator::{BuildCtx, Inputs, OpError, Operator, OperatorEntry, resolve_axis};
use crate::tensor::Value;

pub static ENTRIES: &[OperatorEntry] = &[
    OperatorEntry { op: "Softmax", opsets: (7, 23), build: |ctx| build(ctx, Kind::Softmax) },
    OperatorEntry { op: "LogSoftmax", opsets: (7, 23), build: |ctx| build(ctx, Kind::LogSoftmax) },
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Softmax,
    LogSoftmax,
}

/// `y = e^(x − max) / Σ e^(x − max)`, or its logarithm `x − max − ln Σ e^(x − max)`.
///
/// - From opset 13 along one axis, the last by default. Before, over all axes from `axis` (default
///   1) on together.
/// - A row with NaN, or of −∞ alone, is all NaN. `f32` throughout.
/// - Source: ONNX Softmax-1, -11, -13; LogSoftmax-1, -11, -13.
#[derive(Debug)]
struct Softmax {
    kind: Kind,
    axis: i64,
    flattens: bool,
}

fn build(ctx: &BuildCtx, kind: Kind) -> Result<Box<dyn Operator>, OpError> {
    let flattens = ctx.opset < 13;
    let axis = ctx.attributes.int_or("axis", if flattens { 1 } else { -1 })?;
    Ok(Box::new(Softmax { kind, axis, flattens }))
}

impl Operator for Softmax {
    fn run(&self, inputs: &mut Inputs) -> Result<Vec<Value>, OpError> {
        let tensor = inputs.take_f32(0)?;
        let dims = tensor.shape().to_vec();
        let (len, inner) = self.row(&dims)?;
        let mut data = into_elements(tensor);
        vectorized(|| {
            for rows in data.chunks_exact_mut((len * inner).max(1)) {
                match inner {
                    1 => softmax_row(self.kind, rows),
                    _ => softmax_columns(self.kind, rows, inner),
                }
            }
        });
        Ok(vec![array_of(&dims, data)?.into()])
    }
}

impl Softmax {
    /// Length of a row and the distance between its elements.
    fn row(&self, dims: &[usize]) -> Result<(usize, usize), OpError> {
        if self.flattens {
            // `axis` may also stand behind the last dimension.
            let axis = match usize::try_from(self.axis) {
                Ok(axis) if axis == dims.len() => axis,
                _ => resolve_axis(self.axis, dims.len())?,
            };
            return Ok((count_of(&dims[axis..]), 1));
        }
        let axis = resolve_axis(self.axis, dims.len())?;
        Ok((dims[axis], count_of(&dims[axis + 1..])))
    }
}

#[inline(always)]
fn softmax_row(kind: Kind, row: &mut [f32]) {
    let max = lane_max(row);
    match kind {
        Kind::Softmax => {
            row.iter_mut().for_each(|x| *x = exp(*x - max));
            let sum = lane_sum(row);
            row.iter_mut().for_each(|x| *x /= sum);
        }
        Kind::LogSoftmax => {
            let sum: f32 = row.iter().map(|x| exp(x - max)).sum();
            let log_sum = sum.ln();
            row.iter_mut().for_each(|x| *x = *x - max - log_sum);
        }
    }
}

/// The largest number, lane by lane; NaN does not count.
#[inline(always)]
fn lane_max(row: &[f32]) -> f32 {
    let larger = |max: f32, x: f32| if x > max { x } else { max };
    let mut lanes = [f32::NEG_INFINITY; 16];
    let chunks = row.chunks_exact(lanes.len());
    let rest = chunks.remainder().iter().copied().fold(f32::NEG_INFINITY, larger);
    for chunk in chunks {
        lanes.iter_mut().zip(chunk).for_each(|(lane, &x)| *lane = larger(*lane, x));
    }
    lanes.into_iter().fold(rest, larger)
}

/// Rows that lie across: `data` is `[len, inner]`, each column is one row of the softmax.
#[inline(always)]
fn softmax_columns(kind: Kind, data: &mut [f32], inner: usize) {
    let mut max = vec![f32::NEG_INFINITY; inner];
    for row in data.chunks_exact(inner) {
        max.iter_mut().zip(row).for_each(|(max, &x)| *max = if x > *max { x } else { *max });
    }
    let mut sum = vec![0.0f32; inner];
    for row in data.chunks_exact_mut(inner) {
        for ((x, max), sum) in row.iter_mut().zip(&max).zip(&mut sum) {
            let shifted = *x - max;
            let power = exp(shifted);
            *sum += power;
            *x = if kind == Kind::Softmax { power } else { shifted };
        }
    }
    if kind == Kind::LogSoftmax {
        sum.iter_mut().for_each(|sum| *sum = sum.ln());
    }
    for row in data.chunks_exact_mut(inner) {
        for (x, sum) in row.iter_mut().zip(&sum) {
            *x = if kind == Kind::Softmax { *x / sum } else { *x - sum };
        }
    }
}

/// A sum in sixteen lanes, in an order that depends on the length alone.
#[inline(always)]
fn lane_sum(row: &[f32]) -> f32 {
    let mut lanes = [0.0f32; 16];
    let chunks = row.chunks_exact(lanes.len());
    let rest: f32 = chunks.remainder().iter().sum();
    for chunk in chunks {
        lanes.iter_mut().zip(chunk).for_each(|(lane, x)| *lane += x);
    }
    lanes.iter().sum::<f32>() + rest
}
