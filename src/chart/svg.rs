//! A chart as SVG for a page: text stays text, colours are the page's, every name is escaped.

use std::fmt::Write;

use super::{Anchor, Axis, Chart, Mark, Tone};

/// Rules for the classes that the pictures name. The page defines the colours `--text`, `--label`,
/// `--grid`, `--line`, `--original`, `--quantized` and `--bad`.
pub const STYLE: &str = "\
.chart { display: block; width: 100%; height: auto; overflow: visible; }
.chart text { font-size: 12px; fill: var(--label); font-variant-numeric: tabular-nums; }
.chart .axis-label { fill: var(--label); font-size: 11px; }
.chart .grid { stroke: var(--grid); stroke-width: 1; }
.chart .frame { stroke: var(--line); stroke-width: 1; }
.chart .reference { stroke: var(--label); stroke-width: 1; stroke-dasharray: 3 3; }
.chart .halo { paint-order: stroke; stroke: var(--page); stroke-width: 3px; fill: var(--text); }
.chart .fill-original { fill: var(--original); }
.chart .fill-quantized { fill: var(--quantized); }
.chart .fill-bad { fill: var(--bad); }
.chart .area { fill-opacity: 0.28; }
.chart .bar { fill-opacity: 0.72; }
.chart .ink-original { stroke: var(--original); fill: none; }
.chart .ink-quantized { stroke: var(--quantized); fill: none; }
.chart .ink-bad { stroke: var(--bad); fill: none; }
.chart .whisker { stroke-width: 2; }
.chart .curve { stroke-width: 1.5; }
";

/// Pixels that a letter takes, about: what is too long is cut, so that nothing overlaps.
const LETTER_WIDTH: f64 = 6.4;
/// Room for names beside the y axis, at most.
const MAX_NAME_WIDTH: f64 = 200.0;
const TOP: f64 = 8.0;
const RIGHT: f64 = 22.0;

/// Text for markup: the five characters that mean something, and none that XML forbids.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\t' | '\n' | '\r' => escaped.push(c),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => {
                escaped.push(char::REPLACEMENT_CHARACTER);
            }
            c => escaped.push(c),
        }
    }
    escaped
}

impl Chart {
    /// As an element of a page, well-formed XML whatever the texts are. Numbers that are none are
    /// drawn at the lower end of their axis.
    pub fn to_svg(&self) -> String {
        let frame = Frame::of(self);
        let (width, height) = self.size;
        let title = escape(&self.title);
        let mut svg = format!(
            "<svg class=\"chart\" role=\"img\" viewBox=\"0 0 {width} {height}\" aria-label=\"{title}\">\n"
        );
        frame.put_axes(&mut svg, self);
        for mark in &self.marks {
            frame.put_mark(&mut svg, mark);
        }
        svg.push_str("</svg>\n");
        svg
    }
}

/// The rectangle the marks lie in, and the ranges that map to it.
struct Frame {
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
    x: (f64, f64),
    y: (f64, f64),
}

impl Frame {
    fn of(chart: &Chart) -> Self {
        let longest = chart.y.ticks.iter().map(|tick| tick.text.chars().count()).max();
        let names = (longest.unwrap_or(0) as f64 * LETTER_WIDTH).min(MAX_NAME_WIDTH);
        let label = if chart.y.label.is_empty() { 0.0 } else { 16.0 };
        let below = if chart.x.ticks.is_empty() { 4.0 } else { 20.0 };
        let below = below + if chart.x.label.is_empty() { 0.0 } else { 18.0 };
        Self {
            left: (names + label + 12.0).round(),
            right: chart.size.0 - RIGHT,
            top: TOP,
            bottom: chart.size.1 - below,
            x: chart.x.range,
            y: chart.y.range,
        }
    }

    fn x(&self, value: f64) -> f64 {
        self.left + (self.right - self.left) * share(value, self.x)
    }

    fn y(&self, value: f64) -> f64 {
        self.bottom - (self.bottom - self.top) * share(value, self.y)
    }

    fn put_axes(&self, svg: &mut String, chart: &Chart) {
        let Self { left, right, top, bottom, .. } = *self;
        for tick in &chart.x.ticks {
            let x = self.x(tick.at);
            if chart.x.has_grid {
                put_line(svg, "grid", (x, top), (x, bottom));
            }
            put_text(svg, "", (x, bottom + 15.0), "middle", &tick.text);
        }
        for tick in &chart.y.ticks {
            let y = self.y(tick.at);
            if chart.y.has_grid {
                put_line(svg, "grid", (left, y), (right, y));
            }
            put_text(svg, "", (left - 8.0, y + 4.0), "end", &cut(&tick.text));
        }
        put_line(svg, "frame", (left, bottom), (right, bottom));
        let height = chart.size.1;
        let middle = (left + right) / 2.0;
        put_label(svg, &chart.x, &format!("x=\"{middle:.1}\" y=\"{:.1}\"", height - 4.0));
        let turned = format!("transform=\"translate(11 {:.1}) rotate(-90)\"", (top + bottom) / 2.0);
        put_label(svg, &chart.y, &turned);
    }

    fn put_mark(&self, svg: &mut String, mark: &Mark) {
        match mark {
            Mark::Bar { x, y, tone, tip } => {
                let (left, right) = ends(self.x(x.0), self.x(x.1));
                let (top, bottom) = ends(self.y(y.0), self.y(y.1));
                let (width, height) = (right - left, bottom - top);
                put(
                    svg,
                    format_args!(
                        "<rect class=\"bar fill-{}\" x=\"{left:.2}\" y=\"{top:.2}\" width=\"{width:.2}\" height=\"{height:.2}\"><title>{}</title></rect>\n",
                        tone.name(),
                        escape(tip)
                    ),
                );
            }
            Mark::Interval { .. } => self.put_interval(svg, mark),
            Mark::Area { points, tone } => {
                let Some((first, last)) = points.first().zip(points.last()) else { return };
                let corners = [(first.0, self.y.0)]
                    .into_iter()
                    .chain(points.iter().copied())
                    .chain([(last.0, self.y.0)]);
                let path = self.path(corners);
                let name = tone.name();
                put(svg, format_args!("<path class=\"area fill-{name}\" d=\"{path}Z\"/>\n"));
            }
            Mark::Line { points, tone } => {
                let path = self.path(points.iter().copied());
                let name = tone.name();
                put(svg, format_args!("<path class=\"curve ink-{name}\" d=\"{path}\"/>\n"));
            }
            Mark::Stems { tops, tone } => {
                let stem = |&(x, y): &(f64, f64)| self.path([(x, self.y.0), (x, y)]);
                let path: String = tops.iter().map(stem).collect();
                let name = tone.name();
                put(svg, format_args!("<path class=\"whisker ink-{name}\" d=\"{path}\"/>\n"));
            }
            Mark::Reference { x } => {
                let x = self.x(*x);
                put_line(svg, "reference", (x, self.top), (x, self.bottom));
            }
            Mark::Text { at, anchor, text } => {
                let anchor = match anchor {
                    Anchor::Start => "start",
                    Anchor::Middle => "middle",
                };
                put_text(svg, "halo", (self.x(at.0), self.y(at.1) + 4.0), anchor, text);
            }
        }
    }

    /// A value as a dot on the line between the ends of its interval.
    fn put_interval(&self, svg: &mut String, mark: &Mark) {
        let Mark::Interval { y, value, ends: (lo, hi), tone, tip } = mark else { return };
        let (x, y) = (self.x(*value), self.y(*y));
        let (lo, hi, name) = (self.x(*lo), self.x(*hi), tone.name());
        put(svg, format_args!("<g><title>{}</title>\n", escape(tip)));
        put_line(svg, &format!("whisker ink-{name}"), (lo, y), (hi, y));
        for end in [lo, hi] {
            put_line(svg, &format!("whisker ink-{name}"), (end, y - 5.0), (end, y + 5.0));
        }
        put(
            svg,
            format_args!(
                "<circle class=\"fill-{name}\" cx=\"{x:.2}\" cy=\"{y:.2}\" r=\"4.5\"/></g>\n"
            ),
        );
    }

    fn path(&self, points: impl IntoIterator<Item = (f64, f64)>) -> String {
        let mut path = String::new();
        for (place, (x, y)) in points.into_iter().enumerate() {
            let letter = if place == 0 { 'M' } else { 'L' };
            put(&mut path, format_args!("{letter}{:.2} {:.2}", self.x(x), self.y(y)));
        }
        path
    }
}

impl Tone {
    fn name(self) -> &'static str {
        match self {
            Self::Original => "original",
            Self::Quantized => "quantized",
            Self::Bad => "bad",
        }
    }
}

/// Where a value lies in a range, kept inside it; 0 for no number.
fn share(value: f64, (lo, hi): (f64, f64)) -> f64 {
    let share = (value - lo) / (hi - lo);
    if share.is_nan() { 0.0 } else { share.clamp(0.0, 1.0) }
}

fn ends(a: f64, b: f64) -> (f64, f64) {
    (a.min(b), a.max(b))
}

/// A name that fits beside the axis, its end kept, in which layers of one block differ.
fn cut(text: &str) -> String {
    let n_letters = text.chars().count();
    let n_most = (MAX_NAME_WIDTH / LETTER_WIDTH) as usize;
    if n_letters <= n_most {
        return text.to_owned();
    }
    let end: String = text.chars().skip(n_letters - n_most + 1).collect();
    format!("…{end}")
}

fn put(svg: &mut String, text: std::fmt::Arguments) {
    // Writing to a string does not fail.
    let _ = svg.write_fmt(text);
}

fn put_line(svg: &mut String, class: &str, from: (f64, f64), to: (f64, f64)) {
    put(
        svg,
        format_args!(
            "<line class=\"{class}\" x1=\"{:.2}\" y1=\"{:.2}\" x2=\"{:.2}\" y2=\"{:.2}\"/>\n",
            from.0, from.1, to.0, to.1
        ),
    );
}

fn put_text(svg: &mut String, class: &str, at: (f64, f64), anchor: &str, text: &str) {
    let text = escape(text);
    put(
        svg,
        format_args!(
            "<text class=\"{class}\" x=\"{:.2}\" y=\"{:.2}\" text-anchor=\"{anchor}\">{text}</text>\n",
            at.0, at.1
        ),
    );
}

fn put_label(svg: &mut String, axis: &Axis, place: &str) {
    if !axis.label.is_empty() {
        let text = escape(&axis.label);
        put(
            svg,
            format_args!(
                "<text class=\"axis-label\" {place} text-anchor=\"middle\">{text}</text>\n"
            ),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(marks: Vec<Mark>) -> Chart {
        let x = Axis::numbers("dB", (0.0, 10.0), 5, |x, _| x.to_string());
        let y = Axis::names(["<a & \"b\">".to_owned(), format!("{}.end", "long".repeat(40))]);
        Chart { title: "it's <b>".to_owned(), x, y, marks, size: (400.0, 100.0) }
    }

    #[test]
    fn any_mark_and_any_text_is_well_formed() {
        let tone = Tone::Quantized;
        let tip = || "a\u{1}<b>&\u{ffff}".to_owned();
        let points = vec![(0.0, 0.0), (f64::NAN, f64::INFINITY)];
        let svg = chart(vec![
            Mark::Bar { x: (0.0, 5.0), y: (-0.4, 0.4), tone, tip: tip() },
            Mark::Interval { y: 1.0, value: 3.0, ends: (1.0, 99.0), tone: Tone::Bad, tip: tip() },
            Mark::Area { points: points.clone(), tone: Tone::Original },
            Mark::Area { points: Vec::new(), tone },
            Mark::Line { points: points.clone(), tone },
            Mark::Stems { tops: points, tone },
            Mark::Reference { x: 5.0 },
            Mark::Text { at: (1.0, 1.0), anchor: Anchor::Start, text: tip() },
        ])
        .to_svg();
        let document = roxmltree::Document::parse(&svg).unwrap();
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        let count = |name: &str| document.descendants().filter(|n| n.has_tag_name(name)).count();
        assert_eq!((count("rect"), count("circle"), count("path")), (1, 1, 3));
        let names = document.descendants().filter(|n| n.has_tag_name("text"));
        let names = names.filter_map(|n| n.text());
        let cut: Vec<&str> = names.filter(|name| name.starts_with('…')).collect();
        assert!(
            cut.len() == 1 && cut[0].ends_with("long.end"),
            "a long name keeps its end: {cut:?}"
        );
        assert!(cut[0].chars().count() as f64 * LETTER_WIDTH <= MAX_NAME_WIDTH, "{cut:?}");
    }

    #[test]
    fn places_follow_the_ranges() {
        let svg = chart(vec![Mark::Bar {
            x: (0.0, 10.0),
            y: (-0.5, 1.5),
            tone: Tone::Original,
            tip: String::new(),
        }])
        .to_svg();
        let document = roxmltree::Document::parse(&svg).unwrap();
        let bar = document.descendants().find(|node| node.has_tag_name("rect")).unwrap();
        let number = |name: &str| bar.attribute(name).unwrap().parse::<f64>().unwrap();
        assert_eq!((number("y"), number("x") + number("width")), (TOP, 400.0 - RIGHT));
    }
}
