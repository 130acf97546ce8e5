//! Runs a graph: a plan made once, operators, and a place to see or replace a value on its way.
//! Knows no quantization scheme.

pub mod operator;
pub mod ops;
mod plan;
mod recycle;

pub use operator::MAX_OUTPUT_ELEMENTS;
pub use plan::{Constants, ExecError, ExecPlan, NoHook, ValueHook, unsupported_operators};
