//! `e^x`, tanh, erf and their kin without a call or a branch inside, so that loops over them
//! vectorize. Good to two units in the last place.

/// `e^x`.
///
/// - `x = n·ln 2 + r` with whole `n`, `e^x = 2^n · e^r`, `e^r` by a polynomial of degree 7.
/// - Error: at most 1.5 units in the last place, also where the result is subnormal. Above 88.73
///   the result is infinite, below −104 zero. NaN stays NaN.
/// - Source: Cephes `expf`.
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    /// Adding it leaves the rounded number in the low bits.
    const ROUNDING: f32 = 12_582_912.0;
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    let x = if x > 89.0 { 89.0 } else { x };
    let x = if x < -104.0 { -104.0 } else { x };
    let shifted = x * std::f32::consts::LOG2_E + ROUNDING;
    let n = shifted - ROUNDING;
    let r = x - n * LN_2_HIGH - n * LN_2_LOW;
    let mut p = 1.987_569_2e-4;
    for c in [1.398_2e-3, 8.333_452e-3, 4.166_579_6e-2, 0.166_666_65, 0.5] {
        p = p * r + c;
    }
    let e_r = p * r * r + r + 1.0;
    // 2^n in two factors, since n may lie outside the exponent's range.
    let n = shifted.to_bits().wrapping_sub(ROUNDING.to_bits()).cast_signed();
    let half = n >> 1;
    e_r * power_of_two(half) * power_of_two(n.wrapping_sub(half))
}

/// `2^n` for `n` within −126 … 127.
#[inline(always)]
fn power_of_two(n: i32) -> f32 {
    f32::from_bits((n.wrapping_add(127).cast_unsigned()) << 23)
}

/// `1 / (1 + e^−x)`.
#[inline(always)]
pub(super) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// The hyperbolic tangent.
///
/// - Below 0.625 a polynomial in `x²`, above `1 − 2/(e^2x + 1)`.
/// - Error: at most 2 units in the last place. NaN stays NaN.
/// - Source: Cephes `tanhf`.
#[inline(always)]
pub(super) fn tanh(x: f32) -> f32 {
    let size = x.abs();
    let square = x * x;
    let mut p = -5.704_988_7e-3;
    for c in [2.063_908_8e-2, -5.373_971_6e-2, 0.133_314_42, -0.333_332_8] {
        p = p * square + c;
    }
    let small = p * square * x + x;
    let large = (1.0 - 2.0 / (exp(2.0 * size) + 1.0)).copysign(x);
    if size < 0.625 { small } else { large }
}

/// The error function `2/√π · ∫₀ˣ e^(−t²) dt`.
///
/// - Below 0.9 `x + x·P(x²)`, above `1 − e^(−Q(x))`, `P` of degree 5 and `Q` of degree 7 fitted to
///   the least largest error; beyond 4 the result is ±1.
/// - Error: at most 2 units in the last place. NaN stays NaN.
#[inline(always)]
pub(super) fn erf(x: f32) -> f32 {
    let size = x.abs();
    let square = x * x;
    let mut p = -6.111_292e-4;
    for c in [5.016_228e-3, -2.678_195_8e-2, 0.112_822_3, -0.376_125_3, 0.128_379_16] {
        p = p * square + c;
    }
    let small = p * x + x;
    let inside = if size > 4.0 { 4.0 } else { size };
    let mut q = 2.090_955_6e-5;
    for c in [
        -4.323_03e-4,
        4.160_527e-3,
        -2.509_149_7e-2,
        0.108_236_62,
        0.633_386_7,
        1.129_495_1,
        -1.705_520_4e-4,
    ] {
        q = q * inside + c;
    }
    let large = (1.0 - exp(-q)).copysign(x);
    if size < 0.9 { small } else { large }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every 997th bit pattern, finite ones of both signs.
    fn inputs() -> impl Iterator<Item = f32> {
        (0..=u32::MAX).step_by(997).map(f32::from_bits).filter(|x| x.is_finite())
    }

    fn units_off(found: f32, want: f64) -> f64 {
        let rounded = want as f32;
        let size = rounded.abs().max(f32::MIN_POSITIVE);
        let unit = f64::from(f32::from_bits(size.to_bits() + 1)) - f64::from(size);
        (f64::from(found) - want).abs() / unit
    }

    #[test]
    fn exp_is_good_to_two_units() {
        for x in inputs() {
            let want = f64::from(x).exp();
            if want > f64::from(f32::MAX) {
                assert!(x < 88.73 || exp(x) == f32::INFINITY, "e^{x}");
            } else {
                assert!(units_off(exp(x), want) < 2.0, "e^{x} is {}, not {want}", exp(x));
            }
        }
        assert_eq!((exp(f32::INFINITY), exp(f32::NEG_INFINITY)), (f32::INFINITY, 0.0));
        assert!(exp(f32::NAN).is_nan());
        assert_eq!(exp(0.0), 1.0);
    }

    #[test]
    fn tanh_is_good_to_two_units() {
        for x in inputs() {
            let want = f64::from(x).tanh();
            assert!(units_off(tanh(x), want) < 2.0, "tanh {x} is {}, not {want}", tanh(x));
        }
        assert_eq!((tanh(f32::INFINITY), tanh(f32::NEG_INFINITY)), (1.0, -1.0));
        assert!(tanh(f32::NAN).is_nan());
    }

    /// The Maclaurin series, which in `f64` is good to 1e-9 up to 4.
    fn erf_series(x: f64) -> f64 {
        let (mut term, mut sum) = (x, x);
        for n in 1..200 {
            term *= -x * x / f64::from(n);
            sum += term / f64::from(2 * n + 1);
        }
        sum * 2.0 / std::f64::consts::PI.sqrt()
    }

    #[test]
    fn erf_is_good_to_two_units() {
        for x in inputs() {
            let want = if x.abs() < 4.0 { erf_series(f64::from(x)) } else { f64::from(x).signum() };
            assert!(units_off(erf(x), want) < 2.0, "erf {x} is {}, not {want}", erf(x));
        }
        assert_eq!((erf(f32::INFINITY), erf(f32::NEG_INFINITY)), (1.0, -1.0));
        assert!(erf(f32::NAN).is_nan());
    }
}
