//! Settings that are most likely right, each with the sentence why.

use super::classes::same_name;
use super::npy::whole;
use super::raw::{Column, RawContent, RawLabels, RawSamples, Table, Values};
use super::settings::{
    ClassMapping, Colour, Filter, Fit, HeaderRow, ImportSettings, Layout, ReadOptions, Scaling,
};
use super::target::{ChannelOrder, ImportTarget, InputForm};
use crate::base::{fixed, thousands};
use crate::eval::{SampleSet, Split};

/// Enough samples for an interval of about two percent points.
const USUAL_LIMIT: usize = 2000;

/// Settings and why.
#[derive(Clone, Debug)]
pub struct Guess {
    pub settings: ImportSettings,
    pub reasons: Vec<Reason>,
}

/// Why a setting was chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    pub setting: Setting,
    pub text: String,
}

/// What a reason is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setting {
    Source,
    Layout,
    Size,
    Colour,
    Scaling,
    LabelColumn,
    Classes,
    Split,
    Limit,
}

impl Guess {
    pub fn reason(&self, setting: Setting) -> Option<&str> {
        self.reasons.iter().find(|reason| reason.setting == setting).map(|r| r.text.as_str())
    }
}

/// Proposes settings for a model's input.
pub fn guess(raw: &RawSamples, target: &ImportTarget) -> Guess {
    let mut reasons = Vec::new();
    let mut because = |setting, text: String| reasons.push(Reason { setting, text });
    if !raw.notes.is_empty() {
        because(Setting::Source, raw.notes.join(" "));
    }
    let mut read = ReadOptions { part_idx: Some(raw.part_idx), ..ReadOptions::default() };
    let (mut label_column, mut left_out_column) = (None, None);
    if let RawContent::Table(table) = &raw.content {
        let header = if table.has_header { HeaderRow::Names } else { HeaderRow::Data };
        read.header = Some(header);
        read.delimiter = Some(table.delimiter);
        let (found, reason) = label_column_of(table, target);
        label_column = found;
        because(Setting::LabelColumn, reason);
        left_out_column = running_number(table, target, label_column);
    }
    let (layout, reason) = layout_of(raw, target);
    because(Setting::Layout, reason);
    let (colour, reason) = colour_of(raw, target);
    because(Setting::Colour, reason);
    because(Setting::Size, size_reason(raw, target));
    let (scaling, reason) = scaling_of(raw, target);
    because(Setting::Scaling, reason);
    let labels = labels_of(raw, label_column);
    let (class_mapping, reason) = mapping_of(&labels, target);
    because(Setting::Classes, reason);
    let (split, reason) = split_of(raw);
    because(Setting::Split, reason);
    let limit = (raw.len() > USUAL_LIMIT).then_some(USUAL_LIMIT);
    because(
        Setting::Limit,
        match limit {
            Some(limit) => format!(
                "{} of {} in equal shares of the classes: enough for an interval of ±2 percent points.",
                thousands(limit),
                thousands(raw.len())
            ),
            None => "All of them.".to_owned(),
        },
    );
    let settings = ImportSettings {
        read,
        layout,
        fit: Fit::Stretch,
        filter: Filter::Linear,
        colour,
        scaling,
        label_column,
        left_out_column,
        class_mapping,
        split,
        limit,
    };
    Guess { settings, reasons }
}

/// Whether a column is named as one of classes usually is.
pub(super) fn is_label_name(name: &str) -> bool {
    let name = name.trim().to_lowercase();
    ["label", "labels", "class", "classes", "target", "targets", "y", "species", "category"]
        .contains(&name.as_str())
}

fn label_column_of(table: &Table, target: &ImportTarget) -> (Option<usize>, String) {
    let last = table.columns.len().saturating_sub(1);
    if table.has_header
        && let Some(idx) = table.names.iter().position(|name| is_label_name(name))
    {
        return (Some(idx), format!("Column {:?} is named as labels are.", table.names[idx]));
    }
    let texts: Vec<usize> = (0..=last)
        .filter(|&idx| matches!(table.columns.get(idx), Some(Column::Texts(_))))
        .collect();
    if let [only] = texts.as_slice() {
        return (Some(*only), "It is the only column of text.".to_owned());
    }
    if target.n_values() == Some(table.columns.len()) {
        let text =
            "Every column is one of the numbers the network takes; there is none for labels.";
        return (None, text.to_owned());
    }
    let candidates = [last, 0].into_iter().find(|&idx| looks_like_labels(table.columns.get(idx)));
    match candidates {
        Some(idx) => {
            let place = if idx == 0 { "first" } else { "last" };
            (Some(idx), format!("The {place} column holds a few whole numbers, as labels do."))
        }
        None => (
            (!texts.is_empty()).then_some(last),
            "No column looks like labels; choose one if there is.".to_owned(),
        ),
    }
}

/// A few whole numbers from 0 up, more than one of them and each usually more than once.
fn looks_like_labels(column: Option<&Column>) -> bool {
    let Some(Column::Numbers(numbers)) = column else { return false };
    let mut seen: Vec<i64> = Vec::new();
    for &number in numbers {
        match whole(number) {
            Some(label) if (0..=1000).contains(&label) => {
                if !seen.contains(&label) {
                    seen.push(label);
                }
            }
            _ => return false,
        }
    }
    seen.len() > 1 && (seen.len() * 2 <= numbers.len().max(4)) && seen.len() <= 200
}

/// A column of running numbers, where the network takes one number less than there are.
fn running_number(
    table: &Table,
    target: &ImportTarget,
    label_column: Option<usize>,
) -> Option<usize> {
    let n_features = table.columns.len() - usize::from(label_column.is_some());
    let is_one_more = target.n_values() == Some(n_features.wrapping_sub(1));
    let first = (0..table.columns.len()).find(|idx| Some(*idx) != label_column)?;
    let Some(Column::Numbers(numbers)) = table.columns.get(first) else { return None };
    let runs = numbers.windows(2).all(|pair| pair[1] - pair[0] == 1.0);
    (is_one_more && runs).then_some(first)
}

fn layout_of(raw: &RawSamples, target: &ImportTarget) -> (Layout, String) {
    let RawContent::Array(array, _) = &raw.content else {
        return match &raw.content {
            RawContent::Pictures(..) => (Layout::AsStored, "Pictures are decoded.".to_owned()),
            _ => (Layout::AsStored, "A row is a sample.".to_owned()),
        };
    };
    let InputForm::Picture { .. } = target.form() else {
        let text = format!("The network takes numbers of shape {}.", target.dims_text());
        return (Layout::AsStored, text);
    };
    let is_colour = |n: usize| n == 1 || n == 3;
    let wanted: Vec<usize> = target.input.sample_dims.iter().flatten().copied().collect();
    match *array.sample_dims() {
        [n, _, _] if is_colour(n) => {
            (Layout::ChannelsFirst, format!("The first dimension of a sample is {n}: channels."))
        }
        [_, _, n] if is_colour(n) => {
            (Layout::ChannelsLast, format!("The last dimension of a sample is {n}: channels."))
        }
        [_, _] => (Layout::Grey, "A sample has two dimensions: rows and columns.".to_owned()),
        ref found if *found == *wanted.as_slice() => {
            (Layout::AsStored, "The shape is the network's own.".to_owned())
        }
        _ => (Layout::AsStored, "The numbers are taken in their order.".to_owned()),
    }
}

fn colour_of(raw: &RawSamples, target: &ImportTarget) -> (Colour, String) {
    match target.form() {
        InputForm::Picture { n_channels: 3, .. } => {
            (Colour::Rgb, "The network takes three channels; RGB is usual.".to_owned())
        }
        InputForm::Picture { .. } => {
            let has_colour = match &raw.content {
                RawContent::Pictures(files, _) => files.iter().any(|file| file.has_colour),
                _ => false,
            };
            let text = if has_colour {
                "The network takes one channel, so colours become grey."
            } else {
                "The network takes one channel."
            };
            (Colour::Grey, text.to_owned())
        }
        InputForm::Numbers => (Colour::Grey, "The network takes numbers.".to_owned()),
    }
}

fn size_reason(raw: &RawSamples, target: &ImportTarget) -> String {
    let InputForm::Picture { size, order, .. } = target.form() else {
        return "The network takes numbers.".to_owned();
    };
    let side = |side: Option<usize>| side.map_or_else(|| "any".to_owned(), |side| side.to_string());
    let wanted = format!("{} × {}", side(size.height), side(size.width));
    let last = if order == ChannelOrder::Last { ", channels last" } else { "" };
    let sizes: Vec<(usize, usize)> = match &raw.content {
        RawContent::Pictures(files, _) => {
            files.iter().map(|file| (file.height as usize, file.width as usize)).collect()
        }
        _ => Vec::new(),
    };
    let found = match (sizes.iter().min(), sizes.iter().max()) {
        (Some(min), Some(max)) if min == max => format!(" Pictures are {} × {}.", min.0, min.1),
        (Some(min), Some(max)) => {
            format!(" Pictures are {} × {} to {} × {}.", min.0, min.1, max.0, max.1)
        }
        _ => String::new(),
    };
    format!("The network takes {wanted}{last}.{found}")
}

fn scaling_of(raw: &RawSamples, target: &ImportTarget) -> (Scaling, String) {
    let range = match &raw.content {
        RawContent::Pictures(..) => Some((0.0, 255.0)),
        RawContent::Array(array, _) => array.values.range(),
        RawContent::Table(_) => None,
    };
    let example = target.example.as_deref().and_then(|set| Some((set, seen_range(set, target)?)));
    if let Some((set, (lo, hi))) = example {
        let shown = format!("{} to {}", fixed(lo.into(), 2), fixed(hi.into(), 2));
        let in_use = format!("{}, in use now, has values from {shown}.", set.name);
        if let Some((subtract, divide)) = set.preprocess()
            && range.is_some_and(|range| is_alike(range, stored_range((lo, hi), subtract, divide)))
        {
            let text = format!("The same numbers as {}, in use now.", set.name);
            let scaling = match (subtract, divide) {
                ([0.0], [255.0]) => Scaling::Unit,
                _ => Scaling::ByHand { subtract: subtract.to_vec(), divide: divide.to_vec() },
            };
            return (scaling, text);
        }
        if lo > -0.01 && hi < 1.01 {
            let is_unit = range.is_some_and(|(lo, hi)| lo >= 0.0 && hi <= 1.0);
            let scaling = if is_unit { Scaling::AsStored } else { Scaling::Unit };
            return (scaling, in_use);
        }
        if lo < -0.5 && lo > -1.01 && hi < 1.01 {
            return (Scaling::Signed, in_use);
        }
        if lo >= 0.0 && hi <= 255.0 {
            return (Scaling::AsStored, in_use);
        }
    }
    let is_table = matches!(raw.content, RawContent::Table(_));
    match range {
        Some((lo, hi)) if lo >= 0.0 && hi > 1.0 && is_whole(raw) => (
            Scaling::Unit,
            "Most networks take pictures from 0 to 1; accuracy shows whether this one does."
                .to_owned(),
        ),
        _ if is_table => (Scaling::AsStored, "Numbers of a table are left as they are.".to_owned()),
        _ => {
            (Scaling::AsStored, "The values are no bytes, so they are left as they are.".to_owned())
        }
    }
}

fn is_whole(raw: &RawSamples) -> bool {
    match &raw.content {
        RawContent::Pictures(..) => true,
        RawContent::Array(array, _) => matches!(*array.values, Values::Bytes(_)),
        RawContent::Table(_) => false,
    }
}

/// Values as stored of which `seen` are the ends after scaling.
fn stored_range((lo, hi): (f32, f32), subtract: &[f32], divide: &[f32]) -> (f32, f32) {
    let of = |list: &[f32], idx: usize| list.get(idx).or(list.first()).copied().unwrap_or(1.0);
    let ends = (0..subtract.len().max(divide.len()))
        .flat_map(|idx| [lo, hi].map(|seen| seen * of(divide, idx) + of(subtract, idx)));
    ends.fold((f32::INFINITY, f32::NEG_INFINITY), |(lo, hi), x| (lo.min(x), hi.max(x)))
}

/// Whether values lie where others do, and fill at least half of that.
fn is_alike(found: (f32, f32), known: (f32, f32)) -> bool {
    let width = known.1 - known.0;
    let slack = 0.2 * width;
    found.0 >= known.0 - slack && found.1 <= known.1 + slack && found.1 - found.0 >= 0.5 * width
}

/// Smallest and largest value that the network sees of the set in use, from a few samples.
fn seen_range(set: &SampleSet, target: &ImportTarget) -> Option<(f32, f32)> {
    let mut feed = set.feed(&target.input).ok()?;
    feed.fixed_batch = None;
    let chosen: Vec<usize> = set.balanced_order().into_iter().take(64).collect();
    let crate::tensor::Value::F32(batch) = set.batch(&feed, &chosen) else { return None };
    let fold = |ends: (f32, f32), x: &f32| (ends.0.min(*x), ends.1.max(*x));
    Some(batch.iter().fold((f32::INFINITY, f32::NEG_INFINITY), fold))
}

fn labels_of(raw: &RawSamples, label_column: Option<usize>) -> RawLabels {
    match &raw.content {
        RawContent::Pictures(_, labels) | RawContent::Array(_, labels) => labels.clone(),
        RawContent::Table(table) => match label_column.and_then(|idx| table.columns.get(idx)) {
            None => RawLabels::None,
            Some(Column::Texts(texts)) => RawLabels::from_texts(texts.clone()),
            Some(Column::Numbers(numbers)) => {
                RawLabels::Numbers(numbers.iter().filter_map(|&x| whole(x)).collect())
            }
        },
    }
}

fn mapping_of(labels: &RawLabels, target: &ImportTarget) -> (ClassMapping, String) {
    let model = target.classes.as_deref();
    match labels {
        RawLabels::None => (ClassMapping::Numbers, "There are no labels.".to_owned()),
        RawLabels::Numbers(numbers) => {
            let (min, max) = (numbers.iter().min(), numbers.iter().max());
            let is_from_one = min == Some(&1)
                && model.is_some_and(|names| max == i64::try_from(names.len()).ok().as_ref());
            if is_from_one {
                let text = "Labels go from 1 to the number of the model's classes.";
                return (ClassMapping::NumbersFromOne, text.to_owned());
            }
            (ClassMapping::Numbers, "Labels are numbers.".to_owned())
        }
        RawLabels::Names(names) => {
            let is_known =
                |name: &String| model.is_some_and(|m| m.iter().any(|n| same_name(n, name)));
            if names.iter().all(is_known) {
                let text = "Every class is one that the model names.";
                (ClassMapping::ModelNames, text.to_owned())
            } else {
                let why = if model.is_some() {
                    "Not every class is one that the model names"
                } else {
                    "The model does not name its classes"
                };
                (ClassMapping::Sorted, format!("{why}, so they are taken in order."))
            }
        }
    }
}

fn split_of(raw: &RawSamples) -> (Split, String) {
    let part = raw.parts.get(raw.part_idx).unwrap_or(&raw.name).to_lowercase();
    if part.contains("train") {
        (Split::Train, "The name says that it is for training.".to_owned())
    } else if part.contains("calib") {
        (Split::Calibration, "The name says that it is for calibration.".to_owned())
    } else {
        (Split::Eval, "It is to judge on unless you say otherwise.".to_owned())
    }
}
