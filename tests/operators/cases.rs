//! The reference cases: what `tests/reference/operators.py` wrote, read back.

use std::path::PathBuf;

use ndarray::{ArcArray, IxDyn};
use quantscope::exec::operator::{BuildCtx, Inputs, OpError, OperatorEntry};
use quantscope::formats::graph_json::parse_attributes;
use quantscope::tensor::Value;
use safetensors::{Dtype, SafeTensors};
use serde_json::Value as Json;

/// One node with its inputs and what it must give.
#[derive(Clone, Debug)]
pub struct Case {
    pub name: String,
    pub op: String,
    pub opset: u32,
    pub attributes: Json,
    pub inputs: Vec<Option<Value>>,
    pub outputs: Vec<Value>,
    pub tolerance: f64,
}

/// All cases, file by file.
pub fn cases() -> Vec<Case> {
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
            attributes: attributes_of(case, &tensors),
            inputs: names(case, "inputs")
                .iter()
                .map(|name| (!name.is_empty()).then(|| value_of(&tensors, name)))
                .collect(),
            outputs: names(case, "outputs").iter().map(|name| value_of(&tensors, name)).collect(),
            tolerance: case["tolerance"].as_f64().unwrap(),
        })
        .collect()
}

/// As a reader of files has them: a QuantizeLinear knows the type of its zero point.
fn attributes_of(case: &Json, tensors: &SafeTensors) -> Json {
    let mut attributes = case["attributes"].clone();
    let zero_point = case["inputs"].get(2).and_then(Json::as_str).filter(|name| !name.is_empty());
    if let (Some("QuantizeLinear"), Some(name)) = (case["op"].as_str(), zero_point) {
        let number = match tensors.tensor(name).unwrap().dtype() {
            Dtype::I8 => 3,
            Dtype::U8 => 2,
            other => panic!("{name} is {other:?}"),
        };
        attributes["output_dtype"] = Json::from(number);
    }
    attributes
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

impl Case {
    /// Builds and runs the node.
    pub fn run(&self, entry: &OperatorEntry) -> Result<Vec<Value>, OpError> {
        let attributes = parse_attributes(&self.attributes).unwrap();
        let ctx = BuildCtx {
            attributes: &attributes,
            // A definition older than the table's first opset is that of the first one.
            opset: self.opset.clamp(entry.opsets.0, entry.opsets.1),
            n_inputs: self.inputs.len(),
            n_outputs: self.outputs.len(),
        };
        (entry.build)(&ctx)?.run(&mut Inputs::new(self.inputs.clone()))
    }
}
