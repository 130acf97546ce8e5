//! What can be undone.

use std::collections::BTreeSet;

use super::command::Gesture;
use crate::model::FoldMode;
use crate::quant::Recipe;

/// Everything a person decides about a model: what undo goes back to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    pub recipe: Recipe,
    pub fold_mode: FoldMode,
    /// Names of the layers that no setting changes.
    pub locked: BTreeSet<String>,
}

#[derive(Clone, Debug)]
struct Edit {
    label: String,
    gesture: Gesture,
    before: Plan,
    after: Plan,
}

/// The edits made, and those undone.
#[derive(Clone, Debug, Default)]
pub struct History {
    done: Vec<Edit>,
    undone: Vec<Edit>,
}

/// The most edits that are kept.
const MAX_EDITS: usize = 1000;

impl History {
    /// Records a change; one of the same drag and label as the last becomes part of it.
    pub(super) fn record(&mut self, label: &str, before: &Plan, after: &Plan, gesture: Gesture) {
        self.undone.clear();
        let goes_on = |last: &Edit| last.gesture == gesture && last.label == label;
        if gesture != Gesture::Once
            && let Some(last) = self.done.last_mut().filter(|last| goes_on(last))
        {
            last.after = after.clone();
            return;
        }
        if self.done.len() == MAX_EDITS {
            self.done.remove(0);
        }
        self.done.push(Edit {
            label: label.to_owned(),
            gesture,
            before: before.clone(),
            after: after.clone(),
        });
    }

    pub(super) fn undo(&mut self) -> Option<Plan> {
        let edit = self.done.pop()?;
        let plan = edit.before.clone();
        self.undone.push(edit);
        Some(plan)
    }

    pub(super) fn redo(&mut self) -> Option<Plan> {
        let edit = self.undone.pop()?;
        let plan = edit.after.clone();
        self.done.push(edit);
        Some(plan)
    }

    /// What undo would take back.
    pub fn undo_label(&self) -> Option<&str> {
        self.done.last().map(|edit| edit.label.as_str())
    }

    /// What redo would do again.
    pub fn redo_label(&self) -> Option<&str> {
        self.undone.last().map(|edit| edit.label.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(spec: &str) -> Plan {
        let recipe = Recipe::uniform(["layer"], &spec.parse().unwrap());
        Plan { recipe, ..Plan::default() }
    }

    #[test]
    fn a_drag_is_one_step() {
        let mut history = History::default();
        history.record("bits", &plan("int8"), &plan("int7"), Gesture::Drag(1));
        history.record("bits", &plan("int7"), &plan("int6"), Gesture::Drag(1));
        history.record("bits", &plan("int6"), &plan("int4"), Gesture::Drag(2));
        assert_eq!(history.undo(), Some(plan("int6")));
        assert_eq!(history.undo(), Some(plan("int8")));
        assert_eq!(history.undo(), None);
        assert_eq!(history.redo(), Some(plan("int6")));
        assert_eq!(history.redo(), Some(plan("int4")));
        assert_eq!(history.redo(), None);
    }
}
