//! Kept activations change nothing but the time: after any edits, within any budget, cancelled
//! halfway or not, a run has the same bits as one from scratch.
#![allow(clippy::unwrap_used)]

mod support;

use std::sync::Arc;

use quantscope::base::{WorkCtx, seeded};
use quantscope::eval::{
    Accuracy, KeptRuns, QuantizedLayer, RunRequest, Runner, overlay, quantize_layer,
};
use quantscope::exec::NoHook;
use quantscope::model::FoldMode;
use quantscope::session::{ModelRef, open};
use rand::RngExt;

/// The accuracy with everything in it but the time.
fn figures(mut accuracy: Accuracy) -> Accuracy {
    accuracy.seconds = 0.0;
    accuracy
}

/// A model, how each of its layers may be quantized, and how many of its samples are run.
struct Bench {
    runner: Runner,
    /// By layer, by spec.
    ways: Vec<Vec<Arc<QuantizedLayer>>>,
    limit: usize,
}

impl Bench {
    fn new(model: &str, limit: usize) -> Self {
        let opened = open(&ModelRef::parse(model).unwrap(), FoldMode::Fold).unwrap();
        let network = &opened.network;
        let ctx = WorkCtx::new();
        let ways = network.layers.iter().map(|layer| {
            let specs = ["float", "int4", "int:bits=3,granularity=per-channel"];
            let quantized = specs.map(|spec| {
                Arc::new(quantize_layer(network, layer, &spec.parse().unwrap(), &ctx).unwrap())
            });
            quantized.to_vec()
        });
        let ways = ways.collect();
        let runner = Runner::new(Arc::clone(network), opened.eval.clone().unwrap()).unwrap();
        Self { runner, ways, limit }
    }

    fn run(&self, chosen: &[usize], kept: &mut KeptRuns, ctx: &WorkCtx) -> Option<Accuracy> {
        let layers: Vec<Arc<QuantizedLayer>> =
            self.ways.iter().zip(chosen).map(|(ways, &way)| Arc::clone(&ways[way])).collect();
        let network = self.runner.network();
        let constants = self.runner.constants(&overlay(network, &layers)).unwrap();
        let limit = Some(self.limit);
        let request = RunRequest { quantized: Some(&constants), hook: &NoHook, limit };
        self.runner.run(&request, kept, ctx, |_| {}).ok().map(figures)
    }
}

#[test]
fn edits_in_any_order_have_the_bits_of_a_run_from_scratch() {
    for (model, limit) in
        [("sample:digits", 160), ("sample:glyphs-resnet", 64), ("sample:tiny-lm", 4)]
    {
        let bench = Bench::new(model, limit);
        let n_layers = bench.ways.len();
        let mut random = seeded(7);
        for budget in [0, 300 << 10, 4 << 20, usize::MAX] {
            let mut kept = KeptRuns::with_activations(budget);
            let mut chosen = vec![1; n_layers];
            for nth in 0..6 {
                let ctx = WorkCtx::new();
                if nth == 3 {
                    // Stopped somewhere: some samples are kept of this run, some of the last.
                    ctx.cancel();
                }
                chosen[random.random_range(0..n_layers)] = random.random_range(0..3);
                let with = bench.run(&chosen, &mut kept, &ctx);
                let scratch = bench.run(&chosen, &mut KeptRuns::default(), &WorkCtx::new());
                if nth != 3 {
                    assert_eq!(with, scratch, "{model}, {budget} bytes, edit {nth}: {chosen:?}");
                }
                assert!(kept.activation_bytes() <= budget, "{model}, {budget} bytes");
            }
        }
    }
}

#[test]
fn what_is_kept_is_let_go_when_the_budget_is_gone() {
    let bench = Bench::new("sample:digits", 64);
    let chosen = vec![1; bench.ways.len()];
    let mut kept = KeptRuns::with_activations(64 << 20);
    let before = bench.run(&chosen, &mut kept, &WorkCtx::new());
    assert!(kept.activation_bytes() > 0);
    kept.set_budget(0);
    assert_eq!(bench.run(&chosen, &mut kept, &WorkCtx::new()), before);
    assert_eq!(kept.activation_bytes(), 0);
}
