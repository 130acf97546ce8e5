//! The scale and the zero point of every group of a layer.

use super::loaded::Loaded;
use super::query::{Answer, Query};
use super::state::Session;
use super::workshop::{QueryError, Workshop};
use crate::base::{Cancelled, WorkCtx, reduce};
use crate::quant::Grid;

/// Rows are channels, columns the groups within one.
#[derive(Clone, Debug)]
pub struct ScaleMap {
    pub layer_idx: usize,
    /// Channels, or 1 where groups do not keep to channels.
    pub n_rows: usize,
    /// Groups of one row.
    pub n_columns: usize,
    /// Weights of a group; the last of a row may have fewer.
    pub group_len: usize,
    /// Row after row; NaN for a group without a grid.
    pub scales: Vec<f32>,
    /// What is added, row after row: for whole-number codes the zero point, for tables the offset.
    pub offsets: Vec<f32>,
    pub offset_kind: OffsetKind,
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

impl ScaleMap {
    /// Smallest and largest scale.
    pub fn scale_range(&self) -> Option<(f32, f32)> {
        let finite = || self.scales.iter().copied().filter(|scale| scale.is_finite());
        Some((finite().reduce(f32::min)?, finite().reduce(f32::max)?))
    }
}

impl Workshop {
    pub(super) fn scales(
        &self,
        layer_idx: usize,
        spec: &str,
        ctx: &WorkCtx,
    ) -> Result<ScaleMap, QueryError> {
        let done = self.layer(layer_idx, spec, ctx)?;
        let fitted = &*done.error.fitted;
        let layout = fitted.layout();
        let n_groups = layout.n_groups();
        let per_row = layout.groups_of_channel(0).len().max(1);
        let is_by_channel = n_groups == per_row * layout.n_channels;
        let (n_rows, n_columns) = match is_by_channel {
            true => (layout.n_channels, per_row),
            false => (1, n_groups),
        };
        let pairs = reduce::map_indices(n_groups, ctx, |group_idx| {
            Ok::<_, Cancelled>(match fitted.grid(group_idx) {
                Grid::Continuous => (f32::NAN, 0.0, false),
                Grid::Uniform { params, .. } => (params.scale, params.zero_point as f32, true),
                Grid::Table { scale, offset, .. } => (scale, offset, false),
            })
        })?;
        let offset_kind = match pairs.iter().find(|(_, offset, _)| *offset != 0.0) {
            None => OffsetKind::None,
            Some((_, _, true)) => OffsetKind::ZeroPoint,
            Some(_) => OffsetKind::Offset,
        };
        Ok(ScaleMap {
            layer_idx,
            n_rows,
            n_columns,
            group_len: if n_groups > 0 { layout.range(0).len() } else { 0 },
            scales: pairs.iter().map(|(scale, ..)| *scale).collect(),
            offsets: pairs.iter().map(|(_, offset, _)| *offset).collect(),
            offset_kind,
        })
    }
}

impl Session {
    /// The scales of the selected layer.
    pub fn scale_map(&self) -> Loaded<ScaleMap> {
        let layer_idx = self.selection.layer_idx;
        let spec = self.choice(layer_idx).to_string();
        let query = Query::Scales { network: self.network_id, layer_idx, spec };
        let loaded = self.ask(query, |answer| match answer {
            Answer::Scales(map) => Some(map),
            _ => None,
        });
        loaded.without_previous_unless(|map| map.layer_idx == layer_idx)
    }
}
