//! The dialog that makes a sample set of a person's own data: settings on the left, what the
//! network will see on the right.

use std::path::PathBuf;
use std::sync::mpsc::Receiver;

use egui::{Key, Modal, Rect, RichText, Ui, UiBuilder, pos2, vec2};

use super::dialogs::waited_for;
use super::import_form::form_ui;
use super::import_preview::{Textures, preview_ui};
use super::panel::PanelCtx;
use super::path_field::expand_home;
use super::theme::{self, Theme};
use super::{state_view, widgets};
use crate::base::{bytes, thousands};
use crate::session::{Command, ImportDraft, ImportStage};

/// The most room the dialog takes, and what it leaves around itself.
const MAX_SIZE: egui::Vec2 = vec2(1080.0, 720.0);
const MARGIN: f32 = 24.0;
const PADDING: f32 = 12.0;
const FORM_WIDTH: f32 = 372.0;
const FOOT_HEIGHT: f32 = 40.0;

/// View state of the dialog.
#[derive(Default)]
pub struct ImportDialog {
    textures: Textures,
    /// Where the set is to be saved, while that is being typed.
    save_path: Option<String>,
    browsing: Option<Receiver<Option<PathBuf>>>,
}

impl ImportDialog {
    /// Draws the dialog while an import is under way.
    pub fn ui(&mut self, ui: &Ui, ctx: &PanelCtx) {
        let Some(draft) = ctx.session.import() else {
            *self = Self::default();
            return;
        };
        self.poll_browsing();
        let around = 2.0 * (MARGIN + PADDING);
        let size = MAX_SIZE.min(ui.ctx().content_rect().size() - vec2(around, around));
        let frame = egui::Frame::popup(ui.style()).inner_margin(PADDING);
        let modal = Modal::new(egui::Id::unique("import samples")).frame(frame);
        let modal = modal.show(ui.ctx(), |ui| {
            ui.set_min_size(size);
            ui.set_max_size(size);
            self.content_ui(ui, draft, ctx);
        });
        // A click beside the dialog does not throw the settings away; Escape does.
        if modal.should_close() && !modal.backdrop_response.clicked() {
            ctx.send(Command::CancelImport);
        }
    }

    fn content_ui(&mut self, ui: &mut Ui, draft: &ImportDraft, ctx: &PanelCtx) {
        head_ui(ui, draft);
        ui.add_space(8.0);
        let rest = ui.available_rect_before_wrap();
        let foot_top = rest.bottom() - FOOT_HEIGHT;
        let split = rest.left() + FORM_WIDTH;
        let line = egui::Stroke::new(1.0, Theme::of(ui).line);
        ui.painter().hline(rest.x_range(), rest.top(), line);
        ui.painter().hline(rest.x_range(), foot_top, line);
        let body = |left: f32, right: f32| {
            Rect::from_min_max(pos2(left, rest.top() + 1.0), pos2(right, foot_top - 1.0))
        };
        let form = body(rest.left(), split);
        let preview = body(split + 16.0, rest.right());
        let foot = Rect::from_min_max(pos2(rest.left(), foot_top + 8.0), rest.max);
        ui.allocate_rect(rest, egui::Sense::hover());
        if let Some(source) = &draft.source {
            child_ui(ui, "import form", form, |ui| form_ui(ui, draft, source, ctx));
            ui.painter().vline(split, form.y_range(), line);
            child_ui(ui, "import preview", preview, |ui| self.right_ui(ui, draft));
        } else {
            let whole = body(rest.left(), rest.right());
            child_ui(ui, "import state", whole, |ui| self.right_ui(ui, draft));
        }
        child_ui(ui, "import foot", foot, |ui| self.foot_ui(ui, draft, ctx));
    }

    fn right_ui(&mut self, ui: &mut Ui, draft: &ImportDraft) {
        match (&draft.stage, &draft.built) {
            (ImportStage::Failed(reason), _) => {
                let title = if draft.source.is_some() {
                    "These settings do not work"
                } else {
                    "Nothing to import"
                };
                state_view::failed_ui(ui, title, reason);
            }
            (_, None) => {
                let what = match draft.stage {
                    ImportStage::Reading => "Reading",
                    _ => "Making the samples",
                };
                state_view::pending_ui(ui, what, draft.progress());
            }
            (stage, Some(built)) => {
                if *stage != ImportStage::Ready {
                    ui.set_opacity(0.5);
                }
                preview_ui(ui, built, &mut self.textures);
            }
        }
    }

    fn foot_ui(&mut self, ui: &mut Ui, draft: &ImportDraft, ctx: &PanelCtx) {
        let is_ready = draft.stage == ImportStage::Ready;
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            if self.save_path.is_some() {
                self.save_ui(ui, is_ready, ctx);
                return;
            }
            if ui.button("Cancel").clicked() {
                ctx.send(Command::CancelImport);
            }
            let help = "Writes a safetensors file that opens like any other sample set";
            let save = egui::Button::new("Save as sample set…");
            if ui.add_enabled(is_ready, save).on_hover_text(help).clicked() {
                self.save_path = Some(draft.suggested_path().display().to_string());
            }
            let help = "Accuracy is measured on these samples until others are opened";
            if primary(ui, is_ready, "Use once").on_hover_text(help).clicked() {
                ctx.send(Command::FinishImport { save_to: None });
            }
            ui.with_layout(egui::Layout::left_to_right(egui::Align::Center), |ui| {
                stage_ui(ui, draft);
            });
        });
    }

    /// From right to left: back, save, browse, the path.
    fn save_ui(&mut self, ui: &mut Ui, is_ready: bool, ctx: &PanelCtx) {
        let back = ui.button("Back").clicked();
        let path = self.save_path.get_or_insert_default();
        let can_save = is_ready && !path.trim().is_empty();
        let clicked = primary(ui, can_save, "Save and use").clicked();
        if ui.button("Browse…").clicked() && self.browsing.is_none() {
            self.browsing = browse(path, ui.ctx());
        }
        let field = egui::TextEdit::singleline(path)
            .font(theme::mono(12.0))
            .desired_width(ui.available_width());
        let response = ui.add(field);
        name_it(&response, "Path of the sample set");
        let entered = response.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
        if can_save && (clicked || entered) {
            let save_to = Some(expand_home(path.trim()));
            ctx.send(Command::FinishImport { save_to });
        }
        if back {
            self.save_path = None;
        }
    }

    fn poll_browsing(&mut self) {
        let Some(browsing) = &self.browsing else { return };
        if let Ok(picked) = browsing.try_recv() {
            self.browsing = None;
            if let Some(path) = picked {
                self.save_path = Some(path.display().to_string());
            }
        }
    }
}

fn head_ui(ui: &mut Ui, draft: &ImportDraft) {
    let theme = Theme::of(ui);
    ui.horizontal(|ui| {
        ui.label(RichText::new("Import samples").font(theme::title(14.0)).color(theme.text));
        let name = match &draft.source {
            Some(source) => format!("{} · {}", source.raw.name, source.raw.importer.name),
            None => draft.path.display().to_string(),
        };
        ui.add(egui::Label::new(RichText::new(name).color(theme.label)).truncate());
    });
}

/// What the set is, or what is being done.
fn stage_ui(ui: &mut Ui, draft: &ImportDraft) {
    let theme = Theme::of(ui);
    match (&draft.stage, &draft.built) {
        (ImportStage::Ready, Some(built)) => {
            let text = format!(
                "{} samples, {}",
                thousands(built.set.len()),
                bytes(built.bytes.len() as u64)
            );
            widgets::number(ui, &text, 12.0, theme.label);
        }
        (ImportStage::Failed(_), _) => {
            ui.label(RichText::new("✕ failed").color(theme.bad));
        }
        (stage, _) => {
            let progress = draft.progress();
            let text = match stage {
                ImportStage::Reading => "Reading",
                ImportStage::Saving => "Saving",
                _ => "Making the samples",
            };
            ui.label(RichText::new(text).color(theme.label));
            if progress.total > 0 {
                widgets::bar(ui, vec2(96.0, 4.0), progress.fraction(), theme.accent);
                let text = format!(
                    "{} / {}",
                    thousands(progress.done as usize),
                    thousands(progress.total as usize)
                );
                widgets::number(ui, &text, 11.0, theme.label);
            }
        }
    }
}

fn primary(ui: &mut Ui, enabled: bool, text: &str) -> egui::Response {
    let theme = Theme::of(ui);
    let button =
        egui::Button::new(RichText::new(text).font(theme::title(12.0)).color(theme.background));
    ui.add_enabled(enabled, button.fill(theme.accent))
}

fn child_ui<R>(ui: &mut Ui, salt: &str, rect: Rect, content: impl FnOnce(&mut Ui) -> R) -> R {
    let mut child = ui.new_child(UiBuilder::new().id_salt(salt).max_rect(rect));
    child.shrink_clip_rect(rect);
    content(&mut child)
}

/// Gives a control the name that screen readers and tests know it by.
pub(super) fn name_it(response: &egui::Response, name: &str) {
    response.ctx.accesskit_node_builder(response.id, |node| node.set_label(name));
}

/// The system's dialog for a file to write, waited for on a thread of its own.
fn browse(path: &str, ctx: &egui::Context) -> Option<Receiver<Option<PathBuf>>> {
    let path = PathBuf::from(path);
    let mut dialog = rfd::AsyncFileDialog::new().set_title("Save sample set");
    if let Some(name) = path.file_name() {
        dialog = dialog.set_file_name(name.to_string_lossy());
    }
    if let Some(folder) = path.parent() {
        dialog = dialog.set_directory(folder);
    }
    waited_for(dialog.add_filter("Sample sets", &["safetensors"]).save_file(), ctx)
}
