//! Intervals on axes: both models on one that is scaled to them, their difference on its own with
//! zero marked.

use egui::{Align2, Color32, Rangef, Rect, Sense, Stroke, Ui, WidgetInfo, pos2, vec2};

use super::headline::Headline;
use crate::eval::{Estimate, Metric};
use crate::ui::axis::{Axis, mark_text};
use crate::ui::theme::{self, Theme};

/// Room for the numbers below an axis.
const MARKS_HEIGHT: f32 = 15.0;
/// Room for the unit behind them.
const UNIT_WIDTH: f32 = 26.0;
/// From this width on the axes stand beside each other, where the height is for one.
const SIDE_BY_SIDE: f32 = 420.0;
const GAP: f32 = 20.0;

/// Both axes, beside each other in a low room, else one below the other.
pub fn axes_ui(ui: &mut Ui, room: Rect, headline: &Headline) {
    let Some(difference) = headline.difference else {
        let height = room.height().min(48.0);
        return intervals_ui(ui, room.with_max_y(room.top() + height), headline);
    };
    let (first, second) = if room.width() >= SIDE_BY_SIDE && room.height() < 60.0 {
        let middle = room.center().x;
        let left = Rect::from_min_max(room.min, pos2(middle - GAP / 2.0, room.bottom()));
        (left, Rect::from_min_max(pos2(middle + GAP / 2.0, room.top()), room.max))
    } else {
        let (first, second) = room.split_top_bottom_at_fraction(0.56);
        (first, Rect::from_min_max(pos2(second.left(), second.top() + 6.0), second.max))
    };
    intervals_ui(ui, first, headline);
    difference_ui(ui, second, (difference, headline));
}

/// Float above quantized.
fn intervals_ui(ui: &mut Ui, room: Rect, headline: &Headline) {
    let theme = Theme::of(ui);
    let estimates = [headline.float, headline.quantized];
    let ends = || estimates.iter().flatten().map(|estimate| estimate.ci95);
    let lo = ends().map(|(lo, _)| lo).fold(f64::INFINITY, f64::min);
    let hi = ends().map(|(_, hi)| hi).fold(f64::NEG_INFINITY, f64::max);
    if !(lo.is_finite() && hi.is_finite()) {
        return;
    }
    let chart = Chart::new(room, (lo, hi), headline);
    chart.marks_ui(ui);
    let marks = [Mark::Dot, Mark::Square];
    let colours = [theme.original, theme.quantized];
    for (row_idx, estimate) in estimates.into_iter().enumerate() {
        let Some(estimate) = estimate else { continue };
        let y = chart.plot.top() + chart.plot.height() * (0.3 + 0.42 * row_idx as f32);
        chart.estimate_ui(ui, (y, estimate), (marks[row_idx], colours[row_idx]));
    }
    let text = headline.text;
    let say = |name: &str, estimate: Option<Estimate>| {
        estimate.map(|e| format!("{name} {} ({})", text.value(e.value), text.range(e.ci95)))
    };
    let said: Vec<String> = [say("float", headline.float), say("quantized", headline.quantized)]
        .into_iter()
        .flatten()
        .collect();
    let label = format!("95 % intervals of {}: {}", headline.name, said.join(", "));
    let response = ui.interact(room, ui.scope_id().with("intervals"), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(egui::Role::Label, true, &label));
    response.on_hover_text("● float above ■ quantized, each on the line of its 95 % interval. The axis reaches as far as these, not to zero");
}

/// The paired difference; left of zero is less than float.
fn difference_ui(ui: &mut Ui, room: Rect, (difference, headline): (Estimate, &Headline)) {
    let theme = Theme::of(ui);
    let (lo, hi) = difference.ci95;
    if !(lo.is_finite() && hi.is_finite()) {
        return;
    }
    let chart = Chart::new(room, (lo.min(0.0), hi.max(0.0)), headline).of_difference();
    chart.marks_ui(ui);
    let zero = chart.axis.x(0.0);
    ui.painter().vline(zero, chart.plot.y_range(), Stroke::new(1.5, theme.label));
    let y = chart.plot.center().y;
    chart.estimate_ui(ui, (y, difference), (Mark::Diamond, theme.text));
    let text = headline.text;
    let value = |value: f64| text.signed(value) + text.difference_unit();
    let verdict = match (lo, hi) {
        (lo, _) if lo > 0.0 => "zero lies outside: more than float",
        (_, hi) if hi < 0.0 => "zero lies outside: less than float",
        _ => "zero lies inside: not told apart from float",
    };
    let label = format!(
        "Difference {} with its 95 % interval {}{}, {verdict}",
        value(difference.value),
        text.signed_range((lo, hi)),
        text.difference_unit()
    );
    let response = ui.interact(room, ui.scope_id().with("difference axis"), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(egui::Role::Label, true, &label));
    response.on_hover_text(label);
}

#[derive(Clone, Copy)]
enum Mark {
    Dot,
    Square,
    Diamond,
}

/// An axis with its numbers below.
struct Chart {
    axis: Axis,
    plot: Rect,
    /// What a value is multiplied with where a number stands.
    factor: f64,
    unit: &'static str,
}

impl Chart {
    fn new(room: Rect, (lo, hi): (f64, f64), headline: &Headline) -> Self {
        let is_share = headline.text.metric != Metric::Perplexity;
        let plot = Rect::from_min_max(
            room.min + vec2(2.0, 0.0),
            room.max - vec2(UNIT_WIDTH, MARKS_HEIGHT),
        );
        // Ends at the edge would be half marks.
        let reach = (hi - lo).max(1e-9);
        let margin = reach * f64::from(8.0 / plot.width().max(40.0));
        let axis = Axis::new(lo - margin, hi + margin, Rangef::new(plot.left(), plot.right()));
        let (factor, unit) = if is_share { (100.0, "%") } else { (1.0, "ppl") };
        Self { axis, plot, factor, unit }
    }

    fn of_difference(mut self) -> Self {
        if self.unit == "%" {
            self.unit = "pt";
        }
        self
    }

    fn marks_ui(&self, ui: &Ui) {
        let theme = Theme::of(ui);
        let scaled =
            Axis { lo: self.axis.lo * self.factor, hi: self.axis.hi * self.factor, ..self.axis };
        let (marks, step) = scaled.marks();
        let painter = ui.painter();
        for mark in marks {
            let x = scaled.x(mark);
            painter.vline(x, self.plot.y_range(), Stroke::new(1.0, theme.grid));
            let galley =
                painter.layout_no_wrap(mark_text(mark, step), theme::mono(11.0), theme.hint);
            let half = galley.size().x / 2.0;
            // A number at the end stays inside.
            let x = x.clamp(self.plot.left() - 2.0 + half, (self.plot.right() - half).max(half));
            painter.galley(pos2(x - half, self.plot.bottom() + 1.0), galley, theme.hint);
        }
        painter.hline(self.plot.x_range(), self.plot.bottom(), Stroke::new(1.0, theme.line));
        let place = pos2(self.plot.right() + UNIT_WIDTH, self.plot.bottom() + 1.0);
        painter.text(place, Align2::RIGHT_TOP, self.unit, theme::mono(11.0), theme.hint);
    }

    fn estimate_ui(
        &self,
        ui: &Ui,
        (y, estimate): (f32, Estimate),
        (mark, colour): (Mark, Color32),
    ) {
        let painter = ui.painter();
        let (left, right) = (self.axis.x(estimate.ci95.0), self.axis.x(estimate.ci95.1));
        painter.hline(left..=right, y, Stroke::new(2.0, colour));
        for end in [left, right] {
            painter.vline(end, y - 4.0..=y + 4.0, Stroke::new(1.0, colour));
        }
        let centre = pos2(self.axis.x(estimate.value), y);
        match mark {
            Mark::Dot => {
                painter.circle_filled(centre, 4.0, colour);
            }
            Mark::Square => {
                painter.rect_filled(Rect::from_center_size(centre, vec2(8.0, 8.0)), 1, colour);
            }
            Mark::Diamond => {
                let reach = [vec2(0.0, -5.0), vec2(5.0, 0.0), vec2(0.0, 5.0), vec2(-5.0, 0.0)];
                let points = reach.map(|offset| centre + offset).to_vec();
                painter.add(egui::Shape::convex_polygon(points, colour, Stroke::NONE));
            }
        }
    }
}
