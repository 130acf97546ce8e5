//! A mix of bit widths for a size, an energy or an accuracy: begun with sums of the measured
//! sensitivities, led on by real runs on the samples they were measured on (where the mixes are few,
//! every one is run), and explained. It never sees the samples that judge.

mod allocate;
mod explain;
mod floor;
mod mixes;
mod near;
mod ranked;
mod request;
mod search;
mod sizes;
mod trial;

pub use explain::{Step, Uniform};
pub use mixes::compare_mixes;
pub use request::{Budget, CriticalFloor, Effort, ProposeError, ProposeRequest};
pub use trial::Trial;

use super::cost::ModelCosts;
use super::runner::Runner;
use crate::base::WorkCtx;
use allocate::{Front, Item};
use search::{N_STARTS, RunLimits, Search};
use sizes::Sizes;
use trial::Trials;

/// The mix, what it is worth on the search samples, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Proposal {
    /// By layer: the candidate, or none to keep it float.
    pub chosen: Vec<Option<usize>>,
    pub trial: Trial,
    /// The best by the sum of measured sensitivities alone, before real runs changed it; with a
    /// floor the first of those that reaches it.
    pub first: Trial,
    /// What it is compared with: the best single candidate for all layers that fits as well.
    pub uniform: Option<Uniform>,
    /// From the uniform model to this one, layer by layer.
    pub steps: Vec<Step>,
    /// Mixes run in all.
    pub n_trials: usize,
    /// Whether the first choice is the best of all sums.
    pub is_exact: bool,
    /// Whether every mix that fits was run, so that no other is better on the search samples.
    pub is_exhaustive: bool,
}

/// Finds the mix.
///
/// With a budget alone: the least divergence from the float model (mean KL) that fits. With a floor
/// or two: the smallest mix that reaches them, within the budget if there is one; without a budget
/// smallest in bits. The same request finds the same mix.
///
/// # Errors
/// [`ProposeError::TooSmall`] and [`ProposeError::OutOfReach`] with the nearest that is possible; a
/// model that cannot be run; cancelled.
pub fn propose(
    runner: &Runner,
    request: &ProposeRequest,
    ctx: &WorkCtx,
) -> Result<Proposal, ProposeError> {
    request.check(runner)?;
    let costs = runner.costs();
    let costs = match request.budget {
        Some(Budget::Microjoules(_)) => Some(costs?),
        _ => costs.ok(),
    };
    let sizes = Sizes::new(runner.network(), request, costs.as_ref());
    let (items, limit) = (sizes.items(request), sizes.limit());
    let in_context = sizes::in_context(&items, request);
    let front = Front::new(&items);
    let first = front.within(limit).ok_or_else(|| sizes.too_small(front.smallest()))?;
    let limits = run_limits(runner, request, (&items, costs.as_ref()));
    let n_samples = runner.chunks(request.limit).iter().map(|chunk| chunk.len()).sum::<usize>();
    let trials = Trials::new(runner, request, costs.as_ref(), ctx)?;
    let mut search = Search { items: &items, in_context: &in_context, trials, limits };
    ctx.set_total((n_samples * search.n_to_run(limit)) as u64);
    let (first, best) = match request.has_floor() {
        true => search.smallest_reaching(&front, limit)?,
        false => {
            let best = search.best_within(limit, N_STARTS)?;
            (first.chosen.clone(), best.unwrap_or(first.chosen))
        }
    };
    let trial = search.trials.trial(&best)?;
    let first = search.trials.trial(&first)?;
    let uniform = explain::uniform(&mut search, (limit, &best))?;
    let steps = match &uniform {
        Some(uniform) => explain::steps(&mut search, &uniform.trial, &best)?,
        None => Vec::new(),
    };
    Ok(Proposal {
        chosen: best,
        trial,
        first,
        uniform,
        steps,
        n_trials: search.trials.n_run(),
        is_exact: front.is_exact,
        is_exhaustive: search.is_exhaustive(),
    })
}

/// Fewest and most mixes of a search.
const MIN_RUNS: usize = 400;
const MAX_RUNS: usize = 1500;

/// Multiply-accumulates that a search may take where it has more than the fewest runs.
const SEARCH_MACS: f64 = 2e12;

/// Every mix is run where they are no more than these, and take no more multiply-accumulates.
const MAX_RUN_ALL: usize = 60_000;
const RUN_ALL_MACS: f64 = 5e11;

/// How many mixes may be run. It depends on the model and the number of samples, not on how fast
/// the machine is, so that the same request finds the same mix everywhere.
fn run_limits(
    runner: &Runner,
    request: &ProposeRequest,
    (items, costs): (&[Vec<Item>], Option<&ModelCosts>),
) -> RunLimits {
    let n_mixes = items.iter().try_fold(1usize, |n, items| n.checked_mul(items.len()));
    let n_samples = runner.n_samples().min(request.limit.unwrap_or(usize::MAX));
    let macs = costs.map_or(f64::INFINITY, |costs| {
        let of_layers: f64 = costs.layers.iter().map(|layer| layer.macs).sum();
        let n_predictions = n_samples * runner.samples().predictions_per_sample();
        (of_layers + costs.other_macs) * n_predictions as f64
    });
    let max_runs = ((SEARCH_MACS / macs) as usize).clamp(MIN_RUNS, MAX_RUNS);
    let is_soon_done =
        |&n: &usize| n <= MIN_RUNS || (n <= MAX_RUN_ALL && n as f64 * macs <= RUN_ALL_MACS);
    match request.effort {
        Effort::Measured => {
            RunLimits { run_all: n_mixes.filter(is_soon_done).unwrap_or(0), max_runs }
        }
        Effort::Search(max_runs) => RunLimits { run_all: 0, max_runs },
        Effort::RunAll => RunLimits { run_all: usize::MAX, max_runs },
    }
}
