//! Hints: computed figures, and buttons that do what they say.

use quantscope::session::{Command, ModelRef};

use super::drive::{Window, click_button, panel_window, session, settle, shows};
use super::support::{dense_model, dense_samples};

/// The sample at four bits per tensor, where much is to be won.
fn window() -> Window {
    let mut window = panel_window("hints", ModelRef::default_sample());
    window.state_mut().apply(Command::SetAllChoices("int4".parse().unwrap()));
    settle(&mut window);
    window
}

#[test]
fn a_remedy_wins_the_decibels_it_states() {
    let mut window = window();
    assert!(shows(&window, "res.conv2: MSE-optimal range would gain"));
    let (hints, n_pending) = session(&window).weight_hints();
    assert_eq!(n_pending, 0);
    let layer_idx = session(&window).network().unwrap().layer_idx("res.conv2").unwrap();
    let is_meant = |label: &str| label == "MSE-optimal range";
    let hint = hints.iter().find(|h| h.layer_idx == Some(layer_idx) && is_meant(h.remedy.label()));
    let stated = hint.unwrap().gain;
    let db = |window: &Window| {
        session(window).layer_figures(layer_idx).ready().unwrap().sqnr().db().unwrap()
    };
    session(&window).layer_figures(layer_idx);
    settle(&mut window);
    let before = db(&window);
    click_button(&mut window, "MSE-optimal range: res.conv2");
    session(&window).layer_figures(layer_idx);
    settle(&mut window);
    assert!((db(&window) - before - stated).abs() < 1e-9);
    assert!(!shows(&window, "res.conv2: MSE-optimal range would gain"));
    assert_eq!(session(&window).history().len(), 2, "one step");
}

#[test]
fn one_button_does_it_for_all_layers_and_a_lock_holds() {
    let mut window = window();
    window.state_mut().apply(Command::SetLock { layer: "res.conv2".to_owned(), lock: true });
    settle(&mut window);
    let spec = |window: &Window| session(window).plan().recipe.choice("res.conv2").to_string();
    let before = spec(&window);
    click_button(&mut window, "MSE-optimal range for all 4 layers");
    assert_eq!(spec(&window), before);
    let range = |layer: &str| session(&window).plan().recipe.choice(layer).to_string();
    assert!(range("res.conv1").contains("range=mse"), "{}", range("res.conv1"));
}

#[test]
fn a_reason_is_shown_and_hidden() {
    let mut window = window();
    let (hints, _) = session(&window).weight_hints();
    let why =
        &format!("Why: {}", hints.iter().find(|h| h.text.contains("res.conv2")).unwrap().text);
    let reason = "Decibels of the weights are no accuracy";
    assert!(!shows(&window, reason));
    click_button(&mut window, why);
    assert!(shows(&window, reason));
    click_button(&mut window, why);
    assert!(!shows(&window, reason));
}

#[test]
fn accuracy_is_not_spoken_of_before_it_was_measured() {
    let folder = tempfile::tempdir().unwrap();
    let path = dense_model().write(folder.path(), "model.safetensors");
    dense_samples().write(folder.path(), "eval.safetensors");
    let window = panel_window("hints", ModelRef::Path(path));
    assert!(shows(&window, "not measured yet"));
}
