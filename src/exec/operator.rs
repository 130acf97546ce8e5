//! What an operator is to the executor, and the table of all of them.

use std::any::Any;
use std::sync::Arc;

use crate::model::{AttributeError, Attributes};
use crate::tensor::{Tensor, Value};

/// The most elements one operator may write; a graph that asks for more is refused before memory
/// is.
pub const MAX_OUTPUT_ELEMENTS: usize = 1 << 28;

/// Why an operator cannot be built or run. The executor adds the node's name.
#[derive(Clone, Debug, thiserror::Error, PartialEq)]
pub enum OpError {
    #[error(transparent)]
    Attribute(#[from] AttributeError),
    /// A value, shape or attribute the operator's definition does not allow.
    #[error("{0}")]
    Invalid(String),
    /// Allowed by the definition, not done here.
    #[error("{0} is not supported")]
    Unsupported(String),
}

/// A node made ready: attributes are read and checked once, `run` is called for every batch.
pub trait Operator: Send + Sync + std::fmt::Debug {
    /// Computes the node's outputs.
    ///
    /// # Errors
    /// Inputs of a type or shape the operator does not take.
    fn run(&self, inputs: &mut Inputs) -> Result<Vec<Value>, OpError>;

    /// What can be worked out once from the inputs that are constants (packed weights); `run` finds
    /// it in [`Inputs::prepared`].
    fn prepare(&self, _constants: &[Option<Value>]) -> Option<Prepared> {
        None
    }

    /// Whether `run` limits its output to [`Inputs::clamp`], at the price of nothing.
    fn applies_clamp(&self) -> bool {
        false
    }

    /// The limits, where the operator does nothing but limit its first input to constants.
    fn as_clamp(&self, _constants: &[Option<Value>]) -> Option<Clamp> {
        None
    }
}

/// What an operator made of its constants.
pub type Prepared = Arc<dyn Any + Send + Sync>;

/// `min(max(x, low), high)`; `high` where the limits cross, NaN stays NaN.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Clamp {
    pub low: f32,
    pub high: f32,
}

impl Clamp {
    /// Leaves everything as it is.
    pub const NONE: Self = Self { low: f32::NEG_INFINITY, high: f32::INFINITY };

    #[inline(always)]
    pub fn of(self, x: f32) -> f32 {
        let raised = if x < self.low { self.low } else { x };
        if raised > self.high { self.high } else { raised }
    }
}

/// One line of the operator table.
pub struct OperatorEntry {
    pub op: &'static str,
    /// First and last opset whose definition the implementation follows.
    pub opsets: (u32, u32),
    /// Reads and checks the attributes as that opset defines them.
    pub build: fn(&BuildCtx) -> Result<Box<dyn Operator>, OpError>,
}

/// What a node tells its operator when it is built.
pub struct BuildCtx<'a> {
    pub attributes: &'a Attributes,
    pub opset: u32,
    pub n_inputs: usize,
    pub n_outputs: usize,
}

/// The values a node reads. They are owned: an operator that takes one nobody else holds can
/// write into it without a copy.
pub struct Inputs {
    values: Vec<Option<Value>>,
    prepared: Option<Prepared>,
    clamp: Clamp,
}

impl Inputs {
    pub fn new(values: Vec<Option<Value>>) -> Self {
        Self { values, prepared: None, clamp: Clamp::NONE }
    }

    /// With what the operator made of its constants, and limits for its output.
    pub fn with(mut self, prepared: Option<Prepared>, clamp: Clamp) -> Self {
        (self.prepared, self.clamp) = (prepared, clamp);
        self
    }

    /// What the operator made of its constants, if it did.
    pub fn prepared<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        self.prepared.clone()?.downcast().ok()
    }

    /// Limits for the output; only where the operator said that it applies them.
    pub fn clamp(&self) -> Clamp {
        self.clamp
    }

    /// Number of inputs named by the node, absent ones included.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Takes an input that may be absent.
    pub fn take_optional(&mut self, idx: usize) -> Option<Value> {
        self.values.get_mut(idx).and_then(Option::take)
    }

    /// Takes an input that must be there.
    pub fn take(&mut self, idx: usize) -> Result<Value, OpError> {
        self.take_optional(idx).ok_or_else(|| OpError::Invalid(format!("input {idx} is missing")))
    }

    /// Takes a float input.
    pub fn take_f32(&mut self, idx: usize) -> Result<Tensor, OpError> {
        match self.take(idx)? {
            Value::F32(tensor) => Ok(tensor),
            other => Err(wrong_type(idx, &other, "f32")),
        }
    }

    /// Takes a float input that may be absent.
    pub fn take_optional_f32(&mut self, idx: usize) -> Result<Option<Tensor>, OpError> {
        match self.take_optional(idx) {
            None => Ok(None),
            Some(Value::F32(tensor)) => Ok(Some(tensor)),
            Some(other) => Err(wrong_type(idx, &other, "f32")),
        }
    }

    /// Takes an integer input as a flat list (axes, shapes, sizes).
    pub fn take_ints(&mut self, idx: usize) -> Result<Vec<i64>, OpError> {
        match self.take(idx)? {
            Value::I64(array) => Ok(array.iter().copied().collect()),
            other => Err(wrong_type(idx, &other, "i64")),
        }
    }

    /// Takes an integer list that may be absent.
    pub fn take_optional_ints(&mut self, idx: usize) -> Result<Option<Vec<i64>>, OpError> {
        match self.take_optional(idx) {
            None => Ok(None),
            Some(Value::I64(array)) => Ok(Some(array.iter().copied().collect())),
            Some(other) => Err(wrong_type(idx, &other, "i64")),
        }
    }
}

fn wrong_type(idx: usize, found: &Value, expected: &str) -> OpError {
    OpError::Invalid(format!("input {idx} is {}, expected {expected}", found.type_name()))
}

/// Number of elements of an output, refused when it is more than an operator may write.
///
/// # Errors
/// [`OpError::Invalid`] naming the shape.
pub fn output_count(dims: &[usize]) -> Result<usize, OpError> {
    dims.iter()
        .try_fold(1usize, |product, &dim| product.checked_mul(dim))
        .filter(|&count| count <= MAX_OUTPUT_ELEMENTS)
        .ok_or_else(|| {
            OpError::Invalid(format!(
                "the output would have shape {dims:?}, more than 2^28 elements"
            ))
        })
}

/// `axis` counted from the front; a negative one counts from the back.
///
/// # Errors
/// [`OpError::Invalid`] when it lies outside −rank … rank−1.
pub fn resolve_axis(axis: i64, rank: usize) -> Result<usize, OpError> {
    let signed_rank = rank as i64;
    let resolved = if axis < 0 { axis.saturating_add(signed_rank) } else { axis };
    if (0..signed_rank).contains(&resolved) {
        Ok(resolved as usize)
    } else {
        Err(OpError::Invalid(format!("axis {axis} lies outside a value of {rank} dimensions")))
    }
}
