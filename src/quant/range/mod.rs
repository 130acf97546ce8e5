//! Range estimators: which part of the values the codes shall cover.

mod analytic;
mod entropy;
mod mse;

pub use analytic::Density;

use rayon::prelude::*;

use super::group::GroupLayout;
use super::scheme::QuantError;
use super::settings::{SettingValue, Settings};
use crate::base::{Cancelled, WorkCtx, reduce};
use crate::tensor::{ChannelMajor, Extent, profile};

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
        reduce::map_indices(layout.n_groups(), ctx, |group_idx| {
            let group = weights.data().get(layout.range(group_idx)).unwrap_or_default();
            self.estimate(group, target, ctx)
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
        if group.is_empty() {
            return Ok(ValueRange { lo: 0.0, hi: 0.0 });
        }
        match self {
            Self::MinMax => min_max(group, ctx),
            Self::Percentile { percentile } => Ok(match target.is_symmetric() {
                false => {
                    let mut values = group.to_vec();
                    let lo = percentile_of(&mut values, 100.0 - percentile);
                    ValueRange { lo, hi: percentile_of(&mut values, percentile) }
                }
                true => {
                    let mut magnitudes: Vec<f32> = group.iter().map(|x| x.abs()).collect();
                    let threshold = percentile_of(&mut magnitudes, percentile);
                    ValueRange { lo: -threshold, hi: threshold }
                }
            }),
            Self::Smallest { norm } => mse::search(group, target, norm, ctx),
            Self::Entropy => entropy::range(group, target, ctx),
            Self::Sigma { k } => analytic::sigma(group, target, k, ctx),
            Self::Aciq { density } => analytic::aciq(group, target, density, ctx),
            Self::Manual { lo, hi } => {
                let found = min_max(group, ctx)?;
                let range = ValueRange { lo: lo.unwrap_or(found.lo), hi: hi.unwrap_or(found.hi) };
                Ok(match (target.is_symmetric(), lo, hi) {
                    (false, ..) | (_, None, None) => range,
                    (_, None, Some(end)) | (_, Some(end), None) => {
                        ValueRange { lo: -end.abs(), hi: end.abs() }
                    }
                    _ => range,
                })
            }
        }
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

/// The percentile of `values` (reordered), interpolated linearly between the two nearest ranks as
/// `numpy.percentile` does: rank `p/100·(n−1)`.
pub fn percentile_of(values: &mut [f32], percentile: f64) -> f32 {
    let rank = percentile / 100.0 * (values.len() - 1) as f64;
    let below = rank.floor() as usize;
    let fraction = rank - below as f64;
    let (_, &mut lower, above) = values.select_nth_unstable_by(below, f32::total_cmp);
    let upper = above.iter().copied().reduce(f32::min).unwrap_or(lower);
    (f64::from(lower) + (f64::from(upper) - f64::from(lower)) * fraction) as f32
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
}
