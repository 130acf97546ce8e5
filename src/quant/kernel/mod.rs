//! The inner loops of the error: sums over weights and their reconstructions, written once over
//! lanes of fixed number and compiled for every level of [`simd`](crate::base::simd).
//!
//! ARCHITECTURE.md tells which scheme has a loop of its own, and why the others have none.

mod cells;
mod groups;
mod lanes;
mod levels;
mod pieces;
mod uniform;

pub use cells::{Cells, measure_sorted, noise_sorted};
pub use lanes::{ErrorSums, add_stored};
pub use levels::{FloatGrid, Levels, LevelsOf, measure_levels};
pub use uniform::{measure_uniform, reconstruct_uniform, squared_error};

use std::ops::Range;

use super::scheme::{FittedQuantizer, for_each_run};
use crate::tensor::Extent;

/// How sums are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// In double precision: tensors so small that it costs nothing that is felt.
    Double,
    /// In single-precision lanes, folded into double precision after every block: relative error
    /// below 10⁻⁶. Blocks whose sums leave the middle of single precision's range are summed again
    /// in double precision.
    Single,
}

impl Precision {
    pub fn of(n_weights: usize) -> Self {
        if n_weights <= crate::tensor::profile::EXACT_LEN { Self::Double } else { Self::Single }
    }
}

/// A run of weights within one channel whose error is wanted.
#[derive(Clone, Copy)]
pub struct Part<'a> {
    /// All weights, finite, channels side by side.
    pub data: &'a [f32],
    pub start: usize,
    pub end: usize,
    /// Of each run of [`BLOCK_LEN`](crate::tensor::profile::BLOCK_LEN) from `start` on; empty where
    /// they are not known.
    pub extents: &'a [Extent],
    pub precision: Precision,
}

impl Part<'_> {
    pub fn range(&self) -> Range<usize> {
        self.start..self.end
    }
}

/// The sums of a part by way of [`FittedQuantizer::quantize`], in double precision: for what has no
/// loop of its own.
pub fn measure_runs(fitted: &(impl FittedQuantizer + ?Sized), part: Part) -> ErrorSums {
    let mut sums = ErrorSums::default();
    for_each_run(fitted, part.data, part.range(), |_, input, run| {
        add_stored(&mut sums, input, run.values, run.clipped);
    });
    sums
}

/// The reconstructions from a place on by way of [`FittedQuantizer::quantize`].
pub fn reconstruct_runs(
    fitted: &(impl FittedQuantizer + ?Sized),
    (weights, start): (&[f32], usize),
    out: &mut [f32],
) {
    for_each_run(fitted, weights, start..start + out.len(), |place, _, run| {
        if let Some(out) = out.get_mut(place - start..place - start + run.values.len()) {
            out.copy_from_slice(run.values);
        }
    });
}

#[cfg(test)]
mod tests;
