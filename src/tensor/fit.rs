//! How a distribution compares with a Gaussian and a Laplacian.

use super::{Histogram, TensorStats};
use crate::base::{Cancelled, WorkCtx, reduce};

/// A distribution with two parameters, by maximum likelihood.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fitted {
    /// Mean and population standard deviation.
    Gaussian { mean: f64, std: f64 },
    /// Median and mean distance from it.
    Laplacian { median: f64, spread: f64 },
}

impl Fitted {
    /// Probability density.
    pub fn density(&self, x: f64) -> f64 {
        match *self {
            Self::Gaussian { mean, std } => {
                let z = (x - mean) / std;
                (-0.5 * z * z).exp() / (std * std::f64::consts::TAU.sqrt())
            }
            Self::Laplacian { median, spread } => {
                (-(x - median).abs() / spread).exp() / (2.0 * spread)
            }
        }
    }

    /// Share of the distribution up to `x`.
    pub fn share_below(&self, x: f64) -> f64 {
        match *self {
            Self::Gaussian { mean, std } => {
                0.5 * (1.0 + libm::erf((x - mean) / (std * 2f64.sqrt())))
            }
            Self::Laplacian { median, spread } => {
                let tail = 0.5 * (-(x - median).abs() / spread).exp();
                if x < median { tail } else { 1.0 - tail }
            }
        }
    }

    /// Largest distance between the shares below, measured at the edges of the bins
    /// (Kolmogorov–Smirnov on binned data).
    pub fn distance(&self, histogram: &Histogram) -> f64 {
        let total = histogram.counts.iter().sum::<u64>().max(1) as f64;
        let mut below = 0u64;
        let mut largest = 0f64;
        for (bin_idx, &count) in histogram.counts.iter().enumerate() {
            below += count;
            let expected = self.share_below(histogram.edge(bin_idx + 1));
            largest = largest.max((below as f64 / total - expected).abs());
        }
        largest
    }
}

/// The two fits, and how heavy the tails are. `None` for a constant or empty tensor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DistributionShape {
    pub gaussian: Fitted,
    pub laplacian: Fitted,
    /// Share of the finite values more than four standard deviations from the mean; a Gaussian has
    /// 0.0063 %.
    pub outlier_share: f64,
}

/// The most values the median is taken from; of a larger tensor every k-th.
const MAX_SORTED: usize = 1 << 22;

impl DistributionShape {
    /// # Errors
    /// [`Cancelled`].
    pub fn fit(
        data: &[f32],
        stats: &TensorStats,
        ctx: &WorkCtx,
    ) -> Result<Option<Self>, Cancelled> {
        let (Some(mean), Some(std)) = (stats.mean, stats.std.filter(|&std| std > 0.0)) else {
            return Ok(None);
        };
        let step = data.len().div_ceil(MAX_SORTED).max(1);
        let mut values: Vec<f32> =
            data.iter().step_by(step).copied().filter(|x| x.is_finite()).collect();
        let Some(middle) = values.len().checked_sub(1).map(|last| last / 2) else {
            return Ok(None);
        };
        let (_, &mut median, _) = values.select_nth_unstable_by(middle, f32::total_cmp);
        let median = f64::from(median);
        let parts = reduce::map_chunks(data, ctx, |chunk| {
            let finite = chunk.iter().filter(|x| x.is_finite()).map(|&x| f64::from(x));
            finite.fold((0.0, 0usize, 0usize), |(sum, n_far, n_finite), x| {
                let is_far = (x - mean).abs() > 4.0 * std;
                (sum + (x - median).abs(), n_far + usize::from(is_far), n_finite + 1)
            })
        })?;
        let (sum, n_far, n_finite) =
            parts.into_iter().fold((0.0, 0, 0), |a, b| (a.0 + b.0, a.1 + b.1, a.2 + b.2));
        let spread = sum / n_finite.max(1) as f64;
        Ok((spread > 0.0).then(|| Self {
            gaussian: Fitted::Gaussian { mean, std },
            laplacian: Fitted::Laplacian { median, spread },
            outlier_share: n_far as f64 / n_finite as f64,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_points_of_the_curves() {
        let gaussian = Fitted::Gaussian { mean: 1.0, std: 2.0 };
        assert!((gaussian.share_below(1.0) - 0.5).abs() < 1e-7);
        assert!((gaussian.share_below(1.0 + 2.0 * 1.959_964) - 0.975).abs() < 1e-6);
        assert!((gaussian.density(1.0) - 0.199_471_14).abs() < 1e-7);
        let laplacian = Fitted::Laplacian { median: 0.0, spread: 1.0 };
        assert_eq!(laplacian.share_below(0.0), 0.5);
        assert!((laplacian.share_below(2f64.ln()) - 0.75).abs() < 1e-12);
        assert_eq!(laplacian.density(0.0), 0.5);
    }

    #[test]
    fn parameters_and_tails() {
        let ctx = WorkCtx::new();
        let mut data = vec![-1.0, 1.0, 0.0, 2.0, -2.0];
        data.extend(std::iter::repeat_n(0.0, 95));
        data.push(50.0);
        let stats = TensorStats::compute(&data, &ctx).unwrap();
        let shape = DistributionShape::fit(&data, &stats, &ctx).unwrap().unwrap();
        let spread = 56.0 / 101.0;
        assert_eq!(shape.laplacian, Fitted::Laplacian { median: 0.0, spread });
        assert_eq!(shape.outlier_share, 1.0 / 101.0);
        let constant = TensorStats::compute(&[3.0; 4], &ctx).unwrap();
        assert_eq!(DistributionShape::fit(&[3.0; 4], &constant, &ctx), Ok(None));
    }

    #[test]
    fn the_distance_is_that_of_the_shares() {
        let histogram = Histogram { lo: -1.0, hi: 1.0, counts: vec![1, 1], n_outside: 0 };
        let laplacian = Fitted::Laplacian { median: 0.0, spread: 1.0 };
        let expected = 0.5 * (-1f64).exp();
        assert!((laplacian.distance(&histogram) - expected).abs() < 1e-12);
    }
}
