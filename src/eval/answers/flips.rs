//! The samples whose answer changed, chosen and put in order.

use std::collections::BTreeMap;

use super::{AnswerRow, Answers};

/// What became of an answer that changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FlipKind {
    /// Right before, wrong after.
    Broken,
    /// Wrong before, right after.
    Fixed,
    /// Wrong both times, or there is no label to tell.
    Other,
}

/// Which changed answers are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FlipFilter {
    pub kind: FlipKind,
    /// Only samples filed under this class.
    pub class: Option<u32>,
    /// Only samples that got this answer from either model: what left the cell of a confusion
    /// matrix or entered it.
    pub answer: Option<u32>,
}

impl FlipFilter {
    fn takes(&self, row: &AnswerRow) -> bool {
        let is_class = self.class.is_none_or(|class| row.filed_under() == Some(class));
        let is_answer = self.answer.is_none_or(|answer| {
            row.float.answer() == Some(answer) || row.quantized.answer() == Some(answer)
        });
        is_class && is_answer
    }
}

/// Numbers of changed answers by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FlipCounts {
    pub broken: usize,
    pub fixed: usize,
    pub other: usize,
}

impl FlipCounts {
    pub fn of(&self, kind: FlipKind) -> usize {
        match kind {
            FlipKind::Broken => self.broken,
            FlipKind::Fixed => self.fixed,
            FlipKind::Other => self.other,
        }
    }
}

/// How many changed answers of each kind the filter's class and answer leave.
pub fn flip_counts(answers: &Answers, filter: &FlipFilter) -> FlipCounts {
    let mut counts = FlipCounts::default();
    for row in answers.rows.iter().filter(|row| filter.takes(row)) {
        match row.flip() {
            Some(FlipKind::Broken) => counts.broken += 1,
            Some(FlipKind::Fixed) => counts.fixed += 1,
            Some(FlipKind::Other) => counts.other += 1,
            None => {}
        }
    }
    counts
}

/// Rows whose answer changed as the filter says, the clearest first.
///
/// Broken: largest loss of the true class's probability; fixed: largest gain; other: largest
/// confidence of the quantized answer. Of equals, and where that is NaN, by row. Where no class is
/// chosen the classes take turns, so that one that breaks most does not hide the others.
pub fn flips(answers: &Answers, filter: &FlipFilter) -> Vec<usize> {
    let mut found: Vec<(f32, usize)> = answers
        .rows
        .iter()
        .enumerate()
        .filter(|(_, row)| row.flip() == Some(filter.kind) && filter.takes(row))
        .map(|(row_idx, row)| (clarity(row, filter.kind), row_idx))
        .collect();
    found.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let mut order: Vec<usize> = found.into_iter().map(|(_, row_idx)| row_idx).collect();
    if filter.class.is_none() {
        let mut n_seen: BTreeMap<Option<u32>, usize> = BTreeMap::new();
        order.sort_by_cached_key(|&row_idx| {
            let class = answers.rows.get(row_idx).and_then(AnswerRow::filed_under);
            let turn = n_seen.entry(class).or_default();
            *turn += 1;
            *turn
        });
    }
    order
}

fn clarity(row: &AnswerRow, kind: FlipKind) -> f32 {
    let clarity = match kind {
        FlipKind::Broken => row.float.true_confidence - row.quantized.true_confidence,
        FlipKind::Fixed => row.quantized.true_confidence - row.float.true_confidence,
        FlipKind::Other => row.quantized.confidence,
    };
    if clarity.is_nan() { -1.0 } else { clarity }
}

#[cfg(test)]
mod tests {
    use super::super::{Guess, tests};
    use super::*;

    #[test]
    fn the_largest_loss_comes_first_and_filters_choose() {
        let row = |idx, target, float: (usize, f32), quantized: (usize, f32)| {
            let guess = |(answer, p): (usize, f32)| {
                Guess::new(Some(answer), 0.9, if answer == target { 0.9 } else { p })
            };
            AnswerRow::new(idx, Some(target), guess(float), guess(quantized))
        };
        let rows = vec![
            row(0, 1, (1, 0.0), (2, 0.5)),
            row(1, 1, (1, 0.0), (2, 0.1)),
            row(2, 2, (2, 0.0), (0, f32::NAN)),
            row(3, 2, (0, 0.3), (2, 0.0)),
            row(4, 2, (2, 0.0), (2, 0.0)),
        ];
        let answers = Answers { rows, ..tests::answers(3, &[]) };
        let filter = |kind, class, answer| FlipFilter { kind, class, answer };
        let broken = filter(FlipKind::Broken, None, None);
        assert_eq!(flips(&answers, &broken), [1, 2, 0], "classes take turns");
        assert_eq!(flip_counts(&answers, &broken), FlipCounts { broken: 3, fixed: 1, other: 0 });
        assert_eq!(flips(&answers, &filter(FlipKind::Broken, Some(1), Some(2))), [1, 0]);
        assert_eq!(flips(&answers, &filter(FlipKind::Broken, None, Some(0))), [2]);
        assert_eq!(flips(&answers, &filter(FlipKind::Fixed, Some(2), None)), [3]);
        assert!(flips(&answers, &filter(FlipKind::Other, None, None)).is_empty());
    }
}
