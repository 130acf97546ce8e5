//! The bytes of a file, mapped, with its name and folder.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::FormatError;
use crate::model::{FileBytes, StoredBytes};

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
        let known = super::stem_of(Path::new(&self.name));
        let any =
            || self.name.rsplit_once('.').map_or(self.name.as_str(), |(stem, _)| stem).to_owned();
        let stem = known.unwrap_or_else(any);
        let folder_name = self
            .folder()
            .and_then(|f| f.canonicalize().ok())
            .and_then(|folder| folder.file_name().map(|name| name.to_string_lossy().into_owned()));
        match folder_name {
            Some(folder_name) if stem == "model" => folder_name,
            _ => stem,
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
    // SAFETY: the map is read-only and lives as long as the model; `MappedFile` hands out no more of
    // it than the file still has. A program that truncates the file while it is being read can make
    // a read fault; every tool that maps weights accepts that.
    #[allow(unsafe_code)]
    let map = unsafe { memmap2::Mmap::map(&file)? };
    Ok(Arc::new(MappedFile { map, file }))
}

/// A map, cut to the length the file has now: what lies beyond cannot be read any more.
struct MappedFile {
    map: memmap2::Mmap,
    file: std::fs::File,
}

impl AsRef<[u8]> for MappedFile {
    fn as_ref(&self) -> &[u8] {
        let len = self.file.metadata().map_or(0, |metadata| metadata.len());
        let len = usize::try_from(len).unwrap_or(usize::MAX).min(self.map.len());
        &self.map[..len]
    }
}

impl StoredBytes for MappedFile {
    #[cfg(unix)]
    fn copy(&self, range: std::ops::Range<usize>) -> Option<Vec<u8>> {
        use std::os::unix::fs::FileExt;
        let mut copy = vec![0; range.len()];
        self.file.read_exact_at(&mut copy, u64::try_from(range.start).ok()?).ok()?;
        Some(copy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_of_a_part_is_what_the_map_holds() {
        let path = tempfile::tempdir().unwrap().keep().join("part");
        std::fs::write(&path, (0..=255u8).collect::<Vec<_>>()).unwrap();
        let bytes = map_file(&path).unwrap();
        for (range, wanted) in
            [(0..3, Some(vec![0, 1, 2])), (254..256, Some(vec![254, 255])), (255..257, None)]
        {
            assert_eq!(bytes.copy(range.clone()), wanted, "{range:?}");
        }
        std::fs::remove_dir_all(path.parent().unwrap()).unwrap();
    }

    #[test]
    fn a_file_that_becomes_shorter_is_read_as_far_as_it_goes() {
        let path = tempfile::tempdir().unwrap().keep().join("shrinks");
        std::fs::write(&path, vec![7u8; 10_000]).unwrap();
        let bytes = map_file(&path).unwrap();
        assert_eq!((*bytes).as_ref().len(), 10_000);
        std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(3).unwrap();
        assert_eq!((*bytes).as_ref(), [7, 7, 7]);
        assert_eq!(bytes.copy(0..4), None);
        std::fs::remove_dir_all(path.parent().unwrap()).unwrap();
    }
}
