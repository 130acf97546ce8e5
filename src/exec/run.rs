//! Running a plan: from its inputs, or from values kept at some place of an earlier run.

use std::collections::HashMap;
use std::time::Instant;

use super::constants::Constants;
use super::operator::{Clamp, Inputs, OpError};
use super::plan::{ExecError, ExecPlan, Step, ValueHook};
use super::recycle;
use crate::model::StoreError;
use crate::tensor::Value;

/// All values that a run holds before one of its steps: from here it can go on.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    step_idx: usize,
    /// By slot.
    values: Vec<(usize, Value)>,
}

impl Checkpoint {
    /// The step that comes next.
    pub fn step_idx(&self) -> usize {
        self.step_idx
    }

    /// Gives the memory of values that nobody else holds back to this thread's buffers.
    pub fn recycle(self) {
        for (_, value) in self.values {
            if let Value::F32(tensor) = value {
                recycle::give(tensor);
            }
        }
    }
}

/// Where a run begins.
pub enum Start<'a> {
    Inputs(Vec<Value>),
    /// Of a run with the same constants up to there.
    Checkpoint(&'a Checkpoint),
}

/// What a run leaves.
#[derive(Debug)]
pub struct Ran {
    /// The graph's outputs.
    pub outputs: Vec<Value>,
    /// One for each step asked for at which the run was, ascending.
    pub checkpoints: Vec<Checkpoint>,
}

/// What one step of a plan takes.
#[derive(Clone, Debug, PartialEq)]
pub struct StepCost {
    pub seconds: f64,
    /// Slot and bytes of every value held before the step.
    pub held: Vec<(usize, usize)>,
}

impl ExecPlan {
    pub fn n_steps(&self) -> usize {
        self.steps.len()
    }

    /// Computes the graph's outputs for one batch.
    ///
    /// # Errors
    /// A wrong number of inputs, or the first node that cannot take what it is given.
    pub fn run(
        &self,
        constants: &Constants,
        inputs: Vec<Value>,
        hook: &dyn ValueHook,
    ) -> Result<Vec<Value>, ExecError> {
        let watch = &mut |_: usize, _: &[Option<Value>]| {};
        self.run_watched(constants, Start::Inputs(inputs), hook, watch)
    }

    /// The same from any place, with checkpoints before the steps of `cuts`, which ascend.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn run_from(
        &self,
        constants: &Constants,
        start: Start,
        hook: &dyn ValueHook,
        cuts: &[usize],
    ) -> Result<Ran, ExecError> {
        let mut checkpoints = Vec::new();
        let mut watch = |step_idx: usize, values: &[Option<Value>]| {
            if cuts.binary_search(&step_idx).is_ok() {
                let held = values.iter().enumerate();
                let values = held.filter_map(|(slot, value)| Some((slot, value.clone()?)));
                checkpoints.push(Checkpoint { step_idx, values: values.collect() });
            }
        };
        let outputs = self.run_watched(constants, start, hook, &mut watch)?;
        Ok(Ran { outputs, checkpoints })
    }

    /// Runs once and says what each step takes.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn costs(
        &self,
        constants: &Constants,
        inputs: Vec<Value>,
        hook: &dyn ValueHook,
    ) -> Result<Vec<StepCost>, ExecError> {
        let mut costs: Vec<StepCost> =
            self.steps.iter().map(|_| StepCost { seconds: 0.0, held: Vec::new() }).collect();
        let mut last: Option<(usize, Instant)> = None;
        let mut watch = |step_idx: usize, values: &[Option<Value>]| {
            let now = Instant::now();
            if let Some((before, started)) = last.replace((step_idx, now))
                && let Some(cost) = costs.get_mut(before)
            {
                cost.seconds = now.duration_since(started).as_secs_f64();
            }
            let held = values.iter().enumerate();
            let held = held.filter_map(|(slot, value)| Some((slot, n_bytes(value.as_ref()?))));
            if let Some(cost) = costs.get_mut(step_idx) {
                cost.held = held.collect();
            }
        };
        self.run_watched(constants, Start::Inputs(inputs), hook, &mut watch)?;
        let ended = Instant::now();
        if let Some((step_idx, started)) = last
            && let Some(cost) = costs.get_mut(step_idx)
        {
            cost.seconds = ended.duration_since(started).as_secs_f64();
        }
        Ok(costs)
    }

    /// `watch` is told the values held before every step.
    fn run_watched(
        &self,
        constants: &Constants,
        start: Start,
        hook: &dyn ValueHook,
        watch: &mut dyn FnMut(usize, &[Option<Value>]),
    ) -> Result<Vec<Value>, ExecError> {
        let (first, mut values) = self.values_at(start)?;
        let mut live = LiveBytes::default();
        // What was done together with a step before the start is there already.
        let is_there = |step: &Step| {
            let mut outputs = step.outputs.iter().flatten().peekable();
            outputs.peek().is_some() && outputs.all(|&slot| values[slot].is_some())
        };
        let mut is_done: Vec<bool> =
            self.steps.iter().map(|step| !step.is_constant && is_there(step)).collect();
        for (step_idx, step) in self.steps.iter().enumerate().skip(first) {
            if step.is_constant {
                continue;
            }
            watch(step_idx, &values);
            if !is_done[step_idx] {
                let clamped_by = self.clamped_by(step, constants, hook);
                let (last, clamp) = clamped_by.unwrap_or((step_idx, Clamp::NONE));
                let inputs = Inputs::new(step.take_inputs(&mut values, constants));
                let outputs = step.run(inputs.with(constants.prepared(step_idx), clamp))?;
                is_done[last] = true;
                for (slot, mut output) in self.steps[last].outputs.iter().zip(outputs) {
                    let Some(slot) = *slot else { continue };
                    if let Value::F32(tensor) = &mut output {
                        hook.visit(&self.slot_names[slot], tensor);
                    }
                    live.add(slot, &output, step)?;
                    values[slot] = Some(output);
                }
            }
            for &slot in &step.frees {
                live.drop(slot);
                if let Some(Value::F32(tensor)) = values[slot].take() {
                    recycle::give(tensor);
                }
            }
        }
        let output = |&slot: &usize| {
            values[slot].clone().or_else(|| constants.value(slot).cloned()).ok_or_else(|| {
                StoreError::NoSuchTensor { name: self.slot_names[slot].clone() }.into()
            })
        };
        self.output_slots.iter().map(output).collect()
    }

    /// The first step to run, and the values that are there before it.
    fn values_at(&self, start: Start) -> Result<(usize, Vec<Option<Value>>), ExecError> {
        let mut values: Vec<Option<Value>> = vec![None; self.slot_names.len()];
        match start {
            Start::Inputs(inputs) if inputs.len() != self.input_slots.len() => {
                Err(ExecError::InputCount { wanted: self.input_slots.len(), found: inputs.len() })
            }
            Start::Inputs(inputs) => {
                for (&slot, input) in self.input_slots.iter().zip(inputs) {
                    values[slot] = Some(input);
                }
                Ok((0, values))
            }
            Start::Checkpoint(checkpoint) => {
                for (slot, value) in &checkpoint.values {
                    if let Some(place) = values.get_mut(*slot) {
                        *place = Some(value.clone());
                    }
                }
                Ok((checkpoint.step_idx, values))
            }
        }
    }

    /// The step that is done together with `step`, and the limits it puts to the values.
    fn clamped_by(
        &self,
        step: &Step,
        constants: &Constants,
        hook: &dyn ValueHook,
    ) -> Option<(usize, Clamp)> {
        let next = step.clamped_by?;
        let clamp = constants.clamp(next)?;
        let between = *step.outputs.first()?;
        (!hook.wants(&self.slot_names[between?])).then_some((next, clamp))
    }
}

impl Step {
    /// The step's inputs; a value read here for the last time is moved out, so that the operator
    /// may write into it.
    fn take_inputs(
        &self,
        values: &mut [Option<Value>],
        constants: &Constants,
    ) -> Vec<Option<Value>> {
        let n_reads = |slot: usize| self.inputs.iter().filter(|s| **s == Some(slot)).count();
        self.inputs
            .iter()
            .map(|slot| {
                let slot = (*slot)?;
                if self.frees.contains(&slot) && n_reads(slot) == 1 {
                    return values[slot].take();
                }
                values[slot].clone().or_else(|| constants.value(slot).cloned())
            })
            .collect()
    }

    pub(super) fn run(&self, mut inputs: Inputs) -> Result<Vec<Value>, ExecError> {
        self.operator.run(&mut inputs).map_err(|source| ExecError::Node {
            node: self.node.clone(),
            op: self.op.clone(),
            source,
        })
    }
}

fn n_bytes(value: &Value) -> usize {
    value.dims().iter().product::<usize>().saturating_mul(value.element_bytes())
}

/// The most bytes the computed values of one run may take at once; a graph that needs more is
/// refused before the machine's memory is gone.
const MAX_LIVE_BYTES: usize = 6 << 30;

/// What the values held at one moment take.
#[derive(Default)]
pub(super) struct LiveBytes {
    total: usize,
    by_slot: HashMap<usize, usize>,
}

impl LiveBytes {
    pub fn add(&mut self, slot: usize, value: &Value, step: &Step) -> Result<(), ExecError> {
        let n_bytes = n_bytes(value);
        self.total = self.total.saturating_add(n_bytes);
        self.by_slot.insert(slot, n_bytes);
        if self.total <= MAX_LIVE_BYTES {
            return Ok(());
        }
        Err(ExecError::Node {
            node: step.node.clone(),
            op: step.op.clone(),
            source: OpError::Invalid(format!(
                "the values computed up to here take more than {} GiB at once",
                MAX_LIVE_BYTES >> 30
            )),
        })
    }

    pub fn drop(&mut self, slot: usize) {
        self.total -= self.by_slot.remove(&slot).unwrap_or(0);
    }
}
