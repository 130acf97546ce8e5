//! A drawing over two axes with grid and numbers, for panels that place their marks themselves.

use egui::{Align2, Painter, Pos2, Rangef, Rect, Shape, Stroke, pos2, vec2};

use super::axis::{Axis, mark_text};
use super::theme::{self, Theme};

/// How values are spread over the height.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Spread {
    Linear,
    Log,
}

/// Where values lie on the screen.
#[derive(Clone, Copy, Debug)]
pub struct Chart {
    /// Between the axes.
    pub rect: Rect,
    pub x: Axis,
    y: (f64, f64),
    spread: Spread,
}

/// What stands beside and below a chart.
pub struct Titles<'a> {
    pub x: &'a str,
    pub y: &'a str,
    pub y_text: fn(f64, f64) -> String,
}

/// Room for the numbers on the left, below, and for the title above.
const LEFT: f32 = 62.0;
const BOTTOM: f32 = 36.0;
const TOP: f32 = 20.0;
/// So near the top edge there is no number, the title stands there.
const TITLE_REACH: f32 = 6.0;
/// Points between two numbers of the y axis.
const PITCH: f32 = 30.0;

impl Chart {
    /// In a room with its axes. On a logarithmic scale both ends of `y` are above 0.
    pub fn new(room: Rect, x: (f64, f64), y: (f64, f64), spread: Spread) -> Self {
        let rect = Rect::from_min_max(
            room.min + vec2(LEFT, TOP),
            pos2(room.right() - theme::PANEL_MARGIN, room.bottom() - BOTTOM),
        );
        let y = if y.1 > y.0 { y } else { (y.0, y.0 + 1.0) };
        Self { rect, x: Axis::new(x.0, x.1, rect.x_range()), y, spread }
    }

    /// Whether there is room to draw anything.
    pub fn has_room(&self) -> bool {
        self.rect.width() > 40.0 && self.rect.height() > 24.0
    }

    fn place(&self, value: f64) -> f64 {
        match self.spread {
            Spread::Linear => value,
            Spread::Log => value.max(f64::MIN_POSITIVE).log10(),
        }
    }

    /// Values beyond the ends lie on them.
    pub fn y(&self, value: f64) -> f32 {
        let (lo, hi) = (self.place(self.y.0), self.place(self.y.1));
        let fraction = ((self.place(value) - lo) / (hi - lo)).clamp(0.0, 1.0);
        self.rect.bottom() - self.rect.height() * fraction as f32
    }

    pub fn at(&self, x: f64, y: f64) -> Pos2 {
        pos2(self.x.x(x), self.y(y))
    }

    /// The value below a point of the screen.
    pub fn value_at(&self, x: f32) -> f64 {
        let fraction = f64::from((x - self.rect.left()) / self.rect.width());
        self.x.lo + (self.x.hi - self.x.lo) * fraction
    }

    /// Background, grid, numbers and titles.
    pub fn draw(&self, painter: &Painter, theme: &Theme, titles: &Titles) {
        self.draw_with(painter, theme, titles, mark_text);
    }

    /// As [`draw`](Self::draw), with the numbers of the x axis as told.
    pub fn draw_with(
        &self,
        painter: &Painter,
        theme: &Theme,
        titles: &Titles,
        x_text: fn(f64, f64) -> String,
    ) {
        let (marks, step) = self.x.marks();
        let marks: Vec<(f64, String)> =
            marks.into_iter().map(|mark| (mark, x_text(mark, step))).collect();
        self.draw_at(painter, theme, titles, &marks);
    }

    /// As [`draw`](Self::draw), with these marks on the x axis.
    pub fn draw_at(
        &self,
        painter: &Painter,
        theme: &Theme,
        titles: &Titles,
        x_marks: &[(f64, String)],
    ) {
        let rect = self.rect;
        painter.rect_filled(rect, 2, theme.background);
        for (mark, text) in x_marks {
            let x = self.x.x(*mark);
            painter.vline(x, rect.y_range(), Stroke::new(1.0, theme.grid));
            let place = pos2(x, rect.bottom() + 4.0);
            painter.text(place, Align2::CENTER_TOP, text, theme::mono(11.0), theme.label);
        }
        let (marks, step) = self.y_marks();
        for mark in marks {
            let y = self.y(mark);
            painter.hline(rect.x_range(), y, Stroke::new(1.0, theme.grid));
            // It would lie in the title.
            if y - rect.top() < TITLE_REACH && !titles.y.is_empty() {
                continue;
            }
            let text = (titles.y_text)(mark, step);
            let place = pos2(rect.left() - 6.0, y);
            painter.text(place, Align2::RIGHT_CENTER, text, theme::mono(11.0), theme.label);
        }
        let small = theme::text(11.0);
        let place = pos2(rect.left() - LEFT + theme::PANEL_MARGIN, rect.top() - 5.0);
        painter.text(place, Align2::LEFT_BOTTOM, titles.y, small.clone(), theme.label);
        let place = pos2(rect.center().x, rect.bottom() + BOTTOM - 2.0);
        painter.text(place, Align2::CENTER_BOTTOM, titles.x, small, theme.label);
    }

    /// The values of round marks on the y axis, and their step; on a logarithmic scale powers of
    /// ten, and 2 and 5 times these where there is room.
    fn y_marks(&self) -> (Vec<f64>, f64) {
        let n_wanted = (self.rect.height() / PITCH).max(2.0);
        if self.spread == Spread::Linear {
            // The axis reckons with the width of numbers, here it is their height.
            let span = Rangef::new(0.0, n_wanted * 52.0);
            return Axis::new(self.y.0, self.y.1, span).marks();
        }
        let (lo, hi) = (self.place(self.y.0), self.place(self.y.1));
        let n_decades = (hi - lo).max(0.1);
        let step = (n_decades / f64::from(n_wanted)).ceil().max(1.0) as i32;
        let factors: &[f64] = match n_decades / f64::from(n_wanted) {
            room if room <= 1.0 / 3.0 => &[1.0, 2.0, 5.0],
            room if room <= 0.5 => &[1.0, 3.0],
            _ => &[1.0],
        };
        let powers = (lo.floor() as i32..=hi.ceil() as i32).filter(|power| power % step == 0);
        let marks = powers.flat_map(|power| factors.iter().map(move |f| f * 10f64.powi(power)));
        let is_inside = |mark: &f64| *mark >= self.y.0 * 0.999 && *mark <= self.y.1 * 1.001;
        (marks.filter(is_inside).collect(), 0.0)
    }

    /// A line through points in order of `x`.
    pub fn line(
        &self,
        painter: &Painter,
        points: impl Iterator<Item = (f64, f64)>,
        stroke: Stroke,
    ) {
        // What lies below a logarithmic axis would lie on it.
        let is_drawn = |y: f64| self.spread == Spread::Linear || y >= self.y.0;
        let points = points.filter(|(_, y)| is_drawn(*y)).map(|(x, y)| self.at(x, y)).collect();
        painter.with_clip_rect(self.rect.expand(1.0)).add(Shape::line(points, stroke));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(y: (f64, f64), spread: Spread) -> Chart {
        let room = Rect::from_min_max(pos2(0.0, 0.0), pos2(400.0, 300.0));
        Chart::new(room, (0.0, 2.0), y, spread)
    }

    #[test]
    fn places_and_values_are_inverse() {
        let chart = chart((0.0, 10.0), Spread::Linear);
        for value in [0.0, 0.7, 2.0] {
            assert!((chart.value_at(chart.x.x(value)) - value).abs() < 1e-5, "{value}");
        }
        assert_eq!(chart.y(0.0), chart.rect.bottom());
        assert_eq!(chart.y(10.0), chart.rect.top());
        assert_eq!(chart.y(11.0), chart.rect.top(), "beyond the end");
    }

    #[test]
    fn logarithmic_marks_are_powers_of_ten() {
        let decades = chart((1e-6, 1e-1), Spread::Log).y_marks().0;
        assert_eq!(decades.len(), 6);
        let near: Vec<f64> = chart((0.5, 30.0), Spread::Log).y_marks().0;
        assert_eq!(near, [0.5, 1.0, 2.0, 5.0, 10.0, 20.0]);
        let chart = chart((1.0, 100.0), Spread::Log);
        assert_eq!(chart.y(10.0), chart.rect.center().y);
        assert_eq!(chart.y(0.0), chart.rect.bottom(), "zero has no logarithm");
    }
}
