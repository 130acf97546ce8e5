//! Batch normalization folded into the convolution or matrix product before it, which is what runs
//! on devices and so what gets quantized.

use std::collections::BTreeMap;

use super::graph::{Attribute, Graph, Node};
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
/// - A normalization that does not fit (shapes that disagree, non-float parameters) stays a node.
///
/// # Errors
/// A tensor that cannot be read.
pub(super) fn fold_batch_norms(graph: &Graph, store: &TensorStore) -> Result<Folding, StoreError> {
    let mut folding =
        Folding { graph: graph.clone(), replaced: BTreeMap::new(), folded: Vec::new() };
    for norm in graph.nodes.iter().filter(|node| node.op == "BatchNormalization") {
        if let Some(producer) = sole_producer(graph, norm, store) {
            fold_one(producer, norm, store, &mut folding)?;
        }
    }
    Ok(folding)
}

/// The node before `norm` if the two may become one.
fn sole_producer<'a>(graph: &'a Graph, norm: &Node, store: &TensorStore) -> Option<&'a Node> {
    let value = norm.inputs.first()?;
    let producer = graph.nodes.iter().find(|node| node.outputs.first() == Some(value))?;
    let only_reader = graph.readers(value).count() == 1 && !graph.outputs.contains(value);
    let known_op = matches!(producer.op.as_str(), "Conv" | "ConvTranspose" | "Gemm");
    let parameters_unshared = producer
        .inputs
        .iter()
        .skip(1)
        .filter(|name| !name.is_empty())
        .all(|name| store.info(name).is_some() && graph.readers(name).count() == 1);
    let one_output = norm.outputs.iter().filter(|name| !name.is_empty()).count() == 1;
    (only_reader && known_op && parameters_unshared && one_output).then_some(producer)
}

fn fold_one(
    producer: &Node,
    norm: &Node,
    store: &TensorStore,
    folding: &mut Folding,
) -> Result<(), StoreError> {
    let (Some(affine), Some(weight_name)) = (read_affine(norm, store)?, producer.inputs.get(1))
    else {
        return Ok(());
    };
    let weight = store.tensor(weight_name)?;
    let Some(axis) = output_axis(producer, &weight, affine.scale.len()) else {
        return Ok(());
    };
    let n_channels = affine.scale.len();
    let gemm_beta = f64::from(producer.attributes.float_or("beta", 1.0).unwrap_or(1.0));
    let bias_name = producer.inputs.get(2).filter(|name| !name.is_empty());
    let bias = match bias_name {
        None => vec![0.0; n_channels],
        Some(name) => {
            let bias = store.tensor(name)?;
            if bias.len() != n_channels || gemm_beta == 0.0 {
                return Ok(());
            }
            bias.iter().map(|&b| f64::from(b)).collect()
        }
    };
    let bias_factor = if producer.op == "Gemm" && bias_name.is_some() { gemm_beta } else { 1.0 };
    let folded_bias: Vec<f32> = (0..n_channels)
        .map(|c| (affine.scale[c] * bias[c] + affine.shift[c] / bias_factor) as f32)
        .collect();
    let bias_name = bias_name.cloned().unwrap_or_else(|| format!("{weight_name}.folded_bias"));
    folding.replaced.insert(weight_name.clone(), scaled(&weight, axis, &affine.scale));
    folding.replaced.insert(bias_name.clone(), ndarray::arr1(&folded_bias).into_dyn().into());
    folding.folded.push(FoldedNorm {
        norm: norm.name.clone(),
        into: producer.name.clone(),
        weight: weight_name.clone(),
    });
    join_nodes(&mut folding.graph, norm, producer, bias_name);
    Ok(())
}

/// Scale and shift of the normalization; `None` when its parameters are not plain float tensors of
/// one length.
fn read_affine(norm: &Node, store: &TensorStore) -> Result<Option<Affine>, StoreError> {
    let Some(names) = norm.inputs.get(1..5) else {
        return Ok(None);
    };
    if names.iter().any(|name| store.info(name).is_none_or(|info| !info.dtype.is_float())) {
        return Ok(None);
    }
    let mut parameters = Vec::with_capacity(4);
    for name in names {
        let values: Vec<f64> = store.tensor(name)?.iter().map(|&x| f64::from(x)).collect();
        parameters.push(values);
    }
    let epsilon = f64::from(norm.attributes.float_or("epsilon", 1e-5).unwrap_or(1e-5));
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
            _ => 0,
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

/// Lets the producer write the normalization's output and drops the normalization.
fn join_nodes(graph: &mut Graph, norm: &Node, producer: &Node, bias_name: String) {
    let has_bias = producer.inputs.get(2).is_some_and(|name| !name.is_empty());
    graph.nodes.retain(|node| node.name != norm.name || node.outputs != norm.outputs);
    let joined = graph.nodes.iter_mut().find(|node| node.outputs == producer.outputs);
    if let Some(node) = joined {
        node.inputs.resize(3, String::new());
        node.inputs[2] = bias_name;
        node.outputs.clone_from(&norm.outputs);
        if node.op == "Gemm" && !has_bias {
            node.attributes.0.insert("beta".to_owned(), Attribute::Float(1.0));
        }
    }
}
