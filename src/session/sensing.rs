//! What every layer costs at every bit width: measured on samples that do not judge, once for a model,
//! its samples and a candidate; found again in the next session.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use serde::{Deserialize, Serialize};

use super::answers::Entry;
use super::keep::write_atomically;
use super::loaded::Loaded;
use super::opening::Opened;
use super::query::{Answer, Query};
use super::sample_mark::SampleMark;
use super::search_samples::SearchSamples;
use super::state::{NoticeKind, Session};
use super::workshop::{QueryError, Workshop, lock};
use crate::base::WorkCtx;
use crate::eval::{
    EvalError, Runner, SampleSet, Sensitivity, SensitivityRequest, Split, SweepError,
    measure_sensitivity,
};
use crate::model::FoldMode;
use crate::quant::schemes::int::Int;
use crate::quant::{SchemeChoice, SettingValue, SpecError};

/// Which samples choices are made with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SearchSource {
    /// The calibration set, else the train set, else a half of the set that judges.
    #[default]
    Best,
    Calibration,
    Train,
    /// A class-balanced half of the set that accuracy is measured on.
    HalfOfShown,
}

/// What is measured of every layer.
#[derive(Clone, Debug, PartialEq)]
pub struct SenseSettings {
    /// Every candidate is this scheme at one of the widths.
    pub scheme: SchemeChoice,
    pub bits: Vec<i64>,
    /// Samples to measure on; all if `None`.
    pub limit: Option<usize>,
    pub source: SearchSource,
}

impl Default for SenseSettings {
    fn default() -> Self {
        Self {
            scheme: per_channel(),
            bits: vec![2, 3, 4, 5, 6, 8],
            limit: Some(500),
            source: SearchSource::Best,
        }
    }
}

/// One scale a channel: what every runtime has, and what narrow codes need.
fn per_channel() -> SchemeChoice {
    let int = SchemeChoice::new(&Int);
    int.with("granularity", SettingValue::Choice("per-channel")).unwrap_or(int)
}

impl SenseSettings {
    /// The scheme at every width, each once.
    ///
    /// # Errors
    /// A width that the scheme does not have; a scheme without bits to choose.
    pub fn candidates(&self) -> Result<Vec<SchemeChoice>, SpecError> {
        let mut candidates: Vec<SchemeChoice> = Vec::new();
        for &bits in &self.bits {
            let choice = self.scheme.with("bits", SettingValue::Int(bits))?;
            if !candidates.contains(&choice) {
                candidates.push(choice);
            }
        }
        Ok(candidates)
    }

    /// The key of what is measured.
    pub(super) fn ask(&self) -> Result<SenseAsk, SpecError> {
        let specs = self.candidates()?.iter().map(ToString::to_string).collect();
        Ok(SenseAsk { specs, limit: self.limit, source: self.source })
    }
}

/// The same as a key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SenseAsk {
    pub specs: Arc<[String]>,
    pub limit: Option<usize>,
    pub source: SearchSource,
}

/// What was measured, and on what.
#[derive(Clone, Debug, PartialEq)]
pub struct Sensed {
    pub found: Sensitivity,
    /// Which samples, for a person.
    pub told: String,
    /// Whether nothing had to be run: it was measured before.
    pub was_known: bool,
}

/// Where choices are made: the samples, the network ready to run over them, what is known.
pub(super) struct SearchRoom {
    opened: Option<Opened>,
    /// Folder of what was measured in other sessions.
    store: Option<PathBuf>,
    searching: Mutex<Option<Searching>>,
}

/// One choice of samples.
pub(super) struct Searching {
    source: SearchSource,
    pub samples: SearchSamples,
    pub runner: Runner,
    mark: SampleMark,
    /// By the number of samples asked for.
    known: Vec<(Option<usize>, Sensitivity)>,
}

impl SearchRoom {
    pub fn new(opened: Option<Opened>, store: Option<PathBuf>) -> Self {
        Self { opened, store, searching: Mutex::default() }
    }
}

/// The file of what was measured.
#[derive(Serialize, Deserialize)]
struct SensitivityJson {
    quantscope_sensitivity: u32,
    /// Version of the program that measured; another one measures anew.
    program: String,
    sensitivity: Sensitivity,
}

const VERSION: u32 = 1;

impl Workshop {
    /// Runs `work` with the samples that choices are made with.
    pub(super) fn with_search<T>(
        &self,
        source: SearchSource,
        work: impl FnOnce(&mut Searching) -> Result<T, QueryError>,
    ) -> Result<T, QueryError> {
        let mut searching = lock(&self.search.searching);
        if searching.as_ref().is_none_or(|searching| searching.source != source) {
            *searching = None;
        }
        match &mut *searching {
            Some(searching) => work(searching),
            empty => work(empty.insert(self.start_search(source)?)),
        }
    }

    fn start_search(&self, source: SearchSource) -> Result<Searching, QueryError> {
        if self.network.graph.is_none() {
            return Err(EvalError::NoGraph.into());
        }
        let samples = self.search_samples(source)?;
        let mark = SampleMark::of(&samples.set);
        let (network, set) = (Arc::clone(&self.network), Arc::clone(&samples.set));
        let runner = Runner::on_part(network, set, samples.part)?;
        Ok(Searching { source, samples, runner, mark, known: Vec::new() })
    }

    fn search_samples(&self, source: SearchSource) -> Result<SearchSamples, QueryError> {
        let shown = || self.samples.clone().map(SearchSamples::of);
        let beside = |split| -> Result<Option<SearchSamples>, QueryError> {
            let found = self.search.opened.as_ref().and_then(|opened| opened.find_set(split));
            let set = found.transpose().map_err(EvalError::from)?;
            Ok(set.map(|set: SampleSet| SearchSamples::of(Arc::new(set))))
        };
        let found = match source {
            SearchSource::HalfOfShown => shown(),
            SearchSource::Calibration => beside(Split::Calibration)?,
            SearchSource::Train => beside(Split::Train)?,
            SearchSource::Best => match beside(Split::Calibration)? {
                Some(samples) => Some(samples),
                None => beside(Split::Train)?.or_else(shown),
            },
        };
        found.ok_or(match source {
            SearchSource::Calibration => QueryError::NoSet("calibration"),
            SearchSource::Train => QueryError::NoSet("train"),
            SearchSource::Best | SearchSource::HalfOfShown => QueryError::NoSamples,
        })
    }

    /// Every layer under every candidate, as far as it is not known yet.
    pub(super) fn sensed(
        &self,
        ask: &SenseAsk,
        ctx: &WorkCtx,
        on_partial: impl Fn(Answer) + Sync,
    ) -> Result<Sensed, QueryError> {
        let candidates: Vec<SchemeChoice> =
            ask.specs.iter().map(|spec| spec.parse()).collect::<Result<_, _>>()?;
        self.with_search(ask.source, |searching| {
            let told = searching.samples.told();
            let known = self.known(searching, ask.limit);
            let was_known = known.as_ref().is_some_and(|known| {
                known.is_complete() && candidates.iter().all(|c| known.column(c).is_some())
            });
            let request = SensitivityRequest {
                candidates: &candidates,
                limit: ask.limit,
                known: known.as_ref(),
            };
            let found = measure_sensitivity(&searching.runner, &request, ctx, |partial| {
                let sensed = Sensed { found: partial.clone(), told: told.clone(), was_known };
                on_partial(Answer::Sensitivity(Arc::new(sensed)));
            })?;
            if !was_known {
                let whole = match known {
                    Some(known) => known.joined(&found),
                    None => found.clone(),
                };
                self.note_sensitivity(searching, ask.limit, whole);
            }
            Ok(Sensed { found, told, was_known })
        })
    }

    fn known(&self, searching: &Searching, limit: Option<usize>) -> Option<Sensitivity> {
        let here = searching.known.iter().find(|(of, _)| *of == limit);
        here.map(|(_, known)| known.clone()).or_else(|| {
            let text = std::fs::read_to_string(self.sensitivity_path(searching, limit)?).ok()?;
            let json: SensitivityJson = serde_json::from_str(&text).ok()?;
            let is_ours =
                json.quantscope_sensitivity == VERSION && json.program == env!("CARGO_PKG_VERSION");
            is_ours.then_some(json.sensitivity)
        })
    }

    fn note_sensitivity(
        &self,
        searching: &mut Searching,
        limit: Option<usize>,
        whole: Sensitivity,
    ) {
        if let Some(path) = self.sensitivity_path(searching, limit) {
            let json = SensitivityJson {
                quantscope_sensitivity: VERSION,
                program: env!("CARGO_PKG_VERSION").to_owned(),
                sensitivity: whole.clone(),
            };
            let text = serde_json::to_string(&json).unwrap_or_default();
            let folder = path.parent().map_or(Ok(()), std::fs::create_dir_all);
            // What cannot be kept is measured again.
            if let Err(error) = folder.and_then(|()| write_atomically(&path, text.as_bytes())) {
                log::warn!("{}: {error}", path.display());
            }
        }
        searching.known.retain(|(of, _)| *of != limit);
        searching.known.push((limit, whole));
    }

    /// Named after everything the figures depend on but the candidates.
    fn sensitivity_path(&self, searching: &Searching, limit: Option<usize>) -> Option<PathBuf> {
        let (store, opened) = (self.search.store.as_ref()?, self.search.opened.as_ref()?);
        let model = opened.fingerprint.sha256.get(..16)?;
        let fold = match self.network.fold_mode {
            FoldMode::Fold => "folded",
            FoldMode::Keep => "kept",
        };
        let n = limit.map_or_else(|| "all".to_owned(), |limit| limit.to_string());
        let (mark, part) = (searching.mark.text(), searching.samples.part.id());
        Some(store.join(format!("{model}-{fold}-{mark}-{part}-{n}.json")))
    }
}

impl Session {
    /// What every layer costs at every bit width. Asking begins the measurement, which then goes on
    /// whether or not anybody looks, and waits while a person waits for something else.
    pub fn sensitivity(&self) -> Loaded<Sensed> {
        let query = match self.sense_query() {
            Ok(query) => query,
            Err(error) => return Loaded::Failed(error.to_string()),
        };
        self.ask(query, sensed_of)
    }

    /// The same as far as it is known, without asking for it.
    pub fn known_sensitivity(&self) -> Option<Arc<Sensed>> {
        let answer = match self.answers.get(&self.sense_query().ok()?)? {
            Entry::Ready(answer) => answer,
            Entry::Running(running) => running.partial.as_ref()?,
            Entry::Failed(_) => return None,
        };
        sensed_of(answer.clone())
    }

    /// How far the measurement is, without asking for it; `None` where it was not asked for.
    pub fn sensing(&self) -> Option<Loaded<Sensed>> {
        let query = self.sense_query().ok()?;
        self.answers.contains(&query).then(|| self.look_up(&query, sensed_of))
    }

    pub fn sense_settings(&self) -> &SenseSettings {
        &self.sense
    }

    /// Other candidates or samples; what is being measured of the last ones is let go.
    pub(super) fn set_sense(&mut self, settings: SenseSettings) {
        if let Err(error) = settings.candidates() {
            return self.notify(NoticeKind::Failed, error.to_string());
        }
        self.sense = settings;
        self.stop_studies();
    }

    /// Lets go of what goes on unlooked at and is not what was asked for last.
    pub(super) fn stop_studies(&mut self) {
        let wanted = [self.sense_query().ok(), self.proposal_query().and_then(Result::ok)];
        let queue = &self.queue;
        self.answers.stop_unless(|query, running| {
            let is_kept = !query.goes_on() || wanted.iter().flatten().any(|wanted| wanted == query);
            if !is_kept {
                running.ctx.cancel();
                queue.remove(running.job_id);
            }
            is_kept
        });
    }

    fn sense_query(&self) -> Result<Query, SpecError> {
        let ask = self.sense.ask()?;
        Ok(Query::Sensitivity { network: self.network_id, samples: self.samples_id, ask })
    }
}

fn sensed_of(answer: Answer) -> Option<Arc<Sensed>> {
    match answer {
        Answer::Sensitivity(sensed) => Some(sensed),
        _ => None,
    }
}

impl From<SweepError> for QueryError {
    fn from(error: SweepError) -> Self {
        match error {
            SweepError::Recipe(error) => error.into(),
            SweepError::Eval(error) => error.into(),
        }
    }
}
