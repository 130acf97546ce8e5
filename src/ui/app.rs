//! The window's frame: finished jobs in, panels drawn, commands applied, wishes queued.

use std::path::PathBuf;

use egui::{Frame, Panel as EguiPanel, Rect, Ui};

use super::actions::{KeyFocus, is_escape_free, run_shortcuts};
use super::changed_bar::changed_bar_ui;
use super::dialogs::{Chosen, Dialog, Dialogs, Waiting};
use super::dock::{Dock, Panels, Preset};
use super::dropping::{Dropping, Target};
use super::export;
use super::focus_ring::FocusRing;
use super::frame_times::FrameTimes;
use super::header::header_ui;
use super::import_dialog::ImportDialog;
use super::jobs_bar::jobs_bar_ui;
use super::jobs_panel;
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
    dropping: Dropping,
    focus_ring: FocusRing,
    frames: FrameTimes,
    /// The panel whose picture is being taken.
    pictured: Option<&'static str>,
}

/// Keys of what is stored between two starts.
const ARRANGEMENT_KEY: &str = "arrangement";
const TOUR_KEY: &str = "tour";
const ACTIVATIONS_KEY: &str = "activation_bytes";

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
            dropping: Dropping::default(),
            focus_ring: FocusRing::default(),
            frames: FrameTimes::default(),
            pictured: None,
        }
    }

    /// Takes up the arrangement of the last time; a first start begins with the tour.
    pub fn restore(&mut self, storage: &dyn eframe::Storage) {
        let stored = storage.get_string(ARRANGEMENT_KEY);
        if let Some(dock) = stored.and_then(|text| Dock::from_text(&text)) {
            self.dock = dock;
        }
        let budget = storage.get_string(ACTIVATIONS_KEY).and_then(|text| text.parse().ok());
        if let Some(n_bytes) = budget {
            self.session.apply(Command::SetActivationBudget(n_bytes));
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

    /// Where the ring around what the keyboard is at was drawn.
    pub fn focus_ring(&self) -> Option<Rect> {
        self.focus_ring.rect()
    }

    /// Names of everything the palette offers now.
    pub fn palette_titles(&self) -> Vec<String> {
        let ctx = PanelCtx::new(&self.session);
        palette::items(&ctx, "").into_iter().map(|item| item.title).collect()
    }

    /// Arranges the panels.
    pub fn arrange(&mut self, preset: Preset) {
        self.dock.arrange(preset);
    }

    /// Changes the session as a panel would.
    pub fn apply(&mut self, command: Command) {
        self.session.apply(command);
    }

    /// Takes in what happened since the last frame.
    pub fn logic(&mut self, ctx: &egui::Context) {
        self.frames.begin();
        let then = self.frames.now();
        self.take_in(ctx);
        self.frames.add_since(then);
    }

    fn take_in(&mut self, ctx: &egui::Context) {
        self.session.poll();
        self.take_in_notices();
        let recovered = self.session.take_recovered_arrangement();
        if let Some(dock) = recovered.and_then(|text| Dock::from_text(&text)) {
            self.dock = dock;
        }
        if let Some(arrangement) = self.dock.take_changed() {
            self.session.set_arrangement(arrangement);
        }
        if let Some(chosen) = self.dialogs.poll() {
            self.take(chosen, ctx);
        }
        self.take_dropped(dropped_paths(ctx), ctx);
        if ctx.input(|input| input.viewport().close_requested()) {
            // The window is gone at once; what is being written is written behind it.
            ctx.send_viewport_cmd(egui::ViewportCommand::Visible(false));
        }
    }

    /// Shows what was reported: in the dialog it is about, else over the panels.
    fn take_in_notices(&mut self) {
        let mut notices = self.session.take_notices();
        if let Some(told) = self.dialogs.hear(&mut notices, &mut self.session) {
            self.messages.add_told(told);
        }
        for notice in self.saving.reports() {
            if self.dialogs.hear_saved(&notice) {
                self.messages.add_told(notice);
            } else {
                notices.push(notice);
            }
        }
        notices.into_iter().for_each(|notice| self.messages.add(notice));
    }

    /// Opens what was dropped; a list that lies over the window is not what is wanted any more.
    fn take_dropped(&mut self, paths: Vec<PathBuf>, ctx: &egui::Context) {
        if paths.is_empty() {
            return;
        }
        self.palette.close();
        self.messages.close();
        self.shows_shortcuts = false;
        if let ([path], Some(_)) = (paths.as_slice(), self.dialogs.typed_kind()) {
            if let Some(chosen) = self.dialogs.take_dropped(path) {
                self.take(chosen, ctx);
            }
            return;
        }
        self.dialogs.close();
        self.session.apply(Command::OpenSeveral(paths));
    }

    /// Draws the window and applies what the panels ask for.
    pub fn ui(&mut self, ui: &mut Ui) {
        let then = self.frames.now();
        self.window_ui(ui);
        self.frames.add_since(then);
    }

    fn window_ui(&mut self, ui: &mut Ui) {
        self.focus_ring.begin(ui);
        let escape_is_free = is_escape_free(ui);
        self.take_keys(ui);
        let ctx = PanelCtx::new(&self.session);
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
        if !ctx.session.changed_files().is_empty() {
            let bar = EguiPanel::top("changed files");
            strip(ui, bar, theme::TOOL_ROW_HEIGHT, |ui| changed_bar_ui(ui, &ctx));
        }
        let below = (self.messages.n_unseen(), &self.frames);
        let jobs = EguiPanel::bottom("jobs");
        strip(ui, jobs, theme::BAR_HEIGHT, |ui| jobs_bar_ui(ui, &ctx, below));
        let picture = egui::CentralPanel::no_frame()
            .frame(plain(ui))
            .show(ui, |ui| self.dock.ui(ui, &mut self.panels, &ctx))
            .inner;
        let pressed = |key| ui.input_mut(|i| i.consume_key(egui::Modifiers::NONE, key));
        if escape_is_free && pressed(egui::Key::Escape) {
            ctx.ask(UiCommand::LeaveEnlarged);
        }
        self.palette.ui(ui, &ctx);
        if !self.dialogs.is_waiting() {
            self.import_dialog.ui(ui, &ctx);
        }
        let chosen = self.dialogs.ui(ui, &self.session);
        let (commands, asked) = ctx.into_commands();
        if let Some(picture) = picture {
            let panel = self.pictured.take();
            self.ask_where(Subject::Picture(picture), panel, ui.ctx());
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
        self.focus_ring.ui(ui);
        self.session.serve_wishes();
    }

    /// Does what keys ask for, press by press, before the panels are drawn.
    fn take_keys(&mut self, ui: &Ui) {
        let focus = KeyFocus::of(ui);
        loop {
            let ctx = PanelCtx::new(&self.session);
            let has_run = run_shortcuts(ui, &ctx, focus);
            let (commands, asked) = ctx.into_commands();
            asked.into_iter().for_each(|command| self.carry_out(ui, command));
            commands.into_iter().for_each(|command| self.session.apply(command));
            if !has_run {
                return;
            }
            ui.ctx().request_repaint();
        }
    }

    fn ask_where(&mut self, subject: Subject, panel: Option<&str>, ctx: &egui::Context) {
        let dialog = match subject {
            Subject::Picture(_) => Dialog::SavePicture,
            Subject::Table(_) => Dialog::SaveTable,
        };
        self.saving.wait(subject);
        self.dialogs.show(dialog, panel, &self.session, ctx);
    }

    /// What a person chose in a dialog.
    fn take(&mut self, chosen: Chosen, ctx: &egui::Context) {
        match chosen {
            Chosen::Command(command) => {
                let errand = self.session.apply_watched(command);
                self.dialogs.wait_for(Waiting::Errand(errand));
            }
            Chosen::SaveTo(path) => {
                self.saving.save_to(path, ctx);
                self.dialogs.wait_for(Waiting::Saving);
            }
        }
    }

    /// What lies over the panels.
    fn overlays_ui(&mut self, ui: &Ui, header: Rect) {
        let target = Target {
            has_model: self.session.opened().is_some(),
            typing: self.dialogs.typed_kind(),
        };
        self.dropping.ui(ui, target);
        if self.shows_shortcuts {
            self.shows_shortcuts = shortcuts_ui(ui);
        }
        if self.session.opened().is_some() {
            self.tour.ui(ui, header, |panel| self.dock.rect_of(panel));
        }
        self.messages.ui(ui);
    }

    fn carry_out(&mut self, ui: &Ui, command: UiCommand) {
        let ctx = ui.ctx();
        match command {
            UiCommand::Dialog(dialog) => self.dialogs.show(dialog, None, &self.session, ctx),
            UiCommand::ShowPanel(id) => self.dock.show(id),
            UiCommand::ClosePanel(id) => self.dock.close(id),
            UiCommand::ToggleEnlarged(id) => self.dock.toggle_enlarged(id),
            UiCommand::LeaveEnlarged => self.dock.leave_enlarged(),
            UiCommand::SavePicture(id) => {
                self.pictured = Some(id);
                self.dock.take_picture_of(id);
            }
            UiCommand::SaveTable(id, table) => {
                self.ask_where(Subject::Table(table), Some(id), ctx);
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
            UiCommand::ShowJobs => egui::Popup::open_id(ctx, jobs_panel::popup_id()),
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
        let budget = self.session.memory().activation_budget;
        storage.set_string(ACTIVATIONS_KEY, budget.to_string());
    }
}

fn plain(ui: &Ui) -> Frame {
    Frame::new().fill(Theme::of(ui).panel)
}

fn strip<R>(ui: &mut Ui, panel: EguiPanel, height: f32, content: impl FnOnce(&mut Ui) -> R) -> R {
    panel.exact_size(height).frame(plain(ui)).resizable(false).show(ui, content).inner
}

fn dropped_paths(ctx: &egui::Context) -> Vec<PathBuf> {
    ctx.input(|input| input.raw.dropped_files.iter().map(|file| file.path().to_owned()).collect())
}
