//! Error against the clip threshold, and where each range estimator puts it.

use super::loaded::Loaded;
use super::query::{Answer, Query};
use super::state::Session;
use super::workshop::{QueryError, Workshop};
use crate::base::{WorkCtx, reduce};
use crate::eval::{LayerError, Sqnr, indexed_error, measured_error};
use crate::quant::{
    ChoiceSpec, Grid, ParamKind, ParamSpec, QuantError, SchemeChoice, SettingValue,
};
use crate::tensor::{ChannelMajor, Extent};

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
/// Weights the curve is taken from at most without an index, every k-th of a larger tensor; the
/// estimators see all.
const MAX_FOR_CURVE: usize = 1 << 18;

impl Workshop {
    pub(super) fn estimates(
        &self,
        layer_idx: usize,
        spec: &str,
        channel_idx: Option<usize>,
        ctx: &WorkCtx,
    ) -> Result<Estimates, QueryError> {
        let choice: SchemeChoice = spec.parse()?;
        let weights = self.weights(layer_idx, &choice)?;
        let all = match channel_idx {
            Some(idx) => one_channel(weights.channel(idx).to_vec()),
            None => weights,
        };
        let choice = with_one_scale(&choice);
        let ways = ways_of(&choice).ok_or(QueryError::NoRange(choice.scheme().name()))?;
        let ends = ends_of(&all, ctx)?;
        let absmax = ends.absmax();
        let choices = reduce::map_indices(ways.len(), ctx, |nth| {
            let choice = choice.with("range", SettingValue::Choice(ways[nth].key));
            let choice = choice.map_err(|error| QueryError::Quant(error.into()))?;
            let error = total_of(&all, &choice, ctx)?;
            Ok::<_, QueryError>(EstimatorChoice::of(ways[nth], &choice, &error, f64::from(absmax)))
        })?;
        let curve = match all.index() {
            // All weights count, as quickly as a few.
            Some(_) => curve(&all, &choice, absmax, ctx)?,
            None => {
                let step = all.data().len().div_ceil(MAX_FOR_CURVE).max(1);
                let sample = all.data().iter().copied().step_by(step).collect();
                curve(&one_channel(sample), &choice, absmax, ctx)?
            }
        };
        let (absmax, lo, hi) = (f64::from(absmax), f64::from(ends.lo), f64::from(ends.hi));
        Ok(Estimates { layer_idx, channel_idx, absmax, lo, hi, curve, choices })
    }
}

/// Smallest and largest finite weight, 0 among them.
fn ends_of(weights: &ChannelMajor, ctx: &WorkCtx) -> Result<Extent, QueryError> {
    Ok(weights.profile(ctx)?.extent().joined(Extent { lo: 0.0, hi: 0.0 }))
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

fn one_channel(values: Vec<f32>) -> ChannelMajor {
    let row = ndarray::Array2::from_shape_vec((1, values.len()), values).unwrap_or_default();
    ChannelMajor::new(&row.into_dyn().into_shared(), 0)
}

/// The error, of which the total counts: from the index where there is one.
fn total_of(
    weights: &ChannelMajor,
    choice: &SchemeChoice,
    ctx: &WorkCtx,
) -> Result<LayerError, QueryError> {
    let named = |error| match error {
        QuantError::Cancelled(_) => QueryError::Cancelled,
        error => QueryError::Quant(error),
    };
    let fitted = choice.fit(weights, ctx).map_err(named)?.into();
    match indexed_error(weights, choice, &fitted) {
        Some(total) => Ok(total),
        None => measured_error(weights, choice, fitted, ctx).map_err(named),
    }
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
    let Extent { lo, hi } = ends_of(weights, ctx)?;
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
        let error = total_of(weights, &choice, ctx)?;
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
