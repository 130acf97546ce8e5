//! The table: a row a layer, a column a candidate. Only what is in sight is laid out; heads, names
//! and the last row stay where they are while the rest scrolls.

use std::ops::Range;

use egui::{Align2, Painter, Rect, Response, ScrollArea, Sense, Ui, WidgetInfo, pos2, vec2};
use egui_material_icons::icons;

use super::digest::Order;
use super::figure::{Figure, Value};
use super::{Content, hover, legend};
use crate::base::thousands;
use crate::quant::SchemeChoice;
use crate::session::{Command, Gesture};
use crate::ui::colormap::ink_on;
use crate::ui::focus_ring::scroll_to_focus;
use crate::ui::short_name::fitted;
use crate::ui::theme::{self, Theme};
use crate::ui::widgets::icon_at;

const HEAD_HEIGHT: f32 = 28.0;
const ROW_HEIGHT: f32 = theme::TABLE_ROW_HEIGHT;
const LEAST_CELL_WIDTH: f32 = 60.0;
/// Wider, and a row is no longer read across.
const MOST_CELL_WIDTH: f32 = 104.0;
const WEIGHTS_WIDTH: f32 = 74.0;
/// Below this width the number of weights yields.
const MIN_WIDTH_FOR_WEIGHTS: f32 = 520.0;
const LEAST_NAME_WIDTH: f32 = 84.0;
/// Of an average letter of a name.
const LETTER_WIDTH: f32 = 6.6;
/// Between two cells.
const GAP: f32 = 1.0;

/// Where the parts of the table stand.
struct Layout {
    name_width: f32,
    weights_width: f32,
    cell_width: f32,
    n_rows: usize,
    n_columns: usize,
}

impl Layout {
    fn new(width: f32, content: &Content, n_rows: usize) -> Self {
        let found = &content.digest.sensed.found;
        let n_columns = found.columns.len();
        let longest = found.layers.iter().map(|layer| layer.name.chars().count()).max();
        let wanted = longest.unwrap_or(0) as f32 * LETTER_WIDTH + 2.0 * theme::PANEL_MARGIN;
        let name_width = wanted.clamp(LEAST_NAME_WIDTH, (0.34 * width).max(LEAST_NAME_WIDTH));
        let weights_width = if width < MIN_WIDTH_FOR_WEIGHTS { 0.0 } else { WEIGHTS_WIDTH };
        let room = width - name_width - weights_width - theme::PANEL_MARGIN;
        let cell_width = (room / n_columns.max(1) as f32).floor();
        let cell_width = cell_width.clamp(LEAST_CELL_WIDTH, MOST_CELL_WIDTH);
        Self { name_width, weights_width, cell_width, n_rows, n_columns }
    }

    /// Of names and weights, which stay where they are.
    fn fixed_width(&self) -> f32 {
        self.name_width + self.weights_width
    }

    fn size(&self) -> egui::Vec2 {
        let rows = (self.n_rows + 1) as f32 * ROW_HEIGHT;
        let cells = self.n_columns as f32 * self.cell_width;
        vec2(self.fixed_width() + cells + theme::PANEL_MARGIN, HEAD_HEIGHT + rows)
    }
}

/// What is in view of the table, on the screen.
struct View<'a, 'b> {
    content: &'b Content<'a>,
    layout: &'b Layout,
    /// The whole of it.
    rect: Rect,
    /// The first cell's corner; it may lie outside.
    origin: egui::Pos2,
    rows: Range<usize>,
    columns: Range<usize>,
}

/// Draws table and legend.
pub(super) fn matrix_ui(ui: &mut Ui, content: &Content, order: &mut Order) {
    let room = ui.available_rect_before_wrap();
    let rows = content.digest.rows(*order);
    let layout = Layout::new(room.width(), content, rows.len());
    let height = (room.height() - legend::HEIGHT).min(layout.size().y + 6.0).max(60.0);
    let place = room.with_max_y(room.top() + height);
    super::region(ui, place, "matrix", |ui| {
        ui.spacing_mut().scroll = egui::style::ScrollStyle::thin();
        ScrollArea::both().auto_shrink(false).show_viewport(ui, |ui, viewport| {
            scroll_to_focus(ui);
            let rect = Rect::from_min_size(ui.max_rect().min, layout.size());
            ui.allocate_rect(rect, Sense::hover());
            let visible = viewport.translate(rect.min.to_vec2());
            view_ui(ui, content, (&layout, visible, rect), (&rows, order));
        });
    });
    let left = room.left() + layout.fixed_width();
    let place = Rect::from_min_max(pos2(left, place.bottom()), room.max);
    super::region(ui, place, "legend", |ui| legend::legend_ui(ui, content.digest));
}

fn view_ui(
    ui: &mut Ui,
    content: &Content,
    (layout, visible, whole): (&Layout, Rect, Rect),
    (order_of_rows, order): (&[usize], &mut Order),
) {
    let origin = whole.min + vec2(layout.fixed_width(), HEAD_HEIGHT);
    let last_top = (whole.bottom() - ROW_HEIGHT).min(visible.bottom() - ROW_HEIGHT);
    let body = Rect::from_min_max(
        visible.min + vec2(layout.fixed_width(), HEAD_HEIGHT),
        pos2(visible.right(), last_top),
    );
    let first = |from: f32, step: f32| (from.max(0.0) / step) as usize;
    let rows = first(body.top() - origin.y, ROW_HEIGHT)
        ..(first(body.bottom() - origin.y, ROW_HEIGHT) + 1).min(layout.n_rows);
    let columns = first(body.left() - origin.x, layout.cell_width)
        ..(first(body.right() - origin.x, layout.cell_width) + 1).min(layout.n_columns);
    let view = View { content, layout, rect: visible, origin, rows, columns };
    clipped(ui, body, "cells", |ui| view.cells_ui(ui, order_of_rows));
    let names = body.with_min_x(visible.left()).with_max_x(body.left());
    clipped(ui, names, "names", |ui| view.names_ui(ui, order_of_rows));
    let last = Rect::from_min_max(pos2(visible.left(), last_top), visible.max);
    clipped(ui, last.with_max_y(last_top + ROW_HEIGHT), "all", |ui| view.last_row_ui(ui, last_top));
    let heads = Rect::from_min_max(visible.min, pos2(visible.right(), body.top()));
    clipped(ui, heads, "heads", |ui| view.heads_ui(ui, order));
}

fn clipped(ui: &mut Ui, rect: Rect, id: &str, content: impl FnOnce(&mut Ui)) {
    if rect.is_positive() {
        super::region(ui, rect, id, content);
    }
}

impl View<'_, '_> {
    fn cell_rect(&self, row: usize, column: usize) -> Rect {
        let at = vec2(column as f32 * self.layout.cell_width, row as f32 * ROW_HEIGHT);
        let size = vec2(self.layout.cell_width - GAP, ROW_HEIGHT - GAP);
        Rect::from_min_size(self.origin + at, size)
    }

    fn cells_ui(&self, ui: &mut Ui, order_of_rows: &[usize]) {
        let columns = &self.content.digest.sensed.found.columns;
        for row in self.rows.clone() {
            let Some(&layer_idx) = order_of_rows.get(row) else { continue };
            let of_network = self.content.digest.layers.get(layer_idx).copied().flatten();
            let present = of_network.map(|idx| self.content.ctx.session.choice(idx));
            for column_idx in self.columns.clone() {
                let Some(column) = columns.get(column_idx) else { continue };
                let is_present = present.as_ref() == Some(&column.choice);
                self.cell_ui(ui, (row, layer_idx, column_idx), (of_network, is_present));
            }
        }
    }

    fn cell_ui(
        &self,
        ui: &mut Ui,
        (row, layer_idx, column_idx): (usize, usize, usize),
        (of_network, is_present): (Option<usize>, bool),
    ) {
        let found = &self.content.digest.sensed.found;
        let (Some(layer), Some(column)) =
            (found.layers.get(layer_idx), found.columns.get(column_idx))
        else {
            return;
        };
        let session = self.content.ctx.session;
        let rect = self.cell_rect(row, column_idx);
        let is_selected = of_network == Some(session.selection().layer_idx);
        // The keyboard goes along the row of the layer that is shown.
        let sense = if is_selected { Sense::click() } else { Sense::CLICK };
        let id = ui.scope_id().with(("cell", layer_idx, column_idx));
        let response = ui.interact(rect, id, sense);
        let refused = matches!(column.cells.get(layer_idx), Some(Err(_)));
        let value = self.content.digest.value(layer_idx, column_idx);
        let text = match value {
            _ if refused => "✕".to_owned(),
            Some(value) => self.content.digest.shown.text(value.value),
            None => "–".to_owned(),
        };
        response.widget_info(|| {
            let unit = self.content.digest.shown.unit();
            let name = format!("{} at {}: {text} {unit}", layer.name, short(&column.choice));
            WidgetInfo::selected(egui::Role::Button, true, is_present, name.trim_end())
        });
        self.paint(ui, rect, (value.filter(|_| !refused), &text), response.hovered());
        let theme = Theme::of(ui);
        if is_present {
            let stroke = egui::Stroke::new(2.0, theme.accent);
            ui.painter().rect_stroke(rect, 1, stroke, egui::StrokeKind::Inside);
            // On a cell of nearly that colour the ring would be lost.
            let stroke = egui::Stroke::new(1.0, theme.background);
            ui.painter().rect_stroke(rect.shrink(2.0), 0, stroke, egui::StrokeKind::Inside);
        }
        let is_locked = of_network.is_some_and(|idx| session.is_locked(idx));
        let cursor = match is_locked || refused {
            true => egui::CursorIcon::NotAllowed,
            false => egui::CursorIcon::PointingHand,
        };
        let response = response.on_hover_cursor(cursor).on_hover_ui(|ui| {
            hover::cell_ui(ui, self.content, (layer_idx, column_idx), (is_present, is_locked));
        });
        if response.clicked() {
            self.take(layer_idx, column_idx, refused);
        }
    }

    /// Sets a layer to a candidate and shows it; a locked one is refused by the session.
    fn take(&self, layer_idx: usize, column_idx: usize, is_refused: bool) {
        let digest = self.content.digest;
        let found = &digest.sensed.found;
        let ctx = self.content.ctx;
        if let (Some(layer), Some(column), false) =
            (found.layers.get(layer_idx), found.columns.get(column_idx), is_refused)
        {
            ctx.send(Command::SetChoice {
                layer: layer.name.clone(),
                choice: column.choice.clone(),
                gesture: Gesture::Once,
            });
        }
        if let Some(idx) = digest.layers.get(layer_idx).copied().flatten() {
            ctx.send(Command::SelectLayer(idx));
        }
    }

    fn paint(&self, ui: &Ui, rect: Rect, (value, text): (Option<Value>, &str), is_hovered: bool) {
        let theme = Theme::of(ui);
        let (fill, ink) = match value {
            Some(value) => {
                let fill = self.content.digest.scale.colour(value, theme.mode());
                (fill, ink_on(fill))
            }
            None if text == "✕" => (theme.track, theme.bad),
            None => (theme.track, theme.label),
        };
        ui.painter().rect_filled(rect, 0, fill);
        ui.painter().text(rect.center(), Align2::CENTER_CENTER, text, theme::mono(11.0), ink);
        if is_hovered {
            let stroke = egui::Stroke::new(1.0, theme.text);
            ui.painter().rect_stroke(rect, 0, stroke, egui::StrokeKind::Inside);
        }
    }

    fn names_ui(&self, ui: &mut Ui, order_of_rows: &[usize]) {
        let theme = Theme::of(ui);
        let found = &self.content.digest.sensed.found;
        let ctx = self.content.ctx;
        for row in self.rows.clone() {
            let Some(&layer_idx) = order_of_rows.get(row) else { continue };
            let Some(layer) = found.layers.get(layer_idx) else { continue };
            let of_network = self.content.digest.layers.get(layer_idx).copied().flatten();
            let cells = self.cell_rect(row, 0);
            let rect = Rect::from_x_y_ranges(
                self.rect.left()..=self.rect.left() + self.layout.fixed_width() - GAP,
                cells.y_range(),
            );
            let id = ui.scope_id().with(("name", layer_idx));
            let response = ui.interact(rect, id, Sense::CLICK);
            let is_selected = of_network == Some(ctx.session.selection().layer_idx);
            response.widget_info(|| {
                let name = format!("Show {}", layer.name);
                WidgetInfo::selected(egui::Role::Button, true, is_selected, name)
            });
            if response.hovered() {
                ui.painter().rect_filled(rect, 0, theme.hover);
            }
            let is_locked = of_network.is_some_and(|idx| ctx.session.is_locked(idx));
            let mut right = rect.left() + self.layout.name_width - 8.0;
            if is_locked {
                let icon = icons::ICON_LOCK.rich_text().color(theme.label);
                icon_at(ui, pos2(right - 6.0, rect.center().y), icon);
                right -= 18.0;
            }
            let ink = if is_selected { theme.accent } else { theme.text };
            let font = if is_selected { theme::title(12.0) } else { theme::text(12.0) };
            let room = right - rect.left() - theme::PANEL_MARGIN;
            let galley = fitted(ui.painter(), &layer.name, (font, ink), room);
            let at = pos2(right - galley.size().x, rect.center().y - galley.size().y / 2.0);
            ui.painter().galley(at, galley, ink);
            self.weights_ui(ui.painter(), rect, &thousands(layer.n_weights), theme);
            let response = response.on_hover_ui(|ui| hover::layer_ui(ui, self.content, layer_idx));
            if let Some(idx) = of_network.filter(|_| response.clicked()) {
                ctx.send(Command::SelectLayer(idx));
            }
        }
    }

    fn weights_ui(&self, painter: &Painter, rect: Rect, text: &str, theme: &Theme) {
        if self.layout.weights_width > 0.0 {
            let at = pos2(rect.right() - 8.0, rect.center().y);
            painter.text(at, Align2::RIGHT_CENTER, text, theme::mono(11.0), theme.hint);
        }
    }

    /// Every layer at once.
    fn last_row_ui(&self, ui: &mut Ui, top: f32) {
        let theme = Theme::of(ui);
        let found = &self.content.digest.sensed.found;
        ui.painter().rect_filled(ui.max_rect(), 0, theme.panel);
        ui.painter().hline(self.rect.x_range(), top, egui::Stroke::new(1.0, theme.line_strong));
        let left = self.rect.left() + self.layout.fixed_width();
        let cells = Rect::from_min_max(pos2(left, top), ui.max_rect().max);
        super::region(ui, cells, "cells of all", |ui| {
            for column_idx in self.columns.clone() {
                let Some(column) = found.columns.get(column_idx) else { continue };
                let x = self.cell_rect(0, column_idx).x_range();
                let rect = Rect::from_x_y_ranges(x, top + 2.0..=top + ROW_HEIGHT - GAP);
                let value = self.content.digest.everything.get(column_idx).copied().flatten();
                let shown = self.content.digest.shown;
                let text = value.map_or_else(|| "–".to_owned(), |value| shown.text(value.value));
                let id = ui.scope_id().with(("all", column_idx));
                let response = ui.interact(rect, id, Sense::hover());
                response.widget_info(|| {
                    let name = format!("All at {}: {text}", short(&column.choice));
                    WidgetInfo::labeled(egui::Role::Label, true, name)
                });
                self.paint(ui, rect, (value, &text), false);
                response.on_hover_ui(|ui| hover::everything_ui(ui, self.content, column_idx));
            }
        });
        let names = Rect::from_min_size(
            pos2(self.rect.left(), top),
            vec2(left - self.rect.left(), ROW_HEIGHT),
        );
        let n_weights: usize = found.layers.iter().map(|layer| layer.n_weights).sum();
        let at = pos2(names.left() + self.layout.name_width - 8.0, names.center().y);
        let font = theme::text(12.0);
        ui.painter().text(at, Align2::RIGHT_CENTER, "all of them", font, theme.label);
        self.weights_ui(ui.painter(), names, &thousands(n_weights), theme);
    }

    fn heads_ui(&self, ui: &mut Ui, order: &mut Order) {
        let theme = Theme::of(ui);
        ui.painter().rect_filled(ui.max_rect(), 0, theme.panel);
        let found = &self.content.digest.sensed.found;
        let y = self.rect.top()..=self.rect.top() + HEAD_HEIGHT - 2.0;
        let fixed = self.rect.left() + self.layout.fixed_width();
        let cells = ui.max_rect().with_min_x(fixed);
        let figure = self.content.digest.shown.figure;
        super::region(ui, cells, "columns", |ui| {
            for column_idx in self.columns.clone() {
                let Some(column) = found.columns.get(column_idx) else { continue };
                let rect =
                    Rect::from_x_y_ranges(self.cell_rect(0, column_idx).x_range(), y.clone());
                let direction = match *order {
                    Order::Harm(idx) if idx == column_idx => Some("▼"),
                    Order::LeastHarm(idx) if idx == column_idx => Some("▲"),
                    _ => None,
                };
                let text = head_text(&column.choice);
                let name = format!("Order by {} at {}", what(figure), short(&column.choice));
                let response = head_ui(ui, rect, (&text, &name, direction));
                let help = format!("{}: a click orders by {} there", column.choice, what(figure));
                if response.on_hover_text(help).clicked() {
                    *order = order.clicked(column_idx);
                }
            }
        });
        let left = Rect::from_x_y_ranges(
            self.rect.left()..=self.rect.left() + self.layout.name_width,
            y.clone(),
        );
        let mark = (*order == Order::Network).then_some("▼");
        let response = head_ui(ui, left, ("Layer", "Order as in the network", mark));
        if response
            .on_hover_text("Layers in the network's order; embeddings stay in float")
            .clicked()
        {
            *order = Order::Network;
        }
        if self.layout.weights_width > 0.0 {
            let rect = Rect::from_x_y_ranges(left.right()..=fixed, y);
            let mark = (*order == Order::Weights).then_some("▼");
            let response = head_ui(ui, rect, ("Weights", "Order by weights", mark));
            if response.on_hover_text("Number of weights: the largest layers first").clicked() {
                *order = Order::Weights;
            }
        }
    }
}

/// The head of a column; the mark tells that rows are ordered by it.
fn head_ui(ui: &Ui, rect: Rect, (text, name, mark): (&str, &str, Option<&str>)) -> Response {
    let theme = Theme::of(ui);
    let response = ui.interact(rect, ui.scope_id().with(name), Sense::click());
    response.widget_info(|| WidgetInfo::selected(egui::Role::Button, true, mark.is_some(), name));
    if response.hovered() {
        ui.painter().rect_filled(rect, 2, theme.hover);
    }
    let ink = if mark.is_some() || response.hovered() { theme.text } else { theme.label };
    let painter = ui.painter().with_clip_rect(rect.intersect(ui.clip_rect()));
    let drawn = painter.text(rect.center(), Align2::CENTER_CENTER, text, theme::mono(11.0), ink);
    if let Some(mark) = mark {
        let down = if mark == "▼" { 1.0 } else { -1.0 };
        let at = pos2(drawn.right() + 7.0, rect.center().y);
        let corners = [vec2(-3.0, -2.0), vec2(3.0, -2.0), vec2(0.0, 2.5)];
        let points = corners.map(|c| at + vec2(c.x, down * c.y)).to_vec();
        painter.add(egui::Shape::convex_polygon(points, theme.accent, egui::Stroke::NONE));
    }
    response.on_hover_cursor(egui::CursorIcon::PointingHand)
}

fn what(figure: Figure) -> &'static str {
    if figure == Figure::Bits { "bits" } else { "harm" }
}

/// `4 bits`, else the whole setting.
fn head_text(choice: &SchemeChoice) -> String {
    match choice.bits() {
        Some(1) => "1 bit".to_owned(),
        Some(bits) => format!("{bits} bits"),
        None => choice.to_string(),
    }
}

/// A candidate in a few letters: `int 4`.
pub(super) fn short(choice: &SchemeChoice) -> String {
    match choice.bits() {
        Some(bits) => format!("{} {bits}", choice.scheme().id()),
        None => choice.to_string(),
    }
}
