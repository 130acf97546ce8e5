//! The confusion matrix, before, after, or what changed. A click on a cell, a class or an answer
//! chooses samples.

use egui::{
    Align2, Color32, Rect, RichText, Sense, Stroke, StrokeKind, Ui, WidgetInfo, pos2, vec2,
};

use super::names::Names;
use super::parts::{
    cut_text, ink_on, paint_text, paint_upright_text, share_colour, signed_colour, switch_ui,
};
use super::{Filter, region};
use crate::base::{MINUS, thousands};
use crate::eval::{Confusion, Side};
use crate::ui::theme::{self, Theme};

/// What the cells count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Counts {
    #[default]
    Change,
    Of(Side),
}

const TITLE_HEIGHT: f32 = 48.0;
const LEGEND_HEIGHT: f32 = 26.0;
/// Below this height the cells get the room of what only explains them.
const LOW: f32 = 250.0;
/// Title alone, without the line below.
const LOW_TITLE_HEIGHT: f32 = 28.0;
const MAX_CELL_HEIGHT: f32 = 88.0;
const LEAST_CELL: f32 = 4.0;
/// Names closer to each other than that are left out; the tooltip has them.
const NAME_SPACING: f32 = 11.0;
/// Cells that are larger have names of the usual size.
const FULL_NAME: f32 = 13.0;
const FULL_SIZE: f32 = 11.0;
/// What the title and the switch beside it need, however few cells there are.
const TITLE_WIDTH: f32 = 310.0;
const FLAT_HEAD_HEIGHT: f32 = 18.0;
/// Most room that names written upwards take.
const UPRIGHT_HEAD_HEIGHT: f32 = 88.0;

/// From this width of the matrix on, the names on its left are far from what is on its right.
const FAR: f32 = 400.0;

/// Where the cells lie.
pub struct Grid {
    cells: Rect,
    cell_size: egui::Vec2,
    n_rows: usize,
    heads: Heads,
    name_width: f32,
    detail: Detail,
}

/// Names over the columns.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Heads {
    Flat,
    /// Written upwards, where they are wider than their columns; with their room.
    Upright(f32),
}

impl Heads {
    fn height(self) -> f32 {
        match self {
            Self::Flat => FLAT_HEAD_HEIGHT,
            Self::Upright(height) => height,
        }
    }
}

/// What is drawn around the cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// Title, what rows and columns are, names, legend of the colours.
    Full,
    /// Title and names; the rest is under the pointer.
    Low,
}

impl Detail {
    fn title_height(self) -> f32 {
        if self == Self::Full { TITLE_HEIGHT } else { LOW_TITLE_HEIGHT }
    }

    fn legend_height(self) -> f32 {
        if self == Self::Full { LEGEND_HEIGHT } else { 2.0 }
    }
}

impl Grid {
    /// As large as fits, with room for names on the left and above.
    pub fn new(ui: &Ui, room: Rect, table: &Confusion, names: &Names) -> Self {
        let width_of = |&class: &u32| {
            ui.painter()
                .layout_no_wrap(names.of(class), theme::text(FULL_SIZE), Color32::WHITE)
                .size()
                .x
        };
        let widest = table.shown.iter().map(width_of).fold(0.0, f32::max);
        // "24 others" stands among the rows.
        let widest_row = if table.n_other > 0 { widest.max(54.0) } else { widest };
        let name_width = widest_row.clamp(24.0, 92.0) + 8.0;
        let (n_rows, n_columns) = (table.n_rows().max(1), table.n_columns().max(1));
        let detail = if room.height() < LOW { Detail::Low } else { Detail::Full };
        let margins = detail.title_height() + detail.legend_height();
        let cell_size = |heads: Heads| {
            let width = (room.width() - name_width) / n_columns as f32;
            let height = (room.height() - margins - heads.height()) / n_rows as f32;
            // In little height wider cells have room for numbers.
            let ratio = if detail == Detail::Low { 1.7 } else { 1.0 };
            let height = height.min(width.max(LEAST_CELL)).clamp(LEAST_CELL, MAX_CELL_HEIGHT);
            vec2(width.clamp(LEAST_CELL, height.max(LEAST_CELL) * ratio), height)
        };
        let flat = cell_size(Heads::Flat).x;
        let is_flat = widest * name_size(flat) / FULL_SIZE + 1.5 <= flat;
        let upright = (widest_row + 10.0).clamp(FLAT_HEAD_HEIGHT + 1.0, UPRIGHT_HEAD_HEIGHT);
        let heads = if is_flat { Heads::Flat } else { Heads::Upright(upright) };
        let cell_size = cell_size(heads);
        let origin = room.min + vec2(name_width, detail.title_height() + heads.height());
        let size = cell_size * vec2(n_columns as f32, n_rows as f32);
        let cells = Rect::from_min_size(origin, size);
        Self { cells, cell_size, n_rows, heads, name_width, detail }
    }

    /// Of the cells, or of what stands over them.
    pub fn right(&self) -> f32 {
        self.cells.right().max(self.cells.left() - self.name_width + TITLE_WIDTH)
    }

    /// Top of the first row, height of each, and how many.
    pub fn rows(&self) -> Rows {
        // Far from the names on the left, the rows beside the matrix have their own.
        let is_far = self.right() - self.cells.left() >= FAR || self.right() > self.cells.right();
        let name_width = is_far.then_some(self.name_width);
        let (top, height) = (self.cells.top(), self.cell_size.y);
        Rows { top, height, n: self.n_rows, name_width, detail: self.detail }
    }

    fn cell(&self, row: usize, column: usize) -> Rect {
        let offset = self.cell_size * vec2(column as f32, row as f32);
        Rect::from_min_size(self.cells.min + offset, self.cell_size)
    }
}

/// Rows that two charts share.
#[derive(Clone, Copy, Debug)]
pub struct Rows {
    pub top: f32,
    pub height: f32,
    pub n: usize,
    /// Room for the names of the rows; `None` where they stand beside them already.
    pub name_width: Option<f32>,
    pub detail: Detail,
}

/// Title, switch, names, cells and legend.
pub fn confusion_ui(
    ui: &mut Ui,
    grid: &Grid,
    (table, names): (&Confusion, &Names),
    (counts, filter): (&mut Counts, &mut Filter),
) {
    let room = ui.max_rect();
    let title = Rect::from_min_size(room.min, vec2(room.width(), grid.detail.title_height()));
    region(ui, title, "title", |ui| title_ui(ui, table, (counts, grid.detail)));
    names_ui(ui, grid, (table, names), filter);
    let largest = largest(table, *counts);
    let place = |n: usize| (n / table.n_columns().max(1), n % table.n_columns().max(1));
    let cells: Vec<Cell> = (0..table.n_rows() * table.n_columns())
        .map(place)
        .map(|(row, column)| Cell { row, column, value: value(table, *counts, row, column) })
        .collect();
    let look = CellLook { counts: *counts, largest, font_size: font_size(grid, &cells, *counts) };
    for cell in &cells {
        cell_ui(ui, grid, (table, names), (cell, look), filter);
    }
    let is_beyond = cells.iter().any(|cell| cell.value.abs() > largest);
    if grid.detail == Detail::Low {
        return;
    }
    legend_ui(ui, grid, *counts, (largest, is_beyond));
}

fn title_ui(ui: &mut Ui, table: &Confusion, (counts, detail): (&mut Counts, Detail)) {
    let theme = Theme::of(ui);
    ui.spacing_mut().item_spacing.y = 2.0;
    let explanation = explanation(table, *counts);
    ui.horizontal(|ui| {
        let title = match table.by_truth {
            true if ui.available_width() < 296.0 => "Confusion",
            true => "Confusion matrix",
            false => "Where answers go",
        };
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            let mut options = vec![
                (Counts::Change, "Change", "Quantized minus float, in samples"),
                (Counts::Of(Side::Float), "Float", "Samples, as float answers"),
                (Counts::Of(Side::Quantized), "Quantized", "Samples, as quantized answers"),
            ];
            if !table.by_truth {
                // Float agrees with itself.
                options.retain(|(counts, _, _)| *counts != Counts::Of(Side::Float));
            }
            switch_ui(ui, counts, &options);
            ui.with_layout(egui::Layout::left_to_right(egui::Align::Center), |ui| {
                let title = RichText::new(title).font(theme::title(12.0)).color(theme.text);
                ui.add(egui::Label::new(title).truncate()).on_hover_text(&explanation);
            });
        });
    });
    if detail == Detail::Full {
        let label = egui::Label::new(RichText::new(&explanation).color(theme.hint)).truncate();
        ui.add(label).on_hover_text(explanation);
    }
}

/// What rows, columns and cells are.
fn explanation(table: &Confusion, counts: Counts) -> String {
    let rows = if table.by_truth { "true class" } else { "float answers" };
    let what = match counts {
        Counts::Change => "quantized − float",
        Counts::Of(_) => "samples",
    };
    format!("rows: {rows} · columns: answer · {what}")
}

fn value(table: &Confusion, counts: Counts, row: usize, column: usize) -> i64 {
    match counts {
        Counts::Change => table.change(row, column),
        Counts::Of(side) => i64::from(table.count(side, row, column)),
    }
}

/// The largest count of a cell, which the colours go up to. Where many classes are summed, that sum
/// would leave nothing to see of the others.
fn largest(table: &Confusion, counts: Counts) -> i64 {
    let n = table.shown.len();
    let cells = (0..n).flat_map(|row| (0..n).map(move |column| (row, column)));
    cells.map(|(row, column)| value(table, counts, row, column).abs()).max().unwrap_or(0).max(1)
}

/// The class of a row or column; `None` for the others and for no answer.
fn class_at(table: &Confusion, place: usize) -> Option<u32> {
    table.shown.get(place).copied()
}

/// Name of a row or column.
pub fn name_at(table: &Confusion, names: &Names, place: usize) -> String {
    match class_at(table, place) {
        Some(class) => names.of(class),
        None if place < table.n_rows() => format!("{} others", thousands(table.n_other)),
        None => "no answer".to_owned(),
    }
}

fn names_ui(ui: &mut Ui, grid: &Grid, (table, names): (&Confusion, &Names), filter: &mut Filter) {
    let theme = Theme::of(ui);
    let left = ui.max_rect().left();
    for row in 0..table.n_rows() {
        let cell = grid.cell(row, 0);
        let rect = Rect::from_x_y_ranges(left..=cell.left() - 2.0, cell.y_range());
        let name = name_at(table, names, row);
        let class = class_at(table, row);
        let response = ui.interact(rect, ui.scope_id().with(("row", row)), Sense::click());
        let is_chosen = class.is_some() && filter.class == class && filter.answer.is_none();
        let colour = if is_chosen { theme.accent } else { theme.label };
        let size = name_size(grid.cell_size.y);
        if has_name(row, grid.cell_size.y) {
            let galley = cut_text(ui, name.clone(), theme::text(size), colour, rect.width() - 4.0);
            paint_text(ui, rect.right_center() - vec2(4.0, 0.0), Align2::RIGHT_CENTER, galley);
        }
        focus_ui(ui, rect, &response);
        response.widget_info(|| {
            WidgetInfo::labeled(egui::Role::Button, class.is_some(), format!("Show class {name}"))
        });
        if class.is_some() && response.on_hover_text(format!("{name}: show what changed")).clicked()
        {
            filter.toggle(class, None);
        }
    }
    for column in 0..table.n_columns() {
        let cell = grid.cell(0, column);
        let rect =
            Rect::from_x_y_ranges(cell.x_range(), cell.top() - grid.heads.height()..=cell.top());
        let name = name_at(table, names, column);
        let answer = class_at(table, column);
        let response = ui.interact(rect, ui.scope_id().with(("column", column)), Sense::CLICK);
        let is_chosen = answer.is_some() && filter.answer == answer && filter.class.is_none();
        let colour = if is_chosen { theme.accent } else { theme.label };
        head_ui(ui, grid, (table, column), (rect, &name, colour));
        response.widget_info(|| {
            WidgetInfo::labeled(egui::Role::Button, answer.is_some(), format!("Show answer {name}"))
        });
        let help = format!("answer {name}: show the samples that got it or no longer do");
        if answer.is_some() && response.on_hover_text(help).clicked() {
            filter.toggle(None, answer);
        }
    }
}

/// The name over a column.
fn head_ui(
    ui: &Ui,
    grid: &Grid,
    (table, column): (&Confusion, usize),
    (rect, name, colour): (Rect, &str, Color32),
) {
    let font = theme::text(name_size(grid.cell_size.x));
    let lay_out = |text: String| ui.painter().layout_no_wrap(text, font.clone(), colour);
    match grid.heads {
        // Its neighbour's stands there.
        Heads::Upright(_) if !has_name(column, grid.cell_size.x) => {}
        Heads::Upright(height) => {
            let galley = cut_text(ui, name.to_owned(), font.clone(), colour, height - 4.0);
            let x = rect.center().x - galley.size().y / 2.0;
            paint_upright_text(ui, pos2(x, rect.bottom() - 4.0), galley);
        }
        Heads::Flat => {
            let whole = lay_out(name.to_owned());
            let fits = class_at(table, column).is_some() || whole.size().x <= rect.width();
            let galley = if fits { whole } else { lay_out(sum_sign(table, column)) };
            paint_text(ui, rect.center(), Align2::CENTER_CENTER, galley);
        }
    }
}

/// What stands over a column that is no class and has no room for its name.
fn sum_sign(table: &Confusion, column: usize) -> String {
    if column < table.n_rows() { "…".to_owned() } else { "?".to_owned() }
}

/// Of the letters beside or over a cell of that size.
fn name_size(size: f32) -> f32 {
    if size >= FULL_NAME { FULL_SIZE } else { 10.0 }
}

/// Whether a row or column of that size has room for its name beside the last one's.
fn has_name(place: usize, size: f32) -> bool {
    place.is_multiple_of((NAME_SPACING / size.max(1.0)).ceil().max(1.0) as usize)
}

/// The frame of what the keyboard is on.
pub fn focus_ui(ui: &Ui, rect: Rect, response: &egui::Response) {
    if response.has_focus() {
        let stroke = Stroke::new(1.0, Theme::of(ui).accent);
        ui.painter().rect_stroke(rect, 2, stroke, StrokeKind::Inside);
    }
}

struct Cell {
    row: usize,
    column: usize,
    value: i64,
}

/// What all cells have in common.
#[derive(Clone, Copy)]
struct CellLook {
    counts: Counts,
    /// What the colours go up to.
    largest: i64,
    /// `None` where there is no room for the numbers of all cells.
    font_size: Option<f32>,
}

/// The size at which the number of every cell fits: all have theirs, or none.
fn font_size(grid: &Grid, cells: &[Cell], counts: Counts) -> Option<f32> {
    let n_chars = cells.iter().map(|cell| cell_text(cell.value, counts).chars().count()).max()?;
    let fits = |size: &f32| {
        grid.cell_size.x >= 0.6 * size * n_chars as f32 + 3.0 && grid.cell_size.y >= size + 2.0
    };
    [11.0, 9.0].into_iter().find(fits)
}

fn cell_ui(
    ui: &mut Ui,
    grid: &Grid,
    (table, names): (&Confusion, &Names),
    (cell, look): (&Cell, CellLook),
    filter: &mut Filter,
) {
    let theme = Theme::of(ui);
    let rect = grid.cell(cell.row, cell.column);
    let (class, answer) = (class_at(table, cell.row), class_at(table, cell.column));
    let is_choosable = class.is_some() && answer.is_some();
    let id = ui.scope_id().with(("cell", cell.row, cell.column));
    let response = ui.interact(rect, id, Sense::CLICK);
    let fill = match cell.value {
        0 => theme.background,
        value => fill_of(theme, look.counts, value as f32 / look.largest as f32),
    };
    ui.painter().rect_filled(rect.shrink(0.5), 0, fill);
    let (text, colour) = match cell.value {
        0 => ("·".to_owned(), theme.hint),
        value => (cell_text(value, look.counts), ink_on(theme, fill)),
    };
    if let Some(size) = look.font_size {
        let font = theme::mono(size);
        ui.painter().text(rect.center(), Align2::CENTER_CENTER, text, font, colour);
    }
    let is_chosen = is_choosable && (filter.class, filter.answer) == (class, answer);
    if is_chosen || response.hovered() {
        let colour = if is_chosen { theme.accent } else { theme.label };
        let stroke = Stroke::new(if is_chosen { 2.0 } else { 1.0 }, colour);
        ui.painter().rect_stroke(rect, 0, stroke, StrokeKind::Inside);
    } else if cell.row == cell.column {
        let stroke = Stroke::new(1.0, theme.line_strong);
        ui.painter().rect_stroke(rect.shrink(0.5), 0, stroke, StrokeKind::Inside);
    }
    let describe = || {
        let (row, column) = (name_at(table, names, cell.row), name_at(table, names, cell.column));
        let (float, quantized) = (
            table.count(Side::Float, cell.row, cell.column),
            table.count(Side::Quantized, cell.row, cell.column),
        );
        format!("{row} answered as {column}: float {float}, quantized {quantized}")
    };
    response.widget_info(|| WidgetInfo::labeled(egui::Role::Button, is_choosable, describe()));
    let clicked = response.clicked();
    response.on_hover_ui(|ui| {
        ui.label(describe());
    });
    if clicked && is_choosable {
        filter.toggle(class, answer);
    }
}

fn fill_of(theme: &Theme, counts: Counts, fraction: f32) -> Color32 {
    match counts {
        // The colours near zero are hardly told apart: the smallest change starts beyond them.
        Counts::Change if fraction != 0.0 => {
            signed_colour(theme, fraction.signum() * (0.12 + 0.88 * fraction.abs()))
        }
        Counts::Change => signed_colour(theme, fraction),
        // Few samples are still seen beside many.
        Counts::Of(Side::Float) => share_colour(theme, theme.original, fraction.sqrt()),
        Counts::Of(Side::Quantized) => share_colour(theme, theme.quantized, fraction.sqrt()),
    }
}

fn cell_text(value: i64, counts: Counts) -> String {
    match (value < 0, counts) {
        (true, _) => format!("{MINUS}{}", value.abs()),
        (false, Counts::Change) => format!("+{value}"),
        (false, Counts::Of(_)) => value.to_string(),
    }
}

/// The scale of the colours, under the cells.
fn legend_ui(ui: &mut Ui, grid: &Grid, counts: Counts, (largest, is_beyond): (i64, bool)) {
    const N_STEPS: usize = 48;
    let theme = Theme::of(ui);
    let width = (grid.cells.width() * 0.42).clamp(60.0, 160.0);
    // The text on the right keeps its room.
    let text_room = if is_beyond { 168.0 } else { 84.0 };
    let x = grid.cells.center().x.min(grid.right() - text_room - width / 2.0);
    let centre = pos2(x, grid.cells.bottom() + 15.0);
    let bar = Rect::from_center_size(centre, vec2(width, 8.0));
    for step in 0..N_STEPS {
        let at = (step as f32 + 0.5) / N_STEPS as f32;
        let fraction = if counts == Counts::Change { 2.0 * at - 1.0 } else { at };
        let left = bar.left() + bar.width() * step as f32 / N_STEPS as f32;
        let size = vec2(bar.width() / N_STEPS as f32 + 0.3, bar.height());
        let part = Rect::from_min_size(pos2(left, bar.top()), size);
        ui.painter().rect_filled(part, 0, fill_of(theme, counts, fraction));
    }
    let (lo, hi) = match counts {
        Counts::Change => (format!("{MINUS}{largest}"), format!("+{largest}")),
        Counts::Of(_) => ("0".to_owned(), largest.to_string()),
    };
    let hi = if is_beyond { format!("{hi} or more, samples") } else { format!("{hi} samples") };
    let font = theme::mono(11.0);
    let place = bar.left_center() - vec2(6.0, 0.0);
    ui.painter().text(place, Align2::RIGHT_CENTER, lo, font.clone(), theme.hint);
    let place = bar.right_center() + vec2(6.0, 0.0);
    ui.painter().text(place, Align2::LEFT_CENTER, hi, font, theme.hint);
}
