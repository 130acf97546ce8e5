//! The rows of controls: what the table shows, and what is measured on which samples.

use egui::{Align, Layout, RichText, Ui, vec2};

use super::SenseView;
use super::figure::{Figure, Mode, Shown};
use crate::base::{percent, thousands};
use crate::eval::Metric;
use crate::quant::{ParamKind, SchemeChoice};
use crate::session::{Command, Loaded, SearchSource, SenseSettings, Sensed};
use crate::ui::layer_title::scheme_words;
use crate::ui::panel::PanelCtx;
use crate::ui::scheme_picker::SchemePicker;
use crate::ui::segments::Segments;
use crate::ui::theme::{self, Theme};
use crate::ui::widgets::{bar, name_it};

const LINE_HEIGHT: f32 = 36.0;
/// Below this width the choices of what is shown take a line of their own.
const MIN_WIDTH_FOR_TITLE: f32 = 860.0;
/// Below it the state of the measurement does.
const MIN_WIDTH_FOR_STATE: f32 = 640.0;

/// Numbers of samples to choose from.
const LIMITS: [usize; 5] = [100, 200, 500, 1000, 2000];
/// Widths that may be measured at once: more columns nobody compares.
const MAX_WIDTH_BITS: i64 = 16;

const SOURCES: [(SearchSource, &str, &str); 4] = [
    (
        SearchSource::Best,
        "Best there is",
        "The calibration set, else the train set, else a half of the set that judges",
    ),
    (SearchSource::Calibration, "Calibration set", "calibration.safetensors beside the model"),
    (SearchSource::Train, "Train set", "train.safetensors beside the model"),
    (
        SearchSource::HalfOfShown,
        "Half of the set that judges",
        "A class-balanced half of the set that accuracy is measured on; the other half judges",
    ),
];

/// Draws the tools.
pub(super) fn tools_ui(
    ui: &mut Ui,
    (ctx, loaded): (&PanelCtx, &Loaded<Sensed>),
    shown: Option<Shown>,
    (view, shows_predictors): (&mut SenseView, &mut bool),
) {
    let width = ui.available_width();
    if width >= MIN_WIDTH_FOR_TITLE {
        line(ui, |ui| {
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                ui.add_space(theme::PANEL_MARGIN);
                predictors_button_ui(ui, shows_predictors);
                ui.add_space(4.0);
                ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                    what_ui(ui, shown, view);
                    ui.add_space(8.0);
                    ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                        title_ui(ui, shown, loaded);
                    });
                });
            });
        });
    } else {
        line(ui, |ui| title_ui(ui, shown, loaded));
        line(ui, |ui| {
            ui.spacing_mut().item_spacing.x = 6.0;
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                ui.add_space(theme::PANEL_MARGIN);
                predictors_button_ui(ui, shows_predictors);
                ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                    mode_ui(ui, view);
                    figure_ui(ui, shown, view);
                });
            });
        });
    }
    let is_one_line = width >= MIN_WIDTH_FOR_STATE;
    line(ui, |ui| {
        ui.spacing_mut().item_spacing.x = 6.0;
        measured_ui(ui, ctx);
        if is_one_line {
            ui.add_space(6.0);
            state_ui(ui, loaded);
        }
    });
    if !is_one_line {
        line(ui, |ui| state_ui(ui, loaded));
    }
}

fn line(ui: &mut Ui, content: impl FnOnce(&mut Ui)) {
    let size = vec2(ui.available_width(), LINE_HEIGHT);
    ui.allocate_ui_with_layout(size, Layout::left_to_right(Align::Center), |ui| {
        ui.set_min_height(LINE_HEIGHT);
        ui.add_space(theme::PANEL_MARGIN);
        content(ui);
    });
}

/// What the table shows, and on which samples it was measured.
fn title_ui(ui: &mut Ui, shown: Option<Shown>, loaded: &Loaded<Sensed>) {
    let theme = Theme::of(ui);
    let Some(shown) = shown else { return };
    let title = RichText::new(shown.title()).font(theme::title(12.0)).color(theme.text);
    let help = match shown.mode {
        Mode::Alone => "Every other layer stays in float, so that the change is that layer's alone",
        Mode::AllBut => {
            "Against every layer quantized at that width: how much one layer's float weights win back"
        }
    };
    ui.add(egui::Label::new(title).truncate()).on_hover_text(help);
    if let Some(sensed) = loaded.shown() {
        let n = thousands(sensed.found.n_samples());
        let text = format!("{n} samples of {}", sensed.told);
        let told = RichText::new(&text).color(theme.hint);
        let help = format!("{text}. Samples that choices are made with do not judge them.");
        ui.add(egui::Label::new(told).truncate()).on_hover_text(help);
    }
}

fn predictors_button_ui(ui: &mut Ui, shows: &mut bool) {
    let button = egui::Button::new("What predicts it").selected(*shows);
    let response = ui.add(button.min_size(vec2(0.0, theme::CONTROL_HEIGHT)));
    let help = "How well SQNR, MSE and MSE × Hessian trace rank what was measured";
    if response.on_hover_text(help).clicked() {
        *shows = !*shows;
    }
}

/// From right to left.
fn what_ui(ui: &mut Ui, shown: Option<Shown>, view: &mut SenseView) {
    figure_ui(ui, shown, view);
    ui.add_space(4.0);
    mode_ui(ui, view);
}

fn mode_ui(ui: &mut Ui, view: &mut SenseView) {
    let modes = [
        (Mode::Alone, "Alone", "Only that layer quantized, against float"),
        (Mode::AllBut, "All but", "Every layer quantized but that one: what is won back"),
    ];
    let modes = Segments::new(&modes).named("Quantized");
    view.mode = modes.show(ui, Some(view.mode)).unwrap_or(view.mode);
}

fn figure_ui(ui: &mut Ui, shown: Option<Shown>, view: &mut SenseView) {
    let metric = shown.map_or(Metric::Top1, |shown| shown.metric);
    let first = match metric {
        Metric::Top1 => (Figure::Metric, "Top-1", "Change of top-1 accuracy, points"),
        Metric::Perplexity => (Figure::Metric, "Perplexity", "Change of the perplexity"),
        Metric::Agreement => {
            (Figure::Metric, "Agreement", "Answers that are no longer float's, points")
        }
    };
    let loss = (Figure::Loss, "Loss", "Change of the mean negative log-likelihood, nats");
    let kl =
        (Figure::Kl, "KL", "Mean Kullback–Leibler divergence of the outputs from float's, nats");
    let bits = (Figure::Bits, "Bits", "Stored bits per weight, scales and all else counted");
    let all = [first, loss, kl, bits];
    let without_loss = [first, kl, bits];
    let options: &[_] = if metric == Metric::Agreement { &without_loss } else { &all };
    let now = shown.map_or(view.figure, |shown| shown.figure);
    view.figure = Segments::new(options).named("Show").show(ui, Some(now)).unwrap_or(view.figure);
}

/// Scheme, widths, samples.
fn measured_ui(ui: &mut Ui, ctx: &PanelCtx) {
    let settings = ctx.session.sense_settings();
    let send = |settings: SenseSettings| ctx.send(Command::SetSense(Box::new(settings)));
    let scheme = settings.scheme.scheme();
    let picker = SchemePicker {
        name: "Measured scheme",
        text: &scheme_words(&settings.scheme),
        current: Some(scheme),
        width: 190.0,
    };
    if let Some(taken) = picker.ui(ui) {
        let scheme = settings.scheme.switched_to(taken);
        let bits = fitting(&settings.bits, &scheme);
        send(SenseSettings { scheme, bits, ..settings.clone() });
    }
    if let Some(bits) = widths_ui(ui, settings) {
        send(SenseSettings { bits, ..settings.clone() });
    }
    if let Some((source, limit)) = samples_ui(ui, settings) {
        send(SenseSettings { source, limit, ..settings.clone() });
    }
}

/// The bits a scheme can be set to.
fn range_of(scheme: &SchemeChoice) -> Option<(i64, i64)> {
    match scheme.param("bits").map(|param| &param.kind) {
        Some(&ParamKind::Int { min, max, .. }) => Some((min, max.min(MAX_WIDTH_BITS))),
        _ => None,
    }
}

/// Those of the widths that a scheme has; its own where it has none of them.
fn fitting(bits: &[i64], scheme: &SchemeChoice) -> Vec<i64> {
    let Some((least, most)) = range_of(scheme) else { return bits.to_vec() };
    let fitting: Vec<i64> =
        bits.iter().copied().filter(|bits| (least..=most).contains(bits)).collect();
    match fitting.is_empty() {
        true => scheme.bits().into_iter().collect(),
        false => fitting,
    }
}

fn widths_ui(ui: &mut Ui, settings: &SenseSettings) -> Option<Vec<i64>> {
    let texts: Vec<String> = settings.bits.iter().map(ToString::to_string).collect();
    let text = match texts.len() {
        0 => "no width".to_owned(),
        1..=7 => format!("{} bits", texts.join(" ")),
        n => format!("{n} widths"),
    };
    let button = egui::Button::new(text).min_size(vec2(0.0, theme::CONTROL_HEIGHT));
    let stays = egui::containers::menu::MenuConfig::new()
        .close_behavior(egui::PopupCloseBehavior::CloseOnClickOutside);
    let mut chosen = None;
    let menu = egui::containers::menu::MenuButton::from_button(button).config(stays);
    let (response, _) = menu.ui(ui, |ui| {
        let Some((least, most)) = range_of(&settings.scheme) else {
            let text = "This scheme leaves no bits to choose.";
            ui.label(RichText::new(text).color(Theme::of(ui).hint));
            return;
        };
        for width in least..=most {
            let mut is_measured = settings.bits.contains(&width);
            let name = if width == 1 { "1 bit".to_owned() } else { format!("{width} bits") };
            let response = ui.checkbox(&mut is_measured, name);
            if response.on_hover_text("A column of the table").changed() {
                let others = settings.bits.iter().copied().filter(|bits| *bits != width);
                let mut bits: Vec<i64> = others.chain(is_measured.then_some(width)).collect();
                bits.sort_unstable();
                chosen = Some(bits);
            }
        }
    });
    name_it(&response, "Measured widths");
    response.on_hover_text("The candidates: the scheme at each of these widths");
    chosen.filter(|bits| !bits.is_empty())
}

fn samples_ui(ui: &mut Ui, settings: &SenseSettings) -> Option<(SearchSource, Option<usize>)> {
    let number = |limit: Option<usize>| match limit {
        Some(limit) => format!("up to {} samples", thousands(limit)),
        None => "all samples".to_owned(),
    };
    let source = SOURCES.iter().find(|(source, ..)| *source == settings.source);
    let source = source.map_or("", |(_, name, _)| name);
    let text = match settings.source {
        SearchSource::Best => number(settings.limit),
        _ => format!("{}: {}", source.to_lowercase(), number(settings.limit)),
    };
    let button = egui::Button::new(text).min_size(vec2(0.0, theme::CONTROL_HEIGHT));
    let mut chosen = None;
    let stays = egui::containers::menu::MenuConfig::new()
        .close_behavior(egui::PopupCloseBehavior::CloseOnClickOutside);
    let menu = egui::containers::menu::MenuButton::from_button(button).config(stays);
    let (response, _) = menu.ui(ui, |ui| {
        let theme = Theme::of(ui);
        ui.label(RichText::new("Measured on").font(theme::title(11.0)).color(theme.hint));
        for (source, name, help) in SOURCES {
            let response = ui.radio(settings.source == source, name);
            if response.on_hover_text(help).clicked() {
                chosen = Some((source, settings.limit));
            }
        }
        ui.separator();
        let limits = LIMITS.into_iter().map(Some).chain([None]);
        let mut limits: Vec<Option<usize>> = limits.collect();
        if !limits.contains(&settings.limit) {
            limits.insert(0, settings.limit);
        }
        for limit in limits {
            let response = ui.radio(settings.limit == limit, number(limit));
            let help = "More samples take longer and tell smaller changes apart";
            if response.on_hover_text(help).clicked() {
                chosen = Some((settings.source, limit));
            }
        }
    });
    name_it(&response, "Measured samples");
    response.on_hover_text("The samples that layers are measured on, and at most how many");
    chosen
}

/// How far the measurement is, or that nothing had to be run.
fn state_ui(ui: &mut Ui, loaded: &Loaded<Sensed>) {
    let theme = Theme::of(ui);
    match loaded {
        Loaded::Pending { progress, partial, .. } => {
            let response = bar(ui, vec2(96.0, 6.0), progress.fraction(), theme.accent);
            let share = percent(f64::from(progress.fraction()), 0);
            let text = match partial.as_ref().map(|partial| &partial.found) {
                Some(found) if found.n_samples() > 0 => format!(
                    "{} of {} samples, {share}",
                    thousands(found.n_samples()),
                    thousands(found.n_total)
                ),
                _ if progress.total == 0 => "waiting".to_owned(),
                _ => format!("measuring, {share}"),
            };
            response.widget_info(|| {
                egui::WidgetInfo::labeled(egui::Role::ProgressIndicator, true, &text)
            });
            let help = "It goes on while you work elsewhere; the strip of jobs below stops it";
            let label = egui::Label::new(RichText::new(&text).color(theme.accent)).truncate();
            ui.add(label).on_hover_text(help);
        }
        Loaded::Ready(sensed) => {
            let text = if sensed.was_known { "measured before" } else { "measured just now" };
            let help = match sensed.was_known {
                true => {
                    "These figures were kept: the model, the samples and the settings are the same"
                }
                false => "Kept, and found again at the next start",
            };
            let label = egui::Label::new(RichText::new(text).color(theme.hint)).truncate();
            ui.add(label).on_hover_text(help);
        }
        Loaded::Failed(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quant::schemes::int::Int;

    #[test]
    fn widths_stay_where_the_scheme_has_them() {
        let int = SchemeChoice::new(&Int);
        assert_eq!(fitting(&[1, 2, 4, 99], &int), [2, 4]);
        assert_eq!(fitting(&[1], &int), [8], "its own where none fits");
        assert_eq!(fitting(&[3], &SchemeChoice::float()), [3], "the session says why not");
    }
}
