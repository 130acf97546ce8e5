//! The recipe layer by layer in a report, with what it does to the weights.

use super::data::{LayerRow, ReportData};
use super::html::{Column, Page, Row};
use super::plots::{MAX_BARS, bits_chart, distribution_chart, sqnr_chart};
use super::words::sqnr_text;
use crate::base::{bytes, counted, fixed, percent, significant, thousands};

pub(super) fn put_layers(page: &mut Page, data: &ReportData) {
    page.heading("Layer by layer");
    put_rules(page, data);
    page.legend();
    if let Some(chart) = bits_chart(data) {
        page.figure(&chart, "Stored bits a weight; each layer as wide as its share of all weights");
    }
    let columns = [
        ("Layer", Column::Name),
        ("Weights", Column::Number),
        ("Scheme", Column::Code),
        ("Bits/weight", Column::Number),
        ("Size", Column::Number),
        ("SQNR, dB", Column::Number),
        ("MSE", Column::Number),
        ("Clipped", Column::Number),
    ];
    let rows: Vec<Row> = data.layers.iter().map(|layer| Row::new(layer_cells(layer))).collect();
    page.table(&columns, &rows, &total_rows(data));
    if let Some(chart) = sqnr_chart(data) {
        page.element("h3", "", "Error of the weights");
        let n_quantized = data.layers.iter().filter(|layer| !layer.keeps_float).count();
        let caption = match n_quantized > MAX_BARS {
            true => format!("The {MAX_BARS} layers with the lowest ratio, the worst first"),
            false => "Signal-to-quantization-noise ratio of each quantized layer; higher is better"
                .to_owned(),
        };
        page.figure(&chart, &caption);
    }
}

fn put_rules(page: &mut Page, data: &ReportData) {
    if data.rules.is_empty() {
        return;
    }
    let columns = [
        ("Layers named", Column::Code),
        ("Scheme", Column::Code),
        ("Governs", Column::Number),
        ("", Column::Text),
    ];
    let rows = data.rules.iter().map(|rule| {
        let otherwise = match (rule.n_layers, rule.n_otherwise) {
            (0, _) => "changes nothing".to_owned(),
            (_, 0) => String::new(),
            (_, n) => format!("{n} of them set otherwise"),
        };
        Row::new(vec![
            rule.pattern.clone(),
            rule.scheme.clone(),
            counted(rule.n_layers, "layer"),
            otherwise,
        ])
    });
    page.element("h3", "", "Rules, the first that matches governs");
    page.table(&columns, &rows.collect::<Vec<_>>(), &[]);
    page.element("h3", "", "Layers");
}

fn layer_cells(layer: &LayerRow) -> Vec<String> {
    let quantized = |text: String| if layer.keeps_float { String::new() } else { text };
    let sqnr = match layer.sqnr.db() {
        Some(db) => fixed(db, 2),
        None => sqnr_text(layer.sqnr),
    };
    vec![
        layer.name.clone(),
        thousands(layer.n_weights),
        layer.scheme.clone(),
        layer.bits_per_weight.map(|bits| fixed(bits, 2)).unwrap_or_default(),
        bytes(layer.n_bytes),
        quantized(sqnr),
        quantized(significant(layer.stats.mse(), 4)),
        quantized(percent(layer.stats.clipped_fraction(), 2)),
    ]
}

fn total_rows(data: &ReportData) -> Vec<Row> {
    let quantized: Vec<&LayerRow> = data.layers.iter().filter(|layer| !layer.keeps_float).collect();
    let layer_bytes: u64 = quantized.iter().map(|layer| layer.n_bytes).sum();
    let rest = data.size.quantized_bytes.saturating_sub(layer_bytes);
    let empty = String::new;
    let mut rows = Vec::new();
    if let Some(bits) = data.size.bits_per_weight {
        let n_weights = quantized.iter().map(|layer| layer.n_weights).sum();
        let db = data.total.sqnr().db().map(|db| fixed(db, 2));
        rows.push(Row::new(vec![
            "All quantized".to_owned(),
            thousands(n_weights),
            empty(),
            fixed(bits, 2),
            bytes(layer_bytes),
            db.unwrap_or_else(|| sqnr_text(data.total.sqnr())),
            significant(data.total.mse(), 4),
            percent(data.total.clipped_fraction(), 2),
        ]));
    }
    for (name, n_bytes) in [
        ("All else, in float", rest),
        ("Whole model, quantized", data.size.quantized_bytes),
        ("Whole model in float", data.size.float_bytes),
    ] {
        let mut cells = vec![name.to_owned(), empty(), empty(), empty(), bytes(n_bytes)];
        cells.resize(8, String::new());
        rows.push(Row::new(cells));
    }
    rows
}

pub(super) fn put_distributions(page: &mut Page, data: &ReportData) {
    if data.distributions.is_empty() {
        return;
    }
    page.element("h3", "", "Weights of the layers with the lowest ratio");
    page.legend();
    page.raw("<div class=\"pair\">\n");
    for weights in &data.distributions {
        let layer = data.layers.iter().find(|layer| layer.name == weights.layer);
        let sqnr = layer.map(|layer| sqnr_text(layer.sqnr)).unwrap_or_default();
        page.figure(&distribution_chart(weights, layer), &format!("{}, {sqnr}", weights.layer));
    }
    page.raw("</div>\n");
    page.note(
        "The area counts float weights in equal bins. Quantized ones are upright lines at their levels, as high as \
         float weights spread over the same width would stand, or an outline where levels are many.",
    );
}
