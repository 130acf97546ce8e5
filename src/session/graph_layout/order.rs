//! The order within the ranks: sweeps of barycentres with exchanges of neighbours, the best order
//! kept. Never more crossings than the order given.

use super::layered::Levels;
use crate::base::{Cancelled, WorkCtx};

const N_SWEEPS: usize = 16;
/// Exchanges are tried on ranks up to this many boxes and bends.
const MAX_EXCHANGED: usize = 200;

/// Orders the ranks and returns how many crossings are left.
///
/// # Errors
/// [`Cancelled`].
pub(super) fn order_ranks(levels: &mut Levels, ctx: &WorkCtx) -> Result<usize, Cancelled> {
    let mut best = levels.ranks.clone();
    let mut n_best = crossings(levels);
    for sweep in 0..N_SWEEPS {
        if n_best == 0 {
            break;
        }
        ctx.check()?;
        let n_ranks = levels.ranks.len();
        let mut positions = levels.positions();
        if sweep % 2 == 0 {
            (1..n_ranks).for_each(|rank| sort_rank(levels, rank, Side::Above, &mut positions));
        } else {
            let up = (0..n_ranks.saturating_sub(1)).rev();
            up.for_each(|rank| sort_rank(levels, rank, Side::Below, &mut positions));
        }
        exchange(levels, &mut positions);
        let found = crossings(levels);
        if found < n_best {
            n_best = found;
            best.clone_from(&levels.ranks);
        }
    }
    levels.ranks = best;
    Ok(n_best)
}

#[derive(Clone, Copy)]
enum Side {
    Above,
    Below,
}

/// Sorts a rank by the mean position of what each stands below or above of; what has no such
/// neighbour stays where it is.
fn sort_rank(levels: &mut Levels, rank: usize, side: Side, positions: &mut [usize]) {
    let neighbours = match side {
        Side::Above => &levels.above,
        Side::Below => &levels.below,
    };
    let mut keyed: Vec<(f64, usize)> = levels.ranks[rank]
        .iter()
        .map(|&idx| {
            let near = &neighbours[idx];
            let sum: usize = near.iter().map(|&other| positions[other]).sum();
            let own = positions[idx] as f64;
            (if near.is_empty() { own } else { sum as f64 / near.len() as f64 }, idx)
        })
        .collect();
    keyed.sort_by(|a, b| a.0.total_cmp(&b.0));
    for (position, (_, idx)) in keyed.into_iter().enumerate() {
        levels.ranks[rank][position] = idx;
        positions[idx] = position;
    }
}

/// Exchanges neighbours while that removes crossings.
fn exchange(levels: &mut Levels, positions: &mut [usize]) {
    for _ in 0..4 {
        let mut changed = false;
        for rank in 0..levels.ranks.len() {
            if levels.ranks[rank].len() > MAX_EXCHANGED {
                continue;
            }
            for left in 1..levels.ranks[rank].len() {
                let (a, b) = (levels.ranks[rank][left - 1], levels.ranks[rank][left]);
                let count = |first: usize, second: usize| {
                    crossings_of_pair(&levels.above[first], &levels.above[second], positions)
                        + crossings_of_pair(&levels.below[first], &levels.below[second], positions)
                };
                if count(b, a) < count(a, b) {
                    levels.ranks[rank].swap(left - 1, left);
                    positions[a] = left;
                    positions[b] = left - 1;
                    changed = true;
                }
            }
        }
        if !changed {
            return;
        }
    }
}

/// Crossings of the edges to `first` with those to `second` when `first` stands on the left.
fn crossings_of_pair(first: &[usize], second: &[usize], positions: &[usize]) -> usize {
    first
        .iter()
        .map(|&one| second.iter().filter(|&&other| positions[other] < positions[one]).count())
        .sum()
}

/// Pairs of edges that cross, over all ranks.
///
/// Counted with a tree of sums over the positions of the lower rank (Barth, Mutzel, Jünger 2004),
/// `O(edges · log width)`.
pub(super) fn crossings(levels: &Levels) -> usize {
    let positions = levels.positions();
    let mut total = 0;
    for (upper, lower) in levels.ranks.iter().zip(levels.ranks.iter().skip(1)) {
        let mut sums = vec![0usize; lower.len() + 1];
        let mut n_before = 0;
        let mut ends = Vec::new();
        for &from in upper {
            ends.clear();
            ends.extend(levels.below[from].iter().map(|&to| positions[to]));
            ends.sort_unstable();
            // Edges of one box do not cross each other: first counted, then added.
            for &end in &ends {
                let mut n_not_right = 0;
                let mut slot = end + 1;
                while slot > 0 {
                    n_not_right += sums[slot];
                    slot &= slot - 1;
                }
                total += n_before - n_not_right;
            }
            for &end in &ends {
                let mut slot = end + 1;
                while slot < sums.len() {
                    sums[slot] += 1;
                    slot += slot & slot.wrapping_neg();
                }
            }
            n_before += ends.len();
        }
    }
    total
}
