//! The sheet on the screen: textures, tile edges, numbers in cells, the selected channel.

use std::sync::Arc;

use egui::epaint::TextShape;
use egui::{
    Align2, Color32, ColorImage, Pos2, Rect, Stroke, StrokeKind, TextureHandle, TextureOptions, Ui,
    pos2,
};

use super::camera::Lens;
use super::tools::direction_name;
use crate::base::{fixed, significant};
use crate::model::Layer;
use crate::session::{CellRegion, PixelKind, Raster, Shown};
use crate::ui::colormap::{Colormap, ink_on};
use crate::ui::short_name::fitted;
use crate::ui::theme::{self, Theme};

/// What is drawn, and through which lens.
pub(super) struct Canvas<'a> {
    pub layer: &'a Layer,
    pub lens: Lens,
    pub whole: &'a Raster,
    pub detail: Option<&'a Raster>,
}

/// The textures of the whole sheet and of the part in detail, made once an answer and theme.
#[derive(Default)]
pub(super) struct Textures {
    whole: Option<Kept>,
    detail: Option<Kept>,
}

struct Kept {
    /// Held, so that no other answer has its address.
    raster: Arc<Raster>,
    theme: egui::Theme,
    texture: TextureHandle,
}

/// Cells from this size on have their number written in them.
const MIN_NUMBERED: egui::Vec2 = egui::vec2(44.0, 16.0);
/// Tiles from this many points on have edges, cells from this many.
const MIN_EDGED_TILE: f32 = 7.0;
const MIN_EDGED_CELL: f32 = 18.0;

/// The colours of what is shown: in the dark theme every one as much lighter than that of the map
/// as sets zero off against the panel; their order in lightness stays.
pub(super) fn palette_of(shown: Shown, mode: egui::Theme) -> [Color32; 256] {
    let map = match shown {
        Shown::Value | Shown::Error => Colormap::signed(mode),
        Shown::Code => Colormap::sequential(mode),
    };
    match mode {
        egui::Theme::Dark => map.palette().map(|colour| screened(colour, ZERO_IN_THE_DARK)),
        egui::Theme::Light => map.palette(),
    }
}

/// What black becomes in the dark theme.
const ZERO_IN_THE_DARK: Color32 = theme::DARK.line;

/// `255 − (255 − a)(255 − b)/255` of each component: never darker than either.
fn screened(a: Color32, b: Color32) -> Color32 {
    let screen = |a: u8, b: u8| {
        let (a, b) = (f32::from(a) / 255.0, f32::from(b) / 255.0);
        (255.0 * (1.0 - (1.0 - a) * (1.0 - b))).round() as u8
    };
    Color32::from_rgb(screen(a.r(), b.r()), screen(a.g(), b.g()), screen(a.b(), b.b()))
}

/// The colour of a fraction; what lies outside 0 to 1 has that of the nearer end.
pub(super) fn colour_in(palette: &[Color32; 256], fraction: f32) -> Color32 {
    palette[(fraction.clamp(0.0, 1.0) * 255.0).round() as usize & 0xff]
}

impl Textures {
    pub fn draw(
        &mut self,
        ui: &Ui,
        canvas: &Canvas,
        whole: &Arc<Raster>,
        detail: Option<&Arc<Raster>>,
    ) {
        let theme = Theme::of(ui);
        let lens = &canvas.lens;
        let sheet_rect = lens.rect(whole.sheet.region()).intersect(lens.view);
        let painter = ui.painter().with_clip_rect(sheet_rect.intersect(ui.clip_rect()));
        painter.rect_filled(sheet_rect, 0, theme.panel);
        let whole = Some(whole);
        for (kept, raster) in [(&mut self.whole, whole), (&mut self.detail, detail)] {
            let Some(raster) = raster else { continue };
            let texture = texture(ui, kept, raster);
            let region = raster.region;
            let [n_across, n_down] = raster.size;
            // The last pixels may stand for cells beyond the edge.
            let covered = CellRegion {
                n_rows: n_down * raster.block.0,
                n_columns: n_across * raster.block.1,
                ..region
            };
            let everything = Rect::from_min_max(Pos2::ZERO, pos2(1.0, 1.0));
            let clip = lens.rect(region).intersect(sheet_rect).intersect(ui.clip_rect());
            let painter = ui.painter().with_clip_rect(clip);
            painter.image(texture.id(), lens.rect(covered), everything, Color32::WHITE);
        }
    }
}

fn texture<'a>(ui: &Ui, kept: &'a mut Option<Kept>, raster: &Arc<Raster>) -> &'a TextureHandle {
    let theme = ui.ctx().theme();
    if !kept.as_ref().is_some_and(|k| Arc::ptr_eq(&k.raster, raster) && k.theme == theme) {
        *kept = None;
    }
    let kept = kept.get_or_insert_with(|| {
        let palette = palette_of(raster.view.shown, theme);
        let missing = missing_colour(Theme::of(ui));
        let pixels = raster.shades.iter().zip(&raster.kinds);
        let colours = pixels.map(|(&shade, kind)| match kind {
            PixelKind::Number => palette[usize::from(shade)],
            PixelKind::NotFinite => missing,
            PixelKind::Gap => Color32::TRANSPARENT,
        });
        let image = ColorImage::new(raster.size, colours.collect());
        let texture = ui.ctx().load_texture("weights", image, TextureOptions::NEAREST);
        Kept { raster: Arc::clone(raster), theme, texture }
    });
    &kept.texture
}

fn name_of(shown: Shown) -> &'static str {
    match shown {
        Shown::Value => "value",
        Shown::Error => "error",
        Shown::Code => "code",
    }
}

/// For NaN and infinite weights: no colour of the maps.
pub(super) fn missing_colour(theme: &Theme) -> Color32 {
    theme.clipping
}

impl Canvas<'_> {
    /// In words, for those who do not see it.
    pub fn description(&self) -> String {
        let region = self.lens.in_view();
        let (down, across) = self.detail.unwrap_or(self.whole).block;
        format!(
            "Heat map of {}, {}, rows {} to {}, columns {} to {}, {down}×{across} weights a pixel; down: {}, across: {}",
            self.layer.weight,
            name_of(self.whole.view.shown),
            region.row,
            region.row + region.n_rows.saturating_sub(1),
            region.column,
            region.column + region.n_columns.saturating_sub(1),
            direction_name(self.layer, &self.whole.sheet, 0),
            direction_name(self.layer, &self.whole.sheet, 1),
        )
    }

    /// The element that a cell shows, and the block it stands for: more than one cell where cells
    /// are smaller than pixels.
    pub fn element_at(&self, (row, column): (usize, usize)) -> Option<(usize, (usize, usize))> {
        if self.lens.block() == (1, 1) {
            return Some((self.whole.sheet.element(row, column)?, (1, 1)));
        }
        let raster = self
            .detail
            .filter(|detail| detail.pixel_of(row, column).is_some())
            .unwrap_or(self.whole);
        Some((raster.element_at(raster.pixel_of(row, column)?)?, raster.block))
    }

    /// Edges, numbers and the selected channel.
    pub fn draw_marks(&self, ui: &Ui, selected: Option<usize>) {
        let theme = Theme::of(ui);
        let sheet = &self.whole.sheet;
        let clip = self.lens.rect(sheet.region()).intersect(self.lens.view);
        let painter = ui.painter().with_clip_rect(clip.expand(2.0).intersect(ui.clip_rect()));
        if let Some((n_rows, n_columns)) = sheet.tile_size() {
            self.edges(&painter, (n_rows, n_columns), MIN_EDGED_TILE, 2.0);
        }
        self.edges(&painter, (1, 1), MIN_EDGED_CELL, 1.0);
        self.numbers(ui);
        let frame = Stroke::new(1.0, theme.line_strong);
        painter.rect_stroke(clip, 0, frame, StrokeKind::Outside);
        let region = selected.and_then(|channel| sheet.channel_region(channel));
        if let Some(region) = region {
            let rect = self.lens.rect(region).expand(1.0);
            painter.rect_stroke(rect, 0, Stroke::new(4.0, theme.background), StrokeKind::Middle);
            painter.rect_stroke(rect, 0, Stroke::new(2.0, theme.accent), StrokeKind::Middle);
        }
        let number_width = self.ticks(ui, 0).x;
        let number_height = self.ticks(ui, 1).y;
        self.titles(ui, egui::vec2(number_width, number_height));
    }

    /// What runs down, upright beside the numbers of the rows, and across, over those of the columns.
    fn titles(&self, ui: &Ui, numbers: egui::Vec2) {
        let theme = Theme::of(ui);
        let view = self.lens.view;
        let galley = |direction: usize, room: f32| {
            let name = direction_name(self.layer, &self.whole.sheet, direction);
            fitted(ui.painter(), &name, (theme::text(12.0), theme.label), room)
        };
        // A narrow sheet leaves room on both sides.
        let across = galley(1, 2.0 * (view.center().x - ui.max_rect().left()));
        let place = pos2(
            view.center().x - across.size().x / 2.0,
            view.top() - 8.0 - numbers.y - across.size().y,
        );
        ui.painter().galley(place, across, theme.label);
        let down = galley(0, self.lens.port_height());
        let place = pos2(
            view.left() - 12.0 - numbers.x - down.size().y,
            view.top() + (view.height().max(down.size().x) + down.size().x) / 2.0,
        );
        let upright = TextShape::new(place, down, theme.label);
        ui.painter().add(upright.with_angle(-std::f32::consts::FRAC_PI_2));
    }

    /// Lines between tiles of so many cells, where these are large enough.
    fn edges(
        &self,
        painter: &egui::Painter,
        (n_rows, n_columns): (usize, usize),
        least: f32,
        width: f32,
    ) {
        let lens = &self.lens;
        let theme_colour = theme::of(painter.ctx().theme()).panel;
        let stroke = Stroke::new(width, theme_colour);
        let in_view = lens.in_view();
        let rect = lens.rect(in_view);
        let (tile_height, tile_width) =
            (lens.cell.y * n_rows as f32, lens.cell.x * n_columns as f32);
        if tile_height.min(tile_width) < least {
            return;
        }
        for row in in_view.row.div_ceil(n_rows)..=(in_view.row + in_view.n_rows) / n_rows {
            painter.hline(rect.x_range(), lens.y((row * n_rows) as f64), stroke);
        }
        let last = (in_view.column + in_view.n_columns) / n_columns;
        for column in in_view.column.div_ceil(n_columns)..=last {
            painter.vline(lens.x((column * n_columns) as f64), rect.y_range(), stroke);
        }
    }

    /// The number of every cell in view, if cells are wide enough.
    fn numbers(&self, ui: &Ui) {
        let lens = &self.lens;
        if lens.cell.x < MIN_NUMBERED.x || lens.cell.y < MIN_NUMBERED.y {
            return;
        }
        let shown = self.whole.view.shown;
        let source = &self.whole.source;
        let (lo, hi, _) = source.scale(shown);
        let palette = palette_of(shown, ui.ctx().theme());
        let painter = ui.painter().with_clip_rect(lens.view.intersect(ui.clip_rect()));
        let in_view = lens.in_view();
        for row in in_view.row..in_view.row + in_view.n_rows {
            for column in in_view.column..in_view.column + in_view.n_columns {
                let Some(element) = self.whole.sheet.element(row, column) else { continue };
                let Some(number) = source.shown(shown, element) else { continue };
                let fill = colour_in(&palette, (number - lo) / (hi - lo));
                let cell = CellRegion { row, column, n_rows: 1, n_columns: 1 };
                let text = number_text(shown, number, lens.cell.x);
                let centre = lens.rect(cell).center();
                painter.text(centre, Align2::CENTER_CENTER, text, theme::mono(11.0), ink_on(fill));
            }
        }
    }

    /// Indices along the outer axis of the rows (0) or columns (1); the most room one takes.
    fn ticks(&self, ui: &Ui, direction: usize) -> egui::Vec2 {
        let theme = Theme::of(ui);
        let lens = &self.lens;
        let sheet = &self.whole.sheet;
        let n_cells = sheet.label_step(direction).max(1);
        let (cell, in_view, least) = match direction {
            0 => (lens.cell.y, (lens.in_view().row, lens.in_view().n_rows), 18.0),
            _ => (lens.cell.x, (lens.in_view().column, lens.in_view().n_columns), 34.0),
        };
        let pitch = cell * n_cells as f32;
        let step = round_index_step(f64::from(least / pitch));
        let first = (in_view.0 / n_cells).div_ceil(step) * step;
        let last = (in_view.0 + in_view.1).div_ceil(n_cells);
        let mut most = egui::Vec2::ZERO;
        for index in (first..last).step_by(step) {
            let middle = (index * n_cells) as f64 + n_cells as f64 / 2.0;
            let text = sheet.label(direction, index);
            let (place, anchor) = match direction {
                0 => (pos2(lens.view.left() - 6.0, lens.y(middle)), Align2::RIGHT_CENTER),
                _ => (pos2(lens.x(middle), lens.view.top() - 4.0), Align2::CENTER_BOTTOM),
            };
            if lens.view.expand(1.0).contains(place.clamp(lens.view.min, lens.view.max))
                && is_beside(lens.view, place, direction)
            {
                let rect = ui.painter().text(place, anchor, text, theme::mono(11.0), theme.label);
                most = most.max(rect.size());
            }
        }
        most
    }
}

/// Whether the mark of a row or column that is cut off by the edge still has its middle in view.
fn is_beside(view: Rect, place: Pos2, direction: usize) -> bool {
    match direction {
        0 => view.y_range().contains(place.y),
        _ => view.x_range().contains(place.x),
    }
}

/// The next of 1, 2, 5 times a power of ten.
fn round_index_step(least: f64) -> usize {
    let least = least.max(1.0);
    let power = 10f64.powf(least.log10().floor());
    let factor = [1.0, 2.0, 5.0].into_iter().find(|factor| factor * power >= least);
    (factor.unwrap_or(10.0) * power).round().max(1.0) as usize
}

/// As many digits as the cell has room for; what is too small for two decimals is about zero.
fn number_text(shown: Shown, number: f32, width: f32) -> String {
    const CHARACTER_WIDTH: f32 = 6.7;
    let number = f64::from(number);
    if shown == Shown::Code {
        return fixed(number, 0);
    }
    let fits = |text: &String| text.chars().count() as f32 * CHARACTER_WIDTH <= width - 4.0;
    let texts = [3, 2, 1].map(|digits| significant(number, digits));
    texts.into_iter().find(fits).unwrap_or_else(|| match number.abs() < 0.005 {
        true => "≈0".to_owned(),
        false => fixed(number, 1),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_fit_their_cells() {
        for (number, width, wanted) in [
            (-0.123_45, 44.0, "−0.12"),
            (-0.123_45, 60.0, "−0.123"),
            (-0.003_3, 50.0, "−0.003"),
            (-0.003_3, 44.0, "≈0"),
            (0.0, 44.0, "0"),
            (12_345.6, 44.0, "12346"),
        ] {
            assert_eq!(number_text(Shown::Value, number, width), wanted, "{number} in {width}");
        }
        assert_eq!(number_text(Shown::Code, -8.0, 44.0), "−8");
    }

    #[test]
    fn index_steps_are_round() {
        for (least, step) in [(0.1, 1), (1.0, 1), (1.2, 2), (3.0, 5), (40.0, 50), (900.0, 1000)] {
            assert_eq!(round_index_step(least), step, "{least}");
        }
    }
}
