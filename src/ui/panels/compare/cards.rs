//! Small multiples: for each scheme a card with the weights before and after, and its levels.

use egui::{
    Align2, Mesh, Painter, Rect, Response, Sense, Shape, Stroke, StrokeKind, Ui, WidgetInfo, pos2,
    vec2,
};

use super::detail::{APPLY_HELP, bits_text, hover_ui, sqnr_text};
use super::marks::{colour_of, draw_mark};
use super::plot::Deed;
use super::rows::Row;
use super::specs::long_name;
use super::{Content, Locked};
use crate::quant::Level;
use crate::session::ComparedFigures;
use crate::tensor::Histogram;
use crate::ui::theme::{self, Theme};
use crate::ui::widgets::name_it;

const MIN_WIDTH: f32 = 190.0;
const HEIGHT: f32 = 148.0;
const GAP: f32 = 8.0;
/// Room for name and figures above the drawing, and for the levels below it.
const HEAD_HEIGHT: f32 = 42.0;
const FOOT_HEIGHT: f32 = 12.0;

/// Draws all cards in as many columns as have room; a click picks, the button Use uses.
pub(super) fn cards_ui(ui: &mut Ui, content: &Content) -> Option<Deed> {
    let width = ui.available_width() - 2.0 * theme::PANEL_MARGIN - 8.0;
    let n_columns = ((width + GAP) / (MIN_WIDTH + GAP)).floor().max(1.0) as usize;
    let card_width = (width - GAP * (n_columns - 1) as f32) / n_columns as f32;
    let n_lines = content.rows.len().div_ceil(n_columns);
    let height = n_lines as f32 * (HEIGHT + GAP) + GAP;
    let mut deed = None;
    egui::ScrollArea::vertical().id_salt("cards").auto_shrink(false).show(ui, |ui| {
        let (room, _) = ui.allocate_exact_size(vec2(ui.available_width(), height), Sense::hover());
        for (idx, row) in content.rows.iter().enumerate() {
            let (line, column) = (idx / n_columns, idx % n_columns);
            let offset = vec2(
                theme::PANEL_MARGIN + column as f32 * (card_width + GAP),
                GAP + line as f32 * (HEIGHT + GAP),
            );
            let rect = Rect::from_min_size(room.min + offset, vec2(card_width, HEIGHT));
            deed = card_ui(ui, content, row, rect).or(deed.take());
        }
    });
    deed
}

/// Draws one card; what was done to it.
fn card_ui(ui: &mut Ui, content: &Content, row: &Row, rect: Rect) -> Option<Deed> {
    let theme = Theme::of(ui);
    let Locked { n_selected, n_locked } = content.locked;
    let is_in_use = row.spec == content.present.spec;
    let is_picked = content.picked == Some(row.spec.as_str());
    let is_possible = row.figures().is_some() && n_locked < n_selected;
    let response = ui.interact(rect, ui.scope_id().with(("card", &row.spec)), Sense::click());
    response.widget_info(|| {
        WidgetInfo::selected(egui::Role::Button, true, is_picked, card_text(row, is_in_use))
    });
    if response.has_focus() {
        ui.scroll_to_rect(rect, None);
    }
    if !ui.is_rect_visible(rect) {
        return None;
    }
    let painter = ui.painter_at(rect.expand(2.0));
    frame(&painter, &response, (is_picked, is_in_use));
    head(&painter, rect, row, is_in_use);
    match (row.figures(), row.refusal()) {
        (Some(figures), _) => {
            let body = Rect::from_min_max(
                rect.min + vec2(8.0, HEAD_HEIGHT),
                rect.max - vec2(8.0, FOOT_HEIGHT),
            );
            if let Some(original) = &content.original {
                drawing(&painter, body, original, figures);
            }
        }
        (None, Some(reason)) => refusal(&painter, rect, reason, theme),
        (None, None) => {
            let ink = theme.hint;
            painter.text(
                rect.center(),
                Align2::CENTER_CENTER,
                "computing…",
                theme::text(12.0),
                ink,
            );
        }
    }
    let is_used = is_possible && !is_in_use && use_ui(ui, row, rect);
    let deed = match (is_used, response.clicked()) {
        (true, _) => Some(Deed::Apply(row.clone())),
        (_, true) => Some(Deed::Pick(row.clone())),
        _ => None,
    };
    response.on_hover_ui_at_pointer(|ui| {
        hover_ui(ui, content, row);
        if row.figures().is_some() && n_locked == n_selected {
            let hint = "The layer is locked: unlock it to use this";
            ui.label(egui::RichText::new(hint).color(Theme::of(ui).label));
        }
    });
    deed
}

fn frame(painter: &Painter, card: &Response, (is_picked, is_in_use): (bool, bool)) {
    let theme = theme_of(painter);
    let fill = match (is_picked, card.hovered()) {
        (true, _) => theme.selected,
        (_, true) => theme.hover,
        _ => theme.background,
    };
    let (width, border) = match (card.has_focus(), is_in_use) {
        (true, _) => (2.0, theme.accent),
        (false, true) => (1.5, theme.accent),
        (false, false) => (1.0, theme.line),
    };
    let stroke = Stroke::new(width, border);
    painter.rect(card.rect, 4, fill, stroke, StrokeKind::Inside);
}

/// The button in a card's corner; whether it was clicked.
fn use_ui(ui: &mut Ui, row: &Row, card: Rect) -> bool {
    let size = vec2(38.0, 20.0);
    let corner = Rect::from_min_size(pos2(card.right() - size.x - 5.0, card.top() + 4.0), size);
    let response = ui.put(corner, egui::Button::new(egui::RichText::new("Use").size(11.0)));
    name_it(&response, &format!("Use {}", long_name(&row.choice)));
    response.on_hover_text(APPLY_HELP).clicked()
}

/// The card in words.
fn card_text(row: &Row, is_in_use: bool) -> String {
    let name = long_name(&row.choice);
    let state = if is_in_use { ", in use" } else { "" };
    match (row.figures(), row.refusal()) {
        (Some(figures), _) => format!(
            "{name}{state}: {} bits per weight, {}",
            bits_text(figures),
            sqnr_text(figures.sqnr)
        ),
        (None, Some(reason)) => format!("{name} refused: {reason}"),
        (None, None) => format!("{name}, computing"),
    }
}

fn head(painter: &Painter, rect: Rect, row: &Row, is_in_use: bool) {
    let theme = theme_of(painter);
    let family = row.choice.scheme().family();
    let at = rect.min + vec2(14.0, 14.0);
    draw_mark(painter, family, (at, 4.5), colour_of(family, theme));
    let room = 74.0;
    let name = one_line(painter, &long_name(&row.choice), rect.width() - room, theme);
    painter.galley(pos2(rect.left() + 24.0, at.y - name.size().y / 2.0), name, theme.text);
    let right = rect.right() - 8.0;
    if is_in_use {
        let place = pos2(right, at.y);
        painter.text(place, Align2::RIGHT_CENTER, "in use", theme::text(11.0), theme.accent);
    }
    let Some(figures) = row.figures() else { return };
    let y = rect.top() + 32.0;
    let bits = format!("{} bits/weight", bits_text(figures));
    let left = pos2(rect.left() + 8.0, y);
    painter.text(left, Align2::LEFT_CENTER, bits, theme::mono(11.0), theme.label);
    let sqnr = sqnr_text(figures.sqnr);
    painter.text(pos2(right, y), Align2::RIGHT_CENTER, sqnr, theme::mono(11.0), theme.text);
}

fn theme_of(painter: &Painter) -> &'static Theme {
    theme::of(painter.ctx().theme())
}

/// A name that ends in … where it is too long.
fn one_line(
    painter: &Painter,
    name: &str,
    width: f32,
    theme: &Theme,
) -> std::sync::Arc<egui::Galley> {
    let mut job =
        egui::text::LayoutJob::simple_singleline(name.to_owned(), theme::title(12.0), theme.text);
    job.wrap = egui::text::TextWrapping::truncate_at_width(width);
    painter.layout_job(job)
}

/// Why there is no drawing, cut after a few lines; all of it stands in the tooltip.
fn refusal(painter: &Painter, rect: Rect, reason: &str, theme: &Theme) {
    let text = format!("✕ {reason}");
    let mut job =
        egui::text::LayoutJob::simple(text, theme::text(11.0), theme.bad, rect.width() - 16.0);
    job.wrap.max_rows = 6;
    let galley = painter.layout_job(job);
    painter.galley(rect.min + vec2(8.0, 30.0), galley, theme.bad);
}

/// The weights filled, the reconstructed as a line over them, the levels as ticks below.
fn drawing(painter: &Painter, body: Rect, original: &Histogram, figures: &ComparedFigures) {
    let theme = theme_of(painter);
    let highest = original.counts.iter().copied().max().unwrap_or(0).max(1) as f64 * 1.12;
    let width = original.hi - original.lo;
    let x = |value: f64| body.left() + body.width() * ((value - original.lo) / width) as f32;
    let y = |count: f64| body.bottom() - body.height() * (count / highest).clamp(0.0, 1.0) as f32;
    let mut filled = Mesh::default();
    for (bin_idx, &count) in original.counts.iter().enumerate().filter(|(_, count)| **count > 0) {
        let (left, right) = (x(original.edge(bin_idx)), x(original.edge(bin_idx + 1)));
        let bar = Rect::from_min_max(pos2(left, y(count as f64)), pos2(right, body.bottom()));
        filled.add_colored_rect(bar, theme.original.gamma_multiply(0.45));
    }
    painter.add(Shape::mesh(filled));
    let spread = spread_over_steps(&figures.quantized, &figures.levels);
    let mut line = Vec::with_capacity(2 * spread.len());
    for (bin_idx, &count) in spread.iter().enumerate() {
        let ends = [bin_idx, bin_idx + 1].map(|edge| x(figures.quantized.edge(edge)));
        line.extend(ends.map(|x| pos2(x, y(count))));
    }
    painter.line(line, Stroke::new(1.2, theme.quantized));
    painter.hline(body.x_range(), body.bottom(), Stroke::new(1.0, theme.line));
    let spacing = body.width() / figures.levels.len().max(1) as f32;
    let ink = theme.label.gamma_multiply((spacing / 3.0).clamp(0.25, 1.0));
    for level in &figures.levels {
        let at = x(f64::from(level.value));
        if body.x_range().contains(at) {
            painter.vline(at, body.bottom() + 1.0..=body.bottom() + 6.0, Stroke::new(1.0, ink));
        }
    }
    if figures.levels.is_empty() && figures.n_groups > 1 {
        let text = format!("{} grids", crate::base::thousands(figures.n_groups));
        let place = pos2(body.right(), body.bottom() + 1.0);
        painter.text(place, Align2::RIGHT_TOP, text, theme::mono(11.0), theme.hint);
    }
}

/// Counts of reconstructed weights with those of each level spread over its step, so that few
/// levels can be compared with the weights.
///
/// - `levels`: ascending; without two of them the counts stay. Those within one bin share a step.
/// - The sum stays, but for what a step at an end has beyond the bins.
fn spread_over_steps(histogram: &Histogram, levels: &[Level]) -> Vec<f64> {
    let n_bins = histogram.counts.len();
    let mut spread = vec![0.0; n_bins];
    let values: Vec<f64> = levels.iter().map(|level| f64::from(level.value)).collect();
    let bin_width = histogram.bin_width();
    let first_from = |edge: f64| values.partition_point(|&value| value < edge - 1e-6 * bin_width);
    for (bin_idx, &count) in histogram.counts.iter().enumerate().filter(|(_, count)| **count > 0) {
        let inside = first_from(histogram.edge(bin_idx))..first_from(histogram.edge(bin_idx + 1));
        let Some((lo, hi)) = step_around(&values, inside) else {
            spread[bin_idx] += count as f64;
            continue;
        };
        let density = count as f64 / (hi - lo);
        let place = |value: f64| ((value - histogram.lo) / bin_width).clamp(0.0, n_bins as f64);
        let bins = place(lo) as usize..(place(hi).ceil() as usize).min(n_bins);
        for idx in bins {
            let covered = hi.min(histogram.edge(idx + 1)) - lo.max(histogram.edge(idx));
            spread[idx] += density * covered.max(0.0);
        }
    }
    spread
}

/// From half-way to the level before to half-way to the one after; at an end as far out as in.
/// `None` without a level inside or without another one.
fn step_around(levels: &[f64], inside: std::ops::Range<usize>) -> Option<(f64, f64)> {
    let (first, last) = (*levels.get(inside.start)?, *levels.get(inside.end.checked_sub(1)?)?);
    if inside.is_empty() {
        return None;
    }
    let before = inside.start.checked_sub(1).and_then(|idx| levels.get(idx));
    let before = before.map(|level| (first - level) / 2.0);
    let after = levels.get(inside.end).map(|level| (level - last) / 2.0);
    let (down, up) = (before.or(after)?, after.or(before)?);
    Some((first - down, last + up)).filter(|(lo, hi)| hi > lo)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn levels(values: &[f32]) -> Vec<Level> {
        values.iter().zip(0..).map(|(&value, code)| Level { code, value }).collect()
    }

    #[test]
    fn the_weights_of_a_level_are_spread_over_its_step() {
        let mut counts = vec![0; 16];
        (counts[4], counts[8], counts[12]) = (40, 80, 40);
        let histogram = Histogram { lo: 0.0, hi: 16.0, counts: counts.clone(), n_outside: 0 };
        let spread = spread_over_steps(&histogram, &levels(&[4.5, 8.5, 12.5]));
        assert!((spread.iter().sum::<f64>() - 160.0).abs() < 1e-9);
        assert_eq!(spread[8], 20.0);
        assert_eq!(spread[6], 15.0, "half of each of two steps");
        assert_eq!((spread[0], spread[15]), (0.0, 0.0));
        let plain: Vec<f64> = counts.iter().map(|&count| count as f64).collect();
        assert_eq!(spread_over_steps(&histogram, &[]), plain, "no one grid");
        assert_eq!(spread_over_steps(&histogram, &levels(&[8.5])), plain, "one level has no step");
        let fine: Vec<f32> = (0..64).map(|k| k as f32 / 4.0).collect();
        let spread = spread_over_steps(&histogram, &levels(&fine));
        assert_eq!((spread[3], spread[4]), (5.0, 35.0), "half a step beyond the bin");
    }
}
