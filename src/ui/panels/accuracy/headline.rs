//! The headline: the metric by its name, both models and their difference with their intervals.

use egui::{Color32, Rect, RichText, Ui, pos2, vec2};

use super::axes::axes_ui;
use super::paired::{Outcomes, paired_ui};
use super::parts::switch_ui;
use super::{Content, Fit, region};
use crate::base::{counted, interval, thousands};
use crate::eval::{Accuracy, Estimate, SampleSet};
use crate::ui::accuracy_text::{Measured, MetricText, metric_help, metric_name};
use crate::ui::theme::{self, Theme};
use crate::ui::widgets::number;

/// Which figure heads the panel.
///
/// A figure that matters more than the whole set's, such as the recall of one critical class, is
/// another case here: its [`Headline`] comes from the `PairedCounts` of that class's samples, and
/// everything below draws it as it draws top-5.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HeadFigure {
    /// The metric of the set: top-1, perplexity or agreement.
    #[default]
    Metric,
    Top5,
}

impl HeadFigure {
    /// Itself, or the metric where the run has no such figure.
    pub fn fitted(self, accuracy: &Accuracy) -> Self {
        if accuracy.top5.is_some() { self } else { Self::Metric }
    }
}

/// What heads the panel: one metric, before and after.
pub struct Headline {
    pub name: &'static str,
    pub help: &'static str,
    pub text: MetricText,
    pub float: Option<Estimate>,
    pub quantized: Option<Estimate>,
    pub difference: Option<Estimate>,
    pub outcomes: Outcomes,
    pub mcnemar_p: Option<f64>,
}

const TOP5_HELP: &str = "Top-5 accuracy: share of samples whose label is among the five highest scores, with Wilson's 95 % interval";

impl Headline {
    pub fn of(figure: HeadFigure, accuracy: &Accuracy) -> Self {
        let text = MetricText::of(accuracy);
        match (figure, accuracy.top5) {
            (HeadFigure::Top5, Some(top5)) => Self {
                name: "Top-5 accuracy",
                help: TOP5_HELP,
                text,
                float: Some(top5.float),
                quantized: top5.quantized,
                difference: top5.paired.map(|paired| paired.difference()),
                outcomes: Outcomes::of_pairs(top5.paired.unwrap_or_default()),
                mcnemar_p: top5.paired.map(|paired| paired.mcnemar_p()),
            },
            _ => Self {
                name: metric_name(accuracy.metric),
                help: metric_help(accuracy.metric),
                text,
                float: accuracy.float,
                quantized: accuracy.quantized,
                difference: accuracy.comparison.as_ref().and_then(|c| c.difference),
                outcomes: Outcomes::of_answers(accuracy),
                mcnemar_p: accuracy.comparison.as_ref().and_then(|c| c.mcnemar_p),
            },
        }
    }
}

/// How the parts stand, by the width there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    /// Figures, axes, bar beside each other.
    Wide,
    /// Figures beside the bar, the axes below.
    Middle,
    /// One below the other.
    Narrow,
    /// In little height: figures, and the bar where it fits beside them.
    Low,
}

const TITLE_HEIGHT: f32 = 28.0;
const BLOCKS_HEIGHT: f32 = 64.0;
const BAR_HEIGHT: f32 = 72.0;
const AXES_HEIGHT: f32 = 44.0;
const STACKED_AXES_HEIGHT: f32 = 86.0;
const GAP: f32 = 8.0;
const BAR_WIDTH: f32 = 216.0;
/// In less the parts of the bar have no room for their names.
const LEAST_BAR_WIDTH: f32 = 170.0;
const BLOCK_WIDTH: f32 = 120.0;

impl Shape {
    fn of(width: f32, fit: Fit) -> Self {
        match width {
            width if width >= 780.0 => Self::Wide,
            _ if fit != Fit::Roomy => Self::Low,
            width if width >= 580.0 => Self::Middle,
            _ => Self::Narrow,
        }
    }

    fn height(self) -> f32 {
        let rows = match self {
            Self::Wide => STACKED_AXES_HEIGHT,
            Self::Middle => BAR_HEIGHT + GAP + AXES_HEIGHT,
            Self::Low => BLOCKS_HEIGHT - GAP,
            Self::Narrow => BLOCKS_HEIGHT + 2.0 * GAP + BAR_HEIGHT + STACKED_AXES_HEIGHT,
        };
        self.title_height() + 2.0 * GAP + rows
    }

    /// In little room the sample set stands below the metric.
    fn title_height(self) -> f32 {
        if self == Self::Narrow { TITLE_HEIGHT + 18.0 } else { TITLE_HEIGHT }
    }
}

/// Height that the headline takes in that width.
pub fn height(width: f32, fit: Fit) -> f32 {
    Shape::of(width, fit).height()
}

/// Metric, float, quantized, difference, intervals on axes, and the paired bar.
pub fn headline_ui(ui: &mut Ui, content: &Content, (figure, fit): (&mut HeadFigure, Fit)) {
    let shape = Shape::of(ui.max_rect().width(), fit);
    let room = ui.max_rect().shrink2(vec2(theme::PANEL_MARGIN, GAP));
    let (title, room) = room.split_top_bottom_at_y(room.top() + shape.title_height());
    let first = Rect::from_min_size(title.min - vec2(0.0, 3.0), vec2(title.width(), TITLE_HEIGHT));
    let measured = measured_text(content.accuracy, content.measured, content.names.samples);
    let beside = (shape != Shape::Narrow).then_some(measured.as_str());
    region(ui, first, "title", |ui| title_ui(ui, content, (figure, beside)));
    if shape == Shape::Narrow {
        let second = title.with_min_y(first.bottom() - 2.0);
        region(ui, second, "measured", |ui| measured_ui(ui, &measured));
    }
    let headline = Headline::of(*figure, content.accuracy);
    let places = Places::new(shape, room, &headline);
    blocks_ui(ui, places.first_block, &headline);
    if content.accuracy.comparison.is_some() && places.bar.width() >= LEAST_BAR_WIDTH {
        region(ui, places.bar, "paired", |ui| paired_ui(ui, content, &headline.outcomes));
    }
    if headline.float.or(headline.quantized).is_some() && places.axes.is_positive() {
        axes_ui(ui, places.axes, &headline);
    }
}

/// Where the parts stand.
struct Places {
    /// The others follow on its right.
    first_block: Rect,
    bar: Rect,
    axes: Rect,
}

impl Places {
    fn new(shape: Shape, room: Rect, headline: &Headline) -> Self {
        let estimates = [headline.float, headline.quantized, headline.difference];
        let n_blocks = estimates.into_iter().flatten().count();
        let widest = if shape == Shape::Narrow { room.width() / 3.0 } else { BLOCK_WIDTH };
        let block_size = vec2(widest.min(BLOCK_WIDTH), BLOCKS_HEIGHT);
        let first_block = Rect::from_min_size(room.min, block_size);
        let row = |top: f32, height: f32| {
            Rect::from_min_size(pos2(room.left(), top), vec2(room.width(), height))
        };
        let left = room.left() + block_size.x * n_blocks as f32 + GAP;
        let (bar, axes) = match shape {
            Shape::Wide => {
                let rest = row(room.top(), STACKED_AXES_HEIGHT).with_min_x(left);
                let bar_width = (rest.width() * 0.45).clamp(BAR_WIDTH, 420.0);
                let bar = rest.with_min_x(rest.right() - bar_width);
                (bar, rest.with_max_x(bar.left() - 20.0))
            }
            Shape::Middle => {
                let first = row(room.top(), BAR_HEIGHT);
                (first.with_min_x(left), row(first.bottom() + GAP, AXES_HEIGHT))
            }
            Shape::Low => (row(room.top(), BLOCKS_HEIGHT).with_min_x(left), Rect::NOTHING),
            Shape::Narrow => {
                let bar = row(room.top() + BLOCKS_HEIGHT + GAP, BAR_HEIGHT);
                (bar, row(bar.bottom() + GAP, STACKED_AXES_HEIGHT))
            }
        };
        Self { first_block, bar, axes }
    }
}

/// The metric, on what it was measured, and the choice of another.
fn title_ui(ui: &mut Ui, content: &Content, (figure, measured): (&mut HeadFigure, Option<&str>)) {
    let theme = Theme::of(ui);
    let headline = Headline::of(*figure, content.accuracy);
    ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
        if content.accuracy.top5.is_some() {
            let options = [
                (HeadFigure::Metric, "Top-1", "Right is what has the highest score"),
                (
                    HeadFigure::Top5,
                    "Top-5",
                    "Right is what is among the five highest scores; classes and samples below stay those of the highest",
                ),
            ];
            switch_ui(ui, figure, &options);
            ui.add_space(4.0);
        }
        ui.with_layout(egui::Layout::left_to_right(egui::Align::Center), |ui| {
            let name = RichText::new(headline.name).font(theme::title(12.0)).color(theme.text);
            ui.label(name).on_hover_text(headline.help);
            if let Some(measured) = measured {
                measured_ui(ui, measured);
            }
        });
    });
}

fn measured_ui(ui: &mut Ui, text: &str) {
    let label = RichText::new(text).color(Theme::of(ui).label);
    ui.add(egui::Label::new(label).truncate()).on_hover_text(text);
}

/// `on 897 samples of digits eval (split eval)`.
fn measured_text(accuracy: &Accuracy, measured: Measured, samples: &SampleSet) -> String {
    let n = match (accuracy.n_tokens, measured) {
        (None, Measured::Part { n_samples, n_total }) => {
            format!("{} of {} samples", thousands(n_samples), thousands(n_total))
        }
        (None, _) => counted(accuracy.n_samples, "sample"),
        (Some(n_tokens), _) => {
            let rows = counted(accuracy.n_samples, "row");
            format!("{} in {rows}", counted(n_tokens, "token"))
        }
    };
    format!("on {n} of {} (split {})", samples.name, samples.split.name())
}

fn blocks_ui(ui: &mut Ui, first: Rect, headline: &Headline) {
    let theme = Theme::of(ui);
    let text = headline.text;
    let mut rect = first;
    let mut block = |ui: &mut Ui, id: &str, content: &dyn Fn(&mut Ui)| {
        region(ui, rect, id, |ui| {
            ui.spacing_mut().item_spacing.y = 1.0;
            ui.spacing_mut().interact_size.y = 16.0;
            ui.style_mut().wrap_mode = Some(egui::TextWrapMode::Extend);
            content(ui);
        });
        rect = rect.translate(vec2(rect.width(), 0.0));
    };
    if let Some(float) = headline.float {
        block(ui, "float", &|ui| {
            caption_ui(ui, ("●", theme.original), "Float", headline.help);
            estimate_ui(ui, float, (headline, theme.text));
        });
    }
    if let Some(quantized) = headline.quantized {
        block(ui, "quantized", &|ui| {
            caption_ui(ui, ("■", theme.quantized), "Quantized", headline.help);
            estimate_ui(ui, quantized, (headline, theme.quantized));
        });
    }
    let Some(difference) = headline.difference else { return };
    block(ui, "difference", &|ui| {
        let help = difference_help(text);
        ui.horizontal(|ui| {
            ui.label(RichText::new("Difference").color(theme.label)).on_hover_text(help);
        });
        let value = text.signed(difference.value) + text.difference_unit();
        // As high as the large figures beside it, so that the intervals stand on one line.
        let size = vec2(ui.available_width(), LARGE_HEIGHT);
        let layout = egui::Layout::left_to_right(egui::Align::Center);
        ui.allocate_ui_with_layout(size, layout, |ui| {
            ui.set_min_height(LARGE_HEIGHT);
            number(ui, &value, 14.0, theme.text).on_hover_text(help);
        });
        interval_ui(ui, &text.signed_range(difference.ci95));
    });
}

fn difference_help(text: MetricText) -> &'static str {
    if text.difference_unit().is_empty() {
        "Quantized minus float; the 95 % interval is a bootstrap over rows of both"
    } else {
        "Quantized minus float, in points of percent, with Newcombe's 95 % interval for paired samples"
    }
}

/// Height of a line of the large figures.
const LARGE_HEIGHT: f32 = 28.0;

fn caption_ui(ui: &mut Ui, (sign, mark): (&str, Color32), name: &str, help: &str) {
    let label = Theme::of(ui).label;
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 4.0;
        ui.label(RichText::new(sign).color(mark));
        ui.label(RichText::new(name).color(label)).on_hover_text(help);
    });
}

fn estimate_ui(ui: &mut Ui, estimate: Estimate, (headline, ink): (&Headline, Color32)) {
    let text = headline.text;
    let size = vec2(ui.available_width(), LARGE_HEIGHT);
    let layout = egui::Layout::left_to_right(egui::Align::Center);
    ui.allocate_ui_with_layout(size, layout, |ui| {
        ui.set_min_height(LARGE_HEIGHT);
        number(ui, &text.value(estimate.value), 22.0, ink).on_hover_text(headline.help);
    });
    let (lo, hi) = estimate.ci95;
    interval_ui(ui, &interval(&text.end(lo), &text.end(hi)));
}

fn interval_ui(ui: &mut Ui, text: &str) {
    let hint = Theme::of(ui).hint;
    number(ui, text, 11.0, hint).on_hover_text("95 % interval");
}
