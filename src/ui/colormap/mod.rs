//! Numbers as colours: the colour maps of the window, in both themes, and the ink that is
//! readable on them. Zero lies near the background, and every map is monotonous in lightness (the
//! signed one on each side of zero), so that it reads without colour vision too.

mod tables;

use egui::Color32;

use tables::{BERLIN, OSLO, VIK};

/// How a number from 0 to 1 becomes a colour.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Colormap {
    table: &'static [u32; 256],
    order: Order,
    shape: Shape,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Order {
    Forward,
    Reversed,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Shape {
    Linear,
    /// Few things differ from none as clearly as many from more.
    SquareRoot,
}

impl Colormap {
    /// How many: 0 is none, 1 the most; square-root scaled.
    pub fn density(theme: egui::Theme) -> Self {
        Self { table: &OSLO, order: towards_background(theme), shape: Shape::SquareRoot }
    }

    /// How much, in equal steps: 0 is nothing, 1 the most.
    pub fn sequential(theme: egui::Theme) -> Self {
        Self { shape: Shape::Linear, ..Self::density(theme) }
    }

    /// A change with its sign: 0 is the most negative, ½ is zero, 1 the most positive.
    pub fn signed(theme: egui::Theme) -> Self {
        let table = match theme {
            egui::Theme::Dark => &BERLIN,
            egui::Theme::Light => &VIK,
        };
        Self { table, order: Order::Forward, shape: Shape::Linear }
    }

    /// The colour of a fraction; what lies outside 0 to 1 has the colour of the nearer end, and
    /// what is no number that of 0.
    pub fn colour(self, fraction: f32) -> Color32 {
        let shaped = match self.shape {
            Shape::Linear => fraction,
            Shape::SquareRoot => fraction.max(0.0).sqrt(),
        };
        // As cast to an integer, NaN is 0.
        let place = (shaped.clamp(0.0, 1.0) * 255.0).round() as usize;
        let place = match self.order {
            Order::Forward => place,
            Order::Reversed => 255 - place,
        };
        let [_, r, g, b] = self.table[place.min(255)].to_be_bytes();
        Color32::from_rgb(r, g, b)
    }

    /// The colours of 256 equal steps of the fraction, for pictures with many pixels.
    pub fn palette(self) -> [Color32; 256] {
        std::array::from_fn(|step| self.colour(step as f32 / 255.0))
    }
}

/// The maps run from dark to light: in the light theme the other way round.
fn towards_background(theme: egui::Theme) -> Order {
    match theme {
        egui::Theme::Dark => Order::Forward,
        egui::Theme::Light => Order::Reversed,
    }
}

/// Black or white, whichever has the higher contrast on `fill` by relative luminance (WCAG 2).
pub fn ink_on(fill: Color32) -> Color32 {
    // Above √(1.05 · 0.05) − 0.05 black has the higher contrast.
    if luminance(fill) > 0.179 { Color32::from_gray(12) } else { Color32::from_gray(244) }
}

/// `0.2126·R + 0.7152·G + 0.0722·B` of the linear components, 0 to 1.
fn luminance(colour: Color32) -> f32 {
    let linear = |component: u8| {
        let c = f32::from(component) / 255.0;
        if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * linear(colour.r()) + 0.7152 * linear(colour.g()) + 0.0722 * linear(colour.b())
}

#[cfg(test)]
mod tests {
    use super::*;
    use egui::Theme::{Dark, Light};

    #[test]
    fn ends_and_middle_are_those_of_the_tables() {
        for (name, found, wanted) in [
            ("none, dark", Colormap::density(Dark).colour(0.0), 0x01_0101),
            ("none, light", Colormap::density(Light).colour(0.0), 0xff_ffff),
            ("most, dark", Colormap::density(Dark).colour(1.0), 0xff_ffff),
            ("beyond", Colormap::density(Dark).colour(7.0), 0xff_ffff),
            ("no number", Colormap::density(Dark).colour(f32::NAN), 0x01_0101),
            ("negative", Colormap::signed(Dark).colour(-1.0), BERLIN[0]),
            ("a quarter, rooted", Colormap::density(Dark).colour(0.25), OSLO[128]),
            ("a quarter", Colormap::sequential(Dark).colour(0.25), OSLO[64]),
            ("zero", Colormap::signed(Light).colour(0.5), VIK[128]),
        ] {
            let [_, r, g, b] = u32::to_be_bytes(wanted);
            assert_eq!(found, Color32::from_rgb(r, g, b), "{name}");
        }
    }

    /// Lightness orders the values: the pictures read in grey as well.
    #[test]
    fn sequential_maps_are_monotonous_in_luminance() {
        for (name, map) in
            [("density", Colormap::density(Dark)), ("sequential", Colormap::sequential(Dark))]
        {
            let steps = map.palette().map(luminance);
            assert!(steps.windows(2).all(|w| w[1] >= w[0] - 0.004), "{name}");
        }
        let steps = Colormap::signed(Light).palette().map(luminance);
        assert!(steps[..127].windows(2).all(|w| w[1] >= w[0] - 0.004), "below zero");
        assert!(steps[129..].windows(2).all(|w| w[1] <= w[0] + 0.004), "above zero");
    }

    #[test]
    fn ink_has_contrast_on_every_colour() {
        for theme in [Dark, Light] {
            for map in [Colormap::density(theme), Colormap::signed(theme)] {
                for fill in map.palette() {
                    let (a, b) = (luminance(fill), luminance(ink_on(fill)));
                    let contrast = (a.max(b) + 0.05) / (a.min(b) + 0.05);
                    assert!(contrast > 3.9, "{fill:?} {contrast}");
                }
            }
        }
    }
}
