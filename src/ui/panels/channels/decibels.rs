//! From where to where the axis of the SQNR reaches.

use super::rows::Ends;
use crate::ui::axis::round_step;

/// Ends of the axis, in decibels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct DecibelRange {
    pub lo: f64,
    pub hi: f64,
}

/// The finest step of its ends, dB.
const LEAST_STEP: f64 = 1.0;
/// An axis is kept while what it shows takes this share of it.
const LEAST_USED: f64 = 0.5;

impl DecibelRange {
    /// Round ends around the values with some room; 0 to 1 dB without any.
    pub fn around(values: Ends) -> Self {
        let Some((lo, hi)) = values else { return Self { lo: 0.0, hi: 1.0 } };
        let margin = ((hi - lo) * 0.02).max(0.1);
        let step = round_step((hi - lo + 2.0 * margin) / 5.0).max(LEAST_STEP);
        Self { lo: ((lo - margin) / step).floor() * step, hi: ((hi + margin) / step).ceil() * step }
    }

    /// The range for other values of the same layer: as it is while it fits them, and while
    /// something is dragged never narrower, so that marks move and not the axis.
    pub fn following(self, values: Ends, is_dragging: bool) -> Self {
        let Some((least, most)) = values else { return self };
        let wanted = Self::around(values);
        if is_dragging {
            return Self { lo: self.lo.min(wanted.lo), hi: self.hi.max(wanted.hi) };
        }
        let is_inside = self.lo <= least && most <= self.hi;
        let is_used = wanted.hi - wanted.lo >= LEAST_USED * (self.hi - self.lo);
        if is_inside && is_used { self } else { wanted }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_ends_around_the_values() {
        for (values, lo, hi) in [
            (Some((18.2, 21.7)), 18.0, 22.0),
            (Some((9.4, 20.7)), 5.0, 25.0),
            (Some((-3.0, 48.0)), -20.0, 60.0),
            (Some((20.0, 20.0)), 19.0, 21.0),
            (None, 0.0, 1.0),
        ] {
            let range = DecibelRange::around(values);
            assert_eq!((range.lo, range.hi), (lo, hi), "{values:?}");
        }
    }

    #[test]
    fn the_axis_stays_while_dragging() {
        let start = DecibelRange::around(Some((18.2, 21.7)));
        let wider = start.following(Some((10.2, 14.9)), true);
        assert_eq!((wider.lo, wider.hi), (10.0, 22.0));
        assert_eq!(wider.following(Some((12.0, 13.0)), true), wider, "not narrower");
        let after = wider.following(Some((18.2, 21.7)), false);
        assert_eq!(after, start, "it fits again once the hand is off");
        assert_eq!(after.following(Some((18.5, 21.0)), false), after, "kept while it fits");
    }
}
