//! The plots of a report.

use super::data::{Distribution, LayerRow, OnSamples, ReportData};
use super::words::{metric_text, sqnr_text};
use crate::base::{fixed, percent};
use crate::chart::{Anchor, Axis, Chart, Mark, Tone};
use crate::eval::{Estimate, Metric, Recall};

const WIDTH: f64 = 860.0;
/// Names that are drawn below each other; of more layers those with the lowest ratio.
pub(super) const MAX_BARS: usize = 40;
/// Classes whose recall is drawn.
pub(super) const MAX_CLASSES: usize = 30;

/// The metric of both models with its intervals.
pub(super) fn accuracy_chart(on: &OnSamples) -> Chart {
    let accuracy = &on.accuracy;
    let models = [
        ("Float", accuracy.float, Tone::Original),
        ("Quantized", accuracy.quantized, Tone::Quantized),
    ];
    let rows: Vec<(&str, Estimate, Tone)> = models
        .into_iter()
        .filter_map(|(name, estimate, tone)| Some((name, estimate?, tone)))
        .collect();
    let is_share = accuracy.metric != Metric::Perplexity;
    let ends: Vec<(f64, f64)> = rows.iter().map(|(_, estimate, _)| estimate.ci95).collect();
    let range = widened(&ends, if is_share { (0.0, 1.0) } else { (0.0, f64::INFINITY) });
    let label = if is_share { "share of samples" } else { "perplexity, smaller is better" };
    let tick =
        |x: f64, decimals| if is_share { share_text(x, decimals) } else { fixed(x, decimals) };
    let marks = rows.iter().enumerate().map(|(nth, (name, estimate, tone))| Mark::Interval {
        y: (rows.len() - 1 - nth) as f64,
        value: estimate.value,
        ends: estimate.ci95,
        tone: *tone,
        tip: format!("{name}: {}", metric_text(accuracy.metric, *estimate)),
    });
    Chart {
        title: "Accuracy of both models with 95 % intervals".to_owned(),
        x: Axis::numbers(label, range, 6, tick),
        y: Axis::names(rows.iter().map(|(name, ..)| (*name).to_owned())),
        marks: marks.collect(),
        size: (WIDTH / 2.0, 62.0 + 30.0 * rows.len() as f64),
    }
}

/// Quantized minus float, against no difference.
pub(super) fn difference_chart(on: &OnSamples) -> Option<Chart> {
    let difference = on.accuracy.comparison.as_ref()?.difference?;
    let is_share = on.accuracy.metric != Metric::Perplexity;
    let unit = if is_share { 100.0 } else { 1.0 };
    let (lo, hi) = difference.ci95;
    let (lo, hi) = (unit * lo, unit * hi);
    let range = widened(&[(lo, hi), (0.0, 0.0)], (f64::NEG_INFINITY, f64::INFINITY));
    let label = if is_share { "points" } else { "perplexity" };
    let tone =
        if is_share && hi < 0.0 || !is_share && lo > 0.0 { Tone::Bad } else { Tone::Quantized };
    let interval = Mark::Interval {
        y: 0.0,
        value: unit * difference.value,
        ends: (lo, hi),
        tone,
        tip: "Quantized minus float with its 95 % interval".to_owned(),
    };
    Some(Chart {
        title: "Difference, quantized minus float, with its 95 % interval".to_owned(),
        x: Axis::numbers(label, range, 6, fixed),
        y: Axis::names(["Difference".to_owned()]),
        marks: vec![Mark::Reference { x: 0.0 }, interval],
        size: (WIDTH / 2.0, 122.0),
    })
}

/// Recall of every class of both models; `classes` in the order to show.
pub(super) fn recall_chart(classes: &[(&str, &Recall)], is_compared: bool) -> Chart {
    let n_classes = classes.len();
    let mut marks = Vec::new();
    for (nth, (name, recall)) in classes.iter().enumerate() {
        let place = (n_classes - 1 - nth) as f64;
        let mut put = |estimate: Estimate, by: f64, tone: Tone, which: &str| {
            marks.push(Mark::Interval {
                y: place + by,
                value: estimate.value,
                ends: estimate.ci95,
                tone,
                tip: format!("{name}, {which}: {}", metric_text(Metric::Top1, estimate)),
            });
        };
        let by = if is_compared { 0.18 } else { 0.0 };
        put(recall.float, by, Tone::Original, "float");
        if is_compared {
            put(recall.quantized, -by, Tone::Quantized, "quantized");
        }
    }
    let ends: Vec<(f64, f64)> =
        classes.iter().flat_map(|(_, recall)| [recall.float.ci95, recall.quantized.ci95]).collect();
    Chart {
        title: "Recall by class with 95 % intervals".to_owned(),
        x: Axis::numbers("recall", widened(&ends, (0.0, 1.0)), 8, share_text),
        y: Axis::names(classes.iter().map(|(name, _)| (*name).to_owned())),
        marks,
        size: (WIDTH, 50.0 + 34.0 * n_classes as f64),
    }
}

/// The quantized layers' ratios, those of a number; of many the lowest, the worst first.
pub(super) fn sqnr_chart(data: &ReportData) -> Option<Chart> {
    let mut rows: Vec<(f64, &LayerRow)> = data
        .layers
        .iter()
        .filter(|layer| !layer.keeps_float)
        .filter_map(|layer| Some((layer.sqnr.db()?, layer)))
        .collect();
    if rows.is_empty() {
        return None;
    }
    if rows.len() > MAX_BARS {
        rows.sort_by(|a, b| a.0.total_cmp(&b.0));
        rows.truncate(MAX_BARS);
    }
    let ends: Vec<(f64, f64)> = rows.iter().map(|(db, _)| (*db, *db)).collect();
    let (lo, hi) = widened(&ends, (f64::NEG_INFINITY, f64::INFINITY));
    let range = (if lo < 0.0 { lo } else { 0.0 }, hi.max(1.0));
    let n_rows = rows.len();
    let mut marks = Vec::new();
    for (nth, (db, layer)) in rows.iter().enumerate() {
        let place = (n_rows - 1 - nth) as f64;
        let tip = format!("{}: {} dB with {}", layer.name, fixed(*db, 2), layer.scheme);
        let (y, tone) = ((place - 0.32, place + 0.32), Tone::Quantized);
        marks.push(Mark::Bar { x: (range.0, *db), y, tone, tip });
        let text = fixed(*db, 1);
        let at = (*db + 0.006 * (range.1 - range.0), place);
        marks.push(Mark::Text { at, anchor: Anchor::Start, text });
    }
    Some(Chart {
        title: "Signal-to-quantization-noise ratio by layer".to_owned(),
        x: Axis::numbers("SQNR, dB", (range.0, range.1 * 1.04), 8, fixed),
        y: Axis::names(rows.iter().map(|(_, layer)| layer.name.clone())),
        marks,
        size: (WIDTH, 50.0 + 22.0 * n_rows as f64),
    })
}

/// Bits a weight of every layer, as wide as the share of weights it has.
pub(super) fn bits_chart(data: &ReportData) -> Option<Chart> {
    let n_weights: f64 = data.layers.iter().map(|layer| layer.n_weights as f64).sum();
    let bits = |layer: &LayerRow| layer.bits_per_weight.unwrap_or(0.0);
    let most = data.layers.iter().map(bits).fold(0.0, f64::max);
    if n_weights <= 0.0 || most <= 0.0 {
        return None;
    }
    let mut marks = Vec::new();
    let mut labels = Vec::new();
    let mut left = 0.0;
    for layer in &data.layers {
        let share = layer.n_weights as f64 / n_weights;
        let right = left + share;
        let tip = format!(
            "{}: {} bits a weight, {} of the weights",
            layer.name,
            fixed(bits(layer), 2),
            percent(share, 1)
        );
        let tone = if layer.keeps_float { Tone::Original } else { Tone::Quantized };
        // A gap tells neighbours apart, where there is room for one.
        let gap = if share > 0.006 { 0.001 } else { 0.0 };
        marks.push(Mark::Bar { x: (left + gap, right - gap), y: (0.0, bits(layer)), tone, tip });
        let room = share * (WIDTH - 60.0) / 6.6;
        if layer.name.chars().count() as f64 <= room {
            let at = ((left + right) / 2.0, bits(layer) + 0.05 * most);
            let text = layer.name.clone();
            labels.push(Mark::Text { at, anchor: Anchor::Middle, text });
        }
        left = right;
    }
    marks.extend(labels);
    Some(Chart {
        title: "Bits a weight by layer, as wide as its share of the weights".to_owned(),
        x: Axis::numbers(
            "share of all weights, in the order of the layers",
            (0.0, 1.0),
            5,
            share_text,
        ),
        y: Axis::numbers("bits a weight", (0.0, 1.14 * most), 4, fixed),
        marks,
        size: (WIDTH, 240.0),
    })
}

/// Weights of a layer before as an area, after as a line at every level, or as an outline.
///
/// An upright line is as high as the float weights would be if the level had come from as many spread
/// over the width it stands for, so that both can be compared.
pub(super) fn distribution_chart(weights: &Distribution, layer: Option<&LayerRow>) -> Chart {
    let n_bins = weights.float.len().max(1);
    let width = (weights.hi - weights.lo) / n_bins as f64;
    let after = match &weights.levels {
        Some(levels) => Mark::Stems { tops: stems(levels, width), tone: Tone::Quantized },
        None => Mark::Line {
            points: outline(&weights.quantized, weights.lo, width),
            tone: Tone::Quantized,
        },
    };
    let tops = |points: &[(f64, f64)]| points.iter().map(|point| point.1).fold(0.0, f64::max);
    let before = outline(&weights.float, weights.lo, width);
    let most = match &after {
        Mark::Stems { tops: points, .. } | Mark::Line { points, .. } => tops(points),
        _ => 0.0,
    };
    let most = most.max(tops(&before)).max(1.0);
    let scheme = layer.map(|layer| format!(", {}, {}", layer.scheme, sqnr_text(layer.sqnr)));
    Chart {
        title: format!("Weights of {}{}", weights.layer, scheme.unwrap_or_default()),
        x: Axis::numbers("weight", (weights.lo, weights.hi), 5, fixed),
        y: Axis {
            label: "weights".to_owned(),
            range: (0.0, 1.05 * most),
            ticks: Vec::new(),
            has_grid: false,
        },
        marks: vec![Mark::Area { points: before, tone: Tone::Original }, after],
        size: (WIDTH / 2.0, 190.0),
    }
}

/// Steps along the tops of bins.
fn outline(counts: &[u64], lo: f64, width: f64) -> Vec<(f64, f64)> {
    let steps = counts.iter().enumerate().flat_map(|(bin_idx, &count)| {
        let left = lo + width * bin_idx as f64;
        [(left, count as f64), (left + width, count as f64)]
    });
    steps.collect()
}

/// Every level with the weights on it, spread over the way to the middle of its neighbours.
fn stems(levels: &[(f64, u64)], bin_width: f64) -> Vec<(f64, f64)> {
    let gap = |from: Option<&(f64, u64)>, to: Option<&(f64, u64)>| Some(to?.0 - from?.0);
    let stem = |(place, &(level, count)): (usize, &(f64, u64))| {
        let before = gap(place.checked_sub(1).and_then(|p| levels.get(p)), levels.get(place));
        let after = gap(levels.get(place), levels.get(place + 1));
        let both = [before.or(after), after.or(before)];
        let cell = both.into_iter().flatten().sum::<f64>() / 2.0;
        let height = if cell > 0.0 { count as f64 * bin_width / cell } else { count as f64 };
        (level, height)
    };
    levels.iter().enumerate().map(stem).collect()
}

/// A share as percent; `decimals` are those of the share.
fn share_text(share: f64, decimals: usize) -> String {
    percent(share, decimals.saturating_sub(2))
}

/// A range around intervals with some room, within limits.
fn widened(ends: &[(f64, f64)], (least, most): (f64, f64)) -> (f64, f64) {
    let lo = ends.iter().map(|end| end.0).filter(|x| x.is_finite()).fold(f64::INFINITY, f64::min);
    let hi = ends.iter().map(|end| end.1).filter(|x| x.is_finite());
    let hi = hi.fold(f64::NEG_INFINITY, f64::max);
    let room = if hi > lo { 0.08 * (hi - lo) } else { 0.05 * hi.abs().max(1e-3) };
    ((lo - room).max(least), (hi + room).min(most))
}
