//! How well what is cheap to know ranks what was measured: rank correlations, the pair of layers it
//! has most wrong, and the points themselves.

use egui::{Align2, Rect, RichText, ScrollArea, Sense, Ui, WidgetInfo, pos2, vec2};
use serde::{Deserialize, Serialize};

use super::Content;
use super::figure::{Figure, Mode, Shown, Value};
use super::hover::sqnr_text;
use super::matrix::short;
use super::scatter;
use crate::base::{fixed, scientific};
use crate::eval::{Effect, Misjudged, Predictor};
use crate::ui::theme::{self, Theme};

/// Which predictor, and at which candidate; all of them if `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Picked {
    predictor: usize,
    pub column: Option<usize>,
}

impl Picked {
    pub fn predictor(self) -> Predictor {
        Predictor::ALL.get(self.predictor).copied().unwrap_or(Predictor::Sqnr)
    }
}

const NAMES: [(&str, &str); 3] = [
    ("SQNR", "Signal-to-quantization-noise ratio of the weights, from none to the most noise"),
    ("MSE", "Mean squared error of the weights"),
    ("MSE × trace", "Mean squared error of the weights times the trace of the loss's Hessian"),
];

const NAME_WIDTH: f32 = 88.0;
const CELL_HEIGHT: f32 = 24.0;
const LEAST_CELL_WIDTH: f32 = 40.0;

/// What harm is, wherever the table shows something else.
pub(super) fn harm_shown(content: &Content) -> Shown {
    let shown = content.digest.shown;
    let figure = match shown.effect() {
        Effect::Metric => Figure::Metric,
        Effect::Loss => Figure::Loss,
        Effect::Kl => Figure::Kl,
    };
    Shown { figure, mode: Mode::Alone, ..shown }
}

/// Draws correlations, sentence and points.
pub(super) fn predict_ui(ui: &mut Ui, content: &Content, picked: &mut Picked) {
    let theme = Theme::of(ui);
    let n_columns = content.digest.sensed.found.columns.len();
    picked.column = picked.column.filter(|idx| *idx < n_columns);
    let room = ui.max_rect().shrink2(vec2(theme::PANEL_MARGIN, 6.0));
    let mut inner = ui.new_child(egui::UiBuilder::new().id_salt("predict").max_rect(room));
    let ui = &mut inner;
    ui.horizontal(|ui| {
        let title = RichText::new("What predicts it").font(theme::title(12.0)).color(theme.text);
        ui.label(title);
        let what = match harm_shown(content).figure {
            Figure::Metric | Figure::Bits => "metric",
            Figure::Loss => "loss",
            Figure::Kl => "KL",
        };
        let text = format!("rank correlation with the harm by {what}");
        let help = "Spearman's ρ over layers, each quantized alone: 1 ranks them as measured, 0 not at all, −1 the other way";
        let hint = egui::Label::new(RichText::new(text).color(theme.hint)).truncate();
        ui.add(hint).on_hover_text(help);
    });
    correlations_ui(ui, content, picked);
    ui.add_space(4.0);
    let sentence = sentence(content, *picked);
    let label = egui::Label::new(RichText::new(&sentence).color(theme.text)).wrap();
    ui.add(label).on_hover_text("Of all pairs of layers that these samples tell apart (their 95 % intervals do not overlap), the one whose measured harm differs most against the predictor's order");
    scatter::scatter_ui(ui, content, *picked);
}

fn correlations_ui(ui: &mut Ui, content: &Content, picked: &mut Picked) {
    let theme = Theme::of(ui);
    let columns = &content.digest.sensed.found.columns;
    let n_cells = columns.len() + 1;
    let width = (ui.available_width() - NAME_WIDTH) / n_cells as f32;
    let width = width.floor().clamp(LEAST_CELL_WIDTH, 72.0);
    let size = vec2(NAME_WIDTH + width * n_cells as f32, 4.0 * CELL_HEIGHT + 4.0);
    ScrollArea::horizontal().id_salt("correlations").show(ui, |ui| {
        let (rect, _) = ui.allocate_exact_size(size, Sense::hover());
        let cell = |row: usize, column: usize| {
            let at = vec2(NAME_WIDTH + column as f32 * width, row as f32 * CELL_HEIGHT);
            Rect::from_min_size(rect.min + at, vec2(width, CELL_HEIGHT))
        };
        let small = theme::mono(11.0);
        for column in 0..n_cells {
            let text = match columns.get(column).map(|column| &column.choice) {
                Some(choice) => {
                    choice.bits().map_or_else(|| short(choice), |bits| bits.to_string())
                }
                None => "all".to_owned(),
            };
            let at = cell(0, column).center();
            ui.painter().text(at, Align2::CENTER_CENTER, text, small.clone(), theme.label);
        }
        let bits = pos2(rect.left(), cell(0, 0).center().y);
        ui.painter().text(bits, Align2::LEFT_CENTER, "bits", theme::text(11.0), theme.label);
        for (row, (name, help)) in NAMES.into_iter().enumerate() {
            let left = Rect::from_min_size(
                pos2(rect.left(), cell(row + 1, 0).top()),
                vec2(NAME_WIDTH, CELL_HEIGHT),
            );
            let at = left.left_center();
            let ink = theme.text;
            ui.painter().text(at, Align2::LEFT_CENTER, name, theme::text(12.0), ink);
            ui.interact(left, ui.scope_id().with(("of", row)), Sense::hover()).on_hover_text(help);
            for column in 0..n_cells {
                let of_all = column + 1 == n_cells;
                let wanted = Picked { predictor: row, column: (!of_all).then_some(column) };
                let value = content.digest.correlations[row].get(column).copied().flatten();
                let at = columns.get(column).map(|column| short(&column.choice));
                let name = format!("{name} at {}", at.as_deref().unwrap_or("all candidates"));
                let place = cell(row + 1, column);
                if correlation_ui(ui, place, (&name, value), *picked == wanted) {
                    *picked = wanted;
                }
            }
        }
    });
}

/// A coefficient; whether it was clicked.
fn correlation_ui(
    ui: &Ui,
    rect: Rect,
    (name, value): (&str, Option<f64>),
    is_picked: bool,
) -> bool {
    let theme = Theme::of(ui);
    let response = ui.interact(rect, ui.scope_id().with(name), Sense::click());
    let text = value.map_or_else(|| "–".to_owned(), |value| fixed(value, 2));
    response.widget_info(|| {
        let name = format!("{name}: {text}");
        WidgetInfo::selected(egui::Role::Button, true, is_picked, name)
    });
    let place = rect.shrink(1.0);
    if is_picked {
        ui.painter().rect_filled(place, 3, theme.selected);
        let stroke = egui::Stroke::new(1.0, theme.accent);
        ui.painter().rect_stroke(place, 3, stroke, egui::StrokeKind::Inside);
    } else if response.hovered() {
        ui.painter().rect_filled(place, 3, theme.hover);
    }
    let ink = if value.is_some() { theme.text } else { theme.hint };
    ui.painter().text(rect.center(), Align2::CENTER_CENTER, &text, theme::mono(12.0), ink);
    let help = match value {
        Some(_) => format!("{name}: Spearman's ρ = {text}. Click to see the points"),
        None => format!("{name}: fewer than three layers, or all alike"),
    };
    response.on_hover_cursor(egui::CursorIcon::PointingHand).on_hover_text(help).clicked()
}

/// The pair that is most wrong at the candidate picked, or of all candidates.
pub(super) fn misjudged(content: &Content, picked: Picked) -> Option<Misjudged> {
    let found = &content.digest.sensed.found;
    let pairs = content.digest.misjudged.get(picked.predictor)?;
    let is_asked = |pair: &&Misjudged| picked.column.is_none_or(|idx| idx == pair.column_idx);
    let harm = |layer_idx: usize, column_idx: usize| {
        let cell = found.cell(layer_idx, column_idx)?;
        content.digest.shown.effect().harm(cell, found.metric)
    };
    let by = |pair: &Misjudged| {
        let [worse, better] = [pair.worse, pair.better].map(|idx| harm(idx, pair.column_idx));
        worse.unwrap_or_default() - better.unwrap_or_default()
    };
    pairs.iter().flatten().filter(is_asked).max_by(|a, b| by(a).total_cmp(&by(b))).copied()
}

/// Where the predictor misleads, in a sentence.
fn sentence(content: &Content, picked: Picked) -> String {
    let name = NAMES.get(picked.predictor).map_or("", |(name, _)| name);
    let found = &content.digest.sensed.found;
    let Some(pair) = misjudged(content, picked) else {
        return format!(
            "{name} puts no two layers in the wrong order that these samples tell apart."
        );
    };
    let Some(column) = found.columns.get(pair.column_idx) else { return String::new() };
    let layer = |idx: usize| found.layers.get(idx).map_or("", |layer| layer.name.as_str());
    let predictor = picked.predictor();
    let predicted = |idx: usize| predicted_text(content, predictor, (idx, pair.column_idx));
    let shown = harm_shown(content);
    let cost = |idx: usize| {
        let value = found.cell(idx, pair.column_idx).and_then(|cell| shown.cell(cell, column));
        value.map_or_else(String::new, |Value { value, .. }| {
            format!("{} {}", shown.text(value), shown.unit()).trim_end().to_owned()
        })
    };
    let (calls_best, costs_most) = extremes(content, predictor, pair);
    let says = match (predictor, calls_best) {
        (Predictor::Sqnr, true) => "the best SQNR",
        (Predictor::Sqnr, false) => "the better SQNR",
        (_, true) => "the smallest error",
        (_, false) => "the smaller error",
    };
    let does = match (shown.figure, costs_most) {
        (Figure::Metric | Figure::Bits, true) => "the largest loss",
        (Figure::Metric | Figure::Bits, false) => "the larger loss",
        (_, true) => "the largest change",
        (_, false) => "the larger change",
    };
    format!(
        "{name} misleads at {}: {} has {says} ({}) and {does} ({}); {} has {} and {}.",
        short(&column.choice),
        layer(pair.worse),
        predicted(pair.worse),
        cost(pair.worse),
        layer(pair.better),
        predicted(pair.better),
        cost(pair.better),
    )
}

/// Whether the worse layer is the one called safest of all, and the one that does most harm.
fn extremes(content: &Content, predictor: Predictor, pair: Misjudged) -> (bool, bool) {
    let found = &content.digest.sensed.found;
    let effect = content.digest.shown.effect();
    let place = |idx: usize| (idx, pair.column_idx);
    let predicted = |idx: usize| found.predicted(predictor, place(idx));
    let harm = |idx: usize| effect.harm(found.cell(idx, pair.column_idx)?, found.metric);
    let (own_predicted, own_harm) = (predicted(pair.worse), harm(pair.worse));
    let all = 0..found.layers.len();
    let is_best = all.clone().filter_map(predicted).all(|other| Some(other) >= own_predicted);
    let is_most = all.filter_map(harm).all(|other| Some(other) <= own_harm);
    (is_best, is_most)
}

/// What a predictor says of a cell, with its unit.
pub(super) fn predicted_text(
    content: &Content,
    predictor: Predictor,
    (layer_idx, column_idx): (usize, usize),
) -> String {
    let found = &content.digest.sensed.found;
    match predictor {
        Predictor::Sqnr => {
            let cell = found.cell(layer_idx, column_idx);
            cell.map_or_else(String::new, |cell| sqnr_text(cell.weights.sqnr()))
        }
        Predictor::Mse | Predictor::MseTrace => {
            let value = found.predicted(predictor, (layer_idx, column_idx));
            value.map_or_else(|| "–".to_owned(), |value| scientific(value, 2))
        }
    }
}
