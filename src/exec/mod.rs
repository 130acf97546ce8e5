//! Runs a graph: a plan made once, operators, and a place to see or replace a value on its way.
//! Knows no quantization scheme.

mod constants;
pub mod operator;
pub mod ops;
mod plan;
mod recycle;
mod run;

pub use constants::Constants;
pub use operator::MAX_OUTPUT_ELEMENTS;
pub use plan::{ExecError, ExecPlan, NoHook, ValueHook, unsupported_operators};
pub use run::{Checkpoint, Ran, Start, StepCost};
