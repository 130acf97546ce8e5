//! From sums of harms to the best model: real runs of mixes, chosen by what the runs before have
//! shown.

use super::allocate::{Front, Item};
use super::mixes::{Mix, Score};
use super::near::{Near, find, size_of};
use super::ranked::Ranked;
use super::request::ProposeError;
use super::trial::Trials;

/// What is searched, and where.
pub(super) struct Search<'a> {
    /// By layer. The harm is that of the layer quantized alone.
    pub items: &'a [Vec<Item>],
    /// The same with the harm of the layer in a model that is quantized all over.
    pub in_context: &'a [Vec<Item>],
    pub trials: Trials<'a>,
    pub limits: RunLimits,
}

/// How much may be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RunLimits {
    /// Where there are no more mixes, every one that fits is run.
    pub run_all: usize,
    /// Mixes run in a search.
    pub max_runs: usize,
}

/// Mixes that are run before anything is known of how layers interact, of each way to sum harms.
const N_FIRST: usize = 8;

/// Mixes with one or two changes that are run around a mix.
const N_NEAR: usize = 32;

/// Mixes with three changes, and as many with any, that are run around a mix.
const N_FAR: usize = 16;

/// Times that a search for the best goes on from the next best mix when no better one is near.
pub(super) const N_STARTS: usize = 7;

/// The most states of a front that is made anew for every mix.
const MAX_STATES: usize = 1 << 12;

impl Search<'_> {
    /// The mix of least divergence within the limit that was found; `None` where none fits.
    ///
    /// Every mix is run where they are few. Else layers are taken to act by themselves only around
    /// a mix: every change of one layer is run in its midst, and by the sums of what they change
    /// the best with one, two, three and any number of changes are run. The search goes on from the
    /// best of all, and from the next best when that shows nothing better.
    ///
    /// `n_starts`: how often it goes on from what is not the best.
    pub fn best_within(
        &mut self,
        limit: u64,
        n_starts: usize,
    ) -> Result<Option<Mix>, ProposeError> {
        if self.run_all(limit)? {
            return Ok(self.best_known(limit, |_| true));
        }
        let first = self.first_mixes(limit);
        self.trials.run_all(&first)?;
        let mut left: Vec<Mix> = Vec::new();
        let mut n_begun = 0;
        let mut best = self.best_known(limit, |_| true);
        while let Some(mix) = self.best_known(limit, |mix| !left.contains(mix)) {
            n_begun += usize::from(best.as_ref() != Some(&mix));
            if n_begun > n_starts || self.trials.n_run() >= self.limits.max_runs {
                break;
            }
            self.run_around(&mix, limit)?;
            left.push(mix);
            best = self.best_known(limit, |_| true);
        }
        Ok(best)
    }

    /// Runs every mix that fits, where there are few; says whether it did.
    pub fn run_all(&mut self, limit: u64) -> Result<bool, ProposeError> {
        let Some(fitting) = self.all_within(limit) else { return Ok(false) };
        self.trials.run_all(&fitting)?;
        Ok(true)
    }

    /// Every mix that fits; `None` where there are too many to run them all.
    fn all_within(&self, limit: u64) -> Option<Vec<Mix>> {
        let mixes = (0..self.n_mixes()?).map(|mix_idx| self.nth_mix(mix_idx));
        Some(mixes.filter(|mix| self.size_of(mix) <= limit).collect())
    }

    /// Mixes there are; `None` where they are too many to run them all.
    fn n_mixes(&self) -> Option<usize> {
        let n_mixes = self.items.iter().try_fold(1usize, |n, items| n.checked_mul(items.len()));
        n_mixes.filter(|&n_mixes| n_mixes <= self.limits.run_all)
    }

    pub fn is_exhaustive(&self) -> bool {
        self.n_mixes().is_some()
    }

    /// Mixes that will be run, at most.
    pub fn n_to_run(&self, limit: u64) -> usize {
        self.all_within(limit).map_or(self.limits.max_runs, |mixes| mixes.len())
    }

    fn nth_mix(&self, mix_idx: usize) -> Mix {
        let mut rest = mix_idx;
        let layers = self.items.iter().map(|items| {
            let item = items.get(rest % items.len().max(1));
            rest /= items.len().max(1);
            item.and_then(|item| item.choice)
        });
        layers.collect()
    }

    pub fn size_of(&self, mix: &[Option<usize>]) -> u64 {
        size_of(self.items, mix)
    }

    /// Of the mixes that were run and fit, the one of least divergence; of equals the smaller, then
    /// the one with fewer bits in earlier layers.
    pub fn best_known(&self, limit: u64, is_meant: impl Fn(&Mix) -> bool) -> Option<Mix> {
        let known = self.trials.known().filter(|(mix, _)| is_meant(mix));
        let sized = known.map(|(mix, score)| (score.divergence(), self.size_of(mix), mix));
        let fitting = sized.filter(|(_, size, _)| *size <= limit);
        let best = fitting.min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        best.map(|(.., mix)| mix.clone())
    }

    /// The best by sums of harms, alone and in context and both together, and one candidate for all
    /// layers.
    fn first_mixes(&self, limit: u64) -> Vec<Mix> {
        let both = mean(self.items, self.in_context);
        let mut mixes: Vec<Mix> = Vec::new();
        for items in [self.items, self.in_context, both.as_slice()] {
            mixes.extend(ranked(items, limit, N_FIRST, |_| true));
        }
        let n_choices = self.items.iter().flatten().filter_map(|item| item.choice).max();
        for choice in 0..=n_choices.unwrap_or(0) {
            let of_layer = |items: &Vec<Item>| {
                let meant = find(items, Some(choice)).or(find(items, None));
                meant.map(|item| item.choice)
            };
            let uniform: Option<Mix> = self.items.iter().map(of_layer).collect();
            mixes.extend(uniform.filter(|mix| self.size_of(mix) <= limit));
        }
        mixes
    }

    /// Runs every change of one layer of a mix, then what these promise.
    fn run_around(&mut self, mix: &Mix, limit: u64) -> Result<(), ProposeError> {
        let items = self.measured_around(mix)?;
        let near = Near::new(&items, mix, limit);
        let is_new = |mix: &Mix| !self.trials.is_known(mix);
        let mut promising: Vec<Mix> = near.mixes(1..=2).filter(is_new).take(N_NEAR).collect();
        promising.extend(near.mixes(3..=3).filter(is_new).take(N_FAR));
        promising.extend(ranked(&items, limit, N_FAR, is_new));
        Ok(self.trials.run_all(&promising)?)
    }

    /// The items with the harm that each has in the midst of a mix: the divergence it adds to it.
    ///
    /// Where the changes of one layer are more than half of what may be run, only those to the next
    /// smaller and larger item are, and the others scaled alike.
    fn measured_around(&mut self, mix: &Mix) -> Result<Vec<Vec<Item>>, ProposeError> {
        let n_moves: usize = self.items.iter().map(|items| items.len().saturating_sub(1)).sum();
        let reach = if n_moves <= self.limits.max_runs / 2 { usize::MAX } else { 1 };
        let moved = |layer_idx: usize, choice: Option<usize>| {
            let mut moved = mix.clone();
            if let Some(place) = moved.get_mut(layer_idx) {
                *place = choice;
            }
            moved
        };
        let mut moves = Vec::new();
        for (layer_idx, (items, &choice)) in self.items.iter().zip(mix).enumerate() {
            let now = items.iter().position(|item| item.choice == choice).unwrap_or(0);
            let close = items.iter().enumerate().filter(|(idx, _)| idx.abs_diff(now) <= reach);
            moves.extend(close.map(|(_, item)| moved(layer_idx, item.choice)));
        }
        self.trials.run_all(&moves)?;
        let divergence = |mix: &Mix| self.trials.score(mix).map(Score::divergence);
        let base = divergence(mix).unwrap_or(f64::INFINITY);
        let of_layer = |(layer_idx, items): (usize, &Vec<Item>)| {
            let now = mix.get(layer_idx).and_then(|&choice| find(items, choice));
            let alone = |item: &Item| item.harm - now.map_or(0.0, |now| now.harm);
            let measured = |item: &Item| Some(divergence(&moved(layer_idx, item.choice))? - base);
            let known: Vec<(f64, f64)> =
                items.iter().filter_map(|item| Some((alone(item), measured(item)?))).collect();
            let scale = slope(&known);
            let with = |item: &Item| {
                let harm = measured(item).unwrap_or_else(|| scale * alone(item));
                Item { harm, ..*item }
            };
            items.iter().map(with).collect()
        };
        Ok(self.items.iter().enumerate().map(of_layer).collect())
    }
}

/// The least-squares slope of a line through zero; 1 where nothing tells.
fn slope(pairs: &[(f64, f64)]) -> f64 {
    let (xy, xx) = pairs.iter().fold((0.0, 0.0), |sum, (x, y)| (sum.0 + x * y, sum.1 + x * x));
    let slope = xy / xx;
    if slope.is_finite() && slope > 0.0 { slope } else { 1.0 }
}

/// The first mixes by sum of harms that are meant.
fn ranked(
    items: &[Vec<Item>],
    limit: u64,
    n_most: usize,
    is_meant: impl Fn(&Mix) -> bool,
) -> Vec<Mix> {
    let reversed: Vec<Vec<Item>> = items.iter().rev().cloned().collect();
    let rest = Front::with_limit(&reversed, MAX_STATES);
    // Those that are known already are not many times more.
    let ranked = Ranked::new(items, &rest, limit).take(MAX_RANKED).map(|found| found.chosen);
    ranked.filter(is_meant).take(n_most).collect()
}

/// Allocations that are looked at for some that were not run yet.
const MAX_RANKED: usize = 1 << 10;

/// The sum of both harms, each over its mean.
fn mean(a: &[Vec<Item>], b: &[Vec<Item>]) -> Vec<Vec<Item>> {
    let scale = |items: &[Vec<Item>]| {
        let harms = items.iter().flatten().map(|item| item.harm).filter(|harm| harm.is_finite());
        let (n, sum) = harms.fold((0.0, 0.0), |(n, sum), harm| (n + 1.0, sum + harm));
        if sum > 0.0 { n / sum } else { 1.0 }
    };
    let (of_a, of_b) = (scale(a), scale(b));
    let layer = |(a, b): (&Vec<Item>, &Vec<Item>)| {
        let both = |(a, b): (&Item, &Item)| Item { harm: a.harm * of_a + b.harm * of_b, ..*a };
        a.iter().zip(b).map(both).collect()
    };
    a.iter().zip(b).map(layer).collect()
}
