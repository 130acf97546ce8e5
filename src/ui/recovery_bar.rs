//! The strip that offers to go on with a session that was left.

use std::time::SystemTime;

use egui::{RichText, Ui};
use egui_material_icons::icons;

use super::panel::PanelCtx;
use super::theme::{self, Theme};
use crate::session::{Command, Recovery};

/// Draws the strip: what was left, and two ways to answer.
pub fn recovery_bar_ui(ui: &mut Ui, ctx: &PanelCtx) {
    let Some(recovery) = ctx.session.recovery() else { return };
    let theme = Theme::of(ui);
    let rect = ui.max_rect();
    let mark = egui::Rect::from_min_size(rect.min, egui::vec2(3.0, rect.height()));
    ui.painter().rect_filled(rect, 0, theme.raised);
    ui.painter().rect_filled(mark, 0, theme.accent);
    ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
        ui.add_space(theme::PANEL_MARGIN);
        if ui.button("Dismiss").on_hover_text("The saved session is removed").clicked() {
            ctx.send(Command::DismissRecovery);
        }
        ui.add_enabled_ui(!recovery.is_missing, |ui| {
            let text = RichText::new("Continue").color(theme.background);
            let button = egui::Button::new(text).fill(theme.accent);
            let help = "Opens the model with its recipe, samples, selection and history";
            if ui.add(button).on_hover_text(help).clicked() {
                ctx.send(Command::Recover);
            }
        });
        ui.with_layout(egui::Layout::left_to_right(egui::Align::Center), |ui| {
            ui.add_space(theme::PANEL_MARGIN);
            ui.label(icons::ICON_HISTORY.rich_text().size(16.0).color(theme.accent));
            let (sentence, rest) = words(recovery, SystemTime::now());
            let font = theme::title(12.0);
            ui.label(RichText::new(sentence).font(font).color(theme.text));
            let colour = if recovery.is_missing { theme.bad } else { theme.label };
            let rest = egui::Label::new(RichText::new(&rest).color(colour)).truncate();
            ui.add(rest).on_hover_text(&recovery.reference);
        });
    });
}

/// The offer, and when and how it was left.
fn words(recovery: &Recovery, now: SystemTime) -> (String, String) {
    let model = &recovery.model;
    if recovery.is_missing {
        let rest = format!("✕ its file is gone: {}", recovery.reference);
        return (format!("{model} cannot be continued"), rest);
    }
    let changes = match recovery.n_changes {
        0 => "no changes".to_owned(),
        1 => "1 change".to_owned(),
        n_changes => format!("{n_changes} changes"),
    };
    let age = age(now.duration_since(recovery.when).unwrap_or_default().as_secs());
    let how = match recovery.was_killed {
        true => format!("Quantscope ended unexpectedly; its last change was saved {age}"),
        false => format!("closed {age}"),
    };
    (format!("Continue with {model}, {changes}"), how)
}

/// How long ago, in words.
pub(super) fn age(seconds: u64) -> String {
    let counted = |n: u64, unit: &str| match n {
        1 => format!("1 {unit} ago"),
        _ => format!("{n} {unit}s ago"),
    };
    match seconds {
        0..60 => "just now".to_owned(),
        60..3600 => counted(seconds / 60, "minute"),
        3600..86_400 => counted(seconds / 3600, "hour"),
        _ => counted(seconds / 86_400, "day"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, UNIX_EPOCH};

    #[test]
    fn the_offer_in_words() {
        let mut recovery = Recovery {
            model: "ResNet-8".to_owned(),
            reference: "/m/resnet8".to_owned(),
            when: UNIX_EPOCH,
            n_changes: 12,
            was_killed: false,
            is_missing: false,
        };
        let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
        let (sentence, rest) = words(&recovery, at(7200));
        assert_eq!(sentence, "Continue with ResNet-8, 12 changes");
        assert_eq!(rest, "closed 2 hours ago");
        recovery.was_killed = true;
        recovery.n_changes = 1;
        let (sentence, rest) = words(&recovery, at(61));
        assert!(
            sentence.ends_with("1 change")
                && rest.contains("unexpectedly; its last change was saved 1 minute ago")
        );
        assert!(words(&recovery, at(59)).1.ends_with("saved just now"));
        recovery.is_missing = true;
        assert!(words(&recovery, at(1)).1.contains("/m/resnet8"));
    }
}
