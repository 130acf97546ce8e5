//! The models opened last: as a submenu of *File*, and as a list where no model is open.

use egui::{Align2, RichText, Ui};
use egui_material_icons::icons;

use super::panel::PanelCtx;
use super::path_field::recent_detail;
use super::start_view::heading_ui;
use super::theme::{self, Theme};
use crate::session::{Command, ModelRef, RecentFile};

/// The submenu; its entries open a model.
pub fn recent_menu_ui(ui: &mut Ui, ctx: &PanelCtx) {
    let recent = ctx.session.recent();
    ui.add_enabled_ui(!recent.is_empty(), |ui| {
        ui.menu_button("Open recent", |ui| {
            for file in recent {
                if entry_ui(ui, file) {
                    ctx.send(Command::Open(ModelRef::Path(file.path.clone())));
                }
            }
            ui.separator();
            if ui.button("Clear list").clicked() {
                ctx.send(Command::ClearRecent);
            }
        });
    });
}

/// The list for a window without a model; nothing where there is none.
pub fn recent_list_ui(ui: &mut Ui, ctx: &PanelCtx) {
    let recent = ctx.session.recent();
    if recent.is_empty() {
        return;
    }
    heading_ui(ui, "Recent");
    for file in recent {
        if line_ui(ui, file) {
            ctx.send(Command::Open(ModelRef::Path(file.path.clone())));
        }
    }
}

/// A line of the start screen; whether it was clicked.
fn line_ui(ui: &mut Ui, file: &RecentFile) -> bool {
    let theme = Theme::of(ui);
    let (rect, response) =
        ui.allocate_exact_size(egui::vec2(ui.available_width(), 40.0), egui::Sense::click());
    let label = format!("Open recent {}", file.title);
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, &label));
    let painter = ui.painter().with_clip_rect(rect);
    if response.hovered() || response.has_focus() {
        painter.rect_filled(rect, 4, theme.hover);
    }
    let (ink, hint) =
        if file.is_missing { (theme.hint, theme.hint) } else { (theme.text, theme.label) };
    let icon = if file.is_missing { icons::ICON_LINK_OFF } else { icons::ICON_HISTORY };
    let at = egui::pos2(rect.left() + 19.0, rect.center().y);
    let font = egui::FontId::new(16.0, egui::FontFamily::Proportional);
    painter.text(at, Align2::CENTER_CENTER, icon.codepoint, font, theme.label);
    let right = egui::pos2(rect.right() - 8.0, rect.center().y);
    let detail = recent_detail(file);
    let detail = painter.text(right, Align2::RIGHT_CENTER, detail, theme::mono(11.0), theme.hint);
    let room = detail.left() - rect.left() - 44.0 - 12.0;
    let cut = |text: String, font, colour| {
        let mut job = egui::text::LayoutJob::simple_singleline(text, font, colour);
        job.wrap = egui::text::TextWrapping::truncate_at_width(room);
        painter.layout_job(job)
    };
    let title = cut(file.title.clone(), theme::text(13.0), ink);
    let path = cut(file.path.display().to_string(), theme::text(11.0), hint);
    painter.galley(rect.left_top() + egui::vec2(44.0, 4.0), title, ink);
    painter.galley(rect.left_top() + egui::vec2(44.0, 21.0), path, hint);
    response.on_hover_text(file.path.display().to_string()).clicked()
}

fn entry_ui(ui: &mut Ui, file: &RecentFile) -> bool {
    let theme = Theme::of(ui);
    let name = file.path.file_name().unwrap_or_default().to_string_lossy();
    let ink = if file.is_missing { theme.hint } else { theme.text };
    let title = RichText::new(format!("{} · {name}", file.title)).color(ink);
    let detail = RichText::new(recent_detail(file)).font(theme::mono(11.0)).color(theme.hint);
    let button = egui::Button::new(title).right_text(detail).truncate();
    let size = egui::vec2(ui.available_width().max(300.0), theme::TABLE_ROW_HEIGHT);
    let response = ui.add_sized(size, button);
    let label = format!("Open recent {}", file.title);
    response.ctx.accesskit_node_builder(response.id, |node| node.set_label(label));
    response.on_hover_text(file.path.display().to_string()).clicked()
}
