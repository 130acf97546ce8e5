//! How steeply the loss rises around the weights of a layer: the trace of its Hessian, from forward
//! runs alone.

use std::collections::BTreeMap;

use rand::RngExt;
use serde::{Deserialize, Serialize};

use super::exact;
use super::measure::{ascending, start_at, steps_of_layers};
use crate::base::{SEED, WorkCtx, seeded};
use crate::eval::fidelity::Reading;
use crate::eval::ordered::Ordered;
use crate::eval::runner::{EvalError, Runner};
use crate::exec::{Constants, ExecError, NoHook, Start};
use crate::model::Layer;
use crate::tensor::Tensor;

/// The trace of the Hessian of the mean loss with respect to one layer's weights.
///
/// - Formula: the mean over draws of `(L(w + εv) − 2·L(w) + L(w − εv))/ε²`, each element of `v` ±1
///   at random (seeded). The expectation of `vᵀHv` over such `v` is the trace (Hutchinson 1990);
///   the second difference is `vᵀHv` up to a term in ε².
/// - `L` is the mean negative log-likelihood in nats a prediction; without labels the mean
///   `KL(float‖changed)`, whose Hessian at the float weights is the Fisher information.
/// - ε is 1/64 of the root mean square of the weights: a perturbation of 36 dB, far above what
///   rounding in `f32` does to a loss and still small.
/// - Approximate: `standard_error` is the spread over draws divided by their root; the samples
///   are the same for all. Networks with Relu are piecewise, so that ε matters somewhat.
/// - Weights that are all zero have none.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Curvature {
    #[serde(with = "exact::bits")]
    pub trace: f64,
    #[serde(with = "exact::bits")]
    pub standard_error: f64,
    pub n_draws: usize,
}

/// Directions a layer is moved along.
const N_DRAWS: usize = 8;

/// Predictions the loss is taken over, at least.
const N_PREDICTIONS: usize = 128;

/// ε over the root mean square of the weights.
const RELATIVE_STEP: f64 = 1.0 / 64.0;

/// The most bytes of moved weights at once.
const MAX_WEIGHT_BYTES: usize = 1 << 30;

/// Samples the curvature is estimated on: the first of the order.
pub(super) fn n_samples(runner: &Runner, limit: Option<usize>) -> usize {
    let n_wanted = N_PREDICTIONS.div_ceil(runner.samples().predictions_per_sample().max(1));
    n_wanted.min(limit.unwrap_or(usize::MAX)).clamp(1, runner.n_samples().max(1))
}

/// One layer moved both ways along one direction.
struct Moved {
    step: usize,
    ways: [Constants; 2],
}

impl Curvature {
    /// By layer.
    pub(super) fn measure(
        runner: &Runner,
        limit: Option<usize>,
        ctx: &WorkCtx,
    ) -> Result<Vec<Option<Self>>, EvalError> {
        let n_samples = n_samples(runner, limit);
        let steps = steps_of_layers(runner);
        let layers: Vec<&Layer> = runner.network().default_layers().collect();
        let n_weights: usize = layers.iter().map(|layer| layer.count()).sum();
        let at_once = MAX_WEIGHT_BYTES / (2 * size_of::<f32>() * n_weights).max(1);
        let at_once = at_once.clamp(1, N_DRAWS);
        let mut draws: Vec<Vec<f64>> = vec![Vec::new(); layers.len()];
        let mut scales = vec![0.0; layers.len()];
        for first in (0..N_DRAWS).step_by(at_once) {
            let mut moved = Vec::new();
            for (layer_idx, (layer, &step)) in layers.iter().zip(&steps).enumerate() {
                let weights = runner.network().tensor(&layer.weight).map_err(ExecError::from)?;
                scales[layer_idx] = step_size(&weights);
                for draw in first..(first + at_once).min(N_DRAWS) {
                    ctx.check()?;
                    let seed = SEED ^ ((layer_idx as u64) << 8 | draw as u64);
                    let ways = moved_ways(&weights, scales[layer_idx] as f32, seed);
                    let constants = |tensor: Tensor| {
                        runner.constants(&BTreeMap::from([(layer.weight.clone(), tensor)]))
                    };
                    let [up, down] = ways;
                    moved.push((
                        layer_idx,
                        Moved { step, ways: [constants(up)?, constants(down)?] },
                    ));
                }
            }
            let sums = second_differences(runner, (&moved, n_samples), ctx)?;
            for ((layer_idx, _), sum) in moved.iter().zip(sums) {
                draws[*layer_idx].push(sum);
            }
        }
        let per_layer = draws.iter().zip(&scales);
        Ok(per_layer.map(|(draws, &scale)| Self::of_draws(draws, scale)).collect())
    }

    /// From the mean second difference of the loss along every direction.
    fn of_draws(differences: &[f64], step: f64) -> Option<Self> {
        if step == 0.0 || differences.is_empty() {
            return None;
        }
        let n = differences.len() as f64;
        let draws: Vec<f64> = differences.iter().map(|sum| sum / (step * step)).collect();
        let trace = draws.iter().sum::<f64>() / n;
        let squares: f64 = draws.iter().map(|draw| (draw - trace) * (draw - trace)).sum();
        let standard_error = (squares / (n - 1.0).max(1.0) / n).sqrt();
        Some(Self { trace, standard_error, n_draws: draws.len() })
    }
}

/// ε; 0 for weights that are all zero or not finite.
fn step_size(weights: &Tensor) -> f64 {
    let squares: f64 = weights.iter().map(|&w| f64::from(w) * f64::from(w)).sum();
    let step = RELATIVE_STEP * (squares / weights.len().max(1) as f64).sqrt();
    if step.is_finite() { step } else { 0.0 }
}

fn moved_ways(weights: &Tensor, step: f32, seed: u64) -> [Tensor; 2] {
    let mut random = seeded(seed);
    let signs: Vec<f32> =
        (0..weights.len()).map(|_| if random.random::<bool>() { step } else { -step }).collect();
    [1.0f32, -1.0].map(|way| {
        let mut moved = weights.clone();
        for (w, by) in moved.iter_mut().zip(&signs) {
            *w += way * by;
        }
        moved
    })
}

/// `L(up) − 2·L + L(down)` a prediction for each of `moved`.
fn second_differences(
    runner: &Runner,
    (moved, n_samples): (&[(usize, Moved)], usize),
    ctx: &WorkCtx,
) -> Result<Vec<f64>, EvalError> {
    let cuts = ascending(&steps_of_layers(runner));
    let chunks = runner.chunks(Some(n_samples));
    let mut sums = vec![0.0; moved.len()];
    let mut n_predictions = 0;
    let work = |chunk: &[usize]| {
        let inputs = runner.batch(chunk);
        let start = Start::Inputs(vec![inputs.clone()]);
        let ran = runner.plan().run_from(runner.float(), start, &NoHook, &cuts)?;
        let float = runner.readings(chunk, ran.outputs)?;
        let n: usize = float.iter().map(Reading::n_predictions).sum();
        let mut differences = Vec::with_capacity(moved.len());
        for (_, moved) in moved {
            ctx.check()?;
            let mut sum = 0.0;
            for constants in &moved.ways {
                let start = start_at(&ran.checkpoints, moved.step, &inputs);
                let outputs = runner.plan().run_from(constants, start, &NoHook, &[])?.outputs;
                let changed = runner.readings(chunk, outputs)?;
                sum += float.iter().zip(&changed).map(|(a, b)| rise(a, b)).sum::<f64>();
            }
            differences.push(sum);
        }
        Ok((n, differences))
    };
    let run = Ordered { chunks: &chunks, pool: runner.pool(), ctx, units_per_sample: 1 };
    run.run(&work, |(n, differences): (usize, Vec<f64>)| {
        n_predictions += n;
        sums.iter_mut().zip(differences).for_each(|(sum, difference)| *sum += difference);
    })?;
    Ok(sums.into_iter().map(|sum| sum / n_predictions.max(1) as f64).collect())
}

/// How much more the loss is on one sample.
fn rise(float: &Reading, changed: &Reading) -> f64 {
    if float.has_targets() {
        changed.outcome.negative_log_likelihood - float.outcome.negative_log_likelihood
    } else {
        float.kl_to(changed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `L = Σ aᵢ·wᵢ²/2` has the trace `Σ aᵢ`, and every direction of ±1 gives it exactly.
    #[test]
    fn a_quadratic_loss_has_its_trace() {
        let (a, w) =
            ([3.0, 0.5, 2.0], Tensor::from_shape_vec(vec![3], vec![1.0, -2.0, 0.5]).unwrap());
        let loss = |w: &Tensor| -> f64 {
            w.iter().zip(a).map(|(&w, a)| a * f64::from(w) * f64::from(w) / 2.0).sum()
        };
        let step = step_size(&w) as f32;
        let differences: Vec<f64> = (0..4)
            .map(|seed| {
                let [up, down] = moved_ways(&w, step, seed);
                loss(&up) - 2.0 * loss(&w) + loss(&down)
            })
            .collect();
        let found = Curvature::of_draws(&differences, f64::from(step)).unwrap();
        assert!((found.trace - 5.5).abs() < 1e-3, "{found:?}");
        assert!(found.standard_error < 1e-3);
        assert_eq!(Curvature::of_draws(&[0.0], step_size(&Tensor::zeros(vec![4]))), None);
    }
}
