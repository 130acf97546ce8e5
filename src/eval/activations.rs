//! Activations quantized and decoded on their way through the graph, with ranges from calibration
//! samples.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use super::runner::{EvalError, Runner};
use crate::base::WorkCtx;
use crate::exec::ValueHook;
use crate::model::{Graph, Links, Node};
use crate::quant::{FittedQuantizer, Place, QuantError, Run, SchemeChoice, SettingValue};
use crate::tensor::{ChannelMajor, Tensor};

/// Why activations cannot be quantized as asked.
#[derive(Debug, thiserror::Error)]
pub enum ActivationError {
    #[error("activations have one scale a tensor; {0} is for weights")]
    Granularity(&'static str),
    #[error("{0} quantizes weights in blocks; activations have one grid a tensor")]
    Blocks(&'static str),
    #[error("activation {value:?}: {source}")]
    Quant { value: String, source: QuantError },
    #[error(transparent)]
    Eval(#[from] EvalError),
}

/// Operators whose output is a new range of values, stored quantized on an integer device. Others
/// either hand values on as they are (Reshape, MaxPool …) or are steps inside a normalization.
const PRODUCING: &[&str] = &[
    "Add",
    "AveragePool",
    "BatchNormalization",
    "Clip",
    "Conv",
    "ConvTranspose",
    "Elu",
    "Gelu",
    "Gemm",
    "GlobalAveragePool",
    "GroupNormalization",
    "HardSigmoid",
    "HardSwish",
    "InstanceNormalization",
    "LayerNormalization",
    "LeakyRelu",
    "MatMul",
    "Mish",
    "Mul",
    "PRelu",
    "RMSNormalization",
    "Relu",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "Sub",
    "Tanh",
];

/// Operators inside which precision is kept: what only they read (masked scores before Softmax, a
/// variance before its root) stays float.
const KEEPING: &[&str] = &["Exp", "Log", "Pow", "Reciprocal", "Softmax", "Sqrt"];

/// Operators that run fused with an activation function right after them.
const FUSING: &[&str] = &["Conv", "ConvTranspose", "Gemm", "MatMul", "Add", "BatchNormalization"];

/// Most values of one activation that its range is chosen from; smallest and largest are exact.
const MAX_KEPT: usize = 1 << 18;

/// The values that are quantized: the output of every node that makes a new range of values. A
/// product and the Relu or Clip that alone reads it are one point. The graph's input and its
/// outputs stay float, and so does what only Softmax or a root reads.
pub fn activation_points(graph: &Graph) -> Vec<String> {
    let links = Links::new(graph);
    let is_output = |value: &String| graph.outputs.contains(value);
    graph
        .nodes
        .iter()
        .filter(|node| PRODUCING.contains(&node.op.as_str()) && !is_fused(&links, node))
        .filter_map(|node| node.outputs.first())
        .filter(|value| !value.is_empty() && !is_output(value))
        .filter(|value| !links.readers(value).all(|node| KEEPING.contains(&node.op.as_str())))
        .cloned()
        .collect()
}

fn is_fused(links: &Links, node: &Node) -> bool {
    let Some(value) = node.outputs.first() else { return false };
    let mut readers = links.readers(value);
    let only = (readers.next(), readers.next());
    FUSING.contains(&node.op.as_str())
        && matches!(only, (Some(reader), None) if matches!(reader.op.as_str(), "Relu" | "Clip"))
}

/// Quantizes and decodes every point as it is computed.
pub struct ActivationQuantizer {
    fitted: BTreeMap<String, Arc<dyn FittedQuantizer>>,
}

impl ActivationQuantizer {
    /// Number of values that are quantized.
    pub fn n_points(&self) -> usize {
        self.fitted.len()
    }

    /// Runs the float model over samples of `runner`'s set and fits `choice` to what each point
    /// saw.
    ///
    /// - `samples`: their places in the set's balanced order.
    /// - The output of Softmax has the fixed scale 2^−bits where the codes are asymmetric.
    ///
    /// # Errors
    /// A granularity other than per tensor, values that are not finite, a model that cannot run.
    pub fn calibrate(
        runner: &Runner,
        graph: &Graph,
        choice: &SchemeChoice,
        samples: std::ops::Range<usize>,
        ctx: &WorkCtx,
    ) -> Result<Self, ActivationError> {
        let granularity = choice.settings().choice("granularity");
        if !matches!(granularity, "" | "per-tensor") {
            return Err(ActivationError::Granularity(granularity));
        }
        let points: BTreeSet<String> = activation_points(graph).into_iter().collect();
        let n_chunks = runner.n_chunks(samples.len());
        let recorder =
            Recorder { points, max_per_visit: MAX_KEPT / n_chunks.max(1), seen: Mutex::default() };
        runner.observe(samples, &recorder, ctx)?;
        let seen = recorder.seen.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut fitted = BTreeMap::new();
        for (value, seen) in seen {
            let is_softmax = graph
                .nodes
                .iter()
                .any(|node| node.op == "Softmax" && node.outputs.first() == Some(&value));
            let choice = if is_softmax { softmax_choice(choice) } else { choice.clone() };
            let sample = ndarray::arr1(&seen.values()).into_dyn().into_shared();
            let sample = ChannelMajor::new(&sample, 0);
            let fit = choice.fit(&sample, ctx);
            let fit =
                fit.map_err(|source| ActivationError::Quant { value: value.clone(), source })?;
            if fit.layout().n_groups() > 1 || !fit.is_by_value() {
                return Err(ActivationError::Blocks(choice.scheme().name()));
            }
            fitted.insert(value, Arc::from(fit));
        }
        Ok(Self { fitted })
    }
}

/// Probabilities lie between 0 and 1, so their scale needs no calibration.
fn softmax_choice(choice: &SchemeChoice) -> SchemeChoice {
    let bits = choice.bits().unwrap_or(8);
    let n_codes = 2f64.powi(i32::try_from(bits).unwrap_or(8));
    let fixed = [
        ("range", SettingValue::Choice("manual")),
        ("lo", SettingValue::Float(0.0)),
        ("hi", SettingValue::Float((n_codes - 1.0) / n_codes)),
    ];
    if choice.settings().choice("symmetry") != "asymmetric" {
        return choice.clone();
    }
    fixed
        .into_iter()
        .try_fold(choice.clone(), |choice, (key, value)| choice.with(key, value))
        .unwrap_or_else(|_| choice.clone())
}

impl ValueHook for ActivationQuantizer {
    fn visit(&self, value: &str, tensor: &mut Tensor) {
        let Some(fitted) = self.fitted.get(value) else { return };
        const RUN_LEN: usize = 1024;
        let mut codes = [0i32; RUN_LEN];
        let mut clipped = [0u8; RUN_LEN];
        let mut input = [0f32; RUN_LEN];
        // One grid for all values: their order does not matter. What has gaps is copied.
        if tensor.as_slice_memory_order().is_none() {
            *tensor = tensor.as_standard_layout().into_owned().into_shared();
        }
        let Some(values) = tensor.as_slice_memory_order_mut() else { return };
        for chunk in values.chunks_mut(RUN_LEN) {
            let len = chunk.len();
            input[..len].copy_from_slice(chunk);
            let run = Run { codes: &mut codes[..len], values: chunk, clipped: &mut clipped[..len] };
            fitted.quantize(Place { group_idx: 0, start: 0 }, &input[..len], run);
        }
    }

    fn wants(&self, value: &str) -> bool {
        self.fitted.contains_key(value)
    }
}

/// Range and a sample of the values of each point.
struct Recorder {
    points: BTreeSet<String>,
    max_per_visit: usize,
    seen: Mutex<BTreeMap<String, Seen>>,
}

struct Seen {
    min: f32,
    max: f32,
    sample: Vec<f32>,
}

impl Seen {
    /// The sample with the true ends in it.
    fn values(&self) -> Vec<f32> {
        let mut values = self.sample.clone();
        values.extend([self.min, self.max]);
        values
    }
}

impl ValueHook for Recorder {
    fn visit(&self, value: &str, tensor: &mut Tensor) {
        if !self.points.contains(value) || tensor.is_empty() {
            return;
        }
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let first = tensor.first().copied().unwrap_or(0.0);
        let seen = seen.entry(value.to_owned()).or_insert_with(|| Seen {
            min: first,
            max: first,
            sample: Vec::new(),
        });
        for &x in tensor.iter() {
            // A NaN stays, so that it is refused by name.
            seen.min = if x < seen.min || x.is_nan() { x } else { seen.min };
            seen.max = if x > seen.max || x.is_nan() { x } else { seen.max };
        }
        let stride = tensor.len().div_ceil(self.max_per_visit.max(1));
        seen.sample.extend(tensor.iter().step_by(stride));
    }

    fn wants(&self, value: &str) -> bool {
        self.points.contains(value)
    }
}
