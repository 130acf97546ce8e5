//! The figures a person reads, from what came of each sample.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::answers::{Answers, Breakdown, Recall};
use super::error::Sqnr;
use super::fidelity::{Change, ModelOutcome, SampleOutcome};
use super::interval::{Estimate, PairedCounts, bootstrap, wilson};
use super::samples::{SampleSet, Task};

/// What the value of an accuracy is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Metric {
    /// Share of samples whose highest score is the label's.
    Top1,
    /// `exp` of the mean negative log-likelihood of the next token; smaller is better.
    Perplexity,
    /// Share of samples with the float model's answer, for a set without labels.
    Agreement,
}

impl Metric {
    pub fn of_set(samples: &SampleSet) -> Self {
        match (samples.task, &samples.labels) {
            (Task::LanguageModel, _) => Self::Perplexity,
            (Task::Classification, Some(_)) => Self::Top1,
            (Task::Classification, None) => Self::Agreement,
        }
    }

    /// Name in JSON.
    pub fn id(self) -> &'static str {
        match self {
            Self::Top1 => "top1",
            Self::Perplexity => "perplexity",
            Self::Agreement => "agreement",
        }
    }
}

/// Recall of one class before and after.
#[derive(Clone, Debug, PartialEq)]
pub struct ClassRecall {
    pub name: String,
    pub float: Estimate,
    pub quantized: Option<Estimate>,
}

/// The float model against the quantized one on the samples seen so far.
#[derive(Clone, Debug, PartialEq)]
pub struct Accuracy {
    pub metric: Metric,
    /// Rows seen.
    pub n_samples: usize,
    /// Rows there are to see.
    pub n_total: usize,
    /// Tokens predicted, for a language model.
    pub n_tokens: Option<usize>,
    /// `None` where the metric needs labels and there are none.
    pub float: Option<Estimate>,
    /// `None` where nothing is quantized.
    pub quantized: Option<Estimate>,
    /// From ten classes up, with labels.
    pub top5: Option<Top5>,
    pub comparison: Option<Comparison>,
    /// Empty without labels or class names.
    pub classes: Vec<ClassRecall>,
    /// What each model answered, prediction by prediction.
    pub answers: Arc<Answers>,
    /// The answers by class and by confidence.
    pub breakdown: Arc<Breakdown>,
    pub seconds: f64,
}

impl Accuracy {
    /// How both models do on the class of that name; `None` where it has no samples or the set has
    /// no labels.
    pub fn class_recall(&self, name: &str) -> Option<&Recall> {
        let class = self.classes.iter().position(|class| class.name == name)?;
        self.breakdown.recall(u32::try_from(class).ok()?)
    }
}

/// How often the label is among the five highest scores.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Top5 {
    pub float: Estimate,
    /// `None` where nothing is quantized.
    pub quantized: Option<Estimate>,
    /// Both models on the same samples; `None` where nothing is quantized.
    pub paired: Option<PairedCounts>,
}

/// What compares the two models.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// `quantized − float`.
    pub difference: Option<Estimate>,
    /// Share of predictions that are the same.
    pub agreement: f64,
    pub broken: Option<usize>,
    pub fixed: Option<usize>,
    pub mcnemar_p: Option<f64>,
    /// Mean `KL(float‖quantized)` in nats.
    pub kl_mean: f64,
    pub output_sqnr: Sqnr,
}

/// How thoroughly intervals that need drawing are computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    Partial,
    Final,
}

impl Stage {
    fn n_draws(self) -> usize {
        match self {
            Self::Partial => super::interval::BOOTSTRAP_DRAWS / 10,
            Self::Final => super::interval::BOOTSTRAP_DRAWS,
        }
    }
}

/// Sums up `outcomes`, in the order they are given.
pub(super) fn sum_up(
    samples: &SampleSet,
    outcomes: &[SampleOutcome],
    n_classes: usize,
    stage: Stage,
) -> Accuracy {
    let metric = Metric::of_set(samples);
    let n_predictions: usize = outcomes.iter().map(|outcome| outcome.n).sum();
    let changes: Option<Vec<Change>> = outcomes.iter().map(|outcome| outcome.change).collect();
    let changes = changes.filter(|changes| !changes.is_empty());
    let paired = paired_counts(outcomes, |model| model.n_right);
    let answers = gather(samples, outcomes, n_classes);
    let figures = match metric {
        Metric::Top1 => top1_figures(&paired),
        Metric::Perplexity => perplexity_figures(outcomes, stage),
        Metric::Agreement => {
            let n_agree = changes.iter().flatten().map(|change| change.n_agree).sum();
            Figures { float: None, quantized: wilson(n_agree, n_predictions), difference: None }
        }
    };
    Accuracy {
        metric,
        n_samples: outcomes.len(),
        n_total: samples.len(),
        n_tokens: (metric == Metric::Perplexity).then_some(n_predictions),
        float: figures.float,
        quantized: changes.as_ref().map(|_| figures.quantized),
        top5: (metric == Metric::Top1 && n_classes >= 10).then(|| top5(outcomes)),
        comparison: changes.map(|changes| {
            let paired = (metric == Metric::Top1).then_some(paired);
            compare(&changes, n_predictions, figures.difference, paired)
        }),
        classes: class_recalls(samples, outcomes),
        breakdown: Arc::new(Breakdown::new(&answers)),
        answers: Arc::new(answers),
        seconds: 0.0,
    }
}

/// The answers of all samples in one table.
fn gather(samples: &SampleSet, outcomes: &[SampleOutcome], n_classes: usize) -> Answers {
    Answers {
        rows: outcomes.iter().flat_map(|outcome| outcome.answers.iter().copied()).collect(),
        task: samples.task,
        n_classes,
        per_sample: samples.predictions_per_sample(),
        is_compared: outcomes.iter().any(|outcome| outcome.change.is_some()),
    }
}

/// The metric of both models; of no meaning for the quantized one where none was run.
struct Figures {
    float: Option<Estimate>,
    quantized: Estimate,
    difference: Option<Estimate>,
}

fn top1_figures(paired: &PairedCounts) -> Figures {
    let (float, quantized) = paired.shares();
    Figures { float: Some(float), quantized, difference: Some(paired.difference()) }
}

fn perplexity_figures(outcomes: &[SampleOutcome], stage: Stage) -> Figures {
    let rows = likelihood_rows(outcomes);
    let estimate = |pick: fn([f64; 3]) -> f64| Estimate {
        value: pick(column_sums(&rows)),
        ci95: bootstrap(&rows, stage.n_draws(), pick),
    };
    Figures {
        float: Some(estimate(|[float, _, n]| (float / n).exp())),
        quantized: estimate(|[_, quantized, n]| (quantized / n).exp()),
        difference: Some(estimate(|[float, quantized, n]| {
            (quantized / n).exp() - (float / n).exp()
        })),
    }
}

fn compare(
    changes: &[Change],
    n_predictions: usize,
    difference: Option<Estimate>,
    paired: Option<PairedCounts>,
) -> Comparison {
    let n = n_predictions as f64;
    let sum = |pick: fn(&Change) -> f64| changes.iter().map(pick).sum::<f64>();
    Comparison {
        difference,
        agreement: sum(|change| change.n_agree as f64) / n,
        broken: paired.map(|paired| paired.broken),
        fixed: paired.map(|paired| paired.fixed),
        mcnemar_p: paired.map(|paired| paired.mcnemar_p()),
        kl_mean: sum(|change| change.kl) / n,
        output_sqnr: Sqnr::of_sums(sum(|change| change.signal), sum(|change| change.noise)),
    }
}

/// Of classification: a sample is one prediction. `n_hits` says how many of a model's are right.
fn paired_counts(outcomes: &[SampleOutcome], n_hits: fn(&ModelOutcome) -> usize) -> PairedCounts {
    outcomes.iter().fold(PairedCounts::default(), |mut counts, outcome| {
        let before = n_hits(&outcome.float) > 0;
        let after = outcome.change.map_or(before, |change| n_hits(&change.quantized) > 0);
        counts.count([before, after]);
        counts
    })
}

fn top5(outcomes: &[SampleOutcome]) -> Top5 {
    let counts = paired_counts(outcomes, |model| model.n_right_top5);
    let (float, quantized) = counts.shares();
    let paired = outcomes.iter().all(|outcome| outcome.change.is_some()).then_some(counts);
    Top5 { float, quantized: paired.map(|_| quantized), paired }
}

/// Float and quantized negative log-likelihood and number of tokens of every row.
fn likelihood_rows(outcomes: &[SampleOutcome]) -> Vec<[f64; 3]> {
    let row = |outcome: &SampleOutcome| {
        let quantized = outcome.change.map(|change| change.quantized.negative_log_likelihood);
        [outcome.float.negative_log_likelihood, quantized.unwrap_or(0.0), outcome.n as f64]
    };
    outcomes.iter().map(row).collect()
}

fn column_sums(rows: &[[f64; 3]]) -> [f64; 3] {
    rows.iter().fold([0.0; 3], |sums, row| std::array::from_fn(|i| sums[i] + row[i]))
}

fn class_recalls(samples: &SampleSet, outcomes: &[SampleOutcome]) -> Vec<ClassRecall> {
    let (Some(classes), Some(labels)) = (&samples.classes, &samples.labels) else {
        return Vec::new();
    };
    let mut counts = vec![(0usize, 0usize, Some(0usize)); classes.len()];
    for outcome in outcomes {
        let Some(count) = labels.get(outcome.sample_idx).and_then(|&label| counts.get_mut(label))
        else {
            continue;
        };
        count.0 += 1;
        count.1 += outcome.float.n_right;
        count.2 = count.2.zip(outcome.change).map(|(n, change)| n + change.quantized.n_right);
    }
    let recall =
        |(name, (n, float, quantized)): (&String, (usize, usize, Option<usize>))| ClassRecall {
            name: name.clone(),
            float: wilson(float, n),
            quantized: quantized.map(|hits| wilson(hits, n)),
        };
    classes.iter().zip(counts).map(recall).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn top5_counts_pairs_as_top1_does() {
        let model = |n_right, n_right_top5| ModelOutcome {
            n_right,
            n_right_top5,
            ..ModelOutcome::default()
        };
        let outcome = |float, quantized| SampleOutcome {
            n: 1,
            float,
            change: Some(Change { quantized, ..Change::default() }),
            ..SampleOutcome::default()
        };
        let outcomes = [
            outcome(model(1, 1), model(0, 1)),
            outcome(model(1, 1), model(0, 0)),
            outcome(model(0, 1), model(0, 1)),
            outcome(model(0, 0), model(1, 1)),
            outcome(model(0, 0), model(0, 0)),
        ];
        let found = top5(&outcomes);
        let wanted = PairedCounts { both: 2, broken: 1, fixed: 1, neither: 1 };
        assert_eq!(found.paired, Some(wanted));
        assert_eq!((found.float, found.quantized), (wilson(3, 5), Some(wilson(3, 5))));
        let top1 = paired_counts(&outcomes, |model| model.n_right);
        assert_eq!(top1, PairedCounts { both: 0, broken: 2, fixed: 1, neither: 2 });
        let alone = SampleOutcome { n: 1, float: model(1, 1), ..SampleOutcome::default() };
        let found = top5(&[alone]);
        assert_eq!((found.quantized, found.paired), (None, None));
    }
}
