//! A recipe in its file: the layers' schemes, whether batch norm is folded, and the model it was made
//! for. Reads and writes no more than that; what becomes of it is the session's to decide.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::fingerprint::Fingerprint;
use super::keep::write_atomically;
use crate::model::FoldMode;
use crate::quant::{Recipe, RecipeError, RuleJson, Rules};

/// The largest recipe that is read: 16 MiB are hundreds of thousands of layers.
const MAX_BYTES: u64 = 16 << 20;

/// Why a recipe file cannot be had or written.
#[derive(Debug, thiserror::Error)]
pub enum RecipeFileError {
    #[error("{}: {}", path.display(), crate::base::unreadable(source))]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{}: this is a folder, a device or a pipe; choose a recipe file (.json)", path.display())]
    NoFile { path: PathBuf },
    #[error("{}: the file is larger than 16 MiB and so no recipe; choose one that File › Save recipe… wrote", path.display())]
    TooLarge { path: PathBuf },
    #[error("{}: {}", path.display(), recipe_words(source))]
    Recipe { path: PathBuf, source: Box<RecipeError> },
    #[error("{}: fold_batch_norm is {found}, expected true or false", path.display())]
    Fold { path: PathBuf, found: String },
    #[error("{} cannot be written: {}", path.display(), crate::base::unwritable(source, path))]
    Write { path: PathBuf, source: std::io::Error },
}

/// What is wrong with a recipe and the way out; what a program says of its JSON is a detail.
fn recipe_words(error: &RecipeError) -> String {
    match error {
        RecipeError::Json(error) => format!(
            "this is no recipe: {}; expected {{\"quantscope_recipe\": 1, \"layers\": {{…}}}} as File › Save recipe… writes",
            place_first(error)
        ),
        RecipeError::Version { .. } => format!("{error}; open it with a newer Quantscope"),
        RecipeError::Spec { .. } | RecipeError::Rule(_) => {
            format!("{error}; correct the file or save the recipe anew")
        }
    }
}

/// `line 3, column 5: expected …` from `expected … at line 3 column 5`.
fn place_first(error: &str) -> String {
    let parts = error.rsplit_once(" at line ").and_then(|(what, place)| {
        let (line, column) = place.split_once(" column ")?;
        Some(format!("line {line}, column {column}: {what}"))
    });
    parts.unwrap_or_else(|| error.to_owned())
}

/// The model a recipe was made for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RecipeModel {
    pub title: String,
    /// Name of its file, without the folder.
    pub file: String,
    pub fingerprint: Fingerprint,
}

/// What a recipe file holds.
#[derive(Clone, Debug)]
pub struct RecipeFile {
    /// The layers it names.
    pub recipe: Recipe,
    /// For layers it does not name.
    pub rules: Rules,
    /// `None` in a file that does not say.
    pub fold_mode: Option<FoldMode>,
    /// `None` in a file that does not say.
    pub model: Option<RecipeModel>,
}

#[derive(Serialize)]
struct RecipeFileJson<'a> {
    quantscope_recipe: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<&'a RecipeModel>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fold_batch_norm: Option<bool>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    rules: Vec<RuleJson>,
    layers: BTreeMap<&'a str, String>,
}

impl RecipeFile {
    /// Readable JSON; a program that knows `quantscope_recipe` and `layers` alone reads it too.
    pub fn to_json(&self) -> String {
        let recipe = &self.recipe;
        let json = RecipeFileJson {
            quantscope_recipe: Recipe::VERSION,
            model: self.model.as_ref(),
            fold_batch_norm: self.fold_mode.map(|mode| mode == FoldMode::Fold),
            rules: self.rules.to_json(),
            layers: recipe.layers().map(|name| (name, recipe.choice(name).to_string())).collect(),
        };
        serde_json::to_string_pretty(&json).unwrap_or_default() + "\n"
    }

    /// Reads a recipe file; `model` and `fold_batch_norm` may be missing, other keys are passed over.
    ///
    /// # Errors
    /// [`RecipeFileError`] with the path.
    pub fn read(path: &Path) -> Result<Self, RecipeFileError> {
        let named = |source| RecipeFileError::Read { path: path.to_owned(), source };
        // Asked before opening: to open a pipe waits for somebody to write into it.
        if !std::fs::metadata(path).map_err(named)?.is_file() {
            return Err(RecipeFileError::NoFile { path: path.to_owned() });
        }
        let file = std::fs::File::open(path).map_err(named)?;
        let mut bytes = Vec::new();
        file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(named)?;
        if bytes.len() as u64 > MAX_BYTES {
            return Err(RecipeFileError::TooLarge { path: path.to_owned() });
        }
        Self::from_json(&String::from_utf8_lossy(&bytes), path)
    }

    fn from_json(text: &str, path: &Path) -> Result<Self, RecipeFileError> {
        // Some editors put a mark before the first character.
        let text = text.trim_start_matches('\u{feff}');
        let (recipe, rules) = Recipe::with_rules(text)
            .map_err(Box::new)
            .map_err(|source| RecipeFileError::Recipe { path: path.to_owned(), source })?;
        let json: Json = serde_json::from_str(text).unwrap_or_default();
        let fold_mode = match json.get("fold_batch_norm") {
            None | Some(Json::Null) => None,
            Some(Json::Bool(true)) => Some(FoldMode::Fold),
            Some(Json::Bool(false)) => Some(FoldMode::Keep),
            Some(other) => {
                let found = crate::base::shortened(other.to_string());
                return Err(RecipeFileError::Fold { path: path.to_owned(), found });
            }
        };
        // A mention of another form is worth no more than none.
        let model = json.get("model").and_then(|m| RecipeModel::deserialize(m).ok());
        Ok(Self { recipe, rules, fold_mode, model })
    }

    /// Writes the file whole or not at all.
    ///
    /// # Errors
    /// [`RecipeFileError::Write`] with the path.
    pub fn write(&self, path: &Path) -> Result<(), RecipeFileError> {
        write_atomically(path, self.to_json().as_bytes())
            .map_err(|source| RecipeFileError::Write { path: path.to_owned(), source })
    }
}

/// Whether a file is meant as a recipe: text that starts with `{` and is called `.json` or names
/// itself one.
pub(super) fn is_recipe(path: &Path) -> bool {
    let is_json = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("json"));
    let Ok(metadata) = std::fs::metadata(path) else { return false };
    // Asked before opening: to open a pipe waits for somebody to write into it.
    if !metadata.is_file() {
        return false;
    }
    let Ok(file) = std::fs::File::open(path) else { return false };
    let mut head = Vec::new();
    if file.take(1 << 16).read_to_end(&mut head).is_err() {
        return false;
    }
    let text = String::from_utf8_lossy(&head);
    let starts = text.trim_start_matches('\u{feff}').trim_start().starts_with('{');
    is_json || (starts && text.contains("\"quantscope_recipe\""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::{ModelRef, open};

    fn read(text: &str) -> Result<RecipeFile, RecipeFileError> {
        RecipeFile::from_json(text, Path::new("r.json"))
    }

    #[test]
    fn files_come_back_with_their_model() {
        let opened = open(&ModelRef::default_sample(), FoldMode::Keep).unwrap();
        let model = &opened.network.model;
        let rule = RuleJson { layers: "*.dw".to_owned(), scheme: "int".to_owned() };
        let file = RecipeFile {
            recipe: Recipe::uniform(["a", "b"], &"int:bits=3".parse().unwrap()),
            rules: Rules::from_json(&[rule]).unwrap(),
            fold_mode: Some(FoldMode::Keep),
            model: Some(RecipeModel {
                title: model.title.clone(),
                file: "model.safetensors".to_owned(),
                fingerprint: Fingerprint::of(model),
            }),
        };
        let text = file.to_json();
        assert!(text.contains("\"covers\": \"names, types"), "{text}");
        let back = read(&text).unwrap();
        assert_eq!((back.recipe, back.rules), (file.recipe, file.rules));
        assert_eq!(back.fold_mode, file.fold_mode);
        let print = back.model.unwrap().fingerprint;
        assert_eq!(print.difference(&file.model.unwrap().fingerprint), None);
    }

    #[test]
    fn older_files_and_other_keys_are_read() {
        let old = read(r#"{"quantscope_recipe": 1, "layers": {"a": "int4"}}"#).unwrap();
        assert!(old.model.is_none() && old.fold_mode.is_none());
        let more = r#"{"layers": {}, "author": "x", "model": 7, "quantscope_recipe": 1}"#;
        assert!(read(more).unwrap().model.is_none());
    }

    #[test]
    fn refusals_are_one_line_with_the_file() {
        for (text, part) in [
            ("{", "this is no recipe: line 1, column 1: EOF"),
            (
                "{\n\"quantscope_recipe\": 1\n\"layers\": {}}",
                "line 3, column 1: expected `,` or `}`",
            ),
            (r#"{"layers": {}}"#, "missing field `quantscope_recipe`; expected"),
            (r#"{"quantscope_recipe": 2, "layers": {}}"#, "version 2"),
            (r#"{"quantscope_recipe": 1, "layers": {"a": "nf5"}}"#, "there is no scheme"),
            (r#"{"quantscope_recipe": 1, "layers": {"a": "int:bits=99"}}"#, "from 2 to 16"),
            (
                r#"{"quantscope_recipe": 1, "layers": {}, "fold_batch_norm": 3}"#,
                "fold_batch_norm is 3",
            ),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains(part) && error.contains("r.json"), "{text}: {error}");
            assert!(!error.contains('\n'), "{error}");
        }
    }
}
