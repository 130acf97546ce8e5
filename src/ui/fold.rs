//! A line that shows or hides what is below it.

use egui::{Align2, Sense, Ui, WidgetInfo, pos2, vec2};
use egui_material_icons::icons;

use super::theme::{self, Theme};
use super::widgets::icon_at;

const HEIGHT: f32 = 24.0;

/// Name, and what is hidden; a click shows it or hides it again.
pub fn fold_ui(ui: &mut Ui, (name, hidden): (&str, &str), is_unfolded: &mut bool) {
    let theme = Theme::of(ui);
    let size = vec2(ui.available_width(), HEIGHT);
    let (rect, response) = ui.allocate_exact_size(size, Sense::click());
    let response = response.on_hover_cursor(egui::CursorIcon::PointingHand);
    if response.clicked() {
        *is_unfolded = !*is_unfolded;
    }
    response.widget_info(|| WidgetInfo::selected(egui::Role::Button, true, *is_unfolded, name));
    let ink = if response.hovered() { theme.text } else { theme.label };
    let icon = if *is_unfolded { icons::ICON_EXPAND_MORE } else { icons::ICON_CHEVRON_RIGHT };
    icon_at(ui, pos2(rect.left() + 8.0, rect.center().y), icon.rich_text().color(ink));
    let painter = ui.painter().with_clip_rect(rect);
    let text = painter.text(
        pos2(rect.left() + 20.0, rect.center().y),
        Align2::LEFT_CENTER,
        name,
        theme::text(12.0),
        ink,
    );
    if !*is_unfolded {
        let mut job = egui::text::LayoutJob::simple_singleline(
            hidden.to_owned(),
            theme::text(11.0),
            theme.hint,
        );
        let room = rect.right() - text.right() - 12.0;
        job.wrap = egui::text::TextWrapping::truncate_at_width(room.max(8.0));
        let galley = painter.layout_job(job);
        let size = galley.size();
        painter.galley(
            pos2(rect.right() - size.x, rect.center().y - size.y / 2.0),
            galley,
            theme.hint,
        );
    }
    if response.has_focus() {
        let stroke = egui::Stroke::new(1.0, theme.accent);
        ui.painter().rect_stroke(rect, 3, stroke, egui::StrokeKind::Inside);
    }
}
