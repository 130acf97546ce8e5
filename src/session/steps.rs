//! What is known of the states the history leads through. Only the state as opened is measured for
//! the list; of the others a figure is there if it was asked for while its state was the present one.

use std::cell::Cell;
use std::collections::{BTreeMap, HashMap};

use super::answers::Entry;
use super::change::FromTo;
use super::query::{Answer, Query};
use super::sample_mark::SampleMark;
use super::state::Session;
use crate::eval::{Accuracy, Estimate, LayerFigures, Metric, ModelSize, Sqnr};
use crate::model::{Layer, Network};

/// Of the whole model in one state.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ModelFigures {
    pub size: ModelSize,
    /// Of all quantized weights taken together, as in [`total_error`](crate::eval::total_error); `None` if a layer cannot be
    /// quantized as it was set.
    pub sqnr: Option<Sqnr>,
}

/// Accuracy of the model in one state; of the float one where nothing is quantized.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepAccuracy {
    pub metric: Metric,
    pub estimate: Estimate,
    pub n_samples: usize,
}

/// What is known of one state.
#[derive(Clone, Debug, Default)]
pub struct StepFigures {
    pub model: Option<ModelFigures>,
    /// Of the layer that the step changed, where it changed one alone.
    pub layer_sqnr: Option<Sqnr>,
    /// On the present sample set.
    pub accuracy: Option<StepAccuracy>,
}

/// What outlives the session of one state.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct StateFigures {
    pub model: Option<ModelFigures>,
    /// By what the samples are known by.
    pub accuracies: BTreeMap<SampleMark, StepAccuracy>,
}

/// What is known of every state, by its number.
#[derive(Default)]
pub(super) struct KnownFigures {
    states: HashMap<u64, StateFigures>,
    /// Of the samples of that number.
    samples: Option<(u64, SampleMark)>,
    /// Changes when there is something new.
    pub n_noted: usize,
    /// The figures of the state as opened were asked for and are not known.
    wants_opened: Cell<bool>,
}

impl KnownFigures {
    pub fn clear(&mut self) {
        *self = Self { n_noted: self.n_noted + 1, ..Self::default() };
    }

    pub fn of_state(&self, state_id: u64) -> StateFigures {
        self.states.get(&state_id).cloned().unwrap_or_default()
    }

    /// What the samples of that number are known by, once they were looked at.
    pub fn mark_of(&self, samples_id: u64) -> Option<&SampleMark> {
        self.samples.as_ref().filter(|(id, _)| *id == samples_id).map(|(_, mark)| mark)
    }

    /// Takes figures of an earlier session.
    pub fn take_back(&mut self, state_id: u64, figures: StateFigures) {
        self.n_noted += 1;
        self.states.insert(state_id, figures);
    }
}

impl StepAccuracy {
    pub(super) fn of(accuracy: &Accuracy) -> Option<Self> {
        let estimate = accuracy.quantized.or(accuracy.float)?;
        Some(Self { metric: accuracy.metric, estimate, n_samples: accuracy.n_samples })
    }
}

impl Session {
    /// What is known of the state in which the first `n_done` edits are done.
    pub fn step_figures(&self, n_done: usize) -> StepFigures {
        let known = &self.known_figures;
        let state = known.states.get(&self.history.state_id(n_done));
        let mark = known.samples.as_ref().filter(|(id, _)| *id == self.samples_id);
        let mut model = state.and_then(|state| state.model);
        if n_done == 0 && model.is_none() {
            known.wants_opened.set(true);
            model = self.opened_figures();
        }
        StepFigures {
            model,
            layer_sqnr: self.known_sqnr(n_done),
            accuracy: mark.and_then(|(_, mark)| state?.accuracies.get(mark)).copied(),
        }
    }

    /// Notes the figures of the present state, as far as they are there and were asked for.
    pub(super) fn note_figures(&mut self, wishes: &[Query]) {
        if self.known_figures.samples.as_ref().is_none_or(|(id, _)| *id != self.samples_id) {
            let mark = self.samples().map(|samples| SampleMark::of(samples));
            self.known_figures.samples = mark.map(|mark| (self.samples_id, mark));
        }
        if self.known_figures.wants_opened.take()
            && let Some(figures) = self.opened_figures()
        {
            self.known_figures.n_noted += 1;
            let opened = self.known_figures.states.entry(self.history.state_id(0)).or_default();
            opened.model = Some(figures);
        }
        let state_id = self.history.state_id(self.history.n_done());
        let known = self.known_figures.states.get(&state_id);
        let mark = self.known_figures.samples.as_ref().map(|(_, mark)| mark.clone());
        let has_model = known.is_some_and(|known| known.model.is_some());
        let has_accuracy = match (known, &mark) {
            (_, None) => true,
            (known, Some(mark)) => known.is_some_and(|known| known.accuracies.contains_key(mark)),
        };
        let model = if has_model { None } else { self.present_figures() };
        let accuracy = if has_accuracy { None } else { self.present_accuracy(wishes) };
        if model.is_none() && accuracy.is_none() {
            return;
        }
        self.known_figures.n_noted += 1;
        let known = self.known_figures.states.entry(state_id).or_default();
        known.model = known.model.or(model);
        if let (Some(mark), Some(accuracy)) = (mark, accuracy) {
            known.accuracies.insert(mark, accuracy);
        }
    }

    /// Of the state before the first step: asks for the layers that were not measured as they were
    /// then. `None` until they are, or where batch norm was folded otherwise.
    fn opened_figures(&self) -> Option<ModelFigures> {
        let network = self.network()?;
        let mut first: BTreeMap<&str, &FromTo> = BTreeMap::new();
        let mut fold_mode = None;
        for edit in (0..self.history.len()).filter_map(|idx| self.history.edit(idx)) {
            for (name, change) in &edit.change.layers {
                first.entry(name).or_insert(change);
            }
            fold_mode = fold_mode.or(edit.change.fold.map(|(before, _)| before));
        }
        if fold_mode.unwrap_or(self.plan.fold_mode) != network.fold_mode {
            return None;
        }
        let spec = |(layer_idx, layer): (usize, &Layer)| match first.get(layer.name.as_str()) {
            Some(change) => change.from(),
            None => self.spec(layer_idx),
        };
        let specs: Vec<String> = network.layers.iter().enumerate().map(spec).collect();
        for (layer_idx, spec) in specs.iter().enumerate() {
            let spec = spec.clone();
            self.wish_later(Query::Figures { network: self.network_id, layer_idx, spec });
        }
        self.figures_of(network, &specs)
    }

    /// Of the present state, once every layer was measured.
    fn present_figures(&self) -> Option<ModelFigures> {
        let network = self.network().filter(|now| now.fold_mode == self.plan.fold_mode)?;
        let specs: Vec<String> = (0..network.layers.len()).map(|idx| self.spec(idx)).collect();
        self.figures_of(network, &specs)
    }

    /// With each layer quantized so, once every one was measured.
    fn figures_of(&self, network: &Network, specs: &[String]) -> Option<ModelFigures> {
        if self.is_rewritten() {
            // Layers that were not measured by then cannot be any more.
            return None;
        }
        let mut layers: Vec<Option<&LayerFigures>> = Vec::with_capacity(specs.len());
        for (layer_idx, spec) in specs.iter().enumerate() {
            let spec = spec.clone();
            let query = Query::Figures { network: self.network_id, layer_idx, spec };
            match self.answers.get(&query) {
                Some(Entry::Ready(Answer::Figures(figures))) => layers.push(Some(figures)),
                Some(Entry::Failed(_)) => layers.push(None),
                _ => return None,
            }
        }
        let is_whole = layers.iter().all(Option::is_some);
        let quantized = |layer: &&LayerFigures| !layer.keeps_float;
        let bits = layers.iter().map(|layer| layer.filter(quantized).map(|l| l.storage_bits));
        let bits: Vec<Option<u64>> = bits.collect();
        let all = || LayerFigures::all_together(layers.iter().flatten().copied());
        Some(ModelFigures {
            size: ModelSize::of_bits(network, &bits),
            sqnr: is_whole.then(|| all().sqnr()),
        })
    }

    /// Of the present state, if it is there and was asked for.
    fn present_accuracy(&self, wishes: &[Query]) -> Option<StepAccuracy> {
        let network = self.network().filter(|now| now.fold_mode == self.plan.fold_mode)?;
        let n_layers = network.layers.len();
        wishes.iter().find_map(|wish| {
            let Query::Accuracy { network, samples, specs } = wish else { return None };
            let Some(Entry::Ready(Answer::Accuracy(accuracy))) = self.answers.get(wish) else {
                return None;
            };
            // A command may have been applied since the wish.
            let is_present = *network == self.network_id
                && *samples == self.samples_id
                && specs.len() == n_layers
                && specs.iter().enumerate().all(|(idx, spec)| *spec == self.spec(idx));
            if is_present { StepAccuracy::of(accuracy) } else { None }
        })
    }

    fn known_sqnr(&self, n_done: usize) -> Option<Sqnr> {
        let edit = self.history.edit(n_done.checked_sub(1)?)?;
        let mut layers = edit.change.layers.iter();
        let (Some((name, change)), None) = (layers.next(), layers.next()) else {
            return None;
        };
        let layer_idx = self.network()?.layer_idx(name)?;
        let query = Query::Figures { network: self.network_id, layer_idx, spec: change.to() };
        match self.answers.get(&query) {
            Some(Entry::Ready(Answer::Figures(figures))) => Some(figures.sqnr()),
            _ => None,
        }
    }
}
