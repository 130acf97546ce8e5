//! The weights of a group in ascending order, with sums over any part of them.

use std::ops::Range;

use rayon::slice::ParallelSliceMut;

/// Finite weights, ascending, with the sum of every run in reach.
pub(super) struct Sorted {
    values: Vec<f32>,
    /// Sums of what lies before each block of [`BLOCK_LEN`] values, the values less `centre`.
    sums: Vec<f64>,
    /// The mean, taken off before summing, so that a small part keeps its digits.
    centre: f64,
}

const BLOCK_LEN: usize = 64;

impl Sorted {
    /// `n·log n`, in parallel for large groups; the result does not depend on that.
    pub fn new(group: &[f32]) -> Self {
        let mut values: Vec<f32> = group.iter().map(|x| x + 0.0).collect();
        if values.len() > 1 << 16 {
            values.par_sort_unstable_by(f32::total_cmp);
        } else {
            values.sort_unstable_by(f32::total_cmp);
        }
        let centre = values.iter().map(|&x| f64::from(x)).sum::<f64>() / values.len().max(1) as f64;
        let mut sum = 0.0;
        let before = |block: &[f32]| {
            let here = sum;
            sum += block.iter().map(|&x| f64::from(x) - centre).sum::<f64>();
            here
        };
        let sums = values.chunks(BLOCK_LEN).map(before).collect();
        Self { values, sums, centre }
    }

    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// Up to `limit` distinct values, ascending.
    pub fn distinct(&self, limit: usize) -> Vec<f32> {
        let runs = self.values.chunk_by(|a, b| a == b);
        runs.filter_map(|run| run.first().copied()).take(limit).collect()
    }

    /// The mean of a part that is not empty.
    pub fn mean(&self, range: Range<usize>) -> f64 {
        match self.values.get(range.clone()) {
            Some([first, .., last]) if first == last => f64::from(*first),
            Some([only]) => f64::from(*only),
            _ => {
                let sum = self.sum_before(range.end) - self.sum_before(range.start);
                self.centre + sum / range.len() as f64
            }
        }
    }

    fn sum_before(&self, end: usize) -> f64 {
        let block_idx = (end / BLOCK_LEN).min(self.sums.len().saturating_sub(1));
        let rest = self.values.get(block_idx * BLOCK_LEN..end).unwrap_or_default();
        let start = self.sums.get(block_idx).copied().unwrap_or(0.0);
        rest.iter().fold(start, |sum, &x| sum + (f64::from(x) - self.centre))
    }

    /// The value at a share of the ranks, `p·(n−1)`, linear between two of them as
    /// `numpy.quantile`.
    pub fn quantile(&self, p: f64) -> f64 {
        let rank = p.clamp(0.0, 1.0) * self.values.len().saturating_sub(1) as f64;
        let at = |idx: usize| self.values.get(idx).copied().map(f64::from);
        let lower = at(rank as usize).unwrap_or(0.0);
        let upper = at(rank as usize + 1).unwrap_or(lower);
        lower + (upper - lower) * rank.fract()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_have_their_mean() {
        let group: Vec<f32> = (0..300).map(|i| ((i * 7919) % 101) as f32 * 0.37 - 11.0).collect();
        let sorted = Sorted::new(&group);
        for (start, end) in [(0, 300), (3, 64), (64, 128), (63, 65), (100, 299), (299, 300)] {
            let part = &sorted.values()[start..end];
            let wanted = part.iter().map(|&x| f64::from(x)).sum::<f64>() / part.len() as f64;
            assert!((sorted.mean(start..end) - wanted).abs() < 1e-12, "{start}..{end}");
        }
    }

    #[test]
    fn quantiles_are_linear_between_ranks() {
        let sorted = Sorted::new(&[4.0, -0.0, 1.0, 0.0]);
        assert_eq!(sorted.distinct(9), [0.0, 1.0, 4.0]);
        let found = [0.0, 0.5, 0.75, 1.0].map(|p| sorted.quantile(p));
        assert_eq!(found, [0.0, 0.5, 1.75, 4.0]);
    }
}
