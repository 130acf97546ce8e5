//! Small drawn parts that several panels use.

use std::sync::Arc;

use egui::text::{LayoutJob, TextWrapping};
use egui::{
    Align2, Color32, FontId, Galley, Pos2, Rect, Response, RichText, Sense, Ui, WidgetInfo, pos2,
    vec2,
};

use super::theme::{self, Theme};
use crate::eval::Estimate;
use crate::session::Gesture;

/// A caption over a number, as in the header strip.
pub fn caption(ui: &mut Ui, text: &str) -> Response {
    let colour = Theme::of(ui).label;
    ui.label(RichText::new(text).font(theme::text(12.0)).color(colour))
}

/// A number in the mono font; a right click copies it.
pub fn number(ui: &mut Ui, text: &str, size: f32, colour: Color32) -> Response {
    let text_shown = RichText::new(text).font(theme::mono(size)).color(colour);
    let response = ui.label(text_shown);
    // Labels do not sense clicks, so that what they lie on does.
    if response.hovered() && ui.input(|input| input.pointer.secondary_clicked()) {
        ui.ctx().copy_text(text.to_owned());
    }
    response
}

/// A row of a list of figures: what on the left, the number on the right.
pub fn figure_row(ui: &mut Ui, name: &str, value: &str, help: &str) {
    let theme = Theme::of(ui);
    let response = ui
        .horizontal(|ui| {
            ui.label(RichText::new(name).color(theme.label));
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                number(ui, value, 12.0, theme.text);
            });
        })
        .response;
    response.on_hover_text(help);
}

/// Names and numbers in two columns, as in a tooltip.
pub fn figure_table(
    ui: &mut Ui,
    id: &str,
    rows: impl IntoIterator<Item = (&'static str, String, Color32)>,
) {
    let theme = Theme::of(ui);
    egui::Grid::new(id).num_columns(2).spacing(vec2(18.0, 2.0)).show(ui, |ui| {
        for (name, value, colour) in rows {
            ui.label(RichText::new(name).color(theme.label));
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                number(ui, &value, 12.0, colour);
            });
            ui.end_row();
        }
    });
}

/// A bar filled to `fraction`, on a track.
pub fn bar(ui: &mut Ui, size: egui::Vec2, fraction: f32, colour: Color32) -> Response {
    let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
    let painter = ui.painter();
    painter.rect_filled(rect, 2, Theme::of(ui).track);
    let mut filled = rect;
    filled.set_width(rect.width() * fraction.clamp(0.0, 1.0));
    painter.rect_filled(filled, 2, colour);
    response
}

/// Content of at most that width, in the middle of wider room.
pub fn centred_ui<R>(ui: &mut Ui, max_width: f32, content: impl FnOnce(&mut Ui) -> R) -> R {
    let room = ui.available_rect_before_wrap();
    let side = ((room.width() - max_width) / 2.0).max(0.0).floor();
    let place = room.shrink2(vec2(side, 0.0));
    let builder = egui::UiBuilder::new().max_rect(place);
    ui.scope_builder(builder, content).inner
}

/// Draws into a part of a panel.
pub fn region<R>(ui: &mut Ui, rect: Rect, id: &str, content: impl FnOnce(&mut Ui) -> R) -> R {
    let mut child = ui.new_child(egui::UiBuilder::new().id_salt(id).max_rect(rect));
    child.shrink_clip_rect(rect);
    content(&mut child)
}

/// A line of text that ends in “…” where it is longer than `width`.
pub fn cut_text(ui: &Ui, text: String, font: FontId, colour: Color32, width: f32) -> Arc<Galley> {
    let mut job = LayoutJob::simple_singleline(text, font, colour);
    job.wrap = TextWrapping::truncate_at_width(width.max(8.0));
    ui.painter().layout_job(job)
}

/// Paints a galley with its `anchor` at `place`.
pub fn paint_text(ui: &Ui, place: Pos2, anchor: Align2, galley: Arc<Galley>) {
    let rect = anchor.anchor_size(place, galley.size());
    ui.painter().galley(rect.min, galley, Theme::of(ui).text);
}

/// A heading of a section within a panel, with something on its right.
pub fn section(ui: &mut Ui, title: &str, right: &str) {
    let theme = Theme::of(ui);
    ui.add_space(4.0);
    ui.horizontal(|ui| {
        ui.label(RichText::new(title).font(theme::title(12.0)).color(theme.text));
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            ui.label(RichText::new(right).color(theme.hint));
        });
    });
}

/// Float above quantized on one axis: a dot or square on the line of its 95 % interval.
pub fn intervals(ui: &mut Ui, float: Estimate, quantized: Option<Estimate>, size: egui::Vec2) {
    let help = "● float and ■ quantized, each on the line of its 95 % interval";
    intervals_of(ui, [Some(float), quantized], size, help);
}

/// Two estimates on one axis, a dot above a square.
pub fn intervals_of(ui: &mut Ui, all: [Option<Estimate>; 2], size: egui::Vec2, help: &str) {
    let theme = Theme::of(ui);
    let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
    let lo = all.iter().flatten().map(|e| e.ci95.0).fold(f64::INFINITY, f64::min);
    let hi = all.iter().flatten().map(|e| e.ci95.1).fold(f64::NEG_INFINITY, f64::max);
    let width = (hi - lo).max(f64::MIN_POSITIVE);
    let x = |value: f64| rect.left() + 4.0 + (rect.width() - 8.0) * ((value - lo) / width) as f32;
    let rows = [(all[0], 0.28, theme.original), (all[1], 0.72, theme.quantized)];
    for (row_idx, (estimate, height, colour)) in rows.into_iter().enumerate() {
        let Some(estimate) = estimate else { continue };
        let y = rect.top() + rect.height() * height;
        let stroke = egui::Stroke::new(2.0, colour);
        let (left, right) = (x(estimate.ci95.0), x(estimate.ci95.1));
        ui.painter().hline(left..=right, y, stroke);
        for end in [left, right] {
            ui.painter().vline(end, y - 3.0..=y + 3.0, egui::Stroke::new(1.0, colour));
        }
        let centre = pos2(x(estimate.value), y);
        if row_idx == 0 {
            ui.painter().circle_filled(centre, 4.0, colour);
        } else {
            ui.painter().rect_filled(Rect::from_center_size(centre, vec2(8.0, 8.0)), 1, colour);
        }
    }
    response.widget_info(|| WidgetInfo::labeled(egui::Role::Label, true, "Accuracy intervals"));
    response.on_hover_text(help);
}

/// Two shares of a whole beside each other; the second hatched, so that colour is not the only
/// sign.
pub fn split_bar(ui: &mut Ui, first_fraction: f32, first: Color32, second: Color32) {
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), 10.0), Sense::hover());
    let split = rect.left() + rect.width() * first_fraction.clamp(0.0, 1.0);
    let (left, right) = rect.split_left_right_at_x(split);
    ui.painter().rect_filled(left, 2, first);
    ui.painter().rect_filled(right, 2, second.gamma_multiply(0.45));
    hatch(&ui.painter().with_clip_rect(right), right, second);
}

/// Slanted lines over a rectangle: the sign of clipping.
pub fn hatch(painter: &egui::Painter, rect: Rect, colour: Color32) {
    const SPACING: f32 = 6.0;
    let n_lines = ((rect.width() + rect.height()) / SPACING).ceil().min(2000.0) as usize;
    for line_idx in 0..n_lines {
        let x = rect.left() + line_idx as f32 * SPACING;
        painter.line_segment(
            [pos2(x, rect.top()), pos2(x - rect.height(), rect.bottom())],
            egui::Stroke::new(1.0, colour),
        );
    }
}

/// An entry of the legend: a small drawing and a name, one thing that wraps as a whole.
pub fn legend_entry_ui(
    ui: &mut Ui,
    (name, help): (&str, &str),
    draw: impl FnOnce(&egui::Painter, Rect),
) -> Response {
    const SAMPLE: egui::Vec2 = vec2(20.0, 12.0);
    let theme = Theme::of(ui);
    let galley = ui.painter().layout_no_wrap(name.to_owned(), theme::text(12.0), theme.label);
    let size = vec2(SAMPLE.x + 5.0 + galley.size().x, 20.0);
    let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
    let corner = pos2(rect.left(), rect.center().y - SAMPLE.y / 2.0);
    draw(ui.painter(), Rect::from_min_size(corner, SAMPLE));
    let place = pos2(rect.left() + SAMPLE.x + 5.0, rect.center().y - galley.size().y / 2.0);
    ui.painter().galley(place, galley, theme.label);
    response.widget_info(|| WidgetInfo::labeled(egui::Role::Label, true, name));
    response.on_hover_text(help)
}

/// The one button of a group that goes on.
pub fn primary_button(ui: &mut Ui, name: &str) -> Response {
    let theme = Theme::of(ui);
    let text = RichText::new(name).font(theme::title(12.0)).color(theme.background);
    ui.add(egui::Button::new(text).fill(theme.accent).min_size(vec2(56.0, 26.0)))
}

/// A quiet button with an icon; the name is its tooltip and what screen readers say.
pub fn icon_button(ui: &mut Ui, icon: egui_material_icons::MaterialIcon, name: &str) -> Response {
    let button = egui::Button::new(icon.rich_text().size(16.0)).frame(false);
    let response = ui.add(button.min_size(vec2(24.0, 24.0)));
    name_it(&response, name);
    response.on_hover_text(name)
}

/// An icon around a place, taking no room in the layout.
pub fn icon_at(ui: &mut Ui, centre: Pos2, icon: RichText) {
    let rect = Rect::from_center_size(centre, vec2(16.0, 16.0));
    let mut place = ui.new_child(egui::UiBuilder::new().max_rect(rect));
    place.add(egui::Label::new(icon.size(16.0)).extend());
}

/// The arrow of a list that opens: the same on every one.
pub fn combo_icon(ui: &Ui, rect: Rect, visuals: &egui::style::WidgetVisuals, _is_open: bool) {
    let centre = rect.center();
    let points = [vec2(-3.5, -1.75), vec2(0.0, 1.75), vec2(3.5, -1.75)].map(|at| centre + at);
    let stroke = egui::Stroke::new(1.5, visuals.fg_stroke.color);
    ui.painter().add(egui::Shape::line(points.to_vec(), stroke));
}

/// A quiet button with an icon that opens a menu.
pub fn icon_menu(
    ui: &mut Ui,
    icon: egui_material_icons::MaterialIcon,
    name: &str,
    content: impl FnOnce(&mut Ui),
) {
    let button = egui::Button::new(icon.rich_text().size(16.0)).frame(false);
    let (response, _) =
        egui::containers::menu::MenuButton::from_button(button.min_size(vec2(24.0, 24.0)))
            .ui(ui, content);
    name_it(&response, name);
    response.on_hover_text(name);
}

/// Gives a control the name that screen readers and tests know it by.
pub fn name_it(response: &Response, name: &str) {
    response.ctx.accesskit_node_builder(response.id, |node| node.set_label(name));
}

/// What the change a control reports belongs to: all changes from one press of the mouse to its
/// release are one step of the history.
pub fn gesture_of(response: &Response) -> Gesture {
    let pressed = response.ctx.input(|input| input.pointer.press_start_time());
    match pressed.filter(|_| response.dragged()) {
        Some(seconds) => Gesture::Drag(seconds.to_bits()),
        None => Gesture::Once,
    }
}
