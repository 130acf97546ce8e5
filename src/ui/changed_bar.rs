//! The strip that says that an open file has changed on disk, with two ways out.

use egui::{RichText, Ui};
use egui_material_icons::icons;

use super::panel::PanelCtx;
use super::theme::{self, Theme};
use crate::session::{Command, FileChange, FileRole, FileState};

/// Draws the strip: what has become of the file, and what can be done.
pub(super) fn changed_bar_ui(ui: &mut Ui, ctx: &PanelCtx) {
    let changes = ctx.session.changed_files();
    let Some(first) = changes.first() else { return };
    let theme = Theme::of(ui);
    let rect = ui.max_rect();
    let mark = egui::Rect::from_min_size(rect.min, egui::vec2(3.0, rect.height()));
    ui.painter().rect_filled(rect, 0, theme.raised);
    ui.painter().rect_filled(mark, 0, theme.quantized);
    let is_gone = changes.iter().any(|change| change.state == FileState::Gone);
    ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
        ui.add_space(theme::PANEL_MARGIN);
        let help =
            "What was computed so far stays; the file is not looked at until it changes again";
        if ui.button("Keep what is shown").on_hover_text(help).clicked() {
            ctx.send(Command::KeepShown);
        }
        ui.add_enabled_ui(!is_gone, |ui| {
            let text = RichText::new("Reload").color(theme.background);
            let button = egui::Button::new(text).fill(theme.accent);
            let help = "Reads the files again; recipe, history and selection stay";
            let response = ui.add(button).on_hover_text(help);
            let gone = "The file is not there; it can be read again once it is back";
            if response.on_disabled_hover_text(gone).clicked() {
                ctx.send(Command::Reload);
            }
        });
        ui.with_layout(egui::Layout::left_to_right(egui::Align::Center), |ui| {
            ui.add_space(theme::PANEL_MARGIN);
            ui.label(icons::ICON_SYNC_PROBLEM.rich_text().size(16.0).color(theme.quantized));
            let (sentence, rest) = words(first, changes.len());
            ui.label(RichText::new(sentence).font(theme::title(12.0)).color(theme.text));
            let rest = egui::Label::new(RichText::new(rest).color(theme.label)).truncate();
            let paths: Vec<String> =
                changes.iter().map(|change| change.path.display().to_string()).collect();
            ui.add(rest).on_hover_text(paths.join("\n"));
        });
    });
}

/// What happened, and what it means for what is shown.
fn words(first: &FileChange, n_changes: usize) -> (String, &'static str) {
    let name = first.path.file_name().map_or_else(
        || first.path.display().to_string(),
        |name| name.to_string_lossy().into_owned(),
    );
    let name = match n_changes {
        1 => name,
        2 => format!("{name} and 1 more file"),
        _ => format!("{name} and {} more files", n_changes - 1),
    };
    let verb = if n_changes == 1 { "was" } else { "were" };
    let happened = match first.state {
        FileState::Gone => format!("{name} {verb} removed"),
        FileState::Replaced => format!("{name} {verb} replaced on disk"),
        _ => format!("{name} {verb} changed on disk"),
    };
    let meaning = match (first.role, first.state) {
        (FileRole::Samples, _) => "Accuracy is of the samples as they were read",
        (FileRole::Model, FileState::Rewritten) => {
            "Shown is what was computed before; nothing more can be"
        }
        (FileRole::Model, _) => "Shown is the file as it was opened",
    };
    (happened, meaning)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happened_in_words() {
        let change = |state, role| FileChange { path: "/m/model.safetensors".into(), state, role };
        for (change, n_changes, happened, meaning) in [
            (change(FileState::Rewritten, FileRole::Model), 1, "was changed", "nothing more"),
            (change(FileState::Replaced, FileRole::Model), 2, "and 1 more file were", "opened"),
            (change(FileState::Gone, FileRole::Model), 3, "2 more files were removed", "opened"),
            (change(FileState::Rewritten, FileRole::Samples), 1, "was changed", "Accuracy"),
        ] {
            let (sentence, rest) = words(&change, n_changes);
            assert!(sentence.contains(happened) && rest.contains(meaning), "{sentence} {rest}");
        }
    }
}
