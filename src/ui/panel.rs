//! What a panel is, and the table of all panels.

use std::cell::RefCell;

use super::dialogs::Dialog;
use super::dock::Preset;
use super::panels::{
    accuracy, bench, bits, budget, channels, compare, distribution, estimators, front, graph,
    heatmap, hints, history, layers, levels, model, quantizer, rules, scales, sensitivity, versus,
};
use super::table::Table;
use crate::model::Layer;
use crate::session::{Command, Session};

/// A change of the window that is none of the session: nothing of it is undone.
#[derive(Clone, Debug, PartialEq)]
pub enum UiCommand {
    Dialog(Dialog),
    ShowPanel(&'static str),
    ClosePanel(&'static str),
    /// Gives a panel the whole room, or back what it had.
    ToggleEnlarged(&'static str),
    /// Gives the enlarged panel, if there is one, back what it had.
    LeaveEnlarged,
    /// Takes a picture of a panel in the next frame and asks where it goes.
    SavePicture(&'static str),
    /// Asks where the table of a panel goes.
    SaveTable(&'static str, Table),
    Arrange(Preset),
    ResetArrangement,
    SetTheme(egui::ThemePreference),
    /// Larger, smaller, or as the system has it.
    Zoom(Zoom),
    /// The palette of all commands.
    OpenPalette,
    ShowShortcuts,
    ShowMessages,
    /// What is being computed, memory and frame times.
    ShowJobs,
    StartTour,
    ToggleFullscreen,
    Quit,
}

/// A step of the size of everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Zoom {
    In,
    Out,
    Reset,
}

/// What a panel sees of the application: it reads, draws, and sends commands.
pub struct PanelCtx<'a> {
    pub session: &'a Session,
    commands: RefCell<Vec<Command>>,
    asked: RefCell<Vec<UiCommand>>,
}

impl<'a> PanelCtx<'a> {
    pub(super) fn new(session: &'a Session) -> Self {
        Self { session, commands: RefCell::default(), asked: RefCell::default() }
    }

    /// The layer that is shown.
    pub fn layer(&self) -> Option<&'a Layer> {
        let layer_idx = self.session.selection().layer_idx;
        self.session.network().and_then(|network| network.layers.get(layer_idx))
    }

    /// Asks for a change of the session; it is applied when the frame is drawn.
    pub fn send(&self, command: Command) {
        self.commands.borrow_mut().push(command);
    }

    /// Asks for a change of the window.
    pub fn ask(&self, command: UiCommand) {
        self.asked.borrow_mut().push(command);
    }

    pub(super) fn into_commands(self) -> (Vec<Command>, Vec<UiCommand>) {
        (self.commands.into_inner(), self.asked.into_inner())
    }
}

/// A part of the window. It holds view state only.
pub trait Panel {
    fn ui(&mut self, ui: &mut egui::Ui, ctx: &PanelCtx);

    /// What the panel shows as a table, to be copied or saved; `None` if it shows none.
    fn table(&self, _ctx: &PanelCtx) -> Option<Table> {
        None
    }

    /// What a person chose of the view, to be found again at the next start; `None` if there is
    /// nothing to choose.
    fn view_text(&self) -> Option<String> {
        None
    }

    /// Takes up a view that was kept; one that cannot be understood is left.
    fn restore_view(&mut self, _text: &str) {}
}

/// One line of the panel table.
pub struct PanelEntry {
    /// As in `screenshot --panel`.
    pub id: &'static str,
    pub title: &'static str,
    pub place: Place,
    pub create: fn() -> Box<dyn Panel>,
}

/// Where a panel stands in the arrangements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Left,
    Centre,
    Right,
}

/// Every panel, from left to right, and as tabs in this order.
pub static PANELS: &[PanelEntry] = &[
    layers::ENTRY,
    graph::ENTRY,
    distribution::ENTRY,
    channels::ENTRY,
    accuracy::ENTRY,
    heatmap::ENTRY,
    compare::ENTRY,
    bench::ENTRY,
    estimators::ENTRY,
    levels::ENTRY,
    scales::ENTRY,
    bits::ENTRY,
    quantizer::ENTRY,
    budget::ENTRY,
    rules::ENTRY,
    sensitivity::ENTRY,
    front::ENTRY,
    versus::ENTRY,
    hints::ENTRY,
    history::ENTRY,
    model::ENTRY,
];

/// The panel of that id.
pub(super) fn find_panel(id: &str) -> Option<&'static PanelEntry> {
    PANELS.iter().find(|entry| entry.id == id)
}
