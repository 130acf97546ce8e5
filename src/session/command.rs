//! Everything that changes a session. Panels send these; nothing else writes.

use std::path::PathBuf;

use super::critical::CriticalChoice;
use super::exporting::ExportAsk;
use super::opening::ModelRef;
use super::proposing::ProposalSettings;
use super::sensing::SenseSettings;
use super::serving::Pace;
use super::versus::RivalChoice;
use crate::eval::import::ImportSettings;
use crate::model::FoldMode;
use crate::quant::{Rules, SchemeChoice};

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
    /// Measures accuracy on the set beside the model again.
    UseOwnSamples,
    /// Opens what a person dropped or named: a model, a sample set or recipe for the open model, or
    /// data to make a sample set of.
    OpenAny(PathBuf),
    /// Opens what a person dropped together, the model before what is for it.
    OpenSeveral(Vec<PathBuf>),
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
    /// Quantizes several layers, each its own way, as one step.
    SetChoices {
        /// What changes, as the history calls it.
        label: String,
        choices: Vec<(String, SchemeChoice)>,
        gesture: Gesture,
    },
    /// Quantizes every layer but embeddings this way.
    SetAllChoices(SchemeChoice),
    /// Puts these rules in place of those before, and every layer that one governs, unless locked,
    /// as it says, as one step.
    SetRules {
        /// What changes, as the history calls it.
        label: String,
        rules: Rules,
    },
    SetFold(FoldMode),
    /// Locks the selected layers, so that no setting changes them; unlocks them if all are locked.
    ToggleLock,
    SetLock {
        layer: String,
        lock: bool,
    },
    /// Shows a layer, the only one selected.
    SelectLayer(usize),
    /// Takes a layer into the selection, or out of it.
    ToggleLayer(usize),
    /// Selects from the layer shown to this one.
    SelectLayersTo(usize),
    /// Selects these; the one shown stays if it is among them.
    SelectLayers(Vec<usize>),
    /// The whole tensor if `None`.
    SelectChannel(Option<usize>),
    /// Shows the bits of a weight of the layer shown, by its place in the tensor's own order.
    SelectWeight(usize),
    Undo,
    Redo,
    /// To the state in which that many edits of the history are done.
    GoTo(usize),
    /// Says which class's recall is the figure that counts.
    SetCritical(CriticalChoice),
    /// Writes the recipe with the model it is for to a file.
    SaveRecipe(PathBuf),
    /// Makes the layers as a recipe file says, as one step of the history.
    LoadRecipe(PathBuf),
    /// Goes on with the session that was left.
    Recover,
    /// Does not; it is not offered again.
    DismissRecovery,
    /// Forgets the models opened last.
    ClearRecent,
    /// Stops a job; what it was for shows as cancelled until it is asked for anew.
    CancelJob(u64),
    /// Opens the model and its samples again from their files, with the recipe as it is.
    Reload,
    /// Goes on with what was read of files that have changed.
    KeepShown,
    /// Holds the figures of layers that are not in sight, or lets them go on.
    SetPace(Pace),
    /// Bytes that may be kept of accuracy runs, from the next one on.
    SetActivationBudget(u64),
    /// What sensitivities are measured of, and on which samples.
    SetSense(Box<SenseSettings>),
    /// Asks for a mix of bit widths; `None` lets go of the one that was asked for.
    Propose(Option<ProposalSettings>),
    /// Makes the layers as the proposal says that is there, locked ones apart, as one step.
    UseProposal,
    /// Back to a recipe that was tried, by its number, as one step.
    RestoreTried(u64),
    /// An empty name takes it away.
    NameTried {
        id: u64,
        name: String,
    },
    PinTried {
        id: u64,
        pin: bool,
    },
    ForgetTried(u64),
    /// Holds a recipe to compare the present one with.
    SetRival(Option<RivalChoice>),
    /// Changes places with the recipe that is held, as one step.
    SwapRival,
    /// Writes the quantized model to a file of another format.
    Export(ExportAsk),
    /// Measures, and writes a page for a colleague.
    WriteReport(PathBuf),
    /// Asks again for everything that failed or was cancelled.
    Retry,
}
