//! What stands in the middle while no model is open: ways to open one, and what to try.

use egui::{Align2, Rect, RichText, ScrollArea, Sense, Stroke, Ui, pos2, vec2};
use egui_material_icons::icons;

use super::dialogs::Dialog;
use super::panel::{PanelCtx, UiCommand};
use super::recent_files::recent_list_ui;
use super::sample_cards::cards_ui;
use super::theme::{self, Theme};
use super::widgets::primary_button;
use crate::session::{BUILTIN_SAMPLES, Command, ModelRef};

/// The widest the page gets, and the room beside it.
const MAX_WIDTH: f32 = 1080.0;
const MARGIN: f32 = 24.0;
const GAP: f32 = 12.0;
/// From this width on, two lists stand beside each other.
const TWO_COLUMNS: f32 = 720.0;

/// Below this width the ways to open a model stand under the invitation.
const NARROW: f32 = 430.0;

/// What to try once a model is open.
const TO_TRY: [(&str, &str); 3] = [
    ("Drag an end of the range", "The error splits into clipping and rounding as it moves."),
    ("Press [ and ] on a layer", "Fewer bits, more bits; the model's accuracy follows."),
    ("Look at the samples that broke", "Which answers changed, and what the float model said."),
];

/// Draws the start screen; while something is being opened, its name.
pub(super) fn start_ui(ui: &mut Ui, ctx: &PanelCtx) {
    let theme = Theme::of(ui);
    if let Some(label) = ctx.session.opening() {
        ui.vertical_centered(|ui| {
            ui.add_space(ui.available_height() * 0.4);
            ui.spinner();
            ui.add_space(8.0);
            ui.add(egui::Label::new(RichText::new(format!("{label}…")).color(theme.label)).wrap());
        });
        return;
    }
    ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        let room = ui.available_size();
        let width = MAX_WIDTH.min(room.x - 2.0 * MARGIN);
        ui.add_space((room.y * 0.09).clamp(16.0, 160.0));
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = 0.0;
            ui.add_space((room.x - width) / 2.0);
            ui.vertical(|ui| {
                ui.set_width(width);
                page_ui(ui, ctx);
                ui.add_space(MARGIN);
            });
        });
    });
}

fn page_ui(ui: &mut Ui, ctx: &PanelCtx) {
    drop_area_ui(ui, ctx);
    ui.add_space(20.0);
    heading_ui(ui, "Sample models");
    if let Some(sample) = cards_ui(ui, BUILTIN_SAMPLES) {
        ctx.send(Command::Open(ModelRef::Builtin(sample)));
    }
    ui.add_space(12.0);
    let has_recent = !ctx.session.recent().is_empty();
    if has_recent && ui.available_width() >= TWO_COLUMNS {
        ui.spacing_mut().item_spacing.x = 2.0 * GAP;
        ui.columns(2, |columns| {
            if let [left, right] = columns {
                recent_list_ui(left, ctx);
                to_try_ui(right);
            }
        });
    } else {
        if has_recent {
            recent_list_ui(ui, ctx);
            ui.add_space(12.0);
        }
        to_try_ui(ui);
    }
}

/// The name of a part of the page.
pub(super) fn heading_ui(ui: &mut Ui, text: &str) {
    let colour = Theme::of(ui).label;
    ui.label(RichText::new(text).font(theme::title(12.0)).color(colour));
    ui.add_space(4.0);
}

fn drop_area_ui(ui: &mut Ui, ctx: &PanelCtx) {
    let theme = Theme::of(ui);
    let width = ui.available_width();
    let is_narrow = width < NARROW;
    let height = if is_narrow { 128.0 } else { 84.0 };
    let (rect, _) = ui.allocate_exact_size(vec2(width, height), Sense::hover());
    let outline = [rect.left_top(), rect.right_top(), rect.right_bottom(), rect.left_bottom()];
    let stroke = Stroke::new(1.0, theme.line_strong);
    for (from, to) in outline.into_iter().zip(outline.into_iter().cycle().skip(1)) {
        ui.painter().extend(egui::Shape::dashed_line(&[from, to], stroke, 4.0, 4.0));
    }
    let inner = rect.shrink2(vec2(16.0, 12.0));
    let child = |ui: &mut Ui, place: Rect, layout| {
        ui.new_child(egui::UiBuilder::new().max_rect(place).layout(layout))
    };
    let left_to_right = egui::Layout::left_to_right(egui::Align::Center);
    let right_to_left = egui::Layout::right_to_left(egui::Align::Center);
    if is_narrow {
        let (above, below) = inner.split_top_bottom_at_y(inner.bottom() - 34.0);
        invitation_ui(&mut child(ui, above, left_to_right));
        ways_ui(&mut child(ui, below, right_to_left), ctx);
    } else {
        let mut right = child(ui, inner, right_to_left);
        ways_ui(&mut right, ctx);
        right.with_layout(left_to_right, invitation_ui);
    }
}

fn invitation_ui(ui: &mut Ui) {
    let theme = Theme::of(ui);
    ui.spacing_mut().item_spacing.x = 8.0;
    ui.label(icons::ICON_UPLOAD_FILE.rich_text().size(26.0).color(theme.label));
    ui.add_space(8.0);
    ui.vertical(|ui| {
        ui.add_space((ui.available_height() - 38.0).max(0.0) / 2.0);
        ui.label(RichText::new("No model is open").font(theme::title(13.0)).color(theme.text));
        let text = RichText::new("Drop one here: .safetensors, .onnx, or a folder");
        ui.add(egui::Label::new(text.color(theme.label)).wrap());
    });
}

/// From right to left.
fn ways_ui(ui: &mut Ui, ctx: &PanelCtx) {
    ui.spacing_mut().item_spacing.x = 8.0;
    if primary_button(ui, "Open…").clicked() {
        ctx.ask(UiCommand::Dialog(Dialog::PickModel));
    }
    let help = "Type or complete the path of a file or folder";
    let path = egui::Button::new("Path…").min_size(vec2(56.0, 26.0));
    if ui.add(path).on_hover_text(help).clicked() {
        ctx.ask(UiCommand::Dialog(Dialog::TypePath));
    }
}

fn to_try_ui(ui: &mut Ui) {
    heading_ui(ui, "Three things to try");
    for (nth, (title, text)) in TO_TRY.into_iter().enumerate() {
        numbered_ui(ui, nth + 1, title, text);
    }
}

fn numbered_ui(ui: &mut Ui, number: usize, title: &str, text: &str) {
    let theme = Theme::of(ui);
    let width = ui.available_width();
    let room = (width - 48.0).max(80.0);
    let text = ui.painter().layout(text.to_owned(), theme::text(12.0), theme.label, room);
    let height = 25.0 + text.size().y;
    let (rect, _) = ui.allocate_exact_size(vec2(width, height), Sense::hover());
    let centre = pos2(rect.left() + 19.0, rect.top() + 20.0);
    let painter = ui.painter();
    painter.circle_stroke(centre, 11.0, Stroke::new(1.0, theme.line_strong));
    let digit = number.to_string();
    painter.text(centre, Align2::CENTER_CENTER, digit, theme::mono(11.0), theme.label);
    let at = rect.left_top() + vec2(44.0, 4.0);
    painter.text(at, Align2::LEFT_TOP, title, theme::text(13.0), theme.text);
    let at = rect.left_top() + vec2(44.0, 21.0);
    painter.galley(at, text, theme.label);
}
