//! What a panel shows as a file: a picture as PNG or SVG, a table as CSV.
//!
//! A picture is made of the very shapes of the frame that is being drawn: [`begin`] before the panel
//! draws, [`Recording::picture_of`] after. So it has the panel's size, theme and state, with no
//! second pass. PNG is painted anew at [`PNG_SCALE`] with text laid out for it; SVG keeps text as
//! text. Popups lie in layers of their own and are not part of it. A [`PanelPicture`] may be sent to
//! another thread, where [`save`] belongs.

mod icon;
mod png;
mod svg;
mod svg_mesh;
mod svg_text;
mod table;
#[cfg(test)]
mod tests;
mod textures;

use std::path::{Path, PathBuf};

use egui::emath::TSTransform;
use egui::epaint::ClippedShape;
use egui::{Color32, LayerId, Rect, Ui, Vec2};

pub use self::png::PNG_SCALE;
pub use self::table::csv;
pub use self::textures::{KeptTextures, TextureKeeper};
use super::theme::Theme;
use crate::base::write_whole;

/// Why nothing was saved.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error("{}: a picture is saved as .png or .svg, the name ends in {found}; change its ending", path.display())]
    UnknownEnding { path: PathBuf, found: String },
    #[error("{}: the picture has {width}×{height} pixels, it can have {max} on a side; make the window smaller", path.display())]
    TooLarge { path: PathBuf, width: usize, height: usize, max: usize },
    #[error("{} cannot be written: {}", path.display(), crate::base::unwritable(source, path))]
    Write { path: PathBuf, source: std::io::Error },
}

/// Lets textures be kept for pictures; to be called once for a context, before any is loaded.
pub fn install(ctx: &egui::Context) {
    ctx.add_plugin(TextureKeeper::default());
}

/// Where in the frame's shapes a panel begins.
#[derive(Clone, Copy, Debug)]
pub struct Recording {
    layer: LayerId,
    n_before: usize,
}

/// Starts to record what is drawn on the layer of `ui`.
pub fn begin(ui: &Ui) -> Recording {
    let layer = ui.layer_id();
    Recording { layer, n_before: n_shapes(ui, layer) }
}

fn n_shapes(ui: &Ui, layer: LayerId) -> usize {
    ui.ctx().graphics(|graphics| graphics.get(layer).map_or(0, |list| list.all_entries().len()))
}

impl Recording {
    /// What was drawn since [`begin`] within `rect`, in points of the screen.
    pub fn picture_of(self, ui: &Ui, rect: Rect) -> PanelPicture {
        let shapes = ui.ctx().graphics(|graphics| match graphics.get(self.layer) {
            Some(list) => list.all_entries().skip(self.n_before).cloned().collect(),
            None => Vec::new(),
        });
        let keeper = ui.ctx().plugin_opt::<TextureKeeper>();
        let textures = keeper.map(|keeper| keeper.lock().textures().clone()).unwrap_or_default();
        PanelPicture::new(shapes, rect, Theme::of(ui).panel, textures)
    }
}

/// Shapes within a rectangle, at the origin.
#[derive(Clone)]
pub struct PanelPicture {
    shapes: Vec<ClippedShape>,
    size: Vec2,
    background: Color32,
    textures: KeptTextures,
}

impl PanelPicture {
    /// Keeps what lies in `rect`.
    pub fn new(
        mut shapes: Vec<ClippedShape>,
        rect: Rect,
        background: Color32,
        textures: KeptTextures,
    ) -> Self {
        let shift = -rect.min.to_vec2();
        shapes.retain_mut(|clipped| {
            let identity = TSTransform::IDENTITY;
            let moved = std::mem::replace(&mut clipped.transform_after_tessellation, identity);
            if moved != identity {
                clipped.shape.transform(moved);
            }
            clipped.clip_rect = clipped.clip_rect.intersect(rect).translate(shift);
            clipped.shape.translate(shift);
            clipped.clip_rect.is_positive()
                && clipped.shape.visual_bounding_rect().intersects(clipped.clip_rect)
        });
        Self { shapes, size: rect.size(), background, textures }
    }

    /// In points.
    pub fn size(&self) -> Vec2 {
        self.size
    }

    pub fn to_svg(&self) -> String {
        svg::svg_of(self)
    }
}

/// Saves a picture as what the path's ending says. The file is complete or it is not there.
///
/// # Errors
/// An ending that is neither `png` nor `svg`, a picture without or with too much area, or a file
/// that cannot be written.
pub fn save(picture: &PanelPicture, path: &Path) -> Result<(), ExportError> {
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
    let bytes = match ending.as_deref() {
        Some("png") => png::png_of(picture, path)?,
        Some("svg") => picture.to_svg().into_bytes(),
        other => {
            let found = other.map_or_else(|| "nothing".to_owned(), |ending| format!(".{ending}"));
            return Err(ExportError::UnknownEnding { path: path.to_owned(), found });
        }
    };
    write_file(path, &bytes)
}

/// Saves a table as made by [`csv()`].
///
/// # Errors
/// The file cannot be written.
pub fn save_table(text: &str, path: &Path) -> Result<(), ExportError> {
    write_file(path, text.as_bytes())
}

/// Whole or not at all, so that nobody finds half of it.
fn write_file(path: &Path, bytes: &[u8]) -> Result<(), ExportError> {
    write_whole(path, |out| out.write_all(bytes))
        .map_err(|source| ExportError::Write { path: path.to_owned(), source })
}
