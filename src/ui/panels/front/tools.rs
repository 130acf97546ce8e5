//! The row of controls: what the axes are, which recipes are listed.

use egui::{Align, Layout, RichText, Ui, vec2};

use super::recipes::{Filter, Recipes, SizeBy, WorthBy};
use super::{Fit, FrontView, were};
use crate::base::counted;
use crate::eval::Metric;
use crate::ui::panel::PanelCtx;
use crate::ui::segments::Segments;
use crate::ui::theme::{self, Theme};

const LINE_HEIGHT: f32 = 36.0;
/// Below this width the choices take a line of their own.
const MIN_WIDTH_FOR_ONE_LINE: f32 = 820.0;

/// Draws the tools.
pub(super) fn tools_ui(
    ui: &mut Ui,
    ctx: &PanelCtx,
    recipes: &Recipes,
    (view, fit): (&mut FrontView, Fit),
) {
    let width = ui.available_width();
    let line = |ui: &mut Ui, content: &mut dyn FnMut(&mut Ui)| {
        let layout = Layout::left_to_right(Align::Center);
        ui.allocate_ui_with_layout(vec2(width, LINE_HEIGHT), layout, |ui| {
            ui.set_min_height(LINE_HEIGHT);
            ui.add_space(theme::PANEL_MARGIN);
            content(ui);
        });
    };
    if width < MIN_WIDTH_FOR_ONE_LINE {
        line(ui, &mut |ui| title_ui(ui, ctx, recipes));
        line(ui, &mut |ui| choices_ui(ui, ctx, recipes, (view, fit)));
        return;
    }
    line(ui, &mut |ui| {
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.add_space(theme::PANEL_MARGIN);
            let least = 560.0_f32.min(0.6 * width);
            let size = vec2(least, LINE_HEIGHT);
            ui.allocate_ui_with_layout(size, Layout::right_to_left(Align::Center), |ui| {
                choices_ui(ui, ctx, recipes, (view, fit));
            });
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| title_ui(ui, ctx, recipes));
        });
    });
}

/// How many recipes were measured, on which samples.
fn title_ui(ui: &mut Ui, ctx: &PanelCtx, recipes: &Recipes) {
    let theme = Theme::of(ui);
    let n = counted(recipes.list.len(), "recipe");
    let title = RichText::new(format!("{n} measured")).font(theme::title(12.0));
    ui.label(title.color(theme.text)).on_hover_text("Every recipe whose accuracy run was completed, each once; the oldest without name or pin are let go");
    let set = ctx.session.samples().map_or_else(String::new, |samples| {
        let n = counted(samples.len(), "sample");
        format!("{}, {n}", samples.name)
    });
    let elsewhere = match recipes.n_elsewhere {
        0 => String::new(),
        n => format!(" · {} measured on other samples", were(n)),
    };
    let text = format!("on {set}{elsewhere}");
    let label = egui::Label::new(RichText::new(&text).color(theme.hint)).truncate();
    ui.add(label).on_hover_text(&text);
}

fn choices_ui(ui: &mut Ui, ctx: &PanelCtx, recipes: &Recipes, (view, fit): (&mut FrontView, Fit)) {
    ui.spacing_mut().item_spacing.x = 8.0;
    let sizes = [
        (SizeBy::Bytes, "Size", "The model stored with codes, scales and all else"),
        (SizeBy::BitsPerWeight, "Bits / weight", "Over the quantized layers, scales counted"),
    ];
    let sizes = Segments::new(&sizes).named("Recipes over");
    view.size_by = sizes.show(ui, Some(view.size_by)).unwrap_or(view.size_by);
    if let Some(class) = ctx.session.critical_class() {
        let metric = match recipes.metric {
            Metric::Top1 => "Top-1",
            Metric::Perplexity => "Perplexity",
            Metric::Agreement => "Agreement",
        };
        let help = format!("Recall of {class}, the class that counts");
        let worths = [
            (WorthBy::Metric, metric, "What accuracy is measured in"),
            (WorthBy::Critical, "Recall", help.as_str()),
        ];
        let worths = Segments::new(&worths).named("Recipes by");
        view.worth_by = worths.show(ui, Some(view.worth_by)).unwrap_or(view.worth_by);
    }
    if fit != Fit::OneOf || view.shows_list {
        let filters = [
            (Filter::All, "All", "Every recipe measured on these samples"),
            (Filter::Front, "Front", "Only those that no other is as small as and better"),
            (Filter::Pinned, "Pinned", "Only those that are pinned"),
        ];
        let filters = Segments::new(&filters).named("List");
        view.filter = filters.show(ui, Some(view.filter)).unwrap_or(view.filter);
    }
    if fit == Fit::OneOf {
        let views =
            [(false, "Plot", "Size against worth"), (true, "List", "The figures of every recipe")];
        let views = Segments::new(&views).named("Recipes as");
        view.shows_list = views.show(ui, Some(view.shows_list)).unwrap_or(view.shows_list);
    }
}
