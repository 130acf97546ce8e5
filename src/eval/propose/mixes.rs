//! Many mixes over the same samples. Chunk by chunk those that begin alike follow each other, so
//! that each starts at the first layer in which it differs from the one before; what is kept is one
//! chunk's values for each thread. The figures are those of every mix run by itself.

use crate::base::WorkCtx;
use crate::eval::ordered::Ordered;
use crate::eval::runner::{EvalError, Runner};
use crate::eval::sensitivity::{CandidateWeights, Tally};
use crate::exec::{Checkpoint, Constants, NoHook, Start};
use crate::model::Layer;

/// By layer: the candidate, or none to keep it float.
pub(super) type Mix = Vec<Option<usize>>;

/// What a mix is worth against the float model.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Score {
    pub tally: Tally,
    /// Samples of the critical class, and those of them that are right.
    pub n_critical: usize,
    pub n_critical_right: usize,
}

impl Score {
    /// Mean KL in nats a prediction; a NaN is worse than anything.
    pub fn divergence(&self) -> f64 {
        let mean = self.tally.kl().value;
        if mean.is_nan() { f64::INFINITY } else { mean }
    }

    /// Share of the critical class that is right; NaN without samples of it.
    pub fn critical_recall(&self) -> f64 {
        self.n_critical_right as f64 / self.n_critical as f64
    }

    fn merge(&mut self, later: &Self) {
        self.tally.merge(&later.tally);
        self.n_critical += later.n_critical;
        self.n_critical_right += later.n_critical_right;
    }
}

/// What each of many mixes changes against the float model, on the first samples of the runner's
/// order, all if `limit` is `None`. A mix has a candidate for every layer, or none to keep it float.
///
/// The figures are those of every mix run by itself; sums are by chunk, in order.
///
/// # Errors
/// A node that cannot run; cancelled.
pub fn compare_mixes(
    runner: &Runner,
    (weights, mixes): (&CandidateWeights, &[Vec<Option<usize>>]),
    limit: Option<usize>,
    ctx: &WorkCtx,
) -> Result<Vec<Tally>, EvalError> {
    let scores = MixRunner::new(runner, weights, None)?.run(mixes, limit, ctx)?;
    Ok(scores.iter().map(|score| score.tally).collect())
}

/// Mixes of the same candidates, ready to run.
pub(super) struct MixRunner<'a> {
    runner: &'a Runner,
    weights: &'a CandidateWeights,
    /// By layer, by candidate: the model with that layer alone quantized. Empty where the weights
    /// as operators want them would take too much memory.
    alone: Vec<Vec<Option<Constants>>>,
    /// Layers in the order that a run comes to them.
    order: Vec<usize>,
    critical: Option<usize>,
}

/// The most bytes that weights made ready for operators may take.
const MAX_PREPARED_BYTES: usize = 1 << 30;

/// Mixes whose tables of constants are held at once.
const MAX_AT_ONCE: usize = 2048;

/// A mix at its place among others.
struct Leg {
    constants: Constants,
    /// The first step that differs from the mix before.
    start: usize,
    /// Steps from which later mixes go on, ascending.
    cuts: Vec<usize>,
}

impl<'a> MixRunner<'a> {
    /// `critical` is the class whose recall is counted as well.
    ///
    /// # Errors
    /// A node over constants that fails.
    pub fn new(
        runner: &'a Runner,
        weights: &'a CandidateWeights,
        critical: Option<usize>,
    ) -> Result<Self, EvalError> {
        let network = runner.network();
        let n_layers = weights.layers.len();
        let of_layer = |idx: &usize| network.layers.get(*idx);
        let n_weights: usize = weights.layers.iter().filter_map(of_layer).map(Layer::count).sum();
        let n_bytes = n_weights.saturating_mul(2 * size_of::<f32>() * weights.choices.len());
        let alone = |layer_idx: usize, choice: usize| {
            let mut mix = vec![None; n_layers];
            if let Some(place) = mix.get_mut(layer_idx) {
                *place = weights.get(layer_idx, choice).map(|_| choice);
            }
            if mix.iter().all(Option::is_none) {
                return Ok(None);
            }
            runner.constants(&weights.overlay(network, &mix)).map(Some)
        };
        let of_layer =
            |layer_idx| (0..weights.choices.len()).map(|c| alone(layer_idx, c)).collect();
        let alone = match n_bytes <= MAX_PREPARED_BYTES {
            true => (0..n_layers).map(of_layer).collect::<Result<_, _>>()?,
            false => Vec::new(),
        };
        let step = |layer_idx: &usize| {
            let layer = weights.layers.get(*layer_idx).and_then(|idx| network.layers.get(*idx));
            layer.map_or(usize::MAX, |layer| runner.plan().first_step_of(&layer.weight))
        };
        let mut order: Vec<usize> = (0..n_layers).collect();
        order.sort_by_key(step);
        Ok(Self { runner, weights, alone, order, critical })
    }

    /// What each mix is worth on the first samples of the runner's order, all if `limit` is `None`;
    /// progress is in samples times mixes.
    ///
    /// # Errors
    /// A node that cannot run; cancelled.
    pub fn run(
        &self,
        mixes: &[Mix],
        limit: Option<usize>,
        ctx: &WorkCtx,
    ) -> Result<Vec<Score>, EvalError> {
        let mut places: Vec<usize> = (0..mixes.len()).collect();
        let key = |place: &usize| -> Vec<Option<usize>> {
            let mix = mixes.get(*place).map(Vec::as_slice).unwrap_or_default();
            self.order.iter().map(|layer| mix.get(*layer).copied().flatten()).collect()
        };
        places.sort_by_cached_key(key);
        let chunks = self.runner.chunks(limit);
        let mut scores = vec![Score::default(); mixes.len()];
        for places in places.chunks(MAX_AT_ONCE) {
            let constants = places.iter().filter_map(|place| mixes.get(*place));
            let constants = constants.map(|mix| self.constants(mix)).collect::<Result<_, _>>()?;
            let legs = self.legs(constants);
            let units_per_sample = places.len() as u64;
            let ordered =
                Ordered { chunks: &chunks, pool: self.runner.pool(), ctx, units_per_sample };
            let take = |found: Vec<Score>| {
                for (place, found) in places.iter().zip(&found) {
                    if let Some(score) = scores.get_mut(*place) {
                        score.merge(found);
                    }
                }
            };
            ordered.run(&|chunk| self.run_chunk(&legs, chunk, ctx), take)?;
        }
        Ok(scores)
    }

    fn constants(&self, mix: &[Option<usize>]) -> Result<Constants, EvalError> {
        let of_layer = |(layer_idx, choice): (usize, &Option<usize>)| {
            self.alone.get(layer_idx)?.get((*choice)?)?.as_ref()
        };
        let parts: Vec<&Constants> = mix.iter().enumerate().filter_map(of_layer).collect();
        let n_quantized = mix.iter().flatten().count();
        match self.runner.plan().joined(&parts).filter(|_| parts.len() == n_quantized) {
            Some(joined) => Ok(joined),
            None => self.runner.constants(&self.weights.overlay(self.runner.network(), mix)),
        }
    }

    fn legs(&self, constants: Vec<Constants>) -> Vec<Leg> {
        let plan = self.runner.plan();
        let pairs = constants.windows(2).map(|pair| match pair {
            [before, after] => plan.first_difference(before, after),
            _ => 0,
        });
        let starts: Vec<usize> = std::iter::once(0).chain(pairs).collect();
        let cuts = |idx: usize, start: usize| {
            // Those after it that still begin as it does, as far as each goes.
            let mut reach = usize::MAX;
            let mut cuts: Vec<usize> = Vec::new();
            for &later in starts.iter().skip(idx + 1).take_while(|&&later| later > start) {
                if later < reach {
                    reach = later;
                    cuts.push(later);
                }
            }
            cuts.reverse();
            cuts
        };
        let legs = constants.into_iter().zip(&starts).enumerate();
        legs.map(|(idx, (constants, &start))| Leg { constants, start, cuts: cuts(idx, start) })
            .collect()
    }

    fn run_chunk(
        &self,
        legs: &[Leg],
        chunk: &[usize],
        ctx: &WorkCtx,
    ) -> Result<Vec<Score>, EvalError> {
        let plan = self.runner.plan();
        let inputs = self.runner.batch(chunk);
        let float = plan.run(self.runner.float(), vec![inputs.clone()], &NoHook)?;
        let float = self.runner.readings(chunk, float)?;
        let labels = self.runner.samples().labels.as_deref().unwrap_or_default();
        let is_critical = |sample_idx: &usize| {
            self.critical.is_some() && labels.get(*sample_idx).copied() == self.critical
        };
        let mut kept: Vec<Checkpoint> = Vec::new();
        let mut scores = Vec::with_capacity(legs.len());
        for leg in legs {
            ctx.check()?;
            while let Some(last) = kept.pop_if(|last| last.step_idx() > leg.start) {
                last.recycle();
            }
            let start = match kept.last() {
                Some(last) => Start::Checkpoint(last),
                None => Start::Inputs(vec![inputs.clone()]),
            };
            let ran = plan.run_from(&leg.constants, start, &NoHook, &leg.cuts)?;
            kept.extend(ran.checkpoints);
            let readings = self.runner.readings(chunk, ran.outputs)?;
            let mut score = Score::default();
            for ((before, after), sample_idx) in float.iter().zip(&readings).zip(chunk) {
                score.tally.add(before, after);
                if is_critical(sample_idx) {
                    score.n_critical += 1;
                    score.n_critical_right += usize::from(after.outcome.n_right > 0);
                }
            }
            scores.push(score);
        }
        Ok(scores)
    }
}
