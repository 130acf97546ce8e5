//! The block types of GGUF files: fixed runs of weights with their scales, byte by byte.
//!
//! [`BlockType::pack`] and [`BlockType::unpack`] go between bytes and a [`Block`] of codes and
//! scales; [`BlockType::dequantize`] gives the values. Layouts and arithmetic are those of ggml.

mod layout;
mod planes;
mod scales;

use half::f16;
use serde::{Deserialize, Serialize};

use layout::{CodeLevels, Layout};
use planes::{pack_trits, unpack_trits};

/// Weights of the longest block.
pub const MAX_LEN: usize = 256;
/// Bytes of the longest block.
pub const MAX_BYTES: usize = 210;
/// Sub-blocks of a block, at most.
pub const MAX_GROUPS: usize = 16;

/// Levels of IQ4_NL and IQ4_XS.
pub const IQ4_LEVELS: [i8; 16] =
    [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113];
/// Twice the values of E2M1; the scale of MXFP4 is halved for it. Code 8 repeats zero.
pub const MXFP4_LEVELS: [i8; 16] = [0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12];

/// A type of block. The letters are those of the files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum BlockType {
    Q4_0,
    Q4_1,
    Q5_0,
    Q5_1,
    Q8_0,
    #[serde(rename = "Q2_K")]
    Q2K,
    #[serde(rename = "Q3_K")]
    Q3K,
    #[serde(rename = "Q4_K")]
    Q4K,
    #[serde(rename = "Q5_K")]
    Q5K,
    #[serde(rename = "Q6_K")]
    Q6K,
    #[serde(rename = "IQ4_NL")]
    Iq4Nl,
    #[serde(rename = "IQ4_XS")]
    Iq4Xs,
    #[serde(rename = "TQ1_0")]
    Tq1_0,
    #[serde(rename = "TQ2_0")]
    Tq2_0,
    #[serde(rename = "MXFP4")]
    Mxfp4,
}

/// The numbers of one block, whatever its type; what a type does not have stays 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Block {
    /// By weight, as stored: from 0 on, but signed for Q8_0.
    pub codes: [i8; MAX_LEN],
    /// The scale: a half float's bits, for MXFP4 an E8M0 exponent.
    pub d: u16,
    /// The minimum, or what the minimums of the sub-blocks are multiples of: a half float's bits.
    pub min: u16,
    /// By sub-block: its scale in units of `d`.
    pub scales: [i8; MAX_GROUPS],
    /// By sub-block: its minimum in units of `min`.
    pub mins: [u8; MAX_GROUPS],
}

impl Default for Block {
    fn default() -> Self {
        Self { codes: [0; MAX_LEN], d: 0, min: 0, scales: [0; MAX_GROUPS], mins: [0; MAX_GROUPS] }
    }
}

/// The grid of a sub-block: `x̂ = scale · level + offset`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BlockGrid {
    pub scale: f32,
    /// −0 where the type has none: adding it changes no bit.
    pub offset: f32,
}

impl BlockType {
    pub const ALL: [Self; 15] = [
        Self::Q4_0,
        Self::Q4_1,
        Self::Q5_0,
        Self::Q5_1,
        Self::Q8_0,
        Self::Q2K,
        Self::Q3K,
        Self::Q4K,
        Self::Q5K,
        Self::Q6K,
        Self::Iq4Nl,
        Self::Iq4Xs,
        Self::Tq1_0,
        Self::Tq2_0,
        Self::Mxfp4,
    ];

    /// As files and tools spell it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Q4_0 => "Q4_0",
            Self::Q4_1 => "Q4_1",
            Self::Q5_0 => "Q5_0",
            Self::Q5_1 => "Q5_1",
            Self::Q8_0 => "Q8_0",
            Self::Q2K => "Q2_K",
            Self::Q3K => "Q3_K",
            Self::Q4K => "Q4_K",
            Self::Q5K => "Q5_K",
            Self::Q6K => "Q6_K",
            Self::Iq4Nl => "IQ4_NL",
            Self::Iq4Xs => "IQ4_XS",
            Self::Tq1_0 => "TQ1_0",
            Self::Tq2_0 => "TQ2_0",
            Self::Mxfp4 => "MXFP4",
        }
    }

    /// The number of the type in a file.
    pub fn type_number(self) -> u32 {
        match self {
            Self::Q4_0 => 2,
            Self::Q4_1 => 3,
            Self::Q5_0 => 6,
            Self::Q5_1 => 7,
            Self::Q8_0 => 8,
            Self::Q2K => 10,
            Self::Q3K => 11,
            Self::Q4K => 12,
            Self::Q5K => 13,
            Self::Q6K => 14,
            Self::Iq4Nl => 20,
            Self::Iq4Xs => 23,
            Self::Tq1_0 => 34,
            Self::Tq2_0 => 35,
            Self::Mxfp4 => 39,
        }
    }

    /// The type of that number in a file.
    pub fn of_number(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|block_type| block_type.type_number() == number)
    }

    /// Weights of a block.
    pub fn block_len(self) -> usize {
        self.layout().len
    }

    /// Bytes of a block.
    pub fn n_bytes(self) -> usize {
        self.layout().n_bytes
    }

    /// Weights that share a grid.
    pub fn group_len(self) -> usize {
        self.layout().group_len
    }

    /// Lowest and highest code.
    pub fn code_ends(self) -> (i8, i8) {
        self.layout().codes
    }

    /// What a code stands for before scaling.
    pub fn level(self, code: i8) -> f32 {
        level_of(self.layout().levels, code)
    }

    fn layout(self) -> &'static Layout {
        layout::of(self)
    }

    /// Writes a block; `bytes` are [`n_bytes`](Self::n_bytes), what does not fit is left out.
    pub fn pack(self, block: &Block, bytes: &mut [u8]) {
        let layout = self.layout();
        bytes.fill(0);
        let codes = &block.codes[..layout.len];
        match layout.low {
            None => pack_trits(codes, bytes),
            Some(low) => {
                low.put(codes.iter().map(|&code| code as u8), bytes);
                if let Some(high) = layout.high {
                    high.put(codes.iter().map(|&code| code as u8 >> low.bits), bytes);
                }
            }
        }
        if self == Self::Mxfp4 {
            set(bytes, layout.d_at, &[block.d as u8]);
        } else {
            set(bytes, layout.d_at, &block.d.to_le_bytes());
        }
        if let Some(at) = layout.min_at {
            set(bytes, at, &block.min.to_le_bytes());
        }
        scales::pack(self, block, bytes);
    }

    /// Reads a block; bytes beyond the end count as 0.
    pub fn unpack(self, bytes: &[u8]) -> Block {
        let layout = self.layout();
        let mut block = Block::default();
        let codes = &mut block.codes[..layout.len];
        match layout.low {
            None => unpack_trits(bytes, codes),
            Some(low) => {
                low.get(bytes, codes, 0);
                if let Some(high) = layout.high {
                    high.get(bytes, codes, low.bits);
                }
            }
        }
        let byte = |at: usize| bytes.get(at).copied().unwrap_or(0);
        let word = |at: usize| u16::from_le_bytes([byte(at), byte(at + 1)]);
        block.d = match self {
            Self::Mxfp4 => u16::from(byte(layout.d_at)),
            _ => word(layout.d_at),
        };
        block.min = layout.min_at.map_or(0, word);
        scales::unpack(self, bytes, &mut block);
        block
    }

    /// The grid of a sub-block.
    pub fn grid(self, block: &Block, group_idx: usize) -> BlockGrid {
        let half = |bits: u16| f16::from_bits(bits).to_f32();
        let scale = block.scales.get(group_idx).copied().map_or(0.0, f32::from);
        let min = block.mins.get(group_idx).copied().map_or(0.0, f32::from);
        match self {
            Self::Mxfp4 => BlockGrid { scale: half_of_e8m0(block.d as u8), offset: -0.0 },
            Self::Q4_1 | Self::Q5_1 => BlockGrid { scale: half(block.d), offset: half(block.min) },
            Self::Q2K | Self::Q4K | Self::Q5K => {
                BlockGrid { scale: half(block.d) * scale, offset: -(half(block.min) * min) }
            }
            Self::Q3K | Self::Q6K | Self::Iq4Xs => {
                BlockGrid { scale: half(block.d) * scale, offset: -0.0 }
            }
            _ => BlockGrid { scale: half(block.d), offset: -0.0 },
        }
    }

    /// The values of a block's codes, as many as fit into `values`.
    pub fn values(self, block: &Block, values: &mut [f32]) {
        let layout = self.layout();
        let codes = block.codes[..layout.len].chunks(layout.group_len);
        let groups = codes.zip(values.chunks_mut(layout.group_len));
        for (group_idx, (codes, values)) in groups.enumerate() {
            let BlockGrid { scale, offset } = self.grid(block, group_idx);
            match layout.levels {
                CodeLevels::Minus(less) => {
                    for (value, &code) in values.iter_mut().zip(codes) {
                        *value = scale * f32::from(i16::from(code) - i16::from(less)) + offset;
                    }
                }
                listed => {
                    for (value, &code) in values.iter_mut().zip(codes) {
                        *value = scale * level_of(listed, code) + offset;
                    }
                }
            }
        }
    }

    /// The values of whole blocks, one after another; a block cut short at the end is left out.
    pub fn dequantize(self, bytes: &[u8]) -> Vec<f32> {
        let blocks = bytes.chunks_exact(self.n_bytes());
        let mut values = vec![0f32; blocks.len() * self.block_len()];
        for (bytes, values) in blocks.zip(values.chunks_mut(self.block_len())) {
            self.values(&self.unpack(bytes), values);
        }
        values
    }
}

fn level_of(levels: CodeLevels, code: i8) -> f32 {
    match levels {
        CodeLevels::Minus(less) => f32::from(i16::from(code) - i16::from(less)),
        CodeLevels::Listed(levels) => f32::from(levels[usize::from(code as u8) % levels.len()]),
    }
}

/// `2^(bits − 128)`: half of what an E8M0 scale says.
pub fn half_of_e8m0(bits: u8) -> f32 {
    match bits {
        0 => f32::from_bits(1 << 21),
        1 => f32::from_bits(1 << 22),
        _ => f32::from_bits(u32::from(bits - 1) << 23),
    }
}

/// Copies what fits.
fn set(bytes: &mut [u8], at: usize, from: &[u8]) {
    for (byte, &value) in bytes.iter_mut().skip(at).zip(from) {
        *byte = value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every bit of a block is in its numbers: what is unpacked packs to the same bytes. The bytes
    /// of three-state codes have redundant patterns and are tried the other way round.
    #[test]
    fn bytes_come_back() {
        for block_type in BlockType::ALL {
            let mut bytes: Vec<u8> = (0..block_type.n_bytes() as u32)
                .map(|k| (k.wrapping_mul(2_654_435_761) >> 13) as u8)
                .collect();
            if block_type == BlockType::Tq1_0 {
                let mut block = Block { d: 0x1234, ..Block::default() };
                for (idx, code) in block.codes.iter_mut().enumerate() {
                    *code = ((idx * idx + idx / 7) % 3) as i8;
                }
                block_type.pack(&block, &mut bytes);
                assert_eq!(block_type.unpack(&bytes), block, "{block_type:?}");
                continue;
            }
            let mut again = vec![0xaa; bytes.len()];
            block_type.pack(&block_type.unpack(&bytes), &mut again);
            assert_eq!(again, bytes, "{block_type:?}");
            assert!(block_type.n_bytes() <= MAX_BYTES && block_type.block_len() <= MAX_LEN);
        }
    }

    #[test]
    fn numbers_and_names_are_told_apart() {
        for block_type in BlockType::ALL {
            assert_eq!(BlockType::of_number(block_type.type_number()), Some(block_type));
        }
        assert_eq!(BlockType::of_number(0), None);
    }

    #[test]
    fn scales_of_mxfp4_are_halved() {
        assert_eq!(half_of_e8m0(128), 1.0);
        assert_eq!(half_of_e8m0(0) * 2.0, super::super::minifloat::decode_e8m0(0));
        assert_eq!(half_of_e8m0(1) * 2.0, super::super::minifloat::decode_e8m0(1));
        assert_eq!(half_of_e8m0(254) * 2.0, super::super::minifloat::decode_e8m0(254));
    }
}
