//! From the same bits everywhere to the mix, one change after another, each with what it is worth.

use egui::{Align2, Rect, RichText, Sense, Ui, WidgetInfo, pos2, vec2};

use crate::base::significant;
use crate::eval::{Metric, Step};
use crate::session::Proposed;
use crate::ui::accuracy_text::MetricText;
use crate::ui::short_name::fitted;
use crate::ui::theme::{self, Theme};

use super::now::signed_bytes;
use super::proposal::{candidate_text, uniform_name};

const ROW_HEIGHT: f32 = 20.0;
/// Of bits, bytes, KL and metric.
const WIDTHS: [f32; 4] = [48.0, 60.0, 58.0, 50.0];
const GAP: f32 = 4.0;

/// A change as it is written.
pub(super) struct StepText {
    pub layer: String,
    pub bits: String,
    pub bytes: String,
    pub kl: String,
    pub metric: String,
}

pub(super) fn step_texts(proposed: &Proposed, text: MetricText) -> Vec<StepText> {
    let Some(uniform) = &proposed.proposal.uniform else { return Vec::new() };
    let mut before = uniform.trial.size.quantized_bytes as f64;
    let text_of = |step: &Step| {
        let size = step.trial.size.quantized_bytes as f64;
        let by = size - before;
        before = size;
        let candidate = |choice| candidate_text(proposed, choice);
        StepText {
            layer: proposed.layers.get(step.layer_idx).cloned().unwrap_or_default(),
            bits: format!("{} → {}", candidate(step.from), candidate(step.to)),
            bytes: signed_bytes(by),
            kl: significant(step.trial.kl_mean, 3),
            metric: text.end(step.trial.value.value),
        }
    };
    proposed.proposal.steps.iter().map(text_of).collect()
}

pub(super) fn steps_ui(ui: &mut Ui, proposed: &Proposed, text: MetricText) {
    let theme = Theme::of(ui);
    let Some(name) = uniform_name(proposed) else { return };
    let steps = step_texts(proposed, text);
    if steps.is_empty() {
        let note = format!("It is {name} everywhere: no change of single layers is better.");
        ui.add(egui::Label::new(RichText::new(note).color(theme.label)).wrap());
        return;
    }
    let title = format!("From {name} everywhere, one change after another");
    ui.add(egui::Label::new(RichText::new(title).color(theme.text)).wrap());
    let metric = match text.metric {
        Metric::Top1 => "top-1 %",
        Metric::Perplexity => "perpl.",
        Metric::Agreement => "same %",
    };
    let head = StepText {
        layer: "layer".to_owned(),
        bits: "bits".to_owned(),
        bytes: "size".to_owned(),
        kl: "mean KL".to_owned(),
        metric: metric.to_owned(),
    };
    let width = ui.available_width();
    let size = vec2(width, ROW_HEIGHT * (steps.len() + 1) as f32);
    let (whole, _) = ui.allocate_exact_size(size, Sense::hover());
    row_ui(ui, &head, row_rect(whole, 0), theme.label);
    let seen = ui.clip_rect();
    for (nth, step) in steps.iter().enumerate() {
        let rect = row_rect(whole, nth + 1);
        // Others are not laid out.
        if !seen.intersects(rect) {
            continue;
        }
        row_ui(ui, step, rect, theme.text);
        let response = ui.interact(rect, ui.scope_id().with(("step", nth)), Sense::hover());
        let told = format!(
            "{}: {}, {}; with this and the changes above mean KL {} nats, metric {} on the search samples",
            step.layer, step.bits, step.bytes, step.kl, step.metric
        );
        response.widget_info(|| WidgetInfo::labeled(egui::Role::Label, true, &told));
        response.on_hover_text(told);
    }
}

fn row_rect(whole: Rect, nth: usize) -> Rect {
    let top = whole.top() + nth as f32 * ROW_HEIGHT;
    Rect::from_min_size(pos2(whole.left(), top), vec2(whole.width(), ROW_HEIGHT))
}

fn row_ui(ui: &Ui, step: &StepText, rect: Rect, ink: egui::Color32) {
    let painter = ui.painter();
    let mut right = rect.right();
    let cells = [&step.metric, &step.kl, &step.bytes, &step.bits];
    for (text, width) in cells.into_iter().zip(WIDTHS.into_iter().rev()) {
        let galley = painter.layout_no_wrap(text.clone(), theme::mono(11.0), ink);
        let place = Align2::RIGHT_CENTER.anchor_size(pos2(right, rect.center().y), galley.size());
        painter.galley(place.min, galley, ink);
        right -= width + GAP;
    }
    let name = fitted(painter, &step.layer, (theme::mono(11.0), ink), right - rect.left());
    let place = Align2::LEFT_CENTER.anchor_size(rect.left_center(), name.size());
    painter.galley(place.min, name, ink);
}
