//! The columns that share the rows: number, range, scale and error of every channel.

use std::sync::Arc;

use egui::{Align2, Color32, Painter, Rangef, Rect, Shape, Stroke, pos2, vec2};

use super::decibels::DecibelRange;
use super::rows::{Ends, Line, RowLayout, Summary};
use crate::session::ChannelPicture;
use crate::ui::axis::{Axis, round_step};
use crate::ui::theme::{self, Theme};

/// Lines thinner than this fill their pixels, so that rows do not become a pattern.
const THIN: f32 = 3.0;

/// Rows from this height on have signs for their figures, lower ones ticks.
const SIGN_HEIGHT: f32 = 4.0;

/// How the figures of a row are marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MarkShape {
    Sign,
    /// Where rows are too low to tell signs apart.
    Tick,
}

impl MarkShape {
    pub fn of(row_height: f32) -> Self {
        if row_height >= SIGN_HEIGHT { Self::Sign } else { Self::Tick }
    }
}

/// Where the columns stand, from left to right; a column without room has no width.
#[derive(Clone, Copy, Debug)]
pub(super) struct Columns {
    pub labels: Rect,
    pub ranges: Rect,
    pub scale: Rect,
    pub sqnr: Rect,
    pub density: Rect,
}

const LABEL_WIDTH: f32 = 74.0;
const GAP: f32 = 16.0;
/// Below this width of the whole the scale has no column of its own.
const MIN_WIDTH_FOR_SCALE: f32 = 620.0;

impl Columns {
    /// A column for `n_scales` scales, unless there is none.
    pub fn new(plot: Rect, n_scales: usize) -> Self {
        let has_scale = n_scales > 0 && plot.width() >= MIN_WIDTH_FOR_SCALE;
        let n_gaps = if has_scale { 3.0 } else { 2.0 };
        let room = plot.width() - LABEL_WIDTH - n_gaps * GAP - 8.0;
        let scale_share = if has_scale { 0.11 } else { 0.0 };
        let mut left = plot.left();
        let mut next = |width: f32, gap: f32| {
            let rect = Rect::from_min_size(pos2(left, plot.top()), vec2(width, plot.height()));
            left += width + gap;
            rect
        };
        let rest = 1.0 - scale_share;
        Self {
            labels: next(LABEL_WIDTH, 0.0),
            ranges: next(room * 0.43 * rest, GAP),
            scale: next(room * scale_share, if has_scale { GAP } else { 0.0 }),
            sqnr: next(room * 0.20 * rest, GAP),
            density: next(room * 0.37 * rest, 0.0),
        }
    }

    pub fn has_scale(&self) -> bool {
        self.scale.width() > 1.0
    }
}

/// The axes of the columns.
#[derive(Clone, Copy, Debug)]
pub(super) struct Axes {
    pub value: Axis,
    pub scale: Axis,
    pub sqnr: Axis,
    /// As `value`, over the densities.
    pub density: Axis,
}

impl Axes {
    /// Values and scales of all channels; the ends of the tensor's grid too, if they lie near.
    pub fn new(picture: &ChannelPicture, columns: &Columns, decibels: DecibelRange) -> Self {
        let bins = picture.table.bins;
        let (mut lo, mut hi) = (bins.lo, bins.hi());
        let extent = hi - lo;
        if let Some((grid_lo, grid_hi)) = tensor_bounds(picture) {
            lo = lo.min(grid_lo).max(lo - extent / 2.0);
            hi = hi.max(grid_hi).min(hi + extent / 2.0);
        }
        let margin = (hi - lo) * 0.02;
        let all = Summary::of(picture, 0..picture.listed.len());
        let greatest = |ends: [Ends; 3]| ends.iter().flatten().map(|e| e.1).fold(0.0, f64::max);
        let inner = |rect: Rect| Rangef::new(rect.left() + 6.0, rect.right() - 6.0);
        Self {
            value: Axis::new(lo - margin, hi + margin, columns.ranges.x_range()),
            scale: Axis::new(
                0.0,
                greatest([all.scale, all.own_scale, None]) * 1.05,
                inner(columns.scale),
            ),
            sqnr: Axis::new(decibels.lo, decibels.hi, inner(columns.sqnr)),
            density: Axis::new(lo - margin, hi + margin, columns.density.x_range()),
        }
    }
}

/// Lowest and highest level of one grid for the tensor.
pub(super) fn tensor_bounds(picture: &ChannelPicture) -> Option<(f64, f64)> {
    let (lo, hi) = picture.table.tensor_grid.as_ref()?.bounds()?;
    Some((f64::from(lo), f64::from(hi)))
}

/// What the columns are drawn with.
pub(super) struct Sketch<'a> {
    pub painter: &'a Painter,
    pub theme: &'a Theme,
    pub picture: &'a Arc<ChannelPicture>,
    pub layout: &'a RowLayout,
    pub columns: &'a Columns,
    pub axes: &'a Axes,
    pub selected: Option<usize>,
}

impl Sketch<'_> {
    /// All columns but the densities.
    pub fn draw(&self) {
        let lines = self.layout.lines();
        let mut labels = Labels {
            step: label_step(self.layout.row_height),
            last_place: None,
            last_word: f32::NEG_INFINITY,
            selected_y: self.selected_y(&lines),
        };
        for line in &lines {
            let summary = Summary::of(self.picture, line.places.clone());
            self.backdrop(line, &summary);
        }
        self.grids();
        for line in &lines {
            let summary = Summary::of(self.picture, line.places.clone());
            self.range(line, &summary);
            if self.columns.has_scale() {
                self.scale(line, &summary);
            }
            self.sqnr(line, &summary);
            self.label(line, &summary, &mut labels);
        }
    }

    /// Outliers lie on a raised ground, where a row is high enough to have one.
    fn backdrop(&self, line: &Line, summary: &Summary) {
        if (summary.is_wide || summary.is_narrow) && line.places.len() == 1 {
            let ground = Rect::from_x_y_ranges(
                self.columns.labels.left()..=self.columns.ranges.right(),
                line.top..=line.top + line.height,
            );
            self.painter.rect_filled(ground, 0, self.theme.panel);
        }
    }

    fn grids(&self) {
        let band = |rect: Rect| rect.with_max_y(self.layout.top + self.layout.height);
        self.axes.value.draw(self.painter, band(self.columns.ranges), self.theme);
        self.axes.sqnr.draw(self.painter, band(self.columns.sqnr), self.theme);
        self.axes.density.draw(self.painter, band(self.columns.density), self.theme);
        if self.columns.has_scale() {
            self.axes.scale.draw(self.painter, band(self.columns.scale), self.theme);
        }
        if let Some((lo, hi)) = tensor_bounds(self.picture) {
            let rect = band(self.columns.ranges);
            for end in [lo, hi] {
                let x = self.axes.value.x(end);
                if rect.x_range().contains(x) {
                    self.painter.vline(x, rect.y_range(), Stroke::new(1.5, self.theme.accent));
                }
            }
        }
    }

    fn range(&self, line: &Line, summary: &Summary) {
        let Some(span) = summary.span else { return };
        let colour = if summary.is_wide { self.theme.bad } else { self.theme.original };
        let x = |value: f32| self.axes.value.x(f64::from(value));
        let y = self.painter.round_to_pixel_center(line.centre());
        let painter = self.painter.with_clip_rect(self.columns.ranges);
        let (min, max) = (x(span.min), x(span.max).max(x(span.min) + 1.0));
        let faint = colour.gamma_multiply(0.8);
        if line.height < THIN {
            painter.rect_filled(line.rect(min, max), 0, faint);
            let bar = line.rect(x(span.low), x(span.high).max(x(span.low) + 1.0));
            painter.rect_filled(bar, 0, colour);
            return;
        }
        painter.hline(min..=max, y, Stroke::new(1.0, faint));
        if line.height >= 6.0 {
            for end in [min, max] {
                painter.vline(end, y - 2.5..=y + 2.5, Stroke::new(1.0, colour));
            }
        }
        // Of the layout, not the line: lines may differ by a pixel, bars shall not.
        let pixel = 1.0 / self.layout.pixels_per_point;
        let wanted = (self.layout.row_height * 0.62).min(8.0);
        let half = ((wanted / pixel - 1.0) / 2.0).round().max(0.0) * pixel + pixel / 2.0;
        let right = x(span.high).max(x(span.low) + 1.0);
        let bar = Rect::from_x_y_ranges(x(span.low)..=right, y - half..=y + half);
        painter.rect_filled(bar, 0, colour);
    }

    /// ◆ the channel's own scale, on a stem from zero; a tick where the one in use lies.
    fn scale(&self, line: &Line, summary: &Summary) {
        let y = line.centre();
        let axis = &self.axes.scale;
        let colour = self.theme.accent;
        if let Some((lo, _)) = summary.own_scale {
            if line.height < THIN {
                let stem = line.rect(axis.x(0.0), axis.x(lo));
                self.painter.rect_filled(stem, 0, self.theme.line_strong);
            } else {
                let stem = Stroke::new(1.0, self.theme.line_strong);
                let y = self.painter.round_to_pixel_center(y);
                self.painter.hline(axis.x(0.0)..=axis.x(lo), y, stem);
            }
        }
        if self.shape() == MarkShape::Tick {
            self.tick_in_use(line, axis, summary.scale);
        }
        match (summary.own_scale, self.shape()) {
            (None, _) => {}
            (Some((_, hi)), MarkShape::Sign) => {
                diamond(self.painter, (axis.x(hi), y), (line.height * 0.4).min(4.0), colour);
            }
            (Some((lo, hi)), MarkShape::Tick) => {
                self.thin_mark(line, (axis.x(lo), axis.x(hi)), colour);
            }
        }
        if self.shape() == MarkShape::Sign {
            self.tick_in_use(line, axis, summary.scale);
        }
    }

    /// Of the layout, not the line: lines may differ by a pixel.
    pub fn shape(&self) -> MarkShape {
        MarkShape::of(self.layout.row_height)
    }

    /// From the least to the most of the channels a thin line stands for, never too thin to see.
    fn thin_mark(&self, line: &Line, (lo, hi): (f32, f32), colour: Color32) {
        let middle = (lo + hi) / 2.0;
        let half_width = ((hi - lo) / 2.0).max(1.0);
        let mark = line.rect(middle - half_width, middle + half_width);
        self.painter.rect_filled(mark, 0, colour);
    }

    /// ○ with one scale for the tensor, ● with one a channel, and a tick where the one in use lies.
    fn sqnr(&self, line: &Line, summary: &Summary) {
        let y = line.centre();
        let axis = &self.axes.sqnr;
        let (tensor, channel) = (summary.per_tensor, summary.per_channel);
        let (ring, dot) = (self.theme.original, self.theme.accent);
        if self.shape() == MarkShape::Tick {
            self.tick_in_use(line, axis, summary.sqnr);
            for (ends, colour) in [(tensor, ring), (channel, dot)] {
                let Some((lo, hi)) = ends else { continue };
                self.thin_mark(line, (axis.x(lo), axis.x(hi)), colour);
            }
            return;
        }
        if let (Some((from, _)), Some((to, _))) = (tensor, channel) {
            let between = Stroke::new(1.0, self.theme.line_strong);
            self.painter.line_segment([pos2(axis.x(from), y), pos2(axis.x(to), y)], between);
        }
        let radius = (line.height * 0.36).min(3.5);
        if let Some((db, _)) = tensor {
            let centre = pos2(axis.x(db), y);
            self.painter.circle_filled(centre, radius, self.theme.background);
            self.painter.circle_stroke(centre, radius, Stroke::new(1.5, ring));
        }
        if let Some((db, _)) = channel {
            self.painter.circle_filled(pos2(axis.x(db), y), radius, dot);
        }
        self.tick_in_use(line, axis, summary.sqnr);
    }

    /// Over signs; wider than a thin mark, which lies over it.
    fn tick_in_use(&self, line: &Line, axis: &Axis, ends: Ends) {
        let Some((lo, hi)) = ends else { return };
        let half = if self.shape() == MarkShape::Sign { 1.0 } else { 2.5 };
        let (left, right) = (axis.x(lo), axis.x(hi));
        let mark = line.rect(left - half, right.max(left) + half);
        self.painter.rect_filled(mark, 0, self.theme.quantized);
    }

    /// Where the selected channel's number stands, which is always there.
    fn selected_y(&self, lines: &[Line]) -> Option<f32> {
        let selected = self.selected?;
        let place = self.picture.listed.iter().position(|&idx| idx as usize == selected)?;
        lines.iter().find(|line| line.places.contains(&place)).map(Line::centre)
    }

    /// The channel's number at even distances, and the word for an outlier.
    fn label(&self, line: &Line, summary: &Summary, labels: &mut Labels) {
        let y = line.centre();
        let is_selected = labels.selected_y == Some(y);
        let place = line.places.clone().find(|place| place.is_multiple_of(labels.step));
        let place = place.filter(|place| labels.last_place != Some(*place));
        labels.last_place = place.or(labels.last_place);
        let is_hidden = labels.selected_y.is_some_and(|at| (at - y).abs() < 12.0);
        let listed = place.filter(|_| !is_hidden).and_then(|place| self.picture.listed.get(place));
        let shown = if is_selected { self.selected } else { listed.map(|&idx| idx as usize) };
        let (word, ink) = match summary {
            _ if line.places.len() > 1 => ("", self.theme.hint),
            Summary { is_wide: true, .. } => ("wide", self.theme.bad),
            Summary { is_narrow: true, .. } => ("narrow", self.theme.text),
            _ => ("", self.theme.label),
        };
        let ink = if is_selected { self.theme.accent } else { ink };
        if let Some(channel_idx) = shown {
            let right = self.columns.labels.right() - 8.0;
            let font = theme::mono(11.0);
            let number = channel_idx.to_string();
            self.painter.text(pos2(right, y), Align2::RIGHT_CENTER, number, font, ink);
        }
        if !word.is_empty() && y - labels.last_word >= LABEL_PITCH {
            labels.last_word = y;
            let left = self.columns.labels.left() + 4.0;
            self.painter.text(pos2(left, y), Align2::LEFT_CENTER, word, theme::text(11.0), ink);
        }
    }
}

/// What has been labelled so far.
struct Labels {
    /// Every so many-th place has its number.
    step: usize,
    last_place: Option<usize>,
    /// Where the last word for an outlier stands.
    last_word: f32,
    selected_y: Option<f32>,
}

/// Least distance of two lines of text.
const LABEL_PITCH: f32 = 12.0;

/// Every how many-th row has room for its number: 1, 2 or 5 times a power of ten.
fn label_step(row_height: f32) -> usize {
    let least = (LABEL_PITCH / row_height.max(1e-6)).max(1.0);
    round_step(f64::from(least)).round() as usize
}

/// A square on its corner.
pub(super) fn diamond(painter: &Painter, (x, y): (f32, f32), radius: f32, colour: Color32) {
    let corners =
        vec![pos2(x - radius, y), pos2(x, y - radius), pos2(x + radius, y), pos2(x, y + radius)];
    painter.add(Shape::convex_polygon(corners, colour, Stroke::NONE));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_at_even_round_distances() {
        for (row_height, wanted) in [
            (28.0, 1),
            (12.0, 1),
            (10.0, 2),
            (6.0, 2),
            (5.0, 5),
            (2.0, 10),
            (1.0, 20),
            (0.02, 1000),
        ] {
            assert_eq!(label_step(row_height), wanted, "{row_height}");
        }
    }
}
