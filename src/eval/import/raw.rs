//! What an importer reads: values as they are stored, before any decision.

use std::path::PathBuf;
use std::sync::Arc;

use super::Importer;

/// Samples as a source stores them.
#[derive(Debug)]
pub struct RawSamples {
    /// The source's own name, without its folder.
    pub name: String,
    pub path: PathBuf,
    pub importer: &'static Importer,
    /// Where a source holds several sets, their names.
    pub parts: Vec<String>,
    /// Which of [`parts`](Self::parts) this is.
    pub part_idx: usize,
    pub content: RawContent,
    /// Files and rows that are not among the samples, each with its reason.
    pub skipped: Vec<Skipped>,
    /// What the reader decided, in sentences.
    pub notes: Vec<String>,
}

/// Something that is not among the samples, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    pub what: String,
    pub reason: String,
}

#[derive(Debug)]
pub enum RawContent {
    /// Files that are decoded when they are needed.
    Pictures(Vec<PictureFile>, RawLabels),
    Array(RawArray, RawLabels),
    Table(Table),
}

/// A picture by its file; the header has been read.
#[derive(Clone, Debug)]
pub struct PictureFile {
    pub path: PathBuf,
    pub width: u32,
    pub height: u32,
    pub has_colour: bool,
}

/// Numbers as narrow as they are: bytes where every one is a whole number from 0 to 255.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    Bytes(Vec<u8>),
    Floats(Vec<f32>),
}

/// Samples side by side, the first dimension counts them. The values are shared, so that settings
/// that keep them as they are cost no copy.
#[derive(Clone, Debug)]
pub struct RawArray {
    pub values: Arc<Values>,
    pub dims: Vec<usize>,
}

/// The class of each sample as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RawLabels {
    None,
    Numbers(Vec<i64>),
    Names(Vec<String>),
}

/// Rows of a table; what is no number anywhere in a column makes the whole column text.
#[derive(Debug)]
pub struct Table {
    /// From the header, else `column 1`, `column 2` and so on.
    pub names: Vec<String>,
    pub columns: Vec<Column>,
    pub n_rows: usize,
    pub has_header: bool,
    pub delimiter: char,
}

#[derive(Debug, PartialEq)]
pub enum Column {
    Numbers(Vec<f32>),
    Texts(Vec<String>),
}

impl Values {
    pub fn len(&self) -> usize {
        match self {
            Self::Bytes(values) => values.len(),
            Self::Floats(values) => values.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value of that number.
    pub fn get(&self, idx: usize) -> Option<f32> {
        match self {
            Self::Bytes(values) => values.get(idx).copied().map(f32::from),
            Self::Floats(values) => values.get(idx).copied(),
        }
    }

    /// Bytes where all numbers are whole and from 0 to 255, else floats.
    pub fn narrowed(values: Vec<f32>) -> Self {
        let is_byte = |x: &f32| (0.0..=255.0).contains(x) && x.fract() == 0.0;
        if values.iter().all(is_byte) {
            Self::Bytes(values.into_iter().map(|x| x as u8).collect())
        } else {
            Self::Floats(values)
        }
    }

    /// The smallest and the largest value; `None` without any.
    pub fn range(&self) -> Option<(f32, f32)> {
        match self {
            Self::Bytes(values) => {
                Some((f32::from(*values.iter().min()?), f32::from(*values.iter().max()?)))
            }
            Self::Floats(values) => {
                let first = *values.first()?;
                Some(values.iter().fold((first, first), |(lo, hi), &x| (lo.min(x), hi.max(x))))
            }
        }
    }
}

impl RawArray {
    pub fn n_samples(&self) -> usize {
        self.dims.first().copied().unwrap_or(0)
    }

    /// Dimensions of one sample.
    pub fn sample_dims(&self) -> &[usize] {
        self.dims.get(1..).unwrap_or_default()
    }
}

impl RawLabels {
    /// Names that are all whole numbers are numbers.
    pub fn from_texts(texts: Vec<String>) -> Self {
        let numbers: Option<Vec<i64>> = texts.iter().map(|text| text.trim().parse().ok()).collect();
        numbers.map_or(Self::Names(texts), Self::Numbers)
    }
}

impl Table {
    pub fn column_idx(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|found| found == name)
    }
}

impl RawSamples {
    /// Samples there are, before any choice.
    pub fn len(&self) -> usize {
        match &self.content {
            RawContent::Pictures(files, _) => files.len(),
            RawContent::Array(array, _) => array.n_samples(),
            RawContent::Table(table) => table.n_rows,
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
