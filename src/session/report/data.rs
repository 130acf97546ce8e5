//! Everything a report says, as plain data, and as the JSON that lies in the page.

use serde_json::{Value as Json, json};

use crate::eval::{Accuracy, ErrorStats, ModelSize, Sqnr, Task, accuracy_json, error_json};
use crate::model::FoldMode;
use crate::session::fingerprint::Fingerprint;

/// What a report is made of.
#[derive(Clone, Debug)]
pub struct ReportData {
    /// Of the program.
    pub version: String,
    /// When it was made, in words.
    pub made: String,
    pub model: ModelFacts,
    /// The recipe as its file has it.
    pub recipe: String,
    pub rules: Vec<RuleRow>,
    /// What of the recipe is without effect, and what was not understood of the model.
    pub warnings: Vec<String>,
    pub layers: Vec<LayerRow>,
    /// Of all quantized weights taken together.
    pub total: ErrorStats,
    pub size: ModelSize,
    pub measured: Measured,
    /// Of the layers with the lowest ratio, the worst first.
    pub distributions: Vec<Distribution>,
}

/// The model and what it says of itself.
#[derive(Clone, Debug)]
pub struct ModelFacts {
    pub title: String,
    /// As a command line in its folder names it.
    pub reference: String,
    pub files: Vec<FileFacts>,
    pub fingerprint: Fingerprint,
    pub n_parameters: usize,
    pub fold_mode: FoldMode,
    /// Batch norms that were folded into the layer before.
    pub n_folded: usize,
    /// Of its card, by what they are called.
    pub card: Vec<(&'static str, String)>,
}

/// A file that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileFacts {
    pub name: String,
    pub n_bytes: u64,
    /// Over the whole file; `None` if it could not be read again.
    pub sha256: Option<String>,
}

/// A rule of the recipe and how many layers it governs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleRow {
    pub pattern: String,
    pub scheme: String,
    pub n_layers: usize,
    /// Of those, layers that the recipe has otherwise.
    pub n_otherwise: usize,
}

/// A layer, how it is quantized and what that does to its weights.
#[derive(Clone, Debug)]
pub struct LayerRow {
    pub name: String,
    pub op: String,
    pub dims: Vec<usize>,
    pub n_weights: usize,
    /// Scheme with settings, as a recipe has it.
    pub scheme: String,
    pub keeps_float: bool,
    /// Bits of one code, where codes have a width.
    pub code_bits: Option<i64>,
    /// With scales and all that is needed to decode.
    pub bits_per_weight: Option<f64>,
    pub n_bytes: u64,
    pub sqnr: Sqnr,
    pub stats: ErrorStats,
    /// The same as `quantscope error --json` lists it.
    pub json: Json,
}

/// Whether accuracy was measured.
#[derive(Clone, Debug)]
pub enum Measured {
    On(Box<OnSamples>),
    /// Why not.
    Not(String),
}

/// Accuracy and what it was measured on.
#[derive(Clone, Debug)]
pub struct OnSamples {
    pub set: SampleFacts,
    pub accuracy: Accuracy,
    /// The class whose recall comes first.
    pub critical: Option<String>,
}

/// A sample set.
#[derive(Clone, Debug)]
pub struct SampleFacts {
    pub name: String,
    /// As a command line in its folder names it; `None` for the set that lies beside the model.
    pub argument: Option<String>,
    pub file: Option<FileFacts>,
    pub split: &'static str,
    pub task: Task,
    pub n_samples: usize,
    pub n_classes: Option<usize>,
    pub has_labels: bool,
    pub licence: Option<String>,
    pub source: Option<String>,
    /// Samples asked for, if not all.
    pub limit: Option<usize>,
}

/// The weights of a layer before and after.
#[derive(Clone, Debug, PartialEq)]
pub struct Distribution {
    pub layer: String,
    pub lo: f64,
    pub hi: f64,
    /// Float weights in equal bins from `lo` to `hi`.
    pub float: Vec<u64>,
    /// Quantized weights in the same bins.
    pub quantized: Vec<u64>,
    /// Every value the quantized weights have and how many have it, ascending, where they are few.
    pub levels: Option<Vec<(f64, u64)>>,
}

impl ReportData {
    /// The figures under the names that `eval --json` and `error --json` give them.
    pub fn json(&self) -> Json {
        let model = &self.model;
        let eval = match &self.measured {
            Measured::On(on) => accuracy_json(&on.accuracy, on.critical.as_deref(), self.size),
            Measured::Not(_) => Json::Null,
        };
        let layers = self.layers.iter().map(|layer| layer.json.clone()).collect();
        json!({
            "quantscope_report": 1,
            "program": format!("quantscope {}", self.version),
            "made": self.made,
            "model": {
                "title": model.title,
                "files": model.files.iter().map(FileFacts::json).collect::<Vec<_>>(),
                "fingerprint": model.fingerprint,
                "parameters": model.n_parameters,
                "fold_batch_norm": model.fold_mode == FoldMode::Fold,
                "card": model.card.iter().cloned().collect::<std::collections::BTreeMap<_, _>>(),
            },
            "samples": match &self.measured {
                Measured::On(on) => on.set.json(),
                Measured::Not(_) => Json::Null,
            },
            "not_measured": match &self.measured {
                Measured::On(_) => None,
                Measured::Not(reason) => Some(reason),
            },
            "eval": eval,
            "error": error_json(layers, &self.total, self.size),
            "size": {
                "float_bytes": self.size.float_bytes,
                "quantized_bytes": self.size.quantized_bytes,
                "bits_per_weight": self.size.bits_per_weight,
            },
            "warnings": self.warnings,
            "recipe": serde_json::from_str::<Json>(&self.recipe).unwrap_or_default(),
        })
    }

    /// Whether any layer is quantized.
    pub fn is_quantized(&self) -> bool {
        self.layers.iter().any(|layer| !layer.keeps_float)
    }
}

impl FileFacts {
    fn json(&self) -> Json {
        json!({ "name": self.name, "bytes": self.n_bytes, "sha256": self.sha256 })
    }
}

impl SampleFacts {
    fn json(&self) -> Json {
        json!({
            "name": self.name, "file": self.file.as_ref().map(FileFacts::json),
            "split": self.split, "samples": self.n_samples, "limit": self.limit,
            "classes": self.n_classes, "labels": self.has_labels, "licence": self.licence,
            "source": self.source,
        })
    }
}
