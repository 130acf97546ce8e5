//! Everything a person can do by name: the one table behind menus, palette and shortcuts.

use egui::{Key, KeyboardShortcut, Modifiers, ThemePreference, Ui};

use super::dialogs::Dialog;
use super::panel::{PanelCtx, UiCommand, Zoom};
use crate::model::FoldMode;
use crate::quant::{SchemeChoice, SettingValue};
use crate::session::{Command, Gesture, RivalChoice, Session};

/// The menu an action stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    File,
    Edit,
    Layer,
    View,
    Help,
}

impl Group {
    pub fn name(self) -> &'static str {
        match self {
            Self::File => "File",
            Self::Edit => "Edit",
            Self::Layer => "Layer",
            Self::View => "View",
            Self::Help => "Help",
        }
    }
}

/// One thing that can be done.
pub struct Action {
    /// In the menu, in the palette and to a screen reader.
    pub name: &'static str,
    pub group: Group,
    pub shortcut: Option<KeyboardShortcut>,
    /// Whether it can be done now.
    pub is_enabled: fn(&Session) -> bool,
    pub run: fn(&PanelCtx),
}

const fn command(key: Key) -> Option<KeyboardShortcut> {
    Some(KeyboardShortcut::new(Modifiers::COMMAND, key))
}

const fn command_shift(key: Key) -> Option<KeyboardShortcut> {
    Some(KeyboardShortcut::new(Modifiers::COMMAND.plus(Modifiers::SHIFT), key))
}

const fn plain(key: Key) -> Option<KeyboardShortcut> {
    Some(KeyboardShortcut::new(Modifiers::NONE, key))
}

const fn shift(key: Key) -> Option<KeyboardShortcut> {
    Some(KeyboardShortcut::new(Modifiers::SHIFT, key))
}

fn always(_: &Session) -> bool {
    true
}

fn has_model(session: &Session) -> bool {
    session.network().is_some()
}

fn has_layer(session: &Session) -> bool {
    session.network().is_some_and(|network| !network.layers.is_empty())
}

/// In the order of the menus.
pub static ACTIONS: &[Action] = &[
    Action {
        name: "Open model…",
        group: Group::File,
        shortcut: command(Key::O),
        is_enabled: always,
        run: |ctx| ctx.ask(UiCommand::Dialog(Dialog::PickModel)),
    },
    Action {
        name: "Open path…",
        group: Group::File,
        shortcut: command(Key::L),
        is_enabled: always,
        run: |ctx| ctx.ask(UiCommand::Dialog(Dialog::TypePath)),
    },
    Action {
        name: "Open samples…",
        group: Group::File,
        shortcut: None,
        is_enabled: has_model,
        run: |ctx| ctx.ask(UiCommand::Dialog(Dialog::PickSamples)),
    },
    Action {
        name: "Import pictures…",
        group: Group::File,
        shortcut: None,
        is_enabled: has_model,
        run: |ctx| ctx.ask(UiCommand::Dialog(Dialog::PickImportFolder)),
    },
    Action {
        name: "Import arrays or tables…",
        group: Group::File,
        shortcut: None,
        is_enabled: has_model,
        run: |ctx| ctx.ask(UiCommand::Dialog(Dialog::PickImportFile)),
    },
    Action {
        name: "Save recipe…",
        group: Group::File,
        shortcut: command(Key::S),
        is_enabled: has_model,
        run: |ctx| ctx.ask(UiCommand::Dialog(Dialog::SaveRecipe)),
    },
    Action {
        name: "Load recipe…",
        group: Group::File,
        shortcut: command_shift(Key::O),
        is_enabled: has_model,
        run: |ctx| ctx.ask(UiCommand::Dialog(Dialog::LoadRecipe)),
    },
    Action {
        name: "Export…",
        group: Group::File,
        shortcut: command(Key::E),
        is_enabled: has_model,
        run: |ctx| ctx.ask(UiCommand::Dialog(Dialog::Export)),
    },
    Action {
        name: "Write a report…",
        group: Group::File,
        shortcut: None,
        is_enabled: has_model,
        run: |ctx| ctx.ask(UiCommand::Dialog(Dialog::SaveReport)),
    },
    Action {
        name: "Quit",
        group: Group::File,
        shortcut: command(Key::Q),
        is_enabled: always,
        run: |ctx| ctx.ask(UiCommand::Quit),
    },
    Action {
        name: "Undo",
        group: Group::Edit,
        shortcut: command(Key::Z),
        is_enabled: |session| session.history().undo_label().is_some(),
        run: |ctx| ctx.send(Command::Undo),
    },
    Action {
        name: "Redo",
        group: Group::Edit,
        shortcut: command_shift(Key::Z),
        is_enabled: |session| session.history().redo_label().is_some(),
        run: |ctx| ctx.send(Command::Redo),
    },
    Action {
        name: "Select all layers",
        group: Group::Edit,
        shortcut: command(Key::A),
        is_enabled: has_layer,
        run: |ctx| {
            let n_layers = ctx.session.network().map_or(0, |network| network.layers.len());
            ctx.send(Command::SelectLayers((0..n_layers).collect()));
        },
    },
    Action {
        name: "Swap A and B",
        group: Group::Edit,
        shortcut: plain(Key::X),
        is_enabled: |session| session.rival().is_some(),
        run: |ctx| ctx.send(Command::SwapRival),
    },
    Action {
        name: "Hold the present recipe as A",
        group: Group::Edit,
        shortcut: shift(Key::X),
        is_enabled: has_layer,
        run: |ctx| ctx.send(Command::SetRival(Some(RivalChoice::Present))),
    },
    Action {
        name: "Previous layer",
        group: Group::Layer,
        shortcut: plain(Key::ArrowUp),
        is_enabled: has_layer,
        run: |ctx| step_layer(ctx, -1),
    },
    Action {
        name: "Next layer",
        group: Group::Layer,
        shortcut: plain(Key::ArrowDown),
        is_enabled: has_layer,
        run: |ctx| step_layer(ctx, 1),
    },
    Action {
        name: "Previous channel",
        group: Group::Layer,
        shortcut: plain(Key::ArrowLeft),
        is_enabled: has_layer,
        run: |ctx| {
            let channel_idx = ctx.session.selection().channel_idx;
            ctx.send(Command::SelectChannel(channel_idx.and_then(|idx| idx.checked_sub(1))));
        },
    },
    Action {
        name: "Next channel",
        group: Group::Layer,
        shortcut: plain(Key::ArrowRight),
        is_enabled: has_layer,
        run: |ctx| {
            let channel_idx = ctx.session.selection().channel_idx.map_or(0, |idx| idx + 1);
            ctx.send(Command::SelectChannel(Some(channel_idx)));
        },
    },
    Action {
        name: "All channels",
        group: Group::Layer,
        shortcut: plain(Key::A),
        is_enabled: |session| session.selection().channel_idx.is_some(),
        run: |ctx| ctx.send(Command::SelectChannel(None)),
    },
    Action {
        name: "One bit less",
        group: Group::Layer,
        shortcut: plain(Key::OpenBracket),
        is_enabled: has_layer,
        run: |ctx| step_bits(ctx, -1),
    },
    Action {
        name: "One bit more",
        group: Group::Layer,
        shortcut: plain(Key::CloseBracket),
        is_enabled: has_layer,
        run: |ctx| step_bits(ctx, 1),
    },
    Action {
        name: "Scale per tensor",
        group: Group::Layer,
        shortcut: plain(Key::T),
        is_enabled: has_layer,
        run: |ctx| set(ctx, "granularity", SettingValue::Choice("per-tensor")),
    },
    Action {
        name: "Scale per channel",
        group: Group::Layer,
        shortcut: plain(Key::C),
        is_enabled: has_layer,
        run: |ctx| set(ctx, "granularity", SettingValue::Choice("per-channel")),
    },
    Action {
        name: "Scale per group",
        group: Group::Layer,
        shortcut: plain(Key::G),
        is_enabled: has_layer,
        run: |ctx| set(ctx, "granularity", SettingValue::Choice("per-group")),
    },
    Action {
        name: "Keep in float",
        group: Group::Layer,
        shortcut: plain(Key::F),
        is_enabled: has_layer,
        run: |ctx| edit(ctx, "Keep in float", |_| Some(SchemeChoice::float())),
    },
    Action {
        name: "Same settings for all layers",
        group: Group::Layer,
        shortcut: command(Key::Enter),
        is_enabled: has_layer,
        run: |ctx| {
            let choice = ctx.session.choice(ctx.session.selection().layer_idx);
            ctx.send(Command::SetAllChoices(choice));
        },
    },
    Action {
        name: "Lock or unlock",
        group: Group::Layer,
        shortcut: plain(Key::K),
        is_enabled: has_layer,
        run: |ctx| ctx.send(Command::ToggleLock),
    },
    Action {
        name: "Fold batch norm or keep it",
        group: Group::Layer,
        shortcut: None,
        is_enabled: has_model,
        run: |ctx| {
            let fold_mode = match ctx.session.plan().fold_mode {
                FoldMode::Fold => FoldMode::Keep,
                FoldMode::Keep => FoldMode::Fold,
            };
            ctx.send(Command::SetFold(fold_mode));
        },
    },
    Action {
        name: "Commands…",
        group: Group::View,
        shortcut: command(Key::K),
        is_enabled: always,
        run: |ctx| ctx.ask(UiCommand::OpenPalette),
    },
    Action {
        name: "Compute again",
        group: Group::View,
        shortcut: plain(Key::F5),
        is_enabled: has_model,
        run: |ctx| ctx.send(Command::Retry),
    },
    Action {
        name: "Messages",
        group: Group::View,
        shortcut: command(Key::M),
        is_enabled: always,
        run: |ctx| ctx.ask(UiCommand::ShowMessages),
    },
    Action {
        name: "Jobs and memory",
        group: Group::View,
        shortcut: None,
        is_enabled: always,
        run: |ctx| ctx.ask(UiCommand::ShowJobs),
    },
    Action {
        name: "Dark theme",
        group: Group::View,
        shortcut: None,
        is_enabled: always,
        run: |ctx| ctx.ask(UiCommand::SetTheme(ThemePreference::Dark)),
    },
    Action {
        name: "Light theme",
        group: Group::View,
        shortcut: None,
        is_enabled: always,
        run: |ctx| ctx.ask(UiCommand::SetTheme(ThemePreference::Light)),
    },
    Action {
        name: "Theme as the system",
        group: Group::View,
        shortcut: None,
        is_enabled: always,
        run: |ctx| ctx.ask(UiCommand::SetTheme(ThemePreference::System)),
    },
    Action {
        name: "Zoom in",
        group: Group::View,
        shortcut: command(Key::Plus),
        is_enabled: always,
        run: |ctx| ctx.ask(UiCommand::Zoom(Zoom::In)),
    },
    Action {
        name: "Zoom out",
        group: Group::View,
        shortcut: command(Key::Minus),
        is_enabled: always,
        run: |ctx| ctx.ask(UiCommand::Zoom(Zoom::Out)),
    },
    Action {
        name: "Actual size",
        group: Group::View,
        shortcut: command(Key::Num0),
        is_enabled: always,
        run: |ctx| ctx.ask(UiCommand::Zoom(Zoom::Reset)),
    },
    Action {
        name: "Full screen",
        group: Group::View,
        shortcut: plain(Key::F11),
        is_enabled: always,
        run: |ctx| ctx.ask(UiCommand::ToggleFullscreen),
    },
    Action {
        name: "Keyboard shortcuts",
        group: Group::Help,
        shortcut: plain(Key::F1),
        is_enabled: always,
        run: |ctx| ctx.ask(UiCommand::ShowShortcuts),
    },
    Action {
        name: "Tour",
        group: Group::Help,
        shortcut: None,
        is_enabled: always,
        run: |ctx| ctx.ask(UiCommand::StartTour),
    },
];

/// A shortcut as it stands on the keys: `[` and `↑`, not their names.
pub(super) fn keys_text(ctx: &egui::Context, shortcut: &KeyboardShortcut) -> String {
    let sign = match shortcut.logical_key {
        Key::OpenBracket => "[",
        Key::CloseBracket => "]",
        Key::ArrowUp => "↑",
        Key::ArrowDown => "↓",
        Key::ArrowLeft => "←",
        Key::ArrowRight => "→",
        _ => return ctx.format_shortcut(shortcut),
    };
    let named = ctx.format_shortcut(shortcut);
    let name = shortcut.logical_key.name();
    named.strip_suffix(name).map_or_else(|| sign.to_owned(), |keys| format!("{keys}{sign}"))
}

/// The action of that name.
pub(super) fn find(name: &str) -> Option<&'static Action> {
    ACTIONS.iter().find(|action| action.name == name)
}

/// Where the keys of a frame go.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyFocus {
    /// Into a field.
    Text,
    Window,
}

impl KeyFocus {
    /// To be asked once a frame.
    pub fn of(ui: &Ui) -> Self {
        if is_typing(ui) { Self::Text } else { Self::Window }
    }
}

/// Runs each action whose keys were pressed, once; whether there was one. A key that was pressed
/// several times within a slow frame is taken once a call, so that each press finds what the one
/// before led to. While text is typed only those with the command key run, and not those that edit
/// text as well.
pub(super) fn run_shortcuts(ui: &Ui, ctx: &PanelCtx, focus: KeyFocus) -> bool {
    let typing = focus == KeyFocus::Text;
    // A dialog and an open list keep their keys to themselves.
    let is_covered = ui.ctx().memory(|memory| memory.top_modal_layer().is_some());
    if is_covered || egui::Popup::is_any_open(ui.ctx()) {
        return false;
    }
    let mut has_run = false;
    // Longer ones first: Ctrl+Shift+Z contains Ctrl+Z.
    let mut with_keys: Vec<_> =
        ACTIONS.iter().filter_map(|action| Some((action, action.shortcut?))).collect();
    with_keys.sort_by_key(|(_, shortcut)| !shortcut.modifiers.shift);
    for (action, shortcut) in with_keys {
        let edits_text = matches!(shortcut.logical_key, Key::Z | Key::A);
        if typing && (!shortcut.modifiers.command || edits_text) {
            continue;
        }
        if (action.is_enabled)(ctx.session) && ui.input_mut(|input| is_pressed(input, &shortcut)) {
            (action.run)(ctx);
            has_run = true;
        }
    }
    has_run
}

/// Whether a field takes what is typed, or did so until the frame before: a field lets go of the
/// keyboard as soon as Escape is pressed, and what was typed with it comes in the same frame.
fn is_typing(ui: &Ui) -> bool {
    let is_typing = ui.ctx().text_edit_focused();
    let id = egui::Id::unique("typing in the last frame");
    let was_typing = ui.data_mut(|data| {
        let was_typing = data.get_temp::<bool>(id).unwrap_or(false);
        data.insert_temp(id, is_typing);
        was_typing
    });
    is_typing || was_typing
}

/// Whether Escape is meant for nothing nearer: no dialog, menu or field. To be asked before
/// [`run_shortcuts`], which notes that a field was left.
pub(super) fn is_escape_free(ui: &Ui) -> bool {
    let ctx = ui.ctx();
    let id = egui::Id::unique("typing in the last frame");
    let was_typing = ui.data(|data| data.get_temp::<bool>(id)).unwrap_or(false);
    let is_covered = ctx.memory(|memory| memory.top_modal_layer().is_some());
    !was_typing && !ctx.text_edit_focused() && !is_covered && !egui::Popup::is_any_open(ctx)
}

/// Takes a shortcut out of the input. One without modifiers counts only if none is held, which a
/// letter shows twice: it says so, and it comes with its text, as it does not beside Ctrl or Alt even
/// where the system tells of those too late.
fn is_pressed(input: &mut egui::InputState, shortcut: &KeyboardShortcut) -> bool {
    if !shortcut.modifiers.is_none() {
        let place = input.events.iter().position(|event| {
            matches!(event, egui::Event::Key { key, pressed: true, modifiers, .. }
                if *key == shortcut.logical_key
                    && modifiers.matches_logically(shortcut.modifiers))
        });
        return place.map(|place| input.events.remove(place)).is_some();
    }
    let types = types_text(shortcut.logical_key);
    let has_text = input.events.iter().any(|event| matches!(event, egui::Event::Text(_)));
    if input.modifiers.any() || (types && !has_text) {
        return false;
    }
    let place = input.events.iter().position(|event| {
        matches!(event, egui::Event::Key { key, pressed: true, modifiers, .. }
            if *key == shortcut.logical_key && modifiers.is_none())
    });
    place.map(|place| input.events.remove(place)).is_some()
}

/// Whether pressing a key types something.
fn types_text(key: Key) -> bool {
    key.name().chars().count() == 1 || matches!(key, Key::OpenBracket | Key::CloseBracket)
}

fn step_layer(ctx: &PanelCtx, step: isize) {
    let layer_idx = ctx.session.selection().layer_idx.checked_add_signed(step);
    if let Some(layer_idx) = layer_idx {
        ctx.send(Command::SelectLayer(layer_idx));
    }
}

/// Bits of the selected layers, more or fewer.
fn step_bits(ctx: &PanelCtx, step: i64) {
    edit(ctx, "bits", |choice| choice.with("bits", SettingValue::Int(choice.bits()? + step)).ok());
}

/// One setting of the selected layers.
fn set(ctx: &PanelCtx, key: &str, value: SettingValue) {
    edit(ctx, key, |choice| choice.with(key, value).ok());
}

/// Changes every selected layer that allows it.
pub(super) fn edit(
    ctx: &PanelCtx,
    label: &str,
    change: impl Fn(&SchemeChoice) -> Option<SchemeChoice>,
) {
    ctx.send(edit_command(ctx.session, label, Gesture::Once, change));
}

/// The command that changes every selected layer that is not locked.
pub(super) fn edit_command(
    session: &Session,
    label: &str,
    gesture: Gesture,
    change: impl Fn(&SchemeChoice) -> Option<SchemeChoice>,
) -> Command {
    let choices = session
        .selected_layers()
        .iter()
        .filter_map(|&layer_idx| {
            let layer = session.network()?.layers.get(layer_idx)?;
            Some((layer.name.clone(), change(&session.choice(layer_idx))?))
        })
        .collect();
    Command::SetChoices { label: label.to_owned(), choices, gesture }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_keys_are_used_once() {
        for (idx, action) in ACTIONS.iter().enumerate() {
            for other in &ACTIONS[idx + 1..] {
                assert_ne!(action.name, other.name);
                let same_key = action.shortcut.is_some() && action.shortcut == other.shortcut;
                assert!(!same_key, "{} and {} have the same key", action.name, other.name);
            }
        }
    }
}
