//! Formats of fixed block length: a short last block is stored whole, filled up with zeros.

use super::grid::{CodeRange, Grid};
use super::group::GroupLayout;
use super::kernel::{self, ErrorSums};
use super::scheme::{FittedQuantizer, Place, Run};
use crate::codec::packing::Signedness;
use crate::codec::{Coding, Encoded, Part};
use crate::tensor::ChannelMajor;

/// A quantizer whose groups are stored as blocks of equal length. The fill has the code 0, which
/// stands for zero in every format that this is used for.
pub struct WholeBlocks {
    /// Its first stored part holds the codes.
    pub inner: Box<dyn FittedQuantizer>,
    pub block_len: usize,
    pub code_bits: u32,
}

impl WholeBlocks {
    /// Elements that only fill up.
    fn n_fill(&self) -> usize {
        let layout = self.inner.layout();
        layout.n_groups() * self.block_len - layout.count()
    }

    fn lens(&self) -> impl Iterator<Item = usize> {
        let layout = self.inner.layout();
        (0..layout.n_groups()).map(move |group_idx| layout.range(group_idx).len())
    }

    fn filled(&self, codes: &[i32]) -> Vec<i32> {
        let mut filled = Vec::with_capacity(codes.len() + self.n_fill());
        let mut rest = codes;
        for (block_idx, len) in self.lens().enumerate() {
            let (block, after) = rest.split_at(len.min(rest.len()));
            filled.extend_from_slice(block);
            filled.resize((block_idx + 1) * self.block_len, 0);
            rest = after;
        }
        filled
    }
}

impl FittedQuantizer for WholeBlocks {
    fn layout(&self) -> GroupLayout {
        self.inner.layout()
    }

    fn quantize(&self, place: Place, input: &[f32], run: Run) {
        self.inner.quantize(place, input, run);
    }

    fn n_bytes(&self) -> usize {
        self.inner.n_bytes()
    }

    fn measure(&self, part: kernel::Part) -> ErrorSums {
        self.inner.measure(part)
    }

    fn reconstruct(&self, weights: &[f32], start: usize, out: &mut [f32]) {
        self.inner.reconstruct(weights, start, out);
    }

    fn grid(&self, group_idx: usize) -> Grid {
        self.inner.grid(group_idx)
    }

    fn code_range(&self) -> Option<CodeRange> {
        self.inner.code_range()
    }

    fn storage_bits(&self) -> u64 {
        self.inner.storage_bits() + self.n_fill() as u64 * u64::from(self.code_bits)
    }

    fn encode(&self, weights: &ChannelMajor) -> Option<Encoded> {
        let mut encoded = self.inner.encode(weights)?;
        if let (Some(part), true) = (encoded.parts.first_mut(), self.n_fill() > 0) {
            let codes = self.filled(&part.to_codes(Signedness::Unsigned));
            *part = Part::codes(part.name, &codes, self.code_bits);
        }
        Some(encoded)
    }

    fn coding(&self) -> Option<Coding> {
        let filled_to = (self.n_fill() > 0).then_some(self.block_len);
        Some(Coding { filled_to, ..self.inner.coding()? })
    }

    fn is_by_value(&self) -> bool {
        self.inner.is_by_value()
    }

    fn storage_note(&self) -> Option<String> {
        let channel_len = self.inner.layout().channel_len;
        (self.n_fill() > 0).then(|| {
            format!(
                "{channel_len} weights a channel are no whole number of blocks of {}; the last block is filled up with zeros, so the layer cannot be stored in this container",
                self.block_len
            )
        })
    }
}
