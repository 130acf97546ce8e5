//! `quantscope export`: the quantized model as a file of another format.

use std::path::Path;

use serde_json::json;

use super::exit::{CliError, Exit};
use super::options::{ExportOptions, open};
use super::{print_json, print_out};
use crate::base::{WorkCtx, bytes, unwritable, write_whole};
use crate::eval::{Unfit, export_model, quantize_network};
use crate::formats::{WRITERS, WriteError, Writer};

pub(super) fn run(options: &ExportOptions) -> Result<(), CliError> {
    let writer = find(&options.format)?;
    refuse_existing(options)?;
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

fn layer_of(error: &WriteError) -> Option<String> {
    match error {
        WriteError::Unfit { layer, .. } => Some(layer.clone()),
        _ => None,
    }
}

fn find(id: &str) -> Result<&'static Writer, CliError> {
    WRITERS.iter().find(|writer| writer.id == id).copied().ok_or_else(|| {
        let known: Vec<&str> = WRITERS.iter().map(|writer| writer.id).collect();
        let message =
            format!("--format {id}: there is no such format; there are {}", known.join(", "));
        CliError::new(Exit::WrongUse, message)
    })
}

/// A file that is there is not written over unasked.
fn refuse_existing(options: &ExportOptions) -> Result<(), CliError> {
    let path: &Path = &options.output;
    if options.force || !path.exists() {
        return Ok(());
    }
    let message = format!(
        "{} is there already; choose another name, or replace it with --force",
        path.display()
    );
    Err(CliError::new(Exit::WrongUse, message))
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
