//! From a graph to a list of steps over numbered slots, made once and run for every batch.
//!
//! Constants are a table apart from the plan: replacing weights (a recipe's, say) makes a new table
//! and leaves the plan as it is. Steps are kept in topological order, so that a later run can start
//! in their middle from kept values.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::operator::{BuildCtx, Clamp, Inputs, OpError, Operator, Prepared};
use super::{ops, recycle};
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
///
/// The tensor may lie in memory in another order than row-major, and must keep its shape.
pub trait ValueHook: Sync {
    fn visit(&self, value: &str, tensor: &mut Tensor);

    /// Whether it looks at this value at all. A value that it does not need not be computed by
    /// itself: Conv and the Relu after it become one pass, with the same bits.
    fn wants(&self, _value: &str) -> bool {
        true
    }
}

/// Leaves every value as it is.
pub struct NoHook;

impl ValueHook for NoHook {
    fn visit(&self, _value: &str, _tensor: &mut Tensor) {}

    fn wants(&self, _value: &str) -> bool {
        false
    }
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
    /// The step that alone reads this one's output and may only limit it (Relu, Clip): done
    /// together with this one, if the hook does not want the value between.
    clamped_by: Option<usize>,
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

/// The values of all constants, and what the operators made of them.
#[derive(Clone, Debug)]
pub struct Constants {
    /// By slot.
    values: Vec<Option<Value>>,
    /// By step.
    prepared: Vec<Option<Prepared>>,
    /// By step: the limits of one that can be done together with the step before.
    clamps: Vec<Option<Clamp>>,
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
                clamped_by: None,
            });
        }
        let output_slots: Vec<usize> = graph.outputs.iter().map(|v| slots.of(v)).collect();
        constant_slots.extend(output_slots.iter().filter(|slot| !produced.contains(slot)));
        mark_last_uses(&mut steps, &varying, &output_slots);
        mark_clamped(&mut steps, &output_slots);
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
            let outputs = step.run(Inputs::new(step.constants(&values)))?;
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
        let prepared = self.steps.iter().map(|step| {
            (!step.is_constant).then(|| step.operator.prepare(&step.constants(&values))).flatten()
        });
        let prepared = prepared.collect();
        let clamp = |step: &Step| step.operator.as_clamp(&step.constants(&values));
        let clamps = self.steps.iter().map(clamp).collect();
        Ok(Constants { values, prepared, clamps })
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
        let mut is_done = vec![false; self.steps.len()];
        for (step_idx, step) in self.steps.iter().enumerate().filter(|(_, s)| !s.is_constant) {
            if !is_done[step_idx] {
                let clamped_by = self.clamped_by(step, constants, hook);
                let (last, clamp) = clamped_by.unwrap_or((step_idx, Clamp::NONE));
                let prepared = constants.prepared.get(step_idx).cloned().flatten();
                let inputs = Inputs::new(step.take_inputs(&mut values, constants));
                let outputs = step.run(inputs.with(prepared, clamp))?;
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
            values[slot].clone().or_else(|| constants.values[slot].clone()).ok_or_else(|| {
                StoreError::NoSuchTensor { name: self.slot_names[slot].clone() }.into()
            })
        };
        self.output_slots.iter().map(output).collect()
    }

    /// The step that is done together with `step`, and the limits it puts to the values.
    fn clamped_by(
        &self,
        step: &Step,
        constants: &Constants,
        hook: &dyn ValueHook,
    ) -> Option<(usize, Clamp)> {
        let next = step.clamped_by?;
        let clamp = constants.clamps.get(next).copied().flatten()?;
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
                values[slot].clone().or_else(|| constants.values[slot].clone())
            })
            .collect()
    }

    /// The inputs that are known before any run; the others `None`.
    fn constants(&self, values: &[Option<Value>]) -> Vec<Option<Value>> {
        self.inputs.iter().map(|slot| values[(*slot)?].clone()).collect()
    }

    fn run(&self, mut inputs: Inputs) -> Result<Vec<Value>, ExecError> {
        self.operator.run(&mut inputs).map_err(|source| ExecError::Node {
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

/// Pairs each step that can limit its output with the step that would do it.
fn mark_clamped(steps: &mut [Step], output_slots: &[usize]) {
    for step_idx in 0..steps.len() {
        let step = &steps[step_idx];
        let (&[Some(slot)], true) = (step.outputs.as_slice(), step.operator.applies_clamp()) else {
            continue;
        };
        let reads = |step: &Step| step.inputs.iter().filter(|s| **s == Some(slot)).count();
        let mut readers = (step_idx..steps.len()).filter(|&idx| reads(&steps[idx]) > 0);
        let (Some(reader), None) = (readers.next(), readers.next()) else { continue };
        let next = &steps[reader];
        let is_only_read = reads(next) == 1 && next.inputs.first() == Some(&Some(slot));
        if is_only_read && next.outputs.len() == 1 && !output_slots.contains(&slot) {
            steps[step_idx].clamped_by = Some(reader);
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Attribute, Attributes, Dim, GraphInput};
    use crate::tensor::DType;
    use ndarray::{Dimension, IxDyn};

    fn node(op: &str, inputs: &[&str], output: &str, attributes: &[(&str, &[i64])]) -> Node {
        let mut read = Attributes::default();
        for (name, list) in attributes {
            let value = match list {
                [one] if *name == "group" => Attribute::Int(*one),
                list => Attribute::Ints(list.to_vec()),
            };
            read.0.insert((*name).to_owned(), value);
        }
        Node {
            name: output.to_owned(),
            op: op.to_owned(),
            inputs: inputs.iter().map(|&name| name.to_owned()).collect(),
            outputs: vec![output.to_owned()],
            attributes: read,
        }
    }

    /// A residual block between two convolutions, with everything that knows samples side by side.
    fn graph() -> Graph {
        let pads: (&str, &[i64]) = ("pads", &[1, 1, 1, 1]);
        let window: &[(&str, &[i64])] = &[("kernel_shape", &[2, 2]), ("strides", &[2, 2])];
        let nodes = vec![
            node("Conv", &["x", "w1", "b1"], "c1", &[pads]),
            node("Relu", &["c1"], "r1", &[]),
            node("Conv", &["r1", "w2"], "c2", &[pads, ("group", &[5])]),
            node("Clip", &["c2", "low", "high"], "r2", &[]),
            node("BatchNormalization", &["r2", "g", "g", "m", "g"], "n", &[]),
            node("Mul", &["n", "channel"], "scaled", &[]),
            node("Add", &["scaled", "r1"], "sum", &[]),
            node("Relu", &["sum"], "r3", &[]),
            node("MaxPool", &["r3"], "p1", window),
            node("AveragePool", &["p1"], "p2", window),
            node("Sigmoid", &["p2"], "s", &[]),
            node("GlobalAveragePool", &["p2"], "mean", &[]),
            node("Mul", &["mean", "s"], "gated", &[]),
            node("Conv", &["gated", "w3"], "c3", &[]),
            node("Flatten", &["c3"], "flat", &[]),
            node("Gemm", &["flat", "w4"], "g1", &[]),
            node("Relu", &["g1"], "out", &[]),
        ];
        let shape = [Dim::Free("N".to_owned()), Dim::Fixed(2), Dim::Fixed(9), Dim::Fixed(8)];
        let input = GraphInput { name: "x".to_owned(), dtype: DType::F32, shape: shape.to_vec() };
        Graph { opset: 13, inputs: vec![input], outputs: vec!["out".to_owned()], nodes }
    }

    fn numbers(dims: &[usize]) -> Tensor {
        Tensor::from_shape_fn(IxDyn(dims), |idx| {
            let at = idx.slice().iter().fold(0, |at, i| at * 13 + i);
            (at * 31 % 23) as f32 / 9.0 - 1.1
        })
    }

    fn constants(plan: &ExecPlan) -> Constants {
        let read = |name: &str| {
            Ok(Value::F32(match name {
                "w1" => numbers(&[5, 2, 3, 3]),
                "w2" => numbers(&[5, 1, 3, 3]),
                "w3" => numbers(&[3, 5, 1, 1]),
                "w4" => numbers(&[12, 4]),
                "b1" => numbers(&[5]),
                "channel" => numbers(&[5, 1, 1]),
                "g" => Tensor::from_elem(IxDyn(&[5]), 1.5),
                "m" => Tensor::from_elem(IxDyn(&[5]), 0.25),
                "low" => Tensor::from_elem(IxDyn(&[]), -0.5),
                "high" => Tensor::from_elem(IxDyn(&[]), 1.5),
                other => return Err(StoreError::NoSuchTensor { name: other.to_owned() }),
            }))
        };
        plan.constants(read, &BTreeMap::new()).unwrap()
    }

    /// Wants to see everything, or some values.
    struct Sees(fn(&str) -> bool);

    impl ValueHook for Sees {
        fn visit(&self, _value: &str, _tensor: &mut Tensor) {}

        fn wants(&self, value: &str) -> bool {
            (self.0)(value)
        }
    }

    fn outputs(plan: &ExecPlan, input: Tensor, hook: &dyn ValueHook) -> Vec<f32> {
        let outputs = plan.run(&constants(plan), vec![Value::F32(input)], hook).unwrap();
        match &outputs[..] {
            [Value::F32(tensor)] => tensor.iter().copied().collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn steps_done_together_give_the_same_bits() {
        let plan = ExecPlan::new(&graph()).unwrap();
        let clamps = constants(&plan).clamps;
        let pairs = plan.steps.iter().filter_map(|step| clamps[step.clamped_by?]);
        assert_eq!(pairs.count(), 4);
        for batch in [1, 3, 16, 17] {
            let together = outputs(&plan, numbers(&[batch, 2, 9, 8]), &NoHook);
            for sees in [(|_| true) as fn(&str) -> bool, |value| value == "c1" || value == "sum"] {
                let apart = outputs(&plan, numbers(&[batch, 2, 9, 8]), &Sees(sees));
                assert_eq!(together, apart, "{batch} samples");
            }
        }
    }

    #[test]
    fn samples_side_by_side_agree_with_samples_one_by_one() {
        let plan = ExecPlan::new(&graph()).unwrap();
        let batch = numbers(&[16, 2, 9, 8]);
        let together = outputs(&plan, batch.clone(), &NoHook);
        for nth in 0..16 {
            let one = batch.clone().slice_move(ndarray::s![nth..=nth, .., .., ..]).into_dyn();
            let alone = outputs(&plan, one, &NoHook);
            for (alone, together) in alone.iter().zip(&together[nth * 4..]) {
                assert!((alone - together).abs() < 1e-3, "sample {nth}: {alone}, {together}");
            }
        }
    }
}
