//! A tensor quantized as a whole when it is fitted: formats in which the code of a weight depends on
//! its neighbours.

use super::grid::{CodeRange, Grid};
use super::group::GroupLayout;
use super::kernel::{self, ErrorSums, Part};
use super::scheme::{FittedQuantizer, Place, Run};
use crate::codec::{Coding, Encoded};
use crate::tensor::ChannelMajor;

/// What quantizing a whole tensor gave; all vectors in the order of the channel-major weights.
pub struct Stored {
    /// The groups that share a grid.
    pub layout: GroupLayout,
    pub codes: Vec<i32>,
    /// Reconstructed values.
    pub values: Vec<f32>,
    /// 1 where the weight lies outside its group's grid; empty where none does.
    pub clipped: Vec<u8>,
    /// By group of `layout`.
    pub grids: Box<dyn Fn(usize) -> Grid + Send + Sync>,
    pub code_range: Option<CodeRange>,
    pub encoded: Encoded,
    pub coding: Option<Coding>,
    /// Why these weights cannot be stored in the container of the format.
    pub storage_note: Option<String>,
}

/// Weights other than those it was fitted to are not quantized: a run is looked up by its place.
impl FittedQuantizer for Stored {
    fn layout(&self) -> GroupLayout {
        self.layout
    }

    fn quantize(&self, place: Place, input: &[f32], run: Run) {
        let range = place.start..place.start + input.len();
        if let (Some(codes), Some(values)) =
            (self.codes.get(range.clone()), self.values.get(range.clone()))
        {
            run.codes.copy_from_slice(codes);
            run.values.copy_from_slice(values);
        }
        match self.clipped.get(range) {
            Some(clipped) => run.clipped.copy_from_slice(clipped),
            None => run.clipped.fill(0),
        }
    }

    fn n_bytes(&self) -> usize {
        let encoded: usize = self.encoded.parts.iter().map(|part| part.bytes.len()).sum();
        size_of_val(&self.codes[..]) + size_of_val(&self.values[..]) + self.clipped.len() + encoded
    }

    fn measure(&self, part: Part) -> ErrorSums {
        let mut sums = ErrorSums::default();
        let range = part.range();
        if let (Some(input), Some(values)) =
            (part.data.get(range.clone()), self.values.get(range.clone()))
        {
            let clipped = self.clipped.get(range).unwrap_or_default();
            kernel::add_stored(&mut sums, input, values, clipped);
        }
        sums
    }

    fn reconstruct(&self, _: &[f32], start: usize, out: &mut [f32]) {
        if let Some(values) = self.values.get(start..start + out.len()) {
            out.copy_from_slice(values);
        }
    }

    fn grid(&self, group_idx: usize) -> Grid {
        (self.grids)(group_idx)
    }

    fn code_range(&self) -> Option<CodeRange> {
        self.code_range
    }

    fn storage_bits(&self) -> u64 {
        self.encoded.n_bits()
    }

    fn encode(&self, _: &ChannelMajor) -> Option<Encoded> {
        Some(self.encoded.clone())
    }

    fn coding(&self) -> Option<Coding> {
        self.coding.clone()
    }

    fn is_by_value(&self) -> bool {
        false
    }

    fn storage_note(&self) -> Option<String> {
        self.storage_note.clone()
    }
}
