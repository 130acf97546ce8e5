//! egui's shapes as SVG 1.1 with sRGB colours.
//!
//! Not kept: feathering, shadows' blur, and strokes whose colour varies along them, which get the
//! colour of their middle.

use std::fmt::Write;

use egui::epaint::{
    BandShape, CircleShape, ClippedShape, ColorMode, CubicBezierShape, EllipseShape, PathShape,
    PathStroke, QuadraticBezierShape, RectShape,
};
use egui::{Color32, CornerRadius, Pos2, Rect, Shape, Stroke, StrokeKind};

use super::svg_mesh::{image, mesh};
use super::svg_text::text;
use super::{KeptTextures, PanelPicture};

/// The document in the making.
pub(super) struct Svg<'a> {
    pub body: String,
    pub textures: &'a KeptTextures,
    clips: Vec<Rect>,
}

pub(super) fn svg_of(picture: &PanelPicture) -> String {
    let mut svg = Svg { body: String::new(), textures: &picture.textures, clips: Vec::new() };
    let (width, height) = (number(picture.size.x), number(picture.size.y));
    let whole = Rect::from_min_size(Pos2::ZERO, picture.size);
    let mut open: Option<Rect> = None;
    for ClippedShape { clip_rect, shape, .. } in &picture.shapes {
        // What needs no clipping stands free.
        let clip = (!whole.contains_rect(*clip_rect) || *clip_rect != whole)
            .then_some(*clip_rect)
            .filter(|clip| !clip.contains_rect(shape.visual_bounding_rect()));
        if clip != open {
            svg.change_clip(open, clip);
            open = clip;
        }
        svg.shape(shape);
    }
    svg.change_clip(open, None);
    let mut document = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\">\n"
    );
    document.push_str("<defs>\n");
    for (idx, clip) in svg.clips.iter().enumerate() {
        let rect = rect_attributes(*clip);
        let _ = writeln!(document, "<clipPath id=\"clip{idx}\"><rect {rect}/></clipPath>");
    }
    document.push_str("</defs>\n");
    let paint = fill(picture.background);
    let _ = writeln!(document, "<rect width=\"{width}\" height=\"{height}\"{paint}/>");
    document.push_str(&svg.body);
    document.push_str("</svg>\n");
    document
}

impl Svg<'_> {
    fn change_clip(&mut self, from: Option<Rect>, to: Option<Rect>) {
        if from.is_some() {
            self.body.push_str("</g>\n");
        }
        if let Some(clip) = to {
            let known = self.clips.iter().position(|other| *other == clip);
            let idx = known.unwrap_or_else(|| {
                self.clips.push(clip);
                self.clips.len() - 1
            });
            let _ = writeln!(self.body, "<g clip-path=\"url(#clip{idx})\">");
        }
    }

    /// One element; nothing where it would not be seen.
    pub fn element(&mut self, name: &str, attributes: &str, paint: &str) {
        if !paint.is_empty() {
            let _ = writeln!(self.body, "<{name} {attributes}{paint}/>");
        }
    }

    fn shape(&mut self, shape: &Shape) {
        match shape {
            Shape::Noop | Shape::Callback(_) => {}
            Shape::Vec(shapes) => shapes.iter().for_each(|shape| self.shape(shape)),
            Shape::Circle(circle) => self.circle(circle),
            Shape::Ellipse(ellipse) => self.ellipse(ellipse),
            Shape::LineSegment { points, stroke } => self.path(points, false, &line(*stroke)),
            Shape::Path(path) => self.path_shape(path),
            Shape::Band(band) => self.band(band),
            Shape::Rect(rect) => self.rect(rect),
            Shape::Text(shape) => text(self, shape),
            Shape::Mesh(shape) => mesh(self, shape),
            Shape::QuadraticBezier(curve) => self.quadratic(curve),
            Shape::CubicBezier(curve) => self.cubic(curve),
        }
    }

    fn circle(&mut self, circle: &CircleShape) {
        let attributes = format!(
            "cx=\"{}\" cy=\"{}\" r=\"{}\"",
            number(circle.center.x),
            number(circle.center.y),
            number(circle.radius)
        );
        self.element("circle", &attributes, &filled(circle.fill, circle.stroke));
    }

    fn ellipse(&mut self, ellipse: &EllipseShape) {
        let EllipseShape { center, radius, angle, .. } = ellipse;
        let attributes = format!(
            "cx=\"{}\" cy=\"{}\" rx=\"{}\" ry=\"{}\"{}",
            number(center.x),
            number(center.y),
            number(radius.x),
            number(radius.y),
            turned(*angle, *center)
        );
        self.element("ellipse", &attributes, &filled(ellipse.fill, ellipse.stroke));
    }

    fn path(&mut self, points: &[Pos2], closed: bool, paint: &str) {
        let mut data = String::new();
        for (idx, point) in points.iter().enumerate() {
            let letter = if idx == 0 { 'M' } else { 'L' };
            let _ = write!(data, "{letter}{} {}", number(point.x), number(point.y));
        }
        if closed {
            data.push('Z');
        }
        self.element("path", &format!("d=\"{data}\""), paint);
    }

    fn path_shape(&mut self, path: &PathShape) {
        let stroke = solid(&path.stroke, path.visual_bounding_rect());
        self.path(&path.points, path.closed, &filled(path.fill, stroke));
    }

    fn band(&mut self, band: &BandShape) {
        let upper = band.points.iter().map(|point| Pos2::new(point.x, point.y.min));
        let lower = band.points.iter().rev().map(|point| Pos2::new(point.x, point.y.max));
        let outline: Vec<Pos2> = upper.chain(lower).collect();
        let _ = write!(self.body, "<g{}>", turned(band.angle, Pos2::ZERO));
        self.path(&outline, true, &filled(band.fill, band.stroke));
        self.body.push_str("</g>\n");
    }

    fn rect(&mut self, shape: &RectShape) {
        let RectShape { rect, corner_radius, fill: colour, stroke, stroke_kind, angle, .. } = shape;
        let turned = turned(*angle, rect.center());
        if let Some(brush) = shape.brush.as_deref() {
            image(self, brush.fill_texture_id, *rect, brush.uv);
        } else {
            self.rounded(*rect, *corner_radius, &turned, &fill(*colour));
        }
        let (outline, grown) = match stroke_kind {
            StrokeKind::Inside => (rect.shrink(stroke.width / 2.0), -stroke.width / 2.0),
            StrokeKind::Middle => (*rect, 0.0),
            StrokeKind::Outside => (rect.expand(stroke.width / 2.0), stroke.width / 2.0),
        };
        let paint = filled(Color32::TRANSPARENT, *stroke);
        let grow = |radius: u8| (f32::from(radius) + grown).clamp(0.0, 255.0).round() as u8;
        let CornerRadius { nw, ne, sw, se } = *corner_radius;
        let grown = CornerRadius { nw: grow(nw), ne: grow(ne), sw: grow(sw), se: grow(se) };
        self.rounded(outline, grown, &turned, &paint);
    }

    fn rounded(&mut self, rect: Rect, radius: CornerRadius, turned: &str, paint: &str) {
        if !rect.is_positive() {
            return;
        }
        let most = rect.width().min(rect.height()) / 2.0;
        if radius.is_same() {
            let radius = f32::from(radius.nw).min(most);
            let round =
                if radius > 0.0 { format!(" rx=\"{}\"", number(radius)) } else { String::new() };
            let attributes = format!("{}{round}{turned}", rect_attributes(rect));
            return self.element("rect", &attributes, paint);
        }
        let corner = |radius: u8| f32::from(radius).min(most);
        let (nw, ne) = (corner(radius.nw), corner(radius.ne));
        let (se, sw) = (corner(radius.se), corner(radius.sw));
        let (l, t, r, b) = (rect.left(), rect.top(), rect.right(), rect.bottom());
        let data = format!(
            "M{} {}H{}A{ne} {ne} 0 0 1 {} {}V{}A{se} {se} 0 0 1 {} {}H{}A{sw} {sw} 0 0 1 {} {}V{}A{nw} {nw} 0 0 1 {} {}Z",
            number(l + nw),
            number(t),
            number(r - ne),
            number(r),
            number(t + ne),
            number(b - se),
            number(r - se),
            number(b),
            number(l + sw),
            number(l),
            number(b - sw),
            number(t + nw),
            number(l + nw),
            number(t),
        );
        self.element("path", &format!("d=\"{data}\"{turned}"), paint);
    }

    fn quadratic(&mut self, curve: &QuadraticBezierShape) {
        let [a, b, c] = curve.points;
        let data = format!("M{}Q{} {}", at(a), at(b), at(c));
        let stroke = solid(&curve.stroke, curve.visual_bounding_rect());
        self.curve(data, curve.closed, &filled(curve.fill, stroke));
    }

    fn cubic(&mut self, curve: &CubicBezierShape) {
        let [a, b, c, d] = curve.points;
        let data = format!("M{}C{} {} {}", at(a), at(b), at(c), at(d));
        let stroke = solid(&curve.stroke, curve.visual_bounding_rect());
        self.curve(data, curve.closed, &filled(curve.fill, stroke));
    }

    fn curve(&mut self, data: String, closed: bool, paint: &str) {
        let end = if closed { "Z" } else { "" };
        self.element("path", &format!("d=\"{data}{end}\""), paint);
    }
}

/// To a hundredth of a point, without trailing zeros.
pub(super) fn number(value: f32) -> String {
    if !value.is_finite() {
        return "0".to_owned();
    }
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

fn at(point: Pos2) -> String {
    format!("{} {}", number(point.x), number(point.y))
}

pub(super) fn rect_attributes(rect: Rect) -> String {
    format!(
        "x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"",
        number(rect.left()),
        number(rect.top()),
        number(rect.width().max(0.0)),
        number(rect.height().max(0.0))
    )
}

/// A rotation about a point; nothing for none.
pub(super) fn turned(angle: f32, about: Pos2) -> String {
    if angle == 0.0 {
        return String::new();
    }
    format!(" transform=\"rotate({} {})\"", number(angle.to_degrees()), at(about))
}

/// `#rrggbb`, and how opaque.
pub(super) fn colour(colour: Color32) -> (String, f32) {
    let [r, g, b, a] = colour.to_srgba_unmultiplied();
    (format!("#{r:02x}{g:02x}{b:02x}"), f32::from(a) / 255.0)
}

/// The attributes of a filling; empty for none.
pub(super) fn fill(paint: Color32) -> String {
    match colour(paint) {
        (_, 0.0) => String::new(),
        (name, 1.0) => format!(" fill=\"{name}\""),
        (name, opacity) => format!(" fill=\"{name}\" fill-opacity=\"{}\"", number(opacity)),
    }
}

/// The attributes of a filling and an outline; empty for neither.
fn filled(paint: Color32, stroke: Stroke) -> String {
    let (inside, outline) = (fill(paint), outline(stroke));
    match (inside.is_empty(), outline.is_empty()) {
        (true, true) => String::new(),
        (true, false) => format!(" fill=\"none\"{outline}"),
        _ => format!("{inside}{outline}"),
    }
}

fn line(stroke: Stroke) -> String {
    filled(Color32::TRANSPARENT, stroke)
}

fn outline(stroke: Stroke) -> String {
    let (name, opacity) = colour(stroke.color);
    if stroke.width <= 0.0 || opacity == 0.0 {
        return String::new();
    }
    let width = number(stroke.width);
    let opacity = if opacity < 1.0 {
        format!(" stroke-opacity=\"{}\"", number(opacity))
    } else {
        String::new()
    };
    format!(" stroke=\"{name}\" stroke-width=\"{width}\"{opacity}")
}

fn solid(stroke: &PathStroke, bounds: Rect) -> Stroke {
    let colour = match &stroke.color {
        ColorMode::Solid(colour) => *colour,
        ColorMode::UV(at) => at(bounds, bounds.center()),
    };
    Stroke::new(stroke.width, colour)
}

/// Text inside an element or attribute.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            // XML has no way to say these.
            letter if letter.is_control() => escaped.push(' '),
            letter => escaped.push(letter),
        }
    }
    escaped
}
