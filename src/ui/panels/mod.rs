//! The panels, one file each; [`PANELS`](super::panel::PANELS) is their table.

pub mod distribution;
mod distribution_plot;
pub mod history;
pub mod layers;
pub mod quantizer;
