//! Rules by pattern, in order: each says which layers it hit and what has become of them.

use egui::{Button, Id, Key, Label, RichText, ScrollArea, TextEdit, Ui, vec2};
use egui_material_icons::icons;

use crate::base::counted;
use crate::quant::{Rule, Rules, SchemeChoice};
use crate::session::{Command, RuleHits, Session};
use crate::ui::focus_ring::scroll_to_focus;
use crate::ui::layer_title::choice_words;
use crate::ui::panel::{Panel, PanelCtx, PanelEntry, Place};
use crate::ui::quick_settings::QUICK_SETTINGS;
use crate::ui::state_view;
use crate::ui::table::Table;
use crate::ui::theme::{self, Theme};
use crate::ui::widgets::{centred_ui, combo_icon, icon_button, name_it};

pub const ENTRY: PanelEntry = PanelEntry {
    id: "rules",
    title: "Rules",
    place: Place::Right,
    create: || Box::new(RulesPanel::default()),
};

#[derive(Default)]
struct RulesPanel {
    /// The pattern being typed, by its rule; what is wrong with it.
    typed: Option<Typed>,
}

struct Typed {
    rule_idx: usize,
    text: String,
    refusal: Option<String>,
}

const MAX_WIDTH: f32 = 620.0;
/// Layers that a tooltip names.
const MAX_NAMED: usize = 12;

/// A change of the list, applied once the rows are drawn.
enum Change {
    Pattern(usize, String),
    Choice(usize, SchemeChoice),
    Up(usize),
    Down(usize),
    Remove(usize),
    /// Every layer as the rules say again.
    Apply,
}

impl Panel for RulesPanel {
    fn ui(&mut self, ui: &mut Ui, ctx: &PanelCtx) {
        let Some(network) = ctx.session.network() else {
            let hint = "Schemes for layers by the pattern of their names will stand here.";
            return state_view::no_model_ui(ui, ctx.session, hint);
        };
        if network.layers.is_empty() {
            return state_view::no_layer_ui(ui, ctx.session, "");
        }
        ui.spacing_mut().scroll = egui::style::ScrollStyle::thin();
        ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
            scroll_to_focus(ui);
            let margin = egui::Margin::symmetric(theme::PANEL_MARGIN as i8, 8);
            egui::Frame::new().inner_margin(margin).show(ui, |ui| {
                centred_ui(ui, MAX_WIDTH, |ui| self.rules_ui(ui, ctx));
            });
        });
    }

    fn table(&self, ctx: &PanelCtx) -> Option<Table> {
        let rules = &ctx.session.plan().rules;
        let mut table = Table::new(&[
            "order",
            "pattern",
            "scheme",
            "layers",
            "taken_by_earlier_rules",
            "changed_by_hand",
            "locked",
        ]);
        for (idx, (rule, hits)) in rules.0.iter().zip(ctx.session.rule_hits()).enumerate() {
            table.rows.push(vec![
                (idx + 1).to_string(),
                rule.pattern.to_string(),
                rule.choice.to_string(),
                hits.layers.len().to_string(),
                hits.taken_before.to_string(),
                hits.changed_by_hand.to_string(),
                hits.locked.to_string(),
            ]);
        }
        (!table.rows.is_empty()).then_some(table)
    }
}

impl RulesPanel {
    fn rules_ui(&mut self, ui: &mut Ui, ctx: &PanelCtx) {
        let rules = &ctx.session.plan().rules;
        let hits = ctx.session.rule_hits();
        let theme = Theme::of(ui);
        ui.horizontal(|ui| {
            let text = match rules.is_empty() {
                true => "No rules yet".to_owned(),
                false => "The first that fits a layer decides".to_owned(),
            };
            ui.label(RichText::new(text).color(theme.label));
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                let help = "For the names of the selected layers, as they are set now";
                if ui.button("Add a rule").on_hover_text(help).clicked() {
                    self.typed = None;
                    add(ctx);
                }
            });
        });
        if rules.is_empty() {
            example_ui(ui, ctx.session);
        }
        let mut change = None;
        for (idx, (rule, hits)) in rules.0.iter().zip(&hits).enumerate() {
            ui.push_id(("rule", idx), |ui| {
                change = self.rule_ui(ui, ctx, (idx, rule, hits)).or(change.take());
            });
        }
        if let Some(change) = change {
            self.apply(ctx, change);
        }
    }

    fn rule_ui(
        &mut self,
        ui: &mut Ui,
        ctx: &PanelCtx,
        (idx, rule, hits): (usize, &Rule, &RuleHits),
    ) -> Option<Change> {
        let mut change = None;
        let n_rules = ctx.session.plan().rules.0.len();
        ui.add_space(4.0);
        ui.separator();
        ui.horizontal(|ui| {
            let nth = idx + 1;
            self.pattern_ui(ui, idx, rule, &mut change);
            if let Some(choice) = choice_ui(ui, ctx, nth, &rule.choice) {
                change = Some(Change::Choice(idx, choice));
            }
            let named = |name: &str| format!("{name} rule {nth}");
            ui.add_enabled_ui(idx > 0, |ui| {
                if icon_button(ui, icons::ICON_ARROW_UPWARD, &named("Move up")).clicked() {
                    change = Some(Change::Up(idx));
                }
            });
            ui.add_enabled_ui(idx + 1 < n_rules, |ui| {
                if icon_button(ui, icons::ICON_ARROW_DOWNWARD, &named("Move down")).clicked() {
                    change = Some(Change::Down(idx));
                }
            });
            if icon_button(ui, icons::ICON_DELETE, &named("Remove")).clicked() {
                change = Some(Change::Remove(idx));
            }
        });
        if let Some(refusal) = self.refusal(idx) {
            let text = RichText::new(format!("✕ {refusal}")).color(Theme::of(ui).bad);
            ui.add(Label::new(text).wrap());
        }
        hits_ui(ui, ctx, idx + 1, hits, &mut change);
        change
    }

    fn refusal(&self, rule_idx: usize) -> Option<&str> {
        let typed = self.typed.as_ref().filter(|typed| typed.rule_idx == rule_idx)?;
        typed.refusal.as_deref()
    }

    /// The pattern, taken over when the field is left or Enter is pressed.
    fn pattern_ui(&mut self, ui: &mut Ui, idx: usize, rule: &Rule, change: &mut Option<Change>) {
        let now = rule.pattern.to_string();
        let is_here = self.typed.as_ref().is_some_and(|typed| typed.rule_idx == idx);
        let mut text = match &self.typed {
            Some(typed) if is_here => typed.text.clone(),
            _ => now.clone(),
        };
        let width = (ui.available_width() - 260.0).clamp(72.0, 240.0);
        let edit = TextEdit::singleline(&mut text).font(theme::mono(12.0));
        let id = Id::unique("rule pattern").with(idx);
        let response = ui.add_sized(vec2(width, theme::CONTROL_HEIGHT), edit.id(id));
        name_it(&response, &format!("Pattern of rule {}", idx + 1));
        let response = response.on_hover_text(
            "Names of layers: * stands for any letters, ? for one; several patterns with commas between",
        );
        if response.changed() {
            self.typed = Some(Typed { rule_idx: idx, text: text.clone(), refusal: None });
        }
        if response.lost_focus() && is_here {
            if ui.input(|input| input.key_pressed(Key::Escape)) {
                self.typed = None;
            } else if text != now {
                *change = Some(Change::Pattern(idx, text));
            } else {
                self.typed = None;
            }
        }
    }

    fn apply(&mut self, ctx: &PanelCtx, change: Change) {
        let mut rules = ctx.session.plan().rules.clone();
        let nth = |idx: usize| idx + 1;
        let label = match change {
            Change::Pattern(idx, text) => match text.parse() {
                Ok(pattern) => {
                    if let Some(rule) = rules.0.get_mut(idx) {
                        rule.pattern = pattern;
                    }
                    self.typed = None;
                    format!("Rule {}: {text}", nth(idx))
                }
                Err(error) => {
                    let refusal = Some(format!("{error}"));
                    self.typed = Some(Typed { rule_idx: idx, text, refusal });
                    return;
                }
            },
            Change::Choice(idx, choice) => {
                let label = format!("Rule {}: {choice}", nth(idx));
                if let Some(rule) = rules.0.get_mut(idx) {
                    rule.choice = choice;
                }
                label
            }
            Change::Up(idx) => {
                rules.0.swap(idx, idx.saturating_sub(1));
                format!("Rule {} up", nth(idx))
            }
            Change::Down(idx) => {
                let last = rules.0.len() - 1;
                rules.0.swap(idx, (idx + 1).min(last));
                format!("Rule {} down", nth(idx))
            }
            Change::Remove(idx) => {
                rules.0.remove(idx);
                self.typed = None;
                format!("Rule {} removed", nth(idx))
            }
            Change::Apply => "Rules applied again".to_owned(),
        };
        ctx.send(Command::SetRules { label, rules });
    }
}

/// A rule for the selected layers as they are.
fn add(ctx: &PanelCtx) {
    let mut rules: Rules = ctx.session.plan().rules.clone();
    let Some(network) = ctx.session.network() else { return };
    let names: Vec<&str> = ctx
        .session
        .selected_layers()
        .into_iter()
        .filter_map(|idx| Some(network.layers.get(idx)?.name.as_str()))
        .collect();
    let choice = ctx.session.choice(ctx.session.selection().layer_idx);
    let Ok(pattern) = names.join(",").parse() else { return };
    rules.0.push(Rule { pattern, choice });
    let label = format!("Rule {} for {}", rules.0.len(), counted(names.len(), "layer"));
    ctx.send(Command::SetRules { label, rules });
}

/// How a pattern reads, with a name of this model.
fn example_ui(ui: &mut Ui, session: &Session) {
    let name = session.network().and_then(|network| network.layers.first());
    let name = name.map_or("conv1", |layer| layer.name.as_str());
    let part = name.rsplit(['.', '/']).next().unwrap_or(name);
    let text = format!(
        "A rule gives every layer whose name fits a pattern one scheme: *{part} fits {name} and whatever else ends so, * fits all. Rules are part of the recipe and its file."
    );
    ui.add(Label::new(RichText::new(text).color(Theme::of(ui).hint)).wrap());
}

/// The scheme of a rule: what people ask for most, or that of the layer shown.
fn choice_ui(
    ui: &mut Ui,
    ctx: &PanelCtx,
    nth: usize,
    choice: &SchemeChoice,
) -> Option<SchemeChoice> {
    let mut chosen = None;
    let combo = egui::ComboBox::from_id_salt("rule scheme")
        .icon(combo_icon)
        .width(150.0)
        .truncate()
        .selected_text(choice_words(choice));
    let combo = combo.show_ui(ui, |ui| {
        let shown = ctx.session.choice(ctx.session.selection().layer_idx);
        let label = format!("As the layer shown: {}", choice_words(&shown));
        if ui.selectable_label(false, label).clicked() {
            chosen = Some(shown);
        }
        for quick in QUICK_SETTINGS {
            let of_quick = quick.choice();
            let is_now = of_quick.as_ref() == Some(choice);
            if ui.selectable_label(is_now, quick.name).on_hover_text(quick.help).clicked() {
                chosen = of_quick;
            }
        }
    });
    name_it(&combo.response, &format!("Scheme of rule {nth}"));
    combo.response.on_hover_text(choice.to_string());
    chosen.filter(|chosen| chosen != choice)
}

/// Which layers a rule hit, and what has become of them since.
fn hits_ui(ui: &mut Ui, ctx: &PanelCtx, nth: usize, hits: &RuleHits, change: &mut Option<Change>) {
    let theme = Theme::of(ui);
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = 8.0;
        if hits.matches_nothing() {
            ui.label(icons::ICON_WARNING.rich_text().size(14.0).color(theme.bad));
            ui.label(RichText::new("matches nothing").color(theme.bad))
                .on_hover_text("No layer of this model has a name that fits");
            return;
        }
        let text = RichText::new(counted(hits.layers.len(), "layer")).color(theme.accent);
        let response = ui.add_enabled(!hits.layers.is_empty(), Button::new(text).small());
        let count = counted(hits.layers.len(), "layer");
        name_it(&response, &format!("{count} of rule {nth}"));
        if response.on_hover_text(names_of(ctx.session, &hits.layers)).clicked() {
            ctx.send(Command::SelectLayers(hits.layers.clone()));
        }
        if hits.taken_before > 0 {
            let text = format!("{} taken by an earlier rule", hits.taken_before);
            ui.label(RichText::new(text).color(theme.hint))
                .on_hover_text("Their names fit this rule too, but one before it decides");
        }
        if hits.locked > 0 {
            let text = format!("{} locked", hits.locked);
            ui.label(RichText::new(text).color(theme.hint))
                .on_hover_text("Locked layers stay as they are, whatever a rule says");
        }
        if hits.changed_by_hand > 0 {
            let text = format!("{} changed by hand", hits.changed_by_hand);
            ui.label(RichText::new(text).color(theme.quantized))
                .on_hover_text("Set otherwise after the rule");
            let button = ui.add(Button::new("Apply again").small());
            name_it(&button, &format!("Apply rule {nth} again"));
            let help = "Sets every layer that is not locked as the rules say, as one step";
            if button.on_hover_text(help).clicked() {
                *change = Some(Change::Apply);
            }
        }
    });
}

fn names_of(session: &Session, layers: &[usize]) -> String {
    let Some(network) = session.network() else { return String::new() };
    let names = layers.iter().filter_map(|&idx| Some(network.layers.get(idx)?.name.as_str()));
    let mut lines: Vec<&str> = names.clone().take(MAX_NAMED).collect();
    let more = layers.len().saturating_sub(MAX_NAMED);
    let more_text = format!("and {more} more");
    if more > 0 {
        lines.push(&more_text);
    }
    format!("{}\nA click selects them", lines.join("\n"))
}
