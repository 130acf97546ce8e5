//! From a graph to a list of steps over numbered slots, made once and run for every batch.
//!
//! Constants are a table apart from the plan: replacing weights (a recipe's, say) leaves the plan as
//! it is. Steps are kept in topological order, so that a run can start in their middle from kept
//! values.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::operator::{BuildCtx, OpError, Operator};
use super::ops;
use crate::model::{Graph, Node, StoreError};
use crate::tensor::Tensor;

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

    /// Whether it neither looks at nor changes anything, so that kept values serve as well.
    fn is_idle(&self) -> bool {
        false
    }
}

/// Leaves every value as it is.
pub struct NoHook;

impl ValueHook for NoHook {
    fn visit(&self, _value: &str, _tensor: &mut Tensor) {}

    fn wants(&self, _value: &str) -> bool {
        false
    }

    fn is_idle(&self) -> bool {
        true
    }
}

#[derive(Debug)]
pub(super) struct Step {
    pub(super) node: String,
    pub(super) op: String,
    pub(super) operator: Box<dyn Operator>,
    pub(super) inputs: Vec<Option<usize>>,
    pub(super) outputs: Vec<Option<usize>>,
    /// Slots nobody reads after this step.
    pub(super) frees: Vec<usize>,
    /// Depends on constants alone: run when the constants are set, not for every batch.
    pub(super) is_constant: bool,
    /// The step that alone reads this one's output and may only limit it (Relu, Clip): done
    /// together with this one, if the hook does not want the value between.
    pub(super) clamped_by: Option<usize>,
}

/// A graph ready to run.
#[derive(Debug)]
pub struct ExecPlan {
    pub(super) steps: Vec<Step>,
    pub(super) slot_names: Vec<String>,
    pub(super) input_slots: Vec<usize>,
    pub(super) output_slots: Vec<usize>,
    /// Tensors of the file that the graph reads.
    pub(super) constant_slots: Vec<usize>,
    /// By slot: the first step of a run that a constant there has an effect on.
    pub(super) first_reached: Vec<usize>,
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
        let first_reached = first_reached(&steps, slots.names.len());
        let slot_names = slots.names;
        Ok(Self { steps, slot_names, input_slots, output_slots, constant_slots, first_reached })
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

/// By slot, the first step of a run that reads it or what follows from it.
fn first_reached(steps: &[Step], n_slots: usize) -> Vec<usize> {
    let mut reached = vec![steps.len(); n_slots];
    // A step may be done together with an earlier one.
    let mut done_by: Vec<usize> = (0..steps.len()).collect();
    for (step_idx, step) in steps.iter().enumerate() {
        if let Some(place) = step.clamped_by.and_then(|last| done_by.get_mut(last)) {
            *place = step_idx;
        }
    }
    for (step_idx, step) in steps.iter().enumerate().rev() {
        let outputs = step.outputs.iter().flatten().map(|&slot| reached[slot]);
        let first = match step.is_constant {
            true => outputs.min().unwrap_or(steps.len()),
            false => done_by[step_idx],
        };
        for &slot in step.inputs.iter().flatten() {
            reached[slot] = reached[slot].min(first);
        }
    }
    reached
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
    use std::collections::BTreeMap;

    use super::*;
    use crate::exec::{Constants, Start};
    use crate::model::{Attribute, Attributes, Dim, GraphInput};
    use crate::tensor::{DType, Value};
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

    fn read(name: &str) -> Result<Value, StoreError> {
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
    }

    fn constants(plan: &ExecPlan) -> Constants {
        plan.constants(read).unwrap()
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
        let constants = constants(&plan);
        let pairs = plan.steps.iter().filter_map(|step| constants.clamp(step.clamped_by?));
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

    #[test]
    fn a_run_from_any_checkpoint_gives_the_same_bits() {
        let plan = ExecPlan::new(&graph()).unwrap();
        let constants = constants(&plan);
        let every: Vec<usize> = (0..plan.n_steps()).collect();
        for batch in [1, 16] {
            let inputs = vec![Value::F32(numbers(&[batch, 2, 9, 8]))];
            let whole = plan.run(&constants, inputs.clone(), &NoHook).unwrap();
            let from = |start: Start| plan.run_from(&constants, start, &NoHook, &every).unwrap();
            let ran = from(Start::Inputs(inputs));
            assert_eq!(ran.outputs, whole, "{batch} samples");
            assert_eq!(ran.checkpoints.len(), every.len());
            for checkpoint in &ran.checkpoints {
                let at = checkpoint.step_idx();
                let again = from(Start::Checkpoint(checkpoint));
                assert_eq!(again.outputs, whole, "{batch} samples from step {at}");
                assert_eq!(again.checkpoints.len(), every.len() - at);
            }
        }
    }

    /// The weight of the second convolution comes through two nodes over constants.
    fn graph_over_constants() -> Graph {
        let mut graph = graph();
        let derive = [node("Neg", &["raw"], "turned", &[]), node("Neg", &["turned"], "w2", &[])];
        graph.nodes.splice(0..0, derive);
        graph
    }

    #[test]
    fn replaced_constants_are_those_of_a_table_made_anew() {
        let graph = graph_over_constants();
        let plan = ExecPlan::new(&graph).unwrap();
        let raw = |factor: f32| numbers(&[5, 1, 3, 3]).mapv(|x| factor * x).into_shared();
        let read_with = |factor: f32| {
            move |name: &str| match name {
                "raw" => Ok(Value::F32(raw(factor))),
                other => read(other),
            }
        };
        let float = plan.constants(read_with(1.0)).unwrap();
        let replaced = BTreeMap::from([("raw".to_owned(), raw(2.0))]);
        let changed = plan.with_replaced(&float, read_with(1.0), &replaced).unwrap();
        let anew = plan.constants(read_with(2.0)).unwrap();
        let run = |constants: &Constants| {
            plan.run(constants, vec![Value::F32(numbers(&[16, 2, 9, 8]))], &NoHook).unwrap()
        };
        assert_eq!(run(&changed), run(&anew));
        assert_ne!(run(&changed), run(&float));
        // The third step that is no constant: Conv, Relu, and then the one that reads it.
        assert_eq!(plan.first_difference(&float, &changed), 4);
        assert_eq!(plan.first_step_of("raw"), 4);
        assert_eq!(plan.first_difference(&changed, &changed.clone()), plan.n_steps());
        // The limits of a Clip have their effect where it is done: with the convolution before.
        assert_eq!(plan.first_step_of("low"), 4);
        let back = plan.with_replaced(&changed, read_with(1.0), &BTreeMap::new()).unwrap();
        assert_eq!(run(&back), run(&float));
    }
}
