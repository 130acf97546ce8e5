//! Settings and channels by words and numbers, for the palette: “bits 6”, “per channel”,
//! “percentile 99.5”, “channel 12”. What schemes declare is the table; nothing is listed twice.

use super::actions::ACTIONS;
use crate::quant::schemes::SCHEMES;
use crate::quant::{ParamKind, ParamSpec, QuantScheme, SchemeChoice, SettingValue};
use crate::session::Session;

/// Values that people ask for, of settings that take many; any other is found by its number.
static USUAL: &[(&str, &[f64])] = &[
    ("group-size", &[16.0, 32.0, 64.0, 128.0, 256.0]),
    ("percentile", &[99.0, 99.5, 99.9, 99.99]),
];

/// One value of one setting.
#[derive(Clone, Copy)]
pub(super) struct SettingEntry {
    /// A scheme that has the setting, for layers whose own has not.
    owner: &'static dyn QuantScheme,
    param: &'static ParamSpec,
    value: SettingValue,
}

impl SettingEntry {
    /// As the palette lists it: `Bits 6`, `Symmetry: Asymmetric`.
    pub fn title(&self) -> String {
        let label = self.param.label;
        match (&self.param.kind, self.value) {
            (ParamKind::Choice { choices, .. }, SettingValue::Choice(key)) => {
                let name = choices.iter().find(|choice| choice.key == key).map_or(key, |c| c.label);
                if label.ends_with(" per") {
                    format!("{label} {}", name.to_lowercase())
                } else {
                    format!("{label}: {name}")
                }
            }
            (_, value) => format!("{label} {value}"),
        }
    }

    /// Other words it is found by.
    pub fn words(&self) -> String {
        format!("{} {}", self.param.key, self.value)
    }

    /// The choice with the setting, and with what gives it an effect.
    pub fn apply(&self, choice: &SchemeChoice) -> Option<SchemeChoice> {
        let mut set = match choice.param(self.param.key) {
            Some(_) => choice.clone(),
            None => choice.switched_to(self.owner),
        };
        for condition in set.param(self.param.key)?.relevant {
            if !condition.any_of.contains(&set.settings().choice(condition.key)) {
                let needed = SettingValue::Choice(condition.any_of.first()?);
                set = set.with(condition.key, needed).ok()?;
            }
        }
        set.with(self.param.key, self.value).ok()
    }
}

/// Every setting of the scheme of the layer shown, then what other schemes have besides; with the
/// numbers that the search names.
pub(super) fn setting_entries(session: &Session, search: &str) -> Vec<SettingEntry> {
    let own = session.choice(session.selection().layer_idx).scheme();
    let others = SCHEMES.iter().copied().filter(|scheme| scheme.id() != own.id());
    let mut seen: Vec<&str> = Vec::new();
    let mut entries: Vec<SettingEntry> = Vec::new();
    for owner in std::iter::once(own).chain(others) {
        for param in owner.settings() {
            if seen.contains(&param.key) {
                continue;
            }
            seen.push(param.key);
            let entry = |value| SettingEntry { owner, param, value };
            entries.extend(values_of(param, search).into_iter().map(entry));
        }
    }
    // What has a key of its own is listed with it.
    let is_action = |entry: &SettingEntry| {
        ACTIONS.iter().any(|action| action.name.eq_ignore_ascii_case(&entry.title()))
    };
    entries.retain(|entry| !is_action(entry));
    entries
}

fn values_of(param: &ParamSpec, search: &str) -> Vec<SettingValue> {
    let usual = USUAL.iter().find(|(key, _)| *key == param.key).map_or(&[][..], |(_, list)| list);
    let asked = numbers_in(search);
    let numbers = usual.iter().copied().chain(asked);
    let whole = |number: f64| (number.fract() == 0.0).then_some(SettingValue::Int(number as i64));
    let mut values: Vec<SettingValue> = match &param.kind {
        ParamKind::Choice { choices, .. } if choices.len() < 2 => Vec::new(),
        ParamKind::Choice { choices, .. } => {
            choices.iter().map(|choice| SettingValue::Choice(choice.key)).collect()
        }
        ParamKind::Int { min, max, .. } if max - min <= 32 => {
            (*min..=*max).map(SettingValue::Int).collect()
        }
        ParamKind::Int { .. } => numbers.filter_map(whole).collect(),
        ParamKind::Float { .. } => numbers.map(SettingValue::Float).collect(),
        ParamKind::AutoInt { .. } => {
            std::iter::once(SettingValue::Auto).chain(numbers.filter_map(whole)).collect()
        }
        ParamKind::AutoFloat { .. } => {
            std::iter::once(SettingValue::Auto).chain(numbers.map(SettingValue::Float)).collect()
        }
    };
    let mut first = Vec::new();
    values.retain(|value| {
        let is_new = param.allows(*value) && !first.contains(value);
        first.push(*value);
        is_new
    });
    values
}

/// The channels of the layer shown that the search names by number.
pub(super) fn channel_entries(session: &Session, search: &str) -> Vec<usize> {
    let n_channels = session.shown_channels();
    let whole = numbers_in(search).filter(|number| number.fract() == 0.0 && *number >= 0.0);
    whole.map(|number| number as usize).filter(|idx| *idx < n_channels).collect()
}

fn numbers_in(search: &str) -> impl Iterator<Item = f64> + '_ {
    search
        .split_whitespace()
        .filter_map(|word| word.trim_end_matches('%').replace('−', "-").parse().ok())
        .filter(|number: &f64| number.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(words: &str, to: &str) -> String {
        let session = Session::new(|| {});
        let entries = setting_entries(&session, words);
        let entry = entries.iter().find(|entry| entry.title().eq_ignore_ascii_case(words));
        let entry = entry.unwrap_or_else(|| panic!("{words} is not there"));
        entry.apply(&to.parse().unwrap()).unwrap().to_string()
    }

    #[test]
    fn a_setting_brings_what_gives_it_an_effect() {
        for (words, to, expected) in [
            ("bits 6", "int", "int:bits=6"),
            ("bits 6", "float", "int:bits=6"),
            ("group size 48", "int", "int:granularity=per-group,group-size=48"),
            ("percentile 99.7", "int4", "int:bits=4,range=percentile,percentile=99.7"),
            ("symmetry: asymmetric", "int", "int:symmetry=asymmetric"),
            ("clip low -0.5", "int", "int:range=manual,lo=-0.5"),
        ] {
            assert_eq!(applied(words, to), expected, "{words}");
        }
    }

    #[test]
    fn numbers_out_of_bounds_are_not_offered() {
        let session = Session::new(|| {});
        let titles: Vec<String> =
            setting_entries(&session, "bits 99").iter().map(SettingEntry::title).collect();
        assert!(titles.contains(&"Bits 2".to_owned()) && !titles.contains(&"Bits 99".to_owned()));
        assert!(titles.contains(&"Percentile 99".to_owned()));
        assert_eq!(titles.iter().filter(|title| *title == "Percentile 99").count(), 1);
    }
}
