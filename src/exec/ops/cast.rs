//! Conversion between element types: Cast and CastLike.
//!
//! Values hold widened elements, so casting to a narrow type means to round, wrap or saturate to
//! what that type can hold and to widen again.

use half::{bf16, f16};

use super::dense::{array_of, elements, map_f32};
use crate::exec::operator::{BuildCtx, Inputs, OpError, Operator, OperatorEntry};
use crate::model::Attributes;
use crate::tensor::Value;

pub static ENTRIES: &[OperatorEntry] = &[
    OperatorEntry { op: "Cast", opsets: (7, 23), build: build_cast },
    OperatorEntry { op: "CastLike", opsets: (15, 23), build: |_| Ok(Box::new(CastLike)) },
];

/// What is converted to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target {
    /// `f32`, or `f64`, which is kept as `f32`.
    F32,
    F16,
    Bf16,
    Int(IntWidth),
    Bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct IntWidth {
    bits: u32,
    signedness: Signedness,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Signedness {
    Signed,
    Unsigned,
}

impl Target {
    /// The type that `TensorProto.DataType` numbers `code`.
    fn from_code(code: i64) -> Result<Self, OpError> {
        let int = |bits, signedness| Ok(Self::Int(IntWidth { bits, signedness }));
        match code {
            1 | 11 => Ok(Self::F32),
            2 => int(8, Signedness::Unsigned),
            3 => int(8, Signedness::Signed),
            4 => int(16, Signedness::Unsigned),
            5 => int(16, Signedness::Signed),
            6 => int(32, Signedness::Signed),
            7 => int(64, Signedness::Signed),
            9 => Ok(Self::Bool),
            10 => Ok(Self::F16),
            12 => int(32, Signedness::Unsigned),
            13 => int(64, Signedness::Unsigned),
            16 => Ok(Self::Bf16),
            21 => int(4, Signedness::Unsigned),
            22 => int(4, Signedness::Signed),
            8 | 14 | 15 | 17..=20 | 23.. => {
                Err(OpError::Unsupported(format!("a cast to ONNX type {code}")))
            }
            _ => Err(OpError::Invalid(format!(
                "attribute \"to\" is {code}, the element types are numbered from 1 on"
            ))),
        }
    }
}

/// Converts every element.
///
/// - Float to integer: cut towards zero, saturated at the type's ends, NaN to 0. Integer to a
///   narrower one: wrapped as in C. To bool: whether it is not zero. To f16 and bf16: half to even.
/// - Unsigned 64-bit results from 2^63 on cannot be held and are refused.
/// - Source: ONNX Cast-6, -9, -13, -19, -21, -23. Texts, complex numbers, 8- and 4-bit floats are
///   not supported.
#[derive(Debug)]
struct Cast {
    target: Target,
}

fn build_cast(ctx: &BuildCtx) -> Result<Box<dyn Operator>, OpError> {
    let code = Attributes::required("to", ctx.attributes.int("to")?)?;
    Ok(Box::new(Cast { target: Target::from_code(code)? }))
}

impl Operator for Cast {
    fn run(&self, inputs: &mut Inputs) -> Result<Vec<Value>, OpError> {
        Ok(vec![cast(inputs.take(0)?, self.target)?])
    }
}

/// Converts input 0 to the type of input 1 (ONNX CastLike-15 … -23).
///
/// Only what kind input 1 has is known here, not its width in the file: integers become 64 bits
/// wide, floats 32.
#[derive(Debug)]
struct CastLike;

impl Operator for CastLike {
    fn run(&self, inputs: &mut Inputs) -> Result<Vec<Value>, OpError> {
        let value = inputs.take(0)?;
        let target = match inputs.take(1)? {
            Value::F32(_) => Target::F32,
            Value::I64(_) => Target::Int(IntWidth { bits: 64, signedness: Signedness::Signed }),
            Value::Bool(_) => Target::Bool,
        };
        Ok(vec![cast(value, target)?])
    }
}

fn cast(value: Value, target: Target) -> Result<Value, OpError> {
    match target {
        Target::F32 => to_floats(value),
        Target::F16 => rounded(value, |x| f16::from_f32(x).to_f32()),
        Target::Bf16 => rounded(value, |x| bf16::from_f32(x).to_f32()),
        Target::Int(width) => to_ints(value, width),
        Target::Bool => to_bools(value),
    }
}

fn to_floats(value: Value) -> Result<Value, OpError> {
    Ok(match value {
        Value::F32(_) => value,
        Value::I64(array) => {
            let floats = elements(&array).iter().map(|&x| x as f32).collect();
            array_of(array.shape(), floats)?.into()
        }
        Value::Bool(array) => {
            let floats = elements(&array).iter().map(|&x| f32::from(u8::from(x))).collect();
            array_of(array.shape(), floats)?.into()
        }
    })
}

fn rounded(value: Value, round: fn(f32) -> f32) -> Result<Value, OpError> {
    match to_floats(value)? {
        Value::F32(tensor) => Ok(map_f32(tensor, round)?.into()),
        other => Ok(other),
    }
}

fn to_ints(value: Value, width: IntWidth) -> Result<Value, OpError> {
    let (dims, ints): (_, Result<Vec<i64>, OpError>) = match &value {
        Value::F32(array) => {
            let ints = elements(array).iter().map(|&x| width.saturated(x)).collect();
            (array.shape(), ints)
        }
        Value::I64(array) => {
            let ints = elements(array).iter().map(|&x| width.wrapped(x)).collect();
            (array.shape(), ints)
        }
        Value::Bool(array) => {
            let ints = elements(array).iter().map(|&x| Ok(i64::from(x))).collect();
            (array.shape(), ints)
        }
    };
    Ok(Value::I64(array_of(dims, ints?)?))
}

fn to_bools(value: Value) -> Result<Value, OpError> {
    let (dims, bools) = match &value {
        Value::F32(array) => (array.shape(), elements(array).iter().map(|&x| x != 0.0).collect()),
        Value::I64(array) => (array.shape(), elements(array).iter().map(|&x| x != 0).collect()),
        Value::Bool(_) => return Ok(value),
    };
    Ok(Value::Bool(array_of(dims, bools)?))
}

impl IntWidth {
    /// Smallest and largest value; the largest of 64 unsigned bits is not reached.
    fn range(self) -> (i64, i64) {
        match (self.signedness, self.bits) {
            (Signedness::Signed, 64) => (i64::MIN, i64::MAX),
            (Signedness::Unsigned, 64) => (0, i64::MAX),
            (Signedness::Signed, bits) => (-(1 << (bits - 1)), (1 << (bits - 1)) - 1),
            (Signedness::Unsigned, bits) => (0, (1 << bits) - 1),
        }
    }

    fn saturated(self, x: f32) -> Result<i64, OpError> {
        if self == U64 && x >= 9_223_372_036_854_775_808.0 {
            return Err(too_large(x));
        }
        let (min, max) = self.range();
        Ok((x as i64).clamp(min, max))
    }

    fn wrapped(self, x: i64) -> Result<i64, OpError> {
        if self == U64 && x < 0 {
            return Err(too_large(x));
        }
        let spare = 64 - self.bits;
        Ok(match self.signedness {
            Signedness::Signed => (x << spare) >> spare,
            Signedness::Unsigned => ((x as u64) << spare >> spare) as i64,
        })
    }
}

const U64: IntWidth = IntWidth { bits: 64, signedness: Signedness::Unsigned };

fn too_large(x: impl std::fmt::Display) -> OpError {
    OpError::Unsupported(format!("a cast of {x} to u64, whose result lies beyond 2^63"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_wrap_and_floats_saturate() {
        let int = |bits, signedness| IntWidth { bits, signedness };
        let (s8, u8, s4) =
            (int(8, Signedness::Signed), int(8, Signedness::Unsigned), int(4, Signedness::Signed));
        let s64 = int(64, Signedness::Signed);
        for (width, x, want) in
            [(s8, 200, -56), (u8, -1, 255), (s4, 9, -7), (s64, i64::MIN, i64::MIN), (u8, 256, 0)]
        {
            assert_eq!(width.wrapped(x), Ok(want), "{x} to {width:?}");
        }
        for (width, x, want) in [
            (s8, 200.5, 127),
            (s8, -200.5, -128),
            (u8, -3.7, 0),
            (s64, f32::INFINITY, i64::MAX),
            (s8, f32::NAN, 0),
            (s8, -3.7, -3),
        ] {
            assert_eq!(width.saturated(x), Ok(want), "{x} to {width:?}");
        }
        assert!(U64.wrapped(-1).is_err());
        assert!(U64.saturated(1e19).is_err());
        assert_eq!(U64.saturated(-1.0), Ok(0));
    }

    #[test]
    fn cast_like_takes_the_kind_of_its_second_input() {
        let floats = || Value::F32(array_of(&[2], vec![-1.5, 0.0]).unwrap());
        let cast_to = |like: Value| {
            CastLike.run(&mut Inputs::new(vec![Some(floats()), Some(like)])).unwrap().remove(0)
        };
        let Value::I64(ints) = cast_to(Value::from_ints(&[7])) else { panic!("not i64") };
        assert_eq!(elements(&ints).as_ref(), [-1, 0]);
        let Value::Bool(bools) = cast_to(Value::Bool(array_of(&[1], vec![true]).unwrap())) else {
            panic!("not bool")
        };
        assert_eq!(elements(&bools).as_ref(), [true, false]);
        assert_eq!(cast_to(floats()).type_name(), "f32");
    }

    #[test]
    fn every_type_number_is_decided() {
        for code in -3..30 {
            let supported = matches!(code, 1..=7 | 9..=13 | 16 | 21 | 22);
            assert_eq!(Target::from_code(code).is_ok(), supported, "type {code}");
        }
    }
}
