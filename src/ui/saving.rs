//! Pictures and tables of panels on their way into files: named in a dialog, written on a thread.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use super::export::{self, ExportError, PanelPicture};
use super::table::Table;
use crate::session::{Failure, Notice, NoticeKind};

/// Something to be saved once it is known where.
pub(super) enum Subject {
    Picture(PanelPicture),
    Table(Table),
}

impl Subject {
    fn save(&self, path: &Path) -> Result<(), ExportError> {
        match self {
            Self::Picture(picture) => export::save(picture, path),
            Self::Table(table) => export::save_table(&table.to_csv(), path),
        }
    }
}

/// What waits for a name, and what is being written.
pub(super) struct Saving {
    waiting: Option<Arc<Subject>>,
    sender: Sender<Notice>,
    reports: Receiver<Notice>,
}

impl Default for Saving {
    fn default() -> Self {
        let (sender, reports) = channel();
        Self { waiting: None, sender, reports }
    }
}

impl Saving {
    /// Keeps the subject for [`save_to`](Self::save_to), however often that fails.
    pub fn wait(&mut self, subject: Subject) {
        self.waiting = Some(Arc::new(subject));
    }

    /// Writes what waits; the window is woken when it is done.
    pub fn save_to(&mut self, path: PathBuf, ctx: &egui::Context) {
        let Some(subject) = self.waiting.clone() else { return };
        let (sender, ctx) = (self.sender.clone(), ctx.clone());
        let work = move || {
            let notice = match subject.save(&path) {
                Ok(()) => Notice::new(NoticeKind::Done, format!("{} is saved", path.display())),
                Err(error) => {
                    let Failure { text, details } = Failure::of(&error);
                    Notice { details, ..Notice::new(NoticeKind::Failed, text) }
                }
            };
            // Nobody listens once the window is gone.
            if sender.send(notice).is_ok() {
                ctx.request_repaint();
            }
        };
        let thread = std::thread::Builder::new().name("quantscope-save".to_owned()).spawn(work);
        if let Err(error) = thread {
            let text = format!("nothing was saved: {error}; close other programs and try again");
            // The receiver is ours.
            let _ = self.sender.send(Notice::new(NoticeKind::Failed, text));
        }
    }

    /// What came of it.
    pub fn reports(&self) -> Vec<Notice> {
        self.reports.try_iter().collect()
    }
}
