//! Convolution with a 3×3 kernel and stride 1 of sixteen samples side by side, by the minimal
//! algorithm F(2×2, 3×3): four outputs from 16 products instead of 36.
//!
//! Source: Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2015, section 4.1.

use pulp::{Scalar128b, Simd, WithSimd};

use super::conv::ConvShape;
use super::lanes_conv::WeightSizes;
use super::lanes_simd::{Level, Limits, PIXELS, blocks, multiply_add};
use super::window::WindowAxis;
use crate::exec::operator::Clamp;

/// Elements of a transformed tile.
const TILE: usize = 16;

/// Channels from which fewer products outweigh the transforms.
const MIN_CHANNELS: usize = 8;

/// Transformed weights `G g Gᵀ` in the order in which the loops read them.
#[derive(Debug)]
pub(super) struct WinogradWeights {
    /// Block of output channels by block, element of the tile by element, input channel by input
    /// channel: one number an output channel of the block.
    data: Vec<f32>,
    level: Level,
}

impl WinogradWeights {
    /// Whether a kernel of that many channels is worth it: one group, 3×3, enough channels.
    pub fn serves(sizes: WeightSizes) -> bool {
        sizes.group == 1
            && sizes.n_taps == 9
            && sizes.group_in >= MIN_CHANNELS
            && sizes.n_out >= MIN_CHANNELS
    }

    /// Whether a window is one this algorithm computes: 3×3, stride and dilation 1, more than one
    /// row and column.
    pub fn fits(shape: &ConvShape) -> bool {
        let [depth, height, width] = &shape.axes;
        let is_plain = |axis: &WindowAxis| {
            axis.kernel == 3 && axis.stride == 1 && axis.dilation == 1 && axis.output > 1
        };
        depth.is_pointwise() && depth.input == 1 && is_plain(height) && is_plain(width)
    }

    /// `weight` is `[n_out, n_in, 3, 3]`, row-major; transformed in `f64`.
    pub fn new(sizes: WeightSizes, weight: &[f32], level: Level) -> Self {
        let kernels: Vec<[f32; TILE]> =
            weight.as_chunks::<9>().0.iter().map(transformed_kernel).collect();
        let mut data = Vec::with_capacity(kernels.len() * TILE);
        for block in blocks(sizes.n_out, level.max_block()) {
            for element in 0..TILE {
                for channel_idx in 0..sizes.group_in {
                    data.extend((block.first..block.first + block.len).map(|out_idx| {
                        kernels[out_idx * sizes.group_in + channel_idx][element]
                    }));
                }
            }
        }
        Self { data, level }
    }
}

/// `G g Gᵀ`.
fn transformed_kernel(kernel: &[f32; 9]) -> [f32; TILE] {
    let along = |[a, b, c]: [f64; 3]| [a, (a + b + c) / 2.0, (a - b + c) / 2.0, c];
    let k = kernel.map(f64::from);
    let columns: [[f64; 4]; 3] = std::array::from_fn(|col| along([k[col], k[3 + col], k[6 + col]]));
    let mut tile = [0.0; TILE];
    for row in 0..4 {
        let values = along([columns[0][row], columns[1][row], columns[2][row]]);
        for (out, value) in tile[4 * row..4 * row + 4].iter_mut().zip(values) {
            *out = value as f32;
        }
    }
    tile
}

/// A convolution of sixteen samples by transformed tiles.
pub(super) struct WinogradConv<'a> {
    pub shape: &'a ConvShape,
    /// `[height, width, n_in, 16]`
    pub input: &'a [f32],
    pub weights: &'a WinogradWeights,
    /// `[n_out]`
    pub bias: Option<&'a [f32]>,
    pub clamp: Clamp,
    /// `[height, width, n_out, 16]`, every element of which is written.
    pub out: &'a mut [f32],
    /// At least [`scratch_len`](Self::scratch_len) elements of any content.
    pub scratch: &'a mut [f32],
}

impl WinogradConv<'_> {
    /// Elements of the tiles in work.
    pub fn scratch_len(shape: &ConvShape) -> usize {
        TILE * PIXELS * shape.n_in * super::lanes::LANES
    }

    /// The products are summed over the input channels in order, so a sum does not depend on the
    /// other samples. An infinite input makes all outputs of its tile infinite or NaN.
    pub fn run(self) {
        self.weights.level.dispatch(self);
    }
}

impl WithSimd for WinogradConv<'_> {
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

impl WinogradConv<'_> {
    #[inline(always)]
    fn run_with<S: Simd, const VECTORS: usize>(self, simd: S) {
        let [_, height, width] = self.shape.axes;
        let zeros = vec![[simd.splat_f32s(0.0); VECTORS]; self.shape.n_in];
        let no_bias = vec![0.0; self.shape.n_out];
        let bias = self.bias.unwrap_or(&no_bias);
        let tile_cols = width.output.div_ceil(2);
        let n_tiles = height.output.div_ceil(2) * tile_cols;
        let scratch = S::as_mut_simd_f32s(self.scratch).0.as_chunks_mut::<VECTORS>().0;
        let mut work = Work {
            simd,
            depth: self.shape.n_in,
            pixels: S::as_simd_f32s(self.input).0.as_chunks::<VECTORS>().0,
            zeros: &zeros,
            tiles: &mut scratch[..TILE * PIXELS * self.shape.n_in],
            out: S::as_mut_simd_f32s(self.out).0.as_chunks_mut::<VECTORS>().0,
            n_out: self.shape.n_out,
            corners: [None; PIXELS],
            limits: Limits::new(simd, self.clamp),
        };
        for first in (0..n_tiles).step_by(PIXELS) {
            for nth in 0..PIXELS {
                let tile = first + nth;
                work.corners[nth] =
                    (tile < n_tiles).then_some((tile / tile_cols * 2, tile % tile_cols * 2));
                work.transform_input(nth, &height, &width);
            }
            let mut weights = self.weights.data.as_slice();
            for block in blocks(self.shape.n_out, self.weights.level.max_block()) {
                let (own, rest) = weights.split_at(TILE * self.shape.n_in * block.len);
                weights = rest;
                let bias = &bias[block.first..block.first + block.len];
                let place = Place { first: block.first, height: &height, width: &width };
                match block.len {
                    8 => work.multiply::<8>(own, bias, &place),
                    4 => work.multiply::<4>(own, bias, &place),
                    2 => work.multiply::<2>(own, bias, &place),
                    _ => work.multiply::<1>(own, bias, &place),
                }
            }
        }
    }
}

/// Where a block's results go.
struct Place<'a> {
    /// First output channel.
    first: usize,
    height: &'a WindowAxis,
    width: &'a WindowAxis,
}

struct Work<'a, S: Simd, const VECTORS: usize> {
    simd: S,
    depth: usize,
    pixels: &'a [[S::f32s; VECTORS]],
    zeros: &'a [[S::f32s; VECTORS]],
    /// Transformed inputs, `[16, PIXELS, depth]`.
    tiles: &'a mut [[S::f32s; VECTORS]],
    out: &'a mut [[S::f32s; VECTORS]],
    n_out: usize,
    /// Row and column of each tile's first output.
    corners: [Option<(usize, usize)>; PIXELS],
    limits: Limits<S::f32s>,
}

impl<S: Simd, const VECTORS: usize> Work<'_, S, VECTORS> {
    /// `Bᵀ d B` of the 4×4 inputs under tile `nth`, every input channel.
    #[inline(always)]
    fn transform_input(&mut self, nth: usize, height: &WindowAxis, width: &WindowAxis) {
        let (simd, depth) = (self.simd, self.depth);
        let Some((top, left)) = self.corners[nth] else { return };
        let reads: [&[[S::f32s; VECTORS]]; TILE] = std::array::from_fn(|element| {
            let row = (top + element / 4).wrapping_sub(height.pad_begin);
            let col = (left + element % 4).wrapping_sub(width.pad_begin);
            if row < height.input && col < width.input {
                let at = (row * width.input + col) * depth;
                &self.pixels[at..at + depth]
            } else {
                &self.zeros[..depth]
            }
        });
        for channel in 0..depth {
            for vector in 0..VECTORS {
                let along = |[a, b, c, d]: [S::f32s; 4]| {
                    let sub = |x, y| simd.sub_f32s(x, y);
                    [sub(a, c), simd.add_f32s(b, c), sub(c, b), sub(b, d)]
                };
                let rows: [[S::f32s; 4]; 4] = std::array::from_fn(|row| {
                    along(std::array::from_fn(|col| reads[4 * row + col][channel][vector]))
                });
                for col in 0..4 {
                    let column = along([rows[0][col], rows[1][col], rows[2][col], rows[3][col]]);
                    for row in 0..4 {
                        let at = ((4 * row + col) * PIXELS + nth) * depth + channel;
                        self.tiles[at][vector] = column[row];
                    }
                }
            }
        }
    }

    /// The products of one block of output channels with all tiles, and `Aᵀ m A` of each sum.
    #[inline(always)]
    fn multiply<const BLOCK: usize>(&mut self, weights: &[f32], bias: &[f32], place: &Place) {
        let (simd, depth) = (self.simd, self.depth);
        let weights = weights.as_chunks::<BLOCK>().0;
        for vector in 0..VECTORS {
            let mut sums = [[[simd.splat_f32s(0.0); PIXELS]; BLOCK]; TILE];
            let elements = self.tiles.chunks_exact(PIXELS * depth).zip(weights.chunks_exact(depth));
            for (sums, (tiles, weights)) in sums.iter_mut().zip(elements) {
                let inputs: [&[[S::f32s; VECTORS]]; PIXELS] =
                    std::array::from_fn(|p| &tiles[p * depth..(p + 1) * depth]);
                let weights = &weights[..depth];
                let mut own = [[simd.splat_f32s(0.0); PIXELS]; BLOCK];
                for channel in 0..depth {
                    let x: [S::f32s; PIXELS] = std::array::from_fn(|p| inputs[p][channel][vector]);
                    for (sums, &weight) in own.iter_mut().zip(&weights[channel]) {
                        let weight = simd.splat_f32s(weight);
                        for p in 0..PIXELS {
                            sums[p] = multiply_add(simd, weight, x[p], sums[p]);
                        }
                    }
                }
                *sums = own;
            }
            for nth in 0..PIXELS {
                for (channel, &bias) in bias.iter().enumerate().take(BLOCK) {
                    let tile = std::array::from_fn(|element| sums[element][channel][nth]);
                    self.store(nth, vector, place.first + channel, (place, bias, &tile));
                }
            }
        }
    }

    /// `Aᵀ m A + bias`, limited, where the outputs exist.
    #[inline(always)]
    fn store(
        &mut self,
        nth: usize,
        vector: usize,
        channel: usize,
        (place, bias, tile): (&Place, f32, &[S::f32s; TILE]),
    ) {
        let simd = self.simd;
        let Some((top, left)) = self.corners[nth] else { return };
        let along = |[a, b, c, d]: [S::f32s; 4]| {
            let first = simd.add_f32s(simd.add_f32s(a, b), c);
            [first, simd.sub_f32s(simd.sub_f32s(b, c), d)]
        };
        let rows: [[S::f32s; 2]; 4] =
            std::array::from_fn(|row| along(std::array::from_fn(|col| tile[4 * row + col])));
        let bias = simd.splat_f32s(bias);
        for col in 0..2 {
            let column = along([rows[0][col], rows[1][col], rows[2][col], rows[3][col]]);
            for (row, &sum) in column.iter().enumerate() {
                let (oy, ox) = (top + row, left + col);
                if oy < place.height.output && ox < place.width.output {
                    let at = (oy * place.width.output + ox) * self.n_out + channel;
                    self.out[at][vector] = self.limits.put_on(simd, simd.add_f32s(sum, bias));
                }
            }
        }
    }
}
