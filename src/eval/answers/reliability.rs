//! Whether a model is as sure as it is right.

use super::super::interval::{Estimate, wilson};
use super::{Answers, Side};

/// Bins of a reliability diagram.
pub const N_BINS: usize = 10;

/// Predictions whose confidence lies in one tenth of the scale.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ReliabilityBin {
    pub n: usize,
    pub mean_confidence: f64,
    /// Share that is right, with Wilson's interval.
    pub accuracy: Estimate,
}

/// Confidence against the share of right answers, of one model.
#[derive(Clone, Debug, PartialEq)]
pub struct Reliability {
    /// `None` where no confidence lies.
    pub bins: [Option<ReliabilityBin>; N_BINS],
    /// Predictions counted: those with an answer.
    pub n: usize,
    /// Expected calibration error.
    pub ece: f64,
    /// Mean squared distance of the confidence from being right (1) or wrong (0).
    pub brier: f64,
}

/// The reliability of the answer's confidence; `None` without labels.
///
/// `ECE = Σ_b n_b/n · |accuracy_b − confidence_b|` over ten bins of equal width, each with its upper
/// end: `(b/10, (b+1)/10]`; confidence 0 belongs to the first. `Brier = Σ (confidence − right)²/n`.
///
/// - Predictions without an answer (NaN among the scores) or confidence are left out; with none left
///   both figures are NaN.
/// - Source: Guo, Pleiss, Sun, Weinberger 2017, "On calibration of modern neural networks", eq. 3.
pub fn reliability(answers: &Answers, side: Side) -> Option<Reliability> {
    if !answers.has_targets() {
        return None;
    }
    let mut sums = [(0usize, 0usize, 0.0f64); N_BINS];
    let (mut n, mut squares) = (0usize, 0.0);
    for row in &answers.rows {
        let guess = row.guess(side);
        let confidence = f64::from(guess.confidence);
        if guess.answer().is_none() || confidence.is_nan() {
            continue;
        }
        let right = row.is_hit(side);
        let bin_idx = ((confidence * N_BINS as f64).ceil() as usize).clamp(1, N_BINS) - 1;
        if let Some((count, hits, confidences)) = sums.get_mut(bin_idx) {
            *count += 1;
            *hits += usize::from(right);
            *confidences += confidence;
        }
        n += 1;
        squares += (confidence - f64::from(u8::from(right))).powi(2);
    }
    let bins = sums.map(|(n, hits, confidences)| {
        let mean_confidence = confidences / n as f64;
        (n > 0).then(|| ReliabilityBin { n, mean_confidence, accuracy: wilson(hits, n) })
    });
    let gap = |bin: &ReliabilityBin| {
        (bin.accuracy.value - bin.mean_confidence).abs() * bin.n as f64 / n as f64
    };
    let gaps: f64 = bins.iter().flatten().map(gap).sum();
    let ece = if n == 0 { f64::NAN } else { gaps };
    Some(Reliability { bins, n, ece, brier: squares / n as f64 })
}

#[cfg(test)]
mod tests {
    use super::super::tests::answers;
    use super::super::{AnswerRow, Guess};
    use super::*;

    #[test]
    fn bins_have_their_upper_end_and_nan_is_left_out() {
        let mut table = answers(2, &[[Some(0), Some(0), Some(0)], [Some(0), None, Some(1)]]);
        let sure = Guess::new(Some(0), 1.0, 1.0);
        table.rows.push(AnswerRow::new(2, Some(0), sure, Guess::new(Some(1), 0.0, 0.0)));
        let float = reliability(&table, Side::Float).unwrap();
        let n = |found: &Reliability, bin_idx: usize| found.bins[bin_idx].map_or(0, |bin| bin.n);
        assert_eq!((float.n, n(&float, 4), n(&float, 9)), (2, 1, 1));
        assert_eq!((float.ece, float.brier), (0.25, 0.125));
        let quantized = reliability(&table, Side::Quantized).unwrap();
        assert_eq!((n(&quantized, 0), n(&quantized, 4)), (1, 2));
        assert!(reliability(&answers(2, &[[None, Some(0), Some(0)]]), Side::Float).is_none());
        let none = reliability(&answers(2, &[[Some(0), None, None]]), Side::Float).unwrap();
        assert!(none.n == 0 && none.ece.is_nan());
    }
}
