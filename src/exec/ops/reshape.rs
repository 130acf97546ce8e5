//! The same elements under another shape, and values passed on: Reshape, Flatten, Squeeze,
//! Unsqueeze, Identity, Dropout.

use ndarray::{ArcArray, IxDyn};

use super::attribute::switch;
use super::dense::{Element, count_of, reshaped};
use crate::exec::operator::{
    BuildCtx, Inputs, OpError, Operator, OperatorEntry, output_count, resolve_axis,
};
use crate::model::Attributes;
use crate::tensor::Value;

pub static ENTRIES: &[OperatorEntry] = &[
    OperatorEntry { op: "Reshape", opsets: (7, 23), build: build_reshape },
    OperatorEntry { op: "Flatten", opsets: (7, 23), build: build_flatten },
    OperatorEntry { op: "Squeeze", opsets: (7, 23), build: build_squeeze },
    OperatorEntry { op: "Unsqueeze", opsets: (7, 23), build: build_unsqueeze },
    OperatorEntry { op: "Identity", opsets: (7, 23), build: |_| Ok(Box::new(Identity)) },
    OperatorEntry { op: "Dropout", opsets: (7, 23), build: build_dropout },
];

/// The value with another shape; row-major values are not copied.
fn with_dims(value: Value, dims: &[usize]) -> Result<Value, OpError> {
    Ok(each_type!(value, array => Element::wrap(reshaped(array, dims)?)))
}

/// Gives the value the shape of input 1: −1 is found from the rest, 0 copies the input's dimension
/// unless `allowzero` is set (ONNX Reshape-5, -13, -14, -19, -21, -23).
#[derive(Debug)]
struct Reshape {
    zero: ZeroDim,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ZeroDim {
    CopiesInput,
    IsZero,
}

fn build_reshape(ctx: &BuildCtx) -> Result<Box<dyn Operator>, OpError> {
    let allows_zero = ctx.opset >= 14 && switch(ctx, "allowzero", 0)?;
    let zero = if allows_zero { ZeroDim::IsZero } else { ZeroDim::CopiesInput };
    Ok(Box::new(Reshape { zero }))
}

impl Operator for Reshape {
    fn run(&self, inputs: &mut Inputs) -> Result<Vec<Value>, OpError> {
        let value = inputs.take(0)?;
        let wanted = inputs.take_ints(1)?;
        let dims = self.dims(value.dims(), &wanted)?;
        Ok(vec![with_dims(value, &dims)?])
    }
}

impl Reshape {
    fn dims(&self, found: &[usize], wanted: &[i64]) -> Result<Vec<usize>, OpError> {
        let refused = || {
            OpError::Invalid(format!("a value of shape {found:?} cannot take the shape {wanted:?}"))
        };
        let mut dims = Vec::with_capacity(wanted.len());
        let mut free = None;
        for (axis, &dim) in wanted.iter().enumerate() {
            dims.push(match (dim, self.zero) {
                (-1, _) => {
                    if free.replace(axis).is_some() {
                        return Err(refused());
                    }
                    1
                }
                (0, ZeroDim::CopiesInput) => *found.get(axis).ok_or_else(refused)?,
                (dim, _) => usize::try_from(dim).map_err(|_| refused())?,
            });
        }
        if let Some(axis) = free {
            let rest = output_count(&dims)?;
            let count = count_of(found);
            let fits = rest != 0 && count.is_multiple_of(rest);
            dims[axis] = if fits { count / rest } else { return Err(refused()) };
        }
        Ok(dims)
    }
}

/// Two dimensions: the axes before `axis`, and those from it on (ONNX Flatten-1 … -21).
#[derive(Debug)]
struct Flatten {
    axis: i64,
}

fn build_flatten(ctx: &BuildCtx) -> Result<Box<dyn Operator>, OpError> {
    Ok(Box::new(Flatten { axis: ctx.attributes.int_or("axis", 1)? }))
}

impl Operator for Flatten {
    fn run(&self, inputs: &mut Inputs) -> Result<Vec<Value>, OpError> {
        let value = inputs.take(0)?;
        let rank = value.dims().len();
        // `axis` may also stand behind the last dimension.
        let axis = match usize::try_from(self.axis) {
            Ok(axis) if axis == rank => axis,
            _ => resolve_axis(self.axis, rank)?,
        };
        let (before, after) = value.dims().split_at(axis);
        let dims = [count_of(before), count_of(after)];
        Ok(vec![with_dims(value, &dims)?])
    }
}

/// Where the list of axes comes from: an attribute before opset 13, input 1 from then on.
#[derive(Debug)]
enum Axes {
    Attribute(Option<Vec<i64>>),
    Input,
}

impl Axes {
    fn read(ctx: &BuildCtx) -> Result<Self, OpError> {
        Ok(match ctx.opset {
            ..13 => Self::Attribute(ctx.attributes.ints("axes")?),
            _ => Self::Input,
        })
    }

    fn get(&self, inputs: &mut Inputs) -> Result<Option<Vec<i64>>, OpError> {
        match self {
            Self::Attribute(axes) => Ok(axes.clone()),
            Self::Input => inputs.take_optional_ints(1),
        }
    }
}

/// For each of `rank` axes, whether it is listed.
fn marked(axes: &[i64], rank: usize) -> Result<Vec<bool>, OpError> {
    let mut marks = vec![false; rank];
    for &axis in axes {
        let resolved = resolve_axis(axis, rank)?;
        if std::mem::replace(&mut marks[resolved], true) {
            return Err(OpError::Invalid(format!("axes {axes:?} name axis {resolved} twice")));
        }
    }
    Ok(marks)
}

/// Drops axes of length 1: those listed, or all of them (ONNX Squeeze-1, -11, -13, -21, -23).
#[derive(Debug)]
struct Squeeze {
    axes: Axes,
}

fn build_squeeze(ctx: &BuildCtx) -> Result<Box<dyn Operator>, OpError> {
    Ok(Box::new(Squeeze { axes: Axes::read(ctx)? }))
}

impl Operator for Squeeze {
    fn run(&self, inputs: &mut Inputs) -> Result<Vec<Value>, OpError> {
        let value = inputs.take(0)?;
        let found = value.dims();
        let dropped = match self.axes.get(inputs)? {
            Some(axes) => marked(&axes, found.len())?,
            None => found.iter().map(|&dim| dim == 1).collect(),
        };
        if found.iter().zip(&dropped).any(|(&dim, &dropped)| dropped && dim != 1) {
            return Err(OpError::Invalid(format!(
                "an axis to squeeze out of {found:?} is longer than 1"
            )));
        }
        let kept = found.iter().zip(&dropped).filter(|(_, dropped)| !**dropped);
        let dims: Vec<usize> = kept.map(|(&dim, _)| dim).collect();
        Ok(vec![with_dims(value, &dims)?])
    }
}

/// Inserts axes of length 1 at the listed places of the result (ONNX Unsqueeze-1, -11, -13, -21, -23).
#[derive(Debug)]
struct Unsqueeze {
    axes: Axes,
}

fn build_unsqueeze(ctx: &BuildCtx) -> Result<Box<dyn Operator>, OpError> {
    let axes = Axes::read(ctx)?;
    if let Axes::Attribute(axes) = &axes {
        Attributes::required("axes", axes.as_ref())?;
    }
    Ok(Box::new(Unsqueeze { axes }))
}

impl Operator for Unsqueeze {
    fn run(&self, inputs: &mut Inputs) -> Result<Vec<Value>, OpError> {
        let value = inputs.take(0)?;
        let Some(axes) = self.axes.get(inputs)? else {
            return Err(OpError::Invalid("input 1 is missing".to_owned()));
        };
        let inserted = marked(&axes, value.dims().len().saturating_add(axes.len()))?;
        let mut found = value.dims().iter();
        let dims: Vec<usize> = inserted
            .iter()
            .filter_map(|inserted| if *inserted { Some(1) } else { found.next().copied() })
            .collect();
        Ok(vec![with_dims(value, &dims)?])
    }
}

/// Passes its input on (ONNX Identity-1 … -23).
#[derive(Debug)]
struct Identity;

impl Operator for Identity {
    fn run(&self, inputs: &mut Inputs) -> Result<Vec<Value>, OpError> {
        Ok(vec![inputs.take(0)?])
    }
}

/// Passes its input on: inference drops nothing. The optional mask is all true (ones before opset
/// 10). Training mode is refused (ONNX Dropout-7, -10, -12, -13, -22).
#[derive(Debug)]
struct Dropout {
    mask: Mask,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mask {
    Unwanted,
    Ones,
    True,
}

fn build_dropout(ctx: &BuildCtx) -> Result<Box<dyn Operator>, OpError> {
    let mask = match (ctx.n_outputs, ctx.opset) {
        (..2, _) => Mask::Unwanted,
        (_, ..10) => Mask::Ones,
        _ => Mask::True,
    };
    Ok(Box::new(Dropout { mask }))
}

impl Operator for Dropout {
    fn run(&self, inputs: &mut Inputs) -> Result<Vec<Value>, OpError> {
        let value = inputs.take(0)?;
        if let Some(Value::Bool(training)) = inputs.take_optional(2)
            && training.iter().any(|&on| on)
        {
            return Err(OpError::Unsupported("dropout in training mode".to_owned()));
        }
        let dims = IxDyn(value.dims());
        let mask = match self.mask {
            Mask::Unwanted => None,
            Mask::Ones => Some(Value::F32(ArcArray::from_elem(dims, 1.0))),
            Mask::True => Some(Value::Bool(ArcArray::from_elem(dims, true))),
        };
        Ok(std::iter::once(value).chain(mask).collect())
    }
}
