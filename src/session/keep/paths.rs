//! Where things are kept, and how a file is written so that it is whole or not there.

use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Names another folder than the platform's.
const HOME_VARIABLE: &str = "QUANTSCOPE_HOME";

/// Where a session keeps what outlives it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Keep {
    /// Nothing is read or written.
    #[default]
    Nowhere,
    In(PathBuf),
}

impl Keep {
    /// The folder that `QUANTSCOPE_HOME` names, else the one of the platform for a program's data;
    /// nowhere if there is none.
    pub fn at_home() -> Self {
        let named = std::env::var_os(HOME_VARIABLE).filter(|name| !name.is_empty());
        let folder =
            named.map(PathBuf::from).or_else(|| Some(dirs::data_dir()?.join("quantscope")));
        folder.map_or(Self::Nowhere, Self::In)
    }
}

/// Writes a file beside `path` and puts it in its place, so that a reader sees the old or the new.
///
/// # Errors
/// The system's; the file beside is removed again.
pub(in crate::session) fn write_atomically(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    // What a link points to is replaced, not the link.
    let target = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let name =
        target.file_name().ok_or_else(|| std::io::Error::other("the path ends in no file name"))?;
    let mut beside = OsString::from(".");
    beside.push(name);
    beside.push(format!(".{}.part", std::process::id()));
    let beside = target.with_file_name(beside);
    let written = write_new(&beside, bytes).and_then(|()| std::fs::rename(&beside, &target));
    if written.is_err() {
        // It may not be there at all.
        let _ = std::fs::remove_file(&beside);
    }
    written
}

fn write_new(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = std::fs::File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        write_atomically(&path, b"one").unwrap();
        write_atomically(&path, b"two").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"two");
        assert!(write_atomically(&folder.path().join("no/folder"), b"x").is_err());
        // A folder stands where the file should.
        std::fs::create_dir(folder.path().join("b")).unwrap();
        assert!(write_atomically(&folder.path().join("b"), b"x").is_err());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2, "nothing is left behind");
    }
}
