//! A layer's weights, its quantized versions and its index, as jobs ask for them: read, fitted and
//! reconstructed once, then taken from the [`Shelf`](super::shelf::Shelf).

use std::sync::Arc;

use super::answers::Entry;
use super::query::{Answer, Query};
use super::shelf::{Item, Key};
use super::state::Session;
use super::workshop::{FittedLayer, QueryError, Workshop};
use crate::base::WorkCtx;
use crate::eval::{
    LayerError, QuantizedLayer, RecipeEvalError, fake_quantize, indexed_error, kept_axis,
    layer_error, measured_error,
};
use crate::model::Layer;
use crate::quant::{FittedQuantizer, QuantError, SchemeChoice};
use crate::tensor::{ChannelMajor, SortedIndex};

/// Layers of fewer weights are measured faster than a person sees.
const MIN_INDEXED: usize = 1 << 20;

/// What became of the wish for an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IndexOutcome {
    Built,
    /// There is not enough memory for it.
    NoRoom,
    /// Weights that are no numbers have no order.
    NonFinite,
}

impl Workshop {
    pub(super) fn layer_at(&self, layer_idx: usize) -> Result<&Layer, QueryError> {
        self.network.layers.get(layer_idx).ok_or(QueryError::NoLayer(layer_idx))
    }

    /// The weights of a layer with the channels of a choice side by side, and their index if there
    /// is one.
    pub(super) fn weights(
        &self,
        layer_idx: usize,
        choice: &SchemeChoice,
    ) -> Result<ChannelMajor, QueryError> {
        let axis = kept_axis(self.layer_at(layer_idx)?, choice);
        let key = Key::Weights { layer_idx, axis };
        let made = self.shelf.get_or_make(&key, || self.read(layer_idx, axis).map(Item::Weights));
        let Item::Weights(weights) = made? else { return Err(QueryError::NoLayer(layer_idx)) };
        if let Some(Item::Index(index)) = self.shelf.get(&Key::Index { layer_idx }) {
            weights.set_index(&index);
        }
        Ok(weights)
    }

    /// The same for a look in passing: weights that are not there yet are not kept.
    fn weights_in_passing(
        &self,
        layer_idx: usize,
        choice: &SchemeChoice,
    ) -> Result<ChannelMajor, QueryError> {
        let axis = kept_axis(self.layer_at(layer_idx)?, choice);
        match self.shelf.get(&Key::Weights { layer_idx, axis }) {
            Some(Item::Weights(weights)) => Ok(weights),
            _ => self.read(layer_idx, axis),
        }
    }

    fn read(&self, layer_idx: usize, axis: usize) -> Result<ChannelMajor, QueryError> {
        let name = &self.layer_at(layer_idx)?.weight;
        let tensor = self.network.tensor(name).map_err(RecipeEvalError::from)?;
        Ok(ChannelMajor::new(&tensor, axis))
    }

    /// The total error of a layer at once, where an index tells it.
    fn total_at_once(&self, layer_idx: usize, spec: &str, ctx: &WorkCtx) -> Option<LayerError> {
        let key = Key::Fit { layer_idx, spec: spec.to_owned() };
        if self.shelf.get(&key).is_some() {
            return None;
        }
        self.shelf.get(&Key::Index { layer_idx })?;
        let choice: SchemeChoice = spec.parse().ok()?;
        let weights = self.weights(layer_idx, &choice).ok()?;
        indexed_error(&weights, &choice, &choice.fit(&weights, ctx).ok()?.into())
    }

    /// The error of a layer, its total first where that is known at once.
    pub(super) fn layer_answer(
        &self,
        layer_idx: usize,
        spec: &str,
        ctx: &WorkCtx,
        on_partial: impl Fn(Answer),
    ) -> Result<Answer, QueryError> {
        let total = self.total_at_once(layer_idx, spec, ctx);
        if let Some(total) = &total {
            on_partial(Answer::Layer(Arc::new(total.clone())));
        }
        let done = self.fitted(layer_idx, spec, total.map(|total| total.fitted), ctx)?;
        Ok(Answer::Layer(Arc::new(done.error.clone())))
    }

    /// A layer with its choice and its error; `known` is what it is fitted to, if that is known.
    pub(super) fn fitted(
        &self,
        layer_idx: usize,
        spec: &str,
        known: Option<Arc<dyn FittedQuantizer>>,
        ctx: &WorkCtx,
    ) -> Result<Arc<FittedLayer>, QueryError> {
        let key = Key::Fit { layer_idx, spec: spec.to_owned() };
        let made = self.shelf.get_or_make(&key, || {
            let choice: SchemeChoice = spec.parse()?;
            let weights = self.weights(layer_idx, &choice)?;
            let named = self.naming(layer_idx);
            let error = match known {
                Some(fitted) => measured_error(&weights, &choice, fitted, ctx),
                None => layer_error(&weights, &choice, ctx),
            };
            let error = error.map_err(&named)?;
            Ok::<_, QueryError>(Item::Fit(Arc::new(FittedLayer { choice, error })))
        });
        match made? {
            Item::Fit(fit) => Ok(fit),
            _ => Err(QueryError::NoLayer(layer_idx)),
        }
    }

    /// The same with the reconstructed weights.
    pub(super) fn layer(
        &self,
        layer_idx: usize,
        spec: &str,
        ctx: &WorkCtx,
    ) -> Result<Arc<QuantizedLayer>, QueryError> {
        let key = Key::Reconstruction { layer_idx, spec: spec.to_owned() };
        let made = self.shelf.get_or_make(&key, || {
            let FittedLayer { choice, error } = &*self.fitted(layer_idx, spec, None, ctx)?;
            let weights = match choice.keeps_float() {
                true => None,
                false => {
                    let weights = self.weights(layer_idx, choice)?;
                    let values = fake_quantize(&weights, &*error.fitted, ctx);
                    let values = values.map_err(self.naming(layer_idx))?;
                    Some(weights.with_data(values).to_tensor())
                }
            };
            let (choice, error) = (choice.clone(), error.clone());
            let layer = QuantizedLayer { choice, error, weights };
            Ok::<_, QueryError>(Item::Reconstruction(Arc::new(layer)))
        });
        match made? {
            Item::Reconstruction(layer) => Ok(layer),
            _ => Err(QueryError::NoLayer(layer_idx)),
        }
    }

    /// The error alone: nothing is kept of it.
    pub(super) fn compared(
        &self,
        layer_idx: usize,
        spec: &str,
        ctx: &WorkCtx,
    ) -> Result<LayerError, QueryError> {
        if let Some(Item::Fit(done)) =
            self.shelf.get(&Key::Fit { layer_idx, spec: spec.to_owned() })
        {
            return Ok(done.error.clone());
        }
        let choice: SchemeChoice = spec.parse()?;
        let weights = self.weights_in_passing(layer_idx, &choice)?;
        Ok(layer_error(&weights, &choice, ctx).map_err(self.naming(layer_idx))?)
    }

    /// What a scheme refuses, with the name of the tensor.
    fn naming(&self, layer_idx: usize) -> impl Fn(QuantError) -> RecipeEvalError {
        let layer = self.network.layers.get(layer_idx);
        let tensor = layer.map(|layer| layer.weight.clone()).unwrap_or_default();
        move |source| RecipeEvalError::Quant { tensor: tensor.clone(), source }
    }

    /// Sorts the weights of a layer, if there is room for that.
    pub(super) fn build_index(
        &self,
        layer_idx: usize,
        ctx: &WorkCtx,
    ) -> Result<IndexOutcome, QueryError> {
        let key = Key::Index { layer_idx };
        if self.shelf.get(&key).is_some() {
            return Ok(IndexOutcome::Built);
        }
        let layer = self.layer_at(layer_idx)?;
        let halves = self.network.stored_halves(&layer.weight).map_err(RecipeEvalError::from)?;
        let index = match halves {
            Some(halves) => {
                let counts = halves.counts(ctx)?;
                SortedIndex::of_counts(&counts, |bits| halves.decode(bits))
            }
            None => {
                if !self.shelf.has_room_for(SortedIndex::bytes_for(layer.count())) {
                    return Ok(IndexOutcome::NoRoom);
                }
                let weights = self.weights(layer_idx, &SchemeChoice::float())?;
                SortedIndex::of_values(weights.data(), ctx)?
            }
        };
        let Some(index) = index else { return Ok(IndexOutcome::NonFinite) };
        self.shelf.put(key, Item::Index(Arc::new(index)));
        Ok(IndexOutcome::Built)
    }
}

impl Session {
    /// Wishes for the index of the layer shown: once its error is known, if it is large and its
    /// weights share one grid; from then on as long as it is shown.
    pub(super) fn wish_index(&self) {
        let layer_idx = self.selection.layer_idx;
        let layer = self.network().and_then(|network| network.layers.get(layer_idx));
        if layer.is_none_or(|layer| layer.count() < MIN_INDEXED) {
            return;
        }
        let network = self.network_id;
        let spec = self.choice(layer_idx).to_string();
        let is_useful = || match self.answers.get(&Query::Layer { network, layer_idx, spec }) {
            Some(Entry::Ready(Answer::Layer(error))) => error.fitted.cells().is_some(),
            _ => false,
        };
        let query = Query::Index { network, layer_idx };
        if self.answers.contains(&query) || is_useful() {
            self.wish_later(query);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::quantize_layer;
    use crate::model::FoldMode;
    use crate::session::shelf::Shelf;
    use crate::session::workshop::lock;
    use crate::session::{ModelRef, open};
    use std::sync::Mutex;

    fn workshop() -> Workshop {
        let opened = open(&ModelRef::default_sample(), FoldMode::Fold).unwrap();
        Workshop::new(opened.network, None)
    }

    #[test]
    fn weights_are_read_once_and_kept_by_axis() {
        let workshop = workshop();
        let of = |spec: &str| workshop.weights(1, &spec.parse().unwrap()).unwrap();
        let (first, again) = (of("int4"), of("int:bits=8,granularity=per-channel"));
        assert!(std::ptr::eq(first.data(), again.data()), "a change of bits reads nothing");
        let other = of("int:granularity=per-channel,axis=1");
        assert_ne!(other.axis(), first.axis());
        let kept = workshop.shelf.kept_bytes();
        assert_eq!(kept.weights as usize, 8 * first.data().len());
        let error = workshop.compared(0, "int4", &WorkCtx::new()).unwrap();
        assert_eq!(workshop.shelf.kept_bytes(), kept, "nothing is kept of a look in passing");
        assert!(error.has_channels());
    }

    #[test]
    fn a_layer_is_the_same_kept_or_computed() {
        let workshop = workshop();
        let (ctx, network) = (WorkCtx::new(), Arc::clone(&workshop.network));
        for spec in ["int4", "int:bits=3,granularity=per-group", "float", "q4_0", "kmeans:bits=3"] {
            let wanted =
                quantize_layer(&network, &network.layers[1], &spec.parse().unwrap(), &ctx).unwrap();
            let found = workshop.layer(1, spec, &ctx).unwrap();
            assert_eq!(found.weights, wanted.weights, "{spec}");
            assert_eq!(found.error.total, wanted.error.total, "{spec}");
            assert_eq!(found.error.channels, wanted.error.channels, "{spec}");
            assert!(Arc::ptr_eq(&found, &workshop.layer(1, spec, &ctx).unwrap()), "{spec}");
        }
    }

    /// The memory of layers that were done does not grow beyond the budget.
    #[test]
    fn what_is_kept_stays_within_its_budget() {
        let mut workshop = workshop();
        let largest = workshop.network.layers.iter().map(Layer::count).max().unwrap();
        let budget = 10 * largest as u64;
        workshop.shelf = Shelf::with_budget(budget);
        for spec in ["int4", "int8", "e4m3fn"] {
            for layer_idx in 0..workshop.network.layers.len() {
                workshop.layer(layer_idx, spec, &WorkCtx::new()).unwrap();
                let kept = workshop.shelf.kept_bytes();
                assert!(kept.total() <= budget, "{kept:?}");
            }
        }
        assert!(workshop.shelf.kept_bytes().reconstructions > 0);
    }

    #[test]
    fn the_total_comes_first_and_agrees_with_the_rest() {
        let workshop = workshop();
        let ctx = WorkCtx::new();
        let answered = |spec: &str| {
            let told = Mutex::new(Vec::new());
            let query = Query::Layer { network: 0, layer_idx: 1, spec: spec.to_owned() };
            let answer = workshop.answer(&query, &ctx, |partial| lock(&told).push(partial));
            let Ok(Answer::Layer(whole)) = answer else { panic!("{spec}") };
            let partial = lock(&told).pop().map(|partial| match partial {
                Answer::Layer(total) => total,
                other => panic!("{other:?}"),
            });
            (partial, whole)
        };
        assert!(answered("int6").0.is_none(), "there is no index yet");
        assert_eq!(workshop.build_index(1, &ctx).unwrap(), IndexOutcome::Built);
        assert!(workshop.shelf.kept_bytes().indexes > 0);
        for spec in ["int4", "int:bits=5,symmetry=asymmetric,range=percentile", "e2m1", "kmeans"] {
            let (partial, whole) = answered(spec);
            let partial = partial.unwrap();
            assert!(!partial.has_channels() && whole.has_channels(), "{spec}");
            let (found, wanted) = (partial.total, whole.total);
            assert!((found.noise / wanted.noise - 1.0).abs() < 1e-12, "{spec}");
            assert!((found.signal / wanted.signal - 1.0).abs() < 1e-12, "{spec}");
            assert_eq!((found.n_clipped, found.count), (wanted.n_clipped, wanted.count), "{spec}");
            assert!(answered(spec).0.is_none(), "{spec}: the whole is there");
        }
        assert!(answered("int:bits=4,granularity=per-channel").0.is_none());
    }

    #[test]
    fn the_curve_and_the_choices_are_the_same_with_an_index() {
        let workshop = workshop();
        let ctx = WorkCtx::new();
        for spec in ["int4", "int:bits=4,symmetry=asymmetric", "e2m1"] {
            workshop.shelf.clear();
            let plain = workshop.estimates(1, spec, None, &ctx).unwrap();
            workshop.build_index(1, &ctx).unwrap();
            let indexed = workshop.estimates(1, spec, None, &ctx).unwrap();
            let is_close = |a: f64, b: f64| (a - b).abs() <= 1e-11 * a.abs().max(b.abs());
            assert_eq!(plain.curve.len(), indexed.curve.len());
            for (a, b) in plain.curve.iter().zip(&indexed.curve) {
                assert!(a.threshold == b.threshold && is_close(a.total(), b.total()), "{spec}");
                assert!(is_close(a.clipping, b.clipping), "{spec}");
            }
            for (a, b) in plain.choices.iter().zip(&indexed.choices) {
                assert_eq!((a.lo, a.hi, a.threshold), (b.lo, b.hi, b.threshold), "{spec}");
                assert!(is_close(a.mse, b.mse), "{spec}, {}", a.way.key);
            }
        }
    }
}
