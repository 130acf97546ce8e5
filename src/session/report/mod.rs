//! A report of a quantized model for a colleague and for the file: one page of HTML that needs nothing
//! besides, with the figures as JSON in it. What it says is computed here; the window and the command
//! line only name the file.

mod accuracy;
mod data;
mod gather;
mod html;
mod layers;
mod plots;
mod sections;
mod words;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::base::{Cancelled, WorkCtx, unwritable, write_whole};
use crate::eval::{EvalError, RecipeEvalError, SampleSet};
use crate::quant::{Recipe, Rules};

pub use data::{
    Distribution, FileFacts, LayerRow, Measured, ModelFacts, OnSamples, ReportData, RuleRow,
    SampleFacts,
};
pub use gather::report_data;
pub use html::html;

use super::opening::Opened;

/// What to report on.
#[derive(Clone, Copy)]
pub struct ReportRequest<'a> {
    pub opened: &'a Opened,
    pub recipe: &'a Recipe,
    /// By which layers of the recipe were set; to be shown with what each governs.
    pub rules: &'a Rules,
    /// `None` leaves accuracy out, and the report says why.
    pub samples: Option<&'a Arc<SampleSet>>,
    /// The class whose recall comes first.
    pub critical: Option<&'a str>,
    /// Only as many samples, of the seeded, class-balanced order.
    pub limit: Option<usize>,
    /// What of the recipe's file is without effect, a sentence each.
    pub warnings: &'a [String],
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    #[error(transparent)]
    Recipe(#[from] RecipeEvalError),
    #[error(transparent)]
    Eval(#[from] EvalError),
    #[error("{} cannot be written: {}", path.display(), unwritable(source, path))]
    Write { path: PathBuf, source: std::io::Error },
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

/// What was written.
#[derive(Clone, Debug, PartialEq)]
pub struct ReportSummary {
    pub path: PathBuf,
    pub n_bytes: u64,
    pub n_layers: usize,
    /// Why accuracy was not measured, if so.
    pub not_measured: Option<String>,
}

/// Measures, and writes the report whole or not at all; a file that is there is replaced.
///
/// `progress` hears what is being done and which share of it is.
///
/// # Errors
/// [`ReportError`]; a model that cannot be run is none, the report says so.
pub fn write_report(
    request: &ReportRequest,
    path: &Path,
    ctx: &WorkCtx,
    progress: &mut (dyn FnMut(&str, f32) + Send),
) -> Result<ReportSummary, ReportError> {
    let data = report_data(request, ctx, progress)?;
    let page = html(&data);
    ctx.check()?;
    let write = |out: &mut dyn Write| out.write_all(page.as_bytes());
    write_whole(path, write)
        .map_err(|source| ReportError::Write { path: path.to_owned(), source })?;
    Ok(ReportSummary {
        path: path.to_owned(),
        n_bytes: page.len() as u64,
        n_layers: data.layers.len(),
        not_measured: match data.measured {
            Measured::On(_) => None,
            Measured::Not(reason) => Some(reason),
        },
    })
}
