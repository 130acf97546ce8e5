//! One array in NumPy's `.npy` form: a header in Python's words, then the values.
#![deny(clippy::as_conversions)]

use std::io::Read;

use half::f16;
use ndarray::{Array, IxDyn, ShapeBuilder};

use super::check_size;
use super::raw::{RawLabels, Values};
use crate::base::WorkCtx;

pub(super) const MAGIC: &[u8] = b"\x93NUMPY";
/// Longer headers are not written by anybody.
const MAX_HEADER: usize = 1 << 16;
const CHUNK: usize = 1 << 20;

/// What the header says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NpyHeader {
    kind: Kind,
    /// Bytes of one element.
    width: usize,
    is_big_endian: bool,
    is_fortran: bool,
    pub dims: Vec<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Bool,
    Signed,
    Unsigned,
    Float,
    /// Text of 4-byte code points.
    Unicode,
    /// Text of bytes.
    Ascii,
}

impl NpyHeader {
    /// Reads magic, version and header; the reader then stands before the values.
    pub fn read(reader: &mut impl Read) -> Result<Self, String> {
        let cut = |_| "it ends within its header; the file is truncated, save it again".to_owned();
        let mut start = [0u8; 8];
        reader.read_exact(&mut start).map_err(cut)?;
        if !start.starts_with(MAGIC) {
            return Err("it is no NumPy array; save it with numpy.save or numpy.savez".to_owned());
        }
        let len = if start[6] == 1 {
            let mut len = [0u8; 2];
            reader.read_exact(&mut len).map_err(cut)?;
            usize::from(u16::from_le_bytes(len))
        } else {
            let mut len = [0u8; 4];
            reader.read_exact(&mut len).map_err(cut)?;
            usize::try_from(u32::from_le_bytes(len)).unwrap_or(usize::MAX)
        };
        if len > MAX_HEADER {
            return Err(format!(
                "its header claims {len} bytes; the file is damaged, save it again"
            ));
        }
        let mut text = vec![0u8; len];
        reader.read_exact(&mut text).map_err(cut)?;
        Self::parse(&String::from_utf8_lossy(&text))
    }

    /// `{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }`.
    fn parse(text: &str) -> Result<Self, String> {
        let unclear = || format!("its header {:?} is not understood", text.trim());
        let after = |key: &str| {
            let (_, rest) = text.split_once(key)?;
            Some(rest.trim_start_matches(['\'', '"']).trim_start().strip_prefix(':')?.trim_start())
        };
        let is_fortran = after("fortran_order").ok_or_else(unclear)?.starts_with("True");
        let shape = after("shape").and_then(|rest| rest.strip_prefix('(')).ok_or_else(unclear)?;
        let shape = shape.split(')').next().unwrap_or_default();
        let dims: Vec<usize> = shape
            .split(',')
            .map(|dim| dim.trim().trim_end_matches('L'))
            .filter(|dim| !dim.is_empty())
            .map(|dim| dim.parse().map_err(|_| unclear()))
            .collect::<Result<_, _>>()?;
        let descr = after("descr").ok_or_else(unclear)?;
        let Some(quote) = descr.chars().next().filter(|c| *c == '\'' || *c == '"') else {
            return Err(
                "it holds records of several fields; save one field as an array of its own"
                    .to_owned(),
            );
        };
        let dtype = descr.split(quote).nth(1).unwrap_or_default();
        let unread = || {
            let hint = if dtype.contains('O') { "Python objects" } else { "values of a type" };
            format!(
                "it holds {hint} ({dtype}) that is not read; convert it with .astype(\"float32\")"
            )
        };
        let is_big_endian = dtype.starts_with('>');
        let bare = dtype.trim_start_matches(['<', '>', '|', '=']);
        let (letter, width) = bare.split_at_checked(1).ok_or_else(unread)?;
        let width: usize = width.parse().map_err(|_| unread())?;
        let (kind, width) = match (letter, width) {
            ("b" | "?", 1) => (Kind::Bool, 1),
            ("i", 1 | 2 | 4 | 8) => (Kind::Signed, width),
            ("u", 1 | 2 | 4 | 8) => (Kind::Unsigned, width),
            ("f", 2 | 4 | 8) => (Kind::Float, width),
            ("U", 1..=4096) => (Kind::Unicode, width * 4),
            ("S", 1..=4096) => (Kind::Ascii, width),
            _ => return Err(unread()),
        };
        Ok(Self { kind, width, is_big_endian, is_fortran, dims })
    }

    pub fn is_text(&self) -> bool {
        matches!(self.kind, Kind::Unicode | Kind::Ascii)
    }

    /// Number of elements, or why there are too many.
    fn count(&self) -> Result<usize, String> {
        let product = self.dims.iter().try_fold(1usize, |n, &dim| n.checked_mul(dim));
        let count = product.ok_or_else(|| "its shape overflows; save it again".to_owned())?;
        let in_memory = if self.width == 1 { 1 } else { self.width.max(4) };
        check_size(to_u64(count), to_u64(in_memory))?;
        Ok(count)
    }

    /// The values, row by row.
    pub fn values(&self, reader: &mut impl Read, ctx: &WorkCtx) -> Result<Values, String> {
        let count = self.count()?;
        if self.is_text() {
            return Err("it holds text, expected numbers".to_owned());
        }
        if self.width == 1 && self.kind != Kind::Signed {
            let mut bytes = Vec::with_capacity(count);
            self.each(reader, count, ctx, |element| bytes.extend(element.first()))?;
            return Ok(Values::Bytes(self.row_major(bytes)));
        }
        let mut floats = Vec::with_capacity(count);
        self.each(reader, count, ctx, |element| floats.push(self.number(element)))?;
        let floats = self.row_major(floats);
        Ok(Values::narrowed(floats))
    }

    /// Labels: numbers, text, or rows with a single 1.
    pub fn labels(&self, reader: &mut impl Read, ctx: &WorkCtx) -> Result<RawLabels, String> {
        if self.is_text() {
            let count = self.count()?;
            let mut texts = Vec::with_capacity(count);
            self.each(reader, count, ctx, |element| texts.push(self.text(element)))?;
            return Ok(RawLabels::from_texts(texts));
        }
        let values = self.values(reader, ctx)?;
        let n_samples = self.dims.first().copied().unwrap_or(0);
        let n_columns = values.len().checked_div(n_samples).unwrap_or(0);
        if n_columns > 1 {
            return one_hot(&values, n_columns);
        }
        (0..values.len())
            .map(|idx| whole(values.get(idx).unwrap_or(f32::NAN)))
            .enumerate()
            .map(|(idx, label)| {
                label.ok_or_else(|| {
                    let found = values.get(idx).unwrap_or(f32::NAN);
                    format!("label of sample {idx} is {found}, expected a whole number")
                })
            })
            .collect::<Result<_, _>>()
            .map(RawLabels::Numbers)
    }

    fn each(
        &self,
        reader: &mut impl Read,
        count: usize,
        ctx: &WorkCtx,
        mut take: impl FnMut(&[u8]),
    ) -> Result<(), String> {
        let per_chunk = (CHUNK / self.width).max(1);
        let mut buffer = vec![0u8; per_chunk.min(count.max(1)) * self.width];
        let mut n_left = count;
        while n_left > 0 {
            ctx.check().map_err(|cancelled| cancelled.to_string())?;
            let n_now = n_left.min(per_chunk);
            let part = buffer.get_mut(..n_now * self.width).unwrap_or_default();
            reader.read_exact(part).map_err(|error| {
                format!(
                    "of {count} values {n_left} cannot be read ({error}); the file is truncated or damaged, save it again"
                )
            })?;
            part.chunks_exact(self.width).for_each(&mut take);
            n_left -= n_now;
        }
        Ok(())
    }

    #[allow(clippy::as_conversions)] // Rounds to the nearest float, which is what is wanted.
    fn number(&self, element: &[u8]) -> f32 {
        let mut bytes = [0u8; 8];
        if self.is_big_endian {
            bytes.iter_mut().zip(element.iter().rev()).for_each(|(to, from)| *to = *from);
        } else {
            bytes.iter_mut().zip(element).for_each(|(to, from)| *to = *from);
        }
        let bits = u64::from_le_bytes(bytes);
        let unused = 64 - 8 * self.width;
        match (self.kind, self.width) {
            (Kind::Float, 2) => f16::from_le_bytes([bytes[0], bytes[1]]).to_f32(),
            (Kind::Float, 4) => f32::from_bits(bits as u32),
            (Kind::Float, _) => f64::from_bits(bits) as f32,
            (Kind::Signed, _) => ((bits as i64) << unused >> unused) as f32,
            _ => bits as f32,
        }
    }

    fn text(&self, element: &[u8]) -> String {
        let text: String = match self.kind {
            Kind::Unicode => element
                .chunks_exact(4)
                .filter_map(|code| {
                    let code = [code[0], code[1], code[2], code[3]];
                    let code = if self.is_big_endian {
                        u32::from_be_bytes(code)
                    } else {
                        u32::from_le_bytes(code)
                    };
                    char::from_u32(code)
                })
                .collect(),
            _ => String::from_utf8_lossy(element).into_owned(),
        };
        text.trim_end_matches('\0').to_owned()
    }

    /// Column-major values put row by row.
    fn row_major<T: Clone>(&self, values: Vec<T>) -> Vec<T> {
        if !self.is_fortran || self.dims.len() < 2 {
            return values;
        }
        let shape = IxDyn(&self.dims).f();
        Array::from_shape_vec(shape, values)
            .map(|array| array.iter().cloned().collect())
            .unwrap_or_default()
    }
}

/// The place of the only 1 in each row.
fn one_hot(values: &Values, n_columns: usize) -> Result<RawLabels, String> {
    let n_rows = values.len() / n_columns;
    (0..n_rows)
        .map(|row| {
            let cell = |column: usize| values.get(row * n_columns + column).unwrap_or(0.0);
            let ones: Vec<usize> = (0..n_columns).filter(|&column| cell(column) == 1.0).collect();
            let n_zeros = (0..n_columns).filter(|&column| cell(column) == 0.0).count();
            match ones.as_slice() {
                [only] if n_zeros + 1 == n_columns => Ok(i64::try_from(*only).unwrap_or(i64::MAX)),
                _ => Err(format!(
                    "labels have {n_columns} columns, and row {row} is not a single 1 among zeros; save numpy.argmax(labels, axis=1) instead"
                )),
            }
        })
        .collect::<Result<_, _>>()
        .map(RawLabels::Numbers)
}

/// A whole number that a float holds exactly.
#[allow(clippy::as_conversions)]
pub(super) fn whole(value: f32) -> Option<i64> {
    (value.is_finite() && value.fract() == 0.0 && value.abs() < 1e9).then_some(value as i64)
}

fn to_u64(value: usize) -> u64 {
    u64::try_from(value).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_understood_or_refused() {
        let parse = |descr: &str, shape: &str| {
            NpyHeader::parse(&format!(
                "{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}"
            ))
        };
        assert_eq!(parse("'<f4'", "(2, 3)").unwrap().dims, [2, 3]);
        assert_eq!(parse("'|u1'", "(5,)").unwrap().dims, [5]);
        assert!(parse("'>i2'", "()").unwrap().is_big_endian);
        assert!(parse("'|O'", "(2,)").unwrap_err().contains("Python objects"));
        assert!(parse("[('a', '<f4')]", "(2,)").unwrap_err().contains("fields"));
        assert!(parse("'<c8'", "(2,)").is_err());
        assert!(parse("'<f4'", "(-1,)").is_err());
        let huge = parse("'<f4'", "(4294967296, 4294967296, 4294967296)").unwrap();
        assert!(huge.count().is_err());
    }

    #[test]
    fn every_type_is_read() {
        for (descr, bytes, wanted) in [
            ("<i2", vec![0xff, 0xff], -1.0f32),
            (">i2", vec![0x01, 0x02], 258.0),
            ("<f2", vec![0x00, 0x3c], 1.0),
            ("<f8", 0.5f64.to_le_bytes().to_vec(), 0.5),
            (">u4", 7u32.to_be_bytes().to_vec(), 7.0),
            ("|i1", vec![0x80], -128.0),
            ("|b1", vec![1], 1.0),
        ] {
            let text = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': (1,)}}");
            let header = NpyHeader::parse(&text).unwrap();
            let values = header.values(&mut bytes.as_slice(), &WorkCtx::new()).unwrap();
            assert_eq!(values.get(0), Some(wanted), "{descr}");
        }
    }
}
