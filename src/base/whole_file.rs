//! Writing a file so that it is whole or not there at all.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// Writes a file beside `path` and puts it in its place, so that a reader sees the old or the new.
///
/// What a link points to is replaced, not the link. The bytes have reached the disk before the old
/// file is let go of.
///
/// # Errors
/// The system's, or that of `write`; the file beside is removed again and the old one untouched.
pub fn write_whole<E: From<io::Error>>(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> Result<(), E>,
) -> Result<(), E> {
    let target = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let name =
        target.file_name().ok_or_else(|| io::Error::other("the path ends in no file name"))?;
    if target.is_dir() {
        return Err(io::Error::from(io::ErrorKind::IsADirectory).into());
    }
    let mut beside = OsString::from(".");
    beside.push(name);
    beside.push(format!(".{}.part", std::process::id()));
    let beside = target.with_file_name(beside);
    let written = fill(&beside, write).and_then(|()| Ok(std::fs::rename(&beside, &target)?));
    if written.is_err() {
        // What is left of a failed attempt is of no use; it may never have been made.
        let _ = std::fs::remove_file(&beside);
    }
    written
}

fn fill<E: From<io::Error>>(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> Result<(), E>,
) -> Result<(), E> {
    let mut out = BufWriter::new(File::create(path)?);
    write(&mut out)?;
    out.flush()?;
    Ok(out.get_ref().sync_all()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(path: &Path, bytes: &[u8]) -> io::Result<()> {
        write_whole(path, |out| out.write_all(bytes))
    }

    #[test]
    fn a_file_is_replaced_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        put(&path, b"one").unwrap();
        put(&path, b"two").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"two");
        assert!(put(&folder.path().join("no/folder"), b"x").is_err());
        // A folder stands where the file should.
        std::fs::create_dir(folder.path().join("b")).unwrap();
        assert!(put(&folder.path().join("b"), b"x").is_err());
        let half = write_whole(&path, |out| {
            out.write_all(b"half")?;
            Err(io::Error::from(io::ErrorKind::StorageFull))
        });
        assert_eq!(half.unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert_eq!(std::fs::read(&path).unwrap(), b"two", "the old file is untouched");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2, "nothing is left behind");
    }
}
