//! A horizontal axis for drawings that are not plots: where a value lies, round marks, and their
//! numbers; and the axes of plots in the same type.

use egui::{Painter, Rangef, Rect, Stroke, pos2};
use egui_plot::{AxisHints, GridMark};

use super::theme::{self, Theme};
use crate::base::{fixed, significant};

/// Values from `lo` to `hi` over a stretch of the screen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Axis {
    pub lo: f64,
    pub hi: f64,
    pub span: Rangef,
}

/// How far a number at an end may stand out.
const OVERHANG: f32 = 7.0;
/// Room a number needs.
const LABEL_WIDTH: f32 = 52.0;

impl Axis {
    /// Ends that are equal or no numbers are moved apart.
    pub fn new(lo: f64, hi: f64, span: Rangef) -> Self {
        if hi > lo && (hi - lo).is_finite() {
            return Self { lo, hi, span };
        }
        let middle = if lo.is_finite() { lo } else { 0.0 };
        Self { lo: middle - 0.5, hi: middle + 0.5, span }
    }

    pub fn x(&self, value: f64) -> f32 {
        let fraction = (value - self.lo) / (self.hi - self.lo);
        self.span.min + self.span.span() * fraction.clamp(-10.0, 10.0) as f32
    }

    /// The values of marks at round steps, as many as have room, and the step.
    pub fn marks(&self) -> (Vec<f64>, f64) {
        let at_most = |n: f64| {
            let step = round_step((self.hi - self.lo) / n);
            (self.marks_at(step), step)
        };
        let n_wanted = f64::from((self.span.span() / LABEL_WIDTH).max(1.0));
        let marks = at_most(n_wanted);
        // One mark tells no scale: rather two that stand closer.
        match marks.0.len() {
            0 | 1 if self.span.span() >= LABEL_WIDTH => at_most(2.0 * n_wanted),
            _ => marks,
        }
    }

    fn marks_at(&self, step: f64) -> Vec<f64> {
        let first = (self.lo / step - 1e-9).ceil();
        let n_marks = ((self.hi / step + 1e-9).floor() - first).clamp(-1.0, 200.0) as i64 + 1;
        (0..n_marks.max(0)).map(|idx| (first + idx as f64) * step).collect()
    }

    /// Grid lines over `rect` and the numbers above it.
    pub fn draw(&self, painter: &Painter, rect: Rect, theme: &Theme) {
        let (marks, step) = self.marks();
        let marks = marks.into_iter().map(|mark| (mark, mark_text(mark, step)));
        self.draw_at(painter, rect, theme, marks.collect());
    }

    /// As [`draw`](Self::draw), with these marks.
    pub fn draw_at(&self, painter: &Painter, rect: Rect, theme: &Theme, marks: Vec<(f64, String)>) {
        for (mark, text) in marks {
            let x = self.x(mark);
            painter.vline(x, rect.y_range(), Stroke::new(1.0, theme.grid));
            let galley = painter.layout_no_wrap(text, theme::mono(11.0), theme.hint);
            let (left, right) = (x - galley.size().x / 2.0, x + galley.size().x / 2.0);
            // At an end, where it would lie in the axis beside this one, it is left out.
            if left < rect.left() - OVERHANG || right > rect.right() + OVERHANG {
                continue;
            }
            let place = pos2(left, rect.top() - 4.0 - galley.size().y);
            painter.galley(place, galley, theme.hint);
        }
    }
}

/// An axis of a plot with its numbers in mono and the colour of labels, however close they stand.
pub fn plot_axis<'a>(
    axis: egui_plot::Axis,
    theme: &Theme,
    text: impl Fn(GridMark) -> String + 'a,
) -> AxisHints<'a> {
    // Between both distances a number would fade.
    let least = if axis == egui_plot::Axis::X { 40.0 } else { 13.0 };
    AxisHints::new(axis)
        .formatter(move |mark, _| text(mark))
        .tick_label_font(theme::mono(11.0))
        .tick_label_color(theme.label)
        .label_spacing(Rangef::new(least, least + 0.1))
}

/// Lines of a plot at round values, as many as have room in so many points.
pub fn grid_marks((lo, hi): (f64, f64), length: f32) -> Vec<GridMark> {
    let (values, step_size) = Axis::new(lo, hi, Rangef::new(0.0, length)).marks();
    values.into_iter().map(|value| GridMark { value, step_size }).collect()
}

/// The next of 1, 2, 5 times a power of ten.
pub fn round_step(least: f64) -> f64 {
    let power = 10f64.powf(least.log10().floor());
    let factor = [1.0, 2.0, 5.0].into_iter().find(|factor| factor * power >= least * 0.999);
    factor.unwrap_or(10.0) * power
}

/// A mark with as many decimals as its step has.
pub fn mark_text(mark: f64, step: f64) -> String {
    if mark.abs() < step * 1e-6 {
        return "0".to_owned();
    }
    let decimals = -step.log10().floor();
    if decimals > 4.0 || mark.abs() >= 1e5 {
        return significant(mark, 2);
    }
    fixed(mark, decimals.max(0.0) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_round_and_inside() {
        for (lo, hi, wanted) in [
            (-0.24, 0.24, vec!["−0.2", "−0.1", "0", "0.1", "0.2"]),
            (0.0, 22.0, vec!["0", "5", "10", "15", "20"]),
            (3.0, 3.0, vec!["2.6", "2.8", "3.0", "3.2", "3.4"]),
            (0.0, 3.1e-6, vec!["0", "1.0·10⁻⁶", "2.0·10⁻⁶", "3.0·10⁻⁶"]),
            (f64::NAN, f64::NAN, vec!["−0.4", "−0.2", "0", "0.2", "0.4"]),
        ] {
            let axis = Axis::new(lo, hi, Rangef::new(0.0, 300.0));
            let (marks, step) = axis.marks();
            let texts: Vec<String> = marks.iter().map(|&mark| mark_text(mark, step)).collect();
            assert_eq!(texts, wanted, "{lo} to {hi}");
        }
    }

    #[test]
    fn a_narrow_axis_has_two_marks_at_least() {
        for (lo, hi, width) in [(0.0, 46.0, 100.0), (-0.38, 0.38, 165.0), (0.0, 9.9, 60.0)] {
            let (marks, _) = Axis::new(lo, hi, Rangef::new(0.0, width)).marks();
            assert!((2..=5).contains(&marks.len()), "{lo} to {hi} in {width}: {marks:?}");
        }
    }
}
