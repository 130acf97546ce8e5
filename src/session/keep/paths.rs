//! Where things are kept, and how a file is written so that it is whole or not there.

use std::path::{Path, PathBuf};

use crate::base::write_whole;

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
    write_whole(path, |out| out.write_all(bytes))
}
