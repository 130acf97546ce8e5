//! Signal-to-noise ratio over bits per weight: a mark a scheme, a curve where its bits can be
//! chosen, and the limits.

use egui::{CursorIcon, Pos2, Rect, RichText, Sense, Stroke, Ui, WidgetInfo, vec2};
use egui_plot::{Axis, Line, Plot, PlotBounds, PlotPoint, PlotPoints, PlotTransform, PlotUi};

use super::marks::{Limit, colour_of, draw_mark, draw_present};
use super::rows::Row;
use super::specs::{families, short_name};
use super::{Content, detail};
use crate::base::fixed;
use crate::eval::DB_PER_BIT;
use crate::ui::axis::{grid_marks, mark_text, plot_axis};
use crate::ui::labels;
use crate::ui::state_view;
use crate::ui::theme::{self, Theme};
use crate::ui::widgets::legend_entry_ui;

/// Name for screen readers and tests.
const NAME: &str = "Rate–distortion plot";
/// How near the pointer must be to a mark.
const REACH: f32 = 12.0;
/// Of a scheme as it is compared, and of the other bits of its curve.
const MAIN_RADIUS: f32 = 5.0;
const CURVE_RADIUS: f32 = 2.6;
/// Names drawn beside marks at most.
const MAX_LABELS: usize = 40;
/// More bits than this stand at the edge, with their number: such as where a layer's rows are filled
/// up to whole blocks, they would squeeze all others.
const MAX_BITS: f64 = 12.0;
/// From the right edge to the marks beyond it.
const EDGE: f32 = 9.0;
/// Between marks there, at least.
const EDGE_PITCH: f32 = 18.0;

/// Which part of the plot is in view, and what is pointed at.
#[derive(Default)]
pub(super) struct PlotView {
    /// Whether a person moved or zoomed it; otherwise everything is in view.
    is_moved: bool,
    /// The layer it was moved for.
    layer_idx: usize,
    /// Scheme under the pointer in the last frame: its curve stands out.
    hovered_scheme: Option<&'static str>,
}

/// What a person did to a mark.
pub(super) enum Deed {
    Pick(Row),
    Apply(Row),
}

/// A row with its place in the plot.
struct Mark<'a> {
    row: &'a Row,
    at: [f64; 2],
    /// Whether it lies farther right than the plot reaches.
    is_beyond: bool,
    /// As it is compared, not another point of its curve.
    is_main: bool,
    /// Points it is moved down from its place, to keep apart from others at the edge.
    shift: f32,
}

/// Draws legend and plot.
pub(super) fn plot_ui(ui: &mut Ui, content: &Content, view: &mut PlotView) -> Option<Deed> {
    if view.layer_idx != content.layer_idx {
        *view = PlotView { layer_idx: content.layer_idx, ..PlotView::default() };
    }
    legend_ui(ui, content, view);
    let mut marks = marks_of(content);
    let Some(whole) = bounds_of(content, &marks) else {
        nothing_ui(ui, content);
        return None;
    };
    if !view.is_moved {
        marks.iter_mut().for_each(|mark| mark.is_beyond = mark.at[0] > whole.max()[0]);
        // Of a curve only what is compared has a place at the edge.
        marks.retain(|mark| mark.is_main || !mark.is_beyond);
    }
    y_title_ui(ui);
    let plot = framed_plot(ui);
    let theme = Theme::of(ui);
    let ground = ui.painter().add(egui::Shape::Noop);
    let drawn = plot.show(ui, |plot| {
        let bounds = if view.is_moved { plot.plot_bounds() } else { whole };
        if !view.is_moved {
            plot.set_plot_bounds(whole);
        }
        draw_limits(plot, content, bounds, theme);
        draw_curves(plot, content, view.hovered_scheme, theme);
    });
    view.is_moved |= differs(drawn.transform.bounds(), &whole);
    let n_marks = content.rows.iter().filter(|row| row.point().is_some()).count();
    drawn.response.widget_info(|| {
        WidgetInfo::labeled(egui::Role::Canvas, true, format!("{NAME}, {n_marks} schemes"))
    });
    let frame = *drawn.transform.frame();
    ui.painter().set(ground, egui::Shape::rect_filled(frame, 2, theme.background));
    let pointer = drawn.response.hover_pos();
    let places = Places { transform: &drawn.transform, frame };
    spread_edge(&mut marks, &places);
    let hovered = pointer.and_then(|at| nearest(&marks, &places, at));
    view.hovered_scheme = hovered.map(|mark| mark.row.choice.scheme().id());
    let is_beyond = present_point(content).is_some_and(|at| at[0] > whole.max()[0]);
    let is_at_edge = is_beyond && !view.is_moved;
    Sketch { content, marks: &marks, places, hovered, is_at_edge }.draw(ui);
    if drawn.response.double_clicked() && hovered.is_none() {
        view.is_moved = false;
    }
    let mark = hovered?;
    let response = drawn.response.on_hover_cursor(CursorIcon::PointingHand);
    let deed = if response.double_clicked() {
        Some(Deed::Apply(mark.row.clone()))
    } else {
        response.clicked().then(|| Deed::Pick(mark.row.clone()))
    };
    response.on_hover_ui_at_pointer(|ui| detail::hover_ui(ui, content, mark.row));
    deed
}

/// Families, limits and the present setting, with what they mean.
fn legend_ui(ui: &mut Ui, content: &Content, view: &mut PlotView) {
    let theme = Theme::of(ui);
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = vec2(12.0, 0.0);
        for (family, schemes) in families() {
            let is_shown = |row: &Row| row.choice.scheme().family() == family;
            if !content.rows.iter().any(is_shown) {
                continue;
            }
            let names: Vec<&str> = schemes.iter().map(|scheme| scheme.name()).collect();
            let help = format!("{}: {}", family.name(), names.join(", "));
            legend_entry_ui(ui, (family.name(), &help), |painter, rect| {
                draw_mark(painter, family, (rect.center(), 5.0), colour_of(family, theme));
            });
        }
        if content.limits.is_some() {
            for limit in Limit::ALL {
                legend_entry_ui(ui, (limit.name(), limit.help()), |painter, rect| {
                    limit.draw_sample(painter, rect, theme);
                });
            }
        } else if content.original.is_some() {
            let help = "A bound needs weights that vary: σ² > 0";
            let text = RichText::new("no bounds: the weights are all the same");
            ui.label(text.color(theme.hint)).on_hover_text(help);
        }
        let help = format!("How the layer is quantized now: {}", content.present.spec);
        let now =
            if present_point(content).is_some() { "in use" } else { "in use: not in the plot" };
        legend_entry_ui(ui, (now, &help), |painter, rect| {
            painter.circle_stroke(rect.center(), 5.5, Stroke::new(2.0, theme.accent));
        });
        if view.is_moved {
            let button = ui.small_button("Show all");
            let help = "Everything in view again; a double click beside the marks does the same";
            view.is_moved = !button.on_hover_text(help).clicked();
        }
    });
}

/// Every point that has bits and decibels, those of the table last, so that they lie on top.
fn marks_of<'a>(content: &'a Content) -> Vec<Mark<'a>> {
    let mark = |row: &'a Row, is_main| {
        Some(Mark { row, at: row.point()?, is_beyond: false, is_main, shift: 0.0 })
    };
    let is_main = |row: &Row| content.rows.iter().any(|other| other.spec == row.spec);
    let of_curves = content.curves.iter().flatten().filter(|row| !is_main(row));
    let mut marks: Vec<Mark> = of_curves.filter_map(|row| mark(row, false)).collect();
    let in_use = content.in_use.iter().filter(|row| !is_main(row));
    marks.extend(in_use.chain(&content.rows).filter_map(|row| mark(row, true)));
    marks
}

fn present_point(content: &Content) -> Option<[f64; 2]> {
    Some([content.present.bits_per_weight?, content.present.sqnr?.db()?])
}

/// All marks with a margin, but none beyond [`MAX_BITS`] while there are others; `None` without any.
fn bounds_of(content: &Content, marks: &[Mark]) -> Option<PlotBounds> {
    let points = || marks.iter().map(|mark| mark.at).chain(present_point(content));
    marks.first()?;
    let ends = |axis: usize| {
        let values = points().map(move |at| at[axis]);
        let lo = values.clone().fold(f64::INFINITY, f64::min);
        (lo, values.fold(f64::NEG_INFINITY, f64::max))
    };
    let ((left, right), (low, high)) = (ends(0), ends(1));
    let (x_margin, y_margin) = ((0.06 * (right - left)).max(0.4), (0.06 * (high - low)).max(2.0));
    let min = [(left - x_margin).max(0.0), low - y_margin];
    let right = match right > MAX_BITS && left < MAX_BITS {
        true => MAX_BITS + 0.4,
        false => right + x_margin,
    };
    Some(PlotBounds::from_min_max(min, [right, high + y_margin]))
}

fn differs(found: &PlotBounds, wanted: &PlotBounds) -> bool {
    let far = |a: f64, b: f64, span: f64| (a - b).abs() > 1e-6 * span;
    (0..2).any(|axis| {
        let span = wanted.max()[axis] - wanted.min()[axis];
        far(found.min()[axis], wanted.min()[axis], span)
            || far(found.max()[axis], wanted.max()[axis], span)
    })
}

/// Where no scheme has a place in the plot: why.
fn nothing_ui(ui: &mut Ui, content: &Content) {
    if content.rows.iter().any(|row| row.entry.is_none()) {
        return state_view::pending_ui(ui, "Comparing", content.progress);
    }
    let refusals = content.rows.iter().filter_map(Row::refusal);
    let hint = match refusals.clone().next() {
        Some(reason) if refusals.count() == content.rows.len() => {
            format!("Every scheme refuses these weights: {reason}.")
        }
        _ => "No scheme makes an error that can be measured in dB: the table tells what each does."
            .to_owned(),
    };
    state_view::empty_ui(ui, "Nothing to plot", &hint);
}

fn title(text: &str, theme: &Theme) -> RichText {
    RichText::new(text).font(theme::text(11.0)).color(theme.label)
}

/// Above its axis, as in all drawings.
fn y_title_ui(ui: &mut Ui) {
    ui.horizontal(|ui| {
        ui.add_space(4.0);
        ui.label(title("SQNR, dB", Theme::of(ui)));
    });
}

fn framed_plot<'a>(ui: &Ui) -> Plot<'a> {
    let theme = Theme::of(ui);
    let x_axis = plot_axis(Axis::X, theme, |mark| mark_text(mark.value, mark.step_size));
    let y_axis = plot_axis(Axis::Y, theme, |mark| mark_text(mark.value, mark.step_size));
    let (width, height) = (ui.available_width(), ui.available_height());
    Plot::new("rate and distortion")
        .x_grid_spacer(move |input| {
            let (lo, hi) = input.bounds;
            let mut marks = grid_marks(input.bounds, width);
            // A number at the very edge would be cut.
            marks.retain(|mark| (hi - mark.value) * f64::from(width) > 10.0 * (hi - lo));
            marks
        })
        .y_grid_spacer(move |input| grid_marks(input.bounds, height))
        .height((ui.available_height() - 4.0).max(60.0))
        .show_background(false)
        .grid_color(theme.grid)
        .allow_scroll(false)
        .allow_boxed_zoom(false)
        .allow_double_click_reset(false)
        .custom_x_axes(vec![
            x_axis.label(title("Bits per weight, everything stored counted", theme)),
        ])
        .custom_y_axes(vec![y_axis])
        .label_formatter(|_| None)
        .show_crosshair(false)
}

/// The limits as far as they are in view.
fn draw_limits(plot: &mut PlotUi, content: &Content, bounds: PlotBounds, theme: &Theme) {
    let Some(limits) = &content.limits else { return };
    let (left, right) = (bounds.min()[0].max(0.0), bounds.max()[0]);
    for limit in Limit::ALL {
        let offset = limit.offset_db(limits);
        let points = [left, right].map(|bits| [bits, offset + DB_PER_BIT * bits]);
        let line = Line::new(limit.name(), PlotPoints::from(points.to_vec()))
            .stroke(limit.stroke(theme))
            .style(limit.style())
            .allow_band(false)
            .allow_hover(false);
        plot.line(line);
    }
}

fn draw_curves(plot: &mut PlotUi, content: &Content, hovered: Option<&str>, theme: &Theme) {
    for curve in &content.curves {
        let Some(scheme) = curve.first().map(|row| row.choice.scheme()) else { continue };
        let (width, strength) = match hovered {
            Some(id) if id == scheme.id() => (2.0, 1.0),
            Some(_) => (1.0, 0.3),
            None => (1.0, 0.75),
        };
        let ink = colour_of(scheme.family(), theme).gamma_multiply(strength);
        let points: Vec<[f64; 2]> = curve.iter().filter_map(Row::point).collect();
        let line = Line::new(scheme.id(), PlotPoints::from(points))
            .stroke(Stroke::new(width, ink))
            .allow_band(false)
            .allow_hover(false);
        plot.line(line);
    }
}

/// Where points of the plot lie on the screen.
#[derive(Clone, Copy)]
struct Places<'a> {
    transform: &'a PlotTransform,
    frame: Rect,
}

impl Places<'_> {
    fn point(&self, at: [f64; 2]) -> Pos2 {
        self.transform.position_from_point(&PlotPoint::new(at[0], at[1]))
    }

    /// Of a mark; one beyond the right edge stands at it.
    fn mark(&self, mark: &Mark) -> Pos2 {
        let at = self.point(mark.at);
        match mark.is_beyond {
            true => egui::pos2(self.frame.right() - EDGE, at.y + mark.shift),
            false => at,
        }
    }
}

/// Moves marks at the right edge apart, so that each has room for its name.
fn spread_edge(marks: &mut [Mark], places: &Places) {
    let y_of = |mark: &Mark| places.point(mark.at).y;
    let mut edge: Vec<&mut Mark> = marks.iter_mut().filter(|mark| mark.is_beyond).collect();
    edge.sort_by(|a, b| y_of(a).total_cmp(&y_of(b)));
    let mut least = places.frame.top() + EDGE;
    for mark in &mut edge {
        let y = y_of(mark).max(least);
        mark.shift = y - y_of(mark);
        least = y + EDGE_PITCH;
    }
    let mut most = places.frame.bottom() - EDGE;
    for mark in edge.iter_mut().rev() {
        let y = (y_of(mark) + mark.shift).min(most);
        mark.shift = y - y_of(mark);
        most = y - EDGE_PITCH;
    }
}

/// The mark nearest to the pointer, if one is near; of two at one place that of the table.
fn nearest<'a, 'b>(marks: &'b [Mark<'a>], places: &Places, pointer: Pos2) -> Option<&'b Mark<'a>> {
    let distance = |mark: &Mark| {
        let away = places.mark(mark).distance(pointer);
        if mark.is_main { away } else { away + 1.5 }
    };
    let nearest = marks.iter().min_by(|a, b| distance(a).total_cmp(&distance(b)))?;
    (distance(nearest) <= REACH).then_some(nearest)
}

/// What is drawn over the lines.
struct Sketch<'a> {
    content: &'a Content<'a>,
    marks: &'a [Mark<'a>],
    places: Places<'a>,
    hovered: Option<&'a Mark<'a>>,
    /// Whether what is in use lies beyond the right edge.
    is_at_edge: bool,
}

impl Sketch<'_> {
    fn draw(&self, ui: &Ui) {
        let theme = Theme::of(ui);
        let frame = self.places.frame;
        let painter = ui.painter().with_clip_rect(frame.intersect(ui.clip_rect()));
        for mark in self.marks {
            let at = self.places.mark(mark);
            let family = mark.row.choice.scheme().family();
            let radius = if mark.is_main { MAIN_RADIUS } else { CURVE_RADIUS };
            if self.is_picked(mark) {
                painter.circle_filled(at, radius + 5.0, theme.selected);
                painter.circle_stroke(at, radius + 5.0, Stroke::new(1.0, theme.accent));
            } else if self.is_hovered(mark) {
                painter.circle_filled(at, radius + 5.0, theme.hover);
            }
            draw_mark(&painter, family, (at, radius), colour_of(family, theme));
            if frame.contains(at) {
                self.tell(ui, mark, at);
            }
        }
        if let Some(at) = self.present() {
            draw_present(&painter, at, theme);
        }
        self.draw_names(ui, &painter);
    }

    /// Where the ring around what is in use is drawn.
    fn present(&self) -> Option<Pos2> {
        let at = self.places.point(present_point(self.content)?);
        if !self.is_at_edge {
            return Some(at);
        }
        let spec = &self.content.present.spec;
        let mark = self.marks.iter().find(|mark| mark.is_beyond && mark.row.spec == *spec);
        let at_edge = egui::pos2(self.places.frame.right() - EDGE, at.y);
        Some(mark.map_or(at_edge, |mark| self.places.mark(mark)))
    }

    fn is_picked(&self, mark: &Mark) -> bool {
        self.content.picked == Some(mark.row.spec.as_str())
    }

    fn is_hovered(&self, mark: &Mark) -> bool {
        self.hovered.is_some_and(|hovered| hovered.row.spec == mark.row.spec)
    }

    /// The mark in words for a screen reader.
    fn tell(&self, ui: &Ui, mark: &Mark, at: Pos2) {
        let id = ui.scope_id().with(("mark", &mark.row.spec));
        let area = Rect::from_center_size(at, vec2(8.0, 8.0));
        let response = ui.interact(area, id, Sense::hover());
        response.widget_info(|| {
            let [bits, db] = mark.at;
            let name = short_name(&mark.row.choice);
            let text = format!("{name}: {} bits per weight, {} dB", fixed(bits, 2), fixed(db, 2));
            WidgetInfo::labeled(egui::Role::Label, true, text)
        });
    }

    /// The marks with names, those first in line first: what is pointed at, what is picked, what
    /// lies beyond the edge, the best, and of the others those that stand farthest apart.
    fn named(&self) -> Vec<(usize, &Mark<'_>)> {
        let points: Vec<[f64; 2]> = self.marks.iter().map(|mark| mark.at).collect();
        let front = labels::front(&points);
        let rank = |idx: usize, mark: &Mark| match (self.is_hovered(mark), self.is_picked(mark)) {
            (true, _) => 0,
            (_, true) => 1,
            _ if mark.is_beyond => 2,
            _ if front.contains(&idx) => 3,
            _ => 4,
        };
        let mains: Vec<Pos2> =
            self.marks.iter().filter(|mark| mark.is_main).map(|m| self.places.mark(m)).collect();
        let room = |mark: &Mark| {
            let at = self.places.mark(mark);
            let others = mains.iter().map(|other| other.distance(at)).filter(|away| *away > 0.5);
            others.fold(f32::INFINITY, f32::min)
        };
        let mut named: Vec<(usize, f32, &Mark)> = self
            .marks
            .iter()
            .enumerate()
            .map(|(idx, mark)| (rank(idx, mark), room(mark), mark))
            .filter(|(rank, _, mark)| mark.is_main || *rank < 2)
            .filter(|(_, _, mark)| self.places.frame.contains(self.places.mark(mark)))
            .collect();
        named.sort_by(|a, b| a.0.cmp(&b.0).then(b.1.total_cmp(&a.1)));
        named.into_iter().map(|(rank, _, mark)| (rank, mark)).collect()
    }

    /// Names beside the marks as far as there is room.
    fn draw_names(&self, ui: &Ui, painter: &egui::Painter) {
        let theme = Theme::of(ui);
        let named = self.named();
        let galleys: Vec<_> = named
            .iter()
            .map(|(rank, mark)| {
                let ink = if *rank < 2 { theme.text } else { theme.label };
                let name = short_name(&mark.row.choice);
                let text = match mark.is_beyond {
                    true => format!("{name} → {} bits", fixed(mark.at[0], 1)),
                    false => name,
                };
                painter.layout_no_wrap(text, theme::text(11.0), ink)
            })
            .collect();
        let ring = self.present().map(|at| Rect::from_center_size(at, vec2(20.0, 20.0)));
        let wanted: Vec<_> = named
            .iter()
            .zip(&galleys)
            .map(|((_, mark), galley)| {
                let at = self.places.mark(mark);
                let is_ringed = ring.is_some_and(|ring| ring.center().distance(at) < 8.0);
                (at, if is_ringed { 13.0 } else { 9.0 }, galley.size())
            })
            .collect();
        let taken = self.marks.iter().map(|mark| {
            let radius = if mark.is_main { MAIN_RADIUS } else { CURVE_RADIUS };
            Rect::from_center_size(self.places.mark(mark), vec2(1.6, 1.6) * radius)
        });
        let taken: Vec<Rect> = taken.chain(ring).collect();
        let places = labels::place(&wanted, &taken, self.places.frame.shrink2(vec2(4.0, 2.0)));
        let placed = galleys.into_iter().zip(places).filter_map(|(g, place)| Some((g, place?)));
        for (galley, place) in placed.take(MAX_LABELS) {
            painter.rect_filled(place.expand(1.0), 2, theme.background);
            painter.galley(place.min, galley, theme.label);
        }
    }
}
