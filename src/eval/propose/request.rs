//! What a proposal is asked for, and why there may be none.

use super::mixes::Score;
use crate::base::{fixed, percent};
use crate::eval::accuracy::Metric;
use crate::eval::cost::CostError;
use crate::eval::runner::Runner;
use crate::eval::sensitivity::{CandidateWeights, Sensitivity};
use crate::eval::sweep::SweepError;

/// The most it may take.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Budget {
    /// Stored bits over weights of the layers that are measured, scales included.
    BitsPerWeight(f64),
    /// Of the whole model, what stays in float included.
    Bytes(u64),
    /// Of one prediction of the whole model, as [`Costs::of`](crate::eval::Costs::of) estimates it
    /// with float activations.
    Microjoules(f64),
}

/// The recall that a class must keep.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CriticalFloor {
    pub class_idx: usize,
    /// Share of the class's search samples that are right, at least.
    pub recall: f64,
}

/// What to propose for.
pub struct ProposeRequest<'a> {
    pub sensitivity: &'a Sensitivity,
    /// The candidates of the sensitivity's columns, in their order.
    pub weights: &'a CandidateWeights,
    pub budget: Option<Budget>,
    /// The metric that has to be reached on the search samples: at least, a perplexity at most.
    pub floor: Option<f64>,
    pub critical_floor: Option<CriticalFloor>,
    /// Measured layers that keep a candidate, or stay float.
    pub held: &'a [(usize, Option<usize>)],
    /// The first so many candidates are for every layer, the others for those that are held.
    pub n_offered: usize,
    /// Samples a mix is run on; all if `None`.
    pub limit: Option<usize>,
    pub effort: Effort,
}

/// How much may be run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Effort {
    /// Every mix where that is soon done, else a search of 400 to 1500 mixes: fewer of a larger
    /// model.
    #[default]
    Measured,
    /// A search of at most so many mixes, however few there are.
    Search(usize),
    /// Every mix, however many there are.
    RunAll,
}

/// Why there is no proposal.
#[derive(Debug, thiserror::Error)]
pub enum ProposeError {
    #[error("neither a size nor an energy nor an accuracy is asked for")]
    NothingAsked,
    #[error("the candidates are not those that were measured")]
    OtherCandidates,
    #[error("{wanted} cannot be had; the smallest that these candidates allow is {nearest}")]
    TooSmall { wanted: String, nearest: String },
    #[error("{wanted} is not reached on the search samples; the nearest found is {nearest}")]
    OutOfReach { wanted: String, nearest: String },
    #[error(
        "no sample of the critical class is among the search samples, so its recall is unknown"
    )]
    NoCriticalSamples,
    #[error("the energy is not known: {0}")]
    Cost(#[from] CostError),
    #[error(transparent)]
    Run(#[from] SweepError),
}

impl From<crate::eval::runner::EvalError> for ProposeError {
    fn from(error: crate::eval::runner::EvalError) -> Self {
        Self::Run(error.into())
    }
}

impl<'a> ProposeRequest<'a> {
    /// For what was measured with these candidates, nothing asked for yet.
    pub fn new(sensitivity: &'a Sensitivity, weights: &'a CandidateWeights) -> Self {
        Self {
            sensitivity,
            weights,
            budget: None,
            floor: None,
            critical_floor: None,
            held: &[],
            n_offered: usize::MAX,
            limit: None,
            effort: Effort::default(),
        }
    }

    pub(super) fn check(&self, runner: &Runner) -> Result<(), ProposeError> {
        if self.budget.is_none() && !self.has_floor() {
            return Err(ProposeError::NothingAsked);
        }
        let columns = self.sensitivity.columns.iter().map(|column| &column.choice);
        if !columns.eq(self.weights.choices.iter()) {
            return Err(ProposeError::OtherCandidates);
        }
        let labels = runner.samples().labels.as_deref().unwrap_or_default();
        let chunks = runner.chunks(self.limit);
        let is_of = |class_idx: usize| {
            chunks.iter().copied().flatten().any(|idx| labels.get(*idx) == Some(&class_idx))
        };
        if self.critical_floor.is_some_and(|floor| !is_of(floor.class_idx)) {
            return Err(ProposeError::NoCriticalSamples);
        }
        Ok(())
    }

    pub(super) fn has_floor(&self) -> bool {
        self.floor.is_some() || self.critical_floor.is_some()
    }

    fn metric(&self) -> Metric {
        self.sensitivity.metric
    }

    /// Whether a mix is good enough.
    pub(super) fn reaches(&self, score: &Score) -> bool {
        let value = score.tally.value(self.metric()).value;
        let is_reached = |floor: f64| match self.metric() {
            Metric::Perplexity => value <= floor,
            Metric::Top1 | Metric::Agreement => value >= floor,
        };
        self.floor.is_none_or(is_reached)
            && self.critical_floor.is_none_or(|floor| score.critical_recall() >= floor.recall)
    }

    /// How much is missing: shares, and a perplexity's excess relative to its floor.
    pub(super) fn lacking(&self, score: &Score) -> f64 {
        let value = score.tally.value(self.metric()).value;
        let of_value = self.floor.map_or(0.0, |floor| match self.metric() {
            Metric::Perplexity => value / floor - 1.0,
            Metric::Top1 | Metric::Agreement => floor - value,
        });
        let of_class = self.critical_floor.map_or(0.0, |c| c.recall - score.critical_recall());
        let lacking = of_value.max(0.0) + of_class.max(0.0);
        if of_value.is_nan() || of_class.is_nan() { f64::INFINITY } else { lacking }
    }

    pub(super) fn floors_text(&self) -> String {
        let value = self.floor.map(|floor| self.value_text(floor));
        let class = self.critical_floor.map(|floor| recall_text(floor.recall));
        value.into_iter().chain(class).collect::<Vec<_>>().join(" with ")
    }

    pub(super) fn score_text(&self, score: &Score) -> String {
        let value = score.tally.value(self.metric()).value;
        let value = self.floor.map(|_| self.value_text(value));
        let class = self.critical_floor.map(|_| recall_text(score.critical_recall()));
        value.into_iter().chain(class).collect::<Vec<_>>().join(" with ")
    }

    fn value_text(&self, value: f64) -> String {
        match self.metric() {
            Metric::Perplexity => format!("perplexity {}", fixed(value, 3)),
            Metric::Top1 => format!("top-1 {}", percent(value, 2)),
            Metric::Agreement => format!("agreement {}", percent(value, 2)),
        }
    }
}

fn recall_text(recall: f64) -> String {
    format!("recall {} of the critical class", percent(recall, 2))
}
