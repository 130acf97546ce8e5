//! Sample sets: pictures, vectors or tokens with labels, read from the native form and fed to a
//! graph.

mod view;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use ndarray::{ArcArray, IxDyn};
use serde::Deserialize;

use crate::exec::MAX_OUTPUT_ELEMENTS;
use crate::formats::{FormatError, SourceFile, safetensors};
use crate::model::ResolvedInput;
use crate::tensor::{DType, Tensor, Value};

pub use view::SamplePicture;

/// Key of the metadata that makes a file a sample set.
const KEY: &str = "quantscope.samples";

/// Why a file is not a sample set, or not one for this model.
#[derive(Debug, thiserror::Error)]
pub enum SamplesError {
    #[error("{}: {source}", path.display())]
    File { path: PathBuf, source: FormatError },
    #[error("{name}: {reason}")]
    Malformed { name: String, reason: String },
    #[error("{name}: {reason}; {}", Self::WAY_OUT)]
    Unfit { name: String, reason: String },
}

impl SamplesError {
    /// How the message of a set that does not fit the model ends.
    pub const WAY_OUT: &str = "choose a sample set made for this model";
}

/// What the samples are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Task {
    Classification,
    LanguageModel,
}

/// What part of the data a set is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Split {
    Eval,
    Calibration,
    Train,
}

impl Split {
    pub fn name(self) -> &'static str {
        match self {
            Self::Eval => "eval",
            Self::Calibration => "calibration",
            Self::Train => "train",
        }
    }
}

/// The order of dimensions as stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Layout {
    Nhwc,
    Nhw,
    Nchw,
}

#[derive(Deserialize)]
struct SamplesJson {
    version: u32,
    task: Task,
    split: Split,
    #[serde(default)]
    classes: Option<Vec<String>>,
    #[serde(default)]
    layout: Option<Layout>,
    #[serde(default)]
    image: bool,
    #[serde(default)]
    preprocess: Option<PreprocessJson>,
    #[serde(default)]
    licence: Option<String>,
    #[serde(default)]
    source: Option<String>,
}

#[derive(Deserialize)]
struct PreprocessJson {
    subtract: Numbers,
    divide: Numbers,
}

/// One number, or a list with one for each channel.
#[derive(Deserialize)]
#[serde(untagged)]
enum Numbers {
    One(f32),
    Many(Vec<f32>),
}

impl Numbers {
    fn list(&self) -> &[f32] {
        match self {
            Self::One(number) => std::slice::from_ref(number),
            Self::Many(list) => list,
        }
    }
}

/// `(stored − subtract)/divide`, in `f32`; one number for all channels or one each.
#[derive(Clone, Debug, PartialEq)]
struct Preprocess {
    subtract: Vec<f32>,
    divide: Vec<f32>,
}

/// Samples in memory, as the file stores them.
#[derive(Debug)]
pub struct SampleSet {
    /// The file's name.
    pub name: String,
    pub path: Option<PathBuf>,
    pub task: Task,
    pub split: Split,
    pub classes: Option<Vec<String>>,
    /// Whether samples can be shown as pictures.
    pub is_image: bool,
    pub licence: Option<String>,
    pub source: Option<String>,
    /// Class of each sample; `None` for a set without labels.
    pub labels: Option<Vec<usize>>,
    inputs: Inputs,
    n_samples: usize,
    /// Black and white of its pictures, once they are asked for.
    value_range: OnceLock<(f32, f32)>,
}

#[derive(Debug)]
enum Inputs {
    /// Each sample in the order channel, row, column.
    Features { data: Stored, dims: Vec<usize>, preprocess: Option<Preprocess> },
    /// Rows of `row_len` tokens: inputs are the first `row_len − 1`, targets the last.
    Tokens { data: Vec<i64>, row_len: usize },
}

/// Values as narrow as the file has them: pictures are bytes.
#[derive(Debug)]
enum Stored {
    Bytes(Vec<u8>),
    Floats(Vec<f32>),
}

impl Stored {
    fn len(&self) -> usize {
        match self {
            Self::Bytes(data) => data.len(),
            Self::Floats(data) => data.len(),
        }
    }
}

/// A set that fits a graph's input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Feed {
    /// Dimensions of one sample as the graph takes it.
    sample_dims: Vec<usize>,
    /// Samples the graph takes at once, where it does not leave that free.
    pub fixed_batch: Option<usize>,
}

/// Whether a file says of itself that it is a sample set, however broken it may be otherwise.
pub fn is_sample_set(path: &Path) -> bool {
    let Ok(source) = SourceFile::open(path) else {
        return false;
    };
    safetensors::read_tensors(&source).is_ok_and(|(_, metadata)| metadata.contains_key(KEY))
}

impl Feed {
    /// Dimensions of one sample as the graph takes it.
    pub fn sample_dims(&self) -> &[usize] {
        &self.sample_dims
    }

    /// Values of one sample.
    pub fn n_values(&self) -> usize {
        self.sample_dims.iter().product()
    }
}

impl SampleSet {
    /// Opens a sample set.
    ///
    /// # Errors
    /// [`SamplesError`] naming the file and what is wrong in it.
    pub fn open(path: &Path) -> Result<Self, SamplesError> {
        let source = SourceFile::open(path)
            .map_err(|source| SamplesError::File { path: path.to_owned(), source })?;
        Self::read(&source)
    }

    /// Reads a sample set from bytes at hand.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn read(source: &SourceFile) -> Result<Self, SamplesError> {
        let path = source.path().map_or_else(|| PathBuf::from(source.name()), Path::to_owned);
        let (store, metadata) = safetensors::read_tensors(source)
            .map_err(|error| SamplesError::File { path, source: error })?;
        let name = source.name().to_owned();
        let malformed = |reason: String| SamplesError::Malformed { name: name.clone(), reason };
        let text = metadata.get(KEY).ok_or_else(|| {
            malformed(format!("it is no sample set: its metadata has no {KEY:?}"))
        })?;
        let json: SamplesJson = serde_json::from_str(text)
            .map_err(|error| malformed(format!("{KEY} cannot be read: {error}")))?;
        if json.version != 1 {
            return Err(malformed(format!("{KEY} has version {}, 1 is read", json.version)));
        }
        let read =
            |tensor: &str| store.value(tensor).map_err(|error| malformed(format!("{error}")));
        let inputs = match json.task {
            Task::Classification => {
                let is_bytes = store.info("inputs").is_some_and(|info| info.dtype == DType::U8);
                let (data, dims) = if is_bytes {
                    let bytes =
                        store.bytes("inputs").map_err(|error| malformed(error.to_string()))?;
                    let dims = store.info("inputs").map(|info| info.shape.dims().to_vec());
                    (Stored::Bytes(bytes.to_vec()), dims.unwrap_or_default())
                } else {
                    let value = read("inputs")?;
                    (Stored::Floats(floats(&value).map_err(malformed)?), value.dims().to_vec())
                };
                features(data, &dims, &json).map_err(malformed)?
            }
            Task::LanguageModel => tokens(&read("tokens")?).map_err(malformed)?,
        };
        let n_samples = inputs.n_samples();
        if n_samples == 0 {
            return Err(malformed("it holds no samples".to_owned()));
        }
        let labels = match (json.task, store.info("labels")) {
            (Task::Classification, Some(_)) => {
                let labels = labels(&read("labels")?, n_samples, json.classes.as_deref());
                Some(labels.map_err(malformed)?)
            }
            _ => None,
        };
        Ok(Self {
            name: name.clone(),
            path: source.path().map(Path::to_owned),
            task: json.task,
            split: json.split,
            classes: json.classes,
            is_image: json.image,
            licence: json.licence,
            source: json.source,
            labels,
            inputs,
            n_samples,
            value_range: OnceLock::new(),
        })
    }

    /// Number of samples; for a language model, rows.
    pub fn len(&self) -> usize {
        self.n_samples
    }

    pub fn is_empty(&self) -> bool {
        self.n_samples == 0
    }

    /// Predictions a sample asks for: 1, or for a language model the tokens of a row.
    pub fn predictions_per_sample(&self) -> usize {
        match &self.inputs {
            Inputs::Features { .. } => 1,
            Inputs::Tokens { row_len, .. } => row_len - 1,
        }
    }

    /// What a sample's predictions should be; `None` without labels.
    pub fn targets(&self, sample_idx: usize) -> Option<Vec<usize>> {
        match (&self.inputs, &self.labels) {
            (Inputs::Tokens { data, row_len }, _) => {
                let row = data.get(sample_idx * row_len + 1..(sample_idx + 1) * row_len)?;
                Some(
                    row.iter().map(|&token| usize::try_from(token).unwrap_or(usize::MAX)).collect(),
                )
            }
            (_, Some(labels)) => Some(vec![*labels.get(sample_idx)?]),
            _ => None,
        }
    }

    /// The order samples are looked at: seeded, and class by class in equal shares, so that any
    /// first part of it is a fair sample of the whole.
    pub fn balanced_order(&self) -> Vec<usize> {
        super::balanced::balanced_order(self.labels.as_deref(), self.n_samples)
    }

    /// What is subtracted and divided by, if anything: one number for all channels or one each.
    pub fn preprocess(&self) -> Option<(&[f32], &[f32])> {
        match &self.inputs {
            Inputs::Features { preprocess: Some(p), .. } => Some((&p.subtract, &p.divide)),
            _ => None,
        }
    }

    /// Checks that the graph takes these samples.
    ///
    /// # Errors
    /// [`SamplesError::Unfit`] with both shapes.
    pub fn feed(&self, input: &ResolvedInput) -> Result<Feed, SamplesError> {
        let unfit = |found: String, wanted: String| SamplesError::Unfit {
            name: self.name.clone(),
            reason: format!(
                "its samples are {found}, the graph's input {:?} takes {wanted}",
                input.name
            ),
        };
        let shown = |dims: &[Option<usize>]| {
            let dims: Vec<String> = dims
                .iter()
                .map(|dim| dim.map_or_else(|| "?".to_owned(), |d| d.to_string()))
                .collect();
            dims.join("×")
        };
        let dims = match &self.inputs {
            Inputs::Features { dims, .. } if !input.dtype.is_float() => {
                return Err(unfit(shape_text(dims), format!("{} tokens", input.dtype)));
            }
            Inputs::Tokens { row_len, .. } if input.dtype.is_float() => {
                return Err(unfit(
                    format!("rows of {} tokens", row_len - 1),
                    format!("{} of shape {}", input.dtype, shown(&input.sample_dims)),
                ));
            }
            Inputs::Features { dims, .. } => dims.clone(),
            Inputs::Tokens { row_len, .. } => vec![row_len - 1],
        };
        let sample_dims = fit_dims(&dims, &input.sample_dims)
            .ok_or_else(|| unfit(shape_text(&dims), shown(&input.sample_dims)))?;
        if let Some(batch) = input.fixed_batch {
            let n_values = sample_dims.iter().try_fold(batch, |n, &dim| n.checked_mul(dim));
            if n_values.is_none_or(|n| n > MAX_OUTPUT_ELEMENTS) {
                return Err(unfit(
                    shape_text(&dims),
                    format!("{batch} of them at once, which is more than can be held"),
                ));
            }
        }
        Ok(Feed { sample_dims, fixed_batch: input.fixed_batch })
    }

    /// The samples of `indices` as one input of the graph. A fixed batch larger than `indices` is
    /// filled with the last sample again.
    pub fn batch(&self, feed: &Feed, indices: &[usize]) -> Value {
        let n_rows = feed.fixed_batch.unwrap_or(indices.len()).max(1);
        let mut dims = vec![n_rows];
        dims.extend_from_slice(&feed.sample_dims);
        let rows = (0..n_rows).filter_map(|row| indices.get(row).or(indices.last()));
        match &self.inputs {
            Inputs::Features { data, dims: stored, preprocess } => {
                let len: usize = stored.iter().product();
                let mut batch = Vec::with_capacity(n_rows * len);
                for &sample_idx in rows {
                    let range = sample_idx * len..(sample_idx + 1) * len;
                    let preprocess = preprocess.as_ref();
                    match data {
                        Stored::Bytes(data) => {
                            let sample = data.get(range).unwrap_or_default();
                            push_preprocessed(&mut batch, sample, stored, preprocess);
                        }
                        Stored::Floats(data) => {
                            let sample = data.get(range).unwrap_or_default();
                            push_preprocessed(&mut batch, sample, stored, preprocess);
                        }
                    }
                }
                Value::F32(Tensor::from_shape_vec(IxDyn(&dims), batch).unwrap_or_default())
            }
            Inputs::Tokens { data, row_len } => {
                let mut batch = Vec::with_capacity(n_rows * row_len);
                for &sample_idx in rows {
                    let row = data.get(sample_idx * row_len..(sample_idx + 1) * row_len - 1);
                    batch.extend_from_slice(row.unwrap_or_default());
                }
                Value::I64(ArcArray::from_shape_vec(IxDyn(&dims), batch).unwrap_or_default())
            }
        }
    }
}

impl Inputs {
    fn n_samples(&self) -> usize {
        match self {
            Self::Features { data, dims, .. } => {
                data.len().checked_div(dims.iter().product()).unwrap_or(0)
            }
            Self::Tokens { data, row_len } => data.len() / row_len,
        }
    }
}

/// The graph's sample dimensions, free ones filled in: the set's own if they agree, the same after
/// a leading channel of one, or the set's samples as one flat row.
fn fit_dims(found: &[usize], wanted: &[Option<usize>]) -> Option<Vec<usize>> {
    let agrees = |dims: &[usize]| {
        dims.len() == wanted.len()
            && dims.iter().zip(wanted).all(|(dim, want)| want.is_none_or(|want| want == *dim))
    };
    let with_channel: Vec<usize> = std::iter::once(1).chain(found.iter().copied()).collect();
    let without_channel = found.strip_prefix(&[1]).map(<[usize]>::to_vec);
    let flat = vec![found.iter().product()];
    let candidates = [Some(found.to_vec()), Some(with_channel), without_channel, Some(flat)];
    candidates.into_iter().flatten().find(|dims| agrees(dims))
}

fn push_preprocessed<T: Copy + Into<f32>>(
    batch: &mut Vec<f32>,
    sample: &[T],
    dims: &[usize],
    preprocess: Option<&Preprocess>,
) {
    let Some(Preprocess { subtract, divide }) = preprocess else {
        batch.extend(sample.iter().map(|&stored| stored.into()));
        return;
    };
    let n_channels = if dims.len() > 2 { dims[0] } else { 1 };
    let plane_len = (sample.len() / n_channels.max(1)).max(1);
    for (channel_idx, plane) in sample.chunks(plane_len).enumerate() {
        let of = |list: &[f32]| list.get(channel_idx).or(list.first()).copied();
        let (subtract, divide) = (of(subtract).unwrap_or(0.0), of(divide).unwrap_or(1.0));
        batch.extend(plane.iter().map(|&stored| (stored.into() - subtract) / divide));
    }
}

fn floats(value: &Value) -> Result<Vec<f32>, String> {
    let data: Vec<f32> = match value {
        Value::F32(array) => array.iter().copied().collect(),
        Value::I64(array) => array.iter().map(|&x| x as f32).collect(),
        Value::Bool(_) => return Err("\"inputs\" holds booleans, expected numbers".to_owned()),
    };
    if let Some(idx) = data.iter().position(|x| !x.is_finite()) {
        let n_samples = value.dims().first().copied().unwrap_or(1).max(1);
        let len = (data.len() / n_samples).max(1);
        return Err(format!("sample {} holds {}, expected finite numbers", idx / len, data[idx]));
    }
    Ok(data)
}

fn features(data: Stored, dims: &[usize], json: &SamplesJson) -> Result<Inputs, String> {
    let Some(stored) = dims.get(1..).filter(|rest| !rest.is_empty()) else {
        return Err(format!("\"inputs\" has shape {dims:?}, expected [samples, …]"));
    };
    let (data, dims) = match (json.layout, stored) {
        (Some(Layout::Nhwc), &[height, width, channels]) => {
            let plane_len = height * width;
            let data = match data {
                Stored::Bytes(data) => Stored::Bytes(channels_first(&data, plane_len, channels)),
                Stored::Floats(data) => Stored::Floats(channels_first(&data, plane_len, channels)),
            };
            (data, vec![channels, height, width])
        }
        (Some(Layout::Nhw), &[height, width]) => (data, vec![height, width]),
        (Some(Layout::Nchw), dims @ &[_, _, _]) => (data, dims.to_vec()),
        (None, dims) => (data, dims.to_vec()),
        (Some(layout), _) => {
            let layout = format!("{layout:?}").to_uppercase();
            return Err(format!("\"inputs\" has shape {dims:?}, which is not {layout}"));
        }
    };
    let preprocess = json.preprocess.as_ref().map(|p| check_preprocess(p, &dims)).transpose()?;
    Ok(Inputs::Features { data, dims, preprocess })
}

fn check_preprocess(json: &PreprocessJson, dims: &[usize]) -> Result<Preprocess, String> {
    let n_channels = if dims.len() > 2 { dims[0] } else { 1 };
    let (subtract, divide) = (json.subtract.list(), json.divide.list());
    for (key, list) in [("subtract", subtract), ("divide", divide)] {
        if list.len() != 1 && list.len() != n_channels {
            return Err(format!(
                "preprocess {key:?} has {} numbers, expected 1 or one for each of {n_channels} channels",
                list.len()
            ));
        }
        if let Some(number) =
            list.iter().find(|x| !x.is_finite() || (key == "divide" && **x == 0.0))
        {
            return Err(format!("preprocess {key:?} holds {number}"));
        }
    }
    Ok(Preprocess { subtract: subtract.to_vec(), divide: divide.to_vec() })
}

fn channels_first<T: Copy>(data: &[T], plane_len: usize, n_channels: usize) -> Vec<T> {
    let mut reordered = Vec::with_capacity(data.len());
    for sample in data.chunks_exact((plane_len * n_channels).max(1)) {
        for channel_idx in 0..n_channels {
            reordered.extend(sample.iter().skip(channel_idx).step_by(n_channels.max(1)));
        }
    }
    reordered
}

fn tokens(value: &Value) -> Result<Inputs, String> {
    match (value, value.dims()) {
        (Value::I64(array), &[_, row_len]) if row_len >= 2 => {
            let data: Vec<i64> = array.iter().copied().collect();
            match data.iter().find(|&&token| token < 0) {
                Some(token) => Err(format!("\"tokens\" holds {token}, expected 0 or more")),
                None => Ok(Inputs::Tokens { data, row_len }),
            }
        }
        _ => Err(format!(
            "\"tokens\" is {} of shape {:?}, expected integers of shape [rows, tokens + 1]",
            value.type_name(),
            value.dims()
        )),
    }
}

fn labels(
    value: &Value,
    n_samples: usize,
    classes: Option<&[String]>,
) -> Result<Vec<usize>, String> {
    let Value::I64(array) = value else {
        return Err(format!("\"labels\" is {}, expected integers", value.type_name()));
    };
    if classes.is_some_and(<[String]>::is_empty) {
        return Err("its list of classes is empty".to_owned());
    }
    if array.len() != n_samples || value.dims().len() != 1 {
        return Err(format!(
            "\"labels\" has shape {:?}, expected [{n_samples}], one for each sample",
            value.dims()
        ));
    }
    let limit = classes.map_or(usize::MAX, <[String]>::len);
    array
        .iter()
        .enumerate()
        .map(|(sample_idx, &label)| {
            usize::try_from(label).ok().filter(|&label| label < limit).ok_or_else(|| {
                let expected = match classes {
                    Some(classes) => format!("0 to {}", classes.len().saturating_sub(1)),
                    None => "0 or more".to_owned(),
                };
                format!("label of sample {sample_idx} is {label}, expected {expected}")
            })
        })
        .collect()
}

fn shape_text(dims: &[usize]) -> String {
    dims.iter().map(ToString::to_string).collect::<Vec<_>>().join("×")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_that_fit() {
        let any = |dims: &[usize]| dims.iter().map(|&dim| Some(dim)).collect::<Vec<_>>();
        assert_eq!(fit_dims(&[28, 28], &any(&[1, 28, 28])), Some(vec![1, 28, 28]));
        assert_eq!(fit_dims(&[28, 28], &any(&[784])), Some(vec![784]));
        assert_eq!(fit_dims(&[3, 32, 32], &[Some(3), None, None]), Some(vec![3, 32, 32]));
        assert_eq!(fit_dims(&[3, 32, 32], &any(&[1, 28, 28])), None);
    }

    #[test]
    fn pictures_are_transposed_and_scaled_by_channel() {
        assert_eq!(channels_first(&[1.0, 2.0, 3.0, 4.0], 2, 2), [1.0, 3.0, 2.0, 4.0]);
        let preprocess = Preprocess { subtract: vec![1.0, 2.0], divide: vec![2.0] };
        let mut batch = Vec::new();
        push_preprocessed(&mut batch, &[1.0f32, 3.0, 2.0, 4.0], &[2, 1, 2], Some(&preprocess));
        assert_eq!(batch, [0.0, 1.0, 0.0, 1.0]);
    }
}
