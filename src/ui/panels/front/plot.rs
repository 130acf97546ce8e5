//! Size against worth: a mark a recipe, the front as a stepped line, float as a band.

use egui::{CursorIcon, RichText, Shape, Ui, WidgetInfo};
use egui_plot::{Axis, Plot, PlotBounds};

use super::marks;
use super::range::good_range;
use super::recipes::{Recipe, SizeBy, WorthBy, goodness};
use super::sketch::{Places, Sketch, nearest};
use super::{Content, Deed, Marked, detail};
use crate::eval::Metric;
use crate::session::Origin;
use crate::ui::accuracy_text::metric_name;
use crate::ui::axis::{grid_marks, mark_text, plot_axis};
use crate::ui::theme::{self, Theme};

/// Of more recipes, those pinned, uniform and on the front, and the newest.
const MAX_POINTS: usize = 400;

/// Which part of the plot is in view, and what has a menu.
#[derive(Default)]
pub(super) struct PlotView {
    /// Whether a person moved or zoomed it; otherwise most points are in view.
    is_moved: bool,
    axes: Option<(SizeBy, WorthBy)>,
    /// The recipe whose menu is open.
    menu: Option<u64>,
}

/// Draws legend and plot; what was done, and what is pointed at.
pub(super) fn plot_ui(
    ui: &mut Ui,
    content: &Content,
    (view, marked): (&mut PlotView, Marked),
) -> (Option<Deed>, Option<u64>) {
    let axes = Some((content.size_by, content.worth_by));
    if view.axes != axes {
        *view = PlotView { axes, ..PlotView::default() };
    }
    ui.add_space(4.0);
    ui.horizontal_wrapped(|ui| {
        ui.add_space(theme::PANEL_MARGIN);
        marks::legend_ui(ui, content);
        if view.is_moved {
            let help =
                "Back to where most recipes lie; a double click beside the marks does the same";
            view.is_moved = !ui.small_button("Show all").on_hover_text(help).clicked();
        }
    });
    let points = points_of(content);
    let Some(whole) = bounds_of(content, &points) else { return (None, None) };
    y_title_ui(ui, content);
    let theme = Theme::of(ui);
    let ground = ui.painter().add(Shape::Noop);
    let drawn = framed_plot(ui, content).show(ui, |plot| {
        if !view.is_moved {
            plot.set_plot_bounds(whole);
        }
    });
    view.is_moved |= differs(drawn.transform.bounds(), &whole);
    let frame = *drawn.transform.frame();
    ui.painter().set(ground, Shape::rect_filled(frame, 2, theme.background));
    let n = points.len();
    drawn.response.widget_info(|| {
        let name = format!("Size against accuracy, {n} recipes");
        WidgetInfo::labeled(egui::Role::Canvas, true, name)
    });
    let scale = scale_of(content);
    let places = Places { transform: &drawn.transform, frame, clamps: !view.is_moved, scale };
    let response = drawn.response;
    let hovered = response.hover_pos().and_then(|at| nearest(&points, &places, at));
    let sketch = Sketch { content, points: &points, places, marked, hovered };
    sketch.draw(ui);
    if response.double_clicked() && hovered.is_none() {
        view.is_moved = false;
    }
    if response.secondary_clicked() {
        view.menu = hovered.map(|recipe| recipe.tried.id);
    }
    if let Some(recipe) = view.menu.and_then(|id| content.recipes.get(id)) {
        response.context_menu(|ui| detail::menu_ui(ui, content, recipe));
    }
    let Some(recipe) = hovered else { return (None, None) };
    let id = recipe.tried.id;
    let deed = response.clicked().then_some(Deed::Restore(id));
    let response = response.on_hover_cursor(CursorIcon::PointingHand);
    if !response.context_menu_opened() {
        response.on_hover_ui_at_pointer(|ui| detail::hover_ui(ui, content, recipe));
    }
    (deed, Some(id))
}

/// Those that are drawn, the ones that matter last, on top.
fn points_of<'a>(content: &'a Content) -> Vec<&'a Recipe<'a>> {
    let recipes = content.recipes;
    let rank = |recipe: &Recipe| {
        if recipes.is_present(recipe) {
            return 4;
        }
        match recipe.tried.origin {
            _ if recipe.tried.is_pinned => 3,
            _ if recipe.is_front => 2,
            Origin::Uniform => 1,
            Origin::ByHand | Origin::Proposed => 0,
        }
    };
    let mut points: Vec<&Recipe> =
        recipes.list.iter().filter(|recipe| recipe.y.is_some()).collect();
    // The newest of the same rank last.
    points.sort_by_key(|recipe| rank(recipe));
    let n_over = points.len().saturating_sub(MAX_POINTS);
    let n_plain = points.iter().filter(|recipe| rank(recipe) == 0).count();
    points.drain(..n_over.min(n_plain));
    points
}

/// Over all points but those far off.
fn bounds_of(content: &Content, points: &[&Recipe]) -> Option<PlotBounds> {
    let is_share = content.text.metric != Metric::Perplexity;
    let now = content.now;
    let ys = points.iter().filter_map(|recipe| Some(recipe.y?.value));
    let ys = ys.chain(now.map(|now| now.y.value)).chain(content.float.map(|float| float.value));
    let ends = content.float.into_iter().chain(now.map(|now| now.y));
    let ends = ends.flat_map(|estimate| [estimate.ci95.0, estimate.ci95.1]);
    let towards = goodness(content.recipes.metric, content.worth_by);
    let least = if is_share { 0.01 } else { 0.02 * content.float.map_or(1.0, |f| f.value) };
    let (lo, hi) = good_range(ys, ends, (towards, least))?;
    let xs = points.iter().map(|recipe| recipe.x).chain(now.map(|now| now.x));
    let most = xs.clone().fold(0.0, f64::max);
    let (left, right) = good_range(xs, std::iter::empty(), (-1.0, (0.02 * most).max(1e-3)))?;
    let y = scale_of(content).1;
    let x = scale_of(content).0;
    Some(PlotBounds::from_min_max([left.max(0.0) * x, lo * y], [right * x, hi * y]))
}

/// Factors from bytes or bits, and shares or perplexities, to what the axes count.
fn scale_of(content: &Content) -> (f64, f64) {
    let largest = content.recipes.list.iter().map(|recipe| recipe.x).fold(0.0, f64::max);
    let x = match content.size_by {
        SizeBy::BitsPerWeight => 1.0,
        SizeBy::Bytes if largest < 1e6 => 1e-3,
        SizeBy::Bytes => 1e-6,
    };
    let y = if content.text.metric == Metric::Perplexity { 1.0 } else { 100.0 };
    (x, y)
}

fn differs(found: &PlotBounds, wanted: &PlotBounds) -> bool {
    let far = |a: f64, b: f64, span: f64| (a - b).abs() > 1e-6 * span;
    (0..2).any(|axis| {
        let span = wanted.max()[axis] - wanted.min()[axis];
        far(found.min()[axis], wanted.min()[axis], span)
            || far(found.max()[axis], wanted.max()[axis], span)
    })
}

fn small(text: &str, theme: &Theme) -> RichText {
    RichText::new(text).font(theme::text(11.0)).color(theme.label)
}

/// Above its axis, as in all drawings.
fn y_title_ui(ui: &mut Ui, content: &Content) {
    let theme = Theme::of(ui);
    let class = content.ctx.session.critical_class().unwrap_or_default();
    let what = match content.worth_by {
        WorthBy::Critical => format!("Recall of {class}, %"),
        WorthBy::Metric if content.recipes.metric == Metric::Perplexity => {
            "Perplexity, less is better".to_owned()
        }
        WorthBy::Metric => format!("{}, %", metric_name(content.recipes.metric)),
    };
    ui.horizontal(|ui| {
        ui.add_space(theme::PANEL_MARGIN);
        ui.label(small(&what, theme));
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            ui.add_space(theme::PANEL_MARGIN);
            ui.label(small("click restores", theme));
        });
    });
}

fn framed_plot<'a>(ui: &Ui, content: &Content) -> Plot<'a> {
    let theme = Theme::of(ui);
    let x_axis = plot_axis(Axis::X, theme, |mark| mark_text(mark.value, mark.step_size));
    let y_axis = plot_axis(Axis::Y, theme, |mark| mark_text(mark.value, mark.step_size));
    let title = match content.size_by {
        SizeBy::BitsPerWeight => "Bits per weight, everything stored counted",
        SizeBy::Bytes if scale_of(content).0 < 1e-4 => "Stored size, MB",
        SizeBy::Bytes => "Stored size, kB",
    };
    let (width, height) = (ui.available_width(), ui.available_height());
    Plot::new("size and worth")
        .x_grid_spacer(move |input| grid_marks(input.bounds, width))
        .y_grid_spacer(move |input| grid_marks(input.bounds, height))
        .height((height - 4.0).max(60.0))
        .width((width - theme::PANEL_MARGIN).max(60.0))
        .show_background(false)
        .grid_color(theme.grid)
        .allow_scroll(false)
        .allow_boxed_zoom(false)
        .allow_double_click_reset(false)
        .custom_x_axes(vec![x_axis.label(small(title, theme))])
        .custom_y_axes(vec![y_axis])
        .label_formatter(|_| None)
        .show_crosshair(false)
}
