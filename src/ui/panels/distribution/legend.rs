//! What the colours and lines mean.

use egui::{Painter, Rect, RichText, Sense, Stroke, Ui, pos2, vec2};

use crate::ui::theme::Theme;
use crate::ui::widgets::hatch;

/// A line of the legend.
pub(super) enum LegendEntry {
    Original,
    Quantized,
    Level,
    Clipped,
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
            Self::Compared(name) | Self::Fit(name) => name,
        }
    }

    /// What explains itself least comes first.
    fn rank(&self) -> usize {
        match self {
            Self::Compared(_) | Self::Fit(_) => 0,
            Self::Quantized => 1,
            Self::Original => 2,
            Self::Clipped => 3,
            Self::Level => 4,
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
            Self::Compared(_) => {
                painter.hline(rect.x_range(), rect.center().y, Stroke::new(1.5, theme.accent));
            }
            Self::Fit(_) => {
                painter.hline(rect.x_range(), rect.center().y, Stroke::new(1.0, theme.text));
            }
        }
    }
}

/// From right to left, the last first; where there is no room the least wanted are left out.
pub(super) fn legend_ui(ui: &mut Ui, entries: &[LegendEntry]) {
    let theme = Theme::of(ui);
    ui.spacing_mut().item_spacing.x = 6.0;
    let width = |entry: &LegendEntry| 7.0 * entry.name().chars().count() as f32 + 32.0;
    let mut room = ui.available_width() - 90.0;
    let mut wanted: Vec<usize> = (0..entries.len()).collect();
    wanted.sort_by_key(|&idx| entries.get(idx).map(LegendEntry::rank));
    wanted.retain(|&idx| {
        let width = entries.get(idx).map_or(0.0, width);
        let has_room = room >= width;
        room -= if has_room { width } else { 0.0 };
        has_room
    });
    for (_, entry) in entries.iter().enumerate().rev().filter(|(idx, _)| wanted.contains(idx)) {
        ui.label(RichText::new(entry.name()).color(theme.label)).on_hover_text(entry.help());
        let (rect, _) = ui.allocate_exact_size(vec2(16.0, 10.0), Sense::hover());
        entry.draw(ui.painter(), rect, theme);
        ui.add_space(8.0);
    }
}
