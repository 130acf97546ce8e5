//! Slice: a part of a value, in steps, along some axes.

use super::dense::{Array, Element, array_of, elements};
use super::strided::{StridedAxis, gather_strided, row_major_axes};
use crate::exec::operator::{BuildCtx, Inputs, OpError, Operator, OperatorEntry, resolve_axis};
use crate::model::Attributes;
use crate::tensor::Value;

pub static ENTRIES: &[OperatorEntry] =
    &[OperatorEntry { op: "Slice", opsets: (7, 23), build: build_slice }];

/// Elements `start, start + step, …` before `end` along each listed axis.
///
/// - Starts and ends below zero count from the back; both are clamped to the axis, so a slice may
///   be empty. A step may be negative, never zero.
/// - Before opset 10 starts, ends and axes are attributes, from then on inputs 1 to 4.
/// - Source: ONNX Slice-1, -10, -11, -13.
#[derive(Debug)]
struct Slice {
    attributes: Option<SliceLists>,
}

#[derive(Clone, Debug)]
struct SliceLists {
    starts: Vec<i64>,
    ends: Vec<i64>,
    axes: Option<Vec<i64>>,
    steps: Option<Vec<i64>>,
}

fn build_slice(ctx: &BuildCtx) -> Result<Box<dyn Operator>, OpError> {
    if ctx.opset >= 10 {
        return Ok(Box::new(Slice { attributes: None }));
    }
    Ok(Box::new(Slice {
        attributes: Some(SliceLists {
            starts: Attributes::required("starts", ctx.attributes.ints("starts")?)?,
            ends: Attributes::required("ends", ctx.attributes.ints("ends")?)?,
            axes: ctx.attributes.ints("axes")?,
            steps: None,
        }),
    }))
}

impl Operator for Slice {
    fn run(&self, inputs: &mut Inputs) -> Result<Vec<Value>, OpError> {
        let value = inputs.take(0)?;
        let lists = match &self.attributes {
            Some(lists) => lists.clone(),
            None => SliceLists {
                starts: inputs.take_ints(1)?,
                ends: inputs.take_ints(2)?,
                axes: inputs.take_optional_ints(3)?,
                steps: inputs.take_optional_ints(4)?,
            },
        };
        let view = lists.view(value.dims())?;
        Ok(vec![each_type!(value, array => Element::wrap(cut(&array, &view)?))])
    }
}

/// Where the part starts and how it walks.
struct View {
    offset: isize,
    axes: Vec<StridedAxis>,
}

fn cut<T: Element>(array: &Array<T>, view: &View) -> Result<Array<T>, OpError> {
    let dims: Vec<usize> = view.axes.iter().map(|axis| axis.len).collect();
    array_of(&dims, gather_strided(&elements(array), view.offset, &view.axes)?)
}

impl SliceLists {
    fn view(&self, dims: &[usize]) -> Result<View, OpError> {
        let n_lists = self.starts.len();
        let axes = match &self.axes {
            Some(axes) => axes.clone(),
            None => (0..n_lists as i64).collect(),
        };
        let steps = self.steps.clone().unwrap_or_else(|| vec![1; n_lists]);
        if self.ends.len() != n_lists || axes.len() != n_lists || steps.len() != n_lists {
            return Err(OpError::Invalid(format!(
                "{n_lists} starts, {} ends, {} axes and {} steps: there must be as many of each",
                self.ends.len(),
                axes.len(),
                steps.len()
            )));
        }
        let mut view = View { offset: 0, axes: row_major_axes(dims) };
        let mut is_cut = vec![false; dims.len()];
        for (((&start, &end), &axis), &step) in
            self.starts.iter().zip(&self.ends).zip(&axes).zip(&steps)
        {
            let axis = resolve_axis(axis, dims.len())?;
            if std::mem::replace(&mut is_cut[axis], true) {
                return Err(OpError::Invalid(format!("axes {axes:?} name axis {axis} twice")));
            }
            let (first, len) = range_of(start, end, step, dims[axis])?;
            let stride = view.axes[axis].stride;
            view.offset = view.offset.saturating_add(stride.saturating_mul(first as isize));
            view.axes[axis] = StridedAxis { len, stride: stride.saturating_mul(step as isize) };
        }
        Ok(view)
    }
}

/// First element and number of elements of a slice of an axis of `dim` elements.
fn range_of(start: i64, end: i64, step: i64, dim: usize) -> Result<(usize, usize), OpError> {
    if step == 0 {
        return Err(OpError::Invalid("a slice has step 0, it must not be zero".to_owned()));
    }
    let dim = dim as i64;
    let from_front = |at: i64| if at < 0 { at.saturating_add(dim) } else { at };
    let (first, len) = if step > 0 {
        let (start, end) = (from_front(start).clamp(0, dim), from_front(end).clamp(0, dim));
        (start, (end - start).max(0).unsigned_abs().div_ceil(step.unsigned_abs()))
    } else {
        let (start, end) =
            (from_front(start).clamp(-1, dim - 1), from_front(end).clamp(-1, dim - 1));
        (start, (start - end).max(0).unsigned_abs().div_ceil(step.unsigned_abs()))
    };
    // An empty slice starts nowhere.
    if len == 0 { Ok((0, 0)) } else { Ok((first.unsigned_abs() as usize, len as usize)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_those_of_numpy() {
        let cases = [
            ((0, 5, 1, 5), (0, 5)),
            ((-3, i64::MAX, 1, 5), (2, 3)),
            ((4, i64::MIN, -1, 5), (4, 5)),
            ((i64::MAX, i64::MIN, -2, 5), (4, 3)),
            ((3, 1, 1, 5), (0, 0)),
            ((1, 3, -1, 5), (0, 0)),
            ((0, 5, i64::MAX, 5), (0, 1)),
            ((4, i64::MIN, i64::MIN, 5), (4, 1)),
            ((0, 5, 2, 5), (0, 3)),
            ((-1, -6, -1, 5), (4, 5)),
            ((0, 1, 1, 0), (0, 0)),
            ((-1, i64::MIN, -1, 0), (0, 0)),
        ];
        for ((start, end, step, dim), want) in cases {
            assert_eq!(range_of(start, end, step, dim), Ok(want), "{start}:{end}:{step} of {dim}");
        }
        assert!(range_of(0, 1, 0, 5).is_err());
    }
}
