//! A model to be written: plain data that a [`Writer`] lays out as a file of its format.

use std::borrow::Cow;
use std::io::{self, Write};

use crate::codec::{Coding, Encoded};
use crate::model::{Dim, Graph};
use crate::tensor::DType;

/// Why a model cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    #[error(
        "layer {layer:?} ({scheme}) cannot be stored as {format}: {reason}; {format} holds {holds}; choose one of these, write safetensors, which holds every scheme, or keep this layer in float"
    )]
    Unfit {
        layer: String,
        scheme: String,
        format: &'static str,
        reason: String,
        holds: &'static str,
    },
    #[error("{0}")]
    Model(String),
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// A model as it is to be stored: the graph after folding, and the tensors it reads.
#[derive(Clone, Debug, Default)]
pub struct ExportModel<'a> {
    pub title: String,
    /// JSON, as `quantscope.card` has it.
    pub card: String,
    pub graph: Option<Graph>,
    /// Operators take floats of any stored width as 32-bit ones, as those of native models do.
    pub is_widened: bool,
    /// By graph output, where it is known.
    pub outputs: Vec<OutputInfo>,
    pub tensors: Vec<ExportTensor<'a>>,
}

/// What a graph output is.
#[derive(Clone, Debug, PartialEq)]
pub struct OutputInfo {
    /// `F32`, `I64` or `Bool`: what values are in memory.
    pub dtype: DType,
    pub shape: Vec<Dim>,
}

#[derive(Clone, Debug)]
pub struct ExportTensor<'a> {
    pub name: String,
    pub dims: Vec<usize>,
    pub content: Content<'a>,
}

#[derive(Clone, Debug)]
pub enum Content<'a> {
    /// Little-endian elements.
    Plain {
        dtype: DType,
        bytes: Cow<'a, [u8]>,
    },
    Coded(Box<CodedTensor>),
}

/// A quantized weight.
#[derive(Clone, Debug)]
pub struct CodedTensor {
    /// Whose weight it is, for messages.
    pub layer: String,
    /// The scheme's specification, for people and other programs.
    pub scheme: String,
    /// The axis that the coding's channels are.
    pub axis: usize,
    pub coding: Coding,
    pub encoded: Encoded,
}

/// One line of the table of formats that are written.
pub struct Writer {
    pub id: &'static str,
    pub name: &'static str,
    /// Usual ending.
    pub extension: &'static str,
    /// What quantized weights it can hold, for people.
    pub holds: &'static str,
    /// Why a quantized weight of these dimensions cannot be stored; `None` where it can.
    pub refusal: fn(&CodedTensor, &[usize]) -> Option<String>,
    /// Everything but the writing itself.
    pub(super) lay_out: for<'a> fn(&'a ExportModel<'a>) -> Result<FileLayout<'a>, WriteError>,
}

/// A file whose every byte is known, if not made yet.
pub(super) type FileLayout<'a> = Box<dyn LaidOut + 'a>;

pub(super) trait LaidOut {
    fn n_bytes(&self) -> u64;
    fn write(&self, out: &mut dyn Write) -> io::Result<()>;
}

impl Writer {
    /// Bytes of the file, exactly.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub fn predict(&self, model: &ExportModel) -> Result<u64, WriteError> {
        self.check(model)?;
        Ok((self.lay_out)(model)?.n_bytes())
    }

    /// Writes the file, tensor after tensor.
    ///
    /// # Errors
    /// A layer that the format cannot hold, by name; a graph it cannot express; the system's.
    pub fn write(&self, model: &ExportModel, out: &mut dyn Write) -> Result<(), WriteError> {
        self.check(model)?;
        Ok((self.lay_out)(model)?.write(out)?)
    }

    /// The error of a weight that the format cannot hold.
    pub fn unfit(&self, tensor: &CodedTensor, dims: &[usize]) -> Option<WriteError> {
        let reason = (self.refusal)(tensor, dims)?;
        Some(WriteError::Unfit {
            layer: tensor.layer.clone(),
            scheme: tensor.scheme.clone(),
            format: self.name,
            reason,
            holds: self.holds,
        })
    }

    fn check(&self, model: &ExportModel) -> Result<(), WriteError> {
        let unfit = model.tensors.iter().find_map(|tensor| match &tensor.content {
            Content::Coded(coded) => self.unfit(coded, &tensor.dims),
            Content::Plain { .. } => None,
        });
        unfit.map_or(Ok(()), Err)
    }
}

/// Pieces of a file one after another.
#[derive(Default)]
pub(super) struct Pieces<'a> {
    pieces: Vec<Cow<'a, [u8]>>,
}

impl<'a> Pieces<'a> {
    pub(super) fn push(&mut self, piece: impl Into<Cow<'a, [u8]>>) {
        self.pieces.push(piece.into());
    }
}

impl LaidOut for Pieces<'_> {
    fn n_bytes(&self) -> u64 {
        self.pieces.iter().map(|piece| piece.len() as u64).sum()
    }

    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        self.pieces.iter().try_for_each(|piece| out.write_all(piece))
    }
}
