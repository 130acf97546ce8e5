//! The built-in sample against figures computed by an independent program.
#![allow(clippy::unwrap_used)]

mod support;

use std::sync::Arc;

use quantscope::base::WorkCtx;
use quantscope::eval::{
    Accuracy, ActivationError, ActivationQuantizer, KeptRuns, QuantizedLayer, RunRequest, Runner,
    activation_points, overlay, quantize_network,
};
use quantscope::exec::NoHook;
use quantscope::model::FoldMode;
use quantscope::quant::Recipe;
use quantscope::session::{ModelRef, Opened, open};
use serde_json::Value as Json;

fn opened(model: &str) -> Opened {
    open(&ModelRef::parse(model).unwrap(), FoldMode::Fold).unwrap()
}

fn measure(opened: &Opened, spec: &str) -> (Accuracy, Vec<Arc<QuantizedLayer>>) {
    let ctx = WorkCtx::new();
    let network = &opened.network;
    let names = network.default_layers().map(|layer| layer.name.as_str());
    let recipe = Recipe::uniform(names, &spec.parse().unwrap());
    let layers = quantize_network(network, &recipe, &ctx).unwrap();
    let runner = Runner::new(Arc::clone(network), opened.eval.clone().unwrap()).unwrap();
    let constants = runner.constants(&overlay(network, &layers)).unwrap();
    let request = RunRequest { quantized: Some(&constants), hook: &NoHook, limit: None };
    let accuracy = runner.run(&request, &mut KeptRuns::default(), &ctx, |_| {}).unwrap();
    (accuracy, layers)
}

#[test]
fn digits_gives_the_figures_of_its_oracle() {
    let text = std::fs::read_to_string(support::project("tests/data/digits_oracle.json")).unwrap();
    let oracle: Json = serde_json::from_str(&text).unwrap();
    let opened = opened("sample:digits");
    let mut wrong = Vec::new();
    for (spec, wanted) in oracle["configs"].as_object().unwrap() {
        let (accuracy, layers) = measure(&opened, spec);
        let n = accuracy.n_samples as f64;
        let correct = (accuracy.quantized.unwrap().value * n).round();
        let wanted_correct = wanted["correct"].as_f64().unwrap();
        if (correct - wanted_correct).abs() > 3.0 {
            wrong.push(format!("{spec}: {correct} correct, expected {wanted_correct}"));
        }
        let float = (accuracy.float.unwrap().value * n).round();
        assert_eq!(Some(float), oracle["float"]["correct"].as_f64(), "float");
        for (layer, done) in opened.network.layers.iter().zip(&layers) {
            let db = wanted["sqnr_db_by_tensor"][&layer.weight].as_f64().unwrap();
            let found = done.error.sqnr().db().unwrap();
            if (found - db).abs() > 0.01 {
                wrong.push(format!("{spec}: {} has {found} dB, expected {db}", layer.weight));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The card states the metric; the shipped file has it.
#[test]
fn the_card_tells_the_truth() {
    let opened = opened("sample:digits");
    let card = &opened.network.model.card;
    let metric = card.metric.as_ref().unwrap();
    let (accuracy, _) = measure(&opened, "int8");
    let stated = metric.value;
    let found = accuracy.float.unwrap().value;
    assert!((stated - found).abs() < 1e-4, "stated {stated}, found {found}");
    assert_eq!(Some(accuracy.n_samples as u64), metric.samples);
    assert!(card.licence.is_some() && card.source.is_some());
}

/// Everything but the time, which differs from run to run.
fn without_time(mut accuracy: Accuracy) -> Accuracy {
    accuracy.seconds = 0.0;
    accuracy
}

fn assert_same_in_both_formats(folder: &str) {
    let specs = ["int8", "int:bits=4,granularity=per-channel"];
    let native = opened(&format!("{folder}/model.safetensors"));
    let onnx = opened(&format!("{folder}/model.onnx"));
    assert_eq!(onnx.network.model.format, "onnx");
    let names = |opened: &Opened| -> Vec<_> {
        let layers = opened.network.layers.iter();
        layers.map(|layer| (layer.name.clone(), layer.weight.clone(), layer.axis)).collect()
    };
    assert_eq!(names(&native), names(&onnx), "{folder}");
    for spec in specs {
        let (a, b) = (measure(&native, spec).0, measure(&onnx, spec).0);
        assert_eq!(without_time(a), without_time(b), "{folder} {spec}");
    }
}

#[test]
fn onnx_and_native_give_the_same_figures() {
    let digits = support::project("sample_models/digits");
    assert_same_in_both_formats(&digits.display().to_string());
}

#[test]
fn onnx_and_native_give_the_same_figures_on_the_models_for_development() {
    let Some(models) = support::shared_models() else { return };
    for name in ["resnet8_cifar10", "ds_cnn_kws", "mlp_mnist", "lenet_mnist_cntk"] {
        assert_same_in_both_formats(&models.join(name).display().to_string());
    }
}

#[test]
fn accuracy_is_the_same_on_any_number_of_threads() {
    let opened = opened("sample:digits");
    let on = |n_threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap();
        pool.install(|| without_time(measure(&opened, "int4").0))
    };
    assert_eq!(on(1), on(3));
}

/// Folding is what runs on devices, and it changes nothing but rounding.
#[test]
fn folding_leaves_the_answers_as_they_are() {
    let reference = ModelRef::parse("sample:digits").unwrap();
    let folded = open(&reference, FoldMode::Fold).unwrap();
    let kept = open(&reference, FoldMode::Keep).unwrap();
    assert!(folded.network.folded.len() >= 4 && kept.network.folded.is_empty());
    let float = |opened: &Opened| measure(opened, "float").0.float.unwrap();
    assert_eq!(float(&folded), float(&kept));
}

#[test]
fn activations_are_quantized_where_values_are_made() {
    let opened = opened("sample:digits");
    let network = &opened.network;
    let graph = network.graph.as_ref().unwrap();
    let points = activation_points(graph);
    let wanted = ["stem.relu", "block1.dw.relu", "block1.pw.relu", "res.conv1.relu"];
    for name in wanted.into_iter().chain(["res.conv2.bn", "res.relu", "gap"]) {
        assert!(points.iter().any(|point| point == name), "{name} is not among {points:?}");
    }
    for name in ["stem", "stem.bn", "pool", "flatten", "logits", "res.add"] {
        assert!(!points.iter().any(|point| point == name), "{name} is among {points:?}");
    }
    let runner = Runner::new(Arc::clone(network), opened.eval.clone().unwrap()).unwrap();
    let ctx = WorkCtx::new();
    let with = |spec: &str| {
        let choice = spec.parse().unwrap();
        let hook = ActivationQuantizer::calibrate(&runner, graph, &choice, 0..100, &ctx)?;
        assert_eq!(hook.n_points(), points.len());
        let constants = runner.constants(&overlay(network, &[]))?;
        let request = RunRequest { quantized: Some(&constants), hook: &hook, limit: None };
        let accuracy = runner.run(&request, &mut KeptRuns::default(), &ctx, |_| {})?;
        let found = accuracy.comparison.unwrap();
        Ok::<_, ActivationError>((found.agreement, found.output_sqnr.db().unwrap()))
    };
    let eight = with("int:bits=8,symmetry=asymmetric").unwrap();
    let four = with("int:bits=4,symmetry=asymmetric").unwrap();
    assert!(eight.0 > 0.99 && eight.1 > 30.0, "{eight:?}");
    assert!(four.1 < eight.1 - 15.0, "{four:?}");
    let refused = with("int:granularity=per-channel");
    assert!(matches!(refused, Err(ActivationError::Granularity("per-channel"))));
}
