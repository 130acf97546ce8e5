//! What is kept, through the window: recipes, recovery, recent models, paths, the history.

use std::path::Path;

use egui::accesskit::Role;
use egui::{Key, Modifiers};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT, Queryable};
use quantscope::session::{Command, Keep, ModelRef};
use quantscope::ui::{App, AppOptions};

use super::drive::{
    Window, click, click_button, press, session, settle, shows, spec, wait_until, window, window_of,
};
use super::support;

/// A window that keeps things in a folder and asks for paths in its own field.
fn window_in(home: &Path, model: ModelRef, only_panel: Option<&'static str>) -> Window {
    let options = AppOptions { model, only_panel };
    let keep = Keep::In(home.to_owned());
    let mut window = Harness::builder().with_size([1600.0, 1000.0]).build_eframe(move |creation| {
        App::new(&creation.egui_ctx, options).kept_in(keep).with_typed_paths()
    });
    settle(&mut window);
    window
}

fn sample_in(home: &Path) -> Window {
    window_in(home, ModelRef::default_sample(), None)
}

fn wait_for(window: &mut Window, text: &str) {
    wait_until(window, |window| shows(window, text));
}

/// Puts a text into the path field in place of what it holds.
fn type_path(window: &mut Window, text: &str) {
    settle(window);
    press(window, Modifiers::COMMAND, Key::A);
    window.get_by_label("Path").type_text(text);
    settle(window);
}

fn text_of(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn a_recipe_is_saved_and_loaded() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("mine");
    let mut window = sample_in(home.path());
    click_button(&mut window, "Bits: one less");
    press(&mut window, Modifiers::COMMAND, Key::S);
    assert!(shows(&window, "Save recipe"));
    type_path(&mut window, text_of(&path));
    click_button(&mut window, "Save");
    assert!(home.path().join("mine.json").is_file(), "the ending is added");
    click_button(&mut window, "Undo");
    assert_eq!(spec(&window), "int");
    press(&mut window, Modifiers::COMMAND | Modifiers::SHIFT, Key::O);
    assert!(shows(&window, "Load recipe"));
    type_path(&mut window, text_of(&home.path().join("mine.json")));
    click_button(&mut window, "Open");
    assert_eq!(spec(&window), "int:bits=7");
    // The same by the menu, over the file that is there.
    click_button(&mut window, "File");
    window.get_by_label_contains("Save recipe…").click();
    settle(&mut window);
    type_path(&mut window, text_of(&home.path().join("mine.json")));
    wait_for(&mut window, "Replace");
    press(&mut window, Modifiers::NONE, Key::Enter);
    assert!(shows(&window, "There is a file of that name"), "Enter alone replaces nothing");
    click_button(&mut window, "Replace");
    assert!(!shows(&window, "There is a file of that name"));
    click_button(&mut window, "File");
    window.get_by_label_contains("Load recipe…").click();
    settle(&mut window);
    click_button(&mut window, "Cancel");
    assert!(!shows(&window, "A recipe for the open model"));
}

#[test]
fn a_wrong_recipe_changes_nothing() {
    let home = tempfile::tempdir().unwrap();
    let text = r#"{"quantscope_recipe": 1, "layers": {"fc": "int:bits=99"}}"#;
    let path = support::write(home.path(), "wrong.json", text.as_bytes());
    let mut window = sample_in(home.path());
    press(&mut window, Modifiers::COMMAND | Modifiers::SHIFT, Key::O);
    type_path(&mut window, text_of(&path));
    press(&mut window, Modifiers::NONE, Key::Enter);
    let failure = window.state().last_failure().unwrap().to_owned();
    assert!(failure.contains("wrong.json") && failure.contains("from 2 to 16"), "{failure}");
    assert!(session(&window).history().is_empty());
}

#[test]
fn a_session_that_was_left_is_continued_or_dismissed() {
    let home = tempfile::tempdir().unwrap();
    let leave_session = |home: &Path| {
        let mut window = sample_in(home);
        click_button(&mut window, "Bits: one less");
        click_button(&mut window, "Bits: one less");
        assert_eq!(spec(&window), "int:bits=6");
    };
    leave_session(home.path());
    let mut window = sample_in(home.path());
    assert!(shows(&window, "Continue with Handwritten digits"));
    assert!(shows(&window, "2 changes") && shows(&window, "ended unexpectedly"));
    click_button(&mut window, "Continue");
    assert_eq!(spec(&window), "int:bits=6");
    assert!(!shows(&window, "Continue with"));
    click_button(&mut window, "Undo");
    assert_eq!(spec(&window), "int:bits=7");
    drop(window);
    let mut window = sample_in(home.path());
    assert!(shows(&window, "1 change"));
    click_button(&mut window, "Dismiss");
    assert!(!shows(&window, "Continue with"));
    assert_eq!(spec(&window), "int");
    drop(window);
    assert!(!shows(&sample_in(home.path()), "Continue with"), "it is not offered again");
}

#[test]
fn a_lost_model_is_named_in_the_bar() {
    let (home, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let path = support::dense_model().write(folder.path(), "lost.safetensors");
    drop(window_in(home.path(), ModelRef::Path(path.clone()), None));
    std::fs::remove_file(&path).unwrap();
    let window = sample_in(home.path());
    assert!(shows(&window, "cannot be continued") && shows(&window, text_of(&path)));
    let button = window.get_by_role_and_label(Role::Button, "Continue");
    assert!(button.accesskit_node().is_disabled());
}

#[test]
fn recent_models_are_opened_from_the_menu_and_the_empty_screen() {
    let (home, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let path = support::dense_model().write(folder.path(), "small.safetensors");
    drop(window_in(home.path(), ModelRef::Path(path), None));
    let mut window = sample_in(home.path());
    click_button(&mut window, "File");
    window.get_by_label_contains("Open recent").hover();
    settle(&mut window);
    click(&mut window, "Open recent small");
    assert_eq!(session(&window).network().unwrap().model.title, "small");
    let mut empty = window_in(home.path(), ModelRef::Path("/nowhere/m.onnx".into()), None);
    assert!(session(&empty).opened().is_none() && shows(&empty, "Recent"));
    click(&mut empty, "Open recent small");
    assert_eq!(session(&empty).network().unwrap().model.title, "small");
    click_button(&mut empty, "File");
    window_hover(&mut empty, "Open recent");
    click_button(&mut empty, "Clear list");
    assert!(session(&empty).recent().is_empty());
}

fn window_hover(window: &mut Window, label: &str) {
    window.get_by_label_contains(label).hover();
    settle(window);
}

#[test]
fn paths_are_completed() {
    let (home, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let models = folder.path().join("models of mine");
    std::fs::create_dir(&models).unwrap();
    support::dense_model().write(&models, "small.safetensors");
    support::dense_model().write(&models, "smaller.safetensors");
    support::write(&models, "notes.txt", b"x");
    let mut window = sample_in(home.path());
    click_button(&mut window, "File");
    click_button(&mut window, "Open path…");
    type_path(&mut window, &format!("{}/mod", text_of(folder.path())));
    wait_for(&mut window, "models of mine/");
    press(&mut window, Modifiers::NONE, Key::Tab);
    wait_for(&mut window, "smaller.safetensors");
    assert!(!shows(&window, "notes.txt"), "it cannot be opened");
    press(&mut window, Modifiers::NONE, Key::Tab);
    let value = window.get_by_label("Path").accesskit_node().value().unwrap();
    assert!(value.ends_with("/models of mine/small"), "as far as both agree: {value}");
    press(&mut window, Modifiers::NONE, Key::ArrowDown);
    press(&mut window, Modifiers::NONE, Key::ArrowDown);
    press(&mut window, Modifiers::NONE, Key::Enter);
    assert_eq!(session(&window).network().unwrap().model.title, "smaller");
    click_button(&mut window, "File");
    click_button(&mut window, "Open path…");
    wait_for(&mut window, "smaller · ");
    press(&mut window, Modifiers::NONE, Key::ArrowDown);
    press(&mut window, Modifiers::NONE, Key::ArrowUp);
    type_path(&mut window, &format!("{}/no such/", text_of(folder.path())));
    wait_for(&mut window, "there is no such folder");
    type_path(&mut window, &format!("{}/", text_of(&models)));
    wait_for(&mut window, "smaller.safetensors");
    window.get_by_role_and_label(Role::Button, "small.safetensors").click();
    settle(&mut window);
    assert_eq!(session(&window).network().unwrap().model.title, "small");
}

#[test]
fn the_history_goes_to_any_state() {
    let home = tempfile::tempdir().unwrap();
    let mut window = window_in(home.path(), ModelRef::default_sample(), Some("history"));
    assert!(shows(&window, "No changes yet"));
    for _ in 0..3 {
        press(&mut window, Modifiers::NONE, Key::OpenBracket);
    }
    window.state_mut().apply(Command::SetAllChoices("int4".parse().unwrap()));
    settle(&mut window);
    assert!(shows(&window, "State 5 of 5"));
    assert!(shows(&window, "Step 2: res.conv1: bits 7 → 6"));
    assert!(shows(&window, "Step 4: 6 layers: bits 5 … 8 → 4"));
    click_button(&mut window, "Step 1: res.conv1: bits 8 → 7");
    assert_eq!(spec(&window), "int:bits=7");
    assert!(shows(&window, "State 2 of 5"));
    click_button(&mut window, "Step 3: res.conv1: bits 6 → 5");
    assert_eq!(spec(&window), "int:bits=5");
    // By keyboard alone.
    window.get_by_role_and_label(Role::Button, "Step 0: As opened").focus();
    settle(&mut window);
    press(&mut window, Modifiers::NONE, Key::Enter);
    assert_eq!(spec(&window), "int");
    assert!(shows(&window, "State 1 of 5"));
    assert!(shows(&window, "±"), "accuracies that were measured on the way are shown");
    press(&mut window, Modifiers::NONE, Key::Escape);
    window.state_mut().apply(Command::Redo);
    settle(&mut window);
    press(&mut window, Modifiers::NONE, Key::OpenBracket);
    assert!(shows(&window, "State 3 of 3"), "a change drops what was undone");
}

#[test]
fn every_state_that_was_present_has_its_figures() {
    let home = tempfile::tempdir().unwrap();
    let mut window = window_in(home.path(), ModelRef::default_sample(), Some("history"));
    window.state_mut().apply(Command::SetAllChoices("int4".parse().unwrap()));
    settle(&mut window);
    assert!(shows(&window, "State 2 of 2"));
    for text in ["Size", "Bits / weight", "SQNR, dB"] {
        assert!(shows(&window, text), "{text} has no column");
    }
    let figures = |step| session(&window).step_figures(step).model.unwrap();
    let (opened, four) = (figures(0), figures(1));
    assert!(opened.size.quantized_bytes > four.size.quantized_bytes);
    let (before, after) = (opened.sqnr.unwrap().db().unwrap(), four.sqnr.unwrap().db().unwrap());
    assert!(before > after + 20.0, "{before} {after}");
    for state in [opened, four] {
        let bits = quantscope::base::fixed(state.size.bits_per_weight.unwrap(), 2);
        let db = quantscope::base::fixed(state.sqnr.unwrap().db().unwrap(), 1);
        let bytes = quantscope::base::bytes(state.size.quantized_bytes);
        for text in [bits, db, bytes] {
            assert!(window.query_all_by_label(&text).next().is_some(), "{text} is not shown");
        }
    }
}

/// What the history knows of every state: bytes, decibels, and the accuracy.
fn known(window: &Window) -> Vec<(Option<u64>, Option<f64>, Option<f64>)> {
    let session = session(window);
    (0..=session.history().len())
        .map(|step| session.step_figures(step))
        .map(|figures| {
            let db = figures.model.and_then(|model| model.sqnr?.db());
            let accuracy = figures.accuracy.map(|accuracy| accuracy.estimate.value);
            // As text a number may lose its last bit.
            let rounded = |x: f64| (x * 1e9).round();
            let bytes = figures.model.map(|model| model.size.quantized_bytes);
            (bytes, db.map(rounded), accuracy.map(rounded))
        })
        .collect()
}

#[test]
fn figures_of_all_states_are_there_after_continuing() {
    let home = tempfile::tempdir().unwrap();
    let mut window = sample_in(home.path());
    for bits in ["int4", "int3", "int2"] {
        window.state_mut().apply(Command::SetAllChoices(bits.parse().unwrap()));
        settle(&mut window);
    }
    // One of the states was undone.
    press(&mut window, Modifiers::COMMAND, Key::Z);
    let before = known(&window);
    assert_eq!(before.len(), 4);
    assert!(
        before
            .iter()
            .all(|(bytes, db, accuracy)| { bytes.is_some() && db.is_some() && accuracy.is_some() })
    );
    drop(window);
    let mut window = sample_in(home.path());
    click_button(&mut window, "Continue");
    assert_eq!(known(&window), before);
    // Gone on with once more, and other samples have figures of their own.
    drop(window);
    let mut window = sample_in(home.path());
    click_button(&mut window, "Continue");
    assert_eq!(known(&window), before);
    click_button(&mut window, "History");
    assert!(!shows(&window, "not measured"));
    let own = "sample_models/digits/calibration.safetensors";
    window.state_mut().apply(Command::OpenSamples(own.into()));
    settle(&mut window);
    let on_others = known(&window);
    assert!(on_others[0].2.is_none() && on_others[1].2.is_none(), "{on_others:?}");
    assert!(on_others[2].2.is_some(), "the present state is measured anew");
    assert_eq!(on_others[0].0, before[0].0, "the size does not hang on samples");
    window.state_mut().apply(Command::UseOwnSamples);
    settle(&mut window);
    assert_eq!(known(&window), before);
}

#[test]
fn figures_of_other_settings_are_not_taken_back() {
    let home = tempfile::tempdir().unwrap();
    let mut window = sample_in(home.path());
    window.state_mut().apply(Command::SetAllChoices("int4".parse().unwrap()));
    settle(&mut window);
    drop(window);
    let folder = home.path().join("sessions");
    let path = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|ending| ending == "json"))
        .unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("int:bits=4", "int:bits=5")).unwrap();
    let mut window = sample_in(home.path());
    window.state_mut().apply(Command::Recover);
    // Before anything is measured anew.
    wait_until(&mut window, |window| session(window).history().len() == 1);
    assert_eq!(session(&window).choice(0).bits(), Some(5));
    assert!(known(&window)[0].0.is_some(), "the state before the step is as it was");
    settle(&mut window);
    let five = known(&window)[1];
    assert!(five.0.unwrap() > 11_000, "measured with 5 bits, not with 4: {five:?}");
}

#[test]
fn the_view_of_the_layers_is_continued() {
    let home = tempfile::tempdir().unwrap();
    let mut window = sample_in(home.path());
    click_button(&mut window, "Order by SQNR, dB");
    click(&mut window, "Group by block");
    click_button(&mut window, "Bits: one less");
    let top = |window: &Window, layer: &str| {
        window.get_by_label(&format!("Bits of {layer}")).rect().top()
    };
    assert!(shows(&window, "res · 2"));
    drop(window);
    let mut window = sample_in(home.path());
    assert!(!shows(&window, "res · 2"));
    click_button(&mut window, "Continue");
    assert!(shows(&window, "res · 2"), "it is grouped as before");
    assert!(top(&window, "res.conv1") < top(&window, "stem"), "and ordered as before");
}

#[test]
fn without_a_model_the_history_is_empty() {
    let home = tempfile::tempdir().unwrap();
    let missing = ModelRef::Path("/nowhere/m.onnx".into());
    let window = window_in(home.path(), missing, Some("history"));
    assert!(shows(&window, "No model is open"));
    // Nothing is kept by a window that was not told to.
    assert!(!session(&window_of(ModelRef::default_sample())).is_kept());
    assert!(session(&self::window()).recovery().is_none());
}

#[test]
fn all_selected_layers_are_selected_again() {
    let home = tempfile::tempdir().unwrap();
    let mut window = sample_in(home.path());
    window.state_mut().apply(Command::SelectLayers(vec![0, 2, 3]));
    click_button(&mut window, "Bits: one less");
    let selected = session(&window).selected_layers();
    assert!(selected.len() == 3, "{selected:?}");
    drop(window);
    let mut window = sample_in(home.path());
    click_button(&mut window, "Continue");
    assert_eq!(session(&window).selected_layers(), selected);
}

/// A state that was left before it was measured.
#[test]
fn the_state_as_opened_is_measured_for_the_history() {
    let home = tempfile::tempdir().unwrap();
    let mut window = window_in(home.path(), ModelRef::default_sample(), Some("history"));
    for spec in ["int4", "int3"] {
        window.state_mut().apply(Command::SetAllChoices(spec.parse().unwrap()));
    }
    settle(&mut window);
    assert!(session(&window).step_figures(0).model.is_some());
    assert!(session(&window).step_figures(1).model.is_none(), "it was never the present one");
    assert!(shows(&window, "not measured"));
}
