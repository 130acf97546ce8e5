//! Normalization: BatchNormalization by stored statistics, the others by those of the value itself,
//! which are accumulated in `f64`.

use super::attribute::{positive, switch};
use super::dense::{Array, array_of, count_of, elements, into_elements, vectorized};
use super::lanes::{LANES, is_lanes};
use super::rearrange::broadcast_to;
use super::reduce::sum_f64;
use crate::exec::operator::{BuildCtx, Inputs, OpError, Operator, OperatorEntry, resolve_axis};
use crate::model::Attributes;
use crate::tensor::{Tensor, Value};

pub static ENTRIES: &[OperatorEntry] = &[
    OperatorEntry { op: "BatchNormalization", opsets: (7, 23), build: build_batch },
    OperatorEntry { op: "InstanceNormalization", opsets: (7, 23), build: build_instance },
    OperatorEntry { op: "GroupNormalization", opsets: (18, 23), build: build_group },
    OperatorEntry { op: "LayerNormalization", opsets: (17, 23), build: build_layer },
    OperatorEntry { op: "RMSNormalization", opsets: (23, 23), build: build_rms },
    OperatorEntry { op: "LpNormalization", opsets: (7, 23), build: build_lp },
    OperatorEntry { op: "LRN", opsets: (7, 23), build: build_lrn },
];

/// `y = scale · (x − mean) / √(var + epsilon) + bias` per channel, computed as `a·x + b`.
///
/// - Inputs: `x` `[N, C, …]`, then scale, bias, mean and variance, each `[C]`. Inference only.
/// - Source: ONNX BatchNormalization-7, -9, -14, -15.
#[derive(Debug)]
struct BatchNormalization {
    epsilon: f32,
}

fn build_batch(ctx: &BuildCtx) -> Result<Box<dyn Operator>, OpError> {
    if ctx.opset < 9 && !switch(ctx, "spatial", 1)? {
        return Err(OpError::Unsupported(
            "attribute \"spatial\" 0 (statistics per position)".to_owned(),
        ));
    }
    if ctx.opset >= 14 && (switch(ctx, "training_mode", 0)? || ctx.n_outputs > 1) {
        return Err(OpError::Unsupported("batch normalization in training mode".to_owned()));
    }
    Ok(Box::new(BatchNormalization { epsilon: ctx.attributes.float_or("epsilon", 1e-5)? }))
}

impl Operator for BatchNormalization {
    fn run(&self, inputs: &mut Inputs) -> Result<Vec<Value>, OpError> {
        let tensor = inputs.take_f32(0)?;
        let dims = tensor.shape().to_vec();
        let n_channels = match dims[..] {
            [] => {
                return Err(OpError::Invalid(
                    "input 0 is a scalar, it needs a channel axis".to_owned(),
                ));
            }
            [_] => 1,
            [_, n_channels, ..] => n_channels,
        };
        let scale = per_channel(inputs, 1, n_channels)?;
        let bias = per_channel(inputs, 2, n_channels)?;
        let mean = per_channel(inputs, 3, n_channels)?;
        let variance = per_channel(inputs, 4, n_channels)?;
        let factors: Vec<f32> = scale
            .iter()
            .zip(&variance)
            .map(|(scale, variance)| scale / (variance + self.epsilon).sqrt())
            .collect();
        let offsets: Vec<f32> =
            bias.iter().zip(&mean).zip(&factors).map(|((bias, mean), a)| bias - mean * a).collect();
        let channels = factors.iter().zip(&offsets).cycle();
        let is_lanes = is_lanes(&tensor);
        let inner = if is_lanes { LANES } else { dims.get(2..).map_or(1, count_of) };
        let mut tensor = match is_lanes {
            true => tensor,
            false => array_of(&dims, into_elements(tensor))?,
        };
        let data = tensor.as_slice_memory_order_mut().unwrap_or_default();
        vectorized(|| {
            for (channel, (a, b)) in data.chunks_exact_mut(inner.max(1)).zip(channels) {
                channel.iter_mut().for_each(|x| *x = *x * a + b);
            }
        });
        Ok(vec![tensor.into()])
    }
}

/// The elements of an input with one number a channel (or group).
fn per_channel(inputs: &mut Inputs, idx: usize, n_channels: usize) -> Result<Vec<f32>, OpError> {
    let tensor = inputs.take_f32(idx)?;
    if tensor.shape() == [n_channels] {
        return Ok(elements(&tensor).into_owned());
    }
    Err(OpError::Invalid(format!(
        "input {idx} has shape {:?}, expected [{n_channels}]",
        tensor.shape()
    )))
}

/// Mean and `1 / √(variance + epsilon)` of a row.
fn row_statistics(row: &[f32], epsilon: f32) -> (f64, f64) {
    let n = row.len() as f64;
    let mean = sum_f64(row) / n;
    let mut lanes = [0.0f64; 8];
    let square = |x: f32| (f64::from(x) - mean) * (f64::from(x) - mean);
    let chunks = row.chunks_exact(lanes.len());
    let rest: f64 = chunks.remainder().iter().map(|&x| square(x)).sum();
    for chunk in chunks {
        lanes.iter_mut().zip(chunk).for_each(|(lane, &x)| *lane += square(x));
    }
    let variance = (lanes.iter().sum::<f64>() + rest) / n;
    (mean, 1.0 / (variance + f64::from(epsilon)).sqrt())
}

/// Normalizes groups of channels, each by its own mean and variance, then scales and shifts.
///
/// - Inputs: `x` `[N, C, …]`, scale and bias, each `[C]` (GroupNormalization before opset 21: one a
///   group). InstanceNormalization is the case of one channel a group.
/// - Variance is the mean square deviation (no correction).
/// - Source: ONNX InstanceNormalization-6, -22; GroupNormalization-18, -21.
#[derive(Debug)]
struct GroupedNormalization {
    epsilon: f32,
    /// `None`: as many as channels.
    n_groups: Option<usize>,
    parameters: Parameters,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Parameters {
    PerChannel,
    PerGroup,
}

fn build_instance(ctx: &BuildCtx) -> Result<Box<dyn Operator>, OpError> {
    let epsilon = ctx.attributes.float_or("epsilon", 1e-5)?;
    Ok(Box::new(GroupedNormalization {
        epsilon,
        n_groups: None,
        parameters: Parameters::PerChannel,
    }))
}

fn build_group(ctx: &BuildCtx) -> Result<Box<dyn Operator>, OpError> {
    refuse_stash_type(ctx)?;
    Attributes::required("num_groups", ctx.attributes.int("num_groups")?)?;
    Ok(Box::new(GroupedNormalization {
        epsilon: ctx.attributes.float_or("epsilon", 1e-5)?,
        n_groups: Some(positive(ctx, "num_groups", 1)?),
        parameters: if ctx.opset < 21 { Parameters::PerGroup } else { Parameters::PerChannel },
    }))
}

/// Statistics in a type other than `f32` would round differently.
fn refuse_stash_type(ctx: &BuildCtx) -> Result<(), OpError> {
    match ctx.attributes.int_or("stash_type", 1)? {
        1 => Ok(()),
        other => Err(OpError::Unsupported(format!("attribute \"stash_type\" {other}"))),
    }
}

impl Operator for GroupedNormalization {
    fn run(&self, inputs: &mut Inputs) -> Result<Vec<Value>, OpError> {
        let tensor = inputs.take_f32(0)?;
        let dims = tensor.shape().to_vec();
        let [_, n_channels, ref spatial @ ..] = dims[..] else {
            return Err(OpError::Invalid(format!(
                "input 0 has shape {dims:?}, it needs a channel axis"
            )));
        };
        let n_groups = self.n_groups.unwrap_or(n_channels);
        if n_groups == 0 || n_channels % n_groups != 0 {
            return Err(OpError::Invalid(format!(
                "attribute \"num_groups\" is {n_groups}, it must divide the {n_channels} channels"
            )));
        }
        let group_channels = n_channels / n_groups;
        let n_parameters =
            if self.parameters == Parameters::PerGroup { n_groups } else { n_channels };
        let scale = per_channel(inputs, 1, n_parameters)?;
        let bias = per_channel(inputs, 2, n_parameters)?;
        let inner = count_of(spatial);
        let mut data = into_elements(tensor);
        for (row_idx, group) in data.chunks_exact_mut((group_channels * inner).max(1)).enumerate() {
            let (mean, inverse) = row_statistics(group, self.epsilon);
            let first_channel = row_idx % n_groups * group_channels;
            for (channel, plane) in group.chunks_exact_mut(inner).enumerate() {
                let at = match self.parameters {
                    Parameters::PerGroup => row_idx % n_groups,
                    Parameters::PerChannel => first_channel + channel,
                };
                let a = f64::from(scale[at]) * inverse;
                let b = f64::from(bias[at]) - mean * a;
                plane.iter_mut().for_each(|x| *x = (f64::from(*x) * a + b) as f32);
            }
        }
        Ok(vec![array_of(&dims, data)?.into()])
    }
}

/// Normalizes the axes from `axis` on by their mean and variance, then scales and shifts.
///
/// - Inputs: `x`, scale and optional bias, both broadcastable to the normalized axes. Outputs: `y`,
///   and on request the mean and `1/√(var + epsilon)` with the normalized axes at length 1.
/// - Source: ONNX LayerNormalization-17.
#[derive(Debug)]
struct LayerNormalization {
    axis: i64,
    epsilon: f32,
    n_outputs: usize,
}

fn build_layer(ctx: &BuildCtx) -> Result<Box<dyn Operator>, OpError> {
    refuse_stash_type(ctx)?;
    Ok(Box::new(LayerNormalization {
        axis: ctx.attributes.int_or("axis", -1)?,
        epsilon: ctx.attributes.float_or("epsilon", 1e-5)?,
        n_outputs: ctx.n_outputs,
    }))
}

impl Operator for LayerNormalization {
    fn run(&self, inputs: &mut Inputs) -> Result<Vec<Value>, OpError> {
        let tensor = inputs.take_f32(0)?;
        let dims = tensor.shape().to_vec();
        let (outer, normalized) = dims.split_at(resolve_axis(self.axis, dims.len())?);
        let scale = broadcast_parameter(&inputs.take_f32(1)?, normalized)?;
        let bias = match inputs.take_optional_f32(2)? {
            Some(bias) => Some(broadcast_parameter(&bias, normalized)?),
            None => None,
        };
        let (scale, bias) = (elements(&scale), bias.as_ref().map(elements));
        let n_rows = count_of(outer);
        let (mut means, mut inverses) = (Vec::with_capacity(n_rows), Vec::with_capacity(n_rows));
        let mut data = into_elements(tensor);
        for row in data.chunks_exact_mut(count_of(normalized).max(1)) {
            let (mean, inverse) = row_statistics(row, self.epsilon);
            row.iter_mut().zip(scale.iter()).for_each(|(x, &scale)| {
                *x = ((f64::from(*x) - mean) * inverse) as f32 * scale;
            });
            if let Some(bias) = &bias {
                row.iter_mut().zip(bias.iter()).for_each(|(x, bias)| *x += bias);
            }
            means.push(mean as f32);
            inverses.push(inverse as f32);
        }
        let mut outputs = vec![array_of(&dims, data)?.into()];
        if self.n_outputs > 1 {
            let mut kept = dims.clone();
            kept[outer.len()..].fill(1);
            outputs.push(array_of(&kept, means)?.into());
            outputs.push(array_of(&kept, inverses)?.into());
        }
        Ok(outputs)
    }
}

/// A scale or bias at the full shape of the axes it belongs to.
fn broadcast_parameter(parameter: &Tensor, dims: &[usize]) -> Result<Array<f32>, OpError> {
    match super::broadcast::broadcast_dims(parameter.shape(), dims) {
        Ok(full) if full == dims => broadcast_to(parameter, dims),
        _ => Err(OpError::Invalid(format!(
            "a parameter of shape {:?} does not broadcast to the normalized axes {dims:?}",
            parameter.shape()
        ))),
    }
}

/// `y = x / √(mean(x²) + epsilon) · scale` over the axes from `axis` on; the scale broadcasts to
/// them (ONNX RMSNormalization-23).
#[derive(Debug)]
struct RmsNormalization {
    axis: i64,
    epsilon: f32,
}

fn build_rms(ctx: &BuildCtx) -> Result<Box<dyn Operator>, OpError> {
    refuse_stash_type(ctx)?;
    Ok(Box::new(RmsNormalization {
        axis: ctx.attributes.int_or("axis", -1)?,
        epsilon: ctx.attributes.float_or("epsilon", 1e-5)?,
    }))
}

impl Operator for RmsNormalization {
    fn run(&self, inputs: &mut Inputs) -> Result<Vec<Value>, OpError> {
        let tensor = inputs.take_f32(0)?;
        let dims = tensor.shape().to_vec();
        let (_, normalized) = dims.split_at(resolve_axis(self.axis, dims.len())?);
        let scale = broadcast_parameter(&inputs.take_f32(1)?, normalized)?;
        let scale = elements(&scale);
        let mut data = into_elements(tensor);
        for row in data.chunks_exact_mut(count_of(normalized).max(1)) {
            let mean_square = sum_of_squares(row) / row.len() as f64;
            let inverse = 1.0 / (mean_square + f64::from(self.epsilon)).sqrt();
            row.iter_mut().zip(scale.iter()).for_each(|(x, &scale)| {
                *x = (f64::from(*x) * inverse) as f32 * scale;
            });
        }
        Ok(vec![array_of(&dims, data)?.into()])
    }
}

fn sum_of_squares(row: &[f32]) -> f64 {
    let mut lanes = [0.0f64; 8];
    let chunks = row.chunks_exact(lanes.len());
    let rest: f64 = chunks.remainder().iter().map(|&x| f64::from(x) * f64::from(x)).sum();
    for chunk in chunks {
        lanes.iter_mut().zip(chunk).for_each(|(lane, &x)| *lane += f64::from(x) * f64::from(x));
    }
    lanes.iter().sum::<f64>() + rest
}

/// `y = x / ‖x‖ₚ` along an axis, `p` 1 or 2; a line of zeros stays zero (ONNX LpNormalization-1,
/// -22, and ONNX Runtime for the zeros).
#[derive(Debug)]
struct LpNormalization {
    axis: i64,
    norm: Norm,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Norm {
    L1,
    L2,
}

fn build_lp(ctx: &BuildCtx) -> Result<Box<dyn Operator>, OpError> {
    let norm = match ctx.attributes.int_or("p", 2)? {
        1 => Norm::L1,
        2 => Norm::L2,
        other => {
            return Err(OpError::Invalid(format!("attribute \"p\" is {other}, it must be 1 or 2")));
        }
    };
    Ok(Box::new(LpNormalization { axis: ctx.attributes.int_or("axis", -1)?, norm }))
}

impl Operator for LpNormalization {
    fn run(&self, inputs: &mut Inputs) -> Result<Vec<Value>, OpError> {
        let tensor = inputs.take_f32(0)?;
        let dims = tensor.shape().to_vec();
        let axis = resolve_axis(self.axis, dims.len())?;
        let inner = count_of(&dims[axis + 1..]);
        let mut data = into_elements(tensor);
        for block in data.chunks_exact_mut((dims[axis] * inner).max(1)) {
            for column in 0..inner {
                let line = || block.iter().skip(column).step_by(inner).map(|&x| f64::from(x));
                let norm = match self.norm {
                    Norm::L1 => line().map(f64::abs).sum::<f64>(),
                    Norm::L2 => line().map(|x| x * x).sum::<f64>().sqrt(),
                };
                for x in block.iter_mut().skip(column).step_by(inner) {
                    *x = if norm == 0.0 { 0.0 } else { (f64::from(*x) / norm) as f32 };
                }
            }
        }
        Ok(vec![array_of(&dims, data)?.into()])
    }
}

/// `y = x / (bias + alpha/size · Σ x²)^beta`, the sum over `size` neighbouring channels (ONNX LRN-1,
/// -13).
#[derive(Debug)]
struct Lrn {
    alpha: f32,
    beta: f32,
    bias: f32,
    size: usize,
}

fn build_lrn(ctx: &BuildCtx) -> Result<Box<dyn Operator>, OpError> {
    Attributes::required("size", ctx.attributes.int("size")?)?;
    Ok(Box::new(Lrn {
        alpha: ctx.attributes.float_or("alpha", 1e-4)?,
        beta: ctx.attributes.float_or("beta", 0.75)?,
        bias: ctx.attributes.float_or("bias", 1.0)?,
        size: positive(ctx, "size", 1)?,
    }))
}

impl Operator for Lrn {
    fn run(&self, inputs: &mut Inputs) -> Result<Vec<Value>, OpError> {
        let tensor = inputs.take_f32(0)?;
        let dims = tensor.shape().to_vec();
        let [_, n_channels, ref spatial @ ..] = dims[..] else {
            return Err(OpError::Invalid(format!(
                "input 0 has shape {dims:?}, it needs a channel axis"
            )));
        };
        let inner = count_of(spatial);
        let data = elements(&tensor);
        let mut out = Vec::with_capacity(data.len());
        let mut sums = vec![0.0f64; inner];
        for image in data.chunks_exact((n_channels * inner).max(1)) {
            for channel in 0..n_channels {
                let first = channel.saturating_sub((self.size - 1) / 2);
                let past = channel.saturating_add(self.size / 2 + 1).min(n_channels);
                sums.fill(0.0);
                for neighbour in image[first * inner..past * inner].chunks_exact(inner) {
                    let squares = neighbour.iter().map(|&x| f64::from(x) * f64::from(x));
                    sums.iter_mut().zip(squares).for_each(|(sum, square)| *sum += square);
                }
                let own = &image[channel * inner..(channel + 1) * inner];
                out.extend(own.iter().zip(&sums).map(|(x, sum)| {
                    let factor = self.alpha / self.size as f32 * *sum as f32;
                    x / (self.bias + factor).powf(self.beta)
                }));
            }
        }
        Ok(vec![array_of(&dims, out)?.into()])
    }
}
