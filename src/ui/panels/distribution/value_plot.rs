//! What both plots over the values have in common: their axis, what lies beyond the range hatched,
//! and what is told of the place under the pointer.

use egui::{Color32, Rect, RichText, Ui};
use egui_plot::{Axis, AxisHints, GridMark, Plot, PlotPoint, PlotResponse, PlotTransform};

use super::curves::{is_spread, value_marks};
use crate::base::{fixed, percent, significant, thousands};
use crate::quant::{Grid, SchemeChoice};
use crate::session::LayerPicture;
use crate::ui::axis::{mark_text, plot_axis};
use crate::ui::clip_range::{Ends, ends_by_hand, has_typed_ends, is_mirrored};
use crate::ui::theme::{self, Theme};
use crate::ui::widgets::{figure_table, hatch};

/// Room for the numbers of the y axis, the same in all drawings so that they stand under each
/// other.
pub(super) const Y_AXIS_WIDTH: f32 = 48.0;

/// The range as it is set now, which may be ahead of what the curves show.
#[derive(Clone, Copy, Debug)]
pub(super) struct ShownRange {
    /// `None` where the weights shown have several grids, or none.
    pub ends: Option<Ends>,
    /// The curves belong to an earlier setting, and have for a while.
    pub is_pending: bool,
    /// The ends are newer than what was counted.
    pub is_ahead: bool,
}

impl ShownRange {
    /// The ends that are set by hand, else those of the grid.
    pub fn of(picture: &LayerPicture, choice: &SchemeChoice) -> Self {
        let stats = &picture.stats;
        let found = stats.min.zip(stats.max);
        let found = found.map(|(lo, hi)| Ends { lo: f64::from(lo), hi: f64::from(hi) });
        // By hand the ends are the same for all channels, however many grids there are.
        let by_hand = ends_by_hand(choice, found)
            .filter(|_| picture.grid.is_some() || has_typed_ends(choice));
        let of_grid = || {
            let grid = picture.grid.as_ref()?;
            match choice.param("lo") {
                Some(_) => ends_of_grid(grid, is_mirrored(choice)),
                // Levels that no range was chosen for end where clipping begins.
                None => clipping_of_grid(grid),
            }
        };
        let ends = by_hand.or_else(of_grid);
        Self { ends, is_pending: false, is_ahead: false }
    }

    /// The colour of a curve: fainter where it belongs to an earlier setting.
    pub fn ink(&self, colour: Color32) -> Color32 {
        if self.is_pending { colour.gamma_multiply(0.5) } else { colour }
    }
}

/// The range a grid was made for: mirrored where zero is the middle code.
fn ends_of_grid(grid: &Grid, mirrored: bool) -> Option<Ends> {
    let (lo, hi) = grid.bounds()?;
    let (lo, hi) = (f64::from(lo), f64::from(hi));
    if mirrored {
        let clip = (hi - lo) / 2.0;
        return Some(Ends { lo: -clip, hi: clip });
    }
    Some(Ends { lo, hi })
}

/// Half a step beyond the outermost levels: what lies outside counts as clipped.
fn clipping_of_grid(grid: &Grid) -> Option<Ends> {
    let ((lo, hi), (lo_step, hi_step)) = (grid.bounds()?, grid.end_steps()?);
    Some(Ends { lo: f64::from(lo - lo_step / 2.0), hi: f64::from(hi + hi_step / 2.0) })
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
    // A level's weights are spread over its step.
    let steps = picture.grid.as_ref().and_then(Grid::end_steps);
    let step = steps.map_or(0.0, |(lo, hi)| f64::from(lo.max(hi)));
    let margin = (0.03 * (hi - lo)).max((0.6 * step).min(0.2 * (hi - lo)));
    (lo - margin, hi + margin)
}

/// What a plot belongs to: another layer, channel or range starts with everything in view.
pub(super) fn view_of(picture: &LayerPicture) -> impl egui::AsIdSalt + Copy + use<> {
    let (lo, hi) = (picture.stats.min.unwrap_or(0.0), picture.stats.max.unwrap_or(0.0));
    // A grid of another kind has its ends elsewhere.
    let grid_kind = match &picture.grid {
        None => 0,
        Some(Grid::Uniform { params, .. }) if params.zero_point == 0 => 1,
        Some(Grid::Uniform { .. }) => 2,
        Some(Grid::Table { .. }) => 3,
        Some(Grid::Continuous) => 4,
    };
    (picture.channel_idx, lo.to_bits(), hi.to_bits(), grid_kind)
}

/// A plot over the values of the weights that takes the height there is; both plots move together.
pub(super) fn value_plot<'a>(
    ui: &Ui,
    picture: &LayerPicture,
    id: impl egui::AsIdSalt,
    title: &str,
) -> Plot<'a> {
    let theme = Theme::of(ui);
    let (lo, hi) = value_bounds(picture);
    let n_labels = f64::from(ui.available_width() / 80.0).max(4.5);
    let title = RichText::new(title).font(theme::text(11.0)).color(theme.label);
    let x_axis = plot_axis(Axis::X, theme, |mark| mark_text(mark.value, mark.step_size));
    Plot::new(id)
        .height((ui.available_height() - 4.0).max(30.0))
        .show_background(false)
        .grid_color(theme.grid)
        .allow_scroll(false)
        .allow_zoom([true, false])
        .allow_drag([true, false])
        .allow_boxed_zoom(false)
        .link_axis(egui::Id::unique("values").with(view_of(picture)), [true, false])
        .custom_x_axes(vec![x_axis.label(title)])
        .x_grid_spacer(move |input| value_marks(input.bounds, n_labels))
        .label_formatter(|_| None)
        .show_crosshair(false)
        .default_x_bounds(lo, hi)
}

/// Shows the values that are in view at first also when they change with the settings, unless a
/// person has moved or zoomed the plot.
pub(super) fn follow_values(plot: &mut egui_plot::PlotUi, picture: &LayerPicture) {
    let key = egui::Id::unique("values shown").with(view_of(picture));
    let now = value_bounds(picture);
    let before: Option<(f64, f64)> = plot.ctx().data(|data| data.get_temp(key));
    let shown = plot.plot_bounds().range_x();
    let is_near = |a: f64, b: f64| (a - b).abs() <= 1e-6 * (now.1 - now.0).abs();
    let is_first = |(lo, hi)| is_near(*shown.start(), lo) && is_near(*shown.end(), hi);
    // Under a hand that holds a clip nothing moves by itself, and nothing does when it lets go.
    let rect = plot.response().rect;
    let held_at = plot.ctx().input(|input| input.pointer.press_origin());
    let is_held = held_at.is_some_and(|at| rect.contains(at));
    if !is_held && before.is_some_and(|before| before != now && is_first(before)) {
        plot.set_plot_bounds_x(now.0..=now.1);
    }
    let known = if is_held { (f64::NAN, f64::NAN) } else { now };
    let is_left_alone = before.is_some_and(|(lo, _)| lo.is_nan());
    if !is_left_alone {
        plot.ctx().data_mut(|data| data.insert_temp(key, known));
    }
}

/// The axis of counts or shares.
pub(super) fn y_axis<'a>(theme: &Theme, text: impl Fn(GridMark) -> String + 'a) -> AxisHints<'a> {
    plot_axis(Axis::Y, theme, text).min_thickness(Y_AXIS_WIDTH)
}

/// Hatches what lies beyond the range, and tells of the place under the pointer.
pub(super) fn range_and_hover_ui<R>(
    ui: &Ui,
    picture: &LayerPicture,
    range: &ShownRange,
    response: &PlotResponse<R>,
) {
    let theme = Theme::of(ui);
    for area in areas_beyond(picture, range, &response.transform) {
        if area.width() >= 1.0 {
            let painter = ui.painter().with_clip_rect(area);
            painter.rect_filled(area, 0, theme.clipping.gamma_multiply(0.08));
            hatch(&painter, area, theme.clipping.gamma_multiply(0.35));
        }
    }
    if let Some(pointer) = response.response.hover_pos() {
        let at = response.transform.value_from_position(pointer);
        let hovered = response.response.clone();
        hovered.on_hover_ui_at_pointer(|ui| place_ui(ui, picture, range, at));
    }
}

/// The parts of a plot beyond the range where weights are clipped, low and high; of ends that are not
/// answered yet where weights lie beyond them.
fn areas_beyond(
    picture: &LayerPicture,
    range: &ShownRange,
    transform: &PlotTransform,
) -> Vec<Rect> {
    let Some(ends) = range.ends else { return Vec::new() };
    let frame = *transform.frame();
    let x = |value: f64| {
        let x = transform.position_from_point(&PlotPoint::new(value, 0.0)).x;
        x.clamp(frame.left(), frame.right())
    };
    let (n_low, n_high) = picture.profile.n_clipped;
    let is_hatched = |n_clipped: u64, extreme: Option<f32>| match range.is_ahead {
        true => extreme.is_some_and(|extreme| is_beyond(ends, f64::from(extreme))),
        false => n_clipped > 0,
    };
    let mut areas = Vec::new();
    if is_hatched(n_low, picture.stats.min) {
        areas.push(frame.split_left_right_at_x(x(ends.lo)).0);
    }
    if is_hatched(n_high, picture.stats.max) {
        areas.push(frame.split_left_right_at_x(x(ends.hi)).1);
    }
    areas
}

/// Whether a value lies outside by more than the rounding of numbers.
fn is_beyond(ends: Ends, value: f64) -> bool {
    let tolerance = 1e-5 * (ends.hi - ends.lo).abs();
    value < ends.lo - tolerance || value > ends.hi + tolerance
}

/// The bin there, its weights, and the code and value they become.
fn place_ui(ui: &mut Ui, picture: &LayerPicture, range: &ShownRange, at: PlotPoint) {
    let theme = Theme::of(ui);
    let histogram = &picture.original;
    let bin_idx = ((at.x - histogram.lo) / histogram.bin_width()).floor();
    let bin_idx = (bin_idx >= 0.0).then_some(bin_idx as usize);
    let count = bin_idx.and_then(|bin_idx| Some((bin_idx, *histogram.counts.get(bin_idx)?)));
    let mut rows = Vec::new();
    if let Some((bin_idx, count)) = count {
        let (lo, hi) = (histogram.edge(bin_idx), histogram.edge(bin_idx + 1));
        rows.push(("Bin", format!("{} … {}", significant(lo, 3), significant(hi, 3)), theme.text));
        rows.push(("Weights", thousands(count as usize), theme.text));
        if picture.usage.is_some() && !is_spread(picture) {
            let count = picture.quantized.counts.get(bin_idx).copied().unwrap_or(0);
            rows.push(("Quantized weights", thousands(count as usize), theme.quantized));
        }
        let error = picture.profile.rounding.get(bin_idx).unwrap_or(&0.0)
            + picture.profile.clipping.get(bin_idx).unwrap_or(&0.0);
        let mse = picture.error.mse();
        if mse > 0.0 {
            rows.push(("Of the error", percent(error / mse, 1), theme.text));
        }
    }
    rows.push(("Value", significant(at.x, 4), theme.text));
    let mut clipped = None;
    if let Some(grid) = &picture.grid
        && let (Some(level), Some((lo, hi)), Some(steps)) =
            (grid.nearest(at.x), grid.bounds(), grid.end_steps())
    {
        rows.push(("Code", fixed(f64::from(level.code), 0), theme.text));
        rows.push(("Becomes", significant(f64::from(level.value), 4), theme.quantized));
        let (lo_step, hi_step) = (f64::from(steps.0), f64::from(steps.1));
        clipped =
            Some(at.x < f64::from(lo) - lo_step / 2.0 || at.x > f64::from(hi) + hi_step / 2.0);
    }
    figure_table(ui, "bin", rows);
    let is_outside = range.ends.is_some_and(|ends| is_beyond(ends, at.x));
    let note = match clipped {
        Some(true) => "Clipped: beyond the last level + half a step",
        Some(false) if is_outside => "Not clipped: less than half a step beyond the last level",
        _ => return,
    };
    ui.label(RichText::new(note).color(theme.label));
}
