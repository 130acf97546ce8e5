//! The estimators panel.

use egui_kittest::kittest::Queryable;
use quantscope::session::{Command, ModelRef};

use super::drive::{
    Window, click, click_at, click_button, drag, panel_window, place_in, session, settle, shows,
    spec,
};
use super::support::FileBuilder;

const CURVE: &str = "Error curve";

fn with(spec: &str) -> Window {
    let mut window = panel_window("estimators", ModelRef::default_sample());
    window.state_mut().apply(Command::SetAllChoices(spec.parse().unwrap()));
    settle(&mut window);
    window
}

fn of_values(values: &[f32]) -> (tempfile::TempDir, Window) {
    let folder = tempfile::tempdir().unwrap();
    let file = FileBuilder::new().floats("weight", &[2, values.len() / 2], values);
    let path = file.write(folder.path(), "model.safetensors");
    (folder, panel_window("estimators", ModelRef::Path(path)))
}

#[test]
fn every_estimator_is_a_line_and_a_row() {
    for spec in ["int4", "int:bits=3,symmetry=asymmetric", "e4m3fn", "minifloat"] {
        let window = with(spec);
        assert!(shows(&window, CURVE), "{spec}");
        assert!(shows(&window, "✓ best"), "{spec}");
        for name in [
            "Min-max",
            "Percentile 99.99",
            "MSE-optimal",
            "Entropy",
            "Mean ± 3σ",
            "ACIQ, Gaussian",
            "ACIQ, Laplacian",
        ] {
            for text in [format!("Use {name}"), format!("Line of {name}")] {
                assert!(shows(&window, &text), "{spec}: {text}");
            }
        }
    }
}

#[test]
fn the_best_has_the_smallest_error_and_lies_on_the_curve() {
    let window = with("int4");
    let loaded = session(&window).estimates();
    let estimates = loaded.ready().unwrap();
    let mse = |key: &str| estimates.choices.iter().find(|c| c.way.key == key).unwrap().mse;
    assert!(estimates.choices.iter().all(|choice| mse("mse") <= choice.mse * 1.002));
    for choice in &estimates.choices {
        let distance = |p: &f64| (p - choice.threshold).abs();
        let near = estimates.curve.iter();
        let near = near.min_by(|a, b| distance(&a.threshold).total_cmp(&distance(&b.threshold)));
        let ratio = near.unwrap().total() / choice.mse;
        assert!((0.95..1.05).contains(&ratio), "{}: {ratio}", choice.way.key);
    }
}

#[test]
fn a_row_or_a_line_is_used_by_a_click() {
    let mut window = with("int4");
    click(&mut window, "Use MSE-optimal");
    assert_eq!(spec(&window), "int:bits=4,range=mse");
    click(&mut window, "Line of Entropy");
    assert_eq!(spec(&window), "int:bits=4,range=entropy");
    assert!(shows(&window, "in use"));
}

#[test]
fn the_curve_clips_by_hand() {
    let mut window = with("int4");
    let place = place_in(&window, CURVE, (0.2, 0.5));
    click_at(&mut window, place);
    assert!(spec(&window).contains("range=manual,lo=-0.0"), "{}", spec(&window));
    let target = place_in(&window, CURVE, (0.4, 0.5));
    drag(&mut window, place, target);
    assert!(spec(&window).contains("range=manual,lo=-0.1"), "{}", spec(&window));
    let n_steps = session(&window).history().n_done();
    window.state_mut().apply(Command::Undo);
    settle(&mut window);
    assert_eq!(session(&window).history().n_done() + 1, n_steps, "a drag is one step");
    assert!(spec(&window).contains("range=manual,lo=-0.0"), "{}", spec(&window));
}

#[test]
fn a_channel_has_a_curve_of_its_own() {
    let mut window = with("int:bits=4,granularity=per-channel");
    assert!(shows(&window, "choose a channel above to see its own"));
    assert!(shows(&window, "in use per channel"), "its figures are not the layer's");
    window.state_mut().apply(Command::SelectChannel(Some(3)));
    settle(&mut window);
    click(&mut window, "Next channel");
    assert_eq!(session(&window).selection().channel_idx, Some(4));
    click(&mut window, "Previous channel");
    assert!(shows(&window, "Channel 3 with one range"));
    click_button(&mut window, "Lin");
    click_button(&mut window, "Log");
}

#[test]
fn without_a_range_there_is_a_way_out() {
    assert!(shows(&with("float"), "stays in float"));
    let mut window = with("bf16");
    assert!(shows(&window, "no range as it is set"));
    click_button(&mut window, "Set scale to range");
    assert_eq!(spec(&window), "bf16:scale=range");
    assert!(shows(&window, CURVE));
    let mut window = with("nf4");
    assert!(shows(&window, "has no range to choose"));
    click_button(&mut window, "Use Integer");
    assert!(shows(&window, CURVE));
}

#[test]
fn what_cannot_be_compared_says_why() {
    let (_folder, window) = of_values(&[0.0; 8]);
    assert!(shows(&window, "Nothing to clip"));
    let (_folder, window) = of_values(&[0.5, f32::NAN, 1.0, -1.0]);
    assert!(shows(&window, "cannot be compared") && shows(&window, "non-finite=zero"));
    let nowhere = ModelRef::Path("/there/is/none.safetensors".into());
    assert!(shows(&panel_window("estimators", nowhere), "No model is open"));
    assert!(window.query_by_label_contains(CURVE).is_none());
}
