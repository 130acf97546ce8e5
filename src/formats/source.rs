//! The bytes of a file, mapped, with its name and folder.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::FormatError;
use crate::model::FileBytes;

/// A file being read: its bytes, what to call it, and where its neighbours are.
#[derive(Clone)]
pub struct SourceFile {
    bytes: FileBytes,
    path: Option<PathBuf>,
    name: String,
}

impl SourceFile {
    /// Maps a file; nothing is read yet.
    ///
    /// # Errors
    /// [`FormatError::Io`], [`FormatError::Empty`].
    pub fn open(path: &Path) -> Result<Self, FormatError> {
        let name = path
            .file_name()
            .map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned());
        Ok(Self { bytes: map_file(path)?, path: Some(path.to_owned()), name })
    }

    /// Bytes that have no file, such as a sample inside the program.
    pub fn from_bytes(name: &str, bytes: FileBytes) -> Self {
        Self { bytes, path: None, name: name.to_owned() }
    }

    pub fn bytes(&self) -> &[u8] {
        (*self.bytes).as_ref()
    }

    pub fn shared_bytes(&self) -> &FileBytes {
        &self.bytes
    }

    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    pub fn folder(&self) -> Option<&Path> {
        self.path.as_deref().and_then(Path::parent)
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// What to call a model that does not name itself: the file's name without its ending; for
    /// `model.*` the folder's.
    pub fn default_title(&self) -> String {
        let stem = self.name.rsplit_once('.').map_or(self.name.as_str(), |(stem, _)| stem);
        let folder_name = self
            .folder()
            .and_then(|f| f.canonicalize().ok())
            .and_then(|folder| folder.file_name().map(|name| name.to_string_lossy().into_owned()));
        match folder_name {
            Some(folder_name) if stem == "model" => folder_name,
            _ => stem.to_owned(),
        }
    }
}

/// Maps a file into memory for reading.
///
/// # Errors
/// [`FormatError::Io`] when it cannot be opened, [`FormatError::Empty`] when it has no bytes.
pub fn map_file(path: &Path) -> Result<FileBytes, FormatError> {
    // Asked before opening: to open a pipe waits for somebody to write into it.
    let metadata = std::fs::metadata(path)?;
    if metadata.is_dir() {
        return Err(FormatError::Malformed(
            "this is a folder, not a file; name a file in it".to_owned(),
        ));
    }
    if !metadata.is_file() {
        return Err(FormatError::Malformed(
            "this is a device or a pipe, not a file; choose a file on a disk".to_owned(),
        ));
    }
    if metadata.len() == 0 {
        return Err(FormatError::Empty);
    }
    let file = std::fs::File::open(path)?;
    // SAFETY: the map is read-only and lives as long as the model. Another program that truncates
    // the file meanwhile can make a read fault; every tool that maps weights accepts that.
    #[allow(unsafe_code)]
    let map = unsafe { memmap2::Mmap::map(&file)? };
    Ok(Arc::new(map))
}
