//! Arrays as flat row-major slices, whatever their element type.

use std::borrow::Cow;

use ndarray::{ArcArray, IxDyn};

use super::lanes::{LaneSizes, lanes_of, unpack};
use crate::exec::operator::OpError;
use crate::tensor::{Tensor, Value};

/// An array of one element type.
pub(super) type Array<T> = ArcArray<T, IxDyn>;

/// A type a [`Value`] can hold.
pub(super) trait Element: Copy + Default + PartialEq + Send + Sync + 'static {
    /// The value of that type.
    fn wrap(array: Array<Self>) -> Value;

    /// The array inside a value of that type; the value itself when it has another type.
    fn unwrap_value(value: Value) -> Result<Array<Self>, Value>;
}

impl Element for f32 {
    fn wrap(array: Array<Self>) -> Value {
        Value::F32(array)
    }

    fn unwrap_value(value: Value) -> Result<Array<Self>, Value> {
        match value {
            Value::F32(array) => Ok(array),
            other => Err(other),
        }
    }
}

impl Element for i64 {
    fn wrap(array: Array<Self>) -> Value {
        Value::I64(array)
    }

    fn unwrap_value(value: Value) -> Result<Array<Self>, Value> {
        match value {
            Value::I64(array) => Ok(array),
            other => Err(other),
        }
    }
}

impl Element for bool {
    fn wrap(array: Array<Self>) -> Value {
        Value::Bool(array)
    }

    fn unwrap_value(value: Value) -> Result<Array<Self>, Value> {
        match value {
            Value::Bool(array) => Ok(array),
            other => Err(other),
        }
    }
}

/// The elements in row-major order; borrowed when the array lies that way already.
pub(super) fn elements<T: Copy + Default>(array: &Array<T>) -> Cow<'_, [T]> {
    if let Some(slice) = array.as_slice() {
        return Cow::Borrowed(slice);
    }
    let Some(lanes) = lanes_of(array) else {
        return Cow::Owned(array.iter().copied().collect());
    };
    let mut rows = vec![T::default(); lanes.len()];
    unpack(lanes, LaneSizes::of(array.shape()), &mut rows);
    Cow::Owned(rows)
}

/// The elements in row-major order as a vector to write into, copied only when somebody else
/// holds them too.
pub(super) fn into_elements<T: Copy + Default>(array: Array<T>) -> Vec<T> {
    match into_owned_elements(array) {
        Ok(data) => data,
        Err(shared) => elements(&shared).into_owned(),
    }
}

/// The elements as a vector when nobody else holds them and they lie row-major, else the array.
pub(super) fn into_owned_elements<T: Clone>(array: Array<T>) -> Result<Vec<T>, Array<T>> {
    if !array.is_standard_layout() {
        return Err(array);
    }
    let count = array.len();
    let owned = array.try_into_owned_nocopy()?;
    let (data, offset) = owned.into_raw_vec_and_offset();
    let start = offset.unwrap_or(0);
    if start == 0 && data.len() == count {
        return Ok(data);
    }
    // A part of a larger buffer, cut out by a slice.
    Ok(data.into_iter().skip(start).take(count).collect())
}

/// A row-major array from its elements.
///
/// # Errors
/// [`OpError::Invalid`] when the number of elements is not the shape's.
pub(super) fn array_of<T>(dims: &[usize], data: Vec<T>) -> Result<Array<T>, OpError> {
    let count = data.len();
    ArcArray::from_shape_vec(IxDyn(dims), data)
        .map_err(|_| OpError::Invalid(format!("{count} elements do not fill the shape {dims:?}")))
}

/// The same elements under another shape, without a copy when they lie row-major.
///
/// # Errors
/// [`OpError::Invalid`] when the number of elements differs.
pub(super) fn reshaped<T: Copy + Default>(
    array: Array<T>,
    dims: &[usize],
) -> Result<Array<T>, OpError> {
    let found = array.shape().to_vec();
    let array = match array.is_standard_layout() {
        true => array,
        false => array_of(&found, elements(&array).into_owned())?,
    };
    array.into_shape_with_order(IxDyn(dims)).map_err(|_| {
        OpError::Invalid(format!("a value of shape {found:?} cannot take the shape {dims:?}"))
    })
}

/// Applies `function` to every element, in place when nobody else holds the tensor.
pub(super) fn map_f32(tensor: Tensor, function: impl Fn(f32) -> f32) -> Result<Tensor, OpError> {
    Ok(match tensor.try_into_owned_nocopy() {
        Ok(mut owned) => {
            match owned.as_slice_memory_order_mut() {
                Some(data) => vectorized(|| data.iter_mut().for_each(|x| *x = function(*x))),
                None => owned.mapv_inplace(function),
            }
            owned.into_shared()
        }
        Err(shared) => shared.mapv(function).into_shared(),
    })
}

/// Runs a loop compiled for the widest vectors this processor has. The bits do not depend on it:
/// products and sums are rounded one by one.
#[inline(always)]
pub(super) fn vectorized<R>(work: impl FnOnce() -> R) -> R {
    pulp::Arch::new().dispatch(work)
}

/// Number of elements of dimensions that are known to fit, since an array has them.
pub(super) fn count_of(dims: &[usize]) -> usize {
    dims.iter().product()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_that_is_not_row_major_is_copied_in_order() {
        let array = array_of(&[2, 3], vec![0, 1, 2, 3, 4, 5]).unwrap();
        let transposed = array.clone().permuted_axes(IxDyn(&[1, 0]));
        assert_eq!(elements(&transposed).as_ref(), [0, 3, 1, 4, 2, 5]);
        assert_eq!(into_elements(transposed.clone()), [0, 3, 1, 4, 2, 5]);
        let reshaped = reshaped(transposed, &[6]).unwrap();
        assert_eq!(elements(&reshaped).as_ref(), [0, 3, 1, 4, 2, 5]);
    }

    #[test]
    fn map_works_in_place_only_when_unshared() {
        let tensor = array_of(&[3], vec![1.0, 2.0, 3.0]).unwrap();
        let kept = tensor.clone();
        let doubled = map_f32(tensor, |x| 2.0 * x).unwrap();
        assert_eq!(elements(&kept).as_ref(), [1.0, 2.0, 3.0]);
        let address = doubled.as_ptr();
        let again = map_f32(doubled, |x| 2.0 * x).unwrap();
        assert_eq!(again.as_ptr(), address);
        assert_eq!(elements(&again).as_ref(), [4.0, 8.0, 12.0]);
    }

    #[test]
    fn a_part_of_a_larger_buffer_gives_its_own_elements() {
        let array = array_of(&[4, 2], vec![0, 1, 2, 3, 4, 5, 6, 7]).unwrap();
        let part = array.slice_move(ndarray::s![1..3, ..]).into_dyn();
        assert_eq!(into_elements(part), [2, 3, 4, 5]);
    }
}
