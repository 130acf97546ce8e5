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
    /// What it looks like, as PNG of 192 × 128 pixels.
    pub picture: &'static [u8],
    model: &'static [u8],
    eval: &'static [u8],
    calibration: &'static [u8],
    train: &'static [u8],
}

/// A file of a folder of `sample_models/`.
macro_rules! file {
    ($folder:literal, $file:literal) => {
        include_bytes!(concat!("../../sample_models/", $folder, "/", $file))
    };
}

/// A sample with the sets of its folder, or of another folder that has the same.
macro_rules! embedded {
    ($name:literal, $title:literal, $teaches:literal) => {
        embedded!($name, $title, $teaches, sets of $name)
    };
    ($name:literal, $title:literal, $teaches:literal, sets of $sets:literal) => {
        BuiltinSample {
            name: $name,
            title: $title,
            teaches: $teaches,
            picture: file!($name, "picture.png"),
            model: file!($name, "model.safetensors"),
            eval: file!($sets, "eval.safetensors"),
            calibration: file!($sets, "calibration.safetensors"),
            train: file!($sets, "train.safetensors"),
        }
    };
}

/// In the order of the menu; the first opens when no model is named.
pub static BUILTIN_SAMPLES: &[BuiltinSample] = &[
    embedded!(
        "digits",
        "Handwritten digits, 8 × 8",
        "Plain, depthwise and residual convolutions: 8 bits cost nothing, 4 bits per tensor cost accuracy that one scale per channel brings back."
    ),
    embedded!(
        "glyphs-mobilenet",
        "Glyphs, MobileNet style",
        "Channels of unlike range: with one scale per tensor, 5 bits leave 36 % and 4 bits 5 % of answers right; with one scale per channel 94 and 93 %."
    ),
    embedded!(
        "glyphs-resnet",
        "Glyphs, ResNet style",
        "The sturdy contrast to glyphs-mobilenet: plain 3 × 3 convolutions have channels of like ranges, so 5 bits cost a point and 4 bits four even with one scale per tensor; only at 3 bits does the choice decide.",
        sets of "glyphs-mobilenet"
    ),
    embedded!(
        "tumor",
        "Breast tumours",
        "Accuracy can hide what counts: at 4 bits per tensor it falls by 2 points, and the missed malignant tumours more than double."
    ),
    embedded!(
        "tiny-lm",
        "Tiny language model",
        "What groups are for: at 4 bits one scale per tensor doubles the perplexity, one per channel adds 0.27 to it, one for each 32 weights 0.12."
    ),
];

impl BuiltinSample {
    /// The sample of that name.
    pub fn find(name: &str) -> Option<&'static Self> {
        BUILTIN_SAMPLES.iter().find(|sample| sample.name == name)
    }

    /// Bytes of the model, without its sample sets.
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
