//! The controls: what is shown, how the tensor is laid out, zoom.

use egui::{Align, ComboBox, Layout as UiLayout, RichText, Slider, Ui, vec2};

use super::HeatmapPanel;
use crate::base::thousands;
use crate::model::Layer;
use crate::session::{Arrangement, Layout, Sheet, Shown};
use crate::ui::axis_names::axis_name;
use crate::ui::layer_title::layer_title_ui;
use crate::ui::panel::PanelCtx;
use crate::ui::segments::{Segments, segments_ui};
use crate::ui::theme::{self, Theme};
use crate::ui::widgets::{combo_icon, name_it};

const LINE_HEIGHT: f32 = theme::TOOL_ROW_HEIGHT;

/// Below this width the title has a line of its own.
const MIN_WIDTH_FOR_ONE_LINE: f32 = 470.0;
/// Of the layout and both axes, and of the index of one more axis.
const LAYOUT_WIDTH: f32 = 440.0;
const INDEX_WIDTH: f32 = 215.0;

/// The same where there is room: beside the picture.
fn long_axis_name(layer: &Layer, axis: usize) -> String {
    let name = axis_name(layer, axis);
    let what = if matches!(name, "output" | "input") { " channel" } else { "" };
    let len = layer.dims.get(axis).copied().unwrap_or(1);
    format!("{name}{what} ({})", thousands(len))
}

/// What runs down (0) or across (1) the sheet, with the lengths.
pub(super) fn direction_name(layer: &Layer, sheet: &Sheet, direction: usize) -> String {
    let axes = sheet.axes(direction);
    if sheet.is_wrapped() {
        let inner = axes.last().map_or("", |&axis| axis_name(layer, axis));
        return match direction {
            0 => format!("Lines of channels × {inner}"),
            _ => format!("Channels of a line × {inner}"),
        };
    }
    let names: Vec<String> = axes.iter().map(|&axis| long_axis_name(layer, axis)).collect();
    let mut name = names.join(" × ");
    if let Some(first) = name.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    name
}

impl HeatmapPanel {
    pub(super) fn tools_ui(&mut self, ui: &mut Ui, ctx: &PanelCtx, layer: &Layer) {
        let right_to_left = UiLayout::right_to_left(Align::Center);
        let left_to_right = UiLayout::left_to_right(Align::Center);
        if ui.available_width() >= MIN_WIDTH_FOR_ONE_LINE {
            line_ui(ui, LINE_HEIGHT, right_to_left, |ui| {
                self.zoom_ui(ui);
                ui.add_space(10.0);
                self.shown_ui(ui);
                ui.with_layout(left_to_right, |ui| {
                    ui.add_space(theme::PANEL_MARGIN);
                    layer_title_ui(ui, ctx, layer, "");
                });
            });
        } else {
            line_ui(ui, LINE_HEIGHT, left_to_right, |ui| layer_title_ui(ui, ctx, layer, ""));
            line_ui(ui, LINE_HEIGHT, left_to_right, |ui| {
                self.shown_ui(ui);
                ui.with_layout(right_to_left, |ui| {
                    ui.add_space(theme::PANEL_MARGIN);
                    self.zoom_ui(ui);
                });
            });
        }
        if layer.dims.len() >= 2 {
            self.layout_lines_ui(ui, layer);
        }
    }

    fn shown_ui(&mut self, ui: &mut Ui) {
        let options = [
            (Shown::Value, "Value", "The weight x itself"),
            (Shown::Error, "Error", "x − x̂: what quantization changes"),
            (Shown::Code, "Code", "The whole number that stands for the weight"),
        ];
        segments_ui(ui, &mut self.shown, &options);
    }

    fn zoom_ui(&mut self, ui: &mut Ui) {
        ui.spacing_mut().item_spacing.x = 2.0;
        let is_zoomed = !self.camera.is_fitted();
        let button = egui::Button::new("Fit").min_size(vec2(24.0, 24.0));
        let fit = ui.add_enabled(is_zoomed, button);
        name_it(&fit, "Show the whole tensor");
        if fit.on_hover_text("All of it (double click); the wheel zooms, dragging moves").clicked()
        {
            self.camera.fit();
        }
        for (text, name, factor, enabled) in
            [("+", "Zoom in", 1.6, true), ("−", "Zoom out", 1.0 / 1.6, is_zoomed)]
        {
            let button = egui::Button::new(text).min_size(vec2(24.0, 24.0));
            let response = ui.add_enabled(enabled, button);
            name_it(&response, name);
            if response.on_hover_text(name).clicked() {
                self.wanted_zoom = Some(factor);
            }
        }
    }

    /// Tiles or a slice, and for what is not laid out the index shown; on as many lines as it takes.
    fn layout_lines_ui(&mut self, ui: &mut Ui, layer: &Layer) {
        let before = self.arrangement.layout;
        let rank = layer.dims.len();
        let shown = self.arrangement.shown_axes(rank);
        let is_fixed = |axis: &usize| {
            !shown.contains(axis) && layer.dims.get(*axis).is_some_and(|&len| len > 1)
        };
        let fixed: Vec<usize> = (0..rank).filter(is_fixed).collect();
        let width = ui.available_width() - 2.0 * theme::PANEL_MARGIN;
        let n_beside = ((width - LAYOUT_WIDTH) / INDEX_WIDTH).max(0.0) as usize;
        let (beside, below) = fixed.split_at(n_beside.min(fixed.len()));
        let left_to_right = UiLayout::left_to_right(Align::Center);
        line_ui(ui, LINE_HEIGHT, left_to_right, |ui| {
            self.layout_ui(ui, layer);
            beside.iter().for_each(|&axis| self.index_ui(ui, layer, axis));
        });
        let n_below = ((width / INDEX_WIDTH) as usize).max(1);
        for part in below.chunks(n_below) {
            line_ui(ui, LINE_HEIGHT, left_to_right, |ui| {
                part.iter().for_each(|&axis| self.index_ui(ui, layer, axis));
            });
        }
        // Indices of axes that are laid out say nothing.
        for axis in self.arrangement.shown_axes(rank) {
            if let Some(fixed) = self.arrangement.fixed.get_mut(axis) {
                *fixed = 0;
            }
        }
        if self.arrangement.layout != before {
            self.camera.fit();
        }
    }

    /// Tiles or a slice, and its axes.
    fn layout_ui(&mut self, ui: &mut Ui, layer: &Layer) {
        ui.spacing_mut().item_spacing.x = 0.0;
        if Arrangement::has_tiles(&layer.dims) {
            let options = [
                (true, "Tiles", "Every kernel as a tile, in a grid of first × second axis"),
                (false, "Slice", "Two axes as rows and columns, the others at one index"),
            ];
            let is_tiled = self.arrangement.layout == Layout::Tiles;
            match Segments::new(&options).show(ui, Some(is_tiled)) {
                Some(true) => self.arrangement = Arrangement::default_of(&layer.dims),
                Some(false) => self.arrangement.layout = Layout::Slice { rows: 0, columns: 1 },
                None => {}
            }
            ui.add_space(12.0);
        }
        ui.spacing_mut().item_spacing.x = 6.0;
        if let Layout::Slice { rows, columns } = self.arrangement.layout {
            let (rows, columns) = axes_ui(ui, layer, (rows, columns));
            self.arrangement.layout = Layout::Slice { rows, columns };
            ui.add_space(6.0);
        }
    }

    fn index_ui(&mut self, ui: &mut Ui, layer: &Layer, axis: usize) {
        let theme = Theme::of(ui);
        let n = layer.dims.get(axis).copied().unwrap_or(1);
        let Some(fixed) = self.arrangement.fixed.get_mut(axis) else { return };
        ui.spacing_mut().item_spacing.x = 6.0;
        ui.label(RichText::new(axis_name(layer, axis)).color(theme.label));
        ui.spacing_mut().slider_width = 90.0;
        let slider = ui.add(Slider::new(fixed, 0..=n - 1));
        name_it(&slider, &format!("Index of {}", axis_name(layer, axis)));
        slider.on_hover_text(format!("Which of the {n} indices of this axis is shown"));
        ui.add_space(6.0);
    }
}

/// Which axes are rows and columns; choosing the other one's axis swaps them.
fn axes_ui(ui: &mut Ui, layer: &Layer, (rows, columns): (usize, usize)) -> (usize, usize) {
    let theme = Theme::of(ui);
    let combo = |ui: &mut Ui, name: &str, current: usize| {
        let mut chosen = None;
        ui.label(RichText::new(name).color(theme.label));
        let combo = ComboBox::from_id_salt(("sheet", name))
            .icon(combo_icon)
            .selected_text(axis_name(layer, current))
            .width(112.0)
            .show_ui(ui, |ui| {
                for (axis, len) in layer.dims.iter().enumerate() {
                    let text = format!("{} ({len})", axis_name(layer, axis));
                    if ui.selectable_label(axis == current, text).clicked() {
                        chosen = Some(axis);
                    }
                }
            });
        name_it(&combo.response, &format!("{name} of the heat map"));
        chosen
    };
    let new_rows = combo(ui, "Rows", rows);
    let new_columns = combo(ui, "Columns", columns);
    match (new_rows, new_columns) {
        (Some(axis), _) if axis == columns => (columns, rows),
        (_, Some(axis)) if axis == rows => (columns, rows),
        (Some(axis), _) => (axis, columns),
        (_, Some(axis)) => (rows, axis),
        _ => (rows, columns),
    }
}

/// A row of controls over the whole width.
fn line_ui(ui: &mut Ui, height: f32, layout: UiLayout, content: impl FnOnce(&mut Ui)) {
    let size = vec2(ui.available_width(), height);
    ui.allocate_ui_with_layout(size, layout, |ui| {
        ui.set_min_height(height);
        ui.add_space(theme::PANEL_MARGIN);
        content(ui);
    });
}
