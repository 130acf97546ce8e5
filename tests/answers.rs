//! What is read from a table of answers, against scikit-learn, statsmodels and numpy
//! (`tests/reference/answers.py`).
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use quantscope::eval::{
    AnswerRow, Answers, Guess, Recall, Side, Task, confusion, recall_by_class, reliability,
};
use serde_json::Value as Json;

fn cases() -> Vec<Json> {
    let text = std::fs::read_to_string(support::project("tests/data/answers.json")).unwrap();
    serde_json::from_str::<Json>(&text).unwrap().as_array().unwrap().clone()
}

fn whole(json: &Json) -> usize {
    usize::try_from(json.as_u64().unwrap()).unwrap()
}

fn answers(case: &Json) -> Answers {
    let targets = case["target"].as_array().unwrap();
    let guess = |side: &str, idx: usize| {
        let answer = whole(&case[side]["answer"][idx]);
        Guess::new(Some(answer), case[side]["confidence"][idx].as_f64().unwrap() as f32, 0.0)
    };
    let rows = targets.iter().enumerate().map(|(idx, target)| {
        AnswerRow::new(idx, Some(whole(target)), guess("float", idx), guess("quantized", idx))
    });
    Answers {
        rows: rows.collect(),
        task: Task::Classification,
        n_classes: whole(&case["n_classes"]),
        per_sample: 1,
        is_compared: true,
    }
}

fn near(found: f64, wanted: f64) -> bool {
    (found - wanted).abs() < 1e-12
}

const SIDES: [(&str, Side); 2] = [("float", Side::Float), ("quantized", Side::Quantized)];

#[test]
fn confusion_is_that_of_the_reference() {
    for case in cases() {
        let answers = answers(&case);
        let found = confusion(&answers, usize::MAX);
        assert_eq!((found.n_rows(), found.n_columns()), (answers.n_classes, answers.n_classes));
        for (name, side) in SIDES {
            for row in 0..found.n_rows() {
                for column in 0..found.n_columns() {
                    let wanted = &case[name]["confusion"][row][column];
                    let count = found.count(side, row, column) as usize;
                    assert_eq!(count, whole(wanted), "{} {name} {row} {column}", case["name"]);
                }
            }
        }
    }
}

#[test]
fn recall_and_its_interval_are_those_of_the_reference() {
    for case in cases() {
        let found = recall_by_class(&answers(&case));
        for (name, side) in SIDES {
            for (class, wanted) in case[name]["recall"].as_array().unwrap().iter().enumerate() {
                let recall = found.iter().find(|recall| recall.class as usize == class);
                assert_eq!(recall.is_none(), wanted.is_null(), "{} class {class}", case["name"]);
                if let Some(recall) = recall {
                    assert_recall(recall, side, wanted);
                }
            }
        }
    }
}

fn assert_recall(recall: &Recall, side: Side, wanted: &Json) {
    let (hits, estimate) = match side {
        Side::Float => (recall.float_hits, recall.float),
        Side::Quantized => (recall.quantized_hits, recall.quantized),
    };
    assert_eq!((recall.n, hits), (whole(&wanted[0]), whole(&wanted[1])));
    let found = [estimate.value, estimate.ci95.0, estimate.ci95.1];
    for (idx, found) in found.into_iter().enumerate() {
        assert!(near(found, wanted[2 + idx].as_f64().unwrap()), "{recall:?}, expected {wanted}");
    }
}

#[test]
fn calibration_is_that_of_the_reference() {
    for case in cases() {
        let answers = answers(&case);
        for (name, side) in SIDES {
            let found = reliability(&answers, side).unwrap();
            let wanted = &case[name]["calibration"];
            let label = format!("{} {name}", case["name"]);
            assert!(near(found.ece, wanted["ece"].as_f64().unwrap()), "{label}: {}", found.ece);
            assert!(near(found.brier, wanted["brier"].as_f64().unwrap()), "{label}");
            for (bin, wanted) in found.bins.iter().zip(wanted["bins"].as_array().unwrap()) {
                assert_eq!(bin.map_or(0, |bin| bin.n), whole(&wanted[0]), "{label}");
                if let Some(bin) = bin {
                    assert!(near(bin.mean_confidence, wanted[1].as_f64().unwrap()), "{label}");
                    assert!(near(bin.accuracy.value, wanted[2].as_f64().unwrap()), "{label}");
                }
            }
        }
    }
}
