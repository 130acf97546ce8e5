//! The panels, one file each; [`PANELS`](super::panel::PANELS) is their table.

pub mod accuracy;
pub mod distribution;
mod distribution_plot;
pub mod layers;
pub mod quantizer;
