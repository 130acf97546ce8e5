//! The model's card: what it is, what to try, what it was made from; and what the file says.

use egui::{Label, RichText, ScrollArea, Ui};

use crate::base::{bytes, counted, fixed, percent, thousands};
use crate::eval::Metric;
use crate::model::{Card, CardMetric, Network};
use crate::quant::SchemeChoice;
use crate::session::Command;
use crate::ui::focus_ring::scroll_to_focus;
use crate::ui::panel::{Panel, PanelCtx, PanelEntry, Place};
use crate::ui::state_view;
use crate::ui::theme::{self, Theme};
use crate::ui::widgets::{centred_ui, figure_row, name_it};

pub const ENTRY: PanelEntry = PanelEntry {
    id: "model",
    title: "Model",
    place: Place::Right,
    create: || Box::new(ModelPanel),
};

struct ModelPanel;

/// Longer lines are no pleasure to read.
const MAX_WIDTH: f32 = 620.0;
/// Between two sections.
const GAP: f32 = 10.0;

impl Panel for ModelPanel {
    fn ui(&mut self, ui: &mut Ui, ctx: &PanelCtx) {
        let Some(network) = ctx.session.network() else {
            state_view::no_model_ui(ui, ctx.session, "What it is and where it is from.");
            return;
        };
        // Seen at once: there is more below.
        ui.spacing_mut().scroll = egui::style::ScrollStyle::thin();
        ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
            scroll_to_focus(ui);
            let margin = egui::Margin::symmetric(theme::PANEL_MARGIN as i8, 8);
            egui::Frame::new().inner_margin(margin).show(ui, |ui| {
                centred_ui(ui, MAX_WIDTH, |ui| {
                    ui.spacing_mut().item_spacing.y = 4.0;
                    card_ui(ui, ctx, network);
                });
            });
        });
    }
}

fn card_ui(ui: &mut Ui, ctx: &PanelCtx, network: &Network) {
    let theme = Theme::of(ui);
    let card = &network.model.card;
    let title = RichText::new(&network.model.title).font(theme::title(16.0)).color(theme.text);
    ui.add(Label::new(title).wrap().selectable(true));
    if let Some(teaches) = &card.teaches {
        paragraph_ui(ui, teaches, theme.text);
    }
    ui.add_space(GAP / 2.0);
    facts_ui(ui, ctx, network);
    if !card.tries.is_empty() {
        heading_ui(ui, "Try");
        for text in &card.tries {
            try_ui(ui, ctx, text);
        }
    }
    for (title, text) in [
        ("What it is", &card.description),
        ("Data", &card.data),
        ("Training", &card.trained),
        ("Licence", &card.licence),
        ("Source", &card.source),
    ] {
        if let Some(text) = text {
            heading_ui(ui, title);
            paragraph_ui(ui, text, theme.label);
        }
    }
    for (key, text) in card.more.iter().chain(&network.model.metadata) {
        heading_ui(ui, key);
        paragraph_ui(ui, text, theme.label);
    }
    if *card == Card::default() {
        heading_ui(ui, "Card");
        let text = "The file has no card. One is text in JSON under the key quantscope.card of the file's metadata: title, licence, source, classes, and what else is worth knowing.";
        paragraph_ui(ui, text, theme.label);
    }
    if !network.model.warnings.is_empty() {
        heading_ui(ui, "Not understood");
        for warning in &network.model.warnings {
            paragraph_ui(ui, &format!("! {warning}"), theme.label);
        }
    }
}

fn facts_ui(ui: &mut Ui, ctx: &PanelCtx, network: &Network) {
    let n_weights: usize =
        network.layers.iter().map(|layer| layer.dims.iter().product::<usize>()).sum();
    let (n_layers, n_default) = (network.layers.len(), network.default_layers().count());
    let layers = match n_layers == n_default {
        true => thousands(n_layers),
        false => format!("{}, {} without embeddings", thousands(n_layers), thousands(n_default)),
    };
    let help =
        "Weights that can be quantized; embeddings stay in float until they are chosen one by one";
    figure_row(ui, "Layers", &layers, help);
    figure_row(ui, "Weights", &thousands(n_weights), "Numbers in all layers");
    if let Some(size) = ctx.session.size() {
        let help = "Float tensors the network reads, at the width they are stored in";
        figure_row(ui, "Size as stored", &bytes(size.size.float_bytes), help);
    }
    if let Some(graph) = &network.graph {
        let help = format!("{} after folding", counted(graph.nodes.len(), "node"));
        figure_row(ui, "Operators", &thousands(graph.nodes.len()), &help);
    }
    figure_row(ui, "Format", network.model.format, "What the file was read as");
    let card = &network.model.card;
    if let Some(metric) = &card.metric {
        metric_ui(ui, ctx, metric);
    }
    if let Some(critical) = &card.critical {
        let help = "The class whose recall is the figure that counts; Accuracy shows it first";
        figure_row(ui, "Critical class", critical, help);
    }
}

/// What the card states of the float model, and what was found here.
fn metric_ui(ui: &mut Ui, ctx: &PanelCtx, stated: &CardMetric) {
    let (name, is_share) = match stated.name.as_str() {
        "top1" => ("Float top-1, stated", true),
        "perplexity" => ("Float perplexity, stated", false),
        _ => ("Float metric, stated", false),
    };
    let text = |value: f64| if is_share { percent(value, 2) } else { fixed(value, 3) };
    let samples = stated.samples.map(|n| format!(" on {n} samples")).unwrap_or_default();
    let split = stated.split.as_ref().map(|split| format!(" of {split}")).unwrap_or_default();
    figure_row(
        ui,
        name,
        &text(stated.value),
        &format!("On the card: {}{samples}{split}", stated.name),
    );
    let accuracy = ctx.session.accuracy();
    let Some(found) = accuracy.ready().filter(|accuracy| {
        let is_same = match accuracy.metric {
            Metric::Top1 => is_share,
            Metric::Perplexity => stated.name == "perplexity",
            Metric::Agreement => false,
        };
        is_same && stated.samples == Some(accuracy.n_samples as u64)
    }) else {
        return;
    };
    if let Some(float) = found.float {
        let tolerance = stated.tolerance.unwrap_or(1e-3 * stated.value.abs().max(1e-3));
        let is_near = (float.value - stated.value).abs() <= tolerance;
        let sign = if is_near { "✓" } else { "✕" };
        let help = if is_near {
            format!("Measured here, within {} of what the card states", text(tolerance))
        } else {
            format!("Measured here, further than {} from what the card states", text(tolerance))
        };
        figure_row(ui, "Measured here", &format!("{sign} {}", text(float.value)), &help);
        let interval = format!("{} to {}", text(float.ci95.0), text(float.ci95.1));
        let name = format!("95 % interval, n = {}", thousands(found.n_samples));
        let help = "Where the figure of all such samples lies, as far as these samples tell";
        figure_row(ui, &name, &interval, help);
    }
}

/// A sentence; the schemes in it are buttons.
fn try_ui(ui: &mut Ui, ctx: &PanelCtx, text: &str) {
    let theme = Theme::of(ui);
    ui.horizontal_top(|ui| {
        ui.spacing_mut().item_spacing.x = 0.0;
        // As high as the first line, which it stands beside.
        ui.horizontal(|ui| ui.label(RichText::new("•  ").color(theme.hint)));
        ui.horizontal_wrapped(|ui| try_words_ui(ui, ctx, text));
    });
}

fn try_words_ui(ui: &mut Ui, ctx: &PanelCtx, text: &str) {
    let theme = Theme::of(ui);
    for (idx, part) in text.split('`').enumerate() {
        if part.is_empty() {
            continue;
        }
        let choice = if idx % 2 == 1 { part.parse::<SchemeChoice>().ok() } else { None };
        match choice {
            None if idx % 2 == 1 => {
                ui.label(RichText::new(part).font(theme::mono(12.0)).color(theme.text));
            }
            None => {
                ui.label(RichText::new(part).color(theme.text));
            }
            Some(choice) => apply_ui(ui, ctx, part, choice),
        }
    }
}

fn apply_ui(ui: &mut Ui, ctx: &PanelCtx, spec: &str, choice: SchemeChoice) {
    let theme = Theme::of(ui);
    let text = RichText::new(spec).font(theme::mono(12.0)).color(theme.accent);
    let response = ui.add(egui::Button::new(text).small());
    name_it(&response, &format!("Set all layers to {spec}"));
    if response.on_hover_text("Sets every layer to this; Undo takes it back").clicked() {
        ctx.send(Command::SetAllChoices(choice));
    }
}

fn heading_ui(ui: &mut Ui, text: &str) {
    let colour = Theme::of(ui).text;
    ui.add_space(GAP);
    ui.label(RichText::new(text).font(theme::title(12.0)).color(colour));
}

fn paragraph_ui(ui: &mut Ui, text: &str, colour: egui::Color32) {
    ui.add(Label::new(RichText::new(text).color(colour)).wrap().selectable(true));
}
