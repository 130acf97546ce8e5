//! The dialog that makes a sample set of a person's own data.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use egui::accesskit::Role;
use egui::{Key, Modifiers};
use egui_kittest::kittest::{NodeT, Queryable};
use quantscope::eval::import::{Colour, Fit, Layout, Scaling};
use quantscope::eval::{SampleSet, Split};
use quantscope::session::{Command, ImportSource, ImportStage};

use super::drive::{
    Window, click, click_button, open_combo, press, session, settle, shows, spin, window,
};
use super::support;

fn data(name: &str) -> PathBuf {
    support::project("tests/data/import").join(name)
}

fn start(window: &mut Window, path: &Path) {
    window.state_mut().apply(Command::StartImport(path.to_owned()));
    settle(window);
}

fn source(window: &Window) -> &ImportSource {
    session(window).import().unwrap().source.as_ref().unwrap()
}

/// Chooses an entry of a combo box by its name.
fn choose(window: &mut Window, combo: &str, entry: &str) {
    open_combo(window, combo);
    click_button(window, entry);
}

#[test]
fn a_folder_becomes_the_set_in_use() {
    let mut window = window();
    start(&mut window, &data("pictures"));
    for text in [
        "Import samples",
        "Pictures by class",
        "As the network sees them",
        "0.00–1.00",
        "Each of the 3 sub-folders is a class.",
        "digits eval, in use now, has values from 0.00 to 1.00",
        "6 samples",
        "All of them.",
        "Sample 6",
    ] {
        assert!(shows(&window, text), "{text} is not on the screen");
    }
    click_button(&mut window, "Crop");
    assert_eq!(source(&window).settings.fit, Fit::CentreCrop);
    click_button(&mut window, "Nearest");
    choose(&mut window, "Scaling", "−1 … 1");
    assert_eq!(source(&window).settings.scaling, Scaling::Signed);
    assert!(shows(&window, "−1.00 … 1.00"));
    choose(&mut window, "Scaling", "By hand");
    assert!(shows(&window, "−1.00 … 1.00"), "it starts with the numbers that held");
    spin(&mut window, "Divide by", 255.0);
    spin(&mut window, "Subtract", 0.0);
    assert!(shows(&window, "0.00–1.00"));
    choose(&mut window, "Classes", "Names in order");
    spin(&mut window, "Samples", 3.0);
    assert!(shows(&window, "3 samples"));
    click_button(&mut window, "All");
    assert_eq!(source(&window).settings.limit, None);
    click_button(&mut window, "Calibration");
    assert_eq!(source(&window).settings.split, Split::Calibration);
    click_button(&mut window, "Use once");
    assert!(session(&window).import().is_none());
    let session = session(&window);
    assert_eq!(session.samples().unwrap().len(), 6);
    assert_eq!(session.accuracy().ready().unwrap().n_samples, 6);
}

#[test]
fn a_set_is_saved_and_used() {
    let folder = tempfile::tempdir().unwrap();
    let npz = folder.path().join("mine.npz");
    std::fs::copy(data("same.npz"), &npz).unwrap();
    let mut window = window();
    start(&mut window, &npz);
    choose(&mut window, "Part", "x_train");
    assert!(shows(&window, "2 samples"));
    choose(&mut window, "Part", "x_test");
    choose(&mut window, "Order", "Row, column, channel");
    assert_eq!(source(&window).settings.layout, Layout::ChannelsLast);
    assert!(shows(&window, "These settings do not work") && shows(&window, "✕ failed"));
    assert!(shows(&window, "choose another order of dimensions"));
    choose(&mut window, "Order", "Row, column");
    assert!(shows(&window, "6 samples"));
    click_button(&mut window, "Save as sample set…");
    click_button(&mut window, "Back");
    click_button(&mut window, "Save as sample set…");
    let field = window.get_by_role_and_label(Role::TextInput, "Path of the sample set");
    let suggested = folder.path().join("mine.eval.safetensors");
    assert_eq!(field.accesskit_node().value().as_deref(), suggested.to_str());
    click_button(&mut window, "Save and use");
    assert!(session(&window).import().is_none());
    assert_eq!(session(&window).samples().unwrap().path.as_deref(), Some(suggested.as_path()));
    assert_eq!(SampleSet::open(&suggested).unwrap().len(), 6);
}

#[test]
fn a_set_that_cannot_be_saved_stays() {
    let mut window = window();
    start(&mut window, &data("same.npz"));
    let save_to = Some(PathBuf::from("/nowhere/at/all.safetensors"));
    window.state_mut().apply(Command::FinishImport { save_to });
    settle(&mut window);
    assert!(window.state().last_failure().unwrap().contains("choose another place"));
    assert_eq!(session(&window).import().unwrap().stage, ImportStage::Ready);
    assert_eq!(session(&window).samples().unwrap().len(), 897);
}

#[test]
fn a_table_has_its_own_settings() {
    let mut window = window();
    start(&mut window, &data("same.csv"));
    assert!(shows(&window, "Column \"label\" is named as labels are."));
    choose(&mut window, "First row", "A sample");
    assert!(shows(&window, "These settings do not work"), "names are no numbers");
    choose(&mut window, "First row", "Names of columns");
    assert!(shows(&window, "6 samples"));
    choose(&mut window, "Delimiter", "Semicolon");
    assert!(shows(&window, "✕ failed"));
    choose(&mut window, "Delimiter", "Comma");
    choose(&mut window, "Label column", "None");
    assert!(shows(&window, "a sample holds 65 numbers"), "the label counts as one");
    choose(&mut window, "Left out", "label");
    assert!(shows(&window, "no labels"));
    click_button(&mut window, "Use once");
    assert!(session(&window).samples().unwrap().labels.is_none());
}

#[test]
fn broken_data_is_told_in_the_dialog() {
    let folder = tempfile::tempdir().unwrap();
    let broken = support::write(folder.path(), "broken.npz", b"PK\x03\x04 and then nothing");
    let mut window = window();
    for (path, words) in [
        (folder.path().to_owned(), "a sub-folder of pictures"),
        (broken, "save it again with numpy.savez"),
    ] {
        start(&mut window, &path);
        assert!(shows(&window, "Nothing to import") && shows(&window, words), "{words}");
        let use_once = window.get_by_role_and_label(Role::Button, "Use once");
        assert!(use_once.accesskit_node().is_disabled());
        click_button(&mut window, "Cancel");
        assert!(session(&window).import().is_none());
    }
    assert_eq!(session(&window).samples().unwrap().len(), 897, "the set in use stays");
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

#[test]
fn dropped_data_opens_the_dialog_and_a_model_the_model() {
    let mut window = window();
    let drop_file = |window: &mut Window, path: PathBuf| {
        window.input_mut().dropped_files.push(Arc::new(Dropped(path)));
        settle(window);
    };
    for name in ["pictures", "same.npz", "same.csv", "t10k-images-idx3-ubyte.gz"] {
        drop_file(&mut window, data(name));
        assert!(shows(&window, "Import samples"), "{name}");
        assert_eq!(source(&window).raw.len(), 6, "{name}");
        press(&mut window, Modifiers::NONE, Key::Escape);
        assert!(session(&window).import().is_none(), "{name}");
    }
    drop_file(&mut window, data("pictures"));
    drop_file(&mut window, support::project("sample_models/digits"));
    assert!(session(&window).import().is_none(), "it was for the model before");
    assert_eq!(session(&window).samples().unwrap().len(), 897);
}

#[test]
fn an_import_without_a_model_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let model = support::FileBuilder::new().floats("w", &[2, 2], &[1.0; 4]);
    let path = model.write(folder.path(), "weights.safetensors");
    let mut window = super::drive::window_of(quantscope::session::ModelRef::Path(path));
    start(&mut window, &data("pictures"));
    assert!(window.state().last_failure().unwrap().contains("has no graph"));
    assert!(session(&window).import().is_none());
}

#[test]
fn colours_are_chosen_for_networks_that_take_them() {
    let folder = tempfile::tempdir().unwrap();
    let nodes = vec![
        support::node("flat", "Flatten", &["input"], &["row"], serde_json::json!({})),
        support::node("fc", "MatMul", &["row", "w"], &["output"], serde_json::json!({})),
    ];
    let model = support::FileBuilder::new()
        .floats("w", &[192, 4], &[0.01; 768])
        .graph(&support::graph(&[3, 8, 8], nodes));
    let path = model.write(folder.path(), "colour.safetensors");
    let mut window = super::drive::window_of(quantscope::session::ModelRef::Path(path));
    start(&mut window, &data("colour"));
    assert!(shows(&window, "they have no classes"));
    click_button(&mut window, "BGR");
    assert_eq!(source(&window).settings.colour, Colour::Bgr);
    choose(&mut window, "Scaling", "ImageNet");
    assert!(shows(&window, "4 samples"));
    choose(&mut window, "Scaling", "By hand");
    spin(&mut window, "Divide by, channel 3", 1.0);
    click_button(&mut window, "Use once");
    assert_eq!(session(&window).samples().unwrap().len(), 4);
}

#[test]
fn the_menu_offers_both_kinds_of_source() {
    let mut window = window();
    click_button(&mut window, "File");
    for entry in ["Import pictures…", "Import arrays or tables…"] {
        assert!(shows(&window, entry), "{entry}");
    }
    click(&mut window, "File");
}
