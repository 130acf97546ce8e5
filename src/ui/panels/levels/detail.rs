//! One level: its bits as boxes, how they are read, and how far its neighbours are.

use egui::{RichText, Ui};

use super::line::share_text;
use super::list::value_text;
use crate::base::{fixed, significant, thousands};
use crate::quant::{CodeFormat, Grid, Level};
use crate::session::{LevelAxis, LevelsPicture, UsedLevel};
use crate::ui::code_bits::{bias_of, bit_boxes_ui, pattern, read_as, reading};
use crate::ui::theme::{self, Theme};
use crate::ui::widgets::figure_table;

/// Points it takes where it stands over the table.
pub(super) const LEAST_HEIGHT: f32 = 168.0;

/// Points it takes beside the table.
pub(super) const WIDTH: f32 = 420.0;
/// With all its figures.
pub(super) const HEIGHT_BESIDE: f32 = 244.0;
/// Wider, and a number stands too far from its name.
const FIGURES_WIDTH: f32 = 280.0;

pub(super) fn detail_ui(ui: &mut Ui, picture: &LevelsPicture, idx: usize) {
    let theme = Theme::of(ui);
    let Some(level) = picture.levels.get(idx) else { return };
    let title = format!("Code {}", fixed(f64::from(level.code), 0));
    ui.label(RichText::new(title).font(theme::title(13.0)).color(theme.text));
    ui.add_space(4.0);
    if let Some(format) = picture.format.map(|format| read_as(format, picture.grid.as_ref())) {
        bit_boxes_ui(ui, "Bits of the code", pattern(level.code, format), format)
            .on_hover_text(format_text(format));
        ui.add_space(4.0);
        let text = reading(level.code, format, bias(picture, format));
        ui.label(RichText::new(text).font(theme::mono(12.0)).color(theme.label));
    }
    if let Some(text) = scaled_text(picture, level).filter(|_| picture.has_scale) {
        ui.label(RichText::new(text).font(theme::mono(12.0)).color(theme.label));
    }
    ui.add_space(6.0);
    let step = |other: Option<&UsedLevel>| match other {
        Some(other) => significant(f64::from((level.value - other.value).abs()), 4),
        None => "none".to_owned(),
    };
    let alike = picture.alike(idx);
    let below = alike.start.checked_sub(1).and_then(|below| picture.levels.get(below));
    let rows = [
        ("Value", value_text(level.value), theme.quantized),
        ("Weights", thousands(level.count as usize), theme.text),
        ("Share", share_text(picture, level.count), theme.text),
        ("To the level below", step(below), theme.text),
        ("To the level above", step(picture.levels.get(alike.end)), theme.text),
    ];
    ui.set_max_width(FIGURES_WIDTH);
    figure_table(ui, "level figures", rows);
}

fn format_text(format: CodeFormat) -> String {
    match format {
        CodeFormat::Integer { bits, is_signed: true } => {
            format!("{bits} bits, two's complement: the first bit counts −2^{}", bits.max(1) - 1)
        }
        CodeFormat::Integer { bits, .. } => format!("{bits} bits, a whole number from 0"),
        CodeFormat::Index { bits } => format!("{bits} bits: a place in the table of levels"),
        CodeFormat::Float { exponent_bits, mantissa_bits } => format!(
            "A sign, {exponent_bits} exponent and {mantissa_bits} mantissa bits: (−1)^s · 2^(e−bias) · 1.m, or 2^(1−bias) · 0.m where e = 0 (subnormal)"
        ),
    }
}

fn bias(picture: &LevelsPicture, format: CodeFormat) -> Option<i32> {
    match &picture.grid {
        Some(Grid::Table { levels, .. }) => bias_of(format, levels.iter().copied()),
        None if picture.axis == LevelAxis::Units => {
            let levels = picture.levels.iter();
            bias_of(format, levels.map(|level| Level { code: level.code, value: level.value }))
        }
        _ => None,
    }
}

/// What becomes of the code with the group's scale.
fn scaled_text(picture: &LevelsPicture, level: &UsedLevel) -> Option<String> {
    let short = |value: f32| significant(f64::from(value), 5);
    match picture.grid.as_ref()? {
        Grid::Uniform { params, .. } => Some(format!(
            "{} · ({} − {}) = {}",
            short(params.scale),
            fixed(f64::from(level.code), 0),
            in_brackets(params.zero_point),
            short(level.value)
        )),
        Grid::Table { scale, offset, levels } => {
            let entry = levels.iter().find(|entry| entry.code == level.code)?;
            let offset = match *offset {
                0.0 => String::new(),
                offset => format!(" + {}", short(offset)),
            };
            Some(format!(
                "{} · {}{offset} = {}",
                short(*scale),
                short(entry.value),
                short(level.value)
            ))
        }
        Grid::Continuous => None,
    }
}

fn in_brackets(number: i32) -> String {
    let text = fixed(f64::from(number), 0);
    if number < 0 { format!("({text})") } else { text }
}
