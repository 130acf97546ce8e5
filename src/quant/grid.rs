//! The values a quantized weight can take.

/// Scale and zero point of one group: `x̂ = scale · (code − zero_point)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct QuantParams {
    pub scale: f32,
    pub zero_point: i32,
}

/// The codes of an integer grid, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeRange {
    pub qmin: i32,
    pub qmax: i32,
}

impl CodeRange {
    pub fn n_codes(self) -> usize {
        (self.qmax - self.qmin + 1).max(0) as usize
    }
}

/// The levels of one group.
#[derive(Clone, Debug, PartialEq)]
pub enum Grid {
    /// Every `f32` is its own level: nothing is quantized.
    Continuous,
    /// Equal steps.
    Uniform { params: QuantParams, range: CodeRange },
}

impl Grid {
    /// Number of levels; `None` when they are not counted.
    pub fn n_levels(&self) -> Option<usize> {
        match self {
            Self::Continuous => None,
            Self::Uniform { range, .. } => Some(range.n_codes()),
        }
    }

    /// Code and value of every level, ascending; empty for a continuous grid.
    pub fn levels(&self) -> Vec<(i32, f32)> {
        match self {
            Self::Continuous => Vec::new(),
            Self::Uniform { params, range } => (range.qmin..=range.qmax)
                .map(|code| (code, params.scale * (code - params.zero_point) as f32))
                .collect(),
        }
    }

    /// Lowest and highest level.
    pub fn bounds(&self) -> Option<(f32, f32)> {
        match self {
            Self::Continuous => None,
            Self::Uniform { params, range } => Some((
                params.scale * (range.qmin - params.zero_point) as f32,
                params.scale * (range.qmax - params.zero_point) as f32,
            )),
        }
    }
}
