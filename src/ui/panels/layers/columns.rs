//! The columns of the list, and what stands in them.

use egui::{DragValue, RichText, Ui, vec2};
use egui_extras::Column;
use egui_material_icons::icons;

use super::rows::{Direction, LayerRow, Order, SortKey, next_order};
use crate::base::{fixed, percent, thousands};
use crate::eval::{LayerFigures, Sqnr};
use crate::quant::{ParamKind, SchemeChoice, SettingValue};
use crate::session::{Command, Gesture, Loaded};
use crate::ui::actions::edit_command;
use crate::ui::panel::PanelCtx;
use crate::ui::scheme_picker::SchemePicker;
use crate::ui::short_name::shortened;
use crate::ui::theme::{self, Theme};
use crate::ui::widgets::{self, name_it};

/// A column of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ListColumn {
    Name,
    Op,
    Shape,
    Weights,
    Scheme,
    ScalePer,
    Bits,
    Sqnr,
    Share,
    Lock,
}

/// A ratio at which a bar is full.
const FULL_BAR_DB: f64 = 48.0;
/// Between two columns.
pub(super) const COLUMN_GAP: f32 = 6.0;
/// The least a name is given.
pub(super) const MIN_NAME_WIDTH: f32 = 80.0;
/// Of an average letter of a name.
const LETTER_WIDTH: f32 = 6.4;
/// Names take at most this part of the list's width, so that the figures stay.
const MAX_NAME_SHARE: f32 = 0.45;

/// The room that the longest of the names asks for, as far as the list is wide enough.
pub(super) fn wanted_name_width<'a>(names: impl Iterator<Item = &'a str>, width: f32) -> f32 {
    let n_letters = names.map(|name| name.chars().count()).max().unwrap_or(0);
    let longest = theme::PANEL_MARGIN + 4.0 + n_letters as f32 * LETTER_WIDTH;
    longest.clamp(96.0, (width * MAX_NAME_SHARE).max(96.0))
}

/// Between a number on the right of its column and a control beside it.
const NUMBER_MARGIN: f32 = 10.0;
/// Below it what is to spare goes to the names.
const MIN_SPARE: f32 = 72.0;
/// Points that a bar gains at most.
const MAX_BAR_GROWTH: f32 = 180.0;
/// Beside the longest name.
const NAME_MARGIN: f32 = 24.0;

/// Which columns there are, and what room is left to them.
pub(super) struct Widths {
    pub columns: Vec<ListColumn>,
    name: f32,
    /// What the other columns can grow by.
    spare: Option<f32>,
}

impl Widths {
    /// For a list of that width whose names ask for `name`, or were given it by hand.
    pub fn new(width: f32, name: f32, by_hand: bool) -> Self {
        let columns = ListColumn::that_fit(width, name);
        let figures: f32 = columns.iter().skip(1).map(|column| column.width() + COLUMN_GAP).sum();
        let name = if by_hand { name } else { name + NAME_MARGIN };
        let spare = width - figures - name;
        let has_figures = columns.contains(&ListColumn::Sqnr);
        let spare = (has_figures && (by_hand || spare >= MIN_SPARE)).then_some(spare.max(0.0));
        Self { columns, name, spare }
    }
}

/// Below it a layer is marked as poor.
pub(super) const POOR_DB: f64 = 20.0;

/// Whether a ratio is marked as poor: as it is written, so that no two bars beside the same number
/// differ.
pub(super) fn is_poor(db: f64) -> bool {
    format!("{db:.1}").parse().is_ok_and(|written: f64| written < POOR_DB)
}

impl ListColumn {
    /// From left to right.
    const ALL: [Self; 10] = [
        Self::Name,
        Self::Op,
        Self::Shape,
        Self::Weights,
        Self::Scheme,
        Self::ScalePer,
        Self::Bits,
        Self::Sqnr,
        Self::Share,
        Self::Lock,
    ];

    /// What stands beside the name, the most needed first: where room is short, what stands last
    /// yields first.
    const BY_NEED: [Self; 9] = [
        Self::Bits,
        Self::Lock,
        Self::Sqnr,
        Self::Share,
        Self::Op,
        Self::Scheme,
        Self::ScalePer,
        Self::Weights,
        Self::Shape,
    ];

    /// The columns there is room for beside names of that width, from left to right.
    pub fn that_fit(width: f32, name_width: f32) -> Vec<Self> {
        let mut room = width - name_width;
        let fits = |column: &Self| {
            room -= column.width() + COLUMN_GAP;
            room >= 0.0
        };
        let beside: Vec<Self> = Self::BY_NEED.into_iter().take_while(fits).collect();
        let is_there = |column: &Self| *column == Self::Name || beside.contains(column);
        Self::ALL.into_iter().filter(is_there).collect()
    }

    /// Points of a column whose width does not change; of the name the least.
    fn width(self) -> f32 {
        match self {
            Self::Name => MIN_NAME_WIDTH,
            Self::Op => 48.0,
            Self::Shape | Self::Scheme => 76.0,
            Self::Weights => 72.0 + NUMBER_MARGIN,
            Self::ScalePer => 64.0,
            Self::Bits => 38.0,
            Self::Sqnr => 84.0,
            Self::Share => 54.0,
            Self::Lock => 24.0 + theme::PANEL_MARGIN,
        }
    }

    /// Where there is little to spare the name takes it, so that the figures end with the list. Else
    /// bars grow, and what they do not need is left beside the last column, so that figures stay near
    /// the names and a row is marked over the whole width.
    pub fn sized(self, widths: &Widths) -> Column {
        match (self, widths.spare) {
            (Self::Name, None) => Column::remainder().at_least(MIN_NAME_WIDTH).clip(true),
            (Self::Name, Some(_)) => Column::exact(widths.name).clip(true),
            (Self::Lock, Some(_)) => Column::remainder().at_least(self.width()),
            (Self::Sqnr, Some(spare)) => {
                Column::exact(self.width() + (0.6 * spare).min(MAX_BAR_GROWTH)).clip(true)
            }
            (Self::Share, Some(spare)) => {
                Column::exact(self.width() + (0.4 * spare).min(MAX_BAR_GROWTH)).clip(true)
            }
            (Self::Bits | Self::Sqnr | Self::Share | Self::Lock, None) => {
                Column::exact(self.width())
            }
            _ => Column::exact(self.width()).clip(true),
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Name => "Layer",
            Self::Op => "Op",
            Self::Shape => "Shape",
            Self::Weights => "Weights",
            Self::Scheme => "Scheme",
            Self::ScalePer => "Scale per",
            Self::Bits => "Bits",
            Self::Sqnr => "SQNR, dB",
            Self::Share => "Share",
            Self::Lock => "",
        }
    }

    fn help(self) -> &'static str {
        match self {
            Self::Name => "Name of the node that uses the weight",
            Self::Op => "Operator of the node",
            Self::Shape => "Dimensions of the weight tensor",
            Self::Weights => "Number of weights",
            Self::Scheme => "How the weights are quantized",
            Self::ScalePer => "What shares one scale",
            Self::Bits => "Bits of one code; drag or type",
            Self::Sqnr => {
                "Signal-to-quantization-noise ratio: 10·log₁₀(Σx² / Σ(x−x̂)²)\nThe bar is full at 48 dB, and red below 20 dB"
            }
            Self::Share => "Share of all weights",
            Self::Lock => "",
        }
    }

    fn key(self) -> Option<SortKey> {
        match self {
            Self::Name => Some(SortKey::Name),
            Self::Op => Some(SortKey::Op),
            Self::Shape => Some(SortKey::Shape),
            Self::Weights => Some(SortKey::Weights),
            Self::Scheme => Some(SortKey::Scheme),
            Self::Bits => Some(SortKey::Bits),
            Self::Sqnr => Some(SortKey::Sqnr),
            Self::Share => Some(SortKey::Share),
            Self::ScalePer | Self::Lock => None,
        }
    }

    fn is_right_aligned(self) -> bool {
        matches!(self, Self::Shape | Self::Weights | Self::Share)
    }

    /// The column's name; a click orders by it.
    pub fn header_ui(self, ui: &mut Ui, order: &mut Order) {
        let theme = Theme::of(ui);
        if self == Self::Name {
            ui.add_space(theme::PANEL_MARGIN);
        }
        let Some(key) = self.key() else {
            if !self.title().is_empty() {
                let text = RichText::new(self.title()).color(theme.label);
                ui.label(text).on_hover_text(self.help());
            }
            return;
        };
        let layout = if self.is_right_aligned() {
            egui::Layout::right_to_left(egui::Align::Center)
        } else {
            egui::Layout::left_to_right(egui::Align::Center)
        };
        let direction = order.filter(|(now, _)| *now == key).map(|(_, direction)| direction);
        ui.with_layout(layout, |ui| {
            ui.spacing_mut().item_spacing.x = 2.0;
            match self {
                Self::Weights => ui.add_space(NUMBER_MARGIN),
                // Over the numbers, which stand before their bars.
                Self::Share => ui.add_space((ui.available_width() - self.width()).max(0.0)),
                _ => {}
            }
            ui.spacing_mut().button_padding.x = 0.0;
            let ink = if direction.is_some() { theme.text } else { theme.label };
            let button = egui::Button::new(RichText::new(self.title()).color(ink)).frame(false);
            let response = ui.add(button);
            name_it(&response, &format!("Order by {}", self.title()));
            if let Some(direction) = direction {
                let direction = match direction {
                    Direction::Up => egui::accesskit::SortDirection::Ascending,
                    Direction::Down => egui::accesskit::SortDirection::Descending,
                };
                response
                    .ctx
                    .accesskit_node_builder(response.id, |node| node.set_sort_direction(direction));
            }
            if let Some(direction) = direction {
                let icon = match direction {
                    Direction::Up => icons::ICON_ARROW_UPWARD,
                    Direction::Down => icons::ICON_ARROW_DOWNWARD,
                };
                ui.label(icon.rich_text().size(12.0).color(theme.accent));
            }
            if response.on_hover_text(self.help()).clicked() {
                *order = next_order(*order, key);
            }
        });
    }

    /// Draws a cell; whether something in it is being edited.
    pub fn cell_ui(self, ui: &mut Ui, ctx: &PanelCtx, row: &LayerRow) -> bool {
        match self {
            Self::Name => name_ui(ui, row),
            Self::Op => {
                let text = RichText::new(&row.layer.op).color(Theme::of(ui).label);
                ui.add(egui::Label::new(text).truncate());
            }
            Self::Shape => shape_ui(ui, row),
            Self::Weights => {
                let room = ui.max_rect();
                let room = room.with_max_x(room.right() - NUMBER_MARGIN);
                let mut cell = ui.new_child(egui::UiBuilder::new().max_rect(room));
                right_number(&mut cell, &thousands(row.layer.count()));
            }
            Self::Scheme => scheme_ui(ui, ctx, row),
            Self::ScalePer => {
                let choice = ctx.session.choice(row.idx);
                let key = choice.settings().choice("granularity");
                let text = key.strip_prefix("per-").unwrap_or("–").to_owned();
                ui.label(RichText::new(text).color(Theme::of(ui).label));
            }
            Self::Bits => return bits_ui(ui, ctx, row),
            Self::Sqnr => sqnr_ui(ui, &row.error),
            Self::Share => share_ui(ui, row.share),
            Self::Lock => lock_ui(ui, ctx, row),
        }
        false
    }
}

fn right_number(ui: &mut Ui, text: &str) {
    ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
        widgets::number(ui, text, 12.0, Theme::of(ui).text);
    });
}

/// The share with a bar behind the number, where there is room for one.
fn share_ui(ui: &mut Ui, share: f64) {
    let bar_width = ui.available_width() - ListColumn::Share.width() - 6.0;
    ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
        ui.spacing_mut().item_spacing.x = 6.0;
        if bar_width >= 24.0 {
            let colour = Theme::of(ui).original;
            widgets::bar(ui, vec2(bar_width, 8.0), share as f32, colour);
        }
        widgets::number(ui, &percent(share, 1), 12.0, Theme::of(ui).text);
    });
}

fn name_ui(ui: &mut Ui, row: &LayerRow) {
    let layer = row.layer;
    ui.add_space(theme::PANEL_MARGIN);
    let name = shortened(&layer.name, (ui.available_width() / LETTER_WIDTH) as usize);
    let name = RichText::new(name).color(Theme::of(ui).text);
    let response = ui.add(egui::Label::new(name).truncate());
    response.on_hover_text(format!(
        "{}\n{} · tensor {}, kept axis {}\n{} weights",
        layer.name,
        layer.op,
        layer.weight,
        layer.axis,
        thousands(layer.count())
    ));
}

fn shape_ui(ui: &mut Ui, row: &LayerRow) {
    let shape = row.layer.dims.iter().map(ToString::to_string).collect::<Vec<_>>().join("×");
    ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
        let text = RichText::new(&shape).font(theme::mono(11.0)).color(Theme::of(ui).label);
        let count = thousands(row.layer.count());
        ui.add(egui::Label::new(text).truncate())
            .on_hover_text(format!("{shape}, {count} weights"));
    });
}

/// Sends a change of the row's layer, or of all selected ones if it is among them.
fn send_change(
    ctx: &PanelCtx,
    row: &LayerRow,
    (label, gesture): (&str, Gesture),
    change: impl Fn(&SchemeChoice) -> Option<SchemeChoice>,
) {
    let selected = ctx.session.selected_layers();
    if selected.len() > 1 && selected.contains(&row.idx) {
        ctx.send(edit_command(ctx.session, label, gesture, change));
    } else if let Some(choice) = change(&ctx.session.choice(row.idx)) {
        let choices = vec![(row.layer.name.clone(), choice)];
        ctx.send(Command::SetChoices { label: label.to_owned(), choices, gesture });
    }
}

/// The scheme, and the list of all.
fn scheme_ui(ui: &mut Ui, ctx: &PanelCtx, row: &LayerRow) {
    let choice = ctx.session.choice(row.idx);
    let now = choice.scheme();
    ui.add_enabled_ui(!ctx.session.is_locked(row.idx), |ui| {
        let name = format!("Scheme of {}", row.layer.name);
        let width = ui.available_width().min(96.0);
        let picker = SchemePicker { name: &name, text: now.id(), current: Some(now), width };
        if let Some(scheme) = picker.ui(ui) {
            send_change(ctx, row, ("scheme", Gesture::Once), |choice| {
                Some(choice.switched_to(scheme))
            });
        }
    });
}

/// Bits as a number to drag; for a scheme without bits its name. Whether they are being edited.
fn bits_ui(ui: &mut Ui, ctx: &PanelCtx, row: &LayerRow) -> bool {
    let choice = ctx.session.choice(row.idx);
    let Some(bits) = choice.bits() else {
        fixed_bits_ui(ui, &choice);
        return false;
    };
    let range = match choice.param("bits").map(|param| &param.kind) {
        Some(&ParamKind::Int { min, max, .. }) => min..=max,
        _ => bits..=bits,
    };
    let mut edited = bits;
    ui.add_enabled_ui(!ctx.session.is_locked(row.idx), |ui| {
        let drag = DragValue::new(&mut edited).range(range).speed(0.05);
        let response = ui.add_sized(vec2(34.0, theme::CONTROL_HEIGHT), drag);
        name_it(&response, &format!("Bits of {}", row.layer.name));
        if edited != bits {
            let gesture = widgets::gesture_of(&response);
            send_change(ctx, row, ("bits", gesture), |choice| {
                choice.with("bits", SettingValue::Int(edited)).ok()
            });
        }
        response.has_focus()
    })
    .inner
}

/// What a code takes in a format that leaves no choice.
fn fixed_bits_ui(ui: &mut Ui, choice: &SchemeChoice) {
    let theme = Theme::of(ui);
    let scheme = choice.scheme();
    ui.centered_and_justified(|ui| match choice.code_bits().filter(|_| !choice.keeps_float()) {
        Some(bits) => {
            let text = RichText::new(bits.to_string()).font(theme::mono(12.0));
            let help = format!("Bits of one code of {}, which the format fixes", scheme.name());
            ui.label(text.color(theme.label)).on_hover_text(help);
        }
        None => {
            let text = RichText::new(scheme.id()).color(theme.hint);
            ui.add(egui::Label::new(text).truncate());
        }
    });
}

/// The ratio with a bar beside it; its case's name where it is no number.
fn sqnr_ui(ui: &mut Ui, error: &Loaded<LayerFigures>) {
    let theme = Theme::of(ui);
    if let Some(reason) = error.failure() {
        let text = RichText::new("✕ failed").color(theme.bad);
        ui.add(egui::Label::new(text)).on_hover_text(reason);
        return;
    }
    let Some(shown) = error.shown() else {
        widgets::bar(ui, vec2((ui.available_width() - 4.0).max(0.0), 6.0), 0.0, theme.original);
        return;
    };
    if error.is_stale() {
        ui.set_opacity(0.5);
    }
    match shown.sqnr() {
        Sqnr::Db(db) => {
            ui.allocate_ui_with_layout(
                vec2(40.0, 20.0),
                egui::Layout::right_to_left(egui::Align::Center),
                |ui| widgets::number(ui, &fixed(db, 1), 12.0, theme.text),
            );
            ui.spacing_mut().item_spacing.x = 6.0;
            let colour = if is_poor(db) { theme.bad } else { theme.original };
            let width = (ui.available_width() - 4.0).max(0.0);
            widgets::bar(ui, vec2(width, 8.0), (db / FULL_BAR_DB) as f32, colour);
        }
        other => {
            let text = other.case().unwrap_or_default();
            ui.label(RichText::new(text).color(theme.hint));
        }
    }
}

/// Of the open lock in a row that nothing points at.
const FAINT: f32 = 0.25;

/// Locked layers keep their settings whatever is applied to many. An open lock is faint until its row
/// is under the pointer, or the lock has the keyboard.
fn lock_ui(ui: &mut Ui, ctx: &PanelCtx, row: &LayerRow) {
    let theme = Theme::of(ui);
    let is_locked = ctx.session.is_locked(row.idx);
    let whole_row = egui::Rect::from_x_y_ranges(ui.clip_rect().x_range(), ui.max_rect().y_range());
    let lock_id = ui.next_auto_id();
    let has_focus = ui.memory(|memory| memory.has_focus(lock_id));
    let open_ink = if has_focus || ui.rect_contains_pointer(whole_row) {
        theme.hint
    } else {
        theme.hint.gamma_multiply(FAINT)
    };
    let (icon, verb, ink) = if is_locked {
        (icons::ICON_LOCK, "Unlock", theme.accent)
    } else {
        (icons::ICON_LOCK_OPEN, "Lock", open_ink)
    };
    let button = egui::Button::new(icon.rich_text().size(13.0).color(ink)).frame(false);
    let response = ui.add(button);
    let name = format!("{verb} {}", row.layer.name);
    name_it(&response, &name);
    if response.on_hover_text(format!("{name}: a locked layer keeps its settings")).clicked() {
        ctx.send(Command::SetLock { layer: row.layer.name.clone(), lock: !is_locked });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_numbers_are_poor_alike() {
        for (db, poor) in [(19.94, true), (19.96, false), (20.0, false), (f64::NAN, false)] {
            assert_eq!(is_poor(db), poor, "{db}");
        }
    }
}
