//! Codes as bits: the pattern of a code, its fields, how it is read, and the bits as boxes.

use egui::{
    Align2, Color32, Rect, Response, Sense, Stroke, StrokeKind, Ui, WidgetInfo, pos2, vec2,
};

use super::theme::{self, Theme};
use crate::base::{fixed, significant, superscript};
use crate::quant::{CodeFormat, Grid, Level};

/// Neighbouring bits that mean something together, from the most significant on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    pub kind: FieldKind,
    pub n_bits: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldKind {
    Sign,
    Exponent,
    Mantissa,
    /// Four bits of a whole number, or fewer at its front.
    Digit,
}

impl FieldKind {
    /// What stands below the boxes, and shorter where they are few.
    fn names(self) -> [&'static str; 2] {
        match self {
            Self::Sign => ["sign", "s"],
            Self::Exponent => ["exponent", "e"],
            Self::Mantissa => ["mantissa", "m"],
            Self::Digit => ["", ""],
        }
    }

    fn colour(self, theme: &Theme) -> Color32 {
        match self {
            Self::Sign => theme.clipping,
            Self::Exponent => theme.accent,
            Self::Mantissa => theme.rounding,
            Self::Digit => theme.label,
        }
    }
}

/// A 32-bit float.
pub const F32: CodeFormat = CodeFormat::Float { exponent_bits: 8, mantissa_bits: 23 };
const F32_BIAS: i32 = 127;

/// The bits of a code, without those above its format.
pub fn pattern(code: i32, format: CodeFormat) -> u32 {
    let n_bits = format.n_bits().clamp(1, 32);
    code as u32 & (u32::MAX >> (32 - n_bits))
}

/// How codes are read: places in a table that holds the whole numbers from 0 on are these numbers.
pub fn read_as(format: CodeFormat, grid: Option<&Grid>) -> CodeFormat {
    let is_plain = match grid {
        Some(Grid::Table { levels, .. }) => levels.iter().all(|l| l.value == l.code as f32),
        Some(Grid::Uniform { range, .. }) => range.qmin >= 0,
        _ => false,
    };
    match format {
        CodeFormat::Index { bits } if is_plain => CodeFormat::Integer { bits, is_signed: false },
        format => format,
    }
}

/// The fields of a format, the most significant bit first.
pub fn fields(format: CodeFormat) -> Vec<Field> {
    match format {
        CodeFormat::Float { exponent_bits, mantissa_bits } => {
            let field = |kind, n_bits| Field { kind, n_bits };
            let all = [
                field(FieldKind::Sign, 1),
                field(FieldKind::Exponent, exponent_bits),
                field(FieldKind::Mantissa, mantissa_bits),
            ];
            all.into_iter().filter(|field| field.n_bits > 0).collect()
        }
        CodeFormat::Integer { bits, .. } | CodeFormat::Index { bits } => {
            let first = (bits % 4 > 0).then_some(bits % 4);
            let digits = first.into_iter().chain((0..bits / 4).map(|_| 4));
            digits.map(|n_bits| Field { kind: FieldKind::Digit, n_bits }).collect()
        }
    }
}

/// The bits as text, fields apart: `1 1010 011`.
pub fn bits_text(bits: u32, format: CodeFormat) -> String {
    let mut rest = format.n_bits();
    let parts = fields(format).into_iter().map(|field| {
        rest -= field.n_bits;
        let digits = (0..field.n_bits).rev().map(|nth| bits >> (rest + nth) & 1);
        digits.map(|bit| if bit == 1 { '1' } else { '0' }).collect::<String>()
    });
    parts.collect::<Vec<_>>().join(" ")
}

/// The exponent's bias of a float format, found from a level whose value is known.
pub fn bias_of(format: CodeFormat, levels: impl IntoIterator<Item = Level>) -> Option<i32> {
    let CodeFormat::Float { mantissa_bits, .. } = format else { return None };
    levels.into_iter().find_map(|level| {
        let parts = FloatParts::of(pattern(level.code, format), format)?;
        let value = f64::from(level.value).abs();
        if parts.exponent == 0 || value == 0.0 || !value.is_finite() {
            return None;
        }
        let significand = 1.0 + f64::from(parts.mantissa) / 2f64.powi(mantissa_bits as i32);
        let power = (value / significand).log2();
        // Other powers are no plain float.
        (power.fract() == 0.0).then(|| parts.exponent as i32 - power as i32)
    })
}

struct FloatParts {
    sign: u32,
    exponent: u32,
    mantissa: u32,
}

impl FloatParts {
    fn of(bits: u32, format: CodeFormat) -> Option<Self> {
        let CodeFormat::Float { exponent_bits, mantissa_bits } = format else { return None };
        Some(Self {
            sign: bits >> (exponent_bits + mantissa_bits) & 1,
            exponent: bits >> mantissa_bits & ((1 << exponent_bits) - 1),
            mantissa: bits & ((1 << mantissa_bits) - 1),
        })
    }
}

/// How the bits of a code become a number, as a formula with the numbers put in.
pub fn reading(code: i32, format: CodeFormat, bias: Option<i32>) -> String {
    let bits = pattern(code, format);
    match format {
        CodeFormat::Integer { bits: n_bits, is_signed } => {
            let tail = if is_signed { ", two's complement" } else { "" };
            format!("{} = {}{tail}", powers(bits, n_bits, is_signed), fixed(f64::from(code), 0))
        }
        CodeFormat::Index { .. } => format!("entry {bits} of the table, counted from 0"),
        CodeFormat::Float { .. } => float_reading(bits, format, bias),
    }
}

/// `−8 + 4 + 1`: the powers of two that are set.
fn powers(bits: u32, n_bits: u32, is_signed: bool) -> String {
    let mut text = String::new();
    for nth in (0..n_bits).rev().filter(|nth| bits >> nth & 1 == 1) {
        let is_negative = is_signed && nth + 1 == n_bits;
        let value = fixed(f64::from(1u32 << nth) * if is_negative { -1.0 } else { 1.0 }, 0);
        if !text.is_empty() {
            text.push_str(" + ");
        }
        text.push_str(&value);
    }
    if text.is_empty() { "0".to_owned() } else { text }
}

/// `(−1)ˢ · 2ᵉ⁻ᵇⁱᵃˢ · 1.m` in numbers; without a leading 1 for the smallest exponent.
fn float_reading(bits: u32, format: CodeFormat, bias: Option<i32>) -> String {
    let CodeFormat::Float { mantissa_bits, .. } = format else { return String::new() };
    let Some(parts) = FloatParts::of(bits, format) else { return String::new() };
    let fraction = f64::from(parts.mantissa) / 2f64.powi(mantissa_bits as i32);
    let Some(bias) = bias else { return format!("bit pattern {bits}") };
    if parts.exponent == 0 && parts.mantissa == 0 {
        let sign = if parts.sign == 1 { "negative zero" } else { "zero" };
        return format!("exponent and mantissa 0: {sign}");
    }
    let sign = format!("(−1){}", superscript(parts.sign as i32));
    let raised =
        |exponent: i32| format!("2{}{}", superscript(exponent), superscript_of_minus(bias));
    let (power, significand, note) = match parts.exponent {
        0 => (raised(1), fraction, ", subnormal: no leading 1"),
        exponent => (raised(exponent as i32), 1.0 + fraction, ""),
    };
    let exponent = parts.exponent.max(1) as i32 - bias;
    let value = 2f64.powi(exponent) * significand * if parts.sign == 1 { -1.0 } else { 1.0 };
    format!("{sign} · {power} · {} = {}{note}", plain(significand), significant(value, 6))
}

/// A bias taken off, in an exponent.
fn superscript_of_minus(bias: i32) -> String {
    match bias {
        ..0 => format!("⁺{}", superscript(-bias)),
        _ => format!("⁻{}", superscript(bias)),
    }
}

/// As many decimals as the number has, at most ten.
fn plain(value: f64) -> String {
    let text = fixed(value, 10);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// How the 32 bits of a float are read.
pub fn f32_reading(value: f32) -> String {
    if value.is_nan() {
        return "exponent all ones, mantissa not 0: not a number".to_owned();
    }
    if value.is_infinite() {
        return "exponent all ones, mantissa 0: infinite".to_owned();
    }
    float_reading(value.to_bits(), F32, Some(F32_BIAS))
}

const LARGEST_BOX: f32 = 30.0;
const SMALLEST_BOX: f32 = 9.0;
const BOX_GAP: f32 = 2.0;
const FIELD_GAP: f32 = 8.0;

/// Draws the bits as boxes, fields apart and named, as large as there is room.
pub fn bit_boxes_ui(ui: &mut Ui, name: &str, bits: u32, format: CodeFormat) -> Response {
    let theme = Theme::of(ui);
    let fields = fields(format);
    let n_bits: u32 = fields.iter().map(|field| field.n_bits).sum();
    let gaps = n_bits as f32 * BOX_GAP + fields.len() as f32 * FIELD_GAP;
    let side = ((ui.available_width() - gaps) / n_bits.max(1) as f32)
        .floor()
        .clamp(SMALLEST_BOX, LARGEST_BOX);
    let has_names = fields.iter().any(|field| !field.kind.names()[0].is_empty());
    let height = side + 4.0 + if has_names { 16.0 } else { 0.0 };
    let size = vec2(n_bits as f32 * side + gaps, height);
    let (room, response) = ui.allocate_exact_size(size, Sense::hover());
    let mut x = room.left();
    let mut rest = n_bits;
    for field in &fields {
        rest -= field.n_bits;
        let colour = field.kind.colour(theme);
        let left = x;
        for nth in (0..field.n_bits).rev() {
            let rect = Rect::from_min_size(pos2(x, room.top()), vec2(side, side + 4.0));
            draw_bit(ui, rect, bits >> (rest + nth) & 1 == 1, colour);
            x += side + BOX_GAP;
        }
        field_name(ui, field.kind, (left, x - BOX_GAP), room);
        x += FIELD_GAP;
    }
    response.widget_info(|| {
        let text = format!("{name}: {}", bits_text(bits, format));
        WidgetInfo::labeled(egui::Role::Label, true, text)
    });
    response
}

fn draw_bit(ui: &Ui, rect: Rect, is_set: bool, colour: Color32) {
    let theme = Theme::of(ui);
    let (fill, ink) = match is_set {
        true => (colour.gamma_multiply(0.28), theme.text),
        false => (theme.background, theme.hint),
    };
    let edge = if is_set { colour } else { theme.line_strong };
    ui.painter().rect(rect, 2, fill, Stroke::new(1.0, edge), StrokeKind::Inside);
    let digit = if is_set { "1" } else { "0" };
    let font = theme::mono((rect.width() * 0.62).clamp(8.0, 16.0));
    ui.painter().text(rect.center(), Align2::CENTER_CENTER, digit, font, ink);
}

fn field_name(ui: &Ui, kind: FieldKind, (left, right): (f32, f32), room: Rect) {
    let colour = kind.colour(Theme::of(ui));
    let [long, short] = kind.names();
    let width = |text: &str| {
        ui.painter().layout_no_wrap(text.to_owned(), theme::text(11.0), colour).size().x
    };
    let text = if width(long) <= right - left + FIELD_GAP { long } else { short };
    let place = pos2((left + right) / 2.0, room.bottom());
    ui.painter().text(place, Align2::CENTER_BOTTOM, text, theme::text(11.0), colour);
}

#[cfg(test)]
mod tests {
    use super::*;

    const E4M3: CodeFormat = CodeFormat::Float { exponent_bits: 4, mantissa_bits: 3 };
    const INT4: CodeFormat = CodeFormat::Integer { bits: 4, is_signed: true };

    #[test]
    fn patterns_are_grouped_by_field() {
        for (code, format, wanted) in [
            (-3, INT4, "1101"),
            (9, CodeFormat::Integer { bits: 4, is_signed: false }, "1001"),
            (-2, CodeFormat::Integer { bits: 6, is_signed: true }, "11 1110"),
            (0b1101_0011, E4M3, "1 1010 011"),
            (5, CodeFormat::Index { bits: 3 }, "101"),
            (1, CodeFormat::Float { exponent_bits: 3, mantissa_bits: 0 }, "0 001"),
        ] {
            assert_eq!(bits_text(pattern(code, format), format), wanted, "{code} {format:?}");
        }
    }

    #[test]
    fn readings_tell_how_bits_become_numbers() {
        for (code, format, bias, wanted) in [
            (-3, INT4, None, "−8 + 4 + 1 = −3, two's complement"),
            (0, INT4, None, "0 = 0, two's complement"),
            (9, CodeFormat::Integer { bits: 4, is_signed: false }, None, "8 + 1 = 9"),
            (0b0100_1001, E4M3, Some(7), "(−1)⁰ · 2⁹⁻⁷ · 1.125 = 4.50000"),
            (
                0b1000_0001,
                E4M3,
                Some(7),
                "(−1)¹ · 2¹⁻⁷ · 0.125 = −0.00195312, subnormal: no leading 1",
            ),
            (0b1000_0000, E4M3, Some(7), "exponent and mantissa 0: negative zero"),
            (5, CodeFormat::Index { bits: 3 }, None, "entry 5 of the table, counted from 0"),
        ] {
            assert_eq!(reading(code, format, bias), wanted, "{code} {format:?}");
        }
        assert_eq!(f32_reading(-0.75), "(−1)¹ · 2¹²⁶⁻¹²⁷ · 1.5 = −0.750000");
        assert!(f32_reading(f32::NAN).contains("not a number"));
    }

    #[test]
    fn a_table_of_whole_numbers_is_read_as_these() {
        let table = |values: [f32; 4]| Grid::Table {
            scale: 0.5,
            offset: -1.0,
            levels: (0..).zip(values).map(|(code, value)| Level { code, value }).collect(),
        };
        let index = CodeFormat::Index { bits: 2 };
        let whole = table([0.0, 1.0, 2.0, 3.0]);
        assert_eq!(read_as(index, Some(&whole)), CodeFormat::Integer { bits: 2, is_signed: false });
        assert_eq!(read_as(index, Some(&table([-1.0, 0.0, 0.5, 1.0]))), index);
        assert_eq!(read_as(E4M3, Some(&whole)), E4M3);
    }

    #[test]
    fn the_bias_follows_from_the_levels() {
        use crate::codec::minifloat;
        for layout in [minifloat::E4M3FN, minifloat::E4M3FNUZ, minifloat::E5M2, minifloat::E2M1] {
            let format = CodeFormat::Float {
                exponent_bits: layout.exponent_bits,
                mantissa_bits: layout.mantissa_bits,
            };
            let levels = (0..20).map(|code| Level { code, value: layout.decode(code as u32) });
            assert_eq!(bias_of(format, levels), Some(layout.bias), "{layout:?}");
        }
        assert_eq!(bias_of(INT4, []), None);
    }
}
