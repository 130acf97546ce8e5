//! The list of all keys.

use egui::{RichText, ScrollArea, Ui};

use super::actions::{ACTIONS, Group, keys_text};
use super::theme::{self, Theme};

/// Draws the list while it is open; whether it stays open.
pub(super) fn shortcuts_ui(ui: &Ui) -> bool {
    let modal = egui::Modal::new(egui::Id::unique("shortcuts")).show(ui.ctx(), |ui| {
        ui.set_width(420.0);
        let theme = Theme::of(ui);
        ui.label(RichText::new("Keyboard shortcuts").font(theme::title(14.0)).color(theme.text));
        ui.add_space(8.0);
        ScrollArea::vertical().max_height(480.0).show(ui, |ui| {
            for group in [Group::File, Group::Edit, Group::Layer, Group::View, Group::Help] {
                ui.label(RichText::new(group.name()).font(theme::title(12.0)).color(theme.label));
                for action in ACTIONS.iter().filter(|action| action.group == group) {
                    let Some(shortcut) = action.shortcut else { continue };
                    ui.horizontal(|ui| {
                        ui.add_space(8.0);
                        ui.label(RichText::new(action.name).color(theme.text));
                        let keys = keys_text(ui.ctx(), &shortcut);
                        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                            ui.add_space(12.0);
                            ui.label(
                                RichText::new(keys).font(theme::mono(12.0)).color(theme.label),
                            );
                        });
                    });
                }
                ui.add_space(8.0);
            }
            ui.label(
                RichText::new("Ctrl+click adds a layer to the selection, Shift+click a range.")
                    .color(theme.hint),
            );
        });
        ui.add_space(8.0);
        ui.button("Close").clicked()
    });
    !(modal.inner || modal.should_close())
}
