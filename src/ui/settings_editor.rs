//! Controls for a scheme's settings, drawn from their declaration.

use std::ops::RangeInclusive;

use egui::{ComboBox, DragValue, RichText, Slider, Ui, vec2};

use super::theme::{self, Theme};
use super::widgets::{gesture_of, name_it};
use crate::quant::schemes::SCHEMES;
use crate::quant::{
    ChoiceSpec, ParamKind, ParamSpec, Prominence, QuantScheme, SchemeChoice, SettingValue,
};
use crate::session::Gesture;
use crate::tensor::TensorStats;

/// What the person has just changed, to be applied to every selected layer.
pub struct Edited {
    pub edit: Edit,
    pub gesture: Gesture,
}

/// A change of one setting, or of the scheme.
#[derive(Clone, Copy)]
pub enum Edit {
    Scheme(&'static dyn QuantScheme),
    Setting(&'static ParamSpec, SettingValue),
}

impl Edit {
    /// What the history calls it.
    pub fn label(&self) -> String {
        match self {
            Self::Scheme(scheme) => scheme.name().to_owned(),
            Self::Setting(param, value) => format!("{} {value}", param.label),
        }
    }

    /// The choice with the change; `None` where it has no such setting.
    pub fn apply(&self, choice: &SchemeChoice) -> Option<SchemeChoice> {
        match self {
            Self::Scheme(scheme) => Some(choice.switched_to(*scheme)),
            Self::Setting(param, value) => choice.with(param.key, *value).ok(),
        }
    }
}

/// The settings of the selected layers: those of the one shown, and what differs among them.
pub struct Selected<'a> {
    pub choice: &'a SchemeChoice,
    pub others: &'a [SchemeChoice],
    /// Of the weights shown.
    pub stats: Option<&'a TensorStats>,
}

impl Selected<'_> {
    fn scheme_differs(&self) -> bool {
        self.others.iter().any(|other| other.scheme().id() != self.choice.scheme().id())
    }

    fn differs(&self, key: &str) -> bool {
        let own = self.choice.settings().get(key);
        self.others.iter().any(|other| other.settings().get(key) != own)
    }
}

/// What stands for values that differ.
const MIXED: &str = "mixed";

/// Width of the labels before the controls.
const LABEL_WIDTH: f32 = 70.0;

/// Draws the scheme and its settings. From the statistics come the ends shown where a range by hand
/// is still automatic, and whether there is anything that is not a number.
pub fn settings_ui(ui: &mut Ui, selected: &Selected) -> Option<Edited> {
    let Selected { choice, stats, .. } = *selected;
    let ends = stats.and_then(|s| Some((f64::from(s.min?), f64::from(s.max?))));
    let has_non_finite = stats.is_none_or(|stats| stats.n_non_finite() > 0);
    let mut edited = scheme_ui(ui, selected);
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
        let control = Control { param, mixed: selected.differs(param.key), ends };
        let changed = form_row(ui, param.label, &help_of(param), |ui| control.ui(ui, choice));
        if let Some((value, gesture)) = changed {
            edited = Some(Edited { edit: Edit::Setting(param, value), gesture });
        }
    }
    edited
}

fn scheme_ui(ui: &mut Ui, selected: &Selected) -> Option<Edited> {
    let scheme = selected.choice.scheme();
    let differs = selected.scheme_differs();
    let help = format!("{}\n{}", scheme.summary(), scheme.source());
    form_row(ui, "Scheme", &help, |ui| {
        let mut edited = None;
        let combo = ComboBox::from_id_salt("scheme")
            .selected_text(if differs { MIXED } else { scheme.name() })
            .width(ui.available_width())
            .show_ui(ui, |ui| {
                for &other in SCHEMES {
                    let is_current = other.id() == scheme.id() && !differs;
                    let response = ui.selectable_label(is_current, other.name());
                    if response.on_hover_text(other.summary()).clicked() && !is_current {
                        edited = Some(Edited { edit: Edit::Scheme(other), gesture: Gesture::Once });
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

/// One setting as a control.
#[derive(Clone, Copy)]
struct Control {
    param: &'static ParamSpec,
    /// The selected layers have different values.
    mixed: bool,
    ends: Option<(f64, f64)>,
}

impl Control {
    fn ui(self, ui: &mut Ui, choice: &SchemeChoice) -> Change {
        let value = choice.settings().get(self.param.key)?;
        match (&self.param.kind, value) {
            (ParamKind::Int { min, max, .. }, SettingValue::Int(int)) if max - min <= 32 => {
                self.stepper_ui(ui, int, *min..=*max)
            }
            (ParamKind::Int { min, max, .. }, SettingValue::Int(int)) => {
                let mut edited = int;
                let drag = self.mixed_drag(DragValue::new(&mut edited).range(*min..=*max));
                let response = ui.add_sized([72.0, 24.0], drag.speed(0.5));
                name_it(&response, self.param.label);
                response.changed().then(|| (SettingValue::Int(edited), gesture_of(&response)))
            }
            (ParamKind::AutoInt { min, max }, value) => self.auto_int_ui(ui, value, *min..=*max),
            (ParamKind::Float { min, max, .. }, SettingValue::Float(float)) => {
                self.float_ui(ui, float, *min..=*max, 0.01)
            }
            (ParamKind::AutoFloat { min, max }, value) => {
                let ends = self.ends;
                let is_low = self.param.key == "lo";
                let automatic = ends.map_or(0.0, |(lo, hi)| if is_low { lo } else { hi });
                let shown = if let SettingValue::Float(float) = value { float } else { automatic };
                let speed = ends.map_or(0.01, |(lo, hi)| ((hi - lo) / 400.0).max(1e-9));
                self.float_ui(ui, shown, *min..=*max, speed)
            }
            (ParamKind::Choice { choices, .. }, SettingValue::Choice(key)) => {
                let key = if self.mixed { "" } else { key };
                if choices.len() <= 3 {
                    segments_ui(ui, choices, key)
                } else {
                    combo_ui(ui, self.param.label, choices, key)
                }
            }
            _ => None,
        }
    }

    /// A number that says so where the selected layers differ.
    fn mixed_drag(self, drag: DragValue<'_>) -> DragValue<'_> {
        if self.mixed { drag.custom_formatter(|_, _| MIXED.to_owned()) } else { drag }
    }

    /// Minus, number, plus and a slider.
    fn stepper_ui(self, ui: &mut Ui, int: i64, range: RangeInclusive<i64>) -> Change {
        let label = self.param.label;
        let mut stepped = None;
        let mut step = |ui: &mut Ui, text: &str, name: String, to: i64| {
            let button = egui::Button::new(RichText::new(text).font(theme::mono(13.0)));
            let enabled = range.contains(&to);
            let response = ui.add_enabled(enabled, button.min_size(vec2(24.0, 24.0)));
            name_it(&response, &name);
            if response.clicked() {
                stepped = Some((SettingValue::Int(to), Gesture::Once));
            }
        };
        step(ui, "−", format!("{label}: one less"), int - 1);
        let mut edited = int;
        let drag = self.mixed_drag(DragValue::new(&mut edited).range(range.clone()));
        let drag = ui.add_sized([40.0, 24.0], drag.speed(0.1));
        name_it(&drag, label);
        step(ui, "+", format!("{label}: one more"), int + 1);
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
        stepped
    }

    /// Automatic, or one of a few numbers.
    fn auto_int_ui(self, ui: &mut Ui, value: SettingValue, range: RangeInclusive<i64>) -> Change {
        let mut changed = None;
        let shown = if self.mixed { MIXED.to_owned() } else { value.to_string() };
        let combo = ComboBox::from_id_salt(self.param.label)
            .selected_text(shown)
            .width(ui.available_width())
            .show_ui(ui, |ui| {
                let options =
                    std::iter::once(SettingValue::Auto).chain(range.map(SettingValue::Int));
                for option in options {
                    let is_current = option == value && !self.mixed;
                    if ui.selectable_label(is_current, option.to_string()).clicked() {
                        changed = Some((option, Gesture::Once));
                    }
                }
            });
        name_it(&combo.response, self.param.label);
        changed
    }

    fn float_ui(self, ui: &mut Ui, float: f64, range: RangeInclusive<f64>, speed: f64) -> Change {
        let mut edited = float;
        let drag = DragValue::new(&mut edited).range(range).speed(speed).max_decimals(6);
        let response = ui.add_sized([96.0, 24.0], self.mixed_drag(drag));
        name_it(&response, self.param.label);
        response.changed().then(|| (SettingValue::Float(edited), gesture_of(&response)))
    }
}

/// All choices beside each other.
fn segments_ui(ui: &mut Ui, choices: &'static [ChoiceSpec], key: &str) -> Change {
    let mut changed = None;
    let theme = Theme::of(ui);
    ui.spacing_mut().item_spacing.x = 0.0;
    ui.spacing_mut().button_padding.x = 1.0;
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
        .selected_text(current.map_or(MIXED, |choice| choice.label))
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
