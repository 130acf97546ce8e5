//! Everything about a cell, under the pointer.

use egui::{Color32, RichText, Ui};

use super::Content;
use super::figure::{Figure, Mode, Shown, Value};
use super::matrix::short;
use crate::base::{counted, fixed, scientific, significant, thousands};
use crate::eval::{Cell, Column, Estimate, Metric, Predictor, Sqnr, Tally};
use crate::ui::theme::{self, Theme};
use crate::ui::widgets::figure_table;

/// A layer under a candidate.
pub(super) fn cell_ui(
    ui: &mut Ui,
    content: &Content,
    (layer_idx, column_idx): (usize, usize),
    (is_present, is_locked): (bool, bool),
) {
    let theme = Theme::of(ui);
    let found = &content.digest.sensed.found;
    let (Some(layer), Some(column)) = (found.layers.get(layer_idx), found.columns.get(column_idx))
    else {
        return;
    };
    head_ui(ui, &format!("{} at {}", layer.name, short(&column.choice)));
    ui.label(RichText::new(column.choice.to_string()).font(theme::mono(11.0)).color(theme.hint));
    let cell = match column.cells.get(layer_idx) {
        Some(Ok(cell)) => cell,
        Some(Err(reason)) => {
            ui.label(RichText::new(format!("✕ {reason}")).color(theme.bad));
            return;
        }
        None => return,
    };
    let rows = changes(found.metric, cell, column).chain(errors(content, (layer_idx, column_idx)));
    let ink = |(name, value): (&'static str, String)| (name, value, theme.text);
    figure_table(ui, "cell", rows.map(ink));
    let what = match (is_present, is_locked) {
        (true, _) => "The layer is quantized so now.",
        (_, true) => "The layer is locked: unlock it to change it.",
        _ => "Click to quantize the layer so.",
    };
    let ink = if is_present { theme.accent } else { theme.hint };
    ui.label(RichText::new(what).color(ink));
}

/// Every layer under a candidate.
pub(super) fn everything_ui(ui: &mut Ui, content: &Content, column_idx: usize) {
    let theme = Theme::of(ui);
    let found = &content.digest.sensed.found;
    let Some(column) = found.columns.get(column_idx) else { return };
    head_ui(ui, &format!("Every layer at {}", short(&column.choice)));
    let bits = Shown { figure: Figure::Bits, mode: Mode::Alone, metric: found.metric };
    let bits = bits.everything(column).map(|value| ("Bits per weight", fixed(value.value, 2)));
    let rows = tally_rows(found.metric, &column.everything).chain(bits);
    let rows = rows.chain([samples_row(&column.everything)]);
    let ink = |(name, value): (&'static str, String)| (name, value, theme.text);
    figure_table(ui, "everything", rows.map(ink));
}

/// A layer.
pub(super) fn layer_ui(ui: &mut Ui, content: &Content, layer_idx: usize) {
    let theme = Theme::of(ui);
    let found = &content.digest.sensed.found;
    let Some(layer) = found.layers.get(layer_idx) else { return };
    head_ui(ui, &layer.name);
    let trace = found.curvature.get(layer_idx).copied().flatten();
    let trace = trace.map(|curvature| {
        let reach = significant(1.96 * curvature.standard_error, 2);
        ("Hessian trace", format!("{} ±{reach}", significant(curvature.trace, 3)))
    });
    let rows = [("Weights", thousands(layer.n_weights))].into_iter().chain(trace);
    let ink = |(name, value): (&'static str, String)| -> (&'static str, String, Color32) {
        (name, value, theme.text)
    };
    figure_table(ui, "layer", rows.map(ink));
    let n = counted(found.n_curvature_samples, "sample");
    let note =
        format!("The trace of the loss's Hessian is estimated on {n}, with its 95 % interval.");
    ui.label(RichText::new(note).color(theme.hint));
}

fn head_ui(ui: &mut Ui, text: &str) {
    let theme = Theme::of(ui);
    ui.label(RichText::new(text).font(theme::title(12.0)).color(theme.text));
}

type Row = (&'static str, String);

/// What changes with the layer quantized alone, and what is won back without it.
fn changes(metric: Metric, cell: &Cell, column: &Column) -> impl Iterator<Item = Row> + use<> {
    let shown = |figure| Shown { figure, mode: Mode::AllBut, metric };
    let regained = shown(Figure::Metric);
    let regained = regained.cell(cell, column).map(|value| regained.full_text(value));
    tally_rows(metric, &cell.alone)
        .chain(regained.map(|text| ("Won back, all but it", text)))
        .chain([samples_row(&cell.alone)])
}

fn tally_rows(metric: Metric, tally: &Tally) -> impl Iterator<Item = Row> + use<> {
    let text = |figure, Estimate { value, ci95 }: Estimate| {
        let shown = Shown { figure, mode: Mode::Alone, metric };
        shown.full_text(Value { value, ci95: Some(ci95), harm: 0.0 })
    };
    let name = match metric {
        Metric::Top1 => "Top-1",
        Metric::Perplexity => "Perplexity",
        Metric::Agreement => "Agreement with float",
    };
    let flips = (metric == Metric::Top1).then(|| {
        let (broken, fixed) = (thousands(tally.paired.broken), thousands(tally.paired.fixed));
        ("Broken / fixed", format!("{broken} / {fixed}"))
    });
    let loss = tally.loss_change(metric).map(|loss| ("Loss", text(Figure::Loss, loss)));
    [
        Some((name, text(Figure::Metric, tally.change(metric)))),
        flips,
        loss,
        Some(("KL from float", text(Figure::Kl, tally.kl()))),
    ]
    .into_iter()
    .flatten()
}

fn samples_row(tally: &Tally) -> Row {
    ("Samples", thousands(tally.n_rows))
}

/// What the candidate does to the weights.
fn errors(
    content: &Content,
    (layer_idx, column_idx): (usize, usize),
) -> impl Iterator<Item = Row> + use<> {
    let found = &content.digest.sensed.found;
    let weights = found.cell(layer_idx, column_idx).map(|cell| cell.weights);
    let product = found.predicted(Predictor::MseTrace, (layer_idx, column_idx));
    let product = product.map(|product| ("MSE × Hessian trace", scientific(product, 3)));
    let of_weights = weights.into_iter().flat_map(|weights| {
        let bits = weights.storage_bits as f64 / weights.n_weights.max(1) as f64;
        [
            ("SQNR", sqnr_text(weights.sqnr())),
            ("MSE", scientific(weights.mse(), 3)),
            ("Bits per weight", fixed(bits, 2)),
        ]
    });
    of_weights.chain(product)
}

pub(super) fn sqnr_text(sqnr: Sqnr) -> String {
    match sqnr {
        Sqnr::Db(db) => format!("{} dB", fixed(db, 1)),
        other => other.case().unwrap_or_default().to_owned(),
    }
}
