//! The layers of the network: how each is quantized and what that does to it.

mod columns;
mod rows;

use egui::{RichText, Sense, Ui, vec2};
use egui_extras::{TableBuilder, TableRow};
use egui_material_icons::icons;
use serde::{Deserialize, Serialize};

use crate::base::{counted, percent, thousands};
use crate::model::Layer;
use crate::ui::panel::{Panel, PanelCtx, PanelEntry, Place};
use crate::ui::state_view;
use crate::ui::table::Table;
use crate::ui::theme::{self, Theme};
use crate::ui::widgets::{centred_ui, name_it};
use columns::{
    COLUMN_GAP, ListColumn, MIN_NAME_WIDTH, POOR_DB, Widths, is_poor, wanted_name_width,
};
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
    view: ListView,
    /// The order of the rows when a drag or an edit began: until its end no row moves away from
    /// under the pointer.
    held: Option<Vec<usize>>,
    /// The layer shown last, to scroll to another one when it is selected elsewhere.
    shown_layer_idx: usize,
}

/// What is kept of the list between two starts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct ListView {
    order: Order,
    /// Blocks that are folded; `None` shows layers without blocks.
    folded_blocks: Option<Vec<String>>,
    /// Set by hand; otherwise names take what the other columns leave.
    name_width: Option<f32>,
}

/// Wider, and figures stand too far from the names.
const MAX_WIDTH: f32 = 1200.0;
/// Height of the line below the list.
const FOOTER_HEIGHT: f32 = 28.0;

impl Panel for LayersPanel {
    fn ui(&mut self, ui: &mut Ui, ctx: &PanelCtx) {
        let Some(network) = ctx.session.network() else {
            state_view::no_model_ui(ui, ctx.session, "The layers of a model will stand here.");
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
        centred_ui(ui, MAX_WIDTH, |ui| self.content_ui(ui, ctx, &network.layers));
    }

    fn table(&self, ctx: &PanelCtx) -> Option<Table> {
        let network = ctx.session.network()?;
        let held = self.held.as_deref();
        let rows = rows::rows(ctx.session, &network.layers, &self.filter, self.view.order, held);
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

    fn view_text(&self) -> Option<String> {
        serde_json::to_string(&self.view).ok()
    }

    fn restore_view(&mut self, text: &str) {
        if let Ok(view) = serde_json::from_str(text) {
            self.view = view;
        }
    }
}

impl LayersPanel {
    /// The filter, the list and what is below it.
    fn content_ui(&mut self, ui: &mut Ui, ctx: &PanelCtx, layers: &[Layer]) {
        self.filter_ui(ui);
        let held = self.held.as_deref();
        let rows = rows::rows(ctx.session, layers, &self.filter, self.view.order, held);
        if rows.is_empty() {
            let hint = format!("No layer's name, operator or setting contains “{}”.", self.filter);
            state_view::empty_ui(ui, "Nothing found", &hint);
            return;
        }
        let order = self.view.order;
        let size = vec2(ui.available_width(), ui.available_height() - FOOTER_HEIGHT);
        let is_editing = ui.allocate_ui(size, |ui| self.table_ui(ui, ctx, &rows)).inner;
        let holds = (is_editing || ui.ctx().dragged_id().is_some()) && order == self.view.order;
        if !holds {
            self.held = None;
        } else if self.held.is_none() {
            self.held = Some(rows.iter().map(|row| row.idx).collect());
        }
        let columns = self.widths(ctx, ui.available_width()).columns;
        footer_ui(ui, ctx, (layers.len(), rows.as_slice()), &columns);
    }

    fn filter_ui(&mut self, ui: &mut Ui) {
        ui.add_space(8.0);
        let size = vec2(ui.available_width(), theme::CONTROL_HEIGHT);
        let layout = egui::Layout::right_to_left(egui::Align::Center);
        ui.allocate_ui_with_layout(size, layout, |ui| {
            ui.add_space(theme::PANEL_MARGIN);
            let is_grouped = self.view.folded_blocks.is_some();
            let icon = icons::ICON_ACCOUNT_TREE.rich_text().size(15.0);
            let button = egui::Button::new(icon).selected(is_grouped).min_size(vec2(24.0, 24.0));
            let response = ui.add(button);
            name_it(&response, "Group by block");
            if response.on_hover_text("Group the layers by the block their names tell").clicked() {
                self.view.folded_blocks = if is_grouped { None } else { Some(Vec::new()) };
            }
            let width = ui.available_width() - theme::PANEL_MARGIN;
            let field = egui::TextEdit::singleline(&mut self.filter)
                .hint_text("Filter by name, operator or bits")
                .align(egui::Align2::LEFT_CENTER)
                .min_size(vec2(width, theme::CONTROL_HEIGHT))
                .desired_width(width - 8.0);
            name_it(&ui.add(field), "Filter layers");
        });
        ui.add_space(8.0);
    }

    /// The columns there is room for, and their widths.
    fn widths(&self, ctx: &PanelCtx, width: f32) -> Widths {
        let layers = ctx.session.network().map_or(&[][..], |network| &network.layers);
        let names = layers.iter().map(|layer| layer.name.as_str());
        // Of the figures, bits and lock stay.
        let most = (width - 2.0 * MIN_NAME_WIDTH - 2.0 * COLUMN_GAP).max(MIN_NAME_WIDTH);
        let by_hand = self.view.name_width.map(|width| width.clamp(MIN_NAME_WIDTH, most));
        let wanted = by_hand.unwrap_or_else(|| wanted_name_width(names, width));
        Widths::new(width, wanted, by_hand.is_some())
    }

    /// Draws the list; whether a cell of it is being edited.
    fn table_ui(&mut self, ui: &mut Ui, ctx: &PanelCtx, rows: &[LayerRow]) -> bool {
        let lines = rows::lines(rows, self.view.folded_blocks.as_deref());
        let widths = self.widths(ctx, ui.available_width());
        let columns = &widths.columns;
        ui.spacing_mut().item_spacing = vec2(COLUMN_GAP, 0.0);
        let mut table = TableBuilder::new(ui)
            .id_salt("layers")
            .striped(false)
            // The keyboard goes from control to control; rows have the arrow keys.
            .sense(Sense::CLICK)
            .cell_layout(egui::Layout::left_to_right(egui::Align::Center))
            .auto_shrink(false);
        for column in columns {
            table = table.column(column.sized(&widths));
        }
        let shown = ctx.session.selection().layer_idx;
        if shown != self.shown_layer_idx {
            self.shown_layer_idx = shown;
            let is_shown = |line: &Line| matches!(line, Line::Layer(at) if rows[*at].idx == shown);
            if let Some(line_idx) = lines.iter().position(is_shown) {
                table = table.scroll_to_row(line_idx, None);
            }
        }
        let ListView { order, folded_blocks, name_width } = &mut self.view;
        let header = |mut header: TableRow| {
            for column in columns {
                header.col(|ui| {
                    column.header_ui(ui, order);
                    if *column == ListColumn::Name {
                        name_handle_ui(ui, name_width);
                    }
                });
            }
        };
        let mut is_editing = false;
        let selected = ctx.session.selected_layers();
        table.header(theme::TABLE_ROW_HEIGHT, header).body(|body| {
            body.rows(theme::TABLE_ROW_HEIGHT, lines.len(), |mut line| {
                match &lines[line.index()] {
                    Line::Block { name, n_layers, share, is_folded } => {
                        let text = format!("{name} · {n_layers} · {}", percent(*share, 1));
                        if block_ui(&mut line, columns, &text, *is_folded) {
                            toggle(folded_blocks, name);
                        }
                    }
                    Line::Layer(at) => {
                        let row = &rows[*at];
                        // What is in sight is measured before the rest.
                        ctx.session.layer_figures(row.idx);
                        line.set_selected(selected.contains(&row.idx));
                        for column in columns {
                            line.col(|ui| is_editing |= column.cell_ui(ui, ctx, row));
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
        is_editing
    }
}

/// The edge of the names' column: dragging or the keys + and − set its width, a double click gives
/// it back to the list.
fn name_handle_ui(ui: &Ui, name_width: &mut Option<f32>) {
    const REACH: f32 = 4.0;
    const KEY_STEP: f32 = 16.0;
    let cell = ui.max_rect();
    let x = cell.right() - 1.0;
    let area = egui::Rect::from_x_y_ranges(x - REACH..=x + 1.0, cell.y_range());
    let response =
        ui.interact(area, egui::Id::unique("edge of layer names"), Sense::click_and_drag());
    response.widget_info(|| {
        egui::WidgetInfo::labeled(egui::Role::Splitter, true, "Width of the layers' names")
    });
    // The arrow keys go to other layers and channels.
    let (less, more) = ui.input(|input| {
        let pressed = |key| input.key_pressed(key);
        (pressed(egui::Key::Minus), pressed(egui::Key::Plus) || pressed(egui::Key::Equals))
    });
    if let Some(at) = response.interact_pointer_pos().filter(|_| response.dragged()) {
        *name_width = Some((at.x - cell.left()).max(MIN_NAME_WIDTH));
    } else if response.has_focus() && less != more {
        let step = if less { -KEY_STEP } else { KEY_STEP };
        *name_width = Some((cell.width() + step).max(MIN_NAME_WIDTH));
    }
    if response.double_clicked() {
        *name_width = None;
    }
    let theme = Theme::of(ui);
    let ink = if response.hovered() || response.dragged() || response.has_focus() {
        theme.accent
    } else {
        theme.line
    };
    ui.painter().vline(x, cell.shrink(7.0).y_range(), egui::Stroke::new(1.0, ink));
    response.on_hover_cursor(egui::CursorIcon::ResizeHorizontal).on_hover_text(
        "Drag, or press + and − here, to give names more or less room; double click for as much as there is",
    );
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

fn footer_ui(
    ui: &mut Ui,
    ctx: &PanelCtx,
    (n_layers, rows): (usize, &[LayerRow]),
    columns: &[ListColumn],
) {
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
        let layout = egui::Layout::right_to_left(egui::Align::Center);
        ui.with_layout(layout, |ui| {
            ui.add_space(theme::PANEL_MARGIN);
            if columns.contains(&ListColumn::Sqnr) {
                poor_legend_ui(ui, rows);
            }
            ui.with_layout(egui::Layout::left_to_right(egui::Align::Center), |ui| {
                ui.add(egui::Label::new(RichText::new(text).color(theme.hint)).truncate());
            });
        });
    });
}

/// What the colour of a bar means, where one has it.
fn poor_legend_ui(ui: &mut Ui, rows: &[LayerRow]) {
    let db = |row: &LayerRow| row.error.shown().and_then(|error| error.sqnr().db());
    let n_poor = rows.iter().filter_map(db).filter(|&db| is_poor(db)).count();
    if n_poor == 0 {
        return;
    }
    let theme = Theme::of(ui);
    ui.spacing_mut().item_spacing.x = 5.0;
    let text = format!("SQNR below {POOR_DB} dB");
    let help = format!("SQNR below {POOR_DB} dB: {}", counted(n_poor, "layer"));
    ui.label(RichText::new(text).color(theme.hint)).on_hover_text(help);
    let (rect, _) = ui.allocate_exact_size(vec2(12.0, 8.0), Sense::hover());
    ui.painter().rect_filled(rect, 2, theme.bad);
    ui.add_space(6.0);
}
