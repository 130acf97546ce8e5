//! Comparisons and logic, with broadcasting: results are `bool`.

use super::broadcast::{broadcast_dims, combine, combine_in_place};
use super::dense::{Array, Element, array_of, elements};
use super::rearrange::broadcast_to;
use crate::exec::operator::{Inputs, OpError, Operator, OperatorEntry};
use crate::tensor::Value;

pub static ENTRIES: &[OperatorEntry] = &[
    OperatorEntry { op: "Equal", opsets: (7, 23), build: |_| Ok(Box::new(EQUAL)) },
    OperatorEntry { op: "Greater", opsets: (7, 23), build: |_| Ok(Box::new(GREATER)) },
    OperatorEntry {
        op: "GreaterOrEqual",
        opsets: (12, 23),
        build: |_| Ok(Box::new(GREATER_OR_EQUAL)),
    },
    OperatorEntry { op: "Less", opsets: (7, 23), build: |_| Ok(Box::new(LESS)) },
    OperatorEntry { op: "LessOrEqual", opsets: (12, 23), build: |_| Ok(Box::new(LESS_OR_EQUAL)) },
    OperatorEntry { op: "And", opsets: (7, 23), build: |_| Ok(Box::new(Logic(|a, b| a && b))) },
    OperatorEntry { op: "Or", opsets: (7, 23), build: |_| Ok(Box::new(Logic(|a, b| a || b))) },
    OperatorEntry { op: "Xor", opsets: (7, 23), build: |_| Ok(Box::new(Logic(|a, b| a != b))) },
    OperatorEntry { op: "Not", opsets: (7, 23), build: |_| Ok(Box::new(Not)) },
    OperatorEntry { op: "IsNaN", opsets: (9, 23), build: |_| Ok(Box::new(IsNan)) },
    OperatorEntry { op: "Where", opsets: (9, 23), build: |_| Ok(Box::new(Where)) },
];

/// Compares two arrays, broadcast to one shape.
type Compare<T> = fn(&Array<T>, &Array<T>) -> Result<Array<bool>, OpError>;

/// A comparison of two values of one type, each with its loop compiled in. Comparing with NaN is
/// false.
#[derive(Clone, Copy, Debug)]
struct Comparison {
    floats: Compare<f32>,
    ints: Compare<i64>,
    bools: Option<Compare<bool>>,
}

/// ONNX Equal-7, -11, -13, -19.
const EQUAL: Comparison = Comparison {
    floats: |l, r| combine(l, r, |l, r| l == r),
    ints: |l, r| combine(l, r, |l, r| l == r),
    bools: Some(|l, r| combine(l, r, |l, r| l == r)),
};

/// ONNX Greater-7, -9, -13.
const GREATER: Comparison = Comparison {
    floats: |l, r| combine(l, r, |l, r| l > r),
    ints: |l, r| combine(l, r, |l, r| l > r),
    bools: None,
};

/// ONNX GreaterOrEqual-12, -16.
const GREATER_OR_EQUAL: Comparison = Comparison {
    floats: |l, r| combine(l, r, |l, r| l >= r),
    ints: |l, r| combine(l, r, |l, r| l >= r),
    bools: None,
};

/// ONNX Less-7, -9, -13.
const LESS: Comparison = Comparison {
    floats: |l, r| combine(l, r, |l, r| l < r),
    ints: |l, r| combine(l, r, |l, r| l < r),
    bools: None,
};

/// ONNX LessOrEqual-12, -16.
const LESS_OR_EQUAL: Comparison = Comparison {
    floats: |l, r| combine(l, r, |l, r| l <= r),
    ints: |l, r| combine(l, r, |l, r| l <= r),
    bools: None,
};

impl Operator for Comparison {
    fn run(&self, inputs: &mut Inputs) -> Result<Vec<Value>, OpError> {
        let result = match (inputs.take(0)?, inputs.take(1)?, self.bools) {
            (Value::F32(left), Value::F32(right), _) => (self.floats)(&left, &right)?,
            (Value::I64(left), Value::I64(right), _) => (self.ints)(&left, &right)?,
            (Value::Bool(left), Value::Bool(right), Some(bools)) => bools(&left, &right)?,
            (left, right, _) => {
                return Err(OpError::Invalid(format!(
                    "a {} cannot be compared with a {} here",
                    left.type_name(),
                    right.type_name()
                )));
            }
        };
        Ok(vec![Value::Bool(result)])
    }
}

fn take_bool(inputs: &mut Inputs, idx: usize) -> Result<Array<bool>, OpError> {
    bool::unwrap_value(inputs.take(idx)?).map_err(|other| {
        OpError::Invalid(format!("input {idx} is {}, expected bool", other.type_name()))
    })
}

/// A function of two truth values (ONNX And-7, Or-7, Xor-7).
#[derive(Debug)]
struct Logic(fn(bool, bool) -> bool);

impl Operator for Logic {
    fn run(&self, inputs: &mut Inputs) -> Result<Vec<Value>, OpError> {
        let (left, right) = (take_bool(inputs, 0)?, take_bool(inputs, 1)?);
        Ok(vec![Value::Bool(combine_in_place(left, right, self.0)?)])
    }
}

/// ONNX Not-1.
#[derive(Debug)]
struct Not;

impl Operator for Not {
    fn run(&self, inputs: &mut Inputs) -> Result<Vec<Value>, OpError> {
        let array = take_bool(inputs, 0)?;
        let inverted = elements(&array).iter().map(|on| !on).collect();
        Ok(vec![Value::Bool(array_of(array.shape(), inverted)?)])
    }
}

/// ONNX IsNaN-9, -13, -20.
#[derive(Debug)]
struct IsNan;

impl Operator for IsNan {
    fn run(&self, inputs: &mut Inputs) -> Result<Vec<Value>, OpError> {
        let tensor = inputs.take_f32(0)?;
        let found = elements(&tensor).iter().map(|x| x.is_nan()).collect();
        Ok(vec![Value::Bool(array_of(tensor.shape(), found)?)])
    }
}

/// `x` where the condition holds, else `y`; all three broadcast (ONNX Where-9, -16).
#[derive(Debug)]
struct Where;

impl Operator for Where {
    fn run(&self, inputs: &mut Inputs) -> Result<Vec<Value>, OpError> {
        let condition = take_bool(inputs, 0)?;
        Ok(vec![match (inputs.take(1)?, inputs.take(2)?) {
            (Value::F32(x), Value::F32(y)) => Value::F32(choose(&condition, &x, &y)?),
            (Value::I64(x), Value::I64(y)) => Value::I64(choose(&condition, &x, &y)?),
            (Value::Bool(x), Value::Bool(y)) => Value::Bool(choose(&condition, &x, &y)?),
            (x, y) => {
                return Err(OpError::Invalid(format!(
                    "inputs 1 and 2 are {} and {}, they must have one type",
                    x.type_name(),
                    y.type_name()
                )));
            }
        }])
    }
}

fn choose<T: Element>(
    condition: &Array<bool>,
    x: &Array<T>,
    y: &Array<T>,
) -> Result<Array<T>, OpError> {
    let dims = broadcast_dims(condition.shape(), &broadcast_dims(x.shape(), y.shape())?)?;
    let condition = broadcast_to(condition, &dims)?;
    let (x, y) = (broadcast_to(x, &dims)?, broadcast_to(y, &dims)?);
    let (condition, x, y) = (elements(&condition), elements(&x), elements(&y));
    let chosen = condition.iter().zip(x.iter().zip(y.iter()));
    array_of(&dims, chosen.map(|(&first, (&x, &y))| if first { x } else { y }).collect())
}
