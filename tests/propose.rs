//! Mixes for a budget: as good as an exhaustive search where one can be made, within the budget,
//! and told with what was changed.
#![allow(clippy::unwrap_used)]

mod support;

use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;

use quantscope::base::{WorkCtx, seeded};
use quantscope::eval::{
    Budget, CandidateWeights, CriticalFloor, Effort, KeptRuns, Proposal, ProposeError,
    ProposeRequest, RunRequest, Runner, SamplePart, Sensitivity, SensitivityRequest, compare_mixes,
    compare_models, measure_sensitivity, propose,
};
use quantscope::exec::NoHook;
use quantscope::model::FoldMode;
use quantscope::quant::SchemeChoice;
use quantscope::session::{ModelRef, Opened, RecipeFile, SearchSamples, open};
use rand::RngExt;
use serde_json::Value as Json;

/// A model measured with candidates.
struct Bench {
    opened: Opened,
    runner: Runner,
    weights: CandidateWeights,
    sensitivity: Sensitivity,
    limit: Option<usize>,
}

impl Bench {
    fn new(opened: Opened, search: &SearchSamples, bits: &[i64], limit: Option<usize>) -> Self {
        let network = Arc::clone(&opened.network);
        let runner =
            Runner::on_part(Arc::clone(&network), Arc::clone(&search.set), search.part).unwrap();
        let spec = |bits: &i64| format!("int:bits={bits},granularity=per-channel").parse();
        let candidates: Vec<SchemeChoice> = bits.iter().map(|b| spec(b).unwrap()).collect();
        let ctx = WorkCtx::new();
        let weights = CandidateWeights::new(&network, &candidates, &ctx).unwrap();
        let request = SensitivityRequest { candidates: &candidates, limit, known: None };
        let sensitivity = measure_sensitivity(&runner, &request, &ctx, |_| {}).unwrap();
        Self { opened, runner, weights, sensitivity, limit }
    }

    fn digits(bits: &[i64]) -> Self {
        let opened = open(&ModelRef::parse("sample:digits").unwrap(), FoldMode::Fold).unwrap();
        let search = opened.search_samples().unwrap().unwrap();
        Self::new(opened, &search, bits, Some(80))
    }

    fn propose(
        &self,
        budget: Option<Budget>,
        floor: Option<f64>,
    ) -> Result<Proposal, ProposeError> {
        self.propose_with(Request { budget, floor, ..Request::default() })
    }

    fn propose_with(&self, asked: Request) -> Result<Proposal, ProposeError> {
        let request = ProposeRequest {
            budget: asked.budget,
            floor: asked.floor,
            critical_floor: asked.critical_floor,
            effort: asked.effort,
            limit: self.limit,
            ..ProposeRequest::new(&self.sensitivity, &self.weights)
        };
        propose(&self.runner, &request, &WorkCtx::new())
    }

    /// Stored bits of the layers under an allocation.
    fn bits(&self, chosen: &[Option<usize>]) -> u64 {
        let bits = |(nth, choice): (usize, &Option<usize>)| {
            self.weights.get(nth, choice.unwrap()).unwrap().error.fitted.storage_bits()
        };
        chosen.iter().enumerate().map(bits).sum()
    }

    fn n_weights(&self) -> u64 {
        self.sensitivity.layers.iter().map(|layer| layer.n_weights as u64).sum()
    }
}

/// What is asked of a bench.
#[derive(Clone, Copy, Default)]
struct Request {
    budget: Option<Budget>,
    floor: Option<f64>,
    critical_floor: Option<CriticalFloor>,
    effort: Effort,
}

impl Request {
    fn of(budget: Budget) -> Self {
        Self { budget: Some(budget), ..Self::default() }
    }
}

/// Every allocation of so many candidates to so many layers.
fn all_allocations(n_layers: usize, n_candidates: usize) -> Vec<Vec<Option<usize>>> {
    (0..n_layers).fold(vec![Vec::new()], |found, _| {
        let with = |a: Vec<Option<usize>>| {
            (0..n_candidates).map(move |c| a.iter().copied().chain([Some(c)]).collect())
        };
        found.into_iter().flat_map(with).collect()
    })
}

/// Every mix with what it takes, the sum of its layers' own divergences and that of a real run.
struct Every {
    mixes: Vec<(Vec<Option<usize>>, u64, f64, f64)>,
}

impl Every {
    fn new(bench: &Bench) -> Self {
        let mut kept = KeptRuns::with_activations(usize::MAX);
        let mut run = |chosen: &[Option<usize>]| {
            let overlay = bench.weights.overlay(&bench.opened.network, chosen);
            let constants = bench.runner.constants(&overlay).unwrap();
            let (quantized, limit) = (Some(&constants), bench.limit);
            let request = RunRequest { quantized, hook: &NoHook, limit };
            let found = bench.runner.run(&request, &mut kept, &WorkCtx::new(), |_| {}).unwrap();
            found.comparison.unwrap().kl_mean
        };
        let alone = |(layer_idx, choice): (usize, &Option<usize>)| {
            bench.sensitivity.cell(layer_idx, choice.unwrap()).unwrap().alone.kl().value
        };
        let n_layers = bench.sensitivity.layers.len();
        let mixes = all_allocations(n_layers, bench.weights.choices.len()).into_iter();
        let mixes = mixes.map(|mix| {
            let (sum, kl) = (mix.iter().enumerate().map(alone).sum(), run(&mix));
            let bits = bench.bits(&mix);
            (mix, bits, sum, kl)
        });
        Self { mixes: mixes.collect() }
    }

    fn within(&self, limit: u64) -> impl Iterator<Item = &(Vec<Option<usize>>, u64, f64, f64)> {
        self.mixes.iter().filter(move |(_, bits, ..)| *bits <= limit)
    }

    /// Budgets in bits from the smallest mix to the largest.
    fn budgets(&self, n: u64) -> Vec<u64> {
        let least = self.mixes.iter().map(|found| found.1).min().unwrap();
        let most = self.mixes.iter().map(|found| found.1).max().unwrap();
        (0..n).map(|nth| least + (most - least) * nth / (n - 1)).collect()
    }
}

fn is_close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-12 * b.abs()
}

/// The search against every mix there is. With six widths, 46 656 mixes, it found the best at 40
/// budgets of 40 after 600 to 700 mixes: see `a_search_over_six_widths_against_every_mix`.
#[test]
fn a_search_finds_the_best_of_all_mixes() {
    let bench = Bench::digits(&[2, 3, 4, 6]);
    let every = Every::new(&bench);
    let three = vec![Some(1); bench.sensitivity.layers.len()];
    let bits_per_weight = |bits: u64| (bits as f64 + 0.5) / bench.n_weights() as f64;
    let three_bits = Budget::BitsPerWeight(bits_per_weight(bench.bits(&three)));
    for limit in every.budgets(12) {
        let budget = Budget::BitsPerWeight(bits_per_weight(limit));
        let effort = Effort::Search(1500);
        let found = bench.propose_with(Request { effort, ..Request::of(budget) }).unwrap();
        let best_sum = every.within(limit).map(|found| found.2).min_by(f64::total_cmp).unwrap();
        let best = every.within(limit).map(|found| found.3).min_by(f64::total_cmp).unwrap();
        let first = every.mixes.iter().find(|(mix, ..)| *mix == found.first.chosen).unwrap();
        assert!(is_close(first.2, best_sum), "{limit}");
        assert!(bench.bits(&found.chosen) <= limit, "{limit}");
        let kl = found.trial.kl_mean;
        assert!(is_close(kl, best), "{limit}: {kl} {best} {:?}", found.chosen);
        assert!(found.is_exact && !found.is_exhaustive && found.n_trials < 700, "{limit}");
    }
    let found = bench.propose_with(Request { effort: Effort::RunAll, ..Request::of(three_bits) });
    let found = found.unwrap();
    let best = every.within(bench.bits(&three)).map(|found| found.3).min_by(f64::total_cmp);
    assert!(found.is_exhaustive && is_close(found.trial.kl_mean, best.unwrap()));
}

/// `cargo test --release --test propose -- --ignored --nocapture six_widths`
#[test]
#[ignore = "runs 46 656 mixes"]
fn a_search_over_six_widths_against_every_mix() {
    let bench = Bench::digits(&[2, 3, 4, 5, 6, 8]);
    let every = Every::new(&bench);
    let mut n_missed = 0;
    let budgets = every.budgets(40);
    for &limit in &budgets {
        let bits = (limit as f64 + 0.5) / bench.n_weights() as f64;
        let effort = Effort::Search(1500);
        let request = Request { effort, ..Request::of(Budget::BitsPerWeight(bits)) };
        let found = bench.propose_with(request).unwrap();
        let best = every.within(limit).map(|found| found.3).min_by(f64::total_cmp).unwrap();
        let (kl, n_run) = (found.trial.kl_mean, found.n_trials);
        println!("{bits:.3} bits: best {best:.6}, found {kl:.6} after {n_run} mixes");
        n_missed += usize::from(!is_close(kl, best));
    }
    assert_eq!(n_missed, 0, "of {}", budgets.len());
}

#[test]
fn mixes_run_together_have_the_figures_of_each_run_alone() {
    let models = [("sample:digits", 40), ("sample:glyphs-resnet", 32), ("sample:tiny-lm", 3)];
    for (model, limit) in models {
        let opened = open(&ModelRef::parse(model).unwrap(), FoldMode::Fold).unwrap();
        let set = opened.eval.clone().unwrap();
        let runner = Runner::new(Arc::clone(&opened.network), set).unwrap();
        let ctx = WorkCtx::new();
        let specs = ["int4", "int:bits=3,granularity=per-channel"];
        let weights =
            CandidateWeights::new(&opened.network, &specs.map(|spec| spec.parse().unwrap()), &ctx);
        let weights = weights.unwrap();
        let mut random = seeded(3);
        // Alike at their beginning, more or less; some layers stay float, one mix stands twice.
        let mut mix = vec![Some(0); weights.layers.len()];
        let mut mixes = vec![mix.clone()];
        for _ in 0..8 {
            let place = random.random_range(0..mix.len());
            mix[place] = [None, Some(0), Some(1)][random.random_range(0..3)];
            mixes.push(mix.clone());
        }
        mixes.push(mixes[2].clone());
        let tallies = compare_mixes(&runner, (&weights, &mixes), Some(limit), &ctx).unwrap();
        for (mix, tally) in mixes.iter().zip(&tallies) {
            let overlay = weights.overlay(&opened.network, mix);
            let constants = runner.constants(&overlay).unwrap();
            let quantized = Some(&constants);
            let request = RunRequest { quantized, hook: &NoHook, limit: Some(limit) };
            let wanted = runner.run(&request, &mut KeptRuns::default(), &ctx, |_| {}).unwrap();
            let kl = wanted.comparison.unwrap().kl_mean;
            assert!(is_close(tally.kl().value, kl), "{model}: {mix:?}");
            let value = wanted.quantized.unwrap().value;
            assert!(is_close(tally.value(wanted.metric).value, value), "{model}: {mix:?}");
        }
    }
}

#[test]
fn steps_lead_from_the_uniform_model_to_the_mix() {
    let bench = Bench::digits(&[2, 3, 4, 6]);
    let three = bench.bits(&vec![Some(1); bench.sensitivity.layers.len()]) as f64;
    let budget = Budget::BitsPerWeight((three + 0.5) / bench.n_weights() as f64);
    let found = bench.propose(Some(budget), None).unwrap();
    let uniform = found.uniform.as_ref().unwrap();
    assert_eq!(bench.weights.choices[uniform.candidate_idx].bits(), Some(3));
    assert!(uniform.fits && found.trial.kl_mean <= uniform.trial.kl_mean);
    let mut chosen = uniform.trial.chosen.clone();
    for step in &found.steps {
        assert_eq!(chosen[step.layer_idx], step.from);
        chosen[step.layer_idx] = step.to;
        assert_eq!(step.trial.chosen, chosen);
    }
    assert_eq!(chosen, found.chosen);
}

#[test]
fn a_floor_is_reached_with_as_little_as_it_takes() {
    let bench = Bench::digits(&[2, 3, 4, 8]);
    let best = bench.propose(Some(Budget::BitsPerWeight(99.0)), None).unwrap();
    let floor = best.trial.value.value - 0.05;
    let found = bench.propose(None, Some(floor)).unwrap();
    assert!(found.trial.value.value >= floor);
    assert!(bench.bits(&found.chosen) < bench.bits(&best.chosen));
    match bench.propose(None, Some(1.5)) {
        Err(ProposeError::OutOfReach { wanted, nearest }) => {
            assert!(wanted.contains("150.00 %") && nearest.contains("top-1"), "{wanted} {nearest}");
        }
        other => panic!("{other:?}"),
    }
    assert!(matches!(bench.propose(None, None), Err(ProposeError::NothingAsked)));
}

#[test]
fn a_search_for_a_floor_is_as_small_as_any_mix_that_reaches_it() {
    let bench = Bench::digits(&[2, 3, 4]);
    for floor in [0.5, 0.8, 0.9] {
        let find = |effort| {
            let request = Request { floor: Some(floor), effort, ..Request::default() };
            bench.propose_with(request).unwrap()
        };
        let (searched, every) = (find(Effort::Search(400)), find(Effort::RunAll));
        assert!(!searched.is_exhaustive && every.is_exhaustive);
        assert!(searched.trial.value.value >= floor && every.trial.value.value >= floor);
        let (found, least) = (bench.bits(&searched.chosen), bench.bits(&every.chosen));
        assert!(found as f64 <= 1.02 * least as f64, "{floor}: {found} {least}");
    }
}

#[test]
fn a_class_keeps_the_recall_asked_for() {
    let bench = Bench::digits(&[2, 3, 4]);
    let class_idx = 8;
    let floors = |recall| Request {
        floor: Some(0.6),
        critical_floor: Some(CriticalFloor { class_idx, recall }),
        ..Request::default()
    };
    let without = bench.propose(None, Some(0.6)).unwrap();
    assert!(without.trial.critical.is_none());
    let found = bench.propose_with(floors(1.0)).unwrap();
    assert_eq!(found.trial.critical.unwrap().value, 1.0);
    assert!(found.trial.value.value >= 0.6);
    assert!(bench.bits(&found.chosen) >= bench.bits(&without.chosen));
    match bench.propose_with(floors(1.5)) {
        Err(ProposeError::OutOfReach { wanted, nearest }) => {
            assert!(wanted.contains("top-1 60.00 % with recall 150.00 %"), "{wanted}");
            assert!(nearest.contains("recall 100.00 %"), "{nearest}");
        }
        other => panic!("{other:?}"),
    }
    let nobody = CriticalFloor { class_idx: 77, recall: 0.5 };
    let request = Request { critical_floor: Some(nobody), ..Request::default() };
    assert!(matches!(bench.propose_with(request), Err(ProposeError::NoCriticalSamples)));
}

#[test]
fn an_energy_is_kept_and_what_is_too_little_is_said() {
    let bench = Bench::digits(&[2, 3, 4]);
    let n_layers = bench.sensitivity.layers.len();
    let three = bench.propose(Some(Budget::BitsPerWeight(99.0)), None).unwrap();
    let most = three.trial.costs.unwrap().energy_picojoules / 1e6;
    let budget = 0.9 * most;
    let found = bench.propose_with(Request::of(Budget::Microjoules(budget))).unwrap();
    assert!(found.trial.costs.unwrap().energy_picojoules / 1e6 <= budget);
    assert!(found.trial.kl_mean < 10.0 && found.chosen.len() == n_layers);
    match bench.propose_with(Request::of(Budget::Microjoules(1e-6))) {
        Err(ProposeError::TooSmall { nearest, .. }) => {
            let energy: f64 = nearest.split(' ').next().unwrap().parse().unwrap();
            let again = bench.propose_with(Request::of(Budget::Microjoules(energy))).unwrap();
            assert_eq!(again.chosen, vec![Some(0); n_layers], "{nearest}");
        }
        other => panic!("{other:?}"),
    }
}

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_quantscope")).args(arguments).output().unwrap()
}

fn json_of(arguments: &[&str]) -> Json {
    let output = run(arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn refused(arguments: &[&str], code: i32, part: &str) {
    let output = run(arguments);
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{text}");
    assert!(text.contains(part) && text.trim_end().lines().count() == 1, "{text}");
}

#[test]
fn the_command_writes_a_recipe_and_names_who_judges() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mix.json");
    let out = path.to_str().unwrap();
    let base = ["propose", "sample:digits", "--bits", "2,3,4", "--limit", "60", "-o", out];
    let found = json_of(&[&base[..], &["--budget-bits", "4", "--json"]].concat());
    assert_eq!((found["part"].as_str(), found["metric"].as_str()), (Some("all"), Some("top1")));
    assert!(found["proposal"]["bits_per_weight"].as_f64().unwrap() <= 4.0);
    let judged = &found["judged"];
    assert_eq!((judged["samples"].as_u64(), judged["part"].as_str()), (Some(897), Some("all")));
    assert_ne!(judged["on"], found["measured_on"]);
    let file = RecipeFile::read(Path::new(out)).unwrap();
    assert!(file.model.is_some());
    let layers = found["layers"].as_array().unwrap();
    for layer in layers {
        let choice = file.recipe.choice(layer["name"].as_str().unwrap());
        assert_eq!(choice.to_string(), layer["scheme"].as_str().unwrap());
    }
    let text = String::from_utf8(run(&[&base[..], &["--budget-bytes", "9000"]].concat()).stdout);
    let text = text.unwrap();
    assert!(text.contains("everywhere") && text.contains("had no part in the choice"), "{text}");
}

#[test]
fn what_cannot_be_proposed_is_said_with_what_can() {
    let base = ["propose", "sample:digits", "--bits", "3,4", "--limit", "20"];
    refused(&[&base[..], &["--budget-bits", "2.5"]].concat(), 6, "bits a weight");
    refused(&[&base[..], &["--budget-bytes", "10"]].concat(), 6, "the smallest");
    refused(&[&base[..], &["--floor", "top1=1.2"]].concat(), 6, "the nearest found");
    refused(&[&base[..], &["--floor", "perplexity=3"]].concat(), 6, "is top1");
    refused(&[&base[..], &["--floor", "0.8"]].concat(), 2, "METRIC=VALUE");
    refused(&base, 2, "--budget-bits");
    refused(&[&base[..], &["--budget-bits", "nan"]].concat(), 2, "above 0");
    refused(&[&base[..], &["--budget-energy", "0"]].concat(), 2, "microjoules above 0");
    refused(&[&base[..], &["--budget-energy", "0.001"]].concat(), 6, "µJ a prediction");
    refused(&[&base[..], &["--floor-critical", "8"]].concat(), 2, "CLASS=VALUE");
    refused(&[&base[..], &["--floor-critical", "cat=0.9"]].concat(), 6, "no such class; there are");
    refused(&[&base[..], &["--floor-critical", "8=9"]].concat(), 2, "from 0 to 1");
    refused(&["sensitivity", "sample:digits", "--scheme", "nf4"], 2, "no bits");
    refused(&["sensitivity", "sample:digits", "--bits", "1"], 2, "--bits 1");
}

#[test]
fn sensitivity_of_a_judging_set_uses_one_half_of_it() {
    let folder = support::project("sample_models/digits");
    let eval = folder.join("eval.safetensors");
    let found = json_of(&[
        "sensitivity",
        "sample:digits",
        "--bits",
        "3",
        "--samples",
        eval.to_str().unwrap(),
        "--json",
    ]);
    assert_eq!(
        (found["part"].as_str(), found["samples"].as_u64()),
        (Some("search-half"), Some(449))
    );
    let candidate = &found["candidates"][0];
    assert!(candidate["rank_correlation"]["mse_trace"]["loss"].is_number());
    assert!(candidate["layers"][0]["alone"]["difference"]["ci95"].is_array());
    assert!(found["layers"][0]["hessian_trace_standard_error"].is_number());
    let text = run(&["sensitivity", "sample:digits", "--bits", "2,3", "--limit", "40"]).stdout;
    let text = String::from_utf8(text).unwrap();
    assert!(text.contains("40 samples") && text.contains("rank correlation"), "{text}");
}

/// Takes minutes without optimization: `cargo test --release --test propose -- --ignored`.
#[test]
#[ignore = "runs ResNet-8 some hundred times over"]
fn a_mix_of_the_size_of_five_bits_is_a_point_better_on_samples_held_apart() {
    let Some(models) = support::shared_models() else {
        eprintln!("skipped: ../shared/models is not there");
        return;
    };
    let path = models.join("resnet8_cifar10/model.safetensors");
    let opened = open(&ModelRef::Path(path), FoldMode::Fold).unwrap();
    let eval = opened.eval.clone().unwrap();
    let search = SearchSamples::of(Arc::clone(&eval));
    assert_eq!(search.part, SamplePart::SearchHalf);
    let bench = Bench::new(opened, &search, &[2, 3, 4, 5, 6, 8], None);
    let uniform = vec![Some(3); bench.sensitivity.layers.len()];
    let budget = (bench.bits(&uniform) as f64 + 0.5) / bench.n_weights() as f64;
    let found = bench.propose(Some(Budget::BitsPerWeight(budget)), None).unwrap();
    let network = &bench.opened.network;
    let judge = Runner::on_part(Arc::clone(network), eval, search.judging_part()).unwrap();
    let constants = |chosen: &[Option<usize>]| {
        judge.constants(&bench.weights.overlay(network, chosen)).unwrap()
    };
    let pair = (&constants(&uniform), &constants(&found.chosen));
    let tally = compare_models(&judge, pair, &WorkCtx::new()).unwrap();
    let difference = tally.paired.difference();
    println!("{difference:?} on {} samples, {} mixes run", tally.n_rows, found.n_trials);
    assert!(difference.value >= 0.01, "{difference:?}");
}
