//! A range by hand: what its ends count as under a scheme, and what may become of them.

use crate::base::significant;
use crate::quant::{SchemeChoice, SettingError, SettingValue};

/// An end of the range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Low,
    High,
}

/// Both ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ends {
    pub lo: f64,
    pub hi: f64,
}

/// New ends; an absent one stays as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ClipEdit {
    pub lo: Option<f64>,
    pub hi: Option<f64>,
}

/// Largest magnitude of an end that the settings take.
const LARGEST: f64 = 1e30;

/// Whether both ends have the same magnitude, since zero is the middle code.
pub fn is_mirrored(choice: &SchemeChoice) -> bool {
    choice.param("lo").is_some() && choice.settings().choice("symmetry") != "asymmetric"
}

pub fn is_by_hand(choice: &SchemeChoice) -> bool {
    choice.settings().choice("range") == "manual"
}

/// Whether an end of the range was given by hand, and not only left to the weights.
pub fn has_typed_ends(choice: &SchemeChoice) -> bool {
    let is_set = |key| choice.settings().float(key).is_some();
    is_by_hand(choice) && (is_set("lo") || is_set("hi"))
}

/// The ends of a range by hand as they count: mirrored, or widened to contain 0; `found` stands for
/// what is automatic. `None` where the range is chosen another way.
pub fn ends_by_hand(choice: &SchemeChoice, found: Option<Ends>) -> Option<Ends> {
    if !is_by_hand(choice) {
        return None;
    }
    let (lo, hi) = (choice.settings().float("lo"), choice.settings().float("hi"));
    if is_mirrored(choice) {
        let clip = match (lo, hi, found) {
            (None, None, None) => return None,
            (None, None, Some(found)) => found.lo.abs().max(found.hi.abs()),
            _ => lo.unwrap_or(0.0).abs().max(hi.unwrap_or(0.0).abs()),
        };
        return Some(Ends { lo: -clip, hi: clip });
    }
    let lo = lo.or(found.map(|found| found.lo))?.min(0.0);
    let hi = hi.or(found.map(|found| found.hi))?.max(0.0);
    Some(Ends { lo, hi })
}

impl ClipEdit {
    /// One end alone, or for mirrored codes both.
    pub fn of(choice: &SchemeChoice, end: End, value: f64) -> Self {
        match end {
            _ if is_mirrored(choice) => Self { lo: Some(-value.abs()), hi: Some(value.abs()) },
            End::Low => Self { lo: Some(value), hi: None },
            End::High => Self { lo: None, hi: Some(value) },
        }
    }

    /// The choice with a range by hand and these ends; `None` where they enclose nothing.
    pub fn apply(self, choice: &SchemeChoice) -> Option<SchemeChoice> {
        let edit = if is_mirrored(choice) {
            let clip = self.lo.unwrap_or(0.0).abs().max(self.hi.unwrap_or(0.0).abs());
            Self { lo: Some(-clip), hi: Some(clip) }
        } else {
            self
        };
        let set = |choice: SchemeChoice, key: &str, end: Option<f64>| match end {
            Some(end) => choice.with(key, SettingValue::Float(six_digits(end))),
            None => Ok(choice),
        };
        let edited = || -> Result<SchemeChoice, SettingError> {
            let choice = choice.with("range", SettingValue::Choice("manual"))?;
            set(set(choice, "lo", edit.lo)?, "hi", edit.hi)
        };
        let edited = edited().ok()?;
        let settings = edited.settings();
        match (settings.float("lo"), settings.float("hi")) {
            // As `f32`, in which the range is computed.
            (Some(lo), Some(hi)) if lo as f32 >= hi as f32 => None,
            _ => Some(edited),
        }
    }
}

/// Why a typed value is not taken, in a few words; `ends` are those in use, the typed text is
/// `None` where it is no number.
pub fn refusal(choice: &SchemeChoice, end: End, typed: Option<f64>, ends: Ends) -> Option<String> {
    let short = |value: f64| significant(value, 3);
    let stays = match end {
        _ if is_mirrored(choice) => format!("±{}", short(ends.hi)),
        End::Low => short(ends.lo),
        End::High => short(ends.hi),
    };
    let fault = match typed {
        None => "Not a number".to_owned(),
        Some(value) if value.is_nan() => "Not a number".to_owned(),
        Some(value) if value.abs() > LARGEST => format!("At most {}", short(LARGEST)),
        Some(value) if is_mirrored(choice) => match value.abs() < f64::from(f32::MIN_POSITIVE) {
            true => "Must be above 0".to_owned(),
            false => return None,
        },
        Some(value) if end == End::Low && value > 0.0 => "Must be 0 or below".to_owned(),
        Some(value) if end == End::High && value < 0.0 => "Must be 0 or above".to_owned(),
        Some(value) if end == End::Low && value as f32 >= ends.hi as f32 => {
            format!("Must be below {}", short(ends.hi))
        }
        Some(value) if end == End::High && value as f32 <= ends.lo as f32 => {
            format!("Must be above {}", short(ends.lo))
        }
        Some(_) => return None,
    };
    Some(format!("{fault}; {stays} stays"))
}

/// More than a hand can set, and it reads well in the recipe.
fn six_digits(value: f64) -> f64 {
    format!("{value:.5e}").parse().unwrap_or(value)
}

/// Reads a number as people write it: any minus, a comma, a power of ten as it is shown.
pub fn parse_number(text: &str) -> Option<f64> {
    let mut plain = String::with_capacity(text.len());
    for letter in text.trim().trim_start_matches('±').chars().filter(|c| !c.is_whitespace()) {
        match letter {
            '−' | '⁻' => plain.push('-'),
            ',' => plain.push('.'),
            '·' | '×' => plain.push('*'),
            '⁰' => plain.push('0'),
            '¹' => plain.push('1'),
            '²' => plain.push('2'),
            '³' => plain.push('3'),
            '⁴'..='⁹' => plain.extend(char::from_digit(letter as u32 - 0x2070, 10)),
            other => plain.push(other),
        }
    }
    plain.replace("*10", "e").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choice(spec: &str) -> SchemeChoice {
        spec.parse().unwrap()
    }

    #[test]
    fn ends_count_as_the_scheme_takes_them() {
        let found = Some(Ends { lo: -0.3, hi: 0.2 });
        for (spec, wanted) in [
            ("int", None),
            ("int:range=manual", Some((-0.3, 0.3))),
            ("int:range=manual,lo=5,hi=0.37", Some((-5.0, 5.0))),
            ("int:range=manual,hi=0.1", Some((-0.1, 0.1))),
            ("int:range=manual,symmetry=asymmetric,hi=0.1", Some((-0.3, 0.1))),
            ("int:range=manual,symmetry=asymmetric,lo=0.1,hi=0.4", Some((0.0, 0.4))),
        ] {
            let ends = ends_by_hand(&choice(spec), found).map(|ends| (ends.lo, ends.hi));
            assert_eq!(ends, wanted, "{spec}");
        }
    }

    #[test]
    fn edits_keep_the_range_possible() {
        let low = |value| ClipEdit { lo: Some(value), hi: None };
        for (spec, edit, wanted) in [
            ("int", low(5.0), Some("int:range=manual,lo=-5,hi=5")),
            ("int", low(0.0), None),
            (
                "int:symmetry=asymmetric,range=manual,hi=0.5",
                low(-0.25),
                Some("int:symmetry=asymmetric,range=manual,lo=-0.25,hi=0.5"),
            ),
            ("int:symmetry=asymmetric,range=manual,hi=0.5", low(0.5), None),
        ] {
            let edited = edit.apply(&choice(spec)).map(|choice| choice.to_string());
            assert_eq!(edited.as_deref(), wanted, "{spec}");
        }
    }

    #[test]
    fn refusals_are_short() {
        let ends = Ends { lo: -0.281_993_4, hi: 0.373_7 };
        let asymmetric = choice("int:symmetry=asymmetric,range=manual");
        for (choice, end, typed, wanted) in [
            (&asymmetric, End::Low, Some(5.0), Some("Must be 0 or below; −0.282 stays")),
            (&asymmetric, End::High, Some(-1.0), Some("Must be 0 or above; 0.374 stays")),
            (&asymmetric, End::High, None, Some("Not a number; 0.374 stays")),
            (&asymmetric, End::High, Some(1e31), Some("At most 1.00·10³⁰; 0.374 stays")),
            (&asymmetric, End::High, Some(5.0), None),
            (
                &choice("int:range=manual"),
                End::High,
                Some(0.0),
                Some("Must be above 0; ±0.374 stays"),
            ),
            (&choice("int:range=manual"), End::High, Some(5.0), None),
        ] {
            assert_eq!(refusal(choice, end, typed, ends).as_deref(), wanted, "{typed:?}");
        }
    }

    #[test]
    fn numbers_are_read_as_they_are_shown() {
        for value in [-0.0371, 5.0, 1.25e-7, -3.5e12] {
            let read = parse_number(&significant(value, 6)).unwrap();
            assert!((read - value).abs() <= value.abs() * 1e-5, "{value}: {read}");
        }
        assert_eq!(parse_number("0,5"), Some(0.5));
        assert_eq!(parse_number("five"), None);
    }
}
