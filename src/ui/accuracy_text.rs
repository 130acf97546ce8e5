//! How a measured accuracy is written: one way for the strip at the top and for the panel.

use crate::base::{MINUS, fixed, interval, percent, significant, thousands};
use crate::eval::{Accuracy, Estimate, Metric};
use crate::session::Loaded;

/// The values of a metric as text, all of one run with the same decimals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MetricText {
    pub metric: Metric,
    decimals: usize,
}

/// From here up a perplexity is written with a power of ten.
const LARGE: f64 = 1e5;

impl MetricText {
    /// With as many decimals as the largest figure of the run leaves room for.
    pub fn of(accuracy: &Accuracy) -> Self {
        Self::fitting(accuracy.metric, [accuracy.float, accuracy.quantized])
    }

    /// The same for any two figures.
    pub fn fitting(metric: Metric, estimates: [Option<Estimate>; 2]) -> Self {
        let largest = estimates.iter().flatten().map(|e| e.ci95.1).fold(0.0, f64::max);
        Self::up_to(metric, largest)
    }

    /// For figures of which that is the largest.
    pub fn up_to(metric: Metric, largest: f64) -> Self {
        let decimals = match (metric, largest) {
            (Metric::Top1 | Metric::Agreement, _) => 1,
            (Metric::Perplexity, x) if x < 100.0 => 3,
            (Metric::Perplexity, x) if x < 1000.0 => 2,
            (Metric::Perplexity, _) => 1,
        };
        Self { metric, decimals }
    }

    /// With its unit: `87.0 %`, `3.707`.
    pub fn value(self, value: f64) -> String {
        if self.is_share() { percent(value, self.decimals) } else { self.plain(value) }
    }

    /// Without the unit, for the ends of an interval.
    pub fn end(self, value: f64) -> String {
        if self.is_share() { fixed(100.0 * value, self.decimals) } else { self.plain(value) }
    }

    /// A difference with its sign and without the unit.
    pub fn signed(self, value: f64) -> String {
        let text = self.end(value);
        let is_zero = text.chars().all(|c| matches!(c, '0' | '.'));
        if text.starts_with([MINUS, 'n']) || is_zero { text } else { format!("+{text}") }
    }

    /// What a difference is counted in.
    pub fn difference_unit(self) -> &'static str {
        if self.is_share() { " pt" } else { "" }
    }

    /// `84.8–88.9 %`.
    pub fn range(self, (lo, hi): (f64, f64)) -> String {
        interval(&self.end(lo), &self.value(hi))
    }

    /// Both ends of a difference without the unit, `−5.0 … +1.9`.
    pub fn signed_range(self, (lo, hi): (f64, f64)) -> String {
        interval(&self.signed(lo), &self.signed(hi))
    }

    /// Half the width of an interval, `±2.1`.
    pub fn reach(self, estimate: Estimate) -> String {
        let (lo, hi) = estimate.ci95;
        format!("±{}", self.end((hi - lo) / 2.0))
    }

    fn is_share(self) -> bool {
        self.metric != Metric::Perplexity
    }

    fn plain(self, value: f64) -> String {
        if value.is_finite() && value.abs() >= LARGE {
            significant(value, 3)
        } else {
            fixed(value, self.decimals)
        }
    }
}

/// What a person calls a metric.
pub fn metric_name(metric: Metric) -> &'static str {
    match metric {
        Metric::Top1 => "Top-1 accuracy",
        Metric::Perplexity => "Perplexity",
        Metric::Agreement => "Agreement with float",
    }
}

/// The metric in a sentence, with its formula where there is one.
pub fn metric_help(metric: Metric) -> &'static str {
    match metric {
        Metric::Top1 => {
            "Top-1 accuracy: share of samples whose highest score is the label's, with Wilson's 95 % interval"
        }
        Metric::Perplexity => {
            "Perplexity: exp of the mean negative log-likelihood of the next token; smaller is better. The 95 % interval is a bootstrap over rows"
        }
        Metric::Agreement => {
            "Agreement: share of samples with the float model's answer, with Wilson's 95 % interval; the set has no labels"
        }
    }
}

/// McNemar's p: three digits, from 10⁻⁴ down a power of ten. Never a bare zero.
pub fn p_text(p: f64) -> String {
    match p {
        p if p <= 0.0 => "<10⁻³⁰⁰".to_owned(),
        p if p < 1e-4 => significant(p, 2),
        p => significant(p, 3),
    }
}

pub const P_HELP: &str = "McNemar's exact two-sided p: how likely so uneven a split of broken and fixed would be if both were equally likely. Below 0.05 a difference is commonly taken as shown";

/// What McNemar's p says.
pub fn p_verdict(p: f64) -> &'static str {
    if p < 0.05 { "differs from float" } else { "not told apart from float" }
}

/// The same of two recipes.
pub fn p_verdict_of_recipes(p: f64) -> &'static str {
    if p < 0.05 { "B differs from A" } else { "not told apart from A" }
}

/// On how much the figures that are shown were measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measured {
    /// On everything there is.
    Whole,
    /// On a part, while the rest is run.
    Part { n_samples: usize, n_total: usize },
    /// With other settings: those of now are not measured yet.
    Stale,
}

impl Measured {
    pub fn of(accuracy: &Loaded<Accuracy>) -> Self {
        match accuracy {
            Loaded::Pending { partial: Some(partial), .. } => {
                Self::Part { n_samples: partial.n_samples, n_total: partial.n_total }
            }
            Loaded::Pending { .. } => Self::Stale,
            _ => Self::Whole,
        }
    }

    /// `640 of 1000, running`; `None` for the whole set.
    pub fn running_text(self) -> Option<String> {
        match self {
            Self::Whole => None,
            Self::Part { n_samples, n_total } => {
                Some(format!("{} of {}, running", thousands(n_samples), thousands(n_total)))
            }
            Self::Stale => Some("computing anew".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p_is_never_a_bare_zero() {
        for (p, wanted) in [
            (0.0, "<10⁻³⁰⁰"),
            (1e-70, "1.0·10⁻⁷⁰"),
            (9.9e-5, "9.9·10⁻⁵"),
            (0.000_123, "0.000123"),
            (0.265_4, "0.265"),
            (1.0, "1.00"),
        ] {
            assert_eq!(p_text(p), wanted, "{p}");
        }
    }

    #[test]
    fn figures_have_units_and_signs() {
        let shares = MetricText { metric: Metric::Top1, decimals: 1 };
        assert_eq!((shares.value(0.87), shares.end(0.87)), ("87.0 %".into(), "87.0".into()));
        let signs = [0.0125, -0.004, 0.0, f64::NAN].map(|x| shares.signed(x));
        assert_eq!(signs, ["+1.2", "−0.4", "0.0", "n/a"]);
        let perplexity = MetricText { metric: Metric::Perplexity, decimals: 3 };
        assert_eq!(perplexity.value(3.70686), "3.707");
        assert_eq!(perplexity.value(123_456.0), "1.23·10⁵");
        assert_eq!(perplexity.signed(f64::INFINITY), "+∞");
        let estimate = Estimate { value: 0.87, ci95: (0.85, 0.89) };
        assert_eq!(shares.reach(estimate), "±2.0");
        assert_eq!(shares.range(estimate.ci95), "85.0–89.0 %");
        assert_eq!(shares.signed_range((-0.05, 0.001)), "−5.0 … +0.1");
    }
}
