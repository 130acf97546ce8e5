//! What another range, another grain of scales or a zero point would gain on a layer's weights.

use super::{Hint, Remedy};
use crate::base::{WorkCtx, fixed, significant};
use crate::quant::{SchemeChoice, SettingValue};
use crate::session::workshop::{QueryError, Workshop};
use crate::tensor::ChannelMajor;

/// A change of one setting that may help.
struct Change {
    key: &'static str,
    value: &'static str,
    /// Decibels from which on it is worth a word.
    least_gain_db: f64,
    /// For the button.
    label: &'static str,
    /// What it does, after "gains 3 dB: ".
    text: &'static str,
}

/// In the order of what they cost: the first that gains most is told.
static CHANGES: &[Change] = &[
    Change {
        key: "range",
        value: "mse",
        least_gain_db: 1.0,
        label: "MSE-optimal range",
        text: "clipping the few largest weights lets all others round more finely",
    },
    Change {
        key: "symmetry",
        value: "asymmetric",
        least_gain_db: 1.0,
        label: "Asymmetric codes",
        text: "the weights lie off zero, and a zero point moves the codes to where they are",
    },
    Change {
        key: "granularity",
        value: "per-channel",
        least_gain_db: 3.0,
        label: "Per channel",
        text: "channels of small range get steps of their own",
    },
    Change {
        key: "granularity",
        value: "per-group",
        least_gain_db: 6.0,
        label: "Per group of 32",
        text: "short runs of weights get steps of their own, for more bits of scales",
    },
];

/// The gains of one layer.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerHints {
    sqnr_db: Option<f64>,
    bits_per_weight: f64,
    outliers: Outliers,
    found: Vec<Gain>,
}

/// Channels that are far wider than the others.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Outliers {
    n_channels: usize,
    n_wide: usize,
    /// The widest range over the median range; 0 where there is none.
    widest: f64,
}

#[derive(Clone, Debug, PartialEq)]
struct Gain {
    change_idx: usize,
    choice: SchemeChoice,
    gain_db: f64,
    bits_per_weight: f64,
}

/// Above it a layer's weights are as good as they need to be.
const GOOD_DB: f64 = 40.0;

impl Workshop {
    /// Measures the layer under every change; one that the scheme does not have is passed over.
    pub(in crate::session) fn hints(
        &self,
        layer_idx: usize,
        spec: &str,
        ctx: &WorkCtx,
    ) -> Result<LayerHints, QueryError> {
        let choice: SchemeChoice = spec.parse()?;
        let now = self.compared(layer_idx, spec, ctx)?;
        let weights = self.weights(layer_idx, &choice)?;
        let mut hints = LayerHints {
            sqnr_db: now.total.sqnr().db(),
            bits_per_weight: now.bits_per_weight().unwrap_or_default(),
            outliers: Outliers::of(&weights, ctx)?,
            found: Vec::new(),
        };
        let Some(sqnr_db) = hints.sqnr_db.filter(|db| *db < GOOD_DB) else { return Ok(hints) };
        for (change_idx, change) in CHANGES.iter().enumerate() {
            ctx.check()?;
            let Some(changed) = change.of(&choice) else { continue };
            // What the scheme refuses is no remedy.
            let Ok(error) = self.compared(layer_idx, &changed.to_string(), ctx) else { continue };
            let gain_db = error.total.sqnr().db().map_or(0.0, |db| db - sqnr_db);
            if gain_db >= change.least_gain_db {
                let bits_per_weight = error.bits_per_weight().unwrap_or_default();
                hints.found.push(Gain { change_idx, choice: changed, gain_db, bits_per_weight });
            }
        }
        Ok(hints)
    }
}

impl Change {
    /// The choice with the change; `None` where it has it already or cannot have it.
    fn of(&self, choice: &SchemeChoice) -> Option<SchemeChoice> {
        let now = choice.settings().get(self.key)?;
        let order = |value: &str| {
            ["per-tensor", "per-channel", "per-group"].iter().position(|v| *v == value)
        };
        let is_finer = match now {
            SettingValue::Choice(now) => {
                order(self.value) > order(now) || order(self.value).is_none()
            }
            _ => false,
        };
        // A range by hand is a person's decision.
        let is_by_hand = self.key == "range" && now == SettingValue::Choice("manual");
        if now == SettingValue::Choice(self.value) || !is_finer || is_by_hand {
            return None;
        }
        choice.with(self.key, SettingValue::Choice(self.value)).ok()
    }
}

impl Outliers {
    fn of(weights: &ChannelMajor, ctx: &WorkCtx) -> Result<Self, QueryError> {
        let mut ranges: Vec<f32> = Vec::with_capacity(weights.n_channels());
        for channel_idx in 0..weights.n_channels() {
            ctx.check()?;
            let finite = weights.channel(channel_idx).iter().filter(|x| x.is_finite());
            ranges.push(finite.fold(0.0, |largest: f32, x| largest.max(x.abs())));
        }
        ranges.sort_by(f32::total_cmp);
        let n_channels = ranges.len();
        let median = ranges.get(n_channels / 2).copied().map_or(0.0, f64::from);
        let widest = ranges.last().copied().map_or(0.0, f64::from);
        let n_wide = ranges.iter().filter(|range| f64::from(**range) > 2.0 * median).count();
        let widest = if median > 0.0 { widest / median } else { 0.0 };
        Ok(Self { n_channels, n_wide, widest })
    }
}

impl LayerHints {
    /// In words, for the layer of that name.
    pub(super) fn hints(&self, layer_idx: usize, layer: &str) -> Vec<Hint> {
        self.found.iter().map(|gain| self.hint(gain, (layer_idx, layer))).collect()
    }

    fn hint(&self, gain: &Gain, (layer_idx, layer): (usize, &str)) -> Hint {
        let change = &CHANGES[gain.change_idx];
        let db = fixed(gain.gain_db, 1);
        let Outliers { n_channels, n_wide, widest } = self.outliers;
        let is_by_channel = change.value == "per-channel";
        let text = if is_by_channel && n_wide > 0 {
            let times = significant(widest, 2);
            format!(
                "{layer}: {n_wide} of {n_channels} channels carry up to {times}× the median range; a scale per channel would gain {db} dB"
            )
        } else {
            format!(
                "{layer}: {} would gain {db} dB",
                change.label.to_lowercase().replace("mse", "MSE")
            )
        };
        let more = gain.bits_per_weight - self.bits_per_weight;
        let cost = match more {
            more if more > 0.005 => format!("It costs {} bits a weight more.", fixed(more, 2)),
            _ => "It costs no bits worth mentioning.".to_owned(),
        };
        let now = self.sqnr_db.map_or_else(String::new, |now| fixed(now, 1));
        let why = format!(
            "SQNR of the weights now {now} dB, with the change {} dB, both measured on all weights of the layer: {}. {cost} Decibels of the weights are no accuracy: the header tells what becomes of that.",
            fixed(self.sqnr_db.unwrap_or_default() + gain.gain_db, 1),
            change.text
        );
        let choices = vec![(layer.to_owned(), gain.choice.clone())];
        let remedy = Remedy::Choices { label: change.label.to_owned(), choices };
        Hint { layer_idx: Some(layer_idx), text, why, remedy, gain: gain.gain_db }
    }
}
