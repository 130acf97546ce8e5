//! The row of controls: what is shown, the order, the filter, the view.

use egui::{Align, ComboBox, Layout, RichText, Ui, vec2};

use super::density::DensityView;
use super::rows::RowWindow;
use super::{ChannelsPanel, Direction};
use crate::base::thousands;
use crate::model::Layer;
use crate::session::{ChannelFilter, ChannelKey, ChannelPicture};
use crate::ui::layer_title::layer_title_ui;
use crate::ui::panel::PanelCtx;
use crate::ui::segments::segments_ui;
use crate::ui::theme::{self, Theme};
use crate::ui::widgets::{combo_icon, name_it};

/// Keys with their names and what they mean.
const KEYS: [(ChannelKey, &str, &str); 8] = [
    (ChannelKey::Number, "number", "In the order of the tensor"),
    (ChannelKey::Range, "range", "max|w| of the channel: what a symmetric scale must cover"),
    (ChannelKey::Min, "minimum", "The smallest weight"),
    (ChannelKey::Low, "1 %", "The value that 1 % of the weights lie below"),
    (ChannelKey::High, "99 %", "The value that 99 % of the weights lie below"),
    (ChannelKey::Max, "maximum", "The largest weight"),
    (ChannelKey::Scale, "scale", "The step in use; with groups the largest"),
    (ChannelKey::Sqnr, "SQNR", "10·log₁₀(Σx²/Σ(x−x̂)²) of the channel under the present setting"),
];

/// Below this width the controls take a line of their own.
const MIN_WIDTH_FOR_ONE_LINE: f32 = 860.0;
/// Below this one zoom and order have a line apart.
const MIN_WIDTH_FOR_TWO_LINES: f32 = 540.0;
const LINE_HEIGHT: f32 = theme::TOOL_ROW_HEIGHT;

impl ChannelsPanel {
    pub(super) fn tools_ui(
        &mut self,
        ui: &mut Ui,
        ctx: &PanelCtx,
        layer: &Layer,
        picture: Option<&ChannelPicture>,
    ) {
        let width = ui.available_width();
        let line = |ui: &mut Ui, layout: Layout, content: &mut dyn FnMut(&mut Ui)| {
            ui.allocate_ui_with_layout(vec2(width, LINE_HEIGHT), layout, |ui| {
                ui.set_min_height(LINE_HEIGHT);
                ui.add_space(theme::PANEL_MARGIN);
                content(ui);
            });
        };
        if width >= MIN_WIDTH_FOR_ONE_LINE {
            line(ui, Layout::right_to_left(Align::Center), &mut |ui| {
                self.controls_ui(ui, picture);
                ui.add_space(10.0);
                self.rows_tools_ui(ui, picture);
                ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                    ui.add_space(theme::PANEL_MARGIN);
                    title_ui(ui, ctx, layer, picture);
                });
            });
        } else {
            line(ui, Layout::left_to_right(Align::Center), &mut |ui| {
                title_ui(ui, ctx, layer, picture);
            });
            let is_narrow = width < MIN_WIDTH_FOR_TWO_LINES;
            line(ui, Layout::right_to_left(Align::Center), &mut |ui| {
                self.controls_ui(ui, picture);
                if !is_narrow {
                    ui.add_space(10.0);
                    self.rows_tools_ui(ui, picture);
                }
            });
            if is_narrow {
                line(ui, Layout::right_to_left(Align::Center), &mut |ui| {
                    self.rows_tools_ui(ui, picture);
                });
            }
        }
    }

    /// From right to left.
    fn controls_ui(&mut self, ui: &mut Ui, picture: Option<&ChannelPicture>) {
        let n_outliers = picture.map_or(0, |picture| picture.table.n_outliers);
        ui.spacing_mut().item_spacing.x = 0.0;
        let outliers = format!("Outliers {}", thousands(n_outliers));
        let filters = [
            (ChannelFilter::All, "All", "All channels"),
            (
                ChannelFilter::Outliers,
                outliers.as_str(),
                "Only channels whose range max|w| is over 2× the median or under half of it",
            ),
        ];
        segments_ui(ui, &mut self.order.filter, &filters);
        ui.add_space(10.0);
        let views = [
            (DensityView::HeatMap, "Heat map", "A row of colours a channel: weights in each bin"),
            (DensityView::Ridge, "Ridge", "A curve a channel: how its weights are spread"),
        ];
        segments_ui(ui, &mut self.view, &views);
    }

    /// Zoom and order, from right to left.
    fn rows_tools_ui(&mut self, ui: &mut Ui, picture: Option<&ChannelPicture>) {
        let theme = Theme::of(ui);
        ui.spacing_mut().item_spacing.x = 0.0;
        if let Some(picture) = picture {
            self.zoom_ui(ui, picture.listed.len());
        }
        ui.add_space(10.0);
        self.sort_ui(ui);
        ui.add_space(6.0);
        ui.label(RichText::new("Sort").color(theme.label));
    }

    fn zoom_ui(&mut self, ui: &mut Ui, n_rows: usize) {
        let button = |ui: &mut Ui, text: &str, name: &str, enabled: bool| {
            let button = egui::Button::new(text).min_size(vec2(24.0, 24.0));
            let response = ui.add_enabled(enabled, button);
            name_it(&response, name);
            response.on_hover_text(format!("{name}; the wheel zooms, dragging moves")).clicked()
        };
        let window = self.window.unwrap_or(RowWindow::all(n_rows));
        ui.spacing_mut().item_spacing.x = 2.0;
        if button(ui, "Fit", "Show all rows", self.window.is_some()) {
            self.window = None;
        }
        if button(ui, "+", "Show fewer rows", window.count > 8.0) {
            self.set_window(window.zoomed(2.0, 0.5, n_rows), n_rows);
        }
        if button(ui, "−", "Show more rows", self.window.is_some()) {
            self.set_window(window.zoomed(0.5, 0.5, n_rows), n_rows);
        }
        ui.spacing_mut().item_spacing.x = 0.0;
    }

    fn sort_ui(&mut self, ui: &mut Ui) {
        let (icon, name, other) = match self.order.direction {
            Direction::Ascending => ("↑", "Smallest first", Direction::Descending),
            Direction::Descending => ("↓", "Largest first", Direction::Ascending),
        };
        let button = egui::Button::new(icon).min_size(vec2(24.0, 24.0));
        let response = ui.add(button);
        name_it(&response, name);
        if response.on_hover_text(format!("{name}; press for the other way round")).clicked() {
            self.order.direction = other;
        }
        ui.add_space(2.0);
        let name_of = |key| KEYS.iter().find(|entry| entry.0 == key).map_or("", |entry| entry.1);
        let combo = ComboBox::from_id_salt("channel order")
            .icon(combo_icon)
            .selected_text(format!("by {}", name_of(self.order.key)))
            .width(104.0)
            .show_ui(ui, |ui| {
                for (key, name, help) in KEYS {
                    let label = ui.selectable_label(self.order.key == key, format!("by {name}"));
                    if label.on_hover_text(help).clicked() {
                        self.order.key = key;
                    }
                }
            });
        name_it(&combo.response, "Sort channels");
    }
}

fn title_ui(ui: &mut Ui, ctx: &PanelCtx, layer: &Layer, picture: Option<&ChannelPicture>) {
    let axis = picture.map_or(layer.axis, |picture| picture.table.axis);
    let help =
        format!("Channels lie along axis {axis}; what has the same index there shares one row.");
    layer_title_ui(ui, ctx, layer, &help);
}
