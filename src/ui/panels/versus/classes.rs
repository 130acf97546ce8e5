//! Which class pays: recall under A and B with their difference, the largest loss first and the
//! critical class before all.

use egui::{Align2, Rangef, Rect, RichText, ScrollArea, Sense, Stroke, Ui, WidgetInfo, pos2, vec2};
use egui_material_icons::icons;

use crate::base::{MINUS, fixed, interval, percent, thousands};
use crate::eval::Recall;
use crate::session::Versus;
use crate::ui::axis::{Axis, mark_text};
use crate::ui::class_names::Names;
use crate::ui::export;
use crate::ui::flip_gallery::Filter;
use crate::ui::focus_ring::scroll_to_focus;
use crate::ui::state_view;
use crate::ui::theme::{self, Theme};
use crate::ui::widgets::{cut_text, name_it, paint_text, region};

const TITLE_HEIGHT: f32 = 34.0;
const MARKS_HEIGHT: f32 = 20.0;
const ROW_HEIGHT: f32 = theme::TABLE_ROW_HEIGHT;
const N_WIDTH: f32 = 44.0;
const RECALL_WIDTH: f32 = 62.0;
const CHANGE_WIDTH: f32 = 52.0;
const ENDS_WIDTH: f32 = 108.0;
const LEAST_AXIS_WIDTH: f32 = 70.0;
const NAME_WIDTHS: std::ops::RangeInclusive<f32> = 70.0..=180.0;

/// What is shown.
pub(super) struct Content<'a> {
    pub versus: &'a Versus,
    pub names: &'a Names<'a>,
    /// Name of the class whose recall is the figure that counts.
    pub critical: Option<&'a str>,
}

impl Content<'_> {
    fn is_critical(&self, recall: &Recall) -> bool {
        self.critical.is_some_and(|name| {
            let class = self.versus.classes.get(recall.class as usize);
            class.is_some_and(|class| class == name)
        })
    }

    /// The critical class, then the largest loss first.
    fn ordered(&self) -> Vec<&Recall> {
        let mut recalls: Vec<&Recall> =
            self.versus.breakdown.recalls.iter().filter(|recall| recall.n > 0).collect();
        let is_language = self.names.is_language();
        recalls.sort_by(|a, b| {
            let loss = match is_language {
                // Of tokens the number of hits: shares of rare ones say little.
                true => a.change().cmp(&b.change()),
                false => a.change_points().total_cmp(&b.change_points()),
            };
            self.is_critical(b).cmp(&self.is_critical(a)).then(loss).then(a.class.cmp(&b.class))
        });
        recalls
    }

    /// Without labels a class is what A answers, which A by definition gets right.
    fn has_truth(&self) -> bool {
        self.versus.answers.has_targets()
    }
}

/// Where the columns of a row stand; those without room are `None`.
struct Columns {
    name: Rangef,
    n: Option<Rangef>,
    recalls: Option<[Rangef; 2]>,
    axis: Rangef,
    change: Rangef,
    ends: Option<Rangef>,
}

impl Columns {
    fn new(room: Rect, names: f32) -> Self {
        let mut right = room.right();
        let mut cut = |width: f32| {
            right -= width;
            Rangef::new(right, right + width)
        };
        let name_width = names.clamp(*NAME_WIDTHS.start(), *NAME_WIDTHS.end());
        let fixed = name_width + CHANGE_WIDTH + LEAST_AXIS_WIDTH;
        let spare = room.width() - fixed;
        let has_recalls = spare >= 2.0 * RECALL_WIDTH;
        let has_ends = spare >= 2.0 * RECALL_WIDTH + ENDS_WIDTH;
        let has_n = spare >= 2.0 * RECALL_WIDTH + ENDS_WIDTH + N_WIDTH;
        let ends = has_ends.then(|| cut(ENDS_WIDTH));
        let change = cut(CHANGE_WIDTH);
        let mut left = room.left();
        let mut take = |width: f32| {
            left += width;
            Rangef::new(left - width, left)
        };
        let name = take(name_width);
        let n = has_n.then(|| take(N_WIDTH));
        let recalls = has_recalls.then(|| [take(RECALL_WIDTH), take(RECALL_WIDTH)]);
        let axis = Rangef::new(left + 12.0, change.min - 8.0);
        Self { name, n, recalls, axis, change, ends }
    }
}

/// Draws the table; whether a class was just chosen, whose samples are then of interest.
pub(super) fn classes_ui(ui: &mut Ui, content: &Content, filter: &mut Filter) -> bool {
    let recalls = content.ordered();
    if recalls.is_empty() {
        let (title, hint) = match content.names.is_language() {
            true => ("No token pays", "A and B predict every token equally often."),
            false => ("No classes to compare", "The sample set has no predictions."),
        };
        state_view::empty_ui(ui, title, hint);
        return false;
    }
    let room = ui.available_rect_before_wrap().shrink2(vec2(theme::PANEL_MARGIN, 0.0));
    let (title, rest) = room.split_top_bottom_at_y(room.top() + TITLE_HEIGHT);
    region(ui, title, "title", |ui| title_ui(ui, content, &recalls));
    let widest = recalls.iter().map(|recall| content.names.of(recall.class).chars().count()).max();
    let names_width = widest.unwrap_or(0) as f32 * 6.6 + 26.0;
    // Kept free for the bar of what is scrolled.
    let columns = Columns::new(rest.with_max_x(rest.right() - 10.0), names_width);
    let ends = recalls.iter().map(|recall| recall.difference.ci95);
    let lo = ends.clone().map(|(lo, _)| lo).fold(0.0, f64::min);
    let hi = ends.map(|(_, hi)| hi).fold(0.0, f64::max);
    let axis = Axis::new(100.0 * lo, 100.0 * hi, columns.axis);
    let (head, body) = rest.split_top_bottom_at_y(rest.top() + MARKS_HEIGHT);
    head_ui(ui, head, (&columns, &axis), content);
    let before = filter.class;
    region(ui, body, "classes", |ui| {
        ui.spacing_mut().item_spacing.y = 0.0;
        let list = ScrollArea::vertical().auto_shrink(false);
        list.show_rows(ui, ROW_HEIGHT, recalls.len(), |ui, rows| {
            scroll_to_focus(ui);
            for recall in recalls.get(rows).unwrap_or_default() {
                if row_ui(ui, (&columns, &axis), (content, recall), filter.class) {
                    filter.toggle(Some(recall.class), None);
                }
            }
        });
    });
    filter.class != before && filter.class.is_some()
}

fn title_ui(ui: &mut Ui, content: &Content, recalls: &[&Recall]) {
    let theme = Theme::of(ui);
    let (title, help) = match (content.names.is_language(), content.has_truth()) {
        (true, _) => (
            "Which token pays",
            "Share of the places where this token is next that each predicts it, with the paired difference and its 95 % interval",
        ),
        (false, true) => (
            "Which class pays",
            "Recall: right answers over samples of the class, under A and under B, with the paired difference and Newcombe's 95 % interval; a click shows the samples",
        ),
        (false, false) => (
            "Which answer is kept",
            "Share of the samples with this answer of A that keep it under B; the set has no labels",
        ),
    };
    ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
        let response = ui.button("Copy as CSV");
        name_it(&response, "Copy classes as CSV");
        if response.on_hover_text("Copies the table to the clipboard").clicked() {
            ui.ctx().copy_text(csv(content, recalls));
        }
        ui.with_layout(egui::Layout::left_to_right(egui::Align::Center), |ui| {
            let title = RichText::new(title).font(theme::title(12.0)).color(theme.text);
            ui.add(egui::Label::new(title).truncate()).on_hover_text(help);
            let order = match content.critical {
                Some(_) => "critical first, then the largest loss",
                None => "largest loss first",
            };
            ui.add(egui::Label::new(RichText::new(order).color(theme.hint)).truncate());
        });
    });
}

/// Names of the columns, and the numbers of the axis.
fn head_ui(ui: &Ui, head: Rect, (columns, axis): (&Columns, &Axis), content: &Content) {
    let theme = Theme::of(ui);
    let y = head.center().y;
    let right = |range: Rangef, text: &str, ink| {
        let place = pos2(range.max, y);
        ui.painter().text(place, Align2::RIGHT_CENTER, text, theme::text(11.0), ink);
    };
    if let Some(n) = columns.n {
        right(n, if content.names.is_language() { "places" } else { "samples" }, theme.hint);
    }
    if let Some([a, b]) = columns.recalls {
        right(a, "● A", theme.label);
        right(b, "■ B", theme.quantized);
    }
    right(columns.change, "B − A, pt", theme.hint);
    if let Some(ends) = columns.ends {
        right(ends, "95 % interval", theme.hint);
    }
    let (marks, step) = axis.marks();
    for mark in marks {
        let place = pos2(axis.x(mark), y);
        let text = mark_text(mark, step);
        ui.painter().text(place, Align2::CENTER_CENTER, text, theme::mono(11.0), theme.hint);
    }
}

/// One class; whether it was clicked.
fn row_ui(
    ui: &mut Ui,
    (columns, axis): (&Columns, &Axis),
    (content, recall): (&Content, &Recall),
    chosen: Option<u32>,
) -> bool {
    let theme = Theme::of(ui);
    let (_, rect) = ui.allocate_space(vec2(ui.available_width(), ROW_HEIGHT));
    let id = ui.scope_id().with(("class", recall.class));
    let response = ui.interact(rect, id, Sense::click());
    let name = content.names.of(recall.class);
    let is_chosen = chosen == Some(recall.class);
    let text = tooltip(&name, recall, content);
    response.widget_info(|| {
        WidgetInfo::selected(egui::Role::Button, true, is_chosen, text.replace('\n', ", "))
    });
    if is_chosen || response.hovered() {
        let fill = if is_chosen { theme.selected } else { theme.hover };
        ui.painter().rect_filled(rect, 2, fill.gamma_multiply(0.6));
    }
    let y = rect.center().y;
    let is_critical = content.is_critical(recall);
    let mut left = columns.name.min + 4.0;
    if is_critical {
        let flag = icons::ICON_FLAG.codepoint;
        let font = egui::FontId::proportional(13.0);
        ui.painter().text(pos2(left, y), Align2::LEFT_CENTER, flag, font, theme.accent);
        left += 17.0;
    }
    let galley = cut_text(ui, name, theme::text(12.0), theme.text, columns.name.max - left - 4.0);
    paint_text(ui, pos2(left, y), Align2::LEFT_CENTER, galley);
    let right = |range: Rangef, text: String, ink| {
        let place = pos2(range.max, y);
        ui.painter().text(place, Align2::RIGHT_CENTER, text, theme::mono(12.0), ink);
    };
    if let Some(n) = columns.n {
        right(n, thousands(recall.n), theme.label);
    }
    if let Some([a, b]) = columns.recalls {
        right(a, percent(recall.float.value, 1), theme.text);
        right(b, percent(recall.quantized.value, 1), theme.quantized);
    }
    interval_ui(ui, rect, axis, recall);
    let (lo, hi) = recall.difference.ci95;
    let is_loss = hi < 0.0;
    let ink = if is_loss { theme.bad } else { theme.text };
    let sign = if is_loss { "✕ " } else { "" };
    right(columns.change, format!("{sign}{}", signed(recall.difference.value)), ink);
    if let Some(ends) = columns.ends {
        right(ends, interval(&signed(lo), &signed(hi)), theme.hint);
    }
    let clicked = response.clicked();
    response.on_hover_text(text);
    clicked
}

/// The difference on the line of its interval, over the line of zero.
fn interval_ui(ui: &Ui, rect: Rect, axis: &Axis, recall: &Recall) {
    let theme = Theme::of(ui);
    let painter = ui.painter();
    let y = rect.center().y;
    painter.vline(axis.x(0.0), rect.y_range(), Stroke::new(1.0, theme.line_strong));
    let (lo, hi) = recall.difference.ci95;
    let ink = if hi < 0.0 { theme.bad } else { theme.label };
    let ends = axis.x(100.0 * lo)..=axis.x(100.0 * hi);
    for end in [*ends.start(), *ends.end()] {
        painter.vline(end, y - 3.0..=y + 3.0, Stroke::new(1.0, ink));
    }
    painter.hline(ends, y, Stroke::new(1.5, ink));
    let centre = pos2(axis.x(100.0 * recall.difference.value), y);
    let reach = [vec2(0.0, -4.0), vec2(4.0, 0.0), vec2(0.0, 4.0), vec2(-4.0, 0.0)];
    let points = reach.map(|offset| centre + offset).to_vec();
    painter.add(egui::Shape::convex_polygon(points, ink, Stroke::NONE));
}

fn tooltip(name: &str, recall: &Recall, content: &Content) -> String {
    let side = |side: &str, hits: usize, estimate: crate::eval::Estimate| {
        let (lo, hi) = estimate.ci95;
        let ends = interval(&fixed(100.0 * lo, 1), &percent(hi, 1));
        format!("{side}: {hits} of {}, {} ({ends})", recall.n, percent(estimate.value, 1))
    };
    let a = side("A", recall.float_hits, recall.float);
    let b = side("B", recall.quantized_hits, recall.quantized);
    let (lo, hi) = recall.difference.ci95;
    let ends = interval(&signed(lo), &signed(hi));
    let difference = format!("B − A: {} pt ({ends})", signed(recall.difference.value));
    let critical = if content.is_critical(recall) { " (critical)" } else { "" };
    format!("{name}{critical}\n{a}\n{b}\n{difference}")
}

/// In points, with a sign.
fn signed(share: f64) -> String {
    let text = fixed(100.0 * share, 1);
    if text.starts_with(MINUS) || text == "0.0" { text } else { format!("+{text}") }
}

fn csv(content: &Content, recalls: &[&Recall]) -> String {
    let header = [
        "class",
        "samples",
        "a_hits",
        "b_hits",
        "a_recall",
        "b_recall",
        "difference",
        "difference_lo95",
        "difference_hi95",
    ];
    let row = |recall: &&Recall| {
        let (lo, hi) = recall.difference.ci95;
        vec![
            content.names.of(recall.class),
            recall.n.to_string(),
            recall.float_hits.to_string(),
            recall.quantized_hits.to_string(),
            recall.float.value.to_string(),
            recall.quantized.value.to_string(),
            recall.difference.value.to_string(),
            lo.to_string(),
            hi.to_string(),
        ]
    };
    export::csv(&header, recalls.iter().map(row))
}
