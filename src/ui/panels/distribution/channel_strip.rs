//! The channel shown, and the ratio of every channel to choose from.

use egui::{RichText, Sense, Ui, pos2, vec2};

use crate::base::fixed;
use crate::eval::LayerError;
use crate::session::Command;
use crate::ui::panel::PanelCtx;
use crate::ui::theme::{self, Theme};
use crate::ui::widgets::name_it;

/// The channel shown, and the ratio of every channel as a strip of bars to click.
pub(super) fn channels_ui(
    ui: &mut Ui,
    ctx: &PanelCtx,
    n_channels: usize,
    error: Option<&LayerError>,
) {
    let theme = Theme::of(ui);
    let line = ui.available_rect_before_wrap();
    ui.painter().hline(line.x_range(), line.top(), egui::Stroke::new(1.0, theme.line));
    let selected = ctx.session.selection().channel_idx;
    ui.add_space(6.0);
    ui.horizontal(|ui| {
        ui.add_space(theme::PANEL_MARGIN);
        ui.label(RichText::new("Channel").font(theme::title(12.0)).color(theme.text));
        channel_stepper_ui(ui, ctx, n_channels, selected);
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            ui.add_space(theme::PANEL_MARGIN);
            ui.label(RichText::new("SQNR of each channel, dB").color(theme.label));
        });
    });
    let Some(error) = error else { return };
    channel_strip_ui(ui, ctx, selected, error);
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
            if n < 1.0 { format!("all {n_channels}") } else { format!("{:.0}", n - 1.0) }
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
    let room = ui.available_width() - 190.0;
    if room > 60.0 {
        ui.spacing_mut().slider_width = room.min(260.0);
        let mut slid = position;
        let slider = ui.add(egui::Slider::new(&mut slid, 0..=n_channels).show_value(false));
        name_it(&slider, "Channel slider");
        if slider.changed() {
            ctx.send(Command::SelectChannel(slid.checked_sub(1)));
        }
    }
}

/// One bar a channel; more channels than pixels share one, which shows the worst of them.
fn channel_strip_ui(ui: &mut Ui, ctx: &PanelCtx, selected: Option<usize>, error: &LayerError) {
    let theme = Theme::of(ui);
    let n_channels = error.channels.len().max(1);
    let size = vec2(ui.available_width() - 2.0 * theme::PANEL_MARGIN, 52.0);
    let (rect, response) = ui
        .horizontal(|ui| {
            ui.add_space(theme::PANEL_MARGIN);
            ui.allocate_exact_size(size, Sense::click())
        })
        .inner;
    response.widget_info(|| {
        egui::WidgetInfo::labeled(egui::Role::Canvas, true, "SQNR of each channel")
    });
    let db = |idx: usize| error.channels.get(idx).and_then(|channel| channel.sqnr().db());
    let highest = (0..n_channels).filter_map(db).fold(10.0, f64::max);
    let n_bars = n_channels.min((rect.width() / 2.0) as usize).max(1);
    let pitch = rect.width() / n_bars as f32;
    let painter = ui.painter_at(rect);
    painter.hline(rect.x_range(), rect.bottom() - 0.5, egui::Stroke::new(1.0, theme.line));
    for bar_idx in 0..n_bars {
        let members = bar_idx * n_channels / n_bars..(bar_idx + 1) * n_channels / n_bars;
        let is_selected = selected.is_some_and(|idx| members.contains(&idx));
        let Some(worst) = members.filter_map(db).reduce(f64::min) else {
            continue;
        };
        let height = (worst.max(0.0) / highest) as f32 * (rect.height() - 4.0);
        let left = rect.left() + bar_idx as f32 * pitch;
        let gap = (pitch * 0.15).min(2.0);
        let bar = egui::Rect::from_min_max(
            pos2(left + gap, rect.bottom() - height.max(1.0)),
            pos2(left + pitch - gap, rect.bottom()),
        );
        painter.rect_filled(bar, 1, if is_selected { theme.accent } else { theme.original });
    }
    if let Some(channel_idx) = pointed_channel(&response, n_channels) {
        if response.clicked() {
            ctx.send(Command::SelectChannel(Some(channel_idx)));
        }
        let text = match db(channel_idx) {
            Some(db) => format!("channel {channel_idx}: {} dB", fixed(db, 2)),
            None => format!("channel {channel_idx}: no error to measure"),
        };
        response.on_hover_text_at_pointer(text);
    }
}

/// The channel under the pointer, `n_channels` of them lying side by side.
fn pointed_channel(response: &egui::Response, n_channels: usize) -> Option<usize> {
    let offset = response.hover_pos()?.x - response.rect.left();
    let fraction = f64::from(offset / response.rect.width()).clamp(0.0, 1.0);
    Some(((fraction * n_channels as f64) as usize).min(n_channels - 1))
}
