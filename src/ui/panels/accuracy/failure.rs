//! A measurement that failed or was stopped: what was wanted and found, and the ways out.

use std::sync::Arc;

use egui::{RichText, Ui, vec2};

use crate::base::{counted, thousands};
use crate::eval::{SampleSet, SamplesError};
use crate::session::Command;
use crate::ui::dialogs::Dialog;
use crate::ui::panel::{PanelCtx, UiCommand};
use crate::ui::state_view::{Card, Tone, card_ui, copy_button_ui, reason_ui};
use crate::ui::theme::Theme;
use crate::ui::widgets::primary_button;

/// What kept accuracy from being measured, as far as the panel can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Stopped,
    /// The set is not one for this model.
    Unfit,
    Other,
}

impl Kind {
    fn of(reason: &str) -> Self {
        match reason {
            reason if reason.starts_with("cancelled") => Self::Stopped,
            reason if reason.ends_with(SamplesError::WAY_OUT) => Self::Unfit,
            _ => Self::Other,
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Stopped => "Accuracy was cancelled",
            Self::Unfit => "These samples do not fit this model",
            Self::Other => "Accuracy cannot be measured",
        }
    }
}

/// The card of a measurement without a result.
pub fn failed_ui(ui: &mut Ui, ctx: &PanelCtx, reason: &str) {
    let theme = Theme::of(ui);
    let kind = Kind::of(reason);
    let tone = if kind == Kind::Stopped { Tone::Stopped } else { Tone::Wrong };
    card_ui(ui, &Card { title: kind.title(), tone }, |ui| {
        match kind {
            Kind::Stopped => {
                reason_ui(ui, "It was stopped before every sample was run. The settings stay.");
            }
            Kind::Unfit | Kind::Other => reason_ui(ui, reason),
        }
        if kind != Kind::Stopped {
            ui.add_space(4.0);
            let note = "The model, the recipe and every other panel stay as they were.";
            ui.add(egui::Label::new(RichText::new(note).color(theme.hint)).wrap());
        }
        ui.add_space(8.0);
        remedies_ui(ui, ctx, (kind, reason));
    });
}

/// The set beside the model, where it is another than the one in use.
fn own_set<'a>(ctx: &PanelCtx<'a>) -> Option<&'a Arc<SampleSet>> {
    let own = ctx.session.opened()?.eval.as_ref()?;
    let is_in_use = ctx.session.samples().is_some_and(|used| Arc::ptr_eq(used, own));
    (!is_in_use).then_some(own)
}

/// How a button stands among others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Weight {
    /// The likeliest remedy.
    Primary,
    Plain,
}

fn remedy_ui(ui: &mut Ui, name: &str, weight: Weight) -> egui::Response {
    match weight {
        Weight::Primary => primary_button(ui, name),
        Weight::Plain => ui.add(egui::Button::new(name).min_size(vec2(0.0, 26.0))),
    }
}

fn remedies_ui(ui: &mut Ui, ctx: &PanelCtx, (kind, reason): (Kind, &str)) {
    // A set that fits is the remedy of one that does not; everything else may pass by itself.
    let own = own_set(ctx);
    let weight = |is_likeliest| if is_likeliest { Weight::Primary } else { Weight::Plain };
    let is_unfit = kind == Kind::Unfit;
    ui.horizontal_wrapped(|ui| {
        if let Some(own) = own
            && kind != Kind::Stopped
        {
            let button = remedy_ui(ui, "Use the set beside the model", Weight::Primary);
            if button.on_hover_text(set_text(own)).clicked() {
                ctx.send(Command::UseOwnSamples);
            }
        }
        if is_unfit {
            choose_ui(ui, ctx, weight(own.is_none()));
        }
        let again = remedy_ui(
            ui,
            "Measure again",
            weight(!is_unfit && own.is_none() || kind == Kind::Stopped),
        );
        if again.on_hover_text("Asks again for what failed or was stopped").clicked() {
            ctx.send(Command::Retry);
        }
        if kind == Kind::Other {
            choose_ui(ui, ctx, Weight::Plain);
        }
        if kind != Kind::Stopped {
            copy_button_ui(ui, reason);
        }
    });
    if let Some(own) = own.filter(|_| kind != Kind::Stopped) {
        ui.add_space(4.0);
        let text = format!("Beside the model: {}", set_text(own));
        let text = RichText::new(text).color(Theme::of(ui).hint);
        ui.add(egui::Label::new(text).wrap());
    }
}

/// Asks for a file with samples.
fn choose_ui(ui: &mut Ui, ctx: &PanelCtx, weight: Weight) {
    let button = remedy_ui(ui, "Choose another file…", weight);
    if button.on_hover_text("A sample set made for this model, as safetensors").clicked() {
        ctx.ask(UiCommand::Dialog(Dialog::PickSamples));
    }
}

fn set_text(set: &SampleSet) -> String {
    let n = counted(set.len(), if set.predictions_per_sample() > 1 { "row" } else { "sample" });
    match &set.classes {
        Some(classes) => format!("{}, {n}, {}", set.name, classed(classes.len())),
        None => format!("{}, {n}", set.name),
    }
}

fn classed(n: usize) -> String {
    if n == 1 { "1 class".to_owned() } else { format!("{} classes", thousands(n)) }
}

/// A set beside the model that cannot be read at all.
pub fn unreadable_ui(ui: &mut Ui, ctx: &PanelCtx, (error, way_out): (&SamplesError, &str)) {
    let message = error.to_string();
    let title = "The samples beside this model cannot be used";
    card_ui(ui, &Card { title, tone: Tone::Wrong }, |ui| {
        reason_ui(ui, &message);
        ui.add_space(4.0);
        let hint = RichText::new(way_out).color(Theme::of(ui).hint);
        ui.add(egui::Label::new(hint).wrap());
        ui.add_space(8.0);
        ui.horizontal_wrapped(|ui| {
            choose_ui(ui, ctx, Weight::Primary);
            copy_button_ui(ui, &message);
        });
    });
}

/// Without samples: asks for some, or for data to make a set of.
pub fn open_ui(ui: &mut Ui, ctx: &PanelCtx) {
    // Centred by hand: a row in a centred column begins at the left.
    let id = egui::Id::unique("width of the ways to samples");
    let width = ui.data(|data| data.get_temp::<f32>(id)).unwrap_or(239.0);
    let (row, _) = ui.allocate_exact_size(vec2(width, 26.0), egui::Sense::hover());
    let row = row.expand2(vec2(200.0, 0.0)).with_min_x(row.left());
    let used = super::region(ui, row, "ways in", |ui| {
        ui.horizontal(|ui| {
            let open = remedy_ui(ui, "Open samples…", Weight::Primary);
            if open.on_hover_text("A sample set, as safetensors").clicked() {
                ctx.ask(UiCommand::Dialog(Dialog::PickSamples));
            }
            let import = remedy_ui(ui, "Import a data file…", Weight::Plain);
            if import
                .on_hover_text("Makes a sample set of an array, a table or an idx file")
                .clicked()
            {
                ctx.ask(UiCommand::Dialog(Dialog::PickImportFile));
            }
        });
        ui.min_rect().width()
    });
    if (used - width).abs() > 0.5 {
        ui.data_mut(|data| data.insert_temp(id, used));
        ui.ctx().request_repaint();
    }
}
