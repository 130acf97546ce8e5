//! Which part of the drawing is seen, and how large: panning, zooming, fitting.

use egui::{Pos2, Rect, Vec2, pos2, vec2};

use crate::session::graph_layout::{BoxRect, GraphLayout};

/// Space left around a fitted drawing, and around a box brought into view.
const MARGIN: f32 = 24.0;
const MAX_SCALE: f32 = 3.0;
const MIN_SCALE: f32 = 0.004;
/// A drawing that fits at this scale, where its text can be read, is shown whole at first.
const READABLE_SCALE: f32 = 0.85;
/// A fitted drawing is at most this large: one box shall not fill a screen.
const MAX_FITTED: f32 = 1.6;

/// `screen = corner of the canvas + offset + scale · drawing`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct View {
    pub offset: Vec2,
    pub scale: f32,
    fit: Fit,
    /// What it was made for.
    room: Option<Room>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Fit {
    /// The drawing stays fitted while the canvas changes its size.
    Whole,
    /// It is shown as at first, whatever that is for the size of the canvas.
    First,
    ByHand,
}

impl Default for View {
    fn default() -> Self {
        Self { offset: Vec2::ZERO, scale: 1.0, fit: Fit::Whole, room: None }
    }
}

/// The room for a drawing, and the part of it that the legend in its lower left corner covers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Room {
    pub canvas: Rect,
    pub legend: Rect,
}

impl Room {
    /// The parts that the legend leaves free: right of it and over it.
    fn free(self) -> [Rect; 2] {
        let Self { canvas, legend } = self;
        let left = legend.right().min(canvas.center().x);
        let bottom = legend.top().max(canvas.center().y);
        [canvas.with_min_x(left), canvas.with_max_y(bottom)]
    }
}

impl View {
    /// What is shown first: all of it where that can be read, else a box at a readable size.
    pub fn first(layout: &GraphLayout, selected: Option<BoxRect>, room: Room) -> Self {
        let canvas = room.canvas;
        let mut view = Self::default();
        view.fit_whole(layout, room);
        if view.scale < READABLE_SCALE {
            view.scale = ((canvas.width() - 2.0 * MARGIN) / layout.width.max(1.0))
                .clamp(READABLE_SCALE, 1.0);
            view.centre_on(selected, layout, room);
        }
        view.fit = Fit::First;
        view.room = Some(room);
        view
    }

    /// The whole drawing, enlarged where there is room, and not under the legend: in the middle if that
    /// leaves the legend free, else beside or over it, whichever shows more.
    pub fn fit_whole(&mut self, layout: &GraphLayout, room: Room) {
        let [beside, over] = room.free();
        let (_, middle) = fitted(layout, room.canvas);
        if !middle.intersects(room.legend.expand(8.0)) {
            return self.place(layout, room.canvas, room);
        }
        let scale = |area: Rect| fitted(layout, area).0;
        let area = if scale(beside) > scale(over) { beside } else { over };
        self.place(layout, area, room);
    }

    fn place(&mut self, layout: &GraphLayout, area: Rect, room: Room) {
        let (scale, rect) = fitted(layout, area);
        self.scale = scale;
        self.offset = rect.min - room.canvas.min;
        self.fit = Fit::Whole;
    }

    /// Fits again if nobody moved it since the canvas changed, and keeps a part of the drawing in sight.
    pub fn follow(
        &mut self,
        layout: &GraphLayout,
        selected: impl FnOnce() -> Option<BoxRect>,
        room: Room,
    ) {
        let before = self.room.replace(room).filter(|before| *before != room);
        match (self.fit, before) {
            (Fit::Whole, _) => return self.fit_whole(layout, room),
            (Fit::First, Some(_)) => return *self = Self::first(layout, selected(), room),
            // What was in the middle stays there.
            (_, Some(before)) => {
                self.offset += (room.canvas.size() - before.canvas.size()) / 2.0;
            }
            _ => {}
        }
        let canvas = room.canvas;
        let size = self.scale * vec2(layout.width, layout.height);
        let least = (Vec2::splat(2.0 * MARGIN) - size).min(canvas.size() / 2.0 - size);
        let most = (canvas.size() - Vec2::splat(2.0 * MARGIN)).max(canvas.size() / 2.0);
        self.offset = self.offset.clamp(least.min(most), most);
    }

    pub fn pan(&mut self, by: Vec2) {
        self.fit = Fit::ByHand;
        self.offset += by;
    }

    /// Zooms while the point under `at` stays where it is.
    pub fn zoom(&mut self, factor: f32, at: Pos2, canvas: Rect) {
        let scale = (self.scale * factor).clamp(MIN_SCALE, MAX_SCALE);
        let at = at - canvas.min;
        self.offset = at - (at - self.offset) * (scale / self.scale);
        self.scale = scale;
        self.fit = Fit::ByHand;
    }

    pub fn centre_on(&mut self, rect: Option<BoxRect>, layout: &GraphLayout, room: Room) {
        let canvas = room.canvas;
        // Below the last box, where the legend lies.
        let legend = (canvas.bottom() - room.legend.top() + 12.0).max(MARGIN);
        let centre = rect.map_or(pos2(layout.width / 2.0, 0.0), |rect| {
            pos2(rect.centre_x(), rect.top + rect.height / 2.0)
        });
        let offset = canvas.size() / 2.0 - self.scale * centre.to_vec2();
        // Rather off the centre than beside an empty half.
        let size = self.scale * vec2(layout.width, layout.height);
        let filled = |offset: f32, room: f32, size: f32, end: f32| match room - size - MARGIN {
            spare if spare >= end => (room - size) / 2.0,
            _ => offset.clamp((room - size - end).min(MARGIN), MARGIN),
        };
        self.offset = vec2(
            filled(offset.x, canvas.width(), size.x, MARGIN),
            filled(offset.y, canvas.height(), size.y, legend),
        );
        self.fit = Fit::ByHand;
    }

    /// Moves as little as shows a box with some room around it.
    pub fn reveal(&mut self, rect: BoxRect, canvas: Rect) {
        let shown = self.to_screen(rect, canvas);
        let room = canvas.shrink(MARGIN.min(canvas.width() / 4.0));
        let by = |lo: f32, hi: f32, from: f32, to: f32| match () {
            () if lo < from => from - lo,
            () if hi > to => to - hi,
            () => 0.0,
        };
        let shift = vec2(
            by(shown.left(), shown.right(), room.left(), room.right()),
            by(shown.top(), shown.bottom(), room.top(), room.bottom()),
        );
        if shift != Vec2::ZERO {
            self.pan(shift);
        }
    }

    pub fn point(&self, x: f32, y: f32, canvas: Rect) -> Pos2 {
        canvas.min + self.offset + self.scale * vec2(x, y)
    }

    pub fn to_screen(self, rect: BoxRect, canvas: Rect) -> Rect {
        let min = self.point(rect.left, rect.top, canvas);
        Rect::from_min_size(min, self.scale * vec2(rect.width, rect.height))
    }

    /// A place on the screen in the drawing.
    pub fn to_drawing(self, at: Pos2, canvas: Rect) -> Pos2 {
        ((at - canvas.min - self.offset) / self.scale).to_pos2()
    }

    /// The part of the drawing that the canvas shows.
    pub fn seen(&self, canvas: Rect) -> Rect {
        Rect::from_two_pos(self.to_drawing(canvas.min, canvas), self.to_drawing(canvas.max, canvas))
    }
}

/// Columns to fold a drawing of that size into: the fewest with which all of it can be read at once;
/// if there are none and the canvas is wide, as many as are in view from top to bottom while they can
/// be read.
pub(super) fn columns_for((width, height): (f32, f32), canvas: Vec2) -> usize {
    let room = (canvas - Vec2::splat(2.0 * MARGIN)).max(Vec2::splat(1.0));
    let scale = |n: usize| {
        let n = n as f32;
        let whole = vec2(n * width + (n - 1.0) * COLUMN_GAP, height / n + END_GAP);
        (room.x / whole.x.max(1.0)).min(room.y / whole.y.max(1.0))
    };
    let plain = scale(1);
    // What gains little stays in one piece.
    let gains = |n: &usize| scale(*n) >= READABLE_SCALE && scale(*n) > 1.25 * plain;
    match (1..=MAX_COLUMNS).find(gains) {
        _ if plain >= READABLE_SCALE => 1,
        Some(n) => n,
        None if canvas.x >= WIDE_CANVAS => {
            let column = (room.y - STRIP_HEIGHT) / READABLE_SCALE - END_GAP;
            ((height / column.max(MIN_COLUMN)).ceil() as usize).clamp(1, MAX_COLUMNS)
        }
        None => 1,
    }
}

const MAX_COLUMNS: usize = 400;
/// A lower one has no room for more than a few boxes.
const MIN_COLUMN: f32 = 160.0;
const WIDE_CANVAS: f32 = 700.0;
/// About what a fold adds between columns, and over and under them.
const COLUMN_GAP: f32 = 54.0;
const END_GAP: f32 = 48.0;

/// Below a drawing that is larger than its room: the legend, and a map of the whole.
const STRIP_HEIGHT: f32 = 68.0;
/// Beside a drawing that is much higher than its room.
const MAP_WIDTH: f32 = 56.0;

/// How a panel is divided, so that nothing lies on a drawing that goes beyond its room.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Panes {
    pub canvas: Rect,
    /// What the legend stands in the lower left corner of.
    pub legend: Rect,
    /// What the map of the whole stands in the lower right corner of.
    pub map: Rect,
}

impl Panes {
    /// A drawing that can be read whole has all the room; legend and map lie over it.
    pub fn new(whole: Rect, layout: &GraphLayout) -> Self {
        let overlaid = Self { canvas: whole, legend: whole, map: whole };
        if fitted(layout, whole).0 >= READABLE_SCALE || whole.height() < 3.0 * STRIP_HEIGHT {
            return overlaid;
        }
        let (above, strip) = whole.split_top_bottom_at_y(whole.bottom() - STRIP_HEIGHT);
        let is_tall = layout.height * above.width() > TALL * layout.width * above.height();
        if is_tall && whole.width() > 4.0 * MAP_WIDTH {
            let (canvas, map) = above.split_left_right_at_x(above.right() - MAP_WIDTH);
            return Self { canvas, legend: strip, map };
        }
        Self { canvas: above, legend: strip, map: strip.with_min_x(strip.center().x) }
    }
}

/// So many times as high for its width as its room.
const TALL: f32 = 2.0;

/// Scale and place of the whole drawing in the middle of an area.
fn fitted(layout: &GraphLayout, area: Rect) -> (f32, Rect) {
    let room = (area.size() - Vec2::splat(2.0 * MARGIN)).max(Vec2::splat(1.0));
    let scale = (room.x / layout.width.max(1.0)).min(room.y / layout.height.max(1.0));
    let scale = scale.clamp(MIN_SCALE, MAX_FITTED);
    let size = scale * vec2(layout.width, layout.height);
    (scale, Rect::from_center_size(area.center(), size))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(width: f32, height: f32) -> GraphLayout {
        let mut layout = GraphLayout::default();
        (layout.width, layout.height) = (width, height);
        layout
    }

    const CANVAS: Rect = Rect { min: pos2(100.0, 50.0), max: pos2(700.0, 450.0) };
    const ROOM: Room =
        Room { canvas: CANVAS, legend: Rect { min: pos2(112.0, 386.0), max: pos2(296.0, 438.0) } };

    #[test]
    fn a_fitted_drawing_leaves_the_legend_free() {
        for (width, height) in
            [(100.0, 100.0), (3000.0, 200.0), (200.0, 3000.0), (900.0, 700.0), (400.0, 300.0)]
        {
            let layout = layout(width, height);
            let mut view = View::default();
            view.fit_whole(&layout, ROOM);
            let rect = view.to_screen(BoxRect { left: 0.0, top: 0.0, width, height }, CANVAS);
            assert!(CANVAS.contains_rect(rect), "{width} × {height}: {rect:?}");
            assert!(!rect.intersects(ROOM.legend), "{width} × {height}: {rect:?}");
        }
    }

    #[test]
    fn a_small_drawing_is_shown_whole_and_a_long_one_readable() {
        let small = View::first(&layout(150.0, 300.0), None, ROOM);
        assert!((small.scale - 352.0 / 300.0).abs() < 1e-3, "as large as there is room");
        assert!((small.point(75.0, 150.0, CANVAS) - CANVAS.center()).length() < 0.01);
        let one = View::first(&layout(180.0, 46.0), None, ROOM);
        assert_eq!(one.scale, MAX_FITTED);
        let rect = BoxRect { left: 0.0, top: 9000.0, width: 200.0, height: 40.0 };
        let long = View::first(&layout(200.0, 20_000.0), Some(rect), ROOM);
        assert!(long.scale >= READABLE_SCALE);
        assert!((long.to_screen(rect, CANVAS).center() - CANVAS.center()).length() < 0.1);
    }

    /// As when a panel is enlarged: not a small chain at the left of a large canvas.
    #[test]
    fn the_first_view_is_made_anew_for_a_larger_canvas() {
        let layout = layout(200.0, 700.0);
        let narrow = Room {
            canvas: Rect::from_min_size(CANVAS.min, vec2(260.0, 400.0)),
            legend: Rect::from_min_size(CANVAS.min + vec2(12.0, 360.0), vec2(64.0, 24.0)),
        };
        let large = Room { canvas: Rect::from_min_size(CANVAS.min, vec2(1200.0, 900.0)), ..ROOM };
        let mut view = View::first(&layout, None, narrow);
        view.follow(&layout, || None, large);
        assert_eq!(view, View::first(&layout, None, large));
        assert!((view.point(100.0, 350.0, large.canvas) - large.canvas.center()).length() < 0.1);
        let mut moved = View::first(&layout, None, narrow);
        moved.pan(vec2(5.0, 5.0));
        moved.follow(&layout, || None, narrow);
        let middle = moved.to_drawing(narrow.canvas.center(), narrow.canvas);
        moved.follow(&layout, || None, large);
        assert!((moved.to_drawing(large.canvas.center(), large.canvas) - middle).length() < 0.1);
    }

    #[test]
    fn a_drawing_is_folded_where_it_can_then_be_read() {
        for (size, canvas, wanted) in [
            ((188.0, 640.0), vec2(1230.0, 650.0), 1),
            ((188.0, 700.0), vec2(1230.0, 650.0), 2),
            ((188.0, 2500.0), vec2(1230.0, 650.0), 4),
            ((188.0, 2500.0), vec2(1230.0, 850.0), 3),
            ((188.0, 2500.0), vec2(330.0, 650.0), 1),
            ((188.0, 40_000.0), vec2(330.0, 650.0), 1),
        ] {
            assert_eq!(columns_for(size, canvas), wanted, "{size:?} on {canvas:?}");
        }
        let n_columns = columns_for((188.0, 40_000.0), vec2(1230.0, 650.0));
        let room = 650.0 - 2.0 * MARGIN - STRIP_HEIGHT;
        assert!((40_000.0 / n_columns as f32 + END_GAP) * READABLE_SCALE <= room + 0.1);
    }

    #[test]
    fn nothing_lies_on_a_drawing_beyond_its_room() {
        for (size, is_overlaid) in
            [((200.0, 300.0), true), ((4000.0, 500.0), false), ((200.0, 9000.0), false)]
        {
            let panes = Panes::new(CANVAS, &layout(size.0, size.1));
            assert_eq!(panes.canvas == CANVAS, is_overlaid, "{size:?}");
            if !is_overlaid {
                assert!(panes.canvas.intersect(panes.legend).area() <= 0.0, "{size:?}");
                assert!(panes.canvas.intersect(panes.map).area() <= 0.0, "{size:?}");
            }
        }
    }

    #[test]
    fn zooming_keeps_the_point_under_the_pointer() {
        let mut view = View::first(&layout(900.0, 2000.0), None, ROOM);
        let at = pos2(250.0, 300.0);
        let before = view.to_drawing(at, CANVAS);
        for factor in [1.3, 0.2, 5.0] {
            view.zoom(factor, at, CANVAS);
            assert!((view.to_drawing(at, CANVAS) - before).length() < 0.5);
        }
        view.zoom(1e9, at, CANVAS);
        assert_eq!(view.scale, MAX_SCALE);
    }

    #[test]
    fn the_drawing_cannot_be_lost() {
        let layout = layout(300.0, 5000.0);
        let mut view = View::first(&layout, None, ROOM);
        for by in [vec2(1e6, 1e6), vec2(-1e6, -1e6)] {
            view.pan(by);
            view.follow(&layout, || None, ROOM);
            let all = BoxRect { left: 0.0, top: 0.0, width: 300.0, height: 5000.0 };
            let seen = view.to_screen(all, CANVAS).intersect(CANVAS);
            assert!(seen.width() >= MARGIN && seen.height() >= MARGIN, "{seen:?}");
        }
    }

    #[test]
    fn revealing_moves_no_more_than_needed() {
        let layout = layout(300.0, 5000.0);
        let mut view = View::first(&layout, None, ROOM);
        let near = BoxRect { left: 50.0, top: 100.0, width: 180.0, height: 40.0 };
        view.centre_on(Some(near), &layout, ROOM);
        let before = view;
        view.reveal(near, CANVAS);
        assert_eq!(view, before);
        let far = BoxRect { top: 3000.0, ..near };
        view.reveal(far, CANVAS);
        assert!(CANVAS.contains_rect(view.to_screen(far, CANVAS)));
    }
}
