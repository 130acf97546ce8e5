//! Mixes that differ from one in up to three layers, what is expected to be best first.

use super::allocate::Item;
use super::mixes::Mix;

/// Changes of one layer beyond which no two are tried together; in so deep a network the pairs are
/// too many.
const MAX_PAIRED: usize = 600;

/// The same for three.
const MAX_TRIPLED: usize = 80;

/// One layer stored another way.
#[derive(Clone, Copy)]
struct Move {
    layer_idx: usize,
    choice: Option<usize>,
    size: f64,
    harm: f64,
}

/// A mix by its changes; those beyond `n_moves` are of no meaning.
#[derive(Clone, Copy)]
struct Change {
    moves: [usize; 3],
    n_moves: usize,
    harm: f64,
    size: f64,
}

/// The mixes near one.
pub(super) struct Near<'a> {
    mix: &'a [Option<usize>],
    moves: Vec<Move>,
    changes: Vec<Change>,
}

impl<'a> Near<'a> {
    /// `items` say what each way to store a layer takes and harms; only mixes within `limit` count.
    /// In order of the sum of harms, then of size.
    pub fn new(items: &[Vec<Item>], mix: &'a [Option<usize>], limit: u64) -> Self {
        let size = size_of(items, mix) as f64;
        let mut moves = Vec::new();
        for (layer_idx, (items, &choice)) in items.iter().zip(mix).enumerate() {
            let Some(now) = find(items, choice) else { continue };
            moves.extend(items.iter().filter(|item| item.choice != choice).map(|item| Move {
                layer_idx,
                choice: item.choice,
                size: item.size as f64 - now.size as f64,
                harm: item.harm - now.harm,
            }));
        }
        let mut near = Self { mix, moves, changes: Vec::new() };
        let empty = Change { moves: [0; 3], n_moves: 0, harm: 0.0, size };
        near.add(empty, 0, limit as f64);
        near.changes.sort_by(|a, b| a.harm.total_cmp(&b.harm).then(a.size.total_cmp(&b.size)));
        near
    }

    /// Adds `change` with one more move of a later layer, and what goes on from there.
    fn add(&mut self, change: Change, from: usize, limit: f64) {
        let n_most = match self.moves.len() {
            n if n <= MAX_TRIPLED => 3,
            n if n <= MAX_PAIRED => 2,
            _ => 1,
        };
        if change.n_moves >= n_most {
            return;
        }
        let last = change.n_moves.checked_sub(1).and_then(|nth| change.moves.get(nth)).copied();
        let last_layer = last.and_then(|idx| self.moves.get(idx)).map(|last| last.layer_idx);
        for idx in from..self.moves.len() {
            let next = self.moves[idx];
            if Some(next.layer_idx) == last_layer {
                continue;
            }
            let mut longer = change;
            longer.moves[change.n_moves] = idx;
            longer.n_moves += 1;
            longer.harm += next.harm;
            longer.size += next.size;
            if longer.size <= limit {
                self.changes.push(longer);
            }
            self.add(longer, idx + 1, limit);
        }
    }

    /// The mixes that differ in so many layers.
    pub fn mixes(&self, n_moves: std::ops::RangeInclusive<usize>) -> impl Iterator<Item = Mix> {
        let changes = self.changes.iter().filter(move |change| n_moves.contains(&change.n_moves));
        changes.map(|change| {
            let mut mix = self.mix.to_vec();
            let moves = change.moves.iter().take(change.n_moves);
            for changed in moves.filter_map(|&idx| self.moves.get(idx)) {
                if let Some(choice) = mix.get_mut(changed.layer_idx) {
                    *choice = changed.choice;
                }
            }
            mix
        })
    }
}

pub(super) fn find(items: &[Item], choice: Option<usize>) -> Option<&Item> {
    items.iter().find(|item| item.choice == choice)
}

/// What the layers of a mix take together.
pub(super) fn size_of(items: &[Vec<Item>], mix: &[Option<usize>]) -> u64 {
    let layers = items.iter().zip(mix);
    layers.filter_map(|(items, &choice)| find(items, choice)).map(|item| item.size).sum()
}

#[cfg(test)]
mod tests {
    use super::super::allocate::tests::{all, random_items};
    use super::*;

    #[test]
    fn those_near_by_are_all_that_differ_so_much_and_fit() {
        let items = random_items(5, 5);
        let mix: Mix = vec![Some(1), Some(0), Some(3), Some(2), Some(1)];
        let limit = size_of(&items, &mix);
        let near = Near::new(&items, &mix, limit);
        for n_moves in 1..=3 {
            let n_changed = |other: &Mix| other.iter().zip(&mix).filter(|(a, b)| a != b).count();
            let mut wanted: Vec<(f64, Mix)> = all(&items)
                .into_iter()
                .filter(|a| n_changed(&a.chosen) == n_moves && a.size <= limit)
                .map(|a| (a.harm, a.chosen))
                .collect();
            wanted.sort_by(|a, b| a.0.total_cmp(&b.0));
            let found: Vec<Mix> = near.mixes(n_moves..=n_moves).collect();
            assert_eq!(found.len(), wanted.len(), "{n_moves}");
            assert!(wanted.iter().all(|(_, mix)| found.contains(mix)), "{n_moves}");
            assert_eq!(found.first(), wanted.first().map(|(_, mix)| mix), "{n_moves}");
        }
    }
}
