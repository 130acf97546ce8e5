//! How the weights of many channels are spread: a histogram a channel, side by side, over the same
//! bins.

use crate::base::{Cancelled, WorkCtx, reduce};
use crate::tensor::ChannelMajor;

/// The most rows; more channels than that share rows.
pub const MAX_DENSITY_ROWS: usize = 2048;
/// The most bins.
pub const MAX_DENSITY_BINS: usize = 160;

/// Bins that some wanted number of them makes round.
const N_WANTED: f64 = 120.0;

/// Equal bins with round edges: bin `i` holds `[lo + i·width, lo + (i+1)·width)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bins {
    pub lo: f64,
    pub width: f64,
    pub n_bins: usize,
}

impl Bins {
    /// Bins over `[lo, hi]` whose width is 1, 2, 2.5 or 5 times a power of ten and whose edges are
    /// multiples of it. A range without extent has one bin around its value.
    pub fn covering(lo: f64, hi: f64) -> Self {
        let extent = hi - lo;
        if !(extent > 0.0 && extent.is_finite()) {
            let around = if lo.is_finite() { lo } else { 0.0 };
            let width = around.abs().max(1.0);
            return Self { lo: around - width / 2.0, width, n_bins: 1 };
        }
        let width = round_up(extent / N_WANTED);
        let first = (lo / width).floor();
        let n_bins = (hi / width).floor() - first + 1.0;
        Self { lo: first * width, width, n_bins: (n_bins as usize).clamp(1, MAX_DENSITY_BINS) }
    }

    pub fn hi(&self) -> f64 {
        self.lo + self.width * self.n_bins as f64
    }

    /// The bin of a value; the outer bins take what lies beyond, nobody what is not finite.
    fn bin(&self, x: f32) -> Option<usize> {
        let place = ((f64::from(x) - self.lo) / self.width).floor();
        x.is_finite().then(|| (place.max(0.0) as usize).min(self.n_bins - 1))
    }
}

/// The next number of the form 1, 2, 2.5 or 5 times a power of ten.
fn round_up(x: f64) -> f64 {
    let power = 10f64.powf(x.log10().floor());
    let factor = [1.0, 2.0, 2.5, 5.0].into_iter().find(|factor| factor * power >= x);
    factor.unwrap_or(10.0) * power
}

/// Counts by row and bin. A row is one channel, or the mean over several neighbours.
#[derive(Clone, Debug, PartialEq)]
pub struct Density {
    pub bins: Bins,
    pub n_rows: usize,
    /// Channels in all rows.
    pub n_channels: usize,
    /// `[n_rows, n_bins]`: weights in a bin of one channel.
    pub counts: Vec<f32>,
    /// The largest of `counts`.
    pub highest: f32,
    /// The count of the end of the colour scale: 99.5 % of the cells that are not empty lie below.
    pub limit: f32,
}

impl Density {
    /// Counts of the channels `members`, in that order.
    ///
    /// # Errors
    /// [`Cancelled`].
    pub(super) fn compute(
        weights: &ChannelMajor,
        members: &[u32],
        bins: Bins,
        ctx: &WorkCtx,
    ) -> Result<Self, Cancelled> {
        let n_rows = members.len().min(MAX_DENSITY_ROWS);
        let rows = reduce::map_indices(n_rows, ctx, |row_idx| {
            let mut counts = vec![0u32; bins.n_bins];
            let range = row_members(row_idx, n_rows, members.len());
            let n_members = range.len().max(1) as f32;
            for &channel_idx in members.get(range).unwrap_or_default() {
                for &x in weights.channel(channel_idx as usize) {
                    if let Some(count) = bins.bin(x).and_then(|bin| counts.get_mut(bin)) {
                        *count += 1;
                    }
                }
            }
            Ok::<_, Cancelled>(counts.into_iter().map(|n| n as f32 / n_members).collect::<Vec<_>>())
        })?;
        let counts = rows.concat();
        let mut filled: Vec<f32> = counts.iter().copied().filter(|&n| n > 0.0).collect();
        let highest = filled.iter().copied().fold(0.0, f32::max);
        let limit = match filled.len() {
            0 => 1.0,
            n => *filled.select_nth_unstable_by((n * 995 / 1000).min(n - 1), f32::total_cmp).1,
        };
        Ok(Self { bins, n_rows, n_channels: members.len(), counts, highest, limit })
    }

    /// The counts of a row; empty beyond the last.
    pub fn row(&self, row_idx: usize) -> &[f32] {
        let n_bins = self.bins.n_bins;
        self.counts.get(row_idx * n_bins..(row_idx + 1) * n_bins).unwrap_or_default()
    }

    /// The members of a row, as places in the order of the channels.
    pub fn members_of(&self, row_idx: usize) -> std::ops::Range<usize> {
        row_members(row_idx, self.n_rows, self.n_channels)
    }
}

/// `n_members` spread over `n_rows`: the members of one row.
fn row_members(row_idx: usize, n_rows: usize, n_members: usize) -> std::ops::Range<usize> {
    let start = |row_idx: usize| row_idx * n_members / n_rows.max(1);
    start(row_idx)..start(row_idx + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensor::Tensor;
    use ndarray::IxDyn;

    fn channels(n_channels: usize, channel_len: usize) -> ChannelMajor {
        let value = |i: usize| ((i * 7919) % 1009) as f32 / 504.0 - 1.0;
        let data = (0..n_channels * channel_len).map(value).collect();
        let tensor = Tensor::from_shape_vec(IxDyn(&[n_channels, channel_len]), data).unwrap();
        ChannelMajor::new(&tensor, 0)
    }

    #[test]
    fn bins_are_round_and_cover() {
        for (lo, hi, width, n_bins) in [
            (-0.223, 0.223, 0.005, 90),
            (-1.0, 1.0, 0.02, 101),
            (0.0, 0.0, 1.0, 1),
            (-30.0, -30.0, 30.0, 1),
            (0.0, 120.0, 1.0, 121),
            (f64::INFINITY, f64::NEG_INFINITY, 1.0, 1),
        ] {
            let bins = Bins::covering(lo, hi);
            assert!((bins.width - width).abs() < 1e-12, "{lo} {hi}: {bins:?}");
            assert_eq!(bins.n_bins, n_bins, "{lo} {hi}");
            assert!(lo > hi || (bins.lo <= lo && bins.hi() >= hi), "{lo} {hi}: {bins:?}");
        }
        for exponent in -30..30 {
            let hi = 1.37 * 10f64.powi(exponent);
            let bins = Bins::covering(-hi / 3.0, hi);
            assert!(bins.n_bins < MAX_DENSITY_BINS && bins.hi() >= hi, "{exponent}: {bins:?}");
        }
    }

    #[test]
    fn rows_count_every_weight_of_their_channels() {
        let weights = channels(5, 64);
        let bins = Bins::covering(-1.0, 1.01);
        let order = [4, 0, 3];
        let density = Density::compute(&weights, &order, bins, &WorkCtx::new()).unwrap();
        for (row_idx, &channel_idx) in order.iter().enumerate() {
            let mut twin = vec![0.0; bins.n_bins];
            for &x in weights.channel(channel_idx as usize) {
                twin[((f64::from(x) - bins.lo) / bins.width) as usize] += 1.0;
            }
            assert_eq!(density.row(row_idx), twin, "channel {channel_idx}");
        }
        assert_eq!(density.members_of(2), 2..3);
    }

    #[test]
    fn many_channels_share_rows_without_loss() {
        let weights = channels(5000, 8);
        let bins = Bins::covering(-1.0, 1.01);
        let members: Vec<u32> = (0..5000).collect();
        let density = Density::compute(&weights, &members, bins, &WorkCtx::new()).unwrap();
        assert_eq!(density.n_rows, MAX_DENSITY_ROWS);
        let total: f32 = (0..density.n_rows)
            .map(|row| density.row(row).iter().sum::<f32>() * density.members_of(row).len() as f32)
            .sum();
        assert!((total - 40_000.0).abs() < 0.5, "{total}");
    }

    #[test]
    fn nothing_to_count_is_no_error() {
        let none =
            Density::compute(&channels(1, 0), &[], Bins::covering(0.0, 1.0), &WorkCtx::new());
        assert_eq!(none.unwrap().n_rows, 0);
        let mut weights = channels(1, 4);
        weights = weights.with_data(vec![f32::NAN; 4]);
        let bins = Bins::covering(f64::INFINITY, f64::NEG_INFINITY);
        let density = Density::compute(&weights, &[0], bins, &WorkCtx::new()).unwrap();
        assert_eq!((density.highest, density.counts), (0.0, vec![0.0]));
    }
}
