//! The window driven through its accessibility labels, without a display.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "../support/mod.rs"]
mod support;

mod accuracy;
mod accuracy_states;
mod bench;
mod bits;
mod budget;
mod channels;
mod compare;
mod desk;
mod dialogs;
mod distribution;
mod dock;
mod drive;
mod estimators;
mod export;
mod frame;
mod front;
mod graph;
mod heatmap;
mod hints;
mod import;
mod jobs;
mod keep;
mod keyboard;
mod layers;
mod levels;
mod model;
mod quantizer;
mod rules;
mod scales;
mod sensitivity;
mod versus;
