//! A result that may not be there yet.

use std::sync::Arc;

use crate::base::Progress;

/// What is known of a query's result.
#[derive(Clone, Debug)]
pub enum Loaded<T> {
    /// Being computed. `previous` is the last result of the same kind, to be shown dimmed; `partial`
    /// what this computation knows so far.
    Pending {
        progress: Progress,
        previous: Option<Arc<T>>,
        partial: Option<Arc<T>>,
    },
    Ready(Arc<T>),
    Failed(String),
}

impl<T> Loaded<T> {
    /// The result, or the best there is to show meanwhile.
    pub fn shown(&self) -> Option<&Arc<T>> {
        match self {
            Self::Ready(result) => Some(result),
            Self::Pending { partial: Some(result), .. }
            | Self::Pending { previous: Some(result), .. } => Some(result),
            _ => None,
        }
    }

    pub fn ready(&self) -> Option<&Arc<T>> {
        match self {
            Self::Ready(result) => Some(result),
            _ => None,
        }
    }

    /// Whether what is shown belongs to other settings.
    pub fn is_stale(&self) -> bool {
        matches!(self, Self::Pending { partial: None, .. })
    }

    /// Without a last result that is not about what is asked for now.
    pub(super) fn without_previous_unless(self, is_wanted: impl Fn(&T) -> bool) -> Self {
        match self {
            Self::Pending { progress, previous, partial } => {
                Self::Pending { progress, previous: previous.filter(|p| is_wanted(p)), partial }
            }
            other => other,
        }
    }

    pub fn failure(&self) -> Option<&str> {
        match self {
            Self::Failed(reason) => Some(reason),
            _ => None,
        }
    }
}
