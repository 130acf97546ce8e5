//! What panels about the layer shown have in common: the row with its name and the controls, and
//! how an answer looks that is awaited, there, or not to be had.

use std::sync::Arc;
use std::time::Duration;

use egui::{Align, Layout, Ui, vec2};

use super::layer_title::layer_title_ui;
use super::panel::PanelCtx;
use super::state_view;
use super::theme;
use crate::base::Progress;
use crate::model::Layer;
use crate::session::Loaded;

const LINE_HEIGHT: f32 = theme::TOOL_ROW_HEIGHT;
/// Answers that come within this time are not marked as awaited: it would only flicker.
const PATIENCE_SECS: f64 = 0.15;

/// The layer's name on the left and controls on the right, from right to left; below each other
/// where there is less than `least` points of width.
pub fn tool_row_ui(
    ui: &mut Ui,
    ctx: &PanelCtx,
    layer: &Layer,
    least: f32,
    controls: impl FnOnce(&mut Ui),
) {
    let size = vec2(ui.available_width(), LINE_HEIGHT);
    let (from_left, from_right) =
        (Layout::left_to_right(Align::Center), Layout::right_to_left(Align::Center));
    let title = |ui: &mut Ui| {
        ui.add_space(theme::PANEL_MARGIN);
        layer_title_ui(ui, ctx, layer, "");
    };
    let is_wide = size.x >= least;
    if !is_wide {
        ui.allocate_ui_with_layout(size, from_left, |ui| {
            ui.set_min_height(LINE_HEIGHT);
            title(ui);
        });
    }
    ui.allocate_ui_with_layout(size, from_right, |ui| {
        ui.set_min_height(LINE_HEIGHT);
        ui.add_space(theme::PANEL_MARGIN);
        controls(ui);
        if is_wide {
            ui.with_layout(from_left, title);
        }
    });
}

/// What is said of an answer that is not there.
pub struct Words {
    pub pending: &'static str,
    pub failed: &'static str,
}

/// Draws an answer: an earlier one dimmed while the one asked for is awaited.
pub fn answer_ui<T>(
    ui: &mut Ui,
    loaded: &Loaded<T>,
    words: &Words,
    content: impl FnOnce(&mut Ui, &Arc<T>),
) {
    let is_late = is_late(ui, loaded.is_stale());
    match (loaded, loaded.shown()) {
        (Loaded::Failed(reason), _) => state_view::failed_ui(ui, words.failed, reason),
        (_, Some(shown)) => {
            if is_late {
                ui.set_opacity(0.5);
            }
            content(ui, shown);
        }
        (Loaded::Pending { progress, .. }, None) => {
            state_view::pending_ui(ui, words.pending, *progress);
        }
        _ => state_view::pending_ui(ui, words.pending, Progress::default()),
    }
}

/// Whether an answer has been awaited for so long that it should be seen.
fn is_late(ui: &Ui, is_stale: bool) -> bool {
    let id = ui.scope_id().with("stale since");
    if !is_stale {
        ui.data_mut(|data| data.remove::<f64>(id));
        return false;
    }
    let now = ui.input(|input| input.time);
    let since = ui.data_mut(|data| *data.get_temp_mut_or_insert_with(id, || now));
    let rest = PATIENCE_SECS - (now - since);
    if rest > 0.0 {
        ui.ctx().request_repaint_after(Duration::from_secs_f64(rest));
    }
    rest <= 0.0
}

/// That a layer is not quantized, and what to do about it.
pub fn stays_float_ui(ui: &mut Ui, what: &str) {
    let hint = format!("It has no {what}. Choose a scheme for it in the panel Quantizer.");
    state_view::empty_ui(ui, "This layer stays in float", &hint);
}
