//! `kmeans`: the levels that Lloyd's iterations find, or the best there are.

use rand::RngExt;

use super::optimal;
use super::sorted::Sorted;
use super::{BITS, CODEBOOK_GROUP, CODEBOOK_PER, LevelChooser, bits_of, boxed, common, fit_own};
use crate::base::{WorkCtx, counted, seeded, significant, thousands};
use crate::quant::{
    ChoiceSpec, Condition, Family, FittedQuantizer, ParamKind, ParamSpec, Prominence, QuantError,
    QuantScheme, Settings,
};
use crate::tensor::ChannelMajor;

/// Levels by k-means, as in Deep Compression.
///
/// - Lloyd's iterations: weights go to the nearest level, a tie to the lower; each level becomes the
///   mean of its weights, in `f64`; one that has none stays. Of levels that coincide the first has the
///   weights up to them, the last those above. Until nothing moves, at most
///   [`MAX_ITERATIONS`] times. Levels are rounded to `f32` at the end.
/// - Cost: sorting the group, `n·log n`; an iteration takes `k·log n`. `optimal`: see
///   `optimal::levels`.
pub struct KMeans;

/// Lloyd's iterations at most.
pub const MAX_ITERATIONS: usize = 300;

const START: ParamSpec = ParamSpec {
    key: "start",
    label: "Start",
    help: "Where Lloyd's iterations start, which decides the minimum of Σ(x − level)² they end in (Han et al. 2016, arXiv:1510.00149, §3.2).",
    kind: ParamKind::Choice {
        choices: &[
            ChoiceSpec {
                key: "linear",
                label: "Linear",
                help: "min + (max − min)·i/(k − 1): evenly over the range, which serves the few large weights.",
            },
            ChoiceSpec {
                key: "density",
                label: "Density",
                help: "The weights of rank ⌊(i + ½)·n/k⌋: evenly over the shares, so that most levels are where most weights are.",
            },
            ChoiceSpec {
                key: "random",
                label: "Random",
                help: "k weights of different value drawn at random with the seed (Forgy).",
            },
            ChoiceSpec {
                key: "optimal",
                label: "Optimal",
                help: "No start: the levels with the smallest Σ(x − level)² there are, by dynamic programming over the sorted weights (Grønlund et al. 2017, arXiv:1701.07204); beyond 2²⁰ different values by their means in 2²⁰ cells, then Lloyd's iterations.",
            },
        ],
        default: "optimal",
    },
    relevant: &[],
    prominence: Prominence::Usual,
};

const SEED: ParamSpec = ParamSpec {
    key: "seed",
    label: "Seed",
    help: "Number that the draw of k weights depends on: the same seed gives the same levels (Forgy 1965).",
    kind: ParamKind::Int { min: 0, max: 999_999, default: 0 },
    relevant: &[Condition { key: "start", any_of: &["random"] }],
    prominence: Prominence::Usual,
};

static PARAMS: &[ParamSpec] =
    &[BITS, START, SEED, CODEBOOK_PER, CODEBOOK_GROUP, common::AXIS, common::NON_FINITE];

impl QuantScheme for KMeans {
    fn id(&self) -> &'static str {
        "kmeans"
    }

    fn name(&self) -> &'static str {
        "k-means"
    }

    fn family(&self) -> Family {
        Family::Codebook
    }

    fn summary(&self) -> &'static str {
        "Levels that are each the mean of the weights nearest to it: the 2^b levels with the least Σ(x − level)²."
    }

    fn source(&self) -> &'static str {
        "Han et al. 2016 (Deep Compression), arXiv:1510.00149; Lloyd 1982"
    }

    fn params(&self) -> &'static [ParamSpec] {
        PARAMS
    }

    fn fit(
        &self,
        weights: &ChannelMajor,
        settings: &Settings,
        ctx: &WorkCtx,
    ) -> Result<Box<dyn FittedQuantizer>, QuantError> {
        let clustering =
            Clustering { n_levels: 1 << bits_of(settings), start: Start::of_settings(settings) };
        let (mut fitted, told) = fit_own(weights, settings, &clustering, ctx)?;
        fitted.facts = facts(clustering.start, &told);
        Ok(boxed(fitted))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Start {
    Linear,
    Density,
    Random { seed: u64 },
    Optimal,
}

impl Start {
    fn of_settings(settings: &Settings) -> Self {
        match settings.choice("start") {
            "density" => Self::Density,
            "random" => Self::Random { seed: settings.int("seed").unwrap_or(0).max(0) as u64 },
            "optimal" => Self::Optimal,
            _ => Self::Linear,
        }
    }
}

struct Clustering {
    n_levels: usize,
    start: Start,
}

/// How the search for the levels of a group went.
struct Clustered {
    n_iterations: usize,
    /// Whether nothing moved any more.
    is_settled: bool,
    /// Whether there are no better levels.
    is_best: bool,
    /// `Σ(x − level)²`.
    objective: f64,
}

impl LevelChooser for Clustering {
    type Told = Clustered;

    fn choose(
        &self,
        group_idx: usize,
        group: &[f32],
        ctx: &WorkCtx,
    ) -> Result<(Vec<f32>, Clustered), QuantError> {
        let sorted = Sorted::new(group);
        let distinct = sorted.distinct(self.n_levels + 1);
        if distinct.len() <= self.n_levels {
            let told =
                Clustered { n_iterations: 0, is_settled: true, is_best: true, objective: 0.0 };
            return Ok((distinct, told));
        }
        let (mut levels, is_best) = match self.start {
            Start::Linear => (linear(&sorted, self.n_levels), false),
            Start::Density => (density(&sorted, self.n_levels), false),
            Start::Random { seed } => {
                (random(&sorted, self.n_levels, seed.wrapping_add((group_idx as u64) << 32)), false)
            }
            Start::Optimal => optimal::levels(sorted.values(), self.n_levels, ctx)?,
        };
        let (n_iterations, is_settled) = match is_best {
            true => (0, true),
            false => lloyd(&sorted, &mut levels, ctx)?,
        };
        let levels: Vec<f32> = levels.into_iter().map(|level| level as f32).collect();
        let objective = objective(sorted.values(), &levels);
        Ok((levels, Clustered { n_iterations, is_settled, is_best, objective }))
    }
}

fn linear(sorted: &Sorted, n_levels: usize) -> Vec<f64> {
    let (lo, hi) = (sorted.quantile(0.0), sorted.quantile(1.0));
    let step = |i: usize| lo + (hi - lo) * (i as f64 / (n_levels - 1) as f64);
    (0..n_levels).map(step).collect()
}

fn density(sorted: &Sorted, n_levels: usize) -> Vec<f64> {
    let values = sorted.values();
    let rank = |i: usize| (2 * i + 1) * values.len() / (2 * n_levels);
    (0..n_levels).filter_map(|i| values.get(rank(i))).map(|&x| f64::from(x)).collect()
}

/// Weights drawn until there are enough of different value; where few differ, the lowest that were
/// not drawn fill the rest.
fn random(sorted: &Sorted, n_levels: usize, seed: u64) -> Vec<f64> {
    let values = sorted.values();
    let mut random = seeded(seed);
    let mut drawn: Vec<f32> = Vec::with_capacity(n_levels);
    for _ in 0..64 * n_levels {
        let x = values.get(random.random_range(0..values.len() as u64) as usize);
        if let Some(&x) = x.filter(|x| !drawn.contains(x)) {
            drawn.push(x);
        }
        if drawn.len() == n_levels {
            break;
        }
    }
    for x in sorted.distinct(n_levels) {
        if drawn.len() < n_levels && !drawn.contains(&x) {
            drawn.push(x);
        }
    }
    drawn.sort_by(f32::total_cmp);
    drawn.into_iter().map(f64::from).collect()
}

/// Lloyd's iterations; how many there were, and whether nothing moved in the last.
fn lloyd(sorted: &Sorted, levels: &mut [f64], ctx: &WorkCtx) -> Result<(usize, bool), QuantError> {
    let values = sorted.values();
    let mut bounds = Vec::new();
    for n_iterations in 0..MAX_ITERATIONS {
        ctx.check()?;
        let now = bounds_of(values, levels);
        if now == bounds {
            return Ok((n_iterations, true));
        }
        bounds = now;
        for (level, bounds) in levels.iter_mut().zip(bounds.windows(2)) {
            if let &[start, end] = bounds
                && start < end
            {
                *level = sorted.mean(start..end);
            }
        }
    }
    let is_settled = bounds_of(values, levels) == bounds;
    Ok((MAX_ITERATIONS, is_settled))
}

/// Where the weights of each level start, and where the last end.
fn bounds_of(values: &[f32], levels: &[f64]) -> Vec<usize> {
    let bound = |pair: &[f64]| match pair {
        [lo, hi] => values.partition_point(|&x| f64::from(x) <= (lo + hi) / 2.0),
        _ => 0,
    };
    let mut bounds = vec![0];
    bounds.extend(levels.windows(2).map(bound));
    bounds.push(values.len());
    bounds
}

fn objective(values: &[f32], levels: &[f32]) -> f64 {
    let levels: Vec<f64> = levels.iter().map(|&level| f64::from(level)).collect();
    let bounds = bounds_of(values, &levels);
    let runs = bounds.windows(2).map(|bounds| match bounds {
        &[start, end] => values.get(start..end).unwrap_or_default(),
        _ => &[],
    });
    let error = |run: &[f32], level: f64| -> f64 {
        run.iter().map(|&x| (f64::from(x) - level).powi(2)).sum()
    };
    runs.zip(levels).map(|(run, level)| error(run, level)).sum()
}

fn facts(start: Start, told: &[Clustered]) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    if let Start::Random { seed } = start {
        facts.push(("Seed", seed.to_string()));
    }
    let most = told.iter().map(|group| group.n_iterations).max().unwrap_or(0);
    let of = if told.len() > 1 { ", the most of any group" } else { "" };
    let n_moving = told.iter().filter(|group| !group.is_settled).count();
    let state = match n_moving {
        0 => "nothing moves any more".to_owned(),
        _ if told.len() == 1 => "levels still moved".to_owned(),
        n => format!("levels still moved in {}", counted(n, "group")),
    };
    facts.push(("Iterations", format!("{}{of}; {state}", thousands(most))));
    let objective: f64 = told.iter().map(|group| group.objective).sum();
    let best = match told.iter().all(|group| group.is_best) {
        true => ", the smallest there is",
        false => "",
    };
    facts.push(("Objective Σ(x − level)²", format!("{}{best}", significant(objective, 6))));
    facts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quant::SchemeChoice;
    use crate::tensor::Tensor;
    use ndarray::IxDyn;

    fn weights() -> ChannelMajor {
        let bell = |i: usize| (0..6).map(|k| ((i * 31 + k * 17) * 7919 % 997) as f32).sum::<f32>();
        ChannelMajor::new(&Tensor::from_shape_fn(IxDyn(&[4, 500]), |i| bell(i[0] * 500 + i[1])), 0)
    }

    fn fit(spec: &str) -> (f64, Vec<(&'static str, String)>) {
        let choice: SchemeChoice = spec.parse().unwrap();
        let weights = weights();
        let fitted = choice.scheme().fit(&weights, choice.settings(), &WorkCtx::new()).unwrap();
        let values = fitted.decode(&fitted.encode(&weights).unwrap());
        let error = |(&x, value): (&f32, f32)| f64::from(x - value).powi(2);
        (weights.data().iter().zip(values).map(error).sum(), fitted.facts())
    }

    #[test]
    fn no_start_is_better_than_the_best() {
        for bits in [1, 3, 4] {
            let (best, facts) = fit(&format!("kmeans:bits={bits},start=optimal"));
            assert!(facts.iter().any(|(_, text)| text.ends_with("the smallest there is")));
            for start in ["linear", "density", "random", "random,seed=7"] {
                let (found, _) = fit(&format!("kmeans:bits={bits},start={start}"));
                assert!(found >= best * (1.0 - 1e-6), "{start}: {found} below {best}");
                assert!(found < best * 1.5, "{start}: {found}, best {best}");
            }
        }
    }

    #[test]
    fn seeds_make_a_difference_and_are_told() {
        let (first, facts) = fit("kmeans:start=random,seed=1");
        assert!(facts.contains(&("Seed", "1".to_owned())), "{facts:?}");
        assert_eq!(first, fit("kmeans:start=random,seed=1").0);
        assert_ne!(first, fit("kmeans:start=random,seed=2").0);
    }
}
