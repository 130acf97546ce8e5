//! One bar: its drawing, its top to hold, its name to select and its lock.

use egui::{
    Align2, Color32, CursorIcon, Key, Pos2, Rangef, Rect, Response, RichText, Sense, Shape, Stroke,
    Ui, WidgetInfo, accesskit, pos2, vec2,
};
use egui_material_icons::icons;

use crate::base::{bytes, fixed, thousands};
use crate::model::Layer;
use crate::quant::SchemeChoice;
use crate::session::Command;
use crate::ui::layer_title::choice_words;
use crate::ui::panel::PanelCtx;
use crate::ui::theme::{self, Theme};
use crate::ui::widgets::name_it;

use super::drag::{TopDrag, move_by};
use super::height::{BitsAxis, Height, refusal};
use super::labels::Texts;
use super::tools::dashed_line;

/// A top is held from so far above and below it.
const REACH: f32 = 7.0;
const LOCK_SIDE: f32 = 18.0;

/// A layer as it is drawn.
pub(super) struct Bar<'a> {
    pub idx: usize,
    pub layer: &'a Layer,
    pub choice: SchemeChoice,
    pub height: Height,
    /// Of the recipe it is compared with.
    pub rival: Option<Height>,
    pub is_selected: bool,
    pub is_locked: bool,
    /// Where the column stands, from the top of the plot to its bottom.
    pub column: Rect,
    pub axis: BitsAxis,
    pub texts: Texts,
}

impl Bar<'_> {
    fn top(&self) -> f32 {
        self.axis.y(self.height)
    }

    fn rect(&self) -> Rect {
        self.column.with_min_y(self.top())
    }

    /// Whether its top can be moved.
    pub fn is_free(&self) -> bool {
        refusal(&self.layer.name, &self.choice, self.is_locked).is_none()
    }

    /// Draws the bar, and the mark of what it is compared with.
    pub fn draw(&self, ui: &Ui, is_held: bool) {
        let theme = Theme::of(ui);
        let ink = if self.is_selected { theme.accent } else { theme.original };
        let rect = self.rect();
        ui.painter().rect_filled(rect, 0, ink.gamma_multiply(0.42));
        let stroke = if self.is_selected || is_held { 3.0 } else { 2.0 };
        ui.painter().hline(rect.x_range(), rect.top(), Stroke::new(stroke, ink));
        if self.height == Height::Float {
            self.break_ui(ui, rect);
        }
        if let Some(rival) = self.rival {
            dashed_line(ui, rect, self.axis.y(rival), theme.quantized);
        }
        let above = pos2(rect.center().x, rect.top() - 3.0);
        let text = self.height.text();
        let ink = if self.is_selected { theme.accent } else { theme.text };
        ui.painter().text(above, Align2::CENTER_BOTTOM, text, theme::mono(12.0), ink);
        self.scheme_ui(ui, rect);
    }

    /// A cut through the bar: it ends somewhere above.
    fn break_ui(&self, ui: &Ui, rect: Rect) {
        let theme = Theme::of(ui);
        let y = rect.top() + 12.0;
        let tooth = 8.0;
        let n_teeth = (rect.width() / tooth).ceil() as usize;
        let point = |nth: usize| {
            let x = (rect.left() + nth as f32 * tooth).min(rect.right());
            pos2(x, y + if nth.is_multiple_of(2) { 3.0 } else { -3.0 })
        };
        let points = (0..=n_teeth).map(point).collect();
        ui.painter().add(Shape::line(points, Stroke::new(4.0, theme.background)));
    }

    /// What is no plain integer says what it is.
    fn scheme_ui(&self, ui: &Ui, rect: Rect) {
        let id = self.choice.scheme().id();
        if id == "int" || self.choice.keeps_float() || rect.height() < 20.0 {
            return;
        }
        let theme = Theme::of(ui);
        let font = theme::text(11.0);
        let painter = ui.painter().with_clip_rect(rect.intersect(ui.clip_rect()));
        let place = pos2(rect.center().x, rect.top() + 4.0);
        painter.text(place, Align2::CENTER_TOP, id, font, theme.text);
    }

    /// The top, to be dragged or set by keys.
    pub fn top_ui(&self, ui: &mut Ui, ctx: &PanelCtx, drag: &mut Option<TopDrag>) {
        let top = self.top();
        let (above, below) = (top - REACH, (top + REACH).min(self.column.bottom()));
        let area = Rect::from_x_y_ranges(self.column.x_range(), above..=below);
        let id = ui.scope_id().with(("top", self.idx));
        let response = ui.interact(area, id, Sense::click_and_drag());
        let refusal = refusal(&self.layer.name, &self.choice, self.is_locked);
        let bits = match self.height {
            Height::Bits(bits) => bits,
            Height::Float => f64::NAN,
        };
        let name = format!("Bits of {}", self.layer.name);
        response.widget_info(|| WidgetInfo::slider(refusal.is_none(), bits, &name));
        self.set_by_keys(ui, ctx, &response);
        if response.drag_started() && refusal.is_none() {
            *drag = self.hold(ui, ctx);
        }
        let is_held = drag.as_ref().is_some_and(|drag| drag.layer_idx == self.idx);
        if response.clicked() {
            ctx.send(select_command(self.idx, response.ctx.input(|input| input.modifiers)));
        }
        let is_shown = is_held || response.hovered() || response.has_focus() || self.is_selected;
        if refusal.is_none() && is_shown {
            let y = drag.as_ref().filter(|_| is_held).map_or(top, |drag| drag.y);
            self.handle_ui(ui, y.clamp(self.column.top(), self.column.bottom()));
        }
        let cursor =
            if refusal.is_none() { CursorIcon::ResizeVertical } else { CursorIcon::NotAllowed };
        let response = response.on_hover_cursor(cursor);
        match refusal {
            Some(reason) if response.dragged() => response.show_tooltip_text(reason),
            Some(reason) => drop(response.on_hover_text(reason)),
            None => {
                let help = format!(
                    "{}: {}. Drag it, or press + and − here",
                    self.layer.name,
                    self.height.words()
                );
                drop(response.on_hover_text(help));
            }
        }
    }

    /// Takes hold of the top, and shows the layer.
    pub fn hold(&self, ui: &Ui, ctx: &PanelCtx) -> Option<TopDrag> {
        if !self.is_selected {
            ctx.send(Command::SelectLayer(self.idx));
        }
        TopDrag::begin(ui, ctx, self.idx, self.axis.points_per_bit())
    }

    /// Whether a point is on the top, to hold it.
    pub fn is_at_top(&self, at: Pos2) -> bool {
        self.column.x_range().contains(at.x) && (at.y - self.top()).abs() <= REACH
    }

    /// By keys where the keyboard is at it, and by what speaks to the program.
    fn set_by_keys(&self, ui: &Ui, ctx: &PanelCtx, response: &Response) {
        let mut step = 0;
        if response.has_focus() {
            let pressed = |key| i64::from(ui.input(|input| input.key_pressed(key)));
            step += pressed(Key::Plus) + pressed(Key::Equals) - pressed(Key::Minus);
        }
        let now = self.choice.bits().unwrap_or(0);
        ui.input(|input| {
            for request in input.accesskit_action_requests(response.id, accesskit::Action::SetValue)
            {
                if let Some(accesskit::ActionData::NumericValue(value)) = request.data {
                    step = value.round() as i64 - now;
                }
            }
            let count = |action| input.num_accesskit_action_requests(response.id, action) as i64;
            step += count(accesskit::Action::Increment) - count(accesskit::Action::Decrement);
        });
        if step != 0 {
            move_by(ctx, self.idx, step);
        }
    }

    /// What to hold, in the middle of the top.
    fn handle_ui(&self, ui: &Ui, y: f32) {
        let theme = Theme::of(ui);
        let width = (self.column.width() * 0.5).min(26.0);
        let rect = Rect::from_center_size(pos2(self.column.center().x, y), vec2(width, 6.0));
        ui.painter().rect_filled(rect, 3, theme.accent);
    }

    /// The lock at the foot of the bar; an open one is seen once the bar is pointed at.
    pub fn lock_ui(&self, ui: &mut Ui, ctx: &PanelCtx) {
        let theme = Theme::of(ui);
        let centre = pos2(self.column.center().x, self.column.bottom() - 12.0);
        let rect = Rect::from_center_size(centre, vec2(LOCK_SIDE, LOCK_SIDE));
        let (icon, verb) = match self.is_locked {
            true => (icons::ICON_LOCK, "Unlock"),
            false => (icons::ICON_LOCK_OPEN, "Lock"),
        };
        let builder = egui::UiBuilder::new().id_salt(("lock", self.idx)).max_rect(rect);
        let mut place = ui.new_child(builder);
        place.spacing_mut().button_padding = vec2(0.0, 0.0);
        let lock_id = place.next_auto_id();
        let is_seen = self.is_locked
            || ui.memory(|memory| memory.has_focus(lock_id))
            || ui.rect_contains_pointer(self.column);
        let ink = if is_seen { theme.text } else { Color32::TRANSPARENT };
        let button = egui::Button::new(icon.rich_text().size(14.0).color(ink)).frame(false);
        let response = place.add_sized(rect.size(), button);
        let name = format!("{verb} {}", self.layer.name);
        name_it(&response, &name);
        if response.on_hover_text(format!("{name}: a locked layer keeps its bits")).clicked() {
            ctx.send(Command::SetLock { layer: self.layer.name.clone(), lock: !self.is_locked });
        }
    }

    /// The place of the name and the figures, which selects; the ink of the name.
    pub fn name_ui(&self, ui: &mut Ui, ctx: &PanelCtx, area: Rect) -> Color32 {
        let theme = Theme::of(ui);
        let id = ui.scope_id().with(("name", self.idx));
        let response = ui.interact(area, id, Sense::click());
        let name = format!("{}: {}", self.layer.name, self.height.words());
        let role = egui::Role::Button;
        response.widget_info(|| WidgetInfo::selected(role, true, self.is_selected, &name));
        if response.clicked() {
            let modifiers = response.ctx.input(|input| input.modifiers);
            ctx.send(select_command(self.idx, modifiers));
        }
        if response.hovered() {
            ui.painter().rect_filled(area, 2, theme.hover);
        }
        response.on_hover_ui(|ui| self.tooltip_ui(ui, ctx));
        if self.is_selected { theme.accent } else { theme.text }
    }

    /// Everything about the layer.
    pub fn tooltip_ui(&self, ui: &mut Ui, ctx: &PanelCtx) {
        let theme = Theme::of(ui);
        let layer = self.layer;
        let dims: Vec<String> = layer.dims.iter().map(ToString::to_string).collect();
        ui.label(RichText::new(&layer.name).font(theme::title(12.0)).color(theme.text));
        ui.label(format!(
            "{} · {} · {} weights",
            layer.op,
            dims.join("×"),
            thousands(layer.count())
        ));
        ui.label(format!("{} % of the weights", self.texts.share));
        ui.label(choice_words(&self.choice));
        if let Some(figures) = ctx.session.layer_figures(self.idx).shown() {
            let per_weight = figures.bits_per_weight().unwrap_or(0.0);
            let stored = bytes(figures.stored_bytes());
            ui.label(format!("{stored} stored, {} bits per weight", fixed(per_weight, 3)));
        }
        ui.label(format!("SQNR {} dB", self.texts.sqnr));
        ui.label(&self.texts.alone_help);
        if let Some(rival) = self.rival {
            ui.label(format!("Dashed: {}", rival.words()));
        }
        if self.is_locked {
            ui.label("Locked: it keeps its settings");
        }
    }
}

/// What a click on a layer selects: it alone, it as well, or all from the one shown to it.
pub(super) fn select_command(idx: usize, modifiers: egui::Modifiers) -> Command {
    match modifiers {
        modifiers if modifiers.command => Command::ToggleLayer(idx),
        modifiers if modifiers.shift => Command::SelectLayersTo(idx),
        _ => Command::SelectLayer(idx),
    }
}

/// Where a column of the plot stands on the screen.
pub(super) fn column_rect(stretch: Rangef, left: f32, plot: Rect) -> Rect {
    let (lo, hi) = (left + stretch.min, left + stretch.max);
    Rect::from_x_y_ranges(lo..=hi, plot.y_range())
}
