//! Layer by layer: the setting under A and under B, and what each comes to.

use egui::text::{LayoutJob, TextFormat};
use egui::{Align, Layout, RichText, Sense, Ui, WidgetInfo, vec2};
use egui_extras::{Column, TableBuilder, TableRow};
use egui_material_icons::icons;

use super::Listed;
use super::figures::bytes_difference;
use super::rows::{Order, Row, rows};
use crate::base::{MINUS, bytes, fixed};
use crate::eval::Sqnr;
use crate::model::Layer;
use crate::quant::SchemeChoice;
use crate::session::{Command, Session};
use crate::ui::panel::PanelCtx;
use crate::ui::short_name::shortened;
use crate::ui::state_view;
use crate::ui::table::Table;
use crate::ui::theme::{self, Theme};
use crate::ui::widgets::{name_it, number};

/// Wider, and figures stand too far from the names.
pub(super) const MAX_WIDTH: f32 = 820.0;
const GAP: f32 = 8.0;
const NAME_WIDTH: f32 = 96.0;
/// Of an average letter of a name.
const LETTER_WIDTH: f32 = 6.6;
/// A loss of so many decibels is printed in the colour of what is bad.
const BAD_DB: f64 = -6.0;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ListColumn {
    Layer,
    Setting,
    Size,
    Saved,
    Sqnr,
    Gain,
}

impl ListColumn {
    const ALL: [Self; 6] =
        [Self::Layer, Self::Setting, Self::Size, Self::Saved, Self::Sqnr, Self::Gain];

    /// Beside the name, the most needed first; where room is short the last yield first.
    const BY_NEED: [Self; 5] = [Self::Setting, Self::Sqnr, Self::Size, Self::Gain, Self::Saved];

    fn that_fit(width: f32) -> Vec<Self> {
        let mut room = width - NAME_WIDTH - 2.0 * theme::PANEL_MARGIN - GAP;
        let fits = |column: &Self| {
            room -= column.width() + GAP;
            room >= 0.0
        };
        let beside: Vec<Self> = Self::BY_NEED.into_iter().take_while(fits).collect();
        let is_there = |column: &Self| *column == Self::Layer || beside.contains(column);
        Self::ALL.into_iter().filter(is_there).collect()
    }

    fn width(self) -> f32 {
        match self {
            Self::Layer => NAME_WIDTH,
            Self::Setting => 128.0,
            Self::Size => 142.0,
            Self::Saved => 72.0,
            Self::Sqnr => 104.0,
            Self::Gain => 58.0,
        }
    }

    fn sized(self, name_width: f32) -> Column {
        match self {
            Self::Layer => Column::exact(name_width).clip(true),
            Self::Setting => Column::remainder().at_least(self.width()).clip(true),
            _ => Column::exact(self.width()).clip(true),
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Layer => "Layer",
            Self::Setting => "A → B",
            Self::Size => "Size",
            Self::Saved => "B − A",
            Self::Sqnr => "SQNR, dB",
            Self::Gain => "Δ, dB",
        }
    }

    fn help(self) -> &'static str {
        match self {
            Self::Layer => "In the order of the network; a click on a row selects the layer",
            Self::Setting => "Scheme and bits of the layer under A, and under B",
            Self::Size => {
                "What the layer takes to store under A, and under B: codes and everything needed to decode them"
            }
            Self::Saved => "What B takes more than A; a click orders by it",
            Self::Sqnr => {
                "Signal-to-quantization-noise ratio, 10·log₁₀(Σx² / Σ(x−x̂)²), under A, and under B"
            }
            Self::Gain => {
                "SQNR that B has more than A; a click orders by it, the largest loss first"
            }
        }
    }

    /// The order that a click on the title gives.
    fn order(self) -> Order {
        match self {
            Self::Layer | Self::Setting => Order::Network,
            Self::Size | Self::Saved => Order::Size,
            Self::Sqnr | Self::Gain => Order::Sqnr,
        }
    }

    fn is_text(self) -> bool {
        matches!(self, Self::Layer | Self::Setting)
    }
}

/// Draws the table; a click on a row selects its layer.
pub(super) fn list_ui(ui: &mut Ui, ctx: &PanelCtx, listed: Listed, order: &mut Order) {
    let Some(rows) = rows(ctx.session, listed, *order) else { return };
    let Some(network) = ctx.session.network() else { return };
    if rows.is_empty() {
        let hint = "Every layer is set alike under both. Change one, or choose another A.";
        return state_view::empty_ui(ui, "A and B are the same recipe", hint);
    }
    let columns = ListColumn::that_fit(ui.available_width());
    let name_width = name_width(&columns, &network.layers, ui.available_width());
    ui.spacing_mut().item_spacing = vec2(GAP, 0.0);
    let mut table = TableBuilder::new(ui)
        .id_salt("layers of A and B")
        .striped(false)
        .sense(Sense::CLICK)
        .cell_layout(Layout::left_to_right(Align::Center))
        .auto_shrink(false);
    for column in &columns {
        table = table.column(column.sized(name_width));
    }
    // The margin on the right.
    table = table.column(Column::exact(theme::PANEL_MARGIN - GAP));
    let header = |mut header: TableRow| {
        for column in &columns {
            header.col(|ui| header_ui(ui, *column, order));
        }
        header.col(|_| {});
    };
    let selected = ctx.session.selected_layers();
    table.header(theme::TABLE_ROW_HEIGHT, header).body(|body| {
        body.rows(theme::TABLE_ROW_HEIGHT, rows.len(), |mut line| {
            let Some(row) = rows.get(line.index()) else { return };
            let Some(layer) = network.layers.get(row.layer_idx) else { return };
            line.set_selected(selected.contains(&row.layer_idx));
            let choices = choices(ctx.session, row.layer_idx);
            for column in &columns {
                line.col(|ui| cell_ui(ui, *column, (ctx.session, layer), (row, &choices)));
            }
            line.col(|_| {});
            let response = line.response();
            response.widget_info(|| {
                let is_selected = selected.contains(&row.layer_idx);
                let [a, b] = choices.each_ref().map(told);
                let name = format!("{}: {a} → {b}", layer.name);
                WidgetInfo::selected(egui::Role::Button, true, is_selected, name)
            });
            if response.clicked() {
                let adds = response.ctx.input(|input| input.modifiers.command);
                ctx.send(match adds {
                    true => Command::ToggleLayer(row.layer_idx),
                    false => Command::SelectLayer(row.layer_idx),
                });
            }
        });
    });
}

/// As much as the longest name asks for and the other columns leave.
fn name_width(columns: &[ListColumn], layers: &[Layer], width: f32) -> f32 {
    let n_letters = layers.iter().map(|layer| layer.name.chars().count()).max().unwrap_or(0);
    let wanted = n_letters as f32 * LETTER_WIDTH + 2.0 * theme::PANEL_MARGIN;
    let beside: f32 = columns.iter().skip(1).map(|column| column.width() + GAP).sum();
    let most = (width - beside - 2.0 * theme::PANEL_MARGIN).max(NAME_WIDTH);
    wanted.clamp(NAME_WIDTH, most)
}

fn choices(session: &Session, layer_idx: usize) -> [SchemeChoice; 2] {
    let a = session.rival_choice(layer_idx).unwrap_or_else(SchemeChoice::float);
    [a, session.choice(layer_idx)]
}

/// `int 4 · per-channel`, `float`: as short as it tells a setting from another.
pub(super) fn told(choice: &SchemeChoice) -> String {
    let id = choice.scheme().id();
    let spec = choice.to_string();
    let settings = spec.split_once(':').map_or("", |(_, settings)| settings);
    let mut text = match choice.bits() {
        Some(bits) => format!("{id} {bits}"),
        None => id.to_owned(),
    };
    for setting in settings.split(',').filter(|setting| !setting.is_empty()) {
        match setting.split_once('=') {
            Some(("bits", _)) => {}
            Some((key, value)) if value.parse::<f64>().is_ok() || value.len() < 4 => {
                text.push_str(&format!(" · {key} {value}"));
            }
            Some((_, value)) => text.push_str(&format!(" · {value}")),
            None => text.push_str(&format!(" · {setting}")),
        }
    }
    text
}

fn header_ui(ui: &mut Ui, column: ListColumn, order: &mut Order) {
    let theme = Theme::of(ui);
    let layout = match column.is_text() {
        true => Layout::left_to_right(Align::Center),
        false => Layout::right_to_left(Align::Center),
    };
    ui.with_layout(layout, |ui| {
        if column == ListColumn::Layer {
            ui.add_space(theme::PANEL_MARGIN);
        }
        ui.spacing_mut().item_spacing.x = 2.0;
        ui.spacing_mut().button_padding.x = 0.0;
        let marks = matches!(column, ListColumn::Saved | ListColumn::Gain);
        let is_ordered = marks && *order == column.order();
        let ink = if is_ordered { theme.text } else { theme.label };
        let title = RichText::new(column.title()).color(ink);
        let response = ui.add(egui::Button::new(title).frame(false));
        name_it(&response, &format!("Order layers by {}", column.title()));
        if is_ordered {
            ui.label(icons::ICON_ARROW_UPWARD.rich_text().size(12.0).color(theme.accent));
        }
        if response.on_hover_text(column.help()).clicked() {
            *order = column.order();
        }
    });
}

fn cell_ui(
    ui: &mut Ui,
    column: ListColumn,
    (session, layer): (&Session, &Layer),
    (row, choices): (&Row, &[SchemeChoice; 2]),
) {
    let theme = Theme::of(ui);
    let failure = row.figures.iter().find_map(|figures| figures.failure());
    match column {
        ListColumn::Layer => {
            ui.add_space(theme::PANEL_MARGIN);
            let name = shortened(&layer.name, (ui.available_width() / LETTER_WIDTH) as usize);
            let name = RichText::new(name).color(theme.text);
            ui.add(egui::Label::new(name).truncate()).on_hover_text(&layer.name);
        }
        ListColumn::Setting => setting_ui(ui, choices),
        ListColumn::Size => {
            let sizes = row.n_bytes(session).map(|size| size.map(bytes));
            pair_ui(ui, sizes, row);
        }
        ListColumn::Saved => {
            if let [Some(a), Some(b)] = row.n_bytes(session) {
                right_ui(ui, &bytes_difference(a, b), theme.text);
            }
        }
        ListColumn::Sqnr => match failure {
            Some(reason) => {
                ui.label(RichText::new("✕ failed").color(theme.bad)).on_hover_text(reason);
            }
            None => pair_ui(ui, row.sqnr().map(|sqnr| sqnr.map(sqnr_text)), row),
        },
        ListColumn::Gain => {
            if let Some(gain) = row.gain_db() {
                let ink = if gain <= BAD_DB { theme.bad } else { theme.text };
                right_ui(ui, &signed(gain), ink);
            }
        }
    }
}

/// Both settings in one line; the same twice is said once.
fn setting_ui(ui: &mut Ui, choices: &[SchemeChoice; 2]) {
    let theme = Theme::of(ui);
    let [a, b] = choices.each_ref().map(told);
    let mut job = LayoutJob::default();
    let mut add = |text: &str, color| {
        job.append(
            text,
            0.0,
            TextFormat { font_id: theme::text(12.0), color, ..Default::default() },
        );
    };
    if a == b {
        add(&a, theme.label);
    } else {
        add(&format!("{a} → "), theme.text);
        add(&b, theme.quantized);
    }
    let whole = format!("A: {}\nB: {}", choices[0], choices[1]);
    ui.add(egui::Label::new(job).truncate()).on_hover_text(whole);
}

/// Two figures with an arrow, on the right; those that are awaited are a dash.
fn pair_ui(ui: &mut Ui, [a, b]: [Option<String>; 2], row: &Row) {
    let theme = Theme::of(ui);
    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
        ui.spacing_mut().item_spacing.x = 4.0;
        let is_stale = row.figures.each_ref().map(crate::session::Loaded::is_stale);
        let shown = |ui: &mut Ui, (text, is_stale): (Option<String>, bool), ink| {
            let ink = if is_stale { theme.hint } else { ink };
            number(ui, &text.unwrap_or_else(|| "…".to_owned()), 12.0, ink);
        };
        shown(ui, (b, is_stale[1]), theme.quantized);
        ui.label(icons::ICON_ARROW_FORWARD.rich_text().size(11.0).color(theme.hint));
        shown(ui, (a, is_stale[0]), theme.text);
    });
}

fn right_ui(ui: &mut Ui, text: &str, ink: egui::Color32) {
    ui.with_layout(Layout::right_to_left(Align::Center), |ui| number(ui, text, 12.0, ink));
}

fn sqnr_text(sqnr: Sqnr) -> String {
    match sqnr {
        Sqnr::Db(db) => fixed(db, 1),
        other => other.case().unwrap_or_default().to_owned(),
    }
}

fn signed(value: f64) -> String {
    let text = fixed(value, 1);
    if text.starts_with(MINUS) || text == "0.0" { text } else { format!("+{text}") }
}

/// Every layer under both, as text for a spreadsheet.
pub(super) fn table_of(session: &Session, rows: &[Row]) -> Table {
    let mut table = Table::new(&[
        "layer",
        "weights",
        "a",
        "b",
        "differs",
        "a_bytes",
        "b_bytes",
        "a_sqnr_db",
        "b_sqnr_db",
        "a_mse",
        "b_mse",
    ]);
    let number = |x: Option<f64>| x.map_or_else(String::new, |x| x.to_string());
    for row in rows {
        let layers = session.network().map_or(&[][..], |network| &network.layers);
        let Some(layer) = layers.get(row.layer_idx) else { continue };
        let [a, b] = choices(session, row.layer_idx).map(|choice| choice.to_string());
        let differs = (a != b).to_string();
        let [a_bytes, b_bytes] = row.n_bytes(session).map(|n| number(n.map(|n| n as f64)));
        let [a_db, b_db] = row.sqnr().map(|sqnr| number(sqnr.and_then(Sqnr::db)));
        let [a_mse, b_mse] = row
            .figures
            .each_ref()
            .map(|figures| number(figures.ready().map(|figures| figures.total.mse())));
        let (name, weights) = (layer.name.clone(), layer.count().to_string());
        table
            .rows
            .push(vec![name, weights, a, b, differs, a_bytes, b_bytes, a_db, b_db, a_mse, b_mse]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_told_in_few_words() {
        for (spec, wanted) in [
            ("int", "int 8"),
            ("float", "float"),
            ("int:bits=4,granularity=per-channel", "int 4 · per-channel"),
            ("int:bits=3,range=mse", "int 3 · range mse"),
        ] {
            let choice: SchemeChoice = spec.parse().unwrap();
            assert_eq!(told(&choice), wanted, "{spec}");
        }
    }
}
