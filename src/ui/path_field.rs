//! A field for a path, which completes folders and the files that can be opened.

use egui::text::{CCursor, CCursorRange};
use egui::{Key, Response, RichText, Sense, TextEdit, Ui, WidgetInfo, vec2};
use egui_material_icons::icons;
use std::path::{Path, PathBuf};

use super::folder_listing::{FolderEntry, FolderListing, FolderState};
use super::theme::{self, Theme};
use crate::base::bytes;
use crate::eval::import::IMPORTERS;
use crate::formats::READERS;
use crate::session::RecentFile;

/// What the path is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathKind {
    /// A model, a folder with one, a sample set or a recipe.
    Open,
    /// Pictures, arrays or tables to make a sample set of.
    Import,
    /// A recipe that is there.
    LoadRecipe,
    /// A recipe to be written.
    SaveRecipe,
    /// A picture to be written.
    SavePicture,
    /// A table to be written.
    SaveTable,
    /// A report to be written.
    SaveReport,
    /// A model to be written, with that ending.
    Export(&'static str),
}

impl PathKind {
    /// Whether the file is written, not read.
    pub fn is_saving(self) -> bool {
        self.ending().is_some()
    }

    /// What a name without an ending gets when it is written.
    pub fn ending(self) -> Option<&'static str> {
        match self {
            Self::SaveRecipe => Some("json"),
            Self::SavePicture => Some("png"),
            Self::SaveTable => Some("csv"),
            Self::SaveReport => Some("html"),
            Self::Export(ending) => Some(ending),
            Self::Open | Self::Import | Self::LoadRecipe => None,
        }
    }

    /// The name that is written.
    fn completed(self, name: &str) -> String {
        match self.ending() {
            Some(ending) if Path::new(name).extension().is_none() => format!("{name}.{ending}"),
            _ => name.to_owned(),
        }
    }

    fn list_height(self) -> f32 {
        // The formats need their room too.
        let n_lines = if matches!(self, Self::Export(_)) { 4.0 } else { 7.0 };
        n_lines * theme::TABLE_ROW_HEIGHT
    }
}

/// The most completions that are listed.
const MAX_SHOWN: usize = 200;

/// The field with what was typed.
pub struct PathField {
    kind: PathKind,
    text: String,
    listing: FolderListing,
    /// Place in the list below, moved by the arrow keys.
    chosen: Option<usize>,
    /// Steps through the list that were asked for while the folder was being read.
    steps: isize,
    has_been_focused: bool,
    /// Whether the text was changed since that was last asked.
    is_edited: bool,
}

/// A line of the list.
struct Suggestion {
    /// What the field holds when it is taken.
    text: String,
    name: String,
    detail: String,
    icon: egui_material_icons::MaterialIcon,
    /// A folder is gone into; anything else is what was looked for.
    is_folder: bool,
    is_dim: bool,
}

/// The key of an event that presses it alone.
fn plain_key(event: &egui::Event) -> Option<Key> {
    match event {
        egui::Event::Key { key, pressed: true, modifiers, .. } if modifiers.is_none() => Some(*key),
        _ => None,
    }
}

/// What stands below the field.
struct Suggestions {
    title: String,
    lines: Vec<Suggestion>,
    /// Whether a file of exactly that name is there.
    is_there: bool,
    /// Whether the folder is still being read.
    is_reading: bool,
}

impl PathField {
    pub fn new(kind: PathKind, text: String) -> Self {
        let listing = FolderListing::default();
        Self {
            kind,
            text,
            listing,
            chosen: None,
            steps: 0,
            has_been_focused: false,
            is_edited: false,
        }
    }

    /// Another text, and the keyboard.
    pub fn set_text(&mut self, text: String) {
        self.text = text;
        self.chosen = None;
        self.focus();
    }

    /// Another name, while something else has the keyboard.
    pub fn rename(&mut self, kind: PathKind, text: String) {
        self.kind = kind;
        self.text = text;
        self.chosen = None;
        self.is_edited = true;
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    /// Takes the keyboard when it is drawn next.
    pub fn focus(&mut self) {
        self.has_been_focused = false;
    }

    /// Whether the text was changed since the last call.
    pub fn take_edited(&mut self) -> bool {
        std::mem::take(&mut self.is_edited)
    }

    pub fn kind(&self) -> PathKind {
        self.kind
    }

    /// The path as it stands in the field, if there is one.
    pub fn path(&self) -> Option<PathBuf> {
        let text = self.text.trim();
        (!text.is_empty()).then(|| expand_home(text))
    }

    /// Draws field and list. Returns whether the path in the field was chosen, and whether a file of
    /// that name is there.
    pub fn ui(&mut self, ui: &mut Ui, recent: &[RecentFile]) -> (bool, bool) {
        let id = ui.make_persistent_id("path field");
        let suggestions = self.suggestions(recent, ui.ctx());
        let has_focus = ui.memory(|memory| memory.has_focus(id));
        let mut taken = None;
        if has_focus {
            taken = self.keys(ui, &suggestions);
        }
        let keeps_tab = !suggestions.lines.is_empty() || suggestions.is_reading;
        let hint = match self.kind {
            PathKind::Open => "/path/to/model.safetensors",
            PathKind::Import => "/path/to/pictures or /path/to/data.npz",
            PathKind::LoadRecipe | PathKind::SaveRecipe => "/path/to/recipe.json",
            PathKind::SavePicture => "/path/to/picture.png",
            PathKind::SaveTable => "/path/to/table.csv",
            PathKind::SaveReport => "/path/to/report.html",
            PathKind::Export(_) => "/path/to/model",
        };
        let field = TextEdit::singleline(&mut self.text)
            .id(id)
            .hint_text(hint)
            .font(theme::mono(12.0))
            .lock_focus(keeps_tab)
            .desired_width(f32::INFINITY);
        let response = ui.add(field);
        response.ctx.accesskit_node_builder(response.id, |node| node.set_label("Path"));
        if response.changed() {
            self.chosen = None;
            self.steps = 0;
            self.is_edited = true;
        }
        let entered = response.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
        let mut is_done = entered && self.path().is_some();
        if !self.has_been_focused && ui.is_enabled() {
            response.request_focus();
            if self.kind.is_saving() {
                self.select_stem(ui.ctx(), response.id);
            }
            self.has_been_focused = true;
        }
        ui.add_space(8.0);
        taken = self.list_ui(ui, &suggestions).or(taken);
        if let Some(line) = taken.and_then(|idx| suggestions.lines.get(idx)) {
            is_done = self.take(line, &response);
        }
        (is_done, suggestions.is_there)
    }

    /// Moves through the list by the keys in the order they were pressed; the place of the line that
    /// one of them takes.
    fn keys(&mut self, ui: &Ui, suggestions: &Suggestions) -> Option<usize> {
        let lines = &suggestions.lines;
        let mut pressed = Vec::new();
        let can_enter = self.chosen.is_some() || self.steps != 0;
        let takes = |key| match key {
            Key::ArrowDown | Key::ArrowUp | Key::Tab => !lines.is_empty() || suggestions.is_reading,
            _ => false,
        };
        ui.input_mut(|input| {
            input.events.retain(|event| {
                let Some(key) = plain_key(event) else { return true };
                let moves = pressed.iter().any(|key| *key != Key::Tab);
                let is_taken = takes(key) || (key == Key::Enter && (can_enter || moves));
                if is_taken {
                    pressed.push(key);
                }
                !is_taken
            });
        });
        if !pressed.is_empty() {
            // The same keys move the focus, before a field has said that it wants them.
            ui.memory_mut(|memory| memory.move_focus(egui::FocusDirection::None));
        }
        if !suggestions.is_reading {
            self.walk(lines.len());
        }
        let mut taken = None;
        for key in pressed {
            match key {
                Key::ArrowDown | Key::ArrowUp => {
                    self.steps += if key == Key::ArrowDown { 1 } else { -1 };
                    if taken.is_none() && !suggestions.is_reading {
                        self.walk(lines.len());
                    }
                }
                // What is read next is what they are meant for.
                _ if taken.is_some() || suggestions.is_reading => {}
                Key::Tab if self.chosen.is_none() && self.extend(lines, ui) => {}
                Key::Tab => taken = Some(self.chosen.unwrap_or(0)),
                _ => taken = self.chosen,
            }
        }
        taken.filter(|idx| *idx < lines.len())
    }

    /// Takes the steps that were asked for.
    fn walk(&mut self, n_lines: usize) {
        let steps = std::mem::take(&mut self.steps);
        let Ok(n_lines) = isize::try_from(n_lines) else { return };
        if steps == 0 || n_lines == 0 {
            return;
        }
        let from = match self.chosen {
            Some(idx) => idx.cast_signed(),
            None if steps > 0 => -1,
            None => 0,
        };
        self.chosen = Some((from + steps).rem_euclid(n_lines).cast_unsigned());
    }

    /// Selects the name up to its ending, so that typing replaces it; the caret stands before that.
    fn select_stem(&self, ctx: &egui::Context, id: egui::Id) {
        let (folder, name) = split(&self.text);
        let ending =
            [".recipe.json", ".png", ".svg", ".csv", ".json", ".onnx", ".safetensors", ".gguf"];
        let stem = ending.iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(name);
        let start = folder.chars().count();
        let mut state = TextEdit::load_state(ctx, id).unwrap_or_default();
        let end = CCursor::new(start + stem.chars().count());
        state.cursor.set_char_range(Some(CCursorRange::two(CCursor::new(start), end)));
        state.store(ctx, id);
    }

    /// Completes as far as all lines agree; whether that added anything.
    fn extend(&mut self, lines: &[Suggestion], ui: &Ui) -> bool {
        if lines.len() < 2 {
            return false;
        }
        let common = common_start(lines.iter().map(|line| line.text.as_str()));
        let longer = common.chars().count() > self.text.chars().count();
        if longer {
            self.text = common;
            self.cursor_to_end(ui.ctx(), ui.make_persistent_id("path field"));
        }
        longer
    }

    /// Puts a line into the field; whether that is the path looked for.
    fn take(&mut self, line: &Suggestion, response: &Response) -> bool {
        self.text.clone_from(&line.text);
        self.chosen = None;
        self.is_edited = true;
        self.cursor_to_end(&response.ctx, response.id);
        // To take it anew would forget which keys the field keeps to itself.
        if !response.has_focus() {
            response.request_focus();
        }
        !line.is_folder && !self.kind.is_saving()
    }

    fn cursor_to_end(&self, ctx: &egui::Context, id: egui::Id) {
        if let Some(mut state) = TextEdit::load_state(ctx, id) {
            let end = CCursor::new(self.text.chars().count());
            state.cursor.set_char_range(Some(CCursorRange::one(end)));
            state.store(ctx, id);
        }
    }

    fn suggestions(&mut self, recent: &[RecentFile], ctx: &egui::Context) -> Suggestions {
        if self.text.is_empty() && self.kind == PathKind::Open && !recent.is_empty() {
            return Suggestions {
                title: "Recent".to_owned(),
                lines: recent.iter().map(Suggestion::of_recent).collect(),
                is_there: false,
                is_reading: false,
            };
        }
        let (folder, start) = split(&self.text);
        let (kind, asked) = (self.kind, asked_folder(folder));
        match self.listing.ask(&asked, ctx) {
            FolderState::Reading => Suggestions {
                is_reading: true,
                ..Suggestions::none(format!("Reading {}…", asked.display()))
            },
            FolderState::Failed(reason) => {
                Suggestions::none(format!("{}: {reason}", asked.display()))
            }
            FolderState::Read(entries) => {
                let name = kind.completed(start);
                let is_there = entries.iter().any(|entry| !entry.is_folder && entry.name == name);
                let fitting = entries.iter().filter(|entry| fits(kind, entry, start));
                let lines: Vec<Suggestion> = fitting
                    .take(MAX_SHOWN)
                    .map(|entry| Suggestion::of_entry(folder, entry))
                    .collect();
                let title = match (lines.len(), is_there) {
                    (0, false) if kind.is_saving() => {
                        format!("{}: a new file", asked.display())
                    }
                    (0, true) => asked.display().to_string(),
                    (0, false) if start.is_empty() => {
                        format!("{}: nothing here that can be opened", asked.display())
                    }
                    (0, false) => format!("{}: nothing starts with {start}", asked.display()),
                    _ => asked.display().to_string(),
                };
                Suggestions { title, lines, is_there, is_reading: false }
            }
        }
    }

    /// The list; the place of a line that was clicked.
    fn list_ui(&self, ui: &mut Ui, suggestions: &Suggestions) -> Option<usize> {
        let theme = Theme::of(ui);
        let title = RichText::new(&suggestions.title).color(theme.hint);
        ui.add(egui::Label::new(title).truncate());
        let mut clicked = None;
        egui::ScrollArea::vertical()
            .id_salt("completions")
            .max_height(self.kind.list_height())
            .min_scrolled_height(self.kind.list_height())
            .auto_shrink(false)
            .show(ui, |ui| {
                ui.spacing_mut().item_spacing.y = 0.0;
                for (idx, line) in suggestions.lines.iter().enumerate() {
                    if line_ui(ui, line, self.chosen == Some(idx)) {
                        clicked = Some(idx);
                    }
                }
            });
        clicked
    }
}

impl Suggestions {
    fn none(title: String) -> Self {
        Self { title, lines: Vec::new(), is_there: false, is_reading: false }
    }
}

impl Suggestion {
    fn of_recent(file: &RecentFile) -> Self {
        let path = file.path.display().to_string();
        Self {
            name: format!("{} · {path}", file.title),
            text: path,
            detail: recent_detail(file),
            icon: icons::ICON_HISTORY,
            is_folder: false,
            is_dim: file.is_missing,
        }
    }

    fn of_entry(folder: &str, entry: &FolderEntry) -> Self {
        let end = if entry.is_folder { "/" } else { "" };
        Self {
            text: format!("{folder}{}{end}", entry.name),
            name: format!("{}{end}", entry.name),
            detail: if entry.is_folder { String::new() } else { bytes(entry.bytes) },
            icon: if entry.is_folder { icons::ICON_FOLDER } else { icons::ICON_DRAFT },
            is_folder: entry.is_folder,
            is_dim: false,
        }
    }
}

/// Size of a recent file, or that it is gone.
pub(super) fn recent_detail(file: &RecentFile) -> String {
    if file.is_missing { "not there".to_owned() } else { bytes(file.bytes) }
}

/// A row with an icon, a name and a detail on the right.
fn line_ui(ui: &mut Ui, line: &Suggestion, is_chosen: bool) -> bool {
    let theme = Theme::of(ui);
    let size = vec2(ui.available_width(), theme::TABLE_ROW_HEIGHT);
    let (rect, response) = ui.allocate_exact_size(size, Sense::click());
    let info = || WidgetInfo::selected(egui::Role::Button, true, is_chosen, &line.name);
    response.widget_info(info);
    if is_chosen {
        response.scroll_to_me(None);
    }
    if !ui.is_rect_visible(rect) {
        return response.clicked();
    }
    if is_chosen || response.hovered() || response.has_focus() {
        let fill = if is_chosen { theme.selected } else { theme.hover };
        ui.painter().rect_filled(rect, 4, fill);
    }
    let ink = if line.is_dim { theme.hint } else { theme.text };
    let mut content = ui.new_child(
        egui::UiBuilder::new()
            .max_rect(rect.shrink2(vec2(8.0, 0.0)))
            .layout(egui::Layout::right_to_left(egui::Align::Center)),
    );
    let detail = RichText::new(&line.detail).font(theme::mono(11.0)).color(theme.hint);
    content.label(detail);
    content.with_layout(egui::Layout::left_to_right(egui::Align::Center), |ui| {
        ui.label(line.icon.rich_text().size(14.0).color(theme.label));
        ui.add(egui::Label::new(RichText::new(&line.name).color(ink)).truncate());
    });
    response.clicked()
}

/// Whether an entry is one that could be meant.
fn fits(kind: PathKind, entry: &FolderEntry, start: &str) -> bool {
    let is_hidden = entry.name.starts_with('.') && !start.starts_with('.');
    let starts = entry.name.to_lowercase().starts_with(&start.to_lowercase());
    starts && !is_hidden && (entry.is_folder || has_ending(kind, &entry.name))
}

fn has_ending(kind: PathKind, name: &str) -> bool {
    let ending = Path::new(name).extension().and_then(|ending| ending.to_str());
    let ending = ending.unwrap_or_default().to_lowercase();
    let is_model = || READERS.iter().any(|reader| reader.extensions.contains(&ending.as_str()));
    match kind {
        PathKind::Open => ending == "json" || is_model(),
        PathKind::Import => {
            IMPORTERS.iter().any(|importer| importer.extensions.contains(&ending.as_str()))
        }
        PathKind::LoadRecipe | PathKind::SaveRecipe => ending == "json",
        PathKind::SavePicture => ending == "png" || ending == "svg",
        PathKind::SaveTable => ending == "csv",
        PathKind::SaveReport => ending == "html",
        PathKind::Export(wanted) => ending == wanted,
    }
}

/// The folder as typed, with its last stroke, and what was typed of the name.
fn split(text: &str) -> (&str, &str) {
    let is_stroke = |c: char| c == '/' || (cfg!(windows) && c == '\\');
    match text.rfind(is_stroke) {
        Some(stroke) => text.split_at(stroke + 1),
        None => ("", text),
    }
}

fn asked_folder(folder: &str) -> PathBuf {
    match folder {
        "" => std::env::current_dir().unwrap_or_else(|_| PathBuf::from(".")),
        folder => expand_home(folder),
    }
}

pub(super) fn expand_home(path: &str) -> PathBuf {
    let rest = path.strip_prefix("~/").or_else(|| (path == "~").then_some(""));
    match (rest, std::env::home_dir()) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(path),
    }
}

/// The longest text that all start with.
fn common_start<'a>(mut texts: impl Iterator<Item = &'a str>) -> String {
    let first = texts.next().unwrap_or_default();
    let n_common = texts.fold(first.chars().count(), |n_common, text| {
        let same = first.chars().zip(text.chars()).take_while(|(a, b)| a == b).count();
        same.min(n_common)
    });
    first.chars().take(n_common).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_split_at_the_last_stroke() {
        for (text, folder, start) in
            [("", "", ""), ("mo", "", "mo"), ("/a/b", "/a/", "b"), ("~/x/", "~/x/", "")]
        {
            assert_eq!(split(text), (folder, start));
        }
        assert_eq!(common_start(["abcd", "abxy", "ab"].into_iter()), "ab");
        assert_eq!(expand_home("/tmp"), PathBuf::from("/tmp"));
        if let Some(home) = std::env::home_dir() {
            assert_eq!(expand_home("~/m"), home.join("m"));
            assert_eq!(expand_home("~"), home.join(""));
        }
    }

    #[test]
    fn what_could_be_meant() {
        let file = |name: &str| FolderEntry { name: name.to_owned(), is_folder: false, bytes: 1 };
        for (kind, name, start, expected) in [
            (PathKind::Open, "Model.onnx", "mod", true),
            (PathKind::Open, "model.txt", "mod", false),
            (PathKind::Open, "a.json", "", true),
            (PathKind::LoadRecipe, "model.onnx", "", false),
            (PathKind::Open, ".hidden.onnx", "", false),
            (PathKind::Open, ".hidden.onnx", ".h", true),
        ] {
            assert_eq!(fits(kind, &file(name), start), expected, "{name} for {start:?}");
        }
    }
}
