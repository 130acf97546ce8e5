//! A recipe: which layer is quantized how, as plain data.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::choice::{SchemeChoice, SpecError};
use super::rule::{RuleError, RuleJson, Rules};

/// Why a recipe cannot be read.
#[derive(Clone, Debug, thiserror::Error, PartialEq)]
pub enum RecipeError {
    #[error("the recipe is not JSON of the expected form: {0}")]
    Json(String),
    #[error("the recipe has version {found}, this program reads version {}", Recipe::VERSION)]
    Version { found: u32 },
    #[error("layer {layer:?}: {source}")]
    Spec { layer: String, source: SpecError },
    #[error(transparent)]
    Rule(#[from] RuleError),
}

/// Layer name → scheme with settings; a layer that is not named stays float.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recipe {
    choices: BTreeMap<String, SchemeChoice>,
}

/// Further keys, of which this module knows nothing, are passed over.
#[derive(Serialize, Deserialize)]
struct RecipeJson {
    quantscope_recipe: u32,
    layers: Option<BTreeMap<String, String>>,
    #[serde(default, skip_serializing)]
    rules: Option<Vec<RuleJson>>,
}

impl Recipe {
    /// Version of the recipe file that is written and read.
    pub const VERSION: u32 = 1;

    /// The same choice for every layer named.
    pub fn uniform<'a>(layers: impl IntoIterator<Item = &'a str>, choice: &SchemeChoice) -> Self {
        let choices = layers.into_iter().map(|name| (name.to_owned(), choice.clone())).collect();
        Self { choices }
    }

    /// How a layer is quantized.
    pub fn choice(&self, layer: &str) -> SchemeChoice {
        self.choices.get(layer).cloned().unwrap_or_else(SchemeChoice::float)
    }

    /// How a layer is quantized, if the recipe speaks of it.
    pub fn get(&self, layer: &str) -> Option<&SchemeChoice> {
        self.choices.get(layer)
    }

    /// Speaks of a layer no more.
    pub fn forget(&mut self, layer: &str) {
        self.choices.remove(layer);
    }

    pub fn set(&mut self, layer: &str, choice: SchemeChoice) {
        self.choices.insert(layer.to_owned(), choice);
    }

    /// Names of the layers it speaks of, float ones included.
    pub fn layers(&self) -> impl Iterator<Item = &str> {
        self.choices.keys().map(String::as_str)
    }

    /// Readable JSON: `{"quantscope_recipe": 1, "layers": {"conv1": "int:bits=4"}}`.
    pub fn to_json(&self) -> String {
        let layers =
            self.choices.iter().map(|(name, choice)| (name.clone(), choice.to_string())).collect();
        let json =
            RecipeJson { quantscope_recipe: Self::VERSION, layers: Some(layers), rules: None };
        serde_json::to_string_pretty(&json).unwrap_or_default()
    }

    /// The layers that a file names; its rules are passed over.
    ///
    /// # Errors
    /// Text of another form or version, a specification that is refused; the message names the
    /// layer or the rule.
    pub fn from_json(text: &str) -> Result<Self, RecipeError> {
        Self::with_rules(text).map(|(recipe, _)| recipe)
    }

    /// The layers that a file names, and its rules: `"rules": [{"layers": "*.dw", "scheme":
    /// "int:bits=8"}]`, in order. One of the two may be missing.
    ///
    /// # Errors
    /// As [`from_json`](Self::from_json).
    pub fn with_rules(text: &str) -> Result<(Self, Rules), RecipeError> {
        let json: RecipeJson =
            serde_json::from_str(text).map_err(|error| RecipeError::Json(error.to_string()))?;
        if json.quantscope_recipe != Self::VERSION {
            return Err(RecipeError::Version { found: json.quantscope_recipe });
        }
        let rules = json.rules.as_deref().map(Rules::from_json).transpose()?;
        let layers = match (json.layers, &rules) {
            (Some(layers), _) => layers,
            (None, Some(_)) => BTreeMap::new(),
            (None, None) => return Err(RecipeError::Json("missing field `layers`".to_owned())),
        };
        let mut choices = BTreeMap::new();
        for (layer, spec) in layers {
            match spec.parse::<SchemeChoice>() {
                Ok(choice) => choices.insert(layer, choice),
                Err(source) => return Err(RecipeError::Spec { layer, source }),
            };
        }
        Ok((Self { choices }, rules.unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recipes_come_back() {
        let recipe = Recipe::uniform(["a", "b"], &"int:bits=3".parse().unwrap());
        assert_eq!(Recipe::from_json(&recipe.to_json()), Ok(recipe.clone()));
        assert!(recipe.choice("c").keeps_float());
        let wrong = r#"{"quantscope_recipe": 1, "layers": {"conv1": "int:bits=99"}}"#;
        assert!(Recipe::from_json(wrong).unwrap_err().to_string().contains("conv1"));
    }

    #[test]
    fn rules_stand_beside_layers_or_alone() {
        let read = |text: &str| Recipe::with_rules(text);
        let rule = r#"{"layers": "*.dw", "scheme": "int8"}"#;
        let (recipe, rules) =
            read(&format!(r#"{{"quantscope_recipe": 1, "rules": [{rule}]}}"#)).unwrap();
        assert_eq!((recipe.layers().count(), rules.0.len()), (0, 1));
        let both =
            format!(r#"{{"quantscope_recipe": 1, "layers": {{"a": "int4"}}, "rules": [{rule}]}}"#);
        let (recipe, rules) = read(&both).unwrap();
        assert_eq!((recipe.layers().count(), rules.0.len()), (1, 1));
        for (text, part) in [
            (r#"{"quantscope_recipe": 1}"#, "missing field `layers`"),
            (r#"{"quantscope_recipe": 1, "rules": [{"layers": "", "scheme": "int8"}]}"#, "empty"),
            (
                r#"{"quantscope_recipe": 1, "rules": [{"layers": "x", "scheme": "no"}]}"#,
                "rule \"x\"",
            ),
            (r#"{"quantscope_recipe": 1, "rules": [{"layers": "x"}]}"#, "missing field `scheme`"),
            (r#"{"quantscope_recipe": 1, "rules": {"x": "int8"}}"#, "invalid type: map"),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
