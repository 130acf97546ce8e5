//! Bit layouts: how numbers lie in bytes. Chooses no scale and knows no file.

mod coding;
mod encoded;
pub mod gguf_blocks;
pub mod minifloat;
pub mod packing;
pub mod rotation;
pub mod words;

pub use coding::{CodePacking, CodeRule, Coding, PartSpec, ScaleRule, Share, dynamic_map};
pub use encoded::{Encoded, Part};
