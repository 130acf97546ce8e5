//! The panels, one file each; [`PANELS`](super::panel::PANELS) is their table.

pub mod accuracy;
pub mod bench;
pub mod bits;
pub mod budget;
pub mod channels;
pub mod compare;
pub mod distribution;
pub mod estimators;
pub mod front;
pub mod graph;
pub mod heatmap;
pub mod hints;
pub mod history;
pub mod layers;
pub mod levels;
pub mod model;
pub mod quantizer;
pub mod rules;
pub mod scales;
pub mod sensitivity;
pub mod versus;
