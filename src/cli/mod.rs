//! The command line: the same session in words. Names, fields and exit codes are a contract.

mod error;
mod eval;
mod exit;
mod export;
mod inspect;
mod options;
mod output;
mod propose;
mod report;
mod schemes;
mod screenshot;
mod search;
mod sensitivity;
mod sweep;
mod table;

use std::process::ExitCode;

use clap::Parser;

use exit::{CliError, Exit};
use options::{Command, Options};

use crate::session::ModelRef;
use crate::ui::{AppOptions, open_window};

/// Runs the program and returns its exit code. Results go to standard output, everything else to
/// standard error.
pub fn main() -> ExitCode {
    let options = match Options::try_parse() {
        Ok(options) => options,
        Err(error) => return wrong_use(&error),
    };
    match run(options) {
        Ok(()) => Exit::Done.into(),
        Err(error) => {
            eprintln!("quantscope: {error}");
            error.exit.into()
        }
    }
}

fn run(options: Options) -> Result<(), CliError> {
    match options.command {
        None => window(options.model.as_deref()),
        Some(Command::Inspect(options)) => inspect::run(&options),
        Some(Command::Error(options)) => error::run(&options),
        Some(Command::Eval(options)) => eval::run(&options),
        Some(Command::Sweep(options)) => sweep::run(&options),
        Some(Command::Export(options)) => export::run(&options),
        Some(Command::Sensitivity(options)) => sensitivity::run(&options),
        Some(Command::Propose(options)) => propose::run(&options),
        Some(Command::Report(options)) => report::run(&options),
        Some(Command::Schemes(options)) => schemes::run(&options),
        Some(Command::Screenshot(options)) => screenshot::run(&options),
    }
}

fn window(model: Option<&str>) -> Result<(), CliError> {
    let model = match model {
        Some(model) => ModelRef::parse(model)?,
        None => ModelRef::default_sample(),
    };
    open_window(AppOptions { model, only_panel: None })
        .map_err(|error| CliError::new(Exit::NoDisplay, error.to_string()))
}

/// Help and version as they are; anything else as one line.
fn wrong_use(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        print!("{error}");
        return Exit::Done.into();
    }
    let text = error.to_string();
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let what = lines.next().unwrap_or("wrong use").trim_start_matches("error: ").to_owned();
    let details: Vec<&str> = lines
        .take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more"))
        .map(|line| line.trim_start_matches("tip: "))
        .collect();
    let details =
        if details.is_empty() { String::new() } else { format!(" {}", details.join("; ")) };
    eprintln!("quantscope: {what}{details}; see quantscope --help");
    Exit::WrongUse.into()
}

/// Prints text to standard output; a reader that has gone away ends the program quietly.
fn print_out(text: &str) {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    if out.write_all(text.as_bytes()).and_then(|()| out.flush()).is_err() {
        std::process::exit(0);
    }
}

fn print_json(json: &serde_json::Value) {
    print_out(&format!("{json:#}\n"));
}
