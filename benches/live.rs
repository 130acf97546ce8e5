//! What must keep up with the hand: a change of bits until it is shown, accuracy.
#![allow(clippy::unwrap_used)]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use ndarray::IxDyn;
use quantscope::base::WorkCtx;
use quantscope::eval::{KeptRuns, RunRequest, Runner, layer_error, overlay, quantize_network};
use quantscope::exec::NoHook;
use quantscope::model::FoldMode;
use quantscope::quant::schemes::SCHEMES;
use quantscope::quant::{Recipe, SchemeChoice, SettingValue};
use quantscope::session::{Command, Gesture, ModelRef, Session, open};
use quantscope::tensor::{ChannelMajor, Tensor};

/// The sample, and the models for development where they are there.
fn models() -> Vec<(String, ModelRef)> {
    let mut models = vec![("digits".to_owned(), ModelRef::default_sample())];
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/models");
    for name in [
        "resnet8_cifar10",
        "mlp_mnist",
        "lenet_mnist_cntk",
        "ds_cnn_kws",
        "stories260k_tinystories",
    ] {
        let path = folder.join(name);
        if path.is_dir() {
            models.push((name.to_owned(), ModelRef::Path(path)));
        }
    }
    models
}

fn error_of_a_tensor(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("error of a tensor");
    let ctx = WorkCtx::new();
    for (name, rows) in [("100 k", 128), ("16 M", 21_400)] {
        let tensor = Tensor::from_shape_fn(IxDyn(&[rows, 784]), |idx| {
            ((idx[0] * 784 + idx[1]) * 7919 % 10_007) as f32 * 1e-4 - 0.5
        });
        let weights = ChannelMajor::new(&tensor, 0);
        for spec in
            ["int4", "int:bits=4,granularity=per-channel", "int:bits=4,granularity=per-group"]
        {
            let choice: SchemeChoice = spec.parse().unwrap();
            group.sample_size(10);
            group.bench_function(format!("{name}, {spec}"), |bencher| {
                bencher.iter(|| layer_error(&weights, &choice, &ctx).unwrap());
            });
        }
    }
}

fn accuracy(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("accuracy");
    group.sample_size(10);
    for (name, reference) in models() {
        let opened = open(&reference, FoldMode::Fold).unwrap();
        let network = &opened.network;
        let ctx = WorkCtx::new();
        let names = network.default_layers().map(|layer| layer.name.as_str());
        let recipe = Recipe::uniform(names, &"int4".parse().unwrap());
        let runner = Runner::new(Arc::clone(network), opened.eval.clone().unwrap()).unwrap();
        let measure = |kept: &mut KeptRuns| {
            let layers = quantize_network(network, &recipe, &ctx).unwrap();
            let constants = runner.constants(&overlay(network, &layers)).unwrap();
            let request = RunRequest { quantized: Some(&constants), hook: &NoHook, limit: None };
            runner.run(&request, kept, &ctx, |_| {}).unwrap()
        };
        group.bench_function(format!("{name}, both models"), |bencher| {
            bencher.iter(|| measure(&mut KeptRuns::default()));
        });
        let mut kept = KeptRuns::default();
        measure(&mut kept);
        group.bench_function(format!("{name}, float outputs kept"), |bencher| {
            bencher.iter(|| measure(&mut kept));
        });
    }
}

/// Asks, as the window does in every frame, until the answer for the choice of now is there.
fn wait_for_layer(session: &mut Session, layer_idx: usize) {
    loop {
        session.poll();
        let is_ready = session.layer_error(layer_idx).ready().is_some();
        let is_drawn = session.picture().ready().is_some();
        let _ = session.accuracy();
        session.serve_wishes();
        if is_ready && is_drawn {
            return;
        }
        std::thread::yield_now();
    }
}

/// From a change of bits on the largest layer to its new error and distribution, with the accuracy
/// run that it starts going on beside it.
fn bit_change(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("bit change until shown");
    group.sample_size(20);
    for (name, reference) in models() {
        let mut session = opened(reference);
        let layer_idx = session.selection().layer_idx;
        let layer = session.network().unwrap().layers[layer_idx].name.clone();
        let mut nth = 0;
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|n_iterations| {
                let mut total = Duration::ZERO;
                for _ in 0..n_iterations {
                    nth += 1;
                    // A fresh percentile each time, so that no answer is there already.
                    let choice = session
                        .choice(layer_idx)
                        .with("bits", SettingValue::Int(3 + nth % 6))
                        .and_then(|c| c.with("range", SettingValue::Choice("percentile")))
                        .and_then(|c| {
                            c.with("percentile", SettingValue::Float(99.0 + nth as f64 * 1e-6))
                        })
                        .unwrap();
                    let gesture = Gesture::Once;
                    let started = Instant::now();
                    session.apply(Command::SetChoice { layer: layer.clone(), choice, gesture });
                    wait_for_layer(&mut session, layer_idx);
                    total += started.elapsed();
                }
                total
            });
        });
    }
}

/// A session with the model open, its largest layer selected.
fn opened(reference: ModelRef) -> Session {
    let mut session = Session::new(|| {});
    session.apply(Command::Open(reference));
    while session.opened().is_none() {
        session.poll();
        std::thread::yield_now();
    }
    session
}

/// The largest layer under every scheme at its own settings, from asking to the last of them; what
/// was computed is forgotten with the session.
fn all_schemes(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("every scheme on the largest layer");
    group.sample_size(10);
    let specs: Arc<[String]> = SCHEMES.iter().map(|scheme| scheme.id().to_owned()).collect();
    for (name, reference) in models() {
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|n_iterations| {
                let mut total = Duration::ZERO;
                for _ in 0..n_iterations {
                    let mut session = opened(reference.clone());
                    let started = Instant::now();
                    while session.comparison(&specs).ready().is_none() {
                        session.serve_wishes();
                        std::thread::yield_now();
                        session.poll();
                    }
                    total += started.elapsed();
                }
                total
            });
        });
    }
}

criterion_group!(benches, error_of_a_tensor, accuracy, bit_change, all_schemes);
criterion_main!(benches);
