//! The ends of the range as handles to drag, with the number and what is clipped beside them.

use egui::{Align2, CursorIcon, Rect, Sense, Stroke, Ui, pos2, vec2};
use egui_plot::{PlotPoint, PlotTransform};

use crate::base::{percent, significant, thousands};
use crate::quant::{Grid, SchemeChoice, SettingValue};
use crate::session::LayerPicture;
use crate::ui::actions::edit_command;
use crate::ui::panel::PanelCtx;
use crate::ui::theme::{self, Theme};
use crate::ui::widgets::{gesture_of, name_it};

/// An end of the range.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Low,
    High,
}

const GRIP: egui::Vec2 = vec2(12.0, 28.0);
/// How far beside the line a press still takes it.
const REACH: f32 = 8.0;

/// Draws the handles and sends what they are dragged to; nothing where there is no one grid, or a
/// scheme whose range is not set by hand.
pub(super) fn handles_ui(
    ui: &mut Ui,
    ctx: &PanelCtx,
    picture: &LayerPicture,
    transform: &PlotTransform,
) {
    let layer_idx = ctx.session.selection().layer_idx;
    let choice = ctx.session.choice(layer_idx);
    let has_range = choice.param("lo").is_some() && choice.param("hi").is_some();
    let Some(bounds) = picture.grid.as_ref().and_then(Grid::bounds).filter(|_| has_range) else {
        return;
    };
    // A channel's own range comes from the weights; by hand it is the same for all.
    let is_draggable = choice.settings().choice("granularity") == "per-tensor"
        && !ctx.session.is_locked(layer_idx);
    for (end, value) in [(End::Low, bounds.0), (End::High, bounds.1)] {
        let shown = by_hand(&choice, end).unwrap_or(f64::from(value));
        let handle = Handle { end, value: shown, is_draggable };
        if let Some(dragged) = handle.ui(ui, picture, transform) {
            let gesture = dragged.gesture;
            let change = |choice: &SchemeChoice| {
                let (lo, hi) = match (end, choice.settings().choice("symmetry")) {
                    (End::Low, "asymmetric") => (dragged.value, f64::from(bounds.1)),
                    (End::High, "asymmetric") => (f64::from(bounds.0), dragged.value),
                    _ => (-dragged.value.abs(), dragged.value.abs()),
                };
                by_hand_choice(choice, lo, hi)
            };
            ctx.send(edit_command(ctx.session, "range by hand", gesture, change));
        }
    }
}

/// The end a person has set.
fn by_hand(choice: &SchemeChoice, end: End) -> Option<f64> {
    let settings = choice.settings();
    let is_set =
        settings.choice("range") == "manual" && settings.choice("symmetry") == "asymmetric";
    settings.float(if end == End::Low { "lo" } else { "hi" }).filter(|_| is_set)
}

fn by_hand_choice(choice: &SchemeChoice, lo: f64, hi: f64) -> Option<SchemeChoice> {
    // Six digits are more than a hand can set, and read well in the recipe.
    let rounded = |x: f64| format!("{x:.5e}").parse().unwrap_or(x);
    let lo = if choice.settings().choice("range") == "manual" && lo > hi { hi } else { lo };
    choice
        .with("range", SettingValue::Choice("manual"))
        .and_then(|choice| choice.with("lo", SettingValue::Float(rounded(lo))))
        .and_then(|choice| choice.with("hi", SettingValue::Float(rounded(hi))))
        .ok()
}

struct Dragged {
    value: f64,
    gesture: crate::session::Gesture,
}

struct Handle {
    end: End,
    value: f64,
    is_draggable: bool,
}

impl Handle {
    fn ui(
        &self,
        ui: &mut Ui,
        picture: &LayerPicture,
        transform: &PlotTransform,
    ) -> Option<Dragged> {
        let theme = Theme::of(ui);
        let frame = *transform.frame();
        let x = transform.position_from_point(&PlotPoint::new(self.value, 0.0)).x;
        if !(frame.left() - 1.0..=frame.right() + 1.0).contains(&x) {
            return None;
        }
        let line = Rect::from_center_size(pos2(x, frame.center().y), vec2(2.0, frame.height()));
        let name =
            if self.end == End::Low { "Low end of the range" } else { "High end of the range" };
        let mut dragged = None;
        if self.is_draggable {
            let id = ui.scope_id().with(name);
            let response = ui
                .interact(line.expand2(vec2(REACH, 0.0)), id, Sense::drag())
                .on_hover_cursor(CursorIcon::ResizeHorizontal);
            name_it(&response, name);
            let pointer = response.interact_pointer_pos().filter(|_| response.dragged());
            if let Some(pointer) = pointer.filter(|_| response.drag_delta().x != 0.0) {
                let value = transform.value_from_position(pointer).x;
                dragged = Some(Dragged { value, gesture: gesture_of(&response) });
            }
            let grip = Rect::from_center_size(line.center(), GRIP);
            let held = response.dragged() || response.hovered();
            let colour = if held { theme.text } else { theme.accent };
            ui.painter().rect_filled(line, 0, theme.accent);
            ui.painter().rect_filled(grip, 3, colour);
            for offset in [-2.0, 2.0] {
                let notch = Stroke::new(1.0, theme.background);
                let y = grip.center().y - 5.0..=grip.center().y + 5.0;
                ui.painter().vline(grip.center().x + offset, y, notch);
            }
        } else {
            ui.painter().vline(x, frame.y_range(), Stroke::new(1.0, theme.accent));
        }
        self.label_ui(ui, picture, (x, frame));
        dragged
    }

    /// The value as a pill and the clipped count under it, outside the range where there is room.
    fn label_ui(&self, ui: &Ui, picture: &LayerPicture, (x, frame): (f32, Rect)) {
        let theme = Theme::of(ui);
        let name = if self.end == End::Low { "lo" } else { "hi" };
        let text = format!("{name} {}", significant(self.value, 3));
        let painter = ui.painter().with_clip_rect(frame);
        let galley = painter.layout_no_wrap(text, theme::mono(12.0), theme.background);
        let size = galley.size() + vec2(12.0, 4.0);
        let outside_room = match self.end {
            End::Low => x - frame.left(),
            End::High => frame.right() - x,
        };
        let is_left = (self.end == End::Low) == (outside_room > size.x + 8.0);
        let left = if is_left { x - size.x - 4.0 } else { x + 4.0 };
        let pill = Rect::from_min_size(pos2(left, frame.top() + 6.0), size);
        painter.rect_filled(pill, 3, theme.accent);
        painter.galley(pill.min + vec2(6.0, 2.0), galley, theme.background);
        let n_clipped = match self.end {
            End::Low => picture.profile.n_clipped.0,
            End::High => picture.profile.n_clipped.1,
        };
        if n_clipped == 0 {
            return;
        }
        let share = n_clipped as f64 / picture.stats.count.max(1) as f64;
        let lines = [
            (format!("{} clipped", thousands(n_clipped as usize)), theme::text(11.0), theme.text),
            (percent(share, 2), theme::mono(11.0), theme.label),
        ];
        let (anchor, at) = if is_left {
            (Align2::RIGHT_TOP, pill.right())
        } else {
            (Align2::LEFT_TOP, pill.left())
        };
        for (line_idx, (text, font, colour)) in lines.into_iter().enumerate() {
            let place = pos2(at, pill.bottom() + 4.0 + 15.0 * line_idx as f32);
            let galley = painter.layout_no_wrap(text, font, colour);
            let rect = anchor.anchor_size(place, galley.size());
            // Curves and hatching run behind the words, not through them.
            painter.rect_filled(rect.expand2(vec2(3.0, 0.0)), 2, theme.panel.gamma_multiply(0.85));
            painter.galley(rect.min, galley, colour);
        }
    }
}
