//! The number line: every level where it lies, as high as it is used.

use std::sync::Arc;

use egui::{Color32, Rect, Response, Sense, Stroke, Ui, WidgetInfo, pos2};

use super::LevelsPanel;
use crate::base::{fixed, percent, significant, thousands};
use crate::session::{LevelAxis, LevelsPicture};
use crate::ui::chart::{Chart, Spread, Titles};
use crate::ui::theme::Theme;
use crate::ui::widgets::figure_table;

/// Levels closer than this many points share a bar.
const LEAST_PITCH: f32 = 3.0;
/// Of the head of a stalk.
const MAX_RADIUS: f32 = 4.0;
/// What a logarithmic axis of counts begins at, so that one is to be seen.
const BELOW_ONE: f64 = 0.5;

impl LevelsPanel {
    /// Draws it; the place of the level under the pointer.
    pub(super) fn line_ui(
        &mut self,
        ui: &mut Ui,
        picture: &Arc<LevelsPicture>,
        room: Rect,
    ) -> Option<usize> {
        let theme = Theme::of(ui);
        let (lo, hi) = picture.bounds()?;
        let margin = if hi > lo { (hi - lo) * 0.04 } else { 0.5 };
        let all = (lo - margin, hi + margin);
        let most = picture.by_value().map(|(_, count)| count).max().unwrap_or(0).max(1) as f64;
        let y = match self.spread {
            Spread::Linear => (0.0, most * 1.08),
            Spread::Log => (BELOW_ONE, most * 1.6),
        };
        let chart = Chart::new(room, self.view.unwrap_or(all), y, self.spread);
        if !chart.has_room() {
            return None;
        }
        let x = match picture.axis {
            LevelAxis::Weights => "Value, on the scale of the weights",
            LevelAxis::Units => "Value before the scale, in units of each group's scale",
            LevelAxis::Codes => "Code",
        };
        let titles = Titles { x, y: "Weights per level", y_text: count_text };
        chart.draw(ui.painter(), theme, &titles);
        draw_outline(ui, picture, &chart, y.1);
        draw_levels(ui, picture, &chart);
        legend_ui(ui, picture, room);
        let response = response_of(ui, picture, &chart);
        self.move_view(ui, &chart, &response, all);
        self.pointed(ui, picture, &chart, &response)
    }

    /// The wheel zooms around the pointer, dragging moves, a double click shows all.
    fn move_view(&mut self, ui: &Ui, chart: &Chart, response: &Response, all: (f64, f64)) {
        let (lo, hi) = (chart.x.lo, chart.x.hi);
        if response.double_clicked() {
            self.view = None;
            return;
        }
        let mut view = (lo, hi);
        if response.dragged() {
            let by = f64::from(response.drag_delta().x / chart.rect.width()) * (hi - lo);
            view = (lo - by, hi - by);
        }
        if let Some(pointer) = response.hover_pos() {
            let (scroll, pinch) =
                ui.input(|input| (input.smooth_scroll_delta().y, input.zoom_delta()));
            let factor = f64::from(scroll / 200.0).exp() * f64::from(pinch);
            let at = chart.value_at(pointer.x);
            view = (at + (view.0 - at) / factor, at + (view.1 - at) / factor);
        }
        if view == (lo, hi) {
            return;
        }
        let least = (all.1 - all.0) * 1e-6;
        let width = (view.1 - view.0).clamp(least, all.1 - all.0);
        let first = view.0.clamp(all.0, (all.1 - width).max(all.0));
        self.view = (width < (all.1 - all.0) * 0.999).then_some((first, first + width));
    }

    /// Marks and tells the level under the pointer; a click pins it.
    fn pointed(
        &mut self,
        ui: &Ui,
        picture: &LevelsPicture,
        chart: &Chart,
        response: &Response,
    ) -> Option<usize> {
        let theme = Theme::of(ui);
        if let Some(level) = self.pinned_idx(picture).and_then(|idx| picture.levels.get(idx)) {
            let x = chart.x.x(f64::from(level.value));
            if chart.rect.x_range().contains(x) {
                ui.painter().vline(x, chart.rect.y_range(), Stroke::new(1.0, theme.accent));
            }
        }
        let pointer = response.hover_pos()?;
        let idx = picture.nearest(chart.value_at(pointer.x))?;
        let level = *picture.levels.get(idx)?;
        let x = chart.x.x(f64::from(level.value));
        if chart.rect.x_range().contains(x) {
            ui.painter().vline(x, chart.rect.y_range(), Stroke::new(1.0, theme.text));
        }
        if response.clicked() {
            self.pinned = (self.pinned != Some(level.code)).then_some(level.code);
            self.scrolls = true;
        }
        response.clone().on_hover_ui_at_pointer(|ui| {
            let alike = picture.levels.get(picture.alike(idx)).unwrap_or_default();
            let codes: Vec<String> = alike.iter().map(|l| fixed(f64::from(l.code), 0)).collect();
            let count = alike.iter().map(|level| level.count).sum();
            let rows = [
                (if codes.len() == 1 { "Code" } else { "Codes" }, codes.join(" and "), theme.text),
                ("Value", significant(f64::from(level.value), 6), theme.quantized),
                ("Weights", thousands(count as usize), theme.text),
                ("Share", share_text(picture, count), theme.text),
            ];
            figure_table(ui, "level", rows);
        });
        Some(idx)
    }
}

pub(super) fn share_text(picture: &LevelsPicture, count: u64) -> String {
    percent(count as f64 / picture.count.max(1) as f64, 3)
}

/// Whole numbers only.
fn count_text(mark: f64, _step: f64) -> String {
    if mark.fract() == 0.0 && mark >= 0.0 { thousands(mark as usize) } else { String::new() }
}

/// The weights before, as an area as high as the chart at its highest.
fn draw_outline(ui: &Ui, picture: &LevelsPicture, chart: &Chart, top: f64) {
    let theme = Theme::of(ui);
    let Some(outline) = &picture.outline else { return };
    let most = outline.counts.iter().copied().max().unwrap_or(0).max(1) as f64;
    let painter = ui.painter().with_clip_rect(chart.rect);
    let fill = theme.original.gamma_multiply(0.25);
    for (bin_idx, &count) in outline.counts.iter().enumerate().filter(|(_, count)| **count > 0) {
        let (left, right) =
            (chart.x.x(outline.edge(bin_idx)), chart.x.x(outline.edge(bin_idx + 1)));
        let y = chart.y(count as f64 / most * top * 0.92);
        let bar = Rect::from_min_max(pos2(left, y), pos2(right, chart.rect.bottom()));
        painter.rect_filled(bar, 0, fill);
    }
}

/// A stalk with a head a value, all its codes together; where they stand closer, a bar a column of
/// points.
fn draw_levels(ui: &Ui, picture: &LevelsPicture, chart: &Chart) {
    let theme = Theme::of(ui);
    let painter = ui.painter().with_clip_rect(chart.rect.expand(MAX_RADIUS + 2.0));
    let (first, last) = ends_in_view(chart);
    let levels: Vec<(f32, u64)> = picture
        .by_value()
        .skip_while(|(value, _)| f64::from(*value) < first)
        .take_while(|(value, _)| f64::from(*value) < last)
        .collect();
    let pitch = chart.rect.width() / levels.len().max(1) as f32;
    let stalk = |x: f32, count: u64, width: f32| {
        let top = chart.y(count as f64);
        painter.vline(x, top..=chart.rect.bottom(), Stroke::new(width, theme.quantized));
        pos2(x, top)
    };
    if pitch < LEAST_PITCH {
        let mut column: Option<(i32, u64)> = None;
        for &(value, count) in levels.iter().filter(|(_, count)| *count > 0) {
            let x = chart.x.x(f64::from(value)).round() as i32;
            match &mut column {
                Some((at, most)) if *at == x => *most = count.max(*most),
                _ => {
                    if let Some((at, most)) = column.replace((x, count)) {
                        stalk(at as f32, most, 1.0);
                    }
                }
            }
        }
        if let Some((at, most)) = column {
            stalk(at as f32, most, 1.0);
        }
        return;
    }
    let radius = (pitch * 0.3).clamp(1.5, MAX_RADIUS);
    for (value, count) in levels {
        let x = chart.x.x(f64::from(value));
        if count > 0 {
            let head = stalk(x, count, 1.5);
            painter.circle_filled(head, radius, theme.quantized);
        } else {
            let foot = pos2(x, chart.rect.bottom());
            painter.circle(foot, radius, Color32::TRANSPARENT, Stroke::new(1.0, theme.bad));
        }
    }
}

/// Places of the first level in view and of the one after the last.
fn in_view(picture: &LevelsPicture, chart: &Chart) -> (usize, usize) {
    let below = |bound: f64| picture.levels.partition_point(|l| f64::from(l.value) < bound);
    let (first, last) = ends_in_view(chart);
    (below(first), below(last))
}

/// What is in view, and a little beyond.
fn ends_in_view(chart: &Chart) -> (f64, f64) {
    let margin = (chart.x.hi - chart.x.lo) * 0.01;
    (chart.x.lo - margin, chart.x.hi + margin)
}

fn legend_ui(ui: &Ui, picture: &LevelsPicture, room: Rect) {
    let theme = Theme::of(ui);
    let y = room.top() + 8.0;
    let mut x = room.right() - crate::ui::theme::PANEL_MARGIN;
    let mut entry = |name: &str, colour: Color32, is_hollow: bool| {
        let place = pos2(x, y);
        let font = crate::ui::theme::text(11.0);
        let text = ui.painter().text(place, egui::Align2::RIGHT_CENTER, name, font, theme.label);
        let centre = pos2(text.left() - 9.0, y);
        match is_hollow {
            true => ui.painter().circle_stroke(centre, 3.5, Stroke::new(1.0, colour)),
            false => ui.painter().circle_filled(centre, 4.0, colour),
        };
        x = text.left() - 28.0;
    };
    if picture.n_used() < picture.levels.len() {
        entry("unused", theme.bad, true);
    }
    entry("used", theme.quantized, false);
    if picture.outline.is_some() {
        entry("weights before, not to scale", theme.original.gamma_multiply(0.5), false);
    }
}

fn response_of(ui: &mut Ui, picture: &LevelsPicture, chart: &Chart) -> Response {
    let id = ui.scope_id().with("number line");
    let response = ui.interact(chart.rect, id, Sense::click_and_drag());
    response.widget_info(|| {
        let (first, last) = in_view(picture, chart);
        let text = format!(
            "Number line of {} levels, {} used, {} in view",
            picture.levels.len(),
            picture.n_used(),
            last - first
        );
        WidgetInfo::labeled(egui::Role::Canvas, true, text)
    });
    response
}
