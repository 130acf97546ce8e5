//! Counts of values in equal bins.

use crate::base::{Cancelled, WorkCtx, reduce};

/// Counts over `[lo, hi]` in equal bins; the last bin contains `hi`.
///
/// Values outside and non-finite values are counted apart, so `Σ counts + n_outside` is the number
/// of values.
#[derive(Clone, Debug, PartialEq)]
pub struct Histogram {
    pub lo: f64,
    pub hi: f64,
    pub counts: Vec<u64>,
    pub n_outside: u64,
}

impl Histogram {
    /// `lo < hi` and at least one bin; otherwise the range is widened around `lo` and one bin
    /// taken, so that a constant tensor has a picture too.
    ///
    /// # Errors
    /// [`Cancelled`].
    pub fn compute(
        data: &[f32],
        (lo, hi): (f64, f64),
        n_bins: usize,
        ctx: &WorkCtx,
    ) -> Result<Self, Cancelled> {
        let n_bins = n_bins.max(1);
        let (lo, hi) = if lo < hi { (lo, hi) } else { (lo - 0.5, lo + 0.5) };
        let bins_per_unit = n_bins as f64 / (hi - lo);
        let parts = reduce::map_chunks(data, ctx, |chunk| {
            let mut counts = vec![0u64; n_bins];
            let mut n_outside = 0;
            for &x in chunk {
                let x = f64::from(x);
                if x >= lo && x <= hi {
                    let bin_idx = (((x - lo) * bins_per_unit) as usize).min(n_bins - 1);
                    counts[bin_idx] += 1;
                } else {
                    n_outside += 1;
                }
            }
            (counts, n_outside)
        })?;
        let mut histogram = Self { lo, hi, counts: vec![0; n_bins], n_outside: 0 };
        for (counts, n_outside) in parts {
            histogram.n_outside += n_outside;
            for (total, part) in histogram.counts.iter_mut().zip(counts) {
                *total += part;
            }
        }
        Ok(histogram)
    }

    pub fn bin_width(&self) -> f64 {
        (self.hi - self.lo) / self.counts.len() as f64
    }

    /// Lower edge of a bin; `edge(n_bins)` is `hi`.
    pub fn edge(&self, bin_idx: usize) -> f64 {
        self.lo + self.bin_width() * bin_idx as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_add_up() {
        let ctx = WorkCtx::new();
        let data = [0.0, 0.24, 0.25, 1.0, 2.0, f32::NAN];
        let histogram = Histogram::compute(&data, (0.0, 1.0), 4, &ctx).unwrap();
        assert_eq!(histogram.counts, [2, 1, 0, 1]);
        assert_eq!(histogram.n_outside, 2);
        let constant = Histogram::compute(&[3.0, 3.0], (3.0, 3.0), 5, &ctx).unwrap();
        assert_eq!(constant.counts.iter().sum::<u64>(), 2);
    }
}
