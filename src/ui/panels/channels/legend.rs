//! What the marks mean, the titles of the columns, and the figures of one channel.

use std::ops::Range;

use egui::containers::menu::MenuButton;
use egui::{Align2, Painter, Rect, RichText, Sense, Stroke, Ui, pos2, vec2};

use super::columns::{Columns, MarkShape, Sketch, diamond, tensor_bounds};
use super::density::{DensityView, count_colour};
use crate::base::{fixed, significant, thousands};
use crate::eval::Sqnr;
use crate::session::{ChannelFigures, ChannelPicture, Outlier};
use crate::ui::colormap::Colormap;
use crate::ui::theme::{self, Theme};
use crate::ui::widgets::figure_table;

/// From the top of the rows up to the line of the legends.
const LEGEND_OFFSET: f32 = 34.0;

/// A mark and what it means.
struct Entry {
    mark: Mark,
    text: String,
}

#[derive(Clone, Copy)]
enum Mark {
    /// Thin from end to end, thick where most weights lie.
    Range,
    Wide,
    Narrow,
    /// In the shape they are drawn in.
    OwnScale(MarkShape),
    PerTensor(MarkShape),
    PerChannel(MarkShape),
    InUse(MarkShape),
    /// From none to the most.
    Colours(Colormap),
}

/// What stands over one column.
struct ColumnLegend {
    column: Rect,
    title: &'static str,
    entries: Vec<Entry>,
}

/// From this width of the SQNR's column on, what is in use is explained below it.
const MIN_WIDTH_FOR_IN_USE: f32 = 150.0;
/// From this width of the scale's column on, what is in use is explained over it.
const MIN_WIDTH_FOR_SCALE_IN_USE: f32 = 120.0;
const ENTRY_GAP: f32 = 10.0;
const MARK_GAP: f32 = 4.0;
/// Between two lines of a legend.
pub(super) const LINE_HEIGHT: f32 = 18.0;
/// A legend with more lines than that stands under a button.
const MAX_LINES: usize = 2;

/// What is explained: of which channels, over which columns, and how these are marked.
#[derive(Clone, Copy)]
pub(super) struct Subject<'a> {
    pub picture: &'a ChannelPicture,
    pub columns: &'a Columns,
    pub view: DensityView,
}

/// Lines that the longest legend takes that is not under a button.
pub(super) fn n_lines(ui: &Ui, subject: Subject) -> usize {
    let legends = legends(subject, MarkShape::Sign, ui.ctx().theme());
    let n_lines = |legend| Some(lines(ui.painter(), legend)?.len());
    legends.iter().filter_map(n_lines).max().unwrap_or(1)
}

/// The legends over the columns. Where one has no room for all its entries they stand under a button,
/// with those of the other columns: nothing is left out.
pub(super) fn legend_ui(ui: &mut Ui, sketch: &Sketch, view: DensityView) {
    let subject = Subject { picture: sketch.picture, columns: sketch.columns, view };
    let legends = legends(subject, sketch.shape(), ui.ctx().theme());
    let y = sketch.layout.top - LEGEND_OFFSET - LINE_HEIGHT * (n_lines(ui, subject) - 1) as f32;
    let mut is_folded = false;
    for legend in &legends {
        let lines = lines(sketch.painter, legend);
        is_folded |= lines.is_none();
        draw(sketch, legend, (y, &lines.unwrap_or_default()));
    }
    let labels = sketch.columns.labels;
    if is_folded {
        let size = vec2(labels.width() - 10.0, 22.0);
        let rect = Rect::from_center_size(pos2(labels.center().x - 5.0, y), size);
        let mut corner = ui.new_child(egui::UiBuilder::new().max_rect(rect));
        let button = egui::Button::new("Legend").min_size(size);
        MenuButton::from_button(button).ui(&mut corner, |ui| folded_ui(ui, &legends));
    }
    sketch.painter.text(
        pos2(labels.left() + 4.0, sketch.layout.top - 4.0),
        Align2::LEFT_BOTTOM,
        "Channel",
        theme::text(11.0),
        sketch.theme.hint,
    );
    if is_all_float(sketch.picture) {
        let place = sketch.columns.sqnr.center_top() + vec2(0.0, 16.0);
        let text = "Float: no error";
        sketch.painter.text(place, Align2::CENTER_TOP, text, theme::text(12.0), sketch.theme.hint);
    }
}

fn is_all_float(picture: &ChannelPicture) -> bool {
    let has_error = |c: &ChannelFigures| c.sqnr_per_tensor.is_some() || c.sqnr.db().is_some();
    !picture.table.channels.iter().any(has_error)
}

/// What there is to explain: a mark that nothing has is not listed.
fn legends(subject: Subject, shape: MarkShape, mode: egui::Theme) -> Vec<ColumnLegend> {
    let Subject { picture, columns, view } = subject;
    let channels = &picture.table.channels;
    let entry = |mark: Mark, text: &str| Entry { mark, text: text.to_owned() };
    let has = |outlier: Outlier| channels.iter().any(|c| c.outlier == Some(outlier));
    let mut ranges = vec![entry(Mark::Range, "min, 1 %, 99 %, max")];
    if has(Outlier::Wide) {
        ranges.push(entry(Mark::Wide, "wide: over 2× median"));
    }
    if has(Outlier::Narrow) {
        ranges.push(entry(Mark::Narrow, "narrow: under half"));
    }
    let mut legends =
        vec![ColumnLegend { column: columns.ranges, title: "Range", entries: ranges }];
    if columns.has_scale() {
        let mut entries = vec![entry(Mark::OwnScale(shape), "channel")];
        // In less room the SQNR's legend has the same mark.
        if columns.scale.width() >= MIN_WIDTH_FOR_SCALE_IN_USE {
            entries.push(entry(Mark::InUse(shape), "in use"));
        }
        legends.push(ColumnLegend { column: columns.scale, title: "Scale", entries });
    }
    let mut entries = Vec::new();
    if channels.iter().any(|c| c.sqnr_per_tensor.is_some()) {
        entries.push(entry(Mark::PerTensor(shape), "tensor"));
        entries.push(entry(Mark::PerChannel(shape), "channel"));
    }
    if !is_all_float(picture) && columns.sqnr.width() < MIN_WIDTH_FOR_IN_USE {
        entries.push(entry(Mark::InUse(shape), "in use"));
    }
    legends.push(ColumnLegend { column: columns.sqnr, title: "SQNR", entries });
    let mut entries = Vec::new();
    if view == DensityView::HeatMap {
        let density = &picture.density;
        let more = if density.highest > density.limit { "+" } else { "" };
        let most = count_text(density.limit);
        let text = format!("{most}{more} of {}", thousands(picture.table.channel_len));
        entries.push(Entry { mark: Mark::Colours(Colormap::density(mode)), text });
    }
    legends.push(ColumnLegend { column: columns.density, title: "Channel × value", entries });
    legends
}

fn text_width(painter: &Painter, text: &str, font: egui::FontId) -> f32 {
    painter.layout_no_wrap(text.to_owned(), font, egui::Color32::WHITE).size().x
}

/// The entries of every line, the first of which stands behind the title; `None` where they have no
/// room.
fn lines(painter: &Painter, legend: &ColumnLegend) -> Option<Vec<Range<usize>>> {
    let room = legend.column.width();
    let mut x = text_width(painter, legend.title, theme::title(12.0));
    let mut lines = vec![Range::default()];
    for (idx, entry) in legend.entries.iter().enumerate() {
        let text = text_width(painter, &entry.text, theme::text(12.0));
        let width = entry.mark.width() + MARK_GAP + text;
        x += ENTRY_GAP + width;
        if x > room {
            lines.push(idx..idx);
            x = width;
        }
        if x > room || lines.len() > MAX_LINES {
            return None;
        }
        lines.last_mut()?.end = idx + 1;
    }
    Some(lines)
}

fn draw(sketch: &Sketch, legend: &ColumnLegend, (top, lines): (f32, &[Range<usize>])) {
    let theme = sketch.theme;
    let column = legend.column;
    let bottom = top + LINE_HEIGHT * lines.len().saturating_sub(1) as f32 + 12.0;
    let area = Rect::from_x_y_ranges(column.x_range(), top - 12.0..=bottom);
    let painter = sketch.painter.with_clip_rect(area.intersect(sketch.painter.clip_rect()));
    let text = |x: f32, y: f32, text: &str, font, ink| {
        painter.text(pos2(x, y), Align2::LEFT_CENTER, text, font, ink).right()
    };
    let mut x = text(column.left(), top, legend.title, theme::title(12.0), theme.text) + ENTRY_GAP;
    for (line_idx, line) in lines.iter().enumerate() {
        let y = top + LINE_HEIGHT * line_idx as f32;
        for entry in legend.entries.get(line.clone()).unwrap_or_default() {
            let width = entry.mark.width();
            let rect = Rect::from_center_size(pos2(x + width / 2.0, y), vec2(width, 9.0));
            entry.mark.draw(&painter, rect, theme);
            let left = x + width + MARK_GAP;
            x = text(left, y, &entry.text, theme::text(12.0), theme.label) + ENTRY_GAP;
        }
        x = column.left();
    }
}

/// All entries under each other.
fn folded_ui(ui: &mut Ui, legends: &[ColumnLegend]) {
    let theme = Theme::of(ui);
    for legend in legends.iter().filter(|legend| !legend.entries.is_empty()) {
        ui.label(RichText::new(legend.title).font(theme::title(12.0)).color(theme.text));
        for entry in &legend.entries {
            ui.horizontal(|ui| {
                let size = vec2(entry.mark.width(), 16.0);
                let (rect, _) = ui.allocate_exact_size(size, Sense::hover());
                let rect = Rect::from_center_size(rect.center(), vec2(size.x, 9.0));
                entry.mark.draw(ui.painter(), rect, theme);
                ui.label(RichText::new(&entry.text).color(theme.label));
            });
        }
    }
}

impl Mark {
    fn width(self) -> f32 {
        match self {
            Self::Range => 18.0,
            Self::Wide | Self::Narrow => 14.0,
            Self::OwnScale(_) => 9.0,
            Self::PerTensor(_) | Self::PerChannel(_) | Self::InUse(_) => 8.0,
            Self::Colours(_) => 76.0,
        }
    }

    fn draw(self, painter: &Painter, rect: Rect, theme: &Theme) {
        match self {
            Self::Range => {
                let stroke = Stroke::new(1.0, theme.original);
                painter.hline(rect.x_range(), rect.center().y, stroke);
                painter.rect_filled(rect.shrink2(vec2(4.0, 2.0)), 0, theme.original);
            }
            Self::Wide => {
                painter.rect_filled(rect.shrink2(vec2(0.0, 2.0)), 0, theme.bad);
            }
            Self::Narrow => {
                painter.rect_filled(rect, 0, theme.panel);
                painter.rect_filled(rect.shrink2(vec2(4.0, 2.0)), 0, theme.original);
            }
            Self::OwnScale(MarkShape::Sign) => {
                diamond(painter, (rect.center().x, rect.center().y), 4.0, theme.accent);
            }
            Self::PerTensor(MarkShape::Sign) => {
                painter.circle_stroke(rect.center(), 3.5, Stroke::new(1.5, theme.original));
            }
            Self::PerChannel(MarkShape::Sign) => {
                painter.circle_filled(rect.center(), 3.5, theme.accent);
            }
            Self::OwnScale(MarkShape::Tick) | Self::PerChannel(MarkShape::Tick) => {
                tick(painter, rect, (2.0, theme.accent));
            }
            Self::PerTensor(MarkShape::Tick) => tick(painter, rect, (2.0, theme.original)),
            Self::InUse(MarkShape::Sign) => tick(painter, rect, (2.0, theme.quantized)),
            Self::InUse(MarkShape::Tick) => tick(painter, rect, (5.0, theme.quantized)),
            Self::Colours(map) => colour_scale(painter, rect, map, theme),
        }
    }
}

/// As high as a row, and so wide.
fn tick(painter: &Painter, rect: Rect, (width, colour): (f32, egui::Color32)) {
    let rect = Rect::from_center_size(rect.center(), vec2(width, rect.height() + 2.0));
    painter.rect_filled(rect, 0, colour);
}

/// 0, and the colours up to the most.
fn colour_scale(painter: &Painter, rect: Rect, map: Colormap, theme: &Theme) {
    let place = rect.left_center();
    painter.text(place, Align2::LEFT_CENTER, "0", theme::mono(11.0), theme.label);
    let bar = rect.with_min_x(rect.left() + 12.0);
    let n_steps = bar.width() as usize;
    for step_idx in 0..n_steps {
        let left = bar.left() + step_idx as f32;
        let strip = Rect::from_min_max(pos2(left, bar.top()), pos2(left + 1.0, bar.bottom()));
        let fraction = step_idx as f32 / (n_steps - 1).max(1) as f32;
        painter.rect_filled(strip, 0, count_colour(map, fraction, theme.background));
    }
    let stroke = Stroke::new(1.0, theme.line_strong);
    painter.rect_stroke(bar, 0, stroke, egui::StrokeKind::Outside);
}

/// Counts of one channel are whole; means over several need not be.
fn count_text(count: f32) -> String {
    let count = f64::from(count);
    if count.fract() == 0.0 { fixed(count, 0) } else { significant(count, 2) }
}

/// The titles of the axes below the rows.
pub(super) fn titles(sketch: &Sketch, top: f32) {
    let theme = sketch.theme;
    let bins = sketch.picture.table.bins;
    let mut titles = vec![
        (sketch.columns.sqnr, "SQNR, dB".to_owned()),
        (sketch.columns.density, format!("Weight value, bins of {}", significant(bins.width, 2))),
    ];
    if sketch.columns.has_scale() {
        titles.push((sketch.columns.scale, "Scale".to_owned()));
    }
    let grid = sketch.picture.table.tensor_grid.as_ref();
    let ends = tensor_bounds(sketch.picture).zip(grid).map(|((lo, hi), grid)| {
        let scale = match grid.scale() {
            Some(scale) => format!(", scale {}", significant(f64::from(scale), 3)),
            None => String::new(),
        };
        let (lo, hi) = (significant(lo, 3), significant(hi, 3));
        format!("Weight value; lines: ends of one grid for the tensor, {lo} … {hi}{scale}")
    });
    let short = "Weight value".to_owned();
    let range_title = ends.unwrap_or_else(|| short.clone());
    for (column, text) in titles.into_iter().chain([(sketch.columns.ranges, range_title)]) {
        let layout =
            |text: String| sketch.painter.layout_no_wrap(text, theme::text(11.0), theme.hint);
        let mut galley = layout(text);
        if galley.size().x > column.width() + 12.0 {
            galley = layout_of(sketch, &short);
        }
        let left = column.center().x - galley.size().x / 2.0;
        sketch.painter.galley(pos2(left, top), galley, theme.hint);
    }
    if sketch.columns.sqnr.width() < MIN_WIDTH_FOR_IN_USE || is_all_float(sketch.picture) {
        return;
    }
    let in_use = layout_of(sketch, "in use");
    let left = sketch.columns.sqnr.center().x + 34.0;
    let mark = Rect::from_min_size(pos2(left, top + 2.0), vec2(8.0, 9.0));
    Mark::InUse(sketch.shape()).draw(sketch.painter, mark, theme);
    sketch.painter.galley(pos2(left + 12.0, top), in_use, theme.hint);
}

fn layout_of(sketch: &Sketch, text: &str) -> std::sync::Arc<egui::Galley> {
    sketch.painter.layout_no_wrap(text.to_owned(), theme::text(11.0), sketch.theme.hint)
}

/// Everything about one channel.
pub(super) fn hover_ui(ui: &mut Ui, picture: &ChannelPicture, channel_idx: usize) {
    let theme = Theme::of(ui);
    let Some(channel) = picture.table.channels.get(channel_idx) else { return };
    ui.label(RichText::new(format!("Channel {channel_idx}")).font(theme::title(12.0)));
    let outlier = channel.outlier.map(|outlier| match outlier {
        Outlier::Wide => "Outlier: range over 2× the median",
        Outlier::Narrow => "Outlier: range under half the median",
    });
    if let Some(text) = outlier {
        ui.label(RichText::new(text).color(theme.bad));
    }
    let float =
        |x: Option<f32>| x.map_or_else(|| "n/a".to_owned(), |x| significant(f64::from(x), 4));
    let span = channel.span;
    let db = |sqnr: Option<Sqnr>| sqnr.map(sqnr_text);
    let rows = [
        ("Minimum", Some(float(span.map(|s| s.min)))),
        ("1 %", Some(float(span.map(|s| s.low)))),
        ("99 %", Some(float(span.map(|s| s.high)))),
        ("Maximum", Some(float(span.map(|s| s.max)))),
        ("Scale in use", channel.scale.map(|scale| float(Some(scale)))),
        ("Scale of its own", channel.own_scale.map(|scale| float(Some(scale)))),
        ("SQNR in use", db(Some(channel.sqnr))),
        ("… one scale a tensor ○", db(channel.sqnr_per_tensor)),
        ("… one scale a channel ●", db(channel.sqnr_per_channel)),
    ];
    let rows = rows.into_iter().filter_map(|(name, value)| Some((name, value?, theme.text)));
    figure_table(ui, "channel figures", rows);
}

fn sqnr_text(sqnr: Sqnr) -> String {
    match sqnr {
        Sqnr::Db(db) => format!("{} dB", fixed(db, 2)),
        Sqnr::Exact => "no error".to_owned(),
        Sqnr::NoSignal => "all zero".to_owned(),
        Sqnr::NonFinite => "not finite".to_owned(),
    }
}
