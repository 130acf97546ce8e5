//! The panels, one file each; [`PANELS`](super::panel::PANELS) is their table.

pub mod distribution;
pub mod layers;
pub mod quantizer;
