//! The rows of the comparison: what was asked for, what is known of it, and in what order.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::eval::{LayerError, Sqnr};
use crate::quant::SchemeChoice;
use crate::session::{ComparedEntry, ComparedFigures, LayerComparison, Loaded};

/// One scheme as it is compared.
#[derive(Clone)]
pub(super) struct Row {
    pub choice: SchemeChoice,
    pub spec: String,
    /// `None` while it is not computed.
    pub entry: Option<Arc<ComparedEntry>>,
}

/// How the layer is quantized now.
pub(super) struct Present {
    pub spec: String,
    pub sqnr: Option<Sqnr>,
    pub bits_per_weight: Option<f64>,
}

/// What rows are ordered by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum SortKey {
    Scheme,
    Family,
    Bits,
    Size,
    Sqnr,
    Mse,
    MaxError,
    Clipped,
}

/// Ascending or descending.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Direction {
    Up,
    Down,
}

/// The order of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Order {
    pub key: SortKey,
    pub direction: Direction,
}

impl Default for Order {
    /// The smallest first.
    fn default() -> Self {
        Self { key: SortKey::Bits, direction: Direction::Up }
    }
}

impl SortKey {
    /// With their names.
    pub const ALL: [(Self, &'static str); 8] = [
        (Self::Scheme, "scheme"),
        (Self::Family, "family"),
        (Self::Bits, "bits per weight"),
        (Self::Size, "size"),
        (Self::Sqnr, "SQNR"),
        (Self::Mse, "MSE"),
        (Self::MaxError, "max error"),
        (Self::Clipped, "clipped share"),
    ];

    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(key, _)| *key == self).map_or("", |(_, name)| name)
    }

    /// Where the better or the first is on top.
    fn first_direction(self) -> Direction {
        if self == Self::Sqnr { Direction::Down } else { Direction::Up }
    }
}

impl Order {
    /// The other way round if it is ordered by that already.
    pub fn clicked(self, key: SortKey) -> Self {
        let direction =
            if self.key == key { self.direction.turned() } else { key.first_direction() };
        Self { key, direction }
    }
}

impl Direction {
    pub fn turned(self) -> Self {
        if self == Self::Up { Self::Down } else { Self::Up }
    }
}

impl Row {
    pub fn figures(&self) -> Option<&ComparedFigures> {
        self.entry.as_ref()?.outcome.as_ref().ok()
    }

    /// Why the scheme refuses these weights.
    pub fn refusal(&self) -> Option<&str> {
        self.entry.as_ref()?.outcome.as_ref().err().map(String::as_str)
    }

    /// Bits per weight and SQNR in dB, where both are numbers.
    pub fn point(&self) -> Option<[f64; 2]> {
        let figures = self.figures()?;
        Some([figures.bits_per_weight?, figures.sqnr.db()?])
    }
}

impl Present {
    pub fn of(choice: &SchemeChoice, error: &Loaded<LayerError>) -> Self {
        let ready = error.ready();
        Self {
            spec: choice.to_string(),
            sqnr: ready.map(|error| error.sqnr()),
            bits_per_weight: ready.and_then(|error| error.bits_per_weight()),
        }
    }

    /// Decibels that a row has more; `None` where one of both is no number.
    pub fn gain_of(&self, row: &Row) -> Option<f64> {
        Some(row.figures()?.sqnr.db()? - self.sqnr?.db()?)
    }
}

/// What is known of each specification: of this computation, else of the last one of the layer.
pub(super) struct Known<'a> {
    entries: HashMap<&'a str, &'a Arc<ComparedEntry>>,
}

impl<'a> Known<'a> {
    pub fn of(loaded: &'a Loaded<LayerComparison>) -> Self {
        let answers = match loaded {
            Loaded::Ready(answer) => [Some(answer), None],
            Loaded::Pending { previous, partial, .. } => [previous.as_ref(), partial.as_ref()],
            Loaded::Failed(_) => [None, None],
        };
        let entries = answers.into_iter().flatten().flat_map(|answer| &answer.entries);
        Self { entries: entries.map(|entry| (entry.spec.as_str(), entry)).collect() }
    }

    pub fn row(&self, choice: SchemeChoice) -> Row {
        let spec = choice.to_string();
        let entry = self.entries.get(spec.as_str()).map(|&entry| Arc::clone(entry));
        Row { choice, spec, entry }
    }
}

/// Orders the rows: those with figures, then those that are computed, then what is refused.
pub(super) fn sort(rows: &mut [Row], order: Order) {
    rows.sort_by(|a, b| rank(a).cmp(&rank(b)).then_with(|| compare(a, b, order)));
}

fn rank(row: &Row) -> usize {
    match (row.figures(), row.refusal()) {
        (Some(_), _) => 0,
        (None, None) => 1,
        (None, Some(_)) => 2,
    }
}

fn compare(a: &Row, b: &Row, order: Order) -> Ordering {
    let way = |ordering: Ordering| match order.direction {
        Direction::Up => ordering,
        Direction::Down => ordering.reverse(),
    };
    match order.key {
        // The rows come by family and then as the menu has them.
        SortKey::Family => way(a.choice.scheme().family().cmp(&b.choice.scheme().family())),
        SortKey::Scheme => {
            let name = |row: &Row| row.choice.scheme().name().to_lowercase();
            way(name(a).cmp(&name(b)))
        }
        key => {
            let (Some(a), Some(b)) = (a.figures(), b.figures()) else { return Ordering::Equal };
            let by_key = way(number(a, key).total_cmp(&number(b, key)));
            by_key.then_with(|| sqnr_number(b.sqnr).total_cmp(&sqnr_number(a.sqnr)))
        }
    }
}

fn number(figures: &ComparedFigures, key: SortKey) -> f64 {
    match key {
        SortKey::Size => figures.stored_bytes as f64,
        SortKey::Sqnr => sqnr_number(figures.sqnr),
        SortKey::Mse => figures.error.mse(),
        SortKey::MaxError => figures.error.max_abs_error,
        SortKey::Clipped => figures.error.clipped_fraction(),
        SortKey::Bits | SortKey::Scheme | SortKey::Family => {
            figures.bits_per_weight.unwrap_or(f64::INFINITY)
        }
    }
}

/// What has no error is best, what cannot be measured worst.
fn sqnr_number(sqnr: Sqnr) -> f64 {
    match sqnr {
        Sqnr::Db(db) => db,
        Sqnr::Exact => f64::INFINITY,
        Sqnr::NoSignal | Sqnr::NonFinite => f64::NEG_INFINITY,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::ErrorStats;
    use crate::tensor::Histogram;

    fn row(spec: &str, outcome: Option<Result<(f64, f64), &str>>) -> Row {
        let figures = |(bits, db): (f64, f64)| ComparedFigures {
            bits_per_weight: Some(bits),
            stored_bytes: bits as u64,
            sqnr: Sqnr::Db(db),
            error: ErrorStats { count: 1, noise: -db, ..ErrorStats::default() },
            n_groups: 1,
            levels: Vec::new(),
            quantized: Histogram { lo: 0.0, hi: 1.0, counts: vec![1], n_outside: 0 },
        };
        let outcome = outcome.map(|outcome| outcome.map(figures).map_err(str::to_owned));
        let entry =
            outcome.map(|outcome| Arc::new(ComparedEntry { spec: spec.to_owned(), outcome }));
        Row { choice: spec.parse().unwrap(), spec: spec.to_owned(), entry }
    }

    fn order_of(rows: &[Row]) -> Vec<&str> {
        rows.iter().map(|row| row.spec.as_str()).collect()
    }

    #[test]
    fn what_is_refused_stands_last_in_every_order() {
        let mut rows = vec![
            row("e5m2", Some(Err("no"))),
            row("e2m1", None),
            row("int", Some(Ok((8.0, 40.0)))),
            row("int:bits=4", Some(Ok((4.0, 20.0)))),
            row("e4m3fn", Some(Ok((8.0, 30.0)))),
        ];
        for (key, direction, wanted) in [
            (SortKey::Bits, Direction::Up, ["int:bits=4", "int", "e4m3fn"]),
            (SortKey::Bits, Direction::Down, ["int", "e4m3fn", "int:bits=4"]),
            (SortKey::Sqnr, Direction::Down, ["int", "e4m3fn", "int:bits=4"]),
            (SortKey::Mse, Direction::Up, ["int", "e4m3fn", "int:bits=4"]),
        ] {
            sort(&mut rows, Order { key, direction });
            assert_eq!(order_of(&rows)[..3], wanted, "{key:?} {direction:?}");
            assert_eq!(order_of(&rows)[3..], ["e2m1", "e5m2"], "{key:?} {direction:?}");
        }
        for (key, _) in SortKey::ALL {
            sort(&mut rows, Order::default().clicked(key));
            assert_eq!(rows[4].refusal(), Some("no"), "{key:?}");
        }
    }

    #[test]
    fn a_second_click_turns_the_order() {
        let order = Order::default().clicked(SortKey::Sqnr);
        assert_eq!(order, Order { key: SortKey::Sqnr, direction: Direction::Down });
        assert_eq!(order.clicked(SortKey::Sqnr).direction, Direction::Up);
    }

    #[test]
    fn the_gain_needs_two_numbers() {
        let better = row("int", Some(Ok((8.0, 40.0))));
        let present = |sqnr| Present { spec: "int".to_owned(), sqnr, bits_per_weight: None };
        assert_eq!(present(Some(Sqnr::Db(30.0))).gain_of(&better), Some(10.0));
        assert_eq!(present(Some(Sqnr::Exact)).gain_of(&better), None);
        assert_eq!(present(None).gain_of(&better), None);
    }
}
