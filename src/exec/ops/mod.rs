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
mod cast;
mod compare;
mod conv;
mod conv_depthwise;
mod conv_gemm;
mod conv_transpose;
mod dense;
mod einsum;
mod elementwise;
mod gather;
mod generate;
mod lanes;
mod lanes_conv;
mod lanes_simd;
mod linear;
mod matrix;
mod normalization;
mod pad;
mod pool;
mod quantize;
mod rearrange;
mod reduce;
mod reshape;
mod resize;
mod resize_grid;
mod scatter;
mod select;
mod slice;
mod softmax;
mod strided;
mod transcendental;
mod window;

use super::operator::OperatorEntry;

/// Every operator, family by family.
pub static OPERATORS: &[&[OperatorEntry]] = &[
    conv::ENTRIES,
    conv_transpose::ENTRIES,
    pool::ENTRIES,
    linear::ENTRIES,
    einsum::ENTRIES,
    normalization::ENTRIES,
    activation::ENTRIES,
    softmax::ENTRIES,
    elementwise::ENTRIES,
    arithmetic::ENTRIES,
    compare::ENTRIES,
    reduce::ENTRIES,
    select::ENTRIES,
    reshape::ENTRIES,
    rearrange::ENTRIES,
    slice::ENTRIES,
    pad::ENTRIES,
    gather::ENTRIES,
    scatter::ENTRIES,
    generate::ENTRIES,
    cast::ENTRIES,
    resize::ENTRIES,
    quantize::ENTRIES,
];

/// The operator of that name.
pub fn find(op: &str) -> Option<&'static OperatorEntry> {
    OPERATORS.iter().flat_map(|family| family.iter()).find(|entry| entry.op == op)
}
