//! The channel shown, and the ratio of every channel to choose from.

use egui::{Rect, RichText, Stroke, Ui, pos2, vec2};

use super::channel_bars::bars_ui;
use super::value_plot::Y_AXIS_WIDTH;
use crate::base::thousands;
use crate::eval::LayerError;
use crate::session::Command;
use crate::ui::panel::PanelCtx;
use crate::ui::theme::{self, Theme};
use crate::ui::widgets::name_it;

const HEADING_HEIGHT: f32 = 38.0;
const CAPTION_HEIGHT: f32 = 21.0;
const STRIP_HEIGHT: f32 = 54.0;
const X_AXIS_HEIGHT: f32 = 22.0;
/// Below this width the caption has a line of its own.
const MIN_WIDTH_FOR_ONE_LINE: f32 = 600.0;

const CAPTION: &str = "SQNR of each channel, dB";
const HELP: &str = "Signal-to-quantization-noise ratio of each channel: 10·log₁₀(Σx² / Σ(x−x̂)²); a click shows the channel";

/// The height of it all.
pub(super) fn channels_height(width: f32) -> f32 {
    let caption = if width < MIN_WIDTH_FOR_ONE_LINE { CAPTION_HEIGHT } else { 0.0 };
    HEADING_HEIGHT + caption + STRIP_HEIGHT + X_AXIS_HEIGHT
}

/// The channel shown, and the ratio of every channel as a strip of bars to click.
pub(super) fn channels_ui(
    ui: &mut Ui,
    ctx: &PanelCtx,
    n_channels: usize,
    error: Option<&LayerError>,
) {
    let theme = Theme::of(ui);
    let area = ui.available_rect_before_wrap();
    ui.painter().hline(area.x_range(), area.top(), Stroke::new(1.0, theme.line));
    let selected = ctx.session.selection().channel_idx;
    let has_one_line = area.width() >= MIN_WIDTH_FOR_ONE_LINE;
    let caption = |ui: &mut Ui| {
        let text = RichText::new(CAPTION).color(theme.label);
        ui.add(egui::Label::new(text).truncate()).on_hover_text(HELP);
    };
    let middle = egui::Align::Center;
    let heading = vec2(area.width(), HEADING_HEIGHT - 4.0);
    ui.allocate_ui_with_layout(heading, egui::Layout::left_to_right(middle), |ui| {
        ui.set_min_size(heading);
        ui.add_space(theme::PANEL_MARGIN);
        ui.label(RichText::new("Channel").font(theme::title(12.0)).color(theme.text));
        if !has_one_line {
            return channel_stepper_ui(ui, ctx, n_channels, selected);
        }
        ui.with_layout(egui::Layout::right_to_left(middle), |ui| {
            ui.add_space(theme::PANEL_MARGIN);
            caption(ui);
            ui.add_space(12.0);
            ui.with_layout(egui::Layout::left_to_right(middle), |ui| {
                channel_stepper_ui(ui, ctx, n_channels, selected);
            });
        });
    });
    if !has_one_line {
        ui.horizontal(|ui| {
            ui.add_space(theme::PANEL_MARGIN);
            caption(ui);
        });
    }
    let Some(error) = error else { return };
    let bottom = area.bottom() - X_AXIS_HEIGHT;
    let strip = Rect::from_min_max(
        pos2(area.left() + Y_AXIS_WIDTH, bottom - STRIP_HEIGHT),
        pos2(area.right() - theme::PANEL_MARGIN, bottom),
    );
    if strip.width() > 20.0 {
        bars_ui(ui, ctx, strip, error);
    }
}

fn channel_stepper_ui(ui: &mut Ui, ctx: &PanelCtx, n_channels: usize, selected: Option<usize>) {
    let arrow = |ui: &mut Ui,
                 icon: egui_material_icons::MaterialIcon,
                 name: &str,
                 to: Option<usize>,
                 enabled: bool| {
        let button = egui::Button::new(icon.rich_text().size(14.0)).min_size(vec2(24.0, 24.0));
        let response = ui.add_enabled(enabled, button);
        name_it(&response, name);
        if response.on_hover_text(name).clicked() {
            ctx.send(Command::SelectChannel(to));
        }
    };
    let previous = selected.and_then(|idx| idx.checked_sub(1));
    arrow(
        ui,
        egui_material_icons::icons::ICON_CHEVRON_LEFT,
        "Previous channel",
        previous,
        selected.is_some(),
    );
    // 0 stands for the whole tensor, so that one drag reaches everything.
    let mut position = selected.map_or(0, |idx| idx + 1);
    let drag = egui::DragValue::new(&mut position)
        .range(0..=n_channels)
        .speed(0.1)
        .custom_formatter(move |n, _| {
            if n < 1.0 {
                format!("all {}", thousands(n_channels))
            } else {
                format!("{:.0}", n - 1.0)
            }
        })
        .custom_parser(|text| match text.trim() {
            text if text.starts_with("all") => Some(0.0),
            text => text.parse::<f64>().ok().map(|n| n + 1.0),
        });
    let response = ui.add_sized([72.0, 24.0], drag);
    name_it(&response, "Channel");
    if response.changed() {
        ctx.send(Command::SelectChannel(position.checked_sub(1)));
    }
    let next = Some(selected.map_or(0, |idx| idx + 1));
    let has_next = selected.is_none_or(|idx| idx + 1 < n_channels);
    arrow(ui, egui_material_icons::icons::ICON_CHEVRON_RIGHT, "Next channel", next, has_next);
    if selected.is_some() && ui.button("All channels").clicked() {
        ctx.send(Command::SelectChannel(None));
    }
    let room = ui.available_width() - 16.0;
    if room > 60.0 {
        ui.spacing_mut().slider_width = room;
        let mut slid = position;
        let slider = ui.add(egui::Slider::new(&mut slid, 0..=n_channels).show_value(false));
        name_it(&slider, "Channel slider");
        if slider.changed() {
            ctx.send(Command::SelectChannel(slid.checked_sub(1)));
        }
    }
}
