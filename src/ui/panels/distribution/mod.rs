//! The distribution of a layer's weights, or of one channel's, before and after quantization.

mod channel_bars;
mod channel_strip;
mod curves;
mod error_plot;
mod handles;
mod histogram;
mod legend;
mod stats;
mod value_plot;

use egui::{Rect, RichText, Sense, Ui, UiBuilder, vec2};

use crate::base::{fixed, significant};
use crate::eval::LayerError;
use crate::model::Layer;
use crate::session::{LayerPicture, Loaded};
use crate::tensor::Fitted;
use crate::ui::layer_title::choice_words;
use crate::ui::panel::{Panel, PanelCtx, PanelEntry, Place};
use crate::ui::segments::segments_ui;
use crate::ui::short_name::title_ui as title_name_ui;
use crate::ui::start_view::start_ui;
use crate::ui::state_view;
use crate::ui::table::Table;
use crate::ui::theme::{self, Theme};
use crate::ui::widgets::name_it;
use channel_strip::{channels_height, channels_ui};
use curves::CountScale;
use error_plot::error_plot_ui;
use handles::{Held, handles_ui};
use histogram::{Overlays, histogram_ui};
use legend::LegendEntry;
use stats::{stats_height, stats_ui};
use value_plot::ShownRange;

pub const ENTRY: PanelEntry = PanelEntry {
    id: "distribution",
    title: "Distribution",
    place: Place::Centre,
    create: || Box::new(DistributionPanel::default()),
};

/// A distribution drawn over the weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FitKind {
    None,
    Gaussian,
    Laplacian,
}

struct DistributionPanel {
    count_scale: CountScale,
    fit: FitKind,
    /// Layer and channel drawn over the one shown.
    compared: Option<(usize, Option<usize>)>,
    /// A handle of the range while it is dragged.
    held: Option<Held>,
    /// Since when the curves have belonged to an earlier setting, in seconds of the window.
    stale_since: Option<f64>,
}

/// How curves look that may belong to an earlier setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Freshness {
    Live,
    /// Only what is about to change is marked: something is being dragged.
    Marked,
    Dimmed,
}

impl Default for DistributionPanel {
    fn default() -> Self {
        Self {
            count_scale: CountScale::Linear,
            fit: FitKind::None,
            compared: None,
            held: None,
            stale_since: None,
        }
    }
}

/// Least height of both plots together; with less room the panel scrolls.
const MIN_PLOTS_HEIGHT: f32 = 264.0;
/// Answers that come within this time are not marked as awaited: it would only flicker.
const PATIENCE_SECS: f64 = 0.15;

impl Panel for DistributionPanel {
    fn ui(&mut self, ui: &mut Ui, ctx: &PanelCtx) {
        let layer_idx = ctx.session.selection().layer_idx;
        let Some(layer) = ctx.layer() else {
            match ctx.session.network() {
                None => start_ui(ui, ctx),
                Some(_) => state_view::no_layer_ui(ui, ctx.session, ""),
            }
            return;
        };
        let picture = ctx.session.picture();
        let compared = self
            .compared
            .map(|(layer_idx, channel_idx)| ctx.session.picture_of(layer_idx, channel_idx));
        let error = ctx.session.layer_error(layer_idx);
        self.tool_row_ui(ui, ctx, layer, picture.shown().map(|picture| &**picture));
        let n_channels = ctx.session.shown_channels();
        let width = ui.available_width();
        // Of a layer that is not quantized only the reason is shown.
        let is_answered = picture.failure().is_none();
        let has_strip = n_channels > 1 && is_answered;
        let strip = if has_strip { channels_height(width) } else { 0.0 };
        let below = if is_answered { stats_height(width) } else { 0.0 } + strip;
        let plots = (ui.available_height() - below - 4.0).max(MIN_PLOTS_HEIGHT);
        egui::ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
            let (whole, _) = ui.allocate_exact_size(vec2(width, plots + below), Sense::hover());
            let (top, rest) = whole.split_top_bottom_at_y(whole.top() + plots);
            let (middle, bottom) = rest.split_top_bottom_at_y(rest.bottom() - strip);
            let part = |ui: &mut Ui, name: &str, rect: Rect| {
                ui.new_child(UiBuilder::new().id_salt(name).max_rect(rect))
            };
            let compared = compared.as_ref().and_then(|c| Some(&**c.shown()?));
            self.answer_ui(&mut part(ui, "plots", top), ctx, &picture, compared);
            if is_answered {
                let shown = picture.shown().map(|picture| &**picture);
                stats_ui(&mut part(ui, "figures", middle), shown);
            }
            if has_strip {
                let error = error.shown_if(LayerError::has_channels).map(|error| &**error);
                channels_ui(&mut part(ui, "channels", bottom), ctx, n_channels, error);
            }
        });
    }

    fn table(&self, ctx: &PanelCtx) -> Option<Table> {
        let picture = ctx.session.picture();
        let picture = picture.ready()?;
        let mut table = Table::new(&[
            "bin_from",
            "bin_to",
            "original",
            "quantized",
            "rounding_error",
            "clipping_error",
        ]);
        let histogram = &picture.original;
        for (bin_idx, count) in histogram.counts.iter().enumerate() {
            let of = |list: &[f64]| list.get(bin_idx).copied().unwrap_or(0.0).to_string();
            let quantized = picture.quantized.counts.get(bin_idx).copied().unwrap_or(0);
            table.rows.push(vec![
                histogram.edge(bin_idx).to_string(),
                histogram.edge(bin_idx + 1).to_string(),
                count.to_string(),
                quantized.to_string(),
                of(&picture.profile.rounding),
                of(&picture.profile.clipping),
            ]);
        }
        Some(table)
    }
}

impl DistributionPanel {
    /// The plots, or why there are none.
    fn answer_ui(
        &mut self,
        ui: &mut Ui,
        ctx: &PanelCtx,
        picture: &Loaded<LayerPicture>,
        compared: Option<&LayerPicture>,
    ) {
        let freshness = self.freshness(ui, picture.is_stale());
        match (picture, picture.shown()) {
            (Loaded::Failed(reason), _) => {
                state_view::failed_ui(ui, "This layer is not quantized", reason);
            }
            (_, None) => {
                let progress = crate::base::Progress::default();
                state_view::pending_ui(ui, "Computing the distribution", progress);
            }
            (_, Some(shown)) => {
                if freshness == Freshness::Dimmed {
                    ui.set_opacity(0.5);
                }
                let choice = ctx.session.choice(ctx.session.selection().layer_idx);
                let mut range = ShownRange::of(shown, &choice);
                range.is_pending = freshness == Freshness::Marked;
                range.is_ahead = picture.is_stale() || self.held.is_some();
                if let Some(held) = &self.held {
                    range.ends = Some(held.ends);
                }
                self.plots_ui(ui, ctx, (shown, &range), compared);
            }
        }
        let is_down = ui.input(|input| input.pointer.primary_down());
        if let Some(held) = &mut self.held {
            if !picture.is_stale() || !is_down {
                held.send(ctx);
            }
            if !is_down {
                self.held = None;
            }
        }
    }

    fn freshness(&mut self, ui: &Ui, is_stale: bool) -> Freshness {
        let (now, is_down) = ui.input(|input| (input.time, input.pointer.primary_down()));
        if !is_stale {
            self.stale_since = None;
            return Freshness::Live;
        }
        let waited = now - *self.stale_since.get_or_insert(now);
        if waited < PATIENCE_SECS {
            let rest = std::time::Duration::from_secs_f64(PATIENCE_SECS - waited);
            ui.ctx().request_repaint_after(rest);
            return Freshness::Live;
        }
        if is_down { Freshness::Marked } else { Freshness::Dimmed }
    }

    /// The histogram with its handles, and under it where the error arises.
    fn plots_ui(
        &mut self,
        ui: &mut Ui,
        ctx: &PanelCtx,
        (picture, range): (&LayerPicture, &ShownRange),
        compared: Option<&LayerPicture>,
    ) {
        let room = ui.available_height();
        let has_error = picture.error.mse() > 0.0;
        let error_height = if has_error { (room * 0.32).clamp(110.0, 260.0) } else { 0.0 };
        let legend = self.legend(ctx, picture);
        let overlays = Overlays { fit: self.fitted(picture), compared, legend };
        let width = ui.available_width() - theme::PANEL_MARGIN;
        ui.spacing_mut().item_spacing.y = 0.0;
        ui.allocate_ui(vec2(width, room - error_height), |ui| {
            ui.set_min_height(room - error_height);
            let transform = histogram_ui(ui, picture, self.count_scale, &overlays, range);
            if let Some(held) = handles_ui(ui, ctx, picture, range, &transform) {
                self.held = Some(held);
            }
        });
        if has_error {
            ui.allocate_ui(vec2(width, error_height), |ui| error_plot_ui(ui, picture, range));
        }
    }

    fn fitted(&self, picture: &LayerPicture) -> Option<Fitted> {
        let shape = picture.shape?;
        match self.fit {
            FitKind::None => None,
            FitKind::Gaussian => Some(shape.gaussian),
            FitKind::Laplacian => Some(shape.laplacian),
        }
    }

    /// What is shown, what is drawn over it, and the scale of the counts.
    fn tool_row_ui(
        &mut self,
        ui: &mut Ui,
        ctx: &PanelCtx,
        layer: &Layer,
        picture: Option<&LayerPicture>,
    ) {
        let size = vec2(ui.available_width(), 40.0);
        let middle = egui::Align::Center;
        ui.allocate_ui_with_layout(size, egui::Layout::left_to_right(middle), |ui| {
            ui.set_min_height(40.0);
            ui.add_space(theme::PANEL_MARGIN);
            ui.with_layout(egui::Layout::right_to_left(middle), |ui| {
                ui.add_space(theme::PANEL_MARGIN);
                self.scale_switch_ui(ui);
                self.overlay_menu_ui(ui, ctx, picture);
                ui.add_space(8.0);
                ui.with_layout(egui::Layout::left_to_right(middle), |ui| {
                    title_ui(ui, ctx, layer);
                });
            });
        });
    }

    fn legend(&self, ctx: &PanelCtx, picture: &LayerPicture) -> Vec<LegendEntry> {
        let mut entries = vec![LegendEntry::Original];
        let layer_idx = ctx.session.selection().layer_idx;
        if !ctx.session.choice(layer_idx).keeps_float() {
            entries.push(LegendEntry::Quantized);
            // Of several scales no levels are drawn.
            if picture.grid.as_ref().is_some_and(|grid| grid.n_levels().is_some()) {
                entries.push(LegendEntry::Level);
            }
            let choice = ctx.session.choice(layer_idx);
            let is_hatched = ShownRange::of(picture, &choice).ends.is_some();
            if picture.error.n_clipped > 0 && is_hatched {
                entries.push(LegendEntry::Clipped);
            }
        }
        if let Some((layer_idx, channel_idx)) = self.compared {
            let layer = ctx.session.network().and_then(|network| network.layers.get(layer_idx));
            let name = layer.map_or("", |layer| layer.name.as_str());
            entries.push(LegendEntry::Compared(match channel_idx {
                Some(channel_idx) => format!("{name}, channel {channel_idx}"),
                None => name.to_owned(),
            }));
        }
        if let Some(fitted) = self.fitted(picture) {
            let name = if self.fit == FitKind::Gaussian { "Gaussian" } else { "Laplacian" };
            let distance = fixed(fitted.distance(&picture.original), 3);
            entries.push(LegendEntry::Fit(format!("{name}, D {distance}")));
        }
        entries
    }

    fn scale_switch_ui(&mut self, ui: &mut Ui) {
        let options = [
            (CountScale::Linear, "Lin", "Counts on a linear scale"),
            (CountScale::Log, "Log", "Counts on a logarithmic scale: shows the tails"),
            (CountScale::Cumulative, "Sum", "Share of the weights up to each value"),
        ];
        segments_ui(ui, &mut self.count_scale, &options);
    }

    /// Fits, and another channel or layer to compare with.
    fn overlay_menu_ui(&mut self, ui: &mut Ui, ctx: &PanelCtx, picture: Option<&LayerPicture>) {
        let is_used = self.fit != FitKind::None || self.compared.is_some();
        let button = egui::Button::new("Compare").selected(is_used).min_size(vec2(64.0, 24.0));
        let stays = egui::containers::menu::MenuConfig::new()
            .close_behavior(egui::PopupCloseBehavior::CloseOnClickOutside);
        let menu = egui::containers::menu::MenuButton::from_button(button).config(stays);
        let (response, _) = menu.ui(ui, |ui| {
            ui.set_min_width(260.0);
            self.fits_ui(ui, picture);
            ui.separator();
            self.compared_ui(ui, ctx);
        });
        name_it(&response, "Compare distributions");
        response.on_hover_text("A fitted distribution, another channel or another layer over it");
    }

    fn fits_ui(&mut self, ui: &mut Ui, picture: Option<&LayerPicture>) {
        let kinds = [
            (FitKind::None, "No fit"),
            (FitKind::Gaussian, "Gaussian of the same mean and deviation"),
            (FitKind::Laplacian, "Laplacian of the same median and spread"),
        ];
        for (kind, name) in kinds {
            if ui.radio(self.fit == kind, name).clicked() {
                self.fit = kind;
            }
        }
        let theme = Theme::of(ui);
        if let Some(shape) = picture.and_then(|picture| picture.shape) {
            let text = match (self.fit, shape.gaussian, shape.laplacian) {
                (FitKind::Gaussian, Fitted::Gaussian { mean, std }, _) => {
                    format!("mean {}, σ {}", significant(mean, 3), significant(std, 3))
                }
                (FitKind::Laplacian, _, Fitted::Laplacian { median, spread }) => {
                    format!("median {}, b {}", significant(median, 3), significant(spread, 3))
                }
                _ => String::new(),
            };
            let text = if text.is_empty() {
                text
            } else {
                format!("{text}; D is the largest distance of the shares below")
            };
            ui.label(RichText::new(text).color(theme.hint));
        }
    }

    fn compared_ui(&mut self, ui: &mut Ui, ctx: &PanelCtx) {
        let Some(network) = ctx.session.network() else { return };
        let selection = ctx.session.selection();
        if ui.radio(self.compared.is_none(), "No other layer or channel").clicked() {
            self.compared = None;
        }
        let n_channels = ctx.session.shown_channels();
        let other_channel = match self.compared {
            Some((layer_idx, channel_idx)) if layer_idx == selection.layer_idx => channel_idx,
            _ => None,
        };
        if selection.channel_idx.is_some()
            && ui
                .radio(self.compared == Some((selection.layer_idx, None)), "The whole layer")
                .clicked()
        {
            self.compared = Some((selection.layer_idx, None));
        }
        if n_channels > 1 {
            ui.horizontal(|ui| {
                let mut channel_idx = other_channel.unwrap_or(0);
                let is_channel = other_channel.is_some();
                let chosen = ui.radio(is_channel, "Another channel").clicked();
                let drag = egui::DragValue::new(&mut channel_idx).range(0..=n_channels - 1);
                let response = ui.add(drag);
                name_it(&response, "Compared channel");
                if chosen || response.changed() {
                    self.compared = Some((selection.layer_idx, Some(channel_idx)));
                }
            });
        }
        ui.label(RichText::new("Layers").color(Theme::of(ui).label));
        egui::ScrollArea::vertical().max_height(180.0).show(ui, |ui| {
            for (layer_idx, layer) in network.layers.iter().enumerate() {
                let is_chosen = self.compared == Some((layer_idx, None));
                if layer_idx != selection.layer_idx
                    && ui.radio(is_chosen, format!("with {}", layer.name)).clicked()
                {
                    self.compared = Some((layer_idx, None));
                }
            }
        });
    }
}

fn title_ui(ui: &mut Ui, ctx: &PanelCtx, layer: &Layer) {
    let is_folded = ctx.session.network().is_some_and(|n| n.is_folded(&layer.weight));
    let choice = ctx.session.choice(ctx.session.selection().layer_idx);
    let folded = if is_folded { ", batch norm folded in" } else { "" };
    let help = format!("{}{folded}\n{}", layer.weight, choice_words(&choice));
    title_name_ui(ui, &layer.weight, &help);
}
