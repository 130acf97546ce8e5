//! What the measured sensitivities say: layers that cost much where they stand, layers that have bits to
//! spare, and where a cheap predictor misleads.

use super::{Hint, Remedy};
use crate::base::{bytes, fixed, percent};
use crate::eval::{Cell, Effect, Metric, Predictor, Sensitivity, Tally};
use crate::quant::SchemeChoice;
use crate::session::sensing::Sensed;

/// A measured layer and how it is set.
pub(super) struct Place {
    /// Its place among the measured layers.
    pub nth: usize,
    pub layer_idx: usize,
    pub choice: SchemeChoice,
}

/// Hints of each kind.
const MAX_OF_KIND: usize = 4;

pub(super) fn hints(sensed: &Sensed, places: &[Place]) -> Vec<Hint> {
    let found = &sensed.found;
    if found.n_samples() == 0 {
        return Vec::new();
    }
    let mut hints = best(places.iter().filter_map(|place| costly(sensed, place)));
    hints.extend(best(places.iter().filter_map(|place| spare(sensed, place))));
    hints.extend(misled(found, sensed));
    hints
}

fn best(hints: impl Iterator<Item = Hint>) -> Vec<Hint> {
    let mut hints: Vec<Hint> = hints.collect();
    hints.sort_by(|a, b| b.gain.total_cmp(&a.gain));
    hints.truncate(MAX_OF_KIND);
    hints
}

/// How much worse the model is; above 0 is worse, in the metric's own unit.
fn harm(tally: &Tally, metric: Metric) -> (f64, (f64, f64)) {
    let change = tally.change(metric);
    match metric {
        Metric::Perplexity => (change.value, change.ci95),
        Metric::Top1 | Metric::Agreement => (-change.value, (-change.ci95.1, -change.ci95.0)),
    }
}

/// A loss in words: points, or perplexity.
fn loss_text(harm: f64, metric: Metric) -> String {
    match metric {
        Metric::Perplexity => format!("{} of perplexity", fixed(harm, 3)),
        Metric::Top1 => format!("{} points", fixed(100.0 * harm, 1)),
        Metric::Agreement => format!("{} points of agreement", fixed(100.0 * harm, 1)),
    }
}

/// Differences below this are not worth a hint: half a point, or 0.5 % of the perplexity.
fn worth(found: &Sensitivity) -> f64 {
    match found.metric {
        Metric::Perplexity => 0.005 * found.float().map_or(1.0, |float| float.value),
        Metric::Top1 | Metric::Agreement => 0.005,
    }
}

fn bits_text(choice: &SchemeChoice) -> String {
    choice.bits().map_or_else(|| choice.to_string(), |bits| format!("{bits} bits"))
}

fn samples_text(sensed: &Sensed) -> String {
    format!("on {} samples of {}", sensed.found.n_samples(), sensed.told)
}

/// The layer costs a sure loss as it is set, and another width does not.
fn costly(sensed: &Sensed, place: &Place) -> Option<Hint> {
    let found = &sensed.found;
    let column_idx = found.columns.iter().position(|column| column.choice == place.choice)?;
    let now = found.cell(place.nth, column_idx)?;
    let (cost, ci95) = harm(&now.alone, found.metric);
    if cost < worth(found) || ci95.0 <= 0.0 {
        return None;
    }
    // The smallest that costs nothing to speak of.
    let columns = found.columns.iter().enumerate();
    let better = columns.filter_map(|(idx, column)| {
        let cell = found.cell(place.nth, idx)?;
        let (cost, _) = harm(&cell.alone, found.metric);
        (cost < worth(found)).then_some((cell, column, cost))
    });
    let (cell, column, left) = better.min_by_key(|(cell, ..)| cell.weights.storage_bits)?;
    let layer = found.layers.get(place.nth)?;
    let n_weights: usize = found.layers.iter().map(|layer| layer.n_weights).sum();
    let share = percent(layer.n_weights as f64 / n_weights.max(1) as f64, 1);
    let more = bytes_between(now, cell);
    let text = format!(
        "{} at {} alone costs {}, at {} {}, and is {share} of the weights",
        layer.name,
        bits_text(&place.choice),
        loss_text(cost, found.metric),
        bits_text(&column.choice),
        if left <= 0.0 { "nothing".to_owned() } else { loss_text(left, found.metric) },
    );
    let why = format!(
        "Measured {} with only this layer quantized: 95 % interval of the loss {} to {}. The wider codes take {more} more.",
        samples_text(sensed),
        loss_text(ci95.0, found.metric),
        loss_text(ci95.1, found.metric),
    );
    let label = format!("Lock at {}", bits_text(&column.choice));
    let choices = vec![(layer.name.clone(), column.choice.clone())];
    let remedy = Remedy::LockedChoices { label, choices };
    Some(Hint { layer_idx: Some(place.layer_idx), text, why, remedy, gain: 1000.0 * (cost - left) })
}

fn bytes_between(a: &Cell, b: &Cell) -> String {
    bytes(a.weights.storage_bits.abs_diff(b.weights.storage_bits).div_ceil(8))
}

/// A large layer that would take fewer bits without harm that was seen.
fn spare(sensed: &Sensed, place: &Place) -> Option<Hint> {
    let found = &sensed.found;
    let column_idx = found.columns.iter().position(|column| column.choice == place.choice)?;
    let now = found.cell(place.nth, column_idx)?;
    let (cost_now, _) = harm(&now.alone, found.metric);
    let layer = found.layers.get(place.nth)?;
    let n_weights: usize = found.layers.iter().map(|layer| layer.n_weights).sum();
    let share = layer.n_weights as f64 / n_weights.max(1) as f64;
    let columns = found.columns.iter().enumerate();
    let smaller = columns.filter_map(|(idx, column)| {
        let cell = found.cell(place.nth, idx)?;
        let (cost, _) = harm(&cell.alone, found.metric);
        let is_smaller = cell.weights.storage_bits < now.weights.storage_bits;
        (is_smaller && cost - cost_now < worth(found)).then_some((cell, column, cost))
    });
    let (cell, column, cost) = smaller.min_by_key(|(cell, ..)| cell.weights.storage_bits)?;
    if share < 0.05 {
        return None;
    }
    let saved = bytes_between(now, cell);
    let text = format!(
        "{} is {} of the weights; {} alone cost {} and save {saved}",
        layer.name,
        percent(share, 0),
        bits_text(&column.choice),
        if cost <= 0.0 { "nothing".to_owned() } else { loss_text(cost, found.metric) },
    );
    let (_, ci95) = harm(&cell.alone, found.metric);
    let why = format!(
        "Measured {} with only this layer quantized: 95 % interval of the loss {} to {}. Layers that are harmless alone can do harm together: look at the accuracy afterwards.",
        samples_text(sensed),
        loss_text(ci95.0, found.metric),
        loss_text(ci95.1, found.metric),
    );
    let label = format!("Try {}", bits_text(&column.choice));
    let choices = vec![(layer.name.clone(), column.choice.clone())];
    let gain = 100.0 * share;
    let remedy = Remedy::Choices { label, choices };
    Some(Hint { layer_idx: Some(place.layer_idx), text, why, remedy, gain })
}

/// The column in which the SQNR ranks the layers worst, if it does so badly.
fn misled(found: &Sensitivity, sensed: &Sensed) -> Option<Hint> {
    let effect = if found.metric == Metric::Agreement { Effect::Kl } else { Effect::Loss };
    let worst = (0..found.columns.len())
        .filter_map(|idx| Some((idx, found.rank_correlation(Predictor::Sqnr, effect, Some(idx))?)))
        .min_by(|a, b| a.1.total_cmp(&b.1))?;
    let (column_idx, correlation) = worst;
    if correlation > 0.5 {
        return None;
    }
    let ranked = (0..found.layers.len()).filter_map(|layer_idx| {
        let cell = found.cell(layer_idx, column_idx)?;
        Some((layer_idx, cell.weights.sqnr().db()?, effect.harm(cell, found.metric)?))
    });
    let ranked: Vec<(usize, f64, f64)> = ranked.collect();
    let &(layer_idx, db, _) = ranked.iter().max_by(|a, b| a.2.total_cmp(&b.2))?;
    let place = ranked.iter().filter(|other| other.1 > db).count() + 1;
    let name = &found.layers.get(layer_idx)?.name;
    let bits = bits_text(&found.columns.get(column_idx)?.choice);
    let rank = if place == 1 { "the best".to_owned() } else { format!("rank {place} in") };
    let text = format!(
        "SQNR misleads here: at {bits} {name} has {rank} SQNR ({} dB) and does the most harm",
        fixed(db, 1)
    );
    let why = format!(
        "Rank correlation of the weights' SQNR with the measured harm at {bits}: {} (1 would rank the layers alike, 0 is chance), {}. The error of the weights says how much they change, not how much the model minds.",
        fixed(correlation, 2),
        samples_text(sensed),
    );
    let remedy = Remedy::Look { label: "Rank by measured loss".to_owned(), panel: "sensitivity" };
    Some(Hint { layer_idx: None, text, why, remedy, gain: 0.0 })
}
