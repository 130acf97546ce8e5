//! A graph at a later opset, where its operators mean the same there.

use std::borrow::Cow;

use super::proto::TensorMessage;
use crate::model::{Attribute, Graph, Node};

/// Operators whose definitions from opset 7 to 21 differ in types, or in attributes whose default
/// is what was before.
const UNCHANGED: &[&str] = &[
    "Abs",
    "Add",
    "And",
    "ArgMax",
    "ArgMin",
    "Atan",
    "AveragePool",
    "CastLike",
    "Ceil",
    "Celu",
    "Concat",
    "Constant",
    "ConstantOfShape",
    "Conv",
    "ConvTranspose",
    "Cos",
    "CumSum",
    "DepthToSpace",
    "DequantizeLinear",
    "Div",
    "Einsum",
    "Elu",
    "Equal",
    "Erf",
    "Exp",
    "Expand",
    "Flatten",
    "Floor",
    "Gather",
    "GatherElements",
    "GatherND",
    "Gelu",
    "Gemm",
    "GlobalAveragePool",
    "GlobalMaxPool",
    "Greater",
    "GreaterOrEqual",
    "HardSigmoid",
    "HardSwish",
    "Identity",
    "InstanceNormalization",
    "IsNaN",
    "LRN",
    "LayerNormalization",
    "LeakyRelu",
    "Less",
    "LessOrEqual",
    "Log",
    "LpNormalization",
    "MatMul",
    "Max",
    "MaxPool",
    "Mean",
    "Min",
    "Mish",
    "Mod",
    "Mul",
    "Neg",
    "Not",
    "OneHot",
    "Or",
    "PRelu",
    "Pow",
    "QuantizeLinear",
    "Range",
    "Reciprocal",
    "Relu",
    "Reshape",
    "Round",
    "ScatterElements",
    "ScatterND",
    "Selu",
    "Shape",
    "Sigmoid",
    "Sign",
    "Sin",
    "Size",
    "Softplus",
    "Softsign",
    "SpaceToDepth",
    "Sqrt",
    "Sub",
    "Sum",
    "Tan",
    "Tanh",
    "ThresholdedRelu",
    "Tile",
    "Transpose",
    "Trilu",
    "Where",
    "Xor",
];

/// A change that graphs are taken across: an attribute has become an input.
const AXES_BECAME_INPUT: &[(&str, u32)] = &[
    ("Squeeze", 13),
    ("Unsqueeze", 13),
    ("ReduceSum", 13),
    ("ReduceL1", 18),
    ("ReduceL2", 18),
    ("ReduceLogSum", 18),
    ("ReduceLogSumExp", 18),
    ("ReduceMax", 18),
    ("ReduceMean", 18),
    ("ReduceMin", 18),
    ("ReduceProd", 18),
    ("ReduceSumSquare", 18),
];

/// Changes that nothing is done about: the first opset with another definition.
const CHANGED: &[(&str, u32)] = &[
    ("Clip", 11),
    ("Dropout", 12),
    ("GroupNormalization", 21),
    ("Pad", 11),
    ("Slice", 10),
    ("TopK", 10),
    ("TopK", 11),
    ("Upsample", 10),
];

/// The same graph at opset `to`, and the constants that were attributes before. A graph that is
/// there already is left as it is.
///
/// # Errors
/// The node that would mean something else there, in words.
pub(super) fn raised(
    graph: &Graph,
    to: u32,
) -> Result<(Graph, Vec<TensorMessage<'static>>), String> {
    let mut constants = Vec::new();
    if graph.opset >= to {
        return Ok((graph.clone(), constants));
    }
    let change = (graph.opset, to);
    let nodes = graph
        .nodes
        .iter()
        .map(|node| raise(node, change, &mut constants))
        .collect::<Result<_, _>>()?;
    Ok((Graph { opset: to, nodes, ..graph.clone() }, constants))
}

fn raise(
    node: &Node,
    (from, to): (u32, u32),
    constants: &mut Vec<TensorMessage<'static>>,
) -> Result<Node, String> {
    let crosses = |first: u32| from < first && first <= to;
    let refused = || {
        Err(format!(
            "4-bit, 16-bit and grouped weights need opset {to}, but node {:?} ({}) of opset {from} is another operator there; choose 8 bits per tensor or channel, or write safetensors",
            node.name, node.op
        ))
    };
    let op = node.op.as_str();
    if let Some(&(_, first)) = AXES_BECAME_INPUT.iter().find(|(name, _)| *name == op) {
        return Ok(if crosses(first) { with_axes_input(node, constants) } else { node.clone() });
    }
    if CHANGED.iter().any(|(name, _)| *name == op) {
        let is_crossed = CHANGED.iter().any(|&(name, first)| name == op && crosses(first));
        return if is_crossed { refused() } else { Ok(node.clone()) };
    }
    let attributes = &node.attributes;
    match op {
        "Softmax" | "LogSoftmax" if crosses(13) => {
            // Along the last axis both definitions are one.
            if attributes.int("axis") == Ok(Some(-1)) { Ok(node.clone()) } else { refused() }
        }
        "Cast" if crosses(19) => {
            // What is beyond an 8-bit float saturates there.
            let is_eight_bit = matches!(attributes.int("to"), Ok(Some(17..=20)));
            if is_eight_bit { refused() } else { Ok(node.clone()) }
        }
        "BatchNormalization" if node.outputs.len() > 1 => refused(),
        "BatchNormalization" if crosses(9) => {
            let mut raised = node.clone();
            match attributes.int_or("spatial", 1) {
                Ok(1) => raised.attributes.0.remove("spatial"),
                _ => return refused(),
            };
            Ok(raised)
        }
        "Split" if crosses(13) || crosses(18) => Ok(raise_split(node, (from, to), constants)),
        "Resize" if from < 11 || attributes.get("antialias").is_some() => refused(),
        "Resize"
            if attributes
                .string("coordinate_transformation_mode")
                .is_ok_and(|mode| mode == Some("tf_half_pixel_for_nn")) =>
        {
            refused()
        }
        "BatchNormalization" | "Softmax" | "LogSoftmax" | "Cast" | "Split" | "Resize"
        | "RMSNormalization" => Ok(node.clone()),
        op if UNCHANGED.contains(&op) => Ok(node.clone()),
        _ => refused(),
    }
}

/// `axes` as an input; without the attribute there is none, which means all (Squeeze: all of size 1).
fn with_axes_input(node: &Node, constants: &mut Vec<TensorMessage<'static>>) -> Node {
    let mut node = node.clone();
    if let Some(Attribute::Ints(axes)) = node.attributes.0.remove("axes") {
        node.inputs.truncate(1);
        node.inputs.push(constant(&node, "axes", &axes, constants));
    }
    node
}

/// `split` as an input from opset 13 on; without one, the number of outputs from 18 on.
fn raise_split(
    node: &Node,
    (from, to): (u32, u32),
    constants: &mut Vec<TensorMessage<'static>>,
) -> Node {
    let mut node = node.clone();
    if let (true, Some(Attribute::Ints(lens))) =
        (from < 13 && to >= 13, node.attributes.0.remove("split"))
    {
        node.inputs.truncate(1);
        node.inputs.push(constant(&node, "split", &lens, constants));
    }
    let has_lens = node.inputs.get(1).is_some_and(|name| !name.is_empty());
    if to >= 18 && !has_lens {
        let n_outputs = Attribute::Int(node.outputs.len() as i64);
        node.attributes.0.insert("num_outputs".to_owned(), n_outputs);
    }
    node
}

/// A list of whole numbers as a tensor named after the node's output.
fn constant(
    node: &Node,
    what: &str,
    values: &[i64],
    constants: &mut Vec<TensorMessage<'static>>,
) -> String {
    let output = node.outputs.first().map_or(node.name.as_str(), String::as_str);
    let name = format!("{output}.{what}");
    constants.push(TensorMessage {
        name: Cow::Owned(name.clone()),
        dims: vec![values.len() as i64],
        data_type: 7,
        bytes: values.iter().flat_map(|value| value.to_le_bytes()).collect(),
    });
    name
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Attributes;

    fn graph(opset: u32, op: &str, attributes: &[(&str, Attribute)]) -> Graph {
        let attributes = attributes.iter().map(|(k, v)| ((*k).to_owned(), v.clone())).collect();
        let node = Node {
            name: "n".to_owned(),
            op: op.to_owned(),
            inputs: vec!["x".to_owned()],
            outputs: vec!["y".to_owned()],
            attributes: Attributes(attributes),
        };
        Graph { opset, inputs: Vec::new(), outputs: vec!["y".to_owned()], nodes: vec![node] }
    }

    #[test]
    fn attributes_that_became_inputs_are_carried_over() {
        let axes = [("axes", Attribute::Ints(vec![-1]))];
        let (after, constants) = raised(&graph(13, "ReduceMean", &axes), 21).unwrap();
        assert_eq!((after.opset, after.nodes[0].inputs.len(), constants.len()), (21, 2, 1));
        assert!(after.nodes[0].attributes.get("axes").is_none());
        let (same, constants) = raised(&graph(13, "ReduceMean", &axes), 13).unwrap();
        assert_eq!((same.nodes[0].inputs.len(), constants.len()), (1, 0));
        let (after, _) = raised(&graph(11, "Split", &[]), 21).unwrap();
        assert_eq!(after.nodes[0].attributes.int("num_outputs"), Ok(Some(1)));
    }

    #[test]
    fn what_would_mean_something_else_is_refused() {
        let last = [("axis", Attribute::Int(-1))];
        let first = [("axis", Attribute::Int(1))];
        assert!(raised(&graph(12, "Softmax", &last), 21).is_ok());
        assert!(raised(&graph(13, "Softmax", &first), 21).is_ok());
        for (opset, op, attributes) in [
            (12, "Softmax", &first[..]),
            (9, "Slice", &[]),
            (20, "GroupNormalization", &[]),
            (13, "com.example.Thing", &[]),
        ] {
            let line = raised(&graph(opset, op, attributes), 21).err().unwrap();
            assert!(line.contains("\"n\"") && line.contains(op), "{line}");
        }
    }
}
