//! What is compared: which schemes, at how many bits, with how many weights to a scale.

use serde::{Deserialize, Serialize};

use crate::quant::schemes::SCHEMES;
use crate::quant::{CodeFormat, Family, ParamKind, QuantScheme, SchemeChoice, SettingValue};

/// What a person chose to compare; what a scheme has no setting for stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Compared {
    /// Ids; at first those of [`is_usual`].
    schemes: Option<Vec<String>>,
    /// Of schemes that have bits to choose; each its own default if `None`.
    pub bits: Option<i64>,
    pub scale: ScalePer,
}

/// How many weights share a scale, where a scheme lets it be chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum ScalePer {
    /// As each scheme has it.
    #[default]
    Usual,
    Tensor,
    Channel,
    Group,
}

/// Bits that a curve goes over, as far as a scheme allows them.
const CURVE_BITS: (i64, i64) = (1, 8);
/// Bits that can be asked for.
pub(super) const ASKED_BITS: std::ops::RangeInclusive<i64> = 2..=8;
/// Codes of more bits are compared when asked for only: they leave little room to the others.
const MAX_USUAL_BITS: u32 = 8;

impl ScalePer {
    fn key(self) -> Option<&'static str> {
        match self {
            Self::Usual => None,
            Self::Tensor => Some("per-tensor"),
            Self::Channel => Some("per-channel"),
            Self::Group => Some("per-group"),
        }
    }
}

/// Whether a scheme is compared unless a person chose otherwise: it quantizes, to eight bits or
/// fewer.
fn is_usual(scheme: &dyn QuantScheme, choice: &SchemeChoice) -> bool {
    let bits = scheme.code_format(choice.settings()).map(CodeFormat::n_bits);
    !scheme.keeps_float() && bits.is_none_or(|bits| bits <= MAX_USUAL_BITS)
}

/// The families there are, each with its schemes, in the order of the menu.
pub(super) fn families() -> Vec<(Family, Vec<&'static dyn QuantScheme>)> {
    let mut families: Vec<(Family, Vec<&'static dyn QuantScheme>)> = Vec::new();
    for &scheme in SCHEMES {
        match families.iter_mut().find(|(family, _)| *family == scheme.family()) {
            Some((_, schemes)) => schemes.push(scheme),
            None => families.push((scheme.family(), vec![scheme])),
        }
    }
    families.sort_by_key(|(family, _)| *family);
    families
}

impl Compared {
    pub fn has(&self, scheme: &dyn QuantScheme) -> bool {
        match &self.schemes {
            Some(ids) => ids.iter().any(|id| id == scheme.id()),
            None => SCHEMES
                .iter()
                .filter(|known| known.id() == scheme.id())
                .any(|&known| is_usual(known, &SchemeChoice::new(known))),
        }
    }

    /// The schemes compared, by family, in the order of the menu.
    pub fn schemes(&self) -> Vec<&'static dyn QuantScheme> {
        let all = families().into_iter().flat_map(|(_, schemes)| schemes);
        all.filter(|scheme| self.has(*scheme)).collect()
    }

    /// Takes schemes into the comparison.
    pub fn add(&mut self, schemes: &[&'static dyn QuantScheme]) {
        let now = self.schemes();
        self.set(&[now.as_slice(), schemes].concat());
    }

    pub fn remove(&mut self, schemes: &[&'static dyn QuantScheme]) {
        let goes = |scheme: &dyn QuantScheme| schemes.iter().any(|other| other.id() == scheme.id());
        let left: Vec<_> = self.schemes().into_iter().filter(|scheme| !goes(*scheme)).collect();
        self.set(&left);
    }

    /// Compares these alone.
    pub fn set(&mut self, schemes: &[&'static dyn QuantScheme]) {
        self.schemes = Some(schemes.iter().map(|scheme| scheme.id().to_owned()).collect());
    }

    /// Compares what is compared at first.
    pub fn set_usual(&mut self) {
        self.schemes = None;
    }

    pub fn is_usual(&self) -> bool {
        self.schemes.is_none()
    }

    /// One choice for each scheme compared. `present` says what becomes of weights that are not
    /// finite.
    pub fn choices(&self, present: &SchemeChoice) -> Vec<SchemeChoice> {
        self.schemes().into_iter().map(|scheme| self.choice(scheme, present)).collect()
    }

    /// A scheme as it is compared, with the bits asked for as far as it allows them.
    fn choice(&self, scheme: &'static dyn QuantScheme, present: &SchemeChoice) -> SchemeChoice {
        let mut choice = SchemeChoice::new(scheme);
        if let Some(non_finite) = present.settings().get("non-finite") {
            choice = choice.with("non-finite", non_finite).unwrap_or(choice);
        }
        if let Some(key) = self.scale.key() {
            let value = SettingValue::Choice(key);
            choice = choice.with("granularity", value).unwrap_or(choice);
        }
        if let (Some(wanted), Some((min, max))) = (self.bits, bits_of(&choice)) {
            let value = SettingValue::Int(wanted.clamp(min, max));
            choice = choice.with("bits", value).unwrap_or(choice);
        }
        choice
    }

    /// For each scheme whose bits can be chosen, all of them.
    pub fn curves(&self, present: &SchemeChoice) -> Vec<Vec<SchemeChoice>> {
        let curve = |choice: SchemeChoice| {
            let (min, max) = bits_of(&choice)?;
            let bits = min.max(CURVE_BITS.0)..=max.min(CURVE_BITS.1);
            Some(
                bits.filter_map(|bits| choice.with("bits", SettingValue::Int(bits)).ok()).collect(),
            )
        };
        self.choices(present).into_iter().filter_map(curve).collect()
    }
}

/// The least and the most bits, where they can be chosen.
fn bits_of(choice: &SchemeChoice) -> Option<(i64, i64)> {
    match choice.param("bits")?.kind {
        ParamKind::Int { min, max, .. } | ParamKind::AutoInt { min, max } => Some((min, max)),
        _ => None,
    }
}

/// A choice in few letters, for a mark: the scheme's name without what explains it in brackets,
/// unless that alone tells it from another, and its bits where they can be chosen.
pub(super) fn short_name(choice: &SchemeChoice) -> String {
    let name = choice.scheme().name();
    let bare = bare_name(name);
    let is_one = SCHEMES.iter().filter(|other| bare_name(other.name()) == bare).count() == 1;
    let name = if is_one { bare } else { name };
    match choice.bits() {
        Some(bits) => format!("{name} {bits}"),
        None => name.to_owned(),
    }
}

fn bare_name(name: &str) -> &str {
    name.split_once(" (").map_or(name, |(bare, _)| bare)
}

/// A choice as a row is called.
pub(super) fn long_name(choice: &SchemeChoice) -> String {
    let name = choice.scheme().name();
    match choice.bits() {
        Some(bits) => format!("{name}, {bits} bits"),
        None => name.to_owned(),
    }
}

/// What shares a scale, where it can be chosen.
pub(super) fn scale_name(choice: &SchemeChoice) -> Option<String> {
    let now = choice.settings().choice("granularity");
    let group_size = choice.settings().int("group-size");
    match (now, group_size) {
        ("", _) => None,
        ("per-group", Some(size)) => Some(format!("per group of {size}")),
        _ => Some(now.replace("per-", "per ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn present() -> SchemeChoice {
        "int:bits=4".parse().unwrap()
    }

    fn specs(choices: &[SchemeChoice]) -> Vec<String> {
        choices.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn at_first_all_that_quantize_to_eight_bits_or_fewer_are_compared() {
        let compared = Compared::default();
        let ids: Vec<&str> = compared.schemes().iter().map(|scheme| scheme.id()).collect();
        assert!(ids.contains(&"int") && ids.contains(&"e2m1"), "{ids:?}");
        for id in ["float", "bf16", "f16"] {
            assert!(!ids.contains(&id), "{id} is one of {ids:?}");
        }
        assert!(
            specs(&compared.choices(&present())).contains(&"int".to_owned()),
            "at its usual bits"
        );
    }

    #[test]
    fn every_scheme_can_be_compared() {
        let mut compared = Compared::default();
        compared.set(SCHEMES);
        let choices = compared.choices(&present());
        assert_eq!(choices.len(), SCHEMES.len());
        let families: Vec<Family> = choices.iter().map(|choice| choice.scheme().family()).collect();
        assert!(families.is_sorted(), "{families:?}");
        for spec in specs(&choices) {
            assert!(spec.parse::<SchemeChoice>().is_ok(), "{spec}");
        }
        compared.remove(SCHEMES);
        assert!(compared.schemes().is_empty() && compared.curves(&present()).is_empty());
    }

    #[test]
    fn bits_and_scales_are_set_where_they_can_be() {
        for (bits, scale, wanted) in [
            (None, ScalePer::Usual, "int"),
            (Some(3), ScalePer::Usual, "int:bits=3"),
            (Some(1), ScalePer::Tensor, "int:bits=2"),
            (Some(4), ScalePer::Channel, "int:bits=4,granularity=per-channel"),
            (None, ScalePer::Group, "int:granularity=per-group"),
        ] {
            let mut compared = Compared { bits, scale, ..Compared::default() };
            compared.set(&SCHEMES[..1]);
            assert_eq!(specs(&compared.choices(&present())), [wanted]);
            assert_eq!(compared.choices(&"float".parse().unwrap()).len(), 1);
        }
    }

    #[test]
    fn curves_go_over_all_bits_that_are_allowed() {
        let mut compared = Compared::default();
        compared.set(SCHEMES);
        let curves = compared.curves(&present());
        let with_bits = SCHEMES.iter().filter(|&&scheme| {
            matches!(SchemeChoice::new(scheme).param("bits"), Some(param)
                if matches!(param.kind, ParamKind::Int { .. } | ParamKind::AutoInt { .. }))
        });
        assert_eq!(curves.len(), with_bits.count());
        let int = curves.iter().find(|curve| curve[0].scheme().id() == "int").unwrap();
        let bits: Vec<i64> = int.iter().filter_map(SchemeChoice::bits).collect();
        assert_eq!(bits, (2..=8).collect::<Vec<_>>());
    }

    #[test]
    fn what_becomes_of_weights_that_are_not_finite_is_kept() {
        let present = "int:non-finite=zero".parse().unwrap();
        let choices = Compared::default().choices(&present);
        assert!(specs(&choices).contains(&"int:non-finite=zero".to_owned()));
    }

    #[test]
    fn a_family_is_added_and_taken_away() {
        let mut compared = Compared::default();
        compared.set(&[]);
        let (family, schemes) = families().remove(1);
        compared.add(&schemes);
        assert!(compared.schemes().iter().all(|scheme| scheme.family() == family));
        assert_eq!(compared.schemes().len(), schemes.len());
        compared.remove(&schemes[..1]);
        assert!(!compared.has(schemes[0]) && !compared.is_usual());
        compared.set_usual();
        assert_eq!(compared, Compared::default());
    }

    #[test]
    fn names_tell_bits_and_scale() {
        let choice: SchemeChoice =
            "int:bits=4,granularity=per-group,group-size=64".parse().unwrap();
        assert_eq!(short_name(&choice), "Integer 4");
        assert!(long_name(&choice).ends_with(", 4 bits"));
        assert_eq!(scale_name(&choice).as_deref(), Some("per group of 64"));
        assert_eq!(scale_name(&SchemeChoice::float()), None);
        let mut names: Vec<String> =
            SCHEMES.iter().map(|scheme| short_name(&SchemeChoice::new(*scheme))).collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), SCHEMES.len(), "no two are called the same: {names:?}");
    }
}
