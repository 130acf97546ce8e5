//! Super-blocks of 256 weights whose sub-blocks have whole-number scales of their own: `Q2_K` …
//! `Q6_K`. The type says how blocks are read; how the scales are found is up to the writer: here the
//! mean squared error is minimized ([`search`](super::search)), which does one to two million weights
//! a second on one core, a fiftieth of what a simple type does.

use super::search::{AffineFit, AffineSpec, ScaleFit, ScaleSpec, Whole};
use super::simple::half_bits;
use crate::codec::gguf_blocks::{Block, BlockType, MAX_LEN};

/// The sub-blocks of a block; what is missing is 0.
pub fn sub_blocks<const N: usize, const G: usize>(x: &[f32]) -> [[f32; N]; G] {
    let mut groups = [[0f32; N]; G];
    for (group, x) in groups.iter_mut().zip(x.chunks(N)) {
        for (to, &x) in group.iter_mut().zip(x) {
            *to = x;
        }
    }
    groups
}

/// The nearest code of every weight under the scales of the block.
fn set_linear_codes(block_type: BlockType, x: &[f32], block: &mut Block) {
    let len = block_type.group_len();
    let (code_min, code_max) = block_type.code_ends();
    let zero = -block_type.level(0);
    let mut codes = [0i8; MAX_LEN];
    for (group_idx, (codes, x)) in codes.chunks_mut(len).zip(x.chunks(len)).enumerate() {
        let grid = block_type.grid(block, group_idx);
        for (code, &x) in codes.iter_mut().zip(x) {
            let y = if grid.scale == 0.0 { 0.0 } else { (x - grid.offset) / grid.scale };
            let nearest = (y + zero).round_ties_even();
            *code = nearest.clamp(f32::from(code_min), f32::from(code_max)) as i8;
        }
    }
    block.codes = codes;
}

fn set_affine<const G: usize>(fit: AffineFit<G>, block: &mut Block) {
    (block.d, block.min) = (half_bits(fit.d), half_bits(fit.dmin));
    for (to, &scale) in block.scales.iter_mut().zip(&fit.scales) {
        *to = scale as i8;
    }
    for (to, &min) in block.mins.iter_mut().zip(&fit.mins) {
        *to = min;
    }
}

pub fn set_scales<const G: usize>(fit: ScaleFit<G>, block: &mut Block) {
    block.d = half_bits(fit.d);
    for (to, &scale) in block.scales.iter_mut().zip(&fit.scales) {
        *to = scale;
    }
}

pub fn q2_k(x: &[f32], block: &mut Block) {
    let spec = AffineSpec { q_max: 3.0, factor_max: 15, shrink: (0.5, 1.1) };
    set_affine(spec.fit::<16, 16>(&sub_blocks(x)), block);
    set_linear_codes(BlockType::Q2K, x, block);
}

pub fn q3_k(x: &[f32], block: &mut Block) {
    let levels = Whole::<-4, 3>;
    let spec = ScaleSpec { levels, factors: (-32, 31), shrink: (0.5, 1.4) };
    set_scales(spec.fit::<16, 16>(&sub_blocks(x)), block);
    set_linear_codes(BlockType::Q3K, x, block);
}

pub fn q4_k(x: &[f32], block: &mut Block) {
    let spec = AffineSpec { q_max: 15.0, factor_max: 63, shrink: (0.8, 1.15) };
    set_affine(spec.fit::<32, 8>(&sub_blocks(x)), block);
    set_linear_codes(BlockType::Q4K, x, block);
}

pub fn q5_k(x: &[f32], block: &mut Block) {
    let spec = AffineSpec { q_max: 31.0, factor_max: 63, shrink: (0.88, 1.15) };
    set_affine(spec.fit::<32, 8>(&sub_blocks(x)), block);
    set_linear_codes(BlockType::Q5K, x, block);
}

pub fn q6_k(x: &[f32], block: &mut Block) {
    let levels = Whole::<-32, 31>;
    let spec = ScaleSpec { levels, factors: (-128, 127), shrink: (0.9, 1.4) };
    set_scales(spec.fit::<16, 16>(&sub_blocks(x)), block);
    set_linear_codes(BlockType::Q6K, x, block);
}
