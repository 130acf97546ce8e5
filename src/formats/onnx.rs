//! ONNX: the graph and its tensors onto the same types as the native form.
//!
//! The protocol buffers are parsed by `rten-onnx`. Tensors kept in other files are taken from the
//! model's own folder only.
#![deny(clippy::as_conversions)]

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use rten_onnx::onnx::{
    AttributeProto, AttributeType, GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto,
};

use super::onnx_tensor::{TensorReader, dtype_of};
use super::{FormatError, Reader, SourceFile, graph_json};
use crate::model::{Attribute, Attributes, Card, Dim, Graph, GraphInput, Model, Node, TensorStore};
use crate::tensor::DType;

pub(super) static READER: Reader =
    Reader { id: "onnx", name: "ONNX", extensions: &["onnx"], detect, read };

const CARD_KEY: &str = "quantscope.card";
/// Deepest nesting of messages that is parsed: subgraphs within subgraphs.
const MAX_DEPTH: usize = 24;

/// The first field of a model is its format version, a small number.
fn detect(bytes: &[u8]) -> bool {
    matches!(bytes, [0x08, 1..=63, ..])
}

fn read(source: &SourceFile) -> Result<Model, FormatError> {
    check_depth(source.bytes(), MAX_DEPTH)?;
    let proto = ModelProto::parse_buf(source.bytes()).map_err(|error| {
        // The outermost message has no name, which leaves two spaces.
        let error = error.to_string().replace("in message  ", "in the outermost message, ");
        malformed(format!("the ONNX file is truncated or damaged ({error}); export it again"))
    })?;
    let graph_proto = proto
        .graph
        .as_ref()
        .ok_or_else(|| malformed("the ONNX file holds no graph; export it again".to_owned()))?;
    let mut warnings = Vec::new();
    let mut files: Vec<PathBuf> = source.path().map(Path::to_owned).into_iter().collect();
    let mut reader = TensorReader::new(source.folder());
    let store = read_initializers(graph_proto, &mut reader, &mut warnings)?;
    files.extend(reader.into_external_files());
    let graph = read_graph(&proto, graph_proto, &store)?;
    graph.validate(|name| store.info(name).is_some())?;
    let mut metadata = metadata_of(&proto);
    let card = match metadata.remove(CARD_KEY) {
        None => Card::default(),
        Some(text) => graph_json::parse_card(&text)?,
    };
    let mut metadata: Vec<(String, String)> = metadata.into_iter().collect();
    metadata.sort();
    Ok(Model {
        title: card.title.clone().unwrap_or_else(|| source.default_title()),
        path: source.path().map(Path::to_owned),
        files,
        format: READER.id,
        card,
        metadata,
        store,
        graph: Some(graph),
        warnings,
    })
}

fn metadata_of(proto: &ModelProto) -> HashMap<String, String> {
    let producer = [&proto.producer_name, &proto.producer_version];
    let producer: Vec<&str> = producer.into_iter().flatten().map(String::as_str).collect();
    let producer = producer.join(" ").trim().to_owned();
    proto
        .metadata_props
        .iter()
        .filter_map(|entry| Some((entry.key.clone()?, entry.value.clone().unwrap_or_default())))
        .chain((!producer.is_empty()).then(|| ("producer".to_owned(), producer)))
        .collect()
}

fn read_initializers(
    graph: &GraphProto,
    reader: &mut TensorReader,
    warnings: &mut Vec<String>,
) -> Result<TensorStore, FormatError> {
    let mut store = TensorStore::default();
    for tensor in &graph.initializer {
        let name = tensor.name.clone().unwrap_or_default();
        match reader.read(&name, tensor)? {
            Some(found) => {
                store.insert(&name, found.info, &found.bytes, (found.start, found.end))?;
            }
            None => warnings.push(format!("tensor {name:?} holds text and was left out")),
        }
    }
    Ok(store)
}

fn read_graph(
    model: &ModelProto,
    graph: &GraphProto,
    store: &TensorStore,
) -> Result<Graph, FormatError> {
    let opset = model
        .opset_import
        .iter()
        .find(|set| is_default_domain(set.domain.as_deref()))
        .and_then(|set| set.version)
        .and_then(|version| u32::try_from(version).ok())
        .ok_or_else(|| malformed("the ONNX file names no operator set version".to_owned()))?;
    let inputs = graph
        .input
        .iter()
        .filter(|input| store.info(input.name.as_deref().unwrap_or_default()).is_none())
        .map(read_input)
        .collect::<Result<_, _>>()?;
    let mut names = BTreeSet::new();
    let mut nodes: Vec<Node> =
        graph.node.iter().map(|node| read_node(node, &mut names)).collect::<Result<_, _>>()?;
    name_quantized_types(&mut nodes, graph);
    let outputs = graph.output.iter().filter_map(|output| output.name.clone()).collect();
    Ok(Graph { opset, inputs, outputs, nodes })
}

/// Values have no narrow integer types here, so a QuantizeLinear is told that of its zero point.
fn name_quantized_types(nodes: &mut [Node], graph: &GraphProto) {
    if nodes.iter().all(|node| node.op != "QuantizeLinear") {
        return;
    }
    let of_tensor = |name: Option<&String>, tensor: &TensorProto| {
        Some((name?.clone(), i64::from(tensor.data_type?.0)))
    };
    let stored = graph.initializer.iter().filter_map(|t| of_tensor(t.name.as_ref(), t));
    let constants = graph.node.iter().filter(|node| node.op_type.as_deref() == Some("Constant"));
    let constants = constants.filter_map(|node| {
        let tensor = node.attribute.iter().find_map(|attribute| attribute.t.as_ref())?;
        of_tensor(node.output.first(), tensor)
    });
    let types: HashMap<String, i64> = stored.chain(constants).collect();
    for node in nodes.iter_mut().filter(|node| node.op == "QuantizeLinear") {
        if let Some(&number) = node.inputs.get(2).and_then(|name| types.get(name)) {
            node.attributes.0.entry("output_dtype".to_owned()).or_insert(Attribute::Int(number));
        }
    }
}

fn is_default_domain(domain: Option<&str>) -> bool {
    matches!(domain, None | Some("" | "ai.onnx"))
}

fn read_input(input: &ValueInfoProto) -> Result<GraphInput, FormatError> {
    let name = input.name.clone().unwrap_or_default();
    let tensor = input.r#type.as_ref().and_then(|t| t.tensor_type.as_ref());
    let dtype = tensor.and_then(|t| t.elem_type).and_then(dtype_of).unwrap_or(DType::F32);
    let dims = tensor.and_then(|t| t.shape.as_ref()).map(|shape| shape.dim.as_slice());
    let mut shape = Vec::new();
    for (dim_idx, dim) in dims.unwrap_or_default().iter().enumerate() {
        shape.push(match (dim.dim_value, &dim.dim_param) {
            (Some(size), _) if size > 0 => Dim::Fixed(
                usize::try_from(size)
                    .map_err(|_| malformed(format!("graph input {name:?} has dimension {size}")))?,
            ),
            (Some(size), _) if size < 0 => {
                return Err(malformed(format!("graph input {name:?} has dimension {size}")));
            }
            (_, Some(param)) if !param.is_empty() => Dim::Free(param.clone()),
            _ => Dim::Free(format!("dim{dim_idx}")),
        });
    }
    Ok(GraphInput { name, dtype, shape })
}

/// A node; one without a name, or with a name used before, is called after its first output.
fn read_node(node: &NodeProto, names: &mut BTreeSet<String>) -> Result<Node, FormatError> {
    let op_type = node.op_type.clone().unwrap_or_default();
    let op = match node.domain.as_deref() {
        domain if is_default_domain(domain) => op_type,
        Some(domain) => format!("{domain}.{op_type}"),
        None => op_type,
    };
    let own_name = node.name.clone().filter(|name| !name.is_empty() && !names.contains(name));
    let name = own_name.or_else(|| node.output.first().cloned()).unwrap_or_default();
    names.insert(name.clone());
    let mut attributes = Attributes::default();
    for attribute in &node.attribute {
        let key = attribute.name.clone().unwrap_or_default();
        let value = read_attribute(attribute).map_err(|error| {
            malformed(format!("node {name:?} ({op}): attribute {key:?}: {error}"))
        })?;
        attributes.0.insert(key, value);
    }
    Ok(Node { name, op, inputs: node.input.clone(), outputs: node.output.clone(), attributes })
}

fn read_attribute(proto: &AttributeProto) -> Result<Attribute, FormatError> {
    let kind = proto.r#type.unwrap_or_else(|| guess_type(proto));
    Ok(match kind {
        AttributeType::FLOAT => Attribute::Float(proto.f.unwrap_or(0.0)),
        AttributeType::INT => Attribute::Int(proto.i.unwrap_or(0)),
        AttributeType::STRING => Attribute::String(proto.s.clone().unwrap_or_default()),
        AttributeType::FLOATS => Attribute::Floats(proto.floats.clone()),
        AttributeType::INTS => Attribute::Ints(proto.ints.clone()),
        AttributeType::STRINGS => Attribute::Strings(proto.strings.clone()),
        AttributeType::TENSOR => {
            let tensor = proto.t.as_ref().ok_or_else(|| malformed("it has no value".to_owned()))?;
            Attribute::Tensor(TensorReader::new(None).value(tensor)?)
        }
        AttributeType::GRAPH => Attribute::String("(a subgraph)".to_owned()),
        other => return Err(malformed(format!("type {} is not known", other.0))),
    })
}

fn guess_type(proto: &AttributeProto) -> AttributeType {
    if proto.t.is_some() {
        AttributeType::TENSOR
    } else if proto.f.is_some() {
        AttributeType::FLOAT
    } else if proto.i.is_some() {
        AttributeType::INT
    } else if proto.s.is_some() {
        AttributeType::STRING
    } else if !proto.floats.is_empty() {
        AttributeType::FLOATS
    } else if !proto.strings.is_empty() {
        AttributeType::STRINGS
    } else {
        AttributeType::INTS
    }
}

/// The messages of an ONNX file that can hold others of their own kind.
#[derive(Clone, Copy)]
enum Nesting {
    Model,
    Graph,
    Node,
    Attribute,
    ValueInfo,
    Type,
    /// A sequence or an optional, with its element's type.
    Container,
    Map,
}

impl Nesting {
    /// What that field of the message holds, if it can nest.
    fn child(self, field: u64) -> Option<Self> {
        Some(match (self, field) {
            (Self::Model, 7) | (Self::Attribute, 6 | 11) => Self::Graph,
            (Self::Graph, 1) => Self::Node,
            (Self::Graph, 11..=13) => Self::ValueInfo,
            (Self::Node, 5) => Self::Attribute,
            (Self::Attribute, 14 | 15)
            | (Self::ValueInfo | Self::Map, 2)
            | (Self::Container, 1) => Self::Type,
            (Self::Type, 4 | 9) => Self::Container,
            (Self::Type, 5) => Self::Map,
            _ => return None,
        })
    }
}

/// Refuses a file whose messages nest so deep that a parser which recurses would run out of stack.
fn check_depth(bytes: &[u8], max_depth: usize) -> Result<(), FormatError> {
    let mut pending = vec![(bytes, 0, Nesting::Model)];
    while let Some((message, depth, kind)) = pending.pop() {
        if depth > max_depth {
            return Err(malformed(format!(
                "the ONNX file nests graphs or types deeper than {max_depth} messages, which no exporter does"
            )));
        }
        let mut rest = message;
        while let Some((field, content, after)) = next_field(rest) {
            if let (Some(child), Some(content)) = (kind.child(field), content) {
                pending.push((content, depth + 1, child));
            }
            rest = after;
        }
    }
    Ok(())
}

/// Number of a field, its bytes if it has a length, and what comes after it.
type Field<'a> = (u64, Option<&'a [u8]>, &'a [u8]);

/// The next field of a message.
fn next_field(bytes: &[u8]) -> Option<Field<'_>> {
    let (key, rest) = varint(bytes)?;
    let number = key >> 3;
    match key & 7 {
        0 => varint(rest).map(|(_, after)| (number, None, after)),
        1 => Some((number, None, rest.get(8..)?)),
        2 => {
            let (len, rest) = varint(rest)?;
            let (content, after) = rest.split_at_checked(usize::try_from(len).ok()?)?;
            Some((number, Some(content), after))
        }
        5 => Some((number, None, rest.get(4..)?)),
        _ => None,
    }
}

fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0u64;
    for (byte_idx, &byte) in bytes.iter().take(10).enumerate() {
        value |= u64::from(byte & 0x7f).checked_shl(u32::try_from(byte_idx * 7).ok()?)?;
        if byte & 0x80 == 0 {
            return Some((value, bytes.get(byte_idx + 1..)?));
        }
    }
    None
}

fn malformed(text: String) -> FormatError {
    FormatError::Malformed(text)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// `content` as a field of a message.
    fn field(number: u8, content: &[u8]) -> Vec<u8> {
        let mut bytes = vec![number << 3 | 2];
        let mut len = content.len();
        while len >= 0x80 {
            bytes.push(u8::try_from(len & 0x7f).unwrap() | 0x80);
            len >>= 7;
        }
        bytes.push(u8::try_from(len).unwrap());
        bytes.extend(content);
        bytes
    }

    #[test]
    fn types_and_graphs_that_nest_without_end_are_refused() {
        let types = |n: usize| (0..n).fold(Vec::new(), |inner, _| field(4, &field(1, &inner)));
        let inputs = |n: usize| field(7, &field(11, &field(2, &types(n))));
        assert!(check_depth(&inputs(3), MAX_DEPTH).is_ok());
        assert!(check_depth(&inputs(2_000), MAX_DEPTH).is_err());
        let graphs =
            |n: usize| (0..n).fold(Vec::new(), |inner, _| field(1, &field(5, &field(6, &inner))));
        assert!(check_depth(&field(7, &graphs(3)), MAX_DEPTH).is_ok());
        assert!(check_depth(&field(7, &graphs(2_000)), MAX_DEPTH).is_err());
    }
}
