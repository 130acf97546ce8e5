//! The histogram: original filled, quantized as steps over it, levels as lines, and what lies
//! beyond the grid hatched.

use egui::{RichText, Stroke, Ui};
use egui_plot::{GridMark, Line, Plot, PlotPoint, PlotPoints, PlotTransform, PlotUi, VLine};

use crate::base::{fixed, significant, thousands};
use crate::quant::Grid;
use crate::session::LayerPicture;
use crate::tensor::Histogram;
use crate::ui::theme::{self, Theme};
use crate::ui::widgets::hatch;

/// How counts are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum CountScale {
    Linear,
    Log,
}

impl CountScale {
    /// Height of a count; in the logarithm an empty bin lies below a count of one.
    fn height(self, count: f64) -> f64 {
        match self {
            Self::Linear => count,
            Self::Log => count.max(0.5).log10(),
        }
    }

    fn baseline(self) -> f64 {
        self.height(0.0)
    }
}

/// Levels drawn one by one up to this many; more would be a grey area.
const MAX_LEVEL_LINES: usize = 256;

pub(super) fn plot_ui(ui: &mut Ui, picture: &LayerPicture, scale: CountScale) {
    caption_ui(ui, picture);
    let quantized = quantized_steps(picture, scale);
    let plot = framed_plot(ui, picture, scale, &quantized);
    let theme = Theme::of(ui);
    let response = plot.show(ui, |plot| {
        draw_levels(plot, picture, theme);
        let fill = Line::new("original", steps(&picture.original, scale))
            .stroke(Stroke::new(1.5, theme.original))
            .fill(scale.baseline() as f32)
            .fill_alpha(0.38)
            .allow_band(false)
            .allow_hover(false);
        plot.line(fill);
        if !quantized.is_empty() {
            let outline = Line::new("quantized", PlotPoints::from(quantized))
                .stroke(Stroke::new(1.5, theme.quantized))
                .allow_band(false)
                .allow_hover(false);
            plot.line(outline);
        }
    });
    hatch_outside(ui, picture, &response.transform);
    if let Some(pointer) = response.response.hover_pos() {
        let at = response.transform.value_from_position(pointer);
        response.response.on_hover_ui_at_pointer(|ui| bin_ui(ui, picture, at));
    }
}

fn caption_ui(ui: &mut Ui, picture: &LayerPicture) {
    let theme = Theme::of(ui);
    ui.horizontal(|ui| {
        ui.add_space(theme::PANEL_MARGIN);
        let width = significant(picture.original.bin_width(), 3);
        ui.label(RichText::new(format!("Weights per bin of {width}")).color(theme.label));
        let more = match picture.grid.as_ref().map(Grid::n_levels) {
            Some(Some(n_levels)) => format!("· {} levels", thousands(n_levels)),
            Some(None) => "· not quantized".to_owned(),
            None => format!(
                "· {} grids, one a scale; choose a channel to see its levels",
                thousands(picture.n_groups)
            ),
        };
        ui.add(egui::Label::new(RichText::new(more).color(theme.hint)).truncate());
    });
}

/// Axes and ranges: everything is in view when a layer, channel or scale is first shown.
fn framed_plot<'a>(
    ui: &Ui,
    picture: &LayerPicture,
    scale: CountScale,
    quantized: &[[f64; 2]],
) -> Plot<'a> {
    let theme = Theme::of(ui);
    let original = &picture.original;
    let margin = original.bin_width() * 2.0;
    let heights = original.counts.iter().map(|&count| scale.height(count as f64));
    let highest =
        heights.chain(quantized.iter().map(|point| point[1])).fold(scale.height(1.0), f64::max);
    let n_labels = f64::from(ui.available_width() / 100.0).max(2.0);
    let view = (picture.channel_idx, scale, original.lo.to_bits(), original.hi.to_bits());
    Plot::new(("distribution", view))
        .height((ui.available_height() - 4.0).max(36.0))
        .show_background(false)
        .grid_color(theme.grid)
        .allow_scroll(false)
        .allow_boxed_zoom(false)
        .x_axis_formatter(|mark, _| axis_number(mark))
        .y_axis_formatter(move |mark, _| count_text(mark, scale))
        .x_grid_spacer(move |input| round_marks(input.bounds, n_labels))
        .x_axis_label(RichText::new("Weight value").font(theme::text(11.0)).color(theme.label))
        .y_grid_spacer(move |input| count_marks(input.bounds, scale))
        .label_formatter(|_| None)
        .show_crosshair(false)
        .default_x_bounds(original.lo - margin, original.hi + margin)
        .default_y_bounds(scale.baseline(), highest + (highest - scale.baseline()) * 0.06)
}

/// Levels closer than a few points fade, so that they do not become a grey area.
fn draw_levels(plot: &mut PlotUi, picture: &LayerPicture, theme: &Theme) {
    let levels = shown_levels(picture);
    let step = levels.windows(2).map(|pair| pair[1] - pair[0]).fold(f64::INFINITY, f64::min);
    let points_per_value =
        f64::from(plot.response().rect.width()) / plot.plot_bounds().width().max(f64::MIN_POSITIVE);
    let opacity = ((points_per_value * step - 2.0) / 10.0).clamp(0.0, 1.0) as f32;
    if opacity == 0.0 {
        return;
    }
    let stroke = Stroke::new(1.0, theme.line_strong.gamma_multiply(opacity));
    for level in levels {
        plot.vline(VLine::new("level", level).stroke(stroke).allow_hover(false));
    }
}

/// A histogram as a stepped outline from baseline to baseline.
fn steps(histogram: &Histogram, scale: CountScale) -> PlotPoints<'static> {
    let mut points = vec![[histogram.lo, scale.baseline()]];
    for (bin_idx, &count) in histogram.counts.iter().enumerate() {
        let height = scale.height(count as f64);
        points.push([histogram.edge(bin_idx), height]);
        points.push([histogram.edge(bin_idx + 1), height]);
    }
    points.push([histogram.hi, scale.baseline()]);
    points.into()
}

/// The quantized values as steps comparable with the original's: where one coarse grid is shown,
/// each level's weights spread over its cell; else a histogram over the same bins.
fn quantized_steps(picture: &LayerPicture, scale: CountScale) -> Vec<[f64; 2]> {
    let bin_width = picture.original.bin_width();
    match (&picture.grid, &picture.usage) {
        (Some(Grid::Continuous), _) => Vec::new(),
        (Some(Grid::Uniform { params, .. }), Some(usage))
            if f64::from(params.scale) > bin_width =>
        {
            let step = f64::from(params.scale);
            let mut points = Vec::with_capacity(2 * usage.counts.len() + 2);
            for (nth, &count) in usage.counts.iter().enumerate() {
                let code = usage.first_code + nth as i32;
                let level = step * f64::from(code - params.zero_point);
                let height = scale.height(count as f64 * bin_width / step);
                points.push([level - step / 2.0, height]);
                points.push([level + step / 2.0, height]);
            }
            close(&points, scale)
        }
        _ => {
            let histogram = &picture.quantized;
            let mut points = Vec::with_capacity(2 * histogram.counts.len() + 2);
            for (bin_idx, &count) in histogram.counts.iter().enumerate() {
                let height = scale.height(count as f64);
                points.push([histogram.edge(bin_idx), height]);
                points.push([histogram.edge(bin_idx + 1), height]);
            }
            close(&points, scale)
        }
    }
}

/// Down to the baseline at both ends, empty ends left out.
fn close(points: &[[f64; 2]], scale: CountScale) -> Vec<[f64; 2]> {
    let baseline = scale.baseline();
    let is_empty = |point: &[f64; 2]| point[1] <= baseline;
    let Some(first) = points.iter().position(|point| !is_empty(point)) else {
        return Vec::new();
    };
    let last = points.iter().rposition(|point| !is_empty(point)).unwrap_or(first);
    let kept = &points[first..=last];
    let mut closed = vec![[kept[0][0], baseline]];
    closed.extend_from_slice(kept);
    closed.push([kept[kept.len() - 1][0], baseline]);
    closed
}

fn shown_levels(picture: &LayerPicture) -> Vec<f64> {
    match &picture.grid {
        Some(grid) if grid.n_levels().is_some_and(|n| n <= MAX_LEVEL_LINES) => {
            grid.levels().into_iter().map(|(_, level)| f64::from(level)).collect()
        }
        _ => Vec::new(),
    }
}

/// Hatches what the grid does not reach, with the word.
fn hatch_outside(ui: &Ui, picture: &LayerPicture, transform: &PlotTransform) {
    let theme = Theme::of(ui);
    let Some(Grid::Uniform { params, .. }) = &picture.grid else {
        return;
    };
    let Some((lo, hi)) = picture.grid.as_ref().and_then(Grid::bounds) else {
        return;
    };
    if picture.error.n_clipped == 0 {
        return;
    }
    let half_step = f64::from(params.scale) / 2.0;
    let frame = *transform.frame();
    let x = |value: f64| transform.position_from_point(&PlotPoint::new(value, 0.0)).x;
    let left = x(f64::from(lo) - half_step).clamp(frame.left(), frame.right());
    let right = x(f64::from(hi) + half_step).clamp(frame.left(), frame.right());
    let (outside_left, _) = frame.split_left_right_at_x(left);
    let (_, outside_right) = frame.split_left_right_at_x(right);
    for area in [outside_left, outside_right] {
        if area.width() < 1.0 {
            continue;
        }
        let painter = ui.painter().with_clip_rect(area);
        painter.rect_filled(area, 0, theme.clipping.gamma_multiply(0.08));
        hatch(&painter, area, theme.clipping.gamma_multiply(0.35));
        if area.width() > 56.0 {
            let place = area.center_top() + egui::vec2(0.0, 6.0);
            painter.text(
                place,
                egui::Align2::CENTER_TOP,
                "clipped",
                theme::text(11.0),
                theme.clipping,
            );
        }
    }
}

/// What the pointer is over: the bin, its weights, and the code and value they become.
fn bin_ui(ui: &mut Ui, picture: &LayerPicture, at: PlotPoint) {
    let theme = Theme::of(ui);
    let histogram = &picture.original;
    let bin_idx = ((at.x - histogram.lo) / histogram.bin_width()).floor();
    let inside = bin_idx >= 0.0 && (bin_idx as usize) < histogram.counts.len();
    let mut rows = Vec::new();
    if inside {
        let bin_idx = bin_idx as usize;
        let (lo, hi) = (histogram.edge(bin_idx), histogram.edge(bin_idx + 1));
        rows.push(("Bin", format!("{} … {}", significant(lo, 3), significant(hi, 3)), theme.text));
        rows.push(("Weights", thousands(histogram.counts[bin_idx] as usize), theme.text));
    }
    rows.push(("Value", significant(at.x, 4), theme.text));
    if let Some(Grid::Uniform { params, range }) = &picture.grid {
        let code =
            (at.x / f64::from(params.scale)).round_ties_even() + f64::from(params.zero_point);
        let code = code.clamp(f64::from(range.qmin), f64::from(range.qmax));
        let becomes = f64::from(params.scale) * (code - f64::from(params.zero_point));
        rows.push(("Code", fixed(code, 0), theme.text));
        rows.push(("Becomes", significant(becomes, 4), theme.quantized));
    }
    egui::Grid::new("bin").num_columns(2).spacing([16.0, 2.0]).show(ui, |ui| {
        for (name, value, colour) in rows {
            ui.label(RichText::new(name).color(theme.label));
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                ui.label(RichText::new(value).font(theme::mono(12.0)).color(colour));
            });
            ui.end_row();
        }
    });
}

fn axis_number(mark: GridMark) -> String {
    let decimals = (-mark.step_size.log10().floor()).clamp(0.0, 8.0) as usize;
    fixed(mark.value, decimals)
}

fn count_text(mark: GridMark, scale: CountScale) -> String {
    match scale {
        CountScale::Linear if mark.value.fract() == 0.0 && mark.value >= 0.0 => {
            thousands(mark.value as usize)
        }
        CountScale::Linear => String::new(),
        CountScale::Log => thousands(10f64.powf(mark.value).round() as usize),
    }
}

/// Whole counts at round distances; in the logarithm powers of ten.
fn count_marks((lo, hi): (f64, f64), scale: CountScale) -> Vec<GridMark> {
    match scale {
        CountScale::Linear if hi - lo > 5.0 => round_marks((lo.max(0.0), hi), 5.0),
        _ => marks((lo.max(0.0), hi), 1.0),
    }
}

/// Marks at 1, 2 or 5 times a power of ten, about `n_wanted` of them.
fn round_marks((lo, hi): (f64, f64), n_wanted: f64) -> Vec<GridMark> {
    let rough = (hi - lo) / n_wanted;
    let power = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|m| m * power).into_iter().find(|&s| s >= rough);
    marks((lo, hi), step.unwrap_or(rough))
}

fn marks((lo, hi): (f64, f64), step: f64) -> Vec<GridMark> {
    if !(step.is_finite() && step > 0.0) {
        return Vec::new();
    }
    let first = (lo / step).ceil() as i64;
    let last = ((hi / step).floor() as i64).min(first.saturating_add(40));
    (first..=last).map(|nth| GridMark { value: nth as f64 * step, step_size: step }).collect()
}
