//! Elementwise functions of two arrays whose shapes are broadcast against each other (ONNX
//! "multidirectional broadcasting").

use std::borrow::Cow;

use super::dense::{Array, array_of, count_of, elements, into_owned_elements, vectorized};
use super::lanes::{LANES, LaneSizes, is_lanes, lanes_of, pack};
use crate::exec::operator::{OpError, output_count};

/// The common shape: aligned at the last axis, each pair of dimensions equal or one of them 1.
///
/// # Errors
/// [`OpError::Invalid`] naming the shapes.
pub(super) fn broadcast_dims(left: &[usize], right: &[usize]) -> Result<Vec<usize>, OpError> {
    let rank = left.len().max(right.len());
    let at = |dims: &[usize], axis: usize| {
        (axis + dims.len()).checked_sub(rank).and_then(|idx| dims.get(idx)).copied().unwrap_or(1)
    };
    (0..rank)
        .map(|axis| match (at(left, axis), at(right, axis)) {
            (a, b) if a == b => Ok(a),
            (1, b) => Ok(b),
            (a, 1) => Ok(a),
            _ => Err(OpError::Invalid(format!(
                "shapes {left:?} and {right:?} cannot be broadcast against each other"
            ))),
        })
        .collect()
}

/// `function(l, r)` over the broadcast shape.
///
/// # Errors
/// Shapes that cannot be broadcast, or a result that would be too large.
pub(super) fn combine<T: Copy + Default, U: Copy>(
    left: &Array<T>,
    right: &Array<T>,
    function: impl Fn(T, T) -> U,
) -> Result<Array<U>, OpError> {
    let dims = broadcast_dims(left.shape(), right.shape())?;
    let count = output_count(&dims)?;
    if count == 0 {
        return array_of(&dims, Vec::new());
    }
    let plan = BlockPlan::new(&dims, left.shape(), right.shape());
    let (left, right) = (elements(left), elements(right));
    let mut out = Vec::with_capacity(count);
    let visit = |block: Block| {
        let (ls, rs) = (&left[block.left..], &right[block.right..]);
        match plan.inner {
            Inner::Both => {
                out.extend(ls.iter().zip(rs).take(plan.len).map(|(&l, &r)| function(l, r)));
            }
            Inner::OneRight => out.extend(ls[..plan.len].iter().map(|&l| function(l, rs[0]))),
            Inner::OneLeft => out.extend(rs[..plan.len].iter().map(|&r| function(ls[0], r))),
        }
    };
    vectorized(|| plan.for_each(visit));
    array_of(&dims, out)
}

/// [`combine`] for a result of the operands' type, written into an operand nobody else holds.
///
/// # Errors
/// As [`combine`].
pub(super) fn combine_in_place<T: Copy + Default>(
    left: Array<T>,
    right: Array<T>,
    function: impl Fn(T, T) -> T,
) -> Result<Array<T>, OpError> {
    let dims = broadcast_dims(left.shape(), right.shape())?;
    // An operand nobody else holds first: it is written into.
    let goes_left = is_lanes(&left) && left.shape() == dims;
    let goes_right = is_lanes(&right) && right.shape() == dims;
    if goes_left && !(goes_right && right.is_unique()) {
        return Ok(combine_lanes(left, &right, function));
    }
    if goes_right {
        return Ok(combine_lanes(right, &left, |r, l| function(l, r)));
    }
    let (left, right) = if left.shape() == dims {
        match into_owned_elements(left) {
            Ok(data) => return write_over(&dims, data, &right, function),
            Err(left) => (left, right),
        }
    } else {
        (left, right)
    };
    if right.shape() == dims {
        return match into_owned_elements(right) {
            Ok(data) => write_over(&dims, data, &left, |r, l| function(l, r)),
            Err(right) => combine(&left, &right, function),
        };
    }
    combine(&left, &right, function)
}

/// `function(lanes, other)` in the layout of `lanes`, whose shape is the broadcast shape.
fn combine_lanes<T: Copy + Default>(
    mut lanes: Array<T>,
    other: &Array<T>,
    function: impl Fn(T, T) -> T,
) -> Array<T> {
    let others = lanes_pattern(lanes.shape(), other);
    let data = lanes.as_slice_memory_order_mut().unwrap_or_default();
    vectorized(|| {
        for part in data.chunks_exact_mut(others.len()) {
            part.iter_mut().zip(others.iter()).for_each(|(x, &y)| *x = function(*x, y));
        }
    });
    lanes
}

/// What meets consecutive positions of a value of dimensions `dims` that lies side by side: the
/// whole operand, or one position of it where it is the same at all of them.
fn lanes_pattern<'a, T: Copy + Default>(dims: &[usize], other: &'a Array<T>) -> Cow<'a, [T]> {
    if let Some(lanes) = lanes_of(other).filter(|_| other.shape() == dims) {
        return Cow::Borrowed(lanes);
    }
    let missing = dims.len() - other.ndim();
    let spatial_at = 2usize.saturating_sub(missing).min(other.ndim());
    let (sizes, shape) = (LaneSizes::of(dims), other.shape());
    let is_per_channel = count_of(&shape[spatial_at..]) == 1;
    let target: Vec<usize> = match is_per_channel {
        true => [&dims[..2], &vec![1; dims.len() - 2]].concat(),
        false => dims.to_vec(),
    };
    let n_pixels = if is_per_channel { 1 } else { sizes.n_pixels };
    let sizes = LaneSizes { n_pixels, ..sizes };
    let rows: Vec<T> = match other.broadcast(target) {
        Some(rows) => rows.iter().copied().collect(),
        None => elements(other).into_owned(),
    };
    let mut pattern = vec![T::default(); LANES * sizes.sample_len()];
    pack(&rows, sizes, &mut pattern);
    Cow::Owned(pattern)
}

/// `data = function(data, other)`, where `data` has the broadcast shape `dims`.
fn write_over<T: Copy + Default>(
    dims: &[usize],
    mut data: Vec<T>,
    other: &Array<T>,
    function: impl Fn(T, T) -> T,
) -> Result<Array<T>, OpError> {
    if data.is_empty() {
        return array_of(dims, data);
    }
    let plan = BlockPlan::new(dims, dims, other.shape());
    let other = elements(other);
    let visit = |block: Block| {
        let target = &mut data[block.left..block.left + plan.len];
        let others = &other[block.right..];
        match plan.inner {
            Inner::OneRight => target.iter_mut().for_each(|x| *x = function(*x, others[0])),
            _ => target.iter_mut().zip(others).for_each(|(x, &y)| *x = function(*x, y)),
        }
    };
    vectorized(|| plan.for_each(visit));
    array_of(dims, data)
}

/// How the innermost run of elements is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Inner {
    Both,
    /// One element of the left operand serves the whole run.
    OneLeft,
    /// One element of the right operand serves the whole run.
    OneRight,
}

/// Where a run starts in each operand.
struct Block {
    left: usize,
    right: usize,
}

/// A broadcast as runs of `len` elements: neighbouring axes that are read the same way are one.
#[derive(Debug)]
struct BlockPlan {
    outer: Vec<PlanAxis>,
    inner: Inner,
    len: usize,
}

#[derive(Clone, Copy, Debug)]
struct PlanAxis {
    len: usize,
    left_stride: usize,
    right_stride: usize,
}

impl BlockPlan {
    /// `dims` is the broadcast shape of `left` and `right`, without a zero dimension.
    fn new(dims: &[usize], left: &[usize], right: &[usize]) -> Self {
        let mut axes: Vec<PlanAxis> = Vec::with_capacity(dims.len());
        let (mut left_stride, mut right_stride) = (1, 1);
        for (back, &len) in dims.iter().rev().enumerate() {
            let from_back =
                |dims: &[usize]| dims.len().checked_sub(back + 1).map_or(1, |idx| dims[idx]);
            let (left_len, right_len) = (from_back(left), from_back(right));
            if len == 1 {
                continue;
            }
            let axis = PlanAxis {
                len,
                left_stride: if left_len == 1 { 0 } else { left_stride },
                right_stride: if right_len == 1 { 0 } else { right_stride },
            };
            left_stride *= left_len;
            right_stride *= right_len;
            match axes.last_mut() {
                Some(last) if walks_on(last, &axis) => last.len *= len,
                _ => axes.push(axis),
            }
        }
        // `axes` runs from the innermost axis outwards.
        let mut axes = axes.into_iter();
        let inner = axes.next().unwrap_or(PlanAxis { len: 1, left_stride: 1, right_stride: 1 });
        let mut outer: Vec<PlanAxis> = axes.collect();
        outer.reverse();
        let kind = match (inner.left_stride, inner.right_stride) {
            (0, _) => Inner::OneLeft,
            (_, 0) => Inner::OneRight,
            _ => Inner::Both,
        };
        Self { outer, inner: kind, len: inner.len }
    }

    #[inline(always)]
    fn for_each(&self, mut visit: impl FnMut(Block)) {
        let n_blocks: usize = self.outer.iter().map(|axis| axis.len).product();
        let mut idx = vec![0usize; self.outer.len()];
        let (mut left, mut right) = (0, 0);
        for _ in 0..n_blocks {
            visit(Block { left, right });
            for (axis, position) in self.outer.iter().zip(idx.iter_mut()).rev() {
                *position += 1;
                left += axis.left_stride;
                right += axis.right_stride;
                if *position < axis.len {
                    break;
                }
                left -= axis.left_stride * axis.len;
                right -= axis.right_stride * axis.len;
                *position = 0;
            }
        }
    }
}

/// Whether `outer` only continues the walk of `inner`.
fn walks_on(inner: &PlanAxis, outer: &PlanAxis) -> bool {
    outer.left_stride == inner.left_stride * inner.len
        && outer.right_stride == inner.right_stride * inner.len
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Element by element, with an index computed for each.
    fn reference(left: &Array<i64>, right: &Array<i64>) -> Array<i64> {
        let dims = broadcast_dims(left.shape(), right.shape()).unwrap();
        let dims = ndarray::IxDyn(&dims);
        let (left, right) = (left.broadcast(dims.clone()).unwrap(), right.broadcast(dims).unwrap());
        ndarray::Zip::from(&left).and(&right).map_collect(|l, r| 100 * l - r).into_shared()
    }

    fn numbers(dims: &[usize]) -> Array<i64> {
        array_of(dims, (0..dims.iter().product::<usize>() as i64).collect()).unwrap()
    }

    #[test]
    fn agrees_with_the_reference_for_every_pattern() {
        let cases: &[(&[usize], &[usize])] = &[
            (&[2, 3, 4], &[2, 3, 4]),
            (&[2, 3, 4], &[]),
            (&[], &[2, 3]),
            (&[2, 3, 4, 5], &[3, 1, 1]),
            (&[2, 3, 4], &[4]),
            (&[2, 1, 4], &[1, 3, 1]),
            (&[3, 1], &[1, 4]),
            (&[1, 1], &[1]),
            (&[2, 3, 1, 5], &[2, 1, 4, 1]),
            (&[0, 3], &[1, 3]),
        ];
        for (left, right) in cases {
            let (l, r) = (numbers(left), numbers(right));
            let want = reference(&l, &r);
            let function = |l: i64, r: i64| 100 * l - r;
            assert_eq!(combine(&l, &r, function).unwrap(), want, "{left:?} {right:?}");
            let in_place = combine_in_place(numbers(left), numbers(right), function).unwrap();
            assert_eq!(in_place, want, "in place: {left:?} {right:?}");
            let shared_left = combine_in_place(l.clone(), numbers(right), function).unwrap();
            assert_eq!(shared_left, want, "left shared: {left:?} {right:?}");
            assert_eq!(l, numbers(left), "a shared operand is left alone");
        }
        assert!(broadcast_dims(&[2, 3], &[2]).is_err());
        assert!(broadcast_dims(&[0], &[2]).is_err());
    }
}
