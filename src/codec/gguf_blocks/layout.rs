//! Where the numbers of each type of block lie.

use super::planes::Plane;
use super::{BlockType, IQ4_LEVELS, MXFP4_LEVELS};

/// What a code stands for before scaling.
#[derive(Clone, Copy)]
pub enum CodeLevels {
    /// The code less this.
    Minus(i8),
    Listed(&'static [i8; 16]),
}

pub struct Layout {
    pub n_bytes: usize,
    /// Weights.
    pub len: usize,
    /// Weights that share a grid.
    pub group_len: usize,
    pub d_at: usize,
    pub min_at: Option<usize>,
    /// The lowest bits of the codes; `None` for codes of three states packed by fives.
    pub low: Option<Plane>,
    /// The bits above.
    pub high: Option<Plane>,
    pub levels: CodeLevels,
    /// Lowest and highest code.
    pub codes: (i8, i8),
}

const fn plane(at: usize, run: usize, bits: u32) -> Option<Plane> {
    Some(Plane { at, run, bits })
}

/// A scale, then codes of four bits.
const SMALL: Layout = Layout {
    n_bytes: 18,
    len: 32,
    group_len: 32,
    d_at: 0,
    min_at: None,
    low: plane(2, 16, 4),
    high: None,
    levels: CodeLevels::Minus(8),
    codes: (0, 15),
};
static Q4_0: Layout = SMALL;
static Q4_1: Layout = Layout {
    n_bytes: 20,
    min_at: Some(2),
    low: plane(4, 16, 4),
    levels: CodeLevels::Minus(0),
    ..SMALL
};
static Q5_0: Layout = Layout {
    n_bytes: 22,
    low: plane(6, 16, 4),
    high: plane(2, 1, 1),
    levels: CodeLevels::Minus(16),
    codes: (0, 31),
    ..SMALL
};
static Q5_1: Layout = Layout {
    n_bytes: 24,
    min_at: Some(2),
    low: plane(8, 16, 4),
    high: plane(4, 1, 1),
    levels: CodeLevels::Minus(0),
    codes: (0, 31),
    ..SMALL
};
static Q8_0: Layout = Layout {
    n_bytes: 34,
    low: plane(2, 1, 8),
    levels: CodeLevels::Minus(0),
    codes: (-127, 127),
    ..SMALL
};
static IQ4_NL: Layout = Layout { levels: CodeLevels::Listed(&IQ4_LEVELS), ..SMALL };
static MXFP4: Layout = Layout {
    n_bytes: 17,
    low: plane(1, 16, 4),
    levels: CodeLevels::Listed(&MXFP4_LEVELS),
    ..SMALL
};

const SUPER: Layout = Layout { len: 256, group_len: 16, ..SMALL };
static Q2_K: Layout = Layout {
    n_bytes: 84,
    d_at: 80,
    min_at: Some(82),
    low: plane(16, 32, 2),
    levels: CodeLevels::Minus(0),
    codes: (0, 3),
    ..SUPER
};
static Q3_K: Layout = Layout {
    n_bytes: 110,
    d_at: 108,
    low: plane(32, 32, 2),
    high: plane(0, 32, 1),
    levels: CodeLevels::Minus(4),
    codes: (0, 7),
    ..SUPER
};
static Q4_K: Layout = Layout {
    n_bytes: 144,
    group_len: 32,
    min_at: Some(2),
    low: plane(16, 32, 4),
    levels: CodeLevels::Minus(0),
    ..SUPER
};
static Q5_K: Layout = Layout {
    n_bytes: 176,
    group_len: 32,
    min_at: Some(2),
    low: plane(48, 32, 4),
    high: plane(16, 32, 1),
    levels: CodeLevels::Minus(0),
    codes: (0, 31),
    ..SUPER
};
static Q6_K: Layout = Layout {
    n_bytes: 210,
    d_at: 208,
    low: plane(0, 64, 4),
    high: plane(128, 32, 2),
    levels: CodeLevels::Minus(32),
    codes: (0, 63),
    ..SUPER
};
static IQ4_XS: Layout = Layout {
    n_bytes: 136,
    group_len: 32,
    low: plane(8, 16, 4),
    levels: CodeLevels::Listed(&IQ4_LEVELS),
    ..SUPER
};
static TQ1_0: Layout = Layout {
    n_bytes: 54,
    group_len: 256,
    d_at: 52,
    low: None,
    levels: CodeLevels::Minus(1),
    codes: (0, 2),
    ..SUPER
};
static TQ2_0: Layout = Layout {
    n_bytes: 66,
    group_len: 256,
    d_at: 64,
    low: plane(0, 32, 2),
    levels: CodeLevels::Minus(1),
    codes: (0, 2),
    ..SUPER
};

pub fn of(block_type: BlockType) -> &'static Layout {
    match block_type {
        BlockType::Q4_0 => &Q4_0,
        BlockType::Q4_1 => &Q4_1,
        BlockType::Q5_0 => &Q5_0,
        BlockType::Q5_1 => &Q5_1,
        BlockType::Q8_0 => &Q8_0,
        BlockType::Q2K => &Q2_K,
        BlockType::Q3K => &Q3_K,
        BlockType::Q4K => &Q4_K,
        BlockType::Q5K => &Q5_K,
        BlockType::Q6K => &Q6_K,
        BlockType::Iq4Nl => &IQ4_NL,
        BlockType::Iq4Xs => &IQ4_XS,
        BlockType::Tq1_0 => &TQ1_0,
        BlockType::Tq2_0 => &TQ2_0,
        BlockType::Mxfp4 => &MXFP4,
    }
}
