//! The best k levels for sorted weights, exactly.
//!
//! In one dimension a cluster is a run of the sorted weights, so a clustering is a path of k steps
//! from 0 to n whose cost `Σ w(i, j)`, with w the squared error of a run about its mean, is least:
//!
//! `E_k[j] = min_{i<j} E_{k−1}[i] + w(i, j)`
//!
//! w satisfies the quadrangle inequality, so the least cost is convex in k: a price λ a step gives a
//! path without counting steps, `E[j] = min_i E[i] + w(i, j) + λ`, in n·log n, and λ is searched until
//! the path has k steps (Aggarwal, Schieber and Tokuyama 1994; Grønlund et al. 2017,
//! arXiv:1701.07204). Where no λ has k steps, two paths of one price are joined into one of k.

use crate::base::{Cancelled, WorkCtx};

/// Points of equal value, before which stand so many weights with such a sum.
#[derive(Clone, Copy, Debug, Default)]
struct Before {
    count: f64,
    sum: f64,
}

/// Above this many distinct values they are merged first, into as many cells of equal width.
pub(super) const MAX_EXACT: usize = 1 << 20;

/// Least squares levels for ascending finite values, and whether they are exactly the best.
///
/// - Up to [`MAX_EXACT`] distinct values: exact up to `f64` rounding. Above: exact for the means of
///   2²⁰ cells of equal width, each with its count.
/// - Cost: about ten passes of `n·log n` at n distinct values, 40 bytes each.
/// - Fewer distinct values than levels: each is a level.
///
/// # Errors
/// [`Cancelled`].
pub(super) fn levels(
    ascending: &[f32],
    n_levels: usize,
    ctx: &WorkCtx,
) -> Result<(Vec<f64>, bool), Cancelled> {
    let centre = mean(ascending);
    let (before, is_exact) = points(ascending, centre);
    let n_points = before.len() - 1;
    let path = if n_points <= n_levels {
        (0..=n_points).collect()
    } else {
        Search { before: &before, ctx }.path(n_levels)?
    };
    let level = |step: &[usize]| match step {
        &[i, j] => {
            let (from, to) = (before.get(i)?, before.get(j)?);
            Some(centre + (to.sum - from.sum) / (to.count - from.count))
        }
        _ => None,
    };
    Ok((path.windows(2).filter_map(level).collect(), is_exact))
}

fn mean(values: &[f32]) -> f64 {
    values.iter().map(|&x| f64::from(x)).sum::<f64>() / values.len().max(1) as f64
}

/// Counts and sums before each distinct value, or before each cell where there are too many.
fn points(ascending: &[f32], centre: f64) -> (Vec<Before>, bool) {
    let n_distinct = ascending.chunk_by(|a, b| a == b).count();
    let is_exact = n_distinct <= MAX_EXACT;
    let (lo, hi) = match ascending {
        [lo, .., hi] => (f64::from(*lo), f64::from(*hi)),
        _ => (0.0, 1.0),
    };
    let cell = |x: f32| ((f64::from(x) - lo) / (hi - lo) * MAX_EXACT as f64) as usize;
    let same = |a: &f32, b: &f32| a == b || (!is_exact && cell(*a) == cell(*b));
    let mut before = vec![Before::default()];
    let mut last = Before::default();
    for run in ascending.chunk_by(same) {
        last.count += run.len() as f64;
        last.sum += run.iter().map(|&x| f64::from(x) - centre).sum::<f64>();
        before.push(last);
    }
    (before, is_exact)
}

/// Tries of a price before two paths are joined; each narrows the bracket.
const MAX_TRIES: usize = 120;

struct Search<'a> {
    before: &'a [Before],
    ctx: &'a WorkCtx,
}

impl Search<'_> {
    /// A path of exactly `n_steps`, fewer than there are points.
    fn path(&self, n_steps: usize) -> Result<Vec<usize>, Cancelled> {
        let n_points = self.before.len() - 1;
        // Prices too low and too high, with what they give: all points apart, all together.
        let (mut low, mut high) = (0.0f64, f64::INFINITY);
        let mut many: Vec<usize> = (0..=n_points).collect();
        let mut few = vec![0, n_points];
        let k = n_steps as f64;
        // High-resolution theory: the error falls as k⁻², its slope as k⁻³.
        let mut price = 5.4 * self.spread() / (k * k * k);
        for _ in 0..MAX_TRIES {
            let path = self.priced(price)?;
            let found = path.len() - 1;
            if found == n_steps {
                return Ok(path);
            }
            if found > n_steps {
                (low, many) = (price, path);
            } else {
                (high, few) = (price, path);
            }
            let guess = price * (found as f64 / k).powi(3);
            let middle = if high.is_infinite() {
                low * 16.0
            } else if low == 0.0 {
                high / 16.0
            } else {
                (low * high).sqrt()
            };
            let is_near = (found as f64 / k - 1.0).abs() < 0.5;
            price = if is_near && guess > low && guess < high && few.len() > 2 {
                // Halfway towards the bracket's middle, so that it always narrows.
                (guess * guess * middle).cbrt()
            } else {
                middle
            };
            if !(price > low && price < high) || price < f64::MIN_POSITIVE {
                break;
            }
        }
        Ok(joined(&few, &many, n_steps))
    }

    /// `Σ(x − mean)²`, roughly.
    fn spread(&self) -> f64 {
        let squares = self.before.windows(2).map(|pair| match pair {
            [a, b] => (b.sum - a.sum).powi(2) / (b.count - a.count),
            _ => 0.0,
        });
        squares.sum::<f64>().max(f64::MIN_POSITIVE)
    }

    /// The best path at a price a step.
    ///
    /// `best[j] = min_i best[i] − (Σx)²/n of i..j + price`: the squared error less `Σx²`, which is the
    /// same for all paths. Starts of the last step wait in a queue, each with the first end from
    /// which it is the best.
    fn priced(&self, price: f64) -> Result<Vec<usize>, Cancelled> {
        let n_points = self.before.len() - 1;
        let mut best = vec![0.0f64; n_points + 1];
        let mut previous = vec![0u32; n_points + 1];
        let mut queue: Vec<(usize, usize)> = Vec::with_capacity(64);
        queue.push((0, 1));
        let mut head = 0;
        for j in 1..=n_points {
            if j % 4096 == 0 {
                self.ctx.check()?;
            }
            while queue.get(head + 1).is_some_and(|&(_, from)| from <= j) {
                head += 1;
            }
            let start = queue[head].0;
            best[j] = self.through(&best, start, j) + price;
            previous[j] = start as u32;
            if j < n_points {
                self.admit(&best, j, (&mut queue, head));
            }
        }
        let mut path = vec![n_points];
        let mut at = n_points;
        while at > 0 {
            at = previous[at] as usize;
            path.push(at);
        }
        path.reverse();
        Ok(path)
    }

    /// Puts start `j` behind the last that is better for some end, dropping those it beats from
    /// their first end on.
    fn admit(&self, best: &[f64], j: usize, (queue, head): (&mut Vec<(usize, usize)>, usize)) {
        let n_points = self.before.len() - 1;
        let wins =
            |other: usize, end: usize| self.through(best, j, end) < self.through(best, other, end);
        while let Some(&(other, from)) = queue.last() {
            let from = from.max(j + 1);
            if queue.len() > head + 1 && wins(other, from) {
                queue.pop();
                continue;
            }
            if !wins(other, n_points) {
                return;
            }
            // Double the reach, then halve the bracket: the end lies near where clusters are small.
            let (mut loses, mut reach) = (from - 1, 1);
            while from - 1 + reach < n_points && !wins(other, from - 1 + reach) {
                loses = from - 1 + reach;
                reach *= 2;
            }
            let mut at = (from - 1 + reach).min(n_points);
            while at - loses > 1 {
                let middle = loses + (at - loses) / 2;
                *(if wins(other, middle) { &mut at } else { &mut loses }) = middle;
            }
            queue.push((j, at));
            return;
        }
    }

    fn through(&self, best: &[f64], i: usize, j: usize) -> f64 {
        let (from, to) = (self.before[i], self.before[j]);
        let sum = to.sum - from.sum;
        best[i] - sum * sum / (to.count - from.count)
    }
}

/// One path of `n_steps` from two that are best at the same price, of fewer and of more steps.
///
/// Some step of `few` spans a step of `many` that stands `n_steps − few` later; `many` is followed up to
/// there and `few` from there on. By the quadrangle inequality that costs no more.
fn joined(few: &[usize], many: &[usize], n_steps: usize) -> Vec<usize> {
    let later = n_steps - (few.len() - 1);
    let ends = few.iter().skip(1).zip(many.iter().skip(1 + later));
    let crossing = ends.take_while(|(few, many)| many > few).count();
    let head = many.iter().take(crossing + later + 1);
    head.chain(few.iter().skip(crossing + 1)).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error_of(values: &[f32], levels: &[f64]) -> f64 {
        let nearest = |x: f64| levels.iter().map(|l| (x - l).powi(2)).fold(f64::INFINITY, f64::min);
        values.iter().map(|&x| nearest(f64::from(x))).sum()
    }

    /// The definition: `E_k[j] = min_i E_{k−1}[i] + w(i, j)`, every run summed anew.
    fn brute_force(values: &[f32], n_levels: usize) -> f64 {
        let n = values.len();
        let cost = |i: usize, j: usize| {
            let mean = mean(&values[i..j]);
            values[i..j].iter().map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>()
        };
        let mut best = vec![f64::INFINITY; n + 1];
        best[0] = 0.0;
        for _ in 0..n_levels {
            let step = |j| (0..=j).map(|i| best[i] + cost(i, j)).fold(f64::INFINITY, f64::min);
            best = (0..=n).map(|j| if j == 0 { 0.0 } else { step(j) }).collect();
        }
        best[n]
    }

    fn cases() -> Vec<(&'static str, Vec<f32>)> {
        let mix = |i: u32| i.wrapping_mul(2_654_435_761) >> 8;
        let mut random: Vec<f32> = (0..90).map(|i| mix(i) as f32 * 1e-6).collect();
        random.sort_by(f32::total_cmp);
        let mut heavy: Vec<f32> = random.iter().map(|x| (x - 8.0).powi(5)).collect();
        heavy.sort_by(f32::total_cmp);
        vec![
            ("even", (0..64).map(|i| i as f32).collect()),
            ("pairs", (0..60).map(|i| (i / 2) as f32 + 0.25).collect()),
            ("repeated", (0..80).map(|i| (i / 17) as f32 * 0.1).collect()),
            ("far apart", (0..50).map(|i| (i / 10) as f32 * 1e6 + i as f32 * 1e-3).collect()),
            ("mirrored", (-30..=30).map(|i| (i as f32).powi(3)).collect()),
            ("tiny", (0..40).map(|i| f32::from_bits(i * i)).collect()),
            ("one", vec![3.5]),
            ("random", random),
            ("heavy tails", heavy),
        ]
    }

    #[test]
    fn the_error_is_that_of_a_full_search() {
        for (name, values) in cases() {
            for n_levels in [1, 2, 3, 4, 5, 7, 8, 11, 16, 23, 32, 64] {
                let (found, is_exact) = levels(&values, n_levels, &WorkCtx::new()).unwrap();
                assert!(is_exact && found.len() <= n_levels, "{name}, {n_levels} levels");
                let (found, wanted) = (error_of(&values, &found), brute_force(&values, n_levels));
                let scale = error_of(&values, &[mean(&values)]);
                assert!(
                    found <= wanted + 1e-13 * scale,
                    "{name}, {n_levels} levels: {found:e}, possible {wanted:e}"
                );
            }
        }
    }

    #[test]
    fn cells_come_close_where_values_are_too_many() {
        let values: Vec<f32> = (0..MAX_EXACT + 100_000).map(|i| i as f32).collect();
        let (found, is_exact) = levels(&values, 2, &WorkCtx::new()).unwrap();
        assert!(!is_exact);
        let n = values.len() as f64;
        let wanted = [n / 4.0, 3.0 * n / 4.0];
        assert!(found.iter().zip(wanted).all(|(a, b)| (a - b).abs() < 2.0), "{found:?}");
    }
}
