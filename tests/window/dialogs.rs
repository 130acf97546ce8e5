//! Paths that fail, messages, what the palette sets, keys that must not act, files dropped.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use egui::accesskit::Role;
use egui::{Key, Modifiers, Order};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT, Queryable};
use quantscope::session::{Command, Keep, ModelRef};
use quantscope::ui::{App, AppOptions};
use serde_json::json;

use super::drive::{
    Window, click_button, key_event, press, selected_layer, session, settle, shows, spec,
    wait_until, window, window_of, window_with_typed_paths,
};
use super::support;

fn text_of(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn type_path(window: &mut Window, text: &str) {
    // A message makes the dialog grow.
    settle(window);
    window.get_by_label("Path").click();
    settle(window);
    press(window, Modifiers::COMMAND, Key::A);
    window.get_by_label("Path").type_text(text);
    settle(window);
}

fn path_typed(window: &Window) -> String {
    window.get_by_label("Path").accesskit_node().value().unwrap_or_default()
}

fn is_typing(window: &Window) -> bool {
    window.query_by_label("Path").is_some()
}

fn open_path(window: &mut Window, text: &str) {
    if !is_typing(window) {
        press(window, Modifiers::COMMAND, Key::L);
    }
    type_path(window, text);
    click_button(window, "Open");
    wait_until(window, |window| !shows(window, "Opening…"));
}

fn palette(window: &mut Window, text: &str) {
    press(window, Modifiers::COMMAND, Key::K);
    window.get_by_label("Search commands").type_text(text);
    settle(window);
    press(window, Modifiers::NONE, Key::Enter);
}

#[test]
fn a_failed_open_stays_to_be_corrected() {
    let folder = tempfile::tempdir().unwrap();
    let model = support::dense_model().write(folder.path(), "small.safetensors");
    let mut window = window_with_typed_paths();
    let wrong = folder.path().join("smal.safetensors");
    open_path(&mut window, text_of(&wrong));
    assert!(shows(&window, "smal.safetensors: there is no such file or folder; check the path"));
    assert_eq!(path_typed(&window), text_of(&wrong));
    assert!(!shows(&window, "os error"), "that is a detail");
    click_button(&mut window, "Details");
    assert!(shows(&window, "os error 2"));
    click_button(&mut window, "Hide details");
    type_path(&mut window, text_of(&model));
    assert!(!shows(&window, "check the path"), "the text is another now");
    click_button(&mut window, "Open");
    wait_until(&mut window, |window| !is_typing(window));
    assert_eq!(session(&window).network().unwrap().model.title, "small");
}

#[test]
fn a_failed_save_stays_to_be_corrected() {
    let folder = tempfile::tempdir().unwrap();
    let mut window = window_with_typed_paths();
    press(&mut window, Modifiers::COMMAND, Key::S);
    assert!(path_typed(&window).ends_with("digits.recipe.json"));
    type_path(&mut window, "/nowhere/at/all/r.json");
    click_button(&mut window, "Save");
    assert!(shows(&window, "there is no folder /nowhere/at/all; make it or choose another"));
    let good = folder.path().join("r.json");
    type_path(&mut window, text_of(&good));
    click_button(&mut window, "Save");
    assert!(good.is_file() && !is_typing(&window));
    palette(&mut window, "Show Channels");
    click_button(&mut window, "More for Channels");
    click_button(&mut window, "Save picture…");
    settle(&mut window);
    assert!(path_typed(&window).ends_with("digits-channels.png"), "{}", path_typed(&window));
    // The stem is selected: what is typed replaces it, and the ending stays.
    window.get_by_label("Path").type_text("mine");
    settle(&mut window);
    assert!(path_typed(&window).ends_with("/mine.png"), "{}", path_typed(&window));
    type_path(&mut window, "/nowhere/at/all/p.png");
    click_button(&mut window, "Save");
    wait_until(&mut window, |window| shows(window, "p.png cannot be written"));
    let good = folder.path().join("p.png");
    type_path(&mut window, text_of(&good));
    click_button(&mut window, "Save");
    wait_until(&mut window, |window| !is_typing(window));
    assert!(good.is_file());
}

/// Every wrong thing that a person may name, and what the window says of it.
#[test]
fn wrong_things_are_named_with_the_way_out() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| support::write(folder.path(), name, bytes);
    let empty = folder.path().join("empty folder");
    std::fs::create_dir(&empty).unwrap();
    let recipe = |text: serde_json::Value| text.to_string().into_bytes();
    let other = recipe(json!({
        "quantscope_recipe": 1,
        "model": {"title": "Another net", "file": "another.onnx", "fingerprint":
            {"format": "onnx", "tensors": 3, "bytes": 9, "sha256": "0"}},
        "layers": {"elsewhere": "int4"},
    }));
    let unfit = support::dense_samples().bytes();
    let cases: Vec<(PathBuf, [&str; 2])> = vec![
        (
            write("notes.txt", b"hello there"),
            ["reads as plain text", "open a GGUF, safetensors or ONNX file"],
        ),
        (write("page.onnx", b"<!DOCTYPE html>"), ["a web page", "download the file itself"]),
        (write("a.zip", b"PK\x03\x04....."), ["a ZIP archive", "unpack it"]),
        (write("nothing.onnx", b""), ["the file is empty", "fetch or export it again"]),
        (empty, ["the folder holds no model", "a sub-folder of pictures for each class"]),
        (write("package.json", b"{\"name\": 1}"), ["this is no recipe", "File › Save recipe…"]),
        (write("other.json", &other), ["none of the layers it means", "open Another net"]),
        (write("unfit.safetensors", &unfit), ["unfit.safetensors", "made for this model"]),
        ("/dev/zero".into(), ["a device or a pipe", "choose a file on a disk"]),
        ("/nowhere/m.onnx".into(), ["no such file or folder", "check the path"]),
    ];
    let mut window = window_with_typed_paths();
    for (path, parts) in cases {
        open_path(&mut window, text_of(&path));
        let name = path.file_name().unwrap().to_str().unwrap();
        assert!(is_typing(&window), "{name}: the dialog is gone");
        let failure = window.state().last_failure().unwrap_or("nothing").to_owned();
        assert!(failure.contains(name) && !failure.contains("os error"), "{name}: {failure}");
        assert!(!failure.contains('\n') && shows(&window, &failure), "{name}: {failure}");
        for part in parts {
            assert!(failure.contains(part), "{name}: {part:?} is not in {failure}");
        }
    }
    assert_eq!(session(&window).samples().unwrap().len(), 897, "what is open stays");
}

#[test]
fn a_recipe_of_another_model_that_fits_in_part_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let recipe = json!({
        "quantscope_recipe": 1,
        "model": {"title": "Another net", "file": "another.onnx", "fingerprint":
            {"format": "onnx", "tensors": 3, "bytes": 9, "sha256": "0"}},
        "layers": {"fc": "int4"},
    });
    let path = support::write(folder.path(), "r.json", recipe.to_string().as_bytes());
    let mut window = window();
    window.state_mut().apply(Command::OpenAny(path));
    settle(&mut window);
    assert!(shows(&window, "made for another model, Another net (another.onnx)"));
    assert!(shows(&window, "Edit › Undo takes it back") && !shows(&window, "tensors there"));
    click_button(&mut window, "Details");
    assert!(shows(&window, "3 tensors there"));
}

#[test]
fn tab_and_arrows_in_a_row_stay_in_the_field() {
    let folder = tempfile::tempdir().unwrap();
    let models = folder.path().join("models");
    std::fs::create_dir(&models).unwrap();
    for name in ["a.safetensors", "b.safetensors"] {
        support::dense_model().write(&models, name);
    }
    let mut window = window_with_typed_paths();
    press(&mut window, Modifiers::COMMAND, Key::L);
    type_path(&mut window, &format!("{}/mod", text_of(folder.path())));
    wait_until(&mut window, |window| shows(window, "models/"));
    // All in one frame, and before the folder is read.
    let keys = [Key::Tab, Key::ArrowDown, Key::ArrowDown];
    window.input_mut().events.extend(keys.map(|key| key_event(key, true)));
    window.step();
    window.event(key_event(Key::ArrowUp, true));
    wait_until(&mut window, |window| shows(window, "b.safetensors"));
    assert!(
        window.get_by_label("Path").accesskit_node().is_focused(),
        "the field keeps the keyboard"
    );
    press(&mut window, Modifiers::NONE, Key::ArrowDown);
    press(&mut window, Modifiers::NONE, Key::Enter);
    wait_until(&mut window, |window| !is_typing(window));
    assert_eq!(session(&window).network().unwrap().model.title, "b");
}

#[test]
fn messages_lie_bottom_right_under_menus_and_are_closed() {
    let mut window = window();
    window.state_mut().apply(Command::Open(ModelRef::Path("/nowhere/model.onnx".into())));
    settle(&mut window);
    let message = window.get_by_label_contains("/nowhere/model.onnx").rect();
    assert!(message.left() > 1200.0 && message.bottom() < 1000.0 - 32.0 && message.top() > 700.0);
    let layer = window.ctx.layer_id_at(message.center()).unwrap();
    assert!(layer.order < Order::Foreground, "menus and dialogs lie above it");
    click_button(&mut window, "Details");
    assert!(shows(&window, "os error 2"));
    click_button(&mut window, "Close message");
    assert!(!shows(&window, "/nowhere/model.onnx"));
    assert!(shows(&window, "1 message"), "it is kept");
}

#[test]
fn the_palette_takes_words_and_numbers() {
    let mut window = window();
    for (words, expected) in [
        ("bits 6", "int:bits=6"),
        ("4 bits", "int:bits=4"),
        ("asymmetric", "int:bits=4,symmetry=asymmetric"),
        ("symmetry symmetric", "int:bits=4"),
        ("per channel", "int:bits=4,granularity=per-channel"),
        ("group 64", "int:bits=4,granularity=per-group,group-size=64"),
        ("per tensor", "int:bits=4"),
        ("percentile 99.5", "int:bits=4,range=percentile,percentile=99.5"),
        ("range mse", "int:bits=4,range=mse"),
    ] {
        palette(&mut window, words);
        assert_eq!(spec(&window), expected, "{words}");
    }
    press(&mut window, Modifiers::COMMAND, Key::A);
    palette(&mut window, "bits 5");
    assert!((0..6).all(|idx| session(&window).choice(idx).bits() == Some(5)), "all selected");
    palette(&mut window, "channel 3");
    assert_eq!(session(&window).selection().channel_idx, Some(3));
    palette(&mut window, "block1.dw");
    assert_eq!(selected_layer(&window), "block1.dw");
}

#[test]
fn plain_keys_act_only_alone() {
    let mut window = window();
    let is_locked =
        |window: &Window| session(window).is_locked(session(window).selection().layer_idx);
    press(&mut window, Modifiers::NONE, Key::K);
    assert!(is_locked(&window));
    press(&mut window, Modifiers::NONE, Key::K);
    for modifiers in [Modifiers::SHIFT, Modifiers::ALT] {
        press(&mut window, modifiers, Key::K);
        assert!(!is_locked(&window), "{modifiers:?}");
    }
    // As where the system tells of Ctrl too late: the key comes bare, but types nothing.
    window.event(key_event(Key::K, true));
    settle(&mut window);
    assert!(!is_locked(&window));
    // Escape leaves the field, and what was typed with it is no command.
    window.get_by_label("Filter layers").click();
    settle(&mut window);
    let keys =
        [key_event(Key::Escape, true), key_event(Key::K, true), egui::Event::Text("k".into())];
    window.input_mut().events.extend(keys);
    window.step();
    settle(&mut window);
    assert!(!is_locked(&window));
    press(&mut window, Modifiers::COMMAND, Key::K);
    assert!(window.query_by_label("Search commands").is_some() && !is_locked(&window));
}

#[test]
fn escape_leaves_an_enlarged_panel() {
    let mut window = window();
    click_button(&mut window, "Enlarge Layers");
    assert!(window.query_by_label("Shrink Layers").is_some());
    window.get_by_label("Filter layers").click();
    settle(&mut window);
    press(&mut window, Modifiers::NONE, Key::Escape);
    assert!(window.query_by_label("Shrink Layers").is_some(), "the field took it");
    press(&mut window, Modifiers::COMMAND, Key::K);
    press(&mut window, Modifiers::NONE, Key::Escape);
    assert!(window.query_by_label("Shrink Layers").is_some(), "the palette took it");
    click_button(&mut window, "More for Layers");
    press(&mut window, Modifiers::NONE, Key::Escape);
    assert!(window.query_by_label("Shrink Layers").is_some(), "the menu took it");
    press(&mut window, Modifiers::NONE, Key::Escape);
    assert!(window.query_by_label("Enlarge Layers").is_some());
}

#[test]
fn leaving_hides_the_window_and_keeps_the_session() {
    let home = tempfile::tempdir().unwrap();
    let options = AppOptions { model: ModelRef::default_sample(), only_panel: None };
    let keep = Keep::In(home.path().to_owned());
    let mut window: Window = Harness::builder()
        .with_size([1600.0, 1000.0])
        .build_eframe(move |creation| App::new(&creation.egui_ctx, options).kept_in(keep));
    settle(&mut window);
    click_button(&mut window, "Bits: one less");
    let viewport = window.input_mut().viewports.entry(egui::ViewportId::ROOT).or_default();
    viewport.events.push(egui::ViewportEvent::Close);
    window.step();
    let commands = &window.output().viewport_output[&egui::ViewportId::ROOT].commands;
    assert!(commands.contains(&egui::ViewportCommand::Visible(false)), "{commands:?}");
    drop(window);
    let sessions = home.path().join("sessions");
    let kept = std::fs::read_dir(sessions).unwrap().flatten().any(|entry| {
        std::fs::read_to_string(entry.path()).is_ok_and(|text| text.contains("int:bits=7"))
    });
    assert!(kept, "the change is written");
}

#[test]
fn lists_can_be_closed_at_every_size() {
    for size in [[960.0, 600.0], [1280.0, 640.0], [700.0, 360.0]] {
        let options = AppOptions { model: ModelRef::default_sample(), only_panel: None };
        let mut window: Window = Harness::builder()
            .with_size(size)
            .build_eframe(move |creation| App::new(&creation.egui_ctx, options));
        settle(&mut window);
        press(&mut window, Modifiers::NONE, Key::F1);
        let close = window.get_by_role_and_label(Role::Button, "Close").rect();
        assert!(close.bottom() < size[1] && close.top() > 0.0, "{size:?}: {close:?}");
        click_button(&mut window, "Close");
        assert!(!shows(&window, "Keyboard shortcuts"), "{size:?}");
    }
}

#[test]
fn the_start_screen_offers_samples_at_every_size() {
    for size in [[1024.0, 700.0], [1280.0, 800.0], [2560.0, 1440.0]] {
        let model = ModelRef::Path("/nowhere/m.onnx".into());
        let options = AppOptions { model, only_panel: None };
        let mut window: Window = Harness::builder()
            .with_size(size)
            .build_eframe(move |creation| App::new(&creation.egui_ctx, options).with_typed_paths());
        settle(&mut window);
        click_button(&mut window, "Path…");
        assert!(is_typing(&window), "{size:?}");
        press(&mut window, Modifiers::NONE, Key::Escape);
        let card = window.get_by_label("Handwritten digits, 8 × 8").rect();
        assert!(card.right() < size[0] && card.bottom() < size[1], "{size:?}: {card:?}");
        click_button(&mut window, "Handwritten digits, 8 × 8");
        assert!(session(&window).opened().is_some(), "{size:?}");
    }
}

#[derive(Debug)]
struct Dropped(PathBuf);

impl egui::DroppedFile for Dropped {
    fn path(&self) -> &Path {
        &self.0
    }

    fn bytes(&self) -> Result<Vec<u8>, String> {
        Err("is not asked for".to_owned())
    }
}

fn hover(window: &mut Window, paths: &[&Path]) {
    let file = |path: &&Path| egui::HoveredFile {
        path: Some(path.to_path_buf()),
        ..egui::HoveredFile::default()
    };
    window.input_mut().hovered_files = paths.iter().map(file).collect();
    window.step();
}

fn drop_files(window: &mut Window, paths: &[&Path]) {
    window.input_mut().hovered_files.clear();
    for path in paths {
        window.input_mut().dropped_files.push(Arc::new(Dropped(path.to_path_buf())));
    }
    settle(window);
}

#[test]
fn files_held_over_the_window_are_told_apart_and_opened() {
    let folder = tempfile::tempdir().unwrap();
    let text = json!({"quantscope_recipe": 1, "layers": {"fc": "int3"}}).to_string();
    let recipe = support::write(folder.path(), "r.json", text.as_bytes());
    let unknown = support::write(folder.path(), "notes.txt", b"hello");
    let digits = support::project("sample_models/digits");
    let (model, set) = (digits.join("model.onnx"), digits.join("calibration.safetensors"));
    let pictures = support::project("tests/data/import/pictures");
    let mut window = window();
    for (path, words) in [
        (&model, "opens as the model"),
        (&set, "becomes the samples that accuracy is measured on"),
        (&recipe, "is applied to the open model as its recipe"),
        (&pictures, "is made into samples for the open model"),
        (&unknown, "is no model, sample set, recipe or folder of pictures"),
    ] {
        hover(&mut window, &[path.as_path()]);
        wait_until(&mut window, |window| shows(window, words));
    }
    drop_files(&mut window, &[&set]);
    assert_eq!(session(&window).samples().unwrap().name, "calibration.safetensors");
    assert!(!shows(&window, "Drop to"), "nothing is held any more");
    drop_files(&mut window, &[&recipe]);
    let fc = session(&window).network().unwrap().layer_idx("fc").unwrap();
    assert_eq!(session(&window).choice(fc).to_string(), "int:bits=3");
    drop_files(&mut window, &[&pictures]);
    assert!(shows(&window, "Import samples"));
    drop_files(&mut window, &[&model]);
    assert!(session(&window).import().is_none());
    assert!(session(&window).opened().unwrap().reference.label().ends_with("model.onnx"));
    drop_files(&mut window, &[&unknown]);
    assert!(window.state().last_failure().unwrap().contains("plain text"));
}

#[test]
fn a_model_dropped_with_what_is_for_it_comes_first() {
    let folder = tempfile::tempdir().unwrap();
    let text = json!({"quantscope_recipe": 1, "layers": {"fc": "int3"}}).to_string();
    let recipe = support::write(folder.path(), "a.json", text.as_bytes());
    let digits = support::project("sample_models/digits");
    let (model, set) = (digits.join("model.onnx"), digits.join("calibration.safetensors"));
    let mut window = window_of(ModelRef::Path("/nowhere/m.onnx".into()));
    hover(&mut window, &[&set, &recipe]);
    wait_until(&mut window, |window| shows(window, "needs its model"));
    drop_files(&mut window, &[&set, &recipe, &model]);
    let opened = session(&window);
    assert_eq!(opened.samples().unwrap().name, "calibration.safetensors");
    let fc = opened.network().unwrap().layer_idx("fc").unwrap();
    assert_eq!(opened.choice(fc).to_string(), "int:bits=3");
    // Two models at once: one opens, the other is named.
    let other = support::dense_model().write(folder.path(), "other.safetensors");
    drop_files(&mut window, &[&model, &other]);
    assert!(shows(&window, "only one model is open at a time"));
}

#[test]
fn a_file_dropped_on_an_open_dialog_is_taken_by_it() {
    let folder = tempfile::tempdir().unwrap();
    let unknown = support::write(folder.path(), "notes.txt", b"hello");
    let model = support::dense_model().write(folder.path(), "small.safetensors");
    let mut window = window_with_typed_paths();
    press(&mut window, Modifiers::COMMAND, Key::S);
    hover(&mut window, &[&unknown]);
    wait_until(&mut window, |window| shows(window, "goes into the field"));
    drop_files(&mut window, &[&unknown]);
    assert_eq!(path_typed(&window), text_of(&unknown));
    press(&mut window, Modifiers::NONE, Key::Escape);
    press(&mut window, Modifiers::COMMAND, Key::L);
    drop_files(&mut window, &[&unknown]);
    assert!(is_typing(&window) && shows(&window, "plain text"));
    drop_files(&mut window, &[&model]);
    assert!(!is_typing(&window));
    assert_eq!(session(&window).network().unwrap().model.title, "small");
    press(&mut window, Modifiers::COMMAND, Key::K);
    drop_files(&mut window, &[&support::project("sample_models/digits/model.onnx")]);
    assert!(window.query_by_label("Search commands").is_none());
}

#[test]
fn the_field_for_a_path_says_what_is_opened() {
    let mut window = window_with_typed_paths();
    for (entry, title, help) in [
        ("Open model…", "Open model", "A model's file, or a folder with one"),
        ("Open samples…", "Open samples", "A sample set for the open model"),
        ("Load recipe…", "Load recipe", "A recipe for the open model"),
    ] {
        click_button(&mut window, "File");
        window.get_by_label_contains(entry).click();
        settle(&mut window);
        assert!(window.query_by_label(title).is_some() && shows(&window, help), "{entry}");
        click_button(&mut window, "Cancel");
    }
}
