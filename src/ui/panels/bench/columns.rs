//! Where the bars of all layers stand: as wide as their share of the weights, yet never too narrow to
//! be held.

use std::ops::Range;

use egui::Rangef;

/// Narrower, and neither a name nor a hand has room.
pub(super) const LEAST_WIDTH: f32 = 44.0;
const GAP: f32 = 4.0;

/// Stretches from left to right, in points from the left end.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Columns {
    stretches: Vec<Rangef>,
    /// With the gaps between them.
    pub total: f32,
}

impl Columns {
    /// By shares of a whole, over `room` points, or more where all at their least need more.
    pub fn new(shares: &[f64], room: f32) -> Self {
        let gaps = GAP * shares.len().saturating_sub(1) as f32;
        let widths = widths(shares, (room - gaps).max(0.0));
        let mut left = 0.0;
        let mut stretches = Vec::with_capacity(widths.len());
        for width in widths {
            stretches.push(Rangef::new(left, left + width));
            left += width + GAP;
        }
        Self { total: stretches.last().map_or(0.0, |last: &Rangef| last.max), stretches }
    }

    pub fn get(&self, idx: usize) -> Rangef {
        self.stretches.get(idx).copied().unwrap_or(Rangef::new(0.0, 0.0))
    }

    /// Those that a stretch of points touches.
    pub fn within(&self, lo: f32, hi: f32) -> Range<usize> {
        let first = self.stretches.partition_point(|stretch| stretch.max < lo);
        let end = self.stretches.partition_point(|stretch| stretch.min <= hi);
        first..end.max(first)
    }

    /// The one at a point, gaps being of the one on their left.
    pub fn at(&self, x: f32) -> Option<usize> {
        let idx = self.stretches.partition_point(|stretch| stretch.min <= x).checked_sub(1)?;
        (x <= self.get(idx).max + GAP).then_some(idx)
    }
}

/// Each as wide as its share, those at their least taking from the others; where `room` is too small
/// for that, by share of it all the same.
fn widths(shares: &[f64], room: f32) -> Vec<f32> {
    let share = |idx: usize| shares.get(idx).copied().unwrap_or(0.0).max(0.0) as f32;
    let n = shares.len();
    if n as f32 * LEAST_WIDTH >= room {
        return (0..n).map(|idx| (share(idx) * room).max(LEAST_WIDTH)).collect();
    }
    let mut is_least = vec![false; n];
    loop {
        let n_least = is_least.iter().filter(|least| **least).count();
        let rest: f32 = (0..n).filter(|&idx| !is_least[idx]).map(share).sum();
        if rest <= 0.0 {
            return vec![LEAST_WIDTH; n];
        }
        let scale = (room - n_least as f32 * LEAST_WIDTH) / rest;
        let too_narrow: Vec<usize> =
            (0..n).filter(|&idx| !is_least[idx] && share(idx) * scale < LEAST_WIDTH).collect();
        if too_narrow.is_empty() {
            let width = |idx: usize| if is_least[idx] { LEAST_WIDTH } else { share(idx) * scale };
            return (0..n).map(width).collect();
        }
        too_narrow.into_iter().for_each(|idx| is_least[idx] = true);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_fill_the_room_and_none_is_too_narrow() {
        for shares in [vec![1.0], vec![0.006, 0.03, 0.03, 0.06, 0.477, 0.397], vec![0.0; 4]] {
            let columns = Columns::new(&shares, 900.0);
            let widths: Vec<f32> = (0..shares.len()).map(|idx| columns.get(idx).span()).collect();
            assert!(widths.iter().all(|width| *width >= LEAST_WIDTH), "{shares:?}: {widths:?}");
            let is_filled = (columns.total - 900.0).abs() < 0.1 || shares[0] == 0.0;
            assert!(is_filled, "{shares:?}: {}", columns.total);
        }
    }

    #[test]
    fn many_bars_are_longer_than_the_room() {
        let columns = Columns::new(&vec![0.002; 500], 900.0);
        assert_eq!(columns.get(0).span(), LEAST_WIDTH);
        assert_eq!(columns.total, 500.0 * LEAST_WIDTH + 499.0 * GAP);
        let seen = columns.within(9600.0, 10_500.0);
        assert!(seen.len() < 22 && seen.contains(&210), "{seen:?}");
    }

    #[test]
    fn a_point_is_of_the_bar_on_it() {
        let columns = Columns::new(&[0.5, 0.5], 204.0);
        for (x, wanted) in [
            (0.0, Some(0)),
            (99.0, Some(0)),
            (101.0, Some(0)),
            (105.0, Some(1)),
            (203.0, Some(1)),
            (300.0, None),
            (-1.0, None),
        ] {
            assert_eq!(columns.at(x), wanted, "{x}");
        }
        assert_eq!(columns.within(50.0, 60.0), 0..1);
        assert_eq!(columns.within(50.0, 160.0), 0..2);
        assert_eq!(Columns::new(&[], 100.0).at(5.0), None);
    }
}
