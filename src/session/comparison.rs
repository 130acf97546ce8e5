//! One layer under many schemes at once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use super::loaded::Loaded;
use super::query::{Answer, Query};
use super::state::Session;
use super::workshop::{QueryError, Workshop, lock};
use crate::base::{WorkCtx, reduce};
use crate::eval::{ErrorStats, RateLimits, Sqnr, fake_quantize, layer_error};
use crate::quant::{Grid, Level, QuantError, SchemeChoice, SpecError};
use crate::tensor::Histogram;

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
/// Entries of one layer that are kept, a few kilobytes each.
const MAX_KEPT: usize = 2048;

/// What was computed of the layer compared last, by specification: another set of schemes or bits
/// asks for few that are new.
pub(super) type KeptComparison = Mutex<KeptEntries>;

#[derive(Default)]
pub(super) struct KeptEntries {
    layer_idx: usize,
    by_spec: HashMap<String, Arc<ComparedEntry>>,
}

impl KeptEntries {
    fn get(&self, layer_idx: usize, spec: &str) -> Option<Arc<ComparedEntry>> {
        self.by_spec.get(spec).filter(|_| self.layer_idx == layer_idx).cloned()
    }

    fn keep(&mut self, layer_idx: usize, entries: &[Arc<ComparedEntry>]) {
        if self.layer_idx != layer_idx || self.by_spec.len() + entries.len() > MAX_KEPT {
            *self = Self { layer_idx, by_spec: HashMap::new() };
        }
        let named = entries.iter().map(|entry| (entry.spec.clone(), Arc::clone(entry)));
        self.by_spec.extend(named);
    }
}

impl Workshop {
    pub(super) fn comparison(
        &self,
        layer_idx: usize,
        specs: &[String],
        ctx: &WorkCtx,
        on_partial: impl Fn(LayerComparison),
    ) -> Result<LayerComparison, QueryError> {
        let weights = self.weights(layer_idx, &SchemeChoice::float())?;
        let values = weights.data();
        let bounds = bounds_of(values);
        let original = Histogram::compute(values, bounds, N_BINS, ctx)?;
        let fine = Histogram::compute(values, bounds, fine_bins(values.len()), ctx)?;
        let limits = RateLimits::of(values, &fine, ctx)?;
        let mut comparison = LayerComparison {
            layer_idx,
            original: Arc::new(original),
            limits,
            entries: Vec::new(),
        };
        ctx.set_total(specs.len() as u64);
        on_partial(comparison.clone());
        for batch in specs.chunks(BATCH_LEN) {
            let known: Vec<_> = {
                let kept = lock(&self.kept_comparison);
                batch.iter().map(|spec| kept.get(layer_idx, spec)).collect()
            };
            let entries = reduce::map_indices(batch.len(), ctx, |nth| match &known[nth] {
                Some(entry) => Ok(Arc::clone(entry)),
                None => self.entry(layer_idx, &batch[nth], bounds, ctx).map(Arc::new),
            })?;
            ctx.advance(batch.len() as u64);
            let is_new = known.iter().any(Option::is_none);
            if is_new {
                lock(&self.kept_comparison).keep(layer_idx, &entries);
            }
            comparison.entries.extend(entries);
            if is_new {
                on_partial(comparison.clone());
            }
        }
        Ok(comparison)
    }

    fn entry(
        &self,
        layer_idx: usize,
        spec: &str,
        bounds: (f64, f64),
        ctx: &WorkCtx,
    ) -> Result<ComparedEntry, QueryError> {
        let refused =
            |reason: String| ComparedEntry { spec: spec.to_owned(), outcome: Err(reason) };
        let choice: SchemeChoice = match spec.parse() {
            Ok(choice) => choice,
            Err(error) => return Ok(refused(SpecError::to_string(&error))),
        };
        let weights = self.weights(layer_idx, &choice)?;
        let error = match layer_error(&weights, &choice, ctx) {
            Err(QuantError::Cancelled(_)) => return Err(QueryError::Cancelled),
            Err(error) => return Ok(refused(error.to_string())),
            Ok(error) => error,
        };
        let values =
            fake_quantize(&weights, &*error.fitted, ctx).map_err(|_| QueryError::Cancelled)?;
        let n_groups = error.fitted.layout().n_groups();
        let levels = match n_groups {
            1 => error.fitted.grid(0),
            _ => Grid::Continuous,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::DB_PER_BIT;
    use crate::model::{FoldMode, Network};
    use crate::quant::schemes::SCHEMES;

    fn workshop() -> Workshop {
        let sample = crate::session::ModelRef::default_sample();
        let opened = crate::session::open(&sample, FoldMode::Fold).unwrap();
        let network: Arc<Network> = opened.network;
        Workshop::new(network, None)
    }

    fn specs() -> Vec<String> {
        SCHEMES.iter().map(|scheme| SchemeChoice::new(*scheme).to_string()).collect()
    }

    #[test]
    fn every_scheme_has_an_entry_in_order_and_is_computed_once() {
        let workshop = workshop();
        let specs = specs();
        let ctx = WorkCtx::new();
        let n_told = std::cell::RefCell::new(Vec::new());
        let tell = |partial: LayerComparison| n_told.borrow_mut().push(partial.entries.len());
        let first = workshop.comparison(1, &specs, &ctx, tell).unwrap();
        let found: Vec<&str> = first.entries.iter().map(|entry| entry.spec.as_str()).collect();
        assert_eq!(found, specs);
        let told = n_told.borrow().clone();
        assert!(
            told.is_sorted() && told[0] == 0 && *told.last().unwrap() == specs.len(),
            "{told:?}"
        );
        assert_eq!(ctx.progress().fraction(), 1.0);
        n_told.borrow_mut().clear();
        let tell = |partial: LayerComparison| n_told.borrow_mut().push(partial.entries.len());
        let again = workshop.comparison(1, &specs, &WorkCtx::new(), tell).unwrap();
        assert_eq!(*n_told.borrow(), [0], "nothing is computed again");
        assert!(again.entries.iter().zip(&first.entries).all(|(a, b)| Arc::ptr_eq(a, b)));
        let other = workshop.comparison(0, &specs[..1], &WorkCtx::new(), |_| {}).unwrap();
        let figures =
            |comparison: &LayerComparison| comparison.entries[0].outcome.as_ref().unwrap().error;
        assert_ne!(figures(&other), figures(&first), "another layer has figures of its own");
    }

    #[test]
    fn figures_are_those_of_the_layer() {
        let workshop = workshop();
        let spec = "int:bits=4".to_owned();
        let specs =
            [spec.clone(), "int:bits=4,granularity=per-channel".to_owned(), "no".to_owned()];
        let comparison = workshop.comparison(1, &specs, &WorkCtx::new(), |_| {}).unwrap();
        let direct = workshop.layer(1, &spec, &WorkCtx::new()).unwrap();
        let figures = |idx: usize| comparison.entries[idx].outcome.as_ref().unwrap();
        assert_eq!(figures(0).error, direct.error.total);
        assert_eq!(figures(0).bits_per_weight, direct.error.bits_per_weight());
        assert_eq!(figures(0).levels.len(), 15, "one grid");
        assert!(figures(1).levels.is_empty() && figures(1).n_groups > 1, "a grid a channel");
        let n_weights = comparison.original.counts.iter().sum::<u64>();
        assert_eq!(n_weights, figures(0).error.count as u64);
        let limits = comparison.limits.unwrap();
        let db = figures(0).sqnr.db().unwrap();
        assert!(db < limits.gaussian_db + 4.1 * DB_PER_BIT, "{db} {limits:?}");
        let refusal = comparison.entries[2].outcome.as_ref().unwrap_err();
        assert!(refusal.contains("there is no scheme"), "{refusal}");
    }

    #[test]
    fn a_comparison_can_be_stopped() {
        let ctx = WorkCtx::new();
        ctx.cancel();
        let stopped = workshop().comparison(0, &specs(), &ctx, |_| {});
        assert!(matches!(stopped, Err(QueryError::Cancelled)));
    }
}
