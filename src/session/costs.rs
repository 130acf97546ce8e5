//! What one prediction costs in operations and energy, with the layers as they are set.

use std::sync::Arc;

use super::loaded::Loaded;
use super::query::{Answer, Query};
use super::state::Session;
use super::workshop::{QueryError, Workshop};
use crate::eval::{Costs, EvalError, Feed, LayerCode, ModelCosts, planned_bits};
use crate::quant::SchemeChoice;

impl Workshop {
    /// Counted from the shapes of one run.
    pub(super) fn model_costs(&self) -> Result<ModelCosts, QueryError> {
        let input = self.network.graph.as_ref().and_then(|graph| graph.inputs.first());
        let feed = match (&self.samples, input) {
            (Some(samples), Some(input)) => {
                Some(samples.feed(&input.resolve()).map_err(EvalError::from)?)
            }
            _ => None,
        };
        let costs = ModelCosts::measure(&self.network, feed.as_ref().map(Feed::sample_dims));
        costs.map_err(|error| QueryError::Words(error.to_string()))
    }
}

impl Session {
    /// Multiply-accumulates and reads of every layer, whatever its bits are.
    pub fn model_costs(&self) -> Loaded<ModelCosts> {
        let query = Query::Costs { network: self.network_id, samples: self.samples_id };
        self.ask(query, |answer| match answer {
            Answer::Costs(costs) => Some(costs),
            _ => None,
        })
    }

    /// Of the layers as they are set, activations in float; `None` until all of it is known.
    pub fn costs(&self) -> Option<(Costs, Arc<ModelCosts>)> {
        let model = self.model_costs().ready().cloned()?;
        let network = self.network()?;
        let code = |(layer_idx, layer): (usize, &crate::model::Layer)| {
            let choice: SchemeChoice = self.choice(layer_idx);
            if choice.keeps_float() {
                return Some(None);
            }
            let stored_bits = match planned_bits(layer, &choice) {
                Some(bits) => bits,
                None => self.layer_figures_in_time(layer_idx).ready()?.storage_bits,
            };
            Some(Some(LayerCode::new(stored_bits, &choice, layer.count())))
        };
        let codes: Option<Vec<Option<LayerCode>>> =
            network.layers.iter().enumerate().map(code).collect();
        Some((Costs::of(&model, &codes?, None), model))
    }
}
