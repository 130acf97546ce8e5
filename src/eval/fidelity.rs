//! What one sample's outputs say: right or wrong before and after, and how far apart the two are.

use super::answers::{AnswerRow, Guess};

/// Whether the graph's outputs are to be put through softmax to become probabilities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputKind {
    /// Scores before softmax, or log-probabilities.
    Logits,
    Probabilities,
}

/// What came of one sample; for a language model, of one row of tokens.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SampleOutcome {
    pub sample_idx: usize,
    /// Predictions made.
    pub n: usize,
    pub float: ModelOutcome,
    /// `None` where no quantized model was run.
    pub change: Option<Change>,
    /// The answers, one a prediction.
    pub answers: Vec<AnswerRow>,
}

/// One model's answers on one sample.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ModelOutcome {
    /// Class with the highest score on the last prediction; the first of equals.
    pub answer: Option<usize>,
    pub n_right: usize,
    /// Right among the five highest.
    pub n_right_top5: usize,
    /// `−Σ ln p(target)`.
    pub negative_log_likelihood: f64,
}

/// The quantized model against the float one on one sample.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Change {
    pub quantized: ModelOutcome,
    pub n_agree: usize,
    pub n_broken: usize,
    pub n_fixed: usize,
    /// `Σ KL(float‖quantized)` in nats over the predictions.
    pub kl: f64,
    /// `Σ float²` and `Σ (float − quantized)²` over the raw outputs.
    pub signal: f64,
    pub noise: f64,
}

/// Reads the outputs of one sample: rows of `n_classes` scores, one row a prediction.
pub struct OutcomeReader {
    pub kind: OutputKind,
    pub n_classes: usize,
}

impl OutcomeReader {
    /// `targets` is empty for a set without labels.
    pub fn read(
        &self,
        sample_idx: usize,
        targets: &[usize],
        float: &[f32],
        quantized: Option<&[f32]>,
    ) -> SampleOutcome {
        let mut outcome = SampleOutcome { sample_idx, ..SampleOutcome::default() };
        let mut change = Change::default();
        for (row_idx, row) in float.chunks_exact(self.n_classes.max(1)).enumerate() {
            let target = targets.get(row_idx).copied();
            let before = self.read_row(row, target, &mut outcome.float);
            outcome.n += 1;
            let start = row_idx * self.n_classes;
            let guess = before.guess(target);
            let Some(other) = quantized.and_then(|q| q.get(start..start + self.n_classes)) else {
                outcome.answers.push(AnswerRow::new(sample_idx, target, guess, guess));
                continue;
            };
            let after = self.read_row(other, target, &mut change.quantized);
            let answers = AnswerRow::new(sample_idx, target, guess, after.guess(target));
            outcome.answers.push(answers);
            let (right_before, right_after) = (before.is_right(target), after.is_right(target));
            change.n_agree += usize::from(before.answer.is_some() && before.answer == after.answer);
            change.n_broken += usize::from(right_before && !right_after);
            change.n_fixed += usize::from(!right_before && right_after);
            change.kl += kl(&before.log_probabilities, &after.log_probabilities);
            for (&a, &b) in row.iter().zip(other) {
                let (a, b) = (f64::from(a), f64::from(b));
                change.signal += a * a;
                change.noise += (a - b) * (a - b);
            }
        }
        outcome.change = quantized.is_some().then_some(change);
        outcome
    }

    fn read_row(&self, row: &[f32], target: Option<usize>, sums: &mut ModelOutcome) -> Row {
        let answer = argmax(row);
        let log_probabilities = self.log_probabilities(row);
        sums.answer = answer;
        if let Some(target) = target {
            sums.n_right += usize::from(answer == Some(target));
            sums.n_right_top5 += usize::from(is_among_top5(row, target));
            sums.negative_log_likelihood -=
                log_probabilities.get(target).copied().unwrap_or(f64::NEG_INFINITY);
        }
        Row { answer, log_probabilities }
    }

    fn log_probabilities(&self, row: &[f32]) -> Vec<f64> {
        match self.kind {
            OutputKind::Probabilities => row.iter().map(|&p| f64::from(p).ln()).collect(),
            OutputKind::Logits => {
                let max = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                let max = f64::from(max);
                let sum: f64 = row.iter().map(|&x| (f64::from(x) - max).exp()).sum();
                row.iter().map(|&x| f64::from(x) - max - sum.ln()).collect()
            }
        }
    }
}

/// One model's answers on one sample, kept to compare other models' with.
pub(super) struct Reading {
    pub outcome: ModelOutcome,
    rows: Vec<Row>,
    has_targets: bool,
}

impl OutcomeReader {
    /// `targets` is empty for a set without labels.
    pub(super) fn reading(&self, targets: &[usize], scores: &[f32]) -> Reading {
        let mut outcome = ModelOutcome::default();
        let rows = scores.chunks_exact(self.n_classes.max(1)).enumerate();
        let rows = rows
            .map(|(row_idx, row)| self.read_row(row, targets.get(row_idx).copied(), &mut outcome));
        let rows = rows.collect();
        Reading { rows, outcome, has_targets: !targets.is_empty() }
    }
}

impl Reading {
    pub fn n_predictions(&self) -> usize {
        self.rows.len()
    }

    pub fn has_targets(&self) -> bool {
        self.has_targets
    }

    /// Predictions that are the same.
    pub fn n_agree(&self, other: &Self) -> usize {
        let pairs = self.rows.iter().zip(&other.rows);
        pairs.filter(|(a, b)| a.answer.is_some() && a.answer == b.answer).count()
    }

    /// `Σ KL(self‖other)` in nats over the predictions.
    pub fn kl_to(&self, other: &Self) -> f64 {
        let pairs = self.rows.iter().zip(&other.rows);
        pairs.map(|(a, b)| kl(&a.log_probabilities, &b.log_probabilities)).sum()
    }
}

struct Row {
    answer: Option<usize>,
    log_probabilities: Vec<f64>,
}

impl Row {
    fn is_right(&self, target: Option<usize>) -> bool {
        target.is_some() && self.answer == target
    }

    /// The answer with its probability and that of the target.
    fn guess(&self, target: Option<usize>) -> Guess {
        let probability = |class: Option<usize>| {
            let log_probability = class.and_then(|class| self.log_probabilities.get(class));
            log_probability.map_or(0.0, |&log_probability| log_probability.exp() as f32)
        };
        match self.answer {
            Some(_) => Guess::new(self.answer, probability(self.answer), probability(target)),
            None => Guess::default(),
        }
    }
}

/// Index of the largest value, the first of equals; `None` when one is NaN.
fn argmax(row: &[f32]) -> Option<usize> {
    let mut best = (0, *row.first()?);
    for (idx, &x) in row.iter().enumerate() {
        if x.is_nan() {
            return None;
        }
        if x > best.1 {
            best = (idx, x);
        }
    }
    Some(best.0)
}

/// Fewer than five scores are higher, or equal and earlier; no if one is NaN.
fn is_among_top5(row: &[f32], target: usize) -> bool {
    let Some(&score) = row.get(target) else {
        return false;
    };
    let above =
        row.iter().enumerate().filter(|&(idx, &x)| x > score || (x == score && idx < target));
    !row.iter().any(|x| x.is_nan()) && above.take(5).count() < 5
}

/// `Σ p·(ln p − ln q)`; a class with `p = 0` adds nothing, one with `q = 0` makes it infinite.
fn kl(log_p: &[f64], log_q: &[f64]) -> f64 {
    let term = |(&p, &q): (&f64, &f64)| {
        if p == f64::NEG_INFINITY { 0.0 } else { p.exp() * (p - q) }
    };
    let sum: f64 = log_p.iter().zip(log_q).map(term).sum();
    // Rounding may leave a sum just below zero; NaN stays NaN.
    if sum < 0.0 { 0.0 } else { sum }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_read() {
        let reader = OutcomeReader { kind: OutputKind::Logits, n_classes: 2 };
        let outcome = reader.read(3, &[1], &[0.0, 1.0], Some(&[1.0, 0.0]));
        let change = outcome.change.unwrap();
        assert_eq!((outcome.float.n_right, change.quantized.n_right), (1, 0));
        assert_eq!((change.n_broken, change.n_fixed, change.n_agree), (1, 0, 0));
        assert_eq!((change.signal, change.noise), (1.0, 2.0));
        let p = 1f64.exp() / (1.0 + 1f64.exp());
        assert!((change.kl - (2.0 * p - 1.0)).abs() < 1e-12);
        assert!((outcome.float.negative_log_likelihood + p.ln()).abs() < 1e-12);
    }

    #[test]
    fn ties_and_nan_have_rules() {
        assert_eq!(argmax(&[1.0, 1.0]), Some(0));
        assert_eq!(argmax(&[1.0, f32::NAN]), None);
        assert!(!is_among_top5(&[1.0, f32::NAN], 0));
        assert!(kl(&[0.0, f64::NAN], &[0.0, 0.0]).is_nan());
        let reader = OutcomeReader { kind: OutputKind::Logits, n_classes: 2 };
        let outcome = reader.read(0, &[0], &[f32::NAN, 1.0], Some(&[f32::NAN, 1.0]));
        assert_eq!(outcome.change.unwrap().n_agree, 0);
        let row = [5.0, 4.0, 3.0, 2.0, 1.0, 1.0];
        assert!(is_among_top5(&row, 4) && !is_among_top5(&row, 5));
        assert_eq!(kl(&[f64::NEG_INFINITY, 0.0], &[0.5f64.ln(), 0.5f64.ln()]), 2f64.ln());
        assert_eq!(kl(&[0.5f64.ln(), 0.5f64.ln()], &[f64::NEG_INFINITY, 0.0]), f64::INFINITY);
    }
}
