//! `lloyd-max`: the best levels for a Gaussian or a Laplacian of the weights' spread.

use std::sync::{Arc, OnceLock};

use super::density::Density;
use super::{bits_of, common};
use crate::base::{WorkCtx, reduce};
use crate::quant::rounding::Rounding;
use crate::quant::shifted::Shifted;
use crate::quant::table::{F32Scales, FittedTable, LevelTable, Ties};
use crate::quant::{
    ChoiceSpec, Family, FittedQuantizer, Level, ParamKind, ParamSpec, Prominence, QuantError,
    QuantScheme, Settings,
};
use crate::tensor::ChannelMajor;

/// Lloyd–Max quantization for a fitted density.
///
/// - `x̂ = scale · level_i + centre`; the levels are constants of the density and the bit width, so that
///   only the scale, and the centre where it is not 0, are stored.
/// - Gaussian: `scale = √(Σ(x − centre)²/n)`; Laplacian: `scale = Σ|x − centre|/n`.
/// - Weights go to the nearest level of `(x − centre)/scale`, a tie to the lower.
/// - A scale that would be 0 is the smallest positive `f32`, whose levels round to nothing.
pub struct LloydMax;

const BITS: ParamSpec = ParamSpec {
    key: "bits",
    label: "Bits",
    help: "Bits b of one code: 2^b levels, constants of the density that are not stored (Max 1960).",
    kind: ParamKind::Int { min: 1, max: 8, default: 4 },
    relevant: &[],
    prominence: Prominence::Usual,
};

const DENSITY: ParamSpec = ParamSpec {
    key: "density",
    label: "Density",
    help: "What the weights are taken to be drawn from; the levels are the best for it in ∫(x − x̂)²·p(x) dx (Max 1960; Lloyd 1982).",
    kind: ParamKind::Choice {
        choices: &[
            ChoiceSpec {
                key: "gaussian",
                label: "Gaussian",
                help: "p(x) ∝ exp(−x²/(2σ²)); the scale is σ, the root of the mean squared distance from the centre.",
            },
            ChoiceSpec {
                key: "laplacian",
                label: "Laplacian",
                help: "p(x) ∝ exp(−|x|/b), with heavier tails; the scale is b, the mean distance from the centre.",
            },
        ],
        default: "gaussian",
    },
    relevant: &[],
    prominence: Prominence::Usual,
};

const CENTRE: ParamSpec = ParamSpec {
    key: "centre",
    label: "Centre",
    help: "The mean the density is taken to have: levels lie symmetrically about it, x̂ = scale·level + centre (Max 1960).",
    kind: ParamKind::Choice {
        choices: &[
            ChoiceSpec {
                key: "zero",
                label: "0",
                help: "Mean 0, as trained weights nearly have; nothing to store.",
            },
            ChoiceSpec {
                key: "mean",
                label: "Mean",
                help: "The mean of the group's weights, a 32-bit float stored beside the scale.",
            },
        ],
        default: "zero",
    },
    relevant: &[],
    prominence: Prominence::Usual,
};

static PARAMS: &[ParamSpec] = &[
    BITS,
    DENSITY,
    CENTRE,
    common::GRANULARITY,
    common::GROUP_SIZE,
    common::AXIS,
    common::NON_FINITE,
];

impl QuantScheme for LloydMax {
    fn id(&self) -> &'static str {
        "lloyd-max"
    }

    fn name(&self) -> &'static str {
        "Lloyd–Max"
    }

    fn family(&self) -> Family {
        Family::Codebook
    }

    fn summary(&self) -> &'static str {
        "The 2^b levels with the least mean squared error for a Gaussian or Laplacian: x̂ = scale·level, scale the spread of the weights."
    }

    fn source(&self) -> &'static str {
        "Max 1960, IRE Trans. Inf. Theory 6(1); Lloyd 1982, IEEE Trans. Inf. Theory 28(2)"
    }

    fn params(&self) -> &'static [ParamSpec] {
        PARAMS
    }

    fn fit(
        &self,
        weights: &ChannelMajor,
        settings: &Settings,
        ctx: &WorkCtx,
    ) -> Result<Box<dyn FittedQuantizer>, QuantError> {
        let layout = common::layout_of(weights, settings);
        let cleaned = common::clean(weights, settings, ctx)?;
        let data = cleaned.as_ref().unwrap_or(weights).data();
        let density = match settings.choice("density") {
            "laplacian" => Density::Laplacian,
            _ => Density::Gaussian,
        };
        let is_centred = settings.choice("centre") == "mean";
        let groups = reduce::map_indices(layout.n_groups(), ctx, |group_idx| {
            let group = data.get(layout.range(group_idx)).unwrap_or_default();
            let centre = if is_centred { mean(group) } else { 0.0 };
            Ok::<_, QuantError>((spread(density, group, centre), centre))
        })?;
        let (scales, offsets): (Vec<f32>, Vec<f32>) = groups.into_iter().unzip();
        let scales: Arc<[f32]> = scales.into();
        let code_bits = bits_of(settings);
        let table = table(density, code_bits);
        let store = Box::new(F32Scales(Arc::clone(&scales)));
        let inner = FittedTable {
            layout,
            table,
            scales,
            code_bits,
            rounding: Rounding::NearestEven,
            store,
        };
        Ok(match is_centred {
            true => Box::new(Shifted { inner, offsets: offsets.into() }),
            false => Box::new(inner),
        })
    }
}

fn mean(group: &[f32]) -> f32 {
    sum(group, f64::from) as f32
}

fn spread(density: Density, group: &[f32], centre: f32) -> f32 {
    let centre = f64::from(centre);
    let scale = match density {
        Density::Gaussian => sum(group, |x| (f64::from(x) - centre).powi(2)).sqrt() as f32,
        Density::Laplacian => sum(group, |x| (f64::from(x) - centre).abs()) as f32,
    };
    scale.max(f32::from_bits(1))
}

/// `Σf(x)/n` in lanes that are joined in order; 0 for no weights.
fn sum(group: &[f32], of: impl Fn(f32) -> f64) -> f64 {
    const LANES: usize = 8;
    let mut lanes = [0.0f64; LANES];
    let (chunks, rest) = group.as_chunks::<LANES>();
    for chunk in chunks {
        for (lane, &x) in lanes.iter_mut().zip(chunk) {
            *lane += of(x);
        }
    }
    let sum = lanes.iter().sum::<f64>() + rest.iter().map(|&x| of(x)).sum::<f64>();
    sum / group.len().max(1) as f64
}

/// The levels of a density, computed once for each bit width.
fn table(density: Density, bits: u32) -> Arc<LevelTable> {
    static TABLES: [[OnceLock<Arc<LevelTable>>; 8]; 2] =
        [const { [const { OnceLock::new() }; 8] }; 2];
    let compute = || {
        let levels = (0..).zip(density.lloyd_max_levels(bits));
        let levels = levels.map(|(code, value)| Level { code, value: value as f32 }).collect();
        Arc::new(LevelTable::new(levels, Ties::Down))
    };
    let known = TABLES.get(density as usize).and_then(|of| of.get(bits as usize - 1));
    known.map_or_else(compute, |table| Arc::clone(table.get_or_init(compute)))
}
