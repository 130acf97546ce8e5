//! Levels that follow the weights instead of equal steps. What the schemes share is declared here.

pub mod apot;
pub mod density;
pub mod kmeans;
pub mod lloyd_max;
pub mod log2;
mod optimal;
pub mod quantile;
mod sorted;

use super::common;
use crate::base::{WorkCtx, reduce};
use crate::quant::codebook::{CodePacking, FittedCodebook, GroupLevels, check_size};
use crate::quant::{
    ChoiceSpec, FittedQuantizer, ParamKind, ParamSpec, Prominence, QuantError, Settings,
};
use crate::tensor::ChannelMajor;

/// Bits of a code where every one of the 2^b levels is stored.
const BITS: ParamSpec = ParamSpec {
    key: "bits",
    label: "Bits",
    help: "Bits b of one code: a codebook has 2^b levels, each a 32-bit float that is stored with it (Han et al. 2016, arXiv:1510.00149, §3).",
    kind: ParamKind::Int { min: 1, max: 8, default: 4 },
    relevant: &[],
    prominence: Prominence::Usual,
};

/// Tensor, channel or group, where what they share is a codebook.
const CODEBOOK_PER: ParamSpec = ParamSpec {
    key: "granularity",
    label: "Codebook per",
    help: "How many weights share one codebook, which costs 32·2^b bits (Han et al. 2016, arXiv:1510.00149, eq. 1).",
    kind: ParamKind::Choice {
        choices: &[
            ChoiceSpec {
                key: "per-tensor",
                label: "Tensor",
                help: "One codebook for the whole tensor.",
            },
            ChoiceSpec {
                key: "per-channel",
                label: "Channel",
                help: "One codebook for each index of the kept axis, usually the output channel.",
            },
            ChoiceSpec {
                key: "per-group",
                label: "Group",
                help: "One codebook for each run of weights within a channel.",
            },
        ],
        default: "per-tensor",
    },
    relevant: &[],
    prominence: Prominence::Usual,
};

/// Of `granularity=per-group`.
const CODEBOOK_GROUP: ParamSpec = ParamSpec {
    help: "Weights that share a codebook within a channel: ⌈length/size⌉ groups, the last of which may be short.",
    kind: ParamKind::Int { min: 1, max: 1 << 20, default: 256 },
    ..common::GROUP_SIZE
};

/// How levels are chosen for one group of finite weights.
trait LevelChooser: Sync {
    /// What it tells of a group beside the levels.
    type Told: Send;

    /// At most `n_levels` levels for a group that is not empty.
    fn choose(
        &self,
        group_idx: usize,
        group: &[f32],
        ctx: &WorkCtx,
    ) -> Result<(Vec<f32>, Self::Told), QuantError>;
}

/// A codebook a group, by one chooser; weights go to the nearest level, a tie to the lower.
fn fit_own<C: LevelChooser>(
    weights: &ChannelMajor,
    settings: &Settings,
    chooser: &C,
    ctx: &WorkCtx,
) -> Result<(FittedCodebook, Vec<C::Told>), QuantError> {
    let layout = common::layout_of(weights, settings);
    let bits = bits_of(settings);
    check_size(layout, 1 << bits)?;
    let cleaned = common::clean(weights, settings, ctx)?;
    let data = cleaned.as_ref().unwrap_or(weights).data();
    let groups = reduce::map_indices(layout.n_groups(), ctx, |group_idx| {
        let group = data.get(layout.range(group_idx)).unwrap_or_default();
        chooser.choose(group_idx, group, ctx)
    })?;
    let (levels, told): (Vec<_>, Vec<_>) = groups.into_iter().unzip();
    let levels = GroupLevels::own(1 << bits, levels);
    let starts = levels.middles();
    let packing = CodePacking::Bits(bits);
    Ok((FittedCodebook { layout, levels, starts, packing, facts: Vec::new() }, told))
}

fn bits_of(settings: &Settings) -> u32 {
    settings.int("bits").unwrap_or(4).clamp(1, 8) as u32
}

fn boxed(fitted: FittedCodebook) -> Box<dyn FittedQuantizer> {
    Box::new(fitted)
}
