//! The sample models as cards: a picture, the name, the size and what each teaches.

use std::sync::Arc;

use egui::{
    Align2, ColorImage, Galley, Rect, Sense, Stroke, TextureHandle, TextureOptions, Ui, Vec2, pos2,
    vec2,
};

use super::theme::{self, Theme};
use crate::base::bytes;
use crate::session::BuiltinSample;

/// Between two cards.
const GAP: f32 = 12.0;
/// Below this width a card is no pleasure to read.
const MIN_CARD_WIDTH: f32 = 330.0;
const CARD_PADDING: f32 = 12.0;
const PICTURE: Vec2 = vec2(96.0, 64.0);

/// Cards side by side, as many as fit, those of a row of one height; the one that was clicked.
pub(super) fn cards_ui(
    ui: &mut Ui,
    samples: &'static [BuiltinSample],
) -> Option<&'static BuiltinSample> {
    let width = ui.available_width();
    let most = samples.len().clamp(1, 3);
    let n_columns = (((width + GAP) / (MIN_CARD_WIDTH + GAP)) as usize).clamp(1, most);
    let card_width = (width - GAP * (n_columns - 1) as f32) / n_columns as f32;
    let mut clicked = None;
    for row in samples.chunks(n_columns) {
        let cards: Vec<Card> = row.iter().map(|sample| Card::new(ui, sample, card_width)).collect();
        let height = cards.iter().map(Card::height).fold(0.0, f32::max);
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = GAP;
            for card in cards {
                let sample = card.sample;
                if card.ui(ui, vec2(card_width, height)) {
                    clicked = Some(sample);
                }
            }
        });
        ui.add_space(GAP - ui.spacing().item_spacing.y);
    }
    clicked
}

/// A sample model: picture, name, size and what it teaches, as it will be drawn.
struct Card {
    sample: &'static BuiltinSample,
    title: Arc<Galley>,
    text: Arc<Galley>,
}

impl Card {
    fn new(ui: &Ui, sample: &'static BuiltinSample, width: f32) -> Self {
        let theme = Theme::of(ui);
        let room = width - 3.0 * CARD_PADDING - PICTURE.x;
        let size = bytes(sample.n_bytes());
        let painter = ui.painter();
        let lay_out = |text: String, font, colour, room| painter.layout(text, font, colour, room);
        let size_room = painter.layout_no_wrap(size, theme::mono(11.0), theme.hint).size().x;
        let title_room = room - size_room - GAP;
        Self {
            sample,
            title: lay_out(sample.title.to_owned(), theme::title(13.0), theme.text, title_room),
            text: lay_out(sample.teaches.to_owned(), theme::text(12.0), theme.label, room),
        }
    }

    fn height(&self) -> f32 {
        let text = self.title.size().y + 4.0 + self.text.size().y;
        text.max(PICTURE.y) + 2.0 * CARD_PADDING
    }

    /// Draws the card; whether it was clicked.
    fn ui(self, ui: &mut Ui, size: Vec2) -> bool {
        let theme = Theme::of(ui);
        let (rect, response) = ui.allocate_exact_size(size, Sense::click());
        response
            .widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, self.sample.title));
        let is_lit = response.hovered() || response.has_focus();
        let (fill, border) =
            if is_lit { (theme.hover, theme.accent) } else { (theme.raised, theme.line) };
        let painter = ui.painter();
        painter.rect(rect, 6, fill, Stroke::new(1.0, border), egui::StrokeKind::Inside);
        let inner = rect.shrink(CARD_PADDING);
        let picture = Rect::from_min_size(inner.min, PICTURE);
        if let Some(texture) = picture_of(ui, self.sample) {
            egui::Image::new(&texture).corner_radius(3).paint_at(ui, picture);
        }
        let at = pos2(picture.right() + CARD_PADDING, inner.top());
        let below = at + vec2(0.0, self.title.size().y + 4.0);
        let right = pos2(inner.right(), inner.top() + 2.0);
        let painter = ui.painter();
        painter.galley(at, self.title, theme.text);
        let size = bytes(self.sample.n_bytes());
        painter.text(right, Align2::RIGHT_TOP, size, theme::mono(11.0), theme.hint);
        painter.galley(below, self.text, theme.label);
        response.on_hover_cursor(egui::CursorIcon::PointingHand).clicked()
    }
}

/// The picture of a sample; it is small and read once.
fn picture_of(ui: &Ui, sample: &BuiltinSample) -> Option<TextureHandle> {
    let id = egui::Id::unique(("picture of a sample", sample.name));
    if let Some(texture) = ui.data(|data| data.get_temp::<TextureHandle>(id)) {
        return Some(texture);
    }
    let image = image::load_from_memory(sample.picture).ok()?.into_rgba8();
    let (width, height) = image.dimensions();
    let pixels =
        ColorImage::from_rgba_unmultiplied([width as usize, height as usize], image.as_raw());
    let texture = ui.ctx().load_texture(sample.name, pixels, TextureOptions::LINEAR);
    ui.data_mut(|data| data.insert_temp(id, texture.clone()));
    Some(texture)
}
