//! `ternary`: −α, 0 or +α.

use std::sync::Arc;

use super::mean_of;
use crate::base::{WorkCtx, percent, reduce};
use crate::quant::codebook::{CodePacking, FittedCodebook, GroupLevels};
use crate::quant::schemes::common;
use crate::quant::table::F32Scales;
use crate::quant::{
    ChoiceSpec, CodeFormat, Family, FittedQuantizer, Level, ParamKind, ParamSpec, Prominence,
    QuantError, QuantScheme, Settings,
};
use crate::tensor::ChannelMajor;

/// Ternary weight networks.
///
/// - `x̂ = α` for x > Δ, `−α` for x < −Δ, else 0; α is the mean of the magnitudes above Δ.
/// - Δ = 0.7·mean|x| over the group in `f64` (eq. 6, for weights near a Gaussian), or the Δ for which
///   `Σ(x − x̂)²` is least: the m largest magnitudes are kept for which (Σ|x|)²/m is largest (eq. 5).
/// - An all-zero group has α = 0.
pub struct Ternary;

static PARAMS: &[ParamSpec] = &[
    ParamSpec {
        key: "threshold",
        label: "Threshold",
        help: "Δ: weights of magnitude at most Δ become 0; α is the mean magnitude of the others (Li et al. 2016, arXiv:1605.04711, eq. 5 and 6).",
        kind: ParamKind::Choice {
            choices: &[
                ChoiceSpec {
                    key: "mean",
                    label: "0.7 · mean |x|",
                    help: "Δ = 0.7·mean|x|, the paper's approximation for weights near a Gaussian.",
                },
                ChoiceSpec {
                    key: "optimal",
                    label: "Optimal",
                    help: "The Δ with the smallest Σ(x − x̂)², by sorting: it maximises (Σ|x| of those kept)² over their number.",
                },
            ],
            default: "mean",
        },
        relevant: &[],
        prominence: Prominence::Usual,
    },
    ParamSpec {
        key: "packing",
        label: "Packing",
        help: "How the three codes become bits; log₂3 = 1.58 bits would do (Li et al. 2016, arXiv:1605.04711, §2.1, has two).",
        kind: ParamKind::Choice {
            choices: &[
                ChoiceSpec { key: "two-bits", label: "2 bits", help: "Two bits for each code." },
                ChoiceSpec {
                    key: "five-in-byte",
                    label: "5 in 8 bits",
                    help: "Five codes in a byte as digits to base 3, since 3⁵ = 243: 1.6 bits for each.",
                },
            ],
            default: "two-bits",
        },
        relevant: &[],
        prominence: Prominence::Usual,
    },
    ParamSpec {
        help: "How many weights share one threshold and one scale (Li et al. 2016, arXiv:1605.04711: the layer).",
        ..common::GRANULARITY
    },
    common::GROUP_SIZE,
    common::AXIS,
    common::NON_FINITE,
];

impl QuantScheme for Ternary {
    fn id(&self) -> &'static str {
        "ternary"
    }

    fn name(&self) -> &'static str {
        "Ternary (TWN)"
    }

    fn family(&self) -> Family {
        Family::FewLevels
    }

    fn summary(&self) -> &'static str {
        "Minus one, zero and plus one under a scale: x̂ = ±α where |x| > Δ = 0.7·mean|x|, else 0; α the mean magnitude of those kept; meant for training."
    }

    fn source(&self) -> &'static str {
        "Li et al. 2016 (Ternary weight networks), arXiv:1605.04711"
    }

    fn params(&self) -> &'static [ParamSpec] {
        PARAMS
    }

    fn code_format(&self, _settings: &Settings) -> Option<CodeFormat> {
        Some(CodeFormat::Index { bits: 2 })
    }

    fn bits_per_weight(&self) -> Option<(f64, f64)> {
        Some((1.6, 2.0))
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
        let is_optimal = settings.choice("threshold") == "optimal";
        let groups = reduce::map_indices(layout.n_groups(), ctx, |group_idx| {
            let group = data.get(layout.range(group_idx)).unwrap_or_default();
            let first_kept = if is_optimal { optimal(group) } else { above_mean(group) };
            Ok::<_, QuantError>(Kept::of(group, first_kept))
        })?;
        let scales: Arc<[f32]> = groups.iter().map(|kept| kept.scale).collect();
        // −x goes to 0 from the largest magnitude that is not kept on.
        let starts = |kept: &Kept| [(-kept.first_kept).next_up(), kept.first_kept];
        let n_kept: usize = groups.iter().map(|kept| kept.count).sum();
        let kept = n_kept as f64 / layout.count().max(1) as f64;
        let packing = match settings.choice("packing") {
            "five-in-byte" => CodePacking::FiveInByte,
            _ => CodePacking::Bits(2),
        };
        let level = |code: i32| Level { code, value: code as f32 };
        Ok(Box::new(FittedCodebook {
            layout,
            levels: GroupLevels::Scaled {
                levels: [-1, 0, 1].map(level).into(),
                store: Box::new(F32Scales(Arc::clone(&scales))),
                scales,
            },
            starts: groups.iter().flat_map(starts).collect(),
            packing,
            facts: vec![("Not zero", percent(kept, 1))],
        }))
    }
}

/// The weights of a group that do not become zero.
struct Kept {
    /// The smallest magnitude kept.
    first_kept: f32,
    scale: f32,
    count: usize,
}

impl Kept {
    fn of(group: &[f32], first_kept: f32) -> Self {
        let (mut sum, mut count) = (0.0f64, 0usize);
        for x in group.iter().map(|x| x.abs()).filter(|&x| x >= first_kept) {
            sum += f64::from(x);
            count += 1;
        }
        let scale = if count == 0 { 0.0 } else { (sum / count as f64) as f32 };
        Self { first_kept, scale, count }
    }
}

/// The smallest `f32` above 0.7·mean|x|; the smallest positive for an all-zero group.
fn above_mean(group: &[f32]) -> f32 {
    let threshold = 0.7 * mean_of(group, f64::abs);
    let near = threshold as f32;
    if f64::from(near) > threshold { near } else { near.next_up() }
}

/// The smallest of the m largest magnitudes for which (Σ|x|)²/m is largest.
fn optimal(group: &[f32]) -> f32 {
    let mut magnitudes: Vec<f32> = group.iter().map(|x| x.abs()).filter(|&x| x > 0.0).collect();
    magnitudes.sort_unstable_by(|a, b| b.total_cmp(a));
    let mut sum = 0.0f64;
    let mut best = (0.0f64, f32::from_bits(1));
    for (before, &magnitude) in magnitudes.iter().enumerate() {
        sum += f64::from(magnitude);
        let gain = sum * sum / (before + 1) as f64;
        if gain > best.0 {
            best = (gain, magnitude);
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_optimal_threshold_is_the_best_of_all() {
        let group: Vec<f32> =
            (1..60).map(|i| ((i * 37) % 61) as f32 - 30.0).map(|x| x * x * x).collect();
        let error = |first_kept: f32| -> f64 {
            let scale = f64::from(Kept::of(&group, first_kept).scale);
            let value =
                |x: f32| if x.abs() >= first_kept { scale * f64::from(x.signum()) } else { 0.0 };
            group.iter().map(|&x| (f64::from(x) - value(x)).powi(2)).sum()
        };
        let found = error(optimal(&group));
        let best = group.iter().map(|x| error(x.abs())).fold(f64::INFINITY, f64::min);
        assert!(found <= best * (1.0 + 1e-6), "{found}, possible {best}");
        assert!(found <= error(above_mean(&group)));
        assert_eq!(Kept::of(&[0.0, -0.0], above_mean(&[0.0, -0.0])).count, 0);
    }
}
