//! The strip with the whole model's figures: size, bits, accuracy.

use egui::{Align, Layout, RichText, Ui, vec2};

use super::accuracy_text::{
    Measured, MetricText, P_HELP, metric_help, metric_name, p_text, p_verdict,
};
use super::panel::PanelCtx;
use super::theme::{self, Theme};
use super::widgets::{caption, intervals, number};
use crate::base::{bytes, counted, fixed, thousands};
use crate::eval::{Accuracy, Comparison, Estimate};
use crate::session::{KnownSize, Loaded};

/// How much the strip says, by the room it has; tooltips say all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Detail {
    /// Figures without how sure they are.
    Least,
    /// Figures without what can be read from them.
    Brief,
    Full,
    /// With the intervals drawn, and what p says.
    Drawn,
}

impl Detail {
    fn of(width: f32) -> Self {
        match width {
            width if width < 968.0 => Self::Least,
            width if width < 1264.0 => Self::Brief,
            width if width < 1560.0 => Self::Full,
            _ => Self::Drawn,
        }
    }

    fn is_brief(self) -> bool {
        matches!(self, Self::Least | Self::Brief)
    }
}

/// Draws the strip; empty without a model.
pub fn header_ui(ui: &mut Ui, ctx: &PanelCtx) {
    let Some(network) = ctx.session.network() else {
        return;
    };
    let accuracy = ctx.session.accuracy();
    let size = ctx.session.size();
    ui.spacing_mut().item_spacing = vec2(6.0, 2.0);
    // Captions and numbers are no controls: rows are as high as their text.
    ui.spacing_mut().interact_size.y = 18.0;
    ui.style_mut().wrap_mode = Some(egui::TextWrapMode::Extend);
    let detail = Detail::of(ui.available_width());
    let title_width = if detail.is_brief() { 150.0 } else { 200.0 };
    egui::ScrollArea::horizontal().auto_shrink(false).show(ui, |ui| {
        ui.horizontal_centered(|ui| {
            cell_ui(
                ui,
                |ui| {
                    let theme = Theme::of(ui);
                    let title = RichText::new(&network.model.title).font(theme::title(14.0));
                    let title = egui::Label::new(title.color(theme.text)).truncate();
                    ui.allocate_ui(vec2(title_width, ROW_HEIGHT), |ui| ui.add(title))
                        .inner
                        .on_hover_text(card_text(network));
                },
                |ui| {
                    caption(ui, &counted(network.n_parameters(), "parameter"));
                },
            );
            size_ui(ui, size, detail);
            accuracy_ui(ui, ctx, (&accuracy, detail));
        });
    });
}

fn card_text(network: &crate::model::Network) -> String {
    let card = &network.model.card;
    let mut lines = vec![network.model.title.clone()];
    lines.extend(card.teaches.clone());
    lines.extend(card.licence.iter().map(|licence| format!("Licence: {licence}")));
    lines.extend(card.source.iter().map(|source| format!("Source: {source}")));
    lines.extend(card.more.iter().map(|(key, text)| format!("{key}: {text}")));
    lines.join("\n")
}

const ROW_HEIGHT: f32 = 20.0;

/// A block of the strip, with a line on its right: a caption over figures. All blocks have these
/// two rows at the same heights.
fn cell_ui(ui: &mut Ui, caption: impl FnOnce(&mut Ui), figures: impl FnOnce(&mut Ui)) {
    ui.add_space(theme::PANEL_MARGIN);
    ui.vertical(|ui| {
        ui.spacing_mut().item_spacing.y = 0.0;
        ui.add_space(((ui.available_height() - 2.0 * ROW_HEIGHT) / 2.0).max(0.0));
        row_ui(ui, caption);
        row_ui(ui, figures);
    });
    ui.add_space(theme::PANEL_MARGIN - 4.0);
    let x = ui.cursor().left();
    let range = ui.max_rect().y_range();
    ui.painter().vline(x, range, egui::Stroke::new(1.0, Theme::of(ui).line));
}

fn row_ui(ui: &mut Ui, content: impl FnOnce(&mut Ui)) {
    let size = vec2(0.0, ROW_HEIGHT);
    ui.allocate_ui_with_layout(size, Layout::left_to_right(Align::Center), |ui| {
        ui.set_min_height(ROW_HEIGHT);
        content(ui);
    });
}

fn arrow(ui: &mut Ui) {
    let colour = Theme::of(ui).hint;
    let icon = egui_material_icons::icons::ICON_ARROW_FORWARD.rich_text();
    ui.label(icon.size(13.0).color(colour));
}

fn small(ui: &mut Ui, text: &str) -> egui::Response {
    let hint = Theme::of(ui).hint;
    ui.label(RichText::new(text).font(theme::mono(11.0)).color(hint))
}

/// Bytes, and bits for each weight, before and after.
fn size_ui(ui: &mut Ui, known: Option<KnownSize>, detail: Detail) {
    let theme = Theme::of(ui);
    let size_help = "Every float tensor, and the same with the quantized layers stored as codes, scales and zero points";
    let bits_help = "Over the quantized layers alone, while the size counts all tensors: as the model stores them, and with these settings the codes and everything needed to decode them";
    let head = |name, help| {
        move |ui: &mut Ui| {
            caption(ui, name).on_hover_text(help);
        }
    };
    let size = known.map(|known| known.size);
    // Schemes that are fitted first are measured layer by layer.
    let counting = known.filter(|known| !known.is_whole());
    cell_ui(ui, head("Size", size_help), |ui| match size {
        None => {
            number(ui, "…", 14.0, theme.hint);
        }
        Some(size) => {
            number(ui, &bytes(size.float_bytes), 14.0, theme.text);
            arrow(ui);
            if let Some(known) = counting {
                counting_ui(ui, known);
                return;
            }
            number(ui, &bytes(size.quantized_bytes), 14.0, theme.quantized);
            if size.quantized_bytes > 0 && !detail.is_brief() {
                let ratio = size.float_bytes as f64 / size.quantized_bytes as f64;
                small(ui, &format!("{}×", fixed(ratio, 1))).on_hover_text("So many times smaller");
            }
        }
    });
    let bits_name =
        if detail == Detail::Least { "Bits per weight" } else { "Bits per quantized weight" };
    cell_ui(ui, head(bits_name, bits_help), |ui| {
        match size.map(|size| (size.stored_bits_per_weight, size.bits_per_weight)) {
            None => {
                number(ui, "…", 14.0, theme.hint);
            }
            Some((None, _)) => {
                number(ui, "–", 14.0, theme.hint);
            }
            Some((Some(stored), given)) => {
                number(ui, &fixed(stored, 2), 14.0, theme.text);
                arrow(ui);
                if let Some(known) = counting {
                    counting_ui(ui, known);
                    return;
                }
                number(ui, &fixed(given.unwrap_or(stored), 2), 14.0, theme.quantized);
            }
        }
    });
}

/// Of how many layers the size is known, where it is not of all.
fn counting_ui(ui: &mut Ui, known: KnownSize) {
    let text = format!("{} of {}", thousands(known.n_known), counted(known.n_layers, "layer"));
    small(ui, &text).on_hover_text("Their schemes are fitted to the weights before it is known");
}

fn accuracy_ui(ui: &mut Ui, ctx: &PanelCtx, (accuracy, detail): (&Loaded<Accuracy>, Detail)) {
    let theme = Theme::of(ui);
    let head = |ui: &mut Ui| {
        caption(ui, "Accuracy");
    };
    if let Some(reason) = accuracy.failure() {
        cell_ui(ui, head, |ui| {
            // Without samples there is nothing wrong, only nothing to measure on.
            let is_wrong = ctx.session.samples().is_some() && !reason.starts_with("cancelled");
            let text = match is_wrong {
                false => RichText::new(short_reason(ctx, reason)).color(theme.hint),
                true => RichText::new(format!("✕ {reason}")).color(theme.bad),
            };
            let left = ui.cursor().left() + theme::PANEL_MARGIN;
            let room = (ui.ctx().content_rect().right() - left).max(240.0);
            ui.allocate_ui(vec2(room, 18.0), |ui| ui.add(egui::Label::new(text).truncate()))
                .inner
                .on_hover_text(if is_wrong { reason.to_owned() } else { capitalised(reason) });
        });
        return;
    }
    let Some(shown) = accuracy.shown() else {
        cell_ui(ui, head, |ui| {
            ui.label(RichText::new("running…").color(theme.accent));
        });
        return;
    };
    ui.set_opacity(if accuracy.is_stale() { 0.5 } else { 1.0 });
    let set = ctx.session.samples().map(|samples| samples.name.clone()).unwrap_or_default();
    metric_ui(ui, (shown, Measured::of(accuracy)), (&set, detail));
    if let Some(float) = shown.float.filter(|_| detail == Detail::Drawn) {
        ui.add_space(theme::PANEL_MARGIN);
        ui.vertical(|ui| {
            ui.add_space(((ui.available_height() - 34.0) / 2.0).max(0.0));
            intervals(ui, float, shown.quantized, vec2(112.0, 34.0));
        });
        ui.add_space(theme::PANEL_MARGIN - 4.0);
        let line = egui::Stroke::new(1.0, theme.line);
        ui.painter().vline(ui.cursor().left(), ui.max_rect().y_range(), line);
    }
    if let Some(comparison) = &shown.comparison {
        comparison_ui(ui, comparison, (MetricText::of(shown), detail));
    }
    ui.set_opacity(1.0);
}

/// Why there is no accuracy where nothing is wrong; the way out is under the pointer.
fn short_reason(ctx: &PanelCtx, reason: &str) -> String {
    let has_graph = ctx.session.network().is_some_and(|network| network.graph.is_some());
    if has_graph { capitalised(reason) } else { "No graph in the file".to_owned() }
}

/// As a sentence begins, unless it begins with the name of something.
fn capitalised(reason: &str) -> String {
    let first = reason.split(' ').next().unwrap_or_default();
    let is_word = first.chars().all(|letter| letter.is_ascii_lowercase());
    let mut letters = reason.chars();
    match letters.next().filter(|_| is_word) {
        Some(letter) => letter.to_uppercase().chain(letters).collect(),
        None => reason.to_owned(),
    }
}

/// Float, quantized, their intervals, and on how many samples.
fn metric_ui(
    ui: &mut Ui,
    (accuracy, measured): (&Accuracy, Measured),
    (set, detail): (&str, Detail),
) {
    let theme = Theme::of(ui);
    let unit = if accuracy.n_tokens.is_some() { "rows" } else { "samples" };
    let whole = || format!("{} {unit}", thousands(accuracy.n_samples));
    let colour = if measured == Measured::Whole { theme.label } else { theme.accent };
    let seen = measured.running_text().unwrap_or_else(whole);
    let text = MetricText::of(accuracy);
    cell_ui(
        ui,
        |ui| {
            let name = metric_name(accuracy.metric);
            let help = format!("{}. Measured on {set}", metric_help(accuracy.metric));
            let interval = if detail.is_brief() { "" } else { ", 95 % interval" };
            // The dot has its own space.
            ui.spacing_mut().item_spacing.x = 3.0;
            caption(ui, &format!("{name}{interval} ·")).on_hover_text(help);
            ui.label(RichText::new(seen).color(colour));
        },
        |ui| {
            if let Some(float) = accuracy.float {
                estimate_ui(ui, (float, text, detail), theme.text);
            }
            if let Some(quantized) = accuracy.quantized {
                if accuracy.float.is_some() {
                    arrow(ui);
                }
                estimate_ui(ui, (quantized, text, detail), theme.quantized);
            }
        },
    );
}

fn estimate_ui(
    ui: &mut Ui,
    (estimate, text, detail): (Estimate, MetricText, Detail),
    colour: egui::Color32,
) {
    let help = format!("95 % interval: {}", text.range(estimate.ci95));
    number(ui, &text.value(estimate.value), 14.0, colour).on_hover_text(&help);
    if detail != Detail::Least {
        small(ui, &text.reach(estimate)).on_hover_text(help);
    }
}

fn comparison_ui(ui: &mut Ui, comparison: &Comparison, (text, detail): (MetricText, Detail)) {
    let theme = Theme::of(ui);
    if let Some(difference) = comparison.difference {
        let help = "Quantized minus float, with its 95 % interval (paired: Newcombe for accuracy, bootstrap for perplexity)";
        cell_ui(
            ui,
            |ui| {
                caption(ui, "Difference").on_hover_text(help);
            },
            |ui| {
                let value = text.signed(difference.value) + text.difference_unit();
                let range = text.signed_range(difference.ci95);
                let tip = format!("{help}: {range}{}", text.difference_unit());
                number(ui, &value, 14.0, theme.text).on_hover_text(tip);
                if !detail.is_brief() {
                    small(ui, &range);
                }
            },
        );
    }
    if let (Some(broken), Some(fixed_count)) = (comparison.broken, comparison.fixed) {
        let help = "Samples right before and wrong after, and the other way round";
        cell_ui(
            ui,
            |ui| {
                caption(ui, "Broken / fixed").on_hover_text(help);
            },
            |ui| {
                number(ui, &format!("✕ {}", thousands(broken)), 14.0, theme.bad);
                number(ui, &format!("✓ {}", thousands(fixed_count)), 14.0, theme.rounding);
            },
        );
    }
    if let Some(p) = comparison.mcnemar_p {
        cell_ui(
            ui,
            |ui| {
                caption(ui, "McNemar p").on_hover_text(P_HELP);
            },
            |ui| {
                number(ui, &p_text(p), 14.0, theme.text).on_hover_text(p_verdict(p));
                if detail == Detail::Drawn {
                    ui.label(RichText::new(p_verdict(p)).color(theme.hint));
                }
            },
        );
    }
}
