//! The application without a screen: what is open, what is chosen, what is being computed, and how
//! to go back. Knows no window.

mod apply;
mod builtin;
mod channels;
mod command;
mod density;
mod gallery;
pub mod graph_layout;
mod history;
mod job;
mod loaded;
mod opening;
mod picture;
mod query;
mod raster;
mod sheet;
mod state;
mod workshop;

pub use builtin::{BUILTIN_SAMPLES, BuiltinSample};
pub use channels::{
    ChannelFigures, ChannelFilter, ChannelKey, ChannelOrder, ChannelPicture, ChannelTable,
    Direction, Outlier, ValueSpan,
};
pub use command::{Command, Gesture};
pub use density::{Bins, Density, MAX_DENSITY_ROWS};
pub use gallery::{Atlas, GalleryItem, GalleryPage, GalleryRequest, Look, Same};
pub use history::{History, Plan};
pub use loaded::Loaded;
pub use opening::{ModelRef, Opened, OpeningError, open};
pub use picture::LayerPicture;
pub use query::{Answer, Query};
pub use raster::{PixelKind, Raster, RasterSource, RasterView, Shown, pixel_blocks};
pub use sheet::{Arrangement, CellRegion, Layout, Sheet};
pub use state::{JobStatus, Notice, NoticeKind, Selection, Session};
