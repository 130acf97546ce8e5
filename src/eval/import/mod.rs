//! A person's own data: pictures by folder, NumPy arrays, tables and idx files become a sample set.
//!
//! An [`Importer`] reads a source as it is stored ([`RawSamples`]); [`guess`] proposes settings for
//! a model's input and says why; [`build`] makes the set, in the same bytes that a saved one has.

mod build;
mod classes;
mod csv;
mod guess;
mod idx;
mod images;
mod npy;
mod npz;
mod picture;
mod prepare;
mod raw;
mod settings;
mod target;

pub use build::{Built, Preview, Shown, build, save};
pub use csv::DELIMITERS;
pub use guess::{Guess, Reason, Setting, guess};
pub use prepare::{Prepared, prepare};
pub use raw::{RawArray, RawContent, RawLabels, RawSamples, Skipped, Table, Values};
pub use settings::{
    ClassMapping, Colour, Filter, Fit, HeaderRow, ImportSettings, Layout, ReadOptions, Scaling,
};
pub use target::{ImportTarget, InputForm};

use std::path::{Path, PathBuf};

use crate::base::{Cancelled, WorkCtx};

/// The most bytes that the values of one source may take in memory.
pub const MAX_BYTES: u64 = 2 << 30;

/// A kind of source.
#[derive(Debug)]
pub struct Importer {
    pub id: &'static str,
    /// What a person calls it.
    pub name: &'static str,
    /// Usual endings, for file dialogs.
    pub extensions: &'static [&'static str],
    /// Whether a file or folder is such a source; reads no more than the beginning.
    pub detect: fn(&Path) -> bool,
    pub read: fn(&Path, &ReadOptions, &WorkCtx) -> Result<RawSamples, ImportError>,
}

/// In the order they are tried.
pub static IMPORTERS: &[&Importer] =
    &[&npz::IMPORTER, &idx::IMPORTER, &images::IMPORTER, &csv::IMPORTER];

/// Why data cannot be imported. Each message ends with the way out.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    #[error("{}: {reason}", path.display())]
    Source { path: PathBuf, reason: String },
    /// The source is understood, the settings or the model do not fit it.
    #[error("{0}")]
    Unfit(String),
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

impl ImportError {
    fn at(path: &Path, reason: impl Into<String>) -> Self {
        Self::Source { path: path.to_owned(), reason: reason.into() }
    }
}

/// The importer that takes a file or a folder.
pub fn importer_of(path: &Path) -> Option<&'static Importer> {
    IMPORTERS.iter().copied().find(|importer| (importer.detect)(path))
}

/// Reads a file or folder with the importer that takes it.
///
/// # Errors
/// Nobody takes it, or it is broken; the message names the file and the way out.
pub fn read(path: &Path, options: &ReadOptions, ctx: &WorkCtx) -> Result<RawSamples, ImportError> {
    match importer_of(path) {
        Some(importer) => (importer.read)(path, options, ctx),
        None => Err(ImportError::at(path, unknown(path))),
    }
}

fn unknown(path: &Path) -> &'static str {
    match std::fs::metadata(path) {
        Err(_) => "there is no such file or folder; check the path",
        Ok(found) if found.is_dir() => {
            "the folder holds no pictures and no idx files; choose one with a sub-folder of pictures (png, jpeg, bmp, gif, webp) for each class"
        }
        Ok(_) => {
            "not a source of samples that is known; choose a folder of pictures, a .npz or .npy, a .csv, or an idx file"
        }
    }
}

/// Refuses values that would take more than [`MAX_BYTES`].
fn check_size(n_values: u64, bytes_per_value: u64) -> Result<(), String> {
    let n_bytes = n_values.saturating_mul(bytes_per_value);
    if n_bytes <= MAX_BYTES {
        return Ok(());
    }
    Err(format!(
        "it holds {}, at most {} are taken; keep fewer samples in the file",
        crate::base::bytes(n_bytes),
        crate::base::bytes(MAX_BYTES)
    ))
}

/// Whether a folder or file is one to import rather than a model to open.
pub fn is_importable(path: &Path) -> bool {
    importer_of(path).is_some()
}

/// A file name for a message or a list.
fn file_name(path: &Path) -> String {
    path.file_name()
        .map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
}
