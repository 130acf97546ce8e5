//! Files: one module a format, [`READERS`] and [`WRITERS`] the tables of all. A file is recognized by its content,
//! not by its name. Knows no quantizer.

mod export;
mod gguf;
pub mod graph_json;
pub mod graph_json_write;
mod known;
mod onnx;
mod onnx_tensor;
mod onnx_write;
mod packed_form;
pub mod safetensors;
mod safetensors_write;
mod sharded;
mod source;

pub use export::{CodedTensor, Content, ExportModel, ExportTensor, OutputInfo, WriteError, Writer};
pub use source::{SourceFile, map_file};

use std::path::{Path, PathBuf};

use crate::model::{AttributeError, GraphError, Model, StoreError};
use crate::tensor::ShapeError;

/// Why a file is not a model, or not one that can be read. The path is added by [`OpenError`].
#[derive(Debug, thiserror::Error)]
pub enum FormatError {
    #[error("{}", crate::base::unreadable(.0))]
    Io(#[from] std::io::Error),
    #[error("the file is empty; fetch or export it again")]
    Empty,
    #[error("{0}")]
    Malformed(String),
    #[error("{message}")]
    Unread {
        message: String,
        /// For whoever wants to know what the file starts with.
        source: FirstBytes,
    },
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("tensor {name:?}: {source}")]
    Shape { name: String, source: ShapeError },
    #[error("the graph is broken: {0}")]
    Graph(#[from] GraphError),
    #[error("the graph is broken: node {node:?}: {source}")]
    Attribute { node: String, source: AttributeError },
}

/// How a file begins.
#[derive(Debug, thiserror::Error)]
#[error("the file starts with {0}")]
pub struct FirstBytes(String);

/// A file that could not be opened, and why.
#[derive(Debug, thiserror::Error)]
#[error("{}: {source}", path.display())]
pub struct OpenError {
    pub path: PathBuf,
    pub source: FormatError,
}

/// One line of the format table.
pub struct Reader {
    pub id: &'static str,
    pub name: &'static str,
    /// Usual endings, for file dialogs only.
    pub extensions: &'static [&'static str],
    /// Whether the first bytes are those of this format.
    pub detect: fn(&[u8]) -> bool,
    pub read: fn(&SourceFile) -> Result<Model, FormatError>,
}

/// In the order they are tried.
pub static READERS: &[&Reader] =
    &[&gguf::READER, &sharded::READER, &safetensors::READER, &onnx::READER];

/// Every format that is written, in the order of the menu.
pub static WRITERS: &[&Writer] = &[&onnx_write::WRITER, &safetensors_write::WRITER, &gguf::WRITER];

/// Opens a model file, or the model of a folder: `model.safetensors`, else the index of several such
/// files, else `model.onnx`, else its only file of a known ending.
///
/// # Errors
/// [`OpenError`] with the path; the message says what to do.
pub fn open_model(path: &Path) -> Result<Model, OpenError> {
    let path = if path.is_dir() { model_in_folder(path)? } else { path.to_owned() };
    let read = || read_source(&SourceFile::open(&path)?);
    read().map_err(|source| OpenError { path: path.clone(), source })
}

/// Reads a model from bytes already at hand.
///
/// # Errors
/// See [`FormatError`].
pub fn read_source(source: &SourceFile) -> Result<Model, FormatError> {
    let bytes = source.bytes();
    if bytes.is_empty() {
        return Err(FormatError::Empty);
    }
    match READERS.iter().find(|reader| (reader.detect)(bytes)) {
        Some(reader) => (reader.read)(source),
        None => {
            let message = known::explain(bytes, source.name());
            let first: Vec<String> = bytes.iter().take(8).map(|b| format!("{b:02x}")).collect();
            Err(FormatError::Unread { message, source: FirstBytes(first.join(" ")) })
        }
    }
}

fn model_in_folder(folder: &Path) -> Result<PathBuf, OpenError> {
    let failed = |source| OpenError { path: folder.to_owned(), source };
    let usual =
        ["model.safetensors", sharded::USUAL_NAME, "model.onnx"].map(|name| folder.join(name));
    if let Some(path) = usual.into_iter().find(|path| path.is_file()) {
        return Ok(path);
    }
    let mut found: Vec<PathBuf> = std::fs::read_dir(folder)
        .map_err(|source| failed(source.into()))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.is_file() && has_model_ending(path))
        .collect();
    found.sort();
    // Of a model in several files the index stands for all.
    if found.iter().any(|path| sharded::is_index(path)) {
        found.retain(|path| !sharded::is_part(path));
    }
    match found.as_slice() {
        [only] => Ok(only.clone()),
        [] => Err(failed(FormatError::Malformed(
            "the folder holds no model; it may hold one (model.safetensors or model.onnx), or, to make samples of for the open model, a sub-folder of pictures for each class".to_owned(),
        ))),
        several => Err(failed(FormatError::Malformed(format!(
            "the folder holds {} models and none is called model.safetensors or model.onnx; name one of them",
            several.len()
        )))),
    }
}

/// Whether a folder holds files named as models are, or a file is. Reads nothing.
pub fn holds_model(path: &Path) -> bool {
    if path.is_dir() {
        let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
        return entries
            .map(|entry| entry.path())
            .any(|path| path.is_file() && has_model_ending(&path));
    }
    has_model_ending(path)
}

/// Whether a file begins as a model does.
pub fn is_model(path: &Path) -> bool {
    SourceFile::open(path)
        .is_ok_and(|source| READERS.iter().any(|reader| (reader.detect)(source.bytes())))
}

fn has_model_ending(path: &Path) -> bool {
    const SETS: [&str; 3] = ["eval", "calibration", "train"];
    let Some(stem) = stem_of(path) else { return false };
    !SETS.iter().any(|set| stem == *set || stem.ends_with(&format!(".{set}")))
}

/// The name of a file without its ending, if that is one of a model.
pub fn stem_of(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?;
    let endings = READERS.iter().flat_map(|reader| reader.extensions);
    let stems = endings.filter_map(|ending| name.strip_suffix(ending)?.strip_suffix('.'));
    stems.min_by_key(|stem| stem.len()).map(str::to_owned)
}
