//! What a path holds, told by its first bytes: whatever a person names or drops is opened as that.

use std::path::{Path, PathBuf};

use super::apply::ErrandResult;
use super::failure::Failure;
use super::keeping::KeptResult;
use super::opening::{ModelRef, open};
use super::recipe_file::is_recipe;
use super::state::{NoticeKind, Session};
use crate::eval::import::is_importable;
use crate::eval::is_sample_set;
use crate::formats::{holds_model, is_model};
use crate::model::FoldMode;

/// What a file or folder is opened as. In the order in which several are opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PathContent {
    Model,
    Samples,
    Recipe,
    /// Pictures, arrays or tables to make a sample set of.
    Import,
    /// Opening it says why it cannot be.
    Unknown,
}

/// Looks at a path. Reads files, so not for a thread that draws.
pub fn content_of(path: &Path) -> PathContent {
    if is_recipe(path) {
        PathContent::Recipe
    } else if is_sample_set(path) {
        PathContent::Samples
    } else if holds_model(path) || is_model(path) {
        PathContent::Model
    } else if is_importable(path) {
        PathContent::Import
    } else {
        PathContent::Unknown
    }
}

impl Session {
    pub(super) fn start_opening_any(&mut self, path: &Path) {
        let path = path.to_owned();
        let has_model = self.opened.is_some();
        self.run_errand(&format!("Opening {}", path.display()), move |_| {
            match content_of(&path) {
                PathContent::Recipe => ErrandResult::Kept(KeptResult::read_recipe(path)),
                PathContent::Samples => ErrandResult::samples(&path),
                PathContent::Import if has_model => ErrandResult::ImportFound(path),
                PathContent::Import => {
                    let text = format!(
                        "{}: this is data for samples, not a model; open the model first that is to run on it",
                        path.display()
                    );
                    ErrandResult::Opened(Err(text.into()))
                }
                PathContent::Model | PathContent::Unknown => {
                    let opened = open(&ModelRef::Path(path), FoldMode::Fold);
                    ErrandResult::Opened(opened.map(Box::new).map_err(|e| Failure::of(&e)))
                }
            }
        });
    }

    /// Opens several at once: the model before what is for it.
    pub(super) fn start_opening_several(&mut self, paths: Vec<PathBuf>) {
        match paths.as_slice() {
            [] => {}
            [path] => self.start_opening_any(path),
            _ => {
                let label = format!("Looking at {} files", paths.len());
                self.run_errand(&label, move |_| {
                    let mut found: Vec<(PathContent, PathBuf)> =
                        paths.into_iter().map(|path| (content_of(&path), path)).collect();
                    found.sort_by_key(|(content, _)| *content);
                    ErrandResult::Sorted(found)
                });
            }
        }
    }

    pub(super) fn open_sorted(&mut self, found: Vec<(PathContent, PathBuf)>) {
        let mut model: Option<PathBuf> = None;
        for (content, path) in found {
            match (content, &model) {
                (PathContent::Model, Some(first)) => {
                    let text = format!(
                        "{} was not opened: only one model is open at a time, now {}; drop it alone",
                        path.display(),
                        first.display()
                    );
                    self.notify(NoticeKind::Warning, text);
                }
                // Data is fitted to the model, which is not there yet.
                (PathContent::Import, Some(_)) => self.after_opening.push(path),
                _ => {
                    self.start_opening_any(&path);
                    if content == PathContent::Model {
                        model = Some(path);
                    }
                }
            }
        }
    }

    /// What was dropped together with the model that is open now, or was to be.
    pub(super) fn open_what_waits(&mut self) {
        for path in std::mem::take(&mut self.after_opening) {
            self.start_opening_any(&path);
        }
    }
}
