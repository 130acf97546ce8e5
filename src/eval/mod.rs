//! What quantization does: the error of a tensor, accuracy on samples, size. Draws nothing.

mod accuracy;
mod activations;
mod balanced;
mod error;
mod fidelity;
pub mod import;
mod interval;
mod recipe_eval;
mod runner;
mod samples;
mod size;
mod usage;

pub use accuracy::{Accuracy, ClassRecall, Comparison, Metric};
pub use activations::{ActivationError, ActivationQuantizer, activation_points};
pub use balanced::balanced_order;
pub use error::{
    ErrorStats, LayerError, Sqnr, channels_for, fake_quantize, kept_axis, layer_error,
};
pub use fidelity::{OutcomeReader, OutputKind, SampleOutcome};
pub use interval::{BOOTSTRAP_DRAWS, Estimate, PairedCounts, bootstrap, wilson};
pub use recipe_eval::{
    QuantizedLayer, RecipeEvalError, check_layers, overlay, quantize_layer, quantize_network,
    total_error,
};
pub use runner::{EvalError, FloatOutputs, RunRequest, Runner};
pub use samples::{Feed, SampleSet, SamplesError, Split, Task, is_sample_set};
pub use size::ModelSize;
pub use usage::CodeUsage;
