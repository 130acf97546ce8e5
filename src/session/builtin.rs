//! The sample models that are part of the program.

use std::sync::Arc;

use crate::formats::SourceFile;

/// A model with its sample sets, embedded.
#[derive(Debug)]
pub struct BuiltinSample {
    /// As in `sample:NAME`.
    pub name: &'static str,
    pub title: &'static str,
    /// One sentence on what it teaches.
    pub teaches: &'static str,
    /// A small PNG of what it is about.
    pub picture: &'static [u8],
    model: &'static [u8],
    eval: &'static [u8],
    calibration: &'static [u8],
    train: &'static [u8],
}

/// In the order of the menu; the first opens when no model is named.
pub static BUILTIN_SAMPLES: &[BuiltinSample] = &[BuiltinSample {
    name: "digits",
    title: "Handwritten digits",
    teaches: "Plain, depthwise and residual convolutions: 8 bits cost nothing, 4 bits per tensor cost accuracy that one scale per channel brings back.",
    picture: include_bytes!("../../sample_models/digits/card.png"),
    model: include_bytes!("../../sample_models/digits/model.safetensors"),
    eval: include_bytes!("../../sample_models/digits/eval.safetensors"),
    calibration: include_bytes!("../../sample_models/digits/calibration.safetensors"),
    train: include_bytes!("../../sample_models/digits/train.safetensors"),
}];

impl BuiltinSample {
    /// The sample of that name.
    pub fn find(name: &str) -> Option<&'static Self> {
        BUILTIN_SAMPLES.iter().find(|sample| sample.name == name)
    }

    /// Size of its model file.
    pub fn n_bytes(&self) -> u64 {
        self.model.len() as u64
    }

    pub(super) fn model(&self) -> SourceFile {
        source(self.name, self.model)
    }

    /// The sets in the form of neighbours: file name and content.
    pub(super) fn sets(&self) -> [(&'static str, SourceFile); 3] {
        [("eval", self.eval), ("calibration", self.calibration), ("train", self.train)]
            .map(|(split, bytes)| (split, source(&format!("{} {split}", self.name), bytes)))
    }
}

fn source(name: &str, bytes: &'static [u8]) -> SourceFile {
    SourceFile::from_bytes(name, Arc::new(bytes))
}
