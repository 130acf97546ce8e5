//! A model as it lies in a file: tensors by name, read when asked for, and the graph over them.
//! Runs nothing.

mod card;
mod dequantize;
mod fold;
mod graph;
mod halves;
mod layers;
mod links;
mod network;
mod packed;
mod store;

pub use card::{Card, CardMetric};
pub use fold::{FoldMode, FoldedNorm};
pub use graph::{Attribute, AttributeError, Attributes, Dim, Graph, GraphError, GraphInput, Node};
pub use halves::StoredHalves;
pub use layers::{Layer, LayerRole, WeightUse};
pub use links::Links;
pub use network::{Network, ResolvedInput};
pub use packed::{PackedPart, PackedTensor, PartForm};
pub use store::{FileBytes, StoreError, StoredBytes, TensorInfo, TensorStore};

use std::path::PathBuf;

/// An opened model. Weights stay in the file until they are read.
#[derive(Debug)]
pub struct Model {
    /// What a person calls it: the card's title, else the file's name.
    pub title: String,
    /// Where it came from; a sample inside the program has none.
    pub path: Option<PathBuf>,
    /// Every file that tensors are read from, and the one that was opened.
    pub files: Vec<PathBuf>,
    /// The id of the reader that took it.
    pub format: &'static str,
    pub card: Card,
    /// Further text the file carries, by key.
    pub metadata: Vec<(String, String)>,
    pub store: TensorStore,
    pub graph: Option<Graph>,
    /// What was in the file and not understood.
    pub warnings: Vec<String>,
}
