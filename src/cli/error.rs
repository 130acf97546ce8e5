//! `quantscope error`: what quantization does to the weights.

use super::exit::{CliError, Exit};
use super::options::{ErrorOptions, open};
use super::table::{Align, render};
use super::{print_json, print_out};
use crate::base::{WorkCtx, bytes, fixed, percent, significant};
use crate::eval::{
    LayerError, ModelSize, QuantizedLayer, Sqnr, error_json, layer_json, quantize_network,
    total_error,
};
use crate::model::{Layer, Network};
use crate::quant::{Recipe, SchemeChoice};

pub(super) fn run(options: &ErrorOptions) -> Result<(), CliError> {
    let opened = open(&options.model, options.weights.fold_mode())?;
    let network = &*opened.network;
    let recipe = match options.weights.recipe(network)? {
        Some(recipe) => recipe,
        None => default_recipe(network),
    };
    let chosen = chosen_layers(network, &options.layer)?;
    let recipe = restricted(network, &recipe, &chosen);
    let layers = quantize_network(network, &recipe, &WorkCtx::new())?;
    let shown: Vec<(&Layer, &QuantizedLayer)> =
        chosen.iter().map(|&idx| (&network.layers[idx], &*layers[idx])).collect();
    let errors: Vec<Option<&LayerError>> = layers.iter().map(|layer| Some(&layer.error)).collect();
    let size = ModelSize::new(network, &errors);
    let total = total_error(layers.iter().map(|layer| &layer.error));
    if options.json {
        let rows = shown.iter().map(|(layer, done)| layer_json(layer, done)).collect();
        print_json(&error_json(rows, &total, size));
    } else {
        print_out(&text(&shown, total.sqnr(), size));
    }
    Ok(())
}

/// Without a request: `int` at its defaults, 8 bits.
fn default_recipe(network: &Network) -> Recipe {
    let names = network.default_layers().map(|layer| layer.name.as_str());
    Recipe::uniform(names, &SchemeChoice::new(&crate::quant::schemes::int::Int))
}

fn chosen_layers(network: &Network, names: &[String]) -> Result<Vec<usize>, CliError> {
    if names.is_empty() {
        return Ok((0..network.layers.len()).collect());
    }
    let find = |name: &String| {
        let known = |layer: &Layer| layer.name == *name || layer.weight == *name;
        network.layers.iter().position(known).ok_or_else(|| {
            let all: Vec<&str> = network.layers.iter().map(|l| l.name.as_str()).collect();
            let message = format!("there is no layer {name:?}; there are {}", all.join(", "));
            CliError::new(Exit::NoSense, message)
        })
    };
    names.iter().map(find).collect()
}

/// The recipe with every layer that was not asked for left in float.
fn restricted(network: &Network, recipe: &Recipe, chosen: &[usize]) -> Recipe {
    let mut restricted = recipe.clone();
    for (layer_idx, layer) in network.layers.iter().enumerate() {
        if !chosen.contains(&layer_idx) {
            restricted.set(&layer.name, SchemeChoice::float());
        }
    }
    restricted
}

fn text(layers: &[(&Layer, &QuantizedLayer)], total: Sqnr, size: ModelSize) -> String {
    let sqnr = |sqnr: Sqnr| match sqnr {
        Sqnr::Db(db) => fixed(db, 2),
        other => other.case().unwrap_or_default().to_owned(),
    };
    let bits = |bits: Option<f64>| bits.map_or_else(|| "n/a".to_owned(), |bits| fixed(bits, 2));
    let rows: Vec<Vec<String>> = layers
        .iter()
        .map(|(layer, done)| {
            let stats = &done.error.total;
            vec![
                layer.name.clone(),
                layer.weight.clone(),
                done.choice.to_string(),
                sqnr(done.error.sqnr()),
                significant(stats.mse(), 4),
                significant(stats.max_abs_error, 4),
                percent(stats.clipped_fraction(), 2),
                bits(done.error.bits_per_weight()),
            ]
        })
        .collect();
    let header = [
        ("layer", Align::Left),
        ("weight", Align::Left),
        ("scheme", Align::Left),
        ("SQNR, dB", Align::Right),
        ("MSE", Align::Right),
        ("largest error", Align::Right),
        ("clipped", Align::Right),
        ("bits/weight", Align::Right),
    ];
    let mut text = render(&header, &rows);
    text.push_str(&format!(
        "\nall quantized weights: SQNR {}{}, {} bits/weight; model {} → {}\n",
        sqnr(total),
        if total.db().is_some() { " dB" } else { "" },
        bits(size.bits_per_weight),
        bytes(size.float_bytes),
        bytes(size.quantized_bytes),
    ));
    text
}
