//! Two recipes side by side: A, which is held, and B, the present one. What each is worth, layer by
//! layer, class by class, and the samples that they answer differently.

mod choose;
mod classes;
mod figures;
mod list;
mod rows;

use std::sync::Arc;

use egui::{Align, Layout, Rect, RichText, Stroke, Ui, vec2};
use egui_material_icons::icons;
use serde::{Deserialize, Serialize};

use crate::base::Progress;
use crate::session::{Command, Loaded, RivalChoice, Versus};
use crate::ui::class_names::Names;
use crate::ui::flip_gallery::{Changes, Filter, Gallery, OF_RECIPES};
use crate::ui::layer_view::{Words, answer_ui};
use crate::ui::panel::{Panel, PanelCtx, PanelEntry, Place, UiCommand};
use crate::ui::segments::Segments;
use crate::ui::state_view;
use crate::ui::table::Table;
use crate::ui::theme::{self, Theme};
use crate::ui::widgets::{name_it, region};
use rows::Order;

pub const ENTRY: PanelEntry = PanelEntry {
    id: "versus",
    title: "A / B",
    place: Place::Centre,
    create: || Box::new(VersusPanel::default()),
};

#[derive(Default)]
struct VersusPanel {
    view: VersusView,
    filter: Filter,
    gallery: Gallery,
}

/// What is kept of the panel between two starts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct VersusView {
    part: Part,
    listed: Listed,
    order: Order,
}

/// What stands below the figures, or beside the layers where there is room for both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
enum Part {
    #[default]
    Layers,
    Classes,
    Samples,
}

/// Which layers are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
enum Listed {
    #[default]
    Differing,
    All,
}

/// From this width on layers stand beside classes or samples.
const WIDE: f32 = 960.0;
/// From this width on classes and samples both stand beside the layers.
const VERY_WIDE: f32 = 1700.0;
/// Least height of what stands below the figures, before the figures yield to it.
const LEAST_BODY: f32 = 190.0;

const WORDS: Words =
    Words { pending: "Running both recipes", failed: "A and B cannot be compared on samples" };

impl Panel for VersusPanel {
    fn ui(&mut self, ui: &mut Ui, ctx: &PanelCtx) {
        let hint = "Two recipes of a model are compared here.";
        if ctx.session.network().is_none_or(|network| network.layers.is_empty()) {
            return state_view::no_layer_ui(ui, ctx.session, hint);
        }
        if ctx.session.rival().is_none() {
            return nothing_held_ui(ui, ctx);
        }
        let Some(loaded) = ctx.session.versus() else { return };
        let room = ui.available_rect_before_wrap();
        let is_wide = room.width() >= WIDE;
        if is_wide && self.view.part == Part::Layers {
            self.view.part = Part::Classes;
        }
        let (tools, rest) = room.split_top_bottom_at_y(room.top() + theme::TOOL_ROW_HEIGHT);
        region(ui, tools, "tools", |ui| choose::tools_ui(ui, ctx));
        progress_ui(ui, tools, &loaded);
        let line = Stroke::new(1.0, Theme::of(ui).line);
        ui.painter().hline(rest.x_range(), rest.top(), line);
        let fit = figures::Fit::of(rest, LEAST_BODY);
        let (head, body) = rest.split_top_bottom_at_y(rest.top() + fit.height());
        region(ui, head, "figures", |ui| figures::figures_ui(ui, ctx, (&loaded, fit)));
        ui.painter().hline(body.x_range(), body.top(), line);
        self.body_ui(ui, ctx, (body, is_wide), &loaded);
        ui.allocate_rect(room, egui::Sense::hover());
    }

    fn table(&self, ctx: &PanelCtx) -> Option<Table> {
        let layers = rows::rows(ctx.session, Listed::All, self.view.order)?;
        Some(list::table_of(ctx.session, &layers))
    }

    fn view_text(&self) -> Option<String> {
        serde_json::to_string(&self.view).ok()
    }

    fn restore_view(&mut self, text: &str) {
        if let Ok(view) = serde_json::from_str(text) {
            self.view = view;
        }
    }
}

impl VersusPanel {
    /// Layers, and beside or in place of them classes or samples.
    fn body_ui(
        &mut self,
        ui: &mut Ui,
        ctx: &PanelCtx,
        (room, is_wide): (Rect, bool),
        loaded: &Loaded<Versus>,
    ) {
        if !is_wide {
            let (head, body) = room.split_top_bottom_at_y(room.top() + theme::TOOL_ROW_HEIGHT);
            region(ui, head, "parts", |ui| self.parts_ui(ui, ctx, is_wide));
            return match self.view.part {
                Part::Layers => region(ui, body, "layers", |ui| {
                    list::list_ui(ui, ctx, self.view.listed, &mut self.view.order);
                }),
                _ => region(ui, body, "samples", |ui| self.samples_ui(ui, ctx, loaded)),
            };
        }
        let split = room.left() + (0.52 * room.width()).clamp(500.0, list::MAX_WIDTH).round();
        let (left, right) = room.split_left_right_at_x(split);
        let height = theme::TOOL_ROW_HEIGHT;
        let (left_head, left) = left.split_top_bottom_at_y(left.top() + height);
        let (right_head, right) = right.split_top_bottom_at_y(right.top() + height);
        let line = Stroke::new(1.0, Theme::of(ui).line);
        ui.painter().vline(split, room.y_range(), line);
        region(ui, left_head, "of layers", |ui| {
            ui.horizontal_centered(|ui| {
                ui.add_space(theme::PANEL_MARGIN);
                title_ui(ui, "Layer by layer");
                self.listed_ui(ui, ctx);
            });
        });
        region(ui, left, "layers", |ui| {
            list::list_ui(ui, ctx, self.view.listed, &mut self.view.order);
        });
        if room.width() >= VERY_WIDE {
            return self.both_ui(ui, ctx, right_head.union(right), loaded);
        }
        region(ui, right_head, "parts", |ui| self.parts_ui(ui, ctx, is_wide));
        region(ui, right, "samples", |ui| self.samples_ui(ui, ctx, loaded));
    }

    /// Classes, and beside them the samples of the one that is chosen.
    fn both_ui(&mut self, ui: &mut Ui, ctx: &PanelCtx, room: Rect, loaded: &Loaded<Versus>) {
        let (classes, samples) = room.split_left_right_at_fraction(0.55);
        for (rect, part) in [(classes, Part::Classes), (samples, Part::Samples)] {
            self.view.part = part;
            let id = if part == Part::Classes { "classes" } else { "samples" };
            region(ui, rect.with_min_y(rect.top() + 4.0), id, |ui| {
                self.samples_ui(ui, ctx, loaded);
            });
        }
        self.view.part = Part::Classes;
        let line = Stroke::new(1.0, Theme::of(ui).line);
        ui.painter().vline(samples.left(), room.y_range(), line);
    }

    /// The choice of what is shown, and on its right which layers.
    fn parts_ui(&mut self, ui: &mut Ui, ctx: &PanelCtx, is_wide: bool) {
        let is_language = ctx
            .session
            .samples()
            .is_some_and(|samples| samples.task == crate::eval::Task::LanguageModel);
        let classes = match is_language {
            true => (Part::Classes, "Tokens", "Which token pays: its hits under A and B"),
            false => (Part::Classes, "Classes", "Which class pays: its recall under A and B"),
        };
        let samples = match is_language {
            true => (Part::Samples, "Contexts", "The places where A and B predict differently"),
            false => (Part::Samples, "Samples", "The samples that A and B answer differently"),
        };
        let layers = (Part::Layers, "Layers", "Both recipes layer by layer");
        ui.horizontal_centered(|ui| {
            ui.add_space(theme::PANEL_MARGIN);
            let all = [layers, classes, samples];
            let options = if is_wide { &all[1..] } else { &all[..] };
            let chosen = Segments::new(options).named("Compare").show(ui, Some(self.view.part));
            self.view.part = chosen.unwrap_or(self.view.part);
            if !is_wide && self.view.part == Part::Layers {
                self.listed_ui(ui, ctx);
            }
        });
    }

    fn listed_ui(&mut self, ui: &mut Ui, ctx: &PanelCtx) {
        let n_layers = ctx.session.network().map_or(0, |network| network.layers.len());
        let n_differing = ctx.session.differing_layers().map_or(0, |layers| layers.len());
        let (differing, all) = (format!("Differing {n_differing}"), format!("All {n_layers}"));
        let options = [
            (Listed::Differing, differing.as_str(), "The layers that A and B set differently"),
            (Listed::All, all.as_str(), "Every layer"),
        ];
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.add_space(theme::PANEL_MARGIN);
            let chosen = Segments::new(&options).show(ui, Some(self.view.listed));
            self.view.listed = chosen.unwrap_or(self.view.listed);
        });
    }

    /// Classes or samples, as far as both recipes were run.
    fn samples_ui(&mut self, ui: &mut Ui, ctx: &PanelCtx, loaded: &Loaded<Versus>) {
        let (Some(network), Some(samples)) = (ctx.session.network(), ctx.session.samples()) else {
            let hint = "Classes and samples need some: File › Open samples…, or drop a sample set here. The layers are compared without.";
            let text = ("No samples are open", hint);
            return state_view::empty_with_ui(ui, icons::ICON_DATASET, text, |ui| {
                if ui.button("Open samples…").clicked() {
                    ctx.ask(UiCommand::Dialog(crate::ui::dialogs::Dialog::PickSamples));
                }
            });
        };
        if network.graph.is_none() {
            let hint = "Its file holds weights and no graph, so that there are no answers to compare. The layers are compared without.";
            return state_view::empty_ui(ui, "This model cannot be run", hint);
        }
        let vocabulary = network.model.card.vocabulary.as_deref();
        let names = Names { samples, vocabulary };
        answer_ui(ui, loaded, &WORDS, |ui, versus| self.answers_ui(ui, ctx, (versus, &names)));
    }

    fn answers_ui(&mut self, ui: &mut Ui, ctx: &PanelCtx, (versus, names): (&Arc<Versus>, &Names)) {
        self.filter = self.filter.fitted(&versus.answers);
        if self.view.part == Part::Samples {
            let changes = Changes {
                answers: &versus.answers,
                flips: versus.breakdown.flips,
                names,
                session: ctx.session,
                words: &OF_RECIPES,
            };
            return self.gallery.ui(ui, &changes, &mut self.filter);
        }
        let critical = ctx.session.critical_class();
        let content = classes::Content { versus, names, critical };
        if classes::classes_ui(ui, &content, &mut self.filter) {
            self.view.part = Part::Samples;
        }
    }
}

fn title_ui(ui: &mut Ui, title: &str) {
    let title = RichText::new(title).font(theme::title(12.0)).color(Theme::of(ui).text);
    ui.add(egui::Label::new(title).truncate());
}

/// What there is to compare with, where nothing is held.
fn nothing_held_ui(ui: &mut Ui, ctx: &PanelCtx) {
    let hint = "A is a recipe that is held; B is the present one. Hold the present recipe and change something, or compare it with float, with one bit width for all layers, or with a recipe that was tried.";
    let text = ("No recipe is held as A", hint);
    state_view::empty_with_ui(ui, icons::ICON_COMPARE_ARROWS, text, |ui| {
        ui.spacing_mut().item_spacing.y = 8.0;
        if ui.button("Hold the present recipe").clicked() {
            ctx.send(Command::SetRival(Some(RivalChoice::Present)));
        }
        if ui.button("Compare with float").clicked() {
            ctx.send(Command::SetRival(Some(RivalChoice::Float)));
        }
        let menu = ui.menu_button("Compare with…", |ui| choose::choices_ui(ui, ctx));
        name_it(&menu.response, "Choose A");
    });
    ui.allocate_space(vec2(0.0, 0.0));
}

/// How far the run is, as a line under the tools.
fn progress_ui(ui: &Ui, tools: Rect, loaded: &Loaded<Versus>) {
    let Loaded::Pending { progress, .. } = loaded else { return };
    let Progress { total, .. } = *progress;
    if total == 0 {
        return;
    }
    let end = tools.left() + tools.width() * progress.fraction();
    let stroke = Stroke::new(2.0, Theme::of(ui).accent);
    ui.painter().hline(tools.left()..=end, tools.bottom() - 1.0, stroke);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_view_comes_back() {
        let mut panel = VersusPanel::default();
        panel.view = VersusView { part: Part::Samples, listed: Listed::All, ..panel.view };
        let text = panel.view_text().unwrap();
        let mut other = VersusPanel::default();
        other.restore_view(&text);
        assert_eq!(other.view, panel.view);
        other.restore_view("{\"part\":\"Pie\"}");
        assert_eq!(other.view, panel.view, "what is not understood is left");
    }
}
