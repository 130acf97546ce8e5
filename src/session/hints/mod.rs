//! What is poor, why most likely, and what helps: each with its number, computed and never canned.

mod measured;
mod weights;

pub use weights::LayerHints;

use std::sync::Arc;

use super::loaded::Loaded;
use super::query::{Answer, Query};
use super::sensing::Sensed;
use super::state::Session;
use crate::quant::SchemeChoice;

/// Something that could be better.
#[derive(Clone, Debug, PartialEq)]
pub struct Hint {
    /// What it is about; `None` for the whole model.
    pub layer_idx: Option<usize>,
    /// The figure and its likely cause.
    pub text: String,
    /// How the figure was found and what it means.
    pub why: String,
    pub remedy: Remedy,
    /// How much there is to win, in thousandths of the metric or tenths of a decibel: the order of
    /// the list.
    pub gain: f64,
}

/// What helps.
#[derive(Clone, Debug, PartialEq)]
pub enum Remedy {
    /// Quantizes layers another way; the label is for the button.
    Choices { label: String, choices: Vec<(String, SchemeChoice)> },
    /// The same, and holds them so.
    LockedChoices { label: String, choices: Vec<(String, SchemeChoice)> },
    /// Shows a panel, by id.
    Look { label: String, panel: &'static str },
}

impl Remedy {
    pub fn label(&self) -> &str {
        match self {
            Self::Choices { label, .. }
            | Self::LockedChoices { label, .. }
            | Self::Look { label, .. } => label,
        }
    }
}

/// Layers whose weights are looked at for hints: the largest.
const MAX_LAYERS: usize = 64;

impl Session {
    /// What the settings of the layers' ranges and scales leave to be won, as far as it is known: the
    /// layers are measured when there is time.
    pub fn weight_hints(&self) -> (Vec<Hint>, usize) {
        let Some(network) = self.network() else { return (Vec::new(), 0) };
        let mut largest: Vec<usize> = (0..network.layers.len()).collect();
        largest.sort_by_key(|&idx| std::cmp::Reverse(network.layers[idx].count()));
        largest.truncate(MAX_LAYERS);
        let mut hints = Vec::new();
        let mut n_pending = 0;
        for layer_idx in largest {
            if self.choice(layer_idx).keeps_float() {
                continue;
            }
            match self.layer_hints(layer_idx) {
                Loaded::Ready(found) => {
                    hints.extend(found.hints(layer_idx, &network.layers[layer_idx].name));
                }
                Loaded::Pending { .. } => n_pending += 1,
                Loaded::Failed(_) => {}
            }
        }
        (hints, n_pending)
    }

    fn layer_hints(&self, layer_idx: usize) -> Loaded<LayerHints> {
        let spec = self.spec(layer_idx);
        let query = Query::Hints { network: self.network_id, layer_idx, spec };
        self.ask_later(query, |answer| match answer {
            Answer::Hints(hints) => Some(hints),
            _ => None,
        })
    }

    /// What the measured sensitivities say of the layers as they are set.
    pub fn sensitivity_hints(&self, sensed: &Arc<Sensed>) -> Vec<Hint> {
        let Some(network) = self.network() else { return Vec::new() };
        let layers = sensed.found.layers.iter().enumerate().filter_map(|(nth, layer)| {
            let layer_idx = network.layer_idx(&layer.name)?;
            Some(measured::Place { nth, layer_idx, choice: self.choice(layer_idx) })
        });
        measured::hints(sensed, &layers.collect::<Vec<_>>())
    }
}
