//! Graph and card as the JSON texts that [`graph_json`](super::graph_json) reads.

use serde_json::{Map, Value as Json, json};

use crate::model::{Attribute, Card, CardMetric, Dim, Graph, GraphInput, Node};
use crate::tensor::Value;

/// The text under `quantscope.graph`.
///
/// # Errors
/// An attribute that JSON cannot hold: a number that is not finite, in words.
pub fn graph_text(graph: &Graph) -> Result<String, String> {
    let nodes = graph.nodes.iter().map(node_json).collect::<Result<Vec<_>, _>>()?;
    let outputs: Vec<Json> = graph.outputs.iter().map(|name| json!({"name": name})).collect();
    let inputs: Vec<Json> = graph.inputs.iter().map(input_json).collect();
    let json = json!({
        "version": 1, "opset": graph.opset, "inputs": inputs, "outputs": outputs, "nodes": nodes,
    });
    Ok(json.to_string())
}

fn input_json(input: &GraphInput) -> Json {
    let dim = |dim: &Dim| match dim {
        Dim::Fixed(size) => json!(size),
        Dim::Free(name) => json!(name),
    };
    let shape: Vec<Json> = input.shape.iter().map(dim).collect();
    json!({"name": input.name, "dtype": input.dtype.name(), "shape": shape})
}

fn node_json(node: &Node) -> Result<Json, String> {
    let mut attributes = Map::new();
    for (name, attribute) in &node.attributes.0 {
        let value = attribute_json(attribute).ok_or_else(|| {
            format!(
                "node {:?} ({}): attribute {name:?} is not finite, which JSON cannot hold; write ONNX",
                node.name, node.op
            )
        })?;
        attributes.insert(name.clone(), value);
    }
    Ok(json!({
        "name": node.name, "op": node.op, "inputs": node.inputs, "outputs": node.outputs,
        "attributes": attributes,
    }))
}

fn attribute_json(attribute: &Attribute) -> Option<Json> {
    Some(match attribute {
        Attribute::Int(int) => json!(int),
        Attribute::Float(float) => number(*float)?,
        Attribute::String(text) => json!(text),
        Attribute::Ints(ints) => json!(ints),
        Attribute::Floats(floats) => {
            Json::Array(floats.iter().map(|&x| number(x)).collect::<Option<_>>()?)
        }
        Attribute::Strings(texts) => json!(texts),
        Attribute::Tensor(value) => {
            let leaves = match value {
                Value::F32(array) => array.iter().map(|&x| number(x)).collect::<Option<_>>()?,
                Value::I64(array) => array.iter().map(|int| json!(int)).collect(),
                Value::Bool(array) => array.iter().map(|bit| json!(bit)).collect(),
            };
            json!({"tensor": nested(value.dims(), leaves), "dtype": value.type_name()})
        }
    })
}

/// In double precision, which holds every `f32`.
fn number(value: f32) -> Option<Json> {
    serde_json::Number::from_f64(f64::from(value)).map(Json::Number)
}

fn nested(dims: &[usize], leaves: Vec<Json>) -> Json {
    let Some((_, inner)) = dims.split_first() else {
        return leaves.into_iter().next().unwrap_or(Json::Null);
    };
    let len: usize = inner.iter().product();
    if inner.is_empty() || len == 0 {
        return Json::Array(leaves);
    }
    Json::Array(leaves.chunks(len).map(|chunk| nested(inner, chunk.to_vec())).collect())
}

/// The text under `quantscope.card`.
pub fn card_text(card: &Card) -> String {
    let mut object = Map::new();
    let texts = [
        ("title", &card.title),
        ("teaches", &card.teaches),
        ("description", &card.description),
        ("data", &card.data),
        ("licence", &card.licence),
        ("source", &card.source),
        ("trained", &card.trained),
        ("critical", &card.critical),
    ];
    for (key, text) in texts {
        object.extend(text.as_ref().map(|text| (key.to_owned(), json!(text))));
    }
    if let Some(CardMetric { name, value, samples, split, tolerance }) = &card.metric {
        let metric = json!({
            "name": name, "value": value, "samples": samples, "split": split, "tolerance": tolerance,
        });
        object.insert("metric".to_owned(), metric);
    }
    if !card.tries.is_empty() {
        object.insert("try".to_owned(), json!(card.tries));
    }
    for (key, list) in [("classes", &card.classes), ("vocabulary", &card.vocabulary)] {
        object.extend(list.as_ref().map(|list| (key.to_owned(), json!(list))));
    }
    object.extend(card.more.iter().map(|(key, text)| (key.clone(), json!(text))));
    Json::Object(object).to_string()
}

#[cfg(test)]
mod tests {
    use super::super::graph_json::{parse_card, parse_graph};
    use super::*;

    #[test]
    fn graphs_and_cards_come_back() {
        let text = r#"{"version":1,"opset":13,"inputs":[{"name":"x","dtype":"f32","shape":["N",3]}],
            "outputs":[{"name":"y"}],"nodes":[{"name":"n","op":"Op","inputs":["x",""],"outputs":["y"],
            "attributes":{"a":1,"b":1.0,"c":"t","d":[1,2],"e":[0.5,1.0],"f":["u"],
            "g":{"tensor":[[1,2],[3,4]],"dtype":"i64"},"h":{"tensor":0.1,"dtype":"f32"},
            "i":{"tensor":[true,false],"dtype":"bool"},"j":[]}}]}"#;
        let graph = parse_graph(text).unwrap();
        let again = parse_graph(&graph_text(&graph).unwrap()).unwrap();
        assert_eq!(format!("{again:?}"), format!("{graph:?}"));
        let card = r#"{"title":"T","classes":["a"],"metric":{"name":"top1","value":0.5},"odd":"x","try":["do"]}"#;
        let card = parse_card(card).unwrap();
        assert_eq!(parse_card(&card_text(&card)).unwrap(), card);
    }

    #[test]
    fn what_json_cannot_hold_is_named() {
        let mut graph = parse_graph(
            r#"{"version":1,"opset":13,"inputs":[],"outputs":[],"nodes":[{"name":"n","op":"Clip","inputs":[],"outputs":[]}]}"#,
        )
        .unwrap();
        let attributes = &mut graph.nodes[0].attributes.0;
        attributes.insert("min".to_owned(), Attribute::Float(f32::NEG_INFINITY));
        assert!(graph_text(&graph).unwrap_err().contains("\"n\""));
    }
}
