//! Which layer costs how much: every layer quantized alone, and every layer left out of an otherwise
//! quantized model, measured on samples; beside it what cheap predictors say. Nothing is guessed.

mod candidates;
mod curvature;
mod exact;
mod measure;
mod pair;
mod predictor;
mod tally;

use serde::{Deserialize, Serialize};

use super::accuracy::Metric;
use super::error::{LayerError, Sqnr};
use super::interval::Estimate;
use crate::quant::SchemeChoice;

pub use candidates::CandidateWeights;
pub use curvature::Curvature;
pub use measure::{SensitivityRequest, measure_sensitivity};
pub use pair::compare_models;
pub use predictor::{Effect, Misjudged, Predictor, spearman};
pub use tally::Tally;

/// What was measured, layer by layer and candidate by candidate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sensitivity {
    pub metric: Metric,
    /// Samples a complete column was measured on.
    pub n_total: usize,
    /// In the network's order; embeddings are left out.
    pub layers: Vec<MeasuredLayer>,
    /// By candidate, as far as there are figures.
    pub columns: Vec<Column>,
    /// By layer; `None` for a weight that is all zero.
    pub curvature: Vec<Option<Curvature>>,
    /// Samples the curvature was estimated on.
    pub n_curvature_samples: usize,
}

/// A layer by what tells it apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeasuredLayer {
    pub name: String,
    pub n_weights: usize,
}

/// One candidate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Column {
    #[serde(with = "exact::spec")]
    pub choice: SchemeChoice,
    /// Every layer quantized so, against float.
    pub everything: Tally,
    /// By layer; why the scheme refuses its weights.
    pub cells: Vec<Result<Cell, String>>,
}

/// One layer under one candidate.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cell {
    /// Only this layer quantized, against float.
    pub alone: Tally,
    /// Every layer but this one quantized, against float.
    pub all_but: Tally,
    /// The same against every layer quantized: what is won back.
    pub regained: Tally,
    pub weights: WeightError,
}

/// What the candidate does to the weights of the layer.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct WeightError {
    pub n_weights: usize,
    /// `Σx²`.
    #[serde(with = "exact::bits")]
    pub signal: f64,
    /// `Σ(x−x̂)²`.
    #[serde(with = "exact::bits")]
    pub noise: f64,
    /// Everything needed to decode the layer.
    pub storage_bits: u64,
}

impl WeightError {
    fn of(error: &LayerError) -> Self {
        Self {
            n_weights: error.total.count,
            signal: error.total.signal,
            noise: error.total.noise,
            storage_bits: error.fitted.storage_bits(),
        }
    }

    /// `Σ(x−x̂)²/n`; 0 for an empty tensor.
    pub fn mse(&self) -> f64 {
        if self.n_weights == 0 { 0.0 } else { self.noise / self.n_weights as f64 }
    }

    pub fn sqnr(&self) -> Sqnr {
        Sqnr::of_sums(self.signal, self.noise)
    }
}

impl Sensitivity {
    /// Samples that all columns have been measured on; 0 before the first.
    pub fn n_samples(&self) -> usize {
        self.columns.iter().map(|column| column.everything.n_rows).min().unwrap_or(0)
    }

    /// Whether every column has seen every sample.
    pub fn is_complete(&self) -> bool {
        !self.columns.is_empty() && self.n_samples() == self.n_total
    }

    /// The metric of the float model; `None` where it is the agreement with that model.
    pub fn float(&self) -> Option<Estimate> {
        self.columns.first()?.everything.value_before(self.metric)
    }

    /// The column of a candidate.
    pub fn column(&self, choice: &SchemeChoice) -> Option<&Column> {
        self.columns.iter().find(|column| column.choice == *choice)
    }

    /// The figures of a layer under a candidate.
    pub fn cell(&self, layer_idx: usize, column_idx: usize) -> Option<&Cell> {
        self.columns.get(column_idx)?.cells.get(layer_idx)?.as_ref().ok()
    }

    /// Both together: the columns of `other` and those of this one that `other` has not. What was
    /// measured on other layers or samples is not joined.
    #[must_use]
    pub fn joined(mut self, other: &Self) -> Self {
        if !self.is_alike(other) {
            return other.clone();
        }
        self.columns.retain(|column| other.column(&column.choice).is_none());
        self.columns.extend(other.columns.iter().cloned());
        self
    }

    /// Whether both are about the same layers on as many samples.
    fn is_alike(&self, other: &Self) -> bool {
        self.metric == other.metric && self.n_total == other.n_total && self.layers == other.layers
    }
}
