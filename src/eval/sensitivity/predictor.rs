//! What is cheap to know of a layer before anything is run, and how well it ranks what was measured.

use super::{Cell, Sensitivity};
use crate::eval::accuracy::Metric;
use crate::eval::error::Sqnr;

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
        match self {
            Self::Kl => Some(cell.alone.kl().value),
            Self::Loss => cell.alone.loss_change(metric).map(|change| change.value),
            Self::Metric if metric == Metric::Perplexity => Some(cell.alone.change(metric).value),
            Self::Metric => Some(-cell.alone.change(metric).value),
        }
    }
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
    use super::*;

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
}
