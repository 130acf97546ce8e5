//! Which tensors of a model are weights that can be quantized, and along which axis.

use std::collections::{HashMap, HashSet};

use super::graph::{Graph, Node};
use super::links::{Links, free_name};
use super::network::Tensors;

/// What a layer's weight is to the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LayerRole {
    /// Takes part in a product: quantized unless kept.
    Product,
    /// A table that is looked up (Gather): kept in float unless chosen.
    Embedding,
    /// A tensor of a model without a graph.
    Unknown,
}

/// A weight tensor and the node that uses it.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    /// The first quantized use's node; without a graph the tensor's name.
    pub name: String,
    pub op: String,
    /// The tensor's name in the file.
    pub weight: String,
    pub dims: Vec<usize>,
    /// The output-channel axis, kept by per-channel and per-group scales.
    pub axis: usize,
    pub role: LayerRole,
}

impl Layer {
    /// Number of weights.
    pub fn count(&self) -> usize {
        self.dims.iter().product()
    }

    /// Number of output channels.
    pub fn n_channels(&self) -> usize {
        self.dims.get(self.axis).copied().unwrap_or(1)
    }
}

/// The weights of `graph` in the order of their first quantized use.
///
/// A weight is a float initializer that is the constant operand of Conv, ConvTranspose, Gemm,
/// MatMul or Gather, also when reached through Transpose, Reshape, Identity or Cast; one behind
/// DequantizeLinear has become such a tensor before. A tensor used twice is one layer.
pub(super) fn layers_of_graph(graph: &Graph, tensors: &Tensors) -> Vec<Layer> {
    let links = Links::new(graph);
    let mut layers: Vec<Layer> = Vec::new();
    let mut names: HashSet<String> = HashSet::new();
    let mut by_weight: HashMap<String, usize> = HashMap::new();
    for node in &graph.nodes {
        let Some((found, role)) = weight_of_node(node, &links, tensors) else {
            continue;
        };
        let known_idx = by_weight.get(&found.tensor).copied();
        let is_first_product = role == LayerRole::Product
            && known_idx.is_some_and(|idx| layers[idx].role == LayerRole::Embedding);
        if known_idx.is_some() && !is_first_product {
            continue;
        }
        let base = if node.name.is_empty() { node.outputs.first() } else { Some(&node.name) };
        let name = free_name(base.map_or("", String::as_str), |name| names.contains(name));
        names.insert(name.clone());
        let layer = Layer {
            name,
            op: node.op.clone(),
            weight: found.tensor.clone(),
            dims: found.dims,
            axis: found.axis,
            role,
        };
        if let Some(idx) = known_idx {
            layers[idx] = layer;
        } else {
            by_weight.insert(found.tensor, layers.len());
            layers.push(layer);
        }
    }
    layers
}

/// A node that uses a layer's weight.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WeightUse {
    /// Its place among the graph's nodes.
    pub node_idx: usize,
    /// The tensor's name in the file.
    pub weight: String,
    pub role: LayerRole,
}

/// Every use of a weight, in the order of the graph's nodes.
pub(super) fn uses_of_weights(graph: &Graph, tensors: &Tensors) -> Vec<WeightUse> {
    let links = Links::new(graph);
    let uses = graph.nodes.iter().enumerate().filter_map(|(node_idx, node)| {
        let (found, role) = weight_of_node(node, &links, tensors)?;
        Some(WeightUse { node_idx, weight: found.tensor, role })
    });
    uses.collect()
}

/// Without a graph: every float tensor of two or more dimensions, axis 0.
pub(super) fn layers_of_tensors(tensors: &Tensors) -> Vec<Layer> {
    tensors
        .float_infos()
        .filter(|(_, dims)| dims.len() >= 2)
        .map(|(name, dims)| Layer {
            name: name.to_owned(),
            op: String::new(),
            weight: name.to_owned(),
            dims,
            axis: 0,
            role: LayerRole::Unknown,
        })
        .collect()
}

/// A weight followed back to its tensor, its axis carried along.
struct Found {
    tensor: String,
    dims: Vec<usize>,
    axis: usize,
}

fn weight_of_node(node: &Node, links: &Links, tensors: &Tensors) -> Option<(Found, LayerRole)> {
    let trace = |input_idx: usize, axis: fn(usize) -> Option<usize>| {
        let value = node.inputs.get(input_idx)?;
        let (tensor, dims, steps) = trace_back(value, links, tensors)?;
        let rank = steps.last().map_or(dims.len(), |step| step.rank_out);
        let axis = steps.iter().rev().try_fold(axis(rank)?, |axis, step| step.axis_before(axis))?;
        Some(Found { tensor, dims, axis })
    };
    let product =
        |found: Option<Found>| found.filter(|f| f.dims.len() >= 2).map(|f| (f, LayerRole::Product));
    let is_constant =
        |idx: usize| node.inputs.get(idx).is_some_and(|v| trace_back(v, links, tensors).is_some());
    match node.op.as_str() {
        "Conv" => product(trace(1, |_| Some(0))),
        "ConvTranspose" => product(trace(1, |_| Some(1))),
        "Gemm" if node.attributes.int_or("transB", 0) == Ok(0) => product(trace(1, |_| Some(1))),
        "Gemm" => product(trace(1, |_| Some(0))),
        "MatMul" if is_constant(0) && is_constant(1) => None,
        "MatMul" if is_constant(1) => product(trace(1, |rank| rank.checked_sub(1))),
        "MatMul" => product(trace(0, |rank| rank.checked_sub(2))),
        "Gather" => {
            let found = trace(0, |_| Some(0)).filter(|f| f.dims.len() >= 2)?;
            Some((found, LayerRole::Embedding))
        }
        _ => None,
    }
}

/// The most nodes between a weight and its use; exports have one or two.
const MAX_STEPS: usize = 8;

/// The tensor, its dimensions, and the steps from it to the value.
type Trace = (String, Vec<usize>, Vec<Step>);

/// A node between a weight and its use.
struct Step {
    rank_out: usize,
    /// For every axis of the step's output, the axis of its input.
    axis_map: Vec<Option<usize>>,
}

impl Step {
    fn axis_before(&self, axis: usize) -> Option<usize> {
        self.axis_map.get(axis).copied().flatten()
    }
}

/// Follows a value to a float tensor of the model: its name, dimensions, and the steps from the
/// tensor to the value, in that order.
fn trace_back(value: &str, links: &Links, tensors: &Tensors) -> Option<Trace> {
    trace_back_at(value, links, tensors, 0)
}

fn trace_back_at(value: &str, links: &Links, tensors: &Tensors, depth: usize) -> Option<Trace> {
    if depth > MAX_STEPS {
        return None;
    }
    if let Some(dims) = tensors.weight_dims(value) {
        return Some((value.to_owned(), dims, Vec::new()));
    }
    let node = links.producer(value)?;
    let (tensor, dims, mut steps) = match node.op.as_str() {
        "Transpose" | "Reshape" | "Identity" | "Cast" => {
            trace_back_at(node.inputs.first()?, links, tensors, depth + 1)?
        }
        _ => return None,
    };
    let step = step_of(node, &dims, &steps, tensors)?;
    steps.push(step);
    Some((tensor, dims, steps))
}

/// The step `node` makes from a tensor of `dims` that went through `steps`.
fn step_of(node: &Node, dims: &[usize], steps: &[Step], tensors: &Tensors) -> Option<Step> {
    let rank = steps.last().map_or(dims.len(), |step| step.rank_out);
    let axis_map = match node.op.as_str() {
        "Transpose" => match node.attributes.ints("perm").ok()? {
            None => (0..rank).rev().map(Some).collect(),
            Some(perm) => perm.iter().map(|&axis| usize::try_from(axis).ok()).collect(),
        },
        "Reshape" if steps.is_empty() => {
            let target = tensors.int_list(node.inputs.get(1)?)?;
            reshaped_axes(dims, &target)
        }
        "Reshape" => return None,
        _ => (0..rank).map(Some).collect::<Vec<_>>(),
    };
    Some(Step { rank_out: axis_map.len(), axis_map })
}

/// For every target dimension, the source dimension it is a copy of: same size, and the same
/// number of elements before it.
fn reshaped_axes(dims: &[usize], target: &[i64]) -> Vec<Option<usize>> {
    let count: usize = dims.iter().product();
    let known: usize = target
        .iter()
        .enumerate()
        .map(|(idx, &dim)| match dim {
            0 => dims.get(idx).copied().unwrap_or(1),
            _ => usize::try_from(dim).unwrap_or(1),
        })
        .product();
    let sizes = target.iter().enumerate().map(|(idx, &dim)| match dim {
        0 => dims.get(idx).copied().unwrap_or(1),
        -1 => count / known.max(1),
        _ => usize::try_from(dim).unwrap_or(0),
    });
    let mut before = 1usize;
    sizes
        .map(|size| {
            let start = before;
            before = before.saturating_mul(size);
            let mut source_before = 1usize;
            dims.iter().position(|&dim| {
                let matches = source_before == start && dim == size;
                source_before = source_before.saturating_mul(dim);
                matches
            })
        })
        .collect()
}
