//! Recall by class, float above quantized on one axis; for a language model, hits by token.

use egui::{Align2, Rect, RichText, ScrollArea, Sense, Stroke, Ui, WidgetInfo, pos2, vec2};

use super::confusion::{Detail, Rows, focus_ui, name_at};
use super::parts::{cut_text, paint_text};
use super::{Content, Filter};
use crate::base::{fixed, interval, percent};
use crate::eval::{Confusion, Estimate, Recall};
use crate::ui::focus_ring::scroll_to_focus;
use crate::ui::state_view;
use crate::ui::theme::{self, Theme};

const CHANGE_WIDTH: f32 = 40.0;
/// A loss of so many points is printed in the colour of what is bad.
const BAD_POINTS: f64 = -40.0;

/// Below that width recall stands under the confusion matrix.
const STACKED_BELOW: f32 = 460.0;
/// Names of classes, where no matrix beside them has them.
const NAME_WIDTH: f32 = 84.0;
/// Most room that the recalls, and those of tokens, take.
pub const MAX_WIDTH: f32 = 800.0;
const TOKENS_WIDTH: f32 = 640.0;
/// From this width on tokens stand in two columns.
const TWO_COLUMNS: f32 = 1200.0;
const COLUMN_GAP: f32 = 32.0;
/// Least share of the room that the recalls have beside the matrix.
pub const SHARE: f32 = 0.42;
/// Title, legend and the numbers of the axis.
const HEAD_HEIGHT: f32 = 62.0;
/// Title and the numbers of the axis.
const LOW_HEAD_HEIGHT: f32 = 46.0;
/// In lower rows their figures would touch.
const LEAST_ROW_HEIGHT: f32 = 14.0;
const MAX_ROW_HEIGHT: f32 = 34.0;
/// Kept free for the bar of what is scrolled.
const SCROLL_WIDTH: f32 = 10.0;

/// Whether recall stands under the confusion matrix, not beside it.
pub fn is_stacked(width: f32, content: &Content) -> bool {
    content.accuracy.breakdown.confusion.is_some() && width < STACKED_BELOW
}

/// Recall of every shown class, on the rows of the confusion matrix beside it where they are high
/// enough; else on its own, with names.
pub fn classes_ui(
    ui: &mut Ui,
    (rows, table): (Option<Rows>, &Confusion),
    content: &Content,
    filter: &mut Filter,
) {
    let area = ui.max_rect();
    let detail = rows.map_or(Detail::Full, |rows| rows.detail);
    let shared = rows.filter(|rows| rows.height >= LEAST_ROW_HEIGHT);
    let head = if detail == Detail::Full { HEAD_HEIGHT } else { LOW_HEAD_HEIGHT };
    let n = table.n_rows();
    let fitting = (area.height() - head - 4.0) / n.max(1) as f32;
    let is_scrolled = shared.is_none() && fitting < LEAST_ROW_HEIGHT;
    let order = if is_scrolled { Order::LargestLoss } else { Order::OfClasses };
    classes_title_ui(ui, table.by_truth, (detail, order));
    let names_width = shared.map_or(Some(NAME_WIDTH), |rows| rows.name_width);
    let own = Rows {
        top: area.top() + head,
        height: fitting.clamp(LEAST_ROW_HEIGHT, MAX_ROW_HEIGHT),
        n,
        name_width: names_width,
        detail,
    };
    let right = if is_scrolled { area.right() - SCROLL_WIDTH } else { area.right() };
    let mut chart = Chart {
        plot: area.left() + names_width.unwrap_or(6.0)..right - CHANGE_WIDTH - 6.0,
        rows: Rows { name_width: names_width, ..shared.unwrap_or(own) },
        shows_float: table.by_truth,
    };
    chart.numbers_ui(ui);
    if !is_scrolled {
        return rows_ui(ui, (&chart, table, order), content, filter);
    }
    super::region(ui, area.with_min_y(chart.rows.top), "recalls", |ui| {
        ScrollArea::vertical().id_salt("recalls").auto_shrink(false).show(ui, |ui| {
            scroll_to_focus(ui);
            let size = vec2(right - area.left(), chart.rows.height * n as f32);
            let (rect, _) = ui.allocate_exact_size(size, Sense::hover());
            chart.rows.top = rect.top();
            ui.scope_builder(egui::UiBuilder::new().max_rect(rect), |ui| {
                rows_ui(ui, (&chart, table, order), content, filter);
            });
        });
    });
}

/// Of the rows from top to bottom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    OfClasses,
    /// Where not all are in sight at once.
    LargestLoss,
}

fn classes_title_ui(ui: &mut Ui, by_truth: bool, (detail, order): (Detail, Order)) {
    let title = match (by_truth, order) {
        (true, Order::OfClasses) => "Recall by class",
        (true, Order::LargestLoss) => "Recall, largest loss first",
        (false, Order::OfClasses) => "Same answer by class",
        (false, Order::LargestLoss) => "Same answer, largest loss first",
    };
    let help = match by_truth {
        true => "Recall: right answers over samples of the class, with Wilson's 95 % interval",
        false => {
            "Share of the samples with this float answer that keep it, with Wilson's 95 % interval"
        }
    };
    title_ui(ui, (title, help), (by_truth, detail));
}

/// The rows of all classes over the lines of the axis.
fn rows_ui(
    ui: &mut Ui,
    (chart, table, order): (&Chart, &Confusion, Order),
    content: &Content,
    filter: &mut Filter,
) {
    let theme = Theme::of(ui);
    let breakdown = &content.accuracy.breakdown;
    let recall_of = |place: usize| match table.shown.get(place) {
        Some(&class) => breakdown.recall(class),
        None => breakdown.other_recall.as_ref(),
    };
    let mut places: Vec<usize> = (0..table.n_rows()).collect();
    if order == Order::LargestLoss {
        let change = |place: usize| recall_of(place).map_or(f64::INFINITY, Recall::change_points);
        places.sort_by(|a, b| change(*a).total_cmp(&change(*b)));
    }
    chart.grid_ui(ui);
    let area = ui.max_rect();
    for (row, place) in places.into_iter().enumerate() {
        let class = table.shown.get(place).copied();
        let name = name_at(table, content.names, place);
        let rect = chart.row_rect(row, area.left()..chart.right());
        let is_chosen = filter.class.is_some() && filter.class == class;
        let recall = recall_of(place);
        if row_ui(ui, (chart, rect, place), (&name, recall), is_chosen) && class.is_some() {
            filter.toggle(class, None);
        }
        if let Some(width) = chart.rows.name_width {
            let ink = if is_chosen { theme.accent } else { theme.label };
            let galley = cut_text(ui, name, theme::text(11.0), ink, width - 8.0);
            paint_text(ui, rect.left_center() + vec2(4.0, 0.0), Align2::LEFT_CENTER, galley);
        }
    }
}

/// The tokens that gain or lose most hits.
pub fn tokens_ui(ui: &mut Ui, room: Rect, content: &Content, filter: &mut Filter) {
    let recalls = &content.accuracy.breakdown.recalls;
    super::region(ui, room, "title", |ui| {
        title_ui(
            ui,
            (
                "Tokens that change most",
                "Share of the places where this token is next that the model predicts it, with Wilson's 95 % interval",
            ),
            (true, Detail::Full),
        );
    });
    if recalls.is_empty() {
        state_view::empty_ui(
            ui,
            "No token changed",
            "Both models predict every token equally often.",
        );
        return;
    }
    let n_columns: usize = if room.width() >= TWO_COLUMNS { 2 } else { 1 };
    let gaps = COLUMN_GAP * (n_columns - 1) as f32;
    // Wider, and a figure stands too far from its name.
    let width = ((room.width() - gaps) / n_columns as f32).min(TOKENS_WIDTH);
    let top = room.top() + 68.0;
    let n_wanted = recalls.len().div_ceil(n_columns).max(1);
    let height = ((room.bottom() - top) / n_wanted as f32).clamp(LEAST_ROW_HEIGHT, MAX_ROW_HEIGHT);
    let n_rows = (((room.bottom() - top) / height).max(1.0) as usize).min(n_wanted);
    for (column, recalls) in recalls.chunks(n_rows).take(n_columns).enumerate() {
        let left = room.left() + column as f32 * (width + COLUMN_GAP);
        let area = Rect::from_x_y_ranges(left..=left + width, top..=top + height * n_rows as f32);
        token_rows_ui(ui, (area, column * n_rows), (recalls, height), content, filter);
    }
}

/// Tokens one below the other, the first of them the `first` of all.
fn token_rows_ui(
    ui: &mut Ui,
    (area, first): (Rect, usize),
    (recalls, height): (&[Recall], f32),
    content: &Content,
    filter: &mut Filter,
) {
    const NAME_WIDTH: f32 = 110.0;
    const N_WIDTH: f32 = 64.0;
    let theme = Theme::of(ui);
    let (top, n) = (area.top(), recalls.len());
    let chart = Chart {
        plot: area.left() + NAME_WIDTH + N_WIDTH..area.right() - CHANGE_WIDTH - 6.0,
        rows: Rows { top, height, n, name_width: None, detail: Detail::Full },
        shows_float: true,
    };
    chart.numbers_ui(ui);
    chart.grid_ui(ui);
    let head = pos2(area.left() + NAME_WIDTH + N_WIDTH - 12.0, top - 4.0);
    ui.painter().text(head, Align2::RIGHT_BOTTOM, "places", theme::text(11.0), theme.hint);
    for (row, recall) in recalls.iter().enumerate() {
        let name = content.names.of(recall.class);
        let rect = chart.row_rect(row, area.left()..area.right());
        let is_chosen = filter.class == Some(recall.class);
        if row_ui(ui, (&chart, rect, first + row), (&name, Some(recall)), is_chosen) {
            filter.toggle(Some(recall.class), None);
        }
        let colour = if is_chosen { theme.accent } else { theme.label };
        let galley = cut_text(ui, name, theme::text(11.0), colour, NAME_WIDTH - 8.0);
        paint_text(ui, rect.left_center() + vec2(4.0, 0.0), Align2::LEFT_CENTER, galley);
        let place = pos2(rect.left() + NAME_WIDTH + N_WIDTH - 12.0, rect.center().y);
        ui.painter().text(place, Align2::RIGHT_CENTER, recall.n, theme::mono(11.0), theme.label);
    }
}

/// Title and what the marks are, below it or, in little height, behind it.
fn title_ui(ui: &mut Ui, (title, help): (&str, &str), (shows_float, detail): (bool, Detail)) {
    let theme = Theme::of(ui);
    ui.spacing_mut().item_spacing.y = 2.0;
    ui.horizontal(|ui| {
        // As high as the row of the matrix beside it.
        ui.set_min_height(theme::CONTROL_HEIGHT);
        let title = RichText::new(title).font(theme::title(12.0)).color(theme.text);
        ui.add(egui::Label::new(title).truncate()).on_hover_text(help);
        if detail == Detail::Low {
            marks_ui(ui, shows_float);
        }
    });
    if detail == Detail::Low {
        return;
    }
    let layout = egui::Layout::left_to_right(egui::Align::Center);
    ui.allocate_ui_with_layout(vec2(ui.available_width(), 16.0), layout, |ui| {
        marks_ui(ui, shows_float);
    });
}

fn marks_ui(ui: &mut Ui, shows_float: bool) {
    let theme = Theme::of(ui);
    ui.spacing_mut().item_spacing.x = 4.0;
    let float = shows_float.then_some(("●", "float", theme.original));
    // In little room the signs stand alone, as everywhere in the panel.
    let has_names = ui.available_width() >= 130.0;
    for (sign, name, colour) in float.into_iter().chain([("■", "quantized", theme.quantized)]) {
        ui.label(RichText::new(sign).color(colour)).on_hover_text(name);
        if has_names {
            ui.label(RichText::new(name).color(theme.hint));
        }
        ui.add_space(4.0);
    }
    if !has_names {
        return;
    }
    let text = RichText::new("%, 95 % interval").color(theme.hint);
    ui.add(egui::Label::new(text).truncate());
}

/// Rows of intervals on one axis from 0 to 100 %.
struct Chart {
    plot: std::ops::Range<f32>,
    rows: Rows,
    shows_float: bool,
}

impl Chart {
    fn x(&self, share: f64) -> f32 {
        self.plot.start + (self.plot.end - self.plot.start) * share.clamp(0.0, 1.0) as f32
    }

    fn row_rect(&self, row: usize, x: std::ops::Range<f32>) -> Rect {
        let top = self.rows.top + row as f32 * self.rows.height;
        Rect::from_min_max(pos2(x.start, top), pos2(x.end, top + self.rows.height))
    }

    /// Where the rows end.
    fn right(&self) -> f32 {
        self.plot.end + CHANGE_WIDTH + 6.0
    }

    fn ticks(&self) -> impl Iterator<Item = (f32, i32)> {
        let step = if self.plot.end - self.plot.start < 120.0 { 50 } else { 25 };
        (0..=100).step_by(step).map(|tick| (self.x(f64::from(tick) / 100.0), tick))
    }

    fn numbers_ui(&self, ui: &Ui) {
        let theme = Theme::of(ui);
        for (x, tick) in self.ticks() {
            let place = pos2(x, self.rows.top - 4.0);
            let font = theme::mono(11.0);
            ui.painter().text(place, Align2::CENTER_BOTTOM, tick, font, theme.hint);
        }
        let place = pos2(self.right() - 2.0, self.rows.top - 4.0);
        ui.painter().text(place, Align2::RIGHT_BOTTOM, "pt", theme::text(11.0), theme.hint);
    }

    fn grid_ui(&self, ui: &Ui) {
        let theme = Theme::of(ui);
        let bottom = self.rows.top + self.rows.n as f32 * self.rows.height;
        for (x, _) in self.ticks() {
            ui.painter().vline(x, self.rows.top..=bottom, Stroke::new(1.0, theme.grid));
        }
    }

    fn estimate_ui(&self, ui: &Ui, y: f32, estimate: Estimate, is_float: bool) {
        let theme = Theme::of(ui);
        let colour = if is_float { theme.original } else { theme.quantized };
        let (left, right) = (self.x(estimate.ci95.0), self.x(estimate.ci95.1));
        ui.painter().hline(left..=right, y, Stroke::new(1.5, colour));
        let centre = pos2(self.x(estimate.value), y);
        let radius = (self.rows.height * 0.14).clamp(2.2, 3.5);
        if is_float {
            ui.painter().circle_filled(centre, radius, colour);
        } else {
            let square = Rect::from_center_size(centre, egui::Vec2::splat(2.0 * radius));
            ui.painter().rect_filled(square, 1, colour);
        }
    }
}

/// One class; whether it was clicked.
fn row_ui(
    ui: &mut Ui,
    (chart, rect, row): (&Chart, Rect, usize),
    (name, recall): (&str, Option<&Recall>),
    is_chosen: bool,
) -> bool {
    let theme = Theme::of(ui);
    let response = ui.interact(rect, ui.scope_id().with(("recall", row)), Sense::click());
    if is_chosen || response.hovered() {
        let fill = if is_chosen { theme.selected } else { theme.hover };
        ui.painter().rect_filled(rect, 2, fill.gamma_multiply(0.6));
    }
    focus_ui(ui, rect, &response);
    let Some(recall) = recall else {
        let font = theme::text(11.0);
        ui.painter().text(rect.center(), Align2::CENTER_CENTER, "no samples", font, theme.hint);
        return false;
    };
    let (middle, offset) = (rect.center().y, (rect.height() * 0.17).min(6.0));
    let ends = [recall.float.value, recall.quantized.value].map(|value| chart.x(value));
    let between = ends[0].min(ends[1])..=ends[0].max(ends[1]);
    ui.painter().hline(between, middle, Stroke::new(1.0, theme.line_strong));
    if chart.shows_float {
        chart.estimate_ui(ui, middle - offset, recall.float, true);
    }
    chart.estimate_ui(ui, middle + offset, recall.quantized, false);
    let points = recall.change_points();
    let colour = if points <= BAD_POINTS { theme.bad } else { theme.label };
    let text = match points.round() {
        0.0 => "0".to_owned(),
        up if up > 0.0 => format!("+{}", fixed(up, 0)),
        down => fixed(down, 0),
    };
    let place = rect.right_center() - vec2(2.0, 0.0);
    ui.painter().text(place, Align2::RIGHT_CENTER, text, theme::mono(11.0), colour);
    response.widget_info(|| {
        let text = format!(
            "Recall of {name}: {} → {}",
            percent(recall.float.value, 1),
            percent(recall.quantized.value, 1)
        );
        WidgetInfo::labeled(egui::Role::Button, true, text)
    });
    let clicked = response.clicked();
    response.on_hover_ui(|ui| {
        ui.label(tooltip(name, recall));
    });
    clicked
}

fn tooltip(name: &str, recall: &Recall) -> String {
    let line = |side: &str, hits: usize, estimate: Estimate| {
        let (lo, hi) = estimate.ci95;
        let ends = interval(&fixed(100.0 * lo, 1), &percent(hi, 1));
        format!("{side}: {hits} of {}, {} ({ends})", recall.n, percent(estimate.value, 1))
    };
    let float = line("float", recall.float_hits, recall.float);
    let quantized = line("quantized", recall.quantized_hits, recall.quantized);
    format!("{name}\n{float}\n{quantized}")
}
