//! A quantized tensor as bits: what a scheme produces and a writer takes.

use super::packing::{Signedness, pack, packed_len_bytes, unpack};

/// Whole-number codes with a scale a group, channels side by side.
///
/// Everything needed to decode is here: `x̂ = scale · (code − zero_point)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Encoded {
    pub n_codes: usize,
    pub code_bits: u32,
    pub signedness: Signedness,
    /// Codes without gaps, least significant bit first.
    pub codes: Vec<u8>,
    /// One a group.
    pub scales: Vec<f32>,
    /// One a group, packed as the codes are; empty where all are zero by definition.
    pub zero_points: Vec<u8>,
}

impl Encoded {
    /// Packs codes, scales and zero points.
    pub fn new(
        codes: &[i32],
        (code_bits, signedness): (u32, Signedness),
        scales: Vec<f32>,
        zero_points: &[i32],
    ) -> Self {
        Self {
            n_codes: codes.len(),
            code_bits,
            signedness,
            codes: pack(codes, code_bits),
            scales,
            zero_points: pack(zero_points, code_bits),
        }
    }

    /// The codes, one a weight.
    pub fn unpack_codes(&self) -> Vec<i32> {
        unpack(&self.codes, self.code_bits, self.n_codes, self.signedness)
    }

    /// The zero points, one a group; zeros where none are stored.
    pub fn unpack_zero_points(&self) -> Vec<i32> {
        unpack(&self.zero_points, self.code_bits, self.scales.len(), Signedness::Unsigned)
    }

    /// Stored bits, without the padding that fills the last byte of a part.
    pub fn n_bits(&self) -> u64 {
        let code_bits = self.n_codes as u64 * u64::from(self.code_bits);
        let n_zero_points = if self.zero_points.is_empty() { 0 } else { self.scales.len() as u64 };
        code_bits + self.scales.len() as u64 * 32 + n_zero_points * u64::from(self.code_bits)
    }

    /// Stored bytes, each part padded to whole bytes.
    pub fn n_bytes(&self) -> usize {
        debug_assert_eq!(self.codes.len(), packed_len_bytes(self.n_codes, self.code_bits));
        self.codes.len() + self.scales.len() * size_of::<f32>() + self.zero_points.len()
    }
}
