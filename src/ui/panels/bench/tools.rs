//! The row above the bars: what they mean, what they are compared with, and the way to a proposal.

use egui::{Align, Layout, Rect, RichText, Sense, Shape, Stroke, Ui, vec2};
use egui_material_icons::icons;

use crate::quant::SchemeChoice;
use crate::session::{Command, RivalChoice};
use crate::ui::panel::{PanelCtx, UiCommand};
use crate::ui::segments::Segments;
use crate::ui::theme::{self, Theme};
use crate::ui::widgets::{icon_menu, name_it};

/// Below this width the explanation leaves its room to the controls.
const WIDE: f32 = 640.0;
/// A longer name of what is compared with is cut.
const LEGEND_WIDTH: f32 = 220.0;

const EXPLANATION: &str = "height: bits · width: share of the weights (at least 44 px) · drag a bar’s top, or select and press [ ]";

const SIDES: [(bool, &str, &str); 2] = [
    (
        false,
        "A",
        "Changes places with what is held: A becomes the present recipe, B what is compared with, as one step that undo takes back",
    ),
    (
        true,
        "B",
        "Changes back: B becomes the present recipe again, as one step that undo takes back",
    ),
];

pub(super) fn tools_ui(ui: &mut Ui, ctx: &PanelCtx) {
    let theme = Theme::of(ui);
    let size = vec2(ui.available_width(), theme::TOOL_ROW_HEIGHT);
    ui.allocate_ui_with_layout(size, Layout::right_to_left(Align::Center), |ui| {
        ui.set_min_height(theme::TOOL_ROW_HEIGHT);
        ui.add_space(theme::PANEL_MARGIN);
        propose_ui(ui, ctx);
        rivals_menu_ui(ui, ctx);
        rival_ui(ui, ctx);
        ui.add_space(8.0);
        ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
            ui.add_space(theme::PANEL_MARGIN);
            let title = RichText::new("Bits per layer").font(theme::title(13.0));
            ui.add(egui::Label::new(title.color(theme.text)).truncate()).on_hover_text(EXPLANATION);
            if size.x >= WIDE {
                let text = RichText::new(EXPLANATION).font(theme::text(11.0)).color(theme.label);
                ui.add(egui::Label::new(text).truncate()).on_hover_text(EXPLANATION);
            }
        });
    });
}

fn propose_ui(ui: &mut Ui, ctx: &PanelCtx) {
    let theme = Theme::of(ui);
    let text = RichText::new("Propose…").font(theme::title(12.0)).color(theme.background);
    let icon = icons::ICON_AUTO_AWESOME.rich_text().size(14.0).color(theme.background);
    let button = egui::Button::new((icon, text)).fill(theme.accent).min_size(vec2(56.0, 26.0));
    let response = ui.add(button);
    name_it(&response, "Propose…");
    if response
        .on_hover_text("A mix of bit widths for a size or an accuracy, in the panel Budget")
        .clicked()
    {
        ctx.ask(UiCommand::ShowPanel("budget"));
    }
}

/// What is held, and which of both is the present one.
fn rival_ui(ui: &mut Ui, ctx: &PanelCtx) {
    let theme = Theme::of(ui);
    let Some(rival) = ctx.session.rival() else {
        let help =
            "Holds the recipe as it is now as A: what is changed from here on is seen against it";
        if ui.button("Hold as A").on_hover_text(help).clicked() {
            ctx.send(Command::SetRival(Some(RivalChoice::Present)));
        }
        return;
    };
    // B is the one that was present when A was held.
    let sides = Segments::new(&SIDES).named("Present recipe");
    if sides.show(ui, Some(!rival.is_swapped)).is_some() {
        ctx.send(Command::SwapRival);
    }
    let held = if rival.is_swapped { "B" } else { "A" };
    let text = format!("{held}: {}", rival.name);
    let help = format!("Bits of the recipe that is held, {text}, as a dashed line on every bar");
    ui.scope(|ui| {
        ui.set_max_width(LEGEND_WIDTH.min(ui.available_width()));
        let label = egui::Label::new(RichText::new(&text).color(theme.label)).truncate();
        ui.add(label).on_hover_text(&help);
    });
    let (rect, _) = ui.allocate_exact_size(vec2(18.0, 12.0), Sense::hover());
    dashed_line(ui, rect, rect.center().y, theme.quantized);
}

/// The mark of what is held.
pub(super) fn dashed_line(ui: &Ui, rect: Rect, y: f32, colour: egui::Color32) {
    let ends = [egui::pos2(rect.left(), y), egui::pos2(rect.right(), y)];
    let shapes = Shape::dashed_line(&ends, Stroke::new(1.5, colour), 4.0, 2.5);
    ui.painter().extend(shapes);
}

/// What else can be compared with.
fn rivals_menu_ui(ui: &mut Ui, ctx: &PanelCtx) {
    icon_menu(ui, icons::ICON_MORE_VERT, "Compare with", |ui| {
        let choose = |ui: &mut Ui, name: &str, choice: Option<RivalChoice>| {
            if ui.button(name).clicked() {
                ctx.send(Command::SetRival(choice));
            }
        };
        choose(ui, "Hold the present recipe as A", Some(RivalChoice::Present));
        choose(ui, "A: float", Some(RivalChoice::Float));
        let scheme = &ctx.session.sense_settings().scheme;
        for bits in [8, 6, 5, 4] {
            let Some(choice) = everywhere(scheme, bits) else { continue };
            let name = format!("A: {bits} bits everywhere");
            choose(ui, &name, Some(RivalChoice::Everywhere(choice)));
        }
        if ctx.session.rival().is_some() {
            ui.separator();
            choose(ui, "Compare with nothing", None);
        }
    });
}

fn everywhere(scheme: &SchemeChoice, bits: i64) -> Option<SchemeChoice> {
    scheme.with("bits", crate::quant::SettingValue::Int(bits)).ok()
}
