//! `quantscope sweep`: accuracy at several bit widths under several schemes.

use std::io::IsTerminal;
use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::exit::{CliError, Exit};
use super::options::{SweepOptions, critical_class, open, parse_spec, samples_for};
use super::table::{Align, render, render_markdown};
use super::{print_json, print_out};
use crate::base::{WorkCtx, fixed, percent, significant, thousands};
use crate::eval::{
    Accuracy, Estimate, EvalError, Metric, Runner, Sweep, SweepPoint, estimate_json,
};
use crate::model::FoldMode;
use crate::quant::{SchemeChoice, SettingValue};

/// What is compared when nothing else is asked for: the heading and the scheme.
const COLUMNS: [(&str, &str); 3] = [
    ("per tensor", "int:granularity=per-tensor"),
    ("per channel", "int:granularity=per-channel"),
    ("per group of 32", "int:granularity=per-group,group-size=32"),
];

/// The measured table.
struct Grid {
    headings: Vec<String>,
    /// By bit width, in the order asked for: a point for every heading.
    rows: Vec<(i64, Vec<SweepPoint>)>,
    critical: Option<String>,
}

pub(super) fn run(options: &SweepOptions) -> Result<(), CliError> {
    let columns = columns(options)?;
    let fold_mode = if options.no_fold { FoldMode::Keep } else { FoldMode::Fold };
    let opened = open(&options.model, fold_mode)?;
    let samples = samples_for(options.samples.as_deref(), &opened)?;
    let critical = critical_class(options.critical.as_deref(), &opened, &samples)?;
    let named = |error: EvalError| CliError::from(error).about(&opened.reference.label());
    let runner = Runner::new(Arc::clone(&opened.network), samples).map_err(named)?;
    let limit = options.limit.map(|limit| usize::try_from(limit).unwrap_or(usize::MAX));
    let grid = measure(&runner, limit, &columns, options.bits.as_slice())?;
    let grid = Grid { critical, ..grid };
    let Some(first) = grid.rows.first().and_then(|(_, points)| points.first()) else {
        return Err(CliError::new(Exit::WrongUse, "--bits names no bit width"));
    };
    if options.json {
        print_json(&json(&grid, &first.accuracy));
    } else {
        let title = &opened.network.model.title;
        let title = format!("{title} on {}", runner.samples().name);
        print_out(&text(&grid, &first.accuracy, &title, options));
    }
    Ok(())
}

fn columns(options: &SweepOptions) -> Result<Vec<(String, SchemeChoice)>, CliError> {
    let asked: Vec<(&str, &str)> = match options.scheme.as_slice() {
        [] => COLUMNS.to_vec(),
        specs => specs.iter().map(|spec| (spec.as_str(), spec.as_str())).collect(),
    };
    let column = |(heading, spec): (&str, &str)| {
        let choice = parse_spec("--scheme", spec)?;
        if choice.bits().is_none() {
            let message = format!("--scheme {spec}: it has no bits to sweep over");
            return Err(CliError::new(Exit::WrongUse, message));
        }
        Ok((heading.to_owned(), choice))
    };
    asked.into_iter().map(column).collect()
}

fn measure(
    runner: &Runner,
    limit: Option<usize>,
    columns: &[(String, SchemeChoice)],
    bits: &[i64],
) -> Result<Grid, CliError> {
    let shows_progress = std::io::stderr().is_terminal();
    let ctx = WorkCtx::new();
    let mut sweep = Sweep::new(runner, limit);
    let mut rows = Vec::new();
    for &bits in bits {
        let mut points = Vec::new();
        for (heading, choice) in columns {
            if shows_progress {
                eprint!("\r\x1b[K{bits} bits, {heading}");
            }
            let choice = choice.with("bits", SettingValue::Int(bits)).map_err(|error| {
                CliError::new(Exit::WrongUse, format!("--bits {bits}: {error}"))
            })?;
            points.push(sweep.measure(&choice, &ctx)?);
        }
        rows.push((bits, points));
    }
    if shows_progress {
        eprint!("\r\x1b[K");
    }
    let headings = columns.iter().map(|(heading, _)| heading.clone()).collect();
    Ok(Grid { headings, rows, critical: None })
}

fn json(grid: &Grid, first: &Accuracy) -> Json {
    let points = grid.rows.iter().flat_map(|(bits, points)| {
        points.iter().map(move |point| {
            let accuracy = &point.accuracy;
            let critical = grid.critical.as_ref().and_then(|name| accuracy.class_recall(name));
            let comparison = accuracy.comparison.as_ref();
            json!({
                "bits": bits,
                "scheme": point.choice.to_string(),
                "quantized": estimate_json(accuracy.quantized),
                "difference": estimate_json(comparison.and_then(|c| c.difference)),
                "bits_per_weight": point.size.bits_per_weight,
                "quantized_bytes": point.size.quantized_bytes,
                "critical_recall": estimate_json(critical.map(|recall| recall.quantized)),
            })
        })
    });
    json!({
        "metric": first.metric.id(),
        "samples": first.n_samples,
        "tokens": first.n_tokens,
        "float": estimate_json(first.float),
        "critical": grid.critical,
        "points": points.collect::<Vec<Json>>(),
    })
}

fn text(grid: &Grid, first: &Accuracy, title: &str, options: &SweepOptions) -> String {
    let name = match first.metric {
        Metric::Top1 => "top-1",
        Metric::Perplexity => "perplexity",
        Metric::Agreement => "agreement with float",
    };
    let count = match first.n_tokens {
        Some(n_tokens) => format!("{} tokens", thousands(n_tokens)),
        None => format!("{} samples", thousands(first.n_samples)),
    };
    let mut text = format!("{title} ({count}): {name}, 95 % intervals\n\n");
    let shown = |estimate| shown(estimate, first.metric);
    text.push_str(&table(grid, options, first.float.map(&shown), &|accuracy| {
        accuracy.quantized.map(&shown)
    }));
    if let Some(name) = &grid.critical {
        let n = first.class_recall(name).map_or(0, |recall| recall.n);
        text.push_str(&format!("\nrecall of {name} ({} samples)\n\n", thousands(n)));
        let recall = |estimate| shown_share(estimate);
        let float = first.class_recall(name).map(|found| recall(found.float));
        text.push_str(&table(grid, options, float, &|accuracy| {
            accuracy.class_recall(name).map(|found| recall(found.quantized))
        }));
    }
    text
}

/// One figure of every point; the float model's in the first row.
fn table(
    grid: &Grid,
    options: &SweepOptions,
    float: Option<String>,
    figure: &dyn Fn(&Accuracy) -> Option<String>,
) -> String {
    let mut header = vec![("weights", Align::Left)];
    header.extend(grid.headings.iter().map(|heading| (heading.as_str(), Align::Right)));
    let mut rows = Vec::new();
    if let Some(float) = float {
        let mut row = vec!["float".to_owned(), float];
        row.resize(header.len(), String::new());
        rows.push(row);
    }
    for (bits, points) in &grid.rows {
        let cells = points.iter().map(|point| figure(&point.accuracy).unwrap_or_default());
        rows.push([format!("{bits} bits")].into_iter().chain(cells).collect());
    }
    if options.markdown { render_markdown(&header, &rows) } else { render(&header, &rows) }
}

fn shown(estimate: Estimate, metric: Metric) -> String {
    if metric != Metric::Perplexity {
        return shown_share(estimate);
    }
    let Estimate { value, ci95: (lo, hi) } = estimate;
    let text = |x: f64| if x >= 1e5 { significant(x, 4) } else { fixed(x, 3) };
    format!("{} ({} … {})", text(value), text(lo), text(hi))
}

fn shown_share(Estimate { value, ci95: (lo, hi) }: Estimate) -> String {
    format!("{} ({} … {})", percent(value, 1), fixed(100.0 * lo, 1), fixed(100.0 * hi, 1))
}
