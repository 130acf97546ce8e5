//! What a panel over one layer has for a title: the weight's name, its shape, and in words how it is
//! quantized.

use egui::{RichText, Ui};

use super::panel::PanelCtx;
use super::short_name;
use super::theme::Theme;
use crate::base::significant;
use crate::model::Layer;
use crate::quant::{ParamKind, ParamSpec, SchemeChoice, SettingValue};

/// Name, shape and setting in the room there is; the name is shortened last, and in its middle.
pub fn layer_title_ui(ui: &mut Ui, ctx: &PanelCtx, layer: &Layer, help: &str) {
    let theme = Theme::of(ui);
    ui.spacing_mut().item_spacing.x = 10.0;
    short_name::title_ui(ui, &layer.weight, &layer.weight);
    let dims: Vec<String> = layer.dims.iter().map(ToString::to_string).collect();
    let words = choice_words(&ctx.session.choice(ctx.session.selection().layer_idx));
    let text = format!("{}, {words}", dims.join("×"));
    if ui.available_width() < 48.0 {
        return;
    }
    let label = egui::Label::new(RichText::new(&text).color(theme.label)).truncate();
    ui.add(label).on_hover_text(if help.is_empty() { text } else { format!("{text}\n{help}") });
}

/// How weights are quantized, as `int4, per tensor, symmetric`: scheme, bits, granularity and
/// symmetry always, the rest where it has an effect and differs from the default.
pub fn choice_words(choice: &SchemeChoice) -> String {
    let scheme = match choice.bits() {
        Some(bits) => format!("{}{bits}", choice.scheme().id()),
        None => choice.scheme().id().to_owned(),
    };
    with_settings(scheme, choice)
}

/// The same whatever the bits: `int, per tensor, symmetric`.
pub fn scheme_words(choice: &SchemeChoice) -> String {
    with_settings(choice.scheme().id().to_owned(), choice)
}

fn with_settings(scheme: String, choice: &SchemeChoice) -> String {
    let mut words = vec![scheme];
    let settings = choice.settings();
    match settings.choice("granularity") {
        "" => {}
        "per-group" => match settings.int("group-size") {
            Some(size) => words.push(format!("groups of {size}")),
            None => words.push("per group".to_owned()),
        },
        granularity => words.push(granularity.replace('-', " ")),
    }
    match settings.choice("symmetry") {
        "" => {}
        symmetry => words.push(symmetry.replace('-', " ")),
    }
    const SAID: [&str; 4] = ["bits", "granularity", "group-size", "symmetry"];
    let more = choice.scheme().settings().filter_map(|param| {
        let value = settings.get(param.key)?;
        let counts = value != param.default_value() && settings.is_relevant(param);
        (counts && !SAID.contains(&param.key)).then(|| setting_words(param, value))
    });
    words.extend(more);
    words.join(", ")
}

/// The name of a setting and its value: `range MSE-optimal`.
fn setting_words(param: &ParamSpec, value: SettingValue) -> String {
    let value = match (value, &param.kind) {
        (SettingValue::Choice(key), ParamKind::Choice { choices, .. }) => {
            let found = choices.iter().find(|choice| choice.key == key);
            lower_first(found.map_or(key, |choice| choice.label))
        }
        (SettingValue::Float(number), _) => significant(number, 4),
        (value, _) => value.to_string(),
    };
    format!("{} {value}", lower_first(param.label))
}

/// Within a sentence; abbreviations stay.
fn lower_first(text: &str) -> String {
    let mut letters = text.chars();
    match (letters.next(), letters.clone().next()) {
        (Some(_), Some(second)) if second.is_uppercase() => text.to_owned(),
        (Some(first), _) => first.to_lowercase().chain(letters).collect(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_in_words() {
        for (spec, words) in [
            ("float", "float"),
            ("int4", "int4, per tensor, symmetric"),
            ("int:granularity=per-channel", "int8, per channel, symmetric"),
            (
                "int:bits=4,symmetry=asymmetric,granularity=per-group,group-size=16",
                "int4, groups of 16, asymmetric",
            ),
            ("int:range=mse", "int8, per tensor, symmetric, range MSE-optimal"),
            (
                "int:bits=3,range=manual,lo=-0.5",
                "int3, per tensor, symmetric, range by hand, clip low −0.5000",
            ),
        ] {
            assert_eq!(choice_words(&spec.parse().unwrap()), words, "{spec}");
        }
        let int = "int:granularity=per-channel".parse().unwrap();
        assert_eq!(scheme_words(&int), "int, per channel, symmetric");
    }
}
