//! Convolution over one, two or three spatial axes (ONNX Conv). Checks and chooses; the loops are
//! in `lanes_conv` for many samples at once, in `conv_gemm` and `conv_depthwise` for few.

use std::sync::Arc;

use super::attribute::{at_most_inputs, positive};
use super::conv_depthwise::depthwise_image;
use super::conv_gemm::gemm_image;
use super::dense::{array_of, count_of, elements};
use super::lanes::{LANES, LaneSizes, lanes_of, pack, tensor_of_lanes, unpack};
use super::lanes_conv::{LanesConv, PackedWeights, WeightSizes};
use super::lanes_simd::Level;
use super::window::{WindowAttributes, WindowAxis, three_axes};
use crate::exec::operator::{
    BuildCtx, Clamp, Inputs, OpError, Operator, OperatorEntry, Prepared, output_count,
};
use crate::exec::recycle;
use crate::tensor::{Tensor, Value};

pub static ENTRIES: &[OperatorEntry] = &[OperatorEntry { op: "Conv", opsets: (7, 23), build }];

/// `y[n,m,o] = bias[m] + Σ_{c,k} w[m,c,k] · x[n, c, o·stride + k·dilation − pad]`, zero outside `x`.
///
/// - Inputs: `x` `[N, C, spatial…]`, `w` `[M, C/group, kernel…]`, optional `bias` `[M]`; output
///   `[N, M, outputs…]`. Output channel `m` reads the input channels of its group only.
/// - One to three spatial axes. Sums are `f32`, in the order of `rten-gemm` or of the kernel.
/// - From [`MIN_SIDE_BY_SIDE`] samples on they are computed side by side; the output of exactly
///   sixteen stays in that layout (see `lanes`).
/// - Source: ONNX Conv-1, Conv-11, Conv-22.
#[derive(Debug)]
struct Conv {
    window: WindowAttributes,
    group: usize,
}

/// Samples from which computing sixteen side by side is faster than one after another.
const MIN_SIDE_BY_SIDE: usize = 8;

fn build(ctx: &BuildCtx) -> Result<Box<dyn Operator>, OpError> {
    at_most_inputs(ctx, 3)?;
    Ok(Box::new(Conv { window: WindowAttributes::read(ctx)?, group: positive(ctx, "group", 1)? }))
}

impl Operator for Conv {
    fn run(&self, inputs: &mut Inputs) -> Result<Vec<Value>, OpError> {
        let (input, weight) = (inputs.take_f32(0)?, inputs.take_f32(1)?);
        let bias = inputs.take_optional_f32(2)?;
        let shape = self.shape(&input, &weight, bias.as_ref())?;
        let out_dims = shape.out_dims();
        let out_count = output_count(&out_dims)?;
        if shape.batch >= MIN_SIDE_BY_SIDE && out_count > 0 && shape.n_in > 0 {
            let packed = inputs.prepared().unwrap_or_else(|| {
                Arc::new(PackedWeights::new(
                    shape.weight_sizes(),
                    &elements(&weight),
                    Level::best(),
                ))
            });
            let bias = bias.as_ref().map(elements);
            let (bias, clamp) = (bias.as_deref(), inputs.clamp());
            let layer = Layer { shape, weights: &packed, bias, clamp };
            return Ok(vec![layer.run(input)?.into()]);
        }
        let mut out = vec![0.0; out_count];
        let (input, weight) = (elements(&input), elements(&weight));
        let bias = bias.as_ref().map(elements);
        let image_len = shape.n_in * count_of(&shape.in_spatial());
        let out_len = shape.n_out * count_of(&shape.out_spatial());
        let images = input.chunks_exact(image_len.max(1)).zip(out.chunks_exact_mut(out_len.max(1)));
        for (image, out) in images {
            let operands = ConvOperands { image, weight: &weight, bias: bias.as_deref() };
            if shape.is_depthwise() {
                depthwise_image(&shape, &operands, out);
            } else {
                gemm_image(&shape, &operands, out)?;
            }
        }
        if inputs.clamp() != Clamp::NONE {
            out.iter_mut().for_each(|x| *x = inputs.clamp().of(*x));
        }
        Ok(vec![array_of(&out_dims, out)?.into()])
    }

    fn prepare(&self, constants: &[Option<Value>]) -> Option<Prepared> {
        let [_, Some(Value::F32(weight)), ..] = constants else { return None };
        let &[n_out, group_in, ref kernel @ ..] = weight.shape() else { return None };
        let n_taps = count_of(kernel);
        // What does not go together is refused when it is run.
        if n_out % self.group != 0 || weight.is_empty() {
            return None;
        }
        let sizes = WeightSizes { n_out, group: self.group, group_in, n_taps };
        Some(Arc::new(PackedWeights::new(sizes, &elements(weight), Level::best())))
    }

    fn applies_clamp(&self) -> bool {
        true
    }
}

/// A convolution of samples side by side.
struct Layer<'a> {
    shape: ConvShape,
    weights: &'a PackedWeights,
    bias: Option<&'a [f32]>,
    clamp: Clamp,
}

impl Layer<'_> {
    fn run(&self, input: Tensor) -> Result<Tensor, OpError> {
        let out_dims = self.shape.out_dims();
        let (in_sizes, out_sizes) = (LaneSizes::of(input.shape()), LaneSizes::of(&out_dims));
        let out_len = LANES * out_sizes.sample_len();
        if let Some(data) = lanes_of(&input) {
            let mut out = recycle::take(out_len);
            self.convolve(data, out.as_mut_slice());
            recycle::give(input);
            return tensor_of_lanes(&out_dims, out);
        }
        let mut packed = recycle::take(LANES * in_sizes.sample_len());
        let rows = elements(&input);
        if self.shape.batch == LANES {
            pack(&rows, in_sizes, packed.as_mut_slice());
            let mut out = recycle::take(out_len);
            self.convolve(packed.as_slice(), out.as_mut_slice());
            recycle::give_buffer(packed);
            return tensor_of_lanes(&out_dims, out);
        }
        let mut out = vec![0.0; output_count(&out_dims)?];
        let mut lanes = recycle::take(out_len);
        let rows = rows.chunks(LANES * in_sizes.sample_len());
        for (rows, out) in rows.zip(out.chunks_mut(out_len)) {
            pack(rows, in_sizes, packed.as_mut_slice());
            self.convolve(packed.as_slice(), lanes.as_mut_slice());
            unpack(lanes.as_slice(), out_sizes, out);
        }
        array_of(&out_dims, out)
    }

    fn convolve(&self, input: &[f32], out: &mut [f32]) {
        let (shape, weights) = (&self.shape, self.weights);
        LanesConv { shape, input, weights, bias: self.bias, clamp: self.clamp, out }.run();
    }
}

impl Conv {
    fn shape(
        &self,
        input: &Tensor,
        weight: &Tensor,
        bias: Option<&Tensor>,
    ) -> Result<ConvShape, OpError> {
        let (x, w) = (input.shape(), weight.shape());
        let ([batch, n_in, spatial @ ..], [n_out, group_in, kernel @ ..]) = (x, w) else {
            return Err(OpError::Invalid(format!(
                "input of shape {x:?} and weight of shape {w:?}: each needs at least 2 dimensions"
            )));
        };
        if x.len() != w.len() || spatial.is_empty() {
            return Err(OpError::Invalid(format!(
                "input of shape {x:?} and weight of shape {w:?}: the ranks must agree and be at least 3"
            )));
        }
        let group = self.group;
        if n_in % group != 0 || n_out % group != 0 || n_in / group != *group_in {
            return Err(OpError::Invalid(format!(
                "attribute \"group\" is {group}: input channels {n_in} and output channels {n_out} must be multiples of it, and the weight's second dimension {group_in} must be {n_in}/{group}"
            )));
        }
        check_bias(bias, *n_out)?;
        if let Some(wanted) = self.window.kernel.as_deref().filter(|wanted| *wanted != kernel) {
            return Err(OpError::Invalid(format!(
                "attribute \"kernel_shape\" is {wanted:?}, the weight's kernel is {kernel:?}"
            )));
        }
        if kernel.contains(&0) {
            return Err(OpError::Invalid(format!(
                "the weight's kernel is {kernel:?}, it must not be empty"
            )));
        }
        let axes = self.window.over(spatial, kernel)?;
        Ok(ConvShape {
            batch: *batch,
            n_in: *n_in,
            n_out: *n_out,
            group,
            rank: spatial.len(),
            axes: three_axes(&axes)?,
        })
    }
}

/// Refuses a bias that is not one number an output channel.
pub(super) fn check_bias(bias: Option<&Tensor>, n_out: usize) -> Result<(), OpError> {
    match bias {
        Some(bias) if bias.shape() != [n_out] => Err(OpError::Invalid(format!(
            "the bias has shape {:?}, expected [{n_out}]",
            bias.shape()
        ))),
        _ => Ok(()),
    }
}

/// Sizes of a convolution; fewer spatial axes are filled up to three with unit axes in front.
#[derive(Clone, Debug)]
pub(super) struct ConvShape {
    pub batch: usize,
    /// Input channels of all groups.
    pub n_in: usize,
    /// Output channels of all groups.
    pub n_out: usize,
    pub group: usize,
    /// Spatial axes the values really have.
    pub rank: usize,
    pub axes: [WindowAxis; 3],
}

impl ConvShape {
    pub fn in_spatial(&self) -> [usize; 3] {
        self.axes.map(|axis| axis.input)
    }

    pub fn out_spatial(&self) -> [usize; 3] {
        self.axes.map(|axis| axis.output)
    }

    pub fn kernel(&self) -> [usize; 3] {
        self.axes.map(|axis| axis.kernel)
    }

    fn out_dims(&self) -> Vec<usize> {
        let spatial = self.out_spatial();
        [self.batch, self.n_out].iter().chain(&spatial[3 - self.rank..]).copied().collect()
    }

    pub fn weight_sizes(&self) -> WeightSizes {
        WeightSizes {
            n_out: self.n_out,
            group: self.group,
            group_in: self.n_in / self.group,
            n_taps: count_of(&self.kernel()),
        }
    }

    fn is_depthwise(&self) -> bool {
        self.group > 1 && self.n_in == self.group
    }
}

/// One image and the constants of a convolution, row-major.
pub(super) struct ConvOperands<'a> {
    /// `[n_in, spatial…]`
    pub image: &'a [f32],
    /// `[n_out, n_in / group, kernel…]`
    pub weight: &'a [f32],
    /// `[n_out]`
    pub bias: Option<&'a [f32]>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exec::ops::lanes::is_lanes;
    use crate::model::{Attribute, Attributes};

    /// The definition, one product at a time, in `f64`.
    fn reference(shape: &ConvShape, operands: &ConvOperands) -> Vec<f32> {
        let (group_in, group_out) = (shape.n_in / shape.group, shape.n_out / shape.group);
        let [depth, height, width] = shape.axes;
        let input_at = |axis: &WindowAxis, o: usize, k: usize| {
            (o * axis.stride + k * axis.dilation)
                .checked_sub(axis.pad_begin)
                .filter(|&i| i < axis.input)
        };
        let mut out = Vec::new();
        for (m, od, oh, ow) in positions([shape.n_out, depth.output, height.output, width.output]) {
            let mut sum = operands.bias.map_or(0.0, |bias| f64::from(bias[m]));
            for (c, kd, kh, kw) in positions([group_in, depth.kernel, height.kernel, width.kernel])
            {
                let (Some(d), Some(h), Some(w)) =
                    (input_at(&depth, od, kd), input_at(&height, oh, kh), input_at(&width, ow, kw))
                else {
                    continue;
                };
                let channel = (m / group_out) * group_in + c;
                let x = ((channel * depth.input + d) * height.input + h) * width.input + w;
                let k = (((m * group_in + c) * depth.kernel + kd) * height.kernel + kh)
                    * width.kernel
                    + kw;
                sum += f64::from(operands.image[x]) * f64::from(operands.weight[k]);
            }
            out.push(sum as f32);
        }
        out
    }

    fn positions([a, b, c, d]: [usize; 4]) -> impl Iterator<Item = (usize, usize, usize, usize)> {
        (0..a * b * c * d).map(move |i| (i / (b * c * d), i / (c * d) % b, i / d % c, i % d))
    }

    fn numbers(dims: &[usize]) -> Tensor {
        let count = dims.iter().product();
        array_of(dims, (0..count).map(|i: usize| ((i * 31 + 7) % 23) as f32 / 8.0 - 1.4).collect())
            .unwrap()
    }

    struct Case {
        /// Without the batch.
        sample: &'static [usize],
        w: &'static [usize],
        attributes: &'static [(&'static str, &'static [i64])],
        group: i64,
    }

    /// Odd sizes, strides, dilations, pads and groups; the batch is set by the test.
    const CASES: &[Case] = &[
        case(&[3, 8, 9], &[4, 3, 3, 3], &[("pads", &[1, 1, 1, 1])], 1),
        case(&[3, 8, 9], &[5, 3, 3, 2], &[("strides", &[2, 3]), ("pads", &[0, 2, 1, 0])], 1),
        case(&[4, 11, 10], &[6, 2, 3, 3], &[("dilations", &[2, 3]), ("pads", &[2, 3, 2, 3])], 2),
        case(&[6, 5, 5], &[7, 6, 1, 1], &[], 1),
        case(&[6, 5, 5], &[4, 3, 1, 1], &[("strides", &[2, 2])], 2),
        case(&[6, 9, 8], &[6, 1, 3, 3], &[("pads", &[1, 1, 1, 1])], 6),
        case(&[15, 5, 4], &[15, 1, 3, 3], &[("pads", &[1, 1, 1, 1]), ("strides", &[2, 1])], 15),
        case(&[3, 9, 8], &[6, 1, 3, 3], &[("pads", &[1, 2, 0, 1]), ("strides", &[2, 2])], 3),
        case(&[4, 21], &[4, 1, 5], &[("pads", &[4, 4]), ("dilations", &[2])], 4),
        case(&[2, 21], &[3, 2, 5], &[("pads", &[4, 0]), ("strides", &[3])], 1),
        case(&[2, 4, 5, 6], &[3, 2, 2, 3, 2], &[("pads", &[1, 0, 1, 0, 1, 0])], 1),
        case(&[2, 4, 5, 6], &[2, 1, 3, 3, 3], &[("strides", &[1, 2, 2])], 2),
        // Padding wider than the kernel, and outputs that read nothing but padding.
        case(&[1, 2, 2], &[1, 1, 2, 2], &[("pads", &[3, 3, 3, 3])], 1),
        case(&[2, 1, 40], &[2, 2, 1, 33], &[("pads", &[0, 30, 0, 30])], 1),
        // Whole and partial blocks of output channels.
        case(&[8, 7, 6], &[13, 8, 3, 3], &[("pads", &[1, 1, 1, 1])], 1),
        case(&[9, 8, 9], &[8, 9, 3, 3], &[("pads", &[0, 2, 1, 0])], 1),
        case(&[8, 3, 5], &[9, 8, 3, 3], &[], 1),
        // A picture of one point, many channels.
        case(&[17, 1, 1], &[31, 17, 1, 1], &[], 1),
        case(&[5, 1, 1], &[9, 5, 3, 3], &[("pads", &[1, 1, 1, 1])], 1),
    ];

    const fn case(
        sample: &'static [usize],
        w: &'static [usize],
        attributes: &'static [(&'static str, &'static [i64])],
        group: i64,
    ) -> Case {
        Case { sample, w, attributes, group }
    }

    impl Case {
        fn conv(&self) -> Conv {
            let mut attributes = Attributes::default();
            attributes.0.insert("group".to_owned(), Attribute::Int(self.group));
            for (name, list) in self.attributes {
                attributes.0.insert((*name).to_owned(), Attribute::Ints(list.to_vec()));
            }
            let ctx = BuildCtx { attributes: &attributes, opset: 13, n_inputs: 3, n_outputs: 1 };
            let window = WindowAttributes::read(&ctx).unwrap();
            Conv { window, group: self.group as usize }
        }

        fn input(&self, batch: usize) -> Tensor {
            numbers(&[&[batch], self.sample].concat())
        }
    }

    fn only(outputs: Vec<Value>) -> Tensor {
        match outputs.into_iter().next() {
            Some(Value::F32(tensor)) => tensor,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_path_agrees_with_the_definition() {
        for (case_idx, case) in CASES.iter().enumerate() {
            for (batch, with_bias) in [
                (1, false),
                (2, true),
                (7, true),
                (8, false),
                (15, true),
                (16, true),
                (17, false),
                (33, true),
            ] {
                let told = format!("case {case_idx}, {batch} samples");
                let conv = case.conv();
                let (x, w) = (case.input(batch), numbers(case.w));
                let bias = with_bias.then(|| numbers(&case.w[..1]));
                let shape = conv.shape(&x, &w, bias.as_ref()).unwrap();
                let bias_data = bias.as_ref().map(elements);
                let weight = elements(&w);
                let rows = elements(&x);
                let want = rows.chunks(x.len() / batch).flat_map(|image| {
                    let bias = bias_data.as_deref();
                    reference(&shape, &ConvOperands { image, weight: &weight, bias })
                });
                let want: Vec<f32> = want.collect();
                let values = vec![
                    Some(Value::F32(x.clone())),
                    Some(Value::F32(w.clone())),
                    bias.clone().map(Value::F32),
                ];
                let constants = [&[None], &values[1..]].concat();
                let found = only(conv.run(&mut Inputs::new(values.clone())).unwrap());
                assert_eq!(is_lanes(&found), batch == 16 || found.len() == 1, "{told}");
                let prepared = conv.prepare(&constants);
                assert!(prepared.is_some());
                let clamp = Clamp { low: -0.5, high: 0.75 };
                let mut inputs = Inputs::new(values).with(prepared, clamp);
                let clamped = only(conv.run(&mut inputs).unwrap());
                assert_eq!(found.shape(), clamped.shape());
                assert_eq!(found.len(), want.len(), "{told}");
                let found = elements(&found).into_owned();
                for (idx, (found, want)) in found.iter().zip(&want).enumerate() {
                    assert!((found - want).abs() < 1e-4, "{told} at {idx}: {found}, not {want}");
                }
                for (found, clamped) in found.iter().zip(elements(&clamped).iter()) {
                    assert_eq!(clamp.of(*found).to_bits(), clamped.to_bits(), "{told}");
                }
            }
        }
    }

    #[test]
    fn a_sample_has_the_same_bits_in_every_lane_and_on_every_instruction_set() {
        for (case_idx, case) in CASES.iter().enumerate() {
            let conv = case.conv();
            let (x, w) = (case.input(16), numbers(case.w));
            let shape = conv.shape(&x, &w, None).unwrap();
            let outputs: Vec<(&str, Vec<f32>)> = Level::all()
                .into_iter()
                .map(|(name, level)| {
                    let weights = PackedWeights::new(shape.weight_sizes(), &elements(&w), level);
                    let (shape, clamp) = (shape.clone(), Clamp::NONE);
                    let layer = Layer { shape, weights: &weights, bias: None, clamp };
                    (name, elements(&layer.run(x.clone()).unwrap()).into_owned())
                })
                .collect();
            let (_, best) = outputs.last().unwrap();
            for (name, found) in &outputs {
                for (found, best) in found.iter().zip(best) {
                    match *name {
                        "baseline" => assert!((found - best).abs() < 1e-4, "case {case_idx}"),
                        _ => assert_eq!(found.to_bits(), best.to_bits(), "case {case_idx}, {name}"),
                    }
                }
            }
            // Sixteen times the same sample.
            let one = elements(&x)[..x.len() / 16].repeat(16);
            let same = array_of(x.shape(), one).unwrap();
            let values = vec![Some(Value::F32(same)), Some(Value::F32(w)), None];
            let found = only(conv.run(&mut Inputs::new(values)).unwrap());
            let rows = elements(&found).into_owned();
            let first = &rows[..rows.len() / 16];
            assert!(rows.chunks(first.len()).all(|row| row == first), "case {case_idx}");
            assert_eq!(&best[..first.len()], first, "case {case_idx}");
        }
    }
}
