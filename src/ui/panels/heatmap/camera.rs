//! Which part of a sheet is in view, and how large its cells are.

use egui::{Pos2, Rect, Vec2, pos2, vec2};

use crate::session::{CellRegion, Sheet};

/// The part in view: all of it, or a size of the cells and the first one.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Camera {
    zoomed: Option<Zoomed>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Zoomed {
    /// Points a cell has at least on either side.
    cell: f32,
    /// Column and row at the upper left corner.
    column: f64,
    row: f64,
}

/// The largest cell, and the largest that a narrow sheet is stretched to.
const MAX_CELL: f32 = 96.0;
const MAX_STRETCHED: f32 = 24.0;
/// Sheets up to this much longer than the room is are shown with square cells.
const MAX_ASPECT: f32 = 3.0;

/// The room for a sheet on the screen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Port {
    pub rect: Rect,
    pub pixels_per_point: f32,
}

/// A camera looking at a sheet through a port.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Lens {
    port: Port,
    /// The part of the port that cells cover; what is narrower stands in the middle.
    pub view: Rect,
    /// Points of a cell, across and down.
    pub cell: Vec2,
    column: f64,
    row: f64,
    n_columns: usize,
    n_rows: usize,
    is_fitted: bool,
}

impl Camera {
    /// Cells are square unless all of a long sheet is to be seen, which stretches it; the longer
    /// side grows first when zooming in.
    pub fn lens(&self, sheet: &Sheet, port: Port) -> Lens {
        let (n_columns, n_rows) = (sheet.n_columns(), sheet.n_rows());
        let base = fitted_cell(n_columns, n_rows, port);
        let zoomed = self.zoomed.unwrap_or(Zoomed { cell: 0.0, column: 0.0, row: 0.0 });
        let cell = vec2(base.x.max(zoomed.cell), base.y.max(zoomed.cell));
        let first = |wanted: f64, n: usize, room: f32, cell: f32| {
            wanted.clamp(0.0, (n as f64 - f64::from(room / cell)).max(0.0))
        };
        let view = covered(n_columns, n_rows, cell, port);
        Lens {
            port,
            view,
            cell,
            column: first(zoomed.column, n_columns, view.width(), cell.x),
            row: first(zoomed.row, n_rows, view.height(), cell.y),
            n_columns,
            n_rows,
            is_fitted: self.zoomed.is_none(),
        }
    }

    pub fn fit(&mut self) {
        self.zoomed = None;
    }

    pub fn is_fitted(&self) -> bool {
        self.zoomed.is_none()
    }

    /// `factor` times larger cells; what lies at `anchor` stays there.
    pub fn zoom(&mut self, lens: &Lens, factor: f32, anchor: Pos2) {
        let base = fitted_cell(lens.n_columns, lens.n_rows, lens.port);
        let least = base.min_elem();
        let cell = (lens.cell.min_elem() * factor).clamp(least, MAX_CELL.max(least));
        if cell <= least * 1.0001 {
            return self.fit();
        }
        let after = vec2(base.x.max(cell), base.y.max(cell));
        let view = covered(lens.n_columns, lens.n_rows, after, lens.port);
        // In cells from the first in view, before and after.
        let cells_before = (anchor - lens.view.min) / lens.cell;
        let cells_after = (anchor - view.min) / after;
        self.zoomed = Some(Zoomed {
            cell,
            column: lens.column + f64::from(cells_before.x - cells_after.x),
            row: lens.row + f64::from(cells_before.y - cells_after.y),
        });
    }

    /// Moves the sheet by so many points.
    pub fn drag(&mut self, lens: &Lens, by: Vec2) {
        if let Some(zoomed) = &mut self.zoomed {
            zoomed.column = lens.column - f64::from(by.x / lens.cell.x);
            zoomed.row = lens.row - f64::from(by.y / lens.cell.y);
        }
    }
}

/// The least of its size that a cell keeps when it is made a whole number of pixels.
const LEAST_WHOLE: f32 = 0.95;

/// As large as there is room for in one direction at least; whole pixels where that costs next to
/// nothing of the size, since cells of equal width are not mistaken for a pattern.
fn fitted_cell(n_columns: usize, n_rows: usize, port: Port) -> Vec2 {
    let room = port.rect.size();
    let fit = vec2(room.x / n_columns.max(1) as f32, room.y / n_rows.max(1) as f32);
    let whole_pixels = |cell: f32| {
        let pixels = (cell * port.pixels_per_point).floor();
        let snapped = pixels / port.pixels_per_point;
        if snapped >= LEAST_WHOLE * cell { snapped } else { cell }
    };
    let least = fit.min_elem().min(MAX_CELL);
    if fit.max_elem() <= MAX_ASPECT * fit.min_elem() {
        return Vec2::splat(whole_pixels(least));
    }
    let stretched = |fit: f32| whole_pixels(fit.min(MAX_STRETCHED.max(least)));
    vec2(stretched(fit.x), stretched(fit.y))
}

/// The part of the port that a sheet covers.
fn covered(n_columns: usize, n_rows: usize, cell: Vec2, port: Port) -> Rect {
    let sheet = vec2(cell.x * n_columns as f32, cell.y * n_rows as f32);
    let size = sheet.min(port.rect.size());
    let pixel = |points: f32| (points * port.pixels_per_point).round() / port.pixels_per_point;
    let left = pixel(port.rect.center().x - size.x / 2.0);
    Rect::from_min_size(pos2(left, pixel(port.rect.top())), size)
}

impl Lens {
    /// The height there is, covered or not.
    pub fn port_height(&self) -> f32 {
        self.port.rect.height()
    }

    pub fn x(&self, column: f64) -> f32 {
        self.view.left() + ((column - self.column) * f64::from(self.cell.x)) as f32
    }

    pub fn y(&self, row: f64) -> f32 {
        self.view.top() + ((row - self.row) * f64::from(self.cell.y)) as f32
    }

    /// Where cells lie on the screen.
    pub fn rect(&self, region: CellRegion) -> Rect {
        Rect::from_min_max(
            pos2(self.x(region.column as f64), self.y(region.row as f64)),
            pos2(
                self.x((region.column + region.n_columns) as f64),
                self.y((region.row + region.n_rows) as f64),
            ),
        )
    }

    /// Row and column of the cell at a point.
    pub fn cell_at(&self, point: Pos2) -> Option<(usize, usize)> {
        let offset = point - self.view.min;
        let column = self.column + f64::from(offset.x / self.cell.x);
        let row = self.row + f64::from(offset.y / self.cell.y);
        let is_on = self.view.contains(point) && column >= 0.0 && row >= 0.0;
        let cell = (row as usize, column as usize);
        (is_on && cell.0 < self.n_rows && cell.1 < self.n_columns).then_some(cell)
    }

    /// The cells in view, in part or whole.
    pub fn in_view(&self) -> CellRegion {
        let span = |first: f64, room: f32, cell: f32, n: usize| {
            let start = (first.max(0.0) as usize).min(n);
            let end = (first + f64::from(room / cell)).ceil().max(0.0) as usize;
            (start, end.min(n) - start.min(end.min(n)))
        };
        let (column, n_columns) = span(self.column, self.view.width(), self.cell.x, self.n_columns);
        let (row, n_rows) = span(self.row, self.view.height(), self.cell.y, self.n_rows);
        CellRegion { row, column, n_rows, n_columns }
    }

    /// Cells that share a pixel of the screen, down and across; while zooming powers of two, so
    /// that each step is asked for once.
    pub fn block(&self) -> (usize, usize) {
        let block = |cell: f32| {
            // A cell is not to lose its pixel to rounding.
            let cells = (1.0 / (cell * self.port.pixels_per_point) - 1e-3).ceil().max(1.0);
            if self.is_fitted { cells as usize } else { (cells as usize).next_power_of_two() }
        };
        (block(self.cell.y), block(self.cell.x))
    }

    /// The part to be asked for in detail: what is in view and some beside, in coarse steps, so that
    /// moving asks rarely. `None` while everything is in view.
    pub fn detail(&self) -> Option<CellRegion> {
        if self.is_fitted {
            return None;
        }
        let widened = |start: usize, len: usize, n: usize| {
            let step = (len / 2).max(32).next_power_of_two();
            let first = start / step * step;
            let end = ((start + len).div_ceil(step) * step).min(n);
            (first, end - first.min(end))
        };
        let in_view = self.in_view();
        let (row, n_rows) = widened(in_view.row, in_view.n_rows, self.n_rows);
        let (column, n_columns) = widened(in_view.column, in_view.n_columns, self.n_columns);
        Some(CellRegion { row, column, n_rows, n_columns })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::Arrangement;

    fn sheet(n_rows: usize, n_columns: usize) -> Sheet {
        let dims = [n_rows, n_columns];
        Sheet::new(&dims, 0, &Arrangement::default_of(&dims))
    }

    fn port(pixels_per_point: f32) -> Port {
        let rect = Rect::from_min_size(pos2(40.0, 20.0), vec2(1000.0, 600.0));
        Port { rect, pixels_per_point }
    }

    fn view() -> Port {
        port(1.0)
    }

    #[test]
    fn everything_fits_at_first() {
        for (n_rows, n_columns, cell) in [
            (600, 1000, (1.0, 1.0)),
            (300, 300, (2.0, 2.0)),
            (1, 1, (96.0, 96.0)),
            (30_000, 64, (15.0, 0.02)),
            (10, 64, (15.0, 24.0)),
            (192, 192, (3.0, 3.0)),
            (320, 320, (1.875, 1.875)),
        ] {
            let lens = Camera::default().lens(&sheet(n_rows, n_columns), view());
            assert_eq!((lens.cell.x, lens.cell.y), cell, "{n_rows} × {n_columns}");
            let whole = CellRegion { row: 0, column: 0, n_rows, n_columns };
            assert_eq!(lens.in_view(), whole, "{n_rows} × {n_columns}");
            assert!(
                view().rect.expand(0.1).contains_rect(lens.rect(whole)),
                "{n_rows} × {n_columns}"
            );
            assert!((lens.view.center().x - view().rect.center().x).abs() <= 0.5);
            assert_eq!(lens.detail(), None);
        }
    }

    #[test]
    fn the_cell_under_the_pointer_stays() {
        for (n_rows, n_columns) in [(30_000, 64), (256, 256), (10, 64)] {
            let sheet = sheet(n_rows, n_columns);
            let mut camera = Camera::default();
            let pointer = pos2(540.0, 150.0);
            let mut lens = camera.lens(&sheet, view());
            let before = lens.cell_at(pointer).unwrap();
            for _ in 0..60 {
                camera.zoom(&lens, 1.2, pointer);
                lens = camera.lens(&sheet, view());
            }
            assert_eq!(lens.cell, Vec2::splat(MAX_CELL), "square in the end");
            let after = lens.cell_at(pointer).unwrap();
            let is_near = before.0.abs_diff(after.0) <= 60 && before.1.abs_diff(after.1) <= 1;
            assert!(is_near, "{n_rows} × {n_columns}: {before:?} {after:?}");
            assert!(lens.detail().is_some());
            for _ in 0..120 {
                camera.zoom(&lens, 0.8, pointer);
                lens = camera.lens(&sheet, view());
            }
            assert!(camera.is_fitted());
        }
    }

    #[test]
    fn dragging_stops_at_the_edges() {
        let sheet = sheet(256, 256);
        let mut camera = Camera::default();
        let lens = camera.lens(&sheet, view());
        camera.zoom(&lens, 10.0, view().rect.center());
        let lens = camera.lens(&sheet, view());
        camera.drag(&lens, vec2(1e6, 1e6));
        let lens = camera.lens(&sheet, view());
        assert_eq!((lens.in_view().row, lens.in_view().column), (0, 0));
        let detail = lens.detail().unwrap();
        let in_view = lens.in_view();
        assert!(detail.n_rows >= in_view.n_rows && detail.n_columns >= in_view.n_columns);
    }

    #[test]
    fn blocks_are_what_a_pixel_covers() {
        let sheet = sheet(30_000, 64);
        let block = |ppp: f32| Camera::default().lens(&sheet, port(ppp)).block();
        assert_eq!((block(1.0), block(2.0)), ((50, 1), (25, 1)));
        let mut camera = Camera::default();
        camera.zoom(&camera.lens(&sheet, view()), 2.0, view().rect.center());
        assert_eq!(camera.lens(&sheet, view()).block(), (32, 1));
    }
}
