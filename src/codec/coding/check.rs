//! Which parts a coding has, and whether what a file says of one makes sense.

use super::{CodePacking, CodeRule, Coding, Share};
use crate::codec::Part;
use crate::tensor::Flattening;

/// A part as it must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartSpec {
    pub name: &'static str,
    pub n_items: usize,
    pub item_bits: u32,
}

impl PartSpec {
    /// Bytes it takes, the last one filled up.
    pub fn n_bytes(self) -> usize {
        let bits = self.n_items as u128 * u128::from(self.item_bits);
        usize::try_from(bits.div_ceil(8)).unwrap_or(usize::MAX)
    }

    /// Whether the items are 32-bit floats.
    pub fn is_f32(self) -> bool {
        self.item_bits == 32
    }

    /// The part of these bytes.
    pub fn with_bytes(self, bytes: Vec<u8>) -> Part {
        Part { name: self.name, n_items: self.n_items, item_bits: self.item_bits, bytes }
    }
}

/// The largest exponent bias; that of a 32-bit float is 127.
const MAX_BIAS: i32 = 1 << 10;

impl Coding {
    /// The parts, in the order in which they are stored.
    pub fn parts(&self) -> Vec<PartSpec> {
        let part = |name, n_items, item_bits| PartSpec { name, n_items, item_bits };
        let n_runs = self.n_runs();
        if let CodeRule::Blocks(block_type) = self.codes {
            let per_channel = self.channel_len.div_ceil(block_type.block_len());
            let bits = 8 * block_type.n_bytes() as u32;
            let blocks = part("blocks", self.n_channels.saturating_mul(per_channel), bits);
            return [blocks].into_iter().chain(self.mask_part()).collect();
        }
        let n_codes = self.n_stored_codes();
        let mut parts = vec![match self.packing {
            CodePacking::Bits(bits) => part("codes", n_codes, bits),
            CodePacking::FiveInByte => part("codes", n_codes.div_ceil(5), 8),
        }];
        if let CodeRule::OwnLevels(n_levels) = self.codes {
            parts.push(part("levels", n_runs.saturating_mul(n_levels), 32));
        } else {
            parts.extend(self.scales.parts(n_runs));
        }
        if let (CodeRule::WithZeroPoints, CodePacking::Bits(bits)) = (&self.codes, self.packing) {
            parts.push(part("zero points", n_runs, bits));
        }
        if self.has_offsets {
            parts.push(part("offsets", n_runs, 32));
        }
        parts.into_iter().chain(self.mask_part()).collect()
    }

    fn mask_part(&self) -> Option<PartSpec> {
        self.is_masked.then(|| PartSpec { name: "mask", n_items: self.count(), item_bits: 1 })
    }

    /// Codes as they are stored, fill included.
    pub(super) fn n_stored_codes(&self) -> usize {
        self.filled_to.map_or_else(|| self.count(), |len| self.n_runs().saturating_mul(len))
    }

    /// Whether it describes a tensor of these dimensions with that axis kept.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn check(&self, dims: &[usize], axis: usize) -> Result<(), String> {
        let count = dims.iter().try_fold(1usize, |product, &dim| product.checked_mul(dim));
        if count.is_none() || self.n_channels.checked_mul(self.channel_len) != count {
            return Err(format!(
                "{} channels of {} values are not the values of shape {dims:?}",
                self.n_channels, self.channel_len
            ));
        }
        if axis >= dims.len().max(1) {
            return Err(format!("axis {axis} lies outside shape {dims:?}"));
        }
        let order = Flattening::of(dims, axis);
        if self.flat.is_some_and(|flat| flat != order) {
            return Err("its order is not that of its shape and axis".to_owned());
        }
        if let CodePacking::Bits(bits) = self.packing
            && !(1..=16).contains(&bits)
        {
            return Err(format!("codes have {bits} bits, expected 1 to 16"));
        }
        if let CodeRule::Float(layout) = self.codes {
            let is_sane = layout.exponent_bits <= 8
                && (2..=16).contains(&(1 + layout.exponent_bits + layout.mantissa_bits.min(16)))
                && layout.bias.abs() <= MAX_BIAS
                && self.packing == CodePacking::Bits(layout.n_bits());
            if !is_sane {
                return Err(format!("{layout:?} is no float of 2 to 16 bits"));
            }
        }
        self.check_runs()
    }

    fn check_runs(&self) -> Result<(), String> {
        let longest = match self.share {
            Share::Run(0) => return Err("runs of no values".to_owned()),
            Share::Run(len) => len,
            Share::Channel => self.channel_len,
            Share::Tensor => self.count(),
        };
        // What fills up is less than a run each.
        if self.filled_to.is_some_and(|len| len != longest) {
            return Err("short runs are filled up to another length than that of a run".to_owned());
        }
        if self.filled_to.is_some() && self.n_runs().checked_mul(longest).is_none() {
            return Err("more codes than there can be".to_owned());
        }
        if let Some(size) = self.rotation
            && !(size.is_power_of_two() && self.count().is_multiple_of(size))
        {
            return Err(format!("runs of {size} cannot be rotated"));
        }
        self.scales.check()
    }
}
