//! Floats of few bits: a sign, an exponent and a mantissa, under a scale or alone.

use std::sync::Arc;

use super::common;
use crate::base::WorkCtx;
use crate::codec::minifloat::{self, Layout, Specials};
use crate::quant::kernel::FloatGrid;
use crate::quant::range::RangeEstimator;
use crate::quant::rounding::Rounding;
use crate::quant::table::{
    F32Scales, FittedTable, LevelTable, Overflow, ScaleStore, Ties, UnitScales,
};
use crate::quant::{
    ChoiceSpec, CodeFormat, Family, FittedQuantizer, Level, ParamKind, ParamSpec, Prominence,
    QuantError, QuantScheme, Settings, WeightShape,
};
use crate::tensor::ChannelMajor;

/// One named format, or the free one.
pub struct Minifloat {
    id: &'static str,
    name: &'static str,
    summary: &'static str,
    source: &'static str,
    params: &'static [ParamSpec],
    /// `None` where the settings say.
    layout: Option<Layout>,
}

const OCP8: &str =
    "OCP 8-bit Floating Point Specification 1.0, 2023; Micikevicius et al. 2022, arXiv:2209.05433";
const OCP_MX: &str = "OCP Microscaling Formats Specification 1.0, 2023";
const FNUZ: &str = "Noune et al. 2022, arXiv:2206.02915";

const fn named(
    (id, name): (&'static str, &'static str),
    summary: &'static str,
    source: &'static str,
    layout: Layout,
) -> Minifloat {
    Minifloat { id, name, summary, source, params: SCALED, layout: Some(layout) }
}

pub static E4M3FN: Minifloat = named(
    ("e4m3fn", "FP8 E4M3FN"),
    "4 exponent and 3 mantissa bits, no infinity, largest 448: x̂ = scale · (−1)^s · 1.m · 2^(e−7).",
    OCP8,
    minifloat::E4M3FN,
);
pub static E5M2: Minifloat = named(
    ("e5m2", "FP8 E5M2"),
    "5 exponent and 2 mantissa bits with infinity, largest 57344: x̂ = scale · (−1)^s · 1.m · 2^(e−15).",
    OCP8,
    minifloat::E5M2,
);
pub static E4M3FNUZ: Minifloat = named(
    ("e4m3fnuz", "FP8 E4M3FNUZ"),
    "E4M3 with bias 8, one NaN and no negative zero, largest 240: x̂ = scale · (−1)^s · 1.m · 2^(e−8).",
    FNUZ,
    minifloat::E4M3FNUZ,
);
pub static E5M2FNUZ: Minifloat = named(
    ("e5m2fnuz", "FP8 E5M2FNUZ"),
    "E5M2 with bias 16, one NaN and no negative zero, largest 57344: x̂ = scale · (−1)^s · 1.m · 2^(e−16).",
    FNUZ,
    minifloat::E5M2FNUZ,
);
pub static E3M4: Minifloat = named(
    ("e3m4", "FP8 E3M4"),
    "3 exponent and 4 mantissa bits with infinity, largest 15.5: x̂ = scale · (−1)^s · 1.m · 2^(e−3).",
    "ml_dtypes float8_e3m4; van Baalen et al. 2023, arXiv:2303.17951",
    minifloat::E3M4,
);
pub static E2M3: Minifloat = named(
    ("e2m3", "FP6 E2M3"),
    "2 exponent and 3 mantissa bits, all finite, largest 7.5: x̂ = scale · (−1)^s · 1.m · 2^(e−1).",
    OCP_MX,
    minifloat::E2M3,
);
pub static E3M2: Minifloat = named(
    ("e3m2", "FP6 E3M2"),
    "3 exponent and 2 mantissa bits, all finite, largest 28: x̂ = scale · (−1)^s · 1.m · 2^(e−3).",
    OCP_MX,
    minifloat::E3M2,
);
pub static E2M1: Minifloat = named(
    ("e2m1", "FP4 E2M1"),
    "0, 0.5, 1, 1.5, 2, 3, 4 and 6 with a sign: x̂ = scale · (−1)^s · 1.m · 2^(e−1).",
    OCP_MX,
    minifloat::E2M1,
);
pub static BF16: Minifloat = Minifloat {
    params: UNSCALED,
    ..named(
        ("bf16", "BF16"),
        "The upper half of a 32-bit float, rounded: 8 exponent and 7 mantissa bits.",
        "Kalamkar et al. 2019, arXiv:1905.12322",
        minifloat::BF16,
    )
};
pub static F16: Minifloat = Minifloat {
    params: UNSCALED,
    ..named(
        ("f16", "FP16"),
        "5 exponent and 10 mantissa bits with infinity, largest 65504.",
        "IEEE 754-2019, binary16",
        minifloat::F16,
    )
};
pub static FREE: Minifloat = Minifloat {
    id: "minifloat",
    name: "Minifloat, free",
    summary: "Exponent and mantissa bits as chosen, bias 2^(e−1)−1, all patterns finite.",
    source: "the family of the OCP Microscaling Formats Specification 1.0",
    params: FREE_PARAMS,
    layout: None,
};

const OVERFLOW: ParamSpec = ParamSpec {
    key: "overflow",
    label: "Overflow",
    help: "What becomes of values beyond the largest.",
    kind: ParamKind::Choice {
        choices: &[
            ChoiceSpec {
                key: "saturate",
                label: "Saturate",
                help: "They become the largest value.",
            },
            ChoiceSpec {
                key: "as-format",
                label: "As the format",
                help: "They become infinite, or NaN where the format has no infinity; a format with neither saturates.",
            },
        ],
        default: "saturate",
    },
    relevant: &[],
    prominence: Prominence::Usual,
};

const fn scale_spec(default: &'static str) -> ParamSpec {
    ParamSpec {
        key: "scale",
        label: "Scale",
        help: "Whether weights are divided by a scale first.",
        kind: ParamKind::Choice {
            choices: &[
                ChoiceSpec {
                    key: "range",
                    label: "To the range",
                    help: "scale = end of the range / largest value of the format, a 32-bit float.",
                },
                ChoiceSpec { key: "none", label: "None", help: "Values are rounded as they are." },
            ],
            default,
        },
        relevant: &[],
        prominence: Prominence::Usual,
    }
}

/// The settings of a named format whose scale is `range` or `none` unless chosen otherwise.
const fn settings_with(scale: &'static str) -> [ParamSpec; 14] {
    [
        scale_spec(scale),
        common::when_scaled(common::GRANULARITY),
        common::GROUP_SIZE,
        common::AXIS,
        common::when_scaled(common::RANGE),
        common::PERCENTILE,
        common::NORM,
        common::SIGMAS,
        common::LO,
        common::HI,
        common::ROUNDING,
        common::SEED,
        OVERFLOW,
        common::NON_FINITE,
    ]
}

static SCALED: &[ParamSpec] = &settings_with("range");
static UNSCALED: &[ParamSpec] = &settings_with("none");
static FREE_PARAMS: &[ParamSpec] = &[
    ParamSpec {
        key: "exponent",
        label: "Exponent bits",
        help: "More reach further: 2^exponent powers of two.",
        kind: ParamKind::Int { min: 1, max: 8, default: 3 },
        relevant: &[],
        prominence: Prominence::Usual,
    },
    ParamSpec {
        key: "mantissa",
        label: "Mantissa bits",
        help: "More are finer: 2^mantissa values to each power of two.",
        kind: ParamKind::Int { min: 0, max: 7, default: 2 },
        relevant: &[],
        prominence: Prominence::Usual,
    },
    scale_spec("range"),
    common::when_scaled(common::GRANULARITY),
    common::GROUP_SIZE,
    common::AXIS,
    common::when_scaled(common::RANGE),
    common::PERCENTILE,
    common::NORM,
    common::SIGMAS,
    common::LO,
    common::HI,
    common::ROUNDING,
    common::SEED,
    common::NON_FINITE,
];

impl Minifloat {
    fn layout_of(&self, settings: &Settings) -> Layout {
        self.layout.unwrap_or_else(|| {
            let bits = |key: &str, default| settings.int(key).unwrap_or(default).clamp(0, 8) as u32;
            Layout::plain(bits("exponent", 3).max(1), bits("mantissa", 2))
        })
    }
}

impl QuantScheme for Minifloat {
    fn id(&self) -> &'static str {
        self.id
    }

    fn name(&self) -> &'static str {
        self.name
    }

    fn family(&self) -> Family {
        Family::Minifloat
    }

    fn summary(&self) -> &'static str {
        self.summary
    }

    fn source(&self) -> &'static str {
        self.source
    }

    fn params(&self) -> &'static [ParamSpec] {
        self.params
    }

    fn code_format(&self, settings: &Settings) -> Option<CodeFormat> {
        let Layout { exponent_bits, mantissa_bits, .. } = self.layout_of(settings);
        Some(CodeFormat::Float { exponent_bits, mantissa_bits })
    }

    fn bits_per_weight(&self) -> Option<(f64, f64)> {
        let bits = self.layout.map(|layout| f64::from(layout.n_bits()));
        Some(bits.map_or((2.0, 16.0), |bits| (bits, bits)))
    }

    fn planned_bits(&self, shape: WeightShape, settings: &Settings) -> Option<u64> {
        let code_bits = self.layout_of(settings).n_bits();
        Some(match settings.choice("scale") {
            "none" => shape.count() as u64 * u64::from(code_bits),
            _ => {
                let layout = common::layout_for(shape, common::granularity_of(settings));
                common::bits_of_layout(layout, code_bits, 32)
            }
        })
    }

    fn fit(
        &self,
        weights: &ChannelMajor,
        settings: &Settings,
        ctx: &WorkCtx,
    ) -> Result<Box<dyn FittedQuantizer>, QuantError> {
        let format = self.layout_of(settings);
        let saturates = settings.choice("overflow") != "as-format";
        let rounding = Rounding::of_settings(settings);
        let ties = if rounding == Rounding::NearestAway { Ties::Away } else { Ties::EvenCode };
        let table = Arc::new(match saturates {
            true => table_with(format, ties),
            false => overflowing(format, ties),
        });
        let cleaned = common::clean(weights, settings, ctx)?;
        let weights = cleaned.as_ref().unwrap_or(weights);
        let is_scaled = settings.choice("scale") != "none";
        let layout = match is_scaled {
            true => common::layout_of(weights, settings),
            false => common::whole(weights),
        };
        let scales: Arc<[f32]> = if is_scaled {
            let estimator = RangeEstimator::of_settings(settings)?;
            let ranges = estimator.of_groups(weights, &layout, &*table, ctx)?;
            ranges.into_iter().map(|range| table.scale_for(range)).collect()
        } else {
            vec![1.0; layout.n_groups()].into()
        };
        let store: Box<dyn ScaleStore> = match is_scaled {
            true => Box::new(F32Scales(Arc::clone(&scales))),
            false => Box::new(UnitScales),
        };
        let code_bits = format.n_bits();
        Ok(Box::new(FittedTable { layout, table, scales, code_bits, rounding, store }))
    }
}

/// The finite values of a format with their bit patterns; ties go to the even pattern.
pub fn table(format: Layout) -> LevelTable {
    table_with(format, Ties::EvenCode)
}

fn table_with(format: Layout, ties: Ties) -> LevelTable {
    let sign = 1u32 << (format.n_bits() - 1);
    let table = LevelTable::new(levels(format), ties).with_format(format);
    let max = table.max_abs();
    let table = match ties {
        Ties::EvenCode => table.with_float(FloatGrid {
            mantissa_bits: format.mantissa_bits,
            min_exponent: 1 - format.bias,
            max,
        }),
        _ => table,
    };
    match format.specials {
        Specials::NegativeZeroNan => table,
        _ => table.with_negative_zero(sign as i32),
    }
}

/// As [`table`], but ties go to the lower code, and so does a zero of any sign.
pub fn lower_code_table(format: Layout) -> LevelTable {
    LevelTable::new(levels(format), Ties::LowerCode).with_format(format)
}

/// Every pattern but that of negative zero.
fn levels(format: Layout) -> Vec<Level> {
    let sign = 1u32 << (format.n_bits() - 1);
    (0..2 * sign)
        .filter(|&bits| bits != sign)
        .map(|bits| Level { code: bits as i32, value: format.decode(bits) })
        .collect()
}

/// As [`table_with`], with infinities or NaN beyond the largest value where the format has them.
fn overflowing(format: Layout, ties: Ties) -> LevelTable {
    let table = table_with(format, ties);
    let sign = 1u32 << (format.n_bits() - 1);
    let magnitude_mask = sign - 1;
    let (positive, negative) = match format.specials {
        Specials::None => return table,
        Specials::Ieee => {
            let infinity = magnitude_mask >> format.mantissa_bits << format.mantissa_bits;
            (infinity, infinity | sign)
        }
        Specials::FiniteNan => (magnitude_mask, magnitude_mask | sign),
        Specials::NegativeZeroNan => (sign, sign),
    };
    let level = |bits: u32| Level { code: bits as i32, value: format.decode(bits) };
    let [.., before, last] = &**table.levels() else { return table };
    let middle = last.value + (last.value - before.value) / 2.0;
    // A tie goes to the even pattern, which is the one beyond unless the last is even, or away.
    let stays = ties == Ties::EvenCode && last.code % 2 == 0;
    let from = if stays { middle.next_up() } else { middle };
    table.with_overflow(Overflow { from, negative: level(negative), positive: level(positive) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_format(format: Layout) -> LevelTable {
        overflowing(format, Ties::EvenCode)
    }

    #[test]
    fn half_and_bf16_are_those_of_the_half_crate() {
        let (f16, bf16) = (of_format(minifloat::F16), of_format(minifloat::BF16));
        let probes = (0..400_000u32).map(|k| f32::from_bits(k.wrapping_mul(2_654_435_761)));
        for x in probes.filter(|x| x.is_finite()) {
            let found = f16.nearest(x);
            assert_eq!(found.code as u32, u32::from(half::f16::from_f32(x).to_bits()), "{x:e}");
            let found = bf16.nearest(x);
            assert_eq!(found.code as u32, u32::from(half::bf16::from_f32(x).to_bits()), "{x:e}");
        }
    }

    #[test]
    fn largest_values_saturate_or_overflow() {
        let saturating = table(minifloat::E4M3FN);
        assert_eq!(saturating.nearest(1e9).value, 448.0);
        let format = of_format(minifloat::E4M3FN);
        assert_eq!(format.nearest(464.0).value, 448.0);
        assert!(format.nearest(464.1).value.is_nan());
        assert_eq!(of_format(minifloat::E5M2).nearest(-61440.0).value, f32::NEG_INFINITY);
        assert_eq!(of_format(minifloat::E5M2).nearest(61439.0).value, 57344.0);
        assert_eq!(table(minifloat::E2M1).nearest(-0.1), Level { code: 8, value: -0.0 });
    }
}
