//! Colours, textures and the histogram of scales.

use std::sync::Arc;

use egui::{Align2, pos2};
use egui::{Color32, ColorImage, Rect, Sense, TextureHandle, TextureOptions, Ui, WidgetInfo};

use crate::base::{significant, superscript, thousands};
use crate::session::ScaleMap;
use crate::ui::chart::{Chart, Spread, Titles};
use crate::ui::colormap::Colormap;
use crate::ui::theme::{self, Theme};

/// What a map shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MapKind {
    Scale(Spread),
    Offset,
}

/// The pictures, made once an answer, theme and spread.
#[derive(Default)]
pub(super) struct Textures {
    kept: [Option<Kept>; 2],
}

struct Kept {
    /// Held, so that no other answer has its address.
    map: Arc<ScaleMap>,
    kind: MapKind,
    theme: egui::Theme,
    texture: TextureHandle,
}

impl MapKind {
    /// What the colours span.
    pub fn ends(self, map: &ScaleMap) -> (f32, f32) {
        match self {
            Self::Scale(_) => map.scale_range.unwrap_or((0.0, 1.0)),
            Self::Offset => {
                let (lo, hi) = map.offset_range.unwrap_or((0.0, 1.0));
                let most = hi.max(-lo);
                // Of both signs zero is the middle.
                if lo < 0.0 { (-most, most) } else { (0.0, most) }
            }
        }
    }

    /// Place of a value on the colour scale, 0 to 1.
    pub fn fraction(self, value: f32, (lo, hi): (f32, f32)) -> f32 {
        let fraction = match self {
            Self::Scale(Spread::Log) if lo > 0.0 => (value / lo).ln() / (hi / lo).ln(),
            // In proportion: the colour of none is nothing.
            Self::Scale(_) => value / hi,
            Self::Offset => (value - lo) / (hi - lo),
        };
        if fraction.is_finite() { fraction.clamp(0.0, 1.0) } else { 1.0 }
    }

    /// Place in the palette: the smallest scale is told from where there is none.
    fn shade(self, fraction: f32) -> usize {
        let lifted = match self {
            Self::Scale(Spread::Log) => 0.2 + 0.8 * fraction,
            _ => fraction,
        };
        (lifted * 255.0).round() as usize & 0xff
    }

    pub fn colours(self, map: &ScaleMap, theme: egui::Theme) -> Colormap {
        match self {
            Self::Offset if self.ends(map).0 < 0.0 => Colormap::signed(theme),
            _ => Colormap::sequential(theme),
        }
    }
}

impl Textures {
    pub fn texture(&mut self, ui: &Ui, map: &Arc<ScaleMap>, kind: MapKind) -> egui::TextureId {
        let theme = ui.ctx().theme();
        let [scales, offsets] = &mut self.kept;
        let kept = if kind == MapKind::Offset { offsets } else { scales };
        let is_same =
            |kept: &Kept| Arc::ptr_eq(&kept.map, map) && kept.kind == kind && kept.theme == theme;
        if !kept.as_ref().is_some_and(is_same) {
            *kept = None;
        }
        let kept = kept.get_or_insert_with(|| {
            let palette = kind.colours(map, theme).palette();
            let ends = kind.ends(map);
            let pixels = &map.pixels;
            let values = match kind {
                MapKind::Scale(_) => &pixels.scales,
                MapKind::Offset => &pixels.offsets,
            };
            let colour = |(value, scale): (&f32, &f32)| match scale.is_nan() {
                true => Color32::TRANSPARENT,
                false => palette[kind.shade(kind.fraction(*value, ends))],
            };
            let colours = values.iter().zip(&pixels.scales).map(colour).collect();
            let image = ColorImage::new(pixels.size, colours);
            let texture = ui.ctx().load_texture("scales", image, TextureOptions::NEAREST);
            Kept { map: Arc::clone(map), kind, theme, texture }
        });
        kept.texture.id()
    }
}

/// A scale as it is written in all panels.
pub(super) fn scale_text(scale: f32) -> String {
    significant(f64::from(scale), 5)
}

/// How many groups have a scale of which size.
pub(super) fn histogram_ui(ui: &mut Ui, map: &ScaleMap, spread: Spread) {
    let theme = Theme::of(ui);
    let room = ui.available_rect_before_wrap();
    let (histogram, title) = match spread {
        Spread::Linear => (&map.histogram, "Scale"),
        Spread::Log => (&map.log_histogram, "Scale, logarithmic"),
    };
    let Some(histogram) = histogram else {
        let text = "All scales are the same";
        ui.painter().text(
            room.center(),
            Align2::CENTER_CENTER,
            text,
            theme::text(12.0),
            theme.label,
        );
        return;
    };
    let most = histogram.counts.iter().copied().max().unwrap_or(0).max(1) as f64;
    let room = room.with_max_y(room.bottom().min(room.top() + 360.0));
    let margin = 0.03 * (histogram.hi - histogram.lo);
    let ends = (histogram.lo - margin, histogram.hi + margin);
    let chart = Chart::new(room, ends, (0.0, most * 1.06), Spread::Linear);
    if !chart.has_room() {
        return;
    }
    let titles = Titles { x: title, y: "Groups", y_text: count_text };
    match spread {
        Spread::Linear => chart.draw(ui.painter(), theme, &titles),
        Spread::Log => {
            let marks = log_marks(map, ends, chart.rect.width());
            chart.draw_at(ui.painter(), theme, &titles, &marks);
        }
    }
    for (bin_idx, &count) in histogram.counts.iter().enumerate().filter(|(_, count)| **count > 0) {
        let (left, right) = (histogram.edge(bin_idx), histogram.edge(bin_idx + 1));
        let bar = Rect::from_two_pos(chart.at(left, 0.0), chart.at(right, count as f64));
        let gap = if bar.width() > 4.0 { 0.5 } else { 0.0 };
        ui.painter().rect_filled(bar.shrink2(egui::vec2(gap, 0.0)), 0, theme.quantized);
    }
    let response = ui.interact(chart.rect, ui.scope_id().with("scale histogram"), Sense::hover());
    response
        .widget_info(|| WidgetInfo::labeled(egui::Role::Canvas, true, "Histogram of the scales"));
    let Some(pointer) = response.hover_pos() else { return };
    let at = (chart.value_at(pointer.x) - histogram.lo) / histogram.bin_width();
    let at = at.clamp(0.0, histogram.counts.len().max(1) as f64 - 1.0) as usize;
    let Some(count) = histogram.counts.get(at) else { return };
    let value = |edge: f64| match spread {
        Spread::Linear => significant(edge, 3),
        Spread::Log => significant(10f64.powf(edge), 3),
    };
    let (lo, hi) = (value(histogram.edge(at)), value(histogram.edge(at + 1)));
    let text = format!("{} groups with a scale of {lo} … {hi}", thousands(*count as usize));
    response.on_hover_text_at_pointer(text);
}

/// Whole numbers only.
fn count_text(mark: f64, _step: f64) -> String {
    if mark.fract() == 0.0 && mark >= 0.0 { thousands(mark as usize) } else { String::new() }
}

/// Marks of an axis of decimal logarithms: powers of two where all scales are such, else 1, 2 and 5
/// times powers of ten, as many as have room.
pub(super) fn log_marks(map: &ScaleMap, (lo, hi): (f64, f64), width: f32) -> Vec<(f64, String)> {
    const PITCH: f64 = 46.0;
    let most = (f64::from(width) / PITCH).max(2.0);
    let (first, last) = (lo.floor() as i32, hi.ceil() as i32);
    if map.is_of_powers_of_two {
        let per_power = 2f64.log10();
        let (first, last) = ((lo / per_power).ceil() as i32, (hi / per_power).floor() as i32);
        let step = (f64::from(last - first + 1) / most).ceil().max(1.0) as i32;
        let powers = (first..=last).filter(|power| power.rem_euclid(step) == 0);
        return powers
            .map(|power| (f64::from(power) * per_power, format!("2{}", superscript(power))))
            .collect();
    }
    let at = |factors: &[f64]| -> Vec<f64> {
        let all = (first..=last).flat_map(|power| factors.iter().map(move |f| (power, *f)));
        let all = all.map(|(power, factor)| factor.log10() + f64::from(power));
        all.filter(|mark| (lo..=hi).contains(mark)).collect()
    };
    let tenths: Vec<f64> = (10..100).map(|tenth| f64::from(tenth) / 10.0).collect();
    let nine: Vec<f64> = (1..10).map(f64::from).collect();
    let finer = [&tenths[..], &nine, &[1.0, 2.0, 5.0], &[1.0, 3.0], &[1.0]];
    let fits = |marks: &Vec<f64>| marks.len() as f64 <= most && is_apart(marks, (hi - lo) / most);
    let marks = finer.iter().map(|factors| at(factors)).find(fits).unwrap_or_default();
    let marks =
        if marks.len() < 2 { vec![lo + 0.1 * (hi - lo), hi - 0.1 * (hi - lo)] } else { marks };
    marks.into_iter().map(|mark| (mark, significant(10f64.powf(mark), 2))).collect()
}

fn is_apart(marks: &[f64], least: f64) -> bool {
    marks.windows(2).all(|pair| pair[1] - pair[0] >= least)
}

/// A bar of the colours with the numbers of its ends.
pub(super) fn colour_bar(ui: &Ui, map: &ScaleMap, kind: MapKind, bar: Rect) {
    let theme = Theme::of(ui);
    let palette = kind.colours(map, ui.ctx().theme()).palette();
    let ends = kind.ends(map);
    let n_strips = bar.width().max(2.0) as usize;
    for strip_idx in 0..n_strips {
        let left = bar.left() + strip_idx as f32;
        let strip = Rect::from_min_max(pos2(left, bar.top()), pos2(left + 1.0, bar.bottom()));
        let fraction = strip_idx as f32 / (n_strips - 1).max(1) as f32;
        let colour = palette[kind.shade(fraction)];
        ui.painter().rect_filled(strip, 0, colour);
    }
    let frame = egui::Stroke::new(1.0, theme.line_strong);
    ui.painter().rect_stroke(bar, 0, frame, egui::StrokeKind::Outside);
    let least = match kind {
        MapKind::Scale(Spread::Linear) => 0.0,
        _ => ends.0,
    };
    let y = bar.bottom() + 4.0;
    for (x, value, anchor) in
        [(bar.left(), least, Align2::LEFT_TOP), (bar.right(), ends.1, Align2::RIGHT_TOP)]
    {
        let text = if value == 0.0 { "0".to_owned() } else { scale_text(value) };
        ui.painter().text(pos2(x, y), anchor, text, theme::mono(11.0), theme.label);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fractions_follow_the_spread() {
        let ends = (0.01, 1.0);
        for (kind, value, wanted) in [
            (MapKind::Scale(Spread::Log), 0.01, 0.0),
            (MapKind::Scale(Spread::Log), 0.1, 0.5),
            (MapKind::Scale(Spread::Linear), 0.5, 0.5),
            (MapKind::Offset, 1.0, 1.0),
        ] {
            assert!((kind.fraction(value, ends) - wanted).abs() < 1e-5, "{kind:?} {value}");
        }
        let alike = MapKind::Scale(Spread::Log).fraction(0.3, (0.3, 0.3));
        assert_eq!(alike, 1.0, "where all are the same");
    }
}
