//! The schemes, one file each. [`SCHEMES`] is the table everything reads.

pub mod float;
pub mod int;

use super::scheme::QuantScheme;

/// In the order of the menu.
pub static SCHEMES: &[&dyn QuantScheme] = &[&int::Int, &float::Float];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quant::Family;

    #[test]
    fn every_scheme_says_its_family() {
        for scheme in SCHEMES {
            assert_ne!(scheme.family(), Family::Other, "{} stands under none", scheme.id());
        }
    }
}
