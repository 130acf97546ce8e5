//! What became of each prediction, as parts of one bar.

use egui::text::{LayoutJob, TextFormat};
use egui::{Color32, Rect, RichText, Sense, Ui, WidgetInfo, vec2};

use super::Content;
use crate::base::thousands;
use crate::eval::{Accuracy, PairedCounts};
use crate::ui::theme::{self, Theme};

/// How many predictions went which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcomes {
    /// Of a set with labels.
    Judged(PairedCounts),
    /// Of a set without.
    Compared { n_same: usize, n_changed: usize },
}

impl Outcomes {
    pub fn of_pairs(counts: PairedCounts) -> Self {
        Self::Judged(counts)
    }

    /// By the answers, which is top-1; for a language model token by token.
    pub fn of_answers(accuracy: &Accuracy) -> Self {
        let breakdown = &accuracy.breakdown;
        let flips = breakdown.flips;
        if !accuracy.answers.has_targets() {
            return Self::Compared { n_same: breakdown.n_both_right, n_changed: flips.other };
        }
        Self::Judged(PairedCounts {
            both: breakdown.n_both_right,
            broken: flips.broken,
            fixed: flips.fixed,
            neither: breakdown.n_both_wrong,
        })
    }
}

/// Parts of one bar, with their counts below.
pub fn paired_ui(ui: &mut Ui, content: &Content, outcomes: &Outcomes) {
    let theme = Theme::of(ui);
    let unit = match content.accuracy.n_tokens {
        Some(_) => ", token by token",
        None => ", sample by sample",
    };
    ui.spacing_mut().item_spacing = vec2(10.0, 4.0);
    let unit = if ui.max_rect().width() < 240.0 { "" } else { unit };
    ui.label(RichText::new(format!("Float against quantized{unit}")).color(theme.label));
    let parts = parts(theme, *outcomes);
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 14.0), Sense::hover());
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

fn parts(theme: &Theme, outcomes: Outcomes) -> Vec<Part> {
    let part = |sign, name, n, (colour, help)| Part { sign, name, help, n, colour };
    let same = theme.original.gamma_multiply(0.45);
    match outcomes {
        Outcomes::Compared { n_same, n_changed } => {
            let changed = (theme.bad, "The quantized model answers something else");
            vec![
                part("", "same answer", n_same, (same, "Both models give the same answer")),
                part("✕", "changed", n_changed, changed),
            ]
        }
        Outcomes::Judged(PairedCounts { both, broken, fixed, neither }) => vec![
            part("", "both right", both, (same, "Right before and after")),
            part("✕", "broken", broken, (theme.bad, "Right before, wrong after")),
            part("✓", "fixed", fixed, (theme.rounding, "Wrong before, right after")),
            part(
                "",
                "wrong",
                neither,
                (theme.hint, "Wrong before and after, with the same answer or another"),
            ),
        ],
    }
}
