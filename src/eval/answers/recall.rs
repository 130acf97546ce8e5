//! How many samples of each class are recognized, before and after.

use std::collections::BTreeMap;

use super::super::interval::{Estimate, wilson};
use super::{Answers, Side};

/// Recall of one class, from both models.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Recall {
    /// The true class; in a set without labels, what float answers.
    pub class: u32,
    pub n: usize,
    pub float_hits: usize,
    pub quantized_hits: usize,
    pub float: Estimate,
    pub quantized: Estimate,
}

impl Recall {
    pub fn new(class: u32, n: usize, float_hits: usize, quantized_hits: usize) -> Self {
        let (float, quantized) = (wilson(float_hits, n), wilson(quantized_hits, n));
        Self { class, n, float_hits, quantized_hits, float, quantized }
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
    let mut counts: BTreeMap<u32, [usize; 3]> = BTreeMap::new();
    for row in &answers.rows {
        let Some(class) = row.filed_under() else { continue };
        let count = counts.entry(class).or_default();
        count[0] += 1;
        count[1] += usize::from(row.is_hit(Side::Float));
        count[2] += usize::from(row.is_hit(Side::Quantized));
    }
    let recall =
        |(class, [n, float, quantized]): (u32, [usize; 3])| Recall::new(class, n, float, quantized);
    counts.into_iter().map(recall).collect()
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
        assert_eq!(found, [Recall::new(1, 1, 0, 1), Recall::new(3, 2, 2, 1)]);
        assert_eq!((found[0].change(), found[1].change_points()), (1, -50.0));
    }
}
