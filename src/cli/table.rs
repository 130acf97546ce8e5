//! Text tables: columns as wide as their widest cell, numbers to the right.

/// How a column is aligned.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Align {
    Left,
    Right,
}

/// Rows under a header, two spaces between columns.
pub(super) fn render(header: &[(&str, Align)], rows: &[Vec<String>]) -> String {
    let width = |column_idx: usize| {
        let cells =
            rows.iter().filter_map(|row| row.get(column_idx)).map(|cell| cell.chars().count());
        cells.chain([header[column_idx].0.chars().count()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..header.len()).map(width).collect();
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let padded: Vec<String> = cells
            .zip(header)
            .zip(&widths)
            .map(|((cell, (_, align)), &width)| match align {
                Align::Left => format!("{cell:<width$}"),
                Align::Right => format!("{cell:>width$}"),
            })
            .collect();
        format!("{}\n", padded.join("  ").trim_end())
    };
    let mut text = line(&mut header.iter().map(|(name, _)| *name));
    for row in rows {
        text.push_str(&line(&mut row.iter().map(String::as_str)));
    }
    text
}

/// The same rows as a table in Markdown.
pub(super) fn render_markdown(header: &[(&str, Align)], rows: &[Vec<String>]) -> String {
    let line = |cells: Vec<&str>| format!("| {} |\n", cells.join(" | "));
    let rule = header.iter().map(|(_, align)| match align {
        Align::Left => "---",
        Align::Right => "--:",
    });
    let mut text = line(header.iter().map(|(name, _)| *name).collect());
    text.push_str(&line(rule.collect()));
    for row in rows {
        text.push_str(&line(row.iter().map(String::as_str).collect()));
    }
    text
}
