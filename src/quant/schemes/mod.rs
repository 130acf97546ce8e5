//! The schemes, one file each. [`SCHEMES`] is the table everything reads.

pub mod common;
pub mod float;
pub mod gguf;
pub mod int;
pub mod minifloat;

use super::scheme::QuantScheme;

/// In the order of the menu.
pub static SCHEMES: &[&dyn QuantScheme] = &[
    &int::Int,
    &minifloat::E4M3FN,
    &minifloat::E5M2,
    &minifloat::E4M3FNUZ,
    &minifloat::E5M2FNUZ,
    &minifloat::E3M4,
    &minifloat::E2M3,
    &minifloat::E3M2,
    &minifloat::E2M1,
    &minifloat::BF16,
    &minifloat::F16,
    &minifloat::FREE,
    &gguf::Q4_0,
    &gguf::Q4_1,
    &gguf::Q5_0,
    &gguf::Q5_1,
    &gguf::Q8_0,
    &gguf::Q2_K,
    &gguf::Q3_K,
    &gguf::Q4_K,
    &gguf::Q5_K,
    &gguf::Q6_K,
    &gguf::IQ4_NL,
    &gguf::IQ4_XS,
    &gguf::TQ1_0,
    &gguf::TQ2_0,
    &gguf::MXFP4,
    &float::Float,
];
