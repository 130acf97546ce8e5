//! What a model says about itself.

/// The facts a person is shown about a model, as the file gives them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Card {
    pub title: Option<String>,
    /// One sentence on what the model shows.
    pub teaches: Option<String>,
    pub description: Option<String>,
    /// What it was trained and is judged on.
    pub data: Option<String>,
    pub licence: Option<String>,
    pub source: Option<String>,
    /// How it was trained.
    pub trained: Option<String>,
    pub metric: Option<CardMetric>,
    /// Things to do with it, a sentence each. A text between backquotes that reads as a scheme
    /// specification is one to be set.
    pub tries: Vec<String>,
    pub classes: Option<Vec<String>>,
    /// The class whose recall is the figure that counts.
    pub critical: Option<String>,
    /// The text of each token, for a language model.
    pub vocabulary: Option<Vec<String>>,
    /// Everything else, as text, by key.
    pub more: Vec<(String, String)>,
}

/// What the float model reached when it was made.
#[derive(Clone, Debug, PartialEq)]
pub struct CardMetric {
    /// `top1` (a share, 0 … 1) or `perplexity`.
    pub name: String,
    pub value: f64,
    pub samples: Option<u64>,
    /// Which set it was measured on.
    pub split: Option<String>,
    /// How far another processor may be off.
    pub tolerance: Option<f64>,
}
