//! From a graph to a list of steps over numbered slots, made once and run for every batch.
//!
//! Constants are a table apart from the plan: replacing weights (a recipe's, say) makes a new table
//! and leaves the plan as it is. Steps are kept in topological order, so that a later run can start
//! in their middle from kept values.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::operator::{BuildCtx, Inputs, OpError, Operator};
use super::ops;
use crate::model::{Graph, Node, StoreError};
use crate::tensor::{Tensor, Value};

/// Why a graph cannot be run. Every message names the node.
#[derive(Clone, Debug, thiserror::Error, PartialEq)]
pub enum ExecError {
    #[error(
        "node {node:?}: operator {op} is not supported; weights can still be looked at, accuracy cannot be measured"
    )]
    UnknownOperator { node: String, op: String },
    #[error("node {node:?}: {op} at opset {opset} is not supported, opsets {first} to {last} are")]
    Opset { node: String, op: String, opset: u32, first: u32, last: u32 },
    #[error("node {node:?} ({op}): {source}")]
    Node { node: String, op: String, source: OpError },
    #[error("the graph takes {wanted} inputs, {found} were given")]
    InputCount { wanted: usize, found: usize },
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Sees every float value right after it was computed, and may change it.
pub trait ValueHook: Sync {
    fn visit(&self, value: &str, tensor: &mut Tensor);
}

/// Leaves every value as it is.
pub struct NoHook;

impl ValueHook for NoHook {
    fn visit(&self, _value: &str, _tensor: &mut Tensor) {}
}

#[derive(Debug)]
struct Step {
    node: String,
    op: String,
    operator: Box<dyn Operator>,
    inputs: Vec<Option<usize>>,
    outputs: Vec<Option<usize>>,
    /// Slots nobody reads after this step.
    frees: Vec<usize>,
    /// Depends on constants alone: run when the constants are set, not for every batch.
    is_constant: bool,
}

/// A graph ready to run.
#[derive(Debug)]
pub struct ExecPlan {
    steps: Vec<Step>,
    slot_names: Vec<String>,
    input_slots: Vec<usize>,
    output_slots: Vec<usize>,
    /// Tensors of the file that the graph reads.
    constant_slots: Vec<usize>,
}

/// The values of all constants, by slot.
#[derive(Clone, Debug)]
pub struct Constants {
    values: Vec<Option<Value>>,
}

/// Operators of the graph that the table does not have at its opset, in order.
pub fn unsupported_operators(graph: &Graph) -> Vec<String> {
    let known =
        |op: &str| ops::find(op).is_some_and(|e| (e.opsets.0..=e.opsets.1).contains(&graph.opset));
    let missing: BTreeSet<&str> =
        graph.nodes.iter().map(|node| node.op.as_str()).filter(|op| !known(op)).collect();
    missing.into_iter().map(str::to_owned).collect()
}

impl ExecPlan {
    /// Looks up and builds every operator and finds how long each value lives.
    ///
    /// # Errors
    /// The first node whose operator or attributes are not supported.
    pub fn new(graph: &Graph) -> Result<Self, ExecError> {
        let mut slots = Slots::default();
        let input_slots: Vec<usize> =
            graph.inputs.iter().map(|input| slots.of(&input.name)).collect();
        let mut produced: BTreeSet<usize> = input_slots.iter().copied().collect();
        let mut constant_slots = Vec::new();
        let mut known_constants = HashSet::new();
        let mut varying: BTreeSet<usize> = produced.clone();
        let mut steps = Vec::with_capacity(graph.nodes.len());
        for node in &graph.nodes {
            let operator = build_operator(node, graph.opset)?;
            let inputs: Vec<Option<usize>> =
                node.inputs.iter().map(|v| slots.of_optional(v)).collect();
            for &slot in inputs.iter().flatten().filter(|slot| !produced.contains(slot)) {
                if known_constants.insert(slot) {
                    constant_slots.push(slot);
                }
            }
            let outputs: Vec<Option<usize>> =
                node.outputs.iter().map(|v| slots.of_optional(v)).collect();
            let is_constant = !inputs.iter().flatten().any(|slot| varying.contains(slot));
            produced.extend(outputs.iter().flatten());
            if !is_constant {
                varying.extend(outputs.iter().flatten());
            }
            steps.push(Step {
                node: node.name.clone(),
                op: node.op.clone(),
                operator,
                inputs,
                outputs,
                frees: Vec::new(),
                is_constant,
            });
        }
        let output_slots: Vec<usize> = graph.outputs.iter().map(|v| slots.of(v)).collect();
        constant_slots.extend(output_slots.iter().filter(|slot| !produced.contains(slot)));
        mark_last_uses(&mut steps, &varying, &output_slots);
        Ok(Self { steps, slot_names: slots.names, input_slots, output_slots, constant_slots })
    }

    /// Fills the table of constants: `read` gives a tensor of the file, `replaced` what stands in
    /// its place.
    ///
    /// # Errors
    /// A tensor that cannot be read, or a node over constants that fails.
    pub fn constants(
        &self,
        read: impl Fn(&str) -> Result<Value, StoreError>,
        replaced: &BTreeMap<String, Tensor>,
    ) -> Result<Constants, ExecError> {
        let mut values: Vec<Option<Value>> = vec![None; self.slot_names.len()];
        for &slot in &self.constant_slots {
            let name = &self.slot_names[slot];
            values[slot] = Some(match replaced.get(name) {
                Some(tensor) => Value::F32(tensor.clone()),
                None => read(name)?,
            });
        }
        let mut live = LiveBytes::default();
        for step in self.steps.iter().filter(|step| step.is_constant) {
            let inputs = step.inputs.iter().map(|slot| values[(*slot)?].clone()).collect();
            let outputs = step.run(inputs)?;
            for (slot, output) in step.outputs.iter().zip(outputs) {
                if let Some(slot) = slot {
                    live.add(*slot, &output, step)?;
                    values[*slot] = Some(output);
                }
            }
            for &slot in &step.frees {
                live.drop(slot);
                values[slot] = None;
            }
        }
        Ok(Constants { values })
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
        if inputs.len() != self.input_slots.len() {
            return Err(ExecError::InputCount {
                wanted: self.input_slots.len(),
                found: inputs.len(),
            });
        }
        let mut values: Vec<Option<Value>> = vec![None; self.slot_names.len()];
        for (&slot, input) in self.input_slots.iter().zip(inputs) {
            values[slot] = Some(input);
        }
        let mut live = LiveBytes::default();
        for step in self.steps.iter().filter(|step| !step.is_constant) {
            let step_inputs = step.take_inputs(&mut values, constants);
            let outputs = step.run(step_inputs)?;
            for (slot, mut output) in step.outputs.iter().zip(outputs) {
                let Some(slot) = *slot else { continue };
                if let Value::F32(tensor) = &mut output {
                    hook.visit(&self.slot_names[slot], tensor);
                }
                live.add(slot, &output, step)?;
                values[slot] = Some(output);
            }
            for &slot in &step.frees {
                live.drop(slot);
                values[slot] = None;
            }
        }
        let output = |&slot: &usize| {
            values[slot].clone().or_else(|| constants.values[slot].clone()).ok_or_else(|| {
                StoreError::NoSuchTensor { name: self.slot_names[slot].clone() }.into()
            })
        };
        self.output_slots.iter().map(output).collect()
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
                values[slot].clone().or_else(|| constants.values[slot].clone())
            })
            .collect()
    }

    fn run(&self, inputs: Vec<Option<Value>>) -> Result<Vec<Value>, ExecError> {
        self.operator.run(&mut Inputs::new(inputs)).map_err(|source| ExecError::Node {
            node: self.node.clone(),
            op: self.op.clone(),
            source,
        })
    }
}

fn build_operator(node: &Node, opset: u32) -> Result<Box<dyn Operator>, ExecError> {
    let (name, op) = (node.name.clone(), node.op.clone());
    let Some(entry) = ops::find(&node.op) else {
        return Err(ExecError::UnknownOperator { node: name, op });
    };
    let (first, last) = entry.opsets;
    if !(first..=last).contains(&opset) {
        return Err(ExecError::Opset { node: name, op, opset, first, last });
    }
    let ctx = BuildCtx {
        attributes: &node.attributes,
        opset,
        n_inputs: node.inputs.len(),
        n_outputs: node.outputs.len(),
    };
    (entry.build)(&ctx).map_err(|source| ExecError::Node { node: name, op, source })
}

/// Lets every value be freed after the last step that reads it, or right away if none does. A
/// constant that only constant steps read is freed once those have run.
fn mark_last_uses(steps: &mut [Step], varying: &BTreeSet<usize>, output_slots: &[usize]) {
    let mut seen: BTreeSet<usize> = output_slots.iter().copied().collect();
    let (mut constant, mut later): (Vec<&mut Step>, Vec<&mut Step>) =
        steps.iter_mut().partition(|step| step.is_constant);
    for step in later.iter_mut().rev() {
        let touched = step.inputs.iter().chain(&step.outputs).flatten();
        let fresh: BTreeSet<usize> = touched.copied().filter(|slot| !seen.contains(slot)).collect();
        seen.extend(&fresh);
        step.frees = fresh.into_iter().filter(|slot| varying.contains(slot)).collect();
    }
    for step in constant.iter_mut().rev() {
        let touched = step.inputs.iter().chain(&step.outputs).flatten();
        let fresh: BTreeSet<usize> = touched.copied().filter(|slot| !seen.contains(slot)).collect();
        seen.extend(&fresh);
        step.frees = fresh.into_iter().collect();
    }
}

/// The most bytes the computed values of one run may take at once; a graph that needs more is
/// refused before the machine's memory is gone.
const MAX_LIVE_BYTES: usize = 6 << 30;

/// What the values held at one moment take.
#[derive(Default)]
struct LiveBytes {
    total: usize,
    by_slot: HashMap<usize, usize>,
}

impl LiveBytes {
    fn add(&mut self, slot: usize, value: &Value, step: &Step) -> Result<(), ExecError> {
        let n_bytes = value.dims().iter().product::<usize>().saturating_mul(value.element_bytes());
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

    fn drop(&mut self, slot: usize) {
        self.total -= self.by_slot.remove(&slot).unwrap_or(0);
    }
}

/// Numbers for names.
#[derive(Default)]
struct Slots {
    names: Vec<String>,
    by_name: HashMap<String, usize>,
}

impl Slots {
    fn of(&mut self, name: &str) -> usize {
        if let Some(&slot) = self.by_name.get(name) {
            return slot;
        }
        let slot = self.names.len();
        self.names.push(name.to_owned());
        self.by_name.insert(name.to_owned(), slot);
        slot
    }

    /// The empty name is an absent value.
    fn of_optional(&mut self, name: &str) -> Option<usize> {
        (!name.is_empty()).then(|| self.of(name))
    }
}
