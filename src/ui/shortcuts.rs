//! The list of all keys.

use egui::scroll_area::ScrollBarVisibility;
use egui::{RichText, ScrollArea, Ui};

use super::actions::{ACTIONS, Group, keys_text};
use super::messages::list_height;
use super::theme::{self, Theme};

/// Draws the list while it is open; whether it stays open.
pub(super) fn shortcuts_ui(ui: &Ui) -> bool {
    let modal = egui::Modal::new(egui::Id::unique("shortcuts")).show(ui.ctx(), |ui| {
        let room = ui.ctx().content_rect().size();
        ui.set_width(420.0_f32.min(room.x - 64.0));
        let theme = Theme::of(ui);
        ui.label(RichText::new("Keyboard shortcuts").font(theme::title(14.0)).color(theme.text));
        ui.add_space(8.0);
        // A bar of its own place, so that it is seen that there is more.
        ui.spacing_mut().scroll = egui::style::ScrollStyle::solid();
        ui.visuals_mut().widgets.inactive.bg_fill = theme.line_strong;
        let list = ScrollArea::vertical().max_height(list_height(room.y));
        let list = list.scroll_bar_visibility(ScrollBarVisibility::VisibleWhenNeeded);
        list.show(ui, list_ui);
        ui.add_space(8.0);
        ui.button("Close").clicked()
    });
    !(modal.inner || modal.should_close())
}

fn list_ui(ui: &mut Ui) {
    let theme = Theme::of(ui);
    for group in [Group::File, Group::Edit, Group::Layer, Group::View, Group::Help] {
        ui.label(RichText::new(group.name()).font(theme::title(12.0)).color(theme.label));
        for action in ACTIONS.iter().filter(|action| action.group == group) {
            let Some(shortcut) = action.shortcut else { continue };
            let keys = keys_text(ui.ctx(), &shortcut);
            row_ui(ui, action.name, &keys);
        }
        if group == Group::View {
            row_ui(ui, "Leave an enlarged panel", "Esc");
        }
        ui.add_space(8.0);
    }
    ui.label(
        RichText::new("Ctrl+click adds a layer to the selection, Shift+click a range.")
            .color(theme.hint),
    );
}

fn row_ui(ui: &mut Ui, name: &str, keys: &str) {
    let theme = Theme::of(ui);
    ui.horizontal(|ui| {
        ui.add_space(8.0);
        ui.label(RichText::new(name).color(theme.text));
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            ui.add_space(12.0);
            ui.label(RichText::new(keys).font(theme::mono(12.0)).color(theme.label));
        });
    });
}
