//! `quantscope export`: the quantized model as a file of another format.

use serde_json::json;

use super::exit::{CliError, Exit};
use super::options::{AskedRecipe, ExportOptions, open};
use super::output::refuse_existing;
use super::{print_json, print_out};
use crate::base::{WorkCtx, bytes, counted, unwritable, write_whole};
use crate::eval::{Unfit, export_model, quantize_network};
use crate::formats::{WRITERS, WriteError, Writer};
use crate::quant::SchemeChoice;
use crate::session::{RecipeFile, RecipeModel};

/// The format that is no model's.
const RECIPE: &str = "recipe";

pub(super) fn run(options: &ExportOptions) -> Result<(), CliError> {
    if options.format == RECIPE {
        return write_recipe(options);
    }
    let writer = find(&options.format)?;
    refuse_existing(&options.output, options.force)?;
    let opened = open(&options.model, options.weights.fold_mode())?;
    let network = &*opened.network;
    let recipe = options.weights.recipe(network)?.unwrap_or_default();
    let layers = quantize_network(network, &recipe, &WorkCtx::new())?;
    let unfit = if options.or_float { Unfit::KeptFloat } else { Unfit::Refused };
    let export = export_model(network, &layers, writer, unfit)?;
    for error in &export.unfit {
        eprintln!("quantscope: warning: {error}; it stays in float");
    }
    let predicted = writer.predict(&export.model).map_err(|error| failed(&error, options))?;
    write_whole(&options.output, |out| writer.write(&export.model, out))
        .map_err(|error| failed(&error, options))?;
    let written = std::fs::metadata(&options.output).map_or(0, |metadata| metadata.len());
    let float_layers: Vec<String> = export.unfit.iter().filter_map(layer_of).collect();
    if options.json {
        print_json(&json!({
            "format": writer.id,
            "file": options.output.display().to_string(),
            "predicted_bytes": predicted,
            "bytes": written,
            "kept_float": float_layers,
        }));
    } else {
        print_out(&format!(
            "{}: {}, {written} bytes ({}), {predicted} predicted\n",
            options.output.display(),
            writer.name,
            bytes(written),
        ));
    }
    Ok(())
}

/// The recipe file instead of the model: what was asked for, every layer by its name.
fn write_recipe(options: &ExportOptions) -> Result<(), CliError> {
    refuse_existing(&options.output, options.force)?;
    let opened = open(&options.model, options.weights.fold_mode())?;
    let network = &*opened.network;
    let Some(AskedRecipe { mut recipe, rules, .. }) = options.weights.asked(network)? else {
        let message = "--format recipe: say what to write with --weights SPEC or --recipe FILE";
        return Err(CliError::new(Exit::WrongUse, message));
    };
    for layer in &network.layers {
        if recipe.get(&layer.name).is_none() {
            recipe.set(&layer.name, SchemeChoice::float());
        }
    }
    let n_layers = recipe.layers().count();
    let fold_mode = Some(network.fold_mode);
    let file = RecipeFile { recipe, rules, fold_mode, model: Some(RecipeModel::of(&opened)) };
    file.write(&options.output).map_err(|error| CliError::new(Exit::BadFile, error.to_string()))?;
    let written = std::fs::metadata(&options.output).map_or(0, |metadata| metadata.len());
    let path = options.output.display().to_string();
    if options.json {
        let json = json!({ "format": RECIPE, "file": path, "bytes": written, "layers": n_layers });
        print_json(&json);
    } else {
        print_out(&format!("{path}: recipe of {}\n", counted(n_layers, "layer")));
    }
    Ok(())
}

fn layer_of(error: &WriteError) -> Option<String> {
    match error {
        WriteError::Unfit { layer, .. } => Some(layer.clone()),
        _ => None,
    }
}

fn find(id: &str) -> Result<&'static Writer, CliError> {
    WRITERS.iter().find(|writer| writer.id == id).copied().ok_or_else(|| {
        let known: Vec<&str> = WRITERS.iter().map(|writer| writer.id).chain([RECIPE]).collect();
        let message =
            format!("--format {id}: there is no such format; there are {}", known.join(", "));
        CliError::new(Exit::WrongUse, message)
    })
}

fn failed(error: &WriteError, options: &ExportOptions) -> CliError {
    let path = &options.output;
    match error {
        WriteError::Io(error) => {
            let words = unwritable(error, path);
            CliError::new(Exit::BadFile, format!("{} cannot be written: {words}", path.display()))
        }
        other => CliError::new(Exit::NoSense, other.to_string()),
    }
}
