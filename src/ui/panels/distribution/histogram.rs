//! The histogram: original filled, quantized as steps over it, levels as lines, and what it is
//! compared with.

use egui::{Rangef, RichText, Stroke, Ui, pos2, vec2};
use egui_plot::{Line, Plot, PlotPoint, PlotPoints, PlotTransform, PlotUi, VLine};

use super::curves::{
    CountScale, count_marks, count_text, fit_curve, quantized_steps, steps, within,
};
use super::legend::{LegendEntry, beyond_mark, legend_ui};
use super::value_plot::{
    ShownRange, follow_values, range_and_hover_ui, value_plot, view_of, y_axis,
};
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
    let top = top(picture, scale, (&quantized, others.map(|point| point[1])));
    let spikes = spikes(&quantized, top);
    let quantized: Vec<[f64; 2]> =
        quantized.into_iter().map(|[value, height]| [value, height.min(top)]).collect();
    let beyond = (!spikes.is_empty()).then_some(LegendEntry::Beyond);
    let entries: Vec<LegendEntry> = overlays.legend.iter().cloned().chain(beyond).collect();
    legend_ui(ui, &entries, |ui| caption_ui(ui, picture, scale));
    let head = head_room(ui, &spikes);
    let heights = scale.baseline()..=top + (top - scale.baseline()) * head;
    let plot = framed_plot(ui, picture, scale);
    let theme = Theme::of(ui);
    let response = plot.show(ui, |plot| {
        // Whatever the settings become, everything is in view.
        plot.set_plot_bounds_y(heights.clone());
        follow_values(plot, picture);
        draw_levels(plot, picture, theme);
        let outline = within(steps(&picture.original, scale, 1.0), &picture.stats);
        let mut original = Line::new("original", PlotPoints::from(outline))
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
    mark_spikes(ui, (&spikes, top), &response.transform);
    range_and_hover_ui(ui, picture, range, &response);
    response.transform
}

/// Share of the height above what is drawn: over the heads of arrows for the counts.
fn head_room(ui: &Ui, spikes: &[Spike]) -> f64 {
    let height = (ui.available_height() - X_AXIS).max(1.0);
    if spikes.is_empty() { 0.06 } else { f64::from(SPIKE_TEXT / height).clamp(0.06, 0.5) }
}

/// Height of a count over an arrow head, and about that of the axis below.
const SPIKE_TEXT: f32 = 19.0;
const X_AXIS: f32 = 52.0;

/// Many weights in one value, more than the axis has room for.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Spike {
    value: f64,
    height: f64,
}

/// Where the quantized are higher than `top`: the middle of each run of bins and its highest.
fn spikes(quantized: &[[f64; 2]], top: f64) -> Vec<Spike> {
    let runs = quantized.chunk_by(|a, b| (a[1] > top) == (b[1] > top));
    runs.filter_map(|run| match (run.first(), run.last()) {
        (Some(first), Some(last)) if first[1] > top => Some(Spike {
            value: (first[0] + last[0]) / 2.0,
            height: run.iter().map(|point| point[1]).fold(top, f64::max),
        }),
        _ => None,
    })
    .collect()
}

/// An arrow head where a spike is cut, of near neighbours at the highest, and its count over it where
/// there is room.
fn mark_spikes(ui: &Ui, (spikes, top): (&[Spike], f64), transform: &PlotTransform) {
    const LEAST_DISTANCE: f32 = 12.0;
    let theme = Theme::of(ui);
    let frame = *transform.frame();
    let painter = ui.painter().with_clip_rect(frame.expand2(vec2(40.0, 8.0)));
    let mut highest_first: Vec<&Spike> = spikes.iter().collect();
    highest_first.sort_by(|a, b| b.height.total_cmp(&a.height));
    let mut heads: Vec<f32> = Vec::new();
    let mut texts: Vec<Rangef> = Vec::new();
    for spike in highest_first {
        let tip = transform.position_from_point(&PlotPoint::new(spike.value, top));
        let is_near = |x: &f32| (x - tip.x).abs() < LEAST_DISTANCE;
        if !frame.x_range().contains(tip.x) || heads.iter().any(is_near) {
            continue;
        }
        heads.push(tip.x);
        beyond_mark(&painter, tip, theme);
        let text = thousands(spike.height.round() as usize);
        let galley = painter.layout_no_wrap(text, theme::mono(11.0), theme.quantized);
        let half = galley.size().x / 2.0;
        let span = Rangef::new(tip.x - half - 4.0, tip.x + half + 4.0);
        let is_free = !texts.iter().any(|other| span.min < other.max && other.min < span.max);
        if is_free && span.min >= frame.left() && span.max <= frame.right() {
            texts.push(span);
            let place = pos2(tip.x - half, tip.y - 2.0 - galley.size().y);
            painter.galley(place, galley, theme.quantized);
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

/// Spikes of the quantized end at least at this many times the highest bin of the original, and at
/// most at that many: else many weights in one value would flatten all the rest.
const ROOM_FOR_SPIKES: f64 = 1.3;
const MOST_ROOM_FOR_SPIKES: f64 = 4.0;
/// So many spikes may be cut where a higher axis would show all others.
const MAX_CUT: usize = 2;

/// What the axis has to reach: everything that is drawn, the highest spikes of the quantized cut.
fn top(
    picture: &LayerPicture,
    scale: CountScale,
    (quantized, others): (&[[f64; 2]], impl Iterator<Item = f64>),
) -> f64 {
    let counts = picture.original.counts.iter().map(|&count| scale.height(count as f64));
    let original = counts.fold(scale.height(1.0), f64::max);
    let highest = quantized.iter().map(|point| point[1]).fold(0.0, f64::max);
    match scale {
        CountScale::Cumulative => 1.0,
        CountScale::Log => others.fold(original.max(highest), f64::max),
        CountScale::Linear => others.fold(original.max(cut(quantized, original)), f64::max),
    }
}

/// Where spikes are cut over an original of that height.
fn cut(quantized: &[[f64; 2]], original: f64) -> f64 {
    let mut spikes = spikes(quantized, ROOM_FOR_SPIKES * original);
    spikes.sort_by(|a, b| b.height.total_cmp(&a.height));
    let highest = quantized.iter().map(|point| point[1]).fold(0.0, f64::max);
    // The highest of those that are to be seen whole.
    let wanted = spikes.get(MAX_CUT).map_or(0.0, |spike| spike.height);
    let room = wanted.clamp(ROOM_FOR_SPIKES * original, MOST_ROOM_FOR_SPIKES * original);
    highest.min(room)
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
        let found = [Spike { value: 1.5, height: 9.0 }, Spike { value: 4.0, height: 8.0 }];
        assert_eq!(spikes(&steps, 5.0), found);
        assert!(spikes(&steps, 9.0).is_empty());
        assert!(spikes(&[], 0.0).is_empty());
    }

    #[test]
    fn few_spikes_are_cut_and_many_have_a_higher_axis() {
        let outline = |heights: &[f64]| -> Vec<[f64; 2]> {
            let bar = |(bin, &height): (usize, &f64)| {
                let x = bin as f64;
                [[x, 0.0], [x, height], [x + 0.5, height], [x + 0.5, 0.0]]
            };
            heights.iter().enumerate().flat_map(bar).collect()
        };
        for (heights, wanted) in [
            (&[90.0, 110.0][..], 110.0),
            (&[100.0, 900.0, 100.0], 130.0),
            (&[900.0, 200.0, 700.0, 250.0, 180.0], 250.0),
            (&[900.0; 13], 400.0),
            (&[150.0; 13], 150.0),
            (&[], 0.0),
        ] {
            assert_eq!(cut(&outline(heights), 100.0), wanted, "{heights:?}");
        }
    }
}
