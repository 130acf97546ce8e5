//! Exit codes, and which error has which.

use std::process::ExitCode;

use crate::eval::{
    ActivationError, EvalError, ExportError, RecipeEvalError, SamplesError, SweepError,
};
use crate::model::StoreError;
use crate::quant::{RecipeError, SpecError};
use crate::session::OpeningError;

/// The exit codes of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exit {
    Done = 0,
    WrongUse = 2,
    NoDisplay = 3,
    /// The file cannot be read or is malformed.
    BadFile = 4,
    /// An operator or shape of the model is not supported.
    CannotRun = 5,
    /// The request makes no sense for this model.
    NoSense = 6,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// One line for a person, and the exit code.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(super) struct CliError {
    pub exit: Exit,
    message: String,
}

impl CliError {
    pub(super) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into().replace('\n', " ") }
    }

    /// The same with the model's name ahead, where the message does not tell whose node it is.
    pub(super) fn about(self, model: &str) -> Self {
        match self.exit {
            Exit::CannotRun => Self { message: format!("{model}: {}", self.message), ..self },
            _ => self,
        }
    }
}

impl From<OpeningError> for CliError {
    fn from(error: OpeningError) -> Self {
        match error {
            OpeningError::UnknownSample { .. } => Self::new(Exit::WrongUse, error.to_string()),
            OpeningError::Samples(error) => error.into(),
            _ => Self::new(Exit::BadFile, error.to_string()),
        }
    }
}

impl From<SamplesError> for CliError {
    fn from(error: SamplesError) -> Self {
        Self::from(&error)
    }
}

impl From<&SamplesError> for CliError {
    fn from(error: &SamplesError) -> Self {
        let exit = match error {
            SamplesError::Unfit { .. } => Exit::NoSense,
            _ => Exit::BadFile,
        };
        Self::new(exit, error.to_string())
    }
}

impl From<EvalError> for CliError {
    fn from(error: EvalError) -> Self {
        match error {
            EvalError::Samples(error) => error.into(),
            EvalError::NoGraph | EvalError::InputCount(_) | EvalError::Output(_) => {
                Self::new(Exit::NoSense, error.to_string())
            }
            EvalError::Exec(_) | EvalError::Cancelled(_) => {
                Self::new(Exit::CannotRun, error.to_string())
            }
        }
    }
}

impl From<ActivationError> for CliError {
    fn from(error: ActivationError) -> Self {
        match error {
            ActivationError::Eval(error) => error.into(),
            error => Self::new(Exit::NoSense, error.to_string()),
        }
    }
}

impl From<RecipeEvalError> for CliError {
    fn from(error: RecipeEvalError) -> Self {
        let exit = match error {
            RecipeEvalError::Store(_) => Exit::BadFile,
            _ => Exit::NoSense,
        };
        Self::new(exit, error.to_string())
    }
}

impl From<ExportError> for CliError {
    fn from(error: ExportError) -> Self {
        match error {
            ExportError::Store(error) => error.into(),
            ExportError::Write(error) => Self::new(Exit::NoSense, error.to_string()),
        }
    }
}

impl From<SweepError> for CliError {
    fn from(error: SweepError) -> Self {
        match error {
            SweepError::Recipe(error) => error.into(),
            SweepError::Eval(error) => error.into(),
        }
    }
}

impl From<StoreError> for CliError {
    fn from(error: StoreError) -> Self {
        Self::new(Exit::BadFile, error.to_string())
    }
}

impl From<SpecError> for CliError {
    fn from(error: SpecError) -> Self {
        Self::new(Exit::WrongUse, error.to_string())
    }
}

impl From<RecipeError> for CliError {
    fn from(error: RecipeError) -> Self {
        Self::new(Exit::BadFile, error.to_string())
    }
}
