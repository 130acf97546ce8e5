//! The layers under both recipes, and their order.

use serde::{Deserialize, Serialize};

use super::Listed;
use crate::eval::{LayerFigures, Sqnr};
use crate::session::{Loaded, Session};

/// A layer under A and under B.
pub(super) struct Row {
    pub layer_idx: usize,
    pub figures: [Loaded<LayerFigures>; 2],
}

impl Row {
    /// Bytes under A and B, each as far as it is known.
    pub fn n_bytes(&self, session: &Session) -> [Option<u64>; 2] {
        let bytes = |figures: &Loaded<LayerFigures>| {
            let shown = figures.shown()?;
            Some(match shown.keeps_float {
                true => session.float_bytes(self.layer_idx),
                false => shown.stored_bytes(),
            })
        };
        let [a, b] = &self.figures;
        [bytes(a), bytes(b)]
    }

    pub fn sqnr(&self) -> [Option<Sqnr>; 2] {
        self.figures.each_ref().map(|figures| figures.shown().map(|figures| figures.sqnr()))
    }

    /// Decibels that B has more than A; `None` where one of both is no number.
    pub fn gain_db(&self) -> Option<f64> {
        let [a, b] = self.sqnr();
        Some(b?.db()? - a?.db()?)
    }

    fn growth(&self, session: &Session) -> f64 {
        match self.n_bytes(session) {
            [Some(a), Some(b)] => b as f64 - a as f64,
            _ => f64::INFINITY,
        }
    }
}

/// What the list is ordered by; by the place in the network at first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Order {
    #[default]
    Network,
    /// What B saves most first.
    Size,
    /// The largest loss of SQNR first.
    Sqnr,
}

/// The rows in their order; `None` where nothing is held.
pub(super) fn rows(session: &Session, listed: Listed, order: Order) -> Option<Vec<Row>> {
    let layers = match listed {
        Listed::Differing => session.differing_layers()?,
        Listed::All => (0..session.network()?.layers.len()).collect(),
    };
    let row = |layer_idx| {
        let a = session.rival_figures(layer_idx)?;
        Some(Row { layer_idx, figures: [a, session.layer_figures_in_time(layer_idx)] })
    };
    let mut rows: Vec<Row> = layers.into_iter().filter_map(row).collect();
    match order {
        Order::Network => {}
        Order::Size => rows.sort_by(|a, b| a.growth(session).total_cmp(&b.growth(session))),
        Order::Sqnr => {
            let gain = |row: &Row| row.gain_db().unwrap_or(f64::INFINITY);
            rows.sort_by(|a, b| gain(a).total_cmp(&gain(b)));
        }
    }
    Some(rows)
}
