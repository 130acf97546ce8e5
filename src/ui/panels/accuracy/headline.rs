//! The figures of the whole set: both models with their intervals, their difference, and what
//! became of each sample as one bar.

use egui::text::{LayoutJob, TextFormat};
use egui::{Align2, Color32, Rect, RichText, Sense, Stroke, Ui, WidgetInfo, pos2, vec2};

use super::{Content, region};
use crate::base::{MINUS, fixed, percent, significant, thousands};
use crate::eval::{Accuracy, Breakdown, Comparison, Estimate, Metric};
use crate::ui::theme::{self, Theme};
use crate::ui::widgets::number;

const BLOCK_WIDTH: f32 = 102.0;
const DIFFERENCE_WIDTH: f32 = 122.0;
const BAR_WIDTH: f32 = 190.0;
/// Room that the axis needs to say something.
const AXIS_WIDTH: f32 = 130.0;

/// Float, quantized, difference, both intervals on one axis, and the paired bar.
pub fn headline_ui(ui: &mut Ui, content: &Content) {
    let accuracy = content.accuracy;
    let room = ui.max_rect().shrink2(vec2(theme::PANEL_MARGIN, 8.0));
    let metric = accuracy.metric;
    let theme = Theme::of(ui);
    let comparison = accuracy.comparison.as_ref();
    let mut left = room.left();
    let mut block = |ui: &mut Ui, id: &str, content: &dyn Fn(&mut Ui)| {
        // Both ends of a difference have a sign.
        let width = if id == "difference" { DIFFERENCE_WIDTH } else { BLOCK_WIDTH };
        let rect = Rect::from_min_size(pos2(left, room.top()), vec2(width, room.height()));
        region(ui, rect, id, content);
        left += width + 4.0;
    };
    if let Some(float) = accuracy.float {
        let caption = ("● Float", theme.original, metric_help(metric));
        block(ui, "float", &|ui| estimate_ui(ui, caption, float, (metric, theme.text)));
    }
    if let Some(quantized) = accuracy.quantized {
        let caption = ("■ Quantized", theme.quantized, metric_help(metric));
        block(ui, "quantized", &|ui| {
            estimate_ui(ui, caption, quantized, (metric, theme.quantized));
        });
    }
    if let Some(difference) = comparison.and_then(|comparison| comparison.difference) {
        block(ui, "difference", &|ui| difference_ui(ui, difference, metric));
    }
    let rest = Rect::from_min_max(pos2(left + 4.0, room.top()), room.max);
    let has_axis = accuracy.float.is_some() && rest.width() >= AXIS_WIDTH + BAR_WIDTH + 24.0;
    let bar_left =
        if has_axis { rest.right() - (rest.width() * 0.5).max(BAR_WIDTH) } else { rest.left() };
    if has_axis {
        let axis = Rect::from_min_max(rest.min, pos2(bar_left - 24.0, rest.bottom()));
        axis_ui(ui, axis, accuracy);
    }
    let bar = Rect::from_min_max(pos2(bar_left, rest.top()), rest.max);
    if accuracy.comparison.is_some() && bar.width() > 120.0 {
        region(ui, bar, "paired", |ui| paired_ui(ui, content));
    }
}

fn metric_help(metric: Metric) -> &'static str {
    match metric {
        Metric::Top1 => {
            "Top-1 accuracy: share of samples whose highest score is the label's, with Wilson's 95 % interval"
        }
        Metric::Perplexity => {
            "Perplexity: exp of the mean negative log-likelihood of the next token; smaller is better. The 95 % interval is a bootstrap over rows"
        }
        Metric::Agreement => {
            "Share of samples with the float model's answer, with Wilson's 95 % interval; the set has no labels"
        }
    }
}

/// A value of the metric, as text.
fn value_text(metric: Metric, value: f64) -> String {
    if metric == Metric::Perplexity { fixed(value, 3) } else { percent(value, 1) }
}

/// Without the unit, for the ends of an interval.
fn end_text(metric: Metric, value: f64) -> String {
    if metric == Metric::Perplexity { fixed(value, 3) } else { fixed(100.0 * value, 1) }
}

fn estimate_ui(
    ui: &mut Ui,
    (caption, mark, help): (&str, Color32, &str),
    estimate: Estimate,
    (metric, ink): (Metric, Color32),
) {
    let theme = Theme::of(ui);
    ui.spacing_mut().item_spacing.y = 1.0;
    ui.spacing_mut().interact_size.y = 16.0;
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 4.0;
        let (sign, name) = caption.split_once(' ').unwrap_or(("", caption));
        ui.label(RichText::new(sign).color(mark));
        ui.label(RichText::new(name).color(theme.label)).on_hover_text(help);
    });
    number(ui, &value_text(metric, estimate.value), 22.0, ink).on_hover_text(help);
    interval_ui(ui, end_text(metric, estimate.ci95.0), end_text(metric, estimate.ci95.1));
}

fn interval_ui(ui: &mut Ui, lo: String, hi: String) {
    let hint = Theme::of(ui).hint;
    number(ui, &format!("{lo} … {hi}"), 11.0, hint).on_hover_text("95 % interval");
}

fn signed(value: f64, decimals: usize) -> String {
    let text = fixed(value, decimals);
    let is_zero = text.chars().all(|c| matches!(c, '0' | '.'));
    if text.starts_with(MINUS) || is_zero { text } else { format!("+{text}") }
}

fn difference_ui(ui: &mut Ui, difference: Estimate, metric: Metric) {
    let theme = Theme::of(ui);
    let (scale, decimals, unit, help) = match metric {
        Metric::Perplexity => (
            1.0,
            3,
            "",
            "Quantized minus float; the 95 % interval is a bootstrap over rows of both",
        ),
        _ => (
            100.0,
            1,
            " pt",
            "Quantized minus float, in points of percent, with Newcombe's 95 % interval for paired samples",
        ),
    };
    ui.spacing_mut().item_spacing.y = 1.0;
    ui.label(RichText::new("Difference").color(theme.label)).on_hover_text(help);
    ui.add_space(6.0);
    let text = format!("{}{unit}", signed(scale * difference.value, decimals));
    number(ui, &text, 14.0, theme.text).on_hover_text(help);
    ui.add_space(3.0);
    let (lo, hi) = difference.ci95;
    interval_ui(ui, signed(scale * lo, decimals), signed(scale * hi, decimals));
}

/// Both intervals on one axis, with ticks.
fn axis_ui(ui: &mut Ui, room: Rect, accuracy: &Accuracy) {
    let theme = Theme::of(ui);
    let estimates = [(accuracy.float, theme.original), (accuracy.quantized, theme.quantized)];
    let ends = || estimates.iter().filter_map(|(estimate, _)| *estimate).map(|e| e.ci95);
    let lo = ends().map(|(lo, _)| lo).fold(f64::INFINITY, f64::min);
    let hi = ends().map(|(_, hi)| hi).fold(f64::NEG_INFINITY, f64::max);
    if !(lo.is_finite() && hi.is_finite()) {
        return;
    }
    let step = tick_step((hi - lo).max(1e-9));
    let (first, last) = ((lo / step).floor(), (hi / step).ceil().max((lo / step).floor() + 1.0));
    let (start, end) = (first * step, last * step);
    let plot = Rect::from_min_max(room.min + vec2(16.0, 4.0), room.max - vec2(16.0, 16.0));
    let x = |value: f64| {
        plot.left() + plot.width() * ((value - start) / (end - start)).clamp(0.0, 1.0) as f32
    };
    for tick in 0..=(last - first) as usize {
        let value = start + tick as f64 * step;
        ui.painter().vline(x(value), plot.y_range(), Stroke::new(1.0, theme.grid));
        let text = match accuracy.metric {
            Metric::Perplexity => significant(value, 3),
            _ => fixed(100.0 * value, if step < 0.01 { 1 } else { 0 }),
        };
        let unit = if accuracy.metric == Metric::Perplexity || tick > 0 { "" } else { " %" };
        let place = pos2(x(value), plot.bottom() + 3.0);
        let font = theme::mono(11.0);
        ui.painter().text(place, Align2::CENTER_TOP, format!("{text}{unit}"), font, theme.hint);
    }
    for (row_idx, (estimate, colour)) in estimates.into_iter().enumerate() {
        let Some(estimate) = estimate else { continue };
        let y = plot.top() + plot.height() * (0.3 + 0.42 * row_idx as f32);
        let (left, right) = (x(estimate.ci95.0), x(estimate.ci95.1));
        ui.painter().hline(left..=right, y, Stroke::new(2.0, colour));
        for end in [left, right] {
            ui.painter().vline(end, y - 4.0..=y + 4.0, Stroke::new(1.0, colour));
        }
        let centre = pos2(x(estimate.value), y);
        if row_idx == 0 {
            ui.painter().circle_filled(centre, 4.0, colour);
        } else {
            ui.painter().rect_filled(Rect::from_center_size(centre, vec2(8.0, 8.0)), 1, colour);
        }
    }
    let response = ui.allocate_rect(room, Sense::hover());
    response
        .widget_info(|| WidgetInfo::labeled(egui::Role::Label, true, "Both intervals on one axis"));
    response.on_hover_text("● float above ■ quantized, each on the line of its 95 % interval");
}

/// A step of 1, 2 or 5 times a power of ten that makes two to five ticks.
fn tick_step(span: f64) -> f64 {
    let rough = span / 3.0;
    let power = 10f64.powf(rough.log10().floor());
    let factor = [1.0, 2.0, 5.0].into_iter().find(|factor| factor * power >= rough);
    factor.unwrap_or(10.0) * power
}

/// What became of each prediction: parts of one bar, with their counts below.
fn paired_ui(ui: &mut Ui, content: &Content) {
    let theme = Theme::of(ui);
    let breakdown = &content.accuracy.breakdown;
    let unit = match content.accuracy.n_tokens {
        Some(_) => ", token by token",
        None => ", sample by sample",
    };
    ui.spacing_mut().item_spacing = vec2(10.0, 4.0);
    let unit = if ui.max_rect().width() < 240.0 { "" } else { unit };
    ui.label(RichText::new(format!("Float against quantized{unit}")).color(theme.label));
    let parts = paired_parts(theme, breakdown, content.accuracy);
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 16.0), Sense::hover());
    let total = parts.iter().map(|part| part.n).sum::<usize>().max(1);
    ui.painter().rect_filled(rect, 2, theme.raised);
    let mut left = rect.left();
    for part in &parts {
        let width = rect.width() * part.n as f32 / total as f32;
        // A few samples stay visible among many.
        let width = if part.n > 0 { width.max(1.5) } else { 0.0 };
        let right = (left + width).min(rect.right());
        let bar = Rect::from_x_y_ranges(left..=right, rect.y_range());
        ui.painter().rect_filled(bar.shrink2(vec2(0.25, 0.0)), 1, part.colour);
        left = right;
    }
    let summary: Vec<String> =
        parts.iter().map(|part| format!("{} {}", part.name, thousands(part.n))).collect();
    response.widget_info(|| WidgetInfo::labeled(egui::Role::Label, true, summary.join(", ")));
    ui.spacing_mut().item_spacing = vec2(12.0, 1.0);
    ui.spacing_mut().interact_size.y = 14.0;
    ui.horizontal_wrapped(|ui| {
        for part in &parts {
            let colour = if part.sign.is_empty() { theme.label } else { part.colour };
            let name = format!("{} {} ", part.sign, part.name);
            let mut text = LayoutJob::default();
            text.append(name.trim_start(), 0.0, TextFormat::simple(theme::text(12.0), colour));
            let count = TextFormat::simple(theme::mono(12.0), colour);
            text.append(&thousands(part.n), 0.0, count);
            ui.add(egui::Label::new(text).extend()).on_hover_text(part.help);
        }
    });
}

struct Part {
    sign: &'static str,
    name: &'static str,
    help: &'static str,
    n: usize,
    colour: Color32,
}

fn paired_parts(theme: &Theme, breakdown: &Breakdown, accuracy: &Accuracy) -> Vec<Part> {
    let flips = breakdown.flips;
    let part = |sign, name, n, (colour, help)| Part { sign, name, help, n, colour };
    if !accuracy.answers.has_targets() {
        let same = (theme.original.gamma_multiply(0.6), "Both models give the same answer");
        let changed = (theme.bad, "The quantized model answers something else");
        return vec![
            part("", "same answer", breakdown.n_both_right, same),
            part("✕", "changed", flips.other, changed),
        ];
    }
    vec![
        part(
            "",
            "both right",
            breakdown.n_both_right,
            (theme.original.gamma_multiply(0.6), "Right before and after"),
        ),
        part("✕", "broken", flips.broken, (theme.bad, "Right before, wrong after")),
        part("✓", "fixed", flips.fixed, (theme.rounding, "Wrong before, right after")),
        part(
            "",
            "wrong",
            breakdown.n_both_wrong,
            (theme.line_strong, "Wrong before and after, with the same answer or another"),
        ),
    ]
}

/// A figure of the strip: what, the number, what it means.
type Figure = (&'static str, String, &'static str);

/// What compares the two models, in a strip; as many figures as fit, the first most wanted.
pub fn strip_ui(ui: &mut Ui, content: &Content) {
    let theme = Theme::of(ui);
    let accuracy = content.accuracy;
    let mut figures = figures(accuracy);
    let room = ui.max_rect().shrink2(vec2(theme::PANEL_MARGIN, 5.0));
    let n_shown = ((room.width() / 100.0) as usize).clamp(1, figures.len().max(1));
    let width = (room.width() / n_shown as f32).min(190.0);
    if let Some((_, text, _)) = figures.iter_mut().find(|(name, _, _)| *name == "McNemar p")
        && width >= 140.0
        && accuracy.comparison.as_ref().and_then(|c| c.mcnemar_p).is_some_and(|p| p < 0.05)
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

fn figures(accuracy: &Accuracy) -> Vec<Figure> {
    let mut figures: Vec<Figure> = Vec::new();
    let Some(comparison) = &accuracy.comparison else {
        return figures;
    };
    if let Some(p) = comparison.mcnemar_p {
        figures.push(("McNemar p", p_text(p), P_HELP));
    }
    figures.push((
        "Agreement",
        percent(comparison.agreement, 1),
        "Share of predictions for which both models give the same answer, right or wrong",
    ));
    if let Some((float, Some(quantized))) = accuracy.top5 {
        let text = format!("{} → {}", fixed(100.0 * float.value, 1), percent(quantized.value, 1));
        figures.push((
            "Top-5",
            text,
            "Share of samples whose label is among the five highest scores",
        ));
    }
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

const P_HELP: &str = "McNemar's exact two-sided p: how likely so uneven a split of broken and fixed would be if both were equally likely. Below 0.05 the models differ";

fn p_text(p: f64) -> String {
    if p > 0.0 && p < 1e-4 { significant(p, 2) } else { fixed(p, 4) }
}

fn sqnr_text(comparison: &Comparison) -> String {
    match comparison.output_sqnr.db() {
        Some(db) => format!("{} dB", fixed(db, 1)),
        None => comparison.output_sqnr.case().unwrap_or_default().to_owned(),
    }
}

/// Who pays most, in a sentence.
pub fn foot_ui(ui: &mut Ui, content: &Content) {
    let theme = Theme::of(ui);
    let breakdown = &content.accuracy.breakdown;
    let line = ui.max_rect();
    ui.painter().hline(line.x_range(), line.top(), Stroke::new(1.0, theme.line));
    ui.horizontal_centered(|ui| {
        ui.add_space(theme::PANEL_MARGIN);
        let icon = egui_material_icons::icons::ICON_LIGHTBULB.rich_text().size(14.0);
        ui.label(icon.color(theme.quantized));
        ui.add(
            egui::Label::new(RichText::new(sentence(breakdown, content)).color(theme.text))
                .truncate(),
        )
        .on_hover_text(sentence(breakdown, content));
    });
}

fn sentence(breakdown: &Breakdown, content: &Content) -> String {
    let names = content.names;
    let what = if names.is_language() { "tokens" } else { "samples" };
    let gain = breakdown.gains_most.map(|gain| {
        let name = names.of(gain.class);
        let n = thousands(gain.n_more as usize);
        format!("The quantized model answers {name} for {n} more {what} than float does.")
    });
    let pays = breakdown.pays_most.map(|recall| {
        let name = names.of(recall.class);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_numbers() {
        for (span, wanted) in [(0.4, 0.2), (0.05, 0.02), (3.0, 1.0), (0.0031, 0.002)] {
            assert!((tick_step(span) - wanted).abs() < 1e-12, "{span}: {}", tick_step(span));
        }
        assert_eq!((signed(0.0, 1).as_str(), signed(1.25, 1).as_str()), ("0.0", "+1.2"));
    }

    #[test]
    fn p_is_never_a_bare_zero() {
        assert_eq!(p_text(1e-70), "1.0·10⁻⁷⁰");
        assert_eq!(p_text(0.25), "0.2500");
    }
}
