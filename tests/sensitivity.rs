//! What every layer costs: the figures are those of whole runs, the same for any number of threads,
//! and nothing is measured twice.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use quantscope::base::WorkCtx;
use quantscope::eval::{
    CandidateWeights, KeptRuns, Metric, RunRequest, Runner, SamplePart, Sensitivity,
    SensitivityRequest, Tally, measure_sensitivity,
};
use quantscope::exec::NoHook;
use quantscope::model::FoldMode;
use quantscope::quant::SchemeChoice;
use quantscope::session::{ModelRef, open};

fn runner(model: &str) -> Runner {
    let opened = open(&ModelRef::parse(model).unwrap(), FoldMode::Fold).unwrap();
    let samples = opened.search_samples().unwrap().unwrap();
    assert_eq!(samples.part, SamplePart::All);
    Runner::on_part(Arc::clone(&opened.network), samples.set, samples.part).unwrap()
}

fn choices(specs: &[&str]) -> Vec<SchemeChoice> {
    specs.iter().map(|spec| spec.parse().unwrap()).collect()
}

fn measured(runner: &Runner, specs: &[&str], limit: usize) -> Sensitivity {
    let candidates = choices(specs);
    let request = SensitivityRequest { candidates: &candidates, limit: Some(limit), known: None };
    measure_sensitivity(runner, &request, &WorkCtx::new(), |_| {}).unwrap()
}

/// The counts and means of a tally are those of a run of the same allocation.
fn check(runner: &Runner, weights: &CandidateWeights, chosen: &[Option<usize>], tally: &Tally) {
    let overlay = weights.overlay(runner.network(), chosen);
    let constants = runner.constants(&overlay).unwrap();
    let limit = Some(tally.n_rows);
    let request = RunRequest { quantized: Some(&constants), hook: &NoHook, limit };
    let ctx = WorkCtx::new();
    let whole = runner.run(&request, &mut KeptRuns::default(), &ctx, |_| {}).unwrap();
    let comparison = whole.comparison.unwrap();
    if whole.metric == Metric::Top1 {
        let counts = (Some(tally.paired.broken), Some(tally.paired.fixed));
        assert_eq!((comparison.broken, comparison.fixed), counts, "{chosen:?}");
        assert_eq!(whole.quantized, Some(tally.value(whole.metric)), "{chosen:?}");
        assert_eq!(comparison.difference, Some(tally.change(whole.metric)), "{chosen:?}");
    } else {
        let close = |a: f64, b: f64| (a - b).abs() <= 1e-9 * a.abs();
        assert!(close(whole.quantized.unwrap().value, tally.value(whole.metric).value));
        assert!(close(comparison.difference.unwrap().value, tally.change(whole.metric).value));
    }
    assert!((comparison.kl_mean - tally.kl().value).abs() < 1e-9, "{chosen:?}");
    let same = (comparison.agreement * tally.n_predictions as f64).round() as usize;
    assert_eq!(same, tally.n_agree);
}

#[test]
fn every_figure_is_that_of_a_whole_run() {
    for (model, limit) in
        [("sample:digits", 100), ("sample:glyphs-resnet", 20), ("sample:tiny-lm", 2)]
    {
        let runner = runner(model);
        let specs = ["int:bits=3,granularity=per-channel", "int2"];
        let found = measured(&runner, &specs, limit);
        assert!(found.is_complete(), "{model}");
        let weights =
            CandidateWeights::new(runner.network(), &choices(&specs), &WorkCtx::new()).unwrap();
        let n_layers = found.layers.len();
        // Every layer of one candidate, so that the whole takes a bearable time.
        for (candidate, column) in found.columns.iter().enumerate().take(1) {
            let all = vec![Some(candidate); n_layers];
            check(&runner, &weights, &all, &column.everything);
            for layer_idx in (0..n_layers).step_by(if n_layers > 8 { 5 } else { 1 }) {
                let cell = found.cell(layer_idx, candidate).unwrap();
                let mut chosen = vec![None; n_layers];
                chosen[layer_idx] = Some(candidate);
                check(&runner, &weights, &chosen, &cell.alone);
                let mut chosen = all.clone();
                chosen[layer_idx] = None;
                check(&runner, &weights, &chosen, &cell.all_but);
                let won = cell.all_but.value(found.metric).value
                    - column.everything.value(found.metric).value;
                assert!((won - cell.regained.change(found.metric).value).abs() < 1e-9, "{model}");
            }
        }
    }
}

#[test]
fn the_bits_are_the_same_for_any_number_of_threads() {
    let on_threads = |n: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(n).build().unwrap();
        pool.install(|| measured(&runner("sample:digits"), &["int2", "int3"], 70))
    };
    let (one, three) = (on_threads(1), on_threads(3));
    assert_eq!(serde_json::to_string(&one).unwrap(), serde_json::to_string(&three).unwrap());
}

#[test]
fn what_is_known_is_not_measured_again() {
    let runner = runner("sample:digits");
    let first = measured(&runner, &["int2", "int3"], 60);
    let text = serde_json::to_string(&first).unwrap();
    let known: Sensitivity = serde_json::from_str(&text).unwrap();
    assert_eq!(known, first);
    let again = |specs: &[&str], limit| {
        let (candidates, ctx) = (choices(specs), WorkCtx::new());
        let known = Some(&known);
        let request = SensitivityRequest { candidates: &candidates, limit: Some(limit), known };
        let found = measure_sensitivity(&runner, &request, &ctx, |_| {}).unwrap();
        (found, ctx.progress().total)
    };
    let (found, n_run) = again(&["int3", "int2"], 60);
    assert_eq!((n_run, found.columns.len()), (0, 2));
    assert_eq!(found.columns[0], first.columns[1]);
    let (found, n_run) = again(&["int2", "int4"], 60);
    assert_eq!((n_run, found.columns.len()), (60, 2));
    assert_eq!(known.clone().joined(&found).columns.len(), 3);
    // Other samples are another measurement.
    let (found, _) = again(&["int2"], 40);
    assert_ne!(found.columns[0], first.columns[0]);
    assert_eq!(known.joined(&found), found);
}

#[test]
fn figures_so_far_tell_of_how_many_samples_and_cancelling_ends_it() {
    let runner = runner("sample:glyphs-resnet");
    let candidates = choices(&["int4"]);
    let request = SensitivityRequest { candidates: &candidates, limit: None, known: None };
    let (ctx, mut seen) = (WorkCtx::new(), Vec::new());
    let stop = ctx.clone();
    let ended = measure_sensitivity(&runner, &request, &ctx, |partial| {
        seen.push((partial.n_samples(), partial.n_total, partial.is_complete()));
        stop.cancel();
    });
    assert!(ended.is_err());
    let (n_samples, n_total, is_complete) = seen[0];
    assert!(n_samples > 0 && n_samples < n_total && !is_complete);
}

#[test]
fn a_scheme_that_refuses_a_layer_says_so_in_its_cell() {
    let runner = runner("sample:digits");
    let found = measured(&runner, &["kmeans:bits=8,granularity=per-group,group-size=16"], 20);
    let refused = found.columns[0].cells.iter().filter(|cell| cell.is_err()).count();
    assert!(refused > 0, "{:?}", found.columns[0].cells);
}
