//! The histogram: original filled, quantized as steps over it, levels as lines, what lies beyond
//! the grid hatched, and what it is compared with.

use std::ops::RangeInclusive;

use egui::{Rect, RichText, Stroke, Ui};
use egui_plot::{Line, Plot, PlotPoint, PlotPoints, PlotTransform, PlotUi, VLine};

use super::curves::{
    CountScale, axis_number, count_marks, count_text, fit_curve, quantized_steps, steps,
    value_marks,
};
use crate::base::{fixed, significant, thousands};
use crate::quant::Grid;
use crate::session::LayerPicture;
use crate::tensor::Fitted;
use crate::ui::theme::{self, Theme};
use crate::ui::widgets::{figure_table, hatch};

/// Levels drawn one by one up to this many; more would be a grey area.
const MAX_LEVEL_LINES: usize = 256;
/// Room for the numbers of the y axis, the same in both plots so that they stand under each other.
const Y_AXIS_WIDTH: f32 = 44.0;

/// What is drawn over the distribution.
#[derive(Default)]
pub(super) struct Overlays<'a> {
    pub fit: Option<Fitted>,
    pub compared: Option<&'a LayerPicture>,
}

/// Draws the plot; the transform from values to points of the screen is returned.
pub(super) fn histogram_ui(
    ui: &mut Ui,
    picture: &LayerPicture,
    scale: CountScale,
    overlays: &Overlays,
) -> PlotTransform {
    caption_ui(ui, picture, scale);
    let quantized = quantized_steps(picture, scale);
    let compared = overlays.compared.map(|other| {
        // So that both have the same area, whatever their number of weights and bins.
        let factor = (picture.stats.count as f64 * picture.original.bin_width())
            / (other.stats.count.max(1) as f64 * other.original.bin_width());
        steps(&other.original, scale, factor)
    });
    let fit = overlays.fit.map(|fitted| fit_curve(&fitted, &picture.original, scale));
    let highest = quantized.iter().chain(compared.iter().flatten()).chain(fit.iter().flatten());
    let highest = highest.map(|point| point[1]).fold(0.0, f64::max);
    let plot = framed_plot(ui, picture, scale);
    let heights = heights(picture, scale, highest);
    let theme = Theme::of(ui);
    let response = plot.show(ui, |plot| {
        // Whatever the settings become, everything is in view.
        plot.set_plot_bounds_y(heights);
        draw_levels(plot, picture, theme);
        let mut original =
            Line::new("original", PlotPoints::from(steps(&picture.original, scale, 1.0)))
                .stroke(Stroke::new(1.5, theme.original))
                .allow_band(false)
                .allow_hover(false);
        if scale != CountScale::Cumulative {
            original = original.fill(scale.baseline() as f32).fill_alpha(0.38);
        }
        plot.line(original);
        let lines = [
            ("quantized", Some(quantized), theme.quantized, 1.5),
            ("compared", compared, theme.accent, 1.5),
            ("fit", fit, theme.text, 1.0),
        ];
        for (name, points, colour, width) in lines {
            let Some(points) = points.filter(|points| !points.is_empty()) else { continue };
            let line = Line::new(name, PlotPoints::from(points))
                .stroke(Stroke::new(width, colour))
                .allow_band(false)
                .allow_hover(false);
            plot.line(line);
        }
    });
    hatch_outside(ui, picture, &response.transform);
    if let Some(pointer) = response.response.hover_pos() {
        let at = response.transform.value_from_position(pointer);
        response.response.on_hover_ui_at_pointer(|ui| bin_ui(ui, picture, at));
    }
    response.transform
}

fn caption_ui(ui: &mut Ui, picture: &LayerPicture, scale: CountScale) {
    let theme = Theme::of(ui);
    ui.horizontal(|ui| {
        ui.add_space(theme::PANEL_MARGIN);
        let width = significant(picture.original.bin_width(), 3);
        let what = match scale {
            CountScale::Cumulative => "Share of weights up to a value".to_owned(),
            _ => format!("Weights per bin of {width}"),
        };
        ui.label(RichText::new(what).color(theme.label));
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

/// Where the values lie that both plots show: the weights, and the ends of the grid where they are
/// not far from them.
fn value_bounds(picture: &LayerPicture) -> (f64, f64) {
    let original = &picture.original;
    let width = original.hi - original.lo;
    let (lo, hi) = match picture.grid.as_ref().and_then(Grid::bounds) {
        Some((lo, hi)) => (
            original.lo.min(f64::from(lo)).max(original.lo - 0.6 * width),
            original.hi.max(f64::from(hi)).min(original.hi + 0.6 * width),
        ),
        None => (original.lo, original.hi),
    };
    let margin = 0.03 * (hi - lo);
    (lo - margin, hi + margin)
}

/// What a plot belongs to: another layer, channel or range starts with everything in view.
pub(super) fn view_of(picture: &LayerPicture) -> impl egui::AsIdSalt + Copy + use<> {
    let (lo, hi) = (picture.stats.min.unwrap_or(0.0), picture.stats.max.unwrap_or(0.0));
    // A grid of another kind has its ends elsewhere.
    let grid_kind = match &picture.grid {
        None => 0,
        Some(Grid::Uniform { params, .. }) if params.zero_point == 0 => 1,
        Some(_) => 2,
    };
    (picture.channel_idx, lo.to_bits(), hi.to_bits(), grid_kind)
}

/// A plot over the values of the weights that takes the height there is; both plots move together.
pub(super) fn value_plot<'a>(ui: &Ui, picture: &LayerPicture, id: impl egui::AsIdSalt) -> Plot<'a> {
    let theme = Theme::of(ui);
    let (lo, hi) = value_bounds(picture);
    let n_labels = f64::from(ui.available_width() / 100.0).max(2.0);
    Plot::new(id)
        .height((ui.available_height() - 4.0).max(30.0))
        .show_background(false)
        .grid_color(theme.grid)
        .allow_scroll(false)
        .allow_zoom([true, false])
        .allow_drag([true, false])
        .allow_boxed_zoom(false)
        .link_axis(egui::Id::unique("values").with(view_of(picture)), [true, false])
        .y_axis_min_width(Y_AXIS_WIDTH)
        .x_axis_formatter(|mark, _| axis_number(mark))
        .x_grid_spacer(move |input| value_marks(input.bounds, n_labels))
        .label_formatter(|_| None)
        .show_crosshair(false)
        .default_x_bounds(lo, hi)
}

/// The histogram's axes.
fn framed_plot<'a>(ui: &Ui, picture: &LayerPicture, scale: CountScale) -> Plot<'a> {
    let theme = Theme::of(ui);
    value_plot(ui, picture, ("distribution", view_of(picture), scale))
        .y_axis_formatter(move |mark, _| count_text(mark, scale))
        .y_grid_spacer(move |input| count_marks(input.bounds, scale))
        .x_axis_label(RichText::new("Weight value").font(theme::text(11.0)).color(theme.label))
}

/// From the baseline to a little above everything that is drawn.
fn heights(picture: &LayerPicture, scale: CountScale, highest: f64) -> RangeInclusive<f64> {
    let counts = picture.original.counts.iter().map(|&count| scale.height(count as f64));
    let highest = match scale {
        CountScale::Cumulative => 1.0,
        _ => counts.fold(scale.height(1.0).max(highest), f64::max),
    };
    scale.baseline()..=highest + (highest - scale.baseline()) * 0.06
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

fn shown_levels(picture: &LayerPicture) -> Vec<f64> {
    match &picture.grid {
        Some(grid) if grid.n_levels().is_some_and(|n| n <= MAX_LEVEL_LINES) => {
            grid.levels().into_iter().map(|(_, level)| f64::from(level)).collect()
        }
        _ => Vec::new(),
    }
}

/// The parts of a plot beyond the values a code is nearest to, left and right; `None` where nothing
/// is clipped or there is no one grid.
pub(super) fn clipped_areas(
    picture: &LayerPicture,
    transform: &PlotTransform,
) -> Option<[Rect; 2]> {
    let Some(Grid::Uniform { params, .. }) = &picture.grid else {
        return None;
    };
    let (lo, hi) = picture.grid.as_ref().and_then(Grid::bounds)?;
    if picture.error.n_clipped == 0 {
        return None;
    }
    let half_step = f64::from(params.scale) / 2.0;
    let frame = *transform.frame();
    let x = |value: f64| transform.position_from_point(&PlotPoint::new(value, 0.0)).x;
    let left = x(f64::from(lo) - half_step).clamp(frame.left(), frame.right());
    let right = x(f64::from(hi) + half_step).clamp(frame.left(), frame.right());
    let (outside_left, _) = frame.split_left_right_at_x(left);
    let (_, outside_right) = frame.split_left_right_at_x(right);
    Some([outside_left, outside_right])
}

/// Hatches what the grid does not reach.
pub(super) fn hatch_outside(ui: &Ui, picture: &LayerPicture, transform: &PlotTransform) {
    let theme = Theme::of(ui);
    for area in clipped_areas(picture, transform).into_iter().flatten() {
        if area.width() >= 1.0 {
            let painter = ui.painter().with_clip_rect(area);
            painter.rect_filled(area, 0, theme.clipping.gamma_multiply(0.08));
            hatch(&painter, area, theme.clipping.gamma_multiply(0.35));
        }
    }
}

/// What the pointer is over: the bin, its weights, and the code and value they become.
pub(super) fn bin_ui(ui: &mut Ui, picture: &LayerPicture, at: PlotPoint) {
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
        let error = picture.profile.rounding.get(bin_idx).unwrap_or(&0.0)
            + picture.profile.clipping.get(bin_idx).unwrap_or(&0.0);
        let share = error / picture.error.mse().max(f64::MIN_POSITIVE);
        rows.push(("Of the error", crate::base::percent(share, 1), theme.text));
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
    figure_table(ui, "bin", rows);
}
