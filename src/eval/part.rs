//! A sample set in two halves that share no sample: one to search with, one to judge by.

use serde::{Deserialize, Serialize};

/// Which samples of a set are run.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum SamplePart {
    #[default]
    All,
    /// The first half of the seeded, class-balanced order: choices are made with it.
    SearchHalf,
    /// The other half: it judges what was chosen.
    JudgingHalf,
}

impl SamplePart {
    /// Name in JSON.
    pub fn id(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::SearchHalf => "search-half",
            Self::JudgingHalf => "judging-half",
        }
    }

    /// The samples of this part, of all samples in the balanced order, which both halves keep.
    pub(super) fn of(self, order: Vec<usize>) -> Vec<usize> {
        let middle = order.len().div_ceil(2);
        match self {
            Self::All => order,
            Self::SearchHalf => order.into_iter().take(middle).collect(),
            Self::JudgingHalf => order.into_iter().skip(middle).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::balanced_order;

    #[test]
    fn halves_share_nothing_and_have_equal_shares_of_every_class() {
        // Sorted by class, of unequal size.
        let labels: Vec<usize> = (0..101).map(|i| if i < 40 { 0 } else { 1 + i % 3 }).collect();
        let order = balanced_order(Some(&labels), labels.len());
        let parts = [SamplePart::SearchHalf, SamplePart::JudgingHalf].map(|p| p.of(order.clone()));
        assert_eq!(parts.concat(), order);
        let count = |part: &[usize], class| part.iter().filter(|i| labels[**i] == class).count();
        for class in 0..4 {
            assert!(count(&parts[0], class).abs_diff(count(&parts[1], class)) <= 1, "{class}");
        }
    }
}
