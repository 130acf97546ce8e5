//! Which channels are in view and which share a line of the screen.

use std::ops::Range;

use egui::Rect;

use crate::eval::Sqnr;
use crate::session::{ChannelFigures, ChannelPicture, Outlier, ValueSpan};

/// The rows in view, as places in the order of the channels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct RowWindow {
    pub first: f64,
    pub count: f64,
}

/// Fewest rows in view, if there are as many.
const MIN_ROWS: f64 = 8.0;
/// A row is at most this high, so that few channels are not bars of half the screen.
const MAX_ROW_HEIGHT: f32 = 64.0;
/// Rows keep at least this share of their height when they become whole pixels.
const LEAST_SNAPPED: f32 = 0.85;

impl RowWindow {
    pub fn all(n_rows: usize) -> Self {
        Self { first: 0.0, count: n_rows as f64 }
    }

    /// Shows `factor` times fewer rows; the row at `anchor`, a fraction of the height, stays.
    pub fn zoomed(self, factor: f64, anchor: f64, n_rows: usize) -> Self {
        let n_rows = n_rows as f64;
        let count = (self.count / factor).clamp(MIN_ROWS.min(n_rows), n_rows);
        Self { first: self.first + (self.count - count) * anchor, count }.within(n_rows)
    }

    pub fn moved(self, rows: f64, n_rows: usize) -> Self {
        Self { first: self.first + rows, ..self }.within(n_rows as f64)
    }

    /// Moved as little as brings a row into view.
    pub fn showing(self, place: usize, n_rows: usize) -> Self {
        let place = place as f64;
        let first = self.first.clamp((place + 1.0 - self.count).min(place), place);
        Self { first, ..self }.within(n_rows as f64)
    }

    pub fn is_all(&self, n_rows: usize) -> bool {
        self.count >= n_rows as f64 - 0.5
    }

    fn within(self, n_rows: f64) -> Self {
        let count = self.count.min(n_rows);
        Self { first: self.first.clamp(0.0, (n_rows - count).max(0.0)), count }
    }

    /// The rows that are in view in part or whole.
    pub fn places(&self, n_rows: usize) -> Range<usize> {
        let end = (self.first + self.count - 1e-6).ceil().max(0.0) as usize;
        (self.first + 1e-6).max(0.0) as usize..end.min(n_rows)
    }
}

/// A line of the screen and the rows it shows.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Line {
    pub top: f32,
    pub height: f32,
    pub places: Range<usize>,
}

impl Line {
    pub fn centre(&self) -> f32 {
        self.top + self.height / 2.0
    }

    /// All of its height between two places across.
    pub fn rect(&self, left: f32, right: f32) -> Rect {
        Rect::from_x_y_ranges(left..=right, self.top..=self.top + self.height)
    }
}

/// How rows lie on the screen.
#[derive(Clone, Copy, Debug)]
pub(super) struct RowLayout {
    pub window: RowWindow,
    pub n_rows: usize,
    pub top: f32,
    pub row_height: f32,
    pub height: f32,
    pub pixels_per_point: f32,
}

impl RowLayout {
    /// Where all rows are in view they are whole pixels high, if that costs little of the room: rows
    /// of unequal height would look like stripes.
    pub fn new(
        window: RowWindow,
        n_rows: usize,
        (top, room): (f32, f32),
        pixels_per_point: f32,
    ) -> Self {
        let top = (top * pixels_per_point).round() / pixels_per_point;
        let mut row_height = (room / window.count.max(1.0) as f32).min(MAX_ROW_HEIGHT);
        let snapped = (row_height * pixels_per_point).floor() / pixels_per_point;
        if window.is_all(n_rows) && snapped >= LEAST_SNAPPED * row_height {
            row_height = snapped;
        }
        let height = row_height * window.count as f32;
        Self { window, n_rows, top, row_height, height, pixels_per_point }
    }

    pub fn y(&self, place: f64) -> f32 {
        self.top + ((place - self.window.first) as f32) * self.row_height
    }

    /// The row at a height of the screen.
    pub fn place_at(&self, y: f32) -> Option<usize> {
        let offset = f64::from((y - self.top) / self.row_height);
        let place = self.window.first + offset;
        ((0.0..=self.window.count).contains(&offset) && place >= 0.0)
            .then_some(place as usize)
            .filter(|&place| place < self.n_rows)
    }

    /// Lines of whole pixels without gaps: one a row, or one a pixel where rows are thinner, each
    /// with equally many rows. Lines beside each other may then share a row; none is left out.
    pub fn lines(&self) -> Vec<Line> {
        let pixel = 1.0 / self.pixels_per_point;
        let snapped = |y: f32| (y * self.pixels_per_point).round() * pixel;
        if self.row_height >= 0.999 * pixel {
            let line = |place: usize| {
                let (top, bottom) =
                    (snapped(self.y(place as f64)), snapped(self.y(place as f64 + 1.0)));
                Line { top, height: (bottom - top).max(pixel), places: place..place + 1 }
            };
            return self.window.places(self.n_rows).map(line).collect();
        }
        let n_lines = (self.height * self.pixels_per_point).round().max(1.0) as usize;
        let rows_per_line = self.window.count / n_lines as f64;
        let n_shared = (rows_per_line - 1e-6).ceil().max(1.0) as usize;
        (0..n_lines)
            .map(|line_idx| {
                let place = (self.window.first + line_idx as f64 * rows_per_line).max(0.0) as usize;
                Line {
                    top: self.top + line_idx as f32 * pixel,
                    height: pixel,
                    places: place.min(self.n_rows)..(place + n_shared).min(self.n_rows),
                }
            })
            .filter(|line| !line.places.is_empty())
            .collect()
    }
}

/// Least and greatest of some numbers.
pub(super) type Ends = Option<(f64, f64)>;

/// The figures of the channels on one line taken together.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Summary {
    /// The outermost ends of all.
    pub span: Option<ValueSpan>,
    pub scale: Ends,
    pub own_scale: Ends,
    pub sqnr: Ends,
    pub per_tensor: Ends,
    pub per_channel: Ends,
    pub is_wide: bool,
    pub is_narrow: bool,
}

impl Summary {
    pub fn of(picture: &ChannelPicture, places: Range<usize>) -> Self {
        let mut summary = Self::default();
        for &channel_idx in picture.listed.get(places).unwrap_or_default() {
            if let Some(channel) = picture.table.channels.get(channel_idx as usize) {
                summary.add(channel);
            }
        }
        summary
    }

    fn add(&mut self, channel: &ChannelFigures) {
        self.span = match (self.span, channel.span) {
            (Some(a), Some(b)) => Some(ValueSpan {
                min: a.min.min(b.min),
                low: a.low.min(b.low),
                high: a.high.max(b.high),
                max: a.max.max(b.max),
            }),
            (a, b) => a.or(b),
        };
        widen(&mut self.scale, channel.scale.map(f64::from));
        widen(&mut self.own_scale, channel.own_scale.map(f64::from));
        widen(&mut self.sqnr, channel.sqnr.db());
        widen(&mut self.per_tensor, channel.sqnr_per_tensor.and_then(Sqnr::db));
        widen(&mut self.per_channel, channel.sqnr_per_channel.and_then(Sqnr::db));
        self.is_wide |= channel.outlier == Some(Outlier::Wide);
        self.is_narrow |= channel.outlier == Some(Outlier::Narrow);
    }
}

fn widen(ends: &mut Ends, number: Option<f64>) {
    let Some(number) = number else { return };
    *ends = Some(ends.map_or((number, number), |(lo, hi)| (lo.min(number), hi.max(number))));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_row_under_the_pointer_stays_while_zooming() {
        let mut window = RowWindow::all(1000);
        for _ in 0..5 {
            let before = window.first + 0.3 * window.count;
            window = window.zoomed(1.5, 0.3, 1000);
            assert!((window.first + 0.3 * window.count - before).abs() < 1e-9);
        }
        assert!(window.zoomed(1e9, 0.5, 1000).count >= MIN_ROWS);
        assert_eq!(window.zoomed(1e-9, 0.5, 1000), RowWindow::all(1000));
        assert_eq!(RowWindow::all(3).zoomed(10.0, 0.5, 3), RowWindow::all(3));
    }

    #[test]
    fn a_row_is_brought_into_view_by_the_shortest_way() {
        let window = RowWindow { first: 100.0, count: 20.0 };
        assert_eq!(window.showing(110, 1000).first, 100.0);
        assert_eq!(window.showing(50, 1000).first, 50.0);
        assert_eq!(window.showing(130, 1000).first, 111.0);
        assert_eq!(window.showing(999, 1000).first, 980.0);
    }

    #[test]
    fn lines_show_every_row_in_view() {
        for (n_rows, window, room) in [
            (1, RowWindow::all(1), 600.0),
            (64, RowWindow::all(64), 600.0),
            (300, RowWindow::all(300), 600.0),
            (30_000, RowWindow::all(30_000), 611.5),
            (30_000, RowWindow { first: 1234.5, count: 700.0 }, 600.0),
            (0, RowWindow::all(0), 600.0),
        ] {
            for pixels_per_point in [1.0, 1.25, 2.0] {
                let layout = RowLayout::new(window, n_rows, (10.0, room), pixels_per_point);
                let lines = layout.lines();
                let n_pixels = (room * pixels_per_point) as usize;
                assert!(lines.len() <= n_pixels + 1, "{n_rows}: {}", lines.len());
                let in_view = window.places(n_rows);
                let mut next = in_view.start;
                for line in &lines {
                    assert!(line.places.start <= next, "{n_rows}: row {next} is left out");
                    next = next.max(line.places.end);
                }
                assert!(in_view.end.saturating_sub(next) <= 1, "{n_rows}: up to {next}");
            }
        }
    }

    /// Unequal lines or gaps between them would be stripes that the weights do not have.
    #[test]
    fn lines_are_whole_pixels_alike() {
        for (n_rows, room, pixels_per_point) in
            [(512, 600.0, 1.0), (512, 611.5, 2.0), (700, 600.0, 1.0), (5000, 600.0, 1.25)]
        {
            let window = RowWindow::all(n_rows);
            let layout = RowLayout::new(window, n_rows, (10.3, room), pixels_per_point);
            let lines = layout.lines();
            let pixels = |y: f32| y * pixels_per_point;
            for pair in lines.windows(2) {
                let bottom = pair[0].top + pair[0].height;
                assert!((bottom - pair[1].top).abs() < 1e-3, "{n_rows}: a gap at {bottom}");
                assert!((pixels(bottom) - pixels(bottom).round()).abs() < 0.01, "{n_rows}");
                let by = (pair[0].height - pair[1].height).abs() * pixels_per_point;
                let is_snapped = n_rows == 512 && pixels_per_point == 1.0;
                assert!(by < if is_snapped { 0.01 } else { 1.01 }, "{n_rows}: unequal");
            }
            let n_rows_of = |line: &Line| line.places.len();
            let inner = &lines[..lines.len() - 1];
            assert!(inner.windows(2).all(|p| n_rows_of(&p[0]) == n_rows_of(&p[1])), "{n_rows}");
        }
    }
}
