//! The scale and the zero point of every group of a layer.

use std::ops::Range;

use super::levels::is_scaled;
use super::loaded::Loaded;
use super::query::{Answer, Query};
use super::state::Session;
use super::workshop::{QueryError, Workshop};
use crate::base::{Cancelled, WorkCtx, reduce};
use crate::quant::{Grid, GroupLayout};
use crate::tensor::Histogram;

/// Rows are channels, columns the groups within one; groups that do not keep to channels run on
/// from row to row.
#[derive(Clone, Debug)]
pub struct ScaleMap {
    pub layer_idx: usize,
    pub layout: GroupLayout,
    pub n_rows: usize,
    pub n_columns: usize,
    /// Whether a row is a channel.
    pub is_by_channel: bool,
    /// Whether the levels of the grids are multiplied by the scales.
    pub has_scale: bool,
    /// Whether every scale is a power of two.
    pub is_of_powers_of_two: bool,
    /// Row after row; NaN for a group without a grid.
    pub scales: Vec<f32>,
    /// What is added, row after row: for whole-number codes the zero point, for tables the offset.
    pub offsets: Vec<f32>,
    pub offset_kind: OffsetKind,
    /// The largest |weight| of every group.
    pub absmax: Vec<f32>,
    /// Smallest and largest scale.
    pub scale_range: Option<(f32, f32)>,
    pub offset_range: Option<(f32, f32)>,
    /// What is drawn: groups taken together where they are very many.
    pub pixels: ScalePixels,
    /// Of the scales, and of their decimal logarithms.
    pub histogram: Option<Histogram>,
    pub log_histogram: Option<Histogram>,
}

/// What [`ScaleMap::offsets`] are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OffsetKind {
    /// All zero.
    None,
    /// Codes: `x̂ = scale·(code − zero point)`.
    ZeroPoint,
    /// Weights: `x̂ = scale·level + offset`.
    Offset,
}

/// The map as a picture of at most `MAX_SIDE` pixels a side.
#[derive(Clone, Debug)]
pub struct ScalePixels {
    /// Pixels across and down.
    pub size: [usize; 2],
    /// Groups a pixel stands for, down and across.
    pub block: (usize, usize),
    /// The largest scale of each pixel's groups; NaN where there is none.
    pub scales: Vec<f32>,
    /// The smallest.
    pub smallest: Vec<f32>,
    /// The offset of largest magnitude.
    pub offsets: Vec<f32>,
}

/// More groups in one row are drawn in lines.
const MAX_FLAT_ROW: usize = 8;
const MAX_SIDE: usize = 512;
const N_BINS: usize = 48;

impl ScaleMap {
    pub fn n_groups(&self) -> usize {
        self.scales.len()
    }

    /// The group in a row and column; `None` after the last.
    pub fn group_at(&self, row: usize, column: usize) -> Option<usize> {
        let group_idx = row.checked_mul(self.n_columns)?.checked_add(column)?;
        (column < self.n_columns && group_idx < self.n_groups()).then_some(group_idx)
    }

    /// The channel a group begins in.
    pub fn channel_of(&self, group_idx: usize) -> usize {
        self.layout.range(group_idx).start / self.layout.channel_len.max(1)
    }

    /// The group of largest scale among those a pixel stands for.
    pub fn group_of_pixel(&self, x: usize, y: usize) -> Option<usize> {
        let (down, across) = self.pixels.block;
        let rows = y * down..((y + 1) * down).min(self.n_rows);
        let columns = x * across..((x + 1) * across).min(self.n_columns);
        let groups = rows.flat_map(|row| columns.clone().map(move |column| (row, column)));
        let groups = groups.filter_map(|(row, column)| self.group_at(row, column));
        let scale = |idx: &usize| self.scales.get(*idx).copied().unwrap_or(f32::NAN);
        groups.reduce(|best, idx| if scale(&idx) > scale(&best) { idx } else { best })
    }

    /// The map of groups that lie in `layout` one after the other.
    fn new(
        layer_idx: usize,
        layout: GroupLayout,
        groups: &[GroupFigures],
        ctx: &WorkCtx,
    ) -> Result<Self, Cancelled> {
        let n_groups = groups.len();
        let per_row = layout.groups_of_channel(0).len().max(1);
        // One row of many groups is wrapped: block formats run over the tensor as if it were flat.
        let is_flat = layout.n_channels == 1 && n_groups > MAX_FLAT_ROW;
        let is_by_channel = n_groups == per_row * layout.n_channels && !is_flat;
        let n_columns = match is_by_channel {
            true => per_row,
            false => (n_groups as f64).sqrt().ceil().max(1.0) as usize,
        };
        let offset_kind = match groups.iter().find(|group| group.offset != 0.0) {
            None => OffsetKind::None,
            Some(group) if group.is_whole => OffsetKind::ZeroPoint,
            Some(_) => OffsetKind::Offset,
        };
        let scales: Vec<f32> = groups.iter().map(|group| group.scale).collect();
        let offsets: Vec<f32> = groups.iter().map(|group| group.offset).collect();
        let (scale_range, offset_range) = (range_of(&scales), range_of(&offsets));
        let n_rows = n_groups.div_ceil(n_columns);
        let logs: Vec<f32> = scales.iter().map(|scale| scale.log10()).collect();
        let histogram = |values: &[f32]| match range_of(values) {
            Some((lo, hi)) if hi > lo => {
                Histogram::compute(values, (f64::from(lo), f64::from(hi)), N_BINS, ctx).map(Some)
            }
            _ => Ok(None),
        };
        Ok(Self {
            layer_idx,
            layout,
            n_rows,
            n_columns,
            is_by_channel,
            is_of_powers_of_two: scales.iter().all(|scale| is_power_of_two(*scale)),
            has_scale: groups.iter().any(|group| group.is_scaled) || n_groups == 0,
            offset_kind,
            absmax: groups.iter().map(|group| group.absmax).collect(),
            scale_range,
            offset_range,
            pixels: ScalePixels::new(groups, (n_rows, n_columns)),
            histogram: histogram(&scales)?,
            log_histogram: histogram(&logs)?,
            scales,
            offsets,
        })
    }
}

/// A positive number without a fraction in its significand.
fn is_power_of_two(value: f32) -> bool {
    value > 0.0
        && value.is_finite()
        && value.log2().fract() == 0.0
        && value.to_bits() & 0x7f_ffff == 0
}

fn range_of(values: &[f32]) -> Option<(f32, f32)> {
    let finite = || values.iter().copied().filter(|value| value.is_finite());
    Some((finite().reduce(f32::min)?, finite().reduce(f32::max)?))
}

/// What is known of one group.
#[derive(Clone, Copy, Debug)]
struct GroupFigures {
    scale: f32,
    offset: f32,
    /// Whether the offset is a zero point.
    is_whole: bool,
    is_scaled: bool,
    absmax: f32,
}

impl ScalePixels {
    fn new(groups: &[GroupFigures], (n_rows, n_columns): (usize, usize)) -> Self {
        let (down, across) =
            (n_rows.div_ceil(MAX_SIDE).max(1), n_columns.div_ceil(MAX_SIDE).max(1));
        let size = [n_columns.div_ceil(across), n_rows.div_ceil(down)];
        let mut scales = vec![f32::NAN; size[0] * size[1]];
        let mut smallest = scales.clone();
        let mut offsets = vec![0f32; size[0] * size[1]];
        for (group_idx, group) in groups.iter().enumerate() {
            let (row, column) = (group_idx / n_columns, group_idx % n_columns);
            let pixel = row / down * size[0] + column / across;
            let places = (scales.get_mut(pixel), smallest.get_mut(pixel), offsets.get_mut(pixel));
            if let (Some(scale), Some(least), Some(offset)) = places {
                // Of NaN and a number either is the number.
                *scale = scale.max(group.scale);
                *least = least.min(group.scale);
                if group.offset.abs() > offset.abs() {
                    *offset = group.offset;
                }
            }
        }
        Self { size, block: (down, across), scales, smallest, offsets }
    }
}

impl Workshop {
    pub(super) fn scales(
        &self,
        layer_idx: usize,
        spec: &str,
        ctx: &WorkCtx,
    ) -> Result<ScaleMap, QueryError> {
        let done = self.fitted(layer_idx, spec, None, ctx)?;
        let weights = self.weights(layer_idx, &done.choice)?;
        let fitted = &*done.error.fitted;
        let layout = fitted.layout();
        let absmax = |range: Range<usize>| {
            let group = weights.data().get(range).unwrap_or_default();
            let finite = group.iter().filter(|x| x.is_finite());
            finite.fold(0f32, |max, x| max.max(x.abs()))
        };
        let groups = reduce::map_indices(layout.n_groups(), ctx, |group_idx| {
            let grid = fitted.grid(group_idx);
            let is_scaled = is_scaled(&done.choice, &grid);
            let (scale, offset, is_whole) = match grid {
                Grid::Continuous => (f32::NAN, 0.0, false),
                Grid::Uniform { params, .. } => (params.scale, params.zero_point as f32, true),
                Grid::Table { scale, offset, .. } => (scale, offset, false),
            };
            let absmax = absmax(layout.range(group_idx));
            Ok::<_, Cancelled>(GroupFigures { scale, offset, is_whole, is_scaled, absmax })
        })?;
        Ok(ScaleMap::new(layer_idx, layout, &groups, ctx)?)
    }
}

impl Session {
    /// The scales of the selected layer.
    pub fn scale_map(&self) -> Loaded<ScaleMap> {
        let layer_idx = self.selection.layer_idx;
        let spec = self.spec(layer_idx);
        let query = Query::Scales { network: self.network_id, layer_idx, spec };
        let loaded = self.ask(query, |answer| match answer {
            Answer::Scales(map) => Some(map),
            _ => None,
        });
        loaded.without_previous_unless(|map| map.layer_idx == layer_idx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quant::Granularity;

    fn map(granularity: Granularity, (n_channels, channel_len): (usize, usize)) -> ScaleMap {
        let layout = GroupLayout { granularity, n_channels, channel_len };
        let groups: Vec<GroupFigures> = (0..layout.n_groups())
            .map(|idx| GroupFigures {
                scale: 1.0 + idx as f32,
                offset: -(idx as f32),
                is_whole: true,
                is_scaled: true,
                absmax: 1.0,
            })
            .collect();
        ScaleMap::new(0, layout, &groups, &WorkCtx::new()).unwrap()
    }

    #[test]
    fn rows_are_channels() {
        let map = map(Granularity::PerGroup { group_size: 2 }, (3, 5));
        assert_eq!((map.n_rows, map.n_columns, map.is_by_channel), (3, 3, true));
        assert_eq!(map.group_at(1, 2), Some(5));
        assert_eq!((map.group_at(1, 3), map.group_at(3, 0)), (None, None));
        assert_eq!(map.channel_of(5), 1);
        assert_eq!(map.scale_range, Some((1.0, 9.0)));
        assert_eq!((map.offset_kind, map.offset_range), (OffsetKind::ZeroPoint, Some((-8.0, 0.0))));
        assert_eq!(map.histogram.unwrap().counts.iter().sum::<u64>(), 9);
    }

    #[test]
    fn many_groups_share_pixels_that_show_the_largest() {
        let map = map(Granularity::PerGroup { group_size: 1 }, (1030, 2));
        assert_eq!((map.pixels.size, map.pixels.block), ([2, 344], (3, 1)));
        assert_eq!(map.pixels.scales[0], 5.0, "the largest of rows 0 to 2 in column 0");
        assert_eq!(map.pixels.smallest[0], 1.0);
        assert_eq!(map.group_of_pixel(0, 0), Some(4));
        assert_eq!(map.group_of_pixel(1, 343), Some(2059), "the last pixel has fewer rows");
        assert_eq!(map.group_of_pixel(2, 0), None);
    }

    #[test]
    fn groups_of_a_flat_tensor_are_wrapped() {
        let map = map(Granularity::PerGroup { group_size: 64 }, (1, 9216));
        assert_eq!((map.n_rows, map.n_columns, map.is_by_channel), (12, 12, false));
        assert_eq!(map.group_at(1, 0), Some(12));
    }

    #[test]
    fn one_scale_has_no_histogram() {
        let map = map(Granularity::PerTensor, (4, 4));
        assert_eq!((map.n_rows, map.n_columns, map.n_groups()), (1, 1, 1));
        assert!(map.histogram.is_none() && map.offset_kind == OffsetKind::None);
    }
}
