//! What stands for a recipe: its shape tells where it came from, colour and size whether it is on the
//! front or present.

use egui::{Color32, Painter, Pos2, Rect, Shape, Stroke, Ui, pos2, vec2};

use super::Content;
use super::recipes::Recipe;
use crate::session::Origin;
use crate::ui::theme::Theme;
use crate::ui::widgets::legend_entry_ui;

pub(super) const RADIUS: f32 = 4.0;
/// Of the present one.
pub(super) const NOW_RADIUS: f32 = 6.0;

/// Draws a recipe's mark.
pub(super) fn draw_mark(painter: &Painter, recipe: &Recipe, at: Pos2, theme: &Theme) {
    let ink = ink_of(recipe, theme);
    match recipe.tried.origin {
        Origin::Uniform => drop(painter.rect_filled(square(at), 0, ink)),
        Origin::Proposed => drop(painter.add(triangle(at, vec2(0.0, -1.0), ink))),
        Origin::ByHand if recipe.is_front => drop(painter.circle_filled(at, RADIUS, ink)),
        Origin::ByHand => drop(painter.circle_stroke(at, RADIUS - 0.5, Stroke::new(1.0, ink))),
    }
    if recipe.is_front && recipe.tried.origin != Origin::ByHand {
        painter.circle_filled(at, 1.6, theme.background);
    }
    if recipe.tried.is_pinned {
        painter.circle_stroke(at, RADIUS + 3.5, Stroke::new(1.5, theme.text));
    }
}

pub(super) fn ink_of(recipe: &Recipe, theme: &Theme) -> Color32 {
    match recipe.tried.origin {
        Origin::Uniform => theme.quantized,
        Origin::Proposed => theme.clipping,
        Origin::ByHand if recipe.is_front => theme.rounding,
        Origin::ByHand => theme.original,
    }
}

fn square(at: Pos2) -> Rect {
    Rect::from_center_size(at, vec2(1.8, 1.8) * RADIUS)
}

/// With its point in that direction, a unit vector.
pub(super) fn triangle(at: Pos2, towards: egui::Vec2, ink: Color32) -> Shape {
    let across = vec2(-towards.y, towards.x) * RADIUS * 1.05;
    let points = vec![
        at + towards * RADIUS * 1.15,
        at - towards * RADIUS * 0.85 + across,
        at - towards * RADIUS * 0.85 - across,
    ];
    Shape::convex_polygon(points, ink, Stroke::NONE)
}

/// What the marks stand for.
pub(super) fn legend_ui(ui: &mut Ui, content: &Content) {
    let theme = Theme::of(ui);
    let has = |wanted: fn(&Recipe) -> bool| content.recipes.list.iter().any(wanted);
    ui.spacing_mut().item_spacing = vec2(10.0, 0.0);
    if has(|recipe| recipe.tried.origin == Origin::ByHand) {
        let help = "Made by hand: every recipe that was measured on these samples";
        legend_entry_ui(ui, ("tried", help), |painter, rect| {
            painter.circle_stroke(rect.center(), RADIUS - 0.5, Stroke::new(1.0, theme.original));
        });
    }
    let help = "The Pareto front: no recipe is as small and better; marks on it are filled, squares and triangles on it have a hole. Of these recipes on these samples; intervals that overlap are not told apart";
    legend_entry_ui(ui, ("front", help), |painter, rect| {
        let y = rect.center().y;
        painter.hline(rect.x_range(), y, Stroke::new(1.5, theme.rounding));
        painter.circle_filled(rect.center(), RADIUS - 0.5, theme.rounding);
    });
    if has(|recipe| recipe.tried.origin == Origin::Uniform) {
        let help = "One setting for every layer";
        legend_entry_ui(ui, ("uniform", help), |painter, rect| {
            painter.rect_filled(square(rect.center()), 0, theme.quantized);
        });
    }
    if has(|recipe| recipe.tried.origin == Origin::Proposed) {
        let help = "A mix that was proposed for a size or an accuracy";
        legend_entry_ui(ui, ("proposed", help), |painter, rect| {
            painter.add(triangle(rect.center(), vec2(0.0, -1.0), theme.clipping));
        });
    }
    if has(|recipe| recipe.tried.is_pinned) {
        legend_entry_ui(ui, ("pinned", "Kept and named in the plot"), |painter, rect| {
            painter.circle_stroke(rect.center(), 5.5, Stroke::new(1.5, theme.text));
        });
    }
    let help = "The present recipe with its 95 % interval";
    legend_entry_ui(ui, ("now", help), |painter, rect| {
        painter.circle_filled(rect.center(), 5.0, theme.accent);
    });
}

/// An interval as a bar with ends.
pub(super) fn draw_interval(painter: &Painter, x: f32, ends: [f32; 2], stroke: Stroke) {
    painter.vline(x, ends[0].min(ends[1])..=ends[0].max(ends[1]), stroke);
    for y in ends {
        painter.line_segment([pos2(x - 4.0, y), pos2(x + 4.0, y)], stroke);
    }
}
