//! Numbers as a person reads them: a true minus sign, thin spaces between thousands, fixed
//! decimals.

/// U+2212, as wide as a plus sign.
pub const MINUS: char = '\u{2212}';
/// U+2009, between groups of three digits.
pub const THIN_SPACE: char = '\u{2009}';

/// `value` with that many decimals; `n/a` when it is not a number.
pub fn fixed(value: f64, decimals: usize) -> String {
    if value.is_nan() {
        return "n/a".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "∞".to_owned() } else { format!("{MINUS}∞") };
    }
    let text = format!("{:.decimals$}", value.abs());
    let is_zero = text.chars().all(|c| c == '0' || c == '.');
    if value < 0.0 && !is_zero { format!("{MINUS}{text}") } else { text }
}

/// `1 layer`, `2 layers`.
pub fn counted(count: usize, what: &str) -> String {
    format!("{} {what}{}", thousands(count), if count == 1 { "" } else { "s" })
}

/// A text for a message: cut after 80 characters.
pub fn shortened(text: String) -> String {
    match text.char_indices().nth(80) {
        None => text,
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

/// `value` to that many significant digits; powers of ten from 10⁴ up and from 10⁻⁴ down.
pub fn significant(value: f64, digits: usize) -> String {
    if value == 0.0 || !value.is_finite() {
        return fixed(value, 0);
    }
    let exponent = value.abs().log10().floor();
    let decimals = (digits as f64 - 1.0 - exponent).max(0.0);
    if (-4.0..5.0).contains(&exponent) {
        return fixed(value, decimals as usize);
    }
    scientific(value, digits)
}

/// `value` to that many significant digits, with a power of ten whatever its size: in a column of
/// numbers that differ by orders of magnitude they stand below each other.
pub fn scientific(value: f64, digits: usize) -> String {
    if value == 0.0 || !value.is_finite() {
        return fixed(value, 0);
    }
    let mut exponent = value.abs().log10().floor() as i32;
    let mut mantissa = value / 10f64.powi(exponent);
    if format!("{:.*}", digits.saturating_sub(1), mantissa.abs()).starts_with("10") {
        mantissa /= 10.0;
        exponent += 1;
    }
    format!("{}·10{}", fixed(mantissa, digits.saturating_sub(1)), superscript(exponent))
}

/// A whole number with thin spaces between thousands.
pub fn thousands(count: usize) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3 * 3);
    for (digit_idx, digit) in digits.chars().enumerate() {
        if digit_idx > 0 && (digits.len() - digit_idx).is_multiple_of(3) {
            text.push(THIN_SPACE);
        }
        text.push(digit);
    }
    text
}

/// A fraction as percent, `87.0 %`.
pub fn percent(fraction: f64, decimals: usize) -> String {
    format!("{} %", fixed(fraction * 100.0, decimals))
}

/// Both ends of an interval: `84.1–88.3`, and where an end has a sign, which a dash would look like,
/// `−2.5 … +0.1`.
pub fn interval(lo: &str, hi: &str) -> String {
    let is_signed = [lo, hi].iter().any(|end| end.starts_with([MINUS, '+']));
    if is_signed { format!("{lo} … {hi}") } else { format!("{lo}–{hi}") }
}

/// A size in decimal units: `518 B`, `51.6 kB`, `3.20 MB`.
pub fn bytes(count: u64) -> String {
    let count = count as f64;
    match count {
        c if c < 1e3 => format!("{c:.0} B"),
        c if c < 1e6 => format!("{:.1} kB", c / 1e3),
        c if c < 1e9 => format!("{:.2} MB", c / 1e6),
        c => format!("{:.2} GB", c / 1e9),
    }
}

/// A whole number as an exponent: `⁻⁷`.
pub fn superscript(exponent: i32) -> String {
    const DIGITS: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    exponent
        .to_string()
        .chars()
        .map(|c| match c.to_digit(10) {
            Some(digit) => DIGITS.get(digit as usize).copied().unwrap_or(c),
            None => '⁻',
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        for (found, wanted) in [
            (fixed(-0.004, 2), "0.00"),
            (fixed(-1.5, 1), "−1.5"),
            (interval("84.1", "88.3 %"), "84.1–88.3 %"),
            (interval("−2.5", "+0.1"), "−2.5 … +0.1"),
            (interval("0.0", "+0.1"), "0.0 … +0.1"),
            (fixed(f64::NAN, 1), "n/a"),
            (significant(1.958e-3, 4), "0.001958"),
            (significant(1.958e-5, 4), "1.958·10⁻⁵"),
            (significant(9.9999e-6, 3), "1.00·10⁻⁵"),
            (significant(0.0, 3), "0"),
            (significant(123_456.0, 3), "1.23·10⁵"),
            (thousands(77_706), "77\u{2009}706"),
            (thousands(999), "999"),
            (percent(0.87, 1), "87.0 %"),
            (bytes(51_600), "51.6 kB"),
        ] {
            assert_eq!(found, wanted);
        }
    }
}
