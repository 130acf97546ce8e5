//! The model's card: its states, and the settings it proposes.

use quantscope::session::ModelRef;
use serde_json::json;

use super::drive::{Window, click_button, panel_window, session, settle, shows, spec};
use super::support::{FileBuilder, dense_model, dense_samples};

/// A model with that card, and samples beside it.
fn with_card(card: serde_json::Value, check: impl Fn(&mut Window)) {
    let folder = tempfile::tempdir().unwrap();
    let path =
        dense_model().metadata("quantscope.card", &card).write(folder.path(), "model.safetensors");
    dense_samples().write(folder.path(), "eval.safetensors");
    let mut window = panel_window("model", ModelRef::Path(path));
    settle(&mut window);
    check(&mut window);
}

#[test]
fn the_sample_s_card_says_what_it_is_and_that_its_figure_holds() {
    let window = panel_window("model", ModelRef::default_sample());
    for text in [
        "Handwritten digits",
        "Float top-1, stated",
        "CC BY 4.0",
        "UCI Machine Learning",
        "✓ 97.32",
    ] {
        assert!(shows(&window, text), "{text}");
    }
}

#[test]
fn a_figure_that_does_not_hold_is_marked() {
    let metric = json!({"name": "top1", "value": 0.125, "samples": 4, "split": "eval"});
    with_card(json!({"title": "Wrong", "metric": metric}), |window| {
        assert!(shows(window, "12.50 %"));
        assert!(shows(window, "✕ "));
    });
}

#[test]
fn a_proposed_scheme_is_set_by_a_click() {
    let tries = ["Set `int:bits=3` and look.", "Nothing to click: `fc`."];
    with_card(json!({"title": "Try me", "try": tries}), |window| {
        click_button(window, "Set all layers to int:bits=3");
        assert_eq!(spec(window), "int:bits=3");
        assert_eq!(session(window).history().undo_label(), Some("fc: bits 8 → 3"));
    });
}

#[test]
fn a_file_without_a_card_says_how_to_give_it_one() {
    let folder = tempfile::tempdir().unwrap();
    let path =
        FileBuilder::new().floats("w", &[2, 2], &[1.0; 4]).write(folder.path(), "bare.safetensors");
    let window = panel_window("model", ModelRef::Path(path));
    assert!(shows(&window, "quantscope.card"));
}

#[test]
fn without_a_model_the_panel_says_what_will_stand_there() {
    let window = panel_window("model", ModelRef::Path("/nowhere/at/all".into()));
    assert!(shows(&window, "What it is and where it is from."));
}
