//! Mixes run on the search samples; none is run twice.

use std::collections::BTreeMap;

use super::mixes::{Mix, MixRunner, Score};
use super::request::ProposeRequest;
use crate::base::WorkCtx;
use crate::eval::cost::{Costs, LayerCode, ModelCosts};
use crate::eval::error::LayerError;
use crate::eval::interval::Estimate;
use crate::eval::kept_runs::KeptRuns;
use crate::eval::runner::{EvalError, RunRequest, Runner};
use crate::eval::size::ModelSize;
use crate::exec::NoHook;

/// A mix and what it is worth.
#[derive(Clone, Debug, PartialEq)]
pub struct Trial {
    /// By layer: the candidate, or none to keep it float.
    pub chosen: Vec<Option<usize>>,
    pub size: ModelSize,
    /// Of one prediction with float activations; `None` where they cannot be counted.
    pub costs: Option<Costs>,
    /// `None` for samples without labels.
    pub float: Option<Estimate>,
    pub value: Estimate,
    pub difference: Option<Estimate>,
    /// Recall of the critical class, where one is asked for.
    pub critical: Option<Estimate>,
    /// Mean `KL(float‖quantized)` in nats a prediction.
    pub kl_mean: f64,
    pub n_samples: usize,
}

/// Runs mixes, and knows those that were run.
pub(super) struct Trials<'a> {
    runner: &'a Runner,
    request: &'a ProposeRequest<'a>,
    costs: Option<&'a ModelCosts>,
    mixes: MixRunner<'a>,
    ctx: &'a WorkCtx,
    known: BTreeMap<Mix, Score>,
    kept: KeptRuns,
    full: BTreeMap<Mix, Trial>,
}

impl<'a> Trials<'a> {
    pub fn new(
        runner: &'a Runner,
        request: &'a ProposeRequest<'a>,
        costs: Option<&'a ModelCosts>,
        ctx: &'a WorkCtx,
    ) -> Result<Self, EvalError> {
        let critical = request.critical_floor.map(|floor| floor.class_idx);
        let mixes = MixRunner::new(runner, request.weights, critical)?;
        let (known, full, kept) = (BTreeMap::new(), BTreeMap::new(), KeptRuns::default());
        Ok(Self { runner, request, costs, mixes, ctx, known, kept, full })
    }

    pub fn request(&self) -> &'a ProposeRequest<'a> {
        self.request
    }

    pub fn n_run(&self) -> usize {
        self.known.len()
    }

    /// Those that were run, with what they are worth.
    pub fn known(&self) -> impl Iterator<Item = (&Mix, &Score)> {
        self.known.iter()
    }

    pub fn is_known(&self, mix: &Mix) -> bool {
        self.known.contains_key(mix)
    }

    pub fn score(&self, mix: &Mix) -> Option<&Score> {
        self.known.get(mix)
    }

    /// Whether a mix is good enough.
    pub fn reaches(&self, score: &Score) -> bool {
        self.request.reaches(score)
    }

    /// Runs those that were not run yet.
    ///
    /// # Errors
    /// A node that cannot run; cancelled.
    pub fn run_all(&mut self, mixes: &[Mix]) -> Result<(), EvalError> {
        let mut new: Vec<Mix> = mixes.iter().filter(|mix| !self.is_known(mix)).cloned().collect();
        new.sort();
        new.dedup();
        if !new.is_empty() {
            let scores = self.mixes.run(&new, self.request.limit, self.ctx)?;
            self.known.extend(new.into_iter().zip(scores));
        }
        Ok(())
    }

    /// The figures of a mix with their intervals, as an accuracy run has them.
    ///
    /// # Errors
    /// As [`run_all`](Self::run_all).
    pub fn trial(&mut self, mix: &Mix) -> Result<Trial, EvalError> {
        if let Some(known) = self.full.get(mix) {
            return Ok(known.clone());
        }
        self.run_all(std::slice::from_ref(mix))?;
        let weights = self.request.weights;
        let constants = self.runner.constants(&weights.overlay(self.runner.network(), mix))?;
        let limit = self.request.limit;
        let request = RunRequest { quantized: Some(&constants), hook: &NoHook, limit };
        let accuracy = self.runner.run(&request, &mut self.kept, &self.ctx.part(), |_| {})?;
        let comparison = accuracy.comparison.as_ref();
        let nothing = Estimate { value: f64::NAN, ci95: (f64::NAN, f64::NAN) };
        let critical = self.request.critical_floor.and_then(|floor| {
            let recall = accuracy.breakdown.recall(u32::try_from(floor.class_idx).ok()?)?;
            Some(recall.quantized)
        });
        let (size, costs) = self.size_and_costs(mix);
        let trial = Trial {
            chosen: mix.clone(),
            size,
            costs,
            float: accuracy.float,
            value: accuracy.quantized.unwrap_or(nothing),
            difference: comparison.and_then(|c| c.difference),
            critical,
            kl_mean: comparison.map_or(f64::NAN, |c| c.kl_mean),
            n_samples: accuracy.n_samples,
        };
        self.full.insert(mix.clone(), trial.clone());
        Ok(trial)
    }

    fn size_and_costs(&self, mix: &Mix) -> (ModelSize, Option<Costs>) {
        let (network, weights) = (self.runner.network(), self.request.weights);
        let mut errors: Vec<Option<&LayerError>> = vec![None; network.layers.len()];
        let mut codes: Vec<Option<LayerCode>> = vec![None; network.layers.len()];
        for (nth, (&layer_idx, choice)) in weights.layers.iter().zip(mix).enumerate() {
            let Some((choice_idx, place)) = choice.zip(errors.get_mut(layer_idx)) else { continue };
            let done = weights.get(nth, choice_idx).zip(weights.choices.get(choice_idx));
            let Some((done, choice)) = done else { continue };
            *place = Some(&done.error);
            let bits = done.error.fitted.storage_bits();
            codes[layer_idx] = Some(LayerCode::new(bits, choice, done.error.total.count));
        }
        let costs = self.costs.map(|costs| Costs::of(costs, &codes, None));
        (ModelSize::new(network, &errors), costs)
    }
}
