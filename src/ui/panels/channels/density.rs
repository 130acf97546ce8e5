//! The weights of every channel by value: a heat map, or ridges one behind the other.

use std::sync::Arc;

use egui::epaint::{Mesh, Vertex, WHITE_UV};
use egui::{
    Color32, ColorImage, Pos2, Rect, Shape, Stroke, TextureHandle, TextureOptions, Ui, pos2,
};

use super::columns::Sketch;
use crate::session::{ChannelPicture, Density, Loaded};
use crate::ui::colormap::Colormap;
use crate::ui::panel::PanelCtx;

/// How densities are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DensityView {
    HeatMap,
    Ridge,
}

/// The textures of the densities: of the whole, and of the few rows in view.
#[derive(Default)]
pub(super) struct DensityTextures {
    whole: Option<Kept>,
    detail: Option<Kept>,
}

struct Kept {
    /// Where the density lay that the texture shows: another answer lies elsewhere while this one is
    /// held.
    of: Shown,
    theme: egui::Theme,
    n_rows: usize,
    texture: TextureHandle,
}

/// Holds what a texture was made from, so that its address is not used again.
#[derive(Clone)]
enum Shown {
    Whole(Arc<ChannelPicture>),
    Detail(Arc<Density>),
}

impl Shown {
    fn density(&self) -> &Density {
        match self {
            Self::Whole(picture) => &picture.density,
            Self::Detail(density) => density,
        }
    }

    fn is_same(&self, other: &Self) -> bool {
        std::ptr::eq(self.density(), other.density())
    }
}

/// Rows of their own that are asked for at once.
const MAX_DETAIL_ROWS: usize = 2048;

/// The places of the rows that are to be had one by one: those in view and some beside, if the
/// whole shows several in one row. Steps are coarse, so that moving asks rarely.
fn detail_places(sketch: &Sketch) -> Option<std::ops::Range<usize>> {
    let n_listed = sketch.picture.listed.len();
    let in_view = sketch.layout.window.places(sketch.layout.n_rows);
    if sketch.picture.density.n_rows == n_listed || in_view.len() > MAX_DETAIL_ROWS / 2 {
        return None;
    }
    let step = (in_view.len() / 2).max(1).next_power_of_two();
    let start = in_view.start / step * step;
    let end = in_view.end.div_ceil(step) * step;
    Some(start..end.min(n_listed).min(start + MAX_DETAIL_ROWS))
}

impl DensityTextures {
    /// Draws the rows in view.
    pub fn draw(&mut self, ui: &Ui, ctx: &PanelCtx, sketch: &Sketch, view: DensityView) {
        let picture = sketch.picture;
        let n_listed = picture.listed.len();
        let detail = detail_places(sketch).and_then(|places| {
            let members: Arc<[u32]> = picture.listed.get(places.clone())?.into();
            match ctx.session.channel_density(members) {
                Loaded::Ready(density) => Some((density, places)),
                _ => None,
            }
        });
        match view {
            DensityView::HeatMap => {
                let whole = Shown::Whole(Arc::clone(picture));
                let n_pixels = n_pixels(sketch, n_listed);
                let kept = texture(ui, &mut self.whole, whole, n_pixels);
                heat_map(ui, sketch, kept, 0..n_listed);
                if let Some((density, places)) = detail {
                    let shown = Shown::Detail(density);
                    let n_pixels = self::n_pixels(sketch, places.len());
                    let kept = texture(ui, &mut self.detail, shown, n_pixels);
                    heat_map(ui, sketch, kept, places);
                }
            }
            DensityView::Ridge => match detail {
                Some((density, places)) => ridges(sketch, &density, places),
                None => ridges(sketch, &picture.density, 0..n_listed),
            },
        }
    }
}

/// Pixels of the screen that so many rows are high.
fn n_pixels(sketch: &Sketch, n_rows: usize) -> usize {
    let layout = sketch.layout;
    (layout.row_height * n_rows as f32 * layout.pixels_per_point).round().max(1.0) as usize
}

/// The texture of a density, made once an answer, theme and number of rows: no more than pixels of
/// the screen, since of two rows in one pixel only one would be seen.
fn texture<'a>(ui: &Ui, kept: &'a mut Option<Kept>, shown: Shown, n_pixels: usize) -> &'a Kept {
    let theme = ui.ctx().theme();
    let n_rows = shown.density().n_rows.min(n_pixels.max(1));
    let is_kept =
        |kept: &Kept| kept.of.is_same(&shown) && kept.theme == theme && kept.n_rows == n_rows;
    if !kept.as_ref().is_some_and(is_kept) {
        *kept = None;
    }
    kept.get_or_insert_with(|| {
        let density = shown.density();
        let map = Colormap::density(theme);
        let ground = Color32::TRANSPARENT;
        let shared = density.n_rows.div_ceil(n_rows.max(1));
        let colours = (0..n_rows).flat_map(|row_idx| {
            let start = row_idx * density.n_rows / n_rows;
            let counts = mean_row(density, start..(start + shared).min(density.n_rows));
            counts.into_iter().map(|count| count_colour(map, count / density.limit, ground))
        });
        let size = [density.bins.n_bins, n_rows];
        let image = ColorImage::new(size, colours.collect());
        let texture = ui.ctx().load_texture("densities", image, TextureOptions::NEAREST);
        Kept { of: shown, theme, n_rows, texture }
    })
}

/// The least fraction with a colour of its own: what is there stands out from what is not.
const LEAST_SHOWN: f32 = 0.015;

/// The colour of a share of the highest count; none shows the ground.
pub(super) fn count_colour(map: Colormap, fraction: f32, ground: Color32) -> Color32 {
    if fraction > 0.0 { map.colour(fraction.max(LEAST_SHOWN)) } else { ground }
}

fn heat_map(ui: &Ui, sketch: &Sketch, kept: &Kept, places: std::ops::Range<usize>) {
    let density = kept.of.density();
    if density.n_rows == 0 {
        return;
    }
    let axis = &sketch.axes.density;
    let rect = Rect::from_min_max(
        pos2(axis.x(density.bins.lo), sketch.layout.y(places.start as f64)),
        pos2(axis.x(density.bins.hi()), sketch.layout.y(places.end as f64)),
    );
    let in_view = sketch.columns.density.with_max_y(sketch.layout.top + sketch.layout.height);
    let painter = ui.painter().with_clip_rect(in_view.intersect(ui.clip_rect()));
    let stroke = Stroke::new(1.0, sketch.theme.line_strong);
    let frame = in_view.intersect(sketch.columns.density);
    ui.painter().rect_stroke(frame, 0, stroke, egui::StrokeKind::Outside);
    let everything = Rect::from_min_max(Pos2::ZERO, pos2(1.0, 1.0));
    painter.image(kept.texture.id(), rect, everything, Color32::WHITE);
}

/// Points between the feet of two ridges at least, and their height in such distances.
const MIN_PITCH: f32 = 5.0;
const RIDGE_HEIGHT: f32 = 3.0;

/// A line a channel, or the mean of a few; those further down stand in front.
fn ridges(sketch: &Sketch, density: &Density, places: std::ops::Range<usize>) {
    let layout = sketch.layout;
    let column = sketch.columns.density;
    let rows_a_place = density.n_rows as f64 / places.len().max(1) as f64;
    let in_view = layout.window.places(layout.n_rows);
    let n_ridges = in_view.len().min((layout.height / MIN_PITCH) as usize).max(1);
    let pitch = layout.height / n_ridges as f32;
    let painter = sketch.painter.with_clip_rect(
        column.with_max_y(layout.top + layout.height + 1.0).with_min_y(column.top()),
    );
    let height = (pitch * RIDGE_HEIGHT).clamp(10.0, 56.0);
    for ridge_idx in 0..n_ridges {
        let place = |idx: usize| in_view.start + idx * in_view.len() / n_ridges;
        let members = place(ridge_idx)..place(ridge_idx + 1);
        let row =
            |place: usize| (place.saturating_sub(places.start) as f64 * rows_a_place) as usize;
        let rows = row(members.start)..row(members.end).max(row(members.start) + 1);
        let is_selected = sketch.selected.is_some_and(|selected| {
            let listed = sketch.picture.listed.get(members).unwrap_or_default();
            listed.iter().any(|&idx| idx as usize == selected)
        });
        let foot = layout.top + (ridge_idx as f32 + 1.0) * pitch - 1.0;
        let heights = mean_row(density, rows);
        let points: Vec<Pos2> = heights
            .iter()
            .enumerate()
            .map(|(bin_idx, count)| {
                let value = density.bins.lo + (bin_idx as f64 + 0.5) * density.bins.width;
                let fraction = (count / density.limit).min(1.2);
                pos2(sketch.axes.density.x(value), foot - fraction * height)
            })
            .collect();
        let theme = sketch.theme;
        painter.add(fill_under(&points, foot, theme.background));
        let colour = if is_selected { theme.accent } else { theme.original };
        painter.line(points, Stroke::new(1.0, colour));
    }
}

fn mean_row(density: &Density, rows: std::ops::Range<usize>) -> Vec<f32> {
    let n_rows = rows.len().max(1) as f32;
    let mut mean = vec![0.0; density.bins.n_bins];
    for row_idx in rows {
        for (sum, count) in mean.iter_mut().zip(density.row(row_idx)) {
            *sum += count / n_rows;
        }
    }
    mean
}

/// The area between a line and its foot, as strips.
fn fill_under(points: &[Pos2], foot: f32, colour: Color32) -> Shape {
    let mut mesh = Mesh::default();
    for point in points {
        for pos in [*point, pos2(point.x, foot)] {
            mesh.vertices.push(Vertex { pos, uv: WHITE_UV, color: colour });
        }
    }
    for strip_idx in 1..points.len() as u32 {
        let corner = 2 * strip_idx;
        mesh.add_triangle(corner - 2, corner - 1, corner);
        mesh.add_triangle(corner - 1, corner, corner + 1);
    }
    Shape::mesh(mesh)
}
