//! What each recipe is worth: size, metric, divergence from float, their difference, and whether it
//! is more than chance.

use egui::{Align, Color32, Layout, Rect, RichText, Ui, pos2, vec2};

use crate::base::{MINUS, bytes, counted, fixed, interval, percent, significant, thousands};
use crate::eval::{Estimate, Metric, SampleSet};
use crate::session::{KnownSize, Loaded, Versus, VersusSide};
use crate::ui::accuracy_text::{
    MetricText, P_HELP, metric_help, metric_name, p_text, p_verdict_of_recipes,
};
use crate::ui::panel::PanelCtx;
use crate::ui::theme::{self, Theme};
use crate::ui::widgets::{intervals_of, number, region};

/// How much is shown, by the room there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fit {
    /// Everything: the table on the left, what compares both on its right.
    Beside,
    /// What compares both stands below the table.
    Below,
    /// Names and metric alone.
    Low,
}

const NAME_HEIGHT: f32 = 26.0;
const LINE_HEIGHT: f32 = 22.0;
const METRIC_HEIGHT: f32 = 38.0;
const MARGIN: f32 = 6.0;
const LABEL_WIDTH: f32 = 112.0;
const NARROW_LABEL_WIDTH: f32 = 84.0;
const MAX_COLUMN_WIDTH: f32 = 190.0;
/// From this width on there is room beside the table.
const BESIDE: f32 = 860.0;
const SIDE_WIDTH: f32 = 270.0;
const MAX_SIDE_WIDTH: f32 = 460.0;
const N_SIDE_LINES: f32 = 5.0;

impl Fit {
    pub fn of(room: Rect, least_body: f32) -> Self {
        let fit = if room.width() >= BESIDE { Self::Beside } else { Self::Below };
        if fit.height() + least_body <= room.height() { fit } else { Self::Low }
    }

    pub fn height(self) -> f32 {
        let table = NAME_HEIGHT + METRIC_HEIGHT + 2.0 * LINE_HEIGHT;
        2.0 * MARGIN
            + match self {
                Self::Beside => table.max(N_SIDE_LINES * LINE_HEIGHT),
                Self::Below => table + 3.0 * LINE_HEIGHT,
                Self::Low => NAME_HEIGHT + METRIC_HEIGHT,
            }
    }
}

/// What there is to show.
struct Content<'a> {
    versus: Option<&'a Versus>,
    sizes: [Option<KnownSize>; 2],
    names: [String; 2],
    samples: Option<&'a SampleSet>,
    is_stale: bool,
}

/// Draws the table, and what compares both.
pub(super) fn figures_ui(ui: &mut Ui, ctx: &PanelCtx, (loaded, fit): (&Loaded<Versus>, Fit)) {
    let rival = ctx.session.rival().map_or_else(String::new, |rival| rival.name.clone());
    let content = Content {
        versus: loaded.shown().map(|versus| &**versus),
        sizes: [ctx.session.rival_size(), ctx.session.size()],
        names: [rival, ctx.session.present_name()],
        samples: ctx.session.samples().map(|samples| &**samples),
        is_stale: loaded.is_stale(),
    };
    let room = ui.max_rect().shrink2(vec2(theme::PANEL_MARGIN, MARGIN));
    let (table, side) = match fit {
        Fit::Beside => {
            let most = room.left() + LABEL_WIDTH + 3.0 * MAX_COLUMN_WIDTH + 16.0;
            let split = (room.right() - SIDE_WIDTH).min(most);
            let (table, side) = room.split_left_right_at_x(split);
            (table, Some(side.with_max_x(side.right().min(split + MAX_SIDE_WIDTH))))
        }
        Fit::Below => {
            let (table, side) = room.split_top_bottom_at_y(room.bottom() - 3.0 * LINE_HEIGHT);
            (table, Some(side))
        }
        Fit::Low => (room, None),
    };
    table_ui(ui, table, &content, fit);
    if let Some(side) = side {
        region(ui, side, "both", |ui| both_ui(ui, &content, fit));
    }
}

/// The columns of the table: what, A, B, B − A.
struct Columns([Rect; 4]);

impl Columns {
    fn new(row: Rect) -> Self {
        let label = if row.width() < 480.0 { NARROW_LABEL_WIDTH } else { LABEL_WIDTH };
        let width = ((row.width() - label) / 3.0).min(MAX_COLUMN_WIDTH);
        let column = |from: f32, width: f32| {
            let corner = pos2(row.left() + from, row.top());
            Rect::from_min_size(corner, vec2((width - 8.0).max(0.0), row.height()))
        };
        let figure = |nth: f32| column(label + nth * width, width);
        Self([column(0.0, label), figure(0.0), figure(1.0), figure(2.0)])
    }
}

/// A cell: the value, and below it where there is room how sure it is.
#[derive(Default)]
struct Cell {
    value: String,
    below: String,
    help: String,
}

fn table_ui(ui: &mut Ui, room: Rect, content: &Content, fit: Fit) {
    let mut top = room.top();
    let mut row = |height: f32| {
        let rect = Rect::from_min_size(pos2(room.left(), top), vec2(room.width(), height));
        top += height;
        Columns::new(rect)
    };
    names_ui(ui, &row(NAME_HEIGHT), content);
    if fit != Fit::Low {
        let help =
            "The model stored with codes, scales and zero points, and every tensor left in float";
        row_ui(ui, &row(LINE_HEIGHT), ("Size", "", help), size_cells(content.sizes));
    }
    ui.scope(|ui| {
        if content.is_stale {
            ui.set_opacity(0.5);
        }
        let metric = content.versus.map(|versus| versus.metric);
        let name = metric.map_or("Accuracy", metric_name);
        let help = metric.map_or("", metric_help);
        let on = measured_on(content).0;
        let cells = content.versus.map(metric_cells).unwrap_or_default();
        row_ui(ui, &row(METRIC_HEIGHT), (name, &on, help), cells);
        if fit != Fit::Low {
            let help = "Mean KL(float‖recipe) = Σ p·ln(p/q) of the softmax probabilities, in nats a prediction; 0 for float itself";
            let cells = content.versus.map(kl_cells).unwrap_or_default();
            row_ui(ui, &row(LINE_HEIGHT), ("KL to float", "", help), cells);
        }
    });
}

fn names_ui(ui: &mut Ui, columns: &Columns, content: &Content) {
    let theme = Theme::of(ui);
    let [a, b] = &content.names;
    let names = [
        (format!("● A · {a}"), theme.text, "A, which is held"),
        (format!("■ B · {b}"), theme.quantized, "B, the present recipe"),
        ("B − A".to_owned(), theme.label, "How much more B has than A, with its 95 % interval"),
    ];
    for (rect, (name, ink, help)) in columns.0.into_iter().skip(1).zip(names) {
        region(ui, rect, &name, |ui| {
            ui.horizontal_centered(|ui| {
                let text = RichText::new(&name).font(theme::title(12.0)).color(ink);
                ui.add(egui::Label::new(text).truncate()).on_hover_text(format!("{help}: {name}"));
            });
        });
    }
}

fn row_ui(ui: &mut Ui, columns: &Columns, (name, on, help): (&str, &str, &str), cells: [Cell; 3]) {
    let theme = Theme::of(ui);
    let [label, figures @ ..] = columns.0;
    let has_two = label.height() > LINE_HEIGHT;
    region(ui, label, name, |ui| {
        lines_ui(ui, has_two, |ui, is_first| {
            let (text, ink) = if is_first { (name, theme.label) } else { (on, theme.hint) };
            ui.add(egui::Label::new(RichText::new(text).color(ink)).truncate()).on_hover_text(help);
        });
    });
    let inks = [theme.text, theme.quantized, theme.text];
    for (place, (rect, (cell, ink))) in figures.into_iter().zip(cells.iter().zip(inks)).enumerate()
    {
        region(ui, rect, &format!("{name} {place}"), |ui| {
            lines_ui(ui, has_two, |ui, is_first| cell_ui(ui, cell, (ink, is_first)));
        });
    }
}

/// One line, or two closely one below the other.
fn lines_ui(ui: &mut Ui, has_two: bool, line: impl Fn(&mut Ui, bool)) {
    ui.spacing_mut().item_spacing.y = 0.0;
    ui.spacing_mut().interact_size.y = 16.0;
    let height = ui.max_rect().height();
    let heights = if has_two { [20.0, 16.0] } else { [height, 0.0] };
    for (nth, height) in heights.into_iter().enumerate().filter(|(_, height)| *height > 0.0) {
        let size = vec2(ui.available_width(), height);
        ui.allocate_ui_with_layout(size, Layout::left_to_right(Align::Center), |ui| {
            ui.set_min_height(height);
            line(ui, nth == 0);
        });
    }
}

fn cell_ui(ui: &mut Ui, cell: &Cell, (ink, is_first): (Color32, bool)) {
    let theme = Theme::of(ui);
    let (text, size, ink) = match (is_first, cell.value.is_empty()) {
        (true, false) => (cell.value.as_str(), 14.0, ink),
        (true, true) => ("–", 14.0, theme.hint),
        (false, _) => (cell.below.as_str(), 11.0, theme.hint),
    };
    let response = number(ui, text, size, ink);
    if !cell.help.is_empty() {
        response.on_hover_text(&cell.help);
    }
}

fn size_cells([a, b]: [Option<KnownSize>; 2]) -> [Cell; 3] {
    let cell = |known: Option<KnownSize>| {
        let Some(known) = known else { return Cell::default() };
        let bits = known.size.bits_per_weight;
        let help = match bits {
            Some(bits) => format!("{} bits per quantized weight", fixed(bits, 2)),
            None => "Nothing is quantized".to_owned(),
        };
        if !known.is_whole() {
            let (n, all) = (thousands(known.n_known), counted(known.n_layers, "layer"));
            return Cell { value: format!("{n} of {all}"), help, ..Cell::default() };
        }
        Cell { value: bytes(known.size.quantized_bytes), help, ..Cell::default() }
    };
    let whole = |known: Option<KnownSize>| {
        known.filter(KnownSize::is_whole).map(|known| known.size.quantized_bytes)
    };
    let difference = match (whole(a), whole(b)) {
        (Some(a), Some(b)) => Cell {
            value: bytes_difference(a, b),
            help: match a {
                0 => String::new(),
                a => format!("B takes {} of A", percent(b as f64 / a as f64, 1)),
            },
            ..Cell::default()
        },
        _ => Cell::default(),
    };
    [cell(a), cell(b), difference]
}

/// `−1.2 kB`, `+3 B`, `0 B`.
pub(super) fn bytes_difference(a: u64, b: u64) -> String {
    match b.cmp(&a) {
        std::cmp::Ordering::Less => format!("{MINUS}{}", bytes(a - b)),
        std::cmp::Ordering::Equal => bytes(0),
        std::cmp::Ordering::Greater => format!("+{}", bytes(b - a)),
    }
}

fn text_of(versus: &Versus) -> MetricText {
    MetricText::fitting(versus.metric, [versus.a.value, versus.b.value])
}

fn metric_cells(versus: &Versus) -> [Cell; 3] {
    let text = text_of(versus);
    let side = |side: &VersusSide| match side.value {
        Some(estimate) => {
            let (lo, hi) = estimate.ci95;
            Cell {
                value: text.value(estimate.value),
                below: interval(&text.end(lo), &text.end(hi)),
                help: format!("95 % interval: {}", text.range(estimate.ci95)),
            }
        }
        None => Cell::default(),
    };
    let difference = versus.difference.map_or_else(Cell::default, |difference| Cell {
        value: text.signed(difference.value) + text.difference_unit(),
        below: text.signed_range(difference.ci95),
        help: difference_help(versus.metric).to_owned(),
    });
    [side(&versus.a), side(&versus.b), difference]
}

fn difference_help(metric: Metric) -> &'static str {
    match metric {
        Metric::Top1 => {
            "B − A in points of percent, with Newcombe's 95 % interval for paired samples"
        }
        Metric::Perplexity => "B − A, with a 95 % interval from a bootstrap over rows of both",
        Metric::Agreement => "B − A in points of percent, with its 95 % interval over paired rows",
    }
}

fn kl_cells(versus: &Versus) -> [Cell; 3] {
    let kl = |value: f64| match value {
        0.0 => "0 nat".to_owned(),
        value => format!("{} nat", significant(value, 3)),
    };
    let difference = versus.b.kl_mean - versus.a.kl_mean;
    let sign = if difference > 0.0 { "+" } else { "" };
    let value = format!("{sign}{}", kl(difference));
    [
        Cell { value: kl(versus.a.kl_mean), ..Cell::default() },
        Cell { value: kl(versus.b.kl_mean), ..Cell::default() },
        Cell { value, ..Cell::default() },
    ]
}

/// On what both were run, in short and in full.
fn measured_on(content: &Content) -> (String, String) {
    let (Some(versus), Some(samples)) = (content.versus, content.samples) else {
        return (String::new(), String::new());
    };
    let what = if versus.metric == Metric::Perplexity { "row" } else { "sample" };
    let n = counted(versus.n_samples, what);
    let full = format!("on {n} of {} (split {})", samples.name, samples.split.name());
    (n, full)
}

/// What compares both: broken and fixed, chance, agreement, the intervals as a drawing.
fn both_ui(ui: &mut Ui, content: &Content, fit: Fit) {
    let Some(versus) = content.versus else { return };
    ui.spacing_mut().item_spacing.y = 0.0;
    ui.spacing_mut().interact_size.y = 18.0;
    if content.is_stale {
        ui.set_opacity(0.5);
    }
    let broken = |ui: &mut Ui| broken_ui(ui, versus);
    let chance = |ui: &mut Ui| chance_ui(ui, versus);
    let same = |ui: &mut Ui| same_ui(ui, versus);
    let on = |ui: &mut Ui| {
        let (_, text) = measured_on(content);
        let label = RichText::new(&text).color(Theme::of(ui).hint);
        ui.add(egui::Label::new(label).truncate()).on_hover_text(text);
    };
    if fit == Fit::Beside {
        line_ui(ui, &drawing(versus));
        line_ui(ui, &broken);
        line_ui(ui, &chance);
        line_ui(ui, &same);
        line_ui(ui, &on);
        return;
    }
    line_ui(ui, &|ui: &mut Ui| {
        broken(ui);
        ui.add_space(12.0);
        same(ui);
    });
    line_ui(ui, &chance);
    line_ui(ui, &on);
}

fn line_ui(ui: &mut Ui, content: &dyn Fn(&mut Ui)) {
    let size = vec2(ui.available_width(), LINE_HEIGHT);
    ui.allocate_ui_with_layout(size, Layout::left_to_right(Align::Center), |ui| {
        ui.set_min_height(LINE_HEIGHT);
        ui.spacing_mut().item_spacing.x = 6.0;
        content(ui);
    });
}

/// Both intervals on one axis.
fn drawing(versus: &Versus) -> impl Fn(&mut Ui) {
    let estimates: [Option<Estimate>; 2] = [versus.a.value, versus.b.value];
    move |ui: &mut Ui| {
        if estimates.iter().any(Option::is_some) {
            let size = vec2(ui.available_width() - 8.0, LINE_HEIGHT);
            let help = "● A above ■ B, each on the line of its 95 % interval. The axis reaches as far as these, not to zero";
            intervals_of(ui, estimates, size, help);
        }
    }
}

fn label_ui(ui: &mut Ui, text: &str, help: &str) {
    ui.label(RichText::new(text).color(Theme::of(ui).label)).on_hover_text(help);
}

fn broken_ui(ui: &mut Ui, versus: &Versus) {
    let theme = Theme::of(ui);
    let Some(paired) = versus.paired else { return };
    let help = "Samples right under A and wrong under B, and the other way round";
    label_ui(ui, "Broken / fixed", help);
    number(ui, &format!("✕ {}", thousands(paired.broken)), 12.0, theme.bad).on_hover_text(help);
    number(ui, &format!("✓ {}", thousands(paired.fixed)), 12.0, theme.rounding).on_hover_text(help);
}

fn chance_ui(ui: &mut Ui, versus: &Versus) {
    let theme = Theme::of(ui);
    if let Some(p) = versus.mcnemar_p {
        label_ui(ui, "McNemar p", P_HELP);
        number(ui, &p_text(p), 12.0, theme.text).on_hover_text(P_HELP);
        let verdict = RichText::new(p_verdict_of_recipes(p)).color(theme.hint);
        ui.add(egui::Label::new(verdict).truncate());
        return;
    }
    let Some(difference) = versus.difference else { return };
    let (lo, hi) = difference.ci95;
    let text = match (lo, hi) {
        (lo, hi) if lo > 0.0 || hi < 0.0 => "B differs from A: zero lies outside the interval",
        _ => "not told apart from A: zero lies inside the interval",
    };
    ui.add(egui::Label::new(RichText::new(text).color(theme.hint)).truncate());
}

fn same_ui(ui: &mut Ui, versus: &Versus) {
    let help = "Share of predictions for which A and B give the same answer, right or wrong";
    label_ui(ui, "Same answer", help);
    number(ui, &percent(versus.agreement, 1), 12.0, Theme::of(ui).text).on_hover_text(help);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_of_sizes_have_a_sign() {
        assert_eq!(
            bytes_difference(2_000, 500),
            format!("{MINUS}1.5 kB").replace("1.5 kB", &bytes(1500))
        );
        assert_eq!(bytes_difference(7, 7), bytes(0));
        assert_eq!(bytes_difference(0, 3), format!("+{}", bytes(3)));
    }
}
