//! A table of levels around a value of the group's own, such as its mean.

use std::sync::Arc;

use super::grid::{CodeRange, Grid};
use super::group::GroupLayout;
use super::kernel::{self, Cells, ErrorSums, Part as WeightPart};
use super::scheme::{FittedQuantizer, Place, Run, all_codes};
use super::table::{FittedTable, Scaled, cells_of};
use crate::codec::{Coding, Encoded, Part};
use crate::tensor::ChannelMajor;

/// `x̂ = scale · level + offset`, the level nearest to `(x − offset) / scale`.
pub struct Shifted {
    pub inner: FittedTable,
    /// By group, each stored as a 32-bit float.
    pub offsets: Arc<[f32]>,
}

/// Weights shifted at a time.
const RUN_LEN: usize = 256;

impl FittedQuantizer for Shifted {
    fn layout(&self) -> GroupLayout {
        self.inner.layout
    }

    fn quantize(&self, place: Place, input: &[f32], run: Run) {
        let offset = self.offsets.get(place.group_idx).copied().unwrap_or(0.0);
        let mut shifted = [0f32; RUN_LEN];
        let outputs = run.codes.chunks_mut(RUN_LEN).zip(run.values.chunks_mut(RUN_LEN));
        let outputs = outputs.zip(run.clipped.chunks_mut(RUN_LEN));
        for (input, ((codes, values), clipped)) in input.chunks(RUN_LEN).zip(outputs) {
            let shifted = &mut shifted[..input.len()];
            for (shifted, &x) in shifted.iter_mut().zip(input) {
                *shifted = if x.is_finite() { x } else { 0.0 } - offset;
            }
            let run = Run { codes, values: &mut *values, clipped };
            self.inner.quantize(place, shifted, run);
            for value in values {
                *value += offset;
            }
        }
    }

    fn measure(&self, part: WeightPart) -> ErrorSums {
        match self.inner.has_loop() {
            true => {
                let scaled = Scaled { fitted: &self.inner, offsets: &self.offsets };
                kernel::measure_levels(part, &scaled)
            }
            false => kernel::measure_runs(self, part),
        }
    }

    fn cells(&self) -> Option<Cells> {
        cells_of(&Scaled { fitted: &self.inner, offsets: &self.offsets })
    }

    fn grid(&self, group_idx: usize) -> Grid {
        match self.inner.grid(group_idx) {
            Grid::Table { scale, levels, .. } => {
                let offset = self.offsets.get(group_idx).copied().unwrap_or(0.0);
                Grid::Table { scale, offset, levels }
            }
            other => other,
        }
    }

    fn code_range(&self) -> Option<CodeRange> {
        self.inner.code_range()
    }

    fn storage_bits(&self) -> u64 {
        self.inner.storage_bits() + 32 * self.offsets.len() as u64
    }

    fn encode(&self, weights: &ChannelMajor) -> Option<Encoded> {
        let codes = all_codes(self, weights);
        let mut parts = vec![Part::codes("codes", &codes, self.inner.code_bits)];
        parts.extend(self.inner.store.parts());
        parts.push(Part::f32s("offsets", &self.offsets));
        Some(Encoded { parts })
    }

    fn coding(&self) -> Option<Coding> {
        Some(Coding { has_offsets: true, ..self.inner.coding()? })
    }
}
