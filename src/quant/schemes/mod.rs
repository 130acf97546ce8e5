//! The schemes, one file each. [`SCHEMES`] is the table everything reads.

pub mod bitsandbytes;
pub mod codebook;
pub mod common;
pub mod few;
pub mod float;
pub mod gguf;
pub mod int;
pub mod int_pow2;
pub mod int_two_level;
pub mod minifloat;
pub mod mx;
pub mod nvfp4;

use super::scheme::QuantScheme;

/// In the order of the menu.
pub static SCHEMES: &[&dyn QuantScheme] = &[
    &int::Int,
    &int_pow2::IntPow2,
    &int_two_level::IntTwoLevel,
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
    &mx::MXFP8_E4M3,
    &mx::MXFP8_E5M2,
    &mx::MXFP6_E2M3,
    &mx::MXFP6_E3M2,
    &mx::MXFP4,
    &mx::MXINT8,
    &nvfp4::NvFp4,
    &bitsandbytes::NF4,
    &bitsandbytes::FP4,
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
    &codebook::kmeans::KMeans,
    &codebook::lloyd_max::LloydMax,
    &codebook::quantile::Quantile,
    &codebook::apot::Apot,
    &codebook::log2::Log2,
    &few::binary::Binary,
    &few::binary::Xnor,
    &few::ternary::Ternary,
    &few::dorefa::DoReFa,
    &float::Float,
];
