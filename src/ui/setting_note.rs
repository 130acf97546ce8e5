//! Why a value that was typed into a setting was not taken: a line under it, shown as long as the
//! settings are what they were.

use egui::{Id, RichText, Ui};

use super::settings_editor::LABEL_WIDTH;
use super::theme::Theme;
use crate::quant::SchemeChoice;

/// The note of one setting.
pub(super) struct SettingNote<'a> {
    /// Name of the control.
    pub name: &'a str,
    pub choice: &'a SchemeChoice,
}

#[derive(Clone)]
struct Kept {
    spec: String,
    text: String,
}

impl SettingNote<'_> {
    fn id(&self) -> Id {
        Id::unique("setting note").with(self.name)
    }

    pub fn keep(&self, ui: &Ui, text: String) {
        let kept = Kept { spec: self.choice.to_string(), text };
        ui.data_mut(|data| data.insert_temp(self.id(), kept));
    }

    pub fn forget(&self, ui: &Ui) {
        ui.data_mut(|data| data.remove::<Kept>(self.id()));
    }

    /// Draws what is kept under the control.
    pub fn ui(&self, ui: &mut Ui) {
        let kept = ui.data(|data| data.get_temp::<Kept>(self.id()));
        let Some(kept) = kept.filter(|kept| kept.spec == self.choice.to_string()) else { return };
        let text = RichText::new(format!("! {}", kept.text)).color(Theme::of(ui).bad);
        ui.horizontal(|ui| {
            ui.add_space(LABEL_WIDTH + ui.spacing().item_spacing.x);
            ui.add(egui::Label::new(text).wrap());
        });
    }
}
