//! The schemes, one file each. [`SCHEMES`] is the table everything reads.

pub mod common;
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
    &float::Float,
];
