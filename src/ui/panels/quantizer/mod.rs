//! The settings of the selected layer, and what they do to it.

mod ranges;

use egui::{RichText, ScrollArea, Ui};

use crate::base::{bytes, counted, fixed, percent, significant, thousands};
use crate::eval::{LayerError, Sqnr};
use crate::model::{FoldMode, Layer, Network};
use crate::quant::{Grid, SchemeChoice};
use crate::session::{Command, LayerPicture, Loaded};
use crate::tensor::TensorStats;
use crate::ui::actions::{edit, edit_command};
use crate::ui::focus_ring::scroll_to_focus;
use crate::ui::panel::{Panel, PanelCtx, PanelEntry, Place};
use crate::ui::quick_settings::QUICK_SETTINGS;
use crate::ui::settings_editor::{Edited, Selected, settings_ui};
use crate::ui::state_view;
use crate::ui::theme::{self, Theme};
use crate::ui::widgets::{figure_row, icon_menu, number, section, split_bar};

use ranges::ranges_ui;

pub const ENTRY: PanelEntry = PanelEntry {
    id: "quantizer",
    title: "Quantizer",
    place: Place::Right,
    create: || Box::new(QuantizerPanel),
};

struct QuantizerPanel;

impl Panel for QuantizerPanel {
    fn ui(&mut self, ui: &mut Ui, ctx: &PanelCtx) {
        let layer_idx = ctx.session.selection().layer_idx;
        let network = ctx.session.network();
        let Some((network, layer)) = network.and_then(|n| Some((n, n.layers.get(layer_idx)?)))
        else {
            let hint = "The settings of the selected layer will stand here.";
            match network.is_some() {
                true => state_view::empty_ui(ui, "No layer is selected", hint),
                false => state_view::no_model_ui(ui, ctx.session, hint),
            }
            return;
        };
        let picture = ctx.session.picture();
        let error = ctx.session.layer_error(layer_idx);
        let choice = ctx.session.choice(layer_idx);
        // Seen at once: there is more below.
        ui.spacing_mut().scroll = egui::style::ScrollStyle::thin();
        ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
            scroll_to_focus(ui);
            egui::Frame::new().inner_margin(theme::PANEL_MARGIN).show(ui, |ui| {
                // Wider, and a number stands too far from its name.
                ui.set_max_width(ui.available_width().min(560.0));
                selection_ui(ui, ctx, network, layer);
                let stats = picture.shown().map(|picture| picture.stats);
                let has_non_finite = has_non_finite(ctx, &error, stats.as_ref());
                let shown = Shown { layer, stats: stats.as_ref(), has_non_finite };
                selected_settings_ui(ui, ctx, &choice, &shown);
                all_layers_ui(ui, ctx, network, &choice);
                ui.separator();
                match &error {
                    Loaded::Failed(reason) => failure_ui(ui, reason),
                    _ => result_ui(ui, &error, &picture),
                }
                ui.separator();
                ranges_ui(ui, ctx, &choice, layer.count());
                fold_ui(ui, ctx, network);
            });
        });
    }
}

/// Whose settings these are, and settings in one click.
fn selection_ui(ui: &mut Ui, ctx: &PanelCtx, network: &Network, layer: &Layer) {
    let theme = Theme::of(ui);
    let selected = ctx.session.selected_layers();
    ui.horizontal(|ui| {
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
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
                let text = RichText::new(title).font(theme::title(13.0)).color(theme.text);
                ui.add(egui::Label::new(text).truncate());
            });
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

const CLIPPED_HELP: &str = "Weights beyond the last level + half a step.\nround(x/scale) + zero point < qmin or > qmax, before the clamp\nsaturate in ONNX QuantizeLinear";

/// The settings as controls; none where every selected layer is locked.
fn selected_settings_ui(ui: &mut Ui, ctx: &PanelCtx, choice: &SchemeChoice, shown: &Shown) {
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
        if let Some(Edited { edit, gesture }) = settings_ui(ui, &selected) {
            let change = |choice: &SchemeChoice| edit.apply(choice);
            ctx.send(edit_command(ctx.session, &edit.label(), gesture, change));
        }
    });
    if let Some(hint) = by_hand_hint(choice) {
        ui.label(RichText::new(hint).color(Theme::of(ui).hint));
    }
}

/// What a range by hand does not say of itself.
fn by_hand_hint(choice: &SchemeChoice) -> Option<&'static str> {
    let settings = choice.settings();
    let is_shared = settings.choice("range") == "manual"
        && settings.choice("granularity") != "per-tensor"
        && (settings.float("lo").is_some() || settings.float("hi").is_some());
    is_shared.then_some("By hand all channels share the same ends, and so one scale")
}

fn all_layers_ui(ui: &mut Ui, ctx: &PanelCtx, network: &Network, choice: &SchemeChoice) {
    ui.add_space(4.0);
    let n_layers = network.default_layers().count();
    if n_layers < 2 {
        return;
    }
    let button = egui::Button::new(format!("Apply to all {n_layers} layers"));
    let response = ui.add_sized([ui.available_width(), theme::CONTROL_HEIGHT], button);
    if response
        .on_hover_text(format!("Every layer becomes {choice}; embeddings stay as they are"))
        .clicked()
    {
        ctx.send(Command::SetAllChoices(choice.clone()));
    }
    ui.add_space(4.0);
}

fn failure_ui(ui: &mut Ui, reason: &str) {
    let theme = Theme::of(ui);
    ui.label(RichText::new("✕ Not quantized").font(theme::title(12.0)).color(theme.bad));
    ui.label(reason);
}

fn result_ui(ui: &mut Ui, error: &Loaded<LayerError>, picture: &Loaded<LayerPicture>) {
    let of_channel = picture.shown().and_then(|picture| picture.channel_idx);
    let title = match of_channel {
        Some(channel_idx) => format!("Result on channel {channel_idx}"),
        None => "Result on this layer".to_owned(),
    };
    let state = if error.is_stale() || picture.is_stale() { "computing…" } else { "live" };
    section(ui, &title, state);
    let Some(shown) = error.shown() else {
        state_view::pending_ui(ui, "Measuring", crate::base::Progress::default());
        return;
    };
    ui.scope(|ui| {
        if error.is_stale() {
            ui.set_opacity(0.5);
        }
        figures_ui(ui, shown, picture.shown().map(|picture| &**picture));
    });
}

fn figures_ui(ui: &mut Ui, error: &LayerError, picture: Option<&LayerPicture>) {
    let of_channel = picture.and_then(|picture| picture.channel_idx);
    let stats = of_channel.and_then(|idx| error.channels.get(idx)).unwrap_or(&error.total);
    headline_ui(ui, if of_channel.is_some() { stats.sqnr() } else { error.sqnr() });
    figure_row(
        ui,
        "MSE",
        &significant(stats.mse(), 4),
        "Mean squared error over the weights.\nΣ(x − x̂)²/n\nNagel et al. 2021, arXiv:2106.08295, §3.1",
    );
    if stats.mse() > 0.0 {
        parts_ui(ui, stats.rounding_mse() / stats.mse());
    }
    let share = percent(stats.clipped_fraction(), 2);
    let clipped = format!("{} · {share}", thousands(stats.n_clipped));
    figure_row(ui, "Clipped weights", &clipped, CLIPPED_HELP);
    figure_row(
        ui,
        "Largest error",
        &significant(stats.max_abs_error, 3),
        "The largest distance of a weight from its value: scale/2 at most where nothing is clipped.\nmax |x − x̂|\nONNX QuantizeLinear rounds to nearest",
    );
    if let Some(cosine) = stats.cosine() {
        figure_row(
            ui,
            "Cosine",
            &fixed(cosine, 5),
            "Cosine similarity: 1 where weights and values have the same direction.\nΣx·x̂ / √(Σx² · Σx̂²)\nscipy.spatial.distance.cosine is 1 minus this",
        );
    }
    if error.n_non_finite > 0 {
        let count = thousands(error.n_non_finite);
        figure_row(
            ui,
            "NaN, infinite",
            &count,
            "Weights that are not finite; they count as zero.\nx = NaN or |x| = ∞\nIEEE 754-2019, §6",
        );
    }
    if let Some(picture) = picture {
        picture_figures_ui(ui, picture);
    }
    size_figures_ui(ui, error);
}

fn headline_ui(ui: &mut Ui, sqnr: Sqnr) {
    let theme = Theme::of(ui);
    let row = ui.horizontal(|ui| match sqnr {
        Sqnr::Db(db) => {
            number(ui, &fixed(db, 2), 22.0, theme.text);
            ui.label(RichText::new("dB SQNR").color(theme.label));
        }
        other => {
            let text = RichText::new(case_name(other)).font(theme::title(14.0));
            ui.label(text.color(theme.text));
        }
    });
    let help = "Signal-to-quantization-noise ratio, sums over the weights; one bit more is about 6 dB.\n10·log₁₀(Σx² / Σ(x − x̂)²) dB\nGray & Neuhoff 1998, Quantization, IEEE Trans. Inf. Theory 44(6)";
    row.response.on_hover_text(help);
}

/// Rounding against clipping error, as a bar and in words.
fn parts_ui(ui: &mut Ui, rounding: f64) {
    let theme = Theme::of(ui);
    split_bar(ui, rounding as f32, theme.rounding, theme.clipping);
    let row = ui.horizontal(|ui| {
        ui.label(RichText::new(format!("rounding {}", percent(rounding, 0))).color(theme.label));
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            let clipping = format!("clipping {}", percent(1.0 - rounding, 0));
            ui.label(RichText::new(clipping).color(theme.label));
        });
    });
    let help = "The squared error of weights that are not clipped, and of those that are.\nΣ(x − x̂)²/n over each; the two sum to the MSE\nNagel et al. 2021, arXiv:2106.08295, §3.1";
    row.response.on_hover_text(help);
}

fn case_name(sqnr: Sqnr) -> &'static str {
    match sqnr {
        Sqnr::Exact => "Exact: no error",
        Sqnr::NoSignal => "No signal: all weights are 0",
        Sqnr::NonFinite => "NaN or infinite weights",
        Sqnr::Db(_) => "",
    }
}

fn picture_figures_ui(ui: &mut Ui, picture: &LayerPicture) {
    match &picture.grid {
        Some(Grid::Uniform { params, .. }) => {
            let text =
                format!("{}, {}", significant(f64::from(params.scale), 4), params.zero_point);
            figure_row(
                ui,
                "Scale, zero point",
                &text,
                "The step between levels, and the code of 0.\nx̂ = scale · (code − zero point)\nJacob et al. 2018, arXiv:1712.05877, eq. 1",
            );
        }
        Some(Grid::Continuous) => {}
        None => {
            let text = thousands(picture.n_groups);
            figure_row(
                ui,
                "Scales",
                &text,
                "Groups of weights, each with a scale of its own.\nchannels · ⌈length/group size⌉ scales\nONNX QuantizeLinear, blocked",
            );
        }
    }
    if let Some(usage) = &picture.usage {
        let n_codes = usage.counts.len();
        let text = format!("{} of {}", thousands(usage.n_used()), thousands(n_codes));
        figure_row(
            ui,
            "Codes in use",
            &text,
            "Codes that occur at least once, of all there are.\n|{code(x)}| of qmax − qmin + 1\nONNX QuantizeLinear names the codes",
        );
        let text = format!(
            "{} of {} bits",
            fixed(usage.entropy_bits(), 2),
            fixed((n_codes as f64).log2(), 2)
        );
        figure_row(
            ui,
            "Code entropy",
            &text,
            "Bits that a code would take under ideal entropy coding, p being the share of each code.\n−Σ p·log₂ p\nShannon 1948, §6",
        );
    }
}

fn size_figures_ui(ui: &mut Ui, error: &LayerError) {
    if let Some(bits) = error.bits_per_weight() {
        let help = "Stored bits over weights, with everything needed to decode them.\n(n·b + scales·32 + zero points·b)/n\nScales are stored as 32-bit floats, IEEE 754 binary32";
        figure_row(ui, "Bits per weight", &fixed(bits, 3), help);
        let float_bytes = error.total.count as u64 * 4;
        let text = format!("{} → {}", bytes(float_bytes), bytes(error.stored_bytes()));
        figure_row(
            ui,
            "Stored size",
            &text,
            "As 32-bit floats, and quantized with all that decoding needs.\n4·n bytes → ⌈bits/8⌉ bytes\nDecimal units: 1 kB = 1000 bytes (IEC 80000-13)",
        );
    }
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
    let mut fold = ctx.session.plan().fold_mode == FoldMode::Fold;
    let response = ui.checkbox(&mut fold, "Fold batch norm");
    let help = "Batch normalization folded into the weights before it, as on devices.\nW′ = γ/√(var + ε) · W\nJacob et al. 2018, arXiv:1712.05877, §3.2";
    if response.on_hover_text(help).changed() {
        ctx.send(Command::SetFold(if fold { FoldMode::Fold } else { FoldMode::Keep }));
    }
    let text = format!("{} folded, {n_norms} left as nodes", network.folded.len());
    ui.label(RichText::new(text).color(theme.hint));
}
