//! All figures for other programs: a row a layer and candidate, the units in the head.

use crate::eval::{Cell, Metric, Predictor, Tally};
use crate::session::Sensed;
use crate::ui::table::Table;

const HEADER: [&str; 23] = [
    "layer",
    "weights",
    "setting",
    "metric",
    "alone_metric_change",
    "alone_metric_change_low95",
    "alone_metric_change_high95",
    "alone_broken",
    "alone_fixed",
    "alone_loss_change_nats",
    "alone_kl_nats",
    "all_but_metric_won_back",
    "all_but_metric_won_back_low95",
    "all_but_metric_won_back_high95",
    "all_but_kl_nats",
    "sqnr_db",
    "mse",
    "hessian_trace",
    "mse_times_hessian_trace",
    "bits_per_weight",
    "samples",
    "samples_are",
    "refused",
];

/// Of every cell; what is all layers together has no layer.
pub(super) fn table_of(sensed: &Sensed) -> Table {
    let found = &sensed.found;
    let mut table = Table::new(&HEADER);
    for (column_idx, column) in found.columns.iter().enumerate() {
        let spec = column.choice.to_string();
        let metric = metric_id(found.metric).to_owned();
        for (layer_idx, layer) in found.layers.iter().enumerate() {
            let n_weights = layer.n_weights.to_string();
            let mut row = vec![layer.name.clone(), n_weights, spec.clone(), metric.clone()];
            match column.cells.get(layer_idx) {
                Some(Ok(cell)) => row.extend(of_cell(sensed, cell, (layer_idx, column_idx))),
                Some(Err(reason)) => {
                    row.resize(HEADER.len() - 1, String::new());
                    row.push(reason.clone());
                }
                None => row.resize(HEADER.len(), String::new()),
            }
            table.rows.push(row);
        }
        let n_weights: usize = found.layers.iter().map(|layer| layer.n_weights).sum();
        let mut row = vec!["(all)".to_owned(), n_weights.to_string(), spec, metric];
        row.extend(of_tally(found.metric, &column.everything));
        row.resize(HEADER.len() - 3, String::new());
        row.extend([column.everything.n_rows.to_string(), sensed.told.clone(), String::new()]);
        table.rows.push(row);
    }
    table
}

/// Everything behind the name of the metric.
fn of_cell(
    sensed: &Sensed,
    cell: &Cell,
    (layer_idx, column_idx): (usize, usize),
) -> impl Iterator<Item = String> {
    let found = &sensed.found;
    let number = |x: Option<f64>| x.map_or_else(String::new, |x| x.to_string());
    let won = cell.regained.change(found.metric);
    let trace = found.curvature.get(layer_idx).copied().flatten();
    let product = found.predicted(Predictor::MseTrace, (layer_idx, column_idx));
    let weights = cell.weights;
    let bits = weights.storage_bits as f64 / weights.n_weights.max(1) as f64;
    let rest = [
        won.value.to_string(),
        won.ci95.0.to_string(),
        won.ci95.1.to_string(),
        cell.all_but.kl().value.to_string(),
        number(weights.sqnr().db()),
        weights.mse().to_string(),
        number(trace.map(|curvature| curvature.trace)),
        number(product),
        bits.to_string(),
        cell.alone.n_rows.to_string(),
        sensed.told.clone(),
        String::new(),
    ];
    of_tally(found.metric, &cell.alone).into_iter().chain(rest)
}

/// What the changes of the metric are counted in.
fn metric_id(metric: Metric) -> &'static str {
    match metric {
        Metric::Top1 => "top1_share",
        Metric::Perplexity => "perplexity",
        Metric::Agreement => "agreement_share",
    }
}

fn of_tally(metric: Metric, tally: &Tally) -> [String; 7] {
    let change = tally.change(metric);
    let flips = |n: usize| if metric == Metric::Top1 { n.to_string() } else { String::new() };
    [
        change.value.to_string(),
        change.ci95.0.to_string(),
        change.ci95.1.to_string(),
        flips(tally.paired.broken),
        flips(tally.paired.fixed),
        tally.loss_change(metric).map_or_else(String::new, |loss| loss.value.to_string()),
        tally.kl().value.to_string(),
    ]
}
