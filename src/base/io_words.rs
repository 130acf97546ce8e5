//! Errors of the system in words, each with the way out. Numbers of the system stay in the error
//! itself, for whoever asks for details.

use std::error::Error;
use std::io;
use std::path::Path;

/// Why something cannot be read, and what to do.
pub fn unreadable(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
            "there is no such file or folder; check the path".to_owned()
        }
        io::ErrorKind::PermissionDenied => {
            "you may not read it; change its permissions or copy it to a folder of yours".to_owned()
        }
        io::ErrorKind::IsADirectory => "this is a folder, not a file; name a file in it".to_owned(),
        _ => format!("it cannot be read: {}", without_number(error)),
    }
}

/// Why a file cannot be written, and what to do.
pub fn unwritable(error: &io::Error, path: &Path) -> String {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() && !folder.is_dir() => {
                format!("there is no folder {}; make it or choose another place", folder.display())
            }
            _ => "there is no such folder; make it or choose another place".to_owned(),
        },
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "you may not write there; choose another place".to_owned()
        }
        io::ErrorKind::IsADirectory => "this is a folder; add a file name".to_owned(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "the disk is full; free some room or choose another place".to_owned()
        }
        _ => format!("{}; choose another place", without_number(error)),
    }
}

fn without_number(error: &io::Error) -> String {
    let text = error.to_string();
    text.split_once(" (os error").map_or(text.clone(), |(words, _)| words.to_owned())
}

/// What an error's causes say beyond its own line; `None` if nothing.
pub fn details_of(error: &dyn Error) -> Option<String> {
    let own = error.to_string();
    let mut lines: Vec<String> = Vec::new();
    let mut cause = error.source();
    while let Some(found) = cause {
        let text = found.to_string();
        let is_told = own.contains(&text) || lines.iter().any(|line| line.contains(&text));
        if !is_told {
            lines.push(text);
        }
        cause = found.source();
    }
    (!lines.is_empty()).then(|| lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("m.onnx: {}", unreadable(.0))]
    struct Named(#[from] io::Error);

    #[test]
    fn words_without_numbers_and_numbers_in_the_details() {
        let error = std::fs::File::open("/nowhere/at/all").unwrap_err();
        let named = Named::from(error);
        assert!(named.to_string().ends_with("no such file or folder; check the path"), "{named}");
        assert!(details_of(&named).unwrap().contains("os error"));
        let error = std::fs::File::create("/nowhere/at/all").unwrap_err();
        let words = unwritable(&error, Path::new("/nowhere/at/all"));
        assert_eq!(words, "there is no folder /nowhere/at; make it or choose another place");
        let told = io::Error::other("odd (os error 5)");
        assert_eq!(unreadable(&told), "it cannot be read: odd");
    }
}
