//! `quantscope sensitivity`: what every layer costs at every bit width.

use std::io::IsTerminal;

use serde_json::{Value as Json, json};

use super::exit::CliError;
use super::options::SensitivityOptions;
use super::search::Search;
use super::table::{Align, render};
use super::{print_json, print_out};
use crate::base::{WorkCtx, fixed, significant, thousands};
use crate::eval::{
    Cell, Column, Effect, Estimate, Metric, Predictor, Runner, Sensitivity, SensitivityRequest,
    Tally, estimate_json, measure_sensitivity,
};
use crate::quant::SchemeChoice;

pub(super) fn run(options: &SensitivityOptions) -> Result<(), CliError> {
    let candidates = options.search.candidates(&options.bits)?;
    let search = Search::new(&options.model, &options.search)?;
    let found = measure(&search.runner, &candidates, options.search.limit())?;
    if options.json {
        print_json(&json(&found, &search));
    } else {
        print_out(&text(&found, &search));
    }
    Ok(())
}

/// Measures with a count on standard error, where a person sees it.
pub(super) fn measure(
    runner: &Runner,
    candidates: &[SchemeChoice],
    limit: Option<usize>,
) -> Result<Sensitivity, CliError> {
    let shows_progress = std::io::stderr().is_terminal();
    let request = SensitivityRequest { candidates, limit, known: None };
    let found = measure_sensitivity(runner, &request, &WorkCtx::new(), |partial| {
        if shows_progress {
            eprint!("\r{} of {} samples", partial.n_samples(), partial.n_total);
        }
    });
    if shows_progress {
        eprint!("\r\x1b[K");
    }
    Ok(found?)
}

fn json(found: &Sensitivity, search: &Search) -> Json {
    let layers = found.layers.iter().zip(&found.curvature).map(|(layer, curvature)| {
        json!({
            "name": layer.name,
            "weights": layer.n_weights,
            "hessian_trace": curvature.map(|c| c.trace),
            "hessian_trace_standard_error": curvature.map(|c| c.standard_error),
        })
    });
    let columns = found.columns.iter().enumerate();
    let candidates = columns.map(|(column_idx, column)| {
        json!({
            "scheme": column.choice.to_string(),
            "everything": tally_json(&column.everything, found.metric),
            "rank_correlation": correlations_json(found, Some(column_idx)),
            "layers": column_json(found, column_idx, column),
        })
    });
    json!({
        "metric": found.metric.id(),
        "samples": found.n_total,
        "measured_on": search.samples.set.name,
        "part": search.samples.part.id(),
        "float": estimate_json(found.float()),
        "hessian_samples": found.n_curvature_samples,
        "layers": layers.collect::<Vec<Json>>(),
        "candidates": candidates.collect::<Vec<Json>>(),
        "rank_correlation": correlations_json(found, None),
    })
}

fn column_json(found: &Sensitivity, column_idx: usize, column: &Column) -> Vec<Json> {
    let cells = found.layers.iter().zip(&column.cells).enumerate();
    let cell = |(layer_idx, (layer, cell)): (usize, (_, &Result<Cell, String>))| {
        let layer: &crate::eval::MeasuredLayer = layer;
        let cell = match cell {
            Ok(cell) => cell,
            Err(reason) => return json!({ "name": layer.name, "refused": reason }),
        };
        json!({
            "name": layer.name,
            "alone": tally_json(&cell.alone, found.metric),
            "all_but": tally_json(&cell.all_but, found.metric),
            "regained": estimate_json(Some(cell.regained.change(found.metric))),
            "sqnr_db": cell.weights.sqnr().db(),
            "mse": cell.weights.mse(),
            "mse_trace": found.predicted(Predictor::MseTrace, (layer_idx, column_idx)),
            "bits_per_weight": cell.weights.storage_bits as f64 / layer.n_weights.max(1) as f64,
        })
    };
    cells.map(cell).collect()
}

fn tally_json(tally: &Tally, metric: Metric) -> Json {
    let has_labels = metric == Metric::Top1;
    json!({
        "value": estimate_json(Some(tally.value(metric))),
        "difference": estimate_json(Some(tally.change(metric))),
        "loss_difference": estimate_json(tally.loss_change(metric)),
        "kl_mean": estimate_json(Some(tally.kl())),
        "broken": has_labels.then_some(tally.paired.broken),
        "fixed": has_labels.then_some(tally.paired.fixed),
    })
}

fn correlations_json(found: &Sensitivity, column_idx: Option<usize>) -> Json {
    let mut json = serde_json::Map::new();
    for predictor in Predictor::ALL {
        let by_effect = Effect::ALL.map(|effect| {
            let correlation = found.rank_correlation(predictor, effect, column_idx);
            (effect.id().to_owned(), json!(correlation))
        });
        json.insert(predictor.id().to_owned(), Json::Object(by_effect.into_iter().collect()));
    }
    Json::Object(json)
}

fn text(found: &Sensitivity, search: &Search) -> String {
    let title = &search.opened.network.model.title;
    let name = match found.metric {
        Metric::Top1 => "points of top-1",
        Metric::Perplexity => "perplexity",
        Metric::Agreement => "points of agreement with float",
    };
    let mut text = format!(
        "{title}: measured on {} samples of {}\n",
        thousands(found.n_total),
        search.samples.told()
    );
    if let Some(float) = found.float() {
        text.push_str(&format!("float {}\n", value_text(float, found.metric)));
    }
    text.push_str(&format!("\n{name} lost or won, only the layer quantized\n\n"));
    text.push_str(&table(
        found,
        |cell| cell.alone.change(found.metric),
        |column| Some(column.everything.change(found.metric)),
    ));
    text.push_str(&format!("\n{name} won back, only the layer left in float\n\n"));
    text.push_str(&table(found, |cell| cell.regained.change(found.metric), |_| None));
    text.push_str(&predictor_text(found));
    text
}

pub(super) fn value_text(estimate: Estimate, metric: Metric) -> String {
    let shown = |x: f64| match metric {
        Metric::Perplexity => fixed(x, 3),
        _ => crate::base::percent(x, 1),
    };
    let (lo, hi) = estimate.ci95;
    format!("{} (95 % interval {} to {})", shown(estimate.value), shown(lo), shown(hi))
}

/// Half of the interval beside the figure, since the whole of it for every cell is not read.
fn change_text(change: Estimate, metric: Metric) -> String {
    let (scale, decimals) = if metric == Metric::Perplexity { (1.0, 3) } else { (100.0, 1) };
    let reach = (change.ci95.1 - change.ci95.0) / 2.0;
    let shown = |x: f64| if x.abs() < 1e5 { fixed(x, decimals) } else { significant(x, 3) };
    format!("{} ±{}", shown(scale * change.value), shown(scale * reach))
}

fn table(
    found: &Sensitivity,
    figure: impl Fn(&Cell) -> Estimate,
    everything: impl Fn(&Column) -> Option<Estimate>,
) -> String {
    let headings: Vec<String> =
        found.columns.iter().map(|column| heading(&column.choice)).collect();
    let mut header = vec![("layer", Align::Left)];
    header.extend(headings.iter().map(|heading| (heading.as_str(), Align::Right)));
    let mut rows = Vec::new();
    for (layer_idx, layer) in found.layers.iter().enumerate() {
        let cells = found.columns.iter().map(|column| match column.cells.get(layer_idx) {
            Some(Ok(cell)) => change_text(figure(cell), found.metric),
            _ => "refused".to_owned(),
        });
        rows.push([layer.name.clone()].into_iter().chain(cells).collect());
    }
    let all: Vec<Option<Estimate>> = found.columns.iter().map(everything).collect();
    if all.iter().any(Option::is_some) {
        let cells = all.into_iter().map(|change| match change {
            Some(change) => change_text(change, found.metric),
            None => String::new(),
        });
        rows.push(["all of them".to_owned()].into_iter().chain(cells).collect());
    }
    render(&header, &rows)
}

fn heading(choice: &SchemeChoice) -> String {
    choice.bits().map_or_else(|| choice.to_string(), |bits| format!("{bits} bits"))
}

/// How well what is cheap to know ranks the layers.
fn predictor_text(found: &Sensitivity) -> String {
    let effect = match found.metric {
        Metric::Agreement => Effect::Kl,
        _ => Effect::Loss,
    };
    let named = match effect {
        Effect::Loss => "loss",
        _ => "KL",
    };
    let mut text = format!(
        "\nrank correlation with the measured {named} of the layers alone (1: ranks them alike)\n\n"
    );
    let headings: Vec<String> =
        found.columns.iter().map(|column| heading(&column.choice)).collect();
    let mut header = vec![("predictor", Align::Left)];
    header.extend(headings.iter().map(|heading| (heading.as_str(), Align::Right)));
    header.push(("all", Align::Right));
    let names = ["SQNR of the weights", "MSE of the weights", "MSE × Hessian trace"];
    let rows = Predictor::ALL.into_iter().zip(names).map(|(predictor, name)| {
        let columns = (0..found.columns.len()).map(Some).chain([None]);
        let cells = columns.map(|column| match found.rank_correlation(predictor, effect, column) {
            Some(correlation) => fixed(correlation, 2),
            None => "n/a".to_owned(),
        });
        [name.to_owned()].into_iter().chain(cells).collect()
    });
    text.push_str(&render(&header, &rows.collect::<Vec<_>>()));
    text.push_str(&format!(
        "\ntraces from {} samples, {} draws\n",
        thousands(found.n_curvature_samples),
        found.curvature.iter().flatten().map(|c| c.n_draws).max().unwrap_or(0)
    ));
    text
}
