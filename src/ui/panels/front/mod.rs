//! Every recipe that was measured: size against what it is worth, and the list of them.

mod csv;
mod detail;
mod list;
mod marks;
mod plot;
mod range;
mod recipes;
mod sketch;
mod tools;

use egui::{Rect, Ui, UiBuilder};
use egui_material_icons::icons::{ICON_ACCOUNT_TREE, ICON_SCATTER_PLOT};
use serde::{Deserialize, Serialize};

use self::detail::Naming;
use self::plot::PlotView;
use self::recipes::{Filter, Labels, Order, Recipes, SizeBy, WorthBy};
use crate::base::thousands;
use crate::eval::{Accuracy, Estimate, Metric};
use crate::session::{Command, KnownSize, Loaded};
use crate::ui::accuracy_text::MetricText;
use crate::ui::panel::{Panel, PanelCtx, PanelEntry, Place};
use crate::ui::state_view;
use crate::ui::table::Table;
use crate::ui::theme::Theme;

pub const ENTRY: PanelEntry = PanelEntry {
    id: "front",
    title: "Recipes",
    place: Place::Centre,
    create: || Box::new(FrontPanel::default()),
};

#[derive(Default)]
struct FrontPanel {
    view: FrontView,
    plot: PlotView,
    labels: Labels,
    /// The recipe that was clicked, in the plot or in the list.
    picked: Option<u64>,
    /// What the pointer is on in the list.
    hovered_row: Option<u64>,
    naming: Naming,
    /// The model and samples that all of this is about.
    about: Option<(String, String)>,
}

/// What is kept of the panel between two starts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct FrontView {
    size_by: SizeBy,
    worth_by: WorthBy,
    filter: Filter,
    order: Order,
    /// Where there is no room for both.
    shows_list: bool,
}

/// From this width on the list stands beside the plot.
const WIDE: f32 = 980.0;
/// From this height on it stands below it.
const HIGH: f32 = 470.0;
const LIST_SHARE: f32 = 0.42;
const MOST_LIST_WIDTH: f32 = 820.0;

impl Panel for FrontPanel {
    fn ui(&mut self, ui: &mut Ui, ctx: &PanelCtx) {
        if missing_ui(ui, ctx) {
            return;
        }
        self.start_anew_with(ctx);
        let accuracy = ctx.session.accuracy();
        if ctx.session.critical_class().is_none() {
            self.view.worth_by = WorthBy::Metric;
        }
        let recipes = Recipes::new(ctx.session, self.view.size_by, self.view.worth_by);
        if recipes.list.is_empty() {
            return empty_ui(ui, &recipes, &accuracy);
        }
        self.picked = self.picked.filter(|id| recipes.get(*id).is_some());
        let room = ui.available_rect_before_wrap();
        let fit = Fit::of(room);
        tools::tools_ui(ui, ctx, &recipes, (&mut self.view, fit));
        let content = Content::new(ctx, &recipes, (&accuracy, &self.labels), &self.view);
        let rest = ui.available_rect_before_wrap();
        let line = egui::Stroke::new(1.0, Theme::of(ui).line);
        ui.painter().hline(rest.x_range(), rest.top(), line);
        let (body, foot) = rest.split_top_bottom_at_y(rest.bottom() - detail::HEIGHT);
        let (plot, list) = split(body, fit, self.view.shows_list);
        let mut deed = None;
        let mut hovered = None;
        if let Some(rect) = plot {
            let marked = Marked { picked: self.picked, hovered: self.hovered_row };
            let view = &mut self.plot;
            let of_plot =
                region(ui, rect, "plot", |ui| plot::plot_ui(ui, &content, (view, marked)));
            (deed, hovered) = of_plot;
        }
        if let Some(rect) = list {
            if plot.is_some() && fit == Fit::Beside {
                ui.painter().vline(rect.left(), rect.y_range(), line);
            } else if plot.is_some() {
                ui.painter().hline(rect.x_range(), rect.top(), line);
            }
            let marked = Marked { picked: self.picked, hovered };
            let (filter, order) = (self.view.filter, &mut self.view.order);
            let of_list =
                region(ui, rect, "list", |ui| list::list_ui(ui, &content, (filter, order), marked));
            deed = deed.or(of_list.0);
            self.hovered_row = of_list.1;
        }
        ui.painter().hline(foot.x_range(), foot.top(), line);
        let picked = self.picked.and_then(|id| recipes.get(id));
        let naming = &mut self.naming;
        region(ui, foot, "picked", |ui| detail::line_ui(ui, &content, (picked, naming)));
        ui.allocate_rect(rest, egui::Sense::hover());
        self.apply(ctx, deed);
    }

    fn table(&self, ctx: &PanelCtx) -> Option<Table> {
        ctx.session.network()?;
        let recipes = Recipes::new(ctx.session, self.view.size_by, self.view.worth_by);
        let rows = recipes.rows(self.view.filter, self.view.order, &self.labels);
        (!rows.is_empty()).then(|| csv::table_of(ctx.session, &recipes, (&rows, &self.labels)))
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

/// What a person did to a recipe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deed {
    Pick(u64),
    Restore(u64),
}

/// What stands out.
#[derive(Clone, Copy, Debug, Default)]
struct Marked {
    picked: Option<u64>,
    hovered: Option<u64>,
}

/// How plot and list share the room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fit {
    Beside,
    Below,
    /// One of them.
    OneOf,
}

impl Fit {
    fn of(room: Rect) -> Self {
        match room {
            room if room.width() >= WIDE => Self::Beside,
            room if room.height() >= HIGH => Self::Below,
            _ => Self::OneOf,
        }
    }
}

/// What is drawn.
struct Content<'a> {
    ctx: &'a PanelCtx<'a>,
    recipes: &'a Recipes<'a>,
    labels: &'a Labels,
    size_by: SizeBy,
    worth_by: WorthBy,
    text: MetricText,
    /// The float model on the axis of worth.
    float: Option<Estimate>,
    accuracy: &'a Loaded<Accuracy>,
    now: Option<Now>,
}

/// The present recipe in the plot.
#[derive(Clone, Copy, Debug)]
struct Now {
    x: f64,
    y: Estimate,
    /// Whether every sample was run.
    is_whole: bool,
}

impl<'a> Content<'a> {
    fn new(
        ctx: &'a PanelCtx<'a>,
        recipes: &'a Recipes<'a>,
        (accuracy, labels): (&'a Loaded<Accuracy>, &'a Labels),
        &FrontView { size_by, worth_by, .. }: &FrontView,
    ) -> Self {
        let largest = recipes.list.iter().map(|recipe| recipe.figures.accuracy.estimate.value);
        let metric = match worth_by {
            WorthBy::Metric => recipes.metric,
            // A recall is a share whatever the metric.
            WorthBy::Critical => Metric::Top1,
        };
        let text = MetricText::up_to(metric, largest.fold(0.0, f64::max));
        let class = ctx.session.critical_class();
        let recall = |shown: &Accuracy| shown.class_recall(class?).map(|r| (r.float, r.quantized));
        let float = accuracy.shown().and_then(|shown| match worth_by {
            WorthBy::Metric => shown.float,
            WorthBy::Critical => recall(shown).map(|(float, _)| float),
        });
        let known = recipes.get(recipes.present_id);
        let known = known.and_then(|r| Some(Now { x: r.x, y: r.y?, is_whole: true }));
        let running = || {
            let shown = accuracy.shown().filter(|_| !accuracy.is_stale())?;
            let y = match worth_by {
                WorthBy::Metric => shown.quantized.or(shown.float)?,
                WorthBy::Critical => recall(shown)?.1,
            };
            let size = ctx.session.size().filter(KnownSize::is_whole)?;
            Some(Now { x: recipes::size_of(&size.size, size_by), y, is_whole: false })
        };
        let now = known.or_else(running);
        Self { ctx, recipes, labels, size_by, worth_by, text, float, accuracy, now }
    }

    /// A size with its unit.
    fn size_text(&self, x: f64) -> String {
        match self.size_by {
            SizeBy::Bytes => crate::base::bytes(x.max(0.0).round() as u64),
            SizeBy::BitsPerWeight => format!("{} bits/weight", crate::base::fixed(x, 2)),
        }
    }
}

impl FrontPanel {
    /// What was clicked of another model is none of this one's.
    fn start_anew_with(&mut self, ctx: &PanelCtx) {
        let model = ctx.session.opened().map(|opened| opened.fingerprint.sha256.clone());
        let samples = ctx.session.samples().map(|samples| samples.name.clone());
        let about = Some((model.unwrap_or_default(), samples.unwrap_or_default()));
        if self.about != about {
            self.about = about;
            (self.picked, self.hovered_row) = (None, None);
            self.plot = PlotView::default();
            self.labels = Labels::default();
            self.naming = Naming::default();
        }
    }

    fn apply(&mut self, ctx: &PanelCtx, deed: Option<Deed>) {
        match deed {
            Some(Deed::Pick(id)) => self.picked = Some(id),
            Some(Deed::Restore(id)) => {
                self.picked = Some(id);
                ctx.send(Command::RestoreTried(id));
            }
            None => {}
        }
    }
}

/// Says why nothing can be measured; `false` where it can.
fn missing_ui(ui: &mut Ui, ctx: &PanelCtx) -> bool {
    let Some(network) = ctx.session.network() else {
        let hint = "Every recipe you measure becomes a point here.";
        state_view::no_model_ui(ui, ctx.session, hint);
        return true;
    };
    if network.graph.is_none() {
        let hint = "Its file holds weights and no graph, so that no recipe can be measured with it. Save it with quantscope.graph in its metadata, or export it to ONNX.";
        state_view::empty_icon_ui(ui, ICON_ACCOUNT_TREE, ("This model cannot be run", hint));
        return true;
    }
    if ctx.session.samples().is_none() {
        let hint = "Every recipe you measure becomes a point here. Open samples with File › Open samples…, or drop a set on the window.";
        state_view::empty_icon_ui(ui, ICON_SCATTER_PLOT, ("No samples are open", hint));
        return true;
    }
    false
}

fn empty_ui(ui: &mut Ui, recipes: &Recipes, accuracy: &Loaded<Accuracy>) {
    if let Loaded::Pending { progress, .. } = accuracy {
        return state_view::pending_ui(ui, "Measuring the present recipe", *progress);
    }
    if let Some(reason) = accuracy.failure() {
        let hint = format!(
            "Every recipe you measure becomes a point here. The present one is not measured: {reason}."
        );
        return state_view::empty_icon_ui(ui, ICON_SCATTER_PLOT, ("No recipe measured", &hint));
    }
    let elsewhere = match recipes.n_elsewhere {
        0 => String::new(),
        n => format!(" {} measured on other samples.", were(n)),
    };
    let hint = format!("Every recipe you measure becomes a point here.{elsewhere}");
    state_view::empty_icon_ui(ui, ICON_SCATTER_PLOT, ("No recipe measured", &hint));
}

/// `1 more was`, `12 more were`.
fn were(n: usize) -> String {
    if n == 1 { "1 more was".to_owned() } else { format!("{} more were", thousands(n)) }
}

/// Where plot and list stand.
fn split(room: Rect, fit: Fit, shows_list: bool) -> (Option<Rect>, Option<Rect>) {
    match fit {
        Fit::Beside => {
            let width = (LIST_SHARE * room.width()).min(MOST_LIST_WIDTH);
            let (left, right) = room.split_left_right_at_x(room.right() - width);
            (Some(left), Some(right))
        }
        Fit::Below => {
            let (above, below) = room.split_top_bottom_at_fraction(0.62);
            (Some(above), Some(below))
        }
        Fit::OneOf if shows_list => (None, Some(room)),
        Fit::OneOf => (Some(room), None),
    }
}

/// Draws into a part of the panel.
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
        let mut panel = FrontPanel::default();
        panel.view.size_by = SizeBy::BitsPerWeight;
        panel.view.filter = Filter::Pinned;
        let text = panel.view_text().unwrap();
        let mut other = FrontPanel::default();
        other.restore_view(&text);
        assert_eq!(other.view, panel.view);
        other.restore_view("7");
        assert_eq!(other.view, panel.view, "what is not understood is left");
    }

    #[test]
    fn counts_agree_with_their_verb() {
        assert_eq!((were(1), were(12)), ("1 more was".to_owned(), "12 more were".to_owned()));
    }
}
