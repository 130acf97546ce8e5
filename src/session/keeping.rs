//! What a session keeps and takes back: recipes in files, its own state, the models opened last.

use std::collections::{BTreeSet, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use super::apply::ErrandResult;
use super::critical::CriticalChoice;
use super::failure::Failure;
use super::history::Plan;
use super::keep::{Keep, KeepEvent, Keeper, Order, RecentFile, Saved, Snapshot, put_first};
use super::opening::{ModelRef, Opened, open};
use super::recipe_file::{RecipeFile, RecipeModel};
use super::reload::Reloaded;
use super::state::{Message, Notice, NoticeKind, Selection, Session};
use super::watch::file_name;
use crate::eval::SampleSet;
use crate::model::Network;
use crate::quant::Recipe;

/// A session that was left, offered to be gone on with.
#[derive(Clone, Debug)]
pub struct Recovery {
    /// Title of the model.
    pub model: String,
    /// As on the command line.
    pub reference: String,
    /// When it was written last.
    pub when: SystemTime,
    /// Steps away from how the model was opened.
    pub n_changes: usize,
    /// Whether the session ended without being closed.
    pub was_killed: bool,
    /// Whether the model's file is gone.
    pub is_missing: bool,
}

/// What is known of what is kept.
#[derive(Default)]
pub(super) struct Kept {
    pub(super) keeper: Option<Keeper>,
    is_starting: bool,
    /// Models opened so far: from the second on, only what was done to that model is offered.
    n_opened: usize,
    /// Questions for what was done to a model before that are not answered yet.
    n_searches: usize,
    pub(super) is_taking_back: bool,
    /// The open model is read anew: what was done to it stays in its file.
    pub(super) is_reloading: bool,
    saved: Option<Box<Saved>>,
    recovery: Option<Recovery>,
    recent: Vec<RecentFile>,
    arrangement: String,
    recovered_arrangement: Option<String>,
    /// Of the state that was handed over last.
    stamp: Option<Stamp>,
    /// Recipes read before the model that was asked for ahead of them.
    held: Vec<(u64, PathBuf, RecipeFile)>,
}

/// Changes when there is something to write.
#[derive(Clone, PartialEq)]
struct Stamp {
    networks: (u64, u64),
    step: (usize, u64),
    n_figures: usize,
    selection: Selection,
    also_selected: BTreeSet<usize>,
    critical: CriticalChoice,
    arrangement: String,
}

/// What an errand of this module brings back.
pub(super) enum KeptResult {
    Recovered(Result<Box<Recovered>, String>),
    Reloaded(Result<Box<Reloaded>, Failure>),
    RecipeRead(PathBuf, Box<Result<RecipeFile, Failure>>),
    RecipeWritten(Result<PathBuf, Failure>),
}

/// A session's model and samples, opened again.
pub(super) struct Recovered {
    opened: Opened,
    samples: Option<Result<Arc<SampleSet>, String>>,
    saved: Saved,
}

impl Session {
    /// Where the session keeps what outlives it; nowhere unless told.
    pub fn keep(&mut self, keep: Keep) {
        let Keep::In(home) = keep else { return };
        let (sender, wake) = (self.sender.clone(), Arc::clone(&self.wake));
        let tell = move |event| {
            if sender.send(Message::Kept(event)).is_ok() {
                wake();
            }
        };
        match Keeper::start(home, tell) {
            Ok(keeper) => {
                self.kept.keeper = Some(keeper);
                self.kept.is_starting = true;
            }
            Err(error) => {
                let text = format!("changes are not being saved: no thread for it: {error}");
                self.notify(NoticeKind::Warning, text);
            }
        }
    }

    /// A session left earlier that can be gone on with.
    pub fn recovery(&self) -> Option<&Recovery> {
        self.kept.recovery.as_ref()
    }

    /// The models opened last, those that are there first.
    pub fn recent(&self) -> &[RecentFile] {
        &self.kept.recent
    }

    /// Whether the session is written as it changes.
    pub fn is_kept(&self) -> bool {
        self.kept.keeper.is_some()
    }

    /// How the window is arranged, in words that only the window understands.
    pub fn set_arrangement(&mut self, arrangement: String) {
        self.kept.arrangement = arrangement;
    }

    /// The arrangement of a session that was gone on with, once.
    pub fn take_recovered_arrangement(&mut self) -> Option<String> {
        self.kept.recovered_arrangement.take()
    }

    /// Ends the session in order: its state is written and marked as closed. Without this it counts
    /// as ended by a crash.
    pub fn close(&mut self) {
        self.keep_state();
        if let Some(keeper) = self.kept.keeper.take() {
            keeper.order(Order::Close);
        }
    }

    pub(super) fn is_keep_starting(&self) -> bool {
        self.kept.is_starting || self.kept.n_searches > 0
    }

    /// Hands the state over to be written, if it is another than last time.
    pub(super) fn keep_state(&mut self) {
        if self.kept.keeper.is_none() || self.opened.is_none() {
            return;
        }
        let n_done = self.history.n_done();
        let stamp = Stamp {
            networks: (self.network_id, self.samples_id),
            step: (self.history.len(), self.history.state_id(n_done)),
            n_figures: self.known_figures.n_noted,
            selection: self.selection,
            also_selected: self.also_selected.clone(),
            critical: self.critical.clone(),
            arrangement: self.kept.arrangement.clone(),
        };
        if self.kept.stamp.as_ref() == Some(&stamp) {
            return;
        }
        self.kept.stamp = Some(stamp);
        let order = match self.snapshot() {
            Some(snapshot) if snapshot.is_worth_keeping() => Order::Save(Box::new(snapshot)),
            _ => Order::Forget,
        };
        if let Some(keeper) = &self.kept.keeper {
            keeper.order(order);
        }
    }

    pub(super) fn snapshot(&self) -> Option<Snapshot> {
        let opened = self.opened.as_ref()?;
        let is_own =
            |set: &Arc<SampleSet>| opened.eval.as_ref().is_some_and(|own| Arc::ptr_eq(own, set));
        let samples = self.samples().filter(|set| !is_own(set)).and_then(|set| set.path.clone());
        let layer = opened.network.layers.get(self.selection.layer_idx);
        Some(Snapshot {
            model: whole_reference(&opened.reference),
            title: opened.network.model.title.clone(),
            fingerprint: opened.fingerprint.clone(),
            samples: samples.map(|path| std::path::absolute(&path).unwrap_or(path)),
            plan: self.plan.clone(),
            history: self.history.clone(),
            figures: (0..=self.history.len())
                .map(|n_done| self.known_figures.of_state(self.history.state_id(n_done)))
                .collect(),
            layer: layer.map(|layer| layer.name.clone()),
            also_selected: self.names_of(&self.also_selected),
            channel_idx: self.selection.channel_idx,
            critical: self.critical.clone(),
            arrangement: self.kept.arrangement.clone(),
        })
    }

    fn names_of(&self, layers: &BTreeSet<usize>) -> Vec<String> {
        let network = self.network();
        let name = |&idx: &usize| Some(network?.layers.get(idx)?.name.clone());
        layers.iter().filter_map(name).collect()
    }

    /// Leaves what was done to the open model in a file of its own, before another is opened.
    pub(super) fn leave_model(&mut self) {
        self.keep_state();
        self.kept.stamp = None;
        if self.kept.is_reloading {
            return;
        }
        let order = if self.history.is_empty() { Order::Forget } else { Order::Leave };
        if let Some(keeper) = &self.kept.keeper {
            keeper.order(order);
        }
    }

    /// Asks what was done to the model before, and notes it among the recent ones.
    pub(super) fn note_opened(&mut self) {
        let Some(opened) = &self.opened else { return };
        self.kept.n_opened += 1;
        if self.kept.n_opened > 1 && !self.kept.is_taking_back {
            self.kept.recovery = None;
            self.kept.saved = None;
        }
        if let Some(keeper) = self.kept.keeper.as_ref().filter(|_| !self.kept.is_taking_back) {
            keeper.order(Order::Find(opened.fingerprint.clone()));
            self.kept.n_searches += 1;
        }
        let ModelRef::Path(path) = &opened.reference else { return };
        let file = RecentFile {
            path: std::path::absolute(path).unwrap_or_else(|_| path.clone()),
            title: opened.network.model.title.clone(),
            bytes: opened.network.model.store.total_bytes(),
            is_missing: false,
        };
        put_first(&mut self.kept.recent, file.clone());
        if let Some(keeper) = &self.kept.keeper {
            keeper.order(Order::AddRecent(file));
        }
    }

    pub(super) fn clear_recent(&mut self) {
        self.kept.recent.clear();
        if let Some(keeper) = &self.kept.keeper {
            keeper.order(Order::ClearRecent);
        }
    }

    pub(super) fn receive_kept(&mut self, event: KeepEvent) {
        match event {
            KeepEvent::Found { saved, recent } => {
                // What was opened meanwhile stands before what was kept.
                let opened = std::mem::replace(&mut self.kept.recent, recent);
                for file in opened.into_iter().rev() {
                    put_first(&mut self.kept.recent, file);
                }
                self.kept.recovery = saved.as_deref().map(Recovery::of);
                self.kept.saved = saved;
            }
            KeepEvent::Offer(found) => {
                self.kept.n_searches = self.kept.n_searches.saturating_sub(1);
                if let Some(found) = found {
                    self.offer(found);
                }
            }
            KeepEvent::Tried(sha256, kept) => self.take_tried(&sha256, kept),
            KeepEvent::Missing(missing) => self.note_missing(&missing),
            KeepEvent::Warning(text) => self.notify(NoticeKind::Warning, text),
        }
    }

    /// Offers what was done to the open model before. At a start with the sample, what was done last
    /// goes before it.
    fn offer(&mut self, found: Box<Saved>) {
        let Some(opened) = &self.opened else { return };
        let is_open = found.snapshot.fingerprint.difference(&opened.fingerprint).is_none();
        let is_sample = matches!(opened.reference, ModelRef::Builtin(_));
        if is_open && !(is_sample && self.kept.recovery.is_some()) {
            self.kept.recovery = Some(Recovery::of(&found));
            self.kept.saved = Some(found);
        }
    }

    fn note_missing(&mut self, missing: &HashSet<PathBuf>) {
        self.kept.is_starting = false;
        for file in &mut self.kept.recent {
            file.is_missing = missing.contains(&file.path);
        }
        self.kept.recent.sort_by_key(|file| file.is_missing);
        if let Some(recovery) = &mut self.kept.recovery {
            recovery.is_missing = missing.contains(Path::new(&recovery.reference));
        }
    }

    // --- Recovery ------------------------------------------------------------------------------

    pub(super) fn dismiss_recovery(&mut self) {
        self.kept.recovery = None;
        if let (Some(saved), Some(keeper)) = (self.kept.saved.take(), &self.kept.keeper) {
            keeper.order(Order::Dismiss(saved.path));
        }
    }

    /// Opens the model and samples of the session that was left; the offer stays until they are
    /// there.
    pub(super) fn start_recovering(&mut self) {
        let Some(saved) = self.kept.saved.as_deref().cloned() else { return };
        let label = format!("Opening {}", saved.snapshot.model);
        self.run_errand(&label, move |_| ErrandResult::Kept(KeptResult::Recovered(recover(saved))));
    }

    fn take_back(&mut self, recovered: Recovered) {
        let Recovered { opened, samples, saved } = recovered;
        let path = saved.path;
        let mut snapshot = saved.snapshot;
        if let Some(difference) = snapshot.fingerprint.difference(&opened.fingerprint) {
            snapshot.figures.clear();
            let text = format!(
                "{}: the model has changed since the session was saved ({difference})",
                snapshot.model
            );
            self.notify(NoticeKind::Warning, text);
        }
        self.kept.is_taking_back = true;
        self.show(opened);
        self.kept.is_taking_back = false;
        self.restore(snapshot, samples);
        self.kept.recovery = None;
        self.kept.saved = None;
        self.keep_state();
        if let Some(keeper) = &self.kept.keeper {
            keeper.order(Order::Replace(path));
        }
    }

    /// Brings back what was done to the model that is open now.
    pub(super) fn restore(
        &mut self,
        mut snapshot: Snapshot,
        samples: Option<Result<Arc<SampleSet>, String>>,
    ) {
        let missing = self.keep_known_layers(&mut snapshot.plan);
        if !missing.is_empty() {
            let names = listed(&missing);
            let text = format!("layers of the saved session that the model lacks: {names}");
            self.notify(NoticeKind::Warning, text);
        }
        self.history = snapshot.history;
        for (n_done, figures) in snapshot.figures.into_iter().enumerate() {
            self.known_figures.take_back(self.history.state_id(n_done), figures);
        }
        self.set_plan(snapshot.plan);
        self.critical = snapshot.critical;
        let layer_idx = snapshot.layer.and_then(|name| self.network()?.layer_idx(&name));
        if let Some(layer_idx) = layer_idx {
            self.selection = Selection { layer_idx, channel_idx: None };
            let also = snapshot.also_selected.iter();
            self.also_selected = also.filter_map(|name| self.network()?.layer_idx(name)).collect();
            let n_channels = self.shown_channels();
            self.selection.channel_idx = snapshot.channel_idx.filter(|idx| *idx < n_channels);
        }
        match samples {
            None => {}
            Some(Ok(samples)) => self.use_samples(samples),
            Some(Err(reason)) => self.notify(NoticeKind::Warning, reason),
        }
        self.kept.arrangement.clone_from(&snapshot.arrangement);
        self.kept.recovered_arrangement = Some(snapshot.arrangement);
    }

    /// Drops the layers that the open model does not have, and returns their names.
    fn keep_known_layers(&self, plan: &mut Plan) -> Vec<String> {
        let Some(network) = self.network() else { return Vec::new() };
        let (recipe, unknown) = known_part(&plan.recipe, network);
        plan.recipe = recipe;
        unknown
    }

    // --- Recipes -------------------------------------------------------------------------------

    pub(super) fn start_saving_recipe(&mut self, path: PathBuf) {
        let Some(file) = self.recipe_file() else {
            let text = format!("{}: no model is open whose recipe could be saved", path.display());
            return self.notify(NoticeKind::Failed, text);
        };
        self.run_errand(&format!("Saving {}", path.display()), move |_| {
            let written = file.write(&path).map_err(|error| Failure::of(&error));
            ErrandResult::Kept(KeptResult::RecipeWritten(written.map(|()| path)))
        });
    }

    pub(super) fn start_loading_recipe(&mut self, path: PathBuf) {
        self.run_errand(&format!("Opening {}", path.display()), move |_| {
            ErrandResult::Kept(KeptResult::read_recipe(path))
        });
    }

    pub(super) fn receive_kept_errand(&mut self, id: u64, result: KeptResult) {
        if !self.end_errand(id) {
            return;
        }
        match result {
            KeptResult::Recovered(Ok(recovered)) if id >= self.shown_errand => {
                self.shown_errand = id;
                self.take_back(*recovered);
            }
            KeptResult::Reloaded(Ok(reloaded)) if id >= self.shown_errand => {
                self.shown_errand = id;
                self.take_reloaded(*reloaded);
            }
            KeptResult::Reloaded(Err(failure)) => self.notify_failure(failure),
            KeptResult::Recovered(Ok(_)) | KeptResult::Reloaded(Ok(_)) => {}
            KeptResult::Recovered(Err(reason)) => self.notify(NoticeKind::Failed, reason),
            KeptResult::RecipeWritten(Err(failure)) => self.notify_failure(failure),
            KeptResult::RecipeWritten(Ok(path)) => {
                self.notify(NoticeKind::Done, format!("Saved the recipe to {}", path.display()));
            }
            KeptResult::RecipeRead(path, file) => match *file {
                Ok(file) => self.kept.held.push((id, path, file)),
                Err(failure) => self.notify_failure(failure),
            },
        }
        self.use_held_samples();
    }

    /// Takes the recipes for which nothing asked for earlier is still being opened.
    pub(super) fn use_held_recipes(&mut self, first_pending: u64) {
        for (id, path, file) in std::mem::take(&mut self.kept.held) {
            if id > first_pending {
                self.kept.held.push((id, path, file));
            } else if id > self.shown_errand
                && let Err(failure) = self.use_recipe(&path, &file)
            {
                let text = format!("{}: {}", path.display(), failure.text);
                self.notify_failure(Failure { text, ..failure });
            }
        }
    }

    /// Makes the layers that the model has as the recipe says, as one step.
    fn use_recipe(&mut self, path: &Path, file: &RecipeFile) -> Result<(), Failure> {
        let Some(opened) = &self.opened else {
            let model = file.model.as_ref().map_or("the model", |model| &model.title);
            return Err(format!("open {model} first, which the recipe is for").into());
        };
        let network = Arc::clone(&opened.network);
        let (recipe, unknown) = known_part(&file.recipe, &network);
        let n_known = recipe.layers().count();
        if n_known == 0 {
            return Err(nothing_applies(file, &unknown, &network));
        }
        let mut doubts = Vec::new();
        let mut details = None;
        if let Some(model) = &file.model
            && let Some(difference) = model.fingerprint.difference(&opened.fingerprint)
        {
            let RecipeModel { title, file, .. } = model;
            doubts.push(format!("it was made for another model, {title} ({file})"));
            details = Some(format!("{title}: {difference}"));
        }
        if !unknown.is_empty() {
            doubts.push(format!("the open model has no {}", listed(&unknown)));
        }
        let float: Vec<String> = network
            .default_layers()
            .filter(|layer| recipe.get(&layer.name).is_none())
            .map(|layer| layer.name.clone())
            .collect();
        if !float.is_empty() {
            doubts.push(format!("layers it does not name are float: {}", listed(&float)));
        }
        let fold_mode = file.fold_mode.unwrap_or(self.plan.fold_mode);
        let name = file_name(path);
        // A recipe is asked for as a whole, so it also changes what is locked.
        let plan = Plan { recipe, fold_mode, locked: self.plan.locked.clone() };
        self.change(&format!("Recipe {name}"), plan, super::Gesture::Once);
        if doubts.is_empty() {
            self.notify(NoticeKind::Done, format!("{name} is applied to {n_known} layers"));
        } else {
            let doubts = doubts.join("; ");
            let text = format!(
                "{name} is applied to {n_known} layers, but {doubts}; Edit › Undo takes it back"
            );
            let notice = Notice::new(NoticeKind::Warning, text);
            self.notices.push(Notice { details, ..notice });
        }
        Ok(())
    }
}

impl Recovery {
    fn of(saved: &Saved) -> Self {
        Self {
            model: saved.snapshot.title.clone(),
            reference: saved.snapshot.model.clone(),
            when: saved.when,
            n_changes: saved.snapshot.n_changes(),
            was_killed: saved.was_killed,
            is_missing: false,
        }
    }
}

impl Snapshot {
    /// Whether it is other than what a new session starts with.
    fn is_worth_keeping(&self) -> bool {
        let is_first = self.model == ModelRef::default_sample().label();
        !is_first || self.samples.is_some() || !self.history.is_empty()
    }
}

impl KeptResult {
    pub(super) fn read_recipe(path: PathBuf) -> Self {
        let file = RecipeFile::read(&path).map_err(|error| Failure::of(&error));
        Self::RecipeRead(path, Box::new(file))
    }
}

fn recover(saved: Saved) -> Result<Box<Recovered>, String> {
    let snapshot = &saved.snapshot;
    let opened = ModelRef::parse(&snapshot.model)
        .and_then(|reference| open(&reference, snapshot.plan.fold_mode))
        .map_err(|error| format!("the saved session cannot be gone on with: {error}"))?;
    let samples = snapshot
        .samples
        .as_ref()
        .map(|path| SampleSet::open(path).map(Arc::new).map_err(|error| error.to_string()));
    Ok(Box::new(Recovered { opened, samples, saved }))
}

/// The part of a recipe that speaks of the network's layers, and the names of the rest.
fn known_part(recipe: &Recipe, network: &Network) -> (Recipe, Vec<String>) {
    let mut known = Recipe::default();
    let mut unknown = Vec::new();
    for name in recipe.layers() {
        match network.layer_idx(name) {
            Some(_) => known.set(name, recipe.choice(name)),
            None => unknown.push(name.to_owned()),
        }
    }
    (known, unknown)
}

/// Why nothing of a recipe can be used, and what to do.
fn nothing_applies(file: &RecipeFile, unknown: &[String], network: &Network) -> Failure {
    if unknown.is_empty() {
        return "the recipe names no layers; save it anew with File › Save recipe…"
            .to_owned()
            .into();
    }
    let there: Vec<String> = network.layers.iter().map(|layer| layer.name.clone()).collect();
    let model = match &file.model {
        Some(model) => format!("{} ({})", model.title, model.file),
        None => "the model it was made for".to_owned(),
    };
    let there = if there.is_empty() { "none".to_owned() } else { listed(&there) };
    Failure {
        text: format!("the open model has none of the layers it names; open {model} first"),
        details: Some(format!("It names {}; the open model has {there}.", listed(unknown))),
    }
}

/// The first few of many names.
fn listed(names: &[String]) -> String {
    const MAX_NAMES: usize = 4;
    let first: Vec<&str> = names.iter().take(MAX_NAMES).map(String::as_str).collect();
    let more = names.len().saturating_sub(MAX_NAMES);
    let first = first.join(", ");
    if more == 0 { first } else { format!("{first} and {more} more") }
}

/// As on the command line, from wherever the program is started next.
fn whole_reference(reference: &ModelRef) -> String {
    match reference {
        ModelRef::Path(path) => {
            std::path::absolute(path).unwrap_or_else(|_| path.clone()).display().to_string()
        }
        ModelRef::Builtin(_) => reference.label(),
    }
}
