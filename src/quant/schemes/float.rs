//! `float`: the layer stays as it is, which is what mixed precision starts from.

use crate::base::WorkCtx;
use crate::codec::Encoded;
use crate::quant::{
    CodeRange, Family, FittedQuantizer, Granularity, Grid, GroupLayout, ParamSpec, QuantError,
    QuantScheme, Run, Settings,
};
use crate::tensor::ChannelMajor;

/// Keeps 32-bit floats.
pub struct Float;

impl QuantScheme for Float {
    fn id(&self) -> &'static str {
        "float"
    }

    fn name(&self) -> &'static str {
        "Float (keep)"
    }

    fn summary(&self) -> &'static str {
        "Keeps the layer in 32-bit float: x̂ = x."
    }

    fn source(&self) -> &'static str {
        "IEEE 754-2019, binary32"
    }

    fn family(&self) -> Family {
        Family::Float
    }

    fn params(&self) -> &'static [ParamSpec] {
        &[]
    }

    fn keeps_float(&self) -> bool {
        true
    }

    fn fit(
        &self,
        weights: &ChannelMajor,
        _settings: &Settings,
        _ctx: &WorkCtx,
    ) -> Result<Box<dyn FittedQuantizer>, QuantError> {
        Ok(Box::new(Kept {
            layout: GroupLayout {
                granularity: Granularity::PerTensor,
                n_channels: weights.n_channels(),
                channel_len: weights.channel_len(),
            },
        }))
    }
}

struct Kept {
    layout: GroupLayout,
}

impl FittedQuantizer for Kept {
    fn layout(&self) -> GroupLayout {
        self.layout
    }

    fn quantize(&self, _group_idx: usize, input: &[f32], run: Run) {
        run.values.copy_from_slice(input);
        run.codes.fill(0);
        run.clipped.fill(0);
    }

    fn grid(&self, _group_idx: usize) -> Grid {
        Grid::Continuous
    }

    fn code_range(&self) -> Option<CodeRange> {
        None
    }

    fn storage_bits(&self) -> u64 {
        self.layout.count() as u64 * 32
    }

    fn encode(&self, _weights: &ChannelMajor) -> Option<Encoded> {
        None
    }
}
