//! What every output channel of a layer is like: its range, its scale, its error under the present
//! setting and under one scale a tensor or a channel; in an order that a person chooses.

use std::sync::{Arc, Mutex};

use super::density::{Bins, Density};
use super::loaded::Loaded;
use super::query::{Answer, Query};
use super::state::Session;
use super::workshop::{QueryError, Workshop, lock};
use crate::base::{Cancelled, WorkCtx, reduce};
use crate::eval::{ErrorStats, LayerError, Sqnr, layer_error};
use crate::quant::range::percentile_of;
use crate::quant::{Grid, QuantError, SchemeChoice, SettingValue};
use crate::tensor::ChannelMajor;

/// What channels are sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChannelKey {
    Number,
    /// The largest magnitude.
    Range,
    Min,
    Low,
    High,
    Max,
    Scale,
    Sqnr,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    Ascending,
    Descending,
}

/// Which channels are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChannelFilter {
    All,
    Outliers,
}

/// Which channels are listed, and in which order. What has no value comes last, equals by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ChannelOrder {
    pub key: ChannelKey,
    pub direction: Direction,
    pub filter: ChannelFilter,
}

/// A channel whose range differs much from the others'.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outlier {
    /// Over twice the median range: it stretches a scale that others share.
    Wide,
    /// Under half the median range: a shared scale leaves it few levels.
    Narrow,
}

/// The finite values of a channel: least, 1 %, 99 % and greatest.
///
/// Percentiles interpolate linearly between the nearest ranks, as `numpy.percentile`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ValueSpan {
    pub min: f32,
    pub low: f32,
    pub high: f32,
    pub max: f32,
}

impl ValueSpan {
    /// `None` without a finite value.
    pub fn of(values: &[f32]) -> Option<Self> {
        let mut finite: Vec<f32> = values.iter().copied().filter(|x| x.is_finite()).collect();
        let min = finite.iter().copied().reduce(f32::min)?;
        let max = finite.iter().copied().reduce(f32::max)?;
        let low = percentile_of(&mut finite, 1.0);
        Some(Self { min, low, high: percentile_of(&mut finite, 99.0), max })
    }

    /// The largest magnitude.
    pub fn reach(&self) -> f32 {
        self.max.max(-self.min)
    }
}

/// The figures of one channel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ChannelFigures {
    /// `None` without a finite weight.
    pub span: Option<ValueSpan>,
    pub outlier: Option<Outlier>,
    /// The scale in use; the largest where groups have their own. `None` without equal steps.
    pub scale: Option<f32>,
    /// The scale the channel would have for itself.
    pub own_scale: Option<f32>,
    /// Under the present setting.
    pub sqnr: Sqnr,
    /// With one scale for the tensor, all else equal.
    pub sqnr_per_tensor: Option<Sqnr>,
    /// With one scale a channel, all else equal.
    pub sqnr_per_channel: Option<Sqnr>,
}

/// The figures of all channels, by number.
#[derive(Clone, Debug)]
pub struct ChannelTable {
    pub axis: usize,
    pub channel_len: usize,
    pub channels: Vec<ChannelFigures>,
    /// Median of the ranges (largest magnitudes).
    pub median_range: Option<f32>,
    pub n_outliers: usize,
    /// The levels that one scale for the tensor has.
    pub tensor_grid: Option<Grid>,
    pub bins: Bins,
}

/// The channels of a layer as they are shown.
#[derive(Clone, Debug)]
pub struct ChannelPicture {
    pub layer_idx: usize,
    pub order: ChannelOrder,
    pub table: Arc<ChannelTable>,
    /// Numbers of the channels listed, in order.
    pub listed: Vec<u32>,
    pub density: Density,
}

/// The error under the setting in use and under the two granularities it is compared with.
struct Twins {
    used: LayerError,
    per_tensor: Option<LayerError>,
    per_channel: Option<LayerError>,
}

impl ChannelTable {
    fn compute(weights: &ChannelMajor, twins: &Twins, ctx: &WorkCtx) -> Result<Self, Cancelled> {
        let spans = reduce::map_indices(weights.n_channels(), ctx, |channel_idx| {
            Ok::<_, Cancelled>(ValueSpan::of(weights.channel(channel_idx)))
        })?;
        let mut ranges: Vec<f32> = spans.iter().flatten().map(ValueSpan::reach).collect();
        let median_range = (!ranges.is_empty()).then(|| percentile_of(&mut ranges, 50.0));
        let lo = spans.iter().flatten().map(|s| s.min).fold(f32::INFINITY, f32::min);
        let hi = spans.iter().flatten().map(|s| s.max).fold(f32::NEG_INFINITY, f32::max);
        let sqnr_of = |error: &LayerError, channel_idx: usize| {
            error.channels.get(channel_idx).map_or(Sqnr::Exact, ErrorStats::sqnr)
        };
        let channels: Vec<ChannelFigures> = spans
            .iter()
            .enumerate()
            .map(|(channel_idx, &span)| ChannelFigures {
                span,
                outlier: span.zip(median_range).and_then(|(s, m)| outlier_of(s.reach(), m)),
                scale: scale_of(&twins.used, channel_idx),
                own_scale: twins.per_channel.as_ref().and_then(|e| scale_of(e, channel_idx)),
                sqnr: sqnr_of(&twins.used, channel_idx),
                sqnr_per_tensor: twins.per_tensor.as_ref().map(|e| sqnr_of(e, channel_idx)),
                sqnr_per_channel: twins.per_channel.as_ref().map(|e| sqnr_of(e, channel_idx)),
            })
            .collect();
        let has_groups = |error: &&LayerError| error.fitted.layout().n_groups() > 0;
        Ok(Self {
            axis: weights.axis().0,
            channel_len: weights.channel_len(),
            n_outliers: channels.iter().filter(|channel| channel.outlier.is_some()).count(),
            channels,
            median_range,
            tensor_grid: twins.per_tensor.as_ref().filter(has_groups).map(|e| e.fitted.grid(0)),
            bins: Bins::covering(f64::from(lo), f64::from(hi)),
        })
    }

    /// The numbers of the channels that are listed, in order.
    fn listed(&self, order: ChannelOrder) -> Vec<u32> {
        let mut listed: Vec<(u32, Option<f64>)> = self
            .channels
            .iter()
            .enumerate()
            .filter(|(_, c)| order.filter == ChannelFilter::All || c.outlier.is_some())
            .map(|(idx, channel)| (idx as u32, sort_value(channel, idx, order.key)))
            .collect();
        listed.sort_by(|(a_idx, a), (b_idx, b)| {
            let by_value = match (a, b, order.direction) {
                (Some(a), Some(b), Direction::Ascending) => a.total_cmp(b),
                (Some(a), Some(b), Direction::Descending) => b.total_cmp(a),
                (a, b, _) => b.is_some().cmp(&a.is_some()),
            };
            by_value.then(a_idx.cmp(b_idx))
        });
        listed.into_iter().map(|(idx, _)| idx).collect()
    }
}

fn outlier_of(range: f32, median: f32) -> Option<Outlier> {
    match range {
        range if range > 2.0 * median => Some(Outlier::Wide),
        range if range < 0.5 * median => Some(Outlier::Narrow),
        _ => None,
    }
}

/// The largest scale among the groups of a channel.
fn scale_of(error: &LayerError, channel_idx: usize) -> Option<f32> {
    let layout = error.fitted.layout();
    let len = layout.count() / error.channels.len().max(1);
    let groups = layout.groups_within(channel_idx * len..(channel_idx + 1) * len);
    groups.filter_map(|group_idx| error.fitted.grid(group_idx).scale()).reduce(f32::max)
}

fn sort_value(channel: &ChannelFigures, channel_idx: usize, key: ChannelKey) -> Option<f64> {
    let span = |pick: fn(&ValueSpan) -> f32| channel.span.as_ref().map(pick).map(f64::from);
    match key {
        ChannelKey::Number => Some(channel_idx as f64),
        ChannelKey::Range => span(ValueSpan::reach),
        ChannelKey::Min => span(|s| s.min),
        ChannelKey::Low => span(|s| s.low),
        ChannelKey::High => span(|s| s.high),
        ChannelKey::Max => span(|s| s.max),
        ChannelKey::Scale => channel.scale.map(f64::from),
        ChannelKey::Sqnr => match channel.sqnr {
            Sqnr::Db(db) => Some(db),
            Sqnr::Exact => Some(f64::INFINITY),
            _ => None,
        },
    }
}

/// The table computed last: another order of the same channels is instant.
pub(super) type KeptTable = Mutex<Option<((usize, String), Arc<ChannelTable>)>>;

impl Workshop {
    pub(super) fn channels(
        &self,
        layer_idx: usize,
        spec: &str,
        order: ChannelOrder,
        ctx: &WorkCtx,
    ) -> Result<ChannelPicture, QueryError> {
        let choice: SchemeChoice = spec.parse()?;
        let weights = self.weights(layer_idx, &choice)?;
        let table = self.channel_table(layer_idx, &choice, &weights, ctx)?;
        let listed = table.listed(order);
        let density = Density::compute(&weights, &listed, table.bins, ctx)?;
        Ok(ChannelPicture { layer_idx, order, table, listed, density })
    }

    /// The channels `members` of a layer whose kept axis is that of `spec`.
    pub(super) fn channel_density(
        &self,
        layer_idx: usize,
        spec: &str,
        members: &[u32],
        ctx: &WorkCtx,
    ) -> Result<Density, QueryError> {
        let weights = self.weights(layer_idx, &spec.parse()?)?;
        let finite = weights.data().iter().copied().filter(|x| x.is_finite());
        let (lo, hi) =
            finite.fold((f32::INFINITY, f32::NEG_INFINITY), |(lo, hi), x| (lo.min(x), hi.max(x)));
        let bins = Bins::covering(f64::from(lo), f64::from(hi));
        Ok(Density::compute(&weights, members, bins, ctx)?)
    }

    fn channel_table(
        &self,
        layer_idx: usize,
        choice: &SchemeChoice,
        weights: &ChannelMajor,
        ctx: &WorkCtx,
    ) -> Result<Arc<ChannelTable>, QueryError> {
        let key = (layer_idx, choice.to_string());
        if let Some((kept_key, table)) = &*lock(&self.channel_table)
            && *kept_key == key
        {
            return Ok(Arc::clone(table));
        }
        let twins = Twins {
            used: self.fitted(layer_idx, &key.1, None, ctx)?.error.clone(),
            per_tensor: twin(choice, "per-tensor", weights, ctx)?,
            per_channel: twin(choice, "per-channel", weights, ctx)?,
        };
        let table = Arc::new(ChannelTable::compute(weights, &twins, ctx)?);
        *lock(&self.channel_table) = Some((key, Arc::clone(&table)));
        Ok(table)
    }
}

/// The same setting with another granularity; `None` where the scheme has none to choose.
fn twin(
    choice: &SchemeChoice,
    granularity: &'static str,
    weights: &ChannelMajor,
    ctx: &WorkCtx,
) -> Result<Option<LayerError>, Cancelled> {
    let Ok(choice) = choice.with("granularity", SettingValue::Choice(granularity)) else {
        return Ok(None);
    };
    match layer_error(weights, &choice, ctx) {
        Ok(error) => Ok(Some(error)),
        Err(QuantError::Cancelled(cancelled)) => Err(cancelled),
        Err(_) => Ok(None),
    }
}

impl Session {
    /// The channels of the selected layer.
    pub fn channel_picture(&self, order: ChannelOrder) -> Loaded<ChannelPicture> {
        let layer_idx = self.selection.layer_idx;
        let spec = self.spec(layer_idx);
        let query = Query::Channels { network: self.network_id, layer_idx, spec, order };
        let loaded = self.ask(query, |answer| match answer {
            Answer::Channels(picture) => Some(picture),
            _ => None,
        });
        loaded.without_previous_unless(|picture| picture.layer_idx == layer_idx)
    }

    /// A row for each of a few channels of the selected layer, where the whole picture has one for
    /// several.
    pub fn channel_density(&self, members: Arc<[u32]>) -> Loaded<Density> {
        let layer_idx = self.selection.layer_idx;
        let spec = self.spec(layer_idx);
        let query = Query::ChannelDensity { network: self.network_id, layer_idx, spec, members };
        self.ask(query, |answer| match answer {
            Answer::ChannelDensity(density) => Some(density),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensor::Tensor;
    use ndarray::IxDyn;

    fn table(rows: &[[f32; 4]], spec: &str) -> ChannelTable {
        let data = rows.concat();
        let tensor = Tensor::from_shape_vec(IxDyn(&[rows.len(), 4]), data).unwrap();
        let weights = ChannelMajor::new(&tensor, 0);
        let choice: SchemeChoice = spec.parse().unwrap();
        let ctx = WorkCtx::new();
        let twins = Twins {
            used: layer_error(&weights, &choice, &ctx).unwrap(),
            per_tensor: twin(&choice, "per-tensor", &weights, &ctx).unwrap(),
            per_channel: twin(&choice, "per-channel", &weights, &ctx).unwrap(),
        };
        ChannelTable::compute(&weights, &twins, &ctx).unwrap()
    }

    const ROWS: [[f32; 4]; 4] = [
        [0.5, -1.0, 0.2, 0.1],
        [5.0, -0.3, 0.2, 0.1],
        [0.1, -0.2, 0.2, 0.1],
        [0.9, 1.5, 0.2, -0.1],
    ];

    #[test]
    fn outliers_are_told_by_the_median() {
        let table = table(&ROWS, "int:bits=4");
        let found: Vec<_> = table.channels.iter().map(|channel| channel.outlier).collect();
        assert_eq!(found, [None, Some(Outlier::Wide), Some(Outlier::Narrow), None]);
        assert_eq!((table.median_range, table.n_outliers), (Some(1.25), 2));
    }

    #[test]
    fn scales_and_errors_are_those_of_both_granularities() {
        let tensor = table(&ROWS, "int:bits=4");
        let channel = table(&ROWS, "int:bits=4,granularity=per-channel");
        let group = table(&ROWS, "int:bits=4,granularity=per-group,group-size=2");
        for (idx, row) in ROWS.iter().enumerate() {
            let own = row.iter().fold(0f32, |a, x| a.max(x.abs())) / 7.0;
            assert_eq!(tensor.channels[idx].scale, Some(5.0 / 7.0));
            assert_eq!(tensor.channels[idx].own_scale, Some(own));
            assert_eq!(channel.channels[idx].scale, Some(own));
            assert_eq!(group.channels[idx].scale, Some(own), "the larger of two groups");
            assert_eq!(tensor.channels[idx].sqnr_per_tensor, Some(tensor.channels[idx].sqnr));
            assert_eq!(channel.channels[idx].sqnr_per_channel, Some(channel.channels[idx].sqnr));
            assert_eq!(tensor.channels[idx].sqnr_per_channel, Some(channel.channels[idx].sqnr));
        }
        let float = table(&ROWS, "float");
        assert_eq!(float.channels[0].scale, None);
        assert_eq!(float.channels[0].sqnr_per_tensor, None);
    }

    #[test]
    fn every_key_sorts_both_ways_and_what_is_missing_comes_last() {
        let mut rows = ROWS.to_vec();
        rows.push([f32::NAN; 4]);
        let table = table(&rows, "int:bits=4,non-finite=zero");
        let order = |key, direction| {
            table.listed(ChannelOrder { key, direction, filter: ChannelFilter::All })
        };
        for (key, wanted) in [
            (ChannelKey::Number, [0, 1, 2, 3, 4]),
            (ChannelKey::Range, [2, 0, 3, 1, 4]),
            (ChannelKey::Min, [0, 1, 2, 3, 4]),
            (ChannelKey::Max, [2, 0, 3, 1, 4]),
        ] {
            assert_eq!(order(key, Direction::Ascending), wanted, "{key:?}");
            let reversed = order(key, Direction::Descending);
            if key != ChannelKey::Number {
                assert_eq!(reversed.last(), Some(&4), "{key:?}");
            }
            assert_eq!(reversed.len(), 5, "{key:?}");
        }
        assert_eq!(order(ChannelKey::Scale, Direction::Ascending), [0, 1, 2, 3, 4], "ties");
        let by_range = ChannelOrder {
            key: ChannelKey::Range,
            direction: Direction::Descending,
            filter: ChannelFilter::Outliers,
        };
        assert_eq!(table.listed(by_range), [1, 2]);
    }

    #[test]
    fn a_tensor_without_weights_has_no_channels() {
        let tensor = Tensor::zeros(IxDyn(&[0, 4]));
        let weights = ChannelMajor::new(&tensor, 0);
        let choice: SchemeChoice = "int8".parse().unwrap();
        let ctx = WorkCtx::new();
        let used = layer_error(&weights, &choice, &ctx).unwrap();
        let twins = Twins { per_tensor: Some(used.clone()), per_channel: None, used };
        let table = ChannelTable::compute(&weights, &twins, &ctx).unwrap();
        assert_eq!((table.channels.len(), table.median_range), (0, None));
        assert!(table.tensor_grid.is_none());
    }
}
