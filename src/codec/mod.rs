//! Bit layouts: how numbers lie in bytes. Chooses no scale and knows no file.

mod encoded;
pub mod gguf_blocks;
pub mod minifloat;
pub mod packing;

pub use encoded::{Encoded, Part};
