//! Floats of 4 to 16 bits, decoded by their definitions. The variant is always named.

use serde::{Deserialize, Serialize};

use crate::tensor::DType;

/// How a small float spends its bits and which patterns are special.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layout {
    pub exponent_bits: u32,
    pub mantissa_bits: u32,
    pub bias: i32,
    pub specials: Specials,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Specials {
    /// Every pattern is a finite number.
    None,
    /// The largest exponent is infinity (mantissa 0) and NaN, as in IEEE 754.
    Ieee,
    /// No infinity; exponent and mantissa all ones is NaN.
    FiniteNan,
    /// No infinity, no negative zero: its pattern is the one NaN.
    NegativeZeroNan,
}

/// OCP 8-bit floating point, E4M3: largest 448, no infinity.
pub const E4M3FN: Layout = layout(4, 3, 7, Specials::FiniteNan);
/// OCP 8-bit floating point, E5M2: as IEEE 754.
pub const E5M2: Layout = layout(5, 2, 15, Specials::Ieee);
/// E4M3 with one NaN and no negative zero, bias 8: largest 240.
pub const E4M3FNUZ: Layout = layout(4, 3, 8, Specials::NegativeZeroNan);
/// E5M2 with one NaN and no negative zero, bias 16: largest 57344.
pub const E5M2FNUZ: Layout = layout(5, 2, 16, Specials::NegativeZeroNan);

/// IEEE-like 8 bits with more precision than range: largest 15.5.
pub const E3M4: Layout = layout(3, 4, 3, Specials::Ieee);
/// OCP 6-bit floating point, E2M3: largest 7.5, no infinity, no NaN.
pub const E2M3: Layout = layout(2, 3, 1, Specials::None);
/// OCP 6-bit floating point, E3M2: largest 28, no infinity, no NaN.
pub const E3M2: Layout = layout(3, 2, 3, Specials::None);
/// OCP 4-bit floating point, E2M1: 0, 0.5, 1, 1.5, 2, 3, 4, 6.
pub const E2M1: Layout = layout(2, 1, 1, Specials::None);
/// The upper half of a 32-bit float.
pub const BF16: Layout = layout(8, 7, 127, Specials::Ieee);
/// IEEE 754 binary16.
pub const F16: Layout = layout(5, 10, 15, Specials::Ieee);

const fn layout(exponent_bits: u32, mantissa_bits: u32, bias: i32, specials: Specials) -> Layout {
    Layout { exponent_bits, mantissa_bits, bias, specials }
}

impl Layout {
    /// Of that many bits, with the bias `2^(exponent bits − 1) − 1` and no special patterns.
    pub const fn plain(exponent_bits: u32, mantissa_bits: u32) -> Self {
        layout(exponent_bits, mantissa_bits, (1 << (exponent_bits - 1)) - 1, Specials::None)
    }

    /// Sign, exponent and mantissa.
    pub const fn n_bits(self) -> u32 {
        1 + self.exponent_bits + self.mantissa_bits
    }

    /// The value of a bit pattern, exact in `f32`.
    pub fn decode(self, bits: u32) -> f32 {
        let sign = bits >> (self.exponent_bits + self.mantissa_bits) & 1;
        let exponent_max = (1 << self.exponent_bits) - 1;
        let mantissa_max = (1 << self.mantissa_bits) - 1;
        let exponent = bits >> self.mantissa_bits & exponent_max;
        let mantissa = bits & mantissa_max;
        let signed = |magnitude: f32| if sign == 1 { -magnitude } else { magnitude };
        match self.specials {
            Specials::Ieee if exponent == exponent_max => {
                return if mantissa == 0 { signed(f32::INFINITY) } else { f32::NAN };
            }
            Specials::FiniteNan if exponent == exponent_max && mantissa == mantissa_max => {
                return f32::NAN;
            }
            Specials::NegativeZeroNan if sign == 1 && exponent == 0 && mantissa == 0 => {
                return f32::NAN;
            }
            _ => {}
        }
        let (significand, power) = if exponent == 0 {
            (mantissa, 1 - self.bias)
        } else {
            (mantissa + (1 << self.mantissa_bits), exponent as i32 - self.bias)
        };
        let value = f64::from(significand) * 2f64.powi(power - self.mantissa_bits as i32);
        signed(value as f32)
    }
}

/// E8M0: the power of two 2^(bits − 127); 255 is NaN.
pub fn decode_e8m0(bits: u8) -> f32 {
    match bits {
        255 => f32::NAN,
        0 => f32::from_bits(1 << 22),
        _ => f32::from_bits(u32::from(bits) << 23),
    }
}

/// The decoder of an 8-bit float type; `None` for every other type.
pub fn decoder(dtype: DType) -> Option<fn(u8) -> f32> {
    match dtype {
        DType::F8E4M3Fn => Some(|bits| E4M3FN.decode(u32::from(bits))),
        DType::F8E5M2 => Some(|bits| E5M2.decode(u32::from(bits))),
        DType::F8E4M3Fnuz => Some(|bits| E4M3FNUZ.decode(u32::from(bits))),
        DType::F8E5M2Fnuz => Some(|bits| E5M2FNUZ.decode(u32::from(bits))),
        DType::F8E8M0 => Some(decode_e8m0),
        _ => None,
    }
}
