//! One model under several schemes: what each leaves of its accuracy.

use super::accuracy::Accuracy;
use super::error::LayerError;
use super::kept_runs::KeptRuns;
use super::recipe_eval::{RecipeEvalError, overlay, quantize_network};
use super::runner::{EvalError, RunRequest, Runner};
use super::size::ModelSize;
use crate::base::WorkCtx;
use crate::exec::NoHook;
use crate::quant::{Recipe, SchemeChoice};

/// Why a scheme could not be measured.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    #[error(transparent)]
    Recipe(#[from] RecipeEvalError),
    #[error(transparent)]
    Eval(#[from] EvalError),
}

/// A model with every layer quantized one way.
#[derive(Clone, Debug)]
pub struct SweepPoint {
    pub choice: SchemeChoice,
    pub accuracy: Accuracy,
    pub size: ModelSize,
}

/// Measures schemes one after another; the float model runs once.
pub struct Sweep<'a> {
    runner: &'a Runner,
    floats: KeptRuns,
    limit: Option<usize>,
}

impl<'a> Sweep<'a> {
    /// On all samples, or on the first `limit` of the runner's order.
    pub fn new(runner: &'a Runner, limit: Option<usize>) -> Self {
        Self { runner, floats: KeptRuns::default(), limit }
    }

    /// Every layer but embeddings under `choice`.
    ///
    /// # Errors
    /// Weights the scheme refuses, a model that cannot be run; cancelled.
    pub fn measure(
        &mut self,
        choice: &SchemeChoice,
        ctx: &WorkCtx,
    ) -> Result<SweepPoint, SweepError> {
        let network = self.runner.network();
        let names = network.default_layers().map(|layer| layer.name.as_str());
        let layers = quantize_network(network, &Recipe::uniform(names, choice), ctx)?;
        let constants = self.runner.constants(&overlay(network, &layers))?;
        let request = RunRequest { quantized: Some(&constants), hook: &NoHook, limit: self.limit };
        let accuracy = self.runner.run(&request, &mut self.floats, ctx, |_| {})?;
        let errors: Vec<Option<&LayerError>> =
            layers.iter().map(|layer| Some(&layer.error)).collect();
        let size = ModelSize::new(network, &errors);
        Ok(SweepPoint { choice: choice.clone(), accuracy, size })
    }
}
