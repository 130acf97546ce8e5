//! The strip with the whole model's figures: size, bits, accuracy.

use egui::{RichText, Ui, vec2};

use super::panel::PanelCtx;
use super::theme::{self, Theme};
use super::widgets::{caption, intervals, number};
use crate::base::{MINUS, bytes, fixed, percent, significant, thousands};
use crate::eval::{Accuracy, Comparison, Estimate, Metric};
use crate::session::Loaded;

/// Draws the strip; empty without a model.
pub fn header_ui(ui: &mut Ui, ctx: &PanelCtx) {
    let Some(network) = ctx.session.network() else {
        return;
    };
    let accuracy = ctx.session.accuracy();
    let size = ctx.session.size();
    let theme = Theme::of(ui);
    ui.spacing_mut().item_spacing = vec2(6.0, 2.0);
    // Captions and numbers are no controls: rows are as high as their text.
    ui.spacing_mut().interact_size.y = 18.0;
    ui.style_mut().wrap_mode = Some(egui::TextWrapMode::Extend);
    egui::ScrollArea::horizontal().auto_shrink(false).show(ui, |ui| {
        ui.horizontal_centered(|ui| {
            cell_ui(ui, |ui| {
                let title = RichText::new(&network.model.title).font(theme::title(14.0));
                let title = egui::Label::new(title.color(theme.text)).truncate();
                ui.allocate_ui(vec2(200.0, 20.0), |ui| ui.add(title))
                    .inner
                    .on_hover_text(card_text(network));
                caption(ui, &format!("{} parameters", thousands(network.n_parameters())));
            });
            cell_ui(ui, |ui| {
                caption(ui, "Size").on_hover_text(
                    "Every float tensor, and the same with the quantized layers stored as codes, scales and zero points",
                );
                ui.horizontal(|ui| match size {
                    None => {
                        number(ui, "…", 14.0, theme.hint);
                    }
                    Some(size) => {
                        number(ui, &bytes(size.float_bytes), 14.0, theme.text);
                        arrow(ui);
                        number(ui, &bytes(size.quantized_bytes), 14.0, theme.quantized);
                        if size.quantized_bytes > 0 {
                            let ratio = size.float_bytes as f64 / size.quantized_bytes as f64;
                            ui.label(RichText::new(format!("{}×", fixed(ratio, 1))).color(theme.hint));
                        }
                    }
                });
            });
            cell_ui(ui, |ui| {
                caption(ui, "Bits per weight").on_hover_text(
                    "Over the quantized layers: codes and everything needed to decode them",
                );
                let bits = size.and_then(|size| size.bits_per_weight);
                let text = bits.map_or_else(|| "–".to_owned(), |bits| fixed(bits, 2));
                number(ui, &text, 14.0, theme.quantized);
            });
            accuracy_ui(ui, ctx, &accuracy);
        });
    });
}

fn card_text(network: &crate::model::Network) -> String {
    let card = &network.model.card;
    let mut lines = vec![network.model.title.clone()];
    lines.extend(card.licence.iter().map(|licence| format!("Licence: {licence}")));
    lines.extend(card.source.iter().map(|source| format!("Source: {source}")));
    lines.extend(card.more.iter().map(|(key, text)| format!("{key}: {text}")));
    lines.join("\n")
}

/// A block of the strip, with a line on its right.
fn cell_ui(ui: &mut Ui, content: impl FnOnce(&mut Ui)) {
    ui.add_space(theme::PANEL_MARGIN);
    ui.vertical(|ui| {
        ui.add_space(10.0);
        content(ui);
    });
    ui.add_space(theme::PANEL_MARGIN - 4.0);
    let x = ui.cursor().left();
    let range = ui.max_rect().y_range();
    ui.painter().vline(x, range, egui::Stroke::new(1.0, Theme::of(ui).line));
}

fn arrow(ui: &mut Ui) {
    let colour = Theme::of(ui).hint;
    let icon = egui_material_icons::icons::ICON_ARROW_FORWARD.rich_text();
    ui.label(icon.size(13.0).color(colour));
}

fn accuracy_ui(ui: &mut Ui, ctx: &PanelCtx, accuracy: &Loaded<Accuracy>) {
    let theme = Theme::of(ui);
    if let Some(reason) = accuracy.failure() {
        cell_ui(ui, |ui| {
            caption(ui, "Accuracy");
            // Without samples there is nothing wrong, only nothing to measure on.
            let text = match ctx.session.samples() {
                None => RichText::new(reason).color(theme.hint),
                Some(_) => RichText::new(format!("✕ {reason}")).color(theme.bad),
            };
            ui.allocate_ui(vec2(420.0, 18.0), |ui| ui.add(egui::Label::new(text).truncate()))
                .inner
                .on_hover_text(reason);
        });
        return;
    }
    let Some(shown) = accuracy.shown() else {
        cell_ui(ui, |ui| {
            caption(ui, "Accuracy");
            number(ui, "running…", 14.0, theme.hint);
        });
        return;
    };
    let opacity = if accuracy.is_stale() { 0.5 } else { 1.0 };
    ui.set_opacity(opacity);
    let set = ctx.session.samples().map(|samples| samples.name.clone()).unwrap_or_default();
    let running = accuracy.ready().is_none();
    cell_ui(ui, |ui| metric_ui(ui, shown, &set, running));
    if let Some(float) = shown.float.filter(|_| ui.clip_rect().width() > 1360.0) {
        cell_ui(ui, |ui| {
            intervals(ui, float, shown.quantized, vec2(112.0, 34.0));
        });
    }
    if let Some(comparison) = &shown.comparison {
        comparison_ui(ui, comparison, shown.metric);
    }
    ui.set_opacity(1.0);
}

/// Float, quantized, their intervals, and on how many samples.
fn metric_ui(ui: &mut Ui, accuracy: &Accuracy, set: &str, running: bool) {
    let theme = Theme::of(ui);
    let name = match accuracy.metric {
        Metric::Top1 => "Top-1 accuracy",
        Metric::Perplexity => "Perplexity",
        Metric::Agreement => "Same answer as float",
    };
    let unit = if accuracy.metric == Metric::Perplexity { "rows" } else { "samples" };
    let seen = match running {
        true => format!("{} of {}, running", accuracy.n_samples, accuracy.n_total),
        false => format!("{} {unit}", thousands(accuracy.n_samples)),
    };
    ui.horizontal(|ui| {
        caption(ui, &format!("{name}, 95 % interval ·"))
            .on_hover_text(format!("Measured on {set}"));
        let colour = if running { theme.accent } else { theme.label };
        ui.label(RichText::new(seen).color(colour));
    });
    ui.horizontal(|ui| {
        if let Some(float) = accuracy.float {
            estimate_ui(ui, float, accuracy.metric, theme.text);
        }
        if let Some(quantized) = accuracy.quantized {
            if accuracy.float.is_some() {
                arrow(ui);
            }
            estimate_ui(ui, quantized, accuracy.metric, theme.quantized);
        }
    });
}

fn estimate_ui(ui: &mut Ui, estimate: Estimate, metric: Metric, colour: egui::Color32) {
    let hint = Theme::of(ui).hint;
    let (lo, hi) = estimate.ci95;
    let reach = (hi - lo) / 2.0;
    let (value, reach, range) = match metric {
        Metric::Perplexity => (
            fixed(estimate.value, 3),
            fixed(reach, 2),
            format!("{} to {}", fixed(lo, 3), fixed(hi, 3)),
        ),
        _ => (
            percent(estimate.value, 1),
            fixed(reach * 100.0, 1),
            format!("{} to {}", percent(lo, 1), percent(hi, 1)),
        ),
    };
    number(ui, &value, 14.0, colour).on_hover_text(format!("95 % interval: {range}"));
    let text = RichText::new(format!("±{reach}")).font(theme::mono(11.0)).color(hint);
    ui.label(text).on_hover_text(format!("95 % interval: {range}"));
}

fn comparison_ui(ui: &mut Ui, comparison: &Comparison, metric: Metric) {
    let theme = Theme::of(ui);
    if let Some(difference) = comparison.difference {
        cell_ui(ui, |ui| {
            caption(ui, "Difference").on_hover_text(
                "Quantized minus float, with its 95 % interval (paired: Newcombe for accuracy, bootstrap for perplexity)",
            );
            let scale = if metric == Metric::Perplexity { 1.0 } else { 100.0 };
            let decimals = if metric == Metric::Perplexity { 3 } else { 1 };
            let signed = |x: f64| {
                let text = fixed(x * scale, decimals);
                if text.starts_with(MINUS) || x == 0.0 { text } else { format!("+{text}") }
            };
            ui.horizontal(|ui| {
                let unit = if metric == Metric::Perplexity { "" } else { " pt" };
                let value = format!("{}{unit}", signed(difference.value));
                number(ui, &value, 14.0, theme.text);
                let (lo, hi) = difference.ci95;
                let text = format!("{} to {}", signed(lo), signed(hi));
                ui.label(RichText::new(text).font(theme::mono(11.0)).color(theme.hint));
            });
        });
    }
    if let (Some(broken), Some(fixed_count)) = (comparison.broken, comparison.fixed) {
        cell_ui(ui, |ui| {
            caption(ui, "Broken / fixed")
                .on_hover_text("Samples right before and wrong after, and the other way round");
            ui.horizontal(|ui| {
                number(ui, &format!("✕ {broken}"), 14.0, theme.bad);
                number(ui, &format!("✓ {fixed_count}"), 14.0, theme.rounding);
            });
        });
    }
    if let Some(p) = comparison.mcnemar_p {
        cell_ui(ui, |ui| p_ui(ui, p));
    }
}

fn p_ui(ui: &mut Ui, p: f64) {
    let theme = Theme::of(ui);
    caption(ui, "McNemar p").on_hover_text(
        "How likely so uneven a split of broken and fixed would be if both were equally likely (exact, two-sided)",
    );
    ui.horizontal(|ui| {
        let text = if p < 1e-4 { "<0.0001".to_owned() } else { significant(p, 3) };
        number(ui, &text, 14.0, theme.text);
        let verdict = if p < 0.05 { "differs from float" } else { "not told apart from float" };
        if ui.clip_rect().width() > 1440.0 {
            ui.label(RichText::new(verdict).color(theme.hint));
        }
    });
}
