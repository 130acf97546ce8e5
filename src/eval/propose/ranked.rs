//! The allocations that fit one after another, the least sum of harms first.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use super::allocate::{Allocation, Front, Item};

/// Gives every allocation within a size, in ascending order of harm.
///
/// Best-first over the layers: what a first part of the layers costs is at most bettered by the
/// least harm that the layers to come can have in the room that is left, which the front of those
/// layers tells. So the order is exact where that front is; of a thinned front it is nearly so.
/// Ties: the item that stands first in the earlier layer.
pub(super) struct Ranked<'a> {
    items: &'a [Vec<Item>],
    /// Of the layers from the last to the first.
    rest: &'a Front,
    limit: u64,
    open: BinaryHeap<Partial>,
}

/// The first layers.
#[derive(PartialEq)]
struct Partial {
    /// The least harm that the whole can have.
    bound: f64,
    size: u64,
    harm: f64,
    /// Places among the items of the layers.
    places: Vec<usize>,
}

impl Eq for Partial {}

impl PartialOrd for Partial {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Partial {
    /// The least bound is the greatest.
    fn cmp(&self, other: &Self) -> Ordering {
        other.bound.total_cmp(&self.bound).then_with(|| other.places.cmp(&self.places))
    }
}

impl<'a> Ranked<'a> {
    /// `rest` is the front of the same items with the layers in reverse.
    pub fn new(items: &'a [Vec<Item>], rest: &'a Front, limit: u64) -> Self {
        let bound = rest.least_harm(items.len(), limit);
        let start = bound.map(|bound| Partial { bound, size: 0, harm: 0.0, places: Vec::new() });
        Self { items, rest, limit, open: start.into_iter().collect() }
    }

    fn extend(&mut self, partial: &Partial, items: &[Item]) {
        let n_left = self.items.len() - partial.places.len() - 1;
        for (place, item) in items.iter().enumerate() {
            let size = partial.size.saturating_add(item.size);
            let harm = partial.harm + if item.harm.is_nan() { f64::INFINITY } else { item.harm };
            let room = self.limit.checked_sub(size);
            if let Some(rest) = room.and_then(|room| self.rest.least_harm(n_left, room)) {
                let places = partial.places.iter().copied().chain([place]).collect();
                self.open.push(Partial { bound: harm + rest, size, harm, places });
            }
        }
    }
}

impl Iterator for Ranked<'_> {
    type Item = Allocation;

    fn next(&mut self) -> Option<Allocation> {
        let items = self.items;
        loop {
            let best = self.open.pop()?;
            match items.get(best.places.len()) {
                Some(items) => self.extend(&best, items),
                None => {
                    let layers = items.iter().zip(&best.places);
                    let chosen = layers.map(|(items, &place)| items.get(place)?.choice).collect();
                    return Some(Allocation { chosen, size: best.size, harm: best.harm });
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::allocate::tests::{all, random_items};
    use super::*;

    #[test]
    fn the_order_is_that_of_all_sorted() {
        for seed in 0..10 {
            let items = random_items(seed, 5);
            let reversed: Vec<Vec<Item>> = items.iter().rev().cloned().collect();
            let rest = Front::new(&reversed);
            let mut sorted = all(&items);
            let most = sorted.iter().map(|a| a.size).max().unwrap();
            sorted.retain(|allocation| allocation.size <= most / 2);
            let found: Vec<Allocation> = Ranked::new(&items, &rest, most / 2).collect();
            assert_eq!(found.len(), sorted.len(), "{seed}");
            let mut wanted: Vec<f64> = sorted.iter().map(|a| a.harm).collect();
            wanted.sort_by(f64::total_cmp);
            for (found, wanted) in found.iter().zip(&wanted) {
                assert!((found.harm - wanted).abs() < 1e-9, "{seed}");
                assert!(sorted.iter().any(|a| a.chosen == found.chosen && a.size == found.size));
            }
        }
    }

    #[test]
    fn nothing_fits_into_too_little() {
        let items = random_items(1, 3);
        let reversed: Vec<Vec<Item>> = items.iter().rev().cloned().collect();
        assert!(Ranked::new(&items, &Front::new(&reversed), 0).next().is_none());
        assert_eq!(Ranked::new(&[], &Front::new(&[]), 0).count(), 1);
    }
}
