//! The operators against ONNX Runtime and the `onnx` package.

use std::collections::BTreeSet;

use quantscope::exec::ops;
use quantscope::tensor::Value;

use crate::cases::{Case, cases};

/// Cases that are not run, and why.
const SKIPPED_CASES: &[(&str, &str)] = &[
    ("reshape_opset1", "the shape is an attribute before opset 5; the table starts at 7"),
    ("maxpool_inside_nan", "undefined; here NaN in a window gives NaN"),
    ("maxpool_dilations_nan", "undefined; here NaN in a window gives NaN"),
    ("maxpool_minus_infinity_pads", "undefined; here the padding is -infinity, as ONNX says"),
];

/// Operators with cases that the table lacks on purpose, and why.
const ABSENT_OPERATORS: &[(&str, &str)] = &[];

/// Operators of the table without a case, and why.
const OPERATORS_WITHOUT_CASE: &[(&str, &str)] =
    &[("CastLike", "its conversions are those of Cast; what it chooses is tested in cast.rs")];

/// What is wrong with `found`, if anything.
fn difference(found: &Value, wanted: &Value, tolerance: f64) -> Option<String> {
    if found.dims() != wanted.dims() {
        return Some(format!("shape {:?}, not {:?}", found.dims(), wanted.dims()));
    }
    match (found, wanted) {
        (Value::F32(found), Value::F32(wanted)) => {
            let scale =
                wanted.iter().filter(|x| x.is_finite()).fold(0f32, |max, x| max.max(x.abs()));
            let allowed = tolerance * f64::from(scale);
            let agree = |a: f32, b: f32| match a.is_finite() && b.is_finite() {
                true => (f64::from(a) - f64::from(b)).abs() <= allowed,
                false => a == b || (a.is_nan() && b.is_nan()),
            };
            let pairs = found.iter().zip(wanted.iter()).enumerate();
            let mut wrong = pairs.filter(|(_, (a, b))| !agree(**a, **b));
            wrong.next().map(|(idx, (a, b))| {
                format!("{a} at {idx}, not {b} (allowed {allowed:e}); {} more", wrong.count())
            })
        }
        (Value::I64(found), Value::I64(wanted)) if found == wanted => None,
        (Value::Bool(found), Value::Bool(wanted)) if found == wanted => None,
        _ => Some(format!("{found:?}, not {wanted:?}")),
    }
}

fn failure(case: &Case) -> Option<String> {
    let entry = ops::find(&case.op)?;
    let found = match case.run(entry) {
        Ok(found) => found,
        Err(error) => return Some(format!("{} ({}): {error}", case.name, case.op)),
    };
    if found.len() < case.outputs.len() {
        return Some(format!("{} ({}): only {} outputs", case.name, case.op, found.len()));
    }
    let pairs = found.iter().zip(&case.outputs).enumerate();
    let mut wrong = pairs.filter_map(|(idx, (found, wanted))| {
        difference(found, wanted, case.tolerance).map(|text| format!("output {idx}: {text}"))
    });
    wrong.next().map(|text| format!("{} ({}-{}): {text}", case.name, case.op, case.opset))
}

#[test]
fn every_case_gives_the_reference_result() {
    let cases = cases();
    assert!(cases.len() > 1000, "only {} cases were found", cases.len());
    let is_skipped = |case: &&Case| SKIPPED_CASES.iter().any(|(name, _)| *name == case.name);
    let failures: Vec<String> =
        cases.iter().filter(|case| !is_skipped(case)).filter_map(failure).collect();
    assert!(failures.is_empty(), "{} cases:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn the_table_and_the_cases_name_the_same_operators() {
    let cases = cases();
    let tested: BTreeSet<&str> = cases.iter().map(|case| case.op.as_str()).collect();
    let entries = ops::OPERATORS.iter().flat_map(|family| family.iter());
    let known: BTreeSet<&str> = entries.map(|entry| entry.op).collect();
    let listed =
        |list: &[(&'static str, &str)]| list.iter().map(|(op, _)| *op).collect::<BTreeSet<&str>>();
    let absent: BTreeSet<&str> = tested.difference(&known).copied().collect();
    assert_eq!(absent, listed(ABSENT_OPERATORS), "operators with cases that the table lacks");
    let untested: BTreeSet<&str> = known.difference(&tested).copied().collect();
    assert_eq!(untested, listed(OPERATORS_WITHOUT_CASE), "operators without a case");
    let skipped =
        SKIPPED_CASES.iter().filter(|(name, _)| !cases.iter().any(|case| case.name == *name));
    assert_eq!(skipped.count(), 0, "a skipped case does not exist");
}

#[test]
fn every_operator_is_in_the_table_once_with_a_sound_range() {
    let mut seen = BTreeSet::new();
    for entry in ops::OPERATORS.iter().flat_map(|family| family.iter()) {
        assert!(seen.insert(entry.op), "{} is in the table twice", entry.op);
        let (first, last) = entry.opsets;
        assert!(first >= 7 && first <= last && last <= 23, "{}: opsets {first}..{last}", entry.op);
    }
    assert!(ops::find("NoSuchOperator").is_none());
}
