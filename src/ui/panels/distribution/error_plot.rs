//! Where along the values the error arises: bars of rounding and of clipping error under the
//! histogram, on the same axis.

use egui::{RichText, Sense, Ui, vec2};
use egui_plot::{Line, PlotPoints};

use super::curves::round_marks;
use super::histogram::{bin_ui, hatch_outside, value_plot, view_of};
use crate::base::{fixed, percent};
use crate::session::LayerPicture;
use crate::ui::theme::{self, Theme};
use crate::ui::widgets::hatch;

/// Draws heading and plot in the room there is.
pub(super) fn error_plot_ui(ui: &mut Ui, picture: &LayerPicture) {
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
    let view = view_of(picture);
    let response = value_plot(ui, picture, ("error over range", view))
        .y_axis_formatter(|mark, _| percent_text(mark.value, mark.step_size))
        .y_grid_spacer(|input| round_marks((input.bounds.0.max(0.0), input.bounds.1), 3.0))
        .show(ui, |plot| {
            plot.set_plot_bounds_y(0.0..=highest * 1.1);
            for (name, sums, colour) in [
                ("rounding", &profile.rounding, theme.rounding),
                ("clipping", &profile.clipping, theme.clipping),
            ] {
                if sums.iter().all(|&sum| sum == 0.0) {
                    continue;
                }
                let bars = bars(picture, sums.iter().map(share));
                let line = Line::new(name, PlotPoints::from(bars))
                    .stroke(egui::Stroke::new(1.0, colour))
                    .fill(0.0)
                    .fill_alpha(0.7)
                    .allow_band(false)
                    .allow_hover(false);
                plot.line(line);
            }
        });
    hatch_outside(ui, picture, &response.transform);
    if let Some(pointer) = response.response.hover_pos() {
        let at = response.transform.value_from_position(pointer);
        response.response.on_hover_ui_at_pointer(|ui| bin_ui(ui, picture, at));
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
    points
}

fn heading_ui(ui: &mut Ui, picture: &LayerPicture) {
    let theme = Theme::of(ui);
    let line = ui.available_rect_before_wrap();
    ui.painter().hline(line.x_range(), line.top(), egui::Stroke::new(1.0, theme.line));
    ui.add_space(4.0);
    let mse = picture.error.mse();
    let part = |sum: f64| if mse > 0.0 { percent(sum / mse, 0) } else { "0 %".to_owned() };
    ui.horizontal(|ui| {
        ui.add_space(theme::PANEL_MARGIN);
        let title = RichText::new("Error over the values").font(theme::title(12.0));
        ui.label(title.color(theme.text)).on_hover_text(
            "Share of the squared error that the weights of each bin contribute:\nΣ(x−x̂)² of the bin / Σ(x−x̂)² of all",
        );
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            ui.add_space(theme::PANEL_MARGIN);
            ui.spacing_mut().item_spacing.x = 6.0;
            let clipping = format!("clipping {}", part(picture.error.clipping_mse()));
            ui.label(RichText::new(clipping).color(theme.label));
            let (rect, _) = ui.allocate_exact_size(vec2(14.0, 10.0), Sense::hover());
            ui.painter().rect_filled(rect, 1, theme.clipping.gamma_multiply(0.45));
            hatch(&ui.painter().with_clip_rect(rect), rect, theme.clipping);
            ui.add_space(8.0);
            let rounding = format!("rounding {}", part(picture.error.rounding_mse()));
            ui.label(RichText::new(rounding).color(theme.label));
            let (rect, _) = ui.allocate_exact_size(vec2(14.0, 10.0), Sense::hover());
            ui.painter().rect_filled(rect, 1, theme.rounding);
        });
    });
}
