//! What stands in the middle while no model is open: ways to open one, and what to try.

use egui::{Align2, RichText, Sense, Stroke, Ui, pos2, vec2};
use egui_material_icons::icons;

use super::dialogs::Dialog;
use super::panel::{PanelCtx, UiCommand};
use super::recent_files::recent_list_ui;
use super::theme::{self, Theme};
use super::widgets::primary_button;
use crate::session::{BUILTIN_SAMPLES, Command, ModelRef};

const WIDTH: f32 = 460.0;

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
        ui.centered_and_justified(|ui| {
            ui.label(RichText::new(format!("{label}…")).color(theme.label));
        });
        return;
    }
    let room = ui.available_size();
    ui.add_space((room.y * 0.16).max(12.0));
    ui.horizontal(|ui| {
        let width = WIDTH.min(room.x - 24.0);
        ui.add_space((room.x - width) / 2.0);
        ui.vertical(|ui| {
            ui.set_width(width);
            drop_area_ui(ui, ctx);
            ui.add_space(16.0);
            ui.label(RichText::new("Sample models").font(theme::title(12.0)).color(theme.label));
            for sample in BUILTIN_SAMPLES {
                if line_ui(ui, icons::ICON_SCIENCE, sample.title, sample.teaches) {
                    ctx.send(Command::Open(ModelRef::Builtin(sample)));
                }
            }
            recent_list_ui(ui, ctx);
            ui.add_space(16.0);
            ui.label(
                RichText::new("Three things to try").font(theme::title(12.0)).color(theme.label),
            );
            for (nth, (title, text)) in TO_TRY.into_iter().enumerate() {
                numbered_ui(ui, nth + 1, title, text);
            }
        });
    });
}

fn drop_area_ui(ui: &mut Ui, ctx: &PanelCtx) {
    let theme = Theme::of(ui);
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), 84.0), Sense::hover());
    let outline = [rect.left_top(), rect.right_top(), rect.right_bottom(), rect.left_bottom()];
    let stroke = Stroke::new(1.0, theme.line_strong);
    for (from, to) in outline.into_iter().zip(outline.into_iter().cycle().skip(1)) {
        ui.painter().extend(egui::Shape::dashed_line(&[from, to], stroke, 4.0, 4.0));
    }
    let content = ui.new_child(
        egui::UiBuilder::new()
            .max_rect(rect.shrink2(vec2(16.0, 12.0)))
            .layout(egui::Layout::left_to_right(egui::Align::Center)),
    );
    let mut ui = content;
    ui.label(icons::ICON_UPLOAD_FILE.rich_text().size(26.0).color(theme.label));
    ui.add_space(8.0);
    ui.vertical(|ui| {
        ui.add_space(10.0);
        ui.label(RichText::new("No model is open").font(theme::title(13.0)).color(theme.text));
        ui.label(
            RichText::new("Drop one here: .safetensors, .onnx, or a folder").color(theme.label),
        );
    });
    ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
        if primary_button(ui, "Open…").clicked() {
            ctx.ask(UiCommand::Dialog(Dialog::PickModel));
        }
    });
}

/// A line to click; whether it was.
fn line_ui(ui: &mut Ui, icon: egui_material_icons::MaterialIcon, title: &str, text: &str) -> bool {
    let theme = Theme::of(ui);
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 40.0), Sense::click());
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, title));
    if response.hovered() {
        ui.painter().rect_filled(rect, 4, theme.hover);
    }
    let painter = ui.painter().with_clip_rect(rect);
    let font = egui::FontId::new(16.0, egui::FontFamily::Proportional);
    let left = pos2(rect.left() + 8.0, rect.center().y);
    painter.text(left, Align2::LEFT_CENTER, icon.codepoint, font, theme.label);
    let at = rect.left_top() + vec2(36.0, 5.0);
    painter.text(at, Align2::LEFT_TOP, title, theme::text(13.0), theme.text);
    let at = rect.left_top() + vec2(36.0, 22.0);
    painter.text(at, Align2::LEFT_TOP, text, theme::text(11.0), theme.hint);
    response.clicked()
}

fn numbered_ui(ui: &mut Ui, number: usize, title: &str, text: &str) {
    let theme = Theme::of(ui);
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), 42.0), Sense::hover());
    let centre = pos2(rect.left() + 14.0, rect.center().y);
    let painter = ui.painter();
    painter.circle_stroke(centre, 11.0, Stroke::new(1.0, theme.line_strong));
    let digit = number.to_string();
    painter.text(centre, Align2::CENTER_CENTER, digit, theme::mono(11.0), theme.label);
    let at = rect.left_top() + vec2(36.0, 5.0);
    painter.text(at, Align2::LEFT_TOP, title, theme::text(13.0), theme.text);
    let at = rect.left_top() + vec2(36.0, 23.0);
    painter.text(at, Align2::LEFT_TOP, text, theme::text(12.0), theme.label);
}
