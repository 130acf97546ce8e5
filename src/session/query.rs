//! Questions that take time: pure computations with a key made of numbers and settings, never of
//! tensor contents.

use std::sync::Arc;

use super::channels::{ChannelOrder, ChannelPicture};
use super::comparison::LayerComparison;
use super::density::Density;
use super::estimates::Estimates;
use super::exporting::ExportPlan;
use super::gallery::{GalleryPage, GalleryRequest};
use super::graph_layout::{GraphLayout, ShapeArithmetic};
use super::hints::LayerHints;
use super::job::Lane;
use super::levels::LevelsPicture;
use super::picture::LayerPicture;
use super::proposing::{ProposalKey, Proposed};
use super::raster::{Raster, RasterView};
use super::scales::ScaleMap;
use super::sensing::{SenseAsk, Sensed};
use super::versus::Versus;
use super::weight_bits::WeightBits;
use super::weights::IndexOutcome;
use crate::eval::{Accuracy, LayerError, LayerFigures, ModelCosts};

/// A question. Two equal questions have the same answer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Query {
    /// Error of a layer under a scheme.
    Layer { network: u64, layer_idx: usize, spec: String },
    /// The error of a layer without its scales and channels: small, for every layer of any model.
    Figures { network: u64, layer_idx: usize, spec: String },
    /// Error a layer would have under another scheme.
    Compared { network: u64, layer_idx: usize, spec: String },
    /// Distribution of a layer or channel under a scheme.
    Picture { network: u64, layer_idx: usize, spec: String, channel_idx: Option<usize> },
    /// Range, scale and error of every channel, listed in an order.
    Channels { network: u64, layer_idx: usize, spec: String, order: ChannelOrder },
    /// Histograms of a few channels; the kept axis is that of the spec.
    ChannelDensity { network: u64, layer_idx: usize, spec: String, members: Arc<[u32]> },
    /// A layer's weights, errors or codes as a picture.
    Raster { network: u64, layer_idx: usize, spec: String, view: RasterView },
    /// A layer under many schemes.
    Comparison { network: u64, layer_idx: usize, specs: Arc<[String]> },
    /// Error against the clip threshold, and what each range estimator chooses.
    Estimates { network: u64, layer_idx: usize, spec: String, channel_idx: Option<usize> },
    /// The levels of a group, or the codes of all, with their use.
    Levels { network: u64, layer_idx: usize, spec: String, group_idx: Option<usize> },
    /// Scale and zero point of every group.
    Scales { network: u64, layer_idx: usize, spec: String },
    /// One weight to the bit.
    WeightBits { network: u64, layer_idx: usize, spec: String, element_idx: usize },
    /// Not to be shown: the weights of a layer sorted, so that later questions are quick.
    Index { network: u64, layer_idx: usize },
    /// Accuracy on a sample set; `specs` are those of all layers in order.
    Accuracy { network: u64, samples: u64, specs: Arc<[String]> },
    /// The network as a drawing.
    Layout { network: u64, shapes: ShapeArithmetic, n_columns: usize },
    /// What every layer costs at every candidate, on samples that do not judge.
    Sensitivity { network: u64, samples: u64, ask: SenseAsk },
    /// What other settings of a layer's ranges and scales would gain.
    Hints { network: u64, layer_idx: usize, spec: String },
    /// Operations and reads of every layer for one prediction.
    Costs { network: u64, samples: u64 },
    /// A mix of candidates for a size or an accuracy.
    Proposal { network: u64, samples: u64, sense: SenseAsk, settings: ProposalKey },
    /// Two recipes on the same samples, each as the specs of all layers in order.
    Versus { network: u64, samples: u64, a: Arc<[String]>, b: Arc<[String]> },
    /// What a file of another format will be.
    ExportPlan { network: u64, specs: Arc<[String]>, format: &'static str },
    /// A page of samples whose answer changed.
    Gallery { network: u64, samples: u64, request: GalleryRequest },
}

/// What a query is about, whatever the settings: the last answer about the same thing is shown
/// while a new one is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Topic {
    Layer {
        network: u64,
        layer_idx: usize,
    },
    Figures {
        network: u64,
        layer_idx: usize,
    },
    Picture {
        network: u64,
        layer_idx: usize,
        channel_idx: Option<usize>,
    },
    Compared {
        network: u64,
        layer_idx: usize,
    },
    /// One for all layers: these answers are large.
    Channels {
        network: u64,
    },
    ChannelDensity {
        network: u64,
    },
    Raster {
        network: u64,
        is_detail: bool,
    },
    /// Five questions about one layer; the last answer of each is kept whatever the layer.
    Comparison {
        network: u64,
    },
    Estimates {
        network: u64,
    },
    Levels {
        network: u64,
    },
    Scales {
        network: u64,
    },
    WeightBits {
        network: u64,
    },
    Index {
        network: u64,
    },
    Accuracy {
        network: u64,
        samples: u64,
    },
    Layout {
        network: u64,
        shapes: ShapeArithmetic,
        is_folded: bool,
    },
    Gallery {
        network: u64,
        samples: u64,
    },
    Sensitivity {
        network: u64,
    },
    Hints {
        network: u64,
        layer_idx: usize,
    },
    Costs {
        network: u64,
        samples: u64,
    },
    Proposal {
        network: u64,
    },
    Versus {
        network: u64,
        samples: u64,
    },
    ExportPlan {
        network: u64,
        format: &'static str,
    },
}

/// The answer to a query, of the kind the query asks for.
#[derive(Clone, Debug)]
pub enum Answer {
    Layer(Arc<LayerError>),
    Figures(Arc<LayerFigures>),
    Picture(Arc<LayerPicture>),
    Channels(Arc<ChannelPicture>),
    ChannelDensity(Arc<Density>),
    Raster(Arc<Raster>),
    Comparison(Arc<LayerComparison>),
    Estimates(Arc<Estimates>),
    Levels(Arc<LevelsPicture>),
    Scales(Arc<ScaleMap>),
    WeightBits(Arc<WeightBits>),
    Index(IndexOutcome),
    Accuracy(Arc<Accuracy>),
    Layout(Arc<GraphLayout>),
    Gallery(Arc<GalleryPage>),
    Sensitivity(Arc<Sensed>),
    Hints(Arc<LayerHints>),
    Costs(Arc<ModelCosts>),
    Proposal(Arc<Proposed>),
    Versus(Arc<Versus>),
    ExportPlan(Arc<ExportPlan>),
}

impl Query {
    pub(super) fn topic(&self) -> Topic {
        match *self {
            Self::Layer { network, layer_idx, .. } => Topic::Layer { network, layer_idx },
            Self::Compared { network, layer_idx, .. } => Topic::Compared { network, layer_idx },
            Self::Figures { network, layer_idx, .. } => Topic::Figures { network, layer_idx },
            Self::Picture { network, layer_idx, channel_idx, .. } => {
                Topic::Picture { network, layer_idx, channel_idx }
            }
            Self::Channels { network, .. } => Topic::Channels { network },
            Self::ChannelDensity { network, .. } => Topic::ChannelDensity { network },
            Self::Raster { network, ref view, .. } => {
                Topic::Raster { network, is_detail: view.region.is_some() }
            }
            Self::Comparison { network, .. } => Topic::Comparison { network },
            Self::Estimates { network, .. } => Topic::Estimates { network },
            Self::Levels { network, .. } => Topic::Levels { network },
            Self::Scales { network, .. } => Topic::Scales { network },
            Self::WeightBits { network, .. } => Topic::WeightBits { network },
            Self::Index { network, .. } => Topic::Index { network },
            Self::Accuracy { network, samples, .. } => Topic::Accuracy { network, samples },
            Self::Layout { network, shapes, n_columns } => {
                Topic::Layout { network, shapes, is_folded: n_columns > 1 }
            }
            Self::Gallery { network, samples, .. } => Topic::Gallery { network, samples },
            Self::Sensitivity { network, .. } => Topic::Sensitivity { network },
            Self::Hints { network, layer_idx, .. } => Topic::Hints { network, layer_idx },
            Self::Costs { network, samples } => Topic::Costs { network, samples },
            Self::Proposal { network, .. } => Topic::Proposal { network },
            Self::Versus { network, samples, .. } => Topic::Versus { network, samples },
            Self::ExportPlan { network, format, .. } => Topic::ExportPlan { network, format },
        }
    }

    /// The layer it is about, if one.
    pub(super) fn layer_idx(&self) -> Option<usize> {
        match *self {
            Self::Layer { layer_idx, .. }
            | Self::Figures { layer_idx, .. }
            | Self::Compared { layer_idx, .. }
            | Self::Picture { layer_idx, .. }
            | Self::Channels { layer_idx, .. }
            | Self::ChannelDensity { layer_idx, .. }
            | Self::Raster { layer_idx, .. }
            | Self::Comparison { layer_idx, .. }
            | Self::Estimates { layer_idx, .. }
            | Self::Levels { layer_idx, .. }
            | Self::Scales { layer_idx, .. }
            | Self::Index { layer_idx, .. }
            | Self::WeightBits { layer_idx, .. }
            | Self::Hints { layer_idx, .. } => Some(layer_idx),
            Self::Accuracy { .. }
            | Self::Layout { .. }
            | Self::Gallery { .. }
            | Self::Costs { .. }
            | Self::Sensitivity { .. }
            | Self::Proposal { .. }
            | Self::Versus { .. }
            | Self::ExportPlan { .. } => None,
        }
    }

    /// Whether it is answered from the model's file.
    pub(super) fn reads_weights(&self) -> bool {
        !matches!(self, Self::Layout { .. } | Self::Gallery { .. })
    }

    pub(super) fn lane(&self) -> Lane {
        match self {
            Self::Accuracy { .. } => Lane::Long,
            Self::Comparison { .. } | Self::ExportPlan { .. } => Lane::Wide,
            Self::Sensitivity { .. } | Self::Proposal { .. } | Self::Versus { .. } => Lane::Study,
            Self::Index { .. } | Self::Hints { .. } => Lane::Rest,
            _ => Lane::Quick,
        }
    }

    /// Whether the answer is let go as soon as nobody asks for it: it is large, or quick to have
    /// again while its key holds on to a table.
    pub(super) fn is_fleeting(&self) -> bool {
        matches!(
            self,
            Self::Channels { .. }
                | Self::ChannelDensity { .. }
                | Self::Raster { .. }
                | Self::Comparison { .. }
                | Self::Estimates { .. }
                | Self::Levels { .. }
                | Self::Scales { .. }
                | Self::WeightBits { .. }
                | Self::Index { .. }
                | Self::Gallery { .. }
                | Self::Versus { .. }
                | Self::ExportPlan { .. }
        )
    }

    /// Whether the work goes on once it was begun, whoever looks.
    pub(super) fn goes_on(&self) -> bool {
        matches!(self, Self::Sensitivity { .. } | Self::Proposal { .. })
    }

    /// What a person calls the job.
    pub(super) fn label(&self) -> &'static str {
        match self {
            Self::Layer { .. } | Self::Figures { .. } | Self::Compared { .. } => "Weight error",
            Self::Picture { .. } => "Distribution",
            Self::Channels { .. } | Self::ChannelDensity { .. } => "Channels",
            Self::Raster { .. } => "Heat map",
            Self::Comparison { .. } => "Compare",
            Self::Estimates { .. } => "Range estimators",
            Self::Levels { .. } => "Levels",
            Self::Scales { .. } => "Scales",
            Self::WeightBits { .. } => "Bits of a weight",
            Self::Index { .. } => "Sorting the weights",
            Self::Accuracy { .. } => "Accuracy",
            Self::Layout { .. } => "Graph",
            Self::Gallery { .. } => "Changed samples",
            Self::Sensitivity { .. } => "Sensitivity",
            Self::Hints { .. } => "Hints",
            Self::Costs { .. } => "Operations and energy",
            Self::Proposal { .. } => "Proposing a mix",
            Self::Versus { .. } => "Comparing recipes",
            Self::ExportPlan { .. } => "Size of the export",
        }
    }
}
