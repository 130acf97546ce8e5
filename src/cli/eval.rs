//! `quantscope eval`: accuracy on a sample set.

use std::io::IsTerminal;
use std::sync::Arc;

use super::exit::{CliError, Exit};
use super::options::{EvalOptions, critical_class, open, parse_spec, samples_for};
use super::table::{Align, render};
use super::{print_json, print_out};
use crate::base::{WorkCtx, bytes, fixed, percent, significant, thousands};
use crate::eval::{
    Accuracy, ActivationQuantizer, Comparison, Estimate, EvalError, KeptRuns, LayerError, Metric,
    ModelSize, Recall, RunRequest, Runner, SampleSet, Split, TOLERATED_LOSS, accuracy_json,
    overlay, quantize_network,
};
use crate::exec::{NoHook, ValueHook};
use crate::session::Opened;

pub(super) fn run(options: &EvalOptions) -> Result<(), CliError> {
    let opened = open(&options.model, options.weights.fold_mode())?;
    let network = &opened.network;
    let recipe = options.weights.recipe(network)?;
    let samples = samples_for(options.samples.as_deref(), &opened)?;
    let critical = critical_class(options.critical.as_deref(), &opened, &samples)?;
    let ctx = WorkCtx::new();
    let layers = match &recipe {
        Some(recipe) => quantize_network(network, recipe, &ctx)?,
        None => Vec::new(),
    };
    let named = |error: EvalError| CliError::from(error).about(&opened.reference.label());
    let runner = Runner::new(Arc::clone(network), samples).map_err(named)?;
    let mut limit = options.limit.map(|limit| usize::try_from(limit).unwrap_or(usize::MAX));
    let activations = match &options.activations {
        Some(spec) => Some(calibrated(options, &opened, &runner, (spec, &mut limit))?),
        None => None,
    };
    let is_quantized = recipe.is_some() || activations.is_some();
    let quantized = match is_quantized {
        true => Some(runner.constants(&overlay(network, &layers)).map_err(named)?),
        false => None,
    };
    let hook: &dyn ValueHook = match &activations {
        Some(activations) => activations,
        None => &NoHook,
    };
    let request = RunRequest { quantized: quantized.as_ref(), hook, limit };
    let accuracy = run_shown(&runner, &request, &ctx).map_err(named)?;
    let errors: Vec<Option<&LayerError>> = layers.iter().map(|layer| Some(&layer.error)).collect();
    let size = ModelSize::new(network, &errors);
    if options.json {
        print_json(&accuracy_json(&accuracy, critical.as_deref(), size));
    } else {
        let title = &opened.network.model.title;
        print_out(&text(title, runner.samples(), (&accuracy, critical.as_deref()), size));
    }
    Ok(())
}

/// Runs with a count on standard error, where a person sees it.
fn run_shown(runner: &Runner, request: &RunRequest, ctx: &WorkCtx) -> Result<Accuracy, EvalError> {
    let shows_progress = std::io::stderr().is_terminal();
    let accuracy = runner.run(request, &mut KeptRuns::default(), ctx, |partial| {
        if shows_progress {
            eprint!("\r{} of {} samples", partial.n_samples, partial.n_total);
        }
    });
    if shows_progress {
        eprint!("\r\x1b[K");
    }
    accuracy
}

/// Samples at most that ranges are taken from.
const MAX_CALIBRATION: usize = 512;

/// Activation ranges from the calibration set, else the train set, else the end of the evaluation
/// order, which `limit` then keeps out of the evaluation.
fn calibrated(
    options: &EvalOptions,
    opened: &Opened,
    runner: &Runner,
    (spec, limit): (&str, &mut Option<usize>),
) -> Result<ActivationQuantizer, CliError> {
    let choice = parse_spec("--activations", spec)?;
    let network = &opened.network;
    let Some(graph) = &network.graph else { return Err(EvalError::NoGraph.into()) };
    let ctx = WorkCtx::new();
    let found = match &options.calibration {
        Some(path) => Some(SampleSet::open(path)?),
        None => {
            let splits = [Split::Calibration, Split::Train];
            splits.into_iter().find_map(|split| opened.find_set(split)).transpose()?
        }
    };
    if let Some(set) = found {
        let n_used = set.len().min(MAX_CALIBRATION);
        eprintln!("quantscope: activation ranges from {n_used} samples of {}", set.name);
        let other = Runner::new(Arc::clone(network), Arc::new(set))?;
        return Ok(ActivationQuantizer::calibrate(&other, graph, &choice, 0..n_used, &ctx)?);
    }
    let n_samples = runner.samples().len();
    let n_apart = (n_samples / 5).clamp(1, MAX_CALIBRATION);
    if n_samples < 2 {
        let message = "one sample cannot be both for calibration and for evaluation; name a set with --calibration FILE";
        return Err(CliError::new(Exit::NoSense, message));
    }
    let n_judged = n_samples - n_apart;
    *limit = Some(limit.map_or(n_judged, |limit| limit.min(n_judged)));
    eprintln!(
        "quantscope: activation ranges from {n_apart} samples of {} that are kept apart; {n_judged} judge",
        runner.samples().name
    );
    Ok(ActivationQuantizer::calibrate(runner, graph, &choice, n_judged..n_samples, &ctx)?)
}

/// The recall of the critical class, if the set has samples of it.
fn named_recall<'a>(
    accuracy: &'a Accuracy,
    critical: Option<&'a str>,
) -> Option<(&'a str, &'a Recall)> {
    critical.and_then(|name| Some((name, accuracy.class_recall(name)?)))
}

fn text(
    title: &str,
    samples: &SampleSet,
    (accuracy, critical): (&Accuracy, Option<&str>),
    size: ModelSize,
) -> String {
    let count = match accuracy.n_tokens {
        Some(n_tokens) => format!("{} rows, {} tokens", accuracy.n_samples, thousands(n_tokens)),
        None => format!("{} samples", thousands(accuracy.n_samples)),
    };
    let mut text = format!("{title} on {} ({count})\n\n", samples.name);
    if let Some((name, recall)) = named_recall(accuracy, critical) {
        text.push_str(&critical_text(accuracy, name, recall));
    }
    let shown = |x: f64| match accuracy.metric {
        Metric::Perplexity if x >= 1e5 => significant(x, 4),
        Metric::Perplexity => fixed(x, 4),
        _ => percent(x, 2),
    };
    let difference = accuracy.comparison.as_ref().and_then(|c| c.difference);
    let figures = [accuracy.float, accuracy.quantized, difference];
    text.push_str(&figures_text(accuracy.metric.id(), figures, &shown));
    if let Some(comparison) = &accuracy.comparison {
        text.push_str(&comparison_text(comparison, size));
    }
    text.push_str(&format!("time          {} s\n", fixed(accuracy.seconds, 2)));
    text
}

/// A figure of both models and their difference, those there are, with intervals.
fn figures_text(
    name: &str,
    figures: [Option<Estimate>; 3],
    shown: &dyn Fn(f64) -> String,
) -> String {
    let mut rows = Vec::new();
    for (name, estimate) in ["float", "quantized", "difference"].into_iter().zip(figures) {
        if let Some(Estimate { value, ci95: (lo, hi) }) = estimate {
            let interval = format!("{} to {}", shown(lo), shown(hi));
            rows.push(vec![name.to_owned(), shown(value), interval]);
        }
    }
    let header = [(name, Align::Left), ("", Align::Right), ("95 % interval", Align::Left)];
    render(&header, &rows)
}

fn critical_text(accuracy: &Accuracy, name: &str, recall: &Recall) -> String {
    let is_compared = accuracy.comparison.is_some();
    let figures = [
        Some(recall.float),
        is_compared.then_some(recall.quantized),
        is_compared.then_some(recall.difference),
    ];
    let title = format!("recall of {name}");
    let mut text = figures_text(&title, figures, &|x| percent(x, 2));
    if is_compared && recall.may_lose_more_than(TOLERATED_LOSS) {
        let worst = percent(-recall.difference.ci95.0, 1);
        text.push_str(&format!(
            "warning: on {} samples of {name} a loss of up to {worst} cannot be ruled out\n",
            thousands(recall.n)
        ));
    }
    text.push('\n');
    text
}

fn comparison_text(comparison: &Comparison, size: ModelSize) -> String {
    let mut text = format!("\nsame answer   {}\n", percent(comparison.agreement, 2));
    if let (Some(broken), Some(fixed_count), Some(p)) =
        (comparison.broken, comparison.fixed, comparison.mcnemar_p)
    {
        text.push_str(&format!(
            "broken        {broken}\nfixed         {fixed_count}\nMcNemar p     {}\n",
            significant(p, 3)
        ));
    }
    let output_sqnr = match comparison.output_sqnr.db() {
        Some(db) => format!("{} dB", fixed(db, 2)),
        None => comparison.output_sqnr.case().unwrap_or_default().to_owned(),
    };
    text.push_str(&format!(
        "mean KL       {} nats\noutput SQNR   {output_sqnr}\nsize          {} → {} ({} bits/weight)\n",
        significant(comparison.kl_mean, 4),
        bytes(size.float_bytes),
        bytes(size.quantized_bytes),
        size.bits_per_weight.map_or_else(|| "n/a".to_owned(), |bits| fixed(bits, 2)),
    ));
    text
}
