//! What a quantization scheme is: declared settings, and a way to fit itself to weights.

use super::grid::{CodeRange, Grid};
use super::group::GroupLayout;
use super::settings::{ParamSpec, SettingError, Settings};
use crate::base::{Cancelled, WorkCtx, counted, significant};
use crate::codec::Encoded;
use crate::tensor::ChannelMajor;

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
        "a codebook of {n_levels} levels is larger than the {} it is for; {way_out}",
        counted(*n_weights, "weight")
    )]
    CodebookTooLarge { n_levels: usize, n_weights: usize, way_out: String },
    #[error(transparent)]
    Setting(#[from] SettingError),
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

/// Kinds of schemes, in the order of the menu.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    /// Equal steps.
    Uniform,
    /// Floats of few bits.
    Minifloat,
    /// A scale of few bits for each short block.
    Block,
    /// The block types of GGUF files.
    Gguf,
    /// Levels chosen freely.
    Codebook,
    /// One or two bits, and what is trained for them.
    FewLevels,
    /// Weights as they are.
    Float,
}

impl Family {
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

/// A scheme fitted to one tensor.
pub trait FittedQuantizer: Send + Sync {
    fn layout(&self) -> GroupLayout;

    /// Quantizes weights that all belong to one group.
    ///
    /// Non-finite weights count as zero; [`QuantScheme::fit`] has refused them unless asked to.
    fn quantize(&self, place: Place, input: &[f32], run: Run);

    /// The levels of a group.
    fn grid(&self, group_idx: usize) -> Grid;

    /// All codes that occur in any group; `None` where there are no codes.
    fn code_range(&self) -> Option<CodeRange>;

    /// Bits to store codes and everything needed to decode them.
    fn storage_bits(&self) -> u64;

    /// The weights it was fitted to as bits; `None` where nothing is encoded.
    fn encode(&self, weights: &ChannelMajor) -> Option<Encoded>;

    /// The reconstructed values from nothing but what [`encode`](Self::encode) stored and the
    /// settings; empty where nothing is encoded.
    fn decode(&self, encoded: &Encoded) -> Vec<f32>;

    /// Whether a weight's code depends on nothing but the weight and its group's grid, so that other
    /// values can be quantized with it.
    fn is_by_value(&self) -> bool {
        true
    }

    /// What the fit found beside the grid, for people: label and text.
    fn facts(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }
}

/// The code of every weight, group after group.
pub fn all_codes(fitted: &dyn FittedQuantizer, weights: &ChannelMajor) -> Vec<i32> {
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
    codes
}
