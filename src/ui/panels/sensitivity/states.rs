//! The panel when there is nothing to show yet: failed, stopped, not yet there.

use egui::{RichText, Ui};
use egui_material_icons::icons::ICON_DATASET;

use crate::base::Progress;
use crate::session::{Command, Loaded, SearchSource, SenseSettings, Sensed};
use crate::ui::dialogs::Dialog;
use crate::ui::panel::{PanelCtx, UiCommand};
use crate::ui::state_view::{self, Card, Tone, card_ui, copy_button_ui, reason_ui};
use crate::ui::theme::Theme;
use crate::ui::widgets::primary_button;

/// Says what is missing and how to get it; `false` where nothing is.
pub(super) fn missing_ui(ui: &mut Ui, ctx: &PanelCtx, loaded: &Loaded<Sensed>) -> bool {
    if let Some(reason) = loaded.failure() {
        failed_ui(ui, ctx, reason);
        return true;
    }
    if loaded.shown_if(|sensed| !sensed.found.columns.is_empty()).is_some() {
        return false;
    }
    if loaded.ready().is_some() {
        let hint = "Choose one or more with the button Widths.";
        state_view::empty_ui(ui, "No width is measured", hint);
        return true;
    }
    let progress = match loaded {
        Loaded::Pending { progress, .. } => *progress,
        _ => Progress::default(),
    };
    state_view::pending_ui(ui, "Quantizing one layer at a time", progress);
    true
}

fn failed_ui(ui: &mut Ui, ctx: &PanelCtx, reason: &str) {
    if reason.starts_with("no sample set") {
        let hint = "Layers are measured on a calibration set, a train set, or a half of the set that judges. calibration.safetensors beside the model is found by itself.";
        let text = ("No samples to measure with", hint);
        return state_view::empty_with_ui(ui, ICON_DATASET, text, |ui| samples_ui(ui, ctx));
    }
    let is_stopped = reason.starts_with("cancelled");
    let (title, tone) = match is_stopped {
        true => ("The measurement was cancelled", Tone::Stopped),
        false => ("Sensitivities cannot be measured", Tone::Wrong),
    };
    card_ui(ui, &Card { title, tone }, |ui| {
        if is_stopped {
            reason_ui(
                ui,
                "It was stopped before every layer was measured. The recipe stays as it is.",
            );
        } else {
            reason_ui(ui, reason);
            ui.add_space(4.0);
            let note = "The model, the recipe and every other panel stay as they were.";
            ui.add(egui::Label::new(RichText::new(note).color(Theme::of(ui).hint)).wrap());
        }
        ui.add_space(8.0);
        ui.horizontal_wrapped(|ui| {
            let again = primary_button(ui, "Measure again");
            if again.on_hover_text("Asks again for what failed or was stopped").clicked() {
                ctx.send(Command::Retry);
            }
            let settings = ctx.session.sense_settings();
            if !is_stopped && settings.source != SearchSource::Best {
                let best = ui.button("Use the samples there are");
                let help =
                    "The calibration set, else the train set, else a half of the set that judges";
                if best.on_hover_text(help).clicked() {
                    let settings = SenseSettings { source: SearchSource::Best, ..settings.clone() };
                    ctx.send(Command::SetSense(Box::new(settings)));
                }
            }
            if !is_stopped {
                copy_button_ui(ui, reason);
            }
        });
    });
}

fn samples_ui(ui: &mut Ui, ctx: &PanelCtx) {
    let open = primary_button(ui, "Open samples…");
    if open.on_hover_text("A sample set, as safetensors").clicked() {
        ctx.ask(UiCommand::Dialog(Dialog::PickSamples));
    }
}
