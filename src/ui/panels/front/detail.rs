//! Everything about a recipe: under the pointer, in its menu, and in the line below plot and list.

use std::time::SystemTime;

use egui::{Align, Layout, RichText, Sense, TextEdit, Ui, vec2};
use egui_material_icons::icons;

use super::Content;
use super::marks::draw_mark;
use super::recipes::{Recipe, origin_name};
use crate::base::{bytes, fixed, thousands};
use crate::eval::Metric;
use crate::session::{Command, RivalChoice};
use crate::ui::accuracy_text::{MetricText, metric_name, p_text, p_verdict};
use crate::ui::recovery_bar::age;
use crate::ui::theme::{self, Theme};
use crate::ui::widgets::{figure_table, icon_button, name_it};

pub(super) const HEIGHT: f32 = 40.0;
/// Below this width buttons are icons.
const NARROW: f32 = 620.0;

/// A name being typed.
#[derive(Default)]
pub(super) struct Naming {
    id: u64,
    text: String,
    is_edited: bool,
}

impl Naming {
    /// What is known of the recipe's name, unless it is being typed.
    fn follow(&mut self, recipe: &Recipe) {
        let tried = recipe.tried;
        if self.id != tried.id || !self.is_edited {
            self.id = tried.id;
            self.text = tried.name.clone().unwrap_or_default();
            self.is_edited = false;
        }
    }
}

/// A recipe's worth with its interval, `84.8 % (81.4–87.7)`.
pub(super) fn metric_text(text: MetricText, recipe: &Recipe) -> String {
    let estimate = recipe.figures.accuracy.estimate;
    format!("{} ({})", text.value(estimate.value), text.range(estimate.ci95))
}

pub(super) fn bits_text(recipe: &Recipe) -> String {
    let bits = recipe.tried.size.bits_per_weight;
    bits.map_or_else(|| "float".to_owned(), |bits| fixed(bits, 2))
}

pub(super) fn age_of(when: SystemTime) -> String {
    age(SystemTime::now().duration_since(when).unwrap_or_default().as_secs())
}

/// Under the pointer.
pub(super) fn hover_ui(ui: &mut Ui, content: &Content, recipe: &Recipe) {
    let theme = Theme::of(ui);
    let title = RichText::new(content.labels.of(recipe.tried)).font(theme::title(12.0));
    ui.label(title.color(theme.text));
    let rows = rows_of(content, recipe);
    figure_table(ui, "recipe", rows.into_iter().map(|(name, value)| (name, value, theme.text)));
    let is_present = content.recipes.is_present(recipe);
    if is_present {
        ui.label(RichText::new("The present recipe.").color(theme.accent));
        return;
    }
    if let (Some(now), Some(y)) = (content.now, recipe.y)
        && y.ci95.0 <= now.y.ci95.1
        && now.y.ci95.0 <= y.ci95.1
    {
        let text = "Its interval overlaps that of the present recipe: hold it as A to test whether they differ.";
        ui.label(RichText::new(text).color(theme.hint));
    }
    ui.label(RichText::new("Click to go back to it; right click for more.").color(theme.hint));
}

fn rows_of(content: &Content, recipe: &Recipe) -> Vec<(&'static str, String)> {
    let accuracy = recipe.figures.accuracy;
    let own = MetricText::up_to(accuracy.metric, accuracy.estimate.value);
    let mut rows = vec![
        (metric_name(accuracy.metric), metric_text(own, recipe)),
        ("Stored size", bytes(recipe.tried.size.quantized_bytes)),
        ("Bits per weight", bits_text(recipe)),
    ];
    if let Some(recall) = recipe.critical {
        let shares = MetricText::up_to(Metric::Top1, 1.0);
        let (value, range) = (shares.value(recall.value), shares.range(recall.ci95));
        rows.push(("Recall of the critical class", format!("{value} ({range})")));
    }
    let samples = content.ctx.session.samples().map(|samples| samples.name.as_str());
    let n = thousands(accuracy.n_samples);
    rows.push(("Samples", format!("{n}, {}", samples.unwrap_or_default())));
    // Of other recipes the answers sample by sample are not kept.
    let comparison = content.accuracy.ready().and_then(|known| known.comparison.as_ref());
    let p = comparison.and_then(|comparison| comparison.mcnemar_p);
    if let Some(p) = p.filter(|_| content.recipes.is_present(recipe)) {
        rows.push(("McNemar p", format!("{}, {}", p_text(p), p_verdict(p))));
    }
    rows.push(("Made", origin_name(recipe.tried.origin).to_owned()));
    rows.push(("First measured", age_of(recipe.tried.when)));
    rows
}

/// What can be done with a recipe.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Act {
    Restore,
    Pin,
    Hold,
    Forget,
}

impl Act {
    const ALL: [Self; 4] = [Self::Restore, Self::Pin, Self::Hold, Self::Forget];

    fn name(self, is_pinned: bool) -> &'static str {
        match self {
            Self::Restore => "Restore",
            Self::Pin if is_pinned => "Unpin",
            Self::Pin => "Pin",
            Self::Hold => "Hold as A",
            Self::Forget => "Forget",
        }
    }

    fn help(self) -> &'static str {
        match self {
            Self::Restore => "Goes back to this recipe, as one step of the history",
            Self::Pin => "What is pinned is kept, and named in the plot",
            Self::Hold => "Compares the present recipe with this one",
            Self::Forget => "Takes it out of plot and list; it can be measured again",
        }
    }

    fn icon(self, is_pinned: bool) -> egui_material_icons::MaterialIcon {
        match self {
            Self::Restore => icons::ICON_RESTORE,
            Self::Pin if is_pinned => icons::ICON_KEEP_OFF,
            Self::Pin => icons::ICON_KEEP,
            Self::Hold => icons::ICON_COMPARE_ARROWS,
            Self::Forget => icons::ICON_DELETE,
        }
    }

    fn apply(self, content: &Content, recipe: &Recipe) {
        let id = recipe.tried.id;
        content.ctx.send(match self {
            Self::Restore => Command::RestoreTried(id),
            Self::Pin => Command::PinTried { id, pin: !recipe.tried.is_pinned },
            Self::Hold => Command::SetRival(Some(RivalChoice::Tried(id))),
            Self::Forget => Command::ForgetTried(id),
        });
    }

    /// The present recipe need not be gone back to, and would be there again at once.
    fn is_possible(self, content: &Content, recipe: &Recipe) -> bool {
        let is_present = content.recipes.is_present(recipe);
        !(is_present && matches!(self, Self::Restore | Self::Forget))
    }
}

/// The menu of a mark.
pub(super) fn menu_ui(ui: &mut Ui, content: &Content, recipe: &Recipe) {
    let theme = Theme::of(ui);
    let label = content.labels.of(recipe.tried);
    ui.label(RichText::new(label).font(theme::title(11.0)).color(theme.hint));
    for act in Act::ALL {
        let button = egui::Button::new(act.name(recipe.tried.is_pinned));
        let response = ui.add_enabled(act.is_possible(content, recipe), button);
        if response.on_hover_text(act.help()).clicked() {
            act.apply(content, recipe);
            ui.close();
        }
    }
}

/// The line below plot and list: the recipe that was clicked, its name, and what to do with it.
pub(super) fn line_ui(
    ui: &mut Ui,
    content: &Content,
    (recipe, naming): (Option<&Recipe>, &mut Naming),
) {
    let theme = Theme::of(ui);
    let is_narrow = ui.available_width() < NARROW;
    ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
        ui.add_space(theme::PANEL_MARGIN);
        let Some(recipe) = recipe else {
            let text = "Click a recipe in the list to name it, to pin it or to hold it; a click in the plot goes back to one.";
            ui.add(egui::Label::new(RichText::new(text).color(theme.hint)).truncate());
            return;
        };
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.add_space(theme::PANEL_MARGIN);
            ui.spacing_mut().item_spacing.x = 6.0;
            for act in Act::ALL.into_iter().rev() {
                act_ui(ui, content, recipe, (act, is_narrow));
            }
            ui.add_space(6.0);
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                let (rect, _) = ui.allocate_exact_size(vec2(16.0, 24.0), Sense::hover());
                draw_mark(ui.painter(), recipe, rect.center(), theme);
                name_ui(ui, content, recipe, naming);
                let own = recipe.figures.accuracy;
                let text = MetricText::up_to(own.metric, own.estimate.value);
                let figures = format!(
                    "{} · {}",
                    metric_text(text, recipe),
                    bytes(recipe.tried.size.quantized_bytes)
                );
                let figures = RichText::new(figures).font(theme::mono(12.0)).color(theme.label);
                ui.add(egui::Label::new(figures).truncate())
                    .on_hover_ui(|ui| hover_ui(ui, content, recipe));
            });
        });
    });
}

fn act_ui(ui: &mut Ui, content: &Content, recipe: &Recipe, (act, is_icon): (Act, bool)) {
    let name = act.name(recipe.tried.is_pinned);
    ui.add_enabled_ui(act.is_possible(content, recipe), |ui| {
        let response = match is_icon {
            true => icon_button(ui, act.icon(recipe.tried.is_pinned), &format!("{name} recipe")),
            false => ui.add(egui::Button::new(name).min_size(vec2(0.0, theme::CONTROL_HEIGHT))),
        };
        name_it(&response, &format!("{name} recipe"));
        if response.on_hover_text(act.help()).clicked() {
            act.apply(content, recipe);
        }
    });
}

fn name_ui(ui: &mut Ui, content: &Content, recipe: &Recipe, naming: &mut Naming) {
    naming.follow(recipe);
    let hint = content.labels.of(recipe.tried);
    let width = (0.4 * ui.available_width()).clamp(90.0, 240.0);
    let field =
        TextEdit::singleline(&mut naming.text).hint_text(hint).desired_width(width).char_limit(80);
    let response = ui.add(field);
    name_it(&response, "Name of the recipe");
    naming.is_edited |= response.changed();
    if response.lost_focus() && naming.is_edited {
        naming.is_edited = false;
        let is_left = ui.input(|input| input.key_pressed(egui::Key::Escape));
        if !is_left {
            let name = naming.text.clone();
            content.ctx.send(Command::NameTried { id: naming.id, name });
        }
    }
    response.on_hover_text("A name of your own; without one it is called after what it is");
}
