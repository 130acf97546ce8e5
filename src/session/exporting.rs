//! The quantized model as a file of another format, and what that file will be before it is written.

use std::path::PathBuf;
use std::sync::Arc;

use super::apply::ErrandResult;
use super::failure::Failure;
use super::job::Lane;
use super::loaded::Loaded;
use super::query::{Answer, Query};
use super::recipe_file::{RecipeFile, RecipeModel};
use super::report::{ReportRequest, write_report};
use super::state::{Message, NoticeKind, Session};
use super::watch::file_name;
use super::workshop::{QueryError, Workshop};
use crate::base::{WorkCtx, bytes, unwritable, write_whole};
use crate::eval::{ExportError, Unfit, export_model};
use crate::formats::{WRITERS, WriteError, Writer};

/// A file to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportAsk {
    /// Id of a line of [`WRITERS`].
    pub format: &'static str,
    pub path: PathBuf,
    pub unfit: Unfit,
}

/// What a file of a format will be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportPlan {
    /// Exactly, with the layers that do not fit in float; `None` where nothing can be written.
    pub n_bytes: Option<u64>,
    /// Layers that the format cannot hold as they are set, and why.
    pub unfit: Vec<UnfitLayer>,
    /// Why the format cannot hold the model at all.
    pub refusal: Option<String>,
}

/// A layer that a format cannot hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnfitLayer {
    pub name: String,
    pub reason: String,
}

/// A file that was written.
pub(super) struct Exported {
    path: PathBuf,
    name: &'static str,
    n_bytes: u64,
    /// What is not as one would think.
    doubt: Option<String>,
}

fn writer(format: &str) -> Option<&'static Writer> {
    WRITERS.iter().find(|writer| writer.id == format).copied()
}

impl Workshop {
    fn all_layers(
        &self,
        specs: &[String],
        ctx: &WorkCtx,
    ) -> Result<Vec<Arc<crate::eval::QuantizedLayer>>, QueryError> {
        let layers = specs.iter().enumerate();
        layers
            .map(|(layer_idx, spec)| {
                ctx.check()?;
                self.layer(layer_idx, spec, ctx)
            })
            .collect()
    }

    pub(super) fn export_plan(
        &self,
        specs: &[String],
        format: &str,
        ctx: &WorkCtx,
    ) -> Result<ExportPlan, QueryError> {
        let writer = writer(format).ok_or_else(|| QueryError::Words(no_format(format)))?;
        let layers = self.all_layers(specs, ctx)?;
        let export = export_model(&self.network, &layers, writer, Unfit::KeptFloat);
        let export = export.map_err(|error| QueryError::Words(error.to_string()))?;
        let unfit = export.unfit.iter().filter_map(|error| match error {
            WriteError::Unfit { layer, reason, .. } => {
                Some(UnfitLayer { name: layer.clone(), reason: reason.clone() })
            }
            _ => None,
        });
        let unfit = unfit.collect();
        Ok(match writer.predict(&export.model) {
            Ok(n_bytes) => ExportPlan { n_bytes: Some(n_bytes), unfit, refusal: None },
            Err(error) => ExportPlan { n_bytes: None, unfit, refusal: Some(error.to_string()) },
        })
    }

    fn export(
        &self,
        specs: &[String],
        ask: &ExportAsk,
        ctx: &WorkCtx,
    ) -> Result<Exported, Failure> {
        let writer = writer(ask.format).ok_or_else(|| Failure::from(no_format(ask.format)))?;
        let layers =
            self.all_layers(specs, ctx).map_err(|error| Failure::from(error.to_string()))?;
        let export = export_model(&self.network, &layers, writer, ask.unfit);
        let export = export.map_err(|error: ExportError| Failure::of(&error))?;
        write_whole(&ask.path, |out| writer.write(&export.model, out)).map_err(|error| {
            let words = match &error {
                WriteError::Io(error) => unwritable(error, &ask.path),
                other => other.to_string(),
            };
            Failure::from(format!("{} cannot be written: {words}", ask.path.display()))
        })?;
        let n_bytes = std::fs::metadata(&ask.path).map_or(0, |file| file.len());
        let n_float = export.unfit.len();
        let layers = crate::base::counted(n_float, "layer");
        let doubt = (n_float > 0).then(|| format!("{layers} it cannot hold stay in float"));
        Ok(Exported { path: ask.path.clone(), name: writer.name, n_bytes, doubt })
    }
}

fn no_format(format: &str) -> String {
    let known: Vec<&str> = WRITERS.iter().map(|writer| writer.id).collect();
    format!("there is no format {format:?}; there are {}", known.join(", "))
}

impl Session {
    /// What a file of that format would be with the layers as they are set.
    pub fn export_plan(&self, format: &'static str) -> Loaded<ExportPlan> {
        let query = Query::ExportPlan { network: self.network_id, specs: self.specs(), format };
        self.ask(query, |answer| match answer {
            Answer::ExportPlan(plan) => Some(plan),
            _ => None,
        })
    }

    /// The present recipe with what its model is known by.
    pub(super) fn recipe_file(&self) -> Option<RecipeFile> {
        let opened = self.opened.as_ref()?;
        Some(RecipeFile {
            recipe: self.plan.recipe.clone(),
            rules: self.plan.rules.clone(),
            fold_mode: Some(self.plan.fold_mode),
            model: Some(RecipeModel::of(opened)),
        })
    }

    /// Bytes that the present recipe takes as a file.
    pub fn recipe_bytes(&self) -> Option<u64> {
        Some(self.recipe_file()?.to_json().len() as u64)
    }

    /// The settings of all layers, in order.
    pub(super) fn specs(&self) -> Arc<[String]> {
        let n_layers = self.network().map_or(0, |network| network.layers.len());
        (0..n_layers).map(|idx| self.spec(idx)).collect()
    }

    pub(super) fn start_exporting(&mut self, ask: ExportAsk) {
        let Some(workshop) = self.workshop.clone() else {
            let text = "open a model first, which is then exported";
            return self.notify(NoticeKind::Failed, text.to_owned());
        };
        let specs = self.specs();
        self.run_errand(&format!("Exporting {}", file_name(&ask.path)), move |ctx| {
            ErrandResult::Exported(workshop.export(&specs, &ask, ctx))
        });
    }

    /// Measures and writes a report of the layers as they are set.
    pub(super) fn start_reporting(&mut self, path: PathBuf) {
        let (Some(opened), Some(workshop)) = (self.opened.clone(), self.workshop.clone()) else {
            let text = "open a model first, which is then reported on";
            return self.notify(NoticeKind::Failed, text.to_owned());
        };
        let plan = self.plan.clone();
        let critical = self.critical_class().map(str::to_owned);
        let label = format!("Writing {}", file_name(&path));
        let work = move |ctx: &WorkCtx| {
            let request = ReportRequest {
                opened: &opened,
                recipe: &plan.recipe,
                rules: &plan.rules,
                samples: workshop.samples.as_ref(),
                critical: critical.as_deref(),
                limit: None,
                warnings: &[],
            };
            let written = write_report(&request, &path, ctx, &mut |_, _| {});
            let exported = written.map(|summary| Exported {
                path: summary.path,
                name: "report",
                n_bytes: summary.n_bytes,
                doubt: summary.not_measured,
            });
            ErrandResult::Exported(exported.map_err(|error| Failure::of(&error)))
        };
        let on_panic = |id, text: String| Message::Exported(id, Err(text.into()));
        self.push_errand_in(Lane::Study, &label, move |id, ctx| work(ctx).message(id), on_panic);
    }

    pub(super) fn tell_exported(&mut self, exported: Result<Exported, Failure>) {
        match exported {
            Err(failure) => self.notify_failure(failure),
            Ok(Exported { path, name, n_bytes, doubt }) => {
                let size = bytes(n_bytes);
                let text = format!("wrote {} ({name}, {size})", path.display());
                match doubt {
                    None => self.notify(NoticeKind::Done, text),
                    Some(doubt) => self.notify(NoticeKind::Warning, format!("{text}; {doubt}")),
                }
            }
        }
    }
}
