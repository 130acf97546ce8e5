//! The curve of the error with the estimators' choices as lines, each under its name.

use egui::{Align2, CursorIcon, Rect, Response, Sense, Shape, Stroke, Ui, WidgetInfo, pos2, vec2};

use super::Shown;
use crate::base::{percent, scientific, significant};
use crate::quant::ChoiceSpec;
use crate::session::{ClipPoint, Gesture};
use crate::ui::axis::mark_text;
use crate::ui::chart::{Chart, Spread, Titles};
use crate::ui::range_name::range_name;
use crate::ui::theme::{self, Theme};
use crate::ui::widgets::{figure_table, gesture_of};

/// What a person does with the plot.
pub(super) enum Act {
    Use(&'static ChoiceSpec),
    /// The threshold by hand.
    Clip(f64, Gesture),
}

const LABEL_HEIGHT: f32 = 17.0;
const LABEL_GAP: f32 = 8.0;
/// Between names whose lines are one, for the sign that says so.
const LINK_WIDTH: f32 = 16.0;
/// Such names take a second lane beyond this width.
const MAX_CHAIN: f32 = 640.0;
/// Of a dashed line: what is drawn and what is left out.
const DASH: (f32, f32) = (5.0, 3.0);
/// How near a line a press is one on it.
const REACH: f32 = 5.0;
/// Below the numbers of the x axis stand their shares.
const SHARES_HEIGHT: f32 = 16.0;

/// Draws it; what a person did.
pub(super) fn plot_ui(
    ui: &mut Ui,
    shown: &Shown,
    (size, spread): (egui::Vec2, Spread),
    held: Option<f64>,
) -> Option<Act> {
    let theme = Theme::of(ui);
    let (room, _) = ui.allocate_exact_size(size, Sense::hover());
    let legend = Rect::from_min_size(room.min, vec2(room.width(), 18.0));
    legend_ui(ui, legend);
    let largest = shown.estimates.choices.iter().map(|choice| choice.threshold);
    let reach = largest.chain(shown.by_hand).chain(held).fold(shown.estimates.absmax, f64::max);
    let x = (0.0, (1.03 * reach).min(1.6 * shown.estimates.absmax));
    let room_below = room.with_min_y(legend.bottom());
    let y = y_bounds(shown, spread);
    let labels = place_labels(ui, shown, &Chart::new(room_below, x, y, spread));
    let n_lanes = labels.iter().map(|label| label.lane + 1).max().unwrap_or(0);
    let top = room_below.top() + n_lanes as f32 * LABEL_HEIGHT;
    let chart = Chart::new(
        room_below.with_min_y(top).with_max_y(room_below.bottom() - SHARES_HEIGHT),
        x,
        y,
        spread,
    );
    if !chart.has_room() {
        return None;
    }
    let titles = Titles { x: "", y: "Mean squared error", y_text: error_text };
    chart.draw(ui.painter(), theme, &titles);
    draw_shares(ui, shown, &chart, room.bottom());
    draw_curves(ui, shown, &chart, y);
    let response = curve_response(ui, shown, &chart);
    let mut act = pointer_act(ui, shown, &chart, &response);
    for label in &labels {
        draw_line(ui, shown, &chart, label, room_below.top());
    }
    for label in &labels {
        if label_ui(ui, shown, label, room_below.top()) {
            act = Some(Act::Use(label.way));
        }
    }
    draw_points(ui, shown, &chart);
    if let Some(threshold) = held.or(shown.by_hand) {
        by_hand_ui(ui, &chart, threshold);
    }
    act
}

/// One notation for the whole axis, whatever the size of a number.
fn error_text(mark: f64, step: f64) -> String {
    let is_zero = mark.abs() < step * 1e-6;
    match step > 0.0 {
        true if is_zero || step >= 1e-4 => mark_text(mark, step),
        true => scientific(mark, 2),
        false => scientific(mark, 1),
    }
}

/// From the least to the most that matters: where clipping alone counts the curve may leave it.
fn y_bounds(shown: &Shown, spread: Spread) -> (f64, f64) {
    let curve = &shown.estimates.curve;
    let totals = || curve.iter().map(ClipPoint::total).filter(|error| *error > 0.0);
    let choices = || shown.estimates.choices.iter().map(|choice| choice.mse);
    let least = totals().chain(choices().filter(|mse| *mse > 0.0)).fold(f64::INFINITY, f64::min);
    let most = totals().fold(0.0, f64::max);
    let chosen = choices().fold(least, f64::max);
    match spread {
        Spread::Log => (least / 4.0, (chosen * 3.0).max(least * 30.0).min(most * 1.5)),
        Spread::Linear => (0.0, (chosen * 1.6).max(least * 6.0).min(most * 1.05)),
    }
}

/// An estimator's name over its line.
struct Label {
    way: &'static ChoiceSpec,
    text: String,
    x: f32,
    /// Between it and the name before it in its lane, where their lines are one.
    link: &'static str,
    left: f32,
    width: f32,
    lane: usize,
}

/// Names in as few lanes as keep them apart, from left to right; those whose lines are one stand in
/// one lane.
fn place_labels(ui: &Ui, shown: &Shown, chart: &Chart) -> Vec<Label> {
    let width_of = |text: &str| {
        let ink = Theme::of(ui).text;
        ui.painter().layout_no_wrap(text.to_owned(), theme::text(11.0), ink).size().x
    };
    let choices = shown.estimates.choices.iter().enumerate();
    let mut labels: Vec<(Label, f64)> = choices
        .map(|(idx, choice)| {
            let sign = if shown.best == Some(idx) { "✓ " } else { "" };
            let text = format!("{sign}{}", range_name(shown.choice, choice.way));
            let (x, width) = (chart.x.x(choice.threshold).min(chart.rect.right()), width_of(&text));
            let label = Label { way: choice.way, text, x, link: "", left: 0.0, width, lane: 0 };
            (label, choice.threshold)
        })
        .collect();
    labels.sort_by(|a, b| a.1.total_cmp(&b.1));
    let most_width = chart.rect.width().min(MAX_CHAIN);
    let mut chains: Vec<(Vec<Label>, f32, f64)> = Vec::new();
    for (mut label, threshold) in labels {
        let width = label.width;
        match chains.last_mut() {
            Some((chain, total, last))
                if chain.first().is_some_and(|first| (label.x - first.x).abs() < 3.0)
                    && *total + LINK_WIDTH + width <= most_width =>
            {
                let is_same = (threshold - *last).abs() <= 1e-4 * threshold;
                label.link = if is_same { "=" } else { "≈" };
                (*total, *last) = (*total + LINK_WIDTH + width, threshold);
                chain.push(label);
            }
            _ => chains.push((vec![label], width, threshold)),
        }
    }
    let spans: Vec<(f32, f32)> = chains
        .iter()
        .map(|(chain, width, _)| {
            let x = chain.first().map_or(0.0, |label| label.x);
            let most = (chart.rect.right() - width).max(chart.rect.left());
            let left = (x - width / 2.0).clamp(chart.rect.left(), most);
            (left, left + width)
        })
        .collect();
    let mut placed = Vec::new();
    for (((chain, ..), &(mut left, _)), lane) in chains.into_iter().zip(&spans).zip(lanes(&spans)) {
        for mut label in chain {
            if !label.link.is_empty() {
                left += LINK_WIDTH;
            }
            (label.left, label.lane) = (left, lane);
            left += label.width;
            placed.push(label);
        }
    }
    placed
}

/// For each stretch the first lane in which it meets no earlier one.
fn lanes(spans: &[(f32, f32)]) -> Vec<usize> {
    let mut taken: Vec<Vec<(f32, f32)>> = Vec::new();
    let is_free = |lane: &Vec<(f32, f32)>, (left, right): (f32, f32)| {
        lane.iter().all(|other| other.1 + LABEL_GAP <= left || right + LABEL_GAP <= other.0)
    };
    spans
        .iter()
        .map(|&span| {
            let free = taken.iter().position(|lane| is_free(lane, span));
            let lane = free.unwrap_or(taken.len());
            match taken.get_mut(lane) {
                Some(lane) => lane.push(span),
                None => taken.push(vec![span]),
            }
            lane
        })
        .collect()
}

/// The three lines, the total over its parts, clipping dashed.
fn draw_curves(ui: &Ui, shown: &Shown, chart: &Chart, y: (f64, f64)) {
    let theme = Theme::of(ui);
    let curve = &shown.estimates.curve;
    type Part = fn(&ClipPoint) -> f64;
    let parts: [(Part, Stroke, bool); 3] = [
        (|point| point.clipping, Stroke::new(1.3, theme.clipping), true),
        (|point| point.rounding, Stroke::new(1.3, theme.rounding), false),
        (ClipPoint::total, Stroke::new(2.0, theme.text), false),
    ];
    let painter = ui.painter().with_clip_rect(chart.rect.expand(1.0));
    for (part, stroke, is_dashed) in parts {
        let points = curve.iter().map(|point| (point.threshold, part(point)));
        // Where a part is nothing its line would only lie on the axis.
        let points = points.filter(|(_, error)| *error > 0.0 && *error >= y.0);
        let points = below(points.collect(), y.1);
        if is_dashed {
            let points: Vec<_> = points.into_iter().map(|(x, error)| chart.at(x, error)).collect();
            painter.extend(Shape::dashed_line(&points, stroke, DASH.0, DASH.1));
        } else {
            chart.line(ui.painter(), points.into_iter(), stroke);
        }
    }
}

/// The part of a line at most `top` high, cut where it passes that.
fn below(points: Vec<(f64, f64)>, top: f64) -> Vec<(f64, f64)> {
    let mut kept = Vec::with_capacity(points.len());
    let mut before: Option<(f64, f64)> = None;
    for point in points {
        if let Some(before) = before
            && (before.1 > top) != (point.1 > top)
        {
            let share = (top - before.1) / (point.1 - before.1);
            kept.push((before.0 + share * (point.0 - before.0), top));
        }
        if point.1 <= top {
            kept.push(point);
        }
        before = Some(point);
    }
    kept
}

/// What each estimator chose; the one in use and the best lie on top.
fn draw_points(ui: &Ui, shown: &Shown, chart: &Chart) {
    let theme = Theme::of(ui);
    let mut points: Vec<_> = shown.estimates.choices.iter().enumerate().collect();
    points.sort_by_key(|(idx, choice)| (shown.best == Some(*idx), shown.is_used(choice.way)));
    for (idx, choice) in points {
        let at = chart.at(choice.threshold, choice.mse).min(chart.rect.max);
        let (radius, ink, edge) = match (shown.best == Some(idx), shown.is_used(choice.way)) {
            (true, true) => (5.5, theme.rounding, Stroke::new(2.0, theme.accent)),
            (true, false) => (5.0, theme.rounding, Stroke::new(1.5, theme.background)),
            (false, true) => (5.0, theme.accent, Stroke::new(1.5, theme.background)),
            (false, false) => (4.0, theme.label, Stroke::new(1.0, theme.background)),
        };
        ui.painter().circle(at, radius, ink, edge);
    }
}

fn legend_ui(ui: &Ui, room: Rect) {
    let theme = Theme::of(ui);
    let mut x = room.left() + theme::PANEL_MARGIN;
    for (name, colour, width) in [
        ("total", theme.text, 2.0),
        ("rounding", theme.rounding, 1.3),
        ("clipping", theme.clipping, 1.3),
    ] {
        let ends = [x, x + 18.0].map(|x| pos2(x, room.center().y));
        let stroke = Stroke::new(width, colour);
        match name {
            "clipping" => ui.painter().extend(Shape::dashed_line(&ends, stroke, DASH.0, DASH.1)),
            _ => drop(ui.painter().line_segment(ends, stroke)),
        }
        let place = pos2(x + 24.0, room.center().y);
        let text =
            ui.painter().text(place, Align2::LEFT_CENTER, name, theme::text(11.0), theme.label);
        x = text.right() + 18.0;
    }
    let hint = "click a name to use it · click or drag on the curve to clip by hand";
    if room.width() > 620.0 {
        let place = pos2(room.right() - theme::PANEL_MARGIN, room.center().y);
        ui.painter().text(place, Align2::RIGHT_CENTER, hint, theme::text(11.0), theme.hint);
    }
}

/// The threshold's share of the largest weight under its numbers.
fn draw_shares(ui: &Ui, shown: &Shown, chart: &Chart, bottom: f32) {
    let theme = Theme::of(ui);
    let y = chart.rect.bottom() + 18.0;
    for quarter in 1..=4 {
        let share = f64::from(quarter) / 4.0;
        let x = chart.x.x(share * shown.estimates.absmax);
        ui.painter().vline(
            x,
            chart.rect.bottom()..=chart.rect.bottom() + 4.0,
            Stroke::new(1.0, theme.hint),
        );
        let place = pos2(x, y);
        ui.painter().text(
            place,
            Align2::CENTER_TOP,
            percent(share, 0),
            theme::mono(10.0),
            theme.hint,
        );
    }
    let title =
        "Clip threshold, on the scale of the weights; below as a share of the largest |weight|";
    let place = pos2(chart.rect.center().x, bottom - 2.0);
    ui.painter().text(place, Align2::CENTER_BOTTOM, title, theme::text(11.0), theme.label);
}

fn curve_response(ui: &mut Ui, shown: &Shown, chart: &Chart) -> Response {
    let id = ui.scope_id().with("curve");
    let response = ui.interact(chart.rect, id, Sense::click_and_drag());
    let best =
        shown.best.and_then(|idx| shown.choice_at(idx)).map_or("none", |best| best.way.label);
    response.widget_info(|| {
        let text = format!(
            "Error curve, threshold up to {}, best {best}",
            significant(shown.estimates.absmax, 4)
        );
        WidgetInfo::labeled(egui::Role::Canvas, true, text)
    });
    response
}

/// A click on a line uses it, elsewhere it clips there; a drag clips.
fn pointer_act(ui: &Ui, shown: &Shown, chart: &Chart, response: &Response) -> Option<Act> {
    let pointer = response.interact_pointer_pos().or(response.hover_pos())?;
    let x = pointer.x.clamp(chart.rect.left() + 2.0, chart.rect.right());
    let threshold = chart.value_at(x);
    if response.dragged() {
        return Some(Act::Clip(threshold, gesture_of(response)));
    }
    let distance = |threshold: f64| (chart.x.x(threshold) - pointer.x).abs();
    let near = shown.estimates.choices.iter().filter(|choice| distance(choice.threshold) < REACH);
    let near = near.min_by(|a, b| distance(a.threshold).total_cmp(&distance(b.threshold)));
    if response.clicked() {
        return Some(match near {
            Some(choice) => Act::Use(choice.way),
            None => Act::Clip(threshold, Gesture::Once),
        });
    }
    let theme = Theme::of(ui);
    ui.painter().vline(x, chart.rect.y_range(), Stroke::new(1.0, theme.line_strong));
    let curve = &shown.estimates.curve;
    let point = curve.iter().min_by(|a, b| {
        (a.threshold - threshold).abs().total_cmp(&(b.threshold - threshold).abs())
    })?;
    response.clone().on_hover_cursor(CursorIcon::ResizeHorizontal).on_hover_ui_at_pointer(|ui| {
        if let Some(choice) = near {
            ui.label(
                egui::RichText::new(range_name(shown.choice, choice.way)).font(theme::title(12.0)),
            );
        }
        let rows = [
            ("Threshold", significant(point.threshold, 4), theme.text),
            ("of absmax", percent(point.threshold / shown.estimates.absmax, 1), theme.text),
            ("Rounding", scientific(point.rounding, 4), theme.rounding),
            ("Clipping", scientific(point.clipping, 4), theme.clipping),
            ("Total MSE", scientific(point.total(), 4), theme.text),
        ];
        figure_table(ui, "point of the curve", rows);
    });
    None
}

impl Label {
    /// Where the name stands, with the first lane at `top`.
    fn rect(&self, top: f32) -> Rect {
        let y = top + self.lane as f32 * LABEL_HEIGHT;
        Rect::from_min_size(pos2(self.left, y), vec2(self.width, LABEL_HEIGHT))
    }
}

/// From an estimator's name down to the axis.
fn draw_line(ui: &Ui, shown: &Shown, chart: &Chart, label: &Label, top: f32) {
    let theme = Theme::of(ui);
    let stroke = match shown.is_used(label.way) {
        true => Stroke::new(2.0, theme.accent),
        false => Stroke::new(1.0, theme.line_strong),
    };
    ui.painter().vline(label.x, label.rect(top).bottom()..=chart.rect.bottom(), stroke);
}

/// The name of an estimator; whether it was clicked.
fn label_ui(ui: &mut Ui, shown: &Shown, label: &Label, top: f32) -> bool {
    let theme = Theme::of(ui);
    let is_used = shown.is_used(label.way);
    let rect = label.rect(top);
    let id = ui.scope_id().with(("estimator", label.way.key));
    let response = ui.interact(rect.expand2(vec2(3.0, 0.0)), id, Sense::click());
    response.widget_info(|| {
        WidgetInfo::labeled(
            egui::Role::Button,
            true,
            format!("Line of {}", label.text.trim_start_matches("✓ ")),
        )
    });
    let ink = match (is_used, response.hovered() || response.has_focus()) {
        (true, _) => theme.accent,
        (_, true) => theme.text,
        _ => theme.label,
    };
    // Lines of names above pass behind this one.
    let mut plate = rect.expand2(vec2(3.0, -1.0));
    if !label.link.is_empty() {
        plate = plate.with_min_x(rect.left() - LINK_WIDTH);
    }
    ui.painter().rect_filled(plate, 2, theme.panel);
    let place = pos2(rect.left(), rect.center().y);
    ui.painter().text(place, Align2::LEFT_CENTER, &label.text, theme::text(11.0), ink);
    if !label.link.is_empty() {
        let place = rect.left_center() - vec2(LINK_WIDTH / 2.0, 0.0);
        let link = ui.painter();
        link.text(place, Align2::CENTER_CENTER, label.link, theme::text(11.0), theme.hint);
    }
    response.on_hover_cursor(CursorIcon::PointingHand).on_hover_text(label.way.help).clicked()
}

/// The threshold by hand, as a handle.
fn by_hand_ui(ui: &Ui, chart: &Chart, threshold: f64) {
    let theme = Theme::of(ui);
    let x = chart.x.x(threshold).clamp(chart.rect.left(), chart.rect.right());
    ui.painter().vline(x, chart.rect.y_range(), Stroke::new(2.0, theme.accent));
    let grip = Rect::from_center_size(pos2(x, chart.rect.center().y), vec2(12.0, 28.0));
    ui.painter().rect_filled(grip, 4, theme.accent);
    let text = format!("by hand {}", significant(threshold, 4));
    let (anchor, place) = match x > chart.rect.center().x {
        true => (Align2::RIGHT_CENTER, grip.left_center() - vec2(6.0, 0.0)),
        false => (Align2::LEFT_CENTER, grip.right_center() + vec2(6.0, 0.0)),
    };
    let galley = ui.painter().layout_no_wrap(text, theme::mono(11.0), theme.accent);
    let rect = anchor.anchor_size(place, galley.size());
    ui.painter().rect_filled(rect.expand(3.0), 3, theme.background);
    ui.painter().galley(rect.min, galley, theme.accent);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_would_meet_stand_in_lanes() {
        let spans = [(0.0, 50.0), (40.0, 90.0), (60.0, 100.0), (70.0, 120.0), (200.0, 220.0)];
        assert_eq!(lanes(&spans), [0, 1, 0, 2, 0]);
        assert!(lanes(&[]).is_empty());
    }

    #[test]
    fn lines_are_cut_where_they_leave_the_chart() {
        let line = vec![(0.0, 8.0), (1.0, 4.0), (2.0, 0.0), (3.0, 4.0)];
        assert_eq!(below(line.clone(), 2.0), [(1.5, 2.0), (2.0, 0.0), (2.5, 2.0)]);
        assert_eq!(below(line.clone(), 9.0), line);
        assert!(below(line, -1.0).is_empty());
    }
}
