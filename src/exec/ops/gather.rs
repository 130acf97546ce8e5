//! Elements picked by index: Gather, GatherElements, GatherND.

use super::dense::{Array, Element, array_of, count_of, elements};
use super::strided::row_major_strides;
use crate::exec::operator::{
    BuildCtx, Inputs, OpError, Operator, OperatorEntry, output_count, resolve_axis,
};
use crate::tensor::Value;

pub static ENTRIES: &[OperatorEntry] = &[
    OperatorEntry { op: "Gather", opsets: (7, 23), build: build_gather },
    OperatorEntry { op: "GatherElements", opsets: (11, 23), build: build_gather_elements },
    OperatorEntry { op: "GatherND", opsets: (11, 23), build: build_gather_nd },
];

/// Takes the indices of a Gather or Scatter operator.
pub(super) fn take_indices(inputs: &mut Inputs, idx: usize) -> Result<Array<i64>, OpError> {
    i64::unwrap_value(inputs.take(idx)?).map_err(|other| {
        OpError::Invalid(format!("input {idx} is {}, expected i64 indices", other.type_name()))
    })
}

/// `index` counted from the front; a negative one counts from the back.
pub(super) fn resolve_index(index: i64, len: usize) -> Result<usize, OpError> {
    let signed_len = len as i64;
    let resolved = if index < 0 { index.saturating_add(signed_len) } else { index };
    match (0..signed_len).contains(&resolved) {
        true => Ok(resolved as usize),
        false => Err(OpError::Invalid(format!("index {index} lies outside an axis of {len}"))),
    }
}

/// Entries of one axis by index: `[a…, axis, b…]` and indices `[i…]` give `[a…, i…, b…]` (ONNX
/// Gather-1, -11, -13).
#[derive(Debug)]
struct Gather {
    axis: i64,
}

fn build_gather(ctx: &BuildCtx) -> Result<Box<dyn Operator>, OpError> {
    Ok(Box::new(Gather { axis: ctx.attributes.int_or("axis", 0)? }))
}

impl Operator for Gather {
    fn run(&self, inputs: &mut Inputs) -> Result<Vec<Value>, OpError> {
        let value = inputs.take(0)?;
        let indices = take_indices(inputs, 1)?;
        let axis = resolve_axis(self.axis, value.dims().len())?;
        Ok(vec![each_type!(value, array => Element::wrap(gather(&array, &indices, axis)?))])
    }
}

fn gather<T: Element>(
    array: &Array<T>,
    indices: &Array<i64>,
    axis: usize,
) -> Result<Array<T>, OpError> {
    let dims = array.shape();
    let (before, after) = (&dims[..axis], &dims[axis + 1..]);
    let out_dims = [before, indices.shape(), after].concat();
    let mut out = Vec::with_capacity(output_count(&out_dims)?);
    let resolved: Vec<usize> =
        indices.iter().map(|&index| resolve_index(index, dims[axis])).collect::<Result<_, _>>()?;
    let inner = count_of(after);
    let data = elements(array);
    for block in data.chunks_exact((dims[axis] * inner).max(1)) {
        for &index in &resolved {
            out.extend_from_slice(&block[index * inner..(index + 1) * inner]);
        }
    }
    array_of(&out_dims, out)
}

/// One element for every index: `y[i, j] = x[index[i, j], j]` for axis 0, and so on (ONNX
/// GatherElements-11, -13).
#[derive(Debug)]
struct GatherElements {
    axis: i64,
}

fn build_gather_elements(ctx: &BuildCtx) -> Result<Box<dyn Operator>, OpError> {
    Ok(Box::new(GatherElements { axis: ctx.attributes.int_or("axis", 0)? }))
}

impl Operator for GatherElements {
    fn run(&self, inputs: &mut Inputs) -> Result<Vec<Value>, OpError> {
        let value = inputs.take(0)?;
        let indices = take_indices(inputs, 1)?;
        let axis = resolve_axis(self.axis, value.dims().len())?;
        let offsets = element_offsets(value.dims(), &indices, axis)?;
        Ok(vec![each_type!(value, array => {
            let data = elements(&array);
            let picked = offsets.iter().map(|&offset| data[offset]).collect();
            Element::wrap(array_of(indices.shape(), picked)?)
        })])
    }
}

/// Where each index of a GatherElements or ScatterElements points: at its own position, but for
/// `axis`, where it points at the index.
///
/// # Errors
/// Another rank than the data's, a longer axis, an index outside.
pub(super) fn element_offsets(
    dims: &[usize],
    indices: &Array<i64>,
    axis: usize,
) -> Result<Vec<usize>, OpError> {
    let found = indices.shape();
    let fits = found.len() == dims.len()
        && found.iter().zip(dims).enumerate().all(|(i, (index, dim))| i == axis || index <= dim);
    if !fits {
        return Err(OpError::Invalid(format!(
            "indices of shape {found:?} do not lie in a value of shape {dims:?} along axis {axis}"
        )));
    }
    let strides: Vec<usize> =
        row_major_strides(dims).into_iter().map(isize::unsigned_abs).collect();
    let mut position = vec![0usize; found.len()];
    let mut offsets = Vec::with_capacity(indices.len());
    for &index in indices {
        let resolved = resolve_index(index, dims[axis])?;
        let parts = position.iter().zip(&strides).enumerate();
        offsets.push(
            parts.map(|(i, (&at, stride))| if i == axis { resolved } else { at } * stride).sum(),
        );
        for (at, &len) in position.iter_mut().zip(found).rev() {
            *at += 1;
            if *at < len {
                break;
            }
            *at = 0;
        }
    }
    Ok(offsets)
}

/// Slices by index tuples: the last axis of the indices addresses the first axes of the value
/// after `batch_dims` (ONNX GatherND-11, -12, -13).
#[derive(Debug)]
struct GatherNd {
    batch_dims: i64,
}

fn build_gather_nd(ctx: &BuildCtx) -> Result<Box<dyn Operator>, OpError> {
    let batch_dims = if ctx.opset >= 12 { ctx.attributes.int_or("batch_dims", 0)? } else { 0 };
    Ok(Box::new(GatherNd { batch_dims }))
}

impl Operator for GatherNd {
    fn run(&self, inputs: &mut Inputs) -> Result<Vec<Value>, OpError> {
        let value = inputs.take(0)?;
        let indices = take_indices(inputs, 1)?;
        let found = (value.dims().to_vec(), indices.shape().to_vec());
        let n_batch = usize::try_from(self.batch_dims)
            .ok()
            .filter(|&n| n < found.0.len().min(found.1.len()) && found.0[..n] == found.1[..n])
            .ok_or_else(|| {
                OpError::Invalid(format!(
                    "attribute \"batch_dims\" is {}, the value of shape {:?} and the indices of shape {:?} must have more axes and agree in those",
                    self.batch_dims, found.0, found.1
                ))
            })?;
        let tuples = IndexTuples::new(&found.0[n_batch..], &indices)?;
        let batch_len = count_of(&found.0[n_batch..]);
        let n_batches = count_of(&found.0[..n_batch]);
        let out_dims = [&found.1[..found.1.len() - 1], &found.0[n_batch + tuples.width..]].concat();
        let count = output_count(&out_dims)?;
        let per_batch = tuples.offsets.len().checked_div(n_batches).unwrap_or(0);
        Ok(vec![each_type!(value, array => {
            let data = elements(&array);
            let mut out = Vec::with_capacity(count);
            // Without elements there is nothing an offset could point at.
            let offsets = if count == 0 { &[][..] } else { &tuples.offsets[..] };
            for (tuple_idx, offset) in offsets.iter().enumerate() {
                let start = tuple_idx.checked_div(per_batch).unwrap_or(0) * batch_len + offset;
                out.extend_from_slice(&data[start..start + tuples.slice_len]);
            }
            Element::wrap(array_of(&out_dims, out)?)
        })])
    }
}

/// Index tuples of GatherND and ScatterND as offsets.
pub(super) struct IndexTuples {
    /// Axes one tuple addresses.
    pub width: usize,
    /// Elements of the slice a tuple names.
    pub slice_len: usize,
    /// Start of each slice.
    pub offsets: Vec<usize>,
}

impl IndexTuples {
    /// Reads the tuples in the last axis of `indices` as addresses into `dims`.
    ///
    /// # Errors
    /// Tuples longer than the value's rank, an index outside.
    pub fn new(dims: &[usize], indices: &Array<i64>) -> Result<Self, OpError> {
        let width = indices.shape().last().copied().filter(|&width| width <= dims.len());
        let Some(width) = width else {
            return Err(OpError::Invalid(format!(
                "indices of shape {:?} do not address a value of shape {dims:?}",
                indices.shape()
            )));
        };
        let strides = row_major_strides(dims);
        let data = elements(indices);
        let n_tuples = count_of(&indices.shape()[..indices.ndim() - 1]);
        let mut offsets = Vec::with_capacity(output_count(&[n_tuples])?);
        for tuple_idx in 0..n_tuples {
            let mut offset = 0;
            let tuple = &data[tuple_idx * width..(tuple_idx + 1) * width];
            for ((&index, &dim), stride) in tuple.iter().zip(dims).zip(&strides) {
                offset += resolve_index(index, dim)? * stride.unsigned_abs();
            }
            offsets.push(offset);
        }
        let slice_len = count_of(&dims[width..]);
        Ok(Self { width, slice_len, offsets })
    }
}
