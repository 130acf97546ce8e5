//! Ranges from a few moments: mean and deviation, and the best threshold for a known density.

use super::{RangeTarget, ValueRange, min_max};
use crate::base::{Cancelled, WorkCtx, reduce};

/// What the values are taken to be distributed as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Density {
    Gaussian,
    Laplacian,
}

/// Mean ± `k` standard deviations (of the population), not beyond the smallest and largest value;
/// for symmetric levels the larger magnitude of the two ends.
pub fn sigma(
    group: &[f32],
    target: &dyn RangeTarget,
    k: f64,
    ctx: &WorkCtx,
) -> Result<ValueRange, Cancelled> {
    let moments = Moments::of(group, ctx)?;
    moments.range(k * moments.std, group, target, ctx)
}

/// Mean ± the threshold of Banner et al. (2019), arXiv:1810.05723 ("ACIQ"): the α with the smallest
/// expected squared error of `n` equal steps over `[−α, α]`, were the values so distributed.
///
/// - Laplacian, `b` = mean |x − mean|: `2b²·e^(−α/b) + α²/(3n²)`.
/// - Gaussian: `(α² + σ²)·(1 − erf(α/√(2σ²))) − ασ·√(2/π)·e^(−α²/2σ²) + α²/(3n²)`.
/// - Not beyond the smallest and largest value; for symmetric levels the larger magnitude of the
///   two ends.
pub fn aciq(
    group: &[f32],
    target: &dyn RangeTarget,
    density: Density,
    ctx: &WorkCtx,
) -> Result<ValueRange, Cancelled> {
    let moments = Moments::of(group, ctx)?;
    let spread = match density {
        Density::Gaussian => moments.std,
        Density::Laplacian => moments.mean_deviation,
    };
    let threshold = density.best_threshold(target.n_levels()) * spread;
    moments.range(threshold, group, target, ctx)
}

impl Density {
    /// The best threshold for `n_levels` equal steps, in units of σ or of b.
    ///
    /// The zero of the derivative of the expected error, which rises with the threshold, by
    /// bisection.
    pub fn best_threshold(self, n_levels: usize) -> f64 {
        let n = (n_levels as f64).max(2.0);
        let slope = |alpha: f64| {
            let rounding = 2.0 * alpha / (3.0 * n * n);
            let clipping = match self {
                Self::Laplacian => -2.0 * (-alpha).exp(),
                Self::Gaussian => {
                    let tail = libm::erfc(alpha / std::f64::consts::SQRT_2);
                    let density =
                        (2.0 / std::f64::consts::PI).sqrt() * (-alpha * alpha / 2.0).exp();
                    2.0 * (alpha * tail - density)
                }
            };
            clipping + rounding
        };
        let (mut lo, mut hi) = (0.0, 64.0);
        for _ in 0..60 {
            let middle = (lo + hi) / 2.0;
            if slope(middle) < 0.0 { lo = middle } else { hi = middle }
        }
        (lo + hi) / 2.0
    }
}

struct Moments {
    mean: f64,
    std: f64,
    /// Mean of |x − mean|.
    mean_deviation: f64,
}

impl Moments {
    fn of(group: &[f32], ctx: &WorkCtx) -> Result<Self, Cancelled> {
        let count = group.len().max(1) as f64;
        let sum = |of: fn(f64, f64) -> f64, mean: f64| -> Result<f64, Cancelled> {
            let of_chunk =
                |chunk: &[f32]| chunk.iter().map(|&x| of(f64::from(x), mean)).sum::<f64>();
            Ok(reduce::map_chunks(group, ctx, of_chunk)?.into_iter().sum::<f64>() / count)
        };
        let mean = sum(|x, _| x, 0.0)?;
        Ok(Self {
            mean,
            std: sum(|x, mean| (x - mean) * (x - mean), mean)?.sqrt(),
            mean_deviation: sum(|x, mean| (x - mean).abs(), mean)?,
        })
    }

    fn range(
        &self,
        reach: f64,
        group: &[f32],
        target: &dyn RangeTarget,
        ctx: &WorkCtx,
    ) -> Result<ValueRange, Cancelled> {
        let full = min_max(group, ctx)?;
        let lo = ((self.mean - reach) as f32).max(full.lo);
        let hi = ((self.mean + reach) as f32).min(full.hi);
        Ok(match target.is_symmetric() {
            true => {
                let threshold = hi.max(-lo);
                ValueRange { lo: -threshold, hi: threshold }
            }
            false => ValueRange { lo, hi },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The thresholds the paper gives for 2, 3 and 4 bits.
    #[test]
    fn thresholds_are_those_of_the_paper() {
        for (n_levels, laplacian, gaussian) in [(4, 2.83, 1.71), (8, 3.89, 2.15), (16, 5.03, 2.55)]
        {
            assert!((Density::Laplacian.best_threshold(n_levels) - laplacian).abs() < 0.011);
            assert!((Density::Gaussian.best_threshold(n_levels) - gaussian).abs() < 0.011);
        }
    }
}
