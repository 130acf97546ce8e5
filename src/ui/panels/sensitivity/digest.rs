//! What the panel draws of an answer, made once an answer and view: numbers of all cells, their
//! scale, and how well the predictors do.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::figure::{Figure, HarmScale, Shown, Value};
use crate::eval::{Misjudged, Predictor};
use crate::model::Network;
use crate::session::Sensed;

/// The order of the rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Order {
    #[default]
    Network,
    /// The largest first.
    Weights,
    /// The most harm at that column first.
    Harm(usize),
    /// The least first.
    LeastHarm(usize),
}

impl Order {
    /// After a click on the head of a column: most first, least first, as in the network.
    pub fn clicked(self, column_idx: usize) -> Self {
        match self {
            Self::Harm(idx) if idx == column_idx => Self::LeastHarm(idx),
            Self::LeastHarm(idx) if idx == column_idx => Self::Network,
            _ => Self::Harm(column_idx),
        }
    }
}

pub(super) struct Digest {
    pub sensed: Arc<Sensed>,
    pub shown: Shown,
    /// By column, by layer; `None` where the scheme refuses.
    pub values: Vec<Vec<Option<Value>>>,
    pub everything: Vec<Option<Value>>,
    pub scale: HarmScale,
    /// The most good that anything does.
    pub most_good: f64,
    /// Place in the network of every row.
    pub layers: Vec<Option<usize>>,
    /// By predictor, by column, and at the end over all.
    pub correlations: [Vec<Option<f64>>; 3],
    /// By predictor, by column.
    pub misjudged: [Vec<Option<Misjudged>>; 3],
}

impl Digest {
    pub fn new(sensed: &Arc<Sensed>, shown: Shown, network: &Network) -> Self {
        let found = &sensed.found;
        let columns = found.columns.iter();
        let values: Vec<Vec<Option<Value>>> = columns
            .clone()
            .map(|column| {
                let cell = |cell: &Result<_, String>| shown.cell(cell.as_ref().ok()?, column);
                column.cells.iter().map(cell).collect()
            })
            .collect();
        let everything: Vec<Option<Value>> = columns.map(|c| shown.everything(c)).collect();
        let all = || values.iter().flatten().chain(&everything).flatten();
        let size = |value: &Value| match shown.figure {
            Figure::Bits => value.value,
            _ => value.harm.abs(),
        };
        let most = all().map(size).filter(|x| x.is_finite()).fold(0.0, f64::max);
        let scale = HarmScale::new(shown, most);
        let effect = shown.effect();
        let n_columns = found.columns.len();
        Self {
            most_good: all().map(|value| -value.harm).filter(|x| x.is_finite()).fold(0.0, f64::max),
            layers: found.layers.iter().map(|layer| network.layer_idx(&layer.name)).collect(),
            correlations: Predictor::ALL.map(|predictor| {
                let each = (0..n_columns).map(Some).chain([None]);
                each.map(|column| found.rank_correlation(predictor, effect, column)).collect()
            }),
            misjudged: Predictor::ALL.map(|predictor| {
                (0..n_columns).map(|idx| found.most_wrong(predictor, effect, idx)).collect()
            }),
            sensed: Arc::clone(sensed),
            shown,
            values,
            everything,
            scale,
        }
    }

    /// Whether it is of that answer and view.
    pub fn is_of(&self, sensed: &Arc<Sensed>, shown: Shown) -> bool {
        Arc::ptr_eq(&self.sensed, sensed) && self.shown == shown
    }

    pub fn value(&self, layer_idx: usize, column_idx: usize) -> Option<Value> {
        *self.values.get(column_idx)?.get(layer_idx)?
    }

    /// The rows, by their place among the measured layers.
    pub fn rows(&self, order: Order) -> Vec<usize> {
        let layers = &self.sensed.found.layers;
        let mut rows: Vec<usize> = (0..layers.len()).collect();
        // What is refused comes last, whichever way.
        let harm = |layer_idx: usize, column_idx: usize, none: f64| {
            let value = self.value(layer_idx, column_idx);
            let weight = value.map(|value| match self.shown.figure {
                Figure::Bits => value.value,
                _ => value.harm,
            });
            weight.filter(|harm| !harm.is_nan()).unwrap_or(none)
        };
        match order {
            Order::Network => {}
            Order::Weights => {
                rows.sort_by_key(|&idx| std::cmp::Reverse(layers[idx].n_weights));
            }
            Order::Harm(column) => rows.sort_by(|&a, &b| {
                let none = f64::NEG_INFINITY;
                harm(b, column, none).total_cmp(&harm(a, column, none))
            }),
            Order::LeastHarm(column) => rows.sort_by(|&a, &b| {
                let none = f64::INFINITY;
                harm(a, column, none).total_cmp(&harm(b, column, none))
            }),
        }
        rows
    }
}
