//! Ways to name a file: the system's dialog, and a field to type a path where there is none.

use std::path::PathBuf;
use std::pin::Pin;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use egui::{Modal, Ui};

use super::theme::{self, Theme};
use crate::eval::import::IMPORTERS;
use crate::formats::READERS;
use crate::session::Command;

/// A dialog someone asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialog {
    PickModel,
    PickSamples,
    TypePath,
    /// A folder of pictures to make a sample set of.
    PickImportFolder,
    /// An array, a table or an idx file.
    PickImportFile,
}

/// The dialogs that are open.
#[derive(Default)]
pub struct Dialogs {
    picking: Option<Picking>,
    typing: Option<String>,
}

struct Picking {
    kind: Dialog,
    started: Instant,
    picked: Receiver<Option<PathBuf>>,
}

/// A system dialog that ends sooner than anyone can cancel it was never there.
const TOO_SOON: Duration = Duration::from_millis(250);

impl Dialogs {
    pub fn show(&mut self, dialog: Dialog, ctx: &egui::Context) {
        match dialog {
            Dialog::TypePath => self.typing = Some(String::new()),
            _ if self.picking.is_some() => {}
            kind => self.picking = pick(kind, ctx),
        }
        if self.picking.is_none() && self.typing.is_none() {
            self.typing = Some(String::new());
        }
    }

    /// What the system's dialog brought; without one, the field is opened.
    pub fn poll(&mut self) -> Option<Command> {
        let picking = self.picking.as_ref()?;
        let picked = picking.picked.try_recv().ok()?;
        let (kind, elapsed) = (picking.kind, picking.started.elapsed());
        self.picking = None;
        match picked {
            Some(path) if kind == Dialog::PickSamples => Some(Command::OpenSamples(path)),
            Some(path) if matches!(kind, Dialog::PickImportFolder | Dialog::PickImportFile) => {
                Some(Command::StartImport(path))
            }
            Some(path) => Some(Command::OpenAny(path)),
            None => {
                if elapsed < TOO_SOON {
                    self.typing = Some(String::new());
                }
                None
            }
        }
    }

    /// Draws the field for a path.
    pub fn ui(&mut self, ui: &Ui) -> Option<Command> {
        let path = self.typing.as_mut()?;
        let mut command = None;
        let mut close = false;
        let modal = Modal::new(egui::Id::unique("type a path")).show(ui.ctx(), |ui| {
            ui.set_width(520.0);
            let colour = Theme::of(ui).text;
            ui.label(egui::RichText::new("Open path").font(theme::title(14.0)).color(colour));
            ui.label("A model (safetensors, ONNX), a folder with one, or a sample set for the open model; also pictures, arrays and tables to make one of.");
            ui.add_space(8.0);
            let field = egui::TextEdit::singleline(path)
                .hint_text("/path/to/model.safetensors")
                .font(theme::mono(12.0))
                .desired_width(f32::INFINITY);
            let response = ui.add(field);
            response.ctx.accesskit_node_builder(response.id, |node| node.set_label("Path"));
            if !response.has_focus() && !response.lost_focus() {
                response.request_focus();
            }
            let entered = response.lost_focus() && ui.input(|i| i.key_pressed(egui::Key::Enter));
            ui.add_space(8.0);
            ui.horizontal(|ui| {
                let is_empty = path.trim().is_empty();
                if (ui.add_enabled(!is_empty, egui::Button::new("Open")).clicked() || entered) && !is_empty {
                    command = Some(Command::OpenAny(expand_home(path.trim())));
                    close = true;
                }
                close |= ui.button("Cancel").clicked();
            });
        });
        if close || modal.should_close() {
            self.typing = None;
        }
        command
    }
}

pub(super) fn expand_home(path: &str) -> PathBuf {
    match (path.strip_prefix("~/"), std::env::home_dir()) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(path),
    }
}

/// Opens the system's dialog; it is waited for on a thread of its own.
fn pick(kind: Dialog, ctx: &egui::Context) -> Option<Picking> {
    let dialog = rfd::AsyncFileDialog::new();
    let model_endings: Vec<&str> =
        READERS.iter().flat_map(|reader| reader.extensions.iter().copied()).collect();
    let data_endings: Vec<&str> =
        IMPORTERS.iter().flat_map(|importer| importer.extensions.iter().copied()).collect();
    let (title, filter, endings) = match kind {
        Dialog::PickModel | Dialog::TypePath => ("Open model", "Models", model_endings),
        Dialog::PickSamples => ("Open samples", "Sample sets", vec!["safetensors"]),
        Dialog::PickImportFolder => ("Import a folder of pictures", "", Vec::new()),
        Dialog::PickImportFile => ("Import samples", "Arrays, tables, idx files", data_endings),
    };
    let dialog = dialog.set_title(title);
    let future: Pin<Box<dyn Future<Output = Option<rfd::FileHandle>> + Send>> = match kind {
        Dialog::PickImportFolder => Box::pin(dialog.pick_folder()),
        _ => Box::pin(
            dialog.add_filter(filter, &endings).add_filter("All files", &["*"]).pick_file(),
        ),
    };
    let (sender, picked) = channel();
    let ctx = ctx.clone();
    let wait = move || {
        let path = pollster::block_on(future).map(|file| file.path().to_owned());
        // Nobody listens when the window has closed meanwhile.
        if sender.send(path).is_ok() {
            ctx.request_repaint();
        }
    };
    let thread = std::thread::Builder::new().name("quantscope-dialog".to_owned()).spawn(wait);
    thread.ok().map(|_| Picking { kind, started: Instant::now(), picked })
}
