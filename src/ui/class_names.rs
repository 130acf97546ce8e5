//! What a person calls a class or a token.

use crate::eval::SampleSet;

/// Names of the classes of a set, or the text of tokens.
pub struct Names<'a> {
    pub samples: &'a SampleSet,
    pub vocabulary: Option<&'a [String]>,
}

impl Names<'_> {
    /// The class's name or the token's text in quotes; its number where there is none.
    pub fn of(&self, class: u32) -> String {
        match self.vocabulary.and_then(|vocabulary| vocabulary.get(class as usize)) {
            Some(text) => format!("“{}”", text.escape_debug()),
            None if self.samples.classes.is_none() && self.is_language() => {
                format!("token {class}")
            }
            None => self.samples.class_name(class),
        }
    }

    /// As [`of`](Self::of), for an answer that may be missing.
    pub fn of_answer(&self, answer: Option<u32>) -> String {
        answer.map_or_else(|| "no answer".to_owned(), |answer| self.of(answer))
    }

    pub fn is_language(&self) -> bool {
        self.samples.task == crate::eval::Task::LanguageModel
    }
}
