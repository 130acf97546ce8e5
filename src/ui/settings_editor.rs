//! Controls for a scheme's settings, drawn from their declaration.

use std::ops::RangeInclusive;

use egui::{ComboBox, DragValue, RichText, Slider, Ui, vec2};

use super::theme::{self, Theme};
use super::widgets::gesture_of;
use crate::quant::schemes::SCHEMES;
use crate::quant::{ChoiceSpec, ParamKind, ParamSpec, Prominence, SchemeChoice, SettingValue};
use crate::session::Gesture;
use crate::tensor::TensorStats;

/// A choice as the person has just changed it.
pub struct Edited {
    pub choice: SchemeChoice,
    pub gesture: Gesture,
}

/// Width of the labels before the controls.
const LABEL_WIDTH: f32 = 76.0;

/// Draws the scheme and its settings. From `stats` come the ends shown where a range by hand is
/// still automatic, and whether there is anything that is not a number.
pub fn settings_ui(
    ui: &mut Ui,
    choice: &SchemeChoice,
    stats: Option<&TensorStats>,
) -> Option<Edited> {
    let ends = stats.and_then(|s| Some((f64::from(s.min?), f64::from(s.max?))));
    let has_non_finite = stats.is_none_or(|stats| stats.n_non_finite() > 0);
    let mut edited = scheme_ui(ui, choice);
    for param in choice.scheme().params() {
        let is_relevant = choice.settings().is_relevant(param);
        // A choice of one is nothing to choose, and what has no effect only takes room.
        let single = matches!(&param.kind, ParamKind::Choice { choices, .. } if choices.len() < 2);
        let is_changed = choice.settings().get(param.key) != Some(param.default_value());
        let is_shown = match param.prominence {
            Prominence::Usual => true,
            Prominence::NonFiniteOnly => has_non_finite || is_changed,
        };
        if !is_relevant || single || !is_shown {
            continue;
        }
        let changed =
            form_row(ui, param.label, &help_of(param), |ui| setting_ui(ui, choice, param, ends));
        if let Some((value, gesture)) = changed
            && let Ok(choice) = choice.with(param.key, value)
        {
            edited = Some(Edited { choice, gesture });
        }
    }
    edited
}

fn scheme_ui(ui: &mut Ui, choice: &SchemeChoice) -> Option<Edited> {
    let scheme = choice.scheme();
    let help = format!("{}\n{}", scheme.summary(), scheme.source());
    form_row(ui, "Scheme", &help, |ui| {
        let mut edited = None;
        let combo = ComboBox::from_id_salt("scheme")
            .selected_text(scheme.name())
            .width(ui.available_width())
            .show_ui(ui, |ui| {
                for &other in SCHEMES {
                    let is_current = other.id() == scheme.id();
                    let response = ui.selectable_label(is_current, other.name());
                    if response.on_hover_text(other.summary()).clicked() && !is_current {
                        let choice = choice.switched_to(other);
                        edited = Some(Edited { choice, gesture: Gesture::Once });
                    }
                }
            });
        name_it(&combo.response, "Scheme");
        edited
    })
}

fn help_of(param: &ParamSpec) -> String {
    match &param.kind {
        ParamKind::Choice { choices, .. } => {
            let lines = choices.iter().map(|c| format!("{}: {}", c.label, c.help));
            format!("{}\n{}", param.help, lines.collect::<Vec<_>>().join("\n"))
        }
        _ => format!("{}\n{}", param.help, sentence(&param.expected())),
    }
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters
        .next()
        .map_or_else(String::new, |first| format!("{}{}.", first.to_uppercase(), letters.as_str()))
}

/// A label on the left, a control on the right, one height for all.
fn form_row<R>(ui: &mut Ui, label: &str, help: &str, control: impl FnOnce(&mut Ui) -> R) -> R {
    let colour = Theme::of(ui).label;
    ui.allocate_ui_with_layout(
        vec2(ui.available_width(), theme::FORM_ROW_HEIGHT),
        egui::Layout::left_to_right(egui::Align::Center),
        |ui| {
            ui.set_min_height(theme::FORM_ROW_HEIGHT);
            let size = vec2(LABEL_WIDTH, theme::FORM_ROW_HEIGHT);
            let layout = egui::Layout::left_to_right(egui::Align::Center);
            ui.allocate_ui_with_layout(size, layout, |ui| {
                ui.set_min_width(LABEL_WIDTH);
                ui.label(RichText::new(label).color(colour)).on_hover_text(help);
            });
            control(ui)
        },
    )
    .inner
}

type Change = Option<(SettingValue, Gesture)>;

fn setting_ui(
    ui: &mut Ui,
    choice: &SchemeChoice,
    param: &'static ParamSpec,
    ends: Option<(f64, f64)>,
) -> Change {
    let value = choice.settings().get(param.key)?;
    match (&param.kind, value) {
        (ParamKind::Int { min, max, .. }, SettingValue::Int(int)) if max - min <= 32 => {
            stepper_ui(ui, param.label, int, *min..=*max)
        }
        (ParamKind::Int { min, max, .. }, SettingValue::Int(int)) => {
            int_ui(ui, param.label, int, *min..=*max)
        }
        (ParamKind::AutoInt { min, max }, value) => {
            auto_int_ui(ui, param.label, value, *min..=*max)
        }
        (ParamKind::Float { min, max, .. }, SettingValue::Float(float)) => {
            float_ui(ui, param.label, float, *min..=*max, 0.01)
        }
        (ParamKind::AutoFloat { min, max }, value) => {
            let automatic = ends.map_or(0.0, |(lo, hi)| if param.key == "lo" { lo } else { hi });
            let shown = if let SettingValue::Float(float) = value { float } else { automatic };
            let speed = ends.map_or(0.01, |(lo, hi)| ((hi - lo) / 400.0).max(1e-9));
            float_ui(ui, param.label, shown, *min..=*max, speed)
        }
        (ParamKind::Choice { choices, .. }, SettingValue::Choice(key)) if choices.len() <= 3 => {
            segments_ui(ui, choices, key)
        }
        (ParamKind::Choice { choices, .. }, SettingValue::Choice(key)) => {
            combo_ui(ui, param.label, choices, key)
        }
        _ => None,
    }
}

/// Minus, number, plus and a slider.
fn stepper_ui(ui: &mut Ui, label: &str, int: i64, range: RangeInclusive<i64>) -> Change {
    let (min, max) = (*range.start(), *range.end());
    let mut changed = None;
    let mut step = |ui: &mut Ui, text: &str, name: String, to: i64| {
        let button = egui::Button::new(RichText::new(text).font(theme::mono(13.0)));
        let enabled = (min..=max).contains(&to);
        let response = ui.add_enabled(enabled, button.min_size(vec2(24.0, 24.0)));
        name_it(&response, &name);
        if response.clicked() {
            changed = Some((SettingValue::Int(to), Gesture::Once));
        }
    };
    step(ui, "−", format!("{label}: one less"), int - 1);
    let mut edited = int;
    let drag =
        ui.add_sized([36.0, 24.0], DragValue::new(&mut edited).range(range.clone()).speed(0.1));
    name_it(&drag, label);
    let mut step_up = None;
    {
        let button = egui::Button::new(RichText::new("+").font(theme::mono(13.0)));
        let response = ui.add_enabled(int < max, button.min_size(vec2(24.0, 24.0)));
        name_it(&response, &format!("{label}: one more"));
        if response.clicked() {
            step_up = Some((SettingValue::Int(int + 1), Gesture::Once));
        }
    }
    let mut slid = int;
    ui.spacing_mut().slider_width = (ui.available_width() - 4.0).max(40.0);
    let slider = ui.add(Slider::new(&mut slid, range).show_value(false));
    name_it(&slider, &format!("{label} slider"));
    if slider.changed() {
        return Some((SettingValue::Int(slid), gesture_of(&slider)));
    }
    if drag.changed() {
        return Some((SettingValue::Int(edited), gesture_of(&drag)));
    }
    step_up.or(changed)
}

fn int_ui(ui: &mut Ui, label: &str, int: i64, range: RangeInclusive<i64>) -> Change {
    let mut edited = int;
    let drag = ui.add_sized([72.0, 24.0], DragValue::new(&mut edited).range(range).speed(0.5));
    name_it(&drag, label);
    drag.changed().then(|| (SettingValue::Int(edited), gesture_of(&drag)))
}

/// Automatic, or one of a few numbers.
fn auto_int_ui(
    ui: &mut Ui,
    label: &str,
    value: SettingValue,
    range: RangeInclusive<i64>,
) -> Change {
    let mut changed = None;
    let combo = ComboBox::from_id_salt(label)
        .selected_text(value.to_string())
        .width(ui.available_width())
        .show_ui(ui, |ui| {
            let options = std::iter::once(SettingValue::Auto).chain(range.map(SettingValue::Int));
            for option in options {
                if ui.selectable_label(option == value, option.to_string()).clicked() {
                    changed = Some((option, Gesture::Once));
                }
            }
        });
    name_it(&combo.response, label);
    changed
}

fn float_ui(
    ui: &mut Ui,
    label: &str,
    float: f64,
    range: RangeInclusive<f64>,
    speed: f64,
) -> Change {
    let mut edited = float;
    let drag = DragValue::new(&mut edited).range(range).speed(speed).max_decimals(6);
    let response = ui.add_sized([96.0, 24.0], drag);
    name_it(&response, label);
    response.changed().then(|| (SettingValue::Float(edited), gesture_of(&response)))
}

/// All choices beside each other.
fn segments_ui(ui: &mut Ui, choices: &'static [ChoiceSpec], key: &str) -> Change {
    let mut changed = None;
    let theme = Theme::of(ui);
    ui.spacing_mut().item_spacing.x = 0.0;
    ui.spacing_mut().button_padding.x = 3.0;
    let width = ui.available_width() / choices.len() as f32;
    for choice in choices {
        let is_current = choice.key == key;
        let ink = if is_current { theme.text } else { theme.label };
        let button = egui::Button::new(RichText::new(choice.label).color(ink))
            .selected(is_current)
            .truncate()
            .stroke(egui::Stroke::new(
                1.0,
                if is_current { theme.accent } else { theme.line_strong },
            ))
            .corner_radius(0);
        let response = ui.add_sized([width, 24.0], button).on_hover_text(choice.help);
        if response.clicked() && !is_current {
            changed = Some((SettingValue::Choice(choice.key), Gesture::Once));
        }
    }
    changed
}

fn combo_ui(ui: &mut Ui, label: &str, choices: &'static [ChoiceSpec], key: &str) -> Change {
    let mut changed = None;
    let current = choices.iter().find(|choice| choice.key == key);
    let combo = ComboBox::from_id_salt(label)
        .selected_text(current.map_or(key, |choice| choice.label))
        .width(ui.available_width())
        .show_ui(ui, |ui| {
            for choice in choices {
                let response = ui.selectable_label(choice.key == key, choice.label);
                if response.on_hover_text(choice.help).clicked() {
                    changed = Some((SettingValue::Choice(choice.key), Gesture::Once));
                }
            }
        });
    name_it(&combo.response, label);
    changed
}

/// Gives a control the name that screen readers and tests know it by.
fn name_it(response: &egui::Response, name: &str) {
    response.ctx.accesskit_node_builder(response.id, |node| node.set_label(name));
}
