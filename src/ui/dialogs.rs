//! Ways to name a file: the system's dialog, and a field to type a path where there is none.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use egui::{Modal, Ui};

use super::path_field::{PathField, PathKind};
use super::theme::{self, Theme};
use crate::eval::import::IMPORTERS;
use crate::formats::READERS;
use crate::session::{Command, Session};

/// A dialog someone asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialog {
    PickModel,
    PickSamples,
    TypePath,
    SaveRecipe,
    LoadRecipe,
    /// A folder of pictures to make a sample set of.
    PickImportFolder,
    /// An array, a table or an idx file.
    PickImportFile,
    /// Where a picture of a panel goes.
    SavePicture,
    /// Where a panel's table goes.
    SaveTable,
}

/// What came of a dialog.
#[derive(Clone, Debug)]
pub enum Chosen {
    Command(Command),
    /// Where to what was to be saved goes.
    SaveTo(PathBuf),
}

impl Dialog {
    /// What the path field asks for in its place.
    fn path_kind(self) -> PathKind {
        match self {
            Self::SaveRecipe => PathKind::SaveRecipe,
            Self::LoadRecipe => PathKind::LoadRecipe,
            Self::SavePicture => PathKind::SavePicture,
            Self::SaveTable => PathKind::SaveTable,
            Self::PickImportFolder | Self::PickImportFile => PathKind::Import,
            _ => PathKind::Open,
        }
    }

    fn chosen(self, path: PathBuf) -> Chosen {
        Chosen::Command(match self {
            Self::PickSamples => Command::OpenSamples(path),
            Self::SaveRecipe => Command::SaveRecipe(with_ending(path, "json")),
            Self::LoadRecipe => Command::LoadRecipe(path),
            Self::PickImportFolder | Self::PickImportFile => Command::StartImport(path),
            Self::PickModel | Self::TypePath => Command::OpenAny(path),
            Self::SavePicture => return Chosen::SaveTo(with_ending(path, "png")),
            Self::SaveTable => return Chosen::SaveTo(with_ending(path, "csv")),
        })
    }
}

/// The dialogs that are open.
#[derive(Default)]
pub struct Dialogs {
    picking: Option<Picking>,
    typing: Option<(Dialog, PathField)>,
    /// Whether paths are typed although the system may have dialogs.
    always_types: bool,
}

struct Picking {
    kind: Dialog,
    proposal: PathBuf,
    started: Instant,
    picked: Receiver<Option<PathBuf>>,
}

/// A system dialog that ends sooner than anyone can cancel it was never there.
const TOO_SOON: Duration = Duration::from_millis(250);

impl Dialogs {
    /// Never asks the system: paths are typed.
    pub fn typed() -> Self {
        Self { always_types: true, ..Self::default() }
    }

    pub fn show(&mut self, dialog: Dialog, session: &Session, ctx: &egui::Context) {
        if self.picking.is_some() {
            return;
        }
        let proposal = proposed_path(dialog, session);
        if dialog != Dialog::TypePath && !self.always_types {
            self.picking = pick(dialog, proposal.clone(), ctx);
        }
        if self.picking.is_none() {
            self.start_typing(dialog, &proposal);
        }
    }

    fn start_typing(&mut self, dialog: Dialog, proposal: &Path) {
        let field = PathField::new(dialog.path_kind(), proposal.display().to_string());
        self.typing = Some((dialog, field));
    }

    /// What the system's dialog brought; without one, the field is opened.
    pub fn poll(&mut self) -> Option<Chosen> {
        let picked = self.picking.as_ref()?.picked.try_recv().ok()?;
        let picking = self.picking.take()?;
        match picked {
            Some(path) => Some(picking.kind.chosen(path)),
            None => {
                if picking.started.elapsed() < TOO_SOON {
                    self.start_typing(picking.kind, &picking.proposal);
                }
                None
            }
        }
    }

    /// Draws the field for a path.
    pub fn ui(&mut self, ui: &Ui, session: &Session) -> Option<Chosen> {
        let (dialog, field) = self.typing.as_mut()?;
        let mut chosen = None;
        let mut close = false;
        let modal = Modal::new(egui::Id::unique("type a path")).show(ui.ctx(), |ui| {
            ui.set_width(560.0);
            let (title, help) = words(field.kind());
            let colour = Theme::of(ui).text;
            ui.label(egui::RichText::new(title).font(theme::title(14.0)).color(colour));
            ui.label(help);
            ui.add_space(8.0);
            let (is_chosen, is_there) = field.ui(ui, session.recent());
            ui.add_space(8.0);
            ui.horizontal(|ui| {
                let verb = match field.kind() {
                    kind if kind.is_saving() && is_there => "Replace",
                    kind if kind.is_saving() => "Save",
                    _ => "Open",
                };
                let button = egui::Button::new(verb);
                let is_clicked = ui.add_enabled(field.path().is_some(), button).clicked();
                if is_clicked || is_chosen {
                    chosen = field.path().map(|path| dialog.chosen(path));
                    close = true;
                }
                close |= ui.button("Cancel").clicked();
            });
        });
        if close || modal.should_close() {
            self.typing = None;
        }
        chosen
    }
}

fn words(kind: PathKind) -> (&'static str, &'static str) {
    match kind {
        PathKind::Open => (
            "Open path",
            "A model, a folder with one, a sample set or recipe for the open model, or pictures, arrays and tables to make a sample set of.",
        ),
        PathKind::Import => (
            "Import samples",
            "A folder with a sub-folder of pictures for each class, a NumPy array, a table or an idx file.",
        ),
        PathKind::LoadRecipe => ("Load recipe", "A recipe for the open model, as JSON."),
        PathKind::SaveRecipe => (
            "Save recipe",
            "How each layer is quantized, as JSON, with what the model is known by.",
        ),
        PathKind::SavePicture => (
            "Save picture",
            "The panel as it is on the screen: .png in twice its resolution, or .svg with its texts.",
        ),
        PathKind::SaveTable => ("Save table", "What the panel shows, as comma-separated values."),
    }
}

/// Where a file would lie: beside the model, under its name.
fn proposed_path(dialog: Dialog, session: &Session) -> PathBuf {
    let model = session.network().and_then(|network| network.model.path.clone());
    let folder = model.as_deref().and_then(Path::parent);
    match dialog {
        Dialog::SaveRecipe | Dialog::SavePicture | Dialog::SaveTable => {
            let title = session.network().map_or("model", |network| &network.model.title);
            let name: String = title
                .chars()
                .map(|c| if c.is_alphanumeric() { c.to_ascii_lowercase() } else { '-' })
                .collect();
            let words: Vec<&str> = name.split('-').filter(|word| !word.is_empty()).collect();
            let ending = match dialog {
                Dialog::SavePicture => "png",
                Dialog::SaveTable => "csv",
                _ => "recipe.json",
            };
            let name = format!("{}.{ending}", words.join("-"));
            folder.map_or_else(|| PathBuf::from(&name), |folder| folder.join(&name))
        }
        // With a stroke at its end, so that what lies in it is listed.
        Dialog::LoadRecipe => folder.map_or_else(PathBuf::new, |folder| folder.join("")),
        _ => PathBuf::new(),
    }
}

fn with_ending(path: PathBuf, ending: &str) -> PathBuf {
    if path.extension().is_some() { path } else { path.with_extension(ending) }
}

/// Opens the system's dialog; it is waited for on a thread of its own.
fn pick(kind: Dialog, proposal: PathBuf, ctx: &egui::Context) -> Option<Picking> {
    let picked = waited_for(system_dialog(kind, &proposal), ctx)?;
    Some(Picking { kind, proposal, started: Instant::now(), picked })
}

/// Waits for a system dialog on a thread of its own and wakes the window; `None` where there is no
/// thread.
pub(super) fn waited_for(
    choosing: impl Future<Output = Option<rfd::FileHandle>> + Send + 'static,
    ctx: &egui::Context,
) -> Option<Receiver<Option<PathBuf>>> {
    let (sender, picked) = channel();
    let ctx = ctx.clone();
    let wait = move || {
        let path = pollster::block_on(choosing).map(|file| file.path().to_owned());
        // Nobody listens when the window has closed meanwhile.
        if sender.send(path).is_ok() {
            ctx.request_repaint();
        }
    };
    let thread = std::thread::Builder::new().name("quantscope-dialog".to_owned()).spawn(wait);
    thread.ok().map(|_| picked)
}

type Choosing = Pin<Box<dyn Future<Output = Option<rfd::FileHandle>> + Send>>;

fn system_dialog(kind: Dialog, proposal: &Path) -> Choosing {
    let mut dialog = rfd::AsyncFileDialog::new();
    if let Some(folder) = proposal.parent().filter(|folder| folder.is_absolute()) {
        dialog = dialog.set_directory(folder);
    }
    match kind {
        Dialog::PickSamples => {
            dialog = dialog.set_title("Open samples").add_filter("Sample sets", &["safetensors"]);
        }
        Dialog::LoadRecipe => {
            dialog = dialog.set_title("Load recipe").add_filter("Recipes", &["json"]);
        }
        Dialog::SaveRecipe | Dialog::SavePicture | Dialog::SaveTable => {
            let name = proposal.file_name().unwrap_or_default().to_string_lossy();
            let (title, filter, endings): (_, _, &[&str]) = match kind {
                Dialog::SavePicture => ("Save picture", "Pictures", &["png", "svg"]),
                Dialog::SaveTable => ("Save table", "Comma-separated values", &["csv"]),
                _ => ("Save recipe", "Recipes", &["json"]),
            };
            let dialog = dialog.set_title(title).set_file_name(name);
            return Box::pin(dialog.add_filter(filter, endings).save_file());
        }
        Dialog::PickImportFolder => {
            return Box::pin(dialog.set_title("Import a folder of pictures").pick_folder());
        }
        Dialog::PickImportFile => {
            let endings: Vec<&str> =
                IMPORTERS.iter().flat_map(|importer| importer.extensions.iter().copied()).collect();
            dialog = dialog
                .set_title("Import samples")
                .add_filter("Arrays, tables, idx files", &endings);
        }
        Dialog::PickModel | Dialog::TypePath => {
            let endings: Vec<&str> =
                READERS.iter().flat_map(|reader| reader.extensions.iter().copied()).collect();
            dialog = dialog.set_title("Open model").add_filter("Models", &endings);
        }
    }
    Box::pin(dialog.add_filter("All files", &["*"]).pick_file())
}
