//! Text as SVG: one element a row and format, as wide as it is on the screen whatever font the
//! reader has.

use std::fmt::Write;

use egui::epaint::TextShape;
use egui::epaint::text::{Glyph, PlacedRow, TextFormat};
use egui::{Color32, FontFamily, FontId};

use super::icon::{icon_path, is_icon};
use super::svg::{Svg, escaped, fill, number, turned};

/// A part of a row in one format, icons apart from letters.
struct Run<'a> {
    format: &'a TextFormat,
    glyphs: Vec<Glyph>,
    is_icons: bool,
}

pub(super) fn text(svg: &mut Svg, shape: &TextShape) {
    let job = &shape.galley.job;
    // The format of every letter; a sign for what was left out has the last one's.
    let mut formats = job
        .sections
        .iter()
        .flat_map(|section| {
            let range = section.byte_range.clone();
            let n_letters =
                job.text.get(range.start.0..range.end.0).map_or(0, |t| t.chars().count());
            std::iter::repeat_n(&section.format, n_letters)
        })
        .collect::<Vec<_>>()
        .into_iter();
    let Some(mut last) = job.sections.last().map(|section| &section.format) else { return };
    let turned = turned(shape.angle, shape.pos);
    let _ = write!(svg.body, "<g{turned}>");
    for row in &shape.galley.rows {
        let mut runs: Vec<Run> = Vec::new();
        for glyph in &row.row.glyphs {
            last = formats.next().unwrap_or(last);
            let is_icons = is_icon(glyph.chr);
            match runs.last_mut() {
                Some(run) if run.format == last && run.is_icons == is_icons => {
                    run.glyphs.push(*glyph);
                }
                _ => runs.push(Run { format: last, glyphs: vec![*glyph], is_icons }),
            }
        }
        if row.ends_with_newline {
            formats.next();
        }
        runs.iter().for_each(|run| run_of(svg, shape, row, run));
    }
    svg.body.push_str("</g>\n");
}

fn run_of(svg: &mut Svg, shape: &TextShape, row: &PlacedRow, run: &Run) {
    let Some(first) = run.glyphs.first() else { return };
    let origin = shape.pos + row.pos.to_vec2();
    let (x, y) = (origin.x + first.pos.x, origin.y + first.pos.y);
    let paint = fill(ink(shape, run.format));
    if paint.is_empty() {
        return;
    }
    let FontId { size, family } = &run.format.font_id;
    if run.is_icons {
        for glyph in &run.glyphs {
            let data = icon_path(glyph.chr, *size, origin.x + glyph.pos.x, y);
            svg.element("path", &format!("d=\"{data}\""), &paint);
        }
        return;
    }
    let letters: String = run.glyphs.iter().map(|glyph| glyph.chr).collect();
    if letters.trim().is_empty() {
        return;
    }
    let end = run.glyphs.last().map_or(first.max_x(), Glyph::max_x);
    let width = if run.glyphs.len() > 1 {
        let width = number(end - first.pos.x);
        format!(" textLength=\"{width}\" lengthAdjust=\"spacingAndGlyphs\"")
    } else {
        String::new()
    };
    let _ = write!(
        svg.body,
        "<text x=\"{}\" y=\"{}\" font-size=\"{}\"{}{width} xml:space=\"preserve\"{paint}>{}</text>",
        number(x),
        number(y),
        number(*size),
        font_attributes(family),
        escaped(&letters)
    );
}

fn ink(shape: &TextShape, format: &TextFormat) -> Color32 {
    let own = match format.color {
        Color32::PLACEHOLDER => shape.fallback_color,
        colour => colour,
    };
    shape.override_text_color.unwrap_or(own).gamma_multiply(shape.opacity_factor)
}

fn font_attributes(family: &FontFamily) -> &'static str {
    match family {
        FontFamily::Monospace => {
            " font-family=\"'JetBrains Mono', 'DejaVu Sans Mono', Consolas, monospace\""
        }
        FontFamily::Proportional => " font-family=\"Inter, 'Helvetica Neue', Arial, sans-serif\"",
        FontFamily::Name(_) => {
            " font-family=\"Inter, 'Helvetica Neue', Arial, sans-serif\" font-weight=\"600\""
        }
    }
}
