//! What is known of the states the history leads through. Nothing is computed for them: a figure is
//! there if it was asked for while its state was the present one.

use std::collections::HashMap;
use std::sync::Arc;

use super::query::{Answer, Query};
use super::state::{Entry, Session};
use crate::eval::{Accuracy, LayerError, ModelSize, Sqnr, total_error};

/// Accuracies by sample set and state.
pub(super) type KnownAccuracies = HashMap<(u64, u64), Arc<Accuracy>>;

/// Figures of the whole model by state.
pub(super) type KnownFigures = HashMap<u64, ModelFigures>;

/// Of the whole model in one state.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ModelFigures {
    pub size: ModelSize,
    /// Of all quantized weights taken together, as in [`total_error`]; `None` if a layer cannot be
    /// quantized as it was set.
    pub sqnr: Option<Sqnr>,
}

/// What is known of one state.
#[derive(Clone, Debug, Default)]
pub struct StepFigures {
    pub model: Option<ModelFigures>,
    /// Of the layer that the step changed, where it changed one alone.
    pub layer_sqnr: Option<Sqnr>,
    pub accuracy: Option<Arc<Accuracy>>,
}

impl Session {
    /// What is known of the state in which the first `n_done` edits are done.
    pub fn step_figures(&self, n_done: usize) -> StepFigures {
        let state_id = self.history.state_id(n_done);
        StepFigures {
            model: self.known_figures.get(&state_id).copied(),
            layer_sqnr: self.known_sqnr(n_done),
            accuracy: self.known_accuracies.get(&(self.samples_id, state_id)).cloned(),
        }
    }

    /// Notes the figures of the present state, once every layer was measured.
    pub(super) fn note_figures(&mut self) {
        let state_id = self.history.state_id(self.history.n_done());
        let Some(network) = self.network() else { return };
        if self.known_figures.contains_key(&state_id) || network.fold_mode != self.plan.fold_mode {
            return;
        }
        let mut errors: Vec<Option<&LayerError>> = Vec::with_capacity(network.layers.len());
        for layer_idx in 0..network.layers.len() {
            let spec = self.choice(layer_idx).to_string();
            let query = Query::Layer { network: self.network_id, layer_idx, spec };
            match self.entries.get(&query) {
                Some(Entry::Ready(Answer::Layer(error))) => errors.push(Some(error)),
                Some(Entry::Failed(_)) => errors.push(None),
                _ => return,
            }
        }
        let is_whole = errors.iter().all(Option::is_some);
        let figures = ModelFigures {
            size: ModelSize::new(network, &errors),
            sqnr: is_whole.then(|| total_error(errors.iter().flatten().copied()).sqnr()),
        };
        self.known_figures.insert(state_id, figures);
    }

    fn known_sqnr(&self, n_done: usize) -> Option<Sqnr> {
        let edit = self.history.edit(n_done.checked_sub(1)?)?;
        let mut layers = edit.change.layers.iter();
        let (Some((name, change)), None) = (layers.next(), layers.next()) else {
            return None;
        };
        let layer_idx = self.network()?.layer_idx(name)?;
        let query = Query::Layer { network: self.network_id, layer_idx, spec: change.to() };
        match self.entries.get(&query) {
            Some(Entry::Ready(Answer::Layer(error))) => Some(error.sqnr()),
            _ => None,
        }
    }

    /// Notes the accuracy of the present state, once it is there and as long as it was asked for.
    pub(super) fn note_accuracy(&mut self, wishes: &[Query]) {
        let key = (self.samples_id, self.history.state_id(self.history.n_done()));
        if self.known_accuracies.contains_key(&key) {
            return;
        }
        for wish in wishes {
            let Query::Accuracy { network, specs, .. } = wish else { continue };
            let Some(Entry::Ready(Answer::Accuracy(accuracy))) = self.entries.get(wish) else {
                continue;
            };
            // A command may have been applied since the wish.
            let is_present = *network == self.network_id
                && specs
                    .iter()
                    .enumerate()
                    .all(|(idx, spec)| *spec == self.choice(idx).to_string());
            if is_present {
                let accuracy = Arc::clone(accuracy);
                self.known_accuracies.insert(key, accuracy);
                return;
            }
        }
    }
}
