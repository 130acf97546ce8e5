//! What a cell of the table tells, as a number and as text, and how harm becomes a colour.

use egui::Color32;
use serde::{Deserialize, Serialize};

use crate::base::{fixed, interval, significant};
use crate::eval::{Cell, Column, Effect, Estimate, Metric, Tally};
use crate::ui::colormap::Colormap;

/// What is told of a cell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Figure {
    /// Accuracy, perplexity or agreement.
    #[default]
    Metric,
    Loss,
    Kl,
    Bits,
}

/// Which model a layer is changed in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Mode {
    /// Only that layer is quantized.
    #[default]
    Alone,
    /// Every other layer is.
    AllBut,
}

/// What the table shows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Shown {
    pub figure: Figure,
    pub mode: Mode,
    pub metric: Metric,
}

/// One number of the table.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Value {
    /// As it is written.
    pub value: f64,
    /// `None` where there is no way to tell it.
    pub ci95: Option<(f64, f64)>,
    /// How much harm quantizing the layer does; below 0 it does good. 0 where it is about size.
    pub harm: f64,
}

impl Shown {
    /// Samples without labels have no loss.
    pub fn fitted(self) -> Self {
        let has_loss = self.metric != Metric::Agreement;
        let figure =
            if self.figure == Figure::Loss && !has_loss { Figure::Kl } else { self.figure };
        Self { figure, ..self }
    }

    /// What of a measurement the predictors are held against.
    pub fn effect(self) -> Effect {
        match self.figure {
            Figure::Metric | Figure::Bits => Effect::Metric,
            Figure::Loss => Effect::Loss,
            Figure::Kl => Effect::Kl,
        }
    }

    pub fn cell(self, cell: &Cell, column: &Column) -> Option<Value> {
        match (self.figure, self.mode) {
            (Figure::Bits, _) => {
                let weights = cell.weights;
                let bits = weights.storage_bits as f64 / weights.n_weights.max(1) as f64;
                Some(Value { value: bits, ci95: None, harm: 0.0 })
            }
            (_, Mode::Alone) => self.tally(&cell.alone),
            // The difference of two divergences from float: rows were not compared one by one.
            (Figure::Kl, Mode::AllBut) => {
                let value = cell.all_but.kl().value - column.everything.kl().value;
                Some(Value { value, ci95: None, harm: -value })
            }
            // What is won by leaving it in float is the harm that it does.
            (_, Mode::AllBut) => {
                let won = self.tally(&cell.regained)?;
                Some(Value { harm: -won.harm, ..won })
            }
        }
    }

    /// Every layer quantized so, against float.
    pub fn everything(self, column: &Column) -> Option<Value> {
        if self.figure == Figure::Bits {
            let known = column.cells.iter().flatten().map(|cell| cell.weights);
            let sums = known.fold((0.0, 0.0), |(bits, n), weights| {
                (bits + weights.storage_bits as f64, n + weights.n_weights as f64)
            });
            return Some(Value { value: sums.0 / sums.1.max(1.0), ci95: None, harm: 0.0 });
        }
        self.tally(&column.everything)
    }

    fn tally(self, tally: &Tally) -> Option<Value> {
        let Estimate { value, ci95 } = match self.figure {
            Figure::Metric | Figure::Bits => tally.change(self.metric),
            Figure::Loss => tally.loss_change(self.metric)?,
            Figure::Kl => tally.kl(),
        };
        let harm = self.effect().harm_of(tally, self.metric)?.value;
        Some(Value { value, ci95: Some(ci95), harm })
    }

    fn is_share(self) -> bool {
        self.figure == Figure::Metric && self.metric != Metric::Perplexity
    }

    /// A number of the table with its sign, without its unit.
    pub fn text(self, value: f64) -> String {
        match self.figure {
            Figure::Bits => fixed(value, 2),
            _ if self.is_share() => signed(fixed(100.0 * value, 1)),
            _ => signed(compact(value)),
        }
    }

    /// A harm as a mark of legend or axis: the change that it is in the table, round.
    pub fn harm_text(self, harm: f64) -> String {
        let less_is_harm = self.is_share() == (self.mode == Mode::Alone);
        let change = if less_is_harm { -harm } else { harm };
        let text = match self.is_share() {
            _ if change.abs() < 1e-12 => return "0".to_owned(),
            true => fixed(100.0 * change, 0),
            false => significant(change, 1),
        };
        if change > 0.0 { format!("+{text}") } else { text }
    }

    /// A number of the table with unit and interval.
    pub fn full_text(self, value: Value) -> String {
        let unit = self.unit();
        let space = if unit.is_empty() { "" } else { " " };
        let text = format!("{}{space}{unit}", self.text(value.value));
        match value.ci95 {
            Some((lo, hi)) => format!("{text} ({})", interval(&self.text(lo), &self.text(hi))),
            None => text,
        }
    }

    /// What a number is counted in.
    pub fn unit(self) -> &'static str {
        match self.figure {
            Figure::Metric if self.is_share() => "pt",
            Figure::Metric => "",
            Figure::Loss | Figure::Kl => "nats",
            Figure::Bits => "bits",
        }
    }

    /// What the table shows, in a few words.
    pub fn title(self) -> String {
        let what = match (self.figure, self.metric) {
            (Figure::Metric, Metric::Top1) => "Top-1, points",
            (Figure::Metric, Metric::Perplexity) => "Perplexity",
            (Figure::Metric, Metric::Agreement) => "Agreement with float, points",
            (Figure::Loss, _) => "Loss, nats",
            (Figure::Kl, _) => "KL from float, nats",
            (Figure::Bits, _) => return "Stored bits per weight".to_owned(),
        };
        match self.mode {
            Mode::Alone => format!("{what}: change with only that layer quantized"),
            Mode::AllBut => format!("{what}: won back with only that layer left in float"),
        }
    }
}

/// Three digits or fewer, and never wider than a cell.
fn compact(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        x if x < 0.0005 => significant(value, 1),
        x if x < 1.0 => fixed(value, 3),
        x if x < 10.0 => fixed(value, 2),
        x if x < 100.0 => fixed(value, 1),
        x if x < 1e5 => fixed(value, 0),
        _ => significant(value, 2),
    }
}

/// With its sign; nothing that is lost or won has both.
fn signed(text: String) -> String {
    let is_zero = text.chars().all(|c| matches!(c, '0' | '.' | crate::base::MINUS));
    match text.chars().next() {
        _ if is_zero => format!("±{}", text.trim_start_matches(crate::base::MINUS)),
        Some(crate::base::MINUS | 'n') => text,
        _ => format!("+{text}"),
    }
}

/// How harm becomes a colour and a place: `±log(1 + |harm|/unit)`, 1 at the most there is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct HarmScale {
    unit: f64,
    pub most: f64,
    map: MapKind,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum MapKind {
    Harm,
    Size,
}

impl HarmScale {
    /// Up to the largest of `harms`.
    pub fn new(shown: Shown, most: f64) -> Self {
        let most = if most.is_finite() && most > 0.0 { most } else { 1e-6 };
        let unit = if shown.is_share() { 0.01 } else { most / 300.0 };
        let map = if shown.figure == Figure::Bits { MapKind::Size } else { MapKind::Harm };
        Self { unit, most, map }
    }

    /// On a scale on which equal factors are equal lengths, but around 0; odd.
    pub fn place(self, harm: f64) -> f64 {
        (harm.abs() / self.unit).ln_1p() * harm.signum()
    }

    /// From a place back to the harm.
    pub fn harm_at(self, place: f64) -> f64 {
        place.abs().exp_m1() * self.unit * place.signum()
    }

    /// −1 to 1.
    pub fn fraction(self, harm: f64) -> f32 {
        (self.place(harm) / self.place(self.most)).clamp(-1.0, 1.0) as f32
    }

    /// Harm towards one end, good towards the other, nothing as the background.
    pub fn colour(self, value: Value, theme: egui::Theme) -> Color32 {
        match self.map {
            MapKind::Harm if !value.harm.is_nan() => {
                Colormap::signed(theme).colour(0.5 + 0.5 * self.fraction(value.harm))
            }
            MapKind::Harm => Colormap::signed(theme).colour(1.0),
            MapKind::Size => {
                let share = (value.value / self.most.max(1e-9)) as f32;
                Colormap::sequential(theme).colour(0.6 * share)
            }
        }
    }

    /// Harms at which the legend has marks: in equal steps of colour, round.
    pub fn marks(self) -> Vec<f64> {
        let quarters = [0.25, 0.5, 0.75].map(|f| self.harm_at(f * self.place(self.most)));
        let round = |harm: f64| {
            let power = 10f64.powf(harm.log10().floor());
            (harm / power).round() * power
        };
        std::iter::once(0.0).chain(quarters.map(round)).chain([self.most]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(figure: Figure, metric: Metric) -> Shown {
        Shown { figure, metric, mode: Mode::Alone }
    }

    #[test]
    fn numbers_are_short_and_have_signs() {
        let shares = of(Figure::Metric, Metric::Top1);
        let texts = [-0.198, 0.0, -0.0001, 0.004].map(|x| shares.text(x));
        assert_eq!(texts, ["−19.8", "±0.0", "±0.0", "+0.4"]);
        let loss = of(Figure::Loss, Metric::Perplexity);
        let texts = [0.0, 2e-5, -0.0123, 3.456, 47.11, 123.4, 2.5e7, f64::NAN];
        let wanted = ["±0", "+2·10⁻⁵", "−0.012", "+3.46", "+47.1", "+123", "+2.5·10⁷", "n/a"];
        assert_eq!(texts.map(|x| loss.text(x)), wanted);
        assert_eq!([0.081, 0.0, -0.02].map(|harm| shares.harm_text(harm)), ["−8", "0", "+2"]);
        let won = Shown { mode: Mode::AllBut, ..shares };
        assert_eq!(won.harm_text(0.081), "+8", "what harms is won back");
        assert_eq!(loss.harm_text(0.3), "+0.3");
        let value = Value { value: -0.02, ci95: Some((-0.03, -0.01)), harm: 0.02 };
        assert_eq!(shares.full_text(value), "−2.0 pt (−3.0 … −1.0)");
    }

    #[test]
    fn the_scale_is_logarithmic_and_odd() {
        let scale = HarmScale::new(of(Figure::Metric, Metric::Top1), 0.8);
        assert_eq!(
            (scale.fraction(0.8), scale.fraction(0.0), scale.fraction(9.0)),
            (1.0, 0.0, 1.0)
        );
        assert_eq!(scale.fraction(-0.1), -scale.fraction(0.1));
        assert!((scale.harm_at(scale.place(-0.03)) + 0.03).abs() < 1e-12);
        let marks: Vec<i64> = scale.marks().iter().map(|m| (m * 100.0).round() as i64).collect();
        assert_eq!(marks, [0, 2, 8, 30, 80]);
    }

    #[test]
    fn without_labels_there_is_no_loss() {
        assert_eq!(of(Figure::Loss, Metric::Agreement).fitted().figure, Figure::Kl);
        assert_eq!(of(Figure::Loss, Metric::Top1).fitted().figure, Figure::Loss);
    }
}
