//! The weight among the levels beside it, on a number line.

use egui::{Align2, Rect, Sense, Stroke, Ui, WidgetInfo, pos2, vec2};

use crate::base::{fixed, significant};
use crate::quant::Grid;
use crate::session::WeightBits;
use crate::ui::axis::Axis;
use crate::ui::theme::{self, Theme};

const HEIGHT: f32 = 104.0;
/// Levels shown on either side of the one taken.
const REACH: usize = 2;
/// From this width on both are larger.
const WIDE: f32 = 720.0;
const WIDE_HEIGHT: f32 = 128.0;
const WIDE_REACH: usize = 4;
/// Where the line stands in the height.
const LINE_AT: f32 = 0.6;
/// Above the line codes stand between these.
const CODE_ROW: (f32, f32) = (12.0, 30.0);
/// So near a code the weight's line would cut it.
const CODE_REACH: f32 = 12.0;
/// Room a number needs.
const NUMBER_WIDTH: f32 = 66.0;
/// Room the word for the middle needs between two numbers.
const MIDDLE_WIDTH: f32 = 54.0;

/// A level with its code.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Neighbour {
    code: i32,
    value: f64,
}

/// Draws it; nothing where the scheme has no one grid for the weight.
pub(super) fn neighbours_ui(ui: &mut Ui, bits: &WeightBits) {
    let is_wide = ui.available_width() >= WIDE;
    let (height, reach) = if is_wide { (WIDE_HEIGHT, WIDE_REACH) } else { (HEIGHT, REACH) };
    let levels = neighbours(bits, reach);
    if levels.len() < 2 || !bits.original.is_finite() {
        return;
    }
    let theme = Theme::of(ui);
    super::heading(ui, "Levels around it");
    let size = vec2(ui.available_width(), height);
    let (room, response) = ui.allocate_exact_size(size, Sense::hover());
    let (x, reconstructed) = (f64::from(bits.original), f64::from(bits.quantized));
    let values = || levels.iter().map(|level| level.value).chain([x, reconstructed]);
    let (lo, hi) =
        (values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max));
    let axis = Axis::new(lo, hi, room.x_range().shrink(NUMBER_WIDTH / 2.0));
    let y = room.top() + (LINE_AT * height).round();
    let painter = ui.painter_at(room);
    painter.hline(room.x_range(), y, Stroke::new(1.0, theme.line_strong));
    draw_middles(&painter, theme, &levels, (axis, y));
    draw_levels(&painter, theme, (&levels, reconstructed), (axis, y));
    let at = axis.x(x);
    let stroke = Stroke::new(1.5, theme.text);
    if levels.iter().any(|level| (axis.x(level.value) - at).abs() < CODE_REACH) {
        painter.vline(at, room.top() + 18.0..=y - CODE_ROW.1, stroke);
        painter.vline(at, y - CODE_ROW.0..=y, stroke);
    } else {
        painter.vline(at, room.top() + 18.0..=y, stroke);
    }
    let text = format!("x {}", significant(x, 5));
    let galley = painter.layout_no_wrap(text, theme::mono(11.0), theme.text);
    let left = (at - galley.size().x / 2.0).clamp(room.left(), room.right() - galley.size().x);
    painter.galley(pos2(left, room.top() + 2.0), galley, theme.text);
    painter.circle_filled(pos2(axis.x(reconstructed), y), 5.0, theme.quantized);
    response.widget_info(|| {
        let text = format!("Number line of {} levels around the weight", levels.len());
        WidgetInfo::labeled(egui::Role::Canvas, true, text)
    });
    response.on_hover_text(
        "The weight x as a line, what it became as a dot, the levels with their codes above and values below; half-way between two levels a short line: by rounding to the nearest, the weights between two of these become the same level",
    );
}

/// A short line half-way between two levels, told what it is where there is room.
fn draw_middles(
    painter: &egui::Painter,
    theme: &Theme,
    levels: &[Neighbour],
    (axis, y): (Axis, f32),
) {
    for (below, above) in levels.iter().zip(levels.iter().skip(1)) {
        let middle = axis.x((below.value + above.value) / 2.0);
        painter.vline(middle, y - 6.0..=y + 6.0, Stroke::new(1.0, theme.line_strong));
        if axis.x(above.value) - axis.x(below.value) >= NUMBER_WIDTH + MIDDLE_WIDTH {
            let place = pos2(middle, y + 14.0);
            let font = theme::text(11.0);
            painter.text(place, Align2::CENTER_TOP, "half-way", font, theme.hint);
        }
    }
}

/// A tick a level, its code above and its value below; the one taken first, others where they have
/// room.
fn draw_levels(
    painter: &egui::Painter,
    theme: &Theme,
    (levels, taken): (&[Neighbour], f64),
    (axis, y): (Axis, f32),
) {
    let mut order: Vec<&Neighbour> = levels.iter().collect();
    order.sort_by(|a, b| (a.value - taken).abs().total_cmp(&(b.value - taken).abs()));
    let mut numbers: Vec<Rect> = Vec::new();
    for (nth, level) in order.into_iter().enumerate() {
        let x = axis.x(level.value);
        painter.vline(x, y - 10.0..=y + 10.0, Stroke::new(1.0, theme.label));
        let number = Rect::from_center_size(pos2(x, y), vec2(NUMBER_WIDTH, 2.0));
        if numbers.iter().any(|other| other.intersects(number)) {
            continue;
        }
        numbers.push(number);
        let ink = if nth == 0 { theme.quantized } else { theme.label };
        let font = theme::mono(11.0);
        let code = fixed(f64::from(level.code), 0);
        painter.text(pos2(x, y - 13.0), Align2::CENTER_BOTTOM, code, font.clone(), ink);
        let value = significant(level.value, 4);
        painter.text(pos2(x, y + 14.0), Align2::CENTER_TOP, value, font, ink);
    }
}

/// The level taken and `reach` on either side of it, ascending.
fn neighbours(bits: &WeightBits, reach: usize) -> Vec<Neighbour> {
    let Some(code) = bits.code else { return Vec::new() };
    match &bits.grid {
        Grid::Continuous => Vec::new(),
        Grid::Uniform { params, range } => {
            let steps = reach as i32;
            let first = code.saturating_sub(steps).max(range.qmin);
            let last = code.saturating_add(steps).min(range.qmax);
            let value = |code: i32| {
                f64::from(params.scale) * (f64::from(code) - f64::from(params.zero_point))
            };
            (first..=last).map(|code| Neighbour { code, value: value(code) }).collect()
        }
        Grid::Table { scale, offset, levels } => {
            let value = |level: f32| f64::from(*scale) * f64::from(level) + f64::from(*offset);
            let away = |level: f32| (value(level) - f64::from(bits.quantized)).abs();
            let nearest = levels.iter().enumerate();
            let nearest = nearest.min_by(|a, b| away(a.1.value).total_cmp(&away(b.1.value)));
            let taken = nearest.map_or(0, |(idx, _)| idx);
            let last = (taken + reach + 1).min(levels.len());
            let around = levels.get(taken.saturating_sub(reach)..last).unwrap_or_default();
            let mut found: Vec<Neighbour> = around
                .iter()
                .map(|level| Neighbour { code: level.code, value: value(level.value) })
                .collect();
            found.sort_by(|a, b| a.value.total_cmp(&b.value));
            found.dedup_by(|a, b| a.value == b.value);
            found
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quant::{CodeRange, Level, QuantParams};

    fn codes(code: i32, quantized: f32, grid: Grid) -> Vec<i32> {
        let bits = WeightBits {
            layer_idx: 0,
            element_idx: 0,
            coords: vec![0],
            original: 0.0,
            quantized,
            code: Some(code),
            format: None,
            is_clipped: false,
            group_idx: 0,
            n_groups: 1,
            grid,
            has_scale: true,
            largest_idx: 0,
            worst_idx: 0,
        };
        neighbours(&bits, REACH).iter().map(|level| level.code).collect()
    }

    #[test]
    fn two_levels_on_either_side_as_far_as_there_are_any() {
        let params = QuantParams { scale: 0.5, zero_point: 1 };
        let grid = || Grid::Uniform { params, range: CodeRange { qmin: -4, qmax: 3 } };
        assert_eq!(codes(0, -0.5, grid()), [-2, -1, 0, 1, 2]);
        assert_eq!(codes(3, 1.0, grid()), [1, 2, 3]);
        let levels: Vec<Level> = (0..)
            .zip([-2.0, -1.0, -0.0, 0.0, 3.0])
            .map(|(code, value)| Level { code, value })
            .collect();
        let table = || Grid::Table { scale: 2.0, offset: 0.5, levels: levels.clone().into() };
        assert_eq!(codes(1, -1.5, table()), [0, 1, 2], "both zeros are one");
        assert_eq!(codes(4, 6.5, table()), [2, 4]);
        assert!(codes(0, 0.0, Grid::Continuous).is_empty());
    }
}
