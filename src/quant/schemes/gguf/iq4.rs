//! Types with sixteen levels at unequal steps: `IQ4_NL` and `IQ4_XS`. The scales with the smallest
//! squared error are searched for, as those of the [K-quants](super::k_quants).

use super::k_quants::{set_scales, sub_blocks};
use super::search::{Levels, ScaleSpec};
use super::simple::half_bits;
use crate::codec::gguf_blocks::{Block, BlockType, IQ4_LEVELS, MAX_LEN};

/// The levels of both types.
#[derive(Clone, Copy)]
struct Iq4;

impl Levels for Iq4 {
    const ENDS: (f32, f32) = (IQ4_LEVELS[0] as f32, IQ4_LEVELS[15] as f32);

    fn near(self, y: f32) -> f32 {
        let half_steps = y.clamp(Self::ENDS.0, Self::ENDS.1) * 2.0;
        f32::from(NEAR.get((half_steps + 256.5) as usize).copied().unwrap_or(0))
    }
}

/// By `2y + 256`: the level nearest to `y`.
const NEAR: [i8; 512] = {
    let mut near = [0; 512];
    let mut idx = 0;
    let mut code = 0;
    while idx < near.len() {
        let y = idx as i32 - 256;
        while code < 15 && y > IQ4_LEVELS[code] as i32 + IQ4_LEVELS[code + 1] as i32 {
            code += 1;
        }
        near[idx] = IQ4_LEVELS[code];
        idx += 1;
    }
    near
};

/// The nearest code of every weight under the scales of the block; a tie goes to the lower code.
fn set_codes(block_type: BlockType, x: &[f32], block: &mut Block) {
    let len = block_type.group_len();
    let mut codes = [0i8; MAX_LEN];
    for (group_idx, (codes, x)) in codes.chunks_mut(len).zip(x.chunks(len)).enumerate() {
        let scale = block_type.grid(block, group_idx).scale;
        for (code, &x) in codes.iter_mut().zip(x) {
            let twice = if scale == 0.0 { 0.0 } else { x / scale * 2.0 };
            let is_above = |pair: &[i8]| twice > f32::from(i16::from(pair[0]) + i16::from(pair[1]));
            *code = IQ4_LEVELS.windows(2).map(|pair| i8::from(is_above(pair))).sum();
        }
    }
    block.codes = codes;
}

const SHRINK: (f32, f32) = (0.7, 1.3);

pub fn iq4_nl(x: &[f32], block: &mut Block) {
    let spec = ScaleSpec { levels: Iq4, factors: (-1, 1), shrink: SHRINK };
    let [x32] = sub_blocks::<32, 1>(x);
    block.d = half_bits(spec.fit_alone(&x32));
    set_codes(BlockType::Iq4Nl, x, block);
}

pub fn iq4_xs(x: &[f32], block: &mut Block) {
    let spec = ScaleSpec { levels: Iq4, factors: (-32, 31), shrink: SHRINK };
    set_scales(spec.fit::<32, 8>(&sub_blocks(x)), block);
    set_codes(BlockType::Iq4Xs, x, block);
}
