//! Small parts of this panel: text cut to its width, the colours of a signed change.

use std::sync::Arc;

use egui::epaint::TextShape;
use egui::{Color32, Galley, Pos2, Rgba, Ui};

use crate::ui::colormap::Colormap;
pub use crate::ui::segments::segments_ui as switch_ui;
use crate::ui::theme::Theme;
pub use crate::ui::widgets::{cut_text, paint_text};

/// Paints a galley that reads upwards, its lower left corner at `place`.
pub fn paint_upright_text(ui: &Ui, place: Pos2, galley: Arc<Galley>) {
    let quarter = -std::f32::consts::FRAC_PI_2;
    let shape = TextShape::new(place, galley, Theme::of(ui).text).with_angle(quarter);
    ui.painter().add(shape);
}

/// The colour of a signed change, −1 to 1: away from the background to either side.
pub fn signed_colour(theme: &Theme, change: f32) -> Color32 {
    Colormap::signed(theme.mode()).colour((change + 1.0) / 2.0)
}

/// The colour of a share, 0 to 1.
pub fn share_colour(theme: &Theme, full: Color32, share: f32) -> Color32 {
    mixed(theme.background, full, share)
}

fn mixed(from: Color32, to: Color32, share: f32) -> Color32 {
    from.lerp_to_gamma(to, share.clamp(0.0, 1.0))
}

/// Ink that is read on a fill: whichever of the theme's text and background is further from it.
pub fn ink_on(theme: &Theme, fill: Color32) -> Color32 {
    let luminance = |colour: Color32| Rgba::from(colour).intensity() + 0.05;
    let contrast = |ink: Color32| {
        let (a, b) = (luminance(ink), luminance(fill));
        a.max(b) / a.min(b)
    };
    if contrast(theme.text) >= contrast(theme.background) { theme.text } else { theme.background }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::theme;

    #[test]
    fn no_change_is_the_background_and_ink_is_read_everywhere() {
        for theme in [theme::of(egui::Theme::Dark), theme::of(egui::Theme::Light)] {
            for step in -10..=10i8 {
                let fill = signed_colour(theme, f32::from(step) / 10.0);
                assert_ne!(ink_on(theme, fill), fill);
            }
            assert_ne!(signed_colour(theme, 1.0), signed_colour(theme, -1.0));
        }
    }
}
