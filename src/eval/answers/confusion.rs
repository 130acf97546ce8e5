//! Who is taken for whom, before and after.

use std::collections::BTreeMap;

use super::{Answers, NO_CLASS, Side, known};

/// Samples of one class that got one answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConfusionCell {
    /// The true class; in a set without labels, the float model's answer.
    pub class: u32,
    /// `None` where a score is NaN.
    pub answer: Option<u32>,
    pub float: u32,
    pub quantized: u32,
}

impl ConfusionCell {
    pub fn change(&self) -> i64 {
        i64::from(self.quantized) - i64::from(self.float)
    }
}

/// Counts by class and answer: those of the classes that change most one by one, the rest summed.
#[derive(Clone, Debug, PartialEq)]
pub struct Confusion {
    /// Whether rows are true classes; else they are the float model's answers.
    pub by_truth: bool,
    /// Classes with a row and a column of their own, ascending.
    pub shown: Vec<u32>,
    /// Classes summed in the row and column after them.
    pub n_other: usize,
    /// Whether the last column counts samples without an answer.
    pub has_unanswered: bool,
    /// Every cell that is not empty, by class and answer.
    pub cells: Vec<ConfusionCell>,
    table: Vec<[u32; 2]>,
}

/// Counts answers by class, with at most `n_shown` classes apart.
///
/// - Rows: the true class, or without labels what float answers. Columns: the answer.
/// - Shown are all classes if they are few enough, else those whose rows and columns change most
///   (`Σ|quantized − float|`; of equals the first).
/// - NaN: a sample without an answer counts in a column of its own; one that is filed under no
///   class is not counted.
pub fn confusion(answers: &Answers, n_shown: usize) -> Confusion {
    let mut counts: BTreeMap<(u32, u32), [u32; 2]> = BTreeMap::new();
    for row in &answers.rows {
        let Some(class) = row.filed_under() else { continue };
        for (side_idx, side) in [Side::Float, Side::Quantized].into_iter().enumerate() {
            counts.entry((class, row.guess(side).answer)).or_default()[side_idx] += 1;
        }
    }
    let has_unanswered = counts.keys().any(|&(_, answer)| answer == NO_CLASS);
    let shown = most_changed(&counts, answers.n_classes, n_shown);
    let n_other = answers.n_classes - shown.len();
    let mut confusion = Confusion {
        by_truth: answers.has_targets(),
        n_other,
        has_unanswered,
        cells: Vec::with_capacity(counts.len()),
        table: Vec::new(),
        shown,
    };
    confusion.table = vec![[0; 2]; confusion.n_rows() * confusion.n_columns()];
    for ((class, answer), [float, quantized]) in counts {
        let cell = ConfusionCell { class, answer: known(answer), float, quantized };
        let place = confusion.place(class).zip(match cell.answer {
            Some(answer) => confusion.place(answer),
            None => Some(confusion.n_columns() - 1),
        });
        if let Some((row, column)) = place {
            let place = row * confusion.n_columns() + column;
            if let Some(entry) = confusion.table.get_mut(place) {
                entry[0] += float;
                entry[1] += quantized;
            }
        }
        confusion.cells.push(cell);
    }
    confusion
}

fn most_changed(
    counts: &BTreeMap<(u32, u32), [u32; 2]>,
    n_classes: usize,
    n_shown: usize,
) -> Vec<u32> {
    let mut classes: Vec<u32> = (0..u32::try_from(n_classes).unwrap_or(u32::MAX)).collect();
    if n_classes <= n_shown {
        return classes;
    }
    let mut changes = vec![0u64; n_classes];
    for (&(class, answer), &[float, quantized]) in counts {
        for class in [class, answer] {
            if let Some(change) = changes.get_mut(class as usize) {
                *change += u64::from(float.abs_diff(quantized));
            }
        }
    }
    classes.sort_by_key(|&class| std::cmp::Reverse(changes.get(class as usize).copied()));
    classes.truncate(n_shown);
    classes.sort_unstable();
    classes
}

impl Confusion {
    pub fn n_rows(&self) -> usize {
        self.shown.len() + usize::from(self.n_other > 0)
    }

    pub fn n_columns(&self) -> usize {
        self.n_rows() + usize::from(self.has_unanswered)
    }

    /// Samples in a cell of the shown table, from one model.
    pub fn count(&self, side: Side, row: usize, column: usize) -> u32 {
        let entry = self.table.get(row * self.n_columns() + column).copied().unwrap_or_default();
        match side {
            Side::Float => entry[0],
            Side::Quantized => entry[1],
        }
    }

    /// `quantized − float` of a cell of the shown table.
    pub fn change(&self, row: usize, column: usize) -> i64 {
        let count = |side| i64::from(self.count(side, row, column));
        count(Side::Quantized) - count(Side::Float)
    }

    /// The row and column of a class: its own, or that of the others.
    fn place(&self, class: u32) -> Option<usize> {
        match self.shown.binary_search(&class) {
            Ok(place) => Some(place),
            Err(_) => (self.n_other > 0).then_some(self.shown.len()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::answers;
    use super::*;

    #[test]
    fn samples_are_counted_by_class_and_answer() {
        let table = answers(
            3,
            &[
                [Some(0), Some(0), Some(1)],
                [Some(0), Some(0), Some(0)],
                [Some(1), Some(2), Some(1)],
                [Some(2), Some(2), None],
            ],
        );
        let found = confusion(&table, 24);
        assert_eq!((found.n_rows(), found.n_columns()), (3, 4));
        assert_eq!(found.count(Side::Float, 0, 0), 2);
        assert_eq!((found.change(0, 0), found.change(0, 1), found.change(2, 3)), (-1, 1, 1));
        let total: i64 = found.cells.iter().map(ConfusionCell::change).sum();
        assert_eq!(total, 0);
    }

    #[test]
    fn of_many_classes_those_that_change_are_shown() {
        let mut rows: Vec<[Option<usize>; 3]> = (0..1000).map(|c| [Some(c); 3]).collect();
        rows.push([Some(700), Some(700), Some(31)]);
        rows.push([Some(700), Some(700), Some(32)]);
        let found = confusion(&answers(1000, &rows), 3);
        assert_eq!((found.shown.clone(), found.n_other), (vec![31, 32, 700], 997));
        assert_eq!(found.count(Side::Float, 3, 3), 997, "the others, summed");
        assert_eq!((found.change(2, 0), found.change(2, 2)), (1, -2));
    }

    #[test]
    fn without_labels_rows_are_what_float_answers() {
        let table = answers(2, &[[None, Some(0), Some(1)], [None, Some(1), Some(1)]]);
        let found = confusion(&table, 24);
        assert!(!found.by_truth);
        assert_eq!((found.change(0, 1), found.count(Side::Float, 0, 0)), (1, 1));
        assert_eq!(confusion(&answers(0, &[]), 24).cells, []);
    }
}
