//! `float`: the layer stays as it is, which is what mixed precision starts from.

use crate::base::WorkCtx;
use crate::codec::{Coding, Encoded};
use crate::quant::kernel::{self, ErrorSums};
use crate::quant::{
    CodeRange, Family, FittedQuantizer, Granularity, Grid, GroupLayout, ParamSpec, Place,
    QuantError, QuantScheme, Run, Settings,
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

    fn family(&self) -> Family {
        Family::Float
    }

    fn summary(&self) -> &'static str {
        "Keeps the layer in 32-bit float: x̂ = x."
    }

    fn source(&self) -> &'static str {
        "IEEE 754-2019, binary32"
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

    fn quantize(&self, _place: Place, input: &[f32], run: Run) {
        run.values.copy_from_slice(input);
        run.codes.fill(0);
        run.clipped.fill(0);
    }

    fn reconstruct(&self, weights: &[f32], start: usize, out: &mut [f32]) {
        if let Some(values) = weights.get(start..start + out.len()) {
            out.copy_from_slice(values);
        }
    }

    fn measure(&self, part: kernel::Part) -> ErrorSums {
        let mut sums = ErrorSums::default();
        let values = part.data.get(part.range()).unwrap_or_default();
        kernel::add_stored(&mut sums, values, values, &[]);
        sums
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

    fn coding(&self) -> Option<Coding> {
        None
    }
}
