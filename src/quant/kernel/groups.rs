//! Equal steps whose scale follows from the extent of a short group: the scales of a block are
//! found side by side, then its groups are summed one after another.

use super::lanes::{ErrorSums, Lanes, NOT_CLIPPED, Single, add_run};
use super::pieces::{FEW, Measure};
use super::uniform::{Steps, Uniform};
use super::{Part, Precision};
use crate::base::simd::Kernel;
use crate::quant::schemes::int::Codes;
use crate::quant::{Granularity, GroupLayout};
use crate::tensor::Extent;
use crate::tensor::profile::BLOCK_LEN;

/// Weights that share a scale for sure.
const RUN: usize = 32;
/// Runs of a block.
const RUNS: usize = BLOCK_LEN / RUN;
const W: usize = 16;

/// Whole groups of a multiple of [`RUN`] weights, in single precision. The sums are those that
/// [`Measure`] finds, bit for bit.
pub struct MeasureGroups<'a> {
    part: Part<'a>,
    uniform: Uniform<'a>,
    codes: Codes,
    /// Of the part's groups.
    extents: &'a [Extent],
    group_size: usize,
}

impl<'a> MeasureGroups<'a> {
    /// `None` where groups are of another kind or cut.
    pub fn new(
        part: Part<'a>,
        uniform: Uniform<'a>,
        (extents, codes): (&'a [Extent], Codes),
    ) -> Option<Self> {
        let GroupLayout { granularity: Granularity::PerGroup { group_size }, channel_len, .. } =
            uniform.layout
        else {
            return None;
        };
        let is_whole = |len: usize| len.is_multiple_of(group_size);
        let fits = group_size.is_multiple_of(RUN)
            && BLOCK_LEN.is_multiple_of(group_size)
            && [channel_len, part.start, part.end].into_iter().all(is_whole)
            && part.precision == Precision::Single;
        let extents = extents.get(part.start / group_size..part.end / group_size)?;
        fits.then_some(Self { part, uniform, codes, extents, group_size })
    }
}

impl Kernel for MeasureGroups<'_> {
    type Output = ErrorSums;

    #[inline(always)]
    fn run(self) -> ErrorSums {
        let mut sums = ErrorSums::default();
        let Some(data) = self.part.data.get(self.part.range()) else { return sums };
        let mut scales = [1.0f32; RUNS];
        let blocks = data.chunks(BLOCK_LEN).zip(self.extents.chunks(BLOCK_LEN / self.group_size));
        for (nth, (block, extents)) in blocks.enumerate() {
            let is_inside = self.scales(extents, &mut scales);
            let found = if is_inside { sums_of(block, &scales) } else { None };
            sums.add(&found.unwrap_or_else(|| {
                let start = self.part.start + nth * BLOCK_LEN;
                let part = Part { start, end: start + block.len(), extents: &[], ..self.part };
                Measure { part, blocks: self.uniform }.run()
            }));
        }
        sums
    }
}

impl MeasureGroups<'_> {
    /// The scale of every run, and whether no group has weights outside its grid.
    #[inline(always)]
    fn scales(&self, extents: &[Extent], scales: &mut [f32; RUNS]) -> bool {
        let range = self.codes.range();
        let mut found = [1.0f32; RUNS];
        let mut n_outside = 0u32;
        for (scale, extent) in found.iter_mut().zip(extents) {
            let (of_group, zero_point) = self.codes.scale_and_zero(extent.lo, extent.hi);
            let steps = Steps::<true>::between(
                of_group,
                range.qmin as f32 - zero_point,
                range.qmax as f32 - zero_point,
            );
            let is_outside = |x: f32| u32::from(steps.is_beyond(steps.of(x).0));
            n_outside += is_outside(extent.lo) | is_outside(extent.hi);
            *scale = of_group;
        }
        let per_group = self.group_size / RUN;
        if per_group == 1 {
            *scales = found;
        } else {
            for (runs, scale) in scales.chunks_mut(per_group).zip(found) {
                runs.fill(scale);
            }
        }
        n_outside == 0
    }
}

/// The sums of a block that has nothing outside.
#[inline(always)]
fn sums_of(block: &[f32], scales: &[f32; RUNS]) -> Option<ErrorSums> {
    let mut lanes = Single::<W>::new();
    let few = block.chunks(FEW * W).zip(scales.chunks(FEW * W / RUN));
    for (few, scales) in few {
        let mut sums = Single::<W>::new();
        for (run, &scale) in few.as_chunks::<RUN>().0.iter().zip(scales) {
            let steps = Steps::<false>::between(scale, 0.0, 0.0);
            add_run::<NOT_CLIPPED, W, _>(&mut sums, steps, run);
        }
        lanes.join(&sums);
    }
    lanes.finish()
}
