//! What a panel is, and the table of all panels.

use std::cell::RefCell;

use super::panels::{distribution, history, layers, quantizer};
use crate::session::{Command, Session};

/// What a panel sees of the application: it reads, draws, and sends commands.
pub struct PanelCtx<'a> {
    pub session: &'a Session,
    commands: RefCell<Vec<Command>>,
}

impl<'a> PanelCtx<'a> {
    pub(super) fn new(session: &'a Session) -> Self {
        Self { session, commands: RefCell::default() }
    }

    /// Asks for a change; it is applied when the frame is drawn.
    pub fn send(&self, command: Command) {
        self.commands.borrow_mut().push(command);
    }

    pub(super) fn into_commands(self) -> Vec<Command> {
        self.commands.into_inner()
    }
}

/// A part of the window. It holds view state only.
pub trait Panel {
    fn ui(&mut self, ui: &mut egui::Ui, ctx: &PanelCtx);
}

/// One line of the panel table.
pub struct PanelEntry {
    /// As in `screenshot --panel`.
    pub id: &'static str,
    pub title: &'static str,
    pub place: Place,
    pub create: fn() -> Box<dyn Panel>,
}

/// Where a panel stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Left,
    Centre,
    Right,
}

/// Every panel, from left to right.
pub static PANELS: &[PanelEntry] =
    &[layers::ENTRY, distribution::ENTRY, history::ENTRY, quantizer::ENTRY];

impl PanelEntry {
    pub(super) fn create_panel(&'static self) -> (&'static Self, Box<dyn Panel>) {
        (self, (self.create)())
    }
}
