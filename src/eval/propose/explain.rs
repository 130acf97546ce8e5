//! What a mix changes against the same bits everywhere, and what each change buys.

use super::mixes::Mix;
use super::request::ProposeError;
use super::search::Search;
use super::trial::Trial;

/// One candidate for all layers.
#[derive(Clone, Debug, PartialEq)]
pub struct Uniform {
    pub candidate_idx: usize,
    pub trial: Trial,
    /// Whether it is as small as was asked for.
    pub fits: bool,
}

/// One layer's change on the way from the uniform model to the mix.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    pub layer_idx: usize,
    pub from: Option<usize>,
    pub to: Option<usize>,
    /// The model with this and all earlier changes.
    pub trial: Trial,
}

/// The largest candidate for all layers that is within the budget, else within the size of the mix,
/// else the smallest there is.
pub(super) fn uniform(
    search: &mut Search,
    (limit, mix): (u64, &Mix),
) -> Result<Option<Uniform>, ProposeError> {
    let limit = if limit == u64::MAX { search.size_of(mix) } else { limit };
    let n_candidates = search.trials.request().sensitivity.columns.len();
    let all = |search: &Search, candidate_idx: usize| -> Option<Vec<Option<usize>>> {
        let choice = Some(candidate_idx);
        let layer = |items: &Vec<super::allocate::Item>| {
            // What has no choice stays as it is.
            if let [only] = items.as_slice() {
                return Some(only.choice);
            }
            items.iter().any(|item| item.choice == choice).then_some(choice)
        };
        search.items.iter().map(layer).collect()
    };
    let sized = (0..n_candidates).filter_map(|candidate_idx| {
        let chosen = all(search, candidate_idx)?;
        Some((search.size_of(&chosen), candidate_idx, chosen))
    });
    let sized: Vec<_> = sized.collect();
    let fitting = sized.iter().filter(|(size, ..)| *size <= limit).max_by_key(|(size, ..)| *size);
    let found = fitting.or_else(|| sized.iter().min_by_key(|(size, ..)| *size));
    let Some((size, candidate_idx, chosen)) = found else { return Ok(None) };
    let trial = search.trials.trial(chosen)?;
    Ok(Some(Uniform { candidate_idx: *candidate_idx, trial, fits: *size <= limit }))
}

/// The changes, what is won most by first; every model on the way is run.
pub(super) fn steps(
    search: &mut Search,
    uniform: &Trial,
    mix: &Mix,
) -> Result<Vec<Step>, ProposeError> {
    let harm = |layer_idx: usize, choice: Option<usize>| {
        let items = search.items.get(layer_idx);
        let item = items.and_then(|items| items.iter().find(|item| item.choice == choice));
        item.map_or(0.0, |item| item.harm)
    };
    let pairs = uniform.chosen.iter().zip(mix).enumerate();
    let mut changes: Vec<(usize, Option<usize>, Option<usize>)> = pairs
        .filter(|(_, (from, to))| from != to)
        .map(|(layer_idx, (&from, &to))| (layer_idx, from, to))
        .collect();
    changes.sort_by(|a, b| {
        let rise = |c: &(usize, Option<usize>, Option<usize>)| harm(c.0, c.2) - harm(c.0, c.1);
        rise(a).total_cmp(&rise(b)).then(a.0.cmp(&b.0))
    });
    let mut chosen = uniform.chosen.clone();
    let mut steps = Vec::with_capacity(changes.len());
    for (layer_idx, from, to) in changes {
        if let Some(place) = chosen.get_mut(layer_idx) {
            *place = to;
        }
        let trial = search.trials.trial(&chosen)?;
        steps.push(Step { layer_idx, from, to, trial });
    }
    Ok(steps)
}
