//! The figures of a state as they are written down beside the step that led to it, with what they
//! were measured with: what does not fit what is read is dropped.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::eval::{Estimate, Metric, ModelSize, Sqnr};
use crate::model::FoldMode;
use crate::quant::SchemeChoice;
use crate::session::change::PlanChange;
use crate::session::history::Plan;
use crate::session::sample_mark::SampleMark;
use crate::session::steps::{ModelFigures, StateFigures, StepAccuracy};

/// Figures, and by what settings and samples they are known.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct FiguresJson {
    /// The [`PlanMark`] of the state.
    settings: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    model: Option<ModelJson>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    accuracy: BTreeMap<SampleMark, AccuracyJson>,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct ModelJson {
    float_bytes: u64,
    quantized_bytes: u64,
    bits_per_weight: Option<f64>,
    stored_bits_per_weight: Option<f64>,
    sqnr: Option<SqnrJson>,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum SqnrJson {
    Db(f64),
    Exact,
    NoSignal,
    NonFinite,
}

/// `null` stands for infinity, which JSON lacks.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct AccuracyJson {
    metric: String,
    value: Option<f64>,
    ci95: (Option<f64>, Option<f64>),
    samples: usize,
}

/// What the settings of all layers are known by: the exclusive or of a hash of each, so that a step
/// changes it by what it changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::session) struct PlanMark(u64);

impl PlanMark {
    pub fn of(plan: &Plan) -> Self {
        let recipe = &plan.recipe;
        let layers = recipe.layers().filter_map(|name| Some((name, recipe.get(name)?)));
        let mark = layers.fold(0, |mark, (name, choice)| mark ^ hash(name, Some(choice)));
        Self(mark ^ hash_of_fold(plan.fold_mode))
    }

    /// Before the change if it was after it, and the other way round.
    pub fn across(self, change: &PlanChange) -> Self {
        let mut mark = self.0;
        for (name, layer) in &change.layers {
            mark ^= hash(name, layer.before.as_ref()) ^ hash(name, layer.after.as_ref());
        }
        if let Some((before, after)) = change.fold {
            mark ^= hash_of_fold(before) ^ hash_of_fold(after);
        }
        Self(mark)
    }

    pub fn number(self) -> u64 {
        self.0
    }

    fn text(self) -> String {
        format!("{:016x}", self.0)
    }
}

/// 0 for a layer that the recipe does not name.
fn hash(layer: &str, choice: Option<&SchemeChoice>) -> u64 {
    choice.map_or(0, |choice| first_word(&format!("{layer}\n{choice}")))
}

fn hash_of_fold(fold_mode: FoldMode) -> u64 {
    if fold_mode == FoldMode::Fold { 0 } else { first_word("batch norm is kept") }
}

fn first_word(text: &str) -> u64 {
    let sum = Sha256::digest(text.as_bytes());
    sum.iter().take(8).fold(0, |word, byte| word << 8 | u64::from(*byte))
}

impl FiguresJson {
    /// `None` where nothing is known.
    pub fn of(figures: &StateFigures, mark: PlanMark) -> Option<Self> {
        if *figures == StateFigures::default() {
            return None;
        }
        let accuracy = figures
            .accuracies
            .iter()
            .filter_map(|(samples, accuracy)| Some((samples.clone(), AccuracyJson::of(accuracy)?)));
        Some(Self {
            settings: mark.text(),
            model: figures.model.map(|model| ModelJson::of(&model)),
            accuracy: accuracy.collect(),
        })
    }

    /// Nothing where they are of other settings.
    pub fn read(&self, mark: PlanMark) -> StateFigures {
        if self.settings != mark.text() {
            return StateFigures::default();
        }
        let accuracies = self
            .accuracy
            .iter()
            .filter_map(|(samples, accuracy)| Some((samples.clone(), accuracy.read()?)));
        StateFigures {
            model: self.model.as_ref().map(ModelJson::read),
            accuracies: accuracies.collect(),
        }
    }
}

impl AccuracyJson {
    /// `None` for what is no number.
    pub fn of(accuracy: &StepAccuracy) -> Option<Self> {
        let Estimate { value, ci95 } = accuracy.estimate;
        let is_number = !(value.is_nan() || ci95.0.is_nan() || ci95.1.is_nan());
        let finite = |x: f64| x.is_finite().then_some(x);
        is_number.then(|| Self {
            metric: accuracy.metric.id().to_owned(),
            value: finite(value),
            ci95: (finite(ci95.0), finite(ci95.1)),
            samples: accuracy.n_samples,
        })
    }

    /// `None` for a metric that is not known.
    pub fn read(&self) -> Option<StepAccuracy> {
        let metric = [Metric::Top1, Metric::Perplexity, Metric::Agreement]
            .into_iter()
            .find(|metric| metric.id() == self.metric)?;
        let number = |x: Option<f64>| x.unwrap_or(f64::INFINITY);
        let ci95 = (number(self.ci95.0), number(self.ci95.1));
        let estimate = Estimate { value: number(self.value), ci95 };
        Some(StepAccuracy { metric, estimate, n_samples: self.samples })
    }
}

impl ModelJson {
    pub fn of(figures: &ModelFigures) -> Self {
        let ModelSize { float_bytes, quantized_bytes, bits_per_weight, stored_bits_per_weight } =
            figures.size;
        let sqnr = figures.sqnr.map(|sqnr| match sqnr {
            Sqnr::Db(db) => SqnrJson::Db(db),
            Sqnr::Exact => SqnrJson::Exact,
            Sqnr::NoSignal => SqnrJson::NoSignal,
            Sqnr::NonFinite => SqnrJson::NonFinite,
        });
        Self { float_bytes, quantized_bytes, bits_per_weight, stored_bits_per_weight, sqnr }
    }

    pub fn read(&self) -> ModelFigures {
        let Self { float_bytes, quantized_bytes, bits_per_weight, stored_bits_per_weight, sqnr } =
            *self;
        let sqnr = sqnr.map(|sqnr| match sqnr {
            SqnrJson::Db(db) => Sqnr::Db(db),
            SqnrJson::Exact => Sqnr::Exact,
            SqnrJson::NoSignal => Sqnr::NoSignal,
            SqnrJson::NonFinite => Sqnr::NonFinite,
        });
        let size =
            ModelSize { float_bytes, quantized_bytes, bits_per_weight, stored_bits_per_weight };
        ModelFigures { size, sqnr }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quant::Recipe;

    fn plan(spec: &str, fold_mode: FoldMode) -> Plan {
        let recipe = Recipe::uniform(["a", "b"], &spec.parse().unwrap());
        Plan { recipe, fold_mode, ..Plan::default() }
    }

    #[test]
    fn a_mark_goes_across_changes_both_ways() {
        let (before, after) = (plan("int8", FoldMode::Fold), plan("int4", FoldMode::Keep));
        let change = PlanChange::between(&before, &after);
        let (first, second) = (PlanMark::of(&before), PlanMark::of(&after));
        assert_ne!(first, second);
        assert_eq!(first.across(&change), second);
        assert_eq!(second.across(&change), first);
    }

    #[test]
    fn figures_come_back_with_their_settings_alone() {
        let samples: SampleMark = serde_json::from_str("\"abc\"").unwrap();
        for (sqnr, value) in [(Sqnr::Db(31.25), 0.5), (Sqnr::Exact, f64::INFINITY)] {
            let size = ModelSize {
                float_bytes: 100,
                quantized_bytes: 25,
                bits_per_weight: Some(8.125),
                stored_bits_per_weight: None,
            };
            let estimate = Estimate { value, ci95: (0.25, value) };
            let accuracy = StepAccuracy { metric: Metric::Perplexity, estimate, n_samples: 12 };
            let figures = StateFigures {
                model: Some(ModelFigures { size, sqnr: Some(sqnr) }),
                accuracies: [(samples.clone(), accuracy)].into(),
            };
            let json = FiguresJson::of(&figures, PlanMark(7)).unwrap();
            let text = serde_json::to_string(&json).unwrap();
            let back: FiguresJson = serde_json::from_str(&text).unwrap();
            assert_eq!(back.read(PlanMark(7)), figures);
            assert_eq!(back.read(PlanMark(8)), StateFigures::default());
        }
        assert!(FiguresJson::of(&StateFigures::default(), PlanMark(7)).is_none());
    }
}
