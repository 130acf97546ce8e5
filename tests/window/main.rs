//! The window driven through its accessibility labels, without a display.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "../support/mod.rs"]
mod support;

mod channels;
mod drive;
mod frame;
mod heatmap;
