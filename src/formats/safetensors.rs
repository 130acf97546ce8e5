//! safetensors: tensors in a mapped file, and in its metadata the graph and card of a native model.
//!
//! The header is read by the `safetensors` crate; when that refuses one, this module finds out
//! which tensor is to blame.
#![deny(clippy::as_conversions)]

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use safetensors::{Dtype, SafeTensors};
use serde_json::Value as Json;

use super::sharded::part_warning;
use super::{FormatError, Reader, SourceFile, graph_json, packed_form};
use crate::model::{Card, Model, TensorInfo, TensorStore};
use crate::tensor::{DType, Shape};

pub(super) static READER: Reader =
    Reader { id: "safetensors", name: "safetensors", extensions: &["safetensors"], detect, read };

const GRAPH_KEY: &str = "quantscope.graph";
const CARD_KEY: &str = "quantscope.card";
/// Bytes before the header: its length.
const PREFIX_LEN: usize = 8;

/// A header's length, then a JSON object.
fn detect(bytes: &[u8]) -> bool {
    match bytes.get(PREFIX_LEN) {
        Some(b'{') => true,
        Some(_) => false,
        None => false,
    }
}

/// The tensors and metadata of a file, without any reading of the metadata.
///
/// # Errors
/// A header that is truncated, is not JSON, or lies about types, shapes and places: the message
/// names the tensor.
pub fn read_tensors(
    source: &SourceFile,
) -> Result<(TensorStore, HashMap<String, String>), FormatError> {
    let bytes = source.bytes();
    let (header_len, header) = SafeTensors::read_metadata(bytes)
        .map_err(|error| FormatError::Malformed(blame(bytes, &error.to_string())))?;
    let data_start = PREFIX_LEN
        .checked_add(header_len)
        .ok_or_else(|| FormatError::Malformed("the header's length overflows".to_owned()))?;
    let mut store = TensorStore::default();
    for name in header.offset_keys() {
        let Some(info) = header.info(&name) else {
            continue;
        };
        let dtype = dtype_of(info.dtype).ok_or_else(|| {
            FormatError::Malformed(format!(
                "tensor {name:?} has type {:?}, which is not read; convert it to one of {}",
                info.dtype,
                supported_types()
            ))
        })?;
        let dims: Vec<u64> = info.shape.iter().map(|&dim| to_u64(dim)).collect();
        let shape = Shape::new(&dims)
            .map_err(|source| FormatError::Shape { name: name.clone(), source })?;
        let (start, end) = info.data_offsets;
        let place = |offset: usize| to_u64(data_start).saturating_add(to_u64(offset));
        store.insert(
            &name,
            TensorInfo { dtype, shape },
            source.shared_bytes(),
            (place(start), place(end)),
        )?;
    }
    Ok((store, header.metadata().clone().unwrap_or_default()))
}

fn read(source: &SourceFile) -> Result<Model, FormatError> {
    let mut parts = ModelParts::default();
    parts.add(source)?;
    parts.warnings.extend(part_warning(source));
    parts.into_model(source, READER.id)
}

/// What one or several files say of a model.
#[derive(Default)]
pub(super) struct ModelParts {
    pub store: TensorStore,
    pub metadata: HashMap<String, String>,
    pub warnings: Vec<String>,
    files: Vec<PathBuf>,
}

impl ModelParts {
    /// Adds the tensors and metadata of a file.
    ///
    /// # Errors
    /// As [`read_tensors`]; a sample set; a tensor that is there already.
    pub fn add(&mut self, source: &SourceFile) -> Result<(), FormatError> {
        let (store, metadata) = read_tensors(source)?;
        if metadata.contains_key("quantscope.samples") {
            return Err(FormatError::Malformed(
                "this is a sample set, not a model; open the model it belongs to, or pass it as --samples".to_owned(),
            ));
        }
        self.store.extend(store)?;
        self.metadata.extend(metadata);
        self.files.extend(source.path().map(Path::to_owned));
        Ok(())
    }

    /// The model, called after `source` unless its card has a title.
    ///
    /// # Errors
    /// A graph or card that is broken.
    pub fn into_model(
        self,
        source: &SourceFile,
        format: &'static str,
    ) -> Result<Model, FormatError> {
        let Self { mut store, mut metadata, warnings, mut files } = self;
        if let Some(told) = packed_form::unpack(&mut store, &metadata)? {
            metadata.insert(packed_form::CONFIG_KEY.to_owned(), told);
        }
        let graph = match metadata.get(GRAPH_KEY) {
            None => None,
            Some(text) => {
                let graph = graph_json::parse_graph(text)?;
                graph.validate(|name| store.info(name).is_some())?;
                Some(graph)
            }
        };
        let card = match metadata.get(CARD_KEY) {
            None => Card::default(),
            Some(text) => graph_json::parse_card(text)?,
        };
        let mut more: Vec<(String, String)> =
            metadata.into_iter().filter(|(key, _)| key != GRAPH_KEY && key != CARD_KEY).collect();
        more.sort();
        let path = source.path().map(Path::to_owned);
        files.extend(path.clone().filter(|path| !files.contains(path)));
        Ok(Model {
            title: card.title.clone().unwrap_or_else(|| source.default_title()),
            path,
            files,
            format,
            card,
            metadata: more,
            store,
            graph,
            warnings,
        })
    }
}

fn dtype_of(dtype: Dtype) -> Option<DType> {
    Some(match dtype {
        Dtype::F64 => DType::F64,
        Dtype::F32 => DType::F32,
        Dtype::F16 => DType::F16,
        Dtype::BF16 => DType::BF16,
        Dtype::F8_E4M3 => DType::F8E4M3Fn,
        Dtype::F8_E5M2 => DType::F8E5M2,
        Dtype::F8_E4M3FNUZ => DType::F8E4M3Fnuz,
        Dtype::F8_E5M2FNUZ => DType::F8E5M2Fnuz,
        Dtype::F8_E8M0 => DType::F8E8M0,
        Dtype::I64 => DType::I64,
        Dtype::I32 => DType::I32,
        Dtype::I16 => DType::I16,
        Dtype::I8 => DType::I8,
        Dtype::U64 => DType::U64,
        Dtype::U32 => DType::U32,
        Dtype::U16 => DType::U16,
        Dtype::U8 => DType::U8,
        Dtype::BOOL => DType::Bool,
        _ => return None,
    })
}

fn supported_types() -> String {
    DType::ALL.map(DType::name).join(", ")
}

fn to_u64(value: usize) -> u64 {
    u64::try_from(value).unwrap_or(u64::MAX)
}

/// Finds the tensor because of which the header was refused.
fn blame(bytes: &[u8], refusal: &str) -> String {
    let Some(prefix) = bytes.first_chunk::<PREFIX_LEN>() else {
        return format!("the file has {} bytes, too few for a safetensors header", bytes.len());
    };
    let header_len = u64::from_le_bytes(*prefix);
    let file_len = to_u64(bytes.len());
    let end = header_len.saturating_add(to_u64(PREFIX_LEN));
    if end > file_len {
        return format!(
            "the header claims {header_len} bytes, the file has {file_len}; it is truncated or not safetensors, fetch it again"
        );
    }
    let header = usize::try_from(end).ok().and_then(|end| bytes.get(PREFIX_LEN..end));
    let json: Json = match header.map(serde_json::from_slice) {
        Some(Ok(json)) => json,
        Some(Err(error)) => return format!("the header is not JSON: {error}"),
        None => return refusal.to_owned(),
    };
    let Some(object) = json.as_object() else {
        return "the header is not a JSON object".to_owned();
    };
    let data_len = file_len - end;
    let mut places = Vec::new();
    for (name, info) in object.iter().filter(|(name, _)| *name != "__metadata__") {
        match blame_tensor(name, info, data_len) {
            Ok(place) => places.push((place, name)),
            Err(reason) => return reason,
        }
    }
    places.sort();
    blame_layout(&places, data_len)
        .or_else(|| blame_metadata(object.get("__metadata__")))
        .unwrap_or_else(|| refusal.to_owned())
}

/// Two tensors over one another, a gap between them, or bytes that belong to none.
fn blame_layout(places: &[((u64, u64), &String)], data_len: u64) -> Option<String> {
    for pair in places.windows(2) {
        if let [((_, end), first), ((start, _), second)] = pair
            && start < end
        {
            return Some(format!("tensors {first:?} and {second:?} overlap at byte {start}"));
        }
    }
    let mut end = 0;
    for ((start, stop), name) in places {
        if *start > end {
            return Some(format!("tensor {name:?} starts at byte {start}, expected {end}: a gap"));
        }
        end = *stop;
    }
    (end != data_len).then(|| {
        format!("the tensors end at byte {end} of {data_len}; the file is damaged, fetch it again")
    })
}

fn blame_metadata(metadata: Option<&Json>) -> Option<String> {
    let object = metadata?.as_object();
    match object.map(|object| object.iter().find(|(_, value)| !value.is_string())) {
        None => Some("__metadata__ is not an object of texts".to_owned()),
        Some(Some((key, value))) => Some(format!("metadata {key:?} is {value}, expected a text")),
        Some(None) => None,
    }
}

/// The place of a tensor in the data, or what is wrong with its entry.
fn blame_tensor(name: &str, info: &Json, data_len: u64) -> Result<(u64, u64), String> {
    let dtype = info.get("dtype").and_then(Json::as_str).unwrap_or_default();
    let Ok(dtype) = serde_json::from_value::<Dtype>(Json::String(dtype.to_owned())) else {
        return Err(format!(
            "tensor {name:?} has type {dtype:?}, which is not known; supported are {}",
            supported_types()
        ));
    };
    let list = |key: &str| -> Option<Vec<u64>> {
        info.get(key)?.as_array()?.iter().map(Json::as_u64).collect()
    };
    let Some(shape) = list("shape") else {
        return Err(format!(
            "tensor {name:?} has shape {}, expected a list of whole numbers",
            info.get("shape").unwrap_or(&Json::Null)
        ));
    };
    let Some(&[start, end]) = list("data_offsets").as_deref() else {
        return Err(format!("tensor {name:?} has no pair of data_offsets"));
    };
    let shape = Shape::new(&shape).map_err(|error| format!("tensor {name:?}: {error}"))?;
    if start > end || end > data_len {
        return Err(format!(
            "tensor {name:?}: bytes {start}..{end} lie outside the {data_len} bytes of data; the file is truncated or damaged, fetch it again"
        ));
    }
    let bits = u128::from(to_u64(shape.count())) * u128::from(to_u64(dtype.bitsize()));
    if bits != u128::from(end - start) * 8 {
        return Err(format!(
            "tensor {name:?}: {} bytes are stored, {dtype:?} of shape {shape} takes {}",
            end - start,
            bits / 8
        ));
    }
    Ok((start, end))
}
