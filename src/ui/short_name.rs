//! Long names in little room: what tells them apart stays.

use std::sync::Arc;

use egui::{Color32, FontId, Galley, Painter, Response, RichText, Ui};

use super::theme::{self, Theme};
use super::widgets::name_it;

/// A name that is too long, shortened from its front: parts of words to their first letter while
/// numbers stay, then what still is too much left out of the middle. A final `weight`, which most
/// names end in, keeps the word before it whole, and yields before it.
///
/// `encoder.layers.3.attention.query` becomes `e.l.3.attention.query`.
pub(super) fn shortened(name: &str, max_chars: usize) -> String {
    let mut n_chars = name.chars().count();
    let mut short = String::new();
    let parts: Vec<&str> = name.split_inclusive(['.', '/']).collect();
    let n_kept = if parts.len() > 1 && parts.last() == Some(&"weight") { 2 } else { 1 };
    for (part_idx, part) in parts.iter().enumerate() {
        let letters = part.trim_end_matches(['.', '/']);
        let is_word = letters.parse::<u32>().is_err() && letters.chars().count() > 1;
        if n_chars > max_chars && is_word && part_idx + n_kept < parts.len() {
            let first = letters.chars().next().map_or(0, char::len_utf8);
            n_chars -= letters.chars().count() - 1;
            short.push_str(&part[..first]);
            short.push_str(&part[letters.len()..]);
        } else {
            short.push_str(part);
        }
    }
    if n_kept == 2 && n_chars > max_chars {
        short.truncate(short.len() - "eight".len());
    }
    elided(&short, max_chars)
}

/// The name of what a panel shows, in the room there is; whole under the pointer, with `help`.
pub(super) fn title_ui(ui: &mut Ui, name: &str, help: &str) -> Response {
    let (font, ink) = (theme::title(13.0), Theme::of(ui).text);
    let shown = fitted(ui.painter(), name, (font.clone(), ink), ui.available_width());
    let text = RichText::new(shown.text()).font(font).color(ink);
    let response = ui.add(egui::Label::new(text).extend());
    name_it(&response, name);
    response.on_hover_text(help)
}

/// A line of text, shortened to the room.
pub(super) fn fitted(
    painter: &Painter,
    text: &str,
    (font, ink): (FontId, Color32),
    room: f32,
) -> Arc<Galley> {
    let lay_out = |text: String| painter.layout_no_wrap(text, font.clone(), ink);
    let full = lay_out(text.to_owned());
    if full.size().x <= room || full.size().x <= 0.0 {
        return full;
    }
    let n_chars = text.chars().count();
    let mut n_kept = (n_chars as f32 * room / full.size().x).max(0.0) as usize;
    loop {
        let galley = lay_out(shortened(text, n_kept));
        if n_kept <= 5 || galley.size().x <= room {
            return galley;
        }
        n_kept -= 1;
    }
}

/// A text with its middle left out.
fn elided(name: &str, max_chars: usize) -> String {
    let letters: Vec<char> = name.chars().collect();
    if letters.len() <= max_chars || max_chars < 5 {
        return name.to_owned();
    }
    let tail_len = (max_chars - 1) / 2;
    let head: String = letters[..max_chars - 1 - tail_len].iter().collect();
    let tail: String = letters[letters.len() - tail_len..].iter().collect();
    format!("{head}…{tail}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_their_numbers_and_their_end() {
        let name = "encoder.layers.3.attention.query";
        for (max_chars, short) in [
            (40, name),
            (26, "e.layers.3.attention.query"),
            (22, "e.l.3.attention.query"),
            (14, "e.l.3.a.query"),
            (10, "e.l.3…uery"),
        ] {
            assert_eq!(shortened(name, max_chars), short, "{max_chars}");
        }
        let name = "encoder.layers.0.block.projection_0.weight";
        assert_eq!(shortened(name, 30), "e.l.0.b.projection_0.weight");
        assert_eq!(shortened(name, 15), "e.l.0.b…ion_0.w");
        assert_eq!(shortened("block.weight", 8), "block.w");
        assert_eq!(shortened("préfixe/été", 8), "p/été");
        assert_eq!(shortened("", 8), "");
    }
}
