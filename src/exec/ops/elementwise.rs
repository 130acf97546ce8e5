//! Functions of one number applied to every element: Abs, Neg, Sqrt, Exp, rounding, trigonometry.

use super::dense::{array_of, into_elements, map_f32};
use super::transcendental::exp;
use crate::exec::operator::{Inputs, OpError, Operator, OperatorEntry};
use crate::tensor::Value;

pub static ENTRIES: &[OperatorEntry] = &[
    OperatorEntry {
        op: "Abs",
        opsets: (7, 23),
        build: |_| map_numbers("Abs", f32::abs, i64::wrapping_abs),
    },
    OperatorEntry {
        op: "Neg",
        opsets: (7, 23),
        build: |_| map_numbers("Neg", |x| -x, i64::wrapping_neg),
    },
    OperatorEntry {
        op: "Sign",
        opsets: (9, 23),
        build: |_| map_numbers("Sign", sign, i64::signum),
    },
    OperatorEntry { op: "Sqrt", opsets: (7, 23), build: |_| map_floats("Sqrt", f32::sqrt) },
    OperatorEntry {
        op: "Reciprocal",
        opsets: (7, 23),
        build: |_| map_floats("Reciprocal", |x| 1.0 / x),
    },
    OperatorEntry { op: "Exp", opsets: (7, 23), build: |_| map_floats("Exp", exp) },
    OperatorEntry { op: "Log", opsets: (7, 23), build: |_| map_floats("Log", f32::ln) },
    OperatorEntry { op: "Floor", opsets: (7, 23), build: |_| map_floats("Floor", f32::floor) },
    OperatorEntry { op: "Ceil", opsets: (7, 23), build: |_| map_floats("Ceil", f32::ceil) },
    OperatorEntry {
        op: "Round",
        opsets: (11, 23),
        build: |_| map_floats("Round", f32::round_ties_even),
    },
    OperatorEntry { op: "Sin", opsets: (7, 23), build: |_| map_floats("Sin", f32::sin) },
    OperatorEntry { op: "Cos", opsets: (7, 23), build: |_| map_floats("Cos", f32::cos) },
    OperatorEntry { op: "Tan", opsets: (7, 23), build: |_| map_floats("Tan", f32::tan) },
    OperatorEntry { op: "Atan", opsets: (7, 23), build: |_| map_floats("Atan", f32::atan) },
];

/// −1, 0 or 1; NaN stays NaN (ONNX Sign-9, -13).
fn sign(x: f32) -> f32 {
    if x > 0.0 {
        1.0
    } else if x < 0.0 {
        -1.0
    } else if x.is_nan() {
        x
    } else {
        0.0
    }
}

/// An operator that applies `floats` to every element of a float tensor, in place when it can.
pub(super) fn map_floats<F>(op: &'static str, floats: F) -> Result<Box<dyn Operator>, OpError>
where
    F: Fn(f32) -> f32 + Send + Sync + 'static,
{
    Ok(Box::new(MapFloats { op, floats }))
}

/// An operator for float and integer tensors.
pub(super) fn map_numbers<F, I>(
    op: &'static str,
    floats: F,
    ints: I,
) -> Result<Box<dyn Operator>, OpError>
where
    F: Fn(f32) -> f32 + Send + Sync + 'static,
    I: Fn(i64) -> i64 + Send + Sync + 'static,
{
    Ok(Box::new(MapNumbers { floats: MapFloats { op, floats }, ints }))
}

struct MapFloats<F> {
    op: &'static str,
    floats: F,
}

impl<F> std::fmt::Debug for MapFloats<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.op)
    }
}

impl<F: Fn(f32) -> f32 + Send + Sync> Operator for MapFloats<F> {
    fn run(&self, inputs: &mut Inputs) -> Result<Vec<Value>, OpError> {
        let tensor = inputs.take_f32(0)?;
        Ok(vec![map_f32(tensor, &self.floats)?.into()])
    }
}

struct MapNumbers<F, I> {
    floats: MapFloats<F>,
    ints: I,
}

impl<F, I> std::fmt::Debug for MapNumbers<F, I> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.floats.fmt(f)
    }
}

impl<F, I> Operator for MapNumbers<F, I>
where
    F: Fn(f32) -> f32 + Send + Sync,
    I: Fn(i64) -> i64 + Send + Sync,
{
    fn run(&self, inputs: &mut Inputs) -> Result<Vec<Value>, OpError> {
        match inputs.take(0)? {
            Value::F32(tensor) => Ok(vec![map_f32(tensor, &self.floats.floats)?.into()]),
            Value::I64(array) => {
                let dims = array.shape().to_vec();
                let mut data = into_elements(array);
                data.iter_mut().for_each(|x| *x = (self.ints)(*x));
                Ok(vec![Value::I64(array_of(&dims, data)?)])
            }
            Value::Bool(_) => {
                Err(OpError::Invalid("input 0 is bool, expected f32 or i64".to_owned()))
            }
        }
    }
}
