//! The schemes, one file each. [`SCHEMES`] is the table everything reads.

pub mod codebook;
pub mod common;
pub mod few;
pub mod float;
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
