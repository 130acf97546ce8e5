//! Random nodes, and reference cases with one thing changed: whatever comes, no operator panics.

use ndarray::{ArcArray, IxDyn};
use quantscope::exec::operator::{BuildCtx, Inputs, OpError, OperatorEntry};
use quantscope::exec::ops;
use quantscope::formats::graph_json::parse_attributes;
use quantscope::tensor::Value;
use serde_json::{Value as Json, json};

use crate::cases::cases;

/// Steps of a linear congruential generator: the same nodes on every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % n
    }

    fn one_of<T: Clone>(&mut self, list: &[T]) -> T {
        list[self.below(list.len())].clone()
    }

    /// Whole numbers that are either small or far too large, so that nothing large is computed.
    fn whole(&mut self) -> i64 {
        self.one_of(&[0, 1, 1, 1, 2, 2, 3, 4, -1, -2, -5, 1 << 33, 1 << 62, i64::MAX, i64::MIN])
    }

    fn attribute(&mut self, name: &str) -> Json {
        const WORDS: [&str; 12] = [
            "SAME_UPPER",
            "SAME_LOWER",
            "VALID",
            "nearest",
            "linear",
            "cubic",
            "reflect",
            "edge",
            "align_corners",
            "tf_crop_and_resize",
            "CRD",
            "ij,jk->ik",
        ];
        match (name, self.below(8)) {
            ("to", _) => json!(self.below(24)),
            (_, 0) => json!(self.one_of(&WORDS)),
            (_, 1) => json!(self.one_of(&[0.5, -1.0, 1e30])),
            (_, 2 | 3) => json!(self.whole()),
            _ => json!((0..self.below(7)).map(|_| self.whole()).collect::<Vec<i64>>()),
        }
    }

    fn input(&mut self) -> Option<Value> {
        let rank = self.below(6);
        let dims: Vec<usize> = (0..rank).map(|_| self.one_of(&[0, 1, 1, 2, 2, 3, 4])).collect();
        let count: usize = dims.iter().product();
        let shape = IxDyn(&dims);
        match self.below(6) {
            0 => None,
            1 => {
                let list: Vec<i64> = (0..self.below(9)).map(|_| self.whole()).collect();
                Some(Value::from_ints(&list))
            }
            2 => {
                let data = (0..count).map(|_| self.whole()).collect();
                Some(Value::I64(ArcArray::from_shape_vec(shape, data).unwrap()))
            }
            3 => Some(Value::Bool(ArcArray::from_elem(shape, self.below(2) == 0))),
            _ => {
                let pool = [0.0, 1.0, -1.0, 0.5, 2.0, f32::NAN, f32::INFINITY, -1e38];
                let data = (0..count).map(|_| self.one_of(&pool)).collect();
                Some(Value::F32(ArcArray::from_shape_vec(shape, data).unwrap()))
            }
        }
    }
}

const ATTRIBUTE_NAMES: [&str; 46] = [
    "axis",
    "axes",
    "perm",
    "pads",
    "strides",
    "dilations",
    "kernel_shape",
    "group",
    "auto_pad",
    "ceil_mode",
    "count_include_pad",
    "storage_order",
    "output_padding",
    "output_shape",
    "keepdims",
    "noop_with_empty_axes",
    "select_last_index",
    "largest",
    "k",
    "split",
    "num_outputs",
    "starts",
    "ends",
    "mode",
    "scales",
    "blocksize",
    "batch_dims",
    "reduction",
    "size",
    "num_groups",
    "epsilon",
    "alpha",
    "beta",
    "to",
    "value_ints",
    "block_size",
    "transA",
    "transB",
    "equation",
    "fmod",
    "coordinate_transformation_mode",
    "nearest_mode",
    "exclude_outside",
    "antialias",
    "upper",
    "p",
];

/// Runs a node, which must give a row-major result or an error.
fn assert_no_panic(
    label: &str,
    run: impl Fn() -> Result<Vec<Value>, OpError> + std::panic::UnwindSafe,
) {
    let Ok(result) = std::panic::catch_unwind(run) else { panic!("{label}") };
    for value in result.unwrap_or_default() {
        let is_row_major = match &value {
            Value::F32(array) => array.is_standard_layout(),
            Value::I64(array) => array.is_standard_layout(),
            Value::Bool(array) => array.is_standard_layout(),
        };
        assert!(is_row_major, "{label}: the result is not row-major");
    }
}

fn entries() -> impl Iterator<Item = &'static OperatorEntry> {
    ops::OPERATORS.iter().flat_map(|family| family.iter())
}

#[test]
fn random_nodes() {
    for entry in entries() {
        let mut dice = Dice(entry.op.bytes().map(u64::from).sum());
        for round in 0..2000 {
            let names: Vec<&str> =
                (0..dice.below(4)).map(|_| dice.one_of(&ATTRIBUTE_NAMES)).collect();
            let object = names.iter().map(|name| ((*name).to_owned(), dice.attribute(name)));
            let json = Json::Object(object.collect());
            let Ok(attributes) = parse_attributes(&json) else { continue };
            let inputs: Vec<Option<Value>> = (0..1 + dice.below(4)).map(|_| dice.input()).collect();
            let (first, last) = entry.opsets;
            let opset = first + dice.below((last - first + 1) as usize) as u32;
            let (n_inputs, n_outputs) = (inputs.len(), 1 + dice.below(3));
            let label = format!("{} {opset} round {round}: {json} of {inputs:?}", entry.op);
            assert_no_panic(&label, || {
                let ctx = BuildCtx { attributes: &attributes, opset, n_inputs, n_outputs };
                (entry.build)(&ctx)?.run(&mut Inputs::new(inputs.clone()))
            });
        }
    }
}

/// One number of an attribute, one input or the opset replaced.
#[test]
fn changed_reference_cases() {
    let cases = cases();
    for (case_idx, case) in cases.iter().enumerate() {
        let Some(entry) = ops::find(&case.op) else { continue };
        let mut dice = Dice(case_idx as u64);
        for round in 0..30 {
            let mut changed = case.clone();
            match dice.below(4) {
                0 | 1 => {
                    let names: Vec<String> = match &case.attributes {
                        Json::Object(object) => object.keys().cloned().collect(),
                        _ => Vec::new(),
                    };
                    if names.is_empty() {
                        changed.opset = 7 + dice.below(17) as u32;
                    } else {
                        let value = &mut changed.attributes[dice.one_of(&names)];
                        match value {
                            Json::Array(list) if !list.is_empty() => {
                                let at = dice.below(list.len());
                                list[at] = json!(dice.whole());
                            }
                            value => *value = json!(dice.whole()),
                        }
                    }
                }
                2 if !changed.inputs.is_empty() => {
                    let at = dice.below(changed.inputs.len());
                    changed.inputs[at] = dice.input();
                }
                _ if !changed.inputs.is_empty() => {
                    let at = dice.below(changed.inputs.len());
                    if let Some(Value::I64(array)) = &mut changed.inputs[at] {
                        array.mapv_inplace(
                            |int| if dice.below(4) == 0 { dice.whole() } else { int },
                        );
                    }
                }
                _ => changed.opset = 7 + dice.below(17) as u32,
            }
            if parse_attributes(&changed.attributes).is_err() {
                continue;
            }
            let label = format!("{} round {round}: {changed:?}", case.name);
            assert_no_panic(&label, || changed.run(entry));
        }
    }
}
