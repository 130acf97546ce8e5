//! Scales that are powers of two and take eight bits: the E8M0 of the OCP formats.

use super::table::ScaleStore;
use crate::codec::{Part, ScaleRule};

/// The range of E8M0 exponents; its last code, 255, is NaN.
pub const MIN_EXPONENT: i32 = -127;
pub const MAX_EXPONENT: i32 = 127;

/// `2^exponent`, exact in `f32` from −149 to 127.
pub fn pow2(exponent: i32) -> f32 {
    2f64.powi(exponent) as f32
}

/// `x = significand · 2^exponent` with `1 ≤ significand < 2`, exact also for subnormal values;
/// `None` unless `x` is positive and finite.
pub fn split(x: f32) -> Option<(f64, i32)> {
    if !(x > 0.0 && x.is_finite()) {
        return None;
    }
    let x = f64::from(x);
    let exponent = (x.to_bits() >> 52) as i32 - 1023;
    Some((x / 2f64.powi(exponent), exponent))
}

/// The stored code of an exponent that lies in E8M0's range.
pub fn e8m0(exponent: i32) -> i32 {
    exponent.clamp(MIN_EXPONENT, MAX_EXPONENT) - MIN_EXPONENT
}

/// An E8M0 exponent a group: `scale = 2^(code − 127) · unit`.
pub struct PowerScales {
    /// By group, 0 to 254.
    pub codes: Vec<i32>,
    /// What the elements are counted in: a power of two that the format implies.
    pub unit: f32,
}

impl ScaleStore for PowerScales {
    fn parts(&self) -> Vec<Part> {
        vec![Part::codes("scales", &self.codes, 8)]
    }

    fn rule(&self) -> ScaleRule {
        ScaleRule::Power { unit: f64::from(self.unit) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_split_exactly() {
        assert_eq!(split(6.0), Some((1.5, 2)));
        assert_eq!(split(1.0f32.next_down()).map(|(_, exponent)| exponent), Some(-1));
        assert_eq!(split(f32::from_bits(3)), Some((1.5, -148)));
        assert_eq!(split(f32::MAX).map(|(_, exponent)| exponent), Some(127));
        assert_eq!([split(0.0), split(f32::NAN), split(f32::INFINITY)], [None; 3]);
    }

    #[test]
    fn every_stored_code_comes_back() {
        let store = PowerScales { codes: (0..=255).collect(), unit: 1.0 };
        let scales = store.rule().read(&store.parts(), 256);
        for (code, &scale) in scales.iter().enumerate().take(255) {
            assert_eq!(scale, pow2(code as i32 - 127), "{code}");
        }
        assert!(scales[255].is_nan());
    }
}
