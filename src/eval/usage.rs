//! How often each code occurs.

use std::ops::Range;

use crate::quant::{FittedQuantizer, for_each_run};
use crate::tensor::ChannelMajor;

/// Counts of codes over a tensor or a channel.
#[derive(Clone, Debug, PartialEq)]
pub struct CodeUsage {
    /// The lowest code; `counts[i]` belongs to code `first_code + i`.
    pub first_code: i32,
    pub counts: Vec<u64>,
}

impl CodeUsage {
    /// Counts over the elements of `range`; `None` for a scheme without codes.
    pub fn count(
        weights: &ChannelMajor,
        fitted: &dyn FittedQuantizer,
        range: Range<usize>,
    ) -> Option<Self> {
        let codes = fitted.code_range()?;
        let mut counts = vec![0u64; codes.n_codes()];
        for_each_run(fitted, weights.data(), range, |_, _, run| {
            for &code in run.codes.iter() {
                let slot = usize::try_from(code - codes.qmin).ok();
                if let Some(count) = slot.and_then(|slot| counts.get_mut(slot)) {
                    *count += 1;
                }
            }
        });
        Some(Self { first_code: codes.qmin, counts })
    }

    /// Codes that occur at least once.
    pub fn n_used(&self) -> usize {
        self.counts.iter().filter(|&&count| count > 0).count()
    }

    /// `−Σ p·log₂ p` over the codes: the bits a code would take under an ideal entropy coder.
    pub fn entropy_bits(&self) -> f64 {
        let total: u64 = self.counts.iter().sum();
        let share = |count: u64| count as f64 / total as f64;
        let used = self.counts.iter().filter(|&&count| count > 0);
        used.map(|&count| -share(count) * share(count).log2()).sum::<f64>().max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entropy_of_known_counts() {
        let even = CodeUsage { first_code: 0, counts: vec![5, 5, 5, 5] };
        assert_eq!((even.entropy_bits(), even.n_used()), (2.0, 4));
        let one = CodeUsage { first_code: -1, counts: vec![0, 9, 0] };
        assert_eq!((one.entropy_bits(), one.n_used()), (0.0, 1));
    }
}
