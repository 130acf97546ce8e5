//! The bench: a bar a layer, as high as its bits and as wide as its share of the weights. Tops are
//! dragged, bars are locked and selected; everything else in the window follows.

mod bar;
mod columns;
mod drag;
mod height;
mod labels;
mod tools;

use egui::{Align2, Pos2, Rect, ScrollArea, Sense, Stroke, StrokeKind, Ui, pos2, vec2};

use crate::model::{Layer, Network};
use crate::session::Command;
use crate::ui::alone::Alone;
use crate::ui::panel::{Panel, PanelCtx, PanelEntry, Place};
use crate::ui::state_view;
use crate::ui::table::Table;
use crate::ui::theme::{self, Theme};

use bar::{Bar, column_rect, select_command};
use columns::Columns;
use drag::TopDrag;
use height::{BitsAxis, Height};
use labels::{GUTTER, ROW_HEIGHT, Row, Texts, gutter_ui, texts_ui};

pub const ENTRY: PanelEntry = PanelEntry {
    id: "bench",
    title: "Bench",
    place: Place::Centre,
    create: || Box::new(BenchPanel::default()),
};

#[derive(Default)]
struct BenchPanel {
    drag: Option<TopDrag>,
    brush: Option<Brush>,
    /// The layer shown last, to scroll to another one when it is selected elsewhere.
    shown_layer_idx: Option<usize>,
}

/// Layers being brushed over, in points from the left end of the first bar.
#[derive(Clone, Copy)]
struct Brush {
    from: f32,
    to: f32,
    /// Besides those that are selected.
    is_adding: bool,
}

impl Brush {
    fn ends(self) -> (f32, f32) {
        (self.from.min(self.to), self.from.max(self.to))
    }
}

/// Of the numbers above the highest bars.
const TOP_ROOM: f32 = 20.0;
/// Of the bar that scrolls, below everything.
const SCROLL_ROOM: f32 = 10.0;
/// Points a frame by which a brush at the edge scrolls.
const BRUSH_SCROLL: f32 = 14.0;

impl Panel for BenchPanel {
    fn ui(&mut self, ui: &mut Ui, ctx: &PanelCtx) {
        let Some(network) = ctx.session.network() else {
            let hint = "A bar for each layer will stand here, as high as its bits.";
            return state_view::no_model_ui(ui, ctx.session, hint);
        };
        if network.layers.is_empty() {
            return state_view::no_layer_ui(ui, ctx.session, "");
        }
        tools::tools_ui(ui, ctx);
        self.bars_ui(ui, ctx, network);
    }

    fn table(&self, ctx: &PanelCtx) -> Option<Table> {
        let network = ctx.session.network()?;
        Some(table_of(ctx, network))
    }
}

/// What is laid out once a frame.
struct Bench<'a> {
    ctx: &'a PanelCtx<'a>,
    network: &'a Network,
    columns: Columns,
    axis: BitsAxis,
    rows: &'static [Row],
    alone: Alone,
    selected: Vec<usize>,
    /// Between the axis and the last bar, as far as it is in view.
    plot: Rect,
    n_weights: usize,
}

impl<'a> Bench<'a> {
    fn new(ctx: &'a PanelCtx, network: &'a Network, room: Rect) -> Self {
        let layers = &network.layers;
        let n_weights: usize = layers.iter().map(Layer::count).sum();
        let shares: Vec<f64> = layers.iter().map(|layer| share(layer, n_weights)).collect();
        let rows = Row::fitting(room.height() - TOP_ROOM - SCROLL_ROOM);
        let below = rows.len() as f32 * ROW_HEIGHT + SCROLL_ROOM;
        let plot = Rect::from_min_max(
            pos2(room.left() + GUTTER + 6.0, room.top() + TOP_ROOM),
            pos2(room.right() - theme::PANEL_MARGIN, room.bottom() - below),
        );
        let recipes = [Some(&ctx.session.plan().recipe), ctx.session.rival().map(|r| &r.recipe)];
        let heights = recipes.into_iter().flatten().flat_map(|recipe| {
            layers.iter().map(|layer| Height::of(layer, recipe.get(&layer.name)))
        });
        let axis = BitsAxis::new(heights, plot);
        let columns = Columns::new(&shares, plot.width());
        let (alone, selected) = (Alone::of(ctx.session), ctx.session.selected_layers());
        Self { ctx, network, columns, axis, rows, alone, selected, plot, n_weights }
    }

    /// A layer as it is drawn; `left` is where the first bar begins.
    fn bar(&self, idx: usize, layer: &'a Layer, left: f32) -> Bar<'a> {
        let session = self.ctx.session;
        let choice = session.choice(idx);
        let rival = session.rival().map(|rival| Height::of(layer, rival.recipe.get(&layer.name)));
        let texts = Texts::of(session, &self.alone, (idx, layer), share(layer, self.n_weights));
        Bar {
            idx,
            layer,
            height: Height::of(layer, Some(&choice)),
            choice,
            rival,
            is_selected: self.selected.binary_search(&idx).is_ok(),
            is_locked: session.is_locked(idx),
            column: column_rect(self.columns.get(idx), left, self.plot),
            axis: self.axis,
            texts,
        }
    }

    /// The bar whose top a point is on.
    fn bar_at(&self, at: Pos2, left: f32) -> Option<Bar<'a>> {
        let idx = self.columns.at(at.x - left)?;
        let bar = self.bar(idx, self.network.layers.get(idx)?, left);
        bar.is_at_top(at).then_some(bar)
    }

    /// Lines at whole bits with their numbers at the left.
    fn axis_ui(&self, ui: &Ui, room: Rect) {
        let theme = Theme::of(ui);
        let painter = ui.painter();
        let area = self.plot.with_min_y(room.top());
        painter.rect_filled(area.expand2(vec2(4.0, 0.0)), 0, theme.background);
        let font = theme::mono(11.0);
        for bits in self.axis.marks() {
            let y = self.axis.y(Height::Bits(bits as f64));
            painter.hline(area.x_range(), y, Stroke::new(1.0, theme.grid));
            let place = pos2(self.plot.left() - 8.0, y);
            let text = bits.to_string();
            painter.text(place, Align2::RIGHT_CENTER, text, font.clone(), theme.label);
        }
        let place = pos2(self.plot.left() - 8.0, room.top() + 1.0);
        painter.text(place, Align2::RIGHT_TOP, "bits", theme::text(11.0), theme.label);
    }
}

fn share(layer: &Layer, n_weights: usize) -> f64 {
    layer.count() as f64 / n_weights.max(1) as f64
}

impl BenchPanel {
    fn bars_ui(&mut self, ui: &mut Ui, ctx: &PanelCtx, network: &Network) {
        let room = ui.available_rect_before_wrap();
        self.follow_pointer(ui, ctx);
        let bench = Bench::new(ctx, network, room);
        bench.axis_ui(ui, room);
        let gutter = Rect::from_min_max(
            pos2(room.left(), bench.plot.bottom() + 2.0),
            pos2(room.left() + GUTTER, room.bottom()),
        );
        gutter_ui(ui, ctx, &bench.alone, (bench.rows, gutter));
        let place = bench.plot.with_min_y(room.top()).with_max_y(room.bottom());
        let mut area = ui.new_child(egui::UiBuilder::new().max_rect(place));
        area.style_mut().always_scroll_the_only_direction = true;
        area.spacing_mut().scroll = egui::style::ScrollStyle::thin();
        let scroll = ScrollArea::horizontal().id_salt("bars").auto_shrink(false);
        scroll.show_viewport(&mut area, |ui, view| {
            ui.set_min_size(vec2(bench.columns.total, place.height() - SCROLL_ROOM));
            let left = place.left() - view.left();
            self.scroll_to_shown(ui, &bench, left);
            self.ground_ui(ui, &bench, left);
            for idx in bench.columns.within(view.left(), view.right()) {
                let Some(layer) = network.layers.get(idx) else { continue };
                self.bar_ui(ui, &bench, (idx, layer), left);
            }
            self.brush_ui(ui, &bench, left);
        });
        ui.advance_cursor_after_rect(room);
    }

    /// The bars that are held go with the pointer, wherever it is, until it is let go.
    fn follow_pointer(&mut self, ui: &Ui, ctx: &PanelCtx) {
        let (at, is_down, is_released) = ui.input(|input| {
            let pointer = &input.pointer;
            (pointer.interact_pos(), pointer.any_down(), pointer.any_released())
        });
        if let (Some(drag), Some(at)) = (self.drag.as_mut(), at) {
            drag.follow(ctx, at.y);
        }
        if !is_down {
            self.drag = None;
            // Its end is told once more where the brush is.
            self.brush = self.brush.filter(|_| is_released);
        }
    }

    /// A layer that was selected elsewhere comes in view.
    fn scroll_to_shown(&mut self, ui: &Ui, bench: &Bench, left: f32) {
        let shown = bench.ctx.session.selection().layer_idx;
        if self.shown_layer_idx != Some(shown) {
            self.shown_layer_idx = Some(shown);
            if self.drag.is_none() && self.brush.is_none() {
                ui.scroll_to_rect(column_rect(bench.columns.get(shown), left, bench.plot), None);
            }
        }
    }

    fn bar_ui(&mut self, ui: &mut Ui, bench: &Bench, (idx, layer): (usize, &Layer), left: f32) {
        let ctx = bench.ctx;
        let bar = bench.bar(idx, layer, left);
        let is_held = self.drag.as_ref().is_some_and(|drag| drag.layer_idx == idx);
        bar.draw(ui, is_held);
        let below = Rect::from_x_y_ranges(
            bar.column.x_range(),
            bar.column.bottom() + 2.0
                ..=bar.column.bottom() + 2.0 + bench.rows.len() as f32 * ROW_HEIGHT,
        );
        let ink = bar.name_ui(ui, ctx, below);
        let before = idx.checked_sub(1).and_then(|before| bench.network.layers.get(before));
        let names = (&bar.texts, before.map(|layer| layer.name.as_str()));
        texts_ui(ui, names, bench.rows, (bar.column.x_range(), below.top()), ink);
        bar.lock_ui(ui, ctx);
        bar.top_ui(ui, ctx, &mut self.drag);
    }

    /// What is no top, no name and no lock: clicked it selects the layer, dragged it brushes.
    fn ground_ui(&mut self, ui: &Ui, bench: &Bench, left: f32) {
        let ctx = bench.ctx;
        let area = bench.plot.with_min_y(bench.plot.top() - TOP_ROOM);
        let response = ui.interact(area, ui.scope_id().with("ground"), Sense::click_and_drag());
        let modifiers = ui.input(|input| input.modifiers);
        let at = response.interact_pointer_pos().map(|at| at.x - left);
        let at_click = at.filter(|_| response.clicked()).and_then(|x| bench.columns.at(x));
        if let Some(idx) = at_click {
            ctx.send(select_command(idx, modifiers));
        }
        if let Some(to) = at.filter(|_| response.drag_started()) {
            let pressed = ui.input(|input| input.pointer.press_origin());
            // A quick hand may have left the top before the frame in which it is looked for.
            let bar = pressed.and_then(|at| bench.bar_at(at, left)).filter(Bar::is_free);
            self.drag = bar.and_then(|bar| bar.hold(ui, ctx));
            let from = pressed.map_or(to, |pressed| pressed.x - left);
            let is_adding = modifiers.command || modifiers.shift;
            self.brush = self.drag.is_none().then_some(Brush { from, to, is_adding });
        }
        if let (Some(brush), Some(to)) = (self.brush.as_mut(), at) {
            brush.to = to;
        }
        if response.drag_stopped()
            && let Some(brush) = self.brush.take()
        {
            let (lo, hi) = brush.ends();
            let mut layers: Vec<usize> = bench.columns.within(lo, hi).collect();
            if brush.is_adding {
                layers.extend(&bench.selected);
            }
            ctx.send(Command::SelectLayers(layers));
        }
        let hovered = response.hover_pos().and_then(|at| bench.columns.at(at.x - left));
        let hovered = hovered.filter(|_| !response.dragged());
        if let Some((idx, layer)) =
            hovered.and_then(|idx| Some((idx, bench.network.layers.get(idx)?)))
        {
            let bar = bench.bar(idx, layer, left);
            response.on_hover_ui_at_pointer(|ui| bar.tooltip_ui(ui, ctx));
        }
    }

    /// What is being brushed over.
    fn brush_ui(&self, ui: &Ui, bench: &Bench, left: f32) {
        let Some(brush) = self.brush else { return };
        let theme = Theme::of(ui);
        let (lo, hi) = brush.ends();
        let area = Rect::from_x_y_ranges(left + lo..=left + hi, bench.plot.y_range());
        ui.painter().rect_filled(area, 0, theme.accent.gamma_multiply(0.12));
        let stroke = Stroke::new(1.0, theme.accent);
        ui.painter().rect_stroke(area, 0, stroke, StrokeKind::Inside);
        for idx in bench.columns.within(lo, hi) {
            let column = column_rect(bench.columns.get(idx), left, bench.plot);
            ui.painter().hline(column.x_range(), column.bottom(), Stroke::new(3.0, theme.accent));
        }
        let pointer = left + brush.to;
        let by = if pointer > bench.plot.right() {
            -BRUSH_SCROLL
        } else if pointer < bench.plot.left() {
            BRUSH_SCROLL
        } else {
            return;
        };
        ui.scroll_with_delta(vec2(by, 0.0));
        ui.ctx().request_repaint();
    }
}

fn table_of(ctx: &PanelCtx, network: &Network) -> Table {
    let session = ctx.session;
    let alone = Alone::of(session);
    let n_weights: usize = network.layers.iter().map(Layer::count).sum();
    let mut table = Table::new(&[
        "layer",
        "setting",
        "code_bits",
        "weights",
        "share",
        "sqnr_db",
        "alone_change",
        "alone_lo",
        "alone_hi",
        "locked",
        "compared_setting",
    ]);
    for (idx, layer) in network.layers.iter().enumerate() {
        let choice = session.choice(idx);
        let figure = alone.figure(&layer.name, &choice).ok();
        let figures = session.layer_figures_in_time(idx);
        let number = |x: Option<f64>| x.map_or_else(String::new, |x| x.to_string());
        table.rows.push(vec![
            layer.name.clone(),
            choice.to_string(),
            choice.code_bits().map_or_else(String::new, |bits| bits.to_string()),
            layer.count().to_string(),
            share(layer, n_weights).to_string(),
            number(figures.ready().and_then(|figures| figures.sqnr().db())),
            number(figure.map(|figure| figure.change.value)),
            number(figure.map(|figure| figure.change.ci95.0)),
            number(figure.map(|figure| figure.change.ci95.1)),
            session.is_locked(idx).to_string(),
            session.rival_choice(idx).map_or_else(String::new, |choice| choice.to_string()),
        ]);
    }
    table
}
