//! What every layer costs at every candidate: a table of measured changes, and what predicts them.

mod csv;
mod digest;
mod figure;
mod hover;
mod legend;
mod matrix;
mod predict;
mod scatter;
mod states;
mod tools;

use std::sync::Arc;

use egui::{Rect, Ui, UiBuilder, vec2};
use egui_material_icons::icons::ICON_ACCOUNT_TREE;
use serde::{Deserialize, Serialize};

use self::digest::{Digest, Order};
use self::figure::{Figure, Mode, Shown};
use self::predict::Picked;
use crate::model::Network;
use crate::session::{Loaded, Sensed};
use crate::ui::panel::{Panel, PanelCtx, PanelEntry, Place};
use crate::ui::state_view;
use crate::ui::table::Table;
use crate::ui::theme::Theme;

pub const ENTRY: PanelEntry = PanelEntry {
    id: "sensitivity",
    title: "Sensitivity",
    place: Place::Centre,
    create: || Box::new(SensitivityPanel::default()),
};

#[derive(Default)]
struct SensitivityPanel {
    view: SenseView,
    /// What is drawn, of the answer shown last.
    digest: Option<Digest>,
}

/// What is kept of the panel between two starts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct SenseView {
    figure: Figure,
    mode: Mode,
    order: Order,
    /// As there is room if `None`.
    shows_predictors: Option<bool>,
    picked: Picked,
}

/// From this width on the predictors stand beside the table.
const WIDE: f32 = 900.0;
/// From this height on they stand below it.
const HIGH: f32 = 640.0;
const PREDICT_WIDTH: f32 = 400.0;
const PREDICT_HEIGHT: f32 = 320.0;
/// The least there is of the table above them.
const LEAST_TABLE_HEIGHT: f32 = 140.0;

impl Panel for SensitivityPanel {
    fn ui(&mut self, ui: &mut Ui, ctx: &PanelCtx) {
        let Some(network) = ctx.session.network() else {
            let hint = "Every layer is quantized alone here, at every width, to see what it costs.";
            return state_view::no_model_ui(ui, ctx.session, hint);
        };
        if network.graph.is_none() {
            let hint = "Its file holds weights and no graph, so that nothing can be measured with it. Save it with quantscope.graph in its metadata, or export it to ONNX.";
            let text = ("This model cannot be run", hint);
            return state_view::empty_icon_ui(ui, ICON_ACCOUNT_TREE, text);
        }
        let loaded = ctx.session.sensitivity();
        let has_sensed = self.take_in(&loaded, network);
        let room = ui.available_rect_before_wrap();
        let has_room = room.width() >= WIDE || room.height() >= HIGH;
        let mut shows = self.view.shows_predictors.unwrap_or(has_room);
        let was_shown = shows;
        let shown = self.digest.as_ref().filter(|_| has_sensed).map(|digest| digest.shown);
        tools::tools_ui(ui, (ctx, &loaded), shown, (&mut self.view, &mut shows));
        if shows != was_shown {
            self.view.shows_predictors = Some(shows);
        }
        if states::missing_ui(ui, ctx, &loaded) {
            return;
        }
        let Some(digest) = self.digest.as_ref().filter(|_| has_sensed) else { return };
        if loaded.is_stale() {
            ui.set_opacity(0.5);
        }
        let content = Content { digest, ctx };
        body_ui(ui, &content, (&mut self.view, shows));
    }

    fn table(&self, ctx: &PanelCtx) -> Option<Table> {
        ctx.session.network()?.graph.as_ref()?;
        ctx.session.sensitivity().shown().map(|sensed| csv::table_of(sensed))
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

/// What is drawn, and what it is of.
struct Content<'a> {
    digest: &'a Digest,
    ctx: &'a PanelCtx<'a>,
}

impl SensitivityPanel {
    /// Works the answer up, if it is another than the last; whether there is one.
    fn take_in(&mut self, loaded: &Loaded<Sensed>, network: &Network) -> bool {
        let is_enough = |sensed: &Sensed| !sensed.found.columns.is_empty();
        let Some(sensed): Option<&Arc<Sensed>> = loaded.shown_if(is_enough) else { return false };
        let SenseView { figure, mode, .. } = self.view;
        let shown = Shown { figure, mode, metric: sensed.found.metric }.fitted();
        if self.digest.as_ref().is_none_or(|digest| !digest.is_of(sensed, shown)) {
            self.digest = Some(Digest::new(sensed, shown, network));
        }
        true
    }
}

/// The table, and the predictors beside it or below.
fn body_ui(ui: &mut Ui, content: &Content, (view, shows_predictors): (&mut SenseView, bool)) {
    let room = ui.available_rect_before_wrap();
    let line = egui::Stroke::new(1.0, Theme::of(ui).line);
    ui.painter().hline(room.x_range(), room.top(), line);
    let (mut table, mut predictors) = (room, None);
    if shows_predictors && room.width() >= WIDE {
        let width = PREDICT_WIDTH.max(0.3 * room.width()).min(640.0);
        let (left, right) = room.split_left_right_at_x(room.right() - width);
        ui.painter().vline(right.left(), right.y_range(), line);
        (table, predictors) = (left, Some(right));
    } else if shows_predictors {
        let height = PREDICT_HEIGHT.min(room.height() - LEAST_TABLE_HEIGHT).max(0.0);
        let (above, below) = room.split_top_bottom_at_y(room.bottom() - height);
        ui.painter().hline(below.x_range(), below.top(), line);
        (table, predictors) = (above, Some(below));
    }
    region(ui, table, "table", |ui| matrix::matrix_ui(ui, content, &mut view.order));
    if let Some(room) = predictors {
        region(ui, room, "predictors", |ui| {
            predict::predict_ui(ui, content, &mut view.picked);
        });
    }
    ui.allocate_rect(room, egui::Sense::hover());
}

/// Draws into a part of the panel.
fn region<R>(ui: &mut Ui, rect: Rect, id: &str, content: impl FnOnce(&mut Ui) -> R) -> R {
    let rect = Rect::from_min_size(rect.min, rect.size().max(vec2(0.0, 0.0)));
    let mut child = ui.new_child(UiBuilder::new().id_salt(id).max_rect(rect));
    child.shrink_clip_rect(rect);
    content(&mut child)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_view_comes_back() {
        let mut panel = SensitivityPanel::default();
        panel.view.figure = Figure::Kl;
        panel.view.order = Order::Harm(3);
        let text = panel.view_text().unwrap();
        let mut other = SensitivityPanel::default();
        other.restore_view(&text);
        assert_eq!(other.view, panel.view);
        other.restore_view("{\"figure\":\"Colour\"}");
        assert_eq!(other.view, panel.view, "what is not understood is left");
    }
}
