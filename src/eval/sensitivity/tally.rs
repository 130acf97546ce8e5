//! What a change of the weights does to the outputs, summed over samples: counts and sums that add
//! up over chunks, and the figures with their intervals.

use serde::{Deserialize, Serialize};

use crate::eval::accuracy::Metric;
use crate::eval::fidelity::Reading;
use crate::eval::interval::{Estimate, PairedCounts, Z, wilson};

/// One model against another on the same samples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tally {
    /// Samples; for a language model, rows.
    pub n_rows: usize,
    /// Answers: one a sample, or one a token.
    pub n_predictions: usize,
    /// Answers that are the same.
    pub n_agree: usize,
    /// Of classification with labels: right before, right after.
    pub paired: PairedCounts,
    sums: Sums,
}

/// Sums over rows of `f`, `q` (negative log-likelihood before and after, nats) and `k` (KL), and of
/// their squares and products.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "[u64; 7]", into = "[u64; 7]")]
struct Sums([f64; 7]);

/// Bit for bit, infinities too, which JSON has no number for.
impl From<[u64; 7]> for Sums {
    fn from(bits: [u64; 7]) -> Self {
        Self(bits.map(f64::from_bits))
    }
}

impl From<Sums> for [u64; 7] {
    fn from(sums: Sums) -> Self {
        sums.0.map(f64::to_bits)
    }
}

impl Tally {
    /// Adds one sample.
    pub(in crate::eval) fn add(&mut self, before: &Reading, after: &Reading) {
        self.n_rows += 1;
        self.n_predictions += before.n_predictions();
        self.n_agree += before.n_agree(after);
        if before.has_targets() {
            self.paired.count([before.outcome.n_right > 0, after.outcome.n_right > 0]);
        }
        let f = before.outcome.negative_log_likelihood;
        let q = after.outcome.negative_log_likelihood;
        let k = before.kl_to(after);
        let row = [f, q, k, f * f, f * q, q * q, k * k];
        for (sum, addend) in self.sums.0.iter_mut().zip(row) {
            *sum += addend;
        }
    }

    /// Both together; the order matters to the last bit.
    pub(in crate::eval) fn merge(&mut self, later: &Self) {
        self.n_rows += later.n_rows;
        self.n_predictions += later.n_predictions;
        self.n_agree += later.n_agree;
        self.paired = self.paired.plus(later.paired);
        for (sum, addend) in self.sums.0.iter_mut().zip(later.sums.0) {
            *sum += addend;
        }
    }

    /// The changed model's metric: a share with Wilson's interval, or a perplexity with that of
    /// its mean log-likelihood over rows.
    pub fn value(&self, metric: Metric) -> Estimate {
        match metric {
            Metric::Top1 => self.paired.shares().1,
            Metric::Agreement => wilson(self.n_agree, self.n_predictions),
            Metric::Perplexity => {
                let [_, q, _, _, _, qq, _] = self.sums.0;
                let mean = self.mean_of_rows(q, qq);
                Estimate { value: mean.value.exp(), ci95: (mean.ci95.0.exp(), mean.ci95.1.exp()) }
            }
        }
    }

    /// The metric before; `None` where it is that of the same model.
    pub fn value_before(&self, metric: Metric) -> Option<Estimate> {
        match metric {
            Metric::Top1 => Some(self.paired.shares().0),
            Metric::Agreement => None,
            Metric::Perplexity => {
                let [f, _, _, ff, ..] = self.sums.0;
                let mean = self.mean_of_rows(f, ff);
                let ci95 = (mean.ci95.0.exp(), mean.ci95.1.exp());
                Some(Estimate { value: mean.value.exp(), ci95 })
            }
        }
    }

    /// `after − before`. Top-1: Newcombe's interval for paired shares. Perplexity: normal, by the
    /// first-order spread of `e^q̄ − e^f̄` over rows. Agreement: what is missing from 1, Wilson.
    pub fn change(&self, metric: Metric) -> Estimate {
        match metric {
            Metric::Top1 => self.paired.difference(),
            Metric::Agreement => {
                let Estimate { value, ci95: (lo, hi) } = self.value(metric);
                Estimate { value: value - 1.0, ci95: (lo - 1.0, hi - 1.0) }
            }
            Metric::Perplexity => {
                let [f, q, _, ff, fq, qq, _] = self.sums.0;
                let n = self.n_rows as f64;
                let per_row = self.n_predictions as f64 / n;
                let (a, b) = ((f / n / per_row).exp(), (q / n / per_row).exp());
                let mean = (b * q - a * f) / n;
                let square = (b * b * qq - 2.0 * a * b * fq + a * a * ff) / n;
                normal(b - a, (square - mean * mean).max(0.0) / (per_row * per_row), n)
            }
        }
    }

    /// Mean negative log-likelihood after minus before, nats a prediction, with a normal interval
    /// over rows; `None` for samples without labels.
    pub fn loss_change(&self, metric: Metric) -> Option<Estimate> {
        let [f, q, _, ff, fq, qq, _] = self.sums.0;
        (metric != Metric::Agreement).then(|| self.mean_of_rows(q - f, qq - 2.0 * fq + ff))
    }

    /// Mean `KL(before‖after)`, nats a prediction, with a normal interval over rows.
    pub fn kl(&self) -> Estimate {
        let Estimate { value, ci95: (lo, hi) } = self.mean_of_rows(self.sums.0[2], self.sums.0[6]);
        Estimate { value, ci95: (lo.max(0.0), hi) }
    }

    /// A mean by prediction, from the sum over rows and that of the squares.
    fn mean_of_rows(&self, sum: f64, squares: f64) -> Estimate {
        let n = self.n_rows as f64;
        let per_row = self.n_predictions as f64 / n;
        let mean = sum / n;
        let variance = (squares / n - mean * mean).max(0.0);
        normal(mean / per_row, variance / (per_row * per_row), n)
    }
}

/// `value ± z·√(variance/(n − 1))`; a single row says nothing of its spread.
fn normal(value: f64, variance: f64, n: f64) -> Estimate {
    let reach = if n > 1.0 { Z * (variance / (n - 1.0)).sqrt() } else { f64::INFINITY };
    Estimate { value, ci95: (value - reach, value + reach) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::fidelity::{OutcomeReader, OutputKind};

    fn readings(scores: &[[f32; 2]], targets: &[usize]) -> Vec<Reading> {
        let reader = OutcomeReader { kind: OutputKind::Logits, n_classes: 2 };
        scores.iter().zip(targets).map(|(row, &target)| reader.reading(&[target], row)).collect()
    }

    #[test]
    fn figures_are_means_over_samples() {
        let before = readings(&[[0.0, 1.0], [2.0, 0.0], [0.0, 1.0]], &[1, 0, 0]);
        let after = readings(&[[1.0, 0.0], [2.0, 0.0], [3.0, 1.0]], &[1, 0, 0]);
        let mut tally = Tally::default();
        let mut parts = [Tally::default(), Tally::default()];
        for (idx, (before, after)) in before.iter().zip(&after).enumerate() {
            tally.add(before, after);
            parts[usize::from(idx > 1)].add(before, after);
        }
        let [mut first, second] = parts;
        first.merge(&second);
        assert_eq!(first, tally);
        let wanted = PairedCounts { both: 1, broken: 1, fixed: 1, neither: 0 };
        assert_eq!((tally.paired, tally.n_agree), (wanted, 1));
        let nll = |own: f64, other: f64| -(own - (own.exp() + other.exp()).ln());
        let d = [nll(0.0, 1.0) - nll(1.0, 0.0), 0.0, nll(3.0, 1.0) - nll(0.0, 1.0)];
        let mean = d.iter().sum::<f64>() / 3.0;
        let spread = (d.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / 2.0 / 3.0).sqrt();
        let found = tally.loss_change(Metric::Top1).unwrap();
        assert!((found.value - mean).abs() < 1e-12);
        assert!((found.ci95.1 - (mean + Z * spread)).abs() < 1e-9);
        assert_eq!(tally.change(Metric::Top1), wanted.difference());
        let ratio = tally.change(Metric::Perplexity).value;
        let values =
            [tally.value(Metric::Perplexity), tally.value_before(Metric::Perplexity).unwrap()];
        assert!((ratio - (values[0].value - values[1].value)).abs() < 1e-12);
        assert!(tally.kl().value > 0.0 && tally.loss_change(Metric::Agreement).is_none());
    }

    #[test]
    fn infinite_sums_come_back_from_json() {
        let mut tally = Tally { n_rows: 3, ..Tally::default() };
        tally.sums.0 = [0.1, f64::INFINITY, -0.0, f64::NAN, 1e300, 0.3, 2.0];
        let text = serde_json::to_string(&tally).unwrap();
        let back: Tally = serde_json::from_str(&text).unwrap();
        assert_eq!(back.sums.0.map(f64::to_bits), tally.sums.0.map(f64::to_bits));
    }
}
