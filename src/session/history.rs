//! What can be undone, and every step on the way.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::change::PlanChange;
use super::command::Gesture;
use crate::model::FoldMode;
use crate::quant::{Recipe, Rules};

/// Everything a person decides about a model: what undo goes back to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    pub recipe: Recipe,
    /// By which layers were set; what a layer is, the recipe says alone.
    pub rules: Rules,
    pub fold_mode: FoldMode,
    /// Names of the layers that no setting changes.
    pub locked: BTreeSet<String>,
}

/// What a step is called.
#[derive(Clone, Copy, Debug)]
pub(super) enum StepName<'a> {
    Given(&'a str),
    /// After the whole of what it changed; in these words what cannot be said shortly.
    OfChange(&'a str),
}

/// One step: what it is called, and what it changed.
#[derive(Clone, Debug)]
pub struct Edit {
    /// Tells the state after the step from every other; a step that goes on gets a new one.
    pub(super) state_id: u64,
    pub label: String,
    pub change: PlanChange,
    gesture: Gesture,
}

/// The edits made, and those undone. A copy is cheap: it shares the edits.
#[derive(Clone, Debug, Default)]
pub struct History {
    done: Vec<Arc<Edit>>,
    /// The next to be done again stands last.
    undone: Vec<Arc<Edit>>,
    last_state_id: u64,
    /// Of the state before the first edit that is kept.
    first_state_id: u64,
}

/// The most edits that are kept.
const MAX_EDITS: usize = 1000;

impl History {
    /// Edits as they were kept: in order, of which the first `n_done` are done.
    pub(super) fn restored(edits: Vec<(String, PlanChange)>, n_done: usize) -> Self {
        let mut history = Self::default();
        for (label, change) in edits {
            let state_id = history.next_state_id();
            // A gesture that ended with the other session is never gone on with.
            let gesture = Gesture::Once;
            history.done.push(Arc::new(Edit { state_id, label, change, gesture }));
        }
        history.undone = history.done.split_off(n_done.min(history.done.len()));
        history.undone.reverse();
        history
    }

    /// Records a change; one of the same drag as the last becomes part of it.
    pub(super) fn record(&mut self, name: StepName, change: PlanChange, gesture: Gesture) {
        self.undone.clear();
        let goes_on = gesture != Gesture::Once
            && self.done.last().is_some_and(|last| last.gesture == gesture);
        let mut whole = PlanChange::default();
        if goes_on && let Some(last) = self.done.pop() {
            whole = last.change.clone();
        }
        whole.followed_by(change);
        if whole.is_empty() {
            return;
        }
        if self.done.len() == MAX_EDITS {
            self.first_state_id = self.done.remove(0).state_id;
        }
        let label = match name {
            StepName::Given(name) => name.to_owned(),
            StepName::OfChange(otherwise) => whole.label_or(otherwise),
        };
        let state_id = self.next_state_id();
        self.done.push(Arc::new(Edit { state_id, label, change: whole, gesture }));
    }

    fn next_state_id(&mut self) -> u64 {
        self.last_state_id += 1;
        self.last_state_id
    }

    /// The plan before the last edit.
    pub(super) fn undo(&mut self, plan: &Plan) -> Option<Plan> {
        let edit = self.done.pop()?;
        let plan = edit.change.backward(plan);
        self.undone.push(edit);
        Some(plan)
    }

    /// The plan with the last undone edit done again.
    pub(super) fn redo(&mut self, plan: &Plan) -> Option<Plan> {
        let edit = self.undone.pop()?;
        let plan = edit.change.forward(plan);
        self.done.push(edit);
        Some(plan)
    }

    /// The plan with the first `n_done` edits done; `None` if it is so now.
    pub(super) fn go_to(&mut self, n_done: usize, plan: &Plan) -> Option<Plan> {
        let mut reached = None;
        while self.done.len() > n_done {
            let next = self.undo(reached.as_ref().unwrap_or(plan))?;
            reached = Some(next);
        }
        while self.done.len() < n_done && !self.undone.is_empty() {
            let next = self.redo(reached.as_ref().unwrap_or(plan))?;
            reached = Some(next);
        }
        reached
    }

    /// Every edit in the order made, the undone ones last.
    pub fn edits(&self) -> impl Iterator<Item = &Edit> {
        self.done.iter().chain(self.undone.iter().rev()).map(|edit| &**edit)
    }

    /// The edit at that place in [`edits`](Self::edits).
    pub fn edit(&self, edit_idx: usize) -> Option<&Edit> {
        match edit_idx.checked_sub(self.done.len()) {
            None => self.done.get(edit_idx),
            Some(place) => self.undone.iter().rev().nth(place),
        }
        .map(|edit| &**edit)
    }

    /// How many edits are done: the place of the present state.
    pub fn n_done(&self) -> usize {
        self.done.len()
    }

    /// Edits done and undone.
    pub fn len(&self) -> usize {
        self.done.len() + self.undone.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What undo would take back.
    pub fn undo_label(&self) -> Option<&str> {
        self.done.last().map(|edit| edit.label.as_str())
    }

    /// What redo would do again.
    pub fn redo_label(&self) -> Option<&str> {
        self.undone.last().map(|edit| edit.label.as_str())
    }

    /// Tells the state in which the first `n_done` edits are done from every other.
    pub(super) fn state_id(&self, n_done: usize) -> u64 {
        n_done
            .checked_sub(1)
            .and_then(|idx| self.edit(idx))
            .map_or(self.first_state_id, |edit| edit.state_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(spec: &str) -> Plan {
        let recipe = Recipe::uniform(["layer"], &spec.parse().unwrap());
        Plan { recipe, ..Plan::default() }
    }

    fn record(history: &mut History, from: &str, to: &str, gesture: Gesture) {
        history.record(
            StepName::OfChange(""),
            PlanChange::between(&plan(from), &plan(to)),
            gesture,
        );
    }

    #[test]
    fn a_drag_is_one_step() {
        let mut history = History::default();
        record(&mut history, "int8", "int7", Gesture::Drag(1));
        record(&mut history, "int7", "int6", Gesture::Drag(1));
        record(&mut history, "int6", "int4", Gesture::Drag(2));
        let labels: Vec<&str> = history.edits().map(|edit| edit.label.as_str()).collect();
        assert_eq!(labels, ["layer: bits 8 → 6", "layer: bits 6 → 4"]);
        assert_eq!(history.undo(&plan("int4")), Some(plan("int6")));
        assert_eq!(history.undo(&plan("int6")), Some(plan("int8")));
        assert_eq!(history.undo(&plan("int8")), None);
        assert_eq!(history.redo(&plan("int8")), Some(plan("int6")));
        assert_eq!(history.redo(&plan("int6")), Some(plan("int4")));
        assert_eq!(history.redo(&plan("int4")), None);
    }

    #[test]
    fn a_drag_that_returns_leaves_no_step() {
        let mut history = History::default();
        record(&mut history, "int8", "int7", Gesture::Drag(1));
        record(&mut history, "int7", "int8", Gesture::Drag(1));
        assert!(history.is_empty());
    }

    #[test]
    fn every_state_can_be_gone_to() {
        let mut history = History::default();
        for (from, to) in [("int8", "int7"), ("int7", "int6"), ("int6", "int5")] {
            record(&mut history, from, to, Gesture::Once);
        }
        assert_eq!(history.go_to(1, &plan("int5")), Some(plan("int7")));
        assert_eq!((history.n_done(), history.len()), (1, 3));
        assert_eq!(history.edit(1).unwrap().label, "layer: bits 7 → 6");
        assert_eq!(history.go_to(3, &plan("int7")), Some(plan("int5")));
        assert_eq!(history.go_to(0, &plan("int5")), Some(plan("int8")));
        assert_eq!(history.go_to(0, &plan("int8")), None);
        assert_eq!(history.go_to(99, &plan("int8")), Some(plan("int5")), "the last there is");
        let edits = history.edits().map(|e| (e.label.clone(), e.change.clone())).collect();
        let restored = History::restored(edits, 2);
        assert_eq!(restored.undo_label(), Some("layer: bits 7 → 6"));
        assert_eq!(restored.redo_label(), Some("layer: bits 6 → 5"));
    }
}
