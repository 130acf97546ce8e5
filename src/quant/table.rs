//! Rounding to the nearest level of a table that every group scales: minifloats, block formats,
//! codebooks, few levels.

use std::sync::Arc;

use super::grid::{CodeRange, Grid, Level};
use super::group::GroupLayout;
use super::kernel::{self, Cells, ErrorSums, FloatGrid, Levels, LevelsOf, Part as WeightPart};
use super::range::{Norm, RangeTarget, ValueRange};
use super::rounding::{Rounding, RoundingAt};
use super::scheme::{FittedQuantizer, Place, Run};
use crate::codec::minifloat::Layout;
use crate::codec::{CodePacking, CodeRule, Coding, Encoded, Part, ScaleRule};
use crate::tensor::ChannelMajor;

/// Where a value goes that lies exactly between two levels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ties {
    /// To the level with the even code, as IEEE 754's nearest-even does with the last bit.
    EvenCode,
    /// To the level below.
    Down,
    /// To the level above.
    Up,
    /// To the level further from zero.
    Away,
    /// To the level with the lower code, where a search that keeps the first of the best ends.
    LowerCode,
}

/// Levels before scaling, ascending, with what decides between neighbours.
#[derive(Clone, Debug, PartialEq)]
pub struct LevelTable {
    levels: Arc<[Level]>,
    /// The smallest `f32` that goes to the level above, between each level and the next.
    starts: Vec<f32>,
    /// By the leading bits of a value in ascending order ([`bin_of`]): how many `starts` lie at or
    /// below the smallest value of the bin. Empty for short tables, which are counted through.
    bins: Vec<u32>,
    /// A value below the first or above the second lies more than half a step outside.
    ends: (f32, f32),
    negative_zero: Option<Level>,
    overflow: Option<Overflow>,
    /// The values of `levels`.
    values: Vec<f32>,
    float: Option<FloatGrid>,
    /// The float whose bit patterns the codes are.
    format: Option<Layout>,
}

/// What becomes of values far beyond the outermost levels where they do not saturate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Overflow {
    /// The smallest magnitude that overflows.
    pub from: f32,
    pub negative: Level,
    pub positive: Level,
}

impl LevelTable {
    /// Levels in any order, no two of the same value. A table without levels has the level 0.
    pub fn new(mut levels: Vec<Level>, ties: Ties) -> Self {
        levels.retain(|level| level.value.is_finite());
        levels.sort_by(|a, b| a.value.total_cmp(&b.value));
        levels.dedup_by(|a, b| a.value == b.value);
        if levels.is_empty() {
            levels.push(Level { code: 0, value: 0.0 });
        }
        let starts: Vec<f32> =
            levels.windows(2).map(|pair| start(pair[0], pair[1], ties)).collect();
        let bins = if starts.len() > MAX_COUNTED { bins_of(&starts) } else { Vec::new() };
        let half_step = |pair: Option<&[Level]>| match pair {
            Some([a, b]) => (b.value - a.value) / 2.0,
            _ => 0.0,
        };
        let (first, last) = (levels[0], levels[levels.len() - 1]);
        let ends = (
            first.value - half_step(levels.get(..2)),
            last.value + half_step(levels.get(levels.len().wrapping_sub(2)..)),
        );
        let values = levels.iter().map(|level| level.value).collect();
        let levels = levels.into();
        let (negative_zero, overflow, float, format) = (None, None, None, None);
        Self { levels, starts, bins, ends, negative_zero, overflow, values, float, format }
    }

    /// With bounds other than the middles: the smallest value that goes to each level after the
    /// first, ascending, one fewer than there are levels.
    pub fn with_starts(self, starts: Vec<f32>) -> Self {
        let bins = if starts.len() > MAX_COUNTED { bins_of(&starts) } else { Vec::new() };
        Self { starts, bins, float: None, ..self }
    }

    /// With a code of its own for a negative value that is rounded to zero.
    pub fn with_negative_zero(self, code: i32) -> Self {
        Self { negative_zero: Some(Level { code, value: -0.0 }), ..self }
    }

    /// Said to have the bit patterns of a float as codes.
    pub fn with_format(self, format: Layout) -> Self {
        Self { format: Some(format), ..self }
    }

    /// Said to be a float of few bits, so that values can be rounded by arithmetic.
    pub fn with_float(self, float: FloatGrid) -> Self {
        Self { float: float.is_safe().then_some(float), ..self }
    }

    /// With values from `overflow.from` on that become something else than the last level.
    pub fn with_overflow(self, overflow: Overflow) -> Self {
        Self { overflow: Some(overflow), ..self }
    }

    pub fn levels(&self) -> &Arc<[Level]> {
        &self.levels
    }

    /// The level of the largest magnitude.
    pub fn max_abs(&self) -> f32 {
        self.levels.iter().fold(0.0, |max, level| level.value.abs().max(max))
    }

    /// The level a value before scaling is rounded to.
    pub fn nearest(&self, y: f32) -> Level {
        if let Some(overflow) = self.overflow.filter(|overflow| y.abs() >= overflow.from) {
            return if y > 0.0 { overflow.positive } else { overflow.negative };
        }
        let idx = match self.bins.get(bin_of(y)) {
            None => self.starts.iter().filter(|&&start| start <= y).count(),
            Some(&first) => {
                let first = first as usize;
                let rest = self.starts.get(first..).unwrap_or_default();
                first + rest.iter().take_while(|&&start| start <= y).count()
            }
        };
        let level = self.levels[idx.min(self.levels.len() - 1)];
        match self.negative_zero {
            Some(zero) if level.value == 0.0 && y.is_sign_negative() => zero,
            _ => level,
        }
    }

    /// The level a value before scaling becomes when it is rounded down or by chance: up with the
    /// probability that makes the mean right. Values beyond the outermost levels become these.
    pub fn rounded(&self, y: f32, rounding: &mut RoundingAt) -> Level {
        let next = self.levels.partition_point(|level| level.value <= y);
        let neighbours =
            (next.checked_sub(1).and_then(|idx| self.levels.get(idx)), self.levels.get(next));
        let share_up = match neighbours {
            (Some(lo), Some(hi)) => ((y - lo.value) / (hi.value - lo.value)).clamp(0.0, 1.0),
            _ => 0.0,
        };
        // Asked for every weight, so that the next one gets the number of its place.
        let is_up = rounding.round(share_up) > 0.0;
        if self.overflow.is_some_and(|overflow| y.abs() >= overflow.from) {
            return self.nearest(y);
        }
        let level = match neighbours {
            (Some(_), Some(&hi)) if is_up => hi,
            (Some(&lo), _) => lo,
            (None, Some(&first)) => first,
            (None, None) => return self.nearest(y),
        };
        match self.negative_zero {
            Some(zero) if level.value == 0.0 && y.is_sign_negative() => zero,
            _ => level,
        }
    }

    /// Every level a code can stand for, negative zero and what overflow becomes included.
    fn all_levels(&self) -> impl Iterator<Item = Level> {
        let overflow = self.overflow.iter().flat_map(|o| [o.negative, o.positive]);
        self.levels.iter().copied().chain(self.negative_zero).chain(overflow)
    }

    /// Whether a value before scaling lies more than half a step beyond the outermost level.
    pub fn is_outside(&self, y: f32) -> bool {
        y < self.ends.0 || y > self.ends.1
    }

    /// Lowest and highest code.
    pub fn code_range(&self) -> CodeRange {
        let codes = || self.all_levels().map(|level| level.code);
        CodeRange { qmin: codes().min().unwrap_or(0), qmax: codes().max().unwrap_or(0) }
    }

    fn scaled_levels(&self, scale: f32, offset: f32) -> Levels<'_> {
        let (starts, values) = (&self.starts[..], &self.values[..]);
        Levels { starts, values, float: self.float, ends: self.ends, scale, offset }
    }

    /// The scale under which the larger end of a range is the largest level; 1 for a range without
    /// width, the smallest positive `f32` where it underflows.
    pub fn scale_for(&self, range: ValueRange) -> f32 {
        let reach = range.hi.max(-range.lo);
        match reach / self.max_abs() {
            _ if reach == 0.0 => 1.0,
            scale if scale > 0.0 => scale,
            _ => f32::from_bits(1),
        }
    }
}

/// Tables with at most as many bounds are counted through, which needs no branch a bound.
pub(super) const MAX_COUNTED: usize = 15;

/// Leading bits of a value that choose its bin: sign, exponent and some of the mantissa.
const BIN_BITS: u32 = 13;

/// A value's bits in the order of the values.
fn order_of(y: f32) -> u32 {
    let bits = y.to_bits();
    if bits >> 31 == 1 { !bits } else { bits | 1 << 31 }
}

fn bin_of(y: f32) -> usize {
    (order_of(y) >> (32 - BIN_BITS)) as usize
}

fn bins_of(starts: &[f32]) -> Vec<u32> {
    let mut n_below = 0;
    (0..1u32 << BIN_BITS)
        .map(|bin| {
            let smallest = bin << (32 - BIN_BITS);
            while starts.get(n_below).is_some_and(|&start| order_of(start) <= smallest) {
                n_below += 1;
            }
            n_below as u32
        })
        .collect()
}

/// The smallest `f32` that goes to `hi` rather than `lo`.
pub(super) fn start(lo: Level, hi: Level, ties: Ties) -> f32 {
    let middle = (f64::from(lo.value) + f64::from(hi.value)) / 2.0;
    let near = middle as f32;
    let tie_goes_up = match ties {
        Ties::EvenCode => hi.code % 2 == 0,
        Ties::Down => false,
        Ties::Up => true,
        Ties::Away => middle > 0.0,
        Ties::LowerCode => hi.code < lo.code,
    };
    let is_below = f64::from(near) < middle || (f64::from(near) == middle && !tie_goes_up);
    if is_below { near.next_up() } else { near }
}

/// A range that the table is stretched over: the larger end becomes the largest level.
impl RangeTarget for LevelTable {
    fn is_symmetric(&self) -> bool {
        true
    }

    fn n_levels(&self) -> usize {
        self.levels.len()
    }

    fn error(&self, group: &[f32], range: ValueRange, norm: Norm) -> f64 {
        let scale = self.scale_for(range);
        let error = |&x: &f32| f64::from(x) - f64::from(scale * self.nearest(x / scale).value);
        norm.sum(group.iter().map(error))
    }

    fn cells(&self, range: ValueRange) -> Option<Cells> {
        match self.overflow {
            None => Cells::of_levels(self.scaled_levels(self.scale_for(range), 0.0)),
            Some(_) => None,
        }
    }
}

/// How the scales of the groups are stored beside the codes.
pub trait ScaleStore: Send + Sync {
    /// The stored parts.
    fn parts(&self) -> Vec<Part>;
    /// Bits that they take.
    fn n_bits(&self) -> u64 {
        self.parts().iter().map(Part::n_bits).sum()
    }
    /// How they are read back.
    fn rule(&self) -> ScaleRule;
}

/// A 32-bit float a group.
pub struct F32Scales(pub Arc<[f32]>);

impl ScaleStore for F32Scales {
    fn parts(&self) -> Vec<Part> {
        vec![Part::f32s("scales", &self.0)]
    }

    fn rule(&self) -> ScaleRule {
        ScaleRule::F32
    }
}

/// No scale at all: every group has 1.
pub struct UnitScales;

impl ScaleStore for UnitScales {
    fn parts(&self) -> Vec<Part> {
        Vec::new()
    }

    fn rule(&self) -> ScaleRule {
        ScaleRule::One
    }
}

/// One table for all groups, a scale each: `x̂ = scale · level`, the level nearest to `x / scale`.
pub struct FittedTable {
    pub layout: GroupLayout,
    pub table: Arc<LevelTable>,
    /// By group; none is infinite. Under the scale 0 every weight becomes zero.
    pub scales: Arc<[f32]>,
    pub code_bits: u32,
    /// Nearest as the table breaks ties, or down, or by chance.
    pub rounding: Rounding,
    pub store: Box<dyn ScaleStore>,
}

impl FittedQuantizer for FittedTable {
    fn layout(&self) -> GroupLayout {
        self.layout
    }

    fn quantize(&self, place: Place, input: &[f32], run: Run) {
        let Some(&scale) = self.scales.get(place.group_idx) else { return };
        let Run { codes, values, clipped } = run;
        if scale == 0.0 {
            codes.fill(self.table.nearest(0.0).code);
            values.fill(0.0);
            let is_lost = |x: &f32| u8::from(x.is_finite() && *x != 0.0);
            clipped.iter_mut().zip(input).for_each(|(clipped, x)| *clipped = is_lost(x));
            return;
        }
        let mut rounding = match self.rounding {
            Rounding::Floor | Rounding::Stochastic { .. } => Some(self.rounding.at(place)),
            Rounding::NearestEven | Rounding::NearestAway => None,
        };
        let outputs = codes.iter_mut().zip(values).zip(clipped);
        for (&x, ((code, value), clipped)) in input.iter().zip(outputs) {
            let y = if x.is_finite() { x / scale } else { 0.0 };
            let level = match &mut rounding {
                None => self.table.nearest(y),
                Some(rounding) => self.table.rounded(y, rounding),
            };
            *code = level.code;
            *value = scale * level.value;
            *clipped = u8::from(self.table.is_outside(y));
        }
    }

    /// By a loop of its own where levels are counted through, halved or rounded to; by chance, down,
    /// with overflow or with more than 256 levels one weight after another.
    fn measure(&self, part: WeightPart) -> ErrorSums {
        match self.has_loop() {
            true => kernel::measure_levels(part, &Scaled { fitted: self, offsets: &[] }),
            false => kernel::measure_runs(self, part),
        }
    }

    fn cells(&self) -> Option<Cells> {
        cells_of(&Scaled { fitted: self, offsets: &[] })
    }

    fn grid(&self, group_idx: usize) -> Grid {
        match self.scales.get(group_idx) {
            Some(&scale) if scale == 0.0 => {
                Grid::Table { scale, offset: 0.0, levels: Arc::new([self.table.nearest(0.0)]) }
            }
            Some(&scale) => {
                Grid::Table { scale, offset: 0.0, levels: Arc::clone(self.table.levels()) }
            }
            None => Grid::Continuous,
        }
    }

    fn code_range(&self) -> Option<CodeRange> {
        Some(self.table.code_range())
    }

    fn storage_bits(&self) -> u64 {
        let code_bits = self.layout.count() as u64 * u64::from(self.code_bits);
        code_bits + self.store.parts().iter().map(Part::n_bits).sum::<u64>()
    }

    fn encode(&self, weights: &ChannelMajor) -> Option<Encoded> {
        let codes = super::scheme::all_codes(self, weights);
        let mut parts = vec![Part::codes("codes", &codes, self.code_bits)];
        parts.extend(self.store.parts());
        Some(Encoded { parts })
    }

    fn coding(&self) -> Option<Coding> {
        let levels = || self.table.all_levels().map(|l| (l.code, f64::from(l.value))).collect();
        let codes = self.table.format.map_or_else(|| CodeRule::Levels(levels()), CodeRule::Float);
        let coding = self.layout.coding(codes, CodePacking::Bits(self.code_bits));
        Some(Coding { scales: self.store.rule(), ..coding })
    }
}

impl FittedTable {
    /// Whether [`Scaled`] holds for it.
    pub(super) fn has_loop(&self) -> bool {
        let rounds = matches!(self.rounding, Rounding::NearestEven | Rounding::NearestAway);
        let table = &*self.table;
        let is_short = table.levels.len() <= Levels::MAX_LEVELS || table.float.is_some();
        rounds && table.overflow.is_none() && is_short
    }
}

/// A table under the scales of the groups, around values of their own.
pub(super) struct Scaled<'a> {
    pub fitted: &'a FittedTable,
    /// By group; 0 where there is none.
    pub offsets: &'a [f32],
}

impl LevelsOf for Scaled<'_> {
    #[inline(always)]
    fn layout(&self) -> GroupLayout {
        self.fitted.layout
    }

    #[inline(always)]
    fn with<R>(&self, group_idx: usize, visit: impl FnOnce(Levels) -> R) -> Option<R> {
        let table = &*self.fitted.table;
        let &scale = self.fitted.scales.get(group_idx)?;
        let offset = self.offsets.get(group_idx).copied().unwrap_or(0.0);
        Some(visit(table.scaled_levels(scale, offset)))
    }
}

/// The one grid of a table that all weights share.
pub(super) fn cells_of(scaled: &Scaled) -> Option<Cells> {
    let is_one = scaled.fitted.layout.n_groups() == 1 && scaled.fitted.has_loop();
    is_one.then(|| scaled.with(0, Cells::of_levels))??
}

#[cfg(test)]
mod tests {
    use super::*;

    fn levels(values: &[f32]) -> Vec<Level> {
        (0..).zip(values).map(|(code, &value)| Level { code, value }).collect()
    }

    /// The definition: the smallest distance in exact arithmetic.
    #[test]
    fn the_level_is_the_nearest_one() {
        let values = [-2.0, -0.3, 0.0, 0.1, 0.100_000_01, 7.5];
        let table = LevelTable::new(levels(&values), Ties::Down);
        let probes = (-4000..16_000).map(|k| k as f32 * 5e-4);
        for y in probes.chain([0.05, 0.05f32.next_up(), f32::MAX, -f32::MAX]) {
            let found = f64::from(table.nearest(y).value);
            let best = values.iter().map(|&v| (f64::from(v) - f64::from(y)).abs());
            let best = best.fold(f64::INFINITY, f64::min);
            assert_eq!((found - f64::from(y)).abs(), best, "{y}");
        }
    }

    #[test]
    fn ties_go_where_they_are_told() {
        let at = |ties, y| LevelTable::new(levels(&[-1.0, 0.0, 1.0, 2.0]), ties).nearest(y).value;
        let on_ties = |ties| [-0.5, 0.5, 1.5].map(|y| at(ties, y));
        assert_eq!(on_ties(Ties::Down), [-1.0, 0.0, 1.0]);
        assert_eq!(on_ties(Ties::Up), [0.0, 1.0, 2.0]);
        assert_eq!(on_ties(Ties::Away), [-1.0, 1.0, 2.0]);
        assert_eq!(on_ties(Ties::EvenCode), [-1.0, 1.0, 1.0]);
    }

    #[test]
    fn outside_is_half_a_step_beyond_the_end() {
        let table = LevelTable::new(levels(&[-1.0, 0.0, 4.0]), Ties::Down);
        assert!(!table.is_outside(-1.5) && table.is_outside(-1.6));
        assert!(!table.is_outside(6.0) && table.is_outside(6.1));
        let one = LevelTable::new(levels(&[1.0]), Ties::Down);
        assert_eq!((one.nearest(9.0).value, one.is_outside(2.0)), (1.0, true));
    }
}
