//! The schemes, one file each. [`SCHEMES`] is the table everything reads.

pub mod float;
pub mod int;

use super::scheme::QuantScheme;

/// In the order of the menu.
pub static SCHEMES: &[&dyn QuantScheme] = &[&int::Int, &float::Float];
