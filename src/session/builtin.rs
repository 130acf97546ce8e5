//! The sample models that are part of the program.

use std::io::Read;
use std::sync::Arc;

use flate2::read::ZlibDecoder;

use crate::eval::Split;
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
    model: Packed,
    eval: Packed,
    calibration: Packed,
    train: Packed,
}

/// A packed file of a sample: see `sample_models/pack.rs`.
macro_rules! packed {
    ($folder:literal, $file:literal) => {
        Packed(include_bytes!(concat!(env!("OUT_DIR"), "/", $folder, ".", $file, ".z")))
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
            picture: include_bytes!(concat!("../../sample_models/", $name, "/picture.png")),
            model: packed!($name, "model"),
            eval: packed!($sets, "eval"),
            calibration: packed!($sets, "calibration"),
            train: packed!($sets, "train"),
        }
    };
}

/// The length of a file in eight bytes, then the file, deflated.
#[derive(Clone, Copy, Debug)]
struct Packed(&'static [u8]);

impl Packed {
    fn parts(self) -> (u64, &'static [u8]) {
        match self.0.split_first_chunk() {
            Some((length, deflated)) => (u64::from_le_bytes(*length), deflated),
            None => (0, &[]),
        }
    }

    /// The file; what cannot be unpacked is missing at its end, and its reader says so.
    fn unpack(self) -> Vec<u8> {
        let (length, deflated) = self.parts();
        let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
        let _ = ZlibDecoder::new(deflated).read_to_end(&mut bytes);
        bytes
    }
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
        self.model.parts().0
    }

    pub(super) fn model(&self) -> SourceFile {
        source(self.name, self.model)
    }

    /// The set of that split, as a file beside the model would be.
    pub(super) fn set(&self, split: Split) -> SourceFile {
        let packed = match split {
            Split::Eval => self.eval,
            Split::Calibration => self.calibration,
            Split::Train => self.train,
        };
        source(&format!("{} {}", self.name, split.name()), packed)
    }
}

fn source(name: &str, packed: Packed) -> SourceFile {
    SourceFile::from_bytes(name, Arc::new(packed.unpack()))
}
