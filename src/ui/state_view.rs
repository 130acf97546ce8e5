//! How a panel looks that has nothing to show: empty, loading, failed.

use egui::{Align2, Color32, RichText, Sense, Ui, vec2};
use egui_material_icons::MaterialIcon;

use super::theme::{self, Theme};
use crate::base::{Progress, percent};
use crate::session::Session;

/// Nothing is there yet: what comes, and how to get it; with the sign of a remark.
pub fn empty_ui(ui: &mut Ui, title: &str, hint: &str) {
    missing_ui(ui, egui_material_icons::icons::ICON_INFO, (title, hint), |_| {});
}

/// Without a model: what will stand here, or the name of what is being opened.
pub fn no_model_ui(ui: &mut Ui, session: &Session, hint: &str) {
    let title = match session.opening() {
        Some(label) => format!("{label}…"),
        None => "No model is open".to_owned(),
    };
    empty_icon_ui(ui, egui_material_icons::icons::ICON_DEPLOYED_CODE, (&title, hint));
}

/// Without a layer: there is no model, or none of its tensors is one.
pub fn no_layer_ui(ui: &mut Ui, session: &Session, hint: &str) {
    if session.network().is_none() {
        return no_model_ui(ui, session, hint);
    }
    let hint = "The model has no float tensor of two or more dimensions that a layer uses.";
    empty_ui(ui, "No weights to look at", hint);
}

/// As [`empty_ui`], under an icon of what is missing.
pub fn empty_icon_ui(ui: &mut Ui, icon: MaterialIcon, (title, hint): (&str, &str)) {
    empty_with_ui(ui, icon, (title, hint), |_| {});
}

/// As [`empty_icon_ui`], with a way to get it below.
pub fn empty_with_ui(
    ui: &mut Ui,
    icon: MaterialIcon,
    (title, hint): (&str, &str),
    remedies: impl FnOnce(&mut Ui),
) {
    missing_ui(ui, icon, (title, hint), remedies);
}

fn missing_ui(
    ui: &mut Ui,
    icon: MaterialIcon,
    (title, hint): (&str, &str),
    remedies: impl FnOnce(&mut Ui),
) {
    let colour = Theme::of(ui).label;
    let room = ui.available_rect_before_wrap();
    let width = (room.width() - 48.0).clamp(80.0, 460.0);
    let left = room.center().x - width / 2.0;
    let top = room.top() + (room.height() * 0.36).max(12.0);
    let place = egui::Rect::from_min_size(egui::pos2(left, top), vec2(width, room.bottom() - top));
    let mut content = ui.new_child(egui::UiBuilder::new().max_rect(place));
    content.vertical_centered(|ui| {
        ui.label(icon.rich_text().size(24.0).color(Theme::of(ui).hint));
        ui.add_space(2.0);
        ui.label(RichText::new(title).font(theme::title(14.0)).color(colour));
        ui.add_space(4.0);
        ui.label(hint);
        ui.add_space(8.0);
        remedies(ui);
    });
    let used = content.min_rect();
    ui.advance_cursor_after_rect(used);
}

/// A result that cannot be had: why, in a card with the text to copy.
pub fn failed_ui(ui: &mut Ui, title: &str, reason: &str) {
    let card = Card { title, tone: Tone::Wrong };
    card_ui(ui, &card, |ui| {
        reason_ui(ui, reason);
        ui.add_space(6.0);
        copy_button_ui(ui, reason);
    });
}

/// What a card tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Something is wrong.
    Wrong,
    /// Nothing is: it was stopped.
    Stopped,
}

pub struct Card<'a> {
    pub title: &'a str,
    pub tone: Tone,
}

/// A card in the middle of the panel, with a bar on its left.
pub fn card_ui(ui: &mut Ui, card: &Card, content: impl FnOnce(&mut Ui)) {
    let theme = Theme::of(ui);
    let room = ui.available_size();
    ui.add_space((room.y * 0.26).clamp(8.0, 240.0));
    let width = (room.x - 48.0).clamp(120.0, 560.0);
    let (sign, colour): (&str, Color32) = match card.tone {
        Tone::Wrong => ("✕ ", theme.bad),
        Tone::Stopped => ("", theme.text),
    };
    ui.horizontal(|ui| {
        ui.add_space(((room.x - width) / 2.0).max(0.0));
        let frame = egui::Frame::new()
            .fill(theme.background)
            .stroke(egui::Stroke::new(1.0, theme.line))
            .inner_margin(egui::Margin { left: 20, right: 16, top: 14, bottom: 14 });
        let shown = frame.show(ui, |ui| {
            ui.set_width(width - 36.0);
            ui.vertical(|ui| {
                let title = RichText::new(format!("{sign}{}", card.title));
                ui.label(title.font(theme::title(14.0)).color(colour));
                ui.add_space(4.0);
                content(ui);
            });
        });
        let edge = shown.response.rect;
        let bar = egui::Rect::from_min_size(edge.min, vec2(3.0, edge.height()));
        let colour = if card.tone == Tone::Wrong { theme.bad } else { theme.line_strong };
        ui.painter().rect_filled(bar, 0, colour);
    });
}

/// The reason in a card.
pub fn reason_ui(ui: &mut Ui, reason: &str) {
    let colour = Theme::of(ui).text;
    ui.add(egui::Label::new(RichText::new(reason).color(colour)).wrap());
}

/// Copies the message of a card.
pub fn copy_button_ui(ui: &mut Ui, message: &str) {
    let button = egui::Button::new("Copy message").min_size(vec2(0.0, 26.0));
    if ui.add(button).clicked() {
        ui.ctx().copy_text(message.to_owned());
    }
}

/// A result being computed, with nothing older to show: grey bars where it will stand.
pub fn pending_ui(ui: &mut Ui, what: &str, progress: Progress) {
    let theme = Theme::of(ui);
    let (rect, response) = ui.allocate_exact_size(ui.available_size(), Sense::hover());
    let painter = ui.painter_at(rect);
    let n_bars = 9;
    let bar_width = (rect.width() - 48.0) / n_bars as f32;
    for bar_idx in 0..n_bars {
        let offset = (bar_idx as f32 - (n_bars - 1) as f32 / 2.0).abs();
        let height = rect.height() * 0.6 * (-offset * offset / 8.0).exp();
        let left = rect.left() + 24.0 + bar_idx as f32 * bar_width;
        let bar = egui::Rect::from_min_max(
            egui::pos2(left + 3.0, rect.bottom() - 24.0 - height),
            egui::pos2(left + bar_width - 3.0, rect.bottom() - 24.0),
        );
        painter.rect_filled(bar, 3, theme.raised);
    }
    let text = match progress.total {
        0 => format!("{what}…"),
        _ => format!("{what}… {}", percent(f64::from(progress.fraction()), 0)),
    };
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, &text));
    let place = rect.center_top() + vec2(0.0, 16.0);
    painter.text(place, Align2::CENTER_TOP, text, theme::text(12.0), theme.label);
}
