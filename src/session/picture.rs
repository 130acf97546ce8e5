//! What the distribution of a layer, or of one of its channels, looks like before and after.

use std::ops::Range;

use crate::base::{Cancelled, WorkCtx};
use crate::eval::{CodeUsage, ErrorProfile, ErrorStats, LayerError};
use crate::quant::Grid;
use crate::tensor::{ChannelMajor, DistributionShape, Histogram, TensorStats};

/// Fewest and most bins of a histogram: a few pixels each on a usual screen.
const N_BINS: std::ops::RangeInclusive<usize> = 16..=180;

/// Distribution, grid and figures of one layer or channel.
#[derive(Clone, Debug)]
pub struct LayerPicture {
    /// `None` for the whole tensor.
    pub channel_idx: Option<usize>,
    pub stats: TensorStats,
    pub error: ErrorStats,
    pub original: Histogram,
    /// Over the same bins, of the reconstructed values.
    pub quantized: Histogram,
    /// The grid, where all the weights shown share one.
    pub grid: Option<Grid>,
    /// Scales that the weights shown are spread over.
    pub n_groups: usize,
    pub usage: Option<CodeUsage>,
    /// Where the error arises, over the bins of `original`.
    pub profile: ErrorProfile,
    /// Fits and tails; `None` for a constant tensor.
    pub shape: Option<DistributionShape>,
}

impl LayerPicture {
    /// # Errors
    /// [`Cancelled`].
    pub(super) fn compute(
        weights: &ChannelMajor,
        values: &[f32],
        error: &LayerError,
        channel_idx: Option<usize>,
        ctx: &WorkCtx,
    ) -> Result<Self, Cancelled> {
        let range = shown_range(weights, channel_idx);
        let original = weights.data().get(range.clone()).unwrap_or_default();
        let reconstructed = values.get(range.clone()).unwrap_or_default();
        let stats = TensorStats::compute(original, ctx)?;
        let reconstructed_stats = TensorStats::compute(reconstructed, ctx)?;
        let layout = error.fitted.layout();
        let groups = layout.groups_within(range.clone());
        let grid = (groups.len() == 1).then(|| error.fitted.grid(groups.start));
        let (bounds, n_bins) = bins(&stats, &reconstructed_stats, grid.as_ref());
        let channel_error = channel_idx.and_then(|idx| error.channels.get(idx).copied());
        let histogram = Histogram::compute(original, bounds, n_bins, ctx)?;
        // The histogram may have widened the bounds of a constant tensor.
        let shown = ((histogram.lo, histogram.hi), n_bins);
        let fitted = &*error.fitted;
        Ok(Self {
            channel_idx,
            stats,
            error: channel_error.unwrap_or(error.total),
            profile: ErrorProfile::compute(weights, fitted, range.clone(), shown, ctx)?,
            shape: DistributionShape::fit(original, &stats, ctx)?,
            original: histogram,
            quantized: Histogram::compute(reconstructed, bounds, n_bins, ctx)?,
            grid,
            n_groups: groups.len(),
            usage: CodeUsage::count(weights, &*error.fitted, range),
        })
    }
}

fn shown_range(weights: &ChannelMajor, channel_idx: Option<usize>) -> Range<usize> {
    let len = weights.channel_len();
    match channel_idx {
        None => 0..weights.data().len(),
        Some(idx) => idx * len..(idx + 1) * len,
    }
}

/// Ends and number of the bins, from the smallest to the largest value, original or reconstructed.
///
/// About twice the square root of the number of weights, so that few weights show a shape. Where
/// the levels of one grid lie closer than that, a bin is a whole number of steps wide and ends
/// between two levels: each then holds as many levels as the next, and none seems fuller for that.
/// Else zero lies in the middle of a bin.
fn bins(
    original: &TensorStats,
    reconstructed: &TensorStats,
    grid: Option<&Grid>,
) -> ((f64, f64), usize) {
    let ends = |pick: fn(&TensorStats) -> Option<f32>| {
        [pick(original), pick(reconstructed)].into_iter().flatten().map(f64::from)
    };
    let lo = ends(|stats| stats.min).fold(f64::INFINITY, f64::min);
    let hi = ends(|stats| stats.max).fold(f64::NEG_INFINITY, f64::max);
    let n_wanted = (2.0 * (original.count as f64).sqrt()) as usize;
    let n_bins = n_wanted.clamp(*N_BINS.start(), *N_BINS.end());
    if lo > hi {
        return ((0.0, 0.0), n_bins);
    }
    let width = (hi - lo) / n_bins as f64;
    match grid {
        Some(Grid::Uniform { params, .. }) if f64::from(params.scale) <= width => {
            let step = f64::from(params.scale);
            let aligned_width = (width / step).ceil() * step;
            let start = ((lo / step - 0.5).floor() + 0.5) * step;
            let n_aligned = ((hi - start) / aligned_width).ceil().max(1.0);
            ((start, start + n_aligned * aligned_width), n_aligned as usize)
        }
        _ => zero_in_the_middle((lo, hi), n_bins),
    }
}

/// Bins of about that width over the values, zero in the middle of one: many scales have a level
/// there, whose weights an edge at zero would count on one side.
fn zero_in_the_middle((lo, hi): (f64, f64), n_bins: usize) -> ((f64, f64), usize) {
    let width = (hi - lo) / n_bins as f64;
    let is_tiny = width <= f64::EPSILON * lo.abs().max(hi.abs());
    if is_tiny || !width.is_finite() {
        return ((lo, hi), n_bins);
    }
    let start = ((lo / width - 0.5).floor() + 0.5) * width;
    let n_aligned = ((hi - start) / width).ceil().max(1.0);
    ((start, start + n_aligned * width), n_aligned as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_lies_in_the_middle_of_a_bin() {
        for (lo, hi, n) in
            [(-1.0, 1.0, 20), (-0.3, 0.5, 180), (0.0, 1.0, 16), (-2.0, 0.0, 16), (0.25, 3.0, 50)]
        {
            let ((start, end), n_bins) = zero_in_the_middle((lo, hi), n);
            assert!(start <= lo && hi <= end, "{lo} to {hi}: {start} to {end}");
            assert!(n_bins.abs_diff(n) <= 1, "{lo} to {hi}: {n_bins}");
            let width = (end - start) / n_bins as f64;
            let place = -start / width;
            assert!((place - place.floor() - 0.5).abs() < 1e-6, "{lo} to {hi}: {place}");
        }
        assert_eq!(zero_in_the_middle((3.0, 3.0), 16), ((3.0, 3.0), 16));
    }
}
