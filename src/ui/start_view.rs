//! What stands in the middle while no model is open: ways to open one, and what to try.

use std::sync::Arc;

use egui::{
    Align2, ColorImage, Galley, Rect, RichText, ScrollArea, Sense, Stroke, TextureHandle,
    TextureOptions, Ui, pos2, vec2,
};
use egui_material_icons::icons;

use super::dialogs::Dialog;
use super::panel::{PanelCtx, UiCommand};
use super::recent_files::recent_list_ui;
use super::theme::{self, Theme};
use super::widgets::primary_button;
use crate::base::bytes;
use crate::session::{BUILTIN_SAMPLES, BuiltinSample, Command, ModelRef};

/// The widest the page gets, and the room beside it.
const MAX_WIDTH: f32 = 1080.0;
const MARGIN: f32 = 24.0;
const GAP: f32 = 12.0;
/// Below this width a card is no pleasure to read.
const MIN_CARD_WIDTH: f32 = 330.0;
const CARD_PADDING: f32 = 12.0;
const PICTURE_SIDE: f32 = 74.0;
/// From this width on, two lists stand beside each other.
const TWO_COLUMNS: f32 = 720.0;

/// Below this width the ways to open a model stand under the invitation.
const NARROW: f32 = 430.0;

/// What to try once a model is open.
const TO_TRY: [(&str, &str); 3] = [
    ("Drag an end of the range", "The error splits into clipping and rounding as it moves."),
    ("Press [ and ] on a layer", "Fewer bits, more bits; the model's accuracy follows."),
    ("Look at the samples that broke", "Which answers changed, and what the float model said."),
];

/// Draws the start screen; while something is being opened, its name.
pub(super) fn start_ui(ui: &mut Ui, ctx: &PanelCtx) {
    let theme = Theme::of(ui);
    if let Some(label) = ctx.session.opening() {
        ui.vertical_centered(|ui| {
            ui.add_space(ui.available_height() * 0.4);
            ui.spinner();
            ui.add_space(8.0);
            ui.add(egui::Label::new(RichText::new(format!("{label}…")).color(theme.label)).wrap());
        });
        return;
    }
    ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        let room = ui.available_size();
        let width = MAX_WIDTH.min(room.x - 2.0 * MARGIN);
        ui.add_space((room.y * 0.09).clamp(16.0, 160.0));
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = 0.0;
            ui.add_space((room.x - width) / 2.0);
            ui.vertical(|ui| {
                ui.set_width(width);
                page_ui(ui, ctx);
                ui.add_space(MARGIN);
            });
        });
    });
}

fn page_ui(ui: &mut Ui, ctx: &PanelCtx) {
    drop_area_ui(ui, ctx);
    ui.add_space(20.0);
    heading_ui(ui, "Sample models");
    if let Some(sample) = cards_ui(ui, BUILTIN_SAMPLES) {
        ctx.send(Command::Open(ModelRef::Builtin(sample)));
    }
    ui.add_space(12.0);
    let has_recent = !ctx.session.recent().is_empty();
    if has_recent && ui.available_width() >= TWO_COLUMNS {
        ui.spacing_mut().item_spacing.x = 2.0 * GAP;
        ui.columns(2, |columns| {
            if let [left, right] = columns {
                recent_list_ui(left, ctx);
                to_try_ui(right);
            }
        });
    } else {
        if has_recent {
            recent_list_ui(ui, ctx);
            ui.add_space(12.0);
        }
        to_try_ui(ui);
    }
}

/// The name of a part of the page.
pub(super) fn heading_ui(ui: &mut Ui, text: &str) {
    let colour = Theme::of(ui).label;
    ui.label(RichText::new(text).font(theme::title(12.0)).color(colour));
    ui.add_space(4.0);
}

fn drop_area_ui(ui: &mut Ui, ctx: &PanelCtx) {
    let theme = Theme::of(ui);
    let width = ui.available_width();
    let is_narrow = width < NARROW;
    let height = if is_narrow { 128.0 } else { 84.0 };
    let (rect, _) = ui.allocate_exact_size(vec2(width, height), Sense::hover());
    let outline = [rect.left_top(), rect.right_top(), rect.right_bottom(), rect.left_bottom()];
    let stroke = Stroke::new(1.0, theme.line_strong);
    for (from, to) in outline.into_iter().zip(outline.into_iter().cycle().skip(1)) {
        ui.painter().extend(egui::Shape::dashed_line(&[from, to], stroke, 4.0, 4.0));
    }
    let inner = rect.shrink2(vec2(16.0, 12.0));
    let child = |ui: &mut Ui, place: Rect, layout| {
        ui.new_child(egui::UiBuilder::new().max_rect(place).layout(layout))
    };
    let left_to_right = egui::Layout::left_to_right(egui::Align::Center);
    let right_to_left = egui::Layout::right_to_left(egui::Align::Center);
    if is_narrow {
        let (above, below) = inner.split_top_bottom_at_y(inner.bottom() - 34.0);
        invitation_ui(&mut child(ui, above, left_to_right));
        ways_ui(&mut child(ui, below, right_to_left), ctx);
    } else {
        let mut right = child(ui, inner, right_to_left);
        ways_ui(&mut right, ctx);
        right.with_layout(left_to_right, invitation_ui);
    }
}

fn invitation_ui(ui: &mut Ui) {
    let theme = Theme::of(ui);
    ui.spacing_mut().item_spacing.x = 8.0;
    ui.label(icons::ICON_UPLOAD_FILE.rich_text().size(26.0).color(theme.label));
    ui.add_space(8.0);
    ui.vertical(|ui| {
        ui.add_space((ui.available_height() - 38.0).max(0.0) / 2.0);
        ui.label(RichText::new("No model is open").font(theme::title(13.0)).color(theme.text));
        let text = RichText::new("Drop one here: .safetensors, .onnx, or a folder");
        ui.add(egui::Label::new(text.color(theme.label)).wrap());
    });
}

/// From right to left.
fn ways_ui(ui: &mut Ui, ctx: &PanelCtx) {
    ui.spacing_mut().item_spacing.x = 8.0;
    if primary_button(ui, "Open…").clicked() {
        ctx.ask(UiCommand::Dialog(Dialog::PickModel));
    }
    let help = "Type or complete the path of a file or folder";
    let path = egui::Button::new("Path…").min_size(vec2(56.0, 26.0));
    if ui.add(path).on_hover_text(help).clicked() {
        ctx.ask(UiCommand::Dialog(Dialog::TypePath));
    }
}

/// Cards side by side, as many as fit, those of a row of one height; the one that was clicked.
fn cards_ui(ui: &mut Ui, samples: &'static [BuiltinSample]) -> Option<&'static BuiltinSample> {
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
        let room = width - 3.0 * CARD_PADDING - PICTURE_SIDE;
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
        text.max(PICTURE_SIDE) + 2.0 * CARD_PADDING
    }

    /// Draws the card; whether it was clicked.
    fn ui(self, ui: &mut Ui, size: egui::Vec2) -> bool {
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
        let picture = Rect::from_min_size(inner.min, vec2(PICTURE_SIDE, PICTURE_SIDE));
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
    let texture = ui.ctx().load_texture(sample.name, pixels, TextureOptions::NEAREST);
    ui.data_mut(|data| data.insert_temp(id, texture.clone()));
    Some(texture)
}

fn to_try_ui(ui: &mut Ui) {
    heading_ui(ui, "Three things to try");
    for (nth, (title, text)) in TO_TRY.into_iter().enumerate() {
        numbered_ui(ui, nth + 1, title, text);
    }
}

fn numbered_ui(ui: &mut Ui, number: usize, title: &str, text: &str) {
    let theme = Theme::of(ui);
    let width = ui.available_width();
    let room = (width - 48.0).max(80.0);
    let text = ui.painter().layout(text.to_owned(), theme::text(12.0), theme.label, room);
    let height = 25.0 + text.size().y;
    let (rect, _) = ui.allocate_exact_size(vec2(width, height), Sense::hover());
    let centre = pos2(rect.left() + 19.0, rect.top() + 20.0);
    let painter = ui.painter();
    painter.circle_stroke(centre, 11.0, Stroke::new(1.0, theme.line_strong));
    let digit = number.to_string();
    painter.text(centre, Align2::CENTER_CENTER, digit, theme::mono(11.0), theme.label);
    let at = rect.left_top() + vec2(44.0, 4.0);
    painter.text(at, Align2::LEFT_TOP, title, theme::text(13.0), theme.text);
    let at = rect.left_top() + vec2(44.0, 21.0);
    painter.galley(at, text, theme.label);
}
