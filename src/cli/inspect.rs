//! `quantscope inspect`: what is in a model.

use serde_json::{Map, Value as Json, json};

use super::exit::CliError;
use super::options::{InspectOptions, open};
use super::table::{Align, render};
use super::{print_json, print_out};
use crate::base::{WorkCtx, significant, thousands};
use crate::exec::unsupported_operators;
use crate::model::{FoldMode, Model, Network};
use crate::tensor::{TensorStats, Value};

pub(super) fn run(options: &InspectOptions) -> Result<(), CliError> {
    let opened = open(&options.model, FoldMode::Keep)?;
    let network = &*opened.network;
    let stats = tensor_stats(&network.model)?;
    if options.json {
        print_json(&json(network, &stats));
    } else {
        print_out(&text(network, &stats));
    }
    Ok(())
}

/// Statistics of every tensor as it is stored.
fn tensor_stats(model: &Model) -> Result<Vec<(String, TensorStats)>, CliError> {
    let mut all = Vec::with_capacity(model.store.len());
    for name in model.store.names() {
        let data: Vec<f32> = match model.store.value(name)? {
            Value::F32(tensor) => tensor.iter().copied().collect(),
            Value::I64(ints) => ints.iter().map(|&int| int as f32).collect(),
            Value::Bool(bools) => bools.iter().map(|&on| f32::from(u8::from(on))).collect(),
        };
        // Nothing cancels this context.
        let stats = TensorStats::compute(&data, &WorkCtx::new()).unwrap_or_default();
        all.push((name.to_owned(), stats));
    }
    Ok(all)
}

fn json(network: &Network, stats: &[(String, TensorStats)]) -> Json {
    let model = &*network.model;
    let mut metadata: Map<String, Json> =
        model.metadata.iter().map(|(key, value)| (key.clone(), json!(value))).collect();
    let card = &model.card;
    let known = [("title", &card.title), ("licence", &card.licence), ("source", &card.source)];
    metadata.extend(
        known.into_iter().filter_map(|(key, text)| Some((key.to_owned(), json!(text.as_ref()?)))),
    );
    if let Some(classes) = &card.classes {
        metadata.insert("classes".to_owned(), json!(classes));
    }
    metadata.extend(card.more.iter().map(|(key, text)| (key.clone(), json!(text))));
    let tensors: Vec<Json> = stats
        .iter()
        .filter_map(|(name, stats)| {
            let info = model.store.info(name)?;
            Some(json!({
                "name": name, "dtype": info.dtype.name(), "shape": info.shape.dims(),
                "count": info.shape.count(), "min": stats.min, "max": stats.max,
                "mean": stats.mean, "std": stats.std, "absmax": stats.absmax(),
                "nan": stats.n_nan, "infinite": stats.n_infinite,
            }))
        })
        .collect();
    let layers: Vec<Json> = network
        .layers
        .iter()
        .map(|layer| {
            json!({
                "name": layer.name, "op": layer.op, "weight": layer.weight,
                "shape": layer.dims, "axis": layer.axis, "count": layer.count(),
            })
        })
        .collect();
    let graph = network.graph.as_ref().map(|graph| {
        json!({
            "nodes": graph.nodes.len(), "opset": graph.opset,
            "operators": graph.operator_counts(), "unsupported": unsupported_operators(graph),
        })
    });
    json!({
        "model": model.title, "format": model.format, "metadata": metadata,
        "tensors": tensors, "layers": layers, "graph": graph, "warnings": model.warnings,
    })
}

fn text(network: &Network, stats: &[(String, TensorStats)]) -> String {
    let model = &*network.model;
    let mut text = format!("{} ({})\n", model.title, model.format);
    match &network.graph {
        None => text.push_str("no graph: weights only\n"),
        Some(graph) => {
            let operators: Vec<String> =
                graph.operator_counts().iter().map(|(op, count)| format!("{count} {op}")).collect();
            text.push_str(&format!("{} nodes: {}\n", graph.nodes.len(), operators.join(", ")));
            let unsupported = unsupported_operators(graph);
            if !unsupported.is_empty() {
                text.push_str(&format!("not supported: {}\n", unsupported.join(", ")));
            }
        }
    }
    text.push('\n');
    let number = |x: Option<f64>| x.map_or_else(String::new, |x| significant(x, 4));
    let rows: Vec<Vec<String>> = stats
        .iter()
        .filter_map(|(name, stats)| {
            let info = model.store.info(name)?;
            let layer = network.layer_of_weight(name).map(|idx| &network.layers[idx]);
            Some(vec![
                name.clone(),
                info.dtype.to_string(),
                info.shape.to_string(),
                thousands(info.shape.count()),
                number(stats.min.map(f64::from)),
                number(stats.max.map(f64::from)),
                number(stats.mean),
                number(stats.std),
                stats.n_non_finite().to_string(),
                layer.map_or_else(String::new, |layer| format!("{} {}", layer.op, layer.name)),
            ])
        })
        .collect();
    let header = [
        ("tensor", Align::Left),
        ("type", Align::Left),
        ("shape", Align::Right),
        ("count", Align::Right),
        ("min", Align::Right),
        ("max", Align::Right),
        ("mean", Align::Right),
        ("std", Align::Right),
        ("NaN, inf", Align::Right),
        ("layer", Align::Left),
    ];
    text.push_str(&render(&header, &rows));
    text
}
