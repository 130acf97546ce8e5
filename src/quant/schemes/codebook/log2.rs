//! `log2`: a sign and a power of two, so that a product is a shift.

use std::sync::Arc;

use super::common;
use crate::base::WorkCtx;
use crate::codec::{Part, ScaleRule};
use crate::quant::range::{RangeEstimator, ValueRange};
use crate::quant::rounding::Rounding::NearestEven;
use crate::quant::table::{F32Scales, FittedTable, LevelTable, ScaleStore, Ties};
use crate::quant::{
    ChoiceSpec, Family, FittedQuantizer, Level, ParamKind, ParamSpec, Prominence, QuantError,
    QuantScheme, Settings,
};
use crate::tensor::ChannelMajor;

/// Powers of two.
///
/// - `x̂ = ±scale · 2^−j` for j = 0 … 2^(b−1) − 2, and 0: 2^b − 1 levels. Code 0 is 0, ±1 the smallest.
/// - `scale`: a power of two itself, 2^E with an 8-bit E between −127 and 127, so that every level is
///   one; or the end of the range, a 32-bit float. E is the end rounded as the weights are:
///   `round(log₂ end)` in the logarithm, `⌊log₂(4/3·end)⌋` in value (INQ, arXiv:1702.03044, eq. 3).
/// - Bounds: in the logarithm `√2·level`, so that `|x|` goes to 2^round(log₂|x|), and below the
///   smallest level over √2 to 0; in value the middles, a tie to the larger magnitude.
pub struct Log2;

const ROUNDING: ParamSpec = ParamSpec {
    key: "rounding",
    label: "Rounding",
    help: "Which power of two a weight goes to, nearest in the exponent or nearest in value; they differ between √2·2^e and 1.5·2^e (Miyashita et al. 2016, arXiv:1603.01025, eq. 5).",
    kind: ParamKind::Choice {
        choices: &[
            ChoiceSpec {
                key: "logarithm",
                label: "In the logarithm",
                help: "2^round(log₂|x|), the bound at √2·2^e, as in the paper.",
            },
            ChoiceSpec {
                key: "value",
                label: "In value",
                help: "The nearest level, the bound at 1.5·2^e, which makes the smaller squared error.",
            },
        ],
        default: "logarithm",
    },
    relevant: &[],
    prominence: Prominence::Usual,
};

const SCALE: ParamSpec = ParamSpec {
    key: "scale",
    label: "Scale",
    help: "What the largest level is: a power of two, so that x̂ = ±2^e for all weights, or the end of the range (Miyashita et al. 2016, arXiv:1603.01025, eq. 5: FSR).",
    kind: ParamKind::Choice {
        choices: &[
            ChoiceSpec {
                key: "power-of-two",
                label: "Power of two",
                help: "2^E near the end of the range; E takes 8 bits.",
            },
            ChoiceSpec {
                key: "free",
                label: "Free",
                help: "The end of the range itself, a 32-bit float; products need one multiplication more.",
            },
        ],
        default: "power-of-two",
    },
    relevant: &[],
    prominence: Prominence::Usual,
};

static PARAMS: &[ParamSpec] = &[
    ParamSpec {
        key: "bits",
        label: "Bits",
        help: "Bits b of one code: a sign and an exponent, 2^b − 1 levels with 0; each bit more squares the ratio of largest to smallest, 2^(2^(b−1)−2) (Miyashita et al. 2016, arXiv:1603.01025, §3).",
        kind: ParamKind::Int { min: 2, max: 8, default: 4 },
        relevant: &[],
        prominence: Prominence::Usual,
    },
    ROUNDING,
    SCALE,
    common::GRANULARITY,
    common::GROUP_SIZE,
    common::AXIS,
    common::RANGE,
    common::PERCENTILE,
    common::NORM,
    common::SIGMAS,
    common::LO,
    common::HI,
    common::NON_FINITE,
];

impl QuantScheme for Log2 {
    fn id(&self) -> &'static str {
        "log2"
    }

    fn name(&self) -> &'static str {
        "Powers of two (log2)"
    }

    fn family(&self) -> Family {
        Family::Codebook
    }

    fn summary(&self) -> &'static str {
        "A sign and a power of two, or 0: x̂ = ±2^round(log₂|x|), within 2^(b−1) − 1 powers from the largest down."
    }

    fn source(&self) -> &'static str {
        "Miyashita et al. 2016, arXiv:1603.01025; Zhou et al. 2017 (INQ), arXiv:1702.03044"
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
        let weights = cleaned.as_ref().unwrap_or(weights);
        let code_bits = settings.int("bits").unwrap_or(4).clamp(2, 8) as u32;
        let rounding = match settings.choice("rounding") {
            "value" => Rounding::Value,
            _ => Rounding::Logarithm,
        };
        let table = Arc::new(table(code_bits, rounding));
        let estimator = RangeEstimator::of_settings(settings)?;
        let is_free = settings.choice("scale") == "free";
        let scale = |range| match is_free {
            true => table.scale_for(range),
            false => rounding.power_of_two(range),
        };
        let ranges = estimator.of_groups(weights, &layout, &*table, ctx)?;
        let scales: Arc<[f32]> = ranges.into_iter().map(scale).collect();
        let store: Box<dyn ScaleStore> = match is_free {
            true => Box::new(F32Scales(Arc::clone(&scales))),
            false => Box::new(Exponents(Arc::clone(&scales))),
        };
        Ok(Box::new(FittedTable { layout, table, scales, code_bits, rounding: NearestEven, store }))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rounding {
    Logarithm,
    Value,
}

impl Rounding {
    /// The power of two that the larger end of a range is rounded to, from 2^−127 to 2^127; 1 for a
    /// range without width.
    fn power_of_two(self, range: ValueRange) -> f32 {
        let reach = f64::from(range.hi.max(-range.lo));
        if reach == 0.0 {
            return 1.0;
        }
        // From the next power of two at or below, exactly; logarithms round.
        let floor = (reach.to_bits() >> 52) as i32 - 1023;
        let significand = reach / 2f64.powi(floor);
        let exponent = floor + i32::from(significand >= self.bound());
        2f64.powi(exponent.clamp(-127, 127)) as f32
    }

    /// From how many times a power of two on a value goes to the next.
    fn bound(self) -> f64 {
        match self {
            Self::Logarithm => std::f64::consts::SQRT_2,
            Self::Value => 1.5,
        }
    }
}

fn table(bits: u32, rounding: Rounding) -> LevelTable {
    let n_powers = (1i32 << (bits - 1)) - 1;
    let level = |code: i32| match code {
        0 => Level { code, value: 0.0 },
        _ => {
            let magnitude = 2f64.powi(code.abs() - n_powers) as f32;
            Level { code, value: if code < 0 { -magnitude } else { magnitude } }
        }
    };
    let table = LevelTable::new((-n_powers..=n_powers).map(level).collect(), Ties::Away);
    if rounding == Rounding::Value {
        return table;
    }
    // The smallest magnitude that goes to each power: none lies on √2·2^e, which is no f32.
    let bound = |code: i32| {
        let exact = 2f64.powi(code - 1 - n_powers) * std::f64::consts::SQRT_2;
        if f64::from(exact as f32) < exact { (exact as f32).next_up() } else { exact as f32 }
    };
    let positive = (1..=n_powers).map(bound);
    // Magnitudes below the bound belong to the level above.
    let negative = (1..=n_powers).rev().map(|code| (-bound(code)).next_up());
    table.with_starts(negative.chain(positive).collect())
}

/// Powers of two, each as its exponent plus 127 in 8 bits.
struct Exponents(Arc<[f32]>);

impl ScaleStore for Exponents {
    fn parts(&self) -> Vec<Part> {
        let exponent = |scale: &f32| f64::from(*scale).log2().round() as i32 + 127;
        let codes: Vec<i32> = self.0.iter().map(exponent).collect();
        vec![Part::codes("scales", &codes, 8)]
    }

    fn rule(&self) -> ScaleRule {
        ScaleRule::Power { unit: 1.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition in logarithms.
    #[test]
    fn exponents_are_rounded() {
        let table = table(4, Rounding::Logarithm);
        for k in -3000..3000 {
            let y = k as f32 * 7e-4;
            let exponent = f64::from(y.abs()).log2().round();
            let wanted = if exponent < -6.0 { 0.0 } else { 2f64.powf(exponent.min(0.0)) };
            let found = table.nearest(y).value;
            assert_eq!(f64::from(found), wanted.copysign(f64::from(y)) + 0.0, "{y}");
            assert_eq!(table.nearest(-y).value, -found, "{y}");
        }
    }

    #[test]
    fn the_scale_is_rounded_as_the_weights_are() {
        let at = |rounding: Rounding, hi: f32| rounding.power_of_two(ValueRange { lo: -0.1, hi });
        for (rounding, cases) in [
            (Rounding::Logarithm, [(1.4, 1.0), (1.42, 2.0), (0.7, 0.5), (0.71, 1.0)]),
            (Rounding::Value, [(1.49, 1.0), (1.5, 2.0), (0.7, 0.5), (0.75, 1.0)]),
        ] {
            for (reach, wanted) in cases {
                assert_eq!(at(rounding, reach), wanted, "{reach} {rounding:?}");
            }
        }
        assert_eq!(at(Rounding::Value, f32::MAX), 2f32.powi(127));
        let tiny = Rounding::Value.power_of_two(ValueRange { lo: 0.0, hi: f32::from_bits(1) });
        assert_eq!(tiny.log2(), -127.0);
        let store = Exponents([tiny, 1.0, 2f32.powi(127)].into());
        assert_eq!(store.rule().read(&store.parts(), store.0.len()), *store.0);
    }
}
