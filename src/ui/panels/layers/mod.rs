//! The layers of the network: how each is quantized and what that does to it.

mod columns;
mod rows;

use egui::{RichText, Sense, Ui, vec2};
use egui_extras::{TableBuilder, TableRow};
use egui_material_icons::icons;

use crate::base::{counted, percent, thousands};
use crate::ui::panel::{Panel, PanelCtx, PanelEntry, Place};
use crate::ui::state_view;
use crate::ui::table::Table;
use crate::ui::theme::{self, Theme};
use crate::ui::widgets::name_it;
use columns::ListColumn;
use rows::{LayerRow, Line, Order};

use crate::session::Command;

pub const ENTRY: PanelEntry = PanelEntry {
    id: "layers",
    title: "Layers",
    place: Place::Left,
    create: || Box::new(LayersPanel::default()),
};

#[derive(Default)]
struct LayersPanel {
    filter: String,
    order: Order,
    /// Blocks that are folded; `None` shows layers without blocks.
    folded_blocks: Option<Vec<String>>,
    /// The layer shown last, to scroll to another one when it is selected elsewhere.
    shown_layer_idx: usize,
}

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
        let rows = rows::rows(ctx.session, &network.layers, &self.filter, self.order);
        if rows.is_empty() {
            let hint = format!("No layer's name, operator or setting contains “{}”.", self.filter);
            state_view::empty_ui(ui, "Nothing found", &hint);
            return;
        }
        let footer_height = 28.0;
        let table_height = ui.available_height() - footer_height;
        ui.allocate_ui(vec2(ui.available_width(), table_height), |ui| {
            let margin = egui::Margin { right: 8, ..egui::Margin::ZERO };
            egui::Frame::new().inner_margin(margin).show(ui, |ui| self.table_ui(ui, ctx, &rows));
        });
        footer_ui(ui, ctx, network.layers.len(), &rows);
    }

    fn table(&self, ctx: &PanelCtx) -> Option<Table> {
        let network = ctx.session.network()?;
        let rows = rows::rows(ctx.session, &network.layers, &self.filter, self.order);
        let mut table = Table::new(&[
            "layer",
            "operator",
            "tensor",
            "shape",
            "weights",
            "setting",
            "bits_per_weight",
            "sqnr_db",
            "mse",
            "share",
            "locked",
        ]);
        for row in rows {
            let error = row.error.ready();
            let number = |x: Option<f64>| x.map_or_else(String::new, |x| x.to_string());
            table.rows.push(vec![
                row.layer.name.clone(),
                row.layer.op.clone(),
                row.layer.weight.clone(),
                row.layer.dims.iter().map(ToString::to_string).collect::<Vec<_>>().join("x"),
                row.layer.count().to_string(),
                ctx.session.choice(row.idx).to_string(),
                number(error.and_then(|error| error.bits_per_weight())),
                number(error.and_then(|error| error.sqnr().db())),
                number(error.map(|error| error.total.mse())),
                row.share.to_string(),
                ctx.session.is_locked(row.idx).to_string(),
            ]);
        }
        Some(table)
    }
}

impl LayersPanel {
    fn filter_ui(&mut self, ui: &mut Ui) {
        ui.add_space(8.0);
        ui.horizontal(|ui| {
            ui.add_space(theme::PANEL_MARGIN);
            let width = ui.available_width() - theme::PANEL_MARGIN - 32.0;
            let field = egui::TextEdit::singleline(&mut self.filter)
                .hint_text("Filter by name, operator or bits")
                .align(egui::Align2::LEFT_CENTER)
                .min_size(vec2(width, theme::CONTROL_HEIGHT))
                .desired_width(width - 8.0);
            let response = ui.add(field);
            name_it(&response, "Filter layers");
            let is_grouped = self.folded_blocks.is_some();
            let icon = icons::ICON_ACCOUNT_TREE.rich_text().size(15.0);
            let button = egui::Button::new(icon).selected(is_grouped).min_size(vec2(24.0, 24.0));
            let response = ui.add(button);
            name_it(&response, "Group by block");
            if response.on_hover_text("Group the layers by the block their names tell").clicked() {
                self.folded_blocks = if is_grouped { None } else { Some(Vec::new()) };
            }
        });
        ui.add_space(8.0);
    }

    fn table_ui(&mut self, ui: &mut Ui, ctx: &PanelCtx, rows: &[LayerRow]) {
        let lines = rows::lines(rows, self.folded_blocks.as_deref());
        let columns = ListColumn::that_fit(ui.available_width());
        ui.spacing_mut().item_spacing = vec2(6.0, 0.0);
        let mut table = TableBuilder::new(ui)
            .id_salt(("layers", columns.len()))
            .striped(false)
            .sense(Sense::click())
            .cell_layout(egui::Layout::left_to_right(egui::Align::Center))
            .auto_shrink(false);
        for column in &columns {
            table = table.column(column.sized());
        }
        let shown = ctx.session.selection().layer_idx;
        if shown != self.shown_layer_idx {
            self.shown_layer_idx = shown;
            let is_shown = |line: &Line| matches!(line, Line::Layer(at) if rows[*at].idx == shown);
            if let Some(line_idx) = lines.iter().position(is_shown) {
                table = table.scroll_to_row(line_idx, None);
            }
        }
        let order = &mut self.order;
        let folded_blocks = &mut self.folded_blocks;
        let header = |mut header: TableRow| {
            for column in &columns {
                header.col(|ui| column.header_ui(ui, order));
            }
        };
        let selected = ctx.session.selected_layers();
        table.header(theme::TABLE_ROW_HEIGHT, header).body(|body| {
            body.rows(theme::TABLE_ROW_HEIGHT, lines.len(), |mut line| {
                match &lines[line.index()] {
                    Line::Block { name, n_layers, share, is_folded } => {
                        let text = format!("{name} · {n_layers} · {}", percent(*share, 1));
                        if block_ui(&mut line, &columns, &text, *is_folded) {
                            toggle(folded_blocks, name);
                        }
                    }
                    Line::Layer(at) => {
                        let row = &rows[*at];
                        line.set_selected(selected.contains(&row.idx));
                        for column in &columns {
                            line.col(|ui| column.cell_ui(ui, ctx, row));
                        }
                        let response = line.response();
                        if response.clicked() {
                            let modifiers = response.ctx.input(|input| input.modifiers);
                            ctx.send(click_command(ctx, rows, row.idx, modifiers));
                        }
                    }
                }
            });
        });
    }
}

/// What a click on a row selects: it alone, it as well, or all up to it as they are listed.
fn click_command(
    ctx: &PanelCtx,
    rows: &[LayerRow],
    idx: usize,
    modifiers: egui::Modifiers,
) -> Command {
    if modifiers.command {
        return Command::ToggleLayer(idx);
    }
    let place = |idx: usize| rows.iter().position(|row| row.idx == idx);
    let from = place(ctx.session.selection().layer_idx);
    match (modifiers.shift, from, place(idx)) {
        (true, Some(from), Some(to)) => {
            let range = from.min(to)..=from.max(to);
            Command::SelectLayers(rows[range].iter().map(|row| row.idx).collect())
        }
        _ => Command::SelectLayer(idx),
    }
}

fn toggle(blocks: &mut Option<Vec<String>>, name: &str) {
    let Some(blocks) = blocks else { return };
    match blocks.iter().position(|known| known == name) {
        Some(at) => drop(blocks.remove(at)),
        None => blocks.push(name.to_owned()),
    }
}

/// The heading of a block; whether it was clicked.
fn block_ui(line: &mut TableRow, columns: &[ListColumn], text: &str, is_folded: bool) -> bool {
    let mut clicked = false;
    for column in columns {
        line.col(|ui| {
            if *column != ListColumn::Name {
                return;
            }
            let theme = Theme::of(ui);
            let icon = if is_folded { icons::ICON_CHEVRON_RIGHT } else { icons::ICON_EXPAND_MORE };
            ui.label(icon.rich_text().size(14.0).color(theme.label));
            ui.spacing_mut().button_padding.x = 0.0;
            let label = RichText::new(text).font(theme::title(12.0)).color(theme.label);
            let response = ui.add(egui::Button::new(label).frame(false).truncate());
            clicked |= response.clicked();
        });
    }
    clicked || line.response().clicked()
}

fn footer_ui(ui: &mut Ui, ctx: &PanelCtx, n_layers: usize, rows: &[LayerRow]) {
    let theme = Theme::of(ui);
    let shown: usize = rows.iter().map(|row| row.layer.count()).sum();
    ui.horizontal_centered(|ui| {
        ui.add_space(theme::PANEL_MARGIN);
        let count = if rows.len() == n_layers {
            counted(n_layers, "layer")
        } else {
            format!("{} of {}", rows.len(), counted(n_layers, "layer"))
        };
        let n_selected = ctx.session.selected_layers().len();
        let selected =
            if n_selected > 1 { format!(" · {n_selected} selected") } else { String::new() };
        let text = format!("{count}, {} weights{selected}", thousands(shown));
        ui.add(egui::Label::new(RichText::new(text).color(theme.hint)).truncate());
    });
}
