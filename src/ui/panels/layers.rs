//! The layers of the network: how each is quantized and what that does to it.

use egui::{DragValue, RichText, Sense, Ui, vec2};
use egui_extras::{Column, TableBuilder, TableRow};

use crate::base::{fixed, percent, thousands};
use crate::eval::{LayerError, Sqnr};
use crate::model::Layer;
use crate::quant::SettingValue;
use crate::session::{Command, Loaded};
use crate::ui::panel::{Panel, PanelCtx, PanelEntry, Place};
use crate::ui::state_view;
use crate::ui::theme::{self, Theme};
use crate::ui::widgets;

pub const ENTRY: PanelEntry = PanelEntry {
    id: "layers",
    title: "Layers",
    place: Place::Left,
    create: || Box::new(LayersPanel::default()),
};

#[derive(Default)]
struct LayersPanel {
    filter: String,
    /// The layer shown last, to scroll to another one when it is selected elsewhere.
    shown_layer_idx: usize,
}

/// A ratio at which a bar is full.
const FULL_BAR_DB: f64 = 48.0;
/// Below it a layer is marked as poor.
const POOR_DB: f64 = 20.0;

impl Panel for LayersPanel {
    fn ui(&mut self, ui: &mut Ui, ctx: &PanelCtx) {
        let Some(network) = ctx.session.network() else {
            state_view::empty_ui(ui, "No model is open", "The layers of a model will stand here.");
            return;
        };
        if network.layers.is_empty() {
            state_view::empty_ui(
                ui,
                "No weights to quantize",
                "The model has no float tensor of two or more dimensions that a layer uses.",
            );
            return;
        }
        self.filter_ui(ui);
        let total: usize = network.layers.iter().map(Layer::count).sum();
        let rows: Vec<LayerRow> = network
            .layers
            .iter()
            .enumerate()
            .filter(|(_, layer)| matches_filter(layer, &self.filter))
            .map(|(idx, layer)| LayerRow {
                idx,
                layer,
                error: ctx.session.layer_error(idx),
                share: layer.count() as f64 / total.max(1) as f64,
            })
            .collect();
        if rows.is_empty() {
            let hint = format!("No layer's name or operator contains “{}”.", self.filter);
            state_view::empty_ui(ui, "Nothing found", &hint);
            return;
        }
        let footer_height = 28.0;
        let table_height = ui.available_height() - footer_height;
        ui.allocate_ui(vec2(ui.available_width(), table_height), |ui| {
            let margin = egui::Margin { right: 8, ..egui::Margin::ZERO };
            egui::Frame::new().inner_margin(margin).show(ui, |ui| self.table_ui(ui, ctx, &rows));
        });
        footer_ui(ui, network.layers.len(), &rows);
    }
}

/// A layer as the table shows it.
struct LayerRow<'a> {
    idx: usize,
    layer: &'a Layer,
    error: Loaded<LayerError>,
    /// Of all weights.
    share: f64,
}

/// Name and tooltip of every column.
const COLUMNS: [(&str, &str); 6] = [
    ("Layer", ""),
    ("Op", ""),
    ("Shape", "Dimensions of the weight tensor"),
    ("Bits", "Bits of one code"),
    ("SQNR, dB", "Signal-to-quantization-noise ratio: 10·log₁₀(Σx² / Σ(x−x̂)²)"),
    ("Share", "Share of all weights"),
];

impl LayersPanel {
    fn filter_ui(&mut self, ui: &mut Ui) {
        ui.add_space(8.0);
        ui.horizontal(|ui| {
            ui.add_space(theme::PANEL_MARGIN);
            let width = ui.available_width() - theme::PANEL_MARGIN;
            let field = egui::TextEdit::singleline(&mut self.filter)
                .hint_text("Filter by name or operator")
                .align(egui::Align2::LEFT_CENTER)
                .min_size(vec2(width, theme::CONTROL_HEIGHT))
                .desired_width(width - 8.0);
            let response = ui.add(field);
            response
                .ctx
                .accesskit_node_builder(response.id, |node| node.set_label("Filter layers"));
        });
        ui.add_space(8.0);
    }

    fn table_ui(&mut self, ui: &mut Ui, ctx: &PanelCtx, rows: &[LayerRow]) {
        let selected = ctx.session.selection().layer_idx;
        ui.spacing_mut().item_spacing = vec2(8.0, 0.0);
        let mut table = TableBuilder::new(ui)
            .striped(false)
            .sense(Sense::click())
            .cell_layout(egui::Layout::left_to_right(egui::Align::Center))
            .column(Column::remainder().at_least(80.0).clip(true))
            .column(Column::exact(50.0).clip(true))
            .column(Column::exact(72.0).clip(true))
            .column(Column::exact(38.0))
            .column(Column::exact(84.0))
            .column(Column::exact(54.0))
            .auto_shrink(false);
        if selected != self.shown_layer_idx {
            self.shown_layer_idx = selected;
            if let Some(row_idx) = rows.iter().position(|row| row.idx == selected) {
                table = table.scroll_to_row(row_idx, None);
            }
        }
        let header = |mut header: TableRow| {
            for (column_idx, (name, help)) in COLUMNS.into_iter().enumerate() {
                header.col(|ui| header_cell(ui, column_idx, name, help));
            }
        };
        table.header(theme::TABLE_ROW_HEIGHT, header).body(|body| {
            body.rows(theme::TABLE_ROW_HEIGHT, rows.len(), |mut row| {
                let layer_row = &rows[row.index()];
                row.set_selected(layer_row.idx == selected);
                row_ui(&mut row, ctx, layer_row);
                if row.response().clicked() {
                    ctx.send(Command::SelectLayer(layer_row.idx));
                }
            });
        });
    }
}

fn matches_filter(layer: &Layer, filter: &str) -> bool {
    let filter = filter.to_lowercase();
    [&layer.name, &layer.op, &layer.weight].iter().any(|text| text.to_lowercase().contains(&filter))
}

/// A long name with its middle left out: block and tensor are told by its ends.
fn elided(name: &str, max_chars: usize) -> String {
    let letters: Vec<char> = name.chars().collect();
    if letters.len() <= max_chars || max_chars < 5 {
        return name.to_owned();
    }
    let tail_len = (max_chars - 1) / 2;
    let head: String = letters[..max_chars - 1 - tail_len].iter().collect();
    let tail: String = letters[letters.len() - tail_len..].iter().collect();
    format!("{head}…{tail}")
}

fn header_cell(ui: &mut Ui, column_idx: usize, name: &str, help: &str) {
    let text = RichText::new(name).color(Theme::of(ui).label);
    if column_idx == 0 {
        ui.add_space(theme::PANEL_MARGIN);
    }
    let right = matches!(column_idx, 2 | 5);
    let layout = if right {
        egui::Layout::right_to_left(egui::Align::Center)
    } else {
        egui::Layout::left_to_right(egui::Align::Center)
    };
    ui.with_layout(layout, |ui| {
        let response = ui.label(text);
        if !help.is_empty() {
            response.on_hover_text(help);
        }
    });
}

fn row_ui(row: &mut TableRow, ctx: &PanelCtx, layer_row: &LayerRow) {
    let LayerRow { idx, layer, error, share } = layer_row;
    row.col(|ui| {
        ui.add_space(theme::PANEL_MARGIN);
        let name = elided(&layer.name, (ui.available_width() / 6.4) as usize);
        let name = RichText::new(name).color(Theme::of(ui).text);
        let response = ui.add(egui::Label::new(name).truncate());
        response.on_hover_text(format!(
            "{}\ntensor {}, kept axis {}",
            layer.name, layer.weight, layer.axis
        ));
    });
    row.col(|ui| {
        ui.add(egui::Label::new(RichText::new(&layer.op).color(Theme::of(ui).label)).truncate());
    });
    row.col(|ui| {
        let shape = layer.dims.iter().map(ToString::to_string).collect::<Vec<_>>().join("×");
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            let text = RichText::new(&shape).font(theme::mono(11.0)).color(Theme::of(ui).label);
            ui.add(egui::Label::new(text).truncate())
                .on_hover_text(format!("{shape}, {} weights", thousands(layer.count())));
        });
    });
    row.col(|ui| bits_ui(ui, ctx, *idx, layer));
    row.col(|ui| sqnr_ui(ui, error));
    row.col(|ui| {
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            ui.add_space(6.0);
            widgets::number(ui, &percent(*share, 1), 12.0, Theme::of(ui).text);
        });
    });
}

/// Bits as a number to drag; for a scheme without bits its name.
fn bits_ui(ui: &mut Ui, ctx: &PanelCtx, layer_idx: usize, layer: &Layer) {
    let choice = ctx.session.choice(layer_idx);
    let Some(bits) = choice.bits() else {
        let text = RichText::new(choice.scheme().id()).color(Theme::of(ui).hint);
        ui.add(egui::Label::new(text).truncate());
        return;
    };
    let mut edited = bits;
    let response =
        ui.add_sized(vec2(34.0, 22.0), DragValue::new(&mut edited).range(2..=16).speed(0.05));
    let label = format!("Bits of {}", layer.name);
    response.ctx.accesskit_node_builder(response.id, |node| node.set_label(label));
    if edited != bits
        && let Ok(choice) = choice.with("bits", SettingValue::Int(edited))
    {
        let gesture = widgets::gesture_of(&response);
        ctx.send(Command::SetChoice { layer: layer.name.clone(), choice, gesture });
    }
}

/// The ratio with a bar beside it; its case's name where it is no number.
fn sqnr_ui(ui: &mut Ui, error: &Loaded<LayerError>) {
    let theme = Theme::of(ui);
    if let Some(reason) = error.failure() {
        let text = RichText::new("✕ failed").color(theme.bad);
        ui.add(egui::Label::new(text)).on_hover_text(reason);
        return;
    }
    let Some(shown) = error.shown() else {
        widgets::bar(ui, vec2(80.0, 6.0), 0.0, theme.original);
        return;
    };
    if error.is_stale() {
        ui.set_opacity(0.5);
    }
    match shown.sqnr() {
        Sqnr::Db(db) => {
            let (width, _) = (36.0, ());
            ui.allocate_ui_with_layout(
                vec2(width, 20.0),
                egui::Layout::right_to_left(egui::Align::Center),
                |ui| widgets::number(ui, &fixed(db, 1), 12.0, theme.text),
            );
            let colour = if db < POOR_DB { theme.bad } else { theme.original };
            widgets::bar(ui, vec2(38.0, 8.0), (db / FULL_BAR_DB) as f32, colour);
        }
        other => {
            let text = other.case().unwrap_or_default();
            ui.label(RichText::new(text).color(theme.hint));
        }
    }
}

fn footer_ui(ui: &mut Ui, n_layers: usize, rows: &[LayerRow]) {
    let theme = Theme::of(ui);
    let shown: usize = rows.iter().map(|row| row.layer.count()).sum();
    ui.horizontal_centered(|ui| {
        ui.add_space(theme::PANEL_MARGIN);
        let count = if rows.len() == n_layers {
            format!("{n_layers} layers")
        } else {
            format!("{} of {n_layers} layers", rows.len())
        };
        let text = format!("{count}, {} weights", thousands(shown));
        ui.label(RichText::new(text).color(theme.hint));
    });
}
