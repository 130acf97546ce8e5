//! Everything that changes a session. Panels send these; nothing else writes.

use std::path::PathBuf;

use super::opening::ModelRef;
use crate::eval::import::ImportSettings;
use crate::model::FoldMode;
use crate::quant::SchemeChoice;

/// Which changes are undone together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gesture {
    /// This one alone.
    Once,
    /// All changes of one drag of the mouse, told apart by that number.
    Drag(u64),
}

/// A change of the session.
#[derive(Clone, Debug)]
pub enum Command {
    /// Opens a model in the background; the open one stays until it is there.
    Open(ModelRef),
    /// Opens a sample set for the open model.
    OpenSamples(PathBuf),
    /// Opens what a person dropped or named: a model, a sample set for the open model, or
    /// data to make one of.
    OpenAny(PathBuf),
    /// Starts to make a sample set of a folder of pictures, arrays, a table or idx files.
    StartImport(PathBuf),
    SetImport(Box<ImportSettings>),
    /// Measures accuracy on the imported set, and saves it first where a path is given.
    FinishImport {
        save_to: Option<PathBuf>,
    },
    CancelImport,
    /// Quantizes a layer another way.
    SetChoice {
        layer: String,
        choice: SchemeChoice,
        gesture: Gesture,
    },
    /// Quantizes every layer but embeddings this way.
    SetAllChoices(SchemeChoice),
    SetFold(FoldMode),
    SelectLayer(usize),
    /// The whole tensor if `None`.
    SelectChannel(Option<usize>),
    Undo,
    Redo,
    /// Stops a job; what it was for shows as cancelled until it is asked for anew.
    CancelJob(u64),
    /// Asks again for everything that failed or was cancelled.
    Retry,
}
