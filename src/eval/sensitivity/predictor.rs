//! What is cheap to know of a layer before anything is run, and how well it ranks what was measured.

use super::{Cell, Sensitivity, Tally};
use crate::eval::accuracy::Metric;
use crate::eval::error::Sqnr;
use crate::eval::interval::Estimate;

/// A figure that costs no run over samples, or few, and is larger where more harm is expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Predictor {
    /// Minus the signal-to-noise ratio of the weights, dB.
    Sqnr,
    /// Mean squared error of the weights.
    Mse,
    /// The same times the trace of the loss's Hessian: twice the rise of the loss in nats if the
    /// errors of the weights are independent and the loss quadratic.
    MseTrace,
}

impl Predictor {
    pub const ALL: [Self; 3] = [Self::Sqnr, Self::Mse, Self::MseTrace];

    /// Name in JSON.
    pub fn id(self) -> &'static str {
        match self {
            Self::Sqnr => "sqnr",
            Self::Mse => "mse",
            Self::MseTrace => "mse_trace",
        }
    }
}

/// What of a measurement is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Accuracy, agreement or perplexity.
    Metric,
    /// Mean negative log-likelihood.
    Loss,
    /// Divergence of the outputs from the float model's.
    Kl,
}

impl Effect {
    pub const ALL: [Self; 3] = [Self::Metric, Self::Loss, Self::Kl];

    /// Name in JSON.
    pub fn id(self) -> &'static str {
        match self {
            Self::Metric => "metric",
            Self::Loss => "loss",
            Self::Kl => "kl",
        }
    }

    /// How much worse the model is with the layer quantized alone; larger is worse.
    pub fn harm(self, cell: &Cell, metric: Metric) -> Option<f64> {
        self.harm_of(&cell.alone, metric).map(|harm| harm.value)
    }

    /// How much worse the second model is than the first, with its 95 % interval; larger is worse.
    pub fn harm_of(self, tally: &Tally, metric: Metric) -> Option<Estimate> {
        match self {
            Self::Kl => Some(tally.kl()),
            Self::Loss => tally.loss_change(metric),
            Self::Metric if metric == Metric::Perplexity => Some(tally.change(metric)),
            Self::Metric => {
                let Estimate { value, ci95: (lo, hi) } = tally.change(metric);
                Some(Estimate { value: -value, ci95: (-hi, -lo) })
            }
        }
    }
}

/// Two layers that a predictor ranks against what was measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Misjudged {
    pub column_idx: usize,
    /// The predictor calls this one safer; quantizing it does more harm.
    pub worse: usize,
    /// And this one riskier, which does less.
    pub better: usize,
}

impl Sensitivity {
    /// What a predictor says of a layer under a candidate.
    pub fn predicted(
        &self,
        predictor: Predictor,
        (layer_idx, column_idx): (usize, usize),
    ) -> Option<f64> {
        let weights = self.cell(layer_idx, column_idx)?.weights;
        match predictor {
            Predictor::Sqnr => match weights.sqnr() {
                Sqnr::Db(db) => Some(-db),
                Sqnr::Exact => Some(f64::NEG_INFINITY),
                Sqnr::NoSignal | Sqnr::NonFinite => None,
            },
            Predictor::Mse => Some(weights.mse()),
            Predictor::MseTrace => {
                Some(weights.mse() * self.curvature.get(layer_idx).copied().flatten()?.trace)
            }
        }
    }

    /// Spearman's rank correlation of a predictor with the measured harm of quantizing a layer
    /// alone: over the layers under one candidate, or over all cells.
    pub fn rank_correlation(
        &self,
        predictor: Predictor,
        effect: Effect,
        column_idx: Option<usize>,
    ) -> Option<f64> {
        let columns = match column_idx {
            Some(idx) => idx..(idx + 1).min(self.columns.len()),
            None => 0..self.columns.len(),
        };
        let places = columns.flat_map(|column| (0..self.layers.len()).map(move |l| (l, column)));
        let pairs = places.filter_map(|place| {
            let harm = effect.harm(self.cell(place.0, place.1)?, self.metric)?;
            Some((self.predicted(predictor, place)?, harm))
        });
        spearman(&pairs.collect::<Vec<_>>())
    }

    /// The two layers of a candidate whose order a predictor has most wrong: of all pairs it ranks
    /// the other way than measured, with 95 % intervals that do not overlap, the one whose measured
    /// harm differs most. `None` where there is no such pair.
    pub fn most_wrong(
        &self,
        predictor: Predictor,
        effect: Effect,
        column_idx: usize,
    ) -> Option<Misjudged> {
        let known = (0..self.layers.len()).filter_map(|layer_idx| {
            let place = (layer_idx, column_idx);
            let harm = effect.harm_of(&self.cell(layer_idx, column_idx)?.alone, self.metric)?;
            let predicted = self.predicted(predictor, place).filter(|p| !p.is_nan())?;
            harm.value.is_finite().then_some((predicted, harm, layer_idx))
        });
        let mut known: Vec<(f64, Estimate, usize)> = known.collect();
        known.sort_by(|a, b| b.0.total_cmp(&a.0));
        // Of the layers called riskier than those at hand, the one that does least harm.
        let mut least: Option<(Estimate, usize)> = None;
        let mut most_wrong: Option<(f64, Misjudged)> = None;
        for same in known.chunk_by(|a, b| a.0 == b.0) {
            for &(_, harm, worse) in same {
                let Some((least, better)) = least else { continue };
                let by = harm.value - least.value;
                let is_told_apart = harm.ci95.0 > least.ci95.1;
                if is_told_apart && most_wrong.is_none_or(|(most, _)| by > most) {
                    most_wrong = Some((by, Misjudged { column_idx, worse, better }));
                }
            }
            for &(_, harm, layer_idx) in same {
                if least.is_none_or(|(known, _)| harm.value < known.value) {
                    least = Some((harm, layer_idx));
                }
            }
        }
        most_wrong.map(|(_, pair)| pair)
    }
}

/// Spearman's rank correlation: Pearson's over the ranks, equal values sharing their mean rank.
///
/// Pairs with a NaN are left out. `None` for fewer than three pairs, or where one side has but one
/// value. Source: Spearman 1904.
pub fn spearman(pairs: &[(f64, f64)]) -> Option<f64> {
    let known: Vec<(f64, f64)> =
        pairs.iter().copied().filter(|(a, b)| !a.is_nan() && !b.is_nan()).collect();
    if known.len() < 3 {
        return None;
    }
    let a = ranks(&known.iter().map(|pair| pair.0).collect::<Vec<_>>());
    let b = ranks(&known.iter().map(|pair| pair.1).collect::<Vec<_>>());
    let mean = (known.len() - 1) as f64 / 2.0;
    let sum = |x: &[f64], y: &[f64]| -> f64 {
        x.iter().zip(y).map(|(x, y)| (x - mean) * (y - mean)).sum()
    };
    let spread = (sum(&a, &a) * sum(&b, &b)).sqrt();
    (spread > 0.0).then(|| (sum(&a, &b) / spread).clamp(-1.0, 1.0))
}

/// Ranks from 0; equal values have the mean of theirs.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.0; values.len()];
    let mut start = 0;
    while start < order.len() {
        let same = |&&idx: &&usize| values[idx] == values[order[start]];
        let n = order[start..].iter().take_while(same).count().max(1);
        for &idx in &order[start..start + n] {
            ranks[idx] = start as f64 + (n - 1) as f64 / 2.0;
        }
        start += n;
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::super::{Column, MeasuredLayer, WeightError};
    use super::*;
    use crate::quant::SchemeChoice;

    #[test]
    fn ranks_share_ties() {
        assert_eq!(ranks(&[3.0, 1.0, 3.0, f64::NEG_INFINITY]), [2.5, 1.0, 2.5, 0.0]);
        let many: Vec<f64> = (0..200).map(|i| f64::from((i * 37) % 50)).collect();
        let slow: Vec<f64> = many
            .iter()
            .map(|x| {
                let below = many.iter().filter(|y| *y < x).count() as f64;
                below + (many.iter().filter(|y| *y == x).count() as f64 - 1.0) / 2.0
            })
            .collect();
        assert_eq!(ranks(&many), slow);
    }

    /// Values of `scipy.stats.spearmanr`.
    #[test]
    fn correlations_are_those_of_the_reference() {
        let close = |pairs: &[(f64, f64)], wanted: f64| {
            let found = spearman(pairs).unwrap();
            assert!((found - wanted).abs() < 1e-12, "{found} {wanted}");
        };
        close(&[(1.0, 10.0), (2.0, 20.0), (3.0, 15.0), (4.0, 40.0)], 0.8);
        close(&[(1.0, 2.0), (1.0, 1.0), (2.0, 3.0), (5.0, 3.0)], 8.0 / 9.0);
        close(&[(1.0, 3.0), (2.0, 2.0), (3.0, f64::NEG_INFINITY), (4.0, f64::NAN)], -1.0);
        assert_eq!(spearman(&[(1.0, 1.0), (2.0, 2.0)]), None);
        assert_eq!(spearman(&[(1.0, 1.0), (1.0, 2.0), (1.0, 3.0)]), None);
    }

    /// A layer whose weights have that noise and that loses so many of 1000 samples.
    fn cell(noise: f64, n_broken: usize) -> Cell {
        let mut alone = Tally::default();
        (alone.n_rows, alone.n_predictions) = (1000, 1000);
        alone.paired.broken = n_broken;
        alone.paired.both = 1000 - n_broken;
        let weights = WeightError { n_weights: 10, signal: 100.0, noise, storage_bits: 40 };
        Cell { alone, all_but: alone, regained: alone, weights }
    }

    fn most_wrong(cells: &[Cell]) -> Option<(usize, usize)> {
        let name = |idx: usize| MeasuredLayer { name: format!("layer {idx}"), n_weights: 10 };
        let column = Column {
            choice: SchemeChoice::float(),
            everything: cells[0].alone,
            cells: cells.iter().copied().map(Ok).collect(),
        };
        let found = Sensitivity {
            metric: Metric::Top1,
            n_total: 1000,
            layers: (0..cells.len()).map(name).collect(),
            columns: vec![column],
            curvature: vec![None; cells.len()],
            n_curvature_samples: 0,
        };
        let pair = found.most_wrong(Predictor::Sqnr, Effect::Metric, 0)?;
        Some((pair.worse, pair.better))
    }

    #[test]
    fn the_pair_most_wrong_is_told_apart() {
        let right = [cell(1.0, 0), cell(2.0, 100), cell(3.0, 400)];
        assert_eq!(most_wrong(&right), None, "ranked as measured");
        let wrong = [cell(1.0, 400), cell(2.0, 100), cell(3.0, 10), cell(4.0, 200)];
        assert_eq!(most_wrong(&wrong), Some((0, 2)), "the least noise and the most harm");
        let close = [cell(1.0, 12), cell(2.0, 10)];
        assert_eq!(most_wrong(&close), None, "within their intervals");
        let same = [cell(1.0, 400), cell(1.0, 10)];
        assert_eq!(most_wrong(&same), None, "not ranked at all");
    }
}
