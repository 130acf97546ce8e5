//! The OCP microscaling (MX) formats: 32 elements share a scale that is a power of two.

use std::sync::Arc;

use super::int::{Codes, FittedInt, Symmetry};
use super::{common, minifloat as minifloat_schemes};
use crate::base::WorkCtx;
use crate::codec::minifloat::{self, Layout};
use crate::quant::power::{MAX_EXPONENT, MIN_EXPONENT, PowerScales, e8m0, pow2, split};
use crate::quant::rounding::Rounding;
use crate::quant::table::{FittedTable, LevelTable};
use crate::quant::whole_blocks::WholeBlocks;
use crate::quant::{
    ChoiceSpec, CodeFormat, Family, FittedQuantizer, ParamKind, ParamSpec, Prominence, QuantError,
    QuantParams, QuantScheme, Settings, WeightShape,
};
use crate::tensor::ChannelMajor;

/// Elements that share a scale.
pub const BLOCK_LEN: usize = 32;

/// One of the formats.
pub struct Mx {
    id: &'static str,
    name: &'static str,
    summary: &'static str,
    params: &'static [ParamSpec],
    element: Element,
}

struct Element {
    kind: Kind,
    /// `emax` of the specification: the largest value lies in `[2^emax, 2^(emax+1))`.
    max_exponent: i32,
    /// The significand of the absmax from which [`Rule::CompressedTensors`] raises the exponent.
    raised_from: f64,
}

enum Kind {
    Float(Layout),
    /// 8-bit integers counted in 2^−6.
    Int,
}

const fn float(layout: Layout, max_exponent: i32, raised_from: f64) -> Element {
    Element { kind: Kind::Float(layout), max_exponent, raised_from }
}

pub static MXFP8_E4M3: Mx = Mx {
    id: "mxfp8-e4m3",
    name: "MXFP8 E4M3",
    summary: "Blocks of 32 E4M3FN floats under one power of two: x̂ = 2^e · element, e = ⌊log2 absmax⌋ − 8.",
    params: FLOAT_PARAMS,
    element: float(minifloat::E4M3FN, 8, 1.75),
};
pub static MXFP8_E5M2: Mx = Mx {
    id: "mxfp8-e5m2",
    name: "MXFP8 E5M2",
    summary: "Blocks of 32 E5M2 floats under one power of two: x̂ = 2^e · element, e = ⌊log2 absmax⌋ − 15.",
    params: FLOAT_PARAMS,
    element: float(minifloat::E5M2, 15, 1.75),
};
pub static MXFP6_E2M3: Mx = Mx {
    id: "mxfp6-e2m3",
    name: "MXFP6 E2M3",
    summary: "Blocks of 32 E2M3 floats under one power of two: x̂ = 2^e · element, e = ⌊log2 absmax⌋ − 2.",
    params: FLOAT_PARAMS,
    element: float(minifloat::E2M3, 2, 1.9375),
};
pub static MXFP6_E3M2: Mx = Mx {
    id: "mxfp6-e3m2",
    name: "MXFP6 E3M2",
    summary: "Blocks of 32 E3M2 floats under one power of two: x̂ = 2^e · element, e = ⌊log2 absmax⌋ − 4.",
    params: FLOAT_PARAMS,
    element: float(minifloat::E3M2, 4, 1.75),
};
pub static MXFP4: Mx = Mx {
    id: "mxfp4",
    name: "MXFP4",
    summary: "Blocks of 32 E2M1 floats under one power of two: x̂ = 2^e · element, e = ⌊log2 absmax⌋ − 2.",
    params: FP4_PARAMS,
    element: float(minifloat::E2M1, 2, 1.75),
};
pub static MXINT8: Mx = Mx {
    id: "mxint8",
    name: "MXINT8",
    summary: "Blocks of 32 integers −127 … 127 under one power of two: x̂ = 2^e · code · 2^−6, e = ⌊log2 absmax⌋.",
    params: INT_PARAMS,
    element: Element { kind: Kind::Int, max_exponent: 0, raised_from: 2.0 },
};

const FLOOR: ChoiceSpec = ChoiceSpec {
    key: "floor",
    label: "Floor",
    help: "e = ⌊log2 absmax⌋ − emax, as the specification and ggml: values between the largest and the next power of two saturate.",
};
const COMPRESSED_TENSORS: ChoiceSpec = ChoiceSpec {
    key: "compressed-tensors",
    label: "Raised near the top",
    help: "As floor, but one higher where absmax/2^⌊log2 absmax⌋ reaches 1.75 (E2M3: 1.9375), as compressed-tensors does.",
};
const CEIL: ChoiceSpec = ChoiceSpec {
    key: "ceil",
    label: "Ceil",
    help: "e = ⌈log2 absmax⌉ − emax: nothing saturates, half the codes may stay unused.",
};

const fn rule(choices: &'static [ChoiceSpec]) -> ParamSpec {
    ParamSpec {
        key: "exponent-rule",
        label: "Exponent",
        help: "How the largest magnitude of a block becomes its power of two 2^e; emax is the exponent of the largest element (OCP Microscaling Formats 1.0, §6.3).",
        kind: ParamKind::Choice { choices, default: "floor" },
        relevant: &[],
        prominence: Prominence::Usual,
    }
}

const TIES: ParamSpec = ParamSpec {
    key: "ties",
    label: "Ties",
    help: "Where a value goes that lies exactly between two elements, such as x/2^e = 0.75 between 0.5 and 1 (OCP Microscaling Formats 1.0, §5.3).",
    kind: ParamKind::Choice {
        choices: &[
            ChoiceSpec {
                key: "nearest-even",
                label: "Even code",
                help: "To the even code, as IEEE 754 rounds: 0.75 becomes 1.",
            },
            ChoiceSpec {
                key: "ggml",
                label: "Lower code (ggml)",
                help: "To the lower code, as ggml's MXFP4: 0.75 becomes 0.5, and no zero is negative.",
            },
        ],
        default: "nearest-even",
    },
    relevant: &[],
    prominence: Prominence::Usual,
};

static FLOAT_PARAMS: &[ParamSpec] =
    &[rule(&[FLOOR, COMPRESSED_TENSORS, CEIL]), common::always(common::AXIS), common::NON_FINITE];
static FP4_PARAMS: &[ParamSpec] = &[
    rule(&[FLOOR, COMPRESSED_TENSORS, CEIL]),
    TIES,
    common::always(common::AXIS),
    common::NON_FINITE,
];
static INT_PARAMS: &[ParamSpec] =
    &[rule(&[FLOOR, CEIL]), common::always(common::AXIS), common::NON_FINITE];

impl QuantScheme for Mx {
    fn id(&self) -> &'static str {
        self.id
    }

    fn name(&self) -> &'static str {
        self.name
    }

    fn family(&self) -> Family {
        Family::Block
    }

    fn summary(&self) -> &'static str {
        self.summary
    }

    fn source(&self) -> &'static str {
        "OCP Microscaling Formats (MX) Specification 1.0, 2023; Rouhani et al. 2023, arXiv:2310.10537"
    }

    fn params(&self) -> &'static [ParamSpec] {
        self.params
    }

    fn code_format(&self, _settings: &Settings) -> Option<CodeFormat> {
        Some(match self.element.kind {
            Kind::Float(Layout { exponent_bits, mantissa_bits, .. }) => {
                CodeFormat::Float { exponent_bits, mantissa_bits }
            }
            Kind::Int => CodeFormat::Integer { bits: 8, is_signed: true },
        })
    }

    fn bits_per_weight(&self) -> Option<(f64, f64)> {
        let code_bits = match self.element.kind {
            Kind::Float(layout) => layout.n_bits(),
            Kind::Int => 8,
        };
        let bits = f64::from(code_bits) + 8.0 / BLOCK_LEN as f64;
        Some((bits, bits))
    }

    fn planned_bits(&self, shape: WeightShape, _: &Settings) -> Option<u64> {
        let code_bits = match self.element.kind {
            Kind::Float(format) => format.n_bits(),
            Kind::Int => 8,
        };
        Some(common::bits_of_blocks(shape, BLOCK_LEN, (code_bits, 8)))
    }

    fn fit(
        &self,
        weights: &ChannelMajor,
        settings: &Settings,
        ctx: &WorkCtx,
    ) -> Result<Box<dyn FittedQuantizer>, QuantError> {
        let layout = common::blocks_of(weights, BLOCK_LEN);
        let cleaned = common::clean(weights, settings, ctx)?;
        let weights = cleaned.as_ref().unwrap_or(weights);
        let rule = Rule::of_settings(settings);
        let largest = common::absmax_of_groups(weights, &layout, ctx)?;
        let exponents: Vec<i32> =
            largest.into_iter().map(|absmax| self.element.exponent(absmax, rule)).collect();
        let codes = exponents.iter().map(|&exponent| e8m0(exponent)).collect();
        let (inner, code_bits): (Box<dyn FittedQuantizer>, u32) = match self.element.kind {
            Kind::Float(format) => {
                let scales = exponents.iter().map(|&exponent| pow2(exponent)).collect();
                let table = Arc::new(table(format, settings));
                let store = Box::new(PowerScales { codes, unit: 1.0 });
                let code_bits = format.n_bits();
                (
                    Box::new(FittedTable {
                        layout,
                        table,
                        scales,
                        code_bits,
                        rounding: Rounding::NearestEven,
                        store,
                    }),
                    code_bits,
                )
            }
            Kind::Int => {
                let store = Box::new(PowerScales { codes, unit: pow2(INT_UNIT) });
                let params = |&exponent: &i32| QuantParams {
                    scale: pow2(exponent + INT_UNIT),
                    zero_point: 0,
                };
                let params = exponents.iter().map(params).collect();
                let codes = Codes { bits: 8, symmetry: Symmetry::Restricted };
                (
                    Box::new(FittedInt {
                        layout,
                        codes,
                        params,
                        rounding: Rounding::NearestEven,
                        store,
                    }),
                    8,
                )
            }
        };
        Ok(Box::new(WholeBlocks { inner, block_len: BLOCK_LEN, code_bits }))
    }
}

/// MXINT8 elements are whole numbers of 2^−6.
const INT_UNIT: i32 = -6;

fn table(format: Layout, settings: &Settings) -> LevelTable {
    match settings.choice("ties") {
        "ggml" => minifloat_schemes::lower_code_table(format),
        _ => minifloat_schemes::table(format),
    }
}

/// How the absmax of a block becomes an exponent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    Floor,
    CompressedTensors,
    Ceil,
}

impl Rule {
    fn of_settings(settings: &Settings) -> Self {
        match settings.choice("exponent-rule") {
            "compressed-tensors" => Self::CompressedTensors,
            "ceil" => Self::Ceil,
            _ => Self::Floor,
        }
    }
}

impl Element {
    /// The exponent `e` of a block's scale `2^e`.
    ///
    /// - `⌊log2 absmax⌋ − emax`, one higher where the rule says so; exact also for subnormal values.
    /// - At least −127, where E8M0 ends, and at most `127 − emax`, so that every element is finite.
    /// - A block of zeros has scale 1.
    fn exponent(&self, absmax: f32, rule: Rule) -> i32 {
        let Some((significand, floor)) = split(absmax) else { return 0 };
        let is_raised = match rule {
            Rule::Floor => false,
            Rule::CompressedTensors => significand >= self.raised_from,
            Rule::Ceil => significand > 1.0,
        };
        let exponent = floor + i32::from(is_raised) - self.max_exponent;
        exponent.clamp(MIN_EXPONENT, MAX_EXPONENT - self.max_exponent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponents_follow_the_rule() {
        let at = |scheme: &Mx, absmax: f32| {
            [Rule::Floor, Rule::CompressedTensors, Rule::Ceil]
                .map(|rule| scheme.element.exponent(absmax, rule))
        };
        assert_eq!(at(&MXFP4, 1.0), [-2, -2, -2]);
        assert_eq!(at(&MXFP4, 1.74), [-2, -2, -1]);
        assert_eq!(at(&MXFP4, 1.75), [-2, -1, -1]);
        assert_eq!(at(&MXFP6_E2M3, 1.9), [-2, -2, -1]);
        assert_eq!(at(&MXFP6_E2M3, 1.9375), [-2, -1, -1]);
        assert_eq!(at(&MXFP8_E5M2, f32::MAX), [112, 112, 112]);
        assert_eq!(at(&MXFP8_E4M3, f32::from_bits(1)), [-127; 3]);
        assert_eq!(at(&MXFP8_E4M3, 0.0), [0; 3]);
        assert_eq!(MXINT8.element.exponent(f32::MAX, Rule::Ceil), 127);
    }

    /// At either end of the scales every value is finite and what is stored comes back.
    #[test]
    fn the_ends_of_the_scales_are_finite() {
        let smallest = f32::from_bits(1);
        let data = [f32::MAX, -f32::MAX, 1.0, 3e38].repeat(8);
        let data = [data, [smallest, -3.0 * smallest, 1e-40, 0.0].repeat(8)].concat();
        let tensor = crate::tensor::Tensor::from_shape_vec(ndarray::IxDyn(&[1, 64]), data).unwrap();
        let weights = ChannelMajor::new(&tensor, 0);
        for scheme in [&MXFP8_E4M3, &MXFP8_E5M2, &MXFP6_E2M3, &MXFP6_E3M2, &MXFP4, &MXINT8] {
            for rule in ["floor", "ceil"] {
                let choice: crate::quant::SchemeChoice =
                    format!("{}:exponent-rule={rule}", scheme.id).parse().unwrap();
                let fitted = scheme.fit(&weights, choice.settings(), &WorkCtx::new()).unwrap();
                let values = fitted.decode(&fitted.encode(&weights).unwrap());
                assert!(values.iter().all(|value| value.is_finite()), "{choice}");
                assert_eq!(fitted.storage_note(), None);
                assert!(fitted.grid(1).levels().iter().all(|level| level.value.is_finite()));
            }
        }
    }

    #[test]
    fn a_scale_that_is_nan_decodes_to_nan() {
        let tensor = crate::tensor::Tensor::from_elem(ndarray::IxDyn(&[1, 33]), 1.0);
        let weights = ChannelMajor::new(&tensor, 0);
        for scheme in [&MXFP4, &MXINT8] {
            let settings = Settings::defaults(scheme.params().iter());
            let fitted = scheme.fit(&weights, &settings, &WorkCtx::new()).unwrap();
            assert!(fitted.storage_note().is_some_and(|note| note.contains("33 weights")));
            let mut encoded = fitted.encode(&weights).unwrap();
            encoded.parts[1].bytes[1] = 255;
            let values = fitted.decode(&encoded);
            assert_eq!(values.len(), 33);
            assert!(values[..32].iter().all(|&value| value == 1.0) && values[32].is_nan());
        }
    }
}
