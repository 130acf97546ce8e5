//! What stands for a family of schemes and for a limit: shape and colour, in plot, table and legend.

use egui::{Color32, Painter, Pos2, Rect, Shape, Stroke, vec2};
use egui_plot::LineStyle;

use crate::eval::RateLimits;
use crate::quant::Family;
use crate::ui::theme::Theme;

/// Of a mark in table and legend.
pub(super) const MARK_RADIUS: f32 = 5.0;

/// The colour of a family; its shape tells it too.
pub(super) fn colour_of(family: Family, theme: &Theme) -> Color32 {
    match family {
        Family::Uniform => theme.quantized,
        Family::Minifloat => theme.accent,
        Family::Block => theme.rounding,
        Family::Gguf => theme.text,
        Family::Codebook => theme.clipping,
        Family::FewLevels => theme.bad,
        Family::Float => theme.original,
    }
}

/// Draws the shape of a family.
pub(super) fn draw_mark(
    painter: &Painter,
    family: Family,
    (at, radius): (Pos2, f32),
    ink: Color32,
) {
    let corner = |x: f32, y: f32| at + radius * vec2(x, y);
    let filled = |points: Vec<Pos2>| {
        painter.add(Shape::convex_polygon(points, ink, Stroke::NONE));
    };
    let stroke = Stroke::new((0.42 * radius).max(1.2), ink);
    let spokes = |angles: &[f32]| {
        for angle in angles {
            let arm = radius * vec2(angle.cos(), angle.sin());
            painter.line_segment([at - arm, at + arm], stroke);
        }
    };
    let turn = std::f32::consts::PI;
    match family {
        Family::Uniform => {
            painter.rect_filled(Rect::from_center_size(at, vec2(1.7, 1.7) * radius), 0, ink);
        }
        Family::Minifloat => spokes(&[0.0, turn / 2.0]),
        Family::Block => {
            filled(vec![corner(0.0, -1.1), corner(1.1, 0.0), corner(0.0, 1.1), corner(-1.1, 0.0)]);
        }
        Family::Gguf => spokes(&[turn / 2.0, turn / 6.0, -turn / 6.0]),
        Family::Codebook => {
            filled(vec![corner(0.0, -1.05), corner(1.05, 0.85), corner(-1.05, 0.85)]);
        }
        Family::FewLevels => {
            filled(vec![corner(-1.05, -0.85), corner(1.05, -0.85), corner(0.0, 1.05)]);
        }
        Family::Float => {
            painter.circle_filled(at, 0.95 * radius, ink);
        }
    }
}

/// A line that a method without memory cannot pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Limit {
    Gaussian,
    Laplacian,
    Own,
}

impl Limit {
    /// What is drawn later lies on top.
    pub const ALL: [Self; 3] = [Self::Own, Self::Laplacian, Self::Gaussian];

    pub fn name(self) -> &'static str {
        match self {
            Self::Gaussian => "Gaussian bound",
            Self::Laplacian => "Laplacian bound",
            Self::Own => "Own bound",
        }
    }

    /// What it is, what it assumes, where it comes from.
    pub fn help(self) -> &'static str {
        match self {
            Self::Gaussian => {
                "What no quantizer of any length of block can pass for independent Gaussian weights of this variance σ².\nD(R) = σ²·2^(−2R): 6.02 dB a bit\nShannon 1959, Coding theorems for a discrete source with a fidelity criterion. Other distributions can do better, and a scale for each channel or group can pass it, since it uses that they differ."
            }
            Self::Laplacian => {
                "Shannon's lower bound for independent Laplacian weights of this variance σ², which no quantizer reaches at few bits.\nD(R) ≥ (e/π)·σ²·2^(−2R): 0.63 dB over the Gaussian\nShannon 1959; Berger 1971, Rate Distortion Theory, §4.3. A scale for each channel or group can pass it, since it uses that they differ."
            }
            Self::Own => {
                "Shannon's lower bound for independent weights of this tensor's own distribution, h its differential entropy in bits, estimated from a histogram.\nD(R) ≥ 2^(2h−2R)/(2πe)\nShannon 1959; Berger 1971, Rate Distortion Theory, §4.3. A scale for each channel or group can pass it, since it uses that they differ."
            }
        }
    }

    /// SQNR in dB at 0 bits.
    pub fn offset_db(self, limits: &RateLimits) -> f64 {
        match self {
            Self::Gaussian => limits.gaussian_db,
            Self::Laplacian => limits.laplacian_db,
            Self::Own => limits.own_db,
        }
    }

    pub fn style(self) -> LineStyle {
        match self {
            Self::Gaussian => LineStyle::Dashed { length: 8.0 },
            Self::Laplacian => LineStyle::Dotted { spacing: 6.0 },
            Self::Own => LineStyle::Solid,
        }
    }

    pub fn stroke(self, theme: &Theme) -> Stroke {
        match self {
            Self::Gaussian => Stroke::new(1.0, theme.text),
            Self::Laplacian => Stroke::new(1.0, theme.hint),
            // Often close to the Gaussian: wide and faint below it.
            Self::Own => Stroke::new(5.0, theme.hint.gamma_multiply(0.6)),
        }
    }

    /// A stretch of the line for the legend.
    pub fn draw_sample(self, painter: &Painter, rect: Rect, theme: &Theme) {
        let stroke = self.stroke(theme);
        let ends = [rect.left_center(), rect.right_center()];
        match self {
            Self::Gaussian => painter.extend(Shape::dashed_line(&ends, stroke, 6.0, 4.0)),
            Self::Laplacian => painter.extend(Shape::dotted_line(&ends, stroke.color, 5.0, 0.9)),
            Self::Own => drop(painter.line_segment(ends, stroke)),
        }
    }
}

/// The ring around the place of how the layer is quantized now.
pub(super) fn draw_present(painter: &Painter, at: Pos2, theme: &Theme) {
    painter.circle_stroke(at, 9.0, Stroke::new(2.0, theme.accent));
}
