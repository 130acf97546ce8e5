//! Every step of the session, with what is known of the state after it; a click goes there.

use egui::{Align, Layout, Rect, RichText, ScrollArea, Sense, Ui, WidgetInfo, pos2, vec2};

use crate::base::fixed;
use crate::eval::{Accuracy, Estimate, Metric, Sqnr};
use crate::session::{Command, Edit, History, StepFigures};
use crate::ui::panel::{Panel, PanelCtx, PanelEntry, Place};
use crate::ui::state_view;
use crate::ui::theme::{self, Theme};

pub const ENTRY: PanelEntry = PanelEntry {
    id: "history",
    title: "History",
    place: Place::Right,
    create: || Box::new(HistoryPanel::default()),
};

#[derive(Default)]
struct HistoryPanel {
    /// The state shown last, to scroll to another one when undo leads there.
    shown_n_done: Option<usize>,
}

/// Layers that are named in a row; the rest is counted.
const MAX_NAMED: usize = 2;
/// Layers that are named in a tooltip.
const MAX_LISTED: usize = 24;
const MARK_WIDTH: f32 = 28.0;
const SQNR_WIDTH: f32 = 76.0;
const ACCURACY_WIDTH: f32 = 104.0;
/// Below this there is no room for what changed beside the step's name.
const WIDE: f32 = 640.0;
/// Below it, only what a step changed and the accuracy after it.
const NARROW: f32 = 460.0;

/// Where the columns of a row stand.
struct Columns {
    mark: Rect,
    label: Rect,
    change: Option<Rect>,
    /// `None` where there is little room.
    sqnr: Option<Rect>,
    accuracy: Rect,
}

/// Where a step stands to the present one.
#[derive(Clone, Copy, PartialEq)]
enum Tense {
    Done,
    Present,
    Undone,
}

impl Panel for HistoryPanel {
    fn ui(&mut self, ui: &mut Ui, ctx: &PanelCtx) {
        if ctx.session.network().is_none() {
            state_view::empty_ui(ui, "No model is open", "Every change will stand here.");
            return;
        }
        let history = ctx.session.history();
        if history.is_empty() {
            let hint = "Each change of a setting will stand here; a click goes back to it.";
            state_view::empty_ui(ui, "No changes yet", hint);
            return;
        }
        header_ui(ui, ctx);
        self.list_ui(ui, ctx, history);
    }
}

impl HistoryPanel {
    fn list_ui(&mut self, ui: &mut Ui, ctx: &PanelCtx, history: &History) {
        let n_done = history.n_done();
        ui.spacing_mut().item_spacing.y = 0.0;
        let mut area = ScrollArea::vertical().auto_shrink(false);
        if self.shown_n_done != Some(n_done) {
            self.shown_n_done = Some(n_done);
            let above = (ui.available_height() / theme::TABLE_ROW_HEIGHT / 2.0).floor();
            let offset = (n_done as f32 - above) * theme::TABLE_ROW_HEIGHT;
            area = area.vertical_scroll_offset(offset.max(0.0));
        }
        area.show_rows(ui, theme::TABLE_ROW_HEIGHT, history.len() + 1, |ui, rows| {
            for step in rows {
                let tense = match step.cmp(&n_done) {
                    std::cmp::Ordering::Less => Tense::Done,
                    std::cmp::Ordering::Equal => Tense::Present,
                    std::cmp::Ordering::Greater => Tense::Undone,
                };
                if step_ui(ui, ctx, step, tense) {
                    ctx.send(Command::GoTo(step));
                }
            }
        });
    }
}

fn columns(row: Rect) -> Columns {
    let row = row.shrink2(vec2(theme::PANEL_MARGIN, 0.0));
    let (mark, rest) = row.split_left_right_at_x(row.left() + MARK_WIDTH);
    // Beside other panels the words matter most; the tooltip has every figure.
    let is_narrow = row.width() < NARROW;
    let (accuracy_width, sqnr_width) =
        if is_narrow { (64.0, 0.0) } else { (ACCURACY_WIDTH, SQNR_WIDTH) };
    let (rest, accuracy) = rest.split_left_right_at_x(rest.right() - accuracy_width);
    let (rest, sqnr) = rest.split_left_right_at_x(rest.right() - sqnr_width);
    let is_wide = row.width() > WIDE;
    let middle = if is_wide { rest.left() + rest.width() * 0.45 } else { rest.right() };
    let (label, change) = rest.split_left_right_at_x(middle);
    let sqnr = (!is_narrow).then_some(sqnr);
    Columns { mark, label, change: is_wide.then_some(change), sqnr, accuracy }
}

fn header_ui(ui: &mut Ui, ctx: &PanelCtx) {
    let theme = Theme::of(ui);
    let size = vec2(ui.available_width(), theme::TABLE_ROW_HEIGHT);
    let (rect, _) = ui.allocate_exact_size(size, Sense::hover());
    let columns = columns(rect);
    let history = ctx.session.history();
    let title = format!("Step {} of {}", history.n_done(), history.len());
    let label = |ui: &mut Ui, text: &str| ui.label(RichText::new(text).color(theme.label));
    let name = columns.label.with_min_x(columns.mark.left());
    cell(ui, name, Align::Min, |ui| label(ui, &title));
    if let Some(change) = columns.change {
        cell(ui, change, Align::Min, |ui| label(ui, "From → to"));
    }
    let help = "Signal-to-quantization-noise ratio of the layer that the step changed: 10·log₁₀(Σx² / Σ(x−x̂)²). Known for steps whose layer was measured; nothing is computed for this list";
    if let Some(sqnr) = columns.sqnr {
        cell(ui, sqnr, Align::Max, |ui| label(ui, "SQNR, dB").on_hover_text(help));
    }
    let accuracy = ctx.session.accuracy();
    let metric = accuracy.shown().map(|accuracy| accuracy.metric);
    let help = "Of the quantized model in that state, with half of its 95 % interval. Known for states whose accuracy run was completed on the present sample set";
    let name = metric.map_or("Accuracy", metric_name);
    cell(ui, columns.accuracy, Align::Max, |ui| label(ui, name).on_hover_text(help));
    let stroke = egui::Stroke::new(1.0, theme.line);
    ui.painter().hline(rect.x_range(), rect.bottom() - 0.5, stroke);
}

fn metric_name(metric: Metric) -> &'static str {
    match metric {
        Metric::Top1 => "Top-1, %",
        Metric::Perplexity => "Perplexity",
        Metric::Agreement => "Same as float, %",
    }
}

/// A row; whether it was chosen.
fn step_ui(ui: &mut Ui, ctx: &PanelCtx, step: usize, tense: Tense) -> bool {
    let theme = Theme::of(ui);
    let history = ctx.session.history();
    let edit = step.checked_sub(1).and_then(|idx| history.edit(idx));
    let size = vec2(ui.available_width(), theme::TABLE_ROW_HEIGHT);
    let (_, rect) = ui.allocate_space(size);
    // An id of its own: the rows before it come and go with scrolling.
    let response = ui.interact(rect, ui.scope_id().with(("step", step)), Sense::click());
    let label = edit.map_or("As opened", |edit| edit.label.as_str());
    response.widget_info(|| {
        let is_present = tense == Tense::Present;
        let name = format!("Step {step}: {label}");
        WidgetInfo::selected(egui::Role::Button, true, is_present, name)
    });
    let fill = match tense {
        Tense::Present => theme.selected,
        _ if response.hovered() => theme.hover,
        _ => theme.panel,
    };
    ui.painter().rect_filled(rect, 0, fill);
    if response.has_focus() {
        let stroke = egui::Stroke::new(1.0, theme.accent);
        ui.painter().rect_stroke(rect.shrink(1.0), 2, stroke, egui::StrokeKind::Inside);
    }
    let columns = columns(rect);
    mark_ui(ui, columns.mark, step, (tense, history.len()));
    let ink = if tense == Tense::Undone { theme.hint } else { theme.text };
    let weight = if tense == Tense::Present { theme::title(12.0) } else { theme::text(12.0) };
    let text = |text: &str| egui::Label::new(RichText::new(text).color(ink)).truncate();
    let name = egui::Label::new(RichText::new(label).font(weight).color(ink)).truncate();
    cell(ui, columns.label, Align::Min, |ui| ui.add(name));
    if let (Some(rect), Some(edit)) = (columns.change, edit) {
        let details = edit.change.details(MAX_NAMED);
        cell(ui, rect, Align::Min, |ui| ui.add(text(&details)));
    }
    let figures = ctx.session.step_figures(step);
    figures_ui(ui, &columns, &figures, ink);
    response.on_hover_ui(|ui| tooltip_ui(ui, edit, tense, &figures)).clicked()
}

/// A dot on the line of time: filled where the step is done, large where the session stands.
fn mark_ui(ui: &Ui, rect: Rect, step: usize, (tense, n_edits): (Tense, usize)) {
    let theme = Theme::of(ui);
    let centre = pos2(rect.left() + 8.0, rect.center().y);
    let colour = |is_done| if is_done { theme.label } else { theme.line_strong };
    let line = |is_done| egui::Stroke::new(1.5, colour(is_done));
    if step > 0 {
        ui.painter().vline(centre.x, rect.top()..=centre.y, line(tense != Tense::Undone));
    }
    if step < n_edits {
        ui.painter().vline(centre.x, centre.y..=rect.bottom(), line(tense == Tense::Done));
    }
    match tense {
        Tense::Done => drop(ui.painter().circle_filled(centre, 3.5, theme.label)),
        Tense::Present => drop(ui.painter().circle_filled(centre, 5.5, theme.accent)),
        Tense::Undone => {
            let stroke = egui::Stroke::new(1.5, theme.line_strong);
            ui.painter().circle(centre, 3.5, theme.panel, stroke);
        }
    }
}

fn figures_ui(ui: &mut Ui, columns: &Columns, figures: &StepFigures, ink: egui::Color32) {
    let theme = Theme::of(ui);
    if let Some((rect, sqnr)) = columns.sqnr.zip(figures.sqnr) {
        let text = RichText::new(sqnr_text(sqnr)).font(theme::mono(12.0)).color(ink);
        cell(ui, rect, Align::Max, |ui| ui.label(text));
    }
    let Some(accuracy) = figures.accuracy.as_deref() else { return };
    if let Some(estimate) = quantized(accuracy) {
        cell(ui, columns.accuracy, Align::Max, |ui| {
            let (value, reach) = estimate_text(estimate, accuracy.metric);
            if columns.sqnr.is_some() {
                let reach = format!("±{reach}");
                ui.label(RichText::new(reach).font(theme::mono(11.0)).color(theme.hint));
            }
            ui.label(RichText::new(value).font(theme::mono(12.0)).color(ink))
        });
    }
}

fn sqnr_text(sqnr: Sqnr) -> String {
    match sqnr {
        Sqnr::Db(db) => fixed(db, 1),
        Sqnr::Exact => "exact".to_owned(),
        Sqnr::NoSignal => "all zero".to_owned(),
        Sqnr::NonFinite => "NaN".to_owned(),
    }
}

/// The model as it was in that state: a model all float has no quantized figure.
fn quantized(accuracy: &Accuracy) -> Option<Estimate> {
    accuracy.quantized.or(accuracy.float)
}

fn estimate_text(estimate: Estimate, metric: Metric) -> (String, String) {
    let reach = (estimate.ci95.1 - estimate.ci95.0) / 2.0;
    match metric {
        Metric::Perplexity => (fixed(estimate.value, 3), fixed(reach, 2)),
        _ => (fixed(estimate.value * 100.0, 1), fixed(reach * 100.0, 1)),
    }
}

fn tooltip_ui(ui: &mut Ui, edit: Option<&Edit>, tense: Tense, figures: &StepFigures) {
    let theme = Theme::of(ui);
    match edit {
        None => ui.label("The model as it was opened"),
        Some(edit) => ui.label(edit.change.details(MAX_LISTED).replace(", ", "\n")),
    };
    if let Some(accuracy) = figures.accuracy.as_deref()
        && let Some(estimate) = quantized(accuracy)
    {
        let (value, reach) = estimate_text(estimate, accuracy.metric);
        let name = metric_name(accuracy.metric);
        ui.label(format!("{name}: {value} ±{reach} on {} samples", accuracy.n_samples));
    }
    let what = match tense {
        Tense::Present => "The session stands here.",
        Tense::Done => "Done. Click to go back to it.",
        Tense::Undone => "Undone. Click to do it again.",
    };
    ui.label(RichText::new(what).color(theme.hint));
}

/// Draws into one column of a row.
fn cell<R>(ui: &mut Ui, rect: Rect, align: Align, content: impl FnOnce(&mut Ui) -> R) {
    let layout = match align {
        Align::Max => Layout::right_to_left(Align::Center),
        _ => Layout::left_to_right(Align::Center),
    };
    let rect = rect.with_max_x(rect.right() - if align == Align::Max { 0.0 } else { 8.0 });
    let mut cell = ui.new_child(egui::UiBuilder::new().max_rect(rect).layout(layout));
    cell.spacing_mut().item_spacing.x = 4.0;
    content(&mut cell);
}
