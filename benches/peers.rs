//! Quantscope's side of `benches/peers/run.py`, which runs other programs on the same work.
//!
//! `--json` measures everything once, a line of JSON each. `--serve` does so on demand: it prints
//! a line about the machine, then answers every name on standard input with one line. `--models`
//! names the folder that holds `resnet8_cifar10`.
#![allow(clippy::unwrap_used)]

use std::hint::black_box;
use std::io::BufRead;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use ndarray::IxDyn;
use quantscope::base::WorkCtx;
use quantscope::base::simd::{self, Kernel, fold_sum_f32};
use quantscope::eval::{
    KeptRuns, QuantizedLayer, RunRequest, Runner, indexed_error, layer_error, overlay,
    quantize_layer, quantize_network,
};
use quantscope::exec::NoHook;
use quantscope::model::FoldMode;
use quantscope::quant::{Recipe, SchemeChoice};
use quantscope::session::{ModelRef, Opened, open};
use quantscope::tensor::{ChannelMajor, SortedIndex, Tensor};
use rayon::prelude::*;
use serde_json::{Value as Json, json};

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let folder =
        arguments.iter().position(|a| a == "--models").and_then(|at| arguments.get(at + 1));
    let default = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/models");
    let mut all = measurements(&folder.map_or_else(default, PathBuf::from));
    let names: Vec<&String> = all.iter().map(|measurement| &measurement.name).collect();
    println!("{}", json!({"machine": machine(), "names": names}));
    if arguments.iter().any(|a| a == "--serve") {
        for name in std::io::stdin().lock().lines().map_while(Result::ok) {
            let found = all.iter_mut().find(|measurement| measurement.name == name.trim());
            println!("{}", found.map_or_else(|| json!({"name": name}), Measurement::line));
        }
    } else {
        for measurement in &mut all {
            println!("{}", measurement.line());
        }
    }
}

fn machine() -> Json {
    json!({"simd": format!("{:?}", simd::level()), "threads": rayon::current_num_threads()})
}

/// What is measured when its name is asked for.
struct Measurement {
    name: String,
    measure: Box<dyn FnMut() -> Samples>,
}

/// Times of some runs, one after another.
#[derive(Default)]
struct Samples {
    seconds: Vec<f64>,
    /// Of what the times are compared with, run in between: reading only, or running from scratch.
    against: Vec<f64>,
    /// Pictures of one run, where that is what is counted.
    n_items: usize,
    /// A number that must come out the same elsewhere, so that the work is.
    figure: f64,
}

impl Measurement {
    fn new(name: impl Into<String>, measure: impl FnMut() -> Samples + 'static) -> Self {
        Self { name: name.into(), measure: Box::new(measure) }
    }

    fn line(&mut self) -> Json {
        let samples = (self.measure)();
        json!({
            "name": self.name,
            "seconds": samples.seconds,
            "against": samples.against,
            "items": samples.n_items,
            "figure": samples.figure,
        })
    }
}

fn measurements(models: &std::path::Path) -> Vec<Measurement> {
    let mut all = tensors();
    let mut references =
        vec![("glyphs-mobilenet", ModelRef::parse("sample:glyphs-mobilenet").unwrap())];
    let resnet = models.join("resnet8_cifar10");
    if resnet.is_dir() {
        references.insert(0, ("resnet8", ModelRef::Path(resnet)));
    }
    for (name, reference) in references {
        all.extend(accuracies(name, &reference));
    }
    all
}

/// Seconds that a call takes, and what it returns.
fn timed<R>(work: impl FnOnce() -> R) -> (f64, R) {
    let started = Instant::now();
    let result = black_box(work());
    (started.elapsed().as_secs_f64(), result)
}

/// Runs of the one and the other in turn, the first of each left out.
fn in_turn(n: usize, mut against: impl FnMut(), mut work: impl FnMut() -> f64) -> Samples {
    let mut samples = Samples::default();
    for nth in 0..=n {
        let (base_secs, ()) = timed(&mut against);
        let (seconds, figure) = timed(&mut work);
        samples.figure = figure;
        if nth > 0 {
            samples.against.push(base_secs);
            samples.seconds.push(seconds);
        }
    }
    samples
}

/// Rows and columns of the tensor.
const SIDE: usize = 4096;

/// 16 M bell-shaped weights, rows of five different ranges: `worker.py` makes the same.
fn bell() -> ChannelMajor {
    let value = |at: u64| {
        let mut z = (at + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        let sum: u64 = (0..4).map(|k| (z >> (16 * k)) & 0xffff).sum();
        let spread = 0.01 * (1 + at / SIDE as u64 % 5) as f32;
        (sum as f32 - 131_070.0) / 65_536.0 * spread
    };
    let values = (0..SIDE as u64 * SIDE as u64).into_par_iter().map(value).collect();
    ChannelMajor::new(&Tensor::from_shape_vec(IxDyn(&[SIDE, SIDE]), values).unwrap(), 0)
}

fn tensors() -> Vec<Measurement> {
    let ctx = WorkCtx::new();
    let lazy: Rc<std::cell::OnceCell<ChannelMajor>> = Rc::default();
    let weights = move || lazy.get_or_init(bell).clone();
    let mut all = Vec::new();
    for bits in [8, 4] {
        for granularity in ["per-tensor", "per-channel", "per-group"] {
            let spec = format!("int:bits={bits},granularity={granularity}");
            let choice: SchemeChoice = spec.parse().unwrap();
            for ranges in ["cached", "computed"] {
                let (choice, ctx, weights) = (choice.clone(), ctx.clone(), weights.clone());
                let measure = move || {
                    let kept = weights();
                    in_turn(
                        20,
                        || read_all(kept.data()),
                        || {
                            let fresh = kept.unmeasured();
                            let weights = if ranges == "cached" { &kept } else { &fresh };
                            layer_error(weights, &choice, &ctx).unwrap().total.mse()
                        },
                    )
                };
                let name = format!("error/{bits}/{granularity}/{ranges}");
                all.push(Measurement::new(name, measure));
            }
        }
    }
    for id in ["q4_0", "q8_0"] {
        let (ctx, weights) = (ctx.clone(), weights.clone());
        let measure = move || gguf_blocks(&weights(), id, &ctx);
        all.push(Measurement::new(format!("gguf/{id}"), measure));
    }
    all.extend(bit_changes(weights));
    all
}

/// The figure is the sum of all bytes.
fn gguf_blocks(weights: &ChannelMajor, id: &str, ctx: &WorkCtx) -> Samples {
    let choice: SchemeChoice = id.parse().unwrap();
    let fit = || choice.fit(weights, ctx).unwrap();
    let bytes = fit().encode(weights).unwrap().parts.swap_remove(0).bytes;
    let figure: f64 = bytes.iter().map(|&byte| f64::from(byte)).sum();
    in_turn(
        2,
        || read_all(weights.data()),
        || {
            black_box(fit());
            figure
        },
    )
}

/// Other bits on the same weights: found in the index, or by reading them all.
fn bit_changes(weights: impl Fn() -> ChannelMajor + Clone + 'static) -> [Measurement; 2] {
    let index: std::cell::OnceCell<Arc<SortedIndex>> = std::cell::OnceCell::new();
    let (of_index, of_kernel) = (weights.clone(), weights);
    let in_index = move || {
        let kept = of_index();
        let sorted = || SortedIndex::of_values(kept.data(), &WorkCtx::new()).unwrap().unwrap();
        kept.set_index(index.get_or_init(|| Arc::new(sorted())));
        changes(|choice| {
            let fitted = choice.fit(&kept, &WorkCtx::new()).unwrap().into();
            indexed_error(&kept, choice, &fitted).unwrap().total.mse()
        })
    };
    let direct = move || {
        let kept = of_kernel();
        changes(|choice| layer_error(&kept, choice, &WorkCtx::new()).unwrap().total.mse())
    };
    [Measurement::new("bits/index", in_index), Measurement::new("bits/direct", direct)]
}

fn changes(error: impl Fn(&SchemeChoice) -> f64) -> Samples {
    let mut nth = 0;
    let change = || {
        nth += 1;
        error(&format!("int{}", 3 + nth % 6).parse().unwrap())
    };
    in_turn(30, || (), change)
}

/// Reads every weight once and does next to nothing with it: what no error can be faster than.
fn read_all(data: &[f32]) {
    struct Sum<'a>(&'a [f32]);
    impl Kernel for Sum<'_> {
        type Output = f64;

        #[inline(always)]
        fn run(self) -> f64 {
            let mut lanes = [0.0f32; 64];
            for chunk in self.0.as_chunks::<64>().0 {
                for (lane, x) in lanes.iter_mut().zip(chunk) {
                    *lane += x;
                }
            }
            fold_sum_f32(&lanes)
        }
    }
    black_box(data.par_chunks(1 << 16).map(|part| simd::dispatch(Sum(part))).sum::<f64>());
}

/// A model with what running it takes, and every layer at eight bits.
struct Model {
    opened: Opened,
    runner: Runner,
    recipe: Recipe,
}

impl Model {
    fn open(reference: &ModelRef) -> Self {
        let opened = open(reference, FoldMode::Fold).unwrap();
        let names = opened.network.default_layers().map(|layer| layer.name.as_str());
        let recipe = Recipe::uniform(names, &"int:granularity=per-channel".parse().unwrap());
        let samples = opened.eval.clone().unwrap();
        let runner = Runner::new(Arc::clone(&opened.network), samples).unwrap();
        Self { opened, runner, recipe }
    }

    fn quantized(&self) -> Vec<Arc<QuantizedLayer>> {
        quantize_network(&self.opened.network, &self.recipe, &WorkCtx::new()).unwrap()
    }

    /// Runs both models, apart from what is kept; the float model's share of right answers.
    fn accuracy(&self, layers: &[Arc<QuantizedLayer>], kept: &mut KeptRuns) -> f64 {
        let constants = self.runner.constants(&overlay(&self.opened.network, layers)).unwrap();
        let request = RunRequest { quantized: Some(&constants), hook: &NoHook, limit: None };
        let accuracy = self.runner.run(&request, kept, &WorkCtx::new(), |_| {}).unwrap();
        accuracy.float.unwrap().value
    }

    /// Everything: fake quantization of all weights, then both models over all samples.
    fn run_everything(&self) -> f64 {
        self.accuracy(&self.quantized(), &mut KeptRuns::default())
    }
}

fn accuracies(name: &str, reference: &ModelRef) -> Vec<Measurement> {
    let model = Rc::new(Model::open(reference));
    let run = Rc::clone(&model);
    let scratch = move || {
        let samples = in_turn(5, || (), || run.run_everything());
        Samples { n_items: 2 * run.runner.samples().len(), ..samples }
    };
    let mut all = vec![Measurement::new(format!("accuracy/{name}"), scratch)];
    let network = &model.opened.network;
    for layer in network.default_layers() {
        let (model, name) = (Rc::clone(&model), format!("edit/{name}/{}", layer.name));
        let layer_idx = network.layer_idx(&layer.name).unwrap();
        all.push(Measurement::new(name, move || edits(&model, layer_idx)));
    }
    all
}

/// One layer at other bits, until the new accuracy is there, against everything from scratch. What
/// earlier runs have kept is there, as it is in the window.
fn edits(model: &Model, layer_idx: usize) -> Samples {
    let network = &model.opened.network;
    let layer = &network.layers[layer_idx];
    let (mut layers, mut kept) = (model.quantized(), KeptRuns::with_activations(512 << 20));
    model.accuracy(&layers, &mut kept);
    let mut nth = 0;
    let change = || {
        nth += 1;
        let spec = format!("int:bits={},granularity=per-channel", 4 + nth % 4);
        let choice = spec.parse().unwrap();
        let changed = quantize_layer(network, layer, &choice, &WorkCtx::new()).unwrap();
        layers[layer_idx] = Arc::new(changed);
        model.accuracy(&layers, &mut kept)
    };
    let scratch = || {
        model.run_everything();
    };
    in_turn(4, scratch, change)
}
