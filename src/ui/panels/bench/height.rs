//! How high a bar is: the bits of a layer's code, and the axis they stand on.

use egui::{Rangef, Rect};

use crate::base::fixed;
use crate::eval::planned_bits;
use crate::model::Layer;
use crate::quant::{ParamKind, SchemeChoice};

/// How a layer is stored.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Height {
    /// Of one code; where codes are not stored one by one, of a weight with all that belongs to it.
    Bits(f64),
    Float,
}

impl Height {
    /// A layer that a recipe does not speak of stays in float.
    pub fn of(layer: &Layer, choice: Option<&SchemeChoice>) -> Self {
        let Some(choice) = choice.filter(|choice| !choice.keeps_float()) else {
            return Self::Float;
        };
        let per_weight = || {
            let bits = planned_bits(layer, choice)?;
            Some(bits as f64 / layer.count().max(1) as f64)
        };
        let bits = choice.code_bits().map(|bits| bits as f64).or_else(per_weight);
        Self::Bits(bits.unwrap_or(0.0))
    }

    pub fn text(self) -> String {
        match self {
            Self::Float => "float".to_owned(),
            Self::Bits(bits) if bits.fract() == 0.0 => fixed(bits, 0),
            Self::Bits(bits) => fixed(bits, 2),
        }
    }

    /// `5 bits`, `float`.
    pub fn words(self) -> String {
        match self {
            Self::Float => "float".to_owned(),
            Self::Bits(_) => format!("{} bits", self.text()),
        }
    }
}

/// The bits a scheme allows; `None` where it leaves no choice.
pub(super) fn bits_range(choice: &SchemeChoice) -> Option<(i64, i64)> {
    match choice.param("bits").map(|param| &param.kind) {
        Some(&ParamKind::Int { min, max, .. }) => Some((min, max)),
        _ => None,
    }
}

/// Why a bar does not move; `None` where it does.
pub(super) fn refusal(name: &str, choice: &SchemeChoice, is_locked: bool) -> Option<String> {
    if is_locked {
        return Some(format!("{name} is locked and keeps its bits; its lock below opens it"));
    }
    if bits_range(choice).is_some() {
        return None;
    }
    let way_out = "another scheme is chosen in the panel Quantizer";
    Some(match choice.keeps_float() {
        true => format!("{name} stays in float, which has no bits to choose; {way_out}"),
        false => format!("The format {} fixes its bits; {way_out}", choice.scheme().id()),
    })
}

/// Bits over the height of the plot, with room above for what stays in float.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct BitsAxis {
    span: Rangef,
    /// Where the whole bars end.
    pub max: f64,
    has_float: bool,
}

/// Between the axis' end and the top of a bar that is broken off.
const FLOAT_ROOM: f32 = 26.0;
/// An axis shorter than this would make little of much.
const LEAST_MAX: f64 = 8.0;

impl BitsAxis {
    pub fn new(heights: impl Iterator<Item = Height>, plot: Rect) -> Self {
        let (mut max, mut has_float) = (LEAST_MAX, false);
        for height in heights {
            match height {
                Height::Float => has_float = true,
                Height::Bits(bits) => max = max.max(bits),
            }
        }
        Self { span: plot.y_range(), max: (max / 2.0).ceil() * 2.0, has_float }
    }

    pub fn y(&self, height: Height) -> f32 {
        match height {
            Height::Float => self.span.min + 2.0,
            Height::Bits(bits) => self.span.max - self.points_per_bit() * bits as f32,
        }
    }

    pub fn points_per_bit(&self) -> f32 {
        let room = if self.has_float { FLOAT_ROOM } else { 0.0 };
        ((self.span.span() - room) / self.max as f32).max(1.0)
    }

    /// Whole numbers with a line each, no closer than numbers can be read.
    pub fn marks(&self) -> Vec<i64> {
        let least = 16.0 / self.points_per_bit();
        let step = [1, 2, 4, 8, 16].into_iter().find(|step| *step as f32 >= least);
        let step = step.unwrap_or(16).max(2);
        (0..=self.max as i64).step_by(step).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::LayerRole;

    fn layer() -> Layer {
        Layer {
            name: "fc".into(),
            op: "Gemm".into(),
            weight: "fc.weight".into(),
            dims: vec![16, 256],
            axis: 0,
            role: LayerRole::Product,
        }
    }

    #[test]
    fn bits_are_those_of_the_code() {
        let layer = layer();
        for (spec, height, is_free) in [
            ("int4", "4 bits", true),
            ("nf4", "4 bits", false),
            ("float", "float", false),
            ("q4_k", "4 bits", false),
        ] {
            let choice: SchemeChoice = spec.parse().unwrap();
            assert_eq!(Height::of(&layer, Some(&choice)).words(), height, "{spec}");
            assert_eq!(refusal("fc", &choice, false).is_none(), is_free, "{spec}");
            assert!(refusal("fc", &choice, true).unwrap().contains("is locked"));
        }
        assert_eq!(Height::of(&layer, None), Height::Float);
    }

    #[test]
    fn float_stands_above_every_number_of_bits() {
        let plot = Rect::from_min_max(egui::pos2(0.0, 100.0), egui::pos2(500.0, 300.0));
        let axis = BitsAxis::new([Height::Bits(9.0), Height::Float].into_iter(), plot);
        assert_eq!(axis.max, 10.0);
        assert!(axis.y(Height::Float) < axis.y(Height::Bits(10.0)) - 20.0);
        assert_eq!(axis.y(Height::Bits(0.0)), 300.0);
        assert_eq!(axis.marks(), [0, 2, 4, 6, 8, 10]);
        let low = BitsAxis::new([Height::Bits(4.0)].into_iter(), plot);
        assert_eq!((low.max, low.y(Height::Bits(8.0))), (8.0, 100.0));
    }
}
