//! A session as it is written down: everything a person would miss, and its JSON.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::figures::{FiguresJson, PlanMark};
use crate::model::FoldMode;
use crate::quant::{Recipe, RuleError, RuleJson, Rules, SchemeChoice, SpecError};
use crate::session::change::{FromTo, PlanChange};
use crate::session::critical::CriticalChoice;
use crate::session::fingerprint::Fingerprint;
use crate::session::history::{Edit, History, Plan};
use crate::session::steps::StateFigures;

const VERSION: u32 = 1;
/// Steps that are written on each side of the present one.
const MAX_STEPS: usize = 200;

/// The state of a session at one time.
#[derive(Clone, Debug)]
pub(in crate::session) struct Snapshot {
    /// As on the command line, with the whole path.
    pub model: String,
    pub title: String,
    pub fingerprint: Fingerprint,
    /// A sample set other than the model's own.
    pub samples: Option<PathBuf>,
    pub plan: Plan,
    pub history: History,
    /// Of the state before the first step and after each; those beyond the end are unknown.
    pub figures: Vec<StateFigures>,
    pub layer: Option<String>,
    /// Selected with it.
    pub also_selected: Vec<String>,
    pub channel_idx: Option<usize>,
    pub critical: CriticalChoice,
    /// How the window was arranged, in words of its own.
    pub arrangement: String,
}

/// A snapshot that was read back.
#[derive(Clone, Debug)]
pub(in crate::session) struct Saved {
    pub snapshot: Snapshot,
    pub when: SystemTime,
    /// Whether the session that wrote it was not closed.
    pub was_killed: bool,
    pub path: PathBuf,
}

/// Whether the session that writes goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::session) enum Ending {
    Running,
    Closed,
}

/// Why a file is not a session that can be gone on with.
#[derive(Debug, thiserror::Error)]
pub(super) enum SavedError {
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    #[error(transparent)]
    Spec(#[from] SpecError),
    #[error(transparent)]
    Rule(#[from] RuleError),
    /// Left alone: a newer program's.
    #[error("it has version {0}")]
    Version(u32),
}

#[derive(Serialize, Deserialize)]
struct SavedJson {
    quantscope_session: u32,
    closed: bool,
    saved_unix_us: u64,
    model: ModelJson,
    samples: Option<PathBuf>,
    fold_batch_norm: bool,
    layers: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    locked: BTreeSet<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    rules: Vec<RuleJson>,
    selected: SelectedJson,
    #[serde(default)]
    critical: CriticalChoice,
    n_done: usize,
    /// Of the state before the first step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    figures: Option<FiguresJson>,
    steps: Vec<StepJson>,
    #[serde(default)]
    arrangement: String,
}

#[derive(Serialize, Deserialize)]
struct ModelJson {
    path: String,
    title: String,
    fingerprint: Fingerprint,
}

#[derive(Serialize, Deserialize)]
struct SelectedJson {
    layer: Option<String>,
    channel: Option<usize>,
    /// Selected with the layer shown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    also: Vec<String>,
}

/// From what to what, by layer; a layer that a recipe did not name has `null`.
#[derive(Serialize, Deserialize)]
struct StepJson {
    label: String,
    layers: BTreeMap<String, (Option<String>, Option<String>)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fold_batch_norm: Option<(bool, bool)>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    locks: BTreeMap<String, bool>,
    /// Before and after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rules: Option<(Vec<RuleJson>, Vec<RuleJson>)>,
    /// Of the state after the step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    figures: Option<FiguresJson>,
}

impl Snapshot {
    /// Steps away from how the model was opened.
    pub fn n_changes(&self) -> usize {
        self.history.n_done()
    }

    pub(super) fn to_json(&self, ending: Ending) -> String {
        let n_done = self.history.n_done();
        let first = n_done.saturating_sub(MAX_STEPS);
        let edits: Vec<&Edit> =
            self.history.edits().skip(first).take(n_done - first + MAX_STEPS).collect();
        let changes: Vec<&PlanChange> = edits.iter().map(|edit| &edit.change).collect();
        let marks = marks(PlanMark::of(&self.plan), &changes, n_done - first);
        let mut figures = marks
            .into_iter()
            .enumerate()
            .map(|(place, mark)| FiguresJson::of(self.figures.get(first + place)?, mark));
        let opened_figures = figures.next().flatten();
        let recipe = &self.plan.recipe;
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let json = SavedJson {
            quantscope_session: VERSION,
            closed: ending == Ending::Closed,
            saved_unix_us: u64::try_from(since.as_micros()).unwrap_or(u64::MAX),
            model: ModelJson {
                path: self.model.clone(),
                title: self.title.clone(),
                fingerprint: self.fingerprint.clone(),
            },
            samples: self.samples.clone(),
            fold_batch_norm: self.plan.fold_mode == FoldMode::Fold,
            layers: recipe
                .layers()
                .map(|name| (name.to_owned(), recipe.choice(name).to_string()))
                .collect(),
            locked: self.plan.locked.clone(),
            rules: self.plan.rules.to_json(),
            selected: SelectedJson {
                layer: self.layer.clone(),
                channel: self.channel_idx,
                also: self.also_selected.clone(),
            },
            critical: self.critical.clone(),
            n_done: n_done - first,
            figures: opened_figures,
            steps: edits
                .iter()
                .zip(figures)
                .map(|(edit, figures)| StepJson {
                    figures,
                    ..StepJson::of(&edit.label, &edit.change)
                })
                .collect(),
            arrangement: self.arrangement.clone(),
        };
        serde_json::to_string_pretty(&json).unwrap_or_default()
    }
}

impl Saved {
    pub(super) fn from_json(text: &str, path: PathBuf) -> Result<Self, SavedError> {
        #[derive(Deserialize)]
        struct VersionJson {
            quantscope_session: u32,
        }
        let VersionJson { quantscope_session } = serde_json::from_str(text)?;
        if quantscope_session != VERSION {
            return Err(SavedError::Version(quantscope_session));
        }
        let json: SavedJson = serde_json::from_str(text)?;
        let mut recipe = Recipe::default();
        for (name, spec) in &json.layers {
            recipe.set(name, spec.parse()?);
        }
        let plan = Plan {
            recipe,
            rules: Rules::from_json(&json.rules)?,
            fold_mode: fold_mode(json.fold_batch_norm),
            locked: json.locked,
        };
        let mut written = vec![json.figures];
        let mut edits = Vec::new();
        for step in json.steps {
            let change = step.change()?;
            edits.push((step.label, change));
            written.push(step.figures);
        }
        let changes: Vec<&PlanChange> = edits.iter().map(|(_, change)| change).collect();
        let marks = marks(PlanMark::of(&plan), &changes, json.n_done);
        let figures = written.iter().zip(marks).map(|(figures, mark)| {
            figures.as_ref().map(|figures| figures.read(mark)).unwrap_or_default()
        });
        let snapshot = Snapshot {
            model: json.model.path,
            title: json.model.title,
            fingerprint: json.model.fingerprint,
            samples: json.samples,
            figures: figures.collect(),
            plan,
            history: History::restored(edits, json.n_done),
            layer: json.selected.layer,
            also_selected: json.selected.also,
            channel_idx: json.selected.channel,
            critical: json.critical,
            arrangement: json.arrangement,
        };
        let when =
            UNIX_EPOCH.checked_add(Duration::from_micros(json.saved_unix_us)).unwrap_or(UNIX_EPOCH);
        Ok(Self { snapshot, when, was_killed: !json.closed, path })
    }
}

impl StepJson {
    fn of(label: &str, change: &PlanChange) -> Self {
        let words = |choice: &Option<SchemeChoice>| choice.as_ref().map(ToString::to_string);
        let layers = change
            .layers
            .iter()
            .map(|(name, layer)| (name.clone(), (words(&layer.before), words(&layer.after))));
        let is_folded = |mode| mode == FoldMode::Fold;
        Self {
            label: label.to_owned(),
            layers: layers.collect(),
            fold_batch_norm: change.fold.map(|(from, to)| (is_folded(from), is_folded(to))),
            locks: change.locks.clone(),
            rules: change.rules.as_ref().map(|(from, to)| (from.to_json(), to.to_json())),
            figures: None,
        }
    }

    fn change(&self) -> Result<PlanChange, SavedError> {
        let choice = |spec: &Option<String>| spec.as_ref().map(|spec| spec.parse()).transpose();
        let rules = |(from, to): &(Vec<RuleJson>, Vec<RuleJson>)| {
            Ok::<_, RuleError>((Rules::from_json(from)?, Rules::from_json(to)?))
        };
        let mut change = PlanChange {
            rules: self.rules.as_ref().map(rules).transpose()?,
            fold: self.fold_batch_norm.map(|(from, to)| (fold_mode(from), fold_mode(to))),
            locks: self.locks.clone(),
            ..PlanChange::default()
        };
        for (name, (before, after)) in &self.layers {
            let layer = FromTo { before: choice(before)?, after: choice(after)? };
            change.layers.insert(name.clone(), layer);
        }
        Ok(change)
    }
}

/// The marks of the state before the first change and after each; `present` is that of the state in
/// which the first `n_done` are done.
fn marks(present: PlanMark, changes: &[&PlanChange], n_done: usize) -> Vec<PlanMark> {
    let (done, undone) = changes.split_at(n_done.min(changes.len()));
    let mut marks = vec![present];
    for change in done.iter().rev() {
        marks.push(marks.last().map_or(present, |mark| mark.across(change)));
    }
    marks.reverse();
    for change in undone {
        marks.push(marks.last().map_or(present, |mark| mark.across(change)));
    }
    marks
}

fn fold_mode(is_folded: bool) -> FoldMode {
    if is_folded { FoldMode::Fold } else { FoldMode::Keep }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::quant::Rule;
    use crate::session::command::Gesture;
    use crate::session::history::StepName;
    use crate::session::{ModelRef, open};

    /// A session with as many changes.
    pub fn snapshot(n_changes: usize) -> Snapshot {
        let opened = open(&ModelRef::default_sample(), FoldMode::Fold).unwrap();
        let plan = |idx: usize| {
            let bits = format!("int:bits={}", 2 + idx % 15);
            let recipe = Recipe::uniform(["stem"], &bits.parse().unwrap());
            let locked = (0..idx % 3).map(|nth| format!("layer {nth}")).collect();
            let rules = (0..idx % 4).map(|nth| {
                let pattern = format!("*.{nth}").parse().unwrap();
                Rule { pattern, choice: bits.parse().unwrap() }
            });
            let rules = Rules(rules.collect());
            Plan { recipe, rules, fold_mode: fold_mode(idx.is_multiple_of(2)), locked }
        };
        let mut history = History::default();
        for idx in 0..n_changes {
            let change = PlanChange::between(&plan(idx), &plan(idx + 1));
            history.record(StepName::OfChange(""), change, Gesture::Once);
        }
        Snapshot {
            model: "sample:digits".to_owned(),
            title: "Handwritten digits".to_owned(),
            fingerprint: Fingerprint::of(&opened.network.model),
            samples: Some("/sets/mine.safetensors".into()),
            plan: plan(n_changes),
            history,
            figures: Vec::new(),
            layer: Some("stem".to_owned()),
            also_selected: vec!["block1".to_owned()],
            channel_idx: Some(3),
            critical: CriticalChoice::Class("7".to_owned()),
            arrangement: "words of the window".to_owned(),
        }
    }

    #[test]
    fn a_session_comes_back() {
        let before = snapshot(5);
        let text = before.to_json(Ending::Running);
        let saved = Saved::from_json(&text, "a.json".into()).unwrap();
        let after = &saved.snapshot;
        assert!(saved.was_killed);
        assert_eq!((&after.plan, after.n_changes()), (&before.plan, 5));
        assert_eq!((after.layer.as_deref(), after.channel_idx), (Some("stem"), Some(3)));
        assert_eq!(after.critical, before.critical);
        assert_eq!((&after.samples, &after.arrangement), (&before.samples, &before.arrangement));
        let labels = |s: &Snapshot| s.history.edits().map(|e| e.label.clone()).collect::<Vec<_>>();
        assert_eq!(labels(after), labels(&before));
        let changes =
            |s: &Snapshot| s.history.edits().map(|e| e.change.clone()).collect::<Vec<_>>();
        assert_eq!(changes(after), changes(&before));
        let closed = before.to_json(Ending::Closed);
        assert!(!Saved::from_json(&closed, "a.json".into()).unwrap().was_killed);
    }

    #[test]
    fn a_long_history_is_cut_at_its_far_end() {
        let text = snapshot(900).to_json(Ending::Running);
        let saved = Saved::from_json(&text, "a.json".into()).unwrap();
        assert_eq!(saved.snapshot.n_changes(), MAX_STEPS);
        assert_eq!(saved.snapshot.history.undo_label(), snapshot(900).history.undo_label());
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["", "{", "{}", r#"{"quantscope_session": 2}"#, r#"{"quantscope_session": 1}"#]
        {
            assert!(Saved::from_json(text, "a.json".into()).is_err(), "{text}");
        }
        let wrong = snapshot(1).to_json(Ending::Running).replace("int:bits=3", "nf5");
        assert!(Saved::from_json(&wrong, "a.json".into()).unwrap_err().to_string().contains("nf5"));
    }
}
