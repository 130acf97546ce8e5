//! Quantscope: an instrument for looking at the quantization of neural networks.
//!
//! The modules are layers; each may use those above it in this list, never those below (see
//! `ARCHITECTURE.md`; `tests/layering.rs` holds them to it).

pub mod base;
pub mod tensor;

pub mod codec;

pub mod model;

pub mod chart;
pub mod exec;
pub mod formats;
pub mod quant;

pub mod eval;

pub mod session;

pub mod ui;

pub mod cli;
