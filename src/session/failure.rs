//! Why something did not come about, for a person: one line, and what only some want to know.

use std::error::Error;

use crate::base::details_of;

/// A line that names the thing, what is wrong and the way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub text: String,
    /// What the system or a parser said; shown when asked for.
    pub details: Option<String>,
}

impl Failure {
    pub fn of(error: &dyn Error) -> Self {
        Self { text: error.to_string(), details: details_of(error) }
    }
}

impl From<String> for Failure {
    fn from(text: String) -> Self {
        Self { text, details: None }
    }
}
