//! Floats of 16 bits as a file stores them: of so few that can differ, each can be counted.

use half::{bf16, f16};

use crate::base::{Cancelled, WorkCtx};
use crate::tensor::DType;

/// The bytes of a tensor of 16-bit floats.
#[derive(Clone, Copy, Debug)]
pub struct StoredHalves<'a> {
    bytes: &'a [u8],
    is_brain: bool,
}

/// Numbers counted between two looks at whether to stop.
const CHUNK_LEN: usize = 1 << 16;

impl<'a> StoredHalves<'a> {
    /// `None` for another type.
    pub(super) fn new(dtype: DType, bytes: &'a [u8]) -> Option<Self> {
        match dtype {
            DType::F16 => Some(Self { bytes, is_brain: false }),
            DType::BF16 => Some(Self { bytes, is_brain: true }),
            _ => None,
        }
    }

    /// The number that 16 bits stand for.
    pub fn decode(self, bits: u16) -> f32 {
        if self.is_brain { bf16::from_bits(bits).to_f32() } else { f16::from_bits(bits).to_f32() }
    }

    /// How often each of the 65536 patterns occurs. On the calling thread alone.
    ///
    /// # Errors
    /// [`Cancelled`].
    pub fn counts(self, ctx: &WorkCtx) -> Result<Vec<u64>, Cancelled> {
        let numbers = self.bytes.as_chunks::<2>().0;
        ctx.set_total(numbers.len().div_ceil(CHUNK_LEN) as u64);
        let mut counts = vec![0u64; 1 << 16];
        for chunk in numbers.chunks(CHUNK_LEN) {
            ctx.check()?;
            for &number in chunk {
                if let Some(count) = counts.get_mut(usize::from(u16::from_le_bytes(number))) {
                    *count += 1;
                }
            }
            ctx.advance(1);
        }
        Ok(counts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_counted_once() {
        let bytes: Vec<u8> = [0x3c00u16, 0x3f80, 0x3c00, 0x8000].map(u16::to_le_bytes).concat();
        for (dtype, first, second) in [(DType::F16, 1.0, 1.875), (DType::BF16, 0.007_812_5, 1.0)] {
            let halves = StoredHalves::new(dtype, &bytes).unwrap();
            let counts = halves.counts(&WorkCtx::new()).unwrap();
            assert_eq!((counts[0x3c00], counts[0x3f80], counts[0x8000]), (2, 1, 1));
            assert_eq!(counts.iter().sum::<u64>(), 4);
            assert_eq!((halves.decode(0x3c00), halves.decode(0x3f80)), (first, second));
        }
        assert!(StoredHalves::new(DType::F32, &bytes).is_none());
    }
}
