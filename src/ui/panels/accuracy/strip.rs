//! The smaller figures: what compares the two models in a strip, and who pays most in a sentence.

use egui::{Rect, RichText, Stroke, Ui, pos2, vec2};

use super::headline::{HeadFigure, Headline};
use super::names::Names;
use super::{Content, region};
use crate::base::{fixed, percent, significant, thousands};
use crate::eval::{Accuracy, Breakdown, Comparison, Metric};
use crate::ui::accuracy_text::{P_HELP, p_text};
use crate::ui::theme::{self, Theme};

/// A figure of the strip: what, the number, what it means.
type Figure = (&'static str, String, &'static str);

/// What compares the two models, in a strip; as many figures as fit, the first most wanted.
pub fn strip_ui(ui: &mut Ui, content: &Content, head: HeadFigure) {
    let theme = Theme::of(ui);
    let accuracy = content.accuracy;
    let mut figures = figures(accuracy, head);
    let room = ui.max_rect().shrink2(vec2(theme::PANEL_MARGIN, 5.0));
    let n_shown = ((room.width() / 100.0) as usize).clamp(1, figures.len().max(1));
    let width = (room.width() / n_shown as f32).min(190.0);
    let p = Headline::of(head, accuracy).mcnemar_p;
    if let Some((_, text, _)) = figures.iter_mut().find(|(name, _, _)| *name == "McNemar p")
        && width >= 140.0
        && p.is_some_and(|p| p < 0.05)
    {
        text.push_str(" differs");
    }
    for (idx, (name, value, help)) in figures.into_iter().take(n_shown).enumerate() {
        let left = room.left() + idx as f32 * width;
        let cell = Rect::from_min_size(pos2(left, room.top()), vec2(width - 6.0, room.height()));
        region(ui, cell, name, |ui| {
            ui.spacing_mut().item_spacing.y = 2.0;
            let label = RichText::new(name).color(theme.label);
            ui.add(egui::Label::new(label).truncate()).on_hover_text(help);
            let value = RichText::new(value).font(theme::mono(12.0)).color(theme.text);
            ui.add(egui::Label::new(value).truncate()).on_hover_text(help);
        });
    }
}

fn figures(accuracy: &Accuracy, head: HeadFigure) -> Vec<Figure> {
    let mut figures: Vec<Figure> = Vec::new();
    let Some(comparison) = &accuracy.comparison else {
        return figures;
    };
    if let Some(p) = Headline::of(head, accuracy).mcnemar_p {
        figures.push(("McNemar p", p_text(p), P_HELP));
    }
    if accuracy.metric != Metric::Agreement {
        figures.push((
            "Agreement",
            percent(comparison.agreement, 1),
            "Share of predictions for which both models give the same answer, right or wrong",
        ));
    }
    figures.extend(other_rank(accuracy, head));
    figures.push((
        "Output SQNR",
        sqnr_text(comparison),
        "10·log₁₀(Σy² / Σ(y − ŷ)²) over the raw outputs of both models",
    ));
    figures.push((
        "Mean KL",
        format!("{} nat", significant(comparison.kl_mean, 3)),
        "Mean KL(float‖quantized) = Σ p·ln(p/q) of the softmax probabilities",
    ));
    let [_, n_unanswered] = accuracy.breakdown.n_unanswered;
    if n_unanswered > 0 {
        let help = "Predictions of the quantized model with a score that is not a number: they count as wrong";
        figures.insert(0, ("No answer", thousands(n_unanswered), help));
    }
    figures
}

/// Of top-1 and top-5 the one that does not head the panel.
fn other_rank(accuracy: &Accuracy, head: HeadFigure) -> Option<Figure> {
    accuracy.top5?;
    let (name, other) = match head {
        HeadFigure::Top5 => ("Top-1", HeadFigure::Metric),
        HeadFigure::Metric => ("Top-5", HeadFigure::Top5),
    };
    let headline = Headline::of(other, accuracy);
    let (float, quantized) = (headline.float?, headline.quantized?);
    let text = format!("{} → {}", fixed(100.0 * float.value, 1), percent(quantized.value, 1));
    Some((name, text, headline.help))
}

fn sqnr_text(comparison: &Comparison) -> String {
    match comparison.output_sqnr.db() {
        Some(db) => format!("{} dB", fixed(db, 1)),
        None => comparison.output_sqnr.case().unwrap_or_default().to_owned(),
    }
}

/// Room of the icon before the sentence, and margins.
const FOOT_INDENT: f32 = theme::PANEL_MARGIN + 22.0;

/// Height of the foot in that width: one line or two.
pub fn foot_height(ui: &Ui, width: f32, content: &Content) -> f32 {
    let text = sentence(&content.accuracy.breakdown, content);
    let font = theme::text(12.0);
    let room = width - FOOT_INDENT - theme::PANEL_MARGIN;
    let needed = ui.painter().layout_no_wrap(text, font, egui::Color32::WHITE).size().x;
    if needed <= room { 32.0 } else { 46.0 }
}

/// Who pays most, in a sentence.
pub fn foot_ui(ui: &mut Ui, content: &Content) {
    let theme = Theme::of(ui);
    let line = ui.max_rect();
    ui.painter().hline(line.x_range(), line.top(), Stroke::new(1.0, theme.line));
    let icon = egui_material_icons::icons::ICON_LIGHTBULB.rich_text().size(14.0);
    let text = sentence(&content.accuracy.breakdown, content);
    let place = Rect::from_center_size(
        pos2(line.left() + theme::PANEL_MARGIN + 8.0, line.center().y),
        vec2(16.0, 16.0),
    );
    ui.put(place, egui::Label::new(icon.color(theme.quantized)));
    let room = Rect::from_min_max(
        pos2(line.left() + FOOT_INDENT, line.top() + 4.0),
        pos2(line.right() - theme::PANEL_MARGIN, line.bottom() - 2.0),
    );
    let mut job =
        egui::text::LayoutJob::simple(text.clone(), theme::text(12.0), theme.text, room.width());
    job.wrap.max_rows = 2;
    let galley = ui.painter().layout_job(job);
    let size = vec2(room.width(), galley.size().y);
    let place = Rect::from_min_size(pos2(room.left(), room.center().y - size.y / 2.0), size);
    region(ui, place, "sentence", |ui| {
        ui.add(egui::Label::new(galley)).on_hover_text(text);
    });
}

/// A class within a sentence: a name that is a number alone would not be read as one.
fn class_text(names: &Names, class: u32) -> String {
    let name = names.of(class);
    if name.parse::<u32>().is_ok() { format!("class {name}") } else { name }
}

/// For the beginning of a sentence; the name of a class stays as it is.
fn upper_first(text: &str) -> String {
    for (word, first) in [("class ", "Class "), ("token ", "Token ")] {
        if let Some(number) = text.strip_prefix(word) {
            return format!("{first}{number}");
        }
    }
    text.to_owned()
}

fn sentence(breakdown: &Breakdown, content: &Content) -> String {
    let names = content.names;
    let what = if names.is_language() { "tokens" } else { "samples" };
    let gain = breakdown.gains_most.map(|gain| {
        let name = class_text(names, gain.class);
        let n = thousands(gain.n_more as usize);
        format!("The quantized model answers {name} for {n} more {what} than float does.")
    });
    let pays = breakdown.pays_most.map(|recall| {
        let name = upper_first(&class_text(names, recall.class));
        let (float, quantized) = (recall.float_hits, recall.quantized_hits);
        format!("{name} pays most: {float} → {quantized} of {}.", recall.n)
    });
    match (pays, gain) {
        (Some(pays), Some(gain)) => format!("{pays} {gain}"),
        (Some(only), None) | (None, Some(only)) => only,
        (None, None) if breakdown.flips == crate::eval::FlipCounts::default() => {
            format!("No answer changed on these {what}.")
        }
        (None, None) => "No class is recognized less often than before.".to_owned(),
    }
}
