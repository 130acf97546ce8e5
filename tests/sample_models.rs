//! The sample models: their cards tell the truth, the tables of their README are what the program
//! measures, and each shows what it is there to show.
#![allow(clippy::unwrap_used)]

mod support;

use std::path::PathBuf;
use std::process::Command;

use quantscope::base::WorkCtx;
use quantscope::eval::{Metric, Runner, Sweep, SweepPoint};
use quantscope::model::FoldMode;
use quantscope::session::{BUILTIN_SAMPLES, BuiltinSample, ModelRef, Opened, open};

fn opened(sample: &'static BuiltinSample) -> Opened {
    open(&ModelRef::Builtin(sample), FoldMode::Fold).unwrap()
}

/// The sample quantized in each of these ways.
fn points<const N: usize>(name: &str, specs: [&str; N]) -> [SweepPoint; N] {
    let opened = opened(BuiltinSample::find(name).unwrap());
    let runner = Runner::new(opened.network.clone(), opened.eval.clone().unwrap()).unwrap();
    let mut sweep = Sweep::new(&runner, None);
    specs.map(|spec| sweep.measure(&spec.parse().unwrap(), &WorkCtx::new()).unwrap())
}

fn value(point: &SweepPoint) -> f64 {
    point.accuracy.quantized.unwrap().value
}

fn float(point: &SweepPoint) -> f64 {
    point.accuracy.float.unwrap().value
}

/// The float model reaches what its card states, on as many samples.
#[test]
fn cards_tell_the_truth() {
    for sample in BUILTIN_SAMPLES {
        let opened = opened(sample);
        let stated = opened.network.model.card.metric.clone().unwrap();
        let [point] = points(sample.name, ["int8"]);
        let name = match point.accuracy.metric {
            Metric::Top1 => "top1",
            Metric::Perplexity => "perplexity",
            Metric::Agreement => "agreement",
        };
        assert_eq!((stated.name.as_str(), stated.split.as_deref()), (name, Some("eval")));
        assert_eq!(stated.samples, Some(point.accuracy.n_samples as u64), "{}", sample.name);
        let off = (float(&point) - stated.value).abs();
        let tolerance = stated.tolerance.unwrap();
        assert!(off <= tolerance, "{}: {} is stated, {off} off", sample.name, stated.value);
    }
}

#[test]
fn cards_are_complete_and_the_menu_says_what_they_say() {
    for sample in BUILTIN_SAMPLES {
        let opened = opened(sample);
        let card = &opened.network.model.card;
        assert_eq!(card.title.as_deref(), Some(sample.title));
        assert_eq!(card.teaches.as_deref(), Some(sample.teaches));
        for text in [&card.description, &card.data, &card.licence, &card.source, &card.trained] {
            assert!(text.as_ref().is_some_and(|text| text.len() > 5), "{}", sample.name);
        }
        assert!(card.tries.len() >= 2, "{}: what to try", sample.name);
        for (idx, part) in card.tries.iter().flat_map(|text| text.split('`').enumerate()) {
            let is_spec = idx % 2 == 1 && part.contains(':');
            assert!(!is_spec || part.parse::<quantscope::quant::SchemeChoice>().is_ok(), "{part}");
        }
        let eval = opened.eval.as_ref().unwrap();
        assert_eq!(card.classes, eval.classes, "{}", sample.name);
        let is_known = |class: &String| eval.classes.iter().flatten().any(|known| known == class);
        assert!(card.critical.as_ref().is_none_or(is_known), "{}", sample.name);
        for split in [quantscope::eval::Split::Calibration, quantscope::eval::Split::Train] {
            assert!(!opened.find_set(split).unwrap().unwrap().is_empty(), "{}", sample.name);
        }
        let picture = image::load_from_memory(sample.picture).unwrap();
        assert_eq!((picture.width(), picture.height()), (192, 128), "{}", sample.name);
    }
}

/// What lies in the repository stays small.
#[test]
fn samples_are_small() {
    for sample in BUILTIN_SAMPLES {
        let folder = support::project("sample_models").join(sample.name);
        let files = std::fs::read_dir(&folder).unwrap();
        let total: u64 = files.map(|file| file.unwrap().metadata().unwrap().len()).sum();
        assert!(total < 4_000_000, "{}: {total} bytes", sample.name);
    }
}

// --- The tables ----------------------------------------------------------------------------------

/// Every table of the README stands under `<!-- quantscope ARGUMENTS -->` and is what these
/// arguments print. `RENEW_TABLES=1` writes them anew.
#[test]
fn the_tables_of_the_readme_are_what_the_program_measures() {
    let path: PathBuf = support::project("sample_models/README.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let mut renewed = String::new();
    let mut rest = text.as_str();
    let mut n_tables = 0;
    while let Some((before, after)) = rest.split_once("<!-- quantscope ") {
        let (arguments, after) = after.split_once(" -->\n").unwrap();
        let (stated, after) = after.split_once("<!-- end -->").unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_quantscope"))
            .args(arguments.split_whitespace())
            .output()
            .unwrap();
        let found = String::from_utf8(output.stdout).unwrap();
        let found = format!("\n{}\n", found.trim_end());
        if std::env::var_os("RENEW_TABLES").is_none() {
            assert_alike(arguments, stated, &found);
        }
        renewed
            .push_str(&format!("{before}<!-- quantscope {arguments} -->\n{found}\n<!-- end -->"));
        rest = after;
        n_tables += 1;
    }
    assert_eq!(n_tables, BUILTIN_SAMPLES.len(), "a table for every sample");
    if std::env::var_os("RENEW_TABLES").is_some() {
        std::fs::write(&path, renewed + rest).unwrap();
    }
}

/// The same words, and numbers as near as another processor's rounding leaves them.
fn assert_alike(arguments: &str, stated: &str, found: &str) {
    let words = |text: &str| -> Vec<String> {
        text.split(|c: char| c.is_whitespace() || "()|%".contains(c))
            .filter(|word| !word.is_empty())
            .map(str::to_owned)
            .collect()
    };
    let (stated, found) = (words(stated), words(found));
    assert_eq!(stated.len(), found.len(), "{arguments}: {found:?}");
    for (stated, found) in stated.iter().zip(&found) {
        match (stated.parse::<f64>(), found.parse::<f64>()) {
            (Ok(a), Ok(b)) => {
                let tolerance = (0.08 * a.abs()).max(1.0);
                assert!((a - b).abs() <= tolerance, "{arguments}: {a} is stated, {b} found");
            }
            _ => assert_eq!(stated, found, "{arguments}"),
        }
    }
}

// --- What each is there to show ------------------------------------------------------------------

#[test]
fn the_program_has_the_sets_of_the_folders() {
    let [mobilenet, resnet] = ["glyphs-mobilenet", "glyphs-resnet"];
    for split in ["eval", "calibration", "train"] {
        let read = |name: &str| {
            let folder = support::project("sample_models").join(name);
            std::fs::read(folder.join(format!("{split}.safetensors"))).unwrap()
        };
        assert!(read(mobilenet) == read(resnet), "{split}");
    }
}

#[test]
fn one_scale_for_the_tensor_breaks_the_mobilenet_and_not_the_resnet() {
    let specs =
        ["int:bits=4", "int:bits=4,granularity=per-channel", "int:bits=5,granularity=per-channel"];
    let [tensor, channel, _] = points("glyphs-mobilenet", specs);
    assert!((0.92..=0.97).contains(&float(&tensor)), "{}", float(&tensor));
    assert!(value(&channel) - value(&tensor) > 0.2, "{} {}", value(&channel), value(&tensor));
    let [_, _, sturdy] = points("glyphs-resnet", specs);
    assert!(float(&sturdy) - value(&sturdy) < 0.05, "{}", value(&sturdy));
}

#[test]
fn tumor_loses_the_critical_class_before_accuracy() {
    let [coarse] = points("tumor", ["int:bits=4"]);
    let recall = *coarse.accuracy.class_recall("malignant").unwrap();
    let accuracy_loss = float(&coarse) - value(&coarse);
    assert!(-recall.difference.value > accuracy_loss + 0.02, "{recall:?}, {accuracy_loss}");
}

#[test]
fn groups_save_the_language_model() {
    let specs = [
        "int:bits=4",
        "int:bits=4,granularity=per-channel",
        "int:bits=4,granularity=per-group,group-size=32",
    ];
    let [tensor, channel, group] = points("tiny-lm", specs);
    assert!(value(&tensor) > 1.5 * float(&tensor), "{}", value(&tensor));
    assert!(value(&group) < value(&channel) && value(&channel) < value(&tensor));
}
