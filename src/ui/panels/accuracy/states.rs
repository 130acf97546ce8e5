//! The panel when there is no accuracy to show: no model, no samples, failed, not yet there.

use egui::{Ui, pos2};
use egui_material_icons::icons;

use super::failure;
use crate::eval::Accuracy;
use crate::session::Loaded;
use crate::ui::panel::PanelCtx;
use crate::ui::state_view;
use crate::ui::theme::Theme;

/// Says what is missing and how to get it; `false` where nothing is missing.
pub fn missing_ui(ui: &mut Ui, ctx: &PanelCtx, accuracy: &Loaded<Accuracy>) -> bool {
    let Some(network) = ctx.session.network() else {
        let hint = "Open one with File › Open model…, or drop a file here. File › Samples has one to start with.";
        state_view::no_model_ui(ui, ctx.session, hint);
        return true;
    };
    if network.graph.is_none() {
        let hint = "Its file holds weights and no graph, so there is no accuracy to measure. Save it with quantscope.graph in its metadata, or export it to ONNX; everything about its weights works without.";
        state_view::empty_icon_ui(ui, icons::ICON_ACCOUNT_TREE, ("This model cannot be run", hint));
        return true;
    }
    if ctx.session.samples().is_none() {
        no_samples_ui(ui, ctx);
        return true;
    }
    if let Some(reason) = accuracy.failure() {
        failure::failed_ui(ui, ctx, reason);
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
    match ctx.session.opened().and_then(|opened| opened.eval_error.as_ref()) {
        Some(error) => failure::unreadable_ui(ui, ctx, (error, way_out)),
        None => {
            let text = ("No samples are open", way_out);
            let icon = icons::ICON_DATASET;
            state_view::empty_with_ui(ui, icon, text, |ui| failure::open_ui(ui, ctx));
        }
    }
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
