//! What becomes of a model before it is measured: folding, integer weights, layers, outputs.
#![allow(clippy::unwrap_used)]

mod support;

use std::sync::Arc;

use quantscope::base::WorkCtx;
use quantscope::eval::{KeptRuns, RunRequest, Runner, SampleSet};
use quantscope::exec::NoHook;
use quantscope::formats::open_model;
use quantscope::model::{FoldMode, Network};
use serde_json::{Value as Json, json};
use support::{FileBuilder, dense_samples, graph, node, samples_meta};

fn network(model: &FileBuilder) -> Network {
    network_with(model, FoldMode::Fold)
}

fn network_with(model: &FileBuilder, fold_mode: FoldMode) -> Network {
    let folder = tempfile::tempdir().unwrap();
    let path = model.write(folder.path(), "model.safetensors");
    Network::new(Arc::new(open_model(&path).unwrap()), fold_mode).unwrap()
}

/// A Gemm of two outputs and a normalization after it.
fn gemm_norm(gemm_inputs: &[&str], gemm: Json, norm: Json) -> FileBuilder {
    let inputs = ["h", "gamma", "beta", "mean", "var"];
    FileBuilder::new()
        .floats("w", &[2, 2], &[1.0, 2.0, 3.0, 4.0])
        .floats("row", &[2], &[0.5, -0.5])
        .floats("column", &[2, 1], &[0.5, -0.5])
        .floats("gamma", &[2], &[2.0, 4.0])
        .floats("beta", &[2], &[0.0, 1.0])
        .floats("mean", &[2], &[1.0, 0.0])
        .floats("var", &[2], &[1.0, 1.0])
        .graph(&graph(
            &[2],
            vec![
                node("fc", "Gemm", gemm_inputs, &["h"], gemm),
                node("norm", "BatchNormalization", &inputs, &["output"], norm),
            ],
        ))
}

#[test]
fn a_normalization_is_folded() {
    let attributes = json!({"transB": 1});
    let model = gemm_norm(&["input", "w", "row"], attributes, json!({"epsilon": 0.0}));
    let network = network(&model);
    assert_eq!(network.folded.len(), 1);
    let values = |name: &str| network.tensor(name).unwrap().iter().copied().collect::<Vec<_>>();
    assert_eq!(values("w"), [2.0, 4.0, 12.0, 16.0]);
    assert_eq!(values("row"), [-1.0, -1.0], "scale·(bias − mean) + beta");
    assert_eq!(network.n_parameters(), 6, "the normalization's parameters are gone");
    assert_eq!(network.layer_idx("fc"), Some(0));
}

#[test]
fn a_folded_bias_takes_no_name_that_is_used() {
    let model = gemm_norm(&["input", "w"], json!({"transB": 1}), json!({})).floats(
        "w.folded_bias",
        &[1],
        &[7.0],
    );
    let network = network(&model);
    let own = network.tensor("w.folded_bias").unwrap();
    assert_eq!(own.iter().copied().collect::<Vec<_>>(), [7.0]);
    assert_eq!(network.tensor("w.folded_bias (2)").unwrap().len(), 2);
}

#[test]
fn what_does_not_fit_stays_a_node() {
    let plain = || json!({"transB": 1});
    let cases = [
        ("a bias by row", gemm_norm(&["input", "w", "column"], plain(), json!({}))),
        ("training mode", gemm_norm(&["input", "w"], plain(), json!({"training_mode": 1}))),
        ("by position", gemm_norm(&["input", "w"], plain(), json!({"spatial": 0}))),
        ("a bad epsilon", gemm_norm(&["input", "w"], plain(), json!({"epsilon": "small"}))),
        ("a bad beta", gemm_norm(&["input", "w", "row"], json!({"beta": "b"}), json!({}))),
        ("an unknown weight order", gemm_norm(&["input", "w"], json!({"transB": "x"}), json!({}))),
    ];
    for (name, model) in cases {
        assert!(network(&model).folded.is_empty(), "{name}");
    }
}

/// A dense layer whose weight is stored in integers with scales.
fn integer_weight(scales: &[f32], axis: i64) -> FileBuilder {
    let dequantize = json!({"axis": axis});
    FileBuilder::new()
        .tensor("q", "I8", &[2, 3], vec![1, 2, 3, 0xff, 0xfe, 0xfd])
        .tensor("zero", "I8", &[scales.len()], vec![1; scales.len()])
        .floats("scale", &[scales.len()], scales)
        .graph(&graph(
            &[3],
            vec![
                node("dq", "DequantizeLinear", &["q", "scale", "zero"], &["w"], dequantize),
                node("fc", "Gemm", &["input", "w"], &["output"], json!({"transB": 1})),
            ],
        ))
}

#[test]
fn integer_weights_with_scales_are_layers() {
    let cases: [(&[f32], i64, [f32; 6]); 3] = [
        (&[0.5], 1, [0.0, 0.5, 1.0, -1.0, -1.5, -2.0]),
        (&[0.5, 2.0], 0, [0.0, 0.5, 1.0, -4.0, -6.0, -8.0]),
        (&[1.0, 2.0, 4.0], -1, [0.0, 2.0, 8.0, -2.0, -6.0, -16.0]),
    ];
    for (scales, axis, expected) in cases {
        for fold_mode in [FoldMode::Fold, FoldMode::Keep] {
            let network = network_with(&integer_weight(scales, axis), fold_mode);
            assert_eq!(network.layers.len(), 1);
            assert_eq!((network.layers[0].weight.as_str(), network.layers[0].axis), ("q", 0));
            let values: Vec<f32> = network.tensor("q").unwrap().iter().copied().collect();
            assert_eq!(values, expected);
            assert_eq!(network.graph.as_ref().unwrap().nodes.len(), 1);
            assert_eq!(network.n_parameters(), 6);
        }
    }
    let unfit = network(&integer_weight(&[1.0, 2.0], 1));
    assert!(unfit.layers.is_empty(), "two scales for three columns are the executor's to refuse");
}

#[test]
fn probabilities_are_known_behind_what_passes_them_on() {
    let kl = |tail: &[(&str, Json)]| {
        let mut nodes = vec![
            node("fc", "Gemm", &["input", "w"], &["h0"], json!({"transB": 1})),
            node("softmax", "Softmax", &["h0"], &["h1"], json!({})),
        ];
        for (idx, (op, attributes)) in tail.iter().enumerate() {
            let (from, to) = (format!("h{}", idx + 1), format!("h{}", idx + 2));
            nodes.push(node(&format!("tail {idx}"), op, &[&from], &[&to], attributes.clone()));
        }
        let last = nodes.last_mut().unwrap();
        last["outputs"] = json!(["output"]);
        let model = FileBuilder::new()
            .floats("w", &[2, 2], &[1.0, -0.5, 0.25, 0.75])
            .graph(&graph(&[2], nodes));
        let network = Arc::new(network(&model));
        let folder = tempfile::tempdir().unwrap();
        let path = dense_samples().write(folder.path(), "eval.safetensors");
        let runner = Runner::new(network, Arc::new(SampleSet::open(&path).unwrap())).unwrap();
        let replaced =
            [("w".to_owned(), ndarray::arr2(&[[1.0, 0.5], [0.0, 1.0]]).into_dyn().into())];
        let quantized = runner.constants(&replaced.into()).unwrap();
        let request = RunRequest { quantized: Some(&quantized), hook: &NoHook, limit: None };
        let mut kept = KeptRuns::default();
        let accuracy = runner.run(&request, &mut kept, &WorkCtx::new(), |_| {}).unwrap();
        accuracy.comparison.unwrap().kl_mean
    };
    let direct = kl(&[]);
    assert!(direct > 0.0);
    assert_eq!(kl(&[("Identity", json!({}))]), direct);
    assert_eq!(kl(&[("Flatten", json!({})), ("Cast", json!({"to": 1}))]), direct);
}

#[test]
fn preprocessing_may_be_one_number() {
    let mut meta = samples_meta(2);
    meta["preprocess"] = json!({"subtract": 0.5, "divide": [2.0]});
    let folder = tempfile::tempdir().unwrap();
    let path = FileBuilder::new()
        .tensor("inputs", "U8", &[1, 2], vec![1, 3])
        .tensor("labels", "U8", &[1], vec![0])
        .metadata("quantscope.samples", &meta)
        .write(folder.path(), "eval.safetensors");
    let samples = SampleSet::open(&path).unwrap();
    let input = network(&support::dense_model()).graph.unwrap().inputs[0].resolve();
    let batch = samples.batch(&samples.feed(&input).unwrap(), &[0]);
    let quantscope::tensor::Value::F32(batch) = batch else { panic!("not floats") };
    assert_eq!(batch.iter().copied().collect::<Vec<_>>(), [0.25, 1.25]);
}
