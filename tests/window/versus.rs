//! The panel that compares two recipes.

use egui::accesskit::Role;
use egui::{Key, Modifiers};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT, Queryable};
use quantscope::session::{Command, ModelRef, RivalChoice};
use quantscope::ui::{App, AppOptions};

use super::accuracy::click_and_copy;
use super::drive::{
    Window, click, click_at, click_button, panel_window, press, session, settle, shows, window,
};
use super::support::FileBuilder;

const SHIFT: Modifiers = Modifiers::SHIFT;

fn sample() -> Window {
    panel_window("versus", ModelRef::default_sample())
}

fn sized(width: f32, height: f32) -> Window {
    let options = AppOptions { model: ModelRef::default_sample(), only_panel: Some("versus") };
    let mut window = Harness::builder()
        .with_size([width, height])
        .build_eframe(move |creation| App::new(&creation.egui_ctx, options));
    settle(&mut window);
    window
}

/// B has a layer at three bits, which A has at eight.
fn with_change(mut window: Window) -> Window {
    window.state_mut().apply(Command::SetRival(Some(RivalChoice::Present)));
    change(&mut window, "int:bits=3");
    window
}

fn change(window: &mut Window, spec: &str) {
    window.state_mut().apply(Command::SetChoice {
        layer: "res.conv1".to_owned(),
        choice: spec.parse().unwrap(),
        gesture: quantscope::session::Gesture::Once,
    });
    settle(window);
}

fn spec_of(window: &Window, layer: &str) -> String {
    let session = session(window);
    let layers = &session.network().unwrap().layers;
    let idx = layers.iter().position(|found| found.name == layer).unwrap();
    session.choice(idx).to_string()
}

fn rival_name(window: &Window) -> String {
    session(window).rival().map_or_else(String::new, |rival| rival.name.clone())
}

#[test]
fn without_a_there_are_ways_to_get_one() {
    let mut window = sample();
    assert!(shows(&window, "No recipe is held as A"));
    click_button(&mut window, "Compare with float");
    assert_eq!(rival_name(&window), "float");
    click_button(&mut window, "Let go of A");
    assert!(shows(&window, "No recipe is held as A"));
    click_button(&mut window, "Hold the present recipe");
    assert!(session(&window).rival().is_some());
    assert!(shows(&window, "A and B are the same recipe"));
    click_button(&mut window, "Let go of A");
    click(&mut window, "Choose A");
    click(&mut window, "int 4 everywhere");
    assert_eq!(rival_name(&window), "int 4 everywhere");
}

#[test]
fn both_are_told_with_intervals_and_chance() {
    let window = with_change(sample());
    for text in [
        "■ B · ",
        "B − A",
        "KL to float",
        "Broken / fixed",
        "McNemar p",
        "B differs from A",
        "Same answer",
        "on 897 samples of digits eval (split eval)",
    ] {
        assert!(shows(&window, text), "{text} is not told");
    }
    let versus = session(&window).versus().unwrap();
    let difference = versus.ready().unwrap().difference.unwrap();
    assert!(difference.ci95.1 < 0.0, "three bits cost something: {difference:?}");
}

#[test]
fn the_same_recipe_is_not_told_apart() {
    let mut window = sample();
    click_button(&mut window, "Hold the present recipe");
    assert!(shows(&window, "not told apart from A") && shows(&window, "100.0 %"));
}

#[test]
fn layers_that_differ_are_listed_and_selected() {
    let mut window = with_change(sample());
    assert!(shows(&window, "res.conv1: int 8 → int 3"));
    assert!(!shows(&window, "stem: int 8"));
    click(&mut window, "All 6");
    let row = window.get_by_label("stem: int 8 → int 8").rect();
    click_at(&mut window, row.center());
    let session_now = session(&window);
    let shown = session_now.selection().layer_idx;
    assert_eq!(session_now.network().unwrap().layers[shown].name, "stem");
    click_button(&mut window, "Order layers by Δ, dB");
    let top = |window: &Window, label: &str| window.get_by_label(label).rect().top();
    assert!(
        top(&window, "res.conv1: int 8 → int 3") < top(&window, "stem: int 8 → int 8"),
        "the largest loss first"
    );
    click_button(&mut window, "Order layers by Layer");
    click_button(&mut window, "Order layers by Size");
    assert!(top(&window, "res.conv1: int 8 → int 3") < top(&window, "stem: int 8 → int 8"));
    click(&mut window, "Differing 1");
    assert!(!shows(&window, "stem: int 8"));
}

#[test]
fn a_is_chosen_from_what_was_tried() {
    let mut window = sample();
    change(&mut window, "int:bits=4");
    let id = session(&window).present_id();
    window.state_mut().apply(Command::NameTried { id, name: "four".to_owned() });
    change(&mut window, "int:bits=6");
    click(&mut window, "Choose A");
    assert!(shows(&window, "Tried: int 8 everywhere"));
    click(&mut window, "Tried: four");
    assert_eq!(rival_name(&window), "four");
    assert!(shows(&window, "res.conv1: int 4 → int 6"));
    click(&mut window, "Choose A");
    click(&mut window, "Float");
    assert!(shows(&window, "stem: float → int 8"));
    click(&mut window, "Choose A");
    click(&mut window, "Present as it is now");
    assert!(shows(&window, "A and B are the same recipe"));
}

#[test]
fn keys_hold_and_swap() {
    let mut window = sample();
    press(&mut window, Modifiers::NONE, Key::X);
    assert_eq!(session(&window).history().n_done(), 0, "nothing to swap with");
    press(&mut window, SHIFT, Key::X);
    assert!(session(&window).rival().is_some());
    change(&mut window, "int:bits=3");
    press(&mut window, Modifiers::NONE, Key::X);
    assert_eq!(spec_of(&window, "res.conv1"), "int");
    assert!(shows(&window, "res.conv1: int 3 → int 8"));
    press(&mut window, Modifiers::NONE, Key::X);
    assert_eq!(spec_of(&window, "res.conv1"), "int:bits=3");
    window.state_mut().apply(Command::Undo);
    settle(&mut window);
    assert_eq!(spec_of(&window, "res.conv1"), "int", "a swap is one step");
}

#[test]
fn buttons_hold_and_swap_and_the_palette_knows_both() {
    let mut window = with_change(sample());
    click_button(&mut window, "Swap");
    assert_eq!(spec_of(&window, "res.conv1"), "int");
    click_button(&mut window, "Hold");
    assert!(shows(&window, "A and B are the same recipe"));
    let titles = window.state().palette_titles();
    for name in ["Swap A and B", "Hold the present recipe as A"] {
        assert!(titles.iter().any(|title| title == name), "{name}");
    }
}

#[test]
fn a_letter_that_is_typed_swaps_nothing() {
    let mut window = window();
    window.state_mut().apply(Command::SetRival(Some(RivalChoice::Float)));
    settle(&mut window);
    window.get_by_label("Filter layers").click();
    settle(&mut window);
    press(&mut window, Modifiers::NONE, Key::X);
    assert_eq!(session(&window).history().n_done(), 0);
}

#[test]
fn classes_pay_in_order_and_a_click_shows_their_samples() {
    let mut window = with_change(sample());
    assert!(shows(&window, "Which class pays"));
    let rows: Vec<(f32, String)> = window
        .query_all_by_role(Role::Button)
        .filter_map(|node| Some((node.rect().top(), node.accesskit_node().label()?)))
        .filter(|(_, label)| label.contains(", B − A: "))
        .collect();
    assert_eq!(rows.len(), 10, "{rows:?}");
    let first = rows.iter().min_by(|a, b| a.0.total_cmp(&b.0)).unwrap().1.clone();
    click(&mut window, &first);
    assert!(shows(&window, "Samples that flip"));
    let class = first.split(',').next().unwrap();
    assert!(shows(&window, &format!("Show all classes, not {class} alone")));
    assert!(shows(&window, ": A ") && shows(&window, ", B "), "both answers are told");
    click(&mut window, "Compare classes");
    assert!(shows(&window, "Which class pays"));
}

#[test]
fn the_critical_class_is_first() {
    let mut window = with_change(sample());
    let choice = quantscope::session::CriticalChoice::Class("7".to_owned());
    window.state_mut().apply(Command::SetCritical(choice));
    settle(&mut window);
    let critical = window.get_by_label_contains("7 (critical)").rect().top();
    let others = window.query_all_by_label_contains(", B − A: ");
    assert!(others.map(|node| node.rect().top()).all(|top| top >= critical));
}

#[test]
fn tables_are_copied() {
    let mut window = with_change(sample());
    let classes = click_and_copy(&mut window, "Copy classes as CSV");
    assert!(classes.starts_with("class,samples,a_hits,b_hits"), "{classes}");
    assert_eq!(classes.lines().count(), 11);
    click_button(&mut window, "More for A / B");
    let layers = click_and_copy(&mut window, "Copy as CSV");
    assert!(layers.starts_with("layer,weights,a,b,differs,a_bytes"), "{layers}");
    assert_eq!(layers.lines().count(), 7);
    assert!(layers.contains("res.conv1,9216,int,int:bits=3,true,"), "{layers}");
}

#[test]
fn narrow_and_low_there_is_one_part_at_a_time() {
    let mut window = with_change(sized(520.0, 720.0));
    assert!(shows(&window, "res.conv1: int 8 → int 3"));
    click(&mut window, "Compare classes");
    assert!(shows(&window, "Which class pays") && !shows(&window, "res.conv1: int 8"));
    click(&mut window, "Compare samples");
    assert!(shows(&window, "Broken ") && !shows(&window, "Which class pays"));
    click(&mut window, "Compare layers");
    assert!(shows(&window, "res.conv1: int 8 → int 3"));
    let low = with_change(sized(700.0, 420.0));
    assert!(shows(&low, "B − A") && shows(&low, "res.conv1: int 8 → int 3"));
}

#[test]
fn very_wide_everything_stands_side_by_side() {
    let window = with_change(sized(2200.0, 1000.0));
    for text in ["res.conv1: int 8 → int 3", "Which class pays", "Samples that flip"] {
        assert!(shows(&window, text), "{text}");
    }
}

#[test]
fn weights_without_samples_are_compared_layer_by_layer() {
    let folder = tempfile::tempdir().unwrap();
    let values: Vec<f32> = (0..64).map(|k| (k as f32 * 0.37).sin()).collect();
    let name = "encoder.layers.11.attention.self.query_projection.weight";
    let file = FileBuilder::new().floats(name, &[8, 8], &values);
    let path = file.write(folder.path(), "m.safetensors");
    let mut window = panel_window("versus", ModelRef::Path(path));
    click_button(&mut window, "Compare with float");
    assert!(shows(&window, "float → int 8"));
    assert!(shows(&window, "No samples are open") || shows(&window, "cannot be run"));
    let none = std::path::PathBuf::from("/there/is/none.safetensors");
    assert!(shows(&panel_window("versus", ModelRef::Path(none)), "No model is open"));
}
