//! Copies a strided view of a flat slice into a row-major vector: the one loop behind Transpose,
//! Slice, Expand, Tile and their kin.

use crate::exec::operator::{OpError, output_count};

/// One axis of a view: `len` steps of `stride` elements, backwards when negative, none when zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct StridedAxis {
    pub len: usize,
    pub stride: isize,
}

/// Strides of a row-major array.
pub(super) fn row_major_strides(dims: &[usize]) -> Vec<isize> {
    let mut strides = vec![1isize; dims.len()];
    for axis in (1..dims.len()).rev() {
        strides[axis - 1] = strides[axis].saturating_mul(dims[axis].max(1) as isize);
    }
    strides
}

/// The axes of a row-major array.
pub(super) fn row_major_axes(dims: &[usize]) -> Vec<StridedAxis> {
    dims.iter()
        .zip(row_major_strides(dims))
        .map(|(&len, stride)| StridedAxis { len, stride })
        .collect()
}

/// The elements `data[offset + Σ idxᵢ·strideᵢ]` in row-major order of the indices.
///
/// # Errors
/// [`OpError::Invalid`] when the view reaches outside `data` or is larger than an operator may
/// write.
pub(super) fn gather_strided<T: Copy>(
    data: &[T],
    offset: isize,
    axes: &[StridedAxis],
) -> Result<Vec<T>, OpError> {
    let dims: Vec<usize> = axes.iter().map(|axis| axis.len).collect();
    let count = output_count(&dims)?;
    if count == 0 {
        return Ok(Vec::new());
    }
    check_reach(data.len(), offset, axes)?;
    let mut axes = merged(axes);
    let inner = axes.pop().unwrap_or(StridedAxis { len: 1, stride: 1 });
    let mut out = Vec::with_capacity(count);
    for_each_offset(offset, &axes, |start| match inner.stride {
        1 => out.extend_from_slice(&data[start as usize..start as usize + inner.len]),
        0 => out.resize(out.len() + inner.len, data[start as usize]),
        stride => {
            out.extend((0..inner.len as isize).map(|step| data[(start + step * stride) as usize]));
        }
    });
    Ok(out)
}

/// The offsets a view with non-negative strides visits, in row-major order of the indices.
pub(super) fn offsets(axes: &[StridedAxis]) -> Vec<usize> {
    let mut found = Vec::new();
    for_each_offset(0, axes, |at| found.push(at.unsigned_abs()));
    found
}

/// Every offset of a view, in row-major order of the indices.
fn for_each_offset(offset: isize, axes: &[StridedAxis], mut visit: impl FnMut(isize)) {
    let n_visits: usize = axes.iter().map(|axis| axis.len).product();
    let mut idx = vec![0usize; axes.len()];
    let mut at = offset;
    for _ in 0..n_visits {
        visit(at);
        for (axis, position) in axes.iter().zip(idx.iter_mut()).rev() {
            *position += 1;
            at += axis.stride;
            if *position < axis.len {
                break;
            }
            at -= axis.stride * axis.len as isize;
            *position = 0;
        }
    }
}

/// Checks once that no index of the view lies outside, so that the loop need not.
fn check_reach(len: usize, offset: isize, axes: &[StridedAxis]) -> Result<(), OpError> {
    let outside =
        || OpError::Invalid(format!("a view {axes:?} from {offset} leaves its {len} elements"));
    let (mut lowest, mut highest) = (offset, offset);
    for axis in axes {
        let reach = isize::try_from(axis.len.saturating_sub(1))
            .ok()
            .and_then(|steps| steps.checked_mul(axis.stride))
            .ok_or_else(outside)?;
        let end = if reach < 0 { &mut lowest } else { &mut highest };
        *end = end.checked_add(reach).ok_or_else(outside)?;
    }
    let inside = lowest >= 0 && usize::try_from(highest).is_ok_and(|highest| highest < len);
    if inside { Ok(()) } else { Err(outside()) }
}

/// The same view with fewer axes: those of length 1 dropped, neighbours that walk as one joined.
fn merged(axes: &[StridedAxis]) -> Vec<StridedAxis> {
    let mut out: Vec<StridedAxis> = Vec::with_capacity(axes.len());
    for &axis in axes.iter().filter(|axis| axis.len != 1) {
        match out.last_mut() {
            Some(last) if last.stride == axis.stride.saturating_mul(axis.len as isize) => {
                *last = StridedAxis { len: last.len * axis.len, stride: axis.stride };
            }
            _ => out.push(axis),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(len: usize, stride: isize) -> StridedAxis {
        StridedAxis { len, stride }
    }

    #[test]
    fn views_of_every_kind() {
        let data: Vec<i64> = (0..24).collect();
        let transposed = gather_strided(&data, 0, &[axis(3, 1), axis(2, 3)]).unwrap();
        assert_eq!(transposed, [0, 3, 1, 4, 2, 5]);
        let backwards = gather_strided(&data, 5, &[axis(3, -2)]).unwrap();
        assert_eq!(backwards, [5, 3, 1]);
        let repeated = gather_strided(&data, 2, &[axis(2, 0), axis(2, 1)]).unwrap();
        assert_eq!(repeated, [2, 3, 2, 3]);
        assert_eq!(gather_strided(&data, 7, &[]).unwrap(), [7]);
        assert!(gather_strided(&data, 99, &[axis(0, 1)]).unwrap().is_empty());
        for wrong in [axis(25, 1), axis(2, -1), axis(3, isize::MAX)] {
            assert!(gather_strided(&data, 0, &[wrong]).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn axes_that_walk_as_one_are_joined() {
        assert_eq!(merged(&row_major_axes(&[2, 3, 1, 4])), [axis(24, 1)]);
        assert_eq!(merged(&[axis(2, 12), axis(3, 1), axis(4, 3)]).len(), 3);
        assert_eq!(merged(&[axis(2, 0), axis(3, 0)]), [axis(6, 0)]);
    }
}
