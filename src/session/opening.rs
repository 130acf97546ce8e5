//! From what a person names to an opened model with the sample sets that belong to it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::builtin::{BUILTIN_SAMPLES, BuiltinSample};
use super::fingerprint::Fingerprint;
use super::watch::{FileMark, FileMarks, FileRole};
use crate::eval::{SampleSet, SamplesError, Split};
use crate::formats::{self, OpenError};
use crate::model::{FoldMode, Model, Network, StoreError};

/// What to open.
#[derive(Clone, Debug)]
pub enum ModelRef {
    /// A file or a folder.
    Path(PathBuf),
    Builtin(&'static BuiltinSample),
}

/// Why nothing was opened.
#[derive(Debug, thiserror::Error)]
pub enum OpeningError {
    #[error("there is no sample {found:?}; there are {known}")]
    UnknownSample { found: String, known: String },
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error("{path}: {source}")]
    Store { path: String, source: StoreError },
    #[error(transparent)]
    Samples(#[from] SamplesError),
}

impl ModelRef {
    /// The sample that opens when no model is named.
    pub fn default_sample() -> Self {
        Self::Builtin(&BUILTIN_SAMPLES[0])
    }

    /// `sample:NAME`, or a path.
    ///
    /// # Errors
    /// [`OpeningError::UnknownSample`] with the names there are.
    pub fn parse(text: &str) -> Result<Self, OpeningError> {
        let Some(name) = text.strip_prefix("sample:") else {
            return Ok(Self::Path(PathBuf::from(text)));
        };
        BuiltinSample::find(name).map(Self::Builtin).ok_or_else(|| {
            let known: Vec<String> =
                BUILTIN_SAMPLES.iter().map(|sample| format!("sample:{}", sample.name)).collect();
            OpeningError::UnknownSample { found: name.to_owned(), known: known.join(", ") }
        })
    }

    /// A short name for files about the model: that of its file, or of its folder where all files
    /// are called `model`.
    pub fn stem(&self) -> String {
        let text = |part: Option<&std::ffi::OsStr>| part.map(|p| p.to_string_lossy().into_owned());
        match self {
            Self::Builtin(sample) => sample.name.to_owned(),
            Self::Path(path) if path.is_dir() => {
                text(path.file_name()).unwrap_or_else(|| "model".to_owned())
            }
            Self::Path(path) => {
                let stem = formats::stem_of(path).or_else(|| text(path.file_stem()));
                let stem = stem.unwrap_or_else(|| "model".to_owned());
                let folder = path.parent().and_then(|folder| text(folder.file_name()));
                if stem == "model" { folder.unwrap_or(stem) } else { stem }
            }
        }
    }

    /// As a person would name it on the command line.
    pub fn label(&self) -> String {
        match self {
            Self::Path(path) => path.display().to_string(),
            Self::Builtin(sample) => format!("sample:{}", sample.name),
        }
    }
}

impl Opened {
    /// The set of that split beside the model, if there is one.
    pub fn find_set(&self, split: Split) -> Option<Result<SampleSet, SamplesError>> {
        find_set(&self.reference, self.network.model.path.as_deref(), split)
    }
}

/// A model, ready to be looked at, and its sample sets.
#[derive(Clone, Debug)]
pub struct Opened {
    pub reference: ModelRef,
    pub network: Arc<Network>,
    /// The model's files as they were.
    pub(super) marks: FileMarks,
    /// What the model is known by.
    pub fingerprint: Fingerprint,
    /// The set that judges, if one lies beside the model.
    pub eval: Option<Arc<SampleSet>>,
    /// Why the set beside the model could not be read, if there is one.
    pub eval_error: Option<Arc<SamplesError>>,
}

/// Opens a model and the `eval` set beside it. A set that cannot be read is no failure: the model's
/// weights can be looked at all the same.
///
/// # Errors
/// The model cannot be opened.
pub fn open(reference: &ModelRef, fold_mode: FoldMode) -> Result<Opened, OpeningError> {
    let before = match reference {
        ModelRef::Path(path) => Some(FileMark::of(path, FileRole::Model)),
        ModelRef::Builtin(_) => None,
    };
    let model = open_model(reference)?;
    let network = Network::new(Arc::new(model), fold_mode)
        .map_err(|source| OpeningError::Store { path: reference.label(), source })?;
    let (eval, eval_error) = match find_set(reference, network.model.path.as_deref(), Split::Eval) {
        None => (None, None),
        Some(Ok(set)) => (Some(Arc::new(set)), None),
        Some(Err(error)) => (None, Some(Arc::new(error))),
    };
    Ok(Opened {
        reference: reference.clone(),
        marks: FileMarks::of(&network.model.files, before),
        fingerprint: Fingerprint::of(&network.model),
        network: Arc::new(network),
        eval,
        eval_error,
    })
}

fn open_model(reference: &ModelRef) -> Result<Model, OpeningError> {
    match reference {
        ModelRef::Path(path) => Ok(formats::open_model(path)?),
        ModelRef::Builtin(sample) => formats::read_source(&sample.model())
            .map_err(|source| OpenError { path: PathBuf::from(reference.label()), source }.into()),
    }
}

/// The set of that split that belongs to a model: `eval.safetensors` in the folder of
/// `model.safetensors`, or `NAME.eval.safetensors` beside `NAME.safetensors`.
///
/// `model_path` is the file that was opened, where there is one.
fn find_set(
    reference: &ModelRef,
    model_path: Option<&Path>,
    split: Split,
) -> Option<Result<SampleSet, SamplesError>> {
    if let ModelRef::Builtin(sample) = reference {
        return Some(SampleSet::read(&sample.set(split)));
    }
    let path = model_path?;
    let stem = formats::stem_of(path)
        .or_else(|| Some(path.file_stem()?.to_string_lossy().into_owned()))?;
    let folder = path.parent()?;
    let own = folder.join(format!("{stem}.{}.safetensors", split.name()));
    let shared = folder.join(format!("{}.safetensors", split.name()));
    let candidates = [Some(own), (stem == "model").then_some(shared)];
    let found = candidates.into_iter().flatten().find(|path| path.is_file())?;
    Some(SampleSet::open(&found))
}
