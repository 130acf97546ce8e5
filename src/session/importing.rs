//! An import under way: read in one job, made into a set in another each time a setting changes,
//! used and saved when the person says so.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::state::{Message, NoticeKind, Session};
use crate::base::{Progress, WorkCtx};
use crate::eval::SampleSet;
use crate::eval::import::{
    Built, Guess, ImportError, ImportSettings, ImportTarget, Prepared, RawSamples, build, guess,
    prepare, read, save,
};

/// Data on its way to a sample set.
pub struct ImportDraft {
    pub path: PathBuf,
    /// What was read, with the settings; `None` while it is being read for the first time.
    pub source: Option<ImportSource>,
    pub stage: ImportStage,
    /// The last set that was made; dimmed while another is under way.
    pub built: Option<Arc<Built>>,
    prepared: Option<(ImportSettings, Arc<Prepared>)>,
    job: Option<(u64, WorkCtx)>,
}

/// What was read and what is to become of it.
#[derive(Clone)]
pub struct ImportSource {
    pub raw: Arc<RawSamples>,
    pub target: Arc<ImportTarget>,
    pub guess: Arc<Guess>,
    pub settings: ImportSettings,
}

/// How far an import is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImportStage {
    Reading,
    /// A set is being made with the settings.
    Building,
    Ready,
    Saving,
    /// What is wrong, in one line. With a source, another setting may mend it.
    Failed(String),
}

/// What a job of an import brings back.
pub(super) enum ImportMessage {
    Read(Result<Box<ImportSource>, ImportError>),
    Built(Result<(Arc<Prepared>, Arc<Built>), ImportError>),
    Saved(Result<Arc<SampleSet>, String>),
    Panicked(String),
}

impl ImportDraft {
    /// How far the job is that is under way.
    pub fn progress(&self) -> Progress {
        self.job.as_ref().map_or_else(Progress::default, |(_, ctx)| ctx.progress())
    }

    /// Where the set would be saved: beside the source, under its name.
    pub fn suggested_path(&self) -> PathBuf {
        let stem = self.path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
        let split = self.source.as_ref().map_or("eval", |source| source.settings.split.name());
        let name = format!("{}.{split}.safetensors", stem.unwrap_or_else(|| "samples".to_owned()));
        self.path.with_file_name(name)
    }
}

impl Session {
    /// The import under way, if there is one.
    pub fn import(&self) -> Option<&ImportDraft> {
        self.import.as_ref()
    }

    pub(super) fn start_import(&mut self, path: &Path) {
        self.cancel_import();
        match self.import_target() {
            Err(reason) => self.notify(NoticeKind::Failed, format!("{}: {reason}", path.display())),
            Ok(target) => {
                self.import = Some(ImportDraft {
                    path: path.to_owned(),
                    source: None,
                    stage: ImportStage::Reading,
                    built: None,
                    prepared: None,
                    job: None,
                });
                self.read_import(Arc::new(target), None);
            }
        }
    }

    /// Changes the settings; another way to read the source reads it again.
    pub(super) fn set_import(&mut self, settings: ImportSettings) {
        let Some(draft) = &mut self.import else { return };
        let Some(source) = &mut draft.source else { return };
        if draft.stage == ImportStage::Saving || settings == source.settings {
            return;
        }
        let reads_anew = settings.read != source.settings.read;
        source.settings = settings;
        let target = Arc::clone(&source.target);
        if reads_anew {
            let settings = source.settings.clone();
            self.read_import(target, Some(settings));
        } else {
            self.build_import();
        }
    }

    /// Uses the set, and saves it first where a path is given.
    pub(super) fn finish_import(&mut self, save_to: Option<PathBuf>) {
        let Some(draft) = &mut self.import else { return };
        let (ImportStage::Ready, Some(built)) = (&draft.stage, draft.built.clone()) else { return };
        let Some(path) = save_to else {
            self.import = None;
            return self.use_samples(Arc::clone(&built.set));
        };
        draft.stage = ImportStage::Saving;
        self.run_import(&format!("Saving {}", path.display()), move |_| {
            let saved = save(&built, &path).map_err(|error| error.to_string());
            let reopened = saved.and_then(|()| {
                SampleSet::open(&path).map(Arc::new).map_err(|error| error.to_string())
            });
            ImportMessage::Saved(reopened)
        });
    }

    pub(super) fn cancel_import(&mut self) {
        self.stop_import_job();
        self.import = None;
    }

    /// An import whose job was cancelled from outside is over.
    pub(super) fn import_job_cancelled(&mut self, id: u64) {
        let draft = self.import.as_ref();
        if draft.and_then(|draft| draft.job.as_ref()).is_some_and(|(job, _)| *job == id) {
            self.import = None;
        }
    }

    pub(super) fn receive_import(&mut self, id: u64, message: ImportMessage) {
        if !self.end_errand(id) {
            return;
        }
        let Some(draft) = &mut self.import else { return };
        if draft.job.as_ref().is_none_or(|(job, _)| *job != id) {
            return;
        }
        draft.job = None;
        match message {
            ImportMessage::Read(Ok(source)) => {
                draft.source = Some(*source);
                draft.prepared = None;
                self.build_import();
            }
            ImportMessage::Built(Ok((prepared, built))) => {
                if let Some(source) = &draft.source {
                    draft.prepared = Some((source.settings.geometry(), prepared));
                }
                draft.built = Some(built);
                draft.stage = ImportStage::Ready;
            }
            ImportMessage::Saved(Ok(set)) => {
                self.import = None;
                self.notify(NoticeKind::Done, format!("{} is saved", set.name));
                self.use_samples(set);
            }
            ImportMessage::Saved(Err(reason)) => {
                draft.stage = ImportStage::Ready;
                self.notify(NoticeKind::Failed, reason);
            }
            ImportMessage::Read(Err(error)) | ImportMessage::Built(Err(error)) => {
                draft.stage = ImportStage::Failed(error.to_string());
            }
            ImportMessage::Panicked(text) => draft.stage = ImportStage::Failed(text),
        }
    }

    /// What the open model takes.
    fn import_target(&self) -> Result<ImportTarget, String> {
        let network =
            self.network().ok_or("open the model first that is to be run on this data")?;
        let graph = network.graph.as_ref().ok_or(
            "the open model has no graph to run samples through; open one that has, such as an ONNX file",
        )?;
        let [input] = graph.inputs.as_slice() else {
            return Err(format!(
                "the model takes {} inputs, samples fill one; open a model with one",
                graph.inputs.len()
            ));
        };
        let example = self.samples().cloned();
        let classes = network.model.card.classes.clone();
        let classes = classes.or_else(|| example.as_ref().and_then(|set| set.classes.clone()));
        Ok(ImportTarget { input: input.resolve(), classes, example })
    }

    /// Reads the source; of settings that a person made, the ways of reading stay.
    fn read_import(&mut self, target: Arc<ImportTarget>, settings: Option<ImportSettings>) {
        let Some(draft) = &mut self.import else { return };
        draft.stage = ImportStage::Reading;
        let path = draft.path.clone();
        self.run_import(&format!("Opening {}", path.display()), move |ctx| {
            let options = settings.map(|settings| settings.read).unwrap_or_default();
            let source = read(&path, &options, ctx).map(|raw| {
                let guess = guess(&raw, &target);
                let settings = guess.settings.clone();
                Box::new(ImportSource {
                    raw: Arc::new(raw),
                    target,
                    guess: Arc::new(guess),
                    settings,
                })
            });
            ImportMessage::Read(source)
        });
    }

    fn build_import(&mut self) {
        let Some(draft) = &mut self.import else { return };
        let Some(source) = draft.source.clone() else { return };
        draft.stage = ImportStage::Building;
        let geometry = source.settings.geometry();
        let kept = draft.prepared.as_ref().filter(|(made_with, _)| *made_with == geometry);
        let kept = kept.map(|(_, prepared)| Arc::clone(prepared));
        self.run_import(&format!("Opening {}", source.raw.name), move |ctx| {
            let ImportSource { raw, target, settings, .. } = &source;
            let prepared = match kept {
                Some(prepared) => Ok(prepared),
                None => prepare(raw, settings, target, ctx).map(Arc::new),
            };
            ImportMessage::Built(prepared.and_then(|prepared| {
                let built = build(&prepared, settings, target, &raw.name, ctx)?;
                Ok((prepared, Arc::new(built)))
            }))
        });
    }

    fn run_import(
        &mut self,
        label: &str,
        run: impl FnOnce(&WorkCtx) -> ImportMessage + Send + 'static,
    ) {
        self.stop_import_job();
        let on_panic = |id, text| Message::Import(id, ImportMessage::Panicked(text));
        let job = self.push_errand(label, move |id, ctx| Message::Import(id, run(ctx)), on_panic);
        if let Some(draft) = &mut self.import {
            draft.job = Some(job);
        }
    }

    fn stop_import_job(&mut self) {
        if let Some((id, ctx)) = self.import.as_mut().and_then(|draft| draft.job.take()) {
            ctx.cancel();
            self.queue.remove(id);
            self.end_errand(id);
            self.use_held_samples();
        }
    }
}
