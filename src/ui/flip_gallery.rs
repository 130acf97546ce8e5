//! The samples whose answer changed: pictures, or the text before a token, page by page.

use std::sync::Arc;

use egui::{
    Align2, Color32, Rect, RichText, Sense, TextureHandle, TextureOptions, Ui, WidgetInfo, pos2,
    vec2,
};

use super::class_names::Names;
use super::segments::segments_ui;
use super::state_view;
use super::theme::{self, Theme};
use super::widgets::{cut_text, paint_text, region};
use crate::base::{percent, thousands};
use crate::eval::{AnswerRow, Answers, FlipCounts, FlipFilter, FlipKind, Guess, Side};
use crate::session::{
    Atlas, GalleryItem, GalleryPage, GalleryRequest, Loaded, Look, Same, Session,
};

/// Answers of two models, and how they are told.
pub struct Changes<'a> {
    pub answers: &'a Arc<Answers>,
    /// By kind, of all answers.
    pub flips: FlipCounts,
    pub names: &'a Names<'a>,
    pub session: &'a Session,
    pub words: &'a FlipWords,
}

/// What both models and the changes between them are called.
pub struct FlipWords {
    /// The two models, as in “float dog 90 %, quantized cat 60 %”.
    pub sides: [&'static str; 2],
    /// What is broken, fixed, or changed otherwise.
    pub kinds: [&'static str; 3],
    /// Heading of the samples, and of the tokens of a language model.
    pub titles: [&'static str; 2],
    /// Where nothing is broken, fixed, changed otherwise, or changed at all.
    pub nothing: [(&'static str, &'static str); 4],
}

/// The quantized model against float.
pub static OF_QUANTIZING: FlipWords = FlipWords {
    sides: ["float", "quantized"],
    kinds: [
        "Right before, wrong after",
        "Wrong before, right after",
        "Another answer, wrong before and after",
    ],
    titles: ["Changed samples", "Changed tokens"],
    nothing: [
        ("Nothing is broken", "Every answer that was right still is."),
        ("Nothing is fixed", "No answer that was wrong is right now."),
        ("No other change", "No wrong answer became another wrong answer."),
        ("No answer changed", "Both models answer the same on every sample."),
    ],
};

/// Recipe B against A.
pub static OF_RECIPES: FlipWords = FlipWords {
    sides: ["A", "B"],
    kinds: [
        "Right under A, wrong under B",
        "Wrong under A, right under B",
        "Another answer, wrong under both",
    ],
    titles: ["Samples that flip", "Tokens that flip"],
    nothing: [
        ("Nothing is broken", "Every answer that is right under A is right under B."),
        ("Nothing is fixed", "No answer that is wrong under A is right under B."),
        ("No other change", "No wrong answer is another wrong answer under B."),
        ("No answer differs", "A and B answer the same on every sample."),
    ],
};

/// What a click on a class or a cell chose, shared by the parts of a panel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filter {
    pub kind: FlipKind,
    pub class: Option<u32>,
    pub answer: Option<u32>,
}

impl Default for Filter {
    fn default() -> Self {
        Self { kind: FlipKind::Broken, class: None, answer: None }
    }
}

impl Filter {
    /// Chooses a class and an answer; the same once more chooses everything.
    pub fn toggle(&mut self, class: Option<u32>, answer: Option<u32>) {
        let is_chosen = (self.class, self.answer) == (class, answer);
        (self.class, self.answer) = if is_chosen { (None, None) } else { (class, answer) };
    }

    /// What fits these answers: classes they have, and kinds that labels can tell apart.
    pub fn fitted(mut self, answers: &Answers) -> Self {
        let exists = |class: &u32| (*class as usize) < answers.n_classes;
        self.class = self.class.filter(exists);
        self.answer = self.answer.filter(exists);
        if !answers.has_targets() {
            self.kind = FlipKind::Other;
        }
        self
    }

    pub fn flips(self) -> FlipFilter {
        FlipFilter { kind: self.kind, class: self.class, answer: self.answer }
    }
}

/// The page that is shown, and its pictures.
#[derive(Default)]
pub struct Gallery {
    first: usize,
    shown_filter: Filter,
    texture: Option<(Arc<GalleryPage>, TextureHandle)>,
}

/// Title and kinds.
const TITLE_HEIGHT: f32 = 34.0;
/// Room that the title needs.
const TITLE_WIDTH: f32 = 118.0;
/// What is chosen, with the button that lifts it.
const CHOSEN_HEIGHT: f32 = 28.0;
const FOOT_HEIGHT: f32 = 32.0;
/// Pictures are shown at the largest whole zoom that keeps their longer side below this.
const PICTURE_SIDE: usize = 112;
/// Two lines of answers under a picture.
const CAPTION_HEIGHT: f32 = 36.0;
const LINE_HEIGHT: f32 = 48.0;
/// Between one caption and the next.
const CAPTION_GAP: f32 = 10.0;
/// Least and most room that a caption takes, whatever the names.
const CAPTION_WIDTHS: std::ops::RangeInclusive<f32> = 92.0..=176.0;
/// Sign before a name, confidence behind it.
const CAPTION_FIGURES: f32 = 16.0 + 40.0;
/// Width of a letter, on the average of small ones.
const LETTER_WIDTH: f32 = 6.4;

impl Gallery {
    pub fn ui(&mut self, ui: &mut Ui, changes: &Changes, filter: &mut Filter) {
        if *filter != self.shown_filter {
            (self.shown_filter, self.first) = (*filter, 0);
        }
        let room = ui.max_rect().shrink2(vec2(theme::PANEL_MARGIN, 4.0));
        let head_height = head_height(ui, (changes, *filter), room.width());
        let (head, rest) = room.split_top_bottom_at_y(room.top() + head_height);
        let (middle, foot) = rest.split_top_bottom_at_y(rest.bottom() - FOOT_HEIGHT);
        let places = Places::new(middle, changes.names);
        let request = GalleryRequest {
            answers: Same(Arc::clone(changes.answers)),
            filter: filter.flips(),
            first: self.first,
            n_wanted: places.n(),
        };
        let page = changes.session.gallery(request);
        let counts = match page.shown().filter(|page| has_filter(page, *filter)) {
            Some(page) => page.counts,
            None => changes.flips,
        };
        region(ui, head, "head", |ui| head_ui(ui, changes, (filter, counts)));
        let n_matching = counts.of(filter.kind);
        region(ui, middle, "samples", |ui| self.page_ui(ui, changes, (&page, &places, *filter)));
        region(ui, foot, "pages", |ui| self.pages_ui(ui, n_matching, places.n()));
    }

    fn page_ui(
        &mut self,
        ui: &mut Ui,
        changes: &Changes,
        (page, places, filter): (&Loaded<GalleryPage>, &Places, Filter),
    ) {
        if let Some(reason) = page.failure() {
            state_view::failed_ui(ui, "The samples cannot be shown", reason);
            return;
        }
        let Some(shown) = page.shown() else {
            state_view::pending_ui(
                ui,
                "Looking for changed samples",
                crate::base::Progress::default(),
            );
            return;
        };
        if shown.items.is_empty() && !page.is_stale() {
            let (title, hint) = nothing_text(changes, filter);
            let icon = egui_material_icons::icons::ICON_CHECK_CIRCLE;
            state_view::empty_icon_ui(ui, icon, (title, hint));
            return;
        }
        if page.is_stale() {
            ui.multiply_opacity(0.5);
        }
        let texture = self.texture(ui, shown);
        for (nth, item) in shown.items.iter().enumerate().take(places.n()) {
            let rect = places.rect(nth);
            let picture = match (&item.look, &shown.atlas, &texture) {
                (Look::Picture(idx), Some(atlas), Some(texture)) => Some((*idx, atlas, texture)),
                _ => None,
            };
            match picture {
                Some(picture) => picture_ui(ui, (rect, places), picture, (item, changes.names)),
                None => line_ui(ui, rect, item, changes.names),
            }
            let response = ui.interact(rect, ui.scope_id().with(("sample", nth)), Sense::hover());
            let text = describe(item, changes);
            response.widget_info(|| WidgetInfo::labeled(egui::Role::Label, true, &text));
            response.on_hover_text(text);
        }
    }

    /// The page's pictures on the graphics card; the old ones are let go.
    fn texture(&mut self, ui: &Ui, page: &Arc<GalleryPage>) -> Option<TextureHandle> {
        let atlas = page.atlas.as_ref()?;
        if let Some((known, texture)) = &self.texture
            && Arc::ptr_eq(known, page)
        {
            return Some(texture.clone());
        }
        let image = egui::ColorImage::from_rgba_unmultiplied(atlas.size, &atlas.rgba);
        let texture = ui.ctx().load_texture("changed samples", image, TextureOptions::NEAREST);
        self.texture = Some((Arc::clone(page), texture.clone()));
        Some(texture)
    }

    /// Which of how many, and the way to the others.
    fn pages_ui(&mut self, ui: &mut Ui, n_matching: usize, n_page: usize) {
        use egui_material_icons::icons::{ICON_CHEVRON_LEFT, ICON_CHEVRON_RIGHT};
        let theme = Theme::of(ui);
        // The last page, where fewer are left than were turned over.
        if self.first >= n_matching {
            self.first = n_matching.saturating_sub(1) / n_page * n_page;
        }
        ui.horizontal_centered(|ui| {
            let last = (self.first + n_page).min(n_matching);
            let text = match n_matching {
                0 => "none".to_owned(),
                n => {
                    format!("{}–{} of {}", thousands(self.first + 1), thousands(last), thousands(n))
                }
            };
            ui.label(RichText::new(text).color(theme.label));
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                let mut first = self.first;
                let mut arrow = |icon: egui_material_icons::MaterialIcon,
                                 name: &str,
                                 to: Option<usize>| {
                    let button = egui::Button::new(icon.rich_text().size(14.0));
                    let button = button.min_size(vec2(24.0, 24.0));
                    let response = ui.add_enabled(to.is_some(), button);
                    response.ctx.accesskit_node_builder(response.id, |node| node.set_label(name));
                    if let Some(to) = to.filter(|_| response.on_hover_text(name).clicked()) {
                        first = to;
                    }
                };
                let next = (last < n_matching).then_some(last);
                let previous = (self.first > 0).then(|| self.first.saturating_sub(n_page));
                arrow(ICON_CHEVRON_RIGHT, "Next samples", next);
                arrow(ICON_CHEVRON_LEFT, "Previous samples", previous);
                self.first = first;
            });
        });
    }
}

fn has_filter(page: &GalleryPage, filter: Filter) -> bool {
    let shown = page.filter;
    (shown.class, shown.answer) == (filter.class, filter.answer)
}

fn nothing_text(changes: &Changes, filter: Filter) -> (&'static str, &'static str) {
    let [broken, fixed, other, any] = changes.words.nothing;
    match filter.kind {
        _ if filter.class.or(filter.answer).is_some() => (
            "None here",
            "No sample of this kind under the class or cell that is chosen. Choose another kind, or lift the choice above.",
        ),
        FlipKind::Broken => broken,
        FlipKind::Fixed => fixed,
        FlipKind::Other if changes.answers.has_targets() => other,
        FlipKind::Other => any,
    }
}

/// Title, kinds with their counts, and what was chosen by a click.
fn head_ui(ui: &mut Ui, changes: &Changes, (filter, counts): (&mut Filter, FlipCounts)) {
    let theme = Theme::of(ui);
    ui.spacing_mut().item_spacing.y = 4.0;
    ui.allocate_ui_with_layout(
        vec2(ui.available_width(), 32.0),
        egui::Layout::left_to_right(egui::Align::Center),
        |ui| {
            let [samples, tokens] = changes.words.titles;
            let what = if changes.names.is_language() { tokens } else { samples };
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                if changes.answers.has_targets() {
                    kinds_ui(ui, (&mut filter.kind, counts), changes.words);
                }
                ui.with_layout(egui::Layout::left_to_right(egui::Align::Center), |ui| {
                    // In little room the kinds say it.
                    if ui.available_width() >= TITLE_WIDTH {
                        let title = RichText::new(what).font(theme::title(12.0)).color(theme.text);
                        ui.add(egui::Label::new(title).truncate());
                    }
                });
            });
        },
    );
    if let Some(text) = chosen_text(changes.names, *filter) {
        let button = egui::Button::new(format!("{text}  ✕")).selected(true).truncate();
        let response = ui.add(button).on_hover_text("Show all classes again");
        let label = format!("Show all classes, not {text} alone");
        response.ctx.accesskit_node_builder(response.id, |node| node.set_label(label.as_str()));
        if response.clicked() {
            filter.toggle(filter.class, filter.answer);
        }
    }
    let order = RichText::new(order_text(changes, *filter)).color(theme.hint);
    ui.add(egui::Label::new(order).wrap());
}

/// In which order the samples stand.
fn order_text(changes: &Changes, filter: Filter) -> String {
    let order = match filter.kind {
        FlipKind::Broken => "largest loss of confidence first",
        FlipKind::Fixed => "largest gain of confidence first",
        FlipKind::Other => "surest new answer first",
    };
    let turns = match filter.class {
        Some(_) => "",
        None if changes.names.is_language() => ", tokens in turn",
        None => ", classes in turn",
    };
    format!("{order}{turns}")
}

/// Height of title, choice and order, which takes two lines in little room.
fn head_height(ui: &Ui, (changes, filter): (&Changes, Filter), width: f32) -> f32 {
    let text = order_text(changes, filter);
    let order = ui.painter().layout(text, theme::text(12.0), Color32::WHITE, width);
    let is_chosen = filter.class.or(filter.answer).is_some();
    let chosen = if is_chosen { CHOSEN_HEIGHT } else { 0.0 };
    TITLE_HEIGHT + chosen + order.size().y + 12.0
}

fn kinds_ui(ui: &mut Ui, (kind, counts): (&mut FlipKind, FlipCounts), words: &FlipWords) {
    let name = |name: &str, n: usize| format!("{name} {}", thousands(n));
    let names =
        [name("Broken", counts.broken), name("Fixed", counts.fixed), name("Other", counts.other)];
    let [broken, fixed, other] = &names;
    let options = [
        (FlipKind::Broken, broken.as_str(), words.kinds[0]),
        (FlipKind::Fixed, fixed.as_str(), words.kinds[1]),
        (FlipKind::Other, other.as_str(), words.kinds[2]),
    ];
    segments_ui(ui, kind, &options);
}

fn chosen_text(names: &Names, filter: Filter) -> Option<String> {
    match (filter.class, filter.answer) {
        (None, None) => None,
        (Some(class), None) => Some(names.of(class)),
        (None, Some(answer)) => Some(format!("answer {}", names.of(answer))),
        (Some(class), Some(answer)) => {
            Some(format!("{} answered as {}", names.of(class), names.of(answer)))
        }
    }
}

/// Where the samples of a page stand.
struct Places {
    area: Rect,
    item_size: egui::Vec2,
    picture_size: egui::Vec2,
    caption_width: f32,
    n_columns: usize,
    n_rows: usize,
}

impl Places {
    fn new(area: Rect, names: &Names) -> Self {
        let fitting = |room: f32, size: f32| ((room / size) as usize).max(1);
        let Some([width, height]) = names.samples.picture_size() else {
            let item_size = vec2(area.width(), LINE_HEIGHT);
            let n_rows = fitting(area.height(), LINE_HEIGHT);
            let picture_size = vec2(0.0, 0.0);
            return Self {
                area,
                item_size,
                picture_size,
                caption_width: 0.0,
                n_columns: 1,
                n_rows,
            };
        };
        let zoom = (PICTURE_SIDE / width.max(height).max(1)).max(1) as f32;
        let picture_size = vec2(width as f32, height as f32) * zoom;
        let caption_width = picture_size.x.max(caption_width(names));
        let least = vec2(caption_width + CAPTION_GAP, picture_size.y + CAPTION_HEIGHT + 8.0);
        let (n_columns, n_rows) =
            (fitting(area.width() + CAPTION_GAP, least.x), fitting(area.height(), least.y));
        let item_size = vec2(((area.width() + CAPTION_GAP) / n_columns as f32).floor(), least.y);
        Self { area, item_size, picture_size, caption_width, n_columns, n_rows }
    }

    fn n(&self) -> usize {
        self.n_columns * self.n_rows
    }

    fn rect(&self, nth: usize) -> Rect {
        let place = vec2((nth % self.n_columns) as f32, (nth / self.n_columns) as f32);
        Rect::from_min_size(self.area.min + place * self.item_size, self.item_size)
    }
}

/// Room that the longest name of a class needs under a picture.
fn caption_width(names: &Names) -> f32 {
    let classes = names.samples.classes.as_deref().unwrap_or_default();
    let n_letters = classes.iter().map(|class| class.chars().count()).max().unwrap_or(0);
    let width = n_letters as f32 * LETTER_WIDTH + CAPTION_FIGURES;
    width.clamp(*CAPTION_WIDTHS.start(), *CAPTION_WIDTHS.end())
}

fn picture_ui(
    ui: &Ui,
    (rect, places): (Rect, &Places),
    (idx, atlas, texture): (usize, &Atlas, &TextureHandle),
    (item, names): (&GalleryItem, &Names),
) {
    let picture = Rect::from_min_size(rect.min, places.picture_size);
    let [width, height] = atlas.cell_size.map(|side| side as f32);
    let [whole_width, whole_height] = atlas.size.map(|side| side.max(1) as f32);
    let (column, row) = (idx % atlas.n_columns.max(1), idx / atlas.n_columns.max(1));
    let corner = vec2(column as f32 * width / whole_width, row as f32 * height / whole_height);
    let size = vec2(width / whole_width, height / whole_height);
    let uv = Rect::from_min_size(corner.to_pos2(), size);
    ui.painter().image(texture.id(), picture, uv, Color32::WHITE);
    let room = Rect::from_min_max(
        pos2(rect.left(), picture.bottom() + 3.0),
        pos2(rect.left() + places.caption_width.min(rect.width()), rect.bottom()),
    );
    for (line, side) in [Side::Float, Side::Quantized].into_iter().enumerate() {
        let top = room.top() + line as f32 * 16.0;
        let line = Rect::from_min_max(pos2(room.left(), top), pos2(room.right(), top + 16.0));
        answer_ui(ui, line, (&item.row, side), names);
    }
}

/// Sign, answer and confidence of one model.
fn answer_ui(ui: &Ui, rect: Rect, (row, side): (&AnswerRow, Side), names: &Names) {
    let theme = Theme::of(ui);
    let guess = row.guess(side);
    let (sign, sign_colour) = match row.target() {
        None if side == Side::Float => ("●", theme.original),
        None => ("■", theme.quantized),
        Some(_) if row.is_hit(side) => ("✓", theme.rounding),
        Some(_) => ("✕", theme.bad),
    };
    let ink = if side == Side::Float { theme.text } else { theme.quantized };
    let font = theme::text(12.0);
    ui.painter().text(rect.left_center(), Align2::LEFT_CENTER, sign, font.clone(), sign_colour);
    let confidence = confidence_text(guess);
    let number = ui.painter().layout_no_wrap(confidence, theme::mono(11.0), theme.label);
    let room = rect.width() - 16.0 - number.size().x - 4.0;
    paint_text(ui, rect.right_center(), Align2::RIGHT_CENTER, number);
    let name = cut_text(ui, names.of_answer(guess.answer()), font, ink, room);
    paint_text(ui, rect.left_center() + vec2(16.0, 0.0), Align2::LEFT_CENTER, name);
}

fn confidence_text(guess: &Guess) -> String {
    match guess.answer() {
        Some(_) => percent(f64::from(guess.confidence), 0),
        None => String::new(),
    }
}

/// A sample without a picture: its number or the text before, and both answers below.
fn line_ui(ui: &Ui, rect: Rect, item: &GalleryItem, names: &Names) {
    let theme = Theme::of(ui);
    let stroke = egui::Stroke::new(1.0, theme.line);
    ui.painter().hline(rect.x_range(), rect.bottom() - 2.0, stroke);
    let target = item.row.target().map(|target| names.of(target));
    let tail = match (&item.look, &target) {
        (Look::Text { .. }, Some(target)) => format!(" → {target}"),
        (_, Some(target)) => format!(" · {target}"),
        _ => String::new(),
    };
    let tail = ui.painter().layout_no_wrap(tail, theme::text(12.0), theme.text);
    let head = match &item.look {
        Look::Text { before, .. } => last_that_fit(before, names, rect.width() - tail.size().x),
        _ => format!("sample {}", item.row.sample_idx),
    };
    let head = ui.painter().layout_no_wrap(head, theme::text(12.0), theme.label);
    let middle = rect.top() + 12.0;
    let tail_left = rect.left() + head.size().x;
    paint_text(ui, pos2(rect.left(), middle), Align2::LEFT_CENTER, head);
    paint_text(ui, pos2(tail_left, middle), Align2::LEFT_CENTER, tail);
    let top = rect.top() + 23.0;
    let half = (rect.width() / 2.0).min(220.0);
    for (column, side) in [Side::Float, Side::Quantized].into_iter().enumerate() {
        let left = rect.left() + column as f32 * half;
        let place = Rect::from_min_size(pos2(left, top), vec2(half - 16.0, 18.0));
        answer_ui(ui, place, (&item.row, side), names);
    }
}

/// The end of a text, as much as the width takes; where tokens are numbers, whole ones.
fn last_that_fit(text: &str, names: &Names, width: f32) -> String {
    // Cutting at an average width is near enough and measures nothing twice.
    let n_fitting = (width / 6.6).max(8.0) as usize;
    let n_chars = text.chars().count();
    if n_chars <= n_fitting {
        return text.to_owned();
    }
    let tail: String = text.chars().skip(n_chars + 1 - n_fitting).collect();
    let whole = match names.vocabulary {
        None => tail.split_once(' ').map(|(_, whole)| whole),
        Some(_) => None,
    };
    format!("…{}", whole.unwrap_or(&tail))
}

fn describe(item: &GalleryItem, changes: &Changes) -> String {
    let names = changes.names;
    let [before, after] = changes.words.sides;
    let row = &item.row;
    let says = |guess: &Guess| {
        let name = names.of_answer(guess.answer());
        format!("{name} {}", percent(f64::from(guess.confidence), 1))
    };
    let mut text = match &item.look {
        Look::Text { place, .. } => format!("Row {}, token {}", row.sample_idx, place + 1),
        _ => format!("Sample {}", row.sample_idx),
    };
    text.push_str(&format!(": {before} {}, {after} {}", says(&row.float), says(&row.quantized)));
    if let Some(target) = row.target() {
        let p = |guess: &Guess| percent(f64::from(guess.true_confidence), 1);
        let (float, quantized) = (p(&row.float), p(&row.quantized));
        text.push_str(&format!("; true is {}, {float} → {quantized}", names.of(target)));
    }
    text
}
