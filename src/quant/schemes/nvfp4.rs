//! NVFP4: E2M1 elements, an E4M3 scale for every 16 of them, a 32-bit scale for the tensor.

use std::sync::Arc;

use super::{common, minifloat as minifloat_schemes};
use crate::base::WorkCtx;
use crate::codec::{Part, ScaleRule, minifloat};
use crate::quant::rounding::Rounding;
use crate::quant::table::{FittedTable, ScaleStore};
use crate::quant::whole_blocks::WholeBlocks;
use crate::quant::{
    CodeFormat, Family, FittedQuantizer, ParamSpec, QuantError, QuantScheme, Settings, WeightShape,
};
use crate::tensor::ChannelMajor;

/// Elements that share an E4M3 scale.
pub const BLOCK_LEN: usize = 16;

/// Largest E2M1 and E4M3FN value.
const LARGEST: (f32, f32) = (6.0, 448.0);

/// The format of Blackwell's tensor cores.
pub struct NvFp4;

static PARAMS: &[ParamSpec] = &[common::always(common::AXIS), common::NON_FINITE];

impl QuantScheme for NvFp4 {
    fn id(&self) -> &'static str {
        "nvfp4"
    }

    fn name(&self) -> &'static str {
        "NVFP4"
    }

    fn family(&self) -> Family {
        Family::Block
    }

    fn summary(&self) -> &'static str {
        "Blocks of 16 E2M1 floats: x̂ = (s · b) · element, s = absmax/(6·448) of the tensor, b = E4M3(absmax of the block/(6·s))."
    }

    fn source(&self) -> &'static str {
        "NVIDIA 2025, Pretraining Large Language Models with NVFP4, arXiv:2509.25149"
    }

    fn params(&self) -> &'static [ParamSpec] {
        PARAMS
    }

    fn code_format(&self, _settings: &Settings) -> Option<CodeFormat> {
        Some(CodeFormat::Float { exponent_bits: 2, mantissa_bits: 1 })
    }

    fn bits_per_weight(&self) -> Option<(f64, f64)> {
        Some((4.5, 4.5))
    }

    /// A block so small beside the tensor's largest weight that its scale rounds to 0 becomes zero.
    fn planned_bits(&self, shape: WeightShape, _: &Settings) -> Option<u64> {
        let code_bits = minifloat::E2M1.n_bits();
        // Beside the blocks the scale of the tensor.
        Some(common::bits_of_blocks(shape, BLOCK_LEN, (code_bits, 8)) + 32)
    }

    fn fit(
        &self,
        weights: &ChannelMajor,
        settings: &Settings,
        ctx: &WorkCtx,
    ) -> Result<Box<dyn FittedQuantizer>, QuantError> {
        let layout = common::blocks_of(weights, BLOCK_LEN);
        let cleaned = common::clean(weights, settings, ctx)?;
        let weights = cleaned.as_ref().unwrap_or(weights);
        let maxima = common::absmax_of_groups(weights, &layout, ctx)?;
        let tensor_scale = tensor_scale(maxima.iter().copied().fold(0.0, f32::max));
        let e4m3 = PositiveE4m3::new();
        let codes: Vec<i32> = maxima
            .iter()
            .map(|&max| e4m3.nearest(f64::from(max) / (6.0 * f64::from(tensor_scale))))
            .collect();
        let store = BlockScales { codes, tensor_scale };
        let scales = store.rule().read(&store.parts(), layout.n_groups()).into();
        let table = Arc::new(minifloat_schemes::table(minifloat::E2M1));
        let code_bits = minifloat::E2M1.n_bits();
        let inner = Box::new(FittedTable {
            layout,
            table,
            scales,
            code_bits,
            rounding: Rounding::NearestEven,
            store: Box::new(store),
        });
        Ok(Box::new(WholeBlocks { inner, block_len: BLOCK_LEN, code_bits }))
    }
}

/// `absmax/(6·448)`; 1 for a tensor of zeros, the smallest positive `f32` where it underflows.
fn tensor_scale(absmax: f32) -> f32 {
    match absmax / (LARGEST.0 * LARGEST.1) {
        _ if absmax == 0.0 => 1.0,
        scale if scale > 0.0 => scale,
        _ => f32::from_bits(1),
    }
}

/// The finite E4M3FN values that are not negative, by their codes.
struct PositiveE4m3 {
    values: Vec<f64>,
}

impl PositiveE4m3 {
    fn new() -> Self {
        Self { values: (0..127).map(|bits| f64::from(minifloat::E4M3FN.decode(bits))).collect() }
    }

    /// The code of the nearest value, ties to the even code, saturating; `x` is not negative.
    fn nearest(&self, x: f64) -> i32 {
        let above = self.values.partition_point(|&value| value < x).min(self.values.len() - 1);
        let below = above.saturating_sub(1);
        let distance = |idx: usize| (self.values.get(idx).copied().unwrap_or(0.0) - x).abs();
        let is_above = match distance(above).total_cmp(&distance(below)) {
            std::cmp::Ordering::Less => true,
            std::cmp::Ordering::Equal => above % 2 == 0,
            std::cmp::Ordering::Greater => false,
        };
        (if is_above { above } else { below }) as i32
    }
}

/// `scale = s · b`, rounded to `f32` once.
struct BlockScales {
    /// E4M3FN codes by block.
    codes: Vec<i32>,
    tensor_scale: f32,
}

impl ScaleStore for BlockScales {
    fn parts(&self) -> Vec<Part> {
        vec![
            Part::codes("scales", &self.codes, 8),
            Part::f32s("tensor scale", &[self.tensor_scale]),
        ]
    }

    fn rule(&self) -> ScaleRule {
        ScaleRule::E4m3
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn block_scales_round_as_the_table_of_the_format() {
        let e4m3 = PositiveE4m3::new();
        let table = minifloat_schemes::table(minifloat::E4M3FN);
        for step in 0..200_000u32 {
            let x = step as f32 * 2f32.powi(-12);
            assert_eq!(e4m3.nearest(f64::from(x)), table.nearest(x).code, "{x}");
        }
        assert_eq!([e4m3.nearest(1e9), e4m3.nearest(2f64.powi(-10))], [126, 0]);
    }

    #[test]
    fn tensor_scales_are_never_zero() {
        assert_eq!(tensor_scale(0.0), 1.0);
        assert_eq!(tensor_scale(2688.0), 1.0);
        assert_eq!(tensor_scale(f32::from_bits(1)), f32::from_bits(1));
    }
}
