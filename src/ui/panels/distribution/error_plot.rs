//! Where along the values the error arises: bars of rounding and of clipping error under the
//! histogram, on the same axis.

use egui::{Painter, Rect, RichText, Sense, Stroke, Ui, pos2, vec2};
use egui_plot::{Line, PlotPoint, PlotPoints, PlotTransform};

use super::curves::{kept_within, round_marks, within};
use super::value_plot::{ShownRange, range_and_hover_ui, value_plot, view_of, y_axis};
use crate::base::{fixed, percent};
use crate::session::LayerPicture;
use crate::ui::theme::{self, Theme};
use crate::ui::widgets::number;

const CLIPPING_HELP: &str = "Clipping error: Σ(x−x̂)² over the clipped weights as a share of all; clipped are values beyond the last level + half a step, whose code lies outside before the clamp";

const TITLE_HELP: &str = "Share of the squared error that the weights of each bin contribute:\nΣ(x−x̂)² of the bin / Σ(x−x̂)² of all";

/// Draws heading and plot in the room there is.
pub(super) fn error_plot_ui(ui: &mut Ui, picture: &LayerPicture, range: &ShownRange) {
    let theme = Theme::of(ui);
    let mse = picture.error.mse();
    heading_ui(ui, picture);
    let profile = &picture.profile;
    let share = |sum: &f64| if mse > 0.0 { sum / mse * 100.0 } else { 0.0 };
    let highest = profile
        .rounding
        .iter()
        .zip(&profile.clipping)
        .map(|(rounding, clipping)| share(rounding) + share(clipping))
        .fold(0.1, f64::max);
    let clipping: Vec<f64> = profile.clipping.iter().map(share).collect();
    let rounding: Vec<f64> = profile.rounding.iter().map(share).collect();
    let both: Vec<f64> = rounding.iter().zip(&clipping).map(|(a, b)| a + b).collect();
    let view = view_of(picture);
    let numbers = y_axis(theme, |mark| percent_text(mark.value, mark.step_size));
    let response = value_plot(ui, picture, ("error over range", view), "")
        .custom_y_axes(vec![numbers])
        .y_grid_spacer(|input| round_marks((input.bounds.0.max(0.0), input.bounds.1), 3.0))
        .show(ui, |plot| {
            plot.set_plot_bounds_y(0.0..=highest * 1.1);
            // Clipping stands on rounding, which covers its lower part.
            for (name, shares, colour) in [
                ("clipping", clipping.iter().any(|&s| s > 0.0).then_some(&both), theme.clipping),
                ("rounding", Some(&rounding), theme.rounding),
            ] {
                let Some(shares) = shares.filter(|shares| shares.iter().any(|&s| s > 0.0)) else {
                    continue;
                };
                let ink = range.ink(colour);
                let bars = bars(picture, shares.iter().copied());
                let line = Line::new(name, PlotPoints::from(bars))
                    .stroke(Stroke::new(1.0, ink))
                    .fill(0.0)
                    .fill_alpha(1.0)
                    .allow_band(false)
                    .allow_hover(false);
                plot.line(line);
            }
        });
    hatch_clipping(ui, picture, (&rounding, &both), &response.transform);
    range_and_hover_ui(ui, picture, range, &response);
}

/// The parts of bars that are clipping error are hatched, as in the legend.
fn hatch_clipping(
    ui: &Ui,
    picture: &LayerPicture,
    (from, to): (&[f64], &[f64]),
    transform: &PlotTransform,
) {
    let frame = *transform.frame();
    let place = |x: f64, y: f64| transform.position_from_point(&PlotPoint::new(x, y));
    for (bin_idx, (&from, &to)) in from.iter().zip(to).enumerate() {
        if to <= from {
            continue;
        }
        let (lo, hi) = (edge(picture, bin_idx), edge(picture, bin_idx + 1));
        let bar = Rect::from_two_pos(place(lo, from), place(hi, to)).intersect(frame);
        if bar.width() >= 1.0 && bar.height() >= 2.0 {
            hatch_bar(&ui.painter().with_clip_rect(bar), (bar, frame), Theme::of(ui));
        }
    }
}

/// Lines of the ground over a part of `whole`, in which they go on from bar to bar.
fn hatch_bar(painter: &Painter, (bar, whole): (Rect, Rect), theme: &Theme) {
    const SPACING: f32 = 6.0;
    let first = ((bar.left() - whole.left() + bar.top() - whole.top()) / SPACING).floor() as i32;
    let n_lines = ((bar.width() + bar.height()) / SPACING).ceil().min(400.0) as i32 + 1;
    let stroke = Stroke::new(1.0, theme.panel.gamma_multiply(0.8));
    for line_idx in first..=first + n_lines {
        let sum = whole.left() + whole.top() + SPACING * line_idx as f32;
        let (top, bottom) = (bar.top(), bar.bottom());
        painter.line_segment([pos2(sum - top, top), pos2(sum - bottom, bottom)], stroke);
    }
}

fn percent_text(value: f64, step: f64) -> String {
    let decimals = usize::from(step < 1.0);
    format!("{} %", fixed(value, decimals))
}

/// A stepped outline of one bar a bin, bars of 0 on the axis.
fn bars(picture: &LayerPicture, heights: impl Iterator<Item = f64>) -> Vec<[f64; 2]> {
    let histogram = &picture.original;
    let mut points = vec![[histogram.lo, 0.0]];
    for (bin_idx, height) in heights.enumerate() {
        points.push([histogram.edge(bin_idx), height]);
        points.push([histogram.edge(bin_idx + 1), height]);
    }
    points.push([histogram.hi, 0.0]);
    within(points, &picture.stats)
}

/// Of a bar; the outermost end where the weights do.
fn edge(picture: &LayerPicture, bin_idx: usize) -> f64 {
    kept_within(picture.original.edge(bin_idx), &picture.stats)
}

/// What the plot shows and what its colours mean; the shares go where there is no room for them.
fn heading_ui(ui: &mut Ui, picture: &LayerPicture) {
    let theme = Theme::of(ui);
    let line = ui.available_rect_before_wrap();
    // From edge to edge, beyond the room that the plots keep free on the right.
    let edge = line.right() + theme::PANEL_MARGIN;
    ui.painter().hline(line.left()..=edge, line.top(), Stroke::new(1.0, theme.line));
    ui.add_space(4.0);
    let mse = picture.error.mse();
    let part = |sum: f64| if mse > 0.0 { percent(sum / mse, 0) } else { "0 %".to_owned() };
    ui.horizontal(|ui| {
        ui.add_space(theme::PANEL_MARGIN);
        let names =
            if ui.available_width() < 380.0 { ["", ""] } else { ["rounding ", "clipping "] };
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            ui.spacing_mut().item_spacing.x = 6.0;
            let share = part(picture.error.clipping_mse());
            part_ui(ui, names[1], &share, CLIPPING_HELP);
            let (rect, _) = ui.allocate_exact_size(vec2(14.0, 10.0), Sense::hover());
            ui.painter().rect_filled(rect, 1, theme.clipping);
            hatch_bar(&ui.painter().with_clip_rect(rect), (rect, rect), theme);
            ui.add_space(8.0);
            let share = part(picture.error.rounding_mse());
            part_ui(
                ui,
                names[0],
                &share,
                "Rounding error: Σ(x−x̂)² over the weights that are not clipped, as a share of all",
            );
            let (rect, _) = ui.allocate_exact_size(vec2(14.0, 10.0), Sense::hover());
            ui.painter().rect_filled(rect, 1, theme.rounding);
            ui.add_space(8.0);
            ui.with_layout(egui::Layout::left_to_right(egui::Align::Center), |ui| {
                let title = RichText::new("Error over the values").font(theme::title(12.0));
                ui.add(egui::Label::new(title.color(theme.text)).truncate())
                    .on_hover_text(TITLE_HELP);
                let unit = RichText::new("share of the MSE per bin").color(theme.label);
                if ui.available_width() >= UNIT_WIDTH {
                    ui.add(egui::Label::new(unit).truncate()).on_hover_text(TITLE_HELP);
                }
            });
        });
    });
    // The topmost number keeps off the title.
    ui.add_space(8.0);
}

/// What the title of the axis needs.
const UNIT_WIDTH: f32 = 150.0;

/// The share, and before it, since from right to left, its name.
fn part_ui(ui: &mut Ui, name: &str, share: &str, help: &str) {
    let theme = Theme::of(ui);
    number(ui, share, 12.0, theme.label).on_hover_text(help);
    if !name.is_empty() {
        ui.label(RichText::new(name.trim_end()).color(theme.label)).on_hover_text(help);
    }
}
