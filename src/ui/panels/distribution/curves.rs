//! Histograms as outlines, on the scale of counts that is chosen.

use egui_plot::GridMark;

use crate::base::{fixed, thousands};
use crate::eval::CodeUsage;
use crate::quant::Grid;
use crate::session::LayerPicture;
use crate::tensor::{Fitted, Histogram, TensorStats};

/// What the height of a curve says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum CountScale {
    Linear,
    Log,
    /// Share of the weights up to a value.
    Cumulative,
}

impl CountScale {
    /// Height of a count; in the logarithm an empty bin lies below a count of one.
    pub fn height(self, count: f64) -> f64 {
        match self {
            Self::Linear | Self::Cumulative => count,
            Self::Log => count.max(0.5).log10(),
        }
    }

    pub fn baseline(self) -> f64 {
        self.height(0.0)
    }
}

/// A histogram as a stepped outline; `factor` counts of it are one of the histogram it is drawn
/// over.
pub(super) fn steps(histogram: &Histogram, scale: CountScale, factor: f64) -> Vec<[f64; 2]> {
    if scale == CountScale::Cumulative {
        return cumulative(histogram);
    }
    let mut points = vec![[histogram.lo, scale.baseline()]];
    for (bin_idx, &count) in histogram.counts.iter().enumerate() {
        let height = scale.height(count as f64 * factor);
        points.push([histogram.edge(bin_idx), height]);
        points.push([histogram.edge(bin_idx + 1), height]);
    }
    points.push([histogram.hi, scale.baseline()]);
    points
}

/// An outline over the bins, cut where the values end: the outermost bins reach beyond them.
pub(super) fn within(mut points: Vec<[f64; 2]>, stats: &TensorStats) -> Vec<[f64; 2]> {
    for point in &mut points {
        point[0] = kept_within(point[0], stats);
    }
    points
}

/// A value moved to the least or the largest weight if it lies beyond; as it is where all are the
/// same.
pub(super) fn kept_within(value: f64, stats: &TensorStats) -> f64 {
    let (Some(lo), Some(hi)) = (stats.min, stats.max) else { return value };
    if hi > lo { value.max(f64::from(lo)).min(f64::from(hi)) } else { value }
}

fn cumulative(histogram: &Histogram) -> Vec<[f64; 2]> {
    let total = histogram.counts.iter().sum::<u64>().max(1) as f64;
    let mut below = 0u64;
    let mut points = vec![[histogram.lo, 0.0]];
    for (bin_idx, &count) in histogram.counts.iter().enumerate() {
        below += count;
        points.push([histogram.edge(bin_idx + 1), below as f64 / total]);
    }
    points
}

/// Whether each level's weights are drawn spread over its cell, up to halfway to its neighbours: one
/// grid with fewer levels than there are bins, or with equal steps wider than a bin.
pub(super) fn is_spread(picture: &LayerPicture) -> bool {
    let Some(grid) = &picture.grid else { return false };
    let is_wide = |step: f32| f64::from(step) > picture.original.bin_width();
    let is_coarse = match grid.uniform_step() {
        Some(step) => is_wide(step),
        None => grid.n_levels().is_some_and(|n| n <= picture.original.counts.len()),
    };
    picture.usage.is_some() && is_coarse
}

/// The quantized values as steps comparable with the original's: where one coarse grid is shown,
/// each level's weights spread over its cell; else a histogram over the same bins.
pub(super) fn quantized_steps(picture: &LayerPicture, scale: CountScale) -> Vec<[f64; 2]> {
    // Float.
    if picture.usage.is_none() {
        return Vec::new();
    }
    let is_cumulative = scale == CountScale::Cumulative;
    match (&picture.grid, &picture.usage) {
        (Some(grid), Some(usage)) if is_spread(picture) => {
            let levels = used_levels(grid, usage);
            match is_cumulative {
                true => level_shares(levels.into_iter()),
                false if levels.len() <= MAX_BARS => {
                    bars(&levels, picture.original.bin_width(), scale)
                }
                false => cells(&levels, picture.original.bin_width(), scale),
            }
        }
        _ if is_cumulative => cumulative(&picture.quantized),
        _ => {
            let outline = steps(&picture.quantized, scale, 1.0);
            close(&outline[1..outline.len() - 1], scale)
        }
    }
}

/// The levels, ascending, with the number of weights that became each.
fn used_levels(grid: &Grid, usage: &CodeUsage) -> Vec<(f64, u64)> {
    let count = |code: i32| {
        let slot = usize::try_from(code - usage.first_code).ok();
        slot.and_then(|slot| usage.counts.get(slot)).copied().unwrap_or(0)
    };
    let mut levels: Vec<(f64, u64)> = grid
        .levels()
        .into_iter()
        .map(|level| (f64::from(level.value), count(level.code)))
        .collect();
    levels.sort_by(|a, b| a.0.total_cmp(&b.0));
    levels
}

/// The weights of each level spread from halfway to the one before to halfway to the next; the
/// outermost cells are as wide outside as inside.
fn cells(levels: &[(f64, u64)], bin_width: f64, scale: CountScale) -> Vec<[f64; 2]> {
    let mut points = Vec::with_capacity(2 * levels.len() + 2);
    for (nth, &(value, count)) in levels.iter().enumerate() {
        let before = nth.checked_sub(1).and_then(|nth| levels.get(nth)).map(|level| level.0);
        let after = levels.get(nth + 1).map(|level| level.0);
        let half = |other: f64| (other - value).abs() / 2.0;
        let (below, above) = match (before.map(half), after.map(half)) {
            (Some(below), Some(above)) => (below, above),
            (Some(half), None) | (None, Some(half)) => (half, half),
            (None, None) => (bin_width / 2.0, bin_width / 2.0),
        };
        let height = scale.height(count as f64 * bin_width / (below + above));
        points.push([value - below, height]);
        points.push([value + above, height]);
    }
    close(&points, scale)
}

/// Up to so many levels are bars: spread over their cells they would be one flat line.
const MAX_BARS: usize = 3;

/// The weights of each level in a bar of a bin's width there.
fn bars(levels: &[(f64, u64)], bin_width: f64, scale: CountScale) -> Vec<[f64; 2]> {
    let half = bin_width / 2.0;
    let bar = |&(value, count): &(f64, u64)| {
        let (top, foot) = (scale.height(count as f64), scale.baseline());
        let (left, right) = (value - half, value + half);
        [[left, foot], [left, top], [right, top], [right, foot]]
    };
    close(&levels.iter().flat_map(bar).collect::<Vec<_>>(), scale)
}

/// The share of the weights up to each level, which jumps there.
fn level_shares(levels: impl Iterator<Item = (f64, u64)> + Clone) -> Vec<[f64; 2]> {
    let total = levels.clone().map(|(_, count)| count).sum::<u64>().max(1) as f64;
    let mut below = 0u64;
    let mut points = Vec::new();
    for (level, count) in levels {
        points.push([level, below as f64 / total]);
        below += count;
        points.push([level, below as f64 / total]);
    }
    points
}

/// Down to the baseline at both ends, empty ends left out.
fn close(points: &[[f64; 2]], scale: CountScale) -> Vec<[f64; 2]> {
    let baseline = scale.baseline();
    let is_empty = |point: &[f64; 2]| point[1] <= baseline;
    let Some(first) = points.iter().position(|point| !is_empty(point)) else {
        return Vec::new();
    };
    let last = points.iter().rposition(|point| !is_empty(point)).unwrap_or(first);
    let kept = &points[first..=last];
    let mut closed = vec![[kept[0][0], baseline]];
    closed.extend_from_slice(kept);
    closed.push([kept[kept.len() - 1][0], baseline]);
    closed
}

/// What a fitted distribution would count in each bin, as a smooth curve.
pub(super) fn fit_curve(
    fitted: &Fitted,
    histogram: &Histogram,
    scale: CountScale,
) -> Vec<[f64; 2]> {
    const N_POINTS: usize = 240;
    let total = histogram.counts.iter().sum::<u64>() as f64;
    let width = (histogram.hi - histogram.lo) / N_POINTS as f64;
    (0..=N_POINTS)
        .map(|nth| {
            let x = histogram.lo + width * nth as f64;
            let y = match scale {
                CountScale::Cumulative => fitted.share_below(x),
                _ => scale.height(total * histogram.bin_width() * fitted.density(x)),
            };
            [x, y]
        })
        .collect()
}

pub(super) fn count_text(mark: GridMark, scale: CountScale) -> String {
    match scale {
        CountScale::Linear if mark.value.fract() == 0.0 && mark.value >= 0.0 => {
            thousands(mark.value as usize)
        }
        CountScale::Linear => String::new(),
        CountScale::Log => thousands(10f64.powf(mark.value).round() as usize),
        CountScale::Cumulative if (-0.001..=1.001).contains(&mark.value) => {
            format!("{} %", fixed(mark.value * 100.0, 0))
        }
        CountScale::Cumulative => String::new(),
    }
}

/// Whole counts at round distances; in the logarithm powers of ten; shares by quarters.
pub(super) fn count_marks((lo, hi): (f64, f64), scale: CountScale) -> Vec<GridMark> {
    match scale {
        CountScale::Linear if hi - lo > 5.0 => round_marks((lo.max(0.0), hi), 5.0),
        CountScale::Cumulative => marks((lo.max(0.0), hi), 0.25),
        _ => marks((lo.max(0.0), hi), 1.0),
    }
}

/// Round marks for the values below, none so near an end that its number would leave the axis.
pub(super) fn value_marks((lo, hi): (f64, f64), n_wanted: f64) -> Vec<GridMark> {
    let inset = 0.04 * (hi - lo);
    round_marks((lo + inset, hi - inset), n_wanted)
}

/// Marks at 1, 2 or 5 times a power of ten, about `n_wanted` of them.
pub(super) fn round_marks((lo, hi): (f64, f64), n_wanted: f64) -> Vec<GridMark> {
    let rough = (hi - lo) / n_wanted;
    let power = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|m| m * power).into_iter().find(|&s| s >= rough);
    marks((lo, hi), step.unwrap_or(rough))
}

fn marks((lo, hi): (f64, f64), step: f64) -> Vec<GridMark> {
    if !(step.is_finite() && step > 0.0) {
        return Vec::new();
    }
    let first = (lo / step).ceil() as i64;
    let last = ((hi / step).floor() as i64).min(first.saturating_add(40));
    (first..=last).map(|nth| GridMark { value: nth as f64 * step, step_size: step }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outlines_and_shares() {
        let histogram = Histogram { lo: 0.0, hi: 2.0, counts: vec![1, 3], n_outside: 0 };
        let linear = steps(&histogram, CountScale::Linear, 2.0);
        assert_eq!(
            linear,
            [[0.0, 0.0], [0.0, 2.0], [1.0, 2.0], [1.0, 6.0], [2.0, 6.0], [2.0, 0.0]]
        );
        let shares = steps(&histogram, CountScale::Cumulative, 1.0);
        assert_eq!(shares, [[0.0, 0.0], [1.0, 0.25], [2.0, 1.0]]);
        let jumps = level_shares([(-1.0, 1), (1.0, 3)].into_iter());
        assert_eq!(jumps, [[-1.0, 0.0], [-1.0, 0.25], [1.0, 0.25], [1.0, 1.0]]);
        let two = bars(&[(-1.0, 3), (1.0, 5)], 0.5, CountScale::Linear);
        assert_eq!(two[..3], [[-1.25, 0.0], [-1.25, 3.0], [-0.75, 3.0]]);
        assert_eq!(two.iter().map(|point| point[1]).fold(0.0, f64::max), 5.0);
        assert!(close(&[[0.0, 0.0], [1.0, 0.0]], CountScale::Linear).is_empty());
    }
}
