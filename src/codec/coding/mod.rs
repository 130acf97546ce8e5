//! How the parts of an [`Encoded`] become values, as plain data: a file that says this of a tensor
//! can be read without the scheme that made it.

mod check;
mod scales;

use serde::{Deserialize, Serialize};

use super::gguf_blocks::{BlockType, MAX_LEN};
use super::packing::{Signedness, unpack_ternary};
use super::rotation::rotate_runs;
use super::{Encoded, Part, minifloat};
use crate::tensor::Flattening;

pub use check::PartSpec;
pub use scales::{ScaleRule, dynamic_map};

/// Everything but the bits themselves.
///
/// Values are in the order of a [`ChannelMajor`](crate::tensor::ChannelMajor): channels side by
/// side.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Coding {
    pub n_channels: usize,
    pub channel_len: usize,
    pub share: Share,
    /// Codes of a short last run are stored filled up to this length; the fill counts for nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filled_to: Option<usize>,
    pub codes: CodeRule,
    pub packing: CodePacking,
    pub scales: ScaleRule,
    /// A 32-bit float a run is added to its values: the part `offsets`.
    #[serde(default, skip_serializing_if = "is_false")]
    pub has_offsets: bool,
    /// The codes are in the order of the tensor, not in that of its channels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flat: Option<Flattening>,
    /// Runs of this length are multiplied by the orthonormal Hadamard matrix at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotation: Option<usize>,
    /// What the bits of the part `mask` name is zero.
    #[serde(default, skip_serializing_if = "is_false")]
    pub is_masked: bool,
}

/// Which values share a scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Share {
    Tensor,
    Channel,
    /// Runs of that many within a channel; the last may be short.
    Run(usize),
}

/// What a code stands for before scaling.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CodeRule {
    /// `code − zero point`, in two's complement; without zero points the code itself.
    Signed,
    /// `code − zero point`, counted from 0: the part `zero points` has as many bits as a code.
    WithZeroPoints,
    /// A float of few bits.
    Float(minifloat::Layout),
    /// Codes and their values.
    Levels(Vec<(i32, f64)>),
    /// A place among that many values of the run's own, 32-bit floats in the part `levels`.
    OwnLevels(usize),
    /// Blocks of a GGUF file, which have their scales within.
    Blocks(BlockType),
}

/// How codes become bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CodePacking {
    /// Each in as many bits.
    Bits(u32),
    /// −1, 0 and 1, five to a byte.
    FiveInByte,
}

impl CodePacking {
    /// Bits that tell codes apart.
    pub fn code_bits(self) -> u32 {
        match self {
            Self::Bits(bits) => bits,
            Self::FiveInByte => 2,
        }
    }
}

fn is_false(flag: &bool) -> bool {
    !flag
}

impl Coding {
    /// With runs of a share each, codes of `bits` bits and a 32-bit scale a run.
    pub fn new((n_channels, channel_len): (usize, usize), share: Share, codes: CodeRule) -> Self {
        Self {
            n_channels,
            channel_len,
            share,
            filled_to: None,
            codes,
            packing: CodePacking::Bits(8),
            scales: ScaleRule::F32,
            has_offsets: false,
            flat: None,
            rotation: None,
            is_masked: false,
        }
    }

    /// Number of values.
    pub fn count(&self) -> usize {
        self.n_channels.saturating_mul(self.channel_len)
    }

    /// Number of runs that share a scale.
    pub fn n_runs(&self) -> usize {
        match self.share {
            _ if self.count() == 0 => 0,
            Share::Tensor => 1,
            Share::Channel => self.n_channels,
            Share::Run(len) => self.n_channels * self.channel_len.div_ceil(len.max(1)),
        }
    }

    /// Lengths of the runs, in order.
    pub fn run_lens(&self) -> impl Iterator<Item = usize> {
        let channel_len = self.channel_len;
        let (whole, per_channel) = match self.share {
            Share::Tensor => (self.count(), 0),
            Share::Channel => (channel_len, 0),
            Share::Run(len) => (len.max(1), channel_len.div_ceil(len.max(1))),
        };
        (0..self.n_runs()).map(move |run_idx| match run_idx.checked_rem(per_channel) {
            None => whole,
            Some(within) => whole.min(channel_len - within * whole),
        })
    }

    /// The values, from nothing but the stored parts. Parts that are too short give NaN or zero.
    pub fn decode(&self, encoded: &Encoded) -> Vec<f32> {
        let mut values = match self.codes {
            CodeRule::Blocks(block_type) => self.block_values(block_type, encoded),
            _ => self.run_values(encoded),
        };
        if let Some(order) = self.flat {
            values = order.to_channels(&values).into_owned();
        }
        if let Some(size) = self.rotation {
            rotate_runs(&mut values, size);
        }
        if let (true, Some(mask)) = (self.is_masked, encoded.part("mask")) {
            let masked = mask.to_codes(Signedness::Unsigned);
            values.iter_mut().zip(masked).filter(|(_, bit)| *bit == 1).for_each(|(x, _)| *x = 0.0);
        }
        values
    }

    /// The code of every value, without what fills up; for blocks none.
    pub fn code_list(&self, encoded: &Encoded) -> Vec<i32> {
        let Some(part) = encoded.part("codes") else { return Vec::new() };
        let n_stored = self.n_stored_codes();
        let stored = match (self.packing, &self.codes) {
            (CodePacking::FiveInByte, _) => unpack_ternary(&part.bytes, n_stored),
            (_, CodeRule::Signed) => part.to_codes(Signedness::Signed),
            _ => part.to_codes(Signedness::Unsigned),
        };
        match self.filled_to {
            None => stored,
            Some(len) => {
                let runs = stored.chunks(len.max(1)).zip(self.run_lens());
                runs.flat_map(|(run, len)| &run[..len.min(run.len())]).copied().collect()
            }
        }
    }

    /// The scale of every run.
    pub fn scale_list(&self, encoded: &Encoded) -> Vec<f32> {
        self.scales.read(&encoded.parts, self.n_runs())
    }

    /// The zero point of every run.
    pub fn zero_points(&self, encoded: &Encoded) -> Vec<i32> {
        match encoded.part("zero points") {
            Some(part) if self.codes == CodeRule::WithZeroPoints => {
                part.to_codes(Signedness::Unsigned)
            }
            _ => vec![0; self.n_runs()],
        }
    }

    fn run_values(&self, encoded: &Encoded) -> Vec<f32> {
        let codes = self.code_list(encoded);
        let scales = self.scale_list(encoded);
        let level_of = self.levels(encoded);
        let offsets = match self.has_offsets {
            true => encoded.part("offsets").map(Part::to_f32s).unwrap_or_default(),
            false => Vec::new(),
        };
        let mut values = Vec::with_capacity(codes.len());
        let mut rest = &codes[..];
        for (run_idx, len) in self.run_lens().enumerate() {
            let (run, after) = rest.split_at(len.min(rest.len()));
            let scale = scales.get(run_idx).copied().unwrap_or(f32::NAN);
            let start = values.len();
            values.extend(run.iter().map(|&code| scale * level_of(run_idx, code)));
            if self.has_offsets {
                let offset = offsets.get(run_idx).copied().unwrap_or(f32::NAN);
                values[start..].iter_mut().for_each(|value| *value += offset);
            }
            rest = after;
        }
        values
    }

    /// What a code of a run stands for before scaling.
    fn levels(&self, encoded: &Encoded) -> Box<dyn Fn(usize, i32) -> f32> {
        let bits = self.packing.code_bits().min(16);
        let mask = (1u32 << bits) - 1;
        match &self.codes {
            CodeRule::Signed | CodeRule::Blocks(_) => Box::new(|_, code| code as f32),
            CodeRule::WithZeroPoints => {
                let zero_points = self.zero_points(encoded);
                Box::new(move |run_idx, code| {
                    (code - zero_points.get(run_idx).copied().unwrap_or(0)) as f32
                })
            }
            CodeRule::Float(layout) => {
                let table: Vec<f32> = (0..=mask).map(|bits| layout.decode(bits)).collect();
                Box::new(move |_, code| table[(code as u32 & mask) as usize])
            }
            CodeRule::Levels(levels) => {
                let mut table = vec![f32::NAN; mask as usize + 1];
                for &(code, value) in levels {
                    table[(code as u32 & mask) as usize] = value as f32;
                }
                Box::new(move |_, code| table[(code as u32 & mask) as usize])
            }
            CodeRule::OwnLevels(n_levels) => {
                let n_levels = *n_levels;
                let values = encoded.part("levels").map(Part::to_f32s).unwrap_or_default();
                Box::new(move |run_idx, code| {
                    let place = run_idx.saturating_mul(n_levels).saturating_add(code as usize);
                    values.get(place).copied().unwrap_or(f32::NAN)
                })
            }
        }
    }

    fn block_values(&self, block_type: BlockType, encoded: &Encoded) -> Vec<f32> {
        let Some(part) = encoded.part("blocks") else { return Vec::new() };
        let per_channel = self.channel_len.div_ceil(block_type.block_len()).max(1);
        let mut values = Vec::with_capacity(self.count());
        let mut block_values = [0f32; MAX_LEN];
        let blocks = part.bytes.chunks_exact(block_type.n_bytes());
        for (block_idx, bytes) in blocks.enumerate().take(self.n_channels * per_channel) {
            block_type.values(&block_type.unpack(bytes), &mut block_values);
            let start = block_idx % per_channel * block_type.block_len();
            let len = block_type.block_len().min(self.channel_len - start);
            values.extend_from_slice(&block_values[..len]);
        }
        values
    }
}
