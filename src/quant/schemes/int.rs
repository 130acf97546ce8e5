//! `int`: whole-number codes at equal steps, 2 to 16 bits, symmetric or affine, one scale a tensor,
//! channel or group.

use std::sync::Arc;

use crate::base::WorkCtx;
use crate::base::simd::{greater, lesser};
use crate::codec::{CodePacking, CodeRule, Coding, Encoded, Part};
use crate::quant::kernel::{self, Cells, ErrorSums, Part as WeightPart};
use crate::quant::range::{self, Norm, RangeEstimator, RangeTarget};
use crate::quant::rounding::{Rounding, RoundingAt};
use crate::quant::schemes::common;
use crate::quant::table::ScaleStore;
use crate::quant::{
    ChoiceSpec, CodeFormat, CodeRange, Family, FittedQuantizer, Grid, GroupLayout, GroupParams,
    ParamKind, ParamSpec, Place, Prominence, QuantError, QuantParams, QuantScheme, Run, ScalesOf,
    Settings, WeightShape, all_codes,
};
use crate::tensor::{ChannelMajor, Extent};

/// Uniform integer quantization.
pub struct Int;

static PARAMS: &[ParamSpec] = &[
    ParamSpec {
        key: "bits",
        label: "Bits",
        help: "Bits b of one code: 2^b codes; Symmetric leaves out −2^(b−1) (Jacob et al. 2018, arXiv:1712.05877, §3.1).",
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
    common::GRANULARITY,
    common::GROUP_SIZE,
    common::AXIS,
    common::RANGE,
    common::PERCENTILE,
    common::NORM,
    common::SIGMAS,
    common::LO,
    common::HI,
    common::ROUNDING,
    common::SEED,
    common::NON_FINITE,
];

impl QuantScheme for Int {
    fn id(&self) -> &'static str {
        "int"
    }

    fn name(&self) -> &'static str {
        "Integer (int)"
    }

    fn family(&self) -> Family {
        Family::Uniform
    }

    fn summary(&self) -> &'static str {
        "Equal steps: code = clamp(round(x/scale) + zero_point), x̂ = scale·(code − zero_point)."
    }

    fn source(&self) -> &'static str {
        "Jacob et al. 2018, arXiv:1712.05877; ONNX QuantizeLinear"
    }

    fn params(&self) -> &'static [ParamSpec] {
        PARAMS
    }

    fn code_format(&self, settings: &Settings) -> Option<CodeFormat> {
        let codes = Codes::of_settings(settings);
        let is_signed = codes.symmetry != Symmetry::Asymmetric;
        Some(CodeFormat::Integer { bits: codes.bits, is_signed })
    }

    fn planned_bits(&self, shape: WeightShape, settings: &Settings) -> Option<u64> {
        let codes = Codes::of_settings(settings);
        let layout = common::layout_for(shape, common::granularity_of(settings));
        Some(common::bits_of_layout(layout, codes.bits, 32 + codes.zero_point_bits()))
    }

    fn fit(
        &self,
        weights: &ChannelMajor,
        settings: &Settings,
        ctx: &WorkCtx,
    ) -> Result<Box<dyn FittedQuantizer>, QuantError> {
        let codes = Codes::of_settings(settings);
        let layout = common::layout_of(weights, settings);
        let cleaned = common::clean(weights, settings, ctx)?;
        let weights = cleaned.as_ref().unwrap_or(weights);
        let params = match RangeEstimator::of_settings(settings)? {
            RangeEstimator::MinMax => {
                GroupParams::OfExtents { extents: layout.extents(weights, ctx)?, codes }
            }
            other => {
                let ranges = other.of_groups(weights, &layout, &codes, ctx)?;
                ranges.into_iter().map(|range| codes.params(range)).collect()
            }
        };
        Ok(Box::new(fitted(layout, params, settings)))
    }

    fn fit_extents(
        &self,
        (n_channels, channel_len): (usize, usize),
        extents: Arc<[Extent]>,
        settings: &Settings,
    ) -> Option<Box<dyn FittedQuantizer>> {
        // Other ways of rounding depend on a weight's place.
        if RangeEstimator::of_settings(settings) != Ok(RangeEstimator::MinMax)
            || Rounding::of_settings(settings) != Rounding::NearestEven
        {
            return None;
        }
        let codes = Codes::of_settings(settings);
        let granularity = common::granularity_of(settings);
        let layout = GroupLayout { granularity, n_channels, channel_len };
        Some(Box::new(fitted(layout, GroupParams::OfExtents { extents, codes }, settings)))
    }
}

fn fitted(layout: GroupLayout, params: GroupParams, settings: &Settings) -> FittedInt {
    let codes = Codes::of_settings(settings);
    let store = Box::new(ScalesOf(params.clone()));
    FittedInt { layout, codes, params, rounding: Rounding::of_settings(settings), store }
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

    /// Bits of a group's zero point, as wide as its codes.
    fn zero_point_bits(self) -> u32 {
        if self.symmetry == Symmetry::Asymmetric { self.bits } else { 0 }
    }

    /// The codes of this width.
    #[inline(always)]
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
        let (scale, zero_point) = self.scale_and_zero(range.lo, range.hi);
        QuantParams { scale, zero_point: zero_point as i32 }
    }

    /// [`params`](Self::params) without a branch, so that those of many groups are found side by
    /// side.
    #[inline(always)]
    pub fn scale_and_zero(self, lo: f32, hi: f32) -> (f32, f32) {
        let (lo, hi) = (lesser(lo, 0.0), greater(hi, 0.0));
        let codes = self.range();
        let n_steps = match self.symmetry {
            Symmetry::Restricted | Symmetry::Asymmetric => codes.qmax as f32,
            Symmetry::Full => (codes.qmax - codes.qmin) as f32 / 2.0,
        };
        if self.symmetry != Symmetry::Asymmetric {
            let width = greater(hi, -lo);
            return (scale_of(width, width / n_steps), 0.0);
        }
        let width = hi - lo;
        let halves = hi / n_steps - lo / n_steps;
        let scale = scale_of(width, if width < f32::INFINITY { width / n_steps } else { halves });
        // Below 2²², where adding and subtracting it rounds half to even.
        let zero_point = (-lo / scale + ROUNDER) - ROUNDER;
        (scale, lesser(greater(zero_point, 0.0), n_steps))
    }
}

/// 1 for a range of zero width, the smallest positive `f32` where the quotient underflows.
#[inline(always)]
fn scale_of(width: f32, quotient: f32) -> f32 {
    let scale = if quotient > 0.0 { quotient } else { f32::from_bits(1) };
    if width == 0.0 { 1.0 } else { scale }
}

impl RangeTarget for Codes {
    fn is_symmetric(&self) -> bool {
        self.symmetry != Symmetry::Asymmetric
    }

    fn n_levels(&self) -> usize {
        self.range().n_codes()
    }

    fn error(&self, group: &[f32], range: range::ValueRange, norm: Norm) -> f64 {
        let (params, codes) = (self.params(range), self.range());
        if norm == Norm::SQUARED {
            return kernel::squared_error(group, params, codes);
        }
        norm.sum(group.iter().map(|&x| error_of(x, params, codes)))
    }

    fn cells(&self, range: range::ValueRange) -> Option<Cells> {
        Cells::of_steps(self.params(range), self.range())
    }
}

/// Equal steps in every group: `x̂ = scale · (code − zero_point)`.
pub struct FittedInt {
    pub layout: GroupLayout,
    pub codes: Codes,
    /// By group.
    pub params: GroupParams,
    pub rounding: Rounding,
    pub store: Box<dyn ScaleStore>,
}

impl FittedQuantizer for FittedInt {
    fn layout(&self) -> GroupLayout {
        self.layout
    }

    fn quantize(&self, place: Place, input: &[f32], run: Run) {
        let Some(params) = self.params.get(place.group_idx) else { return };
        match self.rounding {
            Rounding::NearestEven => quantize_run(input, params, self.codes.range(), run),
            other => round_run(input, (params, self.codes.range()), &mut other.at(place), run),
        }
    }

    fn measure(&self, part: WeightPart) -> ErrorSums {
        match self.rounding {
            Rounding::NearestEven => {
                kernel::measure_uniform(part, self.layout, &self.params, self.codes.range())
            }
            _ => kernel::measure_runs(self, part),
        }
    }

    fn cells(&self) -> Option<Cells> {
        match (self.rounding, self.params.len()) {
            (Rounding::NearestEven, 1) => Cells::of_steps(self.params.get(0)?, self.codes.range()),
            _ => None,
        }
    }

    fn reconstruct(&self, weights: &[f32], start: usize, out: &mut [f32]) {
        let Some(input) = weights.get(start..start + out.len()) else { return };
        match self.rounding {
            Rounding::NearestEven => {
                let rules = (&self.params, self.codes.range());
                kernel::reconstruct_uniform((input, start), self.layout, rules, out);
            }
            _ => kernel::reconstruct_runs(self, (weights, start), out),
        }
    }

    fn grid(&self, group_idx: usize) -> Grid {
        match self.params.get(group_idx) {
            Some(params) => Grid::Uniform { params, range: self.codes.range() },
            None => Grid::Continuous,
        }
    }

    fn code_range(&self) -> Option<CodeRange> {
        Some(self.codes.range())
    }

    /// Packed codes, the stored scales, and for asymmetric a zero point of as many bits as a code.
    fn storage_bits(&self) -> u64 {
        let zero_point_bits = u64::from(self.codes.zero_point_bits());
        let code_bits = self.layout.count() as u64 * u64::from(self.codes.bits);
        code_bits + self.store.n_bits() + self.params.len() as u64 * zero_point_bits
    }

    fn encode(&self, weights: &ChannelMajor) -> Option<Encoded> {
        let codes = all_codes(self, weights);
        let mut parts = vec![Part::codes("codes", &codes, self.codes.bits)];
        parts.extend(self.store.parts());
        if self.codes.symmetry == Symmetry::Asymmetric {
            let zero_points: Vec<i32> = self.params.iter().map(|p| p.zero_point).collect();
            parts.push(Part::codes("zero points", &zero_points, self.codes.bits));
        }
        Some(Encoded { parts })
    }

    fn coding(&self) -> Option<Coding> {
        let codes = match self.codes.symmetry {
            Symmetry::Asymmetric => CodeRule::WithZeroPoints,
            _ => CodeRule::Signed,
        };
        let coding = self.layout.coding(codes, CodePacking::Bits(self.codes.bits));
        Some(Coding { scales: self.store.rule(), ..coding })
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

/// As [`quantize_run`] with another way of rounding.
fn round_run(
    input: &[f32],
    (params, range): (QuantParams, CodeRange),
    rounding: &mut RoundingAt,
    run: Run,
) {
    let lo = (range.qmin - params.zero_point) as f32;
    let hi = (range.qmax - params.zero_point) as f32;
    let Run { codes, values, clipped } = run;
    let outputs = codes.iter_mut().zip(values).zip(clipped);
    for (&x, ((code, value), clipped)) in input.iter().zip(outputs) {
        let x = if x.is_finite() { x } else { 0.0 };
        let rounded = rounding.round((x / params.scale).clamp(lo - 1.0, hi + 1.0));
        let kept = rounded.clamp(lo, hi);
        *code = kept as i32 + params.zero_point;
        *value = params.scale * kept;
        *clipped = u8::from(rounded != kept);
    }
}

/// `x − x̂` of one finite weight.
#[inline(always)]
fn error_of(x: f32, params: QuantParams, range: CodeRange) -> f64 {
    let lo = (range.qmin - params.zero_point) as f32;
    let hi = (range.qmax - params.zero_point) as f32;
    let rounded = ((x / params.scale).clamp(lo, hi) + ROUNDER) - ROUNDER;
    f64::from(x - params.scale * rounded)
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

    /// NUMERICS' definition, step by step.
    #[test]
    fn params_are_the_definition() {
        for bits in [2, 3, 4, 8, 16] {
            for symmetry in [Symmetry::Restricted, Symmetry::Full, Symmetry::Asymmetric] {
                let codes = Codes { bits, symmetry };
                for nth in 0..2000u32 {
                    let end = |n: u32| (n.wrapping_mul(2_654_435_761) >> 8) as f32 / 1e7 - 0.8;
                    let (lo, hi) = (end(nth).min(end(nth + 9)), end(nth).max(end(nth + 9)));
                    let found = codes.params(range::ValueRange { lo, hi });
                    let (lo, hi) = (lo.min(0.0), hi.max(0.0));
                    let top = (1u32 << (bits - 1)) as f32;
                    let (scale, zero_point) = match symmetry {
                        Symmetry::Restricted => (hi.max(-lo) / (top - 1.0), 0.0),
                        Symmetry::Full => (hi.max(-lo) / ((2.0 * top - 1.0) / 2.0), 0.0),
                        Symmetry::Asymmetric => {
                            let scale = (hi - lo) / (2.0 * top - 1.0);
                            (scale, (-lo / scale).round_ties_even().clamp(0.0, 2.0 * top - 1.0))
                        }
                    };
                    let wanted = QuantParams { scale, zero_point: zero_point as i32 };
                    assert_eq!(found, wanted, "{lo} to {hi}, {bits} bits, {symmetry:?}");
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
