//! Products of matrices as nodes: Gemm and MatMul.

use std::sync::Arc;

use super::attribute::{at_most_inputs, switch};
use super::broadcast::{broadcast_dims, combine_in_place};
use super::dense::{array_of, count_of, elements, reshaped};
use super::matrix::{Bias, MatrixRef, PackedRight, Product, Reading};
use super::strided::{StridedAxis, row_major_strides};
use crate::exec::operator::{
    BuildCtx, Clamp, Inputs, OpError, Operator, OperatorEntry, Prepared, output_count,
};
use crate::tensor::{Tensor, Value};

pub static ENTRIES: &[OperatorEntry] = &[
    OperatorEntry { op: "Gemm", opsets: (7, 23), build: build_gemm },
    OperatorEntry { op: "MatMul", opsets: (7, 23), build: build_matmul },
];

/// `y = alpha · A · B + beta · C` with `A`, `B` transposed on request.
///
/// - Inputs: `A` `[M, K]`, `B` `[K, N]` (or transposed), optional `C` broadcastable to `[M, N]`.
/// - `C` is not read where `beta` is 0, so NaN in it does not count.
/// - Source: ONNX Gemm-7, -9, -11, -13. Floats only.
#[derive(Debug)]
struct Gemm {
    alpha: f32,
    beta: f32,
    left: Reading,
    right: Reading,
}

fn build_gemm(ctx: &BuildCtx) -> Result<Box<dyn Operator>, OpError> {
    at_most_inputs(ctx, 3)?;
    let reading = |name| -> Result<Reading, OpError> {
        Ok(if switch(ctx, name, 0)? { Reading::Transposed } else { Reading::RowMajor })
    };
    Ok(Box::new(Gemm {
        alpha: ctx.attributes.float_or("alpha", 1.0)?,
        beta: ctx.attributes.float_or("beta", 1.0)?,
        left: reading("transA")?,
        right: reading("transB")?,
    }))
}

impl Operator for Gemm {
    fn run(&self, inputs: &mut Inputs) -> Result<Vec<Value>, OpError> {
        let (left, right) = (inputs.take_f32(0)?, inputs.take_f32(1)?);
        let addend = inputs.take_optional_f32(2)?;
        let (packed, clamp) = (inputs.prepared::<PackedRight>(), inputs.clamp());
        let (left_data, right_data) = (elements(&left), elements(&right));
        let left = read_matrix(&left, &left_data, self.left)?;
        let right = read_matrix(&right, &right_data, self.right)?;
        if left.cols != right.rows {
            return Err(OpError::Invalid(format!(
                "a {}×{} matrix cannot be multiplied by a {}×{} matrix",
                left.rows, left.cols, right.rows, right.cols
            )));
        }
        let dims = [left.rows, right.cols];
        let mut out = vec![0.0; output_count(&dims)?];
        let addend = addend.map(|addend| self.scaled_addend(addend, &dims)).transpose()?;
        let addend = addend.filter(|_| self.beta != 0.0);
        let (row, addend) = match addend {
            Some(addend) if is_row(addend.shape(), right.cols) => (Some(addend), None),
            other => (None, other),
        };
        let row = row.as_ref().map(elements);
        let bias = row.as_deref().map_or(Bias::None, Bias::PerColumn);
        let product = Product { alpha: self.alpha, left, right, bias };
        product.write(packed.as_deref(), &mut out)?;
        if clamp != Clamp::NONE && addend.is_none() {
            out.iter_mut().for_each(|x| *x = clamp.of(*x));
        }
        let out = array_of(&dims, out)?;
        Ok(vec![match addend {
            Some(addend) => combine_in_place(out, addend, |y, c| clamp.of(y + c))?.into(),
            None => out.into(),
        }])
    }

    fn prepare(&self, constants: &[Option<Value>]) -> Option<Prepared> {
        let [_, Some(Value::F32(right)), ..] = constants else { return None };
        let data = elements(right);
        let matrix = read_matrix(right, &data, self.right).ok()?;
        Some(Arc::new(PackedRight::new(matrix).ok()?))
    }

    fn applies_clamp(&self) -> bool {
        true
    }
}

impl Gemm {
    /// `beta · C`, checked to broadcast to `dims`.
    fn scaled_addend(&self, addend: Tensor, dims: &[usize; 2]) -> Result<Tensor, OpError> {
        if broadcast_dims(addend.shape(), dims)? != dims {
            return Err(OpError::Invalid(format!(
                "input 2 has shape {:?}, which does not broadcast to {dims:?}",
                addend.shape()
            )));
        }
        if self.beta == 1.0 {
            return Ok(addend);
        }
        let scaled = elements(&addend).iter().map(|c| self.beta * c).collect();
        array_of(addend.shape(), scaled)
    }
}

fn is_row(dims: &[usize], n_cols: usize) -> bool {
    matches!(dims, [len] | [1, len] if *len == n_cols)
}

fn read_matrix<'a>(
    tensor: &Tensor,
    data: &'a [f32],
    reading: Reading,
) -> Result<MatrixRef<'a>, OpError> {
    let &[first, second] = tensor.shape() else {
        return Err(OpError::Invalid(format!(
            "an input has shape {:?}, a matrix has 2 dimensions",
            tensor.shape()
        )));
    };
    Ok(match reading {
        Reading::RowMajor => MatrixRef::row_major(data, first, second),
        Reading::Transposed => MatrixRef::transposed(data, second, first),
    })
}

/// `y = A · B` for matrices in the last two axes, the axes before broadcast (`numpy.matmul`).
///
/// - A one-dimensional operand is a row (left) or a column (right), its axis dropped from the result.
/// - Source: ONNX MatMul-1, -9, -13. Floats only.
#[derive(Debug)]
struct MatMul;

fn build_matmul(_ctx: &BuildCtx) -> Result<Box<dyn Operator>, OpError> {
    Ok(Box::new(MatMul))
}

impl Operator for MatMul {
    fn run(&self, inputs: &mut Inputs) -> Result<Vec<Value>, OpError> {
        let (left, right) = (inputs.take_f32(0)?, inputs.take_f32(1)?);
        let packed = inputs.prepared::<PackedRight>();
        Ok(vec![multiply(left, right, packed.as_deref())?.into()])
    }

    fn prepare(&self, constants: &[Option<Value>]) -> Option<Prepared> {
        let [_, Some(Value::F32(right))] = constants else { return None };
        // One matrix for the whole batch; others are packed as they are met.
        let [batch @ .., rows, cols] = right.shape() else { return None };
        if batch.iter().any(|&len| len != 1) {
            return None;
        }
        let data = elements(right);
        let matrix = MatrixRef::row_major(&data, *rows, *cols);
        Some(Arc::new(PackedRight::new(matrix).ok()?))
    }
}

/// `numpy.matmul` of two tensors.
///
/// # Errors
/// A scalar operand, inner dimensions that differ, batch axes that cannot be broadcast.
pub(super) fn matmul(left: Tensor, right: Tensor) -> Result<Tensor, OpError> {
    multiply(left, right, None)
}

/// [`matmul`] with the right operand made ready, if it is a constant.
fn multiply(left: Tensor, right: Tensor, packed: Option<&PackedRight>) -> Result<Tensor, OpError> {
    let (left_dims, right_dims) = (left.shape().to_vec(), right.shape().to_vec());
    let mismatch = || {
        OpError::Invalid(format!(
            "values of shapes {left_dims:?} and {right_dims:?} cannot be multiplied as matrices"
        ))
    };
    let left_matrix =
        if left_dims.len() == 1 { [&[1], &left_dims[..]].concat() } else { left_dims.clone() };
    let right_matrix =
        if right_dims.len() == 1 { [&right_dims[..], &[1]].concat() } else { right_dims.clone() };
    let ([left_batch @ .., rows, depth], [right_batch @ .., right_rows, cols]) =
        (&left_matrix[..], &right_matrix[..])
    else {
        return Err(mismatch());
    };
    if depth != right_rows {
        return Err(mismatch());
    }
    let batch = broadcast_dims(left_batch, right_batch)?;
    let full_dims = [&batch[..], &[*rows, *cols]].concat();
    let mut out = vec![0.0; output_count(&full_dims)?];
    let (left_data, right_data) = (elements(&left), elements(&right));
    let sizes = Sizes { rows: *rows, depth: *depth, cols: *cols };
    if right_batch.iter().all(|&len| len == 1) && batch == left_batch {
        // All left matrices are rows of one tall matrix.
        let sizes = Sizes { rows: count_of(&batch) * rows, ..sizes };
        let (left, right) = sizes.matrices(&left_data, &right_data);
        Product { alpha: 1.0, left, right, bias: Bias::None }.write(packed, &mut out)?;
    } else {
        let left_offsets = batch_offsets(&batch, left_batch);
        let right_offsets = batch_offsets(&batch, right_batch);
        let outs = out.chunks_exact_mut((rows * cols).max(1));
        for ((left_idx, right_idx), out) in left_offsets.into_iter().zip(right_offsets).zip(outs) {
            let left = left_data.get(left_idx * rows * depth..(left_idx + 1) * rows * depth);
            let right = right_data.get(right_idx * depth * cols..(right_idx + 1) * depth * cols);
            let (left, right) =
                sizes.matrices(left.ok_or_else(mismatch)?, right.ok_or_else(mismatch)?);
            Product { alpha: 1.0, left, right, bias: Bias::None }.write(None, out)?;
        }
    }
    let mut dims = batch;
    dims.extend((left_dims.len() > 1).then_some(*rows));
    dims.extend((right_dims.len() > 1).then_some(*cols));
    reshaped(array_of(&full_dims, out)?, &dims)
}

#[derive(Clone, Copy)]
struct Sizes {
    rows: usize,
    depth: usize,
    cols: usize,
}

impl Sizes {
    fn matrices<'a>(self, left: &'a [f32], right: &'a [f32]) -> (MatrixRef<'a>, MatrixRef<'a>) {
        (
            MatrixRef::row_major(left, self.rows, self.depth),
            MatrixRef::row_major(right, self.depth, self.cols),
        )
    }
}

/// For every matrix of the broadcast batch, which matrix of the operand it reads.
fn batch_offsets(batch: &[usize], operand: &[usize]) -> Vec<usize> {
    let strides = row_major_strides(operand);
    let missing = batch.len() - operand.len();
    let axes: Vec<StridedAxis> = batch
        .iter()
        .enumerate()
        .map(|(axis_idx, &len)| {
            let own = axis_idx.checked_sub(missing);
            let stride = match own.map(|own| (operand[own], strides[own])) {
                Some((own_len, stride)) if own_len == len => stride,
                _ => 0,
            };
            StridedAxis { len, stride }
        })
        .collect();
    super::strided::offsets(&axes)
}
