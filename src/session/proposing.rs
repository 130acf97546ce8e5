//! A mix of bit widths proposed for a size or an accuracy, with what it is worth on samples that had
//! no part in the choice.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use super::command::Gesture;
use super::history::StepName;
use super::loaded::Loaded;
use super::query::{Answer, Query};
use super::search_samples::SearchSamples;
use super::sensing::SenseAsk;
use super::state::{NoticeKind, Session};
use super::tried::PROPOSED;
use super::workshop::{QueryError, Workshop};
use crate::base::{WorkCtx, bytes, fixed, percent, significant};
use crate::eval::{
    Budget, CandidateWeights, CriticalFloor, Metric, Proposal, ProposeError, ProposeRequest,
    Runner, SamplePart, SampleSet, Sensitivity, Tally, compare_models, propose,
};
use crate::quant::{SchemeChoice, SpecError};

/// What a mix is proposed for; at least one of both.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProposalSettings {
    pub budget: Option<Budget>,
    /// The metric to be reached on the search samples: at least, a perplexity at most.
    pub floor: Option<f64>,
    /// A class, and the share of its search samples that has to be right.
    pub critical_floor: Option<(String, f64)>,
    /// Layers that stay as they are; the session puts the locked ones here.
    pub held: Vec<(String, SchemeChoice)>,
    /// Candidates that every layer may get; those behind them are held ones. The session counts them.
    pub n_offered: usize,
}

impl ProposalSettings {
    /// In a few words: what it is for.
    pub fn told(&self, metric: Metric) -> String {
        let budget = self.budget.map(|budget| match budget {
            Budget::BitsPerWeight(bits) => format!("{} bits a weight", fixed(bits, 2)),
            Budget::Bytes(n_bytes) => bytes(n_bytes),
            Budget::Microjoules(energy) => format!("{} µJ", significant(energy, 4)),
        });
        let floor = self.floor.map(|floor| match metric {
            Metric::Perplexity => format!("perplexity {}", fixed(floor, 3)),
            Metric::Top1 | Metric::Agreement => percent(floor, 1),
        });
        let recall = self.critical_floor.as_ref();
        let recall =
            recall.map(|(class, recall)| format!("recall of {class} {}", percent(*recall, 1)));
        let wishes: Vec<String> = budget.into_iter().chain(floor).chain(recall).collect();
        format!("for {}", wishes.join(" and "))
    }
}

/// What was asked for, with the candidates and samples of then: other ones ask for nothing anew.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    settings: ProposalSettings,
    sense: Result<SenseAsk, SpecError>,
}

/// The same as a key: settings that read alike are the same.
#[derive(Clone, Debug)]
pub struct ProposalKey {
    settings: ProposalSettings,
    text: String,
}

impl ProposalKey {
    fn new(settings: ProposalSettings) -> Self {
        let text = format!("{settings:?}");
        Self { settings, text }
    }

    pub fn settings(&self) -> &ProposalSettings {
        &self.settings
    }
}

impl PartialEq for ProposalKey {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for ProposalKey {}

impl Hash for ProposalKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

/// A mix, why, and what it is worth.
#[derive(Clone, Debug, PartialEq)]
pub struct Proposed {
    pub settings: ProposalSettings,
    pub metric: Metric,
    /// Names of the layers that had a choice.
    pub layers: Vec<String>,
    pub candidates: Vec<SchemeChoice>,
    pub proposal: Proposal,
    /// Which samples it was chosen with, for a person.
    pub told: String,
    /// `None` without samples to judge with.
    pub judged: Option<Judged>,
}

impl Proposed {
    /// What it makes of every layer that had a choice.
    pub fn choices(&self) -> Vec<(String, SchemeChoice)> {
        let choice = |chosen: &Option<usize>| {
            chosen
                .and_then(|idx| self.candidates.get(idx))
                .cloned()
                .unwrap_or_else(SchemeChoice::float)
        };
        let layers = self.layers.iter().cloned();
        layers.zip(self.proposal.chosen.iter().map(choice)).collect()
    }
}

/// A mix on samples that had no part in choosing it.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    /// Name of the set.
    pub set: String,
    pub part: SamplePart,
    pub against_float: Tally,
    /// Against the best single width that is as small.
    pub against_uniform: Option<Tally>,
}

impl Judged {
    /// Runs a proposal once on the part of `samples` that had no part in the choice.
    ///
    /// # Errors
    /// A model that cannot be run; cancelled.
    pub fn measure(
        runner: &Runner,
        part: SamplePart,
        (weights, proposal): (&CandidateWeights, &Proposal),
        ctx: &WorkCtx,
    ) -> Result<Self, crate::eval::EvalError> {
        let network = runner.network();
        let constants =
            |chosen: &[Option<usize>]| runner.constants(&weights.overlay(network, chosen));
        let mix = constants(&proposal.chosen)?;
        let float = constants(&vec![None; proposal.chosen.len()])?;
        let against_float = compare_models(runner, (&float, &mix), ctx)?;
        let against_uniform = match &proposal.uniform {
            Some(uniform) => {
                let uniform = constants(&uniform.trial.chosen)?;
                Some(compare_models(runner, (&uniform, &mix), ctx)?)
            }
            None => None,
        };
        Ok(Self { set: runner.samples().name.clone(), part, against_float, against_uniform })
    }
}

/// The layers that stay as they are, by their place among those measured.
fn held(settings: &ProposalSettings, found: &Sensitivity) -> Vec<(usize, Option<usize>)> {
    let place = |(name, choice): &(String, SchemeChoice)| {
        let layer = found.layers.iter().position(|layer| layer.name == *name)?;
        Some((layer, found.columns.iter().position(|column| column.choice == *choice)))
    };
    settings.held.iter().filter_map(place).collect()
}

/// The class of that name in the samples that the choice is made with.
fn critical_floor(
    settings: &ProposalSettings,
    set: &SampleSet,
) -> Result<Option<CriticalFloor>, QueryError> {
    let Some((class, recall)) = &settings.critical_floor else { return Ok(None) };
    let classes = set.classes.as_deref().unwrap_or_default();
    let Some(class_idx) = classes.iter().position(|name| name == class) else {
        let words = format!("{} has no class {class:?}; choose other samples", set.name);
        return Err(QueryError::Words(words));
    };
    Ok(Some(CriticalFloor { class_idx, recall: *recall }))
}

impl Workshop {
    pub(super) fn proposed(
        &self,
        ask: &SenseAsk,
        settings: &ProposalSettings,
        ctx: &WorkCtx,
    ) -> Result<Proposed, QueryError> {
        // Measured under its own key, so that it is found where the sensitivities are shown.
        let sensed = self.sensed(ask, ctx, |_| {})?;
        let candidates: Vec<SchemeChoice> =
            sensed.found.columns.iter().map(|column| column.choice.clone()).collect();
        let weights = CandidateWeights::new(&self.network, &candidates, ctx)?;
        let (proposal, part) = self.with_search(ask.source, |searching| {
            let held = held(settings, &sensed.found);
            let request = ProposeRequest {
                budget: settings.budget,
                floor: settings.floor,
                critical_floor: critical_floor(settings, &searching.samples.set)?,
                held: &held,
                n_offered: settings.n_offered,
                limit: ask.limit,
                ..ProposeRequest::new(&sensed.found, &weights)
            };
            let proposal = propose(&searching.runner, &request, ctx)?;
            Ok((proposal, self.judging_part(&searching.samples)))
        })?;
        let judged = match &self.samples {
            None => None,
            Some(samples) => {
                let (network, set) = (Arc::clone(&self.network), Arc::clone(samples));
                let runner = Runner::on_part(network, set, part)?;
                Some(Judged::measure(&runner, part, (&weights, &proposal), ctx)?)
            }
        };
        Ok(Proposed {
            settings: settings.clone(),
            metric: sensed.found.metric,
            layers: sensed.found.layers.iter().map(|layer| layer.name.clone()).collect(),
            candidates,
            proposal,
            told: sensed.told,
            judged,
        })
    }

    /// What of the samples shown had no part in the search.
    fn judging_part(&self, search: &SearchSamples) -> SamplePart {
        let is_shown = self.samples.as_ref().is_some_and(|shown| Arc::ptr_eq(shown, &search.set));
        if is_shown { search.judging_part() } else { SamplePart::All }
    }
}

impl Session {
    /// The mix that was asked for last; `None` before.
    pub fn proposal(&self) -> Option<Loaded<Proposed>> {
        let query = match self.proposal_query()? {
            Ok(query) => query,
            Err(error) => return Some(Loaded::Failed(error.to_string())),
        };
        Some(self.ask(query, |answer| match answer {
            Answer::Proposal(proposed) => Some(proposed),
            _ => None,
        }))
    }

    pub(super) fn proposal_query(&self) -> Option<Result<Query, SpecError>> {
        let Asked { settings, sense } = self.proposing.clone()?;
        let settings = ProposalKey::new(settings);
        let (network, samples) = (self.network_id, self.samples_id);
        Some(sense.map(|sense| Query::Proposal { network, samples, sense, settings }))
    }

    pub(super) fn use_proposal(&mut self) {
        let Some(Loaded::Ready(proposed)) = self.proposal() else {
            let text = "there is no proposal yet; ask for one first";
            return self.notify(NoticeKind::Warning, text.to_owned());
        };
        let label = format!("{PROPOSED} {}", proposed.settings.told(proposed.metric));
        self.choose(StepName::Given(&label), proposed.choices(), Gesture::Once);
    }

    fn locked_choices(&self) -> Vec<(String, SchemeChoice)> {
        let locked = self.plan.locked.iter();
        locked.map(|name| (name.clone(), self.plan.recipe.choice(name))).collect()
    }

    pub(super) fn set_proposing(&mut self, settings: Option<ProposalSettings>) {
        let held = self.locked_choices();
        let mut sense = self.sense.ask();
        let n_offered = sense.as_ref().map_or(0, |ask| ask.specs.len());
        // What a locked layer has is measured as well, wherever it is no candidate.
        if let Ok(ask) = &mut sense {
            let more = held.iter().filter(|(_, choice)| !choice.keeps_float());
            let mut specs = ask.specs.to_vec();
            for spec in more.map(|(_, choice)| choice.to_string()) {
                if !specs.contains(&spec) {
                    specs.push(spec);
                }
            }
            ask.specs = specs.into();
        }
        self.proposing = settings.map(|settings| {
            let settings = ProposalSettings { held, n_offered, ..settings };
            Asked { settings, sense }
        });
        self.stop_studies();
    }

    /// What a mix was asked for last.
    pub fn proposal_settings(&self) -> Option<&ProposalSettings> {
        self.proposing.as_ref().map(|asked| &asked.settings)
    }
}

impl From<ProposeError> for QueryError {
    fn from(error: ProposeError) -> Self {
        match error {
            ProposeError::Run(error) => error.into(),
            error => Self::Words(error.to_string()),
        }
    }
}
