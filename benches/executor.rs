//! How fast a graph runs: samples a second from scratch, of the float model and with weights
//! replaced, on the samples that come with the program and on models for development where they
//! are there.
#![allow(clippy::unwrap_used)]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use quantscope::base::WorkCtx;
use quantscope::eval::{KeptRuns, RunRequest, Runner, overlay, quantize_layer, quantize_network};
use quantscope::exec::{Constants, ExecPlan, NoHook};
use quantscope::model::FoldMode;
use quantscope::quant::Recipe;
use quantscope::session::{ModelRef, open};

/// Models by name; one that is not there is left out.
fn models() -> Vec<(String, ModelRef)> {
    let samples = ["digits", "glyphs-mobilenet", "glyphs-resnet", "tiny-lm"];
    let mut models: Vec<(String, ModelRef)> = samples
        .iter()
        .map(|name| ((*name).to_owned(), ModelRef::parse(&format!("sample:{name}")).unwrap()))
        .collect();
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/models");
    for name in ["resnet8_cifar10", "ds_cnn_kws", "mlp_mnist", "stories260k_tinystories"] {
        let path = folder.join(name);
        if path.is_dir() {
            models.push((name.to_owned(), ModelRef::Path(path)));
        }
    }
    models
}

fn from_scratch(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("executor");
    group.sample_size(10);
    for (name, reference) in models() {
        let opened = open(&reference, FoldMode::Fold).unwrap();
        let network = &opened.network;
        let ctx = WorkCtx::new();
        let names = network.default_layers().map(|layer| layer.name.as_str());
        let recipe = Recipe::uniform(names, &"int8".parse().unwrap());
        let samples = opened.eval.clone().unwrap();
        let n_predictions = (samples.len() * samples.predictions_per_sample()) as u64;
        let runner = Runner::new(Arc::clone(network), samples).unwrap();
        let run = |quantized: Option<&Constants>| {
            let request = RunRequest { quantized, hook: &NoHook, limit: None };
            runner.run(&request, &mut KeptRuns::default(), &ctx, |_| {}).unwrap()
        };
        group.throughput(Throughput::Elements(n_predictions));
        group.bench_function(format!("{name}, float"), |bencher| bencher.iter(|| run(None)));
        // Two models run over every sample.
        group.throughput(Throughput::Elements(2 * n_predictions));
        group.bench_function(format!("{name}, float and int8"), |bencher| {
            bencher.iter(|| {
                let layers = quantize_network(network, &recipe, &ctx).unwrap();
                let constants = runner.constants(&overlay(network, &layers)).unwrap();
                run(Some(&constants))
            });
        });
    }
}

/// Where the time of one batch of sixteen goes on one thread: every step with its share, medians of
/// many runs. What a whole run takes beyond twice the sum is spent around the plan.
fn steps(_: &mut Criterion) {
    let Some((name, reference)) = models().into_iter().find(|(name, _)| name == "resnet8_cifar10")
    else {
        return;
    };
    let opened = open(&reference, FoldMode::Fold).unwrap();
    let network = &opened.network;
    let graph = network.graph.as_ref().unwrap();
    let samples = opened.eval.clone().unwrap();
    let feed = samples.feed(&graph.inputs[0].resolve()).unwrap();
    let plan = ExecPlan::new(graph).unwrap();
    let constants = plan.constants(|name| network.value(name)).unwrap();
    let indices: Vec<usize> = (0..16).collect();
    let (mut by_step, mut batches) = (vec![Vec::new(); plan.n_steps()], Vec::new());
    for _ in 0..200 {
        let started = Instant::now();
        let batch = samples.batch(&feed, &indices);
        batches.push(started.elapsed().as_secs_f64());
        let costs = plan.costs(&constants, vec![batch], &NoHook).unwrap();
        for (seconds, cost) in by_step.iter_mut().zip(costs) {
            seconds.push(cost.seconds);
        }
    }
    let median = |mut seconds: Vec<f64>| {
        seconds.sort_by(f64::total_cmp);
        seconds[seconds.len() / 2] * 1e6
    };
    let by_step: Vec<f64> = by_step.into_iter().map(median).collect();
    let whole: f64 = by_step.iter().sum();
    println!(
        "{name}, 16 samples: {:.0} µs to make the batch, {whole:.0} µs to run",
        median(batches)
    );
    for (node, micros) in graph.nodes.iter().zip(&by_step).filter(|(_, micros)| **micros > 0.5) {
        println!("{:>8.1} µs {:>5.1} %  {} {}", micros, 100.0 * micros / whole, node.op, node.name);
    }
}

/// Accuracy after an edit of one layer, with what earlier runs kept; every layer of the model on
/// which that is hardest, since its first layers are the largest.
fn edits(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("edit of one layer");
    group.sample_size(10);
    let (name, reference) = models().swap_remove(2);
    let resnet = models().into_iter().find(|(name, _)| name == "resnet8_cifar10");
    let (name, reference) = resnet.unwrap_or((name, reference));
    let opened = open(&reference, FoldMode::Fold).unwrap();
    let network = &opened.network;
    let ctx = WorkCtx::new();
    let names = network.default_layers().map(|layer| layer.name.as_str());
    let recipe = Recipe::uniform(names, &"int8".parse().unwrap());
    let runner = Runner::new(Arc::clone(network), opened.eval.clone().unwrap()).unwrap();
    let run = |recipe: &Recipe, layers: &mut Vec<_>, kept: &mut KeptRuns, edited: Option<usize>| {
        match edited {
            None => *layers = quantize_network(network, recipe, &ctx).unwrap(),
            Some(idx) => {
                let layer = &network.layers[idx];
                let choice = recipe.choice(&layer.name);
                let done = quantize_layer(network, layer, &choice, &ctx).unwrap();
                layers[idx] = Arc::new(done);
            }
        }
        let constants = runner.constants(&overlay(network, layers)).unwrap();
        let request = RunRequest { quantized: Some(&constants), hook: &NoHook, limit: None };
        runner.run(&request, kept, &ctx, |_| {}).unwrap()
    };
    group.bench_function(format!("{name}, from scratch"), |bencher| {
        bencher.iter(|| run(&recipe, &mut Vec::new(), &mut KeptRuns::default(), None));
    });
    let (mut kept, mut layers) = (KeptRuns::with_activations(512 << 20), Vec::new());
    run(&recipe, &mut layers, &mut kept, None);
    for (idx, layer) in network.layers.iter().enumerate() {
        let mut nth = 0;
        group.bench_function(format!("{name}, {}", layer.name), |bencher| {
            bencher.iter(|| {
                nth += 1;
                let mut edited = recipe.clone();
                let spec = format!("int:bits={}", 3 + nth % 5);
                edited.set(&layer.name, spec.parse().unwrap());
                run(&edited, &mut layers, &mut kept, Some(idx))
            });
        });
    }
}

criterion_group!(benches, steps, from_scratch, edits);
criterion_main!(benches);
