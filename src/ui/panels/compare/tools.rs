//! The row of controls: which schemes, at how many bits, how many weights to a scale, the order and
//! the view.

use egui::{Align, ComboBox, Layout, RichText, Ui, vec2};
use egui_material_icons::icons;

use super::rows::{Direction, SortKey};
use super::specs::{ASKED_BITS, Compared, ScalePer, families};
use super::{CompareView, View};
use crate::model::Layer;
use crate::quant::QuantScheme;
use crate::quant::schemes::SCHEMES;
use crate::ui::layer_title::layer_title_ui;
use crate::ui::panel::PanelCtx;
use crate::ui::segments::Segments;
use crate::ui::theme::{self, Theme};
use crate::ui::widgets::{combo_icon, name_it};

/// Below this width the controls take a line of their own.
const MIN_WIDTH_FOR_ONE_LINE: f32 = 1180.0;
/// Below this one so does the order.
const MIN_WIDTH_FOR_TWO_LINES: f32 = 660.0;
/// What all controls take in one line.
const CONTROLS_WIDTH: f32 = 880.0;
const LINE_HEIGHT: f32 = 36.0;

const SCALES: [(ScalePer, &str, &str); 4] = [
    (ScalePer::Usual, "Usual", "Each scheme as it is usually used"),
    (
        ScalePer::Tensor,
        "Tensor",
        "One scale for the whole tensor, where a scheme lets it be chosen",
    ),
    (ScalePer::Channel, "Channel", "One scale for each channel, where a scheme lets it be chosen"),
    (
        ScalePer::Group,
        "Group",
        "One scale for each group of weights, where a scheme lets it be chosen",
    ),
];

const VIEWS: [(View, &str, &str); 3] = [
    (View::Plot, "Plot", "SQNR over bits per weight, with the limits of rate–distortion theory"),
    (View::Multiples, "Multiples", "A card for each scheme: the weights before and after"),
    (View::Table, "Table", "All figures, to be sorted, copied and saved"),
];

/// Draws the tools.
pub(super) fn tools_ui(ui: &mut Ui, ctx: &PanelCtx, view: &mut CompareView, layer: &Layer) {
    let width = ui.available_width();
    let line = |ui: &mut Ui, content: &mut dyn FnMut(&mut Ui)| {
        let layout = Layout::left_to_right(Align::Center);
        ui.allocate_ui_with_layout(vec2(width, LINE_HEIGHT), layout, |ui| {
            ui.set_min_height(LINE_HEIGHT);
            ui.add_space(theme::PANEL_MARGIN);
            content(ui);
        });
    };
    let views = |ui: &mut Ui, view: &mut CompareView, rest: &mut dyn FnMut(&mut Ui)| {
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.add_space(theme::PANEL_MARGIN);
            let views = Segments::new(&VIEWS).named("Compare as");
            view.view = views.show(ui, Some(view.view)).unwrap_or(view.view);
            ui.add_space(6.0);
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| rest(ui));
        });
    };
    if width >= MIN_WIDTH_FOR_ONE_LINE {
        line(ui, &mut |ui| {
            ui.scope(|ui| {
                ui.set_max_width(width - CONTROLS_WIDTH);
                layer_title_ui(ui, ctx, layer, "");
            });
            ui.add_space(8.0);
            what_ui(ui, view);
            order_ui(ui, view);
            views(ui, view, &mut |_| {});
        });
        return;
    }
    line(ui, &mut |ui| views(ui, view, &mut |ui| layer_title_ui(ui, ctx, layer, "")));
    let is_narrow = width < MIN_WIDTH_FOR_TWO_LINES;
    line(ui, &mut |ui| {
        what_ui(ui, view);
        if !is_narrow {
            order_ui(ui, view);
        }
    });
    if is_narrow {
        line(ui, &mut |ui| order_ui(ui, view));
    }
}

/// Schemes, bits and scales.
fn what_ui(ui: &mut Ui, view: &mut CompareView) {
    let theme = Theme::of(ui);
    ui.spacing_mut().item_spacing.x = 6.0;
    schemes_ui(ui, &mut view.compared);
    ui.add_space(4.0);
    ui.label(RichText::new("Bits").color(theme.label));
    let bits = &mut view.compared.bits;
    let shown = bits.map_or_else(|| "usual".to_owned(), |bits| bits.to_string());
    let combo =
        ComboBox::from_id_salt("compared bits").icon(combo_icon).width(64.0).selected_text(shown);
    let combo = combo.show_ui(ui, |ui| {
        ui.selectable_value(bits, None, "usual");
        for wanted in ASKED_BITS {
            ui.selectable_value(bits, Some(wanted), format!("{wanted} bits"));
        }
    });
    name_it(&combo.response, "Compared bits");
    combo.response.on_hover_text(
        "Bits of a code, for schemes that let them be chosen and as far as they allow it; others stay as they are",
    );
    ui.add_space(4.0);
    ui.label(RichText::new("Scale").color(theme.label));
    let scales = Segments::new(&SCALES).named("Compared scale");
    let scale = &mut view.compared.scale;
    *scale = scales.show(ui, Some(*scale)).unwrap_or(*scale);
    ui.add_space(4.0);
}

fn order_ui(ui: &mut Ui, view: &mut CompareView) {
    ui.spacing_mut().item_spacing.x = 4.0;
    ui.label(RichText::new("Sort").color(Theme::of(ui).label));
    let order = &mut view.order;
    let combo = ComboBox::from_id_salt("compared order").icon(combo_icon).width(110.0);
    let combo = combo.selected_text(order.key.name()).show_ui(ui, |ui| {
        for (key, name) in SortKey::ALL {
            if ui.selectable_label(order.key == key, format!("by {name}")).clicked() {
                *order = order.clicked(key);
            }
        }
    });
    name_it(&combo.response, "Sort schemes");
    let (icon, name) = match order.direction {
        Direction::Up => (icons::ICON_ARROW_UPWARD, "Schemes ascending"),
        Direction::Down => (icons::ICON_ARROW_DOWNWARD, "Schemes descending"),
    };
    let button = egui::Button::new(icon.rich_text().size(14.0)).min_size(vec2(24.0, 24.0));
    let response = ui.add(button);
    name_it(&response, name);
    if response.on_hover_text("Turns the order of table and cards").clicked() {
        order.direction = order.direction.turned();
    }
}

/// The button that tells how many are compared, and its list.
fn schemes_ui(ui: &mut Ui, compared: &mut Compared) {
    let n_compared = compared.schemes().len();
    let text = format!("Schemes {n_compared} of {}", SCHEMES.len());
    let button = egui::Button::new(text).selected(!compared.is_usual()).min_size(vec2(0.0, 24.0));
    let stays = egui::containers::menu::MenuConfig::new()
        .close_behavior(egui::PopupCloseBehavior::CloseOnClickOutside);
    let menu = egui::containers::menu::MenuButton::from_button(button).config(stays);
    let (response, _) = menu.ui(ui, |ui| chooser_ui(ui, compared));
    name_it(&response, "Compared schemes");
    response.on_hover_text("Which schemes are compared");
}

fn chooser_ui(ui: &mut Ui, compared: &mut Compared) {
    ui.set_min_width(300.0);
    ui.horizontal(|ui| {
        if ui.button("All").on_hover_text("Every scheme there is").clicked() {
            compared.set(SCHEMES);
        }
        if ui.button("None").on_hover_text("To choose from the start").clicked() {
            compared.set(&[]);
        }
        let help = "Every scheme that quantizes to 8 bits or fewer";
        if ui.button("Usual").on_hover_text(help).clicked() {
            compared.set_usual();
        }
    });
    ui.separator();
    let height = (ui.ctx().content_rect().height() * 0.6).max(160.0);
    egui::ScrollArea::vertical().max_height(height).show(ui, |ui| {
        for (family, schemes) in families() {
            family_ui(ui, compared, family.name(), &schemes);
        }
    });
}

/// A family's name, which takes all of it in or out, and its schemes.
fn family_ui(
    ui: &mut Ui,
    compared: &mut Compared,
    name: &str,
    schemes: &[&'static dyn QuantScheme],
) {
    let n_chosen = schemes.iter().filter(|scheme| compared.has(**scheme)).count();
    ui.horizontal(|ui| {
        let mut all = n_chosen == schemes.len();
        let title = RichText::new(name).font(theme::title(12.0));
        let some = n_chosen > 0 && !all;
        let response = ui.add(egui::Checkbox::new(&mut all, title).indeterminate(some));
        name_it(&response, &format!("All of {name}"));
        if response.on_hover_text("All schemes of this family, or none").changed() {
            if all { compared.add(schemes) } else { compared.remove(schemes) }
        }
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let response = ui.small_button("Only");
            name_it(&response, &format!("Only {name}"));
            if response.on_hover_text("This family alone").clicked() {
                compared.set(schemes);
            }
        });
    });
    for &scheme in schemes {
        ui.horizontal(|ui| {
            ui.add_space(18.0);
            let mut is_compared = compared.has(scheme);
            let response = ui.checkbox(&mut is_compared, scheme.name());
            let help = format!("{}\n{}", scheme.summary(), scheme.source());
            if response.on_hover_text(help).changed() {
                if is_compared { compared.add(&[scheme]) } else { compared.remove(&[scheme]) }
            }
        });
    }
}
