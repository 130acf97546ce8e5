//! What the colours of the table stand for.

use egui::{Align2, Rect, Sense, Ui, WidgetInfo, pos2, vec2};

use super::digest::Digest;
use super::figure::{Figure, Value};
use crate::ui::theme::{self, Theme};

pub(super) const HEIGHT: f32 = 42.0;
const BAR_WIDTH: f32 = 200.0;
const BAR_HEIGHT: f32 = 8.0;
/// Steps of colour drawn.
const N_STEPS: usize = 64;

/// Draws the bar with its marks.
pub(super) fn legend_ui(ui: &mut Ui, digest: &Digest) {
    let room = ui.available_rect_before_wrap();
    if digest.shown.figure == Figure::Bits || room.width() < 120.0 || room.height() < 24.0 {
        return;
    }
    let theme = Theme::of(ui);
    let response = ui.interact(room, ui.scope_id().with("legend"), Sense::hover());
    let unit = digest.shown.unit();
    let n_shown = format!(
        "Colour: the harm, logarithmic, up to {}",
        digest.shown.harm_text(digest.scale.most)
    );
    response.widget_info(|| WidgetInfo::labeled(egui::Role::Label, true, &n_shown));
    let unit = if unit.is_empty() { "harm" } else { unit };
    let painter = ui.painter();
    let at = pos2(room.left() + 4.0, room.top() + 12.0);
    let written = painter.text(at, Align2::LEFT_CENTER, unit, theme::text(11.0), theme.label);
    let width = BAR_WIDTH.min(room.right() - written.right() - 90.0).max(60.0);
    // Of the colours for what does good only those that are used.
    let first = -f64::from(digest.scale.fraction(digest.most_good));
    let left = written.right() + 14.0;
    let x = |fraction: f64| left + width * ((fraction - first) / (1.0 - first)) as f32;
    for step in 0..N_STEPS {
        let ends = [step, step + 1].map(|k| first + (1.0 - first) * k as f64 / N_STEPS as f64);
        let place = (ends[0] + ends[1]) / 2.0 * digest.scale.place(digest.scale.most);
        let value = Value { value: 0.0, ci95: None, harm: digest.scale.harm_at(place) };
        let rect = Rect::from_min_size(
            pos2(x(ends[0]), at.y - BAR_HEIGHT / 2.0),
            vec2(x(ends[1]) - x(ends[0]) + 0.5, BAR_HEIGHT),
        );
        painter.rect_filled(rect, 0, digest.scale.colour(value, theme.mode()));
    }
    let outline = Rect::from_min_max(
        pos2(left, at.y - BAR_HEIGHT / 2.0),
        pos2(left + width, at.y + BAR_HEIGHT / 2.0),
    );
    let stroke = egui::Stroke::new(1.0, theme.line_strong);
    painter.rect_stroke(outline, 0, stroke, egui::StrokeKind::Outside);
    let mut free = f32::NEG_INFINITY;
    let marks = digest.scale.marks();
    let good = marks.iter().rev().filter(|mark| **mark > 0.0 && **mark <= digest.most_good);
    let good: Vec<f64> = good.map(|mark| -mark).collect();
    for mark in good.into_iter().chain(marks) {
        let fraction = f64::from(digest.scale.fraction(mark));
        let galley =
            painter.layout_no_wrap(digest.shown.harm_text(mark), theme::mono(10.0), theme.label);
        let place = x(fraction) - galley.size().x / 2.0;
        if place > free {
            free = place + galley.size().x + 5.0;
            painter.galley(pos2(place, outline.bottom() + 3.0), galley, theme.label);
        }
    }
    let at = pos2(left + width + 10.0, at.y);
    painter.text(at, Align2::LEFT_CENTER, "log colour", theme::text(11.0), theme.hint);
    response.on_hover_text("The colour tells how much harm a layer does at that candidate, on a logarithmic scale; the number stands in the cell. The ring marks the candidate the layer is at now");
}
