//! The operators against ONNX Runtime and the `onnx` package (`tests/reference/operators.py` wrote
//! the cases), and against attributes and shapes that no sound file has.

use std::collections::BTreeSet;
use std::path::PathBuf;

use ndarray::{ArcArray, IxDyn};
use quantscope::exec::operator::{BuildCtx, Inputs, OpError, OperatorEntry};
use quantscope::exec::ops;
use quantscope::formats::graph_json::parse_attributes;
use quantscope::tensor::Value;
use safetensors::{Dtype, SafeTensors};
use serde_json::{Value as Json, json};

/// Cases that are not run, and why.
const SKIPPED_CASES: &[(&str, &str)] = &[
    ("reshape_opset1", "the shape is an attribute before opset 5; the table starts at 7"),
    ("maxpool_inside_nan", "undefined; here NaN in a window gives NaN"),
    ("maxpool_dilations_nan", "undefined; here NaN in a window gives NaN"),
    ("maxpool_minus_infinity_pads", "undefined; here the padding is -infinity, as ONNX says"),
];

/// Operators with cases that the table lacks on purpose, and why.
const ABSENT_OPERATORS: &[(&str, &str)] =
    &[("QuantizeLinear", "fake quantization is done by `eval`, on values, not by a node")];

/// Operators of the table without a case, and why.
const OPERATORS_WITHOUT_CASE: &[(&str, &str)] =
    &[("CastLike", "its conversions are those of Cast; what it chooses is tested in cast.rs")];

/// One node with its inputs and what it must give.
struct Case {
    name: String,
    op: String,
    opset: u32,
    attributes: Json,
    inputs: Vec<Option<Value>>,
    outputs: Vec<Value>,
    tolerance: f64,
}

fn cases() -> Vec<Case> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/operators");
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "safetensors"))
        .collect();
    paths.sort();
    paths.iter().flat_map(|path| read_cases(&std::fs::read(path).unwrap())).collect()
}

fn read_cases(bytes: &[u8]) -> Vec<Case> {
    let (_, header) = SafeTensors::read_metadata(bytes).unwrap();
    let text = header.metadata().as_ref().and_then(|metadata| metadata.get("cases")).unwrap();
    let list: Vec<Json> = serde_json::from_str(text).unwrap();
    let tensors = SafeTensors::deserialize(bytes).unwrap();
    let names = |case: &Json, key: &str| -> Vec<String> {
        case[key].as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect()
    };
    list.iter()
        .map(|case| Case {
            name: case["name"].as_str().unwrap().to_owned(),
            op: case["op"].as_str().unwrap().to_owned(),
            opset: case["opset"].as_u64().unwrap() as u32,
            attributes: case["attributes"].clone(),
            inputs: names(case, "inputs")
                .iter()
                .map(|name| (!name.is_empty()).then(|| value_of(&tensors, name)))
                .collect(),
            outputs: names(case, "outputs").iter().map(|name| value_of(&tensors, name)).collect(),
            tolerance: case["tolerance"].as_f64().unwrap(),
        })
        .collect()
}

/// A stored tensor, widened as the program's readers do.
fn value_of(tensors: &SafeTensors, name: &str) -> Value {
    let view = tensors.tensor(name).unwrap();
    let shape = IxDyn(view.shape());
    let data = view.data();
    let ints = |ints: Vec<i64>| Value::I64(ArcArray::from_shape_vec(shape.clone(), ints).unwrap());
    fn each<const N: usize, T>(data: &[u8], read: fn([u8; N]) -> T) -> Vec<T> {
        data.chunks_exact(N).map(|bytes| read(bytes.try_into().unwrap())).collect()
    }
    match view.dtype() {
        Dtype::F32 => {
            Value::F32(ArcArray::from_shape_vec(shape, each(data, f32::from_le_bytes)).unwrap())
        }
        Dtype::BOOL => {
            let bools = data.iter().map(|&byte| byte != 0).collect();
            Value::Bool(ArcArray::from_shape_vec(shape, bools).unwrap())
        }
        Dtype::I64 => ints(each(data, i64::from_le_bytes)),
        Dtype::I32 => ints(each(data, |bytes| i64::from(i32::from_le_bytes(bytes)))),
        Dtype::I8 => ints(each(data, |bytes| i64::from(i8::from_le_bytes(bytes)))),
        Dtype::U8 => ints(each(data, |[byte]| i64::from(byte))),
        other => panic!("{name} is {other:?}"),
    }
}

fn run(entry: &OperatorEntry, case: &Case) -> Result<Vec<Value>, OpError> {
    let attributes = parse_attributes(&case.attributes).unwrap();
    let ctx = BuildCtx {
        attributes: &attributes,
        // A definition older than the table's first opset is that of the first one.
        opset: case.opset.clamp(entry.opsets.0, entry.opsets.1),
        n_inputs: case.inputs.len(),
        n_outputs: case.outputs.len(),
    };
    (entry.build)(&ctx)?.run(&mut Inputs::new(case.inputs.clone()))
}

/// What is wrong with `found`, if anything.
fn difference(found: &Value, wanted: &Value, tolerance: f64) -> Option<String> {
    if found.dims() != wanted.dims() {
        return Some(format!("shape {:?}, not {:?}", found.dims(), wanted.dims()));
    }
    match (found, wanted) {
        (Value::F32(found), Value::F32(wanted)) => {
            let scale =
                wanted.iter().filter(|x| x.is_finite()).fold(0f32, |max, x| max.max(x.abs()));
            let allowed = tolerance * f64::from(scale);
            let agree = |a: f32, b: f32| match a.is_finite() && b.is_finite() {
                true => (f64::from(a) - f64::from(b)).abs() <= allowed,
                false => a == b || (a.is_nan() && b.is_nan()),
            };
            let pairs = found.iter().zip(wanted.iter()).enumerate();
            let mut wrong = pairs.filter(|(_, (a, b))| !agree(**a, **b));
            wrong.next().map(|(idx, (a, b))| {
                format!("{a} at {idx}, not {b} (allowed {allowed:e}); {} more", wrong.count())
            })
        }
        (Value::I64(found), Value::I64(wanted)) if found == wanted => None,
        (Value::Bool(found), Value::Bool(wanted)) if found == wanted => None,
        _ => Some(format!("{found:?}, not {wanted:?}")),
    }
}

fn failure(case: &Case) -> Option<String> {
    let entry = ops::find(&case.op)?;
    let found = match run(entry, case) {
        Ok(found) => found,
        Err(error) => return Some(format!("{} ({}): {error}", case.name, case.op)),
    };
    if found.len() < case.outputs.len() {
        return Some(format!("{} ({}): only {} outputs", case.name, case.op, found.len()));
    }
    let pairs = found.iter().zip(&case.outputs).enumerate();
    let mut wrong = pairs.filter_map(|(idx, (found, wanted))| {
        difference(found, wanted, case.tolerance).map(|text| format!("output {idx}: {text}"))
    });
    wrong.next().map(|text| format!("{} ({}-{}): {text}", case.name, case.op, case.opset))
}

#[test]
fn every_case_gives_the_reference_result() {
    let cases = cases();
    assert!(cases.len() > 1000, "only {} cases were found", cases.len());
    let is_skipped = |case: &&Case| SKIPPED_CASES.iter().any(|(name, _)| *name == case.name);
    let failures: Vec<String> =
        cases.iter().filter(|case| !is_skipped(case)).filter_map(failure).collect();
    assert!(failures.is_empty(), "{} cases:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn the_table_and_the_cases_name_the_same_operators() {
    let cases = cases();
    let tested: BTreeSet<&str> = cases.iter().map(|case| case.op.as_str()).collect();
    let entries = ops::OPERATORS.iter().flat_map(|family| family.iter());
    let known: BTreeSet<&str> = entries.map(|entry| entry.op).collect();
    let listed =
        |list: &[(&'static str, &str)]| list.iter().map(|(op, _)| *op).collect::<BTreeSet<&str>>();
    let absent: BTreeSet<&str> = tested.difference(&known).copied().collect();
    assert_eq!(absent, listed(ABSENT_OPERATORS), "operators with cases that the table lacks");
    let untested: BTreeSet<&str> = known.difference(&tested).copied().collect();
    assert_eq!(untested, listed(OPERATORS_WITHOUT_CASE), "operators without a case");
    let skipped =
        SKIPPED_CASES.iter().filter(|(name, _)| !cases.iter().any(|case| case.name == *name));
    assert_eq!(skipped.count(), 0, "a skipped case does not exist");
}

#[test]
fn every_operator_is_in_the_table_once_with_a_sound_range() {
    let mut seen = BTreeSet::new();
    for entry in ops::OPERATORS.iter().flat_map(|family| family.iter()) {
        assert!(seen.insert(entry.op), "{} is in the table twice", entry.op);
        let (first, last) = entry.opsets;
        assert!(first >= 7 && first <= last && last <= 23, "{}: opsets {first}..{last}", entry.op);
    }
    assert!(ops::find("NoSuchOperator").is_none());
}
