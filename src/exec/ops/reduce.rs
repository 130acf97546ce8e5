//! Reductions over axes: sums, means, norms, extremes. Floats are accumulated in `f64`.

use super::attribute::switch;
use super::dense::{Element, array_of, count_of, elements};
use crate::exec::operator::{
    BuildCtx, Inputs, OpError, Operator, OperatorEntry, output_count, resolve_axis,
};
use crate::tensor::Value;

pub static ENTRIES: &[OperatorEntry] = &[
    OperatorEntry { op: "ReduceMean", opsets: (7, 23), build: |ctx| build(ctx, Kind::Mean, 18) },
    OperatorEntry { op: "ReduceSum", opsets: (7, 23), build: |ctx| build(ctx, Kind::Sum, 13) },
    OperatorEntry { op: "ReduceMax", opsets: (7, 23), build: |ctx| build(ctx, Kind::Max, 18) },
    OperatorEntry { op: "ReduceMin", opsets: (7, 23), build: |ctx| build(ctx, Kind::Min, 18) },
    OperatorEntry { op: "ReduceProd", opsets: (7, 23), build: |ctx| build(ctx, Kind::Prod, 18) },
    OperatorEntry { op: "ReduceL1", opsets: (7, 23), build: |ctx| build(ctx, Kind::L1, 18) },
    OperatorEntry { op: "ReduceL2", opsets: (7, 23), build: |ctx| build(ctx, Kind::L2, 18) },
    OperatorEntry {
        op: "ReduceSumSquare",
        opsets: (7, 23),
        build: |ctx| build(ctx, Kind::SumSquare, 18),
    },
    OperatorEntry {
        op: "ReduceLogSum",
        opsets: (7, 23),
        build: |ctx| build(ctx, Kind::LogSum, 18),
    },
    OperatorEntry {
        op: "ReduceLogSumExp",
        opsets: (7, 23),
        build: |ctx| build(ctx, Kind::LogSumExp, 18),
    },
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Mean,
    Sum,
    Max,
    Min,
    Prod,
    L1,
    L2,
    SumSquare,
    LogSum,
    LogSumExp,
}

/// Combines all elements along the listed axes into one.
///
/// - Without axes everything is reduced, or with `noop_with_empty_axes` each element by itself.
///   Reduced axes stay with length 1 if `keepdims`.
/// - Floats are accumulated in `f64` and rounded once. Integers wrap around; a mean of integers is
///   cut towards zero; norms and logarithms of integers are not supported.
/// - Max and Min of bool are "any" and "all".
/// - NaN gives NaN. Over no element: the neutral element (−∞ for Max, NaN for Mean).
/// - Axes are an attribute before opset 13 (ReduceSum) or 18 (the others), input 1 from then on.
/// - Source: ONNX Reduce*-1, -11, -12, -13, -18, -20.
#[derive(Debug)]
struct Reduce {
    kind: Kind,
    axes: Axes,
    keeps_dims: bool,
    without_axes: WithoutAxes,
}

#[derive(Debug)]
enum Axes {
    Attribute(Option<Vec<i64>>),
    Input,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum WithoutAxes {
    ReduceAll,
    ReduceNone,
}

/// `axes_input` is the first opset in which the axes are an input.
fn build(ctx: &BuildCtx, kind: Kind, axes_input: u32) -> Result<Box<dyn Operator>, OpError> {
    let by_input = ctx.opset >= axes_input;
    Ok(Box::new(Reduce {
        kind,
        axes: if by_input { Axes::Input } else { Axes::Attribute(ctx.attributes.ints("axes")?) },
        keeps_dims: switch(ctx, "keepdims", 1)?,
        without_axes: match by_input && switch(ctx, "noop_with_empty_axes", 0)? {
            true => WithoutAxes::ReduceNone,
            false => WithoutAxes::ReduceAll,
        },
    }))
}

impl Operator for Reduce {
    fn run(&self, inputs: &mut Inputs) -> Result<Vec<Value>, OpError> {
        let value = inputs.take(0)?;
        let axes = match &self.axes {
            Axes::Attribute(axes) => axes.clone(),
            Axes::Input => inputs.take_optional_ints(1)?,
        };
        let groups = Groups::new(value.dims(), &self.reduced(axes, value.dims().len())?)?;
        let out_dims = groups.out_dims(self.keeps_dims);
        match value {
            Value::F32(array) => {
                let data = elements(&array);
                Ok(vec![array_of(&out_dims, reduce_floats(self.kind, &data, &groups))?.into()])
            }
            Value::I64(array) => {
                let data = reduce_ints(self.kind, &elements(&array), &groups)?;
                Ok(vec![Value::I64(array_of(&out_dims, data)?)])
            }
            Value::Bool(array) if matches!(self.kind, Kind::Max | Kind::Min) => {
                let ints: Vec<i64> = elements(&array).iter().map(|&on| i64::from(on)).collect();
                let found = reduce_ints(self.kind, &ints, &groups)?;
                let bools = found.into_iter().map(|int| int > 0).collect();
                Ok(vec![Value::Bool(array_of(&out_dims, bools)?)])
            }
            Value::Bool(_) => Err(OpError::Unsupported(format!("{:?} of bool", self.kind))),
        }
    }
}

impl Reduce {
    /// For each axis, whether it is reduced.
    fn reduced(&self, axes: Option<Vec<i64>>, rank: usize) -> Result<Vec<bool>, OpError> {
        let axes = axes.unwrap_or_default();
        if axes.is_empty() {
            return Ok(vec![self.without_axes == WithoutAxes::ReduceAll; rank]);
        }
        let mut reduced = vec![false; rank];
        for &axis in &axes {
            reduced[resolve_axis(axis, rank)?] = true;
        }
        Ok(reduced)
    }
}

fn reduce_floats(kind: Kind, data: &[f32], groups: &Groups) -> Vec<f32> {
    let n = groups.group_len as f64;
    let (add, max, min) = (|a: f64, b: f64| a + b, larger, smaller);
    let totals = match kind {
        Kind::Mean | Kind::Sum | Kind::LogSum => {
            groups.fold(data, 0.0, |sum, x| sum + f64::from(x), add)
        }
        Kind::L1 => groups.fold(data, 0.0, |sum, x| sum + f64::from(x.abs()), add),
        Kind::L2 | Kind::SumSquare => {
            groups.fold(data, 0.0, |sum, x| sum + f64::from(x) * f64::from(x), add)
        }
        Kind::Prod => groups.fold(data, 1.0, |product, x| product * f64::from(x), |a, b| a * b),
        Kind::Max => groups.fold(data, f64::NEG_INFINITY, |a, x| max(a, f64::from(x)), max),
        Kind::Min => groups.fold(data, f64::INFINITY, |a, x| min(a, f64::from(x)), min),
        Kind::LogSumExp => return log_sum_exp(data, groups),
    };
    let finish = |total: f64| match kind {
        Kind::Mean => total / n,
        Kind::L2 => total.sqrt(),
        Kind::LogSum => total.ln(),
        _ => total,
    };
    totals.into_iter().map(|total| finish(total) as f32).collect()
}

fn larger(a: f64, b: f64) -> f64 {
    if a > b || a.is_nan() { a } else { b }
}

fn smaller(a: f64, b: f64) -> f64 {
    if a < b || a.is_nan() { a } else { b }
}

/// `max + ln Σ e^(x − max)`, which does not overflow where `ln Σ e^x` would.
fn log_sum_exp(data: &[f32], groups: &Groups) -> Vec<f32> {
    let maxima = reduce_floats(Kind::Max, data, groups);
    let mut sums = vec![0.0f64; maxima.len()];
    groups.for_each_run(|run| {
        for (idx, x) in data[run.start..run.start + run.len].iter().enumerate() {
            let out = run.out + if run.is_reduced { 0 } else { idx };
            // An infinite maximum stands for itself.
            let shift = if maxima[out].is_infinite() { 0.0 } else { f64::from(maxima[out]) };
            sums[out] += (f64::from(*x) - shift).exp();
        }
    });
    let finish = |(&max, sum): (&f32, f64)| {
        let shift = if max.is_infinite() { 0.0 } else { f64::from(max) };
        (shift + sum.ln()) as f32
    };
    maxima.iter().zip(sums).map(finish).collect()
}

fn reduce_ints(kind: Kind, data: &[i64], groups: &Groups) -> Result<Vec<i64>, OpError> {
    let add = i64::wrapping_add;
    Ok(match kind {
        Kind::Sum => groups.fold(data, 0, add, add),
        Kind::SumSquare => groups.fold(data, 0, |sum, x| add(sum, x.wrapping_mul(x)), add),
        Kind::L1 => groups.fold(data, 0, |sum, x| add(sum, x.wrapping_abs()), add),
        Kind::Prod => groups.fold(data, 1, i64::wrapping_mul, i64::wrapping_mul),
        Kind::Max => groups.fold(data, i64::MIN, i64::max, i64::max),
        Kind::Min => groups.fold(data, i64::MAX, i64::min, i64::min),
        Kind::Mean => {
            let n = i128::try_from(groups.group_len).unwrap_or(i128::MAX);
            if n == 0 && groups.n_groups() > 0 {
                return Err(OpError::Invalid("the mean of no integers is undefined".to_owned()));
            }
            let sums = groups.fold(data, 0i128, |sum, x| sum + i128::from(x), |a, b| a + b);
            sums.into_iter().map(|sum| (sum / n.max(1)) as i64).collect()
        }
        Kind::L2 | Kind::LogSum | Kind::LogSumExp => {
            return Err(OpError::Unsupported(format!("{kind:?} of integers")));
        }
    })
}

/// A value's axes as alternating kept and reduced ones, neighbours of a kind joined.
struct Groups {
    dims: Vec<usize>,
    reduced: Vec<bool>,
    axes: Vec<GroupAxis>,
    /// Elements that go into one result.
    group_len: usize,
}

#[derive(Clone, Copy, Debug)]
struct GroupAxis {
    len: usize,
    /// Step in the result; 0 for a reduced axis.
    out_stride: usize,
    is_reduced: bool,
}

/// A run of neighbouring elements that go into one result, or into neighbouring ones.
struct Run {
    start: usize,
    len: usize,
    out: usize,
    is_reduced: bool,
}

impl Groups {
    fn new(dims: &[usize], reduced: &[bool]) -> Result<Self, OpError> {
        let mut axes: Vec<GroupAxis> = Vec::with_capacity(dims.len());
        for (&len, &is_reduced) in dims.iter().zip(reduced) {
            match axes.last_mut() {
                Some(last) if last.is_reduced == is_reduced => last.len *= len,
                _ => axes.push(GroupAxis { len, out_stride: 0, is_reduced }),
            }
        }
        let mut out_stride = 1;
        for axis in axes.iter_mut().rev().filter(|axis| !axis.is_reduced) {
            axis.out_stride = out_stride;
            out_stride *= axis.len;
        }
        let reduced_dims = dims.iter().zip(reduced).filter(|(_, reduced)| **reduced);
        let group_len = reduced_dims.map(|(&dim, _)| dim).product();
        let groups = Self { dims: dims.to_vec(), reduced: reduced.to_vec(), axes, group_len };
        output_count(&groups.out_dims(true))?;
        Ok(groups)
    }

    fn out_dims(&self, keeps_dims: bool) -> Vec<usize> {
        let pairs = self.dims.iter().zip(&self.reduced);
        pairs
            .filter(|(_, reduced)| keeps_dims || !**reduced)
            .map(|(&dim, &reduced)| if reduced { 1 } else { dim })
            .collect()
    }

    fn n_groups(&self) -> usize {
        count_of(&self.out_dims(true))
    }

    /// Visits all elements in order, run by run.
    fn for_each_run(&self, mut visit: impl FnMut(Run)) {
        let Some((inner, outer)) = self.axes.split_last() else {
            return visit(Run { start: 0, len: 1, out: 0, is_reduced: false });
        };
        let n_runs: usize = outer.iter().map(|axis| axis.len).product();
        let mut position = vec![0usize; outer.len()];
        let mut out = 0;
        for run_idx in 0..n_runs {
            visit(Run {
                start: run_idx * inner.len,
                len: inner.len,
                out,
                is_reduced: inner.is_reduced,
            });
            for (axis, at) in outer.iter().zip(position.iter_mut()).rev() {
                *at += 1;
                out += axis.out_stride;
                if *at < axis.len {
                    break;
                }
                out -= axis.out_stride * axis.len;
                *at = 0;
            }
        }
    }

    /// One accumulator a group: `fold` takes an element in, `merge` joins two accumulators. Runs
    /// within a group are folded in eight lanes, in an order that depends on the shape alone.
    fn fold<T: Element, A: Copy>(
        &self,
        data: &[T],
        start: A,
        fold: impl Fn(A, T) -> A,
        merge: impl Fn(A, A) -> A,
    ) -> Vec<A> {
        let mut totals = vec![start; self.n_groups()];
        if data.is_empty() {
            return totals;
        }
        self.for_each_run(|run| {
            let elements = &data[run.start..run.start + run.len];
            if !run.is_reduced {
                let targets = totals[run.out..].iter_mut().zip(elements);
                targets.for_each(|(total, &x)| *total = fold(*total, x));
                return;
            }
            let mut lanes = [start; 8];
            let chunks = elements.chunks_exact(lanes.len());
            let mut total =
                chunks.remainder().iter().fold(totals[run.out], |total, &x| fold(total, x));
            for chunk in chunks {
                lanes.iter_mut().zip(chunk).for_each(|(lane, &x)| *lane = fold(*lane, x));
            }
            if elements.len() >= lanes.len() {
                total = lanes.iter().fold(total, |total, &lane| merge(total, lane));
            }
            totals[run.out] = total;
        });
        totals
    }
}

/// The sum of a row in `f64`, over eight lanes.
pub(super) fn sum_f64(row: &[f32]) -> f64 {
    let mut lanes = [0.0f64; 8];
    let chunks = row.chunks_exact(lanes.len());
    let rest: f64 = chunks.remainder().iter().map(|&x| f64::from(x)).sum();
    for chunk in chunks {
        lanes.iter_mut().zip(chunk).for_each(|(lane, &x)| *lane += f64::from(x));
    }
    lanes.iter().sum::<f64>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exec::ops::dense::Array;

    #[test]
    fn every_choice_of_axes_agrees_with_the_definition() {
        let dims = [2usize, 3, 1, 11];
        let array: Array<f32> =
            array_of(&dims, (0..66).map(|i| ((i * 7) % 13) as f32 - 6.0).collect()).unwrap();
        for mask in 0..16u32 {
            let reduced: Vec<bool> = (0..4).map(|axis| mask >> axis & 1 == 1).collect();
            let groups = Groups::new(&dims, &reduced).unwrap();
            let found = reduce_floats(Kind::SumSquare, &elements(&array), &groups);
            let mut want = array.mapv(|x| x * x).into_dyn();
            for axis in (0..4).rev().filter(|&axis| reduced[axis]) {
                want = want.sum_axis(ndarray::Axis(axis));
            }
            assert_eq!(found, want.iter().copied().collect::<Vec<f32>>(), "{reduced:?}");
        }
    }

    #[test]
    fn empty_groups_and_nan() {
        let empty = Groups::new(&[2, 0], &[false, true]).unwrap();
        assert_eq!(reduce_floats(Kind::Sum, &[], &empty), [0.0, 0.0]);
        assert_eq!(reduce_floats(Kind::Max, &[], &empty), [f32::NEG_INFINITY; 2]);
        assert!(reduce_floats(Kind::Mean, &[], &empty).iter().all(|x| x.is_nan()));
        assert!(reduce_ints(Kind::Mean, &[], &empty).is_err());
        let row = Groups::new(&[9], &[true]).unwrap();
        let mut data = [1.0; 9];
        data[3] = f32::NAN;
        for kind in [Kind::Max, Kind::Min, Kind::Sum, Kind::LogSumExp] {
            assert!(reduce_floats(kind, &data, &row)[0].is_nan(), "{kind:?}");
        }
        let infinite = [f32::NEG_INFINITY; 9];
        assert_eq!(reduce_floats(Kind::LogSumExp, &infinite, &row), [f32::NEG_INFINITY]);
    }
}
