//! Batch normalization folded into the convolution or matrix product before it, which is what runs
//! on devices and so what gets quantized.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::graph::{Attribute, Graph, Node};
use super::links::{Links, free_name};
use super::store::{StoreError, TensorStore};
use crate::tensor::Tensor;

/// Whether batch normalization is folded before anything is measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum FoldMode {
    #[default]
    Fold,
    Keep,
}

/// One normalization that was folded away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoldedNorm {
    /// The normalization's node.
    pub norm: String,
    /// The node it went into.
    pub into: String,
    /// The weight that changed.
    pub weight: String,
}

/// The graph without the foldable normalizations, and the tensors that replace those of the file.
pub(super) struct Folding {
    pub graph: Graph,
    pub replaced: BTreeMap<String, Tensor>,
    pub folded: Vec<FoldedNorm>,
}

/// What a normalization does to one channel: `y = scale · x + shift`.
struct Affine {
    scale: Vec<f64>,
    shift: Vec<f64>,
}

/// Folds every BatchNormalization whose input comes from a Conv, ConvTranspose or Gemm that nobody
/// else reads and whose weight and bias have no other use.
///
/// - `scale = γ/√(var + ε)`, `W′ = scale·W`, `b′ = scale·(b − mean) + β`, per output channel,
///   in `f64`, rounded once to `f32`.
/// - A normalization that does not fit (shapes that disagree, parameters that are no floats,
///   attributes the operator does not take, training mode) stays a node, for the executor to judge.
///
/// `replaced` holds tensors that already stand in the place of the file's.
///
/// # Errors
/// A tensor that cannot be read.
pub(super) fn fold_batch_norms(
    graph: &Graph,
    store: &TensorStore,
    mut replaced: BTreeMap<String, Tensor>,
) -> Result<Folding, StoreError> {
    let links = Links::new(graph);
    let outputs: HashSet<&str> = graph.outputs.iter().map(String::as_str).collect();
    let mut joins: HashMap<usize, Join> = HashMap::new();
    let mut dropped: HashSet<usize> = HashSet::new();
    let mut folded = Vec::new();
    for (norm_idx, norm) in graph.nodes.iter().enumerate() {
        if norm.op != "BatchNormalization" {
            continue;
        }
        let tensors = FileTensors { store, replaced: &replaced };
        let producer_idx = sole_producer(norm, &links, &outputs, &tensors);
        let Some((producer_idx, producer)) = producer_idx.map(|idx| (idx, &graph.nodes[idx]))
        else {
            continue;
        };
        let Some(fused) = fuse(producer, norm, &tensors)? else {
            continue;
        };
        let is_taken = |name: &str| {
            tensors.is_there(name)
                || links.producer_idx(name).is_some()
                || links.n_readers(name) > 0
        };
        let bias_name = match producer.inputs.get(2).filter(|name| !name.is_empty()) {
            Some(name) => name.clone(),
            None => free_name(&format!("{}.folded_bias", fused.weight_name), is_taken),
        };
        folded.push(FoldedNorm {
            norm: norm.name.clone(),
            into: producer.name.clone(),
            weight: fused.weight_name.clone(),
        });
        replaced.insert(fused.weight_name, fused.weight);
        replaced.insert(bias_name.clone(), fused.bias);
        joins.insert(producer_idx, Join { bias_name, outputs: norm.outputs.clone() });
        dropped.insert(norm_idx);
    }
    let nodes = graph
        .nodes
        .iter()
        .enumerate()
        .filter(|(idx, _)| !dropped.contains(idx))
        .map(|(idx, node)| joins.remove(&idx).map_or_else(|| node.clone(), |join| join.apply(node)))
        .collect();
    let graph = Graph { nodes, ..graph.clone() };
    Ok(Folding { graph, replaced, folded })
}

/// Tensors as the network sees them so far.
struct FileTensors<'a> {
    store: &'a TensorStore,
    replaced: &'a BTreeMap<String, Tensor>,
}

impl FileTensors<'_> {
    fn is_there(&self, name: &str) -> bool {
        self.replaced.contains_key(name) || self.store.info(name).is_some()
    }

    fn is_float(&self, name: &str) -> bool {
        self.replaced.contains_key(name)
            || self.store.info(name).is_some_and(|info| info.dtype.is_float())
    }

    fn tensor(&self, name: &str) -> Result<Tensor, StoreError> {
        self.replaced.get(name).map_or_else(|| self.store.tensor(name), |tensor| Ok(tensor.clone()))
    }
}

/// What becomes of a producer.
struct Join {
    bias_name: String,
    outputs: Vec<String>,
}

impl Join {
    /// The producer with its new bias, writing what the normalization wrote.
    fn apply(self, producer: &Node) -> Node {
        let mut node = producer.clone();
        let has_bias = node.inputs.get(2).is_some_and(|name| !name.is_empty());
        node.inputs.resize(3, String::new());
        node.inputs[2] = self.bias_name;
        node.outputs = self.outputs;
        if node.op == "Gemm" && !has_bias {
            node.attributes.0.insert("beta".to_owned(), Attribute::Float(1.0));
        }
        node
    }
}

/// Place of the node before `norm` if the two may become one.
fn sole_producer(
    norm: &Node,
    links: &Links,
    outputs: &HashSet<&str>,
    tensors: &FileTensors,
) -> Option<usize> {
    let value = norm.inputs.first()?;
    let producer_idx = links.producer_idx(value)?;
    let producer = links.producer(value)?;
    let only_reader = links.n_readers(value) == 1 && !outputs.contains(value.as_str());
    let known_op = matches!(producer.op.as_str(), "Conv" | "ConvTranspose" | "Gemm");
    let parameters_unshared = producer
        .inputs
        .iter()
        .skip(1)
        .filter(|name| !name.is_empty())
        .all(|name| tensors.is_there(name) && links.n_readers(name) == 1);
    let one_output = norm.outputs.iter().filter(|name| !name.is_empty()).count() == 1;
    (only_reader && known_op && parameters_unshared && one_output).then_some(producer_idx)
}

/// The parameters of a producer that has taken a normalization in.
struct Fused {
    weight_name: String,
    weight: Tensor,
    bias: Tensor,
}

fn fuse(producer: &Node, norm: &Node, tensors: &FileTensors) -> Result<Option<Fused>, StoreError> {
    let Some(weight_name) = producer.inputs.get(1).filter(|name| tensors.is_float(name)) else {
        return Ok(None);
    };
    let Some(affine) = read_affine(norm, tensors)? else {
        return Ok(None);
    };
    let weight = tensors.tensor(weight_name)?;
    let n_channels = affine.scale.len();
    let Some(axis) = output_axis(producer, &weight, n_channels) else {
        return Ok(None);
    };
    let Ok(gemm_beta) = producer.attributes.float_or("beta", 1.0).map(f64::from) else {
        return Ok(None);
    };
    let bias_name = producer.inputs.get(2).filter(|name| !name.is_empty());
    let bias = match bias_name {
        None => vec![0.0; n_channels],
        Some(name) if tensors.is_float(name) => {
            let bias = tensors.tensor(name)?;
            let is_per_channel =
                bias.len() == n_channels && bias.shape().last() == Some(&n_channels);
            if !is_per_channel || gemm_beta == 0.0 {
                return Ok(None);
            }
            bias.iter().map(|&b| f64::from(b)).collect()
        }
        Some(_) => return Ok(None),
    };
    let bias_factor = if producer.op == "Gemm" && bias_name.is_some() { gemm_beta } else { 1.0 };
    let folded_bias: Vec<f32> = (0..n_channels)
        .map(|c| (affine.scale[c] * bias[c] + affine.shift[c] / bias_factor) as f32)
        .collect();
    Ok(Some(Fused {
        weight_name: weight_name.clone(),
        weight: scaled(&weight, axis, &affine.scale),
        bias: ndarray::arr1(&folded_bias).into_dyn().into(),
    }))
}

/// Scale and shift of the normalization; `None` when its parameters are not plain float tensors of
/// one length.
fn read_affine(norm: &Node, tensors: &FileTensors) -> Result<Option<Affine>, StoreError> {
    let Some(names) = norm.inputs.get(1..5) else {
        return Ok(None);
    };
    let attributes = &norm.attributes;
    let is_plain =
        attributes.int_or("training_mode", 0) == Ok(0) && attributes.int_or("spatial", 1) == Ok(1);
    let Ok(epsilon) = attributes.float_or("epsilon", 1e-5).map(f64::from) else {
        return Ok(None);
    };
    if !is_plain || names.iter().any(|name| !tensors.is_float(name)) {
        return Ok(None);
    }
    let mut parameters = Vec::with_capacity(4);
    for name in names {
        let values: Vec<f64> = tensors.tensor(name)?.iter().map(|&x| f64::from(x)).collect();
        parameters.push(values);
    }
    let [gamma, beta, mean, var] = parameters.as_slice() else {
        return Ok(None);
    };
    if [beta, mean, var].iter().any(|values| values.len() != gamma.len()) {
        return Ok(None);
    }
    let scale: Vec<f64> = gamma.iter().zip(var).map(|(g, v)| g / (v + epsilon).sqrt()).collect();
    let shift = (0..scale.len()).map(|c| beta[c] - mean[c] * scale[c]).collect();
    Ok(Some(Affine { scale, shift }))
}

/// The weight's output-channel axis, if it has as many channels as the normalization.
fn output_axis(producer: &Node, weight: &Tensor, n_channels: usize) -> Option<usize> {
    let axis = match producer.op.as_str() {
        "Conv" => 0,
        "ConvTranspose" if producer.attributes.int_or("group", 1) == Ok(1) => 1,
        "Gemm" => match producer.attributes.int_or("transB", 0) {
            Ok(0) => 1,
            Ok(_) => 0,
            Err(_) => return None,
        },
        _ => return None,
    };
    (weight.shape().get(axis) == Some(&n_channels)).then_some(axis)
}

fn scaled(weight: &Tensor, axis: usize, scale: &[f64]) -> Tensor {
    let mut scaled = weight.to_owned();
    for (mut channel, factor) in scaled.axis_iter_mut(ndarray::Axis(axis)).zip(scale) {
        channel.mapv_inplace(|w| (f64::from(w) * factor) as f32);
    }
    scaled.into_shared()
}
