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

    /// The first of what there is to show that is enough for a purpose: an answer may be there in
    /// part.
    pub fn shown_if(&self, is_enough: impl Fn(&T) -> bool) -> Option<&Arc<T>> {
        let known = match self {
            Self::Ready(result) => [Some(result), None],
            Self::Pending { partial, previous, .. } => [partial.as_ref(), previous.as_ref()],
            Self::Failed(_) => [None, None],
        };
        known.into_iter().flatten().find(|result| is_enough(result))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_in_part_shows_where_it_is_enough() {
        let of = |partial: Option<i32>, previous: Option<i32>| Loaded::Pending {
            progress: Progress::default(),
            previous: previous.map(Arc::new),
            partial: partial.map(Arc::new),
        };
        let is_even = |n: &i32| n % 2 == 0;
        for (loaded, wanted) in [
            (of(Some(2), Some(4)), Some(2)),
            (of(Some(1), Some(4)), Some(4)),
            (of(None, Some(4)), Some(4)),
            (of(Some(1), None), None),
            (Loaded::Ready(Arc::new(6)), Some(6)),
            (Loaded::Failed("no".to_owned()), None),
        ] {
            assert_eq!(loaded.shown_if(is_even).map(|n| **n), wanted, "{loaded:?}");
        }
    }
}
