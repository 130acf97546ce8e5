//! Paints egui's triangles on the processor: for pictures without a display or a graphics card.
//!
//! The same input gives the same bytes. Colours are premultiplied and blended in gamma space, as
//! egui's own painters do.

use std::collections::HashMap;

use egui::epaint::{ClippedPrimitive, ImageData, ImageDelta, Mesh, Primitive, Vertex};
use egui::{Color32, ColorImage, Rect, TextureFilter, TextureId, TexturesDelta};

/// The textures of a context, and a canvas to paint on.
#[derive(Default)]
pub struct Raster {
    textures: HashMap<TextureId, Texture>,
}

struct Texture {
    image: ColorImage,
    filter: TextureFilter,
}

/// A painted picture: rows of `RGBA`, opaque.
pub struct Canvas {
    pub width: usize,
    pub height: usize,
    pixels: Vec<Color32>,
}

impl Canvas {
    pub fn rgba_bytes(&self) -> Vec<u8> {
        self.pixels.iter().flat_map(Color32::to_array).collect()
    }
}

impl Raster {
    /// Takes in new and changed textures.
    pub fn update(&mut self, delta: &TexturesDelta) {
        for (&id, changes) in &delta.set {
            for change in changes {
                self.set(id, change);
            }
        }
    }

    /// Adds a whole texture.
    pub fn insert(&mut self, id: TextureId, image: ColorImage, filter: TextureFilter) {
        self.textures.insert(id, Texture { image, filter });
    }

    fn set(&mut self, id: TextureId, delta: &ImageDelta) {
        let ImageData::Color(image) = &delta.image;
        let filter = delta.options.magnification;
        match (delta.pos, self.textures.get_mut(&id)) {
            (Some([left, top]), Some(texture)) => {
                let [width, height] = image.size;
                for row in 0..height {
                    for column in 0..width {
                        texture.image[(left + column, top + row)] = image[(column, row)];
                    }
                }
            }
            _ => {
                self.textures.insert(id, Texture { image: (**image).clone(), filter });
            }
        }
    }

    /// Paints primitives over a background of one colour.
    pub fn paint(
        &self,
        primitives: &[ClippedPrimitive],
        (width, height): (usize, usize),
        pixels_per_point: f32,
        background: Color32,
    ) -> Canvas {
        let mut canvas = Canvas { width, height, pixels: vec![background; width * height] };
        for ClippedPrimitive { clip_rect, primitive } in primitives {
            let Primitive::Mesh(mesh) = primitive else {
                continue;
            };
            let Some(texture) = self.textures.get(&mesh.texture_id) else {
                continue;
            };
            let clip = Rect::from_min_max(
                clip_rect.min * pixels_per_point,
                clip_rect.max * pixels_per_point,
            );
            canvas.paint_mesh(mesh, texture, clip, pixels_per_point);
        }
        canvas
    }
}

/// The pixels that a clip rectangle leaves open: from the first to before the last.
#[derive(Clone, Copy)]
struct Window {
    left: i32,
    top: i32,
    right: i32,
    bottom: i32,
}

impl Canvas {
    fn paint_mesh(&mut self, mesh: &Mesh, texture: &Texture, clip: Rect, pixels_per_point: f32) {
        let window = Window {
            left: (clip.left().round() as i32).max(0),
            top: (clip.top().round() as i32).max(0),
            right: (clip.right().round() as i32).min(self.width as i32),
            bottom: (clip.bottom().round() as i32).min(self.height as i32),
        };
        for corners in mesh.indices.as_chunks::<3>().0 {
            let corners = corners.map(|idx| {
                let mut vertex = mesh.vertices[idx as usize];
                vertex.pos = (vertex.pos.to_vec2() * pixels_per_point).to_pos2();
                vertex
            });
            self.paint_triangle(corners, texture, window);
        }
    }

    /// Every pixel whose centre lies in the triangle; on a shared edge it belongs to one of the two.
    fn paint_triangle(&mut self, corners: [Vertex; 3], texture: &Texture, window: Window) {
        let [a, mut b, mut c] = corners;
        let mut area = cross(a, b, c.pos.x, c.pos.y);
        if area < 0.0 {
            std::mem::swap(&mut b, &mut c);
            area = -area;
        }
        if area == 0.0 {
            return;
        }
        let xs = [a.pos.x, b.pos.x, c.pos.x];
        let ys = [a.pos.y, b.pos.y, c.pos.y];
        let low =
            |values: [f32; 3]| values.into_iter().fold(f32::INFINITY, f32::min).floor() as i32;
        let high =
            |values: [f32; 3]| values.into_iter().fold(f32::NEG_INFINITY, f32::max).ceil() as i32;
        let is_flat = a.color == b.color && b.color == c.color && a.uv == b.uv && b.uv == c.uv;
        let flat = is_flat.then(|| shade([a, b, c], [1.0, 0.0, 0.0], texture));
        for y in low(ys).max(window.top)..high(ys).min(window.bottom) {
            for x in low(xs).max(window.left)..high(xs).min(window.right) {
                let (px, py) = (x as f32 + 0.5, y as f32 + 0.5);
                let weights = [cross(b, c, px, py), cross(c, a, px, py), cross(a, b, px, py)];
                let edges = [(b, c), (c, a), (a, b)];
                let inside = weights
                    .iter()
                    .zip(edges)
                    .all(|(&w, (from, to))| w > 0.0 || (w == 0.0 && owns_edge(from, to)));
                if !inside {
                    continue;
                }
                let colour =
                    flat.unwrap_or_else(|| shade([a, b, c], weights.map(|w| w / area), texture));
                let pixel = &mut self.pixels[y as usize * self.width + x as usize];
                *pixel = over(colour, *pixel);
            }
        }
    }
}

/// Twice the signed area of the triangle `from`, `to`, `(x, y)`.
fn cross(from: Vertex, to: Vertex, x: f32, y: f32) -> f32 {
    (to.pos.x - from.pos.x) * (y - from.pos.y) - (to.pos.y - from.pos.y) * (x - from.pos.x)
}

/// The top-left rule.
fn owns_edge(from: Vertex, to: Vertex) -> bool {
    let (dx, dy) = (to.pos.x - from.pos.x, to.pos.y - from.pos.y);
    dy < 0.0 || (dy == 0.0 && dx > 0.0)
}

fn shade(corners: [Vertex; 3], weights: [f32; 3], texture: &Texture) -> [f32; 4] {
    let mut colour = [0.0; 4];
    let (mut u, mut v) = (0.0, 0.0);
    for (corner, weight) in corners.iter().zip(weights) {
        u += corner.uv.x * weight;
        v += corner.uv.y * weight;
        for (sum, channel) in colour.iter_mut().zip(corner.color.to_array()) {
            *sum += f32::from(channel) * weight;
        }
    }
    let texel = texture.sample(u, v);
    std::array::from_fn(|channel| colour[channel] * texel[channel] / 255.0)
}

impl Texture {
    fn sample(&self, u: f32, v: f32) -> [f32; 4] {
        let [width, height] = self.image.size;
        let (x, y) = (u * width as f32 - 0.5, v * height as f32 - 0.5);
        let texel = |x: f32, y: f32| {
            let column = (x.max(0.0) as usize).min(width.saturating_sub(1));
            let row = (y.max(0.0) as usize).min(height.saturating_sub(1));
            self.image[(column, row)].to_array().map(f32::from)
        };
        if self.filter == TextureFilter::Nearest {
            return texel((x + 0.5).floor(), (y + 0.5).floor());
        }
        let (left, top) = (x.floor(), y.floor());
        let (fx, fy) = (x - left, y - top);
        let rows = [top, top + 1.0].map(|row| {
            let (a, b) = (texel(left, row), texel(left + 1.0, row));
            std::array::from_fn::<f32, 4, _>(|i| a[i] + (b[i] - a[i]) * fx)
        });
        std::array::from_fn(|i| rows[0][i] + (rows[1][i] - rows[0][i]) * fy)
    }
}

/// Premultiplied source over what is there.
fn over(source: [f32; 4], below: Color32) -> Color32 {
    let keep = 1.0 - source[3] / 255.0;
    let below = below.to_array();
    let mixed: [u8; 4] = std::array::from_fn(|i| {
        (source[i] + f32::from(below[i]) * keep + 0.5).clamp(0.0, 255.0) as u8
    });
    Color32::from_rgba_premultiplied(mixed[0], mixed[1], mixed[2], mixed[3])
}

#[cfg(test)]
mod tests {
    use super::*;
    use egui::{Pos2, pos2};

    fn white() -> Texture {
        Texture { image: ColorImage::filled([1, 1], Color32::WHITE), filter: TextureFilter::Linear }
    }

    #[test]
    fn a_square_of_two_triangles_covers_each_pixel_once() {
        let mut mesh = Mesh::default();
        let half = Color32::from_rgba_premultiplied(128, 0, 0, 128);
        mesh.add_colored_rect(Rect::from_min_max(Pos2::ZERO, pos2(8.0, 8.0)), half);
        let mut canvas = Canvas { width: 10, height: 10, pixels: vec![Color32::BLACK; 100] };
        let clip = Rect::from_min_max(Pos2::ZERO, pos2(10.0, 6.0));
        canvas.paint_mesh(&mesh, &white(), clip, 1.0);
        for (idx, pixel) in canvas.pixels.iter().enumerate() {
            let inside = idx % 10 < 8 && idx / 10 < 6;
            assert_eq!(pixel.r(), if inside { 128 } else { 0 }, "pixel {idx}");
        }
    }
}
