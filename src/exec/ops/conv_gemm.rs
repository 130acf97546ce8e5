//! Convolution as matrix products: the patches under the kernel become the columns of a matrix
//! (im2col), the weights are its left factor.

use std::ops::Range;

use super::conv::{ConvOperands, ConvShape};
use super::dense::count_of;
use super::matrix::{Bias, MatrixRef, Product};
use super::window::WindowAxis;
use crate::exec::operator::OpError;

/// The most elements of patches held at once, unless a single patch has more; a larger image is
/// done in pieces.
const MAX_PATCH_ELEMENTS: usize = 1 << 18;

/// Convolves `operands.image` into `out` (`[n_out, outputs…]`).
///
/// # Errors
/// Slices that do not have the shape's sizes.
pub(super) fn gemm_image(
    shape: &ConvShape,
    operands: &ConvOperands,
    out: &mut [f32],
) -> Result<(), OpError> {
    let n_pixels = count_of(&shape.out_spatial());
    let group_in = shape.n_in / shape.group;
    let group_out = shape.n_out / shape.group;
    if out.is_empty() {
        return Ok(());
    }
    if group_in == 0 {
        fill_bias(operands.bias, n_pixels, out);
        return Ok(());
    }
    let depth = group_in * count_of(&shape.kernel());
    let images = operands.image.chunks_exact(group_in * count_of(&shape.in_spatial()));
    let weights = operands.weight.chunks_exact(group_out * depth);
    let outs = out.chunks_exact_mut(group_out * n_pixels);
    for (group_idx, ((image, weight), out)) in images.zip(weights).zip(outs).enumerate() {
        let first = group_idx * group_out;
        let bias = match operands.bias.and_then(|bias| bias.get(first..first + group_out)) {
            Some(bias) => Bias::PerRow(bias),
            None => Bias::None,
        };
        let left = MatrixRef::row_major(weight, group_out, depth);
        if shape.axes.iter().all(WindowAxis::is_pointwise) {
            let right = MatrixRef::row_major(image, depth, n_pixels);
            Product { alpha: 1.0, left, right, bias }.write(None, out)?;
        } else {
            convolve_pieces(shape, Group { image, left, bias }, out)?;
        }
    }
    Ok(())
}

/// The result of a convolution over no input channel.
fn fill_bias(bias: Option<&[f32]>, n_pixels: usize, out: &mut [f32]) {
    for (channel_idx, out) in out.chunks_exact_mut(n_pixels).enumerate() {
        out.fill(bias.and_then(|bias| bias.get(channel_idx)).copied().unwrap_or(0.0));
    }
}

/// One group's input channels, its weights as a matrix, and its bias.
struct Group<'a> {
    image: &'a [f32],
    left: MatrixRef<'a>,
    bias: Bias<'a>,
}

/// One group, in pieces of consecutive output pixels.
fn convolve_pieces(shape: &ConvShape, group: Group, out: &mut [f32]) -> Result<(), OpError> {
    let n_pixels = count_of(&shape.out_spatial());
    let depth = group.left.cols;
    let piece_len = (MAX_PATCH_ELEMENTS / depth).clamp(1, n_pixels);
    let mut patches = vec![0.0; depth * piece_len];
    let mut partial = Vec::new();
    for first in (0..n_pixels).step_by(piece_len) {
        let pixels = first..(first + piece_len).min(n_pixels);
        let n_cols = pixels.len();
        let patches = &mut patches[..depth * n_cols];
        write_patches(shape, group.image, &pixels, patches);
        let right = MatrixRef::row_major(patches, depth, n_cols);
        let product = Product { alpha: 1.0, left: group.left, right, bias: group.bias };
        if n_cols == n_pixels {
            product.write(None, out)?;
            continue;
        }
        partial.resize(group.left.rows * n_cols, 0.0);
        product.write(None, &mut partial)?;
        for (out, partial) in out.chunks_exact_mut(n_pixels).zip(partial.chunks_exact(n_cols)) {
            out[pixels.clone()].copy_from_slice(partial);
        }
    }
    Ok(())
}

/// Writes the patches of the output pixels `pixels` as a matrix: a row a channel and kernel
/// position, a column a pixel.
fn write_patches(shape: &ConvShape, image: &[f32], pixels: &Range<usize>, patches: &mut [f32]) {
    let [depth, height, width] = shape.axes;
    let mut matrix_rows = patches.chunks_exact_mut(pixels.len());
    for channel in image.chunks_exact(count_of(&shape.in_spatial())) {
        for kd in 0..depth.kernel {
            for kh in 0..height.kernel {
                for kw in 0..width.kernel {
                    let Some(matrix_row) = matrix_rows.next() else { return };
                    write_matrix_row(shape, [kd, kh, kw], channel, pixels, matrix_row);
                }
            }
        }
    }
}

/// What the output pixels `pixels` read at one kernel position, zero in the padding.
fn write_matrix_row(
    shape: &ConvShape,
    [kd, kh, kw]: [usize; 3],
    channel: &[f32],
    pixels: &Range<usize>,
    out: &mut [f32],
) {
    let [depth, height, width] = &shape.axes;
    let (depths, heights) = (depth.outputs_inside(kd), height.outputs_inside(kh));
    let mut out = out;
    let mut pixel = pixels.start;
    while pixel < pixels.end {
        let (row, first_col) = (pixel / width.output, pixel % width.output);
        let columns = first_col..width.output.min(first_col + pixels.end - pixel);
        let (od, oh) = (row / height.output, row % height.output);
        let (row_out, rest) = out.split_at_mut(columns.len());
        if depths.contains(&od) && heights.contains(&oh) {
            let in_row = depth.input_of(od, kd) * height.input + height.input_of(oh, kh);
            let input = &channel[in_row * width.input..(in_row + 1) * width.input];
            write_row(width, kw, input, &columns, row_out);
        } else {
            row_out.fill(0.0);
        }
        out = rest;
        pixel += columns.len();
    }
}

/// The part `columns` of one output row.
fn write_row(
    width: &WindowAxis,
    kw: usize,
    input: &[f32],
    columns: &Range<usize>,
    out: &mut [f32],
) {
    let all_inside = width.outputs_inside(kw);
    let start = all_inside.start.clamp(columns.start, columns.end);
    let end = all_inside.end.clamp(start, columns.end);
    let (before, rest) = out.split_at_mut(start - columns.start);
    let (inside, after) = rest.split_at_mut(end - start);
    before.fill(0.0);
    after.fill(0.0);
    if inside.is_empty() {
        return;
    }
    let input = &input[width.input_of(start, kw)..];
    match width.stride {
        1 => inside.copy_from_slice(&input[..inside.len()]),
        2 => inside.iter_mut().zip(input.chunks(2)).for_each(|(out, pair)| *out = pair[0]),
        stride => {
            inside.iter_mut().zip(input.iter().step_by(stride)).for_each(|(out, x)| *out = *x);
        }
    }
}
