//! How many samples of each class are recognized, before and after.

use std::collections::BTreeMap;

use super::super::interval::{Estimate, PairedCounts, wilson};
use super::{Answers, Side};

/// The share of a critical class's samples whose loss is to be ruled out.
pub const TOLERATED_LOSS: f64 = 0.01;

/// Recall of one class, from both models.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Recall {
    /// The true class; in a set without labels, what float answers.
    pub class: u32,
    pub paired: PairedCounts,
    pub n: usize,
    pub float_hits: usize,
    pub quantized_hits: usize,
    pub float: Estimate,
    pub quantized: Estimate,
    /// `quantized − float`, with Newcombe's interval for paired data.
    pub difference: Estimate,
}

impl Recall {
    /// From how both models did on the samples of a class.
    pub fn new(class: u32, paired: PairedCounts) -> Self {
        let n = paired.n();
        let (float_hits, quantized_hits) =
            (paired.both + paired.broken, paired.both + paired.fixed);
        Self {
            class,
            paired,
            n,
            float_hits,
            quantized_hits,
            float: wilson(float_hits, n),
            quantized: wilson(quantized_hits, n),
            difference: paired.difference(),
        }
    }

    /// Whether a loss of more than `share` of the class's samples is compatible with what was
    /// seen: the interval of the difference reaches below `−share`.
    pub fn may_lose_more_than(&self, share: f64) -> bool {
        self.n == 0 || self.difference.ci95.0 < -share
    }

    /// Hits more than before; negative where some are lost.
    pub fn change(&self) -> i64 {
        self.quantized_hits as i64 - self.float_hits as i64
    }

    /// `quantized − float` in points of percent; NaN for a class without samples.
    pub fn change_points(&self) -> f64 {
        100.0 * self.change() as f64 / self.n as f64
    }
}

/// Recall of every class that has samples, by class, with Wilson's intervals.
///
/// Recall is right answers over samples of the class. Without labels a sample belongs to what float
/// answers: then `float` is 1 and `quantized` the share that keeps its answer.
pub fn recall_by_class(answers: &Answers) -> Vec<Recall> {
    let mut counts: BTreeMap<u32, PairedCounts> = BTreeMap::new();
    for row in &answers.rows {
        let Some(class) = row.filed_under() else { continue };
        let paired = counts.entry(class).or_default();
        paired.count([Side::Float, Side::Quantized].map(|side| row.is_hit(side)));
    }
    counts.into_iter().map(|(class, paired)| Recall::new(class, paired)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::answers;
    use super::*;

    #[test]
    fn hits_are_counted_by_class() {
        let table = answers(
            4,
            &[[Some(3), Some(3), None], [Some(3), Some(3), Some(3)], [Some(1), Some(0), Some(1)]],
        );
        let found = recall_by_class(&table);
        let counts = |both, broken, fixed| PairedCounts { both, broken, fixed, neither: 0 };
        let expected = [Recall::new(1, counts(0, 0, 1)), Recall::new(3, counts(1, 1, 0))];
        assert_eq!(found, expected);
        assert_eq!((found[0].change(), found[1].change_points()), (1, -50.0));
    }
}
