//! Controls for a scheme's settings, drawn from their declaration.

use std::cell::Cell;
use std::ops::RangeInclusive;

use egui::{ComboBox, DragValue, RichText, Slider, Ui, vec2};

use super::clip_field::{clip_fields_ui, is_clip};
use super::clip_range::{ClipEdit, Ends};
use super::fold::fold_ui;
use super::scheme_picker::SchemePicker;
use super::segments::Segments;
use super::setting_note::SettingNote;
use super::theme::{self, Theme};
use super::widgets::{combo_icon, gesture_of, name_it};
use crate::base::{significant, thousands};
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
    /// Ends of a range by hand.
    Clip(ClipEdit),
}

impl Edit {
    /// What the history calls it.
    pub fn label(&self) -> String {
        match self {
            Self::Scheme(scheme) => scheme.name().to_owned(),
            Self::Setting(param, value) => format!("{} {value}", param.label),
            Self::Clip(ClipEdit { lo: Some(lo), hi: None }) => {
                format!("clip low {}", significant(*lo, 3))
            }
            Self::Clip(ClipEdit { lo: None, hi: Some(hi) }) => {
                format!("clip high {}", significant(*hi, 3))
            }
            Self::Clip(ClipEdit { hi, .. }) => {
                format!("clip ±{}", significant(hi.unwrap_or(0.0), 3))
            }
        }
    }

    /// The choice with the change; `None` where it has no such setting.
    pub fn apply(&self, choice: &SchemeChoice) -> Option<SchemeChoice> {
        match self {
            Self::Scheme(scheme) => Some(choice.switched_to(*scheme)),
            Self::Setting(param, value) => choice.with(param.key, *value).ok(),
            Self::Clip(edit) => edit.apply(choice),
        }
    }
}

/// The settings of the selected layers: those of the one shown, and what differs among them.
pub struct Selected<'a> {
    pub choice: &'a SchemeChoice,
    pub others: &'a [SchemeChoice],
    /// Of the weights shown.
    pub stats: Option<&'a TensorStats>,
    /// Whether there are weights that are NaN or infinite.
    pub has_non_finite: bool,
    /// Axes of the tensor shown.
    pub n_axes: usize,
}

impl Selected<'_> {
    /// Smallest and largest of the weights shown.
    pub fn found(&self) -> Option<Ends> {
        let stats = self.stats?;
        Some(Ends { lo: f64::from(stats.min?), hi: f64::from(stats.max?) })
    }

    fn place(&self, param: &ParamSpec) -> SettingPlace {
        let settings = self.choice.settings();
        // A choice of one is nothing to choose, and what has no effect only takes room.
        let single = matches!(&param.kind, ParamKind::Choice { choices, .. } if choices.len() < 2);
        let is_changed = settings.get(param.key) != Some(param.default_value());
        match param.prominence {
            _ if single || !settings.is_relevant(param) => SettingPlace::Absent,
            Prominence::Rare if !is_changed && !self.differs(param.key) => SettingPlace::Folded,
            Prominence::NonFiniteOnly if !is_changed && !self.has_non_finite => {
                SettingPlace::Absent
            }
            _ => SettingPlace::Shown,
        }
    }

    fn scheme_differs(&self) -> bool {
        self.others.iter().any(|other| other.scheme().id() != self.choice.scheme().id())
    }

    /// Whether a setting differs among the layers whose schemes have it.
    pub fn differs(&self, key: &str) -> bool {
        let own = self.choice.settings().get(key);
        let others = self.others.iter().filter_map(|other| other.settings().get(key));
        others.into_iter().any(|other| Some(other) != own)
    }
}

/// What stands for values that differ.
pub(super) const MIXED: &str = "mixed";

/// Width of the labels before the controls.
pub(super) const LABEL_WIDTH: f32 = 76.0;

/// Draws the scheme and its settings: those that have an effect with the others as they are, the
/// seldom needed ones folded.
pub fn settings_ui(ui: &mut Ui, selected: &Selected, is_unfolded: &mut bool) -> Option<Edited> {
    let choice = selected.choice;
    let mut edited = scheme_ui(ui, selected);
    let placed = choice.scheme().settings().map(|param| (param, selected.place(param)));
    let at = |place| placed.clone().filter(move |(_, p)| *p == place).map(|(param, _)| param);
    for param in at(SettingPlace::Shown) {
        edited = setting_ui(ui, selected, param).or(edited);
    }
    let folded: Vec<&'static ParamSpec> = at(SettingPlace::Folded).collect();
    if folded.is_empty() {
        return edited;
    }
    let names: Vec<&str> = folded.iter().map(|param| param.label).collect();
    fold_ui(ui, ("More settings", &names.join(", ")), is_unfolded);
    for param in folded.into_iter().filter(|_| *is_unfolded) {
        edited = setting_ui(ui, selected, param).or(edited);
    }
    edited
}

/// Where a setting stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum SettingPlace {
    Shown,
    Folded,
    Absent,
}

fn setting_ui(ui: &mut Ui, selected: &Selected, param: &'static ParamSpec) -> Option<Edited> {
    if is_clip(param) {
        return clip_fields_ui(ui, selected, param);
    }
    let mixed = selected.differs(param.key);
    let control = Control { param, mixed, n_axes: selected.n_axes };
    let choice = selected.choice;
    let change = form_row(ui, param.label, &help_of(param), |ui| control.ui(ui, choice));
    SettingNote { name: param.label, choice }.ui(ui);
    let (value, gesture) = change?;
    Some(Edited { edit: Edit::Setting(param, value), gesture })
}

fn scheme_ui(ui: &mut Ui, selected: &Selected) -> Option<Edited> {
    let scheme = selected.choice.scheme();
    let differs = selected.scheme_differs();
    let help = format!("{}\n{}", scheme.summary(), scheme.source());
    let taken = form_row(ui, "Scheme", &help, |ui| {
        let picker = SchemePicker {
            name: "Scheme",
            text: if differs { MIXED } else { scheme.name() },
            current: (!differs).then_some(scheme),
            width: ui.available_width(),
        };
        picker.ui(ui)
    });
    taken.map(|taken| Edited { edit: Edit::Scheme(taken), gesture: Gesture::Once })
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
pub(super) fn form_row<R>(
    ui: &mut Ui,
    label: &str,
    help: &str,
    control: impl FnOnce(&mut Ui) -> R,
) -> R {
    let colour = Theme::of(ui).label;
    ui.allocate_ui_with_layout(
        vec2(ui.available_width(), theme::FORM_ROW_HEIGHT),
        egui::Layout::left_to_right(egui::Align::Center),
        |ui| {
            ui.set_min_height(theme::FORM_ROW_HEIGHT);
            let size = vec2(LABEL_WIDTH, theme::FORM_ROW_HEIGHT);
            let layout = egui::Layout::left_to_right(egui::Align::Center);
            ui.allocate_ui_with_layout(size, layout, |ui| {
                ui.set_width(LABEL_WIDTH);
                let label = egui::Label::new(RichText::new(label).color(colour)).truncate();
                ui.add(label).on_hover_text(help);
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
    n_axes: usize,
}

impl Control {
    fn ui(self, ui: &mut Ui, choice: &SchemeChoice) -> Change {
        let value = choice.settings().get(self.param.key)?;
        match (&self.param.kind, value) {
            (ParamKind::Int { min, max, .. }, SettingValue::Int(int)) if max - min <= 32 => {
                self.stepper_ui(ui, int, *min..=*max)
            }
            (ParamKind::Int { min, max, .. }, SettingValue::Int(int)) => {
                self.int_ui(ui, choice, (int, *min..=*max))
            }
            (ParamKind::AutoInt { min, max }, value) => {
                // An axis that no selected tensor has would count as the last.
                let last = match self.param.key {
                    "axis" => (self.n_axes as i64 - 1).clamp(*min, *max),
                    _ => *max,
                };
                self.auto_int_ui(ui, value, *min..=last)
            }
            (ParamKind::Float { min, max, .. }, SettingValue::Float(float)) => {
                self.float_ui(ui, float, *min..=*max, 0.01)
            }
            (ParamKind::AutoFloat { min, max }, value) => {
                let shown = if let SettingValue::Float(float) = value { float } else { 0.0 };
                self.float_ui(ui, shown, *min..=*max, 0.01)
            }
            (ParamKind::Choice { choices, .. }, SettingValue::Choice(key)) => {
                let key = if self.mixed { "" } else { key };
                if choices.len() <= 3 {
                    choice_ui(ui, choices, key)
                } else {
                    combo_ui(ui, self.param.label, choices, key)
                }
            }
            _ => None,
        }
    }

    /// A number that says so where the selected layers differ.
    fn mixed_drag(self, drag: DragValue<'_>) -> DragValue<'_> {
        // Half a number typed is not yet a change.
        let drag = drag.update_while_editing(false);
        if self.mixed { drag.custom_formatter(|_, _| MIXED.to_owned()) } else { drag }
    }

    /// A number of a wide range; one beyond it that was typed is refused in words.
    fn int_ui(
        self,
        ui: &mut Ui,
        choice: &SchemeChoice,
        (int, range): (i64, RangeInclusive<i64>),
    ) -> Change {
        let typed: Cell<Option<f64>> = Cell::new(None);
        let parse = |text: &str| {
            let number = text.trim().parse().ok();
            typed.set(number);
            number
        };
        let mut edited = int;
        let drag = DragValue::new(&mut edited).range(range.clone()).custom_parser(parse);
        let drag = self.mixed_drag(drag).speed(0.5);
        let response = ui.add_sized([ui.available_width(), theme::CONTROL_HEIGHT], drag);
        name_it(&response, self.param.label);
        let note = SettingNote { name: self.param.label, choice };
        let (least, most) = (*range.start(), *range.end());
        if let Some(typed) =
            typed.get().filter(|typed| *typed < least as f64 || *typed > most as f64)
        {
            let bound = if typed < least as f64 {
                format!("at least {}", thousands(least as usize))
            } else {
                format!("at most {}", thousands(most as usize))
            };
            note.keep(ui, format!("Must be {bound}; {int} stays"));
            return None;
        }
        if response.changed() {
            note.forget(ui);
            return Some((SettingValue::Int(edited), gesture_of(&response)));
        }
        None
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
        // Where values differ, typing the one that is shown is an answer too.
        let is_typed = Cell::new(false);
        let parse = |text: &str| {
            let number = text.trim().parse().ok();
            is_typed.set(is_typed.get() || number.is_some());
            number
        };
        let drag = DragValue::new(&mut edited).range(range.clone()).custom_parser(parse);
        let drag = ui.add_sized([40.0, 24.0], self.mixed_drag(drag).speed(0.1));
        name_it(&drag, label);
        step(ui, "+", format!("{label}: one more"), int + 1);
        let mut slid = int;
        theme::slider_look(ui);
        ui.spacing_mut().slider_width = ui.available_width().max(24.0);
        let slider = ui.add(Slider::new(&mut slid, range).show_value(false));
        name_it(&slider, &format!("{label} slider"));
        if slider.changed() {
            return Some((SettingValue::Int(slid), gesture_of(&slider)));
        }
        if drag.changed() || (self.mixed && is_typed.get()) {
            return Some((SettingValue::Int(edited), gesture_of(&drag)));
        }
        stepped
    }

    /// Automatic, or one of a few numbers.
    fn auto_int_ui(self, ui: &mut Ui, value: SettingValue, range: RangeInclusive<i64>) -> Change {
        let mut changed = None;
        let shown = if self.mixed { MIXED.to_owned() } else { value.to_string() };
        let combo = ComboBox::from_id_salt(self.param.label)
            .icon(combo_icon)
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
        let size = [ui.available_width(), theme::CONTROL_HEIGHT];
        let response = ui.add_sized(size, self.mixed_drag(drag));
        name_it(&response, self.param.label);
        response.changed().then(|| (SettingValue::Float(edited), gesture_of(&response)))
    }
}

/// All choices beside each other; where the layers differ none is chosen, and it is said.
fn choice_ui(ui: &mut Ui, choices: &'static [ChoiceSpec], key: &str) -> Change {
    let options: Vec<(&'static str, &str, &str)> =
        choices.iter().map(|choice| (choice.key, choice.label, choice.help)).collect();
    let chosen = choices.iter().find(|choice| choice.key == key).map(|choice| choice.key);
    if chosen.is_none() {
        ui.label(RichText::new(MIXED).color(Theme::of(ui).hint));
    }
    let clicked = Segments::new(&options).filling().show(ui, chosen)?;
    Some((SettingValue::Choice(clicked), Gesture::Once))
}

/// Room for every way to choose a range.
const MAX_LIST_HEIGHT: f32 = 360.0;

fn combo_ui(ui: &mut Ui, label: &str, choices: &'static [ChoiceSpec], key: &str) -> Change {
    let mut changed = None;
    let current = choices.iter().find(|choice| choice.key == key);
    let combo = ComboBox::from_id_salt(label)
        .icon(combo_icon)
        .height(MAX_LIST_HEIGHT)
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
