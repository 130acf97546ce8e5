//! The row of controls: what A is, holding the present recipe as A, and changing places.

use egui::{Align, Button, Layout, Rect, RichText, ScrollArea, Ui, vec2};
use egui_material_icons::icons;

use crate::base::bytes;
use crate::quant::schemes::int::Int;
use crate::quant::{SchemeChoice, SettingValue};
use crate::session::{Command, RivalChoice, Tried};
use crate::ui::accuracy_text::MetricText;
use crate::ui::panel::PanelCtx;
use crate::ui::theme::{self, Theme};
use crate::ui::widgets::{combo_icon, name_it};

/// Widths that all layers may have.
const UNIFORM_BITS: std::ops::RangeInclusive<i64> = 2..=8;
const MENU_WIDTH: f32 = 300.0;
const MAX_LIST_HEIGHT: f32 = 280.0;
/// Below this width the buttons are icons alone.
const WIDE: f32 = 460.0;

/// The choice of A on the left, what to do with both on the right.
pub(super) fn tools_ui(ui: &mut Ui, ctx: &PanelCtx) {
    let theme = Theme::of(ui);
    let is_wide = ui.available_width() >= WIDE;
    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
        ui.add_space(theme::PANEL_MARGIN);
        let close = Button::new(icons::ICON_CLOSE.rich_text().size(14.0)).frame(false);
        let response = ui.add(close.min_size(vec2(24.0, 24.0)));
        name_it(&response, "Let go of A");
        if response.on_hover_text("Compares nothing any more; the present recipe stays").clicked() {
            ctx.send(Command::SetRival(None));
        }
        let help = "The present recipe becomes A and A the present one, as one step (X)";
        if button_ui(ui, (icons::ICON_SWAP_HORIZ, "Swap", is_wide), help) {
            ctx.send(Command::SwapRival);
        }
        let help = "The present recipe becomes A: what is changed from here on is seen against it (Shift+X)";
        if button_ui(ui, (icons::ICON_KEEP, "Hold", is_wide), help) {
            ctx.send(Command::SetRival(Some(RivalChoice::Present)));
        }
        ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
            ui.add_space(theme::PANEL_MARGIN);
            ui.label(RichText::new("Compare with").color(theme.label));
            let name = ctx.session.rival().map_or("", |rival| rival.name.as_str());
            let width = (ui.available_width() - 8.0).clamp(60.0, 320.0);
            ui.scope(|ui| {
                ui.set_max_width(width);
                let text = format!("A: {name}");
                // The room of the arrow, which is drawn as on every list.
                let button = Button::new(text.as_str()).truncate().right_text("   ");
                let menu = egui::containers::menu::MenuButton::from_button(button);
                let (response, _) = menu.ui(ui, |ui| choices_ui(ui, ctx));
                let place = response.rect.right_center() - vec2(14.0, 0.0);
                let arrow = Rect::from_center_size(place, vec2(14.0, 14.0));
                combo_icon(ui, arrow, ui.style().interact(&response), false);
                name_it(&response, "Choose A");
                response.on_hover_text(format!("{text}. A click chooses another"));
            });
        });
    });
}

fn button_ui(
    ui: &mut Ui,
    (icon, name, is_wide): (egui_material_icons::MaterialIcon, &str, bool),
    help: &str,
) -> bool {
    let icon = icon.rich_text().size(15.0);
    let button = if is_wide { Button::new((icon, name)) } else { Button::new(icon) };
    let response = ui.add(button.min_size(vec2(24.0, theme::CONTROL_HEIGHT)));
    name_it(&response, name);
    response.on_hover_text(help).clicked()
}

/// Everything that A can be.
pub(super) fn choices_ui(ui: &mut Ui, ctx: &PanelCtx) {
    ui.set_width(MENU_WIDTH);
    let choose = |ui: &Ui, choice: RivalChoice| {
        ctx.send(Command::SetRival(Some(choice)));
        ui.close();
    };
    if ui.button("Float").on_hover_text("The model as it is without quantizing").clicked() {
        choose(ui, RivalChoice::Float);
    }
    let help = "What is changed from here on is seen against it";
    if ui.button("Present as it is now").on_hover_text(help).clicked() {
        choose(ui, RivalChoice::Present);
    }
    ui.separator();
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = 4.0;
        ui.label(RichText::new("int everywhere").color(Theme::of(ui).label));
        for bits in UNIFORM_BITS {
            let response = ui.button(bits.to_string());
            name_it(&response, &format!("int {bits} everywhere"));
            let help = format!("Every layer but embeddings at int, {bits} bits");
            if response.on_hover_text(help).clicked()
                && let Ok(uniform) = SchemeChoice::new(&Int).with("bits", SettingValue::Int(bits))
            {
                choose(ui, RivalChoice::Everywhere(uniform));
            }
        }
    });
    ui.separator();
    if let Some(id) = tried_ui(ui, ctx) {
        choose(ui, RivalChoice::Tried(id));
    }
}

/// The recipes that were measured: those with a name or a pin first, then the newest.
fn tried_ui(ui: &mut Ui, ctx: &PanelCtx) -> Option<u64> {
    let theme = Theme::of(ui);
    let mut tried: Vec<&Tried> = ctx.session.tried().iter().map(|tried| &**tried).collect();
    let text = match tried.len() {
        0 => "Recipes that were measured will stand here".to_owned(),
        n => format!("Recipes tried: {n}"),
    };
    ui.label(RichText::new(text).color(theme.label));
    tried.reverse();
    tried.sort_by_key(|tried| tried.name.is_none() && !tried.is_pinned);
    let mut chosen = None;
    let height = (ui.ctx().content_rect().height() * 0.4).clamp(96.0, MAX_LIST_HEIGHT);
    let row_height = theme::TABLE_ROW_HEIGHT;
    ui.spacing_mut().item_spacing.y = 0.0;
    let list = ScrollArea::vertical().max_height(height);
    list.show_rows(ui, row_height, tried.len(), |ui, rows| {
        for tried in tried.get(rows).unwrap_or_default() {
            let figures = figures_text(ctx, tried);
            let label = tried.label();
            let button = Button::new(label.as_str()).truncate().frame_when_inactive(false);
            let button = button.right_text(RichText::new(&figures).font(theme::mono(11.0)));
            let response = ui.add_sized([MENU_WIDTH - 12.0, row_height], button);
            name_it(&response, &format!("Tried: {label}"));
            if response.on_hover_text(format!("{label}\n{figures}")).clicked() {
                chosen = Some(tried.id);
            }
        }
    });
    chosen
}

/// `47.2 kB · 84.8 %`.
fn figures_text(ctx: &PanelCtx, tried: &Tried) -> String {
    let size = bytes(tried.size.quantized_bytes);
    match ctx.session.tried_figures(tried) {
        Some(figures) => {
            let accuracy = figures.accuracy;
            let text = MetricText::fitting(accuracy.metric, [Some(accuracy.estimate), None]);
            format!("{size} · {}", text.value(accuracy.estimate.value))
        }
        None => size,
    }
}
