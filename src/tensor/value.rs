//! Arrays in memory: [`Tensor`] for weights and activations, [`Value`] for whatever flows along a
//! graph. Cloning shares the data; writing copies it first if it is shared.

use ndarray::{ArcArray, IxDyn};

/// A dense `f32` array of any rank.
pub type Tensor = ArcArray<f32, IxDyn>;

/// A typed array: what an edge of a graph carries.
///
/// Integers of every width are widened to `i64`, floats of every width to `f32`.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    F32(Tensor),
    I64(ArcArray<i64, IxDyn>),
    Bool(ArcArray<bool, IxDyn>),
}

impl Value {
    pub fn dims(&self) -> &[usize] {
        match self {
            Self::F32(array) => array.shape(),
            Self::I64(array) => array.shape(),
            Self::Bool(array) => array.shape(),
        }
    }

    /// Bytes one element takes in memory.
    pub fn element_bytes(&self) -> usize {
        match self {
            Self::F32(_) => size_of::<f32>(),
            Self::I64(_) => size_of::<i64>(),
            Self::Bool(_) => size_of::<bool>(),
        }
    }

    /// Number of elements.
    pub fn count(&self) -> usize {
        self.dims().iter().product()
    }

    /// `f32`, `i64` or `bool`, as a message names it.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::F32(_) => "f32",
            Self::I64(_) => "i64",
            Self::Bool(_) => "bool",
        }
    }

    /// A scalar or one-dimensional `i64` array from a list.
    pub fn from_ints(ints: &[i64]) -> Self {
        Self::I64(ndarray::arr1(ints).into_dyn().into_shared())
    }
}

impl From<Tensor> for Value {
    fn from(array: Tensor) -> Self {
        Self::F32(array)
    }
}
