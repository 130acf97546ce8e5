//! What is poor, its likely cause, and the remedy at a button. Each figure is computed.

use std::collections::HashSet;

use egui::text::LayoutJob;
use egui::{Label, RichText, ScrollArea, TextFormat, Ui};

use crate::base::counted;
use crate::quant::SchemeChoice;
use crate::session::{Command, Gesture, Hint, Remedy};
use crate::ui::focus_ring::scroll_to_focus;
use crate::ui::panel::{Panel, PanelCtx, PanelEntry, Place, UiCommand};
use crate::ui::state_view;
use crate::ui::table::Table;
use crate::ui::theme::{self, Theme};
use crate::ui::widgets::{centred_ui, name_it, section};

pub const ENTRY: PanelEntry = PanelEntry {
    id: "hints",
    title: "Hints",
    place: Place::Right,
    create: || Box::new(HintsPanel::default()),
};

#[derive(Default)]
struct HintsPanel {
    /// Texts of the hints whose reason is shown.
    explained: HashSet<String>,
}

/// Longer lines are no pleasure to read.
const MAX_WIDTH: f32 = 620.0;
/// Hints of one kind that are shown one by one.
const MAX_SHOWN: usize = 8;
/// From so many layers on one button changes them all.
const MANY: usize = 3;

impl Panel for HintsPanel {
    fn ui(&mut self, ui: &mut Ui, ctx: &PanelCtx) {
        if ctx.session.network().is_none() {
            let hint = "What could be better, why, and what helps.";
            return state_view::no_model_ui(ui, ctx.session, hint);
        }
        ui.spacing_mut().scroll = egui::style::ScrollStyle::thin();
        ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
            scroll_to_focus(ui);
            let margin = egui::Margin::symmetric(theme::PANEL_MARGIN as i8, 8);
            egui::Frame::new().inner_margin(margin).show(ui, |ui| {
                centred_ui(ui, MAX_WIDTH, |ui| {
                    ui.spacing_mut().item_spacing.y = 4.0;
                    self.measured_ui(ui, ctx);
                    self.weights_ui(ui, ctx);
                });
            });
        });
    }

    fn table(&self, ctx: &PanelCtx) -> Option<Table> {
        ctx.session.network()?;
        let header = vec!["layer", "hint", "why", "remedy"];
        let row = |hint: Hint| {
            let layer = hint.layer_idx.and_then(|idx| ctx.session.network()?.layers.get(idx));
            let name = layer.map(|layer| layer.name.clone()).unwrap_or_default();
            vec![name, hint.text, hint.why, hint.remedy.label().to_owned()]
        };
        let measured = ctx.session.known_sensitivity();
        let measured = measured.iter().flat_map(|sensed| ctx.session.sensitivity_hints(sensed));
        let rows = measured.chain(ctx.session.weight_hints().0).map(row).collect();
        Some(Table { header, rows })
    }
}

impl HintsPanel {
    /// What runs over samples say.
    fn measured_ui(&mut self, ui: &mut Ui, ctx: &PanelCtx) {
        let Some(sensed) = ctx.session.known_sensitivity() else {
            section(ui, "Accuracy", "not measured yet");
            let text = "What each layer costs has not been measured: no hint about accuracy yet.";
            paragraph_ui(ui, text);
            if ui.button("Measure sensitivities").clicked() {
                ctx.ask(UiCommand::ShowPanel("sensitivity"));
            }
            return;
        };
        let n_samples = counted(sensed.found.n_samples(), "sample");
        section(ui, "Accuracy", &format!("measured on {n_samples}"));
        let hints = ctx.session.sensitivity_hints(&sensed);
        if hints.is_empty() {
            let text = "No layer costs more alone than these samples can tell, and none has bits to spare as it is set.";
            paragraph_ui(ui, text);
        }
        for hint in &hints {
            self.hint_ui(ui, ctx, hint);
        }
    }

    /// What the weights alone say.
    fn weights_ui(&mut self, ui: &mut Ui, ctx: &PanelCtx) {
        let (hints, n_pending) = ctx.session.weight_hints();
        let pending = match n_pending {
            0 => "SQNR below 40 dB".to_owned(),
            _ => format!("{} to be looked at", counted(n_pending, "layer")),
        };
        ui.add_space(8.0);
        section(ui, "Weights", &pending);
        if hints.is_empty() && n_pending == 0 {
            let text =
                "No other range, zero point or grain of scales would gain a decibel worth a word.";
            paragraph_ui(ui, text);
        }
        for group in by_remedy(hints) {
            if group.len() >= MANY {
                self.together_ui(ui, ctx, &group);
            }
            for hint in group.iter().take(MAX_SHOWN) {
                self.hint_ui(ui, ctx, hint);
            }
            if let Some(more) = group.len().checked_sub(MAX_SHOWN).filter(|more| *more > 0) {
                paragraph_ui(ui, &format!("and {} that gain less", counted(more, "layer")));
            }
        }
    }

    /// One button for all layers that the same would help.
    fn together_ui(&self, ui: &mut Ui, ctx: &PanelCtx, group: &[Hint]) {
        let Some(first) = group.first() else { return };
        let label = first.remedy.label();
        let layers = counted(group.len(), "layer");
        let choices: Vec<(String, SchemeChoice)> =
            group.iter().flat_map(|hint| choices_of(&hint.remedy)).cloned().collect();
        let help = format!("{label} for {layers}, as one step; Undo takes it back");
        ui.add_space(4.0);
        if ui.button(format!("{label} for all {layers}")).on_hover_text(help).clicked() {
            let label = label.to_owned();
            ctx.send(Command::SetChoices { label, choices, gesture: Gesture::Once });
        }
    }

    fn hint_ui(&mut self, ui: &mut Ui, ctx: &PanelCtx, hint: &Hint) {
        let theme = Theme::of(ui);
        ui.add_space(6.0);
        let layer = hint.layer_idx.and_then(|idx| ctx.session.network()?.layers.get(idx));
        let name = layer.map(|layer| layer.name.as_str());
        ui.add(Label::new(named(&hint.text, name, theme)).wrap().selectable(true));
        let is_explained = self.explained.contains(&hint.text);
        ui.horizontal(|ui| {
            remedy_ui(ui, ctx, hint, name);
            let why = ui.add(egui::Button::new("Why").selected(is_explained).frame(is_explained));
            name_it(&why, &format!("Why: {}", hint.text));
            if why.on_hover_text(&hint.why).clicked() && !self.explained.remove(&hint.text) {
                self.explained.insert(hint.text.clone());
            }
        });
        if is_explained {
            paragraph_ui(ui, &hint.why);
        }
        ui.add_space(2.0);
        ui.separator();
    }
}

/// The button that does it; a layer that is locked is left alone, and the button says so.
fn remedy_ui(ui: &mut Ui, ctx: &PanelCtx, hint: &Hint, name: Option<&str>) {
    let is_locked = hint.layer_idx.is_some_and(|idx| ctx.session.is_locked(idx));
    let label = hint.remedy.label();
    let response = ui.add_enabled(!is_locked, egui::Button::new(label));
    name_it(&response, &format!("{label}: {}", name.unwrap_or("show")));
    let help = match &hint.remedy {
        Remedy::Look { .. } => "Shows the panel where this is seen".to_owned(),
        remedy => {
            let choices =
                choices_of(remedy).iter().map(|(layer, choice)| format!("{layer}: {choice}"));
            choices.collect::<Vec<_>>().join("\n")
        }
    };
    let response = response.on_hover_text(help).on_disabled_hover_text("The layer is locked");
    if !response.clicked() {
        return;
    }
    match &hint.remedy {
        Remedy::Look { panel, .. } => ctx.ask(UiCommand::ShowPanel(panel)),
        Remedy::Choices { label, choices } => set(ctx, label, choices),
        Remedy::LockedChoices { label, choices } => {
            set(ctx, label, choices);
            for (layer, _) in choices {
                ctx.send(Command::SetLock { layer: layer.clone(), lock: true });
            }
        }
    }
    if let Some(layer_idx) = hint.layer_idx {
        ctx.send(Command::SelectLayer(layer_idx));
    }
}

fn set(ctx: &PanelCtx, label: &str, choices: &[(String, SchemeChoice)]) {
    let (label, choices) = (label.to_owned(), choices.to_vec());
    ctx.send(Command::SetChoices { label, choices, gesture: Gesture::Once });
}

fn choices_of(remedy: &Remedy) -> &[(String, SchemeChoice)] {
    match remedy {
        Remedy::Choices { choices, .. } | Remedy::LockedChoices { choices, .. } => choices,
        Remedy::Look { .. } => &[],
    }
}

/// Hints with the same remedy together, those that gain most first.
fn by_remedy(mut hints: Vec<Hint>) -> Vec<Vec<Hint>> {
    hints.sort_by(|a, b| b.gain.total_cmp(&a.gain));
    let mut groups: Vec<Vec<Hint>> = Vec::new();
    for hint in hints {
        let same = |group: &&mut Vec<Hint>| {
            group.first().is_some_and(|first| first.remedy.label() == hint.remedy.label())
        };
        match groups.iter_mut().find(same) {
            Some(group) => group.push(hint),
            None => groups.push(vec![hint]),
        }
    }
    groups
}

/// The text with the layer's name in a stronger type.
fn named(text: &str, name: Option<&str>, theme: &Theme) -> LayoutJob {
    let mut job = LayoutJob::default();
    let strong = TextFormat::simple(theme::title(12.0), theme.text);
    let plain = TextFormat::simple(theme::text(12.0), theme.label);
    match name.and_then(|name| Some((name, text.strip_prefix(name)?))) {
        Some((name, rest)) => {
            job.append(name, 0.0, strong);
            job.append(rest, 0.0, plain);
        }
        None => job.append(text, 0.0, plain),
    }
    job
}

fn paragraph_ui(ui: &mut Ui, text: &str) {
    let colour = Theme::of(ui).hint;
    ui.add(Label::new(RichText::new(text).color(colour)).wrap().selectable(true));
}
