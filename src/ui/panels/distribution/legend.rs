//! What the colours and lines mean.

use std::ops::Range;

use egui::{Painter, Pos2, Rect, Sense, Shape, Stroke, Ui, WidgetInfo, pos2, vec2};

use crate::ui::short_name::fitted;
use crate::ui::theme::{self, Theme};
use crate::ui::widgets::hatch;

/// A line of the legend.
#[derive(Clone, Debug)]
pub(super) enum LegendEntry {
    Original,
    Quantized,
    Level,
    Clipped,
    /// The quantized run out of the top.
    Beyond,
    Compared(String),
    Fit(String),
}

impl LegendEntry {
    fn name(&self) -> &str {
        match self {
            Self::Original => "original",
            Self::Quantized => "quantized",
            Self::Level => "level",
            Self::Clipped => "clipped",
            Self::Beyond => "beyond the axis",
            Self::Compared(name) | Self::Fit(name) => name,
        }
    }

    fn help(&self) -> &str {
        match self {
            Self::Original => "The weights as the model has them, in bins of equal width",
            Self::Quantized => {
                "The weights as their codes say, x̂ = scale · (code − zero point); where levels are wider apart than bins, each level's weights are spread over its step"
            }
            Self::Level => "A value that a code stands for: scale · (code − zero point)",
            Self::Clipped => {
                "Hatched is what lies beyond the range; values beyond the last level + half a step are clipped: their code lies outside before the clamp"
            }
            Self::Beyond => {
                "Many weights share one quantized value, so its bin is higher than the axis; the number over the arrow head is the count"
            }
            Self::Compared(_) => "Another channel or layer, scaled to the same area",
            Self::Fit(_) => {
                "A fitted distribution; D is the largest distance of the shares below a value (Kolmogorov–Smirnov)"
            }
        }
    }

    fn draw(&self, painter: &Painter, rect: Rect, theme: &Theme) {
        match self {
            Self::Original => {
                painter.rect_filled(rect, 1, theme.original.gamma_multiply(0.5));
                painter.hline(rect.x_range(), rect.top(), Stroke::new(1.5, theme.original));
            }
            Self::Quantized => {
                let stroke = Stroke::new(1.5, theme.quantized);
                let (l, r, t, b) = (rect.left(), rect.right(), rect.top(), rect.bottom());
                let third = rect.width() / 3.0;
                let steps = [
                    (l, b),
                    (l + third, b),
                    (l + third, t),
                    (r - third, t),
                    (r - third, b),
                    (r, b),
                ];
                painter.line(steps.map(|(x, y)| pos2(x, y)).to_vec(), stroke);
            }
            Self::Level => {
                let stroke = Stroke::new(1.0, theme.line_strong);
                painter.vline(rect.center().x, rect.y_range(), stroke);
            }
            Self::Clipped => {
                painter.rect_filled(rect, 1, theme.clipping.gamma_multiply(0.08));
                hatch(&painter.with_clip_rect(rect), rect, theme.clipping.gamma_multiply(0.6));
            }
            Self::Beyond => beyond_mark(painter, pos2(rect.center().x, rect.top() + 1.0), theme),
            Self::Compared(_) => {
                painter.hline(rect.x_range(), rect.center().y, Stroke::new(1.5, theme.accent));
            }
            Self::Fit(_) => {
                painter.hline(rect.x_range(), rect.center().y, Stroke::new(1.0, theme.text));
            }
        }
    }
}

/// A small arrow head, its tip where the axis ends.
pub(super) fn beyond_mark(painter: &Painter, tip: Pos2, theme: &Theme) {
    let corners = vec![tip, tip + vec2(5.0, 7.0), tip + vec2(-5.0, 7.0)];
    let rim = Stroke::new(1.0, theme.panel);
    painter.add(Shape::convex_polygon(corners, theme.quantized, rim));
}

const MARK: egui::Vec2 = vec2(16.0, 10.0);
const MARK_GAP: f32 = 6.0;
const ENTRY_GAP: f32 = 14.0;
const LINE_HEIGHT: f32 = 20.0;

/// Beside `caption` where there is room for all of it, else on lines below: nothing is left out.
pub(super) fn legend_ui(ui: &mut Ui, entries: &[LegendEntry], caption: impl FnOnce(&mut Ui)) {
    // On the right the room already ends before the panel does.
    let room = ui.available_width() - theme::PANEL_MARGIN;
    let widths: Vec<f32> = entries.iter().map(|entry| entry.width(ui)).collect();
    let whole = widths.iter().map(|width| width + ENTRY_GAP).sum::<f32>();
    let middle = egui::Align::Center;
    let line = |ui: &mut Ui, layout: egui::Layout, content: &mut dyn FnMut(&mut Ui)| {
        let size = vec2(ui.available_width(), LINE_HEIGHT);
        ui.allocate_ui_with_layout(size, layout, |ui| {
            ui.set_min_height(LINE_HEIGHT);
            ui.spacing_mut().item_spacing.x = 0.0;
            content(ui);
        });
    };
    let mut caption = Some(caption);
    if whole + MIN_CAPTION <= room {
        line(ui, egui::Layout::right_to_left(middle), &mut |ui| {
            for entry in entries.iter().rev() {
                entry.ui(ui);
                ui.add_space(ENTRY_GAP);
            }
            ui.with_layout(egui::Layout::left_to_right(middle), |ui| {
                ui.add_space(theme::PANEL_MARGIN);
                caption.take().into_iter().for_each(|caption| caption(ui));
            });
        });
    } else {
        let left = egui::Layout::left_to_right(middle);
        line(ui, left, &mut |ui| {
            ui.add_space(theme::PANEL_MARGIN);
            caption.take().into_iter().for_each(|caption| caption(ui));
        });
        for part in lines(&widths, room) {
            line(ui, left, &mut |ui| {
                ui.add_space(theme::PANEL_MARGIN);
                for entry in entries.get(part.clone()).unwrap_or_default() {
                    entry.ui(ui);
                    ui.add_space(ENTRY_GAP);
                }
            });
        }
    }
    // What stands at the top of the plot keeps off the words.
    ui.add_space(6.0);
}

/// Below this a caption is not worth its place beside the legend.
const MIN_CAPTION: f32 = 190.0;

/// As many entries a line as it has room for, one at least.
fn lines(widths: &[f32], room: f32) -> Vec<Range<usize>> {
    let mut lines: Vec<Range<usize>> = Vec::new();
    let mut left = 0.0;
    for (idx, &width) in widths.iter().enumerate() {
        match lines.last_mut() {
            Some(line) if width <= left => line.end = idx + 1,
            _ => {
                left = room;
                lines.push(idx..idx + 1);
            }
        }
        left -= width + ENTRY_GAP;
    }
    lines
}

impl LegendEntry {
    fn width(&self, ui: &Ui) -> f32 {
        let style = (theme::text(12.0), Theme::of(ui).label);
        let name = fitted(ui.painter(), self.name(), style, MAX_NAME);
        MARK.x + MARK_GAP + name.size().x.ceil()
    }

    /// Mark and name.
    fn ui(&self, ui: &mut Ui) {
        let theme = Theme::of(ui);
        let size = vec2(self.width(ui), LINE_HEIGHT);
        let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
        let mark = Rect::from_min_size(pos2(rect.left(), rect.center().y - MARK.y / 2.0), MARK);
        self.draw(ui.painter(), mark, theme);
        let style = (theme::text(12.0), theme.label);
        let name = fitted(ui.painter(), self.name(), style, MAX_NAME);
        let place = pos2(mark.right() + MARK_GAP, rect.center().y - name.size().y / 2.0);
        ui.painter().galley(place, name, theme.label);
        response.widget_info(|| WidgetInfo::labeled(egui::Role::Label, true, self.name()));
        response.on_hover_text(self.help());
    }
}

/// A longer name of what is compared loses its middle.
const MAX_NAME: f32 = 220.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_has_a_line() {
        for (widths, room, wanted) in [
            (&[60.0, 60.0, 60.0][..], 300.0, vec![(0, 3)]),
            (&[60.0, 60.0, 60.0], 140.0, vec![(0, 2), (2, 3)]),
            (&[60.0, 60.0], 10.0, vec![(0, 1), (1, 2)]),
            (&[], 100.0, vec![]),
        ] {
            let found = lines(widths, room).into_iter().map(|line| (line.start, line.end));
            assert_eq!(found.collect::<Vec<_>>(), wanted, "{widths:?} in {room}");
        }
    }
}
