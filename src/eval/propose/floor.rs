//! The smallest mix that is good enough.

use super::allocate::Front;
use super::mixes::{Mix, Score};
use super::near::Near;
use super::request::ProposeError;
use super::search::{N_STARTS, Search};

/// Mixes near by that are run before giving up on a smaller one.
const N_NEAR: usize = 32;

/// Halvings of the range of sizes.
const MAX_HALVINGS: usize = 8;

impl Search<'_> {
    /// The smallest mix found that reaches the floors, after the first that the sums of harms led
    /// to.
    ///
    /// The front of sums is bisected for the first: more bits are taken to be better. Then the
    /// range of sizes below it is halved, each time with a search for the least divergence. At last
    /// what is smaller near by is tried. Every mix that counts was run.
    ///
    /// # Errors
    /// [`ProposeError::OutOfReach`] with the nearest that was found.
    pub fn smallest_reaching(
        &mut self,
        front: &Front,
        limit: u64,
    ) -> Result<(Mix, Mix), ProposeError> {
        let is_all_run = self.run_all(limit)?;
        let first = self.first_reaching(front, limit)?;
        if first.is_none() && !is_all_run {
            self.best_within(limit, N_STARTS)?;
        }
        let Some(found) = self.smallest_known(limit) else {
            return Err(self.out_of_reach(limit));
        };
        let first = first.unwrap_or_else(|| found.clone());
        if is_all_run {
            return Ok((first, found));
        }
        let mut low = front.smallest().unwrap_or(0);
        let mut best = found;
        for _ in 0..MAX_HALVINGS {
            let high = self.size_of(&best);
            let middle = low + high.saturating_sub(low) / 2;
            if middle <= low || self.trials.n_run() >= self.limits.max_runs {
                break;
            }
            self.best_within(middle, 0)?;
            match self.smallest_known(middle) {
                Some(smaller) => best = smaller,
                None => low = middle,
            }
        }
        Ok((first, self.shrunk(best)?))
    }

    /// Bisects the front within the limit.
    fn first_reaching(&mut self, front: &Front, limit: u64) -> Result<Option<Mix>, ProposeError> {
        let (mut lo, mut hi) = (0, front.n_within(limit));
        let mut found = None;
        while lo < hi {
            let middle = (lo + hi) / 2;
            let Some(allocation) = front.get(middle) else { break };
            let mix = allocation.chosen;
            self.trials.run_all(std::slice::from_ref(&mix))?;
            if self.trials.score(&mix).is_some_and(|score| self.trials.reaches(score)) {
                hi = middle;
                found = Some(mix);
            } else {
                lo = middle + 1;
            }
        }
        Ok(found)
    }

    /// Goes on to what is smaller near by as long as it reaches the floors.
    fn shrunk(&mut self, mix: Mix) -> Result<Mix, ProposeError> {
        let mut best = mix;
        loop {
            let limit = self.size_of(&best).saturating_sub(1);
            let near = Near::new(self.items, &best, limit);
            let is_new = |mix: &Mix| !self.trials.is_known(mix);
            let smaller: Vec<Mix> = near.mixes(1..=2).filter(is_new).take(N_NEAR).collect();
            self.trials.run_all(&smaller)?;
            match self.smallest_known(limit) {
                Some(smaller) => best = smaller,
                None => return Ok(best),
            }
        }
    }

    /// Of the mixes that were run, fit and reach the floors the smallest; of equals the one of less
    /// divergence.
    fn smallest_known(&self, limit: u64) -> Option<Mix> {
        let reaching = self.trials.known().filter(|(_, score)| self.trials.reaches(score));
        let sized = reaching.map(|(mix, score)| (self.size_of(mix), score.divergence(), mix));
        let fitting = sized.filter(|(size, ..)| *size <= limit);
        let best = fitting.min_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
        best.map(|(.., mix)| mix.clone())
    }

    fn out_of_reach(&self, limit: u64) -> ProposeError {
        let request = self.trials.request();
        let fitting = self.trials.known().filter(|(mix, _)| self.size_of(mix) <= limit);
        let lacking = |score: &Score| request.lacking(score);
        let nearest = fitting.min_by(|a, b| {
            let divergence = || a.1.divergence().total_cmp(&b.1.divergence());
            lacking(a.1).total_cmp(&lacking(b.1)).then_with(divergence)
        });
        ProposeError::OutOfReach {
            wanted: request.floors_text(),
            nearest: nearest
                .map_or_else(|| "none".to_owned(), |(_, score)| request.score_text(score)),
        }
    }
}
