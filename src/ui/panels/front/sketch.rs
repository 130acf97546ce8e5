//! What is drawn over the grid of the plot: float's band, the front, every recipe, names.

use egui::{Align2, Color32, Painter, Pos2, Rect, Shape, Stroke, Ui, WidgetInfo, pos2, vec2};
use egui_plot::{PlotPoint, PlotTransform};

use super::marks::{NOW_RADIUS, RADIUS, draw_interval, draw_mark, ink_of, triangle};
use super::recipes::{Recipe, SizeBy, goodness};
use super::{Content, Marked};
use crate::eval::Budget;
use crate::session::Origin;
use crate::ui::labels;
use crate::ui::theme::{self, Theme};

/// How near the pointer must be to a mark.
const REACH: f32 = 11.0;
/// Names drawn at most.
const MAX_LABELS: usize = 30;
/// From the border to marks of what lies beyond it.
const EDGE: f32 = 8.0;

/// Where points lie on the screen.
pub(super) struct Places<'a> {
    pub transform: &'a PlotTransform,
    pub frame: Rect,
    /// Whether what lies beyond the border stands at it.
    pub clamps: bool,
    /// From sizes and worths to what the axes count.
    pub scale: (f64, f64),
}

/// A place, and which way its point lies from it where that is beyond the border.
struct Placed {
    at: Pos2,
    beyond: Option<egui::Vec2>,
}

impl Places<'_> {
    fn point(&self, x: f64, y: f64) -> Pos2 {
        let point = PlotPoint::new(x * self.scale.0, y * self.scale.1);
        self.transform.position_from_point(&point)
    }

    fn placed(&self, x: f64, y: f64) -> Placed {
        let at = self.point(x, y);
        if !self.clamps || self.frame.contains(at) || at.any_nan() {
            return Placed { at, beyond: None };
        }
        let kept = self.frame.shrink(EDGE).clamp(at);
        Placed { at: kept, beyond: Some((at - kept).normalized()) }
    }

    fn of(&self, recipe: &Recipe) -> Placed {
        self.placed(recipe.x, recipe.y.map_or(f64::NAN, |y| y.value))
    }
}

/// The recipe nearest to the pointer, if one is near; of several the one drawn on top.
pub(super) fn nearest<'a, 'b>(
    points: &[&'b Recipe<'a>],
    places: &Places,
    pointer: Pos2,
) -> Option<&'b Recipe<'a>> {
    let away = |recipe: &Recipe| places.of(recipe).at.distance(pointer);
    let nearest = points.iter().rev().min_by(|a, b| away(a).total_cmp(&away(b)))?;
    (away(nearest) <= REACH).then_some(*nearest)
}

pub(super) struct Sketch<'a, 'b> {
    pub content: &'b Content<'a>,
    pub points: &'b [&'b Recipe<'a>],
    pub places: Places<'b>,
    pub marked: Marked,
    pub hovered: Option<&'b Recipe<'a>>,
}

/// A name waiting for a place.
struct Name {
    at: Pos2,
    reach: f32,
    text: String,
    ink: Color32,
    rank: u8,
}

impl Sketch<'_, '_> {
    pub fn draw(&self, ui: &Ui) {
        let theme = Theme::of(ui);
        let frame = self.places.frame;
        let painter = ui.painter().with_clip_rect(frame.intersect(ui.clip_rect()));
        self.draw_float(&painter, theme);
        self.draw_budget(&painter, theme);
        self.draw_front(&painter, theme);
        for recipe in self.points {
            self.draw_recipe(ui, &painter, recipe);
        }
        self.draw_now(&painter, theme);
        self.draw_names(&painter, theme);
    }

    /// The float model: a line over the band of its interval.
    fn draw_float(&self, painter: &Painter, theme: &Theme) {
        let Some(float) = self.content.float else { return };
        let frame = self.places.frame;
        let y = |value: f64| self.places.point(0.0, value).y;
        let (lo, hi) = (y(float.ci95.0), y(float.ci95.1));
        let band = Rect::from_x_y_ranges(frame.x_range(), lo.min(hi)..=lo.max(hi));
        painter.rect_filled(band.intersect(frame), 0, theme.original.gamma_multiply(0.14));
        painter.hline(frame.x_range(), y(float.value), Stroke::new(1.5, theme.original));
    }

    /// The size that a mix was asked for last.
    fn draw_budget(&self, painter: &Painter, theme: &Theme) {
        let settings = self.content.ctx.session.proposal_settings();
        let x = match (settings.and_then(|settings| settings.budget), self.content.size_by) {
            (Some(Budget::Bytes(bytes)), SizeBy::Bytes) => bytes as f64,
            (Some(Budget::BitsPerWeight(bits)), SizeBy::BitsPerWeight) => bits,
            _ => return,
        };
        let frame = self.places.frame;
        let at = self.places.point(x, 0.0).x;
        if !frame.x_range().contains(at) {
            return;
        }
        let line = [pos2(at, frame.top()), pos2(at, frame.bottom())];
        painter.extend(Shape::dashed_line(&line, Stroke::new(1.5, theme.accent), 6.0, 4.0));
        let text = format!("budget {}", self.content.size_text(x));
        let is_left = at < frame.center().x;
        let (align, gap) =
            if is_left { (Align2::LEFT_BOTTOM, 5.0) } else { (Align2::RIGHT_BOTTOM, -5.0) };
        let place = pos2(at + gap, frame.bottom() - 4.0);
        painter.text(place, align, text, theme::text(11.0), theme.accent);
    }

    /// From each recipe on the front level to the next larger one, and up to it.
    fn draw_front(&self, painter: &Painter, theme: &Theme) {
        let front = self.content.recipes.list.iter().filter(|recipe| recipe.is_front);
        let mut front: Vec<(f64, f64)> =
            front.filter_map(|recipe| Some((recipe.x, recipe.y?.value))).collect();
        front.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut line: Vec<Pos2> = Vec::with_capacity(2 * front.len() + 1);
        for (x, y) in front {
            let at = self.places.point(x, y);
            if let Some(last) = line.last().copied() {
                line.push(pos2(at.x, last.y));
            }
            line.push(at);
        }
        if let Some(last) = line.last().copied() {
            line.push(pos2(self.places.frame.right().max(last.x), last.y));
        }
        painter.add(Shape::line(line, Stroke::new(1.5, theme.rounding)));
    }

    fn draw_recipe(&self, ui: &Ui, painter: &Painter, recipe: &Recipe) {
        let theme = Theme::of(ui);
        let placed = self.places.of(recipe);
        let id = recipe.tried.id;
        if self.marked.picked == Some(id) {
            painter.circle_filled(placed.at, RADIUS + 6.0, theme.selected);
            painter.circle_stroke(placed.at, RADIUS + 6.0, Stroke::new(1.0, theme.accent));
        } else if self.is_hovered(recipe) {
            painter.circle_filled(placed.at, RADIUS + 6.0, theme.hover);
        }
        if self.is_hovered(recipe) || self.marked.picked == Some(id) {
            self.draw_interval_of(painter, recipe, ink_of(recipe, theme));
        }
        match placed.beyond {
            Some(towards) => {
                painter.add(triangle(placed.at, towards, ink_of(recipe, theme)));
            }
            None => draw_mark(painter, recipe, placed.at, theme),
        }
        if !self.places.frame.contains(placed.at) {
            return;
        }
        let area = Rect::from_center_size(placed.at, vec2(8.0, 8.0));
        let response = ui.interact(area, ui.scope_id().with(("recipe", id)), egui::Sense::hover());
        response.widget_info(|| {
            let y = recipe.y.map_or(f64::NAN, |y| y.value);
            let (size, worth) = (self.content.size_text(recipe.x), self.content.text.value(y));
            let name = format!("{}: {size}, {worth}", self.content.labels.of(recipe.tried));
            WidgetInfo::labeled(egui::Role::Label, true, name)
        });
    }

    fn draw_interval_of(&self, painter: &Painter, recipe: &Recipe, ink: Color32) {
        let Some(y) = recipe.y else { return };
        let ends = [y.ci95.0, y.ci95.1].map(|end| self.places.point(recipe.x, end).y);
        draw_interval(painter, self.places.of(recipe).at.x, ends, Stroke::new(1.0, ink));
    }

    fn is_hovered(&self, recipe: &Recipe) -> bool {
        let in_plot = self.hovered.map(|hovered| hovered.tried.id);
        in_plot.or(self.marked.hovered) == Some(recipe.tried.id)
    }

    /// The present recipe: large, with its interval.
    fn draw_now(&self, painter: &Painter, theme: &Theme) {
        let Some(now) = self.content.now else { return };
        let placed = self.places.placed(now.x, now.y.value);
        let ends = [now.y.ci95.0, now.y.ci95.1].map(|end| self.places.point(now.x, end).y);
        draw_interval(painter, placed.at.x, ends, Stroke::new(2.0, theme.accent));
        match (placed.beyond, now.is_whole) {
            (Some(towards), _) => drop(painter.add(triangle(placed.at, towards, theme.accent))),
            (None, true) => {
                painter.circle_filled(placed.at, NOW_RADIUS, theme.accent);
                let ring = Stroke::new(1.0, theme.background);
                painter.circle_stroke(placed.at, NOW_RADIUS + 0.5, ring);
            }
            // As far as it is measured.
            (None, false) => {
                let stroke = Stroke::new(2.0, theme.accent);
                painter.circle(placed.at, NOW_RADIUS - 1.0, theme.background, stroke);
            }
        }
    }

    /// Those first in line first.
    fn names(&self, theme: &Theme) -> Vec<Name> {
        let content = self.content;
        let mut names = Vec::new();
        if let Some(now) = content.now {
            let worth = content.text.value(now.y.value);
            let rest = if now.is_whole { "" } else { ", running" };
            let text = format!("now: {worth}, {}{rest}", content.size_text(now.x));
            let at = self.places.placed(now.x, now.y.value).at;
            names.push(Name { at, reach: 12.0, text, ink: theme.accent, rank: 0 });
        }
        for recipe in self.points.iter().rev() {
            let tried = recipe.tried;
            let is_hovered = self.is_hovered(recipe);
            let is_picked = self.marked.picked == Some(tried.id);
            let is_named = tried.is_pinned || tried.name.is_some();
            let rank = match recipe {
                _ if is_hovered => 1,
                _ if is_picked => 2,
                _ if is_named => 3,
                _ if tried.origin == Origin::Uniform => 4,
                _ => continue,
            };
            // The present one has a name of its own.
            if content.recipes.is_present(recipe) && !is_named && !is_hovered {
                continue;
            }
            let placed = self.places.of(recipe);
            let name = content.labels.short(tried);
            let text = match (placed.beyond, recipe.y) {
                (Some(_), Some(y)) => format!("{name}: {}", content.text.value(y.value)),
                _ => name,
            };
            let ink = match rank {
                1 | 2 => theme.text,
                4 => theme.quantized,
                _ => theme.label,
            };
            names.push(Name { at: placed.at, reach: 10.0, text, ink, rank });
        }
        names.sort_by_key(|name| name.rank);
        names
    }

    fn draw_names(&self, painter: &Painter, theme: &Theme) {
        let frame = self.places.frame.shrink2(vec2(4.0, 3.0));
        let taken = self.points.iter().map(|recipe| {
            Rect::from_center_size(self.places.of(recipe).at, vec2(1.6, 1.6) * RADIUS)
        });
        let mut taken: Vec<Rect> = taken.collect();
        taken.extend(self.float_name_ui(painter, theme));
        let names = self.names(theme);
        let galleys: Vec<_> = names
            .iter()
            .map(|name| {
                let font = if name.rank == 0 { theme::title(12.0) } else { theme::text(11.0) };
                let room = 0.6 * frame.width();
                crate::ui::short_name::fitted(painter, &name.text, (font, name.ink), room)
            })
            .collect();
        let wanted: Vec<_> = names
            .iter()
            .zip(&galleys)
            .map(|(name, galley)| (name.at, name.reach, galley.size()))
            .collect();
        let places = labels::place(&wanted, &taken, frame);
        let placed = galleys.into_iter().zip(&names).zip(places);
        for ((galley, name), place) in placed.take(MAX_LABELS) {
            // The present one is told wherever it stands.
            let place = place.or_else(|| (name.rank == 0).then(|| beside(name, &galley, frame)));
            let Some(place) = place else { continue };
            let ground = theme.background.gamma_multiply(0.8);
            painter.rect_filled(place.expand(1.0), 2, ground);
            painter.galley(place.min, galley, name.ink);
        }
    }

    /// What the line and the band are; where it stands.
    fn float_name_ui(&self, painter: &Painter, theme: &Theme) -> Option<Rect> {
        let float = self.content.float?;
        let frame = self.places.frame;
        let value = self.content.text.value(float.value);
        let bytes = self.content.recipes.list.last()?.tried.size.float_bytes;
        let size = crate::base::bytes(bytes);
        let whole = format!("float {value}, {size} · band: its 95 % interval");
        let short = format!("float {value}");
        let lay_out = |text: String| painter.layout_no_wrap(text, theme::text(11.0), theme.label);
        let mut galley = lay_out(whole);
        if galley.size().x > 0.55 * frame.width() {
            galley = lay_out(short);
        }
        // At the worse end of the band, away from the front.
        let is_up = goodness(self.content.recipes.metric, self.content.worth_by) > 0.0;
        let worse = if is_up { float.ci95.0 } else { float.ci95.1 };
        let (line, end) = (self.places.point(0.0, float.value).y, self.places.point(0.0, worse).y);
        let height = galley.size().y;
        let fits = (end - line).abs() > height + 6.0;
        let top = match (end > line, fits) {
            (true, true) => end - height - 2.0,
            (true, false) => end + 2.0,
            (false, true) => end + 2.0,
            (false, false) => end - height - 2.0,
        };
        let place = pos2(frame.right() - galley.size().x - 6.0, top);
        let rect = Rect::from_min_size(place, galley.size());
        if !frame.contains_rect(rect) {
            return None;
        }
        painter.galley(place, galley, theme.label);
        Some(rect.expand(2.0))
    }
}

/// Right below its mark, or above it, within the frame.
fn beside(name: &Name, galley: &egui::Galley, frame: Rect) -> Rect {
    let size = galley.size();
    let below = name.at.y + name.reach + size.y < frame.bottom();
    let offset = name.reach + size.y / 2.0;
    let y = if below { name.at.y + offset } else { name.at.y - offset };
    let half = size.x / 2.0;
    let x = name.at.x.clamp(frame.left() + half, (frame.right() - half).max(frame.left() + half));
    Rect::from_center_size(pos2(x, y), size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_in_the_frame() {
        let frame = Rect::from_min_size(pos2(0.0, 0.0), vec2(100.0, 60.0));
        let ctx = egui::Context::default();
        let mut found = None;
        let _ = ctx.run_ui(egui::RawInput::default(), |ui| {
            let galley = ui.painter().layout_no_wrap(
                "now".to_owned(),
                egui::FontId::default(),
                Color32::WHITE,
            );
            let name = Name {
                at: pos2(99.0, 59.0),
                reach: 8.0,
                text: "now".to_owned(),
                ink: Color32::WHITE,
                rank: 0,
            };
            found = Some(beside(&name, &galley, frame));
        });
        assert!(frame.contains_rect(found.unwrap()));
    }
}
