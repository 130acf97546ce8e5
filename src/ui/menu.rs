//! The menu bar: the actions by group, what has a list of its own, and the way to the palette.

use egui::{RichText, ThemePreference, Ui, vec2};
use egui_material_icons::icons;

use super::actions::{self, ACTIONS, Action, Group};
use super::dock::{Dock, Preset};
use super::panel::{PANELS, PanelCtx, UiCommand};
use super::recent_files::recent_menu_ui;
use super::sample_cards::cards_ui;
use super::theme::{self, Theme};
use super::widgets::{icon_button, name_it};
use crate::session::{BUILTIN_SAMPLES, Command, ModelRef};

/// Draws the bar.
pub(super) fn menu_ui(ui: &mut Ui, ctx: &PanelCtx, dock: &Dock) {
    let theme = Theme::of(ui);
    egui::MenuBar::new().ui(ui, |ui| {
        ui.set_min_height(theme::BAR_HEIGHT - 4.0);
        ui.add_space(8.0);
        let logo = icons::ICON_GRAPHIC_EQ.rich_text().size(16.0).color(theme.accent);
        ui.label(logo);
        ui.label(RichText::new("Quantscope").font(theme::title(13.0)).color(theme.text));
        ui.add_space(8.0);
        for group in [Group::File, Group::Edit, Group::Layer, Group::View, Group::Help] {
            ui.menu_button(group.name(), |ui| {
                ui.set_min_width(220.0);
                group_ui(ui, ctx, dock, group);
            });
        }
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            ui.add_space(8.0);
            theme_button_ui(ui, ctx);
            arrangement_button_ui(ui, ctx);
            history_buttons_ui(ui, ctx);
            palette_button_ui(ui, ctx);
        });
    });
}

fn group_ui(ui: &mut Ui, ctx: &PanelCtx, dock: &Dock, group: Group) {
    for action in ACTIONS.iter().filter(|action| action.group == group) {
        if action.name == "Open samples…" {
            recent_menu_ui(ui, ctx);
        }
        if action.name == "Save recipe…" {
            ui.separator();
        }
        if action.name == "Quit" {
            ui.separator();
            samples_menu_ui(ui, ctx);
            ui.separator();
        }
        let is_first_theme = action.name == "Dark theme";
        if is_first_theme {
            panels_menu_ui(ui, ctx, dock);
            arrangements_menu_ui(ui, ctx);
            ui.separator();
        }
        if action.name == "Zoom in" {
            ui.separator();
        }
        action_ui(ui, ctx, action);
    }
}

fn action_ui(ui: &mut Ui, ctx: &PanelCtx, action: &Action) {
    let history = ctx.session.history();
    let detail = match action.name {
        "Undo" => history.undo_label(),
        "Redo" => history.redo_label(),
        _ => None,
    };
    let name = match detail {
        Some(detail) => format!("{} “{detail}”", action.name),
        None => action.name.to_owned(),
    };
    let mut button = egui::Button::new(name.as_str());
    if let Some(shortcut) = action.shortcut {
        button = button.shortcut_text(actions::keys_text(ui.ctx(), &shortcut));
    }
    let theme = theme_of(action.name);
    let is_chosen =
        theme.is_some_and(|theme| ui.ctx().options(|options| options.theme_preference) == theme);
    if is_chosen {
        button = button.shortcut_text("✓");
    }
    let response = ui.add_enabled((action.is_enabled)(ctx.session), button);
    name_it(&response, &name);
    if theme.is_some() {
        let toggled = egui::accesskit::Toggled::from(is_chosen);
        ui.ctx().accesskit_node_builder(response.id, |node| node.set_toggled(toggled));
    }
    if response.clicked() {
        (action.run)(ctx);
    }
}

/// The theme that an action sets.
fn theme_of(action: &str) -> Option<ThemePreference> {
    match action {
        "Dark theme" => Some(ThemePreference::Dark),
        "Light theme" => Some(ThemePreference::Light),
        "Theme as the system" => Some(ThemePreference::System),
        _ => None,
    }
}

/// Of the menu that shows the samples as cards.
const SAMPLES_WIDTH: f32 = 440.0;

fn samples_menu_ui(ui: &mut Ui, ctx: &PanelCtx) {
    ui.menu_button("Sample models", |ui| {
        ui.set_width(SAMPLES_WIDTH);
        if let Some(sample) = cards_ui(ui, BUILTIN_SAMPLES) {
            ctx.send(Command::Open(ModelRef::Builtin(sample)));
            ui.close();
        }
    });
}

fn panels_menu_ui(ui: &mut Ui, ctx: &PanelCtx, dock: &Dock) {
    ui.menu_button("Panels", |ui| {
        for entry in PANELS {
            let is_shown = dock.is_shown(entry.id);
            let response = ui.selectable_label(is_shown, entry.title);
            name_it(&response, &format!("Show {}", entry.title));
            if response.clicked() {
                ctx.ask(UiCommand::ShowPanel(entry.id));
            }
        }
    });
}

fn arrangements_menu_ui(ui: &mut Ui, ctx: &PanelCtx) {
    ui.menu_button("Arrangement", |ui| presets_ui(ui, ctx));
}

fn presets_ui(ui: &mut Ui, ctx: &PanelCtx) {
    for preset in Preset::ALL {
        if ui.button(preset.name()).on_hover_text(preset.help()).clicked() {
            ctx.ask(UiCommand::Arrange(preset));
        }
    }
    ui.separator();
    if ui.button("Reset arrangement").clicked() {
        ctx.ask(UiCommand::ResetArrangement);
    }
}

/// The field that is a button: it opens the palette.
fn palette_button_ui(ui: &mut Ui, ctx: &PanelCtx) {
    let theme = Theme::of(ui);
    let room = ui.available_width();
    if room < 150.0 {
        return;
    }
    let width = (room * 0.6).clamp(130.0, 360.0);
    ui.add_space(((room - width) * 0.5).max(8.0));
    let (rect, response) = ui.allocate_exact_size(vec2(width, 24.0), egui::Sense::click());
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, "Commands"));
    let painter = ui.painter();
    let border = if response.hovered() { theme.hint } else { theme.line_strong };
    painter.rect(
        rect,
        4,
        theme.background,
        egui::Stroke::new(1.0, border),
        egui::StrokeKind::Inside,
    );
    let icon = icons::ICON_SEARCH;
    let middle = rect.center().y;
    let font = egui::FontId::new(14.0, egui::FontFamily::Proportional);
    let left = egui::pos2(rect.left() + 8.0, middle);
    painter.text(left, egui::Align2::LEFT_CENTER, icon.codepoint, font, theme.hint);
    let at = egui::pos2(rect.left() + 28.0, middle);
    let text = "Command, layer or setting";
    let clipped = painter.with_clip_rect(rect.shrink2(vec2(4.0, 0.0)));
    clipped.text(at, egui::Align2::LEFT_CENTER, text, theme::text(12.0), theme.hint);
    if width > 220.0 {
        let keys = ui
            .ctx()
            .format_shortcut(&egui::KeyboardShortcut::new(egui::Modifiers::COMMAND, egui::Key::K));
        let right = egui::pos2(rect.right() - 8.0, middle);
        painter.text(right, egui::Align2::RIGHT_CENTER, keys, theme::mono(11.0), theme.label);
    }
    if response.clicked() {
        ctx.ask(UiCommand::OpenPalette);
    }
}

fn theme_button_ui(ui: &mut Ui, ctx: &PanelCtx) {
    let (icon, name, preference) = if ui.visuals().dark_mode {
        (icons::ICON_LIGHT_MODE, "Light theme", ThemePreference::Light)
    } else {
        (icons::ICON_DARK_MODE, "Dark theme", ThemePreference::Dark)
    };
    if icon_button(ui, icon, name).clicked() {
        ctx.ask(UiCommand::SetTheme(preference));
    }
}

fn arrangement_button_ui(ui: &mut Ui, ctx: &PanelCtx) {
    super::widgets::icon_menu(ui, icons::ICON_DASHBOARD, "Arrangement", |ui| presets_ui(ui, ctx));
}

/// From right to left.
fn history_buttons_ui(ui: &mut Ui, ctx: &PanelCtx) {
    for (icon, name) in [(icons::ICON_REDO, "Redo"), (icons::ICON_UNDO, "Undo")] {
        let Some(action) = actions::find(name) else { continue };
        let enabled = (action.is_enabled)(ctx.session);
        let clicked = ui.add_enabled_ui(enabled, |ui| icon_button(ui, icon, name).clicked()).inner;
        if clicked {
            (action.run)(ctx);
        }
    }
}
