//! A predictor against the harm that was measured: a point a layer.

use egui::{CursorIcon, Pos2, Rect, RichText, Stroke, Ui, WidgetInfo, vec2};
use egui_plot::{Axis, GridMark, Plot, PlotBounds, PlotPoint, PlotTransform};

use super::Content;
use super::figure::{HarmScale, Shown, Value};
use super::matrix::short;
use super::predict::{Picked, harm_shown, misjudged, predicted_text};
use crate::base::superscript;
use crate::eval::{Predictor, Sqnr};
use crate::session::Command;
use crate::ui::axis::{grid_marks, mark_text, plot_axis};
use crate::ui::labels;
use crate::ui::theme::{self, Theme};
use crate::ui::widgets::figure_table;

/// Less is no plot.
const LEAST_HEIGHT: f32 = 90.0;
/// How near the pointer must be to a point.
const REACH: f32 = 10.0;
const RADIUS: f32 = 3.5;
/// Of more points each is a small square.
const MANY: usize = 600;

/// A layer under a candidate.
struct Point {
    layer_idx: usize,
    column_idx: usize,
    at: [f64; 2],
    value: Value,
}

/// Draws the plot in the room that is left.
pub(super) fn scatter_ui(ui: &mut Ui, content: &Content, picked: Picked) {
    let theme = Theme::of(ui);
    if ui.available_height() < LEAST_HEIGHT {
        return;
    }
    let shown = harm_shown(content);
    let (scale, points) = points_of(content, picked, shown);
    let Some(bounds) = bounds_of(&points) else {
        let text = "No layer has both a prediction and a measured harm.";
        ui.label(RichText::new(text).color(theme.hint));
        return;
    };
    let title = |text: &str| RichText::new(text).font(theme::text(11.0)).color(theme.label);
    let unit = if shown.unit().is_empty() { String::new() } else { format!(", {}", shown.unit()) };
    ui.label(title(&format!("Measured harm, alone{unit} (log)")));
    let plot = framed_plot(ui, theme, (picked, scale, shown));
    let ground = ui.painter().add(egui::Shape::Noop);
    let drawn = plot.show(ui, |plot| plot.set_plot_bounds(bounds));
    let frame = *drawn.transform.frame();
    ui.painter().set(ground, egui::Shape::rect_filled(frame, 2, theme.background));
    drawn.response.widget_info(|| {
        let name = format!("Predicted and measured, {} points", points.len());
        WidgetInfo::labeled(egui::Role::Canvas, true, name)
    });
    let places = Places { transform: &drawn.transform };
    let hovered = drawn.response.hover_pos().and_then(|at| nearest(&points, &places, at));
    draw(ui, content, (&points, &places, frame), (picked, hovered));
    let Some(point) = hovered else { return };
    let response = drawn.response.on_hover_cursor(CursorIcon::PointingHand);
    if response.clicked()
        && let Some(idx) = content.digest.layers.get(point.layer_idx).copied().flatten()
    {
        content.ctx.send(Command::SelectLayer(idx));
    }
    response.on_hover_ui_at_pointer(|ui| hover_ui(ui, content, point, (picked, shown)));
}

fn framed_plot<'a>(
    ui: &Ui,
    theme: &Theme,
    (picked, scale, shown): (Picked, HarmScale, Shown),
) -> Plot<'a> {
    let predictor = picked.predictor();
    let is_log = predictor != Predictor::Sqnr;
    let x_name = match predictor {
        Predictor::Sqnr => "SQNR of the weights, dB",
        Predictor::Mse => "MSE of the weights (log)",
        Predictor::MseTrace => "MSE × Hessian trace, nats (log)",
    };
    let x_axis = plot_axis(Axis::X, theme, move |mark| match is_log {
        true => format!("10{}", superscript(mark.value.round() as i32)),
        false => mark_text(mark.value, mark.step_size),
    });
    let y_axis = plot_axis(Axis::Y, theme, move |mark| {
        let harm = scale.harm_at(mark.value);
        shown.harm_text(harm)
    });
    let title = RichText::new(x_name).font(theme::text(11.0)).color(theme.label);
    let width = ui.available_width();
    Plot::new("predicted and measured")
        .x_grid_spacer(move |input| match is_log {
            true => decades(input.bounds, width),
            false => grid_marks(input.bounds, width),
        })
        .y_grid_spacer(move |input| harm_marks(scale, input.bounds))
        .height((ui.available_height() - 2.0).max(60.0))
        .show_background(false)
        .grid_color(theme.grid)
        .allow_scroll(false)
        .allow_zoom(false)
        .allow_drag(false)
        .allow_boxed_zoom(false)
        .allow_double_click_reset(false)
        .custom_x_axes(vec![x_axis.label(title)])
        .custom_y_axes(vec![y_axis])
        .label_formatter(|_| None)
        .show_crosshair(false)
}

/// Powers of ten, as many as have room.
fn decades((lo, hi): (f64, f64), width: f32) -> Vec<GridMark> {
    let n_room = f64::from((width / 56.0).max(1.0));
    let step = ((hi - lo) / n_room).ceil().max(1.0);
    let first = (lo / step).ceil();
    let n = ((hi / step).floor() - first).clamp(-1.0, 100.0) as i64 + 1;
    let at = |k: i64| GridMark { value: (first + k as f64) * step, step_size: step };
    (0..n.max(0)).map(at).collect()
}

/// The harms of the legend, on both sides of none.
fn harm_marks(scale: HarmScale, (lo, hi): (f64, f64)) -> Vec<GridMark> {
    let marks = scale.marks();
    let step_size = scale.place(scale.most) / 4.0;
    let both = marks.iter().skip(1).map(|mark| -mark).chain(marks.iter().copied());
    let places = both.map(|harm| scale.place(harm)).filter(|at| (lo..=hi).contains(at));
    places.map(|value| GridMark { value, step_size }).collect()
}

fn points_of(content: &Content, picked: Picked, shown: Shown) -> (HarmScale, Vec<Point>) {
    let found = &content.digest.sensed.found;
    let predictor = picked.predictor();
    let x = |layer_idx: usize, column_idx: usize| {
        let cell = found.cell(layer_idx, column_idx)?;
        match predictor {
            Predictor::Sqnr => match cell.weights.sqnr() {
                Sqnr::Db(db) => Some(db),
                _ => None,
            },
            _ => {
                let value = found.predicted(predictor, (layer_idx, column_idx))?;
                Some(value.log10()).filter(|x| x.is_finite())
            }
        }
    };
    let columns = found.columns.iter().enumerate();
    let asked = columns.filter(|(idx, _)| picked.column.is_none_or(|column| column == *idx));
    let mut points: Vec<Point> = asked
        .flat_map(|(column_idx, column)| {
            (0..found.layers.len()).filter_map(move |layer_idx| {
                let value = shown.cell(found.cell(layer_idx, column_idx)?, column)?;
                let at = [x(layer_idx, column_idx)?, value.harm];
                value.harm.is_finite().then_some(Point { layer_idx, column_idx, at, value })
            })
        })
        .collect();
    let most = points.iter().map(|point| point.at[1].abs()).fold(0.0, f64::max);
    let scale = HarmScale::new(shown, most);
    points.iter_mut().for_each(|point| point.at[1] = scale.place(point.at[1]));
    (scale, points)
}

fn bounds_of(points: &[Point]) -> Option<PlotBounds> {
    points.first()?;
    let ends = |axis: usize| {
        let values = points.iter().map(move |point| point.at[axis]);
        let lo = values.clone().fold(f64::INFINITY, f64::min);
        let hi = values.fold(f64::NEG_INFINITY, f64::max);
        let margin = (0.07 * (hi - lo)).max(0.2);
        (lo - margin, hi + margin)
    };
    let (x, y) = (ends(0), ends(1));
    Some(PlotBounds::from_min_max([x.0, y.0], [x.1, y.1]))
}

struct Places<'a> {
    transform: &'a PlotTransform,
}

impl Places<'_> {
    fn at(&self, point: &Point) -> Pos2 {
        self.transform.position_from_point(&PlotPoint::new(point.at[0], point.at[1]))
    }
}

fn nearest<'a>(points: &'a [Point], places: &Places, pointer: Pos2) -> Option<&'a Point> {
    let away = |point: &Point| places.at(point).distance(pointer);
    let nearest = points.iter().min_by(|a, b| away(a).total_cmp(&away(b)))?;
    (away(nearest) <= REACH).then_some(nearest)
}

fn draw(
    ui: &Ui,
    content: &Content,
    (points, places, frame): (&[Point], &Places, Rect),
    (picked, hovered): (Picked, Option<&Point>),
) {
    let theme = Theme::of(ui);
    let painter = ui.painter().with_clip_rect(frame.intersect(ui.clip_rect()));
    let selected = content.ctx.session.selection().layer_idx;
    let is_selected =
        |point: &Point| content.digest.layers.get(point.layer_idx) == Some(&Some(selected));
    for point in points {
        let at = places.at(point);
        if points.len() > MANY {
            painter.rect_filled(Rect::from_center_size(at, vec2(3.0, 3.0)), 0, theme.original);
        } else {
            painter.circle_stroke(at, RADIUS, Stroke::new(1.0, theme.original));
        }
    }
    for point in points.iter().filter(|point| is_selected(point)) {
        painter.circle_filled(places.at(point), RADIUS + 0.5, theme.accent);
    }
    let pair = misjudged(content, picked);
    let is_pair = |point: &Point| {
        pair.is_some_and(|pair| {
            point.column_idx == pair.column_idx
                && [pair.worse, pair.better].contains(&point.layer_idx)
        })
    };
    for point in points.iter().filter(|point| is_pair(point)) {
        painter.circle_filled(places.at(point), RADIUS, theme.bad);
    }
    let same = |a: &Point, b: &Point| a.layer_idx == b.layer_idx && a.column_idx == b.column_idx;
    let is_hovered = |point: &Point| hovered.is_some_and(|hovered| same(hovered, point));
    let mut named: Vec<&Point> = points
        .iter()
        .filter(|point| {
            let is_shown = picked.column.is_some() && is_selected(point);
            is_hovered(point) || is_pair(point) || is_shown
        })
        .collect();
    named.sort_by_key(|point| (!is_hovered(point), !is_pair(point)));
    if let Some(point) = hovered {
        painter.circle_stroke(places.at(point), RADIUS + 3.0, Stroke::new(1.0, theme.text));
    }
    let galleys: Vec<_> = named
        .iter()
        .map(|point| {
            let layer = content.digest.sensed.found.layers.get(point.layer_idx);
            let name = layer.map_or("", |layer| layer.name.as_str());
            let ink = if is_hovered(point) { theme.text } else { theme.label };
            let room = (0.5 * frame.width()).max(40.0);
            crate::ui::short_name::fitted(&painter, name, (theme::text(11.0), ink), room)
        })
        .collect();
    let wanted: Vec<_> = named
        .iter()
        .zip(&galleys)
        .map(|(point, galley)| (places.at(point), 7.0, galley.size()))
        .collect();
    let found = labels::place(&wanted, &[], frame.shrink(2.0));
    for (galley, place) in galleys.into_iter().zip(found) {
        let Some(place) = place else { continue };
        painter.rect_filled(place.expand(1.0), 2, theme.background);
        painter.galley(place.min, galley, theme.label);
    }
}

fn hover_ui(ui: &mut Ui, content: &Content, point: &Point, (picked, shown): (Picked, Shown)) {
    let theme = Theme::of(ui);
    let found = &content.digest.sensed.found;
    let layer = found.layers.get(point.layer_idx).map_or("", |layer| layer.name.as_str());
    let at = found.columns.get(point.column_idx).map(|column| short(&column.choice));
    let title = format!("{layer} at {}", at.unwrap_or_default());
    ui.label(RichText::new(title).font(theme::title(12.0)).color(theme.text));
    let predictor = picked.predictor();
    let place = (point.layer_idx, point.column_idx);
    let predicted = predicted_text(content, predictor, place);
    let name = match predictor {
        Predictor::Sqnr => "SQNR",
        Predictor::Mse => "MSE",
        Predictor::MseTrace => "MSE × Hessian trace",
    };
    let rows = [(name, predicted), ("Measured, alone", shown.full_text(point.value))];
    figure_table(ui, "point", rows.map(|(name, value)| (name, value, theme.text)));
    ui.label(RichText::new("Click to show the layer.").color(theme.hint));
}
