//! Dense arrays and what can be read off them: element types, statistics, histograms.
//!
//! Knows no file and no quantizer. Everything numeric is `f32` in memory; sums are `f64`.

mod channel_major;
mod dtype;
mod first_look;
mod fit;
mod histogram;
mod order;
pub mod profile;
mod shape;
mod sorted_index;
mod statistics;
mod value;

pub use channel_major::{ChannelMajor, Flattening};
pub use dtype::DType;
pub use first_look::{Piece, Runs};
pub use fit::{DistributionShape, Fitted};
pub use histogram::Histogram;
pub use profile::{Extent, Profile};
pub use shape::{Shape, ShapeError};
pub use sorted_index::{RunSums, SortedIndex};
pub use statistics::TensorStats;
pub use value::{Tensor, Value};
