//! What jobs share about one network: kept weights and quantized layers, the runner, the float
//! model's outputs. Only jobs lock it, never the thread that draws.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::channels::KeptTable;
use super::comparison::KeptComparison;
use super::gallery::{GalleryPage, GalleryRequest};
use super::graph_layout::{GraphLayout, ShapeArithmetic};
use super::memory::ActivationMemory;
use super::picture::LayerPicture;
use super::query::{Answer, Query};
use super::raster::KeptSource;
use super::sensing::SearchRoom;
use super::shelf::Shelf;
use super::weight_bits::KeptExtremes;
use crate::base::WorkCtx;
use crate::eval::{
    Accuracy, EvalError, KeptRuns, LayerError, RecipeEvalError, RunRequest, Runner, SampleSet,
};
use crate::exec::NoHook;
use crate::model::Network;
use crate::quant::{QuantError, SchemeChoice, SpecError};
use crate::tensor::{ChannelMajor, Tensor};

/// Why a query has no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum QueryError {
    #[error("cancelled")]
    Cancelled,
    #[error("{0} was changed on disk after it was opened; reload it to go on")]
    FileChanged(String),
    #[error("layer {0} is not there")]
    NoLayer(usize),
    #[error("the layer has no weights")]
    Empty,
    #[error("the file has no graph")]
    NoGraph,
    #[error("no sample set is open; open one with File › Open samples…")]
    NoSamples,
    #[error("no {0} set lies beside the model; choose other samples")]
    NoSet(&'static str),
    #[error("{0}")]
    Words(String),
    #[error("{0} has no range to choose; choose a scheme that has, such as Integer")]
    NoRange(&'static str),
    #[error(transparent)]
    Quant(QuantError),
    #[error(transparent)]
    Spec(#[from] SpecError),
    #[error(transparent)]
    Recipe(RecipeEvalError),
    #[error(transparent)]
    Eval(EvalError),
}

impl From<RecipeEvalError> for QueryError {
    fn from(error: RecipeEvalError) -> Self {
        match error {
            RecipeEvalError::Quant { source: QuantError::Cancelled(_), .. } => Self::Cancelled,
            error => Self::Recipe(error),
        }
    }
}

impl From<EvalError> for QueryError {
    fn from(error: EvalError) -> Self {
        match error {
            EvalError::Cancelled(_) => Self::Cancelled,
            error => Self::Eval(error),
        }
    }
}

impl From<crate::base::Cancelled> for QueryError {
    fn from(_: crate::base::Cancelled) -> Self {
        Self::Cancelled
    }
}

/// One network with one sample set.
pub(super) struct Workshop {
    pub network: Arc<Network>,
    pub samples: Option<Arc<SampleSet>>,
    pub(super) shelf: Shelf,
    pub(super) channel_table: KeptTable,
    pub(super) raster_source: KeptSource,
    pub(super) kept_comparison: KeptComparison,
    pub(super) extremes: KeptExtremes,
    evaluation: Mutex<Option<Evaluation>>,
    activations: Arc<ActivationMemory>,
    /// The last whole accuracies, by the settings of all layers.
    accuracies: Mutex<KnownAccuracies>,
    pub(super) search: SearchRoom,
}

type KnownAccuracies = Vec<(Arc<[String]>, Arc<Accuracy>)>;

/// A layer with its choice and its error.
pub(super) struct FittedLayer {
    pub choice: SchemeChoice,
    pub error: LayerError,
}

impl FittedLayer {
    /// About how much memory it takes.
    pub fn n_bytes(&self) -> usize {
        self.error.n_bytes()
    }
}

/// Accuracies that are kept, so that recipes are compared without being run again.
const MAX_ACCURACIES: usize = 4;

struct Evaluation {
    runner: Runner,
    kept: KeptRuns,
}

impl Workshop {
    pub fn new(network: Arc<Network>, samples: Option<Arc<SampleSet>>) -> Self {
        Self {
            network,
            samples,
            shelf: Shelf::default(),
            channel_table: Mutex::default(),
            raster_source: Mutex::default(),
            kept_comparison: Mutex::default(),
            extremes: Mutex::default(),
            evaluation: Mutex::default(),
            activations: Arc::default(),
            accuracies: Mutex::default(),
            search: SearchRoom::new(None, None),
        }
    }

    /// With the session's word on what may be kept of accuracy runs.
    #[must_use]
    pub fn keeping(self, activations: &Arc<ActivationMemory>) -> Self {
        activations.set_kept(0);
        Self { activations: Arc::clone(activations), ..self }
    }

    /// With where choices are made.
    #[must_use]
    pub fn searching(self, search: SearchRoom) -> Self {
        Self { search, ..self }
    }

    /// Answers a query; `on_partial` hears of answers to a part of it.
    #[expect(clippy::too_many_lines, reason = "a table: one line for each query")]
    pub fn answer(
        &self,
        query: &Query,
        ctx: &WorkCtx,
        on_partial: impl Fn(Answer) + Sync,
    ) -> Result<Answer, QueryError> {
        Ok(match query {
            Query::Layer { layer_idx, spec, .. } => {
                self.layer_answer(*layer_idx, spec, ctx, on_partial)?
            }
            Query::Figures { layer_idx, spec, .. } => {
                answer(Answer::Figures, self.figures(*layer_idx, spec, ctx)?)
            }
            Query::Compared { layer_idx, spec, .. } => {
                answer(Answer::Layer, self.compared(*layer_idx, spec, ctx)?)
            }
            Query::Picture { layer_idx, spec, channel_idx, .. } => {
                answer(Answer::Picture, self.picture(*layer_idx, spec, *channel_idx, ctx)?)
            }
            Query::Channels { layer_idx, spec, order, .. } => {
                answer(Answer::Channels, self.channels(*layer_idx, spec, *order, ctx)?)
            }
            Query::ChannelDensity { layer_idx, spec, members, .. } => {
                let density = self.channel_density(*layer_idx, spec, members, ctx)?;
                answer(Answer::ChannelDensity, density)
            }
            Query::Raster { layer_idx, spec, view, .. } => {
                answer(Answer::Raster, self.raster(*layer_idx, spec, view, ctx)?)
            }
            Query::Comparison { layer_idx, specs, .. } => {
                let partial = |comparison| on_partial(answer(Answer::Comparison, comparison));
                answer(Answer::Comparison, self.comparison(*layer_idx, specs, ctx, partial)?)
            }
            Query::Estimates { layer_idx, spec, channel_idx, .. } => {
                answer(Answer::Estimates, self.estimates(*layer_idx, spec, *channel_idx, ctx)?)
            }
            Query::Levels { layer_idx, spec, group_idx, .. } => {
                answer(Answer::Levels, self.levels(*layer_idx, spec, *group_idx, ctx)?)
            }
            Query::Scales { layer_idx, spec, .. } => {
                answer(Answer::Scales, self.scales(*layer_idx, spec, ctx)?)
            }
            Query::WeightBits { layer_idx, spec, element_idx, .. } => {
                answer(Answer::WeightBits, self.weight_bits(*layer_idx, spec, *element_idx, ctx)?)
            }
            Query::Index { layer_idx, .. } => Answer::Index(self.build_index(*layer_idx, ctx)?),
            Query::Accuracy { specs, .. } => {
                let partial = |accuracy| on_partial(answer(Answer::Accuracy, accuracy));
                Answer::Accuracy(self.accuracy(specs, ctx, partial)?)
            }
            Query::Sensitivity { ask, .. } => {
                answer(Answer::Sensitivity, self.sensed(ask, ctx, on_partial)?)
            }
            Query::Hints { layer_idx, spec, .. } => {
                answer(Answer::Hints, self.hints(*layer_idx, spec, ctx)?)
            }
            Query::Costs { .. } => answer(Answer::Costs, self.model_costs()?),
            Query::Proposal { sense, settings, .. } => {
                answer(Answer::Proposal, self.proposed(sense, settings.settings(), ctx)?)
            }
            Query::Versus { a, b, .. } => answer(Answer::Versus, self.versus((a, b), ctx)?),
            Query::ExportPlan { specs, format, .. } => {
                answer(Answer::ExportPlan, self.export_plan(specs, format, ctx)?)
            }
            Query::Layout { shapes, n_columns, .. } => {
                answer(Answer::Layout, self.layout(*shapes, ctx)?.folded(*n_columns))
            }
            Query::Gallery { request, .. } => answer(Answer::Gallery, self.gallery(request, ctx)?),
        })
    }

    fn layout(&self, shapes: ShapeArithmetic, ctx: &WorkCtx) -> Result<GraphLayout, QueryError> {
        let graph = self.network.graph.as_ref().ok_or(QueryError::NoGraph)?;
        Ok(GraphLayout::compute(&self.network, graph, shapes, ctx)?)
    }

    fn gallery(&self, request: &GalleryRequest, ctx: &WorkCtx) -> Result<GalleryPage, QueryError> {
        let samples = self.samples.as_ref().ok_or(QueryError::NoSamples)?;
        let vocabulary = self.network.model.card.vocabulary.as_deref();
        Ok(GalleryPage::compute(request, samples, vocabulary, ctx)?)
    }

    fn picture(
        &self,
        layer_idx: usize,
        spec: &str,
        channel_idx: Option<usize>,
        ctx: &WorkCtx,
    ) -> Result<LayerPicture, QueryError> {
        let done = self.layer(layer_idx, spec, ctx)?;
        let weights = self.weights(layer_idx, &done.choice)?;
        let values = match &done.weights {
            None => weights.clone(),
            Some(quantized) => ChannelMajor::new(quantized, weights.axis().0),
        };
        Ok(LayerPicture::compute(&weights, values.data(), &done.error, channel_idx, ctx)?)
    }

    fn accuracy(
        &self,
        specs: &Arc<[String]>,
        ctx: &WorkCtx,
        on_partial: impl FnMut(Accuracy) + Send,
    ) -> Result<Arc<Accuracy>, QueryError> {
        let replaced = self.replaced(specs, ctx)?;
        let accuracy = self.with_evaluation(|evaluation| {
            let budget = usize::try_from(self.activations.budget()).unwrap_or(usize::MAX);
            evaluation.kept.set_budget(budget);
            let constants = evaluation.runner.constants(&replaced)?;
            let request = RunRequest { quantized: Some(&constants), hook: &NoHook, limit: None };
            let accuracy = evaluation.runner.run(&request, &mut evaluation.kept, ctx, on_partial);
            self.activations.set_kept(evaluation.kept.activation_bytes() as u64);
            Ok(Arc::new(accuracy?))
        })?;
        let mut known = lock(&self.accuracies);
        known.retain(|(of, _)| of != specs);
        known.insert(0, (Arc::clone(specs), Arc::clone(&accuracy)));
        known.truncate(MAX_ACCURACIES);
        Ok(accuracy)
    }

    /// The accuracy under these settings, from the last few or measured.
    pub(super) fn known_accuracy(
        &self,
        specs: &Arc<[String]>,
        ctx: &WorkCtx,
    ) -> Result<Arc<Accuracy>, QueryError> {
        let known = lock(&self.accuracies);
        let found = known.iter().find(|(of, _)| of == specs).map(|(_, found)| Arc::clone(found));
        drop(known);
        found.map_or_else(|| self.accuracy(specs, ctx, |_| {}), Ok)
    }

    /// The weights that stand in place of the file's, by name.
    pub(super) fn replaced(
        &self,
        specs: &[String],
        ctx: &WorkCtx,
    ) -> Result<BTreeMap<String, Tensor>, QueryError> {
        let mut replaced = BTreeMap::new();
        for (layer_idx, spec) in specs.iter().enumerate() {
            let done = self.layer(layer_idx, spec, ctx)?;
            if let (Some(weights), Some(layer)) =
                (&done.weights, self.network.layers.get(layer_idx))
            {
                replaced.insert(layer.weight.clone(), weights.clone());
            }
        }
        Ok(replaced)
    }

    /// Runs `work` with the network ready to run over the samples shown.
    pub(super) fn with_runner<T>(
        &self,
        work: impl FnOnce(&Runner) -> Result<T, QueryError>,
    ) -> Result<T, QueryError> {
        self.with_evaluation(|evaluation| work(&evaluation.runner))
    }

    fn with_evaluation<T>(
        &self,
        work: impl FnOnce(&mut Evaluation) -> Result<T, QueryError>,
    ) -> Result<T, QueryError> {
        if self.network.graph.is_none() {
            return Err(EvalError::NoGraph.into());
        }
        let samples = self.samples.as_ref().ok_or(QueryError::NoSamples)?;
        let mut evaluation = lock(&self.evaluation);
        match &mut *evaluation {
            Some(evaluation) => work(evaluation),
            empty => {
                let runner = Runner::new(Arc::clone(&self.network), Arc::clone(samples))?;
                work(empty.insert(Evaluation { runner, kept: KeptRuns::default() }))
            }
        }
    }
}

/// A result in its kind.
fn answer<T>(kind: fn(Arc<T>) -> Answer, result: T) -> Answer {
    kind(Arc::new(result))
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
