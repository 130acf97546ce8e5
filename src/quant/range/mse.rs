//! The clip thresholds with the smallest error, by search.

use super::{Group, Norm, RangeTarget, ValueRange};
use crate::base::{Cancelled, WorkCtx, reduce};
use crate::quant::kernel::noise_sorted;

/// Thresholds tried on each pass of the search.
const N_CANDIDATES: usize = 96;
/// Passes after the first, each around the best candidate so far.
const N_REFINEMENTS: usize = 2;

/// The clip thresholds with the smallest `Σ|x − x̂|^p`.
///
/// - Symmetric: the best threshold in `(0, absmax]` on an even grid, then on finer grids around the
///   winner. Asymmetric: the best pair of ends on a coarse grid, then both in turn, the other
///   held, until neither moves (at most four rounds).
/// - The error of every candidate is exact over the whole group; the choice is approximate, since
///   the error has many local minima in the threshold. It is never worse than min-max.
/// - The same with an index of the group as without: both sums are exact to far less than
///   [`TIE`], and candidates whose errors differ by less are equal.
pub fn search(
    group: Group,
    target: &dyn RangeTarget,
    norm: Norm,
    ctx: &WorkCtx,
) -> Result<ValueRange, Cancelled> {
    let full = group.min_max(ctx)?;
    let full = ValueRange { lo: full.lo.min(0.0), hi: full.hi.max(0.0) };
    if full.lo == 0.0 && full.hi == 0.0 {
        return Ok(full);
    }
    let search = Search { group, target, norm, ctx };
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

/// What two errors must differ by, in relation to them, for one to be the smaller.
const TIE: f64 = 1e-9;

/// Whether an error is smaller than another by more than sums are exact.
fn is_less(error: f64, than: f64) -> bool {
    error < than * (1.0 - TIE)
}

/// Steps of each end in the joint search, for groups up to [`JOINT_MAX_LEN`] weights.
const N_JOINT: usize = 24;
const JOINT_MAX_LEN: usize = 1 << 14;

struct Search<'a> {
    group: Group<'a>,
    target: &'a dyn RangeTarget,
    norm: Norm,
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
                if is_less(error, best.0) {
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
                if lo_idx != hi_idx && self.group.values.len() > JOINT_MAX_LEN {
                    continue;
                }
                self.ctx.check()?;
                let range = ValueRange { lo: full.lo * step(lo_idx), hi: full.hi * step(hi_idx) };
                let error = self.error(range)?;
                if is_less(error, best.0) {
                    best = (error, range);
                }
            }
        }
        Ok(best.1)
    }

    fn error(&self, range: ValueRange) -> Result<f64, Cancelled> {
        let index = self.group.index.filter(|_| self.norm == Norm::SQUARED);
        if let Some(index) = index
            && let Some(cells) = self.target.cells(range)
        {
            return Ok(noise_sorted(&cells, index));
        }
        let values = self.group.values;
        if values.len() <= reduce::CHUNK_LEN {
            return Ok(self.target.error(values, range, self.norm));
        }
        let parts = reduce::map_chunks(values, self.ctx, |chunk| {
            self.target.error(chunk, range, self.norm)
        })?;
        Ok(parts.into_iter().sum())
    }
}
