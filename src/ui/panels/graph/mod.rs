//! The network drawn: how the layers hang together, each coloured by what quantization does to it.

mod drawing;
mod hover;
mod measure;
mod view;

use std::sync::Arc;

use egui::{Rect, Response, RichText, Sense, Ui, WidgetInfo, vec2};
use egui_material_icons::{MaterialIcon, icons};

use self::drawing::{Drawing, LayerFace};
use self::hover::hover_ui;
use self::measure::{MEASURES, Measure, legend_rect, legend_ui};
use self::view::{Panes, Room, View, columns_for};
use crate::base::{counted, percent, thousands};
use crate::model::Network;
use crate::session::graph_layout::{BoxKind, GraphBox, GraphLayout, ShapeArithmetic};
use crate::session::{Command, Loaded};
use crate::ui::panel::{Panel, PanelCtx, PanelEntry, Place};
use crate::ui::segments::Segments;
use crate::ui::state_view;
use crate::ui::theme::{self, Theme};

pub const ENTRY: PanelEntry = PanelEntry {
    id: "graph",
    title: "Graph",
    place: Place::Left,
    create: || Box::new(GraphPanel::default()),
};

struct GraphPanel {
    measure: Measure,
    shapes: ShapeArithmetic,
    view: View,
    /// What `view` belongs to; another drawing is shown from its start.
    shown: Option<Arc<GraphLayout>>,
    /// To bring another one into view when it is selected elsewhere.
    shown_layer_idx: usize,
}

impl Default for GraphPanel {
    fn default() -> Self {
        Self {
            measure: Measure::Bits,
            shapes: ShapeArithmetic::default(),
            view: View::default(),
            shown: None,
            shown_layer_idx: 0,
        }
    }
}

impl Panel for GraphPanel {
    fn ui(&mut self, ui: &mut Ui, ctx: &PanelCtx) {
        let Some(network) = ctx.session.network() else {
            let hint = "The network of a model will be drawn here. Open one with File › Open model…, or drop a file here.";
            state_view::no_model_ui(ui, ctx.session, hint);
            return;
        };
        if network.graph.is_none() {
            no_graph_ui(ui, network);
            return;
        }
        match self.layout(ui, ctx) {
            Loaded::Failed(reason) => state_view::failed_ui(ui, "The graph is not drawn", &reason),
            loaded => match loaded.shown() {
                None => {
                    let progress = crate::base::Progress::default();
                    state_view::pending_ui(ui, "Laying out the graph", progress);
                }
                Some(layout) => self.layout_ui(ui, ctx, network, layout),
            },
        }
    }
}

/// Of the controls, and what the switch for shape arithmetic adds to them.
const MIN_WIDTH_FOR_ONE_LINE: f32 = 420.0;
const SHAPE_SWITCH_WIDTH: f32 = 170.0;
/// Factor of one press of a zoom button.
const ZOOM_STEP: f32 = 1.25;
/// Powers of e a point of the wheel.
const WHEEL_SPEED: f32 = 0.003;
const MIN_CANVAS: f32 = 24.0;

impl GraphPanel {
    /// The drawing, in columns where the panel is wide and it is long.
    fn layout(&self, ui: &Ui, ctx: &PanelCtx) -> Loaded<GraphLayout> {
        let plain = ctx.session.graph_layout(self.shapes);
        let Some(size) = plain.shown().map(|layout| (layout.width, layout.height)) else {
            return plain;
        };
        let canvas = ui.available_size() - vec2(0.0, theme::TOOL_ROW_HEIGHT);
        match columns_for(size, canvas) {
            1 => plain,
            n_columns => ctx.session.folded_graph_layout(self.shapes, n_columns),
        }
    }

    fn layout_ui(
        &mut self,
        ui: &mut Ui,
        ctx: &PanelCtx,
        network: &Network,
        layout: &Arc<GraphLayout>,
    ) {
        let zoom = self.tool_row_ui(ui, layout);
        let whole = ui.available_rect_before_wrap();
        if whole.width() < MIN_CANVAS || whole.height() < MIN_CANVAS {
            return;
        }
        let panes = Panes::new(whole, layout);
        let canvas = panes.canvas;
        let background = ui.allocate_rect(canvas, Sense::click_and_drag());
        background
            .widget_info(|| WidgetInfo::labeled(egui::Role::Canvas, true, "Graph of the network"));
        let selected = ctx.session.selection().layer_idx;
        let room = Room { canvas, legend: legend_rect(whole, panes.legend) };
        self.follow_selection(layout, selected, room);
        self.move_view(ui, layout, &background, (room, zoom));
        let hovered = hovered_box(ui, layout, self.view, canvas);
        let painter = ui.painter_at(canvas);
        let theme = Theme::of(ui);
        painter.rect_filled(canvas, 0, theme.background);
        let drawing = Drawing {
            painter: &painter,
            theme,
            layout,
            view: self.view,
            canvas,
            measure: self.measure,
            hovered,
        };
        drawing.segments();
        self.boxes_ui(ui, ctx, network, &drawing);
        if let Some((box_idx, graph_box)) =
            hovered.and_then(|idx| Some((idx, layout.boxes.get(idx)?)))
        {
            let rect = self.view.to_screen(graph_box.rect, canvas).intersect(canvas);
            let id = ui.scope_id().with(("hovered", box_idx));
            ui.interact(rect, id, Sense::hover()).on_hover_ui(|ui| hover_ui(ui, ctx, graph_box));
        }
        let aside = Drawing { painter: &ui.painter_at(whole), ..drawing };
        let map = aside.mini_map(panes.map, Some(selected));
        legend_ui(ui, (whole, panes.legend), self.measure);
        if let Some(area) = map {
            self.mini_map_ui(ui, layout, area, room);
        }
    }

    /// The boxes in sight; those with a weight can be pressed.
    fn boxes_ui(&self, ui: &Ui, ctx: &PanelCtx, network: &Network, drawing: &Drawing) {
        let selected = ctx.session.selection().layer_idx;
        let stored_bytes = match self.measure {
            Measure::Size => whole_size(ctx),
            _ => None,
        };
        let seen = self.view.seen(drawing.canvas);
        let has_text = drawing.has_text();
        for (box_idx, graph_box) in drawing.layout.boxes_between(seen.top(), seen.bottom()) {
            if graph_box.rect.right() < seen.left() || graph_box.rect.left > seen.right() {
                continue;
            }
            let BoxKind::Layer(layer_idx) = graph_box.kind else {
                drawing.quiet_box(graph_box);
                continue;
            };
            let face = LayerFace {
                graph_box,
                detail: if has_text { detail_of(network, layer_idx) } else { String::new() },
                reading: self.measure.read(ctx, layer_idx, stored_bytes),
                is_selected: layer_idx == selected,
            };
            drawing.layer_box(&face);
            let rect =
                self.view.to_screen(graph_box.rect, drawing.canvas).intersect(drawing.canvas);
            let response =
                ui.interact(rect, ui.scope_id().with(("layer", box_idx)), Sense::click());
            label_layer(&response, &face, || detail_of(network, layer_idx));
            if response.has_focus() {
                drawing.focus_frame(graph_box);
            }
            if response.clicked() {
                ctx.send(Command::SelectLayer(layer_idx));
            }
        }
    }

    /// A new drawing is shown from its start; a layer selected elsewhere is brought into view.
    fn follow_selection(&mut self, layout: &Arc<GraphLayout>, selected: usize, room: Room) {
        let rect = || layout.box_of_layer(selected).map(|graph_box| graph_box.rect);
        let is_new = !self.shown.as_ref().is_some_and(|shown| Arc::ptr_eq(shown, layout));
        if is_new {
            self.view = View::first(layout, rect(), room);
            self.shown = Some(Arc::clone(layout));
        } else if self.shown_layer_idx != selected
            && let Some(rect) = rect()
        {
            self.view.reveal(rect, room.canvas);
        }
        self.shown_layer_idx = selected;
    }

    fn move_view(
        &mut self,
        ui: &Ui,
        layout: &GraphLayout,
        background: &Response,
        (room, zoom): (Room, Option<Zoom>),
    ) {
        let canvas = room.canvas;
        match zoom {
            Some(Zoom::Fit) => self.view.fit_whole(layout, room),
            Some(Zoom::By(factor)) => self.view.zoom(factor, canvas.center(), canvas),
            Some(Zoom::To(scale)) => {
                self.view.zoom(scale / self.view.scale, canvas.center(), canvas);
            }
            None => {}
        }
        if background.dragged() {
            self.view.pan(background.drag_delta());
        }
        if ui.rect_contains_pointer(canvas)
            && let Some(at) = ui.input(|input| input.pointer.hover_pos())
        {
            let (wheel, pinch) =
                ui.input(|input| (input.smooth_scroll_delta().y, input.zoom_delta()));
            let factor = (wheel * WHEEL_SPEED).exp() * pinch;
            if factor != 1.0 {
                self.view.zoom(factor, at, canvas);
            }
        }
        let shown_layer_idx = self.shown_layer_idx;
        let selected = || layout.box_of_layer(shown_layer_idx).map(|graph_box| graph_box.rect);
        self.view.follow(layout, selected, room);
    }

    /// Pressing or dragging in the small map moves the view there.
    fn mini_map_ui(&mut self, ui: &Ui, layout: &GraphLayout, area: Rect, room: Room) {
        let response = ui.interact(area, ui.scope_id().with("mini-map"), Sense::click_and_drag());
        response.widget_info(|| WidgetInfo::labeled(egui::Role::Canvas, true, "Map of the graph"));
        if let Some(at) = response.interact_pointer_pos() {
            let at = (at - area.min) / area.size() * vec2(layout.width, layout.height);
            let point = crate::session::graph_layout::BoxRect {
                left: at.x.clamp(0.0, layout.width),
                top: at.y.clamp(0.0, layout.height),
                ..Default::default()
            };
            self.view.centre_on(Some(point), layout, room);
        }
        response.on_hover_text("The whole graph; press to go there");
    }
}

/// What a button of the tool row asks of the view.
enum Zoom {
    Fit,
    By(f32),
    To(f32),
}

impl GraphPanel {
    fn tool_row_ui(&mut self, ui: &mut Ui, layout: &GraphLayout) -> Option<Zoom> {
        let mut zoom = None;
        let theme = Theme::of(ui);
        ui.add_space(8.0);
        let margin = egui::Margin::symmetric(theme::PANEL_MARGIN as i8, 0);
        let right_to_left = egui::Layout::right_to_left(egui::Align::Center);
        // Zooming takes a line of its own where there is no room beside the other controls.
        let beside = if layout.n_shape_nodes > 0 { SHAPE_SWITCH_WIDTH } else { 0.0 };
        let is_narrow = ui.available_width() < MIN_WIDTH_FOR_ONE_LINE + beside;
        egui::Frame::new().inner_margin(margin).show(ui, |ui| {
            ui.horizontal_wrapped(|ui| {
                ui.set_min_height(theme::CONTROL_HEIGHT);
                if ui.available_width() > 560.0 {
                    ui.label(RichText::new("Colour").color(theme.label));
                }
                self.measure_switch_ui(ui);
                if layout.n_shape_nodes > 0 {
                    self.shape_switch_ui(ui, layout.n_shape_nodes);
                }
                if !is_narrow {
                    ui.with_layout(right_to_left, |ui| zoom = self.zoom_ui(ui));
                }
            });
            if is_narrow {
                let size = vec2(ui.available_width(), theme::CONTROL_HEIGHT);
                ui.allocate_ui_with_layout(size, right_to_left, |ui| zoom = self.zoom_ui(ui));
            }
        });
        ui.add_space(4.0);
        zoom
    }

    fn measure_switch_ui(&mut self, ui: &mut Ui) {
        let clicked = Segments::new(&MEASURES).named("Colour by").show(ui, Some(self.measure));
        self.measure = clicked.unwrap_or(self.measure);
    }

    fn shape_switch_ui(&mut self, ui: &mut Ui, n_nodes: usize) {
        let mut is_shown = self.shapes == ShapeArithmetic::Shown;
        let text = format!("Shape arithmetic ({})", thousands(n_nodes));
        let help = "Nodes that depend on shapes and constants only, as exporters write them: Shape, Gather, Concat…";
        if ui.checkbox(&mut is_shown, text).on_hover_text(help).changed() {
            self.shapes = if is_shown { ShapeArithmetic::Shown } else { ShapeArithmetic::Hidden };
        }
    }

    /// From right to left.
    fn zoom_ui(&self, ui: &mut Ui) -> Option<Zoom> {
        let mut zoom = None;
        ui.spacing_mut().item_spacing.x = 4.0;
        if ui.button("Fit").on_hover_text("Show the whole graph").clicked() {
            zoom = Some(Zoom::Fit);
        }
        if ui.button("100 %").on_hover_text("Show the graph at its own size").clicked() {
            zoom = Some(Zoom::To(1.0));
        }
        if icon_button(ui, icons::ICON_ADD, "Zoom in") {
            zoom = Some(Zoom::By(ZOOM_STEP));
        }
        let shown = percent(f64::from(self.view.scale), 0);
        let size = vec2(44.0, theme::CONTROL_HEIGHT);
        let layout = egui::Layout::centered_and_justified(egui::Direction::LeftToRight);
        ui.allocate_ui_with_layout(size, layout, |ui| {
            let text = RichText::new(shown).font(theme::mono(12.0)).color(Theme::of(ui).label);
            let help = "Scale of the drawing; the wheel changes it, dragging moves the drawing";
            ui.label(text).on_hover_text(help);
        });
        if icon_button(ui, icons::ICON_REMOVE, "Zoom out") {
            zoom = Some(Zoom::By(1.0 / ZOOM_STEP));
        }
        zoom
    }
}

/// Stored bytes of the whole model, once they are known of every layer.
fn whole_size(ctx: &PanelCtx) -> Option<u64> {
    let known = ctx.session.size().filter(crate::session::KnownSize::is_whole);
    known.map(|known| known.size.quantized_bytes)
}

fn icon_button(ui: &mut Ui, icon: MaterialIcon, name: &str) -> bool {
    let size = vec2(theme::CONTROL_HEIGHT, theme::CONTROL_HEIGHT);
    let response = ui.add(egui::Button::new(icon.rich_text().size(14.0)).min_size(size));
    response.ctx.accesskit_node_builder(response.id, |node| node.set_label(name));
    response.on_hover_text(name).clicked()
}

fn no_graph_ui(ui: &mut Ui, network: &Network) {
    let hint = format!(
        "“{}” holds {}, and no word on how the parts are joined. Open the same model as ONNX, or as safetensors with a graph inside, to see it drawn; what can be quantized is listed under Layers.",
        network.model.title,
        counted(network.layers.len(), "weight tensor"),
    );
    state_view::empty_ui(ui, "This file has no graph", &hint);
}

/// Operator and dimensions of a layer.
fn detail_of(network: &Network, layer_idx: usize) -> String {
    network.layers.get(layer_idx).map_or_else(String::new, |layer| {
        let dims: Vec<String> = layer.dims.iter().map(ToString::to_string).collect();
        format!("{}  {}", layer.op, dims.join("×"))
    })
}

fn label_layer(response: &Response, face: &LayerFace, detail: impl FnOnce() -> String) {
    let label = || format!("Graph node {}", face.graph_box.title);
    response
        .widget_info(|| WidgetInfo::selected(egui::Role::Button, true, face.is_selected, label()));
    response.ctx.accesskit_node_builder(response.id, |node| {
        node.set_value(format!("{}, {}", detail(), face.reading.text));
    });
}

/// The box under the pointer, if nothing lies over the canvas there.
fn hovered_box(ui: &Ui, layout: &GraphLayout, view: View, canvas: Rect) -> Option<usize> {
    let at = ui.input(|input| input.pointer.hover_pos())?;
    if !ui.rect_contains_pointer(canvas) {
        return None;
    }
    let at = view.to_drawing(at, canvas);
    let is_under = |graph_box: &GraphBox| {
        let rect = graph_box.rect;
        (rect.left..=rect.right()).contains(&at.x) && (rect.top..=rect.bottom()).contains(&at.y)
    };
    layout.boxes_between(at.y, at.y).find(|(_, graph_box)| is_under(graph_box)).map(|(idx, _)| idx)
}
