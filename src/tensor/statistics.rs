//! Figures of a whole tensor that do not depend on any quantizer.

use crate::base::{Cancelled, WorkCtx, reduce};

/// Statistics over the finite values; the others are counted.
///
/// - `mean = Σx/n`, `std = √(Σ(x−mean)²/n)` (population), sums in `f64`, chunks combined in order.
/// - `skewness = m₃/m₂^1.5`, `kurtosis = m₄/m₂²` (a Gaussian has 3); `None` for a constant tensor.
/// - No finite value: the figures are `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct TensorStats {
    pub count: usize,
    pub n_nan: usize,
    pub n_infinite: usize,
    pub n_zero: usize,
    pub min: Option<f32>,
    pub max: Option<f32>,
    pub mean: Option<f64>,
    pub std: Option<f64>,
    pub skewness: Option<f64>,
    pub kurtosis: Option<f64>,
}

#[derive(Clone, Copy)]
struct Pass {
    n_finite: usize,
    n_nan: usize,
    n_zero: usize,
    min: f32,
    max: f32,
    sum: f64,
}

impl TensorStats {
    /// Two passes over `data`: range, counts and mean first, then central moments.
    ///
    /// # Errors
    /// [`Cancelled`].
    pub fn compute(data: &[f32], ctx: &WorkCtx) -> Result<Self, Cancelled> {
        let parts = reduce::map_chunks(data, ctx, first_pass)?;
        let total = parts.into_iter().fold(first_pass(&[]), |a, b| Pass {
            n_finite: a.n_finite + b.n_finite,
            n_nan: a.n_nan + b.n_nan,
            n_zero: a.n_zero + b.n_zero,
            min: a.min.min(b.min),
            max: a.max.max(b.max),
            sum: a.sum + b.sum,
        });
        let mut stats = Self {
            count: data.len(),
            n_nan: total.n_nan,
            n_infinite: data.len() - total.n_finite - total.n_nan,
            n_zero: total.n_zero,
            ..Self::default()
        };
        if total.n_finite == 0 {
            return Ok(stats);
        }
        let n_finite = total.n_finite as f64;
        let mean = total.sum / n_finite;
        let [m2, m3, m4] = central_moments(data, mean, ctx)?.map(|sum| sum / n_finite);
        stats.min = Some(total.min);
        stats.max = Some(total.max);
        stats.mean = Some(mean);
        stats.std = Some(m2.sqrt());
        if m2 > 0.0 {
            stats.skewness = Some(m3 / m2.powf(1.5));
            stats.kurtosis = Some(m4 / (m2 * m2));
        }
        Ok(stats)
    }

    /// Largest magnitude among the finite values.
    pub fn absmax(&self) -> Option<f32> {
        Some(self.min?.abs().max(self.max?.abs()))
    }

    pub fn n_non_finite(&self) -> usize {
        self.n_nan + self.n_infinite
    }
}

fn first_pass(chunk: &[f32]) -> Pass {
    let mut pass = Pass {
        n_finite: 0,
        n_nan: 0,
        n_zero: 0,
        min: f32::INFINITY,
        max: f32::NEG_INFINITY,
        sum: 0.0,
    };
    for &x in chunk {
        if x.is_finite() {
            pass.n_finite += 1;
            pass.n_zero += usize::from(x == 0.0);
            pass.min = pass.min.min(x);
            pass.max = pass.max.max(x);
            pass.sum += f64::from(x);
        } else {
            pass.n_nan += usize::from(x.is_nan());
        }
    }
    pass
}

fn central_moments(data: &[f32], mean: f64, ctx: &WorkCtx) -> Result<[f64; 3], Cancelled> {
    let parts = reduce::map_chunks(data, ctx, |chunk| {
        chunk.iter().filter(|x| x.is_finite()).fold([0.0; 3], |[s2, s3, s4], &x| {
            let d = f64::from(x) - mean;
            let d2 = d * d;
            [s2 + d2, s3 + d2 * d, s4 + d2 * d2]
        })
    })?;
    Ok(parts.into_iter().fold([0.0; 3], |a, b| [a[0] + b[0], a[1] + b[1], a[2] + b[2]]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_of_small_tensors() {
        let ctx = WorkCtx::new();
        let stats = TensorStats::compute(&[1.0, 2.0, 3.0, 4.0, 0.0], &ctx).unwrap();
        assert_eq!((stats.min, stats.max, stats.mean), (Some(0.0), Some(4.0), Some(2.0)));
        assert_eq!(stats.std, Some(2f64.sqrt()));
        assert_eq!(stats.kurtosis, Some(34.0 / 5.0 / 4.0));
        assert_eq!(stats.skewness, Some(0.0));
        assert_eq!(stats.n_zero, 1);
    }

    #[test]
    fn non_finite_values_are_counted_not_averaged() {
        let data = [f32::NAN, f32::INFINITY, -2.0, f32::NEG_INFINITY];
        let stats = TensorStats::compute(&data, &WorkCtx::new()).unwrap();
        assert_eq!((stats.n_nan, stats.n_infinite, stats.mean), (1, 2, Some(-2.0)));
        assert_eq!(stats.kurtosis, None, "constant");
        let empty = TensorStats::compute(&[], &WorkCtx::new()).unwrap();
        assert_eq!((empty.count, empty.mean, empty.absmax()), (0, None, None));
    }
}
