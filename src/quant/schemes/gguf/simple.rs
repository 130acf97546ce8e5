//! Types of one block of 32 weights with a scale of its own: `Q4_0` … `Q8_0`, and ggml's `MXFP4`.
//!
//! The order of operations is that of ggml: codes follow from the `f32` reciprocal of the scale before
//! it is rounded to half precision.

use half::f16;

use crate::codec::gguf_blocks::{Block, half_of_e8m0};

/// The `f32` reciprocal; 0 of 0.
pub fn reciprocal(d: f32) -> f32 {
    if d == 0.0 { 0.0 } else { 1.0 / d }
}

pub fn half_bits(x: f32) -> u16 {
    f16::from_f32(x).to_bits()
}

/// Rounds half away from zero; what has overflowed because the scale is below 1/`f32::MAX` is 0.
pub fn round_away(y: f32) -> i32 {
    let whole = y.abs() as i32;
    let up = i32::from(y.abs() - whole as f32 >= 0.5);
    let magnitude = if y.is_finite() { whole + up } else { 0 };
    if y < 0.0 { -magnitude } else { magnitude }
}

/// The whole part, at most `max`.
fn truncate(y: f32, max: i32) -> i8 {
    let whole = if y.is_finite() { y as i32 } else { 0 };
    whole.clamp(0, max) as i8
}

/// `d = extreme/−half`, `code = ⌊x/d + half + ½⌋`, the extreme being the first of the largest
/// magnitude.
fn symmetric(x: &[f32], half: f32, block: &mut Block) {
    let mut extreme = 0f32;
    for (idx, &x) in x.iter().enumerate() {
        if idx == 0 || x.abs() > extreme.abs() {
            extreme = x;
        }
    }
    let d = extreme / -half;
    let inverse = reciprocal(d);
    let max = 2 * half as i32 - 1;
    for (code, &x) in block.codes.iter_mut().zip(x) {
        *code = truncate(x * inverse + (half + 0.5), max);
    }
    block.d = half_bits(d);
}

/// `d = (max − min)/code_max`, `code = ⌊(x − min)/d + ½⌋`.
fn affine(x: &[f32], code_max: f32, block: &mut Block) {
    let mut ends = x.first().map_or((0.0, 0.0), |&x| (x, x));
    for &x in x {
        ends = (if x < ends.0 { x } else { ends.0 }, if x > ends.1 { x } else { ends.1 });
    }
    let (min, max) = ends;
    let d = (max - min) / code_max;
    let inverse = reciprocal(d);
    for (code, &x) in block.codes.iter_mut().zip(x) {
        *code = truncate((x - min) * inverse + 0.5, code_max as i32);
    }
    block.d = half_bits(d);
    block.min = half_bits(min);
}

pub fn q4_0(x: &[f32], block: &mut Block) {
    symmetric(x, 8.0, block);
}

pub fn q4_1(x: &[f32], block: &mut Block) {
    affine(x, 15.0, block);
}

pub fn q5_0(x: &[f32], block: &mut Block) {
    symmetric(x, 16.0, block);
}

pub fn q5_1(x: &[f32], block: &mut Block) {
    affine(x, 31.0, block);
}

pub fn absmax(x: &[f32]) -> f32 {
    x.iter().fold(0.0, |max, x| if x.abs() > max { x.abs() } else { max })
}

/// `d = absmax/127`, `code = round(x/d)`, half away from zero.
pub fn q8_0(x: &[f32], block: &mut Block) {
    let d = absmax(x) / 127.0;
    let inverse = reciprocal(d);
    for (code, &x) in block.codes.iter_mut().zip(x) {
        *code = round_away(x * inverse).clamp(-127, 127) as i8;
    }
    block.d = half_bits(d);
}

/// Between the doubled values of E2M1; a value on one goes to the level below, and so to the lower
/// code.
const MXFP4_TIES: [f32; 7] = [0.5, 1.5, 2.5, 3.5, 5.0, 7.0, 10.0];

/// `scale = 2^(⌊log₂ absmax⌋ − 2)`, the logarithm rounded to `f32` as ggml has it; the smallest scale
/// for what would need a smaller one.
pub fn mxfp4(x: &[f32], block: &mut Block) {
    let absmax = absmax(x);
    let exponent = if absmax > 0.0 {
        (f64::from(absmax).log2() as f32).floor().max(-125.0) + 125.0
    } else {
        0.0
    };
    let bits = exponent as u8;
    let scale = half_of_e8m0(bits);
    let ties = MXFP4_TIES.map(|tie| tie * scale);
    for (code, &x) in block.codes.iter_mut().zip(x) {
        let magnitude = x.abs();
        let low: i8 = ties.iter().map(|&tie| i8::from(magnitude > tie)).sum();
        *code = if x < 0.0 && low > 0 { low + 8 } else { low };
    }
    block.d = u16::from(bits);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_go_away_from_zero() {
        let found = [0.5, -0.5, 1.4999999, 2.5, -126.5, 0.49999997, -0.0].map(round_away);
        assert_eq!(found, [1, -1, 1, 3, -127, 0, 0]);
        assert_eq!([f32::INFINITY, f32::NAN].map(round_away), [0, 0]);
    }
}
