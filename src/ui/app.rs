//! The window's frame: finished jobs in, panels drawn, commands applied, wishes queued.

use egui::{Frame, Panel as EguiPanel, RichText, Ui};

use super::dialogs::Dialogs;
use super::header::header_ui;
use super::import_dialog::ImportDialog;
use super::jobs_bar::jobs_bar_ui;
use super::menu::menu_ui;
use super::panel::{PANELS, Panel, PanelCtx, PanelEntry, Place};
use super::theme::{self, Theme};
use crate::session::{Command, ModelRef, NoticeKind, Session};

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
    panels: Vec<(&'static PanelEntry, Box<dyn Panel>)>,
    only_panel: Option<&'static str>,
    dialogs: Dialogs,
    import_dialog: ImportDialog,
    toasts: egui_notify::Toasts,
    last_failure: Option<String>,
}

impl App {
    /// Installs fonts and themes and starts opening the model.
    pub fn new(ctx: &egui::Context, options: AppOptions) -> Self {
        theme::install(ctx);
        let waker = ctx.clone();
        let mut session = Session::new(move || waker.request_repaint());
        session.apply(Command::Open(options.model));
        Self {
            session,
            panels: PANELS.iter().map(|entry| (*entry).create_panel()).collect(),
            only_panel: options.only_panel,
            dialogs: Dialogs::default(),
            import_dialog: ImportDialog::default(),
            toasts: egui_notify::Toasts::default().with_margin(egui::vec2(12.0, 104.0)),
            last_failure: None,
        }
    }

    pub fn session(&self) -> &Session {
        &self.session
    }

    /// The newest failure that was reported.
    pub fn last_failure(&self) -> Option<&str> {
        self.last_failure.as_deref()
    }

    /// Changes the session as a panel would.
    pub fn apply(&mut self, command: Command) {
        self.session.apply(command);
    }

    /// Takes in what happened since the last frame.
    pub fn logic(&mut self, ctx: &egui::Context) {
        self.session.poll();
        for notice in self.session.take_notices() {
            if notice.kind == NoticeKind::Failed {
                self.last_failure = Some(notice.text.clone());
            }
            let theme = theme::of(ctx.theme());
            // Signs that the embedded fonts have, unlike those of the crate.
            let (sign, colour, secs) = match notice.kind {
                NoticeKind::Done => ("✓", theme.rounding, 4),
                NoticeKind::Warning => ("!", theme.quantized, 12),
                NoticeKind::Failed => ("✕", theme.bad, 16),
            };
            self.toasts
                .custom(notice.text, sign.to_owned(), colour)
                .duration(Some(std::time::Duration::from_secs(secs)))
                .closable(false);
        }
        if let Some(command) = self.dialogs.poll() {
            self.session.apply(command);
        }
        for path in dropped_paths(ctx) {
            self.session.apply(Command::OpenAny(path));
        }
    }

    /// Draws the window and applies what the panels ask for.
    pub fn ui(&mut self, ui: &mut Ui) {
        let ctx = PanelCtx::new(&self.session);
        let dialog = strip(ui, EguiPanel::top("menu"), theme::BAR_HEIGHT, |ui| menu_ui(ui, &ctx));
        strip(ui, EguiPanel::top("header"), theme::HEADER_HEIGHT, |ui| header_ui(ui, &ctx));
        strip(ui, EguiPanel::bottom("jobs"), theme::BAR_HEIGHT, |ui| jobs_bar_ui(ui, &ctx));
        let only = self.only_panel;
        let (mut centre, sides): (Vec<_>, Vec<_>) = self
            .panels
            .iter_mut()
            .filter(|(entry, _)| only.is_none_or(|id| entry.id == id))
            .partition(|(entry, _)| entry.place == Place::Centre || only == Some(entry.id));
        for (entry, panel) in sides {
            let side = match entry.place {
                Place::Left => {
                    EguiPanel::left(entry.id).default_size(440.0).size_range(330.0..=720.0)
                }
                _ => EguiPanel::right(entry.id).default_size(348.0).size_range(320.0..=480.0),
            };
            side.frame(plain(ui))
                .resizable(true)
                .show(ui, |ui| titled_ui(ui, entry, &mut **panel, &ctx));
        }
        egui::CentralPanel::no_frame().frame(plain(ui)).show(ui, |ui| {
            for (entry, panel) in &mut centre {
                titled_ui(ui, entry, &mut **panel, &ctx);
            }
        });
        self.import_dialog.ui(ui, &ctx);
        let mut commands = ctx.into_commands();
        if let Some(dialog) = dialog {
            self.dialogs.show(dialog, ui.ctx());
        }
        commands.extend(self.dialogs.ui(ui));
        for command in commands {
            self.session.apply(command);
            // What the frame shows is no longer how things are.
            ui.ctx().request_repaint();
        }
        drop_hint_ui(ui);
        self.toasts.show(ui.ctx());
        self.session.serve_wishes();
    }
}

impl eframe::App for App {
    fn logic(&mut self, ctx: &egui::Context, _frame: &mut eframe::Frame) {
        Self::logic(self, ctx);
    }

    fn ui(&mut self, ui: &mut Ui, _frame: &mut eframe::Frame) {
        Self::ui(self, ui);
    }
}

fn plain(ui: &Ui) -> Frame {
    Frame::new().fill(Theme::of(ui).panel)
}

fn strip<R>(ui: &mut Ui, panel: EguiPanel, height: f32, content: impl FnOnce(&mut Ui) -> R) -> R {
    panel.exact_size(height).frame(plain(ui)).resizable(false).show(ui, content).inner
}

/// A panel under a tab with its name.
fn titled_ui(ui: &mut Ui, entry: &PanelEntry, panel: &mut dyn Panel, ctx: &PanelCtx) {
    let theme = Theme::of(ui);
    let (bar, _) = ui.allocate_exact_size(
        egui::vec2(ui.available_width(), theme::BAR_HEIGHT),
        egui::Sense::hover(),
    );
    let painter = ui.painter();
    painter.rect_filled(bar, 0, theme.background);
    let text = RichText::new(entry.title).font(theme::text(13.0)).color(theme.text);
    let galley = egui::WidgetText::from(text).into_galley(
        ui,
        Some(egui::TextWrapMode::Extend),
        f32::INFINITY,
        egui::TextStyle::Body,
    );
    let tab = egui::Rect::from_min_size(bar.min, egui::vec2(galley.size().x + 24.0, bar.height()));
    ui.painter().rect_filled(tab, 0, theme.panel);
    ui.painter().hline(tab.x_range(), tab.top() + 1.0, egui::Stroke::new(2.0, theme.accent));
    let place = egui::pos2(tab.left() + 12.0, tab.center().y - galley.size().y / 2.0);
    ui.painter().galley(place, galley, theme.text);
    ui.painter().hline(bar.x_range(), bar.bottom() - 0.5, egui::Stroke::new(1.0, theme.line));
    ui.spacing_mut().item_spacing.y = 4.0;
    // The content gets what room there is and does not ask the panel to grow.
    let rest = ui.available_rect_before_wrap();
    ui.allocate_rect(rest, egui::Sense::hover());
    let mut content = ui.new_child(egui::UiBuilder::new().id_salt(entry.id).max_rect(rest));
    content.shrink_clip_rect(rest);
    panel.ui(&mut content, ctx);
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
    let text = "Drop a model or a sample set to open it";
    painter.text(rect.center(), egui::Align2::CENTER_CENTER, text, theme::title(20.0), theme.text);
}
