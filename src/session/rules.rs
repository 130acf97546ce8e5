//! Rules by pattern put into effect, and which layers follow them.

use super::command::Gesture;
use super::state::Session;
use crate::quant::{RuleMatches, Rules};

/// What has become of one rule.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleHits {
    /// The layers it governs, by their place in the network.
    pub layers: Vec<usize>,
    /// Layers that it matches but an earlier rule governs.
    pub taken_before: usize,
    /// Of those it governs, unlocked ones that are quantized otherwise: set by hand after the rule.
    pub changed_by_hand: usize,
    /// Of those it governs, locked ones that are quantized otherwise.
    pub locked: usize,
}

impl RuleHits {
    /// Whether no layer's name fits the rule.
    pub fn matches_nothing(&self) -> bool {
        self.layers.is_empty() && self.taken_before == 0
    }
}

impl Session {
    /// What has become of every rule of the plan, in order. Quick enough for every frame.
    pub fn rule_hits(&self) -> Vec<RuleHits> {
        let rules = &self.plan.rules;
        let matches = self.rule_matches(rules);
        let hits =
            rules.0.iter().zip(matches).map(|(rule, RuleMatches { governed, taken_before })| {
                let mut hits = RuleHits { taken_before: taken_before.len(), ..RuleHits::default() };
                for &layer_idx in &governed {
                    if self.choice(layer_idx) == rule.choice {
                        continue;
                    }
                    let count = match self.is_locked(layer_idx) {
                        true => &mut hits.locked,
                        false => &mut hits.changed_by_hand,
                    };
                    *count += 1;
                }
                RuleHits { layers: governed, ..hits }
            });
        hits.collect()
    }

    fn rule_matches(&self, rules: &Rules) -> Vec<RuleMatches> {
        let layers = self.network().map(|network| network.layers.as_slice()).unwrap_or_default();
        rules.matches(layers.iter().map(|layer| layer.name.as_str()))
    }

    /// Other rules, and the layers as they say.
    pub(super) fn set_rules(&mut self, label: &str, rules: Rules) {
        let mut plan = self.plan.clone();
        let matches = self.rule_matches(&rules);
        let Some(network) = self.network() else { return };
        for (rule, RuleMatches { governed, .. }) in rules.0.iter().zip(matches) {
            let layers = governed.iter().filter_map(|&idx| network.layers.get(idx));
            for layer in layers.filter(|layer| !self.plan.locked.contains(&layer.name)) {
                plan.recipe.set(&layer.name, rule.choice.clone());
            }
        }
        plan.rules = rules;
        self.change(label, plan, Gesture::Once);
    }
}
