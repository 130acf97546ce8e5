//! The 4-bit formats of bitsandbytes: sixteen fixed levels, blocks that run over the flattened
//! tensor, scales that may themselves be quantized (QLoRA's double quantization).

use std::sync::Arc;

use super::common;
use crate::base::{WorkCtx, reduce};
use crate::codec::{CodePacking, CodeRule, Coding, Encoded, Part, ScaleRule, Share, dynamic_map};
use crate::quant::stored::Stored;
use crate::quant::table::{LevelTable, Ties};
use crate::quant::{
    ChoiceSpec, CodeFormat, CodeRange, Family, FittedQuantizer, Granularity, Grid, GroupLayout,
    Level, ParamKind, ParamSpec, Prominence, QuantError, QuantScheme, Settings, WeightShape,
};
use crate::tensor::{ChannelMajor, Flattening, profile};

/// A table of sixteen levels.
pub struct BitsAndBytes {
    id: &'static str,
    name: &'static str,
    summary: &'static str,
    /// By code, from −1 to 1.
    levels: &'static [f32; 16],
}

pub static NF4: BitsAndBytes = BitsAndBytes {
    id: "nf4",
    name: "NF4 (bitsandbytes)",
    summary: "Blocks of the flattened tensor, quantiles of a normal distribution as levels: x̂ = absmax of the block · level.",
    levels: &NF4_LEVELS,
};
pub static FP4: BitsAndBytes = BitsAndBytes {
    id: "bnb-fp4",
    name: "FP4 (bitsandbytes)",
    summary: "Blocks of the flattened tensor, levels 0, 1/192, 1/6, 1/4, 1/3, 1/2, 2/3 and 1 with a sign: x̂ = absmax of the block · level.",
    levels: &FP4_LEVELS,
};

/// Table of appendix E of the QLoRA paper, in `f32`.
const NF4_LEVELS: [f32; 16] = [
    -1.0,
    -0.696_192_8,
    -0.525_073_05,
    -0.394_917_5,
    -0.284_441_38,
    -0.184_773_43,
    -0.091_050_036,
    0.0,
    0.079_580_3,
    0.160_930_2,
    0.246_112_3,
    0.337_915_24,
    0.440_709_83,
    0.562_617,
    0.722_956_84,
    1.0,
];

const FP4_LEVELS: [f32; 16] = [
    0.0,
    0.0625 / 12.0,
    8.0 / 12.0,
    1.0,
    4.0 / 12.0,
    0.5,
    2.0 / 12.0,
    0.25,
    0.0,
    -0.0625 / 12.0,
    -8.0 / 12.0,
    -1.0,
    -4.0 / 12.0,
    -0.5,
    -2.0 / 12.0,
    -0.25,
];

const fn size(key: &'static str) -> ChoiceSpec {
    ChoiceSpec { key, label: key, help: "So many weights share a scale." }
}

static PARAMS: &[ParamSpec] = &[
    ParamSpec {
        key: "block-size",
        label: "Block size",
        help: "Weights of the flattened tensor that share a scale, ⌈count/size⌉ of them; the last block may be short (Dettmers et al. 2023, arXiv:2305.14314, §2).",
        kind: ParamKind::Choice {
            choices: &[
                size("32"),
                size("64"),
                size("128"),
                size("256"),
                size("512"),
                size("1024"),
                size("2048"),
                size("4096"),
            ],
            default: "64",
        },
        relevant: &[],
        prominence: Prominence::Usual,
    },
    ParamSpec {
        key: "double-quant",
        label: "Double quant",
        help: "Whether the scales c are quantized too: c ≈ mean(c) + absmax₂ · code, 8 bits in blocks of 256 (Dettmers et al. 2023, arXiv:2305.14314, §3).",
        kind: ParamKind::Choice {
            choices: &[
                ChoiceSpec { key: "off", label: "Off", help: "A 32-bit float a block." },
                ChoiceSpec {
                    key: "on",
                    label: "On",
                    help: "8 bits a block, a 32-bit float for 256 blocks, and their mean.",
                },
            ],
            default: "off",
        },
        relevant: &[],
        prominence: Prominence::Usual,
    },
    common::NON_FINITE,
];

impl QuantScheme for BitsAndBytes {
    fn id(&self) -> &'static str {
        self.id
    }

    fn name(&self) -> &'static str {
        self.name
    }

    fn family(&self) -> Family {
        Family::Block
    }

    fn summary(&self) -> &'static str {
        self.summary
    }

    fn source(&self) -> &'static str {
        "Dettmers et al. 2023, QLoRA, arXiv:2305.14314; bitsandbytes"
    }

    fn params(&self) -> &'static [ParamSpec] {
        PARAMS
    }

    fn code_format(&self, _settings: &Settings) -> Option<CodeFormat> {
        Some(CodeFormat::Index { bits: 4 })
    }

    fn bits_per_weight(&self) -> Option<(f64, f64)> {
        Some((4.0, 4.5))
    }

    fn planned_bits(&self, shape: WeightShape, settings: &Settings) -> Option<u64> {
        let block_len: usize = settings.choice("block-size").parse().unwrap_or(64);
        let n_blocks = shape.count().div_ceil(block_len);
        let is_plain = settings.choice("double-quant") != "on";
        is_plain.then(|| 4 * shape.count() as u64 + 32 * n_blocks as u64)
    }

    fn fit(
        &self,
        weights: &ChannelMajor,
        settings: &Settings,
        ctx: &WorkCtx,
    ) -> Result<Box<dyn FittedQuantizer>, QuantError> {
        let block_len = settings.choice("block-size").parse().unwrap_or(64);
        let cleaned = common::clean(weights, settings, ctx)?;
        let data = cleaned.as_ref().unwrap_or(weights).data();
        let order = weights.flattening();
        let flat = order.to_flat(data);
        let codebook = Codebook::new(self.levels);
        let (codes, largest) = codebook.quantize(&flat, block_len, ctx)?;
        let scales = match settings.choice("double-quant") {
            "on" => Scales::Double(DoubleScales::of(&largest, ctx)?),
            _ => Scales::Plain(largest),
        };
        let mut parts = vec![Part::codes("codes", &codes, 4)];
        parts.extend(scales.parts());
        let levels = self.levels;
        let coding = coding_of(weights, block_len, levels, scales.rule());
        // As read back: double quantization has changed them.
        let scales = coding.scales.read(&parts, coding.n_runs());
        let values = values_of(levels, &codes, &scales, block_len);
        let clipped = codebook.clipped(&flat, &scales, block_len);
        let layout = layout_of(weights, order, block_len);
        let grids = move |group_idx| {
            let block_idx = order.flat_idx(layout.range(group_idx).start) / block_len;
            codebook.grid(scales.get(block_idx).copied().unwrap_or(f32::NAN))
        };
        Ok(Box::new(Stored {
            layout,
            codes: order.to_channels(&codes).into_owned(),
            values: order.to_channels(&values).into_owned(),
            clipped: order.to_channels(&clipped).into_owned(),
            grids: Box::new(grids),
            code_range: Some(CodeRange { qmin: 0, qmax: 15 }),
            encoded: Encoded { parts },
            coding: Some(coding),
            storage_note: None,
        }))
    }
}

/// Blocks of the flattened tensor, whatever its channels are.
fn coding_of(
    weights: &ChannelMajor,
    block_len: usize,
    levels: &[f32; 16],
    scales: ScaleRule,
) -> Coding {
    let levels = (0..).zip(levels).map(|(code, &level)| (code, f64::from(level))).collect();
    let count = weights.data().len();
    let coding = Coding::new((1, count), Share::Run(block_len), CodeRule::Levels(levels));
    let packing = CodePacking::Bits(4);
    Coding { packing, scales, flat: Some(weights.flattening()), ..coding }
}

/// `level · scale` of every code, in the order of the tensor.
fn values_of(levels: &[f32; 16], codes: &[i32], scales: &[f32], block_len: usize) -> Vec<f32> {
    let mut values = Vec::with_capacity(codes.len());
    for (block, &scale) in codes.chunks(block_len).zip(scales) {
        values.extend(block.iter().map(|&code| levels[code as usize & 15] * scale));
    }
    values
}

/// Groups that lie within one block each: the blocks themselves where channels lie one after
/// another, else the longest runs of a channel's weights that no block's end divides.
fn layout_of(weights: &ChannelMajor, order: Flattening, block_len: usize) -> GroupLayout {
    if order.is_identity() {
        let granularity = Granularity::PerGroup { group_size: block_len };
        return GroupLayout { granularity, n_channels: 1, channel_len: weights.data().len() };
    }
    let of_size = |group_size| GroupLayout {
        granularity: Granularity::PerGroup { group_size },
        n_channels: weights.n_channels(),
        channel_len: weights.channel_len(),
    };
    let is_within = |layout: &GroupLayout| {
        (0..layout.n_groups()).all(|group_idx| {
            let range = layout.range(group_idx);
            let block_of = |idx| order.flat_idx(idx) / block_len;
            block_of(range.start) == block_of(range.end - 1)
        })
    };
    let sizes = std::iter::successors(Some(block_len), |size| Some(size / 2).filter(|&s| s > 1));
    sizes.map(of_size).find(is_within).unwrap_or_else(|| of_size(1))
}

/// Sixteen levels in ascending order with the bounds between them.
struct Codebook {
    table: LevelTable,
    /// Codes of the levels, ascending by level.
    codes: [i32; 16],
    /// Midpoints in `f32` arithmetic; a value above one belongs to a higher level.
    bounds: [f32; 15],
}

impl Codebook {
    /// A zero that is there twice keeps its first code; the second is never chosen.
    fn new(levels: &[f32; 16]) -> Self {
        let levels: Vec<Level> =
            (0..).zip(levels).map(|(code, &value)| Level { code, value }).collect();
        let table = LevelTable::new(levels, Ties::Down);
        let (mut codes, mut bounds) = ([0; 16], [f32::INFINITY; 15]);
        for (code, level) in codes.iter_mut().zip(&**table.levels()) {
            *code = level.code;
        }
        for (bound, pair) in bounds.iter_mut().zip(table.levels().windows(2)) {
            *bound = (pair[0].value + pair[1].value) / 2.0;
        }
        Self { table, codes, bounds }
    }

    /// Codes and the absmax of every block, in the order of the tensor.
    fn quantize(
        &self,
        flat: &[f32],
        block_len: usize,
        ctx: &WorkCtx,
    ) -> Result<(Vec<i32>, Vec<f32>), QuantError> {
        let parts = reduce::map_chunks(flat, ctx, |chunk| {
            let mut codes = vec![0i32; chunk.len()];
            let blocks = chunk.chunks(block_len).zip(codes.chunks_mut(block_len));
            let largest = blocks.map(|(block, codes)| {
                let (scale, divisor) = divisor_of(block, block_len);
                for (&x, code) in block.iter().zip(codes) {
                    let y = divisor.apply(x);
                    let level_idx = self.bounds.iter().map(|&b| usize::from(y > b)).sum::<usize>();
                    *code = self.codes[level_idx & 15];
                }
                scale
            });
            let largest: Vec<f32> = largest.collect();
            (codes, largest)
        })?;
        let (codes, largest): (Vec<_>, Vec<_>) = parts.into_iter().unzip();
        Ok((codes.concat(), largest.concat()))
    }

    /// Double quantization may leave a block a scale below its absmax.
    fn clipped(&self, flat: &[f32], scales: &[f32], block_len: usize) -> Vec<u8> {
        let mut clipped = Vec::with_capacity(flat.len());
        for (block, &scale) in flat.chunks(block_len).zip(scales) {
            clipped.extend(block.iter().map(|&x| match scale {
                0.0 => u8::from(x != 0.0),
                _ => u8::from(self.table.is_outside(x / scale)),
            }));
        }
        clipped
    }

    /// Ascending also where double quantization has made a scale negative, and a single zero where
    /// it is zero.
    fn grid(&self, scale: f32) -> Grid {
        let levels: Arc<[Level]> = if scale == 0.0 {
            Arc::new([self.table.nearest(0.0)])
        } else if scale < 0.0 {
            let mirrored = |level: &Level| Level { code: level.code, value: -level.value };
            self.table.levels().iter().rev().map(mirrored).collect()
        } else {
            Arc::clone(self.table.levels())
        };
        Grid::Table { scale: scale.abs(), offset: 0.0, levels }
    }
}

/// How a block is brought into [−1, 1]: a whole one by the reciprocal of its absmax, a short last
/// one by division, as the package does.
enum Divisor {
    Reciprocal(f32),
    Divide(f32),
}

/// Below it the package divides by this instead.
const SMALLEST: f32 = 1e-38;

/// The stored scale of a block and how to divide by it.
fn divisor_of(block: &[f32], block_len: usize) -> (f32, Divisor) {
    let largest = profile::extent(block).absmax();
    let kept = largest.max(SMALLEST);
    match block.len() == block_len {
        true => (largest, Divisor::Reciprocal(1.0 / kept)),
        false => (kept, Divisor::Divide(kept)),
    }
}

impl Divisor {
    fn apply(&self, x: f32) -> f32 {
        let y = match self {
            Self::Reciprocal(reciprocal) => x * reciprocal,
            Self::Divide(divisor) => x / divisor,
        };
        y.clamp(-1.0, 1.0)
    }
}

/// How the scales are stored.
enum Scales {
    Plain(Vec<f32>),
    Double(DoubleScales),
}

/// Scales less their mean, as 8-bit codes of [`dynamic_map`] under an absmax for 256 of them.
struct DoubleScales {
    codes: Vec<i32>,
    absmax: Vec<f32>,
    mean: f32,
}

/// Scales that share an absmax.
const SCALE_BLOCK_LEN: usize = 256;

impl Scales {
    fn parts(&self) -> Vec<Part> {
        match self {
            Self::Plain(scales) => vec![Part::f32s("scales", scales)],
            Self::Double(double) => vec![
                Part::codes("scales", &double.codes, 8),
                Part::f32s("scales of scales", &double.absmax),
                Part::f32s("mean scale", &[double.mean]),
            ],
        }
    }

    fn rule(&self) -> ScaleRule {
        match self {
            Self::Plain(_) => ScaleRule::F32,
            Self::Double(_) => ScaleRule::Double,
        }
    }
}

impl DoubleScales {
    fn of(scales: &[f32], ctx: &WorkCtx) -> Result<Self, QuantError> {
        let sums = reduce::map_chunks(scales, ctx, |chunk| {
            chunk.iter().map(|&scale| f64::from(scale)).sum::<f64>()
        })?;
        let mean = (sums.iter().sum::<f64>() / scales.len().max(1) as f64) as f32;
        let map = dynamic_map();
        let bounds: Vec<f32> = map.windows(2).map(|pair| (pair[0] + pair[1]) / 2.0).collect();
        let (mut codes, mut absmax) = (Vec::with_capacity(scales.len()), Vec::new());
        for block in scales.chunks(SCALE_BLOCK_LEN) {
            let centred: Vec<f32> = block.iter().map(|scale| scale - mean).collect();
            let (largest, divisor) = divisor_of(&centred, SCALE_BLOCK_LEN);
            let code = |&x: &f32| {
                let y = divisor.apply(x);
                bounds.partition_point(|&bound| bound < y) as i32
            };
            codes.extend(centred.iter().map(code));
            absmax.push(largest);
        }
        Ok(Self { codes, absmax, mean })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quant::SchemeChoice;
    use crate::tensor::Tensor;
    use ndarray::{Dimension, IxDyn};

    /// The kept axis changes the order in which channels are shown, not one value.
    #[test]
    fn blocks_run_over_the_flattened_tensor_whatever_axis_is_kept() {
        for dims in [vec![40, 24], vec![6, 5, 3, 3], vec![64, 2], vec![2, 128]] {
            let tensor = Tensor::from_shape_fn(IxDyn(&dims), |idx| {
                let seed = idx.slice().iter().fold(7usize, |sum, &i| sum * 31 + i);
                ((seed * 7919) % 1009) as f32 * 3e-3 - 1.5
            });
            for spec in ["nf4:block-size=32", "bnb-fp4:double-quant=on"] {
                let choice: SchemeChoice = spec.parse().unwrap();
                let values = |axis| {
                    let weights = ChannelMajor::new(&tensor, axis);
                    let fitted = choice.scheme().fit(&weights, choice.settings(), &WorkCtx::new());
                    let fitted = fitted.unwrap();
                    let decoded = fitted.decode(&fitted.encode(&weights).unwrap());
                    for (idx, value) in decoded.iter().enumerate() {
                        let grid = fitted.grid(fitted.layout().group_of(idx));
                        let on_grid = grid.levels().iter().any(|level| level.value == *value);
                        assert!(on_grid, "{dims:?}, axis {axis}, {spec}: {value}");
                    }
                    weights.with_data(decoded).to_tensor()
                };
                for axis in 1..dims.len() {
                    assert_eq!(values(axis), values(0), "{dims:?}, axis {axis}, {spec}");
                }
            }
        }
    }

    #[test]
    fn groups_are_as_long_as_blocks_allow() {
        let group_size = |dims: &[usize], axis| {
            let weights = ChannelMajor::new(&Tensor::zeros(IxDyn(dims)), axis);
            match layout_of(&weights, weights.flattening(), 64).granularity {
                Granularity::PerGroup { group_size } => group_size,
                _ => 0,
            }
        };
        assert_eq!(group_size(&[128, 16], 0), 64);
        assert_eq!(group_size(&[128, 16], 1), 4);
        assert_eq!(group_size(&[128, 256], 1), 1);
        assert_eq!(group_size(&[4, 8, 32], 1), 32);
    }

    #[test]
    fn a_negative_scale_mirrors_the_grid() {
        let codebook = Codebook::new(&NF4_LEVELS);
        let levels = codebook.grid(-2.0).levels();
        assert!(levels.is_sorted_by(|a, b| a.value < b.value));
        assert_eq!(levels[0], Level { code: 15, value: -2.0 });
        assert_eq!(codebook.grid(0.0).levels(), [Level { code: 7, value: 0.0 }]);
    }
}
