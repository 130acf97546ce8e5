//! Every recipe that was measured: size against accuracy. Named, pinned, gone back to; it outlives the
//! session, by model.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::answers::Entry;
use super::history::Plan;
use super::keep::{Order, PlanMark};
use super::query::{Answer, Query};
use super::sample_mark::SampleMark;
use super::state::Session;
use super::steps::StepAccuracy;
use crate::eval::{Accuracy, Estimate, ModelSize};
use crate::model::FoldMode;
use crate::quant::{Recipe, SchemeChoice};

/// Where a recipe came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// One choice for all layers that a choice is made for.
    Uniform,
    ByHand,
    Proposed,
}

/// What a recipe is worth on one set.
#[derive(Clone, Debug, PartialEq)]
pub struct TriedFigures {
    pub accuracy: StepAccuracy,
    /// The critical class and its recall, where there is one.
    pub critical: Option<(String, Estimate)>,
}

/// A recipe that was measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Tried {
    /// Of the settings of all layers: the same recipe has the same number.
    pub id: u64,
    pub name: Option<String>,
    pub is_pinned: bool,
    pub origin: Origin,
    pub recipe: Recipe,
    pub fold_mode: FoldMode,
    pub size: ModelSize,
    pub when: SystemTime,
    /// By what the samples are known by.
    pub(super) figures: BTreeMap<SampleMark, TriedFigures>,
}

impl Tried {
    /// Its name, or what it is in a few words.
    pub fn label(&self) -> String {
        self.name.clone().unwrap_or_else(|| self.described())
    }

    fn described(&self) -> String {
        let mut choices: Vec<&SchemeChoice> =
            self.recipe.layers().filter_map(|name| self.recipe.get(name)).collect();
        choices.dedup();
        match choices.as_slice() {
            [] => "float".to_owned(),
            [only] => everywhere(only),
            _ => match self.size.bits_per_weight {
                Some(bits) => format!("mix of {} bits", crate::base::fixed(bits, 2)),
                None => "float".to_owned(),
            },
        }
    }
}

/// What one choice for all layers is called.
pub(super) fn everywhere(choice: &SchemeChoice) -> String {
    format!("{} everywhere", short(choice))
}

fn short(choice: &SchemeChoice) -> String {
    match choice.bits() {
        Some(bits) if !choice.to_string().contains(',') => {
            format!("{} {bits}", choice.scheme().id())
        }
        _ => choice.to_string(),
    }
}

/// Recipes that are kept of a model, by layers: the oldest without a name or pin are let go first.
const MAX_ENTRIES: usize = 100_000;
const MAX_TRIED: usize = 500;

/// The recipes tried of the open model.
#[derive(Clone, Debug, Default)]
pub struct TriedList {
    /// In the order they were first measured. Shared with the thread that writes.
    list: Vec<Arc<Tried>>,
}

impl TriedList {
    pub(super) fn get(&self, id: u64) -> Option<&Tried> {
        self.list.iter().find(|tried| tried.id == id).map(|tried| &**tried)
    }

    pub(super) fn all(&self) -> &[Arc<Tried>] {
        &self.list
    }

    fn edit(&mut self, id: u64) -> Option<&mut Tried> {
        let tried = self.list.iter_mut().find(|tried| tried.id == id)?;
        Some(Arc::make_mut(tried))
    }

    fn put(&mut self, tried: Tried) {
        match self.edit(tried.id) {
            Some(known) => {
                known.size = tried.size;
                known.figures.extend(tried.figures);
                if tried.origin != Origin::ByHand {
                    known.origin = tried.origin;
                }
            }
            None => self.list.push(Arc::new(tried)),
        }
        self.thin_out();
    }

    fn thin_out(&mut self) {
        let n_layers = self.list.last().map_or(0, |tried| tried.recipe.layers().count()).max(1);
        let most = MAX_TRIED.min(MAX_ENTRIES / n_layers).max(20);
        while self.list.len() > most {
            let loose = |tried: &Arc<Tried>| !tried.is_pinned && tried.name.is_none();
            let Some(place) = self.list.iter().position(loose) else { return };
            self.list.remove(place);
        }
    }
}

impl Session {
    /// The recipes that were measured, in the order they were first.
    pub fn tried(&self) -> &[Arc<Tried>] {
        self.tried.all()
    }

    /// The present recipe among them, once it was measured.
    pub fn present_tried(&self) -> Option<&Tried> {
        self.tried.get(self.present_id())
    }

    /// The number that the present recipe has or would have.
    pub fn present_id(&self) -> u64 {
        PlanMark::of(&self.plan).number()
    }

    /// What a recipe is worth on the samples that accuracy is measured on now.
    pub fn tried_figures<'a>(&self, tried: &'a Tried) -> Option<&'a TriedFigures> {
        tried.figures.get(self.known_figures.mark_of(self.samples_id)?)
    }

    /// Takes in what was just measured of the present recipe.
    pub(super) fn note_tried(&mut self, seen: &[Query]) {
        let Some(mark) = self.known_figures.mark_of(self.samples_id).cloned() else { return };
        let id = self.present_id();
        let is_known = self.tried.get(id).is_some_and(|tried| tried.figures.contains_key(&mark));
        if is_known {
            return;
        }
        let Some((accuracy, size)) = self.measured_now(seen) else { return };
        let Some(figures) = self.figures_of_accuracy(&accuracy) else { return };
        let tried = Tried {
            id,
            name: None,
            is_pinned: false,
            origin: self.present_origin(),
            recipe: self.plan.recipe.clone(),
            fold_mode: self.plan.fold_mode,
            size,
            when: SystemTime::now(),
            figures: BTreeMap::from([(mark, figures)]),
        };
        self.tried.put(tried);
        self.keep_tried();
    }

    fn measured_now(&self, seen: &[Query]) -> Option<(Arc<Accuracy>, ModelSize)> {
        let accuracy = seen.iter().find_map(|wish| match (wish, self.answers.get(wish)) {
            (Query::Accuracy { specs, .. }, Some(Entry::Ready(Answer::Accuracy(accuracy))))
                if self.is_present(specs) =>
            {
                Some(Arc::clone(accuracy))
            }
            _ => None,
        })?;
        let size = self.size().filter(super::figures::KnownSize::is_whole)?.size;
        Some((accuracy, size))
    }

    /// Whether these are the settings of the layers as they are.
    pub(super) fn is_present(&self, specs: &[String]) -> bool {
        let is_folded_so =
            self.network().is_some_and(|network| network.fold_mode == self.plan.fold_mode);
        is_folded_so && specs.iter().enumerate().all(|(idx, spec)| *spec == self.spec(idx))
    }

    fn figures_of_accuracy(&self, accuracy: &Accuracy) -> Option<TriedFigures> {
        let critical = self
            .critical_class()
            .and_then(|class| Some((class.to_owned(), accuracy.class_recall(class)?.quantized)));
        Some(TriedFigures { accuracy: StepAccuracy::of(accuracy)?, critical })
    }

    fn present_origin(&self) -> Origin {
        let Some(network) = self.network() else { return Origin::ByHand };
        let mut layers = network.default_layers();
        let first = layers.next().map(|layer| self.plan.recipe.choice(&layer.name));
        let is_same =
            |layer: &crate::model::Layer| Some(self.plan.recipe.choice(&layer.name)) == first;
        if layers.all(is_same) {
            return Origin::Uniform;
        }
        let label = self.history.undo_label().unwrap_or_default();
        if label.starts_with(PROPOSED) { Origin::Proposed } else { Origin::ByHand }
    }

    pub(super) fn restore_tried(&mut self, id: u64) {
        let Some(tried) = self.tried.get(id).cloned() else { return };
        let recipe = self.whole(&tried.recipe);
        // A recipe is asked for as a whole, so it also changes what is locked.
        let plan = Plan { recipe, fold_mode: tried.fold_mode, ..self.plan.clone() };
        self.change(&format!("Recipe {}", tried.label()), plan, super::Gesture::Once);
    }

    pub(super) fn name_tried(&mut self, id: u64, name: &str) {
        let name = Some(name.trim().to_owned()).filter(|name| !name.is_empty());
        if let Some(tried) = self.tried.edit(id) {
            tried.name = name;
            self.keep_tried();
        }
    }

    pub(super) fn pin_tried(&mut self, id: u64, is_pinned: bool) {
        if let Some(tried) = self.tried.edit(id) {
            tried.is_pinned = is_pinned;
            self.keep_tried();
        }
    }

    pub(super) fn forget_tried(&mut self, id: u64) {
        self.tried.list.retain(|tried| tried.id != id);
        self.keep_tried();
    }

    fn keep_tried(&mut self) {
        let Some(opened) = &self.opened else { return };
        let fingerprint = opened.fingerprint.clone();
        if let Some(keeper) = &self.kept.keeper {
            keeper.order(Order::SaveTried(fingerprint, self.tried.list.clone()));
        }
    }

    /// Takes up what was tried in other sessions, if it is of the open model.
    pub(super) fn take_tried(&mut self, sha256: &str, kept: Vec<Tried>) {
        if self.opened.as_ref().is_none_or(|opened| opened.fingerprint.sha256 != sha256) {
            return;
        }
        let here = std::mem::take(&mut self.tried.list);
        self.tried.list = kept.into_iter().map(Arc::new).collect();
        for tried in here {
            self.tried.put(Tried::clone(&tried));
        }
    }

    /// Begins anew with the model just opened, and asks what was tried of it before.
    pub(super) fn find_tried(&mut self) {
        self.tried = TriedList::default();
        if let (Some(opened), Some(keeper)) = (&self.opened, &self.kept.keeper) {
            keeper.order(Order::FindTried(opened.fingerprint.clone()));
        }
    }
}

/// What steps that take a proposal up are called first.
pub const PROPOSED: &str = "Proposed";

/// Microseconds since 1970.
pub(super) fn to_unix_us(when: SystemTime) -> u64 {
    let since = when.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

pub(super) fn of_unix_us(us: u64) -> SystemTime {
    UNIX_EPOCH.checked_add(Duration::from_micros(us)).unwrap_or(UNIX_EPOCH)
}
