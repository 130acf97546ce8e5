//! The embedded fonts: Inter for text, JetBrains Mono for numbers, Material Symbols for icons. The
//! raised digits of powers are Inter's beside both, so that 10⁻³⁵ reads as one; as the first font of
//! the mono family they also give it the line of Inter, so that numbers stand on that of their labels.

use std::sync::Arc;

use egui::{FontData, FontDefinitions, FontFamily};

const INTER: &[u8] = include_bytes!("../../assets/fonts/Inter-Regular.otf");
const INTER_SEMIBOLD: &[u8] = include_bytes!("../../assets/fonts/Inter-SemiBold.otf");
/// The digits and the minus of powers alone, cut out of Inter-Regular.
const INTER_SUPERSCRIPTS: &[u8] = include_bytes!("../../assets/fonts/Inter-Superscripts.otf");
const JETBRAINS_MONO: &[u8] = include_bytes!("../../assets/fonts/JetBrainsMono-Regular.ttf");

/// The family of titles.
pub fn semibold() -> FontFamily {
    FontFamily::Name("semibold".into())
}

/// All fonts and the order in which a family looks for a glyph.
pub fn definitions() -> FontDefinitions {
    let mut fonts = FontDefinitions::default();
    let icons = egui_material_icons::font_insert();
    let icons_name = icons.name.clone();
    fonts.font_data.insert(icons_name.clone(), Arc::new(icons.data));
    for (name, data) in [
        ("inter", INTER),
        ("inter-semibold", INTER_SEMIBOLD),
        ("inter-superscripts", INTER_SUPERSCRIPTS),
        ("jetbrains-mono", JETBRAINS_MONO),
    ] {
        fonts.font_data.insert(name.to_owned(), Arc::new(FontData::from_static(data)));
    }
    let fallback = fonts.families.get(&FontFamily::Proportional).cloned().unwrap_or_default();
    let family = |first: &str| {
        let mut names = vec![first.to_owned(), icons_name.clone()];
        names.extend(["inter".to_owned(), "jetbrains-mono".to_owned()]);
        names.extend(fallback.iter().cloned());
        names
    };
    fonts.families.insert(FontFamily::Proportional, family("inter"));
    fonts.families.insert(semibold(), family("inter-semibold"));
    let mut mono = family("jetbrains-mono");
    mono.insert(0, "inter-superscripts".to_owned());
    fonts.families.insert(FontFamily::Monospace, mono);
    for insert in icons.families {
        if matches!(insert.family, FontFamily::Name(_)) {
            fonts.families.entry(insert.family).or_default().insert(0, icons_name.clone());
        }
    }
    fonts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mono_numbers_stand_on_the_line_of_their_labels_and_powers_are_narrow() {
        let ctx = egui::Context::default();
        ctx.set_fonts(definitions());
        // Fonts are there from the second frame on.
        for _ in 0..2 {
            let _ = ctx.run_ui(egui::RawInput::default(), |_| {});
        }
        let galley = |text: &str, size: f32, family: FontFamily| {
            let font = egui::FontId::new(size, family);
            ctx.fonts_mut(|fonts| fonts.layout_no_wrap(text.to_owned(), font, egui::Color32::WHITE))
        };
        for size in [11.0, 12.0, 13.0, 14.0, 22.0] {
            let baseline = |family: FontFamily| {
                let galley = galley("8x", size, family);
                (galley.rows[0].row.glyphs[0].pos.y, galley.size().y)
            };
            let (text, mono) =
                (baseline(FontFamily::Proportional), baseline(FontFamily::Monospace));
            assert_eq!(text, mono, "at {size}");
        }
        let power = galley("⁻³⁵", 12.0, FontFamily::Monospace).size().x;
        assert!(power < 16.0, "{power} points wide");
    }
}
