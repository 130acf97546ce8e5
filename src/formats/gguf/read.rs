//! Reading: versions 2 and 3, little-endian. Every length is checked before it is believed.
#![deny(clippy::as_conversions)]

use std::collections::BTreeMap;
use std::path::Path;

use super::{
    ALIGNMENT, CARD_KEY, GRAPH_KEY, MAGIC, OTHERS, PLAIN, READER, TENSORS_KEY, TensorNote,
    TensorNotes,
};
use crate::codec::gguf_blocks::BlockType;
use crate::codec::{CodePacking, CodeRule, Coding, ScaleRule, Share, minifloat};
use crate::formats::{FormatError, SourceFile, graph_json};
use crate::model::{Card, Model, PackedPart, PackedTensor, PartForm, TensorInfo, TensorStore};
use crate::tensor::{DType, Shape};

/// Deepest nesting of lists in the metadata.
const MAX_DEPTH: usize = 8;
/// Longest text of the metadata that is shown; longer ones are what they are for.
const MAX_SHOWN: usize = 200;

pub(super) fn read(source: &SourceFile) -> Result<Model, FormatError> {
    let bytes = source.bytes();
    let mut cursor = Cursor { bytes, at: MAGIC.len() };
    let version = cursor.u32("the version")?;
    if !(2..=3).contains(&version) {
        return Err(malformed(format!(
            "this is version {version} of GGUF, versions 2 and 3 are read; convert it anew with llama.cpp"
        )));
    }
    let n_tensors = cursor.u64("the number of tensors")?;
    let n_values = cursor.u64("the number of metadata values")?;
    let mut metadata = Metadata::default();
    for _ in 0..n_values {
        metadata.read(&mut cursor)?;
    }
    let mut listed = Vec::new();
    for _ in 0..n_tensors {
        listed.push(Listed::read(&mut cursor)?);
    }
    let alignment = metadata.alignment()?;
    let data_start = to_u64(cursor.at).next_multiple_of(alignment);
    let notes: TensorNotes = match metadata.texts.remove(TENSORS_KEY) {
        None => TensorNotes::default(),
        Some(text) => serde_json::from_str(&text)
            .map_err(|error| malformed(format!("{TENSORS_KEY} cannot be read: {error}")))?,
    };
    let mut store = TensorStore::default();
    let mut unread: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for tensor in listed {
        let note = notes.get(&tensor.name);
        if let Some(type_name) = tensor.insert(&mut store, (source, data_start), note)? {
            unread.entry(type_name).or_default().push(tensor.name);
        }
    }
    let warnings: Vec<String> =
        unread.iter().map(|(kind, names)| unread_line(kind, names)).collect();
    if store.is_empty() && !warnings.is_empty() {
        return Err(malformed(warnings.join("; ")));
    }
    model(source, metadata, store, warnings)
}

fn unread_line(type_name: &str, names: &[String]) -> String {
    let first = names.first().map_or("", String::as_str);
    let more = match names.len().saturating_sub(1) {
        0 => String::new(),
        n_more => format!(" and {n_more} more"),
    };
    let known: Vec<&str> = BlockType::ALL.into_iter().map(BlockType::name).collect();
    format!(
        "tensor {first:?}{more} of type {type_name} is not read and was left out; read are {} and plain numbers",
        known.join(", ")
    )
}

fn model(
    source: &SourceFile,
    mut metadata: Metadata,
    store: TensorStore,
    warnings: Vec<String>,
) -> Result<Model, FormatError> {
    let graph = match metadata.texts.remove(GRAPH_KEY) {
        None => None,
        Some(text) => {
            let graph = graph_json::parse_graph(&text)?;
            graph.validate(|name| store.info(name).is_some())?;
            Some(graph)
        }
    };
    let card = match metadata.texts.remove(CARD_KEY) {
        None => Card::default(),
        Some(text) => graph_json::parse_card(&text)?,
    };
    let title = card.title.clone().or_else(|| metadata.texts.get("general.name").cloned());
    let shown = metadata.texts.into_iter().map(|(key, text)| {
        let is_long = text.len() > MAX_SHOWN;
        (key, if is_long { format!("a text of {} bytes", text.len()) } else { text })
    });
    let path = source.path().map(Path::to_owned);
    Ok(Model {
        title: title.unwrap_or_else(|| source.default_title()),
        path: path.clone(),
        files: path.into_iter().collect(),
        format: READER.id,
        card,
        metadata: shown.collect(),
        store,
        graph,
        warnings,
    })
}

/// The bytes of the file, read front to back.
struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn take(&mut self, len: u64, what: &str) -> Result<&'a [u8], FormatError> {
        let end = usize::try_from(len).ok().and_then(|len| self.at.checked_add(len));
        let found = end.and_then(|end| Some((self.bytes.get(self.at..end)?, end)));
        let (found, end) = found.ok_or_else(|| {
            malformed(format!(
                "{what} at byte {} takes {len} bytes, the file has {}; it is truncated or damaged, fetch it again",
                self.at,
                self.bytes.len()
            ))
        })?;
        self.at = end;
        Ok(found)
    }

    fn array<const N: usize>(&mut self, what: &str) -> Result<[u8; N], FormatError> {
        let found = self.take(to_u64(N), what)?;
        found.try_into().map_err(|_| malformed(format!("{what} cannot be read")))
    }

    fn u32(&mut self, what: &str) -> Result<u32, FormatError> {
        self.array(what).map(u32::from_le_bytes)
    }

    fn u64(&mut self, what: &str) -> Result<u64, FormatError> {
        self.array(what).map(u64::from_le_bytes)
    }

    fn text(&mut self, what: &str) -> Result<String, FormatError> {
        let len = self.u64(what)?;
        Ok(String::from_utf8_lossy(self.take(len, what)?).into_owned())
    }
}

/// Metadata values by key, as text.
#[derive(Default)]
struct Metadata {
    texts: BTreeMap<String, String>,
}

impl Metadata {
    fn read(&mut self, cursor: &mut Cursor) -> Result<(), FormatError> {
        let key = cursor.text("the key of a metadata value")?;
        let kind = cursor.u32(&format!("the type of metadata {key:?}"))?;
        let text = value_text(cursor, &key, kind, 0)?;
        self.texts.insert(key, text);
        Ok(())
    }

    fn alignment(&self) -> Result<u64, FormatError> {
        let Some(text) = self.texts.get("general.alignment") else { return Ok(ALIGNMENT) };
        let found = text.parse::<u64>().ok().filter(|n| n.is_power_of_two() && *n <= 1 << 20);
        found.ok_or_else(|| {
            malformed(format!("general.alignment is {text}, expected a power of two such as 32"))
        })
    }
}

/// A value of the metadata as text; of a list the number of its items.
fn value_text(
    cursor: &mut Cursor,
    key: &str,
    kind: u32,
    depth: usize,
) -> Result<String, FormatError> {
    let what = format!("metadata {key:?}");
    Ok(match kind {
        0 => u8::from_le_bytes(cursor.array(&what)?).to_string(),
        1 => i8::from_le_bytes(cursor.array(&what)?).to_string(),
        2 => u16::from_le_bytes(cursor.array(&what)?).to_string(),
        3 => i16::from_le_bytes(cursor.array(&what)?).to_string(),
        4 => cursor.u32(&what)?.to_string(),
        5 => i32::from_le_bytes(cursor.array(&what)?).to_string(),
        6 => f32::from_le_bytes(cursor.array(&what)?).to_string(),
        7 => (u8::from_le_bytes(cursor.array(&what)?) != 0).to_string(),
        8 => cursor.text(&what)?,
        9 if depth < MAX_DEPTH => {
            let item_kind = cursor.u32(&what)?;
            let count = cursor.u64(&what)?;
            if let Some(size) = item_size(item_kind) {
                cursor.take(count.saturating_mul(size), &what)?;
            } else {
                for _ in 0..count {
                    value_text(cursor, key, item_kind, depth + 1)?;
                }
            }
            format!("a list of {count}")
        }
        10 => cursor.u64(&what)?.to_string(),
        11 => i64::from_le_bytes(cursor.array(&what)?).to_string(),
        12 => f64::from_le_bytes(cursor.array(&what)?).to_string(),
        _ => return Err(malformed(format!("{what} has type {kind}, which GGUF does not know"))),
    })
}

/// Bytes of a value whose length is fixed.
fn item_size(kind: u32) -> Option<u64> {
    match kind {
        0 | 1 | 7 => Some(1),
        2 | 3 => Some(2),
        4..=6 => Some(4),
        10..=12 => Some(8),
        _ => None,
    }
}

/// A tensor as the list has it.
struct Listed {
    name: String,
    /// Outermost first.
    dims: Vec<u64>,
    type_number: u32,
    offset: u64,
}

impl Listed {
    fn read(cursor: &mut Cursor) -> Result<Self, FormatError> {
        let name = cursor.text("the name of a tensor")?;
        let what = format!("tensor {name:?} in the list");
        let rank = cursor.u32(&what)?;
        if rank > 8 {
            return Err(malformed(format!("tensor {name:?} has {rank} dimensions, GGUF has 4")));
        }
        let mut dims =
            (0..rank).map(|_| cursor.u64(&what)).collect::<Result<Vec<u64>, FormatError>>()?;
        dims.reverse();
        let type_number = cursor.u32(&what)?;
        let offset = cursor.u64(&what)?;
        Ok(Self { name, dims, type_number, offset })
    }

    /// Adds the tensor to the store, or gives the name of its type where that is not read.
    fn insert(
        &self,
        store: &mut TensorStore,
        (source, data_start): (&SourceFile, u64),
        note: Option<&TensorNote>,
    ) -> Result<Option<String>, FormatError> {
        let name = &self.name;
        let shape_of = |dims: &[u64]| {
            Shape::new(dims).map_err(|source| FormatError::Shape { name: name.clone(), source })
        };
        let listed = shape_of(&self.dims)?;
        let shape = note.map_or_else(|| Ok(listed.clone()), |note| shape_of(&note.shape))?;
        if shape.count() != listed.count() {
            return Err(malformed(format!(
                "tensor {name:?} has shape {listed}, {TENSORS_KEY} says {shape}"
            )));
        }
        let start = data_start.checked_add(self.offset).ok_or_else(|| {
            malformed(format!("tensor {name:?} begins at byte {} of the data", self.offset))
        })?;
        let plain = PLAIN.iter().find(|(number, _)| *number == self.type_number);
        let axis = note.map_or(0, |note| note.axis);
        let coding = match (plain, BlockType::of_number(self.type_number)) {
            (Some(&(_, dtype)), _) if axis == 0 || half_layout(dtype).is_none() => {
                let is_bool = note.is_some_and(|note| note.is_bool);
                let dtype = if is_bool && dtype == DType::I8 { DType::Bool } else { dtype };
                let len = to_u64(shape.count()).saturating_mul(to_u64(dtype.size_bytes()));
                let range = (start, start.saturating_add(len));
                store.insert(name, TensorInfo { dtype, shape }, source.shared_bytes(), range)?;
                return Ok(None);
            }
            (Some(&(_, dtype)), _) => self.half_coding(&listed, dtype),
            (None, Some(block_type)) => self.block_coding(&listed, block_type)?,
            (None, None) => return Ok(Some(self.type_name())),
        };
        let find = |spec: crate::codec::PartSpec| {
            let outside = || format!("bytes {start} on lie outside the file");
            let first = usize::try_from(start).map_err(|_| outside())?;
            let end = first.checked_add(spec.n_bytes()).ok_or_else(outside)?;
            let bytes = std::sync::Arc::clone(source.shared_bytes());
            if end > (*bytes).as_ref().len() {
                return Err(format!(
                    "bytes {start}..{end} lie outside the {}-byte file; it is truncated, fetch it again",
                    (*bytes).as_ref().len()
                ));
            }
            Ok(PackedPart { bytes, range: first..end, form: PartForm::Plain })
        };
        let packed = PackedTensor::new(coding, (shape, axis), find)
            .map_err(|reason| malformed(format!("tensor {name:?}: {reason}")))?;
        store.insert_packed(name, packed)?;
        Ok(None)
    }

    /// Rows and their length: blocks run along the innermost dimension.
    fn rows(listed: &Shape) -> (usize, usize) {
        let row_len = listed.dims().last().copied().unwrap_or(1);
        (listed.count().checked_div(row_len).unwrap_or(0), row_len)
    }

    fn block_coding(&self, listed: &Shape, block_type: BlockType) -> Result<Coding, FormatError> {
        let (n_rows, row_len) = Self::rows(listed);
        if !row_len.is_multiple_of(block_type.block_len()) {
            return Err(malformed(format!(
                "tensor {:?}: rows of {row_len} are no whole number of {} blocks of {}",
                self.name,
                block_type.name(),
                block_type.block_len()
            )));
        }
        let share = Share::Run(block_type.group_len());
        Ok(Coding::new((n_rows, row_len), share, CodeRule::Blocks(block_type)))
    }

    /// Half floats whose rows are another axis than the first.
    fn half_coding(&self, listed: &Shape, dtype: DType) -> Coding {
        let layout = half_layout(dtype).unwrap_or(minifloat::F16);
        let coding = Coding::new(Self::rows(listed), Share::Tensor, CodeRule::Float(layout));
        Coding { packing: CodePacking::Bits(16), scales: ScaleRule::One, ..coding }
    }

    fn type_name(&self) -> String {
        let number = self.type_number;
        let known = OTHERS.iter().find(|(other, _)| *other == number);
        known.map_or_else(|| format!("number {number}"), |(_, name)| (*name).to_owned())
    }
}

fn half_layout(dtype: DType) -> Option<minifloat::Layout> {
    match dtype {
        DType::F16 => Some(minifloat::F16),
        DType::BF16 => Some(minifloat::BF16),
        _ => None,
    }
}

fn to_u64(value: usize) -> u64 {
    u64::try_from(value).unwrap_or(u64::MAX)
}

fn malformed(text: String) -> FormatError {
    FormatError::Malformed(text)
}
