//! The figures of the weights themselves, in a strip.

use egui::{RichText, Ui, vec2};

use crate::base::{fixed, percent, significant, thousands};
use crate::session::LayerPicture;
use crate::ui::theme::{self, Theme};
use crate::ui::widgets::number;

pub(super) const STATS_HEIGHT: f32 = 60.0;

/// Draws as many figures as there is room for, the most wanted first.
pub(super) fn stats_ui(ui: &mut Ui, picture: Option<&LayerPicture>) {
    let theme = Theme::of(ui);
    let line = ui.available_rect_before_wrap();
    ui.painter().hline(line.x_range(), line.top(), egui::Stroke::new(1.0, theme.line));
    ui.allocate_ui(vec2(ui.available_width(), STATS_HEIGHT - 8.0), |ui| {
        ui.set_min_height(STATS_HEIGHT - 8.0);
        ui.horizontal_centered(|ui| {
            ui.add_space(theme::PANEL_MARGIN);
            let Some(picture) = picture else { return };
            let figures = figures(picture);
            let room = ui.available_width() - theme::PANEL_MARGIN;
            let n_shown = ((room / 88.0) as usize).clamp(1, figures.len());
            let width = room / n_shown as f32;
            ui.spacing_mut().item_spacing = vec2(0.0, 2.0);
            for (name, value, help) in figures.into_iter().take(n_shown) {
                ui.allocate_ui_with_layout(
                    vec2(width, 36.0),
                    egui::Layout::top_down(egui::Align::Min),
                    |ui| {
                        ui.set_min_width(width);
                        let label = RichText::new(name).color(theme.label);
                        ui.add(egui::Label::new(label).truncate()).on_hover_text(help);
                        number(ui, &value, 12.0, theme.text);
                    },
                );
            }
        });
    });
}

/// Name, value and explanation, the most wanted first.
fn figures(picture: &LayerPicture) -> Vec<(&'static str, String, &'static str)> {
    let stats = &picture.stats;
    let or_none = |text: Option<String>| text.unwrap_or_else(|| "n/a".to_owned());
    let float = |x: Option<f32>| or_none(x.map(|x| significant(f64::from(x), 4)));
    let double = |x: Option<f64>| or_none(x.map(|x| significant(x, 4)));
    let two = |x: Option<f64>| or_none(x.map(|x| fixed(x, 2)));
    let outliers = picture.shape.map(|shape| percent(shape.outlier_share, 2));
    let zeros = percent(stats.n_zero as f64 / stats.count.max(1) as f64, 1);
    vec![
        ("Weights", thousands(stats.count), "Number of weights shown"),
        ("Minimum", float(stats.min), "Smallest weight"),
        ("Maximum", float(stats.max), "Largest weight"),
        ("Std. deviation", double(stats.std), "√(Σ(x − mean)²/n)"),
        (
            "Kurtosis",
            two(stats.kurtosis),
            "m₄/m₂²: 3 for a Gaussian, 6 for a Laplacian, more for heavier tails",
        ),
        (
            "Beyond 4σ",
            or_none(outliers),
            "Outlier ratio: share of weights more than four standard deviations from the mean; a Gaussian has 0.006 %",
        ),
        ("Zeros", zeros, "Share of weights that are exactly 0"),
        (
            "Skewness",
            two(stats.skewness),
            "m₃/m₂^1.5: 0 for a symmetric distribution, positive for a longer right tail",
        ),
        ("Mean", double(stats.mean), "Σx/n"),
    ]
}
