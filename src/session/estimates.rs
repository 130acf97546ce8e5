//! Error against the clip threshold, and where each range estimator puts it.

use super::loaded::Loaded;
use super::query::{Answer, Query};
use super::state::Session;
use super::workshop::{QueryError, Workshop};
use crate::base::{WorkCtx, reduce};
use crate::eval::{LayerError, RecipeEvalError, Sqnr, channels_for, layer_error};
use crate::quant::{
    ChoiceSpec, Grid, ParamKind, ParamSpec, QuantError, SchemeChoice, SettingValue,
};
use crate::tensor::{ChannelMajor, Tensor};

/// How the error of a tensor or channel, quantized with one scale, depends on its range.
#[derive(Clone, Debug)]
pub struct Estimates {
    pub layer_idx: usize,
    pub channel_idx: Option<usize>,
    /// The largest |weight|: where nothing is clipped.
    pub absmax: f64,
    /// Smallest and largest weight; 0 where they lie on one side of it.
    pub lo: f64,
    pub hi: f64,
    /// Ascending by threshold.
    pub curve: Vec<ClipPoint>,
    /// One for every way to choose a range but by hand, in the order of the setting.
    pub choices: Vec<EstimatorChoice>,
}

/// The mean squared errors when the range ends at a threshold. Asymmetric levels cover the part of
/// `[−threshold, threshold]` in which there are weights.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClipPoint {
    pub threshold: f64,
    pub clipping: f64,
    pub rounding: f64,
}

impl ClipPoint {
    pub fn total(&self) -> f64 {
        self.clipping + self.rounding
    }
}

/// What one estimator chooses.
#[derive(Clone, Copy, Debug)]
pub struct EstimatorChoice {
    /// The value of the setting `range`.
    pub way: &'static ChoiceSpec,
    /// The outermost levels.
    pub lo: f64,
    pub hi: f64,
    /// Where the range it chose ends: the larger magnitude; asymmetric within half a step.
    pub threshold: f64,
    pub mse: f64,
    pub clipping: f64,
    pub clipped_fraction: f64,
    pub sqnr: Sqnr,
}

/// Thresholds of the curve.
const N_POINTS: usize = 160;
/// Weights the curve is taken from at most, every k-th of a larger tensor; the estimators see all.
const MAX_FOR_CURVE: usize = 1 << 18;

impl Workshop {
    pub(super) fn estimates(
        &self,
        layer_idx: usize,
        spec: &str,
        channel_idx: Option<usize>,
        ctx: &WorkCtx,
    ) -> Result<Estimates, QueryError> {
        let layer = self.network.layers.get(layer_idx).ok_or(QueryError::NoLayer(layer_idx))?;
        let tensor: Tensor = self.network.tensor(&layer.weight).map_err(RecipeEvalError::from)?;
        let choice: SchemeChoice = spec.parse()?;
        let weights = channels_for(layer, &choice, &tensor);
        let values = match channel_idx {
            Some(idx) => weights.channel(idx).to_vec(),
            None => weights.data().to_vec(),
        };
        let choice = with_one_scale(&choice);
        let ways = ways_of(&choice).ok_or(QueryError::NoRange(choice.scheme().name()))?;
        let finite = || values.iter().copied().filter(|x| x.is_finite());
        let (lo, hi) = (finite().fold(0f32, f32::min), finite().fold(0f32, f32::max));
        let absmax = hi.max(-lo);
        let all = one_channel(&values);
        let choices = reduce::map_indices(ways.len(), ctx, |nth| {
            let choice = choice.with("range", SettingValue::Choice(ways[nth].key));
            let choice = choice.map_err(|error| QueryError::Quant(error.into()))?;
            let error = measured(&all, &choice, ctx)?;
            Ok::<_, QueryError>(EstimatorChoice::of(ways[nth], &choice, &error, f64::from(absmax)))
        })?;
        let step = values.len().div_ceil(MAX_FOR_CURVE).max(1);
        let sample: Vec<f32> = values.iter().copied().step_by(step).collect();
        let curve = curve(&one_channel(&sample), &choice, absmax, ctx)?;
        let (absmax, lo, hi) = (f64::from(absmax), f64::from(lo), f64::from(hi));
        Ok(Estimates { layer_idx, channel_idx, absmax, lo, hi, curve, choices })
    }
}

/// Without granularity, which the tensor or channel shown stands for, and without transforms.
fn with_one_scale(choice: &SchemeChoice) -> SchemeChoice {
    let fixed = [("granularity", "per-tensor"), ("scale", "range"), ("rotation", "none")];
    fixed.into_iter().fold(choice.clone(), |choice, (key, value)| {
        choice.with(key, SettingValue::Choice(value)).unwrap_or(choice)
    })
}

/// The ways to choose a range; `None` for a scheme without that setting.
fn ways_of(choice: &SchemeChoice) -> Option<Vec<&'static ChoiceSpec>> {
    match &choice.param("range")?.kind {
        ParamKind::Choice { choices, .. } => {
            Some(choices.iter().filter(|way| way.key != "manual").collect())
        }
        _ => None,
    }
}

fn one_channel(values: &[f32]) -> ChannelMajor {
    let tensor = ndarray::arr1(values).into_dyn().into_shared();
    let dims = ndarray::IxDyn(&[1, values.len()]);
    let row = tensor.clone().into_shape_with_order(dims).unwrap_or(tensor);
    ChannelMajor::new(&row, 0)
}

fn measured(
    weights: &ChannelMajor,
    choice: &SchemeChoice,
    ctx: &WorkCtx,
) -> Result<LayerError, QueryError> {
    layer_error(weights, choice, ctx).map_err(|error| match error {
        QuantError::Cancelled(_) => QueryError::Cancelled,
        error => QueryError::Quant(error),
    })
}

fn curve(
    weights: &ChannelMajor,
    choice: &SchemeChoice,
    absmax: f32,
    ctx: &WorkCtx,
) -> Result<Vec<ClipPoint>, QueryError> {
    if absmax <= 0.0 {
        return Ok(Vec::new());
    }
    let finite = || weights.data().iter().copied().filter(|x| x.is_finite());
    let (lo, hi) = (finite().fold(0f32, f32::min), finite().fold(0f32, f32::max));
    let choice = choice.with("range", SettingValue::Choice("manual"));
    let choice = choice.map_err(|error| QueryError::Quant(error.into()))?;
    reduce::map_indices(N_POINTS, ctx, |nth| {
        let threshold = absmax * (nth + 1) as f32 / N_POINTS as f32;
        let end = |key: &str, end: f32, choice: &SchemeChoice| {
            let value = SettingValue::Float(f64::from(end));
            choice.with(key, value).map_err(|error| QueryError::Quant(error.into()))
        };
        let choice = end("lo", lo.max(-threshold), &choice)?;
        let choice = end("hi", hi.min(threshold), &choice)?;
        let error = measured(weights, &choice, ctx)?;
        Ok(ClipPoint {
            threshold: f64::from(threshold),
            clipping: error.total.clipping_mse(),
            rounding: error.total.rounding_mse(),
        })
    })
}

impl EstimatorChoice {
    fn of(
        way: &'static ChoiceSpec,
        choice: &SchemeChoice,
        error: &LayerError,
        absmax: f64,
    ) -> Self {
        let grid = match error.fitted.layout().n_groups() {
            0 => Grid::Continuous,
            _ => error.fitted.grid(0),
        };
        let (lo, hi) = grid.bounds().unwrap_or((0.0, 0.0));
        let (lo, hi) = (f64::from(lo), f64::from(hi));
        // Codes around zero cover a mirrored range, whichever end has one code more.
        let threshold = match choice.settings().choice("symmetry") {
            // Rounding the zero point moves the levels by up to half a step.
            "asymmetric" => hi.max(-lo).min(absmax),
            _ => (hi - lo) / 2.0,
        };
        Self {
            way,
            lo,
            hi,
            threshold,
            mse: error.total.mse(),
            clipping: error.total.clipping_mse(),
            clipped_fraction: error.total.clipped_fraction(),
            sqnr: error.sqnr(),
        }
    }
}

impl Session {
    /// The estimators for the selected layer or channel under its present scheme.
    pub fn estimates(&self) -> Loaded<Estimates> {
        let (layer_idx, channel_idx) = (self.selection.layer_idx, self.selection.channel_idx);
        let spec = self.estimates_spec(layer_idx);
        let query = Query::Estimates { network: self.network_id, layer_idx, spec, channel_idx };
        let loaded = self.ask(query, |answer| match answer {
            Answer::Estimates(estimates) => Some(estimates),
            _ => None,
        });
        loaded.without_previous_unless(|estimates| {
            (estimates.layer_idx, estimates.channel_idx) == (layer_idx, channel_idx)
        })
    }

    /// The layer's choice with what the answer does not depend on at its default, so that dragging a
    /// clip handle asks nothing new.
    fn estimates_spec(&self, layer_idx: usize) -> String {
        let choice = with_one_scale(&self.choice(layer_idx));
        let reset = ["range", "lo", "hi", "group-size", "mask", "pruned", "rotation-size"];
        let choice = reset.into_iter().fold(choice, |choice, key| {
            let default = choice.param(key).map(ParamSpec::default_value);
            default.and_then(|value| choice.with(key, value).ok()).unwrap_or(choice)
        });
        choice.to_string()
    }
}
