//! A network under a recipe as plain data that can be written.

use std::borrow::Cow;
use std::sync::Arc;

use ndarray::{ArcArray, IxDyn};

use super::error::kept_axis;
use super::recipe_eval::QuantizedLayer;
use crate::exec::{ExecPlan, NoHook};
use crate::formats::graph_json_write::card_text;
use crate::formats::{
    CodedTensor, Content, ExportModel, ExportTensor, OutputInfo, WriteError, Writer,
};
use crate::model::{Dim, GraphInput, Layer, Links, Network, StoreError};
use crate::tensor::{ChannelMajor, DType, Value};

/// What becomes of a layer that the format cannot hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unfit {
    /// Nothing is written; the error names the layer.
    #[default]
    Refused,
    /// The layer stays in float.
    KeptFloat,
}

/// Why there is nothing to write.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Write(#[from] WriteError),
}

/// A model to be written, and what could not be kept quantized.
pub struct Export<'a> {
    pub model: ExportModel<'a>,
    /// Layers that stay in float because the format cannot hold them, and why.
    pub unfit: Vec<WriteError>,
}

/// The network with the codes of its quantized layers, for a format.
///
/// `layers[i]` belongs to layer `i`. With a graph only the tensors that its nodes read are there.
///
/// # Errors
/// A tensor that cannot be read; a layer that the format cannot hold, unless it may stay in float.
pub fn export_model<'a>(
    network: &'a Network,
    layers: &[Arc<QuantizedLayer>],
    writer: &Writer,
    unfit: Unfit,
) -> Result<Export<'a>, ExportError> {
    let mut kept_float = Vec::new();
    let mut tensors = Vec::new();
    for name in tensor_names(network) {
        let layer_idx = network.layer_of_weight(name);
        let layer = layer_idx.and_then(|idx| Some((network.layers.get(idx)?, layers.get(idx)?)));
        let coded = match layer {
            Some((layer, done)) => coded(network, layer, done)?,
            None => None,
        };
        let coded = match coded {
            None => None,
            Some((coded, dims)) => match writer.unfit(&coded, &dims) {
                None => Some((Content::Coded(Box::new(coded)), dims)),
                Some(error) if unfit == Unfit::KeptFloat => {
                    kept_float.push(error);
                    None
                }
                Some(error) => return Err(error.into()),
            },
        };
        let (content, dims) = match coded {
            Some(found) => found,
            None => plain(network, name)?,
        };
        tensors.push(ExportTensor { name: name.to_owned(), dims, content });
    }
    let model = ExportModel {
        title: network.model.title.clone(),
        card: card_text(&network.model.card),
        graph: network.graph.clone(),
        outputs: output_infos(network).unwrap_or_default(),
        is_widened: network.model.format != "onnx",
        tensors,
    };
    Ok(Export { model, unfit: kept_float })
}

/// Type and shape of the graph's outputs, found by running it over nothing but zeros, once and with
/// every free dimension twice as long; `None` where it cannot be run.
fn output_infos(network: &Network) -> Option<Vec<OutputInfo>> {
    let graph = network.graph.as_ref()?;
    let plan = ExecPlan::new(graph).ok()?;
    let constants = plan.constants(|name| network.value(name)).ok()?;
    let run = |len: usize| {
        let inputs = graph.inputs.iter().map(|input| zeros(input, len)).collect();
        plan.run(&constants, inputs, &NoHook).ok()
    };
    let (short, long) = (run(1)?, run(2)?);
    let free = graph.inputs.iter().flat_map(|input| &input.shape).find_map(|dim| match dim {
        Dim::Free(name) => Some(name.clone()),
        Dim::Fixed(_) => None,
    });
    let info = |(a, b): (&Value, &Value)| {
        let dim = |(&a, &b): (&usize, &usize)| match (a == b, (a, b)) {
            (true, _) => Dim::Fixed(a),
            (false, (1, 2)) => Dim::Free(free.clone().unwrap_or_default()),
            (false, _) => Dim::Free(String::new()),
        };
        let dtype = match a {
            Value::F32(_) => DType::F32,
            Value::I64(_) => DType::I64,
            Value::Bool(_) => DType::Bool,
        };
        OutputInfo { dtype, shape: a.dims().iter().zip(b.dims()).map(dim).collect() }
    };
    Some(short.iter().zip(&long).map(info).collect())
}

fn zeros(input: &GraphInput, len: usize) -> Value {
    let dim = |dim: &Dim| match dim {
        Dim::Fixed(size) => *size,
        Dim::Free(_) => len,
    };
    let shape = IxDyn(&input.shape.iter().map(dim).collect::<Vec<usize>>());
    match input.dtype {
        DType::Bool => Value::Bool(ArcArray::from_elem(shape, false)),
        dtype if dtype.is_float() => Value::F32(ArcArray::zeros(shape)),
        _ => Value::I64(ArcArray::zeros(shape)),
    }
}

/// In file order, then what folding added.
fn tensor_names(network: &Network) -> Vec<&str> {
    let store = &network.model.store;
    let links = network.graph.as_ref().map(Links::new);
    let is_output =
        |name: &str| network.graph.iter().flat_map(|graph| &graph.outputs).any(|out| out == name);
    let is_read = |name: &str| {
        links.as_ref().is_none_or(|links| links.n_readers(name) > 0) || is_output(name)
    };
    let stored = store.names().filter(|name| is_read(name));
    let added = network.float_tensor_counts().map(|(name, _)| name);
    stored.chain(added.filter(|name| store.info(name).is_none())).collect()
}

/// The codes of a layer's weight; `None` for one that stays in float.
fn coded(
    network: &Network,
    layer: &Layer,
    done: &QuantizedLayer,
) -> Result<Option<(CodedTensor, Vec<usize>)>, StoreError> {
    let fitted = &done.error.fitted;
    let Some(coding) = fitted.coding() else { return Ok(None) };
    let axis = kept_axis(layer, &done.choice);
    let weights = ChannelMajor::new(&network.tensor(&layer.weight)?, axis);
    let Some(encoded) = fitted.encode(&weights) else { return Ok(None) };
    let coded = CodedTensor {
        layer: layer.name.clone(),
        scheme: done.choice.to_string(),
        axis,
        coding,
        encoded,
    };
    Ok(Some((coded, weights.dims().to_vec())))
}

/// A tensor as it is stored, or as folding and decoding left it.
fn plain<'a>(network: &'a Network, name: &str) -> Result<(Content<'a>, Vec<usize>), StoreError> {
    let store = &network.model.store;
    match store.info(name) {
        Some(info) if !network.is_folded(name) && store.packed(name).is_none() => {
            let bytes = Cow::Borrowed(store.bytes(name)?);
            Ok((Content::Plain { dtype: info.dtype, bytes }, info.shape.dims().to_vec()))
        }
        _ => {
            let tensor = network.tensor(name)?;
            let bytes: Vec<u8> = tensor.iter().flat_map(|value| value.to_le_bytes()).collect();
            Ok((Content::Plain { dtype: DType::F32, bytes: bytes.into() }, tensor.shape().to_vec()))
        }
    }
}
