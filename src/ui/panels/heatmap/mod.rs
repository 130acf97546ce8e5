//! A layer's weights as a picture: value, error or code of every weight.

mod camera;
mod draw;
mod legend;
mod tools;

use std::sync::Arc;

use egui::{Rect, Sense, Ui, WidgetInfo, vec2};

use self::camera::{Camera, Port};
use self::draw::{Canvas, Textures};
use crate::base::Progress;
use crate::eval::kept_axis;
use crate::model::Layer;
use crate::session::{Arrangement, Command, Loaded, Raster, RasterView, Sheet, Shown};
use crate::ui::panel::{Panel, PanelCtx, PanelEntry, Place};
use crate::ui::state_view;
use crate::ui::theme;

pub const ENTRY: PanelEntry = PanelEntry {
    id: "heatmap",
    title: "Heat map",
    place: Place::Centre,
    create: || Box::new(HeatmapPanel::new()),
};

struct HeatmapPanel {
    shown: Shown,
    arrangement: Arrangement,
    /// Weight and shape that the arrangement and the camera are about.
    about: (String, Vec<usize>),
    camera: Camera,
    /// By a button, to be done around the middle once the room is known.
    wanted_zoom: Option<f32>,
    textures: Textures,
}

/// Room for the names and numbers of rows and columns, and for the legend.
const LEFT_GUTTER: f32 = 62.0;
const TOP_GUTTER: f32 = 34.0;
const LEGEND_HEIGHT: f32 = 60.0;

impl Panel for HeatmapPanel {
    fn ui(&mut self, ui: &mut Ui, ctx: &PanelCtx) {
        let Some(layer) = ctx.layer() else {
            let hint = "The weights of the selected layer are drawn here, one cell each.";
            state_view::no_layer_ui(ui, ctx.session, hint);
            return;
        };
        self.follow(layer);
        self.tools_ui(ui, ctx, layer);
        if layer.count() == 0 {
            state_view::empty_ui(ui, "No weights", "This tensor has no elements.");
            return;
        }
        let keeps_float = ctx.session.choice(ctx.session.selection().layer_idx).keeps_float();
        if keeps_float && self.shown != Shown::Value {
            let title = "This layer stays in float";
            state_view::empty_ui(
                ui,
                title,
                "It has no codes and no error. Choose a scheme for it, or look at its values.",
            );
            return;
        }
        self.sheet_ui(ui, ctx, layer);
    }
}

impl HeatmapPanel {
    fn new() -> Self {
        Self {
            shown: Shown::Value,
            arrangement: Arrangement::default_of(&[]),
            about: (String::new(), Vec::new()),
            camera: Camera::default(),
            wanted_zoom: None,
            textures: Textures::default(),
        }
    }

    /// Another tensor starts with its usual arrangement, all of it in view.
    fn follow(&mut self, layer: &Layer) {
        if self.about.0 != layer.weight || self.about.1 != layer.dims {
            self.about = (layer.weight.clone(), layer.dims.clone());
            self.arrangement = Arrangement::default_of(&layer.dims);
            self.camera.fit();
        }
    }

    fn sheet_ui(&mut self, ui: &mut Ui, ctx: &PanelCtx, layer: &Layer) {
        let room = ui.available_rect_before_wrap();
        let view = Rect::from_min_max(
            room.min + vec2(theme::PANEL_MARGIN + LEFT_GUTTER, TOP_GUTTER),
            room.max - vec2(theme::PANEL_MARGIN, LEGEND_HEIGHT),
        );
        if view.width() < 32.0 || view.height() < 32.0 {
            let hint =
                "Make the panel larger, or enlarge it with the arrows at its upper right corner.";
            return state_view::empty_ui(ui, "Too little room", hint);
        }
        let choice = ctx.session.choice(ctx.session.selection().layer_idx);
        let axis = kept_axis(layer, &choice);
        let sheet = Sheet::new(&layer.dims, axis, &self.arrangement);
        let port = Port { rect: view, pixels_per_point: ui.ctx().pixels_per_point() };
        let fitted = Camera::default().lens(&sheet, port);
        let query = |region, block| RasterView {
            shown: self.shown,
            arrangement: self.arrangement.clone(),
            region,
            block,
        };
        let loaded = ctx.session.raster(query(None, fitted.block()));
        let whole = match &loaded {
            Loaded::Failed(reason) => {
                let title = "This layer cannot be quantized as it is set";
                return state_view::failed_ui(ui, title, reason);
            }
            known => match known.shown() {
                Some(whole) => Arc::clone(whole),
                None => {
                    let progress = match known {
                        Loaded::Pending { progress, .. } => *progress,
                        _ => Progress::default(),
                    };
                    return state_view::pending_ui(ui, "Drawing the weights", progress);
                }
            },
        };
        if loaded.is_stale() {
            ui.set_opacity(0.5);
        }
        if let Some(factor) = self.wanted_zoom.take() {
            let lens = self.camera.lens(&whole.sheet, port);
            self.camera.zoom(&lens, factor, view.center());
        }
        let lens = self.camera.lens(&whole.sheet, port);
        let block = lens.block();
        let is_coarse = whole.block.0 > block.0 || whole.block.1 > block.1;
        let detail = lens.detail().filter(|_| is_coarse && !loaded.is_stale()).and_then(|region| {
            let loaded = ctx.session.raster(query(Some(region), block));
            let shown = loaded.shown().cloned();
            shown.filter(|detail| detail.belongs_to(&whole))
        });
        let canvas = Canvas { layer, lens, whole: &whole, detail: detail.as_deref() };
        self.textures.draw(ui, &canvas, &whole, detail.as_ref());
        canvas.draw_marks(ui, ctx.session.selection().channel_idx);
        legend::draw(ui, &canvas, Rect::from_min_max(view.left_bottom(), room.max));
        self.pointer_ui(ui, ctx, &canvas, &whole);
        ui.allocate_rect(room, Sense::hover());
    }

    /// Dragging moves, the wheel zooms around the pointer, a double click shows all, a click selects
    /// the channel and the weight whose bits show, hovering tells the weight.
    fn pointer_ui(&mut self, ui: &Ui, ctx: &PanelCtx, canvas: &Canvas, whole: &Raster) {
        let lens = &canvas.lens;
        let response =
            ui.interact(lens.view, ui.scope_id().with("weights"), Sense::click_and_drag());
        response
            .widget_info(|| WidgetInfo::labeled(egui::Role::Canvas, true, canvas.description()));
        if response.dragged() {
            self.camera.drag(lens, response.drag_delta());
        }
        if response.double_clicked() {
            self.camera.fit();
        }
        let Some(pointer) = response.hover_pos() else { return };
        let (scroll, pinch) = ui.input(|input| (input.smooth_scroll_delta().y, input.zoom_delta()));
        if scroll != 0.0 || pinch != 1.0 {
            self.camera.zoom(lens, (scroll / 160.0).exp() * pinch, pointer);
        }
        let Some(cell) = lens.cell_at(pointer) else { return };
        let Some((element, block)) = canvas.element_at(cell) else {
            return;
        };
        if response.clicked() {
            let channel = whole.sheet.channel_of(element);
            let is_selected = ctx.session.selection().channel_idx == Some(channel);
            ctx.send(Command::SelectChannel((!is_selected).then_some(channel)));
            ctx.send(Command::SelectWeight(element));
        }
        response.on_hover_ui_at_pointer(|ui| legend::hover_ui(ui, canvas, element, block));
    }
}
