//! What can be written on the command line.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, Parser, Subcommand};

use super::exit::{CliError, Exit};
use crate::eval::SampleSet;
use crate::model::{FoldMode, Network};
use crate::quant::{Recipe, Rules, SchemeChoice};
use crate::session::{self, ModelRef, Opened, RecipeFile, RecipeFileError, ResolvedRecipe};

/// Quantscope: look at a neural network's weights, quantize them, and see what it costs.
///
/// Without a command the window opens, on MODEL or on the built-in sample.
#[derive(Parser)]
#[command(
    version,
    args_conflicts_with_subcommands = true,
    after_help = "Examples:\n  quantscope                                   the window with the built-in sample\n  quantscope model.onnx                        the window with a model\n  quantscope eval sample:digits --weights int4 accuracy at 4 bits, in words"
)]
pub(super) struct Options {
    #[command(subcommand)]
    pub command: Option<Command>,
    /// A file, a folder, or sample:NAME
    pub model: Option<String>,
}

#[derive(Subcommand)]
pub(super) enum Command {
    /// Tensors, layers, statistics, and what was not understood
    Inspect(InspectOptions),
    /// What quantization does to the weights of each layer
    Error(ErrorOptions),
    /// Accuracy on a sample set, float against quantized
    Eval(EvalOptions),
    /// Accuracy at several bit widths under several schemes, as a table
    Sweep(SweepOptions),
    /// The quantized model as a file: ONNX, safetensors or GGUF; or its recipe
    Export(ExportOptions),
    /// What every layer costs at every bit width: quantized alone, and left out of a quantized model
    Sensitivity(SensitivityOptions),
    /// A mix of bit widths for a size or an accuracy, and why
    Propose(ProposeOptions),
    /// A page for a colleague or the file: figures, plots, limits, how to repeat it
    Report(ReportOptions),
    /// Every scheme with its settings, their types and defaults
    Schemes(SchemesOptions),
    /// The window as a picture; needs no display
    Screenshot(ScreenshotOptions),
}

/// What is quantized and how.
#[derive(Args)]
pub(super) struct WeightOptions {
    /// One scheme for every layer: SCHEME[:key=value,…], e.g. int:bits=4,granularity=per-channel; int4 is short for int:bits=4
    #[arg(long, value_name = "SPEC", conflicts_with = "recipe")]
    pub weights: Option<String>,
    /// A recipe file: a scheme for each layer, or rules by pattern
    #[arg(long, value_name = "FILE")]
    pub recipe: Option<PathBuf>,
    /// Leave batch normalization as it is instead of folding it into the layer before
    #[arg(long)]
    pub no_fold: bool,
}

#[derive(Args)]
#[command(after_help = "Example:\n  quantscope inspect model.safetensors --json")]
pub(super) struct InspectOptions {
    /// A file, a folder, or sample:NAME
    pub model: String,
    /// JSON on standard output
    #[arg(long)]
    pub json: bool,
}

#[derive(Args)]
#[command(
    after_help = "Example:\n  quantscope error sample:digits --weights int:bits=4,granularity=per-channel"
)]
pub(super) struct ErrorOptions {
    /// A file, a folder, or sample:NAME
    pub model: String,
    #[command(flatten)]
    pub weights: WeightOptions,
    /// Only this layer, by its name or its tensor's; may be repeated
    #[arg(long, value_name = "NAME")]
    pub layer: Vec<String>,
    /// JSON on standard output
    #[arg(long)]
    pub json: bool,
}

#[derive(Args)]
#[command(
    after_help = "Example:\n  quantscope eval sample:digits --weights int4 --json\n  quantscope eval model.onnx --samples eval.safetensors --limit 500"
)]
pub(super) struct EvalOptions {
    /// A file, a folder, or sample:NAME
    pub model: String,
    #[command(flatten)]
    pub weights: WeightOptions,
    /// The sample set; without it eval.safetensors beside the model
    #[arg(long, value_name = "FILE")]
    pub samples: Option<PathBuf>,
    /// One scheme for every activation, per tensor, e.g. int:bits=8,symmetry=asymmetric
    #[arg(long, value_name = "SPEC")]
    pub activations: Option<String>,
    /// Samples that activation ranges are taken from; without it calibration.safetensors beside the model, else train, else a part of the samples kept apart
    #[arg(long, value_name = "FILE", requires = "activations")]
    pub calibration: Option<PathBuf>,
    /// The class whose recall comes first, with its loss; without it the one on the model's card
    #[arg(long, value_name = "CLASS")]
    pub critical: Option<String>,
    /// Only the first N samples of the seeded, class-balanced order
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub limit: Option<u64>,
    /// JSON on standard output
    #[arg(long)]
    pub json: bool,
}

#[derive(Args)]
#[command(
    after_help = "Example:\n  quantscope sweep sample:digits --bits 8,4\n  quantscope sweep model.onnx --scheme int:range=mse --scheme int:symmetry=asymmetric"
)]
pub(super) struct SweepOptions {
    /// A file, a folder, or sample:NAME
    pub model: String,
    /// Bit widths, a row each
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_value = "8,6,5,4,3")]
    pub bits: Vec<i64>,
    /// A column: SCHEME[:key=value,…] without bits; may be repeated. Without it int per tensor, per channel and per group of 32
    #[arg(long, value_name = "SPEC")]
    pub scheme: Vec<String>,
    /// The sample set; without it eval.safetensors beside the model
    #[arg(long, value_name = "FILE")]
    pub samples: Option<PathBuf>,
    /// The class whose recall has a table of its own; without it the one on the model's card
    #[arg(long, value_name = "CLASS")]
    pub critical: Option<String>,
    /// Only the first N samples of the seeded, class-balanced order
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub limit: Option<u64>,
    /// Leave batch normalization as it is instead of folding it into the layer before
    #[arg(long)]
    pub no_fold: bool,
    /// A table in Markdown
    #[arg(long, conflicts_with = "json")]
    pub markdown: bool,
    /// JSON on standard output
    #[arg(long)]
    pub json: bool,
}

/// What a layer may be quantized with, and the samples that say what it costs.
#[derive(Args)]
pub(super) struct SearchOptions {
    /// The scheme at every bit width: SCHEME[:key=value,…] without bits
    #[arg(long, value_name = "SPEC", default_value = "int:granularity=per-channel")]
    pub scheme: String,
    /// Samples to measure on; without it calibration.safetensors beside the model, else train, else one half of eval. Of a set that judges only one half is used
    #[arg(long, value_name = "FILE")]
    pub samples: Option<PathBuf>,
    /// Only the first N samples of the seeded, class-balanced order
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub limit: Option<u64>,
    /// Leave batch normalization as it is instead of folding it into the layer before
    #[arg(long)]
    pub no_fold: bool,
}

#[derive(Args)]
#[command(
    after_help = "Example:\n  quantscope sensitivity sample:digits --bits 2,3,4\n  quantscope sensitivity model.onnx --scheme int:range=mse --limit 500 --json"
)]
pub(super) struct SensitivityOptions {
    /// A file, a folder, or sample:NAME
    pub model: String,
    /// Bit widths, a column each
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_value = "2,3,4,6,8")]
    pub bits: Vec<i64>,
    #[command(flatten)]
    pub search: SearchOptions,
    /// JSON on standard output
    #[arg(long)]
    pub json: bool,
}

#[derive(Args)]
#[command(
    after_help = "Example:\n  quantscope propose sample:digits --budget-bits 3.5 -o recipe.json\n  quantscope propose model.onnx --floor top1=0.86 --bits 2,4,8\n  quantscope propose sample:tumor --budget-energy 0.2 --floor-critical malignant=0.95"
)]
pub(super) struct ProposeOptions {
    /// A file, a folder, or sample:NAME
    pub model: String,
    /// The most bits a weight of the quantized layers, scales included
    #[arg(long, value_name = "BITS", group = "budget")]
    pub budget_bits: Option<f64>,
    /// The most bytes of the whole model, what stays in float included
    #[arg(long, value_name = "BYTES", group = "budget")]
    pub budget_bytes: Option<u64>,
    /// The most energy of one prediction, in microjoules, as estimated: every weight read from DRAM once, and arithmetic in 32-bit floats
    #[arg(long, value_name = "UJ", group = "budget")]
    pub budget_energy: Option<f64>,
    /// What has to be reached on the samples that are measured, e.g. top1=0.86; a perplexity at most
    #[arg(long, value_name = "METRIC=VALUE")]
    pub floor: Option<String>,
    /// The recall that a class has to keep on the samples that are measured, e.g. malignant=0.95
    #[arg(long, value_name = "CLASS=VALUE")]
    pub floor_critical: Option<String>,
    /// Bit widths to choose from
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_value = "2,3,4,5,6,8")]
    pub bits: Vec<i64>,
    #[command(flatten)]
    pub search: SearchOptions,
    /// The recipe file to write
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// JSON on standard output
    #[arg(long)]
    pub json: bool,
}

#[derive(Args)]
#[command(
    after_help = "Formats:\n  onnx         codes behind DequantizeLinear, 4, 8 or 16 bits\n  safetensors  packed codes and scales of every scheme, compressed-tensors' form where it has one\n  gguf         the block formats of GGUF files\n  recipe       no model but the recipe file: scheme and settings of every layer\n\nExample:\n  quantscope export model.onnx --recipe recipe.json --format onnx -o model-int4.onnx\n  quantscope export sample:tiny-lm --weights q8_0 --format gguf -o tiny-lm.gguf --or-float"
)]
pub(super) struct ExportOptions {
    /// A file, a folder, or sample:NAME
    pub model: String,
    #[command(flatten)]
    pub weights: WeightOptions,
    /// onnx, safetensors, gguf or recipe
    #[arg(long, value_name = "F")]
    pub format: String,
    /// The file to write
    #[arg(short, long, value_name = "OUT")]
    pub output: PathBuf,
    /// Replace a file that is there
    #[arg(long)]
    pub force: bool,
    /// Leave a layer that the format cannot hold in float instead of refusing it
    #[arg(long)]
    pub or_float: bool,
    /// JSON on standard output
    #[arg(long)]
    pub json: bool,
}

#[derive(Args)]
#[command(
    after_help = "One HTML file that loads nothing and prints well, its figures in it as JSON.\n\nExample:\n  quantscope report sample:digits --weights int4 -o report.html\n  quantscope report model.onnx --recipe recipe.json --samples test.safetensors -o report.html --force"
)]
pub(super) struct ReportOptions {
    /// A file, a folder, or sample:NAME
    pub model: String,
    #[command(flatten)]
    pub weights: WeightOptions,
    /// The sample set; without it eval.safetensors beside the model
    #[arg(long, value_name = "FILE")]
    pub samples: Option<PathBuf>,
    /// The class whose recall comes first, with its loss; without it the one on the model's card
    #[arg(long, value_name = "CLASS")]
    pub critical: Option<String>,
    /// Only the first N samples of the seeded, class-balanced order
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub limit: Option<u64>,
    /// The page to write
    #[arg(short, long, value_name = "OUT.html")]
    pub output: PathBuf,
    /// Replace a file that is there
    #[arg(long)]
    pub force: bool,
}

#[derive(Args)]
#[command(after_help = "Example:\n  quantscope schemes --json")]
pub(super) struct SchemesOptions {
    /// JSON on standard output
    #[arg(long)]
    pub json: bool,
}

#[derive(Args)]
#[command(
    after_help = "Example:\n  quantscope screenshot sample:digits -o window.png --size 1280x800 --theme light"
)]
pub(super) struct ScreenshotOptions {
    /// A file, a folder, or sample:NAME; without it the built-in sample
    pub model: Option<String>,
    /// The PNG file to write
    #[arg(short, long, value_name = "OUT.png")]
    pub output: PathBuf,
    /// Every layer quantized this way: SCHEME[:key=value,…]; may be repeated: each is measured, the last one shows
    #[arg(long, value_name = "SPEC")]
    pub weights: Vec<String>,
    /// A recipe file, after that
    #[arg(long, value_name = "FILE")]
    pub recipe: Option<PathBuf>,
    /// How the panels stand
    #[arg(long, value_enum, conflicts_with = "panel")]
    pub arrangement: Option<ArrangementOption>,
    /// Only this panel: layers, distribution, history, quantizer
    #[arg(long, value_name = "NAME")]
    pub panel: Option<String>,
    /// Size of the window in points
    #[arg(long, value_name = "WIDTHxHEIGHT", default_value = "1600x1000")]
    pub size: String,
    /// Pixels a point
    #[arg(long, default_value_t = 1.0)]
    pub scale: f32,
    #[arg(long, value_enum, default_value = "dark")]
    pub theme: ThemeOption,
}

#[derive(Clone, Copy, clap::ValueEnum)]
pub(super) enum ArrangementOption {
    Explore,
    Bench,
    Teach,
}

#[derive(Clone, Copy, clap::ValueEnum)]
pub(super) enum ThemeOption {
    Dark,
    Light,
}

/// Opens the model; warnings go to standard error.
pub(super) fn open(model: &str, fold_mode: FoldMode) -> Result<Opened, CliError> {
    let opened = session::open(&ModelRef::parse(model)?, fold_mode)?;
    for warning in &opened.network.model.warnings {
        eprintln!("quantscope: warning: {warning}");
    }
    Ok(opened)
}

/// A recipe for the layers there are, and where it comes from.
#[derive(Default)]
pub(super) struct AskedRecipe {
    pub recipe: Recipe,
    pub rules: Rules,
    /// What of it is without effect, a sentence each.
    pub warnings: Vec<String>,
}

impl WeightOptions {
    /// As asked for, else as the recipe was made; one that cannot be read is told of by
    /// [`recipe`](Self::recipe).
    pub(super) fn fold_mode(&self) -> FoldMode {
        let made = || RecipeFile::read(self.recipe.as_deref()?).ok()?.fold_mode;
        if self.no_fold { FoldMode::Keep } else { made().unwrap_or_default() }
    }

    /// The recipe asked for; `None` when nothing is to be quantized. What of a recipe file is
    /// without effect is told on standard error.
    pub(super) fn recipe(&self, network: &Network) -> Result<Option<Recipe>, CliError> {
        Ok(self.asked(network)?.map(|asked| asked.recipe))
    }

    /// The same with the rules of its file and what was told.
    pub(super) fn asked(&self, network: &Network) -> Result<Option<AskedRecipe>, CliError> {
        if let Some(path) = &self.recipe {
            return asked_of_file(path, network).map(Some);
        }
        let Some(spec) = &self.weights else {
            return Ok(None);
        };
        let choice = parse_spec("--weights", spec)?;
        let names = network.default_layers().map(|layer| layer.name.as_str());
        let recipe = Recipe::uniform(names, &choice);
        Ok(Some(AskedRecipe { recipe, ..AskedRecipe::default() }))
    }
}

/// The set that judges: the one named, else the one beside the model.
pub(super) fn samples_for(
    path: Option<&Path>,
    opened: &Opened,
) -> Result<Arc<SampleSet>, CliError> {
    if let Some(path) = path {
        return Ok(Arc::new(SampleSet::open(path)?));
    }
    if let Some(error) = &opened.eval_error {
        return Err((&**error).into());
    }
    opened.eval.clone().ok_or_else(|| {
        CliError::new(
            Exit::WrongUse,
            format!(
                "{}: no eval.safetensors lies beside it; name a sample set with --samples FILE",
                opened.reference.label()
            ),
        )
    })
}

/// The class whose recall counts: the one named, else the one on the model's card.
pub(super) fn critical_class(
    named: Option<&str>,
    opened: &Opened,
    samples: &SampleSet,
) -> Result<Option<String>, CliError> {
    let classes = samples.classes.as_deref().unwrap_or_default();
    let Some(name) = named else {
        let on_card = opened.network.model.card.critical.clone();
        return Ok(on_card.filter(|name| classes.contains(name)));
    };
    if classes.iter().any(|class| class == name) {
        return Ok(Some(name.to_owned()));
    }
    let known = match classes {
        [] => "the sample set names no classes".to_owned(),
        classes => format!("there are {}", classes.join(", ")),
    };
    Err(CliError::new(Exit::NoSense, format!("--critical {name}: no such class; {known}")))
}

/// The scheme that a flag asks for.
pub(super) fn parse_spec(flag: &str, spec: &str) -> Result<SchemeChoice, CliError> {
    spec.parse().map_err(|error| CliError::new(Exit::WrongUse, format!("{flag} {spec}: {error}")))
}

/// The recipe file for the network's layers.
fn asked_of_file(path: &Path, network: &Network) -> Result<AskedRecipe, CliError> {
    let bad_file = |error: RecipeFileError| CliError::new(Exit::BadFile, error.to_string());
    let file = RecipeFile::read(path).map_err(bad_file)?;
    let resolved = ResolvedRecipe::of(&file, network)
        .map_err(|error| CliError::new(Exit::NoSense, format!("{}: {error}", path.display())))?;
    let warnings = resolved.warnings();
    for warning in &warnings {
        eprintln!("quantscope: warning: {}: {warning}", path.display());
    }
    Ok(AskedRecipe { recipe: resolved.recipe, rules: file.rules, warnings })
}
