//! What a report says, measured: layer by layer, then over the samples.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use sha2::{Digest, Sha256};

use super::data::{
    Distribution, FileFacts, LayerRow, Measured, ModelFacts, OnSamples, ReportData, RuleRow,
    SampleFacts,
};
use super::{ReportError, ReportRequest};
use crate::base::{Cancelled, WorkCtx, significant, utc};
use crate::eval::{
    Accuracy, ErrorStats, EvalError, KeptRuns, ModelSize, QuantizedLayer, RunRequest, Runner,
    SampleSet, layer_json, quantize_layer,
};
use crate::exec::NoHook;
use crate::model::{Card, Layer, Network};
use crate::session::opening::{ModelRef, Opened};
use crate::session::recipe_file::{RecipeFile, RecipeModel};
use crate::session::watch::file_name;
use crate::tensor::{Histogram, Tensor};

/// Layers whose distribution is drawn.
const N_DISTRIBUTIONS: usize = 4;
const N_BINS: usize = 96;
/// Values of quantized weights that are drawn one by one.
const MAX_LEVELS: usize = 48;

/// What the layers come to.
struct Layers {
    rows: Vec<LayerRow>,
    total: ErrorStats,
    size: ModelSize,
    /// Quantized weights by tensor, where they are to be run.
    replaced: BTreeMap<String, Tensor>,
}

/// Everything a report says.
///
/// # Errors
/// A layer that cannot be quantized as the recipe says, a run that fails on the way, cancelled. A
/// model that cannot be run at all is reported as such.
pub fn report_data(
    request: &ReportRequest,
    ctx: &WorkCtx,
    progress: &mut (dyn FnMut(&str, f32) + Send),
) -> Result<ReportData, ReportError> {
    let network = &request.opened.network;
    let runner = runner(request)?;
    let layers = quantize(request, runner.is_ok(), ctx, progress)?;
    let is_quantized = layers.rows.iter().any(|row| !row.keeps_float);
    let distributions = distributions(request, &layers, ctx)?;
    let measured = match runner {
        Err(reason) => Measured::Not(reason),
        Ok(runner) => {
            let replaced = is_quantized.then_some(&layers.replaced);
            let accuracy = run(&runner, replaced, request.limit, ctx, progress)?;
            let set = sample_facts(request, runner.samples(), ctx)?;
            let critical = request.critical.map(str::to_owned);
            Measured::On(Box::new(OnSamples { set, accuracy, critical }))
        }
    };
    let warnings = request.warnings.iter().chain(&network.model.warnings).cloned().collect();
    Ok(ReportData {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        made: utc(SystemTime::now()),
        model: model_facts(request.opened, ctx)?,
        recipe: recipe_text(request),
        rules: rule_rows(request),
        warnings,
        layers: layers.rows,
        total: layers.total,
        size: layers.size,
        measured,
        distributions,
    })
}

/// What runs the samples, or why nothing can.
fn runner(request: &ReportRequest) -> Result<Result<Runner, String>, ReportError> {
    let Some(samples) = request.samples else {
        let reason = match &request.opened.eval_error {
            Some(error) => format!("the sample set beside the model cannot be read: {error}"),
            None => "no sample set lies beside the model and none was named".to_owned(),
        };
        return Ok(Err(reason));
    };
    match Runner::new(Arc::clone(&request.opened.network), Arc::clone(samples)) {
        Ok(runner) => Ok(Ok(runner)),
        Err(EvalError::Cancelled(cancelled)) => Err(cancelled.into()),
        Err(error) => Ok(Err(error.to_string())),
    }
}

fn quantize(
    request: &ReportRequest,
    is_run: bool,
    ctx: &WorkCtx,
    progress: &mut (dyn FnMut(&str, f32) + Send),
) -> Result<Layers, ReportError> {
    let network = &*request.opened.network;
    let n_layers = network.layers.len();
    let mut rows = Vec::with_capacity(n_layers);
    let mut replaced = BTreeMap::new();
    let mut total = ErrorStats::default();
    let mut bits = Vec::with_capacity(n_layers);
    for (layer_idx, layer) in network.layers.iter().enumerate() {
        ctx.check()?;
        progress("Quantizing the layers", layer_idx as f32 / n_layers as f32);
        let choice = request.recipe.choice(&layer.name);
        let done = quantize_layer(network, layer, &choice, ctx)?;
        bits.push((!done.error.keeps_float).then(|| done.error.fitted.storage_bits()));
        if !done.error.keeps_float {
            total = total.merged(&done.error.total);
        }
        rows.push(layer_row(layer, &done));
        if let Some(weights) = done.weights.filter(|_| is_run) {
            replaced.insert(layer.weight.clone(), weights);
        }
    }
    Ok(Layers { rows, total, size: ModelSize::of_bits(network, &bits), replaced })
}

fn layer_row(layer: &Layer, done: &QuantizedLayer) -> LayerRow {
    LayerRow {
        name: layer.name.clone(),
        op: layer.op.clone(),
        dims: layer.dims.clone(),
        n_weights: layer.count(),
        scheme: done.choice.to_string(),
        keeps_float: done.error.keeps_float,
        code_bits: done.choice.code_bits(),
        bits_per_weight: done.error.bits_per_weight(),
        n_bytes: done.error.stored_bytes(),
        sqnr: done.error.sqnr(),
        stats: done.error.total,
        json: layer_json(layer, done),
    }
}

fn run(
    runner: &Runner,
    replaced: Option<&BTreeMap<String, Tensor>>,
    limit: Option<usize>,
    ctx: &WorkCtx,
    progress: &mut (dyn FnMut(&str, f32) + Send),
) -> Result<Accuracy, ReportError> {
    let constants = replaced.map(|replaced| runner.constants(replaced)).transpose()?;
    let request = RunRequest { quantized: constants.as_ref(), hook: &NoHook, limit };
    let n_asked = limit.unwrap_or(usize::MAX).min(runner.n_samples()).max(1);
    let accuracy = runner.run(&request, &mut KeptRuns::default(), ctx, |partial| {
        progress("Running the samples", partial.n_samples as f32 / n_asked as f32);
    })?;
    Ok(accuracy)
}

fn recipe_text(request: &ReportRequest) -> String {
    let file = RecipeFile {
        recipe: request.recipe.clone(),
        rules: request.rules.clone(),
        fold_mode: Some(request.opened.network.fold_mode),
        model: Some(RecipeModel::of(request.opened)),
    };
    file.to_json()
}

fn rule_rows(request: &ReportRequest) -> Vec<RuleRow> {
    let layers = &request.opened.network.layers;
    let matches = request.rules.matches(layers.iter().map(|layer| layer.name.as_str()));
    let row = |(rule, matches): (&crate::quant::Rule, crate::quant::RuleMatches)| {
        let governed = matches.governed.iter().filter_map(|&idx| layers.get(idx));
        let n_otherwise =
            governed.filter(|layer| request.recipe.choice(&layer.name) != rule.choice).count();
        RuleRow {
            pattern: rule.pattern.to_string(),
            scheme: rule.choice.to_string(),
            n_layers: matches.governed.len(),
            n_otherwise,
        }
    };
    request.rules.0.iter().zip(matches).map(row).collect()
}

fn model_facts(opened: &Opened, ctx: &WorkCtx) -> Result<ModelFacts, Cancelled> {
    let network: &Network = &opened.network;
    let model = &network.model;
    let files = model.files.iter().map(|path| file_facts(path, ctx));
    let reference = match (&opened.reference, &model.path) {
        (ModelRef::Path(_), Some(path)) => file_name(path),
        (reference, _) => reference.label(),
    };
    Ok(ModelFacts {
        title: model.title.clone(),
        reference,
        files: files.collect::<Result<_, _>>()?,
        fingerprint: opened.fingerprint.clone(),
        n_parameters: network.n_parameters(),
        fold_mode: network.fold_mode,
        n_folded: network.folded.len(),
        card: card_facts(&model.card),
    })
}

fn card_facts(card: &Card) -> Vec<(&'static str, String)> {
    let metric = card.metric.as_ref().map(|metric| {
        let on = metric.samples.map(|n| format!(" on {n} samples")).unwrap_or_default();
        format!("{} {}{on}", metric.name, significant(metric.value, 4))
    });
    let facts = [
        ("description", card.description.clone().or_else(|| card.teaches.clone())),
        ("data", card.data.clone()),
        ("trained", card.trained.clone()),
        ("stated metric", metric),
        ("critical class", card.critical.clone()),
        ("licence", card.licence.clone()),
        ("source", card.source.clone()),
    ];
    facts.into_iter().filter_map(|(name, text)| Some((name, text?))).collect()
}

fn sample_facts(
    request: &ReportRequest,
    set: &SampleSet,
    ctx: &WorkCtx,
) -> Result<SampleFacts, Cancelled> {
    let own = request.opened.eval.as_ref();
    let is_own = own.is_some_and(|own| std::ptr::eq(&**own, set));
    let file = set.path.as_deref().map(|path| file_facts(path, ctx)).transpose()?;
    Ok(SampleFacts {
        name: set.name.clone(),
        argument: set.path.as_deref().filter(|_| !is_own).map(file_name),
        file,
        split: set.split.name(),
        task: set.task,
        n_samples: set.len(),
        n_classes: set.classes.as_ref().map(Vec::len),
        has_labels: set.labels.is_some(),
        licence: set.licence.clone(),
        source: set.source.clone(),
        limit: request.limit.filter(|limit| *limit < set.len()),
    })
}

/// Name, length and sum of a file as it is now.
fn file_facts(path: &Path, ctx: &WorkCtx) -> Result<FileFacts, Cancelled> {
    let mut facts = FileFacts { name: file_name(path), n_bytes: 0, sha256: None };
    let Ok(mut file) = std::fs::File::open(path) else { return Ok(facts) };
    let mut hash = Sha256::new();
    let mut piece = vec![0; 1 << 20];
    loop {
        ctx.check()?;
        match file.read(&mut piece) {
            Ok(0) => break,
            Ok(n) => {
                hash.update(piece.get(..n).unwrap_or_default());
                facts.n_bytes += n as u64;
            }
            Err(_) => return Ok(facts),
        }
    }
    facts.sha256 = Some(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect());
    Ok(facts)
}

/// Of the quantized layers with the lowest ratio.
fn distributions(
    request: &ReportRequest,
    layers: &Layers,
    ctx: &WorkCtx,
) -> Result<Vec<Distribution>, ReportError> {
    let network = &*request.opened.network;
    let mut worst: Vec<(f64, &Layer)> = network
        .layers
        .iter()
        .zip(&layers.rows)
        .filter(|(_, row)| !row.keeps_float)
        .filter_map(|(layer, row)| Some((row.sqnr.db()?, layer)))
        .collect();
    worst.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut found = Vec::new();
    for (_, layer) in worst.into_iter().take(N_DISTRIBUTIONS) {
        let float = network.tensor(&layer.weight).map_err(crate::eval::RecipeEvalError::from)?;
        let choice = request.recipe.choice(&layer.name);
        let quantized = match layers.replaced.get(&layer.weight) {
            Some(weights) => weights.clone(),
            None => match quantize_layer(network, layer, &choice, ctx)?.weights {
                Some(weights) => weights,
                None => continue,
            },
        };
        found.push(distribution(&layer.name, &float, &quantized, ctx)?);
    }
    Ok(found)
}

fn distribution(
    layer: &str,
    float: &Tensor,
    quantized: &Tensor,
    ctx: &WorkCtx,
) -> Result<Distribution, Cancelled> {
    let values = |tensor: &Tensor| -> Vec<f32> { tensor.iter().copied().collect() };
    let (float, quantized) = (values(float), values(quantized));
    let finite = float.iter().chain(&quantized).copied().filter(|x| x.is_finite());
    let (lo, hi) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(lo, hi), x| {
        (lo.min(f64::from(x)), hi.max(f64::from(x)))
    });
    let before = Histogram::compute(&float, (lo, hi), N_BINS, ctx)?;
    let after = Histogram::compute(&quantized, (lo, hi), N_BINS, ctx)?;
    Ok(Distribution {
        layer: layer.to_owned(),
        lo: before.lo,
        hi: before.hi,
        float: before.counts,
        quantized: after.counts,
        levels: levels(&quantized),
    })
}

/// `None` where the values are too many to be drawn one by one.
fn levels(quantized: &[f32]) -> Option<Vec<(f64, u64)>> {
    let mut counts: Vec<(f32, u64)> = Vec::new();
    for &value in quantized {
        // A negative zero is drawn where zero is.
        let value = value + 0.0;
        match counts.binary_search_by(|(level, _)| level.total_cmp(&value)) {
            Ok(place) => {
                if let Some((_, count)) = counts.get_mut(place) {
                    *count += 1;
                }
            }
            Err(_) if counts.len() == MAX_LEVELS => return None,
            Err(place) => counts.insert(place, (value, 1)),
        }
    }
    Some(counts.into_iter().map(|(level, count)| (f64::from(level), count)).collect())
}
