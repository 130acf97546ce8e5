//! Which candidate for which layer: the allocations that no other beats in size and harm at once,
//! taking the harm of a model as the sum of its layers' harms.

/// One way to store a layer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Item {
    /// The candidate; `None` keeps the layer float.
    pub choice: Option<usize>,
    pub size: u64,
    /// NaN counts as infinite.
    pub harm: f64,
}

/// A candidate for every layer.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Allocation {
    pub chosen: Vec<Option<usize>>,
    pub size: u64,
    pub harm: f64,
}

/// The allocations that no other beats.
pub(super) struct Front {
    layers: Vec<Vec<State>>,
    /// Whether nothing was left out.
    pub is_exact: bool,
}

/// The first layers up to one, stored one way.
#[derive(Clone, Copy)]
struct State {
    size: u64,
    harm: f64,
    choice: Option<usize>,
    /// Its place among the states of the layer before.
    before: usize,
}

/// States of a layer beyond which they are thinned.
const MAX_STATES: usize = 1 << 16;

impl Front {
    /// Dynamic programming over the layers: of the states of the first `k` layers those are kept
    /// that are smaller than every one with less harm. What is left out could not be part of a
    /// better whole, since sizes and harms add up, so the front is exact, unless it grows beyond
    /// 65 536 states: then the best of every interval of sizes stays.
    ///
    /// Ties: the allocation found first, in the order of the items. A layer without items makes
    /// the front empty.
    pub fn new(items: &[Vec<Item>]) -> Self {
        Self::with_limit(items, MAX_STATES)
    }

    /// The same with fewer states.
    pub fn with_limit(items: &[Vec<Item>], max_states: usize) -> Self {
        let mut layers: Vec<Vec<State>> = Vec::with_capacity(items.len());
        let start = [State { size: 0, harm: 0.0, choice: None, before: 0 }];
        let mut is_exact = true;
        for items in items {
            let states = layers.last().map_or(start.as_slice(), Vec::as_slice);
            let mut next = Vec::with_capacity(states.len() * items.len());
            for (before, state) in states.iter().enumerate() {
                next.extend(items.iter().map(|item| State {
                    size: state.size.saturating_add(item.size),
                    harm: state.harm + if item.harm.is_nan() { f64::INFINITY } else { item.harm },
                    choice: item.choice,
                    before,
                }));
            }
            next.sort_by(|a, b| a.size.cmp(&b.size).then(a.harm.total_cmp(&b.harm)));
            let mut least: Option<f64> = None;
            next.retain(|state| {
                let is_better = least.is_none_or(|least| state.harm < least);
                least = if is_better { Some(state.harm) } else { least };
                is_better
            });
            if next.len() > max_states {
                is_exact = false;
                next = thinned(&next, max_states);
            }
            layers.push(next);
        }
        Self { layers, is_exact }
    }

    /// Number of allocations.
    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.layers.last().map_or(0, Vec::len)
    }

    /// The smallest size there is.
    pub fn smallest(&self) -> Option<u64> {
        Some(self.layers.last()?.first()?.size)
    }

    /// Number of allocations that are not larger.
    pub fn n_within(&self, size: u64) -> usize {
        let states = self.layers.last().map(Vec::as_slice).unwrap_or_default();
        states.partition_point(|state| state.size <= size)
    }

    /// The allocation of least harm that is not larger.
    pub fn within(&self, size: u64) -> Option<Allocation> {
        self.get(self.n_within(size).checked_sub(1)?)
    }

    /// The least harm that the first layers can have within a size; `None` where they do not fit.
    pub fn least_harm(&self, n_layers: usize, size: u64) -> Option<f64> {
        let Some(last) = n_layers.checked_sub(1) else { return Some(0.0) };
        let states = self.layers.get(last)?;
        let n_fit = states.partition_point(|state| state.size <= size);
        states.get(n_fit.checked_sub(1)?).map(|state| state.harm)
    }

    /// Allocations ascend in size and descend in harm.
    pub fn get(&self, idx: usize) -> Option<Allocation> {
        let last = self.layers.last()?.get(idx)?;
        let mut chosen = Vec::with_capacity(self.layers.len());
        let mut place = idx;
        for states in self.layers.iter().rev() {
            let state = states.get(place)?;
            chosen.push(state.choice);
            place = state.before;
        }
        chosen.reverse();
        Some(Allocation { chosen, size: last.size, harm: last.harm })
    }
}

/// The last, which has the least harm, of every interval of sizes, and the smallest of all.
fn thinned(states: &[State], max_states: usize) -> Vec<State> {
    let (Some(first), Some(last)) = (states.first(), states.last()) else { return Vec::new() };
    let width = ((last.size - first.size) / (max_states.max(2) as u64 - 1)).max(1);
    let interval = |state: &State| (state.size - first.size) / width;
    let is_kept = |idx: usize| {
        idx == 0 || states.get(idx + 1).is_none_or(|next| interval(next) != interval(&states[idx]))
    };
    (0..states.len()).filter(|&idx| is_kept(idx)).map(|idx| states[idx]).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use rand::RngExt;

    use super::*;
    use crate::base::seeded;

    /// Every allocation, obviously.
    pub fn all(items: &[Vec<Item>]) -> Vec<Allocation> {
        let none = vec![Allocation { chosen: Vec::new(), size: 0, harm: 0.0 }];
        items.iter().fold(none, |found, items| {
            let with = |a: &Allocation| -> Vec<Allocation> {
                let add = |item: &Item| Allocation {
                    chosen: a.chosen.iter().copied().chain([item.choice]).collect(),
                    size: a.size + item.size,
                    harm: a.harm + item.harm,
                };
                items.iter().map(add).collect()
            };
            found.iter().flat_map(with).collect()
        })
    }

    pub fn random_items(seed: u64, n_layers: usize) -> Vec<Vec<Item>> {
        let mut random = seeded(seed);
        (0..n_layers)
            .map(|_| {
                let n_weights = random.random_range(1..40);
                let item = |choice: usize| Item {
                    choice: Some(choice),
                    size: n_weights * (choice as u64 + 2),
                    harm: random.random_range(0..1000) as f64 / 64.0 / (choice + 1) as f64,
                };
                (0..4).map(item).collect()
            })
            .collect()
    }

    #[test]
    fn the_front_is_that_of_an_exhaustive_search() {
        for seed in 0..20 {
            let items = random_items(seed, 5);
            let (front, all) = (Front::new(&items), all(&items));
            assert!(front.is_exact);
            assert_eq!(front.smallest(), all.iter().map(|a| a.size).min());
            for size in 0..=all.iter().map(|a| a.size).max().unwrap() {
                let fitting = all.iter().filter(|a| a.size <= size).map(|a| a.harm);
                let wanted = fitting.min_by(f64::total_cmp);
                let found = front.within(size);
                assert_eq!(found.as_ref().map(|a| a.harm), wanted, "{seed} {size}");
                if let Some(found) = found {
                    assert!(all.contains(&found) && found.size <= size);
                }
            }
        }
    }

    #[test]
    fn a_thinned_front_says_so_and_still_fits() {
        let items = random_items(3, 12);
        let (whole, thin) = (Front::new(&items), Front::with_limit(&items, 40));
        assert!(whole.is_exact && !thin.is_exact && thin.len() <= 41);
        assert_eq!(whole.smallest(), thin.smallest());
        for idx in (0..whole.len()).step_by(50) {
            let best = whole.get(idx).unwrap();
            let found = thin.within(best.size).unwrap();
            assert!(found.size <= best.size && found.harm >= best.harm);
        }
    }

    #[test]
    fn edges() {
        let item = |harm| Item { choice: Some(0), size: 3, harm };
        assert_eq!(Front::new(&[]).within(9), None);
        assert_eq!(Front::new(&[vec![item(1.0)], Vec::new()]).within(9), None);
        assert_eq!(Front::new(&[vec![item(f64::NAN)]]).get(0).unwrap().harm, f64::INFINITY);
        assert_eq!(Front::new(&[vec![item(1.0)]]).within(2), None);
    }
}
