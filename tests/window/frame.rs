//! The frame, the first panels and what is opened.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use egui::accesskit::Role;
use egui::{Key, Modifiers};
use egui_kittest::kittest::{NodeT, Queryable};
use quantscope::eval::Sqnr;
use quantscope::model::FoldMode;
use quantscope::session::{Command, Loaded, ModelRef};
use serde_json::json;

use super::drive::{
    Window, click, click_button, open_combo, press, selected_layer, session, settle, shows, spec,
    spin, window, window_of,
};
use super::support::{self, FileBuilder, graph, node};

#[test]
fn the_sample_opens_with_its_figures() {
    let window = window();
    assert!(shows(&window, "Handwritten digits"));
    for text in ["dB SQNR", "97.3 %", "897 samples", "Broken / fixed", "McNemar p", "Ready"] {
        assert!(shows(&window, text), "{text} is not on the screen");
    }
    assert!(session(&window).accuracy().ready().is_some());
    assert_eq!(selected_layer(&window), "res.conv1");
}

#[test]
fn layers_are_selected_by_click_and_key() {
    let mut window = window();
    click(&mut window, "fc");
    assert_eq!(selected_layer(&window), "fc");
    press(&mut window, Modifiers::NONE, Key::ArrowUp);
    assert_eq!(selected_layer(&window), "res.conv2");
    press(&mut window, Modifiers::NONE, Key::ArrowDown);
    press(&mut window, Modifiers::NONE, Key::ArrowDown);
    assert_eq!(selected_layer(&window), "fc", "the last stays the last");
}

#[test]
fn bits_change_and_come_back() {
    let mut window = window();
    click_button(&mut window, "Bits: one less");
    assert_eq!(spec(&window), "int:bits=7");
    click_button(&mut window, "Bits: one more");
    press(&mut window, Modifiers::NONE, Key::OpenBracket);
    press(&mut window, Modifiers::NONE, Key::OpenBracket);
    assert_eq!(spec(&window), "int:bits=6");
    press(&mut window, Modifiers::NONE, Key::CloseBracket);
    assert_eq!(spec(&window), "int:bits=7");
    press(&mut window, Modifiers::COMMAND, Key::Z);
    assert_eq!(spec(&window), "int:bits=6");
    click_button(&mut window, "Undo");
    assert_eq!(spec(&window), "int:bits=7");
    click_button(&mut window, "Redo");
    assert_eq!(spec(&window), "int:bits=6");
    press(&mut window, Modifiers::COMMAND | Modifiers::SHIFT, Key::Z);
    assert_eq!(spec(&window), "int:bits=7");
}

#[test]
fn the_slider_and_the_numbers_set_bits() {
    let mut window = window();
    window.get_by_label("Bits slider").set_value_accesskit(3.0);
    settle(&mut window);
    assert_eq!(spec(&window), "int:bits=3");
    window.get_by_label("Bits of fc").set_value_accesskit(5.0);
    settle(&mut window);
    let session = session(&window);
    let fc = session.network().unwrap().layer_idx("fc").unwrap();
    assert_eq!(session.choice(fc).to_string(), "int:bits=5");
    let Loaded::Ready(figures) = session.layer_figures(fc) else { panic!("not settled") };
    assert!(matches!(figures.sqnr(), Sqnr::Db(db) if db > 15.0));
}

/// Finds the scheme in the list by its name.
fn choose_scheme(window: &mut Window, name: &str) {
    open_combo(window, "Scheme");
    window.get_by_label("Search schemes").type_text(name);
    settle(window);
    click_button(window, name);
}

#[test]
fn every_setting_has_its_control() {
    let mut window = window();
    click_button(&mut window, "Asymmetric");
    click_button(&mut window, "Group");
    assert_eq!(spec(&window), "int:symmetry=asymmetric,granularity=per-group");
    spin(&mut window, "Group size", 16.0);
    settle(&mut window);
    assert!(spec(&window).ends_with("group-size=16"), "{}", spec(&window));
    click_button(&mut window, "More settings");
    open_combo(&mut window, "Kept axis");
    click_button(&mut window, "1");
    assert!(spec(&window).contains("axis=1"), "{}", spec(&window));
    click_button(&mut window, "Tensor");
    assert!(!shows(&window, "Group size"), "it has no effect any more");
    click_button(&mut window, "Symmetric");
    click_button(&mut window, "Full");
    assert!(spec(&window).contains("symmetric-full"));
    open_combo(&mut window, "Range");
    click_button(&mut window, "Percentile");
    spin(&mut window, "Percentile", 99.0);
    assert!(spec(&window).contains("range=percentile,percentile=99"), "{}", spec(&window));
    open_combo(&mut window, "Range");
    click_button(&mut window, "MSE-optimal");
    assert!(spec(&window).contains("range=mse"));
    open_combo(&mut window, "Range");
    click_button(&mut window, "By hand");
    spin(&mut window, "Clip ±", 0.125);
    assert!(spec(&window).contains("range=manual"), "{}", spec(&window));
    assert!(shows(&window, "clipping"), "most weights are clipped");
    choose_scheme(&mut window, "Float (keep)");
    assert_eq!(spec(&window), "float");
    assert!(shows(&window, "Exact: no error"));
    choose_scheme(&mut window, "Integer (int)");
    assert_eq!(spec(&window), "int");
}

#[test]
fn one_choice_for_all_layers() {
    let mut window = window();
    click_button(&mut window, "Channel");
    window.get_by_label("Bits slider").set_value_accesskit(4.0);
    settle(&mut window);
    click_button(&mut window, "Apply to all 6 layers");
    let session = session(&window);
    let specs: Vec<String> = (0..6).map(|idx| session.choice(idx).to_string()).collect();
    assert_eq!(specs, vec!["int:bits=4,granularity=per-channel".to_owned(); 6]);
    let accuracy = session.accuracy();
    let correct = accuracy.ready().unwrap().quantized.unwrap().value * 897.0;
    assert!((correct - 843.0).abs() < 3.5, "{correct}");
    press(&mut window, Modifiers::COMMAND, Key::Z);
    assert_eq!(session_spec(&window, "fc"), "int");
}

fn session_spec(window: &Window, layer: &str) -> String {
    let session = session(window);
    session.choice(session.network().unwrap().layer_idx(layer).unwrap()).to_string()
}

#[test]
fn channels_are_walked_through() {
    let mut window = window();
    let channel = |window: &Window| session(window).selection().channel_idx;
    click_button(&mut window, "Next channel");
    click_button(&mut window, "Next channel");
    assert_eq!(channel(&window), Some(1));
    click_button(&mut window, "Previous channel");
    assert_eq!(channel(&window), Some(0));
    assert!(shows(&window, "Result on channel 0"));
    spin(&mut window, "Channel", 11.0);
    assert_eq!(channel(&window), Some(10));
    press(&mut window, Modifiers::NONE, Key::ArrowRight);
    assert_eq!(channel(&window), Some(11));
    click_button(&mut window, "All channels");
    assert_eq!(channel(&window), None);
    click(&mut window, "SQNR of each channel");
    assert_eq!(channel(&window), Some(16), "a click on the middle of 32 bars");
    click_button(&mut window, "Log");
    click_button(&mut window, "Lin");
}

#[test]
fn layers_are_filtered() {
    let mut window = window();
    click(&mut window, "Filter layers");
    window.get_by_label("Filter layers").type_text("conv1");
    settle(&mut window);
    assert!(shows(&window, "1 of 6 layers"));
    window.get_by_label("Filter layers").type_text("zzz");
    settle(&mut window);
    assert!(shows(&window, "Nothing found"));
}

#[test]
fn folding_is_switched_and_undone() {
    let mut window = window();
    let mode = |window: &Window| session(window).network().unwrap().fold_mode;
    // It stands below what the panel has room for.
    window.get_by_label("Fold batch norm").click_accesskit();
    settle(&mut window);
    assert_eq!(mode(&window), FoldMode::Keep);
    assert!(shows(&window, "0 folded"));
    click_button(&mut window, "Undo");
    assert_eq!(mode(&window), FoldMode::Fold);
}

#[test]
fn menus_work() {
    let mut window = window();
    click_button(&mut window, "View");
    window.get_all_by_label("Light theme").next().unwrap().click();
    settle(&mut window);
    assert_eq!(window.ctx.theme(), egui::Theme::Light);
    click_button(&mut window, "Dark theme");
    assert_eq!(window.ctx.theme(), egui::Theme::Dark);
    click_button(&mut window, "Bits: one less");
    click_button(&mut window, "Edit");
    window.get_by_label_contains("Undo “").click();
    settle(&mut window);
    assert_eq!(spec(&window), "int");
    click_button(&mut window, "View");
    click_button(&mut window, "Compute again");
    click_button(&mut window, "File");
    window.get_by_label_contains("Sample models").hover();
    settle(&mut window);
    click_button(&mut window, "Handwritten digits, 8 × 8");
    assert!(session(&window).opened().is_some());
}

/// Types a path into the field that stands in for a file dialog.
fn open_path(window: &mut Window, path: &Path) {
    if window.query_by_label("Path").is_none() {
        click_button(window, "File");
        click_button(window, "Open path…");
    }
    press(window, Modifiers::COMMAND, Key::A);
    window.get_by_label("Path").type_text(path.to_str().unwrap());
    settle(window);
    click_button(window, "Open");
}

#[test]
fn a_bad_file_leaves_the_session_as_it_was() {
    let mut window = window();
    click_button(&mut window, "Bits: one less");
    let folder = tempfile::tempdir().unwrap();
    let bad = support::write(folder.path(), "bad.safetensors", b"nonsense");
    open_path(&mut window, &bad);
    assert!(window.state().last_failure().unwrap().contains("bad.safetensors"));
    assert_eq!(spec(&window), "int:bits=7", "nothing is lost");
    let good = support::project("sample_models/digits/model.onnx");
    open_path(&mut window, &good);
    assert_eq!(session(&window).network().unwrap().model.format, "onnx");
    assert_eq!(spec(&window), "int");
}

#[derive(Debug)]
struct Dropped(PathBuf);

impl egui::DroppedFile for Dropped {
    fn path(&self) -> &Path {
        &self.0
    }

    fn bytes(&self) -> Result<Vec<u8>, String> {
        std::fs::read(&self.0).map_err(|error| error.to_string())
    }
}

#[test]
fn files_are_dropped() {
    let mut window = window();
    let drop_file = |window: &mut Window, path: PathBuf| {
        window.input_mut().dropped_files.push(Arc::new(Dropped(path)));
        settle(window);
    };
    drop_file(&mut window, support::project("sample_models/digits/train.safetensors"));
    assert_eq!(session(&window).samples().unwrap().len(), 772);
    assert!(session(&window).accuracy().ready().is_some());
    let folder = tempfile::tempdir().unwrap();
    let other = support::dense_samples().write(folder.path(), "other.safetensors");
    drop_file(&mut window, other);
    assert!(window.state().last_failure().unwrap().contains("other.safetensors"));
    assert_eq!(session(&window).samples().unwrap().len(), 772, "the set in use stays");
    drop_file(&mut window, support::project("sample_models/digits"));
    assert_eq!(session(&window).samples().unwrap().len(), 897);
}

#[test]
fn weights_that_are_not_numbers_are_told_and_mended() {
    let folder = tempfile::tempdir().unwrap();
    let path = FileBuilder::new()
        .floats("w", &[2, 3], &[1.0, f32::NAN, 0.5, -1.0, 0.25, 0.1])
        .write(folder.path(), "nan.safetensors");
    let mut window = window_of(ModelRef::Path(path));
    assert!(shows(&window, "Not quantized") && shows(&window, "✕ failed"));
    assert!(shows(&window, "No graph in the file"), "the first thing that is missing");
    click_button(&mut window, "As zero");
    assert!(shows(&window, "dB SQNR"));
    assert_eq!(spec(&window), "int:non-finite=zero");
}

#[test]
fn a_missing_model_says_so_and_offers_others() {
    let window = window_of(ModelRef::Path("/nowhere/model.onnx".into()));
    assert!(shows(&window, "No model is open"));
    assert!(window.state().last_failure().unwrap().contains("/nowhere/model.onnx"));
}

#[test]
fn a_cancelled_job_is_shown_and_starts_anew() {
    let mut window = window();
    let app = window.state_mut();
    let choice = "int3".parse().unwrap();
    app.apply(Command::SetAllChoices(choice));
    window.step();
    let jobs = session(&window).jobs();
    let accuracy = jobs.iter().find(|job| job.label == "Accuracy").map(|job| job.id);
    // On a fast machine it may be done already; then there is nothing to cancel.
    if let Some(id) = accuracy {
        window.state_mut().apply(Command::CancelJob(id));
        assert!(session(&window).accuracy().failure().unwrap().contains("cancelled"));
        settle(&mut window);
        assert!(session(&window).accuracy().failure().is_some(), "it stays cancelled");
        window.state_mut().apply(Command::Retry);
    }
    settle(&mut window);
    assert!(session(&window).accuracy().ready().is_some());
}

/// A chain of 500 dense layers.
fn deep_model() -> FileBuilder {
    let mut file = FileBuilder::new();
    let mut nodes = Vec::new();
    for idx in 0..500 {
        let weight = format!("encoder.layers.{idx}.feed_forward.projection.weight");
        let values: Vec<f32> = (0..64).map(|i| ((i * 7 + idx) % 13) as f32 * 0.02 - 0.1).collect();
        file = file.floats(&weight, &[8, 8], &values);
        let input = if idx == 0 { "input".to_owned() } else { format!("x{idx}") };
        let output = if idx == 499 { "output".to_owned() } else { format!("x{}", idx + 1) };
        let name = format!("encoder.layers.{idx}.feed_forward.projection");
        nodes.push(node(&name, "Gemm", &[&input, &weight], &[&output], json!({})));
    }
    file.graph(&graph(&[8], nodes))
}

#[test]
fn five_hundred_layers_are_listed() {
    let folder = tempfile::tempdir().unwrap();
    let path = deep_model().write(folder.path(), "deep.safetensors");
    let mut window = window_of(ModelRef::Path(path));
    assert!(shows(&window, "500 layers"));
    assert!(session(&window).size().is_some());
    for _ in 0..3 {
        press(&mut window, Modifiers::NONE, Key::ArrowDown);
    }
    assert!(selected_layer(&window).starts_with("encoder.layers.3."));
}

#[test]
fn controls_have_names() {
    let window = window();
    let unnamed: Vec<String> = window
        .get_all_by_role(Role::Button)
        .filter(|button| {
            let node = button.accesskit_node();
            node.label().is_none_or(|label| label.trim().is_empty())
        })
        .map(|button| format!("{:?}", button.rect()))
        .collect();
    assert!(unnamed.is_empty(), "buttons without a name at {unnamed:?}");
}
