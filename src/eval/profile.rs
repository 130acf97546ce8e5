//! Where along the range of values the error arises, by rounding and by clipping.

use std::ops::Range;

use crate::base::{Cancelled, WorkCtx, reduce};
use crate::quant::{FittedQuantizer, for_each_run};
use crate::tensor::ChannelMajor;

/// Squared error over equal bins of the original values.
///
/// - `rounding[i] + clipping[i] = Σ(x − x̂)² / n` over the weights in bin `i`, `n` all weights
///   looked at: the sums over all bins are the rounding and the clipping part of the MSE.
/// - A weight is clipped if its code lies outside before the clamp. Weights that are NaN or infinite
///   or lie outside `[lo, hi]` are left out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ErrorProfile {
    pub lo: f64,
    pub hi: f64,
    pub rounding: Vec<f64>,
    pub clipping: Vec<f64>,
    /// Clipped weights below zero and from zero up.
    pub n_clipped: (u64, u64),
}

/// Elements of one piece of work.
const PIECE_LEN: usize = 1 << 16;

impl ErrorProfile {
    /// Over the elements of `range`, in `n_bins` bins from `lo` to `hi`.
    ///
    /// # Errors
    /// [`Cancelled`].
    pub fn compute(
        weights: &ChannelMajor,
        fitted: &dyn FittedQuantizer,
        range: Range<usize>,
        ((lo, hi), n_bins): ((f64, f64), usize),
        ctx: &WorkCtx,
    ) -> Result<Self, Cancelled> {
        let n_values = range.len().max(1) as f64;
        let n_pieces = range.len().div_ceil(PIECE_LEN);
        let bins_per_unit = n_bins as f64 / (hi - lo);
        let empty = || Self {
            lo,
            hi,
            rounding: vec![0.0; n_bins],
            clipping: vec![0.0; n_bins],
            n_clipped: (0, 0),
        };
        let parts = reduce::map_indices(n_pieces, ctx, |piece_idx| {
            let start = range.start + piece_idx * PIECE_LEN;
            let piece = start..(start + PIECE_LEN).min(range.end);
            let mut part = empty();
            for_each_run(fitted, weights.data(), piece, |_, input, run| {
                for ((&x, &value), &clipped) in input.iter().zip(&*run.values).zip(&*run.clipped) {
                    let place = (f64::from(x) - lo) * bins_per_unit;
                    if !(place >= 0.0 && f64::from(x) <= hi) {
                        continue;
                    }
                    let bin_idx = (place as usize).min(n_bins - 1);
                    let error = f64::from(x) - f64::from(value);
                    if clipped == 0 {
                        part.rounding[bin_idx] += error * error;
                    } else {
                        part.clipping[bin_idx] += error * error;
                        part.n_clipped.0 += u64::from(x < 0.0);
                        part.n_clipped.1 += u64::from(x >= 0.0);
                    }
                }
            });
            Ok::<_, Cancelled>(part)
        })?;
        let mut total = empty();
        for part in &parts {
            add(&mut total.rounding, &part.rounding);
            add(&mut total.clipping, &part.clipping);
            total.n_clipped.0 += part.n_clipped.0;
            total.n_clipped.1 += part.n_clipped.1;
        }
        for sum in total.rounding.iter_mut().chain(&mut total.clipping) {
            *sum /= n_values;
        }
        Ok(total)
    }

    pub fn bin_width(&self) -> f64 {
        (self.hi - self.lo) / self.rounding.len().max(1) as f64
    }
}

fn add(total: &mut [f64], part: &[f64]) {
    for (total, part) in total.iter_mut().zip(part) {
        *total += part;
    }
}

#[cfg(test)]
mod tests {
    use ndarray::IxDyn;

    use super::*;
    use crate::eval::layer_error;
    use crate::quant::SchemeChoice;
    use crate::tensor::Tensor;

    #[test]
    fn the_parts_sum_to_the_error() {
        let values: Vec<f32> = (0..300).map(|i| ((i * 37 % 101) as f32 - 50.0) / 23.0).collect();
        let tensor = Tensor::from_shape_vec(IxDyn(&[3, 100]), values).unwrap();
        let weights = ChannelMajor::new(&tensor, 0);
        let ctx = WorkCtx::new();
        for spec in ["int4", "int:bits=4,range=manual,lo=-1,hi=1", "int:granularity=per-channel"] {
            let choice: SchemeChoice = spec.parse().unwrap();
            let error = layer_error(&weights, &choice, &ctx).unwrap();
            let profile =
                ErrorProfile::compute(&weights, &*error.fitted, 0..300, ((-3.0, 3.0), 48), &ctx)
                    .unwrap();
            let close = |a: f64, b: f64| (a - b).abs() <= 1e-12 * (1.0 + b.abs());
            let rounding: f64 = profile.rounding.iter().sum();
            let clipping: f64 = profile.clipping.iter().sum();
            assert!(close(rounding, error.total.rounding_mse()), "{spec}");
            assert!(close(clipping, error.total.clipping_mse()), "{spec}");
            let n_clipped = profile.n_clipped.0 + profile.n_clipped.1;
            assert_eq!(n_clipped, error.total.n_clipped as u64, "{spec}");
        }
    }
}
