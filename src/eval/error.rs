//! What quantization does to the values of one tensor.

use std::sync::Arc;

use rayon::prelude::*;

use crate::base::{Cancelled, WorkCtx, reduce};
use crate::model::Layer;
use crate::quant::kernel::{self, ErrorSums, Part, Precision};
use crate::quant::{FittedQuantizer, Granularity, QuantError, SchemeChoice, SettingValue};
use crate::tensor::{ChannelMajor, Profile, Runs, Tensor, profile};

/// Signal-to-quantization-noise ratio, `10·log₁₀(Σx²/Σ(x−x̂)²)`, with its edge cases named.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Sqnr {
    Db(f64),
    /// No error at all.
    Exact,
    /// Every value is zero, so there is no signal to compare the error with.
    NoSignal,
    /// Values that are NaN or infinite.
    NonFinite,
}

impl Sqnr {
    /// From the two sums of squares.
    pub fn of_sums(signal: f64, noise: f64) -> Self {
        if !signal.is_finite() || !noise.is_finite() {
            Self::NonFinite
        } else if noise == 0.0 {
            Self::Exact
        } else if signal == 0.0 {
            Self::NoSignal
        } else {
            Self::Db(10.0 * (signal / noise).log10())
        }
    }

    /// The number, where it is one.
    pub fn db(self) -> Option<f64> {
        match self {
            Self::Db(db) => Some(db),
            _ => None,
        }
    }

    /// The case's name, where it is not a number.
    pub fn case(self) -> Option<&'static str> {
        match self {
            Self::Db(_) => None,
            Self::Exact => Some("exact"),
            Self::NoSignal => Some("no-signal"),
            Self::NonFinite => Some("non-finite"),
        }
    }
}

/// Sums over weights `x` and their reconstructions `x̂`, all in `f64`; they add up over parts.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ErrorStats {
    pub count: usize,
    /// `Σx²`.
    pub signal: f64,
    /// `Σ(x−x̂)²`.
    pub noise: f64,
    /// The part of `noise` from weights outside the grid; the rest is rounding.
    pub clip_noise: f64,
    pub n_clipped: usize,
    pub max_abs_error: f64,
    /// `Σx·x̂`.
    pub dot: f64,
    /// `Σx̂²`.
    pub quantized_signal: f64,
}

impl ErrorStats {
    /// `Σ(x−x̂)²/n`; 0 for an empty tensor.
    pub fn mse(&self) -> f64 {
        self.per_weight(self.noise)
    }

    pub fn clipping_mse(&self) -> f64 {
        self.per_weight(self.clip_noise)
    }

    pub fn rounding_mse(&self) -> f64 {
        self.per_weight(self.noise - self.clip_noise)
    }

    pub fn clipped_fraction(&self) -> f64 {
        self.per_weight(self.n_clipped as f64)
    }

    pub fn sqnr(&self) -> Sqnr {
        Sqnr::of_sums(self.signal, self.noise)
    }

    /// `Σx·x̂/√(Σx²·Σx̂²)`; `None` when either is all zero.
    pub fn cosine(&self) -> Option<f64> {
        let norm = (self.signal * self.quantized_signal).sqrt();
        (norm > 0.0 && norm.is_finite()).then(|| self.dot / norm)
    }

    fn per_weight(&self, sum: f64) -> f64 {
        if self.count == 0 { 0.0 } else { sum / self.count as f64 }
    }

    /// The figures of two parts taken together.
    pub fn merged(self, other: &Self) -> Self {
        Self {
            count: self.count + other.count,
            signal: self.signal + other.signal,
            noise: self.noise + other.noise,
            clip_noise: self.clip_noise + other.clip_noise,
            n_clipped: self.n_clipped + other.n_clipped,
            max_abs_error: self.max_abs_error.max(other.max_abs_error),
            dot: self.dot + other.dot,
            quantized_signal: self.quantized_signal + other.quantized_signal,
        }
    }

    fn of_sums(count: usize, signal: f64, sums: &ErrorSums) -> Self {
        Self {
            count,
            signal,
            noise: sums.noise,
            clip_noise: sums.clip_noise,
            n_clipped: sums.n_clipped,
            max_abs_error: sums.max_abs_error,
            dot: sums.dot,
            quantized_signal: sums.quantized_signal,
        }
    }
}

/// A layer quantized one way, and the error that makes.
#[derive(Clone)]
pub struct LayerError {
    pub total: ErrorStats,
    /// By channel, in order; empty where only the total is known so far.
    pub channels: Vec<ErrorStats>,
    /// NaN and infinite weights counted as zero.
    pub n_non_finite: usize,
    pub fitted: Arc<dyn FittedQuantizer>,
    /// Whether the layer stays in float.
    pub keeps_float: bool,
}

impl LayerError {
    /// Stored bits over weights, scales and zero points included; `None` for an empty tensor.
    pub fn bits_per_weight(&self) -> Option<f64> {
        (self.total.count > 0).then(|| self.fitted.storage_bits() as f64 / self.total.count as f64)
    }

    /// Whether the channels are known besides the total.
    pub fn has_channels(&self) -> bool {
        !self.channels.is_empty() || self.total.count == 0
    }

    /// About how much memory it takes.
    pub fn n_bytes(&self) -> usize {
        size_of_val(&self.channels[..]) + self.fitted.n_bytes()
    }

    pub fn stored_bytes(&self) -> u64 {
        self.fitted.storage_bits().div_ceil(8)
    }

    /// What of it is small.
    pub fn figures(&self) -> LayerFigures {
        LayerFigures {
            total: self.total,
            n_non_finite: self.n_non_finite,
            storage_bits: self.fitted.storage_bits(),
            keeps_float: self.keeps_float,
        }
    }

    /// Signal-to-noise over finite weights; [`Sqnr::NonFinite`] for a float layer that has others.
    pub fn sqnr(&self) -> Sqnr {
        if self.keeps_float && self.n_non_finite > 0 { Sqnr::NonFinite } else { self.total.sqnr() }
    }
}

/// The figures of a layer without its scales and channels: small whatever the layer's size, so that
/// they can be kept of every layer of a large model.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LayerFigures {
    pub total: ErrorStats,
    /// NaN and infinite weights counted as zero.
    pub n_non_finite: usize,
    /// Codes and everything needed to decode them.
    pub storage_bits: u64,
    /// Whether the layer stays in float.
    pub keeps_float: bool,
}

impl LayerFigures {
    /// As [`LayerError::bits_per_weight`].
    pub fn bits_per_weight(&self) -> Option<f64> {
        (self.total.count > 0).then(|| self.storage_bits as f64 / self.total.count as f64)
    }

    pub fn stored_bytes(&self) -> u64 {
        self.storage_bits.div_ceil(8)
    }

    /// As [`LayerError::sqnr`].
    pub fn sqnr(&self) -> Sqnr {
        if self.keeps_float && self.n_non_finite > 0 { Sqnr::NonFinite } else { self.total.sqnr() }
    }

    /// Of all quantized layers taken together.
    pub fn all_together<'a>(layers: impl IntoIterator<Item = &'a Self>) -> ErrorStats {
        let quantized = layers.into_iter().filter(|layer| !layer.keeps_float);
        quantized.fold(ErrorStats::default(), |sum, layer| sum.merged(&layer.total))
    }
}

impl std::fmt::Debug for LayerError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LayerError").field("total", &self.total).finish_non_exhaustive()
    }
}

/// The weight of a layer with the channels its choice keeps side by side.
pub fn channels_for(layer: &Layer, choice: &SchemeChoice, tensor: &Tensor) -> ChannelMajor {
    ChannelMajor::new(tensor, kept_axis(layer, choice))
}

/// The kept axis: the one chosen, else the layer's.
pub fn kept_axis(layer: &Layer, choice: &SchemeChoice) -> usize {
    match choice.settings().get("axis") {
        Some(SettingValue::Int(axis)) => {
            (axis.max(0) as usize).min(layer.dims.len().saturating_sub(1))
        }
        _ => layer.axis,
    }
}

/// Fits the choice to the weights and measures the error, by channel and in total.
///
/// # Errors
/// Weights the scheme refuses; cancelled.
pub fn layer_error(
    weights: &ChannelMajor,
    choice: &SchemeChoice,
    ctx: &WorkCtx,
) -> Result<LayerError, QuantError> {
    let seen = first_look(weights, choice, ctx)?;
    summed_up(weights, choice, (choice.fit(weights, ctx)?.into(), seen), ctx)
}

/// The error under what the choice was fitted to, by channel and in total.
///
/// # Errors
/// Cancelled.
pub fn measured_error(
    weights: &ChannelMajor,
    choice: &SchemeChoice,
    fitted: Arc<dyn FittedQuantizer>,
    ctx: &WorkCtx,
) -> Result<LayerError, QuantError> {
    summed_up(weights, choice, (fitted, None), ctx)
}

/// `seen` are the sums, where they were found before.
fn summed_up(
    weights: &ChannelMajor,
    choice: &SchemeChoice,
    (fitted, seen): (Arc<dyn FittedQuantizer>, Option<Vec<PieceSums>>),
    ctx: &WorkCtx,
) -> Result<LayerError, QuantError> {
    let known = weights.profile(ctx)?;
    let n_non_finite = known.n_non_finite();
    let cleaned = (n_non_finite > 0).then(|| weights.finite());
    let weights = cleaned.as_ref().unwrap_or(weights);
    let channel_len = weights.channel_len();
    let sums = match seen {
        Some(sums) => sums,
        None => measure_pieces(weights, &*fitted, known, ctx)?,
    };
    let mut by_channel = vec![ErrorSums::default(); weights.n_channels()];
    for (first, done) in &sums {
        for (sums, part) in by_channel.iter_mut().skip(*first).zip(done) {
            sums.add(part);
        }
    }
    let signals = known.signal.iter().copied().zip(&by_channel);
    let channels: Vec<ErrorStats> =
        signals.map(|(signal, sums)| ErrorStats::of_sums(channel_len, signal, sums)).collect();
    let total = channels.iter().fold(ErrorStats::default(), ErrorStats::merged);
    Ok(LayerError { total, channels, n_non_finite, fitted, keeps_float: choice.keeps_float() })
}

/// The total alone, at once, from the index of the weights; `None` where there is none now, or no
/// one grid that it is of use for.
///
/// - Relative error below 10⁻¹²; that of [`measured_error`] is 10⁻⁶ for large tensors.
pub fn indexed_error(
    weights: &ChannelMajor,
    choice: &SchemeChoice,
    fitted: &Arc<dyn FittedQuantizer>,
) -> Option<LayerError> {
    let index = weights.index()?;
    let sums = kernel::measure_sorted(&fitted.cells()?, &index);
    let signal = index.sums(0..index.len(), 0.0).squares;
    let count = usize::try_from(index.count()).ok()?;
    Some(LayerError {
        total: ErrorStats::of_sums(count, signal, &sums),
        channels: Vec::new(),
        n_non_finite: 0,
        fitted: Arc::clone(fitted),
        keeps_float: choice.keeps_float(),
    })
}

/// The first channel of a piece, and the sums of the weights of it and those after it.
type PieceSums = (usize, Vec<ErrorSums>);

fn measure_pieces(
    weights: &ChannelMajor,
    fitted: &dyn FittedQuantizer,
    known: &Profile,
    ctx: &WorkCtx,
) -> Result<Vec<PieceSums>, QuantError> {
    let (data, channel_len) = (weights.data(), weights.channel_len().max(1));
    let pieces = profile::pieces(data.len(), channel_len);
    let precision = Precision::of(data.len());
    reduce::map_indices(pieces.len(), ctx, |piece_idx| {
        let piece = pieces.get(piece_idx).cloned().unwrap_or_default();
        let mut done = Vec::with_capacity(piece.len() / channel_len + 1);
        let mut start = piece.start;
        while start < piece.end {
            let channel_idx = start / channel_len;
            let end = ((channel_idx + 1) * channel_len).min(piece.end);
            let extents = known.blocks_from(channel_idx, start - channel_idx * channel_len);
            done.push(fitted.measure(Part { data, start, end, extents, precision }));
            start = end;
        }
        Ok((piece.start / channel_len, done))
    })
}

/// What [`measure_pieces`] finds, together with what is kept of weights that nothing is known of yet,
/// reading them once. `None` where the scheme must know more than extents, or a piece does not hold
/// whole groups.
fn first_look(
    weights: &ChannelMajor,
    choice: &SchemeChoice,
    ctx: &WorkCtx,
) -> Result<Option<Vec<PieceSums>>, Cancelled> {
    let channel_len = weights.channel_len().max(1);
    let Some(of_none) = choice.fit_extents((0, channel_len), Arc::new([])) else {
        return Ok(None);
    };
    let runs = match of_none.layout().granularity {
        Granularity::PerTensor => return Ok(None),
        Granularity::PerChannel => Runs::Channels,
        Granularity::PerGroup { group_size } => Runs::Groups(group_size),
    };
    let precision = Precision::of(weights.data().len());
    weights.first_look(runs, ctx, |piece| {
        let data = piece.data;
        let len = channel_len.min(data.len());
        let fitted = choice.fit_extents((data.len() / len, len), piece.runs);
        let blocks = piece.blocks.chunks(len.div_ceil(profile::BLOCK_LEN));
        let measure = |(nth, extents): (usize, _)| {
            let (start, end) = (nth * len, (nth + 1) * len);
            let part = Part { data, start, end, extents, precision };
            fitted.as_ref().map(|fitted| fitted.measure(part)).unwrap_or_default()
        };
        (piece.range.start / channel_len, blocks.enumerate().map(measure).collect())
    })
}

/// The reconstructed values, in the order of `weights`.
///
/// # Errors
/// Cancelled.
pub fn fake_quantize(
    weights: &ChannelMajor,
    fitted: &dyn FittedQuantizer,
    ctx: &WorkCtx,
) -> Result<Vec<f32>, QuantError> {
    let mut values = vec![0.0; weights.data().len()];
    let pieces = values.par_chunks_mut(reduce::CHUNK_LEN).enumerate();
    pieces.try_for_each(|(piece_idx, out)| {
        ctx.check()?;
        fitted.reconstruct(weights.data(), piece_idx * reduce::CHUNK_LEN, out);
        Ok::<_, QuantError>(())
    })?;
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::IxDyn;

    fn weights(data: &[f32], n_channels: usize) -> ChannelMajor {
        let shape = IxDyn(&[n_channels, data.len() / n_channels]);
        ChannelMajor::new(&Tensor::from_shape_vec(shape, data.to_vec()).unwrap(), 0)
    }

    #[test]
    fn parts_add_up_and_edge_cases_have_names() {
        let ctx = WorkCtx::new();
        let choice: SchemeChoice = "int:bits=2,range=manual,hi=1".parse().unwrap();
        let error = layer_error(&weights(&[1.0, 0.4, 3.0, -1.0], 2), &choice, &ctx).unwrap();
        assert_eq!(error.total.n_clipped, 1);
        assert_eq!(error.total.max_abs_error, 2.0);
        assert_eq!(error.total.clip_noise, 4.0);
        assert!((error.total.rounding_mse() - 0.04).abs() < 1e-8);
        assert_eq!(error.channels[0].n_clipped, 0);

        let int8: SchemeChoice = "int8".parse().unwrap();
        let zeros = layer_error(&weights(&[0.0; 4], 2), &int8, &ctx).unwrap();
        assert_eq!(zeros.sqnr(), Sqnr::Exact);
        let nan = layer_error(&weights(&[f32::NAN, 1.0], 2), &int8, &ctx);
        assert!(matches!(nan, Err(QuantError::NonFinite { n_nan: 1, .. })));
        let allowed: SchemeChoice = "int:non-finite=zero".parse().unwrap();
        let cleaned = layer_error(&weights(&[f32::NAN, 1.0], 2), &allowed, &ctx).unwrap();
        assert_eq!((cleaned.sqnr(), cleaned.n_non_finite), (Sqnr::Exact, 1));
        let float = layer_error(&weights(&[f32::NAN, 1.0], 2), &SchemeChoice::float(), &ctx);
        assert_eq!(float.unwrap().sqnr(), Sqnr::NonFinite);
        let empty = layer_error(&weights(&[], 1), &int8, &ctx).unwrap();
        assert_eq!((empty.total.count, empty.bits_per_weight()), (0, None));
    }

    /// One pass over memory finds what the passes apart do, and keeps the same.
    #[test]
    fn the_first_look_is_what_later_ones_are() {
        let ctx = WorkCtx::new();
        for (n_channels, len) in [(3, 100), (40, 4096), (9, 5000), (2, 300_000)] {
            let value = |i: usize| ((i * 7919) % 1009) as f32 * 1e-3 - 0.4;
            let seen = weights(&(0..n_channels * len).map(value).collect::<Vec<_>>(), n_channels);
            seen.profile(&ctx).unwrap();
            for spec in [
                "int:bits=3,granularity=per-channel",
                "int4:granularity=per-group",
                "int4:granularity=per-group,group-size=48",
                "int4:granularity=per-group,symmetry=asymmetric,group-size=128",
                "int8:granularity=per-group,symmetry=symmetric-full",
                "int8:granularity=per-group,rotation=hadamard",
                "int8",
            ] {
                let choice: SchemeChoice = spec.parse().unwrap();
                let fresh = seen.unmeasured();
                let first = layer_error(&fresh, &choice, &ctx).unwrap();
                let later = layer_error(&seen, &choice, &ctx).unwrap();
                let name = format!("{spec}, {n_channels} × {len}");
                assert_eq!(
                    (first.total, &first.channels),
                    (later.total, &later.channels),
                    "{name}"
                );
                let profiles = (fresh.profile(&ctx).unwrap(), seen.profile(&ctx).unwrap());
                assert_eq!(profiles.0.signal, profiles.1.signal, "{name}");
                let extents = [&fresh, &seen].map(|all| all.group_extents(32, &ctx).unwrap());
                assert_eq!(extents[0], extents[1], "{name}");
            }
        }
    }

    #[test]
    fn the_first_look_finds_what_is_no_number() {
        let ctx = WorkCtx::new();
        let mut data = vec![0.5f32; 300_000];
        (data[7], data[299_999]) = (f32::NAN, f32::INFINITY);
        let weights = weights(&data, 100);
        let refused: SchemeChoice = "int4:granularity=per-group".parse().unwrap();
        let error = layer_error(&weights.unmeasured(), &refused, &ctx);
        assert!(matches!(error, Err(QuantError::NonFinite { n_nan: 1, n_infinite: 1 })));
        let allowed: SchemeChoice = "int4:granularity=per-group,non-finite=zero".parse().unwrap();
        let error = layer_error(&weights.unmeasured(), &allowed, &ctx).unwrap();
        assert_eq!((error.n_non_finite, error.total.count), (2, 300_000));
        let signal = 0.25 * 299_998.0;
        assert!((error.total.quantized_signal / signal - 1.0).abs() < 1e-6);
    }

    #[test]
    fn the_same_bits_on_any_number_of_threads() {
        let data: Vec<f32> =
            (0..200_000).map(|i| ((i * 7919) % 1000) as f32 * 1e-3 - 0.5).collect();
        let weights = weights(&data, 2);
        let choice: SchemeChoice = "int:bits=5,granularity=per-group".parse().unwrap();
        let on = |n_threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap();
            pool.install(|| layer_error(&weights, &choice, &WorkCtx::new()).unwrap().total)
        };
        assert_eq!(on(1), on(3));
    }
}
