//! Rules by pattern: which layers a glob over their names means, and which scheme they get. Plain
//! data; knows names, no layers.

use std::str::Chars;

use serde::{Deserialize, Serialize};

use super::choice::{SchemeChoice, SpecError};

/// Why a rule cannot be read.
#[derive(Clone, Debug, thiserror::Error, PartialEq)]
pub enum RuleError {
    #[error("a rule's pattern is empty; expected layer names such as *.dw, or * for all")]
    EmptyPattern,
    #[error("rule {pattern:?}: {source}")]
    Spec { pattern: String, source: SpecError },
}

/// A glob over layer names: `*` is any run of characters, `?` one, the rest is literal and as it is
/// written (`A` is not `a`). Alternatives are separated by `,`, spaces around them do not count.
///
/// A name with a comma is met by `?` in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    alternatives: Vec<String>,
}

impl Pattern {
    /// Whether the pattern means a layer of that name.
    pub fn matches(&self, name: &str) -> bool {
        self.alternatives.iter().any(|glob| glob_matches(glob, name))
    }
}

impl std::str::FromStr for Pattern {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Self, RuleError> {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        let alternatives: Vec<String> = parts.map(str::to_owned).collect();
        if alternatives.is_empty() {
            return Err(RuleError::EmptyPattern);
        }
        Ok(Self { alternatives })
    }
}

impl std::fmt::Display for Pattern {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.write_str(&self.alternatives.join(", "))
    }
}

/// Goes back to the last `*` alone, which is enough: an earlier one has met the shortest run that
/// lets the rest begin.
fn glob_matches(glob: &str, name: &str) -> bool {
    let (mut glob, mut name) = (glob.chars(), name.chars());
    let mut star: Option<(Chars, Chars)> = None;
    loop {
        match glob.next() {
            Some('*') => {
                star = Some((glob.clone(), name.clone()));
                continue;
            }
            Some(wanted) => match name.next() {
                Some(found) if wanted == '?' || wanted == found => continue,
                Some(_) => {}
                // A longer run for the star would leave even less of the name.
                None => return false,
            },
            None if name.as_str().is_empty() => return true,
            None => {}
        }
        let Some((after_star, rest)) = &mut star else { return false };
        if rest.next().is_none() {
            return false;
        }
        (glob, name) = (after_star.clone(), rest.clone());
    }
}

/// Layers of these names get this scheme.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    pub pattern: Pattern,
    pub choice: SchemeChoice,
}

/// A rule in a file: `{"layers": "*.dw", "scheme": "int:bits=8"}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleJson {
    pub layers: String,
    pub scheme: String,
}

impl TryFrom<&RuleJson> for Rule {
    type Error = RuleError;

    fn try_from(json: &RuleJson) -> Result<Self, RuleError> {
        let pattern: Pattern = json.layers.parse()?;
        let named = |source| RuleError::Spec { pattern: pattern.to_string(), source };
        let choice = json.scheme.parse().map_err(named)?;
        Ok(Self { pattern, choice })
    }
}

impl From<&Rule> for RuleJson {
    fn from(rule: &Rule) -> Self {
        Self { layers: rule.pattern.to_string(), scheme: rule.choice.to_string() }
    }
}

/// Rules in order: of those that match a layer's name the first governs it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rules(pub Vec<Rule>);

/// Which layers a rule is about, by their places among the names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleMatches {
    /// Those it governs.
    pub governed: Vec<usize>,
    /// Those it matches but an earlier rule governs.
    pub taken_before: Vec<usize>,
}

impl Rules {
    /// # Errors
    /// An empty pattern, a specification that is refused; the message names the rule.
    pub fn from_json(rules: &[RuleJson]) -> Result<Self, RuleError> {
        rules.iter().map(Rule::try_from).collect::<Result<_, _>>().map(Self)
    }

    pub fn to_json(&self) -> Vec<RuleJson> {
        self.0.iter().map(RuleJson::from).collect()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The rule that governs a layer of that name.
    pub fn governing(&self, name: &str) -> Option<&Rule> {
        self.0.iter().find(|rule| rule.pattern.matches(name))
    }

    /// For every rule, which of the layers it governs and which it comes too late for.
    pub fn matches<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Vec<RuleMatches> {
        let mut matches = vec![RuleMatches::default(); self.0.len()];
        for (layer_idx, name) in names.into_iter().enumerate() {
            let mut is_governed = false;
            for (rule, found) in self.0.iter().zip(&mut matches) {
                if rule.pattern.matches(name) {
                    let layers =
                        if is_governed { &mut found.taken_before } else { &mut found.governed };
                    layers.push(layer_idx);
                    is_governed = true;
                }
            }
        }
        matches
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(lines: &[(&str, &str)]) -> Result<Rules, RuleError> {
        let json = |(layers, scheme): &(&str, &str)| RuleJson {
            layers: (*layers).to_owned(),
            scheme: (*scheme).to_owned(),
        };
        Rules::from_json(&lines.iter().map(json).collect::<Vec<_>>())
    }

    #[test]
    fn globs_mean_what_they_say() {
        for (pattern, name, wanted) in [
            ("*", "anything", true),
            ("*", "", true),
            ("*.dw", "block1.dw", true),
            ("*.dw", ".dw", true),
            ("*.dw", "block1.dw2", false),
            ("*.dw", "dw", false),
            ("block?", "block1", true),
            ("block?", "block", false),
            ("block?", "block12", false),
            ("?", "ü", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("*ab", "aab", true),
            ("*aab*", "aaab", true),
            ("**x**", "x", true),
            ("Stem", "stem", false),
            ("stem, head", "head", true),
            (" stem ,*.pw,", "b.pw", true),
            ("stem,head", "stem,head", false),
            ("stem?head", "stem,head", true),
            ("layer[0]", "layer[0]", true),
        ] {
            let parsed: Pattern = pattern.parse().unwrap();
            assert_eq!(parsed.matches(name), wanted, "{pattern:?} over {name:?}");
            assert_eq!(parsed.to_string().parse::<Pattern>(), Ok(parsed), "{pattern:?}");
        }
        let hostile = "*a".repeat(50);
        assert!(!glob_matches(&hostile, &"a".repeat(49)));
        for empty in ["", " ", ",", " , ,"] {
            assert_eq!(empty.parse::<Pattern>(), Err(RuleError::EmptyPattern), "{empty:?}");
        }
    }

    #[test]
    fn the_first_rule_that_matches_governs() {
        let rules = rules(&[("*.dw", "int8"), ("b1.*", "int4"), ("gone", "int2"), ("*", "float")]);
        let rules = rules.unwrap();
        let names = ["stem", "b1.dw", "b1.pw", "b2.dw"];
        let found = |governed: &[usize], taken: &[usize]| RuleMatches {
            governed: governed.to_vec(),
            taken_before: taken.to_vec(),
        };
        let wanted =
            [found(&[1, 3], &[]), found(&[2], &[1]), found(&[], &[]), found(&[0], &[1, 2, 3])];
        assert_eq!(rules.matches(names), wanted);
        let spec = |name| rules.governing(name).map(|rule| rule.choice.to_string());
        assert_eq!(spec("b1.dw").as_deref(), Some("int"));
        assert_eq!(spec("b1.pw").as_deref(), Some("int:bits=4"));
        assert!(Rules::default().governing("stem").is_none());
    }

    #[test]
    fn rules_come_back_in_order_and_bad_ones_are_named() {
        let wanted = rules(&[("*", "int3"), ("a", "float"), ("b , c", "nf4")]).unwrap();
        assert_eq!(Rules::from_json(&wanted.to_json()), Ok(wanted));
        let error = rules(&[("*", "int8"), ("*.dw", "nf5")]).unwrap_err().to_string();
        assert!(error.contains("rule \"*.dw\"") && error.contains("nf5"), "{error}");
        assert_eq!(rules(&[(" ", "int8")]), Err(RuleError::EmptyPattern));
    }
}
