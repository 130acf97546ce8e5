//! Settings that several schemes share, each declared once, and what they mean.

use crate::base::WorkCtx;
use crate::quant::{
    ChoiceSpec, Condition, Granularity, GroupLayout, ParamKind, ParamSpec, Prominence, QuantError,
    Settings, WeightShape,
};
use crate::tensor::ChannelMajor;

/// Tensor, channel or group.
pub const GRANULARITY: ParamSpec = ParamSpec {
    key: "granularity",
    label: "Scale per",
    help: "How many weights share one scale and zero point (ONNX QuantizeLinear: per tensor, per axis, blocked).",
    kind: ParamKind::Choice {
        choices: &[
            ChoiceSpec {
                key: "per-tensor",
                label: "Tensor",
                help: "One scale for the whole tensor.",
            },
            ChoiceSpec {
                key: "per-channel",
                label: "Channel",
                help: "One scale for each index of the kept axis, usually the output channel.",
            },
            ChoiceSpec {
                key: "per-group",
                label: "Group",
                help: "One scale for each run of weights within a channel.",
            },
        ],
        default: "per-tensor",
    },
    relevant: &[],
    prominence: Prominence::Usual,
};

/// Of `granularity=per-group`.
pub const GROUP_SIZE: ParamSpec = ParamSpec {
    key: "group-size",
    label: "Group size",
    help: "Weights that share a scale within a channel: ⌈length/size⌉ groups, the last of which may be short (for matrices block_size of ONNX QuantizeLinear).",
    kind: ParamKind::Int { min: 1, max: 1 << 20, default: 32 },
    relevant: &[Condition { key: "granularity", any_of: &["per-group"] }],
    prominence: Prominence::Usual,
};

/// Of channels and groups.
pub const AXIS: ParamSpec = ParamSpec {
    key: "axis",
    label: "Kept axis",
    help: "The axis along which channels lie, each index with a scale of its own; auto is the output-channel axis of the operator (per channel: axis of ONNX QuantizeLinear; blocked, ONNX names the axis of the blocks instead).",
    kind: ParamKind::AutoInt { min: 0, max: 7 },
    relevant: &[Condition { key: "granularity", any_of: &["per-channel", "per-group"] }],
    prominence: Prominence::Rare,
};

/// Min-max, percentile, MSE or by hand.
pub const RANGE: ParamSpec = ParamSpec {
    key: "range",
    label: "Range",
    help: "How the range that the codes cover is chosen: a narrow one clips, a wide one rounds coarsely, |x−x̂| ≤ scale/2 inside it (Nagel et al. 2021, arXiv:2106.08295, §2.2 and §3.1).",
    kind: ParamKind::Choice {
        choices: &[
            ChoiceSpec {
                key: "min-max",
                label: "Min-max",
                help: "The smallest and largest weight: nothing is clipped.",
            },
            ChoiceSpec {
                key: "percentile",
                label: "Percentile",
                help: "A percentile of |x| (symmetric) or of both tails (asymmetric), linear interpolation; what lies beyond is clipped.",
            },
            ChoiceSpec {
                key: "mse",
                label: "MSE-optimal",
                help: "The clip threshold with the smallest Σ|x−x̂|^p, p = 2 unless set otherwise, by search.",
            },
            ChoiceSpec {
                key: "entropy",
                label: "Entropy",
                help: "The threshold with the smallest divergence KL(P‖Q) of the histograms before and after: 2048 bins of |x|, half as many levels as there are codes (TensorRT's variant: Migacz 2017). Made for the many values of activations: of few weights it may cut nearly all.",
            },
            ChoiceSpec {
                key: "sigma",
                label: "Mean ± kσ",
                help: "Mean ± k standard deviations, not beyond the smallest and largest weight.",
            },
            ChoiceSpec {
                key: "aciq-gaussian",
                label: "ACIQ, Gaussian",
                help: "Mean ± the threshold with the smallest expected squared error were the weights Gaussian (Banner et al. 2019, arXiv:1810.05723).",
            },
            ChoiceSpec {
                key: "aciq-laplacian",
                label: "ACIQ, Laplacian",
                help: "Mean ± the threshold with the smallest expected squared error were the weights Laplacian (Banner et al. 2019, arXiv:1810.05723).",
            },
            ChoiceSpec {
                key: "manual",
                label: "By hand",
                help: "The range given as lo and hi; symmetric grids use the larger magnitude.",
            },
        ],
        default: "min-max",
    },
    relevant: &[],
    prominence: Prominence::Usual,
};

/// Of `range=percentile`.
pub const PERCENTILE: ParamSpec = ParamSpec {
    key: "percentile",
    label: "Percentile",
    help: "Percentile p of the magnitudes kept inside the range, in percent; asymmetric: 100 − p and p of x. Linear between ranks, as numpy.percentile.",
    kind: ParamKind::Float { min: 50.0, max: 100.0, default: 99.99 },
    relevant: &[Condition { key: "range", any_of: &["percentile"] }],
    prominence: Prominence::Usual,
};

/// Of `range=mse`.
pub const NORM: ParamSpec = ParamSpec {
    key: "norm",
    label: "Error norm p",
    help: "The range with the smallest Σ|x−x̂|^p: 2 is the squared error; a larger p minds the largest errors more.",
    kind: ParamKind::Float { min: 1.0, max: 4.0, default: 2.0 },
    relevant: &[Condition { key: "range", any_of: &["mse"] }],
    prominence: Prominence::Usual,
};

/// Of `range=sigma`.
pub const SIGMAS: ParamSpec = ParamSpec {
    key: "sigmas",
    label: "Deviations k",
    help: "k in mean ± kσ, σ the standard deviation of the weights that share the scale.",
    kind: ParamKind::Float { min: 0.5, max: 12.0, default: 3.0 },
    relevant: &[Condition { key: "range", any_of: &["sigma"] }],
    prominence: Prominence::Usual,
};

/// Of `range=manual`.
pub const LO: ParamSpec = ParamSpec {
    key: "lo",
    label: "Clip low",
    help: "Lower end of the range by hand, at most 0, since the range contains 0; auto is the smallest weight. scale = (hi−lo)/(2^b−1) (Jacob et al. 2018, arXiv:1712.05877, eq. 12).",
    kind: ParamKind::AutoFloat { min: -1e30, max: 1e30 },
    relevant: &[Condition { key: "range", any_of: &["manual"] }],
    prominence: Prominence::Usual,
};

/// Of `range=manual`.
pub const HI: ParamSpec = ParamSpec {
    key: "hi",
    label: "Clip high",
    help: "Upper end of the range by hand, at least 0, since the range contains 0; auto is the largest weight. scale = (hi−lo)/(2^b−1) (Jacob et al. 2018, arXiv:1712.05877, eq. 12).",
    kind: ParamKind::AutoFloat { min: -1e30, max: 1e30 },
    relevant: &[Condition { key: "range", any_of: &["manual"] }],
    prominence: Prominence::Usual,
};

/// To the nearest code.
pub const ROUNDING: ParamSpec = ParamSpec {
    key: "rounding",
    label: "Rounding",
    help: "How x/scale becomes a code; the range is chosen as for the nearest code.",
    kind: ParamKind::Choice {
        choices: &[
            ChoiceSpec {
                key: "nearest-even",
                label: "Nearest, ties even",
                help: "To the nearest code, a tie to the even one, as ONNX QuantizeLinear, numpy and torch round.",
            },
            ChoiceSpec {
                key: "nearest-away",
                label: "Nearest, ties away",
                help: "To the nearest code, a tie away from zero, as C's round does.",
            },
            ChoiceSpec {
                key: "floor",
                label: "Down",
                help: "To the code at or below, ⌊x/scale⌋: what dropping the lowest bits of a two's complement number does.",
            },
            ChoiceSpec {
                key: "stochastic",
                label: "Stochastic",
                help: "Up with a probability equal to the fraction, ⌊x/scale + u⌋ with u uniform in [0, 1), so that the mean error is 0 (Gupta et al. 2015, arXiv:1502.02551).",
            },
        ],
        default: "nearest-even",
    },
    relevant: &[],
    prominence: Prominence::Rare,
};

/// Of `rounding=stochastic`.
pub const SEED: ParamSpec = ParamSpec {
    key: "seed",
    label: "Seed",
    help: "Which random numbers: the same seed gives the same codes on every machine.",
    kind: ParamKind::Int { min: 0, max: 1 << 31, default: 1 },
    relevant: &[Condition { key: "rounding", any_of: &["stochastic"] }],
    prominence: Prominence::Usual,
};

/// Refuse or zero.
pub const NON_FINITE: ParamSpec = ParamSpec {
    key: "non-finite",
    label: "NaN, infinite",
    help: "What to do with weights that are NaN or infinite, for which round(x/scale) is no code (IEEE 754-2019, clause 6).",
    kind: ParamKind::Choice {
        choices: &[
            ChoiceSpec {
                key: "refuse",
                label: "Refuse",
                help: "Such a tensor is not quantized; the message counts them.",
            },
            ChoiceSpec {
                key: "zero",
                label: "As zero",
                help: "They count as zero when the range is chosen and become zero.",
            },
        ],
        default: "refuse",
    },
    relevant: &[],
    prominence: Prominence::NonFiniteOnly,
};

/// The granularity chosen.
pub fn granularity_of(settings: &Settings) -> Granularity {
    match settings.choice("granularity") {
        "per-channel" => Granularity::PerChannel,
        "per-group" => Granularity::PerGroup {
            group_size: settings.int("group-size").unwrap_or(32).max(1) as usize,
        },
        _ => Granularity::PerTensor,
    }
}

/// A copy without non-finite weights where there are some and the settings allow it.
///
/// # Errors
/// [`QuantError::NonFinite`] where they do not.
pub fn clean(
    weights: &ChannelMajor,
    settings: &Settings,
    ctx: &WorkCtx,
) -> Result<Option<ChannelMajor>, QuantError> {
    let profile = weights.profile(ctx)?;
    if profile.n_non_finite() == 0 {
        return Ok(None);
    }
    if settings.choice("non-finite") == "zero" {
        return Ok(Some(weights.finite()));
    }
    Err(QuantError::NonFinite { n_nan: profile.n_nan, n_infinite: profile.n_infinite })
}

/// The largest magnitude of every group of finite weights.
///
/// # Errors
/// [`QuantError::Cancelled`].
pub fn absmax_of_groups(
    weights: &ChannelMajor,
    layout: &GroupLayout,
    ctx: &WorkCtx,
) -> Result<Vec<f32>, QuantError> {
    Ok(layout.extents(weights, ctx)?.iter().map(|extent| extent.absmax()).collect())
}

/// The groups that the settings make of these weights.
pub fn layout_of(weights: &ChannelMajor, settings: &Settings) -> GroupLayout {
    layout_for(shape_of(weights), granularity_of(settings))
}

/// The groups of weights of a shape.
pub fn layout_for(shape: WeightShape, granularity: Granularity) -> GroupLayout {
    let WeightShape { n_channels, channel_len } = shape;
    GroupLayout { granularity, n_channels, channel_len }
}

fn shape_of(weights: &ChannelMajor) -> WeightShape {
    WeightShape { n_channels: weights.n_channels(), channel_len: weights.channel_len() }
}

/// Bits of codes of a width, and of what is stored with every group.
pub fn bits_of_layout(layout: GroupLayout, code_bits: u32, group_bits: u32) -> u64 {
    layout.count() as u64 * u64::from(code_bits) + layout.n_groups() as u64 * u64::from(group_bits)
}

/// The same where a short last block is stored whole.
pub fn bits_of_blocks(
    shape: WeightShape,
    block_len: usize,
    (code_bits, block_bits): (u32, u32),
) -> u64 {
    let layout = layout_for(shape, Granularity::PerGroup { group_size: block_len });
    let whole_bits = block_len as u64 * u64::from(code_bits) + u64::from(block_bits);
    layout.n_groups() as u64 * whole_bits
}

/// One group of all weights.
pub fn whole(weights: &ChannelMajor) -> GroupLayout {
    layout_for(shape_of(weights), Granularity::PerTensor)
}

/// The setting, for schemes in which it always has an effect.
pub const fn always(param: ParamSpec) -> ParamSpec {
    ParamSpec { relevant: &[], ..param }
}

/// Blocks of fixed length within a channel.
pub fn blocks_of(weights: &ChannelMajor, block_len: usize) -> GroupLayout {
    layout_for(shape_of(weights), Granularity::PerGroup { group_size: block_len })
}

/// The setting, for schemes that may go without a scale.
pub const fn when_scaled(param: ParamSpec) -> ParamSpec {
    ParamSpec { relevant: &[Condition { key: "scale", any_of: &["range"] }], ..param }
}
