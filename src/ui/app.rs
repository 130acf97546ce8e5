//! The window's frame: finished jobs in, panels drawn, commands applied, wishes queued.

use egui::{Frame, Panel as EguiPanel, Rect, Ui};

use super::actions::run_shortcuts;
use super::dialogs::{Chosen, Dialog, Dialogs};
use super::dock::{Dock, Panels, Preset};
use super::export;
use super::header::header_ui;
use super::import_dialog::ImportDialog;
use super::jobs_bar::jobs_bar_ui;
use super::menu::menu_ui;
use super::messages::Messages;
use super::palette::{self, Palette};
use super::panel::{PANELS, PanelCtx, UiCommand, Zoom};
use super::recovery_bar::recovery_bar_ui;
use super::saving::{Saving, Subject};
use super::shortcuts::shortcuts_ui;
use super::theme::{self, Theme};
use super::tour::Tour;
use crate::session::{Command, Keep, ModelRef, Session};

/// How the window starts.
#[derive(Clone, Debug)]
pub struct AppOptions {
    pub model: ModelRef,
    /// Only this panel, by its id; all if `None`.
    pub only_panel: Option<&'static str>,
}

/// The application in its window.
pub struct App {
    session: Session,
    panels: Panels,
    dock: Dock,
    dialogs: Dialogs,
    palette: Palette,
    messages: Messages,
    tour: Tour,
    shows_shortcuts: bool,
    import_dialog: ImportDialog,
    saving: Saving,
}

/// Keys of what is stored between two starts.
const ARRANGEMENT_KEY: &str = "arrangement";
const TOUR_KEY: &str = "tour";

impl App {
    /// Installs fonts and themes and starts opening the model.
    pub fn new(ctx: &egui::Context, options: AppOptions) -> Self {
        theme::install(ctx);
        export::install(ctx);
        let waker = ctx.clone();
        let mut session = Session::new(move || waker.request_repaint());
        session.apply(Command::Open(options.model));
        Self {
            session,
            panels: PANELS.iter().map(|entry| (entry.id, (entry.create)())).collect(),
            dock: options.only_panel.map_or_else(|| Dock::new(Preset::default()), Dock::of_one),
            dialogs: Dialogs::default(),
            palette: Palette::default(),
            messages: Messages::default(),
            tour: Tour::default(),
            shows_shortcuts: false,
            import_dialog: ImportDialog::default(),
            saving: Saving::default(),
        }
    }

    /// Takes up the arrangement of the last time; a first start begins with the tour.
    pub fn restore(&mut self, storage: &dyn eframe::Storage) {
        let stored = storage.get_string(ARRANGEMENT_KEY);
        if let Some(dock) = stored.and_then(|text| Dock::from_text(&text)) {
            self.dock = dock;
        }
        if storage.get_string(TOUR_KEY).is_none() {
            self.tour.start();
        }
    }

    /// Keeps the session, and offers the last one; nothing is kept unless told.
    #[must_use]
    pub fn kept_in(mut self, keep: Keep) -> Self {
        self.session.keep(keep);
        self
    }

    /// Asks for paths in its own field, never in the system's dialogs.
    #[must_use]
    pub fn with_typed_paths(mut self) -> Self {
        self.dialogs = Dialogs::typed();
        self
    }

    pub fn session(&self) -> &Session {
        &self.session
    }

    /// The newest failure that was reported.
    pub fn last_failure(&self) -> Option<&str> {
        self.messages.last_failure()
    }

    /// Names of everything the palette offers now.
    pub fn palette_titles(&self) -> Vec<String> {
        let ctx = PanelCtx::new(&self.session);
        palette::items(&ctx).into_iter().map(|item| item.title).collect()
    }

    /// Changes the session as a panel would.
    pub fn apply(&mut self, command: Command) {
        self.session.apply(command);
    }

    /// Takes in what happened since the last frame.
    pub fn logic(&mut self, ctx: &egui::Context) {
        self.session.poll();
        for notice in self.session.take_notices() {
            self.messages.add(notice, theme::of(ctx.theme()));
        }
        let recovered = self.session.take_recovered_arrangement();
        if let Some(dock) = recovered.and_then(|text| Dock::from_text(&text)) {
            self.dock = dock;
        }
        if let Some(arrangement) = self.dock.take_changed() {
            self.session.set_arrangement(arrangement);
        }
        for notice in self.saving.reports() {
            self.messages.add(notice, theme::of(ctx.theme()));
        }
        if let Some(chosen) = self.dialogs.poll() {
            self.take(chosen, ctx);
        }
        for path in dropped_paths(ctx) {
            self.session.apply(Command::OpenAny(path));
        }
    }

    /// Draws the window and applies what the panels ask for.
    pub fn ui(&mut self, ui: &mut Ui) {
        let ctx = PanelCtx::new(&self.session);
        run_shortcuts(ui, &ctx);
        strip(ui, EguiPanel::top("menu"), theme::BAR_HEIGHT, |ui| menu_ui(ui, &ctx, &self.dock));
        let header = EguiPanel::top("header");
        let header = strip(ui, header, theme::HEADER_HEIGHT, |ui| {
            header_ui(ui, &ctx);
            ui.max_rect()
        });
        if ctx.session.recovery().is_some() {
            let bar = EguiPanel::top("recovery");
            strip(ui, bar, theme::TOOL_ROW_HEIGHT, |ui| recovery_bar_ui(ui, &ctx));
        }
        let n_unseen = self.messages.n_unseen();
        let jobs = EguiPanel::bottom("jobs");
        strip(ui, jobs, theme::BAR_HEIGHT, |ui| jobs_bar_ui(ui, &ctx, n_unseen));
        let picture = egui::CentralPanel::no_frame()
            .frame(plain(ui))
            .show(ui, |ui| self.dock.ui(ui, &mut self.panels, &ctx))
            .inner;
        self.palette.ui(ui, &ctx);
        self.import_dialog.ui(ui, &ctx);
        let chosen = self.dialogs.ui(ui, &self.session);
        let (commands, asked) = ctx.into_commands();
        if let Some(picture) = picture {
            self.ask_where(Subject::Picture(picture), Dialog::SavePicture, ui.ctx());
        }
        if let Some(chosen) = chosen {
            self.take(chosen, ui.ctx());
        }
        for command in asked {
            self.carry_out(ui, command);
        }
        for command in commands {
            self.session.apply(command);
            // What the frame shows is no longer how things are.
            ui.ctx().request_repaint();
        }
        self.overlays_ui(ui, header);
        self.session.serve_wishes();
    }

    fn ask_where(&mut self, subject: Subject, dialog: Dialog, ctx: &egui::Context) {
        self.saving.wait(subject);
        self.dialogs.show(dialog, &self.session, ctx);
    }

    /// What a person chose in a dialog.
    fn take(&mut self, chosen: Chosen, ctx: &egui::Context) {
        match chosen {
            Chosen::Command(command) => self.session.apply(command),
            Chosen::SaveTo(path) => self.saving.save_to(path, ctx),
        }
    }

    /// What lies over the panels.
    fn overlays_ui(&mut self, ui: &Ui, header: Rect) {
        drop_hint_ui(ui);
        if self.shows_shortcuts {
            self.shows_shortcuts = shortcuts_ui(ui);
        }
        self.tour.ui(ui, header, |panel| self.dock.rect_of(panel));
        self.messages.ui(ui);
    }

    fn carry_out(&mut self, ui: &Ui, command: UiCommand) {
        let ctx = ui.ctx();
        match command {
            UiCommand::Dialog(dialog) => self.dialogs.show(dialog, &self.session, ctx),
            UiCommand::ShowPanel(id) => self.dock.show(id),
            UiCommand::ClosePanel(id) => self.dock.close(id),
            UiCommand::ToggleEnlarged(id) => self.dock.toggle_enlarged(id),
            UiCommand::SavePicture(id) => self.dock.take_picture_of(id),
            UiCommand::SaveTable(table) => {
                self.ask_where(Subject::Table(table), Dialog::SaveTable, ctx);
            }
            UiCommand::Arrange(preset) => self.dock.arrange(preset),
            UiCommand::ResetArrangement => self.dock.reset(),
            UiCommand::SetTheme(preference) => ctx.set_theme(preference),
            UiCommand::Zoom(Zoom::In) => egui::gui_zoom::zoom_in(ctx),
            UiCommand::Zoom(Zoom::Out) => egui::gui_zoom::zoom_out(ctx),
            UiCommand::Zoom(Zoom::Reset) => ctx.set_zoom_factor(1.0),
            UiCommand::OpenPalette => self.palette.open(),
            UiCommand::ShowShortcuts => self.shows_shortcuts = true,
            UiCommand::ShowMessages => self.messages.open(),
            UiCommand::StartTour => self.tour.start(),
            UiCommand::ToggleFullscreen => {
                let is_full = ctx.input(|input| input.viewport().fullscreen.unwrap_or(false));
                ctx.send_viewport_cmd(egui::ViewportCommand::Fullscreen(!is_full));
            }
            UiCommand::Quit => ctx.send_viewport_cmd(egui::ViewportCommand::Close),
        }
        ctx.request_repaint();
    }
}

impl eframe::App for App {
    fn on_exit(&mut self, _gl: Option<&eframe::glow::Context>) {
        self.session.close();
    }

    fn logic(&mut self, ctx: &egui::Context, _frame: &mut eframe::Frame) {
        Self::logic(self, ctx);
    }

    fn ui(&mut self, ui: &mut Ui, _frame: &mut eframe::Frame) {
        Self::ui(self, ui);
    }

    fn save(&mut self, storage: &mut dyn eframe::Storage) {
        storage.set_string(ARRANGEMENT_KEY, self.dock.to_text());
        storage.set_string(TOUR_KEY, "seen".to_owned());
    }
}

fn plain(ui: &Ui) -> Frame {
    Frame::new().fill(Theme::of(ui).panel)
}

fn strip<R>(ui: &mut Ui, panel: EguiPanel, height: f32, content: impl FnOnce(&mut Ui) -> R) -> R {
    panel.exact_size(height).frame(plain(ui)).resizable(false).show(ui, content).inner
}

fn dropped_paths(ctx: &egui::Context) -> Vec<std::path::PathBuf> {
    ctx.input(|input| input.raw.dropped_files.iter().map(|file| file.path().to_owned()).collect())
}

/// While a file is held over the window.
fn drop_hint_ui(ui: &Ui) {
    if ui.input(|input| input.raw.hovered_files.is_empty()) {
        return;
    }
    let theme = Theme::of(ui);
    let layer = egui::LayerId::new(egui::Order::Foreground, egui::Id::unique("drop hint"));
    let painter = ui.ctx().layer_painter(layer);
    let rect = ui.ctx().content_rect();
    painter.rect_filled(rect, 0, theme.background.gamma_multiply(0.8));
    let text = "Drop a model, samples or a recipe to open it";
    painter.text(rect.center(), egui::Align2::CENTER_CENTER, text, theme::title(20.0), theme.text);
}
