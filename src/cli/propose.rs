//! `quantscope propose`: a mix of bit widths for a size or an accuracy, and why.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::exit::{CliError, Exit};
use super::options::ProposeOptions;
use super::search::Search;
use super::sensitivity::{measure, value_text};
use super::table::{Align, render};
use super::{print_json, print_out};
use crate::base::{WorkCtx, bytes, fixed, percent, significant, thousands};
use crate::eval::{
    Budget, CandidateWeights, Costs, CriticalFloor, Estimate, Metric, Proposal, ProposeError,
    ProposeRequest, Runner, SamplePart, Sensitivity, Trial, estimate_json, propose,
};
use crate::quant::{Recipe, Rules};
use crate::session::{Judged, RecipeFile, RecipeModel};

/// A proposal with what it was found with.
struct Found {
    sensitivity: Sensitivity,
    weights: CandidateWeights,
    proposal: Proposal,
    recipe: Recipe,
    judged: Option<Judged>,
}

pub(super) fn run(options: &ProposeOptions) -> Result<(), CliError> {
    let candidates = options.search.candidates(&options.bits)?;
    let budget = budget(options)?;
    let search = Search::new(&options.model, &options.search)?;
    let limit = options.search.limit();
    let floor = options.floor.as_deref().map(|text| floor(text, &search)).transpose()?;
    let critical = options.floor_critical.as_deref();
    let critical_floor = critical.map(|text| critical_floor(text, &search)).transpose()?;
    let sensitivity = measure(&search.runner, &candidates, limit)?;
    let ctx = WorkCtx::new();
    let network = &search.opened.network;
    let weights = CandidateWeights::new(network, &candidates, &ctx)?;
    let request = ProposeRequest {
        budget,
        floor,
        critical_floor,
        limit,
        ..ProposeRequest::new(&sensitivity, &weights)
    };
    let proposal = propose(&search.runner, &request, &ctx)?;
    let recipe = weights.recipe(network, &proposal.chosen);
    let judged = judge(&search, &weights, &proposal)?;
    let found = Found { sensitivity, weights, proposal, recipe, judged };
    if let Some(path) = &options.output {
        write(path, &search, &found.recipe)?;
    }
    if options.json {
        print_json(&json(&found, &search, options));
    } else {
        print_out(&text(&found, &search, options));
    }
    Ok(())
}

fn budget(options: &ProposeOptions) -> Result<Option<Budget>, CliError> {
    let wrong = |message: &str| Err(CliError::new(Exit::WrongUse, message));
    let is_meant = |number: f64| number.is_finite() && number > 0.0;
    match (options.budget_bits, options.budget_bytes, options.budget_energy) {
        (Some(bits), ..) if !is_meant(bits) => wrong("--budget-bits: expected a number above 0"),
        (Some(bits), ..) => Ok(Some(Budget::BitsPerWeight(bits))),
        (None, Some(bytes), _) => Ok(Some(Budget::Bytes(bytes))),
        (None, None, Some(energy)) if !is_meant(energy) => {
            wrong("--budget-energy: expected microjoules above 0")
        }
        (None, None, Some(energy)) => Ok(Some(Budget::Microjoules(energy))),
        (None, None, None) if options.floor.is_some() || options.floor_critical.is_some() => {
            Ok(None)
        }
        (None, None, None) => wrong(
            "name a size with --budget-bits or --budget-bytes, an energy with --budget-energy, or an accuracy with --floor or --floor-critical",
        ),
    }
}

/// `METRIC=VALUE`, the metric being that of the samples.
fn floor(text: &str, search: &Search) -> Result<f64, CliError> {
    let metric = Metric::of_set(&search.samples.set).id();
    let wrong =
        |exit, reason: String| Err(CliError::new(exit, format!("--floor {text}: {reason}")));
    let Some((name, value)) = text.split_once('=') else {
        return wrong(Exit::WrongUse, format!("expected METRIC=VALUE, e.g. {metric}=0.86"));
    };
    if name.trim() != metric {
        return wrong(
            Exit::NoSense,
            format!("the metric of {} is {metric}", search.samples.set.name),
        );
    }
    match value.trim().parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(value),
        _ => wrong(Exit::WrongUse, format!("{:?} is no number", value.trim())),
    }
}

/// `CLASS=VALUE`, the class being one that the samples name.
fn critical_floor(text: &str, search: &Search) -> Result<CriticalFloor, CliError> {
    let wrong = |exit, reason: String| {
        Err(CliError::new(exit, format!("--floor-critical {text}: {reason}")))
    };
    let Some((name, value)) = text.rsplit_once('=') else {
        return wrong(Exit::WrongUse, "expected CLASS=VALUE, e.g. malignant=0.95".to_owned());
    };
    let set = &search.samples.set;
    let classes = set.classes.as_deref().unwrap_or_default();
    let found = classes.iter().position(|class| class == name.trim());
    let Some(class_idx) = found.filter(|_| set.labels.is_some()) else {
        let known = match classes {
            [] => "the sample set names no classes".to_owned(),
            classes => format!("there are {}", classes.join(", ")),
        };
        return wrong(Exit::NoSense, format!("no such class; {known}"));
    };
    match value.trim().parse::<f64>() {
        Ok(recall) if (0.0..=1.0).contains(&recall) => Ok(CriticalFloor { class_idx, recall }),
        _ => wrong(Exit::WrongUse, format!("{:?} is no share from 0 to 1", value.trim())),
    }
}

/// Runs the proposal once on the set that judges; `None` where no such set lies beside the model.
fn judge(
    search: &Search,
    weights: &CandidateWeights,
    proposal: &Proposal,
) -> Result<Option<Judged>, CliError> {
    let Some(set) = search.opened.eval.clone() else { return Ok(None) };
    let part = search.samples.judging_part();
    let runner = Runner::on_part(Arc::clone(&search.opened.network), set, part)?;
    Ok(Some(Judged::measure(&runner, part, (weights, proposal), &WorkCtx::new())?))
}

fn write(path: &Path, search: &Search, recipe: &Recipe) -> Result<(), CliError> {
    let recipe_file = RecipeFile {
        recipe: recipe.clone(),
        rules: Rules::default(),
        fold_mode: Some(search.opened.network.fold_mode),
        model: Some(RecipeModel::of(&search.opened)),
    };
    let written = recipe_file.write(path);
    written.map_err(|error| CliError::new(Exit::BadFile, error.to_string()))
}

fn trial_json(trial: &Trial) -> Json {
    json!({
        "value": estimate_json(Some(trial.value)),
        "difference": estimate_json(trial.difference),
        "kl_mean": trial.kl_mean,
        "bits_per_weight": trial.size.bits_per_weight,
        "quantized_bytes": trial.size.quantized_bytes,
        "critical_recall": estimate_json(trial.critical),
        "bit_operations": trial.costs.map(|costs| costs.bit_operations),
        "energy_microjoules_estimated": trial.costs.map(|costs| costs.energy_picojoules / 1e6),
    })
}

fn json(found: &Found, search: &Search, options: &ProposeOptions) -> Json {
    let Found { sensitivity, weights, proposal, .. } = found;
    let spec = |choice: Option<usize>| match choice.and_then(|idx| weights.choices.get(idx)) {
        Some(choice) => choice.to_string(),
        None => "float".to_owned(),
    };
    let layers = sensitivity.layers.iter().zip(&proposal.chosen).map(|(layer, &choice)| {
        json!({ "name": layer.name, "weights": layer.n_weights, "scheme": spec(choice) })
    });
    let steps = proposal.steps.iter().map(|step| {
        json!({
            "layer": sensitivity.layers.get(step.layer_idx).map(|layer| &layer.name),
            "from": spec(step.from), "to": spec(step.to), "model": trial_json(&step.trial),
        })
    });
    let judged = found.judged.as_ref().map(|judged| {
        let metric = sensitivity.metric;
        let uniform = judged.against_uniform.as_ref();
        json!({
            "on": judged.set, "part": judged.part.id(), "samples": judged.against_float.n_rows,
            "float": estimate_json(judged.against_float.value_before(metric)),
            "proposal": estimate_json(Some(judged.against_float.value(metric))),
            "uniform": estimate_json(uniform.and_then(|tally| tally.value_before(metric))),
            "difference_to_uniform": estimate_json(uniform.map(|tally| tally.change(metric))),
        })
    });
    json!({
        "metric": sensitivity.metric.id(),
        "measured_on": search.samples.set.name,
        "part": search.samples.part.id(),
        "samples": proposal.trial.n_samples,
        "budget": {
            "bits_per_weight": options.budget_bits, "bytes": options.budget_bytes,
            "microjoules": options.budget_energy,
        },
        "floor": options.floor,
        "floor_critical": options.floor_critical,
        "float": estimate_json(proposal.trial.float),
        "layers": layers.collect::<Vec<Json>>(),
        "proposal": trial_json(&proposal.trial),
        "first_choice": trial_json(&proposal.first),
        "first_choice_is_exact": proposal.is_exact,
        "uniform": proposal.uniform.as_ref().map(|uniform| json!({
            "scheme": spec(Some(uniform.candidate_idx)), "fits": uniform.fits,
            "model": trial_json(&uniform.trial),
        })),
        "steps": steps.collect::<Vec<Json>>(),
        "mixes_run": proposal.n_trials,
        "every_mix_was_run": proposal.is_exhaustive,
        "judged": judged,
        "recipe": serde_json::from_str::<Json>(&found.recipe.to_json()).unwrap_or_default(),
    })
}

fn text(found: &Found, search: &Search, options: &ProposeOptions) -> String {
    let Found { sensitivity, weights, proposal, .. } = found;
    let metric = sensitivity.metric;
    let mut text = format!(
        "{}: chosen with {} samples of {}\n\n",
        search.opened.network.model.title,
        thousands(proposal.trial.n_samples),
        search.samples.told()
    );
    let bits = |choice: Option<usize>| match choice.and_then(|idx| weights.choices.get(idx)) {
        Some(choice) => choice.bits().map_or_else(|| choice.to_string(), |bits| bits.to_string()),
        None => "float".to_owned(),
    };
    let rows = sensitivity.layers.iter().zip(&proposal.chosen);
    let rows = rows
        .map(|(layer, &choice)| vec![layer.name.clone(), thousands(layer.n_weights), bits(choice)]);
    let header = [("layer", Align::Left), ("weights", Align::Right), ("bits", Align::Right)];
    text.push_str(&render(&header, &rows.collect::<Vec<_>>()));
    text.push('\n');
    text.push_str(&models_text(proposal, metric, &bits));
    text.push_str(&steps_text(sensitivity, proposal, &bits));
    if proposal.first.chosen != proposal.trial.chosen {
        let first = &proposal.first;
        let kl = significant(first.kl_mean, 4);
        text.push_str(&match options.floor.is_some() || options.floor_critical.is_some() {
            true => format!(
                "\nthe first that sums of single layers led to takes {} and has KL {kl}; runs led on to less\n",
                bytes(first.size.quantized_bytes)
            ),
            false => format!(
                "\nthe best by sums of single layers had KL {kl}; runs of other mixes led on from it\n"
            ),
        });
    }
    if !proposal.is_exact {
        text.push_str(
            "\nso many layers that the first choice is near the best, not surely the best\n",
        );
    }
    let n_trials = thousands(proposal.n_trials);
    text.push_str(&match proposal.is_exhaustive {
        true => format!("all {n_trials} mixes that fit were run\n"),
        false => format!("{n_trials} mixes were run\n"),
    });
    if let Some(judged) = &found.judged {
        text.push_str(&judged_text(judged, metric));
    }
    if let Some(path) = &options.output {
        text.push_str(&format!("recipe written to {}\n", path.display()));
    }
    text
}

fn models_text(
    proposal: &Proposal,
    metric: Metric,
    bits: &dyn Fn(Option<usize>) -> String,
) -> String {
    let row = |name: String, trial: &Trial| {
        let size = &trial.size;
        let per_weight = size.bits_per_weight.map_or_else(|| "n/a".to_owned(), |x| fixed(x, 2));
        let value = value_text(trial.value, metric);
        let costs = |of: fn(&Costs) -> f64| trial.costs.as_ref().map(of);
        let energy = costs(|costs| costs.energy_picojoules / 1e6);
        let operations = costs(|costs| costs.bit_operations);
        let told =
            |number: Option<f64>| number.map_or_else(|| "n/a".to_owned(), |x| significant(x, 4));
        let mut row = vec![name, bytes(size.quantized_bytes), per_weight];
        row.extend([told(operations), told(energy), significant(trial.kl_mean, 3), value]);
        row.extend(trial.critical.map(|recall| value_text(recall, Metric::Top1)));
        row
    };
    let mut rows = vec![row("this mix".to_owned(), &proposal.trial)];
    if let Some(uniform) = &proposal.uniform {
        let name = format!("{} everywhere", bits(Some(uniform.candidate_idx)));
        let name = if uniform.fits { name } else { format!("{name} (larger than asked for)") };
        rows.push(row(name, &uniform.trial));
    }
    let mut header = vec![
        ("", Align::Left),
        ("size", Align::Right),
        ("bits/weight", Align::Right),
        ("bit operations", Align::Right),
        ("est. µJ", Align::Right),
        ("mean KL", Align::Right),
        (metric.id(), Align::Left),
    ];
    if proposal.trial.critical.is_some() {
        header.push(("critical class", Align::Left));
    }
    render(&header, &rows)
}

/// What was changed against the uniform model, and what the model is worth after each change.
fn steps_text(
    sensitivity: &Sensitivity,
    proposal: &Proposal,
    bits: &dyn Fn(Option<usize>) -> String,
) -> String {
    let Some(uniform) = proposal.uniform.as_ref().filter(|_| !proposal.steps.is_empty()) else {
        return String::new();
    };
    let mut before = &uniform.trial;
    let mut rows = Vec::new();
    for step in &proposal.steps {
        let size = |trial: &Trial| trial.size.quantized_bytes as f64;
        let by = size(&step.trial) - size(before);
        let name = sensitivity.layers.get(step.layer_idx).map_or("", |layer| layer.name.as_str());
        let sign = if by > 0.0 { "+" } else { "" };
        rows.push(vec![
            name.to_owned(),
            format!("{} → {}", bits(step.from), bits(step.to)),
            format!("{sign}{} B", fixed(by, 0)),
            significant(step.trial.kl_mean, 3),
            shown(step.trial.value, sensitivity.metric),
        ]);
        before = &step.trial;
    }
    let header = [
        ("change", Align::Left),
        ("bits", Align::Left),
        ("size", Align::Right),
        ("mean KL then", Align::Right),
        (sensitivity.metric.id(), Align::Right),
    ];
    format!(
        "\nfrom {} everywhere, one change after another\n\n{}",
        bits(Some(uniform.candidate_idx)),
        render(&header, &rows)
    )
}

fn shown(estimate: Estimate, metric: Metric) -> String {
    match metric {
        Metric::Perplexity => fixed(estimate.value, 3),
        _ => percent(estimate.value, 1),
    }
}

fn judged_text(judged: &Judged, metric: Metric) -> String {
    let part = match judged.part {
        SamplePart::JudgingHalf => "the other half of ",
        _ => "",
    };
    let mut text = format!(
        "\njudged on {} samples of {part}{}, which had no part in the choice\n",
        thousands(judged.against_float.n_rows),
        judged.set
    );
    let mut line = |name: &str, estimate: Estimate| {
        text.push_str(&format!("{name:<11} {}\n", value_text(estimate, metric)));
    };
    if let Some(float) = judged.against_float.value_before(metric) {
        line("float", float);
    }
    line("this mix", judged.against_float.value(metric));
    if let Some(uniform) = &judged.against_uniform {
        if let Some(value) = uniform.value_before(metric) {
            line("uniform", value);
        }
        line("difference", uniform.change(metric));
    }
    text
}

impl From<ProposeError> for CliError {
    fn from(error: ProposeError) -> Self {
        match error {
            ProposeError::Run(error) => error.into(),
            error => Self::new(Exit::NoSense, error.to_string()),
        }
    }
}
