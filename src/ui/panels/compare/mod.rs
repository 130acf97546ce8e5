//! The selected layer under any set of schemes: signal-to-noise ratio over bits, cards, a table.

mod cards;
mod detail;
mod list;
mod marks;
mod plot;
mod rows;
mod specs;
mod tools;

use std::sync::Arc;

use egui::{Rect, Ui, UiBuilder};
use egui_material_icons::icons::ICON_BALANCE;
use serde::{Deserialize, Serialize};

use self::plot::{Deed, PlotView};
use self::rows::{Known, Order, Present, Row};
use self::specs::Compared;
use crate::base::{Progress, percent};
use crate::eval::RateLimits;
use crate::session::{LayerComparison, Loaded};
use crate::tensor::Histogram;
use crate::ui::panel::{Panel, PanelCtx, PanelEntry, Place};
use crate::ui::state_view;
use crate::ui::table::Table;
use crate::ui::theme::{self, Theme};

pub const ENTRY: PanelEntry = PanelEntry {
    id: "compare",
    title: "Compare",
    place: Place::Centre,
    create: || Box::new(ComparePanel::default()),
};

#[derive(Default)]
struct ComparePanel {
    view: CompareView,
    plot: PlotView,
    /// Specification of the scheme that was clicked.
    picked: Option<String>,
}

/// What is kept of the panel between two starts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct CompareView {
    view: View,
    order: Order,
    compared: Compared,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
enum View {
    #[default]
    Plot,
    Multiples,
    Table,
}

/// From this width on the table stands beside the plot.
const MIN_WIDTH_FOR_BOTH: f32 = 900.0;
const TABLE_SHARE: f32 = 0.44;
const MAX_TABLE_WIDTH: f32 = 900.0;

/// Of the selected layers.
#[derive(Clone, Copy, Debug)]
struct Locked {
    n_selected: usize,
    n_locked: usize,
}

/// What is drawn of a comparison.
struct Content<'a> {
    layer_idx: usize,
    /// Each scheme once, in the order of the table.
    rows: Vec<Row>,
    /// How the layer is quantized now, whether it is one of them or not.
    in_use: Option<Row>,
    /// Of each scheme whose bits can be chosen all of them; for the plot only.
    curves: Vec<Vec<Row>>,
    limits: Option<RateLimits>,
    original: Option<Arc<Histogram>>,
    present: Present,
    picked: Option<&'a str>,
    locked: Locked,
    view: View,
    progress: Progress,
    is_pending: bool,
}

impl Panel for ComparePanel {
    fn ui(&mut self, ui: &mut Ui, ctx: &PanelCtx) {
        let Some(layer) = ctx.layer() else {
            let hint = "The selected layer is shown here under every scheme at once.";
            return state_view::no_layer_ui(ui, ctx.session, hint);
        };
        tools::tools_ui(ui, ctx, &mut self.view, layer);
        if layer.count() == 0 {
            let hint = "This tensor has no weights, so that there is nothing to quantize.";
            return state_view::empty_ui(ui, "No weights", hint);
        }
        if self.view.compared.schemes().is_empty() {
            let hint = "Choose some with the button Schemes.";
            return state_view::empty_with_ui(
                ui,
                ICON_BALANCE,
                ("No scheme is compared", hint),
                |ui| {
                    if ui.button("Compare the usual ones").clicked() {
                        self.view.compared.set_usual();
                    }
                },
            );
        }
        let loaded = self.ask(ctx);
        match &loaded {
            Loaded::Failed(reason) => {
                state_view::failed_ui(ui, "This layer cannot be compared", reason);
            }
            known => self.body_ui(ui, ctx, known),
        }
    }

    fn table(&self, ctx: &PanelCtx) -> Option<Table> {
        let layer = ctx.layer()?;
        if layer.count() == 0 || self.view.compared.schemes().is_empty() {
            return None;
        }
        let loaded = self.ask(ctx);
        loaded.shown().map(|_| list::table_of(&self.content(ctx, &loaded)))
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

impl ComparePanel {
    /// Asks for every scheme as it is compared, and then for the points of the curves in the plot.
    fn ask(&self, ctx: &PanelCtx) -> Loaded<LayerComparison> {
        let present = ctx.session.choice(ctx.session.selection().layer_idx);
        let compared = &self.view.compared;
        let mut specs: Vec<String> =
            compared.choices(&present).iter().map(ToString::to_string).collect();
        let in_use = present.to_string();
        if !specs.contains(&in_use) {
            specs.insert(0, in_use);
        }
        if self.view.view == View::Plot {
            let of_curves = compared.curves(&present).into_iter().flatten();
            let of_curves = of_curves.map(|choice| choice.to_string());
            let more: Vec<String> = of_curves.filter(|spec| !specs.contains(spec)).collect();
            specs.extend(more);
        }
        ctx.session.comparison(&specs.into())
    }

    fn content<'a>(&'a self, ctx: &PanelCtx, loaded: &Loaded<LayerComparison>) -> Content<'a> {
        let session = ctx.session;
        let layer_idx = session.selection().layer_idx;
        let choice = session.choice(layer_idx);
        let known = Known::of(loaded);
        let compared = &self.view.compared;
        let row = |choice| known.row(choice);
        let mut rows: Vec<Row> = compared.choices(&choice).into_iter().map(row).collect();
        rows::sort(&mut rows, self.view.order);
        let curves = compared.curves(&choice).into_iter();
        let curves = curves.map(|curve| curve.into_iter().map(row).collect()).collect();
        let shown = loaded.shown();
        let selected = session.selected_layers();
        Content {
            layer_idx,
            rows,
            in_use: Some(known.row(choice.clone())).filter(|row| row.entry.is_some()),
            curves,
            limits: shown.and_then(|shown| shown.limits),
            original: shown.map(|shown| Arc::clone(&shown.original)),
            present: Present::of(&choice, &session.layer_error(layer_idx)),
            picked: self.picked.as_deref(),
            locked: Locked {
                n_selected: selected.len(),
                n_locked: selected.iter().filter(|&&idx| session.is_locked(idx)).count(),
            },
            view: self.view.view,
            progress: match loaded {
                Loaded::Pending { progress, .. } => *progress,
                _ => Progress::default(),
            },
            is_pending: matches!(loaded, Loaded::Pending { .. }),
        }
    }

    fn body_ui(&mut self, ui: &mut Ui, ctx: &PanelCtx, loaded: &Loaded<LayerComparison>) {
        if loaded.shown().is_none() {
            let progress = match loaded {
                Loaded::Pending { progress, .. } => *progress,
                _ => Progress::default(),
            };
            return state_view::pending_ui(ui, "Comparing", progress);
        }
        let mut plot = std::mem::take(&mut self.plot);
        let mut order = self.view.order;
        let content = self.content(ctx, loaded);
        let room = ui.available_rect_before_wrap();
        let (views, line) = room.split_top_bottom_at_y(room.bottom() - detail::HEIGHT);
        ui.painter().hline(
            views.x_range(),
            views.top(),
            egui::Stroke::new(1.0, Theme::of(ui).line),
        );
        let deed = match self.view.view {
            View::Plot => plot_and_table_ui(ui, views, &content, (&mut plot, &mut order)),
            View::Multiples => region(ui, views, "cards", |ui| cards::cards_ui(ui, &content)),
            View::Table => table_ui(ui, views, &content, &mut order),
        };
        if content.is_pending {
            progress_ui(ui, views, content.progress);
        }
        let picked = picked_row(&content).cloned();
        region(ui, line, "picked", |ui| detail::line_ui(ui, ctx, &content, picked.as_ref()));
        ui.allocate_rect(room, egui::Sense::hover());
        self.plot = plot;
        self.view.order = order;
        match deed {
            Some(Deed::Pick(row)) => self.picked = Some(row.spec),
            Some(Deed::Apply(row)) if row.figures().is_some() => {
                detail::apply(ctx, &row);
                self.picked = Some(row.spec);
            }
            Some(Deed::Apply(_)) | None => {}
        }
    }
}

impl Content<'_> {
    /// The rows of the table: what is in use on top, then the others in their order.
    fn listed(&self) -> Vec<&Row> {
        let others = self.rows.iter().filter(|row| row.spec != self.present.spec);
        match &self.in_use {
            Some(row) => std::iter::once(row).chain(others).collect(),
            None => self.rows.iter().collect(),
        }
    }
}

/// The row that was clicked, if it is still compared.
fn picked_row<'a>(content: &'a Content) -> Option<&'a Row> {
    let picked = content.picked?;
    let mut all = content.rows.iter().chain(&content.in_use).chain(content.curves.iter().flatten());
    all.find(|row| row.spec == picked)
}

fn plot_and_table_ui(
    ui: &mut Ui,
    room: Rect,
    content: &Content,
    (plot, order): (&mut PlotView, &mut Order),
) -> Option<Deed> {
    let room = room.with_min_x(room.left() + 8.0);
    if room.width() < MIN_WIDTH_FOR_BOTH {
        return region(ui, room, "plot", |ui| plot::plot_ui(ui, content, plot));
    }
    let table_width = (TABLE_SHARE * room.width()).min(MAX_TABLE_WIDTH);
    let (left, right) = room.split_left_right_at_x(room.right() - table_width);
    let of_plot = region(ui, left, "plot", |ui| plot::plot_ui(ui, content, plot));
    let stroke = egui::Stroke::new(1.0, Theme::of(ui).line);
    ui.painter().vline(right.left(), right.y_range(), stroke);
    of_plot.or(table_ui(ui, right, content, order))
}

/// No wider than can be read across.
fn table_ui(ui: &mut Ui, room: Rect, content: &Content, order: &mut Order) -> Option<Deed> {
    let room = room.with_max_x(room.right().min(room.left() + list::MAX_WIDTH));
    region(ui, room, "list", |ui| list::list_ui(ui, content, order))
}

/// How far the computation is, over a corner of the views.
fn progress_ui(ui: &Ui, views: Rect, progress: Progress) {
    let theme = Theme::of(ui);
    let text = match progress.total {
        0 => "Comparing…".to_owned(),
        _ => format!("Comparing… {}", percent(f64::from(progress.fraction()), 0)),
    };
    let galley = ui.painter().layout_no_wrap(text.clone(), theme::text(12.0), theme.text);
    let size = galley.size() + egui::vec2(16.0, 8.0);
    let corner = views.left_bottom() + egui::vec2(64.0, -size.y - 44.0);
    let area = Rect::from_min_size(corner, size);
    ui.painter().rect_filled(area, 4, theme.raised);
    ui.painter().galley(area.min + egui::vec2(8.0, 4.0), galley, theme.text);
    let response = ui.interact(area, ui.scope_id().with("progress"), egui::Sense::hover());
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, &text));
}

fn region<R>(ui: &mut Ui, rect: Rect, id: &str, content: impl FnOnce(&mut Ui) -> R) -> R {
    let mut child = ui.new_child(UiBuilder::new().id_salt(id).max_rect(rect));
    child.shrink_clip_rect(rect);
    content(&mut child)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_view_comes_back() {
        let mut panel = ComparePanel::default();
        panel.view.view = View::Table;
        panel.view.compared.bits = Some(4);
        panel.view.compared.set(&[]);
        let text = panel.view_text().unwrap();
        let mut other = ComparePanel::default();
        other.restore_view(&text);
        assert_eq!(other.view, panel.view);
        for text in ["", "{\"view\":\"Pie\"}", "7"] {
            other.restore_view(text);
            assert_eq!(other.view, panel.view, "{text:?} is left");
        }
    }
}
