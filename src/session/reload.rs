//! Files that change while they are open: said once, with two ways out. Reading them again keeps
//! what was decided about the model.

use std::path::PathBuf;
use std::sync::Arc;

use super::apply::ErrandResult;
use super::failure::Failure;
use super::keeping::KeptResult;
use super::opening::{ModelRef, Opened, open};
use super::state::{NoticeKind, Session};
use super::watch::{FileChange, FileState};
use crate::eval::SampleSet;
use crate::model::FoldMode;

/// What is known of files that are not as they were.
#[derive(Default)]
pub(super) struct ChangedFiles {
    changes: Vec<FileChange>,
    /// A person goes on with what was read.
    is_kept: bool,
    /// The model's content is another: nothing more can be computed of the one that was opened.
    is_rewritten: bool,
}

/// A model read again, and the samples that are not its own.
pub(super) struct Reloaded {
    opened: Opened,
    samples: Option<Result<Arc<SampleSet>, String>>,
}

impl Session {
    /// The open files that are not as they were when they were opened, until a person says what to
    /// do or they change again.
    pub fn changed_files(&self) -> &[FileChange] {
        if self.changed.is_kept { &[] } else { &self.changed.changes }
    }

    /// Looks at the open files at once; what is found comes with a later [`poll`](Self::poll).
    pub fn look_at_files(&self) {
        self.watch.look();
    }

    /// Whether what is not computed yet cannot be any more, since the model's file was written to.
    pub(super) fn is_rewritten(&self) -> bool {
        self.changed.is_rewritten
    }

    /// A job found it out before the thread that watches did.
    pub(super) fn note_rewritten(&mut self) {
        self.changed.is_rewritten = true;
        self.watch.look();
    }

    pub(super) fn watch_files(&mut self, samples: Option<&SampleSet>) {
        self.changed = ChangedFiles::default();
        let Some(opened) = &self.opened else { return };
        let samples = samples.and_then(|samples| samples.path.clone());
        self.watch.watch(self.network_id, &opened.marks, samples);
    }

    pub(super) fn receive_changes(&mut self, number: u64, changes: Vec<FileChange>) {
        if number != self.network_id {
            return;
        }
        let is_rewritten = changes.iter().any(|change| {
            change.state == FileState::Rewritten && change.role == super::FileRole::Model
        });
        self.changed = ChangedFiles { changes, is_kept: false, is_rewritten };
    }

    pub(super) fn keep_shown(&mut self) {
        self.changed.is_kept = true;
    }

    pub(super) fn start_reloading(&mut self) {
        let Some(opened) = &self.opened else { return };
        let (reference, fold_mode) = (opened.reference.clone(), self.plan.fold_mode);
        let samples = self.snapshot().and_then(|snapshot| snapshot.samples);
        self.run_errand(&format!("Opening {}", reference.label()), move |_| {
            ErrandResult::Kept(KeptResult::Reloaded(reload(&reference, fold_mode, samples)))
        });
    }

    pub(super) fn take_reloaded(&mut self, reloaded: Reloaded) {
        let Reloaded { opened, samples } = reloaded;
        let is_same = |now: &Opened| now.reference.label() == opened.reference.label();
        let snapshot = self.snapshot().filter(|_| self.opened.as_ref().is_some_and(is_same));
        let title = opened.network.model.title.clone();
        // Nothing is left, and nothing to be found again.
        self.kept.is_reloading = snapshot.is_some();
        self.kept.is_taking_back = snapshot.is_some();
        self.show(opened);
        self.kept.is_reloading = false;
        self.kept.is_taking_back = false;
        if let Some(mut snapshot) = snapshot {
            // They are of the file as it was.
            snapshot.figures.clear();
            self.restore(snapshot, samples);
            // The window stands as it should.
            self.take_recovered_arrangement();
        }
        self.notify(NoticeKind::Done, format!("{title} was read again; the recipe is as it was"));
    }
}

fn reload(
    reference: &ModelRef,
    fold_mode: FoldMode,
    samples: Option<PathBuf>,
) -> Result<Box<Reloaded>, Failure> {
    let opened = open(reference, fold_mode).map_err(|error| Failure::of(&error))?;
    let samples =
        samples.map(|path| SampleSet::open(&path).map(Arc::new).map_err(|error| error.to_string()));
    Ok(Box::new(Reloaded { opened, samples }))
}
