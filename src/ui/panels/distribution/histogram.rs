//! The histogram: original filled, quantized as steps over it, levels as lines, and what it is
//! compared with.

use std::ops::RangeInclusive;

use egui::{RichText, Stroke, Ui, pos2};
use egui_plot::{Line, Plot, PlotPoint, PlotPoints, PlotTransform, PlotUi, VLine};

use super::curves::{CountScale, count_marks, count_text, fit_curve, quantized_steps, steps};
use super::legend::{LegendEntry, beyond_mark, legend_ui};
use super::value_plot::{ShownRange, range_and_hover_ui, value_plot, view_of, y_axis};
use crate::base::{significant, thousands};
use crate::quant::Grid;
use crate::session::LayerPicture;
use crate::tensor::Fitted;
use crate::ui::theme::Theme;

/// Levels drawn one by one up to this many; more would be a grey area.
const MAX_LEVEL_LINES: usize = 256;

/// What is drawn over the distribution.
#[derive(Default)]
pub(super) struct Overlays<'a> {
    pub fit: Option<Fitted>,
    pub compared: Option<&'a LayerPicture>,
    pub legend: Vec<LegendEntry>,
}

/// Draws the plot; the transform from values to points of the screen is returned.
pub(super) fn histogram_ui(
    ui: &mut Ui,
    picture: &LayerPicture,
    scale: CountScale,
    overlays: &Overlays,
    range: &ShownRange,
) -> PlotTransform {
    let quantized = quantized_steps(picture, scale);
    let compared = overlays.compared.map(|other| {
        // So that both have the same area, whatever their number of weights and bins.
        let factor = (picture.stats.count as f64 * picture.original.bin_width())
            / (other.stats.count.max(1) as f64 * other.original.bin_width());
        steps(&other.original, scale, factor)
    });
    let fit = overlays.fit.map(|fitted| fit_curve(&fitted, &picture.original, scale));
    let others = compared.iter().flatten().chain(fit.iter().flatten());
    let heights = heights(picture, scale, (&quantized, others.map(|point| point[1])));
    let spikes = spikes(&quantized, *heights.end());
    let beyond = (!spikes.is_empty()).then_some(LegendEntry::Beyond);
    let entries: Vec<LegendEntry> = overlays.legend.iter().cloned().chain(beyond).collect();
    legend_ui(ui, &entries, |ui| caption_ui(ui, picture, scale));
    let plot = framed_plot(ui, picture, scale);
    let theme = Theme::of(ui);
    let response = plot.show(ui, |plot| {
        // Whatever the settings become, everything is in view.
        plot.set_plot_bounds_y(heights.clone());
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
    mark_spikes(ui, &spikes, &response.transform);
    range_and_hover_ui(ui, picture, range, &response);
    response.transform
}

/// Where the quantized run out of the top: the middle of each run of bins.
fn spikes(quantized: &[[f64; 2]], top: f64) -> Vec<f64> {
    let runs = quantized.chunk_by(|a, b| (a[1] > top) == (b[1] > top));
    runs.filter_map(|run| match (run.first(), run.last()) {
        (Some(first), Some(last)) if first[1] > top => Some((first[0] + last[0]) / 2.0),
        _ => None,
    })
    .collect()
}

/// An arrow head where a spike leaves the plot; neighbours share one.
fn mark_spikes(ui: &Ui, spikes: &[f64], transform: &PlotTransform) {
    const LEAST_DISTANCE: f32 = 12.0;
    let frame = *transform.frame();
    let mut last = f32::NEG_INFINITY;
    for &value in spikes {
        let x = transform.position_from_point(&PlotPoint::new(value, 0.0)).x;
        if frame.x_range().contains(x) && x - last >= LEAST_DISTANCE {
            last = x;
            beyond_mark(ui.painter(), pos2(x, frame.top()), Theme::of(ui));
        }
    }
}

fn caption_ui(ui: &mut Ui, picture: &LayerPicture, scale: CountScale) {
    let theme = Theme::of(ui);
    let width = significant(picture.original.bin_width(), 3);
    let what = match scale {
        CountScale::Cumulative => "Share of weights up to a value".to_owned(),
        _ => format!("Weights per bin of {width}"),
    };
    ui.label(RichText::new(what).color(theme.label));
    ui.add_space(8.0);
    let (more, help) = match picture.grid.as_ref().map(Grid::n_levels) {
        Some(Some(n_levels)) => (format!("· {} levels", thousands(n_levels)), LEVELS_HELP),
        Some(None) if picture.usage.is_none() => {
            ("· not quantized".to_owned(), "The layer stays in float")
        }
        Some(None) => ("· rotated".to_owned(), ROTATED_HELP),
        None => (format!("· {} scales", thousands(picture.n_groups)), SCALES_HELP),
    };
    let label = egui::Label::new(RichText::new(more).color(theme.label)).truncate();
    ui.add(label).on_hover_text(help);
}

const LEVELS_HELP: &str = "Values that a code can stand for";
const ROTATED_HELP: &str =
    "Codes stand for rotated weights; turned back, a weight is a sum of many and has no levels";
const SCALES_HELP: &str = "Each scale has levels of its own; choose a channel to see them as lines";

/// The histogram's axes.
fn framed_plot<'a>(ui: &Ui, picture: &LayerPicture, scale: CountScale) -> Plot<'a> {
    let theme = Theme::of(ui);
    value_plot(ui, picture, ("distribution", view_of(picture), scale), "Weight value")
        .custom_y_axes(vec![y_axis(theme, move |mark| count_text(mark, scale))])
        .y_grid_spacer(move |input| count_marks(input.bounds, scale))
}

/// The quantized count as high as this many times the highest bin of the original, others run out
/// of the top: else many weights in one value would flatten all the rest.
const ROOM_FOR_SPIKES: f64 = 1.3;

/// From the baseline to a little above everything that is drawn, spikes of the quantized cut.
fn heights(
    picture: &LayerPicture,
    scale: CountScale,
    (quantized, others): (&[[f64; 2]], impl Iterator<Item = f64>),
) -> RangeInclusive<f64> {
    let counts = picture.original.counts.iter().map(|&count| scale.height(count as f64));
    let original = counts.fold(scale.height(1.0), f64::max);
    let quantized = quantized.iter().map(|point| point[1]).fold(0.0, f64::max);
    let highest = match scale {
        CountScale::Cumulative => 1.0,
        CountScale::Log => others.fold(original.max(quantized), f64::max),
        CountScale::Linear => {
            let cut = original.max(quantized.min(ROOM_FOR_SPIKES * original));
            others.fold(cut, f64::max)
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spikes_are_found_once_in_their_middle() {
        let steps = [
            [0.0, 1.0],
            [1.0, 1.0],
            [1.0, 9.0],
            [2.0, 9.0],
            [2.0, 1.0],
            [3.0, 8.0],
            [5.0, 7.0],
            [5.0, 0.0],
        ];
        assert_eq!(spikes(&steps, 5.0), [1.5, 4.0]);
        assert!(spikes(&steps, 9.0).is_empty());
        assert!(spikes(&[], 0.0).is_empty());
    }
}
