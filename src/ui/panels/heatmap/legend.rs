//! The scale of colours with its numbers, what is said about the picture, and the figures of one
//! weight.

use egui::{Align2, Rect, RichText, Stroke, Ui, pos2, vec2};

use super::draw::{Canvas, colour_in, missing_colour, palette_of};
use crate::base::{counted, fixed, percent, significant};
use crate::session::{Raster, Shown};
use crate::ui::axis_names::axis_name;
use crate::ui::theme::{self, Theme};
use crate::ui::widgets::figure_table;

const BAR_SIZE: egui::Vec2 = vec2(220.0, 10.0);

/// Bar and marks on the left, what they mean and remarks on the right of it.
pub(super) fn draw(ui: &Ui, canvas: &Canvas, room: Rect) {
    let theme = Theme::of(ui);
    let painter = ui.painter();
    let raster = canvas.whole;
    let shown = raster.view.shown;
    let (_, _, n_beyond) = raster.source.scale(shown);
    let room = beneath(canvas.lens.view, room);
    let bar = scale_bar(ui, raster, room);
    let x = bar.right() + 16.0;
    let (title, unit) = match shown {
        Shown::Value => ("Weight value x", "no unit"),
        Shown::Error => ("Error x − x̂", "weight minus quantized weight"),
        Shown::Code => ("Code", "the whole number stored for a weight"),
    };
    let clip = painter.with_clip_rect(room.intersect(ui.clip_rect()));
    let name = pos2(x, bar.center().y);
    let title_at = clip.text(name, Align2::LEFT_CENTER, title, theme::title(12.0), theme.text);
    let place = pos2(title_at.right() + 8.0, bar.center().y);
    let end = if raster.has_non_finite() { room.right() - 112.0 } else { room.right() };
    let beside = clip.with_clip_rect(clip.clip_rect().with_max_x(end));
    beside.text(place, Align2::LEFT_CENTER, unit, theme::text(12.0), theme.label);
    let mut remarks = remarks(raster, canvas.detail);
    if n_beyond > 0 {
        let share = percent(n_beyond as f64 / canvas.layer.count().max(1) as f64, 2);
        let n = counted(n_beyond, "weight");
        remarks.push(format!("{n} ({share}) lie beyond the scale and have its last colour"));
    }
    let place = pos2(x, bar.bottom() + 5.0);
    let remarks = remarks.join(" · ");
    let response = ui.interact(room, ui.scope_id().with("colours"), egui::Sense::hover());
    response.widget_info(|| {
        let text = format!("Colours: {title}, {unit}. {remarks}");
        egui::WidgetInfo::labeled(egui::Role::Label, true, text)
    });
    cut_text(ui, &clip, (place, room.right() - 12.0), remarks.clone());
    response.on_hover_text(remarks);
    if raster.has_non_finite() {
        let place = pos2(room.right(), bar.center().y);
        let ink = missing_colour(theme);
        clip.text(place, Align2::RIGHT_CENTER, "■ NaN or infinite", theme::text(12.0), ink);
    }
}

/// Room for the bar and what is said beside it.
const LEAST_WIDTH: f32 = 560.0;

/// Where the legend stands: under the picture, from its left edge on as far as there is room.
fn beneath(picture: Rect, room: Rect) -> Rect {
    let left = picture.left().min(room.right() - LEAST_WIDTH).max(room.left());
    let top = picture.bottom().min(room.top());
    Rect::from_min_max(pos2(left, top), pos2(room.right(), top + room.height()))
}

/// The colours with their numbers, and where they lie.
fn scale_bar(ui: &Ui, raster: &Raster, room: Rect) -> Rect {
    let theme = Theme::of(ui);
    let shown = raster.view.shown;
    let (lo, hi, _) = raster.source.scale(shown);
    let palette = palette_of(shown, ui.ctx().theme());
    let width = BAR_SIZE.x.min(room.width() * 0.5);
    let bar = Rect::from_min_size(pos2(room.left(), room.top() + 14.0), vec2(width, BAR_SIZE.y));
    let painter = ui.painter();
    let n_strips = bar.width().max(2.0) as usize;
    for strip_idx in 0..n_strips {
        let left = bar.left() + strip_idx as f32;
        let strip = Rect::from_min_max(pos2(left, bar.top()), pos2(left + 1.0, bar.bottom()));
        let colour = colour_in(&palette, strip_idx as f32 / (n_strips - 1) as f32);
        painter.rect_filled(strip, 0, colour);
    }
    let frame = Stroke::new(1.0, theme.line_strong);
    painter.rect_stroke(bar, 0, frame, egui::StrokeKind::Outside);
    let marks = [
        (0.0, lo, Align2::LEFT_TOP),
        (0.5, (lo + hi) / 2.0, Align2::CENTER_TOP),
        (1.0, hi, Align2::RIGHT_TOP),
    ];
    for (fraction, value, anchor) in marks {
        let x = bar.left() + bar.width() * fraction;
        painter.vline(x, bar.bottom()..=bar.bottom() + 3.0, frame);
        let text = match shown {
            Shown::Code if value.fract() == 0.0 => fixed(f64::from(value), 0),
            Shown::Code => fixed(f64::from(value), 1),
            _ => significant(f64::from(value), 3),
        };
        let place = pos2(x, bar.bottom() + 5.0);
        painter.text(place, anchor, text, theme::mono(11.0), theme.label);
    }
    bar
}

/// Two lines from a place to a right end, cut there if the text is longer.
fn cut_text(ui: &Ui, painter: &egui::Painter, (place, right): (egui::Pos2, f32), text: String) {
    let ink = Theme::of(ui).label;
    let width = (right - place.x).max(20.0);
    let mut job = egui::text::LayoutJob::simple(text, theme::text(12.0), ink, width);
    job.wrap.max_rows = 2;
    let galley = ui.ctx().fonts_mut(|fonts| fonts.layout_job(job));
    painter.galley(place, galley, ink);
}

/// How tiles lie, and how many weights a pixel stands for.
fn remarks(whole: &Raster, detail: Option<&Raster>) -> Vec<String> {
    let sheet = &whole.sheet;
    let mut remarks = Vec::new();
    if sheet.is_wrapped() {
        let size = sheet.tile_size().unwrap_or((1, 1));
        remarks.push(format!("One tile of {}×{} a channel, in lines", size.0, size.1));
    }
    let block = detail.unwrap_or(whole).block;
    if block != (1, 1) {
        remarks.push(format!(
            "A pixel shows the largest magnitude of {}×{} weights; zoom in for each",
            block.0, block.1
        ));
    }
    remarks
}

/// Everything about one weight.
pub(super) fn hover_ui(ui: &mut Ui, canvas: &Canvas, element: usize, block: (usize, usize)) {
    let theme = Theme::of(ui);
    let raster = canvas.whole;
    let Some(figures) = raster.source.figures(element) else { return };
    if block != (1, 1) {
        let text = format!("Largest of {}×{} weights", block.0, block.1);
        ui.label(RichText::new(text).color(theme.label));
    }
    let index = raster.sheet.index_of(element);
    let index: Vec<String> = index
        .iter()
        .enumerate()
        .map(|(axis, idx)| format!("{} {idx}", axis_name(canvas.layer, axis)))
        .collect();
    ui.label(RichText::new(index.join(", ")).font(theme::title(12.0)));
    let weight = f64::from(figures.weight);
    let rows = [
        ("Weight x", Some(significant(weight, 5))),
        ("Quantized x̂", figures.quantized.map(|x| significant(f64::from(x), 5))),
        ("Error x − x̂", figures.quantized.map(|x| significant(weight - f64::from(x), 4))),
        ("Code", figures.code.map(|code| fixed(f64::from(code), 0))),
    ];
    let rows = rows.into_iter().filter_map(|(name, value)| Some((name, value?, theme.text)));
    figure_table(ui, "weight figures", rows);
}
