//! What no quantizer can beat: signal-to-noise ratio against bits for sources without memory.

use std::f64::consts::{E, PI};

use crate::base::{Cancelled, WorkCtx, reduce};
use crate::tensor::Histogram;

/// Limits of the SQNR at a rate of R bits a weight, for weights drawn independently from one
/// distribution: straight lines, 6.02 dB a bit.
///
/// A method that treats channels or groups apart can pass them, since it uses that they differ.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RateLimits {
    /// SQNR in dB at 0 bits of the line of a Gaussian of the same variance: `D = σ²·2^(−2R)`
    /// (Shannon 1959).
    pub gaussian_db: f64,
    /// Of a Laplacian of the same variance: Shannon's lower bound, `D = (e/π)·σ²·2^(−2R)`.
    pub laplacian_db: f64,
    /// Of the tensor's own distribution: Shannon's lower bound `D = 2^(2h−2R)/(2πe)`, h its
    /// differential entropy in bits.
    pub own_db: f64,
    /// The differential entropy h in bits, from the histogram: `−Σ p·log₂(p/width)`.
    pub entropy_bits: f64,
}

/// Decibels that one bit gives: `20·log₁₀ 2`.
pub const DB_PER_BIT: f64 = 6.020_599_913_279_624;

impl RateLimits {
    /// From the weights and a histogram of them; `None` where they do not vary.
    ///
    /// # Errors
    /// [`Cancelled`].
    pub fn of(
        data: &[f32],
        histogram: &Histogram,
        ctx: &WorkCtx,
    ) -> Result<Option<Self>, Cancelled> {
        let parts = reduce::map_chunks(data, ctx, |chunk| {
            let finite = chunk.iter().filter(|x| x.is_finite()).map(|&x| f64::from(x));
            finite
                .fold((0usize, 0.0, 0.0), |(n, sum, squares), x| (n + 1, sum + x, squares + x * x))
        })?;
        let (count, sum, squares) =
            parts.into_iter().fold((0, 0.0, 0.0), |a, b| (a.0 + b.0, a.1 + b.1, a.2 + b.2));
        let power = squares / count.max(1) as f64;
        let variance = power - (sum / count.max(1) as f64).powi(2);
        let total = histogram.counts.iter().sum::<u64>() as f64;
        let width = histogram.bin_width();
        if variance.is_nan() || variance <= 0.0 || total == 0.0 || width <= 0.0 {
            return Ok(None);
        }
        let share = |&count: &u64| count as f64 / total;
        let used = histogram.counts.iter().filter(|&&count| count > 0).map(share);
        let entropy_bits: f64 = used.map(|p| -p * (p / width).log2()).sum();
        let own = (2.0 * entropy_bits).exp2() / (2.0 * PI * E);
        let db = |noise: f64| 10.0 * (power / noise).log10();
        Ok(Some(Self {
            gaussian_db: db(variance),
            laplacian_db: db(E / PI * variance),
            own_db: db(own),
            entropy_bits,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A uniform source reaches its own bound with equal steps up to the space-filling loss of
    /// `10·log₁₀(2πe/12)` = 1.53 dB.
    #[test]
    fn a_uniform_source_has_the_entropy_of_its_width() {
        let n = 40_000;
        let data: Vec<f32> = (0..n).map(|k| (k as f32 + 0.5) / n as f32 * 4.0 - 2.0).collect();
        let ctx = WorkCtx::new();
        let histogram = Histogram::compute(&data, (-2.0, 2.0), 200, &ctx).unwrap();
        let limits = RateLimits::of(&data, &histogram, &ctx).unwrap().unwrap();
        assert!((limits.entropy_bits - 2.0).abs() < 1e-3, "{limits:?}");
        let space_filling = 10.0 * (2.0 * PI * E / 12.0).log10();
        assert!((limits.own_db - space_filling).abs() < 1e-2, "{limits:?}");
        assert!(limits.gaussian_db.abs() < 1e-3);
        let flat = [1.5f32; 10];
        let histogram = Histogram::compute(&flat, (1.0, 2.0), 10, &ctx).unwrap();
        assert_eq!(RateLimits::of(&flat, &histogram, &ctx).unwrap(), None);
    }
}
