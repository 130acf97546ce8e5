//! The files that sessions are written to: one for each window, held by a lock while the window is
//! there, so that two windows never write to the same one.

use std::fs::{File, TryLockError};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use super::paths::write_atomically;
use super::saved::{Ending, Saved, SavedError, Snapshot};
use super::set_aside;
use crate::session::fingerprint::Fingerprint;

/// Files of windows that are gone; older ones are removed.
const MAX_FILES: usize = 16;

/// The file of this window, made when there is something to write.
pub(super) struct Autosave {
    folder: PathBuf,
    slot: Option<Slot>,
}

struct Slot {
    path: PathBuf,
    /// Locked as long as it is open; the system lets go of it when the program ends in any way.
    _lock: File,
}

impl Autosave {
    pub fn new(home: &Path) -> Self {
        Self { folder: home.join("sessions"), slot: None }
    }

    /// Writes the state to this window's file.
    ///
    /// # Errors
    /// The system's.
    pub fn save(&mut self, snapshot: &Snapshot, ending: Ending) -> std::io::Result<()> {
        let slot = match self.slot.take() {
            Some(slot) => slot,
            None => Slot::create(&self.folder)?,
        };
        let path = slot.path.clone();
        self.slot = Some(slot);
        write_atomically(&path, snapshot.to_json(ending).as_bytes())
    }

    /// Removes this window's file: there is nothing in it that a new window does not have.
    pub fn forget(&mut self) {
        if let Some(slot) = self.slot.take() {
            remove(&slot.path);
        }
    }

    /// Lets go of the file and leaves it for the next window.
    pub fn release(&mut self) {
        if let Some(slot) = self.slot.take() {
            let _ = std::fs::remove_file(lock_of(&slot.path));
        }
    }

    /// What the window that wrote last and is gone has left, unless a later one was declined. Files
    /// that cannot be understood are set aside, with one line each in `warnings`; the oldest are
    /// removed.
    pub fn last_left(&self, warnings: &mut Vec<String>) -> Option<Saved> {
        let mut left = self.all_left(warnings);
        for old in left.drain(left.len().min(MAX_FILES)..) {
            remove(&old.path);
        }
        let declined = std::fs::metadata(self.declined()).and_then(|file| file.modified()).ok();
        left.into_iter().find(|saved| saved.was_killed || declined.is_none_or(|d| saved.when > d))
    }

    /// The last changes that were made to the model of that fingerprint.
    pub fn left_for(&self, fingerprint: &Fingerprint) -> Option<Saved> {
        self.all_left(&mut Vec::new()).into_iter().find(|saved| {
            let is_same = saved.snapshot.fingerprint.difference(fingerprint).is_none();
            is_same && !saved.snapshot.history.is_empty()
        })
    }

    /// Removes a file that was gone on with.
    pub fn remove(&self, offered: &Path) {
        remove(offered);
    }

    /// Removes a file whose offer was declined; sessions closed before now are not offered at the
    /// start any more, only with their model.
    pub fn decline(&self, offered: &Path) {
        remove(offered);
        // Without the mark an older one is offered next time: no harm.
        let _ = std::fs::write(self.declined(), "");
    }

    fn declined(&self) -> PathBuf {
        self.folder.join("declined")
    }

    /// Newest first.
    fn all_left(&self, warnings: &mut Vec<String>) -> Vec<Saved> {
        let Ok(entries) = std::fs::read_dir(&self.folder) else {
            return Vec::new();
        };
        let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
        let mut left: Vec<Saved> = paths
            .filter(|path| path.extension().is_some_and(|ending| ending == "json"))
            .filter(|path| !is_hidden(path) && !is_in_use(path))
            .filter_map(|path| read(&path, warnings))
            .collect();
        left.sort_by(|a, b| b.when.cmp(&a.when).then_with(|| b.path.cmp(&a.path)));
        left
    }
}

impl Slot {
    /// A file of its own, named after time and process.
    fn create(folder: &Path) -> std::io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let mut number = since.as_millis();
        loop {
            let path = folder.join(format!("{number}-{}.json", std::process::id()));
            // One that was left within the same millisecond has no lock any more.
            if path.exists() {
                number += 1;
                continue;
            }
            match File::options().write(true).create_new(true).open(lock_of(&path)) {
                Ok(mut lock) => {
                    // Where the system has no locks, two windows may offer each other's state, and
                    // each still writes to its own file.
                    let _ = lock.try_lock();
                    write!(lock, "{}", std::process::id())?;
                    return Ok(Self { path, _lock: lock });
                }
                Err(error) if error.kind() == ErrorKind::AlreadyExists => number += 1,
                Err(error) => return Err(error),
            }
        }
    }
}

fn lock_of(path: &Path) -> PathBuf {
    path.with_extension("lock")
}

fn is_hidden(path: &Path) -> bool {
    path.file_name().is_none_or(|name| name.to_string_lossy().starts_with('.'))
}

/// Whether the window that writes to the file is there.
fn is_in_use(path: &Path) -> bool {
    let lock = File::options().write(true).open(lock_of(path));
    lock.is_ok_and(|lock| matches!(lock.try_lock(), Err(TryLockError::WouldBlock)))
}

fn read(path: &Path, warnings: &mut Vec<String>) -> Option<Saved> {
    let text = match std::fs::read(path) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) => {
            warnings.push(format!("the saved session {} cannot be read: {error}", path.display()));
            return None;
        }
    };
    match Saved::from_json(&text, path.to_owned()) {
        Ok(saved) => Some(saved),
        Err(SavedError::Version(_)) => None,
        Err(error) => {
            let aside = set_aside(path);
            warnings.push(format!(
                "the saved session {} cannot be understood ({error}) and {aside}",
                path.display()
            ));
            None
        }
    }
}

/// The file may be gone already, by another window's hand.
fn remove(path: &Path) {
    let _ = std::fs::remove_file(path);
    let _ = std::fs::remove_file(lock_of(path));
}

#[cfg(test)]
mod tests {
    use super::super::saved::tests::snapshot;
    use super::*;

    #[test]
    fn a_file_in_use_is_not_offered() {
        let home = tempfile::tempdir().unwrap();
        let mut first = Autosave::new(home.path());
        first.save(&snapshot(2), Ending::Running).unwrap();
        let mut second = Autosave::new(home.path());
        assert!(second.last_left(&mut Vec::new()).is_none());
        second.save(&snapshot(7), Ending::Running).unwrap();
        drop(first);
        let third = Autosave::new(home.path());
        let left = third.last_left(&mut Vec::new()).unwrap();
        assert!(left.was_killed);
        assert_eq!(left.snapshot.n_changes(), 2, "the other is still there");
        third.remove(&left.path);
        assert!(third.last_left(&mut Vec::new()).is_none());
        second.save(&snapshot(8), Ending::Closed).unwrap();
        second.release();
        let left = third.last_left(&mut Vec::new()).unwrap();
        assert_eq!((left.was_killed, left.snapshot.n_changes()), (false, 8));
    }

    #[test]
    fn what_is_broken_is_set_aside_and_the_oldest_go() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("sessions");
        for _ in 0..MAX_FILES + 3 {
            Autosave::new(home.path()).save(&snapshot(1), Ending::Running).unwrap();
        }
        std::fs::write(folder.join("9-9.json"), b"\xff{").unwrap();
        let mut warnings = Vec::new();
        let autosave = Autosave::new(home.path());
        assert!(autosave.last_left(&mut warnings).is_some());
        assert!(warnings.len() == 1 && warnings[0].contains("9-9.json.broken"), "{warnings:?}");
        assert!(folder.join("9-9.json.broken").is_file());
        warnings.clear();
        assert_eq!(autosave.all_left(&mut warnings).len(), MAX_FILES);
        assert!(warnings.is_empty());
    }

    #[test]
    fn what_was_closed_before_a_refusal_is_offered_with_its_model_alone() {
        let home = tempfile::tempdir().unwrap();
        for n_changes in [1, 2] {
            let mut closed = Autosave::new(home.path());
            closed.save(&snapshot(n_changes), Ending::Closed).unwrap();
            closed.release();
        }
        let autosave = Autosave::new(home.path());
        let last = autosave.last_left(&mut Vec::new()).unwrap();
        assert_eq!(last.snapshot.n_changes(), 2);
        autosave.decline(&last.path);
        assert!(autosave.last_left(&mut Vec::new()).is_none());
        let left = autosave.left_for(&last.snapshot.fingerprint).unwrap();
        assert_eq!(left.snapshot.n_changes(), 1);
        let other = Fingerprint { sha256: "other".to_owned(), ..last.snapshot.fingerprint };
        assert!(autosave.left_for(&other).is_none());
    }
}
