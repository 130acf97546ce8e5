//! One weight to the bit: original, code and reconstruction, and the arithmetic between them.

mod arithmetic;
mod neighbours;

use egui::{DragValue, RichText, ScrollArea, Ui};
use egui_material_icons::icons;

use crate::base::{fixed, percent, significant, thousands};
use crate::model::Layer;
use crate::quant::{CodeFormat, Grid, SchemeChoice};
use crate::session::{Command, WeightBits};
use crate::ui::axis_names::axis_name;
use crate::ui::code_bits::{F32, bias_of, bit_boxes_ui, f32_reading, pattern, read_as, reading};
use crate::ui::layer_view::{Words, answer_ui, tool_row_ui};
use crate::ui::panel::{Panel, PanelCtx, PanelEntry, Place};
use crate::ui::state_view;
use crate::ui::theme::{self, Theme};
use crate::ui::widgets::{centred_ui, icon_button, name_it};

pub const ENTRY: PanelEntry =
    PanelEntry { id: "bits", title: "Bits", place: Place::Centre, create: || Box::new(BitsPanel) };

struct BitsPanel;

/// From this width on the arithmetic stands beside the bits.
const MIN_WIDTH_FOR_TWO: f32 = 1080.0;
const MAX_BITS_WIDTH: f32 = 1090.0;
const MAX_REASONS_WIDTH: f32 = 900.0;
/// Between both.
const BETWEEN: f32 = 24.0;
/// Of all of it with its margins; in wider room it stands in the middle.
const MAX_WIDTH: f32 = MAX_BITS_WIDTH + BETWEEN + MAX_REASONS_WIDTH + 2.0 * theme::PANEL_MARGIN;

const WORDS: Words =
    Words { pending: "Reading the weight", failed: "This weight cannot be quantized" };

impl Panel for BitsPanel {
    fn ui(&mut self, ui: &mut Ui, ctx: &PanelCtx) {
        let Some(layer) = ctx.layer() else {
            let hint = "One weight of the selected layer is shown here bit by bit, before and after quantization.";
            return state_view::no_layer_ui(ui, ctx.session, hint);
        };
        if layer.count() == 0 {
            return state_view::empty_ui(ui, "No weights", "This tensor has no elements.");
        }
        let element_idx = ctx.session.shown_weight().min(layer.count() - 1);
        let loaded = ctx.session.weight_bits(element_idx);
        tool_row_ui(ui, ctx, layer, 560.0, |ui| {
            extremes_ui(ui, ctx, loaded.shown().map(|bits| &**bits));
        });
        centred_ui(ui, MAX_WIDTH, |ui| chooser_ui(ui, ctx, layer, element_idx));
        let choice = ctx.session.choice(ctx.session.selection().layer_idx);
        answer_ui(ui, &loaded, &WORDS, |ui, bits| {
            ui.spacing_mut().scroll = egui::style::ScrollStyle::thin();
            ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
                let margin = egui::Margin::symmetric(theme::PANEL_MARGIN as i8, 4);
                centred_ui(ui, MAX_WIDTH, |ui| {
                    let frame = egui::Frame::new().inner_margin(margin);
                    frame.show(ui, |ui| parts_ui(ui, bits, &choice));
                });
            });
        });
    }
}

/// To the largest weight and to the largest error, from right to left.
fn extremes_ui(ui: &mut Ui, ctx: &PanelCtx, bits: Option<&WeightBits>) {
    let buttons = [
        ("Largest error", "The weight that quantization changes most", bits.map(|b| b.worst_idx)),
        ("Largest weight", "The weight of largest magnitude", bits.map(|b| b.largest_idx)),
    ];
    for (name, help, element_idx) in buttons {
        let response = ui.add_enabled(element_idx.is_some(), egui::Button::new(name));
        if let Some(element_idx) = element_idx.filter(|_| response.clicked()) {
            ctx.send(Command::SelectWeight(element_idx));
        }
        response.on_hover_text(help);
    }
}

/// The weight's index along each dimension, and the ones beside it.
fn chooser_ui(ui: &mut Ui, ctx: &PanelCtx, layer: &Layer, element_idx: usize) {
    let theme = Theme::of(ui);
    let mut chosen = element_idx;
    ui.horizontal_wrapped(|ui| {
        ui.add_space(theme::PANEL_MARGIN);
        ui.spacing_mut().item_spacing.x = 5.0;
        if icon_button(ui, icons::ICON_CHEVRON_LEFT, "Previous weight").clicked() {
            chosen = element_idx.saturating_sub(1);
        }
        let mut stride = layer.count();
        for (axis, &len) in layer.dims.iter().enumerate() {
            stride /= len.max(1);
            let name = axis_name(layer, axis);
            let mut idx = element_idx / stride.max(1) % len.max(1);
            let before = idx;
            ui.label(RichText::new(name).color(theme.label));
            let field = ui.add(DragValue::new(&mut idx).range(0..=len.max(1) - 1).speed(0.1));
            name_it(&field, &format!("Index of {name}"));
            field.on_hover_text(format!("0 to {}", len.max(1) - 1));
            ui.add_space(4.0);
            if idx != before {
                chosen = (chosen + idx * stride).saturating_sub(before * stride);
            }
        }
        if icon_button(ui, icons::ICON_CHEVRON_RIGHT, "Next weight").clicked() {
            chosen = (element_idx + 1).min(layer.count() - 1);
        }
        let text = format!(
            "weight {} of {} (index {})",
            thousands(element_idx + 1),
            thousands(layer.count()),
            thousands(element_idx)
        );
        let help = "Counted in the tensor's own order, the last index fastest; a click on a weight in the Heat map shows it here";
        ui.label(RichText::new(text).color(theme.hint)).on_hover_text(help);
    });
    if chosen != element_idx {
        ctx.send(Command::SelectWeight(chosen));
    }
}

fn bits_ui(ui: &mut Ui, bits: &WeightBits, choice: &SchemeChoice) {
    let theme = Theme::of(ui);
    float_ui(ui, ("Original x", "Bits of the original"), bits.original, theme.text);
    if choice.keeps_float() {
        let text = "This layer stays in float: the weight is used as it is. Choose a scheme for it in the panel Quantizer.";
        ui.label(RichText::new(text).color(theme.label));
        return;
    }
    code_ui(ui, bits);
    float_ui(
        ui,
        ("Reconstructed x̂", "Bits of the reconstruction"),
        bits.quantized,
        theme.quantized,
    );
}

/// How it came about, how far off it is, and the levels around it.
fn reasons_ui(ui: &mut Ui, bits: &WeightBits, choice: &SchemeChoice) {
    heading(ui, "How it came about");
    for line in arithmetic::lines(bits, choice) {
        line_ui(ui, &line);
    }
    ui.add_space(10.0);
    error_ui(ui, bits);
    ui.add_space(10.0);
    neighbours::neighbours_ui(ui, bits);
}

/// Two columns where there is room.
fn parts_ui(ui: &mut Ui, bits: &WeightBits, choice: &SchemeChoice) {
    let width = ui.available_width();
    if choice.keeps_float() {
        return bits_ui(ui, bits, choice);
    }
    if width < MIN_WIDTH_FOR_TWO {
        bits_ui(ui, bits, choice);
        return reasons_ui(ui, bits, choice);
    }
    ui.horizontal_top(|ui| {
        let left = (0.58 * width).min(MAX_BITS_WIDTH);
        ui.vertical(|ui| {
            ui.set_width(left);
            bits_ui(ui, bits, choice);
        });
        ui.add_space(BETWEEN);
        ui.vertical(|ui| {
            ui.set_width(ui.available_width().min(MAX_REASONS_WIDTH));
            reasons_ui(ui, bits, choice);
        });
    });
}

fn heading(ui: &mut Ui, title: &str) {
    ui.label(RichText::new(title).font(theme::title(12.0)).color(Theme::of(ui).label));
}

fn line_ui(ui: &mut Ui, text: &str) {
    let text = RichText::new(text).font(theme::mono(12.0)).color(Theme::of(ui).text);
    ui.add(egui::Label::new(text).wrap());
}

/// A float: its value, its 32 bits, and how they are read.
fn float_ui(ui: &mut Ui, (title, name): (&str, &str), value: f32, ink: egui::Color32) {
    heading(ui, title);
    let text = RichText::new(significant(f64::from(value), 9)).font(theme::mono(20.0)).color(ink);
    ui.label(text);
    bit_boxes_ui(ui, name, value.to_bits(), F32).on_hover_text(
        "32-bit float: (−1)^s · 2^(e−127) · 1.m; where e = 0, 2^−126 · 0.m (IEEE 754)",
    );
    let text = RichText::new(f32_reading(value)).font(theme::mono(12.0));
    ui.add(egui::Label::new(text.color(Theme::of(ui).label)).wrap());
    ui.add_space(10.0);
}

/// The code, its bits, and the group it belongs to.
fn code_ui(ui: &mut Ui, bits: &WeightBits) {
    let theme = Theme::of(ui);
    heading(ui, "Code");
    match bits.code {
        None => {
            let text = "This scheme has no code that stands for one weight.";
            ui.label(RichText::new(text).color(theme.label));
        }
        Some(code) => {
            let text = RichText::new(fixed(f64::from(code), 0)).font(theme::mono(20.0));
            ui.label(text.color(theme.text));
            if let Some(format) = bits.format.map(|format| read_as(format, Some(&bits.grid))) {
                bit_boxes_ui(ui, "Bits of the code", pattern(code, format), format);
                let text = RichText::new(reading(code, format, bias(bits, format)));
                let text = text.font(theme::mono(12.0)).color(theme.label);
                ui.add(egui::Label::new(text).wrap());
            }
        }
    }
    let group = format!(
        "group {} of {} (index {})",
        thousands(bits.group_idx + 1),
        thousands(bits.n_groups),
        thousands(bits.group_idx)
    );
    let text = match &bits.grid {
        Grid::Uniform { params, .. } => format!(
            "scale {} · zero point {} · {group}",
            significant(f64::from(params.scale), 5),
            fixed(f64::from(params.zero_point), 0)
        ),
        Grid::Table { .. } if !bits.has_scale => format!("no scale · {group}"),
        Grid::Table { scale, offset, .. } => {
            let scale = significant(f64::from(*scale), 5);
            let offset = match *offset {
                0.0 => String::new(),
                offset => format!("offset {} · ", significant(f64::from(offset), 5)),
            };
            format!("scale {scale} · {offset}{group}")
        }
        Grid::Continuous => group,
    };
    let text = RichText::new(text).font(theme::mono(12.0)).color(theme.label);
    ui.label(text).on_hover_text("Weights of a group share a scale");
    ui.add_space(10.0);
}

fn bias(bits: &WeightBits, format: CodeFormat) -> Option<i32> {
    match &bits.grid {
        Grid::Table { levels, .. } => bias_of(format, levels.iter().copied()),
        _ => None,
    }
}

/// The error, absolute, in steps, and relative.
fn error_ui(ui: &mut Ui, bits: &WeightBits) {
    let theme = Theme::of(ui);
    heading(ui, "Error x − x̂");
    let error = bits.error();
    let original = f64::from(bits.original);
    let steps = bits.step().filter(|step| *step > 0.0).map(|step| fixed(error / step, 3));
    let rows = [
        ("absolute", Some(significant(error, 5)), "x − x̂, on the scale of the weights"),
        (
            "steps",
            steps,
            "Divided by the distance of the levels around x: within ±0.5 unless it is clipped",
        ),
        (
            "relative",
            (original != 0.0).then(|| percent(error / original.abs(), 2)),
            "Divided by |x|",
        ),
    ];
    ui.horizontal_wrapped(|ui| {
        for (name, value, help) in rows {
            let Some(value) = value else { continue };
            let text = RichText::new(value).font(theme::mono(14.0)).color(theme.text);
            ui.label(text).on_hover_text(help);
            ui.label(RichText::new(name).color(theme.label)).on_hover_text(help);
            ui.add_space(12.0);
        }
        if bits.is_clipped {
            let text = RichText::new("clipped").color(theme.clipping);
            ui.label(text).on_hover_text("The weight lies beyond the last level + half a step");
        }
    });
}
