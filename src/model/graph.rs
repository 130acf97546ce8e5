//! The network as data: nodes in topological order, named values between them.
//!
//! A one-to-one image of an ONNX graph at one opset. Nothing here runs; whether an operator is
//! known is the executor's business.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::shortened;
use crate::tensor::{DType, Value};

/// Why a graph does not hold together.
#[derive(Clone, Debug, thiserror::Error, PartialEq)]
pub enum GraphError {
    #[error(
        "node {node:?} reads {value:?}, which no earlier node, graph input or tensor provides; nodes must be in topological order without cycles"
    )]
    Dangling { node: String, value: String },
    #[error("value {value:?} is produced twice, the second time by node {node:?}")]
    ProducedTwice { node: String, value: String },
    #[error("graph output {value:?} is produced by no node, graph input or tensor")]
    OutputMissing { value: String },
    #[error("the graph has no {what}")]
    Empty { what: &'static str },
}

/// Why an attribute cannot be used.
#[derive(Clone, Debug, thiserror::Error, PartialEq)]
pub enum AttributeError {
    #[error("attribute {name:?} is {found}, expected {expected}")]
    WrongType { name: String, found: String, expected: &'static str },
    #[error("attribute {name:?} is missing")]
    Missing { name: String },
}

/// A network: `outputs = nodes(inputs)`.
#[derive(Clone, Debug)]
pub struct Graph {
    /// ONNX operator set whose definitions the nodes follow.
    pub opset: u32,
    pub inputs: Vec<GraphInput>,
    pub outputs: Vec<String>,
    /// In topological order.
    pub nodes: Vec<Node>,
}

/// A value the caller provides.
#[derive(Clone, Debug)]
pub struct GraphInput {
    pub name: String,
    pub dtype: DType,
    pub shape: Vec<Dim>,
}

/// One dimension of a graph input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dim {
    Fixed(usize),
    /// Free, with its name; the batch is the first one named `N`, or else a free first dimension.
    Free(String),
}

/// One operation.
#[derive(Clone, Debug)]
pub struct Node {
    pub name: String,
    /// ONNX operator; `domain.Operator` outside the default domain.
    pub op: String,
    /// Names of values; an empty name is an absent optional input.
    pub inputs: Vec<String>,
    pub outputs: Vec<String>,
    pub attributes: Attributes,
}

/// The value of an attribute.
#[derive(Clone, Debug)]
pub enum Attribute {
    Int(i64),
    Float(f32),
    String(String),
    Ints(Vec<i64>),
    Floats(Vec<f32>),
    Strings(Vec<String>),
    Tensor(Value),
}

impl Attribute {
    /// The value as short text.
    pub fn describe(&self) -> String {
        match self {
            Self::Int(int) => int.to_string(),
            Self::Float(float) => float.to_string(),
            Self::String(text) => shortened(format!("{text:?}")),
            Self::Ints(ints) => shortened(format!("{ints:?}")),
            Self::Floats(floats) => shortened(format!("{floats:?}")),
            Self::Strings(texts) => shortened(format!("{texts:?}")),
            Self::Tensor(value) => format!("a tensor of shape {:?}", value.dims()),
        }
    }
}

/// Attributes of a node by name, read with the type the operator expects.
#[derive(Clone, Debug, Default)]
pub struct Attributes(pub BTreeMap<String, Attribute>);

impl Attributes {
    pub fn get(&self, name: &str) -> Option<&Attribute> {
        self.0.get(name)
    }

    pub fn int(&self, name: &str) -> Result<Option<i64>, AttributeError> {
        match self.get(name) {
            None => Ok(None),
            Some(Attribute::Int(int)) => Ok(Some(*int)),
            Some(other) => Err(wrong_type(name, other, "a whole number")),
        }
    }

    pub fn int_or(&self, name: &str, default: i64) -> Result<i64, AttributeError> {
        Ok(self.int(name)?.unwrap_or(default))
    }

    /// A number; a whole number is taken as one too, since JSON writes `1.0` as `1`.
    pub fn float(&self, name: &str) -> Result<Option<f32>, AttributeError> {
        match self.get(name) {
            None => Ok(None),
            Some(Attribute::Float(float)) => Ok(Some(*float)),
            Some(Attribute::Int(int)) => Ok(Some(*int as f32)),
            Some(other) => Err(wrong_type(name, other, "a number")),
        }
    }

    pub fn float_or(&self, name: &str, default: f32) -> Result<f32, AttributeError> {
        Ok(self.float(name)?.unwrap_or(default))
    }

    pub fn ints(&self, name: &str) -> Result<Option<Vec<i64>>, AttributeError> {
        match self.get(name) {
            None => Ok(None),
            Some(Attribute::Ints(ints)) => Ok(Some(ints.clone())),
            Some(Attribute::Floats(floats)) if floats.is_empty() => Ok(Some(Vec::new())),
            Some(other) => Err(wrong_type(name, other, "a list of whole numbers")),
        }
    }

    pub fn floats(&self, name: &str) -> Result<Option<Vec<f32>>, AttributeError> {
        match self.get(name) {
            None => Ok(None),
            Some(Attribute::Floats(floats)) => Ok(Some(floats.clone())),
            Some(Attribute::Ints(ints)) => Ok(Some(ints.iter().map(|&int| int as f32).collect())),
            Some(other) => Err(wrong_type(name, other, "a list of numbers")),
        }
    }

    pub fn string(&self, name: &str) -> Result<Option<&str>, AttributeError> {
        match self.get(name) {
            None => Ok(None),
            Some(Attribute::String(text)) => Ok(Some(text)),
            Some(other) => Err(wrong_type(name, other, "a text")),
        }
    }

    pub fn tensor(&self, name: &str) -> Result<Option<&Value>, AttributeError> {
        match self.get(name) {
            None => Ok(None),
            Some(Attribute::Tensor(value)) => Ok(Some(value)),
            Some(other) => Err(wrong_type(name, other, "a tensor")),
        }
    }

    /// For an attribute the operator cannot do without.
    pub fn required<T>(name: &str, value: Option<T>) -> Result<T, AttributeError> {
        value.ok_or_else(|| AttributeError::Missing { name: name.to_owned() })
    }
}

fn wrong_type(name: &str, found: &Attribute, expected: &'static str) -> AttributeError {
    AttributeError::WrongType { name: name.to_owned(), found: found.describe(), expected }
}

impl Graph {
    /// Checks that every value is produced before it is read, and only once.
    ///
    /// `is_tensor` tells whether the file holds a tensor of that name.
    ///
    /// # Errors
    /// The first [`GraphError`] in node order; a cycle shows as a value read before it is produced.
    pub fn validate(&self, is_tensor: impl Fn(&str) -> bool) -> Result<(), GraphError> {
        if self.outputs.is_empty() {
            return Err(GraphError::Empty { what: "outputs" });
        }
        if self.inputs.is_empty() {
            return Err(GraphError::Empty { what: "inputs" });
        }
        let mut produced: BTreeSet<&str> =
            self.inputs.iter().map(|input| input.name.as_str()).collect();
        for node in &self.nodes {
            for value in node.inputs.iter().filter(|value| !value.is_empty()) {
                if !produced.contains(value.as_str()) && !is_tensor(value) {
                    return Err(GraphError::Dangling {
                        node: node.name.clone(),
                        value: value.clone(),
                    });
                }
            }
            for value in node.outputs.iter().filter(|value| !value.is_empty()) {
                if !produced.insert(value) || is_tensor(value) {
                    return Err(GraphError::ProducedTwice {
                        node: node.name.clone(),
                        value: value.clone(),
                    });
                }
            }
        }
        match self.outputs.iter().find(|name| !produced.contains(name.as_str()) && !is_tensor(name))
        {
            Some(value) => Err(GraphError::OutputMissing { value: value.clone() }),
            None => Ok(()),
        }
    }

    /// How often each operator occurs, by name.
    pub fn operator_counts(&self) -> BTreeMap<&str, usize> {
        let mut counts = BTreeMap::new();
        for node in &self.nodes {
            *counts.entry(node.op.as_str()).or_default() += 1;
        }
        counts
    }
}
