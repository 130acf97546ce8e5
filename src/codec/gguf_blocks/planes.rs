//! Fields of one to eight bits that interleave runs of a block.

/// Bits of the numbers of a block. Byte `b` of a run of bytes holds, from its lowest bits up, number
/// `b` of each of the `8/bits` runs of numbers that share it.
#[derive(Clone, Copy)]
pub struct Plane {
    /// The first byte.
    pub at: usize,
    /// Bytes of a run.
    pub run: usize,
    /// Bits of a number; divides 8.
    pub bits: u32,
}

impl Plane {
    fn mask(self) -> u8 {
        ((1u16 << self.bits) - 1) as u8
    }

    /// Numbers that share a run of bytes.
    fn numbers_per_run(self) -> usize {
        self.run * (8 / self.bits as usize)
    }

    /// Sets the lowest bits of every number in bytes that are 0 there.
    pub fn put(self, numbers: impl Iterator<Item = u8>, bytes: &mut [u8]) {
        let mask = self.mask();
        let (mut within, mut shift, mut start) = (0, 0, self.at);
        for number in numbers {
            if let Some(byte) = bytes.get_mut(start + within) {
                *byte |= (number & mask) << shift;
            }
            within += 1;
            if within == self.run {
                (within, shift) = (0, shift + self.bits);
                if shift == 8 {
                    (shift, start) = (0, start + self.run);
                }
            }
        }
    }

    /// Adds the bits of every number to it, `above` places up.
    pub fn get(self, bytes: &[u8], numbers: &mut [i8], above: u32) {
        let mask = self.mask();
        let bytes = bytes.get(self.at..).unwrap_or_default();
        for (numbers, bytes) in
            numbers.chunks_mut(self.numbers_per_run()).zip(bytes.chunks(self.run))
        {
            for (nth, numbers) in numbers.chunks_mut(self.run).enumerate() {
                let shift = nth as u32 * self.bits;
                for (number, &byte) in numbers.iter_mut().zip(bytes) {
                    *number |= ((byte >> shift & mask) << above) as i8;
                }
            }
        }
    }
}

/// Runs of bytes of TQ1_0: first byte, bytes, codes in a byte.
const TRIT_RUNS: [(usize, usize, usize); 3] = [(0, 32, 5), (32, 16, 5), (48, 4, 4)];
const POWERS: [u8; 5] = [1, 3, 9, 27, 81];

/// Five codes 0 … 2 as the digits of a number to base 3, the first the highest, stretched from
/// 0 … 242 to 0 … 255.
pub fn pack_trits(codes: &[i8], bytes: &mut [u8]) {
    let mut rest = codes;
    for (at, run, n_digits) in TRIT_RUNS {
        let (codes, after) = rest.split_at((run * n_digits).min(rest.len()));
        rest = after;
        for (within, byte) in bytes.iter_mut().skip(at).take(run).enumerate() {
            let digit = |nth: usize| codes.get(nth * run + within).copied().unwrap_or(0);
            let number: u16 =
                (0..n_digits).map(|nth| digit(nth) as u16 * u16::from(POWERS[4 - nth])).sum();
            *byte = (number * 256).div_ceil(243) as u8;
        }
    }
}

/// The inverse of [`pack_trits`].
pub fn unpack_trits(bytes: &[u8], codes: &mut [i8]) {
    let mut rest = codes;
    for (at, run, n_digits) in TRIT_RUNS {
        let (codes, after) = rest.split_at_mut((run * n_digits).min(rest.len()));
        rest = after;
        for (nth, codes) in codes.chunks_mut(run).enumerate() {
            for (code, byte) in codes.iter_mut().zip(bytes.iter().skip(at)) {
                let shifted = byte.wrapping_mul(POWERS[nth.min(4)]);
                *code = ((u16::from(shifted) * 3) >> 8) as i8;
            }
        }
    }
}
