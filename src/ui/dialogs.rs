//! Ways to name a file: the system's dialog, and a field to type a path where there is none.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use egui::{Modal, Ui};

use super::export_form::{ExportForm, Format};
use super::messages::failure_ui;
use super::path_field::{PathField, PathKind};
use super::theme::{self, Theme};
use crate::eval::import::IMPORTERS;
use crate::formats::READERS;
use crate::session::{Command, ImportStage, Notice, NoticeKind, Session};

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
    /// The quantized model in which format, and where it goes.
    Export,
    /// Where a report goes.
    SaveReport,
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
            Self::SaveReport => PathKind::SaveReport,
            Self::Export => PathKind::Export(Format::first().extension()),
            Self::PickImportFolder | Self::PickImportFile => PathKind::Import,
            _ => PathKind::Open,
        }
    }

    fn chosen(self, path: PathBuf) -> Chosen {
        Chosen::Command(match self {
            Self::PickSamples => Command::OpenSamples(path),
            Self::SaveRecipe | Self::Export => Command::SaveRecipe(with_ending(path, "json")),
            Self::LoadRecipe => Command::LoadRecipe(path),
            Self::SaveReport => Command::WriteReport(with_ending(path, "html")),
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
    typing: Option<Typing>,
    /// Whether paths are typed although the system may have dialogs.
    always_types: bool,
}

/// The field for a path. It stays until what was chosen is there.
struct Typing {
    dialog: Dialog,
    field: PathField,
    /// The choice of a format above the field.
    export: Option<ExportForm>,
    waiting: Option<Waiting>,
    failure: Option<Notice>,
    shows_details: bool,
    /// Enter was pressed on the name of a file that is there.
    asks_to_replace: bool,
}

/// What a path was chosen for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// For what [`Session::apply_watched`] started; `None` if that was over at once.
    Errand(Option<u64>),
    /// For a picture or table to be written.
    Saving,
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

    /// Opens a dialog. `panel` is whose picture or table is to be saved.
    pub fn show(
        &mut self,
        dialog: Dialog,
        panel: Option<&str>,
        session: &Session,
        ctx: &egui::Context,
    ) {
        if self.picking.is_some() {
            return;
        }
        let proposal = proposed_path(dialog, panel, session);
        let has_own = matches!(dialog, Dialog::TypePath | Dialog::Export);
        if !has_own && !self.always_types {
            self.picking = pick(dialog, proposal.clone(), ctx);
        }
        if self.picking.is_none() {
            self.start_typing(dialog, &proposal);
        }
        if let (Dialog::Export, Some(typing)) = (dialog, &mut self.typing) {
            typing.export = Some(ExportForm::new(session, !self.always_types));
        }
    }

    fn start_typing(&mut self, dialog: Dialog, proposal: &Path) {
        let field = PathField::new(dialog.path_kind(), proposal.display().to_string());
        let typing = Typing {
            dialog,
            field,
            export: None,
            waiting: None,
            failure: None,
            shows_details: false,
            asks_to_replace: false,
        };
        self.typing = Some(typing);
    }

    /// Whether a path is being typed, and whether to open what lies there.
    pub fn typed_kind(&self) -> Option<PathKind> {
        self.typing.as_ref().map(|typing| typing.field.kind())
    }

    /// A file dropped while a path is typed: it is what was looked for. Where something is to be
    /// saved, only its path is taken.
    pub fn take_dropped(&mut self, path: &Path) -> Option<Chosen> {
        let typing = self.typing.as_mut()?;
        if typing.waiting.is_some() {
            return None;
        }
        typing.failure = None;
        typing.field.set_text(path.display().to_string());
        let is_saving = typing.field.kind().is_saving();
        (!is_saving).then(|| typing.dialog.chosen(path.to_owned()))
    }

    pub fn close(&mut self) {
        self.typing = None;
    }

    /// Keeps the field open until that is done.
    pub fn wait_for(&mut self, waiting: Waiting) {
        if let Some(typing) = &mut self.typing {
            typing.waiting = Some(waiting);
            typing.failure = None;
        }
    }

    /// Whether something chosen in the field is under way.
    pub fn is_waiting(&self) -> bool {
        self.typing.as_ref().is_some_and(|typing| typing.waiting.is_some())
    }

    /// Looks whether what was chosen is there: the field closes, or stays with what is wrong. That
    /// notice is returned.
    pub fn hear(&mut self, notices: &mut Vec<Notice>, session: &mut Session) -> Option<Notice> {
        let typing = self.typing.as_mut()?;
        let Waiting::Errand(errand) = typing.waiting? else { return None };
        if errand.is_some_and(|id| session.is_under_way(id)) {
            return None;
        }
        let is_own = |notice: &Notice| notice.kind == NoticeKind::Failed && notice.errand == errand;
        let told = notices.iter().position(is_own).map(|place| notices.remove(place));
        let failed = match told {
            Some(notice) => Some(notice),
            None => match unread_import(session) {
                Unread::Reading => return None,
                Unread::Failed(reason) => {
                    session.apply(Command::CancelImport);
                    Some(Notice::new(NoticeKind::Failed, reason))
                }
                Unread::No => None,
            },
        };
        self.settle(failed)
    }

    /// The same for a picture or table.
    pub fn hear_saved(&mut self, notice: &Notice) -> bool {
        let waits = self.typing.as_ref().is_some_and(|t| t.waiting == Some(Waiting::Saving));
        let failure = (notice.kind == NoticeKind::Failed).then(|| notice.clone());
        waits && self.settle(failure).is_some()
    }

    fn settle(&mut self, failure: Option<Notice>) -> Option<Notice> {
        match (&failure, &mut self.typing) {
            (Some(notice), Some(typing)) => {
                typing.waiting = None;
                typing.failure = Some(notice.clone());
                typing.field.focus();
            }
            _ => self.typing = None,
        }
        failure
    }

    /// What the system's dialog brought; without one, the field is opened.
    pub fn poll(&mut self) -> Option<Chosen> {
        let picked = self.picking.as_ref()?.picked.try_recv().ok()?;
        let picking = self.picking.take()?;
        if picking.kind == Dialog::Export {
            self.take_browsed(&picking, picked);
            return None;
        }
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

    /// A path from the system's dialog goes into the field beside the format.
    fn take_browsed(&mut self, picking: &Picking, picked: Option<PathBuf>) {
        let Some(typing) = &mut self.typing else { return };
        match picked {
            Some(path) => typing.field.set_text(path.display().to_string()),
            None if picking.started.elapsed() < TOO_SOON => {
                let text = "this system has no dialog for files; type the path here";
                typing.failure = Some(Notice::new(NoticeKind::Failed, text.to_owned()));
            }
            None => {}
        }
    }

    /// Draws the field for a path.
    pub fn ui(&mut self, ui: &Ui, session: &Session) -> Option<Chosen> {
        let typing = self.typing.as_mut()?;
        let modal = Modal::new(egui::Id::unique("type a path")).show(ui.ctx(), |ui| {
            let room = ui.ctx().content_rect().width() - 64.0;
            let width = if typing.export.is_some() { 680.0_f32 } else { 560.0 };
            ui.set_width(width.min(room));
            typing.ui(ui, session)
        });
        match modal.inner {
            Answer::None if !modal.should_close() => None,
            Answer::Chosen(path) => Some(typing.chosen(path)),
            Answer::Browse => {
                let proposal = typing.field.path().unwrap_or_default();
                self.picking = pick(Dialog::Export, proposal, ui.ctx());
                None
            }
            Answer::None | Answer::Cancel => {
                let waiting = typing.waiting;
                self.typing = None;
                match waiting {
                    Some(Waiting::Errand(Some(id))) => {
                        Some(Chosen::Command(Command::CancelJob(id)))
                    }
                    _ => None,
                }
            }
        }
    }
}

/// What a person answered in a frame.
enum Answer {
    None,
    Chosen(PathBuf),
    /// Asks the system for the path.
    Browse,
    Cancel,
}

impl Typing {
    fn ui(&mut self, ui: &mut Ui, session: &Session) -> Answer {
        let (title, help) = words(self.dialog, self.field.kind());
        let colour = Theme::of(ui).text;
        ui.label(egui::RichText::new(title).font(theme::title(14.0)).color(colour));
        ui.label(help);
        ui.add_space(8.0);
        let is_waiting = self.waiting.is_some();
        let (is_chosen, is_there) = ui
            .add_enabled_ui(!is_waiting, |ui| {
                if let Some(form) = &mut self.export {
                    form.ui(ui, session, &mut self.field);
                    ui.add_space(8.0);
                }
                self.field.ui(ui, session.recent())
            })
            .inner;
        let is_ready = self.export.as_ref().is_none_or(ExportForm::is_ready);
        if self.field.take_edited() {
            self.failure = None;
            self.asks_to_replace = false;
        }
        ui.add_space(8.0);
        if let Some(failure) = &self.failure {
            failure_ui(ui, failure, &mut self.shows_details);
            ui.add_space(8.0);
        }
        // Enter alone replaces nothing: it is asked first, and the button says what it does.
        let replaces = self.field.kind().is_saving() && is_there;
        let is_chosen = is_chosen && is_ready;
        let asks = replaces && is_chosen && !self.asks_to_replace;
        self.asks_to_replace = replaces && (self.asks_to_replace || asks);
        if self.asks_to_replace && !is_waiting {
            let text = "There is a file of that name; Enter once more or Replace writes over it.";
            ui.label(egui::RichText::new(text).color(Theme::of(ui).quantized));
            ui.add_space(8.0);
        }
        self.buttons_ui(ui, is_chosen && !asks, is_there)
    }

    fn chosen(&self, path: PathBuf) -> Chosen {
        match &self.export {
            Some(form) => Chosen::Command(form.command(with_ending(path, form.extension()))),
            None => self.dialog.chosen(path),
        }
    }

    fn buttons_ui(&self, ui: &mut Ui, is_chosen: bool, is_there: bool) -> Answer {
        let is_waiting = self.waiting.is_some();
        ui.horizontal(|ui| {
            let verb = match self.field.kind() {
                kind if kind.is_saving() && is_there => "Replace",
                _ if self.export.is_some() => "Export",
                kind if kind.is_saving() => "Save",
                _ => "Open",
            };
            let is_ready = self.export.as_ref().is_none_or(ExportForm::is_ready);
            let path = self.field.path().filter(|_| !is_waiting && is_ready);
            let button = egui::Button::new(verb);
            let is_clicked = ui.add_enabled(path.is_some(), button).clicked();
            if ui.button("Cancel").clicked() {
                return Answer::Cancel;
            }
            if self.export.as_ref().is_some_and(ExportForm::can_browse)
                && ui.add_enabled(!is_waiting, egui::Button::new("Browse…")).clicked()
            {
                return Answer::Browse;
            }
            if is_waiting {
                ui.spinner();
                ui.label(match self.field.kind() {
                    _ if self.export.is_some() => "Exporting…",
                    kind if kind.is_saving() => "Saving…",
                    _ => "Opening…",
                });
            } else if let Some(form) = &self.export {
                form.why_not_ui(ui);
            }
            match path {
                Some(path) if is_clicked || is_chosen => Answer::Chosen(path),
                _ => Answer::None,
            }
        })
        .inner
    }
}

/// How far an import is whose source is not read yet.
enum Unread {
    No,
    Reading,
    Failed(String),
}

fn unread_import(session: &Session) -> Unread {
    match session.import().filter(|draft| draft.source.is_none()).map(|draft| &draft.stage) {
        Some(ImportStage::Failed(reason)) => Unread::Failed(reason.clone()),
        Some(_) => Unread::Reading,
        None => Unread::No,
    }
}

fn words(dialog: Dialog, kind: PathKind) -> (&'static str, &'static str) {
    match kind {
        PathKind::Open if dialog == Dialog::PickModel => {
            ("Open model", "A model's file, or a folder with one.")
        }
        PathKind::Open if dialog == Dialog::PickSamples => (
            "Open samples",
            "A sample set for the open model; pictures, arrays and tables are brought in by File › Import.",
        ),
        PathKind::Open => (
            "Open path",
            "A model or a folder with one; for the open model a sample set, a recipe, or pictures by class, arrays and tables to make samples of.",
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
        PathKind::SaveReport => (
            "Write a report",
            "A page for a colleague, complete in itself: figures with their intervals, plots, the recipe, and what the figures do not say.",
        ),
        PathKind::Export(_) => (
            "Export",
            "The quantized model with the layers as they are set, or the recipe alone. Nothing that is open changes.",
        ),
    }
}

/// Where a file would lie: beside the model, under its name and what it shows of it.
fn proposed_path(dialog: Dialog, panel: Option<&str>, session: &Session) -> PathBuf {
    let model = session.network().and_then(|network| network.model.path.clone());
    let folder = model.as_deref().and_then(Path::parent);
    let ending = match dialog {
        Dialog::SavePicture => "png",
        Dialog::SaveTable => "csv",
        Dialog::SaveRecipe => "recipe.json",
        Dialog::SaveReport => "report.html",
        Dialog::Export => Format::first().extension(),
        // With a stroke at its end, so that what lies in it is listed.
        Dialog::LoadRecipe => return folder.map_or_else(PathBuf::new, |folder| folder.join("")),
        _ => return PathBuf::new(),
    };
    let mut words =
        vec![session.opened().map_or_else(String::new, |opened| opened.reference.stem())];
    if dialog == Dialog::Export {
        // Never the name of the model itself.
        words.push("quantized".to_owned());
    }
    words.extend(panel.map(str::to_owned));
    let name: String = words
        .join("-")
        .chars()
        .map(|c| if c.is_alphanumeric() || c == '_' { c.to_ascii_lowercase() } else { '-' })
        .collect();
    let words: Vec<&str> = name.split('-').filter(|word| !word.is_empty()).collect();
    let name = PathBuf::from(format!("{}.{ending}", words.join("-")));
    match folder {
        Some(folder) => folder.join(name),
        None => std::path::absolute(&name).unwrap_or(name),
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
        Dialog::SaveRecipe
        | Dialog::SavePicture
        | Dialog::SaveTable
        | Dialog::SaveReport
        | Dialog::Export => {
            let name = proposal.file_name().unwrap_or_default().to_string_lossy();
            let (title, filter, endings): (_, _, &[&str]) = match kind {
                Dialog::SavePicture => ("Save picture", "Pictures", &["png", "svg"]),
                Dialog::SaveReport => ("Write a report", "Web pages", &["html"]),
                Dialog::SaveTable => ("Save table", "Comma-separated values", &["csv"]),
                Dialog::Export => {
                    ("Export", "Models and recipes", &["onnx", "safetensors", "gguf", "json"])
                }
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
