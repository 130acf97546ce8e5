//! File › Export…: formats with what they hold and their sizes, and what is written.

use std::path::Path;

use egui::accesskit::Role;
use egui::{Key, Modifiers};
use egui_kittest::kittest::{NodeT, Queryable};
use quantscope::formats::WRITERS;
use quantscope::session::Command;

use super::drive::{
    Window, click_button, press, session, settle, shows, wait_until, window_with_typed_paths,
};

/// The dialog, open and with all sizes known.
fn dialog() -> Window {
    let mut window = window_with_typed_paths();
    press(&mut window, Modifiers::COMMAND, Key::E);
    wait_until(&mut window, |window| !shows(window, "size being computed"));
    window
}

fn choose(window: &mut Window, name: &str) {
    let wanted = format!("Export as {name}:");
    window.get_by_label_contains(&wanted).click();
    settle(window);
}

fn type_path(window: &mut Window, path: &Path) {
    settle(window);
    window.get_by_label("Path").click();
    settle(window);
    press(window, Modifiers::COMMAND, Key::A);
    window.get_by_label("Path").type_text(path.to_str().unwrap());
    settle(window);
}

fn is_open(window: &Window) -> bool {
    window.query_by_label("Path").is_some()
}

fn can_export(window: &Window) -> bool {
    !window.get_by_role_and_label(Role::Button, "Export").accesskit_node().is_disabled()
}

fn path_typed(window: &Window) -> String {
    window.get_by_label("Path").accesskit_node().value().unwrap_or_default()
}

#[test]
fn every_format_is_listed_with_its_size() {
    let window = dialog();
    for writer in WRITERS {
        assert!(shows(&window, &format!("Export as {}: ", writer.name)), "{}", writer.name);
    }
    assert!(shows(&window, "Export as Recipe (JSON): "));
    assert!(path_typed(&window).ends_with("digits-quantized.safetensors"));
}

#[test]
fn another_format_gives_the_name_another_ending() {
    let mut window = dialog();
    choose(&mut window, "ONNX");
    assert!(path_typed(&window).ends_with("digits-quantized.onnx"), "{}", path_typed(&window));
    choose(&mut window, "Recipe (JSON)");
    assert!(path_typed(&window).ends_with("digits-quantized.json"), "{}", path_typed(&window));
}

#[test]
fn the_file_is_as_large_as_was_said() {
    let folder = tempfile::tempdir().unwrap();
    for (name, file) in [("ONNX", "m.onnx"), ("safetensors", "m.safetensors")] {
        let mut window = dialog();
        choose(&mut window, name);
        let id = WRITERS.iter().find(|writer| writer.name == name).unwrap().id;
        let wanted = session(&window).export_plan(id).ready().unwrap().n_bytes.unwrap();
        let path = folder.path().join(file);
        type_path(&mut window, &path);
        click_button(&mut window, "Export");
        wait_until(&mut window, |window| !is_open(window));
        assert_eq!(std::fs::metadata(&path).unwrap().len(), wanted, "{name}");
        assert!(shows(&window, "wrote "), "it is told");
    }
}

#[test]
fn the_recipe_alone_is_written_and_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut window = dialog();
    choose(&mut window, "Recipe (JSON)");
    let wanted = session(&window).recipe_bytes().unwrap();
    type_path(&mut window, &folder.path().join("mine"));
    click_button(&mut window, "Export");
    wait_until(&mut window, |window| !is_open(window));
    let written = std::fs::metadata(folder.path().join("mine.json")).unwrap();
    assert_eq!(written.len(), wanted);
}

#[test]
fn what_does_not_fit_is_named_and_kept_in_float_only_if_told() {
    let folder = tempfile::tempdir().unwrap();
    let mut window = dialog();
    choose(&mut window, "GGUF");
    assert!(!can_export(&window));
    assert!(shows(&window, "cannot be held as set"));
    assert!(shows(&window, "fc: "), "the layer is named with the reason");
    window.get_by_label("Keep these in float").click();
    settle(&mut window);
    assert!(can_export(&window));
    let path = folder.path().join("m.gguf");
    type_path(&mut window, &path);
    click_button(&mut window, "Export");
    wait_until(&mut window, |window| !is_open(window));
    assert!(path.is_file() && shows(&window, "it cannot hold stay in float"));
}

#[test]
fn a_file_that_is_there_is_asked_about() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.safetensors");
    std::fs::write(&path, b"mine").unwrap();
    let mut window = dialog();
    type_path(&mut window, &folder.path().join("m"));
    wait_until(&mut window, |window| shows(window, "Replace"));
    press(&mut window, Modifiers::NONE, Key::Enter);
    assert!(shows(&window, "There is a file of that name"));
    assert_eq!(std::fs::read(&path).unwrap(), b"mine");
    click_button(&mut window, "Replace");
    wait_until(&mut window, |window| !is_open(window));
    assert!(std::fs::metadata(&path).unwrap().len() > 100);
}

#[test]
fn a_failed_export_stays_to_be_corrected() {
    let mut window = dialog();
    type_path(&mut window, Path::new("/nowhere/at/all/m.safetensors"));
    click_button(&mut window, "Export");
    wait_until(&mut window, |window| shows(window, "cannot be written"));
    assert!(is_open(&window));
    click_button(&mut window, "Cancel");
    assert!(!is_open(&window));
}

#[test]
fn the_menu_has_it_and_without_a_model_it_is_off() {
    let mut window = window_with_typed_paths();
    click_button(&mut window, "File");
    click_button(&mut window, "Export…");
    assert!(shows(&window, "Export as ONNX"));
    press(&mut window, Modifiers::NONE, Key::Escape);
    window.state_mut().apply(Command::SetAllChoices("float".parse().unwrap()));
    settle(&mut window);
    press(&mut window, Modifiers::COMMAND, Key::E);
    wait_until(&mut window, |window| !shows(window, "size being computed"));
    assert!(can_export(&window), "a model in float is written too");
}
