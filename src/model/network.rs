//! A model made ready to be measured: batch normalization folded or not, weights found.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::Model;
use super::dequantize::dequantize_weights;
use super::fold::{FoldMode, FoldedNorm, fold_batch_norms};
use super::graph::{Dim, Graph, GraphInput};
use super::halves::StoredHalves;
use super::layers::{
    Layer, LayerRole, WeightUse, layers_of_graph, layers_of_tensors, uses_of_weights,
};
use super::links::Links;
use super::store::StoreError;
use crate::tensor::{DType, Tensor, Value};

/// The tensors of a model as the network sees them: the file's, or what folding put in their
/// place.
pub(super) struct Tensors<'a> {
    model: &'a Model,
    replaced: &'a BTreeMap<String, Tensor>,
}

impl Tensors<'_> {
    /// Dimensions of a tensor that may be a weight: one that holds floats.
    pub(super) fn weight_dims(&self, name: &str) -> Option<Vec<usize>> {
        if let Some(tensor) = self.replaced.get(name) {
            return Some(tensor.shape().to_vec());
        }
        let info = self.model.store.info(name)?;
        info.dtype.is_float().then(|| info.shape.dims().to_vec())
    }

    /// Every float tensor with its dimensions, in file order.
    pub(super) fn float_infos(&self) -> impl Iterator<Item = (&str, Vec<usize>)> {
        self.model.store.names().filter_map(|name| Some((name, self.weight_dims(name)?)))
    }

    /// The content of a small integer tensor.
    pub(super) fn int_list(&self, name: &str) -> Option<Vec<i64>> {
        match self.model.store.value(name).ok()? {
            Value::I64(ints) => Some(ints.iter().copied().collect()),
            _ => None,
        }
    }
}

/// What a graph takes, with the batch dimension found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolvedInput {
    pub name: String,
    pub dtype: DType,
    /// Fixed size of the batch, `None` when it is free.
    pub fixed_batch: Option<usize>,
    /// Dimensions of one sample; `None` where the graph leaves one free.
    pub sample_dims: Vec<Option<usize>>,
}

/// A model with folding decided.
#[derive(Clone, Debug)]
pub struct Network {
    pub model: Arc<Model>,
    pub fold_mode: FoldMode,
    /// The graph after folding; `None` when the file has none.
    pub graph: Option<Graph>,
    pub folded: Vec<FoldedNorm>,
    pub layers: Vec<Layer>,
    replaced: BTreeMap<String, Tensor>,
    float_counts: Vec<(String, usize)>,
    layer_by_name: HashMap<String, usize>,
    layer_by_weight: HashMap<String, usize>,
}

impl Network {
    /// Folds if asked to and lists the layers. Weights stored as integers with scales become the
    /// floats they stand for.
    ///
    /// # Errors
    /// A tensor that cannot be read.
    pub fn new(model: Arc<Model>, fold_mode: FoldMode) -> Result<Self, StoreError> {
        let (graph, replaced, folded) = match &model.graph {
            None => (None, BTreeMap::new(), Vec::new()),
            Some(graph) => {
                let (graph, replaced) = dequantize_weights(graph, &model.store)?;
                match fold_mode {
                    FoldMode::Keep => (Some(graph), replaced, Vec::new()),
                    FoldMode::Fold => {
                        let folding = fold_batch_norms(&graph, &model.store, replaced)?;
                        (Some(folding.graph), folding.replaced, folding.folded)
                    }
                }
            }
        };
        let tensors = Tensors { model: &model, replaced: &replaced };
        let layers = match &graph {
            Some(graph) => layers_of_graph(graph, &tensors),
            None => layers_of_tensors(&tensors),
        };
        let places = |name: fn(&Layer) -> &String| {
            layers.iter().enumerate().map(|(idx, layer)| (name(layer).clone(), idx)).collect()
        };
        Ok(Self {
            float_counts: float_counts(&model, graph.as_ref(), &replaced),
            layer_by_name: places(|layer| &layer.name),
            layer_by_weight: places(|layer| &layer.weight),
            model,
            fold_mode,
            graph,
            folded,
            layers,
            replaced,
        })
    }

    /// A float tensor as it is measured and run: after folding.
    ///
    /// # Errors
    /// No such tensor, or one that does not hold floats.
    pub fn tensor(&self, name: &str) -> Result<Tensor, StoreError> {
        match self.replaced.get(name) {
            Some(tensor) => Ok(tensor.clone()),
            None => self.model.store.tensor(name),
        }
    }

    /// A tensor of any type, after folding.
    ///
    /// # Errors
    /// No such tensor.
    pub fn value(&self, name: &str) -> Result<Value, StoreError> {
        match self.replaced.get(name) {
            Some(tensor) => Ok(Value::F32(tensor.clone())),
            None => self.model.store.value(name),
        }
    }

    /// The stored bytes of a tensor that is measured as it lies in the file, in 16-bit floats; `None`
    /// for any other.
    ///
    /// # Errors
    /// No such tensor.
    pub fn stored_halves(&self, name: &str) -> Result<Option<StoredHalves<'_>>, StoreError> {
        match self.replaced.contains_key(name) {
            true => Ok(None),
            false => self.model.store.halves(name),
        }
    }

    /// Whether folding changed that tensor.
    pub fn is_folded(&self, name: &str) -> bool {
        self.replaced.contains_key(name)
    }

    pub fn layer_idx(&self, name: &str) -> Option<usize> {
        self.layer_by_name.get(name).copied()
    }

    /// The layer whose weight is that tensor.
    pub fn layer_of_weight(&self, tensor: &str) -> Option<usize> {
        self.layer_by_weight.get(tensor).copied()
    }

    /// Every node that uses a layer's weight, in the order of the graph; none without a graph.
    pub fn weight_uses(&self) -> Vec<WeightUse> {
        let tensors = Tensors { model: &self.model, replaced: &self.replaced };
        self.graph.as_ref().map_or_else(Vec::new, |graph| uses_of_weights(graph, &tensors))
    }

    /// Parameters of the float model: every float tensor, folded normalizations excluded.
    pub fn n_parameters(&self) -> usize {
        self.float_tensor_counts().map(|(_, count)| count).sum()
    }

    /// Float tensors the network needs, with their element counts. With a graph: those its nodes
    /// read.
    pub fn float_tensor_counts(&self) -> impl Iterator<Item = (&str, usize)> {
        self.float_counts.iter().map(|(name, count)| (name.as_str(), *count))
    }

    /// The layers that are quantized unless a person says otherwise.
    pub fn default_layers(&self) -> impl Iterator<Item = &Layer> {
        self.layers.iter().filter(|layer| layer.role != LayerRole::Embedding)
    }
}

fn float_counts(
    model: &Model,
    graph: Option<&Graph>,
    replaced: &BTreeMap<String, Tensor>,
) -> Vec<(String, usize)> {
    let links = graph.map(Links::new);
    let is_read = |name: &str| links.as_ref().is_none_or(|links| links.n_readers(name) > 0);
    let store = &model.store;
    let from_file = store.names().filter_map(|name| {
        let info = store.info(name)?;
        let is_float = info.dtype.is_float() || replaced.contains_key(name);
        (is_float && is_read(name)).then(|| (name.to_owned(), info.shape.count()))
    });
    let added = replaced.iter().filter(|(name, _)| store.info(name).is_none());
    from_file.chain(added.map(|(name, tensor)| (name.clone(), tensor.len()))).collect()
}

impl GraphInput {
    /// Splits the batch from the sample: the first free dimension named `N`, else the first
    /// dimension.
    pub fn resolve(&self) -> ResolvedInput {
        let batch_idx =
            self.shape.iter().position(|dim| *dim == Dim::Free("N".to_owned())).unwrap_or(0);
        let fixed = |dim: &Dim| match dim {
            Dim::Fixed(size) => Some(*size),
            Dim::Free(_) => None,
        };
        ResolvedInput {
            name: self.name.clone(),
            dtype: self.dtype,
            fixed_batch: self.shape.get(batch_idx).and_then(fixed),
            sample_dims: self
                .shape
                .iter()
                .enumerate()
                .filter(|(dim_idx, _)| *dim_idx != batch_idx)
                .map(|(_, dim)| fixed(dim))
                .collect(),
        }
    }
}
