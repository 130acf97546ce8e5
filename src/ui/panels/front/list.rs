//! The list: a row a recipe, ordered by any column.

use egui::{Align2, Rect, ScrollArea, Sense, Ui, WidgetInfo, pos2, vec2};
use egui_material_icons::icons;

use super::detail::{age_of, bits_text, hover_ui};
use super::marks::{NOW_RADIUS, draw_mark};
use super::recipes::{Filter, Order, Recipe, SortKey, origin_name};
use super::{Content, Deed, Marked};
use crate::base::bytes;
use crate::eval::{Estimate, Metric};
use crate::session::Command;
use crate::ui::accuracy_text::MetricText;
use crate::ui::focus_ring::scroll_to_focus;
use crate::ui::short_name::fitted;
use crate::ui::theme::{self, Theme};
use crate::ui::widgets::icon_at;

const ROW_HEIGHT: f32 = theme::TABLE_ROW_HEIGHT;
const MARK_WIDTH: f32 = 30.0;
const MIN_NAME_WIDTH: f32 = 104.0;
/// Wider, and figures stand too far from their names.
const MAX_NAME_WIDTH: f32 = 420.0;

/// Beside mark and name, the most needed first; where room is short the last yield.
const BY_NEED: [SortKey; 7] = [
    SortKey::Metric,
    SortKey::Size,
    SortKey::Critical,
    SortKey::Pinned,
    SortKey::Bits,
    SortKey::When,
    SortKey::Origin,
];

/// From left to right.
const IN_ORDER: [SortKey; 7] = [
    SortKey::Size,
    SortKey::Bits,
    SortKey::Metric,
    SortKey::Critical,
    SortKey::Origin,
    SortKey::When,
    SortKey::Pinned,
];

fn width_of(key: SortKey) -> f32 {
    match key {
        SortKey::Name => MIN_NAME_WIDTH,
        SortKey::Size => 72.0,
        SortKey::Bits => 74.0,
        SortKey::Metric => 104.0,
        SortKey::Critical => 104.0,
        SortKey::Origin => 72.0,
        SortKey::When => 98.0,
        SortKey::Pinned => 40.0,
    }
}

fn title_of(key: SortKey, content: &Content) -> &'static str {
    match key {
        SortKey::Name => "Recipe",
        SortKey::Size => "Size",
        SortKey::Bits => "Bits / w.",
        SortKey::Metric => match content.recipes.metric {
            Metric::Top1 => "Top-1, %",
            Metric::Perplexity => "Perplexity",
            Metric::Agreement => "Same, %",
        },
        SortKey::Critical => "Recall, %",
        SortKey::Origin => "Made",
        SortKey::When => "Measured",
        SortKey::Pinned => "Pin",
    }
}

fn help_of(key: SortKey) -> &'static str {
    match key {
        SortKey::Name => "Its name, or what it is in a few words",
        SortKey::Size => "The model stored with codes, scales and zero points",
        SortKey::Bits => "Over the quantized layers: codes and everything needed to decode them",
        SortKey::Metric => "Of the quantized model, with half of its 95 % interval",
        SortKey::Critical => "Recall of the class that counts, with half of its 95 % interval",
        SortKey::Origin => "One setting for every layer, by hand, or proposed",
        SortKey::When => "When it was first measured",
        SortKey::Pinned => "What is pinned is kept, and named in the plot",
    }
}

/// What is in the room, from left to right; the name takes what is left.
struct Columns {
    list: Vec<(SortKey, Rect)>,
    name: Rect,
}

impl Columns {
    fn new(row: Rect, has_critical: bool) -> Self {
        let mut room = row.width() - MARK_WIDTH - MIN_NAME_WIDTH - theme::PANEL_MARGIN;
        let mut shown: Vec<SortKey> = Vec::new();
        for key in BY_NEED.into_iter().filter(|key| *key != SortKey::Critical || has_critical) {
            if width_of(key) > room {
                break;
            }
            room -= width_of(key);
            shown.push(key);
        }
        let name_width = (MIN_NAME_WIDTH + room.max(0.0)).min(MAX_NAME_WIDTH);
        let left = row.left() + MARK_WIDTH;
        let name = Rect::from_x_y_ranges(left..=left + name_width, row.y_range());
        let mut x = name.right();
        let mut list = Vec::new();
        for key in IN_ORDER.into_iter().filter(|key| shown.contains(key)) {
            let rect = Rect::from_x_y_ranges(x..=x + width_of(key), row.y_range());
            x = rect.right();
            list.push((key, rect));
        }
        Self { list, name }
    }
}

/// Draws the list; what was done, and which row is pointed at.
pub(super) fn list_ui(
    ui: &mut Ui,
    content: &Content,
    (filter, order): (Filter, &mut Order),
    marked: Marked,
) -> (Option<Deed>, Option<u64>) {
    ui.spacing_mut().item_spacing.y = 0.0;
    heads_ui(ui, content, order);
    let rows = content.recipes.rows(filter, *order, content.labels);
    if rows.is_empty() {
        let hint = match filter {
            Filter::Pinned => "Pin a recipe with its pin, and it stays.",
            _ => "None of the recipes measured.",
        };
        crate::ui::state_view::empty_ui(ui, "Nothing listed", hint);
        return (None, None);
    }
    let (mut deed, mut hovered) = (None, None);
    let area = ScrollArea::vertical().auto_shrink(false);
    area.show_rows(ui, ROW_HEIGHT, rows.len(), |ui, range| {
        scroll_to_focus(ui);
        for place in range {
            let recipe = rows.get(place).and_then(|&idx| content.recipes.list.get(idx));
            let Some(recipe) = recipe else { continue };
            let (done, is_hovered) = row_ui(ui, content, recipe, marked);
            deed = deed.or(done);
            if is_hovered {
                hovered = Some(recipe.tried.id);
            }
        }
    });
    (deed, hovered)
}

fn has_critical(content: &Content) -> bool {
    content.ctx.session.critical_class().is_some()
}

fn heads_ui(ui: &mut Ui, content: &Content, order: &mut Order) {
    let theme = Theme::of(ui);
    let size = vec2(ui.available_width(), ROW_HEIGHT);
    let (rect, _) = ui.allocate_exact_size(size, Sense::hover());
    let columns = Columns::new(rect, has_critical(content));
    let heads = std::iter::once((SortKey::Name, columns.name)).chain(columns.list);
    for (key, rect) in heads {
        let title = title_of(key, content);
        let response = ui.interact(rect, ui.scope_id().with(("head", title)), Sense::click());
        let is_ordered = order.key == key;
        let name = format!("Order recipes by {title}");
        response.widget_info(|| WidgetInfo::selected(egui::Role::Button, true, is_ordered, &name));
        if response.hovered() {
            ui.painter().rect_filled(rect.shrink2(vec2(1.0, 3.0)), 3, theme.hover);
        }
        let ink = if is_ordered { theme.text } else { theme.label };
        let is_text = key == SortKey::Name;
        let (align, x) = match is_text {
            true => (Align2::LEFT_CENTER, rect.left()),
            false => (Align2::RIGHT_CENTER, rect.right() - 14.0),
        };
        let at = pos2(x, rect.center().y);
        let drawn = ui.painter().text(at, align, title, theme::text(12.0), ink);
        if is_ordered {
            let icon = match order.largest_first {
                true => icons::ICON_ARROW_DOWNWARD,
                false => icons::ICON_ARROW_UPWARD,
            };
            let at = pos2(drawn.right() + 7.0, rect.center().y);
            icon_at(ui, at, icon.rich_text().size(12.0).color(theme.accent));
        }
        if response.on_hover_text(help_of(key)).clicked() {
            *order = order.clicked(key);
        }
    }
    let line = egui::Stroke::new(1.0, theme.line);
    ui.painter().hline(rect.x_range(), rect.bottom() - 0.5, line);
}

/// A row: what was done, and whether it is pointed at.
fn row_ui(ui: &mut Ui, content: &Content, recipe: &Recipe, marked: Marked) -> (Option<Deed>, bool) {
    let theme = Theme::of(ui);
    let id = recipe.tried.id;
    let (_, rect) = ui.allocate_space(vec2(ui.available_width(), ROW_HEIGHT));
    let response = ui.interact(rect, ui.scope_id().with(("recipe", id)), Sense::click());
    let is_picked = marked.picked == Some(id);
    let label = content.labels.of(recipe.tried);
    let estimate = recipe.figures.accuracy.estimate;
    let text = MetricText::up_to(recipe.figures.accuracy.metric, estimate.value);
    response.widget_info(|| {
        let size = bytes(recipe.tried.size.quantized_bytes);
        let name = format!("Recipe {label}, {size}, {}", text.value(estimate.value));
        WidgetInfo::selected(egui::Role::Button, true, is_picked, name)
    });
    let fill = match marked {
        _ if is_picked => theme.selected,
        Marked { hovered: Some(hovered), .. } if hovered == id => theme.hover,
        _ if response.hovered() => theme.hover,
        _ => theme.panel,
    };
    ui.painter().rect_filled(rect, 0, fill);
    let columns = Columns::new(rect, has_critical(content));
    let at = pos2(rect.left() + 16.0, rect.center().y);
    let is_present = content.recipes.is_present(recipe);
    if is_present {
        ui.painter().circle_filled(at, NOW_RADIUS - 1.0, theme.accent);
    } else {
        draw_mark(ui.painter(), recipe, at, theme);
    }
    let ink = if is_present { theme.accent } else { theme.text };
    let (font, room) = (theme::text(12.0), columns.name.width() - 8.0);
    let galley = fitted(ui.painter(), &label, (font, ink), room);
    let place = pos2(columns.name.left(), rect.center().y - galley.size().y / 2.0);
    ui.painter().galley(place, galley, ink);
    for (key, place) in columns.list {
        cell_ui(ui, content, recipe, (key, place));
    }
    let is_hovered = response.hovered();
    let deed = match (response.double_clicked(), response.clicked()) {
        (true, _) => Some(Deed::Restore(id)),
        // Enter on the row that is picked already.
        (_, true) if is_picked && response.has_focus() && is_by_key(ui) => Some(Deed::Restore(id)),
        (_, true) => Some(Deed::Pick(id)),
        _ => None,
    };
    response.on_hover_ui(|ui| hover_ui(ui, content, recipe));
    (deed, is_hovered)
}

fn is_by_key(ui: &Ui) -> bool {
    ui.input(|input| input.key_pressed(egui::Key::Enter))
}

fn cell_ui(ui: &mut Ui, content: &Content, recipe: &Recipe, (key, rect): (SortKey, Rect)) {
    let theme = Theme::of(ui);
    let right = pos2(rect.right() - 14.0, rect.center().y);
    let number = |text: &str| {
        ui.painter().text(right, Align2::RIGHT_CENTER, text, theme::mono(12.0), theme.text);
    };
    let word = |text: &str| {
        ui.painter().text(right, Align2::RIGHT_CENTER, text, theme::text(12.0), theme.label);
    };
    let accuracy = recipe.figures.accuracy;
    match key {
        SortKey::Name => {}
        SortKey::Size => number(&bytes(recipe.tried.size.quantized_bytes)),
        SortKey::Bits => number(&bits_text(recipe)),
        SortKey::Metric => {
            let text = MetricText::up_to(accuracy.metric, accuracy.estimate.value);
            estimate_ui(ui, right, (text, accuracy.estimate));
        }
        SortKey::Critical => match recipe.critical {
            Some(recall) => {
                let text = MetricText::up_to(Metric::Top1, 1.0);
                estimate_ui(ui, right, (text, recall));
            }
            None => word("–"),
        },
        SortKey::Origin => word(origin_name(recipe.tried.origin)),
        SortKey::When => word(&age_of(recipe.tried.when)),
        SortKey::Pinned => pin_ui(ui, content, recipe, rect),
    }
}

/// The value and half of its interval.
fn estimate_ui(ui: &Ui, right: egui::Pos2, (text, estimate): (MetricText, Estimate)) {
    let theme = Theme::of(ui);
    let reach = text.reach(estimate);
    let painter = ui.painter();
    let drawn = painter.text(right, Align2::RIGHT_CENTER, reach, theme::mono(11.0), theme.hint);
    let place = pos2(drawn.left() - 4.0, right.y);
    let value = text.end(estimate.value);
    painter.text(place, Align2::RIGHT_CENTER, value, theme::mono(12.0), theme.text);
}

fn pin_ui(ui: &mut Ui, content: &Content, recipe: &Recipe, rect: Rect) {
    let theme = Theme::of(ui);
    let tried = recipe.tried;
    let place = Rect::from_center_size(rect.center(), vec2(22.0, 22.0));
    let response = ui.interact(place, ui.scope_id().with(("pin", tried.id)), Sense::click());
    let verb = if tried.is_pinned { "Unpin" } else { "Pin" };
    let name = format!("{verb} {}", content.labels.of(tried));
    response.widget_info(|| WidgetInfo::selected(egui::Role::Button, true, tried.is_pinned, &name));
    let ink = match (tried.is_pinned, response.hovered() || response.has_focus()) {
        (true, _) => theme.accent,
        (_, true) => theme.text,
        _ => theme.hint.gamma_multiply(0.4),
    };
    icon_at(ui, place.center(), icons::ICON_KEEP.rich_text().size(14.0).color(ink));
    if response.on_hover_text("What is pinned is kept, and named in the plot").clicked() {
        content.ctx.send(Command::PinTried { id: tried.id, pin: !tried.is_pinned });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_fit_the_room() {
        for width in [240.0, 400.0, 620.0, 900.0, 1600.0] {
            let row = Rect::from_min_size(pos2(10.0, 0.0), vec2(width, ROW_HEIGHT));
            let columns = Columns::new(row, true);
            assert!(columns.name.width() >= MIN_NAME_WIDTH, "{width}");
            let last = columns.list.last().map_or(columns.name.right(), |(_, rect)| rect.right());
            assert!(last <= row.right(), "{width}");
        }
        let row = Rect::from_min_size(pos2(0.0, 0.0), vec2(900.0, ROW_HEIGHT));
        let has = |critical| {
            let columns = Columns::new(row, critical);
            columns.list.iter().any(|(key, _)| *key == SortKey::Critical)
        };
        assert!(has(true) && !has(false));
    }
}
