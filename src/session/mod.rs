//! The application without a screen: what is open, what is chosen, what is being computed, and how
//! to go back. Knows no window.

mod apply;
mod builtin;
mod change;
mod channels;
mod command;
mod comparison;
mod content;
mod critical;
mod density;
mod estimates;
mod failure;
mod fingerprint;
mod gallery;
pub mod graph_layout;
mod history;
mod importing;
mod job;
mod keep;
mod keeping;
mod levels;
mod loaded;
mod opening;
mod picture;
mod query;
mod raster;
mod recipe_file;
mod sample_mark;
mod scales;
mod search_samples;
mod sheet;
mod state;
mod steps;
mod weight_bits;
mod wording;
mod workshop;

pub use builtin::{BUILTIN_SAMPLES, BuiltinSample};
pub use change::{FromTo, PlanChange};
pub use channels::{
    ChannelFigures, ChannelFilter, ChannelKey, ChannelOrder, ChannelPicture, ChannelTable,
    Direction, Outlier, ValueSpan,
};
pub use command::{Command, Gesture};
pub use comparison::{ComparedEntry, ComparedFigures, LayerComparison};
pub use content::{PathContent, content_of};
pub use critical::CriticalChoice;
pub use density::{Bins, Density, MAX_DENSITY_ROWS};
pub use estimates::{ClipPoint, Estimates, EstimatorChoice};
pub use failure::Failure;
pub use fingerprint::Fingerprint;
pub use gallery::{Atlas, GalleryItem, GalleryPage, GalleryRequest, Look, Same};
pub use history::{Edit, History, Plan};
pub use importing::{ImportDraft, ImportSource, ImportStage};
pub use keep::{Keep, RecentFile};
pub use keeping::Recovery;
pub use levels::{LevelAxis, LevelsPicture, UsedLevel};
pub use loaded::Loaded;
pub use opening::{ModelRef, Opened, OpeningError, open};
pub use picture::LayerPicture;
pub use query::{Answer, Query};
pub use raster::{PixelKind, Raster, RasterSource, RasterView, Shown, pixel_blocks};
pub use recipe_file::{RecipeFile, RecipeFileError, RecipeModel};
pub use scales::{OffsetKind, ScaleMap, ScalePixels};
pub use search_samples::SearchSamples;
pub use sheet::{Arrangement, CellRegion, Layout, Sheet};
pub use state::{JobStatus, Notice, NoticeKind, Selection, Session};
pub use steps::{ModelFigures, StepAccuracy, StepFigures};
pub use weight_bits::WeightBits;
