//! What part of the plane the plot shows by itself: where most points lie, and not the few that are
//! so far off that they would press all others together.

/// A value is far off beyond so many times the distance from the good end to the median.
const REACH: f64 = 3.0;
/// Of the range, beside it.
const MARGIN: f64 = 0.06;

/// From the value that is least wanted to the one most wanted.
///
/// - `values`: of the points, in any order; those that are no numbers are left out.
/// - `wanted`: ends of intervals that are shown whole at the good end.
/// - `towards`: 1 if more is better, else −1.
/// - `least`: the smallest span.
pub(super) fn good_range(
    values: impl Iterator<Item = f64>,
    wanted: impl Iterator<Item = f64>,
    (towards, least): (f64, f64),
) -> Option<(f64, f64)> {
    let mut goods: Vec<f64> = values.filter(|x| x.is_finite()).map(|x| towards * x).collect();
    goods.sort_by(f64::total_cmp);
    let (worst, best) = (*goods.first()?, *goods.last()?);
    let wanted = wanted.filter(|x| x.is_finite()).map(|x| towards * x);
    let top = wanted.fold(best, f64::max);
    let median = goods[goods.len() / 2];
    let bottom = worst.max(median - REACH * (top - median).max(least));
    let middle = (top + bottom) / 2.0;
    let half = ((top - bottom) / 2.0).max(least / 2.0);
    let half = half * (1.0 + 2.0 * MARGIN);
    let ends = [middle - half, middle + half].map(|good| towards * good);
    Some((ends[0].min(ends[1]), ends[0].max(ends[1])))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(values: &[f64], towards: f64) -> (f64, f64) {
        good_range(values.iter().copied(), std::iter::empty(), (towards, 0.01)).unwrap()
    }

    #[test]
    fn what_is_far_off_is_left_out() {
        let (lo, hi) = range(&[0.85, 0.86, 0.84, 0.1, 0.87], 1.0);
        assert!(lo > 0.7 && lo < 0.84 && hi > 0.87 && hi < 0.9, "{lo} {hi}");
        let (lo, hi) = range(&[3.7, 3.9, 4.0, 900.0, 3.8], -1.0);
        assert!(lo > 3.5 && lo < 3.7 && hi > 4.0 && hi < 6.0, "{lo} {hi}");
    }

    #[test]
    fn everything_is_shown_where_nothing_is_far_off() {
        let (lo, hi) = range(&[0.5, 0.6, 0.7], 1.0);
        assert!(lo < 0.5 && hi > 0.7);
        let (lo, hi) = range(&[0.5], 1.0);
        assert!(lo < 0.5 && hi > 0.5);
        assert!(good_range([f64::NAN].into_iter(), std::iter::empty(), (1.0, 1.0)).is_none());
    }
}
