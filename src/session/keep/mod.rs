//! What outlives a session: its state, written as it changes, and the models opened last. A thread of
//! its own does all reading and writing; the session hears of it through messages.

mod autosave;
mod figures;
mod paths;
mod recent;
mod saved;
mod tried;

pub(super) use figures::PlanMark;
pub use paths::Keep;
pub(super) use paths::write_atomically;
pub use recent::RecentFile;
pub(super) use recent::put_first;
pub(super) use saved::{Ending, Saved, Snapshot};

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use super::fingerprint::Fingerprint;
use super::tried::Tried;
use autosave::Autosave;

/// From a change until it is written; what changes meanwhile is written with it.
const DELAY: Duration = Duration::from_secs(1);
/// The longest that the end of a session waits for the last writing: a busy disk may take seconds,
/// and the window is gone by then.
const MAX_WAIT: Duration = Duration::from_secs(15);

/// What the thread is asked for.
pub(super) enum Order {
    Save(Box<Snapshot>),
    /// The session is as a new one: nothing is worth keeping.
    Forget,
    /// Another model is opened: what was done to this one stays in a file of its own.
    Leave,
    /// Looks for what was done to a model before.
    Find(Fingerprint),
    AddRecent(RecentFile),
    ClearRecent,
    /// Writes what is waiting, then removes the file that the state was taken from.
    Replace(PathBuf),
    Dismiss(PathBuf),
    /// Looks for what was tried of a model before.
    FindTried(Fingerprint),
    /// Writes what was tried of a model.
    SaveTried(Fingerprint, Vec<Arc<Tried>>),
    Close,
}

/// What the thread tells.
pub(super) enum KeepEvent {
    /// What was there at the start.
    Found {
        saved: Option<Box<Saved>>,
        recent: Vec<RecentFile>,
    },
    /// Looked for after that: the files that are gone. The last of the start.
    Missing(HashSet<PathBuf>),
    /// The answer to [`Order::Find`].
    Offer(Option<Box<Saved>>),
    /// What was tried of the model of that sum before.
    Tried(String, Vec<Tried>),
    Warning(String),
}

/// The session's end of the thread. Dropping it ends the thread as a crash would: what is waiting is
/// written, and the session counts as not closed.
pub(super) struct Keeper {
    /// Where everything is kept.
    pub home: PathBuf,
    orders: Option<Sender<Order>>,
    ended: Receiver<()>,
}

impl Keeper {
    /// # Errors
    /// The system gives no thread.
    pub fn start(
        home: PathBuf,
        tell: impl Fn(KeepEvent) + Clone + Send + 'static,
    ) -> std::io::Result<Self> {
        let (orders, inbox) = channel();
        let (running, ended) = channel();
        let thread = std::thread::Builder::new().name("quantscope-keep".to_owned());
        let at = home.clone();
        thread.spawn(move || {
            let _running: Sender<()> = running;
            tell_what_is_there(&at, &tell);
            Thread::new(at, tell).work(&inbox);
        })?;
        Ok(Self { home, orders: Some(orders), ended })
    }

    pub fn order(&self, order: Order) {
        if let Some(orders) = &self.orders {
            // A thread that is gone has said why.
            let _ = orders.send(order);
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.orders = None;
        // Nothing is ever sent: the channel closes when the thread ends.
        let _ = self.ended.recv_timeout(MAX_WAIT);
    }
}

fn tell_what_is_there(home: &Path, tell: &(impl Fn(KeepEvent) + Clone + Send + 'static)) {
    let mut warnings = Vec::new();
    let saved = Autosave::new(home).last_left(&mut warnings).map(Box::new);
    let recent = recent::read(home).unwrap_or_else(|warning| {
        warnings.push(warning);
        Vec::new()
    });
    let mut paths: Vec<PathBuf> = recent.iter().map(|file| file.path.clone()).collect();
    paths.extend(saved.iter().map(|saved| PathBuf::from(&saved.snapshot.model)));
    tell(KeepEvent::Found { saved, recent });
    warnings.into_iter().for_each(|warning| tell(KeepEvent::Warning(warning)));
    // On a thread of its own: a folder on a network may keep it waiting for minutes.
    let tell = tell.clone();
    let look = move || {
        let is_gone = |path: &PathBuf| path.is_absolute() && !path.exists();
        tell(KeepEvent::Missing(paths.into_iter().filter(is_gone).collect()));
    };
    let thread = std::thread::Builder::new().name("quantscope-look".to_owned());
    if let Err(error) = thread.spawn(look) {
        log::error!("no thread to look for recent files: {error}");
    }
}

struct Thread<T> {
    home: PathBuf,
    autosave: Autosave,
    tell: T,
    last: Option<Box<Snapshot>>,
    /// What was tried and is not written yet.
    tried: Option<(Fingerprint, Vec<Arc<Tried>>)>,
    has_warned: bool,
}

impl<T: Fn(KeepEvent)> Thread<T> {
    fn new(home: PathBuf, tell: T) -> Self {
        let autosave = Autosave::new(&home);
        Self { autosave, home, tell, last: None, tried: None, has_warned: false }
    }

    fn work(&mut self, inbox: &Receiver<Order>) {
        let mut due: Option<Instant> = None;
        loop {
            let order = match due {
                None => inbox.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(at) => inbox.recv_timeout(at.saturating_duration_since(Instant::now())),
            };
            let is_due = due.is_some();
            match order {
                Ok(Order::Save(snapshot)) => {
                    self.last = Some(snapshot);
                    due = due.or_else(|| Some(Instant::now() + DELAY));
                }
                Ok(Order::SaveTried(fingerprint, tried)) => {
                    if self.tried.as_ref().is_some_and(|(of, _)| of.sha256 != fingerprint.sha256) {
                        self.save_tried();
                    }
                    self.tried = Some((fingerprint, tried));
                    due = due.or_else(|| Some(Instant::now() + DELAY));
                }
                Ok(Order::Close) => {
                    self.save(Ending::Closed);
                    return self.autosave.release();
                }
                Ok(Order::Replace(path)) => {
                    self.save(Ending::Running);
                    due = None;
                    self.autosave.remove(&path);
                }
                Ok(Order::Leave) => {
                    self.save(Ending::Closed);
                    due = None;
                    self.last = None;
                    self.autosave.release();
                }
                Ok(Order::Forget) => {
                    due = None;
                    self.last = None;
                    self.save_tried();
                    self.autosave.forget();
                }
                Ok(order) => self.obey(order),
                Err(RecvTimeoutError::Timeout) => {
                    self.save(Ending::Running);
                    due = None;
                }
                Err(RecvTimeoutError::Disconnected) => {
                    if is_due {
                        self.save(Ending::Running);
                    }
                    return;
                }
            }
        }
    }

    fn obey(&mut self, order: Order) {
        match order {
            Order::AddRecent(file) => {
                let added = recent::add(&self.home, file);
                self.check(added);
            }
            Order::ClearRecent => {
                let written = recent::write(&self.home, Vec::new());
                self.check(written);
            }
            Order::Dismiss(path) => self.autosave.decline(&path),
            Order::Find(fingerprint) => {
                let found = self.autosave.left_for(&fingerprint).map(Box::new);
                (self.tell)(KeepEvent::Offer(found));
            }
            Order::FindTried(fingerprint) => {
                self.save_tried();
                match tried::read(&self.home, &fingerprint) {
                    Ok(found) => (self.tell)(KeepEvent::Tried(fingerprint.sha256, found)),
                    Err(warning) => (self.tell)(KeepEvent::Warning(warning)),
                }
            }
            _ => {}
        }
    }

    fn save_tried(&mut self) {
        if let Some((fingerprint, list)) = self.tried.take() {
            let written = tried::write(&self.home, &fingerprint, &list);
            self.check(written);
        }
    }

    fn save(&mut self, ending: Ending) {
        self.save_tried();
        if let Some(snapshot) = &self.last {
            let saved = self.autosave.save(snapshot, ending);
            self.check(saved);
        }
    }

    /// One line the first time, however often it fails.
    fn check(&mut self, result: std::io::Result<()>) {
        let Err(error) = result else { return };
        if !std::mem::replace(&mut self.has_warned, true) {
            (self.tell)(KeepEvent::Warning(format!(
                "changes are not being saved: {} cannot be written ({error}); make it writable, or name another folder in QUANTSCOPE_HOME",
                self.home.display()
            )));
        }
    }
}

/// Renames a file that cannot be understood; what became of it, in words.
fn set_aside(path: &Path) -> String {
    let mut aside = path.to_owned().into_os_string();
    aside.push(".broken");
    match std::fs::rename(path, &aside) {
        Ok(()) => format!("was set aside as {}", PathBuf::from(aside).display()),
        Err(error) => format!("could not be set aside: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::saved::tests::snapshot;
    use super::*;

    fn run(home: &Path, orders: Vec<Order>) -> Vec<String> {
        let warnings = RefCell::new(Vec::new());
        let tell = |event| {
            if let KeepEvent::Warning(text) = event {
                warnings.borrow_mut().push(text);
            }
        };
        let (sender, inbox) = channel();
        orders.into_iter().for_each(|order| sender.send(order).unwrap());
        drop(sender);
        Thread::new(home.to_owned(), tell).work(&inbox);
        warnings.into_inner()
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_told_once() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "x").unwrap();
        let save = || Order::Save(Box::new(snapshot(1)));
        let orders =
            vec![Order::ClearRecent, save(), Order::Replace("a".into()), save(), Order::Close];
        let warnings = run(&file.join("home"), orders);
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        assert!(warnings[0].contains("QUANTSCOPE_HOME") && warnings[0].contains("file/home"));
    }

    #[test]
    fn what_waits_is_written_at_the_end() {
        let home = tempfile::tempdir().unwrap();
        let save = |n_changes| Order::Save(Box::new(snapshot(n_changes)));
        assert!(run(home.path(), vec![save(1), save(2)]).is_empty());
        let left = Autosave::new(home.path()).last_left(&mut Vec::new()).unwrap();
        assert_eq!((left.snapshot.n_changes(), left.was_killed), (2, true));
        run(home.path(), vec![save(3), Order::Replace(left.path.clone()), Order::Close]);
        let left = Autosave::new(home.path()).last_left(&mut Vec::new()).unwrap();
        assert_eq!((left.snapshot.n_changes(), left.was_killed), (3, false));
        let n_files = std::fs::read_dir(home.path().join("sessions")).unwrap().count();
        assert_eq!(n_files, 1, "the one that was replaced is gone, and no lock is left");
        run(home.path(), vec![save(4), Order::Forget, Order::Close]);
        let left = Autosave::new(home.path()).last_left(&mut Vec::new()).unwrap();
        assert_eq!(left.snapshot.n_changes(), 3, "what is not worth keeping is not kept");
    }
}
