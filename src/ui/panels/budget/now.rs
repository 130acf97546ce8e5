//! What the present recipe takes and is worth, beside the budget that is chosen here.

use egui::{DragValue, RichText, Sense, Stroke, Ui, WidgetInfo, vec2};
use egui_material_icons::icons;

use crate::base::{MINUS, bytes, fixed, interval, percent, significant};
use crate::eval::{Accuracy, Costs, Estimate, Metric, ModelSize, TOLERATED_LOSS, planned_bits};
use crate::session::{KnownSize, Loaded, Session};
use crate::ui::accuracy_text::{Measured, MetricText, metric_help};
use crate::ui::alone::Alone;
use crate::ui::panel::PanelCtx;
use crate::ui::segments::Segments;
use crate::ui::short_name::shortened;
use crate::ui::theme::{self, Theme};
use crate::ui::widgets::{hatch, name_it, number};

use super::limit::{ENERGY_HELP, LIMITS, Limit, Limits, Standing, energy_text, read_bytes};

const ROW_HEIGHT: f32 = 22.0;

/// The present recipe, asked about once a frame.
pub(super) struct Present {
    pub accuracy: Loaded<Accuracy>,
    size: Option<KnownSize>,
    /// Of one prediction, and what that is of.
    costs: Option<Costs>,
    is_per_token: bool,
}

impl Present {
    pub fn of(session: &Session) -> Self {
        let costs = session.costs();
        let is_per_token = costs.as_ref().is_some_and(|(_, model)| model.is_per_token);
        let costs = costs.map(|(costs, _)| costs);
        Self { accuracy: session.accuracy(), size: session.size(), costs, is_per_token }
    }

    /// Of the metric that is measured, as far as one is.
    pub fn metric(&self) -> Option<Metric> {
        self.accuracy.shown().map(|accuracy| accuracy.metric)
    }

    /// Once it is known of every layer.
    fn size(&self) -> Option<ModelSize> {
        self.size.filter(KnownSize::is_whole).map(|known| known.size)
    }
}

/// The value, the limit and the bar; below, where the limit is chosen.
pub(super) fn budget_ui(ui: &mut Ui, present: &Present, limits: &mut Limits) {
    let accuracy = &present.accuracy;
    let is_counting = present.size.is_some_and(|known| !known.is_whole());
    let known = present.size();
    let energy = present.costs.map(|costs| costs.energy_picojoules * 1e-6);
    match limits.standing(known.as_ref(), energy, accuracy.shown().map(|accuracy| &**accuracy)) {
        Some(standing) => {
            let is_stale = limits.limit == Limit::Accuracy && accuracy.is_stale();
            ui.scope(|ui| {
                ui.set_opacity(if is_stale { 0.5 } else { 1.0 });
                standing_ui(ui, &standing);
            });
        }
        None => unknown_ui(ui, limits.limit, is_counting),
    }
    ui.add_space(8.0);
    if let Some(limit) =
        Segments::new(&LIMITS).named("Budget by").filling().show(ui, Some(limits.limit))
    {
        limits.limit = limit;
    }
    ui.add_space(2.0);
    let metric = present.metric();
    let limit = limits.limit;
    let name = match (limit, metric) {
        (Limit::Accuracy, Some(Metric::Perplexity))
        | (Limit::Size | Limit::Bits | Limit::Energy, _) => "At most",
        _ => "At least",
    };
    row_ui(ui, name, "The limit; drag it or type it", |ui| {
        limit_field_ui(ui, limits, (limit, metric), "Budget");
    });
}

fn standing_ui(ui: &mut Ui, standing: &Standing) {
    let theme = Theme::of(ui);
    let (sign, ink) = match standing.is_kept {
        true => ("", theme.rounding),
        false => ("✕ ", theme.bad),
    };
    ui.horizontal(|ui| {
        number(ui, &standing.now, 20.0, theme.text);
        ui.label(RichText::new(&standing.limit).color(theme.label));
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            let text = RichText::new(format!("{sign}{}", standing.spare));
            ui.label(text.font(theme::mono(12.0)).color(ink));
        });
    });
    ui.add_space(4.0);
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 14.0), Sense::hover());
    let track = rect.shrink2(vec2(0.0, 3.0));
    let x = |fraction: f32| track.left() + track.width() * fraction.clamp(0.0, 1.0);
    ui.painter().rect_filled(track, 2, theme.track);
    ui.painter().rect_filled(track.with_max_x(x(standing.fraction)), 2, theme.accent);
    if !standing.is_kept {
        let (a, b) = (x(standing.fraction), x(standing.mark));
        let apart = track.with_min_x(a.min(b)).with_max_x(a.max(b));
        ui.painter().rect_filled(apart, 0, theme.bad.gamma_multiply(0.45));
        hatch(&ui.painter().with_clip_rect(apart), apart, theme.bad);
    }
    ui.painter().vline(x(standing.mark), rect.y_range(), Stroke::new(2.0, theme.text));
    let told = format!("{} {}, {}", standing.now, standing.limit, standing.spare);
    response.widget_info(|| WidgetInfo::labeled(egui::Role::Label, true, &told));
    response.on_hover_text(format!("{told}. The line is the limit"));
}

fn unknown_ui(ui: &mut Ui, limit: Limit, is_counting: bool) {
    let text = match limit {
        Limit::Accuracy => "Accuracy is not measured yet",
        _ if is_counting => "The size is being counted, layer by layer",
        Limit::Bits => "No layer is quantized",
        Limit::Size => "The size is not known yet",
        Limit::Energy => "Operations are not counted: the model has no graph, or it is being run",
    };
    ui.add(egui::Label::new(RichText::new(text).color(Theme::of(ui).hint)).wrap());
}

/// The number of a limit; nothing where it has none yet.
pub(super) fn limit_field_ui(
    ui: &mut Ui,
    limits: &mut Limits,
    (limit, metric): (Limit, Option<Metric>),
    name: &str,
) {
    let place = match limit {
        Limit::Size => &mut limits.bytes,
        Limit::Bits => &mut limits.bits,
        Limit::Energy => &mut limits.microjoules,
        Limit::Accuracy => &mut limits.metric,
    };
    let Some(value) = place else {
        ui.label(RichText::new("not measured yet").color(Theme::of(ui).hint));
        return;
    };
    let is_share = limit == Limit::Accuracy && metric != Some(Metric::Perplexity);
    let mut shown = if is_share { *value * 100.0 } else { *value };
    let before = shown;
    let drag = DragValue::new(&mut shown).update_while_editing(false);
    let drag = match limit {
        Limit::Size => drag
            .speed((before * 0.002).max(1.0))
            .range(1.0..=1e13)
            .custom_formatter(|value, _| bytes(value.max(0.0).round() as u64))
            .custom_parser(read_bytes),
        Limit::Bits => drag.speed(0.01).range(1.0..=32.0).fixed_decimals(2).suffix(" bits"),
        Limit::Energy => {
            drag.speed((before * 0.002).max(1e-4)).range(1e-6..=1e12).max_decimals(4).suffix(" µJ")
        }
        Limit::Accuracy if is_share => {
            drag.speed(0.05).range(0.0..=100.0).fixed_decimals(1).suffix(" %")
        }
        Limit::Accuracy => drag.speed(before * 0.001).range(1.0..=1e6).fixed_decimals(3),
    };
    let response = ui.add_sized([112.0, theme::CONTROL_HEIGHT], drag);
    name_it(&response, name);
    if (shown - before).abs() > 0.0 {
        *value = if is_share { shown / 100.0 } else { shown };
    }
}

/// A name on the left, something on the right.
pub(super) fn row_ui(ui: &mut Ui, name: &str, help: &str, right: impl FnOnce(&mut Ui)) {
    let theme = Theme::of(ui);
    let size = vec2(ui.available_width(), ROW_HEIGHT);
    let layout = egui::Layout::right_to_left(egui::Align::Center);
    ui.allocate_ui_with_layout(size, layout, |ui| {
        ui.set_min_height(ROW_HEIGHT);
        ui.spacing_mut().item_spacing.x = 6.0;
        right(ui);
        ui.with_layout(egui::Layout::left_to_right(egui::Align::Center), |ui| {
            let label = egui::Label::new(RichText::new(name).color(theme.label)).truncate();
            ui.add(label).on_hover_text(help);
        });
    });
}

/// A figure and, smaller before it, how sure it is.
fn figure_ui(ui: &mut Ui, (value, range): (&str, &str), ink: egui::Color32, help: &str) {
    let hint = Theme::of(ui).hint;
    number(ui, value, 12.0, ink).on_hover_text(help);
    if !range.is_empty() {
        number(ui, range, 11.0, hint).on_hover_text("95 % interval");
    }
}

/// The rows below the budget.
pub(super) fn figures_ui(ui: &mut Ui, ctx: &PanelCtx, present: &Present) {
    let theme = Theme::of(ui);
    ui.spacing_mut().item_spacing.y = 0.0;
    let help = "Stored bits over the weights of the quantized layers, with everything needed to decode them";
    row_ui(ui, "Bits per weight", help, |ui| {
        let bits = present.size().and_then(|size| size.bits_per_weight);
        let text = bits.map_or_else(|| "–".to_owned(), |bits| fixed(bits, 2));
        figure_ui(ui, (&text, ""), theme.text, help);
    });
    costs_ui(ui, present);
    metric_ui(ui, ctx, &present.accuracy);
    rival_ui(ui, ctx, present);
    critical_ui(ui, ctx, &present.accuracy);
    worst_ui(ui, ctx);
}

/// Operations and energy of one prediction.
fn costs_ui(ui: &mut Ui, present: &Present) {
    let Some(costs) = present.costs else { return };
    let theme = Theme::of(ui);
    let per = if present.is_per_token { "token" } else { "sample" };
    let help = "Multiply-accumulates times the bits of a weight's code times those of an activation, here 32 (float); van Baalen et al. 2020";
    row_ui(ui, &format!("Bit operations per {per}"), help, |ui| {
        figure_ui(ui, (&counted_large(costs.bit_operations), ""), theme.text, help);
    });
    row_ui(ui, &format!("Energy per {per}, estimated"), ENERGY_HELP, |ui| {
        let text = energy_text(costs.energy_picojoules * 1e-6);
        figure_ui(ui, (&text, ""), theme.text, ENERGY_HELP);
    });
}

/// `1.234 G`: three decimals under the next power of a thousand.
fn counted_large(count: f64) -> String {
    let scales = [(1e12, " T"), (1e9, " G"), (1e6, " M"), (1e3, " k")];
    let scale = scales.into_iter().find(|(scale, _)| count >= *scale);
    let (scale, unit) = scale.unwrap_or((1.0, ""));
    format!("{}{unit}", significant(count / scale, 4))
}

fn short_metric(metric: Metric) -> &'static str {
    match metric {
        Metric::Top1 => "Top-1",
        Metric::Perplexity => "Perplexity",
        Metric::Agreement => "Same as float",
    }
}

fn metric_ui(ui: &mut Ui, ctx: &PanelCtx, accuracy: &Loaded<Accuracy>) {
    let theme = Theme::of(ui);
    let Some(shown) = accuracy.shown() else {
        let reason = accuracy.failure().unwrap_or("It is being measured");
        return row_ui(ui, "Accuracy", reason, |ui| {
            let text = if accuracy.failure().is_some() { "not measured" } else { "…" };
            ui.label(RichText::new(text).color(theme.hint)).on_hover_text(reason);
        });
    };
    let set = ctx.session.samples().map_or("", |samples| samples.name.as_str());
    let text = MetricText::of(shown);
    let name = format!("{} on {set}", short_metric(shown.metric));
    let running = Measured::of(accuracy).running_text();
    let on = running.clone().unwrap_or_else(|| crate::base::counted(shown.n_samples, "sample"));
    let help = format!("{}. Measured on {set}, {on}", metric_help(shown.metric));
    row_ui(ui, &name, &help, |ui| {
        ui.set_opacity(if accuracy.is_stale() { 0.5 } else { 1.0 });
        match shown.quantized.or(shown.float) {
            Some(value) => {
                let range = text.range(value.ci95);
                figure_ui(ui, (&text.value(value.value), &range), theme.text, &help);
            }
            None => drop(ui.label(RichText::new("–").color(theme.hint))),
        }
    });
}

/// Metric and size against the recipe that is held.
fn rival_ui(ui: &mut Ui, ctx: &PanelCtx, present: &Present) {
    let theme = Theme::of(ui);
    let Some(rival) = ctx.session.rival() else { return };
    let Some(versus) = ctx.session.versus() else { return };
    let held = if rival.is_swapped { "B" } else { "A" };
    let name = format!("Against {held}: {}", rival.name);
    let help = "The metric now minus that of the recipe that is held, on the same samples, with its 95 % interval";
    row_ui(ui, &name, &format!("{name}. {help}"), |ui| {
        ui.set_opacity(if versus.is_stale() { 0.5 } else { 1.0 });
        match (versus.shown(), versus.failure()) {
            (_, Some(reason)) => {
                ui.label(RichText::new("✕ failed").color(theme.bad)).on_hover_text(reason);
            }
            (Some(versus), _) if versus.difference.is_some() => {
                let largest = versus.b.value.map_or(0.0, |value| value.ci95.1);
                let text = MetricText::up_to(versus.metric, largest);
                let difference = versus.difference.unwrap_or(NO_CHANGE);
                let value = format!("{}{}", text.signed(difference.value), text.difference_unit());
                let range = text.signed_range(difference.ci95);
                figure_ui(ui, (&value, &range), theme.text, help);
            }
            _ => drop(ui.label(RichText::new("…").color(theme.hint))),
        }
    });
    let help = "Stored size now minus that of the recipe that is held";
    row_ui(ui, "Size against it", help, |ui| {
        let text = match (present.size(), rival_bytes(ctx.session)) {
            (Some(now), Some(then)) => signed_bytes(now.quantized_bytes as f64 - then as f64),
            _ => "…".to_owned(),
        };
        figure_ui(ui, (&text, ""), theme.text, help);
    });
}

const NO_CHANGE: Estimate = Estimate { value: 0.0, ci95: (0.0, 0.0) };

/// What the recipe that is held takes; `None` until that is known of every layer.
fn rival_bytes(session: &Session) -> Option<u64> {
    let (rival, network) = (session.rival()?, session.network()?);
    let mut layer_bits = Vec::with_capacity(network.layers.len());
    for (idx, layer) in network.layers.iter().enumerate() {
        let choice = rival.recipe.get(&layer.name).filter(|choice| !choice.keeps_float());
        layer_bits.push(match choice {
            None => None,
            Some(choice) => Some(match planned_bits(layer, choice) {
                Some(bits) => bits,
                None => session.figures_under(idx, choice).ready()?.storage_bits,
            }),
        });
    }
    Some(ModelSize::of_bits(network, &layer_bits).quantized_bytes)
}

/// `−4.0 kB`, `+312 B`.
pub(super) fn signed_bytes(by: f64) -> String {
    let text = bytes(by.abs().round() as u64);
    match by {
        by if by < 0.0 => format!("{MINUS}{text}"),
        by if by > 0.0 => format!("+{text}"),
        _ => text,
    }
}

/// Recall of the class that counts, and a warning where too much of it may be lost.
fn critical_ui(ui: &mut Ui, ctx: &PanelCtx, accuracy: &Loaded<Accuracy>) {
    let theme = Theme::of(ui);
    let Some(name) = ctx.session.critical_class() else { return };
    let Some(recall) = accuracy.shown().and_then(|accuracy| accuracy.class_recall(name)) else {
        return;
    };
    let is_compared = accuracy.shown().is_some_and(|accuracy| accuracy.comparison.is_some());
    let help = "Recall of the critical class: its right answers over its samples, with Wilson's 95 % interval";
    let shown = if is_compared { recall.quantized } else { recall.float };
    row_ui(ui, &format!("Recall of {name}"), help, |ui| {
        let ends = [shown.ci95.0, shown.ci95.1].map(|end| fixed(100.0 * end, 1));
        let range = format!("{} %", interval(&ends[0], &ends[1]));
        figure_ui(ui, (&percent(shown.value, 1), &range), theme.text, help);
    });
    if is_compared && recall.may_lose_more_than(TOLERATED_LOSS) {
        let worst = fixed(-100.0 * recall.difference.ci95.0, 1);
        let text = format!("A loss of up to {worst} points of recall cannot be ruled out");
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = 5.0;
            ui.label(icons::ICON_WARNING.rich_text().size(14.0).color(theme.bad));
            ui.add(egui::Label::new(RichText::new(text).color(theme.bad)).wrap()).on_hover_text(
                "More than the 1 point that is tolerated; from the lower end of the paired difference's interval",
            );
        });
    }
}

fn worst_ui(ui: &mut Ui, ctx: &PanelCtx) {
    let theme = Theme::of(ui);
    let alone = Alone::of(ctx.session);
    let help = "The layer that costs most of the metric when it alone is quantized as it is now, of those whose setting was measured";
    let can_run = ctx.session.network().is_some_and(|network| network.graph.is_some());
    row_ui(ui, "Worst layer alone", help, |ui| match (alone.worst(ctx.session), alone.text()) {
        (Some((name, figure)), Some(text)) => {
            let unit = text.difference_unit();
            let value = format!("{}{unit}", text.signed(figure.change.value));
            let range = text.signed_range(figure.change.ci95);
            let told = alone.told().unwrap_or_default();
            let help = format!("{name}: {value}, 95 % interval {range}{unit}, on {told}");
            number(ui, &value, 12.0, theme.text).on_hover_text(&help);
            let name = shortened(&name, 18);
            ui.label(RichText::new(name).font(theme::mono(12.0)).color(theme.text))
                .on_hover_text(help);
        }
        _ if alone.is_not_asked() && can_run => {
            let help = "Runs the model once for every layer and width, on samples that do not judge; it goes on in the background";
            if ui.button("Measure layers").on_hover_text(help).clicked() {
                // Asking begins it.
                drop(ctx.session.sensitivity());
            }
        }
        _ => {
            let text = RichText::new("–").color(theme.hint);
            ui.label(text).on_hover_text(alone.state_words());
        }
    });
}
