//! Tensors by name over the bytes of a file. Nothing is read before it is asked for; a mapped file
//! costs no memory until then.

use std::ops::Range;
use std::sync::Arc;

use half::{bf16, f16};
use indexmap::IndexMap;
use ndarray::{ArcArray, IxDyn};

use super::halves::StoredHalves;
use super::packed::PackedTensor;
use crate::codec::minifloat;
use crate::tensor::{DType, Shape, Tensor, Value};

/// Why a tensor cannot be had.
#[derive(Clone, Debug, thiserror::Error, PartialEq)]
pub enum StoreError {
    #[error("the model has no tensor {name:?}")]
    NoSuchTensor { name: String },
    #[error("tensor {name:?}: bytes {start}..{end} lie outside the {len}-byte file")]
    OutOfBounds { name: String, start: u64, end: u64, len: u64 },
    #[error("tensor {name:?}: {found} bytes are stored, {dtype} of shape {shape} takes {wanted}")]
    WrongLength { name: String, dtype: DType, shape: String, found: u64, wanted: u64 },
    #[error("tensor {name:?} occurs twice")]
    Duplicate { name: String },
    #[error("tensor {name:?} holds {dtype}, which is not a float type")]
    NotFloat { name: String, dtype: DType },
    #[error("tensor {name:?}: {value} does not fit a 64-bit signed integer")]
    IntegerTooLarge { name: String, value: u64 },
}

/// Bytes that stay where they are: a mapped file, a buffer, or part of the program.
pub type FileBytes = Arc<dyn StoredBytes>;

/// Bytes that can be looked at where they are.
pub trait StoredBytes: AsRef<[u8]> + Send + Sync {
    /// A copy of these; `None` where there are no so many. Around every place of a map that is looked
    /// at the system may read megabytes from the disk; a file that is mapped reads here only what is
    /// asked for.
    fn copy(&self, range: Range<usize>) -> Option<Vec<u8>> {
        self.as_ref().get(range).map(<[u8]>::to_vec)
    }
}

impl StoredBytes for Vec<u8> {}

/// What is known of a tensor without reading it.
#[derive(Clone, Debug, PartialEq)]
pub struct TensorInfo {
    pub dtype: DType,
    pub shape: Shape,
}

#[derive(Clone)]
struct Entry {
    info: TensorInfo,
    bytes: FileBytes,
    start: usize,
    end: usize,
    /// What the bytes are codes of, where they are no elements.
    packed: Option<Arc<PackedTensor>>,
}

/// The tensors of a model in file order.
#[derive(Clone, Default)]
pub struct TensorStore {
    entries: IndexMap<String, Entry>,
}

impl std::fmt::Debug for TensorStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TensorStore({} tensors)", self.entries.len())
    }
}

impl TensorStore {
    /// Adds a tensor lying at `start..end` of `bytes`.
    ///
    /// # Errors
    /// A range outside the bytes, a length that shape and type do not explain, a name used before.
    pub fn insert(
        &mut self,
        name: &str,
        info: TensorInfo,
        bytes: &FileBytes,
        (start, end): (u64, u64),
    ) -> Result<(), StoreError> {
        let len = (**bytes).as_ref().len() as u64;
        if start > end || end > len {
            return Err(StoreError::OutOfBounds { name: name.to_owned(), start, end, len });
        }
        let wanted = info.shape.count() as u64 * info.dtype.size_bytes() as u64;
        if end - start != wanted {
            return Err(StoreError::WrongLength {
                name: name.to_owned(),
                dtype: info.dtype,
                shape: info.shape.to_string(),
                found: end - start,
                wanted,
            });
        }
        if self.entries.contains_key(name) {
            return Err(StoreError::Duplicate { name: name.to_owned() });
        }
        let bytes = Arc::clone(bytes);
        let entry = Entry { info, bytes, start: start as usize, end: end as usize, packed: None };
        self.entries.insert(name.to_owned(), entry);
        Ok(())
    }

    /// Adds a tensor that is stored as codes; it is read as the 32-bit floats they stand for.
    ///
    /// # Errors
    /// A name used before.
    pub fn insert_packed(&mut self, name: &str, packed: PackedTensor) -> Result<(), StoreError> {
        if self.entries.contains_key(name) {
            return Err(StoreError::Duplicate { name: name.to_owned() });
        }
        let info = TensorInfo { dtype: DType::F32, shape: packed.shape().clone() };
        let Some(codes) = packed.codes() else { return Ok(()) };
        let (start, end) = (codes.range.start, codes.range.end);
        let bytes = Arc::clone(&codes.bytes);
        let entry = Entry { info, bytes, start, end, packed: Some(Arc::new(packed)) };
        self.entries.insert(name.to_owned(), entry);
        Ok(())
    }

    /// How a tensor is stored, if that is as codes.
    pub fn packed(&self, name: &str) -> Option<&PackedTensor> {
        self.entries.get(name)?.packed.as_deref()
    }

    /// Takes in the tensors of another file.
    ///
    /// # Errors
    /// A name used before.
    pub fn extend(&mut self, other: Self) -> Result<(), StoreError> {
        for (name, entry) in other.entries {
            if self.entries.contains_key(&name) {
                return Err(StoreError::Duplicate { name });
            }
            self.entries.insert(name, entry);
        }
        Ok(())
    }

    /// Keeps the tensors that are asked for.
    pub fn retain(&mut self, mut keep: impl FnMut(&str) -> bool) {
        self.entries.retain(|name, _| keep(name));
    }

    /// Where the bytes of a tensor lie.
    pub fn place(&self, name: &str) -> Option<(FileBytes, Range<usize>)> {
        let entry = self.entries.get(name)?;
        Some((Arc::clone(&entry.bytes), entry.start..entry.end))
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub fn info(&self, name: &str) -> Option<&TensorInfo> {
        self.entries.get(name).map(|entry| &entry.info)
    }

    /// Stored bytes of all tensors.
    pub fn total_bytes(&self) -> u64 {
        let of_entry = |entry: &Entry| match &entry.packed {
            Some(packed) => packed.n_bytes(),
            None => (entry.end - entry.start) as u64,
        };
        self.entries.values().map(of_entry).sum()
    }

    /// Reads a float tensor as `f32`: `F64` is rounded, everything narrower is exact.
    ///
    /// # Errors
    /// No tensor of that name, or one that does not hold floats.
    pub fn tensor(&self, name: &str) -> Result<Tensor, StoreError> {
        match self.value(name)? {
            Value::F32(tensor) => Ok(tensor),
            _ => Err(StoreError::NotFloat {
                name: name.to_owned(),
                dtype: self.entry(name)?.info.dtype,
            }),
        }
    }

    /// Reads a tensor of any type: floats as `f32`, integers as `i64`, booleans as such.
    ///
    /// # Errors
    /// No tensor of that name, or an unsigned integer above `i64::MAX`.
    pub fn value(&self, name: &str) -> Result<Value, StoreError> {
        let entry = self.entry(name)?;
        let bytes = self.bytes(name)?;
        let dims = entry.info.shape.dims();
        if let Some(packed) = &entry.packed {
            let (start, end) = (entry.start as u64, entry.end as u64);
            let shorter = || StoreError::OutOfBounds { name: name.to_owned(), start, end, len: 0 };
            return Ok(Value::F32(shaped(dims, packed.values().ok_or_else(shorter)?)));
        }
        let value = match entry.info.dtype {
            DType::Bool => Value::Bool(shaped(dims, bytes.iter().map(|&b| b != 0).collect())),
            DType::U64 => Value::I64(shaped(dims, read_u64(name, bytes)?)),
            dtype if dtype.is_float() => Value::F32(shaped(dims, read_floats(dtype, bytes))),
            dtype => Value::I64(shaped(dims, read_ints(dtype, bytes))),
        };
        Ok(value)
    }

    /// The stored bytes of a tensor, little-endian; the codes of one that is stored as codes.
    ///
    /// # Errors
    /// No tensor of that name, or a file that has become shorter since it was opened.
    pub fn bytes(&self, name: &str) -> Result<&[u8], StoreError> {
        let entry = self.entry(name)?;
        let all = (*entry.bytes).as_ref();
        all.get(entry.start..entry.end).ok_or_else(|| StoreError::OutOfBounds {
            name: name.to_owned(),
            start: entry.start as u64,
            end: entry.end as u64,
            len: all.len() as u64,
        })
    }

    /// Copies of the first `n_bytes` of the stored bytes and of the last of what is left, less where
    /// there are less. Nothing else is read.
    ///
    /// # Errors
    /// As [`bytes`](Self::bytes).
    pub fn ends(&self, name: &str, n_bytes: usize) -> Result<[Vec<u8>; 2], StoreError> {
        let Entry { bytes, start, end, .. } = self.entry(name)?;
        let first_end = start.saturating_add(n_bytes).min(*end);
        let last_start = end.saturating_sub(n_bytes).max(first_end);
        match (bytes.copy(*start..first_end), bytes.copy(last_start..*end)) {
            (Some(first), Some(last)) => Ok([first, last]),
            _ => Err(StoreError::OutOfBounds {
                name: name.to_owned(),
                start: *start as u64,
                end: *end as u64,
                len: (**bytes).as_ref().len() as u64,
            }),
        }
    }

    /// The stored bytes of a tensor of 16-bit floats; `None` for another type.
    ///
    /// # Errors
    /// As [`bytes`](Self::bytes).
    pub fn halves(&self, name: &str) -> Result<Option<StoredHalves<'_>>, StoreError> {
        Ok(StoredHalves::new(self.entry(name)?.info.dtype, self.bytes(name)?))
    }

    fn entry(&self, name: &str) -> Result<&Entry, StoreError> {
        self.entries.get(name).ok_or_else(|| StoreError::NoSuchTensor { name: name.to_owned() })
    }
}

/// `insert` has checked that the length is that of the shape.
fn shaped<T: Clone>(dims: &[usize], data: Vec<T>) -> ArcArray<T, IxDyn> {
    ArcArray::from_shape_vec(IxDyn(dims), data)
        .unwrap_or_else(|_| ArcArray::from_shape_fn(IxDyn(&[0]), |_| unreachable!()))
}

fn read_floats(dtype: DType, bytes: &[u8]) -> Vec<f32> {
    if let Some(decode) = minifloat::decoder(dtype) {
        let table: Vec<f32> = (0..=u8::MAX).map(decode).collect();
        return bytes.iter().map(|&b| table.get(usize::from(b)).copied().unwrap_or(0.0)).collect();
    }
    match dtype {
        DType::F64 => elements(bytes, |b| f64::from_le_bytes(b) as f32),
        DType::F16 => elements(bytes, |b| f16::from_le_bytes(b).to_f32()),
        DType::BF16 => elements(bytes, |b| bf16::from_le_bytes(b).to_f32()),
        _ => elements(bytes, f32::from_le_bytes),
    }
}

fn read_ints(dtype: DType, bytes: &[u8]) -> Vec<i64> {
    match dtype {
        DType::I32 => elements(bytes, |b| i64::from(i32::from_le_bytes(b))),
        DType::I16 => elements(bytes, |b| i64::from(i16::from_le_bytes(b))),
        DType::I8 => elements(bytes, |b| i64::from(i8::from_le_bytes(b))),
        DType::U32 => elements(bytes, |b| i64::from(u32::from_le_bytes(b))),
        DType::U16 => elements(bytes, |b| i64::from(u16::from_le_bytes(b))),
        DType::U8 => elements(bytes, |b: [u8; 1]| i64::from(b[0])),
        _ => elements(bytes, i64::from_le_bytes),
    }
}

fn read_u64(name: &str, bytes: &[u8]) -> Result<Vec<i64>, StoreError> {
    elements(bytes, u64::from_le_bytes)
        .into_iter()
        .map(|value| {
            i64::try_from(value)
                .map_err(|_| StoreError::IntegerTooLarge { name: name.to_owned(), value })
        })
        .collect()
}

fn elements<const N: usize, T>(bytes: &[u8], read: impl Fn([u8; N]) -> T) -> Vec<T> {
    bytes.as_chunks::<N>().0.iter().map(|&chunk| read(chunk)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(dtype: DType, dims: &[u64]) -> TensorInfo {
        TensorInfo { dtype, shape: Shape::new(dims).unwrap() }
    }

    #[test]
    fn every_type_is_read() {
        let bytes: FileBytes = Arc::new(vec![0u8, 0x3c, 0x80, 0x3f, 0xff, 0xff, 0xff, 0xff]);
        let mut store = TensorStore::default();
        store.insert("half", info(DType::F16, &[1]), &bytes, (0, 2)).unwrap();
        store.insert("brain", info(DType::BF16, &[]), &bytes, (2, 4)).unwrap();
        store.insert("bytes", info(DType::I8, &[2, 2]), &bytes, (4, 8)).unwrap();
        assert_eq!(store.tensor("half").unwrap().as_slice(), Some(&[1.0f32][..]));
        assert_eq!(store.tensor("brain").unwrap().as_slice(), Some(&[1.0f32][..]));
        match store.value("bytes").unwrap() {
            Value::I64(ints) => assert!(ints.iter().all(|&int| int == -1)),
            other => panic!("{other:?}"),
        }
        assert!(matches!(store.tensor("bytes"), Err(StoreError::NotFloat { .. })));
    }

    #[test]
    fn lies_are_refused() {
        let bytes: FileBytes = Arc::new(vec![0u8; 8]);
        let mut store = TensorStore::default();
        let long = store.insert("long", info(DType::F32, &[3]), &bytes, (0, 12));
        assert!(matches!(long, Err(StoreError::OutOfBounds { end: 12, .. })));
        let short = store.insert("short", info(DType::F32, &[3]), &bytes, (0, 8));
        assert!(matches!(short, Err(StoreError::WrongLength { wanted: 12, .. })));
        store.insert("twice", info(DType::F32, &[2]), &bytes, (0, 8)).unwrap();
        let twice = store.insert("twice", info(DType::F32, &[2]), &bytes, (0, 8));
        assert!(matches!(twice, Err(StoreError::Duplicate { .. })));
    }
}
