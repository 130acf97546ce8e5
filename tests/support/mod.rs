//! Small model and sample files, well formed or not, for the integration tests.
#![allow(dead_code, clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};

/// A safetensors file in the making. Nothing is checked, so that it can lie.
#[derive(Clone, Default)]
pub struct FileBuilder {
    header: serde_json::Map<String, Json>,
    metadata: serde_json::Map<String, Json>,
    data: Vec<u8>,
}

impl FileBuilder {
    pub fn new() -> Self {
        Self::default()
    }

    /// A tensor of `f32`.
    pub fn floats(self, name: &str, shape: &[usize], values: &[f32]) -> Self {
        let bytes = values.iter().flat_map(|x| x.to_le_bytes()).collect();
        self.tensor(name, "F32", shape, bytes)
    }

    /// A tensor of any type, from its bytes.
    pub fn tensor(mut self, name: &str, dtype: &str, shape: &[usize], bytes: Vec<u8>) -> Self {
        let start = self.data.len();
        self.data.extend(bytes);
        let offsets = [start, self.data.len()];
        self.header.insert(
            name.to_owned(),
            json!({"dtype": dtype, "shape": shape, "data_offsets": offsets}),
        );
        self
    }

    /// Overwrites a field of a tensor's entry.
    pub fn lie(mut self, name: &str, field: &str, value: Json) -> Self {
        self.header[name][field] = value;
        self
    }

    pub fn metadata(mut self, key: &str, value: &Json) -> Self {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        self.metadata.insert(key.to_owned(), json!(text));
        self
    }

    pub fn graph(self, graph: &Json) -> Self {
        self.metadata("quantscope.graph", graph)
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut header = self.header.clone();
        if !self.metadata.is_empty() {
            header.insert("__metadata__".to_owned(), Json::Object(self.metadata.clone()));
        }
        let mut text = serde_json::to_vec(&header).unwrap();
        text.resize(text.len().next_multiple_of(8), b' ');
        let mut bytes = (text.len() as u64).to_le_bytes().to_vec();
        bytes.extend(text);
        bytes.extend(&self.data);
        bytes
    }

    pub fn write(&self, folder: &Path, name: &str) -> PathBuf {
        write(folder, name, &self.bytes())
    }
}

pub fn write(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

/// One node as the graph's JSON has it.
pub fn node(name: &str, op: &str, inputs: &[&str], outputs: &[&str], attributes: Json) -> Json {
    json!({"name": name, "op": op, "inputs": inputs, "outputs": outputs, "attributes": attributes})
}

/// A graph from `input` of shape `[N, …]` to `output`.
pub fn graph(sample_dims: &[usize], nodes: Vec<Json>) -> Json {
    let mut shape = vec![json!("N")];
    shape.extend(sample_dims.iter().map(|dim| json!(dim)));
    json!({
        "version": 1, "opset": 13,
        "inputs": [{"name": "input", "dtype": "f32", "shape": shape}],
        "outputs": [{"name": "output"}],
        "nodes": nodes,
    })
}

/// A dense layer from two numbers to two classes.
pub fn dense_model() -> FileBuilder {
    let gemm =
        node("fc", "Gemm", &["input", "fc.weight", "fc.bias"], &["output"], json!({"transB": 1}));
    FileBuilder::new()
        .floats("fc.weight", &[2, 2], &[1.0, -0.5, 0.25, 0.75])
        .floats("fc.bias", &[2], &[0.0, 0.1])
        .graph(&graph(&[2], vec![gemm]))
}

/// A convolution with these attributes over 1×4×4.
pub fn conv_model(attributes: &Json) -> FileBuilder {
    let conv = node("conv", "Conv", &["input", "w"], &["output"], attributes.clone());
    FileBuilder::new().floats("w", &[1, 1, 3, 3], &[0.5; 9]).graph(&graph(&[1, 4, 4], vec![conv]))
}

/// Blocks of dense layers with a connection around each, and arithmetic on shapes before the last.
pub fn residual_model(n_blocks: usize) -> FileBuilder {
    let mut file = FileBuilder::new();
    let mut nodes = Vec::new();
    let mut input = "input".to_owned();
    for block in 0..n_blocks {
        let names = [0, 1].map(|layer| format!("blocks.{block}.dense{layer}"));
        for name in &names {
            let values: Vec<f32> =
                (0..64).map(|i| ((i * 7 + block) % 13) as f32 * 0.02 - 0.1).collect();
            file = file.floats(&format!("{name}.weight"), &[8, 8], &values);
        }
        let value = |what: &str| format!("blocks.{block}.{what}");
        let (hidden, relu, out, sum) = (value("h"), value("r"), value("o"), value("sum"));
        let weights = names.each_ref().map(|name| format!("{name}.weight"));
        nodes.push(node(&names[0], "Gemm", &[&input, &weights[0]], &[&hidden], json!({})));
        nodes.push(node(&value("relu"), "Relu", &[&hidden], &[&relu], json!({})));
        nodes.push(node(&names[1], "Gemm", &[&relu, &weights[1]], &[&out], json!({})));
        nodes.push(node(&value("add"), "Add", &[&input, &out], &[&sum], json!({})));
        input = sum;
    }
    nodes.push(node("shape", "Shape", &[&input], &["dims"], json!({})));
    nodes.push(node("reshape", "Reshape", &[&input, "dims"], &["output"], json!({})));
    file.graph(&graph(&[8], nodes))
}

pub fn samples_meta(classes: usize) -> Json {
    let classes: Vec<String> = (0..classes).map(|class| format!("class {class}")).collect();
    json!({
        "version": 1, "task": "classification", "split": "eval", "classes": classes,
        "layout": null, "image": false,
    })
}

/// Four samples of two numbers.
pub fn dense_samples() -> FileBuilder {
    FileBuilder::new()
        .floats("inputs", &[4, 2], &[1.0, 0.0, 0.0, 1.0, 1.0, 1.0, -1.0, 0.5])
        .tensor("labels", "U8", &[4], vec![0, 1, 1, 1])
        .metadata("quantscope.samples", &samples_meta(2))
}

/// Rows of as many numbers as there are classes, each with a class.
pub fn row_samples(n_rows: usize, n_classes: usize) -> FileBuilder {
    let values: Vec<f32> =
        (0..n_rows * n_classes).map(|i| (i * 31 % 97) as f32 / 48.0 - 1.0).collect();
    let labels = (0..n_rows).map(|row| (row % n_classes) as u8).collect();
    FileBuilder::new()
        .floats("inputs", &[n_rows, n_classes], &values)
        .tensor("labels", "U8", &[n_rows], labels)
        .metadata("quantscope.samples", &samples_meta(n_classes))
}

/// The models for development, where they lie beside the project; a test without them says so.
pub fn shared_models() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/models");
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("skipped: {} is not there", folder.display());
    None
}

/// A file of the project.
pub fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}
