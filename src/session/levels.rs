//! The levels of a scheme on a layer, and how often each is used.

use std::collections::HashMap;
use std::sync::Arc;

use super::loaded::Loaded;
use super::query::{Answer, Query};
use super::state::Session;
use super::workshop::{QueryError, Workshop};
use crate::base::{Cancelled, WorkCtx, reduce};
use crate::eval::{CodeUsage, LayerError};
use crate::quant::{CodeFormat, Family, FittedQuantizer, Grid, Level, Place, Run, SchemeChoice};
use crate::tensor::{ChannelMajor, Histogram};

/// The levels of one group, or of all groups in units of their scales.
#[derive(Clone, Debug)]
pub struct LevelsPicture {
    pub layer_idx: usize,
    pub n_groups: usize,
    /// The group shown; `None` for all of them.
    pub group_idx: Option<usize>,
    /// The channel that group lies in.
    pub channel_idx: Option<usize>,
    /// Weights counted.
    pub count: usize,
    /// The grid of the group shown; `None` where the groups shown have grids of their own.
    pub grid: Option<Grid>,
    pub axis: LevelAxis,
    /// Ascending by value, by code where two have the same.
    pub levels: Vec<UsedLevel>,
    pub format: Option<CodeFormat>,
    /// Whether the values of the levels are multiplied by a scale.
    pub has_scale: bool,
    /// The weights before, on the same axis; `None` where they do not lie on it.
    pub outline: Option<Histogram>,
    /// `−Σ p·log₂ p` of the codes' shares.
    pub entropy_bits: f64,
}

/// What the values of levels are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LevelAxis {
    /// Those of the weights.
    Weights,
    /// Before each group's scale.
    Units,
    /// The codes themselves, since groups differ in what these stand for, or no one grid holds
    /// the values.
    Codes,
}

/// A level with the weights that became it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct UsedLevel {
    pub code: i32,
    pub value: f32,
    pub count: u64,
}

impl LevelsPicture {
    /// Levels at least one weight became.
    pub fn n_used(&self) -> usize {
        self.levels.iter().filter(|level| level.count > 0).count()
    }

    /// The places of all levels of the value that the one at `idx` has: a negative zero and zero are
    /// two codes of one value.
    pub fn alike(&self, idx: usize) -> std::ops::Range<usize> {
        let Some(level) = self.levels.get(idx) else { return idx..idx };
        let first = self.levels.partition_point(|other| other.value < level.value);
        first..self.levels.partition_point(|other| other.value <= level.value)
    }

    /// Values, each with the weights of all its codes, ascending.
    pub fn by_value(&self) -> impl Iterator<Item = (f32, u64)> {
        let same = |a: &UsedLevel, b: &UsedLevel| a.value == b.value;
        let chunks = self.levels.chunk_by(same);
        chunks.filter_map(|chunk| {
            Some((chunk.last()?.value, chunk.iter().map(|level| level.count).sum()))
        })
    }

    /// Place of the level whose value is nearest.
    pub fn nearest(&self, value: f64) -> Option<usize> {
        let above = self.levels.partition_point(|level| f64::from(level.value) < value);
        let distance = |idx: &usize| {
            self.levels.get(*idx).map_or(f64::INFINITY, |l| (f64::from(l.value) - value).abs())
        };
        let candidates = [above.saturating_sub(1), above];
        let nearest = candidates.into_iter().min_by(|a, b| distance(a).total_cmp(&distance(b)));
        nearest.filter(|idx| distance(idx).is_finite())
    }

    /// Lowest and highest finite value.
    pub fn bounds(&self) -> Option<(f64, f64)> {
        let finite = || self.levels.iter().map(|l| f64::from(l.value)).filter(|v| v.is_finite());
        Some((finite().reduce(f64::min)?, finite().reduce(f64::max)?))
    }
}

/// Bins of the outline.
const N_BINS: usize = 240;

impl Workshop {
    pub(super) fn levels(
        &self,
        layer_idx: usize,
        spec: &str,
        group_idx: Option<usize>,
        ctx: &WorkCtx,
    ) -> Result<LevelsPicture, QueryError> {
        let done = self.fitted(layer_idx, spec, None, ctx)?;
        let weights = self.weights(layer_idx, &done.choice)?;
        let error: &LayerError = &done.error;
        let fitted = &*error.fitted;
        let layout = fitted.layout();
        let n_groups = layout.n_groups();
        // One group is all of them, with its own values.
        let group_idx = match n_groups {
            0 => None,
            1 => Some(0),
            n => group_idx.map(|idx| idx.min(n - 1)),
        };
        let range = match group_idx {
            Some(idx) => layout.range(idx),
            None => 0..weights.data().len(),
        };
        let usage = CodeUsage::count(&weights, fitted, range.clone());
        let (axis, base) = base_levels(fitted, group_idx, usage.as_ref());
        let levels = with_counts(base, usage.as_ref(), |codes| {
            let values = values_of(&weights, fitted, (range.clone(), axis), codes, ctx);
            values.unwrap_or_default()
        });
        let format = done.choice.scheme().code_format(done.choice.settings());
        let levels = with_negative_zero(levels, format, fitted);
        let grid = group_idx.map(|idx| fitted.grid(idx));
        let channel_len = weights.channel_len().max(1);
        let mut picture = LevelsPicture {
            layer_idx,
            n_groups,
            group_idx,
            channel_idx: group_idx.filter(|_| n_groups > 1).map(|_| range.start / channel_len),
            count: range.len(),
            axis,
            levels,
            has_scale: grid.as_ref().is_none_or(|grid| is_scaled(&done.choice, grid)),
            format,
            grid,
            outline: None,
            entropy_bits: usage.as_ref().map_or(0.0, CodeUsage::entropy_bits),
        };
        picture.outline = outline(&picture, &weights, fitted, range, ctx)?;
        Ok(picture)
    }
}

/// The levels without their counts, ascending, and what their values are.
fn base_levels(
    fitted: &dyn FittedQuantizer,
    group_idx: Option<usize>,
    usage: Option<&CodeUsage>,
) -> (LevelAxis, Vec<Level>) {
    let n_groups = fitted.layout().n_groups();
    let grid = if n_groups == 0 { Grid::Continuous } else { fitted.grid(group_idx.unwrap_or(0)) };
    let codes = || {
        let all = usage.map(|usage| usage.first_code..usage.first_code + usage.counts.len() as i32);
        let levels = all.into_iter().flatten().map(|code| Level { code, value: code as f32 });
        (LevelAxis::Codes, levels.collect())
    };
    match (&grid, group_idx) {
        (Grid::Continuous, _) => codes(),
        (grid, Some(_)) => (LevelAxis::Weights, grid.levels()),
        _ if !(1..n_groups).all(|idx| is_alike(&grid, &fitted.grid(idx))) => codes(),
        (Grid::Uniform { params, range }, None) => {
            let level = |code| Level { code, value: (code - params.zero_point) as f32 };
            (LevelAxis::Units, (range.qmin..=range.qmax).map(level).collect())
        }
        (Grid::Table { levels, .. }, None) => (LevelAxis::Units, levels.to_vec()),
    }
}

/// Whether codes stand for the same before the scale.
fn is_alike(a: &Grid, b: &Grid) -> bool {
    match (a, b) {
        (Grid::Uniform { params: a, range: p }, Grid::Uniform { params: b, range: q }) => {
            a.zero_point == b.zero_point && p == q
        }
        (Grid::Table { levels: a, .. }, Grid::Table { levels: b, .. }) => {
            Arc::ptr_eq(a, b) || a == b
        }
        _ => false,
    }
}

/// Levels with their counts. Codes in use that no level has, such as a negative zero's, get one with
/// the value they are decoded to.
fn with_counts(
    base: Vec<Level>,
    usage: Option<&CodeUsage>,
    values_of: impl FnOnce(&[i32]) -> HashMap<i32, f32>,
) -> Vec<UsedLevel> {
    let mut counts: HashMap<i32, u64> = HashMap::new();
    if let Some(usage) = usage {
        let used = (usage.first_code..).zip(&usage.counts).filter(|(_, count)| **count > 0);
        counts.extend(used.map(|(code, count)| (code, *count)));
    }
    let mut levels: Vec<UsedLevel> = base
        .into_iter()
        .map(|Level { code, value }| UsedLevel {
            code,
            value,
            count: counts.remove(&code).unwrap_or(0),
        })
        .collect();
    let mut others: Vec<i32> = counts.keys().copied().collect();
    others.sort_unstable();
    if !others.is_empty() {
        let values = values_of(&others);
        levels.extend(others.iter().filter_map(|code| {
            let value = *values.get(code)?;
            Some(UsedLevel { code: *code, value, count: counts.get(code).copied()? })
        }));
    }
    levels.sort_by(|a, b| a.value.total_cmp(&b.value).then(a.code.cmp(&b.code)));
    levels
}

/// The levels with the code of a negative zero, used or not, where the format has one: the same
/// codes are counted whatever the weights are.
fn with_negative_zero(
    mut levels: Vec<UsedLevel>,
    format: Option<CodeFormat>,
    fitted: &dyn FittedQuantizer,
) -> Vec<UsedLevel> {
    let Some(CodeFormat::Float { exponent_bits, mantissa_bits }) = format else { return levels };
    let code = 1i32 << (exponent_bits + mantissa_bits).min(30);
    if fitted.layout().n_groups() == 0 || levels.iter().any(|level| level.code == code) {
        return levels;
    }
    // Formats that have none round so little to zero.
    let (mut codes, mut values, mut clipped) = ([0], [0.0], [0]);
    let run = Run { codes: &mut codes, values: &mut values, clipped: &mut clipped };
    fitted.quantize(Place { group_idx: 0, start: 0 }, &[-f32::MIN_POSITIVE], run);
    if codes[0] == code && values[0] == 0.0 {
        let place = levels.partition_point(|level| level.value < 0.0);
        levels.insert(place, UsedLevel { code, value: -0.0, count: 0 });
    }
    levels
}

/// Whether a grid's levels are a table times a scale: codebooks hold the values themselves, and a
/// format can be used as it is.
pub(super) fn is_scaled(choice: &SchemeChoice, grid: &Grid) -> bool {
    let is_plain =
        matches!(grid, Grid::Table { scale, offset, .. } if *scale == 1.0 && *offset == 0.0);
    let family = choice.scheme().family();
    let has_none = matches!(family, Family::Codebook | Family::FewLevels)
        || choice.settings().choice("scale") == "none";
    !(is_plain && has_none)
}

/// What codes that occur are decoded to, on the axis.
fn values_of(
    weights: &ChannelMajor,
    fitted: &dyn FittedQuantizer,
    (range, axis): (std::ops::Range<usize>, LevelAxis),
    wanted: &[i32],
    ctx: &WorkCtx,
) -> Result<HashMap<i32, f32>, Cancelled> {
    let mut found = HashMap::new();
    let layout = fitted.layout();
    let mut start = range.start;
    while start < range.end && found.len() < wanted.len() {
        ctx.check()?;
        let group_idx = layout.group_of(start);
        let end = layout.range(group_idx).end.min(range.end).clamp(start + 1, start + 1024);
        let input = weights.data().get(start..end).unwrap_or_default();
        let (mut codes, mut values) = (vec![0; input.len()], vec![0.0; input.len()]);
        let mut clipped = vec![0; input.len()];
        let run = Run { codes: &mut codes, values: &mut values, clipped: &mut clipped };
        fitted.quantize(Place { group_idx, start }, input, run);
        for (code, value) in codes.into_iter().zip(values) {
            if wanted.binary_search(&code).is_ok() {
                let value = match axis {
                    LevelAxis::Weights => value,
                    LevelAxis::Units => before_scale(&fitted.grid(group_idx), value),
                    LevelAxis::Codes => code as f32,
                };
                found.entry(code).or_insert(value);
            }
        }
        start = end;
    }
    Ok(found)
}

/// A weight's value on the axis on which levels stand before the scale.
fn before_scale(grid: &Grid, value: f32) -> f32 {
    match grid {
        Grid::Continuous => value,
        Grid::Uniform { params, .. } => value / params.scale,
        Grid::Table { scale, offset, .. } => (value - offset) / scale,
    }
}

/// The weights on the axis of the levels, a little beyond its ends.
fn outline(
    picture: &LevelsPicture,
    weights: &ChannelMajor,
    fitted: &dyn FittedQuantizer,
    range: std::ops::Range<usize>,
    ctx: &WorkCtx,
) -> Result<Option<Histogram>, Cancelled> {
    let Some((lo, hi)) = picture.bounds().filter(|(lo, hi)| hi > lo) else { return Ok(None) };
    let margin = (hi - lo) * 0.06;
    let bounds = (lo - margin, hi + margin);
    let data = weights.data().get(range).unwrap_or_default();
    match picture.axis {
        LevelAxis::Codes => Ok(None),
        LevelAxis::Weights => Histogram::compute(data, bounds, N_BINS, ctx).map(Some),
        LevelAxis::Units => {
            let layout = fitted.layout();
            let parts = reduce::map_indices(layout.n_groups(), ctx, |group_idx| {
                let grid = fitted.grid(group_idx);
                let group = data.get(layout.range(group_idx)).unwrap_or_default();
                let scaled: Vec<f32> = group.iter().map(|x| before_scale(&grid, *x)).collect();
                Ok::<_, Cancelled>(scaled)
            })?;
            Histogram::compute(&parts.concat(), bounds, N_BINS, ctx).map(Some)
        }
    }
}

impl Session {
    /// The levels of a group of the selected layer, or of all groups.
    pub fn levels(&self, group_idx: Option<usize>) -> Loaded<LevelsPicture> {
        let layer_idx = self.selection.layer_idx;
        let spec = self.spec(layer_idx);
        let query = Query::Levels { network: self.network_id, layer_idx, spec, group_idx };
        let loaded = self.ask(query, |answer| match answer {
            Answer::Levels(levels) => Some(levels),
            _ => None,
        });
        loaded.without_previous_unless(|levels| levels.layer_idx == layer_idx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(first_code: i32, counts: &[u64]) -> CodeUsage {
        CodeUsage { first_code, counts: counts.to_vec() }
    }

    #[test]
    fn counts_belong_to_codes_and_none_is_lost() {
        let base = vec![Level { code: 0, value: 0.0 }, Level { code: 1, value: 0.5 }];
        let usage = usage(0, &[3, 4, 0, 5]);
        let levels = with_counts(base, Some(&usage), |codes| {
            assert_eq!(codes, [3], "code 2 is not used");
            HashMap::from([(3, -0.0)])
        });
        let found: Vec<(i32, u64)> = levels.iter().map(|level| (level.code, level.count)).collect();
        assert_eq!(found, [(3, 5), (0, 3), (1, 4)], "negative zero lies below zero");
    }

    #[test]
    fn the_nearest_level_is_found() {
        let level = |value: f32| UsedLevel { code: 0, value, count: 0 };
        let picture = LevelsPicture {
            layer_idx: 0,
            n_groups: 1,
            group_idx: Some(0),
            channel_idx: None,
            count: 0,
            grid: None,
            axis: LevelAxis::Weights,
            levels: [-1.0, 0.0, 0.5].map(level).to_vec(),
            format: None,
            has_scale: true,
            outline: None,
            entropy_bits: 0.0,
        };
        for (value, wanted) in [(-9.0, 0), (-0.6, 0), (-0.4, 1), (0.3, 2), (7.0, 2)] {
            assert_eq!(picture.nearest(value), Some(wanted), "{value}");
        }
        assert_eq!(picture.bounds(), Some((-1.0, 0.5)));
        let twice = [(-1.0, 2), (-0.0, 3), (0.0, 4), (0.5, 0)];
        let twice = twice.map(|(value, count)| UsedLevel { code: 0, value, count }).to_vec();
        let zeros = LevelsPicture { levels: twice, ..picture.clone() };
        assert_eq!((zeros.alike(1), zeros.alike(2), zeros.alike(3)), (1..3, 1..3, 3..4));
        assert!(zeros.by_value().eq([(-1.0, 2), (0.0, 7), (0.5, 0)]), "both zeros are one value");
        let empty = LevelsPicture { levels: Vec::new(), ..picture };
        assert_eq!((empty.nearest(0.0), empty.bounds()), (None, None));
    }
}
