//! `quantile`: every level serves as many weights as the others.

use super::sorted::Sorted;
use super::{BITS, CODEBOOK_GROUP, CODEBOOK_PER, LevelChooser, bits_of, boxed, common, fit_own};
use crate::base::WorkCtx;
use crate::quant::{
    ChoiceSpec, Family, FittedQuantizer, ParamKind, ParamSpec, Prominence, QuantError, QuantScheme,
    Settings,
};
use crate::tensor::ChannelMajor;

/// Quantile quantization.
///
/// - `q_i = (Q(i/k) + Q((i+1)/k))/2` for i = 0 … k−1 and k = 2^b: the middles of k equally filled bins.
///   Q is the quantile function of the group's weights, linear between ranks `p·(n−1)` as
///   `numpy.quantile`. QLoRA's eq. 3 has k + 1 in place of k, for which the bins do not end at the
///   largest weight.
/// - Weights go to the nearest level, a tie to the lower.
/// - Cost: sorting the group, `n·log n`.
pub struct Quantile;

const LEVEL: ParamSpec = ParamSpec {
    key: "level",
    label: "Level",
    help: "Where in its bin, which holds 1/2^b of the weights, a level lies (Dettmers et al. 2022, arXiv:2110.02861, §2.2).",
    kind: ParamKind::Choice {
        choices: &[
            ChoiceSpec {
                key: "middle",
                label: "Middle",
                help: "(Q(i/k) + Q((i+1)/k))/2, halfway between the ends of the bin.",
            },
            ChoiceSpec {
                key: "median",
                label: "Median",
                help: "Q((i+½)/k), with as many weights of the bin below as above.",
            },
        ],
        default: "middle",
    },
    relevant: &[],
    prominence: Prominence::Usual,
};

static PARAMS: &[ParamSpec] =
    &[BITS, LEVEL, CODEBOOK_PER, CODEBOOK_GROUP, common::AXIS, common::NON_FINITE];

impl QuantScheme for Quantile {
    fn id(&self) -> &'static str {
        "quantile"
    }

    fn name(&self) -> &'static str {
        "Quantiles"
    }

    fn family(&self) -> Family {
        Family::Codebook
    }

    fn summary(&self) -> &'static str {
        "The middles of 2^b equally filled bins: level_i = (Q(i/2^b) + Q((i+1)/2^b))/2, Q the quantiles of the weights."
    }

    fn source(&self) -> &'static str {
        "Dettmers et al. 2022, arXiv:2110.02861; Dettmers et al. 2023 (QLoRA), arXiv:2305.14314, eq. 3"
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
        let level = match settings.choice("level") {
            "median" => InBin::Median,
            _ => InBin::Middle,
        };
        let bins = Bins { n_levels: 1 << bits_of(settings), level };
        Ok(boxed(fit_own(weights, settings, &bins, ctx)?.0))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum InBin {
    Middle,
    Median,
}

struct Bins {
    n_levels: usize,
    level: InBin,
}

impl LevelChooser for Bins {
    type Told = ();

    fn choose(&self, _: usize, group: &[f32], _: &WorkCtx) -> Result<(Vec<f32>, ()), QuantError> {
        let sorted = Sorted::new(group);
        let share = |i: f64| sorted.quantile(i / self.n_levels as f64);
        let level = |i: usize| match self.level {
            InBin::Middle => ((share(i as f64) + share(i as f64 + 1.0)) / 2.0) as f32,
            InBin::Median => share(i as f64 + 0.5) as f32,
        };
        Ok(((0..self.n_levels).map(level).collect(), ()))
    }
}
