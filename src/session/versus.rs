//! Two recipes side by side: A, which is held, and B, the present one.

use std::sync::Arc;

use super::figures::KnownSize;
use super::history::Plan;
use super::loaded::Loaded;
use super::query::{Answer, Query};
use super::state::{NoticeKind, Session};
use super::tried::everywhere;
use super::workshop::{QueryError, Workshop};
use crate::base::WorkCtx;
use crate::eval::{
    Accuracy, Answers, Breakdown, Estimate, LayerFigures, Metric, PairedCounts, Side, Tally,
    compare_models,
};
use crate::quant::{Recipe, SchemeChoice};

/// What the present recipe is compared with.
#[derive(Clone, Debug, PartialEq)]
pub struct Rival {
    pub name: String,
    pub recipe: Recipe,
    /// Whether A and B have changed places an odd number of times.
    pub is_swapped: bool,
}

/// What to compare with.
#[derive(Clone, Debug, PartialEq)]
pub enum RivalChoice {
    Float,
    /// As it is now: what is changed from here on is seen against it.
    Present,
    /// One that was tried, by its number.
    Tried(u64),
    /// Every layer but embeddings this way.
    Everywhere(SchemeChoice),
}

/// One recipe's figures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VersusSide {
    /// `None` where the metric needs labels and there are none.
    pub value: Option<Estimate>,
    /// Mean divergence from the float model, nats a prediction; 0 for float itself.
    pub kl_mean: f64,
}

/// Two recipes on the same samples.
#[derive(Clone, Debug, PartialEq)]
pub struct Versus {
    pub metric: Metric,
    pub n_samples: usize,
    pub a: VersusSide,
    pub b: VersusSide,
    /// `B − A` of the metric.
    pub difference: Option<Estimate>,
    /// Right under A, right under B; of samples with labels.
    pub paired: Option<PairedCounts>,
    /// Exact, two-sided; of samples with labels.
    pub mcnemar_p: Option<f64>,
    /// Share of predictions that are the same.
    pub agreement: f64,
    /// Every prediction, A standing where float does otherwise, B in place of the quantized model.
    pub answers: Arc<Answers>,
    /// The same by class: its recalls, flips and confusion are of A (first) and B (then).
    pub breakdown: Arc<Breakdown>,
    /// Names of the classes, where the set has them.
    pub classes: Vec<String>,
}

impl Versus {
    fn new(a: &Accuracy, b: &Accuracy, tally: Option<&Tally>) -> Self {
        let answers = joined(&a.answers, &b.answers);
        let breakdown = Breakdown::new(&answers);
        let mut paired = PairedCounts::default();
        let has_labels = a.metric == Metric::Top1;
        let mut n_same = 0;
        for row in &answers.rows {
            n_same += usize::from(row.float.answer() == row.quantized.answer());
            paired.count([Side::Float, Side::Quantized].map(|side| row.is_hit(side)));
        }
        let side = |accuracy: &Accuracy| VersusSide {
            value: accuracy.quantized.or(accuracy.float),
            kl_mean: accuracy.comparison.as_ref().map_or(0.0, |c| c.kl_mean),
        };
        let difference = match (has_labels, tally) {
            (true, _) => Some(paired.difference()),
            (false, Some(tally)) => Some(tally.change(a.metric)),
            (false, None) => None,
        };
        Self {
            metric: a.metric,
            n_samples: b.n_samples,
            a: side(a),
            b: side(b),
            difference,
            paired: has_labels.then_some(paired),
            mcnemar_p: has_labels.then(|| paired.mcnemar_p()),
            agreement: n_same as f64 / answers.rows.len().max(1) as f64,
            classes: b.classes.iter().map(|class| class.name.clone()).collect(),
            answers: Arc::new(answers),
            breakdown: Arc::new(breakdown),
        }
    }
}

/// The answers of A in float's place, those of B in the quantized model's.
fn joined(a: &Answers, b: &Answers) -> Answers {
    let rows = a.rows.iter().zip(&b.rows).map(|(a, b)| b.against(a.quantized));
    let rows = rows.collect();
    let &Answers { task, n_classes, per_sample, .. } = b;
    Answers { rows, task, n_classes, per_sample, is_compared: true }
}

impl Workshop {
    pub(super) fn versus(
        &self,
        (a, b): (&Arc<[String]>, &Arc<[String]>),
        ctx: &WorkCtx,
    ) -> Result<Versus, QueryError> {
        let [first, second] = [self.known_accuracy(a, ctx)?, self.known_accuracy(b, ctx)?];
        let needs_rows = first.metric != Metric::Top1;
        let tally = match needs_rows {
            true => Some(self.tally(a, b, ctx)?),
            false => None,
        };
        Ok(Versus::new(&first, &second, tally.as_ref()))
    }

    /// Both run once more, row by row, for the interval of their difference.
    fn tally(&self, a: &[String], b: &[String], ctx: &WorkCtx) -> Result<Tally, QueryError> {
        let replaced = |specs: &[String]| self.replaced(specs, ctx);
        let (a, b) = (replaced(a)?, replaced(b)?);
        self.with_runner(|runner| {
            let [a, b] = [runner.constants(&a)?, runner.constants(&b)?];
            Ok(compare_models(runner, (&a, &b), ctx)?)
        })
    }
}

impl Session {
    /// What the present recipe is compared with; `None` where nothing is held.
    pub fn rival(&self) -> Option<&Rival> {
        self.rival.as_ref()
    }

    /// How a layer is quantized under A.
    pub fn rival_choice(&self, layer_idx: usize) -> Option<SchemeChoice> {
        let layer = self.network()?.layers.get(layer_idx)?;
        Some(self.rival.as_ref()?.recipe.choice(&layer.name))
    }

    /// The settings of all layers under A, in order; made once for a network.
    fn rival_specs(&self) -> Option<Arc<[String]>> {
        let rival = self.rival.as_ref()?;
        let network = self.network()?;
        let mut known = self.rival_specs.borrow_mut();
        if let Some((id, specs)) = &*known
            && *id == self.network_id
        {
            return Some(Arc::clone(specs));
        }
        let choices = network.layers.iter().map(|layer| rival.recipe.choice(&layer.name));
        let specs: Arc<[String]> = choices.map(|choice| choice.to_string()).collect();
        *known = Some((self.network_id, Arc::clone(&specs)));
        Some(specs)
    }

    /// Layers that A and B set differently, in order; `None` where nothing is held.
    pub fn differing_layers(&self) -> Option<Vec<usize>> {
        let of_rival = self.rival_specs()?;
        let layers = of_rival.iter().enumerate();
        Some(layers.filter(|(idx, spec)| **spec != self.spec(*idx)).map(|(idx, _)| idx).collect())
    }

    /// Size of the model under A, as far as it is known; `None` where nothing is held.
    pub fn rival_size(&self) -> Option<KnownSize> {
        let specs = self.rival_specs()?;
        let spec_of = |layer_idx: usize| specs.get(layer_idx).cloned().unwrap_or_default();
        self.size_of(spec_of, |layer_idx| {
            self.rival_choice(layer_idx).unwrap_or_else(SchemeChoice::float)
        })
    }

    /// The error of a layer under A, measured when there is time; `None` where nothing is held.
    pub fn rival_figures(&self, layer_idx: usize) -> Option<Loaded<LayerFigures>> {
        let spec = self.rival_specs()?.get(layer_idx)?.clone();
        let query = Query::Figures { network: self.network_id, layer_idx, spec };
        Some(self.ask_later(query, super::figures::figures_of))
    }

    /// The error of a layer under any scheme, measured when there is time.
    pub fn figures_under(&self, layer_idx: usize, choice: &SchemeChoice) -> Loaded<LayerFigures> {
        let spec = choice.to_string();
        let query = Query::Figures { network: self.network_id, layer_idx, spec };
        self.ask_later(query, super::figures::figures_of)
    }

    /// Both recipes on the samples; `None` where nothing is held.
    pub fn versus(&self) -> Option<Loaded<Versus>> {
        let query = Query::Versus {
            network: self.network_id,
            samples: self.samples_id,
            a: self.rival_specs()?,
            b: self.specs(),
        };
        Some(self.ask(query, |answer| match answer {
            Answer::Versus(versus) => Some(versus),
            _ => None,
        }))
    }

    pub(super) fn set_rival(&mut self, choice: Option<RivalChoice>) {
        self.rival_specs.take();
        let Some(choice) = choice else {
            self.rival = None;
            return;
        };
        let (name, recipe) = match choice {
            RivalChoice::Float => ("float".to_owned(), Recipe::default()),
            RivalChoice::Present => (self.present_name(), self.plan.recipe.clone()),
            RivalChoice::Tried(id) => match self.tried.get(id) {
                Some(tried) => (tried.label(), tried.recipe.clone()),
                None => return,
            },
            RivalChoice::Everywhere(choice) => {
                let network = self.network().cloned();
                let layers = network.iter().flat_map(|network| network.default_layers());
                let names: Vec<&str> = layers.map(|layer| layer.name.as_str()).collect();
                (everywhere(&choice), Recipe::uniform(names, &choice))
            }
        };
        self.rival = Some(Rival { name, recipe, is_swapped: false });
    }

    /// What B is called: as it was tried, else after the step that led to it.
    pub fn present_name(&self) -> String {
        let present = self.present_tried().map(super::tried::Tried::label);
        present.unwrap_or_else(|| match self.history.undo_label() {
            Some(label) => label.to_owned(),
            None => "as opened".to_owned(),
        })
    }

    /// A becomes the present recipe and the present one A, as one step.
    pub(super) fn swap_rival(&mut self) {
        let Some(rival) = self.rival.clone() else {
            let text = "nothing is held to compare with; hold the present recipe first";
            return self.notify(NoticeKind::Warning, text.to_owned());
        };
        let held = Rival {
            name: self.present_name(),
            recipe: self.plan.recipe.clone(),
            is_swapped: !rival.is_swapped,
        };
        let plan = Plan { recipe: self.whole(&rival.recipe), ..self.plan.clone() };
        self.change(&format!("A/B: {}", rival.name), plan, super::Gesture::Once);
        self.rival_specs.take();
        self.rival = Some(held);
    }

    /// A recipe that speaks of every layer the present one speaks of.
    pub(super) fn whole(&self, recipe: &Recipe) -> Recipe {
        let mut whole = recipe.clone();
        for name in self.plan.recipe.layers().filter(|name| recipe.get(name).is_none()) {
            whole.set(name, SchemeChoice::float());
        }
        whole
    }
}
