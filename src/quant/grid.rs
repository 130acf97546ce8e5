//! The values a quantized weight can take.

use std::sync::Arc;

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

/// One value of a table, and the code that stands for it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Level {
    pub code: i32,
    pub value: f32,
}

/// The levels of one group.
#[derive(Clone, Debug, PartialEq)]
pub enum Grid {
    /// Every `f32` is its own level: nothing is quantized, or no one grid holds the values.
    Continuous,
    /// Equal steps.
    Uniform { params: QuantParams, range: CodeRange },
    /// A table, ascending: `x̂ = scale · level + offset`.
    Table { scale: f32, offset: f32, levels: Arc<[Level]> },
}

impl Grid {
    /// Number of levels; `None` when they are not counted.
    pub fn n_levels(&self) -> Option<usize> {
        match self {
            Self::Continuous => None,
            Self::Uniform { range, .. } => Some(range.n_codes()),
            Self::Table { levels, .. } => Some(levels.len()),
        }
    }

    /// Code and value of every level, ascending; empty for a continuous grid.
    pub fn levels(&self) -> Vec<Level> {
        match self {
            Self::Continuous => Vec::new(),
            Self::Uniform { params, range } => (range.qmin..=range.qmax)
                .map(|code| Level { code, value: params.scale * (code - params.zero_point) as f32 })
                .collect(),
            Self::Table { levels, .. } => levels.iter().map(|level| self.scaled(level)).collect(),
        }
    }

    /// A level of the table in the scale of the weights.
    fn scaled(&self, level: &Level) -> Level {
        match self {
            Self::Table { scale, offset, .. } => {
                Level { code: level.code, value: scale * level.value + offset }
            }
            _ => *level,
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
            Self::Table { levels, .. } => {
                let ends = (self.scaled(levels.first()?).value, self.scaled(levels.last()?).value);
                Some((ends.0.min(ends.1), ends.0.max(ends.1)))
            }
        }
    }

    /// The steps at the lower and the upper end; beyond half of them a weight counts as clipped.
    pub fn end_steps(&self) -> Option<(f32, f32)> {
        match self {
            Self::Continuous => None,
            Self::Uniform { params, .. } => Some((params.scale, params.scale)),
            Self::Table { scale, levels, .. } => {
                let [first, second, ..] = &**levels else { return None };
                let [.., before, last] = &**levels else { return None };
                let step = |lo: &Level, hi: &Level| (scale * (hi.value - lo.value)).abs();
                Some((step(first, second), step(before, last)))
            }
        }
    }

    /// The one step of equal steps.
    pub fn uniform_step(&self) -> Option<f32> {
        match self {
            Self::Uniform { params, .. } => Some(params.scale),
            _ => None,
        }
    }

    /// What a code is multiplied by.
    pub fn scale(&self) -> Option<f32> {
        match self {
            Self::Continuous => None,
            Self::Uniform { params, .. } => Some(params.scale),
            Self::Table { scale, .. } => Some(*scale),
        }
    }

    /// The level nearest to a value, for showing; ties are the scheme's to break.
    pub fn nearest(&self, x: f64) -> Option<Level> {
        match self {
            Self::Continuous => None,
            Self::Uniform { params, range } => {
                let zero_point = f64::from(params.zero_point);
                let code = (x / f64::from(params.scale)).round_ties_even() + zero_point;
                let code = code.clamp(f64::from(range.qmin), f64::from(range.qmax)) as i32;
                Some(Level { code, value: params.scale * (code - params.zero_point) as f32 })
            }
            Self::Table { levels, .. } => {
                let distance = |level: &Level| (f64::from(self.scaled(level).value) - x).abs();
                let nearest = levels.iter().min_by(|a, b| distance(a).total_cmp(&distance(b)));
                nearest.map(|level| self.scaled(level))
            }
        }
    }
}
