//! What a quantization scheme is: declared settings, and a way to fit itself to weights.

use std::sync::Arc;

use super::grid::{CodeRange, Grid};
use super::group::GroupLayout;
use super::kernel::{self, Cells, ErrorSums, Part};
use super::settings::{ParamKind, ParamSpec, SettingError, Settings};
use crate::base::{Cancelled, WorkCtx, counted, significant};
use crate::codec::{Coding, Encoded};
use crate::tensor::{ChannelMajor, Extent};

/// Why weights cannot be quantized.
#[derive(Clone, Debug, thiserror::Error, PartialEq)]
pub enum QuantError {
    #[error(
        "{n_nan} NaN and {n_infinite} infinite weights; set non-finite=zero to count them as zero, or repair the model"
    )]
    NonFinite { n_nan: usize, n_infinite: usize },
    #[error(
        "the range by hand, {} to {}, contains no value beside 0; set lo below hi",
        significant(*lo, 4),
        significant(*hi, 4)
    )]
    EmptyRange { lo: f64, hi: f64 },
    #[error(
        "{format} stores scales as half floats, at most 65504, too small for a block with a weight of {}; choose a scheme with 32-bit scales, such as int",
        significant(*weight, 4)
    )]
    ScaleOverflow { format: &'static str, weight: f64 },
    #[error(
        "a codebook of {n_levels} levels is larger than the {} it is for; {way_out}",
        counted(*n_weights, "weight")
    )]
    CodebookTooLarge { n_levels: usize, n_weights: usize, way_out: String },
    #[error(transparent)]
    Setting(#[from] SettingError),
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

/// What the bits of a code mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeFormat {
    /// A number, in two's complement where there are negative ones.
    Integer { bits: u32, is_signed: bool },
    /// A sign, then exponent and mantissa.
    Float { exponent_bits: u32, mantissa_bits: u32 },
    /// A place in a table.
    Index { bits: u32 },
}

impl CodeFormat {
    /// Bits of a code.
    pub fn n_bits(self) -> u32 {
        match self {
            Self::Integer { bits, .. } | Self::Index { bits } => bits,
            Self::Float { exponent_bits, mantissa_bits } => 1 + exponent_bits + mantissa_bits,
        }
    }
}

/// Channels of a weight, and weights in each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WeightShape {
    pub n_channels: usize,
    pub channel_len: usize,
}

impl WeightShape {
    /// Of a tensor whose channels lie along an axis, as [`ChannelMajor::new`] reads it.
    pub fn of(dims: &[usize], axis: usize) -> Self {
        let count: usize = dims.iter().product();
        let axis = axis.min(dims.len().saturating_sub(1));
        let n_channels = dims.get(axis).copied().unwrap_or(1).min(count);
        Self { n_channels, channel_len: count.checked_div(n_channels).unwrap_or(0) }
    }

    pub fn count(self) -> usize {
        self.n_channels * self.channel_len
    }
}

/// What schemes have in common: the headings of the list they are chosen from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    /// Equal steps.
    Uniform,
    /// Floats of few bits: a sign, an exponent and a mantissa.
    Minifloat,
    /// Elements of few bits under the scale of their block.
    Block,
    /// The blocks of GGUF files.
    Gguf,
    /// Codes that stand for values in a table.
    Codebook,
    /// Two levels or three, and what is trained for them.
    FewLevels,
    /// Weights as they are.
    Float,
}

impl Family {
    /// In the order of the list.
    pub const ALL: [Self; 7] = [
        Self::Uniform,
        Self::Minifloat,
        Self::Block,
        Self::Gguf,
        Self::Codebook,
        Self::FewLevels,
        Self::Float,
    ];

    /// Name for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Uniform => "Uniform",
            Self::Minifloat => "Minifloat",
            Self::Block => "Block formats",
            Self::Gguf => "GGUF",
            Self::Codebook => "Codebooks",
            Self::FewLevels => "Few levels",
            Self::Float => "Float",
        }
    }

    /// One sentence.
    pub fn help(self) -> &'static str {
        match self {
            Self::Uniform => {
                "Levels at equal steps, scale and zero point: what integer runtimes take"
            }
            Self::Minifloat => {
                "Levels as floats have them: close together near zero, far apart outside"
            }
            Self::Block => "Short blocks of weights that share a scale of few bits",
            Self::Gguf => "The block formats of GGUF files, scales and minima quantized as well",
            Self::Codebook => {
                "Each code stands for a value in a table, fixed or fitted to the weights"
            }
            Self::FewLevels => "Two or three levels: binary and ternary weights",
            Self::Float => "Weights as they are",
        }
    }
}

/// A way to represent weights with fewer bits.
///
/// One file and one line in [`SCHEMES`](super::schemes::SCHEMES). The settings it declares are what
/// the window, the command line and a recipe offer.
pub trait QuantScheme: Sync {
    /// Name in a specification and in JSON.
    fn id(&self) -> &'static str;
    /// Name for people.
    fn name(&self) -> &'static str;
    fn family(&self) -> Family;
    /// One sentence with the formula.
    fn summary(&self) -> &'static str;
    /// Paper or specification.
    fn source(&self) -> &'static str;
    fn params(&self) -> &'static [ParamSpec];
    /// What the bits of a code are: unless a scheme says otherwise, places in a table of `bits` bits.
    fn code_format(&self, settings: &Settings) -> Option<CodeFormat> {
        let bits = u32::try_from(settings.int("bits")?).ok()?;
        Some(CodeFormat::Index { bits })
    }
    /// Bits that a weight takes, fewest and most that the settings allow, scales of a share that
    /// varies left out; `None` where only a fit tells.
    fn bits_per_weight(&self) -> Option<(f64, f64)> {
        if self.keeps_float() {
            return Some((32.0, 32.0));
        }
        match self.params().iter().find(|param| param.key == "bits")?.kind {
            ParamKind::Int { min, max, .. } => Some((min as f64, max as f64)),
            _ => None,
        }
    }
    /// What [`FittedQuantizer::storage_bits`] will be for weights of that shape, whatever their values;
    /// `None` where only a fit tells.
    fn planned_bits(&self, _shape: WeightShape, _settings: &Settings) -> Option<u64> {
        None
    }
    /// Whether weights stay as they are, so that the layer counts as float.
    fn keeps_float(&self) -> bool {
        false
    }
    /// Chooses scales and whatever else the scheme needs for these weights.
    ///
    /// # Errors
    /// Weights that are not finite, settings that make no sense together.
    fn fit(
        &self,
        weights: &ChannelMajor,
        settings: &Settings,
        ctx: &WorkCtx,
    ) -> Result<Box<dyn FittedQuantizer>, QuantError>;
    /// The same for finite weights of so many channels and so many weights in each, where all that
    /// must be known of them is the extent of every group; `None` where it is not.
    fn fit_extents(
        &self,
        _shape: (usize, usize),
        _extents: Arc<[Extent]>,
        _settings: &Settings,
    ) -> Option<Box<dyn FittedQuantizer>> {
        None
    }
}

/// Buffers a run of weights is quantized into, all as long as the input.
pub struct Run<'a> {
    pub codes: &'a mut [i32],
    /// Reconstructed values.
    pub values: &'a mut [f32],
    /// 1 where the weight lies outside the grid, else 0.
    pub clipped: &'a mut [u8],
}

impl Run<'_> {
    /// The same buffers for a shorter while.
    pub fn reborrow(&mut self) -> Run<'_> {
        Run { codes: self.codes, values: self.values, clipped: self.clipped }
    }
}

/// Where a run of weights stands in the tensor a scheme was fitted to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub group_idx: usize,
    /// The first weight's index in the tensor, channels side by side.
    pub start: usize,
}

/// Scale, zero point and the scale as it is stored.
const BYTES_A_GROUP: usize = 16;

/// A scheme fitted to one tensor.
pub trait FittedQuantizer: Send + Sync {
    fn layout(&self) -> GroupLayout;

    /// Quantizes weights that all belong to one group.
    ///
    /// Non-finite weights count as zero; [`QuantScheme::fit`] has refused them unless asked to.
    fn quantize(&self, place: Place, input: &[f32], run: Run);

    /// The error of some weights.
    fn measure(&self, part: Part) -> ErrorSums {
        kernel::measure_runs(self, part)
    }

    /// The reconstructions of the weights from `start` on, as many as `out` takes.
    fn reconstruct(&self, weights: &[f32], start: usize, out: &mut [f32]) {
        kernel::reconstruct_runs(self, (weights, start), out);
    }

    /// The one grid of all weights, to be measured over an index of them; `None` where groups have
    /// their own, or a weight's level does not rise with the weight.
    fn cells(&self) -> Option<Cells> {
        None
    }

    /// The levels of a group.
    fn grid(&self, group_idx: usize) -> Grid;

    /// All codes that occur in any group; `None` where there are no codes.
    fn code_range(&self) -> Option<CodeRange>;

    /// Bits to store codes and everything needed to decode them.
    fn storage_bits(&self) -> u64;

    /// The weights it was fitted to as bits; `None` where nothing is encoded.
    fn encode(&self, weights: &ChannelMajor) -> Option<Encoded>;

    /// How what [`encode`](Self::encode) stored becomes values; `None` where nothing is encoded.
    fn coding(&self) -> Option<Coding>;

    /// The reconstructed values from nothing but what [`encode`](Self::encode) stored and its
    /// [`coding`](Self::coding); empty where nothing is encoded.
    fn decode(&self, encoded: &Encoded) -> Vec<f32> {
        self.coding().map(|coding| coding.decode(encoded)).unwrap_or_default()
    }

    /// Whether a weight's code depends on nothing but the weight and its group's grid, so that other
    /// values can be quantized with it.
    fn is_by_value(&self) -> bool {
        true
    }

    /// Why the format's own container cannot hold these weights as they are; `None` where it can.
    fn storage_note(&self) -> Option<String> {
        None
    }

    /// About how much memory it takes.
    fn n_bytes(&self) -> usize {
        self.layout().n_groups() * BYTES_A_GROUP
    }

    /// What the fit found beside the grid, for people: label and text.
    fn facts(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }
}

/// Elements quantized at a time: small enough for the first-level cache.
const RUN_LEN: usize = 1024;

/// Quantizes the elements of `range` group by group, at most 1024 at a time, into buffers that are
/// handed to `visit` with the first element's index and the input.
pub fn for_each_run(
    fitted: &(impl FittedQuantizer + ?Sized),
    data: &[f32],
    range: std::ops::Range<usize>,
    mut visit: impl FnMut(usize, &[f32], Run),
) {
    let layout = fitted.layout();
    let mut codes = [0i32; RUN_LEN];
    let mut values = [0f32; RUN_LEN];
    let mut clipped = [0u8; RUN_LEN];
    let mut start = range.start;
    while start < range.end {
        let group_idx = layout.group_of(start);
        let end = layout.range(group_idx).end.min(range.end).min(start + RUN_LEN).max(start + 1);
        let input = data.get(start..end).unwrap_or_default();
        let len = input.len();
        let mut run = Run {
            codes: &mut codes[..len],
            values: &mut values[..len],
            clipped: &mut clipped[..len],
        };
        fitted.quantize(Place { group_idx, start }, input, run.reborrow());
        visit(start, input, run);
        start = end;
    }
}

/// Codes, values and what was clipped of all weights, in their order.
pub fn quantize_all(
    fitted: &dyn FittedQuantizer,
    weights: &ChannelMajor,
) -> (Vec<i32>, Vec<f32>, Vec<u8>) {
    let data = weights.data();
    let mut codes = vec![0i32; data.len()];
    let (mut values, mut clipped) = (vec![0f32; data.len()], vec![0u8; data.len()]);
    let layout = fitted.layout();
    for group_idx in 0..layout.n_groups() {
        let range = layout.range(group_idx);
        let parts = (
            data.get(range.clone()),
            codes.get_mut(range.clone()),
            values.get_mut(range.clone()),
            clipped.get_mut(range.clone()),
        );
        if let (Some(input), Some(codes), Some(values), Some(clipped)) = parts {
            let place = Place { group_idx, start: range.start };
            fitted.quantize(place, input, Run { codes, values, clipped });
        }
    }
    (codes, values, clipped)
}

/// The code of every weight, in their order.
pub fn all_codes(fitted: &dyn FittedQuantizer, weights: &ChannelMajor) -> Vec<i32> {
    quantize_all(fitted, weights).0
}
