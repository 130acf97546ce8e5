//! The controls: what is shown, how the tensor is laid out, zoom.

use egui::{Align, ComboBox, Layout as UiLayout, RichText, Slider, Ui, vec2};

use super::HeatmapPanel;
use crate::model::Layer;
use crate::session::{Arrangement, Layout, Shown};
use crate::ui::axis_names::axis_name;
use crate::ui::panel::PanelCtx;
use crate::ui::segments::{Segments, segments_ui};
use crate::ui::theme::{self, Theme};
use crate::ui::widgets::name_it;

const LINE_HEIGHT: f32 = 36.0;

impl HeatmapPanel {
    pub(super) fn tools_ui(&mut self, ui: &mut Ui, ctx: &PanelCtx, layer: &Layer) {
        let width = ui.available_width();
        ui.allocate_ui_with_layout(
            vec2(width, LINE_HEIGHT),
            UiLayout::right_to_left(Align::Center),
            |ui| {
                ui.set_min_height(LINE_HEIGHT);
                ui.add_space(theme::PANEL_MARGIN);
                self.zoom_ui(ui);
                ui.add_space(10.0);
                self.shown_ui(ui);
                ui.with_layout(UiLayout::left_to_right(Align::Center), |ui| {
                    ui.add_space(theme::PANEL_MARGIN);
                    title_ui(ui, ctx, layer);
                });
            },
        );
        if layer.dims.len() >= 2 {
            ui.allocate_ui_with_layout(
                vec2(width, LINE_HEIGHT),
                UiLayout::left_to_right(Align::Center),
                |ui| {
                    ui.set_min_height(LINE_HEIGHT);
                    ui.add_space(theme::PANEL_MARGIN);
                    self.layout_ui(ui, layer);
                },
            );
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

    /// Tiles or a slice, and for what is not laid out the index shown.
    fn layout_ui(&mut self, ui: &mut Ui, layer: &Layer) {
        let before = self.arrangement.clone();
        let rank = layer.dims.len();
        ui.spacing_mut().item_spacing.x = 0.0;
        if rank >= 3 {
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
        }
        let shown = self.arrangement.shown_axes(rank);
        for axis in (0..rank).filter(|axis| !shown.contains(axis)) {
            self.index_ui(ui, layer, axis);
        }
        // Indices of axes that are laid out say nothing.
        for axis in shown {
            if let Some(fixed) = self.arrangement.fixed.get_mut(axis) {
                *fixed = 0;
            }
        }
        if self.arrangement.layout != before.layout {
            self.camera.fit();
        }
    }

    fn index_ui(&mut self, ui: &mut Ui, layer: &Layer, axis: usize) {
        let theme = Theme::of(ui);
        let n = layer.dims.get(axis).copied().unwrap_or(1);
        let Some(fixed) = self.arrangement.fixed.get_mut(axis) else { return };
        if n < 2 {
            return;
        }
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
            .selected_text(axis_name(layer, current))
            .width(84.0)
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

fn title_ui(ui: &mut Ui, ctx: &PanelCtx, layer: &Layer) {
    let theme = Theme::of(ui);
    ui.spacing_mut().item_spacing.x = 10.0;
    let name = RichText::new(&layer.weight).font(theme::title(13.0)).color(theme.text);
    ui.add(egui::Label::new(name).truncate()).on_hover_text(&layer.weight);
    let dims: Vec<String> = layer.dims.iter().map(ToString::to_string).collect();
    let choice = ctx.session.choice(ctx.session.selection().layer_idx);
    let text = format!("{}, {choice}", dims.join("×"));
    let label = egui::Label::new(RichText::new(text).font(theme::mono(12.0)).color(theme.label));
    ui.add(label.truncate());
}
