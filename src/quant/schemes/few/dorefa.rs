//! `dorefa`: equal steps over tanh, as DoReFa-Net trains with.

use std::sync::Arc;

use super::binary::signs;
use super::mean_of;
use crate::base::{WorkCtx, significant};
use crate::quant::codebook::{CodePacking, FittedCodebook, GroupLevels, first_that};
use crate::quant::schemes::common;
use crate::quant::table::{F32Scales, ScaleStore, UnitScales};
use crate::quant::{
    ChoiceSpec, Family, FittedQuantizer, Level, ParamKind, ParamSpec, Prominence, QuantError,
    QuantScheme, Settings,
};
use crate::tensor::ChannelMajor;

/// DoReFa-Net's weights.
///
/// - `x̂ = 2·quantize_k(tanh(x)/(2·max|tanh x|) + ½) − 1` with
///   `quantize_k(r) = round((2^k − 1)·r)/(2^k − 1)`, half to even, the maximum over the tensor, all in
///   `f64` (eq. 5 and 9). One bit: `x̂ = sign(x)·mean|x|` (eq. 8), sign(0) = +1.
/// - The levels lie from −1 to 1 and none is 0, whatever the weights' spread: the method is meant for
///   training. `rescale=least-squares` multiplies them by `Σx·x̂/Σx̂²`, stored as a 32-bit float.
/// - For a tensor of zeros tanh(x)/max|tanh x| counts as 0.
/// - The values are not fixed points: quantizing them again bends them by tanh once more.
pub struct DoReFa;

static PARAMS: &[ParamSpec] = &[
    ParamSpec {
        key: "bits",
        label: "Bits",
        help: "Bits k of one code: 2^k levels from −1 to 1, equal steps of 2/(2^k − 1); one bit is sign(x)·mean|x| (Zhou et al. 2016, arXiv:1606.06160, eq. 8 and 9).",
        kind: ParamKind::Int { min: 1, max: 8, default: 4 },
        relevant: &[],
        prominence: Prominence::Usual,
    },
    ParamSpec {
        key: "rescale",
        label: "Rescale",
        help: "Whether the levels, which lie from −1 to 1, are brought to the size of the weights; training adapts the network instead (Zhou et al. 2016, arXiv:1606.06160, eq. 9, does not).",
        kind: ParamKind::Choice {
            choices: &[
                ChoiceSpec {
                    key: "none",
                    label: "None",
                    help: "As in the paper, for networks trained with it.",
                },
                ChoiceSpec {
                    key: "least-squares",
                    label: "Least squares",
                    help: "All levels times Σx·x̂/Σx̂², the factor with the smallest squared error, for networks trained without it.",
                },
            ],
            default: "none",
        },
        relevant: &[],
        prominence: Prominence::Usual,
    },
    common::NON_FINITE,
];

impl QuantScheme for DoReFa {
    fn id(&self) -> &'static str {
        "dorefa"
    }

    fn name(&self) -> &'static str {
        "DoReFa"
    }

    fn family(&self) -> Family {
        Family::FewLevels
    }

    fn summary(&self) -> &'static str {
        "Equal steps over tanh: x̂ = 2·quantize_k(tanh(x)/(2·max|tanh x|) + ½) − 1; one bit: sign(x)·mean|x|; meant for training."
    }

    fn source(&self) -> &'static str {
        "Zhou et al. 2016 (DoReFa-Net), arXiv:1606.06160"
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
        let cleaned = common::clean(weights, settings, ctx)?;
        let data = cleaned.as_ref().unwrap_or(weights).data();
        let layout = common::whole(weights);
        let bits = settings.int("bits").unwrap_or(4).clamp(1, 8) as u32;
        ctx.check()?;
        let n_groups = layout.n_groups();
        if bits == 1 {
            let scales: Arc<[f32]> = vec![mean_of(data, f64::abs) as f32; n_groups].into();
            let store = Box::new(F32Scales(Arc::clone(&scales)));
            return Ok(Box::new(signs(layout, scales, store)));
        }
        let bend = Bend::of(data, bits);
        let starts: Arc<[f32]> = bend.starts().into();
        let levels: Arc<[Level]> = bend.levels().into();
        let (factor, store): (f32, Box<dyn ScaleStore>) = match settings.choice("rescale") {
            "least-squares" => {
                let factor = least_squares(data, &starts, &levels);
                (factor, Box::new(F32Scales(vec![factor; n_groups].into())))
            }
            _ => (1.0, Box::new(UnitScales)),
        };
        Ok(Box::new(FittedCodebook {
            layout,
            starts,
            levels: GroupLevels::Scaled { levels, scales: vec![factor; n_groups].into(), store },
            packing: CodePacking::Bits(bits),
            facts: vec![("max |tanh x|", significant(bend.largest, 6))],
        }))
    }
}

/// The formula for one tensor.
struct Bend {
    /// `2^k − 1`.
    n_steps: f64,
    /// `max|tanh x|`.
    largest: f64,
}

impl Bend {
    fn of(data: &[f32], bits: u32) -> Self {
        let largest = data.iter().fold(0.0f32, |max, x| x.abs().max(max));
        Self { n_steps: f64::from((1u32 << bits) - 1), largest: f64::from(largest).tanh() }
    }

    /// `round((2^k − 1)·(tanh(x)/(2·max|tanh x|) + ½))`.
    fn code(&self, x: f32) -> f64 {
        let share = match self.largest {
            0.0 => 0.5,
            largest => f64::from(x).tanh() / (2.0 * largest) + 0.5,
        };
        (self.n_steps * share).round_ties_even()
    }

    /// The smallest weight of every code but the first: tanh ascends, so codes are intervals.
    fn starts(&self) -> Vec<f32> {
        let n_steps = self.n_steps as u32;
        (1..=n_steps).map(|code| first_that(|x| self.code(x) >= f64::from(code))).collect()
    }

    fn levels(&self) -> Vec<Level> {
        let n_steps = self.n_steps as i32;
        let value = |code: i32| (2.0 * f64::from(code) / self.n_steps - 1.0) as f32;
        (0..=n_steps).map(|code| Level { code, value: value(code) }).collect()
    }
}

/// `Σx·x̂/Σx̂²`; 0 for a tensor of zeros.
fn least_squares(data: &[f32], starts: &[f32], levels: &[Level]) -> f32 {
    let (mut dot, mut squares) = (0.0f64, 0.0f64);
    for &x in data {
        let level = levels.get(starts.partition_point(|&start| start <= x));
        let value = f64::from(level.map_or(0.0, |level| level.value));
        dot += f64::from(x) * value;
        squares += value * value;
    }
    if squares == 0.0 { 0.0 } else { (dot / squares) as f32 }
}
