//! How a weight became its code and the code a value, as arithmetic with the numbers put in.

use crate::base::{fixed, significant};
use crate::quant::{CodeRange, Grid, Level, QuantParams, SchemeChoice};
use crate::session::WeightBits;

/// A line for the way to the code and one for the way back.
pub(super) fn lines(bits: &WeightBits, choice: &SchemeChoice) -> Vec<String> {
    let settings = choice.settings();
    if settings.choice("rotation") == "hadamard" {
        let text = "The weights of a run are rotated together before they are quantized: no code stands for one weight alone.";
        return vec![text.to_owned()];
    }
    if !matches!(settings.choice("mask"), "" | "none")
        && bits.quantized == 0.0
        && bits.error() != 0.0
    {
        return vec!["The mask keeps this weight at zero, whatever its code.".to_owned()];
    }
    let Some(code) = bits.code else { return Vec::new() };
    if !bits.original.is_finite() {
        return vec![format!("Not finite: counts as 0 → {}", whole(code))];
    }
    match &bits.grid {
        Grid::Continuous => vec!["No one grid holds the values of this scheme.".to_owned()],
        Grid::Uniform { params, range } => uniform(bits, code, (*params, *range)),
        Grid::Table { scale, offset, levels } => {
            let level = levels.iter().find(|level| level.code == code);
            // A negative zero has a code of its own.
            let level = level.map_or(0.0, |level| level.value);
            match (levels.len(), bits.has_scale, *offset) {
                (2, _, 0.0) if is_mirrored(levels) => sign(bits, code, *scale * level),
                (_, false, _) => nearest(bits, code),
                _ => table(bits, code, [*scale, *offset, level]),
            }
        }
    }
}

/// Five digits, as scales have everywhere.
fn short(value: impl Into<f64>) -> String {
    significant(value.into(), 5)
}

fn whole(code: i32) -> String {
    fixed(f64::from(code), 0)
}

fn bracketed(text: String) -> String {
    if text.starts_with('−') { format!("({text})") } else { text }
}

fn uniform(bits: &WeightBits, code: i32, (params, range): (QuantParams, CodeRange)) -> Vec<String> {
    let QuantParams { scale, zero_point } = params;
    let quotient = bits.original / scale;
    let nearest = quotient.round_ties_even() + zero_point as f32;
    let ratio = format!("{} / {}", short(bits.original), short(scale));
    let zero = bracketed(whole(zero_point));
    let forth = match bits.is_clipped {
        true => format!(
            "clamp(round({ratio}) + {zero}, {}, {}) = clamp({}, {}, {}) = {}",
            whole(range.qmin),
            whole(range.qmax),
            fixed(f64::from(nearest), 0),
            whole(range.qmin),
            whole(range.qmax),
            whole(code)
        ),
        // Other roundings, or a code chosen with regard to other weights.
        false if nearest != code as f32 => {
            format!("{ratio} = {}, code {}", short(quotient), whole(code))
        }
        false => format!(
            "round({ratio}) + {zero} = round({}) + {zero} = {}",
            short(quotient),
            whole(code)
        ),
    };
    let back = format!("{} · ({} − {zero}) = {}", short(scale), whole(code), short(bits.quantized));
    vec![forth, back]
}

fn is_mirrored(levels: &[Level]) -> bool {
    matches!(levels, [a, b] if a.value == -b.value && b.value > 0.0)
}

/// Of two mirrored levels the sign decides.
fn sign(bits: &WeightBits, code: i32, level: f32) -> Vec<String> {
    let sign = if level < 0.0 { "−1" } else { "+1" };
    let size = short(level.abs());
    vec![
        format!("sign({}) = {sign}: code {}", short(bits.original), whole(code)),
        format!("{} · {size} = {}", bracketed(sign.to_owned()), short(bits.quantized)),
    ]
}

/// A table of values takes the nearest, unless other weights count too.
fn nearest(bits: &WeightBits, code: i32) -> Vec<String> {
    let beyond = if bits.is_clipped { ", beyond the last level" } else { "" };
    vec![
        format!(
            "{}{beyond}: level {}, code {}",
            short(bits.original),
            short(bits.quantized),
            whole(code)
        ),
        format!("entry {} of the table = {}", whole(code), short(bits.quantized)),
    ]
}

fn table(bits: &WeightBits, code: i32, [scale, offset, level]: [f32; 3]) -> Vec<String> {
    let (before, after) = match offset {
        0.0 => (short(bits.original), String::new()),
        offset => (
            format!("({} − {})", short(bits.original), bracketed(short(offset))),
            format!(" + {}", bracketed(short(offset))),
        ),
    };
    let quotient = (bits.original - offset) / scale;
    let beyond = if bits.is_clipped { ", beyond the last level" } else { "" };
    vec![
        format!(
            "{before} / {} = {}{beyond}: level {}, code {}",
            short(scale),
            short(quotient),
            short(level),
            whole(code)
        ),
        format!(
            "{} · {}{after} = {}",
            short(scale),
            bracketed(short(level)),
            short(bits.quantized)
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bits(original: f32, code: i32, quantized: f32, grid: Grid) -> WeightBits {
        WeightBits {
            layer_idx: 0,
            element_idx: 0,
            coords: vec![0],
            original,
            quantized,
            code: Some(code),
            format: None,
            is_clipped: false,
            group_idx: 0,
            n_groups: 1,
            grid,
            has_scale: true,
            largest_idx: 0,
            worst_idx: 0,
        }
    }

    fn uniform_grid(zero_point: i32) -> Grid {
        let params = QuantParams { scale: 0.25, zero_point };
        Grid::Uniform { params, range: CodeRange { qmin: -8, qmax: 7 } }
    }

    #[test]
    fn numbers_are_put_into_the_formula() {
        let int: SchemeChoice = "int4".parse().unwrap();
        let weight = bits(0.6, 2, 0.5, uniform_grid(0));
        let wanted =
            ["round(0.60000 / 0.25000) + 0 = round(2.4000) + 0 = 2", "0.25000 · (2 − 0) = 0.50000"];
        assert_eq!(lines(&weight, &int), wanted);
        let shifted = lines(&bits(0.6, -1, 0.5, uniform_grid(-3)), &int);
        assert!(shifted[1].contains("(−1 − (−3))"), "{shifted:?}");
        let clipped = WeightBits { is_clipped: true, ..bits(9.0, 7, 1.75, uniform_grid(0)) };
        assert!(lines(&clipped, &int)[0].ends_with("= clamp(36, −8, 7) = 7"));
        let down = lines(&bits(0.7, 2, 0.5, uniform_grid(0)), &int);
        assert_eq!(down[0], "0.70000 / 0.25000 = 2.8000, code 2");
    }

    #[test]
    fn tables_and_what_is_no_arithmetic_of_one_weight() {
        let choice: SchemeChoice = "e2m1".parse().unwrap();
        let levels = vec![Level { code: 0, value: 0.0 }, Level { code: 2, value: 1.0 }];
        let grid = Grid::Table { scale: 0.5, offset: 0.0, levels: levels.into() };
        let found = lines(&bits(0.4, 2, 0.5, grid), &choice);
        assert_eq!(found[0], "0.40000 / 0.50000 = 0.80000: level 1.0000, code 2");
        assert_eq!(found[1], "0.50000 · 1.0000 = 0.50000");
        let two = [(0, -1.0), (1, 1.0)].map(|(code, value)| Level { code, value }).to_vec();
        let grid = |scale| Grid::Table { scale, offset: 0.0, levels: two.clone().into() };
        let binary = WeightBits { has_scale: false, ..bits(-0.05, 0, -1.0, grid(1.0)) };
        let found = lines(&binary, &choice);
        assert_eq!(found, ["sign(−0.050000) = −1: code 0", "(−1) · 1.0000 = −1.0000"]);
        let found = lines(&bits(0.05, 1, 0.25, grid(0.25)), &choice);
        assert_eq!(found[1], "+1 · 0.25000 = 0.25000");
        let three = [-0.5, 0.1, 0.7].map(|value| Level { code: 1, value }).to_vec();
        let grid = Grid::Table { scale: 1.0, offset: 0.0, levels: three.into() };
        let kmeans = WeightBits { has_scale: false, ..bits(0.2, 1, 0.1, grid) };
        let found = lines(&kmeans, &choice);
        assert!(found[0].starts_with("0.20000: level 0.10000"), "{found:?}");
        for (spec, part) in [("int4:rotation=hadamard", "rotated"), ("int4:mask=zeros", "mask")] {
            let choice: SchemeChoice = spec.parse().unwrap();
            let found = lines(&bits(0.4, 0, 0.0, uniform_grid(0)), &choice);
            assert!(found[0].contains(part), "{spec}: {found:?}");
        }
        let nan = bits(f32::NAN, 0, 0.0, uniform_grid(0));
        assert!(lines(&nan, &choice)[0].contains("counts as 0"));
    }
}
