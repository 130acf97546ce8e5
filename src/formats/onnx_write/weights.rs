//! A quantized weight as ONNX has it: whole-number codes, DequantizeLinear, and what brings the
//! result into the weight's shape.

use std::borrow::Cow;

use super::proto::{TensorMessage, dims_of};
use crate::codec::packing::pack;
use crate::codec::{CodeRule, Coding, Encoded, Share};
use crate::formats::export::CodedTensor;
use crate::model::{Attribute, Attributes, Node};
use crate::tensor::Flattening;

/// What a weight becomes.
pub(super) struct StoredWeight {
    pub initializers: Vec<TensorMessage<'static>>,
    /// From the codes to the weight's values.
    pub nodes: Vec<Node>,
    /// The name of those values.
    pub value: String,
    /// The first opset that has all of it.
    pub opset: u32,
}

/// An integer type of codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct CodeType {
    data_type: i32,
    bits: u32,
    /// The first opset whose DequantizeLinear takes it.
    opset: u32,
}

const fn code_type(data_type: i32, bits: u32, opset: u32) -> CodeType {
    CodeType { data_type, bits, opset }
}

const INT4: CodeType = code_type(22, 4, 21);
const INT8: CodeType = code_type(3, 8, 10);
const INT16: CodeType = code_type(5, 16, 21);
const UINT4: CodeType = code_type(21, 4, 21);
const UINT8: CodeType = code_type(2, 8, 10);
const UINT16: CodeType = code_type(4, 16, 21);

/// Why ONNX cannot hold the codes; `None` where it can.
pub(super) fn refusal(coded: &CodedTensor, _dims: &[usize]) -> Option<String> {
    type_of(&coded.coding).err()
}

/// The smallest type that holds every code.
fn type_of(coding: &Coding) -> Result<CodeType, String> {
    let refused = |reason: &str| Err(reason.to_owned());
    if coding.rotation.is_some() {
        return refused("its weights are stored rotated, which no operator undoes");
    }
    if coding.has_offsets {
        return refused(
            "every group has a value of its own added, which DequantizeLinear does not",
        );
    }
    if coding.flat.is_some() {
        return refused("its blocks run across channels over a table of levels");
    }
    let smallest = |types: [CodeType; 3], bits: u32| {
        types.into_iter().find(|code_type| bits <= code_type.bits)
    };
    let signed = [INT4, INT8, INT16];
    let found = match &coding.codes {
        CodeRule::Signed => smallest(signed, coding.packing.code_bits()),
        CodeRule::WithZeroPoints => smallest([UINT4, UINT8, UINT16], coding.packing.code_bits()),
        CodeRule::Levels(_) if coding.is_masked => {
            return refused("its mask is stored apart from its codes, which no operator reads");
        }
        CodeRule::Levels(levels) => match bits_of_levels(levels) {
            Some(bits) => smallest(signed, bits),
            None => return refused("its codes stand for values in a table, not for equal steps"),
        },
        CodeRule::OwnLevels(_) => {
            return refused("its codes stand for values in a table, not for equal steps");
        }
        CodeRule::Float(_) => {
            return refused("its codes are floats of few bits, not whole numbers");
        }
        CodeRule::Blocks(_) => {
            return refused("its blocks hold scales of few bits beside the codes");
        }
    };
    found.map_or_else(|| refused("its codes have more than 16 bits"), Ok)
}

/// Bits of the levels as whole numbers in two's complement; `None` where one is not whole.
fn bits_of_levels(levels: &[(i32, f64)]) -> Option<u32> {
    let bits_of = |value: f64| {
        let is_whole = value.fract() == 0.0 && !(value == 0.0 && value.is_sign_negative());
        let magnitude = if value < 0.0 { -value - 1.0 } else { value };
        (is_whole && magnitude < 32_768.0).then(|| 33 - (magnitude as u32).leading_zeros())
    };
    levels.iter().map(|&(_, value)| bits_of(value)).try_fold(1, |most, bits| Some(most.max(bits?)))
}

/// The codes as the numbers that are scaled.
fn numbers(coding: &Coding, encoded: &Encoded) -> Vec<i32> {
    let mut codes = coding.code_list(encoded);
    if let CodeRule::Levels(levels) = &coding.codes {
        let mask = (1u32 << coding.packing.code_bits()) - 1;
        let mut table = vec![0; mask as usize + 1];
        for &(code, value) in levels {
            table[(code as u32 & mask) as usize] = value as i32;
        }
        codes.iter_mut().for_each(|code| *code = table[(*code as u32 & mask) as usize]);
    }
    codes
}

/// How codes, scales and zero points lie, and what is done to the result.
struct Placing {
    /// Of the codes.
    dims: Vec<usize>,
    scale_dims: Vec<usize>,
    /// `axis` and `block_size` of DequantizeLinear.
    attributes: Vec<(&'static str, usize)>,
    /// Whether codes and scales are turned from channels side by side into the order of `dims`.
    is_turned: bool,
    /// The result is a matrix, a row for each channel.
    is_matrix: bool,
    opset: u32,
}

impl Placing {
    fn of(coding: &Coding, dims: &[usize], axis: usize) -> Self {
        let (n_channels, channel_len) = (coding.n_channels, coding.channel_len);
        let plain = |scale_dims: Vec<usize>, attributes, opset| Self {
            dims: dims.to_vec(),
            scale_dims,
            attributes,
            is_turned: true,
            is_matrix: false,
            opset,
        };
        match coding.share {
            Share::Tensor => plain(Vec::new(), Vec::new(), 10),
            Share::Run(len) if len < channel_len => {
                let n_runs = channel_len.div_ceil(len);
                if dims.len() == 2 && axis == 1 {
                    let attributes = vec![("axis", 0), ("block_size", len)];
                    return plain(vec![n_runs, n_channels], attributes, 21);
                }
                Self {
                    dims: vec![n_channels, channel_len],
                    scale_dims: vec![n_channels, n_runs],
                    attributes: vec![("axis", 1), ("block_size", len)],
                    is_turned: false,
                    is_matrix: dims.len() != 2,
                    opset: 21,
                }
            }
            _ => plain(vec![n_channels], vec![("axis", axis)], 13),
        }
    }

    /// From channels side by side to the order in which codes are stored.
    fn codes<'a>(&self, codes: &'a [i32], axis: usize) -> Cow<'a, [i32]> {
        match self.is_turned {
            true => Flattening::of(&self.dims, axis).to_flat(codes),
            false => Cow::Borrowed(codes),
        }
    }

    /// The same of what there is one of for every group.
    fn groups<'a, T: Copy + Default>(&self, of_groups: &'a [T]) -> Cow<'a, [T]> {
        match self.is_turned && self.scale_dims.len() == 2 {
            true => Flattening::of(&self.scale_dims, 1).to_flat(of_groups),
            false => Cow::Borrowed(of_groups),
        }
    }
}

/// Stores a weight that is not refused, under its own name.
///
/// # Errors
/// As [`refusal`].
pub(super) fn store(
    name: &str,
    dims: &[usize],
    coded: &CodedTensor,
) -> Result<StoredWeight, String> {
    let CodedTensor { coding, encoded, axis, .. } = coded;
    let code_type = type_of(coding)?;
    let placing = Placing::of(coding, dims, *axis);
    let part = |suffix: &str| format!("{name}.{suffix}");
    let integers = |name: String, dims: &[usize], numbers: &[i32]| TensorMessage {
        name: name.into(),
        dims: dims_of(dims),
        data_type: code_type.data_type,
        bytes: pack(numbers, code_type.bits).into(),
    };
    let scales = coding.scale_list(encoded);
    let scale_bytes: Vec<u8> =
        placing.groups(&scales).iter().flat_map(|scale| scale.to_le_bytes()).collect();
    let scale_bytes = if scales.is_empty() { 1f32.to_le_bytes().to_vec() } else { scale_bytes };
    let codes = numbers(coding, encoded);
    let mut initializers = vec![
        integers(name.to_owned(), &placing.dims, &placing.codes(&codes, *axis)),
        TensorMessage {
            name: part("scale").into(),
            dims: dims_of(&placing.scale_dims),
            data_type: 1,
            bytes: scale_bytes.into(),
        },
    ];
    let mut inputs = vec![name.to_owned(), part("scale")];
    if coding.codes == CodeRule::WithZeroPoints {
        let zero_points = coding.zero_points(encoded);
        let zero_points = placing.groups(&zero_points);
        initializers.push(integers(part("zero_point"), &placing.scale_dims, &zero_points));
        inputs.push(part("zero_point"));
    }
    let attributes = placing.attributes.iter().map(|&(key, value)| (key, int(value)));
    let mut nodes = vec![node(&part("dequantize"), "DequantizeLinear", inputs, attributes)];
    if placing.is_matrix {
        initializers.extend(reshape(name, dims, *axis, &mut nodes));
    }
    let value = nodes.last().and_then(|node| node.outputs.first()).cloned().unwrap_or_default();
    let opset = placing.opset.max(code_type.opset);
    Ok(StoredWeight { initializers, nodes, value, opset })
}

/// From a row for each channel to the weight's shape: Reshape, and Transpose unless the kept axis is
/// the first.
fn reshape(
    name: &str,
    dims: &[usize],
    axis: usize,
    nodes: &mut Vec<Node>,
) -> Option<TensorMessage<'static>> {
    let last = nodes.last()?.outputs.first()?.clone();
    let mut permuted: Vec<usize> = dims.to_vec();
    let n_channels = if axis < permuted.len() { permuted.remove(axis) } else { 1 };
    permuted.insert(0, n_channels);
    let shape = format!("{name}.shape");
    let inputs = vec![last, shape.clone()];
    nodes.push(node(&format!("{name}.reshape"), "Reshape", inputs, []));
    if axis > 0 {
        let place = |dim: usize| match dim.cmp(&axis) {
            std::cmp::Ordering::Equal => 0,
            std::cmp::Ordering::Less => dim + 1,
            std::cmp::Ordering::Greater => dim,
        };
        let order = (0..dims.len()).map(|dim| place(dim) as i64).collect();
        let inputs = vec![format!("{name}.reshape.output")];
        let attributes = [("perm", Attribute::Ints(order))];
        nodes.push(node(&format!("{name}.transpose"), "Transpose", inputs, attributes));
    }
    Some(TensorMessage {
        name: shape.into(),
        dims: vec![permuted.len() as i64],
        data_type: 7,
        bytes: permuted.iter().flat_map(|&dim| (dim as i64).to_le_bytes()).collect(),
    })
}

fn int(value: usize) -> Attribute {
    Attribute::Int(i64::try_from(value).unwrap_or(i64::MAX))
}

/// A node with one output, called after it.
fn node(
    name: &str,
    op: &str,
    inputs: Vec<String>,
    attributes: impl IntoIterator<Item = (&'static str, Attribute)>,
) -> Node {
    let attributes = attributes.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    Node {
        name: name.to_owned(),
        op: op.to_owned(),
        inputs,
        outputs: vec![format!("{name}.output")],
        attributes: Attributes(attributes),
    }
}
