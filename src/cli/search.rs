//! What `sensitivity` and `propose` have in common: the candidates, and the samples they measure on.

use std::path::Path;
use std::sync::Arc;

use super::exit::{CliError, Exit};
use super::options::{SearchOptions, open, parse_spec};
use crate::eval::{EvalError, Runner, SampleSet};
use crate::model::FoldMode;
use crate::quant::{SchemeChoice, SettingValue};
use crate::session::{Opened, SearchSamples};

/// A model with the samples to choose with.
pub(super) struct Search {
    pub opened: Opened,
    pub samples: SearchSamples,
    pub runner: Runner,
}

impl Search {
    pub fn new(model: &str, options: &SearchOptions) -> Result<Self, CliError> {
        let fold_mode = if options.no_fold { FoldMode::Keep } else { FoldMode::Fold };
        let opened = open(model, fold_mode)?;
        let samples = samples_of(options.samples.as_deref(), &opened)?;
        let (network, set) = (Arc::clone(&opened.network), Arc::clone(&samples.set));
        let runner = Runner::on_part(network, set, samples.part);
        let runner = runner
            .map_err(|error: EvalError| CliError::from(error).about(&opened.reference.label()))?;
        if opened.network.default_layers().next().is_none() {
            let message = format!("{model}: it has no weights to quantize");
            return Err(CliError::new(Exit::NoSense, message));
        }
        Ok(Self { opened, samples, runner })
    }
}

fn samples_of(path: Option<&Path>, opened: &Opened) -> Result<SearchSamples, CliError> {
    if let Some(path) = path {
        return Ok(SearchSamples::of(Arc::new(SampleSet::open(path)?)));
    }
    match opened.search_samples() {
        Some(Ok(samples)) => Ok(samples),
        Some(Err(error)) => Err((&*error).into()),
        None => Err(CliError::new(
            Exit::WrongUse,
            format!(
                "{}: no calibration, train or eval.safetensors lies beside it; name a sample set with --samples FILE",
                opened.reference.label()
            ),
        )),
    }
}

impl SearchOptions {
    /// The scheme at every bit width, each once.
    pub fn candidates(&self, bits: &[i64]) -> Result<Vec<SchemeChoice>, CliError> {
        let scheme = parse_spec("--scheme", &self.scheme)?;
        let wrong = |message: String| CliError::new(Exit::WrongUse, message);
        if scheme.bits().is_none() {
            return Err(wrong(format!("--scheme {}: it has no bits to choose", self.scheme)));
        }
        let mut candidates: Vec<SchemeChoice> = Vec::new();
        for &bits in bits {
            let choice = scheme.with("bits", SettingValue::Int(bits));
            let choice = choice.map_err(|error| wrong(format!("--bits {bits}: {error}")))?;
            if !candidates.contains(&choice) {
                candidates.push(choice);
            }
        }
        if candidates.is_empty() {
            return Err(wrong("--bits names no bit width".to_owned()));
        }
        Ok(candidates)
    }

    pub fn limit(&self) -> Option<usize> {
        self.limit.map(|limit| usize::try_from(limit).unwrap_or(usize::MAX))
    }
}
