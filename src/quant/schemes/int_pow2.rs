//! `int-pow2`: symmetric integers whose scale is a power of two, so that scaling is a shift.

use super::common;
use super::int::{Codes, FittedInt, Symmetry};
use crate::base::{WorkCtx, reduce};
use crate::quant::kernel;
use crate::quant::power::{MAX_EXPONENT, MIN_EXPONENT, PowerScales, e8m0, pow2, split};
use crate::quant::rounding::Rounding;
use crate::quant::{
    ChoiceSpec, CodeFormat, Family, FittedQuantizer, ParamKind, ParamSpec, Prominence, QuantError,
    QuantParams, QuantScheme, Settings, WeightShape,
};
use crate::tensor::ChannelMajor;

/// Integers under powers of two.
pub struct IntPow2;

static PARAMS: &[ParamSpec] = &[
    ParamSpec {
        key: "bits",
        label: "Bits",
        help: "Bits b of one code: codes −(2^(b−1)−1) … 2^(b−1)−1 (Nagel et al. 2021, arXiv:2106.08295, §2.2).",
        kind: ParamKind::Int { min: 2, max: 16, default: 8 },
        relevant: &[],
        prominence: Prominence::Usual,
    },
    ParamSpec {
        key: "rule",
        label: "Exponent",
        help: "How absmax/(2^(b−1)−1) becomes the power of two 2^e (Jain et al. 2020, arXiv:1903.08066, §3.2).",
        kind: ParamKind::Choice {
            choices: &[
                ChoiceSpec {
                    key: "ceil",
                    label: "Upwards",
                    help: "The smallest 2^e with (2^(b−1)−1)·2^e ≥ absmax: nothing is clipped.",
                },
                ChoiceSpec {
                    key: "nearest",
                    label: "Nearest",
                    help: "e = round(log2(absmax/(2^(b−1)−1))): nearest in the exponent, may clip.",
                },
                ChoiceSpec {
                    key: "mse",
                    label: "MSE-best",
                    help: "The e with the smallest Σ(x−x̂)² of all, by search.",
                },
            ],
            default: "ceil",
        },
        relevant: &[],
        prominence: Prominence::Usual,
    },
    common::GRANULARITY,
    common::GROUP_SIZE,
    common::AXIS,
    common::ROUNDING,
    common::SEED,
    common::NON_FINITE,
];

impl QuantScheme for IntPow2 {
    fn id(&self) -> &'static str {
        "int-pow2"
    }

    fn name(&self) -> &'static str {
        "Integer, power-of-two scale"
    }

    fn family(&self) -> Family {
        Family::Uniform
    }

    fn summary(&self) -> &'static str {
        "Equal steps of a power of two: code = clamp(round(x/2^e)), x̂ = 2^e · code, e stored in 8 bits."
    }

    fn source(&self) -> &'static str {
        "Jain et al. 2020, Trained Quantization Thresholds, arXiv:1903.08066"
    }

    fn params(&self) -> &'static [ParamSpec] {
        PARAMS
    }

    fn code_format(&self, settings: &Settings) -> Option<CodeFormat> {
        let bits = u32::try_from(settings.int("bits")?).ok()?;
        Some(CodeFormat::Integer { bits, is_signed: true })
    }

    fn planned_bits(&self, shape: WeightShape, settings: &Settings) -> Option<u64> {
        let bits = settings.int("bits").unwrap_or(8).clamp(2, 16) as u32;
        let layout = common::layout_for(shape, common::granularity_of(settings));
        Some(common::bits_of_layout(layout, bits, EXPONENT_BITS))
    }

    fn fit(
        &self,
        weights: &ChannelMajor,
        settings: &Settings,
        ctx: &WorkCtx,
    ) -> Result<Box<dyn FittedQuantizer>, QuantError> {
        let bits = settings.int("bits").unwrap_or(8).clamp(2, 16) as u32;
        let codes = Codes { bits, symmetry: Symmetry::Restricted };
        let layout = common::layout_of(weights, settings);
        let cleaned = common::clean(weights, settings, ctx)?;
        let weights = cleaned.as_ref().unwrap_or(weights);
        let largest = common::absmax_of_groups(weights, &layout, ctx)?;
        let rule = settings.choice("rule");
        let exponents = reduce::map_indices(layout.n_groups(), ctx, |group_idx| {
            let group = weights.data().get(layout.range(group_idx)).unwrap_or_default();
            let largest = largest.get(group_idx).copied().unwrap_or(0.0);
            match rule {
                "nearest" => Ok(nearest_exponent(largest, codes)),
                "mse" => best_exponent(group, largest, codes, ctx),
                _ => Ok(covering_exponent(largest, codes)),
            }
        })?;
        let params = exponents.iter().map(|&exponent| params_of(exponent)).collect();
        let stored = exponents.iter().map(|&exponent| e8m0(exponent)).collect();
        let rounding = Rounding::of_settings(settings);
        let store = Box::new(PowerScales { codes: stored, unit: 1.0 });
        Ok(Box::new(FittedInt { layout, codes, params, rounding, store }))
    }
}

/// Of a stored exponent.
const EXPONENT_BITS: u32 = 8;

fn params_of(exponent: i32) -> QuantParams {
    QuantParams { scale: pow2(exponent), zero_point: 0 }
}

/// Within E8M0, and low enough that the largest code has a finite value.
fn within(exponent: i32, codes: Codes) -> i32 {
    let largest = split(codes.range().qmax as f32).map_or(0, |(_, exponent)| exponent);
    exponent.clamp(MIN_EXPONENT, MAX_EXPONENT - largest)
}

/// The smallest `e` with `qmax · 2^e ≥ absmax`; 0 for a group of zeros.
fn covering_exponent(absmax: f32, codes: Codes) -> i32 {
    let qmax = codes.range().qmax as f32;
    let (Some((wanted, exponent)), Some((largest, reach))) = (split(absmax), split(qmax)) else {
        return 0;
    };
    within(exponent - reach + i32::from(wanted > largest), codes)
}

/// `round(log2(absmax/qmax))`; 0 for a group of zeros.
///
/// A logarithm rounds up where the ratio of the significands exceeds `√2`, down where it is below
/// `1/√2`: their squares, exact in `f64`, are compared.
fn nearest_exponent(absmax: f32, codes: Codes) -> i32 {
    let qmax = codes.range().qmax as f32;
    let (Some((wanted, exponent)), Some((largest, reach))) = (split(absmax), split(qmax)) else {
        return 0;
    };
    let (wanted, largest) = (wanted * wanted, largest * largest);
    let shift = if wanted > 2.0 * largest {
        1
    } else if 2.0 * wanted < largest {
        -1
    } else {
        0
    };
    within(exponent - reach + shift, codes)
}

/// The exponent of the smallest error; the largest of equals.
///
/// From the covering one downwards: what lies beyond the codes errs by at least its distance to
/// them, which only grows, so that the search ends where that alone exceeds the best error.
fn best_exponent(
    group: &[f32],
    absmax: f32,
    codes: Codes,
    ctx: &WorkCtx,
) -> Result<i32, QuantError> {
    let covering = covering_exponent(absmax, codes);
    let mut best = (f64::INFINITY, covering);
    for exponent in (MIN_EXPONENT..=covering).rev() {
        let params = params_of(exponent);
        let reach = f64::from(params.scale) * f64::from(codes.range().qmax);
        let of_chunk = |chunk: &[f32]| {
            let beyond = chunk.iter().map(|x| (f64::from(x.abs()) - reach).max(0.0).powi(2));
            (kernel::squared_error(chunk, params, codes.range()), beyond.sum::<f64>())
        };
        let parts = reduce::map_chunks(group, ctx, of_chunk)?;
        let error: f64 = parts.iter().map(|part| part.0).sum();
        let beyond: f64 = parts.iter().map(|part| part.1).sum();
        if error < best.0 {
            best = (error, exponent);
        }
        if beyond >= best.0 {
            break;
        }
    }
    Ok(best.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponents_follow_the_rule() {
        let codes = Codes { bits: 8, symmetry: Symmetry::Restricted };
        for (absmax, covering, nearest) in [
            (127.0, 0, 0),
            (127.0f32.next_up(), 1, 0),
            (179.0, 1, 0),
            (180.0, 1, 1),
            (254.0, 1, 1),
            (64.0, 0, -1),
            (63.5, -1, -1),
            (0.0, 0, 0),
            (f32::from_bits(1), -127, -127),
            (f32::MAX, 121, 121),
        ] {
            assert_eq!(covering_exponent(absmax, codes), covering, "{absmax}");
            assert_eq!(nearest_exponent(absmax, codes), nearest, "{absmax}");
        }
    }

    #[test]
    fn the_best_exponent_is_the_best_of_all() {
        let group: Vec<f32> = (0..500).map(|i| ((i * 7919) % 1009) as f32 * 1e-3 - 0.5).collect();
        let group = [group, vec![3.0]].concat();
        for bits in [2, 4, 8] {
            let codes = Codes { bits, symmetry: Symmetry::Restricted };
            let found = best_exponent(&group, 3.0, codes, &WorkCtx::new()).unwrap();
            let error = |e: i32| kernel::squared_error(&group, params_of(e), codes.range());
            let best = (-30..10).map(error).fold(f64::INFINITY, f64::min);
            assert_eq!(error(found), best, "{bits} bits");
        }
    }
}
