//! The table of what every estimator chooses.

use egui::{RichText, Sense, Ui};
use egui_extras::{Column, TableBuilder};

use super::Shown;
use crate::base::{fixed, percent, scientific};
use crate::eval::Sqnr;
use crate::quant::ChoiceSpec;
use crate::session::{Estimates, EstimatorChoice};
use crate::ui::range_name::range_name;
use crate::ui::table::Table;
use crate::ui::theme::{self, Theme};
use crate::ui::widgets::{name_it, number};

/// Title, explanation, and width of the columns after the name.
const COLUMNS: [(&str, &str, f32); 5] = [
    (
        "Threshold",
        "Where the range ends: the larger magnitude of its ends, on the scale of the weights",
        92.0,
    ),
    ("of absmax", "The threshold as a share of the largest |weight|", 80.0),
    (
        "SQNR, dB",
        "Signal to quantization noise, 10·log₁₀(Σx²/Σ(x−x̂)²), in decibels; more is better",
        84.0,
    ),
    ("MSE", "Mean squared error Σ(x−x̂)²/n; less is better", 96.0),
    ("Clipped", "Share of the weights beyond the last level + half a step", 80.0),
];
const NAME_WIDTH: f32 = 260.0;
const LEAST_NAME_WIDTH: f32 = 120.0;
const GAP: f32 = 6.0;
/// With all columns.
pub(super) const WIDTH: f32 = 780.0;

/// Points the whole table takes.
pub(super) fn height(shown: &Shown) -> f32 {
    theme::TABLE_ROW_HEIGHT * (shown.estimates.choices.len() as f32 + 1.0) + 8.0
}

/// Draws the table; the estimator that was clicked.
pub(super) fn list_ui(ui: &mut Ui, shown: &Shown) -> Option<&'static ChoiceSpec> {
    let mut clicked = None;
    ui.spacing_mut().item_spacing = egui::vec2(GAP, 0.0);
    let room = ui.available_width() - 2.0 * theme::PANEL_MARGIN - 30.0;
    let fitting = |(n_columns, used): (usize, f32), width: f32| match used + width <= room {
        true => (n_columns + 1, used + width + GAP),
        false => (n_columns, f32::INFINITY),
    };
    let widths = COLUMNS.iter().map(|column| column.2);
    let n_columns = widths.fold((0, NAME_WIDTH), fitting).0;
    let mut table = TableBuilder::new(ui)
        .id_salt("estimators")
        .striped(false)
        .sense(Sense::CLICK)
        .cell_layout(egui::Layout::left_to_right(egui::Align::Center))
        .vscroll(false)
        .auto_shrink(false)
        .column(Column::remainder().at_least(LEAST_NAME_WIDTH).clip(true));
    for column in COLUMNS.iter().take(n_columns) {
        table = table.column(Column::exact(column.2));
    }
    // Between the last numbers and the edge.
    table = table.column(Column::exact(theme::PANEL_MARGIN - GAP));
    let head = table.header(theme::TABLE_ROW_HEIGHT, |mut header| {
        header.col(|ui| {
            ui.add_space(theme::PANEL_MARGIN);
            title_ui(ui, "Estimator", "How the range is chosen; a click uses it");
        });
        for (title, help, _) in COLUMNS.iter().take(n_columns) {
            header.col(|ui| right(ui, |ui| title_ui(ui, title, help)));
        }
        header.col(|_| {});
    });
    head.body(|body| {
        body.rows(theme::TABLE_ROW_HEIGHT, shown.estimates.choices.len(), |mut row| {
            let idx = row.index();
            let Some(choice) = shown.choice_at(idx) else { return };
            row.set_selected(shown.is_used(choice.way));
            row.col(|ui| {
                ui.add_space(theme::PANEL_MARGIN);
                if name_ui(ui, shown, idx, choice) {
                    clicked = Some(choice.way);
                }
            });
            for text in texts(shown, choice).into_iter().take(n_columns) {
                row.col(|ui| right(ui, |ui| drop(number(ui, &text, 12.0, Theme::of(ui).text))));
            }
            row.col(|_| {});
            let response = row.response().on_hover_text(choice.way.help);
            if response.clicked() {
                clicked = Some(choice.way);
            }
        });
    });
    clicked.filter(|way| !shown.is_used(way))
}

fn title_ui(ui: &mut Ui, title: &str, help: &str) {
    let text = RichText::new(title).font(theme::text(11.0)).color(Theme::of(ui).hint);
    ui.label(text).on_hover_text(help);
}

fn right(ui: &mut Ui, content: impl FnOnce(&mut Ui)) {
    ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), content);
}

/// The name, with a word where it is the best or the one in use; whether it was clicked.
fn name_ui(ui: &mut Ui, shown: &Shown, idx: usize, choice: &EstimatorChoice) -> bool {
    let theme = Theme::of(ui);
    ui.spacing_mut().button_padding.x = 4.0;
    let name = range_name(shown.choice, choice.way);
    let text = RichText::new(name.as_str()).color(theme.text);
    let response = ui.add(egui::Button::new(text).frame(false));
    name_it(&response, &format!("Use {name}"));
    if shown.best == Some(idx) {
        let help = "The smallest mean squared error of these";
        ui.label(RichText::new("✓ best").color(theme.rounding)).on_hover_text(help);
    }
    if shown.is_used(choice.way) {
        let (text, help) = shown.used_text();
        ui.label(RichText::new(text).color(theme.accent)).on_hover_text(help);
    }
    if shown.is_cut(choice) {
        let help = "Its formula asks for more than the largest |weight|, where it is cut: the same as min-max";
        ui.label(RichText::new("cut at absmax").color(theme.hint)).on_hover_text(help);
    }
    response.on_hover_text(choice.way.help).clicked()
}

fn texts(shown: &Shown, choice: &EstimatorChoice) -> [String; 5] {
    let absmax = shown.estimates.absmax;
    // Four digits of the largest weight; of one so small that it is written with a power all.
    let decimals = 3.0 - absmax.log10().floor();
    [
        match decimals <= 7.0 {
            true => fixed(choice.threshold, decimals.max(0.0) as usize),
            false => scientific(choice.threshold, 4),
        },
        percent(choice.threshold / absmax, 1),
        match choice.sqnr {
            Sqnr::Db(db) => fixed(db, 2),
            Sqnr::Exact => "no error".to_owned(),
            Sqnr::NoSignal => "all zero".to_owned(),
            Sqnr::NonFinite => "not finite".to_owned(),
        },
        scientific(choice.mse, 4),
        percent(choice.clipped_fraction, 2),
    ]
}

/// Plain numbers, every figure.
pub(super) fn csv(estimates: &Estimates) -> Table {
    let mut table = Table::new(&[
        "estimator",
        "threshold",
        "share_of_absmax",
        "low",
        "high",
        "sqnr_db",
        "mse",
        "clipping_mse",
        "clipped_share",
    ]);
    for choice in &estimates.choices {
        table.rows.push(vec![
            choice.way.key.to_owned(),
            choice.threshold.to_string(),
            (choice.threshold / estimates.absmax).to_string(),
            choice.lo.to_string(),
            choice.hi.to_string(),
            choice.sqnr.db().map_or_else(String::new, |db| db.to_string()),
            choice.mse.to_string(),
            choice.clipping.to_string(),
            choice.clipped_fraction.to_string(),
        ]);
    }
    table
}
