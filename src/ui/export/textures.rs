//! Keeps the pixels of textures, which a context forgets once its painter has them.

use std::collections::BTreeMap;
use std::sync::Arc;

use egui::epaint::{ImageData, ImageDelta};
use egui::{ColorImage, FullOutput, TextureFilter, TextureId};

/// The images of a context's textures, without the one that holds the glyphs.
#[derive(Clone, Default)]
pub struct KeptTextures(BTreeMap<TextureId, KeptTexture>);

#[derive(Clone)]
pub(super) struct KeptTexture {
    pub image: Arc<ColorImage>,
    pub filter: TextureFilter,
}

impl KeptTextures {
    pub(super) fn get(&self, id: TextureId) -> Option<&KeptTexture> {
        self.0.get(&id)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (TextureId, &KeptTexture)> {
        self.0.iter().map(|(&id, kept)| (id, kept))
    }

    fn apply(&mut self, id: TextureId, delta: &ImageDelta) {
        let ImageData::Color(image) = &delta.image;
        let filter = delta.options.magnification;
        let (Some([left, top]), Some(kept)) = (delta.pos, self.0.get_mut(&id)) else {
            self.0.insert(id, KeptTexture { image: Arc::clone(image), filter });
            return;
        };
        let whole = Arc::make_mut(&mut kept.image);
        let [width, height] = image.size;
        if left + width > whole.size[0] || top + height > whole.size[1] {
            return;
        }
        for row in 0..height {
            for column in 0..width {
                whole[(left + column, top + row)] = image[(column, row)];
            }
        }
    }
}

/// Sees every frame's textures go by. Images are shared, not copied.
#[derive(Default)]
pub struct TextureKeeper {
    textures: KeptTextures,
}

impl TextureKeeper {
    pub fn textures(&self) -> &KeptTextures {
        &self.textures
    }
}

impl egui::Plugin for TextureKeeper {
    fn debug_name(&self) -> &'static str {
        "texture keeper"
    }

    fn output_hook(&mut self, _: &egui::Context, output: &mut FullOutput) {
        for (&id, deltas) in &output.textures_delta.set {
            // The glyphs: laid out anew for a picture.
            if id != TextureId::default() {
                deltas.iter().for_each(|delta| self.textures.apply(id, delta));
            }
        }
        for id in &output.textures_delta.free {
            self.textures.0.remove(id);
        }
    }
}
