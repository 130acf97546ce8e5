//! Settings that a scheme declares and a person chooses.

use std::collections::BTreeMap;

use crate::base::significant;

/// Why a setting is refused; the message lists what there is.
#[derive(Clone, Debug, thiserror::Error, PartialEq)]
pub enum SettingError {
    #[error("{scheme} has no setting {key:?}; it has {known}")]
    UnknownKey { scheme: &'static str, key: String, known: String },
    #[error("{key}={found} is not possible; expected {expected}")]
    BadValue { key: &'static str, found: String, expected: String },
}

/// One declared setting.
#[derive(Debug)]
pub struct ParamSpec {
    pub key: &'static str,
    /// Name of the control.
    pub label: &'static str,
    /// One sentence with the formula.
    pub help: &'static str,
    pub kind: ParamKind,
    /// All must hold for the setting to have an effect.
    pub relevant: &'static [Condition],
    pub prominence: Prominence,
}

/// When a setting is worth a place on the screen; a specification takes it always.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prominence {
    /// Whenever it has an effect.
    Usual,
    /// Where it has an effect, folded away until asked for or changed.
    Rare,
    /// For tensors with weights that are NaN or infinite.
    NonFiniteOnly,
}

/// `key` has one of these values.
#[derive(Debug)]
pub struct Condition {
    pub key: &'static str,
    pub any_of: &'static [&'static str],
}

/// What values a setting takes.
#[derive(Debug)]
pub enum ParamKind {
    Int {
        min: i64,
        max: i64,
        default: i64,
    },
    /// A whole number, or `auto`.
    AutoInt {
        min: i64,
        max: i64,
    },
    Float {
        min: f64,
        max: f64,
        default: f64,
    },
    /// A number, or `auto`.
    AutoFloat {
        min: f64,
        max: f64,
    },
    Choice {
        choices: &'static [ChoiceSpec],
        default: &'static str,
    },
}

/// One value of a [`ParamKind::Choice`].
#[derive(Debug)]
pub struct ChoiceSpec {
    pub key: &'static str,
    pub label: &'static str,
    pub help: &'static str,
}

/// The value of a setting.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum SettingValue {
    Int(i64),
    Float(f64),
    Choice(&'static str),
    Auto,
}

impl std::fmt::Display for SettingValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Int(int) => write!(f, "{int}"),
            Self::Float(float) => write!(f, "{float}"),
            Self::Choice(key) => f.write_str(key),
            Self::Auto => f.write_str("auto"),
        }
    }
}

impl ParamSpec {
    pub fn default_value(&self) -> SettingValue {
        match self.kind {
            ParamKind::Int { default, .. } => SettingValue::Int(default),
            ParamKind::Float { default, .. } => SettingValue::Float(default),
            ParamKind::Choice { default, .. } => SettingValue::Choice(default),
            ParamKind::AutoInt { .. } | ParamKind::AutoFloat { .. } => SettingValue::Auto,
        }
    }

    /// Reads a value from text.
    ///
    /// # Errors
    /// [`SettingError::BadValue`] with what is allowed.
    pub fn parse(&self, text: &str) -> Result<SettingValue, SettingError> {
        let parsed = match &self.kind {
            ParamKind::Choice { choices, .. } => {
                choices.iter().find(|c| c.key == text).map(|c| SettingValue::Choice(c.key))
            }
            ParamKind::Int { .. } => text.parse().ok().map(SettingValue::Int),
            ParamKind::Float { .. } => text.parse().ok().map(SettingValue::Float),
            ParamKind::AutoInt { .. } | ParamKind::AutoFloat { .. } if text == "auto" => {
                Some(SettingValue::Auto)
            }
            ParamKind::AutoInt { .. } => text.parse().ok().map(SettingValue::Int),
            ParamKind::AutoFloat { .. } => text.parse().ok().map(SettingValue::Float),
        };
        parsed.filter(|value| self.allows(*value)).ok_or_else(|| SettingError::BadValue {
            key: self.key,
            found: text.to_owned(),
            expected: self.expected(),
        })
    }

    /// Whether a value of the right kind lies within the bounds.
    pub fn allows(&self, value: SettingValue) -> bool {
        match (&self.kind, value) {
            (
                ParamKind::Int { min, max, .. } | ParamKind::AutoInt { min, max },
                SettingValue::Int(int),
            ) => (*min..=*max).contains(&int),
            (
                ParamKind::Float { min, max, .. } | ParamKind::AutoFloat { min, max },
                SettingValue::Float(float),
            ) => float.is_finite() && (*min..=*max).contains(&float),
            (ParamKind::AutoInt { .. } | ParamKind::AutoFloat { .. }, SettingValue::Auto) => true,
            (ParamKind::Choice { choices, .. }, SettingValue::Choice(key)) => {
                choices.iter().any(|choice| choice.key == key)
            }
            _ => false,
        }
    }

    /// What is allowed, in words.
    pub fn expected(&self) -> String {
        match &self.kind {
            ParamKind::Int { min, max, .. } => format!("a whole number from {min} to {max}"),
            ParamKind::AutoInt { min, max } => {
                format!("auto or a whole number from {min} to {max}")
            }
            ParamKind::Float { min, max, .. } => format!("a number {}", bounds(*min, *max)),
            ParamKind::AutoFloat { min, max } => format!("auto or a number {}", bounds(*min, *max)),
            ParamKind::Choice { choices, .. } => {
                choices.iter().map(|choice| choice.key).collect::<Vec<_>>().join(" | ")
            }
        }
    }
}

fn bounds(min: f64, max: f64) -> String {
    format!("from {} to {}", significant(min, 3), significant(max, 3))
}

/// A value for every setting of one scheme.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    values: BTreeMap<&'static str, SettingValue>,
}

impl Settings {
    /// Every setting at its default.
    pub fn defaults<'a>(params: impl Iterator<Item = &'a ParamSpec>) -> Self {
        Self { values: params.map(|param| (param.key, param.default_value())).collect() }
    }

    pub fn get(&self, key: &str) -> Option<SettingValue> {
        self.values.get(key).copied()
    }

    /// Sets a declared setting; the value has been checked by [`ParamSpec::allows`].
    pub fn set(&mut self, key: &'static str, value: SettingValue) {
        self.values.insert(key, value);
    }

    pub fn int(&self, key: &str) -> Option<i64> {
        match self.get(key) {
            Some(SettingValue::Int(int)) => Some(int),
            _ => None,
        }
    }

    pub fn float(&self, key: &str) -> Option<f64> {
        match self.get(key) {
            Some(SettingValue::Float(float)) => Some(float),
            _ => None,
        }
    }

    /// The chosen key; empty when the scheme has no such setting.
    pub fn choice(&self, key: &str) -> &'static str {
        match self.get(key) {
            Some(SettingValue::Choice(choice)) => choice,
            _ => "",
        }
    }

    /// Whether a setting has an effect with the others as they are.
    pub fn is_relevant(&self, param: &ParamSpec) -> bool {
        param
            .relevant
            .iter()
            .all(|condition| condition.any_of.contains(&self.choice(condition.key)))
    }
}
