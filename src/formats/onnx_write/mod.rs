//! ONNX: the graph as it is, weights as codes behind DequantizeLinear.
//!
//! The opset is raised where the codes need it and the operators mean the same there. Floats that a
//! native model stores narrower than 32 bits stay so behind a Cast.

mod opset;
mod proto;
mod weights;

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::io::{self, Write};

use rten_onnx::protobuf::{EncodeMessage, ErrorKind, ProtobufError, ValueWriter};

use super::export::{
    Content, ExportModel, ExportTensor, FileLayout, LaidOut, OutputInfo, WriteError, Writer,
};
use crate::model::{Attribute, Attributes, Dim, Graph, Node};
use crate::tensor::DType;
use proto::{ModelMessage, TensorMessage, dims_of, elem_type};

pub(super) static WRITER: Writer = Writer {
    id: "onnx",
    name: "ONNX",
    extension: "onnx",
    holds: "whole-number codes under 32-bit scales (int, int-pow2, int-two-level, binary, ternary and the like), 4, 8 or 16 bits each",
    refusal: weights::refusal,
    lay_out,
};

/// An ONNX file in the making.
struct OnnxFile<'a> {
    ir_version: i64,
    graph: Graph,
    title: &'a str,
    card: &'a str,
    initializers: Vec<TensorMessage<'a>>,
    outputs: Vec<(i32, Option<Vec<Dim>>)>,
    n_bytes: u64,
}

fn lay_out<'a>(model: &'a ExportModel<'a>) -> Result<FileLayout<'a>, WriteError> {
    let refused = |reason: String| WriteError::Model(reason);
    let graph = model.graph.as_ref().ok_or_else(|| {
        refused(
            "the model has no graph, which ONNX is made of; write safetensors or GGUF".to_owned(),
        )
    })?;
    check_graph(graph).map_err(refused)?;
    let mut parts = Parts { opset: graph.opset, ..Parts::default() };
    for tensor in &model.tensors {
        parts.add(tensor, model.is_widened).map_err(refused)?;
    }
    let Parts { opset, mut initializers, nodes, renamed } = parts;
    let (mut graph, constants) = opset::raised(graph, opset).map_err(refused)?;
    initializers.extend(constants);
    rename_inputs(&mut graph, &renamed);
    drop_told_types(&mut graph);
    graph.nodes.splice(0..0, nodes);
    check_names(&graph, &initializers).map_err(refused)?;
    let outputs = outputs(&graph, &model.outputs);
    let (title, card) = (model.title.as_str(), model.card.as_str());
    let ir_version = ir_version(graph.opset);
    let mut file = OnnxFile { ir_version, graph, title, card, initializers, outputs, n_bytes: 0 };
    file.n_bytes = file.message().encoded_len().map_err(|error| as_io(&error))?;
    Ok(Box::new(file))
}

/// What of the tensors goes into the graph.
#[derive(Default)]
struct Parts<'a> {
    opset: u32,
    initializers: Vec<TensorMessage<'a>>,
    /// Between the stored tensors and their values.
    nodes: Vec<Node>,
    /// By tensor: the name of its values.
    renamed: HashMap<String, String>,
}

impl<'a> Parts<'a> {
    fn add(&mut self, tensor: &'a ExportTensor<'a>, is_widened: bool) -> Result<(), String> {
        let name = &tensor.name;
        match &tensor.content {
            Content::Coded(coded) => {
                let stored = weights::store(name, &tensor.dims, coded)?;
                self.opset = self.opset.max(stored.opset);
                self.initializers.extend(stored.initializers);
                self.nodes.extend(stored.nodes);
                self.renamed.insert(name.clone(), stored.value);
            }
            Content::Plain { dtype, bytes } => {
                self.initializers.push(TensorMessage {
                    name: Cow::Borrowed(name),
                    dims: dims_of(&tensor.dims),
                    data_type: elem_type(*dtype),
                    bytes: Cow::Borrowed(bytes),
                });
                if is_widened && dtype.is_float() && *dtype != DType::F32 {
                    self.opset = self.opset.max(first_opset(*dtype));
                    self.nodes.push(cast_to_f32(name));
                    self.renamed.insert(name.clone(), format!("{name}.f32"));
                }
            }
        }
        Ok(())
    }
}

/// The first opset whose Cast takes the type.
fn first_opset(dtype: DType) -> u32 {
    match dtype {
        DType::BF16 => 13,
        DType::F64 | DType::F16 => 7,
        DType::F8E8M0 => 23,
        _ => 19,
    }
}

fn cast_to_f32(name: &str) -> Node {
    let to = Attribute::Int(i64::from(elem_type(DType::F32)));
    Node {
        name: format!("{name}.cast"),
        op: "Cast".to_owned(),
        inputs: vec![name.to_owned()],
        outputs: vec![format!("{name}.f32")],
        attributes: Attributes([("to".to_owned(), to)].into()),
    }
}

/// A graph that the file can express at all.
fn check_graph(graph: &Graph) -> Result<(), String> {
    if let Some(node) = graph.nodes.iter().find(|node| node.op.contains('.')) {
        return Err(format!(
            "node {:?}: {} is no operator of ONNX's own, and which version of it is meant is not known; write safetensors",
            node.name, node.op
        ));
    }
    let is_wide = |dtype: DType| !dtype.is_float() || dtype == DType::F32;
    match graph.inputs.iter().find(|input| !is_wide(input.dtype)) {
        Some(input) => Err(format!(
            "graph input {:?} is {}, and weights are dequantized to f32; write safetensors",
            input.name, input.dtype
        )),
        None => Ok(()),
    }
}

/// Names that were added must be new.
fn check_names(graph: &Graph, initializers: &[TensorMessage]) -> Result<(), String> {
    let mut names = HashSet::new();
    let values = graph.nodes.iter().flat_map(|node| &node.outputs).map(String::as_str);
    let inputs = graph.inputs.iter().map(|input| input.name.as_str());
    let tensors = initializers.iter().map(|tensor| &*tensor.name);
    let mut all = values.chain(inputs).chain(tensors).filter(|name| !name.is_empty());
    match all.find(|name| !names.insert(*name)) {
        Some(name) => Err(format!("two values would be called {name:?}; write safetensors")),
        None => Ok(()),
    }
}

/// A zero point says which type a QuantizeLinear makes; the attribute is of a later opset.
fn drop_told_types(graph: &mut Graph) {
    let has_zero_point = |node: &&mut Node| node.inputs.get(2).is_some_and(|name| !name.is_empty());
    let quantized = graph.nodes.iter_mut().filter(|node| node.op == "QuantizeLinear");
    for node in quantized.filter(has_zero_point) {
        node.attributes.0.remove("output_dtype");
    }
}

fn rename_inputs(graph: &mut Graph, renamed: &HashMap<String, String>) {
    let inputs = graph.nodes.iter_mut().flat_map(|node| &mut node.inputs);
    for name in inputs.chain(&mut graph.outputs) {
        if let Some(new) = renamed.get(name) {
            new.clone_into(name);
        }
    }
}

/// The first version of the file format that an opset may stand in.
fn ir_version(opset: u32) -> i64 {
    match opset {
        0..=8 => 3,
        9 => 4,
        10 => 5,
        11 => 6,
        12..=14 => 7,
        15..=18 => 8,
        19..=20 => 9,
        21..=22 => 10,
        23 => 11,
        _ => 12,
    }
}

/// Types and shapes of the outputs. Values in memory have no narrow types: what a Cast makes is said
/// by its attribute.
fn outputs(graph: &Graph, known: &[OutputInfo]) -> Vec<(i32, Option<Vec<Dim>>)> {
    let cast = |name: &String| {
        let node = graph.nodes.iter().find(|node| node.outputs.contains(name))?;
        let to = node.attributes.int("to").ok()?.filter(|_| node.op == "Cast")?;
        i32::try_from(to).ok()
    };
    let output = |(idx, name): (usize, &String)| {
        let info = known.get(idx);
        let in_memory = info.map_or(DType::F32, |info| info.dtype);
        let elem_type = cast(name).unwrap_or_else(|| elem_type(in_memory));
        (elem_type, info.map(|info| info.shape.clone()))
    };
    graph.outputs.iter().enumerate().map(output).collect()
}

impl OnnxFile<'_> {
    fn message(&self) -> ModelMessage<'_> {
        ModelMessage {
            ir_version: self.ir_version,
            graph: &self.graph,
            title: self.title,
            initializers: &self.initializers,
            outputs: &self.outputs,
            metadata: vec![("quantscope.card", self.card)],
        }
    }
}

impl LaidOut for OnnxFile<'_> {
    fn n_bytes(&self) -> u64 {
        self.n_bytes
    }

    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        self.message().encode(ValueWriter::new(out)).map_err(|error| as_io(&error))
    }
}

/// The system's error where it is one.
fn as_io(error: &ProtobufError) -> io::Error {
    match error.kind() {
        ErrorKind::IoError(system) => io::Error::new(system.kind(), system.to_string()),
        _ => io::Error::other(error.to_string()),
    }
}
