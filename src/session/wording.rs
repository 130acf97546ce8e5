//! What a change is called: which layers it is about, and from what to what.

use super::change::{FromTo, PlanChange};
use crate::base::significant;
use crate::model::FoldMode;
use crate::quant::{Rule, SchemeChoice, SettingValue};

impl PlanChange {
    /// In a few words: `stem: bits 8 → 4`, `6 layers: range min-max → mse`,
    /// `Fold batch norm: on → off`.
    pub fn label(&self) -> String {
        self.label_or("several schemes")
    }

    /// The same, with those words where layers do not become the same.
    pub(super) fn label_or(&self, otherwise: &str) -> String {
        match self.from_to() {
            None if self.layers.is_empty() => self.what(),
            from_to => format!("{}: {}", self.what(), from_to.as_deref().unwrap_or(otherwise)),
        }
    }

    /// What it is about: a layer by its name, several by their number.
    pub fn what(&self) -> String {
        match (self.layers.keys().next(), self.layers.len()) {
            (Some(name), 1) => name.clone(),
            (Some(_), n_layers) => format!("{n_layers} layers"),
            (None, _) if self.fold.is_some() => "Fold batch norm".to_owned(),
            (None, _) if self.rules.is_some() => "Rules".to_owned(),
            (None, _) => "Locks".to_owned(),
        }
    }

    /// From what to what, as far as it is the same for all layers; `None` where nothing is.
    pub fn from_to(&self) -> Option<String> {
        let fold = self.fold.map(|(_, after)| {
            let (from, to) = fold_words(after);
            format!("{from} → {to}")
        });
        match (layers_text(self.layers.values().collect()), fold) {
            (None, fold) => fold,
            (layers, None) => layers,
            (Some(layers), Some(fold)) => Some(format!("{layers}, fold batch norm {fold}")),
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
        if let Some((_, rules)) = &self.rules {
            let rule = |rule: &Rule| format!("{} → {}", rule.pattern, rule.choice);
            let rules: Vec<String> = rules.0.iter().map(rule).collect();
            let rules = if rules.is_empty() { "none".to_owned() } else { rules.join("; ") };
            parts.push(format!("rules: {rules}"));
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
}

fn words(choice: Option<&SchemeChoice>) -> String {
    choice.map_or_else(|| SchemeChoice::float().to_string(), ToString::to_string)
}

/// Off and on, in the order they were.
fn fold_words(after: FoldMode) -> (&'static str, &'static str) {
    if after == FoldMode::Fold { ("off", "on") } else { ("on", "off") }
}

/// The settings that differ, or the whole of it where the scheme is another.
fn layers_text(layers: Vec<&FromTo>) -> Option<String> {
    let scheme = layers.first()?.after.as_ref().map(SchemeChoice::scheme);
    let keeps = |change: &&FromTo, id: &str| {
        let both = [&change.before, &change.after];
        both.iter().all(|choice| choice.as_ref().is_some_and(|choice| choice.scheme().id() == id))
    };
    let kept = scheme.filter(|scheme| layers.iter().all(|layer| keeps(layer, scheme.id())));
    let Some(scheme) = kept else {
        let after = one_of(layers.iter().map(|layer| layer.to()));
        let before = one_of(layers.iter().map(|layer| layer.from()));
        return after.map(|after| match before {
            Some(before) => format!("{before} → {after}"),
            None => format!("→ {after}"),
        });
    };
    let value = |choice: &Option<SchemeChoice>, key: &str| choice.as_ref()?.settings().get(key);
    let spans = |key: &str| {
        let changed = || {
            let pairs = layers.iter().map(|l| (value(&l.before, key), value(&l.after, key)));
            pairs.filter(|(before, after)| before != after)
        };
        let after = span(changed().filter_map(|(_, after)| after).collect())?;
        let before = span(changed().filter_map(|(before, _)| before).collect());
        Some((before.unwrap_or_default(), after))
    };
    let mut parts = Vec::new();
    let ends = (spans("lo"), spans("hi"));
    for param in scheme.settings() {
        let part = match (param.key, &ends) {
            ("lo", (Some(lo), Some(hi))) => Some(ends_text(lo, hi)),
            ("hi", (Some(_), Some(_))) => None,
            (key, _) => spans(key).map(|spans| part_text(key, &spans)),
        };
        parts.extend(part);
    }
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// `bits 8 → 4`; without what it was where that differs from layer to layer.
fn part_text(name: &str, (before, after): &(String, String)) -> String {
    let before = if before.is_empty() { String::new() } else { format!("{before} ") };
    format!("{name} {before}→ {after}")
}

/// Both ends of a range by hand.
fn ends_text(lo: &(String, String), hi: &(String, String)) -> String {
    let range = |lo: &str, hi: &str| match (lo, hi) {
        ("", _) | (_, "") => String::new(),
        (lo, hi) if lo == hi => lo.to_owned(),
        (lo, hi) if lo.strip_prefix(crate::base::MINUS) == Some(hi) => format!("±{hi}"),
        (lo, hi) => format!("{lo} … {hi}"),
    };
    part_text("clip", &(range(&lo.0, &hi.0), range(&lo.1, &hi.1)))
}

/// The value of all layers, or from the least to the largest; `None` where there is no such span.
fn span(values: Vec<SettingValue>) -> Option<String> {
    if let Some(same) = one_of(values.iter().map(|value| value_text(*value))) {
        return Some(same);
    }
    let number = |value: &SettingValue| match value {
        SettingValue::Int(int) => Some(*int as f64),
        SettingValue::Float(float) => Some(*float),
        SettingValue::Choice(_) | SettingValue::Auto => None,
    };
    let mut numbers: Vec<(f64, SettingValue)> =
        values.into_iter().map(|value| Some((number(&value)?, value))).collect::<Option<_>>()?;
    numbers.sort_by(|a, b| a.0.total_cmp(&b.0));
    let ((_, least), (_, largest)) = (numbers.first()?, numbers.last()?);
    Some(format!("{} … {}", value_text(*least), value_text(*largest)))
}

fn value_text(value: SettingValue) -> String {
    match value {
        SettingValue::Float(float) => significant(float, 3),
        other => other.to_string(),
    }
}

/// The text if all are the same.
fn one_of(mut texts: impl Iterator<Item = String>) -> Option<String> {
    let first = texts.next()?;
    texts.all(|text| text == first).then_some(first)
}

#[cfg(test)]
mod tests {
    use super::super::history::Plan;
    use super::*;
    use crate::quant::Recipe;

    fn plan(stem: &str, head: Option<&str>) -> Plan {
        let mut recipe = Recipe::default();
        recipe.set("stem", stem.parse().unwrap());
        if let Some(head) = head {
            recipe.set("head", head.parse().unwrap());
        }
        Plan { recipe, ..Plan::default() }
    }

    fn label(from: (&str, Option<&str>), to: (&str, Option<&str>)) -> String {
        PlanChange::between(&plan(from.0, from.1), &plan(to.0, to.1)).label()
    }

    #[test]
    fn labels_say_what_changed_from_what() {
        for (from, to, wanted) in [
            ("int8", "int4", "stem: bits 8 → 4"),
            ("int4", "float", "stem: int:bits=4 → float"),
            (
                "int",
                "int:symmetry=asymmetric,granularity=per-channel",
                "stem: symmetry symmetric → asymmetric, granularity per-tensor → per-channel",
            ),
            ("int", "int:range=mse", "stem: range min-max → mse"),
            (
                "int:range=manual,lo=-0.1234567,hi=0.1234567",
                "int:range=manual,lo=-0.25,hi=0.25",
                "stem: clip ±0.123 → ±0.250",
            ),
            (
                "int:range=manual,lo=-0.1234567,hi=0.3",
                "int:range=manual,lo=-0.25,hi=0.25",
                "stem: clip −0.123 … 0.300 → ±0.250",
            ),
            (
                "int:range=manual,lo=-0.1234567,hi=0.3",
                "int:range=manual,lo=-0.25,hi=0.3",
                "stem: lo −0.123 → −0.250",
            ),
        ] {
            assert_eq!(label((from, None), (to, None)), wanted);
        }
        let kept = Plan { fold_mode: FoldMode::Keep, ..plan("int8", None) };
        let change = PlanChange::between(&plan("int8", None), &kept);
        assert_eq!(change.label(), "Fold batch norm: on → off");
    }

    #[test]
    fn several_layers_have_what_they_share() {
        for (from, to, wanted) in [
            (("int8", "int8"), ("int4", "int4"), "2 layers: bits 8 → 4"),
            (("int8", "int6"), ("int4", "int4"), "2 layers: bits 6 … 8 → 4"),
            (("int8", "int6"), ("int4", "int3"), "2 layers: bits 6 … 8 → 3 … 4"),
            (("float", "int6"), ("int4", "int4"), "2 layers: → int:bits=4"),
            (("float", "float"), ("int4", "int4"), "2 layers: float → int:bits=4"),
            (("float", "int4"), ("int4", "float"), "2 layers: several schemes"),
            (
                ("int4", "int:granularity=per-channel"),
                ("int:granularity=per-group", "int:granularity=per-group"),
                "2 layers: bits 4 → 8, granularity → per-group",
            ),
        ] {
            assert_eq!(label((from.0, Some(from.1)), (to.0, Some(to.1))), wanted);
        }
        let both = PlanChange::between(&plan("int8", None), &plan("int4", Some("int4")));
        assert_eq!(both.details(1), "head: float → int:bits=4, 1 more");
    }
}
