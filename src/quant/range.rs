//! Range estimators: which part of the values the codes shall cover.

use super::scheme::QuantError;
use super::settings::{SettingValue, Settings};
use crate::base::{Cancelled, WorkCtx, reduce};

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
    /// `Σ(x − x̂)²` of a group when the range is spread over the levels.
    fn squared_error(&self, group: &[f32], range: ValueRange) -> f64;
}

/// A way to choose a range from the weights of a group.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RangeEstimator {
    /// Smallest and largest value.
    MinMax,
    /// `percentile` of `|x|` for symmetric codes; `100 − percentile` and `percentile` of `x` for
    /// asymmetric ones. Linear interpolation, as numpy's default.
    Percentile { percentile: f64 },
    /// The thresholds with the smallest squared error: see `mse_range`.
    Mse,
    /// Given ends; an absent one is the smallest or largest value.
    Manual { lo: Option<f32>, hi: Option<f32> },
}

impl RangeEstimator {
    /// Reads `range`, `percentile`, `lo` and `hi`.
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
            "mse" => Self::Mse,
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
            Self::Mse => mse_range(group, target, ctx),
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
    const LANES: usize = 16;
    let of_chunk = |chunk: &[f32]| {
        let (lanes, rest) = chunk.as_chunks::<LANES>();
        let mut los = [f32::INFINITY; LANES];
        let mut his = [f32::NEG_INFINITY; LANES];
        for values in lanes {
            for ((lo, hi), &x) in los.iter_mut().zip(&mut his).zip(values) {
                *lo = if x < *lo { x } else { *lo };
                *hi = if x > *hi { x } else { *hi };
            }
        }
        let lo = los.iter().chain(rest).copied().fold(f32::INFINITY, f32::min);
        let hi = his.iter().chain(rest).copied().fold(f32::NEG_INFINITY, f32::max);
        ValueRange { lo, hi }
    };
    if group.len() <= reduce::CHUNK_LEN {
        return Ok(of_chunk(group));
    }
    let parts = reduce::map_chunks(group, ctx, of_chunk)?;
    Ok(parts
        .into_iter()
        .reduce(|a, b| ValueRange { lo: a.lo.min(b.lo), hi: a.hi.max(b.hi) })
        .unwrap_or(ValueRange { lo: 0.0, hi: 0.0 }))
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

/// Thresholds tried on each pass of the search.
const N_CANDIDATES: usize = 96;
/// Passes after the first, each around the best candidate so far.
const N_REFINEMENTS: usize = 2;

/// The clip thresholds with the smallest squared error.
///
/// - Symmetric: the best threshold in `(0, absmax]` on an even grid, then on finer grids around the
///   winner. Asymmetric: the best pair of ends on a coarse grid, then both in turn, the other
///   held, until neither moves (at most four rounds).
/// - The error of every candidate is exact over the whole group; the choice is approximate, since
///   the error has many local minima in the threshold. It is never worse than min-max.
fn mse_range(
    group: &[f32],
    target: &dyn RangeTarget,
    ctx: &WorkCtx,
) -> Result<ValueRange, Cancelled> {
    let full = min_max(group, ctx)?;
    let full = ValueRange { lo: full.lo.min(0.0), hi: full.hi.max(0.0) };
    if full.lo == 0.0 && full.hi == 0.0 {
        return Ok(full);
    }
    let search = Search { group, target, ctx };
    if target.is_symmetric() {
        let absmax = full.hi.max(-full.lo);
        let threshold =
            search.best(absmax, |threshold| ValueRange { lo: -threshold, hi: threshold })?;
        return Ok(ValueRange { lo: -threshold, hi: threshold });
    }
    let mut range = search.best_pair(full)?;
    for _ in 0..4 {
        let before = range;
        if full.hi > 0.0 {
            range.hi = search.best(full.hi, |hi| ValueRange { hi, ..range })?;
        }
        if full.lo < 0.0 {
            range.lo = -search.best(-full.lo, |lo| ValueRange { lo: -lo, ..range })?;
        }
        if range == before {
            break;
        }
    }
    Ok(range)
}

/// Steps of each end in the joint search, for groups up to [`JOINT_MAX_LEN`] weights.
const N_JOINT: usize = 24;
const JOINT_MAX_LEN: usize = 1 << 14;

struct Search<'a> {
    group: &'a [f32],
    target: &'a dyn RangeTarget,
    ctx: &'a WorkCtx,
}

impl Search<'_> {
    /// The threshold in `(0, largest]` whose range has the smallest error; a tie goes to the larger.
    fn best(&self, largest: f32, range: impl Fn(f32) -> ValueRange) -> Result<f32, Cancelled> {
        let mut best = (self.error(range(largest))?, largest);
        let (mut centre, mut reach) = (f64::from(largest) / 2.0, f64::from(largest) / 2.0);
        for _ in 0..=N_REFINEMENTS {
            for candidate_idx in (0..N_CANDIDATES).rev() {
                self.ctx.check()?;
                let offset = (2 * candidate_idx + 2) as f64 / N_CANDIDATES as f64 - 1.0;
                let threshold = (centre + reach * offset).min(f64::from(largest)) as f32;
                if threshold <= 0.0 {
                    continue;
                }
                let error = self.error(range(threshold))?;
                if error < best.0 {
                    best = (error, threshold);
                }
            }
            centre = f64::from(best.1);
            reach *= 2.0 / N_CANDIDATES as f64;
        }
        Ok(best.1)
    }

    /// A start for the search of both ends: both shrunk alike, and in small groups, where the error
    /// is roughest, every pair of a coarse grid.
    fn best_pair(&self, full: ValueRange) -> Result<ValueRange, Cancelled> {
        let step = |nth: usize| (nth + 1) as f32 / N_JOINT as f32;
        let mut best = (self.error(full)?, full);
        for lo_idx in (0..N_JOINT).rev() {
            for hi_idx in (0..N_JOINT).rev() {
                if lo_idx != hi_idx && self.group.len() > JOINT_MAX_LEN {
                    continue;
                }
                self.ctx.check()?;
                let range = ValueRange { lo: full.lo * step(lo_idx), hi: full.hi * step(hi_idx) };
                let error = self.error(range)?;
                if error < best.0 {
                    best = (error, range);
                }
            }
        }
        Ok(best.1)
    }

    fn error(&self, range: ValueRange) -> Result<f64, Cancelled> {
        if self.group.len() <= reduce::CHUNK_LEN {
            return Ok(self.target.squared_error(self.group, range));
        }
        let parts = reduce::map_chunks(self.group, self.ctx, |chunk| {
            self.target.squared_error(chunk, range)
        })?;
        Ok(parts.into_iter().sum())
    }
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
