//! A tensor that a file stores as codes: where its parts lie, and what they decode to.

use std::ops::Range;

use super::store::FileBytes;
use crate::codec::words::WordGrid;
use crate::codec::{CodeRule, Coding, Encoded, Part, PartSpec};
use crate::tensor::{Flattening, Shape};

/// The codes of a tensor, left in their file until they are asked for.
#[derive(Clone)]
pub struct PackedTensor {
    coding: Coding,
    shape: Shape,
    axis: usize,
    parts: Vec<PackedPart>,
}

/// Bytes of a file that are a part of a coding.
#[derive(Clone)]
pub struct PackedPart {
    pub bytes: FileBytes,
    pub range: Range<usize>,
    pub form: PartForm,
}

/// How a part lies in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartForm {
    /// As the coding has it.
    Plain,
    /// As 32-bit words, two's complement numbers raised by half their range.
    Words(WordGrid),
}

impl PartForm {
    fn n_bytes(self, spec: PartSpec) -> usize {
        match self {
            Self::Plain => spec.n_bytes(),
            Self::Words(grid) => grid.n_bytes(),
        }
    }
}

impl PackedTensor {
    /// # Errors
    /// A coding that makes no sense for the shape, parts that are missing or of the wrong length;
    /// in words.
    pub fn new(
        coding: Coding,
        (shape, axis): (Shape, usize),
        find: impl Fn(PartSpec) -> Result<PackedPart, String>,
    ) -> Result<Self, String> {
        coding.check(shape.dims(), axis)?;
        let mut parts = Vec::new();
        for spec in coding.parts() {
            let part = find(spec)?;
            let len = part.range.len();
            let wanted = part.form.n_bytes(spec);
            if len != wanted || part.range.end > (*part.bytes).as_ref().len() {
                return Err(format!("its {} take {wanted} bytes, {len} are stored", spec.name));
            }
            parts.push(part);
        }
        Ok(Self { coding, shape, axis, parts })
    }

    pub fn coding(&self) -> &Coding {
        &self.coding
    }

    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// The first of the stored bytes and where they are: those of the codes.
    pub(super) fn codes(&self) -> Option<&PackedPart> {
        self.parts.first()
    }

    /// Stored bytes of all parts.
    pub fn n_bytes(&self) -> u64 {
        self.parts.iter().map(|part| part.range.len() as u64).sum()
    }

    /// The values in the order of the tensor; `None` if the file has become shorter since.
    pub fn values(&self) -> Option<Vec<f32>> {
        let mut encoded = Encoded::default();
        for (spec, part) in self.coding.parts().into_iter().zip(&self.parts) {
            let bytes = (*part.bytes).as_ref().get(part.range.clone())?;
            encoded.parts.push(self.read(spec, part.form, bytes));
        }
        let values = self.coding.decode(&encoded);
        Some(Flattening::of(self.shape.dims(), self.axis).to_flat(&values).into_owned())
    }

    fn read(&self, spec: PartSpec, form: PartForm, bytes: &[u8]) -> Part {
        match form {
            PartForm::Plain => spec.with_bytes(bytes.to_vec()),
            PartForm::Words(grid) => {
                let mut codes = grid.unpack(bytes);
                if self.coding.codes == CodeRule::Signed {
                    let half = 1 << (grid.bits - 1);
                    codes.iter_mut().for_each(|code| *code -= half);
                }
                Part::codes(spec.name, &codes, grid.bits)
            }
        }
    }
}
