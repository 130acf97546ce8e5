//! The class whose recall is the figure that counts.

use serde::{Deserialize, Serialize};

use super::state::Session;

/// Which class that is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CriticalChoice {
    /// The one that the model's card names, if it names one.
    #[default]
    AsCard,
    /// None, whatever the card says.
    Nothing,
    Class(String),
}

impl Session {
    /// The class whose recall is shown first, if the sample set knows it.
    pub fn critical_class(&self) -> Option<&str> {
        let name = match &self.critical {
            CriticalChoice::Nothing => None,
            CriticalChoice::Class(name) => Some(name.as_str()),
            CriticalChoice::AsCard => self.network()?.model.card.critical.as_deref(),
        }?;
        let classes = self.samples()?.classes.as_deref()?;
        classes.iter().any(|class| class == name).then_some(name)
    }

    pub(super) fn set_critical(&mut self, choice: CriticalChoice) {
        let on_card = self.network().and_then(|network| network.model.card.critical.as_ref());
        self.critical = match choice {
            CriticalChoice::Class(name) if Some(&name) == on_card => CriticalChoice::AsCard,
            CriticalChoice::Nothing if on_card.is_none() => CriticalChoice::AsCard,
            choice => choice,
        };
        self.keep_state();
    }
}
