//! The layout in which sixteen samples are computed side by side: `[spatial…, channel, sample]` in
//! memory, read as `[sample, channel, spatial…]` through strides. Every operation is then one of
//! vectors over the samples, whatever the number of channels and the size of the picture.
//!
//! Operators that do not know the layout see row-major values through `dense::elements`.

use ndarray::{ArcArray, IxDyn};

use super::dense::{Array, count_of};
use crate::exec::operator::OpError;
use crate::exec::recycle::Buffer;
use crate::tensor::Tensor;

/// Samples side by side.
pub(super) const LANES: usize = 16;

/// Channels and positions of a value in this layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LaneSizes {
    pub n_channels: usize,
    pub n_pixels: usize,
}

impl LaneSizes {
    /// Of a value of dimensions `[sample, channel, spatial…]`.
    pub fn of(dims: &[usize]) -> Self {
        Self {
            n_channels: dims.get(1).copied().unwrap_or(1),
            n_pixels: dims.get(2..).map_or(1, count_of),
        }
    }

    /// Elements of one sample.
    pub fn sample_len(self) -> usize {
        self.n_channels * self.n_pixels
    }

    /// Elements of one position.
    pub fn pixel_len(self) -> usize {
        self.n_channels * LANES
    }
}

/// Whether an array of at least three axes lies in this layout.
pub(super) fn is_lanes<T>(array: &Array<T>) -> bool {
    let (dims, strides) = (array.shape(), array.strides());
    let ([LANES, n_channels, spatial @ ..], [1, channel_stride, spatial_strides @ ..]) =
        (dims, strides)
    else {
        return false;
    };
    if spatial.is_empty() || (*n_channels != 1 && *channel_stride != LANES as isize) {
        return false;
    }
    let mut step = (LANES * n_channels) as isize;
    for (&len, &stride) in spatial.iter().zip(spatial_strides).rev() {
        if len != 1 && stride != step {
            return false;
        }
        step *= len as isize;
    }
    !array.is_empty()
}

/// The elements in memory order, if the array lies in this layout.
pub(super) fn lanes_of<T>(array: &Array<T>) -> Option<&[T]> {
    if is_lanes(array) { array.as_slice_memory_order() } else { None }
}

/// An array of dimensions `[16, channel, spatial…]` from its elements in memory order.
///
/// # Errors
/// [`OpError::Invalid`] when the number of elements is not the shape's.
pub(super) fn array_of_lanes<T>(dims: &[usize], data: Vec<T>) -> Result<Array<T>, OpError> {
    let memory_dims = memory_dims(dims)?;
    let array = ArcArray::from_shape_vec(IxDyn(&memory_dims), data).map_err(|_| refused(dims))?;
    Ok(sample_first(array))
}

/// [`array_of_lanes`] of a buffer that was filled.
///
/// # Errors
/// As [`array_of_lanes`].
pub(super) fn tensor_of_lanes(dims: &[usize], buffer: Buffer) -> Result<Tensor, OpError> {
    let memory_dims = memory_dims(dims)?;
    buffer.into_tensor(&memory_dims).map(sample_first).ok_or_else(|| refused(dims))
}

fn refused(dims: &[usize]) -> OpError {
    OpError::Invalid(format!("the elements do not fill the shape {dims:?} of 16 samples"))
}

/// `[spatial…, channel, sample]`.
fn memory_dims(dims: &[usize]) -> Result<Vec<usize>, OpError> {
    let (&[n_samples, n_channels], spatial) =
        dims.split_first_chunk().ok_or_else(|| refused(dims))?;
    Ok([spatial, &[n_channels, n_samples]].concat())
}

fn sample_first<T>(array: Array<T>) -> Array<T> {
    let rank = array.ndim();
    let axes: Vec<usize> = [rank - 1, rank - 2].into_iter().chain(0..rank - 2).collect();
    array.permuted_axes(IxDyn(&axes))
}

/// Sixteen positions of sixteen samples.
type Square<T> = [[T; LANES]; LANES];

/// Rows become columns.
#[inline(always)]
fn flipped<T: Copy + Default>(square: &Square<T>) -> Square<T> {
    let mut out = Square::default();
    for (row_idx, row) in out.iter_mut().enumerate() {
        for (x, from) in row.iter_mut().zip(square) {
            *x = from[row_idx];
        }
    }
    out
}

/// Lays up to sixteen row-major samples side by side; the lanes of missing ones are zero.
pub(super) fn pack<T: Copy + Default>(rows: &[T], sizes: LaneSizes, lanes: &mut [T]) {
    let (n_channels, n_pixels) = (sizes.n_channels, sizes.n_pixels);
    let vectors = lanes.as_chunks_mut::<LANES>().0;
    for first in (0..n_pixels).step_by(LANES) {
        let len = LANES.min(n_pixels - first);
        for channel_idx in 0..n_channels {
            let mut square = Square::default();
            let start = channel_idx * n_pixels + first;
            for (row, part) in rows.chunks_exact(sizes.sample_len()).zip(&mut square) {
                match row[start..start + len].first_chunk() {
                    Some(whole) => *part = *whole,
                    None => part[..len].copy_from_slice(&row[start..start + len]),
                }
            }
            let square = flipped(&square);
            let places = vectors[first * n_channels + channel_idx..].iter_mut();
            for (place, vector) in places.step_by(n_channels).zip(&square[..len]) {
                *place = *vector;
            }
        }
    }
}

/// The inverse of [`pack`]: as many samples as `rows` has room for.
pub(super) fn unpack<T: Copy + Default>(lanes: &[T], sizes: LaneSizes, rows: &mut [T]) {
    let (n_channels, n_pixels) = (sizes.n_channels, sizes.n_pixels);
    let vectors = lanes.as_chunks::<LANES>().0;
    for first in (0..n_pixels).step_by(LANES) {
        let len = LANES.min(n_pixels - first);
        for channel_idx in 0..n_channels {
            let mut square = Square::default();
            let places = vectors[first * n_channels + channel_idx..].iter();
            for (place, vector) in places.step_by(n_channels).zip(&mut square[..len]) {
                *vector = *place;
            }
            let square = flipped(&square);
            let start = channel_idx * n_pixels + first;
            for (row, part) in rows.chunks_exact_mut(sizes.sample_len()).zip(&square) {
                row[start..start + len].copy_from_slice(&part[..len]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exec::ops::dense::{array_of, elements};

    #[test]
    fn packing_and_unpacking_are_inverse_and_read_the_same_by_index() {
        for dims in [[16, 3, 5, 7], [16, 1, 1, 1], [16, 20, 1, 1], [16, 2, 16, 3]] {
            let count = count_of(&dims);
            let row_major: Vec<i64> = (0..count as i64).collect();
            let mut data = vec![0; count];
            pack(&row_major, LaneSizes::of(&dims), &mut data);
            let lanes = array_of_lanes(&dims, data).unwrap();
            assert!(is_lanes(&lanes), "{dims:?}");
            assert_eq!(lanes, array_of(&dims, row_major.clone()).unwrap(), "{dims:?}");
            assert_eq!(elements(&lanes).as_ref(), row_major, "{dims:?}");
        }
        assert!(!is_lanes(&array_of(&[16, 2, 3], vec![0; 96]).unwrap()));
    }

    #[test]
    fn lanes_of_missing_samples_are_zero() {
        let sizes = LaneSizes { n_channels: 2, n_pixels: 3 };
        let rows: Vec<i64> = (1..=18).collect();
        let mut data = vec![-1; 96];
        pack(&rows, sizes, &mut data);
        assert!(data.chunks(16).all(|pixel| pixel[3..].iter().all(|&x| x == 0)));
        let mut back = vec![0; 18];
        unpack(&data, sizes, &mut back);
        assert_eq!(back, rows);
    }
}
