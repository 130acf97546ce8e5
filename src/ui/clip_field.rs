//! The ends of a range by hand as numbers to drag or type: one for symmetric codes, two for others.

use std::cell::RefCell;

use egui::{DragValue, Ui};

use super::clip_range::{ClipEdit, End, Ends, ends_by_hand, is_mirrored, parse_number, refusal};
use super::setting_note::SettingNote;
use super::settings_editor::{Edit, Edited, MIXED, Selected, form_row};
use super::theme;
use super::widgets::{gesture_of, name_it};
use crate::base::significant;
use crate::quant::{ParamSpec, SchemeChoice};

/// Whether a setting is an end of the range, which is drawn here.
pub(super) fn is_clip(param: &ParamSpec) -> bool {
    matches!(param.key, "lo" | "hi")
}

/// Draws the field of one end; for symmetric codes, where only the larger magnitude counts, one for
/// both in the place of the first.
pub(super) fn clip_fields_ui(
    ui: &mut Ui,
    selected: &Selected,
    param: &'static ParamSpec,
) -> Option<Edited> {
    let choice = selected.choice;
    let mirrored = is_mirrored(choice);
    let end = if param.key == "lo" && !mirrored { End::Low } else { End::High };
    let is_second = param.key == "hi" && mirrored;
    let ends = ends_by_hand(choice, selected.found()).filter(|_| !is_second)?;
    let help = match mirrored {
        true => {
            "What the codes reach on both sides of zero; weights beyond it by more than half a step are clipped.\nscale = clip/(2^(b−1)−1), for full codes clip/((2^b−1)/2)\nJacob et al. 2018, arXiv:1712.05877, eq. 12, with 2^b−1 levels, for full codes 2^b"
        }
        false => param.help,
    };
    let is_mixed = match mirrored {
        true => selected.differs("lo") || selected.differs("hi"),
        false => selected.differs(param.key),
    };
    let name = if mirrored { "Clip ±" } else { param.label };
    let field = Field { choice, end, ends, is_mixed, name };
    let edited = form_row(ui, name, help, |ui| field.ui(ui));
    field.note().ui(ui);
    edited
}

struct Field<'a> {
    choice: &'a SchemeChoice,
    end: End,
    ends: Ends,
    /// The selected layers have different values.
    is_mixed: bool,
    name: &'static str,
}

impl Field<'_> {
    fn ui(&self, ui: &mut Ui) -> Option<Edited> {
        let value = if self.end == End::Low { self.ends.lo } else { self.ends.hi };
        let shown = significant(value, 4);
        let mut edited = value;
        // What was typed, `None` inside where it is no number.
        let typed: RefCell<Option<Option<f64>>> = RefCell::default();
        let parser = |text: &str| {
            // The number as it is shown is no change, though it has fewer digits.
            let read = if text == shown { Some(value) } else { parse_number(text) };
            *typed.borrow_mut() = Some(read);
            read
        };
        let drag =
            DragValue::new(&mut edited)
                .speed(((self.ends.hi - self.ends.lo) / 400.0).max(1e-30))
                .update_while_editing(false)
                .custom_formatter(|value, _| {
                    if self.is_mixed { MIXED.to_owned() } else { significant(value, 4) }
                })
                .custom_parser(parser);
        let response = ui.add_sized([ui.available_width(), theme::CONTROL_HEIGHT], drag);
        name_it(&response, self.name);
        let typed = typed.into_inner();
        if response.dragged() && response.changed() {
            self.note().forget(ui);
            return self.taken(self.within_reach(edited), &response);
        }
        if typed.is_none() && !response.changed() {
            return None;
        }
        let typed = typed.unwrap_or(Some(edited));
        let settings = self.choice.settings();
        // Ends the wrong way round, as a recipe may hold them, are set right by the same number.
        let is_reversed = settings.float("lo") >= settings.float("hi");
        let is_reversed = is_reversed && settings.float("hi").is_some();
        if (typed == Some(value) && !is_reversed && !self.is_mixed)
            || (typed.is_none() && self.is_mixed)
        {
            return None;
        }
        match refusal(self.choice, self.end, typed, self.ends) {
            Some(text) => {
                self.note().keep(ui, text);
                None
            }
            None => {
                self.note().forget(ui);
                self.taken(typed.unwrap_or(value), &response)
            }
        }
    }

    fn taken(&self, value: f64, response: &egui::Response) -> Option<Edited> {
        let edit = ClipEdit::of(self.choice, self.end, value);
        edit.apply(self.choice)?;
        Some(Edited { edit: Edit::Clip(edit), gesture: gesture_of(response) })
    }

    /// The nearest value a drag may set.
    fn within_reach(&self, value: f64) -> f64 {
        match self.end {
            _ if is_mirrored(self.choice) => value.max(0.0),
            End::Low => value.min(0.0),
            End::High => value.max(0.0),
        }
    }

    /// What was wrong with the value typed last.
    fn note(&self) -> SettingNote<'_> {
        SettingNote { name: self.name, choice: self.choice }
    }
}
