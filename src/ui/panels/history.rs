//! Every step of the session, with what is known of the state after it; a click goes there.

use egui::{Align, Layout, Rect, RichText, ScrollArea, Sense, Ui, WidgetInfo, pos2, vec2};

use crate::base::{bytes, fixed, thousands};
use crate::eval::{Estimate, Metric, Sqnr};
use crate::session::{Command, Edit, History, StepFigures};
use crate::ui::panel::{Panel, PanelCtx, PanelEntry, Place};
use crate::ui::short_name::shortened;
use crate::ui::state_view;
use crate::ui::theme::{self, Theme};
use crate::ui::widgets::centred_ui;

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

/// Wider, and figures stand too far from the names of their steps.
const MAX_WIDTH: f32 = 1200.0;
/// Layers that are named in a tooltip.
const MAX_LISTED: usize = 24;
const MARK_WIDTH: f32 = 28.0;
/// Of size, bits per weight and SQNR.
const FIGURE_WIDTHS: [f32; 3] = [76.0, 88.0, 72.0];
const ACCURACY_WIDTH: f32 = 104.0;
/// Below this there is no room for what changed beside the step's name.
const WIDE: f32 = 760.0;
/// Below it the figures stand on a line of their own under the step's name.
const NARROW: f32 = 520.0;
const TWO_LINES: f32 = 44.0;

/// Where the columns of a row stand.
struct Columns {
    mark: Rect,
    label: Rect,
    change: Option<Rect>,
    figures: Figures,
    accuracy: Rect,
}

/// Where size, bits per weight and SQNR stand.
#[derive(Clone, Copy)]
enum Figures {
    Columns([Rect; 3]),
    Line(Rect),
}

fn is_narrow(width: f32) -> bool {
    width < NARROW
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
            state_view::no_model_ui(ui, ctx.session, "Every change will stand here.");
            return;
        }
        let history = ctx.session.history();
        if history.is_empty() {
            let hint = "Each change of a setting will stand here; a click goes back to it.";
            let icon = egui_material_icons::icons::ICON_HISTORY;
            state_view::empty_icon_ui(ui, icon, ("No changes yet", hint));
            return;
        }
        centred_ui(ui, MAX_WIDTH, |ui| {
            header_ui(ui, ctx);
            self.list_ui(ui, ctx, history);
        });
    }
}

impl HistoryPanel {
    fn list_ui(&mut self, ui: &mut Ui, ctx: &PanelCtx, history: &History) {
        let n_done = history.n_done();
        ui.spacing_mut().item_spacing.y = 0.0;
        let row_height = match is_narrow(ui.available_width()) {
            true => TWO_LINES,
            false => theme::TABLE_ROW_HEIGHT,
        };
        let mut area = ScrollArea::vertical().auto_shrink(false);
        if self.shown_n_done != Some(n_done) {
            self.shown_n_done = Some(n_done);
            let above = (ui.available_height() / row_height / 2.0).floor();
            let offset = (n_done as f32 - above) * row_height;
            area = area.vertical_scroll_offset(offset.max(0.0));
        }
        area.show_rows(ui, row_height, history.len() + 1, |ui, rows| {
            for step in rows {
                let tense = match step.cmp(&n_done) {
                    std::cmp::Ordering::Less => Tense::Done,
                    std::cmp::Ordering::Equal => Tense::Present,
                    std::cmp::Ordering::Greater => Tense::Undone,
                };
                if step_ui(ui, ctx, (step, row_height), tense) {
                    ctx.send(Command::GoTo(step));
                }
            }
        });
    }
}

fn columns(row: Rect) -> Columns {
    let is_wide = row.width() > WIDE;
    let is_narrow = is_narrow(row.width());
    let row = row.shrink2(vec2(theme::PANEL_MARGIN, 0.0));
    let (mark, mut rest) = row.split_left_right_at_x(row.left() + MARK_WIDTH);
    if is_narrow {
        let upper = |rect: Rect| rect.with_max_y(rect.top() + 24.0);
        let lower = |rect: Rect| rect.with_min_y(rect.top() + 20.0).with_max_y(rect.bottom() - 4.0);
        let label = upper(rest);
        rest = lower(rest);
        let (line, accuracy) = rest.split_left_right_at_x(rest.right() - 44.0);
        return Columns { mark, label, change: None, figures: Figures::Line(line), accuracy };
    }
    let mut cut = |width: f32| {
        let (left, right) = rest.split_left_right_at_x(rest.right() - width);
        rest = left;
        right
    };
    let accuracy = cut(ACCURACY_WIDTH);
    let [size, bits, sqnr] = FIGURE_WIDTHS;
    let (sqnr, bits, size) = (cut(sqnr), cut(bits), cut(size));
    let middle = if is_wide { rest.left() + rest.width() * 0.65 } else { rest.right() };
    let (label, change) = rest.split_left_right_at_x(middle);
    let figures = Figures::Columns([size, bits, sqnr]);
    Columns { mark, label, change: is_wide.then_some(change), figures, accuracy }
}

/// Names and what they mean, as [`FIGURE_WIDTHS`].
const FIGURES: [(&str, &str); 3] = [
    ("Size", "The model stored with codes, scales and zero points"),
    ("Bits / weight", "Over the quantized layers: codes and everything needed to decode them"),
    (
        "SQNR, dB",
        "Signal-to-quantization-noise ratio of all quantized weights together: 10·log₁₀(Σx² / Σ(x−x̂)²)",
    ),
];

/// Why a figure may be missing.
const KNOWN_HELP: &str = "Measured of the state as opened, and of others while they were present; click a step to go there and measure it";
/// Why an accuracy may be missing.
const NO_ACCURACY_HELP: &str = "Accuracy was not measured while this state was present on these samples; click the step to go there and measure it";
const NOT_MEASURED: &str = "not measured";

fn header_ui(ui: &mut Ui, ctx: &PanelCtx) {
    let theme = Theme::of(ui);
    let size = vec2(ui.available_width(), theme::TABLE_ROW_HEIGHT);
    let (rect, _) = ui.allocate_exact_size(size, Sense::hover());
    let columns = columns(rect);
    let history = ctx.session.history();
    // The model as it was opened is a state as well.
    let title = format!("State {} of {}", history.n_done() + 1, history.len() + 1);
    let label = |ui: &mut Ui, text: &str| ui.label(RichText::new(text).color(theme.label));
    let name = columns.label.with_min_x(columns.mark.left()).with_max_y(rect.bottom());
    let help = "The model as it was opened, and after each step since; a click goes there";
    cell(ui, name, Align::Min, |ui| label(ui, &title).on_hover_text(help));
    if let Some(change) = columns.change {
        cell(ui, change, Align::Min, |ui| label(ui, "From → to"));
    }
    if let Figures::Columns(places) = columns.figures {
        for (rect, (name, help)) in places.into_iter().zip(FIGURES) {
            let help = format!("{help}. {KNOWN_HELP}");
            cell(ui, rect, Align::Max, |ui| label(ui, name).on_hover_text(help));
        }
    }
    let accuracy = ctx.session.accuracy();
    let metric = accuracy.shown().map(|accuracy| accuracy.metric);
    let help = "Of the quantized model in that state, with half of its 95 % interval. Known for states whose accuracy run was completed on the present sample set";
    let name = metric.map_or("Accuracy", metric_name);
    let place = columns.accuracy.with_max_y(rect.bottom()).with_min_x(rect.center().x);
    cell(ui, place, Align::Max, |ui| label(ui, name).on_hover_text(help));
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
fn step_ui(ui: &mut Ui, ctx: &PanelCtx, (step, height): (usize, f32), tense: Tense) -> bool {
    let theme = Theme::of(ui);
    let history = ctx.session.history();
    let edit = step.checked_sub(1).and_then(|idx| history.edit(idx));
    let size = vec2(ui.available_width(), height);
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
    let columns = columns(rect);
    mark_ui(ui, columns.mark, step, (tense, history.len()));
    let ink = if tense == Tense::Undone { theme.hint } else { theme.text };
    let weight = if tense == Tense::Present { theme::title(12.0) } else { theme::text(12.0) };
    let (name, from_to) = edit.map_or_else(
        || (label.to_owned(), None),
        |edit| texts_of(edit, columns.label.width(), columns.change.is_some()),
    );
    let name = egui::Label::new(RichText::new(name).font(weight).color(ink)).truncate();
    cell(ui, columns.label, Align::Min, |ui| ui.add(name));
    if let (Some(rect), Some(from_to)) = (columns.change, from_to) {
        let from_to = egui::Label::new(RichText::new(from_to).color(ink)).truncate();
        cell(ui, rect, Align::Min, |ui| ui.add(from_to));
    }
    let figures = ctx.session.step_figures(step);
    figures_ui(ui, &columns, &figures, ink);
    response.on_hover_ui(|ui| tooltip_ui(ui, edit, tense, &figures)).clicked()
}

/// Of an average letter.
const LETTER_WIDTH: f32 = 6.2;
/// Letters below which a shortened name tells nothing.
const LEAST_NAME: usize = 10;

/// What a step is called, and from what to what it led where that has a column of its own. A long
/// name of a layer gives its room to what was changed.
fn texts_of(edit: &Edit, width: f32, has_column: bool) -> (String, Option<String>) {
    let n_letters = (width / LETTER_WIDTH) as usize;
    let (what, from_to) = (edit.change.what(), edit.change.from_to());
    let is_own_name = edit.label != edit.change.label();
    match (from_to, has_column) {
        (from_to, true) if is_own_name => (shortened(&edit.label, n_letters), from_to),
        (from_to, true) => {
            let names = named_layers(edit, &what, n_letters);
            (names, from_to.or_else(|| Some("several schemes".to_owned())))
        }
        (Some(from_to), false) if !is_own_name => {
            let n_letters = n_letters.saturating_sub(from_to.chars().count() + 2).max(10);
            (format!("{}: {from_to}", shortened(&what, n_letters)), None)
        }
        _ => (edit.label.clone(), None),
    }
}

/// What a step of several layers was about: their number and as many of their names as have room.
fn named_layers(edit: &Edit, what: &str, n_letters: usize) -> String {
    let names: Vec<&str> = edit.change.layers.keys().map(String::as_str).collect();
    if names.len() < 2 {
        return shortened(what, n_letters);
    }
    let text = format!("{what}: {}", names.join(", "));
    if text.chars().count() <= n_letters {
        return text;
    }
    let more = |n_left: usize| format!("+{} more", thousands(n_left));
    let head = format!("{what}: ");
    let room = n_letters.saturating_sub(head.chars().count() + more(names.len()).chars().count());
    let mut listed = String::new();
    let (mut n_used, mut n_named) = (0, 0);
    for name in &names {
        n_used += name.chars().count() + 2;
        if n_used > room {
            break;
        }
        listed.push_str(name);
        listed.push_str(", ");
        n_named += 1;
    }
    if n_named == 0 {
        // Not even one whole: its end still tells it apart.
        let name = names.first().filter(|_| room >= LEAST_NAME);
        let Some(name) = name else { return what.to_owned() };
        listed = format!("{}, ", shortened(name, room.saturating_sub(2)));
        n_named = 1;
    }
    format!("{head}{listed}{}", more(names.len() - n_named))
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
    match columns.figures {
        Figures::Columns([first, _, last]) if figures.model.is_none() => {
            cell(ui, first.union(last), Align::Max, |ui| unknown_ui(ui, NOT_MEASURED, KNOWN_HELP));
        }
        Figures::Columns(places) => {
            for (rect, text) in places.into_iter().zip(figure_texts(figures)) {
                let ink = if text == UNKNOWN { theme.hint } else { ink };
                let text = RichText::new(text).font(theme::mono(12.0)).color(ink);
                cell(ui, rect, Align::Max, |ui| ui.label(text));
            }
        }
        Figures::Line(rect) => {
            let text = RichText::new(figures_line(figures)).font(theme::mono(11.0));
            let label = egui::Label::new(text.color(theme.hint)).truncate();
            cell(ui, rect, Align::Min, |ui| ui.add(label));
        }
    }
    let Some(accuracy) = figures.accuracy else {
        let is_wide = matches!(columns.figures, Figures::Columns(_));
        let text = if is_wide { NOT_MEASURED } else { UNKNOWN };
        return cell(ui, columns.accuracy, Align::Max, |ui| unknown_ui(ui, text, NO_ACCURACY_HELP));
    };
    cell(ui, columns.accuracy, Align::Max, |ui| {
        let (value, reach) = estimate_text(accuracy.estimate, accuracy.metric);
        if matches!(columns.figures, Figures::Columns(_)) {
            let reach = format!("±{reach}");
            ui.label(RichText::new(reach).font(theme::mono(11.0)).color(theme.hint));
        }
        ui.label(RichText::new(value).font(theme::mono(12.0)).color(ink))
    });
}

/// In the place of a figure there is none of.
fn unknown_ui(ui: &mut Ui, text: &str, help: &str) {
    let text = RichText::new(text).font(theme::text(11.0)).color(Theme::of(ui).hint);
    ui.label(text).on_hover_text(help);
}

const UNKNOWN: &str = "–";

/// Size, bits per weight and SQNR, without the units that the header names.
fn figure_texts(figures: &StepFigures) -> [String; 3] {
    let unknown = || UNKNOWN.to_owned();
    let Some(model) = &figures.model else { return [unknown(), unknown(), unknown()] };
    let bits = model.size.bits_per_weight.map_or_else(|| "float".to_owned(), |bits| fixed(bits, 2));
    [bytes(model.size.quantized_bytes), bits, model.sqnr.map_or_else(unknown, sqnr_text)]
}

/// The same with their units.
fn figures_line(figures: &StepFigures) -> String {
    let Some(model) = &figures.model else { return NOT_MEASURED.to_owned() };
    let [size, bits, sqnr] = figure_texts(figures);
    let with_unit = |text: String, is_number: bool, unit: &str| match is_number {
        true => format!("{text} {unit}"),
        false => text,
    };
    let bits = with_unit(bits, model.size.bits_per_weight.is_some(), "bits");
    let is_db = model.sqnr.is_some_and(|sqnr| sqnr.db().is_some());
    [size, bits, with_unit(sqnr, is_db, "dB")].join(" · ")
}

fn sqnr_text(sqnr: Sqnr) -> String {
    match sqnr {
        Sqnr::Db(db) => fixed(db, 1),
        Sqnr::Exact => "exact".to_owned(),
        Sqnr::NoSignal => "all zero".to_owned(),
        Sqnr::NonFinite => "NaN".to_owned(),
    }
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
    let db = |sqnr: Sqnr| match sqnr {
        Sqnr::Db(_) => format!("{} dB", sqnr_text(sqnr)),
        _ => sqnr_text(sqnr),
    };
    if let Some(sqnr) = figures.layer_sqnr {
        ui.label(format!("SQNR of this layer: {}", db(sqnr)));
    }
    match &figures.model {
        None => drop(ui.label(RichText::new(KNOWN_HELP).color(theme.hint))),
        Some(model) => {
            let [size, bits, _] = figure_texts(figures);
            let sqnr = model.sqnr.map_or_else(|| UNKNOWN.to_owned(), db);
            ui.label(format!("Size: {size}, bits per weight: {bits}"));
            ui.label(format!("SQNR of all quantized weights: {sqnr}"));
        }
    }
    if let Some(accuracy) = figures.accuracy {
        let (value, reach) = estimate_text(accuracy.estimate, accuracy.metric);
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
