//! `binary` and `xnor`: the sign alone, or under one scale.

use std::sync::Arc;

use super::mean_of;
use crate::base::{WorkCtx, reduce};
use crate::quant::codebook::{CodePacking, FittedCodebook, GroupLevels};
use crate::quant::schemes::common;
use crate::quant::table::{F32Scales, ScaleStore, UnitScales};
use crate::quant::{
    CodeFormat, Family, FittedQuantizer, GroupLayout, Level, ParamSpec, QuantError, QuantScheme,
    Settings,
};
use crate::tensor::ChannelMajor;

/// BinaryConnect: `x̂ = sign(x)`, −1 or +1, with sign(0) = +1 (also of −0).
///
/// Meant for training: float weights are as large as training left them, not 1.
pub struct Binary;

/// XNOR-Net: `x̂ = sign(x) · α`, α the mean of `|x|` over the group, with sign(0) = +1.
///
/// α minimises `Σ(x − α·sign(x))²` (eq. 6).
pub struct Xnor;

static BINARY_PARAMS: &[ParamSpec] = &[common::NON_FINITE];

static XNOR_PARAMS: &[ParamSpec] = &[
    ParamSpec {
        help: "How many weights share one scale, the mean of their magnitudes; the paper has one for each output channel (Rastegari et al. 2016, arXiv:1603.05279, eq. 6).",
        ..common::GRANULARITY
    },
    common::GROUP_SIZE,
    common::AXIS,
    common::NON_FINITE,
];

impl QuantScheme for Binary {
    fn id(&self) -> &'static str {
        "binary"
    }

    fn name(&self) -> &'static str {
        "Binary ±1"
    }

    fn family(&self) -> Family {
        Family::FewLevels
    }

    fn summary(&self) -> &'static str {
        "The sign alone: x̂ = +1 for x ≥ 0, else −1; meant for training, where the rest of the network adapts."
    }

    fn source(&self) -> &'static str {
        "Courbariaux et al. 2015 (BinaryConnect), arXiv:1511.00363"
    }

    fn params(&self) -> &'static [ParamSpec] {
        BINARY_PARAMS
    }

    fn code_format(&self, _settings: &Settings) -> Option<CodeFormat> {
        Some(CodeFormat::Index { bits: 1 })
    }

    fn bits_per_weight(&self) -> Option<(f64, f64)> {
        Some((1.0, 1.0))
    }

    fn fit(
        &self,
        weights: &ChannelMajor,
        settings: &Settings,
        ctx: &WorkCtx,
    ) -> Result<Box<dyn FittedQuantizer>, QuantError> {
        common::clean(weights, settings, ctx)?;
        let layout = common::whole(weights);
        let scales = vec![1.0; layout.n_groups()].into();
        let store = Box::new(UnitScales);
        Ok(Box::new(signs(layout, scales, store)))
    }
}

impl QuantScheme for Xnor {
    fn id(&self) -> &'static str {
        "xnor"
    }

    fn name(&self) -> &'static str {
        "Binary, scaled (XNOR-Net)"
    }

    fn family(&self) -> Family {
        Family::FewLevels
    }

    fn summary(&self) -> &'static str {
        "The sign under one scale: x̂ = sign(x)·mean|x|, sign(0) = +1; meant for training."
    }

    fn source(&self) -> &'static str {
        "Rastegari et al. 2016 (XNOR-Net), arXiv:1603.05279"
    }

    fn params(&self) -> &'static [ParamSpec] {
        XNOR_PARAMS
    }

    fn code_format(&self, _settings: &Settings) -> Option<CodeFormat> {
        Some(CodeFormat::Index { bits: 1 })
    }

    fn bits_per_weight(&self) -> Option<(f64, f64)> {
        Some((1.0, 1.0))
    }

    fn fit(
        &self,
        weights: &ChannelMajor,
        settings: &Settings,
        ctx: &WorkCtx,
    ) -> Result<Box<dyn FittedQuantizer>, QuantError> {
        let layout = common::layout_of(weights, settings);
        let cleaned = common::clean(weights, settings, ctx)?;
        let data = cleaned.as_ref().unwrap_or(weights).data();
        let scales = reduce::map_indices(layout.n_groups(), ctx, |group_idx| {
            let group = data.get(layout.range(group_idx)).unwrap_or_default();
            Ok::<_, QuantError>(mean_of(group, f64::abs) as f32)
        })?;
        let scales: Arc<[f32]> = scales.into();
        let store = Box::new(F32Scales(Arc::clone(&scales)));
        Ok(Box::new(signs(layout, scales, store)))
    }
}

/// −1 and +1 under the scales: code 0 below zero, code 1 from zero on.
pub(super) fn signs(
    layout: GroupLayout,
    scales: Arc<[f32]>,
    store: Box<dyn ScaleStore>,
) -> FittedCodebook {
    let levels = [Level { code: 0, value: -1.0 }, Level { code: 1, value: 1.0 }].into();
    FittedCodebook {
        layout,
        starts: vec![0.0; scales.len()].into(),
        levels: GroupLevels::Scaled { levels, scales, store },
        packing: CodePacking::Bits(1),
        facts: Vec::new(),
    }
}
