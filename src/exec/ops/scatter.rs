//! Elements written by index: ScatterElements, ScatterND.

use super::attribute::choice;
use super::dense::{Array, Element, array_of, count_of, elements, into_elements};
use super::gather::{IndexTuples, element_offsets, take_indices};
use crate::exec::operator::{BuildCtx, Inputs, OpError, Operator, OperatorEntry, resolve_axis};
use crate::tensor::Value;

pub static ENTRIES: &[OperatorEntry] = &[
    OperatorEntry { op: "ScatterElements", opsets: (11, 23), build: build_scatter_elements },
    OperatorEntry { op: "ScatterND", opsets: (11, 23), build: build_scatter_nd },
];

/// What happens where an element is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reduction {
    /// The last update wins.
    Replace,
    Add,
    Mul,
    Max,
    Min,
}

fn read_reduction(ctx: &BuildCtx) -> Result<Reduction, OpError> {
    let choices = [
        ("none", Reduction::Replace),
        ("add", Reduction::Add),
        ("mul", Reduction::Mul),
        ("max", Reduction::Max),
        ("min", Reduction::Min),
    ];
    let known = match ctx.opset {
        ..16 => &choices[..1],
        16..18 => &choices[..3],
        _ => &choices[..],
    };
    choice(ctx, "reduction", known, Reduction::Replace)
}

/// Joins an element that is there with an update.
trait Joined: Element {
    fn joined(self, update: Self, reduction: Reduction) -> Self;
}

impl Joined for f32 {
    fn joined(self, update: Self, reduction: Reduction) -> Self {
        match reduction {
            Reduction::Replace => update,
            Reduction::Add => self + update,
            Reduction::Mul => self * update,
            Reduction::Max => {
                if self > update || self.is_nan() {
                    self
                } else {
                    update
                }
            }
            Reduction::Min => {
                if self < update || self.is_nan() {
                    self
                } else {
                    update
                }
            }
        }
    }
}

impl Joined for i64 {
    fn joined(self, update: Self, reduction: Reduction) -> Self {
        match reduction {
            Reduction::Replace => update,
            Reduction::Add => self.wrapping_add(update),
            Reduction::Mul => self.wrapping_mul(update),
            Reduction::Max => self.max(update),
            Reduction::Min => self.min(update),
        }
    }
}

impl Joined for bool {
    /// As with numbers 0 and 1.
    fn joined(self, update: Self, reduction: Reduction) -> Self {
        match reduction {
            Reduction::Replace => update,
            Reduction::Add | Reduction::Max => self || update,
            Reduction::Mul | Reduction::Min => self && update,
        }
    }
}

/// The updates of a scatter, which must have the data's type.
fn take_updates<T: Element>(inputs: &mut Inputs) -> Result<Array<T>, OpError> {
    T::unwrap_value(inputs.take(2)?).map_err(|other| {
        OpError::Invalid(format!("input 2 is {}, not of input 0's type", other.type_name()))
    })
}

/// `y = x`, then `y[index[i, j], j] = update[i, j]` for axis 0, and so on.
///
/// - Of several updates of one element the last wins, unless `reduction` joins them.
/// - Source: ONNX ScatterElements-11, -13, -16, -18.
#[derive(Debug)]
struct ScatterElements {
    axis: i64,
    reduction: Reduction,
}

fn build_scatter_elements(ctx: &BuildCtx) -> Result<Box<dyn Operator>, OpError> {
    Ok(Box::new(ScatterElements {
        axis: ctx.attributes.int_or("axis", 0)?,
        reduction: read_reduction(ctx)?,
    }))
}

impl Operator for ScatterElements {
    fn run(&self, inputs: &mut Inputs) -> Result<Vec<Value>, OpError> {
        let value = inputs.take(0)?;
        let indices = take_indices(inputs, 1)?;
        let axis = resolve_axis(self.axis, value.dims().len())?;
        let offsets = element_offsets(value.dims(), &indices, axis)?;
        Ok(vec![each_type!(value, array => {
            let updates = take_updates(inputs)?;
            if updates.shape() != indices.shape() {
                return Err(wrong_updates(updates.shape(), indices.shape()));
            }
            let slices = Slices { offsets: &offsets, len: 1 };
            Element::wrap(slices.write(array, &updates, self.reduction)?)
        })])
    }
}

fn wrong_updates(found: &[usize], expected: &[usize]) -> OpError {
    OpError::Invalid(format!("the updates have shape {found:?}, expected {expected:?}"))
}

/// `y = x`, then the slice each index tuple names is replaced by its update.
///
/// - Of several updates of one slice the last wins, unless `reduction` joins them.
/// - Source: ONNX ScatterND-11, -13, -16, -18.
#[derive(Debug)]
struct ScatterNd {
    reduction: Reduction,
}

fn build_scatter_nd(ctx: &BuildCtx) -> Result<Box<dyn Operator>, OpError> {
    Ok(Box::new(ScatterNd { reduction: read_reduction(ctx)? }))
}

impl Operator for ScatterNd {
    fn run(&self, inputs: &mut Inputs) -> Result<Vec<Value>, OpError> {
        let value = inputs.take(0)?;
        let indices = take_indices(inputs, 1)?;
        let dims = value.dims().to_vec();
        let tuples = IndexTuples::new(&dims, &indices)?;
        let tuple_axes = indices.shape().split_last().map_or(&[][..], |(_, rest)| rest);
        let expected = [tuple_axes, &dims[tuples.width..]].concat();
        Ok(vec![each_type!(value, array => {
            let updates = take_updates(inputs)?;
            if updates.shape() != expected {
                return Err(wrong_updates(updates.shape(), &expected));
            }
            let slices = Slices { offsets: &tuples.offsets, len: tuples.slice_len };
            Element::wrap(slices.write(array, &updates, self.reduction)?)
        })])
    }
}

/// Runs of `len` elements that start at `offsets`.
struct Slices<'a> {
    offsets: &'a [usize],
    len: usize,
}

impl Slices<'_> {
    fn write<T: Joined>(
        &self,
        array: Array<T>,
        updates: &Array<T>,
        reduction: Reduction,
    ) -> Result<Array<T>, OpError> {
        let dims = array.shape().to_vec();
        debug_assert_eq!(updates.len(), self.offsets.len() * self.len);
        let mut data = into_elements(array);
        if count_of(&dims) > 0 {
            let updates = elements(updates);
            for (&offset, update) in self.offsets.iter().zip(updates.chunks_exact(self.len.max(1)))
            {
                let targets = &mut data[offset..offset + self.len];
                targets.iter_mut().zip(update).for_each(|(x, &u)| *x = x.joined(u, reduction));
            }
        }
        array_of(&dims, data)
    }
}
