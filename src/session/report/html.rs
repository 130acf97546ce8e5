//! The page: its frame, and pieces of markup that every section uses. Markup is well-formed XML too,
//! so that any program can read the tables.

use super::data::ReportData;
use super::sections;
use crate::chart::{Chart, STYLE, escape};

const PAGE_STYLE: &str = include_str!("report.css");

/// The report as one page of HTML. It loads nothing, runs nothing, and takes the colours of the
/// reader's system; what comes from files is text in it, never markup.
pub fn html(data: &ReportData) -> String {
    let title = escape(&format!("Quantization report: {}", data.model.title));
    let mut page = Page::default();
    page.raw("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n");
    // A second lock: even if markup got in, it could load nothing.
    page.raw("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\"/>\n");
    page.raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n");
    page.raw(&format!("<meta name=\"generator\" content=\"quantscope {}\"/>\n", data.version));
    page.raw(&format!("<title>{title}</title>\n<style>\n{PAGE_STYLE}{STYLE}</style>\n</head>\n"));
    page.raw("<body>\n<main>\n");
    sections::put_all(&mut page, data);
    page.raw("</main>\n<script type=\"application/json\" id=\"quantscope-data\">\n");
    page.raw(&script_text(&data.json()));
    page.raw("\n</script>\n</body>\n</html>\n");
    page.text
}

/// JSON that ends no script and means the same to a reader of XML.
fn script_text(json: &serde_json::Value) -> String {
    let mut text = String::new();
    for c in format!("{json:#}").chars() {
        match c {
            '<'
            | '>'
            | '&'
            | '\u{2028}'
            | '\u{2029}'
            | '\u{7f}'..='\u{9f}'
            | '\u{fffe}'
            | '\u{ffff}' => {
                text.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c => text.push(c),
        }
    }
    text
}

/// Text as markup, a number and its unit on one line.
fn text_markup(text: &str) -> String {
    const UNITS: [&str; 8] = ["%", "B", "kB", "MB", "GB", "dB", "nats", "points"];
    let mut bound = String::with_capacity(text.len());
    let mut is_after_digit = false;
    for (place, c) in text.char_indices() {
        let rest = text.get(place + 1..).filter(|_| c == ' ' && is_after_digit).unwrap_or_default();
        let unit = rest.split([' ', ',', '.', ';', ':', ')']).next().unwrap_or_default();
        bound.push(if UNITS.contains(&unit) { '\u{a0}' } else { c });
        is_after_digit = c.is_ascii_digit();
    }
    escape(&bound)
}

/// A page in the making.
#[derive(Default)]
pub(super) struct Page {
    text: String,
}

/// How the cells of a column stand.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Column {
    Text,
    Number,
    Code,
    Name,
}

/// A row of a table; its class says what is special about it.
pub(super) struct Row {
    pub class: &'static str,
    pub cells: Vec<String>,
}

impl Row {
    pub fn new(cells: Vec<String>) -> Self {
        Self { class: "", cells }
    }
}

impl Page {
    /// Markup as it is: never text of a file.
    pub fn raw(&mut self, markup: &str) {
        self.text.push_str(markup);
    }

    /// An element with text in it.
    pub fn element(&mut self, tag: &str, class: &str, text: &str) {
        let class = if class.is_empty() { String::new() } else { format!(" class=\"{class}\"") };
        self.raw(&format!("<{tag}{class}>{}</{tag}>\n", text_markup(text)));
    }

    pub fn heading(&mut self, text: &str) {
        self.element("h2", "", text);
    }

    pub fn paragraph(&mut self, text: &str) {
        self.element("p", "", text);
    }

    pub fn note(&mut self, text: &str) {
        self.element("p", "note", text);
    }

    pub fn warning(&mut self, head: &str, text: &str) {
        let (head, text) = (text_markup(head), text_markup(text));
        self.raw(&format!("<div class=\"warning\"><p><strong>{head}</strong> {text}</p></div>\n"));
    }

    /// A figure that is read first, and lines that say more of it.
    pub fn tile(&mut self, name: &str, value: &str, more: &[String]) {
        self.raw("<div class=\"tile\">");
        let more = more.iter().map(|line| ("more", line.as_str()));
        for (class, text) in [("name", name), ("value", value)].into_iter().chain(more) {
            self.raw(&format!("<div class=\"{class}\">{}</div>", text_markup(text)));
        }
        self.raw("</div>\n");
    }

    pub fn figure(&mut self, chart: &Chart, caption: &str) {
        self.raw("<figure>\n");
        self.raw(&chart.to_svg());
        if !caption.is_empty() {
            self.element("figcaption", "", caption);
        }
        self.raw("</figure>\n");
    }

    pub fn legend(&mut self) {
        self.raw("<p class=\"legend\">");
        for (class, name) in [("original", "float"), ("quantized", "quantized")] {
            self.raw(&format!("<span class=\"swatch {class}\"></span><span>{name}</span>"));
        }
        self.raw("</p>\n");
    }

    /// Names and what they are; rows without text are left out.
    pub fn facts(&mut self, rows: &[(&str, String)]) {
        self.raw("<table class=\"facts\"><tbody>\n");
        for (name, text) in rows.iter().filter(|(_, text)| !text.is_empty()) {
            let (name, text) = (text_markup(name), text_markup(text));
            self.raw(&format!("<tr><th scope=\"row\">{name}</th><td>{text}</td></tr>\n"));
        }
        self.raw("</tbody></table>\n");
    }

    /// A table with a head; rows of `foot` stand under a line.
    pub fn table(&mut self, columns: &[(&str, Column)], rows: &[Row], foot: &[Row]) {
        self.raw("<div class=\"scroll\"><table>\n<thead><tr>");
        for (name, column) in columns {
            let class = if *column == Column::Number { " class=\"number\"" } else { "" };
            self.raw(&format!("<th scope=\"col\"{class}>{}</th>", escape(name)));
        }
        self.raw("</tr></thead>\n<tbody>\n");
        rows.iter().for_each(|row| self.row(columns, row));
        self.raw("</tbody>\n");
        if !foot.is_empty() {
            self.raw("<tfoot>\n");
            foot.iter().for_each(|row| self.row(columns, row));
            self.raw("</tfoot>\n");
        }
        self.raw("</table></div>\n");
    }

    fn row(&mut self, columns: &[(&str, Column)], row: &Row) {
        let class = row.class;
        self.raw(&if class.is_empty() { "<tr>".into() } else { format!("<tr class=\"{class}\">") });
        for (cell, (_, column)) in row.cells.iter().zip(columns) {
            let cell = text_markup(cell);
            let markup = match column {
                Column::Text => format!("<td>{cell}</td>"),
                Column::Number => format!("<td class=\"number\">{cell}</td>"),
                Column::Code if cell.is_empty() => "<td></td>".to_owned(),
                Column::Code => format!("<td><code>{}</code></td>", in_parts(&cell)),
                Column::Name => format!("<td class=\"name-cell\">{cell}</td>"),
            };
            self.raw(&markup);
        }
        self.raw("</tr>\n");
    }
}

/// A specification that goes on to another line after a comma only.
fn in_parts(markup: &str) -> String {
    let parts = markup.split_inclusive(',').map(|part| format!("<span>{part}</span>"));
    parts.collect::<Vec<_>>().join("<wbr/>")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_units() {
        for (text, wanted) in [
            ("82.27 %.", "82.27\u{a0}%."),
            ("78.8 kB (13 %)", "78.8\u{a0}kB (13\u{a0}%)"),
            ("4 Bars of 3 B", "4 Bars of 3\u{a0}B"),
            ("a % b", "a % b"),
            ("1 % < 2 ü", "1\u{a0}% &lt; 2 ü"),
        ] {
            assert_eq!(text_markup(text), wanted);
        }
    }

    #[test]
    fn no_text_ends_the_script() {
        let json = serde_json::json!({ "a": "</script><!-- & \u{1} \u{7f} \u{ffff}" });
        let text = script_text(&json);
        assert!(!text.contains(['<', '>', '&', '\u{7f}', '\u{ffff}']), "{text}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), json);
    }
}
