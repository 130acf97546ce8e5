//! The scales and minimums of sub-blocks.

use super::planes::Plane;
use super::{Block, BlockType};

/// 6 bits of a scale of Q3_K: four, then two.
const Q3K_PLANES: (Plane, Plane) =
    (Plane { at: 96, run: 8, bits: 4 }, Plane { at: 104, run: 4, bits: 2 });
/// 6 bits of a scale of IQ4_XS: four, then two.
const IQ4XS_PLANES: (Plane, Plane) =
    (Plane { at: 4, run: 1, bits: 4 }, Plane { at: 2, run: 1, bits: 2 });
/// What is added to a scale of 6 bits with a sign.
const BIAS: i8 = 32;
/// Bytes of Q4_K and Q5_K.
const Q4K_AT: usize = 4;
/// Bytes of Q6_K.
const Q6K_AT: usize = 192;

/// Writes them; the bytes are 0 before.
pub fn pack(block_type: BlockType, block: &Block, bytes: &mut [u8]) {
    match block_type {
        BlockType::Q2K => {
            for (byte, (&scale, &min)) in bytes.iter_mut().zip(block.scales.iter().zip(&block.mins))
            {
                *byte = scale as u8 & 15 | min << 4;
            }
        }
        BlockType::Q3K => put_biased(Q3K_PLANES, &block.scales, bytes),
        BlockType::Iq4Xs => put_biased(IQ4XS_PLANES, &block.scales[..8], bytes),
        BlockType::Q6K => {
            for (byte, &scale) in bytes.iter_mut().skip(Q6K_AT).zip(&block.scales) {
                *byte = scale as u8;
            }
        }
        BlockType::Q4K | BlockType::Q5K => {
            let Some(bytes) = bytes.get_mut(Q4K_AT..Q4K_AT + 12) else { return };
            for j in 0..4 {
                let (low, high) = (block.scales[j] as u8, block.scales[j + 4] as u8);
                bytes[j] = low & 63 | high >> 4 << 6;
                let (low_min, high_min) = (block.mins[j], block.mins[j + 4]);
                bytes[j + 4] = low_min & 63 | high_min >> 4 << 6;
                bytes[j + 8] = high & 15 | high_min << 4;
            }
        }
        _ => {}
    }
}

/// Reads them.
pub fn unpack(block_type: BlockType, bytes: &[u8], block: &mut Block) {
    match block_type {
        BlockType::Q2K => {
            let numbers = block.scales.iter_mut().zip(&mut block.mins);
            for (&byte, (scale, min)) in bytes.iter().zip(numbers) {
                (*scale, *min) = ((byte & 15) as i8, byte >> 4);
            }
        }
        BlockType::Q3K => get_biased(Q3K_PLANES, bytes, &mut block.scales),
        BlockType::Iq4Xs => get_biased(IQ4XS_PLANES, bytes, &mut block.scales[..8]),
        BlockType::Q6K => {
            for (scale, &byte) in block.scales.iter_mut().zip(bytes.iter().skip(Q6K_AT)) {
                *scale = byte as i8;
            }
        }
        BlockType::Q4K | BlockType::Q5K => {
            let Some(bytes) = bytes.get(Q4K_AT..Q4K_AT + 12) else { return };
            for j in 0..4 {
                let (scale, min, rest) = (bytes[j], bytes[j + 4], bytes[j + 8]);
                block.scales[j] = (scale & 63) as i8;
                block.mins[j] = min & 63;
                block.scales[j + 4] = (rest & 15 | scale >> 6 << 4) as i8;
                block.mins[j + 4] = rest >> 4 | min >> 6 << 4;
            }
        }
        _ => {}
    }
}

fn put_biased((low, high): (Plane, Plane), scales: &[i8], bytes: &mut [u8]) {
    let biased = || scales.iter().map(|&scale| scale.wrapping_add(BIAS) as u8);
    low.put(biased(), bytes);
    high.put(biased().map(|scale| scale >> 4), bytes);
}

fn get_biased((low, high): (Plane, Plane), bytes: &[u8], scales: &mut [i8]) {
    low.get(bytes, scales, 0);
    high.get(bytes, scales, 4);
    for scale in scales {
        *scale = scale.wrapping_sub(BIAS);
    }
}
