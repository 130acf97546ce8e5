//! The graph of a native model: the JSON text under `quantscope.graph`, a one-to-one image of an
//! ONNX graph.
#![deny(clippy::as_conversions)]

use serde::Deserialize;
use serde_json::Value as Json;

use super::FormatError;
use crate::base::shortened;
use crate::model::{Attribute, Attributes, Card, CardMetric, Dim, Graph, GraphInput, Node};
use crate::tensor::{DType, Value};

/// Version of the graph's form that is read.
const VERSION: u64 = 1;

#[derive(Deserialize)]
struct GraphJson {
    version: u64,
    opset: u32,
    inputs: Vec<InputJson>,
    outputs: Vec<OutputJson>,
    nodes: Vec<NodeJson>,
}

#[derive(Deserialize)]
struct InputJson {
    name: String,
    dtype: String,
    shape: Vec<Json>,
}

#[derive(Deserialize)]
struct OutputJson {
    name: String,
}

#[derive(Deserialize)]
struct NodeJson {
    #[serde(default)]
    name: String,
    op: String,
    inputs: Vec<String>,
    outputs: Vec<String>,
    #[serde(default)]
    attributes: Option<Json>,
}

/// Reads a graph; whether its values are all provided is checked by
/// [`Graph::validate`](crate::model::Graph::validate).
///
/// # Errors
/// [`FormatError::Malformed`] naming the node and the attribute.
pub fn parse_graph(text: &str) -> Result<Graph, FormatError> {
    let json: GraphJson = serde_json::from_str(text)
        .map_err(|error| malformed(format!("quantscope.graph cannot be read: {error}")))?;
    if json.version != VERSION {
        return Err(malformed(format!(
            "quantscope.graph has version {}, this program reads version {VERSION}; a newer program may read it",
            json.version
        )));
    }
    let inputs = json.inputs.into_iter().map(parse_input).collect::<Result<_, _>>()?;
    let nodes = json.nodes.into_iter().map(parse_node).collect::<Result<_, _>>()?;
    let outputs = json.outputs.into_iter().map(|output| output.name).collect();
    Ok(Graph { opset: json.opset, inputs, outputs, nodes })
}

fn parse_input(json: InputJson) -> Result<GraphInput, FormatError> {
    let InputJson { name, dtype, shape } = json;
    let dtype = DType::from_name(&dtype).ok_or_else(|| {
        malformed(format!("graph input {name:?} has type {dtype:?}, expected one such as \"f32\""))
    })?;
    let dim = |dim: &Json| match (dim.as_str(), dim.as_u64()) {
        (Some(text), _) => Ok(Dim::Free(text.to_owned())),
        (_, Some(size)) => usize::try_from(size)
            .map(Dim::Fixed)
            .map_err(|_| malformed(format!("graph input {name:?} has dimension {size}"))),
        _ => Err(malformed(format!(
            "graph input {name:?} has dimension {dim}, expected a whole number or a name"
        ))),
    };
    let shape = shape.iter().map(dim).collect::<Result<_, _>>()?;
    Ok(GraphInput { name, dtype, shape })
}

fn parse_node(json: NodeJson) -> Result<Node, FormatError> {
    let NodeJson { name, op, inputs, outputs, attributes } = json;
    let attributes = match &attributes {
        None => Attributes::default(),
        Some(json) => parse_attributes(json)
            .map_err(|error| malformed(format!("node {name:?} ({op}): {error}")))?,
    };
    Ok(Node { name, op, inputs, outputs, attributes })
}

/// Reads the attributes of a node: a JSON object whose values are numbers, texts, lists of one
/// kind, or `{"tensor": nested list, "dtype": "i64"}`.
///
/// # Errors
/// [`FormatError::Malformed`] naming the attribute.
pub fn parse_attributes(json: &Json) -> Result<Attributes, FormatError> {
    let object = json.as_object().ok_or_else(|| {
        malformed(format!("attributes are {}, expected an object", shortened(json.to_string())))
    })?;
    let mut attributes = Attributes::default();
    for (name, value) in object {
        let attribute = parse_attribute(value)
            .ok_or_else(|| malformed(format!("attribute {name:?} has the value {}, expected a number, a text, a list of one kind or a tensor", shortened(value.to_string()))))?;
        attributes.0.insert(name.clone(), attribute);
    }
    Ok(attributes)
}

fn parse_attribute(json: &Json) -> Option<Attribute> {
    match json {
        Json::String(text) => Some(Attribute::String(text.clone())),
        Json::Bool(on) => Some(Attribute::Int(i64::from(*on))),
        Json::Number(number) => Some(match number.as_i64() {
            Some(int) => Attribute::Int(int),
            None => Attribute::Float(narrow(number.as_f64()?)),
        }),
        Json::Array(items) => parse_list(items),
        Json::Object(object) => {
            let dtype = match object.get("dtype") {
                None => None,
                Some(name) => Some(DType::from_name(name.as_str()?)?),
            };
            parse_tensor(object.get("tensor")?, dtype).map(Attribute::Tensor)
        }
        Json::Null => None,
    }
}

fn parse_list(items: &[Json]) -> Option<Attribute> {
    if let Some(ints) = items.iter().map(Json::as_i64).collect::<Option<Vec<i64>>>() {
        return Some(Attribute::Ints(ints));
    }
    if let Some(floats) = items.iter().map(Json::as_f64).collect::<Option<Vec<f64>>>() {
        return Some(Attribute::Floats(floats.into_iter().map(narrow).collect()));
    }
    let texts = items.iter().map(|item| item.as_str().map(str::to_owned));
    Some(Attribute::Strings(texts.collect::<Option<_>>()?))
}

/// A nested list with its type; without one, whole numbers are `i64` and anything else `f32`.
fn parse_tensor(json: &Json, dtype: Option<DType>) -> Option<Value> {
    let mut dims = Vec::new();
    let mut level = json;
    while let Json::Array(items) = level {
        dims.push(items.len());
        match items.first() {
            Some(first) => level = first,
            None => break,
        }
    }
    let mut leaves = Vec::new();
    collect_leaves(json, &dims, &mut leaves)?;
    let all_whole = leaves.iter().all(|leaf| leaf.is_i64() || leaf.is_boolean());
    let dtype = dtype.unwrap_or(if all_whole { DType::I64 } else { DType::F32 });
    let shape = ndarray::IxDyn(&dims);
    let number =
        |leaf: &&Json| leaf.as_f64().or_else(|| leaf.as_bool().map(|b| f64::from(u8::from(b))));
    if dtype.is_float() {
        let floats = leaves.iter().map(number).map(|f| f.map(narrow)).collect::<Option<_>>()?;
        return Some(Value::F32(ndarray::ArcArray::from_shape_vec(shape, floats).ok()?));
    }
    let whole = |leaf: &&Json| leaf.as_i64().or_else(|| leaf.as_bool().map(i64::from));
    let ints: Vec<i64> = leaves.iter().map(whole).collect::<Option<_>>()?;
    if dtype == DType::Bool {
        let bools = ints.into_iter().map(|int| int != 0).collect();
        return Some(Value::Bool(ndarray::ArcArray::from_shape_vec(shape, bools).ok()?));
    }
    Some(Value::I64(ndarray::ArcArray::from_shape_vec(shape, ints).ok()?))
}

/// The leaves of a nested list in order; `None` when it is ragged.
fn collect_leaves<'a>(json: &'a Json, dims: &[usize], leaves: &mut Vec<&'a Json>) -> Option<()> {
    match (dims.split_first(), json) {
        (None, Json::Array(_)) => return None,
        (None, leaf) => leaves.push(leaf),
        (Some((&len, rest)), Json::Array(items)) if items.len() == len => {
            for item in items {
                collect_leaves(item, rest, leaves)?;
            }
        }
        _ => return None,
    }
    Some(())
}

/// Reads the card: known keys as such, everything else as text.
///
/// # Errors
/// [`FormatError::Malformed`] when it is not a JSON object.
pub fn parse_card(text: &str) -> Result<Card, FormatError> {
    let json: Json = serde_json::from_str(text)
        .map_err(|error| malformed(format!("quantscope.card cannot be read: {error}")))?;
    let object = json
        .as_object()
        .ok_or_else(|| malformed("quantscope.card is not a JSON object".to_owned()))?;
    let mut card = Card::default();
    for (key, value) in object {
        match (key.as_str(), value) {
            (_, Json::Null) => {}
            ("title", Json::String(text)) => card.title = Some(text.clone()),
            ("teaches", Json::String(text)) => card.teaches = Some(text.clone()),
            ("description", Json::String(text)) => card.description = Some(text.clone()),
            ("data", Json::String(text)) => card.data = Some(text.clone()),
            ("licence", Json::String(text)) => card.licence = Some(text.clone()),
            ("source", Json::String(text)) => card.source = Some(text.clone()),
            ("trained", Json::String(text)) => card.trained = Some(text.clone()),
            ("critical", Json::String(text)) => card.critical = Some(text.clone()),
            ("metric", Json::Object(fields)) if parse_metric(fields).is_some() => {
                card.metric = parse_metric(fields);
            }
            ("try", Json::Array(items)) => card.tries = items.iter().map(as_text).collect(),
            ("classes", Json::Array(items)) => {
                card.classes = Some(items.iter().map(as_text).collect());
            }
            ("vocabulary", Json::Array(items)) => {
                card.vocabulary = Some(items.iter().map(as_text).collect());
            }
            (_, Json::Array(items)) => {
                let lines: Vec<String> = items.iter().map(as_text).collect();
                card.more.push((key.clone(), lines.join("\n")));
            }
            (_, other) => card.more.push((key.clone(), as_text(other))),
        }
    }
    Ok(card)
}

/// `None` where a name or a number is missing.
fn parse_metric(fields: &serde_json::Map<String, Json>) -> Option<CardMetric> {
    Some(CardMetric {
        name: fields.get("name")?.as_str()?.to_owned(),
        value: fields.get("value")?.as_f64()?,
        samples: fields.get("samples").and_then(Json::as_u64),
        split: fields.get("split").and_then(Json::as_str).map(str::to_owned),
        tolerance: fields.get("tolerance").and_then(Json::as_f64),
    })
}

fn as_text(json: &Json) -> String {
    match json {
        Json::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[allow(clippy::as_conversions)] // Rounding to f32 is the format's rule; there is no `From`.
fn narrow(value: f64) -> f32 {
    value as f32
}

fn malformed(text: String) -> FormatError {
    FormatError::Malformed(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_of_every_kind() {
        let json = serde_json::json!({
            "axis": -1, "alpha": 1.5, "auto_pad": "SAME_UPPER", "pads": [0, 1], "scales": [1, 2.5],
            "modes": ["a", "b"], "value": {"tensor": [[1, 2], [3, 4]]},
            "half": {"tensor": [1, 2], "dtype": "f32"}, "none": [], "scalar": {"tensor": 2.5}
        });
        let attributes = parse_attributes(&json).unwrap();
        assert_eq!(attributes.int("axis"), Ok(Some(-1)));
        assert_eq!(attributes.float("axis"), Ok(Some(-1.0)));
        assert_eq!(attributes.floats("scales"), Ok(Some(vec![1.0, 2.5])));
        assert_eq!(attributes.ints("none"), Ok(Some(vec![])));
        assert!(attributes.int("alpha").is_err());
        let dims = |name: &str| attributes.tensor(name).unwrap().unwrap().dims().to_vec();
        assert_eq!(dims("value"), [2, 2]);
        assert_eq!(dims("scalar"), [0usize; 0]);
        assert_eq!(attributes.tensor("half").unwrap().unwrap().type_name(), "f32");
    }

    #[test]
    fn broken_attributes_are_named() {
        for json in [
            serde_json::json!({"x": null}),
            serde_json::json!({"x": [1, "a"]}),
            serde_json::json!({"x": {"tensor": [[1], [1, 2]]}}),
            serde_json::json!({"x": {"tensor": [1], "dtype": "q4"}}),
        ] {
            let error = parse_attributes(&json).unwrap_err().to_string();
            assert!(error.contains("\"x\""), "{json}: {error}");
        }
    }
}
