//! The set itself: prepared values with their scaling, in the bytes a saved file has, and read back
//! from them, so that what is used once and what is saved are the same.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use safetensors::tensor::{Dtype, TensorView};
use serde_json::json;

use super::ImportError;
use super::prepare::Prepared;
use super::raw::{Skipped, Values};
use super::settings::{ImportSettings, Scaling};
use super::target::{ChannelOrder, ImportTarget};
use crate::base::WorkCtx;
use crate::eval::SampleSet;
use crate::formats::SourceFile;
use crate::model::StoredBytes;

/// Mean and deviation of red, green and blue over ImageNet, for values from 0 to 1.
const IMAGENET: ([f64; 3], [f64; 3]) = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]);
/// Samples that a person is shown.
const N_SHOWN: usize = 12;

/// A set made of somebody's data.
#[derive(Clone, Debug)]
pub struct Built {
    pub set: Arc<SampleSet>,
    /// The file.
    pub bytes: Arc<Vec<u8>>,
    /// Samples of each class, in the order of classes; empty without labels.
    pub class_counts: Vec<(String, usize)>,
    /// Smallest and largest value as the network sees them.
    pub range: (f32, f32),
    /// `value = (stored − subtract) / divide`, one for all or one for each channel.
    pub subtract: Vec<f32>,
    pub divide: Vec<f32>,
    pub skipped: Vec<Skipped>,
    pub preview: Preview,
}

/// A few samples as the network sees them.
#[derive(Clone, Debug, Default)]
pub struct Preview {
    /// Channels, rows and columns of a picture; `None` for numbers.
    pub picture: Option<(usize, usize, usize)>,
    pub samples: Vec<Shown>,
}

/// One sample as the network sees it; a picture channel by channel.
#[derive(Clone, Debug)]
pub struct Shown {
    pub class: Option<String>,
    pub values: Vec<f32>,
    pub range: (f32, f32),
    /// Red, green and blue of a picture, the set's smallest value black and its largest white.
    pub pixels: Vec<u8>,
}

/// Makes the set.
///
/// # Errors
/// Numbers by hand that do not fit the channels; samples the model does not take.
pub fn build(
    prepared: &Prepared,
    settings: &ImportSettings,
    target: &ImportTarget,
    name: &str,
    ctx: &WorkCtx,
) -> Result<Built, ImportError> {
    let channels = channel_stats(prepared, ctx)?;
    let (subtract, divide) = scale(&settings.scaling, prepared, &channels)?;
    let of = |list: &[f32], idx: usize| list.get(idx).or(list.first()).copied().unwrap_or(0.0);
    let ends = channels.iter().enumerate().flat_map(|(idx, stats)| {
        let seen = move |x: f32, s: f32, d: f32| (x - s) / d;
        let (s, d) = (of(&subtract, idx), of(&divide, idx));
        [seen(stats.min, s, d), seen(stats.max, s, d)]
    });
    let ends: Vec<f32> = ends.collect();
    let range =
        ends.iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(lo, hi), &x| (lo.min(x), hi.max(x)));
    ctx.check()?;
    let bytes = Arc::new(encode(prepared, settings, (&subtract, &divide), name)?);
    let shared = Arc::clone(&bytes);
    let unfit = |error: crate::eval::SamplesError| ImportError::Unfit(error.to_string());
    let set = SampleSet::read(&SourceFile::from_bytes(name, Arc::new(SharedBytes(shared))))
        .map_err(unfit)?;
    let mut feed = set.feed(&target.input).map_err(unfit)?;
    feed.fixed_batch = None;
    let preview = preview(&set, prepared, range, |idx| match set.batch(&feed, &[idx]) {
        crate::tensor::Value::F32(values) => values.iter().copied().collect(),
        _ => Vec::new(),
    });
    Ok(Built {
        class_counts: class_counts(prepared),
        set: Arc::new(set),
        bytes,
        range,
        subtract,
        divide,
        skipped: prepared.skipped.clone(),
        preview,
    })
}

/// Writes the set; nothing is there until all of it is.
///
/// # Errors
/// The file cannot be written.
pub fn save(built: &Built, path: &Path) -> Result<(), ImportError> {
    let failed = |error: std::io::Error| {
        ImportError::at(
            path,
            format!("it cannot be written: {}", crate::base::unwritable(&error, path)),
        )
    };
    crate::base::write_whole(path, |out| out.write_all(&built.bytes)).map_err(failed)
}

struct SharedBytes(Arc<Vec<u8>>);

impl AsRef<[u8]> for SharedBytes {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl StoredBytes for SharedBytes {}

/// What is known of the stored values of one channel.
#[derive(Clone, Copy)]
struct ChannelStats {
    min: f32,
    max: f32,
    mean: f64,
    deviation: f64,
}

fn channel_stats(prepared: &Prepared, ctx: &WorkCtx) -> Result<Vec<ChannelStats>, ImportError> {
    let n_channels = prepared.n_channels().max(1);
    let sample_len = prepared.sample_len().max(1);
    let plane_len = (sample_len / n_channels).max(1);
    let channel_of = |place: usize| match prepared.channels {
        Some(ChannelOrder::Last) => place % n_channels,
        _ => place / plane_len,
    };
    let mut stats = vec![(f32::INFINITY, f32::NEG_INFINITY, 0.0f64, 0.0f64); n_channels];
    let len = prepared.values.len();
    for start in (0..len).step_by(sample_len) {
        if (start / sample_len).is_multiple_of(64) {
            ctx.check()?;
        }
        for place in 0..sample_len.min(len - start) {
            let value = prepared.values.get(start + place).unwrap_or(0.0);
            if let Some((min, max, sum, squares)) = stats.get_mut(channel_of(place)) {
                *min = min.min(value);
                *max = max.max(value);
                *sum += f64::from(value);
                *squares += f64::from(value).powi(2);
            }
        }
    }
    let n = (len / n_channels).max(1) as f64;
    Ok(stats
        .into_iter()
        .map(|(min, max, sum, squares)| {
            let mean = sum / n;
            ChannelStats { min, max, mean, deviation: (squares / n - mean * mean).max(0.0).sqrt() }
        })
        .collect())
}

/// The value that stands for 1: 255 for pictures, the largest there is where values are small.
fn full_scale(prepared: &Prepared, channels: &[ChannelStats]) -> (f32, f32) {
    let min = channels.iter().map(|stats| stats.min).fold(f32::INFINITY, f32::min);
    let max = channels.iter().map(|stats| stats.max).fold(f32::NEG_INFINITY, f32::max);
    match *prepared.values {
        _ if prepared.is_decoded || (min >= 0.0 && max > 64.0 && max <= 255.0) => (0.0, 255.0),
        _ if min >= 0.0 && max <= 1.0 => (0.0, 1.0),
        Values::Bytes(_) => (0.0, max.max(1.0)),
        Values::Floats(_) if max > min => (min, max),
        Values::Floats(_) => (min, min + 1.0),
    }
}

fn scale(
    scaling: &Scaling,
    prepared: &Prepared,
    channels: &[ChannelStats],
) -> Result<(Vec<f32>, Vec<f32>), ImportError> {
    let (lo, hi) = full_scale(prepared, channels);
    let width = hi - lo;
    let n_channels = channels.len();
    Ok(match scaling {
        Scaling::AsStored => (vec![0.0], vec![1.0]),
        Scaling::Unit => (vec![lo], vec![width]),
        Scaling::Signed => (vec![lo + width / 2.0], vec![width / 2.0]),
        Scaling::Standardized => {
            let deviation = |stats: &ChannelStats| match stats.deviation as f32 {
                d if d > 0.0 => d,
                _ => 1.0,
            };
            let means = channels.iter().map(|stats| stats.mean as f32);
            (means.collect(), channels.iter().map(deviation).collect())
        }
        Scaling::ImageNet if n_channels == 3 => {
            let on_scale = |x: f64| (f64::from(width) * x) as f32;
            (
                IMAGENET.0.iter().map(|&mean| lo + on_scale(mean)).collect(),
                IMAGENET.1.iter().map(|&deviation| on_scale(deviation)).collect(),
            )
        }
        Scaling::ImageNet => {
            return Err(ImportError::Unfit(format!(
                "ImageNet's scaling is for three channels, these samples have {n_channels}; choose another scaling"
            )));
        }
        Scaling::ByHand { subtract, divide } => {
            for (what, list) in [("subtracted", subtract), ("divided by", divide)] {
                let is_fit = list.len() == 1 || list.len() == n_channels;
                let is_bad = |x: &f32| !x.is_finite() || (what == "divided by" && *x == 0.0);
                if !is_fit || list.iter().any(is_bad) {
                    return Err(ImportError::Unfit(format!(
                        "what is {what} is {list:?}, expected one number or {n_channels}, none of them zero to divide by"
                    )));
                }
            }
            (subtract.clone(), divide.clone())
        }
    })
}

/// A safetensors file with the metadata of a sample set.
fn encode(
    prepared: &Prepared,
    settings: &ImportSettings,
    (subtract, divide): (&[f32], &[f32]),
    name: &str,
) -> Result<Vec<u8>, ImportError> {
    let n_samples = prepared.values.len().checked_div(prepared.sample_len()).unwrap_or(0);
    let mut dims = vec![n_samples];
    dims.extend(&prepared.dims);
    let is_first = prepared.channels == Some(ChannelOrder::First) && prepared.dims.len() == 3;
    // The form has no channels-last network: numbers for each channel are applied here.
    let is_baked =
        prepared.channels == Some(ChannelOrder::Last) && (subtract.len() > 1 || divide.len() > 1);
    let (dtype, data): (Dtype, std::borrow::Cow<[u8]>) = match &*prepared.values {
        Values::Bytes(bytes) if !is_baked => (Dtype::U8, bytes.as_slice().into()),
        values => {
            let n_channels = prepared.n_channels().max(1);
            let of = |list: &[f32], idx: usize| list.get(idx).or(list.first()).copied();
            let value = |idx: usize| {
                let stored = values.get(idx).unwrap_or(0.0);
                let channel = idx % n_channels;
                match (is_baked, of(subtract, channel), of(divide, channel)) {
                    (true, Some(subtract), Some(divide)) => (stored - subtract) / divide,
                    _ => stored,
                }
            };
            let floats = (0..values.len()).flat_map(|idx| value(idx).to_le_bytes());
            (Dtype::F32, floats.collect::<Vec<u8>>().into())
        }
    };
    let mut metadata = json!({
        "version": 1,
        "task": "classification",
        "split": settings.split.name(),
        "classes": prepared.classes,
        "layout": if is_first { Some("NCHW") } else { None },
        "image": is_first,
        "source": format!("imported from {name}"),
    });
    let is_scaled = subtract != [0.0] || divide != [1.0];
    if let (true, false, Some(object)) = (is_scaled, is_baked, metadata.as_object_mut()) {
        object.insert("preprocess".to_owned(), json!({"subtract": subtract, "divide": divide}));
    }
    let labels: Option<Vec<u8>> = prepared
        .labels
        .as_ref()
        .map(|labels| labels.iter().flat_map(|&label| (label as i64).to_le_bytes()).collect());
    let failed = |error: safetensors::SafeTensorError| {
        ImportError::Unfit(format!("the set cannot be stored: {error}"))
    };
    let mut tensors = vec![("inputs", TensorView::new(dtype, dims, &data).map_err(failed)?)];
    if let Some(labels) = &labels {
        let view = TensorView::new(Dtype::I64, vec![n_samples], labels).map_err(failed)?;
        tensors.push(("labels", view));
    }
    let metadata = HashMap::from([("quantscope.samples".to_owned(), metadata.to_string())]);
    safetensors::serialize(tensors, Some(metadata)).map_err(failed)
}

fn class_counts(prepared: &Prepared) -> Vec<(String, usize)> {
    let Some(labels) = &prepared.labels else { return Vec::new() };
    let n_found = labels.iter().max().map_or(0, |max| max + 1);
    let n_named = prepared.classes.as_ref().map_or(0, Vec::len);
    let mut counts = vec![0; n_found.max(n_named)];
    labels.iter().for_each(|&label| counts[label] += 1);
    let name = |idx: usize| prepared.classes.as_ref().and_then(|names| names.get(idx).cloned());
    let named = |(idx, count)| (name(idx).unwrap_or_else(|| idx.to_string()), count);
    counts.into_iter().enumerate().map(named).collect()
}

fn preview(
    set: &SampleSet,
    prepared: &Prepared,
    (lo, hi): (f32, f32),
    values_of: impl Fn(usize) -> Vec<f32>,
) -> Preview {
    let picture = match (prepared.channels, prepared.dims.as_slice()) {
        (Some(ChannelOrder::First), &[n, height, width])
        | (Some(ChannelOrder::Last), &[height, width, n]) => Some((n, height, width)),
        _ => None,
    };
    let samples = set.balanced_order().into_iter().take(N_SHOWN).map(|idx| {
        let mut values = values_of(idx);
        if let (Some(ChannelOrder::Last), Some((n, ..))) = (prepared.channels, picture) {
            values = (0..n).flat_map(|c| values.iter().skip(c).step_by(n).copied()).collect();
        }
        let fold = |ends: (f32, f32), x: &f32| (ends.0.min(*x), ends.1.max(*x));
        let range = values.iter().fold((f32::INFINITY, f32::NEG_INFINITY), fold);
        let class = set.labels.as_ref().and_then(|labels| labels.get(idx)).map(|&label| {
            let name = set.classes.as_ref().and_then(|names| names.get(label).cloned());
            name.unwrap_or_else(|| label.to_string())
        });
        let pixels = picture.map_or_else(Vec::new, |(n, ..)| pixels(&values, n, (lo, hi)));
        Shown { class, values, range, pixels }
    });
    Preview { picture, samples: samples.collect() }
}

fn pixels(values: &[f32], n_channels: usize, (lo, hi): (f32, f32)) -> Vec<u8> {
    let plane_len = values.len() / n_channels.max(1);
    let width = if hi > lo { hi - lo } else { 1.0 };
    let byte = |value: f32| ((value - lo) / width * 255.0).round().clamp(0.0, 255.0) as u8;
    let channels = if n_channels == 3 { [0, 1, 2] } else { [0, 0, 0] };
    (0..plane_len)
        .flat_map(|pixel| channels.map(|c| values.get(c * plane_len + pixel).copied()))
        .map(|value| value.map_or(0, byte))
        .collect()
}
