//! Convolution of sixteen samples side by side (see `lanes`): a weight is spread over the samples'
//! vector, a block of output channels at a few positions is kept in registers.

use pulp::{Scalar128b, Simd, WithSimd};

use super::conv::ConvShape;
use super::dense::count_of;
use super::lanes_simd::{Level, Limits, PIXELS, blocks, multiply_add};
use crate::exec::operator::Clamp;

/// A read that falls into the padding.
const PADDING: usize = usize::MAX;

/// Weights in the order in which the loops read them.
#[derive(Debug)]
pub(super) struct PackedWeights {
    /// Group by group, block of output channels by block, kernel position by kernel position, input
    /// channel by input channel: one number an output channel of the block.
    data: Vec<f32>,
    level: Level,
}

impl PackedWeights {
    /// `weight` is `[n_out, n_in / group, kernel…]`, row-major.
    pub fn new(sizes: WeightSizes, weight: &[f32], level: Level) -> Self {
        let WeightSizes { n_out, group_in, n_taps, .. } = sizes;
        let mut data = Vec::with_capacity(weight.len());
        let group_len = sizes.block_range();
        for first_of_group in (0..n_out).step_by(group_len.max(1)) {
            for block in blocks(group_len, level.max_block()) {
                let first = first_of_group + block.first;
                for tap in 0..n_taps {
                    for channel_idx in 0..group_in {
                        data.extend((first..first + block.len).map(|out_idx| {
                            weight[(out_idx * group_in + channel_idx) * n_taps + tap]
                        }));
                    }
                }
            }
        }
        Self { data, level }
    }
}

/// What the order of weights depends on.
#[derive(Clone, Copy, Debug)]
pub(super) struct WeightSizes {
    pub n_out: usize,
    pub group: usize,
    /// Input channels of one group.
    pub group_in: usize,
    /// Positions of the kernel.
    pub n_taps: usize,
}

impl WeightSizes {
    /// One input and one output channel a group: blocks go over the groups.
    fn is_depthwise(self) -> bool {
        self.group_in == 1 && self.group == self.n_out
    }

    /// Output channels that are cut into blocks together.
    fn block_range(self) -> usize {
        if self.is_depthwise() { self.n_out } else { self.n_out / self.group.max(1) }
    }
}

/// A convolution of sixteen samples.
pub(super) struct LanesConv<'a> {
    pub shape: &'a ConvShape,
    /// `[in_spatial…, n_in, 16]`
    pub input: &'a [f32],
    pub weights: &'a PackedWeights,
    /// `[n_out]`
    pub bias: Option<&'a [f32]>,
    pub clamp: Clamp,
    /// `[out_spatial…, n_out, 16]`, every element of which is written.
    pub out: &'a mut [f32],
}

impl LanesConv<'_> {
    /// Each sum starts with the bias and runs over kernel positions, then input channels, with
    /// products not rounded where the processor can; so it does not depend on the other samples.
    pub fn run(self) {
        self.weights.level.dispatch(self);
    }
}

impl WithSimd for LanesConv<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match S::F32_LANES {
            16 => self.run_with::<S, 1>(simd),
            8 => self.run_with::<S, 2>(simd),
            4 => self.run_with::<S, 4>(simd),
            _ => self.run_with::<Scalar128b, 4>(Scalar128b),
        }
    }
}

impl LanesConv<'_> {
    /// `VECTORS` vectors of the instruction set hold the sixteen samples.
    #[inline(always)]
    fn run_with<S: Simd, const VECTORS: usize>(self, simd: S) {
        let shape = self.shape;
        let sizes = shape.weight_sizes();
        let zeros = vec![[simd.splat_f32s(0.0); VECTORS]; shape.n_in];
        let no_bias = vec![0.0; shape.n_out];
        let mut reads = vec![[PADDING; PIXELS]; sizes.n_taps];
        let mut store = Store {
            out: S::as_mut_simd_f32s(self.out).0.as_chunks_mut::<VECTORS>().0,
            n_channels: shape.n_out,
            first_pixel: 0,
            n_pixels: 0,
            first_channel: 0,
            limits: Limits::new(simd, self.clamp),
        };
        let mut tile = Tile {
            simd,
            pixels: S::as_simd_f32s(self.input).0.as_chunks::<VECTORS>().0,
            zeros: &zeros,
            first_in: 0,
            depth: sizes.group_in,
        };
        let bias = self.bias.unwrap_or(&no_bias);
        let n_pixels = count_of(&shape.out_spatial());
        let max_block = self.weights.level.max_block();
        let block_range = sizes.block_range().max(1);
        for first_pixel in (0..n_pixels).step_by(PIXELS) {
            fill_reads(shape, first_pixel, &mut reads);
            (store.first_pixel, store.n_pixels) = (first_pixel, PIXELS.min(n_pixels - first_pixel));
            let mut weights = self.weights.data.as_slice();
            for first_of_group in (0..shape.n_out).step_by(block_range) {
                for block in blocks(block_range, max_block) {
                    let (own, rest) = weights.split_at(sizes.n_taps * sizes.group_in * block.len);
                    weights = rest;
                    store.first_channel = first_of_group + block.first;
                    let bias = &bias[store.first_channel..store.first_channel + block.len];
                    if sizes.is_depthwise() {
                        tile.first_in = store.first_channel;
                        match block.len {
                            8 => tile.depthwise::<8>(&reads, own, bias, &mut store),
                            4 => tile.depthwise::<4>(&reads, own, bias, &mut store),
                            2 => tile.depthwise::<2>(&reads, own, bias, &mut store),
                            _ => tile.depthwise::<1>(&reads, own, bias, &mut store),
                        }
                    } else {
                        tile.first_in = first_of_group / block_range * sizes.group_in;
                        match block.len {
                            8 => tile.dense::<8>(&reads, own, bias, &mut store),
                            4 => tile.dense::<4>(&reads, own, bias, &mut store),
                            2 => tile.dense::<2>(&reads, own, bias, &mut store),
                            _ => tile.dense::<1>(&reads, own, bias, &mut store),
                        }
                    }
                }
            }
        }
    }
}

/// For each kernel position, where the output positions from `first_pixel` on read, as the number
/// of the first channel's vector.
#[inline(always)]
#[allow(clippy::needless_range_loop)] // The number of the pixel says where it is, too.
fn fill_reads(shape: &ConvShape, first_pixel: usize, reads: &mut [[usize; PIXELS]]) {
    let [depth, height, width] = shape.axes;
    let n_pixels = count_of(&shape.out_spatial());
    for nth in 0..PIXELS {
        let pixel = first_pixel + nth;
        let starts = (pixel < n_pixels).then(|| {
            let (row, col) = (pixel / width.output, pixel % width.output);
            [
                row / height.output * depth.stride,
                row % height.output * height.stride,
                col * width.stride,
            ]
        });
        let mut tap = 0;
        for kd in 0..depth.kernel {
            for kh in 0..height.kernel {
                for kw in 0..width.kernel {
                    reads[tap][nth] = PADDING;
                    if let Some([d, h, w]) = starts {
                        let d = (d + kd * depth.dilation).wrapping_sub(depth.pad_begin);
                        let h = (h + kh * height.dilation).wrapping_sub(height.pad_begin);
                        let w = (w + kw * width.dilation).wrapping_sub(width.pad_begin);
                        if d < depth.input && h < height.input && w < width.input {
                            let at = (d * height.input + h) * width.input + w;
                            reads[tap][nth] = at * shape.n_in;
                        }
                    }
                    tap += 1;
                }
            }
        }
    }
}

/// Where a tile's results go.
struct Store<'a, V, const VECTORS: usize> {
    out: &'a mut [[V; VECTORS]],
    n_channels: usize,
    first_pixel: usize,
    /// Positions that exist, of [`PIXELS`].
    n_pixels: usize,
    first_channel: usize,
    limits: Limits<V>,
}

impl<V: Copy, const VECTORS: usize> Store<'_, V, VECTORS> {
    #[inline(always)]
    fn put<S: Simd<f32s = V>, const BLOCK: usize>(
        &mut self,
        simd: S,
        vector: usize,
        sums: &[[V; PIXELS]; BLOCK],
    ) {
        // A constant number of rounds keeps the sums in registers.
        for nth in 0..PIXELS {
            if nth >= self.n_pixels {
                break;
            }
            let at = (self.first_pixel + nth) * self.n_channels + self.first_channel;
            for (out, sum) in self.out[at..at + BLOCK].iter_mut().zip(sums) {
                out[vector] = self.limits.put_on(simd, sum[nth]);
            }
        }
    }
}

/// What a tile reads: a few positions under the kernel, some input channels.
struct Tile<'a, S: Simd, const VECTORS: usize> {
    simd: S,
    pixels: &'a [[S::f32s; VECTORS]],
    zeros: &'a [[S::f32s; VECTORS]],
    first_in: usize,
    /// Input channels that one output channel reads.
    depth: usize,
}

impl<S: Simd, const VECTORS: usize> Tile<'_, S, VECTORS> {
    /// `len` channels of each position at one kernel position; `None` if all of them are padding.
    #[inline(always)]
    fn read(&self, read: &[usize; PIXELS], len: usize) -> Option<[&[[S::f32s; VECTORS]]; PIXELS]> {
        if read.iter().all(|&at| at == PADDING) {
            return None;
        }
        Some(std::array::from_fn(|nth| match read[nth] {
            PADDING => &self.zeros[..len],
            at => &self.pixels[at + self.first_in..at + self.first_in + len],
        }))
    }

    /// Every output channel of the block reads all `depth` input channels.
    #[inline(always)]
    fn dense<const BLOCK: usize>(
        &self,
        reads: &[[usize; PIXELS]],
        weights: &[f32],
        bias: &[f32],
        store: &mut Store<S::f32s, VECTORS>,
    ) {
        let simd = self.simd;
        let (weights, _) = weights.as_chunks::<BLOCK>();
        for vector in 0..VECTORS {
            let mut sums: [[S::f32s; PIXELS]; BLOCK] =
                std::array::from_fn(|nth| [simd.splat_f32s(bias[nth]); PIXELS]);
            for (read, weights) in reads.iter().zip(weights.chunks_exact(self.depth)) {
                let Some(inputs) = self.read(read, self.depth) else { continue };
                let weights = &weights[..self.depth];
                for channel in 0..self.depth {
                    let x: [S::f32s; PIXELS] = std::array::from_fn(|p| inputs[p][channel][vector]);
                    for (sums, &weight) in sums.iter_mut().zip(&weights[channel]) {
                        let weight = simd.splat_f32s(weight);
                        for p in 0..PIXELS {
                            sums[p] = multiply_add(simd, weight, x[p], sums[p]);
                        }
                    }
                }
            }
            store.put(simd, vector, &sums);
        }
    }

    /// Output channel `i` of the block reads input channel `first_in + i` alone.
    #[inline(always)]
    fn depthwise<const BLOCK: usize>(
        &self,
        reads: &[[usize; PIXELS]],
        weights: &[f32],
        bias: &[f32],
        store: &mut Store<S::f32s, VECTORS>,
    ) {
        let simd = self.simd;
        let (weights, _) = weights.as_chunks::<BLOCK>();
        for vector in 0..VECTORS {
            let mut sums: [[S::f32s; PIXELS]; BLOCK] =
                std::array::from_fn(|nth| [simd.splat_f32s(bias[nth]); PIXELS]);
            for (read, weights) in reads.iter().zip(weights) {
                let Some(inputs) = self.read(read, BLOCK) else { continue };
                for nth in 0..BLOCK {
                    let weight = simd.splat_f32s(weights[nth]);
                    for p in 0..PIXELS {
                        sums[nth][p] =
                            multiply_add(simd, weight, inputs[p][nth][vector], sums[nth][p]);
                    }
                }
            }
            store.put(simd, vector, &sums);
        }
    }
}
