//! Questions that take time: pure computations with a key made of numbers and settings, never of
//! tensor contents.

use std::sync::Arc;

use super::graph_layout::{GraphLayout, ShapeArithmetic};
use super::job::Lane;
use super::picture::LayerPicture;
use crate::eval::{Accuracy, LayerError};

/// A question. Two equal questions have the same answer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Query {
    /// Error of a layer under a scheme.
    Layer { network: u64, layer_idx: usize, spec: String },
    /// Distribution of a layer or channel under a scheme.
    Picture { network: u64, layer_idx: usize, spec: String, channel_idx: Option<usize> },
    /// Accuracy on a sample set; `specs` are those of all layers in order.
    Accuracy { network: u64, samples: u64, specs: Arc<[String]> },
    /// The network as a drawing.
    Layout { network: u64, shapes: ShapeArithmetic },
}

/// What a query is about, whatever the settings: the last answer about the same thing is shown
/// while a new one is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Topic {
    Layer { network: u64, layer_idx: usize },
    Picture { network: u64, layer_idx: usize, channel_idx: Option<usize> },
    Accuracy { network: u64, samples: u64 },
    Layout { network: u64, shapes: ShapeArithmetic },
}

/// The answer to a query, of the kind the query asks for.
#[derive(Clone, Debug)]
pub enum Answer {
    Layer(Arc<LayerError>),
    Picture(Arc<LayerPicture>),
    Accuracy(Arc<Accuracy>),
    Layout(Arc<GraphLayout>),
}

impl Query {
    pub(super) fn topic(&self) -> Topic {
        match *self {
            Self::Layer { network, layer_idx, .. } => Topic::Layer { network, layer_idx },
            Self::Picture { network, layer_idx, channel_idx, .. } => {
                Topic::Picture { network, layer_idx, channel_idx }
            }
            Self::Accuracy { network, samples, .. } => Topic::Accuracy { network, samples },
            Self::Layout { network, shapes } => Topic::Layout { network, shapes },
        }
    }

    pub(super) fn lane(&self) -> Lane {
        match self {
            Self::Accuracy { .. } => Lane::Long,
            _ => Lane::Quick,
        }
    }

    /// What a person calls the job.
    pub(super) fn label(&self) -> &'static str {
        match self {
            Self::Layer { .. } => "Weight error",
            Self::Picture { .. } => "Distribution",
            Self::Accuracy { .. } => "Accuracy",
            Self::Layout { .. } => "Graph",
        }
    }
}
