//! Bit layouts: how numbers lie in bytes. Chooses no scale and knows no file.

pub mod minifloat;
pub mod packing;
