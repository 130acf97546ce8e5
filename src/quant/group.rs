//! Which weights share a scale.

use std::ops::Range;
use std::sync::Arc;

use crate::base::{Cancelled, WorkCtx, reduce};
use crate::codec::{CodePacking, CodeRule, Coding, Share};
use crate::tensor::{ChannelMajor, Extent, profile};

/// How many weights share one set of parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Granularity {
    PerTensor,
    /// One set for each index of the kept axis.
    PerChannel,
    /// Runs of `group_size` within a channel, row-major; the last run may be short.
    PerGroup {
        group_size: usize,
    },
}

/// The groups of a weight with `n_channels · channel_len` elements, channels side by side.
///
/// Groups are contiguous and cover the data in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupLayout {
    pub granularity: Granularity,
    pub n_channels: usize,
    pub channel_len: usize,
}

impl GroupLayout {
    /// What codes by these groups are to whoever decodes them: 32-bit scales unless changed.
    pub fn coding(&self, codes: CodeRule, packing: CodePacking) -> Coding {
        let share = match self.granularity {
            Granularity::PerTensor => Share::Tensor,
            Granularity::PerChannel => Share::Channel,
            Granularity::PerGroup { group_size } => Share::Run(group_size.max(1)),
        };
        let coding = Coding::new((self.n_channels, self.channel_len), share, codes);
        Coding { packing, ..coding }
    }

    fn groups_per_channel(&self) -> usize {
        match self.granularity {
            Granularity::PerGroup { group_size } => self.channel_len.div_ceil(group_size.max(1)),
            _ => 1,
        }
    }

    /// Number of elements.
    pub fn count(&self) -> usize {
        self.n_channels * self.channel_len
    }

    /// Number of groups; none for an empty tensor.
    pub fn n_groups(&self) -> usize {
        if self.count() == 0 {
            return 0;
        }
        match self.granularity {
            Granularity::PerTensor => 1,
            _ => self.n_channels * self.groups_per_channel(),
        }
    }

    /// The elements of a group.
    pub fn range(&self, group_idx: usize) -> Range<usize> {
        match self.granularity {
            Granularity::PerTensor => 0..self.count(),
            Granularity::PerChannel => {
                group_idx * self.channel_len..(group_idx + 1) * self.channel_len
            }
            Granularity::PerGroup { group_size } => {
                let per_channel = self.groups_per_channel().max(1);
                let channel_start = group_idx / per_channel * self.channel_len;
                let start = group_idx % per_channel * group_size;
                let end = (start + group_size).min(self.channel_len);
                channel_start + start..channel_start + end
            }
        }
    }

    /// The group an element belongs to.
    pub fn group_of(&self, element_idx: usize) -> usize {
        match self.granularity {
            Granularity::PerTensor => 0,
            Granularity::PerChannel => element_idx / self.channel_len.max(1),
            Granularity::PerGroup { group_size } => {
                let channel_idx = element_idx / self.channel_len.max(1);
                let within = element_idx % self.channel_len.max(1);
                channel_idx * self.groups_per_channel() + within / group_size.max(1)
            }
        }
    }

    /// The groups that a run of elements touches, which need not be the layout's own channels.
    pub fn groups_within(&self, elements: Range<usize>) -> Range<usize> {
        let end = elements.end.min(self.count());
        if elements.start >= end {
            return 0..0;
        }
        self.group_of(elements.start)..self.group_of(end - 1) + 1
    }

    /// Smallest and largest weight of every group, kept with the weights where the groups
    /// follow the weights' own channels.
    ///
    /// # Errors
    /// [`Cancelled`].
    pub fn extents(
        &self,
        weights: &ChannelMajor,
        ctx: &WorkCtx,
    ) -> Result<Arc<[Extent]>, Cancelled> {
        if self.n_groups() == 0 {
            return Ok(Arc::new([]));
        }
        let is_own =
            self.n_channels == weights.n_channels() && self.channel_len == weights.channel_len();
        Ok(match self.granularity {
            Granularity::PerTensor => Arc::new([weights.profile(ctx)?.extent()]),
            Granularity::PerChannel if is_own => {
                let profile = weights.profile(ctx)?;
                (0..self.n_channels).map(|idx| profile.channel_extent(idx)).collect()
            }
            Granularity::PerGroup { group_size } if is_own => {
                weights.group_extents(group_size, ctx)?
            }
            _ => {
                let group = |idx| weights.data().get(self.range(idx)).unwrap_or_default();
                let of_group = |idx| Ok::<_, Cancelled>(profile::extent(group(idx)));
                reduce::map_indices(self.n_groups(), ctx, of_group)?.into()
            }
        })
    }

    /// The groups that a channel's elements belong to.
    pub fn groups_of_channel(&self, channel_idx: usize) -> Range<usize> {
        match self.granularity {
            Granularity::PerTensor => 0..self.n_groups(),
            _ => {
                let per_channel = self.groups_per_channel();
                channel_idx * per_channel..(channel_idx + 1) * per_channel
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_cover_the_data_in_order() {
        for (granularity, wanted) in [
            (Granularity::PerTensor, (0..1).map(|_| 0..10).collect()),
            (Granularity::PerChannel, vec![0..5, 5..10]),
            (Granularity::PerGroup { group_size: 2 }, vec![0..2, 2..4, 4..5, 5..7, 7..9, 9..10]),
            (Granularity::PerGroup { group_size: 99 }, vec![0..5, 5..10]),
        ] {
            let layout = GroupLayout { granularity, n_channels: 2, channel_len: 5 };
            assert_eq!(layout.groups_within(0..99), 0..wanted.len(), "{granularity:?}");
            assert!(layout.groups_within(10..12).is_empty(), "{granularity:?}");
            let found: Vec<_> = (0..layout.n_groups()).map(|idx| layout.range(idx)).collect();
            assert_eq!(found, wanted, "{granularity:?}");
            for (group_idx, range) in wanted.iter().enumerate() {
                for element_idx in range.clone() {
                    assert_eq!(layout.group_of(element_idx), group_idx, "{granularity:?}");
                }
                assert_eq!(layout.groups_within(range.clone()), group_idx..group_idx + 1);
            }
        }
    }
}
