//! What a proposal is asked for, and how sizes are counted.

use super::allocate::Item;
use crate::base::{bytes, fixed, percent};
use crate::eval::accuracy::Metric;
use crate::eval::error::LayerError;
use crate::eval::sensitivity::{CandidateWeights, Sensitivity};
use crate::eval::size::{ModelSize, float_bytes};
use crate::eval::sweep::SweepError;
use crate::model::{Layer, Network};

/// The most it may take.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Budget {
    /// Stored bits over weights of the layers that are measured, scales included.
    BitsPerWeight(f64),
    /// Of the whole model, what stays in float included.
    Bytes(u64),
}

/// What to propose for.
pub struct ProposeRequest<'a> {
    pub sensitivity: &'a Sensitivity,
    /// The candidates of the sensitivity's columns, in their order.
    pub weights: &'a CandidateWeights,
    pub budget: Option<Budget>,
    /// The metric that has to be reached on the search samples: at least, a perplexity at most.
    pub floor: Option<f64>,
    /// Samples a mix is run on; all if `None`.
    pub limit: Option<usize>,
}

/// Why there is no proposal.
#[derive(Debug, thiserror::Error)]
pub enum ProposeError {
    #[error("neither a size nor an accuracy is asked for")]
    NothingAsked,
    #[error("the candidates are not those that were measured")]
    OtherCandidates,
    #[error("{wanted} cannot be had; the smallest that these candidates allow is {nearest}")]
    TooSmall { wanted: String, nearest: String },
    #[error("{wanted} is not reached on the search samples; the nearest found is {nearest}")]
    OutOfReach { wanted: String, nearest: String },
    #[error(transparent)]
    Run(#[from] SweepError),
}

impl From<crate::eval::runner::EvalError> for ProposeError {
    fn from(error: crate::eval::runner::EvalError) -> Self {
        Self::Run(error.into())
    }
}

impl ProposeRequest<'_> {
    pub(super) fn check(&self) -> Result<(), ProposeError> {
        if self.budget.is_none() && self.floor.is_none() {
            return Err(ProposeError::NothingAsked);
        }
        let columns = self.sensitivity.columns.iter().map(|column| &column.choice);
        if !columns.eq(self.weights.choices.iter()) {
            return Err(ProposeError::OtherCandidates);
        }
        Ok(())
    }

    pub(super) fn metric(&self) -> Metric {
        self.sensitivity.metric
    }

    /// Whether a value of the metric is good enough.
    pub(super) fn reaches(&self, value: f64, floor: f64) -> bool {
        if self.metric() == Metric::Perplexity { value <= floor } else { value >= floor }
    }

    pub(super) fn value_text(&self, value: f64) -> String {
        match self.metric() {
            Metric::Perplexity => format!("perplexity {}", fixed(value, 3)),
            Metric::Top1 => format!("top-1 {}", percent(value, 2)),
            Metric::Agreement => format!("agreement {}", percent(value, 2)),
        }
    }
}

/// Sizes in the unit of the budget: bits of the layers, or bytes of the model.
pub(super) struct Sizes {
    budget: Option<Budget>,
    n_weights: u64,
    /// Bytes of everything that is no measured layer.
    rest_bytes: u64,
    /// By layer, in float.
    float_bytes: Vec<u64>,
}

impl Sizes {
    pub fn new(network: &Network, request: &ProposeRequest) -> Self {
        let places = &request.weights.layers;
        let no_errors: Vec<Option<&LayerError>> = vec![None; network.layers.len()];
        let whole = ModelSize::new(network, &no_errors).float_bytes;
        let of_layer = |idx: &usize| network.layers.get(*idx).map_or(0, Layer::count);
        let n_weights: usize = places.iter().map(of_layer).sum();
        let float_bytes: Vec<u64> = places.iter().map(|idx| float_bytes(network, *idx)).collect();
        let layers: u64 = float_bytes.iter().sum();
        let rest_bytes = whole.saturating_sub(layers);
        Self { budget: request.budget, n_weights: n_weights as u64, rest_bytes, float_bytes }
    }

    /// What the layers may take together.
    pub fn limit(&self) -> u64 {
        match self.budget {
            None => u64::MAX,
            Some(Budget::BitsPerWeight(bits)) => (bits * self.n_weights as f64).floor() as u64,
            Some(Budget::Bytes(bytes)) => bytes.saturating_sub(self.rest_bytes),
        }
    }

    /// A layer's size from its stored bits.
    pub fn of_bits(&self, bits: u64) -> u64 {
        match self.budget {
            Some(Budget::Bytes(_)) => bits.div_ceil(8),
            _ => bits,
        }
    }

    /// Every layer's ways; one that every candidate refuses stays float.
    pub fn items(&self, request: &ProposeRequest) -> Vec<Vec<Item>> {
        let columns = &request.sensitivity.columns;
        let layers = self.float_bytes.iter().enumerate();
        layers
            .map(|(layer_idx, &float_bytes)| {
                let item = |choice: usize| {
                    let cell = request.sensitivity.cell(layer_idx, choice)?;
                    let size = self.of_bits(cell.weights.storage_bits);
                    Some(Item { choice: Some(choice), size, harm: cell.alone.kl().value })
                };
                let items: Vec<Item> = (0..columns.len()).filter_map(item).collect();
                let float = Item { choice: None, size: self.of_bits(8 * float_bytes), harm: 0.0 };
                if items.is_empty() { vec![float] } else { items }
            })
            .collect()
    }

    pub fn too_small(&self, smallest: Option<u64>) -> ProposeError {
        let smallest = smallest.unwrap_or(0);
        let per_weight = |bits: f64| format!("{} bits a weight", fixed(bits, 3));
        let (wanted, nearest) = match self.budget {
            Some(Budget::Bytes(wanted)) => {
                let nearest = smallest + self.rest_bytes;
                (exact_bytes(wanted), exact_bytes(nearest))
            }
            Some(Budget::BitsPerWeight(wanted)) => {
                // Rounded up, so that asking for it works.
                let nearest = smallest as f64 / self.n_weights.max(1) as f64;
                (per_weight(wanted), per_weight((nearest * 1000.0).ceil() / 1000.0))
            }
            None => ("any size".to_owned(), "none".to_owned()),
        };
        ProposeError::TooSmall { wanted, nearest }
    }
}

fn exact_bytes(count: u64) -> String {
    format!("{} ({count} bytes)", bytes(count))
}
