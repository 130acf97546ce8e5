//! Questions that take time: pure computations with a key made of numbers and settings, never of
//! tensor contents.

use std::sync::Arc;

use super::gallery::{GalleryPage, GalleryRequest};
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
    /// A page of samples whose answer changed.
    Gallery { network: u64, samples: u64, request: GalleryRequest },
}

/// What a query is about, whatever the settings: the last answer about the same thing is shown
/// while a new one is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Topic {
    Layer { network: u64, layer_idx: usize },
    Picture { network: u64, layer_idx: usize, channel_idx: Option<usize> },
    Accuracy { network: u64, samples: u64 },
    Gallery { network: u64, samples: u64 },
}

/// The answer to a query, of the kind the query asks for.
#[derive(Clone, Debug)]
pub enum Answer {
    Layer(Arc<LayerError>),
    Picture(Arc<LayerPicture>),
    Accuracy(Arc<Accuracy>),
    Gallery(Arc<GalleryPage>),
}

impl Query {
    pub(super) fn topic(&self) -> Topic {
        match *self {
            Self::Layer { network, layer_idx, .. } => Topic::Layer { network, layer_idx },
            Self::Picture { network, layer_idx, channel_idx, .. } => {
                Topic::Picture { network, layer_idx, channel_idx }
            }
            Self::Accuracy { network, samples, .. } => Topic::Accuracy { network, samples },
            Self::Gallery { network, samples, .. } => Topic::Gallery { network, samples },
        }
    }

    pub(super) fn lane(&self) -> Lane {
        match self {
            Self::Accuracy { .. } => Lane::Long,
            _ => Lane::Quick,
        }
    }

    /// Whether the answer is let go as soon as nobody asks for it: it is quick to have again, and
    /// its key holds on to a table.
    pub(super) fn is_fleeting(&self) -> bool {
        matches!(self, Self::Gallery { .. })
    }

    /// What a person calls the job.
    pub(super) fn label(&self) -> &'static str {
        match self {
            Self::Layer { .. } => "Weight error",
            Self::Picture { .. } => "Distribution",
            Self::Accuracy { .. } => "Accuracy",
            Self::Gallery { .. } => "Changed samples",
        }
    }
}
