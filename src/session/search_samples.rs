//! Samples that choices are made with, and those that then judge: never the same.

use std::sync::Arc;

use super::opening::Opened;
use crate::eval::{SamplePart, SampleSet, SamplesError, Split};

/// A set, or the half of one, to measure and choose with.
#[derive(Clone, Debug)]
pub struct SearchSamples {
    pub set: Arc<SampleSet>,
    pub part: SamplePart,
}

impl SearchSamples {
    /// A whole set; of one that judges the half that is held apart.
    pub fn of(set: Arc<SampleSet>) -> Self {
        let part = match set.split {
            Split::Eval => SamplePart::SearchHalf,
            Split::Calibration | Split::Train => SamplePart::All,
        };
        Self { set, part }
    }

    /// What may judge of the set that otherwise would.
    pub fn judging_part(&self) -> SamplePart {
        match self.part {
            SamplePart::All => SamplePart::All,
            SamplePart::SearchHalf | SamplePart::JudgingHalf => SamplePart::JudgingHalf,
        }
    }

    /// Which samples they are, for a person.
    pub fn told(&self) -> String {
        match self.part {
            SamplePart::All => self.set.name.clone(),
            SamplePart::SearchHalf => {
                format!("one class-balanced half of {}; the other half judges", self.set.name)
            }
            SamplePart::JudgingHalf => format!("the judging half of {}", self.set.name),
        }
    }
}

impl Opened {
    /// The calibration set beside the model, else the train set, else a half of the set that
    /// judges; `None` where there is none of them.
    pub fn search_samples(&self) -> Option<Result<SearchSamples, Arc<SamplesError>>> {
        let beside = [Split::Calibration, Split::Train];
        let found = beside.into_iter().find_map(|split| self.find_set(split));
        match (found, &self.eval, &self.eval_error) {
            (Some(Ok(set)), ..) => Some(Ok(SearchSamples::of(Arc::new(set)))),
            (Some(Err(error)), ..) => Some(Err(Arc::new(error))),
            (None, Some(eval), _) => {
                Some(Ok(SearchSamples { set: Arc::clone(eval), part: SamplePart::SearchHalf }))
            }
            (None, None, Some(error)) => Some(Err(Arc::clone(error))),
            (None, None, None) => None,
        }
    }
}
