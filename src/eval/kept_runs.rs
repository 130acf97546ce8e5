//! What is kept of runs over a sample set: the float model's outputs, and values in the middle of
//! the quantized model, so that an edit of one layer runs only what comes after it.

use std::sync::{Arc, Mutex, PoisonError};

use crate::exec::{Checkpoint, Constants, ExecError, ExecPlan, NoHook, Start, StepCost};
use crate::tensor::Value;

/// The most memory float outputs may take; beyond it they are computed again.
const MAX_OUTPUT_BYTES: usize = 512 << 20;

/// What earlier runs over the same samples left for later ones.
#[derive(Default)]
pub struct KeptRuns {
    /// The float model's outputs by chunk of samples.
    outputs: Vec<Option<Arc<Vec<f32>>>>,
    n_output_bytes: usize,
    activations: KeptActivations,
}

impl KeptRuns {
    /// Keeps float outputs, and up to `budget_bytes` of activations.
    pub fn with_activations(budget_bytes: usize) -> Self {
        let activations = KeptActivations { budget_bytes, ..KeptActivations::default() };
        Self { activations, ..Self::default() }
    }

    /// The memory that activations may take from the next run on.
    pub fn set_budget(&mut self, budget_bytes: usize) {
        self.activations.budget_bytes = budget_bytes;
    }

    /// Bytes of the activations kept.
    pub fn activation_bytes(&self) -> usize {
        self.activations.n_bytes()
    }

    pub(super) fn output(&self, chunk_idx: usize) -> Option<Arc<Vec<f32>>> {
        self.outputs.get(chunk_idx)?.clone()
    }

    pub(super) fn keep_output(&mut self, chunk_idx: usize, outputs: Arc<Vec<f32>>) {
        if chunk_idx >= self.outputs.len() {
            self.outputs.resize_with(chunk_idx + 1, || None);
        }
        let n_bytes = outputs.len() * size_of::<f32>();
        if let Some(slot @ None) = self.outputs.get_mut(chunk_idx)
            && self.n_output_bytes + n_bytes <= MAX_OUTPUT_BYTES
        {
            *slot = Some(outputs);
            self.n_output_bytes += n_bytes;
        }
    }

    pub(super) fn activations(&mut self) -> &mut KeptActivations {
        &mut self.activations
    }
}

/// Activations by chunk of samples, at places chosen by the seconds they save for their bytes.
#[derive(Default)]
pub(super) struct KeptActivations {
    budget_bytes: usize,
    chunks: Vec<Mutex<Option<KeptChunk>>>,
    costs: Option<Arc<[StepCost]>>,
    /// Steps before which values are kept, ascending.
    cuts: Vec<usize>,
    /// What the last run was made with.
    last: Option<Constants>,
}

struct KeptChunk {
    constants: Constants,
    /// Ascending.
    checkpoints: Vec<Checkpoint>,
}

/// What choosing the places depends on.
pub(super) struct CutRequest<'a> {
    pub plan: &'a ExecPlan,
    pub n_chunks: usize,
    /// The first steps of the layers, ascending.
    pub layer_steps: &'a [usize],
}

impl KeptActivations {
    pub fn is_off(&self) -> bool {
        self.budget_bytes == 0
    }

    /// Chooses the places for a run with `constants`; `costs` measures the plan where that was not
    /// done yet.
    pub fn prepare(
        &mut self,
        request: &CutRequest,
        constants: &Constants,
        costs: impl FnOnce() -> Result<Vec<StepCost>, ExecError>,
    ) -> Result<(), ExecError> {
        let costs = match &self.costs {
            Some(costs) => Arc::clone(costs),
            None => Arc::clone(self.costs.insert(costs()?.into())),
        };
        // An edit tells where the next one is likely: in the same layer.
        let edited = self.last.as_ref().map(|last| request.plan.first_difference(last, constants));
        self.last = Some(constants.clone());
        let budget = self.budget_bytes / request.n_chunks.max(1);
        self.cuts = choose_cuts(&costs, request.layer_steps, edited, budget);
        self.chunks.resize_with(request.n_chunks, Mutex::default);
        Ok(())
    }

    /// Lets everything go that is kept of runs.
    pub fn clear(&mut self) {
        self.chunks.clear();
        self.last = None;
    }

    /// The outputs of a chunk, computed from the last place up to which the constants are those of
    /// the run before.
    pub fn run(
        &self,
        plan: &ExecPlan,
        chunk_idx: usize,
        constants: &Constants,
        inputs: impl FnOnce() -> Value,
    ) -> Result<Vec<Value>, ExecError> {
        let Some(place) = self.chunks.get(chunk_idx) else {
            return plan.run(constants, vec![inputs()], &NoHook);
        };
        let mut checkpoints = self.valid(plan, place, constants);
        let first_new = checkpoints.last().map_or(0, |last| last.step_idx() + 1);
        let cuts = self.cuts.get(self.cuts.partition_point(|&cut| cut < first_new)..);
        let start = match checkpoints.last() {
            Some(last) => Start::Checkpoint(last),
            None => Start::Inputs(vec![inputs()]),
        };
        let ran = plan.run_from(constants, start, &NoHook, cuts.unwrap_or_default())?;
        // Where an edit starts from is kept only as long as it is among the places.
        checkpoints.retain(|kept| self.cuts.binary_search(&kept.step_idx()).is_ok());
        checkpoints.extend(ran.checkpoints);
        *lock(place) = Some(KeptChunk { constants: constants.clone(), checkpoints });
        Ok(ran.outputs)
    }

    /// The checkpoints of a chunk that hold for these constants; the memory of others is free for
    /// what this thread computes next.
    fn valid(
        &self,
        plan: &ExecPlan,
        place: &Mutex<Option<KeptChunk>>,
        constants: &Constants,
    ) -> Vec<Checkpoint> {
        let Some(kept) = lock(place).take() else { return Vec::new() };
        let until = plan.first_difference(&kept.constants, constants);
        let mut checkpoints = kept.checkpoints;
        let n_valid = checkpoints.partition_point(|kept| kept.step_idx() <= until);
        let mut stale = checkpoints.split_off(n_valid);
        while let Some(last) = stale.pop() {
            last.recycle();
        }
        checkpoints
    }

    fn n_bytes(&self) -> usize {
        let Some(costs) = &self.costs else { return 0 };
        let of_chunk = |kept: &KeptChunk| {
            let steps = kept.checkpoints.iter().map(Checkpoint::step_idx);
            bytes_of(costs, &steps.collect::<Vec<_>>())
        };
        self.chunks.iter().filter_map(|chunk| lock(chunk).as_ref().map(of_chunk)).sum()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Bytes of all values held before any of the steps, each counted once.
fn bytes_of(costs: &[StepCost], cuts: &[usize]) -> usize {
    let held = cuts.iter().filter_map(|&cut| costs.get(cut)).flat_map(|cost| &cost.held);
    let by_slot: std::collections::BTreeMap<usize, usize> = held.copied().collect();
    by_slot.values().sum()
}

/// Steps before which values are kept, ascending: the one where the last edit was first, then those
/// that save most seconds a byte over an edit of every layer, while the bytes last.
fn choose_cuts(
    costs: &[StepCost],
    layer_steps: &[usize],
    edited: Option<usize>,
    budget_bytes: usize,
) -> Vec<usize> {
    // Seconds before each step.
    let before: Vec<f64> = costs
        .iter()
        .scan(0.0, |sum, cost| {
            *sum += cost.seconds;
            Some(*sum - cost.seconds)
        })
        .collect();
    let spent = |step: usize| before.get(step).copied().unwrap_or(0.0);
    let fits = |cuts: &[usize]| bytes_of(costs, cuts) <= budget_bytes;
    // Nothing is saved before the first layer's step, where the samples are.
    let places = layer_steps.iter().copied().filter(|&step| spent(step) > 0.0);
    let mut places: Vec<usize> = places.collect();
    let mut cuts: Vec<usize> = Vec::new();
    if let Some(edited) = edited.filter(|step| places.contains(step) && fits(&[*step])) {
        cuts.push(edited);
    }
    while cuts.len() < MAX_CUTS {
        places.retain(|step| !cuts.contains(step));
        let kept_bytes = bytes_of(costs, &cuts);
        let best = places.iter().copied().filter_map(|step| {
            let with: Vec<usize> = cuts.iter().copied().chain([step]).collect();
            let n_bytes = bytes_of(costs, &with);
            (n_bytes <= budget_bytes).then(|| {
                let added = (n_bytes - kept_bytes).max(1);
                (saved_secs(step, &cuts, layer_steps, spent) / added as f64, step)
            })
        });
        let Some((gain, step)) = best.max_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1))) else {
            break;
        };
        if gain <= 0.0 {
            break;
        }
        cuts.push(step);
        cuts.sort_unstable();
    }
    cuts
}

/// Places at most: choosing looks at every pair.
const MAX_CUTS: usize = 64;

/// What one more place saves over an edit of every layer, given the others.
fn saved_secs(
    step: usize,
    cuts: &[usize],
    layer_steps: &[usize],
    spent: impl Fn(usize) -> f64,
) -> f64 {
    let from = cuts.iter().copied().filter(|&cut| cut < step).max().map_or(0.0, &spent);
    let next = cuts.iter().copied().filter(|&cut| cut > step).min().unwrap_or(usize::MAX);
    let n_served = layer_steps.iter().filter(|&&layer| layer >= step && layer < next).count();
    n_served as f64 * (spent(step) - from)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Four layers of equal cost; what is held shrinks by half each time.
    fn costs() -> Vec<StepCost> {
        let held = |slot: usize| vec![(slot, 1024 >> slot)];
        (0..4).map(|slot| StepCost { seconds: 1.0, held: held(slot) }).collect()
    }

    #[test]
    fn places_are_chosen_by_what_they_save_for_their_bytes() {
        let costs = costs();
        let layers = [0, 1, 2, 3];
        assert_eq!(choose_cuts(&costs, &layers, None, usize::MAX), [1, 2, 3]);
        assert_eq!(choose_cuts(&costs, &layers, None, 128 + 256), [2, 3]);
        assert_eq!(choose_cuts(&costs, &layers, None, 128), [3]);
        assert_eq!(choose_cuts(&costs, &layers, None, 127), [0usize; 0]);
        // The layer edited last comes first, if there is room for it.
        assert_eq!(choose_cuts(&costs, &layers, Some(1), 512), [1]);
        assert_eq!(choose_cuts(&costs, &layers, Some(1), 512 + 128), [1, 3]);
        assert_eq!(choose_cuts(&costs, &layers, Some(1), 300), [3]);
        assert_eq!(choose_cuts(&costs, &[], None, usize::MAX), [0usize; 0]);
    }

    #[test]
    fn a_value_held_at_two_places_is_counted_once() {
        let mut costs = costs();
        costs[2].held.push((1, 512));
        assert_eq!(bytes_of(&costs, &[1, 2]), 512 + 256);
        assert_eq!(bytes_of(&costs, &[2]), 512 + 256);
    }
}
