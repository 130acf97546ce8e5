//! Normalization by statistics: BatchNormalization with stored ones, the others with those of the
//! value itself.

use super::attribute::switch;
use super::dense::{array_of, count_of, elements, into_elements};
use crate::exec::operator::{BuildCtx, Inputs, OpError, Operator, OperatorEntry};
use crate::tensor::{Tensor, Value};

pub static ENTRIES: &[OperatorEntry] = &[OperatorEntry {
    op: "BatchNormalization",
    opsets: (7, 23),
    build: build_batch,
}];

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
        return Err(OpError::Unsupported(
            "batch normalization in training mode".to_owned(),
        ));
    }
    Ok(Box::new(BatchNormalization {
        epsilon: ctx.attributes.float_or("epsilon", 1e-5)?,
    }))
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
        let scale = per_channel(inputs.take_f32(1)?, 1, n_channels)?;
        let bias = per_channel(inputs.take_f32(2)?, 2, n_channels)?;
        let mean = per_channel(inputs.take_f32(3)?, 3, n_channels)?;
        let variance = per_channel(inputs.take_f32(4)?, 4, n_channels)?;
        let inner = dims.get(2..).map_or(1, count_of);
        let mut data = into_elements(tensor);
        let factors: Vec<f32> = scale
            .iter()
            .zip(&variance)
            .map(|(scale, variance)| scale / (variance + self.epsilon).sqrt())
            .collect();
        let offsets: Vec<f32> = bias
            .iter()
            .zip(&mean)
            .zip(&factors)
            .map(|((bias, mean), a)| bias - mean * a)
            .collect();
        let channels = factors.iter().zip(&offsets).cycle();
        for (channel, (a, b)) in data.chunks_exact_mut(inner.max(1)).zip(channels) {
            channel.iter_mut().for_each(|x| *x = *x * a + b);
        }
        Ok(vec![array_of(&dims, data)?.into()])
    }
}

/// The elements of a parameter with one number a channel.
fn per_channel(tensor: Tensor, idx: usize, n_channels: usize) -> Result<Vec<f32>, OpError> {
    if tensor.shape() == [n_channels] {
        return Ok(elements(&tensor).into_owned());
    }
    Err(OpError::Invalid(format!(
        "input {idx} has shape {:?}, expected [{n_channels}], one number a channel",
        tensor.shape()
    )))
}
