//! A recipe file put on the layers of one network: which it names, which its rules reach, and what of
//! it is without effect, none of it silently.

use super::recipe_file::RecipeFile;
use crate::model::Network;
use crate::quant::{Recipe, Rule, RuleMatches};

/// A recipe for the layers of one network.
#[derive(Clone, Debug)]
pub struct ResolvedRecipe {
    /// A choice for every layer that the file names or a rule governs; a name goes before a rule.
    pub recipe: Recipe,
    /// Layers the file names that the network lacks.
    pub unknown: Vec<String>,
    pub idle_rules: Vec<IdleRule>,
}

/// A rule that changes nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdleRule {
    /// As it is written in the file.
    pub pattern: String,
    pub why: WhyIdle,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhyIdle {
    /// No layer's name fits.
    MatchesNothing,
    /// Earlier rules govern all the layers it matches.
    TakenBefore { n_layers: usize },
    /// The file names all the layers it governs, with other schemes.
    NamedOtherwise { n_layers: usize },
}

/// Why a recipe cannot be used with a network at all.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum NothingApplies {
    #[error("the recipe names no layers and has no rules")]
    Empty,
    #[error("the model has none of the layers it means: it means {means}; the model has {there}")]
    Elsewhere { means: String, there: String },
}

impl ResolvedRecipe {
    /// # Errors
    /// [`NothingApplies`] where no layer of the network is named or matched.
    pub fn of(file: &RecipeFile, network: &Network) -> Result<Self, NothingApplies> {
        let (mut recipe, unknown) = known_part(&file.recipe, network);
        let names: Vec<&str> = network.layers.iter().map(|layer| layer.name.as_str()).collect();
        let mut idle_rules = Vec::new();
        for (rule, matches) in file.rules.0.iter().zip(file.rules.matches(names.iter().copied())) {
            let governed: Vec<&str> =
                matches.governed.iter().filter_map(|&idx| names.get(idx).copied()).collect();
            if let Some(why) = why_idle(rule, &matches, &governed, &file.recipe) {
                idle_rules.push(IdleRule { pattern: rule.pattern.to_string(), why });
            }
            for name in governed {
                if file.recipe.get(name).is_none() {
                    recipe.set(name, rule.choice.clone());
                }
            }
        }
        if recipe.layers().next().is_none() {
            return Err(nothing_applies(unknown, idle_rules, &names));
        }
        Ok(Self { recipe, unknown, idle_rules })
    }

    /// What is without effect, a sentence each.
    pub fn warnings(&self) -> Vec<String> {
        let unknown = self
            .unknown
            .iter()
            .map(|name| format!("the model has no layer {name:?}, which the recipe names"));
        unknown.chain(self.idle_rules.iter().map(ToString::to_string)).collect()
    }
}

impl std::fmt::Display for IdleRule {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(f, "rule {:?} ", self.pattern)?;
        match self.why {
            WhyIdle::MatchesNothing => write!(f, "matches no layer of the model"),
            WhyIdle::TakenBefore { n_layers } => write!(
                f,
                "changes nothing: rules before it govern all {n_layers} layers it matches"
            ),
            WhyIdle::NamedOtherwise { n_layers } => write!(
                f,
                "changes nothing: all {n_layers} layers it governs are named under \"layers\" with another scheme, which goes before it"
            ),
        }
    }
}

/// The part of a recipe that speaks of the network's layers, and the names of the rest.
pub(super) fn known_part(recipe: &Recipe, network: &Network) -> (Recipe, Vec<String>) {
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

fn why_idle(
    rule: &Rule,
    matches: &RuleMatches,
    governed: &[&str],
    named: &Recipe,
) -> Option<WhyIdle> {
    if governed.is_empty() {
        return Some(match matches.taken_before.len() {
            0 => WhyIdle::MatchesNothing,
            n_layers => WhyIdle::TakenBefore { n_layers },
        });
    }
    let is_otherwise = |name: &&str| named.get(name).is_some_and(|choice| *choice != rule.choice);
    let n_layers = governed.len();
    governed.iter().all(is_otherwise).then_some(WhyIdle::NamedOtherwise { n_layers })
}

fn nothing_applies(
    unknown: Vec<String>,
    idle_rules: Vec<IdleRule>,
    names: &[&str],
) -> NothingApplies {
    let mut means = unknown;
    means.extend(idle_rules.into_iter().map(|rule| rule.pattern));
    if means.is_empty() {
        return NothingApplies::Empty;
    }
    let there: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let there = if there.is_empty() { "none".to_owned() } else { listed(&there) };
    NothingApplies::Elsewhere { means: listed(&means), there }
}

/// The first few of many names.
pub(super) fn listed(names: &[String]) -> String {
    const MAX_NAMES: usize = 4;
    let first: Vec<&str> = names.iter().take(MAX_NAMES).map(String::as_str).collect();
    let more = names.len().saturating_sub(MAX_NAMES);
    let first = first.join(", ");
    if more == 0 { first } else { format!("{first} and {more} more") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::FoldMode;
    use crate::quant::{RuleJson, Rules};
    use crate::session::{ModelRef, open};

    fn file(layers: &[(&str, &str)], rules: &[(&str, &str)]) -> RecipeFile {
        let mut recipe = Recipe::default();
        for (name, spec) in layers {
            recipe.set(name, spec.parse().unwrap());
        }
        let json = |(layers, scheme): &(&str, &str)| RuleJson {
            layers: (*layers).to_owned(),
            scheme: (*scheme).to_owned(),
        };
        let rules = Rules::from_json(&rules.iter().map(json).collect::<Vec<_>>()).unwrap();
        RecipeFile { recipe, rules, fold_mode: None, model: None }
    }

    #[test]
    fn names_go_before_rules_and_nothing_is_silent() {
        let network = open(&ModelRef::default_sample(), FoldMode::Fold).unwrap().network;
        let rules = [("block*", "int8"), ("block1*", "int2"), ("fc", "int3"), ("gone", "int2")];
        let file = file(&[("fc", "int4"), ("conv9", "int4")], &rules);
        let resolved = ResolvedRecipe::of(&file, &network).unwrap();
        let spec = |name: &str| resolved.recipe.get(name).map(ToString::to_string);
        assert_eq!(spec("fc").as_deref(), Some("int:bits=4"));
        let blocks: Vec<&str> = network.layers.iter().map(|layer| layer.name.as_str()).collect();
        for name in blocks.iter().filter(|name| name.starts_with("block")) {
            assert_eq!(spec(name).as_deref(), Some("int"), "{name}");
        }
        assert_eq!(spec("stem"), None);
        assert_eq!(resolved.unknown, ["conv9"]);
        let n_taken = blocks.iter().filter(|name| name.starts_with("block1")).count();
        assert!(n_taken > 0, "{blocks:?}");
        let idle: Vec<(&str, WhyIdle)> =
            resolved.idle_rules.iter().map(|rule| (rule.pattern.as_str(), rule.why)).collect();
        let wanted = [
            ("block1*", WhyIdle::TakenBefore { n_layers: n_taken }),
            ("fc", WhyIdle::NamedOtherwise { n_layers: 1 }),
            ("gone", WhyIdle::MatchesNothing),
        ];
        assert_eq!(idle, wanted);
        assert_eq!(resolved.warnings().len(), 4);
    }

    #[test]
    fn a_recipe_of_which_nothing_applies_is_an_error() {
        let network = open(&ModelRef::default_sample(), FoldMode::Fold).unwrap().network;
        let error = |file: &RecipeFile| ResolvedRecipe::of(file, &network).unwrap_err();
        assert_eq!(error(&file(&[], &[])), NothingApplies::Empty);
        let elsewhere = error(&file(&[("conv9", "int4")], &[("*.q_proj", "int4")])).to_string();
        assert!(elsewhere.contains("conv9, *.q_proj") && elsewhere.contains("stem"), "{elsewhere}");
    }
}
