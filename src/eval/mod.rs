//! What quantization does: the error of a tensor, accuracy on samples, size. Draws nothing.

mod accuracy;
mod activations;
mod answers;
mod balanced;
mod codes;
mod cost;
mod error;
mod export;
mod fidelity;
pub mod import;
mod interval;
mod json;
mod kept_runs;
mod ordered;
mod part;
mod profile;
mod progressive;
mod propose;
mod rate;
mod recipe_eval;
mod runner;
mod samples;
mod sensitivity;
mod size;
mod sweep;
mod usage;

pub use accuracy::{Accuracy, ClassRecall, Comparison, Metric, Top5};
pub use activations::{ActivationError, ActivationQuantizer, activation_points};
pub use answers::{
    AnswerRow, Answers, Breakdown, ClassGain, Confusion, ConfusionCell, FlipCounts, FlipFilter,
    FlipKind, Guess, MAX_SHOWN, N_BINS, Recall, Reliability, ReliabilityBin, Side, TOLERATED_LOSS,
    confusion, flip_counts, flips, recall_by_class, reliability,
};
pub use balanced::balanced_order;
pub use codes::codes_of;
pub use cost::{
    CostError, Costs, LayerCode, LayerCost, ModelCosts, PICOJOULES_PER_BIT_READ,
    PICOJOULES_PER_FLOAT_MAC, PICOJOULES_PER_INT8_MAC,
};
pub use error::{
    ErrorStats, LayerError, LayerFigures, Sqnr, channels_for, fake_quantize, indexed_error,
    kept_axis, layer_error, measured_error,
};
pub use export::{Export, ExportError, Unfit, export_model};
pub use fidelity::{OutcomeReader, OutputKind, SampleOutcome};
pub use interval::{BOOTSTRAP_DRAWS, Estimate, PairedCounts, bootstrap, wilson};
pub use json::{accuracy_json, error_json, estimate_json, layer_json};
pub use kept_runs::KeptRuns;
pub use part::SamplePart;
pub use profile::ErrorProfile;
pub use propose::{
    Budget, CriticalFloor, Effort, Proposal, ProposeError, ProposeRequest, Step, Trial, Uniform,
    compare_mixes, propose,
};
pub use rate::{DB_PER_BIT, RateLimits};
pub use recipe_eval::{
    QuantizedLayer, RecipeEvalError, overlay, quantize_layer, quantize_network, total_error,
};
pub use runner::{EvalError, RunRequest, Runner};
pub use samples::{Feed, SamplePicture, SampleSet, SamplesError, Split, Task, is_sample_set};
pub use sensitivity::{
    CandidateWeights, Cell, Column, Curvature, Effect, MeasuredLayer, Misjudged, Predictor,
    Sensitivity, SensitivityRequest, Tally, WeightError, compare_models, measure_sensitivity,
    spearman,
};
pub use size::{ModelSize, float_bytes, planned_bits};
pub use sweep::{Sweep, SweepError, SweepPoint};
pub use usage::CodeUsage;
