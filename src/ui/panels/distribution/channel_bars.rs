//! The ratio of every channel as bars over their numbers.

use egui::{Align2, Painter, Rect, Response, Sense, Shape, Stroke, Ui, pos2, vec2};

use super::curves::round_marks;
use crate::base::{fixed, thousands};
use crate::eval::{ErrorStats, LayerError, Sqnr};
use crate::session::Command;
use crate::ui::panel::PanelCtx;
use crate::ui::theme::{self, Theme};

/// As screen readers know it.
const NAME: &str = "SQNR of each channel";
/// Narrower bars are drawn as columns of pixels.
const MIN_BAR_WIDTH: f32 = 4.0;

/// Draws them; a click shows a channel. Where a bar has no room, each column of pixels shows the
/// lowest and the highest ratio of the channels it stands for.
pub(super) fn bars_ui(ui: &mut Ui, ctx: &PanelCtx, rect: Rect, error: &LayerError) {
    let theme = Theme::of(ui);
    let response = ui.interact(rect, ui.scope_id().with("channel strip"), Sense::click());
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Canvas, true, NAME));
    let ratios: Vec<Option<f64>> =
        error.channels.iter().map(|channel| channel.sqnr().db()).collect();
    let known = ratios.iter().flatten().copied();
    let lo = known.clone().fold(0.0, f64::min);
    let hi = known.clone().fold(lo + 10.0, f64::max);
    let scale = Scale { rect, lo, hi, n_channels: ratios.len().max(1) };
    scale.numbers_ui(ui.painter(), theme);
    if known.count() > 0 {
        scale.decibels_ui(ui.painter(), theme);
    } else {
        let is_exact = error.channels.iter().all(|channel| channel.sqnr() == Sqnr::Exact);
        let text = if is_exact { "Every channel is exact: no error" } else { "No ratio to show" };
        let font = theme::text(12.0);
        ui.painter().text(rect.center(), Align2::CENTER_CENTER, text, font, theme.label);
    }
    scale.draw(&ui.painter_at(rect.expand2(vec2(1.0, 0.0))), &ratios, theme);
    if let Some(idx) = ctx.session.selection().channel_idx.filter(|&idx| idx < ratios.len()) {
        scale.mark(ui.painter(), idx, ratios.get(idx).copied().flatten(), theme);
    }
    let Some(idx) = scale.pointed_channel(&response) else { return };
    if response.clicked() {
        ctx.send(Command::SelectChannel(Some(idx)));
    }
    let what = match error.channels.get(idx).map(ErrorStats::sqnr) {
        Some(Sqnr::Db(db)) => format!("{} dB", fixed(db, 2)),
        Some(Sqnr::Exact) => "exact, no error".to_owned(),
        Some(Sqnr::NoSignal) => "all weights are 0".to_owned(),
        _ => "NaN or infinite weights".to_owned(),
    };
    response.on_hover_text_at_pointer(format!("channel {idx}: {what}"));
}

/// Where channels and ratios lie.
struct Scale {
    rect: Rect,
    lo: f64,
    hi: f64,
    n_channels: usize,
}

impl Scale {
    fn y(&self, db: f64) -> f32 {
        let fraction = (db - self.lo) / (self.hi - self.lo);
        self.rect.bottom() - fraction as f32 * (self.rect.height() - 4.0)
    }

    fn pitch(&self) -> f32 {
        self.rect.width() / self.n_channels as f32
    }

    /// Decibels on the left.
    fn decibels_ui(&self, painter: &Painter, theme: &Theme) {
        for mark in round_marks((self.lo, self.hi), 3.0) {
            let y = self.y(mark.value);
            painter.hline(self.rect.x_range(), y, Stroke::new(1.0, theme.grid));
            let place = pos2(self.rect.left() - 6.0, y);
            let text = fixed(mark.value, 0);
            painter.text(place, Align2::RIGHT_CENTER, text, theme::mono(11.0), theme.label);
        }
    }

    /// Numbers of channels below.
    fn numbers_ui(&self, painter: &Painter, theme: &Theme) {
        let last = (self.n_channels - 1) as f64;
        let n_wanted = f64::from(self.rect.width() / 70.0).clamp(2.0, 16.0).min(last.max(1.0));
        let marks = round_marks((0.0, last.max(1.0)), n_wanted).into_iter();
        for mark in marks.filter(|mark| mark.value.fract() == 0.0 && mark.value <= last) {
            let x = self.rect.left() + (mark.value as f32 + 0.5) * self.pitch();
            let tick = self.rect.bottom()..=self.rect.bottom() + 3.0;
            painter.vline(x, tick, Stroke::new(1.0, theme.line_strong));
            let place = pos2(x, self.rect.bottom() + 4.0);
            let text = thousands(mark.value as usize);
            painter.text(place, Align2::CENTER_TOP, text, theme::mono(11.0), theme.label);
        }
    }

    fn draw(&self, painter: &Painter, ratios: &[Option<f64>], theme: &Theme) {
        let bar = |(left, right): (f32, f32), db: f64, colour| {
            let (top, bottom) = (self.y(db.max(0.0)), self.y(db.min(0.0)));
            let rect = Rect::from_min_max(pos2(left, top), pos2(right, bottom.max(top + 1.0)));
            painter.rect_filled(rect, 0, colour);
        };
        let pitch = self.pitch();
        if pitch >= MIN_BAR_WIDTH {
            let gap = (pitch * 0.15).min(2.0);
            for (idx, ratio) in ratios.iter().enumerate() {
                let Some(db) = *ratio else { continue };
                let left = self.rect.left() + idx as f32 * pitch;
                bar((left + gap, left + pitch - gap), db, theme.original);
            }
        } else {
            let pixel = 1.0 / painter.ctx().pixels_per_point();
            let n_columns = (self.rect.width() / pixel).floor().max(1.0) as usize;
            let columns = columns(ratios, n_columns);
            let mut start = 0;
            // Equal neighbours are one bar.
            for run in columns.chunk_by(|a, b| a == b) {
                let left = self.rect.left() + start as f32 * pixel;
                start += run.len();
                let right = self.rect.left() + start as f32 * pixel;
                let Some(Some((lowest, highest))) = run.first().copied() else { continue };
                bar((left, right), highest, theme.original.gamma_multiply(0.45));
                bar((left, right), lowest, theme.original);
            }
        }
        let base = self.y(0.0);
        painter.hline(self.rect.x_range(), base, Stroke::new(1.0, theme.line_strong));
    }

    /// The channel that is shown, in another colour and under a sign.
    fn mark(&self, painter: &Painter, idx: usize, db: Option<f64>, theme: &Theme) {
        let centre = self.rect.left() + (idx as f32 + 0.5) * self.pitch();
        let width = (self.pitch() - 2.0 * (self.pitch() * 0.15).min(2.0)).max(2.0);
        if let Some(db) = db {
            let (top, bottom) = (self.y(db.max(0.0)), self.y(db.min(0.0)));
            let bar = Rect::from_min_max(
                pos2(centre - width / 2.0, top),
                pos2(centre + width / 2.0, bottom.max(top + 1.0)),
            );
            painter.rect_filled(bar, 0, theme.accent);
        }
        let tip = pos2(centre, self.rect.top() + 2.0);
        let corners = vec![tip, tip + vec2(-4.0, -6.0), tip + vec2(4.0, -6.0)];
        painter.add(Shape::convex_polygon(corners, theme.accent, Stroke::NONE));
    }

    /// The channel under the pointer.
    fn pointed_channel(&self, response: &Response) -> Option<usize> {
        let offset = response.hover_pos()?.x - self.rect.left();
        let fraction = f64::from(offset / self.rect.width()).clamp(0.0, 1.0);
        Some(((fraction * self.n_channels as f64) as usize).min(self.n_channels - 1))
    }
}

/// Lowest and highest of the values each column stands for, wholly or in part; nothing is left out.
fn columns(values: &[Option<f64>], n_columns: usize) -> Vec<Option<(f64, f64)>> {
    let n_values = values.len();
    (0..n_columns)
        .map(|column| {
            let start = column * n_values / n_columns;
            let end = ((column + 1) * n_values).div_ceil(n_columns);
            let members = values.get(start..end).unwrap_or_default().iter().flatten();
            members.map(|&db| (db, db)).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_lose_nothing() {
        for (n_values, n_columns) in [(512, 340), (512, 1200), (7, 7), (1000, 3), (1, 5)] {
            let values: Vec<Option<f64>> = (0..n_values).map(|idx| Some(f64::from(idx))).collect();
            let columns = columns(&values, n_columns);
            let covered: Vec<(f64, f64)> = columns.into_iter().flatten().collect();
            assert_eq!(covered.len(), n_columns, "{n_values} in {n_columns}");
            let mut next = 0.0;
            for (lowest, highest) in covered {
                assert!(lowest <= next, "{n_values} in {n_columns}: {next} is in no column");
                next = highest + 1.0;
            }
            assert_eq!(next, f64::from(n_values), "{n_values} in {n_columns}");
        }
        assert_eq!(columns(&[None, Some(3.0)], 1), [Some((3.0, 3.0))]);
        assert_eq!(columns(&[None, None], 2), [None, None]);
        assert_eq!(columns(&[], 2), [None, None]);
    }
}
