//! What differs between two plans, layer by layer: what a step of the history holds instead of two
//! whole plans.

use std::collections::BTreeMap;

use super::history::Plan;
use crate::model::FoldMode;
use crate::quant::{Recipe, SchemeChoice};

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
}

impl PlanChange {
    pub(super) fn between(before: &Plan, after: &Plan) -> Self {
        // Taken apart field by field, so that a new field of a plan cannot be forgotten here.
        let Plan { recipe: recipe_before, fold_mode: fold_before, locked: locked_before } = before;
        let Plan { recipe: recipe_after, fold_mode: fold_after, locked: locked_after } = after;
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
        Self { layers, fold, locks }
    }

    pub fn is_empty(&self) -> bool {
        self.layers.is_empty() && self.fold.is_none() && self.locks.is_empty()
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
        for (name, &is_locked) in &self.locks {
            set_lock(&mut plan, name, !is_locked);
        }
        plan
    }

    /// In a few words: `stem: bits 8 → 4`, `fold batch norm: on → off`, `6 layers`.
    pub fn label(&self) -> String {
        let mut layers = self.layers.iter();
        match (layers.next(), layers.next(), self.fold) {
            (Some((name, change)), None, None) => format!("{name}: {}", change.label()),
            (None, _, Some((_, after))) => {
                let (from, to) = fold_words(after);
                format!("Fold batch norm: {from} → {to}")
            }
            _ => format!("{} layers", self.layers.len()),
        }
    }

    /// In full, from what to what, for at most `n_layers` layers.
    pub fn details(&self, n_layers: usize) -> String {
        let mut parts: Vec<String> = self
            .layers
            .iter()
            .take(n_layers)
            .map(|(name, change)| format!("{name}: {} → {}", change.from(), change.to()))
            .collect();
        if let Some((_, after)) = self.fold {
            let (from, to) = fold_words(after);
            parts.push(format!("fold batch norm: {from} → {to}"));
        }
        if self.layers.len() > n_layers {
            parts.push(format!("{} more", self.layers.len() - n_layers));
        }
        parts.join(", ")
    }
}

impl FromTo {
    /// How the layer was quantized before.
    pub fn from(&self) -> String {
        words(self.before.as_ref())
    }

    /// How it is quantized after.
    pub fn to(&self) -> String {
        words(self.after.as_ref())
    }

    /// The settings that differ, or the whole of it under another scheme.
    fn label(&self) -> String {
        let (Some(before), Some(after)) = (&self.before, &self.after) else {
            return format!("{} → {}", self.from(), self.to());
        };
        if before.scheme().id() != after.scheme().id() {
            return format!("{before} → {after}");
        }
        let changed: Vec<String> = after
            .scheme()
            .settings()
            .filter_map(|param| {
                let from = before.settings().get(param.key)?;
                let to = after.settings().get(param.key)?;
                (from != to).then(|| format!("{} {from} → {to}", param.key))
            })
            .collect();
        changed.join(", ")
    }
}

fn words(choice: Option<&SchemeChoice>) -> String {
    choice.map_or_else(|| SchemeChoice::float().to_string(), ToString::to_string)
}

fn fold_words(after: FoldMode) -> (&'static str, &'static str) {
    if after == FoldMode::Fold { ("off", "on") } else { ("on", "off") }
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
        let (before, after) = (plan("int8", None), plan("int4", Some("float")));
        let change = PlanChange::between(&before, &after);
        assert_eq!(change.forward(&before), after);
        assert_eq!(change.backward(&after), before);
        let mut there_and_back = change;
        there_and_back.followed_by(PlanChange::between(&after, &before));
        assert!(there_and_back.is_empty());
    }

    #[test]
    fn labels_say_what_changed() {
        for (from, to, label) in [
            ("int8", "int4", "stem: bits 8 → 4"),
            ("int4", "float", "stem: int:bits=4 → float"),
            (
                "int",
                "int:symmetry=asymmetric,granularity=per-channel",
                "stem: symmetry symmetric → asymmetric, granularity per-tensor → per-channel",
            ),
        ] {
            let change = PlanChange::between(&plan(from, None), &plan(to, None));
            assert_eq!(change.label(), label);
        }
        let kept = Plan { fold_mode: FoldMode::Keep, ..plan("int8", None) };
        let change = PlanChange::between(&plan("int8", None), &kept);
        assert_eq!(change.label(), "Fold batch norm: on → off");
        let both = PlanChange::between(&plan("int8", None), &plan("int4", Some("int4")));
        assert_eq!(both.label(), "2 layers");
        assert_eq!(both.details(1), "head: float → int:bits=4, 1 more");
    }
}
