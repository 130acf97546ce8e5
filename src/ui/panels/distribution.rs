//! The distribution of a layer's weights, or of one channel's, before and after quantization.

use egui::{RichText, Sense, Ui, pos2, vec2};

use super::distribution_plot::{CountScale, plot_ui};
use crate::base::{fixed, percent, significant, thousands};
use crate::eval::LayerError;
use crate::model::Layer;
use crate::session::{Command, Loaded};
use crate::tensor::TensorStats;
use crate::ui::panel::{Panel, PanelCtx, PanelEntry, Place};
use crate::ui::recent_files::recent_list_ui;
use crate::ui::state_view;
use crate::ui::theme::{self, Theme};
use crate::ui::widgets::number;

pub const ENTRY: PanelEntry = PanelEntry {
    id: "distribution",
    title: "Distribution",
    place: Place::Centre,
    create: || Box::new(DistributionPanel { count_scale: CountScale::Linear }),
};

struct DistributionPanel {
    count_scale: CountScale,
}

const STATS_HEIGHT: f32 = 64.0;
const CHANNELS_HEIGHT: f32 = 116.0;

impl Panel for DistributionPanel {
    fn ui(&mut self, ui: &mut Ui, ctx: &PanelCtx) {
        let layer_idx = ctx.session.selection().layer_idx;
        let layer = ctx.session.network().and_then(|network| network.layers.get(layer_idx));
        let Some(layer) = layer else {
            state_view::empty_ui(
                ui,
                "No model is open",
                "Open one with File › Open model…, or drop a file here. File › Samples has one to start with.",
            );
            recent_list_ui(ui, ctx);
            return;
        };
        let picture = ctx.session.picture();
        let error = ctx.session.layer_error(layer_idx);
        self.tool_row_ui(ui, ctx, layer_idx, layer);
        let n_channels = ctx.session.shown_channels();
        let below = STATS_HEIGHT + if n_channels > 1 { CHANNELS_HEIGHT } else { 0.0 };
        let plot_height = (ui.available_height() - below).max(80.0);
        ui.allocate_ui(vec2(ui.available_width(), plot_height), |ui| {
            ui.set_min_height(plot_height);
            match &picture {
                Loaded::Failed(reason) => {
                    state_view::failed_ui(ui, "This layer is not quantized", reason);
                }
                pending if pending.shown().is_none() => {
                    let progress = crate::base::Progress::default();
                    state_view::pending_ui(ui, "Computing the distribution", progress);
                }
                known => {
                    if known.is_stale() {
                        ui.set_opacity(0.5);
                    }
                    if let Some(shown) = known.shown() {
                        plot_ui(ui, shown, self.count_scale);
                    }
                }
            }
        });
        stats_ui(ui, picture.shown().map(|picture| &picture.stats));
        if n_channels > 1 {
            channels_ui(ui, ctx, n_channels, error.shown().map(|error| &**error));
        }
    }
}

impl DistributionPanel {
    /// What is shown, the legend, and the scale of the counts.
    fn tool_row_ui(&mut self, ui: &mut Ui, ctx: &PanelCtx, layer_idx: usize, layer: &Layer) {
        let theme = Theme::of(ui);
        let network = ctx.session.network();
        ui.allocate_ui_with_layout(
            vec2(ui.available_width(), 40.0),
            egui::Layout::left_to_right(egui::Align::Center),
            |ui| {
                ui.set_min_height(40.0);
                ui.add_space(theme::PANEL_MARGIN);
                let choice = ctx.session.choice(layer_idx);
                ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                    ui.add_space(theme::PANEL_MARGIN);
                    self.scale_switch_ui(ui);
                    ui.add_space(8.0);
                    legend_ui(ui, choice.keeps_float());
                    ui.with_layout(egui::Layout::left_to_right(egui::Align::Center), |ui| {
                        let name = RichText::new(&layer.weight).font(theme::title(13.0));
                        let is_folded = network.is_some_and(|n| n.is_folded(&layer.weight));
                        let title = ui.add(egui::Label::new(name.color(theme.text)).truncate());
                        title.on_hover_text(format!(
                            "{}{}\n{choice}",
                            layer.weight,
                            if is_folded { ", batch norm folded in" } else { "" }
                        ));
                    });
                });
            },
        );
    }

    fn scale_switch_ui(&mut self, ui: &mut Ui) {
        ui.spacing_mut().item_spacing.x = 0.0;
        let options = [
            (CountScale::Log, "Log", "Counts on a logarithmic scale: shows the tails"),
            (CountScale::Linear, "Lin", "Counts on a linear scale"),
        ];
        for (scale, name, help) in options {
            let button = egui::Button::new(name).selected(self.count_scale == scale);
            if ui.add_sized([40.0, 24.0], button).on_hover_text(help).clicked() {
                self.count_scale = scale;
            }
        }
        ui.spacing_mut().item_spacing.x = 8.0;
    }
}

/// From right to left: what the colours and lines mean.
fn legend_ui(ui: &mut Ui, keeps_float: bool) {
    let theme = Theme::of(ui);
    let entry = |ui: &mut Ui, name: &str, draw: &dyn Fn(&egui::Painter, egui::Rect)| {
        ui.label(RichText::new(name).color(theme.label));
        let (rect, _) = ui.allocate_exact_size(vec2(16.0, 10.0), Sense::hover());
        draw(ui.painter(), rect);
        ui.add_space(10.0);
    };
    ui.spacing_mut().item_spacing.x = 6.0;
    if !keeps_float {
        entry(ui, "level", &|painter, rect| {
            painter.vline(
                rect.center().x,
                rect.y_range(),
                egui::Stroke::new(1.0, theme.line_strong),
            );
        });
        entry(ui, "quantized", &|painter, rect| {
            let stroke = egui::Stroke::new(1.5, theme.quantized);
            let (l, r, t, b) = (rect.left(), rect.right(), rect.top(), rect.bottom());
            let third = rect.width() / 3.0;
            let steps =
                [(l, b), (l + third, b), (l + third, t), (r - third, t), (r - third, b), (r, b)];
            painter.line(steps.map(|(x, y)| pos2(x, y)).to_vec(), stroke);
        });
    }
    entry(ui, "original", &|painter, rect| {
        painter.rect_filled(rect, 1, theme.original.gamma_multiply(0.5));
        painter.hline(rect.x_range(), rect.top(), egui::Stroke::new(1.5, theme.original));
    });
}

/// The figures of the weights themselves, in a strip.
fn stats_ui(ui: &mut Ui, stats: Option<&TensorStats>) {
    let theme = Theme::of(ui);
    let line = ui.available_rect_before_wrap();
    ui.painter().hline(line.x_range(), line.top(), egui::Stroke::new(1.0, theme.line));
    ui.allocate_ui(vec2(ui.available_width(), STATS_HEIGHT - 8.0), |ui| {
        ui.set_min_height(STATS_HEIGHT - 8.0);
        ui.horizontal_centered(|ui| {
            ui.add_space(theme::PANEL_MARGIN);
            let Some(stats) = stats else { return };
            let float = |x: Option<f32>| {
                x.map_or_else(|| "n/a".to_owned(), |x| significant(f64::from(x), 4))
            };
            let double = |x: Option<f64>| x.map_or_else(|| "n/a".to_owned(), |x| significant(x, 4));
            let kurtosis = stats.kurtosis.map_or_else(|| "n/a".to_owned(), |k| fixed(k, 2));
            let figures = [
                ("Weights", thousands(stats.count), "Number of weights shown"),
                ("Minimum", float(stats.min), "Smallest weight"),
                ("Maximum", float(stats.max), "Largest weight"),
                ("Mean", double(stats.mean), "Σx/n"),
                ("Std. deviation", double(stats.std), "√(Σ(x − mean)²/n)"),
                ("Kurtosis", kurtosis, "m₄/m₂²: 3 for a Gaussian, more for heavy tails"),
                (
                    "Zeros",
                    percent(stats.n_zero as f64 / stats.count.max(1) as f64, 1),
                    "Share of weights that are exactly 0",
                ),
            ];
            // As many as fit, the first being the most wanted.
            let room = ui.available_width() - theme::PANEL_MARGIN;
            let n_shown = ((room / 84.0) as usize).clamp(1, figures.len());
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

/// The channel shown, and the ratio of every channel as a strip of bars to click.
fn channels_ui(ui: &mut Ui, ctx: &PanelCtx, n_channels: usize, error: Option<&LayerError>) {
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
        response.ctx.accesskit_node_builder(response.id, |node| node.set_label(name));
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
    response.ctx.accesskit_node_builder(response.id, |node| node.set_label("Channel"));
    if response.changed() {
        ctx.send(Command::SelectChannel(position.checked_sub(1)));
    }
    let next = Some(selected.map_or(0, |idx| idx + 1));
    let has_next = selected.is_none_or(|idx| idx + 1 < n_channels);
    arrow(ui, egui_material_icons::icons::ICON_CHEVRON_RIGHT, "Next channel", next, has_next);
    if selected.is_some() && ui.button("All channels").clicked() {
        ctx.send(Command::SelectChannel(None));
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
