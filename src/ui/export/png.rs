//! A panel's shapes as PNG: text laid out anew for the scale, then painted on the processor.

use std::path::Path;
use std::sync::Arc;

use egui::epaint::{ClippedShape, TextShape};
use egui::{RawInput, Shape, ViewportId, pos2};

use super::{ExportError, PanelPicture};
use crate::ui::raster::Raster;
use crate::ui::theme;

/// Pixels a point.
pub const PNG_SCALE: f32 = 2.0;
/// The most pixels on a side.
const MAX_SIDE: usize = 16_384;

pub(super) fn png_of(picture: &PanelPicture, path: &Path) -> Result<Vec<u8>, ExportError> {
    let pixels = |points: f32| (points * PNG_SCALE).round().max(0.0) as usize;
    let (width, height) = (pixels(picture.size.x), pixels(picture.size.y));
    if width == 0 || height == 0 || width.max(height) > MAX_SIDE {
        let path = path.to_owned();
        return Err(ExportError::TooLarge { path, width, height, max: MAX_SIDE });
    }
    let rgba = painted(picture, width, height);
    encoded(width, height, &rgba).map_err(|error| ExportError::Write {
        path: path.to_owned(),
        source: std::io::Error::other(error),
    })
}

fn painted(picture: &PanelPicture, width: usize, height: usize) -> Vec<u8> {
    let ctx = egui::Context::default();
    theme::install(&ctx);
    let rect = egui::Rect::from_min_size(pos2(0.0, 0.0), picture.size);
    let mut input =
        RawInput { screen_rect: Some(rect), max_texture_side: Some(8192), ..RawInput::default() };
    input.viewports.entry(ViewportId::ROOT).or_default().native_pixels_per_point = Some(PNG_SCALE);
    let mut shapes = picture.shapes.clone();
    let output = ctx.run_ui(input, |ui| {
        let lay_out = |text: &TextShape| {
            ui.ctx().fonts_mut(|fonts| fonts.layout_job((*text.galley.job).clone()))
        };
        shapes.iter_mut().for_each(|clipped| lay_out_anew(&mut clipped.shape, &lay_out));
    });
    let mut raster = Raster::default();
    raster.update(&output.textures_delta);
    for (id, kept) in picture.textures.iter() {
        raster.insert(id, (*kept.image).clone(), kept.filter);
    }
    shapes.retain(|clipped: &ClippedShape| !matches!(clipped.shape, Shape::Noop));
    let primitives = ctx.tessellate(shapes, PNG_SCALE);
    raster.paint(&primitives, (width, height), PNG_SCALE, picture.background).rgba_bytes()
}

/// Glyphs are pixels of a size: every text gets those of this scale, in the same place.
fn lay_out_anew(shape: &mut Shape, lay_out: &dyn Fn(&TextShape) -> Arc<egui::Galley>) {
    match shape {
        Shape::Vec(shapes) => shapes.iter_mut().for_each(|shape| lay_out_anew(shape, lay_out)),
        Shape::Text(text) => {
            let galley = lay_out(text);
            // Text that was set to the right or the middle stays there, to a fraction of a point.
            if text.angle == 0.0 {
                text.pos +=
                    (text.galley.rect.center() - galley.rect.center()) * egui::vec2(1.0, 0.0);
            }
            text.galley = galley;
        }
        _ => {}
    }
}

/// Rows of `RGBA` as a PNG file.
pub(super) fn encoded(
    width: usize,
    height: usize,
    rgba: &[u8],
) -> Result<Vec<u8>, png::EncodingError> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width as u32, height as u32);
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(rgba)?;
    writer.finish()?;
    Ok(bytes)
}
