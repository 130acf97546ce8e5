//! Which channels are in view and which share a line of the screen.

use std::ops::Range;

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
const MAX_ROW_HEIGHT: f32 = 28.0;
/// Below this height channels share lines.
const MIN_ROW_HEIGHT: f32 = 1.0;

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
}

/// How rows lie on the screen.
#[derive(Clone, Copy, Debug)]
pub(super) struct RowLayout {
    pub window: RowWindow,
    pub n_rows: usize,
    pub top: f32,
    pub row_height: f32,
    pub height: f32,
}

impl RowLayout {
    pub fn new(window: RowWindow, n_rows: usize, (top, room): (f32, f32)) -> Self {
        let row_height = (room / window.count.max(1.0) as f32).min(MAX_ROW_HEIGHT);
        let height = row_height * window.count as f32;
        Self { window, n_rows, top, row_height, height }
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

    /// A line a row, or one a point where rows are thinner.
    pub fn lines(&self) -> Vec<Line> {
        if self.row_height >= MIN_ROW_HEIGHT {
            let line = |place: usize| Line {
                top: self.y(place as f64),
                height: self.row_height,
                places: place..place + 1,
            };
            return self.window.places(self.n_rows).map(line).collect();
        }
        let n_lines = self.height.floor().max(1.0) as usize;
        let rows_per_line = self.window.count / n_lines as f64;
        let edge = |line_idx: usize| {
            let place = (self.window.first + line_idx as f64 * rows_per_line).round();
            (place.max(0.0) as usize).min(self.n_rows)
        };
        (0..n_lines)
            .map(|line_idx| Line {
                top: self.top + line_idx as f32,
                height: 1.0,
                places: edge(line_idx)..edge(line_idx + 1),
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
    fn lines_show_every_row_in_view_once() {
        for (n_rows, window, room) in [
            (1, RowWindow::all(1), 600.0),
            (64, RowWindow::all(64), 600.0),
            (300, RowWindow::all(300), 600.0),
            (30_000, RowWindow::all(30_000), 611.5),
            (30_000, RowWindow { first: 1234.5, count: 700.0 }, 600.0),
            (0, RowWindow::all(0), 600.0),
        ] {
            let layout = RowLayout::new(window, n_rows, (10.0, room));
            let lines = layout.lines();
            assert!(lines.len() <= room as usize + 1, "{n_rows}: {}", lines.len());
            let shown: Vec<usize> = lines.iter().flat_map(|line| line.places.clone()).collect();
            let distinct = shown.windows(2).all(|pair| pair[1] == pair[0] + 1);
            assert!(distinct, "{n_rows}: in order, none twice");
            let n_in_view = window.places(n_rows).len();
            assert!(shown.len().abs_diff(n_in_view) <= 1, "{n_rows}: {} rows", shown.len());
        }
    }
}
