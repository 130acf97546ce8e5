//! Levels of each group's own and the bounds between them: codebooks, and few levels whose bounds
//! are not the middles.

use std::sync::Arc;

use super::grid::{CodeRange, Grid, Level};
use super::group::GroupLayout;
use super::kernel::{self, Cells, ErrorSums, Levels, LevelsOf, Part as WeightPart};
use super::scheme::{FittedQuantizer, Place, QuantError, Run};
use super::table::{MAX_COUNTED, ScaleStore, Ties, start};
pub use crate::codec::CodePacking;
use crate::codec::packing::pack_ternary;
use crate::codec::{CodeRule, Coding, Encoded, Part, ScaleRule};
use crate::tensor::ChannelMajor;

/// The levels of the groups.
pub enum GroupLevels {
    /// `n_levels` of each group, one group after another, ascending, every one of them stored as a
    /// 32-bit float. A group that has fewer repeats its last; codes count from 0.
    Own { n_levels: usize, values: Arc<[f32]> },
    /// The same for all groups, ascending, times a scale of the group's.
    Scaled { levels: Arc<[Level]>, scales: Arc<[f32]>, store: Box<dyn ScaleStore> },
}

/// A table for each group: a weight has the level whose bounds it lies between.
pub struct FittedCodebook {
    pub layout: GroupLayout,
    pub levels: GroupLevels,
    /// By group, one fewer than there are levels: the smallest weight that goes to each level after
    /// the first; infinite where a level is a repeated one.
    pub starts: Arc<[f32]>,
    pub packing: CodePacking,
    pub facts: Vec<(&'static str, String)>,
}

impl GroupLevels {
    /// Own levels of all groups; each is sorted, freed of repetitions and filled up to `n_levels`.
    pub fn own(n_levels: usize, groups: Vec<Vec<f32>>) -> Self {
        let mut values = Vec::with_capacity(n_levels * groups.len());
        for mut levels in groups {
            levels.sort_by(f32::total_cmp);
            levels.dedup();
            let last = levels.last().copied().unwrap_or(0.0);
            levels.resize(n_levels, last);
            values.extend(levels);
        }
        Self::Own { n_levels, values: values.into() }
    }

    /// Levels of a group.
    pub fn n_levels(&self) -> usize {
        match self {
            Self::Own { n_levels, .. } => *n_levels,
            Self::Scaled { levels, .. } => levels.len(),
        }
    }

    /// A level of a group; 0 where there is none.
    fn level(&self, group_idx: usize, level_idx: usize) -> Level {
        let (code, value) = match self {
            Self::Own { n_levels, values } => {
                (level_idx as i32, values.get(group_idx * n_levels + level_idx).copied())
            }
            Self::Scaled { levels, scales, .. } => {
                let scale = scales.get(group_idx).copied().unwrap_or(0.0);
                let level = levels.get(level_idx);
                (level.map_or(0, |level| level.code), level.map(|level| scale * level.value))
            }
        };
        Level { code, value: value.unwrap_or(0.0) }
    }

    /// The bounds for rounding to the nearest level, a tie to the lower one; only for own levels.
    pub fn middles(&self) -> Arc<[f32]> {
        let Self::Own { n_levels, values } = self else { return Arc::new([]) };
        let bound = |pair: &[f32]| match pair {
            [lo, hi] if lo < hi => {
                let level = |&value| Level { code: 0, value };
                start(level(lo), level(hi), Ties::Down)
            }
            _ => f32::INFINITY,
        };
        values.chunks(*n_levels).flat_map(|levels| levels.windows(2).map(bound)).collect()
    }

    fn parts(&self) -> Vec<Part> {
        match self {
            Self::Own { values, .. } => vec![Part::f32s("levels", values)],
            Self::Scaled { store, .. } => store.parts(),
        }
    }
}

impl FittedCodebook {
    fn starts_of(&self, group_idx: usize) -> &[f32] {
        let len = self.levels.n_levels().saturating_sub(1);
        self.starts.get(group_idx * len..(group_idx + 1) * len).unwrap_or_default()
    }

    /// Values below the first or above the second lie more than half a step outside.
    fn ends(&self, group_idx: usize) -> (f32, f32) {
        let n_levels = self.levels.n_levels();
        let value = |idx: usize| self.levels.level(group_idx, idx).value;
        let (first, last) = (value(0), value(n_levels.saturating_sub(1)));
        let second = (0..n_levels).map(value).find(|&v| v > first).unwrap_or(first);
        let before = (0..n_levels).rev().map(value).find(|&v| v < last).unwrap_or(last);
        (first - (second - first) / 2.0, last + (last - before) / 2.0)
    }
}

impl LevelsOf for FittedCodebook {
    #[inline(always)]
    fn layout(&self) -> GroupLayout {
        self.layout
    }

    /// Bounds and values are those of the weights themselves: nothing is divided.
    #[inline(always)]
    fn with<R>(&self, group_idx: usize, visit: impl FnOnce(Levels) -> R) -> Option<R> {
        let mut scaled = [0.0; Levels::MAX_LEVELS];
        let values = match &self.levels {
            GroupLevels::Own { n_levels, values } => {
                values.get(group_idx * n_levels..(group_idx + 1) * n_levels)?
            }
            GroupLevels::Scaled { levels, scales, .. } => {
                let &scale = scales.get(group_idx)?;
                for (value, level) in scaled.iter_mut().zip(&**levels) {
                    *value = scale * level.value;
                }
                scaled.get(..levels.len())?
            }
        };
        let (starts, ends) = (self.starts_of(group_idx), self.ends(group_idx));
        Some(visit(Levels { starts, values, float: None, ends, scale: 1.0, offset: 0.0 }))
    }
}

impl FittedQuantizer for FittedCodebook {
    fn layout(&self) -> GroupLayout {
        self.layout
    }

    fn quantize(&self, place: Place, input: &[f32], run: Run) {
        let starts = self.starts_of(place.group_idx);
        let (lo, hi) = self.ends(place.group_idx);
        let Run { codes, values, clipped } = run;
        let outputs = codes.iter_mut().zip(values).zip(clipped);
        for (&x, ((code, value), clipped)) in input.iter().zip(outputs) {
            let x = if x.is_finite() { x } else { 0.0 };
            let level_idx = match starts.len() <= MAX_COUNTED {
                true => starts.iter().filter(|&&start| start <= x).count(),
                false => starts.partition_point(|&start| start <= x),
            };
            let level = self.levels.level(place.group_idx, level_idx);
            *code = level.code;
            *value = level.value;
            *clipped = u8::from(x < lo || x > hi);
        }
    }

    fn measure(&self, part: WeightPart) -> ErrorSums {
        match self.levels.n_levels() <= Levels::MAX_LEVELS {
            true => kernel::measure_levels(part, self),
            false => kernel::measure_runs(self, part),
        }
    }

    fn n_bytes(&self) -> usize {
        self.layout.n_groups() * self.levels.n_levels() * 2 * size_of::<f32>()
    }

    fn cells(&self) -> Option<Cells> {
        let is_one = self.layout.n_groups() == 1 && self.levels.n_levels() <= Levels::MAX_LEVELS;
        is_one.then(|| self.with(0, Cells::of_levels))??
    }

    fn grid(&self, group_idx: usize) -> Grid {
        if group_idx >= self.layout.n_groups() {
            return Grid::Continuous;
        }
        match &self.levels {
            GroupLevels::Own { n_levels, .. } => {
                let levels = (0..*n_levels).map(|idx| self.levels.level(group_idx, idx));
                let mut levels: Vec<Level> = levels.collect();
                levels.dedup_by(|a, b| a.value == b.value);
                Grid::Table { scale: 1.0, offset: 0.0, levels: levels.into() }
            }
            GroupLevels::Scaled { levels, scales, .. } => Grid::Table {
                scale: scales.get(group_idx).copied().unwrap_or(0.0),
                offset: 0.0,
                levels: Arc::clone(levels),
            },
        }
    }

    fn code_range(&self) -> Option<CodeRange> {
        let code = |idx: usize| self.levels.level(0, idx).code;
        Some(CodeRange { qmin: code(0), qmax: code(self.levels.n_levels().saturating_sub(1)) })
    }

    fn storage_bits(&self) -> u64 {
        let count = self.layout.count() as u64;
        let code_bits = match self.packing {
            CodePacking::Bits(bits) => count * u64::from(bits),
            CodePacking::FiveInByte => count.div_ceil(5) * 8,
        };
        code_bits + self.levels.parts().iter().map(Part::n_bits).sum::<u64>()
    }

    fn encode(&self, weights: &ChannelMajor) -> Option<Encoded> {
        let codes = super::scheme::all_codes(self, weights);
        let codes = match self.packing {
            CodePacking::Bits(bits) => Part::codes("codes", &codes, bits),
            CodePacking::FiveInByte => {
                let bytes = pack_ternary(&codes);
                Part { name: "codes", n_items: bytes.len(), item_bits: 8, bytes }
            }
        };
        let mut parts = vec![codes];
        parts.extend(self.levels.parts());
        Some(Encoded { parts })
    }

    fn coding(&self) -> Option<Coding> {
        let (codes, scales) = match &self.levels {
            GroupLevels::Own { n_levels, .. } => (CodeRule::OwnLevels(*n_levels), ScaleRule::One),
            GroupLevels::Scaled { levels, store, .. } => {
                let levels = levels.iter().map(|l| (l.code, f64::from(l.value))).collect();
                (CodeRule::Levels(levels), store.rule())
            }
        };
        Some(Coding { scales, ..self.layout.coding(codes, self.packing) })
    }

    fn facts(&self) -> Vec<(&'static str, String)> {
        self.facts.clone()
    }
}

/// Refuses a codebook with more levels than the weights it would stand for.
///
/// A short last run of a channel does not count: it repeats a level.
///
/// # Errors
/// [`QuantError::CodebookTooLarge`] with what is possible.
pub fn check_size(layout: GroupLayout, n_levels: usize) -> Result<(), QuantError> {
    let n_weights = if layout.n_groups() == 0 { return Ok(()) } else { layout.range(0).len() };
    if n_levels <= n_weights {
        return Ok(());
    }
    let is_whole = n_weights == layout.count();
    let way_out = match (n_weights.ilog2(), is_whole) {
        (0, true) => "keep this layer in float".to_owned(),
        (0, false) => "share one among more weights".to_owned(),
        (bits, true) => format!("set bits to at most {bits}, or keep this layer in float"),
        (bits, false) => format!("set bits to at most {bits}, or share one among more weights"),
    };
    Err(QuantError::CodebookTooLarge { n_levels, n_weights, way_out })
}

/// The smallest `f32` for which a condition holds that, once true, stays true for all larger ones;
/// infinite where there is none.
pub fn first_that(holds: impl Fn(f32) -> bool) -> f32 {
    let value =
        |order: u32| f32::from_bits(if order >> 31 == 1 { order & !(1 << 31) } else { !order });
    let order_of_max = f32::MAX.to_bits() | 1 << 31;
    let (mut below, mut at) = (!(-f32::MAX).to_bits(), order_of_max);
    if !holds(f32::MAX) {
        return f32::INFINITY;
    }
    if holds(-f32::MAX) {
        return -f32::MAX;
    }
    while at - below > 1 {
        let middle = below + (at - below) / 2;
        *(if holds(value(middle)) { &mut at } else { &mut below }) = middle;
    }
    value(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quant::Granularity;

    #[test]
    fn the_first_float_is_found() {
        for bound in [0.0, 0.3, -0.3, 1e-45, -1e-45, f32::MAX, -f32::MAX, 1e30] {
            assert_eq!(first_that(|x| x >= bound), bound, "{bound:e}");
            assert_eq!(first_that(|x| x > bound).min(f32::MAX), bound.next_up().min(f32::MAX));
        }
    }

    #[test]
    fn a_short_group_repeats_its_last_level() {
        let levels = GroupLevels::own(4, vec![vec![2.0, -1.0, 2.0], vec![0.0, 1.0, 2.0, 4.0]]);
        let starts = levels.middles();
        let inf = f32::INFINITY;
        assert_eq!(starts[1..3], [inf, inf]);
        assert_eq!(starts[3..], [0.5f32, 1.5, 3.0].map(f32::next_up));
        let layout =
            GroupLayout { granularity: Granularity::PerChannel, n_channels: 2, channel_len: 5 };
        let packing = CodePacking::Bits(2);
        let fitted = FittedCodebook { layout, levels, starts, packing, facts: Vec::new() };
        assert_eq!(fitted.grid(0).n_levels(), Some(2));
        let (mut codes, mut values, mut clipped) = ([0; 5], [0.0; 5], [0; 5]);
        let run = Run { codes: &mut codes, values: &mut values, clipped: &mut clipped };
        let place = Place { group_idx: 0, start: 0 };
        fitted.quantize(place, &[-9.0, 0.5, 0.6, 9.0, f32::NAN], run);
        assert_eq!((codes, values), ([0, 0, 1, 1, 0], [-1.0, -1.0, 2.0, 2.0, -1.0]));
        assert_eq!(clipped, [1, 0, 0, 1, 0]);
    }

    #[test]
    fn what_is_possible_is_said() {
        let of = |granularity, channel_len, n_levels| {
            let layout = GroupLayout { granularity, n_channels: 2, channel_len };
            check_size(layout, n_levels).map_err(|error| error.to_string())
        };
        assert_eq!(of(Granularity::PerTensor, 8, 16), Ok(()));
        let wanted = "a codebook of 16 levels is larger than the 9 weights it is for; set bits to at most 3, or share one among more weights";
        assert_eq!(of(Granularity::PerChannel, 9, 16), Err(wanted.to_owned()));
        let alone = of(Granularity::PerGroup { group_size: 1 }, 9, 2).unwrap_err();
        assert!(alone.contains("the 1 weight it is for; share one"), "{alone}");
        assert_eq!(of(Granularity::PerTensor, 0, 256), Ok(()));
    }
}
