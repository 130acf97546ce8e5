//! Accuracy in a report: tiles, intervals, recall by class, the critical one first.

use super::data::OnSamples;
use super::html::{Column, Page, Row};
use super::plots::{MAX_CLASSES, accuracy_chart, difference_chart, recall_chart};
use super::words::{
    difference_unit, ends_text, metric_name, metric_text, p_text, signed, signed_ends, sqnr_text,
    value_text,
};
use crate::base::{counted, fixed, percent, significant, thousands};
use crate::eval::{Estimate, Metric, Recall, TOLERATED_LOSS};

/// The critical class first; without one float has a tile of its own.
pub(super) fn put_accuracy_tiles(page: &mut Page, on: &OnSamples) {
    let accuracy = &on.accuracy;
    let metric = accuracy.metric;
    let ends = |ends| format!("95 %: {}", ends_text(metric, ends));
    let difference = accuracy.comparison.as_ref().and_then(|c| c.difference);
    let critical = critical(on);
    if let Some((name, recall)) = critical {
        let (estimate, more) = match difference {
            Some(_) => {
                let before = value_text(metric, recall.float.value);
                (recall.quantized, vec![format!("float {before}")])
            }
            None => (recall.float, Vec::new()),
        };
        let lines: Vec<String> = [ends(estimate.ci95)].into_iter().chain(more).collect();
        page.tile(&format!("Recall of {name}"), &value_text(metric, estimate.value), &lines);
    }
    let name = metric_name(metric);
    let before = accuracy.float.map(|float| format!("float {}", value_text(metric, float.value)));
    match (accuracy.float, accuracy.quantized) {
        (_, Some(after)) if critical.is_some() => {
            let lines: Vec<String> = [ends(after.ci95)].into_iter().chain(before).collect();
            page.tile(name, &value_text(metric, after.value), &lines);
        }
        (float, quantized) => {
            for (which, estimate) in [("float", float), ("quantized", quantized)] {
                if let Some(estimate) = estimate {
                    let value = value_text(metric, estimate.value);
                    page.tile(&format!("{name}, {which}"), &value, &[ends(estimate.ci95)]);
                }
            }
        }
    }
    if let Some(difference) = difference {
        let value = format!("{}{}", signed(metric, difference.value), difference_unit(metric));
        let lines = [format!("95 %: {}", signed_ends(metric, difference.ci95))];
        page.tile("Difference", &value, &lines);
    }
}

/// The critical class and its recall, if the set has samples of it.
pub(super) fn critical(on: &OnSamples) -> Option<(&str, &Recall)> {
    let name = on.critical.as_deref()?;
    Some((name, on.accuracy.class_recall(name)?))
}

pub(super) fn put_accuracy(page: &mut Page, on: &OnSamples) {
    let accuracy = &on.accuracy;
    page.heading("Accuracy");
    page.legend();
    page.raw("<div class=\"pair\">\n");
    page.figure(
        &accuracy_chart(on),
        &format!("{} with 95 % intervals", metric_name(accuracy.metric)),
    );
    if let Some(chart) = difference_chart(on) {
        page.figure(&chart, "Quantized minus float, with its 95 % interval");
    }
    page.raw("</div>\n");
    let mut rows = Vec::new();
    let mut put = |name, text| rows.push((name, text));
    let metric = accuracy.metric;
    let shown = |estimate| metric_text(metric, estimate);
    if let Some((name, recall)) = critical(on) {
        put("Critical class", name.to_owned());
        put("Its recall, float", metric_text(Metric::Top1, recall.float));
        if accuracy.comparison.is_some() {
            put("Its recall, quantized", metric_text(Metric::Top1, recall.quantized));
            put("Its difference", difference_text(Metric::Top1, recall.difference));
        }
    }
    put("Float", accuracy.float.map(shown).unwrap_or_default());
    put("Quantized", accuracy.quantized.map(shown).unwrap_or_default());
    if let Some(top5) = accuracy.top5 {
        let shown = |estimate| metric_text(Metric::Top1, estimate);
        put("Top-5, float", shown(top5.float));
        put("Top-5, quantized", top5.quantized.map(shown).unwrap_or_default());
    }
    if let Some(comparison) = &accuracy.comparison {
        let difference = comparison.difference.map(|found| difference_text(metric, found));
        let count = |count: Option<usize>| count.map(thousands).unwrap_or_default();
        let p = comparison.mcnemar_p.map(|p| {
            let verdict = if p < 0.05 { "differs from float" } else { "not told apart from float" };
            format!("{} ({verdict})", p_text(p))
        });
        put("Difference", difference.unwrap_or_default());
        put("Broken (only float right)", count(comparison.broken));
        put("Fixed (only quantized right)", count(comparison.fixed));
        put("McNemar p", p.unwrap_or_default());
        put("Same answer", percent(comparison.agreement, 2));
        put("Mean KL", format!("{} nats", significant(comparison.kl_mean, 4)));
        put("SQNR of the outputs", sqnr_text(comparison.output_sqnr));
    }
    put("Tokens predicted", accuracy.n_tokens.map(thousands).unwrap_or_default());
    page.facts(&rows);
}

/// `−15.05 points (−17.60 … −12.67)`.
fn difference_text(metric: Metric, difference: Estimate) -> String {
    let (value, unit) = (signed(metric, difference.value), difference_unit(metric));
    format!("{value}{unit} ({})", signed_ends(metric, difference.ci95))
}

/// Classes by name, the critical one first.
fn classes(on: &OnSamples) -> Vec<(&str, &Recall)> {
    let accuracy = &on.accuracy;
    let mut classes: Vec<(&str, &Recall)> = accuracy
        .classes
        .iter()
        .filter_map(|class| Some((class.name.as_str(), accuracy.class_recall(&class.name)?)))
        .collect();
    classes.sort_by_key(|(name, _)| Some(*name) != on.critical.as_deref());
    classes
}

pub(super) fn put_recalls(page: &mut Page, on: &OnSamples) {
    let classes = classes(on);
    if classes.is_empty() {
        return;
    }
    let is_compared = on.accuracy.comparison.is_some();
    page.heading("Recall by class");
    if let Some((name, recall)) = critical(on) {
        put_critical(page, name, recall, is_compared);
    }
    let shown = classes.get(..MAX_CLASSES.min(classes.len())).unwrap_or_default();
    page.legend();
    let caption = match classes.len() > MAX_CLASSES {
        true => format!("The first {MAX_CLASSES} of {} classes; the table has all", classes.len()),
        false => "Share of a class’s samples that is recognized, with 95 % intervals".to_owned(),
    };
    page.figure(&recall_chart(shown, is_compared), &caption);
    let mut columns = vec![
        ("Class", Column::Name),
        ("Samples", Column::Number),
        ("Float", Column::Number),
        ("95 %", Column::Number),
    ];
    if is_compared {
        columns.extend([
            ("Quantized", Column::Number),
            ("95 %", Column::Number),
            ("Points", Column::Number),
            ("95 %", Column::Number),
        ]);
    }
    let rows: Vec<Row> = classes
        .iter()
        .map(|(name, recall)| {
            let is_critical = on.critical.as_deref() == Some(*name);
            let class = if is_critical { "critical" } else { "" };
            Row { class, cells: recall_cells(name, recall, is_compared) }
        })
        .collect();
    page.table(&columns, &rows, &[]);
}

fn recall_cells(name: &str, recall: &Recall, is_compared: bool) -> Vec<String> {
    let top1 = Metric::Top1;
    let ends = |ends| ends_text(top1, ends);
    let mut cells = vec![
        name.to_owned(),
        thousands(recall.n),
        value_text(top1, recall.float.value),
        ends(recall.float.ci95),
    ];
    if is_compared {
        cells.extend([
            value_text(top1, recall.quantized.value),
            ends(recall.quantized.ci95),
            signed(top1, recall.difference.value),
            signed_ends(top1, recall.difference.ci95),
        ]);
    }
    cells
}

fn put_critical(page: &mut Page, name: &str, recall: &Recall, is_compared: bool) {
    let missed = |hits: usize| thousands(recall.n.saturating_sub(hits));
    let of = counted(recall.n, "sample");
    if !is_compared {
        let text =
            format!("The critical class {name}: {} of {of} missed.", missed(recall.float_hits));
        return page.paragraph(&text);
    }
    page.paragraph(&format!(
        "The critical class {name}: {} of {of} missed in float, {} when quantized.",
        missed(recall.float_hits),
        missed(recall.quantized_hits)
    ));
    let worst = fixed(-100.0 * recall.difference.ci95.0, 1);
    if recall.may_lose_more_than(TOLERATED_LOSS) {
        let text =
            format!("of up to {worst} points of recall cannot be ruled out on so many samples.");
        page.warning("A loss", &text);
    } else {
        let text = "A loss of more than 1 point of recall is ruled out, with 95 % confidence.";
        page.element("p", "ruled-out", text);
    }
}
