//! Tensors of an ONNX file: as raw bytes, as typed numbers, or in a file beside it.
#![deny(clippy::as_conversions)]

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rten_onnx::onnx::{DataLocation, DataType, TensorProto};

use super::{FormatError, map_file};
use crate::model::{FileBytes, TensorInfo, TensorStore};
use crate::tensor::{DType, Shape, Value};

/// A tensor's type, shape and the bytes it lies in.
pub(super) struct FoundTensor {
    pub info: TensorInfo,
    pub bytes: FileBytes,
    pub start: u64,
    pub end: u64,
}

/// Reads tensors; files with external data are mapped once.
pub(super) struct TensorReader<'a> {
    folder: Option<&'a Path>,
    external: HashMap<PathBuf, FileBytes>,
}

impl<'a> TensorReader<'a> {
    /// `folder` is the model's, the only one that external data may lie in.
    pub(super) fn new(folder: Option<&'a Path>) -> Self {
        Self { folder, external: HashMap::new() }
    }

    /// The files besides the model's that tensors were found in.
    pub(super) fn into_external_files(self) -> impl Iterator<Item = PathBuf> {
        self.external.into_keys()
    }

    /// `None` for a tensor of texts, which no weight is.
    pub(super) fn read(
        &mut self,
        name: &str,
        proto: &TensorProto,
    ) -> Result<Option<FoundTensor>, FormatError> {
        let data_type = proto.data_type.unwrap_or(DataType(0));
        if data_type == DataType::STRING {
            return Ok(None);
        }
        let dims: Vec<u64> = proto
            .dims
            .iter()
            .map(|&dim| {
                u64::try_from(dim).map_err(|_| {
                    malformed(format!(
                        "tensor {name:?} has shape {:?}, a dimension is negative",
                        proto.dims
                    ))
                })
            })
            .collect::<Result<_, _>>()?;
        let shape = Shape::new(&dims)
            .map_err(|source| FormatError::Shape { name: name.to_owned(), source })?;
        let is_four_bit = matches!(data_type, DataType::INT4 | DataType::UINT4);
        let dtype = dtype_of(data_type).ok_or_else(|| {
            malformed(format!("tensor {name:?} has ONNX type {data_type}, which is not read"))
        })?;
        let info = TensorInfo { dtype, shape };
        if proto.data_location == Some(DataLocation::EXTERNAL) {
            return self.read_external(name, proto, info, is_four_bit).map(Some);
        }
        let count = info.shape.count();
        let bytes = match &proto.raw_data {
            Some(raw) if is_four_bit => unpack_four_bit(&raw.borrow(), data_type, count),
            Some(raw) => raw.borrow().clone(),
            None if is_four_bit => {
                unpack_four_bit(&typed_bytes(name, proto, data_type)?, data_type, count)
            }
            None => typed_bytes(name, proto, data_type)?,
        };
        let end = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        Ok(Some(FoundTensor { info, bytes: Arc::new(bytes), start: 0, end }))
    }

    /// The content of a tensor that stands in an attribute.
    pub(super) fn value(&mut self, proto: &TensorProto) -> Result<Value, FormatError> {
        let name = proto.name.clone().unwrap_or_default();
        let found = self
            .read(&name, proto)?
            .ok_or_else(|| malformed("it is a tensor of texts".to_owned()))?;
        let mut store = TensorStore::default();
        store.insert(&name, found.info, &found.bytes, (found.start, found.end))?;
        Ok(store.value(&name)?)
    }

    fn read_external(
        &mut self,
        name: &str,
        proto: &TensorProto,
        info: TensorInfo,
        is_four_bit: bool,
    ) -> Result<FoundTensor, FormatError> {
        let entry = |key: &str| {
            let found = proto.external_data.iter().find(|e| e.key.as_deref() == Some(key));
            found.and_then(|e| e.value.as_deref())
        };
        let number = |key: &str| match entry(key) {
            None => Ok(None),
            Some(text) => text.parse::<u64>().map(Some).map_err(|_| {
                malformed(format!(
                    "tensor {name:?}: external {key} is {text:?}, expected a whole number"
                ))
            }),
        };
        if is_four_bit {
            return Err(malformed(format!("tensor {name:?}: 4-bit external data is not read")));
        }
        let location = entry("location").ok_or_else(|| {
            malformed(format!("tensor {name:?}: external data without a location"))
        })?;
        let bytes = self.map_external(name, location)?;
        let elements = u64::try_from(info.shape.count()).unwrap_or(u64::MAX);
        let size = u64::try_from(info.dtype.size_bytes()).unwrap_or(8);
        let start = number("offset")?.unwrap_or(0);
        let len = number("length")?.unwrap_or_else(|| elements.saturating_mul(size));
        Ok(FoundTensor { info, bytes, start, end: start.saturating_add(len) })
    }

    fn map_external(&mut self, name: &str, location: &str) -> Result<FileBytes, FormatError> {
        let refused =
            |why: &str| malformed(format!("tensor {name:?}: external data {location:?} {why}"));
        let folder = self.folder.ok_or_else(|| refused("cannot be found without a folder"))?;
        let folder = folder.canonicalize()?;
        let path = folder.join(location).canonicalize().map_err(|error| {
            refused(&format!("cannot be read ({error}); put it beside the model"))
        })?;
        if !path.starts_with(&folder) || Path::new(location).is_absolute() {
            return Err(refused("lies outside the model's folder and is not opened"));
        }
        if let Some(bytes) = self.external.get(&path) {
            return Ok(Arc::clone(bytes));
        }
        let bytes = map_file(&path)?;
        self.external.insert(path, Arc::clone(&bytes));
        Ok(bytes)
    }
}

/// The type elements are read as; 4-bit integers are widened to 8 bits.
pub(super) fn dtype_of(data_type: DataType) -> Option<DType> {
    Some(match data_type {
        DataType::FLOAT => DType::F32,
        DataType::DOUBLE => DType::F64,
        DataType::FLOAT16 => DType::F16,
        DataType::BFLOAT16 => DType::BF16,
        DataType::FLOAT8E4M3FN => DType::F8E4M3Fn,
        DataType::FLOAT8E4M3FNUZ => DType::F8E4M3Fnuz,
        DataType::FLOAT8E5M2 => DType::F8E5M2,
        DataType::FLOAT8E5M2FNUZ => DType::F8E5M2Fnuz,
        DataType::FLOAT8E8M0 => DType::F8E8M0,
        DataType::INT64 => DType::I64,
        DataType::INT32 => DType::I32,
        DataType::INT16 => DType::I16,
        DataType::INT8 | DataType::INT4 => DType::I8,
        DataType::UINT64 => DType::U64,
        DataType::UINT32 => DType::U32,
        DataType::UINT16 => DType::U16,
        DataType::UINT8 | DataType::UINT4 => DType::U8,
        DataType::BOOL => DType::Bool,
        _ => return None,
    })
}

/// Two elements a byte, the first in the low half.
fn unpack_four_bit(packed: &[u8], data_type: DataType, count: usize) -> Vec<u8> {
    let widen = |nibble: u8| match data_type {
        DataType::INT4 if nibble & 8 != 0 => nibble | 0xf0,
        _ => nibble,
    };
    let nibbles = packed.iter().flat_map(|&byte| [byte & 0xf, byte >> 4]);
    nibbles.take(count).map(widen).collect()
}

/// The little-endian bytes of a tensor that is stored as typed numbers.
fn typed_bytes(
    name: &str,
    proto: &TensorProto,
    data_type: DataType,
) -> Result<Vec<u8>, FormatError> {
    let too_large = |value: i32| {
        malformed(format!("tensor {name:?}: {value} does not fit its type {data_type}"))
    };
    let ints = &proto.int32_data;
    Ok(match data_type {
        DataType::FLOAT => flat(&proto.float_data, f32::to_le_bytes),
        DataType::DOUBLE => flat(&proto.double_data, f64::to_le_bytes),
        DataType::INT64 => flat(&proto.int64_data, i64::to_le_bytes),
        DataType::INT32 => flat(ints, i32::to_le_bytes),
        DataType::UINT32 | DataType::UINT64 => {
            return Err(malformed(format!(
                "tensor {name:?}: {data_type} stored as typed numbers is not read; save it as raw data"
            )));
        }
        _ => {
            let size = dtype_of(data_type).map_or(1, DType::size_bytes);
            let mut bytes = Vec::with_capacity(ints.len());
            for &value in ints {
                if size == 1 {
                    let fits = u8::try_from(value).is_ok() || i8::try_from(value).is_ok();
                    let [low, ..] = value.to_le_bytes();
                    bytes.push(if fits {
                        low
                    } else {
                        return Err(too_large(value));
                    });
                } else {
                    let fits = u16::try_from(value).is_ok() || i16::try_from(value).is_ok();
                    let [low, high, ..] = value.to_le_bytes();
                    bytes.extend(if fits {
                        [low, high]
                    } else {
                        return Err(too_large(value));
                    });
                }
            }
            bytes
        }
    })
}

fn flat<T: Copy, const N: usize>(values: &[T], bytes: impl Fn(T) -> [u8; N]) -> Vec<u8> {
    values.iter().flat_map(|&value| bytes(value)).collect()
}

fn malformed(text: String) -> FormatError {
    FormatError::Malformed(text)
}
