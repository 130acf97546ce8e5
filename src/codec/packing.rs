//! Codes of 1 to 16 bits packed without gaps: least significant bit first, as a little-endian
//! stream.

/// Bytes that `n_codes` codes of `bits` bits take.
pub fn packed_len_bytes(n_codes: usize, bits: u32) -> usize {
    (n_codes * bits as usize).div_ceil(8)
}

/// Packs the lowest `bits` bits of every code; the last byte is padded with zero bits.
pub fn pack(codes: &[i32], bits: u32) -> Vec<u8> {
    let mask = (1u32 << bits) - 1;
    let mut bytes = Vec::with_capacity(packed_len_bytes(codes.len(), bits));
    let (mut buffer, mut n_buffered) = (0u64, 0);
    for &code in codes {
        buffer |= u64::from(code as u32 & mask) << n_buffered;
        n_buffered += bits;
        while n_buffered >= 8 {
            bytes.push(buffer as u8);
            buffer >>= 8;
            n_buffered -= 8;
        }
    }
    if n_buffered > 0 {
        bytes.push(buffer as u8);
    }
    bytes
}

/// Whether a packed code counts from zero or is a two's complement number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signedness {
    Unsigned,
    Signed,
}

/// The inverse of [`pack`]: `n_codes` codes, zero beyond the end of `bytes`.
pub fn unpack(bytes: &[u8], bits: u32, n_codes: usize, signedness: Signedness) -> Vec<i32> {
    let mask = (1u64 << bits) - 1;
    let (mut buffer, mut n_buffered) = (0u64, 0);
    let mut rest = bytes.iter();
    (0..n_codes)
        .map(|_| {
            while n_buffered < bits {
                buffer |= u64::from(rest.next().copied().unwrap_or(0)) << n_buffered;
                n_buffered += 8;
            }
            let code = (buffer & mask) as i32;
            buffer >>= bits;
            n_buffered -= bits;
            match signedness {
                Signedness::Signed if code >> (bits - 1) == 1 => code - (1 << bits),
                _ => code,
            }
        })
        .collect()
}

/// Codes −1, 0 and 1, five to a byte: `Σ (code_i + 1)·3^i`, the first code in the lowest place. The
/// last byte is filled with the digit 0.
pub fn pack_ternary(codes: &[i32]) -> Vec<u8> {
    let digit = |code: i32| (code.clamp(-1, 1) + 1) as u8;
    let byte = |five: &[i32]| five.iter().rev().fold(0u8, |byte, &code| 3 * byte + digit(code));
    codes.chunks(5).map(byte).collect()
}

/// The inverse of [`pack_ternary`]; −1 beyond the end of `bytes`.
pub fn unpack_ternary(bytes: &[u8], n_codes: usize) -> Vec<i32> {
    const PLACES: [u8; 5] = [1, 3, 9, 27, 81];
    let digits = bytes.iter().flat_map(|byte| PLACES.map(|place| i32::from(byte / place % 3) - 1));
    digits.chain(std::iter::repeat(-1)).take(n_codes).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_width_comes_back() {
        for bits in 2..=16u32 {
            let half = 1i32 << (bits - 1);
            let signed: Vec<i32> = (-half..half).step_by((half as usize / 64).max(1)).collect();
            let packed = pack(&signed, bits);
            assert_eq!(packed.len(), packed_len_bytes(signed.len(), bits), "{bits} bits");
            assert_eq!(unpack(&packed, bits, signed.len(), Signedness::Signed), signed);
            let unsigned: Vec<i32> = signed.iter().map(|code| code + half).collect();
            let packed = pack(&unsigned, bits);
            assert_eq!(unpack(&packed, bits, unsigned.len(), Signedness::Unsigned), unsigned);
        }
    }

    #[test]
    fn five_ternary_codes_share_a_byte() {
        for n_codes in 0..12 {
            let codes: Vec<i32> = (0..n_codes).map(|i| (i * 5 + i / 3) % 3 - 1).collect();
            let packed = pack_ternary(&codes);
            assert_eq!(packed.len(), codes.len().div_ceil(5));
            assert_eq!(unpack_ternary(&packed, codes.len()), codes);
        }
        assert_eq!(pack_ternary(&[0, 1, -1, -1, 1]), [1 + 2 * 3 + 2 * 81]);
    }

    #[test]
    fn low_bits_come_first() {
        assert_eq!(pack(&[1, 2, 3], 4), [0x21, 0x03]);
    }
}
