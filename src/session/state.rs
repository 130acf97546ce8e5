//! The one place where state lives and changes.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use super::answers::Answers;
use super::command::Command;
use super::content::PathContent;
use super::critical::CriticalChoice;
use super::exporting::Exported;
use super::failure::Failure;
use super::gallery::{GalleryPage, GalleryRequest};
use super::graph_layout::{GraphLayout, ShapeArithmetic};
use super::history::{History, Plan};
use super::importing::{ImportDraft, ImportMessage};
use super::job::{JobQueue, Waker};
use super::keep::KeepEvent;
use super::keeping::{Kept, KeptResult};
use super::loaded::Loaded;
use super::memory::ActivationMemory;
use super::opening::Opened;
use super::picture::LayerPicture;
use super::proposing::Asked;
use super::query::{Answer, Query, Topic};
use super::reload::ChangedFiles;
use super::sensing::SenseSettings;
use super::serving::{Rest, Wishes};
use super::steps::KnownFigures;
use super::tried::TriedList;
use super::versus::Rival;
use super::watch::{FileChange, Watch};
use super::workshop::{QueryError, Workshop};
use crate::base::WorkCtx;
use crate::eval::{Accuracy, LayerError, SampleSet};
use crate::model::Network;
use crate::quant::SchemeChoice;

/// What is selected, shared by all panels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    pub layer_idx: usize,
    /// The whole tensor if `None`.
    pub channel_idx: Option<usize>,
}

/// Whether a notice reports a success or a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoticeKind {
    Done,
    Warning,
    Failed,
}

/// One line for the person, shown once.
#[derive(Clone, Debug)]
pub struct Notice {
    pub kind: NoticeKind,
    pub text: String,
    /// What only some want to know.
    pub details: Option<String>,
    /// The job it tells of, if one of [`Session::apply_watched`].
    pub errand: Option<u64>,
}

impl Notice {
    pub fn new(kind: NoticeKind, text: String) -> Self {
        Self { kind, text, details: None, errand: None }
    }
}

pub(super) enum Message {
    Partial(u64, Query, Answer),
    Answered(u64, Query, Result<Answer, QueryError>),
    Opened(u64, Result<Box<Opened>, Failure>),
    SamplesOpened(u64, Result<Arc<SampleSet>, Failure>),
    /// Several things to open, in the order to do it.
    Sorted(u64, Vec<(PathContent, PathBuf)>),
    Refolded(u64, Result<Arc<Network>, String>),
    KeptErrand(u64, KeptResult),
    Kept(KeepEvent),
    /// What has become of the files that are open, under the number they were told with.
    FilesChanged(u64, Vec<FileChange>),
    /// Something opened turned out to be data to import.
    ImportFound(u64, PathBuf),
    Import(u64, ImportMessage),
    Exported(u64, Result<Exported, Failure>),
}

/// A job that is not a query: something is being opened.
pub(super) struct Errand {
    pub id: u64,
    pub label: String,
    pub ctx: WorkCtx,
}

impl Message {
    /// The errand it is of.
    fn errand(&self) -> Option<u64> {
        match self {
            Self::Opened(id, _)
            | Self::SamplesOpened(id, _)
            | Self::Sorted(id, _)
            | Self::Refolded(id, _)
            | Self::KeptErrand(id, _)
            | Self::ImportFound(id, _)
            | Self::Exported(id, _)
            | Self::Import(id, _) => Some(*id),
            Self::Partial(..) | Self::Answered(..) | Self::Kept(_) | Self::FilesChanged(..) => None,
        }
    }
}

/// The application's state. [`apply`](Self::apply) is the only way to change it; questions are
/// asked with `&self` and answered in the background.
pub struct Session {
    pub(super) opened: Option<Opened>,
    pub(super) workshop: Option<Arc<Workshop>>,
    pub(super) network_id: u64,
    pub(super) samples_id: u64,
    pub(super) plan: Plan,
    /// Of the layers under the plan, as far as they were asked for.
    pub(super) specs: RefCell<Vec<Option<String>>>,
    pub(super) history: History,
    pub(super) selection: Selection,
    pub(super) shown_weight: (usize, usize),
    /// Layers selected besides the one shown.
    pub(super) also_selected: BTreeSet<usize>,
    pub(super) critical: CriticalChoice,
    pub(super) sense: SenseSettings,
    pub(super) proposing: Option<Asked>,
    pub(super) tried: TriedList,
    pub(super) rival: Option<Rival>,
    /// Settings of the layers under it, of the network with that number.
    pub(super) rival_specs: RefCell<Option<(u64, Arc<[String]>)>>,
    pub(super) notices: Vec<Notice>,
    pub(super) answers: Answers,
    pub(super) latest: HashMap<Topic, Answer>,
    pub(super) wishes: RefCell<Wishes>,
    pub(super) rest: Rest,
    pub(super) import: Option<ImportDraft>,
    pub(super) errands: Vec<Errand>,
    /// The errand whose end is being taken in.
    pub(super) telling: Option<u64>,
    /// Data dropped together with a model, until that is open.
    pub(super) after_opening: Vec<PathBuf>,
    /// Sample sets read before the model that was asked for ahead of them.
    pub(super) held: Vec<(u64, Arc<SampleSet>)>,
    /// The errand that brought the model that is open.
    pub(super) shown_errand: u64,
    pub(super) next_job_id: u64,
    pub(super) known_figures: KnownFigures,
    pub(super) activations: Arc<ActivationMemory>,
    pub(super) kept: Kept,
    pub(super) watch: Watch,
    pub(super) changed: ChangedFiles,
    pub(super) queue: JobQueue<Message>,
    pub(super) sender: Sender<Message>,
    pub(super) inbox: Receiver<Message>,
    pub(super) wake: Waker,
}

impl Session {
    /// An empty session; `wake` is called from other threads when there is something to
    /// [`poll`](Self::poll).
    pub fn new(wake: impl Fn() + Send + Sync + 'static) -> Self {
        let (sender, inbox) = channel();
        let wake: Waker = Arc::new(wake);
        Self {
            opened: None,
            workshop: None,
            network_id: 0,
            samples_id: 0,
            plan: Plan::default(),
            specs: RefCell::default(),
            history: History::default(),
            selection: Selection::default(),
            shown_weight: (0, 0),
            also_selected: BTreeSet::new(),
            critical: CriticalChoice::default(),
            sense: SenseSettings::default(),
            proposing: None,
            tried: TriedList::default(),
            rival: None,
            rival_specs: RefCell::default(),
            notices: Vec::new(),
            answers: Answers::default(),
            latest: HashMap::new(),
            wishes: RefCell::default(),
            rest: Rest::default(),
            import: None,
            errands: Vec::new(),
            telling: None,
            after_opening: Vec::new(),
            held: Vec::new(),
            shown_errand: 0,
            next_job_id: 1,
            known_figures: KnownFigures::default(),
            activations: Arc::default(),
            kept: Kept::default(),
            watch: Watch::start(&sender, &wake),
            changed: ChangedFiles::default(),
            queue: JobQueue::start(&sender, &wake),
            sender,
            inbox,
            wake,
        }
    }

    pub fn opened(&self) -> Option<&Opened> {
        self.opened.as_ref()
    }

    pub fn network(&self) -> Option<&Arc<Network>> {
        self.opened.as_ref().map(|opened| &opened.network)
    }

    pub fn samples(&self) -> Option<&Arc<SampleSet>> {
        self.workshop.as_ref()?.samples.as_ref()
    }

    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    pub fn history(&self) -> &History {
        &self.history
    }

    pub fn selection(&self) -> Selection {
        self.selection
    }

    /// The layers that settings apply to, in order: the one shown and those selected with it.
    pub fn selected_layers(&self) -> Vec<usize> {
        let mut layers = self.also_selected.clone();
        layers.insert(self.selection.layer_idx);
        layers.into_iter().collect()
    }

    /// Whether no setting changes that layer.
    pub fn is_locked(&self, layer_idx: usize) -> bool {
        let layer = self.network().and_then(|network| network.layers.get(layer_idx));
        layer.is_some_and(|layer| self.plan.locked.contains(&layer.name))
    }

    /// The notices since the last call.
    pub fn take_notices(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.notices)
    }

    /// How a layer is quantized.
    pub fn choice(&self, layer_idx: usize) -> SchemeChoice {
        let layer = self.network().and_then(|network| network.layers.get(layer_idx));
        layer.map_or_else(SchemeChoice::float, |layer| self.plan.recipe.choice(&layer.name))
    }

    /// The same as text, the key of what is asked about the layer; made once a layer and plan.
    pub(super) fn spec(&self, layer_idx: usize) -> String {
        let mut specs = self.specs.borrow_mut();
        if let Some(Some(spec)) = specs.get(layer_idx) {
            return spec.clone();
        }
        let spec = self.choice(layer_idx).to_string();
        if specs.len() <= layer_idx {
            specs.resize(layer_idx + 1, None);
        }
        if let Some(place) = specs.get_mut(layer_idx) {
            *place = Some(spec.clone());
        }
        spec
    }

    /// The only way to another plan: what was made of the last one is let go.
    pub(super) fn set_plan(&mut self, plan: Plan) {
        self.plan = plan;
        self.specs.get_mut().clear();
    }

    /// Applies a change; the number of the job that does it, to be found in
    /// [`is_under_way`](Self::is_under_way) and in [`Notice::errand`].
    pub fn apply_watched(&mut self, command: Command) -> Option<u64> {
        let first = self.next_job_id;
        self.apply(command);
        self.errands.iter().map(|errand| errand.id).find(|id| *id >= first)
    }

    /// Whether something is still being opened or saved by the job of that number.
    pub fn is_under_way(&self, errand: u64) -> bool {
        self.errands.iter().any(|running| running.id == errand)
    }

    /// Label of what is being opened.
    pub fn opening(&self) -> Option<&str> {
        self.errands.first().map(|errand| errand.label.as_str())
    }

    // --- Questions -----------------------------------------------------------------------------

    /// The error of a layer as it is quantized now.
    pub fn layer_error(&self, layer_idx: usize) -> Loaded<LayerError> {
        let spec = self.spec(layer_idx);
        self.ask(Query::Layer { network: self.network_id, layer_idx, spec }, layer_of)
    }

    /// The error a layer would have.
    pub fn compared_error(&self, layer_idx: usize, choice: &SchemeChoice) -> Loaded<LayerError> {
        let spec = choice.to_string();
        self.ask(Query::Compared { network: self.network_id, layer_idx, spec }, layer_of)
    }

    /// The distribution of the selected layer and channel.
    pub fn picture(&self) -> Loaded<LayerPicture> {
        let Selection { layer_idx, channel_idx } = self.selection;
        self.picture_of(layer_idx, channel_idx)
    }

    /// The distribution of a layer, or of one of its channels.
    pub fn picture_of(&self, layer_idx: usize, channel_idx: Option<usize>) -> Loaded<LayerPicture> {
        let spec = self.spec(layer_idx);
        let query = Query::Picture { network: self.network_id, layer_idx, spec, channel_idx };
        self.ask(query, |answer| match answer {
            Answer::Picture(picture) => Some(picture),
            _ => None,
        })
    }

    /// Accuracy of the whole network as it is quantized now.
    pub fn accuracy(&self) -> Loaded<Accuracy> {
        let n_layers = self.network().map_or(0, |network| network.layers.len());
        let specs: Vec<String> = (0..n_layers).map(|idx| self.spec(idx)).collect();
        let (network, samples) = (self.network_id, self.samples_id);
        self.ask(Query::Accuracy { network, samples, specs: specs.into() }, |answer| match answer {
            Answer::Accuracy(accuracy) => Some(accuracy),
            _ => None,
        })
    }

    /// The network as a drawing; fails where the file has no graph.
    pub fn graph_layout(&self, shapes: ShapeArithmetic) -> Loaded<GraphLayout> {
        self.folded_graph_layout(shapes, 1)
    }

    /// The same in columns, read downward and then to the right.
    pub fn folded_graph_layout(
        &self,
        shapes: ShapeArithmetic,
        n_columns: usize,
    ) -> Loaded<GraphLayout> {
        let query = Query::Layout { network: self.network_id, shapes, n_columns };
        self.ask(query, |answer| match answer {
            Answer::Layout(layout) => Some(layout),
            _ => None,
        })
    }

    /// A page of the samples whose answer changed.
    pub fn gallery(&self, request: GalleryRequest) -> Loaded<GalleryPage> {
        let (network, samples) = (self.network_id, self.samples_id);
        self.ask(Query::Gallery { network, samples, request }, |answer| match answer {
            Answer::Gallery(page) => Some(page),
            _ => None,
        })
    }

    // --- The frame -----------------------------------------------------------------------------

    /// Takes in what jobs have finished.
    pub fn poll(&mut self) {
        while let Ok(message) = self.inbox.try_recv() {
            self.telling = message.errand();
            self.receive(message);
            self.telling = None;
        }
    }

    fn receive(&mut self, message: Message) {
        match message {
            Message::Partial(id, query, answer) => {
                let running = self.answers.running_mut(&query);
                if let Some(running) = running.filter(|running| running.job_id == id) {
                    running.partial = Some(answer);
                }
            }
            Message::Answered(id, query, answer) => self.receive_answer(id, &query, answer),
            Message::Opened(id, result) => self.receive_opened(id, result),
            Message::Sorted(id, found) => {
                if self.end_errand(id) {
                    self.open_sorted(found);
                }
            }
            Message::SamplesOpened(id, result) => {
                if self.end_errand(id) {
                    match result {
                        Ok(samples) => self.held.push((id, samples)),
                        Err(failure) => self.notify_failure(failure),
                    }
                    self.use_held_samples();
                }
            }
            Message::ImportFound(id, path) => {
                if self.end_errand(id) {
                    self.start_import(&path);
                    self.use_held_samples();
                }
            }
            Message::Import(id, message) => {
                self.receive_import(id, message);
                self.use_held_samples();
            }
            Message::Refolded(id, result) => {
                if self.end_errand(id) {
                    match result {
                        Ok(network) => self.use_network(network),
                        Err(reason) => self.notify(NoticeKind::Failed, reason),
                    }
                }
            }
            Message::Exported(id, result) => {
                if self.end_errand(id) {
                    self.tell_exported(result);
                }
            }
            Message::KeptErrand(id, result) => self.receive_kept_errand(id, result),
            Message::Kept(event) => self.receive_kept(event),
            Message::FilesChanged(number, changes) => self.receive_changes(number, changes),
        }
    }

    fn receive_opened(&mut self, id: u64, result: Result<Box<Opened>, Failure>) {
        if self.end_errand(id) {
            match result {
                // What was asked for last is what shows, whichever is read first.
                Ok(_) if id < self.shown_errand => {}
                Ok(opened) => {
                    self.shown_errand = id;
                    self.show(*opened);
                }
                Err(failure) => self.notify_failure(failure),
            }
            self.use_held_samples();
            self.open_what_waits();
        }
    }

    /// Takes the sample sets for which nothing asked for earlier is still being opened.
    pub(super) fn use_held_samples(&mut self) {
        let first_pending = self.errands.iter().map(|errand| errand.id).min().unwrap_or(u64::MAX);
        let held = std::mem::take(&mut self.held);
        for (id, samples) in held {
            if id > first_pending {
                self.held.push((id, samples));
            } else if id > self.shown_errand {
                self.use_samples(samples);
            }
        }
        self.use_held_recipes(first_pending);
    }
}

fn layer_of(answer: Answer) -> Option<Arc<LayerError>> {
    match answer {
        Answer::Layer(error) => Some(error),
        _ => None,
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.answers.running().for_each(|(_, running)| running.ctx.cancel());
        // The sender keeps the channel open for jobs that end later.
        let _ = &self.sender;
    }
}
