//! Writing: metadata, the list of tensors, and the tensors, each aligned.

use std::borrow::Cow;

use super::{ALIGNMENT, CARD_KEY, GRAPH_KEY, MAGIC, PLAIN, TENSORS_KEY, TensorNote, TensorNotes};
use crate::codec::{CodePacking, CodeRule, ScaleRule, minifloat};
use crate::formats::export::{
    CodedTensor, Content, ExportModel, ExportTensor, FileLayout, Pieces, WriteError,
};
use crate::formats::graph_json_write::graph_text;
use crate::tensor::DType;

const VERSION: u32 = 3;
/// Types of metadata values.
const UINT32: u32 = 4;
const STRING: u32 = 8;
/// Dimensions that the list of tensors has room for.
const MAX_RANK: usize = 4;

/// A tensor as the file has it.
struct Entry<'a> {
    name: &'a str,
    type_number: u32,
    /// Innermost first.
    dims: Vec<usize>,
    bytes: Cow<'a, [u8]>,
}

/// The number of the type that holds a coding, if one does.
fn type_of(coded: &CodedTensor) -> Option<u32> {
    let coding = &coded.coding;
    if coding.rotation.is_some() || coding.is_masked || coding.has_offsets {
        return None;
    }
    match coding.codes {
        CodeRule::Blocks(block_type) => Some(block_type.type_number()),
        CodeRule::Float(layout)
            if coding.scales == ScaleRule::One && coding.packing == CodePacking::Bits(16) =>
        {
            match layout {
                minifloat::F16 => Some(1),
                minifloat::BF16 => Some(30),
                _ => None,
            }
        }
        _ => None,
    }
}

/// Why GGUF cannot hold the codes; `None` where it can.
pub(super) fn refusal(coded: &CodedTensor, _dims: &[usize]) -> Option<String> {
    let coding = &coded.coding;
    if coding.rotation.is_some() || coding.is_masked {
        return Some("rotated or masked weights have no type of tensor there".to_owned());
    }
    if type_of(coded).is_none() {
        return Some("no type of tensor there has such codes and scales".to_owned());
    }
    let CodeRule::Blocks(block_type) = coding.codes else { return None };
    let len = block_type.block_len();
    (!coding.channel_len.is_multiple_of(len)).then(|| {
        format!(
            "its {} weights a channel are no whole number of blocks of {len}",
            coding.channel_len
        )
    })
}

pub(super) fn lay_out<'a>(model: &'a ExportModel<'a>) -> Result<FileLayout<'a>, WriteError> {
    let mut notes = TensorNotes::new();
    let entries = model
        .tensors
        .iter()
        .map(|tensor| entry(tensor, &mut notes))
        .collect::<Result<Vec<_>, _>>()?;
    let mut texts = vec![
        ("general.architecture", "quantscope".to_owned()),
        ("general.name", model.title.clone()),
        (CARD_KEY, model.card.clone()),
    ];
    if let Some(graph) = &model.graph {
        texts.push((GRAPH_KEY, graph_text(graph).map_err(WriteError::Model)?));
    }
    if !notes.is_empty() {
        texts.push((TENSORS_KEY, serde_json::to_string(&notes).unwrap_or_default()));
    }
    let mut header = MAGIC.to_vec();
    header.extend(VERSION.to_le_bytes());
    header.extend((entries.len() as u64).to_le_bytes());
    header.extend((texts.len() as u64 + 1).to_le_bytes());
    put_text(&mut header, "general.alignment");
    header.extend(UINT32.to_le_bytes());
    header.extend((ALIGNMENT as u32).to_le_bytes());
    for (key, text) in &texts {
        put_text(&mut header, key);
        header.extend(STRING.to_le_bytes());
        put_text(&mut header, text);
    }
    let mut offset = 0u64;
    for entry in &entries {
        put_text(&mut header, entry.name);
        header.extend((entry.dims.len() as u32).to_le_bytes());
        entry.dims.iter().for_each(|&dim| header.extend((dim as u64).to_le_bytes()));
        header.extend(entry.type_number.to_le_bytes());
        header.extend(offset.to_le_bytes());
        offset += (entry.bytes.len() as u64).next_multiple_of(ALIGNMENT);
    }
    header.resize(header.len().next_multiple_of(ALIGNMENT as usize), 0);
    let mut pieces = Pieces::default();
    pieces.push(header);
    for entry in entries {
        let fill = entry.bytes.len().next_multiple_of(ALIGNMENT as usize) - entry.bytes.len();
        pieces.push(entry.bytes);
        pieces.push(vec![0; fill]);
    }
    Ok(Box::new(pieces))
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    out.extend((text.len() as u64).to_le_bytes());
    out.extend(text.as_bytes());
}

fn entry<'a>(
    tensor: &'a ExportTensor<'a>,
    notes: &mut TensorNotes,
) -> Result<Entry<'a>, WriteError> {
    let name = tensor.name.as_str();
    let shape: Vec<u64> = tensor.dims.iter().map(|&dim| dim as u64).collect();
    let note = TensorNote { shape, axis: 0, is_bool: false, scheme: String::new() };
    match &tensor.content {
        Content::Coded(coded) => {
            let coding = &coded.coding;
            let type_number = type_of(coded).ok_or_else(|| {
                WriteError::Model(format!("tensor {name:?} has no type of tensor in GGUF"))
            })?;
            let scheme = coded.scheme.clone();
            notes.insert(name.to_owned(), TensorNote { axis: coded.axis, scheme, ..note });
            let dims = vec![coding.channel_len, coding.n_channels];
            let bytes = coded.encoded.parts.first().map(|part| &part.bytes[..]).unwrap_or_default();
            Ok(Entry { name, type_number, dims, bytes: Cow::Borrowed(bytes) })
        }
        Content::Plain { dtype, bytes } => {
            let (dtype, bytes) = stored(*dtype, bytes);
            let type_number = PLAIN.iter().find(|(_, plain)| *plain == dtype).map(|(n, _)| *n);
            let type_number = type_number.ok_or_else(|| {
                WriteError::Model(format!(
                    "tensor {name:?} holds {dtype}, which GGUF has no type for; write safetensors"
                ))
            })?;
            let is_bool = matches!(&tensor.content, Content::Plain { dtype: DType::Bool, .. });
            let is_told = is_bool || tensor.dims.is_empty() || tensor.dims.len() > MAX_RANK;
            if is_told {
                notes.insert(name.to_owned(), TensorNote { is_bool, ..note });
            }
            let dims = match tensor.dims.len() {
                1..=MAX_RANK => tensor.dims.iter().rev().copied().collect(),
                _ => vec![tensor.dims.iter().product()],
            };
            Ok(Entry { name, type_number, dims, bytes })
        }
    }
}

/// Elements of a type that GGUF lacks in a wider one that it has.
fn stored(dtype: DType, bytes: &[u8]) -> (DType, Cow<'_, [u8]>) {
    let widened = |wide: &dyn Fn(&[u8]) -> Vec<u8>| -> Cow<'_, [u8]> {
        bytes.chunks(dtype.size_bytes()).flat_map(wide).collect::<Vec<u8>>().into()
    };
    let with_zeros = |n_zeros: usize| {
        widened(&|element| element.iter().copied().chain(vec![0; n_zeros]).collect())
    };
    match dtype {
        DType::Bool => (DType::I8, Cow::Borrowed(bytes)),
        DType::U8 => (DType::I16, with_zeros(1)),
        DType::U16 => (DType::I32, with_zeros(2)),
        DType::U32 => (DType::I64, with_zeros(4)),
        dtype => match minifloat::decoder(dtype) {
            Some(decode) => {
                let value = |byte: u8| decode(byte).to_le_bytes();
                (DType::F32, bytes.iter().flat_map(|&byte| value(byte)).collect())
            }
            None => (dtype, Cow::Borrowed(bytes)),
        },
    }
}
