//! Commands put into effect: the recipe, the selection, what is opened.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::change::PlanChange;
use super::command::{Command, Gesture};
use super::content::PathContent;
use super::critical::CriticalChoice;
use super::exporting::Exported;
use super::failure::Failure;
use super::history::{History, Plan, StepName};
use super::job::{Job, Lane};
use super::keeping::KeptResult;
use super::opening::{ModelRef, Opened, open};
use super::sensing::SearchRoom;
use super::serving::Pace;
use super::state::{Errand, Message, Notice, NoticeKind, Selection, Session};
use super::workshop::Workshop;
use crate::base::WorkCtx;
use crate::eval::{SampleSet, kept_axis};
use crate::model::{FoldMode, LayerRole, Network};
use crate::quant::schemes::int::Int;
use crate::quant::{Recipe, SchemeChoice};

impl Session {
    /// Applies a change.
    #[expect(clippy::too_many_lines, reason = "a table: one line for each command")]
    pub fn apply(&mut self, command: Command) {
        match command {
            Command::Open(reference) => self.start_opening(reference),
            Command::OpenSamples(path) => self.start_opening_samples(&path),
            Command::UseOwnSamples => self.use_own_samples(),
            Command::OpenAny(path) => self.start_opening_any(&path),
            Command::OpenSeveral(paths) => self.start_opening_several(paths),
            Command::StartImport(path) => self.start_import(&path),
            Command::SetImport(settings) => self.set_import(*settings),
            Command::FinishImport { save_to } => self.finish_import(save_to),
            Command::CancelImport => self.cancel_import(),
            Command::SetChoice { layer, choice, gesture } => {
                let label = choice.scheme().id().to_owned();
                self.set_choices(&label, vec![(layer, choice)], gesture);
            }
            Command::SetChoices { label, choices, gesture } => {
                self.set_choices(&label, choices, gesture);
            }
            Command::SetAllChoices(choice) => self.set_all_choices(&choice),
            Command::SetRules { label, rules } => self.set_rules(&label, rules),
            Command::ToggleLock => self.toggle_lock(),
            Command::SetLock { layer, lock } => self.set_locks(&[layer], lock),
            Command::ToggleLayer(layer_idx) => self.toggle_layer(layer_idx),
            Command::SelectLayersTo(layer_idx) => {
                let from = self.selection.layer_idx;
                self.select_layers((from.min(layer_idx)..=from.max(layer_idx)).collect());
            }
            Command::SelectLayers(layers) => self.select_layers(layers),
            Command::SetFold(fold_mode) => {
                let plan = Plan { fold_mode, ..self.plan.clone() };
                self.record(StepName::OfChange(""), plan, Gesture::Once);
            }
            Command::SelectLayer(layer_idx) => self.select_layer(layer_idx),
            Command::SelectWeight(element_idx) => {
                self.shown_weight = (self.selection.layer_idx, element_idx);
            }
            Command::SelectChannel(channel_idx) => {
                let n_channels = self.shown_channels();
                self.selection.channel_idx =
                    channel_idx.map(|idx| idx.min(n_channels.saturating_sub(1)));
            }
            Command::Undo => self.travel(History::undo),
            Command::Redo => self.travel(History::redo),
            Command::GoTo(n_done) => self.travel(|history, plan| history.go_to(n_done, plan)),
            Command::SetCritical(choice) => self.set_critical(choice),
            Command::SaveRecipe(path) => self.start_saving_recipe(path),
            Command::LoadRecipe(path) => self.start_loading_recipe(path),
            Command::Recover => self.start_recovering(),
            Command::DismissRecovery => self.dismiss_recovery(),
            Command::ClearRecent => self.clear_recent(),
            Command::CancelJob(id) => self.cancel(id),
            Command::Reload => self.start_reloading(),
            Command::KeepShown => self.keep_shown(),
            Command::SetPace(pace) => self.set_pace(pace),
            Command::SetActivationBudget(n_bytes) => self.activations.set_budget(n_bytes),
            Command::SetSense(settings) => self.set_sense(*settings),
            Command::Propose(settings) => self.set_proposing(settings),
            Command::UseProposal => self.use_proposal(),
            Command::RestoreTried(id) => self.restore_tried(id),
            Command::NameTried { id, name } => self.name_tried(id, &name),
            Command::PinTried { id, pin } => self.pin_tried(id, pin),
            Command::ForgetTried(id) => self.forget_tried(id),
            Command::SetRival(choice) => self.set_rival(choice),
            Command::SwapRival => self.swap_rival(),
            Command::Export(ask) => self.start_exporting(ask),
            Command::WriteReport(path) => self.start_reporting(path),
            Command::Retry => self.answers.forget_failures(),
        }
    }

    /// Along the history to another plan.
    fn travel(&mut self, step: impl FnOnce(&mut History, &Plan) -> Option<Plan>) {
        if let Some(plan) = step(&mut self.history, &self.plan) {
            self.adopt(plan);
        }
    }

    /// Channels of the selected layer along its kept axis.
    pub fn shown_channels(&self) -> usize {
        let layer_idx = self.selection.layer_idx;
        let layer = self.network().and_then(|network| network.layers.get(layer_idx));
        layer.map_or(0, |layer| {
            let axis = kept_axis(layer, &self.choice(layer_idx));
            layer.dims.get(axis).copied().unwrap_or(1)
        })
    }

    fn set_all_choices(&mut self, choice: &SchemeChoice) {
        let network = self.network().cloned();
        let layers = network.iter().flat_map(|network| network.default_layers());
        let choices = layers.map(|layer| (layer.name.clone(), choice.clone())).collect();
        self.set_choices(&choice.to_string(), choices, Gesture::Once);
    }

    /// Changes several layers as one step; locked ones stay as they are.
    fn set_choices(&mut self, label: &str, choices: Vec<(String, SchemeChoice)>, gesture: Gesture) {
        self.choose(StepName::OfChange(label), choices, gesture);
    }

    /// The same under any name.
    pub(super) fn choose(
        &mut self,
        name: StepName,
        choices: Vec<(String, SchemeChoice)>,
        gesture: Gesture,
    ) {
        let n_asked = choices.len();
        let mut plan = self.plan.clone();
        let free: Vec<_> =
            choices.into_iter().filter(|(layer, _)| !self.plan.locked.contains(layer)).collect();
        if free.is_empty() && n_asked > 0 {
            let text = "The selected layers are locked; unlock them with Layer › Lock or unlock";
            return self.notify(NoticeKind::Warning, text.to_owned());
        }
        for (layer, choice) in free {
            plan.recipe.set(&layer, choice);
        }
        self.record(name, plan, gesture);
    }

    fn toggle_lock(&mut self) {
        let Some(network) = self.network() else { return };
        let names: Vec<String> = self
            .selected_layers()
            .iter()
            .filter_map(|&idx| Some(network.layers.get(idx)?.name.clone()))
            .collect();
        let all_locked = names.iter().all(|name| self.plan.locked.contains(name));
        self.set_locks(&names, !all_locked);
    }

    fn set_locks(&mut self, names: &[String], lock: bool) {
        let verb = if lock { "Lock" } else { "Unlock" };
        let label = match names {
            [name] => format!("{verb} {name}"),
            _ => format!("{verb} {} layers", names.len()),
        };
        let mut plan = self.plan.clone();
        for name in names {
            if lock {
                plan.locked.insert(name.clone());
            } else {
                plan.locked.remove(name);
            }
        }
        self.change(&label, plan, Gesture::Once);
    }

    fn n_layers(&self) -> usize {
        self.network().map_or(0, |network| network.layers.len())
    }

    fn select_layer(&mut self, layer_idx: usize) {
        if layer_idx >= self.n_layers() {
            return;
        }
        if layer_idx != self.selection.layer_idx {
            self.selection = Selection { layer_idx, channel_idx: None };
        }
        self.also_selected.clear();
    }

    /// Takes a layer in or out; the last one stays.
    fn toggle_layer(&mut self, layer_idx: usize) {
        let mut layers = self.selected_layers();
        match layers.iter().position(|&idx| idx == layer_idx) {
            Some(place) if layers.len() > 1 => drop(layers.remove(place)),
            Some(_) => {}
            None => layers.push(layer_idx),
        }
        self.select_layers(layers);
    }

    fn select_layers(&mut self, layers: Vec<usize>) {
        let n_layers = self.n_layers();
        let mut layers: BTreeSet<usize> =
            layers.into_iter().filter(|&idx| idx < n_layers).collect();
        let Some(&first) = layers.first() else { return };
        if !layers.contains(&self.selection.layer_idx) {
            self.selection = Selection { layer_idx: first, channel_idx: None };
        }
        layers.remove(&self.selection.layer_idx);
        self.also_selected = layers;
    }

    pub(super) fn change(&mut self, label: &str, plan: Plan, gesture: Gesture) {
        self.record(StepName::Given(label), plan, gesture);
    }

    /// A step of the history.
    fn record(&mut self, name: StepName, plan: Plan, gesture: Gesture) {
        if plan != self.plan && self.opened.is_some() {
            self.history.record(name, PlanChange::between(&self.plan, &plan), gesture);
            self.adopt(plan);
        }
    }

    /// Makes the plan the current one; another fold mode needs the network built anew.
    fn adopt(&mut self, plan: Plan) {
        self.set_plan(plan);
        let n_channels = self.shown_channels();
        if self.selection.channel_idx.is_some_and(|idx| idx >= n_channels) {
            self.selection.channel_idx = None;
        }
        let Some(network) = self.network() else {
            return;
        };
        let fold_mode = self.plan.fold_mode;
        if network.fold_mode != fold_mode {
            let model = Arc::clone(&network.model);
            let title = model.title.clone();
            self.run_errand("Folding batch normalization", move |_| {
                let network = Network::new(model, fold_mode).map_err(|e| format!("{title}: {e}"));
                ErrandResult::Refolded(network.map(Arc::new))
            });
        }
    }

    fn cancel(&mut self, id: u64) {
        if Self::is_of_rest(id) {
            return self.set_pace(Pace::Paused);
        }
        self.queue.remove(id);
        if let Some(errand) = self.errands.iter().find(|errand| errand.id == id) {
            errand.ctx.cancel();
            self.errands.retain(|errand| errand.id != id);
            self.import_job_cancelled(id);
            self.use_held_samples();
        }
        let found = self.answers.running().find(|(_, running)| running.job_id == id);
        if let Some((query, running)) = found {
            running.ctx.cancel();
            let query = query.clone();
            let reason = "cancelled; View › Compute again starts it anew".to_owned();
            self.answers.finish(&query, Err(reason));
        }
    }

    fn start_opening(&mut self, reference: ModelRef) {
        let label = format!("Opening {}", reference.label());
        let fold_mode = FoldMode::Fold;
        self.run_errand(&label, move |_| {
            let opened = open(&reference, fold_mode);
            ErrandResult::Opened(opened.map(Box::new).map_err(|error| Failure::of(&error)))
        });
    }

    fn start_opening_samples(&mut self, path: &Path) {
        let path = path.to_owned();
        self.run_errand(&format!("Opening {}", path.display()), move |_| {
            ErrandResult::samples(&path)
        });
    }

    pub(super) fn run_errand(
        &mut self,
        label: &str,
        run: impl FnOnce(&WorkCtx) -> ErrandResult + Send + 'static,
    ) {
        let on_panic = |id, text: String| Message::Opened(id, Err(text.into()));
        self.push_errand(label, move |id, ctx| run(ctx).message(id), on_panic);
    }

    /// Queues a job that is not a query: its id, and what cancels it.
    pub(super) fn push_errand(
        &mut self,
        label: &str,
        run: impl FnOnce(u64, &WorkCtx) -> Message + Send + 'static,
        on_panic: fn(u64, String) -> Message,
    ) -> (u64, WorkCtx) {
        self.push_errand_in(Lane::Quick, label, run, on_panic)
    }

    /// The same in any lane.
    pub(super) fn push_errand_in(
        &mut self,
        lane: Lane,
        label: &str,
        run: impl FnOnce(u64, &WorkCtx) -> Message + Send + 'static,
        on_panic: fn(u64, String) -> Message,
    ) -> (u64, WorkCtx) {
        let id = self.take_job_id();
        let ctx = self.queue.ctx(lane);
        self.queue.push(Job {
            id,
            lane,
            ctx: ctx.clone(),
            run: Box::new(move |ctx, _| run(id, ctx)),
            on_panic: Box::new(move |text| on_panic(id, text)),
        });
        self.errands.push(Errand { id, label: label.to_owned(), ctx: ctx.clone() });
        (self.wake)();
        (id, ctx)
    }

    /// Whether the errand was still wanted.
    pub(super) fn end_errand(&mut self, id: u64) -> bool {
        let n_before = self.errands.len();
        self.errands.retain(|errand| errand.id != id);
        self.errands.len() < n_before
    }

    /// Makes a model the open one, every layer but embeddings at the default scheme.
    pub(super) fn show(&mut self, opened: Opened) {
        // What was being made for the model before does not fit this one.
        self.cancel_import();
        let eval_error = opened.eval_error.iter().map(ToString::to_string);
        for warning in opened.network.model.warnings.iter().cloned().chain(eval_error) {
            self.notify(NoticeKind::Warning, warning);
        }
        self.leave_model();
        let names = opened.network.default_layers().map(|layer| layer.name.as_str());
        let recipe = Recipe::uniform(names, &SchemeChoice::new(&Int));
        let fold_mode = opened.network.fold_mode;
        self.set_plan(Plan { recipe, fold_mode, ..Plan::default() });
        self.history = History::default();
        self.known_figures.clear();
        // The largest layer: its distribution shows most.
        let products = opened.network.layers.iter().enumerate();
        let default_layer = products
            .filter(|(_, layer)| layer.role != LayerRole::Embedding)
            .max_by_key(|(idx, layer)| (layer.count(), std::cmp::Reverse(*idx)))
            .map(|(idx, _)| idx);
        self.selection = Selection { layer_idx: default_layer.unwrap_or(0), channel_idx: None };
        self.also_selected.clear();
        self.samples_id += 1;
        let samples = opened.eval.clone();
        let network = Arc::clone(&opened.network);
        self.critical = CriticalChoice::default();
        self.proposing = None;
        self.set_rival(None);
        self.opened = Some(opened);
        self.start_afresh(network, samples);
        self.note_opened();
        self.find_tried();
    }

    /// Takes the open model folded another way; one of a model that is no longer open is dropped.
    pub(super) fn use_network(&mut self, network: Arc<Network>) {
        let is_current = self.network().is_some_and(|now| Arc::ptr_eq(&now.model, &network.model));
        if !is_current || network.fold_mode != self.plan.fold_mode {
            return;
        }
        let samples = self.samples().cloned();
        if let Some(opened) = &mut self.opened {
            opened.network = Arc::clone(&network);
            self.start_afresh(network, samples);
        }
    }

    /// Measures accuracy on another set, if the open model takes it.
    pub(super) fn use_samples(&mut self, samples: Arc<SampleSet>) {
        let network = match self.network() {
            None => Err(format!("{}: open the model first that is to be run on it", samples.name)),
            Some(network) => check_samples(&samples, network).map(|()| Arc::clone(network)),
        };
        let network = match network {
            Ok(network) => network,
            Err(reason) => return self.notify(NoticeKind::Failed, reason),
        };
        self.samples_id += 1;
        self.notify(NoticeKind::Done, format!("Accuracy is now measured on {}", samples.name));
        self.start_afresh(network, Some(samples));
    }

    fn use_own_samples(&mut self) {
        if let Some(samples) = self.opened.as_ref().and_then(|opened| opened.eval.clone()) {
            self.use_samples(samples);
        }
    }

    fn start_afresh(&mut self, network: Arc<Network>, samples: Option<Arc<SampleSet>>) {
        for (_, running) in self.answers.running() {
            running.ctx.cancel();
            self.queue.remove(running.job_id);
        }
        self.answers.clear();
        self.latest.clear();
        self.network_id += 1;
        self.specs.get_mut().clear();
        self.watch_files(samples.as_deref());
        let store = self.kept.keeper.as_ref().map(|keeper| keeper.home.join("sensitivity"));
        let search = SearchRoom::new(self.opened.clone(), store);
        let workshop = Workshop::new(network, samples).keeping(&self.activations);
        self.workshop = Some(Arc::new(workshop.searching(search)));
    }

    pub(super) fn notify(&mut self, kind: NoticeKind, text: String) {
        self.notices.push(Notice { errand: self.telling, ..Notice::new(kind, text) });
    }

    pub(super) fn notify_failure(&mut self, failure: Failure) {
        let Failure { text, details } = failure;
        let notice = Notice::new(NoticeKind::Failed, text);
        self.notices.push(Notice { details, errand: self.telling, ..notice });
    }

    pub(super) fn take_job_id(&mut self) -> u64 {
        self.next_job_id += 1;
        self.next_job_id - 1
    }
}

/// What an errand brings back.
pub(super) enum ErrandResult {
    Opened(Result<Box<Opened>, Failure>),
    SamplesOpened(Result<Arc<SampleSet>, Failure>),
    Sorted(Vec<(PathContent, PathBuf)>),
    Refolded(Result<Arc<Network>, String>),
    Kept(KeptResult),
    ImportFound(PathBuf),
    Exported(Result<Exported, Failure>),
}

impl ErrandResult {
    pub fn samples(path: &Path) -> Self {
        let set = SampleSet::open(path);
        Self::SamplesOpened(set.map(Arc::new).map_err(|error| Failure::of(&error)))
    }

    pub(super) fn message(self, id: u64) -> Message {
        match self {
            Self::Sorted(found) => Message::Sorted(id, found),
            Self::Opened(result) => Message::Opened(id, result),
            Self::SamplesOpened(result) => Message::SamplesOpened(id, result),
            Self::Refolded(result) => Message::Refolded(id, result),
            Self::Kept(result) => Message::KeptErrand(id, result),
            Self::ImportFound(path) => Message::ImportFound(id, path),
            Self::Exported(result) => Message::Exported(id, result),
        }
    }
}

/// Whether the network can be run on the samples.
fn check_samples(samples: &SampleSet, network: &Network) -> Result<(), String> {
    match network.graph.as_ref().map(|graph| graph.inputs.as_slice()) {
        Some([input]) => {
            samples.feed(&input.resolve()).map(drop).map_err(|error| error.to_string())
        }
        Some(inputs) => Err(format!(
            "{}: the open model takes {} inputs, samples fill one; open a model with one input",
            samples.name,
            inputs.len()
        )),
        None => Err(format!(
            "{}: the open model has no graph to run samples through; open one that has",
            samples.name
        )),
    }
}
