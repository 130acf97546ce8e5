//! How sure a figure is: intervals for proportions and their paired difference, an exact test, a
//! bootstrap.

use rand::RngExt;
use serde::{Deserialize, Serialize};

use crate::base::seeded;

/// 97.5 % point of the standard normal distribution.
pub(super) const Z: f64 = 1.959_963_984_540_054;

/// A figure with its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    pub value: f64,
    pub ci95: (f64, f64),
}

/// Wilson's score interval for a proportion of `hits` in `n`.
///
/// `(p + z²/2n ± z·√(p(1−p)/n + z²/4n²)) / (1 + z²/n)`. `n = 0`: the value is NaN and the interval
/// `[0, 1]`. Source: Wilson 1927, JASA 22.
pub fn wilson(hits: usize, n: usize) -> Estimate {
    if n == 0 {
        return Estimate { value: f64::NAN, ci95: (0.0, 1.0) };
    }
    let n_samples = n as f64;
    let p = hits as f64 / n_samples;
    let z2 = Z * Z;
    let centre = p + z2 / (2.0 * n_samples);
    let reach = Z * (p * (1.0 - p) / n_samples + z2 / (4.0 * n_samples * n_samples)).sqrt();
    let scale = 1.0 + z2 / n_samples;
    let lo = if hits == 0 { 0.0 } else { (centre - reach) / scale };
    let hi = if hits == n { 1.0 } else { (centre + reach) / scale };
    Estimate { value: p, ci95: (lo, hi) }
}

/// Two classifiers on the same samples: how many both got right, one of them, none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PairedCounts {
    pub both: usize,
    /// Right before, wrong after.
    pub broken: usize,
    /// Wrong before, right after.
    pub fixed: usize,
    pub neither: usize,
}

impl PairedCounts {
    pub fn n(&self) -> usize {
        self.both + self.broken + self.fixed + self.neither
    }

    /// Counts one more sample: whether it was right before and after.
    pub fn count(&mut self, is_right: [bool; 2]) {
        let cell = match is_right {
            [true, true] => &mut self.both,
            [true, false] => &mut self.broken,
            [false, true] => &mut self.fixed,
            [false, false] => &mut self.neither,
        };
        *cell += 1;
    }

    /// Both counts together.
    pub fn plus(self, other: Self) -> Self {
        Self {
            both: self.both + other.both,
            broken: self.broken + other.broken,
            fixed: self.fixed + other.fixed,
            neither: self.neither + other.neither,
        }
    }

    /// Share right before, and after, each with Wilson's interval.
    pub fn shares(&self) -> (Estimate, Estimate) {
        let n = self.n();
        (wilson(self.both + self.broken, n), wilson(self.both + self.fixed, n))
    }

    /// `after − before` as a difference of proportions, with Newcombe's score interval for paired
    /// data (his method 10: Wilson intervals joined with the correlation φ, whose numerator is
    /// reduced by n/2 when it is positive).
    ///
    /// Source: Newcombe 1998, Statistics in Medicine 17, 2635–2650. `n = 0`: NaN and `[−1, 1]`.
    pub fn difference(&self) -> Estimate {
        let n = self.n();
        if n == 0 {
            return Estimate { value: f64::NAN, ci95: (-1.0, 1.0) };
        }
        let (before, after) = self.shares();
        let phi = self.phi();
        let joined = |a: f64, b: f64| (a * a - 2.0 * phi * a * b + b * b).max(0.0).sqrt();
        let value = (self.fixed as f64 - self.broken as f64) / n as f64;
        let below = joined(after.value - after.ci95.0, before.ci95.1 - before.value);
        let above = joined(after.ci95.1 - after.value, before.value - before.ci95.0);
        Estimate { value, ci95: ((value - below).max(-1.0), (value + above).min(1.0)) }
    }

    fn phi(&self) -> f64 {
        let [a, b, c, d] =
            [self.both, self.broken, self.fixed, self.neither].map(|count| count as f64);
        let product = (a + b) * (c + d) * (a + c) * (b + d);
        if product == 0.0 {
            return 0.0;
        }
        let numerator = a * d - b * c;
        let n = a + b + c + d;
        let corrected = if numerator > 0.0 { (numerator - n / 2.0).max(0.0) } else { numerator };
        corrected / product.sqrt()
    }

    /// McNemar's exact two-sided p: how likely a split of the changed samples at least as uneven
    /// would be if breaking and fixing were equally likely. 1 when nothing changed.
    ///
    /// `p = min(1, 2·Σ_{i ≤ min(b,c)} C(b+c, i)/2^(b+c))`.
    pub fn mcnemar_p(&self) -> f64 {
        let n_changed = self.broken + self.fixed;
        let fewer = self.broken.min(self.fixed);
        let mut log_term = -(n_changed as f64) * std::f64::consts::LN_2;
        let mut tail = 0.0;
        for i in 0..=fewer {
            tail += log_term.exp();
            log_term += ((n_changed - i) as f64).ln() - ((i + 1) as f64).ln();
        }
        (2.0 * tail).min(1.0)
    }
}

/// Draws of a bootstrap that is final.
pub const BOOTSTRAP_DRAWS: usize = 10_000;

/// 95 % percentile interval of `statistic` over rows drawn with replacement.
///
/// `statistic` gets the drawn row numbers' sums: each row is a vector of addends, all of one
/// length. Seeded: the same rows give the same interval.
pub fn bootstrap<const K: usize>(
    rows: &[[f64; K]],
    n_draws: usize,
    statistic: impl Fn([f64; K]) -> f64,
) -> (f64, f64) {
    if rows.is_empty() || n_draws == 0 {
        return (f64::NAN, f64::NAN);
    }
    let mut random = seeded(crate::base::SEED);
    let mut drawn: Vec<f64> = (0..n_draws)
        .map(|_| {
            let mut sums = [0.0; K];
            for _ in 0..rows.len() {
                let row = rows[random.random_range(0..rows.len())];
                for (sum, addend) in sums.iter_mut().zip(row) {
                    *sum += addend;
                }
            }
            statistic(sums)
        })
        .collect();
    drawn.sort_by(f64::total_cmp);
    let at = |q: f64| drawn[((drawn.len() - 1) as f64 * q).round() as usize];
    (at(0.025), at(0.975))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_are_exact() {
        assert_eq!(wilson(0, 10).ci95.0, 0.0);
        assert_eq!(wilson(10, 10).ci95.1, 1.0);
        assert!(wilson(0, 0).value.is_nan());
        let unchanged = PairedCounts { both: 90, neither: 10, ..PairedCounts::default() };
        assert_eq!((unchanged.mcnemar_p(), unchanged.difference().value), (1.0, 0.0));
        let one_sided = PairedCounts { broken: 5, ..PairedCounts::default() };
        assert!((one_sided.mcnemar_p() - 0.0625).abs() < 1e-12);
    }

    #[test]
    fn the_bootstrap_is_seeded() {
        let rows: Vec<[f64; 2]> = (0..20).map(|i| [f64::from(i), 1.0]).collect();
        let mean = |[sum, n]: [f64; 2]| sum / n;
        let first = bootstrap(&rows, 500, mean);
        assert_eq!(first, bootstrap(&rows, 500, mean));
        assert!(first.0 < 9.5 && first.1 > 9.5);
    }
}
