//! Pad: elements added or taken away at the ends of axes.

use super::attribute::{at_most_inputs, choice};
use super::dense::{Array, Element, array_of, elements};
use super::strided::row_major_strides;
use crate::exec::operator::{
    BuildCtx, Inputs, OpError, Operator, OperatorEntry, output_count, resolve_axis,
};
use crate::model::Attributes;
use crate::tensor::Value;

pub static ENTRIES: &[OperatorEntry] =
    &[OperatorEntry { op: "Pad", opsets: (7, 23), build: build_pad }];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Constant,
    /// Mirrored, without the edge element itself.
    Reflect,
    /// The edge element repeated.
    Edge,
    /// Continued from the other end.
    Wrap,
}

/// Adds elements before and after each axis; a negative pad takes them away.
///
/// - Pads: begins of all axes, then ends; from opset 18 of the axes in input 3 only. An attribute
///   before opset 11, input 1 from then on, as is the constant (default 0).
/// - Where an axis is cut at one end and padded at the other, it is cut first.
/// - Reflect, edge and wrap need an element to repeat. A reflection longer than the axis goes back
///   and forth.
/// - Source: ONNX Pad-2, -11, -13, -18, -19, -21, -23.
#[derive(Debug)]
struct Pad {
    mode: Mode,
    attributes: Option<PadAttributes>,
}

#[derive(Debug)]
struct PadAttributes {
    pads: Vec<i64>,
    constant: f32,
}

fn build_pad(ctx: &BuildCtx) -> Result<Box<dyn Operator>, OpError> {
    let modes = [
        ("constant", Mode::Constant),
        ("reflect", Mode::Reflect),
        ("edge", Mode::Edge),
        ("wrap", Mode::Wrap),
    ];
    let known = if ctx.opset < 19 { &modes[..3] } else { &modes[..] };
    let mode = choice(ctx, "mode", known, Mode::Constant)?;
    at_most_inputs(
        ctx,
        match ctx.opset {
            ..11 => 1,
            11..18 => 3,
            _ => 4,
        },
    )?;
    if ctx.opset >= 11 {
        return Ok(Box::new(Pad { mode, attributes: None }));
    }
    let pads = Attributes::required("pads", ctx.attributes.ints("pads")?)?;
    let constant = ctx.attributes.float_or("value", 0.0)?;
    Ok(Box::new(Pad { mode, attributes: Some(PadAttributes { pads, constant }) }))
}

impl Operator for Pad {
    fn run(&self, inputs: &mut Inputs) -> Result<Vec<Value>, OpError> {
        let value = inputs.take(0)?;
        let (pads, constant, axes) = match &self.attributes {
            Some(PadAttributes { pads, constant }) => {
                let constant = array_of(&[], vec![*constant])?;
                (pads.clone(), Some(Value::F32(constant)), None)
            }
            None => (inputs.take_ints(1)?, inputs.take_optional(2), inputs.take_optional_ints(3)?),
        };
        let pads = pads_by_axis(&pads, axes.as_deref(), value.dims().len())?;
        let axes: Vec<PaddedAxis> = value
            .dims()
            .iter()
            .zip(&pads)
            .map(|(&len, &(begin, end))| PaddedAxis::new(self.mode, len, begin, end))
            .collect::<Result<_, _>>()?;
        Ok(vec![each_type!(value, array => {
            Element::wrap(padded(&array, &axes, constant_of(constant)?)?)
        })])
    }
}

/// The constant, which must have the data's type.
fn constant_of<T: Element>(value: Option<Value>) -> Result<T, OpError> {
    let Some(value) = value else { return Ok(T::default()) };
    let array = T::unwrap_value(value).map_err(|other| {
        OpError::Invalid(format!("the constant is {}, not of input 0's type", other.type_name()))
    })?;
    match (array.len(), array.first()) {
        (1, Some(&constant)) => Ok(constant),
        _ => Err(OpError::Invalid(format!(
            "the constant has shape {:?}, it must be one element",
            array.shape()
        ))),
    }
}

/// Begin and end pad of every axis.
fn pads_by_axis(
    pads: &[i64],
    axes: Option<&[i64]>,
    rank: usize,
) -> Result<Vec<(i64, i64)>, OpError> {
    let n_listed = axes.map_or(rank, <[i64]>::len);
    if Some(pads.len()) != n_listed.checked_mul(2) {
        return Err(OpError::Invalid(format!(
            "pads {pads:?} must hold a begin and an end for each of {n_listed} axes"
        )));
    }
    let (begins, ends) = pads.split_at(n_listed);
    let mut by_axis = vec![(0, 0); rank];
    for (idx, pair) in begins.iter().copied().zip(ends.iter().copied()).enumerate() {
        let axis = match axes.and_then(|axes| axes.get(idx)) {
            Some(&axis) => resolve_axis(axis, rank)?,
            None => idx,
        };
        by_axis[axis] = pair;
    }
    Ok(by_axis)
}

/// Longest axis that is padded; its table of positions takes memory too.
const MAX_LEN: usize = 1 << 26;

/// Where each output position along one axis reads.
struct PaddedAxis {
    /// Input position, or `None` for the constant.
    sources: Vec<Option<usize>>,
}

impl PaddedAxis {
    fn new(mode: Mode, len: usize, begin: i64, end: i64) -> Result<Self, OpError> {
        let refused = || {
            OpError::Invalid(format!(
                "an axis of {len} cannot be padded by {begin} and {end} ({mode:?})"
            ))
        };
        let signed_len = i64::try_from(len).map_err(|_| refused())?;
        let out_len = begin.checked_add(end).and_then(|pad| pad.checked_add(signed_len));
        let out_len = out_len.and_then(|out| usize::try_from(out).ok()).ok_or_else(refused)?;
        if out_len > MAX_LEN {
            return Err(OpError::Unsupported(format!(
                "an axis padded to {out_len} (limit {MAX_LEN})"
            )));
        }
        // What is left of the axis after cutting.
        let first = begin.min(0).unsigned_abs() as usize;
        let last = len.checked_sub(end.min(0).unsigned_abs() as usize).ok_or_else(refused)?;
        let kept = last.checked_sub(first).ok_or_else(refused)?;
        if kept == 0 && mode != Mode::Constant && out_len > 0 {
            return Err(refused());
        }
        let source = |position: usize| {
            let at = position as i64 - begin.max(0);
            let source = match usize::try_from(at).ok().filter(|&at| at < kept) {
                Some(at) => Some(at),
                None => mode.source(at, kept as i64),
            };
            source.map(|at| at + first)
        };
        Ok(Self { sources: (0..out_len).map(source).collect() })
    }
}

impl Mode {
    /// The position that stands for `at`, which lies outside an axis of `len` > 0.
    fn source(self, at: i64, len: i64) -> Option<usize> {
        let position = match self {
            Self::Constant => return None,
            Self::Edge => at.clamp(0, len - 1),
            Self::Wrap => at.rem_euclid(len),
            Self::Reflect => {
                let period = (2 * (len - 1)).max(1);
                let phase = at.rem_euclid(period);
                phase.min(period - phase).min(len - 1)
            }
        };
        usize::try_from(position).ok()
    }
}

fn padded<T: Element>(
    array: &Array<T>,
    axes: &[PaddedAxis],
    constant: T,
) -> Result<Array<T>, OpError> {
    let dims: Vec<usize> = axes.iter().map(|axis| axis.sources.len()).collect();
    let count = output_count(&dims)?;
    let data = elements(array);
    let Some((inner, outer)) = axes.split_last() else {
        return array_of(&dims, data.into_owned());
    };
    let strides = row_major_strides(array.shape());
    let mut out = Vec::with_capacity(count);
    if count == 0 {
        return array_of(&dims, out);
    }
    let mut position = vec![0usize; outer.len()];
    while out.len() < count {
        let row_start =
            position.iter().zip(outer).zip(&strides).try_fold(0, |sum, ((&at, axis), stride)| {
                Some(sum + axis.sources[at]? * stride.unsigned_abs())
            });
        match row_start {
            None => out.resize(out.len() + inner.sources.len(), constant),
            Some(start) => out.extend(
                inner.sources.iter().map(|source| source.map_or(constant, |at| data[start + at])),
            ),
        }
        for (at, axis) in position.iter_mut().zip(outer).rev() {
            *at += 1;
            if *at < axis.sources.len() {
                break;
            }
            *at = 0;
        }
    }
    array_of(&dims, out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_of_every_mode() {
        let row = |mode, len, begin, end| {
            let axis = PaddedAxis::new(mode, len, begin, end).unwrap();
            axis.sources.iter().map(|at| at.map_or(-1, |at| at as i64)).collect::<Vec<i64>>()
        };
        assert_eq!(row(Mode::Constant, 3, 1, 2), [-1, 0, 1, 2, -1, -1]);
        assert_eq!(row(Mode::Edge, 3, 2, 1), [0, 0, 0, 1, 2, 2]);
        assert_eq!(row(Mode::Reflect, 3, 5, 0), [1, 0, 1, 2, 1, 0, 1, 2]);
        assert_eq!(row(Mode::Reflect, 1, 2, 0), [0, 0, 0]);
        assert_eq!(row(Mode::Wrap, 3, 4, 1), [2, 0, 1, 2, 0, 1, 2, 0]);
        assert_eq!(row(Mode::Constant, 4, -1, -2), [1]);
        // Cut first, then padded.
        assert_eq!(row(Mode::Edge, 4, -2, 2), [2, 3, 3, 3]);
        assert_eq!(row(Mode::Constant, 2, -2, 0), [0i64; 0]);
        for (begin, end) in [(-3, 0), (-2, -1), (i64::MAX, 1), (i64::MIN, 0), (1 << 40, 0), (-3, 9)]
        {
            assert!(PaddedAxis::new(Mode::Constant, 2, begin, end).is_err(), "{begin} {end}");
        }
        assert!(PaddedAxis::new(Mode::Reflect, 0, 1, 0).is_err());
    }
}
