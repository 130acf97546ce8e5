//! The panel when there is no accuracy to show: no model, no samples, failed, not yet there.

use egui::{RichText, Ui, pos2, vec2};

use crate::eval::Accuracy;
use crate::session::{Command, Loaded};
use crate::ui::panel::PanelCtx;
use crate::ui::state_view;
use crate::ui::theme::{self, Theme};

/// Says what is missing and how to get it; `false` where nothing is missing.
pub fn missing_ui(ui: &mut Ui, ctx: &PanelCtx, accuracy: &Loaded<Accuracy>) -> bool {
    let Some(network) = ctx.session.network() else {
        state_view::empty_ui(
            ui,
            "No model is open",
            "Open one with File › Open model…, or drop a file here. File › Samples has one to start with.",
        );
        return true;
    };
    if network.graph.is_none() {
        state_view::empty_ui(
            ui,
            "This model cannot be run",
            "Its file holds weights and no graph, so there is no accuracy to measure. Save it with quantscope.graph in its metadata, or export it to ONNX; everything about its weights works without.",
        );
        return true;
    }
    if ctx.session.samples().is_none() {
        no_samples_ui(ui, ctx);
        return true;
    }
    if let Some(reason) = accuracy.failure() {
        failed_ui(ui, ctx, reason);
        return true;
    }
    if accuracy.shown().is_none() {
        let progress = match accuracy {
            Loaded::Pending { progress, .. } => *progress,
            _ => crate::base::Progress::default(),
        };
        state_view::pending_ui(ui, "Measuring accuracy", progress);
        return true;
    }
    false
}

fn no_samples_ui(ui: &mut Ui, ctx: &PanelCtx) {
    let way_out = "Open some with File › Open samples…, or drop a sample set here: a safetensors file with quantscope.samples in its metadata. eval.safetensors beside the model is opened with it.";
    let error = ctx.session.opened().and_then(|opened| opened.eval_error.as_ref());
    match error {
        Some(error) => {
            let text = format!("{error}\n\n{way_out}");
            state_view::failed_ui(ui, "The samples beside this model cannot be used", &text);
        }
        None => state_view::empty_ui(ui, "No samples are open", way_out),
    }
}

fn failed_ui(ui: &mut Ui, ctx: &PanelCtx, reason: &str) {
    let theme = Theme::of(ui);
    let is_cancelled = reason.starts_with("cancelled");
    let title = if is_cancelled { "Accuracy was cancelled" } else { "Accuracy cannot be measured" };
    ui.vertical_centered(|ui| {
        ui.add_space((ui.available_height() * 0.32).max(12.0));
        let icon = egui_material_icons::icons::ICON_ERROR.rich_text().size(20.0);
        ui.label(icon.color(theme.bad));
        ui.label(RichText::new(title).font(theme::title(14.0)).color(theme.text));
        ui.add_space(4.0);
        ui.set_max_width(520.0);
        ui.label(reason);
        let note = "The model, the recipe and every other panel stay as they were.";
        ui.label(RichText::new(note).color(theme.hint));
        ui.add_space(8.0);
        // Centred by hand: a row in a centred column begins at the left.
        let width = 224.0;
        let (row, _) = ui.allocate_exact_size(vec2(width, 24.0), egui::Sense::hover());
        super::region(ui, row, "remedies", |ui| {
            ui.horizontal(|ui| {
                let again = RichText::new("Measure again").color(theme.background);
                let primary = egui::Button::new(again).fill(theme.accent);
                if ui.add(primary).on_hover_text("Asks again for what failed").clicked() {
                    ctx.send(Command::Retry);
                }
                if ui.button("Copy message").clicked() {
                    ui.ctx().copy_text(reason.to_owned());
                }
            });
        });
    });
}

/// How far the run is, as a line under the tools.
pub fn progress_ui(ui: &Ui, tools: egui::Rect, accuracy: &Loaded<Accuracy>) {
    let Loaded::Pending { progress, .. } = accuracy else { return };
    let theme = Theme::of(ui);
    let y = tools.bottom() - 1.0;
    let end = tools.left() + tools.width() * progress.fraction();
    let line = [pos2(tools.left(), y), pos2(end, y)];
    ui.painter().line_segment(line, egui::Stroke::new(2.0, theme.accent));
}
