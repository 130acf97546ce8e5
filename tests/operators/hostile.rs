//! The operators against attributes, shapes and operands that no sound file has: what is refused,
//! and the words the refusal must contain.

use ndarray::{ArcArray, IxDyn};
use quantscope::exec::operator::{BuildCtx, Inputs};
use quantscope::exec::ops;
use quantscope::formats::graph_json::parse_attributes;
use quantscope::tensor::Value;
use serde_json::{Value as Json, json};

/// `0, 1, 2, …` in that shape.
fn floats(dims: &[usize]) -> Option<Value> {
    let count: usize = dims.iter().product();
    let data = (0..count).map(|i| i as f32).collect();
    Some(Value::F32(ArcArray::from_shape_vec(IxDyn(dims), data).unwrap()))
}

fn ints(list: &[i64]) -> Option<Value> {
    Some(Value::from_ints(list))
}

fn indices(dims: &[usize], index: i64) -> Option<Value> {
    Some(Value::I64(ArcArray::from_elem(IxDyn(dims), index)))
}

/// One node that no sound file has, and words its refusal must contain.
struct Hostile {
    op: &'static str,
    opset: u32,
    attributes: Json,
    inputs: Vec<Option<Value>>,
    words: &'static [&'static str],
}

fn hostile(
    op: &'static str,
    opset: u32,
    attributes: Json,
    inputs: &[Option<Value>],
    words: &'static [&'static str],
) -> Hostile {
    Hostile { op, opset, attributes, inputs: inputs.to_vec(), words }
}

fn assert_refused(cases: &[Hostile]) {
    for (idx, case) in cases.iter().enumerate() {
        let attributes = parse_attributes(&case.attributes).unwrap();
        let ctx = BuildCtx {
            attributes: &attributes,
            opset: case.opset,
            n_inputs: case.inputs.len(),
            n_outputs: 1,
        };
        let entry = ops::find(case.op).unwrap();
        let result =
            (entry.build)(&ctx).and_then(|op| op.run(&mut Inputs::new(case.inputs.clone())));
        let label = format!("case {idx}, {} with {}", case.op, case.attributes);
        let message = match result {
            Err(error) => error.to_string(),
            Ok(found) => panic!("{label}: not refused, gave {:?}", found.first().map(Value::dims)),
        };
        for word in case.words {
            assert!(message.contains(word), "{label}: {message:?} lacks {word:?}");
        }
    }
}

#[test]
fn hostile_windows_are_refused() {
    let image = || [floats(&[1, 2, 4, 4]), floats(&[2, 2, 3, 3])];
    let pooled = || [floats(&[1, 2, 4, 4])];
    let pool = |key: &str, list: Json| {
        let mut attributes = json!({"kernel_shape": [2, 2]});
        attributes[key] = list;
        attributes
    };
    let huge = 1i64 << 40;
    assert_refused(&[
        hostile("Conv", 13, json!({"strides": [0, 1]}), &image(), &["strides", "[0, 1]", "1.."]),
        hostile("Conv", 13, json!({"strides": [1]}), &image(), &["strides", "1 entries", "2"]),
        hostile("Conv", 13, json!({"dilations": [1, -1]}), &image(), &["dilations", "[1, -1]"]),
        hostile("Conv", 13, json!({"dilations": [9, 9]}), &image(), &["spans 19", "4"]),
        hostile("Conv", 13, json!({"pads": [-1, 0, 0, 0]}), &image(), &["pads", "[-1, 0, 0, 0]"]),
        hostile("Conv", 13, json!({"pads": [0, 0, 0]}), &image(), &["pads", "3 entries", "4"]),
        hostile("Conv", 13, json!({"pads": [huge, 0, 0, 0]}), &image(), &["pads"]),
        hostile(
            "Conv",
            13,
            json!({"pads": [1 << 30, 1 << 30, 1 << 30, 1 << 30]}),
            &image(),
            &["2^28"],
        ),
        hostile("Conv", 13, json!({"group": 0}), &image(), &["group", "0"]),
        hostile("Conv", 13, json!({"group": -2}), &image(), &["group", "-2"]),
        hostile("Conv", 13, json!({"group": 3}), &image(), &["group", "3", "2"]),
        hostile("Conv", 13, json!({"group": 2.5}), &image(), &["group", "2.5"]),
        hostile(
            "Conv",
            13,
            json!({"auto_pad": "SAME"}),
            &image(),
            &["auto_pad", "SAME", "SAME_UPPER"],
        ),
        hostile(
            "Conv",
            13,
            json!({"kernel_shape": [5, 5]}),
            &image(),
            &["kernel_shape", "[5, 5]", "[3, 3]"],
        ),
        hostile(
            "Conv",
            13,
            json!({}),
            &[floats(&[1, 2, 2, 2]), floats(&[2, 2, 3, 3])],
            &["3", "2"],
        ),
        hostile("Conv", 13, json!({}), &[floats(&[2, 4]), floats(&[2, 4])], &["rank"]),
        hostile("Conv", 13, json!({}), &[floats(&[1, 2, 4, 4]), floats(&[2, 2, 3])], &["rank"]),
        hostile("Conv", 13, json!({}), &[floats(&[]), floats(&[])], &["dimensions"]),
        hostile("Conv", 13, json!({}), &[floats(&[1, 2, 0, 4]), floats(&[2, 2, 3, 3])], &["empty"]),
        hostile(
            "Conv",
            13,
            json!({}),
            &[floats(&[1, 2, 4, 4]), floats(&[2, 2, 0, 3])],
            &["kernel", "empty"],
        ),
        hostile("Conv", 13, json!({}), &[floats(&[1, 2, 4, 4]), None], &["input 1 is missing"]),
        hostile(
            "Conv",
            13,
            json!({}),
            &[floats(&[1, 2, 4, 4]), floats(&[2, 2, 3, 3]), floats(&[3])],
            &["bias", "[3]", "[2]"],
        ),
        hostile(
            "Conv",
            13,
            json!({}),
            &[floats(&[1, 2, 2, 2, 2, 2]), floats(&[2, 2, 1, 1, 1, 1])],
            &["4 spatial axes", "not supported"],
        ),
        hostile("MaxPool", 13, json!({}), &pooled(), &["kernel_shape", "missing"]),
        hostile("MaxPool", 13, pool("strides", json!([1, 0])), &pooled(), &["strides", "[1, 0]"]),
        hostile(
            "MaxPool",
            13,
            pool("kernel_shape", json!([0, 2])),
            &pooled(),
            &["kernel_shape", "[0, 2]"],
        ),
        hostile("MaxPool", 13, pool("kernel_shape", json!([5, 2])), &pooled(), &["5", "4"]),
        hostile("MaxPool", 13, pool("pads", json!([0, 0, 0, -1])), &pooled(), &["pads", "-1"]),
        hostile(
            "MaxPool",
            13,
            pool("ceil_mode", json!(7)),
            &pooled(),
            &["ceil_mode", "7", "0 or 1"],
        ),
        hostile("MaxPool", 13, pool("dilations", json!([1 << 30, 1])), &pooled(), &["1073741825"]),
        hostile(
            "MaxPool",
            13,
            json!({"kernel_shape": [2]}),
            &pooled(),
            &["kernel_shape", "1 entries", "2"],
        ),
        hostile("MaxPool", 13, json!({"kernel_shape": [2]}), &[floats(&[4, 4])], &["[4, 4]"]),
        hostile(
            "AveragePool",
            13,
            pool("count_include_pad", json!(-1)),
            &pooled(),
            &["count_include_pad", "-1"],
        ),
        hostile(
            "AveragePool",
            13,
            json!({"kernel_shape": [1 << 20, 1 << 20], "pads": [1 << 20, 1 << 20, 0, 0]}),
            &pooled(),
            &["kernel_shape", "not supported"],
        ),
        hostile("GlobalAveragePool", 13, json!({}), &[floats(&[1, 2, 0])], &["[1, 2, 0]"]),
        hostile("ConvTranspose", 13, json!({"strides": [0, 0]}), &image(), &["strides", "[0, 0]"]),
        hostile("ConvTranspose", 13, json!({"group": 0}), &image(), &["group", "0"]),
        hostile("ConvTranspose", 13, json!({"pads": [9, 0, 0, 0]}), &image(), &["pads", "9"]),
        hostile(
            "ConvTranspose",
            13,
            json!({"output_padding": [-1, 0]}),
            &image(),
            &["output_padding", "-1"],
        ),
        hostile(
            "ConvTranspose",
            13,
            json!({"output_shape": [0, 4]}),
            &image(),
            &["output_shape", "[0, 4]"],
        ),
        hostile(
            "ConvTranspose",
            13,
            json!({"strides": [1i64 << 31, 1i64 << 31]}),
            &image(),
            &["2^28"],
        ),
    ]);
}

#[test]
fn hostile_axes_and_shapes_are_refused() {
    let x = || floats(&[2, 3, 4]);
    assert_refused(&[
        hostile("Softmax", 13, json!({"axis": 3}), &[x()], &["axis 3", "3 dimensions"]),
        hostile("Softmax", 11, json!({"axis": -4}), &[x()], &["axis -4"]),
        hostile("Flatten", 13, json!({"axis": 4}), &[x()], &["axis 4"]),
        hostile("Flatten", 13, json!({"axis": i64::MIN}), &[x()], &["axis"]),
        hostile("Transpose", 13, json!({"perm": [0, 1]}), &[x()], &["perm", "[0, 1]", "3"]),
        hostile("Transpose", 13, json!({"perm": [0, 1, 1]}), &[x()], &["perm", "[0, 1, 1]"]),
        hostile("Transpose", 13, json!({"perm": [0, 1, -1]}), &[x()], &["perm", "-1"]),
        hostile("Concat", 13, json!({}), &[x(), x()], &["axis", "missing"]),
        hostile(
            "Concat",
            13,
            json!({"axis": 1}),
            &[x(), floats(&[2, 3, 5])],
            &["[2, 3, 5]", "axis 1"],
        ),
        hostile("Concat", 13, json!({"axis": 0}), &[x(), ints(&[1])], &["input 1 is i64"]),
        hostile("Split", 11, json!({"split": [1, -1]}), &[x()], &["split", "[1, -1]"]),
        hostile("Split", 13, json!({"axis": 1}), &[x(), ints(&[i64::MAX])], &["split", "3"]),
        hostile("Split", 18, json!({"num_outputs": 2}), &[x()], &["num_outputs", "2", "1"]),
        hostile("Reshape", 13, json!({}), &[x(), ints(&[-1, -1])], &["[-1, -1]"]),
        hostile("Reshape", 13, json!({}), &[x(), ints(&[5, -1])], &["[5, -1]", "[2, 3, 4]"]),
        hostile("Reshape", 13, json!({}), &[x(), ints(&[1, 1, 1, 0])], &["[1, 1, 1, 0]"]),
        hostile("Reshape", 13, json!({}), &[x(), ints(&[-2, 12])], &["[-2, 12]"]),
        hostile("Reshape", 13, json!({}), &[x(), ints(&[i64::MAX, i64::MAX, -1])], &["2^28"]),
        hostile("Reshape", 13, json!({}), &[x(), floats(&[2])], &["input 1 is f32", "i64"]),
        hostile("Squeeze", 13, json!({}), &[x(), ints(&[0])], &["[2, 3, 4]"]),
        hostile("Squeeze", 11, json!({"axes": [7]}), &[x()], &["axis 7"]),
        hostile("Unsqueeze", 13, json!({}), &[x(), ints(&[0, 0])], &["[0, 0]", "twice"]),
        hostile("Unsqueeze", 13, json!({}), &[x(), ints(&[9])], &["axis 9"]),
        hostile("Unsqueeze", 11, json!({}), &[x()], &["axes", "missing"]),
        hostile("Expand", 13, json!({}), &[x(), ints(&[2, 3, 5])], &["[2, 3, 4]", "[2, 3, 5]"]),
        hostile("Expand", 13, json!({}), &[floats(&[1]), ints(&[1 << 40])], &["2^28"]),
        hostile("Expand", 13, json!({}), &[floats(&[1]), ints(&[-1])], &["-1"]),
        hostile("Tile", 13, json!({}), &[x(), ints(&[1, 1])], &["[1, 1]"]),
        hostile("Tile", 13, json!({}), &[x(), ints(&[i64::MAX, i64::MAX, 1])], &["2^28"]),
        hostile(
            "Slice",
            13,
            json!({}),
            &[x(), ints(&[0]), ints(&[1]), ints(&[0]), ints(&[0])],
            &["step 0"],
        ),
        hostile("Slice", 13, json!({}), &[x(), ints(&[0]), ints(&[1]), ints(&[5])], &["axis 5"]),
        hostile("Slice", 13, json!({}), &[x(), ints(&[0, 0]), ints(&[1])], &["2 starts", "1 ends"]),
        hostile("Pad", 13, json!({}), &[x(), ints(&[0, 0])], &["[0, 0]", "3"]),
        hostile("Pad", 13, json!({}), &[x(), ints(&[i64::MAX, 0, 0, i64::MAX, 0, 0])], &["padded"]),
        hostile("Pad", 13, json!({}), &[x(), ints(&[0, -4, 0, 0, 0, 0])], &["-4", "3"]),
        hostile(
            "Pad",
            13,
            json!({"mode": "wrap"}),
            &[x(), ints(&[0; 6])],
            &["mode", "wrap", "reflect"],
        ),
        hostile(
            "DepthToSpace",
            13,
            json!({"blocksize": 0}),
            &[floats(&[1, 4, 2, 2])],
            &["blocksize", "0"],
        ),
        hostile(
            "DepthToSpace",
            13,
            json!({"blocksize": 3}),
            &[floats(&[1, 4, 2, 2])],
            &["blocksize", "3"],
        ),
        hostile(
            "SpaceToDepth",
            13,
            json!({"blocksize": 1i64 << 31}),
            &[floats(&[1, 4, 2, 2])],
            &["blocksize"],
        ),
        hostile("ReduceMean", 13, json!({"axes": [3]}), &[x()], &["axis 3"]),
        hostile("ReduceSum", 13, json!({"keepdims": 2}), &[x()], &["keepdims", "2"]),
        hostile("ArgMax", 13, json!({"axis": 0}), &[floats(&[0, 2])], &["empty"]),
        hostile("TopK", 13, json!({}), &[x(), ints(&[5])], &["[5]", "4"]),
        hostile("TopK", 13, json!({}), &[x(), ints(&[-1])], &["[-1]"]),
        hostile("CumSum", 14, json!({}), &[x(), ints(&[3])], &["axis 3"]),
        hostile("ConstantOfShape", 13, json!({}), &[ints(&[1 << 20, 1 << 20])], &["2^28"]),
        hostile("ConstantOfShape", 13, json!({}), &[ints(&[-1])], &["-1"]),
        hostile("Range", 13, json!({}), &[ints(&[0]), ints(&[i64::MAX]), ints(&[1])], &["2^28"]),
        hostile("Range", 13, json!({}), &[ints(&[0]), ints(&[1]), ints(&[0])], &["0"]),
        hostile(
            "OneHot",
            11,
            json!({}),
            &[ints(&[0]), ints(&[-1]), floats(&[2])],
            &["depth", "-1"],
        ),
        hostile("OneHot", 11, json!({}), &[ints(&[0]), ints(&[1 << 40]), floats(&[2])], &["2^28"]),
        hostile("Resize", 13, json!({}), &[x(), None, floats(&[3])], &["scale", "0"]),
        hostile("Resize", 13, json!({}), &[x(), None, floats(&[2])], &["scales", "2", "3"]),
        hostile("Resize", 13, json!({}), &[x(), None, None, ints(&[-1, 1, 1])], &["-1"]),
        hostile(
            "Resize",
            13,
            json!({}),
            &[x(), None, None, ints(&[1 << 30, 1 << 30, 1])],
            &["2^28"],
        ),
        hostile("Resize", 13, json!({"mode": "lanczos"}), &[x()], &["mode", "lanczos", "cubic"]),
    ]);
}

#[test]
fn hostile_operands_are_refused() {
    let x = || floats(&[2, 3]);
    assert_refused(&[
        hostile("Add", 13, json!({}), &[x(), floats(&[2])], &["[2, 3]", "[2]"]),
        hostile("Add", 13, json!({}), &[x(), ints(&[1])], &["f32 and i64"]),
        hostile("Add", 13, json!({}), &[x()], &["input 1 is missing"]),
        hostile("Div", 13, json!({}), &[ints(&[1]), ints(&[0])], &["zero"]),
        hostile("Mod", 13, json!({}), &[x(), x()], &["fmod", "0", "1"]),
        hostile("Gemm", 13, json!({}), &[x(), x()], &["2×3"]),
        hostile("Gemm", 13, json!({}), &[floats(&[2]), x()], &["[2]"]),
        hostile("Gemm", 13, json!({"transA": 2}), &[x(), x()], &["transA", "2"]),
        hostile("Gemm", 13, json!({"transB": 1}), &[x(), x(), floats(&[3])], &["[3]", "[2, 2]"]),
        hostile("MatMul", 13, json!({}), &[x(), x()], &["[2, 3]"]),
        hostile("MatMul", 13, json!({}), &[floats(&[]), x()], &["[]"]),
        hostile(
            "MatMul",
            13,
            json!({}),
            &[floats(&[2, 2, 3]), floats(&[3, 3, 2])],
            &["[2]", "[3]"],
        ),
        hostile("Einsum", 12, json!({"equation": "ij,jk->il"}), &[x(), x()], &["equation", "il"]),
        hostile("Einsum", 12, json!({"equation": "ij->i"}), &[x(), x()], &["equation", "2 inputs"]),
        hostile("Einsum", 12, json!({"equation": "i7->i"}), &[x()], &["equation", "i7"]),
        hostile("Einsum", 12, json!({"equation": "ii->i"}), &[x()], &["3", "2"]),
        hostile(
            "BatchNormalization",
            13,
            json!({}),
            &[x(), x(), x(), x(), x()],
            &["input 1", "[3]"],
        ),
        hostile(
            "BatchNormalization",
            14,
            json!({"training_mode": 1}),
            &[x()],
            &["training", "not supported"],
        ),
        hostile(
            "GroupNormalization",
            21,
            json!({"num_groups": 2}),
            &[x(), x(), x()],
            &["num_groups", "2", "3"],
        ),
        hostile(
            "GroupNormalization",
            21,
            json!({"num_groups": 0}),
            &[x(), x(), x()],
            &["num_groups", "0"],
        ),
        hostile("LayerNormalization", 17, json!({}), &[x(), floats(&[2])], &["[2]", "[3]"]),
        hostile("LRN", 13, json!({"size": 0}), &[x()], &["size", "0"]),
        hostile("Gather", 13, json!({}), &[x(), ints(&[2])], &["index 2", "2"]),
        hostile("Gather", 13, json!({}), &[x(), ints(&[i64::MIN])], &["index"]),
        hostile(
            "GatherElements",
            13,
            json!({}),
            &[x(), indices(&[3, 4], 0)],
            &["[3, 4]", "[2, 3]"],
        ),
        hostile("GatherND", 13, json!({}), &[x(), indices(&[1, 3], 0)], &["[1, 3]"]),
        hostile("GatherND", 13, json!({"batch_dims": 2}), &[x(), x()], &["input 1 is f32"]),
        hostile(
            "GatherND",
            13,
            json!({"batch_dims": -1}),
            &[x(), ints(&[0])],
            &["batch_dims", "-1"],
        ),
        hostile(
            "ScatterElements",
            13,
            json!({}),
            &[x(), indices(&[1, 1], 5), floats(&[1, 1])],
            &["index 5"],
        ),
        hostile(
            "ScatterND",
            13,
            json!({}),
            &[x(), indices(&[1, 1], 0), floats(&[1, 2])],
            &["[1, 2]", "[1, 3]"],
        ),
        hostile("ScatterND", 16, json!({"reduction": "max"}), &[x()], &["reduction", "max", "add"]),
        hostile("Clip", 13, json!({}), &[x(), floats(&[2])], &["input 1", "[2]"]),
        hostile("PRelu", 13, json!({}), &[floats(&[1, 3]), x()], &["[2, 3]", "[1, 3]"]),
        hostile("Cast", 13, json!({"to": 8}), &[x()], &["8", "not supported"]),
        hostile("Cast", 13, json!({"to": 0}), &[x()], &["to", "0"]),
        hostile("Cast", 13, json!({"to": "f32"}), &[x()], &["to", "f32"]),
        hostile("Constant", 13, json!({}), &[], &["value", "missing"]),
        hostile("Constant", 13, json!({"value_string": "a"}), &[], &["value_string"]),
        hostile("DequantizeLinear", 13, json!({}), &[indices(&[4, 4], 1), x()], &["[2, 3]"]),
        hostile(
            "DequantizeLinear",
            21,
            json!({"block_size": -1}),
            &[ints(&[1])],
            &["block_size", "-1"],
        ),
        hostile("Where", 16, json!({}), &[x(), x(), x()], &["input 0 is f32", "bool"]),
        hostile("Not", 13, json!({}), &[x()], &["f32", "bool"]),
        hostile(
            "Dropout",
            13,
            json!({}),
            &[x(), None, Some(Value::Bool(ArcArray::from_elem(IxDyn(&[]), true)))],
            &["training"],
        ),
    ]);
}
