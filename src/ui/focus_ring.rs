//! One ring around whatever the keyboard is at, whoever drew it.

use egui::output::OutputEvent;
use egui::{FocusDirection, Id, Key, Rect, Stroke, StrokeKind, Ui, vec2};

use super::theme::Theme;

/// Whether the focus came by the keyboard, and where it is.
#[derive(Default)]
pub(super) struct FocusRing {
    focused: Option<Id>,
    /// A control that was clicked is where the pointer is: it needs no ring.
    is_by_pointer: bool,
    rect: Option<Rect>,
    /// The focus is at something that has no name and no use for keys, as the lines between panels:
    /// it goes on.
    goes_on: Option<FocusDirection>,
    /// Frames in which a focus that moves is still taken for moved by the Tab key.
    n_frames_of_tab: u8,
}

/// A step of the Tab key may take effect in the frame after it.
const FRAMES_OF_TAB: u8 = 3;

/// A ring is no narrower, whatever the control.
const LEAST_SIDE: f32 = 10.0;

/// Where the control is that the focus has moved to and that is not in view; for one frame.
fn hidden_id() -> Id {
    Id::unique("focus out of view")
}

impl FocusRing {
    /// To be called before anything is drawn.
    pub fn begin(&mut self, ui: &Ui) {
        if let Some(direction) = self.goes_on.take() {
            ui.memory_mut(|memory| memory.move_focus(direction));
            self.n_frames_of_tab = FRAMES_OF_TAB;
        }
    }

    /// Draws the ring over what was drawn in this frame.
    pub fn ui(&mut self, ui: &Ui) {
        let ctx = ui.ctx();
        let focused = ctx.memory(egui::Memory::focused);
        let has_moved = focused != self.focused;
        let is_pressed = ui.input(|input| input.pointer.any_down() || input.pointer.any_released());
        self.is_by_pointer = is_pressed || (self.is_by_pointer && !has_moved);
        self.focused = focused;
        self.rect = None;
        self.n_frames_of_tab = match ui.input(|input| input.key_pressed(Key::Tab)) {
            true => FRAMES_OF_TAB,
            false => self.n_frames_of_tab.saturating_sub(1),
        };
        let Some(response) = focused.and_then(|id| ctx.read_response(id)) else { return };
        // Whatever has a name tells it when it gets the focus.
        let is_told = |event: &OutputEvent| matches!(event, OutputEvent::FocusGained(_));
        let has_name = ctx.output(|output| output.events.iter().any(is_told));
        let is_by_tab = has_moved && !self.is_by_pointer && self.n_frames_of_tab > 0;
        if is_by_tab && !has_name {
            let is_back = ui.input(|input| input.modifiers.shift);
            let direction = if is_back { FocusDirection::Previous } else { FocusDirection::Next };
            self.goes_on = Some(direction);
            ctx.request_repaint();
            return;
        }
        let shown = response.interact_rect;
        if has_moved && !self.is_by_pointer && shown.height() + 1.0 < response.rect.height() {
            ctx.data_mut(|data| data.insert_temp(hidden_id(), response.rect));
            ctx.request_repaint();
        }
        if self.is_by_pointer || !shown.is_positive() {
            return;
        }
        let room = ctx.content_rect().shrink(1.0);
        let lack = (vec2(LEAST_SIDE, LEAST_SIDE) - shown.size()).max(vec2(2.0, 2.0));
        let rect = shown.expand2(lack / 2.0).intersect(room);
        self.rect = Some(rect);
        let stroke = Stroke::new(2.0, Theme::of(ui).accent);
        let painter = ctx.layer_painter(response.layer_id);
        painter.rect_stroke(rect, 4, stroke, StrokeKind::Inside);
    }

    /// Where the ring was drawn in the last frame.
    pub fn rect(&self) -> Option<Rect> {
        self.rect
    }
}

/// Brings the control that the keyboard went to into view, if it is one of the list that scrolls here.
/// To be called first in what is scrolled: a target set outside of it does not reach it.
pub(super) fn scroll_to_focus(ui: &Ui) {
    let room = ui.clip_rect();
    let hidden = ui.data(|data| data.get_temp::<Rect>(hidden_id()));
    if let Some(rect) = hidden.filter(|rect| room.x_range().contains(rect.center().x)) {
        ui.data_mut(|data| data.remove::<Rect>(hidden_id()));
        let at_once = egui::style::ScrollAnimation::none();
        ui.scroll_to_rect_animation(rect.expand(8.0), None, at_once);
    }
}
