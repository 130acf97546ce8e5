//! The same elements in another order or number: Transpose, Concat, Split, Tile, Expand,
//! DepthToSpace, SpaceToDepth.

use super::attribute::{choice, positive};
use super::broadcast::broadcast_dims;
use super::dense::{Array, Element, array_of, count_of, elements};
use super::lanes::{LANES, LaneSizes, array_of_lanes, is_lanes, lanes_of};
use super::strided::{StridedAxis, gather_strided, row_major_axes, row_major_strides};
use crate::exec::operator::{
    BuildCtx, Inputs, OpError, Operator, OperatorEntry, output_count, resolve_axis,
};
use crate::model::Attributes;
use crate::tensor::Value;

pub static ENTRIES: &[OperatorEntry] = &[
    OperatorEntry { op: "Transpose", opsets: (7, 23), build: build_transpose },
    OperatorEntry { op: "Concat", opsets: (7, 23), build: build_concat },
    OperatorEntry { op: "Split", opsets: (7, 23), build: build_split },
    OperatorEntry { op: "Tile", opsets: (7, 23), build: |_| Ok(Box::new(Tile)) },
    OperatorEntry { op: "Expand", opsets: (8, 23), build: |_| Ok(Box::new(Expand)) },
    OperatorEntry { op: "DepthToSpace", opsets: (7, 23), build: build_depth_to_space },
    OperatorEntry { op: "SpaceToDepth", opsets: (7, 23), build: build_space_to_depth },
];

/// A row-major array whose elements are read from `array` along `axes`; `dims` has the same count
/// as the axes.
fn read_along<T: Element>(
    array: &Array<T>,
    axes: &[StridedAxis],
    dims: &[usize],
) -> Result<Array<T>, OpError> {
    array_of(dims, gather_strided(&elements(array), 0, axes)?)
}

/// Axes in the order of `perm`, reversed by default (ONNX Transpose-1 … -23).
#[derive(Debug)]
struct Transpose {
    perm: Option<Vec<i64>>,
}

fn build_transpose(ctx: &BuildCtx) -> Result<Box<dyn Operator>, OpError> {
    Ok(Box::new(Transpose { perm: ctx.attributes.ints("perm")? }))
}

impl Operator for Transpose {
    fn run(&self, inputs: &mut Inputs) -> Result<Vec<Value>, OpError> {
        let value = inputs.take(0)?;
        let rank = value.dims().len();
        let perm: Vec<usize> = match &self.perm {
            None => (0..rank).rev().collect(),
            Some(perm) => perm.iter().filter_map(|&axis| usize::try_from(axis).ok()).collect(),
        };
        let mut sorted = perm.clone();
        sorted.sort_unstable();
        if !sorted.into_iter().eq(0..rank) || self.perm.as_ref().is_some_and(|p| p.len() != rank) {
            return Err(OpError::Invalid(format!(
                "attribute \"perm\" is {:?}, it must name each of {rank} axes once",
                self.perm.as_deref().unwrap_or_default()
            )));
        }
        Ok(vec![each_type!(value, array => Element::wrap(transposed(&array, &perm)?))])
    }
}

/// `array` with its axes in the order of `perm`, which names each once.
pub(super) fn transposed<T: Element>(
    array: &Array<T>,
    perm: &[usize],
) -> Result<Array<T>, OpError> {
    let axes = row_major_axes(array.shape());
    let axes: Vec<StridedAxis> = perm.iter().filter_map(|&axis| axes.get(axis).copied()).collect();
    let dims: Vec<usize> = axes.iter().map(|axis| axis.len).collect();
    read_along(array, &axes, &dims)
}

/// Values joined along one axis (ONNX Concat-4, -11, -13).
#[derive(Debug)]
struct Concat {
    axis: i64,
}

fn build_concat(ctx: &BuildCtx) -> Result<Box<dyn Operator>, OpError> {
    let axis = Attributes::required("axis", ctx.attributes.int("axis")?)?;
    Ok(Box::new(Concat { axis }))
}

impl Operator for Concat {
    fn run(&self, inputs: &mut Inputs) -> Result<Vec<Value>, OpError> {
        let first = inputs.take(0)?;
        let axis = resolve_axis(self.axis, first.dims().len())?;
        Ok(vec![each_type!(first, array => Element::wrap(concatenated(array, inputs, axis)?))])
    }
}

/// Input 0, taken already, and the rest of `inputs`.
fn concatenated<T: Element>(
    first: Array<T>,
    inputs: &mut Inputs,
    axis: usize,
) -> Result<Array<T>, OpError> {
    let mut dims = first.shape().to_vec();
    let mut parts = vec![first];
    for idx in 1..inputs.len() {
        let part = T::unwrap_value(inputs.take(idx)?).map_err(|other| {
            OpError::Invalid(format!("input {idx} is {}, not of input 0's type", other.type_name()))
        })?;
        let fits = part.ndim() == dims.len()
            && part.shape().iter().zip(&dims).enumerate().all(|(i, (a, b))| i == axis || a == b);
        if !fits {
            return Err(OpError::Invalid(format!(
                "input {idx} of shape {:?} cannot be joined to {dims:?} along axis {axis}",
                part.shape()
            )));
        }
        dims[axis] = dims[axis].saturating_add(part.shape()[axis]);
        parts.push(part);
    }
    let count = output_count(&dims)?;
    let mut out = Vec::with_capacity(count);
    if axis == 1 && parts.iter().all(is_lanes) {
        // Channels of one position lie together, whatever follows.
        let sources: Vec<&[T]> = parts.iter().filter_map(lanes_of).collect();
        let lens: Vec<usize> = parts.iter().map(|part| LANES * part.shape()[1]).collect();
        for pixel in 0..LaneSizes::of(&dims).n_pixels {
            for (source, &len) in sources.iter().zip(&lens) {
                out.extend_from_slice(&source[pixel * len..(pixel + 1) * len]);
            }
        }
        return array_of_lanes(&dims, out);
    }
    let sources: Vec<_> = parts.iter().map(elements).collect();
    let chunk_lens: Vec<usize> = parts.iter().map(|part| count_of(&part.shape()[axis..])).collect();
    for outer_idx in 0..count_of(&dims[..axis]) {
        for (source, &len) in sources.iter().zip(&chunk_lens) {
            out.extend_from_slice(&source[outer_idx * len..(outer_idx + 1) * len]);
        }
    }
    array_of(&dims, out)
}

/// One value cut into several along an axis.
///
/// - Lengths come from the attribute `split` before opset 13, from input 1 from then on; without
///   them the parts are equal. From opset 18 `num_outputs` parts, the last one shorter if need be.
/// - Source: ONNX Split-2, -11, -13, -18.
#[derive(Debug)]
struct Split {
    axis: i64,
    lens: Option<Vec<i64>>,
    n_parts: usize,
    uneven: Uneven,
}

/// What happens when equal parts do not fill the axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Uneven {
    Refused,
    LastIsShorter,
}

fn build_split(ctx: &BuildCtx) -> Result<Box<dyn Operator>, OpError> {
    let lens = if ctx.opset < 13 { ctx.attributes.ints("split")? } else { None };
    let n_parts = ctx.n_outputs;
    if ctx.opset >= 18
        && let Some(wanted) = ctx.attributes.int("num_outputs")?
        && usize::try_from(wanted) != Ok(n_parts)
    {
        return Err(OpError::Invalid(format!(
            "attribute \"num_outputs\" is {wanted}, the node has {n_parts} outputs"
        )));
    }
    Ok(Box::new(Split {
        axis: ctx.attributes.int_or("axis", 0)?,
        lens,
        n_parts,
        uneven: if ctx.opset >= 18 { Uneven::LastIsShorter } else { Uneven::Refused },
    }))
}

impl Operator for Split {
    fn run(&self, inputs: &mut Inputs) -> Result<Vec<Value>, OpError> {
        let value = inputs.take(0)?;
        let axis = resolve_axis(self.axis, value.dims().len())?;
        let lens = match &self.lens {
            Some(lens) => Some(lens.clone()),
            None => inputs.take_optional_ints(1)?,
        };
        let lens = self.part_lens(value.dims()[axis], lens)?;
        each_type!(value, array => split(&array, axis, &lens))
    }
}

impl Split {
    fn part_lens(&self, len: usize, wanted: Option<Vec<i64>>) -> Result<Vec<usize>, OpError> {
        let Some(wanted) = wanted else {
            let part = len.div_ceil(self.n_parts.max(1));
            if self.uneven == Uneven::Refused && part * self.n_parts != len {
                return Err(OpError::Invalid(format!(
                    "an axis of {len} cannot be cut into {} equal parts",
                    self.n_parts
                )));
            }
            return Ok((0..self.n_parts)
                .map(|idx| part.min(len.saturating_sub(idx * part)))
                .collect());
        };
        let lens: Option<Vec<usize>> =
            wanted.iter().map(|&len| usize::try_from(len).ok()).collect();
        lens.filter(|lens| lens.len() == self.n_parts)
            .filter(|lens| lens.iter().try_fold(0usize, |sum, &l| sum.checked_add(l)) == Some(len))
            .ok_or_else(|| {
                OpError::Invalid(format!(
                    "\"split\" is {wanted:?}, expected {} lengths that sum up to {len}",
                    self.n_parts
                ))
            })
    }
}

fn split<T: Element>(array: &Array<T>, axis: usize, lens: &[usize]) -> Result<Vec<Value>, OpError> {
    let data = elements(array);
    let mut dims = array.shape().to_vec();
    let inner = count_of(&dims[axis + 1..]);
    let row_len = dims[axis] * inner;
    let mut first = 0;
    let mut parts = Vec::with_capacity(lens.len());
    for &len in lens {
        dims[axis] = len;
        let mut part = Vec::with_capacity(count_of(&dims));
        for row in data.chunks_exact(row_len.max(1)) {
            part.extend_from_slice(&row[first * inner..(first + len) * inner]);
        }
        parts.push(T::wrap(array_of(&dims, part)?));
        first += len;
    }
    Ok(parts)
}

/// The value repeated along each axis as often as input 1 says (ONNX Tile-6, -13).
#[derive(Debug)]
struct Tile;

impl Operator for Tile {
    fn run(&self, inputs: &mut Inputs) -> Result<Vec<Value>, OpError> {
        let value = inputs.take(0)?;
        let repeats = inputs.take_ints(1)?;
        let found = value.dims();
        let counts: Option<Vec<usize>> = repeats.iter().map(|&n| usize::try_from(n).ok()).collect();
        let counts = counts.filter(|counts| counts.len() == found.len()).ok_or_else(|| {
            OpError::Invalid(format!(
                "repeats are {repeats:?}, expected one count ≥ 0 for each axis of {found:?}"
            ))
        })?;
        let dims: Vec<usize> =
            found.iter().zip(&counts).map(|(dim, count)| dim.saturating_mul(*count)).collect();
        output_count(&dims)?;
        let axes: Vec<StridedAxis> = row_major_axes(found)
            .into_iter()
            .zip(&counts)
            .flat_map(|(axis, &len)| [StridedAxis { len, stride: 0 }, axis])
            .collect();
        Ok(vec![each_type!(value, array => Element::wrap(read_along(&array, &axes, &dims)?))])
    }
}

/// The value broadcast against the shape in input 1, both ways (ONNX Expand-8, -13).
#[derive(Debug)]
struct Expand;

impl Operator for Expand {
    fn run(&self, inputs: &mut Inputs) -> Result<Vec<Value>, OpError> {
        let value = inputs.take(0)?;
        let wanted = inputs.take_ints(1)?;
        let shape: Option<Vec<usize>> =
            wanted.iter().map(|&dim| usize::try_from(dim).ok()).collect();
        let shape = shape.ok_or_else(|| {
            OpError::Invalid(format!("the shape is {wanted:?}, dimensions must be at least 0"))
        })?;
        let dims = broadcast_dims(value.dims(), &shape)?;
        Ok(vec![each_type!(value, array => Element::wrap(broadcast_to(&array, &dims)?))])
    }
}

/// `array` repeated to the shape `dims`, against which it broadcasts.
pub(super) fn broadcast_to<T: Element>(
    array: &Array<T>,
    dims: &[usize],
) -> Result<Array<T>, OpError> {
    output_count(dims)?;
    let missing = dims.len().saturating_sub(array.ndim());
    let own = row_major_strides(array.shape());
    let axes: Vec<StridedAxis> = dims
        .iter()
        .enumerate()
        .map(|(axis_idx, &len)| {
            let own_axis = axis_idx.checked_sub(missing);
            let own = own_axis.and_then(|idx| Some((array.shape().get(idx)?, own.get(idx)?)));
            let stride =
                own.filter(|(own_len, _)| **own_len == len).map_or(0, |(_, &stride)| stride);
            StridedAxis { len, stride }
        })
        .collect();
    read_along(array, &axes, dims)
}

/// Blocks of channels laid out as pixels, or back.
///
/// - `DepthToSpace`: `[N, C·b², H, W]` to `[N, C, H·b, W·b]`; mode DCR takes the block from the
///   outer part of the channel, CRD from the inner. `SpaceToDepth` undoes DCR.
/// - Source: ONNX DepthToSpace-1, -11, -13; SpaceToDepth-1, -13.
#[derive(Debug)]
struct Blocks {
    size: usize,
    way: Way,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    DepthColumnRow,
    ColumnRowDepth,
    ToDepth,
}

fn build_depth_to_space(ctx: &BuildCtx) -> Result<Box<dyn Operator>, OpError> {
    Attributes::required("blocksize", ctx.attributes.int("blocksize")?)?;
    let modes = [("DCR", Way::DepthColumnRow), ("CRD", Way::ColumnRowDepth)];
    let way = match ctx.opset {
        ..11 => Way::DepthColumnRow,
        _ => choice(ctx, "mode", &modes, Way::DepthColumnRow)?,
    };
    Ok(Box::new(Blocks { size: positive(ctx, "blocksize", 1)?, way }))
}

fn build_space_to_depth(ctx: &BuildCtx) -> Result<Box<dyn Operator>, OpError> {
    Attributes::required("blocksize", ctx.attributes.int("blocksize")?)?;
    Ok(Box::new(Blocks { size: positive(ctx, "blocksize", 1)?, way: Way::ToDepth }))
}

impl Operator for Blocks {
    fn run(&self, inputs: &mut Inputs) -> Result<Vec<Value>, OpError> {
        let value = inputs.take(0)?;
        let (inner, perm, dims) = self.layout(value.dims())?;
        Ok(vec![each_type!(value, array => {
            let axes = row_major_axes(&inner);
            let axes: Vec<StridedAxis> = perm.iter().map(|&axis| axes[axis]).collect();
            Element::wrap(read_along(&array, &axes, &dims)?)
        })])
    }
}

/// The input as six axes, their order in the output, and the output's four dimensions.
type BlockLayout = ([usize; 6], [usize; 6], [usize; 4]);

impl Blocks {
    fn layout(&self, found: &[usize]) -> Result<BlockLayout, OpError> {
        let size = self.size;
        let refused = || {
            OpError::Invalid(format!(
                "attribute \"blocksize\" is {size}, which does not divide the input of shape {found:?}"
            ))
        };
        let &[batch, channels, height, width] = found else { return Err(refused()) };
        let area = size.checked_mul(size).ok_or_else(refused)?;
        let divides = match self.way {
            Way::ToDepth => height.is_multiple_of(size) && width.is_multiple_of(size),
            _ => channels.is_multiple_of(area),
        };
        if !divides {
            return Err(refused());
        }
        let (depth, rows, cols) = (channels / area, height / size, width / size);
        let upscaled = [batch, depth, height.saturating_mul(size), width.saturating_mul(size)];
        Ok(match self.way {
            Way::DepthColumnRow => {
                ([batch, size, size, depth, height, width], [0, 3, 4, 1, 5, 2], upscaled)
            }
            Way::ColumnRowDepth => {
                ([batch, depth, size, size, height, width], [0, 1, 4, 2, 5, 3], upscaled)
            }
            Way::ToDepth => (
                [batch, channels, rows, size, cols, size],
                [0, 3, 5, 1, 2, 4],
                [batch, channels.saturating_mul(area), rows, cols],
            ),
        })
    }
}
