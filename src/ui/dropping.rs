//! Files held over the window: what would become of them, shown where they would fall. They are
//! looked at on a thread of their own.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, channel};

use egui::{Align2, Area, Frame, Order, RichText, Stroke, Ui, vec2};
use egui_material_icons::icons;

use super::path_field::PathKind;
use super::theme::{self, Theme};
use crate::session::{PathContent, content_of};

/// What is held over the window.
#[derive(Default)]
pub(super) struct Dropping {
    paths: Vec<PathBuf>,
    looking: Option<Receiver<Vec<PathContent>>>,
    contents: Vec<PathContent>,
}

/// What the window does with files just now.
#[derive(Clone, Copy)]
pub(super) struct Target {
    pub has_model: bool,
    /// The field for a path, if it is open.
    pub typing: Option<PathKind>,
}

/// The most files that are named.
const MAX_NAMED: usize = 6;

impl Dropping {
    /// Draws the target while files are held over the window.
    pub fn ui(&mut self, ui: &Ui, target: Target) {
        let hovered = ui.input(|input| input.raw.hovered_files.clone());
        if hovered.is_empty() {
            *self = Self::default();
            return;
        }
        let paths: Vec<PathBuf> = hovered.into_iter().filter_map(|file| file.path).collect();
        if paths != self.paths {
            self.looking = Some(start_looking(paths.clone(), ui.ctx().clone()));
            self.paths = paths;
            self.contents.clear();
        }
        if let Some(Ok(contents)) = self.looking.as_ref().map(Receiver::try_recv) {
            self.contents = contents;
            self.looking = None;
        }
        veil_ui(ui);
        let area = Area::new(egui::Id::unique("drop target"))
            .order(Order::Tooltip)
            .interactable(false)
            .anchor(Align2::CENTER_CENTER, vec2(0.0, 0.0));
        area.show(ui.ctx(), |ui| self.card_ui(ui, target));
    }

    fn card_ui(&self, ui: &mut Ui, target: Target) {
        let theme = Theme::of(ui);
        let frame = Frame::new()
            .fill(theme.raised)
            .stroke(Stroke::new(1.0, theme.accent))
            .corner_radius(6)
            .inner_margin(20);
        frame.show(ui, |ui| {
            ui.set_max_width(460.0_f32.min(ui.ctx().content_rect().width() - 80.0));
            ui.horizontal(|ui| {
                ui.label(icons::ICON_UPLOAD_FILE.rich_text().size(28.0).color(theme.accent));
                ui.add_space(4.0);
                ui.vertical(|ui| {
                    let title = match self.paths.len() {
                        0 | 1 => "Drop to open".to_owned(),
                        n_files => format!("Drop to open {n_files} files"),
                    };
                    let title = match target.typing {
                        Some(kind) if kind.is_saving() => "Drop to take its path".to_owned(),
                        _ => title,
                    };
                    ui.label(RichText::new(title).font(theme::title(14.0)).color(theme.text));
                    for (nth, path) in self.paths.iter().take(MAX_NAMED).enumerate() {
                        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
                        let content = self.contents.get(nth).copied();
                        let becomes = becomes(content, target);
                        ui.horizontal_wrapped(|ui| {
                            ui.label(RichText::new(name).font(theme::mono(12.0)).color(theme.text));
                            ui.label(RichText::new(becomes).color(theme.label));
                        });
                    }
                    if self.paths.len() > MAX_NAMED {
                        let text = format!("and {} more", self.paths.len() - MAX_NAMED);
                        ui.label(RichText::new(text).color(theme.hint));
                    }
                });
            });
        });
    }
}

/// What happens to a file that is dropped.
fn becomes(content: Option<PathContent>, target: Target) -> &'static str {
    if target.typing.is_some_and(PathKind::is_saving) {
        return "goes into the field";
    }
    let Some(content) = content else { return "…" };
    match (content, target.has_model) {
        (PathContent::Model, _) => "opens as the model",
        (PathContent::Samples, true) => "becomes the samples that accuracy is measured on",
        (PathContent::Recipe, true) => "is applied to the open model as its recipe",
        (PathContent::Import, true) => "is made into samples for the open model",
        (PathContent::Unknown, _) => "is no model, sample set, recipe or folder of pictures",
        (_, false) => "needs its model; drop both together, or the model first",
    }
}

fn start_looking(paths: Vec<PathBuf>, ctx: egui::Context) -> Receiver<Vec<PathContent>> {
    let (sender, looking) = channel();
    let look = move || {
        let contents = paths.iter().map(|path| content_of(path)).collect();
        // Nobody listens once the files are dropped or taken away.
        if sender.send(contents).is_ok() {
            ctx.request_repaint();
        }
    };
    let thread = std::thread::Builder::new().name("quantscope-drop".to_owned());
    if let Err(error) = thread.spawn(look) {
        log::error!("no thread to look at files: {error}");
    }
    looking
}

/// The window behind, dimmed, with a frame that says that all of it takes files.
fn veil_ui(ui: &Ui) {
    let theme = Theme::of(ui);
    let layer = egui::LayerId::new(Order::Foreground, egui::Id::unique("drop veil"));
    let painter = ui.ctx().layer_painter(layer);
    let rect = ui.ctx().content_rect();
    painter.rect_filled(rect, 0, theme.background.gamma_multiply(0.8));
    let edge = rect.shrink(10.0);
    let corners = [
        edge.left_top(),
        edge.right_top(),
        edge.right_bottom(),
        edge.left_bottom(),
        edge.left_top(),
    ];
    painter.extend(egui::Shape::dashed_line(&corners, Stroke::new(2.0, theme.accent), 8.0, 6.0));
}
