//! What can be written on the command line.

use std::path::{Path, PathBuf};

use clap::{Args, Parser, Subcommand};

use super::exit::{CliError, Exit};
use crate::eval::check_layers;
use crate::model::{FoldMode, Network};
use crate::quant::{Recipe, SchemeChoice};
use crate::session::{self, ModelRef, Opened, RecipeFile};

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
    /// A recipe file: a scheme for each layer
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
    /// Only the first N samples of the seeded, class-balanced order
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub limit: Option<u64>,
    /// JSON on standard output
    #[arg(long)]
    pub json: bool,
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
    /// Every layer quantized this way: SCHEME[:key=value,…]
    #[arg(long, value_name = "SPEC")]
    pub weights: Option<String>,
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

impl WeightOptions {
    /// As asked for, else as the recipe was made; one that cannot be read is told of by
    /// [`recipe`](Self::recipe).
    pub(super) fn fold_mode(&self) -> FoldMode {
        let made = || RecipeFile::read(self.recipe.as_deref()?).ok()?.fold_mode;
        if self.no_fold { FoldMode::Keep } else { made().unwrap_or_default() }
    }

    /// The recipe asked for; `None` when nothing is to be quantized.
    pub(super) fn recipe(&self, network: &Network) -> Result<Option<Recipe>, CliError> {
        if let Some(path) = &self.recipe {
            let recipe = read_recipe(path)?;
            check_layers(network, &recipe)?;
            return Ok(Some(recipe));
        }
        let Some(spec) = &self.weights else {
            return Ok(None);
        };
        let choice = parse_spec("--weights", spec)?;
        let names = network.default_layers().map(|layer| layer.name.as_str());
        Ok(Some(Recipe::uniform(names, &choice)))
    }
}

/// The scheme that a flag asks for.
pub(super) fn parse_spec(flag: &str, spec: &str) -> Result<SchemeChoice, CliError> {
    spec.parse().map_err(|error| CliError::new(Exit::WrongUse, format!("{flag} {spec}: {error}")))
}

fn read_recipe(path: &Path) -> Result<Recipe, CliError> {
    let file = RecipeFile::read(path);
    Ok(file.map_err(|error| CliError::new(Exit::BadFile, error.to_string()))?.recipe)
}
