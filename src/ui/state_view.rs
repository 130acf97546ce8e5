//! How a panel looks that has nothing to show: empty, loading, failed.

use egui::{Align2, RichText, Sense, Ui, vec2};

use super::theme::{self, Theme};
use crate::base::{Progress, percent};

/// Nothing is there yet: what comes, and how to get it.
pub fn empty_ui(ui: &mut Ui, title: &str, hint: &str) {
    message_ui(ui, title, hint, Theme::of(ui).label);
}

/// A result that cannot be had: why, in a card with the text to copy.
pub fn failed_ui(ui: &mut Ui, title: &str, reason: &str) {
    let theme = Theme::of(ui);
    let room = ui.available_size();
    ui.add_space((room.y * 0.3).clamp(8.0, 240.0));
    let width = (room.x - 48.0).clamp(120.0, 520.0);
    ui.horizontal(|ui| {
        ui.add_space(((room.x - width) / 2.0).max(0.0));
        let frame = egui::Frame::new()
            .fill(theme.background)
            .stroke(egui::Stroke::new(1.0, theme.line))
            .inner_margin(egui::Margin { left: 18, right: 14, top: 12, bottom: 12 });
        let card = frame.show(ui, |ui| {
            ui.set_width(width - 34.0);
            ui.vertical(|ui| {
                let sign = RichText::new(format!("✕ {title}")).font(theme::title(14.0));
                ui.label(sign.color(theme.bad));
                ui.add_space(4.0);
                ui.add(egui::Label::new(RichText::new(reason).color(theme.text)).wrap());
                ui.add_space(6.0);
                if ui.button("Copy message").clicked() {
                    ui.ctx().copy_text(reason.to_owned());
                }
            });
        });
        let edge = card.response.rect;
        let bar = egui::Rect::from_min_size(edge.min, vec2(3.0, edge.height()));
        ui.painter().rect_filled(bar, 0, theme.bad);
    });
}

fn message_ui(ui: &mut Ui, title: &str, text: &str, colour: egui::Color32) {
    let room = ui.available_rect_before_wrap();
    let width = (room.width() - 48.0).clamp(80.0, 460.0);
    let left = room.center().x - width / 2.0;
    let top = room.top() + (room.height() * 0.36).max(12.0);
    let place = egui::Rect::from_min_size(egui::pos2(left, top), vec2(width, room.bottom() - top));
    let mut content = ui.new_child(egui::UiBuilder::new().max_rect(place));
    content.vertical_centered(|ui| {
        ui.label(RichText::new(title).font(theme::title(14.0)).color(colour));
        ui.add_space(4.0);
        ui.label(text);
    });
    let used = content.min_rect();
    ui.advance_cursor_after_rect(used);
}

/// A result being computed, with nothing older to show: grey bars where it will stand.
pub fn pending_ui(ui: &mut Ui, what: &str, progress: Progress) {
    let theme = Theme::of(ui);
    let (rect, _) = ui.allocate_exact_size(ui.available_size(), Sense::hover());
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
    let place = rect.center_top() + vec2(0.0, 16.0);
    painter.text(place, Align2::CENTER_TOP, text, theme::text(12.0), theme.label);
}
