//! The first look at weights: their profile, the extents of their groups and what a caller makes of
//! these, piece by piece while it lies in the cache, so that memory is read once.

use std::ops::Range;
use std::sync::Arc;

use rayon::prelude::*;

use super::ChannelMajor;
use super::profile::{self, Extent, Figures, GroupLens, PIECE_LEN, Profile};
use crate::base::{Cancelled, WorkCtx};

/// Which extents a caller wants of each piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Runs {
    Channels,
    /// Runs of as many weights within a channel, the last of which may be short.
    Groups(usize),
}

/// Some channels, or a part of a long one.
pub struct Piece<'a> {
    /// Where it lies among all weights.
    pub range: Range<usize>,
    /// Finite.
    pub data: &'a [f32],
    /// By channel and block, as a [`Profile`] has them.
    pub blocks: &'a [Extent],
    pub runs: Arc<[Extent]>,
}

impl ChannelMajor {
    /// What `visit` makes of every piece, in order; the profile and the extents of groups are kept.
    ///
    /// `None` where they are known already, runs reach beyond pieces, or something is no number.
    ///
    /// # Errors
    /// [`Cancelled`].
    pub fn first_look<R: Send>(
        &self,
        runs: Runs,
        ctx: &WorkCtx,
        visit: impl Fn(Piece) -> R + Sync,
    ) -> Result<Option<Vec<R>>, Cancelled> {
        let (data, len) = (self.data(), self.channel_len());
        let fits = match runs {
            Runs::Channels => len <= PIECE_LEN,
            Runs::Groups(size) => len <= PIECE_LEN || PIECE_LEN.is_multiple_of(size.max(1)),
        };
        if !fits || len == 0 || self.has_profile() {
            return Ok(None);
        }
        let lens = GroupLens {
            channel: len,
            group: match runs {
                Runs::Channels => len,
                Runs::Groups(size) => size.max(1),
            },
        };
        let is_exact = data.len() <= profile::EXACT_LEN;
        let mut all = lens.blank(data.len());
        let slots = lens
            .slots(profile::pieces(data.len(), len), Arc::get_mut(&mut all).unwrap_or_default());
        let looks: Vec<_> = slots
            .into_par_iter()
            .map(|(range, extents)| {
                ctx.check()?;
                let part = data.get(range.clone()).unwrap_or_default();
                let figures = profile::figures_of(part, len, is_exact);
                if !figures.iter().all(Figures::is_finite) {
                    return Ok((figures, None));
                }
                let blocks: Vec<Extent> = figures.iter().map(|block| block.extent).collect();
                if runs == Runs::Channels {
                    let channels = blocks.chunks(len.div_ceil(profile::BLOCK_LEN));
                    for (extent, blocks) in extents.iter_mut().zip(channels) {
                        *extent = Extent::of_parts(blocks);
                    }
                } else {
                    lens.find_extents(part, extents);
                }
                let piece =
                    Piece { range, data: part, blocks: &blocks, runs: Arc::from(&*extents) };
                let made = visit(piece);
                Ok((figures, Some(made)))
            })
            .collect::<Result<_, Cancelled>>()?;
        let (figures, made): (Vec<_>, Vec<_>) = looks.into_iter().unzip();
        let found = Profile::of_figures(&figures.concat(), len);
        if let (Runs::Groups(size), 0) = (runs, found.n_non_finite()) {
            self.keep_group_extents(size, all);
        }
        self.keep_profile(found);
        Ok(made.into_iter().collect())
    }
}
