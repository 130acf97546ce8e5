//! What is known of the states the history leads through. Nothing is computed for them: a figure is
//! there if it was asked for while its state was the present one.

use std::collections::HashMap;
use std::sync::Arc;

use super::query::{Answer, Query};
use super::state::{Entry, Session};
use crate::eval::{Accuracy, Sqnr};

/// Accuracies by sample set and state.
pub(super) type KnownAccuracies = HashMap<(u64, u64), Arc<Accuracy>>;

/// What is known of one state.
#[derive(Clone, Debug, Default)]
pub struct StepFigures {
    /// Of the layer that the step changed, where it changed one alone.
    pub sqnr: Option<Sqnr>,
    pub accuracy: Option<Arc<Accuracy>>,
}

impl Session {
    /// What is known of the state in which the first `n_done` edits are done.
    pub fn step_figures(&self, n_done: usize) -> StepFigures {
        let key = (self.samples_id, self.history.state_id(n_done));
        StepFigures {
            sqnr: self.known_sqnr(n_done),
            accuracy: self.known_accuracies.get(&key).cloned(),
        }
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
