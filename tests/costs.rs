//! What a prediction costs, against counts made by hand.
#![allow(clippy::unwrap_used)]

mod support;

use std::sync::Arc;

use quantscope::eval::{CostError, Costs, LayerCode, ModelCosts, Runner};
use quantscope::formats::open_model;
use quantscope::model::{FoldMode, Network};
use quantscope::session::{ModelRef, open};
use serde_json::{Value as Json, json};
use support::{FileBuilder, graph, node};

fn network(model: &FileBuilder) -> Network {
    let folder = tempfile::tempdir().unwrap();
    let path = model.write(folder.path(), "model.safetensors");
    Network::new(Arc::new(open_model(&path).unwrap()), FoldMode::Fold).unwrap()
}

/// A model of one product with its weight over samples of `dims`.
fn product(op: &str, dims: &[usize], weight: &[usize], attributes: Json) -> Network {
    let count = weight.iter().product();
    let nodes = vec![node("p", op, &["input", "w"], &["output"], attributes)];
    network(&FileBuilder::new().floats("w", weight, &vec![0.5; count]).graph(&graph(dims, nodes)))
}

#[test]
fn multiply_accumulates_are_those_counted_by_hand() {
    let same = |group: usize| json!({"pads": [1, 1, 1, 1], "group": group});
    let cases = [
        // 6·6 places, 8 channels out of 3, 3·3 weights each.
        ("conv", product("Conv", &[3, 6, 6], &[8, 3, 3, 3], same(1)), 36.0 * 8.0 * 3.0 * 9.0),
        // Without padding and with a step of two there are 2·2 places.
        ("strided", product("Conv", &[3, 6, 6], &[8, 3, 3, 3], json!({"strides": [2, 2]})), 864.0),
        // Every channel by itself.
        ("depthwise", product("Conv", &[4, 6, 6], &[4, 1, 3, 3], same(4)), 36.0 * 4.0 * 9.0),
        // 5·5 places, each spread over 6 channels and 2·2 places.
        (
            "transposed",
            product("ConvTranspose", &[3, 5, 5], &[3, 6, 2, 2], json!({})),
            25.0 * 3.0 * 24.0,
        ),
        ("gemm", product("Gemm", &[7], &[5, 7], json!({"transB": 1})), 35.0),
        ("gemm not transposed", product("Gemm", &[7], &[7, 5], json!({})), 35.0),
        // 9 rows of 7 numbers, each to 5.
        ("matmul", product("MatMul", &[9, 7], &[7, 5], json!({})), 9.0 * 35.0),
    ];
    for (name, network, wanted) in cases {
        let costs = ModelCosts::measure(&network, None).unwrap();
        assert_eq!((costs.layers[0].macs, costs.layers[0].reads), (wanted, 1.0), "{name}");
        assert_eq!((costs.other_macs, costs.other_bits), (0.0, 0), "{name}");
    }
}

#[test]
fn a_weight_used_twice_counts_twice() {
    let nodes = vec![
        node("a", "MatMul", &["input", "w"], &["h"], json!({})),
        node("b", "MatMul", &["h", "w"], &["output"], json!({})),
    ];
    let model = FileBuilder::new().floats("w", &[4, 4], &[0.5; 16]).graph(&graph(&[4], nodes));
    let costs = ModelCosts::measure(&network(&model), None).unwrap();
    assert_eq!((costs.layers.len(), costs.layers[0].macs, costs.layers[0].reads), (1, 32.0, 2.0));
}

#[test]
fn products_of_two_values_are_counted_apart() {
    // Scores of 5 places against each other, over 4 numbers.
    let nodes = vec![
        node("q", "MatMul", &["input", "w"], &["q"], json!({})),
        node("t", "Transpose", &["input"], &["k"], json!({"perm": [0, 2, 1]})),
        node("scores", "MatMul", &["q", "k"], &["output"], json!({})),
    ];
    let model = FileBuilder::new().floats("w", &[4, 4], &[0.5; 16]).graph(&graph(&[5, 4], nodes));
    let costs = ModelCosts::measure(&network(&model), None).unwrap();
    assert_eq!((costs.layers[0].macs, costs.other_macs), (5.0 * 16.0, 25.0 * 4.0));
}

#[test]
fn bits_and_energy_follow_from_the_counts() {
    let model = FileBuilder::new()
        .floats("w", &[5, 7], &[0.5; 35])
        .floats("b", &[5], &[0.5; 5])
        .graph(&graph(
            &[7],
            vec![node("p", "Gemm", &["input", "w", "b"], &["output"], json!({"transB": 1}))],
        ));
    let costs = ModelCosts::measure(&network(&model), None).unwrap();
    let float = Costs::of(&costs, &[None], None);
    assert_eq!((float.macs, float.bit_operations), (35.0, 35.0 * 32.0 * 32.0));
    assert_eq!(float.energy_picojoules, 40.0 * 32.0 * 20.0 + 35.0 * 4.6);
    // 4-bit codes with a scale: only what is read gets less.
    let code = LayerCode::new(35 * 4 + 32, &"int4".parse().unwrap(), 35);
    let weights = Costs::of(&costs, &[Some(code)], None);
    assert_eq!(weights.bit_operations, 35.0 * 4.0 * 32.0);
    assert_eq!(weights.energy_picojoules, f64::from(5 * 32 + 35 * 4 + 32) * 20.0 + 35.0 * 4.6);
    let both = Costs::of(&costs, &[Some(code)], Some(8));
    assert_eq!(both.bit_operations, 35.0 * 4.0 * 8.0);
    assert!((weights.energy_picojoules - both.energy_picojoules - 35.0 * 4.3).abs() < 1e-9);
}

#[test]
fn a_language_model_is_counted_by_token() {
    let opened = open(&ModelRef::parse("sample:tiny-lm").unwrap(), FoldMode::Fold).unwrap();
    let network = &opened.network;
    let runner = Runner::new(Arc::clone(network), opened.eval.clone().unwrap()).unwrap();
    let costs = runner.costs().unwrap();
    assert!(costs.is_per_token && costs.other_macs > 0.0);
    for (layer, cost) in network.layers.iter().zip(&costs.layers) {
        // Every token meets every weight of a product once, and one row of a table.
        let is_table = layer.op == "Gather";
        let wanted = if is_table { 0.0 } else { cost.reads.round() * layer.count() as f64 };
        assert_eq!(cost.macs, wanted, "{}", layer.name);
        assert!(cost.reads > 0.0 && (cost.reads < 1.0) == is_table, "{}", layer.name);
    }
}

#[test]
fn what_is_not_known_is_not_counted() {
    let nodes = vec![node("p", "MatMul", &["input", "w"], &["output"], json!({}))];
    let mut free = graph(&[4], nodes);
    free["inputs"][0]["shape"] = json!(["N", "T", 4]);
    let model = network(&FileBuilder::new().floats("w", &[4, 4], &[0.5; 16]).graph(&free));
    assert!(matches!(ModelCosts::measure(&model, None), Err(CostError::FreeInput)));
    let costs = ModelCosts::measure(&model, Some(&[3, 4])).unwrap();
    assert_eq!(costs.layers[0].macs, 48.0);
    let tensors = network(&FileBuilder::new().floats("w", &[4, 4], &[0.5; 16]));
    assert!(matches!(ModelCosts::measure(&tensors, None), Err(CostError::NoGraph)));
}
