//! Boxes and lines on the canvas, only those in sight; text only where it can be read.

use egui::epaint::CubicBezierShape;
use egui::{Color32, CornerRadius, Galley, Painter, Rect, Shape, Stroke, StrokeKind, pos2, vec2};

use super::measure::{Measure, Reading, ReadingState};
use super::view::View;
use crate::session::graph_layout::{BoxKind, GraphBox, GraphLayout, Segment, SegmentEnd};
use crate::ui::short_name::fitted;
use crate::ui::theme::{self, Theme};

/// Smaller text cannot be read and is not drawn.
const MIN_TEXT: f32 = 9.0;
/// From this scale up lines are curves and have arrows, and boxes have borders.
const DETAIL_SCALE: f32 = 0.6;
const TITLE_SIZE: f32 = 12.0;
const SMALL_SIZE: f32 = 11.0;
/// Width of the coloured band of a box.
const BAND: f32 = 6.0;

/// What is needed to draw.
pub(super) struct Drawing<'a> {
    pub painter: &'a Painter,
    pub theme: &'a Theme,
    pub layout: &'a GraphLayout,
    pub view: View,
    pub canvas: Rect,
    pub measure: Measure,
    /// The box under the pointer.
    pub hovered: Option<usize>,
}

/// A box with a weight, as it is to be drawn.
pub(super) struct LayerFace<'a> {
    pub graph_box: &'a GraphBox,
    /// Operator and dimensions; empty where no text is drawn.
    pub detail: String,
    pub reading: Reading,
    pub is_selected: bool,
}

impl Drawing<'_> {
    pub fn segments(&self) {
        let seen = self.view.seen(self.canvas);
        for segment in self.layout.segments_between(seen.top(), seen.bottom()) {
            let (lo, hi) = (segment.from[0].min(segment.to[0]), segment.from[0].max(segment.to[0]));
            if hi >= seen.left() - 2.0 && lo <= seen.right() + 2.0 {
                self.segment(segment);
            }
        }
    }

    fn segment(&self, segment: &Segment) {
        let is_lit = self.hovered == Some(segment.source)
            || matches!(segment.end, SegmentEnd::Box(to) | SegmentEnd::Over(to) if self.hovered == Some(to));
        let colour = if is_lit { self.theme.accent } else { self.theme.line_strong };
        let stroke = Stroke::new(self.view.scale.clamp(0.6, 1.5), colour);
        let [from, to] =
            [segment.from, segment.to].map(|[x, y]| self.view.point(x, y, self.canvas));
        if self.view.scale < DETAIL_SCALE || (from.x - to.x).abs() < 0.5 {
            self.painter.line_segment([from, to], stroke);
        } else {
            let half = vec2(0.0, (to.y - from.y) * 0.55);
            let points = [from, from + half, to - half, to];
            let fill = Color32::TRANSPARENT;
            self.painter.add(CubicBezierShape::from_points_stroke(points, false, fill, stroke));
        }
        if matches!(segment.end, SegmentEnd::Box(_)) && self.view.scale >= DETAIL_SCALE {
            let size = 4.0 * self.view.scale.min(1.5);
            let wing = |side: f32| to + vec2(side * size * 0.75, -size * 1.5);
            let points = vec![to, wing(-1.0), wing(1.0)];
            self.painter.add(Shape::convex_polygon(points, colour, Stroke::NONE));
        }
    }

    /// A node without a weight, an input or an output: small and quiet.
    pub fn quiet_box(&self, graph_box: &GraphBox) {
        let rect = self.view.to_screen(graph_box.rect, self.canvas);
        let is_end = graph_box.kind != BoxKind::Quiet;
        if self.is_plain() {
            let fill = if is_end { self.theme.label } else { self.theme.line_strong };
            self.painter.rect_filled(rect, 0, fill);
            return;
        }
        let radius = if is_end { (rect.height() / 2.0).min(100.0) as u8 } else { 3 };
        let (fill, border) = match is_end {
            true => (self.theme.raised, self.theme.line_strong),
            false => (self.theme.panel, self.theme.line),
        };
        self.painter.rect(rect, radius, fill, Stroke::new(1.0, border), StrokeKind::Inside);
        if let Some(size) = self.text_size(SMALL_SIZE) {
            let ink = if is_end { self.theme.text } else { self.theme.label };
            let room = rect.width() - 12.0 * self.view.scale;
            let galley = fitted(self.painter, &graph_box.title, (theme::text(size), ink), room);
            self.painter.galley(rect.center() - galley.size() / 2.0, galley, ink);
        }
    }

    /// A node with a weight: a coloured band, name, operator and shape, and the number.
    pub fn layer_box(&self, face: &LayerFace) {
        let rect = self.view.to_screen(face.graph_box.rect, self.canvas);
        let theme = self.theme;
        let colour = self.measure.colour(face.reading.strength, theme);
        let radius = (4.0 * self.view.scale).clamp(1.0, 6.0) as u8;
        let border = Stroke::new(1.0, theme.line_strong);
        if self.is_plain() {
            self.painter.rect_filled(rect, 0, colour);
            return self.selection_frame(face, rect);
        }
        if !self.has_text() {
            self.painter.rect(rect, radius, colour, border, StrokeKind::Outside);
            return self.selection_frame(face, rect);
        }
        let fill = theme.raised.lerp_to_gamma(colour, 0.16);
        self.painter.rect_filled(rect, radius, fill);
        let corners = CornerRadius { nw: radius, sw: radius, ne: 0, se: 0 };
        let band = Rect::from_min_size(rect.min, vec2(BAND * self.view.scale, rect.height()));
        self.painter.rect_filled(band, corners, colour);
        self.painter.rect_stroke(rect, radius, border, StrokeKind::Outside);
        self.selection_frame(face, rect);
        self.layer_text(face, rect);
    }

    /// Whether boxes of this scale say anything in words.
    pub fn has_text(&self) -> bool {
        self.text_size(TITLE_SIZE).is_some()
    }

    /// Whether boxes are small enough to do without borders and round corners.
    fn is_plain(&self) -> bool {
        self.view.scale < DETAIL_SCALE
    }

    /// Around the selected box, so that its colour stays what it is measured by.
    fn selection_frame(&self, face: &LayerFace, rect: Rect) {
        if face.is_selected {
            let gap = (2.0 * self.view.scale).clamp(1.0, 2.0);
            let radius = (6.0 * self.view.scale).clamp(1.0, 8.0) as u8;
            let stroke = Stroke::new(2.0, self.theme.accent);
            self.painter.rect_stroke(rect.expand(gap), radius, stroke, StrokeKind::Outside);
        }
    }

    /// Around the box that the keyboard acts on.
    pub fn focus_frame(&self, graph_box: &GraphBox) {
        let rect = self.view.to_screen(graph_box.rect, self.canvas).expand(5.0);
        let stroke = Stroke::new(1.0, self.theme.text);
        self.painter.rect_stroke(rect, 6, stroke, StrokeKind::Outside);
    }

    fn layer_text(&self, face: &LayerFace, rect: Rect) {
        let (theme, scale) = (self.theme, self.view.scale);
        let left = rect.left() + (BAND + 8.0) * scale;
        let right = rect.right() - 10.0 * scale;
        let (first, second) = (rect.top() + 15.0 * scale, rect.top() + 32.0 * scale);
        let centred = |x: f32, y: f32, galley: &Galley| pos2(x, y - galley.size().y / 2.0);
        if let Some(size) = self.text_size(TITLE_SIZE) {
            let style = (theme::title(size), theme.text);
            let name = fitted(self.painter, &face.graph_box.title, style, right - left);
            self.painter.galley(centred(left, first, &name), name, theme.text);
        }
        let Some(size) = self.text_size(SMALL_SIZE) else { return };
        let ink = match face.reading.state {
            ReadingState::Current => theme.text,
            ReadingState::Stale => theme.hint,
            ReadingState::Failed => theme.bad,
        };
        let text = face.reading.text.clone();
        let number = self.painter.layout_no_wrap(text, theme::mono(size), ink);
        let start = right - number.size().x;
        self.painter.galley(centred(start, second, &number), number, ink);
        let room = start - left - 8.0 * scale;
        let detail = fitted(self.painter, &face.detail, (theme::text(size), theme.label), room);
        self.painter.galley(centred(left, second, &detail), detail, theme.label);
    }

    /// The size of a text at this scale, in half points so that few sizes are in use; `None` where
    /// it could not be read.
    fn text_size(&self, size: f32) -> Option<f32> {
        let scaled = (size * self.view.scale * 2.0).round() / 2.0;
        (scaled >= MIN_TEXT).then_some(scaled)
    }

    /// The whole drawing in the lower right corner of a place, when it is larger than the canvas;
    /// where it is shown.
    pub fn mini_map(&self, place: Rect, selected: Option<usize>) -> Option<Rect> {
        let seen = self.view.seen(self.canvas);
        let all = vec2(self.layout.width, self.layout.height);
        if (seen.width() >= all.x && seen.height() >= all.y) || self.canvas.width() < 240.0 {
            return None;
        }
        let theme = self.theme;
        let area = map_rect(place, self.canvas.intersects(place), all);
        let frame = area.expand(6.0);
        self.painter.rect(frame, 6, theme.panel, Stroke::new(1.0, theme.line), StrokeKind::Inside);
        let point = |x: f32, y: f32| area.min + vec2(x, y) * area.size() / all;
        // Where the last mark ended, and in which column.
        let (mut drawn_to, mut drawn_x) = (f32::NEG_INFINITY, f32::NEG_INFINITY);
        for graph_box in &self.layout.boxes {
            let BoxKind::Layer(layer_idx) = graph_box.kind else { continue };
            let rect = graph_box.rect;
            let min = point(rect.left, rect.top);
            let is_selected = selected == Some(layer_idx);
            // One mark a pixel is enough.
            let is_over = min.y < drawn_to && (min.x - drawn_x).abs() < 2.0;
            if is_over && !is_selected && self.layout.boxes.len() > 400 {
                continue;
            }
            (drawn_to, drawn_x) = (min.y + 1.0, min.x);
            let max = point(rect.right(), rect.bottom()).max(min + vec2(2.0, 1.0));
            let colour = if is_selected { theme.accent } else { theme.hint };
            self.painter.rect_filled(Rect::from_min_max(min, max), 0, colour);
        }
        let shown =
            Rect::from_min_max(point(seen.left(), seen.top()), point(seen.right(), seen.bottom()));
        let shown = shown.intersect(frame.shrink(1.0));
        self.painter.rect(
            shown,
            2,
            theme.accent.gamma_multiply(0.12),
            Stroke::new(1.0, theme.accent),
            StrokeKind::Inside,
        );
        Some(area)
    }
}

/// Where the map lies in its place; over the drawing it is small.
fn map_rect(place: Rect, is_over: bool, all: egui::Vec2) -> Rect {
    let most = if is_over {
        vec2((place.width() * 0.14).min(120.0), (place.height() - 24.0).min(220.0))
    } else {
        (place.size() - vec2(28.0, 20.0)).min(vec2(480.0, 480.0))
    };
    let scale = (most.x / all.x.max(1.0)).min(most.y / all.y.max(1.0));
    // A long chain would be a hair: it is drawn wider than it is.
    let inner =
        vec2((all.x * scale).max(28.0), (all.y * scale).max(28.0)).min(most.max(vec2(28.0, 28.0)));
    let margin = vec2(18.0, if is_over { 18.0 } else { 10.0 });
    let corner = place.max - margin;
    Rect::from_min_max(corner - inner, corner)
}
