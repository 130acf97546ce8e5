//! The figures of every layer, and what they come to: small answers, which are kept of all layers
//! where whole ones would take as much memory as the model.

use std::sync::Arc;

use super::loaded::Loaded;
use super::query::{Answer, Query};
use super::state::Session;
use super::workshop::{QueryError, Workshop};
use crate::base::WorkCtx;
use crate::eval::{LayerFigures, ModelSize, float_bytes, planned_bits};
use crate::quant::SchemeChoice;

/// The size of the model as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct KnownSize {
    /// Layers of which nothing is known yet count as float.
    pub size: ModelSize,
    pub n_known: usize,
    pub n_layers: usize,
}

impl KnownSize {
    /// Whether the size of every layer is known.
    pub fn is_whole(&self) -> bool {
        self.n_known == self.n_layers
    }
}

/// Bytes that whole answers about layers may take before those nobody asks for are let go.
pub(super) const MAX_LAYER_BYTES: usize = 256 << 20;

impl Workshop {
    /// Measures a layer and keeps nothing of it but the figures.
    pub(super) fn figures(
        &self,
        layer_idx: usize,
        spec: &str,
        ctx: &WorkCtx,
    ) -> Result<LayerFigures, QueryError> {
        Ok(self.compared(layer_idx, spec, ctx)?.figures())
    }
}

impl Session {
    /// The figures of a layer in sight, as it is quantized now.
    pub fn layer_figures(&self, layer_idx: usize) -> Loaded<LayerFigures> {
        self.ask(self.figures_query(layer_idx), figures_of)
    }

    /// The same of a layer that need not be in sight: it is measured when there is time.
    pub fn layer_figures_in_time(&self, layer_idx: usize) -> Loaded<LayerFigures> {
        self.ask_later(self.figures_query(layer_idx), figures_of)
    }

    /// What a layer takes in float, at the width the model stores it in.
    pub fn float_bytes(&self, layer_idx: usize) -> u64 {
        self.network().map_or(0, |network| float_bytes(network, layer_idx))
    }

    fn figures_query(&self, layer_idx: usize) -> Query {
        let spec = self.spec(layer_idx);
        Query::Figures { network: self.network_id, layer_idx, spec }
    }

    /// Size of the model with its layers as they are set now. What a scheme takes whatever the
    /// weights is known at once; other layers are measured when there is time.
    pub fn size(&self) -> Option<KnownSize> {
        self.size_of(|layer_idx| self.spec(layer_idx), |layer_idx| self.choice(layer_idx))
    }

    /// The same with the layers set as told, as text and, where only that tells, as choices.
    pub(super) fn size_of(
        &self,
        spec_of: impl Fn(usize) -> String,
        choice_of: impl Fn(usize) -> SchemeChoice,
    ) -> Option<KnownSize> {
        let network = self.network()?;
        let mut n_known = 0;
        let mut layer_bits = Vec::with_capacity(network.layers.len());
        for (layer_idx, layer) in network.layers.iter().enumerate() {
            let spec = spec_of(layer_idx);
            let query = Query::Figures { network: self.network_id, layer_idx, spec };
            let bits = match self.ask_later(query, figures_of) {
                // A layer that cannot be quantized as it is set counts as float.
                Loaded::Failed(_) if !self.is_rewritten() => Some(None),
                Loaded::Ready(figures) if figures.keeps_float => Some(None),
                Loaded::Ready(figures) => Some(Some(figures.storage_bits)),
                _ => {
                    let choice = choice_of(layer_idx);
                    let planned = planned_bits(layer, &choice);
                    if choice.keeps_float() { Some(None) } else { planned.map(Some) }
                }
            };
            n_known += usize::from(bits.is_some());
            layer_bits.push(bits.flatten());
        }
        let size = ModelSize::of_bits(network, &layer_bits);
        Some(KnownSize { size, n_known, n_layers: network.layers.len() })
    }

    /// Lets whole answers about layers go that nobody asks for, once they take too much memory.
    pub(super) fn forget_large(&mut self, is_wanted: &impl Fn(&Query) -> bool) {
        if self.answers.layer_bytes() <= MAX_LAYER_BYTES {
            return;
        }
        let kept = self.answers.forget_layers(is_wanted);
        self.latest.retain(|_, answer| match answer {
            Answer::Layer(error) => kept.iter().any(|kept| Arc::ptr_eq(kept, error)),
            _ => true,
        });
    }
}

pub(super) fn figures_of(answer: Answer) -> Option<Arc<LayerFigures>> {
    match answer {
        Answer::Figures(figures) => Some(figures),
        _ => None,
    }
}
