//! The embedded fonts: Inter for text, JetBrains Mono for numbers, Material Symbols for icons.

use std::sync::Arc;

use egui::{FontData, FontDefinitions, FontFamily};

const INTER: &[u8] = include_bytes!("../../assets/fonts/Inter-Regular.otf");
const INTER_SEMIBOLD: &[u8] = include_bytes!("../../assets/fonts/Inter-SemiBold.otf");
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
    for (name, data) in
        [("inter", INTER), ("inter-semibold", INTER_SEMIBOLD), ("jetbrains-mono", JETBRAINS_MONO)]
    {
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
    fonts.families.insert(FontFamily::Monospace, family("jetbrains-mono"));
    for insert in icons.families {
        if matches!(insert.family, FontFamily::Name(_)) {
            fonts.families.entry(insert.family).or_default().insert(0, icons_name.clone());
        }
    }
    fonts
}
