//! Recipes to and from files: what is written, and what a file does to the open model.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::apply::ErrandResult;
use super::command::Gesture;
use super::failure::Failure;
use super::history::Plan;
use super::keeping::KeptResult;
use super::opening::{ModelRef, Opened};
use super::recipe_file::{RecipeFile, RecipeModel};
use super::resolved::{NothingApplies, ResolvedRecipe, listed};
use super::state::{Notice, NoticeKind, Session};
use super::watch::file_name;
use crate::model::Network;

impl RecipeModel {
    pub fn of(opened: &Opened) -> Self {
        Self {
            title: opened.network.model.title.clone(),
            file: short_reference(&opened.reference, &opened.network),
            fingerprint: opened.fingerprint.clone(),
        }
    }
}

impl Session {
    pub(super) fn start_saving_recipe(&mut self, path: PathBuf) {
        let Some(file) = self.recipe_file() else {
            let text = format!("{}: no model is open whose recipe could be saved", path.display());
            return self.notify(NoticeKind::Failed, text);
        };
        self.run_errand(&format!("Saving {}", path.display()), move |_| {
            let written = file.write(&path).map_err(|error| Failure::of(&error));
            ErrandResult::Kept(KeptResult::RecipeWritten(written.map(|()| path)))
        });
    }

    /// Makes the layers that the model has as the recipe says, as one step.
    pub(super) fn use_recipe(&mut self, path: &Path, file: &RecipeFile) -> Result<(), Failure> {
        let Some(opened) = &self.opened else {
            let model = file.model.as_ref().map_or("the model", |model| &model.title);
            return Err(format!("open {model} first, which the recipe is for").into());
        };
        let network = Arc::clone(&opened.network);
        let resolved =
            ResolvedRecipe::of(file, &network).map_err(|reason| refusal(&reason, file))?;
        let n_known = resolved.recipe.layers().count();
        let mut doubts = Vec::new();
        let mut details = None;
        if let Some(model) = &file.model
            && let Some(difference) = model.fingerprint.difference(&opened.fingerprint)
        {
            let RecipeModel { title, file, .. } = model;
            doubts.push(format!("it was made for another model, {title} ({file})"));
            details = Some(format!("{title}: {difference}"));
        }
        doubts.extend(doubts_of(&resolved, &network));
        let plan = Plan {
            recipe: resolved.recipe,
            rules: file.rules.clone(),
            fold_mode: file.fold_mode.unwrap_or(self.plan.fold_mode),
            // A recipe is asked for as a whole, so it also changes what is locked.
            locked: self.plan.locked.clone(),
        };
        let name = file_name(path);
        self.change(&format!("Recipe {name}"), plan, Gesture::Once);
        if doubts.is_empty() {
            self.notify(NoticeKind::Done, format!("{name} is applied to {n_known} layers"));
        } else {
            let doubts = doubts.join("; ");
            let text = format!(
                "{name} is applied to {n_known} layers, but {doubts}; Edit › Undo takes it back"
            );
            let notice = Notice::new(NoticeKind::Warning, text);
            self.notices.push(Notice { details, ..notice });
        }
        Ok(())
    }
}

fn doubts_of(resolved: &ResolvedRecipe, network: &Network) -> Vec<String> {
    let mut doubts = Vec::new();
    if !resolved.unknown.is_empty() {
        doubts.push(format!("the open model has no {}", listed(&resolved.unknown)));
    }
    doubts.extend(resolved.idle_rules.iter().map(ToString::to_string));
    let float: Vec<String> = network
        .default_layers()
        .filter(|layer| resolved.recipe.get(&layer.name).is_none())
        .map(|layer| layer.name.clone())
        .collect();
    if !float.is_empty() {
        doubts.push(format!("layers it does not name are float: {}", listed(&float)));
    }
    doubts
}

/// Why nothing of a recipe can be used, and what to do.
fn refusal(reason: &NothingApplies, file: &RecipeFile) -> Failure {
    let NothingApplies::Elsewhere { means, there } = reason else {
        let text = "the recipe names no layers; save it anew with File › Save recipe…";
        return text.to_owned().into();
    };
    let model = match &file.model {
        Some(model) => format!("{} ({})", model.title, model.file),
        None => "the model it was made for".to_owned(),
    };
    Failure {
        text: format!("the open model has none of the layers it means; open {model} first"),
        details: Some(format!("It means {means}; the open model has {there}.")),
    }
}

/// Name of the model's file.
fn short_reference(reference: &ModelRef, network: &Network) -> String {
    match &network.model.path {
        Some(path) => file_name(path),
        None => reference.label(),
    }
}
