//! The table: every scheme compared on a row, what is refused at the end with its reason.

use std::ops::RangeInclusive;

use egui::{Align, Layout, RichText, Sense, Ui, WidgetInfo, vec2};
use egui_extras::{Column, TableBuilder, TableRow};
use egui_material_icons::icons;

use super::Content;
use super::detail::{APPLY_HELP, bits_text, gain_text, hover_ui};
use super::marks::{MARK_RADIUS, colour_of, draw_mark};
use super::plot::Deed;
use super::rows::{Direction, Order, Row, SortKey};
use super::specs::long_name;
use crate::base::{bytes, fixed, percent, scientific};
use crate::eval::Sqnr;
use crate::session::ComparedFigures;
use crate::ui::table::Table;
use crate::ui::theme::{self, Theme};
use crate::ui::widgets::{name_it, number};

const GAP: f32 = 6.0;
const MIN_NAME_WIDTH: f32 = 150.0;
/// What most names take; figures yield to it where the table is no narrow one.
const NAME_WIDTH: f32 = 244.0;
const NARROW: f32 = 480.0;
/// Wider, and a number stands too far from its name.
pub(super) const MAX_WIDTH: f32 = 1240.0;

#[derive(Clone, Copy, PartialEq, Eq)]
enum ListColumn {
    Scheme,
    Setting,
    Family,
    Bits,
    Size,
    Sqnr,
    Gain,
    Mse,
    MaxError,
    Clipped,
}

impl ListColumn {
    /// From left to right.
    const ALL: [Self; 10] = [
        Self::Scheme,
        Self::Setting,
        Self::Family,
        Self::Bits,
        Self::Size,
        Self::Sqnr,
        Self::Gain,
        Self::Mse,
        Self::MaxError,
        Self::Clipped,
    ];

    /// Beside the name, the most needed first; where room is short the last yield first.
    const BY_NEED: [Self; 9] = [
        Self::Bits,
        Self::Sqnr,
        Self::Gain,
        Self::Size,
        Self::Mse,
        Self::Clipped,
        Self::MaxError,
        Self::Family,
        Self::Setting,
    ];

    fn that_fit(width: f32) -> Vec<Self> {
        let name_width = if width < NARROW { MIN_NAME_WIDTH } else { NAME_WIDTH };
        let mut room = width - name_width - theme::PANEL_MARGIN;
        let fits = |column: &Self| {
            room -= column.width() + GAP;
            room >= 0.0
        };
        let beside: Vec<Self> = Self::BY_NEED.into_iter().take_while(fits).collect();
        let is_there = |column: &Self| *column == Self::Scheme || beside.contains(column);
        Self::ALL.into_iter().filter(is_there).collect()
    }

    fn width(self) -> f32 {
        match self {
            Self::Scheme => MIN_NAME_WIDTH,
            Self::Setting => 230.0,
            Self::Family => 96.0,
            Self::Bits => 90.0,
            Self::Gain => 62.0,
            Self::Size | Self::Clipped => 64.0,
            Self::Sqnr => 74.0,
            Self::Mse => 86.0,
            Self::MaxError => 84.0,
        }
    }

    fn sized(self) -> Column {
        match self {
            Self::Scheme => Column::remainder().at_least(MIN_NAME_WIDTH).clip(true),
            _ => Column::exact(self.width()).clip(true),
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Scheme => "Scheme",
            Self::Setting => "Setting",
            Self::Family => "Family",
            Self::Bits => "Bits / weight",
            Self::Size => "Size",
            Self::Sqnr => "SQNR, dB",
            Self::Gain => "Δ, dB",
            Self::Mse => "MSE",
            Self::MaxError => "Max error",
            Self::Clipped => "Clipped",
        }
    }

    fn help(self) -> &'static str {
        match self {
            Self::Scheme => "How the layer would be quantized",
            Self::Setting => "The specification, as the command line takes it",
            Self::Family => "The kind of scheme",
            Self::Bits => {
                "Stored bits per weight, scales, codebooks and everything else needed to decode counted"
            }
            Self::Size => "Stored size of the layer, ⌈bits/8⌉ bytes; 1 kB = 1000 bytes",
            Self::Sqnr => "Signal-to-quantization-noise ratio: 10·log₁₀(Σx² / Σ(x−x̂)²)",
            Self::Gain => {
                "SQNR above that of the setting in use: 10·log₁₀ of the quotient of both mean squared errors"
            }
            Self::Mse => "Mean squared error: Σ(x−x̂)²/n",
            Self::MaxError => "The largest error of a weight: max |x−x̂|",
            Self::Clipped => "Share of the weights beyond the last level + half a step",
        }
    }

    fn key(self) -> SortKey {
        match self {
            Self::Scheme | Self::Setting => SortKey::Scheme,
            Self::Family => SortKey::Family,
            Self::Bits => SortKey::Bits,
            Self::Size => SortKey::Size,
            // The one in use is the same for all.
            Self::Sqnr | Self::Gain => SortKey::Sqnr,
            Self::Mse => SortKey::Mse,
            Self::MaxError => SortKey::MaxError,
            Self::Clipped => SortKey::Clipped,
        }
    }

    fn is_text(self) -> bool {
        matches!(self, Self::Scheme | Self::Setting | Self::Family)
    }

    /// The title; a click orders by the column.
    fn header_ui(self, ui: &mut Ui, order: &mut Order) {
        let theme = Theme::of(ui);
        let layout = match self.is_text() {
            true => Layout::left_to_right(Align::Center),
            false => Layout::right_to_left(Align::Center),
        };
        ui.with_layout(layout, |ui| {
            if self == Self::Scheme {
                ui.add_space(theme::PANEL_MARGIN);
            }
            ui.spacing_mut().item_spacing.x = 2.0;
            ui.spacing_mut().button_padding.x = 0.0;
            let is_ordered = order.key == self.key() && !matches!(self, Self::Gain | Self::Setting);
            let ink = if is_ordered { theme.text } else { theme.label };
            let title = RichText::new(self.title()).color(ink);
            let response = ui.add(egui::Button::new(title).frame(false));
            name_it(&response, &format!("Order schemes by {}", self.title()));
            if is_ordered {
                let icon = match order.direction {
                    Direction::Up => icons::ICON_ARROW_UPWARD,
                    Direction::Down => icons::ICON_ARROW_DOWNWARD,
                };
                ui.label(icon.rich_text().size(12.0).color(theme.accent));
            }
            if response.on_hover_text(self.help()).clicked() {
                *order = order.clicked(self.key());
            }
        });
    }

    fn text(self, content: &Content, row: &Row, figures: &ComparedFigures) -> String {
        match self {
            Self::Scheme | Self::Setting | Self::Family => String::new(),
            Self::Bits => bits_text(figures),
            Self::Size => bytes(figures.stored_bytes),
            Self::Sqnr => match figures.sqnr {
                Sqnr::Db(db) => fixed(db, 2),
                other => other.case().unwrap_or_default().to_owned(),
            },
            Self::Gain => content.present.gain_of(row).map_or_else(|| "–".to_owned(), gain_text),
            Self::Mse => scientific(figures.error.mse(), 4),
            Self::MaxError => fixed(figures.error.max_abs_error, error_decimals(content)),
            Self::Clipped => percent(figures.error.clipped_fraction(), 2),
        }
    }
}

/// Draws the table; a click picks, a double click uses.
pub(super) fn list_ui(ui: &mut Ui, content: &Content, order: &mut Order) -> Option<Deed> {
    let rows = content.listed();
    let columns = ListColumn::that_fit(ui.available_width());
    ui.spacing_mut().item_spacing = vec2(GAP, 0.0);
    let right = ui.max_rect().right();
    let table = table_with(ui, &columns);
    let mut deed = None;
    let header = |mut header: TableRow| {
        for column in &columns {
            header.col(|ui| column.header_ui(ui, order));
        }
        header.col(|_| {});
    };
    table.header(theme::TABLE_ROW_HEIGHT, header).body(|body| {
        body.rows(theme::TABLE_ROW_HEIGHT, rows.len(), |mut line| {
            let Some(&row) = rows.get(line.index()) else { return };
            let is_in_use = row.spec == content.present.spec;
            let is_picked = content.picked == Some(row.spec.as_str());
            line.set_selected(is_in_use || is_picked);
            let mut reason_left = None;
            for (idx, column) in columns.iter().enumerate() {
                line.col(|ui| match (row.refusal(), row.figures()) {
                    _ if *column == ListColumn::Scheme => {
                        if scheme_ui(ui, content, row) {
                            deed = Some(Deed::Apply(row.clone()));
                        }
                    }
                    (Some(_), _) if idx == 1 => reason_left = Some(ui.max_rect().left()),
                    (Some(_), _) => {}
                    _ if *column == ListColumn::Setting => setting_ui(ui, row),
                    _ if *column == ListColumn::Family => {
                        let name = row.choice.scheme().family().name();
                        ui.label(RichText::new(name).color(Theme::of(ui).label));
                    }
                    (None, Some(figures)) => right_ui(ui, &column.text(content, row, figures)),
                    (None, None) => right_ui(ui, "…"),
                });
            }
            // The last, which nothing is drawn over and which does not clip.
            line.col(|ui| {
                if let (Some(left), Some(reason)) = (reason_left, row.refusal()) {
                    reason_ui(ui, row, reason, left..=right - theme::PANEL_MARGIN);
                }
            });
            let response = line.response();
            if response.double_clicked() {
                deed = Some(Deed::Apply(row.clone()));
            } else if response.clicked() {
                deed = Some(Deed::Pick(row.clone()));
            }
        });
    });
    deed
}

/// An empty table of these columns and room between the last numbers and the edge.
fn table_with<'a>(ui: &'a mut Ui, columns: &[ListColumn]) -> TableBuilder<'a> {
    let mut table = TableBuilder::new(ui)
        .id_salt("schemes")
        .striped(false)
        .sense(Sense::CLICK)
        .cell_layout(Layout::left_to_right(Align::Center))
        .auto_shrink(false);
    for column in columns {
        table = table.column(column.sized());
    }
    table.column(Column::exact(theme::PANEL_MARGIN - GAP))
}

/// Of the largest errors, one number for the column: three digits of the largest weight and one more.
fn error_decimals(content: &Content) -> usize {
    let most = content.original.as_ref().map_or(1.0, |weights| weights.hi.max(-weights.lo));
    (3.0 - most.max(1e-6).log10().floor()).clamp(0.0, 9.0) as usize
}

fn right_ui(ui: &mut Ui, text: &str) {
    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
        number(ui, text, 12.0, Theme::of(ui).text);
    });
}

fn setting_ui(ui: &mut Ui, row: &Row) {
    let spec = RichText::new(&row.spec).font(theme::mono(11.0)).color(Theme::of(ui).hint);
    ui.add(egui::Label::new(spec).truncate()).on_hover_text(&row.spec);
}

/// Mark and name, and beside what is picked the button that uses it; whether that was clicked.
fn scheme_ui(ui: &mut Ui, content: &Content, row: &Row) -> bool {
    let theme = Theme::of(ui);
    ui.add_space(theme::PANEL_MARGIN);
    let size = vec2(2.0 * MARK_RADIUS + 2.0, theme::TABLE_ROW_HEIGHT);
    let (rect, _) = ui.allocate_exact_size(size, Sense::hover());
    let family = row.choice.scheme().family();
    draw_mark(ui.painter(), family, (rect.center(), MARK_RADIUS), colour_of(family, theme));
    let is_in_use = row.spec == content.present.spec;
    let ink = if row.refusal().is_some() { theme.label } else { theme.text };
    let name = RichText::new(long_name(&row.choice)).color(ink);
    let mut is_used = false;
    let is_picked = content.picked == Some(row.spec.as_str());
    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
        if is_in_use {
            let text = RichText::new("in use").color(theme.accent);
            ui.label(text).on_hover_text("How this layer is quantized now");
        } else if is_picked && row.figures().is_some() {
            let response = ui.small_button("Use");
            name_it(&response, &format!("Use {}", long_name(&row.choice)));
            is_used = response.on_hover_text(APPLY_HELP).clicked();
        }
        ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
            let response = ui.add(egui::Label::new(name).truncate());
            response.on_hover_ui(|ui| hover_ui(ui, content, row));
        });
    });
    is_used
}

/// The reason over the columns that have nothing to say.
fn reason_ui(ui: &mut Ui, row: &Row, reason: &str, x: RangeInclusive<f32>) {
    let theme = Theme::of(ui);
    let area = ui.max_rect().with_min_x(*x.start()).with_max_x(*x.end());
    let text = format!("✕ {reason}");
    let mut job = egui::text::LayoutJob::simple_singleline(text, theme::text(12.0), theme.bad);
    job.wrap = egui::text::TextWrapping::truncate_at_width(area.width());
    let galley = ui.painter().layout_job(job);
    let place = egui::pos2(area.left(), area.center().y - galley.size().y / 2.0);
    ui.painter().galley(place, galley, theme.bad);
    let response = ui.interact(area, ui.scope_id().with(("reason", &row.spec)), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(egui::Role::Label, true, format!("✕ {reason}")));
    response.on_hover_text(reason);
}

/// The rows for other programs, in their order.
pub(super) fn table_of(content: &Content) -> Table {
    let mut table = Table::new(&[
        "scheme",
        "setting",
        "family",
        "bits_per_weight",
        "bytes",
        "sqnr_db",
        "mse",
        "max_abs_error",
        "clipped_share",
        "gain_db",
        "refused",
    ]);
    for row in content.listed() {
        let figures = row.figures();
        let cell = |value: Option<f64>| value.map_or_else(String::new, |x| x.to_string());
        table.rows.push(vec![
            row.choice.scheme().name().to_owned(),
            row.spec.clone(),
            row.choice.scheme().family().name().to_owned(),
            cell(figures.and_then(|figures| figures.bits_per_weight)),
            figures.map_or_else(String::new, |figures| figures.stored_bytes.to_string()),
            cell(figures.and_then(|figures| figures.sqnr.db())),
            cell(figures.map(|figures| figures.error.mse())),
            cell(figures.map(|figures| figures.error.max_abs_error)),
            cell(figures.map(|figures| figures.error.clipped_fraction())),
            cell(content.present.gain_of(row)),
            row.refusal().unwrap_or_default().to_owned(),
        ]);
    }
    table
}
