//! The block types of GGUF files.
//!
//! Blocks run within a channel, over its weights in row-major order of the other dimensions. For a
//! matrix with its output channels first these are the rows, as a file has them; where another axis
//! is kept, a file holds the tensor with that axis first, which for a matrix is its transpose. The
//! last block of a channel is padded with zeros, and such a tensor cannot be stored.

mod iq4;
mod k_quants;
mod search;
mod simple;
mod ternary;

use std::sync::Arc;

use super::common;
use crate::base::{WorkCtx, reduce};
use crate::codec::gguf_blocks::{Block, BlockGrid, BlockType, MAX_BYTES, MAX_LEN};
use crate::codec::{CodePacking, CodeRule, Coding, Encoded, Part};
use crate::quant::stored::Stored;
use crate::quant::{
    CodeFormat, CodeRange, Family, FittedQuantizer, Granularity, Grid, GroupLayout, Level,
    ParamSpec, QuantError, QuantScheme, Settings, WeightShape,
};
use crate::tensor::ChannelMajor;

/// One block type.
pub struct Gguf {
    block_type: BlockType,
    id: &'static str,
    name: &'static str,
    summary: &'static str,
    /// Codes and scales for the weights of a block.
    quantize: fn(&[f32], &mut Block),
}

macro_rules! gguf {
    ($block_type:ident, $id:literal, $name:literal, $quantize:path, $summary:literal) => {
        Gguf {
            block_type: BlockType::$block_type,
            id: $id,
            name: $name,
            summary: $summary,
            quantize: $quantize,
        }
    };
}

pub static Q4_0: Gguf = gguf!(
    Q4_0,
    "q4_0",
    "Q4_0",
    simple::q4_0,
    "Blocks of 32 weights under a half-float scale: x̂ = d·(code − 8), d = extreme/−8."
);
pub static Q4_1: Gguf = gguf!(
    Q4_1,
    "q4_1",
    "Q4_1",
    simple::q4_1,
    "Blocks of 32 weights, scale and minimum half floats: x̂ = d·code + m, d = (max − min)/15, m = min."
);
pub static Q5_0: Gguf = gguf!(
    Q5_0,
    "q5_0",
    "Q5_0",
    simple::q5_0,
    "Blocks of 32 weights under a half-float scale: x̂ = d·(code − 16), d = extreme/−16."
);
pub static Q5_1: Gguf = gguf!(
    Q5_1,
    "q5_1",
    "Q5_1",
    simple::q5_1,
    "Blocks of 32 weights, scale and minimum half floats: x̂ = d·code + m, d = (max − min)/31, m = min."
);
pub static Q8_0: Gguf = gguf!(
    Q8_0,
    "q8_0",
    "Q8_0",
    simple::q8_0,
    "Blocks of 32 weights under a half-float scale: x̂ = d·code, d = absmax/127."
);
pub static Q2_K: Gguf = gguf!(
    Q2K,
    "q2_k",
    "Q2_K",
    k_quants::q2_k,
    "Blocks of 256 weights, 4-bit scales and minima for 16: x̂ = d·s·code − dmin·m, d and dmin half floats."
);
pub static Q3_K: Gguf = gguf!(
    Q3K,
    "q3_k",
    "Q3_K",
    k_quants::q3_k,
    "Blocks of 256 weights, 6-bit scales for 16: x̂ = d·s·(code − 4), d a half float."
);
pub static Q4_K: Gguf = gguf!(
    Q4K,
    "q4_k",
    "Q4_K",
    k_quants::q4_k,
    "Blocks of 256 weights, 6-bit scales and minima for 32: x̂ = d·s·code − dmin·m, d and dmin half floats."
);
pub static Q5_K: Gguf = gguf!(
    Q5K,
    "q5_k",
    "Q5_K",
    k_quants::q5_k,
    "Blocks of 256 weights, 6-bit scales and minima for 32: x̂ = d·s·code − dmin·m, d and dmin half floats."
);
pub static Q6_K: Gguf = gguf!(
    Q6K,
    "q6_k",
    "Q6_K",
    k_quants::q6_k,
    "Blocks of 256 weights, 8-bit scales for 16: x̂ = d·s·(code − 32), d a half float."
);
pub static IQ4_NL: Gguf = gguf!(
    Iq4Nl,
    "iq4_nl",
    "IQ4_NL",
    iq4::iq4_nl,
    "Blocks of 32 weights, 16 levels that are denser near zero: x̂ = d·level(code), levels from −127 to 113, d a half float."
);
pub static IQ4_XS: Gguf = gguf!(
    Iq4Xs,
    "iq4_xs",
    "IQ4_XS",
    iq4::iq4_xs,
    "Blocks of 256 weights, the levels of IQ4_NL, 6-bit scales for 32: x̂ = d·s·level(code), d a half float."
);
pub static TQ1_0: Gguf = gguf!(
    Tq1_0,
    "tq1_0",
    "TQ1_0",
    ternary::tq,
    "Blocks of 256 weights of three values, five codes a byte: x̂ = d·(code − 1), d = absmax as a half float."
);
pub static TQ2_0: Gguf = gguf!(
    Tq2_0,
    "tq2_0",
    "TQ2_0",
    ternary::tq,
    "Blocks of 256 weights of three values, four codes a byte: x̂ = d·(code − 1), d = absmax as a half float."
);
pub static MXFP4: Gguf = gguf!(
    Mxfp4,
    "gguf-mxfp4",
    "MXFP4 (ggml)",
    simple::mxfp4,
    "Blocks of 32 E2M1 floats under one power of two, ties to the lower code: x̂ = 2^(⌊log₂ absmax⌋ − 2) · element."
);

const AXIS: ParamSpec = ParamSpec {
    help: "The axis along which channels lie, within each of which the blocks run; auto is the output-channel axis of the operator (GGUF specification: the contiguous dimension is the other one).",
    relevant: &[],
    ..common::AXIS
};
static PARAMS: &[ParamSpec] = &[AXIS, common::NON_FINITE];

impl QuantScheme for Gguf {
    fn id(&self) -> &'static str {
        self.id
    }

    fn name(&self) -> &'static str {
        self.name
    }

    fn family(&self) -> Family {
        Family::Gguf
    }

    fn summary(&self) -> &'static str {
        self.summary
    }

    fn source(&self) -> &'static str {
        "ggml, ggml-quants.c and ggml-common.h (block layouts and arithmetic)"
    }

    fn params(&self) -> &'static [ParamSpec] {
        PARAMS
    }

    fn code_format(&self, _settings: &Settings) -> Option<CodeFormat> {
        let (first, last) = self.block_type.code_ends();
        Some(CodeFormat::Index { bits: (i32::from(last) - i32::from(first)).ilog2() + 1 })
    }

    fn bits_per_weight(&self) -> Option<(f64, f64)> {
        let bits = 8.0 * self.block_type.n_bytes() as f64 / self.block_type.block_len() as f64;
        Some((bits, bits))
    }

    fn planned_bits(&self, shape: WeightShape, _: &Settings) -> Option<u64> {
        let WeightShape { n_channels, channel_len } = shape;
        let blocks = Blocks { block_type: self.block_type, n_channels, channel_len };
        Some(8 * (blocks.count() * self.block_type.n_bytes()) as u64)
    }

    fn fit(
        &self,
        weights: &ChannelMajor,
        settings: &Settings,
        ctx: &WorkCtx,
    ) -> Result<Box<dyn FittedQuantizer>, QuantError> {
        let cleaned = common::clean(weights, settings, ctx)?;
        let data = cleaned.as_ref().unwrap_or(weights).data();
        let blocks = Blocks {
            block_type: self.block_type,
            n_channels: weights.n_channels(),
            channel_len: weights.channel_len(),
        };
        let pieces = reduce::map_indices(blocks.count().div_ceil(PIECE_LEN), ctx, |piece_idx| {
            let start = piece_idx * PIECE_LEN;
            let end = (start + PIECE_LEN).min(blocks.count());
            self.quantize_piece(blocks, data, start..end)
        })?;
        Ok(Box::new(self.stored(blocks, pieces)))
    }
}

/// Blocks quantized at a time.
const PIECE_LEN: usize = 64;

/// The blocks of a tensor, channel after channel.
#[derive(Clone, Copy)]
struct Blocks {
    block_type: BlockType,
    n_channels: usize,
    channel_len: usize,
}

impl Blocks {
    fn per_channel(self) -> usize {
        self.channel_len.div_ceil(self.block_type.block_len())
    }

    fn count(self) -> usize {
        self.n_channels * self.per_channel()
    }

    /// The weights of a block, without padding.
    fn range(self, block_idx: usize) -> std::ops::Range<usize> {
        let per_channel = self.per_channel().max(1);
        let len = self.block_type.block_len();
        let channel_start = block_idx / per_channel * self.channel_len;
        let start = block_idx % per_channel * len;
        channel_start + start..channel_start + (start + len).min(self.channel_len)
    }

    fn layout(self) -> GroupLayout {
        GroupLayout {
            granularity: Granularity::PerGroup { group_size: self.block_type.group_len() },
            n_channels: self.n_channels,
            channel_len: self.channel_len,
        }
    }

    fn coding(self) -> Coding {
        let codes = CodeRule::Blocks(self.block_type);
        self.layout().coding(codes, CodePacking::Bits(8))
    }

    fn storage_note(self) -> Option<String> {
        let len = self.block_type.block_len();
        (!self.channel_len.is_multiple_of(len)).then(|| {
            format!(
                "cannot be stored in GGUF: {} weights a channel are no multiple of {len}; the last block of each is padded with zeros",
                self.channel_len
            )
        })
    }
}

/// What becomes of some blocks.
#[derive(Default)]
struct Piece {
    codes: Vec<i32>,
    values: Vec<f32>,
    clipped: Vec<u8>,
    grids: Vec<BlockGrid>,
    bytes: Vec<u8>,
}

impl Gguf {
    fn quantize_piece(
        &self,
        blocks: Blocks,
        data: &[f32],
        block_range: std::ops::Range<usize>,
    ) -> Result<Piece, QuantError> {
        let len = self.block_type.block_len();
        let mut piece = Piece::default();
        let (mut padded, mut values) = ([0f32; MAX_LEN], [0f32; MAX_LEN]);
        let mut bytes = [0u8; MAX_BYTES];
        let bytes = &mut bytes[..self.block_type.n_bytes()];
        for block_idx in block_range {
            let x = data.get(blocks.range(block_idx)).unwrap_or_default();
            padded[..x.len()].copy_from_slice(x);
            padded[x.len()..].fill(0.0);
            let mut block = Block::default();
            (self.quantize)(&padded[..len], &mut block);
            let grids = self.grids(&block, x)?;
            self.block_type.values(&block, &mut values);
            self.block_type.pack(&block, bytes);
            piece.codes.extend(block.codes[..x.len()].iter().map(|&code| i32::from(code)));
            piece.values.extend_from_slice(&values[..x.len()]);
            piece.bytes.extend_from_slice(bytes);
            for (x, grid) in x.chunks(self.block_type.group_len()).zip(grids) {
                let (lo, hi) = self.bounds(grid);
                piece.clipped.extend(x.iter().map(|&x| u8::from(x < lo || x > hi)));
                piece.grids.push(grid);
            }
        }
        Ok(piece)
    }

    /// The grids of the sub-blocks that hold weights `x`.
    fn grids(
        &self,
        block: &Block,
        x: &[f32],
    ) -> Result<impl Iterator<Item = BlockGrid>, QuantError> {
        let n_groups = x.len().div_ceil(self.block_type.group_len());
        let grids = (0..n_groups).map({
            let (block, block_type) = (*block, self.block_type);
            move |group_idx| block_type.grid(&block, group_idx)
        });
        if grids.clone().all(|grid| grid.scale.is_finite() && grid.offset.is_finite()) {
            return Ok(grids);
        }
        let weight = f64::from(simple::absmax(x));
        Err(QuantError::ScaleOverflow { format: self.name, weight })
    }

    /// What lies outside is clipped: half a step beyond the outermost levels.
    fn bounds(&self, grid: BlockGrid) -> (f32, f32) {
        let (lowest, highest) = match self.block_type {
            BlockType::Mxfp4 => (-14.0, 14.0),
            BlockType::Iq4Nl | BlockType::Iq4Xs => (-138.5, 125.0),
            _ => {
                let (first, last) = self.block_type.code_ends();
                (self.block_type.level(first) - 0.5, self.block_type.level(last) + 0.5)
            }
        };
        let ends = (grid.scale * lowest + grid.offset, grid.scale * highest + grid.offset);
        (ends.0.min(ends.1), ends.0.max(ends.1))
    }

    fn stored(&self, blocks: Blocks, pieces: Vec<Piece>) -> Stored {
        let mut all = Piece::default();
        for piece in pieces {
            all.codes.extend_from_slice(&piece.codes);
            all.values.extend_from_slice(&piece.values);
            all.clipped.extend_from_slice(&piece.clipped);
            all.grids.extend_from_slice(&piece.grids);
            all.bytes.extend_from_slice(&piece.bytes);
        }
        let (first, last) = self.block_type.code_ends();
        let tables = Tables::new(self.block_type);
        Stored {
            layout: blocks.layout(),
            codes: all.codes,
            values: all.values,
            clipped: all.clipped,
            grids: Box::new(move |group_idx| tables.grid(all.grids.get(group_idx).copied())),
            code_range: Some(CodeRange { qmin: i32::from(first), qmax: i32::from(last) }),
            encoded: Encoded { parts: vec![Part::blocks("blocks", blocks.count(), all.bytes)] },
            coding: Some(blocks.coding()),
            storage_note: blocks.storage_note(),
        }
    }
}

/// The levels of a type, and their mirror image for scales below zero; both ascending.
struct Tables {
    levels: Arc<[Level]>,
    mirrored: Arc<[Level]>,
}

impl Tables {
    fn new(block_type: BlockType) -> Self {
        let (first, last) = block_type.code_ends();
        let level = |code: i8| Level { code: i32::from(code), value: block_type.level(code) };
        let mut levels: Vec<Level> = (first..=last).map(level).collect();
        levels.sort_by(|a, b| a.value.total_cmp(&b.value));
        levels.dedup_by(|a, b| a.value == b.value);
        let mirror = |level: &Level| Level { value: -level.value, ..*level };
        let mirrored = levels.iter().rev().map(mirror).collect();
        Self { levels: levels.into(), mirrored }
    }

    fn grid(&self, grid: Option<BlockGrid>) -> Grid {
        let Some(BlockGrid { scale, offset }) = grid else { return Grid::Continuous };
        let levels = if scale < 0.0 { &self.mirrored } else { &self.levels };
        Grid::Table { scale: scale.abs(), offset: offset + 0.0, levels: Arc::clone(levels) }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::IxDyn;

    use super::*;
    use crate::tensor::Tensor;

    fn fit(scheme: &Gguf, x: &[f32]) -> Result<Box<dyn FittedQuantizer>, QuantError> {
        let tensor = Tensor::from_shape_vec(IxDyn(&[1, x.len()]), x.to_vec()).unwrap();
        let weights = ChannelMajor::new(&tensor, 0);
        scheme.fit(&weights, &Settings::defaults(PARAMS.iter()), &WorkCtx::new())
    }

    #[test]
    fn what_half_floats_cannot_scale_is_refused() {
        for scheme in [&Q4_0, &Q4_1, &Q5_0, &Q5_1, &Q8_0, &Q2_K, &Q3_K, &Q4_K, &Q5_K, &Q6_K] {
            let error = fit(scheme, &[1.0, f32::MAX]).err().map(|error| error.to_string());
            assert!(error.is_some_and(|text| text.contains("half floats")), "{}", scheme.id);
        }
        for scheme in [&IQ4_NL, &IQ4_XS, &TQ1_0, &TQ2_0] {
            assert!(fit(scheme, &[-f32::MAX, 0.0]).is_err(), "{}", scheme.id);
        }
        assert!(fit(&MXFP4, &[-f32::MAX, f32::MAX, f32::from_bits(1)]).is_ok());
    }

    #[test]
    fn tiny_weights_come_near_or_to_zero() {
        for scheme in [&Q4_0, &Q8_0, &Q2_K, &Q3_K, &Q4_K, &Q5_K, &Q6_K, &IQ4_NL, &IQ4_XS, &TQ1_0] {
            for reach in [1e-6, 1e-20, 1e-38, 1e-44] {
                let x: Vec<f32> = (0..300).map(|k| reach * (k % 17 - 8) as f32 / 8.0).collect();
                let fitted = fit(scheme, &x).unwrap();
                let values = fitted.decode(
                    &fitted
                        .encode(&ChannelMajor::new(&Tensor::zeros(IxDyn(&[1, 300])), 0))
                        .unwrap(),
                );
                assert_eq!(values.len(), x.len());
                assert!(values.iter().all(|v| v.abs() <= 1.5 * reach + 1e-7), "{}", scheme.id);
            }
        }
    }

    #[test]
    fn a_padded_channel_says_that_it_cannot_be_stored() {
        let note = fit(&Q4_K, &[0.5; 300]).unwrap().storage_note();
        assert!(note.is_some_and(|note| note.contains("300") && note.contains("256")));
        assert_eq!(fit(&Q4_K, &[0.5; 512]).unwrap().storage_note(), None);
        assert_eq!(fit(&Q4_K, &[0.5; 512]).unwrap().storage_bits(), 2 * 144 * 8);
        assert_eq!(fit(&Q4_K, &[]).unwrap().storage_bits(), 0);
    }
}
