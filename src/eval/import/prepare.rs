//! Samples as the file of a set stores them: chosen, in the network's shape, not yet scaled.

use std::sync::Arc;

use rayon::prelude::*;

use super::classes::{Classes, map_labels};
use super::npy::whole;
use super::picture::{Planes, Resample};
use super::raw::{Column, PictureFile, RawArray, RawContent, RawLabels, RawSamples, Skipped};
use super::raw::{Table, Values};
use super::settings::{ImportSettings, Layout};
use super::target::{ChannelOrder, ImportTarget, InputForm};
use super::{ImportError, check_size, file_name};
use crate::base::WorkCtx;
use crate::eval::balanced_order;

/// Samples side by side, all of one shape.
#[derive(Debug)]
pub struct Prepared {
    pub values: Arc<Values>,
    /// Dimensions of one sample.
    pub dims: Vec<usize>,
    /// Where the channels of a picture stand; `None` for numbers.
    pub channels: Option<ChannelOrder>,
    /// Whether every value may be 0 to 255 because the source is files of pictures.
    pub is_decoded: bool,
    pub labels: Option<Vec<usize>>,
    pub classes: Option<Vec<String>>,
    pub skipped: Vec<Skipped>,
}

impl Prepared {
    pub fn sample_len(&self) -> usize {
        self.dims.iter().product()
    }

    pub fn n_channels(&self) -> usize {
        let channel = match self.channels {
            Some(ChannelOrder::First) if self.dims.len() == 3 => self.dims.first(),
            Some(ChannelOrder::Last) => self.dims.last(),
            _ => None,
        };
        channel.copied().unwrap_or(1)
    }
}

/// Chooses samples and brings them to the network's shape.
///
/// # Errors
/// Labels without a class, shapes that cannot be brought together, no picture that can be decoded.
pub fn prepare(
    raw: &RawSamples,
    settings: &ImportSettings,
    target: &ImportTarget,
    ctx: &WorkCtx,
) -> Result<Prepared, ImportError> {
    if !target.input.dtype.is_float() {
        return Err(ImportError::Unfit(format!(
            "the model takes {} tokens; import a set of tokens as safetensors instead",
            target.input.dtype
        )));
    }
    let from_table;
    let (content, labels) = match &raw.content {
        RawContent::Pictures(files, labels) => (Source::Files(files), labels),
        RawContent::Array(array, labels) => (Source::Array(array), labels),
        RawContent::Table(table) => {
            from_table = split_table(table, settings, ctx)?;
            (Source::Array(&from_table.0), &from_table.1)
        }
    };
    let classes = map_labels(labels, settings.class_mapping, target.classes.as_deref())?;
    let n_samples = raw.len();
    let mut chosen: Vec<usize> = match settings.limit {
        Some(limit) if limit < n_samples => {
            let labels = classes.as_ref().map(|classes| classes.labels.as_slice());
            balanced_order(labels, n_samples).into_iter().take(limit.max(1)).collect()
        }
        _ => (0..n_samples).collect(),
    };
    chosen.sort_unstable();
    let mut shaped = match content {
        Source::Files(files) => shape_files(files, &chosen, settings, target, ctx)?,
        Source::Array(array) => shape_array(array, &chosen, settings, target, ctx)?,
    };
    shaped.skipped.splice(0..0, raw.skipped.iter().cloned());
    Ok(shaped.with_classes(classes))
}

enum Source<'a> {
    Files(&'a [PictureFile]),
    Array(&'a RawArray),
}

/// Samples in shape and which of the source they are.
struct Shaped {
    values: Values,
    shared: Option<Arc<Values>>,
    dims: Vec<usize>,
    channels: Option<ChannelOrder>,
    is_decoded: bool,
    taken: Vec<usize>,
    skipped: Vec<Skipped>,
}

impl Shaped {
    fn with_classes(self, classes: Option<Classes>) -> Prepared {
        let (labels, names) = match classes {
            None => (None, None),
            Some(Classes { labels, names }) => {
                let labels = self.taken.iter().filter_map(|&idx| labels.get(idx).copied());
                (Some(labels.collect()), names)
            }
        };
        Prepared {
            values: self.shared.unwrap_or_else(|| Arc::new(self.values)),
            dims: self.dims,
            channels: self.channels,
            is_decoded: self.is_decoded,
            labels,
            classes: names,
            skipped: self.skipped,
        }
    }
}

/// The numbers of a table, and its labels.
fn split_table(
    table: &Table,
    settings: &ImportSettings,
    ctx: &WorkCtx,
) -> Result<(RawArray, RawLabels), ImportError> {
    let labels = match settings.label_column.and_then(|idx| table.columns.get(idx)) {
        None => RawLabels::None,
        Some(Column::Texts(texts)) => RawLabels::from_texts(texts.clone()),
        Some(Column::Numbers(numbers)) => {
            let numbers = numbers.iter().enumerate().map(|(row, &number)| {
                whole(number).ok_or_else(|| {
                    ImportError::Unfit(format!(
                        "the label of row {row} is {number}, expected a whole number or a name; choose another label column"
                    ))
                })
            });
            RawLabels::Numbers(numbers.collect::<Result<_, _>>()?)
        }
    };
    let is_feature =
        |idx: usize| Some(idx) != settings.label_column && Some(idx) != settings.left_out_column;
    let mut features: Vec<&[f32]> = Vec::new();
    for (idx, column) in table.columns.iter().enumerate().filter(|(idx, _)| is_feature(*idx)) {
        match column {
            Column::Numbers(numbers) => features.push(numbers),
            Column::Texts(texts) => {
                return Err(ImportError::Unfit(format!(
                    "column {:?} holds text such as {:?}; choose it as the label column or leave it out",
                    table.names.get(idx).map_or("", String::as_str),
                    texts.iter().find(|text| text.parse::<f32>().is_err()).map_or("", |text| text)
                )));
            }
        }
    }
    if features.is_empty() {
        return Err(ImportError::Unfit(
            "no column of numbers is left; choose another delimiter or label column".to_owned(),
        ));
    }
    let mut values = Vec::with_capacity(table.n_rows * features.len());
    for row in 0..table.n_rows {
        if row % 1024 == 0 {
            ctx.check()?;
        }
        values.extend(features.iter().filter_map(|column| column.get(row).copied()));
    }
    let values = Arc::new(Values::narrowed(values));
    Ok((RawArray { values, dims: vec![table.n_rows, features.len()] }, labels))
}

/// The picture the network takes, with its free sides filled in.
struct Wanted {
    n_channels: usize,
    height: usize,
    width: usize,
    order: ChannelOrder,
}

impl Wanted {
    fn of(target: &ImportTarget, found: (usize, usize)) -> Option<Self> {
        let InputForm::Picture { n_channels, size, order } = target.form() else { return None };
        let (height, width) = (size.height.unwrap_or(found.0), size.width.unwrap_or(found.1));
        Some(Self { n_channels, height, width, order })
    }

    fn len(&self) -> usize {
        self.n_channels.saturating_mul(self.height).saturating_mul(self.width)
    }

    fn dims(&self) -> Vec<usize> {
        match self.order {
            ChannelOrder::First => vec![self.n_channels, self.height, self.width],
            ChannelOrder::Last => vec![self.height, self.width, self.n_channels],
        }
    }

    fn check_colour(&self, settings: &ImportSettings) -> Result<(), ImportError> {
        let n_chosen = settings.colour.n_channels();
        if n_chosen == self.n_channels {
            return Ok(());
        }
        let remedy = if self.n_channels == 1 { "Grey" } else { "RGB or BGR" };
        Err(ImportError::Unfit(format!(
            "{n_chosen} channels are chosen, the network takes {}; choose {remedy}",
            self.n_channels
        )))
    }

    fn convert(&self, planes: Planes, settings: &ImportSettings) -> Result<Vec<f32>, String> {
        let size = Resample {
            height: self.height,
            width: self.width,
            fit: settings.fit,
            filter: settings.filter,
        };
        let planes = planes.coloured(settings.colour)?.resampled(size).planes;
        Ok(match self.order {
            ChannelOrder::First => planes.concat(),
            ChannelOrder::Last => (0..self.height * self.width)
                .flat_map(|pixel| planes.iter().filter_map(move |plane| plane.get(pixel).copied()))
                .collect(),
        })
    }
}

fn shape_files(
    files: &[PictureFile],
    chosen: &[usize],
    settings: &ImportSettings,
    target: &ImportTarget,
    ctx: &WorkCtx,
) -> Result<Shaped, ImportError> {
    let first = files.first().map_or((1, 1), |file| (file.height as usize, file.width as usize));
    let wanted = Wanted::of(target, first).ok_or_else(|| {
        ImportError::Unfit(format!(
            "the model takes samples of shape {}, which are no pictures; import an array or a table",
            target.dims_text()
        ))
    })?;
    wanted.check_colour(settings)?;
    check_size((chosen.len() as u64).saturating_mul(wanted.len() as u64), 1)
        .map_err(ImportError::Unfit)?;
    ctx.set_total(chosen.len() as u64);
    let decode = |&idx: &usize| -> Result<Result<Vec<u8>, Skipped>, ImportError> {
        ctx.check()?;
        let file = &files[idx];
        let pixels = Planes::decode(file).and_then(|planes| wanted.convert(planes, settings));
        ctx.advance(1);
        Ok(pixels
            .map(|pixels| pixels.into_iter().map(to_byte).collect())
            .map_err(|reason| Skipped { what: named(file), reason }))
    };
    let decoded: Vec<Result<Vec<u8>, Skipped>> =
        chosen.par_iter().map(decode).collect::<Result<_, ImportError>>()?;
    let (mut bytes, mut taken, mut skipped) = (Vec::new(), Vec::new(), Vec::new());
    for (picture, &idx) in decoded.into_iter().zip(chosen) {
        match picture {
            Ok(picture) => {
                bytes.extend(picture);
                taken.push(idx);
            }
            Err(reason) => skipped.push(reason),
        }
    }
    if let (true, Some(first)) = (taken.is_empty(), skipped.first()) {
        return Err(ImportError::Unfit(format!(
            "none of the pictures can be decoded, the first is {}: {}; save them again as png or jpeg",
            first.what, first.reason
        )));
    }
    Ok(Shaped {
        values: Values::Bytes(bytes),
        shared: None,
        dims: wanted.dims(),
        channels: Some(wanted.order),
        is_decoded: true,
        taken,
        skipped,
    })
}

/// With its folder, which is its class.
fn named(file: &PictureFile) -> String {
    let folder = file.path.parent().map(file_name).unwrap_or_default();
    format!("{folder}/{}", file_name(&file.path))
}

fn to_byte(value: f32) -> u8 {
    (value + 0.5).floor().clamp(0.0, 255.0) as u8
}

fn shape_array(
    array: &RawArray,
    chosen: &[usize],
    settings: &ImportSettings,
    target: &ImportTarget,
    ctx: &WorkCtx,
) -> Result<Shaped, ImportError> {
    let found = array.sample_dims();
    let shaped = |values, shared, dims, channels| Shaped {
        values,
        shared,
        dims,
        channels,
        is_decoded: false,
        taken: chosen.to_vec(),
        skipped: Vec::new(),
    };
    let as_they_are = |dims: Vec<usize>, channels| {
        if chosen.len() == array.n_samples() {
            return shaped(
                Values::Bytes(Vec::new()),
                Some(Arc::clone(&array.values)),
                dims,
                channels,
            );
        }
        shaped(rows(array, chosen), None, dims, channels)
    };
    if settings.layout == Layout::AsStored {
        let (dims, channels) = dims_as_stored(array, target)?;
        return Ok(as_they_are(dims, channels));
    }
    let (n, height, width) = planes_dims(settings.layout, found)?;
    let wanted = Wanted::of(target, (height, width)).ok_or_else(|| {
        ImportError::Unfit(format!(
            "the model takes samples of shape {}, which are no pictures; choose “As stored”",
            target.dims_text()
        ))
    })?;
    wanted.check_colour(settings)?;
    let is_same = (n, height, width) == (wanted.n_channels, wanted.height, wanted.width)
        && wanted.order == ChannelOrder::First
        && settings.colour != super::settings::Colour::Bgr
        && (settings.layout != Layout::ChannelsLast || n == 1);
    if is_same {
        return Ok(as_they_are(wanted.dims(), Some(wanted.order)));
    }
    check_size((chosen.len() as u64).saturating_mul(wanted.len() as u64), 4)
        .map_err(ImportError::Unfit)?;
    let values = convert_rows(array, chosen, settings, (&wanted, (n, height, width)), ctx)?;
    Ok(shaped(values, None, wanted.dims(), Some(wanted.order)))
}

/// Channels, rows and columns of a stored sample.
fn planes_dims(layout: Layout, found: &[usize]) -> Result<(usize, usize, usize), ImportError> {
    match (layout, found) {
        (Layout::ChannelsFirst, &[n, height, width])
        | (Layout::ChannelsLast, &[height, width, n]) => Ok((n, height, width)),
        (Layout::Grey, &[height, width]) => Ok((1, height, width)),
        _ => Err(ImportError::Unfit(format!(
            "a sample has shape {}, which is not “{}”; choose another order of dimensions",
            text_of(found),
            layout.name()
        ))),
    }
}

/// Dimensions for values that stay in their order: the network's own, if there are as many.
fn dims_as_stored(
    array: &RawArray,
    target: &ImportTarget,
) -> Result<(Vec<usize>, Option<ChannelOrder>), ImportError> {
    let found = array.sample_dims();
    let len: usize = found.iter().product();
    let Some(n_wanted) = target.n_values() else {
        return Ok((found.to_vec(), None));
    };
    if n_wanted != len {
        return Err(ImportError::Unfit(format!(
            "a sample holds {len} numbers ({}), the network takes {n_wanted} ({}); choose the columns or the order of dimensions so that they agree",
            text_of(found),
            target.dims_text()
        )));
    }
    let looks_like_picture = found.len() > 1 || matches!(*array.values, Values::Bytes(_));
    match Wanted::of(target, (0, 0)) {
        Some(wanted) if looks_like_picture && wanted.len() == len => {
            Ok((wanted.dims(), Some(wanted.order)))
        }
        _ => Ok((target.input.sample_dims.iter().flatten().copied().collect(), None)),
    }
}

fn rows(array: &RawArray, chosen: &[usize]) -> Values {
    let len: usize = array.sample_dims().iter().product();
    fn pick<T: Copy>(values: &[T], len: usize, chosen: &[usize]) -> Vec<T> {
        let row = |&idx: &usize| values.get(idx * len..(idx + 1) * len).unwrap_or_default();
        chosen.iter().flat_map(row).copied().collect()
    }
    match &*array.values {
        Values::Bytes(values) => Values::Bytes(pick(values, len, chosen)),
        Values::Floats(values) => Values::Floats(pick(values, len, chosen)),
    }
}

/// Each chosen sample as planes and back; `shapes` are the wanted and the found one.
fn convert_rows(
    array: &RawArray,
    chosen: &[usize],
    settings: &ImportSettings,
    shapes: (&Wanted, (usize, usize, usize)),
    ctx: &WorkCtx,
) -> Result<Values, ImportError> {
    let (wanted, (n, height, width)) = shapes;
    let (len, plane_len) = (n * height * width, height * width);
    let (stride, step) =
        if settings.layout == Layout::ChannelsLast { (1, n) } else { (plane_len, 1) };
    ctx.set_total(chosen.len() as u64);
    let convert = |&idx: &usize| -> Result<Vec<f32>, ImportError> {
        ctx.check()?;
        let value = |place: usize| array.values.get(idx * len + place).unwrap_or(0.0);
        let plane = |channel: usize| {
            (0..plane_len).map(|pixel| value(channel * stride + pixel * step)).collect()
        };
        let planes = Planes { planes: (0..n).map(plane).collect(), height, width };
        let pixels = wanted.convert(planes, settings).map_err(|reason| {
            ImportError::Unfit(format!(
                "sample {idx}: {reason}; choose another order of dimensions"
            ))
        })?;
        ctx.advance(1);
        Ok(pixels)
    };
    let converted: Vec<Vec<f32>> =
        chosen.par_iter().map(convert).collect::<Result<_, ImportError>>()?;
    let floats = converted.into_iter().flatten();
    Ok(match *array.values {
        Values::Bytes(_) => Values::Bytes(floats.map(to_byte).collect()),
        Values::Floats(_) => Values::Floats(floats.collect()),
    })
}

fn text_of(dims: &[usize]) -> String {
    dims.iter().map(ToString::to_string).collect::<Vec<_>>().join("×")
}
