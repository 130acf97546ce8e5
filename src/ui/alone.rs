//! What a layer costs when it alone is quantized as it is now, as far as that was measured, and why
//! there is no figure where there is none. Asks for nothing.

use std::sync::Arc;

use super::accuracy_text::MetricText;
use crate::base::thousands;
use crate::eval::{Cell, Estimate, Metric};
use crate::quant::SchemeChoice;
use crate::session::{Loaded, Sensed, Session};

/// What was measured of layers alone.
pub struct Alone {
    state: State,
}

enum State {
    NotAsked,
    Failed(String),
    /// Running, with nothing told yet.
    Running,
    Known(Arc<Sensed>),
}

/// One layer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AloneFigure {
    /// Of the metric, against float.
    pub change: Estimate,
    /// Nats a prediction.
    pub kl_mean: f64,
}

impl Alone {
    pub fn of(session: &Session) -> Self {
        let state = match session.sensing() {
            None => State::NotAsked,
            Some(Loaded::Failed(reason)) => State::Failed(reason),
            Some(Loaded::Ready(sensed) | Loaded::Pending { partial: Some(sensed), .. }) => {
                State::Known(sensed)
            }
            Some(Loaded::Pending { .. }) => State::Running,
        };
        Self { state }
    }

    /// Whether nobody has asked for it yet.
    pub fn is_not_asked(&self) -> bool {
        matches!(self.state, State::NotAsked)
    }

    /// Why nothing is known of any layer.
    pub fn state_words(&self) -> &str {
        match &self.state {
            State::NotAsked => "Not measured yet",
            State::Running => "Being measured",
            State::Failed(reason) => reason,
            State::Known(_) => "No layer has a setting that was measured",
        }
    }

    fn sensed(&self) -> Option<&Sensed> {
        match &self.state {
            State::Known(sensed) => Some(sensed),
            _ => None,
        }
    }

    /// How figures are written.
    pub fn text(&self) -> Option<MetricText> {
        let found = &self.sensed()?.found;
        let largest = found.float().map_or(0.0, |float| float.ci95.1);
        Some(MetricText::up_to(found.metric, largest))
    }

    /// On what it was measured, for a person.
    pub fn told(&self) -> Option<String> {
        let sensed = self.sensed()?;
        let (n_samples, n_total) = (sensed.found.n_samples(), sensed.found.n_total);
        let samples = match n_samples == n_total {
            true => format!("{} search samples", thousands(n_total)),
            false => format!("{} of {} search samples", thousands(n_samples), thousands(n_total)),
        };
        Some(format!("{samples} of {}", sensed.told))
    }

    /// A layer under a choice, or why there is no figure.
    pub fn figure(&self, layer: &str, choice: &SchemeChoice) -> Result<AloneFigure, String> {
        let found = match &self.state {
            State::NotAsked => {
                return Err("Not measured yet: Measure beside the row does it, and so do the panels Sensitivity and Budget".to_owned());
            }
            State::Running => return Err("Being measured".to_owned()),
            State::Failed(reason) => return Err(reason.clone()),
            State::Known(sensed) => &sensed.found,
        };
        if choice.keeps_float() {
            return Err("The layer stays in float".to_owned());
        }
        let Some(row) = found.layers.iter().position(|measured| measured.name == layer) else {
            return Err("Embeddings are left out of the measurement".to_owned());
        };
        let Some(column) = found.column(choice) else {
            return Err(format!("{choice} is none of the settings that were measured"));
        };
        match column.cells.get(row) {
            Some(Ok(cell)) => Ok(AloneFigure::of(cell, found.metric)),
            Some(Err(reason)) => Err(reason.clone()),
            None => Err("Being measured".to_owned()),
        }
    }

    /// The layer that costs most as it is set now, and what; of those that were measured so.
    pub fn worst(&self, session: &Session) -> Option<(String, AloneFigure)> {
        let found = &self.sensed()?.found;
        let recipe = &session.plan().recipe;
        let mut worst: Option<(&str, f64, AloneFigure)> = None;
        for (row, layer) in found.layers.iter().enumerate() {
            let Some(column) = recipe.get(&layer.name).and_then(|choice| found.column(choice))
            else {
                continue;
            };
            let Some(Ok(cell)) = column.cells.get(row) else { continue };
            let figure = AloneFigure::of(cell, found.metric);
            let harm = figure.harm(found.metric);
            if worst.as_ref().is_none_or(|(_, most, _)| harm > *most) {
                worst = Some((&layer.name, harm, figure));
            }
        }
        worst.map(|(name, _, figure)| (name.to_owned(), figure))
    }
}

impl AloneFigure {
    fn of(cell: &Cell, metric: Metric) -> Self {
        Self { change: cell.alone.change(metric), kl_mean: cell.alone.kl().value }
    }

    /// Larger is worse, whichever way the metric runs.
    fn harm(&self, metric: Metric) -> f64 {
        if metric == Metric::Perplexity { self.change.value } else { -self.change.value }
    }
}
