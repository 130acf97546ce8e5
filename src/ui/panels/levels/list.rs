//! The table of levels; only the rows in view are drawn.

use egui::{RichText, Sense, Ui};
use egui_extras::{Column, TableBuilder};

use super::LevelsPanel;
use super::line::share_text;
use crate::base::{fixed, significant, thousands};
use crate::session::{LevelsPicture, UsedLevel};
use crate::ui::code_bits::{bits_text, pattern};
use crate::ui::table::Table;
use crate::ui::theme::{self, Theme};
use crate::ui::widgets::number;

/// Points of all columns.
pub(super) const WIDTH: f32 = 500.0;
const COLUMNS: [(&str, &str, f32); 5] = [
    ("Code", "The whole number that stands for the level", 62.0),
    ("Bits", "The code as it is stored; fields of a float apart", 142.0),
    ("Value", "What the code stands for", 104.0),
    ("Weights", "How many weights became this level", 76.0),
    ("Share", "Of the weights counted", 72.0),
];
const ROW_HEIGHT: f32 = 20.0;

impl LevelsPanel {
    pub(super) fn list_ui(&mut self, ui: &mut Ui, picture: &LevelsPicture, shown: Option<usize>) {
        ui.spacing_mut().item_spacing = egui::vec2(6.0, 0.0);
        ui.spacing_mut().scroll = egui::style::ScrollStyle::thin();
        let mut table = TableBuilder::new(ui)
            .id_salt("levels")
            .striped(false)
            .sense(Sense::CLICK)
            .cell_layout(egui::Layout::right_to_left(egui::Align::Center))
            .auto_shrink(false);
        for column in &COLUMNS {
            table = table.column(Column::exact(column.2).clip(true));
        }
        if std::mem::take(&mut self.scrolls)
            && let Some(idx) = self.pinned_idx(picture)
        {
            table = table.scroll_to_row(idx, None);
        }
        let head = table.header(ROW_HEIGHT + 4.0, |mut header| {
            for (title, help, _) in COLUMNS {
                header.col(|ui| {
                    let text = RichText::new(title).font(theme::text(11.0));
                    ui.label(text.color(Theme::of(ui).hint)).on_hover_text(help);
                });
            }
        });
        head.body(|body| {
            body.rows(ROW_HEIGHT, picture.levels.len(), |mut row| {
                let idx = row.index();
                let Some(level) = picture.levels.get(idx) else { return };
                row.set_selected(shown == Some(idx));
                for (place, text) in texts(picture, level).into_iter().enumerate() {
                    row.col(|ui| {
                        let theme = Theme::of(ui);
                        let ink = match (level.count, place) {
                            (0, 3) => theme.bad,
                            (0, _) => theme.hint,
                            _ => theme.text,
                        };
                        number(ui, &text, 12.0, ink);
                    });
                }
                if row.response().clicked() {
                    self.pinned = Some(level.code);
                }
            });
        });
    }
}

fn texts(picture: &LevelsPicture, level: &UsedLevel) -> [String; 5] {
    let bits = picture.format.map(|format| bits_text(pattern(level.code, format), format));
    [
        fixed(f64::from(level.code), 0),
        bits.unwrap_or_else(|| "n/a".to_owned()),
        significant(f64::from(level.value), 6),
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
