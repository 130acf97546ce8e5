//! The measurement: for one chunk of samples the float model with values kept before every layer,
//! then every layer under every candidate from there on; then every candidate on all layers with
//! values kept, and every layer back to float from there on. What is kept at once is one chunk's
//! values for each thread.

use std::time::{Duration, Instant};

use super::candidates::{CandidateWeights, LayerVariants, Variants, named_layers};
use super::curvature::{self, Curvature};
use super::tally::Tally;
use super::{Cell, Column, Sensitivity, WeightError};
use crate::base::WorkCtx;
use crate::eval::accuracy::Metric;
use crate::eval::fidelity::Reading;
use crate::eval::ordered::Ordered;
use crate::eval::runner::{EvalError, Runner};
use crate::eval::sweep::SweepError;
use crate::exec::{Checkpoint, Constants, NoHook, Start};
use crate::quant::SchemeChoice;
use crate::tensor::Value;

/// What to measure.
pub struct SensitivityRequest<'a> {
    pub candidates: &'a [SchemeChoice],
    /// Samples to run, in the runner's order; all if `None`.
    pub limit: Option<usize>,
    /// What is known already of this network on these samples: not measured again.
    pub known: Option<&'a Sensitivity>,
}

/// Between two partial figures, at least.
const PARTIAL_EVERY: Duration = Duration::from_millis(100);

/// Telling what is known so far may take this share of the time.
const TELL_SHARE: u32 = 16;

/// Measures every layer but embeddings under every candidate; `on_partial` hears of the first
/// samples now and then.
///
/// The figures are those of [`Runner::run`] with the recipe in question on the same samples, and
/// have the same bits for any number of threads.
///
/// # Errors
/// A tensor that cannot be read, a model that cannot be run; cancelled. Weights that a scheme
/// refuses are told of in their cell.
pub fn measure_sensitivity(
    runner: &Runner,
    request: &SensitivityRequest,
    ctx: &WorkCtx,
    mut on_partial: impl FnMut(&Sensitivity) + Send,
) -> Result<Sensitivity, SweepError> {
    let chunks = runner.chunks(request.limit);
    let mut found = Sensitivity {
        metric: Metric::of_set(runner.samples()),
        n_total: chunks.iter().map(|chunk| chunk.len()).sum(),
        layers: named_layers(runner.network()),
        columns: Vec::new(),
        curvature: Vec::new(),
        n_curvature_samples: 0,
    };
    let known = request.known.filter(|known| known.is_alike(&found));
    let of_known = |choice: &SchemeChoice| known?.column(choice).filter(|c| is_whole(c, &found));
    let taken: Vec<Column> = request.candidates.iter().filter_map(of_known).cloned().collect();
    let is_missing = |choice: &&SchemeChoice| taken.iter().all(|column| column.choice != **choice);
    let missing: Vec<SchemeChoice> =
        request.candidates.iter().filter(is_missing).cloned().collect();
    found.columns = taken;
    let passes: Vec<&[SchemeChoice]> = missing.chunks(candidates_at_once(&found)).collect();
    let known_curvature = known.filter(|known| known.curvature.len() == found.layers.len());
    let n_curvature =
        known_curvature.is_none().then(|| curvature::n_samples(runner, request.limit));
    ctx.set_total((found.n_total * passes.len() + n_curvature.unwrap_or(0)) as u64);
    match known_curvature {
        Some(known) => {
            found.curvature.clone_from(&known.curvature);
            found.n_curvature_samples = known.n_curvature_samples;
        }
        None => {
            found.curvature = Curvature::measure(runner, request.limit, ctx)?;
            found.n_curvature_samples = n_curvature.unwrap_or(0);
        }
    }
    for choices in passes {
        let columns = measure_pass(runner, (choices, &chunks), ctx, &mut |columns| {
            let columns = found.columns.iter().cloned().chain(columns).collect();
            on_partial(&in_order(Sensitivity { columns, ..found.clone() }, request.candidates));
        })?;
        found.columns.extend(columns);
    }
    Ok(in_order(found, request.candidates))
}

fn is_whole(column: &Column, found: &Sensitivity) -> bool {
    column.everything.n_rows == found.n_total && column.cells.len() == found.layers.len()
}

/// The columns in the order they were asked for.
fn in_order(mut found: Sensitivity, candidates: &[SchemeChoice]) -> Sensitivity {
    let place = |column: &Column| candidates.iter().position(|choice| *choice == column.choice);
    found.columns.sort_by_key(place);
    found
}

/// The most bytes that the weights of candidates measured together may take.
const MAX_WEIGHT_BYTES: usize = 1 << 30;

/// Candidates whose weights fit into memory together: each is held three times over, as quantized
/// layers alone, as a whole model and as the way back of every layer.
fn candidates_at_once(found: &Sensitivity) -> usize {
    let n_weights: usize = found.layers.iter().map(|layer| layer.n_weights).sum();
    (MAX_WEIGHT_BYTES / (3 * size_of::<f32>() * n_weights).max(1)).max(1)
}

/// What came of one candidate on some samples.
#[derive(Clone, Default)]
struct ColumnTally {
    everything: Tally,
    /// By layer: alone, all but it, and that against everything.
    layers: Vec<[Tally; 3]>,
}

impl ColumnTally {
    fn of_layers(n_layers: usize) -> Self {
        Self { everything: Tally::default(), layers: vec![[Tally::default(); 3]; n_layers] }
    }

    fn merge(&mut self, later: &Self) {
        self.everything.merge(&later.everything);
        for (sums, later) in self.layers.iter_mut().zip(&later.layers) {
            sums.iter_mut().zip(later).for_each(|(sum, later)| sum.merge(later));
        }
    }
}

/// Candidates that are measured together.
struct Pass<'a> {
    runner: &'a Runner,
    /// Before which step values are kept, by layer.
    layer_steps: Vec<usize>,
    /// The same ascending.
    cuts: Vec<usize>,
    variants: Vec<Variants>,
    ctx: &'a WorkCtx,
}

fn measure_pass(
    runner: &Runner,
    (choices, chunks): (&[SchemeChoice], &[&[usize]]),
    ctx: &WorkCtx,
    on_partial: &mut (dyn FnMut(Vec<Column>) + Send),
) -> Result<Vec<Column>, SweepError> {
    let weights = CandidateWeights::new(runner.network(), choices, ctx)?;
    let variants = weights.cells.iter().map(|cells| Variants::new(runner, cells));
    let variants = variants.collect::<Result<Vec<_>, _>>()?;
    let layer_steps = steps_of_layers(runner);
    let pass = Pass { runner, cuts: ascending(&layer_steps), layer_steps, variants, ctx };
    let mut sums = vec![ColumnTally::of_layers(weights.layers.len()); choices.len()];
    let mut told = (Instant::now(), PARTIAL_EVERY);
    let take = |tallies: Vec<ColumnTally>| {
        sums.iter_mut().zip(&tallies).for_each(|(sum, tally)| sum.merge(tally));
        if told.0.elapsed() >= told.1 {
            let begun = Instant::now();
            on_partial(columns_of(&weights, &sums));
            told = (Instant::now(), PARTIAL_EVERY.max(begun.elapsed() * TELL_SHARE));
        }
    };
    let run = Ordered { chunks, pool: runner.pool(), ctx, units_per_sample: 1 };
    run.run(&|chunk| pass.run_chunk(chunk), take)?;
    Ok(columns_of(&weights, &sums))
}

/// The first step that each measured layer has an effect on.
pub(super) fn steps_of_layers(runner: &Runner) -> Vec<usize> {
    let layers = runner.network().default_layers();
    layers.map(|layer| runner.plan().first_step_of(&layer.weight)).collect()
}

pub(super) fn ascending(steps: &[usize]) -> Vec<usize> {
    let mut cuts = steps.to_vec();
    cuts.sort_unstable();
    cuts.dedup();
    cuts
}

fn columns_of(weights: &CandidateWeights, sums: &[ColumnTally]) -> Vec<Column> {
    let columns = weights.choices.iter().zip(&weights.cells).zip(sums);
    columns
        .map(|((choice, cells), sums)| {
            let cells = cells.iter().zip(&sums.layers).map(|(cell, tallies)| {
                let &[alone, all_but, regained] = tallies;
                let weights = WeightError::of(&cell.as_ref().map_err(Clone::clone)?.error);
                Ok(Cell { alone, all_but, regained, weights })
            });
            let cells = cells.collect();
            Column { choice: choice.clone(), everything: sums.everything, cells }
        })
        .collect()
}

impl Pass<'_> {
    fn run_chunk(&self, chunk: &[usize]) -> Result<Vec<ColumnTally>, EvalError> {
        let inputs = self.runner.batch(chunk);
        let float = Kept::run(self, self.runner.float(), (chunk, &inputs))?;
        let columns = self.variants.iter().map(|variants| {
            let mut sums = ColumnTally::of_layers(self.layer_steps.len());
            self.each_layer(variants, |layer_idx, step, variants| {
                let alone = float.changed(self, &variants.alone, step)?;
                add(sums.layers.get_mut(layer_idx).map(|sums| &mut sums[0]), &float, &alone);
                Ok(())
            })?;
            let all = Kept::run(self, &variants.everything, (chunk, &inputs))?;
            add(Some(&mut sums.everything), &float, &all.readings);
            self.each_layer(variants, |layer_idx, step, variants| {
                let all_but = all.changed(self, &variants.all_but, step)?;
                if let Some([_, against_float, against_all]) = sums.layers.get_mut(layer_idx) {
                    add(Some(against_float), &float, &all_but);
                    add(Some(against_all), &all, &all_but);
                }
                Ok(())
            })?;
            Ok(sums)
        });
        columns.collect()
    }

    fn each_layer(
        &self,
        variants: &Variants,
        mut run: impl FnMut(usize, usize, &LayerVariants) -> Result<(), EvalError>,
    ) -> Result<(), EvalError> {
        let layers = variants.layers.iter().zip(&self.layer_steps).enumerate();
        for (layer_idx, (variants, &step)) in layers {
            self.ctx.check()?;
            if let Some(variants) = variants {
                run(layer_idx, step, variants)?;
            }
        }
        Ok(())
    }
}

fn add(tally: Option<&mut Tally>, before: &Kept, after: &[Reading]) {
    let Some(tally) = tally else { return };
    for (before, after) in before.readings.iter().zip(after) {
        tally.add(before, after);
    }
}

/// One model on one chunk, with the values before every layer.
struct Kept<'a> {
    chunk: &'a [usize],
    inputs: &'a Value,
    checkpoints: Vec<Checkpoint>,
    readings: Vec<Reading>,
}

impl<'a> Kept<'a> {
    fn run(
        pass: &Pass,
        constants: &Constants,
        (chunk, inputs): (&'a [usize], &'a Value),
    ) -> Result<Self, EvalError> {
        let start = Start::Inputs(vec![inputs.clone()]);
        let ran = pass.runner.plan().run_from(constants, start, &NoHook, &pass.cuts)?;
        let readings = pass.runner.readings(chunk, ran.outputs)?;
        Ok(Self { chunk, inputs, checkpoints: ran.checkpoints, readings })
    }

    /// The same with constants that differ from `step` on.
    fn changed(
        &self,
        pass: &Pass,
        constants: &Constants,
        step: usize,
    ) -> Result<Vec<Reading>, EvalError> {
        let start = start_at(&self.checkpoints, step, self.inputs);
        let outputs = pass.runner.plan().run_from(constants, start, &NoHook, &[])?.outputs;
        pass.runner.readings(self.chunk, outputs)
    }
}

/// The last place kept before which nothing differs.
pub(super) fn start_at<'a>(
    checkpoints: &'a [Checkpoint],
    step: usize,
    inputs: &Value,
) -> Start<'a> {
    match checkpoints.iter().rfind(|kept| kept.step_idx() <= step) {
        Some(kept) => Start::Checkpoint(kept),
        None => Start::Inputs(vec![inputs.clone()]),
    }
}
