//! What a recipe is to keep to, and how the present one stands to it.

use serde::{Deserialize, Serialize};

use crate::base::{bytes, fixed, percent, significant};
use crate::eval::{Accuracy, Budget, Metric, ModelSize, planned_bits};
use crate::model::Network;
use crate::quant::{SchemeChoice, SettingValue};
use crate::session::{ProposalSettings, Session};
use crate::ui::accuracy_text::MetricText;

/// What is limited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Limit {
    #[default]
    Size,
    Bits,
    Energy,
    Accuracy,
}

/// In the order they are offered.
pub(super) const LIMITS: [(Limit, &str, &str); 4] = [
    (Limit::Size, "Size", "The whole model at most so large, what stays in float included"),
    (
        Limit::Bits,
        "Bits",
        "Bits per weight: stored bits over the weights of the quantized layers at most, scales included",
    ),
    (Limit::Energy, "Energy", ENERGY_HELP),
    (Limit::Accuracy, "Accuracy", "The metric at least; of a perplexity, at most"),
];

/// What an energy is, and is not.
pub(super) const ENERGY_HELP: &str = "An estimate for one prediction in 45 nm: weights read from DRAM at 20 pJ a bit, 4.6 pJ a multiply-accumulate in float (Horowitz 2014). Activations on their way, caches and decoding are left out";

/// What is chosen, kept with the arrangement.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Limits {
    pub limit: Limit,
    /// A proposal keeps to a size and an accuracy.
    pub is_both: bool,
    /// The model that size and accuracy are of: another one begins with its own.
    of_model: String,
    pub bytes: Option<f64>,
    pub bits: Option<f64>,
    pub microjoules: Option<f64>,
    /// Recall of the critical class that a proposal has to keep.
    pub recall: Option<f64>,
    pub keeps_recall: bool,
    pub metric: Option<f64>,
}

/// Where a person has set nothing.
const DEFAULT_BITS: f64 = 5.0;
/// Below float by that share of the metric.
const TOLERATED: f64 = 0.01;

impl Limits {
    /// Fills in what nobody has set for this model yet.
    pub fn settle(&mut self, session: &Session, network: &Network, measured: Option<&Accuracy>) {
        let model = format!("{} {}", network.model.title, network.n_parameters());
        if self.of_model != model {
            (self.bytes, self.metric) = (None, None);
            (self.microjoules, self.recall) = (None, None);
            self.of_model = model;
        }
        self.bits.get_or_insert(DEFAULT_BITS);
        if self.bytes.is_none() {
            self.bytes = Some(default_bytes(session, network));
        }
        if self.microjoules.is_none() {
            self.microjoules = session.costs().map(|(costs, _)| costs.energy_picojoules * 1e-6);
        }
        if self.recall.is_none()
            && let Some(class) = session.critical_class()
            && let Some(accuracy) = session.accuracy().ready()
        {
            let recall = accuracy.class_recall(class);
            self.recall = recall.map(|recall| (recall.float.value - TOLERATED).max(0.0));
        }
        if self.metric.is_none()
            && let Some(accuracy) = measured
        {
            self.metric = Some(default_floor(accuracy));
        }
    }

    /// What a mix is asked for; a further limit is a further line.
    pub fn proposal(&self, critical: Option<&str>) -> ProposalSettings {
        let size = || self.bytes.map(|bytes| Budget::Bytes(bytes.round().max(0.0) as u64));
        let (budget, floor) = match self.limit {
            Limit::Size => (size(), self.metric.filter(|_| self.is_both)),
            Limit::Bits => {
                (self.bits.map(Budget::BitsPerWeight), self.metric.filter(|_| self.is_both))
            }
            Limit::Energy => {
                let budget = self.microjoules.map(Budget::Microjoules);
                (budget, self.metric.filter(|_| self.is_both))
            }
            Limit::Accuracy => (self.is_both.then(size).flatten(), self.metric),
        };
        let recall = self.recall.filter(|_| self.keeps_recall);
        let critical_floor = critical.zip(recall).map(|(class, recall)| (class.to_owned(), recall));
        ProposalSettings { budget, floor, critical_floor, ..ProposalSettings::default() }
    }

    /// How the present recipe stands; `None` as long as that is not known.
    pub fn standing(
        &self,
        size: Option<&ModelSize>,
        energy: Option<f64>,
        accuracy: Option<&Accuracy>,
    ) -> Option<Standing> {
        match self.limit {
            Limit::Size => Some(Standing::of_size(size?.quantized_bytes as f64, self.bytes?)),
            Limit::Bits => Some(Standing::of_bits(size?.bits_per_weight?, self.bits?)),
            Limit::Energy => Some(Standing::of_energy(energy?, self.microjoules?)),
            Limit::Accuracy => Standing::of_metric(accuracy?, self.metric?),
        }
    }
}

/// The size at five bits everywhere.
fn default_bytes(session: &Session, network: &Network) -> f64 {
    let scheme = &session.sense_settings().scheme;
    let choice = scheme.with("bits", SettingValue::Int(DEFAULT_BITS as i64));
    let choice = choice.unwrap_or_else(|_| scheme.clone());
    uniform_bytes(network, &choice) as f64
}

fn uniform_bytes(network: &Network, choice: &SchemeChoice) -> u64 {
    let names: std::collections::HashSet<&str> =
        network.default_layers().map(|layer| layer.name.as_str()).collect();
    let bits = network.layers.iter().map(|layer| {
        names.contains(layer.name.as_str()).then(|| planned_bits(layer, choice)).flatten()
    });
    ModelSize::of_bits(network, &bits.collect::<Vec<_>>()).quantized_bytes
}

/// A point below float, or a hundredth above a perplexity.
fn default_floor(accuracy: &Accuracy) -> f64 {
    let float = accuracy.float.map_or(1.0, |float| float.value);
    match accuracy.metric {
        Metric::Perplexity => float * (1.0 + TOLERATED),
        _ => (float - TOLERATED).max(0.0),
    }
}

/// The present value beside the limit.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Standing {
    pub now: String,
    /// `of 51.1 kB`, `of at least 84.8 %`.
    pub limit: String,
    /// `4.0 kB free`, `2.1 kB over`.
    pub spare: String,
    pub is_kept: bool,
    /// Of the bar: where the value ends and where the limit is.
    pub fraction: f32,
    pub mark: f32,
}

/// Room beyond the larger of both.
const BEYOND: f64 = 1.18;

impl Standing {
    fn of_size(now: f64, limit: f64) -> Self {
        let size = |x: f64| bytes(x.abs().round() as u64);
        let words = (size(now), format!("of {}", size(limit)));
        Self::at_most((now, limit), words, size(limit - now))
    }

    fn of_bits(now: f64, limit: f64) -> Self {
        let text = |x: f64| fixed(x, 2);
        let words = (text(now), format!("of {} bits per weight", text(limit)));
        Self::at_most((now, limit), words, text((limit - now).abs()))
    }

    /// Both in microjoules.
    fn of_energy(now: f64, limit: f64) -> Self {
        let words = (energy_text(now), format!("of {}", energy_text(limit)));
        Self::at_most((now, limit), words, energy_text((limit - now).abs()))
    }

    fn at_most(
        (now, limit): (f64, f64),
        (now_text, limit_text): (String, String),
        by: String,
    ) -> Self {
        let is_kept = now <= limit;
        let whole = now.max(limit).max(f64::MIN_POSITIVE) * BEYOND;
        Self {
            now: now_text,
            limit: limit_text,
            spare: format!("{by} {}", if is_kept { "free" } else { "over" }),
            is_kept,
            fraction: (now / whole) as f32,
            mark: (limit / whole) as f32,
        }
    }

    fn of_metric(accuracy: &Accuracy, limit: f64) -> Option<Self> {
        let now = accuracy.quantized.or(accuracy.float)?.value;
        let text = MetricText::of(accuracy);
        let by = format!("{}{}", text.end((now - limit).abs()), text.difference_unit());
        if accuracy.metric == Metric::Perplexity {
            let words = (text.value(now), format!("of at most {}", text.value(limit)));
            return Some(Self::at_most((now, limit), words, by));
        }
        let is_kept = now >= limit;
        Some(Self {
            now: text.value(now),
            limit: format!("of at least {}", text.value(limit)),
            spare: format!("{by} {}", if is_kept { "above" } else { "below" }),
            is_kept,
            fraction: now as f32,
            mark: limit as f32,
        })
    }
}

/// What a mix is asked for, in words: `at most 51.1 kB, top-1 accuracy at least 84.8 %`.
pub(super) fn words(settings: &ProposalSettings, metric: Option<Metric>) -> String {
    let budget = settings.budget.map(|budget| match budget {
        Budget::Bytes(count) => format!("at most {}", bytes(count)),
        Budget::BitsPerWeight(bits) => format!("at most {} bits per weight", fixed(bits, 2)),
        Budget::Microjoules(energy) => format!("at most {}", energy_text(energy)),
    });
    let floor = settings.floor.map(|floor| {
        let metric = metric.unwrap_or(if floor > 1.0 { Metric::Perplexity } else { Metric::Top1 });
        let value = MetricText::up_to(metric, floor).value(floor);
        match metric {
            Metric::Perplexity => format!("perplexity at most {value}"),
            Metric::Top1 => format!("top-1 at least {value}"),
            Metric::Agreement => format!("agreement at least {value}"),
        }
    });
    let recall = settings.critical_floor.as_ref();
    let recall =
        recall.map(|(class, recall)| format!("recall of {class} at least {}", percent(*recall, 1)));
    let parts: Vec<String> = budget.into_iter().chain(floor).chain(recall).collect();
    parts.join(", ")
}

/// Microjoules with four digits, or millijoules.
pub(super) fn energy_text(microjoules: f64) -> String {
    match microjoules {
        large if large >= 1e4 => format!("{} mJ", significant(large * 1e-3, 4)),
        small => format!("{} µJ", significant(small, 4)),
    }
}

/// Reads a size: `51.1 kB`, `1.2MB`, a plain number of bytes.
pub(super) fn read_bytes(text: &str) -> Option<f64> {
    let text =
        text.trim().to_lowercase().replace([' ', '\u{2009}', '\u{a0}'], "").replace(',', ".");
    let number = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let factor = match &text[number.len()..] {
        "" | "b" | "bytes" => 1.0,
        "k" | "kb" => 1e3,
        "m" | "mb" => 1e6,
        "g" | "gb" => 1e9,
        _ => return None,
    };
    let value: f64 = number.parse().ok()?;
    (value.is_finite() && value >= 0.0).then_some(value * factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_they_are_written() {
        for (text, wanted) in [
            ("51.1 kB", Some(51_100.0)),
            ("1,2mb", Some(1_200_000.0)),
            ("518", Some(518.0)),
            ("12 bytes", Some(12.0)),
            ("much", None),
            ("-3 kB", None),
            ("3 furlongs", None),
        ] {
            assert_eq!(read_bytes(text), wanted, "{text}");
        }
    }

    #[test]
    fn standing_says_what_is_free_or_over() {
        let kept = Standing::of_size(47_200.0, 51_100.0);
        assert!(kept.is_kept && kept.fraction < kept.mark && kept.mark < 1.0);
        assert_eq!((kept.limit.as_str(), kept.spare.as_str()), ("of 51.1 kB", "3.9 kB free"));
        let over = Standing::of_bits(5.5, 5.0);
        assert!(!over.is_kept && over.fraction > over.mark);
        assert_eq!(over.spare, "0.50 over");
    }

    #[test]
    fn a_proposal_is_asked_for_what_is_limited() {
        let mut limits = Limits {
            bytes: Some(51_100.4),
            bits: Some(4.5),
            metric: Some(0.85),
            ..Limits::default()
        };
        let mut asked = |limit, is_both| {
            (limits.limit, limits.is_both) = (limit, is_both);
            words(&limits.proposal(None), Some(Metric::Top1))
        };
        assert_eq!(asked(Limit::Size, false), "at most 51.1 kB");
        assert_eq!(asked(Limit::Size, true), "at most 51.1 kB, top-1 at least 85.0 %");
        assert_eq!(asked(Limit::Bits, false), "at most 4.50 bits per weight");
        assert_eq!(asked(Limit::Accuracy, false), "top-1 at least 85.0 %");
        assert_eq!(asked(Limit::Accuracy, true), "at most 51.1 kB, top-1 at least 85.0 %");
    }
}
