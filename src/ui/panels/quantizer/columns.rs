//! Where the parts of the panel stand: one below the other, or as cards beside each other.

use egui::{Ui, UiBuilder, vec2};

use crate::ui::theme::Theme;

/// A part of the panel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// What can be set.
    Settings,
    /// What it does.
    Figures,
    /// What other ranges would do.
    Ranges,
    /// What holds for all layers.
    Model,
}

/// As many columns as have room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Columns {
    One,
    Two,
    Three,
}

/// From these widths on there are two, and three.
const TWO: f32 = 640.0;
const THREE: f32 = 1000.0;
/// Wider, and a number stands too far from its name.
const MAX_WIDTH: f32 = 560.0;
const GAP: f32 = 12.0;
const CARD_MARGIN: f32 = 16.0;

impl Columns {
    pub fn of(width: f32) -> Self {
        match width {
            width if width >= THREE => Self::Three,
            width if width >= TWO => Self::Two,
            _ => Self::One,
        }
    }

    pub fn n(self) -> usize {
        self.parts().len()
    }

    /// The parts in each column, from above.
    fn parts(self) -> &'static [&'static [Part]] {
        use Part::{Figures, Model, Ranges, Settings};
        match self {
            Self::One => &[&[Settings, Figures, Ranges, Model]],
            Self::Two => &[&[Settings, Model], &[Figures, Ranges]],
            Self::Three => &[&[Settings], &[Figures], &[Ranges, Model]],
        }
    }

    /// Draws every part in its place.
    pub fn ui(self, ui: &mut Ui, mut part_ui: impl FnMut(&mut Ui, Part)) {
        if self == Self::One {
            ui.set_max_width(ui.available_width().min(560.0));
            for (nth, &part) in self.parts().iter().copied().flatten().enumerate() {
                ui.push_id(nth, |ui| separated_ui(ui, nth, |ui| part_ui(ui, part)));
            }
            return;
        }
        let n = self.n() as f32;
        let width = ((ui.available_width() - GAP * (n - 1.0)) / n).min(MAX_WIDTH);
        // In the middle of what is wider than all columns.
        let spare = ui.available_width() - n * (width + GAP) + GAP;
        let corner = ui.cursor().min + vec2((spare / 2.0).max(0.0), 0.0);
        let mut bottom = corner.y;
        for (column, parts) in self.parts().iter().enumerate() {
            let left = corner.x + column as f32 * (width + GAP);
            let room = egui::Rect::from_min_size(
                egui::pos2(left, corner.y),
                vec2(width, ui.available_height()),
            );
            let mut place =
                ui.new_child(UiBuilder::new().id_salt(("column", column)).max_rect(room));
            place.spacing_mut().item_spacing.y = 0.0;
            for (nth, &part) in parts.iter().enumerate() {
                place.push_id(nth, |ui| card_ui(ui, width, |ui| part_ui(ui, part)));
            }
            bottom = bottom.max(place.min_rect().bottom());
        }
        ui.advance_cursor_after_rect(egui::Rect::from_min_max(
            corner,
            egui::pos2(corner.x + n * (width + GAP) - GAP, bottom),
        ));
    }
}

/// A line above every part but the first; nothing above one that draws nothing.
fn separated_ui(ui: &mut Ui, nth: usize, content: impl FnOnce(&mut Ui)) {
    let line = Theme::of(ui).line;
    let top = ui.cursor().top();
    let used = ui.scope(|ui| {
        let margin = if nth == 0 { 0 } else { 9 };
        let frame =
            egui::Frame::new().inner_margin(egui::Margin { top: margin, ..egui::Margin::ZERO });
        let start = frame.inner_margin.topf();
        let shown = frame.show(ui, content);
        shown.response.rect.height() > start + 1.0
    });
    if used.inner && nth > 0 {
        let x = ui.max_rect().x_range();
        ui.painter().hline(x, top + 4.5, egui::Stroke::new(1.0, line));
    }
}

/// A part with a border of its own; nothing around one that draws nothing.
fn card_ui(ui: &mut Ui, width: f32, content: impl FnOnce(&mut Ui)) {
    let theme = Theme::of(ui);
    let place = ui.painter().add(egui::Shape::Noop);
    let frame = egui::Frame::new().inner_margin(CARD_MARGIN);
    let shown = frame.show(ui, |ui| {
        ui.set_width(width - 2.0 * CARD_MARGIN);
        content(ui);
    });
    let rect = shown.response.rect;
    if rect.height() <= 2.0 * CARD_MARGIN + 1.0 {
        return;
    }
    let stroke = egui::Stroke::new(1.0, theme.line);
    let border = egui::epaint::RectShape::stroke(rect, 6, stroke, egui::StrokeKind::Inside);
    ui.painter().set(place, border);
    ui.add_space(GAP);
}
