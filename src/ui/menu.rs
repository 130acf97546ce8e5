//! The menu bar and the keyboard shortcuts of its entries.

use egui::{Key, KeyboardShortcut, Modifiers, RichText, ThemePreference, Ui};
use egui_material_icons::icons;

use super::dialogs::Dialog;
use super::import_dialog::import_menu_ui;
use super::panel::PanelCtx;
use super::theme::{self, Theme};
use crate::session::{BUILTIN_SAMPLES, Command, ModelRef};

const OPEN: KeyboardShortcut = KeyboardShortcut::new(Modifiers::COMMAND, Key::O);
const UNDO: KeyboardShortcut = KeyboardShortcut::new(Modifiers::COMMAND, Key::Z);
const REDO: KeyboardShortcut =
    KeyboardShortcut::new(Modifiers::COMMAND.plus(Modifiers::SHIFT), Key::Z);

/// Draws the bar; a dialog that was asked for is returned.
pub fn menu_ui(ui: &mut Ui, ctx: &PanelCtx) -> Option<Dialog> {
    let theme = Theme::of(ui);
    let mut dialog = None;
    egui::MenuBar::new().ui(ui, |ui| {
        ui.set_min_height(theme::BAR_HEIGHT - 4.0);
        ui.add_space(8.0);
        let logo = icons::ICON_GRAPHIC_EQ.rich_text().size(16.0).color(theme.accent);
        ui.label(logo);
        ui.label(RichText::new("Quantscope").font(theme::title(13.0)).color(theme.text));
        ui.add_space(8.0);
        ui.menu_button("File", |ui| {
            if entry(ui, "Open model…", Some(OPEN)) {
                dialog = Some(Dialog::PickModel);
            }
            if entry(ui, "Open path…", None) {
                dialog = Some(Dialog::TypePath);
            }
            ui.add_enabled_ui(ctx.session.network().is_some(), |ui| {
                if entry(ui, "Open samples…", None) {
                    dialog = Some(Dialog::PickSamples);
                }
                dialog = import_menu_ui(ui).or(dialog);
            });
            ui.separator();
            ui.menu_button("Samples", |ui| {
                for sample in BUILTIN_SAMPLES {
                    if ui.button(sample.title).on_hover_text(sample.teaches).clicked() {
                        ctx.send(Command::Open(ModelRef::Builtin(sample)));
                    }
                }
            });
            ui.separator();
            if entry(ui, "Quit", None) {
                ui.ctx().send_viewport_cmd(egui::ViewportCommand::Close);
            }
        });
        ui.menu_button("Edit", |ui| edit_menu_ui(ui, ctx));
        ui.menu_button("View", |ui| view_menu_ui(ui, ctx));
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            ui.add_space(8.0);
            theme_button_ui(ui);
            history_buttons_ui(ui, ctx);
        });
    });
    shortcuts(ui, ctx).or(dialog)
}

fn entry(ui: &mut Ui, name: &str, shortcut: Option<KeyboardShortcut>) -> bool {
    let mut button = egui::Button::new(name);
    if let Some(shortcut) = shortcut {
        button = button.shortcut_text(ui.ctx().format_shortcut(&shortcut));
    }
    ui.add(button).clicked()
}

fn edit_menu_ui(ui: &mut Ui, ctx: &PanelCtx) {
    let history = ctx.session.history();
    let named = |verb: &str, label: Option<&str>| match label {
        Some(label) => format!("{verb} “{label}”"),
        None => verb.to_owned(),
    };
    ui.add_enabled_ui(history.undo_label().is_some(), |ui| {
        if entry(ui, &named("Undo", history.undo_label()), Some(UNDO)) {
            ctx.send(Command::Undo);
        }
    });
    ui.add_enabled_ui(history.redo_label().is_some(), |ui| {
        if entry(ui, &named("Redo", history.redo_label()), Some(REDO)) {
            ctx.send(Command::Redo);
        }
    });
}

fn view_menu_ui(ui: &mut Ui, ctx: &PanelCtx) {
    if entry(ui, "Compute again", None) {
        ctx.send(Command::Retry);
    }
    ui.separator();
    let current = ui.ctx().options(|options| options.theme_preference);
    let themes = [
        ("Dark", ThemePreference::Dark),
        ("Light", ThemePreference::Light),
        ("As the system", ThemePreference::System),
    ];
    for (name, preference) in themes {
        if ui.radio(current == preference, name).clicked() {
            ui.ctx().set_theme(preference);
        }
    }
    ui.separator();
    egui::gui_zoom::zoom_menu_buttons(ui);
}

fn icon_button(
    ui: &mut Ui,
    icon: egui_material_icons::MaterialIcon,
    name: &str,
    enabled: bool,
) -> bool {
    let button = egui::Button::new(icon.rich_text().size(16.0)).frame(false);
    let response = ui.add_enabled(enabled, button);
    response.ctx.accesskit_node_builder(response.id, |node| node.set_label(name));
    response.on_hover_text(name).clicked()
}

fn theme_button_ui(ui: &mut Ui) {
    let dark = ui.visuals().dark_mode;
    let icon = if dark { icons::ICON_LIGHT_MODE } else { icons::ICON_DARK_MODE };
    let name = if dark { "Light theme" } else { "Dark theme" };
    if icon_button(ui, icon, name, true) {
        let theme = if dark { egui::Theme::Light } else { egui::Theme::Dark };
        ui.ctx().set_theme(theme);
    }
}

/// From right to left.
fn history_buttons_ui(ui: &mut Ui, ctx: &PanelCtx) {
    let history = ctx.session.history();
    if icon_button(ui, icons::ICON_REDO, "Redo", history.redo_label().is_some()) {
        ctx.send(Command::Redo);
    }
    if icon_button(ui, icons::ICON_UNDO, "Undo", history.undo_label().is_some()) {
        ctx.send(Command::Undo);
    }
}

/// Shortcuts work wherever no text is being typed.
fn shortcuts(ui: &Ui, ctx: &PanelCtx) -> Option<Dialog> {
    if ui.ctx().egui_wants_keyboard_input() {
        return None;
    }
    let pressed =
        |shortcut: &KeyboardShortcut| ui.input_mut(|input| input.consume_shortcut(shortcut));
    // The longer shortcut first: it contains the other.
    if pressed(&REDO) {
        ctx.send(Command::Redo);
    } else if pressed(&UNDO) {
        ctx.send(Command::Undo);
    }
    let key = |key: Key| ui.input_mut(|input| input.consume_key(Modifiers::NONE, key));
    let selection = ctx.session.selection();
    if key(Key::ArrowDown) {
        ctx.send(Command::SelectLayer(selection.layer_idx + 1));
    }
    if key(Key::ArrowUp) && selection.layer_idx > 0 {
        ctx.send(Command::SelectLayer(selection.layer_idx - 1));
    }
    if key(Key::ArrowRight) {
        ctx.send(Command::SelectChannel(Some(selection.channel_idx.map_or(0, |idx| idx + 1))));
    }
    if key(Key::ArrowLeft) {
        ctx.send(Command::SelectChannel(selection.channel_idx.and_then(|idx| idx.checked_sub(1))));
    }
    for (bracket, step) in [(Key::OpenBracket, -1), (Key::CloseBracket, 1)] {
        if key(bracket) {
            step_bits(ctx, step);
        }
    }
    pressed(&OPEN).then_some(Dialog::PickModel)
}

/// Bits of the selected layer, one more or one less.
fn step_bits(ctx: &PanelCtx, step: i64) {
    let layer_idx = ctx.session.selection().layer_idx;
    let layer = ctx.session.network().and_then(|network| network.layers.get(layer_idx));
    let choice = ctx.session.choice(layer_idx);
    let stepped =
        choice.bits().map(|bits| choice.with("bits", crate::quant::SettingValue::Int(bits + step)));
    if let (Some(layer), Some(Ok(choice))) = (layer, stepped) {
        let gesture = crate::session::Gesture::Once;
        ctx.send(Command::SetChoice { layer: layer.name.clone(), choice, gesture });
    }
}
