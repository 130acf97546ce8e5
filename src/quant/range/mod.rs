//! Range estimators: which part of the values the codes shall cover.

mod analytic;
mod entropy;
mod mse;

pub use analytic::Density;

use rayon::prelude::*;

use super::group::GroupLayout;
use super::kernel::Cells;
use super::scheme::QuantError;
use super::settings::{SettingValue, Settings};
use crate::base::{Cancelled, WorkCtx, reduce};
use crate::tensor::{ChannelMajor, Extent, SortedIndex, profile};

/// The interval the codes shall cover.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ValueRange {
    pub lo: f32,
    pub hi: f32,
}

/// What a range is chosen for: codes or levels that are spread over it.
pub trait RangeTarget: Sync {
    /// Whether only the larger magnitude of the ends counts.
    fn is_symmetric(&self) -> bool;
    /// Number of levels the range is spread over.
    fn n_levels(&self) -> usize;
    /// `Σ|x − x̂|^p` of a group when the range is spread over the levels.
    fn error(&self, group: &[f32], range: ValueRange, norm: Norm) -> f64;
    /// The levels over a range, for weights in ascending order; `None` where these are no use.
    fn cells(&self, range: ValueRange) -> Option<Cells>;
}

/// The exponent p of the error `Σ|x − x̂|^p`, 1 to 4.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Norm(pub f64);

impl Norm {
    /// Squares.
    pub const SQUARED: Self = Self(2.0);

    /// `Σ|error|^p`, in order.
    pub fn sum(self, errors: impl Iterator<Item = f64>) -> f64 {
        match self.0 {
            1.0 => errors.map(f64::abs).sum(),
            2.0 => errors.map(|e| e * e).sum(),
            3.0 => errors.map(|e| e.abs() * e * e).sum(),
            4.0 => errors.map(|e| (e * e) * (e * e)).sum(),
            p => errors.map(|e| e.abs().powf(p)).sum(),
        }
    }
}

/// A way to choose a range from the weights of a group.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RangeEstimator {
    /// Smallest and largest value.
    MinMax,
    /// `percentile` of `|x|` for symmetric codes; `100 − percentile` and `percentile` of `x` for
    /// asymmetric ones. Linear interpolation, as numpy's default.
    Percentile { percentile: f64 },
    /// The thresholds with the smallest `Σ|x − x̂|^p`, by search.
    Smallest { norm: Norm },
    /// The threshold whose histogram loses least information: TensorRT's way.
    Entropy,
    /// Mean ± k standard deviations, not beyond the smallest and largest value.
    Sigma { k: f64 },
    /// The threshold with the smallest expected squared error were the values so distributed.
    Aciq { density: Density },
    /// Given ends; an absent one is the smallest or largest value.
    Manual { lo: Option<f32>, hi: Option<f32> },
}

impl RangeEstimator {
    /// Reads `range`, `percentile`, `norm`, `sigmas`, `lo` and `hi`.
    ///
    /// # Errors
    /// [`QuantError::EmptyRange`] for ends by hand that enclose nothing.
    pub fn of_settings(settings: &Settings) -> Result<Self, QuantError> {
        let end = |key: &str| match settings.get(key) {
            Some(SettingValue::Float(end)) => Some(end as f32),
            _ => None,
        };
        Ok(match settings.choice("range") {
            "percentile" => {
                Self::Percentile { percentile: settings.float("percentile").unwrap_or(99.99) }
            }
            "mse" => Self::Smallest { norm: Norm(settings.float("norm").unwrap_or(2.0)) },
            "entropy" => Self::Entropy,
            "sigma" => Self::Sigma { k: settings.float("sigmas").unwrap_or(3.0) },
            "aciq-gaussian" => Self::Aciq { density: Density::Gaussian },
            "aciq-laplacian" => Self::Aciq { density: Density::Laplacian },
            "manual" => {
                let (lo, hi) = (end("lo"), end("hi"));
                if let (Some(lo), Some(hi)) = (lo, hi)
                    && lo >= hi
                {
                    return Err(QuantError::EmptyRange { lo: f64::from(lo), hi: f64::from(hi) });
                }
                Self::Manual { lo, hi }
            }
            _ => Self::MinMax,
        })
    }

    /// The ranges of all groups; those of smallest and largest values are kept with the weights.
    ///
    /// # Errors
    /// [`Cancelled`].
    pub fn of_groups(
        self,
        weights: &ChannelMajor,
        layout: &GroupLayout,
        target: &dyn RangeTarget,
        ctx: &WorkCtx,
    ) -> Result<Vec<ValueRange>, Cancelled> {
        if self == Self::MinMax {
            let extents = layout.extents(weights, ctx)?;
            let range = |extent: &Extent| ValueRange { lo: extent.lo, hi: extent.hi };
            return Ok(extents.par_iter().with_min_len(1 << 12).map(range).collect());
        }
        let index = weights.index().filter(|_| layout.n_groups() == 1);
        reduce::map_indices(layout.n_groups(), ctx, |group_idx| {
            let values = weights.data().get(layout.range(group_idx)).unwrap_or_default();
            self.of_group(Group { values, index: index.as_deref() }, target, ctx)
        })
    }

    /// The range for one group of finite values; `[0, 0]` for an empty group.
    ///
    /// # Errors
    /// [`Cancelled`].
    pub fn estimate(
        self,
        group: &[f32],
        target: &dyn RangeTarget,
        ctx: &WorkCtx,
    ) -> Result<ValueRange, Cancelled> {
        self.of_group(Group { values: group, index: None }, target, ctx)
    }

    fn of_group(
        self,
        group: Group,
        target: &dyn RangeTarget,
        ctx: &WorkCtx,
    ) -> Result<ValueRange, Cancelled> {
        let values = group.values;
        if values.is_empty() {
            return Ok(ValueRange { lo: 0.0, hi: 0.0 });
        }
        match self {
            Self::MinMax => group.min_max(ctx),
            Self::Percentile { percentile } => Ok(match target.is_symmetric() {
                false => {
                    let [lo, hi] = group.percentiles([100.0 - percentile, percentile]);
                    ValueRange { lo, hi }
                }
                true => {
                    let threshold = group.percentile_of_magnitudes(percentile);
                    ValueRange { lo: -threshold, hi: threshold }
                }
            }),
            Self::Smallest { norm } => mse::search(group, target, norm, ctx),
            Self::Entropy => entropy::range(values, target, ctx),
            Self::Sigma { k } => analytic::sigma(values, target, k, ctx),
            Self::Aciq { density } => analytic::aciq(values, target, density, ctx),
            Self::Manual { lo: Some(lo), hi: Some(hi) } => Ok(ValueRange { lo, hi }),
            Self::Manual { lo, hi } => {
                let found = group.min_max(ctx)?;
                let range = ValueRange { lo: lo.unwrap_or(found.lo), hi: hi.unwrap_or(found.hi) };
                Ok(match (target.is_symmetric(), lo.or(hi)) {
                    (true, Some(end)) => ValueRange { lo: -end.abs(), hi: end.abs() },
                    _ => range,
                })
            }
        }
    }
}

/// Finite values that share a range, and their index where there is one.
#[derive(Clone, Copy)]
struct Group<'a> {
    values: &'a [f32],
    index: Option<&'a SortedIndex>,
}

impl Group<'_> {
    fn min_max(self, ctx: &WorkCtx) -> Result<ValueRange, Cancelled> {
        match self.index.map(SortedIndex::values) {
            Some([lo, .., hi]) => Ok(ValueRange { lo: *lo, hi: *hi }),
            _ => min_max(self.values, ctx),
        }
    }

    fn percentiles(self, percentiles: [f64; 2]) -> [f32; 2] {
        if let Some(index) = self.index {
            return percentiles.map(|p| interpolated(p, index.count(), |rank| index.at_rank(rank)));
        }
        let mut values = self.values.to_vec();
        percentiles.map(|p| percentile_of(&mut values, p))
    }

    fn percentile_of_magnitudes(self, percentile: f64) -> f32 {
        if let Some(index) = self.index {
            let at = |rank| index.magnitude_at_rank(rank);
            return interpolated(percentile, index.count(), at);
        }
        let mut magnitudes: Vec<f32> = self.values.iter().map(|x| x.abs()).collect();
        percentile_of(&mut magnitudes, percentile)
    }
}

/// Smallest and largest of finite values.
fn min_max(group: &[f32], ctx: &WorkCtx) -> Result<ValueRange, Cancelled> {
    let extent = match group.len() <= reduce::CHUNK_LEN {
        true => profile::extent(group),
        false => {
            let parts = reduce::map_chunks(group, ctx, profile::extent)?;
            parts.into_iter().fold(Extent::NONE, Extent::joined)
        }
    };
    Ok(ValueRange { lo: extent.lo, hi: extent.hi })
}

/// As [`percentile_of`], of values by their rank.
fn interpolated(percentile: f64, count: u64, at_rank: impl Fn(u64) -> Option<f32>) -> f32 {
    let rank = percentile / 100.0 * count.saturating_sub(1) as f64;
    let below = rank.floor();
    let lower = at_rank(below as u64).unwrap_or(0.0);
    let upper = at_rank(below as u64 + 1).unwrap_or(lower);
    between(lower, upper, rank - below)
}

fn between(lower: f32, upper: f32, fraction: f64) -> f32 {
    (f64::from(lower) + (f64::from(upper) - f64::from(lower)) * fraction) as f32
}

/// The percentile of `values` (reordered), interpolated linearly between the two nearest ranks as
/// `numpy.percentile` does: rank `p/100·(n−1)`.
pub fn percentile_of(values: &mut [f32], percentile: f64) -> f32 {
    let rank = percentile / 100.0 * (values.len() - 1) as f64;
    let below = rank.floor() as usize;
    let fraction = rank - below as f64;
    let (_, &mut lower, above) = values.select_nth_unstable_by(below, f32::total_cmp);
    let upper = above.iter().copied().reduce(f32::min).unwrap_or(lower);
    between(lower, upper, fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_interpolate() {
        let mut values = vec![4.0, 1.0, 3.0, 2.0];
        assert_eq!(percentile_of(&mut values, 50.0), 2.5);
        assert_eq!(percentile_of(&mut values, 100.0), 4.0);
        assert_eq!(percentile_of(&mut values, 0.0), 1.0);
        assert_eq!(percentile_of(&mut [7.0], 99.99), 7.0);
    }

    /// Every way to choose a range gives the same with an index of the weights as without.
    #[test]
    fn ranges_are_the_same_with_an_index() {
        use crate::quant::SchemeChoice;
        use crate::tensor::Tensor;
        use std::sync::Arc;
        let bell = |i: usize| (0..4).map(move |k| ((i * 7919 + k * 104_729) % 10_007) as f32);
        let noise: Vec<f32> = (0..20_000).map(|i| bell(i).sum::<f32>() * 1e-4 - 2.0).collect();
        let sparse = noise.iter().map(|&x| if x.abs() < 0.4 { 0.0 } else { x * x * x });
        let coarse = noise.iter().map(|&x| (x * 8.0).round() / 8.0 + 0.01);
        for data in [noise.clone(), sparse.collect(), coarse.collect(), vec![0.25; 9000]] {
            let tensor = Tensor::from_shape_vec(ndarray::IxDyn(&[1, data.len()]), data).unwrap();
            let (plain, sorted) = (ChannelMajor::new(&tensor, 0), ChannelMajor::new(&tensor, 0));
            let ctx = WorkCtx::new();
            let index = SortedIndex::of_values(sorted.data(), &ctx).unwrap().unwrap();
            let index = Arc::new(index);
            sorted.set_index(&index);
            for scheme in ["int:bits=3", "int:bits=8", "int:bits=4,symmetry=asymmetric", "e2m1"] {
                for range in ["mse", "percentile", "percentile,percentile=98.7", "min-max"] {
                    let sep = if scheme.contains(':') { ',' } else { ':' };
                    let choice: SchemeChoice =
                        format!("{scheme}{sep}range={range}").parse().unwrap();
                    let grid = |weights| choice.fit(weights, &ctx).unwrap().grid(0);
                    assert_eq!(grid(&sorted), grid(&plain), "{choice}");
                }
            }
        }
    }
}
