//! Runs a network over a sample set in the background: chunk by chunk in a fixed order, telling
//! what is known so far.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use super::accuracy::Accuracy;
use super::cost::{CostError, ModelCosts};
use super::fidelity::{OutcomeReader, OutputKind, Reading};
use super::kept_runs::{CutRequest, KeptActivations, KeptRuns};
use super::part::SamplePart;
use super::progressive::{ChunkDone, Progressive};
use super::samples::{Feed, SampleSet, SamplesError};
use crate::base::{Cancelled, WorkCtx};
use crate::exec::{Constants, ExecError, ExecPlan, NoHook, ValueHook};
use crate::model::{Graph, Links, Network};
use crate::tensor::{Tensor, Value};

/// Why accuracy cannot be measured.
#[derive(Debug, thiserror::Error)]
pub enum EvalError {
    #[error(
        "the model has no graph, so it cannot be run; save it with one (quantscope.graph in the metadata) or export it to ONNX"
    )]
    NoGraph,
    #[error("the graph takes {0} inputs; accuracy is measured for models with one")]
    InputCount(usize),
    #[error("{0}")]
    Output(String),
    #[error(transparent)]
    Exec(#[from] ExecError),
    #[error(transparent)]
    Samples(#[from] SamplesError),
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

/// A network ready to run over one sample set.
pub struct Runner {
    network: Arc<Network>,
    samples: Arc<SampleSet>,
    plan: ExecPlan,
    feed: Feed,
    /// Every chunk filled up to the same size, so that a sample's result does not depend on how
    /// many are run with it.
    full_feed: Feed,
    kind: OutputKind,
    float: Constants,
    /// Sample numbers in the order they are run.
    order: Vec<usize>,
    chunk_len: usize,
    /// Steps of the plan at which a layer's weight comes in, ascending.
    layer_steps: Vec<usize>,
    /// Threads of its own: a long run does not hold up short work. They keep their buffers.
    threads: OnceLock<Option<rayon::ThreadPool>>,
}

/// What to run besides the float model.
pub struct RunRequest<'a> {
    /// Constants with quantized weights; `None` runs the float model alone.
    pub quantized: Option<&'a Constants>,
    /// Sees the values of the quantized run.
    pub hook: &'a dyn ValueHook,
    /// Samples to run; all if `None`.
    pub limit: Option<usize>,
}

impl Runner {
    /// Builds the plan and checks that the samples fit the graph.
    ///
    /// # Errors
    /// No graph, an operator that is not supported, samples of another shape.
    pub fn new(network: Arc<Network>, samples: Arc<SampleSet>) -> Result<Self, EvalError> {
        Self::on_part(network, samples, SamplePart::All)
    }

    /// The same over a part of the set, which then is all there is.
    ///
    /// # Errors
    /// As [`new`](Self::new); a set of one sample has no other half.
    pub fn on_part(
        network: Arc<Network>,
        samples: Arc<SampleSet>,
        part: SamplePart,
    ) -> Result<Self, EvalError> {
        let graph = network.graph.as_ref().ok_or(EvalError::NoGraph)?;
        let [input] = graph.inputs.as_slice() else {
            return Err(EvalError::InputCount(graph.inputs.len()));
        };
        let plan = ExecPlan::new(graph)?;
        let feed = samples.feed(&input.resolve())?;
        check_vocabulary(&network, &input.name, &samples)?;
        let float = plan.constants(|name| network.value(name))?;
        let kind = output_kind(graph);
        let order = part.of(samples.balanced_order());
        if order.is_empty() {
            let reason = "one sample cannot be in two halves".to_owned();
            return Err(SamplesError::Unfit { name: samples.name.clone(), reason }.into());
        }
        let chunk_len = feed.fixed_batch.unwrap_or_else(|| chunk_len_for(&samples, &feed)).max(1);
        let mut full_feed = feed.clone();
        full_feed.fixed_batch = Some(chunk_len);
        let mut layer_steps: Vec<usize> =
            network.layers.iter().map(|layer| plan.first_step_of(&layer.weight)).collect();
        layer_steps.sort_unstable();
        layer_steps.dedup();
        let threads = OnceLock::new();
        Ok(Self {
            network,
            samples,
            plan,
            feed,
            full_feed,
            kind,
            float,
            order,
            chunk_len,
            layer_steps,
            threads,
        })
    }

    pub fn network(&self) -> &Network {
        &self.network
    }

    pub fn samples(&self) -> &SampleSet {
        &self.samples
    }

    /// Constants with some weights replaced.
    ///
    /// # Errors
    /// A node over constants that fails.
    pub fn constants(&self, replaced: &BTreeMap<String, Tensor>) -> Result<Constants, EvalError> {
        Ok(self.plan.with_replaced(&self.float, |name| self.network.value(name), replaced)?)
    }

    /// Runs the samples in order; `on_partial` hears of the first part of them now and then.
    ///
    /// `kept` holds what earlier runs left and is filled by this one. The figures depend neither on
    /// it nor on the number of threads.
    ///
    /// # Errors
    /// A node that cannot run, labels the graph's output does not have, cancelled.
    pub fn run(
        &self,
        request: &RunRequest,
        kept: &mut KeptRuns,
        ctx: &WorkCtx,
        on_partial: impl FnMut(Accuracy) + Send,
    ) -> Result<Accuracy, EvalError> {
        let chunks = self.chunks(request.limit);
        let n_samples: usize = chunks.iter().map(|chunk| chunk.len()).sum();
        let is_complete = n_samples == self.order.len();
        ctx.set_total(n_samples as u64);
        self.prepare_kept(request, kept.activations(), &chunks)?;
        let outputs: Vec<_> = (0..chunks.len()).map(|chunk_idx| kept.output(chunk_idx)).collect();
        let run_chunk = |chunk_idx: usize, chunk: &[usize], kept: &KeptActivations| {
            // A short last chunk is not what a longer run has kept at that place.
            let is_whole = chunk.len() == self.chunk_len || is_complete;
            let known = outputs.get(chunk_idx).cloned().flatten().filter(|_| is_whole);
            let kept = (is_whole && request.hook.is_idle()).then_some(kept);
            let done = self.run_chunk((chunk_idx, chunk), request, known, kept)?;
            Ok(ChunkDone { is_whole, ..done })
        };
        let run = Progressive { samples: &self.samples, chunks: &chunks, ctx };
        let activations = &*kept.activations();
        let work = |chunk_idx: usize, chunk: &[usize]| run_chunk(chunk_idx, chunk, activations);
        let (accuracy, floats) = run.run(self.pool(), &work, on_partial)?;
        for (chunk_idx, outputs) in floats {
            kept.keep_output(chunk_idx, outputs);
        }
        Ok(accuracy)
    }

    /// Threads that keep their buffers; `None` where the system gives none.
    pub(super) fn pool(&self) -> Option<&rayon::ThreadPool> {
        let pool = self.threads.get_or_init(|| {
            let threads = rayon::ThreadPoolBuilder::new()
                .num_threads(rayon::current_num_threads())
                .thread_name(|_| "quantscope-accuracy".to_owned());
            threads.build().inspect_err(|error| log::warn!("accuracy on one thread: {error}")).ok()
        });
        pool.as_ref()
    }

    pub(super) fn plan(&self) -> &ExecPlan {
        &self.plan
    }

    pub(super) fn float(&self) -> &Constants {
        &self.float
    }

    /// What one prediction costs whatever the bits are, for samples of this shape.
    ///
    /// # Errors
    /// As [`ModelCosts::measure`].
    pub fn costs(&self) -> Result<ModelCosts, CostError> {
        ModelCosts::measure(&self.network, Some(self.feed.sample_dims()))
    }

    /// Samples there are to run.
    pub fn n_samples(&self) -> usize {
        self.order.len()
    }

    /// The first samples of the order in the chunks they are run in.
    pub(super) fn chunks(&self, limit: Option<usize>) -> Vec<&[usize]> {
        let n_samples = limit.unwrap_or(usize::MAX).clamp(1, self.order.len());
        let order = self.order.get(..n_samples).unwrap_or_default();
        order.chunks(self.chunk_len.max(1)).collect()
    }

    /// A chunk as the graph takes it, filled up to the size of all chunks.
    pub(super) fn batch(&self, chunk: &[usize]) -> Value {
        self.samples.batch(&self.full_feed, chunk)
    }

    /// What the outputs of a chunk say, sample by sample.
    ///
    /// # Errors
    /// Outputs that are no scores, labels they do not have.
    pub(super) fn readings(
        &self,
        chunk: &[usize],
        outputs: Vec<Value>,
    ) -> Result<Vec<Reading>, EvalError> {
        let scores = self.scores(chunk, outputs)?;
        let per_sample = scores.len() / chunk.len().max(1);
        let n_classes = per_sample / self.samples.predictions_per_sample().max(1);
        let reader = OutcomeReader { kind: self.kind, n_classes };
        let rows = chunk.iter().zip(scores.chunks_exact(per_sample.max(1)));
        rows.map(|(&sample_idx, row)| {
            let targets = self.samples.targets(sample_idx).unwrap_or_default();
            check_targets(&self.samples, sample_idx, &targets, n_classes)?;
            Ok(reader.reading(&targets, row))
        })
        .collect()
    }

    /// Chooses where activations are kept; nothing is kept where a hook changes them.
    fn prepare_kept(
        &self,
        request: &RunRequest,
        kept: &mut KeptActivations,
        chunks: &[&[usize]],
    ) -> Result<(), EvalError> {
        let (Some(constants), Some(&first)) = (request.quantized, chunks.first()) else {
            return Ok(());
        };
        if kept.is_off() {
            kept.clear();
            return Ok(());
        }
        if !request.hook.is_idle() {
            return Ok(());
        }
        let layer_steps = self.layer_steps.as_slice();
        let cuts = CutRequest { plan: &self.plan, n_chunks: chunks.len(), layer_steps };
        let costs = || {
            let batch = || vec![self.samples.batch(&self.full_feed, first)];
            // The first run finds everything cold.
            self.plan.run(&self.float, batch(), &NoHook)?;
            self.plan.costs(&self.float, batch(), &NoHook)
        };
        Ok(kept.prepare(&cuts, constants, costs)?)
    }

    /// Chunks that so many samples make.
    pub fn n_chunks(&self, n_samples: usize) -> usize {
        n_samples.div_ceil(self.chunk_len.max(1))
    }

    /// Runs the float model over samples, by their places in the balanced order, one chunk after
    /// another, so that the hook sees values in a fixed order.
    ///
    /// # Errors
    /// A node that cannot run, cancelled.
    pub fn observe(
        &self,
        samples: std::ops::Range<usize>,
        hook: &dyn ValueHook,
        ctx: &WorkCtx,
    ) -> Result<(), EvalError> {
        let samples = self.order.get(samples).unwrap_or_default();
        for chunk in samples.chunks(self.chunk_len.max(1)) {
            ctx.check()?;
            let batch = self.samples.batch(&self.feed, chunk);
            self.plan.run(&self.float, vec![batch], hook)?;
        }
        Ok(())
    }

    fn run_chunk(
        &self,
        (chunk_idx, chunk): (usize, &[usize]),
        request: &RunRequest,
        known: Option<Arc<Vec<f32>>>,
        kept: Option<&KeptActivations>,
    ) -> Result<ChunkDone, EvalError> {
        let batch = || self.samples.batch(&self.full_feed, chunk);
        let float = match known {
            Some(float) => float,
            None => {
                let outputs = self.plan.run(&self.float, vec![batch()], &NoHook)?;
                Arc::new(self.scores(chunk, outputs)?)
            }
        };
        let quantized = match (request.quantized, kept) {
            (None, _) => None,
            (Some(constants), Some(kept)) => {
                let outputs = kept.run(&self.plan, chunk_idx, constants, batch)?;
                Some(self.scores(chunk, outputs)?)
            }
            (Some(constants), None) => {
                let outputs = self.plan.run(constants, vec![batch()], request.hook)?;
                Some(self.scores(chunk, outputs)?)
            }
        };
        let per_sample = float.len() / chunk.len().max(1);
        let n_classes = per_sample / self.samples.predictions_per_sample().max(1);
        let reader = OutcomeReader { kind: self.kind, n_classes };
        let part = |values: &[f32], nth: usize| -> Vec<f32> {
            values.get(nth * per_sample..(nth + 1) * per_sample).unwrap_or_default().to_vec()
        };
        let mut outcomes = Vec::with_capacity(chunk.len());
        for (nth, &sample_idx) in chunk.iter().enumerate() {
            let targets = self.samples.targets(sample_idx).unwrap_or_default();
            check_targets(&self.samples, sample_idx, &targets, n_classes)?;
            let quantized = quantized.as_deref().map(|values| part(values, nth));
            outcomes.push(reader.read(
                sample_idx,
                &targets,
                &part(&float, nth),
                quantized.as_deref(),
            ));
        }
        Ok(ChunkDone { outcomes, float, n_classes, is_whole: false })
    }

    /// The graph's first output for some samples, padding of a fixed batch dropped.
    fn scores(&self, chunk: &[usize], outputs: Vec<Value>) -> Result<Vec<f32>, EvalError> {
        let n_rows = self.chunk_len.max(1);
        let Some(Value::F32(output)) = outputs.into_iter().next() else {
            return Err(EvalError::Output(
                "the graph's first output is not a float value".to_owned(),
            ));
        };
        let n_predictions = n_rows * self.samples.predictions_per_sample();
        if output.is_empty() || output.len() % n_predictions.max(1) != 0 {
            return Err(EvalError::Output(format!(
                "the graph's output has shape {:?}, expected scores for {n_predictions} predictions",
                output.shape()
            )));
        }
        let per_row = output.len() / n_rows;
        Ok(output.iter().copied().take(chunk.len() * per_row).collect())
    }
}

/// Checks that every token has a row in the tables that tokens are looked up in.
fn check_vocabulary(
    network: &Network,
    input: &str,
    samples: &SampleSet,
) -> Result<(), SamplesError> {
    let (Some(graph), Some((token, row_idx))) = (&network.graph, samples.largest_token()) else {
        return Ok(());
    };
    let tables = graph.nodes.iter().filter(|node| {
        node.op == "Gather" && node.inputs.get(1).is_some_and(|indices| indices == input)
    });
    for table in tables {
        let layer_idx = table.inputs.first().and_then(|weight| network.layer_of_weight(weight));
        let Some(layer) = layer_idx.map(|idx| &network.layers[idx]) else { continue };
        let n_tokens = layer.dims.first().copied().unwrap_or(0);
        if usize::try_from(token).is_ok_and(|token| token >= n_tokens) {
            return Err(SamplesError::Unfit {
                name: samples.name.clone(),
                reason: format!(
                    "row {row_idx} holds token {token}, the model's vocabulary {:?} has {n_tokens}",
                    layer.weight
                ),
            });
        }
    }
    Ok(())
}

/// Checks that the model can be right: it tells apart the classes that the set names and labels.
fn check_targets(
    samples: &SampleSet,
    sample_idx: usize,
    targets: &[usize],
    n_classes: usize,
) -> Result<(), SamplesError> {
    let unfit = |reason| SamplesError::Unfit { name: samples.name.clone(), reason };
    let n_named = samples.classes.as_ref().map_or(0, Vec::len);
    let target = targets.iter().find(|&&target| target >= n_classes);
    let told = format!("the graph's output tells {n_classes} classes apart");
    match target {
        _ if n_named > n_classes => Err(unfit(format!("it has {n_named} classes, {told}"))),
        Some(target) => Err(unfit(format!("sample {sample_idx} has label {target}, {told}"))),
        None => Ok(()),
    }
}

/// Operators that leave the values of their first input as they are.
const PASSING: &[&str] =
    &["Cast", "Dropout", "Flatten", "Identity", "Reshape", "Squeeze", "Unsqueeze"];

/// Whether the first output comes from a Softmax, also through nodes that only pass it on.
fn output_kind(graph: &Graph) -> OutputKind {
    let links = Links::new(graph);
    let mut value = graph.outputs.first();
    while let Some(node) = value.and_then(|value| links.producer(value)) {
        match node.op.as_str() {
            "Softmax" => return OutputKind::Probabilities,
            op if PASSING.contains(&op) => value = node.inputs.first(),
            _ => break,
        }
    }
    OutputKind::Logits
}

/// The largest sample of which sixteen are run at once.
const MAX_SIDE_BY_SIDE_VALUES: usize = 1 << 18;

/// Samples run at once where the graph leaves it free: as many as are computed side by side, unless
/// they are so large that a first figure would come late.
fn chunk_len_for(samples: &SampleSet, feed: &Feed) -> usize {
    let n_values = feed.n_values().max(1);
    match samples.predictions_per_sample() {
        1 if n_values <= MAX_SIDE_BY_SIDE_VALUES => 16,
        _ => 1,
    }
}
