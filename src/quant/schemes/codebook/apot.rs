//! `apot`: levels that are sums of a few powers of two, so that a product is a few shifts.

use std::sync::{Arc, OnceLock};

use super::common;
use crate::base::{WorkCtx, reduce};
use crate::quant::range::RangeEstimator;
use crate::quant::rounding::Rounding;
use crate::quant::table::{F32Scales, FittedTable, LevelTable, Ties};
use crate::quant::{
    Family, FittedQuantizer, Level, ParamKind, ParamSpec, Prominence, QuantError, QuantScheme,
    Settings,
};
use crate::tensor::ChannelMajor;

/// Additive powers of two.
///
/// - One bit is the sign; of the b − 1 others, every two choose one term `p_i` of
///   `{0, 2^−i, 2^−(i+n), 2^−(i+2n)}`, n being the number of terms (eq. 5 with k = 2); a bit left
///   over chooses between 0 and one power of its own, as the authors' code has it. Levels are divided
///   by the largest: `x̂ = scale · (±Σp_i)/max Σp_i`.
/// - `scale` is the end of the range. Codes are ranks, −(2^(b−1)−1) … 2^(b−1)−1; 0 has two patterns.
/// - Weights go to the nearest level, a tie to the even code.
pub struct Apot;

static PARAMS: &[ParamSpec] = &[
    ParamSpec {
        key: "bits",
        label: "Bits",
        help: "Bits b of one code: a sign and b − 1 bits that choose a power of two for every two of them, 2^b − 1 levels (Li et al. 2020, arXiv:1909.13144, eq. 5).",
        kind: ParamKind::Int { min: 2, max: 8, default: 4 },
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
    common::NON_FINITE,
];

impl QuantScheme for Apot {
    fn id(&self) -> &'static str {
        "apot"
    }

    fn name(&self) -> &'static str {
        "Additive powers of two (APoT)"
    }

    fn family(&self) -> Family {
        Family::Codebook
    }

    fn summary(&self) -> &'static str {
        "Levels that are sums of powers of two, one term for every two bits: x̂ = scale·(±Σ p_i)/max Σ p_i, p_i ∈ {0, 2^−i, 2^−(i+n), 2^−(i+2n)}."
    }

    fn source(&self) -> &'static str {
        "Li et al. 2020, arXiv:1909.13144"
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
        let code_bits = settings.int("bits").unwrap_or(4).clamp(2, 8) as u32;
        let table = table(code_bits);
        let estimator = RangeEstimator::of_settings(settings)?;
        let scales: Arc<[f32]> = reduce::map_indices(layout.n_groups(), ctx, |group_idx| {
            let group = data.get(layout.range(group_idx)).unwrap_or_default();
            let range = estimator.estimate(group, &*table, ctx)?;
            Ok::<_, QuantError>(table.scale_for(range))
        })?
        .into();
        let store = Box::new(F32Scales(Arc::clone(&scales)));
        Ok(Box::new(FittedTable {
            layout,
            table,
            scales,
            code_bits,
            rounding: Rounding::NearestEven,
            store,
        }))
    }
}

/// The magnitudes for so many bits without the sign, ascending from 0 to 1.
///
/// Exponents are dealt to the terms in turn, so that no two share one and all sums differ; the term
/// of the odd bit takes one exponent, before the third round.
pub fn magnitudes(n_bits: u32) -> Vec<f64> {
    let n_terms = n_bits / 2;
    let mut terms = vec![vec![0.0]; n_terms as usize];
    let mut odd = vec![0.0];
    let mut exponent = 0;
    let mut next = || {
        exponent += 1;
        2f64.powi(-exponent)
    };
    for round in 0..3 {
        if round == 2 && n_bits % 2 == 1 {
            odd.push(next());
        }
        terms.iter_mut().for_each(|term| term.push(next()));
    }
    terms.push(odd);
    let mut sums = vec![0.0f64];
    for term in &terms {
        sums = sums.iter().flat_map(|sum| term.iter().map(move |power| sum + power)).collect();
    }
    sums.sort_by(f64::total_cmp);
    let largest = sums.last().copied().unwrap_or(1.0);
    sums.into_iter().map(|sum| sum / largest).collect()
}

/// The levels of `bits` bits, the sign among them, computed once.
fn table(bits: u32) -> Arc<LevelTable> {
    static TABLES: [OnceLock<Arc<LevelTable>>; 8] = [const { OnceLock::new() }; 8];
    let compute = || {
        let positive = (0..).zip(magnitudes(bits - 1));
        let levels = positive.flat_map(|(rank, value)| {
            let level = |sign: i32| Level { code: sign * rank, value: sign as f32 * value as f32 };
            [level(1), level(-1)]
        });
        let levels = levels.map(|level| Level { value: level.value + 0.0, ..level }).collect();
        Arc::new(LevelTable::new(levels, Ties::EvenCode))
    };
    let known = TABLES.get(bits as usize - 1);
    known.map_or_else(compute, |table| Arc::clone(table.get_or_init(compute)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_those_of_the_paper() {
        // Two terms, {0, 2^-1, 2^-3, 2^-5} + {0, 2^-2, 2^-4, 2^-6}, in units of 2^-6.
        let fours: Vec<f64> = magnitudes(4).iter().map(|x| (x * 48.0).round()).collect();
        let wanted = [0, 1, 2, 3, 4, 6, 8, 9, 12, 16, 18, 24, 32, 33, 36, 48];
        assert_eq!(fours, wanted.map(f64::from));
        assert_eq!(magnitudes(2), [0.0, 0.25, 0.5, 1.0]);
        for bits in 1..=7 {
            let levels = magnitudes(bits);
            assert_eq!(levels.len(), 1 << bits, "{bits}");
            assert!(levels.windows(2).all(|pair| pair[0] < pair[1]), "{bits}");
            assert_eq!(table(bits + 1).levels().len(), (2 << bits) - 1);
        }
    }
}
