//! Every layer quantized every way, and the constants of the models that differ from float, or from
//! one with every layer quantized, by one layer.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::MeasuredLayer;
use crate::base::WorkCtx;
use crate::eval::recipe_eval::{QuantizedLayer, RecipeEvalError, quantize_layer};
use crate::eval::runner::{EvalError, Runner};
use crate::exec::Constants;
use crate::model::{Layer, LayerRole, Network};
use crate::quant::{QuantError, Recipe, SchemeChoice};
use crate::tensor::{Tensor, Value};

/// A layer under a candidate; why the scheme refuses its weights.
pub type CandidateLayer = Result<Arc<QuantizedLayer>, String>;

/// The layers that are quantized unless a person says otherwise, under every candidate.
pub struct CandidateWeights {
    /// Places in the network.
    pub layers: Vec<usize>,
    pub choices: Vec<SchemeChoice>,
    /// By candidate, by layer.
    pub cells: Vec<Vec<CandidateLayer>>,
}

impl CandidateWeights {
    /// Quantizes them.
    ///
    /// # Errors
    /// A tensor that cannot be read; cancelled.
    pub fn new(
        network: &Network,
        choices: &[SchemeChoice],
        ctx: &WorkCtx,
    ) -> Result<Self, RecipeEvalError> {
        let layers = measured_layers(network);
        let cell = |choice: &SchemeChoice, layer_idx: &usize| {
            let Some(layer) = network.layers.get(*layer_idx) else {
                return Ok(Err("no such layer".to_owned()));
            };
            match quantize_layer(network, layer, choice, ctx) {
                Ok(done) => Ok(Ok(Arc::new(done))),
                Err(RecipeEvalError::Quant { source, tensor }) => match source {
                    QuantError::Cancelled(_) => Err(RecipeEvalError::Quant { source, tensor }),
                    refused => Ok(Err(refused.to_string())),
                },
                Err(error) => Err(error),
            }
        };
        let column = |choice: &SchemeChoice| layers.iter().map(|idx| cell(choice, idx)).collect();
        let cells = choices.iter().map(column).collect::<Result<_, _>>()?;
        Ok(Self { layers, choices: choices.to_vec(), cells })
    }

    /// A layer under a candidate, where the scheme takes its weights.
    pub fn get(&self, layer_idx: usize, candidate_idx: usize) -> Option<&Arc<QuantizedLayer>> {
        self.cells.get(candidate_idx)?.get(layer_idx)?.as_ref().ok()
    }

    /// The recipe of an allocation: a candidate for every layer, or none to keep it float.
    pub fn recipe(&self, network: &Network, chosen: &[Option<usize>]) -> Recipe {
        let mut recipe = Recipe::default();
        for (layer_idx, chosen) in self.layers.iter().zip(chosen) {
            let choice = chosen.and_then(|idx| self.choices.get(idx));
            if let (Some(layer), Some(choice)) = (network.layers.get(*layer_idx), choice) {
                recipe.set(&layer.name, choice.clone());
            }
        }
        recipe
    }

    /// The tensors that stand in place of the file's under an allocation.
    pub fn overlay(&self, network: &Network, chosen: &[Option<usize>]) -> BTreeMap<String, Tensor> {
        let mut replaced = BTreeMap::new();
        for (nth, (layer_idx, chosen)) in self.layers.iter().zip(chosen).enumerate() {
            let done = chosen.and_then(|candidate_idx| self.get(nth, candidate_idx));
            let weights = done.and_then(|done| done.weights.clone());
            if let (Some(layer), Some(weights)) = (network.layers.get(*layer_idx), weights) {
                replaced.insert(layer.weight.clone(), weights);
            }
        }
        replaced
    }
}

/// Places of the layers that are measured.
fn measured_layers(network: &Network) -> Vec<usize> {
    let layers = network.layers.iter().enumerate();
    layers.filter(|(_, layer)| layer.role != LayerRole::Embedding).map(|(idx, _)| idx).collect()
}

/// The same by name.
pub(super) fn named_layers(network: &Network) -> Vec<MeasuredLayer> {
    let named =
        |layer: &Layer| MeasuredLayer { name: layer.name.clone(), n_weights: layer.count() };
    network.default_layers().map(named).collect()
}

/// What one candidate is run with.
pub(super) struct Variants {
    pub everything: Constants,
    /// By layer; `None` where the scheme refuses its weights.
    pub layers: Vec<Option<LayerVariants>>,
}

pub(super) struct LayerVariants {
    pub alone: Constants,
    pub all_but: Constants,
}

impl Variants {
    /// `cells` has the layers of the network that are measured, in order.
    pub fn new(runner: &Runner, cells: &[CandidateLayer]) -> Result<Self, EvalError> {
        let network = runner.network();
        let places: Vec<&Layer> = network.default_layers().collect();
        let mut overlay: BTreeMap<String, Tensor> = BTreeMap::new();
        for (layer, cell) in places.iter().zip(cells) {
            if let Ok(QuantizedLayer { weights: Some(weights), .. }) = cell.as_deref() {
                overlay.insert(layer.weight.clone(), weights.clone());
            }
        }
        // A table of its own, so that going back to float is the change of one layer.
        let read = |name: &str| match overlay.get(name) {
            Some(tensor) => Ok(Value::F32(tensor.clone())),
            None => network.value(name),
        };
        let plan = runner.plan();
        let everything = plan.constants(read)?;
        let variant = |(layer, cell): (&&Layer, &CandidateLayer)| {
            if cell.is_err() {
                return Ok(None);
            }
            let of_layer = |tensor: Tensor| BTreeMap::from([(layer.weight.clone(), tensor)]);
            let quantized = overlay.get(&layer.weight).cloned();
            let alone = runner.constants(&quantized.map(of_layer).unwrap_or_default())?;
            let float = network.tensor(&layer.weight).map_err(crate::exec::ExecError::from)?;
            let all_but = plan.with_replaced(&everything, read, &of_layer(float))?;
            Ok::<_, EvalError>(Some(LayerVariants { alone, all_but }))
        };
        let layers = places.iter().zip(cells).map(variant).collect::<Result<_, _>>()?;
        Ok(Self { everything, layers })
    }
}
