//! Three things to try, pointed at where they are.

use egui::{Align2, Rect, RichText, Stroke, Ui, pos2, vec2};

use super::theme::{self, Theme};
use super::widgets::primary_button;

/// The tour while it runs: the step it is at.
#[derive(Default)]
pub(super) struct Tour {
    step: Option<usize>,
}

struct Step {
    /// The panel it points at; the strip of figures if `None`.
    panel: Option<&'static str>,
    title: &'static str,
    text: &'static str,
}

const STEPS: [Step; 3] = [
    Step {
        panel: Some("layers"),
        title: "1 of 3 · Pick a layer",
        text: "Every weight of the network is a row: its bits, how well they keep it (SQNR), and its share of the size. Click one; Ctrl+click takes more.",
    },
    Step {
        panel: Some("quantizer"),
        title: "2 of 3 · Turn the knobs",
        text: "Drag Bits down to 3, then choose one scale per channel. The distribution shows the levels that are left, and the error under it where they hurt.",
    },
    Step {
        panel: None,
        title: "3 of 3 · Watch what it costs",
        text: "Size, bits per weight and accuracy follow your hand, each with its 95 % interval. Ctrl+Z takes any step back; Ctrl+K finds everything else.",
    },
];

impl Tour {
    pub fn start(&mut self) {
        self.step = Some(0);
    }

    /// Draws the present step beside what it is about. `place` tells where a panel stands.
    pub fn ui(&mut self, ui: &Ui, header: Rect, place: impl Fn(&str) -> Option<Rect>) {
        let Some(step_idx) = self.step else { return };
        // It points at what lies behind a dialog.
        if ui.ctx().memory(|memory| memory.top_modal_layer().is_some()) {
            return;
        }
        let Some(step) = STEPS.get(step_idx) else {
            self.step = None;
            return;
        };
        let theme = Theme::of(ui);
        let screen = ui.ctx().content_rect();
        let target = match step.panel {
            Some(panel) => place(panel).unwrap_or(header),
            None => header,
        };
        let layer = egui::LayerId::new(egui::Order::Foreground, egui::Id::unique("tour frame"));
        let painter = ui.ctx().layer_painter(layer);
        let frame = target.shrink(2.0);
        painter.rect_stroke(frame, 6, Stroke::new(2.0, theme.accent), egui::StrokeKind::Inside);
        painter.rect_filled(frame, 6, theme.accent.gamma_multiply(0.06));
        let at = card_place(target, screen);
        egui::Area::new(egui::Id::unique("tour card"))
            .order(egui::Order::Tooltip)
            .fixed_pos(at)
            .show(ui.ctx(), |ui| {
                let card = egui::Frame::popup(ui.style())
                    .fill(theme.raised)
                    .stroke(Stroke::new(1.0, theme.accent))
                    .inner_margin(14);
                card.show(ui, |ui| self.card_ui(ui, step, step_idx));
            });
    }

    fn card_ui(&mut self, ui: &mut Ui, step: &Step, step_idx: usize) {
        let theme = Theme::of(ui);
        ui.set_width(CARD_WIDTH);
        ui.label(RichText::new(step.title).font(theme::title(14.0)).color(theme.text));
        ui.add_space(4.0);
        ui.label(RichText::new(step.text).color(theme.label));
        ui.add_space(8.0);
        ui.horizontal(|ui| {
            let is_last = step_idx + 1 == STEPS.len();
            let next = if is_last { "Start" } else { "Next" };
            if primary_button(ui, next).clicked() {
                self.step = if is_last { None } else { Some(step_idx + 1) };
            }
            if step_idx > 0 && ui.button("Back").clicked() {
                self.step = Some(step_idx - 1);
            }
            if !is_last && ui.button("Skip the tour").clicked() {
                self.step = None;
            }
        });
    }
}

const CARD_WIDTH: f32 = 320.0;
const CARD_HEIGHT: f32 = 170.0;

/// Beside the target where there is room, else below it or inside.
fn card_place(target: Rect, screen: Rect) -> egui::Pos2 {
    let outer = CARD_WIDTH + 44.0;
    let at = if target.width() > screen.width() * 0.8 {
        Align2::CENTER_TOP.pos_in_rect(&target) + vec2(-outer / 2.0, target.height() + 12.0)
    } else if target.right() + outer < screen.right() {
        pos2(target.right() + 12.0, target.top() + 60.0)
    } else {
        pos2(target.left() - outer, target.top() + 60.0)
    };
    let most = screen.max - vec2(outer, CARD_HEIGHT);
    pos2(at.x.clamp(screen.left() + 8.0, most.x), at.y.clamp(screen.top() + 8.0, most.y))
}
