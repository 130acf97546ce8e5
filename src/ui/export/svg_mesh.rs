//! Triangles as SVG: pictures as embedded PNG, the rest as paths in the mean colour of the corners.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use egui::epaint::{Mesh, Vertex, WHITE_UV};
use egui::{Color32, Pos2, Rect, Rgba, TextureFilter, TextureId};

use super::png::encoded;
use super::svg::{Svg, fill, number, rect_attributes};

pub(super) fn mesh(svg: &mut Svg, mesh: &Mesh) {
    if mesh.texture_id != TextureId::default()
        && let Some((rect, uv)) = upright_picture(mesh)
    {
        return image(svg, mesh.texture_id, rect, uv);
    }
    // Neighbours of one colour become one path; drawn without smoothing they leave no seams.
    let mut open: Option<(Color32, String)> = None;
    svg.body.push_str("<g shape-rendering=\"crispEdges\">\n");
    for corners in mesh.indices.as_chunks::<3>().0 {
        let vertex = |idx: u32| mesh.vertices.get(idx as usize).copied();
        let [Some(a), Some(b), Some(c)] = corners.map(vertex) else { continue };
        let colour = mean_colour(svg, mesh.texture_id, [a, b, c]);
        let data = [a, b, c].map(|v| format!("{} {}", number(v.pos.x), number(v.pos.y)));
        let data = format!("M{}L{}L{}Z", data[0], data[1], data[2]);
        match &mut open {
            Some((same, path)) if *same == colour => path.push_str(&data),
            other => {
                if let Some((colour, path)) = other.replace((colour, data)) {
                    svg.element("path", &format!("d=\"{path}\""), &fill(colour));
                }
            }
        }
    }
    if let Some((colour, path)) = open {
        svg.element("path", &format!("d=\"{path}\""), &fill(colour));
    }
    svg.body.push_str("</g>\n");
}

/// Where a mesh of two triangles shows an upright part of a texture unchanged.
fn upright_picture(mesh: &Mesh) -> Option<(Rect, Rect)> {
    let [a, b, c, d] = mesh.vertices.as_slice() else { return None };
    let corners = [a, b, c, d];
    if mesh.indices.len() != 6 || corners.iter().any(|v| v.color != Color32::WHITE) {
        return None;
    }
    let rect = Rect::from_points(&corners.map(|v| v.pos));
    let uv = Rect::from_points(&corners.map(|v| v.uv));
    let at = |of: Rect, place: Pos2| {
        let part = (place - of.min) / of.size();
        (part.x > 0.5, part.y > 0.5)
    };
    let upright = corners.iter().all(|v| {
        let on_edge = |of: Rect, p: Pos2| {
            (p.x == of.left() || p.x == of.right()) && (p.y == of.top() || p.y == of.bottom())
        };
        on_edge(rect, v.pos) && on_edge(uv, v.uv) && at(rect, v.pos) == at(uv, v.uv)
    });
    upright.then_some((rect, uv))
}

/// A part of a texture as a picture inside the document.
pub(super) fn image(svg: &mut Svg, id: TextureId, rect: Rect, uv: Rect) {
    let Some(kept) = svg.textures.get(id) else { return };
    let [width, height] = kept.image.size;
    let pixel = |part: f32, side: usize| ((part * side as f32).round().max(0.0) as usize).min(side);
    let (left, right) = (pixel(uv.left(), width), pixel(uv.right(), width));
    let (top, bottom) = (pixel(uv.top(), height), pixel(uv.bottom(), height));
    if right <= left || bottom <= top {
        return;
    }
    let image = &kept.image;
    let rgba: Vec<u8> = (top..bottom)
        .flat_map(|y| (left..right).map(move |x| (x, y)))
        .flat_map(|place| image[place].to_srgba_unmultiplied())
        .collect();
    let Ok(png) = encoded(right - left, bottom - top, &rgba) else { return };
    let style = match kept.filter {
        TextureFilter::Nearest => " style=\"image-rendering:pixelated\"",
        TextureFilter::Linear => "",
    };
    let _ = writeln!(
        svg.body,
        "<image {} preserveAspectRatio=\"none\"{style} href=\"data:image/png;base64,{}\"/>",
        rect_attributes(rect),
        STANDARD.encode(png)
    );
}

fn mean_colour(svg: &Svg, texture: TextureId, corners: [Vertex; 3]) -> Color32 {
    let sum = corners.iter().map(|v| Rgba::from(v.color)).fold(Rgba::TRANSPARENT, |a, b| a + b);
    let mean = Color32::from(sum * (1.0 / 3.0));
    let middle = corners.iter().map(|v| v.uv.to_vec2()).fold(egui::Vec2::ZERO, |a, b| a + b) / 3.0;
    let texel = svg.textures.get(texture).filter(|_| middle != WHITE_UV.to_vec2()).map(|kept| {
        let [width, height] = kept.image.size;
        let place =
            |part: f32, side: usize| ((part * side as f32) as usize).min(side.saturating_sub(1));
        kept.image[(place(middle.x, width), place(middle.y, height))]
    });
    texel.map_or(mean, |texel| mean * texel)
}
