//! Values made from little: Constant, ConstantOfShape, Range, Shape, Size, OneHot.

use ndarray::{ArcArray, IxDyn};

use super::dense::{Array, Element, array_of, count_of};
use super::gather::take_indices;
use crate::exec::operator::{
    BuildCtx, Inputs, OpError, Operator, OperatorEntry, output_count, resolve_axis,
};
use crate::model::Attributes;
use crate::tensor::Value;

pub static ENTRIES: &[OperatorEntry] = &[
    OperatorEntry { op: "Constant", opsets: (7, 23), build: build_constant },
    OperatorEntry { op: "ConstantOfShape", opsets: (9, 23), build: build_constant_of_shape },
    OperatorEntry { op: "Range", opsets: (11, 23), build: |_| Ok(Box::new(Range)) },
    OperatorEntry { op: "Shape", opsets: (7, 23), build: build_shape },
    OperatorEntry { op: "Size", opsets: (7, 23), build: |_| Ok(Box::new(Size)) },
    OperatorEntry { op: "OneHot", opsets: (9, 23), build: build_one_hot },
];

/// The value of its attribute: `value`, or from opset 12 `value_int`, `value_ints`, `value_float`
/// or `value_floats`. Texts and sparse tensors are not supported (ONNX Constant-1 … -23).
#[derive(Debug)]
struct Constant {
    value: Value,
}

fn build_constant(ctx: &BuildCtx) -> Result<Box<dyn Operator>, OpError> {
    for name in ["value_string", "value_strings", "sparse_value"] {
        if ctx.attributes.get(name).is_some() {
            return Err(OpError::Unsupported(format!("attribute {name:?}")));
        }
    }
    let scalar = IxDyn(&[]);
    let value = if let Some(value) = ctx.attributes.tensor("value")? {
        value.clone()
    } else if let Some(int) = ctx.attributes.int("value_int")? {
        Value::I64(ArcArray::from_elem(scalar, int))
    } else if let Some(ints) = ctx.attributes.ints("value_ints")? {
        Value::from_ints(&ints)
    } else if let Some(float) = ctx.attributes.float("value_float")? {
        Value::F32(ArcArray::from_elem(scalar, float))
    } else {
        let floats = Attributes::required("value", ctx.attributes.floats("value_floats")?)?;
        Value::F32(array_of(&[floats.len()], floats)?)
    };
    Ok(Box::new(Constant { value }))
}

impl Operator for Constant {
    fn run(&self, _inputs: &mut Inputs) -> Result<Vec<Value>, OpError> {
        Ok(vec![self.value.clone()])
    }
}

/// Dimensions given as an input.
fn take_dims(inputs: &mut Inputs, idx: usize) -> Result<Vec<usize>, OpError> {
    let wanted = inputs.take_ints(idx)?;
    wanted.iter().map(|&dim| usize::try_from(dim).ok()).collect::<Option<_>>().ok_or_else(|| {
        OpError::Invalid(format!("the shape is {wanted:?}, dimensions must be at least 0"))
    })
}

/// One element, 0.0 by default, in the shape of input 0 (ONNX ConstantOfShape-9 … -23).
#[derive(Debug)]
struct ConstantOfShape {
    element: Value,
}

fn build_constant_of_shape(ctx: &BuildCtx) -> Result<Box<dyn Operator>, OpError> {
    let element = match ctx.attributes.tensor("value")? {
        Some(value) => value.clone(),
        None => Value::F32(ArcArray::from_elem(IxDyn(&[]), 0.0)),
    };
    if element.count() != 1 {
        return Err(OpError::Invalid(format!(
            "attribute \"value\" has shape {:?}, it must hold one element",
            element.dims()
        )));
    }
    Ok(Box::new(ConstantOfShape { element }))
}

impl Operator for ConstantOfShape {
    fn run(&self, inputs: &mut Inputs) -> Result<Vec<Value>, OpError> {
        let dims = take_dims(inputs, 0)?;
        Ok(vec![each_type!(&self.element, array => Element::wrap(filled(array, &dims)?))])
    }
}

fn filled<T: Element>(element: &Array<T>, dims: &[usize]) -> Result<Array<T>, OpError> {
    let element = element.first().copied().unwrap_or_default();
    array_of(dims, vec![element; output_count(dims)?])
}

/// `start, start + delta, …` before `limit` (ONNX Range-11). Floats are computed as
/// `start + i · delta`.
#[derive(Debug)]
struct Range;

impl Operator for Range {
    fn run(&self, inputs: &mut Inputs) -> Result<Vec<Value>, OpError> {
        let parts = [inputs.take(0)?, inputs.take(1)?, inputs.take(2)?];
        if parts.iter().any(|part| part.count() != 1) {
            return Err(OpError::Invalid(
                "start, limit and delta must be one number each".to_owned(),
            ));
        }
        match parts {
            [Value::F32(start), Value::F32(limit), Value::F32(delta)] => {
                let first = |array: &Array<f32>| array.first().copied().unwrap_or_default();
                range_of_floats(first(&start), first(&limit), first(&delta))
            }
            [Value::I64(start), Value::I64(limit), Value::I64(delta)] => {
                let first = |array: &Array<i64>| array.first().copied().unwrap_or_default();
                range_of_ints(first(&start), first(&limit), first(&delta))
            }
            _ => Err(OpError::Invalid(
                "start, limit and delta must all be f32 or all i64".to_owned(),
            )),
        }
    }
}

fn range_of_floats(start: f32, limit: f32, delta: f32) -> Result<Vec<Value>, OpError> {
    let n = ((f64::from(limit) - f64::from(start)) / f64::from(delta)).ceil().max(0.0);
    if !n.is_finite() || delta == 0.0 || ![start, limit, delta].iter().all(|x| x.is_finite()) {
        return Err(OpError::Invalid(format!(
            "a range from {start} to {limit} in steps of {delta} has no end"
        )));
    }
    let n = output_count(&[n as usize])?;
    let floats = (0..n).map(|i| (f64::from(start) + i as f64 * f64::from(delta)) as f32).collect();
    Ok(vec![Value::F32(array_of(&[n], floats)?)])
}

fn range_of_ints(start: i64, limit: i64, delta: i64) -> Result<Vec<Value>, OpError> {
    let (first, step) = (i128::from(start), i128::from(delta));
    let span = i128::from(limit) - first;
    if step == 0 {
        return Err(OpError::Invalid(format!(
            "a range from {start} to {limit} in steps of 0 has no end"
        )));
    }
    let n = if (span > 0) == (step > 0) {
        span.unsigned_abs().div_ceil(step.unsigned_abs())
    } else {
        0
    };
    let n = output_count(&[usize::try_from(n).unwrap_or(usize::MAX)])?;
    let ints = (0..n as i64).map(|i| start.wrapping_add(i.wrapping_mul(delta))).collect();
    Ok(vec![Value::I64(array_of(&[n], ints)?)])
}

/// The dimensions of the input, from opset 15 those of `start..end` (ONNX Shape-1, -13, -15 … -23).
#[derive(Debug)]
struct Shape {
    start: i64,
    end: Option<i64>,
}

fn build_shape(ctx: &BuildCtx) -> Result<Box<dyn Operator>, OpError> {
    if ctx.opset < 15 {
        return Ok(Box::new(Shape { start: 0, end: None }));
    }
    Ok(Box::new(Shape {
        start: ctx.attributes.int_or("start", 0)?,
        end: ctx.attributes.int("end")?,
    }))
}

impl Operator for Shape {
    fn run(&self, inputs: &mut Inputs) -> Result<Vec<Value>, OpError> {
        let value = inputs.take(0)?;
        let dims = value.dims();
        let rank = dims.len() as i64;
        let place = |at: i64| {
            let at = if at < 0 { at.saturating_add(rank) } else { at };
            at.clamp(0, rank).unsigned_abs() as usize
        };
        let (start, end) = (place(self.start), place(self.end.unwrap_or(rank)));
        let ints: Vec<i64> =
            dims.get(start..end).unwrap_or_default().iter().map(|&dim| dim as i64).collect();
        Ok(vec![Value::from_ints(&ints)])
    }
}

/// The number of elements of the input (ONNX Size-1, -13 … -23).
#[derive(Debug)]
struct Size;

impl Operator for Size {
    fn run(&self, inputs: &mut Inputs) -> Result<Vec<Value>, OpError> {
        let count = inputs.take(0)?.count() as i64;
        Ok(vec![Value::I64(ArcArray::from_elem(IxDyn(&[]), count))])
    }
}

/// A new axis of `depth` entries: the on-value where it equals the index, else the off-value.
///
/// - Inputs: indices (i64, or f32 cut to whole numbers), depth (one number), `[off, on]`. A negative
///   index counts from the back; one outside gives off-values only.
/// - Source: ONNX OneHot-9, -11.
#[derive(Debug)]
struct OneHot {
    axis: i64,
}

fn build_one_hot(ctx: &BuildCtx) -> Result<Box<dyn Operator>, OpError> {
    Ok(Box::new(OneHot { axis: ctx.attributes.int_or("axis", -1)? }))
}

impl Operator for OneHot {
    fn run(&self, inputs: &mut Inputs) -> Result<Vec<Value>, OpError> {
        let indices = take_whole_numbers(inputs, 0)?;
        let depths = take_whole_numbers(inputs, 1)?;
        let values = inputs.take(2)?;
        let depth =
            depths.first().and_then(|&depth| usize::try_from(depth).ok()).filter(|&d| d > 0);
        let Some(depth) = depth.filter(|_| depths.len() == 1) else {
            return Err(OpError::Invalid(format!(
                "the depth is {depths}, it must be one number above 0"
            )));
        };
        let axis = resolve_axis(self.axis, indices.ndim() + 1)?;
        Ok(vec![
            each_type!(values, array => Element::wrap(one_hot(&indices, depth, axis, &array)?)),
        ])
    }
}

fn take_whole_numbers(inputs: &mut Inputs, idx: usize) -> Result<Array<i64>, OpError> {
    match inputs.take(idx)? {
        Value::F32(floats) => Ok(floats.mapv(|x| x as i64).into_shared()),
        other => take_indices(&mut Inputs::new(vec![Some(other)]), 0),
    }
}

fn one_hot<T: Element>(
    indices: &Array<i64>,
    depth: usize,
    axis: usize,
    values: &Array<T>,
) -> Result<Array<T>, OpError> {
    let found: Vec<T> = values.iter().copied().collect();
    let [off, on] = found[..] else {
        return Err(OpError::Invalid(format!(
            "input 2 has shape {:?}, it must hold the off- and the on-value",
            values.shape()
        )));
    };
    let (before, after) = indices.shape().split_at(axis);
    let dims = [before, &[depth], after].concat();
    let mut out = vec![off; output_count(&dims)?];
    let inner = count_of(after);
    for (position, &index) in indices.iter().enumerate() {
        let index = if index < 0 { index.saturating_add(depth as i64) } else { index };
        if let Some(index) = usize::try_from(index).ok().filter(|&index| index < depth) {
            out[(position / inner * depth + index) * inner + position % inner] = on;
        }
    }
    array_of(&dims, out)
}
