//! The models opened last: as a submenu of *File*, and as a list where no model is open.

use egui::{RichText, Ui};

use super::panel::PanelCtx;
use super::path_field::recent_detail;
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
    let theme = Theme::of(ui);
    ui.vertical_centered(|ui| {
        ui.add_space(24.0);
        ui.set_max_width(460.0);
        ui.label(RichText::new("Recent").font(theme::title(12.0)).color(theme.text));
        for file in recent {
            if entry_ui(ui, file) {
                ctx.send(Command::Open(ModelRef::Path(file.path.clone())));
            }
        }
    });
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
