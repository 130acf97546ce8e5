//! The scales of a layer over channels and groups, and how they are spread.

mod draw;
mod map;

use std::sync::Arc;

use egui::text::{LayoutJob, TextFormat};
use egui::{RichText, Ui, UiBuilder};
use egui_material_icons::icons::ICON_STRAIGHTEN;

use crate::base::{counted, fixed, significant, thousands};
use crate::quant::{SchemeChoice, SettingValue};
use crate::session::{OffsetKind, ScaleMap};
use crate::ui::actions::edit;
use crate::ui::chart::Spread;
use crate::ui::layer_remedy::use_scheme_ui;
use crate::ui::layer_view::{Words, answer_ui, stays_float_ui, tool_row_ui};
use crate::ui::panel::{Panel, PanelCtx, PanelEntry, Place};
use crate::ui::segments::segments_ui;
use crate::ui::state_view;
use crate::ui::table::Table;
use crate::ui::theme::{self, Theme};
use draw::{Textures, scale_text};

pub const ENTRY: PanelEntry = PanelEntry {
    id: "scales",
    title: "Scales",
    place: Place::Centre,
    create: || Box::new(ScalesPanel { spread: Spread::Log, textures: Textures::default() }),
};

struct ScalesPanel {
    /// How colours and histogram spread the scales.
    spread: Spread,
    textures: Textures,
}

const WORDS: Words =
    Words { pending: "Collecting the scales", failed: "The scales of this layer cannot be had" };
/// Beside the map.
const HISTOGRAM_WIDTH: f32 = 330.0;

impl Panel for ScalesPanel {
    fn ui(&mut self, ui: &mut Ui, ctx: &PanelCtx) {
        let Some(layer) = ctx.layer() else {
            let hint = "The scale of every channel and group of the selected layer is drawn here.";
            return state_view::no_layer_ui(ui, ctx.session, hint);
        };
        let choice = ctx.session.choice(ctx.session.selection().layer_idx);
        let loaded = (!choice.keeps_float()).then(|| ctx.session.scale_map());
        let is_map =
            loaded.as_ref().and_then(|loaded| loaded.shown()).is_some_and(|map| has_map(map));
        tool_row_ui(ui, ctx, layer, 520.0, |ui| {
            if !is_map {
                return;
            }
            let options = [
                (Spread::Linear, "Lin", "Colours and histogram on a linear scale"),
                (Spread::Log, "Log", "Colours and histogram on a logarithmic scale"),
            ];
            segments_ui(ui, &mut self.spread, &options);
        });
        let Some(loaded) = loaded else { return stays_float_ui(ui, "scale") };
        answer_ui(ui, &loaded, &WORDS, |ui, map| self.answer_ui(ui, ctx, map));
    }

    fn table(&self, ctx: &PanelCtx) -> Option<Table> {
        let choice = ctx.session.choice(ctx.session.selection().layer_idx);
        if choice.keeps_float() {
            return None;
        }
        let loaded = ctx.session.scale_map();
        let map = loaded.ready().filter(|map| map.n_groups() <= MAX_TABLE_ROWS)?;
        let offset = match map.offset_kind {
            OffsetKind::Offset => "offset",
            _ => "zero_point",
        };
        let mut table = Table::new(&["group", "channel", "scale", offset, "largest_magnitude"]);
        for (group_idx, scale) in map.scales.iter().enumerate() {
            let of = |list: &[f32]| list.get(group_idx).map_or_else(String::new, f32::to_string);
            table.rows.push(vec![
                group_idx.to_string(),
                // Blocks run over channels.
                if map.is_by_channel {
                    map.channel_of(group_idx).to_string()
                } else {
                    String::new()
                },
                scale.to_string(),
                of(&map.offsets),
                of(&map.absmax),
            ]);
        }
        Some(table)
    }
}

/// Whether there are scales to be told apart.
fn has_map(map: &ScaleMap) -> bool {
    map.scale_range.is_some() && map.has_scale && map.n_groups() > 1
}

/// More groups than this are not offered as a table, which is made anew whenever the menu is open.
const MAX_TABLE_ROWS: usize = 1 << 14;

impl ScalesPanel {
    fn answer_ui(&mut self, ui: &mut Ui, ctx: &PanelCtx, map: &Arc<ScaleMap>) {
        let Some((lo, hi)) = map.scale_range else {
            let (title, hint) = match map.n_groups() {
                0 => ("No scales", "This tensor has no weights."),
                _ => (
                    "No scales to show",
                    "No one grid holds these values, such as after a rotation: their scales belong to the rotated weights.",
                ),
            };
            return state_view::empty_ui(ui, title, hint);
        };
        let choice = ctx.session.choice(map.layer_idx);
        if !map.has_scale {
            return no_scale_ui(ui, ctx, &choice);
        }
        if map.n_groups() == 1 {
            return one_scale_ui(ui, ctx, map, &choice);
        }
        self.caption_ui(ui, map, (lo, hi));
        let room = ui.available_rect_before_wrap();
        if room.height() < 140.0 || room.width() < 260.0 {
            let hint =
                "Make the panel larger, or enlarge it with the arrows at its upper right corner.";
            return state_view::empty_ui(ui, "Too little room", hint);
        }
        let beside = if room.width() > 640.0 { HISTOGRAM_WIDTH } else { 0.0 };
        let (maps, histogram) = match beside {
            0.0 => room.split_top_bottom_at_fraction(0.62),
            beside => room.split_left_right_at_x(room.right() - beside),
        };
        let mut child = ui.new_child(UiBuilder::new().id_salt("maps").max_rect(maps));
        map::maps_ui(&mut child, ctx, map, (self.spread, &mut self.textures));
        let mut child = ui.new_child(UiBuilder::new().id_salt("spread").max_rect(histogram));
        draw::histogram_ui(&mut child, map, self.spread);
        ui.advance_cursor_after_rect(room);
    }

    fn caption_ui(&self, ui: &mut Ui, map: &ScaleMap, (lo, hi): (f32, f32)) {
        let theme = Theme::of(ui);
        let rows = match map.is_by_channel {
            true => format!(
                "{} × {} each",
                counted(map.n_rows, "channel"),
                counted(map.n_columns, "group")
            ),
            false => format!("{}, from left to right in lines", counted(map.n_groups(), "block")),
        };
        let (down, across) = map.pixels.block;
        let shared = match (down, across) {
            (1, 1) => String::new(),
            _ => format!(" A pixel shows the largest scale of {down}×{across} groups."),
        };
        let text = format!(
            "{} scales: {rows}. Smallest {}, largest {}, {} times as large.{shared}",
            thousands(map.n_groups()),
            scale_text(lo),
            scale_text(hi),
            significant(f64::from(hi) / f64::from(lo), 3),
        );
        ui.horizontal(|ui| {
            ui.add_space(theme::PANEL_MARGIN);
            let label = egui::Label::new(RichText::new(text.as_str()).color(theme.label));
            ui.add(label.truncate()).on_hover_text(text);
        });
    }
}

/// The figures of the only scale.
fn one_scale_ui(ui: &mut Ui, ctx: &PanelCtx, map: &ScaleMap, choice: &SchemeChoice) {
    let theme = Theme::of(ui);
    let of = |list: &[f32]| f64::from(list.first().copied().unwrap_or(f32::NAN));
    ui.add_space((ui.available_height() * 0.24).max(8.0));
    ui.vertical_centered(|ui| {
        ui.label(RichText::new("One scale for the whole tensor").color(theme.label));
        let scale = RichText::new(significant(of(&map.scales), 5)).font(theme::mono(24.0));
        ui.label(scale.color(theme.text)).on_hover_text("What a code is multiplied by");
        let offset = match map.offset_kind {
            OffsetKind::None => None,
            OffsetKind::ZeroPoint => Some(("zero point ", fixed(of(&map.offsets), 0))),
            OffsetKind::Offset => Some(("offset ", significant(of(&map.offsets), 5))),
        };
        let absmax = ("largest |weight| ", significant(of(&map.absmax), 5));
        let mut figures = LayoutJob::default();
        let words = TextFormat::simple(theme::text(12.0), theme.label);
        let numbers = TextFormat::simple(theme::mono(12.0), theme.label);
        for (name, value) in offset.into_iter().chain([absmax]) {
            if !figures.is_empty() {
                figures.append(" · ", 0.0, words.clone());
            }
            figures.append(name, 0.0, words.clone());
            figures.append(&value, 0.0, numbers.clone());
        }
        ui.label(figures);
        ui.add_space(8.0);
        ui.label("With a scale for each channel or group, the scales are drawn here as a map.");
        ui.add_space(6.0);
        more_scales_ui(ui, ctx, choice);
    });
}

/// A button that gives every channel a scale of its own, if need be with another scheme.
fn more_scales_ui(ui: &mut Ui, ctx: &PanelCtx, choice: &SchemeChoice) {
    let per_channel = choice.with("granularity", SettingValue::Choice("per-channel")).ok();
    let Some(per_channel) = per_channel else {
        return use_scheme_ui(ui, ctx, PER_CHANNEL);
    };
    let help = "A scale for each channel of the selected layers; undone with Edit › Undo";
    if ui.button("Scale per channel").on_hover_text(help).clicked() {
        edit(ctx, "scale per channel", |_| Some(per_channel.clone()));
    }
}

const PER_CHANNEL: (&str, &str) = ("Use Integer per channel", "int:granularity=per-channel");

/// A scheme whose table holds the values themselves.
fn no_scale_ui(ui: &mut Ui, ctx: &PanelCtx, choice: &SchemeChoice) {
    let title = format!("{} has no scale", choice.scheme().name());
    let hint =
        "Its levels are the values themselves: nothing is multiplied. The panel Levels shows them.";
    state_view::empty_with_ui(ui, ICON_STRAIGHTEN, (&title, hint), |ui| {
        use_scheme_ui(ui, ctx, PER_CHANNEL);
    });
}
