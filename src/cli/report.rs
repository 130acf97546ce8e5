//! `quantscope report`: the figures with their plots and limits as one page.

use std::io::IsTerminal;

use super::exit::{CliError, Exit};
use super::options::{ReportOptions, critical_class, open, samples_for};
use super::output::refuse_existing;
use super::print_out;
use crate::base::{WorkCtx, bytes};
use crate::session::{ReportError, ReportRequest, write_report};

pub(super) fn run(options: &ReportOptions) -> Result<(), CliError> {
    refuse_existing(&options.output, options.force)?;
    let opened = open(&options.model, options.weights.fold_mode())?;
    let asked = options.weights.asked(&opened.network)?.unwrap_or_default();
    let samples = match (&options.samples, &opened.eval) {
        (None, None) => None,
        (path, _) => Some(samples_for(path.as_deref(), &opened)?),
    };
    let named = options.critical.as_deref();
    let critical = match &samples {
        Some(samples) => critical_class(named, &opened, samples)?,
        None => None,
    };
    let request = ReportRequest {
        opened: &opened,
        recipe: &asked.recipe,
        rules: &asked.rules,
        samples: samples.as_ref(),
        critical: critical.as_deref(),
        limit: options.limit.map(|limit| usize::try_from(limit).unwrap_or(usize::MAX)),
        warnings: &asked.warnings,
    };
    let shows_progress = std::io::stderr().is_terminal();
    let mut progress = |what: &str, share: f32| {
        if shows_progress {
            eprint!("\r\x1b[K{what}: {:.0} %", 100.0 * share);
        }
    };
    let written = write_report(&request, &options.output, &WorkCtx::new(), &mut progress);
    if shows_progress {
        eprint!("\r\x1b[K");
    }
    let summary = written.map_err(|error| failed(error, &opened.reference.label()))?;
    if let Some(reason) = &summary.not_measured {
        eprintln!("quantscope: warning: accuracy was not measured: {reason}");
    }
    print_out(&format!("{}: report, {}\n", summary.path.display(), bytes(summary.n_bytes)));
    Ok(())
}

fn failed(error: ReportError, model: &str) -> CliError {
    match error {
        ReportError::Recipe(error) => error.into(),
        ReportError::Eval(error) => CliError::from(error).about(model),
        error @ (ReportError::Write { .. } | ReportError::Cancelled(_)) => {
            CliError::new(Exit::BadFile, error.to_string())
        }
    }
}
