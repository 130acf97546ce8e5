//! Whether the files that are open are still as they were when they were opened. A thread of its own
//! looks at them now and then; jobs ask before they pass an answer on.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, SystemTime};

use super::job::Waker;
use super::memory::MemoryGauge;
use super::state::Message;

/// What has become of a file since it was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileState {
    Same,
    /// Its content was written to: what is read from it now is not what was opened.
    Rewritten,
    /// Another file bears its name; the one that was opened is still read from.
    Replaced,
    /// None bears its name; the one that was opened is still read from.
    Gone,
}

/// A file that is not as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileChange {
    pub path: PathBuf,
    pub state: FileState,
    pub role: FileRole,
}

/// What is read from a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileRole {
    Model,
    /// Read as a whole when it is opened: what is computed never mixes two versions.
    Samples,
}

/// What a file is known by without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    len: u64,
    modified: Option<SystemTime>,
    /// Device and number, where the system tells them.
    identity: Option<(u64, u64)>,
}

impl Stamp {
    fn of(path: &Path) -> Option<Self> {
        let metadata = std::fs::metadata(path).ok()?;
        let identity = identity_of(&metadata);
        Some(Self { len: metadata.len(), modified: metadata.modified().ok(), identity })
    }
}

#[cfg(unix)]
#[allow(clippy::unnecessary_wraps, reason = "other systems do not tell")]
fn identity_of(metadata: &std::fs::Metadata) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    Some((metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
fn identity_of(_: &std::fs::Metadata) -> Option<(u64, u64)> {
    None
}

/// A file as it was at one time.
#[derive(Clone, Debug)]
pub(super) struct FileMark {
    path: PathBuf,
    stamp: Option<Stamp>,
    role: FileRole,
}

impl FileMark {
    pub fn of(path: &Path, role: FileRole) -> Self {
        Self { path: path.to_owned(), stamp: Stamp::of(path), role }
    }

    fn state(&self, now: Option<Stamp>) -> FileState {
        match (self.stamp, now) {
            (then, now) if then == now => FileState::Same,
            (_, None) => FileState::Gone,
            (Some(then), Some(now)) if then.identity == now.identity => FileState::Rewritten,
            _ => FileState::Replaced,
        }
    }
}

/// The files of a model as they were when it was opened.
#[derive(Clone, Debug, Default)]
pub(super) struct FileMarks(Arc<[FileMark]>);

impl FileMarks {
    /// Of all files of a model; what was known of some of them before they were read counts.
    pub fn of(paths: &[PathBuf], known: Option<FileMark>) -> Self {
        let mark = |path: &PathBuf| match &known {
            Some(known) if known.path == *path => known.clone(),
            _ => FileMark::of(path, FileRole::Model),
        };
        Self(paths.iter().map(mark).collect())
    }

    /// Name of a file whose content is not what was opened.
    pub fn rewritten(&self) -> Option<String> {
        let is_rewritten =
            |mark: &&FileMark| mark.state(Stamp::of(&mark.path)) == FileState::Rewritten;
        self.0.iter().find(is_rewritten).map(|mark| file_name(&mark.path))
    }
}

/// The last part of a path.
pub(super) fn file_name(path: &Path) -> String {
    path.file_name()
        .map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
}

/// What the thread is told.
enum Order {
    /// These files from now on. The number comes back with what is found.
    Watch(u64, FileMarks, Option<PathBuf>),
    Look,
}

/// The thread that looks; it ends when this is dropped.
pub(super) struct Watch {
    orders: Sender<Order>,
    pub gauge: MemoryGauge,
}

/// From one look to the next.
const INTERVAL: Duration = Duration::from_secs(1);

impl Watch {
    /// Starts the thread. Where the system gives none, nothing is noticed.
    pub fn start(sender: &Sender<Message>, wake: &Waker) -> Self {
        let (orders, inbox) = channel();
        let gauge = MemoryGauge::default();
        let (sender, wake, kept) = (sender.clone(), Arc::clone(wake), gauge.clone());
        let tell = move |message| {
            if sender.send(message).is_ok() {
                wake();
            }
        };
        let thread = std::thread::Builder::new().name("quantscope-watch".to_owned());
        if let Err(error) = thread.spawn(move || watch(&inbox, &kept, tell)) {
            log::error!("no thread to look at files: {error}");
        }
        Self { orders, gauge }
    }

    /// The files of the model, and the sample set that accuracy is measured on.
    pub fn watch(&self, number: u64, model: &FileMarks, samples: Option<PathBuf>) {
        // A thread that could not be started hears nothing.
        let _ = self.orders.send(Order::Watch(number, model.clone(), samples));
    }

    /// Looks at once.
    pub fn look(&self) {
        let _ = self.orders.send(Order::Look);
    }
}

fn watch(inbox: &Receiver<Order>, gauge: &MemoryGauge, tell: impl Fn(Message)) {
    let mut number = 0;
    let mut marks: Vec<FileMark> = Vec::new();
    let mut seen: Vec<Option<Stamp>> = Vec::new();
    loop {
        match inbox.recv_timeout(INTERVAL) {
            Ok(Order::Watch(new_number, model, samples)) => {
                number = new_number;
                let samples = samples.map(|path| FileMark::of(&path, FileRole::Samples));
                marks = model.0.iter().cloned().chain(samples).collect();
                seen = marks.iter().map(|mark| mark.stamp).collect();
            }
            Ok(Order::Look) | Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        gauge.read();
        let now: Vec<Option<Stamp>> = marks.iter().map(|mark| Stamp::of(&mark.path)).collect();
        if now == seen {
            continue;
        }
        let changes = marks.iter().zip(&now).filter_map(|(mark, now)| {
            let state = mark.state(*now);
            let FileMark { ref path, role, .. } = *mark;
            (state != FileState::Same).then(|| FileChange { path: path.clone(), state, role })
        });
        tell(Message::FilesChanged(number, changes.collect()));
        seen = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_told_from_what_took_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("weights");
        std::fs::write(&path, [1u8; 8]).unwrap();
        let marks = FileMarks::of(std::slice::from_ref(&path), None);
        let state = || marks.0[0].state(Stamp::of(&path));
        assert_eq!((state(), marks.rewritten()), (FileState::Same, None));
        std::fs::write(&path, [2u8; 9]).unwrap();
        assert_eq!(state(), FileState::Rewritten);
        assert_eq!(marks.rewritten().as_deref(), Some("weights"));
        std::fs::remove_file(&path).unwrap();
        assert_eq!((state(), marks.rewritten()), (FileState::Gone, None));
    }

    #[cfg(unix)]
    #[test]
    fn what_is_put_in_a_files_place_is_another_file() {
        let folder = tempfile::tempdir().unwrap();
        let (path, other) = (folder.path().join("weights"), folder.path().join("other"));
        std::fs::write(&path, [1u8; 8]).unwrap();
        let marks = FileMarks::of(std::slice::from_ref(&path), None);
        std::fs::write(&other, [1u8; 8]).unwrap();
        std::fs::rename(&other, &path).unwrap();
        assert_eq!(marks.0[0].state(Stamp::of(&path)), FileState::Replaced);
        assert_eq!(marks.rewritten(), None, "the one that was opened is still read");
    }
}
