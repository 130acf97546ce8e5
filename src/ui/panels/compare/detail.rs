//! One scheme in figures: under the pointer, and picked in the line below the views.

use egui::{Align, Button, Layout, RichText, Ui, vec2};
use egui_material_icons::icons;

use super::marks::{colour_of, draw_mark};
use super::rows::Row;
use super::specs::{long_name, scale_name};
use super::{Content, Locked, View};
use crate::base::{bytes, fixed, percent, significant};
use crate::eval::{DB_PER_BIT, Sqnr};
use crate::session::{Command, ComparedFigures};
use crate::ui::actions::edit;
use crate::ui::panel::PanelCtx;
use crate::ui::theme::{self, Theme};
use crate::ui::widgets::figure_table;

/// Height of the line below the views.
pub(super) const HEIGHT: f32 = 40.0;

pub(super) const APPLY_HELP: &str =
    "Quantizes the selected layers as it is compared; undone with Edit › Undo";

/// A ratio with its unit, or its case's name.
pub(super) fn sqnr_text(sqnr: Sqnr) -> String {
    match sqnr {
        Sqnr::Db(db) => format!("{} dB", fixed(db, 2)),
        Sqnr::Exact => "exact".to_owned(),
        Sqnr::NoSignal => "no signal".to_owned(),
        Sqnr::NonFinite => "n/a".to_owned(),
    }
}

/// Decibels with their sign.
pub(super) fn gain_text(db: f64) -> String {
    let text = fixed(db, 2);
    if db > 0.0 && text != "0.00" { format!("+{text}") } else { text }
}

/// Bits per weight; a tensor without weights has none.
pub(super) fn bits_text(figures: &ComparedFigures) -> String {
    figures.bits_per_weight.map_or_else(|| "n/a".to_owned(), |bits| fixed(bits, 3))
}

/// Gives the selected layers the row's setting; of locked ones the session says so.
pub(super) fn apply(ctx: &PanelCtx, row: &Row) {
    edit(ctx, &long_name(&row.choice), |_| Some(row.choice.clone()));
}

/// What is told of a scheme under the pointer.
pub(super) fn hover_ui(ui: &mut Ui, content: &Content, row: &Row) {
    let theme = Theme::of(ui);
    let title = RichText::new(long_name(&row.choice)).font(theme::title(12.0)).color(theme.text);
    ui.label(title);
    let scheme = row.choice.scheme();
    let scale = scale_name(&row.choice).map(|scale| format!(" · scale {scale}"));
    let about = format!("{}{}", scheme.family().name(), scale.unwrap_or_default());
    ui.label(RichText::new(about).color(theme.label));
    ui.label(RichText::new(&row.spec).font(theme::mono(11.0)).color(theme.hint));
    if let Some(reason) = row.refusal() {
        ui.label(RichText::new(format!("✕ {reason}")).color(theme.bad));
    }
    if let Some(figures) = row.figures() {
        figure_table(
            ui,
            "compared",
            figures_of(content, row, figures).map(|(name, value)| (name, value, theme.text)),
        );
    }
    if row.spec == content.present.spec {
        ui.label(RichText::new("In use for this layer").color(theme.accent));
    }
    ui.label(RichText::new(scheme.summary()).color(theme.hint));
}

/// Names and values of what is measured.
fn figures_of<'a>(
    content: &Content,
    row: &Row,
    figures: &'a ComparedFigures,
) -> impl Iterator<Item = (&'static str, String)> + use<'a> {
    let limit = content.limits.zip(row.point()).map(|(limits, [bits, db])| {
        let distance = limits.gaussian_db + DB_PER_BIT * bits - db;
        let side = if distance >= 0.0 { "below" } else { "above" };
        ("Gaussian bound", format!("{} dB {side} it", fixed(distance.abs(), 2)))
    });
    let gain = content.present.gain_of(row);
    let gain = gain.map(|gain| ("To the one in use", format!("{} dB", gain_text(gain))));
    [
        Some(("Bits per weight", bits_text(figures))),
        Some(("Size", bytes(figures.stored_bytes))),
        Some(("SQNR", sqnr_text(figures.sqnr))),
        gain,
        limit,
        Some(("MSE", significant(figures.error.mse(), 4))),
        Some(("Max error", significant(figures.error.max_abs_error, 3))),
        Some(("Clipped", percent(figures.error.clipped_fraction(), 2))),
    ]
    .into_iter()
    .flatten()
}

/// The line below the views: what is picked, and the button that uses it.
pub(super) fn line_ui(ui: &mut Ui, ctx: &PanelCtx, content: &Content, picked: Option<&Row>) {
    let theme = Theme::of(ui);
    let room = ui.max_rect();
    ui.painter().hline(room.x_range(), room.top(), egui::Stroke::new(1.0, theme.line));
    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
        ui.add_space(theme::PANEL_MARGIN);
        button_ui(ui, ctx, content, picked);
        locked_ui(ui, ctx, content.locked);
        ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
            ui.add_space(theme::PANEL_MARGIN);
            match picked {
                Some(row) => picked_ui(ui, content, row),
                None => {
                    let hint = match content.view {
                        View::Multiples => {
                            "Click a card for its figures; its button Use uses it at once"
                        }
                        View::Plot | View::Table => {
                            "Click a scheme for its figures and use it with the button; a double click uses it at once"
                        }
                    };
                    let text = RichText::new(hint).color(theme.hint);
                    ui.add(egui::Label::new(text).truncate());
                }
            }
        });
    });
}

fn button_ui(ui: &mut Ui, ctx: &PanelCtx, content: &Content, picked: Option<&Row>) {
    let Locked { n_selected, n_locked } = content.locked;
    let name = match n_selected {
        0 | 1 => "Use for this layer".to_owned(),
        n => format!("Use for {n} layers"),
    };
    let is_new =
        picked.is_some_and(|row| row.refusal().is_none() && row.spec != content.present.spec);
    let is_possible = picked.is_some_and(|row| row.refusal().is_none())
        && (is_new || n_selected > 1)
        && n_locked < n_selected;
    let response = ui.add_enabled(is_possible, Button::new(name).selected(is_possible));
    let why = match picked {
        None => "Click a scheme first",
        Some(row) if row.refusal().is_some() => "The scheme refuses these weights",
        Some(_) if n_locked == n_selected => "The layer is locked",
        Some(_) => "It is in use already",
    };
    if response.on_hover_text(APPLY_HELP).on_disabled_hover_text(why).clicked()
        && let Some(row) = picked
    {
        apply(ctx, row);
    }
}

fn locked_ui(ui: &mut Ui, ctx: &PanelCtx, locked: Locked) {
    if locked.n_locked == 0 {
        return;
    }
    let theme = Theme::of(ui);
    let is_whole = locked.n_locked == locked.n_selected;
    if is_whole
        && ui.button("Unlock").on_hover_text("Lets settings change the layer again").clicked()
    {
        ctx.send(Command::ToggleLock);
    }
    let text = match locked.n_locked {
        1 if locked.n_selected == 1 => "The layer is locked".to_owned(),
        n => format!("{n} of {} layers are locked", locked.n_selected),
    };
    ui.label(RichText::new(text).color(theme.label));
    ui.label(icons::ICON_LOCK.rich_text().color(theme.accent));
}

/// Name and figures of the picked row, as far as there is room.
fn picked_ui(ui: &mut Ui, content: &Content, row: &Row) {
    let theme = Theme::of(ui);
    let (rect, _) = ui.allocate_exact_size(vec2(12.0, 20.0), egui::Sense::hover());
    let family = row.choice.scheme().family();
    draw_mark(ui.painter(), family, (rect.center(), 5.0), colour_of(family, theme));
    let name = RichText::new(long_name(&row.choice)).font(theme::title(12.0)).color(theme.text);
    let response = ui.add(egui::Label::new(name).truncate());
    response.on_hover_ui(|ui| hover_ui(ui, content, row));
    let rest = match (row.figures(), row.refusal()) {
        (Some(figures), _) => format!(
            "{} bits/weight · {} · MSE {} · {}",
            bits_text(figures),
            sqnr_text(figures.sqnr),
            significant(figures.error.mse(), 3),
            bytes(figures.stored_bytes)
        ),
        (None, Some(reason)) => format!("✕ {reason}"),
        (None, None) => "computing…".to_owned(),
    };
    let text = RichText::new(rest).font(theme::mono(12.0)).color(theme.label);
    ui.add(egui::Label::new(text).truncate());
}
