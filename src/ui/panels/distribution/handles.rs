//! The ends of the range as handles to drag, with the number and what is clipped beside them.

use std::sync::Arc;

use egui::{Align2, Context, CursorIcon, Id, LayerId, Rect, Sense, Stroke, Ui, pos2, vec2};
use egui_plot::{PlotPoint, PlotTransform};

use super::value_plot::ShownRange;
use crate::base::{percent, significant, thousands};
use crate::quant::SchemeChoice;
use crate::session::{Gesture, LayerPicture};
use crate::ui::actions::edit_command;
use crate::ui::clip_range::{ClipEdit, End, Ends, has_typed_ends, is_mirrored};
use crate::ui::panel::PanelCtx;
use crate::ui::theme::{self, Theme};
use crate::ui::widgets::{gesture_of, name_it};

const GRIP: egui::Vec2 = vec2(12.0, 28.0);
/// How far beside the line a press still takes it.
const REACH: f32 = 8.0;
/// Around the number, both sides together.
const LABEL_PADDING: egui::Vec2 = vec2(12.0, 4.0);

/// A handle that is being dragged. Its value is sent when the last one has been answered, so that
/// answers come however large the tensor is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Held {
    pub ends: Ends,
    gesture: Gesture,
    is_sent: bool,
}

impl Held {
    /// Sends what the handle was dragged to.
    pub fn send(&mut self, ctx: &PanelCtx) {
        if self.is_sent {
            return;
        }
        self.is_sent = true;
        let edit = ClipEdit { lo: Some(self.ends.lo), hi: Some(self.ends.hi) };
        let change = |choice: &SchemeChoice| edit.apply(choice);
        ctx.send(edit_command(ctx.session, "range by hand", self.gesture, change));
    }
}

/// Draws the handles; one that is dragged, with the ends it asks for. Nothing where there is no one
/// grid, or a scheme whose range is not set by hand.
pub(super) fn handles_ui(
    ui: &mut Ui,
    ctx: &PanelCtx,
    picture: &LayerPicture,
    range: &ShownRange,
    transform: &PlotTransform,
) -> Option<Held> {
    let layer_idx = ctx.session.selection().layer_idx;
    let choice = ctx.session.choice(layer_idx);
    let has_range = choice.param("lo").is_some() && choice.param("hi").is_some();
    let ends = range.ends.filter(|_| has_range)?;
    // A channel's own range comes from the weights; by hand it is the same for all.
    let is_one = choice.settings().choice("granularity") == "per-tensor";
    let is_draggable = (is_one || has_typed_ends(&choice)) && !ctx.session.is_locked(layer_idx);
    let mirrored = is_mirrored(&choice);
    let mut held = None;
    let of = |end: End| {
        let value = if end == End::Low { ends.lo } else { ends.hi };
        Handle { end, value, is_draggable, is_pending: range.is_pending, is_outside: false }
    };
    let mut handles = [of(End::Low), of(End::High)];
    // Both the same way: one label inside and one outside would look like an error.
    let is_outside = handles.iter().all(|handle| handle.has_room_outside(ui, transform));
    for handle in &mut handles {
        handle.is_outside = is_outside;
        let end = handle.end;
        if let Some((value, gesture)) = handle.ui(ui, picture, transform) {
            let least = 2.0 * transform.dvalue_dpos()[0].abs();
            let ends = dragged_ends(ends, (end, value), mirrored, least);
            held = Some(Held { ends, gesture, is_sent: false });
        }
    }
    held
}

/// The ends after one is dragged: they contain 0, and enclose something.
fn dragged_ends(ends: Ends, (end, value): (End, f64), mirrored: bool, least: f64) -> Ends {
    if mirrored {
        let clip = if end == End::Low { -value } else { value };
        let clip = clip.max(least);
        return Ends { lo: -clip, hi: clip };
    }
    match end {
        End::Low => Ends { lo: value.min(0.0).min(ends.hi - least), hi: ends.hi },
        End::High => Ends { lo: ends.lo, hi: value.max(0.0).max(ends.lo + least) },
    }
}

struct Handle {
    end: End,
    value: f64,
    is_draggable: bool,
    /// What is clipped belongs to an earlier setting.
    is_pending: bool,
    /// Whether its label stands outside the range.
    is_outside: bool,
}

impl Handle {
    /// Where its line is drawn, and whether that is where its value lies.
    fn place(&self, transform: &PlotTransform) -> (f32, bool) {
        let frame = transform.frame();
        let true_x = transform.position_from_point(&PlotPoint::new(self.value, 0.0)).x;
        let x = true_x.clamp(frame.left(), frame.right());
        (x, (true_x - x).abs() <= 1.0)
    }

    fn text(&self, is_in_view: bool) -> String {
        let value = significant(self.value, 3);
        match (self.end, is_in_view) {
            (End::Low, true) => format!("lo {value}"),
            (End::High, true) => format!("hi {value}"),
            (End::Low, false) => format!("← lo {value}"),
            (End::High, false) => format!("hi {value} →"),
        }
    }

    fn has_room_outside(&self, ui: &Ui, transform: &PlotTransform) -> bool {
        let frame = transform.frame();
        let (x, is_in_view) = self.place(transform);
        let (font, ink) = (theme::mono(12.0), Theme::of(ui).accent);
        let galley = ui.painter().layout_no_wrap(self.text(is_in_view), font, ink);
        let room = match self.end {
            End::Low => x - frame.left(),
            End::High => frame.right() - x,
        };
        room > galley.size().x + LABEL_PADDING.x + 8.0
    }

    /// Where it was dragged to, and by which gesture. An end out of view stays at the edge.
    fn ui(
        &self,
        ui: &mut Ui,
        picture: &LayerPicture,
        transform: &PlotTransform,
    ) -> Option<(f64, Gesture)> {
        let theme = Theme::of(ui);
        let frame = *transform.frame();
        let (x, is_in_view) = self.place(transform);
        let line = Rect::from_center_size(pos2(x, frame.center().y), vec2(2.0, frame.height()));
        let mut dragged = None;
        if is_in_view {
            let width = if self.is_draggable { 2.0 } else { 1.0 };
            ui.painter().vline(x, frame.y_range(), Stroke::new(width, theme.accent));
        }
        if self.is_draggable {
            let name = match self.end {
                End::Low => "Low end of the range",
                End::High => "High end of the range",
            };
            let id = ui.scope_id().with(name);
            let area = line.expand2(vec2(REACH, 0.0));
            Presses::watch(ui, id, area.intersect(ui.clip_rect()));
            let response =
                ui.interact(area, id, Sense::drag()).on_hover_cursor(CursorIcon::ResizeHorizontal);
            name_it(&response, name);
            let pointer = response.interact_pointer_pos().filter(|_| response.dragged());
            if let Some(pointer) = pointer.filter(|_| response.drag_delta().x != 0.0) {
                let value = transform.value_from_position(pointer).x;
                dragged = Some((value, gesture_of(&response)));
            }
            let is_lit = response.dragged() || response.hovered();
            // At the edge of the plot it keeps off the numbers of the axis.
            let half = GRIP.x / 2.0;
            let inside =
                x.clamp(frame.left() + half, (frame.right() - half).max(frame.left() + half));
            self.grip_ui(ui, line.translate(vec2(inside - x, 0.0)), is_lit);
        }
        self.label_ui(ui, picture, (x, frame), is_in_view);
        dragged
    }

    fn grip_ui(&self, ui: &Ui, line: Rect, is_lit: bool) {
        let theme = Theme::of(ui);
        // Below the number and the count, as far as the plot is high enough.
        let y = line.center().y.max(line.top() + 74.0).min(line.bottom() - 16.0);
        let grip = Rect::from_center_size(pos2(line.center().x, y), GRIP);
        let colour = if is_lit { theme.text } else { theme.accent };
        ui.painter().rect_filled(grip, 3, colour);
        for offset in [-2.0, 2.0] {
            let notch = Stroke::new(1.0, theme.background);
            let y = grip.center().y - 5.0..=grip.center().y + 5.0;
            ui.painter().vline(grip.center().x + offset, y, notch);
        }
    }

    /// The value and the clipped count under it, outside the range where there is room.
    fn label_ui(&self, ui: &Ui, picture: &LayerPicture, (x, frame): (f32, Rect), is_in_view: bool) {
        let theme = Theme::of(ui);
        let text = self.text(is_in_view);
        let painter = ui.painter().with_clip_rect(frame);
        let galley = painter.layout_no_wrap(text, theme::mono(12.0), theme.accent);
        let size = galley.size() + LABEL_PADDING;
        let is_left = (self.end == End::Low) == self.is_outside;
        let left = if is_left { x - size.x - 4.0 } else { x + 4.0 };
        let pill = Rect::from_min_size(pos2(left, frame.top() + 6.0), size);
        // A label, not a field: curves and hatching run behind it, not through it.
        painter.rect_filled(pill, 2, theme.panel.gamma_multiply(0.85));
        painter.galley(pill.min + vec2(6.0, 2.0), galley, theme.accent);
        let n_clipped = match self.end {
            End::Low => picture.profile.n_clipped.0,
            End::High => picture.profile.n_clipped.1,
        };
        if n_clipped == 0 {
            return;
        }
        let opacity = if self.is_pending { 0.5 } else { 1.0 };
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
            let colour = colour.gamma_multiply(opacity);
            let galley = painter.layout_no_wrap(text, font, colour);
            let rect = anchor.anchor_size(place, galley.size());
            // Curves and hatching run behind the words, not through them.
            painter.rect_filled(rect.expand2(vec2(3.0, 0.0)), 2, theme.panel.gamma_multiply(0.85));
            painter.galley(rect.min, galley, colour);
        }
    }
}

/// Where handles were drawn. A press and a move within one slow frame are told of together, and the
/// pointer is beside the handle when it is asked what lies under it: what was pressed gets the drag,
/// before the plot takes it.
#[derive(Clone, Default)]
struct Presses {
    /// By handle, the pass in which it was drawn last.
    places: Vec<(Id, LayerId, Rect, u64)>,
    is_watching: bool,
}

impl Presses {
    fn watch(ui: &Ui, id: Id, area: Rect) {
        let ctx = ui.ctx();
        let place = (id, ui.layer_id(), area, ctx.cumulative_pass_nr());
        let was_watching = ctx.data_mut(|data| {
            let presses = data.get_temp_mut_or_default::<Self>(Id::NULL);
            presses.places.retain(|(known, ..)| *known != id);
            presses.places.push(place);
            std::mem::replace(&mut presses.is_watching, true)
        });
        if !was_watching {
            ctx.on_begin_pass("presses on clip handles", Arc::new(|ui| Self::take(ui.ctx())));
        }
    }

    fn take(ctx: &Context) {
        let pressed = ctx.input(|input| match input.pointer.primary_pressed() {
            true => input.pointer.press_origin(),
            false => None,
        });
        let Some(origin) = pressed else { return };
        let last_pass = ctx.cumulative_pass_nr().saturating_sub(1);
        let presses = ctx.data(|data| data.get_temp::<Self>(Id::NULL)).unwrap_or_default();
        let hit = presses.places.iter().find(|(_, layer_id, area, pass)| {
            *pass >= last_pass
                && area.contains(origin)
                && ctx.layer_id_at(origin) == Some(*layer_id)
        });
        if let Some((id, ..)) = hit {
            ctx.set_dragged_id(*id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dragged_ends_enclose_zero() {
        let ends = Ends { lo: -0.3, hi: 0.2 };
        for (end, value, mirrored, wanted) in [
            (End::Low, -0.1, true, (-0.1, 0.1)),
            (End::Low, 0.5, true, (-0.01, 0.01)),
            (End::High, 0.5, true, (-0.5, 0.5)),
            (End::Low, -0.1, false, (-0.1, 0.2)),
            (End::Low, 0.1, false, (0.0, 0.2)),
            (End::High, -0.1, false, (-0.3, 0.0)),
        ] {
            let found = dragged_ends(ends, (end, value), mirrored, 0.01);
            assert_eq!((found.lo, found.hi), wanted, "{end:?} to {value}, mirrored {mirrored}");
        }
    }
}
