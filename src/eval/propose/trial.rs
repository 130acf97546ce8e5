//! A mix run on the search samples; none is run twice.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::request::{ProposeError, ProposeRequest, Sizes};
use crate::base::WorkCtx;
use crate::eval::error::LayerError;
use crate::eval::interval::Estimate;
use crate::eval::kept_runs::KeptRuns;
use crate::eval::runner::{RunRequest, Runner};
use crate::eval::size::{ModelSize, float_bytes};
use crate::exec::NoHook;

/// A mix and what it is worth.
#[derive(Clone, Debug, PartialEq)]
pub struct Trial {
    /// By layer: the candidate, or none to keep it float.
    pub chosen: Vec<Option<usize>>,
    pub size: ModelSize,
    /// Stored bits of every layer that is quantized.
    layer_bits: Vec<u64>,
    /// `None` for samples without labels.
    pub float: Option<Estimate>,
    pub value: Estimate,
    pub difference: Option<Estimate>,
    /// Mean `KL(float‖quantized)` in nats a prediction.
    pub kl_mean: f64,
    pub n_samples: usize,
}

impl Trial {
    /// What the layers take, in the unit of the budget.
    pub(super) fn size_of(&self, sizes: &Sizes) -> u64 {
        self.layer_bits.iter().map(|&bits| sizes.of_bits(bits)).sum()
    }
}

/// Runs mixes, and knows those that were run.
pub(super) struct Trials<'a> {
    runner: &'a Runner,
    request: &'a ProposeRequest<'a>,
    kept: KeptRuns,
    ctx: &'a WorkCtx,
    known: BTreeMap<Vec<Option<usize>>, Arc<Trial>>,
}

impl<'a> Trials<'a> {
    pub fn new(
        runner: &'a Runner,
        request: &'a ProposeRequest<'a>,
        kept: KeptRuns,
        ctx: &'a WorkCtx,
    ) -> Self {
        Self { runner, request, kept, ctx, known: BTreeMap::new() }
    }

    pub fn n_run(&self) -> usize {
        self.known.len()
    }

    pub fn run(&mut self, chosen: &[Option<usize>]) -> Result<Trial, ProposeError> {
        if let Some(known) = self.known.get(chosen) {
            return Ok(Trial::clone(known));
        }
        let network = self.runner.network();
        let weights = self.request.weights;
        let constants = self.runner.constants(&weights.overlay(network, chosen))?;
        let limit = self.request.limit;
        let request = RunRequest { quantized: Some(&constants), hook: &NoHook, limit };
        let accuracy = self.runner.run(&request, &mut self.kept, self.ctx, |_| {})?;
        let mut errors: Vec<Option<&LayerError>> = vec![None; network.layers.len()];
        let mut layer_bits = Vec::new();
        for (nth, (&layer_idx, choice)) in weights.layers.iter().zip(chosen).enumerate() {
            let done = choice.and_then(|choice| weights.get(nth, choice));
            layer_bits.push(match done {
                Some(done) => done.error.fitted.storage_bits(),
                None => 8 * float_bytes(network, layer_idx),
            });
            if let (Some(done), Some(place)) = (done, errors.get_mut(layer_idx)) {
                *place = Some(&done.error);
            }
        }
        let comparison = accuracy.comparison.as_ref();
        let nothing = Estimate { value: f64::NAN, ci95: (f64::NAN, f64::NAN) };
        let trial = Trial {
            chosen: chosen.to_vec(),
            size: ModelSize::new(network, &errors),
            layer_bits,
            float: accuracy.float,
            value: accuracy.quantized.unwrap_or(nothing),
            difference: comparison.and_then(|c| c.difference),
            kl_mean: comparison.map_or(f64::NAN, |c| c.kl_mean),
            n_samples: accuracy.n_samples,
        };
        self.known.insert(chosen.to_vec(), Arc::new(trial.clone()));
        Ok(trial)
    }
}
