//! A mix of bit widths for a size or an accuracy: chosen exactly over the measured sensitivities,
//! checked by real runs on the samples they were measured on, repaired where layers interact (where
//! the mixes are few, every one is run), and explained. It never sees the samples that judge.

mod allocate;
mod explain;
mod request;
mod search;
mod trial;

pub use explain::{Step, Uniform};
pub use request::{Budget, ProposeError, ProposeRequest};
pub use trial::Trial;

use super::kept_runs::KeptRuns;
use super::runner::Runner;
use crate::base::WorkCtx;
use allocate::Front;
use request::Sizes;
use search::Search;
use trial::Trials;

/// The mix, what it is worth on the search samples, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Proposal {
    /// By layer: the candidate, or none to keep it float.
    pub chosen: Vec<Option<usize>>,
    pub trial: Trial,
    /// The best by the sum of measured sensitivities alone, before real runs changed it.
    pub first: Trial,
    /// What it is compared with: the best single candidate for all layers that fits as well.
    pub uniform: Option<Uniform>,
    /// From the uniform model to this one, layer by layer.
    pub steps: Vec<Step>,
    /// Mixes run in all.
    pub n_trials: usize,
    /// Whether the first choice is the best of all sums.
    pub is_exact: bool,
}

/// Finds the mix.
///
/// With a budget alone: the least divergence from the float model (mean KL) that fits. With a floor:
/// the smallest mix that reaches it, within the budget if there is one.
///
/// # Errors
/// [`ProposeError::TooSmall`] and [`ProposeError::OutOfReach`] with the nearest that is possible; a
/// model that cannot be run; cancelled.
pub fn propose(
    runner: &Runner,
    request: &ProposeRequest,
    ctx: &WorkCtx,
) -> Result<Proposal, ProposeError> {
    request.check()?;
    let sizes = Sizes::new(runner.network(), request);
    let items = sizes.items(request);
    let front = Front::new(&items);
    let limit = sizes.limit();
    let trials = Trials::new(runner, request, KeptRuns::default(), ctx);
    let mut search = Search { items: &items, front: &front, limit, trials, request };
    let first = front.within(limit).ok_or_else(|| sizes.too_small(front.smallest()))?;
    let (first, best) = match request.floor {
        None => {
            let first = search.trials.run(&first.chosen)?;
            let best = match search.best_of_all()? {
                Some(best) => best,
                None => search.repaired(first.clone())?,
            };
            (first, best)
        }
        Some(floor) => search.smallest_reaching(floor)?,
    };
    let uniform = explain::uniform(&mut search, best.size_of(&sizes))?;
    let steps = match &uniform {
        Some(uniform) => explain::steps(&mut search, &uniform.trial, &best)?,
        None => Vec::new(),
    };
    let n_trials = search.trials.n_run();
    let chosen = best.chosen.clone();
    Ok(Proposal { chosen, trial: best, first, uniform, steps, n_trials, is_exact: front.is_exact })
}
