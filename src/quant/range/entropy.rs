//! The threshold that loses least information, as TensorRT calibrates activations.

use super::{RangeTarget, ValueRange, min_max};
use crate::base::{Cancelled, WorkCtx, reduce};

/// Bins of the histogram of |x|.
const N_BINS: usize = 2048;

/// The range whose threshold has the smallest divergence KL(P‖Q), after Migacz, "8-bit Inference
/// with TensorRT" (GTC 2017): 2048 bins of |x| over `[0, absmax]`; for every number `i` of bins kept,
///
/// - `P`: the first `i` bins, all that lies beyond added to the last of them;
/// - `Q`: the first `i` bins (without what lies beyond) merged into `L` levels, bin `k` into level
///   `⌊k·L/i⌋`, each level spread evenly over those of its bins that are not empty;
/// - threshold `(i + 0.5)` bin widths; all bins kept is absmax itself.
///
/// `L` is half the number of levels, 128 at 8 bits, and `i` runs from `L` to 2048. A cut that leaves
/// the last bin empty in `Q` but not in `P` diverges without bound and is not chosen. Levels that
/// need not be symmetric get the part of `[−threshold, threshold]` that has values.
pub fn range(
    group: &[f32],
    target: &dyn RangeTarget,
    ctx: &WorkCtx,
) -> Result<ValueRange, Cancelled> {
    let full = min_max(group, ctx)?;
    let absmax = full.hi.max(-full.lo);
    if absmax <= 0.0 {
        return Ok(ValueRange { lo: 0.0, hi: 0.0 });
    }
    let counts = histogram(group, absmax, ctx)?;
    let n_levels = target.n_levels().div_ceil(2).max(1);
    let n_kept = best_cut(&counts, n_levels, ctx)?;
    let threshold = match n_kept {
        N_BINS => absmax,
        _ => ((n_kept as f64 + 0.5) * f64::from(absmax) / N_BINS as f64) as f32,
    };
    Ok(match target.is_symmetric() {
        true => ValueRange { lo: -threshold, hi: threshold },
        false => ValueRange { lo: full.lo.max(-threshold), hi: full.hi.min(threshold) },
    })
}

fn histogram(group: &[f32], absmax: f32, ctx: &WorkCtx) -> Result<Vec<u64>, Cancelled> {
    let per_value = N_BINS as f64 / f64::from(absmax);
    let parts = reduce::map_chunks(group, ctx, |chunk| {
        let mut counts = vec![0u64; N_BINS];
        for &x in chunk {
            let bin = (f64::from(x.abs()) * per_value) as usize;
            counts[bin.min(N_BINS - 1)] += 1;
        }
        counts
    })?;
    let mut counts = vec![0u64; N_BINS];
    for part in parts {
        counts.iter_mut().zip(part).for_each(|(sum, count)| *sum += count);
    }
    Ok(counts)
}

/// The number of bins to keep, from `n_levels` to all; a tie keeps more.
fn best_cut(counts: &[u64], n_levels: usize, ctx: &WorkCtx) -> Result<usize, Cancelled> {
    let tallies = Tallies::new(counts);
    let mut best = (f64::INFINITY, counts.len());
    for n_kept in (n_levels.min(counts.len())..=counts.len()).rev() {
        ctx.check()?;
        let divergence = tallies.divergence(counts, n_kept, n_levels);
        if divergence < best.0 {
            best = (divergence, n_kept);
        }
    }
    Ok(best.1)
}

/// Running sums over the bins, so that a level is summed in one step.
struct Tallies {
    /// Values below each bin.
    below: Vec<u64>,
    /// Non-empty bins below each bin.
    used: Vec<usize>,
    /// `Σ count·ln count` below each bin.
    weighted: Vec<f64>,
}

impl Tallies {
    fn new(counts: &[u64]) -> Self {
        let (mut below, mut used, mut weighted) = (vec![0], vec![0], vec![0.0]);
        let (mut sum, mut n_used, mut total) = (0u64, 0usize, 0.0f64);
        for &count in counts {
            sum += count;
            n_used += usize::from(count > 0);
            total += if count > 0 { count as f64 * (count as f64).ln() } else { 0.0 };
            below.push(sum);
            used.push(n_used);
            weighted.push(total);
        }
        Self { below, used, weighted }
    }

    /// KL(P‖Q): `Σ p·ln p − Σ p·ln q`, with `q` constant over the used bins of a level.
    fn divergence(&self, counts: &[u64], n_kept: usize, n_levels: usize) -> f64 {
        let (total, inside) = (self.below[counts.len()] as f64, self.below[n_kept] as f64);
        let last = counts[n_kept - 1];
        let beyond = total - inside;
        if inside == 0.0 || (beyond > 0.0 && last == 0) {
            return f64::INFINITY;
        }
        let last_of_p = last as f64 + beyond;
        let weighted = self.weighted[n_kept] - plogp(last as f64) + plogp(last_of_p);
        let own = weighted / total - total.ln();
        let mut cross = 0.0;
        for level in 0..n_levels.min(n_kept) {
            // The bins k with ⌊k·L/i⌋ = level.
            let start = (level * n_kept).div_ceil(n_levels);
            let end = ((level + 1) * n_kept).div_ceil(n_levels).min(n_kept);
            let in_level = (self.below[end] - self.below[start]) as f64;
            if in_level == 0.0 {
                continue;
            }
            let q = in_level / (self.used[end] - self.used[start]) as f64 / inside;
            let p = in_level + if end == n_kept { beyond } else { 0.0 };
            cross += p / total * q.ln();
        }
        own - cross
    }
}

fn plogp(count: f64) -> f64 {
    if count > 0.0 { count * count.ln() } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition, bin by bin.
    fn divergence_reference(counts: &[u64], n_kept: usize, n_levels: usize) -> f64 {
        let beyond: u64 = counts[n_kept..].iter().sum();
        let mut p: Vec<f64> = counts[..n_kept].iter().map(|&c| c as f64).collect();
        p[n_kept - 1] += beyond as f64;
        let mut q = vec![0.0; n_kept];
        for level in 0..n_levels {
            let bins: Vec<usize> = (0..n_kept).filter(|k| k * n_levels / n_kept == level).collect();
            let sum: u64 = bins.iter().map(|&k| counts[k]).sum();
            let used: Vec<usize> = bins.into_iter().filter(|&k| counts[k] > 0).collect();
            used.iter().for_each(|&k| q[k] = sum as f64 / used.len() as f64);
        }
        let (p_sum, q_sum) = (p.iter().sum::<f64>(), q.iter().sum::<f64>());
        let term = |(&p, &q): (&f64, &f64)| match p {
            0.0 => 0.0,
            _ => p / p_sum * (p / p_sum / (q / q_sum)).ln(),
        };
        p.iter().zip(&q).map(term).sum()
    }

    #[test]
    fn sums_in_one_step_are_the_definition() {
        let counts: Vec<u64> =
            (0..300u64).map(|k| (k * 7919 % 13) * u64::from(k % 5 > 0)).collect();
        let tallies = Tallies::new(&counts);
        for n_levels in [1, 4, 7, 64] {
            for n_kept in n_levels..=counts.len() {
                let found = tallies.divergence(&counts, n_kept, n_levels);
                let wanted = divergence_reference(&counts, n_kept, n_levels);
                // Bins without a value have no distribution.
                let is_same = found == wanted
                    || (found - wanted).abs() < 1e-9
                    || (wanted.is_nan() && found.is_infinite());
                assert!(is_same, "{n_kept} bins, {n_levels} levels: {found}, not {wanted}");
            }
        }
    }
}
