//! The figures of the weights themselves, in a strip.

use egui::{RichText, Ui, vec2};

use crate::base::{fixed, percent, significant, thousands};
use crate::session::LayerPicture;
use crate::ui::theme::{self, Theme};
use crate::ui::widgets::number;

/// Least width of a figure, and the height of a row of them.
const FIGURE_WIDTH: f32 = 88.0;
const ROW_HEIGHT: f32 = 42.0;
const N_FIGURES: usize = 9;

/// Figures beside each other, and rows of them: two where one has no room for all, about as many in
/// each.
fn rows_of(width: f32) -> (usize, usize) {
    let room = width - 2.0 * theme::PANEL_MARGIN;
    let n_fitting = ((room / FIGURE_WIDTH) as usize).clamp(1, N_FIGURES);
    let n_rows = N_FIGURES.div_ceil(n_fitting).min(2);
    (n_fitting.min(N_FIGURES.div_ceil(n_rows)), n_rows)
}

pub(super) fn stats_height(width: f32) -> f32 {
    rows_of(width).1 as f32 * ROW_HEIGHT + 14.0
}

/// Draws as many figures as there is room for, the most wanted first.
pub(super) fn stats_ui(ui: &mut Ui, picture: Option<&LayerPicture>) {
    let theme = Theme::of(ui);
    let area = ui.available_rect_before_wrap();
    ui.painter().hline(area.x_range(), area.top(), egui::Stroke::new(1.0, theme.line));
    let Some(picture) = picture else { return };
    let (n_columns, n_rows) = rows_of(area.width());
    let width = (area.width() - 2.0 * theme::PANEL_MARGIN) / n_columns as f32;
    for (idx, (name, value, help)) in figures(picture).iter().take(n_columns * n_rows).enumerate() {
        let (row, column) = (idx / n_columns, idx % n_columns);
        let offset = vec2(width * column as f32, ROW_HEIGHT * row as f32);
        let corner = area.min + vec2(theme::PANEL_MARGIN, 9.0) + offset;
        let place = egui::Rect::from_min_size(corner, vec2(width - 6.0, ROW_HEIGHT - 4.0));
        let mut cell = ui.new_child(egui::UiBuilder::new().id_salt(*name).max_rect(place));
        cell.spacing_mut().item_spacing.y = 2.0;
        let label = RichText::new(*name).color(theme.label);
        cell.add(egui::Label::new(label).truncate()).on_hover_text(*help);
        number(&mut cell, value, 12.0, theme.text);
    }
}

/// Name, value and explanation, the most wanted first.
fn figures(picture: &LayerPicture) -> [(&'static str, String, &'static str); N_FIGURES] {
    let stats = &picture.stats;
    let or_none = |text: Option<String>| text.unwrap_or_else(|| "n/a".to_owned());
    let float = |x: Option<f32>| or_none(x.map(|x| significant(f64::from(x), 4)));
    let double = |x: Option<f64>| or_none(x.map(|x| significant(x, 4)));
    let two = |x: Option<f64>| or_none(x.map(|x| fixed(x, 2)));
    let outliers = picture.shape.map(|shape| percent(shape.outlier_share, 2));
    let zeros = percent(stats.n_zero as f64 / stats.count.max(1) as f64, 1);
    [
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_hold_about_as_many() {
        for (width, wanted) in
            [(1280.0, (9, 1)), (760.0, (5, 2)), (500.0, (5, 2)), (400.0, (4, 2)), (60.0, (1, 2))]
        {
            assert_eq!(rows_of(width), wanted, "{width}");
        }
    }
}
