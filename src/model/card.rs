//! What a model says about itself.

/// The facts a person is shown about a model, as the file gives them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Card {
    pub title: Option<String>,
    pub licence: Option<String>,
    pub source: Option<String>,
    pub classes: Option<Vec<String>>,
    /// The text of each token, for a language model.
    pub vocabulary: Option<Vec<String>>,
    /// Everything else, as text, by key.
    pub more: Vec<(String, String)>,
}
