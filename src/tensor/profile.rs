//! What is known of weights before any quantizer: signal power, extents, values that are no numbers.
//! One pass, kept with the weights.

use std::ops::Range;
use std::sync::Arc;

use rayon::prelude::*;

use crate::base::simd::{self, Kernel, fold_sum, fold_sum_f32, greater, lesser};
use crate::base::{Cancelled, WorkCtx};

/// Weights of a block: extents are known by block, and single-precision lanes are folded into double
/// precision after each.
pub const BLOCK_LEN: usize = 4096;

/// Tensors of at most as many weights are summed in double precision throughout.
pub const EXACT_LEN: usize = 1 << 18;

/// Smallest and largest value of some weights, those that are no numbers counted as zero.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Extent {
    pub lo: f32,
    pub hi: f32,
}

impl Extent {
    /// Of no values.
    pub const NONE: Self = Self { lo: f32::INFINITY, hi: f32::NEG_INFINITY };

    /// Of many parts taken together.
    pub fn of_parts(parts: &[Self]) -> Self {
        parts.iter().copied().fold(Self::NONE, Self::joined)
    }

    /// Of two parts taken together.
    #[inline(always)]
    pub fn joined(self, other: Self) -> Self {
        Self { lo: lesser(self.lo, other.lo), hi: greater(self.hi, other.hi) }
    }

    /// Largest magnitude; 0 of no values.
    pub fn absmax(self) -> f32 {
        greater(greater(self.hi, -self.lo), 0.0)
    }
}

/// Figures of weights with their channels side by side.
#[derive(Clone, Debug, Default)]
pub struct Profile {
    pub n_nan: usize,
    pub n_infinite: usize,
    /// `Σx²` by channel; relative error below 10⁻⁶, for tensors up to [`EXACT_LEN`] below 10⁻¹⁴.
    pub signal: Vec<f64>,
    /// By channel, and in it by run of [`BLOCK_LEN`] weights, the last of which may be short.
    blocks: Vec<Extent>,
    blocks_per_channel: usize,
}

/// Of one block.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Figures {
    pub(super) extent: Extent,
    signal: f64,
    n_nan: usize,
    n_infinite: usize,
}

impl Figures {
    pub(super) fn is_finite(&self) -> bool {
        self.n_nan + self.n_infinite == 0
    }
}

/// Of the blocks of whole channels, or of a part of one.
pub(super) fn figures_of(part: &[f32], channel_len: usize, is_exact: bool) -> Vec<Figures> {
    let mut done = Vec::with_capacity(part.len() / channel_len.clamp(1, BLOCK_LEN) + 1);
    simd::dispatch(Blocks { part, channel_len, is_exact, done: &mut done });
    done
}

impl Profile {
    pub(super) fn compute(
        data: &[f32],
        channel_len: usize,
        ctx: &WorkCtx,
    ) -> Result<Self, Cancelled> {
        let is_exact = data.len() <= EXACT_LEN;
        let parts: Vec<Vec<Figures>> = pieces(data.len(), channel_len)
            .into_par_iter()
            .map(|piece| {
                ctx.check()?;
                let part = data.get(piece).unwrap_or_default();
                Ok(figures_of(part, channel_len, is_exact))
            })
            .collect::<Result<_, Cancelled>>()?;
        Ok(Self::of_figures(&parts.concat(), channel_len))
    }

    pub(super) fn of_figures(figures: &[Figures], channel_len: usize) -> Self {
        let blocks_per_channel = channel_len.div_ceil(BLOCK_LEN);
        Self {
            n_nan: figures.iter().map(|block| block.n_nan).sum(),
            n_infinite: figures.iter().map(|block| block.n_infinite).sum(),
            signal: figures
                .chunks(blocks_per_channel.max(1))
                .map(|channel| channel.iter().map(|block| block.signal).sum())
                .collect(),
            blocks: figures.iter().map(|block| block.extent).collect(),
            blocks_per_channel,
        }
    }

    pub fn n_non_finite(&self) -> usize {
        self.n_nan + self.n_infinite
    }

    /// Of all weights.
    pub fn extent(&self) -> Extent {
        self.blocks.iter().copied().fold(Extent::NONE, Extent::joined)
    }

    /// Of one channel.
    pub fn channel_extent(&self, channel_idx: usize) -> Extent {
        let n_blocks = self.blocks_per_channel;
        let blocks = self.blocks.get(channel_idx * n_blocks..(channel_idx + 1) * n_blocks);
        blocks.unwrap_or_default().iter().copied().fold(Extent::NONE, Extent::joined)
    }

    /// Of the blocks of a channel from the one that holds its element `start` on.
    pub fn blocks_from(&self, channel_idx: usize, start: usize) -> &[Extent] {
        let first = channel_idx * self.blocks_per_channel;
        let (from, to) = (first + start / BLOCK_LEN, first + self.blocks_per_channel);
        self.blocks.get(from..to).unwrap_or_default()
    }
}

/// Weights worked on at a time.
pub(super) const PIECE_LEN: usize = 1 << 15;

/// Weights to be worked on in parallel: whole channels, or `PIECE_LEN` of a long one. The same on
/// every machine.
pub fn pieces(len: usize, channel_len: usize) -> Vec<Range<usize>> {
    let channel_len = channel_len.max(1);
    if channel_len <= PIECE_LEN {
        let step = PIECE_LEN / channel_len * channel_len;
        return (0..len).step_by(step).map(|start| start..(start + step).min(len)).collect();
    }
    let of_channel = |first: usize| {
        let end = (first + channel_len).min(len);
        (first..end).step_by(PIECE_LEN).map(move |start| start..(start + PIECE_LEN).min(end))
    };
    (0..len).step_by(channel_len).flat_map(of_channel).collect()
}

struct Blocks<'a> {
    part: &'a [f32],
    channel_len: usize,
    is_exact: bool,
    done: &'a mut Vec<Figures>,
}

impl Kernel for Blocks<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let channels = self.part.chunks(self.channel_len.max(1));
        for block in channels.flat_map(|channel| channel.chunks(BLOCK_LEN)) {
            let pass = first_pass(block);
            // A sum within bounds has no NaN and no infinity in it.
            let is_plain = (1e-30..1e30).contains(&pass.signal);
            self.done.push(if !is_plain && block.iter().any(|x| !x.is_finite()) {
                cleaned(block)
            } else {
                let is_enough = is_plain && !self.is_exact;
                let signal = if is_enough { pass.signal } else { squares(block) };
                Figures { extent: pass.extent, signal, n_nan: 0, n_infinite: 0 }
            });
        }
    }
}

struct Pass {
    extent: Extent,
    signal: f64,
}

const LANES: usize = 16;

#[inline(always)]
fn first_pass(block: &[f32]) -> Pass {
    let mut lanes = PassLanes {
        lo: [f32::INFINITY; LANES],
        hi: [f32::NEG_INFINITY; LANES],
        squares: [0.0; LANES],
    };
    let mut squares = [0.0f32; LANES];
    let (chunks, rest) = block.as_chunks::<LANES>();
    // Sixteen at a time: a sum of many equal squares would else be rounded the same way each time.
    for few in chunks.chunks(16) {
        lanes.squares = [0.0; LANES];
        for chunk in few {
            lanes.add(chunk);
        }
        for (sum, few) in squares.iter_mut().zip(&lanes.squares) {
            *sum += few;
        }
    }
    if let Some(&any) = rest.first() {
        let mut last = [any; LANES];
        for (last, &x) in last.iter_mut().zip(rest) {
            *last = x;
        }
        lanes.add(&last);
        for (sum, &x) in squares.iter_mut().zip(rest) {
            *sum += x * x;
        }
    }
    let mut extent = Extent::NONE;
    for i in 0..LANES {
        extent = extent.joined(Extent { lo: lanes.lo[i], hi: lanes.hi[i] });
    }
    Pass { extent, signal: fold_sum_f32(&squares) }
}

struct PassLanes {
    lo: [f32; LANES],
    hi: [f32; LANES],
    squares: [f32; LANES],
}

impl PassLanes {
    #[inline(always)]
    fn add(&mut self, chunk: &[f32; LANES]) {
        for (i, &x) in chunk.iter().enumerate() {
            self.lo[i] = lesser(x, self.lo[i]);
            self.hi[i] = greater(x, self.hi[i]);
            self.squares[i] += x * x;
        }
    }
}

/// `Σx²` in double precision.
#[inline(always)]
fn squares(block: &[f32]) -> f64 {
    let mut sums = [0.0f64; LANES];
    let (chunks, rest) = block.as_chunks::<LANES>();
    for chunk in chunks {
        for i in 0..LANES {
            sums[i] += f64::from(chunk[i]) * f64::from(chunk[i]);
        }
    }
    for (sum, &x) in sums.iter_mut().zip(rest) {
        *sum += f64::from(x) * f64::from(x);
    }
    fold_sum(sums)
}

/// With what is no number counted, and as zero in the rest.
fn cleaned(block: &[f32]) -> Figures {
    let finite: Vec<f32> = block.iter().map(|&x| if x.is_finite() { x } else { 0.0 }).collect();
    let n_nan = block.iter().filter(|x| x.is_nan()).count();
    let n_infinite = block.iter().filter(|x| x.is_infinite()).count();
    Figures { extent: first_pass(&finite).extent, signal: squares(&finite), n_nan, n_infinite }
}

/// The extent of every run of `group_size` weights in each channel, the last of which may be short.
pub(super) fn group_extents(
    data: &[f32],
    (channel_len, group_size): (usize, usize),
    ctx: &WorkCtx,
) -> Result<Arc<[Extent]>, Cancelled> {
    let lens = GroupLens { channel: channel_len.max(1), group: group_size.max(1) };
    // A piece of a long channel is whole groups where the size divides it; other long channels are
    // one piece.
    let pieces = if PIECE_LEN.is_multiple_of(lens.group) || lens.channel <= PIECE_LEN {
        pieces(data.len(), lens.channel)
    } else {
        let end = |start: usize| (start + lens.channel).min(data.len());
        (0..data.len()).step_by(lens.channel).map(|start| start..end(start)).collect()
    };
    let mut all = lens.blank(data.len());
    let slots = lens.slots(pieces, Arc::get_mut(&mut all).unwrap_or_default());
    slots.into_par_iter().try_for_each(|(piece, extents)| {
        ctx.check()?;
        lens.find_extents(data.get(piece).unwrap_or_default(), extents);
        Ok(())
    })?;
    Ok(all)
}

/// Lengths, neither of them 0.
#[derive(Clone, Copy)]
pub(super) struct GroupLens {
    pub(super) channel: usize,
    pub(super) group: usize,
}

impl GroupLens {
    /// Groups of some channels, or of a part of one.
    fn n_groups(self, n_weights: usize) -> usize {
        let len = self.channel.min(n_weights).max(1);
        n_weights / len * len.div_ceil(self.group)
    }

    /// Room for the extents of so many weights, in place: it is large, and copying it would show.
    pub(super) fn blank(self, n_weights: usize) -> Arc<[Extent]> {
        std::iter::repeat_n(Extent::NONE, self.n_groups(n_weights)).collect()
    }

    /// The room that each piece fills.
    pub(super) fn slots(
        self,
        pieces: Vec<Range<usize>>,
        mut room: &mut [Extent],
    ) -> Vec<(Range<usize>, &mut [Extent])> {
        let take = |piece: Range<usize>| {
            let n_groups = self.n_groups(piece.len()).min(room.len());
            let (extents, rest) = std::mem::take(&mut room).split_at_mut(n_groups);
            room = rest;
            (piece, extents)
        };
        pieces.into_iter().map(take).collect()
    }

    /// Of groups that lie within `part`.
    pub(super) fn find_extents(self, part: &[f32], extents: &mut [Extent]) {
        simd::dispatch(Groups { part, lens: self, extents });
    }
}

struct Groups<'a> {
    part: &'a [f32],
    lens: GroupLens,
    extents: &'a mut [Extent],
}

impl Kernel for Groups<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let GroupLens { channel, group: size } = self.lens;
        let by_channel =
            self.extents.chunks_mut(channel.min(self.part.len()).div_ceil(size).max(1));
        for (channel, extents) in self.part.chunks(channel).zip(by_channel) {
            if size == RUN {
                let (groups, rest) = channel.as_chunks::<RUN>();
                for (extent, group) in extents.iter_mut().zip(groups) {
                    *extent = extent_of_run(group);
                }
                if let (false, Some(extent)) = (rest.is_empty(), extents.last_mut()) {
                    *extent = extent_of(rest);
                }
            } else {
                for (extent, group) in extents.iter_mut().zip(channel.chunks(size)) {
                    *extent = extent_of(group);
                }
            }
        }
    }
}

/// Weights whose extent is found at a time: the size that most groups have.
const RUN: usize = 32;

#[inline(always)]
fn extent_of(group: &[f32]) -> Extent {
    let (runs, rest) = group.as_chunks::<RUN>();
    let mut extent = Extent::NONE;
    for run in runs {
        extent = extent.joined(extent_of_run(run));
    }
    for &x in rest {
        extent = extent.joined(Extent { lo: x, hi: x });
    }
    extent
}

/// Halves against halves, in arrays of fixed length, which become vectors.
#[inline(always)]
fn extent_of_run(run: &[f32; RUN]) -> Extent {
    let (mut lo, mut hi) = ([0.0; 8], [0.0; 8]);
    for i in 0..8 {
        lo[i] = lesser(lesser(run[i], run[i + 8]), lesser(run[i + 16], run[i + 24]));
        hi[i] = greater(greater(run[i], run[i + 8]), greater(run[i + 16], run[i + 24]));
    }
    let (mut few_lo, mut few_hi) = ([0.0; 4], [0.0; 4]);
    for i in 0..4 {
        few_lo[i] = lesser(lo[i], lo[i + 4]);
        few_hi[i] = greater(hi[i], hi[i + 4]);
    }
    Extent {
        lo: lesser(lesser(few_lo[0], few_lo[2]), lesser(few_lo[1], few_lo[3])),
        hi: greater(greater(few_hi[0], few_hi[2]), greater(few_hi[1], few_hi[3])),
    }
}

/// The extent of finite values.
pub fn extent(values: &[f32]) -> Extent {
    struct Whole<'a>(&'a [f32]);
    impl Kernel for Whole<'_> {
        type Output = Extent;

        #[inline(always)]
        fn run(self) -> Extent {
            extent_of(self.0)
        }
    }
    simd::dispatch(Whole(values))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(len: usize) -> Vec<f32> {
        (0..len).map(|i| ((i * 7919) % 1009) as f32 * 1e-3 - 0.4).collect()
    }

    /// The plain reading, in double precision.
    #[test]
    fn figures_are_those_of_the_definition() {
        for (n_channels, len) in [(1, 5), (3, 4096), (2, 70_001), (700, 9), (1, 300_000), (4, 0)] {
            let data = values(n_channels * len);
            let profile = Profile::compute(&data, len, &WorkCtx::new()).unwrap();
            for (idx, channel) in data.chunks(len.max(1)).enumerate() {
                let squares: f64 = channel.iter().map(|&x| f64::from(x) * f64::from(x)).sum();
                let tolerance = if data.len() <= EXACT_LEN { 1e-12 } else { 1e-6 };
                assert!((profile.signal[idx] / squares - 1.0).abs() < tolerance, "{len}");
                let lo = channel.iter().copied().fold(f32::INFINITY, f32::min);
                let hi = channel.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                assert_eq!(profile.channel_extent(idx), Extent { lo, hi }, "{len}");
            }
            assert_eq!(profile.signal.len(), if len == 0 { 0 } else { n_channels });
            assert_eq!(profile.n_non_finite(), 0);
            for size in [1, 7, 32, 40_000] {
                let found = group_extents(&data, (len, size), &WorkCtx::new()).unwrap();
                let wanted: Vec<Extent> = data
                    .chunks(len.max(1))
                    .flat_map(|channel| channel.chunks(size))
                    .map(|group| {
                        let of = |x: f32| Extent { lo: x, hi: x };
                        group.iter().map(|&x| of(x)).reduce(Extent::joined).unwrap()
                    })
                    .collect();
                assert_eq!(*found, *wanted, "{len} by {size}");
            }
        }
    }

    #[test]
    fn what_is_no_number_counts_as_zero() {
        let mut data = vec![2.0f32; 5000];
        (data[3], data[4097], data[4999]) = (f32::NAN, f32::INFINITY, f32::NEG_INFINITY);
        let profile = Profile::compute(&data, 5000, &WorkCtx::new()).unwrap();
        assert_eq!((profile.n_nan, profile.n_infinite), (1, 2));
        assert_eq!(profile.signal, [4.0 * 4997.0]);
        assert_eq!(profile.extent(), Extent { lo: 0.0, hi: 2.0 });
    }

    /// Squares beyond single precision, and below it.
    #[test]
    fn no_magnitude_is_lost() {
        for magnitude in [1e30f32, 1e-30, f32::MAX, f32::from_bits(1)] {
            let data = vec![magnitude; EXACT_LEN + 1];
            let profile = Profile::compute(&data, data.len(), &WorkCtx::new()).unwrap();
            let wanted = f64::from(magnitude).powi(2) * data.len() as f64;
            assert!((profile.signal[0] / wanted - 1.0).abs() < 1e-12, "{magnitude}");
        }
    }

    #[test]
    fn every_level_gives_the_same_bits() {
        let data = values(40_000);
        let at = |level| {
            let mut done = Vec::new();
            let kernel =
                Blocks { part: &data, channel_len: 9001, is_exact: false, done: &mut done };
            simd::dispatch_at(level, kernel);
            done
        };
        for level in simd::Level::ALL {
            assert_eq!(at(level), at(simd::Level::Baseline), "{level:?}");
        }
    }
}
