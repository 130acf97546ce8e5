//! What the distribution of a layer, or of one of its channels, looks like before and after.

use std::ops::Range;

use crate::base::{Cancelled, WorkCtx};
use crate::eval::{CodeUsage, ErrorStats, LayerError};
use crate::quant::Grid;
use crate::tensor::{ChannelMajor, Histogram, TensorStats};

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
        let bounds = histogram_bounds(&stats, &reconstructed_stats);
        let layout = error.fitted.layout();
        let groups = match channel_idx {
            None => 0..layout.n_groups(),
            Some(channel_idx) => layout.groups_of_channel(channel_idx),
        };
        let grid = (groups.len() == 1).then(|| error.fitted.grid(groups.start));
        // About twice the square root: few weights in few bins, so that a shape is seen.
        let n_bins = (2.0 * (original.len() as f64).sqrt()) as usize;
        let n_bins = n_bins.clamp(*N_BINS.start(), *N_BINS.end());
        let channel_error = channel_idx.and_then(|idx| error.channels.get(idx).copied());
        Ok(Self {
            channel_idx,
            stats,
            error: channel_error.unwrap_or(error.total),
            original: Histogram::compute(original, bounds, n_bins, ctx)?,
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

/// From the smallest to the largest value, original or reconstructed.
fn histogram_bounds(original: &TensorStats, reconstructed: &TensorStats) -> (f64, f64) {
    let ends = |pick: fn(&TensorStats) -> Option<f32>| {
        [pick(original), pick(reconstructed)].into_iter().flatten().map(f64::from)
    };
    let lo = ends(|stats| stats.min).fold(f64::INFINITY, f64::min);
    let hi = ends(|stats| stats.max).fold(f64::NEG_INFINITY, f64::max);
    if lo <= hi { (lo, hi) } else { (0.0, 0.0) }
}
