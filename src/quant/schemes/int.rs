//! `int`: whole-number codes at equal steps, 2 to 16 bits, symmetric or affine, one scale a tensor,
//! channel or group.

use crate::base::{WorkCtx, reduce};
use crate::codec::Encoded;
use crate::codec::packing::Signedness;
use crate::quant::range::{self, RangeEstimator};
use crate::quant::{
    ChoiceSpec, CodeRange, Condition, Family, FittedQuantizer, Granularity, Grid, GroupLayout,
    ParamKind, ParamSpec, Prominence, QuantError, QuantParams, QuantScheme, Run, Settings,
};
use crate::tensor::ChannelMajor;

/// Uniform integer quantization.
pub struct Int;

static PARAMS: &[ParamSpec] = &[
    ParamSpec {
        key: "bits",
        label: "Bits",
        help: "Bits b of one code: 2^b codes, one fewer where they are symmetric (Nagel et al. 2021, arXiv:2106.08295, §2.2).",
        kind: ParamKind::Int { min: 2, max: 16, default: 8 },
        relevant: &[],
        prominence: Prominence::Usual,
    },
    ParamSpec {
        key: "symmetry",
        label: "Symmetry",
        help: "Where zero lies: in the middle of the codes, or anywhere: x̂ = scale·(code − zero point) (Jacob et al. 2018, arXiv:1712.05877, eq. 1).",
        kind: ParamKind::Choice {
            choices: &[
                ChoiceSpec {
                    key: "symmetric",
                    label: "Symmetric",
                    help: "Codes −(2^(b−1)−1) … 2^(b−1)−1, scale = absmax/(2^(b−1)−1), no zero point. TFLite's and ONNX Runtime's int8.",
                },
                ChoiceSpec {
                    key: "symmetric-full",
                    label: "Full",
                    help: "Codes −2^(b−1) … 2^(b−1)−1, scale = absmax/((2^b−1)/2), no zero point; +absmax saturates. torch observers, ONNX Runtime's int4.",
                },
                ChoiceSpec {
                    key: "asymmetric",
                    label: "Asymmetric",
                    help: "Codes 0 … 2^b−1, scale = (max−min)/(2^b−1), zero point = round(−min/scale); the range is widened to contain 0.",
                },
            ],
            default: "symmetric",
        },
        relevant: &[],
        prominence: Prominence::Usual,
    },
    ParamSpec {
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
    },
    ParamSpec {
        key: "group-size",
        label: "Group size",
        help: "Weights that share a scale within a channel: ⌈length/size⌉ groups, the last of which may be short (block_size of ONNX QuantizeLinear).",
        kind: ParamKind::Int { min: 1, max: 1 << 20, default: 32 },
        relevant: &[Condition { key: "granularity", any_of: &["per-group"] }],
        prominence: Prominence::Usual,
    },
    ParamSpec {
        key: "axis",
        label: "Kept axis",
        help: "The axis along which channels lie, each index with a scale of its own; auto is the output-channel axis of the operator (axis of ONNX QuantizeLinear).",
        kind: ParamKind::AutoInt { min: 0, max: 7 },
        relevant: &[Condition { key: "granularity", any_of: &["per-channel", "per-group"] }],
        prominence: Prominence::Rare,
    },
    ParamSpec {
        key: "range",
        label: "Range",
        help: "How the range that the codes cover is chosen: a narrow one clips, a wide one rounds coarsely, |x−x̂| ≤ scale/2 (Nagel et al. 2021, arXiv:2106.08295, §3.1).",
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
                    help: "The clip threshold with the smallest mean squared error, by search.",
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
    },
    ParamSpec {
        key: "percentile",
        label: "Percentile",
        help: "Percentile p of the magnitudes kept inside the range, in percent; asymmetric: 100 − p and p of x. Linear between ranks, as numpy.percentile.",
        kind: ParamKind::Float { min: 50.0, max: 100.0, default: 99.99 },
        relevant: &[Condition { key: "range", any_of: &["percentile"] }],
        prominence: Prominence::Usual,
    },
    ParamSpec {
        key: "lo",
        label: "Clip low",
        help: "Lower end of the range by hand, at most 0, since the range contains 0; auto is the smallest weight. scale = (hi−lo)/(2^b−1) (Jacob et al. 2018, arXiv:1712.05877).",
        kind: ParamKind::AutoFloat { min: -1e30, max: 1e30 },
        relevant: &[Condition { key: "range", any_of: &["manual"] }],
        prominence: Prominence::Usual,
    },
    ParamSpec {
        key: "hi",
        label: "Clip high",
        help: "Upper end of the range by hand, at least 0, since the range contains 0; auto is the largest weight. scale = (hi−lo)/(2^b−1) (Jacob et al. 2018, arXiv:1712.05877).",
        kind: ParamKind::AutoFloat { min: -1e30, max: 1e30 },
        relevant: &[Condition { key: "range", any_of: &["manual"] }],
        prominence: Prominence::Usual,
    },
    ParamSpec {
        key: "rounding",
        label: "Rounding",
        help: "round(x/scale): to the nearest code, a tie to the even one.",
        kind: ParamKind::Choice {
            choices: &[ChoiceSpec {
                key: "nearest-even",
                label: "Nearest, ties even",
                help: "As ONNX QuantizeLinear, numpy and torch round.",
            }],
            default: "nearest-even",
        },
        relevant: &[],
        prominence: Prominence::Usual,
    },
    ParamSpec {
        key: "non-finite",
        label: "NaN, infinite",
        help: "What to do with weights that are NaN or infinite, for which round(x/scale) is no code (IEEE 754-2019, §6).",
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
    },
];

impl QuantScheme for Int {
    fn id(&self) -> &'static str {
        "int"
    }

    fn name(&self) -> &'static str {
        "Integer (int)"
    }

    fn summary(&self) -> &'static str {
        "Equal steps: code = clamp(round(x/scale) + zero_point), x̂ = scale·(code − zero_point)."
    }

    fn source(&self) -> &'static str {
        "Jacob et al. 2018, arXiv:1712.05877; ONNX QuantizeLinear"
    }

    fn family(&self) -> Family {
        Family::Uniform
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
        let codes = Codes::of_settings(settings);
        let layout = GroupLayout {
            granularity: granularity_of(settings),
            n_channels: weights.n_channels(),
            channel_len: weights.channel_len(),
        };
        let cleaned = clean(weights.data(), settings)?;
        let data = cleaned.as_deref().unwrap_or_else(|| weights.data());
        let estimator = RangeEstimator::of_settings(settings)?;
        let params = reduce::map_indices(layout.n_groups(), ctx, |group_idx| {
            let group = data.get(layout.range(group_idx)).unwrap_or_default();
            let range = estimator.estimate(group, codes, ctx)?;
            Ok::<_, QuantError>(codes.params(range))
        })?;
        Ok(Box::new(FittedInt { layout, codes, params }))
    }
}

fn granularity_of(settings: &Settings) -> Granularity {
    match settings.choice("granularity") {
        "per-channel" => Granularity::PerChannel,
        "per-group" => Granularity::PerGroup {
            group_size: settings.int("group-size").unwrap_or(32).max(1) as usize,
        },
        _ => Granularity::PerTensor,
    }
}

/// A copy without non-finite weights where there are some and the settings allow it.
fn clean(data: &[f32], settings: &Settings) -> Result<Option<Vec<f32>>, QuantError> {
    let n_non_finite = data.iter().filter(|x| !x.is_finite()).count();
    if n_non_finite == 0 {
        return Ok(None);
    }
    if settings.choice("non-finite") == "zero" {
        return Ok(Some(data.iter().map(|&x| if x.is_finite() { x } else { 0.0 }).collect()));
    }
    let n_nan = data.iter().filter(|x| x.is_nan()).count();
    Err(QuantError::NonFinite { n_nan, n_infinite: n_non_finite - n_nan })
}

/// Whether zero is the middle code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Symmetry {
    Restricted,
    Full,
    Asymmetric,
}

/// Bits and symmetry: which codes there are and how a range becomes a scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Codes {
    pub bits: u32,
    pub symmetry: Symmetry,
}

impl Codes {
    fn of_settings(settings: &Settings) -> Self {
        let symmetry = match settings.choice("symmetry") {
            "asymmetric" => Symmetry::Asymmetric,
            "symmetric-full" => Symmetry::Full,
            _ => Symmetry::Restricted,
        };
        Self { bits: settings.int("bits").unwrap_or(8).clamp(2, 16) as u32, symmetry }
    }

    /// The codes of this width.
    pub fn range(self) -> CodeRange {
        let half = 1i32 << (self.bits - 1);
        match self.symmetry {
            Symmetry::Restricted => CodeRange { qmin: 1 - half, qmax: half - 1 },
            Symmetry::Full => CodeRange { qmin: -half, qmax: half - 1 },
            Symmetry::Asymmetric => CodeRange { qmin: 0, qmax: 2 * half - 1 },
        }
    }

    /// Scale and zero point for a range, in `f32` as written.
    ///
    /// - symmetric: `scale = max(|lo|, |hi|)/(2^(b−1)−1)`; full: `/((2^b−1)/2)`.
    /// - asymmetric: `lo = min(lo, 0)`, `hi = max(hi, 0)`, `scale = (hi−lo)/(2^b−1)`,
    ///   `zero_point = clamp(round(−lo/scale), 0, 2^b−1)`.
    /// - A range of zero width has scale 1. A scale that underflows is the smallest positive `f32`;
    ///   a width that overflows is divided before it is subtracted.
    pub fn params(self, range: range::ValueRange) -> QuantParams {
        let codes = self.range();
        let n_steps = match self.symmetry {
            Symmetry::Restricted => codes.qmax as f32,
            Symmetry::Full => (codes.qmax - codes.qmin) as f32 / 2.0,
            Symmetry::Asymmetric => codes.qmax as f32,
        };
        let (lo, hi) = (range.lo.min(0.0), range.hi.max(0.0));
        let width = match self.symmetry {
            Symmetry::Asymmetric => hi - lo,
            _ => hi.max(-lo),
        };
        if width == 0.0 {
            return QuantParams { scale: 1.0, zero_point: 0 };
        }
        let scale = if width.is_finite() { width / n_steps } else { hi / n_steps - lo / n_steps };
        let scale = if scale > 0.0 { scale } else { f32::from_bits(1) };
        let zero_point = match self.symmetry {
            Symmetry::Asymmetric => (-lo / scale).round_ties_even().clamp(0.0, n_steps) as i32,
            _ => 0,
        };
        QuantParams { scale, zero_point }
    }
}

struct FittedInt {
    layout: GroupLayout,
    codes: Codes,
    params: Vec<QuantParams>,
}

impl FittedQuantizer for FittedInt {
    fn layout(&self) -> GroupLayout {
        self.layout
    }

    fn quantize(&self, group_idx: usize, input: &[f32], run: Run) {
        if let Some(&params) = self.params.get(group_idx) {
            quantize_run(input, params, self.codes.range(), run);
        }
    }

    fn grid(&self, group_idx: usize) -> Grid {
        match self.params.get(group_idx) {
            Some(&params) => Grid::Uniform { params, range: self.codes.range() },
            None => Grid::Continuous,
        }
    }

    fn code_range(&self) -> Option<CodeRange> {
        Some(self.codes.range())
    }

    /// Packed codes, a 32-bit scale a group, and for asymmetric a zero point of as many bits as a
    /// code.
    fn storage_bits(&self) -> u64 {
        let zero_point_bits = match self.codes.symmetry {
            Symmetry::Asymmetric => u64::from(self.codes.bits),
            _ => 0,
        };
        let code_bits = self.layout.count() as u64 * u64::from(self.codes.bits);
        code_bits + self.params.len() as u64 * (32 + zero_point_bits)
    }

    fn encode(&self, weights: &ChannelMajor) -> Option<Encoded> {
        let data = weights.data();
        let mut codes = vec![0i32; data.len()];
        let (mut values, mut clipped) = (vec![0f32; data.len()], vec![0u8; data.len()]);
        for group_idx in 0..self.params.len() {
            let range = self.layout.range(group_idx);
            let run = Run {
                codes: codes.get_mut(range.clone())?,
                values: values.get_mut(range.clone())?,
                clipped: clipped.get_mut(range.clone())?,
            };
            self.quantize(group_idx, data.get(range)?, run);
        }
        let is_signed = self.codes.symmetry != Symmetry::Asymmetric;
        let signedness = if is_signed { Signedness::Signed } else { Signedness::Unsigned };
        let scales = self.params.iter().map(|params| params.scale).collect();
        let zero_points: Vec<i32> = match self.codes.symmetry {
            Symmetry::Asymmetric => self.params.iter().map(|params| params.zero_point).collect(),
            _ => Vec::new(),
        };
        Some(Encoded::new(&codes, (self.codes.bits, signedness), scales, &zero_points))
    }
}

/// Adding and subtracting it rounds a value below 2²² to the nearest even whole number.
const ROUNDER: f32 = 12_582_912.0;

/// Quantizes one group: `code = clamp(round(x/scale) + zero_point, qmin, qmax)`,
/// `x̂ = scale·(code − zero_point)`.
///
/// - Slices of equal length.
/// - Rounding half to even, as ONNX `QuantizeLinear`: `clamp(x/scale, lo−1, hi+1)` stays below 2¹⁸,
///   where adding and subtracting 1.5·2²³ rounds exactly as `round_ties_even`; clamping one step
///   beyond the codes first changes no code.
/// - Error: `|x − x̂| ≤ scale/2` inside the range; beyond it the code clips, and `clipped` is 1.
/// - Non-finite weights count as zero.
pub fn quantize_run(input: &[f32], params: QuantParams, range: CodeRange, run: Run) {
    let lo = (range.qmin - params.zero_point) as f32;
    let hi = (range.qmax - params.zero_point) as f32;
    let Run { codes, values, clipped } = run;
    let outputs = codes.iter_mut().zip(values).zip(clipped);
    for (&x, ((code, value), clipped)) in input.iter().zip(outputs) {
        let x = if x.is_finite() { x } else { 0.0 };
        let rounded = ((x / params.scale).clamp(lo - 1.0, hi + 1.0) + ROUNDER) - ROUNDER;
        let kept = rounded.clamp(lo, hi);
        *code = kept as i32 + params.zero_point;
        *value = params.scale * kept;
        *clipped = u8::from(rounded != kept);
    }
}

/// `Σ(x − x̂)²` of a group, without storing codes; the search for a range calls it often.
pub fn squared_error(input: &[f32], params: QuantParams, range: CodeRange) -> f64 {
    let lo = (range.qmin - params.zero_point) as f32;
    let hi = (range.qmax - params.zero_point) as f32;
    const LANES: usize = 8;
    let error = |x: f32| {
        let rounded = ((x / params.scale).clamp(lo, hi) + ROUNDER) - ROUNDER;
        let error = f64::from(x - params.scale * rounded);
        error * error
    };
    let (chunks, rest) = input.as_chunks::<LANES>();
    let mut sums = [0.0f64; LANES];
    for chunk in chunks {
        for (sum, &x) in sums.iter_mut().zip(chunk) {
            *sum += error(x);
        }
    }
    sums.iter().sum::<f64>() + rest.iter().map(|&x| error(x)).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition, step by step.
    fn quantize_reference(x: f32, params: QuantParams, range: CodeRange) -> (i32, f32, u8) {
        let level = (x / params.scale).round_ties_even() as i64;
        let wanted = level.saturating_add(i64::from(params.zero_point));
        let code = wanted.clamp(i64::from(range.qmin), i64::from(range.qmax)) as i32;
        let value = params.scale * (code - params.zero_point) as f32;
        (code, value, u8::from(wanted != i64::from(code)))
    }

    #[test]
    fn fast_rounding_is_the_definition() {
        for bits in 2..=16 {
            for symmetry in [Symmetry::Restricted, Symmetry::Full, Symmetry::Asymmetric] {
                let codes = Codes { bits, symmetry };
                let params = codes.params(range::ValueRange { lo: -0.7, hi: 1.3 });
                let half_steps =
                    (-300_000..300_000).step_by(7).map(|k| k as f32 * 0.5 * params.scale);
                let specials = [0.0, -0.0, 1e30, -1e30, f32::MIN_POSITIVE, f32::MAX, 0.7, 1.3];
                let input: Vec<f32> = half_steps.chain(specials).collect();
                let mut run = (vec![0; input.len()], vec![0.0; input.len()], vec![0; input.len()]);
                let buffers = Run { codes: &mut run.0, values: &mut run.1, clipped: &mut run.2 };
                quantize_run(&input, params, codes.range(), buffers);
                for (idx, &x) in input.iter().enumerate() {
                    let wanted = quantize_reference(x, params, codes.range());
                    let found = (run.0[idx], run.1[idx], run.2[idx]);
                    assert_eq!(found, wanted, "{x} at {bits} bits, {symmetry:?}");
                }
            }
        }
    }

    #[test]
    fn degenerate_ranges_have_a_scale() {
        let asymmetric = Codes { bits: 8, symmetry: Symmetry::Asymmetric };
        let zero = range::ValueRange { lo: 0.0, hi: 0.0 };
        assert_eq!(asymmetric.params(zero).scale, 1.0);
        let huge = range::ValueRange { lo: -f32::MAX, hi: f32::MAX };
        assert!(asymmetric.params(huge).scale.is_finite());
        let tiny = range::ValueRange { lo: 0.0, hi: f32::from_bits(1) };
        assert_eq!(asymmetric.params(tiny).scale, f32::from_bits(1));
        let positive = range::ValueRange { lo: 0.5, hi: 2.55 };
        assert_eq!(asymmetric.params(positive), QuantParams { scale: 0.01, zero_point: 0 });
    }
}
