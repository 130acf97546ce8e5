//! The sections of a report, in the order they are read.

use super::accuracy::{critical, put_accuracy, put_accuracy_tiles, put_recalls};
use super::data::{FileFacts, Measured, ModelFacts, ReportData, SampleFacts};
use super::html::{Column, Page, Row};
use super::layers::{put_distributions, put_layers};
use super::words::{command_lines, definitions, limits, metric_name, sqnr_text, value_text};
use crate::base::{bytes, counted, fixed, percent, thousands};
use crate::chart::escape;
use crate::eval::{TOLERATED_LOSS, Task};
use crate::model::FoldMode;

pub(super) fn put_all(page: &mut Page, data: &ReportData) {
    put_head(page, data);
    put_summary(page, data);
    put_subject(page, data);
    match &data.measured {
        Measured::On(on) => {
            put_accuracy(page, on);
            put_recalls(page, on);
        }
        Measured::Not(reason) => {
            page.heading("Accuracy");
            page.paragraph(&format!("Accuracy was not measured: {reason}."));
        }
    }
    put_layers(page, data);
    put_distributions(page, data);
    put_limits(page, data);
    put_method(page, data);
    put_recipe(page, data);
}

fn put_head(page: &mut Page, data: &ReportData) {
    page.raw("<header>\n");
    page.element("p", "kicker", "Quantization report");
    page.element("h1", "", &data.model.title);
    let meta = format!("{} · Quantscope {} · {}", data.made, data.version, data.model.reference);
    page.element("p", "meta", &meta);
    page.raw("</header>\n");
}

fn put_summary(page: &mut Page, data: &ReportData) {
    page.element("p", "lead", &summary(data));
    page.raw("<div class=\"tiles\">\n");
    let bits = data.size.bits_per_weight.map(|bits| format!("{} bits a weight", fixed(bits, 2)));
    let before = format!("{} in float", bytes(data.size.float_bytes));
    let size_lines: Vec<String> = bits.into_iter().chain([before]).collect();
    if let Measured::On(on) = &data.measured {
        put_accuracy_tiles(page, on);
    }
    page.tile("Size", &bytes(data.size.quantized_bytes), &size_lines);
    if matches!(data.measured, Measured::Not(_)) && data.is_quantized() {
        let more = "of all quantized weights".to_owned();
        page.tile("SQNR", &sqnr_text(data.total.sqnr()), &[more]);
    }
    page.raw("</div>\n");
    put_warnings(page, data);
}

fn summary(data: &ReportData) -> String {
    let n_quantized = data.layers.iter().filter(|layer| !layer.keeps_float).count();
    let share = data.size.quantized_bytes as f64 / data.size.float_bytes.max(1) as f64;
    let size = match n_quantized {
        0 => "No layer is quantized: this is the float model.".to_owned(),
        n => format!(
            "With {n} of {} quantized as listed below, the model takes {} instead of {} ({}).",
            counted(data.layers.len(), "layer"),
            bytes(data.size.quantized_bytes),
            bytes(data.size.float_bytes),
            percent(share, 1)
        ),
    };
    let Measured::On(on) = &data.measured else {
        return format!("{size} Accuracy was not measured.");
    };
    let accuracy = &on.accuracy;
    let on_what = format!("{} of {}", counted(accuracy.n_samples, "sample"), on.set.name);
    let before = accuracy.float.map(|float| value_text(accuracy.metric, float.value));
    let after = accuracy.quantized.map(|after| value_text(accuracy.metric, after.value));
    let name = metric_name(accuracy.metric);
    match (before, after) {
        (Some(before), Some(after)) => {
            format!("{size} {name} on {on_what} goes from {before} to {after}.")
        }
        (Some(value), None) | (None, Some(value)) => {
            format!("{size} {name} on {on_what} is {value}.")
        }
        (None, None) => size,
    }
}

fn put_warnings(page: &mut Page, data: &ReportData) {
    match &data.measured {
        Measured::Not(reason) => page.warning("Accuracy was not measured:", &format!("{reason}.")),
        Measured::On(on) => {
            if let Some((name, recall)) = critical(on)
                && on.accuracy.comparison.is_some()
                && recall.may_lose_more_than(TOLERATED_LOSS)
            {
                let worst = fixed(-100.0 * recall.difference.ci95.0, 1);
                let text = format!(
                    "on {} of it, a loss of up to {worst} points of recall cannot be ruled out.",
                    counted(recall.n, "sample")
                );
                page.warning(&format!("Critical class {name}:"), &text);
            }
            if on.set.split != "eval" {
                let text = format!(
                    "{} is a set for {}, not one that was held apart to judge. Figures on it are too good.",
                    on.set.name,
                    if on.set.split == "train" { "training" } else { "calibration" }
                );
                page.warning("Not a test set:", &text);
            }
        }
    }
    for warning in &data.warnings {
        page.warning("Note:", warning);
    }
}

fn put_subject(page: &mut Page, data: &ReportData) {
    page.heading("Model and samples");
    page.element("h3", "", "Model");
    page.facts(&model_facts(&data.model));
    if let Measured::On(on) = &data.measured {
        page.element("h3", "", "Sample set");
        page.facts(&sample_facts(&on.set, on.accuracy.n_samples));
    }
}

fn model_facts(model: &ModelFacts) -> Vec<(&'static str, String)> {
    let print = &model.fingerprint;
    let folding = match (model.fold_mode, model.n_folded) {
        (_, 0) => String::new(),
        (FoldMode::Fold, n) => format!("{n} folded into the layer before"),
        (FoldMode::Keep, n) => format!("{n} folded"),
    };
    let mut rows = vec![("Named", model.reference.clone())];
    rows.extend(model.files.iter().map(|file| ("File", file_text(file))));
    rows.extend([
        (
            "Format",
            format!(
                "{}, {}, {}",
                print.format,
                counted(print.tensors, "tensor"),
                bytes(print.bytes)
            ),
        ),
        ("Fingerprint", format!("{} (SHA-256 over {})", print.sha256, print.covers)),
        ("Parameters", thousands(model.n_parameters)),
        ("Batch normalization", folding),
    ]);
    for (name, text) in &model.card {
        let name = match *name {
            "description" => "Description",
            "data" => "Data, as its card says",
            "trained" => "Training, as its card says",
            "stated metric" => "Stated metric",
            "critical class" => "Critical class",
            "licence" => "Licence",
            _ => "Source",
        };
        rows.push((name, text.clone()));
    }
    rows
}

fn file_text(file: &FileFacts) -> String {
    match &file.sha256 {
        Some(sum) => format!("{}, {}, SHA-256 {sum}", file.name, bytes(file.n_bytes)),
        None => format!("{}, could not be read again for its sum", file.name),
    }
}

fn sample_facts(set: &SampleFacts, n_run: usize) -> Vec<(&'static str, String)> {
    let task = match set.task {
        Task::Classification => "classification",
        Task::LanguageModel => "prediction of the next token",
    };
    let count = match set.limit {
        Some(_) => format!(
            "{} of {}: the first of a seeded, class-balanced order",
            thousands(n_run),
            thousands(set.n_samples)
        ),
        None => format!("{}, all of the set", thousands(n_run)),
    };
    let classes = set.n_classes.map(|n| format!("{n}")).unwrap_or_default();
    let labels = match (set.task, set.has_labels) {
        (Task::Classification, false) => "none: answers are compared with those of the float model",
        _ => "",
    };
    vec![
        ("Set", set.name.clone()),
        ("File", set.file.as_ref().map(file_text).unwrap_or_default()),
        ("Split", set.split.to_owned()),
        ("Task", task.to_owned()),
        ("Samples run", count),
        ("Classes", classes),
        ("Labels", labels.to_owned()),
        ("Licence", set.licence.clone().unwrap_or_default()),
        ("Source", set.source.clone().unwrap_or_default()),
    ]
}

fn put_limits(page: &mut Page, data: &ReportData) {
    page.heading("Limits of validity");
    page.raw("<dl>\n");
    for (name, text) in limits(data) {
        page.element("dt", "", name);
        page.element("dd", "", &text);
    }
    page.raw("</dl>\n");
}

fn put_method(page: &mut Page, data: &ReportData) {
    page.heading("How it was computed");
    let columns =
        [("Figure", Column::Name), ("Definition", Column::Text), ("Source", Column::Text)];
    let rows: Vec<Row> = definitions(data)
        .into_iter()
        .map(|row| Row::new(row.map(str::to_owned).to_vec()))
        .collect();
    page.table(&columns, &rows, &[]);
    page.element("h3", "", "To get the same figures again");
    page.paragraph(
        "Save the recipe below as recipe.json beside the model and the samples. The same program version on the \
         same files gives the same figures, whatever the number of threads.",
    );
    page.raw("<pre>");
    page.raw(&escape(&command_lines(data).join("\n")));
    page.raw("</pre>\n");
}

fn put_recipe(page: &mut Page, data: &ReportData) {
    page.heading("Recipe");
    page.raw("<pre>");
    page.raw(&escape(data.recipe.trim_end()));
    page.raw("</pre>\n");
    page.note(
        "All figures of this report also lie in the page as JSON, in the element quantscope-data, under the names \
         that eval --json and error --json give them.",
    );
}
