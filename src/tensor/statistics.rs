//! Figures of a whole tensor that do not depend on any quantizer.

use super::profile::Extent;
use crate::base::simd::{self, Kernel, fold_sum, greater, lesser};
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

impl TensorStats {
    /// One pass over `data`: every run is read twice while it lies in the first-level cache, for its
    /// mean and for its central moments; runs are combined in order by the formulas for the moments
    /// of two parts (Chan, Golub & LeVeque 1979; third and fourth: Pébay 2008, SAND2008-6212).
    ///
    /// # Errors
    /// [`Cancelled`].
    pub fn compute(data: &[f32], ctx: &WorkCtx) -> Result<Self, Cancelled> {
        let parts = reduce::map_chunks(data, ctx, |chunk| simd::dispatch(Runs(chunk)))?;
        let total = parts.into_iter().fold(Moments::NONE, Moments::joined);
        let n_finite = data.len() - total.n_nan - total.n_infinite;
        let mut stats = Self {
            count: data.len(),
            n_nan: total.n_nan,
            n_infinite: total.n_infinite,
            n_zero: total.n_zero,
            ..Self::default()
        };
        if n_finite == 0 {
            return Ok(stats);
        }
        let [m2, m3, m4] = total.central.map(|sum| sum / n_finite as f64);
        stats.min = Some(total.extent.lo);
        stats.max = Some(total.extent.hi);
        stats.mean = Some(total.mean);
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

/// Of some values, those that are no numbers left out.
#[derive(Clone, Copy, Debug)]
struct Moments {
    count: f64,
    n_nan: usize,
    n_infinite: usize,
    n_zero: usize,
    extent: Extent,
    mean: f64,
    /// `Σ(x − mean)^p` for p = 2, 3, 4.
    central: [f64; 3],
}

impl Moments {
    const NONE: Self = Self {
        count: 0.0,
        n_nan: 0,
        n_infinite: 0,
        n_zero: 0,
        extent: Extent::NONE,
        mean: 0.0,
        central: [0.0; 3],
    };

    #[inline(always)]
    fn joined(self, other: Self) -> Self {
        let (a, b) = (self.count, other.count);
        let n = a + b;
        if n == 0.0 {
            return Self {
                n_nan: self.n_nan + other.n_nan,
                n_infinite: self.n_infinite + other.n_infinite,
                ..self
            };
        }
        let d = other.mean - self.mean;
        let ([a2, a3, a4], [b2, b3, b4]) = (self.central, other.central);
        let m2 = a2 + b2 + d * d * a * b / n;
        let m3 = a3 + b3 + d * d * d * a * b * (a - b) / (n * n) + 3.0 * d * (a * b2 - b * a2) / n;
        let m4 = a4
            + b4
            + d * d * d * d * a * b * (a * a - a * b + b * b) / (n * n * n)
            + 6.0 * d * d * (a * a * b2 + b * b * a2) / (n * n)
            + 4.0 * d * (a * b3 - b * a3) / n;
        Self {
            count: n,
            n_nan: self.n_nan + other.n_nan,
            n_infinite: self.n_infinite + other.n_infinite,
            n_zero: self.n_zero + other.n_zero,
            extent: self.extent.joined(other.extent),
            mean: self.mean + d * b / n,
            central: [m2, m3, m4],
        }
    }
}

const RUN_LEN: usize = 4096;
const LANES: usize = 8;

struct Runs<'a>(&'a [f32]);

impl Kernel for Runs<'_> {
    type Output = Moments;

    #[inline(always)]
    fn run(self) -> Moments {
        let mut total = Moments::NONE;
        let mut finite = Vec::new();
        for run in self.0.chunks(RUN_LEN) {
            let (mut n_zero, mut n_special) = (0u32, 0u32);
            for x in run {
                n_zero += u32::from(*x == 0.0);
                n_special += u32::from(x.to_bits() & 0x7f80_0000 == 0x7f80_0000);
            }
            let found = if n_special == 0 {
                moments(run)
            } else {
                finite.clear();
                finite.extend(run.iter().filter(|x| x.is_finite()));
                let n_nan = run.iter().filter(|x| x.is_nan()).count();
                Moments { n_nan, n_infinite: n_special as usize - n_nan, ..moments(&finite) }
            };
            total = total.joined(Moments { n_zero: n_zero as usize, ..found });
        }
        total
    }
}

/// Of finite values, in two passes.
#[inline(always)]
fn moments(run: &[f32]) -> Moments {
    if run.is_empty() {
        return Moments::NONE;
    }
    let (chunks, rest) = run.as_chunks::<LANES>();
    let mut extent = Extent::NONE;
    let (mut lo, mut hi) = ([f32::INFINITY; LANES], [f32::NEG_INFINITY; LANES]);
    let mut sums = [0.0f64; LANES];
    for chunk in chunks {
        for i in 0..LANES {
            lo[i] = lesser(chunk[i], lo[i]);
            hi[i] = greater(chunk[i], hi[i]);
            sums[i] += f64::from(chunk[i]);
        }
    }
    for i in 0..LANES {
        extent = extent.joined(Extent { lo: lo[i], hi: hi[i] });
    }
    for (sum, &x) in sums.iter_mut().zip(rest) {
        extent = extent.joined(Extent { lo: x, hi: x });
        *sum += f64::from(x);
    }
    let count = run.len() as f64;
    let mean = fold_sum(sums) / count;
    let mut powers = [[0.0f64; LANES]; 3];
    for chunk in chunks {
        for i in 0..LANES {
            let d = f64::from(chunk[i]) - mean;
            let squared = d * d;
            powers[0][i] += squared;
            powers[1][i] += squared * d;
            powers[2][i] += squared * squared;
        }
    }
    for (i, &x) in rest.iter().enumerate() {
        let d = f64::from(x) - mean;
        powers[0][i] += d * d;
        powers[1][i] += d * d * d;
        powers[2][i] += (d * d) * (d * d);
    }
    Moments { count, extent, mean, central: powers.map(fold_sum), ..Moments::NONE }
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

    /// The two-pass definition in double precision.
    #[test]
    fn figures_are_those_of_two_passes() {
        for (shift, n) in [(0.0, 10), (0.3, 4097), (1000.0, 200_000)] {
            let data: Vec<f32> =
                (0..n).map(|i| shift + ((i * 7919) % 1009) as f32 * 1e-3 - 0.4).collect();
            let stats = TensorStats::compute(&data, &WorkCtx::new()).unwrap();
            let count = n as f64;
            let mean = data.iter().map(|&x| f64::from(x)).sum::<f64>() / count;
            let moment =
                |p: i32| data.iter().map(|&x| (f64::from(x) - mean).powi(p)).sum::<f64>() / count;
            let close =
                |found: f64, wanted: f64| (found - wanted).abs() <= 1e-9 * wanted.abs().max(1.0);
            assert!(close(stats.mean.unwrap(), mean), "{n}");
            assert!(close(stats.std.unwrap(), moment(2).sqrt()), "{n}");
            assert!(close(stats.skewness.unwrap(), moment(3) / moment(2).powf(1.5)), "{n}");
            assert!(close(stats.kurtosis.unwrap(), moment(4) / moment(2).powi(2)), "{n}");
            assert_eq!(stats.n_zero, data.iter().filter(|x| **x == 0.0).count());
        }
    }
}
