//! What differs between two plans, layer by layer: what a step of the history holds instead of two
//! whole plans.

use std::collections::BTreeMap;

use super::history::Plan;
use crate::model::FoldMode;
use crate::quant::{Recipe, Rules, SchemeChoice};

/// From what to what; `None` where the recipe does not speak of the layer.
#[derive(Clone, Debug, PartialEq)]
pub struct FromTo {
    pub before: Option<SchemeChoice>,
    pub after: Option<SchemeChoice>,
}

/// The difference of two plans.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PlanChange {
    /// By layer, those alone that differ.
    pub layers: BTreeMap<String, FromTo>,
    /// Before and after, where it differs.
    pub fold: Option<(FoldMode, FoldMode)>,
    /// Layers that were locked (`true`) or unlocked.
    pub locks: BTreeMap<String, bool>,
    /// Before and after, where they differ.
    pub rules: Option<(Rules, Rules)>,
}

impl PlanChange {
    pub(super) fn between(before: &Plan, after: &Plan) -> Self {
        // Taken apart field by field, so that a new field of a plan cannot be forgotten here.
        let Plan {
            recipe: recipe_before,
            rules: rules_before,
            fold_mode: fold_before,
            locked: locked_before,
        } = before;
        let Plan {
            recipe: recipe_after,
            rules: rules_after,
            fold_mode: fold_after,
            locked: locked_after,
        } = after;
        let mut layers = BTreeMap::new();
        for name in recipe_before.layers().chain(recipe_after.layers()) {
            let (before, after) = (recipe_before.get(name), recipe_after.get(name));
            if before != after {
                let change = FromTo { before: before.cloned(), after: after.cloned() };
                layers.insert(name.to_owned(), change);
            }
        }
        let fold = (fold_before != fold_after).then_some((*fold_before, *fold_after));
        let locks = locked_before
            .symmetric_difference(locked_after)
            .map(|name| (name.clone(), locked_after.contains(name)))
            .collect();
        let rules =
            (rules_before != rules_after).then(|| (rules_before.clone(), rules_after.clone()));
        Self { layers, fold, locks, rules }
    }

    pub fn is_empty(&self) -> bool {
        let Self { layers, fold, locks, rules } = self;
        layers.is_empty() && fold.is_none() && locks.is_empty() && rules.is_none()
    }

    /// This change and then a later one, as one.
    pub(super) fn followed_by(&mut self, later: Self) {
        for (name, change) in later.layers {
            match self.layers.get_mut(&name) {
                Some(earlier) => earlier.after = change.after,
                None => drop(self.layers.insert(name, change)),
            }
        }
        self.layers.retain(|_, change| change.before != change.after);
        if let Some((before, after)) = later.fold {
            let first = self.fold.map_or(before, |(first, _)| first);
            self.fold = (first != after).then_some((first, after));
        }
        if let Some((before, after)) = later.rules {
            let first = self.rules.take().map_or(before, |(first, _)| first);
            self.rules = (first != after).then_some((first, after));
        }
        for (name, is_locked) in later.locks {
            // Locked and unlocked again is no change.
            if self.locks.remove(&name).is_none() {
                self.locks.insert(name, is_locked);
            }
        }
    }

    /// The plan after the change.
    pub(super) fn forward(&self, plan: &Plan) -> Plan {
        let mut plan = plan.clone();
        for (name, change) in &self.layers {
            put(&mut plan.recipe, name, change.after.as_ref());
        }
        if let Some((_, after)) = self.fold {
            plan.fold_mode = after;
        }
        if let Some((_, after)) = &self.rules {
            plan.rules = after.clone();
        }
        for (name, &is_locked) in &self.locks {
            set_lock(&mut plan, name, is_locked);
        }
        plan
    }

    /// The plan before the change.
    pub(super) fn backward(&self, plan: &Plan) -> Plan {
        let mut plan = plan.clone();
        for (name, change) in &self.layers {
            put(&mut plan.recipe, name, change.before.as_ref());
        }
        if let Some((before, _)) = self.fold {
            plan.fold_mode = before;
        }
        if let Some((before, _)) = &self.rules {
            plan.rules = before.clone();
        }
        for (name, &is_locked) in &self.locks {
            set_lock(&mut plan, name, !is_locked);
        }
        plan
    }
}

fn set_lock(plan: &mut Plan, layer: &str, is_locked: bool) {
    if is_locked {
        plan.locked.insert(layer.to_owned());
    } else {
        plan.locked.remove(layer);
    }
}

fn put(recipe: &mut Recipe, layer: &str, choice: Option<&SchemeChoice>) {
    match choice {
        Some(choice) => recipe.set(layer, choice.clone()),
        None => recipe.forget(layer),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quant::Rule;

    fn plan(stem: &str, head: Option<&str>) -> Plan {
        let mut recipe = Recipe::default();
        recipe.set("stem", stem.parse().unwrap());
        if let Some(head) = head {
            recipe.set("head", head.parse().unwrap());
        }
        Plan { recipe, ..Plan::default() }
    }

    #[test]
    fn a_change_leads_there_and_back() {
        let (before, mut after) = (plan("int8", None), plan("int4", Some("float")));
        let rule = Rule { pattern: "st*".parse().unwrap(), choice: "int4".parse().unwrap() };
        after.rules = Rules(vec![rule]);
        let change = PlanChange::between(&before, &after);
        assert_eq!(change.forward(&before), after);
        assert_eq!(change.backward(&after), before);
        let mut there_and_back = change;
        there_and_back.followed_by(PlanChange::between(&after, &before));
        assert!(there_and_back.is_empty());
    }
}
