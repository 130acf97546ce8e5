//! Which weights share a rule: the groups that a part is made of, in blocks.

use std::ops::Range;

use super::lanes::{ANY_CLIPPED, COUNT_CLIPPED, Double, ErrorSums, Lanes, NOT_CLIPPED, Single};
use super::{Part, Precision};
use crate::base::simd::Kernel;
use crate::quant::{Granularity, GroupLayout};
use crate::tensor::profile::BLOCK_LEN;

/// The groups of a run of weights, one after another, without a division for each.
#[derive(Clone, Copy)]
pub struct Groups {
    group_idx: usize,
    start: usize,
    end: usize,
    /// Where the group at `start` ends, and its channel.
    group_end: usize,
    channel_end: usize,
    group_size: usize,
    channel_len: usize,
}

impl Groups {
    pub fn new(layout: &GroupLayout, range: Range<usize>) -> Self {
        let group_idx = layout.group_of(range.start);
        let channel_len = match layout.granularity {
            Granularity::PerTensor => layout.count(),
            _ => layout.channel_len,
        };
        let group_size = match layout.granularity {
            Granularity::PerGroup { group_size } => group_size.max(1),
            _ => channel_len,
        };
        let channel_end = (range.start / channel_len.max(1) + 1) * channel_len;
        Self {
            group_idx,
            start: range.start,
            end: range.end.min(layout.count()),
            group_end: layout.range(group_idx).end,
            channel_end,
            group_size,
            channel_len,
        }
    }

    /// The next group's index and the part of it that belongs to the run, at most `max_len` weights.
    #[inline(always)]
    pub fn next(&mut self, max_len: usize) -> Option<(usize, Range<usize>)> {
        if self.start >= self.end || max_len == 0 {
            return None;
        }
        let (group_idx, start) = (self.group_idx, self.start);
        let mut end = if self.group_end < self.end { self.group_end } else { self.end };
        if end - start > max_len {
            end = start + max_len;
        }
        self.start = end;
        if end == self.group_end {
            self.group_idx += 1;
            if self.group_end == self.channel_end {
                self.channel_end += self.channel_len;
            }
            let next = self.group_end + self.group_size;
            self.group_end = if next < self.channel_end { next } else { self.channel_end };
        }
        Some((group_idx, start..end))
    }
}

/// The rules of all groups.
pub trait Blocks: Copy {
    /// Whether what is clipped is counted without looking first whether anything is.
    const ALWAYS_COUNTS: bool = false;

    fn layout(&self) -> GroupLayout;

    /// Adds weights of one group.
    fn add<const CLIP: u8, const W: usize>(
        self,
        lanes: &mut impl Lanes<W>,
        group_idx: usize,
        input: &[f32],
    );

    /// Whether the extents of blocks say that nothing lies outside the group's grid.
    fn is_inside(self, group_idx: usize, extent: crate::tensor::Extent) -> bool;
}

/// Weights that a lane takes before it is added to those before.
pub const FEW: usize = 32;

/// The sums of a part, in 16 lanes: more do not fit into the registers of AVX2.
pub struct Measure<'a, B> {
    pub part: Part<'a>,
    pub blocks: B,
}

impl<B: Blocks> Kernel for Measure<'_, B> {
    type Output = ErrorSums;

    #[inline(always)]
    fn run(self) -> ErrorSums {
        match self.part.precision {
            Precision::Double => self.sums::<Double<16>, 16>(),
            Precision::Single => self.sums::<Single<16>, 16>(),
        }
    }
}

impl<B: Blocks> Measure<'_, B> {
    #[inline(always)]
    fn sums<L: Lanes<W>, const W: usize>(self) -> ErrorSums {
        let mut sums = ErrorSums::default();
        let mut groups = Groups::new(&self.blocks.layout(), self.part.range());
        let mut extents = self.part.extents.iter();
        let mut was_clipped = false;
        while groups.start < groups.end {
            let before = groups;
            let extent = extents.next();
            let is_one_group =
                before.group_end - before.start >= BLOCK_LEN || before.group_end >= before.end;
            let is_inside = is_one_group
                && extent.is_some_and(|&extent| self.blocks.is_inside(before.group_idx, extent));
            let found = if B::ALWAYS_COUNTS {
                self.block::<COUNT_CLIPPED, L, W>(&mut groups)
            } else if is_inside {
                self.block::<NOT_CLIPPED, L, W>(&mut groups)
            } else if is_one_group || was_clipped {
                self.block::<COUNT_CLIPPED, L, W>(&mut groups)
            } else {
                self.block::<ANY_CLIPPED, L, W>(&mut groups)
            };
            let found = match found {
                Some(found)
                    if !B::ALWAYS_COUNTS
                        && found.n_clipped > 0
                        && !was_clipped
                        && !is_one_group =>
                {
                    groups = before;
                    self.block::<COUNT_CLIPPED, L, W>(&mut groups)
                }
                found => found,
            };
            let found = found.unwrap_or_else(|| {
                groups = before;
                self.block::<COUNT_CLIPPED, Double<W>, W>(&mut groups).unwrap_or_default()
            });
            was_clipped = found.n_clipped > 0;
            sums.add(&found);
        }
        sums
    }

    /// The next [`BLOCK_LEN`] weights, [`FEW`] in each lane at a time: a sum of many equal squares would
    /// else be rounded the same way each time.
    #[inline(always)]
    fn block<const CLIP: u8, L: Lanes<W>, const W: usize>(
        &self,
        groups: &mut Groups,
    ) -> Option<ErrorSums> {
        let mut lanes = L::new();
        let data = self.part.data;
        let mut left = BLOCK_LEN;
        while left > 0 && groups.start < groups.end {
            let mut few = L::new();
            let mut left_of_few = FEW * W;
            while let Some((group_idx, range)) = groups.next(left_of_few) {
                left_of_few -= range.len();
                if let Some(input) = data.get(range) {
                    self.blocks.add::<CLIP, W>(&mut few, group_idx, input);
                }
            }
            lanes.join(&few);
            left -= FEW * W - left_of_few;
        }
        lanes.finish()
    }
}
