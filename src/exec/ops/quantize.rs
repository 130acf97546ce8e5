//! QuantizeLinear and DequantizeLinear: numbers to integers under scales, and back.

use super::dense::{Array, array_of, count_of, elements};
use crate::exec::operator::{BuildCtx, Inputs, OpError, Operator, OperatorEntry, resolve_axis};
use crate::tensor::{Tensor, Value};

pub static ENTRIES: &[OperatorEntry] = &[
    OperatorEntry { op: "QuantizeLinear", opsets: (10, 23), build: build_quantize },
    OperatorEntry { op: "DequantizeLinear", opsets: (10, 23), build: build_dequantize },
];

/// The integers that a type holds.
#[derive(Clone, Copy, Debug)]
struct Ends {
    min: i64,
    max: i64,
}

/// By the number of the type: what QuantizeLinear can make.
const TYPES: &[(i64, Ends)] = &[
    (2, Ends { min: 0, max: 255 }),
    (3, Ends { min: -128, max: 127 }),
    (4, Ends { min: 0, max: 65_535 }),
    (5, Ends { min: -32_768, max: 32_767 }),
    (21, Ends { min: 0, max: 15 }),
    (22, Ends { min: -8, max: 7 }),
];
/// Without a zero point and an attribute codes are bytes counted from 0.
const DEFAULT_TYPE: i64 = 2;

/// `y = clamp(round(x / scale) + zero_point)`, rounding half to even.
///
/// - `scale` and `zero_point` as for DequantizeLinear; the clamp is that of the type.
/// - The type is `output_dtype`, which readers of files set to that of a zero point they know:
///   integers of 4, 8 or 16 bits. Others are not supported. NaN becomes the zero point.
/// - Source: ONNX QuantizeLinear-10, -13, -19, -21, -23.
#[derive(Debug)]
struct QuantizeLinear {
    blocking: Blocking,
    ends: Ends,
    /// The type is a guess that holds only without a zero point.
    is_default: bool,
}

fn build_quantize(ctx: &BuildCtx) -> Result<Box<dyn Operator>, OpError> {
    let named = ctx.attributes.int("output_dtype")?.filter(|&dtype| dtype != 0);
    let dtype = named.unwrap_or(DEFAULT_TYPE);
    let found = TYPES.iter().find(|(number, _)| *number == dtype);
    let Some(&(_, ends)) = found else {
        return Err(OpError::Unsupported(format!("attribute \"output_dtype\" {dtype}")));
    };
    let blocking = Blocking::of(ctx)?;
    Ok(Box::new(QuantizeLinear { blocking, ends, is_default: named.is_none() }))
}

impl Operator for QuantizeLinear {
    fn run(&self, inputs: &mut Inputs) -> Result<Vec<Value>, OpError> {
        let value = inputs.take_f32(0)?;
        let scale = inputs.take_f32(1)?;
        let zero_point = inputs.take_optional(2);
        if self.is_default && zero_point.is_some() {
            return Err(OpError::Unsupported(
                "a zero point that is no constant, whose type is not known,".to_owned(),
            ));
        }
        let dims = value.shape().to_vec();
        let blocks = self.blocking.blocks(&dims, &scale)?;
        let zeros = int_zero_points(zero_point, &scale)?;
        let scales = elements(&scale);
        let Ends { min, max } = self.ends;
        let code = |x: f32, at: usize| {
            // Beyond the 2^32 of any type the clamp is all that counts.
            let rounded = (x / scales[at]).round_ties_even().clamp(-4e9, 4e9) as i64;
            rounded.saturating_add(zeros[at]).clamp(min, max)
        };
        let out = blocks.map(&elements(&value), code);
        Ok(vec![Value::I64(array_of(&dims, out)?)])
    }
}

/// `y = (x − zero_point) · scale`.
///
/// - `x`: integers, or 8-bit floats widened to f32 (their zero point must be 0). `scale` and
///   `zero_point` are one number, one a slice along `axis` (opset 13), or one a block of
///   `block_size` along it (opset 21).
/// - The difference is exact, the product rounded once to `f32`.
/// - Source: ONNX DequantizeLinear-10, -13, -19, -21, -23. Results other than f32 are not
///   supported.
#[derive(Debug)]
struct DequantizeLinear {
    blocking: Blocking,
}

/// Which elements share a scale.
#[derive(Debug)]
struct Blocking {
    axis: i64,
    block_size: i64,
}

fn build_dequantize(ctx: &BuildCtx) -> Result<Box<dyn Operator>, OpError> {
    if let Some(dtype @ 2..) = ctx.attributes.int("output_dtype")? {
        return Err(OpError::Unsupported(format!("attribute \"output_dtype\" {dtype}")));
    }
    Ok(Box::new(DequantizeLinear { blocking: Blocking::of(ctx)? }))
}

impl Blocking {
    fn of(ctx: &BuildCtx) -> Result<Self, OpError> {
        let block_size = if ctx.opset >= 21 { ctx.attributes.int_or("block_size", 0)? } else { 0 };
        if block_size < 0 {
            return Err(OpError::Invalid(format!(
                "attribute \"block_size\" is {block_size}, it must be at least 0"
            )));
        }
        let axis = if ctx.opset >= 13 { ctx.attributes.int_or("axis", 1)? } else { 0 };
        Ok(Self { axis, block_size })
    }
}

impl Operator for DequantizeLinear {
    fn run(&self, inputs: &mut Inputs) -> Result<Vec<Value>, OpError> {
        let value = inputs.take(0)?;
        let scale = inputs.take_f32(1)?;
        let zero_point = inputs.take_optional(2);
        let dims = value.dims().to_vec();
        let blocks = self.blocking.blocks(&dims, &scale)?;
        let scales = elements(&scale);
        let out = match value {
            Value::I64(array) => {
                let zeros = int_zero_points(zero_point, &scale)?;
                blocks.map(&elements(&array), |x, at| {
                    // In i128 the difference of any two i64 is exact.
                    (i128::from(x) - i128::from(zeros[at])) as f32 * scales[at]
                })
            }
            Value::F32(array) => {
                refuse_float_zero_point(zero_point)?;
                blocks.map(&elements(&array), |x, at| x * scales[at])
            }
            Value::Bool(_) => {
                return Err(OpError::Invalid("input 0 is bool, expected i64 or f32".to_owned()));
            }
        };
        Ok(vec![array_of(&dims, out)?.into()])
    }
}

/// Zero points of integers, one for each scale.
fn int_zero_points(zero_point: Option<Value>, scale: &Tensor) -> Result<Vec<i64>, OpError> {
    let zeros: Array<i64> = match zero_point {
        None => return Ok(vec![0; scale.len()]),
        Some(Value::I64(zeros)) => zeros,
        Some(other) => {
            return Err(OpError::Invalid(format!(
                "the zero point is {}, expected i64",
                other.type_name()
            )));
        }
    };
    if zeros.shape() != scale.shape() {
        return Err(OpError::Invalid(format!(
            "the zero point has shape {:?}, the scale {:?}; they must be equal",
            zeros.shape(),
            scale.shape()
        )));
    }
    Ok(elements(&zeros).into_owned())
}

fn refuse_float_zero_point(zero_point: Option<Value>) -> Result<(), OpError> {
    match zero_point {
        None => Ok(()),
        Some(Value::F32(zeros)) if zeros.iter().all(|&zero| zero == 0.0) => Ok(()),
        Some(_) => {
            Err(OpError::Unsupported("a zero point other than 0 for float codes".to_owned()))
        }
    }
}

/// A value as `outer × len × inner`, each run of `block_len` along the middle axis with one scale.
struct Blocks {
    len: usize,
    inner: usize,
    block_len: usize,
    layout: ScaleLayout,
}

/// How the scales lie.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ScaleLayout {
    One,
    /// `[len]`
    PerSlice,
    /// `outer × n_blocks × inner`
    PerBlock,
}

impl Blocking {
    fn blocks(&self, dims: &[usize], scale: &Tensor) -> Result<Blocks, OpError> {
        let refused = |axis: usize| {
            OpError::Invalid(format!(
                "a scale of shape {:?} does not fit a value of shape {dims:?} (axis {axis}, block size {})",
                scale.shape(),
                self.block_size
            ))
        };
        let block_len = usize::try_from(self.block_size).unwrap_or(0);
        if block_len == 0 && scale.len() == 1 && scale.ndim() <= 1 {
            return Ok(Blocks { len: 1, inner: 1, block_len: 1, layout: ScaleLayout::One });
        }
        let axis = resolve_axis(self.axis, dims.len())?;
        let (len, inner) = (dims[axis], count_of(&dims[axis + 1..]));
        if block_len == 0 {
            return match scale.shape() == [len] {
                true => Ok(Blocks { len, inner, block_len: 1, layout: ScaleLayout::PerSlice }),
                false => Err(refused(axis)),
            };
        }
        let mut expected = dims.to_vec();
        expected[axis] = len.div_ceil(block_len);
        match scale.shape() == expected {
            true => Ok(Blocks { len, inner, block_len, layout: ScaleLayout::PerBlock }),
            false => Err(refused(axis)),
        }
    }
}

impl Blocks {
    /// Maps every element together with the index of its scale.
    fn map<T: Copy, U>(&self, data: &[T], function: impl Fn(T, usize) -> U) -> Vec<U> {
        if self.layout == ScaleLayout::One {
            return data.iter().map(|&x| function(x, 0)).collect();
        }
        let n_blocks = self.len.div_ceil(self.block_len);
        let mut out = Vec::with_capacity(data.len());
        for (row_idx, row) in data.chunks_exact(self.inner.max(1)).enumerate() {
            let slice_idx = row_idx % self.len.max(1);
            match self.layout {
                ScaleLayout::PerBlock => {
                    let outer_idx = row_idx / self.len.max(1);
                    let first = (outer_idx * n_blocks + slice_idx / self.block_len) * self.inner;
                    out.extend(row.iter().enumerate().map(|(at, &x)| function(x, first + at)));
                }
                _ => out.extend(row.iter().map(|&x| function(x, slice_idx))),
            }
        }
        out
    }
}
