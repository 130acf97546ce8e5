//! Whether confidence can be believed: the reliability diagrams of both models.

use egui::{Align2, Color32, Rect, RichText, Sense, Stroke, Ui, WidgetInfo, pos2, vec2};

use super::{Content, region};
use crate::base::{fixed, interval, percent, thousands};
use crate::eval::{N_BINS, Reliability, ReliabilityBin};
use crate::ui::state_view;
use crate::ui::theme::{self, Theme};
use crate::ui::widgets::{hatch, number};

const HEAD_HEIGHT: f32 = 68.0;
const COUNTS_HEIGHT: f32 = 48.0;
/// Beside each other from this width on, else one below the other.
const SIDE_BY_SIDE: f32 = 420.0;
const MAX_SIDE: f32 = 560.0;

/// Height that the diagrams need in that width.
pub fn least_height(width: f32) -> f32 {
    let one = 300.0;
    if width - 2.0 * theme::PANEL_MARGIN >= SIDE_BY_SIDE { one } else { 2.0 * one }
}

/// Float and quantized side by side.
pub fn reliability_ui(ui: &mut Ui, content: &Content) {
    let breakdown = &content.accuracy.breakdown;
    let room = ui.max_rect().shrink2(vec2(theme::PANEL_MARGIN, 8.0));
    let (Some(float), Some(quantized)) =
        (&breakdown.float_reliability, &breakdown.quantized_reliability)
    else {
        state_view::empty_ui(
            ui,
            "No labels",
            "Whether confidence is right can be told of a set with labels only.",
        );
        return;
    };
    let theme = Theme::of(ui);
    let (first, second) = if room.width() >= SIDE_BY_SIDE {
        let half = ((room.width() - 24.0) / 2.0).min(MAX_SIDE);
        let size = vec2(half, room.height());
        let second = room.min + vec2(half + 24.0, 0.0);
        (Rect::from_min_size(room.min, size), Rect::from_min_size(second, size))
    } else {
        room.split_top_bottom_at_fraction(0.5)
    };
    let models = [
        ("● Float", "float", theme.original, float, first),
        ("■ Quantized", "quantized", theme.quantized, quantized, second),
    ];
    for (title, id, colour, found, rect) in models {
        region(ui, rect, id, |ui| diagram_ui(ui, (title, colour), found));
    }
}

const ECE_HELP: &str = "Expected calibration error: Σ n_b/n · |accuracy_b − confidence_b| over ten bins of equal width. 0 is a model that is right as often as it is sure";
const BRIER_HELP: &str = "Brier score of the answer: mean of (confidence − right)², right being 1 or 0; smaller is better";

fn diagram_ui(ui: &mut Ui, (title, colour): (&str, Color32), found: &Reliability) {
    let theme = Theme::of(ui);
    let room = ui.max_rect();
    let head = Rect::from_min_size(room.min, vec2(room.width(), HEAD_HEIGHT));
    region(ui, head, "head", |ui| {
        ui.spacing_mut().item_spacing = vec2(6.0, 2.0);
        ui.spacing_mut().interact_size.y = 16.0;
        ui.horizontal(|ui| {
            let (sign, name) = title.split_once(' ').unwrap_or(("", title));
            ui.label(RichText::new(sign).color(colour));
            ui.label(RichText::new(name).font(theme::title(12.0)).color(theme.text));
        });
        ui.horizontal(|ui| {
            number(ui, &percent(found.ece, 1), 20.0, theme.text).on_hover_text(ECE_HELP);
            ui.label(RichText::new("calibration error").color(theme.label)).on_hover_text(ECE_HELP);
        });
        ui.horizontal(|ui| {
            ui.label(RichText::new("Brier").color(theme.hint)).on_hover_text(BRIER_HELP);
            number(ui, &fixed(found.brier, 3), 11.0, theme.label).on_hover_text(BRIER_HELP);
            let legend = "· hatched: gap to the diagonal";
            ui.add(egui::Label::new(RichText::new(legend).color(theme.hint)).truncate())
                .on_hover_text("On the diagonal a model is as often right as it is sure");
        });
    });
    let top = head.bottom() + 22.0;
    let side = (room.width() - 54.0).min(room.bottom() - top - COUNTS_HEIGHT - 36.0).max(60.0);
    let plot = Rect::from_min_size(pos2(room.left() + 38.0, top), vec2(side, side));
    plot_ui(ui, plot, (colour, found));
    counts_ui(ui, plot, (colour, found));
    bins_ui(ui, plot, (title, found));
}

/// Bars of accuracy over confidence, the gap to the diagonal hatched.
fn plot_ui(ui: &Ui, plot: Rect, (colour, found): (Color32, &Reliability)) {
    let theme = Theme::of(ui);
    ui.painter().rect_filled(plot, 0, theme.background);
    let y = |share: f64| plot.bottom() - plot.height() * share.clamp(0.0, 1.0) as f32;
    let x = |share: f64| plot.left() + plot.width() * share.clamp(0.0, 1.0) as f32;
    for tick in 0..=4 {
        let share = f64::from(tick) / 4.0;
        ui.painter().hline(plot.x_range(), y(share), Stroke::new(1.0, theme.grid));
        let place = pos2(plot.left() - 5.0, y(share));
        let text = fixed(100.0 * share, 0);
        ui.painter().text(place, Align2::RIGHT_CENTER, text, theme::mono(11.0), theme.hint);
    }
    let place = pos2(plot.left() - 32.0, plot.top() - 12.0);
    ui.painter().text(place, Align2::LEFT_CENTER, "right, %", theme::text(11.0), theme.hint);
    for (bin_idx, bin) in found.bins.iter().enumerate() {
        let Some(bin) = bin else { continue };
        let (left, right) = bin_ends(bin_idx);
        let columns = x(left) + 1.0..=x(right) - 1.0;
        let bar = Rect::from_x_y_ranges(columns.clone(), y(bin.accuracy.value)..=plot.bottom());
        ui.painter().rect_filled(bar, 1, colour.gamma_multiply(0.55));
        let (low, high) = ordered(y(bin.mean_confidence), y(bin.accuracy.value));
        let gap = Rect::from_x_y_ranges(columns, low..=high);
        let is_too_sure = bin.mean_confidence > bin.accuracy.value;
        let gap_colour = if is_too_sure { theme.bad } else { theme.accent };
        hatch(&ui.painter().with_clip_rect(gap), gap, gap_colour.gamma_multiply(0.8));
        let middle = (x(left) + x(right)) / 2.0;
        let (lo, hi) = bin.accuracy.ci95;
        ui.painter().vline(middle, y(hi)..=y(lo), Stroke::new(1.5, theme.text));
    }
    let diagonal = [plot.left_bottom(), plot.right_top()];
    ui.painter().line_segment(diagonal, Stroke::new(1.0, theme.hint));
}

fn ordered(a: f32, b: f32) -> (f32, f32) {
    (a.min(b), a.max(b))
}

fn bin_ends(bin_idx: usize) -> (f64, f64) {
    (bin_idx as f64 / N_BINS as f64, (bin_idx + 1) as f64 / N_BINS as f64)
}

/// How many predictions lie in each bin, as bars that hang from the axis.
fn counts_ui(ui: &Ui, plot: Rect, (colour, found): (Color32, &Reliability)) {
    let theme = Theme::of(ui);
    let most = found.bins.iter().flatten().map(|bin| bin.n).max().unwrap_or(1).max(1);
    let top = plot.bottom() + 4.0;
    for (bin_idx, bin) in found.bins.iter().enumerate() {
        let left = plot.left() + plot.width() * bin_idx as f32 / N_BINS as f32;
        let width = plot.width() / N_BINS as f32;
        let n = bin.map_or(0, |bin| bin.n);
        let height = (COUNTS_HEIGHT - 20.0) * n as f32 / most as f32;
        let height = if n > 0 { height.max(1.0) } else { 0.0 };
        let bar = Rect::from_min_size(pos2(left + 1.0, top), vec2(width - 2.0, height));
        ui.painter().rect_filled(bar, 1, colour.gamma_multiply(0.35));
        if width >= 26.0 && n > 0 {
            let place = pos2(left + width / 2.0, top + height + 2.0);
            let font = theme::mono(9.0);
            ui.painter().text(place, Align2::CENTER_TOP, n, font, theme.hint);
        }
    }
    let bottom = top + COUNTS_HEIGHT - 4.0;
    for tick in 0..=4 {
        let place = pos2(plot.left() + plot.width() * tick as f32 / 4.0, bottom);
        let font = theme::mono(11.0);
        ui.painter().text(place, Align2::CENTER_TOP, tick * 25, font, theme.hint);
    }
    let place = pos2(plot.center().x, bottom + 14.0);
    let text = format!("confidence, % · {} predictions", thousands(found.n));
    ui.painter().text(place, Align2::CENTER_TOP, text, theme::text(11.0), theme.hint);
}

/// The figures of each bin, under the pointer.
fn bins_ui(ui: &Ui, plot: Rect, (title, found): (&str, &Reliability)) {
    let name = title.split_once(' ').map_or(title, |(_, name)| name);
    for (bin_idx, bin) in found.bins.iter().enumerate() {
        let (left, right) = bin_ends(bin_idx);
        let width = plot.width() / N_BINS as f32;
        let corner = pos2(plot.left() + width * bin_idx as f32, plot.top());
        let rect = Rect::from_min_size(corner, vec2(width, plot.height() + COUNTS_HEIGHT));
        let response = ui.interact(rect, ui.scope_id().with(("bin", bin_idx)), Sense::hover());
        let text = || bin_text(name, (left, right), bin.as_ref());
        response.widget_info(|| WidgetInfo::labeled(egui::Role::Label, true, text()));
        response.on_hover_ui(|ui| {
            ui.label(text());
        });
    }
}

fn bin_text(name: &str, (left, right): (f64, f64), bin: Option<&ReliabilityBin>) -> String {
    let range = interval(&fixed(100.0 * left, 0), &percent(right, 0));
    match bin {
        None => format!("{name}, confidence {range}: no predictions"),
        Some(bin) => format!(
            "{name}, confidence {range}: {} predictions, mean confidence {}, right {}",
            thousands(bin.n),
            percent(bin.mean_confidence, 1),
            percent(bin.accuracy.value, 1)
        ),
    }
}
