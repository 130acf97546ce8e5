//! What the colours and lines mean.

use egui::{Painter, Rect, RichText, Sense, Stroke, Ui, pos2, vec2};

use crate::ui::theme::Theme;

/// A line of the legend.
pub(super) enum LegendEntry {
    Original,
    Quantized,
    Level,
    Compared(String),
    Fit(String),
}

impl LegendEntry {
    fn name(&self) -> &str {
        match self {
            Self::Original => "original",
            Self::Quantized => "quantized",
            Self::Level => "level",
            Self::Compared(name) | Self::Fit(name) => name,
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
            Self::Compared(_) => {
                painter.hline(rect.x_range(), rect.center().y, Stroke::new(1.5, theme.accent));
            }
            Self::Fit(_) => {
                painter.hline(rect.x_range(), rect.center().y, Stroke::new(1.0, theme.text));
            }
        }
    }
}

/// From right to left, the last first; what finds no room is left out.
pub(super) fn legend_ui(ui: &mut Ui, entries: &[LegendEntry]) {
    let theme = Theme::of(ui);
    ui.spacing_mut().item_spacing.x = 6.0;
    let mut room = ui.available_width() - 90.0;
    for entry in entries.iter().rev() {
        let width = 7.0 * entry.name().chars().count() as f32 + 32.0;
        if room < width {
            continue;
        }
        room -= width;
        ui.label(RichText::new(entry.name()).color(theme.label));
        let (rect, _) = ui.allocate_exact_size(vec2(16.0, 10.0), Sense::hover());
        entry.draw(ui.painter(), rect, theme);
        ui.add_space(8.0);
    }
}
