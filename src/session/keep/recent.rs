//! The models opened last, in a file that several windows share.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::paths::write_atomically;

/// The most that are kept.
const MAX_RECENT: usize = 12;
const VERSION: u32 = 1;

/// A model that was opened before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecentFile {
    pub path: PathBuf,
    pub title: String,
    /// Stored bytes of its tensors.
    #[serde(default)]
    pub bytes: u64,
    /// Whether it was not there when it was last looked for.
    #[serde(skip)]
    pub is_missing: bool,
}

#[derive(Serialize, Deserialize)]
struct RecentJson {
    quantscope_recent: u32,
    files: Vec<RecentFile>,
}

/// Puts a file first; each stands once, and those that are there stand before those that are not.
pub(in crate::session) fn put_first(files: &mut Vec<RecentFile>, file: RecentFile) {
    files.retain(|other| other.path != file.path);
    files.insert(0, file);
    files.sort_by_key(|file| file.is_missing);
    files.truncate(MAX_RECENT);
}

/// The list that is kept; one that cannot be understood is set aside.
///
/// # Errors
/// What was wrong with it and where it is now, in one line.
pub(super) fn read(folder: &Path) -> Result<Vec<RecentFile>, String> {
    let path = file_of(folder);
    let Ok(bytes) = std::fs::read(&path) else {
        // Not there yet, or not to be had: a list of recent files is not worth a message.
        return Ok(Vec::new());
    };
    match serde_json::from_slice::<RecentJson>(&bytes) {
        Ok(json) if json.quantscope_recent == VERSION => {
            let mut files = json.files;
            files.truncate(MAX_RECENT);
            Ok(files)
        }
        Ok(_) => Ok(Vec::new()),
        Err(error) => {
            let aside = super::set_aside(&path);
            Err(format!("{} cannot be understood ({error}) and {aside}", path.display()))
        }
    }
}

/// Puts a file first in the list as it is kept now: another window may have added to it.
///
/// # Errors
/// The system's.
pub(super) fn add(folder: &Path, file: RecentFile) -> std::io::Result<()> {
    let mut files = read(folder).unwrap_or_default();
    put_first(&mut files, file);
    write(folder, files)
}

/// # Errors
/// The system's.
pub(super) fn write(folder: &Path, files: Vec<RecentFile>) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let json = RecentJson { quantscope_recent: VERSION, files };
    let text = serde_json::to_string_pretty(&json).unwrap_or_default();
    write_atomically(&file_of(folder), text.as_bytes())
}

fn file_of(folder: &Path) -> PathBuf {
    folder.join("recent.json")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str) -> RecentFile {
        let path = PathBuf::from(format!("/m/{name}"));
        RecentFile { path, title: name.to_owned(), bytes: 1, is_missing: false }
    }

    #[test]
    fn the_newest_stands_first_and_once() {
        let folder = tempfile::tempdir().unwrap();
        for idx in 0..15 {
            add(folder.path(), file(&idx.to_string())).unwrap();
        }
        add(folder.path(), file("10")).unwrap();
        let titles: Vec<String> =
            read(folder.path()).unwrap().into_iter().map(|file| file.title).collect();
        assert_eq!(titles.len(), MAX_RECENT);
        assert_eq!(titles[..3], ["10", "14", "13"]);
    }

    #[test]
    fn a_broken_list_is_set_aside() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(file_of(folder.path()), b"{\xff").unwrap();
        assert!(read(folder.path()).unwrap_err().contains("set aside"));
        assert_eq!(read(folder.path()), Ok(Vec::new()));
    }
}
