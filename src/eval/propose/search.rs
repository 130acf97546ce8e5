//! From the best sum of sensitivities to the best model: real runs of mixes near by.

use super::allocate::{Front, Item};
use super::request::{ProposeError, ProposeRequest};
use super::trial::{Trial, Trials};

/// What is searched, and where.
pub(super) struct Search<'a> {
    pub items: &'a [Vec<Item>],
    pub front: &'a Front,
    /// What the layers may take, in the unit of the budget.
    pub limit: u64,
    pub trials: Trials<'a>,
    pub request: &'a ProposeRequest<'a>,
}

/// Mixes near by that are run before giving up: those with the least sum of harms first.
const N_NEAR: usize = 32;

/// Times that a better mix is gone on from.
const MAX_ROUNDS: usize = 12;

/// Where there are no more mixes, every one that fits is run.
const MAX_RUN_ALL: usize = 1024;

/// A mix near another one.
struct Near {
    chosen: Vec<Option<usize>>,
    size: u64,
    harm: f64,
}

impl Search<'_> {
    /// The mix of least divergence, by running all that fit; `None` where they are too many.
    pub fn best_of_all(&mut self) -> Result<Option<Trial>, ProposeError> {
        let n_mixes = self.items.iter().try_fold(1usize, |n, items| n.checked_mul(items.len()));
        let Some(n_mixes) = n_mixes.filter(|&n_mixes| n_mixes <= MAX_RUN_ALL) else {
            return Ok(None);
        };
        let mut best: Option<Trial> = None;
        for mix_idx in 0..n_mixes {
            let chosen = self.nth_mix(mix_idx);
            if self.size_of(&chosen) > self.limit {
                continue;
            }
            let trial = self.trials.run(&chosen)?;
            let is_better = best.as_ref().is_none_or(|best| {
                trial.kl_mean < best.kl_mean || (best.kl_mean.is_nan() && !trial.kl_mean.is_nan())
            });
            if is_better {
                best = Some(trial);
            }
        }
        Ok(best)
    }

    fn nth_mix(&self, mix_idx: usize) -> Vec<Option<usize>> {
        let mut rest = mix_idx;
        let layers = self.items.iter().map(|items| {
            let item = items.get(rest % items.len().max(1));
            rest /= items.len().max(1);
            item.and_then(|item| item.choice)
        });
        layers.collect()
    }

    /// Goes on to a mix near by as long as a real run shows less divergence. Layers interact: the
    /// sum of what each costs alone is not what they cost together.
    pub fn repaired(&mut self, first: Trial) -> Result<Trial, ProposeError> {
        let mut best = first;
        for _ in 0..MAX_ROUNDS {
            let mut near = self.near(&best.chosen, self.limit);
            near.truncate(N_NEAR);
            let mut found: Option<Trial> = None;
            for near in near {
                let trial = self.trials.run(&near.chosen)?;
                let least = found.as_ref().map_or(best.kl_mean, |found| found.kl_mean);
                if trial.kl_mean < least || (least.is_nan() && !trial.kl_mean.is_nan()) {
                    found = Some(trial);
                }
            }
            match found {
                Some(found) => best = found,
                None => break,
            }
        }
        Ok(best)
    }

    /// The first mix of the front that reaches the floor, and what is smaller near by and still
    /// does.
    pub fn smallest_reaching(&mut self, floor: f64) -> Result<(Trial, Trial), ProposeError> {
        let reaches =
            |search: &Self, trial: &Trial| search.request.reaches(trial.value.value, floor);
        let fits = |search: &Self, idx: usize| {
            search.front.get(idx).is_some_and(|allocation| allocation.size <= search.limit)
        };
        let n_fit = (0..self.front.len()).take_while(|&idx| fits(self, idx)).count();
        // More bits are taken to be better here; what is found is run all the same.
        let (mut lo, mut hi) = (0, n_fit);
        let mut found: Option<Trial> = None;
        while lo < hi {
            let middle = (lo + hi) / 2;
            let Some(allocation) = self.front.get(middle) else { break };
            let trial = self.trials.run(&allocation.chosen)?;
            if reaches(self, &trial) {
                hi = middle;
                found = Some(trial);
            } else {
                lo = middle + 1;
            }
        }
        let Some(first) = found else {
            let largest = self.front.within(self.limit).map(|allocation| allocation.chosen);
            let largest = self.trials.run(&largest.unwrap_or_default())?;
            let nearest = self.repaired(largest)?;
            if reaches(self, &nearest) {
                return Ok((nearest.clone(), nearest));
            }
            return Err(ProposeError::OutOfReach {
                wanted: self.request.value_text(floor),
                nearest: self.request.value_text(nearest.value.value),
            });
        };
        let best = self.shrunk(first.clone(), |search, trial| reaches(search, trial))?;
        Ok((first, best))
    }

    fn shrunk(
        &mut self,
        first: Trial,
        reaches: impl Fn(&Self, &Trial) -> bool,
    ) -> Result<Trial, ProposeError> {
        let mut best = first;
        for _ in 0..MAX_ROUNDS {
            let size = self.size_of(&best.chosen);
            let mut near = self.near(&best.chosen, size.saturating_sub(1));
            near.truncate(N_NEAR);
            let mut found: Option<(u64, Trial)> = None;
            for near in near {
                let trial = self.trials.run(&near.chosen)?;
                let is_smaller = found.as_ref().is_none_or(|(size, _)| near.size < *size);
                if is_smaller && reaches(self, &trial) {
                    found = Some((near.size, trial));
                }
            }
            match found {
                Some((_, trial)) => best = trial,
                None => break,
            }
        }
        Ok(best)
    }

    pub fn size_of(&self, chosen: &[Option<usize>]) -> u64 {
        self.sum(chosen, |item| item.size as f64) as u64
    }

    fn sum(&self, chosen: &[Option<usize>], of: impl Fn(&Item) -> f64) -> f64 {
        let layers = self.items.iter().zip(chosen);
        let items = layers.filter_map(|(items, &choice)| find(items, choice));
        items.map(of).sum()
    }

    /// One layer changed, or two, so that the whole fits; those of the least sum of harms first.
    fn near(&self, chosen: &[Option<usize>], limit: u64) -> Vec<Near> {
        let size = self.sum(chosen, |item| item.size as f64);
        let harm = self.sum(chosen, |item| item.harm);
        let mut moves: Vec<(usize, Item, f64, f64)> = Vec::new();
        for (layer_idx, (items, &choice)) in self.items.iter().zip(chosen).enumerate() {
            let Some(now) = find(items, choice) else { continue };
            for item in items.iter().filter(|item| item.choice != choice) {
                let by_size = item.size as f64 - now.size as f64;
                moves.push((layer_idx, *item, by_size, item.harm - now.harm));
            }
        }
        let mut near = Vec::new();
        let mut add = |moves: &[&(usize, Item, f64, f64)]| {
            let size = size + moves.iter().map(|m| m.2).sum::<f64>();
            let harm = harm + moves.iter().map(|m| m.3).sum::<f64>();
            if size <= limit as f64 {
                let mut chosen = chosen.to_vec();
                moves.iter().for_each(|m| chosen[m.0] = m.1.choice);
                near.push(Near { chosen, size: size as u64, harm });
            }
        };
        for (idx, first) in moves.iter().enumerate() {
            add(&[first]);
            // In a deep network the pairs are too many; a layer alone then has to do.
            if moves.len() <= MAX_PAIRED_MOVES {
                let others = moves.iter().skip(idx + 1).filter(|second| second.0 != first.0);
                others.for_each(|second| add(&[first, second]));
            }
        }
        near.sort_by(|a, b| a.harm.total_cmp(&b.harm).then(a.size.cmp(&b.size)));
        near
    }
}

/// Changes of one layer beyond which no two are tried together.
const MAX_PAIRED_MOVES: usize = 600;

fn find(items: &[Item], choice: Option<usize>) -> Option<&Item> {
    items.iter().find(|item| item.choice == choice)
}
