//! Every output channel on a row of its own: range, scale, error, and how its weights are spread.

mod columns;
mod decibels;
mod density;
mod legend;
mod rows;
mod tools;

use std::sync::Arc;

use egui::{Rect, Sense, Stroke, Ui, WidgetInfo, pos2, vec2};

use self::columns::{Axes, Columns, Sketch};
use self::decibels::DecibelRange;
use self::density::{DensityTextures, DensityView};
use self::legend::{LINE_HEIGHT, Subject};
use self::rows::{Ends, RowLayout, RowWindow, Summary};
use crate::base::Progress;
use crate::session::{
    ChannelFilter, ChannelKey, ChannelOrder, ChannelPicture, Command, Direction, Loaded,
};
use crate::ui::panel::{Panel, PanelCtx, PanelEntry, Place};
use crate::ui::state_view;
use crate::ui::theme::{self, Theme};

pub const ENTRY: PanelEntry = PanelEntry {
    id: "channels",
    title: "Channels",
    place: Place::Centre,
    create: || Box::new(ChannelsPanel::new()),
};

struct ChannelsPanel {
    order: ChannelOrder,
    view: DensityView,
    /// All rows if `None`.
    window: Option<RowWindow>,
    /// What the window is about: layer and number of rows.
    window_of: (usize, usize),
    /// The selection when it was last drawn: another one is brought into view.
    last_selected: Option<usize>,
    /// The axis of the SQNR, and the layer it is for.
    decibels: Option<(usize, DecibelRange)>,
    textures: DensityTextures,
}

/// Where rows could not be told apart.
const TOO_SMALL: &str =
    "Make the panel larger, or enlarge it with the arrows at its upper right corner.";
/// Height of legends and numbers of the axes over the rows, and of the titles below them.
const HEAD_HEIGHT: f32 = 48.0;
const FOOT_HEIGHT: f32 = 28.0;

impl Panel for ChannelsPanel {
    fn ui(&mut self, ui: &mut Ui, ctx: &PanelCtx) {
        let Some(layer) = ctx.layer() else {
            let hint = "Every output channel of the selected layer gets a row with its range, scale and error.";
            state_view::no_layer_ui(ui, ctx.session, hint);
            return;
        };
        let picture = ctx.session.channel_picture(self.order);
        self.tools_ui(ui, ctx, layer, picture.shown().map(|picture| &**picture));
        match &picture {
            Loaded::Failed(reason) => {
                state_view::failed_ui(ui, "The channels of this layer cannot be measured", reason);
            }
            known => match known.shown() {
                None => {
                    let progress = match known {
                        Loaded::Pending { progress, .. } => *progress,
                        _ => Progress::default(),
                    };
                    state_view::pending_ui(ui, "Measuring the channels", progress);
                }
                Some(shown) => {
                    if known.is_stale() {
                        ui.set_opacity(0.5);
                    }
                    self.rows_ui(ui, ctx, shown);
                }
            },
        }
    }
}

impl ChannelsPanel {
    fn new() -> Self {
        Self {
            order: ChannelOrder {
                key: ChannelKey::Range,
                direction: Direction::Descending,
                filter: ChannelFilter::All,
            },
            view: DensityView::HeatMap,
            window: None,
            window_of: (0, 0),
            last_selected: None,
            decibels: None,
            textures: DensityTextures::default(),
        }
    }

    fn rows_ui(&mut self, ui: &mut Ui, ctx: &PanelCtx, picture: &Arc<ChannelPicture>) {
        let n_rows = picture.listed.len();
        if n_rows == 0 {
            return no_rows_ui(ui, picture);
        }
        let room = ui.available_rect_before_wrap();
        let mut plot = Rect::from_min_max(
            room.min + vec2(theme::PANEL_MARGIN, HEAD_HEIGHT),
            room.max - vec2(theme::PANEL_MARGIN, FOOT_HEIGHT),
        );
        let n_scales = n_scales(picture);
        let subject = Subject { picture, columns: &Columns::new(plot, n_scales), view: self.view };
        plot.min.y += LINE_HEIGHT * (legend::n_lines(ui, subject) - 1) as f32;
        if plot.height() < 24.0 || plot.width() < 160.0 {
            return state_view::empty_ui(ui, "Too little room", TOO_SMALL);
        }
        let selected = ctx.session.selection().channel_idx;
        let window = self.window_for(picture, selected);
        let pixels_per_point = ui.ctx().pixels_per_point();
        let layout = RowLayout::new(window, n_rows, (plot.top(), plot.height()), pixels_per_point);
        let columns = Columns::new(plot, n_scales);
        let axes = Axes::new(picture, &columns, self.decibels_for(ui, picture));
        let theme = Theme::of(ui);
        let used = plot.with_max_y(layout.top + layout.height);
        ui.painter().rect_filled(used.expand2(vec2(4.0, 2.0)), 2, theme.background);
        let response =
            ui.interact(used, ui.scope_id().with("channel rows"), Sense::click_and_drag());
        response.widget_info(|| {
            let places = window.places(n_rows);
            let (first, last) = (places.start, places.end.saturating_sub(1));
            let text = format!("Channel rows, {n_rows} listed, places {first} to {last} in view");
            WidgetInfo::labeled(egui::Role::Canvas, true, text)
        });
        let painter = ui.painter().with_clip_rect(room.intersect(ui.clip_rect()));
        let sketch = Sketch {
            painter: &painter,
            theme,
            picture,
            layout: &layout,
            columns: &columns,
            axes: &axes,
            selected,
        };
        sketch.draw();
        self.textures.draw(ui, ctx, &sketch, self.view);
        legend::legend_ui(ui, &sketch, self.view);
        legend::titles(&sketch, used.bottom() + 6.0);
        mark_selected(&sketch, used);
        scroll_mark(&sketch, used);
        self.pointer_ui(ui, ctx, &sketch, &response);
        ui.allocate_rect(room, Sense::hover());
    }

    /// The axis of the SQNR: around the values of the channels listed.
    fn decibels_for(&mut self, ui: &Ui, picture: &ChannelPicture) -> DecibelRange {
        let all = Summary::of(picture, 0..picture.listed.len());
        let values: Ends = [all.sqnr, all.per_tensor, all.per_channel]
            .into_iter()
            .flatten()
            .reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)));
        let is_dragging = ui.input(|input| input.pointer.primary_down());
        let range = match self.decibels {
            Some((layer_idx, range)) if layer_idx == picture.layer_idx => {
                range.following(values, is_dragging)
            }
            _ => DecibelRange::around(values),
        };
        self.decibels = Some((picture.layer_idx, range));
        range
    }

    /// The rows in view: all of another layer at first, the selected channel whenever it changes.
    fn window_for(&mut self, picture: &ChannelPicture, selected: Option<usize>) -> RowWindow {
        let n_rows = picture.listed.len();
        if self.window_of != (picture.layer_idx, n_rows) {
            self.window_of = (picture.layer_idx, n_rows);
            self.window = None;
        }
        if self.last_selected != selected {
            self.last_selected = selected;
            let place = selected.and_then(|idx| place_of(picture, idx));
            if let (Some(window), Some(place)) = (self.window, place) {
                self.window = Some(window.showing(place, n_rows));
            }
        }
        self.window.unwrap_or(RowWindow::all(n_rows))
    }

    fn set_window(&mut self, window: RowWindow, n_rows: usize) {
        self.window = (!window.is_all(n_rows)).then_some(window);
    }

    /// Wheel zooms around the pointer, dragging moves, a click selects, hovering tells the figures.
    fn pointer_ui(&mut self, ui: &Ui, ctx: &PanelCtx, sketch: &Sketch, response: &egui::Response) {
        let (layout, picture) = (sketch.layout, sketch.picture);
        let n_rows = layout.n_rows;
        if response.dragged() {
            let rows = -f64::from(response.drag_delta().y / layout.row_height);
            self.set_window(layout.window.moved(rows, n_rows), n_rows);
        }
        if response.double_clicked() {
            self.window = None;
        }
        let Some(pointer) = response.hover_pos() else { return };
        let (scroll, pinch) = ui.input(|input| (input.smooth_scroll_delta().y, input.zoom_delta()));
        if scroll != 0.0 || pinch != 1.0 {
            let factor = f64::from(scroll / 200.0).exp() * f64::from(pinch);
            let anchor = f64::from((pointer.y - layout.top) / layout.height).clamp(0.0, 1.0);
            self.set_window(layout.window.zoomed(factor, anchor, n_rows), n_rows);
        }
        let Some(place) = layout.place_at(pointer.y) else { return };
        let Some(&channel_idx) = picture.listed.get(place) else { return };
        let channel_idx = channel_idx as usize;
        let row = Rect::from_x_y_ranges(
            response.rect.x_range(),
            layout.y(place as f64)..=layout.y(place as f64 + 1.0).max(layout.y(place as f64) + 1.0),
        );
        sketch.painter.rect_filled(row, 0, sketch.theme.text.gamma_multiply(0.10));
        if response.clicked() {
            let is_selected = sketch.selected == Some(channel_idx);
            ctx.send(Command::SelectChannel((!is_selected).then_some(channel_idx)));
        }
        response.clone().on_hover_ui_at_pointer(|ui| legend::hover_ui(ui, picture, channel_idx));
    }
}

fn no_rows_ui(ui: &mut Ui, picture: &ChannelPicture) {
    let (title, hint) = if picture.table.channels.is_empty() {
        ("No channels", "This tensor has no weights.")
    } else {
        (
            "No outliers",
            "No channel's range is over twice or under half the median. All channels: the filter All.",
        )
    };
    state_view::empty_ui(ui, title, hint);
}

/// Channels with a scale that says something: levels of their own and rotated weights have none.
fn n_scales(picture: &ChannelPicture) -> usize {
    let scales = picture.table.channels.iter().filter_map(|channel| channel.scale);
    scales.filter(|scale| scale.is_finite() && *scale != 1.0).count()
}

fn place_of(picture: &ChannelPicture, channel_idx: usize) -> Option<usize> {
    picture.listed.iter().position(|&idx| idx as usize == channel_idx)
}

/// A frame around the selected row, and its number if it is too thin for one.
fn mark_selected(sketch: &Sketch, used: Rect) {
    let place = sketch.selected.and_then(|idx| place_of(sketch.picture, idx));
    let Some(place) = place else { return };
    let layout = sketch.layout;
    let (top, bottom) = (layout.y(place as f64), layout.y(place as f64 + 1.0));
    let middle = (top + bottom) / 2.0;
    if !used.y_range().contains(middle) {
        return;
    }
    let half = ((bottom - top) / 2.0).max(2.0);
    let frame = Rect::from_x_y_ranges(used.x_range(), middle - half..=middle + half);
    let stroke = Stroke::new(1.0, sketch.theme.accent);
    sketch.painter.rect_stroke(frame.expand(0.5), 2, stroke, egui::StrokeKind::Outside);
}

/// Which part of all rows is in view.
fn scroll_mark(sketch: &Sketch, used: Rect) {
    let window = sketch.layout.window;
    let n_rows = sketch.layout.n_rows.max(1) as f64;
    if window.is_all(sketch.layout.n_rows) {
        return;
    }
    let y = |place: f64| used.top() + used.height() * (place / n_rows) as f32;
    let (top, bottom) = (y(window.first), y(window.first + window.count));
    let left = used.right() + 6.0;
    let track = Rect::from_min_max(pos2(left, used.top()), pos2(left + 4.0, used.bottom()));
    sketch.painter.rect_filled(track, 2, sketch.theme.raised);
    let thumb = Rect::from_min_max(pos2(left, top), pos2(left + 4.0, bottom.max(top + 8.0)));
    sketch.painter.rect_filled(thumb, 2, sketch.theme.hint);
}
