//! The list for other programs, in its order.

use std::time::UNIX_EPOCH;

use super::recipes::{Labels, Recipes, origin_name};
use crate::session::Session;
use crate::ui::table::Table;

pub(super) fn table_of(
    session: &Session,
    recipes: &Recipes,
    (rows, labels): (&[usize], &Labels),
) -> Table {
    let mut table = Table::new(&[
        "recipe",
        "stored_bytes",
        "bits_per_weight",
        "metric",
        "value",
        "low95",
        "high95",
        "critical_class",
        "critical_recall",
        "critical_recall_low95",
        "critical_recall_high95",
        "samples",
        "sample_set",
        "made",
        "first_measured_unix_seconds",
        "on_front",
        "pinned",
        "present",
    ]);
    let set = session.samples().map_or_else(String::new, |samples| samples.name.clone());
    let class = session.critical_class().unwrap_or_default();
    let number = |x: Option<f64>| x.map_or_else(String::new, |x| x.to_string());
    for recipe in rows.iter().filter_map(|&idx| recipes.list.get(idx)) {
        let accuracy = recipe.figures.accuracy;
        let when = recipe.tried.when.duration_since(UNIX_EPOCH).unwrap_or_default();
        table.rows.push(vec![
            labels.of(recipe.tried),
            recipe.tried.size.quantized_bytes.to_string(),
            number(recipe.tried.size.bits_per_weight),
            metric_id(accuracy.metric).to_owned(),
            accuracy.estimate.value.to_string(),
            accuracy.estimate.ci95.0.to_string(),
            accuracy.estimate.ci95.1.to_string(),
            if recipe.critical.is_some() { class.to_owned() } else { String::new() },
            number(recipe.critical.map(|recall| recall.value)),
            number(recipe.critical.map(|recall| recall.ci95.0)),
            number(recipe.critical.map(|recall| recall.ci95.1)),
            accuracy.n_samples.to_string(),
            set.clone(),
            origin_name(recipe.tried.origin).to_owned(),
            when.as_secs().to_string(),
            recipe.is_front.to_string(),
            recipe.tried.is_pinned.to_string(),
            recipes.is_present(recipe).to_string(),
        ]);
    }
    table
}

fn metric_id(metric: crate::eval::Metric) -> &'static str {
    match metric {
        crate::eval::Metric::Top1 => "top1_share",
        crate::eval::Metric::Perplexity => "perplexity",
        crate::eval::Metric::Agreement => "agreement_share",
    }
}
