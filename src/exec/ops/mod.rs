//! The operators, one file a family. [`OPERATORS`] is the table the executor looks them up in.

/// Runs the same code on the array inside a value, whatever its element type.
macro_rules! each_type {
    ($value:expr, $array:ident => $body:expr) => {
        match $value {
            $crate::tensor::Value::F32($array) => $body,
            $crate::tensor::Value::I64($array) => $body,
            $crate::tensor::Value::Bool($array) => $body,
        }
    };
}

mod activation;
mod arithmetic;
mod attribute;
mod broadcast;
mod conv;
mod conv_depthwise;
mod conv_gemm;
mod dense;
mod elementwise;
mod gather;
mod linear;
mod matrix;
mod normalization;
mod pool;
mod rearrange;
mod reduce;
mod reshape;
mod slice;
mod softmax;
mod strided;
mod window;

use super::operator::OperatorEntry;

/// Every operator, family by family.
pub static OPERATORS: &[&[OperatorEntry]] = &[
    conv::ENTRIES,
    pool::ENTRIES,
    linear::ENTRIES,
    normalization::ENTRIES,
    activation::ENTRIES,
    softmax::ENTRIES,
    elementwise::ENTRIES,
    arithmetic::ENTRIES,
    reduce::ENTRIES,
    reshape::ENTRIES,
    rearrange::ENTRIES,
    slice::ENTRIES,
    gather::ENTRIES,
];

/// The operator of that name.
pub fn find(op: &str) -> Option<&'static OperatorEntry> {
    OPERATORS
        .iter()
        .flat_map(|family| family.iter())
        .find(|entry| entry.op == op)
}
