//! What a person decides about an import. Plain data; equal settings give an equal set.

use crate::eval::Split;

/// Everything that turns raw samples into a set.
#[derive(Clone, Debug, PartialEq)]
pub struct ImportSettings {
    /// How the source is read; a change reads it again.
    pub read: ReadOptions,
    pub layout: Layout,
    pub fit: Fit,
    pub filter: Filter,
    pub colour: Colour,
    pub scaling: Scaling,
    /// Tables: the column with the class; `None` for data without labels.
    pub label_column: Option<usize>,
    /// Tables: a column that is neither, such as a running number.
    pub left_out_column: Option<usize>,
    pub class_mapping: ClassMapping,
    pub split: Split,
    /// So many samples, chosen class by class in equal shares; all if `None`.
    pub limit: Option<usize>,
}

impl ImportSettings {
    /// What decides about stored values; scaling and name of the split only say how to read them.
    pub fn geometry(&self) -> Self {
        Self { scaling: Scaling::AsStored, split: Split::Eval, ..self.clone() }
    }
}

/// How a source is read; `None` is guessed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadOptions {
    /// Which of several sets in one source.
    pub part_idx: Option<usize>,
    pub header: Option<HeaderRow>,
    pub delimiter: Option<char>,
}

/// What the first row of a table holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderRow {
    Names,
    Data,
}

/// What the dimensions of one sample mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Numbers in the order the network takes them.
    AsStored,
    ChannelsFirst,
    ChannelsLast,
    /// Rows and columns of one channel.
    Grey,
}

/// How a picture comes to the size the network takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    Stretch,
    CentreCrop,
    Pad,
}

/// How pixels in between are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filter {
    /// Linear, widened when a picture is made smaller so that no pixel is lost.
    Linear,
    Nearest,
}

/// The channels the network takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    Grey,
    Rgb,
    Bgr,
}

/// `value = (stored − subtract) / divide`.
#[derive(Clone, Debug, PartialEq)]
pub enum Scaling {
    AsStored,
    /// 0 … 1.
    Unit,
    /// −1 … 1.
    Signed,
    /// Mean 0 and standard deviation 1 of each channel over these samples.
    Standardized,
    /// Mean and standard deviation of ImageNet's channels.
    ImageNet,
    /// One number for all, or one for each channel.
    ByHand {
        subtract: Vec<f32>,
        divide: Vec<f32>,
    },
}

/// From labels as stored to the model's classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClassMapping {
    /// A label is the name of one of the model's classes.
    ModelNames,
    /// A label is the number of the class, from 0.
    Numbers,
    /// The same, from 1.
    NumbersFromOne,
    /// Names in order, the first is class 0.
    Sorted,
}

impl Layout {
    pub const ALL: [Self; 4] =
        [Self::AsStored, Self::ChannelsFirst, Self::ChannelsLast, Self::Grey];

    pub fn name(self) -> &'static str {
        match self {
            Self::AsStored => "As stored",
            Self::ChannelsFirst => "Channel, row, column",
            Self::ChannelsLast => "Row, column, channel",
            Self::Grey => "Row, column",
        }
    }
}

impl Fit {
    pub const ALL: [(Self, &'static str, &'static str); 3] = [
        (Self::Stretch, "Stretch", "The whole picture, its sides changed apart"),
        (Self::CentreCrop, "Crop", "The largest part around the centre with the network's sides"),
        (Self::Pad, "Pad", "The whole picture, with black where it does not reach"),
    ];
}

impl Filter {
    pub const ALL: [(Self, &'static str, &'static str); 2] = [
        (
            Self::Linear,
            "Linear",
            "Linear between pixels, and an average over all of them when a picture gets smaller",
        ),
        (Self::Nearest, "Nearest", "The pixel whose centre lies nearest"),
    ];
}

impl Colour {
    pub const ALL: [(Self, &'static str, &'static str); 3] = [
        (Self::Grey, "Grey", "One channel: 0.299 R + 0.587 G + 0.114 B"),
        (Self::Rgb, "RGB", "Red, green, blue"),
        (Self::Bgr, "BGR", "Blue, green, red, as networks trained with OpenCV take it"),
    ];

    pub fn n_channels(self) -> usize {
        match self {
            Self::Grey => 1,
            Self::Rgb | Self::Bgr => 3,
        }
    }
}

impl Scaling {
    /// As a list shows it; [`ByHand`](Self::ByHand) with 0 and 1.
    pub fn all() -> [Self; 6] {
        [
            Self::AsStored,
            Self::Unit,
            Self::Signed,
            Self::Standardized,
            Self::ImageNet,
            Self::ByHand { subtract: vec![0.0], divide: vec![1.0] },
        ]
    }

    pub fn name(&self) -> &'static str {
        match self {
            Self::AsStored => "As stored",
            Self::Unit => "0 … 1",
            Self::Signed => "−1 … 1",
            Self::Standardized => "Mean 0, deviation 1",
            Self::ImageNet => "ImageNet",
            Self::ByHand { .. } => "By hand",
        }
    }
}

impl ClassMapping {
    pub const ALL: [(Self, &'static str, &'static str); 4] = [
        (
            Self::ModelNames,
            "The model's names",
            "A label is the name of one of the model's classes",
        ),
        (Self::Numbers, "Numbers from 0", "A label is the number of the class, the first is 0"),
        (
            Self::NumbersFromOne,
            "Numbers from 1",
            "A label is the number of the class, the first is 1",
        ),
        (
            Self::Sorted,
            "Names in order",
            "Names sorted, numbers in them by value; the first is class 0",
        ),
    ];

    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(mapping, ..)| *mapping == self).map_or("", |(_, name, _)| name)
    }
}
