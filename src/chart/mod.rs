//! A plot as data: axes, marks, and which quantity a mark stands for. Knows no numbers of a network
//! and no window; colours are the page's that shows it.

mod svg;

pub use svg::{STYLE, escape};

/// A plot, in units of its own.
#[derive(Clone, Debug, PartialEq)]
pub struct Chart {
    /// What it shows, for whoever cannot see it.
    pub title: String,
    pub x: Axis,
    pub y: Axis,
    /// Drawn in order.
    pub marks: Vec<Mark>,
    /// Width and height of the picture, in pixels at its natural size.
    pub size: (f64, f64),
}

/// One axis: from the first end of the range to the second, left to right or bottom to top.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    /// What runs along it, with the unit; empty for names.
    pub label: String,
    pub range: (f64, f64),
    pub ticks: Vec<Tick>,
    /// Whether a line runs across the plot at every tick.
    pub has_grid: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Tick {
    pub at: f64,
    pub text: String,
}

/// What a mark is of; the page gives each a colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    Original,
    Quantized,
    Bad,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Mark {
    /// A filled rectangle between two values along each axis; `tip` shows under the pointer.
    Bar {
        x: (f64, f64),
        y: (f64, f64),
        tone: Tone,
        tip: String,
    },
    /// A value along x with its interval, at a place along y.
    Interval {
        y: f64,
        value: f64,
        ends: (f64, f64),
        tone: Tone,
        tip: String,
    },
    /// Filled from the lower end of y up to the line.
    Area {
        points: Vec<(f64, f64)>,
        tone: Tone,
    },
    Line {
        points: Vec<(f64, f64)>,
        tone: Tone,
    },
    /// Upright lines from the lower end of y.
    Stems {
        tops: Vec<(f64, f64)>,
        tone: Tone,
    },
    /// A line through the whole plot at that x.
    Reference {
        x: f64,
    },
    /// A word beginning at a place (`Start`) or around it (`Middle`).
    Text {
        at: (f64, f64),
        anchor: Anchor,
        text: String,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    Start,
    Middle,
}

impl Axis {
    /// Round numbers as ticks, about `n_ticks` of them, within the range; `text` is given how many
    /// decimals they need.
    ///
    /// A range that is empty or no number is widened by a half on each side.
    pub fn numbers(
        label: &str,
        (lo, hi): (f64, f64),
        n_ticks: usize,
        text: impl Fn(f64, usize) -> String,
    ) -> Self {
        let range = if lo < hi && (hi - lo).is_finite() {
            (lo, hi)
        } else {
            let middle = if lo.is_finite() { lo } else { 0.0 };
            (middle - 0.5, middle + 0.5)
        };
        let step = round_step((range.1 - range.0) / n_ticks.max(1) as f64);
        let first = (range.0 / step).ceil();
        // `+ 0.0` turns a negative zero into zero.
        let at = |nth: usize| (first + nth as f64) * step + 0.0;
        let ticks = (0..=4 * n_ticks.max(1))
            .map(at)
            .take_while(|at| *at <= range.1 + 1e-9 * step)
            .map(|at| Tick { at, text: text(at, decimals_of(step)) });
        Self { label: label.to_owned(), range, ticks: ticks.collect(), has_grid: true }
    }

    /// A name at each whole number, the first on top.
    pub fn names(names: impl IntoIterator<Item = String>) -> Self {
        let mut ticks: Vec<Tick> = names.into_iter().map(|text| Tick { at: 0.0, text }).collect();
        let n_names = ticks.len();
        for (nth, tick) in ticks.iter_mut().enumerate() {
            tick.at = (n_names - 1 - nth) as f64;
        }
        Self { label: String::new(), range: (-0.5, n_names as f64 - 0.5), ticks, has_grid: false }
    }
}

/// Decimals that multiples of a round step need.
fn decimals_of(step: f64) -> usize {
    (-(step * (1.0 + 1e-9)).log10().floor()).clamp(0.0, 12.0) as usize
}

/// The smallest of 1, 2, 5 times a power of ten that is no smaller.
fn round_step(least: f64) -> f64 {
    if !(least > 0.0 && least.is_finite()) {
        return 1.0;
    }
    let power = 10f64.powf(least.log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0];
    let found = steps.into_iter().find(|step| step * power >= least * (1.0 - 1e-9));
    found.unwrap_or(10.0) * power
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_inside() {
        for (range, n_ticks, wanted) in [
            ((0.0, 1.0), 5, vec![0.0, 0.2, 0.4, 0.6, 0.8, 1.0]),
            ((-3.0, 7.0), 4, vec![0.0, 5.0]),
            ((81.3, 97.9), 4, vec![85.0, 90.0, 95.0]),
            ((2.0, 2.0), 1, vec![2.0]),
            ((f64::NAN, 1.0), 1, vec![0.0]),
            ((0.0, f64::INFINITY), 1, vec![0.0]),
        ] {
            let axis = Axis::numbers("", range, n_ticks, |x, _| x.to_string());
            let found: Vec<f64> = axis.ticks.iter().map(|tick| tick.at).collect();
            let is_near = |pair: (&f64, &f64)| (pair.0 - pair.1).abs() < 1e-9;
            let is_same = found.len() == wanted.len() && found.iter().zip(&wanted).all(is_near);
            assert!(is_same, "{range:?}: {found:?}, not {wanted:?}");
        }
        assert_eq!(round_step(0.0), 1.0);
        let decimals = [0.001, 0.02, 0.5, 1.0, 5.0, 200.0].map(decimals_of);
        assert_eq!(decimals, [3, 2, 1, 0, 0, 0]);
    }

    #[test]
    fn the_first_name_stands_on_top() {
        let axis = Axis::names(["a", "b", "c"].map(str::to_owned));
        let places: Vec<f64> = axis.ticks.iter().map(|tick| tick.at).collect();
        assert_eq!((places, axis.range), (vec![2.0, 1.0, 0.0], (-0.5, 2.5)));
        assert!(Axis::names([]).ticks.is_empty());
    }
}
