//! What the marks mean, the titles of the columns, and the figures of one channel.

use egui::{Align2, Color32, Rect, RichText, Stroke, Ui, pos2, vec2};

use super::columns::{Sketch, diamond, tensor_bounds};
use super::density::DensityView;
use crate::base::{fixed, significant, thousands};
use crate::eval::Sqnr;
use crate::quant::Grid;
use crate::session::{ChannelPicture, Outlier};
use crate::ui::colormap::Colormap;
use crate::ui::theme::{self, Theme};
use crate::ui::widgets::figure_table;

/// From the top of the rows up to the line of the legends.
const LEGEND_OFFSET: f32 = 34.0;

/// Puts entries side by side, as many as have room.
struct Legend<'a> {
    sketch: &'a Sketch<'a>,
    x: f32,
    right: f32,
    y: f32,
}

impl Legend<'_> {
    fn title(&mut self, text: &str) {
        let place = pos2(self.x, self.y);
        let ink = self.sketch.theme.text;
        let clip = Rect::from_min_max(pos2(self.x, self.y - 12.0), pos2(self.right, self.y + 12.0));
        let painter = self.sketch.painter.with_clip_rect(clip);
        let drawn = painter.text(place, Align2::LEFT_CENTER, text, theme::title(12.0), ink);
        self.x = drawn.right() + 10.0;
    }

    fn entry(&mut self, text: &str, mark_width: f32, draw: impl Fn(Rect)) {
        let ink = self.sketch.theme.label;
        let galley = self.sketch.painter.layout_no_wrap(text.to_owned(), theme::text(12.0), ink);
        let width = mark_width + 4.0 + galley.size().x;
        if self.x + width > self.right {
            self.x = f32::INFINITY;
            return;
        }
        draw(Rect::from_center_size(
            pos2(self.x + mark_width / 2.0, self.y),
            vec2(mark_width, 9.0),
        ));
        let place = pos2(self.x + mark_width + 4.0, self.y - galley.size().y / 2.0);
        self.sketch.painter.galley(place, galley, ink);
        self.x += width + 10.0;
    }
}

/// The legends over the columns.
pub(super) fn draw(sketch: &Sketch, view: DensityView, mode: egui::Theme) {
    let theme = sketch.theme;
    let painter = sketch.painter;
    let y = sketch.layout.top - LEGEND_OFFSET;
    let over = |column: Rect| Legend { sketch, x: column.left(), right: column.right(), y };
    painter.text(
        pos2(sketch.columns.labels.left() + 4.0, sketch.layout.top - 4.0),
        Align2::LEFT_BOTTOM,
        "Channel",
        theme::text(11.0),
        theme.hint,
    );
    let mut ranges = over(sketch.columns.ranges);
    ranges.title("Range");
    ranges.entry("min, 1 %, 99 %, max", 18.0, |rect| {
        painter.hline(rect.x_range(), rect.center().y, Stroke::new(1.0, theme.original));
        painter.rect_filled(rect.shrink2(vec2(4.0, 2.0)), 0, theme.original);
    });
    ranges.entry("wide: over 2× median", 14.0, |rect| {
        painter.rect_filled(rect.shrink2(vec2(0.0, 2.0)), 0, theme.bad);
    });
    ranges.entry("narrow: under half", 14.0, |rect| {
        painter.rect_filled(rect, 0, theme.panel);
        painter.rect_filled(rect.shrink2(vec2(4.0, 2.0)), 0, theme.original);
    });
    if sketch.columns.has_scale() {
        let mut scale = over(sketch.columns.scale);
        scale.title("Scale");
        scale.entry("own", 9.0, |rect| {
            diamond(painter, (rect.center().x, rect.center().y), 4.0, theme.original);
        });
    }
    let mut sqnr = over(sketch.columns.sqnr);
    sqnr.title("SQNR");
    let has_twins = sketch.picture.table.channels.iter().any(|c| c.sqnr_per_tensor.is_some());
    if has_twins {
        sqnr.entry("tensor", 8.0, |rect| {
            painter.circle_stroke(rect.center(), 3.5, Stroke::new(1.5, theme.original));
        });
        sqnr.entry("channel", 8.0, |rect| {
            painter.circle_filled(rect.center(), 3.5, theme.accent);
        });
    }
    let has_error = sketch.picture.table.channels.iter().any(|c| c.sqnr.db().is_some());
    if !has_twins && !has_error {
        let place = sketch.columns.sqnr.center_top() + vec2(0.0, 16.0);
        let ink = theme.hint;
        painter.text(place, Align2::CENTER_TOP, "Float: no error", theme::text(12.0), ink);
    }
    let mut density = over(sketch.columns.density);
    density.title("Channel × value");
    if view == DensityView::HeatMap {
        colour_scale(sketch, &density, Colormap::density(mode));
    }
}

/// 0, the colours, the count at their end; on the right of the column.
fn colour_scale(sketch: &Sketch, legend: &Legend, map: Colormap) {
    let density = &sketch.picture.density;
    let theme = sketch.theme;
    let more = if density.highest > density.limit { "+" } else { "" };
    let unit = format!(
        "{}{more} of {}",
        count_text(density.limit),
        thousands(sketch.picture.table.channel_len)
    );
    let galley = sketch.painter.layout_no_wrap(unit, theme::mono(11.0), theme.label);
    let text_left = legend.right - galley.size().x;
    let bar = Rect::from_min_max(
        pos2(text_left - 70.0, legend.y - 5.0),
        pos2(text_left - 6.0, legend.y + 5.0),
    );
    if bar.left() - 14.0 < legend.x {
        return;
    }
    sketch.painter.galley(pos2(text_left, legend.y - galley.size().y / 2.0), galley, theme.label);
    let zero = pos2(bar.left() - 6.0, legend.y);
    sketch.painter.text(zero, Align2::RIGHT_CENTER, "0", theme::mono(11.0), theme.label);
    gradient(sketch, bar, |fraction| map.colour(fraction));
}

fn gradient(sketch: &Sketch, bar: Rect, colour: impl Fn(f32) -> Color32) {
    let n_steps = bar.width().max(1.0) as usize;
    for step_idx in 0..n_steps {
        let left = bar.left() + step_idx as f32;
        let strip = Rect::from_min_max(pos2(left, bar.top()), pos2(left + 1.0, bar.bottom()));
        let fraction = step_idx as f32 / (n_steps - 1).max(1) as f32;
        sketch.painter.rect_filled(strip, 0, colour(fraction));
    }
    let stroke = Stroke::new(1.0, sketch.theme.line_strong);
    sketch.painter.rect_stroke(bar, 0, stroke, egui::StrokeKind::Outside);
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
        let scale = match grid {
            Grid::Uniform { params, .. } => {
                format!(", scale {}", significant(f64::from(params.scale), 3))
            }
            _ => String::new(),
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
    let in_use = layout_of(sketch, "in use");
    if sketch.columns.sqnr.width() < 150.0 {
        return;
    }
    let left = sketch.columns.sqnr.center().x + 34.0;
    let mark = Rect::from_min_size(pos2(left, top + 2.0), vec2(8.0, 8.0));
    sketch.painter.rect_filled(mark, 1, theme.quantized);
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
