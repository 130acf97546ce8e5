//! A model made ready to be measured: batch normalization folded or not, weights found.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Model;
use super::fold::{FoldMode, FoldedNorm, fold_batch_norms};
use super::graph::{Dim, Graph, GraphInput};
use super::layers::{Layer, LayerRole, layers_of_graph, layers_of_tensors};
use super::store::StoreError;
use crate::tensor::{DType, Tensor, Value};

/// The tensors of a model as the network sees them: the file's, or what folding put in their
/// place.
pub(super) struct Tensors<'a> {
    model: &'a Model,
    replaced: &'a BTreeMap<String, Tensor>,
}

impl Tensors<'_> {
    /// Dimensions of a tensor that may be a weight: floats, or integers that a DequantizeLinear
    /// turns into floats.
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
}

impl Network {
    /// Folds if asked to and lists the layers.
    ///
    /// # Errors
    /// A tensor that cannot be read.
    pub fn new(model: Arc<Model>, fold_mode: FoldMode) -> Result<Self, StoreError> {
        let (graph, replaced, folded) = match (&model.graph, fold_mode) {
            (Some(graph), FoldMode::Fold) => {
                let folding = fold_batch_norms(graph, &model.store)?;
                (Some(folding.graph), folding.replaced, folding.folded)
            }
            (graph, _) => (graph.clone(), BTreeMap::new(), Vec::new()),
        };
        let tensors = Tensors { model: &model, replaced: &replaced };
        let layers = match &graph {
            Some(graph) => layers_of_graph(graph, &tensors),
            None => layers_of_tensors(&tensors),
        };
        Ok(Self { model, fold_mode, graph, folded, layers, replaced })
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

    /// Whether folding changed that tensor.
    pub fn is_folded(&self, name: &str) -> bool {
        self.replaced.contains_key(name)
    }

    pub fn layer_idx(&self, name: &str) -> Option<usize> {
        self.layers.iter().position(|layer| layer.name == name)
    }

    /// Parameters of the float model: every float tensor, folded normalizations excluded.
    pub fn n_parameters(&self) -> usize {
        self.float_tensor_counts().map(|(_, count)| count).sum()
    }

    /// Float tensors the network needs, with their element counts. With a graph: those its nodes
    /// read.
    pub fn float_tensor_counts(&self) -> impl Iterator<Item = (&str, usize)> {
        let store = &self.model.store;
        let added = self.replaced.iter().filter(|(name, _)| store.info(name).is_none());
        let from_file = store.names().filter_map(move |name| {
            let info = store.info(name)?;
            (info.dtype.is_float() && self.is_read(name)).then_some((name, info.shape.count()))
        });
        from_file.chain(added.map(|(name, tensor)| (name.as_str(), tensor.len())))
    }

    fn is_read(&self, name: &str) -> bool {
        self.graph.as_ref().is_none_or(|graph| graph.readers(name).next().is_some())
    }

    /// The layers that are quantized unless a person says otherwise.
    pub fn default_layers(&self) -> impl Iterator<Item = &Layer> {
        self.layers.iter().filter(|layer| layer.role != LayerRole::Embedding)
    }
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
