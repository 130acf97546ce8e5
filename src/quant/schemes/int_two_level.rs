//! `int-two-level`: integers in short groups whose scales are themselves small integers under one
//! scale a channel.

use super::common;
use super::int::{Codes, FittedInt, Symmetry};
use crate::base::WorkCtx;
use crate::codec::{Part, ScaleRule};
use crate::quant::rounding::Rounding;
use crate::quant::table::ScaleStore;
use crate::quant::{
    CodeFormat, Family, FittedQuantizer, Granularity, GroupLayout, ParamKind, ParamSpec,
    Prominence, QuantError, QuantParams, QuantScheme, Settings, WeightShape,
};
use crate::tensor::ChannelMajor;

/// Per-vector scaled quantization with two levels of scales.
pub struct IntTwoLevel;

static PARAMS: &[ParamSpec] = &[
    ParamSpec {
        key: "bits",
        label: "Bits",
        help: "Bits b of one code: codes −(2^(b−1)−1) … 2^(b−1)−1 (Dai et al. 2021, arXiv:2102.04503, §4).",
        kind: ParamKind::Int { min: 2, max: 8, default: 4 },
        relevant: &[],
        prominence: Prominence::Usual,
    },
    ParamSpec {
        key: "group-size",
        label: "Group size",
        help: "Weights V that share a small scale within a channel: ⌈length/V⌉ groups, the last of which may be short (Dai et al. 2021, arXiv:2102.04503, §4).",
        kind: ParamKind::Int { min: 1, max: 1 << 20, default: 16 },
        relevant: &[],
        prominence: Prominence::Usual,
    },
    ParamSpec {
        key: "scale-bits",
        label: "Scale bits",
        help: "Bits m of a group's scale code 1 … 2^m−1: scale = code·γ, γ = largest group scale of the channel/(2^m−1) (Dai et al. 2021, arXiv:2102.04503, §4.4).",
        kind: ParamKind::Int { min: 4, max: 8, default: 6 },
        relevant: &[],
        prominence: Prominence::Usual,
    },
    common::always(common::AXIS),
    common::NON_FINITE,
];

impl QuantScheme for IntTwoLevel {
    fn id(&self) -> &'static str {
        "int-two-level"
    }

    fn name(&self) -> &'static str {
        "Integer, two-level scale"
    }

    fn family(&self) -> Family {
        Family::Uniform
    }

    fn summary(&self) -> &'static str {
        "Equal steps in short groups: x̂ = (γ · k) · code, γ a 32-bit float a channel, k a few bits a group."
    }

    fn source(&self) -> &'static str {
        "Dai et al. 2021, VS-Quant, arXiv:2102.04503"
    }

    fn params(&self) -> &'static [ParamSpec] {
        PARAMS
    }

    fn code_format(&self, settings: &Settings) -> Option<CodeFormat> {
        let bits = u32::try_from(settings.int("bits")?).ok()?;
        Some(CodeFormat::Integer { bits, is_signed: true })
    }

    fn bits_per_weight(&self) -> Option<(f64, f64)> {
        // 4 to 8 bits a scale, 16 weights to each unless set otherwise.
        Some((2.25, 8.5))
    }

    fn planned_bits(&self, shape: WeightShape, settings: &Settings) -> Option<u64> {
        let bits = settings.int("bits").unwrap_or(4).clamp(2, 8) as u32;
        let scale_bits = settings.int("scale-bits").unwrap_or(6).clamp(4, 8) as u32;
        let group_size = settings.int("group-size").unwrap_or(16).max(1) as usize;
        let layout = common::layout_for(shape, Granularity::PerGroup { group_size });
        let bits_of_groups = common::bits_of_layout(layout, bits, scale_bits);
        Some(bits_of_groups + 32 * shape.n_channels as u64)
    }

    fn fit(
        &self,
        weights: &ChannelMajor,
        settings: &Settings,
        ctx: &WorkCtx,
    ) -> Result<Box<dyn FittedQuantizer>, QuantError> {
        let bits = settings.int("bits").unwrap_or(4).clamp(2, 8) as u32;
        let scale_bits = settings.int("scale-bits").unwrap_or(6).clamp(4, 8) as u32;
        let group_size = settings.int("group-size").unwrap_or(16).max(1) as usize;
        let codes = Codes { bits, symmetry: Symmetry::Restricted };
        let layout = GroupLayout {
            granularity: Granularity::PerGroup { group_size },
            n_channels: weights.n_channels(),
            channel_len: weights.channel_len(),
        };
        let cleaned = common::clean(weights, settings, ctx)?;
        let weights = cleaned.as_ref().unwrap_or(weights);
        let largest = common::absmax_of_groups(weights, &layout, ctx)?;
        let store = TwoLevelScales::of(&largest, layout, codes, scale_bits);
        let scales = store.rule().read(&store.parts(), layout.n_groups());
        let params = scales.into_iter().map(|scale| QuantParams { scale, zero_point: 0 }).collect();
        Ok(Box::new(FittedInt {
            layout,
            codes,
            params,
            rounding: Rounding::NearestEven,
            store: Box::new(store),
        }))
    }
}

/// `scale = γ · k`, rounded to `f32` once.
struct TwoLevelScales {
    layout: GroupLayout,
    /// `k` by group, 1 to `2^scale_bits − 1`.
    codes: Vec<i32>,
    scale_bits: u32,
    /// `γ` by channel.
    channel_scales: Vec<f32>,
}

impl TwoLevelScales {
    /// `γ = max(absmax of a group)/(2^(b−1)−1)/(2^m−1)`,
    /// `k = clamp(round(absmax/(2^(b−1)−1)/γ), 1, 2^m−1)`, ties to even, in `f32` as written.
    ///
    /// A channel of zeros has `γ = 1`; one that underflows has the smallest positive `f32`, one whose
    /// largest value would overflow the largest `γ` for which it does not. A group
    /// whose `k` would be 0 keeps the smallest scale instead of becoming zero.
    fn of(largest: &[f32], layout: GroupLayout, codes: Codes, scale_bits: u32) -> Self {
        let n_steps = codes.range().qmax as f32;
        let max_code = ((1 << scale_bits) - 1) as f32;
        let mut stored = Vec::with_capacity(largest.len());
        let mut channel_scales = Vec::with_capacity(layout.n_channels);
        for channel_idx in 0..layout.n_channels {
            let groups = largest.get(layout.groups_of_channel(channel_idx)).unwrap_or_default();
            let top = groups.iter().copied().fold(0.0, f32::max) / n_steps;
            let mut scale = match top / max_code {
                _ if top == 0.0 => 1.0,
                scale if scale > 0.0 => scale,
                _ => f32::from_bits(1),
            };
            while (scale * max_code * n_steps).is_infinite() {
                scale = scale.next_down();
            }
            let code = |max: &f32| (max / n_steps / scale).round_ties_even().clamp(1.0, max_code);
            stored.extend(groups.iter().map(|max| code(max) as i32));
            channel_scales.push(scale);
        }
        Self { layout, codes: stored, scale_bits, channel_scales }
    }
}

impl ScaleStore for TwoLevelScales {
    fn parts(&self) -> Vec<Part> {
        vec![
            Part::codes("scales", &self.codes, self.scale_bits),
            Part::f32s("channel scales", &self.channel_scales),
        ]
    }

    fn rule(&self) -> ScaleRule {
        let runs_per_channel = self.layout.groups_of_channel(0).len();
        ScaleRule::TwoLevel { bits: self.scale_bits, runs_per_channel }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn group_scales_are_small_integers_of_the_channels() {
        let layout = GroupLayout {
            granularity: Granularity::PerGroup { group_size: 2 },
            n_channels: 2,
            channel_len: 6,
        };
        let codes = Codes { bits: 4, symmetry: Symmetry::Restricted };
        let largest = [105.0, 52.5, 0.01, 0.0, 0.0, 0.0];
        let store = TwoLevelScales::of(&largest, layout, codes, 4);
        assert_eq!(store.channel_scales, [1.0, 1.0]);
        assert_eq!(store.codes, [15, 8, 1, 1, 1, 1]);
        assert_eq!(store.rule().read(&store.parts(), 6), [15.0, 8.0, 1.0, 1.0, 1.0, 1.0]);
    }
}
