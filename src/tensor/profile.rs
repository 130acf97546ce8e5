//! What is known of weights before any quantizer: signal power, extents, values that are no numbers.
//! One pass, kept with the weights.

use std::ops::Range;

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
struct Figures {
    extent: Extent,
    signal: f64,
    n_nan: usize,
    n_infinite: usize,
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
                let mut done = Vec::with_capacity(part.len() / channel_len.clamp(1, BLOCK_LEN) + 1);
                simd::dispatch(Blocks { part, channel_len, is_exact, done: &mut done });
                Ok(done)
            })
            .collect::<Result<_, Cancelled>>()?;
        let blocks_per_channel = channel_len.div_ceil(BLOCK_LEN);
        let figures = parts.concat();
        Ok(Self {
            n_nan: figures.iter().map(|block| block.n_nan).sum(),
            n_infinite: figures.iter().map(|block| block.n_infinite).sum(),
            signal: figures
                .chunks(blocks_per_channel.max(1))
                .map(|channel| channel.iter().map(|block| block.signal).sum())
                .collect(),
            blocks: figures.iter().map(|block| block.extent).collect(),
            blocks_per_channel,
        })
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
const PIECE_LEN: usize = 1 << 15;

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
            let signal = match pass.signal {
                signal if !self.is_exact && (1e-30..1e30).contains(&signal) => signal,
                _ => squares(block),
            };
            self.done.push(match pass.has_non_finite {
                false => Figures { extent: pass.extent, signal, n_nan: 0, n_infinite: 0 },
                true => cleaned(block),
            });
        }
    }
}

struct Pass {
    extent: Extent,
    signal: f64,
    has_non_finite: bool,
}

const LANES: usize = 16;

#[inline(always)]
fn first_pass(block: &[f32]) -> Pass {
    let mut lanes = PassLanes {
        lo: [f32::INFINITY; LANES],
        hi: [f32::NEG_INFINITY; LANES],
        squares: [0.0; LANES],
        magnitudes: [0; LANES],
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
    let (mut extent, mut largest) = (Extent::NONE, 0);
    for i in 0..LANES {
        extent = extent.joined(Extent { lo: lanes.lo[i], hi: lanes.hi[i] });
        largest = if lanes.magnitudes[i] > largest { lanes.magnitudes[i] } else { largest };
    }
    let has_non_finite = largest >= INFINITE;
    Pass { extent, signal: fold_sum_f32(&squares), has_non_finite }
}

struct PassLanes {
    lo: [f32; LANES],
    hi: [f32; LANES],
    squares: [f32; LANES],
    /// The largest bits without the sign: at least [`INFINITE`] where there is no number.
    magnitudes: [i32; LANES],
}

impl PassLanes {
    #[inline(always)]
    fn add(&mut self, chunk: &[f32; LANES]) {
        for (i, &x) in chunk.iter().enumerate() {
            self.lo[i] = lesser(x, self.lo[i]);
            self.hi[i] = greater(x, self.hi[i]);
            self.squares[i] += x * x;
            let bits = (x.to_bits() & 0x7fff_ffff) as i32;
            self.magnitudes[i] = if bits > self.magnitudes[i] { bits } else { self.magnitudes[i] };
        }
    }
}

/// The exponent of infinities and NaN.
const INFINITE: i32 = 0x7f80_0000;

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
) -> Result<Vec<Extent>, Cancelled> {
    let (len, size) = (channel_len.max(1), group_size.max(1));
    // A piece of a long channel is whole groups where the size divides it; other long channels are
    // one piece.
    let pieces = if PIECE_LEN.is_multiple_of(size) || len <= PIECE_LEN {
        pieces(data.len(), len)
    } else {
        (0..data.len()).step_by(len).map(|start| start..(start + len).min(data.len())).collect()
    };
    let parts: Vec<Vec<Extent>> = pieces
        .into_par_iter()
        .map(|piece| {
            ctx.check()?;
            let part = data.get(piece).unwrap_or_default();
            let mut extents = Vec::with_capacity(part.len().div_ceil(len.min(size)) + 1);
            simd::dispatch(Groups { part, len, size, extents: &mut extents });
            Ok(extents)
        })
        .collect::<Result<_, Cancelled>>()?;
    Ok(parts.concat())
}

struct Groups<'a> {
    part: &'a [f32],
    /// Of a channel.
    len: usize,
    /// Of a group.
    size: usize,
    extents: &'a mut Vec<Extent>,
}

impl Kernel for Groups<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for channel in self.part.chunks(self.len) {
            for group in channel.chunks(self.size) {
                self.extents.push(extent_of(group));
            }
        }
    }
}

#[inline(always)]
fn extent_of(group: &[f32]) -> Extent {
    let (chunks, rest) = group.as_chunks::<LANES>();
    let mut lo = [f32::INFINITY; LANES];
    let mut hi = [f32::NEG_INFINITY; LANES];
    for chunk in chunks {
        for i in 0..LANES {
            lo[i] = lesser(chunk[i], lo[i]);
            hi[i] = greater(chunk[i], hi[i]);
        }
    }
    let mut extent = Extent::NONE;
    for &x in rest {
        extent = extent.joined(Extent { lo: x, hi: x });
    }
    if chunks.is_empty() {
        return extent;
    }
    let mut half = LANES / 2;
    while half > 0 {
        for i in 0..half {
            lo[i] = lesser(lo[i], lo[i + half]);
            hi[i] = greater(hi[i], hi[i + half]);
        }
        half /= 2;
    }
    extent.joined(Extent { lo: lo[0], hi: hi[0] })
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
                assert_eq!(found, wanted, "{len} by {size}");
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
