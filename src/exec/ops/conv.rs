//! Convolution over one, two or three spatial axes (ONNX Conv). Checks and chooses; the loops are
//! in `conv_gemm` and `conv_depthwise`.

use super::attribute::{at_most_inputs, positive};
use super::conv_depthwise::depthwise_image;
use super::conv_gemm::gemm_image;
use super::dense::{array_of, count_of, elements};
use super::window::{WindowAttributes, WindowAxis, three_axes};
use crate::exec::operator::{BuildCtx, Inputs, OpError, Operator, OperatorEntry, output_count};
use crate::tensor::{Tensor, Value};

pub static ENTRIES: &[OperatorEntry] = &[OperatorEntry { op: "Conv", opsets: (7, 23), build }];

/// `y[n,m,o] = bias[m] + Σ_{c,k} w[m,c,k] · x[n, c, o·stride + k·dilation − pad]`, zero outside `x`.
///
/// - Inputs: `x` `[N, C, spatial…]`, `w` `[M, C/group, kernel…]`, optional `bias` `[M]`; output
///   `[N, M, outputs…]`. Output channel `m` reads the input channels of its group only.
/// - One to three spatial axes. Sums are `f32`, in the order of `rten-gemm` or of the kernel.
/// - Source: ONNX Conv-1, Conv-11, Conv-22.
#[derive(Debug)]
struct Conv {
    window: WindowAttributes,
    group: usize,
}

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
        let mut out = vec![0.0; output_count(&out_dims)?];
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
        Ok(vec![array_of(&out_dims, out)?.into()])
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
        x: &'static [usize],
        w: &'static [usize],
        attributes: &'static [(&'static str, &'static [i64])],
        group: i64,
    }

    #[test]
    #[allow(clippy::too_many_lines)] // A table of cases.
    fn every_path_agrees_with_the_definition() {
        let case = |x, w, attributes, group| Case { x, w, attributes, group };
        let cases = [
            case(&[2, 3, 8, 9], &[4, 3, 3, 3], &[("pads", &[1, 1, 1, 1])], 1),
            case(&[1, 3, 8, 9], &[5, 3, 3, 2], &[("strides", &[2, 3]), ("pads", &[0, 2, 1, 0])], 1),
            case(
                &[1, 4, 11, 10],
                &[6, 2, 3, 3],
                &[("dilations", &[2, 3]), ("pads", &[2, 3, 2, 3])],
                2,
            ),
            case(&[2, 6, 5, 5], &[7, 6, 1, 1], &[], 1),
            case(&[2, 6, 5, 5], &[4, 3, 1, 1], &[("strides", &[2, 2])], 2),
            case(&[2, 6, 9, 8], &[6, 1, 3, 3], &[("pads", &[1, 1, 1, 1])], 6),
            case(&[2, 3, 9, 8], &[6, 1, 3, 3], &[("pads", &[1, 2, 0, 1]), ("strides", &[2, 2])], 3),
            case(&[1, 4, 21], &[4, 1, 5], &[("pads", &[4, 4]), ("dilations", &[2])], 4),
            case(&[1, 2, 21], &[3, 2, 5], &[("pads", &[4, 0]), ("strides", &[3])], 1),
            case(&[1, 2, 4, 5, 6], &[3, 2, 2, 3, 2], &[("pads", &[1, 0, 1, 0, 1, 0])], 1),
            case(&[1, 2, 4, 5, 6], &[2, 1, 3, 3, 3], &[("strides", &[1, 2, 2])], 2),
            // Padding wider than the kernel, and outputs that read nothing but padding.
            case(&[1, 1, 2, 2], &[1, 1, 2, 2], &[("pads", &[3, 3, 3, 3])], 1),
            case(&[1, 2, 1, 40], &[2, 2, 1, 33], &[("pads", &[0, 30, 0, 30])], 1),
        ];
        for (case_idx, case) in cases.iter().enumerate() {
            for with_bias in [false, true] {
                let mut attributes = Attributes::default();
                attributes.0.insert("group".to_owned(), Attribute::Int(case.group));
                for (name, list) in case.attributes {
                    attributes.0.insert((*name).to_owned(), Attribute::Ints(list.to_vec()));
                }
                let ctx =
                    BuildCtx { attributes: &attributes, opset: 13, n_inputs: 3, n_outputs: 1 };
                let window = WindowAttributes::read(&ctx).unwrap();
                let conv = Conv { window, group: case.group as usize };
                let (x, w) = (numbers(case.x), numbers(case.w));
                let bias = with_bias.then(|| numbers(&case.w[..1]));
                let shape = conv.shape(&x, &w, bias.as_ref()).unwrap();
                let bias_data = bias.as_ref().map(elements);
                let weight = elements(&w);
                let image_len = x.len() / shape.batch;
                let want: Vec<f32> = elements(&x)
                    .chunks(image_len)
                    .flat_map(|image| {
                        reference(
                            &shape,
                            &ConvOperands { image, weight: &weight, bias: bias_data.as_deref() },
                        )
                    })
                    .collect();
                let mut inputs = Inputs::new(vec![
                    Some(Value::F32(x.clone())),
                    Some(Value::F32(w.clone())),
                    bias.clone().map(Value::F32),
                ]);
                let found = conv.run(&mut inputs).unwrap();
                let Some(Value::F32(found)) = found.first() else {
                    panic!("case {case_idx}: no tensor")
                };
                assert_eq!(found.len(), want.len(), "case {case_idx}");
                for (idx, (found, want)) in elements(found).iter().zip(&want).enumerate() {
                    assert!(
                        (found - want).abs() < 1e-4,
                        "case {case_idx} at {idx}: {found}, not {want}"
                    );
                }
            }
        }
    }
}
