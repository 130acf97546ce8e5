//! The recipes tried of a model, in a file of their own for each model.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::figures::{AccuracyJson, ModelJson};
use super::paths::write_atomically;
use super::set_aside;
use crate::model::FoldMode;
use crate::quant::Recipe;
use crate::session::fingerprint::Fingerprint;
use crate::session::sample_mark::SampleMark;
use crate::session::steps::ModelFigures;
use crate::session::tried::{Origin, Tried, TriedFigures, of_unix_us, to_unix_us};

const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
struct TriedListJson {
    quantscope_tried: u32,
    recipes: Vec<TriedJson>,
}

#[derive(Serialize, Deserialize)]
struct TriedJson {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(default)]
    pinned: bool,
    origin: OriginJson,
    fold_batch_norm: bool,
    unix_us: u64,
    id: u64,
    size: ModelJson,
    figures: BTreeMap<SampleMark, FiguresJson>,
    layers: BTreeMap<String, String>,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum OriginJson {
    Uniform,
    ByHand,
    Proposed,
}

#[derive(Serialize, Deserialize)]
struct FiguresJson {
    accuracy: AccuracyJson,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    critical: Option<(String, AccuracyJson)>,
}

/// What was tried of a model; nothing where there is no file.
///
/// # Errors
/// A file that cannot be understood, in words for a person; it is set aside.
pub(super) fn read(home: &Path, fingerprint: &Fingerprint) -> Result<Vec<Tried>, String> {
    let Some(path) = path_of(home, fingerprint) else { return Ok(Vec::new()) };
    let Ok(text) = std::fs::read_to_string(&path) else { return Ok(Vec::new()) };
    let broken = |reason: String| {
        let became = set_aside(&path);
        format!("the recipes tried before cannot be read ({reason}); their file {became}")
    };
    let json: TriedListJson = serde_json::from_str(&text).map_err(|e| broken(e.to_string()))?;
    if json.quantscope_tried != VERSION {
        return Err(broken(format!("version {}", json.quantscope_tried)));
    }
    // A recipe with a scheme of a newer program is left out, the others stay.
    Ok(json.recipes.into_iter().filter_map(TriedJson::read).collect())
}

/// # Errors
/// The system's.
pub(super) fn write(
    home: &Path,
    fingerprint: &Fingerprint,
    list: &[Arc<Tried>],
) -> std::io::Result<()> {
    let Some(path) = path_of(home, fingerprint) else { return Ok(()) };
    if list.is_empty() && !path.exists() {
        return Ok(());
    }
    let recipes = list.iter().map(|tried| TriedJson::of(tried)).collect();
    let json = TriedListJson { quantscope_tried: VERSION, recipes };
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    write_atomically(&path, serde_json::to_string(&json).unwrap_or_default().as_bytes())
}

fn path_of(home: &Path, fingerprint: &Fingerprint) -> Option<PathBuf> {
    let name = fingerprint.sha256.get(..16)?;
    Some(home.join("tried").join(format!("{name}.json")))
}

impl TriedJson {
    fn of(tried: &Tried) -> Self {
        let figures = tried.figures.iter().filter_map(|(mark, figures)| {
            let accuracy = AccuracyJson::of(&figures.accuracy)?;
            let critical = figures.critical.as_ref().and_then(|(class, estimate)| {
                let recall =
                    crate::session::StepAccuracy { estimate: *estimate, ..figures.accuracy };
                Some((class.clone(), AccuracyJson::of(&recall)?))
            });
            Some((mark.clone(), FiguresJson { accuracy, critical }))
        });
        let layers = tried.recipe.layers();
        Self {
            name: tried.name.clone(),
            pinned: tried.is_pinned,
            origin: match tried.origin {
                Origin::Uniform => OriginJson::Uniform,
                Origin::ByHand => OriginJson::ByHand,
                Origin::Proposed => OriginJson::Proposed,
            },
            fold_batch_norm: tried.fold_mode == FoldMode::Fold,
            unix_us: to_unix_us(tried.when),
            id: tried.id,
            size: ModelJson::of(&ModelFigures { size: tried.size, sqnr: None }),
            figures: figures.collect(),
            layers: layers
                .map(|name| (name.to_owned(), tried.recipe.choice(name).to_string()))
                .collect(),
        }
    }

    fn read(self) -> Option<Tried> {
        let mut recipe = Recipe::default();
        for (name, spec) in &self.layers {
            recipe.set(name, spec.parse().ok()?);
        }
        let figures = self.figures.into_iter().filter_map(|(mark, figures)| {
            let critical =
                figures.critical.and_then(|(class, recall)| Some((class, recall.read()?.estimate)));
            Some((mark, TriedFigures { accuracy: figures.accuracy.read()?, critical }))
        });
        Some(Tried {
            id: self.id,
            name: self.name,
            is_pinned: self.pinned,
            origin: match self.origin {
                OriginJson::Uniform => Origin::Uniform,
                OriginJson::ByHand => Origin::ByHand,
                OriginJson::Proposed => Origin::Proposed,
            },
            recipe,
            fold_mode: if self.fold_batch_norm { FoldMode::Fold } else { FoldMode::Keep },
            size: self.size.read().size,
            when: of_unix_us(self.unix_us),
            figures: figures.collect(),
        })
    }
}
