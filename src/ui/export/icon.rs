//! Icons as outlines: they are letters of a font that no other program has.

use skrifa::instance::{LocationRef, Size};
use skrifa::outline::{DrawSettings, OutlinePen};
use skrifa::{FontRef, MetadataProvider};

/// Icons lie in Unicode's private areas.
pub(super) fn is_icon(letter: char) -> bool {
    matches!(letter, '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..='\u{10ffff}')
}

/// The outline of an icon as SVG path data, `size` points high, its baseline starting at `x, y`;
/// empty where the font has no such icon.
pub(super) fn icon_path(letter: char, size: f32, x: f32, y: f32) -> String {
    let insert = egui_material_icons::font_insert();
    let mut pen = PathPen { data: String::new(), x, y };
    let Ok(font) = FontRef::new((*insert.data.font).as_ref()) else { return pen.data };
    let glyph = font.charmap().map(letter).and_then(|id| font.outline_glyphs().get(id));
    if let Some(glyph) = glyph {
        let settings = DrawSettings::unhinted(Size::new(size), LocationRef::default());
        if glyph.draw(settings, &mut pen).is_err() {
            pen.data.clear();
        }
    }
    pen.data
}

struct PathPen {
    data: String,
    x: f32,
    y: f32,
}

impl PathPen {
    /// Fonts count upward, SVG downward.
    fn add(&mut self, letter: char, points: &[(f32, f32)]) {
        self.data.push(letter);
        for (x, y) in points {
            self.data.push_str(&format!("{:.2} {:.2} ", self.x + x, self.y - y));
        }
    }
}

impl OutlinePen for PathPen {
    fn move_to(&mut self, x: f32, y: f32) {
        self.add('M', &[(x, y)]);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        self.add('L', &[(x, y)]);
    }

    fn quad_to(&mut self, cx: f32, cy: f32, x: f32, y: f32) {
        self.add('Q', &[(cx, cy), (x, y)]);
    }

    fn curve_to(&mut self, cx0: f32, cy0: f32, cx1: f32, cy1: f32, x: f32, y: f32) {
        self.add('C', &[(cx0, cy0), (cx1, cy1), (x, y)]);
    }

    fn close(&mut self) {
        self.data.push('Z');
    }
}
