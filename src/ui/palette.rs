//! The palette: every command, panel, layer and setting by a few letters of its name.

use egui::{Align2, Key, Modifiers, RichText, ScrollArea, Ui, WidgetInfo, vec2};
use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};

use super::actions::{self, ACTIONS, Action};
use super::dock::Preset;
use super::palette_settings::{SettingEntry, channel_entries, setting_entries};
use super::panel::{PANELS, PanelCtx, UiCommand};
use super::quick_settings::{QUICK_SETTINGS, QuickSetting};
use super::theme::{self, Theme};
use super::widgets::name_it;
use crate::session::{BUILTIN_SAMPLES, Command, ModelRef};

/// The palette while it is open.
#[derive(Default)]
pub(super) struct Palette {
    open: Option<Search>,
}

#[derive(Default)]
struct Search {
    text: String,
    /// Place in the list of what Enter runs.
    chosen: usize,
    just_opened: bool,
}

/// A line of the palette.
pub(super) struct Item {
    pub title: String,
    /// Other words it is found by.
    words: String,
    pub group: &'static str,
    pub keys: Option<egui::KeyboardShortcut>,
    effect: Effect,
}

enum Effect {
    Action(&'static Action),
    Ask(UiCommand),
    Send(Command),
    /// Of the selected layers.
    Quantize(&'static QuickSetting),
    Set(SettingEntry),
}

impl Item {
    pub fn run(&self, ctx: &PanelCtx) {
        match &self.effect {
            Effect::Action(action) => (action.run)(ctx),
            Effect::Ask(command) => ctx.ask(command.clone()),
            Effect::Send(command) => ctx.send(command.clone()),
            Effect::Quantize(quick) => actions::edit(ctx, quick.name, |_| quick.choice()),
            Effect::Set(entry) => actions::edit(ctx, &self.title, |choice| entry.apply(choice)),
        }
    }
}

fn item(title: String, group: &'static str, effect: Effect) -> Item {
    Item { title, words: String::new(), group, keys: None, effect }
}

/// Everything that can be done now; numbers in the search make values of settings, and channels.
pub(super) fn items(ctx: &PanelCtx, search: &str) -> Vec<Item> {
    let mut items: Vec<Item> = ACTIONS
        .iter()
        .filter(|action| (action.is_enabled)(ctx.session) && action.name != "Commands…")
        .map(|action| Item {
            keys: action.shortcut,
            ..item(action.name.to_owned(), action.group.name(), Effect::Action(action))
        })
        .collect();
    for entry in PANELS {
        let ask = Effect::Ask(UiCommand::ShowPanel(entry.id));
        items.push(item(format!("Show {}", entry.title), "Panel", ask));
    }
    for preset in Preset::ALL {
        let ask = Effect::Ask(UiCommand::Arrange(preset));
        items.push(item(format!("Arrangement: {}", preset.name()), "View", ask));
    }
    items.push(item(
        "Reset arrangement".to_owned(),
        "View",
        Effect::Ask(UiCommand::ResetArrangement),
    ));
    for sample in BUILTIN_SAMPLES {
        let send = Effect::Send(Command::Open(ModelRef::Builtin(sample)));
        items.push(item(format!("Sample: {}", sample.title), "File", send));
    }
    items.extend(layer_items(ctx, search));
    items
}

/// What can be done with the layers of the open model.
fn layer_items(ctx: &PanelCtx, search: &str) -> Vec<Item> {
    let Some(network) = ctx.session.network().filter(|network| !network.layers.is_empty()) else {
        return Vec::new();
    };
    let mut items = Vec::new();
    for quick in QUICK_SETTINGS {
        let title = format!("Quantize: {}", quick.name);
        items.push(item(title, "Layer", Effect::Quantize(quick)));
    }
    for entry in setting_entries(ctx.session, search) {
        let set = item(entry.title(), "Setting", Effect::Set(entry));
        items.push(Item { words: entry.words(), ..set });
    }
    for channel_idx in channel_entries(ctx.session, search) {
        let send = Effect::Send(Command::SelectChannel(Some(channel_idx)));
        items.push(item(format!("Channel {channel_idx}"), "Layer", send));
    }
    for (layer_idx, layer) in network.layers.iter().enumerate() {
        let send = Effect::Send(Command::SelectLayer(layer_idx));
        items.push(item(format!("Go to {}", layer.name), "Layer", send));
    }
    items
}

/// The lines that match, the best first; all of them in order for an empty search.
fn found(items: Vec<Item>, search: &str) -> Vec<Item> {
    if search.trim().is_empty() {
        return items;
    }
    let mut matcher = Matcher::new(Config::DEFAULT);
    let pattern = Pattern::parse(search, CaseMatching::Ignore, Normalization::Smart);
    let typed = words_of(search);
    let mut buffer = Vec::new();
    let mut scored: Vec<(i64, Item)> = items
        .into_iter()
        .filter_map(|item| {
            let text = format!("{} {}", item.title, item.words);
            let score = pattern.score(Utf32Str::new(&text, &mut buffer), &mut matcher)?;
            // Whole words count most, then the shortest: “6 bits” means 6, not 16.
            let own = words_of(&item.title);
            let n_whole = typed.iter().filter(|word| own.contains(word)).count();
            let n_spare = own.len().saturating_sub(n_whole);
            let score = i64::from(score) + 200 * n_whole as i64 - 8 * n_spare as i64;
            Some((score, item))
        })
        .collect();
    scored.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
    scored.into_iter().map(|(_, item)| item).collect()
}

fn words_of(text: &str) -> Vec<String> {
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-');
    text.to_lowercase()
        .split(|c: char| !is_part(c))
        .map(|word| word.trim_matches('.').to_owned())
        .filter(|word| !word.is_empty())
        .collect()
}

/// Lines shown at once; more come by typing.
const MAX_SHOWN: usize = 60;

impl Palette {
    pub fn open(&mut self) {
        self.open = Some(Search { just_opened: true, ..Search::default() });
    }

    pub fn close(&mut self) {
        self.open = None;
    }

    /// Draws the palette while it is open.
    pub fn ui(&mut self, ui: &Ui, ctx: &PanelCtx) {
        let Some(search) = &mut self.open else { return };
        let mut run = None;
        let area = egui::Modal::default_area(egui::Id::unique("palette"))
            .anchor(Align2::CENTER_TOP, vec2(0.0, 56.0));
        let frame = egui::Frame::popup(ui.style()).inner_margin(8);
        let modal = egui::Modal::new(egui::Id::unique("palette")).area(area).frame(frame);
        let response = modal.show(ui.ctx(), |ui| {
            let room = ui.ctx().content_rect().size();
            ui.set_width(520.0_f32.min(room.x - 48.0));
            let items = found(items(ctx, &search.text), &search.text);
            run = search_ui(ui, search, &items);
            ui.add_space(4.0);
            if items.is_empty() {
                let text = format!("Nothing is called “{}”", search.text);
                ui.label(RichText::new(text).color(Theme::of(ui).hint));
            }
            if let Some(clicked) = list_ui(ui, search, &items) {
                run = Some(clicked);
            }
            run.and_then(|idx| items.into_iter().nth(idx))
        });
        if let Some(item) = response.inner {
            item.run(ctx);
            self.open = None;
        } else if response.should_close() {
            self.open = None;
        }
    }
}

/// The field; Enter runs the chosen line.
fn search_ui(ui: &mut Ui, search: &mut Search, items: &[Item]) -> Option<usize> {
    let n_shown = items.len().min(MAX_SHOWN);
    let pressed = |ui: &Ui, key: Key| ui.input_mut(|i| i.consume_key(Modifiers::NONE, key));
    if pressed(ui, Key::ArrowDown) {
        search.chosen += 1;
    }
    if pressed(ui, Key::ArrowUp) {
        search.chosen = search.chosen.saturating_sub(1);
    }
    let field = egui::TextEdit::singleline(&mut search.text)
        .hint_text("Command, layer, setting (“bits 6”) or “channel 3”")
        .font(theme::text(14.0))
        .desired_width(f32::INFINITY);
    let response = ui.add(field);
    name_it(&response, "Search commands");
    let entered = response.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
    if std::mem::take(&mut search.just_opened) || !response.has_focus() {
        response.request_focus();
    }
    if response.changed() {
        search.chosen = 0;
    }
    search.chosen = search.chosen.min(n_shown.saturating_sub(1));
    (entered && n_shown > 0).then_some(search.chosen)
}

fn list_ui(ui: &mut Ui, search: &mut Search, items: &[Item]) -> Option<usize> {
    let mut clicked = None;
    let height = (ui.ctx().content_rect().height() - 150.0).clamp(80.0, 420.0);
    ScrollArea::vertical().max_height(height).min_scrolled_height(height).auto_shrink(false).show(
        ui,
        |ui| {
            ui.spacing_mut().item_spacing.y = 0.0;
            for (idx, item) in items.iter().take(MAX_SHOWN).enumerate() {
                let response = line_ui(ui, item, idx == search.chosen);
                if idx == search.chosen && ui.input(|i| i.events.iter().any(is_key)) {
                    response.scroll_to_me(None);
                }
                if response.clicked() {
                    clicked = Some(idx);
                }
            }
            if items.len() > MAX_SHOWN {
                let text = format!("{} more; type to find them", items.len() - MAX_SHOWN);
                ui.label(RichText::new(text).color(Theme::of(ui).hint));
            }
        },
    );
    clicked
}

fn is_key(event: &egui::Event) -> bool {
    matches!(event, egui::Event::Key { .. })
}

fn line_ui(ui: &mut Ui, item: &Item, is_chosen: bool) -> egui::Response {
    let theme = Theme::of(ui);
    let size = vec2(ui.available_width(), theme::TABLE_ROW_HEIGHT);
    let (rect, response) = ui.allocate_exact_size(size, egui::Sense::click());
    response.widget_info(|| WidgetInfo::selected(egui::Role::Button, true, is_chosen, &item.title));
    if is_chosen || response.hovered() {
        let fill = if is_chosen { theme.selected } else { theme.hover };
        ui.painter().rect_filled(rect, 3, fill);
    }
    let painter = ui.painter().with_clip_rect(rect);
    let y = rect.center().y;
    let group_at = egui::pos2(rect.left() + 8.0, y);
    painter.text(group_at, Align2::LEFT_CENTER, item.group, theme::text(11.0), theme.hint);
    let at = egui::pos2(rect.left() + 64.0, y);
    painter.text(at, Align2::LEFT_CENTER, &item.title, theme::text(13.0), theme.text);
    if let Some(keys) = &item.keys {
        let keys = actions::keys_text(ui.ctx(), keys);
        let right = egui::pos2(rect.right() - 8.0, y);
        painter.text(right, Align2::RIGHT_CENTER, keys, theme::mono(11.0), theme.label);
    }
    response
}
