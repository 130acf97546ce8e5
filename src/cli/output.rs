//! Files that a command writes.

use std::path::Path;

use super::exit::{CliError, Exit};

/// A file that is there is not written over unasked.
pub(super) fn refuse_existing(path: &Path, force: bool) -> Result<(), CliError> {
    if force || !path.exists() {
        return Ok(());
    }
    let message = format!(
        "{} is there already; choose another name, or replace it with --force",
        path.display()
    );
    Err(CliError::new(Exit::WrongUse, message))
}
