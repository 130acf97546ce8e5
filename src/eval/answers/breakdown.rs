//! Everything the accuracy panel shows of the answers, computed once a run.

use std::collections::BTreeMap;

use super::super::interval::PairedCounts;
use super::{
    Answers, Confusion, FlipCounts, FlipFilter, FlipKind, Recall, Reliability, Side, confusion,
    flip_counts, recall_by_class, reliability,
};

/// Classes shown one by one; more are summed.
pub const MAX_SHOWN: usize = 24;

/// An answer that is given more often than before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClassGain {
    pub class: u32,
    pub n_more: u64,
}

/// The answers, summed up by class and by confidence.
#[derive(Clone, Debug, PartialEq)]
pub struct Breakdown {
    /// `None` for a language model, whose classes are tokens.
    pub confusion: Option<Confusion>,
    /// Every class that has samples, by class; for a language model the tokens that change most,
    /// those first.
    pub recalls: Vec<Recall>,
    /// The classes that the shown table of the confusion sums, taken together; `None` without
    /// samples.
    pub other_recall: Option<Recall>,
    /// The class that loses most of its recall; of a language model the token that loses most hits.
    pub pays_most: Option<Recall>,
    /// The answer that is given more often by most samples.
    pub gains_most: Option<ClassGain>,
    pub flips: FlipCounts,
    /// Predictions both models get right, and both get wrong; of a set with labels.
    pub n_both_right: usize,
    pub n_both_wrong: usize,
    /// Predictions without an answer because a score is NaN, of float and quantized.
    pub n_unanswered: [usize; 2],
    /// `None` without labels.
    pub float_reliability: Option<Reliability>,
    pub quantized_reliability: Option<Reliability>,
}

impl Breakdown {
    pub fn new(answers: &Answers) -> Self {
        let is_classification = answers.is_classification();
        let confusion = is_classification.then(|| confusion(answers, MAX_SHOWN));
        let mut recalls = recall_by_class(answers);
        let mut pays_most = pays_most(&recalls);
        let other_recall =
            confusion.as_ref().and_then(|confusion| other_recall(confusion, &recalls));
        if !is_classification {
            recalls.retain(|recall| recall.change() != 0);
            recalls.sort_by_key(|recall| std::cmp::Reverse(recall.change().abs()));
            recalls.truncate(MAX_SHOWN);
            // Of so many tokens the one that loses most hits, which is among those listed.
            let losing = recalls.iter().filter(|recall| recall.change() < 0);
            pays_most = losing.copied().min_by_key(Recall::change);
        }
        let everything = FlipFilter { kind: FlipKind::Broken, class: None, answer: None };
        let both = |right| {
            let is_same = |side| move |row: &super::AnswerRow| row.is_hit(side) == right;
            let (float, quantized) = (is_same(Side::Float), is_same(Side::Quantized));
            answers.rows.iter().filter(|row| float(row) && quantized(row)).count()
        };
        let unanswered =
            |side| answers.rows.iter().filter(|row| row.guess(side).answer().is_none()).count();
        Self {
            confusion,
            recalls,
            other_recall,
            pays_most,
            gains_most: gains_most(answers),
            flips: flip_counts(answers, &everything),
            n_both_right: both(true),
            n_both_wrong: both(false),
            n_unanswered: [unanswered(Side::Float), unanswered(Side::Quantized)],
            float_reliability: reliability(answers, Side::Float),
            quantized_reliability: reliability(answers, Side::Quantized),
        }
    }

    /// The recall of a class; `None` where it has no samples.
    pub fn recall(&self, class: u32) -> Option<&Recall> {
        self.recalls.iter().find(|recall| recall.class == class)
    }
}

/// The largest loss of recall; of equals the one with more samples, then the first.
fn pays_most(recalls: &[Recall]) -> Option<Recall> {
    let losing = recalls.iter().filter(|recall| recall.change() < 0);
    losing.copied().reduce(|worst, recall| {
        let order = recall.change_points().total_cmp(&worst.change_points());
        match order.then(worst.n.cmp(&recall.n)) {
            std::cmp::Ordering::Less => recall,
            _ => worst,
        }
    })
}

fn gains_most(answers: &Answers) -> Option<ClassGain> {
    let mut changes: BTreeMap<u32, i64> = BTreeMap::new();
    for row in answers.rows.iter().filter(|row| row.flip().is_some()) {
        if let Some(answer) = row.quantized.answer() {
            *changes.entry(answer).or_default() += 1;
        }
        if let Some(answer) = row.float.answer() {
            *changes.entry(answer).or_default() -= 1;
        }
    }
    let most = changes.into_iter().max_by_key(|&(class, n)| (n, std::cmp::Reverse(class)));
    most.filter(|&(_, n)| n > 0).map(|(class, n)| ClassGain { class, n_more: n.unsigned_abs() })
}

fn other_recall(confusion: &Confusion, recalls: &[Recall]) -> Option<Recall> {
    let others =
        recalls.iter().filter(|recall| confusion.shown.binary_search(&recall.class).is_err());
    let paired = others.fold(PairedCounts::default(), |sum, recall| sum.plus(recall.paired));
    (paired.n() > 0).then(|| Recall::new(super::NO_CLASS, paired))
}

#[cfg(test)]
mod tests {
    use super::super::Task;
    use super::super::tests::answers;
    use super::*;

    #[test]
    fn the_sentence_at_the_foot_has_its_figures() {
        let mut rows = vec![[Some(0), Some(0), Some(2)]; 3];
        rows.extend([[Some(0), Some(0), Some(0)]; 7]);
        rows.extend([[Some(1), Some(1), Some(2)]; 2]);
        rows.extend([[Some(2), Some(1), Some(2)], [Some(2), Some(1), None]]);
        let found = Breakdown::new(&answers(3, &rows));
        assert_eq!(found.pays_most.map(|recall| (recall.class, recall.n)), Some((1, 2)));
        assert_eq!(found.gains_most, Some(ClassGain { class: 2, n_more: 6 }));
        assert_eq!((found.n_both_right, found.n_both_wrong), (7, 1));
        assert_eq!(found.flips, FlipCounts { broken: 5, fixed: 1, other: 1 });
        assert_eq!(found.n_unanswered, [0, 1]);
        assert_eq!(found.recall(0).map(Recall::change), Some(-3));
        let same = Breakdown::new(&answers(3, &[[Some(0), Some(0), Some(0)]]));
        assert_eq!((same.pays_most, same.gains_most), (None, None));
        let nothing = Breakdown::new(&answers(0, &[]));
        assert!(nothing.recalls.is_empty() && nothing.float_reliability.is_none());
    }

    #[test]
    fn tokens_that_change_are_listed_and_no_matrix_is_made() {
        let mut table = answers(
            9,
            &[
                [Some(4), Some(4), Some(5)],
                [Some(5), Some(5), Some(5)],
                [Some(6), Some(0), Some(6)],
            ],
        );
        table.per_sample = 3;
        table.task = Task::LanguageModel;
        let found = Breakdown::new(&table);
        assert!(found.confusion.is_none());
        let tokens: Vec<u32> = found.recalls.iter().map(|recall| recall.class).collect();
        assert_eq!(tokens, [4, 6]);
    }
}
