//! What a report says in words: figures as text, the limits of what was measured, the definitions.

use super::data::{Measured, OnSamples, ReportData};
use crate::base::{MINUS, fixed, interval, percent, significant, thousands};
use crate::eval::{Estimate, Metric, Sqnr};
use crate::model::FoldMode;

/// A value of the metric without its interval, with the decimals of `quantscope eval`.
pub(super) fn value_text(metric: Metric, value: f64) -> String {
    match metric {
        Metric::Perplexity if value >= 1e5 => significant(value, 4),
        Metric::Perplexity => fixed(value, 4),
        Metric::Top1 | Metric::Agreement => percent(value, 2),
    }
}

/// Both ends of an interval, the unit once.
pub(super) fn ends_text(metric: Metric, (lo, hi): (f64, f64)) -> String {
    let lo = match metric {
        Metric::Perplexity => value_text(metric, lo),
        Metric::Top1 | Metric::Agreement => fixed(100.0 * lo, 2),
    };
    interval(&lo, &value_text(metric, hi))
}

/// `97.32 % (96.05–98.20 %)`.
pub(super) fn metric_text(metric: Metric, estimate: Estimate) -> String {
    format!("{} ({})", value_text(metric, estimate.value), ends_text(metric, estimate.ci95))
}

/// A difference with its sign: points of percent, or of perplexity.
pub(super) fn signed(metric: Metric, value: f64) -> String {
    let text = match metric {
        Metric::Perplexity => fixed(value, 4),
        Metric::Top1 | Metric::Agreement => fixed(100.0 * value, 2),
    };
    let is_zero = text.chars().all(|c| matches!(c, '0' | '.'));
    if text.starts_with([MINUS, 'n']) || is_zero { text } else { format!("+{text}") }
}

/// Both ends of a difference, `−17.60 … −12.67`.
pub(super) fn signed_ends(metric: Metric, (lo, hi): (f64, f64)) -> String {
    interval(&signed(metric, lo), &signed(metric, hi))
}

/// What a difference is counted in.
pub(super) fn difference_unit(metric: Metric) -> &'static str {
    if metric == Metric::Perplexity { "" } else { " points" }
}

pub(super) fn metric_name(metric: Metric) -> &'static str {
    match metric {
        Metric::Top1 => "Top-1 accuracy",
        Metric::Perplexity => "Perplexity",
        Metric::Agreement => "Agreement with float",
    }
}

pub(super) fn p_text(p: f64) -> String {
    if p <= 0.0 { "below 10⁻³⁰⁰".to_owned() } else { significant(p, 3) }
}

/// With its unit, or the name of its case.
pub(super) fn sqnr_text(sqnr: Sqnr) -> String {
    match sqnr {
        Sqnr::Db(db) => format!("{} dB", fixed(db, 2)),
        Sqnr::Exact => "exact".to_owned(),
        Sqnr::NoSignal => "no signal".to_owned(),
        Sqnr::NonFinite => "not finite".to_owned(),
    }
}

/// What was measured and what not, a paragraph each.
pub(super) fn limits(data: &ReportData) -> Vec<(&'static str, String)> {
    let mut limits = Vec::new();
    if let Measured::On(on) = &data.measured {
        limits.push(("The samples", samples_limit(on)));
        limits.push((
            "The intervals",
            "A 95 % interval is made so that it contains the true value in 95 of 100 repetitions with other \
             samples of the same kind. It tells how much chance is in the draw of the samples, not whether they \
             are like those the model will meet. Each interval holds by itself: of twenty, one is expected to miss."
                .to_owned(),
        ));
        limits.push((
            "How the settings were chosen",
            "The recipe does not record with which samples its settings were chosen. If these samples were \
             looked at meanwhile, the figures are better than on new ones; samples held apart until the end judge \
             fairly."
                .to_owned(),
        ));
    }
    limits.push((
        "The arithmetic",
        "Weights were quantized and decoded again to 32-bit floats, and the network was computed in float \
         (“fake quantization”). Activations and biases stayed float. Kernels of a runtime that compute in integers, \
         quantize activations or add in another order give other answers on some samples: repeat the measurement on \
         the device."
            .to_owned(),
    ));
    if data.model.fold_mode == FoldMode::Fold && data.model.n_folded > 0 {
        limits.push((
            "Batch normalization",
            "It was folded into the layer before, as for deployment, and the folded weights were quantized. \
             A runtime that keeps it apart quantizes other weights."
                .to_owned(),
        ));
    }
    limits.push((
        "The sizes",
        "Bytes count codes, scales and all else that is needed to decode, and every tensor left in float. \
         A container may align or widen codes. Memory at run time and speed were not measured."
            .to_owned(),
    ));
    limits.push((
        "What this is",
        "A record of one measurement of one model under one recipe. It states no fitness for any purpose."
            .to_owned(),
    ));
    limits
}

fn samples_limit(on: &OnSamples) -> String {
    let n = thousands(on.accuracy.n_samples);
    let part = match on.set.limit {
        Some(_) => format!(
            "{n} of {} samples, an equal share of every class as far as there are,",
            thousands(on.set.n_samples)
        ),
        None => format!("All {n} samples"),
    };
    let split = match on.set.split {
        "eval" => "a set that is held to judge",
        "train" => {
            "the set the model was trained on, so that both models look better than they are"
        }
        _ => "a set for calibration, which settings may have been chosen with",
    };
    let labels = if on.set.has_labels || on.accuracy.n_tokens.is_some() {
        ""
    } else {
        " The set has no labels: what is measured is how often the answer stays that of the float model."
    };
    format!(
        "{part} of {} were run: {split}. Data of another source, device, time or population may give other \
         figures, however narrow the intervals are.{labels}",
        on.set.name
    )
}

/// Term, how it is computed, and where the definition is from.
pub(super) fn definitions(data: &ReportData) -> Vec<[&'static str; 3]> {
    let mut rows = match &data.measured {
        Measured::On(on) => accuracy_definitions(on),
        Measured::Not(_) => Vec::new(),
    };
    rows.extend([
        [
            "SQNR",
            "10·log₁₀(Σx² / Σ(x − x̂)²) over the weights of a layer, sums in double precision.",
            "usual definition",
        ],
        ["MSE", "Mean of (x − x̂)² over the weights of a layer.", "usual definition"],
        [
            "Clipped",
            "Share of weights beyond the outermost level by more than half a step.",
            "this program’s documentation",
        ],
        [
            "Bits a weight",
            "Stored bits over weights, with scales, zero points and codebooks.",
            "this program’s documentation",
        ],
        [
            "Quantization",
            "x̂ = scale·(code − zero point), code = clamp(round(x/scale) + zero point), half to even, for integer \
             schemes; of the others, quantscope schemes names the source.",
            "ONNX QuantizeLinear",
        ],
    ]);
    rows
}

fn accuracy_definitions(on: &OnSamples) -> Vec<[&'static str; 3]> {
    let mut rows = Vec::new();
    match on.accuracy.metric {
            Metric::Top1 => rows.push([
                "Top-1 accuracy, recall",
                "Share of samples (of a class) whose highest score is the label’s; Wilson’s score interval.",
                "Wilson 1927, J. Am. Stat. Assoc. 22",
            ]),
            Metric::Agreement => rows.push([
                "Agreement with float",
                "Share of samples with the float model’s answer; Wilson’s score interval.",
                "Wilson 1927, J. Am. Stat. Assoc. 22",
            ]),
            Metric::Perplexity => rows.push([
                "Perplexity",
                "exp of the mean negative log-likelihood of the next token; percentile interval of 10 000 seeded \
                 draws of rows.",
                "Efron and Tibshirani 1993, An Introduction to the Bootstrap",
            ]),
        }
    if on.accuracy.metric == Metric::Top1 && on.accuracy.comparison.is_some() {
        rows.extend([
                [
                    "Difference",
                    "Quantized minus float on the same samples; score interval for paired proportions (method 10).",
                    "Newcombe 1998, Statistics in Medicine 17, 2635–2650",
                ],
                [
                    "Broken, fixed, McNemar p",
                    "Samples that only float, or only quantized, gets right; exact two-sided binomial test of \
                     their split.",
                    "McNemar 1947, Psychometrika 12",
                ],
            ]);
    }
    if on.accuracy.comparison.is_some() {
        rows.push([
            "Mean KL",
            "Mean over predictions of Σ p·ln(p/q), p from float, q from quantized, in nats.",
            "Kullback and Leibler 1951, Ann. Math. Stat. 22",
        ]);
    }
    rows
}

/// The command lines that give these figures again.
pub(super) fn command_lines(data: &ReportData) -> Vec<String> {
    let model = path_word(&data.model.reference);
    let mut lines = Vec::new();
    let mut more = String::new();
    if let Measured::On(on) = &data.measured {
        if let Some(samples) = &on.set.argument {
            more.push_str(&format!(" --samples {}", path_word(samples)));
        }
        if let Some(critical) = &on.critical {
            more.push_str(&format!(" --critical={}", quoted(critical)));
        }
        if let Some(limit) = on.set.limit {
            more.push_str(&format!(" --limit {limit}"));
        }
        let recipe = if data.is_quantized() { " --recipe recipe.json" } else { "" };
        let fold = no_fold(data);
        lines.push(format!("quantscope eval {model}{recipe}{more}{fold} --json"));
    }
    lines.push(format!("quantscope error {model} --recipe recipe.json{} --json", no_fold(data)));
    lines.push(format!(
        "quantscope report {model} --recipe recipe.json{more}{} -o report.html",
        no_fold(data)
    ));
    lines
}

/// A recipe says itself whether batch norm is folded; without one the flag does.
fn no_fold(data: &ReportData) -> &'static str {
    if data.model.fold_mode == FoldMode::Keep && !data.is_quantized() { " --no-fold" } else { "" }
}

/// A file's name that no program takes for an option.
fn path_word(name: &str) -> String {
    if name.starts_with('-') { quoted(&format!("./{name}")) } else { quoted(name) }
}

/// A word of a command line for a POSIX shell.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_command_line_survive_the_shell() {
        for (word, wanted) in [
            ("model.onnx", "model.onnx"),
            ("sample:digits", "sample:digits"),
            ("my model.onnx", "'my model.onnx'"),
            ("a'b", "'a'\\''b'"),
            ("$(x)", "'$(x)'"),
            ("", "''"),
        ] {
            assert_eq!(quoted(word), wanted);
        }
        assert_eq!(path_word("-rf"), "./-rf");
    }

    #[test]
    fn figures_have_their_sign_and_unit_once() {
        let estimate = Estimate { value: 0.8227, ci95: (0.7964, 0.8463) };
        assert_eq!(metric_text(Metric::Top1, estimate), "82.27 % (79.64–84.63 %)");
        assert_eq!(signed_ends(Metric::Top1, (-0.176, 0.0125)), "−17.60 … +1.25");
        assert_eq!(signed(Metric::Perplexity, 0.0), "0.0000");
        assert_eq!(p_text(0.0), "below 10⁻³⁰⁰");
    }
}
