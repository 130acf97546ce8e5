//! The settings of the selected layer, and what they do to it.

mod columns;
mod figures;
mod ranges;

use egui::{RichText, ScrollArea, Ui};
use serde::{Deserialize, Serialize};

use crate::base::counted;
use crate::eval::LayerError;
use crate::model::{FoldMode, Layer, Network};
use crate::quant::{SchemeChoice, SettingValue};
use crate::session::{Command, LayerPicture, Loaded};
use crate::tensor::TensorStats;
use crate::ui::actions::{edit, edit_command};
use crate::ui::clip_range::has_typed_ends;
use crate::ui::focus_ring::scroll_to_focus;
use crate::ui::panel::{Panel, PanelCtx, PanelEntry, Place};
use crate::ui::quick_settings::QUICK_SETTINGS;
use crate::ui::settings_editor::{Edited, Selected, settings_ui};
use crate::ui::short_name::title_ui;
use crate::ui::state_view;
use crate::ui::theme::{self, Theme};
use crate::ui::widgets::{icon_menu, section};

use columns::{Columns, Part};
use figures::{figures_ui, note_ui};
use ranges::ranges_ui;

pub const ENTRY: PanelEntry = PanelEntry {
    id: "quantizer",
    title: "Quantizer",
    place: Place::Right,
    create: || Box::new(QuantizerPanel::default()),
};

/// What a person unfolded.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Folds {
    /// Seldom needed settings.
    settings: bool,
    /// The smaller figures; `None` follows the room there is.
    figures: Option<bool>,
}

#[derive(Default)]
struct QuantizerPanel {
    folds: Folds,
}

/// From this height on, the smaller figures have room below the others.
const ROOMY: f32 = 740.0;

impl Panel for QuantizerPanel {
    fn ui(&mut self, ui: &mut Ui, ctx: &PanelCtx) {
        let layer_idx = ctx.session.selection().layer_idx;
        let network = ctx.session.network();
        let Some((network, layer)) = network.and_then(|n| Some((n, n.layers.get(layer_idx)?)))
        else {
            let hint = "The settings of the selected layer will stand here.";
            match network.is_some() {
                true => {
                    let icon = egui_material_icons::icons::ICON_TUNE;
                    state_view::empty_icon_ui(ui, icon, ("No layer is selected", hint));
                }
                false => state_view::no_model_ui(ui, ctx.session, hint),
            }
            return;
        };
        let target = Target {
            network,
            layer,
            choice: ctx.session.choice(layer_idx),
            error: ctx.session.layer_error(layer_idx),
            picture: ctx.session.picture(),
        };
        let room = ui.available_size();
        // Seen at once: there is more below.
        ui.spacing_mut().scroll = egui::style::ScrollStyle::thin();
        ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
            scroll_to_focus(ui);
            let columns = Columns::of(ui.available_width() - 2.0 * theme::PANEL_MARGIN);
            let mut margin = egui::Margin::from(theme::PANEL_MARGIN);
            if columns == Columns::One {
                // The row of the title has its own.
                margin.top = 0;
            }
            egui::Frame::new().inner_margin(margin).show(ui, |ui| {
                ui.spacing_mut().item_spacing.y = 0.0;
                let is_roomy = columns.n() > 1 || room.y >= ROOMY;
                // As high as in other panels; in a card as near to its edge as other titles.
                let title_height = match columns {
                    Columns::One => theme::TOOL_ROW_HEIGHT,
                    _ => theme::FORM_ROW_HEIGHT,
                };
                let parts = Parts { ctx, target: &target, is_roomy, title_height };
                columns.ui(ui, |ui, part| parts.ui(ui, part, &mut self.folds));
            });
        });
    }

    fn view_text(&self) -> Option<String> {
        serde_json::to_string(&self.folds).ok()
    }

    fn restore_view(&mut self, text: &str) {
        if let Ok(folds) = serde_json::from_str(text) {
            self.folds = folds;
        }
    }
}

/// The layer that is shown, and what is known of it.
struct Target<'a> {
    network: &'a Network,
    layer: &'a Layer,
    choice: SchemeChoice,
    error: Loaded<LayerError>,
    picture: Loaded<LayerPicture>,
}

/// Draws the parts of the panel, wherever they stand.
struct Parts<'a> {
    ctx: &'a PanelCtx<'a>,
    target: &'a Target<'a>,
    is_roomy: bool,
    title_height: f32,
}

impl Parts<'_> {
    fn ui(&self, ui: &mut Ui, part: Part, folds: &mut Folds) {
        let Target { network, layer, choice, error, picture } = self.target;
        let ctx = self.ctx;
        match part {
            Part::Settings => {
                selection_ui(ui, ctx, (self.target.network, self.target.layer), self.title_height);
                let stats = picture.shown().map(|picture| picture.stats);
                let has_non_finite = has_non_finite(ctx, error, stats.as_ref());
                let shown = Shown { layer, stats: stats.as_ref(), has_non_finite };
                selected_settings_ui(ui, ctx, (choice, &shown), &mut folds.settings);
                all_layers_ui(ui, ctx, network, choice);
            }
            Part::Figures => match error {
                Loaded::Failed(reason) => failure_ui(ui, reason),
                _ => result_ui(ui, (error, picture), (&mut folds.figures, self.is_roomy)),
            },
            Part::Ranges => ranges_ui(ui, ctx, choice, layer.count()),
            Part::Model => fold_ui(ui, ctx, network),
        }
    }
}

/// Whose settings these are, and settings in one click.
fn selection_ui(
    ui: &mut Ui,
    ctx: &PanelCtx,
    (network, layer): (&Network, &Layer),
    title_height: f32,
) {
    let selected = ctx.session.selected_layers();
    let size = egui::vec2(ui.available_width(), title_height);
    let layout = egui::Layout::right_to_left(egui::Align::Center);
    ui.allocate_ui_with_layout(size, layout, |ui| {
        ui.set_min_height(title_height);
        let icon = egui_material_icons::icons::ICON_BOLT;
        icon_menu(ui, icon, "Quick settings", |ui| {
            for quick in QUICK_SETTINGS {
                if ui.button(quick.name).on_hover_text(quick.help).clicked() {
                    edit(ctx, quick.name, |_| quick.choice());
                }
            }
        });
        ui.with_layout(egui::Layout::left_to_right(egui::Align::Center), |ui| {
            let title = match selected.len() {
                1 => layer.name.clone(),
                n_selected => format!("{n_selected} of {} layers", network.layers.len()),
            };
            title_ui(ui, &title, &title);
        });
    });
    let size = egui::vec2(ui.available_width(), theme::CONTROL_HEIGHT);
    let layout = egui::Layout::left_to_right(egui::Align::Center);
    ui.allocate_ui_with_layout(size, layout, |ui| {
        ui.set_min_height(theme::CONTROL_HEIGHT);
        about_ui(ui, ctx, layer, &selected);
    });
    ui.add_space(2.0);
}

/// A line that is there for any selection, so that the settings below keep their place: the layer, or
/// what is to be known of settings of several or of locked ones.
fn about_ui(ui: &mut Ui, ctx: &PanelCtx, layer: &Layer, selected: &[usize]) {
    let theme = Theme::of(ui);
    let n_locked = selected.iter().filter(|&&idx| ctx.session.is_locked(idx)).count();
    if n_locked == 0 {
        let text = if selected.len() > 1 {
            format!("Settings apply to all of them; shown is {}", layer.name)
        } else {
            let shape: Vec<String> = layer.dims.iter().map(ToString::to_string).collect();
            let weights = counted(layer.count(), "weight");
            [layer.op.as_str(), &shape.join("×"), &weights]
                .into_iter()
                .filter(|part| !part.is_empty())
                .collect::<Vec<_>>()
                .join(" · ")
        };
        ui.add(egui::Label::new(RichText::new(text).color(theme.hint)).truncate());
        return;
    }
    let all_locked = n_locked == selected.len();
    let text = match all_locked {
        false => format!("{n_locked} locked, they stay as they are"),
        true => "Locked: nothing changes the settings".to_owned(),
    };
    ui.label(egui_material_icons::icons::ICON_LOCK.rich_text().color(theme.accent));
    ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
        if all_locked && ui.button("Unlock").clicked() {
            ctx.send(Command::ToggleLock);
        }
        ui.with_layout(egui::Layout::left_to_right(egui::Align::Center), |ui| {
            ui.add(egui::Label::new(RichText::new(text).color(theme.label)).truncate());
        });
    });
}

/// What is known of the layer shown.
struct Shown<'a> {
    layer: &'a Layer,
    stats: Option<&'a TensorStats>,
    has_non_finite: bool,
}

/// Whether there are weights that are not numbers; where quantizing failed, perhaps for that, the
/// float weights are asked.
fn has_non_finite(ctx: &PanelCtx, error: &Loaded<LayerError>, stats: Option<&TensorStats>) -> bool {
    if error.failure().is_none() {
        return stats.is_some_and(|stats| stats.n_non_finite() > 0);
    }
    let layer_idx = ctx.session.selection().layer_idx;
    let float = ctx.session.compared_error(layer_idx, &SchemeChoice::float());
    float.ready().is_some_and(|float| float.n_non_finite > 0)
}

/// The settings as controls; none where every selected layer is locked.
fn selected_settings_ui(
    ui: &mut Ui,
    ctx: &PanelCtx,
    (choice, shown): (&SchemeChoice, &Shown),
    is_unfolded: &mut bool,
) {
    let layers = ctx.session.selected_layers();
    let n_locked = layers.iter().filter(|&&idx| ctx.session.is_locked(idx)).count();
    let others: Vec<SchemeChoice> = layers.iter().map(|&idx| ctx.session.choice(idx)).collect();
    let selected = Selected {
        choice,
        others: &others,
        stats: shown.stats,
        has_non_finite: shown.has_non_finite,
        n_axes: shown.layer.dims.len(),
    };
    ui.add_enabled_ui(n_locked < layers.len(), |ui| {
        if let Some(Edited { edit, gesture }) = settings_ui(ui, &selected, is_unfolded) {
            let change = |choice: &SchemeChoice| edit.apply(choice);
            ctx.send(edit_command(ctx.session, &edit.label(), gesture, change));
        }
    });
    if shares_ends(choice) && n_locked < layers.len() {
        shared_ends_ui(ui, ctx);
    }
}

/// Whether a range by hand makes channels share what the settings say is each one's own.
fn shares_ends(choice: &SchemeChoice) -> bool {
    let settings = choice.settings();
    has_typed_ends(choice) && settings.choice("granularity") != "per-tensor"
}

/// What a range by hand does not say of itself, and the way out.
fn shared_ends_ui(ui: &mut Ui, ctx: &PanelCtx) {
    let hint = "One clip by hand for all channels: the same scale for each. Chosen from the weights, every channel gets its own.";
    ui.add_space(2.0);
    note_ui(ui, hint);
    ui.add_space(4.0);
    let button = egui::Button::new("Smallest MSE of each channel");
    let response = ui.add_sized([ui.available_width(), theme::CONTROL_HEIGHT], button);
    let help = "Sets the range to the one with the smallest squared error, channel by channel; Undo brings the clip back";
    if response.on_hover_text(help).clicked() {
        edit(ctx, "range MSE", |choice| choice.with("range", SettingValue::Choice("mse")).ok());
    }
    ui.add_space(2.0);
}

fn all_layers_ui(ui: &mut Ui, ctx: &PanelCtx, network: &Network, choice: &SchemeChoice) {
    let n_layers = network.default_layers().count();
    if n_layers < 2 {
        return;
    }
    ui.add_space(4.0);
    let button = egui::Button::new(format!("Apply to all {n_layers} layers"));
    let response = ui.add_sized([ui.available_width(), theme::CONTROL_HEIGHT], button);
    if response
        .on_hover_text(format!("Every layer becomes {choice}; embeddings stay as they are"))
        .clicked()
    {
        ctx.send(Command::SetAllChoices(choice.clone()));
    }
}

fn failure_ui(ui: &mut Ui, reason: &str) {
    let theme = Theme::of(ui);
    ui.label(RichText::new("✕ Not quantized").font(theme::title(12.0)).color(theme.bad));
    ui.label(reason);
}

fn result_ui(
    ui: &mut Ui,
    (error, picture): (&Loaded<LayerError>, &Loaded<LayerPicture>),
    (unfolded, is_roomy): (&mut Option<bool>, bool),
) {
    let of_channel = picture.shown().and_then(|picture| picture.channel_idx);
    let title = match of_channel {
        Some(channel_idx) => format!("Result on channel {channel_idx}"),
        None => "Result on this layer".to_owned(),
    };
    let state = if error.is_stale() || picture.is_stale() { "computing…" } else { "live" };
    section(ui, &title, state);
    let is_enough = |error: &LayerError| of_channel.is_none() || error.has_channels();
    let Some(shown) = error.shown_if(is_enough) else {
        state_view::pending_ui(ui, "Measuring", crate::base::Progress::default());
        return;
    };
    ui.scope(|ui| {
        if error.is_stale() {
            ui.set_opacity(0.5);
        }
        let picture = picture.shown().map(|picture| &**picture);
        let mut is_unfolded = unfolded.unwrap_or(is_roomy);
        figures_ui(ui, (shown, picture), &mut is_unfolded);
        if is_unfolded != unfolded.unwrap_or(is_roomy) {
            *unfolded = Some(is_unfolded);
        }
    });
}

fn fold_ui(ui: &mut Ui, ctx: &PanelCtx, network: &Network) {
    let theme = Theme::of(ui);
    let n_norms = network.graph.as_ref().map_or(0, |graph| {
        graph.nodes.iter().filter(|node| node.op == "BatchNormalization").count()
    });
    if network.folded.is_empty() && n_norms == 0 {
        return;
    }
    section(ui, "Whole model", "");
    ui.spacing_mut().item_spacing.y = 2.0;
    let mut fold = ctx.session.plan().fold_mode == FoldMode::Fold;
    let response = ui.checkbox(&mut fold, "Fold batch norm");
    let help = "Batch normalization folded into the weights before it, as on devices.\nW′ = γ/√(var + ε) · W\nJacob et al. 2018, arXiv:1712.05877, §3.2";
    if response.on_hover_text(help).changed() {
        ctx.send(Command::SetFold(if fold { FoldMode::Fold } else { FoldMode::Keep }));
    }
    let text = format!("{} folded, {n_norms} left as nodes", network.folded.len());
    ui.label(RichText::new(text).color(theme.hint));
}
