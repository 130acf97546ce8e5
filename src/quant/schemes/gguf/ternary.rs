//! Types of three levels: `x̂ = d·(code − 1)`, `d = absmax` of 256 weights.

use super::simple::{absmax, half_bits, reciprocal, round_away};
use crate::codec::gguf_blocks::Block;

/// `code = round(x/absmax) + 1`, half away from zero; `TQ1_0` and `TQ2_0` differ in packing alone.
pub fn tq(x: &[f32], block: &mut Block) {
    let d = absmax(x);
    let inverse = reciprocal(d);
    for (code, &x) in block.codes.iter_mut().zip(x) {
        *code = round_away(x * inverse).clamp(-1, 1) as i8 + 1;
    }
    block.d = half_bits(d);
}
