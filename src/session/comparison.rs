//! One layer under many schemes at once.

use std::sync::Arc;

use super::loaded::Loaded;
use super::query::{Answer, Query};
use super::state::Session;
use super::workshop::{QueryError, Workshop};
use crate::base::{WorkCtx, reduce};
use crate::eval::{
    ErrorStats, RateLimits, RecipeEvalError, Sqnr, channels_for, fake_quantize, layer_error,
};
use crate::model::Layer;
use crate::quant::{Level, QuantError, SchemeChoice};
use crate::tensor::{Histogram, Tensor};

/// A layer under a list of schemes, as far as it is computed.
#[derive(Clone, Debug)]
pub struct LayerComparison {
    pub layer_idx: usize,
    /// The weights as they are, over the bins of every entry.
    pub original: Arc<Histogram>,
    /// `None` where the weights do not vary.
    pub limits: Option<RateLimits>,
    /// In the order asked for; shorter than the list while it is computed.
    pub entries: Vec<Arc<ComparedEntry>>,
}

/// A layer under one scheme.
#[derive(Clone, Debug)]
pub struct ComparedEntry {
    pub spec: String,
    /// Why the scheme refuses these weights, in words.
    pub outcome: Result<ComparedFigures, String>,
}

#[derive(Clone, Debug)]
pub struct ComparedFigures {
    /// Everything counted that is needed to decode; `None` for an empty tensor.
    pub bits_per_weight: Option<f64>,
    pub stored_bytes: u64,
    pub sqnr: Sqnr,
    pub error: ErrorStats,
    pub n_groups: usize,
    /// The levels where all weights share one grid; empty where groups have their own.
    pub levels: Vec<Level>,
    /// The reconstructed weights.
    pub quantized: Histogram,
}

/// Bins of the histograms, which are drawn small.
const N_BINS: usize = 96;
/// More levels than this are not drawn.
const MAX_LEVELS: usize = 256;
/// Schemes computed between two partial answers.
const BATCH_LEN: usize = 6;

impl Workshop {
    pub(super) fn comparison(
        &self,
        layer_idx: usize,
        specs: &[String],
        ctx: &WorkCtx,
        on_partial: impl Fn(LayerComparison),
    ) -> Result<LayerComparison, QueryError> {
        let layer = self.network.layers.get(layer_idx).ok_or(QueryError::NoLayer(layer_idx))?;
        let tensor: Tensor = self.network.tensor(&layer.weight).map_err(RecipeEvalError::from)?;
        let values: Vec<f32> = tensor.iter().copied().collect();
        let bounds = bounds_of(&values);
        let original = Histogram::compute(&values, bounds, N_BINS, ctx)?;
        let fine = Histogram::compute(&values, bounds, fine_bins(values.len()), ctx)?;
        let limits = RateLimits::of(&values, &fine, ctx)?;
        let mut comparison = LayerComparison {
            layer_idx,
            original: Arc::new(original),
            limits,
            entries: Vec::new(),
        };
        ctx.set_total(specs.len() as u64);
        for batch in specs.chunks(BATCH_LEN) {
            let entries = reduce::map_indices(batch.len(), ctx, |nth| {
                compared(layer, &tensor, &batch[nth], bounds, ctx).map(Arc::new)
            })?;
            comparison.entries.extend(entries);
            ctx.advance(batch.len() as u64);
            on_partial(comparison.clone());
        }
        Ok(comparison)
    }
}

/// Ends of the bins: from the smallest to the largest finite weight, and a little beyond.
fn bounds_of(values: &[f32]) -> (f64, f64) {
    let finite = values.iter().filter(|x| x.is_finite()).map(|&x| f64::from(x));
    let (lo, hi) =
        finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(lo, hi), x| (lo.min(x), hi.max(x)));
    if lo > hi {
        return (0.0, 0.0);
    }
    let margin = 0.02 * (hi - lo);
    (lo - margin, hi + margin)
}

/// Bins of the histogram that the differential entropy is taken from: about twice the cube root of
/// the number of weights (Rice's rule), so that few weights do not seem more certain than they are.
fn fine_bins(count: usize) -> usize {
    ((2.0 * (count as f64).cbrt()) as usize).clamp(8, 2048)
}

fn compared(
    layer: &Layer,
    tensor: &Tensor,
    spec: &str,
    bounds: (f64, f64),
    ctx: &WorkCtx,
) -> Result<ComparedEntry, QueryError> {
    let choice: SchemeChoice = spec.parse()?;
    let weights = channels_for(layer, &choice, tensor);
    let error = match layer_error(&weights, &choice, ctx) {
        Err(QuantError::Cancelled(_)) => return Err(QueryError::Cancelled),
        Err(error) => {
            return Ok(ComparedEntry { spec: spec.to_owned(), outcome: Err(error.to_string()) });
        }
        Ok(error) => error,
    };
    let values = fake_quantize(&weights, &*error.fitted, ctx).map_err(|_| QueryError::Cancelled)?;
    let n_groups = error.fitted.layout().n_groups();
    let levels = match n_groups {
        1 => error.fitted.grid(0),
        _ => crate::quant::Grid::Continuous,
    };
    let is_few = levels.n_levels().is_some_and(|n| n <= MAX_LEVELS);
    let figures = ComparedFigures {
        bits_per_weight: error.bits_per_weight(),
        stored_bytes: error.stored_bytes(),
        sqnr: error.sqnr(),
        error: error.total,
        n_groups,
        levels: if is_few { levels.levels() } else { Vec::new() },
        quantized: Histogram::compute(&values, bounds, N_BINS, ctx)?,
    };
    Ok(ComparedEntry { spec: spec.to_owned(), outcome: Ok(figures) })
}

impl Session {
    /// The selected layer under every one of `specs`.
    pub fn comparison(&self, specs: &Arc<[String]>) -> Loaded<LayerComparison> {
        let layer_idx = self.selection.layer_idx;
        let specs = Arc::clone(specs);
        let query = Query::Comparison { network: self.network_id, layer_idx, specs };
        let loaded = self.ask(query, |answer| match answer {
            Answer::Comparison(comparison) => Some(comparison),
            _ => None,
        });
        loaded.without_previous_unless(|comparison| comparison.layer_idx == layer_idx)
    }
}
