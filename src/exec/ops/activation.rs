//! Activation functions: Relu and its kin, Sigmoid, Tanh, Gelu, Clip. NaN stays NaN in all of them
//! but ThresholdedRelu, whose definition sends it to 0.

use super::attribute::{at_most_inputs, choice};
use super::broadcast::combine_in_place;
use super::dense::{Element, array_of, into_elements, map_f32};
use super::elementwise::map_floats;
use super::transcendental::{erf, exp, sigmoid, tanh};
use crate::exec::operator::{BuildCtx, Clamp, Inputs, OpError, Operator, OperatorEntry};
use crate::tensor::Value;

pub static ENTRIES: &[OperatorEntry] = &[
    OperatorEntry { op: "Relu", opsets: (7, 23), build: |_| Ok(Box::new(Relu)) },
    OperatorEntry { op: "LeakyRelu", opsets: (7, 23), build: build_leaky_relu },
    OperatorEntry { op: "PRelu", opsets: (7, 23), build: |_| Ok(Box::new(PRelu)) },
    OperatorEntry { op: "Elu", opsets: (7, 23), build: build_elu },
    OperatorEntry { op: "Selu", opsets: (7, 23), build: build_selu },
    OperatorEntry { op: "Celu", opsets: (12, 23), build: build_celu },
    OperatorEntry { op: "ThresholdedRelu", opsets: (10, 23), build: build_thresholded_relu },
    OperatorEntry { op: "Sigmoid", opsets: (7, 23), build: |_| map_floats("Sigmoid", sigmoid) },
    OperatorEntry { op: "HardSigmoid", opsets: (7, 23), build: build_hard_sigmoid },
    OperatorEntry {
        op: "HardSwish",
        opsets: (14, 23),
        build: |_| map_floats("HardSwish", hard_swish),
    },
    OperatorEntry { op: "Tanh", opsets: (7, 23), build: |_| map_floats("Tanh", tanh) },
    OperatorEntry { op: "Softplus", opsets: (7, 23), build: |_| map_floats("Softplus", softplus) },
    OperatorEntry { op: "Softsign", opsets: (7, 23), build: |_| map_floats("Softsign", softsign) },
    OperatorEntry { op: "Erf", opsets: (9, 23), build: |_| map_floats("Erf", erf) },
    OperatorEntry { op: "Gelu", opsets: (20, 23), build: build_gelu },
    OperatorEntry { op: "Mish", opsets: (18, 23), build: |_| map_floats("Mish", mish) },
    OperatorEntry { op: "Clip", opsets: (7, 23), build: build_clip },
];

/// `max(x, 0)`; NaN stays NaN (ONNX Relu-6, -13, -14).
#[derive(Debug)]
struct Relu;

impl Operator for Relu {
    fn run(&self, inputs: &mut Inputs) -> Result<Vec<Value>, OpError> {
        match inputs.take(0)? {
            Value::F32(tensor) => Ok(vec![map_f32(tensor, relu)?.into()]),
            Value::I64(array) => {
                let dims = array.shape().to_vec();
                let mut data = into_elements(array);
                data.iter_mut().for_each(|x| *x = (*x).max(0));
                Ok(vec![Value::I64(array_of(&dims, data)?)])
            }
            Value::Bool(_) => {
                Err(OpError::Invalid("input 0 is bool, expected f32 or i64".to_owned()))
            }
        }
    }

    fn as_clamp(&self, _constants: &[Option<Value>]) -> Option<Clamp> {
        Some(Clamp { low: 0.0, high: f32::INFINITY })
    }
}

fn relu(x: f32) -> f32 {
    if x < 0.0 { 0.0 } else { x }
}

/// `ln(1 + e^x)`, written so that e^x cannot overflow.
fn softplus(x: f32) -> f32 {
    relu(x) + exp(-x.abs()).ln_1p()
}

/// `x / (1 + |x|)`.
fn softsign(x: f32) -> f32 {
    x / (1.0 + x.abs())
}

/// `x · tanh(ln(1 + e^x))`.
fn mish(x: f32) -> f32 {
    x * tanh(softplus(x))
}

/// `x · min(max(x/6 + 1/2, 0), 1)`.
fn hard_swish(x: f32) -> f32 {
    x * limited(x / 6.0 + 0.5, 0.0, 1.0)
}

/// `min(max(x, low), high)` that keeps NaN; `high` where the limits cross.
fn limited<T: PartialOrd + Copy>(x: T, low: T, high: T) -> T {
    let raised = if x < low { low } else { x };
    if raised > high { high } else { raised }
}

/// `x/2 · (1 + erf(x/√2))`, or with `approximate = "tanh"`
/// `x/2 · (1 + tanh(√(2/π) · (x + 0.044715·x³)))` (ONNX Gelu-20).
fn build_gelu(ctx: &BuildCtx) -> Result<Box<dyn Operator>, OpError> {
    #[derive(Clone, Copy)]
    enum Curve {
        Erf,
        Tanh,
    }
    const SQRT_2_OVER_PI: f32 = 0.797_884_6;
    match choice(ctx, "approximate", &[("none", Curve::Erf), ("tanh", Curve::Tanh)], Curve::Erf)? {
        Curve::Erf => {
            map_floats("Gelu", |x| 0.5 * x * (1.0 + erf(x * std::f32::consts::FRAC_1_SQRT_2)))
        }
        Curve::Tanh => map_floats("Gelu", |x| {
            0.5 * x * (1.0 + tanh(SQRT_2_OVER_PI * (x + 0.044_715 * x * x * x)))
        }),
    }
}

/// `x` above 0, else `alpha · x` (ONNX LeakyRelu-6, -16).
fn build_leaky_relu(ctx: &BuildCtx) -> Result<Box<dyn Operator>, OpError> {
    let alpha = ctx.attributes.float_or("alpha", 0.01)?;
    map_floats("LeakyRelu", move |x| if x < 0.0 { alpha * x } else { x })
}

/// `x` above 0, else `alpha · (e^x − 1)` (ONNX Elu-6, -22).
fn build_elu(ctx: &BuildCtx) -> Result<Box<dyn Operator>, OpError> {
    let alpha = ctx.attributes.float_or("alpha", 1.0)?;
    map_floats("Elu", move |x| if x < 0.0 { alpha * x.exp_m1() } else { x })
}

/// `gamma · x` above 0, else `gamma · alpha · (e^x − 1)` (ONNX Selu-6, -22).
fn build_selu(ctx: &BuildCtx) -> Result<Box<dyn Operator>, OpError> {
    let alpha = ctx.attributes.float_or("alpha", 1.673_263_2)?;
    let gamma = ctx.attributes.float_or("gamma", 1.050_701)?;
    map_floats("Selu", move |x| gamma * if x <= 0.0 { alpha * x.exp_m1() } else { x })
}

/// `max(x, 0) + min(alpha · (e^(x/alpha) − 1), 0)` (ONNX Celu-12).
fn build_celu(ctx: &BuildCtx) -> Result<Box<dyn Operator>, OpError> {
    let alpha = ctx.attributes.float_or("alpha", 1.0)?;
    map_floats("Celu", move |x| {
        let negative = alpha * (x / alpha).exp_m1();
        relu(x) + if negative > 0.0 { 0.0 } else { negative }
    })
}

/// `x` above `alpha`, else 0 (ONNX ThresholdedRelu-10, -22).
fn build_thresholded_relu(ctx: &BuildCtx) -> Result<Box<dyn Operator>, OpError> {
    let alpha = ctx.attributes.float_or("alpha", 1.0)?;
    map_floats("ThresholdedRelu", move |x| if x > alpha { x } else { 0.0 })
}

/// `min(max(alpha · x + beta, 0), 1)` (ONNX HardSigmoid-6, -22).
fn build_hard_sigmoid(ctx: &BuildCtx) -> Result<Box<dyn Operator>, OpError> {
    let alpha = ctx.attributes.float_or("alpha", 0.2)?;
    let beta = ctx.attributes.float_or("beta", 0.5)?;
    map_floats("HardSigmoid", move |x| limited(alpha * x + beta, 0.0, 1.0))
}

/// `x` above 0, else `slope · x`; the slope broadcasts to the input (ONNX PRelu-7, -9, -16).
#[derive(Debug)]
struct PRelu;

impl Operator for PRelu {
    fn run(&self, inputs: &mut Inputs) -> Result<Vec<Value>, OpError> {
        let (tensor, slope) = (inputs.take_f32(0)?, inputs.take_f32(1)?);
        let dims = tensor.shape().to_vec();
        let slope_dims = slope.shape().to_vec();
        let out = combine_in_place(tensor, slope, |x, slope| if x < 0.0 { slope * x } else { x })?;
        if out.shape() != dims {
            return Err(OpError::Invalid(format!(
                "the slope of shape {slope_dims:?} does not broadcast to the input's {dims:?}"
            )));
        }
        Ok(vec![out.into()])
    }
}

/// `min(max(x, min), max)`; `max` where the limits cross, NaN stays NaN.
///
/// - Before opset 11 the limits are attributes, from then on optional scalar inputs of the
///   input's type. An absent one is the type's largest or smallest finite number.
/// - Source: ONNX Clip-6, -11, -12, -13.
#[derive(Debug)]
enum Clip {
    Attributes { low: f32, high: f32 },
    Inputs,
}

fn build_clip(ctx: &BuildCtx) -> Result<Box<dyn Operator>, OpError> {
    if ctx.opset >= 11 {
        at_most_inputs(ctx, 3)?;
        return Ok(Box::new(Clip::Inputs));
    }
    at_most_inputs(ctx, 1)?;
    Ok(Box::new(Clip::Attributes {
        low: ctx.attributes.float_or("min", f32::MIN)?,
        high: ctx.attributes.float_or("max", f32::MAX)?,
    }))
}

impl Operator for Clip {
    fn run(&self, inputs: &mut Inputs) -> Result<Vec<Value>, OpError> {
        if let Self::Attributes { low, high } = *self {
            return Ok(vec![map_f32(inputs.take_f32(0)?, |x| limited(x, low, high))?.into()]);
        }
        match inputs.take(0)? {
            Value::F32(tensor) => {
                let low = limit::<f32>(inputs, 1)?.unwrap_or(f32::MIN);
                let high = limit::<f32>(inputs, 2)?.unwrap_or(f32::MAX);
                Ok(vec![map_f32(tensor, |x| limited(x, low, high))?.into()])
            }
            Value::I64(array) => {
                let low = limit::<i64>(inputs, 1)?.unwrap_or(i64::MIN);
                let high = limit::<i64>(inputs, 2)?.unwrap_or(i64::MAX);
                let dims = array.shape().to_vec();
                let mut data = into_elements(array);
                data.iter_mut().for_each(|x| *x = limited(*x, low, high));
                Ok(vec![Value::I64(array_of(&dims, data)?)])
            }
            Value::Bool(_) => {
                Err(OpError::Invalid("input 0 is bool, expected f32 or i64".to_owned()))
            }
        }
    }

    fn as_clamp(&self, constants: &[Option<Value>]) -> Option<Clamp> {
        if let Self::Attributes { low, high } = *self {
            return Some(Clamp { low, high });
        }
        let limit = |idx: usize, absent: f32| match constants.get(idx) {
            None => Some(absent),
            Some(Some(Value::F32(limit))) if limit.len() == 1 => limit.first().copied(),
            Some(_) => None,
        };
        Some(Clamp { low: limit(1, f32::MIN)?, high: limit(2, f32::MAX)? })
    }
}

/// A limit given as an optional input of one element.
fn limit<T: Element>(inputs: &mut Inputs, idx: usize) -> Result<Option<T>, OpError> {
    let Some(value) = inputs.take_optional(idx) else { return Ok(None) };
    let array = T::unwrap_value(value).map_err(|other| {
        OpError::Invalid(format!("input {idx} is {}, not of input 0's type", other.type_name()))
    })?;
    match (array.len(), array.first()) {
        (1, Some(&limit)) => Ok(Some(limit)),
        _ => Err(OpError::Invalid(format!(
            "input {idx} has shape {:?}, a limit is one number",
            array.shape()
        ))),
    }
}
