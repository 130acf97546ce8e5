//! What one prediction costs beside the memory of the model: multiply-accumulates, bit operations,
//! and an estimate of energy. Counted from the shapes of one run, not measured on a device.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use ndarray::{ArcArray, IxDyn};

use super::size::{float_bytes, width_bytes};
use crate::exec::{ExecError, ExecPlan, ValueHook};
use crate::model::{Graph, LayerRole, Network, Node};
use crate::quant::SchemeChoice;
use crate::tensor::{Tensor, Value};

/// Why costs cannot be counted.
#[derive(Clone, Debug, thiserror::Error, PartialEq)]
pub enum CostError {
    #[error("the model has no graph, so what it computes is not known")]
    NoGraph,
    #[error("the graph takes {0} inputs; costs are counted for models with one")]
    InputCount(usize),
    #[error("the graph leaves the size of its input free; a sample set says it")]
    FreeInput,
    #[error(transparent)]
    Exec(#[from] ExecError),
}

/// Energy of reading one bit from DRAM: 640 pJ for 32 bits.
pub const PICOJOULES_PER_BIT_READ: f64 = 20.0;

/// Energy of a multiplication and an addition of 32-bit floats: 3.7 + 0.9 pJ.
pub const PICOJOULES_PER_FLOAT_MAC: f64 = 4.6;

/// Energy of a multiplication of 8-bit and an addition of 32-bit integers: 0.2 + 0.1 pJ.
pub const PICOJOULES_PER_INT8_MAC: f64 = 0.3;

/// What one prediction takes whatever the bits are: one sample, or one token of a language model,
/// averaged over a row.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelCosts {
    /// By layer of the network.
    pub layers: Vec<LayerCost>,
    /// Multiply-accumulates of products in which no operand is a weight (attention).
    pub other_macs: f64,
    /// Of float tensors that are no layer's weight, such as biases.
    pub other_bits: u64,
    /// Whether it is counted by token.
    pub is_per_token: bool,
}

/// What a layer takes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LayerCost {
    /// Multiply-accumulates with its weights, all uses together. Products with padding count, as is
    /// usual; 0 for a table that is looked up.
    pub macs: f64,
    /// Times all its weights are read: one a use, of a table one row.
    pub reads: f64,
    /// What the weights take in float, at the width they are stored in.
    pub float_bits: u64,
    pub n_weights: u64,
}

/// How a layer is stored.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LayerCode {
    /// Codes and everything needed to decode them.
    pub stored_bits: u64,
    /// Of one code.
    pub code_bits: f64,
}

impl LayerCode {
    /// A layer that takes `stored_bits` under a choice; where the scheme stores no codes one by one
    /// a code counts as what a weight takes on average.
    pub fn new(stored_bits: u64, choice: &SchemeChoice, n_weights: usize) -> Self {
        let average = stored_bits as f64 / n_weights.max(1) as f64;
        let code_bits = choice.code_bits().map_or(average, |bits| bits as f64);
        Self { stored_bits, code_bits }
    }
}

/// What one prediction of a quantized model costs.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Costs {
    pub macs: f64,
    /// `Σ macs · b_w · b_a`: van Baalen et al. 2020, Bayesian Bits.
    pub bit_operations: f64,
    /// An estimate: see [`Costs::of`].
    pub energy_picojoules: f64,
}

impl Costs {
    /// Sums over layers; `layers[i]` belongs to layer `i` of the network, `None` is float.
    ///
    /// - Bit operations: multiply-accumulates times the bits of a weight's code times those of an
    ///   activation. Floats have their width, activations that are not quantized
    ///   (`activation_bits` is `None`) 32. Accumulation is not counted.
    /// - Energy: every weight's bits read from DRAM once a use, and the arithmetic; integer
    ///   arithmetic only where weights and activations both have at most 8 bits. In 45 nm at
    ///   0.9 V: Horowitz, ISSCC 2014; DRAM as in Han et al., ISCA 2016. *An estimate*: activations
    ///   on their way, caches, decoding, control and other operators are left out, and a device
    ///   that keeps its weights on chip reads for a hundredth of that.
    pub fn of(
        model: &ModelCosts,
        layers: &[Option<LayerCode>],
        activation_bits: Option<u32>,
    ) -> Self {
        let activation = activation_bits.map_or(32.0, f64::from);
        let mut costs = Self {
            macs: model.other_macs,
            bit_operations: model.other_macs * activation * activation,
            energy_picojoules: model.other_macs * picojoules_per_mac(activation, activation)
                + model.other_bits as f64 * PICOJOULES_PER_BIT_READ,
        };
        for (layer_idx, layer) in model.layers.iter().enumerate() {
            let code = layers.get(layer_idx).copied().flatten();
            costs.macs += layer.macs;
            costs.bit_operations += layer.macs * layer.code_bits(code) * activation;
            costs.energy_picojoules += layer.energy_picojoules(code, activation_bits);
        }
        costs
    }
}

impl LayerCost {
    /// The layer's part of [`Costs::of`].
    pub fn energy_picojoules(&self, code: Option<LayerCode>, activation_bits: Option<u32>) -> f64 {
        let stored_bits = code.map_or(self.float_bits, |code| code.stored_bits);
        let activation = activation_bits.map_or(32.0, f64::from);
        self.reads * stored_bits as f64 * PICOJOULES_PER_BIT_READ
            + self.macs * picojoules_per_mac(self.code_bits(code), activation)
    }

    fn code_bits(&self, code: Option<LayerCode>) -> f64 {
        let float = self.float_bits as f64 / self.n_weights.max(1) as f64;
        code.map_or(float, |code| code.code_bits)
    }
}

fn picojoules_per_mac(weight_bits: f64, activation_bits: f64) -> f64 {
    match weight_bits <= 8.0 && activation_bits <= 8.0 {
        true => PICOJOULES_PER_INT8_MAC,
        false => PICOJOULES_PER_FLOAT_MAC,
    }
}

impl ModelCosts {
    /// Counts from the shapes of one run over nothing but zeros.
    ///
    /// `sample_dims`: dimensions of one sample without the batch, of a language model the length of
    /// a row; `None` takes the graph's where it fixes them. Counted are Conv, ConvTranspose, Gemm
    /// and MatMul; no other operator is.
    ///
    /// # Errors
    /// No graph or one of several inputs, a free input without `sample_dims`, a node that cannot
    /// run.
    pub fn measure(network: &Network, sample_dims: Option<&[usize]>) -> Result<Self, CostError> {
        let graph = network.graph.as_ref().ok_or(CostError::NoGraph)?;
        let [input] = graph.inputs.as_slice() else {
            return Err(CostError::InputCount(graph.inputs.len()));
        };
        let resolved = input.resolve();
        let of_graph = || resolved.sample_dims.iter().copied().collect::<Option<Vec<usize>>>();
        let sample_dims = sample_dims.map(<[usize]>::to_vec).or_else(of_graph);
        let sample_dims = sample_dims.ok_or(CostError::FreeInput)?;
        let n_rows = resolved.fixed_batch.unwrap_or(1).max(1);
        let dims = [&[n_rows], sample_dims.as_slice()].concat();
        let is_per_token = !resolved.dtype.is_float();
        let row_len = if is_per_token { sample_dims.iter().product() } else { 1 };
        let n_predictions = (n_rows * row_len).max(1) as f64;
        let shapes = shapes(network, graph, (&input.name, &dims, is_per_token))?;
        let mut costs = Self::without_products(network, is_per_token);
        let mut is_of_weight = vec![false; graph.nodes.len()];
        for found in network.weight_uses() {
            let layer_idx = network.layer_of_weight(&found.weight);
            let (Some(layer_idx), Some(node)) = (layer_idx, graph.nodes.get(found.node_idx)) else {
                continue;
            };
            let (layer, cost) = (&network.layers[layer_idx], &mut costs.layers[layer_idx]);
            is_of_weight[found.node_idx] = true;
            match found.role {
                LayerRole::Embedding => {
                    cost.reads += 1.0 / layer.dims.first().copied().unwrap_or(1).max(1) as f64;
                }
                _ => {
                    let weight = Weight { count: layer.count(), n_channels: layer.n_channels() };
                    cost.reads += 1.0;
                    cost.macs += macs(node, &shapes, Some(weight)) / n_predictions;
                }
            }
        }
        let others =
            graph.nodes.iter().zip(&is_of_weight).filter(|(_, is_of_weight)| !**is_of_weight);
        costs.other_macs =
            others.map(|(node, _)| macs(node, &shapes, None)).sum::<f64>() / n_predictions;
        Ok(costs)
    }

    fn without_products(network: &Network, is_per_token: bool) -> Self {
        let layers = network.layers.iter().enumerate().map(|(layer_idx, layer)| LayerCost {
            macs: 0.0,
            reads: 0.0,
            float_bits: 8 * float_bytes(network, layer_idx),
            n_weights: layer.count() as u64,
        });
        let others = network.float_tensor_counts();
        let others = others.filter(|(name, _)| network.layer_of_weight(name).is_none());
        let of_tensor =
            |(name, count): (&str, usize)| 8 * (count * width_bytes(network, name)) as u64;
        let other_bits = others.map(of_tensor).sum();
        Self { layers: layers.collect(), other_macs: 0.0, other_bits, is_per_token }
    }
}

/// Dimensions of the values of a run, by name.
type Shapes = HashMap<String, Vec<usize>>;

struct ShapeWatch(Mutex<Shapes>);

impl ValueHook for ShapeWatch {
    fn visit(&self, value: &str, tensor: &mut Tensor) {
        let mut shapes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        shapes.insert(value.to_owned(), tensor.shape().to_vec());
    }
}

fn shapes(
    network: &Network,
    graph: &Graph,
    (input, dims, is_int): (&str, &[usize], bool),
) -> Result<Shapes, CostError> {
    let plan = ExecPlan::new(graph)?;
    let constants = plan.constants(|name| network.value(name))?;
    let zeros = match is_int {
        true => Value::I64(ArcArray::zeros(IxDyn(dims))),
        false => Value::F32(Tensor::zeros(IxDyn(dims))),
    };
    let watch = ShapeWatch(Mutex::new(HashMap::from([(input.to_owned(), dims.to_vec())])));
    plan.run(&constants, vec![zeros], &watch)?;
    Ok(watch.0.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// A weight by what a product needs to know of it.
#[derive(Clone, Copy)]
struct Weight {
    count: usize,
    n_channels: usize,
}

/// Multiply-accumulates of a node; 0 for one that is no product.
///
/// Conv: outputs · weights / output channels. ConvTranspose: inputs · weights / input channels.
/// Gemm and MatMul: outputs · length of the sum.
fn macs(node: &Node, shapes: &Shapes, weight: Option<Weight>) -> f64 {
    let operand = |idx: usize| shapes.get(node.inputs.get(idx)?).map(Vec::as_slice);
    let count =
        |dims: Option<&[usize]>| dims.map_or(0.0, |dims| dims.iter().product::<usize>() as f64);
    let outputs = count(node.outputs.first().and_then(|name| shapes.get(name)).map(Vec::as_slice));
    let n_weights = weight.map_or_else(|| count(operand(1)), |weight| weight.count as f64);
    match node.op.as_str() {
        "Conv" => {
            let of_value = || operand(1).and_then(|dims| dims.first()).copied();
            let channels = weight.map(|weight| weight.n_channels).or_else(of_value).unwrap_or(1);
            outputs * n_weights / channels.max(1) as f64
        }
        "ConvTranspose" => {
            let channels = operand(0).and_then(|dims| dims.get(1)).copied().unwrap_or(1);
            count(operand(0)) * n_weights / channels.max(1) as f64
        }
        "Gemm" => match (weight, operand(0)) {
            (Some(weight), _) => outputs * n_weights / weight.n_channels.max(1) as f64,
            (None, Some(dims)) => {
                let summed = usize::from(node.attributes.int_or("transA", 0) == Ok(0));
                outputs * dims.get(summed).copied().unwrap_or(0) as f64
            }
            (None, None) => 0.0,
        },
        "MatMul" => outputs * summed_len(operand(0), operand(1)) as f64,
        _ => 0.0,
    }
}

/// The length that a MatMul sums over, from the operand that is not constant.
fn summed_len(left: Option<&[usize]>, right: Option<&[usize]>) -> usize {
    match (left, right) {
        (Some(left), _) => left.last().copied().unwrap_or(0),
        (None, Some(right)) => right.iter().rev().nth(1).or(right.last()).copied().unwrap_or(0),
        (None, None) => 0,
    }
}
