//! Arithmetic of two or more values with broadcasting. Integers wrap around on overflow; dividing
//! one by zero is an error.

use super::attribute::switch;
use super::broadcast::{broadcast_dims, combine, combine_in_place};
use super::dense::{Array, map_f32};
use crate::exec::operator::{BuildCtx, Clamp, Inputs, OpError, Operator, OperatorEntry};
use crate::tensor::{Tensor, Value};

pub static ENTRIES: &[OperatorEntry] = &[
    OperatorEntry { op: "Add", opsets: (7, 23), build: |_| Ok(Box::new(Add)) },
    OperatorEntry { op: "Sub", opsets: (7, 23), build: |_| Ok(Box::new(SUB)) },
    OperatorEntry { op: "Mul", opsets: (7, 23), build: |_| Ok(Box::new(MUL)) },
    OperatorEntry { op: "Div", opsets: (7, 23), build: |_| Ok(Box::new(DIV)) },
    OperatorEntry { op: "Mod", opsets: (10, 23), build: build_mod },
    OperatorEntry { op: "Pow", opsets: (7, 23), build: |_| Ok(Box::new(Pow)) },
    OperatorEntry { op: "Sum", opsets: (7, 23), build: |_| fold(ADD, AfterFold::Keep) },
    OperatorEntry { op: "Mean", opsets: (7, 23), build: |_| fold(ADD, AfterFold::DivideByCount) },
    OperatorEntry { op: "Max", opsets: (7, 23), build: |_| fold(MAX, AfterFold::Keep) },
    OperatorEntry { op: "Min", opsets: (7, 23), build: |_| fold(MIN, AfterFold::Keep) },
];

type FloatArithmetic = fn(Tensor, Tensor) -> Result<Tensor, OpError>;
type IntArithmetic = fn(Array<i64>, Array<i64>) -> Result<Array<i64>, OpError>;

/// A function of two values of one type, each with its loop compiled in.
#[derive(Clone, Copy, Debug)]
struct Binary {
    floats: FloatArithmetic,
    ints: IntArithmetic,
}

/// ONNX Add-7, -13, -14.
const ADD: Binary = Binary {
    floats: |l, r| combine_in_place(l, r, |l, r| l + r),
    ints: |l, r| combine_in_place(l, r, i64::wrapping_add),
};

/// ONNX Sub-7, -13, -14.
const SUB: Binary = Binary {
    floats: |l, r| combine_in_place(l, r, |l, r| l - r),
    ints: |l, r| combine_in_place(l, r, i64::wrapping_sub),
};

/// ONNX Mul-7, -13, -14.
const MUL: Binary = Binary {
    floats: |l, r| combine_in_place(l, r, |l, r| l * r),
    ints: |l, r| combine_in_place(l, r, i64::wrapping_mul),
};

/// Integers divide towards zero (ONNX Div-7, -13, -14).
const DIV: Binary = Binary {
    floats: |l, r| combine_in_place(l, r, |l, r| l / r),
    ints: |l, r| {
        refuse_zero(&r)?;
        combine_in_place(l, r, |l, r| if r == 0 { 0 } else { l.wrapping_div(r) })
    },
};

/// The remainder with the divisor's sign, as Python's `%` (ONNX Mod-10, -13, `fmod = 0`).
const MOD_OF_DIVISOR: Binary = Binary {
    floats: |_, _| {
        Err(OpError::Invalid("attribute \"fmod\" is 0, it must be 1 for f32 inputs".to_owned()))
    },
    ints: |l, r| {
        refuse_zero(&r)?;
        combine_in_place(l, r, |l, r| {
            let remainder = if r == 0 { 0 } else { l.wrapping_rem(r) };
            if remainder != 0 && (remainder < 0) != (r < 0) { remainder + r } else { remainder }
        })
    },
};

/// The remainder with the dividend's sign, as C's `fmod` (ONNX Mod-10, -13, `fmod = 1`).
const MOD_OF_DIVIDEND: Binary = Binary {
    floats: |l, r| combine_in_place(l, r, |l, r| l % r),
    ints: |l, r| {
        refuse_zero(&r)?;
        combine_in_place(l, r, |l, r| if r == 0 { 0 } else { l.wrapping_rem(r) })
    },
};

/// The larger; NaN if either is (ONNX Max-8, -12, -13).
const MAX: Binary = Binary {
    floats: |l, r| combine_in_place(l, r, |l, r| if l > r || l.is_nan() { l } else { r }),
    ints: |l, r| combine_in_place(l, r, i64::max),
};

/// The smaller; NaN if either is (ONNX Min-8, -12, -13).
const MIN: Binary = Binary {
    floats: |l, r| combine_in_place(l, r, |l, r| if l < r || l.is_nan() { l } else { r }),
    ints: |l, r| combine_in_place(l, r, i64::min),
};

fn refuse_zero(divisor: &Array<i64>) -> Result<(), OpError> {
    match divisor.iter().any(|&x| x == 0) {
        true => Err(OpError::Invalid("an integer is divided by zero".to_owned())),
        false => Ok(()),
    }
}

impl Binary {
    fn apply(&self, left: Value, right: Value) -> Result<Value, OpError> {
        match (left, right) {
            (Value::F32(left), Value::F32(right)) => Ok((self.floats)(left, right)?.into()),
            (Value::I64(left), Value::I64(right)) => Ok(Value::I64((self.ints)(left, right)?)),
            (left, right) => Err(wrong_types(&left, &right)),
        }
    }
}

fn wrong_types(left: &Value, right: &Value) -> OpError {
    OpError::Invalid(format!(
        "the inputs are {} and {}, expected two f32 or two i64",
        left.type_name(),
        right.type_name()
    ))
}

impl Operator for Binary {
    fn run(&self, inputs: &mut Inputs) -> Result<Vec<Value>, OpError> {
        let (left, right) = (inputs.take(0)?, inputs.take(1)?);
        Ok(vec![self.apply(left, right)?])
    }
}

/// [`ADD`], with the limits of what follows it put on in the same pass.
#[derive(Debug)]
struct Add;

impl Operator for Add {
    fn run(&self, inputs: &mut Inputs) -> Result<Vec<Value>, OpError> {
        let clamp = inputs.clamp();
        match (inputs.take(0)?, inputs.take(1)?) {
            (Value::F32(left), Value::F32(right)) if clamp != Clamp::NONE => {
                Ok(vec![combine_in_place(left, right, |l, r| clamp.of(l + r))?.into()])
            }
            (left, right) => Ok(vec![ADD.apply(left, right)?]),
        }
    }

    fn applies_clamp(&self) -> bool {
        true
    }
}

fn build_mod(ctx: &BuildCtx) -> Result<Box<dyn Operator>, OpError> {
    Ok(Box::new(if switch(ctx, "fmod", 0)? { MOD_OF_DIVIDEND } else { MOD_OF_DIVISOR }))
}

/// `base ^ exponent` in the base's type.
///
/// - Whole exponents of 2 and 3 are products, everything else is `powf`; an integer base with an
///   integer exponent wraps around, a negative exponent gives `1 / base^|exponent|` cut to a whole
///   number.
/// - Source: ONNX Pow-7, -12, -13, -15.
#[derive(Debug)]
struct Pow;

impl Operator for Pow {
    fn run(&self, inputs: &mut Inputs) -> Result<Vec<Value>, OpError> {
        let (base, exponent) = (inputs.take(0)?, inputs.take(1)?);
        Ok(vec![match (base, exponent) {
            (Value::F32(base), Value::F32(exponent)) => pow_floats(base, &exponent)?.into(),
            (Value::F32(base), Value::I64(exponent)) => {
                pow_floats(base, &exponent.mapv(|e| e as f32).into_shared())?.into()
            }
            (Value::I64(base), Value::I64(exponent)) => {
                refuse_zero_to_negative(&base, &exponent)?;
                Value::I64(combine_in_place(base, exponent, pow_ints)?)
            }
            (Value::I64(base), Value::F32(exponent)) => {
                let base = base.mapv(|b| b as f64).into_shared();
                let exponent = exponent.mapv(f64::from).into_shared();
                Value::I64(combine(&base, &exponent, |b, e| b.powf(e) as i64)?)
            }
            (base, exponent) => return Err(wrong_types(&base, &exponent)),
        }])
    }
}

fn pow_floats(base: Tensor, exponent: &Tensor) -> Result<Tensor, OpError> {
    let scalar = exponent.first().filter(|_| exponent.len() == 1 && exponent.ndim() <= base.ndim());
    match scalar {
        Some(&2.0) => map_f32(base, |x| x * x),
        Some(&3.0) => map_f32(base, |x| x * x * x),
        _ => combine_in_place(base, exponent.clone(), f32::powf),
    }
}

fn refuse_zero_to_negative(base: &Array<i64>, exponent: &Array<i64>) -> Result<(), OpError> {
    if base.iter().any(|&b| b == 0) && exponent.iter().any(|&e| e < 0) {
        return Err(OpError::Invalid("zero is raised to a negative power".to_owned()));
    }
    Ok(())
}

fn pow_ints(base: i64, exponent: i64) -> i64 {
    match (base, exponent) {
        (1, _) => 1,
        (-1, _) => {
            if exponent % 2 == 0 {
                1
            } else {
                -1
            }
        }
        (_, ..0) => 0,
        _ => base.wrapping_pow(u32::try_from(exponent).unwrap_or(u32::MAX)),
    }
}

/// What is done with the combination of all inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AfterFold {
    Keep,
    DivideByCount,
}

/// A function of any number of inputs, combined from the left.
///
/// - Source: ONNX Sum-6, -8, -13; Mean-6, -8, -13 (floats only); Max-6 … -13; Min-6 … -13.
#[derive(Debug)]
struct Fold {
    binary: Binary,
    after: AfterFold,
}

fn fold(binary: Binary, after: AfterFold) -> Result<Box<dyn Operator>, OpError> {
    Ok(Box::new(Fold { binary, after }))
}

impl Operator for Fold {
    fn run(&self, inputs: &mut Inputs) -> Result<Vec<Value>, OpError> {
        let n_inputs = inputs.len();
        let mut result = inputs.take(0)?;
        for idx in 1..n_inputs {
            let next = inputs.take(idx)?;
            broadcast_dims(result.dims(), next.dims())?;
            result = self.binary.apply(result, next)?;
        }
        Ok(vec![match (self.after, result) {
            (AfterFold::Keep, result) => result,
            (AfterFold::DivideByCount, Value::F32(sum)) => {
                let count = n_inputs as f32;
                map_f32(sum, |x| x / count)?.into()
            }
            (AfterFold::DivideByCount, other) => {
                return Err(OpError::Invalid(format!(
                    "the inputs are {}, expected f32",
                    other.type_name()
                )));
            }
        }])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exec::ops::dense::array_of;

    fn ints(list: &[i64]) -> Value {
        Value::from_ints(list)
    }

    fn run(op: &dyn Operator, left: Value, right: Value) -> Result<Value, OpError> {
        op.run(&mut Inputs::new(vec![Some(left), Some(right)])).map(|mut out| out.remove(0))
    }

    fn list(value: &Value) -> Vec<i64> {
        match value {
            Value::I64(array) => array.iter().copied().collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn integers_wrap_and_never_panic() {
        let cases: &[(&dyn Operator, i64, i64, i64)] = &[
            (&ADD, i64::MAX, 1, i64::MIN),
            (&SUB, i64::MIN, 1, i64::MAX),
            (&MUL, i64::MAX, 2, -2),
            (&DIV, i64::MIN, -1, i64::MIN),
            (&DIV, -7, 2, -3),
            (&MOD_OF_DIVISOR, -7, 3, 2),
            (&MOD_OF_DIVISOR, 7, -3, -2),
            (&MOD_OF_DIVISOR, i64::MIN, -1, 0),
            (&MOD_OF_DIVIDEND, -7, 3, -1),
            (&Pow, 2, 62, 1 << 62),
            (&Pow, 2, -1, 0),
            (&Pow, -1, -3, -1),
        ];
        for (op, left, right, want) in cases {
            let found = run(*op, ints(&[*left]), ints(&[*right])).unwrap();
            assert_eq!(list(&found), [*want], "{op:?} of {left} and {right}");
        }
        for op in [&DIV as &dyn Operator, &MOD_OF_DIVISOR, &MOD_OF_DIVIDEND] {
            assert!(run(op, ints(&[1]), ints(&[1, 0])).is_err(), "{op:?} by zero");
        }
        assert!(run(&Pow, ints(&[0]), ints(&[-1])).is_err());
        assert!(run(&ADD, ints(&[0]), Value::F32(array_of(&[1], vec![0.0]).unwrap())).is_err());
    }

    #[test]
    fn maximum_and_minimum_keep_nan() {
        let tensor = |list: &[f32]| Value::F32(array_of(&[list.len()], list.to_vec()).unwrap());
        for op in [MAX, MIN] {
            let found = run(&op, tensor(&[f32::NAN, 1.0]), tensor(&[1.0, f32::NAN])).unwrap();
            let Value::F32(found) = found else { panic!("not a tensor") };
            assert!(found.iter().all(|x| x.is_nan()));
        }
    }
}
