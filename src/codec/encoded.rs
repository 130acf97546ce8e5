//! A quantized tensor as bits: what a scheme produces and a writer takes.

use super::packing::{Signedness, pack, unpack};

/// Everything needed to decode a tensor, in parts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Encoded {
    pub parts: Vec<Part>,
}

/// Items of equal width without gaps, least significant bit first.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// What the items are: `codes`, `scales`, `blocks` …
    pub name: &'static str,
    pub n_items: usize,
    /// Bits of one item.
    pub item_bits: u32,
    pub bytes: Vec<u8>,
}

impl Encoded {
    /// The part of that name.
    pub fn part(&self, name: &str) -> Option<&Part> {
        self.parts.iter().find(|part| part.name == name)
    }

    /// Stored bits, without the padding that fills the last byte of a part.
    pub fn n_bits(&self) -> u64 {
        self.parts.iter().map(Part::n_bits).sum()
    }

    /// Stored bytes, each part padded to whole bytes.
    pub fn n_bytes(&self) -> usize {
        self.parts.iter().map(|part| part.bytes.len()).sum()
    }
}

impl Part {
    /// The lowest `item_bits` (1 to 16) bits of every code.
    pub fn codes(name: &'static str, codes: &[i32], item_bits: u32) -> Self {
        Self { name, n_items: codes.len(), item_bits, bytes: pack(codes, item_bits) }
    }

    /// 32-bit floats.
    pub fn f32s(name: &'static str, values: &[f32]) -> Self {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        Self { name, n_items: values.len(), item_bits: 32, bytes }
    }

    /// Blocks of whole bytes, all as long as the first.
    pub fn blocks(name: &'static str, n_blocks: usize, bytes: Vec<u8>) -> Self {
        let item_bits = u32::try_from(8 * bytes.len() / n_blocks.max(1)).unwrap_or(0);
        Self { name, n_items: n_blocks, item_bits, bytes }
    }

    pub fn n_bits(&self) -> u64 {
        self.n_items as u64 * u64::from(self.item_bits)
    }

    /// The items of [`codes`](Self::codes) as bit patterns.
    pub fn to_bits(&self) -> Vec<u32> {
        self.to_codes(Signedness::Unsigned).into_iter().map(|code| code as u32).collect()
    }

    /// The items of [`codes`](Self::codes) as numbers.
    pub fn to_codes(&self, signedness: Signedness) -> Vec<i32> {
        unpack(&self.bytes, self.item_bits, self.n_items, signedness)
    }

    /// The items of [`f32s`](Self::f32s).
    pub fn to_f32s(&self) -> Vec<f32> {
        let (words, _) = self.bytes.as_chunks::<4>();
        words.iter().map(|word| f32::from_le_bytes(*word)).collect()
    }
}
