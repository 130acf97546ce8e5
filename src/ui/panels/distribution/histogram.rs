//! The histogram: original filled, quantized as steps over it, levels as lines, and what it is
//! compared with.

use std::ops::RangeInclusive;

use egui::{RichText, Stroke, Ui};
use egui_plot::{Line, Plot, PlotPoints, PlotTransform, PlotUi, VLine};

use super::curves::{CountScale, count_marks, count_text, fit_curve, quantized_steps, steps};
use super::value_plot::{ShownRange, range_and_hover_ui, value_plot, view_of, y_axis};
use crate::base::{significant, thousands};
use crate::quant::Grid;
use crate::session::LayerPicture;
use crate::tensor::Fitted;
use crate::ui::theme::{self, Theme};

/// Levels drawn one by one up to this many; more would be a grey area.
const MAX_LEVEL_LINES: usize = 256;

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
    range: &ShownRange,
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
            ("quantized", Some(quantized), range.ink(theme.quantized), 1.5),
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
    range_and_hover_ui(ui, picture, range, &response);
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

/// The histogram's axes.
fn framed_plot<'a>(ui: &Ui, picture: &LayerPicture, scale: CountScale) -> Plot<'a> {
    let theme = Theme::of(ui);
    value_plot(ui, picture, ("distribution", view_of(picture), scale), "Weight value")
        .custom_y_axes(vec![y_axis(theme, move |mark| count_text(mark, scale))])
        .y_grid_spacer(move |input| count_marks(input.bounds, scale))
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
            grid.levels().into_iter().map(|level| f64::from(level.value)).collect()
        }
        _ => Vec::new(),
    }
}
