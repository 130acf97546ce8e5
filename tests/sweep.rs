//! `quantscope sweep`, and the class whose recall counts.
#![allow(clippy::unwrap_used)]

mod support;

use std::process::{Command, Output};

use quantscope::eval::{PairedCounts, Recall, TOLERATED_LOSS};
use quantscope::session::{Command as Change, CriticalChoice, ModelRef, Session};
use serde_json::{Value as Json, json};
use support::{dense_model, dense_samples};

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

/// A point of a sweep is what `eval` says of that scheme.
#[test]
fn a_sweep_is_a_table_of_evals() {
    let found = json_of(&["sweep", "sample:digits", "--bits", "4,3", "--json"]);
    assert_eq!((found["metric"].as_str(), found["samples"].as_u64()), (Some("top1"), Some(897)));
    let points = found["points"].as_array().unwrap();
    assert_eq!(points.len(), 6);
    for point in points {
        let spec = point["scheme"].as_str().unwrap();
        let single = json_of(&["eval", "sample:digits", "--weights", spec, "--json"]);
        assert_eq!(point["quantized"], single["quantized"], "{spec}");
        assert_eq!(point["difference"], single["difference"], "{spec}");
        assert_eq!(point["bits_per_weight"], single["size"]["bits_per_weight"], "{spec}");
    }
}

#[test]
fn a_sweep_in_words_and_in_markdown() {
    let arguments =
        ["sweep", "sample:digits", "--bits", "4", "--scheme", "int:range=mse", "--limit", "100"];
    let text = String::from_utf8(run(&arguments).stdout).unwrap();
    assert!(text.contains("100 samples") && text.contains("int:range=mse"), "{text}");
    let markdown =
        String::from_utf8(run(&[&arguments[..], &["--markdown"]].concat()).stdout).unwrap();
    assert!(markdown.contains("| weights | int:range=mse |\n| --- | --: |\n"), "{markdown}");
}

#[test]
fn what_cannot_be_swept_is_said() {
    refused(&["sweep", "sample:digits", "--bits", "1"], 2, "--bits 1");
    refused(&["sweep", "sample:digits", "--scheme", "float"], 2, "no bits");
    refused(&["sweep", "sample:digits", "--scheme", "nonsense"], 2, "nonsense");
    refused(&["sweep", "sample:digits", "--critical", "x"], 6, "there are 0, 1");
    refused(&["eval", "sample:digits", "--critical", "x"], 6, "there are 0, 1");
}

#[test]
fn the_recall_of_the_critical_class_comes_first() {
    let arguments = ["eval", "sample:digits", "--weights", "int4", "--critical", "1"];
    let text = String::from_utf8(run(&arguments).stdout).unwrap();
    assert!(text.find("recall of 1").unwrap() < text.find("top1").unwrap(), "{text}");
    assert!(text.contains("cannot be ruled out"), "{text}");
    let json = json_of(&[&arguments[..], &["--json"]].concat());
    let critical = &json["critical"];
    let class =
        json["classes"].as_array().unwrap().iter().find(|class| class["name"] == "1").unwrap();
    assert_eq!(critical["float"]["value"], class["recall_float"]);
    assert_eq!(critical["quantized"]["value"], class["recall_quantized"]);
    assert_eq!(critical["may_lose_more_than_1_point"], json!(true));
    let float = json_of(&["eval", "sample:digits", "--critical", "1", "--json"]);
    assert!(float["critical"]["quantized"].is_null());
}

/// Nothing lost of 84 leaves room for a loss of more than one point; nothing lost of 1000 does not.
#[test]
fn few_samples_do_not_rule_a_loss_out() {
    let recall = |both| Recall::new(0, PairedCounts { both, ..PairedCounts::default() });
    assert!(recall(84).may_lose_more_than(TOLERATED_LOSS));
    assert!(!recall(1000).may_lose_more_than(TOLERATED_LOSS));
    assert!(recall(0).may_lose_more_than(TOLERATED_LOSS));
}

fn session_of(card: Json) -> (Session, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let path =
        dense_model().metadata("quantscope.card", &card).write(folder.path(), "model.safetensors");
    dense_samples().write(folder.path(), "eval.safetensors");
    let mut session = Session::new(|| ());
    session.apply(Change::Open(ModelRef::Path(path)));
    while !session.is_idle() {
        session.poll();
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    (session, folder)
}

#[test]
fn the_card_names_the_critical_class_and_a_person_may_name_another() {
    let (mut session, _folder) = session_of(json!({"critical": "class 1"}));
    assert_eq!(session.critical_class(), Some("class 1"));
    session.apply(Change::SetCritical(CriticalChoice::Class("class 0".to_owned())));
    assert_eq!(session.critical_class(), Some("class 0"));
    session.apply(Change::SetCritical(CriticalChoice::Nothing));
    assert_eq!(session.critical_class(), None);
    let (mut session, _folder) = session_of(json!({"critical": "no class of the set"}));
    assert_eq!(session.critical_class(), None);
    session.apply(Change::SetCritical(CriticalChoice::Class("class 0".to_owned())));
    assert_eq!(session.critical_class(), Some("class 0"));
}
