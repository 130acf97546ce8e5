//! A scheme with its settings, written and read as `SCHEME[:key=value,…]`.

use super::scheme::{Family, QuantScheme};
use super::schemes::SCHEMES;
use super::settings::{ParamSpec, SettingError, SettingValue, Settings};

/// Why a specification is refused.
#[derive(Clone, Debug, thiserror::Error, PartialEq)]
pub enum SpecError {
    #[error(
        "there is no scheme {found:?}; the nearest are {nearest}, and quantscope schemes lists all"
    )]
    UnknownScheme { found: String, nearest: String },
    #[error("{0:?} is not of the form key=value")]
    NotKeyValue(String),
    #[error(transparent)]
    Setting(#[from] SettingError),
}

/// What a layer is quantized with.
#[derive(Clone)]
pub struct SchemeChoice {
    scheme: &'static dyn QuantScheme,
    settings: Settings,
}

impl SchemeChoice {
    /// A scheme at its defaults.
    pub fn new(scheme: &'static dyn QuantScheme) -> Self {
        Self { scheme, settings: Settings::defaults(scheme.settings()) }
    }

    /// The scheme that keeps a layer in float.
    pub fn float() -> Self {
        Self::new(&super::schemes::float::Float)
    }

    pub fn scheme(&self) -> &'static dyn QuantScheme {
        self.scheme
    }

    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    pub fn keeps_float(&self) -> bool {
        self.scheme.keeps_float()
    }

    /// The declaration of a setting.
    pub fn param(&self, key: &str) -> Option<&'static ParamSpec> {
        self.scheme.settings().find(|param| param.key == key)
    }

    /// A copy with one setting changed.
    ///
    /// # Errors
    /// A key the scheme does not have, a value it does not allow.
    pub fn with(&self, key: &str, value: SettingValue) -> Result<Self, SettingError> {
        let param = self.param(key).ok_or_else(|| self.unknown_key(key))?;
        if !param.allows(value) {
            return Err(SettingError::BadValue {
                key: param.key,
                found: value.to_string(),
                expected: param.expected(),
            });
        }
        let mut changed = self.clone();
        changed.settings.set(param.key, value);
        Ok(changed)
    }

    /// The same settings under another scheme, as far as it has them. A codebook starts with no more
    /// levels than it does by itself, which few weights could not fill.
    pub fn switched_to(&self, scheme: &'static dyn QuantScheme) -> Self {
        scheme.settings().fold(Self::new(scheme), |choice, param| {
            let is_codebook = matches!(scheme.family(), Family::Codebook | Family::FewLevels);
            if is_codebook && param.key == "bits" && self.bits() > choice.bits() {
                return choice;
            }
            match self.settings.get(param.key).map(|value| choice.with(param.key, value)) {
                Some(Ok(kept)) => kept,
                _ => choice,
            }
        })
    }

    /// Bits of a code, where the scheme lets them be chosen.
    pub fn bits(&self) -> Option<i64> {
        self.settings.int("bits")
    }

    /// Bits of one code, chosen or fixed by the format; `None` where codes are not stored one by one.
    pub fn code_bits(&self) -> Option<i64> {
        let fixed =
            || self.scheme.code_format(&self.settings).map(|format| i64::from(format.n_bits()));
        self.bits().or_else(fixed)
    }

    fn unknown_key(&self, key: &str) -> SettingError {
        let keys: Vec<&str> = self.scheme.settings().map(|param| param.key).collect();
        let known = if keys.is_empty() { "none".to_owned() } else { keys.join(", ") };
        SettingError::UnknownKey { scheme: self.scheme.id(), key: key.to_owned(), known }
    }
}

impl std::str::FromStr for SchemeChoice {
    type Err = SpecError;

    /// `int4` is short for `int:bits=4`, and so for every scheme that has `bits`.
    fn from_str(text: &str) -> Result<Self, SpecError> {
        let (id, rest) = text.split_once(':').unwrap_or((text, ""));
        let mut choice = scheme_of_id(id.trim())?;
        for pair in rest.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
            let (key, value) =
                pair.split_once('=').ok_or_else(|| SpecError::NotKeyValue(pair.to_owned()))?;
            let param = choice.param(key.trim()).ok_or_else(|| choice.unknown_key(key.trim()))?;
            choice.settings.set(param.key, param.parse(value.trim())?);
        }
        Ok(choice)
    }
}

fn scheme_of_id(id: &str) -> Result<SchemeChoice, SpecError> {
    if let Some(&scheme) = SCHEMES.iter().find(|scheme| scheme.id() == id) {
        return Ok(SchemeChoice::new(scheme));
    }
    let stem = id.trim_end_matches(|c: char| c.is_ascii_digit());
    let short = SCHEMES.iter().find(|scheme| scheme.id() == stem && stem.len() < id.len());
    if let Some(&scheme) = short {
        let mut choice = SchemeChoice::new(scheme);
        if let Some(param) = choice.param("bits") {
            choice.settings.set(param.key, param.parse(&id[stem.len()..])?);
            return Ok(choice);
        }
    }
    Err(SpecError::UnknownScheme { found: id.to_owned(), nearest: nearest_ids(id).join(", ") })
}

/// The ids that are most like `id`, the likest first.
fn nearest_ids(id: &str) -> Vec<&'static str> {
    const N_NAMED: usize = 4;
    let id = id.to_lowercase();
    let mut ids: Vec<&str> = SCHEMES.iter().map(|scheme| scheme.id()).collect();
    ids.sort_by(|a, b| strsim::jaro_winkler(b, &id).total_cmp(&strsim::jaro_winkler(a, &id)));
    ids.truncate(N_NAMED);
    ids
}

impl std::fmt::Display for SchemeChoice {
    /// Only what has an effect and differs from the defaults.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.scheme.id())?;
        let changed = self.scheme.settings().filter_map(|param| {
            let value = self.settings.get(param.key)?;
            let counts = value != param.default_value() && self.settings.is_relevant(param);
            counts.then_some((param.key, value))
        });
        for (idx, (key, value)) in changed.enumerate() {
            write!(f, "{}{key}={value}", if idx == 0 { ':' } else { ',' })?;
        }
        Ok(())
    }
}

impl std::fmt::Debug for SchemeChoice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self}")
    }
}

impl PartialEq for SchemeChoice {
    fn eq(&self, other: &Self) -> bool {
        self.scheme.id() == other.scheme.id() && self.settings == other.settings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn specifications_come_back() {
        for text in [
            "int",
            "float",
            "int:bits=4",
            "int:bits=4,symmetry=asymmetric,granularity=per-group,group-size=16",
            "int:range=manual,lo=-0.5,hi=0.25",
        ] {
            assert_eq!(text.parse::<SchemeChoice>().unwrap().to_string(), text);
        }
        let short: SchemeChoice = "int4".parse().unwrap();
        assert_eq!(short, "int:bits=4,granularity=per-tensor".parse().unwrap());
    }

    #[test]
    fn what_has_no_effect_is_not_written() {
        let choice: SchemeChoice = "int:range=mse,lo=-0.5,hi=0.5,group-size=16".parse().unwrap();
        assert_eq!(choice.to_string(), "int:range=mse");
    }

    #[test]
    fn refusals_list_what_there_is() {
        for (text, part) in [
            ("nf5", "the nearest are nf4, "),
            ("int:bit=4", "it has bits, symmetry"),
            ("int:bits=1", "a whole number from 2 to 16"),
            ("int17", "a whole number from 2 to 16"),
            ("int:range=magic", "min-max | percentile"),
            ("int:bits", "key=value"),
            ("float:bits=4", "it has none"),
            ("int:hi=nan,range=manual", "auto or a number"),
        ] {
            let error = text.parse::<SchemeChoice>().unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
