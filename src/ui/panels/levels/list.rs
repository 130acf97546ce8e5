//! The table of levels; only the rows in view are drawn.

use egui::{RichText, Sense, Ui};
use egui_extras::{Column, TableBuilder, TableRow};

use super::LevelsPanel;
use super::line::share_text;
use crate::base::{fixed, significant, thousands};
use crate::session::{LevelsPicture, UsedLevel};
use crate::ui::code_bits::{bits_text, pattern};
use crate::ui::table::Table;
use crate::ui::theme::{self, Theme};
use crate::ui::widgets::number;

/// Points of a block of all columns.
pub(super) const WIDTH: f32 = 512.0;
/// Between columns, and between blocks of them.
const GAP: f32 = 6.0;
const BETWEEN: f32 = 18.0;
const MARGIN_BELOW: f32 = 8.0;
const COLUMNS: [(&str, &str, f32); 5] = [
    ("Code", "The whole number that stands for the level", 62.0),
    ("Bits", "The code as it is stored; fields of a float apart", 142.0),
    ("Value", "What the code stands for", 104.0),
    ("Weights", "How many weights became this level", 76.0),
    ("Share", "Of the weights counted", 72.0),
];

impl LevelsPanel {
    /// As many columns of levels beside each other as have room; a click pins a level.
    pub(super) fn list_ui(&mut self, ui: &mut Ui, picture: &LevelsPicture, shown: Option<usize>) {
        let n_levels = picture.levels.len();
        let n_rows = n_levels.div_ceil(n_blocks(ui.available_width())).max(1);
        let n_blocks = n_levels.div_ceil(n_rows).max(1);
        ui.spacing_mut().item_spacing = egui::vec2(GAP, 0.0);
        ui.spacing_mut().scroll = egui::style::ScrollStyle::thin();
        let mut table = TableBuilder::new(ui)
            .id_salt("levels")
            .striped(false)
            .sense(Sense::CLICK)
            .cell_layout(egui::Layout::right_to_left(egui::Align::Center))
            .animate_scrolling(false)
            .auto_shrink(false);
        for _ in 0..n_blocks {
            for column in &COLUMNS {
                table = table.column(Column::exact(column.2).clip(true));
            }
            table = table.column(Column::exact(BETWEEN));
        }
        if std::mem::take(&mut self.scrolls)
            && let Some(idx) = self.pinned_idx(picture).or(shown)
        {
            table = table.scroll_to_row(idx % n_rows, Some(egui::Align::Center));
        }
        let head = table.header(theme::TABLE_ROW_HEIGHT, |mut header| {
            for _ in 0..n_blocks {
                for (title, help, _) in COLUMNS {
                    header.col(|ui| {
                        let text = RichText::new(title).font(theme::text(11.0));
                        ui.label(text.color(Theme::of(ui).hint)).on_hover_text(help);
                    });
                }
                header.col(|_| {});
            }
        });
        head.body(|body| {
            body.rows(theme::TABLE_ROW_HEIGHT, n_rows, |mut row| {
                for block_idx in 0..n_blocks {
                    let idx = block_idx * n_rows + row.index();
                    self.level_ui(&mut row, picture, idx, shown == Some(idx));
                }
            });
        });
    }

    /// The cells of one level, and the gap after them.
    fn level_ui(
        &mut self,
        row: &mut TableRow,
        picture: &LevelsPicture,
        idx: usize,
        is_shown: bool,
    ) {
        let level = picture.levels.get(idx);
        let texts = level.map(|level| texts(picture, level)).unwrap_or_default();
        for (place, text) in texts.into_iter().enumerate() {
            let (_, response) = row.col(|ui| {
                let Some(level) = level else { return };
                let theme = Theme::of(ui);
                if is_shown {
                    let cell = ui.max_rect().expand2(egui::vec2(GAP / 2.0, 0.0));
                    // The gaps between cells belong to it too.
                    let clip = ui.clip_rect().expand2(egui::vec2(GAP / 2.0, 0.0));
                    let mut painter = ui.painter().clone();
                    painter.set_clip_rect(clip);
                    painter.rect_filled(cell, 0, theme.selected);
                }
                let ink = match (level.count, place) {
                    (0, 3) => theme.bad,
                    (0, _) => theme.hint,
                    _ => theme.text,
                };
                number(ui, &text, 12.0, ink);
            });
            if let Some(level) = level.filter(|_| response.clicked()) {
                self.pinned = Some(level.code);
            }
        }
        row.col(|_| {});
    }
}

/// Points that so many levels take in so much width, with their titles.
pub(super) fn height(n_levels: usize, width: f32) -> f32 {
    let n_rows = n_levels.div_ceil(n_blocks(width)).max(1);
    theme::TABLE_ROW_HEIGHT * (n_rows as f32 + 1.0) + MARGIN_BELOW
}

/// Blocks of columns that have room.
fn n_blocks(width: f32) -> usize {
    // Half a point for what rounding took.
    (((width + 0.5) / WIDTH).floor() as usize).max(1)
}

/// A level's value; a negative zero has its sign.
pub(super) fn value_text(value: f32) -> String {
    match value == 0.0 && value.is_sign_negative() {
        true => format!("{}0", crate::base::MINUS),
        false => significant(f64::from(value), 6),
    }
}

fn texts(picture: &LevelsPicture, level: &UsedLevel) -> [String; 5] {
    let bits = picture.format.map(|format| bits_text(pattern(level.code, format), format));
    [
        fixed(f64::from(level.code), 0),
        bits.unwrap_or_else(|| "n/a".to_owned()),
        value_text(level.value),
        if level.count == 0 { "unused".to_owned() } else { thousands(level.count as usize) },
        share_text(picture, level.count),
    ]
}

/// Every level, plain numbers.
pub(super) fn csv(picture: &LevelsPicture) -> Table {
    let mut table = Table::new(&["code", "bits", "value", "weights", "share"]);
    for level in &picture.levels {
        let bits = picture.format.map(|format| bits_text(pattern(level.code, format), format));
        table.rows.push(vec![
            level.code.to_string(),
            bits.unwrap_or_default().replace(' ', ""),
            level.value.to_string(),
            level.count.to_string(),
            (level.count as f64 / picture.count.max(1) as f64).to_string(),
        ]);
    }
    table
}
