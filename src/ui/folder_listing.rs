//! What lies in a folder, read on a thread of its own: a folder on a network may take minutes, and
//! typing goes on meanwhile.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, TryRecvError, channel};

/// The most entries that are read.
const MAX_ENTRIES: usize = 5000;

/// One thing in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FolderEntry {
    pub name: String,
    pub is_folder: bool,
    /// Of a file.
    pub bytes: u64,
}

/// What is known of a folder.
pub enum FolderState<'a> {
    Reading,
    /// Folders first, each by name.
    Read(&'a [FolderEntry]),
    Failed(&'a str),
}

type Listing = Result<Vec<FolderEntry>, String>;

/// The folder that was asked for last.
#[derive(Default)]
pub struct FolderListing {
    folder: Option<PathBuf>,
    reading: Option<Receiver<Listing>>,
    listing: Option<Listing>,
}

impl FolderListing {
    /// What is known of the folder; reading starts when it is another than before, and its end
    /// repaints the window.
    pub fn ask(&mut self, folder: &Path, ctx: &egui::Context) -> FolderState<'_> {
        if self.folder.as_deref() != Some(folder) {
            self.folder = Some(folder.to_owned());
            self.listing = None;
            self.reading = Some(start_reading(folder.to_owned(), ctx.clone()));
        }
        if let Some(reading) = &self.reading {
            match reading.try_recv() {
                Ok(listing) => {
                    self.listing = Some(listing);
                    self.reading = None;
                }
                Err(TryRecvError::Empty) => {}
                Err(TryRecvError::Disconnected) => {
                    self.listing = Some(Err("it could not be read".to_owned()));
                    self.reading = None;
                }
            }
        }
        match &self.listing {
            None => FolderState::Reading,
            Some(Ok(entries)) => FolderState::Read(entries),
            Some(Err(reason)) => FolderState::Failed(reason),
        }
    }
}

fn start_reading(folder: PathBuf, ctx: egui::Context) -> Receiver<Listing> {
    let (sender, reading) = channel();
    let read = move || {
        // Nobody listens when another folder was asked for meanwhile.
        if sender.send(read_folder(&folder)).is_ok() {
            ctx.request_repaint();
        }
    };
    let thread = std::thread::Builder::new().name("quantscope-folder".to_owned());
    if let Err(error) = thread.spawn(read) {
        // The sender is gone with the closure, which the reader takes for a failure.
        log::error!("no thread to read a folder: {error}");
    }
    reading
}

fn read_folder(folder: &Path) -> Listing {
    let entries = std::fs::read_dir(folder).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such folder".to_owned(),
        std::io::ErrorKind::NotADirectory => "this is a file, not a folder".to_owned(),
        std::io::ErrorKind::PermissionDenied => "you may not read it".to_owned(),
        _ => crate::base::unreadable(&error),
    })?;
    let mut entries: Vec<FolderEntry> = entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            // Follows links, unlike the entry's own.
            let metadata = std::fs::metadata(entry.path()).ok()?;
            let name = entry.file_name().into_string().ok()?;
            Some(FolderEntry { name, is_folder: metadata.is_dir(), bytes: metadata.len() })
        })
        .take(MAX_ENTRIES)
        .collect();
    entries.sort_by_key(|entry| (!entry.is_folder, entry.name.to_lowercase()));
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_stand_first_and_reasons_are_short() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.onnx"), "abc").unwrap();
        std::fs::create_dir(folder.path().join("z")).unwrap();
        let entries = read_folder(folder.path()).unwrap();
        let names: Vec<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
        assert_eq!(names, ["z", "a.onnx"]);
        assert_eq!(entries[1].bytes, 3);
        let missing = read_folder(&folder.path().join("no"));
        assert_eq!(missing, Err("there is no such folder".to_owned()));
    }
}
