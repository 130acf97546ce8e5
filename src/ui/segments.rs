//! Joined buttons of which one is chosen: the one look of a choice of few, whatever the panel.

use egui::{
    Button, CornerRadius, Rect, RichText, Sense, Stroke, StrokeKind, TextStyle, Ui, UiBuilder,
};
use egui::{pos2, vec2};

use super::theme::{self, Theme};
use super::widgets::name_it;

/// Space beside a name, and the least there is where room is short.
const PADDING: f32 = 8.0;
const LEAST_PADDING: f32 = 2.0;
const ROUNDING: u8 = 4;

/// Value, name and tooltip of each choice, from left to right in any layout.
pub struct Segments<'a, T> {
    options: &'a [(T, &'a str, &'a str)],
    /// What stands before a name for a screen reader.
    prefix: &'a str,
    fills: bool,
}

/// Draws the choices; a click takes one.
pub fn segments_ui<T: Copy + PartialEq>(ui: &mut Ui, chosen: &mut T, options: &[(T, &str, &str)]) {
    if let Some(clicked) = Segments::new(options).show(ui, Some(*chosen)) {
        *chosen = clicked;
    }
}

impl<'a, T: Copy + PartialEq> Segments<'a, T> {
    pub fn new(options: &'a [(T, &'a str, &'a str)]) -> Self {
        Self { options, prefix: "", fills: false }
    }

    /// Names it for screen readers: “Colour by” makes “bits” “Colour by bits”.
    pub fn named(mut self, prefix: &'a str) -> Self {
        self.prefix = prefix;
        self
    }

    /// Takes the whole width there is.
    pub fn filling(mut self) -> Self {
        self.fills = true;
        self
    }

    /// Draws them; the one that was clicked, if it is another than the chosen one.
    pub fn show(self, ui: &mut Ui, chosen: Option<T>) -> Option<T> {
        let widths = self.widths(ui);
        let size = vec2(widths.iter().sum(), theme::CONTROL_HEIGHT);
        let (whole, _) = ui.allocate_exact_size(size, Sense::hover());
        let mut clicked = None;
        let mut outlined = None;
        let mut left = whole.left();
        for (idx, (option, width)) in self.options.iter().zip(widths).enumerate() {
            let is_last = idx + 1 == self.options.len();
            // Neighbours share a border.
            let right = left + width + if is_last { 0.0 } else { 1.0 };
            let rect = Rect::from_min_max(pos2(left, whole.top()), pos2(right, whole.bottom()));
            left += width;
            let corners = corners(idx == 0, is_last);
            let is_chosen = chosen == Some(option.0);
            if is_chosen {
                outlined = Some((rect, corners));
            }
            if self.segment_ui(ui, option, (rect, corners), is_chosen) && !is_chosen {
                clicked = Some(option.0);
            }
        }
        // Over the borders of both neighbours.
        if let Some((rect, corners)) = outlined {
            let stroke = Stroke::new(1.0, Theme::of(ui).accent);
            ui.painter().rect_stroke(rect, corners, stroke, StrokeKind::Inside);
        }
        clicked
    }

    fn segment_ui(
        &self,
        ui: &mut Ui,
        &(_, name, help): &(T, &str, &str),
        (rect, corners): (Rect, CornerRadius),
        is_chosen: bool,
    ) -> bool {
        let theme = Theme::of(ui);
        let layout = egui::Layout::centered_and_justified(egui::Direction::TopDown);
        let builder = UiBuilder::new().id_salt(("segment", name)).max_rect(rect).layout(layout);
        let mut room = ui.new_child(builder);
        room.spacing_mut().button_padding.x = LEAST_PADDING;
        let ink = if is_chosen { theme.text } else { theme.label };
        let button = Button::new(RichText::new(name).color(ink))
            .selected(is_chosen)
            .truncate()
            .stroke(Stroke::new(1.0, theme.line_strong))
            .corner_radius(corners);
        let response = room.add(button);
        if !self.prefix.is_empty() {
            name_it(&response, &format!("{} {}", self.prefix, name.to_lowercase()));
        }
        if help.is_empty() { response.clicked() } else { response.on_hover_text(help).clicked() }
    }

    /// As wide as the names, or filling: alike where each name has room, else by their length.
    fn widths(&self, ui: &Ui) -> Vec<f32> {
        let font = TextStyle::Button.resolve(ui.style());
        let ink = Theme::of(ui).text;
        let text_width = |name: &str| {
            ui.painter().layout_no_wrap(name.to_owned(), font.clone(), ink).size().x.ceil()
        };
        let texts: Vec<f32> = self.options.iter().map(|option| text_width(option.1)).collect();
        if !self.fills {
            return texts.iter().map(|text| text + 2.0 * PADDING).collect();
        }
        let room = ui.available_width();
        let even = room / texts.len().max(1) as f32;
        if texts.iter().all(|text| text + 2.0 * LEAST_PADDING + 2.0 <= even) {
            return vec![even; texts.len()];
        }
        let spare = (room - texts.iter().sum::<f32>()) / texts.len().max(1) as f32;
        texts.iter().map(|text| (text + spare).max(8.0)).collect()
    }
}

/// Round at the ends of the row only.
fn corners(is_first: bool, is_last: bool) -> CornerRadius {
    let (left, right) = (if is_first { ROUNDING } else { 0 }, if is_last { ROUNDING } else { 0 });
    CornerRadius { nw: left, sw: left, ne: right, se: right }
}
