//! What each model answered on each sample, and what can be read from that: confusion, recall,
//! calibration, the samples whose answer changed. Pure functions of one table.

mod breakdown;
mod confusion;
mod flips;
mod recall;
mod reliability;

pub use breakdown::{Breakdown, ClassGain, MAX_SHOWN};
pub use confusion::{Confusion, ConfusionCell, confusion};
pub use flips::{FlipCounts, FlipFilter, FlipKind, flip_counts, flips};
pub use recall::{Recall, TOLERATED_LOSS, recall_by_class};
pub use reliability::{N_BINS, Reliability, ReliabilityBin, reliability};

use super::samples::Task;

/// In place of a class where there is none.
const NO_CLASS: u32 = u32::MAX;

/// One of the two models.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Float,
    Quantized,
}

/// What one model said once.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Guess {
    answer: u32,
    /// Softmax probability of the answer; 0 without one.
    pub confidence: f32,
    /// Softmax probability of the true class; 0 without a label.
    pub true_confidence: f32,
}

impl Default for Guess {
    fn default() -> Self {
        Self { answer: NO_CLASS, confidence: 0.0, true_confidence: 0.0 }
    }
}

impl Guess {
    pub fn new(answer: Option<usize>, confidence: f32, true_confidence: f32) -> Self {
        Self { answer: class(answer), confidence, true_confidence }
    }

    /// The class with the highest score; `None` where a score is NaN.
    pub fn answer(&self) -> Option<u32> {
        known(self.answer)
    }
}

/// Both models on one prediction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AnswerRow {
    pub sample_idx: u32,
    target: u32,
    pub float: Guess,
    /// The same as `float` where no quantized model was run.
    pub quantized: Guess,
}

impl AnswerRow {
    pub fn new(sample_idx: usize, target: Option<usize>, float: Guess, quantized: Guess) -> Self {
        let sample_idx = u32::try_from(sample_idx).unwrap_or(u32::MAX);
        Self { sample_idx, target: class(target), float, quantized }
    }

    /// The same prediction with another model's guess to compare with.
    #[must_use]
    pub fn against(self, before: Guess) -> Self {
        Self { float: before, ..self }
    }

    /// The true class; `None` in a set without labels.
    pub fn target(&self) -> Option<u32> {
        known(self.target)
    }

    /// The class the prediction is filed under: the true one, else what float answers.
    pub fn filed_under(&self) -> Option<u32> {
        self.target().or(self.float.answer())
    }

    pub fn guess(&self, side: Side) -> &Guess {
        match side {
            Side::Float => &self.float,
            Side::Quantized => &self.quantized,
        }
    }

    /// Whether that model gives the class the prediction is filed under.
    pub fn is_hit(&self, side: Side) -> bool {
        self.filed_under().is_some_and(|class| self.guess(side).answer() == Some(class))
    }

    /// What became of the answer; `None` where it is the same.
    pub fn flip(&self) -> Option<FlipKind> {
        if self.float.answer == self.quantized.answer {
            return None;
        }
        match self.target() {
            Some(target) if self.float.answer == target => Some(FlipKind::Broken),
            Some(target) if self.quantized.answer == target => Some(FlipKind::Fixed),
            _ => Some(FlipKind::Other),
        }
    }
}

/// Every prediction of a run, in the order it was made.
#[derive(Clone, Debug, PartialEq)]
pub struct Answers {
    pub rows: Vec<AnswerRow>,
    pub task: Task,
    /// Classes the graph's output tells apart; for a language model, tokens.
    pub n_classes: usize,
    /// Predictions of one sample: 1, or for a language model the tokens of a row.
    pub per_sample: usize,
    /// Whether a quantized model was run.
    pub is_compared: bool,
}

impl Answers {
    /// Whether the set has labels.
    pub fn has_targets(&self) -> bool {
        self.rows.first().is_some_and(|row| row.target().is_some())
    }

    pub fn is_classification(&self) -> bool {
        self.task == Task::Classification
    }

    /// Which prediction of its sample a row is.
    pub fn place_in_sample(&self, row_idx: usize) -> usize {
        row_idx % self.per_sample.max(1)
    }
}

fn class(idx: Option<usize>) -> u32 {
    idx.and_then(|idx| u32::try_from(idx).ok()).unwrap_or(NO_CLASS)
}

fn known(class: u32) -> Option<u32> {
    (class != NO_CLASS).then_some(class)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Rows of (true class, float answer, quantized answer), all with probability 0.5.
    pub fn answers(n_classes: usize, rows: &[[Option<usize>; 3]]) -> Answers {
        let guess = |answer: Option<usize>| Guess::new(answer, 0.5, 0.5);
        let rows = rows.iter().enumerate().map(|(idx, &[target, float, quantized])| {
            AnswerRow::new(idx, target, guess(float), guess(quantized))
        });
        Answers {
            rows: rows.collect(),
            task: Task::Classification,
            n_classes,
            per_sample: 1,
            is_compared: true,
        }
    }

    #[test]
    fn a_changed_answer_has_a_kind() {
        for (row, wanted) in [
            ([Some(1), Some(1), Some(1)], None),
            ([Some(1), Some(1), Some(2)], Some(FlipKind::Broken)),
            ([Some(1), Some(1), None], Some(FlipKind::Broken)),
            ([Some(1), None, Some(1)], Some(FlipKind::Fixed)),
            ([Some(1), Some(0), Some(2)], Some(FlipKind::Other)),
            ([Some(1), None, None], None),
            ([None, Some(0), Some(2)], Some(FlipKind::Other)),
        ] {
            assert_eq!(answers(3, &[row]).rows[0].flip(), wanted, "{row:?}");
        }
    }

    #[test]
    fn a_row_is_small() {
        assert_eq!(size_of::<AnswerRow>(), 32);
    }
}
