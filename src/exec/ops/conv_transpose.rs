//! Transposed convolution (ONNX ConvTranspose): a matrix product makes every input pixel's
//! contributions, which are then added up where they fall.

use super::attribute::{at_most_inputs, non_negative_list, positive, positive_list};
use super::conv::check_bias;
use super::dense::{array_of, count_of, elements};
use super::matrix::{Bias, MatrixRef, Product, Reading};
use super::window::{AutoPad, WindowAttributes, WindowAxis, three_axes};
use crate::exec::operator::{BuildCtx, Inputs, OpError, Operator, OperatorEntry, output_count};
use crate::tensor::{Tensor, Value};

pub static ENTRIES: &[OperatorEntry] =
    &[OperatorEntry { op: "ConvTranspose", opsets: (7, 23), build }];

/// `y[n, m, i·stride + k·dilation − pad] += w[c,m,k] · x[n,c,i]`, plus the bias.
///
/// - Inputs: `x` `[N, C, spatial…]`, `w` `[C, M/group, kernel…]`, optional `bias` `[M]`; output
///   `[N, M, outputs…]` with
///   `output = stride·(input − 1) + output_padding + (kernel − 1)·dilation + 1 − pads`, or
///   `output_shape` with the pads that follow from it.
/// - One to three spatial axes. Sums are `f32`.
/// - Source: ONNX ConvTranspose-1, -11, -22.
#[derive(Debug)]
struct ConvTranspose {
    window: WindowAttributes,
    output_padding: Option<Vec<usize>>,
    output_shape: Option<Vec<usize>>,
    group: usize,
}

fn build(ctx: &BuildCtx) -> Result<Box<dyn Operator>, OpError> {
    at_most_inputs(ctx, 3)?;
    Ok(Box::new(ConvTranspose {
        window: WindowAttributes::read(ctx)?,
        output_padding: non_negative_list(ctx, "output_padding")?,
        output_shape: positive_list(ctx, "output_shape")?,
        group: positive(ctx, "group", 1)?,
    }))
}

/// The most contributions held at once, unless one output channel has more.
const MAX_CONTRIBUTIONS: usize = 1 << 20;

/// Sizes of a transposed convolution. The axes are those of the convolution it transposes: their
/// `output` is this operator's input and the other way round.
struct TransposedShape {
    n_in: usize,
    n_out: usize,
    axes: [WindowAxis; 3],
    out_dims: Vec<usize>,
}

impl Operator for ConvTranspose {
    fn run(&self, inputs: &mut Inputs) -> Result<Vec<Value>, OpError> {
        let (input, weight) = (inputs.take_f32(0)?, inputs.take_f32(1)?);
        let bias = inputs.take_optional_f32(2)?;
        let shape = self.shape(&input, &weight, bias.as_ref())?;
        let mut out = vec![0.0; output_count(&shape.out_dims)?];
        let (input, weight) = (elements(&input), elements(&weight));
        let bias = bias.as_ref().map(elements);
        let plane_len = count_of(&shape.axes.map(|axis| axis.input));
        if let Some(bias) = &bias {
            let planes = out.chunks_exact_mut(plane_len.max(1));
            planes.zip(bias.iter().cycle()).for_each(|(plane, &b)| plane.fill(b));
        }
        if shape.n_in > 0 && !out.is_empty() {
            let image_len = shape.n_in * count_of(&shape.axes.map(|axis| axis.output));
            let outs = out.chunks_exact_mut(shape.n_out * plane_len);
            for (image, out) in input.chunks_exact(image_len).zip(outs) {
                self.add_image(&shape, image, &weight, out)?;
            }
        }
        Ok(vec![array_of(&shape.out_dims, out)?.into()])
    }
}

impl ConvTranspose {
    fn shape(
        &self,
        input: &Tensor,
        weight: &Tensor,
        bias: Option<&Tensor>,
    ) -> Result<TransposedShape, OpError> {
        let (x, w) = (input.shape(), weight.shape());
        let ([batch, n_in, spatial @ ..], [weight_in, group_out, kernel @ ..]) = (x, w) else {
            return Err(OpError::Invalid(format!(
                "shapes {x:?} and {w:?} need at least 3 dimensions"
            )));
        };
        if x.len() != w.len() || spatial.is_empty() || n_in != weight_in {
            return Err(OpError::Invalid(format!(
                "input of shape {x:?} and weight of shape {w:?}: ranks of at least 3 and channels must agree"
            )));
        }
        if n_in % self.group != 0 {
            return Err(OpError::Invalid(format!(
                "attribute \"group\" is {}, it must divide the {n_in} input channels",
                self.group
            )));
        }
        if let Some(wanted) = self.window.kernel.as_deref().filter(|wanted| *wanted != kernel) {
            return Err(OpError::Invalid(format!(
                "attribute \"kernel_shape\" is {wanted:?}, the weight's kernel is {kernel:?}"
            )));
        }
        if kernel.contains(&0) || spatial.contains(&0) {
            return Err(OpError::Invalid(format!(
                "the kernel is {kernel:?} and the input's spatial shape {spatial:?}, neither may be empty"
            )));
        }
        let n_out = group_out.saturating_mul(self.group);
        check_bias(bias, n_out)?;
        let axes = self.axes(spatial, kernel)?;
        let out_dims =
            [*batch, n_out].into_iter().chain(axes.iter().map(|axis| axis.input)).collect();
        Ok(TransposedShape { n_in: *n_in, n_out, axes: three_axes(&axes)?, out_dims })
    }

    fn axes(&self, spatial: &[usize], kernel: &[usize]) -> Result<Vec<WindowAxis>, OpError> {
        let n_axes = spatial.len();
        let per_axis = |name: &str, list: &Option<Vec<usize>>, default: usize, len: usize| {
            let list = list.clone().unwrap_or_else(|| vec![default; len]);
            match list.len() == len {
                true => Ok(list),
                false => Err(OpError::Invalid(format!(
                    "attribute {name:?} has {} entries, the input's shape asks for {len}",
                    list.len()
                ))),
            }
        };
        let strides = per_axis("strides", &self.window.strides, 1, n_axes)?;
        let dilations = per_axis("dilations", &self.window.dilations, 1, n_axes)?;
        let extra = per_axis("output_padding", &self.output_padding, 0, n_axes)?;
        let wanted = match &self.output_shape {
            Some(_) => Some(per_axis("output_shape", &self.output_shape, 0, n_axes)?),
            None => None,
        };
        let pads = per_axis("pads", &self.window.pads, 0, 2 * n_axes)?;
        (0..n_axes)
            .map(|i| {
                let axis = WindowAxis {
                    input: 0,
                    kernel: kernel[i],
                    stride: strides[i],
                    dilation: dilations[i],
                    pad_begin: pads[i],
                    pad_end: pads[n_axes + i],
                    output: spatial[i],
                };
                self.fitted(axis, extra[i], wanted.as_ref().map(|wanted| wanted[i]))
            })
            .collect()
    }

    /// Finds the pads that are not given, and the output's length.
    fn fitted(
        &self,
        mut axis: WindowAxis,
        output_padding: usize,
        wanted: Option<usize>,
    ) -> Result<WindowAxis, OpError> {
        let reach = (axis.output - 1)
            .checked_mul(axis.stride)
            .and_then(|last| last.checked_add(axis.span().ok()?))
            .and_then(|sum| sum.checked_add(output_padding))
            .filter(|&reach| reach <= 1 << 40)
            .ok_or_else(|| {
                OpError::Invalid(format!(
                    "an axis of {} with stride {} and kernel {} gives an output that is too long",
                    axis.output, axis.stride, axis.kernel
                ))
            })?;
        let auto_pad = self.window.auto_pad;
        let is_same = matches!(auto_pad, AutoPad::SameUpper | AutoPad::SameLower);
        let target = wanted.or(is_same.then(|| axis.output.saturating_mul(axis.stride)));
        match target {
            Some(target) => {
                let total = reach.saturating_sub(target);
                let half = total / 2;
                (axis.pad_begin, axis.pad_end) = match auto_pad {
                    AutoPad::SameUpper => (half, total - half),
                    _ => (total - half, half),
                };
            }
            None if auto_pad == AutoPad::Valid => (axis.pad_begin, axis.pad_end) = (0, 0),
            None => {}
        }
        let unpadded = reach.checked_sub(axis.pad_begin + axis.pad_end).filter(|&len| len > 0);
        axis.input = wanted.or(unpadded).ok_or_else(|| {
            OpError::Invalid(format!(
                "attribute \"pads\" takes {} and {} off an output of {reach}",
                axis.pad_begin, axis.pad_end
            ))
        })?;
        Ok(axis)
    }

    /// Adds one image's contributions, group by group.
    fn add_image(
        &self,
        shape: &TransposedShape,
        image: &[f32],
        weight: &[f32],
        out: &mut [f32],
    ) -> Result<(), OpError> {
        let (group_in, group_out) = (shape.n_in / self.group, shape.n_out / self.group);
        let n_pixels = count_of(&shape.axes.map(|axis| axis.output));
        let n_positions = count_of(&shape.axes.map(|axis| axis.kernel));
        let n_rows = group_out * n_positions;
        let plane_len = count_of(&shape.axes.map(|axis| axis.input));
        // As many output channels at once as the scratch memory allows, at least one.
        let channel_len = output_count(&[n_positions, n_pixels])?;
        let n_at_once = (MAX_CONTRIBUTIONS / channel_len).clamp(1, group_out);
        let mut contributions = vec![0.0; n_at_once * channel_len];
        let images = image.chunks_exact(group_in * n_pixels);
        let weights = weight.chunks_exact(group_in * n_rows);
        let outs = out.chunks_exact_mut(group_out * plane_len);
        for ((image, weight), out) in images.zip(weights).zip(outs) {
            let right = MatrixRef::row_major(image, group_in, n_pixels);
            for (piece_idx, out) in out.chunks_mut(n_at_once * plane_len).enumerate() {
                let rows = out.len() / plane_len * n_positions;
                let data = &weight[piece_idx * n_at_once * n_positions..];
                let reading = Reading::Transposed;
                let left = MatrixRef { data, rows, cols: group_in, reading, row_len: n_rows };
                let contributions = &mut contributions[..rows * n_pixels];
                Product { alpha: 1.0, left, right, bias: Bias::None }.write(None, contributions)?;
                let channels = contributions.chunks_exact(channel_len);
                for (contributions, plane) in channels.zip(out.chunks_exact_mut(plane_len)) {
                    add_channel(&shape.axes, contributions, plane);
                }
            }
        }
        Ok(())
    }
}

/// Adds the contributions `[kernel…, pixels…]` of one output channel where they fall.
fn add_channel(axes: &[WindowAxis; 3], contributions: &[f32], plane: &mut [f32]) {
    let [depth, height, width] = axes;
    let n_pixels = depth.output * height.output * width.output;
    for (position, pixels) in contributions.chunks_exact(n_pixels).enumerate() {
        let kw = position % width.kernel;
        let kh = position / width.kernel % height.kernel;
        let kd = position / (width.kernel * height.kernel);
        let columns = width.outputs_inside(kw);
        if columns.is_empty() {
            continue;
        }
        let first_col = width.input_of(columns.start, kw);
        for id in depth.outputs_inside(kd) {
            for ih in height.outputs_inside(kh) {
                let plane_row = depth.input_of(id, kd) * height.input + height.input_of(ih, kh);
                let target = &mut plane[plane_row * width.input + first_col..];
                let row = (id * height.output + ih) * width.output;
                let source = &pixels[row + columns.start..row + columns.end];
                let targets = target.iter_mut().step_by(width.stride);
                targets.zip(source).for_each(|(y, x)| *y += x);
            }
        }
    }
}
