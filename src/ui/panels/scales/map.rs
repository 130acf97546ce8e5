//! The map of scales, that of the zero points below it, and what is told under the pointer.

use std::sync::Arc;

use egui::{Align2, Color32, Pos2, Rect, RichText, Sense, Stroke, Ui, WidgetInfo, pos2, vec2};

use super::draw::{MapKind, Textures, colour_bar, log_marks};
use crate::base::{fixed, significant, thousands};
use crate::session::{Command, OffsetKind, ScaleMap};
use crate::ui::axis::Axis;
use crate::ui::chart::Spread;
use crate::ui::panel::PanelCtx;
use crate::ui::theme::{self, Theme};
use crate::ui::widgets::figure_table;

/// Room for the numbers of rows, for title and colour bar above, and for the columns' numbers.
const LEFT: f32 = 52.0;
const TOP: f32 = 50.0;
const BOTTOM: f32 = 22.0;
const BAR: egui::Vec2 = vec2(160.0, 8.0);
/// A group is no wider and no higher than this; narrower where bars have room beside.
const MAX_CELL: f32 = 120.0;
const MAX_CELL_BESIDE_BARS: f32 = 56.0;

/// Draws the scales, and what is added where there is anything.
pub(super) fn maps_ui(
    ui: &mut Ui,
    ctx: &PanelCtx,
    map: &Arc<ScaleMap>,
    (spread, textures): (Spread, &mut Textures),
) {
    let room = ui.available_rect_before_wrap();
    let scale = MapKind::Scale(spread);
    let rooms = match map.offset_kind {
        OffsetKind::None => vec![(scale, room)],
        _ if map.n_columns <= 4 || room.width() < room.height() => {
            let (left, right) = room.split_left_right_at_fraction(0.5);
            vec![(scale, left), (MapKind::Offset, right)]
        }
        _ => {
            let (top, bottom) = room.split_top_bottom_at_fraction(0.5);
            vec![(scale, top), (MapKind::Offset, bottom)]
        }
    };
    for (kind, room) in rooms {
        map_ui(ui, ctx, map, (kind, room, textures));
    }
}

fn title_of(map: &ScaleMap, kind: MapKind) -> (&'static str, &'static str) {
    match (kind, map.offset_kind) {
        (MapKind::Scale(_), _) => ("Scale", "Map of scales"),
        (_, OffsetKind::Offset) => ("Offset", "Map of offsets"),
        _ => ("Zero point", "Map of zero points"),
    }
}

fn map_ui(
    ui: &mut Ui,
    ctx: &PanelCtx,
    map: &Arc<ScaleMap>,
    (kind, room, textures): (MapKind, Rect, &mut Textures),
) {
    let theme = Theme::of(ui);
    let view = Rect::from_min_max(
        room.min + vec2(LEFT, TOP),
        room.max - vec2(theme::PANEL_MARGIN, BOTTOM),
    );
    if view.width() < 16.0 || view.height() < 16.0 {
        return;
    }
    let most = if map.n_columns == 1 { MAX_CELL_BESIDE_BARS } else { MAX_CELL };
    let width = view.width().min(map.n_columns as f32 * most);
    let height = view.height().min(map.n_rows as f32 * MAX_CELL);
    let picture = Rect::from_min_size(view.min, vec2(width, height));
    let (title, name) = title_of(map, kind);
    head(ui, map, (title, kind), room);
    let (down, across) = map.pixels.block;
    // The last pixels may stand for rows and columns beyond the edge.
    let covered = vec2(
        (map.pixels.size[0] * across) as f32 / map.n_columns as f32,
        (map.pixels.size[1] * down) as f32 / map.n_rows as f32,
    );
    let texture = textures.texture(ui, map, kind);
    let everything = Rect::from_min_max(Pos2::ZERO, pos2(1.0, 1.0));
    let whole = Rect::from_min_size(picture.min, picture.size() * covered);
    let clip = ui.painter().with_clip_rect(picture.intersect(ui.clip_rect()));
    clip.image(texture, whole, everything, Color32::WHITE);
    let frame = Stroke::new(1.0, theme.line);
    ui.painter().rect_stroke(picture, 0, frame, egui::StrokeKind::Outside);
    ticks(ui, map, picture);
    let bars = bars_rect(map, picture, view).filter(|_| kind != MapKind::Offset);
    if let Some(bars) = bars {
        draw_bars(ui, map, bars, kind);
    }
    mark_channel(ui, map, picture, ctx.session.selection().channel_idx);
    let area = bars.map_or(picture, |bars| picture.union(bars));
    let response = ui.interact(area, ui.scope_id().with(name), Sense::click());
    response.widget_info(|| {
        let text = format!("{name}, {} rows, {} columns", map.n_rows, map.n_columns);
        WidgetInfo::labeled(egui::Role::Canvas, true, text)
    });
    let Some(group_idx) = response.hover_pos().and_then(|at| group_under(map, picture, at)) else {
        return;
    };
    if response.clicked() && map.is_by_channel {
        let channel = map.channel_of(group_idx);
        let is_selected = ctx.session.selection().channel_idx == Some(channel);
        ctx.send(Command::SelectChannel((!is_selected).then_some(channel)));
    }
    response.on_hover_ui_at_pointer(|ui| hover_ui(ui, map, group_idx));
}

/// Title and colours.
fn head(ui: &Ui, map: &ScaleMap, (title, kind): (&str, MapKind), room: Rect) {
    let ink = Theme::of(ui).text;
    let place = pos2(room.left() + theme::PANEL_MARGIN, room.top() + 14.0);
    let title = ui.painter().text(place, Align2::LEFT_CENTER, title, theme::title(12.0), ink);
    let bar_width = BAR.x.min(room.right() - title.right() - 32.0);
    if bar_width > 60.0 {
        let corner = pos2(title.right() + 12.0, place.y - 6.0);
        colour_bar(ui, map, kind, Rect::from_min_size(corner, vec2(bar_width, BAR.y)));
    }
}

/// The group at a point; of several in a pixel the one of largest scale.
fn group_under(map: &ScaleMap, picture: Rect, at: Pos2) -> Option<usize> {
    let cell =
        |fraction: f32, n: usize| ((fraction * n as f32).max(0.0) as usize).min(n.max(1) - 1);
    let column = cell((at.x - picture.left()) / picture.width(), map.n_columns);
    let row = cell((at.y - picture.top()) / picture.height(), map.n_rows);
    let (down, across) = map.pixels.block;
    map.group_of_pixel(column / across, row / down)
}

fn hover_ui(ui: &mut Ui, map: &ScaleMap, group_idx: usize) {
    let theme = Theme::of(ui);
    let (down, across) = map.pixels.block;
    if (down, across) != (1, 1) {
        let text = format!("Largest scale of {down}×{across} groups");
        ui.label(RichText::new(text).color(theme.hint));
    }
    let channel = map.channel_of(group_idx);
    let title = match map.is_by_channel {
        true if map.n_columns == 1 => format!("Channel {channel}"),
        true => format!("Channel {channel}, group {} of it", group_idx % map.n_columns),
        false => format!("Block {}", thousands(group_idx)),
    };
    ui.label(RichText::new(title).font(theme::title(12.0)));
    let of = |list: &[f32]| list.get(group_idx).map(|value| f64::from(*value));
    let short = |value: Option<f64>| value.map(|value| significant(value, 5));
    let zero_point = of(&map.offsets).map(|offset| fixed(offset, 0));
    let rows = [
        ("Scale", short(of(&map.scales))),
        ("Zero point", zero_point.filter(|_| map.offset_kind == OffsetKind::ZeroPoint)),
        ("Offset", short(of(&map.offsets)).filter(|_| map.offset_kind == OffsetKind::Offset)),
        ("Largest |weight|", short(of(&map.absmax))),
        ("Weights", Some(thousands(map.layout.range(group_idx).len()))),
        ("Group", Some(thousands(group_idx)).filter(|_| map.is_by_channel)),
    ];
    let rows = rows.into_iter().filter_map(|(name, value)| Some((name, value?, theme.text)));
    figure_table(ui, "scale figures", rows);
}

/// Where the scales of single groups are drawn as bars too, since there is room.
fn bars_rect(map: &ScaleMap, picture: Rect, view: Rect) -> Option<Rect> {
    let rect = picture.with_min_x(picture.right() + 16.0).with_max_x(view.right());
    (map.n_columns == 1 && rect.width() > 120.0).then_some(rect)
}

/// A bar a row from 0 to its scale; rows that share a pixel of the map share one.
fn draw_bars(ui: &Ui, map: &ScaleMap, rect: Rect, kind: MapKind) {
    let theme = Theme::of(ui);
    let (least, largest) = map.scale_range.unwrap_or((0.0, 1.0));
    let (least, largest) = (f64::from(least), f64::from(largest));
    let is_log = kind == MapKind::Scale(Spread::Log) && least > 0.0 && largest > least;
    let place = |scale: f64| if is_log { scale.max(1e-300).log10() } else { scale };
    let lo = if is_log { place(least) - 0.1 * (place(largest) - place(least)) } else { 0.0 };
    let hi = place(largest) + 0.03 * (place(largest) - lo);
    let axis = Axis::new(lo, hi, rect.x_range());
    ui.painter().rect_filled(rect, 2, theme.background);
    let title = if is_log { "Scale, logarithmic" } else { "Scale" };
    let at = pos2(rect.center().x, rect.bottom() + 4.0);
    ui.painter().text(at, Align2::CENTER_TOP, title, theme::text(11.0), theme.label);
    match is_log {
        true => axis.draw_at(ui.painter(), rect, theme, log_marks(map, (lo, hi), rect.width())),
        false => axis.draw(ui.painter(), rect, theme),
    }
    let height = rect.height() * map.pixels.block.0 as f32 / map.n_rows.max(1) as f32;
    let painter = ui.painter().with_clip_rect(rect);
    // Where rows share a pixel, faint up to the largest and full up to the smallest.
    let lists = [(&map.pixels.scales, 0.45), (&map.pixels.smallest, 1.0)];
    for (scales, opacity) in lists {
        for (row, &scale) in scales.iter().enumerate().filter(|(_, scale)| scale.is_finite()) {
            let top = rect.top() + row as f32 * height;
            let gap = if height > 4.0 { 0.5 } else { 0.0 };
            let bar = Rect::from_x_y_ranges(
                rect.left()..=axis.x(place(f64::from(scale))),
                top + gap..=top + height - gap,
            );
            painter.rect_filled(bar, 0, theme.quantized.gamma_multiply(opacity));
        }
    }
}

/// Numbers of rows and columns at round distances.
fn ticks(ui: &Ui, map: &ScaleMap, picture: Rect) {
    let theme = Theme::of(ui);
    let row_height = picture.height() / map.n_rows.max(1) as f32;
    for row in (0..map.n_rows).step_by(round_step(18.0 / row_height)) {
        let y = picture.top() + (row as f32 + 0.5) * row_height;
        let place = pos2(picture.left() - 6.0, y);
        // Groups that run on have the number of the first in the line.
        let index = if map.is_by_channel { row } else { row * map.n_columns };
        let text = index.to_string();
        ui.painter().text(place, Align2::RIGHT_CENTER, text, theme::mono(11.0), theme.hint);
    }
    let width = picture.width() / map.n_columns.max(1) as f32;
    for column in (0..map.n_columns).step_by(round_step(44.0 / width)) {
        let x = picture.left() + (column as f32 + 0.5) * width;
        let place = pos2(x, picture.bottom() + 3.0);
        let text = column.to_string();
        ui.painter().text(place, Align2::CENTER_TOP, text, theme::mono(11.0), theme.hint);
    }
    let name = if map.is_by_channel { "channel" } else { "block" };
    let place = pos2(picture.left() - 6.0, picture.top() - 3.0);
    ui.painter().text(place, Align2::RIGHT_BOTTOM, name, theme::text(11.0), theme.label);
    let place = pos2(picture.left(), picture.top() - 3.0);
    let columns = match (map.n_columns, map.is_by_channel) {
        (1, _) => "",
        (_, true) => "groups →",
        (_, false) => "blocks →",
    };
    ui.painter().text(place, Align2::LEFT_BOTTOM, columns, theme::text(11.0), theme.label);
}

/// A frame around the selected channel's row.
fn mark_channel(ui: &Ui, map: &ScaleMap, picture: Rect, channel_idx: Option<usize>) {
    let Some(channel_idx) = channel_idx.filter(|_| map.is_by_channel) else { return };
    let height = picture.height() / map.n_rows.max(1) as f32;
    let top = picture.top() + channel_idx as f32 * height;
    let row = Rect::from_x_y_ranges(picture.x_range(), top..=top + height.max(2.0));
    let stroke = Stroke::new(1.5, Theme::of(ui).accent);
    ui.painter().rect_stroke(row, 0, stroke, egui::StrokeKind::Outside);
}

/// The next of 1, 2, 5 times a power of ten.
fn round_step(least: f32) -> usize {
    let least = f64::from(least.max(1.0));
    let power = 10f64.powf(least.log10().floor());
    let factor = [1.0, 2.0, 5.0].into_iter().find(|factor| factor * power >= least * 0.999);
    (factor.unwrap_or(10.0) * power).max(1.0) as usize
}
