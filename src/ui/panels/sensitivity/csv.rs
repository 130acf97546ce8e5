//! All figures for other programs: a row a layer and candidate, the units in the head.

use crate::eval::{Metric, Predictor, Tally};
use crate::session::Sensed;
use crate::ui::table::Table;

/// Of every cell; what is all layers together has no layer.
pub(super) fn table_of(sensed: &Sensed) -> Table {
    let found = &sensed.found;
    let mut table = Table::new(&[
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
    ]);
    let number = |x: Option<f64>| x.map_or_else(String::new, |x| x.to_string());
    for (column_idx, column) in found.columns.iter().enumerate() {
        let spec = column.choice.to_string();
        for (layer_idx, (layer, cell)) in found.layers.iter().zip(&column.cells).enumerate() {
            let mut row = vec![
                layer.name.clone(),
                layer.n_weights.to_string(),
                spec.clone(),
                metric_id(found.metric).to_owned(),
            ];
            let trace = found.curvature.get(layer_idx).copied().flatten();
            match cell {
                Ok(cell) => {
                    row.extend(of_tally(found.metric, &cell.alone));
                    let won = cell.regained.change(found.metric);
                    row.extend([won.value, won.ci95.0, won.ci95.1].map(|x| x.to_string()));
                    let product = found.predicted(Predictor::MseTrace, (layer_idx, column_idx));
                    let weights = cell.weights;
                    let bits = weights.storage_bits as f64 / weights.n_weights.max(1) as f64;
                    row.extend([
                        cell.all_but.kl().value.to_string(),
                        number(weights.sqnr().db()),
                        weights.mse().to_string(),
                        number(trace.map(|curvature| curvature.trace)),
                        number(product),
                        bits.to_string(),
                        cell.alone.n_rows.to_string(),
                        sensed.told.clone(),
                        String::new(),
                    ]);
                }
                Err(reason) => {
                    row.resize(table.header.len() - 1, String::new());
                    row.push(reason.clone());
                }
            }
            table.rows.push(row);
        }
        let mut row = vec![
            "(all)".to_owned(),
            found.layers.iter().map(|layer| layer.n_weights).sum::<usize>().to_string(),
            spec,
            metric_id(found.metric).to_owned(),
        ];
        row.extend(of_tally(found.metric, &column.everything));
        row.resize(table.header.len() - 3, String::new());
        row.extend([column.everything.n_rows.to_string(), sensed.told.clone(), String::new()]);
        table.rows.push(row);
    }
    table
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
